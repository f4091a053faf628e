// SPDX-License-Identifier: MIT
/*
 * Requests with conditions, in pages: what makes sense, where it would lie, and the words for why
 * it cannot be had.
 */
#include <errno.h>
#include "base/text.h"
#include "pool/bitmap.h"

#define JOIN_TRIES 64 /* free extents that a joined request looks at */

enum problem {
	NO_PROBLEM,
	LENGTH_ZERO,
	LENGTH_BEYOND_POOL,
	LENGTH_ROUNDED_BEYOND_POOL,
	FLAGS_UNKNOWN,
	ALIGNMENT_ODD,
	ALIGNMENT_BEYOND_POOL,
	BOUNDS_CROSSED,
	BOUNDS_OUTSIDE,
	BOUNDS_NARROW,
};

static enum problem examine_length(const struct pool *pool, const struct pool_request *request,
				   struct pool_want *want)
{
	uint64_t last = (request->length - 1) >> pool->page_shift;

	if (request->flags & ~(uint32_t)(POOL_EXACT | POOL_SMALLEST | POOL_JOIN))
		return FLAGS_UNKNOWN;
	if (!request->length)
		return LENGTH_ZERO;
	if (last >= pool->pages)
		return LENGTH_BEYOND_POOL;
	want->order = log2_ceil(last + 1);
	want->count = request->flags & POOL_EXACT ? last + 1 : 1ull << want->order;
	return want->count <= pool->pages ? NO_PROBLEM : LENGTH_ROUNDED_BEYOND_POOL;
}

static enum problem examine_alignment(const struct pool *pool, const struct pool_request *request,
				      struct pool_want *want)
{
	if (request->alignment & (request->alignment - 1))
		return ALIGNMENT_ODD;
	if (request->alignment > pool->pages << pool->page_shift)
		return ALIGNMENT_BEYOND_POOL;
	want->alignment = request->alignment >> pool->page_shift;
	if (!want->alignment)
		want->alignment = 1;
	return NO_PROBLEM;
}

static enum problem examine_bounds(const struct pool *pool, const struct pool_request *request,
				   struct pool_want *want)
{
	uint64_t size = pool->pages << pool->page_shift, page = 1ull << pool->page_shift;
	uint64_t upper = request->upper ? request->upper : size;

	if (request->lower >= upper)
		return request->upper ? BOUNDS_CROSSED : BOUNDS_OUTSIDE;
	if (upper > size)
		return BOUNDS_OUTSIDE;
	want->lower = (request->lower + page - 1) >> pool->page_shift;
	want->upper = upper >> pool->page_shift;
	if (want->lower > want->upper || want->upper - want->lower < want->count)
		return BOUNDS_NARROW;
	return NO_PROBLEM;
}

static enum problem examine(const struct pool *pool, const struct pool_request *request,
			    struct pool_want *want)
{
	enum problem problem = examine_length(pool, request, want);

	if (!problem)
		problem = examine_alignment(pool, request, want);
	if (!problem)
		problem = examine_bounds(pool, request, want);
	if (!problem)
		want->anywhere = !want->lower && want->upper == pool->pages &&
				 want->alignment <= 1ull << want->order;
	return problem;
}

int pool_examine(const struct pool *pool, const struct pool_request *request,
		 struct pool_want *want)
{
	switch (examine(pool, request, want)) {
	case NO_PROBLEM:
		return 0;
	case LENGTH_BEYOND_POOL:
	case LENGTH_ROUNDED_BEYOND_POOL:
		return -E2BIG;
	default:
		return -EINVAL;
	}
}

static uint64_t align_up(uint64_t value, uint64_t alignment)
{
	return (value + alignment - 1) & ~(alignment - 1);
}

/* Whether the aligned block of this order at this page is free. */
static bool block_free(const struct pool *pool, unsigned int order, uint64_t page)
{
	struct pool_place place;

	if (!bitmap_cover(pool, page, &place))
		return false;
	return bitmap_order(pool, &place) >= order;
}

/*
 * The lowest offset that a block of the order may have within the bounds. One step for each free
 * block of the order that is not aligned enough, and no more of them than aligned offsets. The bins
 * are empty.
 */
bool pool_find(const struct pool *pool, const struct pool_want *want, uint64_t *page)
{
	uint64_t alignment = 1ull << want->order, at;
	struct pool_place next;

	if (alignment < want->alignment)
		alignment = want->alignment;
	at = align_up(want->lower, alignment);
	while (at < want->upper && want->count <= want->upper - at) {
		if (block_free(pool, want->order, at)) {
			*page = at;
			return true;
		}
		if (!bitmap_next(pool, want->order, at + 1, &next))
			return false;
		at = align_up(place_page(&next), alignment);
	}
	return false;
}

/* The first page of the free extent that a free page is in. */
static uint64_t extent_start(const struct pool *pool, uint64_t page)
{
	struct pool_place place;

	while (bitmap_cover(pool, page, &place)) {
		bitmap_order(pool, &place);
		page = place_page(&place);
		if (!page--)
			return 0;
	}
	return page + 1;
}

/*
 * A free extent is long enough for `count` pages only if it contains a block of a quarter of the
 * next power of two, so these are looked at, from the lowest on, with what is free on either side.
 */
bool pool_find_joined(const struct pool *pool, const struct pool_want *want, uint64_t *page)
{
	unsigned int order = want->order > 2 ? want->order - 2 : 0, tries = JOIN_TRIES;
	uint64_t from = 0, start, end;
	struct pool_place next;

	while (tries-- && bitmap_next(pool, order, from, &next)) {
		start = extent_start(pool, place_page(&next));
		from = start + bitmap_free_run(pool, start, UINT64_MAX);
		start = align_up(start < want->lower ? want->lower : start, want->alignment);
		end = from < want->upper ? from : want->upper;
		if (start < end && end - start >= want->count) {
			*page = start;
			return true;
		}
	}
	return false;
}

/*
 * The longest power of two that a request with this one's alignment and bounds would get; 0: none.
 */
static uint64_t find_fitting(struct pool *pool, const struct pool_request *request)
{
	struct pool_request smaller = *request;
	struct pool_want want;
	uint64_t page;

	pool_settle(pool);
	smaller.flags = 0;
	for (unsigned int order = POOL_ORDERS; order--;) {
		smaller.length = 1ull << order << pool->page_shift;
		if (pool->pages >> order && !examine(pool, &smaller, &want) &&
		    pool_find(pool, &want, &page))
			return smaller.length;
	}
	return 0;
}

uint64_t pool_largest(struct pool *pool)
{
	pool_settle(pool);
	return pool->nonempty ? 1ull << log2_floor(pool->nonempty) << pool->page_shift : 0;
}

static void explain_space(struct pool *pool, const struct pool_request *request, struct text *text)
{
	uint64_t fitting = find_fitting(pool, request);
	bool conditions = request->alignment || request->lower || request->upper;

	text_set(text, "no free block of ");
	text_add_size(text, request->length);
	text_add(text, conditions ? " under these conditions; " : "; ");
	if (fitting) {
		text_add(text, "the largest that would fit is ");
		text_add_size(text, fitting);
	} else {
		text_add(text, "nothing would fit");
	}
	text_add(text, ", ");
	text_add_size(text, pool_free_bytes(pool));
	text_add(text, " are free in all");
}

static void explain_length(struct pool *pool, const struct pool_request *request, struct text *text,
			   bool rounded)
{
	text_set(text, "length ");
	text_add_size(text, request->length);
	text_add(text, rounded ? ", as a power of two, is more than the pool has: "
			       : " is more than the pool has: ");
	text_add_size(text, pool_size(pool));
	text_add(text, "; the largest free block is ");
	text_add_size(text, pool_largest(pool));
}

static void explain_bounds(struct pool *pool, const struct pool_request *request, struct text *text,
			   const char *problem)
{
	text_set(text, "bounds 0x%llx to 0x%llx %s ", (unsigned long long)request->lower,
		 (unsigned long long)(request->upper ? request->upper : pool_size(pool)), problem);
	text_add_size(text, pool_size(pool));
}

void pool_explain(struct pool *pool, const struct pool_request *request, int error, char *buffer,
		  size_t size)
{
	unsigned long long alignment = request->alignment;
	struct pool_want want;
	struct text text;

	text_init(&text, buffer, size);
	switch (examine(pool, request, &want)) {
	case LENGTH_ZERO:
		return text_set(&text, "length is 0");
	case LENGTH_BEYOND_POOL:
		return explain_length(pool, request, &text, false);
	case LENGTH_ROUNDED_BEYOND_POOL:
		return explain_length(pool, request, &text, true);
	case FLAGS_UNKNOWN:
		return text_set(&text, "unknown flags in 0x%x", request->flags);
	case ALIGNMENT_ODD:
		return text_set(&text, "alignment 0x%llx is not a power of two", alignment);
	case ALIGNMENT_BEYOND_POOL:
		text_set(&text, "alignment 0x%llx is larger than the pool, which has ", alignment);
		return text_add_size(&text, pool_size(pool));
	case BOUNDS_CROSSED:
		return text_set(&text, "lower bound 0x%llx is not below upper bound 0x%llx",
				(unsigned long long)request->lower,
				(unsigned long long)request->upper);
	case BOUNDS_OUTSIDE:
		return explain_bounds(pool, request, &text, "are not within the pool, which has");
	case BOUNDS_NARROW:
		return explain_bounds(pool, request, &text,
				      "have no room for the length, in a pool of");
	case NO_PROBLEM:
		if (error == -ENOSPC)
			return explain_space(pool, request, &text);
		return text_set(&text, "error %d", error);
	}
}
