// SPDX-License-Identifier: MIT
/*
 * The bins where they meet the summary. The ways in and out that need no summary are in the header.
 */
#include "pool/bins.h"

/* The bin for blocks of so many pages; the one that is always empty, if there is none for them. */
struct pool_bin *bin_of(struct pool *pool, uint64_t pages)
{
	unsigned int order = log2_ceil(pages);

	if (pages - 1 < BIN_PAGES)
		return &pool->bins[pages - 1];
	if (order < BIN_ORDERS && pages == 1ull << order)
		return &pool->bins[BIN_PAGES + order - LEVEL_ORDERS - 1];
	return &pool->no_bin;
}

static void init_bin(struct pool *pool, uint64_t pages)
{
	struct pool_bin *bin = bin_of(pool, pages);
	unsigned int order = log2_ceil(pages), level = pages > BIN_PAGES;
	uint64_t length = pages << pool->page_shift;

	*bin = (struct pool_bin){
		.words = pool->level[level].words,
		.binned = pool->level[level].binned,
		.run = bits_mask(pages >> (level * LEVEL_ORDERS)),
		.length = length,
		.within = (pool->page_size << order) - 1,
		.end = pool->size - length + 1,
		.pages = pages,
		.order = order,
		.level = level,
		.unit_shift = pool->page_shift + level * LEVEL_ORDERS,
		.below = level ? pages >> LEVEL_ORDERS : 0,
	};
}

/* A bin for each length that there may be in the pool, unless it is eager. */
void bins_init(struct pool *pool)
{
	unsigned int shift = pool->page_shift;

	for (unsigned int bits = 0; bits < 64; bits++)
		pool->bin_for[bits] = &pool->no_bin;
	if (pool->flags & POOL_EAGER)
		return;
	for (uint64_t pages = 1; pages <= BIN_PAGES && pages <= pool->pages; pages++)
		init_bin(pool, pages);
	for (unsigned int order = LEVEL_ORDERS + 1; order < BIN_ORDERS; order++)
		if (pool->pages >> order)
			init_bin(pool, 1ull << order);
	for (unsigned int bits = 0; bits < shift + BIN_ORDERS && bits < 63; bits++) {
		unsigned int order = bits < shift ? 0 : bits - shift;

		if (pool->pages >> order == 0)
			break;
		pool->bin_for[bits] = bin_of(pool, 1ull << order);
		pool->bin_max = pool->bin_for[bits]->length;
	}
}

/* An entry of a word has left; after the last one the summary knows what the word is. Returns 0. */
int bin_left(struct pool *pool, const struct pool_bin *bin, uint64_t j)
{
	if (bin->binned[j] & ~(unsigned int)BINNED_VAGUE)
		return 0;
	bin->binned[j] = 0;
	summary_settle(pool, bin->level, j);
	return 0;
}

/*
 * A block does not enter, though it has been counted, and is found through the summary. Returns 0.
 */
int bin_refuse(struct pool *pool, const struct pool_bin *bin, uint64_t j)
{
	pool->free_pages += bin->pages;
	bin->binned[j]--;
	summary_settle(pool, bin->level, j);
	return 0;
}

/* A block of a word that is vague has been counted, and enters. Returns 0. */
int bin_give_vague(struct pool *pool, struct pool_bin *bin, uint64_t unit)
{
	uint64_t j = unit >> WORD_SHIFT;

	if (bin->n == BIN_ENTRIES || bin->binned[j] == UINT8_MAX)
		return bin_refuse(pool, bin, j);
	pool->binned = true;
	bin->unit[bin->n++] = unit;
	return 0;
}

/* The youngest entry is to be found through the summary. */
static void drop(struct pool *pool, struct pool_bin *bin)
{
	uint64_t j = bin->unit[--bin->n] >> WORD_SHIFT;

	pool->free_pages += bin->pages;
	bin->binned[j]--;
	bin_left(pool, bin, j);
}

/* The page of the youngest block that is one still, or NOWHERE. */
uint64_t bin_pop(struct pool *pool, struct pool_bin *bin)
{
	while (bin->n) {
		uint64_t unit = bin->unit[bin->n - 1], j = unit >> WORD_SHIFT;
		uint64_t mask = bin->run << (unit % WORD_BITS), left = bin->words[j] ^ mask;

		if (!(left & mask)) {
			pool->free_pages += bin->pages; /* as if it had been dropped */
			bin_take(pool, bin, j, left);
			return unit << (bin->level * LEVEL_ORDERS);
		}
		drop(pool, bin);
	}
	return NOWHERE;
}

/* Empties the bins: from here on the summary knows all that is free. */
void pool_settle(struct pool *pool)
{
	if (pool_is_settled(pool))
		return;
	for (unsigned int i = 0; i < BINS; i++)
		while (pool->bins[i].n)
			drop(pool, &pool->bins[i]);
	pool->binned = false;
}
