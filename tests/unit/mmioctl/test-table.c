/* SPDX-License-Identifier: MIT */
/*
 * Tables that are too long to be kept: the same output, line by line, as if they had been.
 */
#include "output/output.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER, NAME, COLUMNS };

static const struct column columns[] = {
	[NUMBER] = { "NUMBER", CELL_NUMBER, true, "a number" },
	[NAME] = { "NAME", CELL_TEXT, true, "a name" },
};

static struct context context;
static struct table table;
static char *output;
static size_t output_size;
static FILE *before;

static void begin(bool json)
{
	context.json = json;
	before = stdout;
	stdout = open_memstream(&output, &output_size);
	cr_assert_eq(table_begin(&table, &context, columns, COLUMNS, "rows"), 0);
}

static void row(uint64_t number, const char *name)
{
	struct cell cells[COLUMNS];

	cells_clear(cells, COLUMNS);
	cell_number(&cells[NUMBER], number);
	cell_text(&cells[NAME], name);
	cr_assert_eq(table_row(&table, cells), 0);
}

static void rows(unsigned int count)
{
	for (unsigned int i = 1; i <= count; i++)
		row(i, "somebody");
}

/* The output is then whole. */
static int end(int status)
{
	status = table_end(&table, status);
	fclose(stdout);
	stdout = before;
	return status;
}

static const char *line(unsigned int number)
{
	char *at = output;

	while (number-- && at)
		at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL;
	cr_assert(at);
	return at;
}

Test(table, rows_beyond_those_that_are_kept_stand_below_them)
{
	begin(false);
	rows(3 * TABLE_KEPT);
	cr_assert_eq(end(0), 0);
	cr_assert(!strncmp(line(0), "NUMBER NAME\n", 12));
	cr_assert(!strncmp(line(1), "     1 somebody\n", 16));
	cr_assert(!strncmp(line(TABLE_KEPT), "  1000 somebody\n", 16));
	cr_assert(!strncmp(line(TABLE_KEPT + 1), "  1001 somebody\n", 16));
	cr_assert_str_eq(line(3 * TABLE_KEPT), "  3000 somebody\n");
}

Test(table, a_long_cell_beyond_the_kept_rows_is_whole_and_a_control_character_harmless)
{
	begin(false);
	rows(TABLE_KEPT);
	row(12345678, "a name that is longer than all before\033[31m");
	cr_assert_eq(end(0), 0);
	cr_assert_str_eq(line(TABLE_KEPT + 1),
			 "12345678 a name that is longer than all before?[31m\n");
}

static void json_has(unsigned int count)
{
	json_t *root = json_loads(output, 0, NULL), *list, *item;
	size_t i;

	cr_assert(root, "no JSON with %u rows", count);
	cr_assert_eq(json_integer_value(json_object_get(root, "schema")), JSON_SCHEMA);
	list = json_object_get(root, "rows");
	cr_assert(json_is_array(list));
	cr_assert_eq(json_array_size(list), count);
	json_array_foreach(list, i, item)
	{
		cr_assert_eq(json_integer_value(json_object_get(item, "number")), i + 1);
		cr_assert_str_eq(json_string_value(json_object_get(item, "name")), "somebody");
	}
	json_decref(root);
}

Test(table, json_is_whole_however_many_rows_there_are)
{
	static const unsigned int counts[] = {
		0, 1, TABLE_KEPT - 1, TABLE_KEPT, TABLE_KEPT + 1, 5 * TABLE_KEPT
	};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		begin(true);
		rows(counts[i]);
		cr_assert_eq(end(0), 0);
		json_has(counts[i]);
	}
}

Test(table, json_of_many_rows_is_laid_out_as_that_of_few)
{
	static const char head[] =
		"{\n  \"schema\": 1,\n  \"rows\": [\n    {\n      \"number\": 1,\n";

	begin(true);
	rows(TABLE_KEPT + 1);
	cr_assert_eq(end(0), 0);
	cr_assert_eq(strstr(output, head), output);
	cr_assert_str_eq(line(3 + 4 * TABLE_KEPT), "    {\n      \"number\": 1001,\n"
						   "      \"name\": \"somebody\"\n    }\n  ]\n}\n");
}

static size_t position_column(const struct position *position, const char *sentence)
{
	return 0;
}

/* Those that are kept are jansson's, the others are not. */
Test(table, json_of_an_odd_row_is_the_same_whether_it_is_kept_or_not)
{
	static const struct {
		uint64_t number;
		const char *name;
	} odd[] = { { 0, "\"quoted\" and \\" },
		    { INT64_MAX, "tab\tand newline\n" },
		    { UINT64_MAX, "\u00e4\u20ac" },
		    { 1ull << 63, "\xff\xfe is no UTF-8" },
		    { 42, "-" },
		    { 10, "a/b" } };
	size_t n = sizeof(odd) / sizeof(odd[0]);

	begin(true);
	for (size_t i = 0; i < n; i++)
		row(odd[i].number, odd[i].name);
	rows(TABLE_KEPT - (unsigned int)n);
	for (size_t i = 0; i < n; i++)
		row(odd[i].number, odd[i].name);
	cr_assert_eq(end(0), 0);
	for (size_t i = 0; i < n; i++)
		for (unsigned int j = 0; j < 4; j++) {
			const char *early = line(3 + 4 * (unsigned int)i + j);
			const char *late = line(3 + 4 * (TABLE_KEPT + (unsigned int)i) + j);
			size_t length = strcspn(early, "\n");

			length -= early[length - 1] == ',' && j == 3;
			cr_assert(!strncmp(early, late, length), "%zu: %.*s, %.*s", i, (int)length,
				  early, (int)length, late);
		}
	cr_assert(strstr(output, "\"0xffffffffffffffff\""));
}

Test(table, what_stands_before_the_rows_does_so_however_many_there_are)
{
	static const unsigned int counts[] = { 0, 1, TABLE_KEPT, 2 * TABLE_KEPT };

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		json_t *root;

		begin(true);
		table_set_head(&table,
			       json_pack("{s:i, s:s}", "schema", JSON_SCHEMA, "region", "motor"));
		rows(counts[i]);
		cr_assert_eq(end(0), 0);
		json_has(counts[i]);
		root = json_loads(output, 0, NULL);
		cr_assert_str_eq(json_string_value(json_object_get(root, "region")), "motor");
		json_decref(root);
	}
}

Test(table, json_of_many_rows_is_one_line_in_a_batch)
{
	const struct position position = { .line = 7, .column = position_column };

	output_position = &position;
	begin(true);
	rows(TABLE_KEPT + 1);
	cr_assert_eq(end(0), 0);
	output_position = NULL;
	cr_assert_eq(strchr(output, '\n'), output + output_size - 1);
	json_has(TABLE_KEPT + 1);
	cr_assert(strstr(output, ",\"line\":7}\n"));
}

Test(table, nothing_is_printed_of_few_rows_when_one_fails)
{
	for (int json = 0; json < 2; json++) {
		begin(json);
		rows(TABLE_KEPT - 1);
		cr_assert_eq(end(STATUS_FAILED), STATUS_FAILED);
		cr_assert_eq(output_size, 0);
	}
}

Test(table, a_table_that_could_not_begin_is_given_up_too)
{
	context = (struct context){ .table.columns = "NAME,HEIGHT" };
	cr_assert_eq(table_begin(&table, &context, columns, COLUMNS, "rows"), STATUS_USAGE);
	cr_assert_eq(table_end(&table, STATUS_USAGE), STATUS_USAGE);
}
