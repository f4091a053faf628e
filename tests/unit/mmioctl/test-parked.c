/* SPDX-License-Identifier: MIT */
/*
 * Whoever looks at a lease that its holder keeps parked is told so, whichever verb shows it.
 */
#include "store.h"

#include <string.h>

TestSuite(parked, .timeout = 1200);

/* A window that is parked, one that is not, and kernel memory. */
static const struct store two_of_ram = {
	.leases = { { .id = 5,
		      .region = "ram",
		      .offset = 0x1000,
		      .length = 0x1000,
		      .rights = MMIOD_RIGHT_READ,
		      .memtype = MMIOD_MEMTYPE_UC,
		      .share = MMIOD_SHARE_EXCLUSIVE,
		      .state = MMIOD_STATE_OK,
		      .kind = MMIOD_KIND_WINDOW,
		      .pid = 77,
		      .comm = "parker",
		      .parked = 1 },
		    { .id = 6,
		      .region = "ram",
		      .offset = 0x2000,
		      .length = 0x1000,
		      .rights = MMIOD_RIGHT_READ,
		      .memtype = MMIOD_MEMTYPE_UC,
		      .share = MMIOD_SHARE_EXCLUSIVE,
		      .state = MMIOD_STATE_OK,
		      .kind = MMIOD_KIND_WINDOW,
		      .pid = 78,
		      .comm = "driver" } },
	.lease_count = 2,
};

/* In each line of the output that has @line there is @word, or there is not. */
static bool line_says(const char *output, const char *line, const char *word)
{
	const char *at = strstr(output, line), *end, *found;

	cr_assert(at, "no \"%s\" in: %s", line, output);
	end = at + strcspn(at, "\n");
	found = strstr(at, word);
	return found && found < end;
}

Test(parked, show_of_a_lease_says_that_it_is)
{
	struct store store = two_of_ram, again = two_of_ram, json = two_of_ram;
	struct run run;

	store_run(&store, &run, "show", "5");
	cr_assert_eq(run.status, 0, "%s", run.err);
	cr_assert(line_says(run.out, "Access: ", ", parked, "));
	store_run(&again, &run, "show", "6");
	cr_assert(line_says(run.out, "Access: ", ", ok, "));
	store_run(&json, &run, "show", "5", "--json");
	says(run.out, "\"state\": \"parked\"");
}

Test(parked, show_of_a_region_says_which_of_its_leases_are)
{
	struct store store = two_of_ram, json = two_of_ram;
	struct run run;

	store_run(&store, &run, "show", "ram");
	cr_assert_eq(run.status, 0, "%s", run.err);
	cr_assert(line_says(run.out, "lease 5, ", ", parked"));
	cr_assert_not(line_says(run.out, "lease 6, ", "parked"));
	store_run(&json, &run, "show", "ram", "--json");
	says(run.out, "\"state\": \"parked\"");
	says(run.out, "\"state\": \"ok\"");
}

Test(parked, a_tree_says_which_leases_are)
{
	struct store store = two_of_ram, json = two_of_ram;
	struct run run;

	store_run(&store, &run, "tree");
	cr_assert_eq(run.status, 0, "%s", run.err);
	cr_assert(line_says(run.out, "lease 5 ", " parked "));
	cr_assert(line_says(run.out, "lease 6 ", " ok "));
	store_run(&json, &run, "tree", "--json");
	says(run.out, "\"state\": \"parked\"");
}

Test(parked, so_does_the_list_of_leases)
{
	struct store store = two_of_ram;
	struct run run;

	store_run(&store, &run, "leases");
	cr_assert_eq(run.status, 0, "%s", run.err);
	cr_assert(line_says(run.out, "5 region", " parked "));
	cr_assert(line_says(run.out, "6 region", " ok "));
}
