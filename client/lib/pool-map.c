/* SPDX-License-Identifier: MIT */
/*
 * struct mmiod_pool_map: the used extents of one pool; a
 * snapshot, owned by the program, that outlives the client.
 */
#include "internal.h"

struct mmiod_extent {
	struct mmiod_wire_extent wire;
};

struct mmiod_pool_map {
	struct list list;
};

static int finish_extent(void *item, const struct message *message)
{
	struct mmiod_extent *extent = item;

	if (!extent->wire.length || extent->wire.length > UINT64_MAX - extent->wire.offset)
		return -EPROTO;
	name_clean(extent->wire.comm, sizeof(extent->wire.comm));
	return 0;
}

static const struct list_kind kind = {
	.opcode = MMIOD_OP_POOL_MAP,
	.first = MMIOD_V1_EXTENT,
	.wire = sizeof(struct mmiod_wire_extent),
	.item = sizeof(struct mmiod_extent),
	.finish = finish_extent,
};

MMIOD_EXPORT int mmiod_client_map_pool(struct mmiod_client *client, const char *name,
				       struct mmiod_pool_map **map)
{
	int err = lease_check_region(client, name);

	*map = NULL;
	return err ? err : list_fetch(client, &kind, name, map);
}

MMIOD_EXPORT void mmiod_pool_map_free(struct mmiod_pool_map *map)
{
	list_free((struct list *)map);
}

MMIOD_EXPORT size_t mmiod_pool_map_count(const struct mmiod_pool_map *map)
{
	return map->list.count;
}

MMIOD_EXPORT const struct mmiod_extent *mmiod_pool_map_get(const struct mmiod_pool_map *map,
							   size_t index)
{
	return list_get(&map->list, index);
}

MMIOD_EXPORT uint64_t mmiod_extent_offset(const struct mmiod_extent *extent)
{
	return extent->wire.offset;
}

MMIOD_EXPORT uint64_t mmiod_extent_length(const struct mmiod_extent *extent)
{
	return extent->wire.length;
}

MMIOD_EXPORT uint64_t mmiod_extent_lease(const struct mmiod_extent *extent)
{
	return extent->wire.lease;
}

MMIOD_EXPORT uint32_t mmiod_extent_uid(const struct mmiod_extent *extent)
{
	return extent->wire.uid;
}

MMIOD_EXPORT uint32_t mmiod_extent_pid(const struct mmiod_extent *extent)
{
	return extent->wire.pid;
}

MMIOD_EXPORT const char *mmiod_extent_comm(const struct mmiod_extent *extent)
{
	return extent->wire.comm;
}
