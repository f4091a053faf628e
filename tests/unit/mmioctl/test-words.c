/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include "output/output.h"

/* What is read from a text: @err, and if that is 0 the value. */
#define READER(name, type, parse)                                      \
	static void name(const char *text, int err, type value)        \
	{                                                              \
		type read = 0;                                         \
                                                                       \
		cr_assert_eq(parse(text, &read), err, "\"%s\"", text); \
		if (!err)                                              \
			cr_assert_eq(read, value, "\"%s\"", text);     \
	}

READER(number, uint64_t, parse_number)
READER(size, uint64_t, parse_size)
READER(duration, uint32_t, parse_duration)

Test(words, numbers_are_decimal_or_hexadecimal_and_nothing_else)
{
	static const char *const bad[] = { "",	   " 1",  "1 ",	 "-1",	"+1", "0x",
					   "0x-1", "0xg", "1.5", "abc", "1K", "0x1p2" };

	number("0", 0, 0);
	number("010", 0, 10);
	number("0xDeadBeef", 0, 0xdeadbeef);
	number("18446744073709551615", 0, UINT64_MAX);
	number("18446744073709551616", -ERANGE, 0);
	number("0x10000000000000000", -ERANGE, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		number(bad[i], -EINVAL, 0);
}

Test(words, sizes_have_units_of_1024)
{
	size("16", 0, 16);
	size("4K", 0, 4096);
	size("0x2M", 0, 2 << 20);
	size("1G", 0, 1 << 30);
	size("1T", -EINVAL, 0);
	size("1KB", -EINVAL, 0);
	size("0xffffffffffffffffK", -ERANGE, 0);
}

Test(words, durations_have_units_and_fit)
{
	duration("500ms", 0, 500);
	duration("2s", 0, 2000);
	duration("2", 0, 2000);
	duration("1min", 0, 60000);
	duration("", -EINVAL, 0);
	duration("s", -EINVAL, 0);
	duration("1h", -EINVAL, 0);
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
