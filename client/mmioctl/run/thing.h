/* SPDX-License-Identifier: MIT */
/*
 * What a file is that a program names: one that run has something for, or none.
 */
#ifndef MMIOCTL_RUN_THING_H
#define MMIOCTL_RUN_THING_H

#include "run/pathname.h"
#include "run/plan.h"

enum thing_kind {
	THING_BAR, /* resourceN of a PCI function */
	THING_CONFIG, /* config of a PCI function */
	THING_MEM, /* /dev/mem */
	THING_UIO, /* /dev/uioN that --uio names */
	THING_MAP, /* a name of --map */
	THING_TREE, /* a file or directory in place of class/uio of sysfs */
	THING_VIEW, /* a descriptor that the program has: a view */
};

struct thing {
	enum thing_kind kind;
	char device[20]; /* BAR, CONFIG: DDDD:BB:DD.F */
	unsigned int number; /* of the BAR; of --uio and --map in the plan */
	bool combining; /* BAR: resourceN_wc */
	bool in_tree; /* by way of the tree, where the kernel finds nothing */
	const char *name; /* as the program would call it; the pathname's own */
};

bool thing_find(const struct pathname *found, const struct plan *plan, const char *tree,
		struct thing *thing);

#endif
