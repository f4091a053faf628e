/* SPDX-License-Identifier: MIT */
/*
 * What a verb says of itself: its help lies beside its code. It is a function that gets the arguments
 * behind its name and returns an exit status. A new verb is a struct verb named NAME_verb in the file
 * of its group, and one line in VERBS; a new option is one line in options.c, and a WITH_ bit when no
 * verb had it before.
 */
#ifndef MMIOCTL_VERB_H
#define MMIOCTL_VERB_H

#include "output/output.h"

#include <limits.h>

/* The verbs, in the order in which help shows them. */
/* clang-format off */
#define VERBS(V) \
	V(status) \
	V(list) \
	V(tree) \
	V(devices) \
	V(leases) \
	V(clients) \
	V(mappings) \
	V(show) \
	V(map) \
	V(pools) \
	V(buffers) \
	V(buddyinfo) \
	V(zones) \
	V(slabinfo) \
	V(translate) \
	V(page) \
	V(pmap) \
	V(iomem) \
	V(read) \
	V(write) \
	V(dump) \
	V(fill) \
	V(load) \
	V(save) \
	V(copy) \
	V(diff) \
	V(set) \
	V(clear) \
	V(toggle) \
	V(wait) \
	V(regs) \
	V(hold) \
	V(alloc) \
	V(free) \
	V(revoke) \
	V(bind) \
	V(unbind) \
	V(watch) \
	V(top) \
	V(monitor) \
	V(log) \
	V(export) \
	V(doctor) \
	V(test) \
	V(bench) \
	V(explain) \
	V(check_config) \
	V(complete)
/* clang-format on */

/* By task. Help has a heading for each that has a verb. */
enum verb_group {
	GROUP_SEE,
	GROUP_MEMORY,
	GROUP_ACCESS,
	GROUP_HOLD,
	GROUP_DEVICES,
	GROUP_LIVE,
	GROUP_TROUBLE,
	GROUP_HIDDEN, /* not in help */
	GROUPS,
};

/* Options, as sets: what a verb knows beside the options that all know. */
enum {
	WITH_TABLE = 1 << 0, /* -o, -O, --no-headings, --bytes */
	WITH_CACHE = 1 << 1, /* --uc, --wc */
	WITH_READ_ONLY = 1 << 2,
	WITH_SHARE = 1 << 3, /* --exclusive, ... */
	WITH_DEADLINE = 1 << 4,
	WITH_ALLOC = 1 << 5, /* --align, ... */
	WITH_MAP = 1 << 6,
	WITH_COMMAND = 1 << 7, /* -- COMMAND */
	WITH_WIDTH = 1 << 8,
	WITH_REPEAT = 1 << 9,
	WITH_INTERVAL = 1 << 10,
	WITH_MASK = 1 << 11,
	WITH_VERIFY = 1 << 12,
	WITH_EQUALS = 1 << 13,
	WITH_TIMEOUT = 1 << 14,
	WITH_COUNT = 1 << 15,
	WITH_RAW = 1 << 16,
	WITH_YES = 1 << 17,
	WITH_MAP_FILE = 1 << 18,
	WITH_PID = 1 << 19,
	WITH_ON_DEVICE = 1 << 20,
	WITH_TOP = 1 << 21, /* --once, --sort, --iterations */
	WITH_LOG = 1 << 22, /* --lines, --journal */
	WITH_SVG = 1 << 23,
	WITH_FORCE = 1 << 24,
	WITH_DRY_RUN = 1 << 25,
	WITH_TEXTFILE = 1 << 26,
	WITH_TERMS = 1 << 27, /* --lease, --on-end */
	WITH_WHO = 1 << 28, /* --user, --group */
};

/* Of verbs that take a lease for as long as they run. */
#define WITH_LEASE (WITH_CACHE | WITH_SHARE)

#define EXAMPLES_MAX 4
#define ARGUMENTS_ANY INT_MAX

struct verb {
	const char *name;
	const char *arguments; /* as usage shows them */
	const char *summary; /* one line, no capital, no full stop */
	enum verb_group group;
	unsigned int options; /* set of WITH_ */
	int least, most; /* arguments */
	int (*run)(struct context *context, int argc, char **argv);
	const struct column *columns; /* of its table, if it has one */
	const size_t *column_count;
	struct {
		const char *command; /* behind "mmioctl " */
		const char *says;
	} examples[EXAMPLES_MAX];
	const char *more; /* what else one must know; lines of at most 80 characters */
};

#define DECLARE_VERB(name) extern const struct verb name##_verb;
VERBS(DECLARE_VERB)
#undef DECLARE_VERB

/* ---- verbs.c ---- */

extern const struct verb *const verbs[]; /* NULL behind the last */

const struct verb *find_verb(const struct context *context, const char *name);

/* ---- options.c ---- */

/* -1: go on; else the exit status. */
int read_common_options(struct context *context, int argc, char **argv, int *used);
int read_verb_options(struct context *context, const struct verb *verb, int argc, char **argv,
		      int *used);
void print_options(unsigned int with);
void print_option_names(unsigned int with, bool arguments);
extern const unsigned int with_common;

/* ---- help.c ---- */

int print_help(void);
int print_verb_help(const struct verb *verb);

/* ---- verbs that lie in two files ---- */

int show_region(struct context *context, const char *text); /* show-region.c */
int print_pool_maps(struct context *context, const struct mmiod_pool_list *list,
		    const char *only); /* pool-map.c */

/* ---- options that read themselves ---- */

int on_end_option(struct context *context, const char *name, const char *argument);
int alloc_option(struct context *context, const char *name, const char *argument);

#endif
