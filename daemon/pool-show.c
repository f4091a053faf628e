// SPDX-License-Identifier: MIT
/*
 * What a pool looks like from outside: its extents, its blocks
 * by order, and whether its records agree with each other.
 */
#include <errno.h>
#include <string.h>
#include "pool-stash.h"

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
		for (uint64_t j = 0; index_next(pool, l, 0, &j); j++)
			for (unsigned int r = 0; r < LEVEL_ORDERS; r++)
				counts[l * LEVEL_ORDERS + r] +=
					bits_count(word_blocks(pool->level[l].words[j], r));
	}
}

static bool is_late(const struct pool *pool, unsigned int l, uint64_t j)
{
	for (unsigned int i = 0; i < LATE_WORDS; i++)
		if (pool->late[i] == j * LATE_LEVELS + l)
			return true;
	return false;
}

static bool is_stashed(const struct pool *pool, unsigned int l, uint64_t j)
{
	for (unsigned int order = 0; order < STASH_ORDERS; order++) {
		const struct pool_stash *stash = &pool->stash[order];

		for (uint32_t i = stash->oldest; stash->level == l && i != stash->newest; i++)
			if (stash->unit[i % STASH_ENTRIES] >> WORD_SHIFT == j)
				return true;
	}
	return false;
}

static bool mark_right(const struct pool *pool, unsigned int l, uint64_t j)
{
	uint8_t mark = pool->level[l].marks[0][j];
	uint64_t word = pool->level[l].words[j];

	if (mark & MARK_LATE)
		return is_late(pool, l, j);
	if (mark & MARK_STASHED)
		return is_stashed(pool, l, j);
	return word != ~0ull && mark == word_orders(pool, word);
}

/*
 * A word is right if it ends with the pool, no unit
 * above it is free as well, and its mark agrees with it.
 */
static bool word_right(const struct pool *pool, unsigned int l, uint64_t j)
{
	uint64_t units = pool->pages >> (l * LEVEL_ORDERS), word = pool->level[l].words[j],
		 above = j;

	if (units - j * WORD_BITS < WORD_BITS && word >> (units % WORD_BITS))
		return false;
	for (unsigned int m = l + 1; word && m < pool->levels; m++, above >>= WORD_SHIFT)
		if (pool->level[m].words[above >> WORD_SHIFT] >> (above % WORD_BITS) & 1)
			return false;
	return mark_right(pool, l, j);
}

/* Each line against the mark above it, and the last one against what the pool has. */
static bool lines_right(const struct pool *pool, unsigned int l)
{
	const struct pool_level *level = &pool->level[l];
	uint64_t n = level->n_words;

	for (unsigned int d = 1; d < pool->depth[l]; d++) {
		n = (n + LINE - 1) / LINE;
		for (uint64_t i = 0; i < n; i++)
			if (level->marks[d][i] != line_union(&level->marks[d - 1][i * LINE], LINE))
				return false;
	}
	return line_union(level->marks[pool->depth[l] - 1], LINE) ==
	       (pool->nonempty >> (l * LEVEL_ORDERS) & MARK_ORDERS);
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
		if (!lines_right(pool, l))
			return -EUCLEAN;
	}
	return free_pages == pool->free_pages ? 0 : -EUCLEAN;
}
