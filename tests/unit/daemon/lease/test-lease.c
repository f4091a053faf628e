// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <string.h>
#include "daemon/lease/lease.h"

#define READ MMIOD_RIGHT_READ
#define WRITE (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)

static struct regions regions;
static struct leases leases;
static struct users users;
static struct region *shm;

static void set_up(void)
{
	shm = region_add(&regions, "shm");
	cr_assert_not_null(shm);
}

TestSuite(lease, .init = set_up);

static struct lease *add(uint64_t id, uint64_t offset, uint64_t length, uint32_t rights,
			 enum mmiod_share share)
{
	struct lease *lease = calloc(1, sizeof(*lease));

	lease->id = id;
	lease->region = shm;
	lease->offset = offset;
	lease->length = length;
	lease->rights = rights;
	lease->share = share;
	cr_assert_eq(charge_take(&lease->charge, &users, 1000, USER_LEASES, 1000000), 0);
	cr_assert_eq(lease_add(&leases, lease), 0);
	return lease;
}

Test(lease, regions_are_found_by_name_and_numbered_in_order)
{
	struct region *edu = region_add(&regions, "edu");

	cr_assert_eq(region_find(&regions, "edu"), edu);
	cr_assert_null(region_find(&regions, "ed"));
	cr_assert_null(region_find(&regions, "edu2"));
	cr_assert_lt(shm->id, edu->id);
	region_remove(&regions, edu);
	cr_assert_null(region_find(&regions, "edu"));
	cr_assert_gt(region_add(&regions, "edu")->id, 2u, "ids are not reused");
}

/* Rows: who holds; columns: who asks. Straight from the definition: each must let the other be. */
static bool admits(enum mmiod_share mine, uint32_t others)
{
	if (mine == MMIOD_SHARE_EXCLUSIVE)
		return false;
	return mine == MMIOD_SHARE_WRITE || others == READ;
}

Test(lease, two_go_together_only_if_each_lets_the_other_be)
{
	static const uint32_t rights[] = { READ, WRITE };

	for (int i = 0; i < 6; i++) {
		enum mmiod_share held = (enum mmiod_share)(1 + i / 2);
		struct lease *lease = add(1, 0x1000, 0x1000, rights[i % 2], held);

		for (int j = 0; j < 6; j++) {
			enum mmiod_share asked = (enum mmiod_share)(1 + j / 2);
			bool together = admits(held, rights[j % 2]) && admits(asked, rights[i % 2]);
			struct lease *found = lease_conflict(shm, 0x1800, 8, rights[j % 2], asked);

			cr_assert_eq(found, together ? NULL : lease, "held %d/%x, asked %d/%x",
				     held, rights[i % 2], asked, rights[j % 2]);
		}
		lease_remove(&leases, lease);
	}
}

Test(lease, neighbours_do_not_conflict)
{
	add(1, 0x1000, 0x1000, WRITE, MMIOD_SHARE_EXCLUSIVE);
	cr_assert_null(lease_conflict(shm, 0, 0x1000, WRITE, MMIOD_SHARE_EXCLUSIVE));
	cr_assert_null(lease_conflict(shm, 0x2000, 0x1000, WRITE, MMIOD_SHARE_EXCLUSIVE));
	cr_assert_not_null(lease_conflict(shm, 0xfff, 2, READ, MMIOD_SHARE_WRITE));
	cr_assert_not_null(lease_conflict(shm, 0, UINT64_MAX, READ, MMIOD_SHARE_WRITE));
}

Test(lease, a_writer_is_found_among_ten_thousand_readers)
{
	struct lease *writer;

	for (uint64_t i = 1; i <= 10000; i++)
		add(i, 0, 0x10000, READ, MMIOD_SHARE_WRITE);
	writer = add(10001, 0x8000, 1, WRITE, MMIOD_SHARE_WRITE);
	cr_assert_eq(lease_conflict(shm, 0, 0x10000, READ, MMIOD_SHARE_READ), writer);
	cr_assert_null(lease_conflict(shm, 0, 0x8000, READ, MMIOD_SHARE_READ));
}

Test(lease, a_revoked_one_is_still_listed_but_in_nobodys_way)
{
	struct lease *lease = add(1, 0, 0x1000, WRITE, MMIOD_SHARE_EXCLUSIVE);

	lease_retire(&leases, lease);
	lease_retire(&leases, lease);
	cr_assert_eq(lease->state, MMIOD_STATE_REVOKED);
	cr_assert_null(lease_conflict(shm, 0, 0x1000, WRITE, MMIOD_SHARE_EXCLUSIVE));
	cr_assert_eq(lease_find(&leases, 1), lease);
	cr_assert_eq(shm->n_leases, 1u);
	lease_remove(&leases, lease);
	cr_assert_null(lease_find(&leases, 1));
	cr_assert_eq(shm->n_leases, 0u);
	cr_assert_null(users.table, "the account is settled");
}

Test(lease, one_that_comes_revoked_from_the_ledger_occupies_nothing)
{
	struct lease *lease = calloc(1, sizeof(*lease));

	*lease = (struct lease){ .id = 1, .region = shm, .length = 1, .rights = WRITE, .share = 1 };
	lease->state = MMIOD_STATE_REVOKED;
	cr_assert_eq(lease_add(&leases, lease), 0);
	cr_assert_null(lease_conflict(shm, 0, 1, WRITE, MMIOD_SHARE_EXCLUSIVE));
}

Test(lease, the_table_is_in_order_of_id_whatever_the_order_of_adding)
{
	static const uint64_t order[] = { 5, 9, 2, 7, 1 };
	uint64_t last = 0;

	for (size_t i = 0; i < 5; i++)
		add(order[i], i * 16, 16, READ, MMIOD_SHARE_EXCLUSIVE);
	for (struct lease *lease = lease_after(&leases, 0); lease;
	     lease = lease_after(&leases, lease->id)) {
		cr_assert_gt(lease->id, last);
		last = lease->id;
	}
	cr_assert_eq(last, 9u);
	cr_assert_eq(lease_after(&leases, 3)->id, 5u, "a cursor whose lease has ended");
	cr_assert_eq(lease_after(&leases, 5)->id, 7u);
	cr_assert_null(lease_after(&leases, 9));
	cr_assert_null(lease_after(&leases, 100));
}

Test(lease, the_last_that_goes_leaves_a_table_for_the_next)
{
	for (uint64_t id = 1; id < 100; id++) {
		struct lease *one = add(id, 0, 16, READ, MMIOD_SHARE_EXCLUSIVE), *other;

		cr_assert_eq(lease_find(&leases, id), one);
		cr_assert_null(lease_find(&leases, id + 1));
		other = add(id + 1000, 16, 16, READ, MMIOD_SHARE_EXCLUSIVE);
		cr_assert_eq(lease_last(&leases), other);
		lease_remove(&leases, one);
		cr_assert_null(lease_find(&leases, id));
		cr_assert_eq(lease_find(&leases, id + 1000), other);
		lease_remove(&leases, other);
		cr_assert_eq(leases_count(&leases), 0u);
		cr_assert_null(lease_find(&leases, id + 1000));
		cr_assert_null(lease_after(&leases, 0));
		cr_assert_null(lease_last(&leases));
	}
	leases_clear(&leases);
	add(1, 0, 16, READ, MMIOD_SHARE_EXCLUSIVE);
	cr_assert_not_null(lease_find(&leases, 1));
}

/* The kernel gets memory back when there are thousands of leases less, not when one comes and goes. */
Test(lease, memory_of_thousands_that_end_is_given_back_in_parts)
{
	static struct lease *all[20000];
	unsigned int parts = 0;

	for (uint64_t i = 0; i < 20000; i++)
		all[i] = add(i + 1, i * 16, 16, READ, MMIOD_SHARE_EXCLUSIVE);
	cr_assert_eq(leases.most, 20000u);
	for (uint64_t i = 0; i < 20000; i++) {
		unsigned int most = leases.most;

		lease_remove(&leases, all[i]);
		parts += leases.most != most;
		cr_assert_geq(leases.most, leases_count(&leases));
	}
	cr_assert_eq(parts, 9u);
	for (uint64_t id = 20001; id < 40000; id++)
		lease_remove(&leases, add(id, 0, 16, READ, MMIOD_SHARE_EXCLUSIVE));
	cr_assert_leq(leases.most, 20000u - 9 * 2048u);
}

Test(lease, of_the_accounts_without_leases_only_the_last_is_kept)
{
	for (uint64_t id = 1; id < 100; id++) {
		struct lease *lease = calloc(1, sizeof(*lease));

		lease->id = id;
		lease->region = shm;
		lease->length = 16;
		lease->grant = (uint32_t)id % 7;
		cr_assert_eq(lease_add(&leases, lease), 0);
		cr_assert_eq(account_find(&leases, 0, lease->grant)->leases, 1u);
		lease_remove(&leases, lease);
		cr_assert_eq(account_find(&leases, 0, (uint32_t)id % 7)->leases, 0u);
		cr_assert_eq(account_find(&leases, 0, (uint32_t)id % 7)->bytes, 0u);
		cr_assert_eq(HASH_COUNT(leases.accounts), 1u);
	}
	leases_clear(&leases);
	cr_assert_null(leases.accounts);
}

Test(lease, news_stand_at_the_head_of_the_list)
{
	struct lease *a = add(1, 0, 1, READ, 1), *b = add(2, 1, 1, READ, 1);
	struct lease_list list = { 0 };
	uint32_t deadline;

	lease_attach(a, &list);
	lease_attach(b, &list);
	cr_assert_eq(list.head, a);
	lease_tell(b, MMIOD_EVENT_REVOKED, 0, "why");
	cr_assert_eq(list.head, b);
	cr_assert_eq(lease_take_event(b, &deadline), MMIOD_EVENT_REVOKED);
	cr_assert_eq(list.head, a);
	cr_assert_not(lease_has_pending_event(list.head));
}

Test(lease, an_asking_comes_before_a_state_and_goes_with_the_revocation)
{
	struct lease *lease = add(1, 0, 1, READ, 1);
	struct lease_list list = { 0 };
	uint32_t deadline;

	lease_attach(lease, &list);
	lease_tell(lease, MMIOD_EVENT_REVOKE_ASKED, 500, "please");
	lease_tell(lease, MMIOD_EVENT_SUSPENDED, 0, "reset");
	cr_assert_eq(lease_take_event(lease, &deadline), MMIOD_EVENT_REVOKE_ASKED);
	cr_assert_eq(deadline, 500u);
	cr_assert_eq(lease_take_event(lease, &deadline), MMIOD_EVENT_SUSPENDED);
	lease_tell(lease, MMIOD_EVENT_REVOKE_ASKED, 500, "please");
	lease_tell(lease, MMIOD_EVENT_REVOKED, 0, "gone");
	cr_assert_eq(lease_take_event(lease, &deadline), MMIOD_EVENT_REVOKED);
	cr_assert_not(lease_has_pending_event(lease));
}

Test(lease, a_later_state_replaces_one_that_was_not_delivered)
{
	struct lease *lease = add(1, 0, 1, READ, 1);
	struct lease_list list = { 0 };
	uint32_t deadline;

	lease_attach(lease, &list);
	for (int i = 0; i < 1000; i++) {
		lease_tell(lease, MMIOD_EVENT_SUSPENDED, 0, "a");
		lease_tell(lease, MMIOD_EVENT_RESUMED, 0, "b");
	}
	cr_assert_eq(lease_take_event(lease, &deadline), MMIOD_EVENT_RESUMED);
	cr_assert_not(lease_has_pending_event(lease));
}

Test(lease, keeps_its_news_when_it_changes_hands)
{
	struct lease *lease = add(1, 0, 1, READ, 1), *other = add(2, 1, 1, READ, 1);
	struct lease_list list = { 0 }, next = { 0 };

	lease_attach(lease, &list);
	lease_detach(lease);
	lease_tell(lease, MMIOD_EVENT_GONE, 0,
		   "a reason that is much longer than there is room for, and so is cut "
		   "somewhere, but where it is cut it ends properly, which is what matters");
	cr_assert_null(list.head);
	lease_attach(other, &next);
	lease_attach(lease, &next);
	cr_assert_eq(next.head, lease);
	cr_assert_eq(strlen(lease_why(lease)), LEASE_WHY_MAX - 1u);
}
