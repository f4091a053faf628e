// SPDX-License-Identifier: MIT
/*
 * The blocks of a pool: what is suspect, what waits to be wiped, and that nothing is lost on the
 * way.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>
#include "daemon/pool/blocks.h"

#define PAGE 4096ull
#define PAGES 256ull

static struct blocks *blocks;
static unsigned int n_dirtied;

static void dirtied(void *data)
{
	n_dirtied++;
}

static void make(bool wipe)
{
	cr_assert_eq(blocks_new(&blocks, PAGES * PAGE, PAGE, wipe), 0);
	blocks->dirtied = dirtied;
}

static void with_wipe(void)
{
	make(true);
}

static void destroy(void)
{
	blocks = blocks_destroy(blocks);
}

TestSuite(blocks, .init = with_wipe, .fini = destroy);

/* NULL: no pages in a row are so many. */
static struct extent *try(uint64_t pages)
{
	const struct pool_request request = { .length = pages * PAGE, .flags = POOL_EXACT };
	struct extent *extent = NULL;
	int r = blocks_alloc(blocks, &request, &extent);

	if (r == -ENOSPC)
		return NULL;
	cr_assert_eq(r, 0);
	cr_assert_eq(extent_length(extent), pages * PAGE);
	return extent;
}

static struct extent *take(uint64_t pages)
{
	struct extent *extent = try(pages);

	cr_assert_not_null(extent);
	return extent;
}

static uint64_t free_pages(void)
{
	return pool_free_bytes(blocks->pool) / PAGE;
}

Test(blocks, that_come_back_are_taken_until_they_are_wiped)
{
	struct extent *extent = take(3);
	struct pool_extent part;
	uint64_t start = extent->span.start;

	cr_assert_not(blocks_next_dirty(blocks, &part));
	blocks_give_back(blocks, extent);
	cr_assert_eq(n_dirtied, 1u);
	cr_assert_eq(free_pages(), PAGES - 3);
	cr_assert_eq(blocks->wiping, 3 * PAGE);
	cr_assert(blocks_next_dirty(blocks, &part));
	cr_assert_eq(part.offset, start);
	cr_assert_eq(part.length, 3 * PAGE);
	blocks_wiped(blocks, PAGE);
	cr_assert_eq(free_pages(), PAGES - 2);
	cr_assert(blocks_next_dirty(blocks, &part));
	cr_assert_eq(part.offset, start + PAGE);
	blocks_wiped(blocks, 2 * PAGE);
	cr_assert_eq(free_pages(), PAGES);
	cr_assert_eq(blocks->wiping, 0u);
	cr_assert_null(blocks->dirty.root);
	cr_assert_not(blocks_next_dirty(blocks, &part));
}

/* What is wiped as a whole is the next one's as it is; of pieces the pool makes one again. */
Test(blocks, that_come_back_in_pieces_are_had_as_a_whole)
{
	struct extent *extent = take(4);
	uint64_t start = extent->span.start;

	blocks_give_back(blocks, extent);
	blocks_wiped(blocks, PAGE);
	cr_assert(blocks->in_pieces);
	blocks_wiped(blocks, 3 * PAGE);
	cr_assert_not(blocks->in_pieces);
	extent = take(4);
	cr_assert_eq(extent->span.start, start);
	blocks_give_back(blocks, extent);
	blocks_wiped(blocks, 4 * PAGE);
	cr_assert_not(blocks->in_pieces);
	cr_assert_eq(pool_largest(blocks->pool), PAGES * PAGE);
	cr_assert_eq(pool_check(blocks->pool), 0);
}

Test(blocks, that_need_no_wiping_are_free_at_once, .init = NULL)
{
	make(false);
	cr_assert_eq(blocks_suspect_free(blocks), 0);
	cr_assert_null(blocks->suspect.root);
	blocks_give_back(blocks, take(5));
	cr_assert_eq(free_pages(), PAGES);
	cr_assert_eq(n_dirtied, 0u);
}

Test(blocks, that_were_free_from_the_start_are_suspect_and_those_that_were_held_are_not)
{
	struct extent *held = NULL, *extent;
	struct pool_extent part;

	cr_assert_eq(blocks_claim(blocks, 2 * PAGE, 2 * PAGE, &held), 0);
	cr_assert_eq(blocks_suspect_free(blocks), 0);
	cr_assert_not(blocks_next_suspect(blocks, held, &part));
	extent = take(1);
	cr_assert(blocks_next_suspect(blocks, extent, &part));
	cr_assert_eq(part.offset, extent->span.start, "only what is granted is wiped");
	cr_assert_eq(part.length, PAGE);
	cr_assert_eq(blocks_trust(blocks, part.offset, part.length), 0);
	cr_assert_not(blocks_next_suspect(blocks, extent, &part));
	blocks_cancel(blocks, extent);
	free(held);
}

Test(blocks, claimed_twice_or_outside_are_refused)
{
	struct extent *held = NULL, *other = NULL;

	cr_assert_eq(blocks_claim(blocks, 0, 4 * PAGE, &held), 0);
	cr_assert_eq(blocks_claim(blocks, 3 * PAGE, PAGE, &other), -EBUSY);
	cr_assert_eq(blocks_claim(blocks, PAGES * PAGE, PAGE, &other), -EINVAL);
	cr_assert_eq(blocks_claim(blocks, 5 * PAGE + 1, PAGE, &other), -EINVAL);
	cr_assert_eq(blocks_claim(blocks, 5 * PAGE, 0, &other), -EINVAL);
	cr_assert_null(other);
	blocks_cancel(blocks, held);
	cr_assert_eq(free_pages(), PAGES);
}

Test(blocks, cancelled_are_as_suspect_as_before)
{
	struct pool_extent part;
	struct extent *extent;

	cr_assert_eq(blocks_suspect_free(blocks), 0);
	blocks_cancel(blocks, take(4));
	extent = take(4);
	cr_assert(blocks_next_suspect(blocks, extent, &part));
	blocks_cancel(blocks, extent);
}

/* Every other page is somebody's; `*kept`: a list of these. */
static void riddle(struct extent **kept)
{
	struct extent *other[PAGES];

	for (uint64_t i = 0; i < PAGES; i++)
		other[i] = take(1);
	*kept = NULL;
	for (uint64_t i = 0; i < PAGES; i++) {
		if (i % 2)
			DL_APPEND(*kept, other[i]);
		else
			blocks_cancel(blocks, other[i]);
	}
}

static int scatter(uint64_t pages, uint32_t most, struct extent **list)
{
	const struct pool_request request = { .length = pages * PAGE, .flags = POOL_EXACT };

	return blocks_scatter(blocks, &request, most, list);
}

static unsigned int count(const struct extent *list)
{
	const struct extent *extent;
	unsigned int n = 0;

	DL_FOREACH(list, extent)
		n++;
	return n;
}

Test(blocks, that_no_one_extent_holds_are_had_in_several_and_come_back_each_once)
{
	struct extent *kept, *list = NULL, *again = NULL;
	struct pool_extent part;

	riddle(&kept);
	cr_assert_null(try(2));
	cr_assert_eq(scatter(5, 8, &list), 0);
	cr_assert_eq(count(list), 5u);
	cr_assert_eq(free_pages(), PAGES / 2 - 5);
	blocks_give_back(blocks, list);
	cr_assert_eq(n_dirtied, 1u);
	cr_assert_eq(blocks->wiping, 5 * PAGE);
	cr_assert_eq(scatter(PAGES / 2 - 4, 256, &again), -ENOSPC, "they wait to be wiped");
	cr_assert_null(again);
	while (blocks_next_dirty(blocks, &part))
		blocks_wiped(blocks, part.length);
	cr_assert_eq(free_pages(), PAGES / 2);
	cr_assert_eq(scatter(PAGES / 2, 256, &again), 0);
	cr_assert_eq(free_pages(), 0u);
	blocks_cancel(blocks, again);
	blocks_cancel(blocks, kept);
	cr_assert_eq(free_pages(), PAGES);
	cr_assert_eq(pool_check(blocks->pool), 0);
}

Test(blocks, of_several_extents_are_suspect_in_each_of_them)
{
	struct extent *kept, *list = NULL, *extent;
	struct pool_extent part;

	riddle(&kept);
	cr_assert_eq(blocks_suspect_free(blocks), 0);
	cr_assert_eq(scatter(3, 8, &list), 0);
	cr_assert_eq(blocks_suspect_bytes(blocks, list), 3 * PAGE);
	DL_FOREACH(list, extent)
		cr_assert(blocks_next_suspect(blocks, extent, &part));
	cr_assert_eq(blocks_trust(blocks, list->next->span.start, PAGE), 0);
	cr_assert_eq(blocks_suspect_bytes(blocks, list), 2 * PAGE);
	blocks_cancel(blocks, list);
	blocks_cancel(blocks, kept);
}

Test(blocks, in_more_extents_than_are_admitted_are_not_taken_at_all)
{
	struct extent *kept, *list = NULL;

	riddle(&kept);
	cr_assert_eq(scatter(5, 4, &list), -EOVERFLOW);
	cr_assert_null(list);
	cr_assert_eq(scatter(PAGES, 4096, &list), -ENOSPC);
	cr_assert_eq(free_pages(), PAGES / 2);
	blocks_cancel(blocks, kept);
}

/* A plain array says of each page what it should be. */
static void check_suspects(const bool *suspect)
{
	for (uint64_t i = 0; i < PAGES; i++)
		cr_assert_eq(interval_overlap(&blocks->suspect, i * PAGE, (i + 1) * PAGE) != NULL,
			     suspect[i], "page %llu", (unsigned long long)i);
}

Test(blocks, are_trusted_in_any_order_and_overlap)
{
	bool suspect[PAGES];

	memset(suspect, true, sizeof(suspect));
	cr_assert_eq(blocks_suspect_free(blocks), 0);
	srand(7);
	for (int round = 0; round < 300; round++) {
		uint64_t start = (uint64_t)rand() % PAGES, n = (uint64_t)rand() % 6 + 1;

		if (n > PAGES - start)
			n = PAGES - start;
		cr_assert_eq(blocks_trust(blocks, start * PAGE, n * PAGE), 0);
		memset(suspect + start, false, n);
		check_suspects(suspect);
	}
}

Test(blocks, are_neither_lost_nor_doubled_by_any_order_of_taking_and_giving_back)
{
	struct extent *held[64] = { 0 };
	struct pool_extent part;
	unsigned int refused = 0;

	srand(11);
	for (int round = 0; round < 20000; round++) {
		struct extent **slot = &held[rand() % 64];

		if (*slot) {
			blocks_give_back(blocks, *slot);
			*slot = NULL;
		} else if (free_pages() > 64) {
			*slot = try((uint64_t)rand() % 4 + 1);
			refused += !*slot;
		}
		if (rand() % 2 && blocks_next_dirty(blocks, &part))
			blocks_wiped(blocks, rand() % 2 ? PAGE : part.length);
	}
	for (int i = 0; i < 64; i++)
		if (held[i])
			blocks_give_back(blocks, held[i]);
	while (blocks_next_dirty(blocks, &part))
		blocks_wiped(blocks, part.length);
	cr_assert_lt(refused, 100u, "pages in a row are rarely missing where so many are free");
	cr_assert_eq(free_pages(), PAGES);
	cr_assert_eq(blocks->wiping, 0u);
	cr_assert_eq(pool_largest(blocks->pool), PAGES * PAGE);
	cr_assert_eq(pool_check(blocks->pool), 0);
}
