// SPDX-License-Identifier: MIT
/* Words, near words, and the text of others. */
#include <criterion/criterion.h>
#include <mmiod/types.h>
#include <common/escape.h>
#include <common/word.h>

static const char *const verbs[] = { "list", "leases", "read", "status", "revoke" };

static const char *nearest(const char *word)
{
	return common_nearest(word, verbs, sizeof(verbs) / sizeof(verbs[0]));
}

Test(common, a_misspelt_word_is_known_by_the_letters_that_differ)
{
	cr_expect_str_eq(nearest("lits"), "list");
	cr_expect_str_eq(nearest("lease"), "leases");
	cr_expect_str_eq(nearest("raed"), "read");
	cr_expect_str_eq(nearest("stat"), "status");
	cr_expect_str_eq(nearest("rev"), "revoke");
	cr_expect_str_eq(nearest("rae"), "read");
	cr_expect_null(nearest("frobnicate"));
	cr_expect_null(nearest("x"));
	cr_expect_null(nearest(""));
	cr_expect_null(nearest("a-word-that-is-longer-than-any-verb"));
	cr_expect_null(nearest("a-word-that-is-longer-than-the-row-that-distances-are-counted-in"));
	cr_expect_null(common_nearest("list", verbs, 0));
}

Test(common, distances_count_letters_that_are_inserted_deleted_or_replaced)
{
	cr_expect_eq(common_distance("bar", "bra"), 2u);
	cr_expect_eq(common_distance("width", "width"), 0u);
	cr_expect_eq(common_distance("", "abc"), 3u);
	cr_expect_eq(common_distance("abc", ""), 3u);
}

Test(common, words_stand_in_the_order_of_their_numbers)
{
	cr_expect_str_eq(common_word(common_memtype_words, MMIOD_MEMTYPE_UC, "-"), "uc");
	cr_expect_str_eq(common_word(common_memtype_words, MMIOD_MEMTYPE_UC_MINUS, "-"), "uc-");
	cr_expect_str_eq(common_word(common_memtype_words, MMIOD_MEMTYPE_DEFAULT, "-"), "-");
	cr_expect_str_eq(common_word(common_memtype_words, 7, "-"), "-");
	cr_expect_str_eq(common_word(common_share_words, MMIOD_SHARE_GUEST, "-"), "guest");
	cr_expect_str_eq(common_word(common_share_words, -1, "-"), "-");
	cr_expect_str_eq(common_word(common_memory_words, MMIOD_MEMORY_REGION, "-"), "region");
	cr_expect_str_eq(common_word(common_memory_words, MMIOD_MEMORY_DMA, "-"), "dma");
	cr_expect_str_eq(common_word(common_memory_words, 5, "-"), "-");
}

Test(common, text_of_others_is_cleaned_of_control_characters_and_of_what_is_no_utf8)
{
	static const char *const table[][2] = {
		{ "plain", "plain" },
		{ "a\x1b[31mb", "a?[31mb" },
		{ "\xc2\x9b"
		  "31m",
		  "??31m" },
		{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
		{ "\xff\xfe", "??" },
		{ "\xe2\x82", "??" },
		{ "\xc0\xaf", "??" },
		{ "\xed\xa0\x80", "???" },
		{ "tab\there", "tab?here" },
	};
	char text[32];

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		strcpy(text, table[i][0]);
		common_clean(text);
		cr_expect_str_eq(text, table[i][1]);
	}
}

Test(common, text_of_others_is_escaped_exactly_and_within_its_room)
{
	char text[16], small[6];

	cr_expect_str_eq(common_escape(text, sizeof(text), "a\nb\\", 4), "a\\x0ab\\x5c");
	cr_expect_str_eq(common_escape(text, sizeof(text), "ab\0cd", 5), "ab");
	cr_expect_str_eq(common_escape(text, sizeof(text), "abcd", 2), "ab");
	cr_expect_str_eq(common_escape(small, sizeof(small), "ab\n\n", 4), "ab");
	cr_expect_str_eq(common_escape(small, sizeof(small), "abcdefgh", 8), "abcde");
}
