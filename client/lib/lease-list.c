/* SPDX-License-Identifier: MIT */
/*
 * struct mmiod_lease_info and the list of them: a snapshot,
 * owned by the program, that outlives the client.
 */
#include "internal.h"

struct mmiod_lease_info {
	struct mmiod_wire_lease wire;
	char unit[64];
};

struct mmiod_lease_list {
	struct list list;
};

static int finish_lease(void *item, const struct message *message)
{
	struct mmiod_lease_info *info = item;

	name_clean(info->wire.region, sizeof(info->wire.region));
	name_clean(info->wire.comm, sizeof(info->wire.comm));
	if (message_text(message, &info->wire.unit, info->unit, sizeof(info->unit)))
		return -EPROTO;
	return 0;
}

static const struct list_kind kind = {
	.opcode = MMIOD_OP_LEASES,
	.first = MMIOD_V1_LEASE,
	.wire = sizeof(struct mmiod_wire_lease),
	.item = sizeof(struct mmiod_lease_info),
	.finish = finish_lease,
};

MMIOD_EXPORT int mmiod_client_list_leases(struct mmiod_client *client,
					  struct mmiod_lease_list **list)
{
	return list_fetch(client, &kind, NULL, list);
}

MMIOD_EXPORT void mmiod_lease_list_free(struct mmiod_lease_list *list)
{
	list_free((struct list *)list);
}

MMIOD_EXPORT size_t mmiod_lease_list_count(const struct mmiod_lease_list *list)
{
	return list->list.count;
}

MMIOD_EXPORT const struct mmiod_lease_info *mmiod_lease_list_get(
	const struct mmiod_lease_list *list, size_t index)
{
	return list_get(&list->list, index);
}

MMIOD_EXPORT uint64_t mmiod_lease_info_id(const struct mmiod_lease_info *info)
{
	return info->wire.id;
}

MMIOD_EXPORT const char *mmiod_lease_info_region(const struct mmiod_lease_info *info)
{
	return info->wire.region;
}

MMIOD_EXPORT uint64_t mmiod_lease_info_offset(const struct mmiod_lease_info *info)
{
	return info->wire.offset;
}

MMIOD_EXPORT uint64_t mmiod_lease_info_length(const struct mmiod_lease_info *info)
{
	return info->wire.length;
}

MMIOD_EXPORT uint64_t mmiod_lease_info_started(const struct mmiod_lease_info *info)
{
	return info->wire.started;
}

MMIOD_EXPORT unsigned int mmiod_lease_info_rights(const struct mmiod_lease_info *info)
{
	return info->wire.rights;
}

MMIOD_EXPORT enum mmiod_cache mmiod_lease_info_cache(const struct mmiod_lease_info *info)
{
	return info->wire.cache;
}

MMIOD_EXPORT unsigned int mmiod_lease_info_width(const struct mmiod_lease_info *info)
{
	return info->wire.width;
}

MMIOD_EXPORT enum mmiod_share mmiod_lease_info_share(const struct mmiod_lease_info *info)
{
	return info->wire.share;
}

MMIOD_EXPORT enum mmiod_state mmiod_lease_info_state(const struct mmiod_lease_info *info)
{
	return info->wire.state;
}

MMIOD_EXPORT uint32_t mmiod_lease_info_uid(const struct mmiod_lease_info *info)
{
	return info->wire.uid;
}

MMIOD_EXPORT uint32_t mmiod_lease_info_pid(const struct mmiod_lease_info *info)
{
	return info->wire.pid;
}

MMIOD_EXPORT const char *mmiod_lease_info_comm(const struct mmiod_lease_info *info)
{
	return info->wire.comm;
}

MMIOD_EXPORT const char *mmiod_lease_info_unit(const struct mmiod_lease_info *info)
{
	return info->unit;
}

MMIOD_EXPORT uint64_t mmiod_lease_info_left_ms(const struct mmiod_lease_info *info)
{
	return info->wire.left_ms;
}

MMIOD_EXPORT uint32_t mmiod_lease_info_time_ms(const struct mmiod_lease_info *info)
{
	return info->wire.lease_ms;
}

MMIOD_EXPORT int mmiod_lease_info_renews(const struct mmiod_lease_info *info)
{
	return info->wire.lease_ms && info->wire.renew;
}

MMIOD_EXPORT uint32_t mmiod_lease_info_mappings(const struct mmiod_lease_info *info)
{
	return info->wire.mappings;
}

MMIOD_EXPORT uint64_t mmiod_lease_info_faults(const struct mmiod_lease_info *info)
{
	return info->wire.faults;
}

MMIOD_EXPORT uint64_t mmiod_lease_info_populated(const struct mmiod_lease_info *info)
{
	return info->wire.populated;
}

MMIOD_EXPORT uint64_t mmiod_lease_info_fault_leaves(const struct mmiod_lease_info *info,
						    enum mmiod_leaf_size size)
{
	return (unsigned int)size < MMIOD_LEAF_SIZES ? info->wire.fault_leaves[size] : 0;
}

MMIOD_EXPORT uint64_t mmiod_lease_info_populated_leaves(const struct mmiod_lease_info *info,
							enum mmiod_leaf_size size)
{
	return (unsigned int)size < MMIOD_LEAF_SIZES ? info->wire.populated_leaves[size] : 0;
}

MMIOD_EXPORT uint64_t mmiod_lease_info_reads(const struct mmiod_lease_info *info)
{
	return info->wire.reads;
}

MMIOD_EXPORT uint64_t mmiod_lease_info_writes(const struct mmiod_lease_info *info)
{
	return info->wire.writes;
}

MMIOD_EXPORT enum mmiod_memory mmiod_lease_info_memory(const struct mmiod_lease_info *info)
{
	return info->wire.memory;
}

MMIOD_EXPORT int mmiod_lease_info_allocated(const struct mmiod_lease_info *info)
{
	return info->wire.allocated != 0;
}
