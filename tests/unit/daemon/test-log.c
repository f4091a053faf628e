// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include "daemon/base/log.h"

Test(log, lets_a_burst_through_and_then_a_few_in_each_second)
{
	struct log_limit limit = { 0 };
	unsigned int admitted = 0;

	for (int i = 0; i < 1000; i++)
		admitted += log_admit(&limit, 5000);
	cr_assert_eq(admitted, 20u);
	cr_assert_eq(limit.held_back, 980u);
	for (uint64_t ms = 5000; ms < 15000; ms++)
		admitted += log_admit(&limit, ms);
	cr_assert_eq(admitted, 20u + 49u, "%u in ten seconds", admitted);
}

Test(log, saves_up_no_more_than_a_burst)
{
	struct log_limit limit = { 0 };
	unsigned int admitted = 0;

	log_admit(&limit, 0);
	for (int i = 0; i < 1000; i++)
		admitted += log_admit(&limit, UINT32_MAX);
	cr_assert_eq(admitted, 20u);
}
