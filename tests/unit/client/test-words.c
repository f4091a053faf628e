/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include "../../../client/mmioctl/mmioctl.h"

Test(words, numbers_are_decimal_or_hexadecimal_and_nothing_else)
{
	static const char *const bad[] = { "",	   " 1",  "1 ",	 "-1",	"+1", "0x",
					   "0x-1", "0xg", "1.5", "abc", "1K", "0x1p2" };
	uint64_t number;

	cr_assert_eq(parse_number("0", &number), 0);
	cr_assert_eq(number, 0);
	cr_assert_eq(parse_number("010", &number), 0);
	cr_assert_eq(number, 10);
	cr_assert_eq(parse_number("0xDeadBeef", &number), 0);
	cr_assert_eq(number, 0xdeadbeef);
	cr_assert_eq(parse_number("18446744073709551615", &number), 0);
	cr_assert_eq(number, UINT64_MAX);
	cr_assert_eq(parse_number("18446744073709551616", &number), -ERANGE);
	cr_assert_eq(parse_number("0x10000000000000000", &number), -ERANGE);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_eq(parse_number(bad[i], &number), -EINVAL, "\"%s\"", bad[i]);
}

Test(words, sizes_have_units_of_1024)
{
	uint64_t bytes;

	cr_assert_eq(parse_size("16", &bytes), 0);
	cr_assert_eq(bytes, 16);
	cr_assert_eq(parse_size("4K", &bytes), 0);
	cr_assert_eq(bytes, 4096);
	cr_assert_eq(parse_size("0x2M", &bytes), 0);
	cr_assert_eq(bytes, 2 << 20);
	cr_assert_eq(parse_size("1G", &bytes), 0);
	cr_assert_eq(bytes, 1 << 30);
	cr_assert_eq(parse_size("1T", &bytes), -EINVAL);
	cr_assert_eq(parse_size("1KB", &bytes), -EINVAL);
	cr_assert_eq(parse_size("0xffffffffffffffffK", &bytes), -ERANGE);
}

Test(words, durations_have_units_and_fit)
{
	uint32_t ms;

	cr_assert_eq(parse_duration("500ms", &ms), 0);
	cr_assert_eq(ms, 500);
	cr_assert_eq(parse_duration("2s", &ms), 0);
	cr_assert_eq(ms, 2000);
	cr_assert_eq(parse_duration("2", &ms), 0);
	cr_assert_eq(ms, 2000);
	cr_assert_eq(parse_duration("1min", &ms), 0);
	cr_assert_eq(ms, 60000);
	cr_assert_eq(parse_duration("", &ms), -EINVAL);
	cr_assert_eq(parse_duration("s", &ms), -EINVAL);
	cr_assert_eq(parse_duration("1h", &ms), -EINVAL);
	cr_assert_eq(parse_duration("-1s", &ms), -EINVAL);
	cr_assert_eq(parse_duration("4294968s", &ms), -ERANGE);
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

Test(words, ages_show_two_units)
{
	char text[32];

	age_words(59, text, sizeof(text));
	cr_assert_str_eq(text, "59s");
	age_words(61, text, sizeof(text));
	cr_assert_str_eq(text, "1min01s");
	age_words(3 * 3600 + 120, text, sizeof(text));
	cr_assert_str_eq(text, "3h02min");
	age_words(86400 * 2 + 3600, text, sizeof(text));
	cr_assert_str_eq(text, "2d01h");
}

Test(words, nearest_is_near_or_none)
{
	static const char *const words[] = { "status", "list", "leases", "read", "write" };

	cr_assert_str_eq(nearest_word("lits", words, 5), "list");
	cr_assert_str_eq(nearest_word("lease", words, 5), "leases");
	cr_assert_str_eq(nearest_word("raed", words, 5), "read");
	cr_assert_str_eq(nearest_word("stat", words, 5), "status");
	cr_assert_null(nearest_word("frobnicate", words, 5));
	cr_assert_null(nearest_word("x", words, 5));
	cr_assert_null(nearest_word("a-word-that-is-longer-than-any-verb", words, 5));
}

Test(words, rights_and_attributes_are_those_of_the_configuration)
{
	char text[16];

	cr_assert_str_eq(rights_word(MMIOD_RIGHT_READ), "r");
	cr_assert_str_eq(rights_word(MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE), "rw");
	cr_assert_str_eq(rights_word(0), "-");
	cr_assert_str_eq(cache_word(MMIOD_CACHE_WC), "wc");
	cr_assert_str_eq(share_word(MMIOD_SHARE_WRITE), "shared-write");
	cr_assert_str_eq(state_word(MMIOD_STATE_SUSPENDED), "suspended");
	caches_words(1u << MMIOD_CACHE_UC | 1u << MMIOD_CACHE_WC, text, sizeof(text));
	cr_assert_str_eq(text, "uc,wc");
}
