/* SPDX-License-Identifier: MIT */
/*
 * struct mmiod_cache_info and the list of them: what programs published of their object caches; a snapshot, owned by the
 * program, that outlives the client.
 */
#include "internal.h"

#include <stdlib.h>

struct mmiod_cache_info {
	struct mmiod_wire_published wire;
};

struct mmiod_cache_list {
	struct mmiod_cache_info *items;
	size_t count;
	size_t capacity;
};

static int append_cache(void *context, const struct message *message, size_t index)
{
	struct mmiod_cache_list *list = context;
	struct mmiod_cache_info *items, *info;
	int err;

	items = array_slot(list->items, &list->capacity, list->count, sizeof(*items));
	if (!items)
		return -ENOMEM;
	list->items = items;
	info = &items[list->count];
	err = message_element(message, index, &info->wire, sizeof(info->wire), MMIOD_V1_PUBLISHED);
	if (err)
		return err;
	info->wire.comm[sizeof(info->wire.comm) - 1] = '\0';
	text_clean(info->wire.comm);
	info->wire.cache.name[sizeof(info->wire.cache.name) - 1] = '\0';
	text_clean(info->wire.cache.name);
	list->count++;
	return 0;
}

static void reset_caches(void *context)
{
	struct mmiod_cache_list *list = context;

	list->count = 0;
}

MMIOD_EXPORT int mmiod_client_list_caches(struct mmiod_client *client,
					  struct mmiod_cache_list **list)
{
	static const struct list_source source = { .opcode = MMIOD_OP_CACHES,
						   .append = append_cache,
						   .reset = reset_caches };
	int err;

	*list = calloc(1, sizeof(**list));
	if (!*list)
		return client_fail(client, -ENOMEM, "out of memory");
	err = list_fetch(client, &source, *list);
	if (err) {
		mmiod_cache_list_free(*list);
		*list = NULL;
	}
	return err;
}

MMIOD_EXPORT void mmiod_cache_list_free(struct mmiod_cache_list *list)
{
	if (list)
		free(list->items);
	free(list);
}

MMIOD_EXPORT size_t mmiod_cache_list_count(const struct mmiod_cache_list *list)
{
	return list->count;
}

MMIOD_EXPORT const struct mmiod_cache_info *mmiod_cache_list_get(
	const struct mmiod_cache_list *list, size_t index)
{
	return index < list->count ? &list->items[index] : NULL;
}

MMIOD_EXPORT const char *mmiod_cache_info_name(const struct mmiod_cache_info *info)
{
	return info->wire.cache.name;
}

MMIOD_EXPORT uint64_t mmiod_cache_info_object_size(const struct mmiod_cache_info *info)
{
	return info->wire.cache.object_size;
}

MMIOD_EXPORT uint64_t mmiod_cache_info_alignment(const struct mmiod_cache_info *info)
{
	return info->wire.cache.align;
}

MMIOD_EXPORT uint64_t mmiod_cache_info_slab_size(const struct mmiod_cache_info *info)
{
	return info->wire.cache.slab_size;
}

MMIOD_EXPORT uint32_t mmiod_cache_info_objects_per_slab(const struct mmiod_cache_info *info)
{
	return info->wire.cache.per_slab;
}

MMIOD_EXPORT uint64_t mmiod_cache_info_active(const struct mmiod_cache_info *info)
{
	return info->wire.cache.active;
}

MMIOD_EXPORT uint64_t mmiod_cache_info_objects(const struct mmiod_cache_info *info)
{
	return info->wire.cache.objects;
}

MMIOD_EXPORT uint64_t mmiod_cache_info_slabs(const struct mmiod_cache_info *info)
{
	return info->wire.cache.slabs;
}

MMIOD_EXPORT uint64_t mmiod_cache_info_bytes(const struct mmiod_cache_info *info)
{
	return info->wire.cache.bytes;
}

MMIOD_EXPORT uint64_t mmiod_cache_info_host_bytes(const struct mmiod_cache_info *info)
{
	return info->wire.cache.host_bytes;
}

MMIOD_EXPORT unsigned int mmiod_cache_info_flags(const struct mmiod_cache_info *info)
{
	return info->wire.cache.flags;
}

MMIOD_EXPORT uint32_t mmiod_cache_info_uid(const struct mmiod_cache_info *info)
{
	return info->wire.uid;
}

MMIOD_EXPORT uint32_t mmiod_cache_info_pid(const struct mmiod_cache_info *info)
{
	return info->wire.pid;
}

MMIOD_EXPORT const char *mmiod_cache_info_comm(const struct mmiod_cache_info *info)
{
	return info->wire.comm;
}
