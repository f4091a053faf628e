// SPDX-License-Identifier: MIT
/*
 * The lists of devices: which there are, and which of their vectors are leased. A client with the
 * inspect right sees all; others see the devices that a grant gives them something of, and the
 * vectors of their own uid.
 */
#include <string.h>
#include "request/pager.h"
#include "request/request.h"

/* ---- DEVICES --------------------------------------------------------------------------------- */

static const void *next_device(const struct call *call, uint64_t cursor, bool all)
{
	return device_after(&call->broker->devices, cursor);
}

static uint64_t device_id(const void *item)
{
	const struct device *device = item;

	return device->vectors.id;
}

static bool shows_device(const struct call *call, const void *item, bool all)
{
	return call_may_see_device(call, item, all);
}

/* What may change by itself is asked of the backend; of one that has just gone it is as it was. */
static void fill_now(const struct call *call, const struct device *device,
		     struct mmiod_wire_device *out)
{
	struct backend *backend = call->broker->backend;
	struct backend_device now = device->hw;

	if (device->vectors.claimed &&
	    backend->ops->next_device(backend, device->hw.number, &now) == 0 &&
	    now.number != device->hw.number)
		now = device->hw;
	out->flags = now.flags;
	out->generation = now.generation;
	out->group = now.group;
	out->set_up = now.set_up;
	out->resets = now.resets;
	out->resets_failed = now.resets_failed;
	out->mapped = now.mapped;
	out->graves = now.graves;
	out->reset_us = now.reset_us;
	out->reasons = now.reasons;
	if (device->vectors.claimed && !device->vectors.stale)
		out->state = now.state;
}

/* Who it is that operates the device is for who may inspect, and for himself. */
static void fill_operator(const struct call *call, const struct device *device,
			  struct mmiod_wire_device *out, bool all)
{
	const struct lease *lease = device_operator(device);

	out->operator_uid = UINT32_MAX;
	if (!lease || !lease->id)
		return;
	out->operator= lease->id;
	if (!all && !call_holds(call, lease))
		return;
	out->operator_uid = lease->holder.uid;
	out->operator_pid = lease->holder.pid;
	memcpy(out->operator_comm, lease->holder.comm, sizeof(out->operator_comm));
}

static void fill_device(const struct call *call, const void *item, void *element, bool all)
{
	const struct device *device = item;
	struct mmiod_wire_device *out = element;
	const struct config_function *config = device->config;

	out->id = device->vectors.id;
	memcpy(out->name, device->vectors.name, sizeof(device->vectors.name));
	snprintf(out->address, sizeof(out->address), "%s", device->hw.address);
	out->state = region_state(&device->vectors);
	fill_now(call, device, out);
	out->interrupt = device->interrupt;
	out->vectors = device->n_vectors;
	out->leases = device->vectors.n_leases;
	out->storms = device->storms;
	fill_operator(call, device, out, all);
	out->vendor = device->hw.vendor;
	out->product = device->hw.product;
	if (!config)
		return;
	out->trusted = config->dma == CONFIG_DMA_TRUSTED;
	out->dma = config->dma;
	out->dma_bits = config->dma_bits ? config->dma_bits : 32;
	out->reset = config->reset;
	out->rights = policy_device_rights(config, &call->connection->peer.subject);
}

static void add_device_texts(struct call *call, const void *item, void *element, const void *before)
{
	const struct device *device = item;
	struct mmiod_wire_device *out = element;

	if (device->hw.model[0])
		out->model = reply_text(call->reply, "%s", device->hw.model);
	if (!device->vectors.claimed && call_may_inspect(call))
		out->missing = reply_text(call->reply, "%s", device->vectors.missing);
}

enum request_result request_devices(struct call *call)
{
	static const struct pager pager = {
		.stride = sizeof(struct mmiod_wire_device),
		.work = 1 + WORK_IOCTL,
		.next = next_device,
		.id = device_id,
		.shows = shows_device,
		.fill = fill_device,
		.text = add_device_texts,
	};

	events_drain(call->broker);
	return pager_reply(call, &pager);
}

/* ---- INTERRUPTS ------------------------------------------------------------------------------ */

static bool shows_vector(const struct call *call, const void *item, bool all)
{
	const struct lease *lease = item;

	return lease->kind == MMIOD_KIND_INTERRUPT && (all || call_holds(call, lease));
}

static void fill_vector(const struct call *call, const void *item, void *element, bool all)
{
	const struct lease *lease = item;
	struct mmiod_wire_vector *out = element;
	struct backend *backend = call->broker->backend;
	struct backend_ledger entry;

	out->id = lease->id;
	memcpy(out->device, lease->region->name, sizeof(lease->region->name));
	out->started = clock_since_1970(lease->started_ms);
	out->interrupt = device_of(lease->region)->interrupt;
	out->vector = (uint32_t)lease->offset;
	out->state = lease->state;
	out->uid = lease->holder.uid;
	out->pid = lease->holder.pid;
	memcpy(out->comm, lease->holder.comm, sizeof(out->comm));
	if (backend->ops->next_interrupt(backend, lease->id - 1, &entry) < 0 ||
	    entry.id != lease->id)
		return;
	out->interrupt = entry.vector.kind;
	out->count = entry.vector.count;
	out->busy_ns = entry.vector.busy_ns;
	out->flags = entry.vector.flags;
	out->storms = entry.vector.storms;
	out->irq = entry.vector.irq;
}

enum request_result request_interrupts(struct call *call)
{
	static const struct pager pager = {
		.stride = sizeof(struct mmiod_wire_vector),
		.work = 1 + WORK_IOCTL,
		.next = pager_next_lease,
		.id = pager_lease_id,
		.shows = shows_vector,
		.fill = fill_vector,
	};

	events_drain(call->broker);
	return pager_reply(call, &pager);
}
