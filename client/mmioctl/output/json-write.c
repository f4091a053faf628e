/* SPDX-License-Identifier: MIT */
/*
 * Writes JSON to stdout: a value of jansson's that is there as a whole, or member by member what is
 * too long to be kept, laid out alike. In a batch it is one line that says which line it is about.
 */
#include "output/output.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is there as a whole ---- */

static int print(json_t *root, size_t flags)
{
	if (!root)
		return out_of_memory(&(struct context){ .json = true });
	if (output_position) {
		json_object_set_new(root, "line", json_integer((json_int_t)output_position->line));
		flags = JSON_COMPACT;
	}
	if (!json_dumpf(root, stdout, flags | JSON_PRESERVE_ORDER))
		putchar('\n');
	json_decref(root);
	return STATUS_OK;
}

/* Output that could not be written is told of at the end, as all such is. */
int json_output(json_t *root)
{
	return print(root, JSON_INDENT(2));
}

/* One object on one line, at once: for what goes on printing. */
int json_line(json_t *root)
{
	int status = print(root, JSON_COMPACT);

	/* A batch looks after that. */
	if (output_position)
		return status;
	return output_flush() && !status ? STATUS_FAILED : status;
}

/* ---- member by member ---- */

static void begin_line(const struct json_writer *writer)
{
	static const char line[] = "\n                                ";

	static_assert(sizeof(line) > 1 + 2 * JSON_DEPTH_MAX, "as deep as it may be");
	if (!output_position)
		fwrite_unlocked(line, 1, 1 + 2 * (size_t)writer->depth, stdout);
}

/* What stands before a value. */
static void begin_member(struct json_writer *writer, const char *key)
{
	if (writer->begun)
		putchar_unlocked(',');
	if (writer->depth)
		begin_line(writer);
	writer->begun = true;
	if (!key)
		return;
	putchar_unlocked('"');
	fputs_unlocked(key, stdout);
	fputs_unlocked(output_position ? "\":" : "\": ", stdout);
}

static void begin(struct json_writer *writer, const char *key, char opens, char closes)
{
	assert(writer->depth < JSON_DEPTH_MAX);
	begin_member(writer, key);
	putchar_unlocked(opens);
	writer->closes[writer->depth++] = closes;
	writer->begun = false;
}

void json_begin_object(struct json_writer *writer, const char *key)
{
	begin(writer, key, '{', '}');
}

void json_begin_array(struct json_writer *writer, const char *key)
{
	begin(writer, key, '[', ']');
}

/* Of the innermost object or array. Behind the outermost one the output ends. */
void json_end(struct json_writer *writer)
{
	char closes = writer->closes[writer->depth - 1];

	if (writer->depth == 1 && output_position)
		json_put_number(writer, "line", output_position->line);
	writer->depth--;
	if (writer->begun)
		begin_line(writer);
	putchar_unlocked(closes);
	writer->begun = true;
	if (!writer->depth)
		putchar_unlocked('\n');
}

void json_put_number(struct json_writer *writer, const char *key, uint64_t number)
{
	char digits[24];
	char *at = digits + sizeof(digits) - 1;

	if (number > INT64_MAX) {
		json_put(writer, key, json_number(number));
		return;
	}
	*at = '\0';
	do
		*--at = (char)('0' + number % 10);
	while (number /= 10);
	begin_member(writer, key);
	fputs_unlocked(at, stdout);
}

static bool is_plain(const char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~' || *text == '"' || *text == '\\')
			return false;
	return true;
}

/* What needs escaping is jansson's. */
void json_put_text(struct json_writer *writer, const char *key, const char *text)
{
	if (!is_plain(text)) {
		json_put(writer, key, json_text(text));
		return;
	}
	begin_member(writer, key);
	putchar_unlocked('"');
	fputs_unlocked(text, stdout);
	putchar_unlocked('"');
}

void json_put_bool(struct json_writer *writer, const char *key, bool value)
{
	begin_member(writer, key);
	fputs_unlocked(value ? "true" : "false", stdout);
}

void json_put_null(struct json_writer *writer, const char *key)
{
	begin_member(writer, key);
	fputs_unlocked("null", stdout);
}

static void put_indented(const struct json_writer *writer, const char *text)
{
	for (const char *end; *text; text = end) {
		end = text + strcspn(text, "\n");
		fwrite(text, 1, (size_t)(end - text), stdout);
		if (*end++)
			begin_line(writer);
		else
			break;
	}
}

/* Any value, and gives it up. NULL: there was no memory for it, and the output has null. */
void json_put(struct json_writer *writer, const char *key, json_t *value)
{
	char *text =
		value ? json_dumps(value, JSON_ENCODE_ANY | JSON_PRESERVE_ORDER |
						  (output_position ? JSON_COMPACT : JSON_INDENT(2)))
		      : NULL;

	begin_member(writer, key);
	put_indented(writer, text ? text : "null");
	free(text);
	json_decref(value);
}

/* Each member of an object, into the object that is open. */
void json_put_members(struct json_writer *writer, json_t *object)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value) json_put(writer, key, json_incref(value));
}
