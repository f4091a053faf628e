/* SPDX-License-Identifier: MIT */
/*
 * struct mmiod_cache_info and the list of them: what programs published of their object caches; a
 * snapshot, owned by the program, that outlives the client.
 */
#include "snapshot/list.h"

struct mmiod_cache_info {
	struct mmiod_wire_published wire;
};

LIST_OF(mmiod_cache_info, mmiod_cache_list)

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

GETTER(const char *, mmiod_cache_info_name, mmiod_cache_info, wire.cache.name)
GETTER(uint64_t, mmiod_cache_info_object_size, mmiod_cache_info, wire.cache.object_size)
GETTER(uint64_t, mmiod_cache_info_alignment, mmiod_cache_info, wire.cache.align)
GETTER(uint64_t, mmiod_cache_info_slab_size, mmiod_cache_info, wire.cache.slab_size)
GETTER(uint32_t, mmiod_cache_info_objects_per_slab, mmiod_cache_info, wire.cache.per_slab)
GETTER(uint64_t, mmiod_cache_info_active, mmiod_cache_info, wire.cache.active)
GETTER(uint64_t, mmiod_cache_info_objects, mmiod_cache_info, wire.cache.objects)
GETTER(uint64_t, mmiod_cache_info_slabs, mmiod_cache_info, wire.cache.slabs)
GETTER(uint64_t, mmiod_cache_info_bytes, mmiod_cache_info, wire.cache.bytes)
GETTER(uint64_t, mmiod_cache_info_host_bytes, mmiod_cache_info, wire.cache.host_bytes)
GETTER(unsigned int, mmiod_cache_info_flags, mmiod_cache_info, wire.cache.flags)
GETTER(uint32_t, mmiod_cache_info_uid, mmiod_cache_info, wire.uid)
GETTER(uint32_t, mmiod_cache_info_pid, mmiod_cache_info, wire.pid)
GETTER(const char *, mmiod_cache_info_comm, mmiod_cache_info, wire.comm)
