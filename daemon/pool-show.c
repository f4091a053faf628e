// SPDX-License-Identifier: MIT
/*
 * What a pool looks like from outside: its extents, its blocks by order, and whether its records agree with each other.
 */
#include <errno.h>
#include <string.h>
#include "pool-words.h"

bool pool_walk(struct pool *pool, uint64_t offset, struct pool_extent *extent, bool *is_free)
{
	uint64_t page = offset >> pool->page_shift, end;
	struct pool_place next;

	if (page >= pool->pages)
		return false;
	pool_settle(pool);
	end = page + pool_words_free_run(pool, page);
	*is_free = end > page;
	if (!*is_free)
		end = pool_words_next(pool, 0, page, &next) ? place_page(&next) : pool->pages;
	extent->offset = page << pool->page_shift;
	extent->length = (end - page) << pool->page_shift;
	return true;
}

/* Without the instruction, which the oldest machines of this architecture lack. */
static unsigned int bits_count(uint64_t word)
{
	unsigned int count = 0;

	for (; word; word &= word - 1)
		count++;
	return count;
}

void pool_blocks(struct pool *pool, uint64_t counts[POOL_ORDERS])
{
	memset(counts, 0, POOL_ORDERS * sizeof(*counts));
	pool_settle(pool);
	for (unsigned int l = 0; l < pool->levels; l++) {
		for (uint64_t j = 0; pool_words_listed(pool, l, 0, &j); j++)
			for (unsigned int r = 0; r < LEVEL_ORDERS; r++)
				counts[l * LEVEL_ORDERS + r] +=
					bits_count(word_blocks(pool->level[l].words[j], r));
	}
}

/* A word is right if it is not full, ends with the pool, no unit above it is free as well, and its mark agrees with it. */
static bool word_right(const struct pool *pool, unsigned int l, uint64_t j)
{
	const struct pool_level *level = &pool->level[l];
	uint64_t units = pool->pages >> (l * LEVEL_ORDERS), word = level->words[j], above = j;

	if (word_indexed(pool, l, j) == ~0ull ||
	    (units - j * WORD_BITS < WORD_BITS && word >> (units % WORD_BITS)))
		return false;
	for (unsigned int m = l + 1; word && m < pool->levels; m++, above >>= WORD_SHIFT)
		if (pool->level[m].words[above >> WORD_SHIFT] >> (above % WORD_BITS) & 1)
			return false;
	return (level->marks[j] & MARK_ORDERS) == word_listing(pool, word_indexed(pool, l, j)) &&
	       (level->marks[j] <= MARK_ORDERS || pool->slots[level->marks[j] >> LEVEL_ORDERS]);
}

/* What the index should say at depth d about item i below it. */
static bool listed(const struct pool_level *level, unsigned int d, unsigned int r, uint64_t i)
{
	return d ? level->lines[d - 1][i].order[r] : level->marks[i] >> r & 1;
}

static bool lines_right(const struct pool *pool, unsigned int l, unsigned int r)
{
	const struct pool_level *level = &pool->level[l];
	uint64_t n = level->n_words;

	for (unsigned int d = 0; d < pool->depth[l]; d++) {
		for (uint64_t i = 0; i < n; i++)
			if (listed(level, d, r, i) !=
			    (level->lines[d][i >> WORD_SHIFT].order[r] >> (i % WORD_BITS) & 1))
				return false;
		n = (n + WORD_BITS - 1) / WORD_BITS;
	}
	return listed(level, pool->depth[l], r, 0) ==
	       (pool->nonempty >> (l * LEVEL_ORDERS + r) & 1);
}

int pool_check(struct pool *pool)
{
	uint64_t free_pages = 0;

	for (unsigned int l = 0; l < pool->levels; l++) {
		for (uint64_t j = 0; j < pool->level[l].n_words; j++) {
			if (!word_right(pool, l, j))
				return -EUCLEAN;
			free_pages += (uint64_t)bits_count(pool->level[l].words[j])
				      << (l * LEVEL_ORDERS);
		}
		for (unsigned int r = 0; r < LEVEL_ORDERS; r++)
			if (!lines_right(pool, l, r))
				return -EUCLEAN;
	}
	return free_pages == pool->free_pages ? 0 : -EUCLEAN;
}
