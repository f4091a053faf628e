// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include "daemon/base/rate.h"

static unsigned int take(struct rate_limit *limit, uint64_t now_ms, unsigned int tries)
{
	unsigned int taken = 0;

	while (tries--)
		taken += rate_take(limit, now_ms, 10, 4);
	return taken;
}

Test(rate, is_full_at_first_and_empty_after_a_burst)
{
	struct rate_limit limit = { 0 };

	cr_assert_eq(take(&limit, 777, 100), 10u);
	cr_assert_eq(take(&limit, 777, 100), 0u);
}

Test(rate, fills_by_so_many_in_a_second_and_not_beyond_a_burst)
{
	struct rate_limit limit = { 0 };

	take(&limit, 0, 100);
	cr_assert_eq(take(&limit, 249, 100), 0u);
	cr_assert_eq(take(&limit, 250, 100), 1u, "fractions are kept");
	cr_assert_eq(take(&limit, 2250, 100), 8u);
	cr_assert_eq(take(&limit, UINT64_MAX, 100), 10u, "nothing overflows");
}

Test(rate, gains_nothing_by_a_clock_that_jumps_back)
{
	struct rate_limit limit = { 0 };

	take(&limit, 100000, 100);
	cr_assert_eq(take(&limit, 50000, 100), 0u);
	cr_assert_eq(take(&limit, 50250, 100), 1u, "and goes on from there");
}

Test(rate, heeds_a_burst_that_was_lowered)
{
	struct rate_limit limit = { 0 };
	unsigned int taken = 0;

	cr_assert(rate_take(&limit, 0, 1000, 1));
	for (int i = 0; i < 100; i++)
		taken += rate_take(&limit, 0, 3, 1);
	cr_assert_eq(taken, 3u);
}

Test(rate, of_lines_lets_a_burst_through_and_then_a_few_in_each_second)
{
	struct line_limit limit = { 0 };
	unsigned int admitted = 0;

	for (int i = 0; i < 1000; i++)
		admitted += rate_take_line(&limit, 5000);
	cr_assert_eq(admitted, 20u);
	cr_assert_eq(limit.held_back, 980u);
	for (uint64_t ms = 5000; ms < 15000; ms++)
		admitted += rate_take_line(&limit, ms);
	cr_assert_eq(admitted, 20u + 49u, "%u in ten seconds", admitted);
}

Test(rate, of_lines_saves_up_no_more_than_a_burst)
{
	struct line_limit limit = { 0 };
	unsigned int admitted = 0;

	rate_take_line(&limit, 0);
	for (int i = 0; i < 1000; i++)
		admitted += rate_take_line(&limit, UINT32_MAX);
	cr_assert_eq(admitted, 20u);
}
