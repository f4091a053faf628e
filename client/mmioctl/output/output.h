/* SPDX-License-Identifier: MIT */
/*
 * Output and errors: tables, JSON, colour and words, and what goes with them. Data goes to stdout,
 * messages to stderr; --json changes the form of both.
 */
#ifndef MMIOCTL_OUTPUT_H
#define MMIOCTL_OUTPUT_H

#include "options.h"

#include <stdio.h>
#include <jansson.h>

/* Of the JSON output: raised when a key changes its meaning or goes, not when one is added. */
#define JSON_SCHEMA 1

/* ---- report.c: errors ---- */

int usage_error(const struct context *context, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int exit_status_of(int err); /* that belongs to a negative errno */
int report(const struct context *context, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int report_client(const struct context *context, int err);
int report_not_found(const struct context *context, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int report_mismatch(const struct context *context, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void note(const struct context *context, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int out_of_memory(const struct context *context);
int output_flush(void);
int output_close(const struct context *context, int status);
int client_open(struct context *context);
bool client_try(struct context *context);

/* Where in a file the words stand that are worked on: errors then begin with it, and objects of
 * JSON are one line each, and say which line it is about. */
struct position {
	const char *file;
	unsigned long line;
	/* From 1, of the word that a sentence is about. */
	size_t (*column)(const struct position *position, const char *sentence);
};

extern const struct position *output_position; /* NULL: there is none */

/* ---- words.c: between values and words ---- */

const char *rights_word(unsigned int rights);
const char *memtype_word(enum mmiod_memtype memtype);
void sentence_names(const char *sentence, char *out, size_t size);
void sentence_hint(const char *sentence, char *out, size_t size);
bool region_owns_pages(const struct mmiod_region *region);
const char *share_word(enum mmiod_share share);
const char *state_word(enum mmiod_state state);
const char *lease_state_word(const struct mmiod_lease_info *info);
const char *memory_word(enum mmiod_memory memory);
bool lease_is_in_region(const struct mmiod_lease_info *info, const char *region);
const char *lease_kind_word(enum mmiod_lease_kind kind, enum mmiod_memory memory);
enum mmiod_memory memory_of_word(const char *text);
const char *zone_word(enum mmiod_memory_zone zone);
void memtypes_words(unsigned int memtypes, char *out, size_t size);
void user_name(uint32_t uid, char *out, size_t size);
void size_words(uint64_t bytes, char *out, size_t size);
void age_words(uint64_t seconds, char *out, size_t size);
void nanosecond_words(uint64_t nanoseconds, char *out, size_t size);
void time_words(uint64_t seconds, char *out, size_t size);
void target_words(const char *region, uint64_t offset, uint64_t length, char *out, size_t size);
int parse_duration(const char *text, uint32_t *milliseconds);

/* ---- json-write.c: JSON on stdout, and the only place that writes any ---- */

int json_output(json_t *root);
int json_line(json_t *root);

#define JSON_DEPTH_MAX 16

/*
 * For what is longer than one wants to keep. Begins as zeros and with an object; a key is plain
 * text, and NULL in an array.
 */
struct json_writer {
	unsigned int depth;
	bool begun; /* the innermost object or array has a member */
	char closes[JSON_DEPTH_MAX];
};

void json_begin_object(struct json_writer *writer, const char *key);
void json_begin_array(struct json_writer *writer, const char *key);
void json_end(struct json_writer *writer);
void json_put_number(struct json_writer *writer, const char *key, uint64_t number);
void json_put_text(struct json_writer *writer, const char *key, const char *text);
void json_put_bool(struct json_writer *writer, const char *key, bool value);
void json_put_null(struct json_writer *writer, const char *key);
void json_put(struct json_writer *writer, const char *key, json_t *value); /* takes it */
void json_put_members(struct json_writer *writer, json_t *object);

/* ---- table.c: tables and JSON ---- */

enum cell_kind {
	CELL_TEXT,
	CELL_LIST, /* text with commas; an array in JSON */
	CELL_NUMBERS, /* text with spaces; an array of numbers in JSON */
	CELL_NUMBER,
	CELL_HEX,
	CELL_SIZE, /* with a unit unless --bytes */
	CELL_AGE, /* seconds */
	CELL_TIME, /* seconds since 1970 */
	CELL_VALUE, /* what a register of .width bytes holds */
	CELL_NANOSECONDS,
	CELL_RATE, /* bytes a second */
	CELL_OBJECT, /* text; in JSON what .json is */
};

struct column {
	const char *name;
	enum cell_kind kind;
	bool usual; /* shown without -o */
	const char *help;
	bool wraps; /* on a terminal too narrow for it, over several lines */
};

struct cell {
	bool none; /* "-", null */
	uint64_t number;
	unsigned int width;
	json_t *json; /* the table's own from table_row() on */
	char text[512]; /* the last */
};

#define COLUMNS_MAX 32

/*
 * Up to TABLE_KEPT rows are kept until the end: the columns are as wide as what is in them, and
 * nothing is printed if a row fails. What is longer is printed as it comes, in columns as wide as
 * those rows.
 */
#define TABLE_KEPT 1000

struct table {
	const struct context *context;
	const struct column *columns;
	size_t count;
	const char *key; /* names the rows in JSON */
	size_t picked[COLUMNS_MAX]; /* indices, in the order asked for */
	size_t picked_count;
	bool blank; /* without --json: what a row has none of is left out, instead of "-" */
	size_t rows;
	struct libscols_table *scols; /* without --json, and while rows are kept */
	size_t widths[COLUMNS_MAX]; /* of those picked, from then on */
	json_t *kept; /* with --json, and while rows are kept */
	json_t *head; /* with --json: what stands before the rows */
	struct json_writer writer; /* with --json, from then on */
};

int table_begin(struct table *table, const struct context *context, const struct column *columns,
		size_t count, const char *key);
void table_set_head(struct table *table, json_t *head); /* takes it; for JSON */
bool table_shows(const struct table *table, size_t column); /* or its cells may stay empty */
int table_row(struct table *table, const struct cell *cells);
void table_release(struct table *table); /* what is kept is printed now: rows are long in coming */
int table_end(struct table *table, int status);
extern const struct verb_option table_options[]; /* of verbs that have no other options */
void cells_clear(struct cell *cells, size_t count);
void cell_text(struct cell *cell, const char *text);
void cell_number(struct cell *cell, uint64_t number);
void cell_place(struct cell *cell, uint64_t offset); /* "-": of a lease that lies in several */
void cell_optional(struct cell *cell, uint64_t number);

/* ---- json.c: values as JSON ---- */

json_t *json_number(uint64_t number);
json_t *json_place(uint64_t offset); /* null: of a lease that lies in several */
json_t *json_register(uint64_t value, unsigned int width);
json_t *json_text(const char *text);

/* ---- color.c: colour on terminals ---- */

enum paint {
	PAINT_NONE,
	PAINT_GOOD,
	PAINT_BAD,
	PAINT_NOTE,
	PAINT_DIM,
};

bool is_colored(const struct context *context, FILE *file);
const char *paint(const struct context *context, enum paint paint);

/* ---- confirm.c ---- */

int confirm(const struct context *context, bool yes, const char *what);

/* ---- clock.c ---- */

uint64_t now_ns(void);
uint64_t now_ms(void);
void pause_ms(uint32_t milliseconds);

#endif
