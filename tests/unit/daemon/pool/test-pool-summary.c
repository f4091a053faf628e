// SPDX-License-Identifier: MIT
/* The arithmetic of the summary against what it says it is, and its searches against the words. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include "daemon/pool/summary.h"
#include "support/steps.h"

#define ROUNDS 20000

static uint64_t state = 1;

static uint64_t draw(void)
{
	uint64_t z = state += 0x9E3779B97F4A7C15;

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
	z = (z ^ z >> 27) * 0x94D049BB133111EB;
	return z ^ z >> 31;
}

/* Runs of all lengths and places, for random words have short ones only. */
static uint64_t draw_word(void)
{
	uint64_t word = 0;

	for (unsigned int n = draw() % 6; n; n--) {
		unsigned int length = 1u << draw() % 6, at = draw() % WORD_BITS & ~(length - 1);

		word |= bits_mask(length) << at;
	}
	return draw() % 4 ? word : draw() & draw();
}

Test(pool_summary, a_word_has_the_orders_of_its_blocks)
{
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t word = draw_word();
		unsigned int expected = 0;

		for (unsigned int r = 0; r < LEVEL_ORDERS; r++)
			expected |= (unsigned int)(word_blocks(word, r) != 0) << r;
		if (word != ~0ull)
			cr_assert_eq(word_orders(word), expected, "word 0x%lx", word);
	}
}

/* It takes many blocks that were freed, taken as part of others, and freed again. */
Test(pool_summary, a_word_with_as_many_entries_as_can_be_counted_gets_no_more)
{
	struct pool_request request = { .length = 64 };
	struct pool_extent grant;
	uint8_t *binned;
	struct pool *pool;

	cr_assert_eq(pool_new(&pool, 128, 1, 0), 0);
	cr_assert_eq(pool_alloc(pool, &request, &grant), 0);
	binned = &pool->level[0].binned[0];
	*binned = UINT8_MAX - 1;
	cr_assert_eq(pool_free(pool, 0, 1), 0);
	cr_assert_eq(*binned, UINT8_MAX - 1);
	cr_assert(pool_is_settled(pool), "it is in no bin");
	cr_assert_eq(pool_free_bytes(pool), 65u);
	request.length = 1;
	cr_assert_eq(pool_alloc(pool, &request, &grant), 0);
	cr_assert_eq(grant.offset, 0u);
	*binned = 0;
	cr_assert_eq(pool_check(pool), 0);
	pool_destroy(pool);
}

/* ---- in vain --------------------------------------------------------------------------------- */

static struct pool *comb;

/* Of every two pages the first is free, so no two are in a row. */
static void make_comb(uint64_t pages)
{
	struct pool_request request = { .length = 2 };
	struct pool_extent grant;

	pool_destroyp(&comb);
	cr_assert_eq(pool_new(&comb, pages, 1, 0), 0);
	for (uint64_t page = 0; page < pages; page += 2)
		cr_assert_eq(pool_alloc(comb, &request, &grant), 0);
	for (uint64_t page = 0; page < pages; page += 2)
		cr_assert_eq(pool_free(comb, page, 1), 0);
}

static void ask_in_vain(void)
{
	static const uint32_t flags[] = { 0, POOL_EXACT };
	struct pool_extent grant;

	for (unsigned int i = 0; i < 40; i++) {
		struct pool_request request = { .length = 2 + i * 5, .flags = flags[i % 2] };

		if (pool_alloc(comb, &request, &grant) != -ENOSPC)
			abort();
	}
}

Test(pool_summary, a_refusal_costs_the_same_however_many_pages_are_free)
{
	size_t few, many;

	make_comb(1 << 10);
	ask_in_vain(); /* what is in bins is known to the summary from the first refusal on */
	few = steps(ask_in_vain);
	make_comb(1 << 18);
	ask_in_vain();
	many = steps(ask_in_vain);
	cr_assert_leq(many, few + few / 20, "%zu, then %zu", few, many);
	pool_destroyp(&comb);
}

Test(pool_summary, what_comes_free_after_a_refusal_is_had)
{
	struct pool_request request = { .length = 2 };
	struct pool_extent grant;

	make_comb(1 << 10);
	ask_in_vain();
	cr_assert_eq(pool_free(comb, 513, 1), 0);
	cr_assert_eq(pool_alloc(comb, &request, &grant), 0);
	cr_assert_eq(grant.offset, 512u);
	cr_assert_eq(pool_alloc(comb, &request, &grant), -ENOSPC);
	cr_assert_eq(pool_check(comb), 0);
	pool_destroyp(&comb);
}

/* Also of a pool of which nothing is free. */
Test(pool_summary, what_makes_no_sense_is_no_matter_of_space)
{
	struct pool_request request = { .length = 48 };
	struct pool_extent grant;
	struct pool *pool;

	cr_assert_eq(pool_new(&pool, 48, 1, 0), 0);
	for (request.length = 32; request.length >= 16; request.length /= 2)
		cr_assert_eq(pool_alloc(pool, &request, &grant), 0);
	cr_assert_eq(pool_alloc(pool, &request, &grant), -ENOSPC);
	request.length = 48;
	cr_assert_eq(pool_alloc(pool, &request, &grant), -E2BIG, "64 pages, of 48");
	for (request.length = 49; request.length < 4096; request.length += 7) {
		request.flags = 0;
		cr_assert_eq(pool_alloc(pool, &request, &grant), -E2BIG);
		request.flags = POOL_EXACT;
		cr_assert_eq(pool_alloc(pool, &request, &grant), -E2BIG);
	}
	request.length = 0;
	cr_assert_eq(pool_alloc(pool, &request, &grant), -EINVAL);
	request = (struct pool_request){ .length = 1, .alignment = 3 };
	cr_assert_eq(pool_alloc(pool, &request, &grant), -EINVAL);
	pool_destroy(pool);
}
