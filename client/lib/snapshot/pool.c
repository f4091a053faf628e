/* SPDX-License-Identifier: MIT */
/*
 * struct mmiod_pool and the list of them: a snapshot, owned by the program, that outlives the
 * client.
 */
#include "snapshot/list.h"

struct mmiod_pool {
	struct mmiod_wire_pool wire;
};

LIST_OF(mmiod_pool, mmiod_pool_list)

static int finish_pool(void *item, const struct message *message)
{
	struct mmiod_pool *pool = item;

	if (!pool->wire.page || pool->wire.orders > MMIOD_WIRE_ORDERS)
		return -EPROTO;
	name_clean(pool->wire.name, sizeof(pool->wire.name));
	return 0;
}

static const struct list_kind kind = {
	.opcode = MMIOD_OP_POOLS,
	.first = MMIOD_V1_POOL,
	.wire = sizeof(struct mmiod_wire_pool),
	.item = sizeof(struct mmiod_pool),
	.finish = finish_pool,
};

MMIOD_EXPORT int mmiod_client_list_pools(struct mmiod_client *client, struct mmiod_pool_list **list)
{
	return list_fetch(client, &kind, NULL, list);
}

GETTER(const char *, mmiod_pool_name, mmiod_pool, wire.name)
GETTER(uint64_t, mmiod_pool_length, mmiod_pool, wire.length)
GETTER(uint64_t, mmiod_pool_page, mmiod_pool, wire.page)
GETTER(uint64_t, mmiod_pool_free, mmiod_pool, wire.free)
GETTER(uint64_t, mmiod_pool_largest, mmiod_pool, wire.largest)
GETTER(uint64_t, mmiod_pool_wiping, mmiod_pool, wire.wiping)
GETTER(uint32_t, mmiod_pool_leases, mmiod_pool, wire.leases)
GETTER(unsigned int, mmiod_pool_orders, mmiod_pool, wire.orders)

MMIOD_EXPORT uint64_t mmiod_pool_blocks(const struct mmiod_pool *pool, unsigned int order)
{
	return order < pool->wire.orders ? pool->wire.blocks[order] : 0;
}
