// SPDX-License-Identifier: MIT
/* The arithmetic of the index against what it says it is, one mark and one bit after the other. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include "daemon/pool-index.h"

#define ROUNDS 20000

static uint64_t state = 1;

static uint64_t draw(void)
{
	uint64_t z = state += 0x9E3779B97F4A7C15;

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
	z = (z ^ z >> 27) * 0x94D049BB133111EB;
	return z ^ z >> 31;
}

/* Some marks are empty, and some have bits that are no orders. */
static void draw_line(uint8_t line[LINE])
{
	for (unsigned int i = 0; i < LINE; i++)
		line[i] = draw() & 1 ? (uint8_t)draw() : draw() & 1 ? 1u << draw() % 8 : 0;
}

Test(pool_index, finds_the_marks_that_have_an_order)
{
	_Alignas(LINE) uint8_t line[LINE];

	for (int round = 0; round < ROUNDS; round++) {
		unsigned int orders = draw() & MARK_ORDERS;
		uint64_t expected = 0;

		draw_line(line);
		for (unsigned int i = 0; i < LINE; i++)
			expected |= (uint64_t)((line[i] & orders) != 0) << i;
		cr_assert_eq(line_with(line, orders), expected);
		cr_assert_eq(line_with_portable(line, orders), expected);
	}
}

Test(pool_index, unites_all_marks_of_a_line_but_one)
{
	_Alignas(LINE) uint8_t line[LINE];

	for (int round = 0; round < ROUNDS; round++) {
		unsigned int but = draw() % (LINE + 1), expected = 0;

		for (unsigned int i = 0; i < LINE; i++)
			line[i] = draw() % 16 ? 0 : (uint8_t)draw();
		for (unsigned int i = 0; i < LINE; i++)
			expected |= i == but ? 0 : line[i] & MARK_ORDERS;
		cr_assert_eq(line_union(line, but), expected);
	}
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

static unsigned int expected_orders(uint64_t word, bool lowest)
{
	unsigned int orders = 0;

	for (unsigned int r = 0; r < LEVEL_ORDERS; r++)
		if (lowest ? word_runs(word, r) : word_blocks(word, r))
			orders |= 1u << r;
	return orders;
}

static void compare_orders(unsigned int flags)
{
	struct pool *pool;

	cr_assert_eq(pool_new(&pool, 4096, 1, flags), 0);
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t word = draw_word();

		if (word != ~0ull)
			cr_assert_eq(word_orders(pool, word),
				     expected_orders(word, flags & POOL_LOWEST), "word 0x%lx",
				     word);
	}
	pool_destroy(pool);
}

Test(pool_index, lists_a_word_for_the_orders_of_its_blocks)
{
	compare_orders(0);
}

Test(pool_index, lists_a_word_of_a_pool_for_exact_sizes_for_all_runs)
{
	compare_orders(POOL_LOWEST);
}
