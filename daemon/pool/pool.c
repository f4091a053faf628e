// SPDX-License-Identifier: MIT
/*
 * Pools: making them, granting and taking back.
 *
 * Blocks that return go to the bin for their length first, and requests without conditions look
 * there. A block that they do not find, and any for another request, comes through the summary.
 */
#include <errno.h>
#include <stdlib.h>
#include "base/util.h"
#include "pool/bins.h"

#define NOINLINE __attribute__((noinline))

int pool_new(struct pool **out, uint64_t size, uint64_t page_size, unsigned int flags)
{
	struct pool *pool;
	int error;

	if (!page_size || page_size & (page_size - 1) || !size || size & (page_size - 1) ||
	    flags & ~(unsigned int)(POOL_EAGER | POOL_PREFAULT))
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
	error = bitmap_init(pool);
	if (error) {
		free(pool);
		return error;
	}
	bins_init(pool);
	bitmap_give_range(pool, 0, pool->pages);
	pool->free_pages = pool->pages;
	*out = pool;
	return 0;
}

struct pool *pool_destroy(struct pool *pool)
{
	if (pool) {
		bitmap_destroy(pool);
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
		place.word = summary_first(pool, place.level, r);
		blocks = word_blocks(pool->level[place.level].words[place.word], r);
		if (blocks) {
			place.bit = bits_first(blocks);
			bitmap_carve(pool, &place, want->count);
			return place_page(&place);
		}
		summary_settle(pool, place.level, place.word);
	}
	return NOWHERE;
}

/* The lowest of all sufficient blocks. */
static inline uint64_t take_lowest(struct pool *pool, const struct pool_want *want)
{
	struct pool_place place;

	if (!summary_lowest(pool, want->order, &place))
		return NOWHERE;
	bitmap_carve(pool, &place, want->count);
	return place_page(&place);
}

static uint64_t take_within(struct pool *pool, const struct pool_want *want)
{
	uint64_t page;

	pool_settle(pool);
	if (!pool_find(pool, want, &page))
		return NOWHERE;
	bitmap_take_range(pool, page, want->count);
	return page;
}

static uint64_t take_joined(struct pool *pool, const struct pool_want *want)
{
	uint64_t page;

	pool_settle(pool);
	if (!pool_find_joined(pool, want, &page))
		return NOWHERE;
	bitmap_take_range(pool, page, want->count);
	return page;
}

static inline uint64_t take_summarized(struct pool *pool, const struct pool_want *want,
				       unsigned int flags)
{
	if ((flags & (POOL_EXACT | POOL_SMALLEST)) == POOL_EXACT)
		return take_lowest(pool, want);
	return take_smallest(pool, want);
}

/*
 * Blocks that are not found at once: under conditions, unknown to the summary yet, or next to each
 * other.
 */
static NOINLINE uint64_t take_with_care(struct pool *pool, const struct pool_want *want,
					unsigned int flags)
{
	uint64_t page = NOWHERE;

	if (!want->anywhere)
		page = take_within(pool, want);
	else if (!pool_is_settled(pool)) {
		pool_settle(pool);
		page = take_summarized(pool, want, flags);
	}
	if (page == NOWHERE && (flags & POOL_JOIN) && (flags & POOL_EXACT))
		page = take_joined(pool, want);
	return page;
}

static inline uint64_t take(struct pool *pool, const struct pool_want *want, unsigned int flags)
{
	uint64_t page = NOWHERE;

	if (want->anywhere && pool->bin_max)
		page = bin_pop(pool, bin_of(pool, want->count));
	if (page == NOWHERE && want->anywhere)
		page = take_summarized(pool, want, flags);
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
 * The summary knows all that is free, but nothing of this order or any higher one. Mostly it does
 * not know all, and this is not looked at.
 */
static inline bool is_hopeless(const struct pool *pool, unsigned int order)
{
	return pool_is_settled(pool) && !(pool->nonempty >> order);
}

/* More pages than there are bins for, or, as a power of two, more than the pool may have. */
static NOINLINE int alloc_beyond_bins(struct pool *pool, uint64_t last,
				      const struct pool_request *request, struct pool_extent *grant)
{
	unsigned int order = log2_floor(last << 1 | 1);

	if (last < pool->pages && is_hopeless(pool, order) &&
	    (request->flags || 1ull << order <= pool->pages))
		return -ENOSPC;
	return alloc_examined(pool, request, grant);
}

/*
 * The newest entry of the bin is a block still, and is granted. The summary is told at the end, by
 * a call that needs nothing of here: so nothing is kept meanwhile.
 */
static inline int alloc_binned(struct pool *pool, struct pool_bin *bin,
			       const struct pool_request *request, struct pool_extent *grant)
{
	uint64_t unit, mask, left;

	if (!bin->n)
		return bin->pages && is_hopeless(pool, bin->order)
			       ? -ENOSPC
			       : alloc_examined(pool, request, grant);
	unit = bin->unit[bin->n - 1];
	mask = bin->run << (unit % WORD_BITS);
	left = bin->words[unit >> WORD_SHIFT] ^ mask;
	if (left & mask)
		return alloc_examined(pool, request, grant);
	grant->offset = unit << bin->unit_shift;
	grant->length = bin->length;
	return bin_take(pool, bin, unit >> WORD_SHIFT, left);
}

static NOINLINE int alloc_by_pages(struct pool *pool, const struct pool_request *request,
				   struct pool_extent *grant)
{
	uint64_t last = (request->length - 1) >> pool->page_shift;

	if (request->alignment | request->lower | request->upper ||
	    request->flags & ~(uint32_t)POOL_EXACT)
		return alloc_examined(pool, request, grant);
	if (last >= BIN_PAGES || !request->flags)
		return alloc_beyond_bins(pool, last, request, grant);
	return alloc_binned(pool, &pool->bins[last], request, grant);
}

int pool_alloc(struct pool *pool, const struct pool_request *request, struct pool_extent *grant)
{
	uint64_t last = request->length - 1;

	if (request->alignment | request->lower | request->upper | request->flags ||
	    last >= pool->bin_max)
		return alloc_by_pages(pool, request, grant);
	return alloc_binned(pool, pool->bin_for[log2_floor(last << 1 | 1)], request, grant);
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

/* No unit is free that word j of a level is in. If anything of the word is free, that is so. */
static inline bool above_taken(const struct pool *pool, unsigned int l, uint64_t j)
{
	uint64_t word = 0;

	while (!word && ++l < pool->levels) {
		word = pool->level[l].words[j >> WORD_SHIFT];
		if (word >> (j % WORD_BITS) & 1)
			return false;
		j >>= WORD_SHIFT;
	}
	return true;
}

/* Pages that have their bits in one word. */
static int free_in_word(struct pool *pool, uint64_t page, uint64_t count)
{
	uint64_t mask = bits_mask(count) << (page % WORD_BITS), j = page >> WORD_SHIFT;
	uint64_t word = pool->level[0].words[j];

	if (word & mask || (!word && !above_taken(pool, 0, j)))
		return -ENOENT;
	pool->free_pages += count;
	bitmap_give(pool, 0, j, mask);
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
	if (length >= 1u << BIN_ORDERS)
		pool_settle(pool);
	if (!bitmap_all_taken(pool, offset, length))
		return -ENOENT;
	pool->free_pages += length;
	bitmap_give_range(pool, offset, length);
	return 0;
}

/* A block that the bin takes, in a word of which nothing is free. */
static NOINLINE int free_alone(struct pool *pool, struct pool_bin *bin, uint64_t unit)
{
	if (!above_taken(pool, bin->level, unit >> WORD_SHIFT))
		return -ENOENT;
	return bin_give(pool, bin, unit, bin->run << (unit % WORD_BITS));
}

/* A block that the bin takes, of which nothing is free at lower levels. */
static inline int free_units(struct pool *pool, struct pool_bin *bin, uint64_t unit)
{
	uint64_t word = bin->words[unit >> WORD_SHIFT], mask = bin->run << (unit % WORD_BITS);

	if (!word)
		return free_alone(pool, bin, unit);
	return word & mask ? -ENOENT : bin_give(pool, bin, unit, mask);
}

/* A block that the bin takes, whose pages are whole words of level 0. */
static NOINLINE int free_words(struct pool *pool, struct pool_bin *bin, uint64_t unit)
{
	const uint64_t *word = pool->level[0].words + unit, *end = word + bin->below;

	do
		if (*word)
			return -ENOENT;
	while (++word < end);
	return free_units(pool, bin, unit);
}

/* Whether this is where, and as long as, a block of the bin may be. */
static inline bool is_block(const struct pool_bin *bin, uint64_t offset, uint64_t length)
{
	return length == bin->length && !(offset & bin->within) && offset < bin->end;
}

static inline int free_block(struct pool *pool, struct pool_bin *bin, uint64_t offset)
{
	offset >>= bin->unit_shift;
	return bin->below ? free_words(pool, bin, offset) : free_units(pool, bin, offset);
}

/* Of no power of two. */
static NOINLINE int free_by_pages(struct pool *pool, uint64_t offset, uint64_t length)
{
	uint64_t last = (length - 1) >> pool->page_shift;

	if (last < BIN_PAGES && is_block(&pool->bins[last], offset, length))
		return free_block(pool, &pool->bins[last], offset);
	return free_range(pool, offset, length);
}

int pool_free(struct pool *pool, uint64_t offset, uint64_t length)
{
	struct pool_bin *bin = pool->bin_for[bits_first(length | 1ull << 63)];

	if (is_block(bin, offset, length))
		return free_block(pool, bin, offset);
	return free_by_pages(pool, offset, length);
}

int pool_claim(struct pool *pool, uint64_t offset, uint64_t length)
{
	int error;

	error = to_pages(pool, &offset, &length);
	if (error)
		return error;
	pool_settle(pool);
	if (bitmap_free_run(pool, offset, length) < length)
		return -EBUSY;
	bitmap_take_range(pool, offset, length);
	pool->free_pages -= length;
	return 0;
}
