/* SPDX-License-Identifier: MIT */
/*
 * Which file a task means by a path.
 */
#ifndef MMIOCTL_RUN_PATHNAME_H
#define MMIOCTL_RUN_PATHNAME_H

#include "run/calls.h"
#include "run/task.h"

#include <limits.h>

/* What to look out for. */
struct pathname_interest {
	const char *const *names; /* exact ones */
	size_t count;
	const char *tree; /* what stands for class/uio of sysfs; "": nothing does */
};

struct pathname {
	char name[PATH_MAX]; /* from the task's root, without links in it */
	int directory; /* O_PATH; -1: it is not there */
	int descriptor; /* of the task, which the path names; -1: none */
	bool foreign; /* the task has another root, or other mounts */
	bool in_tree; /* found by way of the tree */
};

/*
 * false: nothing to look out for, or not to be found out. The path is found as the kernel would do
 * it a moment later; it may have been changed by then.
 */
bool pathname_find(const struct task *task, const struct call *call, const char *text,
		   const struct pathname_interest *interest, struct pathname *found);
void pathname_close(struct pathname *found);

/* ---- pure functions over text ---- */

/* Without "//", "/./" and "/../", as if there were no links. @path must be absolute. */
void path_simplify(const char *path, char *out, size_t size);
/* What follows @directory in @path, without the slash; NULL: it does not lie there. */
const char *path_below(const char *path, const char *directory);

#endif
