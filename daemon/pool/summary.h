/* SPDX-License-Identifier: MIT */
/*
 * The summary of a pool: in which word of a level a block of some order is to be found.
 *
 * A line has one bit for each of 64 words and each order of their level; lines of lines follow,
 * until there is one. So the first word with a block of some order is one bit scan for each depth,
 * and a bit changes the line above only if it was the only one. All lines over the same pages have
 * the same number, whatever their level, so the first word with a block of this order or any higher
 * one is found in one descent as well.
 *
 * The summary may list an order that a word has no longer, if the block has merged with one in a
 * bin: a search that is led there in vain settles the word and looks again.
 */
#ifndef MMIOD_DAEMON_POOL_SUMMARY_H
#define MMIOD_DAEMON_POOL_SUMMARY_H

#include "pool/bitmap.h"

#define NOWHERE UINT64_MAX /* as a page, or as the number of a word */

/* The words of a line that have a block of order r or a higher one of their level. */
static inline uint64_t line_with(const struct pool_line *line, unsigned int r)
{
	uint64_t found = line->with[LEVEL_ORDERS - 1];

	for (; r < LEVEL_ORDERS - 1; r++)
		found |= line->with[r];
	return found;
}

/* The words of a line that have anything. */
static inline uint64_t line_any(const struct pool_line *line)
{
	const uint64_t *with = line->with;

	static_assert(LEVEL_ORDERS == 6, "all of them");
	return with[0] | with[1] | with[2] | with[3] | with[4] | with[5];
}

/* The first word listed for order r of the level, which is not empty. */
static inline uint64_t summary_first(const struct pool *pool, unsigned int l, unsigned int r)
{
	uint64_t i = 0;

	for (unsigned int d = pool->depth[l]; d--;)
		i = i << WORD_SHIFT | bits_first(pool->level[l].lines[d][i].with[r]);
	return i;
}

/* The orders of the blocks of a word, which is not full. */
static inline unsigned int word_orders(uint64_t word)
{
	unsigned int orders = 0;

#pragma GCC unroll 5
	for (unsigned int r = 0; r < LEVEL_ORDERS - 1; r++) {
		uint64_t pairs = word & word >> (1u << r) & run_starts[r + 1];

		orders |= (unsigned int)(word != pairs + (pairs << (1u << r))) << r;
		if (!pairs)
			return orders;
		word = pairs;
	}
	return orders | 1u << (LEVEL_ORDERS - 1);
}

void summary_sync(struct pool *pool, unsigned int l, uint64_t j);
void summary_settle(struct pool *pool, unsigned int l, uint64_t j);
bool summary_next(const struct pool *pool, unsigned int l, unsigned int r, uint64_t *word);
bool summary_lowest(struct pool *pool, unsigned int order, struct pool_place *place);

#endif
