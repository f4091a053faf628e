/* SPDX-License-Identifier: MIT */
/*
 * struct mmiod_cache_info and the list of them: what programs published of their object caches; a
 * snapshot, owned by the program, that outlives the client.
 */
#include "internal.h"

struct mmiod_cache_info {
	struct mmiod_wire_published wire;
};

struct mmiod_cache_list {
	struct list list;
};

static int finish_cache(void *item, const struct message *message)
{
	struct mmiod_cache_info *info = item;

	name_clean(info->wire.comm, sizeof(info->wire.comm));
	name_clean(info->wire.cache.name, sizeof(info->wire.cache.name));
	return 0;
}

static const struct list_kind kind = {
	.opcode = MMIOD_OP_CACHES,
	.first = MMIOD_V1_PUBLISHED,
	.wire = sizeof(struct mmiod_wire_published),
	.item = sizeof(struct mmiod_cache_info),
	.finish = finish_cache,
};

MMIOD_EXPORT int mmiod_client_list_caches(struct mmiod_client *client,
					  struct mmiod_cache_list **list)
{
	return list_fetch(client, &kind, NULL, list);
}

MMIOD_EXPORT void mmiod_cache_list_free(struct mmiod_cache_list *list)
{
	list_free((struct list *)list);
}

MMIOD_EXPORT size_t mmiod_cache_list_count(const struct mmiod_cache_list *list)
{
	return list->list.count;
}

MMIOD_EXPORT const struct mmiod_cache_info *mmiod_cache_list_get(
	const struct mmiod_cache_list *list, size_t index)
{
	return list_get(&list->list, index);
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
