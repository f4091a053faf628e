// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <stdlib.h>
#include "daemon/base/interval.h"

/* Nodes belong to the test's process, which ends with the test. */
static struct interval nodes[100000];
static size_t n_nodes;

static struct interval *node(uint64_t start, uint64_t end)
{
	struct interval *new = &nodes[n_nodes++];

	cr_assert_lt(n_nodes, sizeof(nodes) / sizeof(nodes[0]));
	new->start = start;
	new->end = end;
	return new;
}

Test(interval, an_empty_set_overlaps_nothing)
{
	struct interval_set set = { 0 };

	cr_assert_null(interval_overlap(&set, 0, UINT64_MAX));
}

Test(interval, neighbours_do_not_overlap)
{
	struct interval_set set = { 0 };
	struct interval *middle = node(10, 20);

	interval_insert(&set, middle);
	cr_assert_null(interval_overlap(&set, 0, 10));
	cr_assert_null(interval_overlap(&set, 20, 30));
	cr_assert_eq(interval_overlap(&set, 9, 11), middle);
	cr_assert_eq(interval_overlap(&set, 19, 20), middle);
	cr_assert_eq(interval_overlap(&set, 0, 100), middle);
	cr_assert_eq(interval_overlap(&set, 12, 13), middle);
}

Test(interval, a_long_one_is_found_behind_many_short_ones)
{
	struct interval_set set = { 0 };
	struct interval *longest = node(0, 1000000);

	interval_insert(&set, longest);
	for (uint64_t i = 1; i < 1000; i++)
		interval_insert(&set, node(i, i + 1));
	cr_assert_eq(interval_overlap(&set, 500000, 500001), longest);
	interval_remove(&set, longest);
	cr_assert_null(interval_overlap(&set, 500000, 500001));
}

Test(interval, the_same_interval_may_be_in_the_set_many_times)
{
	struct interval_set set = { 0 };
	struct interval *same[100];

	for (int i = 0; i < 100; i++)
		interval_insert(&set, same[i] = node(5, 6));
	for (int i = 0; i < 100; i++) {
		cr_assert_not_null(interval_overlap(&set, 5, 6));
		interval_remove(&set, same[i]);
	}
	cr_assert_null(set.root);
}

Test(interval, removing_what_is_not_there_does_nothing)
{
	struct interval_set set = { 0 };
	struct interval *in = node(0, 10), *out = node(0, 10);

	interval_insert(&set, in);
	interval_remove(&set, out);
	cr_assert_eq(interval_overlap(&set, 0, 1), in);
}

static unsigned int depth(const struct interval *root)
{
	unsigned int left, right;

	if (!root)
		return 0;
	left = depth(root->left);
	right = depth(root->right);
	return 1 + (left > right ? left : right);
}

Test(interval, stays_shallow_when_filled_in_order)
{
	struct interval_set set = { 0 };

	for (uint64_t i = 0; i < 10000; i++)
		interval_insert(&set, node(i * 4096, (i + 1) * 4096));
	cr_assert_lt(depth(set.root), 50u);
}

/*
 * Who knows the priorities inserts the member with the highest first place last, and so on: each
 * place by the rank of its priority makes a list of the treap. The places here are made for the
 * priorities of one set, and used in another.
 */
static int compare_priorities(const void *a, const void *b)
{
	const struct interval *const *x = a, *const *y = b;

	return ((*x)->priority > (*y)->priority) - ((*x)->priority < (*y)->priority);
}

Test(interval, stays_shallow_whatever_offsets_its_members_choose)
{
	enum { MEMBERS = 10000 };
	static struct interval *ranked[MEMBERS], *members[MEMBERS];
	struct interval_set known = { 0 }, attacked = { 0 };

	for (int i = 0; i < MEMBERS; i++)
		interval_insert(&known, ranked[i] = members[i] = node(0, 1));
	qsort(ranked, MEMBERS, sizeof(ranked[0]), compare_priorities);
	for (uint64_t i = 0; i < MEMBERS; i++)
		ranked[i]->end = i; /* as a place for its rank; the set is not asked any more */
	for (int i = 0; i < MEMBERS; i++)
		interval_insert(&attacked, node(members[i]->end, members[i]->end + 1));
	cr_assert_lt(depth(attacked.root), 100u);
}

/*
 * Against a plain array: every answer must be a member that overlaps, and NULL only if none does.
 */
Test(interval, agrees_with_an_exhaustive_search)
{
	struct interval_set set = { 0 };
	struct interval *members[300] = { 0 };

	srand(7);
	for (int round = 0; round < 60000; round++) {
		int slot = rand() % 300;
		uint64_t start = (uint64_t)(rand() % 1000),
			 end = start + 1 + (uint64_t)(rand() % 50);
		struct interval *found = interval_overlap(&set, start, end);
		bool expected = false;

		for (int i = 0; i < 300; i++)
			if (members[i] && members[i]->start < end && start < members[i]->end)
				expected = true;
		cr_assert_eq(found != NULL, expected);
		if (found)
			cr_assert(found->start < end && start < found->end);
		if (members[slot]) {
			interval_remove(&set, members[slot]);
			members[slot] = NULL;
		} else {
			interval_insert(&set, members[slot] = node(start, end));
		}
	}
}
