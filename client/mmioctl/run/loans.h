/* SPDX-License-Identifier: MIT */
/*
 * Leases that the supervisor holds for its programs.
 */
#ifndef MMIOCTL_RUN_LOANS_H
#define MMIOCTL_RUN_LOANS_H

#include "run/plan.h"

struct loan {
	struct loan *next;
	struct mmiod_lease *lease; /* owned */
	char region[32]; /* by its name */
	enum mmiod_memtype memtype; /* that was asked for */
};

struct loans {
	struct context *context;
	const struct run_options *options;
	struct loan *first;
	bool simulated; /* nobody tells who has a memory file: everything stays */
};

/* A target as a range of a region; what is not in @list stays as it was written. */
void loan_resolve(const struct mmiod_region_list *list, struct mmiod_target *target);
/* Where a region lies: as the daemon says, or as everybody may read of a PCI device; 0: unknown. */
uint64_t loan_address(const struct mmiod_region *region);
/*
 * A loan whose range has that of @target, with at least @rights: one that is there, or a new one.
 * Returns 0 or -errno, with the sentence at mmiod_client_error(). With --wait, where others hold
 * it, -EINPROGRESS and a wait in @wait: call again when that is over.
 */
int loan_take(struct loans *loans, const struct mmiod_target *target, unsigned int rights,
	      enum mmiod_memtype memtype, struct mmiod_wait **wait, struct loan **loan);
/* Puts down what a wait that is over brought. Frees it unless it returns -EAGAIN. */
int loan_finish(struct loans *loans, const char *region, enum mmiod_memtype memtype,
		struct mmiod_wait *wait);
/* Whether anybody but this process has something of the range. */
bool loan_is_used(const struct loans *loans, const struct mmiod_target *target);
/* Gives back what nobody but this process has, unless --keep. */
void loans_return(struct loans *loans);
void loans_drop(struct loans *loans);

#endif
