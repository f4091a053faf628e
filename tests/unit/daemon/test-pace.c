// SPDX-License-Identifier: MIT
/*
 * Token buckets, and the memory of how fast each user goes.
 */
#include <criterion/criterion.h>
#include "daemon/connection/user-rate.h"

static unsigned int take(struct bucket *bucket, uint64_t now_ms, unsigned int tries)
{
	unsigned int taken = 0;

	while (tries--)
		taken += bucket_take(bucket, now_ms, 10, 4);
	return taken;
}

Test(bucket, is_full_at_first_and_empty_after_a_burst)
{
	struct bucket bucket = { 0 };

	cr_assert_eq(take(&bucket, 777, 100), 10u);
	cr_assert_eq(take(&bucket, 777, 100), 0u);
}

Test(bucket, fills_by_so_many_in_a_second_and_not_beyond_a_burst)
{
	struct bucket bucket = { 0 };

	take(&bucket, 0, 100);
	cr_assert_eq(take(&bucket, 249, 100), 0u);
	cr_assert_eq(take(&bucket, 250, 100), 1u, "fractions are kept");
	cr_assert_eq(take(&bucket, 2250, 100), 8u);
	cr_assert_eq(take(&bucket, UINT64_MAX, 100), 10u, "nothing overflows");
}

Test(bucket, gains_nothing_by_a_clock_that_jumps_back)
{
	struct bucket bucket = { 0 };

	take(&bucket, 100000, 100);
	cr_assert_eq(take(&bucket, 50000, 100), 0u);
	cr_assert_eq(take(&bucket, 50250, 100), 1u, "and goes on from there");
}

Test(bucket, heeds_a_burst_that_was_lowered)
{
	struct bucket bucket = { 0 };
	unsigned int taken = 0;

	cr_assert(bucket_take(&bucket, 0, 1000, 1));
	for (int i = 0; i < 100; i++)
		taken += bucket_take(&bucket, 0, 3, 1);
	cr_assert_eq(taken, 3u);
}

static struct paces paces;

Test(pace, is_the_same_for_a_user_who_went_and_came_back)
{
	struct pace *pace = pace_need(&paces, 1000, 5);

	bucket_take(&pace->connections, 5, 1, 1);
	cr_assert_neq(pace_need(&paces, 1001, 6), pace);
	cr_assert_eq(pace_need(&paces, 1000, 7), pace);
	cr_assert_not(bucket_take(&pace->connections, 7, 1, 1));
	paces_clear(&paces);
	cr_assert_null(paces.table);
	cr_assert_null(paces.list);
}

Test(pace, is_forgotten_when_it_was_not_used_for_long)
{
	pace_need(&paces, 1000, 0);
	pace_need(&paces, 1001, 50000);
	pace_need(&paces, 1000, 50001);
	cr_assert_eq(HASH_COUNT(paces.table), 2u);
	pace_need(&paces, 1002, 110001);
	cr_assert_eq(HASH_COUNT(paces.table), 2u, "1001 was");
	pace_need(&paces, 1003, 200000);
	cr_assert_eq(HASH_COUNT(paces.table), 1u);
	paces_clear(&paces);
}

Test(pace, of_many_users_at_once_takes_bounded_memory)
{
	for (uid_t uid = 0; uid < 20000; uid++)
		cr_assert_not_null(pace_need(&paces, uid, 1));
	cr_assert_eq(HASH_COUNT(paces.table), 4096u);
	paces_clear(&paces);
}
