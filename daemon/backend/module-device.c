// SPDX-License-Identifier: MIT
/*
 * Devices of the module: which functions its driver has, and the interrupts and device files that are
 * made of them.
 * What this adds to the ioctls is words: which device, why not, and what to do.
 */
#include <string.h>
#include "backend/module.h"
#include "base/util.h"
#include "machine/pci.h"

static void take_info(const struct mmiod_device_info *info, struct backend_device *device)
{
	struct pci_info pci;

	*device = (struct backend_device){
		.number = info->device,
		.state = (enum mmiod_state)info->state,
		.flags = info->flags,
		.generation = info->generation,
		.group = info->group,
		.msi_vectors = info->msi_vectors,
		.msix_vectors = info->msix_vectors,
		.set_up = info->vectors,
		.interrupt = (enum mmiod_irq_kind)info->interrupt_kind,
		.claim_error = info->claim_error,
		.mapped = info->mapped,
		.graves = info->graves,
		.resets = info->resets,
		.resets_failed = info->resets_failed,
		.reset_us = info->reset_us,
		.reasons = info->reasons,
	};
	pci_format(info->device, device->address);
	if (pci_find_slot(info->device, &pci) < 0)
		return;
	device->vendor = pci.vendor;
	device->product = pci.product;
	memcpy(device->model, pci.model, sizeof(device->model));
}

int module_next_device(struct backend *backend, uint64_t number, struct backend_device *device)
{
	struct mmiod_device_info info = { .size = sizeof(info), .cursor = number };
	int r;

	if (!container_of(backend, struct module, backend)->knows_devices)
		return -EOPNOTSUPP;
	r = module_control(backend, MMIOD_IOC_DEVICE_NEXT, &info);
	if (r == 0)
		take_info(&info, device);
	return r;
}

static int locate(const struct config_function *config, struct pci_info *pci, struct text *why)
{
	if (config->device == CONFIG_DEVICE_IDS)
		return pci_need_ids(config->vendor, config->product, pci, why);
	return pci_need_slot(config->pci, pci, why);
}

int module_find_device(struct backend *backend, const struct config_function *config,
		       struct backend_device *device, struct text *why)
{
	struct pci_info pci = { 0 };
	int r;

	if (!container_of(backend, struct module, backend)->knows_devices) {
		text_add(why, "the module is older than this daemon, and knows no interrupts: "
			      "reload it");
		return -EOPNOTSUPP;
	}
	r = locate(config, &pci, why);
	if (r < 0)
		return r;
	r = module_next_device(backend, pci.address, device);
	if (r == 0 && device->number == pci.address)
		return 0;
	if (r < 0 && r != -ENOENT)
		return r;
	module_explain_unbound(&pci, config->bind, why);
	return -ENODEV;
}

int module_create_interrupt(struct backend *backend, const struct backend_interrupt *interrupt,
			    struct backend_created *created)
{
	struct mmiod_interrupt_create create = {
		.size = sizeof(create),
		.flags = interrupt->flags,
		.device = interrupt->device,
		.owner = interrupt->owner,
		.kind = (uint32_t)interrupt->kind,
		.vector = interrupt->vector,
		.vectors = interrupt->vectors,
		.budget = interrupt->budget,
	};
	int r;

	memcpy(create.tag, interrupt->tag, sizeof(create.tag));
	r = module_control(backend, MMIOD_IOC_INTERRUPT_CREATE, &create);
	*created = (struct backend_created){ .fd = -1, .conflict = create.conflict_id };
	if (r < 0)
		return r;
	created->id = create.id;
	created->fd = create.fd;
	created->vectors = create.vectors;
	return 0;
}

/* Of an older module the ledger is empty. */
int module_next_interrupt(struct backend *backend, uint64_t id, struct backend_ledger *entry)
{
	struct mmiod_interrupt_info info = { .size = sizeof(info), .id = id };
	int r;

	if (!container_of(backend, struct module, backend)->knows_devices)
		return -ENOENT;
	r = module_control(backend, MMIOD_IOC_INTERRUPT_NEXT, &info);
	if (r < 0)
		return r;
	*entry = (struct backend_ledger){
		.id = info.id,
		.kind = MMIOD_KIND_INTERRUPT,
		.vector = {
			.device = info.device,
			.kind = (enum mmiod_irq_kind)info.kind,
			.vector = info.vector,
			.flags = info.flags,
			.irq = info.irq,
			.storms = info.storms,
			.count = info.count,
			.busy_ns = info.busy_ns,
		},
		.window.rights = MMIOD_RIGHT_READ,
		.state = (enum mmiod_state)info.state,
	};
	memcpy(entry->window.tag, info.tag, sizeof(info.tag));
	return 0;
}

int module_open_device(struct backend *backend, const struct backend_operation *operation,
		       struct backend_created *created)
{
	struct mmiod_device_open open = {
		.size = sizeof(open),
		.rights = operation->rights,
		.device = operation->device,
		.owner = operation->owner,
		.flags = operation->flags,
		.dma_bits = operation->dma_bits,
	};
	int r;

	memcpy(open.tag, operation->tag, sizeof(open.tag));
	r = module_control(backend, MMIOD_IOC_DEVICE_OPEN, &open);
	*created = (struct backend_created){ .fd = -1, .conflict = open.conflict_id };
	if (r < 0)
		return r;
	created->id = open.id;
	created->fd = open.fd;
	return 0;
}

/* Of an older module the ledger is empty: one that knows devices may not know their files yet. */
int module_next_operation(struct backend *backend, uint64_t id, struct backend_ledger *entry)
{
	struct mmiod_device_file_info info = { .size = sizeof(info), .id = id };
	int r;

	if (!container_of(backend, struct module, backend)->knows_devices)
		return -ENOENT;
	r = module_control(backend, MMIOD_IOC_DEVICE_FILE_NEXT, &info);
	if (r < 0)
		return r == -ENOTTY ? -ENOENT : r;
	*entry = (struct backend_ledger){
		.id = info.id,
		.kind = MMIOD_KIND_DEVICE,
		.operated = {
			.device = info.device,
			.rights = info.rights,
			.flags = info.flags,
		},
		.window.rights = MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE,
		.state = (enum mmiod_state)info.state,
	};
	memcpy(entry->window.tag, info.tag, sizeof(info.tag));
	return 0;
}
