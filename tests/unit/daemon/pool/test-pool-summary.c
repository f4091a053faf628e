// SPDX-License-Identifier: MIT
/* The arithmetic of the summary against what it says it is, and its searches against the words. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include "daemon/pool/summary.h"

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
