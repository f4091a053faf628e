// SPDX-License-Identifier: MIT
/*
 * Pools: making them, granting and taking back.
 *
 * Blocks that return go to the stash for their order first. Only power-of-two requests without
 * conditions look there; what they do not find, and all else, comes through the index.
 */
#include <errno.h>
#include <stdlib.h>
#include "pool-stash.h"
#include "util.h"

#define NOINLINE __attribute__((noinline))

int pool_new(struct pool **out, uint64_t size, uint64_t page_size, unsigned int flags)
{
	struct pool *pool;
	int error;

	if (!page_size || page_size & (page_size - 1) || !size || size & (page_size - 1) ||
	    flags & ~(unsigned int)(POOL_EAGER | POOL_PREFAULT | POOL_LOWEST))
		return -EINVAL;
	if (size / page_size >> POOL_ORDERS)
		return -E2BIG;
	pool = aligned_alloc(_Alignof(struct pool), sizeof(*pool));
	if (!pool)
		return -ENOMEM;
	*pool = (struct pool){ .size = size,
			       .pages = size / page_size,
			       .page_size = page_size,
			       .page_shift = log2_floor(page_size),
			       .flags = flags };
	error = pool_words_init(pool);
	if (error) {
		free(pool);
		return error;
	}
	index_init(pool);
	pool_stash_init(pool);
	pool_words_give_range(pool, 0, pool->pages);
	pool->free_pages = pool->pages;
	*out = pool;
	return 0;
}

struct pool *pool_destroy(struct pool *pool)
{
	if (pool) {
		pool_words_destroy(pool);
		free(pool);
	}
	return NULL;
}

void pool_destroyp(struct pool **pool)
{
	*pool = pool_destroy(*pool);
}

/* The lowest of the smallest sufficient blocks. */
static inline uint64_t take_smallest(struct pool *pool, const struct pool_want *want)
{
	struct pool_place place;
	unsigned int order, r;
	uint64_t orders, blocks;

	while ((orders = pool->nonempty >> want->order)) {
		order = want->order + bits_first(orders);
		place.level = order / LEVEL_ORDERS;
		r = order % LEVEL_ORDERS;
		place.word = index_first(pool, place.level, 1u << r);
		blocks = word_blocks(pool->level[place.level].words[place.word], r);
		if (blocks) {
			place.bit = bits_first(blocks);
			pool_words_carve(pool, &place, want->count);
			return place_page(&place);
		}
		index_settle(pool, place.level, place.word);
	}
	return NOWHERE;
}

/*
 * In one level: the page where its lowest run begins,
 * or NOWHERE if its word does not begin before `known`.
 */
static inline uint64_t lowest_run(struct pool *pool, unsigned int l, unsigned int r, uint64_t known)
{
	struct pool_level *level = &pool->level[l];
	uint64_t word, runs;

	do {
		word = index_first_before(pool, l, orders_from(r), known);
		if (word == NOWHERE)
			return NOWHERE;
		if (!r)
			level->first = word;
		runs = word_runs(level->words[word], r);
		if (runs)
			return (word << WORD_SHIFT | bits_first(runs)) << (l * LEVEL_ORDERS);
		index_settle(pool, l, word);
	} while (pool->nonempty >> (l * LEVEL_ORDERS) & orders_from(r));
	return NOWHERE;
}

/* At a glance: no unit of the level that is before the page is free. The page may be NOWHERE. */
static inline bool none_before(const struct pool_level *level, unsigned int l, uint64_t page)
{
	uint64_t unit = page >> (l * LEVEL_ORDERS), word = unit >> WORD_SHIFT;

	return level->first > word ||
	       (level->first == word && !(level->words[word] & ~(~0ull << (unit % WORD_BITS))));
}

/*
 * The lowest of all sufficient blocks: one candidate for each level, whatever its order. Levels
 * above the first hardly ever have one that is lower, and mostly their first word says so.
 */
static inline uint64_t take_lowest(struct pool *pool, const struct pool_want *want)
{
	unsigned int l = want->order / LEVEL_ORDERS, r = want->order % LEVEL_ORDERS;
	uint64_t orders = pool->nonempty >> want->order << r, lowest = NOWHERE, page, unit;
	struct pool_place best = { 0 };

	for (; orders; l++, orders >>= LEVEL_ORDERS, r = 0) {
		if (!(orders & MARK_ORDERS) || none_before(&pool->level[l], l, lowest))
			continue;
		page = lowest_run(pool, l, r, lowest);
		if (page < lowest) {
			lowest = page;
			best.level = l;
		}
	}
	if (lowest == NOWHERE)
		return NOWHERE;
	unit = lowest >> (best.level * LEVEL_ORDERS);
	best.word = unit >> WORD_SHIFT;
	best.bit = unit % WORD_BITS;
	pool_words_carve(pool, &best, want->count);
	return lowest;
}

static uint64_t take_within(struct pool *pool, const struct pool_want *want)
{
	uint64_t page;

	pool_settle(pool);
	if (!pool_find(pool, want, &page))
		return NOWHERE;
	pool_words_take_range(pool, page, want->count);
	return page;
}

static uint64_t take_joined(struct pool *pool, const struct pool_want *want)
{
	uint64_t page;

	pool_settle(pool);
	if (!pool_find_joined(pool, want, &page))
		return NOWHERE;
	pool_words_take_range(pool, page, want->count);
	return page;
}

static inline uint64_t take_indexed(struct pool *pool, const struct pool_want *want,
				    unsigned int flags)
{
	if (pool->flags & POOL_LOWEST || (flags & (POOL_EXACT | POOL_SMALLEST)) == POOL_EXACT)
		return take_lowest(pool, want);
	return take_smallest(pool, want);
}

/*
 * What is not found at once: conditions, what the index
 * does not know yet, and blocks that are neighbours.
 */
static NOINLINE uint64_t take_with_care(struct pool *pool, const struct pool_want *want,
					unsigned int flags)
{
	uint64_t page = NOWHERE;

	if (!want->anywhere)
		page = take_within(pool, want);
	else if (!pool_is_settled(pool)) {
		pool_settle(pool);
		page = take_indexed(pool, want, flags);
	}
	if (page == NOWHERE && (flags & POOL_JOIN) && (flags & POOL_EXACT))
		page = take_joined(pool, want);
	return page;
}

static inline uint64_t take(struct pool *pool, const struct pool_want *want, unsigned int flags)
{
	uint64_t page = NOWHERE;

	if (want->anywhere && !(flags & POOL_EXACT) && want->order < STASH_ORDERS)
		page = pool_stash_pop(pool, &pool->stash[want->order]);
	if (page == NOWHERE && want->anywhere)
		page = take_indexed(pool, want, flags);
	if (page == NOWHERE)
		page = take_with_care(pool, want, flags);
	return page;
}

/* The usual request at a glance; all others are examined. */
static int understand(const struct pool *pool, const struct pool_request *request,
		      struct pool_want *want)
{
	uint64_t last =
		(request->length - 1) >> pool->page_shift; /* the last page of the request */

	if (request->alignment | request->lower | request->upper ||
	    request->flags & ~(uint32_t)POOL_EXACT || last >= pool->pages ||
	    last >= 1ull << (POOL_ORDERS - 1))
		return pool_examine(pool, request, want);
	want->order = last ? log2_floor(last) + 1 : 0;
	want->count = request->flags & POOL_EXACT ? last + 1 : 1ull << want->order;
	want->anywhere = true;
	return want->count <= pool->pages ? 0 : -E2BIG;
}

static NOINLINE int alloc_examined(struct pool *pool, const struct pool_request *request,
				   struct pool_extent *grant)
{
	struct pool_want want;
	uint64_t page;
	int error;

	error = understand(pool, request, &want);
	if (error)
		return error;
	page = take(pool, &want, request->flags);
	if (page == NOWHERE)
		return -ENOSPC;
	pool->free_pages -= want.count;
	grant->offset = page << pool->page_shift;
	grant->length = want.count << pool->page_shift;
	return 0;
}

/*
 * The usual request, and the newest entry of the stash for it is a block still. What there is to be
 * said to the index is said at the end, by whoever says it: so nothing needs to be kept meanwhile.
 */
int pool_alloc(struct pool *pool, const struct pool_request *request, struct pool_extent *grant)
{
	uint64_t last = request->length - 1, unit, j, mask, left;
	struct pool_stash *stash;

	if (request->alignment | request->lower | request->upper | request->flags ||
	    last >= pool->stash_max)
		return alloc_examined(pool, request, grant);
	stash = &pool->stash[log2_floor(last >> pool->page_shift << 1 | 1)]; /* rounded up */
	unit = stash_newest(stash);
	j = unit >> WORD_SHIFT;
	mask = stash->run << (unit % WORD_BITS);
	left = stash->words[j] ^ mask;
	if (stash_is_empty(stash) || left & mask)
		return alloc_examined(pool, request, grant);
	stash->newest--;
	pool->free_pages -= stash->pages;
	grant->offset = unit << stash->unit_shift;
	grant->length = stash->length;
	return stash_taken(pool, stash, j, left);
}

/* 0 if these bytes are whole pages of the pool. */
static inline int to_pages(const struct pool *pool, uint64_t *offset, uint64_t *length)
{
	if ((*offset | *length) & ((1ull << pool->page_shift) - 1))
		return -EINVAL;
	*offset >>= pool->page_shift;
	*length >>= pool->page_shift;
	if (*offset >= pool->pages || *length > pool->pages - *offset || !*length)
		return -EINVAL;
	return 0;
}

/* These bits of the page's word are clear, and no unit is free that the word is in. */
static inline bool taken(const struct pool *pool, uint64_t page, uint64_t mask)
{
	if (pool->level[0].words[page >> WORD_SHIFT] & mask)
		return false;
#pragma GCC unroll 5
	for (unsigned int l = 1; l < POOL_LEVELS; l++) {
		page >>= WORD_SHIFT;
		if (l == pool->levels)
			break;
		if (pool->level[l].words[page >> WORD_SHIFT] >> (page % WORD_BITS) & 1)
			return false;
	}
	return true;
}

/* Pages that have their bits in one word. */
static int free_in_word(struct pool *pool, uint64_t page, uint64_t count)
{
	uint64_t mask = bits_mask(count) << (page % WORD_BITS);

	if (!taken(pool, page, mask))
		return -ENOENT;
	pool->free_pages += count;
	pool_words_give(pool, 0, page >> WORD_SHIFT, mask);
	return 0;
}

static NOINLINE int free_range(struct pool *pool, uint64_t offset, uint64_t length)
{
	int error;

	error = to_pages(pool, &offset, &length);
	if (error)
		return error;
	if (offset % WORD_BITS + length <= WORD_BITS)
		return free_in_word(pool, offset, length);
	if (length >= 1u << STASH_ORDERS)
		pool_settle(pool);
	if (!pool_words_all_taken(pool, offset, length))
		return -ENOENT;
	pool->free_pages += length;
	pool_words_give_range(pool, offset, length);
	return 0;
}

/* A block of the stash's orders that has bits below in more than one word. */
static NOINLINE int free_units(struct pool *pool, struct pool_stash *stash, uint64_t unit)
{
	uint64_t mask = stash->run << (unit % WORD_BITS);

	if (stash->words[unit >> WORD_SHIFT] & mask || !taken(pool, unit << WORD_SHIFT, 0))
		return -ENOENT;
	for (uint64_t i = 0; i < stash->pages >> WORD_SHIFT; i++)
		if (pool->level[0].words[unit + i])
			return -ENOENT;
	return stash_push(pool, stash, unit, mask);
}

int pool_free(struct pool *pool, uint64_t offset, uint64_t length)
{
	struct pool_stash *stash;
	uint64_t unit, mask;

	/* A block of the stash's orders. */
	if (length - 1 >= pool->stash_max || (length | offset) & (length - 1) ||
	    length < pool->page_size || offset > pool->size - length)
		return free_range(pool, offset, length);
	stash = &pool->stash[bits_first(length) - pool->page_shift];
	unit = offset >> stash->unit_shift;
	if (stash->pages > WORD_BITS)
		return free_units(pool, stash, unit);
	mask = stash->run << (unit % WORD_BITS);
	if (!taken(pool, offset >> pool->page_shift, mask | stash->below))
		return -ENOENT;
	return stash_push(pool, stash, unit, mask);
}

int pool_claim(struct pool *pool, uint64_t offset, uint64_t length)
{
	int error;

	error = to_pages(pool, &offset, &length);
	if (error)
		return error;
	pool_settle(pool);
	if (pool_words_free_run(pool, offset) < length)
		return -EBUSY;
	pool_words_take_range(pool, offset, length);
	pool->free_pages -= length;
	return 0;
}

uint64_t pool_size(const struct pool *pool)
{
	return pool->pages << pool->page_shift;
}

uint64_t pool_page_size(const struct pool *pool)
{
	return 1ull << pool->page_shift;
}

uint64_t pool_free_bytes(const struct pool *pool)
{
	return pool->free_pages << pool->page_shift;
}

size_t pool_metadata(const struct pool *pool)
{
	return sizeof(*pool) + pool->memory_size;
}
