/* SPDX-License-Identifier: MIT */
/*
 * Files for programs: a window, or a view of several, in the place of the file that was named.
 */
#ifndef MMIOCTL_RUN_OFFER_H
#define MMIOCTL_RUN_OFFER_H

#include "run/configuration.h"
#include "run/loans.h"
#include "run/thing.h"
#include "run/vectors.h"

struct offers {
	struct loans loans;
	struct plan plan;
	struct operated *operated; /* devices that programs operate; owned */
	struct lent_vector *vectors; /* of UIO nodes; owned */
	unsigned int uio_major; /* of the device numbers of UIO nodes */
};

/* A file that is to be found. */
struct offer {
	unsigned int rights; /* that the program asks for; 0: none of ours, refused by the kernel */
	int fd; /* the caller's to close */
	struct mmiod_wait *wait; /* -EINPROGRESS: what to wait for, and on whose behalf */
	char region[32];
	enum mmiod_memtype memtype;
	char why[700]; /* the sentence for an error */
	char note[1100]; /* what was left out, or why it is none of mmiod's; "": nothing */
};

/*
 * Returns 0 with a file; 1: none of mmiod's, so let the kernel decide; -EINPROGRESS; or an error
 * for the program.
 */
int offer_file(struct offers *offers, const struct thing *thing, struct offer *offer);
/* Bytes of what a name of --map stands for; 0: not known. */
uint64_t offer_size(const struct offers *offers, const struct thing *thing);
/* Leases what the plan's windows name. Returns an exit status, with the sentence told. */
int offer_windows(struct offers *offers);

#endif
