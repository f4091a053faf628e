/* SPDX-License-Identifier: MIT */
/*
 * Options as rows: their names, their help, and where their values go. A verb has rows of its own
 * and a struct of its own that they fill; rows that several verbs have are macros. options.c reads
 * them.
 *
 * The order of the rows is that of help. A list of rows ends with an empty one.
 */
#ifndef MMIOCTL_OPTIONS_H
#define MMIOCTL_OPTIONS_H

#include "mmioctl.h"

enum option_kind {
	KIND_FLAG, /* bool */
	KIND_VALUE, /* an enum: .value */
	KIND_TEXT, /* const char * */
	KIND_NUMBER, /* struct given */
	KIND_TIME, /* uint32_t, milliseconds */
	KIND_TIMEOUT, /* struct given, milliseconds */
	KIND_WAIT, /* struct given, milliseconds; without an argument UINT32_MAX: for ever */
	KIND_CALL,
};

struct verb_option {
	const char *name; /* NULL: the end of the rows */
	int letter;
	const char *argument; /* NULL: takes none; in brackets: may be left out */
	const char *help;
	enum option_kind kind;
	bool common; /* fills the context, not the verb's own struct */
	size_t at; /* in what it fills */
	size_t size; /* of what is there */
	unsigned int value;
	int (*call)(const struct context *context, void *field, const char *name,
		    const char *argument);
};

#define OPTIONS_MAX 48 /* that one verb knows, those of all verbs included */

/* The place of the value in @type, and its size. A member that is no @as does not compile. */
#define AT(type, field, as)                                                                    \
	.size = sizeof(((type *)0)->field),                                                    \
	.at = offsetof(type, field) +                                                          \
	      0 * sizeof(char[__builtin_types_compatible_p(typeof(((type *)0)->field), as) ? 1 \
											   : -1])
#define FLAG(type, field) .kind = KIND_FLAG, AT(type, field, bool)
#define VALUE(type, field, number) \
	.kind = KIND_VALUE, .at = offsetof(type, field), .value = (number)
#define TEXT(type, field) .kind = KIND_TEXT, AT(type, field, const char *)
#define NUMBER(type, field) .kind = KIND_NUMBER, AT(type, field, struct given)
#define TIME(type, field) .kind = KIND_TIME, AT(type, field, uint32_t)
#define TIMEOUT(type, field) .kind = KIND_TIMEOUT, AT(type, field, struct given)
#define WAIT(type, field) .kind = KIND_WAIT, AT(type, field, struct given)
#define CALL(type, field, function)                                                         \
	.kind = KIND_CALL, .size = sizeof(((type *)0)->field), .at = offsetof(type, field), \
	.call = (function)

/* ---- rows that several verbs have ---- */

/* clang-format off */
#define TABLE_OPTIONS \
	{ "output", 'o', "COLUMNS", "columns of the table, with commas between them", \
	  .common = true, TEXT(struct context, table.columns) }, \
	{ "output-all", 'O', NULL, "all columns", \
	  .common = true, FLAG(struct context, table.all_columns) }, \
	{ "no-headings", 0, NULL, "no line of headings", \
	  .common = true, FLAG(struct context, table.no_headings) }, \
	{ "bytes", 0, NULL, "sizes in bytes, not in K, M, G", \
	  .common = true, FLAG(struct context, table.bytes) }

#define READ_ONLY_OPTION(type, field) \
	{ "read-only", 0, NULL, "no right to write", FLAG(type, field) }

#define LEASE_TIME_OPTION(type, field) \
	{ "lease", 0, "TIME", "no longer than TIME, unless renewed, which is done", \
	  TIME(type, field) }

#define MASK_OPTION(type, field) \
	{ "mask", 0, "MASK", "only these bits; the others stay, or do not count", \
	  NUMBER(type, field) }

#define INTERVAL_OPTION(type, field) \
	{ "interval", 0, "TIME", "from one look to the next", TIME(type, field) }

#define COUNT_OPTION(type, field) \
	{ "count", 0, "N", "end after so many", NUMBER(type, field) }

#define VERIFY_OPTION(type, field) \
	{ "verify", 0, NULL, "read back; exit status 9 if it differs", FLAG(type, field) }

#define MAP_FILE_OPTION(type, field) \
	{ "map", 0, "FILE", "the register map (default: the first that fits)", TEXT(type, field) }

#define YES_OPTION(type, field) \
	{ "yes", 'y', NULL, "do not ask", FLAG(type, field) }

#define DRY_RUN_OPTION(type, field) \
	{ "dry-run", 'n', NULL, "only say what would be done", FLAG(type, field) }

#define DEVICE_OPTION(type, field) \
	{ "device", 0, "REGION", "dma: for the device that has that region", TEXT(type, field) }
/* clang-format on */

#endif
