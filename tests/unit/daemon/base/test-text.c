// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <string.h>
#include <common/escape.h>
#include <common/word.h>
#include "daemon/base/text.h"

Test(text, is_cut_at_the_end_of_its_buffer)
{
	char buffer[8];
	struct text text = TEXT_ON(buffer);

	text_set(&text, "%s", "0123456789");
	cr_assert_str_eq(buffer, "0123456");
	text_add(&text, "more");
	cr_assert_str_eq(buffer, "0123456");
	cr_assert_eq(text.length, 7u);
}

Test(text, with_no_room_at_all_does_nothing)
{
	struct text text;

	text_init(&text, NULL, 0);
	text_add(&text, "anything");
	cr_assert_eq(text.length, 0u);
}

Test(text, appends_to_what_is_there)
{
	char buffer[32];
	struct text text = TEXT_ON(buffer);

	text_set(&text, "a%d", 1);
	text_add(&text, " b%d", 2);
	cr_assert_str_eq(buffer, "a1 b2");
}

Test(text, escapes_what_could_forge_a_line_of_the_log)
{
	char buffer[64];

	cr_assert_str_eq(common_escape(buffer, sizeof(buffer), "a\nb\x1b[31m\\", 8),
			 "a\\x0ab\\x1b[31m");
	cr_assert_str_eq(common_escape(buffer, sizeof(buffer), "\\", 1), "\\x5c");
	cr_assert_str_eq(common_escape(buffer, sizeof(buffer), "\xff", 1), "\\xff");
}

Test(text, escapes_no_further_than_the_buffer_and_the_string)
{
	char buffer[6];

	cr_assert_str_eq(common_escape(buffer, sizeof(buffer), "\n\n\n", 3), "\\x0a");
	cr_assert_str_eq(common_escape(buffer, sizeof(buffer), "ab\0cd", 5), "ab");
	cr_assert_str_eq(common_escape(buffer, sizeof(buffer), "abcd", 2), "ab");
}

Test(text, shows_sizes_and_ages_as_people_say_them)
{
	char buffer[64];
	struct text text = TEXT_ON(buffer);

	text_reset(&text);
	text_add_size(&text, 64 << 20);
	text_add(&text, ", ");
	text_add_size(&text, 1000);
	text_add(&text, ", ");
	text_add_age(&text, 5);
	text_add(&text, ", ");
	text_add_age(&text, 600);
	text_add(&text, ", ");
	text_add_age(&text, 7200);
	cr_assert_str_eq(buffer, "64 MiB, 1000 bytes, 5 s, 10 min, 2 h");
}
