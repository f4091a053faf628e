// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include "daemon/machine/iomem.h"

static const char listing[] = "00001000-0009fbff : System RAM\n"
			      "f0000000-ffffffff : PCI Bus 0000:00\n"
			      "  f8000000-fbffffff : 0000:01:00.0\n"
			      "    f8000000-fbffffff : ivshmem: the driver\n"
			      "  fea00000-feafffff : 0000:00:04.0\n"
			      "100000000-1ffffffff : System RAM\n";

static int find(const char *text, uint64_t start, uint64_t length, char *owner)
{
	FILE *file = fmemopen((char *)text, strlen(text), "r");
	int r = iomem_find(file, start, length, owner, 64);

	fclose(file);
	return r;
}

Test(iomem, names_the_innermost_owner)
{
	char owner[64];

	cr_assert_eq(find(listing, 0xf8001000, 0x1000, owner), 0);
	cr_assert_str_eq(owner, "ivshmem: the driver");
	cr_assert_eq(find(listing, 0xfea00000, 4, owner), 0);
	cr_assert_str_eq(owner, "0000:00:04.0");
	cr_assert_eq(find(listing, 0x100000000, 4, owner), 0);
	cr_assert_str_eq(owner, "System RAM");
}

Test(iomem, prefers_the_innermost_to_one_that_comes_later)
{
	char owner[64];

	cr_assert_eq(find(listing, 0xf8001000, 0x10000000, owner), 0);
	cr_assert_str_eq(owner, "ivshmem: the driver");
}

Test(iomem, takes_an_owner_that_only_touches_the_range)
{
	char owner[64];

	cr_assert_eq(find(listing, 0xfeafffff, 0x1000, owner), 0);
	cr_assert_str_eq(owner, "0000:00:04.0");
	cr_assert_eq(find(listing, 0xa0000, 0x1000, owner), -ENOENT);
}

Test(iomem, knows_when_the_addresses_are_hidden)
{
	char owner[64];

	cr_assert_eq(find("00000000-00000000 : System RAM\n  00000000-00000000 : x\n", 0, 4, owner),
		     -EACCES);
	cr_assert_eq(find("", 0, 4, owner), -EACCES);
}

Test(iomem, does_not_stumble_over_other_lines)
{
	char owner[64];

	cr_assert_eq(find("nonsense\n\n1000-2000\n00001000-0009fbff : A\n", 0x1000, 4, owner), 0);
	cr_assert_str_eq(owner, "A");
}
