/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include "output/output.h"

static void duration(const char *text, int err, uint32_t milliseconds)
{
	uint32_t read = 0;

	cr_assert_eq(parse_duration(text, &read), err, "\"%s\"", text);
	if (!err)
		cr_assert_eq(read, milliseconds, "\"%s\"", text);
}

Test(words, durations_have_units_or_are_seconds_and_fit)
{
	duration("500ms", 0, 500);
	duration("2s", 0, 2000);
	duration("2", 0, 2000);
	duration("1min", 0, 60000);
	duration("", -EINVAL, 0);
	duration("s", -EINVAL, 0);
	duration("1h", 0, 3600000);
	duration("1d", -EINVAL, 0);
	duration("-1s", -EINVAL, 0);
	duration("4294968s", -ERANGE, 0);
}

static void size_is(uint64_t bytes, const char *words)
{
	char text[32];

	size_words(bytes, text, sizeof(text));
	cr_assert_str_eq(text, words);
}

Test(words, sizes_are_exact_where_they_can_be)
{
	size_is(0, "0B");
	size_is(1023, "1023B");
	size_is(1024, "1K");
	size_is(1536, "1.5K");
	size_is(64 << 20, "64M");
	size_is(1ull << 40, "1T");
	size_is(UINT64_MAX, "16.0E");
}

static void age_is(uint64_t seconds, const char *words)
{
	char text[32];

	age_words(seconds, text, sizeof(text));
	cr_assert_str_eq(text, words);
}

Test(words, ages_show_two_units)
{
	age_is(59, "59s");
	age_is(61, "1min01s");
	age_is(3 * 3600 + 120, "3h02min");
	age_is(86400 * 2 + 3600, "2d01h");
}

Test(words, rights_and_attributes_are_those_of_the_configuration)
{
	char text[16];

	cr_assert_str_eq(rights_word(MMIOD_RIGHT_READ), "r");
	cr_assert_str_eq(rights_word(MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE), "rw");
	cr_assert_str_eq(rights_word(0), "-");
	cr_assert_str_eq(memtype_word(MMIOD_MEMTYPE_WC), "wc");
	cr_assert_str_eq(share_word(MMIOD_SHARE_WRITE), "shared-write");
	cr_assert_str_eq(state_word(MMIOD_STATE_SUSPENDED), "suspended");
	memtypes_words(1u << MMIOD_MEMTYPE_UC | 1u << MMIOD_MEMTYPE_WC, text, sizeof(text));
	cr_assert_str_eq(text, "uc,wc");
}
