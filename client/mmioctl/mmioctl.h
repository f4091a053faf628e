/* SPDX-License-Identifier: MIT */
/*
 * mmioctl: what all of its rooms share. From the lowest on these are output, system, regmap, target and
 * verbs; above them lie the files beside this one. Nothing uses what is higher.
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

#endif
