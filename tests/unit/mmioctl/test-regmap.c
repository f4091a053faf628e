/* SPDX-License-Identifier: MIT */
/*
 * Register maps as data: numbers of several notations, names in a map, words of values, overlaps. What
 * readers make of files is in tests/integration/regmaps.bats.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "regmap/build.h"

static void number_is(const char *text, int err, uint64_t number, uint64_t care)
{
	struct map_value value = { 0 };

	cr_assert_eq(map_number(text, &value), err, "\"%s\"", text);
	if (err)
		return;
	cr_assert_eq(value.number, number, "\"%s\"", text);
	cr_assert_eq(value.care, care, "\"%s\"", text);
}

Test(regmap, numbers_are_decimal_hexadecimal_or_binary_with_bits_that_do_not_matter)
{
	number_is("0", 0, 0, UINT64_MAX);
	number_is("+12", 0, 12, UINT64_MAX);
	number_is("010", 0, 10, UINT64_MAX);
	number_is("0xFf", 0, 255, UINT64_MAX);
	number_is("0X10", 0, 16, UINT64_MAX);
	number_is("#101", 0, 5, UINT64_MAX);
	number_is("0b1x0", 0, 4, ~2ull);
	number_is("#xX", 0, 0, ~3ull);
	number_is("18446744073709551615", 0, UINT64_MAX, UINT64_MAX);
}

Test(regmap, literals_of_systemverilog_are_numbers)
{
	number_is("'h1F", 0, 31, UINT64_MAX);
	number_is("32'h0000_0010", 0, 16, UINT64_MAX);
	number_is("'sd12", 0, 12, UINT64_MAX);
	number_is("8'o17", 0, 15, UINT64_MAX);
	number_is("4'b10x1", 0, 9, ~2ull);
}

Test(regmap, what_is_no_number_or_too_large_is_told_apart)
{
	static const char *const none[] = { "",	    "0x",  "x",	 "-1",	"1 ",  "0xg",
					    "#",    "#2",  "0b", "'h",	"'q1", "1+1",
					    "SIZE", "32'", "_1", "0x_", "1.5" };

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		number_is(none[i], -EINVAL, 0, 0);
	number_is("18446744073709551616", -ERANGE, 0, 0);
	number_is("0x10000000000000000", -ERANGE, 0, 0);
	number_is("0b10000000000000000000000000000000000000000000000000000000000000000", -ERANGE, 0,
		  0);
}

/* ---- a map that is made by hand ---- */

struct heard {
	size_t count;
	char last[MAP_ERROR_MAX];
};

static void hear(void *data, unsigned int line, const char *sentence)
{
	struct heard *heard = data;

	heard->count++;
	snprintf(heard->last, sizeof(heard->last), "%u: %s", line, sentence);
}

struct made {
	struct map_build build;
	struct map_hearing hearing;
	struct heard heard;
	char error[MAP_ERROR_MAX];
};

static void make(struct made *made)
{
	memset(made, 0, sizeof(*made));
	made->hearing = (struct map_hearing){ .tell = hear, .data = &made->heard };
	made->build = (struct map_build){ .map = regmap_new("made.ini"),
					  .hearing = &made->hearing,
					  .error = made->error,
					  .size = sizeof(made->error) };
	cr_assert(made->build.map);
}

static void add(struct made *made, unsigned int line, const char *name, uint64_t offset,
		unsigned int width)
{
	struct map_register *reg = build_register(&made->build, line, name);

	cr_assert(reg);
	reg->offset = offset;
	reg->width = width;
	reg->placed = true;
	build_finish_register(&made->build, reg);
}

Test(regmap, a_register_is_found_by_its_name_whatever_its_case_among_many)
{
	struct made made;
	char name[32];

	make(&made);
	for (unsigned int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "Reg%u", i);
		add(&made, i + 1, name, i * 4, 4);
	}
	for (unsigned int i = 0; i < 5000; i += 7) {
		snprintf(name, sizeof(name), "rEG%u.FIELD", i);
		cr_assert_eq(regmap_named(made.build.map, name, strcspn(name, "."))->line, i + 1);
	}
	cr_assert_null(regmap_named(made.build.map, "Reg", 3));
	cr_assert_null(regmap_named(made.build.map, "Reg5000", 7));
	cr_assert_null(build_register(&made.build, 9000, "REG17"));
	cr_assert_str_eq(made.heard.last, "9000: there is a register REG17 already, in line 18");
	regmap_free(made.build.map);
}

Test(regmap, a_map_has_no_more_registers_than_it_may)
{
	struct made made;
	char name[32];

	make(&made);
	for (unsigned int i = 0; i < MAP_REGISTERS_MAX; i++) {
		snprintf(name, sizeof(name), "R%u", i);
		cr_assert(build_register(&made.build, 1, name));
	}
	cr_assert_null(build_register(&made.build, 2, "ONE_MORE"));
	cr_assert_eq(made.build.err, -EINVAL);
	cr_assert_str_eq(made.error, "made.ini:2: there are more than 65536 registers in it");
	regmap_free(made.build.map);
}

Test(regmap, overlaps_are_told_once_each_against_the_one_that_reaches_the_farthest)
{
	struct made made;

	make(&made);
	add(&made, 1, "WIDE", 0, 8);
	add(&made, 2, "LOW", 0, 1);
	add(&made, 3, "HIGH", 4, 4);
	add(&made, 4, "BEHIND", 8, 4);
	cr_assert_eq(made.heard.count, 0);
	regmap_tell_overlaps(made.build.map, &made.hearing);
	cr_assert_eq(made.heard.count, 2);
	cr_assert_str_eq(made.heard.last,
			 "3: HIGH at 0x4 overlaps WIDE at 0x0, in line 1, which has 64 bits");
	regmap_free(made.build.map);
}

Test(regmap, bits_that_do_not_matter_do_not_when_a_word_is_looked_for)
{
	struct map_value value = { .word = "some" };
	struct map_field *field;
	struct made made;

	make(&made);
	add(&made, 1, "R", 0, 4);
	field = build_field(&made.build, &made.build.map->registers[0], 2, "F");
	field->high = 3;
	cr_assert_eq(map_number("0b1x0", &value), 0);
	build_word(&made.build, field, 3, &value);
	cr_assert_str_eq(field_word(field, 4), "some");
	cr_assert_str_eq(field_word(field, 6), "some");
	cr_assert_null(field_word(field, 5));
	regmap_free(made.build.map);
}

Test(regmap, descriptions_are_cut_between_characters)
{
	char text[600] = "", *out = NULL;
	struct made made;

	make(&made);
	for (size_t i = 0; i < 290; i++)
		strcat(text, "\u00e4");
	build_text(&made.build, text, strlen(text), &out);
	cr_assert_eq(strlen(out), 254);
	cr_assert_null(strchr(out, '?'));
	build_text(&made.build, " a\n\t b ", 7, &out);
	cr_assert_str_eq(out, "a b");
	build_text(&made.build, "  ", 2, &out);
	cr_assert_null(out);
	regmap_free(made.build.map);
}
