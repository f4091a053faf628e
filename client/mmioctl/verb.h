/* SPDX-License-Identifier: MIT */
/*
 * Verbs. A verb's help lies beside its code. It is a function that gets the arguments behind its
 * name and returns an exit status. A new verb is a struct verb named NAME_verb in the file of its
 * group, and one line in VERBS; a new option is a row there, and a member of the struct that the
 * verb's rows fill.
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
	V(regmap) \
	V(hold) \
	V(run) \
	V(alloc) \
	V(free) \
	V(revoke) \
	V(grant) \
	V(ungrant) \
	V(configure) \
	V(bind) \
	V(unbind) \
	V(config) \
	V(reset) \
	V(power) \
	V(operate) \
	V(watch) \
	V(record) \
	V(plot) \
	V(top) \
	V(monitor) \
	V(log) \
	V(irq) \
	V(export) \
	V(doctor) \
	V(test) \
	V(bench) \
	V(explain) \
	V(policy) \
	V(check_config) \
	V(batch) \
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

#define EXAMPLES_MAX 4
#define ARGUMENTS_ANY INT_MAX

struct verb {
	const char *name;
	const char *arguments; /* as usage shows them */
	const char *summary; /* one line, no capital, no full stop */
	enum verb_group group;
	const struct verb_option *options; /* of its own; NULL: none */
	void *values; /* the struct that they fill */
	char ***command; /* where the words behind "--" go; NULL: it runs no command */
	bool runs_arguments; /* its arguments are a command, too: options end at the first of them */
	bool endless; /* it does not end by itself: not for batches */
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

/* ---- dispatch.c ---- */

const struct verb *find_verb(const struct context *context, const char *name);
/* The words behind the first "--", which ends the others; NULL: there are none. */
char **part_command(int *argc, char **argv);
/* A line of a batch names no socket of its own. */
int check_socket(const struct context *context, const char *before);
/* argv[0] is the verb's name. */
int dispatch_verb(struct context *context, const struct verb *verb, int argc, char **argv,
		  char **command);

/* ---- options.c ---- */

/* -1: go on; else the exit status. */
int read_common_options(struct context *context, int argc, char **argv, int *used);
int read_verb_options(struct context *context, const struct verb *verb, int argc, char **argv,
		      int *used);
void forget_options(const struct verb *verb);
/* Of a verb's own rows; NULL: of those that every verb knows. */
void print_options(const struct verb_option *rows);
/*
 * One a line, as they are typed. @verb NULL: of what may stand before the verb. @arguments: only
 * those that take one, also by their letters.
 */
void print_option_names(const struct verb *verb, bool arguments);

/* ---- help.c ---- */

int print_version(void);
int print_help(const struct context *context);
int print_verb_help(const struct verb *verb);

/* ---- verbs that lie in two files ---- */

int show_region(struct context *context, const char *text); /* show-region.c */
int export_cdi(struct context *context, const char *class, char **text); /* export-cdi.c */
int print_pool_maps(struct context *context, const struct mmiod_pool_list *list, const char *only,
		    const char *svg); /* pool-map.c */

#endif
