/* SPDX-License-Identifier: MIT */
/*
 * The stash of a pool: blocks of one order that were freed lately.
 *
 * Their bits are set, so they count as free to every check, but the index is not told until the
 * entry is pushed out by younger ones, or something fails to be found. A request for the same order
 * takes the youngest back at the price of a bit.
 *
 * An entry says where such a block was. It is one still if all of its bits are set, whatever has
 * been done meanwhile. As long as a word is MARK_STASHED, an entry younger than what the index
 * knows of the word is there to say so, and whoever takes the entry out sees to the word.
 */
#ifndef MMIOD_DAEMON_POOL_STASH_H
#define MMIOD_DAEMON_POOL_STASH_H

#include "pool-index.h"

void pool_stash_init(struct pool *pool);
int pool_stash_drop(struct pool *pool, const struct pool_stash *stash, uint64_t unit);
uint64_t pool_stash_pop(struct pool *pool, struct pool_stash *stash);

static inline bool stash_is_empty(const struct pool_stash *stash)
{
	return stash->newest == stash->oldest;
}

/* The youngest entry; not that there is one. */
static inline uint64_t stash_newest(const struct pool_stash *stash)
{
	return stash->unit[(stash->newest - 1) % STASH_ENTRIES];
}

/* An entry was taken out to be granted, and this is left of its word. Returns 0. */
static inline int stash_taken(struct pool *pool, const struct pool_stash *stash, uint64_t j,
			      uint64_t left)
{
	uint8_t *mark = &stash->marks[j];

	stash->words[j] = left;
	/* As the index has it. */
	if (!left && !(*mark & MARK_ORDERS)) {
		*mark &= (uint8_t)~MARK_STASHED;
		return 0;
	}
	return *mark & MARK_LATE ? 0 : index_put_off(pool, stash->level, j);
}

/* A block returns, whose bits are clear. Returns 0. */
static inline int stash_push(struct pool *pool, struct pool_stash *stash, uint64_t unit,
			     uint64_t mask)
{
	uint32_t newest = stash->newest++;
	uint64_t oldest = stash->unit[newest % STASH_ENTRIES];

	stash->unit[newest % STASH_ENTRIES] = unit;
	stash->words[unit >> WORD_SHIFT] |= mask;
	stash->marks[unit >> WORD_SHIFT] |= MARK_STASHED;
	pool->free_pages += stash->pages;
	if (newest - stash->oldest < STASH_ENTRIES)
		return 0;
	stash->oldest++;
	return pool_stash_drop(pool, stash, oldest);
}

#endif
