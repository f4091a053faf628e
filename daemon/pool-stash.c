// SPDX-License-Identifier: MIT
/*
 * The stash where it meets the index. The ways in and out that need no index are in the header.
 */
#include "pool-stash.h"

void pool_stash_init(struct pool *pool)
{
	for (unsigned int order = 0; order < STASH_ORDERS; order++) {
		struct pool_stash *stash = &pool->stash[order];

		stash->order = order;
		stash->first_slot = 1 + order * STASH_ENTRIES;
		stash->level = order / LEVEL_ORDERS;
		stash->unit_shift = stash->level * LEVEL_ORDERS;
		stash->run = bits_mask(1u << (order % LEVEL_ORDERS));
		stash->words = pool->level[stash->level].words;
		stash->marks = pool->level[stash->level].marks;
	}
	if (!(pool->flags & (POOL_EAGER | POOL_LOWEST)))
		pool->stash_max = 1ull << (STASH_ORDERS - 1) << pool->page_shift;
}

/* The index learns of everything in the word of an entry that leaves the stash. The word may be full by now. */
void pool_stash_forget(struct pool *pool, const struct pool_stash *stash, uint64_t unit)
{
	if (stash->marks[unit >> WORD_SHIFT] > MARK_ORDERS)
		pool_words_give(pool, stash->level, unit >> WORD_SHIFT, 0);
}

void pool_stash_make_room(struct pool *pool, struct pool_stash *stash)
{
	pool_stash_forget(pool, stash, stash->unit[stash->oldest++ % STASH_ENTRIES]);
}

/* The page of the newest block that is still one, or NOWHERE. Whatever else is in its word becomes known to the index. */
uint64_t pool_stash_pop(struct pool *pool, struct pool_stash *stash)
{
	while (stash->newest != stash->oldest) {
		uint64_t unit = stash->unit[--stash->newest % STASH_ENTRIES];
		uint64_t *word = &stash->words[unit >> WORD_SHIFT],
			 mask = stash->run << (unit % WORD_BITS);

		if ((*word & mask) == mask) {
			*word &= ~mask;
			word_sync(pool, stash->level, unit >> WORD_SHIFT);
			return unit << stash->unit_shift;
		}
		pool_stash_forget(pool, stash, unit);
	}
	return NOWHERE;
}

/* Empties the stash: from here on the index knows all that is free. */
void pool_settle(struct pool *pool)
{
	for (unsigned int order = 0; order < STASH_ORDERS; order++) {
		struct pool_stash *stash = &pool->stash[order];

		while (stash->newest != stash->oldest)
			pool_stash_forget(pool, stash,
					  stash->unit[--stash->newest % STASH_ENTRIES]);
	}
}

bool pool_is_settled(const struct pool *pool)
{
	for (unsigned int order = 0; order < STASH_ORDERS; order++)
		if (pool->stash[order].newest != pool->stash[order].oldest)
			return false;
	return true;
}
