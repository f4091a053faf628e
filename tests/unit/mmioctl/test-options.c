/* SPDX-License-Identifier: MIT */
/*
 * The verbs' rows of options: what no compiler checks of them.
 */
#include "verb.h"

#include <criterion/criterion.h>
#include <string.h>

/* What every verb knows, and no verb may give another meaning. */
static const char *const common_names[] = {
	"socket", "json", "color", "verbose", "help", "version"
};
static const char common_letters[] = "vhV";

static bool is_common(const char *name)
{
	for (size_t i = 0; i < sizeof(common_names) / sizeof(common_names[0]); i++)
		if (!strcmp(name, common_names[i]))
			return true;
	return false;
}

static bool clash(const struct verb_option *a, const struct verb_option *b)
{
	return !strcmp(a->name, b->name) || (a->letter && a->letter == b->letter);
}

Test(options, no_verb_knows_two_of_one_name_or_letter)
{
	for (size_t i = 0; verbs[i]; i++)
		for (const struct verb_option *a = verbs[i]->options; a && a->name; a++) {
			cr_expect_not(is_common(a->name), "%s --%s", verbs[i]->name, a->name);
			cr_expect_not(a->letter && strchr(common_letters, a->letter), "%s -%c",
				      verbs[i]->name, a->letter);
			for (const struct verb_option *b = a + 1; b->name; b++)
				cr_expect_not(clash(a, b), "%s --%s --%s", verbs[i]->name, a->name,
					      b->name);
		}
}

Test(options, each_has_help_and_something_to_fill)
{
	size_t rows = 0;

	for (size_t i = 0; verbs[i]; i++)
		for (const struct verb_option *row = verbs[i]->options; row && row->name; row++) {
			rows++;
			cr_expect(row->help && row->help[0], "%s --%s", verbs[i]->name, row->name);
			cr_expect(row->common || verbs[i]->values, "%s --%s", verbs[i]->name,
				  row->name);
			cr_expect((row->kind == KIND_CALL) == (row->call != NULL), "%s --%s",
				  verbs[i]->name, row->name);
			cr_expect(row->kind != KIND_FLAG || !row->argument, "%s --%s",
				  verbs[i]->name, row->name);
		}
	cr_expect_gt(rows, 100);
}

Test(options, there_is_room_for_those_of_each_verb)
{
	for (size_t i = 0; verbs[i]; i++) {
		size_t count = sizeof(common_names) / sizeof(common_names[0]);

		for (const struct verb_option *row = verbs[i]->options; row && row->name; row++)
			count++;
		cr_expect_leq(count, OPTIONS_MAX, "%s", verbs[i]->name);
	}
}
