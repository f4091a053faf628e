// SPDX-License-Identifier: MIT
/* Long random sequences against the model, and rebuilt pools against their originals. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include "support/pool-model.h"

#define STEPS 20000

static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9E3779B97F4A7C15;

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
	z = (z ^ z >> 27) * 0x94D049BB133111EB;
	return z ^ z >> 31;
}

static void run(uint64_t pages, uint64_t page_size, unsigned int flags, uint64_t steps)
{
	uint64_t state = pages * 4 + flags;
	struct pool_model model;
	const char *wrong;

	cr_assert(pool_model_init(&model, pages, page_size, flags));
	for (uint64_t i = 0; i < steps; i++) {
		wrong = pool_model_step(&model, next_random(&state));
		cr_assert_null(wrong, "%s: step %lu with %lu pages", wrong, i, pages);
	}
	wrong = pool_model_compare(&model);
	cr_assert_null(wrong, "%s: %lu pages", wrong, pages);
	wrong = pool_model_drain(&model);
	cr_assert_null(wrong, "%s: %lu pages, all freed", wrong, pages);
	pool_model_destroy(&model);
}

Test(pool_random, small_pools_do_as_the_model_says)
{
	for (uint64_t pages = 1; pages < 200; pages++) {
		run(pages, 4096, POOL_EAGER, STEPS / 8);
		run(pages, 4096, 0, STEPS / 8);
	}
}

Test(pool_random, pools_of_two_levels_do_as_the_model_says)
{
	static const uint64_t sizes[] = { 1024, 2047, 4095, 4096, 4097, 4160 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		run(sizes[i], 1, POOL_EAGER, STEPS);
		run(sizes[i], 65536, 0, STEPS);
	}
}

Test(pool_random, pools_of_three_levels_do_as_the_model_says)
{
	run(16384, 4096, POOL_EAGER, STEPS);
	run(16384, 4096, 0, STEPS);
	run(20001, 4096, POOL_EAGER, STEPS);
	run(20001, 4096, 0, STEPS);
}

Test(pool_random, pools_of_four_levels_do_as_the_model_says)
{
	run(262144, 4096, POOL_EAGER, STEPS / 20);
	run(270000, 4096, 0, STEPS / 20);
}

static struct pool *rebuild(struct pool *original)
{
	struct pool_extent extent;
	struct pool *pool;
	bool is_free;

	cr_assert_eq(pool_new(&pool, pool_size(original), pool_page_size(original), POOL_EAGER), 0);
	for (uint64_t at = 0; pool_walk(original, at, &extent, &is_free); at += extent.length)
		if (!is_free)
			cr_assert_eq(pool_claim(pool, extent.offset, extent.length), 0);
	cr_assert_eq(pool_check(pool), 0);
	return pool;
}

/* They are the same if they answer alike from here on. */
Test(pool_random, a_pool_rebuilt_by_claims_is_the_original)
{
	struct pool_model model;
	uint64_t state = 1;

	cr_assert(pool_model_init(&model, 30000, 4096, POOL_EAGER));
	for (int round = 0; round < 20; round++) {
		struct pool *again;

		for (int i = 0; i < 200; i++)
			cr_assert_null(pool_model_step(&model, next_random(&state)));
		again = rebuild(model.pool);
		cr_assert_eq(pool_free_bytes(again), pool_free_bytes(model.pool));
		pool_destroy(model.pool);
		model.pool = again;
		cr_assert_null(pool_model_compare(&model));
	}
	pool_model_destroy(&model);
}
