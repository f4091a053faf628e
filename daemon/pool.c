// SPDX-License-Identifier: MIT
/*
 * Pools: making them, granting and taking back.
 *
 * Blocks that return go to the stash for their order first. Only power-of-two requests without conditions look there; what they
 * do not find, and all else, comes through the index.
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
	pool = aligned_alloc(_Alignof(struct pool_line),
			     sizeof(*pool) + -sizeof(*pool) % sizeof(struct pool_line));
	if (!pool)
		return -ENOMEM;
	*pool = (struct pool){ .size = size,
			       .pages = size / page_size,
			       .page_shift = log2_floor(page_size),
			       .flags = flags };
	error = pool_words_init(pool);
	if (error) {
		free(pool);
		return error;
	}
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
	uint64_t orders = pool->nonempty >> want->order;
	struct pool_place place;
	unsigned int order, r;

	if (!orders)
		return NOWHERE;
	order = want->order + bits_first(orders);
	place.level = order / LEVEL_ORDERS;
	r = order % LEVEL_ORDERS;
	place.word = index_first(pool, place.level, r);
	place.bit = bits_first(word_blocks(word_indexed(pool, place.level, place.word), r));
	pool_words_carve(pool, &place, want->count);
	return place_page(&place);
}

/* In one level: the first unit of the lowest run. With POOL_LOWEST nothing is kept from the index, nor said by halves. */
static inline uint64_t lowest_unit(const struct pool *pool, unsigned int level, unsigned int r)
{
	uint64_t word;

	if (pool->flags & POOL_LOWEST) {
		word = index_first(pool, level, r);
		return word << WORD_SHIFT |
		       bits_first(word_runs(pool->level[level].words[word], r));
	}
	word = index_first_from(pool, level, r);
	return word << WORD_SHIFT | bits_first(word_runs(word_indexed(pool, level, word), r));
}

/* The lowest of all sufficient blocks: one candidate for each level, whatever its order. */
static inline uint64_t take_lowest(struct pool *pool, const struct pool_want *want)
{
	unsigned int level = want->order / LEVEL_ORDERS, r = want->order % LEVEL_ORDERS;
	uint64_t orders = pool->nonempty >> want->order << r, lowest = NOWHERE, unit;
	struct pool_place best = { 0 };

	for (; orders; level++, orders >>= LEVEL_ORDERS, r = 0) {
		if (!(orders & MARK_ORDERS))
			continue;
		unit = lowest_unit(pool, level, r);
		if (unit << (level * LEVEL_ORDERS) < lowest) {
			lowest = unit << (level * LEVEL_ORDERS);
			best = (struct pool_place){ .level = level,
						    .word = unit >> WORD_SHIFT,
						    .bit = unit % WORD_BITS };
		}
	}
	if (lowest != NOWHERE)
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

static uint64_t take_indexed(struct pool *pool, const struct pool_want *want, unsigned int flags)
{
	if (pool->flags & POOL_LOWEST || (flags & (POOL_EXACT | POOL_SMALLEST)) == POOL_EXACT)
		return take_lowest(pool, want);
	return take_smallest(pool, want);
}

/* Everything but what the stash has at hand. */
static NOINLINE uint64_t take(struct pool *pool, const struct pool_want *want, unsigned int flags)
{
	uint64_t page = NOWHERE;

	if (!want->anywhere)
		page = take_within(pool, want);
	else if (!(flags & POOL_EXACT) && want->order < STASH_ORDERS)
		page = pool_stash_pop(pool, &pool->stash[want->order]);
	if (page == NOWHERE && want->anywhere)
		page = take_indexed(pool, want, flags);
	if (page == NOWHERE && want->anywhere && !pool_is_settled(pool)) {
		pool_settle(pool);
		page = take_indexed(pool, want, flags);
	}
	if (page == NOWHERE && (flags & POOL_JOIN) && (flags & POOL_EXACT))
		page = take_joined(pool, want);
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

int pool_alloc(struct pool *pool, const struct pool_request *request, struct pool_extent *grant)
{
	uint64_t last = (request->length - 1) >> pool->page_shift, page;
	struct pool_stash *stash;

	/* The usual request. If the stash has an entry for it, the pool has room for the order. */
	if (request->alignment | request->lower | request->upper | request->flags ||
	    last >= 1u << (STASH_ORDERS - 1))
		return alloc_examined(pool, request, grant);
	stash = &pool->stash[log2_floor(last << 1 | 1)]; /* rounded up, of last + 1 */
	page = stash_pop_unknown(pool, stash);
	if (page == NOWHERE)
		return alloc_examined(pool, request, grant);
	pool->free_pages -= 1ull << stash->order;
	grant->offset = page << pool->page_shift;
	grant->length = 1ull << stash->order << pool->page_shift;
	return 0;
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

/* No bit is set that stands for more than the word. */
static inline bool above_taken(const struct pool *pool, unsigned int level, uint64_t word)
{
	for (unsigned int l = level + 1; l < pool->levels; l++, word >>= WORD_SHIFT)
		if (pool->level[l].words[word >> WORD_SHIFT] >> (word % WORD_BITS) & 1)
			return false;
	return true;
}

/* Pages that have their bits in one word. */
static int free_in_word(struct pool *pool, uint64_t page, uint64_t count)
{
	uint64_t word = page >> WORD_SHIFT, old = pool->level[0].words[word];
	uint64_t mask = bits_mask(count) << (page % WORD_BITS);

	if (old & mask || (!old && !above_taken(pool, 0, word)))
		return -ENOENT;
	pool->free_pages += count;
	pool_words_give(pool, 0, word, mask);
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

static inline bool block_taken(const struct pool *pool, const struct pool_stash *stash,
			       uint64_t unit)
{
	uint64_t word = stash->words[unit >> WORD_SHIFT];

	if (word & stash->run << (unit % WORD_BITS))
		return false;
	/* What is free is said once: if a part of the word is, nothing above it is. */
	if (!word && !above_taken(pool, stash->level, unit >> WORD_SHIFT))
		return false;
	if (stash->level)
		for (uint64_t run = stash->run; run; run >>= 1)
			if (pool->level[0].words[unit++])
				return false;
	return true;
}

static NOINLINE int free_to_full_stash(struct pool *pool, struct pool_stash *stash, uint64_t unit)
{
	pool_stash_make_room(pool, stash);
	stash_push(pool, stash, unit);
	return 0;
}

int pool_free(struct pool *pool, uint64_t offset, uint64_t length)
{
	unsigned int order = bits_first(length | 1ull << 63) - pool->page_shift;
	struct pool_stash *stash;
	uint64_t unit;

	/* A block of the stash's orders; order is large if the length is less than a page. */
	if (length - 1 >= pool->stash_max || (length | offset) & (length - 1) ||
	    order >= STASH_ORDERS || offset >= pool->size || pool->size - offset < length)
		return free_range(pool, offset, length);
	stash = &pool->stash[order];
	unit = offset >> pool->page_shift >> stash->unit_shift;
	if (!block_taken(pool, stash, unit))
		return -ENOENT;
	pool->free_pages += 1ull << order;
	if (stash_is_full(stash))
		return free_to_full_stash(pool, stash, unit);
	stash_push(pool, stash, unit);
	return 0;
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
