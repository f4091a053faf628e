/* SPDX-License-Identifier: MIT */
/*
 * struct mmiod_lease_info and the list of them: a snapshot, owned by the program, that outlives the client.
 */
#include "internal.h"

#include <stdlib.h>

struct mmiod_lease_info {
	struct mmiod_wire_lease wire;
};

struct mmiod_lease_list {
	struct mmiod_lease_info *items;
	size_t count;
	size_t capacity;
};

static int append_lease(void *context, const struct message *message, size_t index)
{
	struct mmiod_lease_list *list = context;
	struct mmiod_lease_info *items, *info;
	int err;

	items = array_slot(list->items, &list->capacity, list->count, sizeof(*items));
	if (!items)
		return -ENOMEM;
	list->items = items;
	info = &items[list->count];
	err = message_element(message, index, &info->wire, sizeof(info->wire), MMIOD_V1_LEASE);
	if (err)
		return err;
	info->wire.region[sizeof(info->wire.region) - 1] = '\0';
	info->wire.comm[sizeof(info->wire.comm) - 1] = '\0';
	text_clean(info->wire.region);
	text_clean(info->wire.comm);
	list->count++;
	return 0;
}

static void reset_leases(void *context)
{
	struct mmiod_lease_list *list = context;

	list->count = 0;
}

MMIOD_EXPORT int mmiod_client_list_leases(struct mmiod_client *client,
					  struct mmiod_lease_list **list)
{
	static const struct list_source source = { .opcode = MMIOD_OP_LEASES,
						   .append = append_lease,
						   .reset = reset_leases };
	int err;

	*list = calloc(1, sizeof(**list));
	if (!*list)
		return client_fail(client, -ENOMEM, "out of memory");
	err = list_fetch(client, &source, *list);
	if (err) {
		mmiod_lease_list_free(*list);
		*list = NULL;
	}
	return err;
}

MMIOD_EXPORT void mmiod_lease_list_free(struct mmiod_lease_list *list)
{
	if (list)
		free(list->items);
	free(list);
}

MMIOD_EXPORT size_t mmiod_lease_list_count(const struct mmiod_lease_list *list)
{
	return list->count;
}

MMIOD_EXPORT const struct mmiod_lease_info *mmiod_lease_list_get(
	const struct mmiod_lease_list *list, size_t index)
{
	return index < list->count ? &list->items[index] : NULL;
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
