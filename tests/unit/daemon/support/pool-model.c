// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "pool-model.h"

bool pool_model_init(struct pool_model *model, uint64_t pages, uint64_t page_size,
		     unsigned int flags)
{
	*model = (struct pool_model){ .pages = pages, .page_size = page_size, .flags = flags };
	model->taken = calloc(pages, 1);
	model->before = calloc(pages + 1, sizeof(*model->before));
	model->grants = calloc(POOL_MODEL_GRANTS, sizeof(*model->grants));
	return model->taken && model->before && model->grants &&
	       pool_new(&model->pool, pages * page_size, page_size, flags) == 0;
}

void pool_model_destroy(struct pool_model *model)
{
	pool_destroy(model->pool);
	free(model->taken);
	free(model->before);
	free(model->grants);
}

static uint64_t draw(uint64_t *random, uint64_t n)
{
	uint64_t drawn = *random % n;

	*random = *random / n * 0x9E3779B97F4A7C15 + (*random >> 29);
	return drawn;
}

static void count(struct pool_model *model)
{
	for (uint64_t i = 0; i < model->pages; i++)
		model->before[i + 1] = model->before[i] + model->taken[i];
}

/* After count(). */
static bool is_free(const struct pool_model *model, uint64_t page, uint64_t pages)
{
	return page <= model->pages && pages <= model->pages - page &&
	       model->before[page + pages] == model->before[page];
}

static bool is_taken(const struct pool_model *model, uint64_t page, uint64_t pages)
{
	return model->before[page + pages] - model->before[page] == pages;
}

/* A block is free, and no longer one of which it is a part. */
static bool is_block(const struct pool_model *model, uint64_t page, unsigned int order)
{
	uint64_t larger = (uint64_t)2 << order;

	return is_free(model, page, (uint64_t)1 << order) &&
	       !is_free(model, page & ~(larger - 1), larger);
}

static int64_t smallest(const struct pool_model *model, unsigned int order)
{
	for (uint64_t size = (uint64_t)1 << order; size <= model->pages; size *= 2, order++)
		for (uint64_t page = 0; page < model->pages; page += size)
			if (is_block(model, page, order))
				return page;
	return -ENOSPC;
}

static int64_t lowest(const struct pool_model *model, const struct pool_request *request,
		      uint64_t pages, unsigned int order)
{
	uint64_t step = (uint64_t)1 << order,
		 upper = request->upper ? request->upper / model->page_size : model->pages;

	if (step * model->page_size < request->alignment)
		step = request->alignment / model->page_size;
	for (uint64_t page = 0; page < model->pages; page += step)
		if (page * model->page_size >= request->lower && page + pages <= upper &&
		    is_free(model, page, (uint64_t)1 << order))
			return page;
	return -ENOSPC;
}

static unsigned int order_of(uint64_t pages)
{
	unsigned int order = 0;

	while ((uint64_t)1 << order < pages)
		order++;
	return order;
}

static int64_t foretell(const struct pool_model *model, const struct pool_request *request,
			uint64_t *pages)
{
	uint64_t size = model->pages * model->page_size,
		 upper = request->upper ? request->upper : size, alignment, lower;
	unsigned int order;

	if (!request->length)
		return -EINVAL;
	if (request->length > size)
		return -E2BIG;
	*pages = (request->length + model->page_size - 1) / model->page_size;
	order = order_of(*pages);
	if (!(request->flags & POOL_EXACT))
		*pages = (uint64_t)1 << order;
	if (*pages > model->pages)
		return -E2BIG;
	lower = (request->lower + model->page_size - 1) / model->page_size;
	if (request->alignment & (request->alignment - 1) || request->alignment > size ||
	    upper > size || request->lower >= upper || lower + *pages > upper / model->page_size)
		return -EINVAL;
	alignment = request->alignment ? request->alignment : 1;
	if (!lower && upper == size && alignment <= model->page_size << order &&
	    (request->flags & (POOL_EXACT | POOL_SMALLEST)) != POOL_EXACT)
		return smallest(model, order);
	return lowest(model, request, *pages, order);
}

/* A block in a bin is not where the policy looks first, unless there are conditions. */
static bool is_placed_freely(const struct pool_model *model, const struct pool_request *request,
			     uint64_t pages)
{
	uint64_t size = model->pages * model->page_size;

	return !(model->flags & POOL_EAGER) && !request->lower &&
	       (!request->upper || request->upper == size) &&
	       request->alignment < 2 * pages * model->page_size;
}

static bool is_aligned(const struct pool_extent *grant, const struct pool_request *request)
{
	return !request->alignment || !(grant->offset & (request->alignment - 1));
}

static const char *check_grant(struct pool_model *model, const struct pool_request *request,
			       const struct pool_extent *grant, int64_t foretold, uint64_t pages)
{
	uint64_t page = grant->offset / model->page_size;
	uint64_t upper = request->upper ? request->upper : model->pages * model->page_size;

	if (grant->offset % model->page_size || grant->length != pages * model->page_size)
		return "a grant has the wrong length";
	if (!is_free(model, page, pages))
		return "a grant overlaps another";
	if (grant->offset < request->lower || grant->offset + grant->length > upper ||
	    !is_aligned(grant, request))
		return "a grant breaks its conditions";
	if (foretold >= 0 && !is_placed_freely(model, request, pages) && page != (uint64_t)foretold)
		return "a grant lies where the policy does not put it";
	if (!(request->flags & POOL_JOIN) && page % ((uint64_t)1 << order_of(pages)))
		return "a grant is not aligned to the next power of two";
	memset(model->taken + page, 1, pages);
	model->grants[model->n_grants++ % POOL_MODEL_GRANTS] = *grant;
	return NULL;
}

/* Blocks that are neighbours, or what was freed in exactly this length and is in its bin. */
static bool may_be_luck(const struct pool_model *model, const struct pool_request *request)
{
	return request->flags & POOL_JOIN ||
	       (request->flags & POOL_EXACT && !(model->flags & POOL_EAGER));
}

static const char *step_alloc(struct pool_model *model, const struct pool_request *request)
{
	struct pool_extent grant;
	uint64_t pages = 0;
	int64_t foretold;
	int error;

	count(model);
	foretold = foretell(model, request, &pages);
	error = pool_alloc(model->pool, request, &grant);
	if (error == 0 && foretold == -ENOSPC && may_be_luck(model, request))
		return check_grant(model, request, &grant, foretold, pages);
	if (error != (foretold < 0 ? foretold : 0))
		return error ? "a request fails that must not" : "a request succeeds that must not";
	return error ? NULL : check_grant(model, request, &grant, foretold, pages);
}

static const char *step_free(struct pool_model *model, const struct pool_extent *extent)
{
	uint64_t page = extent->offset / model->page_size,
		 pages = extent->length / model->page_size;
	int error = pool_free(model->pool, extent->offset, extent->length);

	if (!extent->length || extent->offset % model->page_size ||
	    extent->length % model->page_size || page >= model->pages ||
	    pages > model->pages - page)
		return error == -EINVAL ? NULL : "a range that is none of the pool's is freed";
	count(model);
	if (!is_taken(model, page, pages))
		return error == -ENOENT ? NULL : "free pages are freed";
	if (error)
		return "a range is not freed that should be";
	memset(model->taken + page, 0, pages);
	return NULL;
}

static const char *step_claim(struct pool_model *model, const struct pool_extent *extent)
{
	uint64_t page = extent->offset / model->page_size,
		 pages = extent->length / model->page_size;
	int error = pool_claim(model->pool, extent->offset, extent->length);

	if (!extent->length || page >= model->pages || pages > model->pages - page)
		return error == -EINVAL ? NULL : "a range that is none of the pool's is claimed";
	count(model);
	if (!is_free(model, page, pages))
		return error == -EBUSY ? NULL : "taken pages are claimed";
	if (error)
		return "a range is not claimed that should be";
	memset(model->taken + page, 1, pages);
	model->grants[model->n_grants++ % POOL_MODEL_GRANTS] = *extent;
	return NULL;
}

/* Short ones often, and sometimes anything up to a little more than the pool. */
static uint64_t draw_pages(struct pool_model *model, uint64_t *random)
{
	uint64_t limit = 1ull << draw(random, 14);

	return draw(random, 16) ? draw(random, limit) + 1
				: draw(random, model->pages + model->pages / 8 + 1);
}

static const char *random_alloc(struct pool_model *model, uint64_t *random, bool conditions)
{
	static const uint32_t flags[] = {
		0, 0, 0, POOL_EXACT, POOL_EXACT, POOL_EXACT | POOL_SMALLEST, POOL_EXACT | POOL_JOIN
	};
	uint64_t size = model->pages * model->page_size;
	struct pool_request request = { .flags = flags[draw(random, 7)] };

	request.length = draw_pages(model, random) * model->page_size - draw(random, 2);
	if (conditions && draw(random, 2))
		request.alignment =
			draw(random, 16) ? 1ull << draw(random, 30) : draw(random, size);
	if (conditions && draw(random, 2))
		request.lower = draw(random, size + 10);
	if (conditions && draw(random, 2))
		request.upper = draw(random, 8) ? request.lower + draw(random, size)
						: draw(random, size + 10);
	return step_alloc(model, &request);
}

static struct pool_extent random_extent(struct pool_model *model, uint64_t *random)
{
	return (struct pool_extent){ .offset = draw(random, model->pages + 1) * model->page_size,
				     .length = draw_pages(model, random) * model->page_size };
}

static const char *random_free(struct pool_model *model, uint64_t *random)
{
	uint32_t n = model->n_grants < POOL_MODEL_GRANTS ? model->n_grants : POOL_MODEL_GRANTS;
	struct pool_extent extent;

	if (!n)
		return NULL;
	extent = model->grants[draw(random, n)];
	if (!draw(random, 16)) /* and again */
		step_free(model, &extent);
	return step_free(model, &extent);
}

const char *pool_model_step(struct pool_model *model, uint64_t random)
{
	uint64_t kind = draw(&random, 64);
	struct pool_extent extent;

	if (kind < 24)
		return random_alloc(model, &random, false);
	if (kind < 30)
		return random_alloc(model, &random, true);
	if (kind < 56)
		return random_free(model, &random);
	extent = random_extent(model, &random);
	if (kind < 60)
		return step_free(model, &extent);
	if (kind < 63)
		return step_claim(model, &extent);
	return pool_model_compare(model);
}

static const char *compare_blocks(struct pool_model *model)
{
	uint64_t expected[POOL_ORDERS] = { 0 }, actual[POOL_ORDERS], largest = 0;

	for (unsigned int order = 0; (uint64_t)1 << order <= model->pages; order++)
		for (uint64_t page = 0; page < model->pages; page += (uint64_t)1 << order)
			if (is_block(model, page, order)) {
				expected[order]++;
				largest = model->page_size << order;
			}
	pool_blocks(model->pool, actual);
	if (memcmp(expected, actual, sizeof(expected)) != 0)
		return "free blocks by order are wrong";
	return pool_largest(model->pool) == largest ? NULL : "the largest free block is wrong";
}

static const char *compare_walk(struct pool_model *model)
{
	struct pool_extent extent;
	uint64_t at = 0;
	bool free_now;

	for (; pool_walk(model->pool, at, &extent, &free_now); at += extent.length) {
		uint64_t page = extent.offset / model->page_size,
			 pages = extent.length / model->page_size;

		if (extent.offset != at || !pages ||
		    !(free_now ? is_free : is_taken)(model, page, pages))
			return "the walk shows what is not so";
		if (page + pages < model->pages && model->taken[page] == model->taken[page + pages])
			return "the walk breaks an extent";
	}
	return at == model->pages * model->page_size ? NULL : "the walk ends early";
}

const char *pool_model_compare(struct pool_model *model)
{
	const char *wrong;

	if (pool_check(model->pool) != 0)
		return "the records disagree";
	count(model);
	if (pool_free_bytes(model->pool) !=
	    (model->pages - model->before[model->pages]) * model->page_size)
		return "the count of free bytes is wrong";
	wrong = compare_walk(model);
	if (!wrong)
		wrong = compare_blocks(model);
	if (!wrong && pool_check(model->pool) != 0)
		return "the records disagree once the bins are empty";
	return wrong;
}

const char *pool_model_drain(struct pool_model *model)
{
	for (uint64_t page = 0; page < model->pages; page++)
		if (model->taken[page]) {
			if (pool_free(model->pool, page * model->page_size, model->page_size) != 0)
				return "a taken page is not freed";
			model->taken[page] = 0;
		}
	return pool_model_compare(model);
}
