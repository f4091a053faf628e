/* SPDX-License-Identifier: MIT */
/*
 * mmioctl: what all of its rooms share. From the lowest on these are output, system, regmap,
 * target, run and verbs; above them lie the files beside this one. Nothing uses what is higher.
 */
#ifndef MMIOCTL_H
#define MMIOCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <mmiod/mmiod.h>

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

/* How tables are to be printed. */
struct table_options {
	const char *columns; /* -o; NULL: the usual ones */
	bool all_columns;
	bool no_headings;
	bool bytes;
};

struct verb;
struct kept;

/* The options that every verb has, and what all of them need. */
struct context {
	const char *socket;
	bool json;
	enum color_when color;
	bool verbose;
	bool help;
	bool version;
	struct table_options table;
	struct mmiod_client *client;
	struct kept *kept; /* leases that outlast a verb; NULL: none does */
	const struct verb *const *verbs; /* all that there are; NULL behind the last */
};

#endif
