// SPDX-License-Identifier: MIT
/*
 * A pool as it looks from outside: its extents, its blocks by order, and whether its records agree
 * with each other.
 */
#include <errno.h>
#include <string.h>
#include "pool/bins.h"

bool pool_walk(struct pool *pool, uint64_t offset, struct pool_extent *extent, bool *is_free)
{
	uint64_t page = offset >> pool->page_shift, end;
	struct pool_place next;

	if (page >= pool->pages)
		return false;
	pool_settle(pool);
	end = page + bitmap_free_run(pool, page, UINT64_MAX);
	*is_free = end > page;
	if (!*is_free)
		end = bitmap_next(pool, 0, page, &next) ? place_page(&next) : pool->pages;
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
		for (uint64_t j = 0; summary_next(pool, l, 0, &j); j++)
			for (unsigned int r = 0; r < LEVEL_ORDERS; r++)
				counts[l * LEVEL_ORDERS + r] +=
					bits_count(word_blocks(pool->level[l].words[j], r));
	}
}

/* The bits of a word that are blocks in bins, which have as many entries for it. */
static uint64_t binned_bits(const struct pool *pool, unsigned int l, uint64_t j,
			    unsigned int *entries)
{
	uint64_t bits = 0;

	*entries = 0;
	for (const struct pool_bin *bin = pool->bins; bin < pool->bins + BINS; bin++) {
		for (uint32_t i = 0; bin->level == l && i < bin->n; i++) {
			if (bin->unit[i] >> WORD_SHIFT != j)
				continue;
			bits |= bin->run << (bin->unit[i] % WORD_BITS);
			++*entries;
		}
	}
	return bits;
}

/* The line has the word for the orders that are noted. */
static bool listed_right(const struct pool *pool, unsigned int l, uint64_t j)
{
	const struct pool_line *line = &pool->level[l].lines[0][j >> WORD_SHIFT];
	unsigned int orders = 0;

	for (unsigned int r = 0; r < LEVEL_ORDERS; r++)
		orders |= (unsigned int)(line->with[r] >> (j % WORD_BITS) & 1) << r;
	return orders == pool->level[l].orders[j];
}

/* The summary knows all of the word but its blocks in bins, unless it is vague about the word. */
static bool summary_right(const struct pool *pool, unsigned int l, uint64_t j)
{
	uint64_t word = pool->level[l].words[j], bits;
	unsigned int binned = pool->level[l].binned[j], entries;

	bits = binned_bits(pool, l, j, &entries);
	if (entries != (binned & ~(unsigned int)BINNED_VAGUE) || binned == BINNED_VAGUE)
		return false;
	if (!listed_right(pool, l, j))
		return false;
	if (binned & BINNED_VAGUE)
		return true;
	if (bits & ~word || word == ~bits)
		return false;
	return pool->level[l].orders[j] == word_orders(word & ~bits);
}

/*
 * A word is right if it ends with the pool, no unit above it is free as well, and the summary
 * agrees with it.
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
	return summary_right(pool, l, j);
}

static bool line_right(const struct pool_line *line, const struct pool_line *below, uint64_t n)
{
	struct pool_line expected = { 0 };

	for (uint64_t i = 0; i < n; i++)
		for (unsigned int r = 0; r < LEVEL_ORDERS; r++)
			expected.with[r] |= (uint64_t)(below[i].with[r] != 0) << i;
	return memcmp(line->with, expected.with, sizeof(expected.with)) == 0;
}

/* Each line against the ones below it, and the last one against what the pool has. */
static bool lines_right(const struct pool *pool, unsigned int l)
{
	const struct pool_level *level = &pool->level[l];
	uint64_t n = level->n_words, below;
	unsigned int d, nonempty = 0;

	for (d = 1; d < pool->depth[l]; d++) {
		n = (n + WORD_BITS - 1) / WORD_BITS;
		for (uint64_t i = 0; i < n; i += WORD_BITS) {
			below = n - i < WORD_BITS ? n - i : WORD_BITS;
			if (!line_right(&level->lines[d][i / WORD_BITS], &level->lines[d - 1][i],
					below))
				return false;
		}
	}
	for (unsigned int r = 0; r < LEVEL_ORDERS; r++)
		nonempty |= (unsigned int)(level->lines[d - 1][0].with[r] != 0) << r;
	return nonempty == (pool->nonempty >> (l * LEVEL_ORDERS) & ((1u << LEVEL_ORDERS) - 1));
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
	return free_pages << pool->page_shift == pool_free_bytes(pool) ? 0 : -EUCLEAN;
}
