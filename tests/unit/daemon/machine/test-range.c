// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "daemon/machine/range.h"

static char sys[] = "/tmp/test-range.XXXXXX";

static void put(const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", sys, name);
	for (char *slash = path + sizeof(sys); (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
	file = fopen(path, "w");
	cr_assert(file && fputs(text, file) >= 0);
	fclose(file);
}

static void begin(void)
{
	cr_assert_not_null(mkdtemp(sys));
}

static void end(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", sys);
	cr_assert_eq(system(command), 0);
}

TestSuite(range, .init = begin, .fini = end);

static void expect(uint64_t start, const char *part)
{
	char said[TEXT_MAX];
	struct text why = TEXT_ON(said);

	text_reset(&why);
	range_explain_denial(sys, start, &why);
	cr_assert(strstr(said, part), "\"%s\" is not in \"%s\"", part, said);
	cr_assert_lt(why.length, sizeof(said) - 1, "cut: %s", said);
}

Test(range, lockdown_is_named_with_its_degree_and_the_way_that_is_left)
{
	put("kernel/security/lockdown", "none [integrity] confidentiality\n");
	expect(0x30000000, "the kernel is locked down (integrity)");
	expect(0x30000000, "\"device =\"");
	put("kernel/security/lockdown", "none integrity [confidentiality]\n");
	expect(0x1000, "the kernel is locked down (confidentiality)");
}

Test(range, the_parameter_of_the_module_is_asked_before_all_else)
{
	put("kernel/security/lockdown", "none [integrity] confidentiality\n");
	put("module/mmiod/parameters/allow_ranges", "N\n");
	expect(0x1000, "allow_ranges is off");
	put("module/mmiod/parameters/allow_ranges", "Y\n");
	expect(0x1000, "locked down");
}

Test(range, without_lockdown_it_is_where_the_range_lies)
{
	put("module/mmiod/parameters/allow_ranges", "Y\n");
	put("kernel/security/lockdown", "[none] integrity confidentiality\n");
	expect(0xfffff, "below 1 MiB");
	expect(0x100000, "PCI BAR");
}

Test(range, a_kernel_that_knows_no_lockdown_or_says_nonsense_of_it_is_taken_to_have_none)
{
	expect(0xf0000000, "PCI BAR");
	put("kernel/security/lockdown", "none\n");
	expect(0xf0000000, "PCI BAR");
	put("kernel/security/lockdown", "[\n");
	expect(0xf0000000, "PCI BAR");
}
