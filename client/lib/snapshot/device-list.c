/* SPDX-License-Identifier: MIT */
/*
 * struct mmiod_device and the list of them: a snapshot, owned by the program, that outlives the
 * client.
 */
#include "snapshot/list.h"

struct mmiod_device {
	struct mmiod_wire_device wire;
	char model[96];
	char missing[384];
};

LIST_OF(mmiod_device, mmiod_device_list)

static int finish_device(void *item, const struct message *message)
{
	struct mmiod_device *device = item;

	name_clean(device->wire.name, sizeof(device->wire.name));
	name_clean(device->wire.address, sizeof(device->wire.address));
	name_clean(device->wire.operator_comm, sizeof(device->wire.operator_comm));
	if (message_text(message, &device->wire.model, device->model, sizeof(device->model)) ||
	    message_text(message, &device->wire.missing, device->missing, sizeof(device->missing)))
		return -EPROTO;
	return 0;
}

static const struct list_kind kind = {
	.opcode = MMIOD_OP_DEVICES,
	.first = MMIOD_V1_DEVICE,
	.wire = sizeof(struct mmiod_wire_device),
	.item = sizeof(struct mmiod_device),
	.finish = finish_device,
};

MMIOD_EXPORT int mmiod_client_list_devices(struct mmiod_client *client,
					   struct mmiod_device_list **list)
{
	return list_fetch(client, &kind, NULL, list);
}

GETTER(const char *, mmiod_device_name, mmiod_device, wire.name)
GETTER(const char *, mmiod_device_address, mmiod_device, wire.address)
GETTER(const char *, mmiod_device_model, mmiod_device, model)
GETTER(const char *, mmiod_device_missing, mmiod_device, missing)
GETTER(uint16_t, mmiod_device_vendor, mmiod_device, wire.vendor)
GETTER(uint16_t, mmiod_device_product, mmiod_device, wire.product)
GETTER(enum mmiod_state, mmiod_device_state, mmiod_device, wire.state)
GETTER(unsigned int, mmiod_device_rights, mmiod_device, wire.rights)
GETTER(enum mmiod_irq_kind, mmiod_device_interrupt, mmiod_device, wire.interrupt)
GETTER(unsigned int, mmiod_device_vectors, mmiod_device, wire.vectors)
GETTER(unsigned int, mmiod_device_vectors_set_up, mmiod_device, wire.set_up)
GETTER(unsigned int, mmiod_device_leases, mmiod_device, wire.leases)
GETTER(uint64_t, mmiod_device_storms, mmiod_device, wire.storms)

GETTER(uint64_t, mmiod_device_operator, mmiod_device, wire.operator)
GETTER(uint32_t, mmiod_device_operator_pid, mmiod_device, wire.operator_pid)
GETTER(const char *, mmiod_device_operator_comm, mmiod_device, wire.operator_comm)
GETTER(unsigned int, mmiod_device_resets, mmiod_device, wire.resets)
GETTER(unsigned int, mmiod_device_resets_failed, mmiod_device, wire.resets_failed)
GETTER(uint64_t, mmiod_device_mapped, mmiod_device, wire.mapped)
GETTER(uint64_t, mmiod_device_graves, mmiod_device, wire.graves)
GETTER(unsigned int, mmiod_device_dma_bits, mmiod_device, wire.dma_bits)
GETTER(uint64_t, mmiod_device_reset_us, mmiod_device, wire.reset_us)

/* A daemon that does not know of operators says 0 for all that concerns them. */
MMIOD_EXPORT uint32_t mmiod_device_operator_uid(const struct mmiod_device *device)
{
	return device->wire.operator? device->wire.operator_uid : UINT32_MAX;
}

MMIOD_EXPORT int mmiod_device_quiet(const struct mmiod_device *device)
{
	return (device->wire.flags & MMIOD_FUNCTION_QUIET) != 0;
}

MMIOD_EXPORT int mmiod_device_sleeps(const struct mmiod_device *device)
{
	return (device->wire.reasons & MMIOD_REASON_POWER) != 0;
}

MMIOD_EXPORT int mmiod_device_trusted(const struct mmiod_device *device)
{
	return device->wire.trusted != 0;
}

/* A daemon that knows no other kind says only that it is trusted. */
MMIOD_EXPORT enum mmiod_dma mmiod_device_dma(const struct mmiod_device *device)
{
	return device->wire.trusted ? MMIOD_DMA_TRUSTED : (enum mmiod_dma)device->wire.dma;
}

MMIOD_EXPORT int mmiod_device_isolated(const struct mmiod_device *device)
{
	return (device->wire.flags & MMIOD_FUNCTION_ISOLATED) != 0;
}

MMIOD_EXPORT int mmiod_device_masters(const struct mmiod_device *device)
{
	return (device->wire.flags & MMIOD_FUNCTION_MASTER) != 0;
}

MMIOD_EXPORT int mmiod_device_group(const struct mmiod_device *device)
{
	return device->wire.group == MMIOD_GROUP_NONE ? -1 : (int)device->wire.group;
}
