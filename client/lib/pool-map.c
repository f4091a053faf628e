/* SPDX-License-Identifier: MIT */
/*
 * struct mmiod_pool_map: the used extents of one pool; a snapshot, owned by the program, that outlives the client.
 */
#include "internal.h"

#include <stdlib.h>

struct mmiod_extent {
	struct mmiod_wire_extent wire;
};

struct mmiod_pool_map {
	struct mmiod_extent *items;
	size_t count;
	size_t capacity;
};

static int append_extent(void *context, const struct message *message, size_t index)
{
	struct mmiod_extent *items, *extent;
	struct mmiod_pool_map *map = context;
	int err;

	items = array_slot(map->items, &map->capacity, map->count, sizeof(*items));
	if (!items)
		return -ENOMEM;
	map->items = items;
	extent = &items[map->count];
	err = message_element(message, index, &extent->wire, sizeof(extent->wire), MMIOD_V1_EXTENT);
	if (err)
		return err;
	if (!extent->wire.length || extent->wire.length > UINT64_MAX - extent->wire.offset)
		return -EPROTO;
	extent->wire.comm[sizeof(extent->wire.comm) - 1] = '\0';
	text_clean(extent->wire.comm);
	map->count++;
	return 0;
}

static void reset_extents(void *context)
{
	struct mmiod_pool_map *map = context;

	map->count = 0;
}

MMIOD_EXPORT int mmiod_client_map_pool(struct mmiod_client *client, const char *name,
				       struct mmiod_pool_map **map)
{
	struct list_source source = { .opcode = MMIOD_OP_POOL_MAP,
				      .region = name,
				      .append = append_extent,
				      .reset = reset_extents };
	int err;

	*map = NULL;
	err = lease_check_region(client, name);
	if (err)
		return err;
	*map = calloc(1, sizeof(**map));
	if (!*map)
		return client_fail(client, -ENOMEM, "out of memory");
	err = list_fetch(client, &source, *map);
	if (err) {
		mmiod_pool_map_free(*map);
		*map = NULL;
	}
	return err;
}

MMIOD_EXPORT void mmiod_pool_map_free(struct mmiod_pool_map *map)
{
	if (map)
		free(map->items);
	free(map);
}

MMIOD_EXPORT size_t mmiod_pool_map_count(const struct mmiod_pool_map *map)
{
	return map->count;
}

MMIOD_EXPORT const struct mmiod_extent *mmiod_pool_map_get(const struct mmiod_pool_map *map,
							   size_t index)
{
	return index < map->count ? &map->items[index] : NULL;
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
