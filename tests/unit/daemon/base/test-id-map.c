// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include "daemon/base/id-map.h"

/* Stands for what has that id, and is never followed. */
#define ITEM(id) ((void *)(uintptr_t)((id) | 1ull << 62))

static struct id_map map;

static void add(uint64_t id)
{
	cr_assert_eq(id_map_add(&map, id, ITEM(id)), 0, "%llu", (unsigned long long)id);
}

static void empty(void)
{
	id_map_give_back(&map);
	cr_assert_null(map.root);
	cr_assert_null(map.spare);
	cr_assert_eq(map.count, 0u);
}

Test(id_map, an_empty_one_has_nothing)
{
	cr_assert_null(id_map_find(&map, 0));
	cr_assert_null(id_map_find(&map, UINT64_MAX));
	cr_assert_null(id_map_from(&map, 0));
	cr_assert_null(id_map_last(&map));
	id_map_remove(&map, 0);
	id_map_remove(&map, 12345);
	empty();
}

/* Each of these pairs needs another height of the root. */
Test(id_map, ids_may_be_as_far_apart_as_numbers_can)
{
	for (unsigned int bit = 0; bit < 64; bit++) {
		uint64_t far = 1ull << bit | 1;

		add(0);
		add(far);
		add(UINT64_MAX);
		cr_assert_eq(id_map_find(&map, 0), ITEM(0));
		cr_assert_eq(id_map_find(&map, far), ITEM(far));
		cr_assert_eq(id_map_from(&map, 1), ITEM(far));
		cr_assert_eq(id_map_from(&map, far + 1), ITEM(UINT64_MAX));
		cr_assert_eq(id_map_from(&map, UINT64_MAX), ITEM(UINT64_MAX));
		cr_assert_eq(id_map_last(&map), ITEM(UINT64_MAX));
		id_map_remove(&map, UINT64_MAX);
		cr_assert_eq(id_map_last(&map), ITEM(far));
		cr_assert_null(id_map_from(&map, far + 1));
		id_map_remove(&map, 0);
		cr_assert_eq(id_map_from(&map, 0), ITEM(far), "the lowest is none of the others");
		id_map_remove(&map, far);
	}
	empty();
}

Test(id_map, an_id_is_there_once)
{
	add(7);
	cr_assert_eq(id_map_add(&map, 7, ITEM(8)), -EEXIST);
	cr_assert_eq(id_map_find(&map, 7), ITEM(7), "the first stays");
	cr_assert_eq(map.count, 1u);
	add(7ull << 40);
	cr_assert_eq(id_map_add(&map, 7ull << 40, ITEM(8)), -EEXIST);
	cr_assert_eq(map.count, 2u);
	id_map_remove(&map, 7);
	id_map_remove(&map, 7ull << 40);
	empty();
}

Test(id_map, removing_what_is_not_there_does_nothing)
{
	add(100);
	add(200000);
	id_map_remove(&map, 99);
	id_map_remove(&map, 100 + 64);
	id_map_remove(&map, 1ull << 63);
	cr_assert_eq(map.count, 2u);
	cr_assert_eq(id_map_find(&map, 100), ITEM(100));
	id_map_remove(&map, 100);
	id_map_remove(&map, 100);
	cr_assert_eq(map.count, 1u);
	cr_assert_eq(id_map_find(&map, 200000), ITEM(200000));
	id_map_remove(&map, 200000);
	empty();
}

Test(id_map, the_root_is_no_higher_than_what_is_left_needs)
{
	add(1);
	add(1ull << 50);
	cr_assert_eq(map.height, 8u);
	id_map_remove(&map, 1);
	cr_assert_eq(map.height, 0u, "a lone one with a large id needs one node");
	cr_assert_eq(id_map_find(&map, 1ull << 50), ITEM(1ull << 50));
	cr_assert_null(id_map_find(&map, 0));
	id_map_remove(&map, 1ull << 50);
	empty();
}

/* Beside one that stays and is far away, which is what a daemon has that runs for months. */
Test(id_map, one_that_comes_and_goes_allocates_nothing)
{
	size_t before;

	add(3);
	add(1ull << 30);
	id_map_remove(&map, 1ull << 30);
	before = mallinfo2().uordblks;
	for (uint64_t i = 1; i < 10000; i++) {
		add((1ull << 30) + i);
		cr_assert_eq(mallinfo2().uordblks, before);
		id_map_remove(&map, (1ull << 30) + i);
	}
	id_map_remove(&map, 3);
	empty();
}

Test(id_map, what_many_needed_is_given_back)
{
	for (uint64_t id = 1; id < 100000; id++)
		add(id);
	for (uint64_t id = 1; id < 100000; id++)
		id_map_remove(&map, id);
	cr_assert_leq(map.n_spare, 12u);
	empty();
}

/* ---- beside a table in which nothing can be wrong -------------------------------------------- */

#define IDS 2048u

static bool is_there[IDS];

/* The bits of a small number, spread over all sixty-four in the same order. */
static uint64_t spread(unsigned int n)
{
	uint64_t id = 0;

	for (unsigned int bit = 0; bit < 11; bit++)
		id |= (uint64_t)(n >> bit & 1) << (bit * 6 + bit % 3);
	return id;
}

static void check_from(uint64_t (*id_of)(unsigned int), unsigned int n)
{
	unsigned int next = n;

	while (next < IDS && !is_there[next])
		next++;
	cr_assert_eq(id_map_from(&map, id_of(n)), next < IDS ? ITEM(id_of(next)) : NULL);
	cr_assert_eq(id_map_find(&map, id_of(n)), is_there[n] ? ITEM(id_of(n)) : NULL);
}

static void go_through_changes(uint64_t (*id_of)(unsigned int), unsigned int seed)
{
	unsigned int count = 0;

	srand(seed);
	for (unsigned int round = 0; round < 20000; round++) {
		unsigned int n = (unsigned int)rand() % IDS;
		bool comes = rand() % 100 < (round / 5000 % 2 ? 20 : 80);

		if (comes && !is_there[n]) {
			add(id_of(n));
		} else if (!comes) {
			id_map_remove(&map, id_of(n));
		}
		count += (unsigned int)comes - is_there[n];
		is_there[n] = comes;
		cr_assert_eq(map.count, count);
		check_from(id_of, (unsigned int)rand() % IDS);
	}
	for (unsigned int n = 0; n < IDS; n++)
		id_map_remove(&map, id_of(n));
	empty();
}

static uint64_t dense(unsigned int n)
{
	return n + 1000000;
}

Test(id_map, says_the_same_as_a_table_of_dense_ids)
{
	for (unsigned int seed = 1; seed < 4; seed++) {
		memset(is_there, 0, sizeof(is_there));
		go_through_changes(dense, seed);
	}
}

Test(id_map, says_the_same_as_a_table_of_scattered_ids)
{
	for (unsigned int seed = 1; seed < 4; seed++) {
		memset(is_there, 0, sizeof(is_there));
		go_through_changes(spread, seed);
	}
}
