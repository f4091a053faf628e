/* SPDX-License-Identifier: MIT */
/*
 * struct mmiod_pool_map: the used extents of one pool; a snapshot, owned by the program, that
 * outlives the client.
 */
#include "lease/lease.h"
#include "snapshot/list.h"

struct mmiod_extent {
	struct mmiod_wire_extent wire;
};

LIST_OF(mmiod_extent, mmiod_pool_map)

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

GETTER(uint64_t, mmiod_extent_offset, mmiod_extent, wire.offset)
GETTER(uint64_t, mmiod_extent_length, mmiod_extent, wire.length)
GETTER(uint64_t, mmiod_extent_lease, mmiod_extent, wire.lease)
GETTER(uint32_t, mmiod_extent_uid, mmiod_extent, wire.uid)
GETTER(uint32_t, mmiod_extent_pid, mmiod_extent, wire.pid)
GETTER(const char *, mmiod_extent_comm, mmiod_extent, wire.comm)
