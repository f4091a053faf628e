// SPDX-License-Identifier: MIT
/*
 * The blocks of a pool and how clean they are. Extents are made when blocks are granted, so giving
 * back needs no memory and cannot fail.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <utlist.h>
#include "base/util.h"
#include "pool/blocks.h"

int blocks_new(struct blocks **blocksp, uint64_t size, uint64_t page, bool wipe)
{
	struct blocks *blocks = calloc(1, sizeof(*blocks));
	int r = blocks ? pool_new(&blocks->pool, size, page, 0) : -ENOMEM;

	if (r < 0) {
		free(blocks);
		return r;
	}
	blocks->page = page;
	blocks->wipe = wipe;
	*blocksp = blocks;
	return 0;
}

static void free_all(struct interval_set *set)
{
	while (set->root) {
		struct interval *root = set->root;

		interval_remove(set, root);
		free(container_of(root, struct extent, span));
	}
}

struct blocks *blocks_destroy(struct blocks *blocks)
{
	if (!blocks)
		return NULL;
	free_all(&blocks->suspect);
	free_all(&blocks->dirty);
	pool_destroy(blocks->pool);
	free(blocks);
	return NULL;
}

static struct extent *extent_new(uint64_t offset, uint64_t length)
{
	struct extent *extent = zalloc(sizeof(*extent));

	if (!extent)
		return NULL;
	extent->span = (struct interval){ .start = offset, .end = offset + length };
	extent->prev = extent; /* a list of one */
	return extent;
}

void extents_free(struct extent *list)
{
	while (list) {
		struct extent *next = list->next;

		free(list);
		list = next;
	}
}

static void release(struct blocks *blocks, uint64_t offset, uint64_t length)
{
	int r = pool_free(blocks->pool, offset, length);

	assert(r == 0);
	(void)r;
}

/* Fails as pool_alloc() does, and by -ENOMEM. The blocks that are granted may be suspect. */
int blocks_alloc(struct blocks *blocks, const struct pool_request *request, struct extent **list)
{
	_cleanup_(freep) struct extent *extent = extent_new(0, 0);
	struct pool_extent grant;
	int r = extent ? pool_alloc(blocks->pool, request, &grant) : -ENOMEM;

	if (r < 0)
		return r;
	extent->span.start = grant.offset;
	extent->span.end = grant.offset + grant.length;
	*list = steal_pointer(extent);
	return 0;
}

static int make_list(const struct pool_extent *grants, int n, struct extent **list)
{
	*list = NULL;
	for (int i = 0; i < n; i++) {
		struct extent *extent = extent_new(grants[i].offset, grants[i].length);

		if (!extent) {
			extents_free(steal_pointer(*list));
			return -ENOMEM;
		}
		DL_APPEND(*list, extent);
	}
	return 0;
}

/* In up to `most` extents. Fails as pool_scatter() does, and by -ENOMEM. */
int blocks_scatter(struct blocks *blocks, const struct pool_request *request, uint32_t most,
		   struct extent **list)
{
	_cleanup_(freep) struct pool_extent *grants = calloc(most, sizeof(*grants));
	int n = grants ? pool_scatter(blocks->pool, request, grants, most) : -ENOMEM;
	int r = n < 0 ? n : make_list(grants, n, list);

	for (int i = 0; r < 0 && i < n; i++)
		release(blocks, grants[i].offset, grants[i].length);
	return r;
}

/*
 * Takes exactly these, which somebody has already, to the end of the list. Errors as pool_claim() has
 * them, and -ENOMEM.
 */
int blocks_claim(struct blocks *blocks, uint64_t offset, uint64_t length, struct extent **list)
{
	_cleanup_(freep) struct extent *extent = extent_new(offset, length);
	int r = extent ? pool_claim(blocks->pool, offset, length) : -ENOMEM;

	if (r < 0)
		return r;
	DL_APPEND(*list, extent);
	extent = NULL;
	return 0;
}

/* They were granted, but nobody got to see them: as clean, or as suspect, as they were. */
void blocks_cancel(struct blocks *blocks, struct extent *list)
{
	const struct extent *extent;

	DL_FOREACH(list, extent)
		release(blocks, extent->span.start, extent_length(extent));
	extents_free(list);
}

/* Nobody reaches them any more. They are free at once, or as soon as they have been wiped. */
void blocks_give_back(struct blocks *blocks, struct extent *list)
{
	if (!blocks->wipe) {
		blocks_cancel(blocks, list);
		return;
	}
	for (struct extent *extent = list; extent; extent = extent->next) {
		interval_insert(&blocks->dirty, &extent->span);
		blocks->wiping += extent_length(extent);
	}
	DL_CONCAT(blocks->queue, list);
	if (blocks->dirtied)
		blocks->dirtied(blocks->data);
}

/* ---- suspects -------------------------------------------------------------------------------- */

/* Nobody knows who had what is free now. -ENOMEM: the blocks are not to be used. */
int blocks_suspect_free(struct blocks *blocks)
{
	struct pool_extent extent = { 0 };
	struct extent *suspect;
	bool is_free;

	if (!blocks->wipe)
		return 0;
	while (pool_walk(blocks->pool, extent.offset + extent.length, &extent, &is_free)) {
		if (!is_free)
			continue;
		suspect = extent_new(extent.offset, extent.length);
		if (!suspect)
			return -ENOMEM;
		interval_insert(&blocks->suspect, &suspect->span);
	}
	return 0;
}

/* A part of the extent that must be wiped before anybody gets it; false: there is none. */
bool blocks_next_suspect(const struct blocks *blocks, const struct extent *extent,
			 struct pool_extent *part)
{
	const struct interval *span = &extent->span, *found;
	uint64_t start, end;

	found = interval_overlap(&blocks->suspect, span->start, span->end);
	if (!found)
		return false;
	start = found->start > span->start ? found->start : span->start;
	end = found->end < span->end ? found->end : span->end;
	*part = (struct pool_extent){ .offset = start, .length = end - start };
	return true;
}

static uint64_t suspect_below(const struct interval *node, uint64_t start, uint64_t end)
{
	uint64_t from, to;

	if (!node || node->greatest <= start)
		return 0;
	from = node->start > start ? node->start : start;
	to = node->end < end ? node->end : end;
	return suspect_below(node->left, start, end) + (from < to ? to - from : 0) +
	       (node->start < end ? suspect_below(node->right, start, end) : 0);
}

/* How much of the list must be wiped before anybody gets it. */
uint64_t blocks_suspect_bytes(const struct blocks *blocks, const struct extent *list)
{
	const struct extent *extent;
	uint64_t bytes = 0;

	DL_FOREACH(list, extent)
		bytes += suspect_below(blocks->suspect.root, extent->span.start, extent->span.end);
	return bytes;
}

/*
 * Cuts [start, end) out of one suspect. `spare` is for what is left behind it, if something is left
 * before it as well.
 */
static void cut(struct interval_set *set, struct interval *found, uint64_t start, uint64_t end,
		struct extent *spare)
{
	uint64_t found_end = found->end;

	interval_remove(set, found);
	if (found->start < start) {
		found->end = start;
		interval_insert(set, found);
		if (found_end <= end)
			return;
		spare->span = (struct interval){ .start = end, .end = found_end };
		interval_insert(set, &spare->span);
	} else if (found_end > end) {
		found->start = end;
		interval_insert(set, found);
	} else {
		free(container_of(found, struct extent, span));
	}
}

/* They have been wiped. -ENOMEM: some are suspect still. */
int blocks_trust(struct blocks *blocks, uint64_t offset, uint64_t length)
{
	uint64_t end = offset + length;
	struct interval *found;
	struct extent *spare;

	while ((found = interval_overlap(&blocks->suspect, offset, end))) {
		spare = NULL;
		if (found->start < offset && found->end > end) {
			spare = extent_new(0, 0);
			if (!spare)
				return -ENOMEM;
		}
		cut(&blocks->suspect, found, offset, end, spare);
	}
	return 0;
}

/* ---- the queue ------------------------------------------------------------------------------- */

/* The part to wipe next; false: there is none. */
bool blocks_next_dirty(const struct blocks *blocks, struct pool_extent *part)
{
	const struct extent *first = blocks->queue;

	if (!first)
		return false;
	*part = (struct pool_extent){
		.offset = first->span.start + blocks->begun,
		.length = extent_length(first) - blocks->begun,
	};
	return true;
}

/*
 * So many more bytes of what is to be wiped next are clean now; pages that are clean as a whole are
 * free.
 */
void blocks_wiped(struct blocks *blocks, uint64_t wiped)
{
	struct extent *first = blocks->queue;
	uint64_t start = first->span.start;
	uint64_t length = (blocks->begun + wiped) / blocks->page * blocks->page;

	blocks->begun = (blocks->begun + wiped) % blocks->page;
	assert(length + blocks->begun <= extent_length(first));
	if (!length)
		return;
	interval_remove(&blocks->dirty, &first->span);
	first->span.start += length;
	blocks->wiping -= length;
	release(blocks, start, length);
	blocks_trust(blocks, start, length); /* blocks that this cannot note are wiped once more */
	if (first->span.start < first->span.end) {
		interval_insert(&blocks->dirty, &first->span);
		blocks->in_pieces = true;
		return;
	}
	DL_DELETE(blocks->queue, first);
	free(first);
	/* Together they are what the next request may want. */
	if (blocks->in_pieces)
		pool_settle(blocks->pool);
	blocks->in_pieces = false;
}
