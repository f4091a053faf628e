// SPDX-License-Identifier: MIT
/* The summary of a pool: searches for more than one order. */
#include "pool/summary.h"

/* From here on the summary knows all of a word, which may be full. */
void summary_settle(struct pool *pool, unsigned int l, uint64_t j)
{
	if (pool->level[l].words[j] == ~0ull)
		bitmap_give(pool, l, j, 0);
	else
		summary_sync(pool, l, j);
}

/*
 * The parts of word i of a level, which is above `bottom`, in which there is a block of order r of
 * `bottom` or any higher one: free as a whole, or according to the lines that are over the same
 * pages.
 */
static inline uint64_t parts_with(const struct pool *pool, unsigned int l, uint64_t i,
				  unsigned int bottom, unsigned int r)
{
	uint64_t found = pool->level[l].words[i];
	unsigned int d = l - bottom - 1;

	found |= r ? line_with(&pool->level[bottom].lines[d][i], r)
		   : line_any(&pool->level[bottom].lines[d][i]);
	while (d--)
		found |= line_any(&pool->level[++bottom].lines[d][i]);
	return found;
}

/*
 * One step down for each level. False: *place is a word where there should be something, but is
 * not.
 */
static bool descend(const struct pool *pool, unsigned int order, struct pool_place *place)
{
	unsigned int bottom = order / LEVEL_ORDERS, r = order % LEVEL_ORDERS, l, bit = 0;
	uint64_t found, word = 0, i = 0;

	for (l = pool->levels - 1u;; l--) {
		word = pool->level[l].words[i];
		found = l > bottom ? parts_with(pool, l, i, bottom, r) : word_runs(word, r);
		if (!found)
			break;
		bit = bits_first(found);
		if (word >> bit & 1)
			break;
		i = i << WORD_SHIFT | bit;
	}
	*place = (struct pool_place){ .level = l, .word = i, .bit = bit };
	return found;
}

/*
 * Where the lowest run of this order begins, whatever the order of the block that it is in; false:
 * there is none.
 */
bool summary_lowest(struct pool *pool, unsigned int order, struct pool_place *place)
{
	unsigned int top = pool->levels - 1u;

	if (order / LEVEL_ORDERS > top)
		return false;
	while (!descend(pool, order, place)) {
		if (place->level == top)
			return false;
		summary_settle(pool, place->level, place->word);
	}
	return true;
}
