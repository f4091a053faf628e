// SPDX-License-Identifier: MIT
/*
 * The index of a pool: what becomes of a word, and searches for more than one order.
 */
#include "pool-index.h"

/*
 * A line has got its first word with a block of order r,
 * or lost the last one: so do those above.
 */
static __attribute__((noinline)) void flip_above(struct pool *pool, unsigned int l, uint64_t line,
						 unsigned int r)
{
	for (unsigned int d = 1; d < pool->depth[l]; d++, line >>= WORD_SHIFT) {
		uint64_t *with = &pool->level[l].lines[d][line >> WORD_SHIFT].with[r];
		uint64_t before = *with;

		*with = before ^ 1ull << (line % WORD_BITS);
		if (before && *with)
			return;
	}
	pool->nonempty ^= 1ull << (l * LEVEL_ORDERS + r);
}

/* Tells the index what a word has become, which is not full. */
void index_sync(struct pool *pool, unsigned int l, uint64_t j)
{
	struct pool_level *level = &pool->level[l];
	unsigned int orders = word_orders(level->words[j]), changed = level->orders[j] ^ orders, r;
	uint64_t *with, before;

	if (level->stashed[j])
		level->stashed[j] |= STASHED_VAGUE;
	level->orders[j] = (uint8_t)orders;
	for (; changed; changed &= changed - 1) {
		r = bits_first(changed);
		with = &level->lines[0][j >> WORD_SHIFT].with[r];
		before = *with;
		*with = before ^ 1ull << (j % WORD_BITS);
		if (!before || !*with)
			flip_above(pool, l, j >> WORD_SHIFT, r);
	}
}

/* From here on the index knows all of a word, which may be full. */
void index_settle(struct pool *pool, unsigned int l, uint64_t j)
{
	if (pool->level[l].words[j] == ~0ull)
		pool_words_give(pool, l, j, 0);
	else
		index_sync(pool, l, j);
}

/*
 * From *word on, the first that the index lists for order
 * r or a higher one of this level. The pool is settled.
 */
bool index_next(const struct pool *pool, unsigned int l, unsigned int r, uint64_t *word)
{
	struct pool_line *const *lines = pool->level[l].lines;
	uint64_t n = pool->level[l].n_words, i = *word, found;

	for (unsigned int d = 0; d < pool->depth[l] && i < n; d++) {
		found = line_with(&lines[d][i >> WORD_SHIFT], r) & ~0ull << (i % WORD_BITS);
		if (found) {
			i = (i & ~(uint64_t)(WORD_BITS - 1)) | bits_first(found);
			while (d--)
				i = i << WORD_SHIFT | bits_first(line_with(&lines[d][i], r));
			*word = i;
			return true;
		}
		i = (i >> WORD_SHIFT) + 1;
		n = (n + WORD_BITS - 1) >> WORD_SHIFT;
	}
	return false;
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
 * One step down for each level. False: *place is a word
 * where there should be something, but is not.
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
 * Where the lowest run of this order begins, whatever the
 * order of the block that it is in; false: there is none.
 */
bool index_lowest(struct pool *pool, unsigned int order, struct pool_place *place)
{
	unsigned int top = pool->levels - 1u;

	if (order / LEVEL_ORDERS > top)
		return false;
	while (!descend(pool, order, place)) {
		if (place->level == top)
			return false;
		index_settle(pool, place->level, place->word);
	}
	return true;
}
