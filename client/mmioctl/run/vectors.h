/* SPDX-License-Identifier: MIT */
/*
 * Interrupts that the supervisor holds for the UIO nodes of its programs.
 */
#ifndef MMIOCTL_RUN_VECTORS_H
#define MMIOCTL_RUN_VECTORS_H

#include "run/loans.h"

struct lent_vector {
	struct lent_vector *next;
	struct mmiod_interrupt *interrupt; /* owned */
	const struct plan_uio *uio; /* the node that it is of */
	struct mmiod_target parts[PLAN_PARTS_MAX]; /* its maps, each by its region's name */
};

/*
 * The file of the node's interrupt, for a view, which takes a reference of its own; leased unless it
 * is. @parts: its maps, resolved. -1: it has none. Returns 0 or -errno, with the sentence at
 * mmiod_client_error().
 */
int vector_take(const struct loans *loans, struct lent_vector **lent, const struct plan_uio *uio,
		const struct mmiod_target *parts, int *fd);
/* Gives back those of nodes that nobody has any more. Before loans_return(). */
void vectors_return(const struct loans *loans, struct lent_vector **lent);
void vectors_drop(struct lent_vector **lent);

#endif
