/* SPDX-License-Identifier: MIT */
/*
 * mmioctl: what its files share. Each verb is a function that gets the arguments behind its name
 * and returns an exit status. Data goes to stdout, messages to stderr; --json changes the form of
 * both.
 */
#ifndef MMIOCTL_H
#define MMIOCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <jansson.h>
#include <mmiod/mmiod.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

/* Of the JSON output: raised when a key changes its meaning or goes, not when one is added. */
#define JSON_SCHEMA 1

enum exit_status {
	STATUS_OK = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_NOT_FOUND = 3,
	STATUS_DENIED = 4,
	STATUS_BUSY = 5,
	STATUS_NO_DAEMON = 6,
	STATUS_GONE = 7,
	STATUS_TIMEOUT = 8,
	STATUS_MISMATCH = 9,
};

enum color_when {
	COLOR_AUTO,
	COLOR_ALWAYS,
	COLOR_NEVER,
};

/* A number that may be given. */
struct given {
	bool is;
	uint64_t value;
};

struct verb;

/* What the options say. */
struct context {
	const char *socket;
	bool json;
	enum color_when color;
	bool verbose;
	bool help;
	bool version;
	bool no_headings;
	bool bytes;
	bool all_columns;
	const char *columns; /* -o; NULL: the usual ones */
	bool read_only;
	enum mmiod_share share;
	enum mmiod_cache cache;
	uint32_t deadline_ms;
	bool map; /* pools: draw */
	const char *textfile; /* export: instead of standard output */
	bool force; /* bind, unbind */
	struct mmiod_allocation want; /* alloc: what its options say */
	struct given width; /* bits */
	struct given repeat;
	struct given mask;
	struct given equals;
	struct given count;
	uint32_t interval_ms;
	struct given timeout; /* ms */
	bool verify;
	bool dry_run;
	bool yes;
	const char *raw; /* dump: the file */
	const char *map_file; /* regs */
	bool waits; /* --wait */
	uint32_t wait_ms; /* UINT32_MAX: for ever */
	uint32_t lease_ms; /* hold */
	struct mmiod_register_write on_end[8]; /* hold; offsets from the target's start */
	size_t on_end_count;
	const char *user; /* explain */
	const char *groups;
	const char *pid; /* mappings */
	const char *on_device; /* mappings */
	bool once; /* top */
	const char *sort; /* top */
	struct given lines; /* log */
	bool journal; /* log */
	const char *svg; /* map */
	char **command; /* behind "--"; NULL: none */
	struct mmiod_client *client;
	const struct verb *const *verbs; /* all that there are; NULL behind the last */
};

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

/* ---- words.c: between values and words ---- */

const char *rights_word(unsigned int rights);
const char *cache_word(enum mmiod_cache cache);
void sentence_names(const char *sentence, char *out, size_t size);
void sentence_hint(const char *sentence, char *out, size_t size);
bool region_owns_pages(const struct mmiod_region *region);
const char *share_word(enum mmiod_share share);
const char *state_word(enum mmiod_state state);
const char *memory_word(enum mmiod_memory memory);
enum mmiod_memory memory_of_word(const char *text);
const char *zone_word(enum mmiod_memory_zone zone);
void caches_words(unsigned int caches, char *out, size_t size);
void user_name(uint32_t uid, char *out, size_t size);
void size_words(uint64_t bytes, char *out, size_t size);
void age_words(uint64_t seconds, char *out, size_t size);
void nanosecond_words(uint64_t nanoseconds, char *out, size_t size);
void time_words(uint64_t seconds, char *out, size_t size);
void target_words(const char *region, uint64_t offset, uint64_t length, char *out, size_t size);
int parse_number(const char *text, uint64_t *number);
int parse_size(const char *text, uint64_t *bytes);
int parse_duration(const char *text, uint32_t *milliseconds);

/* ---- output.c: tables and JSON ---- */

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
	char text[512];
};

#define COLUMNS_MAX 32

struct table {
	const struct context *context;
	const struct column *columns;
	size_t count;
	size_t picked[COLUMNS_MAX]; /* indices, in the order asked for */
	size_t picked_count;
	struct libscols_table *scols; /* without --json */
	json_t *rows; /* with --json */
};

int table_begin(struct table *table, const struct context *context, const struct column *columns,
		size_t count);
int table_row(struct table *table, const struct cell *cells);
int table_end(struct table *table, const char *key);
void table_drop(struct table *table);
void cell_text(struct cell *cell, const char *text);
void cell_number(struct cell *cell, uint64_t number);
void cell_optional(struct cell *cell, uint64_t number);
int json_output(json_t *root);
int json_line(json_t *root);

/* ---- json.c: values as JSON ---- */

json_t *json_number(uint64_t number);
json_t *json_register(uint64_t value, unsigned int width);
json_t *json_text(const char *text);
void make_utf8(char *text);

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

/* ---- target.c: leases on targets ---- */

int target_read(const struct context *context, const char *text, struct mmiod_target *target);
int target_region(struct context *context, const char *text,
		  int (*use)(const struct context *context, const struct mmiod_region *region));
int target_resolve_width(struct context *context, struct mmiod_target *target);
int target_check_alignment(const struct context *context, const char *text,
			   const struct mmiod_target *target);
const char *target_missing(const struct context *context, const struct mmiod_region *region);
int target_lease(struct context *context, const struct mmiod_target *target, unsigned int rights,
		 struct mmiod_lease **lease);
int parse_value(const struct context *context, const char *text, uint64_t *value);
int parse_lease(const struct context *context, const char *text, uint64_t *lease);
int check_fit(const struct context *context, const char *text, uint64_t value, unsigned int width);
void element_set(void *buffer, size_t index, unsigned int width, uint64_t value);
uint64_t element_at(const void *buffer, size_t index, unsigned int width);

/* ---- lease-list.c ---- */

/* What a verb does with the leases that the caller may see. Returns a status. */
int with_leases(struct context *context,
		int (*print)(struct context *context, const struct mmiod_lease_list *list));
void holder_cells(const struct mmiod_lease_info *info, struct cell *user, struct cell *uid,
		  struct cell *pid, struct cell *command, struct cell *age);

/* ---- run-mmiod.c ---- */

#define EXIT_CONFIG 78 /* of mmiod: the configuration is bad */

int run_mmiod(struct context *context, char **words);

/* ---- hold.c ---- */

int on_end_option(struct context *context, const char *name, const char *argument);

/* ---- holding.c: leases for as long as something runs ---- */

struct holding {
	size_t count;
	/* Fills @leases, and reports what could not be had: then what it left there is released. */
	int (*take)(struct context *context, const struct holding *holding,
		    struct mmiod_lease **leases);
	const char *(*label)(const struct holding *holding, size_t index);
};

int hold_leases(struct context *context, const struct holding *holding);

/* ---- kernel-file.c: what the kernel tells of its own allocators ---- */

#define KERNEL_ORDERS_MAX 32

struct kernel_free {
	unsigned int node;
	char zone[16];
	size_t orders;
	uint64_t blocks[KERNEL_ORDERS_MAX];
};

struct kernel_zone {
	unsigned int node;
	char zone[16];
	uint64_t start_pfn;
	uint64_t spanned, present, managed, free, min, low, high; /* pages */
};

struct kernel_slab {
	char name[64];
	uint64_t active, objects, size, per_slab, pages_per_slab, slabs;
};

FILE *kernel_open(const struct context *context, const char *name, int *status);
bool parse_buddyinfo(const char *line, struct kernel_free *row);
bool next_zone(FILE *file, struct kernel_zone *zone);
bool parse_slabinfo(const char *line, struct kernel_slab *slab);

/* ---- pool-map.c: a pool as a drawing ---- */

int print_pool_maps(struct context *context, const struct mmiod_pool_list *list, const char *only);

/* ---- what files of verbs share ---- */

int confirm(const struct context *context, const char *what);
int alloc_option(struct context *context, const char *name, const char *argument);

/* ---- clock.c ---- */

uint64_t now_ms(void);
void pause_ms(uint32_t milliseconds);

/* ---- suggest.c ---- */

const char *nearest_word(const char *word, const char *const *words, size_t count);

#endif
