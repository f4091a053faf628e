/* SPDX-License-Identifier: MIT */
/*
 * The bins of a pool: blocks that were freed lately, by their length. Here a block is as long as it
 * was granted, a power of two or not.
 *
 * Their bits are set, so they count as free to every check, but the summary is not told until
 * something fails to be found. A request for the same length takes the youngest back at the price
 * of a bit, and the word is again what the summary knows of it. A block that finds no room is found
 * through the summary.
 *
 * That is so as long as the summary was not told of the word meanwhile, for another reason. If it
 * was, its knowledge is BINNED_VAGUE: it may list a block that has left its bin since, and miss one
 * that was the other half of it. A search that is led there in vain settles the word; a missed
 * block is found once the bins are empty; and the word is settled when its last entry leaves. In
 * such a word an entry may be stale, for its block may have been taken or have merged: it is one
 * still if all of its bits are set.
 */
#ifndef MMIOD_DAEMON_POOL_BINS_H
#define MMIOD_DAEMON_POOL_BINS_H

#include "pool/summary.h"

static_assert(WORD_BITS < BINNED_VAGUE, "entries of a word that is not vague are disjoint");

void bins_init(struct pool *pool);
int bin_left(struct pool *pool, const struct pool_bin *bin, uint64_t j);
int bin_refuse(struct pool *pool, const struct pool_bin *bin, uint64_t j);
int bin_give_vague(struct pool *pool, struct pool_bin *bin, uint64_t unit);
struct pool_bin *bin_of(struct pool *pool, uint64_t pages);
uint64_t bin_pop(struct pool *pool, struct pool_bin *bin);

/* The youngest entry is out to be granted, and this is left of its word. Returns 0. */
static inline int bin_take(struct pool *pool, struct pool_bin *bin, uint64_t j, uint64_t left)
{
	bin->n--;
	bin->words[j] = left;
	return (int8_t)--bin->binned[j] < 0 ? bin_left(pool, bin, j) : 0;
}

/* A block returns, whose bits are clear. Returns 0. */
static inline int bin_give(struct pool *pool, struct pool_bin *bin, uint64_t unit, uint64_t mask)
{
	uint64_t j = unit >> WORD_SHIFT;
	uint32_t n = bin->n;

	bin->words[j] |= mask;
	if ((int8_t)++bin->binned[j] < 0)
		return bin_give_vague(pool, bin, unit);
	if (n == BIN_ENTRIES)
		return bin_refuse(pool, bin, j);
	pool->binned = true;
	bin->unit[n] = unit;
	bin->n = n + 1;
	return 0;
}

#endif
