// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "daemon/pool/pool.h"

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)
#define TIB ((uint64_t)1 << 40)
#define PAGE (4 * KIB)

static struct pool *new_pool(uint64_t pages, unsigned int flags)
{
	struct pool *pool = NULL;

	cr_assert_eq(pool_new(&pool, pages * PAGE, PAGE, flags), 0);
	cr_assert_eq(pool_check(pool), 0);
	return pool;
}

/* The offset in pages, or a negative error. */
static int64_t alloc(struct pool *pool, uint64_t pages, uint32_t flags)
{
	struct pool_request request = { .length = pages * PAGE, .flags = flags };
	struct pool_extent grant;
	int error = pool_alloc(pool, &request, &grant);

	return error ? error : (int64_t)(grant.offset / PAGE);
}

static int64_t alloc_within(struct pool *pool, uint64_t pages, uint64_t alignment, uint64_t lower,
			    uint64_t upper)
{
	struct pool_request request = {
		.length = pages * PAGE,
		.alignment = alignment * PAGE,
		.lower = lower * PAGE,
		.upper = upper * PAGE,
		.flags = POOL_EXACT,
	};
	struct pool_extent grant;
	int error = pool_alloc(pool, &request, &grant);

	return error ? error : (int64_t)(grant.offset / PAGE);
}

static int give(struct pool *pool, uint64_t page, uint64_t pages)
{
	return pool_free(pool, page * PAGE, pages * PAGE);
}

static uint64_t blocks(struct pool *pool, unsigned int order)
{
	uint64_t counts[POOL_ORDERS];

	pool_blocks(pool, counts);
	return counts[order];
}

static void assert_one_block(struct pool *pool, unsigned int order)
{
	uint64_t counts[POOL_ORDERS];

	pool_blocks(pool, counts);
	for (unsigned int i = 0; i < POOL_ORDERS; i++)
		cr_assert_eq(counts[i], i == order, "%lu blocks of order %u", counts[i], i);
	cr_assert_eq(pool_check(pool), 0);
}

/* What the text of the task gives as the example of a buddy allocator. */
Test(pool, a_half_is_split_off_and_merged_again)
{
	struct pool *pool = new_pool(1024, 0);

	assert_one_block(pool, 10);
	cr_assert_eq(alloc(pool, 512, 0), 0);
	assert_one_block(pool, 9);
	cr_assert_eq(pool_free_bytes(pool), 512 * PAGE);
	cr_assert_eq(give(pool, 0, 512), 0);
	assert_one_block(pool, 10);
	pool_destroy(pool);
}

Test(pool, a_new_pool_refuses_sizes_that_are_none)
{
	struct pool *pool = NULL;

	cr_assert_eq(pool_new(&pool, 0, PAGE, 0), -EINVAL);
	cr_assert_eq(pool_new(&pool, PAGE + 1, PAGE, 0), -EINVAL);
	cr_assert_eq(pool_new(&pool, PAGE - 1, PAGE, 0), -EINVAL);
	cr_assert_eq(pool_new(&pool, MIB, 0, 0), -EINVAL);
	cr_assert_eq(pool_new(&pool, MIB, 3 * KIB, 0), -EINVAL);
	cr_assert_eq(pool_new(&pool, MIB, PAGE, 1u << 31), -EINVAL);
	cr_assert_eq(pool_new(&pool, ((uint64_t)1 << 36) * PAGE, PAGE, 0), -E2BIG);
	cr_assert_null(pool);
	cr_assert_null(pool_destroy(NULL));
}

Test(pool, pages_may_have_any_size_that_is_a_power_of_two)
{
	static const uint64_t sizes[] = { 1, 64, 4 * KIB, 64 * KIB, 2 * MIB, GIB };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct pool_request request = { .length = 1 };
		struct pool_extent grant;
		struct pool *pool;

		cr_assert_eq(pool_new(&pool, 100 * sizes[i], sizes[i], 0), 0);
		cr_assert_eq(pool_page_size(pool), sizes[i]);
		cr_assert_eq(pool_alloc(pool, &request, &grant), 0);
		cr_assert_eq(grant.length, sizes[i]);
		cr_assert_eq(pool_free_bytes(pool), 99 * sizes[i]);
		pool_destroy(pool);
	}
}

Test(pool, a_pool_of_one_page_works)
{
	struct pool *pool = new_pool(1, 0);

	cr_assert_eq(alloc(pool, 1, 0), 0);
	cr_assert_eq(alloc(pool, 1, 0), -ENOSPC);
	cr_assert_eq(pool_largest(pool), 0);
	cr_assert_eq(give(pool, 0, 1), 0);
	assert_one_block(pool, 0);
	pool_destroy(pool);
}

Test(pool, odd_sizes_decompose_and_come_back_so)
{
	static const uint64_t sizes[] = { 3,	63,   64,   65,	    100,    127,   4095,
					  4096, 4097, 5000, 262143, 262144, 300001 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct pool *pool = new_pool(sizes[i], 0);

		for (uint64_t page = 0; page < sizes[i]; page++)
			cr_assert_geq(alloc(pool, 1, 0), 0);
		cr_assert_eq(alloc(pool, 1, 0), -ENOSPC);
		cr_assert_eq(pool_check(pool), 0);
		for (uint64_t page = 0; page < sizes[i]; page++)
			cr_assert_eq(give(pool, (page * 7919) % sizes[i], 1), 0);
		for (unsigned int order = 0; order < 20; order++)
			cr_assert_eq(blocks(pool, order), sizes[i] >> order & 1);
		cr_assert_eq(pool_check(pool), 0);
		pool_destroy(pool);
	}
}

Test(pool, the_lowest_offset_comes_first)
{
	struct pool *pool = new_pool(4096, POOL_EAGER);

	for (int64_t i = 0; i < 100; i++)
		cr_assert_eq(alloc(pool, 1, 0), i);
	cr_assert_eq(give(pool, 70, 1), 0);
	cr_assert_eq(give(pool, 40, 1), 0);
	cr_assert_eq(alloc(pool, 1, 0), 40);
	cr_assert_eq(alloc(pool, 1, 0), 70);
	pool_destroy(pool);
}

Test(pool, what_was_freed_last_is_granted_first_from_its_bin)
{
	struct pool *pool = new_pool(4096, 0);

	for (int64_t i = 0; i < 100; i++)
		cr_assert_eq(alloc(pool, 1, 0), i);
	cr_assert_eq(give(pool, 40, 1), 0);
	cr_assert_eq(give(pool, 70, 1), 0);
	cr_assert_eq(pool_check(pool), 0);
	cr_assert_eq(alloc(pool, 1, 0), 70);
	cr_assert_eq(alloc(pool, 1, 0), 40);
	cr_assert_eq(pool_check(pool), 0);
	pool_destroy(pool);
}

/*
 * Every page is in the bins or beyond it, none in a block of two: the request must not fail for
 * that.
 */
Test(pool, the_bins_never_make_a_request_fail)
{
	for (uint64_t pages = 2; pages <= 2048; pages *= 2) {
		struct pool *pool = new_pool(pages, 0);

		for (uint64_t i = 0; i < pages; i++)
			cr_assert_geq(alloc(pool, 1, 0), 0);
		for (uint64_t i = 0; i < pages; i++)
			cr_assert_eq(give(pool, i, 1), 0);
		cr_assert_eq(alloc(pool, pages, 0), 0);
		cr_assert_eq(pool_check(pool), 0);
		pool_destroy(pool);
	}
}

Test(pool, a_stale_entry_of_a_bin_is_passed_over)
{
	struct pool *pool = new_pool(8, 0);

	cr_assert_eq(alloc(pool, 8, 0), 0);
	cr_assert_eq(give(pool, 0, 1), 0);
	cr_assert_eq(give(pool, 1, 1), 0);
	cr_assert_eq(give(pool, 2, 2), 0);
	cr_assert_eq(pool_claim(pool, 0, 2 * PAGE), 0);
	cr_assert_eq(alloc(pool, 2, 0), 2);
	cr_assert_eq(alloc(pool, 1, 0), -ENOSPC);
	cr_assert_eq(pool_check(pool), 0);
	pool_destroy(pool);
}

Test(pool, a_length_that_was_freed_is_granted_again_from_its_bin)
{
	struct pool *pool = new_pool(4096, 0);

	cr_assert_eq(alloc(pool, 37, POOL_EXACT), 0);
	cr_assert_eq(alloc(pool, 37, POOL_EXACT), 64);
	cr_assert_eq(alloc(pool, 5, POOL_EXACT), 40);
	cr_assert_eq(give(pool, 0, 37), 0);
	cr_assert_eq(give(pool, 64, 37), 0);
	cr_assert_eq(alloc(pool, 37, POOL_EXACT), 64);
	cr_assert_eq(alloc(pool, 37, POOL_EXACT), 0);
	pool_destroy(pool);
}

/* Pages 37 to 63 are taken, so there is no block of 64 pages, from which 37 would come. */
Test(pool, a_length_that_was_freed_is_granted_again_though_no_block_would_do)
{
	struct pool *pool = new_pool(64, 0);

	cr_assert_eq(alloc(pool, 37, POOL_EXACT), 0);
	cr_assert_eq(pool_claim(pool, 37 * PAGE, 27 * PAGE), 0);
	cr_assert_eq(give(pool, 0, 37), 0);
	cr_assert_eq(alloc(pool, 37, POOL_EXACT), 0);
	pool_destroy(pool);
}

/* It may be freed in parts, but a grant begins at a multiple of the next power of two. */
Test(pool, a_part_that_begins_anywhere_is_not_kept_for_its_length)
{
	struct pool *pool = new_pool(64, 0);

	cr_assert_eq(alloc(pool, 64, 0), 0);
	cr_assert_eq(give(pool, 3, 5), 0);
	cr_assert_eq(alloc(pool, 5, POOL_EXACT), -ENOSPC);
	cr_assert_eq(give(pool, 24, 5), 0);
	cr_assert_eq(alloc(pool, 5, POOL_EXACT), 24);
	cr_assert_eq(pool_check(pool), 0);
	pool_destroy(pool);
}

/* More of it than the bin has room for, and from a word that the summary is asked for meanwhile. */
Test(pool, what_a_bin_has_no_room_for_is_found_as_well)
{
	struct pool *pool = new_pool(256, 0);

	cr_assert_eq(alloc(pool, 256, 0), 0);
	for (uint64_t page = 0; page < 256; page++) {
		cr_assert_eq(give(pool, page, 1), 0);
		cr_assert_eq(pool_check(pool), 0);
		if (page % 8 == 7)
			cr_assert_geq(alloc(pool, 2, 0), 0);
	}
	for (int i = 0; i < 192; i++)
		cr_assert_geq(alloc(pool, 1, 0), 0);
	cr_assert_eq(alloc(pool, 1, 0), -ENOSPC);
	cr_assert_eq(pool_free_bytes(pool), 0);
	cr_assert_eq(pool_check(pool), 0);
	pool_destroy(pool);
}

Test(pool, powers_of_two_are_rounded_up_and_aligned_to_themselves)
{
	struct pool_request request = { .length = 5 * PAGE + 1 };
	struct pool *pool = new_pool(64, 0);
	struct pool_extent grant;

	cr_assert_eq(alloc(pool, 1, 0), 0);
	cr_assert_eq(pool_alloc(pool, &request, &grant), 0);
	cr_assert_eq(grant.offset, 8 * PAGE);
	cr_assert_eq(grant.length, 8 * PAGE);
	pool_destroy(pool);
}

Test(pool, exact_sizes_leave_the_rest_to_others)
{
	struct pool *pool = new_pool(8192, 0);

	cr_assert_eq(alloc(pool, 4097, POOL_EXACT), 0);
	cr_assert_eq(pool_free_bytes(pool), 4095 * PAGE);
	cr_assert_eq(alloc(pool, 1, POOL_EXACT), 4097);
	cr_assert_eq(alloc(pool, 3, POOL_EXACT), 4100);
	cr_assert_eq(alloc(pool, 2, POOL_EXACT), 4098);
	cr_assert_eq(pool_check(pool), 0);
	cr_assert_eq(give(pool, 0, 4097), 0);
	cr_assert_eq(give(pool, 4097, 6), 0);
	assert_one_block(pool, 13);
	pool_destroy(pool);
}

Test(pool, neighbours_are_joined_when_asked_for)
{
	struct pool *pool = new_pool(7, 0);

	cr_assert_eq(alloc(pool, 7, POOL_EXACT), -ENOSPC);
	cr_assert_eq(alloc(pool, 7, POOL_EXACT | POOL_JOIN), 0);
	cr_assert_eq(pool_check(pool), 0);
	cr_assert_eq(give(pool, 3, 2), 0);
	cr_assert_eq(alloc(pool, 2, POOL_EXACT), -ENOSPC);
	cr_assert_eq(alloc(pool, 3, POOL_EXACT | POOL_JOIN), -ENOSPC);
	cr_assert_eq(alloc(pool, 2, POOL_JOIN), -ENOSPC);
	cr_assert_eq(alloc(pool, 2, POOL_EXACT | POOL_JOIN), 3);
	cr_assert_eq(pool_free_bytes(pool), 0);
	pool_destroy(pool);
}

Test(pool, a_joined_grant_keeps_its_bounds_and_alignment)
{
	struct pool *pool = new_pool(32, 0);
	struct pool_request request = { .length = 20 * PAGE,
					.alignment = 2 * PAGE,
					.lower = 3 * PAGE,
					.upper = 24 * PAGE,
					.flags = POOL_EXACT | POOL_JOIN };
	struct pool_extent grant;

	cr_assert_eq(pool_alloc(pool, &request, &grant), 0);
	cr_assert_eq(grant.offset, 4 * PAGE);
	cr_assert_eq(pool_check(pool), 0);
	cr_assert_eq(give(pool, 4, 20), 0);
	request.lower += 2 * PAGE;
	cr_assert_eq(pool_alloc(pool, &request, &grant), -EINVAL);
	assert_one_block(pool, 5);
	pool_destroy(pool);
}

Test(pool, a_limit_is_kept_and_says_when_it_is_exhausted)
{
	struct pool *pool = new_pool(1 << 20, 0);

	cr_assert_eq(alloc_within(pool, 16, 0, 0, 40), 0);
	cr_assert_eq(alloc_within(pool, 16, 0, 0, 40), 16);
	cr_assert_eq(alloc_within(pool, 16, 0, 0, 40), -ENOSPC);
	cr_assert_eq(alloc_within(pool, 8, 0, 0, 40), 32);
	cr_assert_eq(alloc_within(pool, 1, 0, 0, 40), -ENOSPC);
	cr_assert_eq(pool_check(pool), 0);
	pool_destroy(pool);
}

Test(pool, a_lower_bound_inside_of_a_free_block_splits_it)
{
	struct pool *pool = new_pool(1 << 20, 0);

	cr_assert_eq(alloc_within(pool, 8, 0, 700001, 0), 700008);
	cr_assert_eq(alloc_within(pool, 1, 0, 700001, 0), 700001);
	cr_assert_eq(alloc_within(pool, 8, 0, 700000, 700016), -ENOSPC);
	cr_assert_eq(pool_check(pool), 0);
	cr_assert_eq(give(pool, 700001, 1), 0);
	cr_assert_eq(give(pool, 700008, 8), 0);
	assert_one_block(pool, 20);
	pool_destroy(pool);
}

Test(pool, bounds_need_not_be_pages)
{
	struct pool_request request = { .length = 1, .lower = 1, .upper = 3 * PAGE - 1 };
	struct pool *pool = new_pool(16, 0);
	struct pool_extent grant;

	cr_assert_eq(pool_alloc(pool, &request, &grant), 0);
	cr_assert_eq(grant.offset, PAGE);
	cr_assert_eq(pool_alloc(pool, &request, &grant), -ENOSPC);
	request.lower = 1;
	request.upper = 2 * PAGE - 1;
	cr_assert_eq(pool_alloc(pool, &request, &grant), -EINVAL);
	pool_destroy(pool);
}

Test(pool, an_alignment_beyond_the_length_is_kept)
{
	struct pool *pool = new_pool(4096, 0);

	cr_assert_eq(alloc(pool, 1, 0), 0);
	cr_assert_eq(alloc_within(pool, 1, 512, 0, 0), 512);
	cr_assert_eq(alloc_within(pool, 1, 512, 0, 0), 1024);
	cr_assert_eq(alloc_within(pool, 3, 2048, 0, 0), 2048);
	cr_assert_eq(alloc_within(pool, 1, 2048, 0, 0), -ENOSPC);
	cr_assert_eq(alloc_within(pool, 1, 4096, 0, 0), -ENOSPC);
	cr_assert_eq(pool_check(pool), 0);
	pool_destroy(pool);
}

/* Only single pages are free, one in two of them aligned. */
Test(pool, aligned_pages_are_found_among_fragments)
{
	struct pool *pool = new_pool(65536, 0);

	cr_assert_eq(alloc(pool, 65536, 0), 0);
	for (uint64_t page = 1; page < 65536; page += 3)
		cr_assert_eq(give(pool, page, 1), 0);
	for (uint64_t page = 64; page < 65536; page += 192)
		cr_assert_eq(alloc_within(pool, 1, 64, 0, 0), (int64_t)page);
	cr_assert_eq(alloc_within(pool, 1, 64, 0, 0), -ENOSPC);
	cr_assert_eq(pool_check(pool), 0);
	pool_destroy(pool);
}

static void assert_refused(struct pool *pool, struct pool_request request, int error,
			   const char *why)
{
	struct pool_extent grant = { 1, 2 };
	char text[200];

	cr_assert_eq(pool_alloc(pool, &request, &grant), error, "%s", why);
	cr_assert(grant.offset == 1 && grant.length == 2);
	pool_explain(pool, &request, error, text, sizeof(text));
	cr_assert_str_eq(text, why);
}

Test(pool, a_senseless_request_is_told_why)
{
	struct pool *pool = new_pool(256, 0);

	assert_refused(pool, (struct pool_request){ 0 }, -EINVAL, "length is 0");
	assert_refused(
		pool, (struct pool_request){ .length = 2 * MIB }, -E2BIG,
		"length 2 MiB is more than the pool has: 1 MiB; the largest free block is 1 MiB");
	assert_refused(
		pool, (struct pool_request){ .length = UINT64_MAX, .flags = POOL_EXACT }, -E2BIG,
		"length 18446744073709551615 bytes is more than the pool has: 1 MiB; the largest "
		"free block is 1 MiB");
	assert_refused(pool, (struct pool_request){ .length = 1, .alignment = 12 * KIB }, -EINVAL,
		       "alignment 0x3000 is not a power of two");
	assert_refused(pool, (struct pool_request){ .length = 1, .alignment = 2 * MIB }, -EINVAL,
		       "alignment 0x200000 is larger than the pool, which has 1 MiB");
	assert_refused(pool,
		       (struct pool_request){ .length = 1, .lower = 8 * KIB, .upper = 8 * KIB },
		       -EINVAL, "lower bound 0x2000 is not below upper bound 0x2000");
	assert_refused(
		pool,
		(struct pool_request){ .length = 1, .lower = UINT64_MAX - 1, .upper = 4 * KIB },
		-EINVAL, "lower bound 0xfffffffffffffffe is not below upper bound 0x1000");
	assert_refused(pool, (struct pool_request){ .length = 1, .lower = MIB }, -EINVAL,
		       "bounds 0x100000 to 0x100000 are not within the pool, which has 1 MiB");
	assert_refused(pool, (struct pool_request){ .length = 1, .upper = UINT64_MAX }, -EINVAL,
		       "bounds 0x0 to 0xffffffffffffffff are not within the pool, which has 1 MiB");
	assert_refused(
		pool,
		(struct pool_request){ .length = 16 * KIB, .lower = 4 * KIB, .upper = 16 * KIB },
		-EINVAL, "bounds 0x1000 to 0x4000 have no room for the length, in a pool of 1 MiB");
	assert_refused(pool, (struct pool_request){ .length = 1, .flags = 1u << 31 }, -EINVAL,
		       "unknown flags in 0x80000000");
	assert_one_block(pool, 8);
	pool_destroy(pool);
}

Test(pool, a_request_that_only_rounding_makes_too_long_is_told_so)
{
	struct pool *pool = new_pool(192, 0);

	assert_refused(pool, (struct pool_request){ .length = 160 * PAGE }, -E2BIG,
		       "length 640 KiB, as a power of two, is more than the pool has: 768 KiB; the "
		       "largest free block is 512 KiB");
	pool_destroy(pool);
}

Test(pool, a_full_pool_says_what_would_have_fitted)
{
	struct pool_request request = { .length = MIB };
	struct pool *pool = new_pool(256, 0);

	cr_assert_eq(alloc(pool, 1, 0), 0);
	assert_refused(pool, request, -ENOSPC,
		       "no free block of 1 MiB; the largest that would fit is 512 KiB, 1020 KiB "
		       "are free in all");
	request.length = 256 * KIB;
	request.lower = 4 * KIB;
	request.upper = 260 * KIB;
	assert_refused(
		pool, request, -ENOSPC,
		"no free block of 256 KiB under these conditions; the largest that would fit "
		"is 128 KiB, 1020 KiB are free in all");
	cr_assert_eq(alloc_within(pool, 255, 0, 0, 0), -ENOSPC);
	cr_assert_eq(pool_claim(pool, PAGE, 255 * PAGE), 0);
	request = (struct pool_request){ .length = 5 };
	assert_refused(pool, request, -ENOSPC,
		       "no free block of 5 bytes; nothing would fit, 0 bytes are free in all");
	pool_destroy(pool);
}

Test(pool, an_explanation_is_cut_to_its_buffer)
{
	struct pool_request request = { 0 };
	struct pool *pool = new_pool(1, 0);
	char text[8];

	pool_explain(pool, &request, -EINVAL, text, sizeof(text));
	cr_assert_str_eq(text, "length ");
	pool_destroy(pool);
}

Test(pool, freeing_twice_is_refused_and_changes_nothing)
{
	static const unsigned int flags[] = { 0, POOL_EAGER };

	for (int i = 0; i < 2; i++) {
		struct pool *pool = new_pool(1 << 14, flags[i]);

		for (uint64_t pages = 1; pages <= 4096; pages *= 2) {
			int64_t page = alloc(pool, pages, 0);

			cr_assert_geq(page, 0);
			cr_assert_eq(give(pool, page, pages), 0);
			cr_assert_eq(give(pool, page, pages), -ENOENT);
			cr_assert_eq(give(pool, page, 1), -ENOENT);
			cr_assert_eq(give(pool, page + pages - 1, 1), -ENOENT);
			cr_assert_eq(pool_check(pool), 0);
		}
		assert_one_block(pool, 14);
		pool_destroy(pool);
	}
}

/* A single page free, at each level of the records, refuses every range that contains it. */
Test(pool, a_range_with_one_free_page_is_refused_as_a_whole)
{
	struct pool *pool = new_pool(1 << 19, 0);

	cr_assert_eq(alloc(pool, 1 << 19, 0), 0);
	cr_assert_eq(give(pool, 300000, 1), 0);
	for (uint64_t pages = 1; pages <= 1 << 19; pages *= 2) {
		cr_assert_eq(give(pool, 300000 & ~(pages - 1), pages), -ENOENT);
		if (pages > 1 && pages < 1 << 18)
			cr_assert_eq(give(pool, 300000 - pages / 2, pages), -ENOENT);
	}
	cr_assert_eq(give(pool, 0, 1 << 19), -ENOENT);
	cr_assert_eq(pool_free_bytes(pool), PAGE);
	cr_assert_eq(give(pool, 0, 300000), 0);
	cr_assert_eq(give(pool, 300001, (1 << 19) - 300001), 0);
	assert_one_block(pool, 19);
	pool_destroy(pool);
}

Test(pool, freeing_what_is_not_pages_of_the_pool_is_refused)
{
	struct pool *pool = new_pool(100, 0);

	cr_assert_eq(pool_claim(pool, 0, 100 * PAGE), 0);
	cr_assert_eq(pool_free(pool, 0, 0), -EINVAL);
	cr_assert_eq(pool_free(pool, 1, PAGE), -EINVAL);
	cr_assert_eq(pool_free(pool, 0, PAGE + 1), -EINVAL);
	cr_assert_eq(pool_free(pool, 0, 101 * PAGE), -EINVAL);
	cr_assert_eq(pool_free(pool, 100 * PAGE, PAGE), -EINVAL);
	cr_assert_eq(pool_free(pool, 99 * PAGE, 2 * PAGE), -EINVAL);
	cr_assert_eq(pool_free(pool, -PAGE, PAGE), -EINVAL);
	cr_assert_eq(pool_free(pool, -PAGE, 2 * PAGE), -EINVAL);
	cr_assert_eq(pool_free(pool, PAGE, -PAGE), -EINVAL);
	cr_assert_eq(pool_free_bytes(pool), 0);
	cr_assert_eq(pool_check(pool), 0);
	pool_destroy(pool);
}

Test(pool, a_part_of_a_grant_may_be_freed)
{
	struct pool *pool = new_pool(1024, 0);

	cr_assert_eq(alloc(pool, 1024, 0), 0);
	cr_assert_eq(give(pool, 100, 300), 0);
	cr_assert_eq(give(pool, 99, 2), -ENOENT);
	cr_assert_eq(give(pool, 0, 100), 0);
	cr_assert_eq(give(pool, 400, 624), 0);
	assert_one_block(pool, 10);
	pool_destroy(pool);
}

Test(pool, a_claim_takes_exactly_its_range_and_refuses_overlap)
{
	struct pool *pool = new_pool(1 << 18, 0);

	cr_assert_eq(pool_claim(pool, 12345 * PAGE, 100000 * PAGE), 0);
	cr_assert_eq(pool_check(pool), 0);
	cr_assert_eq(pool_claim(pool, 12345 * PAGE, PAGE), -EBUSY);
	cr_assert_eq(pool_claim(pool, 112344 * PAGE, PAGE), -EBUSY);
	cr_assert_eq(pool_claim(pool, 0, 12346 * PAGE), -EBUSY);
	cr_assert_eq(pool_claim(pool, 0, (1 << 18) * PAGE), -EBUSY);
	cr_assert_eq(pool_claim(pool, 0, 0), -EINVAL);
	cr_assert_eq(pool_claim(pool, -PAGE, 2 * PAGE), -EINVAL);
	cr_assert_eq(pool_claim(pool, 5, PAGE), -EINVAL);
	cr_assert_eq(pool_free_bytes(pool), ((1 << 18) - 100000) * PAGE);
	cr_assert_eq(pool_claim(pool, 112345 * PAGE, PAGE), 0);
	cr_assert_eq(pool_claim(pool, 12344 * PAGE, PAGE), 0);
	cr_assert_eq(give(pool, 12344, 100002), 0);
	assert_one_block(pool, 18);
	pool_destroy(pool);
}

Test(pool, a_walk_shows_every_extent_once)
{
	static const struct {
		uint64_t offset, length;
		bool is_free;
	} expected[] = { { 0, 7, true },
			 { 7, 93, false },
			 { 100, 1900, true },
			 { 2000, 1, false },
			 { 2001, 2999, true } };
	struct pool *pool = new_pool(5000, 0);
	struct pool_extent extent;
	bool is_free;
	size_t n = 0;

	cr_assert_eq(pool_claim(pool, 7 * PAGE, 50 * PAGE), 0);
	cr_assert_eq(pool_claim(pool, 57 * PAGE, 43 * PAGE), 0);
	cr_assert_eq(pool_claim(pool, 2000 * PAGE, PAGE), 0);
	for (uint64_t at = 0; pool_walk(pool, at, &extent, &is_free); at += extent.length, n++) {
		cr_assert_lt(n, 5);
		cr_assert_eq(extent.offset, expected[n].offset * PAGE);
		cr_assert_eq(extent.length, expected[n].length * PAGE);
		cr_assert_eq(is_free, expected[n].is_free);
	}
	cr_assert_eq(n, 5);
	cr_assert_not(pool_walk(pool, UINT64_MAX, &extent, &is_free));
	pool_destroy(pool);
}

/*
 * Resident memory would tell, but other tests share the process: the time limit of the test
 * suffices.
 */
Test(pool, a_tebibyte_is_made_and_used_at_once, .timeout = 1200)
{
	struct pool *pool;

	cr_assert_eq(pool_new(&pool, TIB, PAGE, 0), 0);
	for (int i = 0; i < 2000; i++) {
		cr_assert_eq(alloc(pool, 1 << 28, 0), 0);
		cr_assert_eq(give(pool, 0, 1 << 28), 0);
	}
	cr_assert_eq(alloc(pool, 1, 0), 0);
	cr_assert_eq(pool_largest(pool), TIB / 2);
	cr_assert_eq(alloc_within(pool, 1, 1 << 27, 1, 0), 1 << 27);
	cr_assert_eq(give(pool, 0, 1), 0);
	cr_assert_eq(give(pool, 1 << 27, 1), 0);
	cr_assert_eq(blocks(pool, 28), 1);
	cr_assert_leq(pool_metadata(pool) * 8, (((uint64_t)1 << 28) * 204) / 100);
	pool_destroy(pool);
}

Test(pool, records_can_be_touched_in_advance)
{
	struct pool *pool = new_pool(1 << 20, POOL_PREFAULT);

	cr_assert_eq(alloc(pool, 1 << 20, 0), 0);
	pool_destroyp(&pool);
	cr_assert_null(pool);
}

/* ---- several extents ------------------------------------------------------------------------- */

/* All is taken but `n` runs of pages, each given by its first page and its length. */
static struct pool *pool_with_free(const uint64_t runs[][2], size_t n)
{
	struct pool *pool = new_pool(1024, POOL_EAGER);

	cr_assert_eq(pool_claim(pool, 0, 1024 * PAGE), 0);
	for (size_t i = 0; i < n; i++)
		cr_assert_eq(pool_free(pool, runs[i][0] * PAGE, runs[i][1] * PAGE), 0);
	return pool;
}

static int scatter(struct pool *pool, const struct pool_request *request,
		   struct pool_extent *extents, size_t most)
{
	uint64_t before = pool_free_bytes(pool);
	int n = pool_scatter(pool, request, extents, most);
	uint64_t length = 0;

	cr_assert_eq(pool_check(pool), 0);
	for (int i = 0; i < n; i++) {
		cr_assert_eq(extents[i].offset % extents[i].length, 0u);
		cr_assert_eq(length % extents[i].length, 0u, "longer ones come first");
		length += extents[i].length;
	}
	cr_assert_eq(before - pool_free_bytes(pool), length);
	return n;
}

Test(pool, several_extents_are_exactly_the_pages_asked_for_the_longest_first)
{
	static const uint64_t runs[][2] = { { 3, 1 }, { 8, 8 }, { 64, 4 }, { 128, 2 } };
	struct pool *pool = pool_with_free(runs, 4);
	struct pool_extent extents[8];
	const struct pool_request request = { .length = 13 * PAGE, .flags = POOL_EXACT };

	cr_assert_eq(scatter(pool, &request, extents, 8), 3);
	cr_assert_eq(extents[0].offset, 8 * PAGE);
	cr_assert_eq(extents[0].length, 8 * PAGE);
	cr_assert_eq(extents[1].offset, 64 * PAGE);
	cr_assert_eq(extents[1].length, 4 * PAGE);
	cr_assert_eq(extents[2].offset, 3 * PAGE, "the smallest sufficient block");
	cr_assert_eq(extents[2].length, PAGE);
	pool_destroy(pool);
}

Test(pool, a_longer_block_is_split_for_what_is_left)
{
	static const uint64_t runs[][2] = { { 8, 4 }, { 64, 4 } };
	struct pool *pool = pool_with_free(runs, 2);
	struct pool_extent extents[8];
	const struct pool_request request = { .length = 6 * PAGE, .flags = POOL_EXACT };

	cr_assert_eq(scatter(pool, &request, extents, 8), 2);
	cr_assert_eq(extents[0].length, 4 * PAGE);
	cr_assert_eq(extents[1].length, 2 * PAGE);
	pool_destroy(pool);
}

Test(pool, several_extents_keep_to_the_bounds_and_the_alignment_each)
{
	static const uint64_t runs[][2] = { { 0, 4 },  { 16, 1 }, { 25, 3 },
					    { 32, 1 }, { 40, 2 }, { 512, 64 } };
	struct pool *pool = pool_with_free(runs, 6);
	struct pool_extent extents[8];
	struct pool_request request = { .length = 4 * PAGE,
					.alignment = 8 * PAGE,
					.lower = 16 * PAGE,
					.upper = 64 * PAGE,
					.flags = POOL_EXACT };

	cr_assert_eq(scatter(pool, &request, extents, 8), 3);
	cr_assert_eq(extents[0].offset, 40 * PAGE);
	cr_assert_eq(extents[0].length, 2 * PAGE);
	cr_assert_eq(extents[1].offset, 16 * PAGE);
	cr_assert_eq(extents[2].offset, 32 * PAGE);
	cr_assert_eq(scatter(pool, &request, extents, 8), -ENOSPC);
	request.length = 64 * PAGE;
	cr_assert_eq(scatter(pool, &request, extents, 8), -EINVAL, "the bounds have no room");
	pool_destroy(pool);
}

Test(pool, several_extents_are_refused_as_a_whole)
{
	static const uint64_t runs[][2] = { { 1, 1 }, { 3, 1 }, { 5, 1 }, { 7, 1 } };
	struct pool *pool = pool_with_free(runs, 4);
	struct pool_extent extents[8];
	struct pool_request request = { .length = 4 * PAGE, .flags = POOL_EXACT };

	cr_assert_eq(scatter(pool, &request, extents, 3), -EOVERFLOW);
	cr_assert_eq(scatter(pool, &request, extents, 0), -EOVERFLOW);
	cr_assert_eq(scatter(pool, &request, extents, 4), 4);
	request.length = PAGE;
	cr_assert_eq(scatter(pool, &request, extents, 8), -ENOSPC);
	request.length = 0;
	cr_assert_eq(scatter(pool, &request, extents, 8), -EINVAL);
	request.length = 1025 * PAGE;
	cr_assert_eq(scatter(pool, &request, extents, 8), -E2BIG);
	pool_destroy(pool);
}
