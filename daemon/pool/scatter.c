// SPDX-License-Identifier: MIT
/*
 * A request that no one extent can hold, granted in several: blocks of a power of two of pages, each
 * at a multiple of its own length, the longest first. So each lies at a multiple of its own length
 * behind the ones before it as well, wherever these lie in the pool. Lengths that divide each other
 * make this the smallest number of extents that the free blocks admit.
 */
#include <errno.h>
#include "pool/bitmap.h"

/* What is still to be taken, and from where on: blocks of one order are taken from below. */
struct scatter {
	struct pool *pool;
	const struct pool_request *request;
	uint64_t left; /* pages */
	uint64_t from; /* bytes */
	unsigned int order;
};

static void step_down(struct scatter *scatter)
{
	scatter->order--;
	scatter->from = scatter->request->lower;
}

/* A block of the order, or an error: there is none within the bounds. */
static int take_block(struct scatter *scatter, struct pool_extent *extent)
{
	const struct pool_request *request = scatter->request;
	struct pool_request block = {
		.length = 1ull << scatter->order << scatter->pool->page_shift,
		.lower = scatter->from,
		.upper = request->upper,
	};
	int error;

	/* A block is aligned to its length, and a request without conditions is the cheap one. */
	if (request->alignment > block.length)
		block.alignment = request->alignment;
	error = pool_alloc(scatter->pool, &block, extent);
	if (error)
		return error;
	scatter->left -= 1ull << scatter->order;
	if (request->lower || request->upper || block.alignment)
		scatter->from = extent->offset + extent->length;
	return 0;
}

static void give_back(struct pool *pool, const struct pool_extent *extents, size_t n)
{
	while (n--)
		pool_free(pool, extents[n].offset, extents[n].length);
}

/* Returns how many there are, or an error: the first `*n` of them are taken nevertheless. */
static int take_blocks(struct scatter *scatter, struct pool_extent *extents, size_t most, size_t *n)
{
	while (scatter->left) {
		while (1ull << scatter->order > scatter->left)
			step_down(scatter);
		if (*n == most)
			return -EOVERFLOW;
		if (!take_block(scatter, &extents[*n]))
			++*n;
		else if (scatter->order)
			step_down(scatter);
		else
			return -ENOSPC;
	}
	return (int)*n;
}

int pool_scatter(struct pool *pool, const struct pool_request *request, struct pool_extent *extents,
		 size_t most)
{
	struct scatter scatter = { .pool = pool, .request = request, .from = request->lower };
	struct pool_want want;
	size_t n = 0;
	int r = pool_examine(pool, request, &want);

	if (r)
		return r;
	if (pool_free_bytes(pool) >> pool->page_shift < want.count)
		return -ENOSPC;
	scatter.left = want.count;
	scatter.order = log2_floor(want.count);
	r = take_blocks(&scatter, extents, most, &n);
	if (r < 0)
		give_back(pool, extents, n);
	return r;
}
