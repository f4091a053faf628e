/* SPDX-License-Identifier: MIT */
/*
 * Charts as text.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include "output/chart.h"

static const char *const names[] = { "A", "B" };

static char *draw(const struct chart *chart, struct chart_look look)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	look.end = "\n";
	look.column_ns = 100000000;
	look.names = names;
	look.remark = "";
	chart_draw(chart, &look, out);
	fclose(out);
	return text;
}

static char *drawn(const struct chart *chart, size_t width, size_t height, bool braille)
{
	return draw(chart,
		    (struct chart_look){ .width = width, .height = height, .braille = braille });
}

static void add_all(struct chart *chart, const uint64_t *values, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (i)
			chart_next_column(chart);
		chart_add(chart, 0, values[i]);
	}
}

Test(chart, a_curve_has_its_scale_its_time_and_its_legend)
{
	static const uint64_t values[] = { 0, 1, 2, 3, 2, 1, 0 };
	struct chart *chart = chart_new(1, 64);
	char *text;

	add_all(chart, values, 7);
	text = drawn(chart, 16, 6, false);
	cr_assert_str_eq(text,
			 "3 |         *   \n"
			 "  |        * *  \n"
			 "1 |       *   * \n"
			 "0 |      *     *\n"
			 "   -1.30s    now\n"
			 "* A = 0 (0 to 3",
			 "%s", text);
	free(text);
	chart_free(chart);
}

Test(chart, a_character_of_braille_has_two_columns_and_four_rows)
{
	static const uint64_t values[] = { 0, 7 };
	struct chart *chart = chart_new(1, 64);
	char *text;

	add_all(chart, values, 2);
	text = drawn(chart, 13, 4, true);
	/* The first point is at the bottom, the second is a line to the top. */
	cr_assert_eq(strncmp(text, "7 \u2502         \u28b8\n", 17), 0, "%s", text);
	cr_assert(strstr(text, "0 \u2502         \u2878\n"), "%s", text);
	free(text);
	chart_free(chart);
}

Test(chart, a_peak_of_one_sample_is_seen_among_many_of_its_column)
{
	struct chart *chart = chart_new(1, 64);
	char *text;

	for (unsigned int i = 0; i < 1000; i++)
		chart_add(chart, 0, i == 500 ? 9 : 5);
	text = drawn(chart, 14, 7, false);
	cr_assert_str_eq(text,
			 "9 |          *\n"
			 "  |          *\n"
			 "7 |          *\n"
			 "  |          *\n"
			 "5 |          *\n"
			 "   -1.10s  now\n"
			 "* A = 5 (5 to",
			 "%s", text);
	free(text);
	chart_free(chart);
}

Test(chart, values_of_64_bits_do_not_overflow)
{
	static const uint64_t values[] = { 0, UINT64_MAX, UINT64_MAX / 2 };
	struct chart *chart = chart_new(1, 64);
	char *text;

	add_all(chart, values, 3);
	text = drawn(chart, 40, 6, false);
	cr_assert_eq(strncmp(text, "18446744073709551615 |", 22), 0, "%s", text);
	cr_assert(strstr(text, "                   0 |"), "%s", text);
	free(text);
	chart_free(chart);
}

Test(chart, what_never_changes_is_drawn_within_the_scale)
{
	static const uint64_t edges[] = { 0, 1, UINT64_MAX };

	for (size_t i = 0; i < 3; i++) {
		struct chart *chart = chart_new(1, 8);
		char *text;

		add_all(chart, &edges[i], 1);
		text = drawn(chart, 60, 5, false);
		cr_assert(strchr(text, '*') && strchr(text, '*') < strstr(text, "now"), "%s", text);
		free(text);
		chart_free(chart);
	}
}

Test(chart, old_columns_go_and_the_scale_is_of_those_that_are_seen)
{
	struct chart *chart = chart_new(1, 20);
	char *text;

	chart_add(chart, 0, 1000000);
	for (unsigned int i = 0; i < 50; i++) {
		chart_next_column(chart);
		chart_add(chart, 0, i % 2);
	}
	text = drawn(chart, 14, 5, false);
	cr_assert_eq(strncmp(text, "1 |", 3), 0, "%s", text);
	cr_assert(strstr(text, "* A = 1 (0 to"), "%s", text);
	free(text);
	chart_free(chart);
}

Test(chart, any_size_is_drawn_and_no_line_is_wider)
{
	static const uint64_t values[] = { 5, 70000, 3 };
	struct chart *chart = chart_new(2, 64);

	add_all(chart, values, 3);
	chart_add(chart, 1, 17);
	for (size_t width = 1; width < 40; width++)
		for (size_t height = 1; height < 12; height++) {
			char *text = drawn(chart, width, height, false), *rest = text, *line;
			size_t lines = 0;

			while ((line = strsep(&rest, "\n"))) {
				cr_assert_leq(strlen(line), width, "%zux%zu: \"%s\"", width, height,
					      line);
				lines++;
			}
			cr_assert_leq(lines, height < 2 ? 2 : height, "%zux%zu", width, height);
			free(text);
		}
	chart_free(chart);
}

Test(chart, a_chart_without_a_value_is_empty_and_says_so)
{
	struct chart *chart = chart_new(2, 64);
	char *text = drawn(chart, 30, 8, false);

	cr_assert(strstr(text, "* A: nothing yet\n+ B: nothing yet"), "%s", text);
	free(text);
	chart_free(chart);
}

static char *drawn_as(const struct chart *chart, enum figure_kind kind)
{
	return draw(chart, (struct chart_look){ .width = 24, .height = 6, .kind = kind });
}

Test(chart, negative_values_and_fractions_have_their_place)
{
	static const int64_t values[] = { -1500, 0, 1500 };
	struct chart *chart = chart_new(1, 64);
	char *text;

	for (size_t i = 0; i < 3; i++) {
		if (i)
			chart_next_column(chart);
		chart_add(chart, 0, figure_rank(FIGURE_RATE, (uint64_t)values[i]));
	}
	text = drawn_as(chart, FIGURE_RATE);
	cr_assert_str_eq(text,
			 " 1.5 |                 *\n"
			 "     |                * \n"
			 "-0.5 |                * \n"
			 "-1.5 |               *  \n"
			 "      -1.80s         now\n"
			 "* A = 1.5 (-1.5 to 1.5)",
			 "%s", text);
	free(text);
	text = drawn_as(chart, FIGURE_SIGNED);
	cr_assert_not_null(strstr(text, "* A = 1500 (-1500 to "), "%s", text);
	free(text);
	chart_free(chart);
}
