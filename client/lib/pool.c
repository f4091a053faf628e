/* SPDX-License-Identifier: MIT */
/*
 * struct mmiod_pool and the list of them: a snapshot,
 * owned by the program, that outlives the client.
 */
#include "internal.h"

struct mmiod_pool {
	struct mmiod_wire_pool wire;
};

struct mmiod_pool_list {
	struct list list;
};

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

MMIOD_EXPORT void mmiod_pool_list_free(struct mmiod_pool_list *list)
{
	list_free((struct list *)list);
}

MMIOD_EXPORT size_t mmiod_pool_list_count(const struct mmiod_pool_list *list)
{
	return list->list.count;
}

MMIOD_EXPORT const struct mmiod_pool *mmiod_pool_list_get(const struct mmiod_pool_list *list,
							  size_t index)
{
	return list_get(&list->list, index);
}

MMIOD_EXPORT const char *mmiod_pool_name(const struct mmiod_pool *pool)
{
	return pool->wire.name;
}

MMIOD_EXPORT uint64_t mmiod_pool_length(const struct mmiod_pool *pool)
{
	return pool->wire.length;
}

MMIOD_EXPORT uint64_t mmiod_pool_page(const struct mmiod_pool *pool)
{
	return pool->wire.page;
}

MMIOD_EXPORT uint64_t mmiod_pool_free(const struct mmiod_pool *pool)
{
	return pool->wire.free;
}

MMIOD_EXPORT uint64_t mmiod_pool_largest(const struct mmiod_pool *pool)
{
	return pool->wire.largest;
}

MMIOD_EXPORT uint64_t mmiod_pool_wiping(const struct mmiod_pool *pool)
{
	return pool->wire.wiping;
}

MMIOD_EXPORT uint32_t mmiod_pool_leases(const struct mmiod_pool *pool)
{
	return pool->wire.leases;
}

MMIOD_EXPORT unsigned int mmiod_pool_orders(const struct mmiod_pool *pool)
{
	return pool->wire.orders;
}

MMIOD_EXPORT uint64_t mmiod_pool_blocks(const struct mmiod_pool *pool, unsigned int order)
{
	return order < pool->wire.orders ? pool->wire.blocks[order] : 0;
}
