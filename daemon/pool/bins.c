// SPDX-License-Identifier: MIT
/*
 * The stash where it meets the index. The ways in and out that need no index are in the header.
 */
#include "pool/bins.h"

/* For blocks of so many pages; the one that is always empty, if there is none for them. */
struct pool_stash *pool_stash_of(struct pool *pool, uint64_t pages)
{
	unsigned int order = log2_ceil(pages);

	if (pages - 1 < STASH_PAGES)
		return &pool->stash[pages - 1];
	if (order < STASH_ORDERS && pages == 1ull << order)
		return &pool->stash[STASH_PAGES + order - LEVEL_ORDERS - 1];
	return &pool->no_stash;
}

static void init_stash(struct pool *pool, uint64_t pages)
{
	struct pool_stash *stash = pool_stash_of(pool, pages);
	unsigned int order = log2_ceil(pages), level = pages > STASH_PAGES;
	uint64_t length = pages << pool->page_shift;

	*stash = (struct pool_stash){
		.words = pool->level[level].words,
		.stashed = pool->level[level].stashed,
		.run = bits_mask(pages >> (level * LEVEL_ORDERS)),
		.length = length,
		.within = (pool->page_size << order) - 1,
		.end = pool->size - length + 1,
		.pages = pages,
		.level = level,
		.unit_shift = pool->page_shift + level * LEVEL_ORDERS,
		.below = level ? pages >> LEVEL_ORDERS : 0,
	};
}

/* A stash for each length that there may be in the pool, unless it is eager. */
void pool_stash_init(struct pool *pool)
{
	unsigned int shift = pool->page_shift;

	for (unsigned int bits = 0; bits < 64; bits++)
		pool->stash_for[bits] = &pool->no_stash;
	if (pool->flags & POOL_EAGER)
		return;
	for (uint64_t pages = 1; pages <= STASH_PAGES && pages <= pool->pages; pages++)
		init_stash(pool, pages);
	for (unsigned int order = LEVEL_ORDERS + 1; order < STASH_ORDERS; order++)
		if (pool->pages >> order)
			init_stash(pool, 1ull << order);
	for (unsigned int bits = 0; bits < shift + STASH_ORDERS && bits < 63; bits++) {
		unsigned int order = bits < shift ? 0 : bits - shift;

		if (pool->pages >> order == 0)
			break;
		pool->stash_for[bits] = pool_stash_of(pool, 1ull << order);
		pool->stash_max = pool->stash_for[bits]->length;
	}
}

/* An entry of a word has left; after the last one the index knows what the word is. Returns 0. */
int pool_stash_left(struct pool *pool, const struct pool_stash *stash, uint64_t j)
{
	if (stash->stashed[j] & ~(unsigned int)STASHED_VAGUE)
		return 0;
	stash->stashed[j] = 0;
	index_settle(pool, stash->level, j);
	return 0;
}

/* A block does not enter, though it has been counted, and is found through the index. Returns 0. */
int pool_stash_refuse(struct pool *pool, const struct pool_stash *stash, uint64_t j)
{
	pool->free_pages += stash->pages;
	stash->stashed[j]--;
	index_settle(pool, stash->level, j);
	return 0;
}

/* A block of a word that is vague has been counted, and enters. Returns 0. */
int pool_stash_give_vague(struct pool *pool, struct pool_stash *stash, uint64_t unit)
{
	uint64_t j = unit >> WORD_SHIFT;

	if (stash->n == STASH_ENTRIES || stash->stashed[j] == UINT8_MAX)
		return pool_stash_refuse(pool, stash, j);
	stash->unit[stash->n++] = unit;
	return 0;
}

/* The youngest entry is to be found through the index. */
static void drop(struct pool *pool, struct pool_stash *stash)
{
	uint64_t j = stash->unit[--stash->n] >> WORD_SHIFT;

	pool->free_pages += stash->pages;
	stash->stashed[j]--;
	pool_stash_left(pool, stash, j);
}

/* The page of the youngest block that is one still, or NOWHERE. */
uint64_t pool_stash_pop(struct pool *pool, struct pool_stash *stash)
{
	while (stash->n) {
		uint64_t unit = stash->unit[stash->n - 1], j = unit >> WORD_SHIFT;
		uint64_t mask = stash->run << (unit % WORD_BITS), left = stash->words[j] ^ mask;

		if (!(left & mask)) {
			pool->free_pages += stash->pages; /* as if it had been dropped */
			stash_take(pool, stash, j, left);
			return unit << (stash->level * LEVEL_ORDERS);
		}
		drop(pool, stash);
	}
	return NOWHERE;
}

/* Empties the stash: from here on the index knows all that is free. */
void pool_settle(struct pool *pool)
{
	for (unsigned int i = 0; i < STASHES; i++)
		while (pool->stash[i].n)
			drop(pool, &pool->stash[i]);
}

bool pool_is_settled(const struct pool *pool)
{
	for (unsigned int i = 0; i < STASHES; i++)
		if (pool->stash[i].n)
			return false;
	return true;
}
