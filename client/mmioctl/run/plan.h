/* SPDX-License-Identifier: MIT */
/*
 * What the options of mmioctl run say: which windows, and under which names programs find them.
 */
#ifndef MMIOCTL_RUN_PLAN_H
#define MMIOCTL_RUN_PLAN_H

#include "target/target.h"
#include "target/vector.h"

#define PLAN_WORDS_MAX 64
#define PLAN_PARTS_MAX MMIOD_VIEW_PARTS_MAX

/* An option that may be given several times. */
struct plan_words {
	const char *items[PLAN_WORDS_MAX];
	size_t count;
};

struct run_options {
	struct lease_options lease;
	bool read_only;
	bool downgrade;
	bool keep;
	bool as_root;
	bool root;
	struct plan_words windows; /* TARGET */
	struct plan_words uios; /* N=TARGET,..., one of which may be DEVICE/irqN */
	struct plan_words maps; /* PATH=TARGET */
	char **command;
};

struct plan_uio {
	unsigned int number; /* of /dev/uioN */
	struct mmiod_target parts[PLAN_PARTS_MAX];
	size_t count;
	char device[VECTOR_DEVICE_MAX]; /* whose interrupt it has; "": none */
	unsigned int vector;
};

struct plan {
	struct mmiod_target windows[PLAN_WORDS_MAX];
	size_t window_count;
	struct plan_uio *uios; /* owned */
	size_t uio_count;
	const char **names; /* of the files that --map gives; owned, and so are they */
	struct mmiod_target *maps; /* what is behind each; owned */
	size_t map_count;
};

/* A row's function: appends to a struct plan_words. */
int plan_add_word(const struct context *context, void *field, const char *name,
		  const char *argument);
/* Returns an exit status, with the sentence told. */
int plan_read(const struct context *context, const struct run_options *options, struct plan *plan);
void plan_free(struct plan *plan);

#endif
