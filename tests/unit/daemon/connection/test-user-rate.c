// SPDX-License-Identifier: MIT
/* The memory of how fast each user goes. */
#include <criterion/criterion.h>
#include "daemon/connection/user-rate.h"

static struct user_rates rates;

Test(user_rate, is_the_same_for_a_user_who_went_and_came_back)
{
	struct user_rate *rate = user_rates_need(&rates, 1000, 5);

	rate_take(&rate->connections, 5, 1, 1);
	cr_assert_neq(user_rates_need(&rates, 1001, 6), rate);
	cr_assert_eq(user_rates_need(&rates, 1000, 7), rate);
	cr_assert_not(rate_take(&rate->connections, 7, 1, 1));
	user_rates_clear(&rates);
	cr_assert_null(rates.table);
	cr_assert_null(rates.list);
}

Test(user_rate, is_forgotten_when_it_was_not_used_for_long)
{
	user_rates_need(&rates, 1000, 0);
	user_rates_need(&rates, 1001, 50000);
	user_rates_need(&rates, 1000, 50001);
	cr_assert_eq(HASH_COUNT(rates.table), 2u);
	user_rates_need(&rates, 1002, 110001);
	cr_assert_eq(HASH_COUNT(rates.table), 2u, "1001 was");
	user_rates_need(&rates, 1003, 200000);
	cr_assert_eq(HASH_COUNT(rates.table), 1u);
	user_rates_clear(&rates);
}

Test(user_rate, of_many_users_at_once_takes_bounded_memory)
{
	for (uid_t uid = 0; uid < 20000; uid++)
		cr_assert_not_null(user_rates_need(&rates, uid, 1));
	cr_assert_eq(HASH_COUNT(rates.table), 4096u);
	user_rates_clear(&rates);
}
