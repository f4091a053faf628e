/* SPDX-License-Identifier: MIT */
/*
 * A directory that programs find in the place of class/uio of sysfs.
 */
#ifndef MMIOCTL_RUN_UIO_TREE_H
#define MMIOCTL_RUN_UIO_TREE_H

#include "run/plan.h"

#define TREE_NAME_MAX 256

struct tree {
	char name[TREE_NAME_MAX]; /* "": there is none */
};

/* The major number that UIO nodes have here, or would have. */
unsigned int tree_uio_major(void);
/* Makes it, if the plan has a UIO node. Returns an exit status, with the sentence told. */
int tree_make(struct context *context, const struct plan *plan, unsigned int major,
	      struct tree *tree);
/* Also in a forked child: the keeper calls it. */
void tree_remove(const struct tree *tree);

#endif
