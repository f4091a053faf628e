/* SPDX-License-Identifier: MIT */
/* What is written behind --mmio=. */
#include "plugin.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct wishes wishes;
static char error[SENTENCE_MAX];

static void refused(const char *text, const char *words)
{
	cr_assert_eq(wishes_read(&wishes, text, error), -EINVAL, "%s", text);
	cr_assert(strstr(error, words), "\"%s\" is not in: %s", words, error);
}

Test(wishes, nothing_means_all_that_the_job_got)
{
	cr_assert_eq(wishes_read(&wishes, NULL, error), 0);
	cr_assert(wishes.given && wishes.all && !wishes.count);
	cr_assert_eq(wishes_read(&wishes, "", error), 0);
	cr_assert(wishes.given && wishes.all && !wishes.count);
}

Test(wishes, none_means_none_whatever_was_said_before)
{
	cr_assert_eq(wishes_read(&wishes, "fpga0", error), 0);
	cr_assert_eq(wishes_read(&wishes, "none", error), 0);
	cr_assert(!wishes.given && !wishes.count);
}

Test(wishes, targets_and_words_are_told_apart)
{
	const struct wish *list = wishes.list;

	cr_assert_eq(wishes_read(&wishes,
				 "fpga0+0x10/16:32:ro,shm:shared-write:rw,0000:0b:00.0/bar2+4K:ro:"
				 "shared-read,b",
				 error),
		     0, "%s", error);
	cr_assert_eq(wishes.count, 4);
	cr_assert_str_eq(list[0].target.region, "fpga0");
	cr_assert_eq(list[0].target.offset, 0x10);
	cr_assert_eq(list[0].target.length, 16);
	cr_assert_eq(list[0].target.width, 4);
	cr_assert(list[0].read_only);
	cr_assert_eq(list[0].share, MMIOD_SHARE_DEFAULT);
	cr_assert(!list[1].read_only);
	cr_assert_eq(list[1].share, MMIOD_SHARE_WRITE);
	cr_assert_str_eq(list[2].target.region, "0000:0b:00.0/bar2");
	cr_assert_eq(list[2].target.offset, 4096);
	cr_assert(list[2].read_only);
	cr_assert_eq(list[2].share, MMIOD_SHARE_READ);
	cr_assert_str_eq(list[3].target.region, "b");
}

Test(wishes, what_is_malformed_is_refused_with_the_rule)
{
	refused("fpga0:rx", "\"rx\" says nothing: write rw, ro");
	refused("fpga0:5:ro", "width \"5\"");
	refused(",fpga0", "comma too many");
	refused("fpga0,", "comma too many");
	refused("fpga0+", "--mmio=fpga0+");
	refused("ro:ro:", "--mmio=ro:ro:");
	refused(":ro", "--mmio=:ro");
	refused("a/b/c", "--mmio=a/b/c");
}

Test(wishes, there_may_be_16_regions_and_no_more)
{
	refused("a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a", "more than 16");
	cr_assert_eq(wishes_read(&wishes, "a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a", error), 0);
	cr_assert_eq(wishes.count, 16);
}

Test(wishes, a_text_of_any_length_is_refused_or_read)
{
	static char text[8192];

	memset(text, 'a', sizeof(text) - 1);
	for (size_t length = 1; length < sizeof(text); length += 61) {
		memset(text, 'a', length);
		text[length] = '\0';
		cr_assert_eq(wishes_read(&wishes, text, error), length <= 31 ? 0 : -EINVAL, "%zu",
			     length);
	}
}
