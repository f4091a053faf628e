/* SPDX-License-Identifier: MIT */
/*
 * JSON that is written member by member: to the byte what jansson prints of the same value.
 */
#include "output/output.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static char *output;
static size_t output_size;
static FILE *before;

static void begin(void)
{
	before = stdout;
	stdout = open_memstream(&output, &output_size);
}

static void end(void)
{
	fclose(stdout);
	stdout = before;
}

static const char *const odd[] = { "plain", "\"quoted\" \\", "tab\tand\nnewline", "\u00e4", "" };
#define ODD (sizeof(odd) / sizeof(odd[0]))

static json_t *nested(void)
{
	return json_pack("{s:[i, {s:[], s:{}}], s:n}", "list", 1, "none", "no", "null");
}

static json_t *kept(void)
{
	json_t *root = json_object(), *texts = json_array(), *deeper;

	json_object_set_new(root, "number", json_number(INT64_MAX));
	json_object_set_new(root, "great", json_number(UINT64_MAX));
	for (size_t i = 0; i < ODD; i++)
		json_array_append_new(texts, json_string(odd[i]));
	json_object_set_new(root, "texts", texts);
	deeper = json_pack("{s:[], s:{}, s:b, s:b, s:n, s:i}", "nothing", "none", "yes", true, "no",
			   false, "null", "zero", 0);
	json_object_set_new(deeper, "nested", nested());
	json_object_set_new(root, "deeper", deeper);
	return root;
}

static void write_deeper(struct json_writer *writer)
{
	json_begin_object(writer, "deeper");
	json_begin_array(writer, "nothing");
	json_end(writer);
	json_begin_object(writer, "none");
	json_end(writer);
	json_put_bool(writer, "yes", true);
	json_put_bool(writer, "no", false);
	json_put_null(writer, "null");
	json_put_number(writer, "zero", 0);
	json_put(writer, "nested", nested());
	json_end(writer);
}

static void write_all(void)
{
	struct json_writer writer = { 0 };

	json_begin_object(&writer, NULL);
	json_put_number(&writer, "number", INT64_MAX);
	json_put_number(&writer, "great", UINT64_MAX);
	json_begin_array(&writer, "texts");
	for (size_t i = 0; i < ODD; i++)
		json_put_text(&writer, NULL, odd[i]);
	json_end(&writer);
	write_deeper(&writer);
	json_end(&writer);
}

/* What json_output() prints, and what the writer does. */
static void expect_the_same(void)
{
	char *whole;

	begin();
	cr_assert_eq(json_output(kept()), STATUS_OK);
	end();
	whole = output;
	begin();
	write_all();
	end();
	cr_assert_str_eq(output, whole);
	free(whole);
	free(output);
}

Test(json_write, what_is_written_by_members_is_laid_out_as_what_is_kept)
{
	expect_the_same();
}

Test(json_write, in_a_batch_it_is_one_line_with_its_number)
{
	const struct position position = { .line = 42 };

	output_position = &position;
	expect_the_same();
	begin();
	write_all();
	end();
	cr_assert_eq(strchr(output, '\n'), output + output_size - 1);
	cr_assert(strstr(output, ",\"line\":42}\n"));
	output_position = NULL;
	free(output);
}

Test(json_write, text_that_is_no_utf_8_is_cleaned_and_a_value_that_could_not_be_made_is_null)
{
	struct json_writer writer = { 0 };
	json_t *root;

	begin();
	json_begin_object(&writer, NULL);
	json_put_text(&writer, "text", "a\xff");
	json_put(&writer, "missing", NULL);
	json_end(&writer);
	end();
	root = json_loads(output, 0, NULL);
	cr_assert(root);
	cr_assert_str_eq(json_string_value(json_object_get(root, "text")), "a?");
	cr_assert(json_is_null(json_object_get(root, "missing")));
	json_decref(root);
	free(output);
}
