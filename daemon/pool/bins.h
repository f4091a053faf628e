/* SPDX-License-Identifier: MIT */
/*
 * The stash of a pool: blocks that were freed lately, by their length. Here a block is as long as
 * it was granted, a power of two or not.
 *
 * Their bits are set, so they count as free to every check, but the index is not told until
 * something fails to be found. A request for the same length takes the youngest back at the price
 * of a bit, and the word is again what the index knows of it. A block that finds no room is found
 * through the index.
 *
 * That is so as long as the index was not told of the word meanwhile, for another reason. If it
 * was, what it knows is STASHED_VAGUE: it may list a block that has left the stash since, and miss
 * one that was the other half of it. Whoever is led there in vain settles the word; what is missed
 * is found once the stash is empty; and the word is settled when its last entry leaves. In such a
 * word an entry may be stale, for its block may have been taken or have merged: it is one still if
 * all of its bits are set.
 */
#ifndef MMIOD_DAEMON_POOL_STASH_H
#define MMIOD_DAEMON_POOL_STASH_H

#include "pool/summary.h"

static_assert(WORD_BITS < STASHED_VAGUE, "entries of a word that is not vague are disjoint");

void pool_stash_init(struct pool *pool);
int pool_stash_left(struct pool *pool, const struct pool_stash *stash, uint64_t j);
int pool_stash_refuse(struct pool *pool, const struct pool_stash *stash, uint64_t j);
int pool_stash_give_vague(struct pool *pool, struct pool_stash *stash, uint64_t unit);
struct pool_stash *pool_stash_of(struct pool *pool, uint64_t pages);
uint64_t pool_stash_pop(struct pool *pool, struct pool_stash *stash);

/* The youngest entry is out to be granted, and this is left of its word. Returns 0. */
static inline int stash_take(struct pool *pool, struct pool_stash *stash, uint64_t j, uint64_t left)
{
	stash->n--;
	stash->words[j] = left;
	return (int8_t)--stash->stashed[j] < 0 ? pool_stash_left(pool, stash, j) : 0;
}

/* A block returns, whose bits are clear. Returns 0. */
static inline int stash_give(struct pool *pool, struct pool_stash *stash, uint64_t unit,
			     uint64_t mask)
{
	uint64_t j = unit >> WORD_SHIFT;
	uint32_t n = stash->n;

	stash->words[j] |= mask;
	if ((int8_t)++stash->stashed[j] < 0)
		return pool_stash_give_vague(pool, stash, unit);
	if (n == STASH_ENTRIES)
		return pool_stash_refuse(pool, stash, j);
	stash->unit[n] = unit;
	stash->n = n + 1;
	return 0;
}

#endif
