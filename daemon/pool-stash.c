// SPDX-License-Identifier: MIT
/*
 * The stash where it meets the index. The ways in and out that need no index are in the header.
 */
#include "pool-stash.h"

void pool_stash_init(struct pool *pool)
{
	for (unsigned int order = 0; order < STASH_ORDERS; order++) {
		struct pool_stash *stash = &pool->stash[order];

		stash->level = order / LEVEL_ORDERS;
		stash->run = bits_mask(1u << (order % LEVEL_ORDERS));
		stash->words = pool->level[stash->level].words;
		stash->marks = pool->level[stash->level].marks[0];
		stash->below = stash->level ? ~0ull : 0;
		stash->pages = 1ull << order;
		stash->length = stash->pages << pool->page_shift;
		stash->unit_shift = pool->page_shift + stash->level * LEVEL_ORDERS;
		if (!(pool->flags & (POOL_EAGER | POOL_LOWEST)) && stash->length <= pool->size)
			pool->stash_max = stash->length;
	}
}

/*
 * An entry leaves the stash: the index learns of it,
 * if it does not know and is not about to. Returns 0.
 */
int pool_stash_drop(struct pool *pool, const struct pool_stash *stash, uint64_t unit)
{
	uint64_t j = unit >> WORD_SHIFT;

	if ((stash->marks[j] & (MARK_STASHED | MARK_LATE)) == MARK_STASHED)
		index_settle(pool, stash->level, j);
	return 0;
}

/* The page of the youngest block that is one still, or NOWHERE. */
uint64_t pool_stash_pop(struct pool *pool, struct pool_stash *stash)
{
	while (!stash_is_empty(stash)) {
		uint64_t unit = stash_newest(stash), j = unit >> WORD_SHIFT;
		uint64_t mask = stash->run << (unit % WORD_BITS), left = stash->words[j] ^ mask;

		stash->newest--;
		if (!(left & mask)) {
			stash_taken(pool, stash, j, left);
			return unit << (stash->level * LEVEL_ORDERS);
		}
		pool_stash_drop(pool, stash, unit);
	}
	return NOWHERE;
}

/* Empties the stash: from here on the index knows all that is free. */
void pool_settle(struct pool *pool)
{
	for (unsigned int order = 0; order < STASH_ORDERS; order++) {
		struct pool_stash *stash = &pool->stash[order];

		for (; !stash_is_empty(stash); stash->newest--)
			pool_stash_drop(pool, stash, stash_newest(stash));
	}
	index_settle_late(pool);
}

bool pool_is_settled(const struct pool *pool)
{
	for (unsigned int order = 0; order < STASH_ORDERS; order++)
		if (!stash_is_empty(&pool->stash[order]))
			return false;
	return pool->n_settled == pool->n_late;
}
