/* SPDX-License-Identifier: MIT */
/*
 * struct mmiod_pool and the list of them: a snapshot, owned by the program, that outlives the client.
 */
#include "internal.h"

#include <stdlib.h>

struct mmiod_pool {
	struct mmiod_wire_pool wire;
};

struct mmiod_pool_list {
	struct mmiod_pool *items;
	size_t count;
	size_t capacity;
};

static int append_pool(void *context, const struct message *message, size_t index)
{
	struct mmiod_pool_list *list = context;
	struct mmiod_pool *items, *pool;
	int err;

	items = array_slot(list->items, &list->capacity, list->count, sizeof(*items));
	if (!items)
		return -ENOMEM;
	list->items = items;
	pool = &items[list->count];
	err = message_element(message, index, &pool->wire, sizeof(pool->wire), MMIOD_V1_POOL);
	if (err)
		return err;
	if (!pool->wire.page || pool->wire.orders > MMIOD_WIRE_ORDERS)
		return -EPROTO;
	pool->wire.name[sizeof(pool->wire.name) - 1] = '\0';
	text_clean(pool->wire.name);
	list->count++;
	return 0;
}

static void reset_pools(void *context)
{
	struct mmiod_pool_list *list = context;

	list->count = 0;
}

MMIOD_EXPORT int mmiod_client_list_pools(struct mmiod_client *client, struct mmiod_pool_list **list)
{
	static const struct list_source source = { .opcode = MMIOD_OP_POOLS,
						   .append = append_pool,
						   .reset = reset_pools };
	int err;

	*list = calloc(1, sizeof(**list));
	if (!*list)
		return client_fail(client, -ENOMEM, "out of memory");
	err = list_fetch(client, &source, *list);
	if (err) {
		mmiod_pool_list_free(*list);
		*list = NULL;
	}
	return err;
}

MMIOD_EXPORT void mmiod_pool_list_free(struct mmiod_pool_list *list)
{
	if (list)
		free(list->items);
	free(list);
}

MMIOD_EXPORT size_t mmiod_pool_list_count(const struct mmiod_pool_list *list)
{
	return list->count;
}

MMIOD_EXPORT const struct mmiod_pool *mmiod_pool_list_get(const struct mmiod_pool_list *list,
							  size_t index)
{
	return index < list->count ? &list->items[index] : NULL;
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
