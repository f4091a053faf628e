// SPDX-License-Identifier: MIT
/*
 * Devices as a whole: brings what is known of them in line with what the configuration says, and
 * with what is there. Nothing is claimed for it: the module's driver has a function or has not. A
 * device whose vectors are leased stays what it was until the last of these leases has ended; it is
 * stale meanwhile, if the configuration means another one, and grants nothing new.
 *
 * A device may go whenever it has been settled; code that works with it meanwhile pins it.
 */
#include <inttypes.h>
#include <string.h>
#include "base/log.h"
#include "broker/broker.h"
#include "machine/pci.h"

/* ---- what it has ----------------------------------------------------------------------------- */

static enum mmiod_irq_kind kind_of(const struct config_function *config,
				   const struct backend_device *hw)
{
	switch (config_best_interrupts(config)) {
	case CONFIG_INTERRUPTS_INTX:
		return MMIOD_IRQ_INTX;
	case CONFIG_INTERRUPTS_MSI:
		return MMIOD_IRQ_MSI;
	case CONFIG_INTERRUPTS_MSIX:
		return MMIOD_IRQ_MSIX;
	case CONFIG_INTERRUPTS_AUTO:
		return hw->msix_vectors	 ? MMIOD_IRQ_MSIX
		       : hw->msi_vectors ? MMIOD_IRQ_MSI
					 : MMIOD_IRQ_INTX;
	default:
		return MMIOD_IRQ_DEFAULT;
	}
}

/* As many as are to be set up, and no more than the function can have. */
static uint32_t count_vectors(const struct config_function *config, const struct backend_device *hw,
			      enum mmiod_irq_kind kind)
{
	uint32_t wanted = config->vectors ? config->vectors : 1;
	uint32_t most = kind == MMIOD_IRQ_MSIX		  ? hw->msix_vectors
			: kind == MMIOD_IRQ_MSI		  ? hw->msi_vectors
			: hw->flags & MMIOD_FUNCTION_INTX ? 1
							  : 0;

	if (!kind)
		return 0;
	return wanted < most ? wanted : most;
}

/* ---- is it there ----------------------------------------------------------------------------- */

/* As the backend sees it now; in doubt it is there. */
bool device_is_there(struct broker *broker, const struct device *device)
{
	struct backend_device hw;
	int r;

	if (!device->vectors.claimed)
		return false;
	r = broker->backend->ops->next_device(broker->backend, device->hw.number, &hw);
	if (r == 0)
		return hw.number == device->hw.number && hw.state != MMIOD_STATE_REVOKED;
	return r != -ENOENT;
}

static void miss(struct device *device, int error, struct text *why)
{
	struct log_fields fields = { .message_id = LOG_ID_CONFIG, .region = device->vectors.name };
	struct region *vectors = &device->vectors;

	if (!why->length)
		text_set(why, "%s", strerror(-error));
	if (strcmp(vectors->missing, why->data))
		log_line(LOG_WARNING, &fields, "device %s is missing: %s", vectors->name,
			 why->data);
	snprintf(vectors->missing, sizeof(vectors->missing), "%s", why->data);
	vectors->claimed = false;
	device->interrupt = MMIOD_IRQ_DEFAULT;
	device->n_vectors = 0;
}

static void take(struct device *device, const struct backend_device *hw)
{
	bool there = device->vectors.claimed && device->hw.number == hw->number;

	device->hw = *hw;
	if (!there) {
		device->reset_us = hw->reset_us;
		device->masters = hw->flags & MMIOD_FUNCTION_MASTER;
	}
	device->vectors.claimed = true;
	device->vectors.stale = false;
	device->vectors.missing[0] = '\0';
	device->vectors.hw.state = hw->state;
	snprintf(device->vectors.hw.device, sizeof(device->vectors.hw.device), "%s", hw->address);
	device->interrupt = kind_of(device->config, hw);
	device->n_vectors = count_vectors(device->config, hw, device->interrupt);
	if (!there)
		log_info("device %s: %s, interrupts: %u", device->vectors.name, hw->address,
			 device->n_vectors);
}

/* ---- as configured --------------------------------------------------------------------------- */

static bool is_used(const struct device *device)
{
	return device->vectors.tallies[MMIOD_MEMORY_REGION].leases > 0;
}

/* Leases keep what they are of. */
static void look_whether_stale(struct device *device, const struct backend_device *hw)
{
	device->vectors.stale =
		device->hw.number != hw->number || kind_of(device->config, hw) != device->interrupt;
	if (device->vectors.stale)
		return;
	device->hw = *hw;
	device->n_vectors = count_vectors(device->config, hw, device->interrupt);
}

static void look(struct broker *broker, struct device *device)
{
	char buffer[TEXT_MAX] = "";
	struct text why = TEXT_ON(buffer);
	struct backend_device hw = { 0 };
	int r;

	text_reset(&why);
	turn_spend(&broker->host, WORK_WINDOW);
	r = broker->backend->ops->find_device(broker->backend, device->config, &hw, &why);
	if (device->vectors.claimed && is_used(device)) {
		if (r == 0)
			look_whether_stale(device, &hw);
		return;
	}
	if (r < 0)
		miss(device, r, &why);
	else
		take(device, &hw);
	wakeup_note_end(broker, &device->vectors);
}

/* It may be gone afterwards, unless it is pinned. */
void device_settle(struct broker *broker, struct device *device)
{
	device->vectors.reloaded = REGION_SETTLED;
	if (device->config) {
		look(broker, device);
		return;
	}
	device->vectors.stale = device->vectors.claimed;
	if (!device->vectors.n_leases && !device->vectors.pins)
		device_remove(&broker->devices, device);
}

/* After a lease of it has ended. */
void device_freed(struct broker *broker, struct device *device)
{
	if (is_used(device))
		return;
	if (device->vectors.reloaded || device->vectors.stale ||
	    (!device->config && !device->vectors.n_leases))
		device_settle(broker, device);
}

/* One that a reload has yet to see to is seen to. NULL: there is none. */
struct device *device_find_settled(struct broker *broker, const char *name)
{
	struct device *device = device_find(&broker->devices, name);

	if (!device || device->vectors.reloaded == REGION_SETTLED)
		return device;
	device_settle(broker, device);
	return device_find(&broker->devices, name);
}

/* Points them to the configuration in force; what becomes of them is settled later. */
void devices_link(struct broker *broker)
{
	const struct config *config = broker->config;
	struct device *device;

	for (device = broker->devices.table; device; device = device->hh.next) {
		device->config = config_find_function(config, device->vectors.name);
		device->vectors.reloaded = REGION_UNSEEN;
	}
	for (size_t i = 0; i < config->n_functions; i++) {
		const char *name = config->functions[i]->name;

		if (device_find(&broker->devices, name))
			continue;
		device = device_add(&broker->devices, &broker->regions, name);
		if (!device) {
			log_error("device %s: out of memory", name);
			continue;
		}
		device->config = config->functions[i];
		device->vectors.reloaded = REGION_UNSEEN;
	}
}

/* The configuration or a device is another. */
void devices_claim(struct broker *broker)
{
	struct device *device, *next;

	HASH_ITER(hh, broker->devices.table, device, next) {
		device_settle(broker, device);
	}
}

/* ---- what happens to it ---------------------------------------------------------------------- */

/* It was removed or unbound; what becomes of its leases is the caller's to say. */
void device_gone(struct broker *broker, struct device *device)
{
	struct region *vectors = &device->vectors;
	struct log_fields fields = {
		.message_id = LOG_ID_GONE,
		.region = vectors->name,
		.device = device->hw.address,
	};

	vectors->claimed = vectors->stale = false;
	device->n_vectors = 0;
	snprintf(vectors->missing, sizeof(vectors->missing), "%s has gone", device->hw.address);
	log_line(LOG_NOTICE, &fields, "device %s: %s has gone; leases: %u", vectors->name,
		 device->hw.address, vectors->n_leases);
	notice_region(broker, MMIOD_NOTICE_GONE, vectors, vectors->missing);
}

/* ---- from the backend ------------------------------------------------------------------------ */

/*
 * The device of an interrupt or a device file in the ledger. One that is no longer configured lasts
 * as long as its leases, by the name that everybody can find it by. NULL: out of memory.
 */
struct device *device_adopt(struct broker *broker, uint64_t number)
{
	struct device *device = device_by_number(&broker->devices, number);
	char address[MMIOD_WIRE_NAME];

	if (device)
		return device;
	pci_format(number, address);
	device = device_find(&broker->devices, address);
	if (!device)
		device = device_add(&broker->devices, &broker->regions, address);
	if (!device)
		return NULL;
	device->hw = (struct backend_device){ .number = number, .group = MMIOD_GROUP_NONE };
	memcpy(device->hw.address, address, sizeof(address));
	device->vectors.claimed = device->vectors.stale = true;
	return device;
}
