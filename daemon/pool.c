// SPDX-License-Identifier: MIT
/*
 * Pools: making them, granting and taking back.
 *
 * Blocks that return go to a stash for their order first: their bits are set, so they count as free to every check, but
 * the index is not told until the entry is pushed out by younger ones, or something fails to be found. A request for the
 * same order takes the youngest back at the price of a bit. Only power-of-two requests without conditions look there.
 */
#include <errno.h>
#include <stdlib.h>
#include "pool-words.h"
#include "util.h"

#define NOWHERE UINT64_MAX

int pool_new(struct pool **out, uint64_t size, uint64_t page_size, unsigned int flags)
{
	struct pool *pool;
	int error;

	if (!page_size || page_size & (page_size - 1) || !size || size & (page_size - 1) ||
	    flags & ~(unsigned int)(POOL_EAGER | POOL_PREFAULT))
		return -EINVAL;
	if (size / page_size >> POOL_ORDERS)
		return -E2BIG;
	pool = aligned_alloc(_Alignof(struct pool_line),
			     sizeof(*pool) + -sizeof(*pool) % sizeof(struct pool_line));
	if (!pool)
		return -ENOMEM;
	*pool = (struct pool){ .pages = size / page_size,
			       .page_shift = log2_floor(page_size),
			       .flags = flags };
	while (pool->n_idle < STASH_SLOTS) {
		pool->idle[pool->n_idle] = STASH_SLOTS - pool->n_idle;
		pool->n_idle++;
	}
	error = pool_words_init(pool);
	if (error) {
		free(pool);
		return error;
	}
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

/* Where a block lies in the words of its level. */
static inline uint64_t block_place(unsigned int order, uint64_t block, struct pool_place *place)
{
	unsigned int r = order % LEVEL_ORDERS;
	uint64_t unit = block << r;

	*place = (struct pool_place){ .level = order / LEVEL_ORDERS,
				      .word = unit >> WORD_SHIFT,
				      .bit = unit % WORD_BITS };
	return bits_mask(1u << r) << place->bit;
}

/* The index learns of everything in the word of an entry that leaves the stash. */
static void stash_forget(struct pool *pool, unsigned int order, uint64_t block)
{
	struct pool_place place;

	block_place(order, block, &place);
	if (pool->level[place.level].marks[place.word] > MARK_ORDERS)
		word_sync(pool, place.level, place.word);
}

/* Takes a block if it is free still. */
static inline bool stash_take(struct pool *pool, unsigned int order, uint64_t block)
{
	struct pool_place place;
	uint64_t mask = block_place(order, block, &place), *slot, *word;
	pool_mark *mark;

	mark = &pool->level[place.level].marks[place.word];
	word = &pool->level[place.level].words[place.word];
	slot = &pool->slots[*mark >> LEVEL_ORDERS];
	if ((*slot & mask) == mask) {
		*word &= ~mask;
		*slot &= ~mask;
		if (!*slot) {
			pool->idle[pool->n_idle++] = *mark >> LEVEL_ORDERS;
			*mark &= MARK_ORDERS;
		}
		return true;
	}
	if ((*word & mask) != mask) {
		stash_forget(pool, order, block);
		return false;
	}
	*word &= ~mask;
	word_sync(pool, place.level, place.word);
	return true;
}

static inline uint64_t stash_pop(struct pool *pool, unsigned int order)
{
	struct pool_stash *stash = &pool->stash[order];

	while (stash->count) {
		uint64_t block = stash->block[--stash->newest % STASH_ENTRIES];

		stash->count--;
		if (stash_take(pool, order, block))
			return block << order;
	}
	return NOWHERE;
}

static inline void stash_push(struct pool *pool, unsigned int order, uint64_t block)
{
	struct pool_stash *stash = &pool->stash[order];
	struct pool_place place;
	uint64_t mask = block_place(order, block, &place),
		 *word = &pool->level[place.level].words[place.word];
	pool_mark *mark = &pool->level[place.level].marks[place.word];

	if ((*word | mask) == ~0ull) {
		pool_words_give(pool, place.level, place.word, mask);
		return;
	}
	if (stash->count == STASH_ENTRIES)
		stash_forget(pool, order, stash->block[stash->newest % STASH_ENTRIES]);
	else
		stash->count++;
	*word |= mask;
	if (*mark <= MARK_ORDERS)
		*mark |= pool->idle[--pool->n_idle] << LEVEL_ORDERS;
	pool->slots[*mark >> LEVEL_ORDERS] |= mask;
	stash->block[stash->newest++ % STASH_ENTRIES] = block;
}

/* Empties the stash: from here on the index knows all that is free. */
void pool_settle(struct pool *pool)
{
	if (pool->n_idle == STASH_SLOTS)
		return;
	for (unsigned int order = 0; order < STASH_ORDERS; order++) {
		struct pool_stash *stash = &pool->stash[order];

		for (; stash->count; stash->count--)
			stash_forget(pool, order, stash->block[--stash->newest % STASH_ENTRIES]);
	}
	assert(pool->n_idle == STASH_SLOTS);
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

/* The lowest of all sufficient blocks: one candidate for each level, whatever its order. */
static inline uint64_t take_lowest(struct pool *pool, const struct pool_want *want)
{
	unsigned int level = want->order / LEVEL_ORDERS, r = want->order % LEVEL_ORDERS;
	uint64_t orders = pool->nonempty >> want->order << r, lowest = NOWHERE;
	struct pool_place best = { 0 }, place;

	for (; orders; level++, orders >>= LEVEL_ORDERS, r = 0) {
		if (!(orders & MARK_ORDERS))
			continue;
		place.level = level;
		place.word = index_first_from(pool, level, r);
		place.bit = bits_first(word_runs(word_indexed(pool, level, place.word), r));
		if (place_page(&place) < lowest) {
			lowest = place_page(&place);
			best = place;
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
	if ((flags & (POOL_EXACT | POOL_SMALLEST)) == POOL_EXACT)
		return take_lowest(pool, want);
	return take_smallest(pool, want);
}

static uint64_t take(struct pool *pool, const struct pool_want *want, unsigned int flags)
{
	uint64_t page = NOWHERE;

	if (!want->anywhere)
		page = take_within(pool, want);
	else if (!(flags & POOL_EXACT) && want->order < STASH_ORDERS)
		page = stash_pop(pool, want->order);
	if (page == NOWHERE && want->anywhere)
		page = take_indexed(pool, want, flags);
	if (page == NOWHERE && want->anywhere && pool->n_idle != STASH_SLOTS) {
		pool_settle(pool);
		page = take_indexed(pool, want, flags);
	}
	if (page == NOWHERE && (flags & POOL_JOIN) && (flags & POOL_EXACT))
		page = take_joined(pool, want);
	return page;
}

/* The usual request at a glance; all others are examined. */
static inline int understand(const struct pool *pool, const struct pool_request *request,
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

int pool_alloc(struct pool *pool, const struct pool_request *request, struct pool_extent *grant)
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

int pool_free(struct pool *pool, uint64_t offset, uint64_t length)
{
	unsigned int order;
	int error;

	error = to_pages(pool, &offset, &length);
	if (error)
		return error;
	order = log2_floor(length);
	if (order >= STASH_ORDERS)
		pool_settle(pool);
	if (!pool_words_all_taken(pool, offset, length))
		return -ENOENT;
	pool->free_pages += length;
	if (order < STASH_ORDERS && !((length | offset) & (length - 1)) &&
	    !(pool->flags & POOL_EAGER))
		stash_push(pool, order, offset >> order);
	else
		pool_words_give_range(pool, offset, length);
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
