/* SPDX-License-Identifier: MIT */
/*
 * Tables. They and JSON have one model: columns, and rows of cells. -o picks columns for both.
 * libsmartcols draws the tables; JSON carries a schema version beside the rows, and is written by
 * json-write.c of values that json.c makes. Of a long table the first rows only are held until
 * their widths are known, and the others are printed as they come.
 */
#include "output/output.h"

#include <errno.h>
#include <libsmartcols.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <wchar.h>
#include <common/escape.h>

/* ---- cells ---- */

/* Empties cells. What = { 0 } does takes longer than all else, where there are many rows. */
void cells_clear(struct cell *cells, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		memset(&cells[i], 0, offsetof(struct cell, text));
		cells[i].text[0] = '\0';
	}
}

void cell_text(struct cell *cell, const char *text)
{
	cell->none = !text[0] || !strcmp(text, "-");
	snprintf(cell->text, sizeof(cell->text), "%s", text);
}

void cell_number(struct cell *cell, uint64_t number)
{
	cell->none = false;
	cell->number = number;
}

void cell_place(struct cell *cell, uint64_t offset)
{
	cell_number(cell, offset);
	cell->none = offset == UINT64_MAX;
}

/* For what 0 means "none" or "not told". */
void cell_optional(struct cell *cell, uint64_t number)
{
	cell_number(cell, number);
	cell->none = !number;
}

/* ---- which columns ---- */

const struct verb_option table_options[] = { TABLE_OPTIONS, { 0 } };

static int unknown_column(const struct table *table, const char *name, size_t length)
{
	char known[512];
	size_t used = 0;

	for (size_t i = 0; i < table->count && used < sizeof(known); i++)
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s", i ? ", " : "",
					 table->columns[i].name);
	return usage_error(table->context, "no column \"%.*s\": there are %s", (int)length, name,
			   known);
}

bool table_shows(const struct table *table, size_t column)
{
	for (size_t i = 0; i < table->picked_count; i++)
		if (table->picked[i] == column)
			return true;
	return false;
}

static int pick_columns(struct table *table, const char *names)
{
	while (*names) {
		size_t length = strcspn(names, ","), i = 0;

		while (i < table->count && (strncasecmp(table->columns[i].name, names, length) ||
					    table->columns[i].name[length]))
			i++;
		if (i == table->count)
			return unknown_column(table, names, length);
		if (table->picked_count == COLUMNS_MAX)
			return usage_error(table->context, "-o: more columns than %d", COLUMNS_MAX);
		/* An object has no two members of one name. */
		if (!table->context->json || !table_shows(table, i))
			table->picked[table->picked_count++] = i;
		names += length;
		names += *names == ',';
	}
	if (!table->picked_count)
		return usage_error(table->context, "-o wants the names of columns");
	return 0;
}

static int choose_columns(struct table *table)
{
	if (table->context->table.columns)
		return pick_columns(table, table->context->table.columns);
	for (size_t i = 0; i < table->count; i++)
		if (table->columns[i].usual || table->context->table.all_columns)
			table->picked[table->picked_count++] = i;
	return 0;
}

static bool is_right(const struct column *column)
{
	return column->kind == CELL_NUMBER || column->kind == CELL_HEX ||
	       column->kind == CELL_SIZE || column->kind == CELL_AGE ||
	       column->kind == CELL_NANOSECONDS || column->kind == CELL_RATE;
}

int table_begin(struct table *table, const struct context *context, const struct column *columns,
		size_t count, const char *key)
{
	int status;

	*table = (struct table){
		.context = context, .columns = columns, .count = count, .key = key
	};
	status = choose_columns(table);
	if (status)
		return status;
	if (context->json) {
		table->head = json_pack("{s:i}", "schema", JSON_SCHEMA);
		table->kept = json_array();
		return table->kept && table->head ? 0 : out_of_memory(table->context);
	}
	table->scols = scols_new_table();
	if (!table->scols)
		return out_of_memory(table->context);
	scols_table_enable_noheadings(table->scols, context->table.no_headings);
	for (size_t i = 0; i < table->picked_count; i++) {
		const struct column *column = &columns[table->picked[i]];

		if (!scols_table_new_column(table->scols, column->name, 0,
					    (is_right(column) ? SCOLS_FL_RIGHT : 0) |
						    (column->wraps ? SCOLS_FL_WRAP : 0)))
			return out_of_memory(table->context);
	}
	return 0;
}

/* Instead of the schema alone; NULL: there was no memory for it, and what is shown has less. */
void table_set_head(struct table *table, json_t *head)
{
	if (!head)
		return;
	json_decref(table->head);
	table->head = head;
}

/* ---- rows ---- */

static void rate_words(const struct context *context, uint64_t rate, char *out, size_t size)
{
	char words[32];

	size_words(rate, words, sizeof(words));
	if (context->table.bytes)
		snprintf(out, size, "%llu", (unsigned long long)rate);
	else
		snprintf(out, size, "%s/s", words);
}

static void render(const struct table *table, enum cell_kind kind, const struct cell *cell,
		   char *out, size_t size)
{
	if (cell->none)
		snprintf(out, size, table->blank ? "" : "-");
	else if (kind == CELL_TEXT || kind == CELL_LIST || kind == CELL_NUMBERS ||
		 kind == CELL_OBJECT)
		snprintf(out, size, "%s", cell->text);
	else if (kind == CELL_VALUE)
		snprintf(out, size, "0x%0*llx", (int)cell->width * 2,
			 (unsigned long long)cell->number);
	else if (kind == CELL_HEX)
		snprintf(out, size, "0x%llx", (unsigned long long)cell->number);
	else if (kind == CELL_SIZE && !table->context->table.bytes)
		size_words(cell->number, out, size);
	else if (kind == CELL_NANOSECONDS)
		nanosecond_words(cell->number, out, size);
	else if (kind == CELL_RATE)
		rate_words(table->context, cell->number, out, size);
	else if (kind == CELL_AGE)
		age_words(cell->number, out, size);
	else if (kind == CELL_TIME)
		time_words(cell->number, out, size);
	else
		snprintf(out, size, "%llu", (unsigned long long)cell->number);
}

static json_t *split_list(const char *text)
{
	json_t *list = json_array();

	while (*text) {
		size_t length = strcspn(text, ",");

		json_array_append_new(list, json_stringn(text, length));
		text += length;
		text += *text == ',';
	}
	return list;
}

static json_t *split_numbers(const char *text)
{
	json_t *list = json_array();

	while (*(text += strspn(text, " "))) {
		char *end;

		json_array_append_new(list, json_number(strtoull(text, &end, 10)));
		if (end == text)
			break;
		text = end;
	}
	return list;
}

static json_t *json_cell(enum cell_kind kind, const struct cell *cell)
{
	if (kind == CELL_OBJECT)
		return json_incref(cell->json);
	if (kind == CELL_LIST)
		return split_list(cell->none ? "" : cell->text);
	if (kind == CELL_NUMBERS)
		return split_numbers(cell->none ? "" : cell->text);
	if (cell->none)
		return json_null();
	if (kind == CELL_TEXT)
		return json_text(cell->text);
	if (kind == CELL_VALUE)
		return json_register(cell->number, cell->width);
	return json_number(cell->number);
}

static void json_key(const char *name, char *key, size_t size)
{
	size_t i;

	for (i = 0; i < size - 1 && name[i]; i++)
		key[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i]);
	key[i] = '\0';
}

static json_t *json_of(const struct table *table, const struct cell *cells)
{
	json_t *row = json_object();

	for (size_t i = 0; i < table->picked_count; i++) {
		size_t index = table->picked[i];
		char key[32];

		json_key(table->columns[index].name, key, sizeof(key));
		json_object_set_new_nocheck(row, key,
					    json_cell(table->columns[index].kind, &cells[index]));
	}
	return row;
}

/* ---- JSON of many rows: as json_of() has it, without an object for each ---- */

static void write_cell(struct json_writer *writer, const char *key, enum cell_kind kind,
		       const struct cell *cell)
{
	if (kind == CELL_OBJECT || kind == CELL_LIST || kind == CELL_NUMBERS || kind == CELL_VALUE)
		json_put(writer, key, json_cell(kind, cell));
	else if (cell->none)
		json_put_null(writer, key);
	else if (kind == CELL_TEXT)
		json_put_text(writer, key, cell->text);
	else
		json_put_number(writer, key, cell->number);
}

static void write_row(struct table *table, const struct cell *cells)
{
	json_begin_object(&table->writer, NULL);
	for (size_t i = 0; i < table->picked_count; i++) {
		size_t index = table->picked[i];
		char key[32];

		json_key(table->columns[index].name, key, sizeof(key));
		write_cell(&table->writer, key, table->columns[index].kind, &cells[index]);
	}
	json_end(&table->writer);
}

/* What stands before the rows, and the rows that were kept. */
static void release_json(struct table *table)
{
	json_t *row;
	size_t i;

	json_begin_object(&table->writer, NULL);
	json_put_members(&table->writer, table->head);
	json_begin_array(&table->writer, table->key);
	json_array_foreach(table->kept, i, row)
	{
		json_put(&table->writer, NULL, json_incref(row));
	}
	json_decref(table->kept);
	table->kept = NULL;
}

static int json_row(struct table *table, const struct cell *cells)
{
	if (!table->kept) {
		write_row(table, cells);
		return STATUS_OK;
	}
	if (json_array_append_new(table->kept, json_of(table, cells)))
		return out_of_memory(table->context);
	if (table->rows == TABLE_KEPT)
		release_json(table);
	return STATUS_OK;
}

static bool is_ascii(const char *text)
{
	while (*text > 0)
		text++;
	return !*text;
}

/* How many places a text takes on a terminal. */
static size_t width_of(const char *text)
{
	wchar_t wide[sizeof(((struct cell *)NULL)->text)];
	size_t length;
	int width;

	if (is_ascii(text))
		return strlen(text);
	length = mbstowcs(wide, text, sizeof(wide) / sizeof(wide[0]));
	width = length == (size_t)-1 ? -1 : wcswidth(wide, length);
	return width < 0 ? strlen(text) : (size_t)width;
}

static void put_blanks(size_t count)
{
	while (count--)
		putchar_unlocked(' ');
}

/* A cell of a row that is not kept. What is wider than its column moves what follows. */
static void print_cell(const struct table *table, size_t i, char *text)
{
	bool last = i + 1 == table->picked_count;
	size_t width, gap;

	common_clean(text);
	width = width_of(text);
	gap = width < table->widths[i] ? table->widths[i] - width : 0;
	if (is_right(&table->columns[table->picked[i]])) {
		put_blanks(gap);
		gap = 0;
	}
	fputs_unlocked(text, stdout);
	put_blanks(last ? 0 : gap + 1);
	if (last)
		putchar_unlocked('\n');
}

static void release_text(struct table *table)
{
	scols_print_table(table->scols);
	for (size_t i = 0; i < table->picked_count; i++)
		table->widths[i] = scols_column_get_width(scols_table_get_column(table->scols, i));
	scols_unref_table(table->scols);
	table->scols = NULL;
}

static int text_row(struct table *table, const struct cell *cells)
{
	struct libscols_line *line = NULL;

	if (table->scols) {
		line = scols_table_new_line(table->scols, NULL);
		if (!line)
			return out_of_memory(table->context);
	}
	for (size_t i = 0; i < table->picked_count; i++) {
		size_t index = table->picked[i];
		char text[sizeof(cells->text)];

		render(table, table->columns[index].kind, &cells[index], text, sizeof(text));
		if (!line)
			print_cell(table, i, text);
		else if (scols_line_set_data(line, i, text))
			return out_of_memory(table->context);
	}
	if (line && table->rows == TABLE_KEPT)
		release_text(table);
	return STATUS_OK;
}

/* @cells: one for each column that there is, picked or not. */
int table_row(struct table *table, const struct cell *cells)
{
	int status;

	table->rows++;
	status = table->context->json ? json_row(table, cells) : text_row(table, cells);
	for (size_t i = 0; i < table->count; i++)
		json_decref(cells[i].json);
	return status;
}

void table_release(struct table *table)
{
	if (table->kept)
		release_json(table);
	if (table->scols)
		release_text(table);
}

static void print_rest(struct table *table)
{
	if (table->kept)
		release_json(table);
	if (table->context->json) {
		json_end(&table->writer);
		json_end(&table->writer);
	} else if (table->scols) {
		scols_print_table(table->scols);
	}
}

/*
 * Print, unless a row failed: @status is the verb's so far, and is returned. Gives up what the
 * table holds, also after a table_begin() that failed.
 */
int table_end(struct table *table, int status)
{
	if (!status)
		print_rest(table);
	json_decref(table->head);
	json_decref(table->kept);
	scols_unref_table(table->scols);
	table->head = table->kept = NULL;
	table->scols = NULL;
	return status;
}
