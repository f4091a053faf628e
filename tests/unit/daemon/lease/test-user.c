// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <stdlib.h>
#include "daemon/lease/user.h"

static struct users users;

Test(user, is_charged_up_to_the_limit_and_no_further)
{
	struct charge charges[4];

	for (int i = 0; i < 3; i++)
		cr_assert_eq(charge_take(&charges[i], &users, 1000, USER_LEASES, 3), 0);
	cr_assert_eq(charge_take(&charges[3], &users, 1000, USER_LEASES, 3), -EDQUOT);
	cr_assert_null(charges[3].user);
	charge_release(&charges[3]);
	charge_release(&charges[0]);
	cr_assert_eq(charge_take(&charges[3], &users, 1000, USER_LEASES, 3), 0);
}

Test(user, is_charged_for_each_thing_apart)
{
	struct charge lease, connection;

	cr_assert_eq(charge_take(&lease, &users, 1000, USER_LEASES, 1), 0);
	cr_assert_eq(charge_take(&connection, &users, 1000, USER_CONNECTIONS, 1), 0);
	cr_assert_eq(lease.user, connection.user);
}

Test(user, does_not_pay_for_another)
{
	struct charge mine, yours;

	cr_assert_eq(charge_take(&mine, &users, 1000, USER_LEASES, 1), 0);
	cr_assert_eq(charge_take(&yours, &users, 1001, USER_LEASES, 1), 0);
	cr_assert_neq(mine.user, yours.user);
}

Test(user, is_forgotten_with_the_last_charge)
{
	struct charge charge;

	cr_assert_eq(charge_take(&charge, &users, 1000, USER_LEASES, 1), 0);
	charge_release(&charge);
	cr_assert_null(users.table);
	charge_release(&charge); /* a charge undoes itself once */
	cr_assert_null(users.table);
}

Test(user, that_is_refused_at_once_leaves_no_trace)
{
	struct charge charge;

	cr_assert_eq(charge_take(&charge, &users, 1000, USER_LEASES, 0), -EDQUOT);
	cr_assert_null(users.table);
}

Test(user, above_a_lowered_limit_keeps_what_it_has)
{
	struct charge a, b, c;

	cr_assert_eq(charge_take(&a, &users, 1000, USER_LEASES, 2), 0);
	cr_assert_eq(charge_take(&b, &users, 1000, USER_LEASES, 2), 0);
	cr_assert_eq(charge_take(&c, &users, 1000, USER_LEASES, 1), -EDQUOT);
	charge_release(&a);
	charge_release(&b);
	cr_assert_null(users.table);
}

Test(user, accounts_are_all_zero_after_any_order_of_taking_and_giving_back)
{
	struct charge charges[200] = { 0 };

	srand(3);
	for (int round = 0; round < 50000; round++) {
		struct charge *charge = &charges[rand() % 200];

		if (charge->user)
			charge_release(charge);
		else
			charge_take(charge, &users, (uid_t)(rand() % 10),
				    (enum user_slot)(rand() % USER_SLOTS), 15);
	}
	for (int i = 0; i < 200; i++)
		charge_release(&charges[i]);
	cr_assert_null(users.table);
}

Test(user, is_charged_amounts_that_do_not_wrap)
{
	struct charge large, small;

	cr_assert_eq(charge_take_amount(&large, &users, 1000, USER_BYTES, 1 << 20, 1 << 20), 0);
	cr_assert_eq(charge_take_amount(&small, &users, 1000, USER_BYTES, 1, 1 << 20), -EDQUOT);
	cr_assert_eq(charge_take_amount(&small, &users, 1000, USER_BYTES, UINT64_MAX, UINT64_MAX),
		     -EDQUOT);
	cr_assert_eq(charge_take_amount(&small, &users, 1000, USER_BYTES, 1, 1000), -EDQUOT,
		     "above a limit that was lowered");
	cr_assert_eq(user_uses(&users, 1000, USER_BYTES), 1u << 20);
	cr_assert_eq(user_uses(&users, 1001, USER_BYTES), 0u);
	charge_release(&large);
	charge_release(&large);
	cr_assert_null(users.table);
}

Test(user, has_the_name_that_the_configuration_in_force_knows_or_its_number)
{
	struct names names = { 0 }, others = { 0 };
	struct charge root, other;

	cr_assert_eq(names_learn_user(&names, 0), 0);
	users_take_names(&users, &names);
	cr_assert_eq(charge_take(&root, &users, 0, USER_LEASES, 1), 0);
	cr_assert_eq(charge_take(&other, &users, 4000000001u, USER_LEASES, 1), 0);
	cr_assert_str_eq(user_name(root.user), "root");
	cr_assert_str_eq(user_name(other.user), "4000000001");
	users_take_names(&users, &others);
	cr_assert_str_eq(user_name(root.user), "0", "nobody is asked");
	charge_release(&root);
	charge_release(&other);
	users_take_names(&users, NULL);
	names_clear(&names);
}

Test(user, all_together_have_a_limit_whose_last_tenth_is_for_administrators)
{
	struct charge charges[12];

	users.most[USER_LEASES] = 10;
	for (uid_t i = 0; i < 9; i++)
		cr_assert_eq(charge_take(&charges[i], &users, 1000 + i, USER_LEASES, 5), 0);
	cr_assert_eq(charge_take(&charges[9], &users, 2000, USER_LEASES, 5), -EUSERS);
	cr_assert_null(charges[9].user);
	cr_assert_eq(charge_take(&charges[9], &users, 0, USER_LEASES, 5), 0);
	cr_assert_eq(charge_take(&charges[10], &users, 0, USER_LEASES, 5), -EUSERS);
	charge_release(&charges[9]);
	cr_assert_eq(charge_take_reserved(&charges[9], &users, 2000, USER_LEASES, 5), 0);
	charge_release(&charges[0]);
	charge_release(&charges[1]);
	cr_assert_eq(charge_take(&charges[0], &users, 2001, USER_LEASES, 5), 0, "room again");
	cr_assert_eq(charge_take(&charges[10], &users, 2002, USER_LEASES, UINT32_MAX), 0,
		     "what is there already is charged in any case");
}

Test(user, has_the_uids_that_were_given_to_it)
{
	static const struct uid_range ranges[] = { { 100000, 65536, 1000 }, { 200000, 10, 1001 } };
	struct charge charges[3];

	users.ranges = ranges;
	users.n_ranges = 2;
	cr_assert_eq(users_owner(&users, 99999), 99999u);
	cr_assert_eq(users_owner(&users, 100000), 1000u);
	cr_assert_eq(users_owner(&users, 165535), 1000u);
	cr_assert_eq(users_owner(&users, 165536), 165536u);
	cr_assert_eq(users_owner(&users, 200009), 1001u);
	cr_assert_eq(users_owner(&users, UINT32_MAX), UINT32_MAX);
	cr_assert_eq(charge_take(&charges[0], &users, 1000, USER_LEASES, 2), 0);
	cr_assert_eq(charge_take(&charges[1], &users, 100007, USER_LEASES, 2), 0);
	cr_assert_eq(charge_take(&charges[2], &users, 100008, USER_LEASES, 2), -EDQUOT);
	cr_assert_eq(user_uses(&users, 123456, USER_LEASES), 2u);
}
