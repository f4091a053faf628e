/* SPDX-License-Identifier: MIT */
/*
 * Figures: signs, fractions, ranks and rates.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include "output/figure.h"

static void expect_words(enum figure_kind kind, uint64_t figure, const char *words)
{
	char out[FIGURE_WORDS];

	cr_expect_str_eq(figure_words(kind, figure, out), words, "%s is not %s", out, words);
}

Test(figure, words_have_the_sign_and_the_fraction_that_there_is)
{
	expect_words(FIGURE_UNSIGNED, UINT64_MAX, "18446744073709551615");
	expect_words(FIGURE_SIGNED, UINT64_MAX, "-1");
	expect_words(FIGURE_SIGNED, 1ull << 63, "-9223372036854775808");
	expect_words(FIGURE_RATE, 0, "0");
	expect_words(FIGURE_RATE, 30000, "30");
	expect_words(FIGURE_RATE, 500, "0.5");
	expect_words(FIGURE_RATE, 1050, "1.05");
	expect_words(FIGURE_RATE, (uint64_t)-1001, "-1.001");
	expect_words(FIGURE_RATE, (uint64_t)-999, "-0.999");
	expect_words(FIGURE_RATE, 1ull << 63, "-9223372036854775.808");
}

Test(figure, json_keeps_the_sign_and_the_fraction)
{
	json_t *value = figure_json(FIGURE_RATE, (uint64_t)-1500);

	cr_expect_eq(json_real_value(value), -1.5);
	json_decref(value);
	value = figure_json(FIGURE_SIGNED, (uint64_t)-7);
	cr_expect_eq(json_integer_value(value), -7);
	json_decref(value);
}

Test(figure, the_highest_bit_of_a_value_is_its_sign)
{
	cr_expect_eq(figure_extend(0x7f, 8), 0x7f);
	cr_expect_eq((int64_t)figure_extend(0x80, 8), -128);
	cr_expect_eq((int64_t)figure_extend(1, 1), -1);
	cr_expect_eq(figure_extend(UINT64_MAX, 64), UINT64_MAX);
}

Test(figure, ranks_are_in_the_order_of_figures)
{
	cr_expect_lt(figure_rank(FIGURE_SIGNED, (uint64_t)-1), figure_rank(FIGURE_SIGNED, 0));
	cr_expect_lt(figure_rank(FIGURE_UNSIGNED, 0), figure_rank(FIGURE_UNSIGNED, (uint64_t)-1));
	cr_expect_eq(figure_rank(FIGURE_RATE, 5) - figure_rank(FIGURE_RATE, (uint64_t)-5), 10);
	for (int kind = FIGURE_UNSIGNED; kind <= FIGURE_RATE; kind++)
		cr_expect_eq(figure_of_rank(kind, figure_rank(kind, 0x8000000000000001)),
			     0x8000000000000001);
}

Test(figure, a_rate_is_rounded_and_never_wraps)
{
	cr_expect_eq(figure_rate(false, 3, 100000000), 30 * FIGURE_UNIT);
	cr_expect_eq(figure_rate(false, 1, 3000000000), 333);
	cr_expect_eq(figure_rate(false, 2, 3000000000), 667);
	cr_expect_eq((int64_t)figure_rate(true, 1, 2000000000), -500);
	cr_expect_eq(figure_rate(false, UINT64_MAX, 1), INT64_MAX);
	cr_expect_eq((int64_t)figure_rate(true, UINT64_MAX, 1), INT64_MIN);
	cr_expect_eq(figure_rate(false, 7, 0), 0);
}

static void expect_read(enum figure_kind kind, const char *text, int err, int64_t figure)
{
	uint64_t found = 0;
	int got = figure_read(kind, text, &found);

	cr_expect_eq(got, err, "\"%s\": %d", text, got);
	if (!err)
		cr_expect_eq((int64_t)found, figure, "\"%s\" is %lld", text, (long long)found);
}

Test(figure, a_sign_and_a_fraction_are_read_where_the_kind_has_them)
{
	expect_read(FIGURE_UNSIGNED, "0xffffffffffffffff", 0, -1);
	expect_read(FIGURE_UNSIGNED, "-1", -EINVAL, 0);
	expect_read(FIGURE_UNSIGNED, "1.5", -EINVAL, 0);
	expect_read(FIGURE_UNSIGNED, "18446744073709551616", -ERANGE, 0);
	expect_read(FIGURE_SIGNED, "-0x10", 0, -16);
	expect_read(FIGURE_SIGNED, "1.5", -EINVAL, 0);
	expect_read(FIGURE_SIGNED, "-9223372036854775808", 0, INT64_MIN);
	expect_read(FIGURE_SIGNED, "9223372036854775808", -ERANGE, 0);
	expect_read(FIGURE_SIGNED, "-9223372036854775809", -ERANGE, 0);
	expect_read(FIGURE_SIGNED, "-", -EINVAL, 0);
	expect_read(FIGURE_SIGNED, "--1", -EINVAL, 0);
	expect_read(FIGURE_RATE, "1.05", 0, 1050);
	expect_read(FIGURE_RATE, "-0.5", 0, -500);
	expect_read(FIGURE_RATE, "-3", 0, -3000);
	expect_read(FIGURE_RATE, "1.", -EINVAL, 0);
	expect_read(FIGURE_RATE, ".5", -EINVAL, 0);
	expect_read(FIGURE_RATE, "0.0001", -EINVAL, 0);
	expect_read(FIGURE_RATE, "9223372036854776", -ERANGE, 0);
	expect_read(FIGURE_RATE, "18446744073709551615", -ERANGE, 0);
	expect_read(FIGURE_RATE, "", -EINVAL, 0);
}
