/* SPDX-License-Identifier: MIT */
/* Lines of a batch as words, and which of them a sentence is about. */
#include "batch-line.h"

#include <criterion/criterion.h>
#include <string.h>

static struct line line;
static char copy[LINE_BYTES_MAX + 1];

static const char *split(const char *text)
{
	return line_split(&line, text, strlen(text), copy);
}

static void expect_words(const char *text, const char *const *words, const size_t *columns)
{
	size_t i;

	cr_assert_null(split(text), "%s", text);
	cr_assert_str_eq(line.words[0], "mmioctl");
	for (i = 0; words[i]; i++) {
		cr_assert_lt(i + 1, line.count, "%s", text);
		cr_expect_str_eq(line.words[i + 1], words[i], "%s", text);
		cr_expect_eq(line.columns[i + 1], columns[i], "%s: %zu", text, line.columns[i + 1]);
	}
	cr_expect_eq(line.count, i + 1, "%s", text);
	cr_expect_null(line.words[line.count]);
}

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define COLUMNS(...) ((const size_t[]){ __VA_ARGS__ })

Test(batch_line, words_are_quoted_as_in_a_shell)
{
	expect_words("read regs", WORDS("read", "regs"), COLUMNS(1, 6));
	expect_words("\t read  regs\r", WORDS("read", "regs"), COLUMNS(3, 9));
	expect_words("a'b c'd \"e f\"", WORDS("ab cd", "e f"), COLUMNS(1, 9));
	expect_words("'' \"\"", WORDS("", ""), COLUMNS(1, 4));
	expect_words("a\\ b \"\\\"\\\\\\x\" '\\'", WORDS("a b", "\"\\\\x", "\\"),
		     COLUMNS(1, 6, 15));
	expect_words("a#b '#' # c", WORDS("a#b", "#"), COLUMNS(1, 5));
	expect_words("$HOME * `x`", WORDS("$HOME", "*", "`x`"), COLUMNS(1, 7, 9));
}

Test(batch_line, a_line_without_words_has_none)
{
	static const char *const empty[] = { "", " ", "# all of it", "\t#" };

	for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
		cr_expect_null(split(empty[i]));
		cr_expect_eq(line.count, 1);
	}
}

Test(batch_line, what_cannot_be_read_is_told_with_its_column)
{
	static const struct {
		const char *text;
		const char *problem;
		size_t column;
	} bad[] = {
		{ "read 'regs", "quotes", 6 },	    { "read re\"gs", "quotes", 8 },
		{ "read regs\\", "backslash", 10 }, { "\"a\\\"", "quotes", 1 },
		{ "\"a\\", "quotes", 1 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *problem = split(bad[i].text);

		cr_assert_not_null(problem, "%s", bad[i].text);
		cr_expect(strstr(problem, bad[i].problem), "%s", problem);
		cr_expect_eq(line.position.column(&line.position, problem), bad[i].column, "%s",
			     bad[i].text);
	}
	cr_assert_str_eq(line_split(&line, "a\0b", 3, copy), "a zero byte: this is no text");
	cr_assert_eq(line.position.column(&line.position, ""), 2);
}

static size_t column(const char *text, const char *sentence)
{
	cr_assert_null(split(text));
	return line.position.column(&line.position, sentence);
}

Test(batch_line, a_sentence_is_about_what_it_quotes_or_names)
{
	cr_expect_eq(column("read regs+0xzz", "\"0xzz\" is not a number"), 11);
	cr_expect_eq(column("read 'regs+0xzz'", "\"0xzz\" is not a number"), 6);
	cr_expect_eq(column("write regs 12x", "\"12x\" is not a value"), 12);
	cr_expect_eq(column("read regs --frob=1", "unknown option --frob"), 11);
	cr_expect_eq(column("  read regs+2", "regs+2: offset 0x2 is not a multiple"), 8);
	cr_expect_eq(column("  read regs", "denied"), 3);
	cr_expect_eq(column("read \"\"", "the name \"\" is empty \""), 1);
	cr_expect_eq(column("", "nothing"), 1);
}
