/* SPDX-License-Identifier: MIT */
/*
 * The answer to one call of a program.
 */
#ifndef MMIOCTL_RUN_ANSWER_H
#define MMIOCTL_RUN_ANSWER_H

#include "run/offer.h"
#include "run/uio-tree.h"

#include <linux/seccomp.h>

struct answers {
	struct context *context;
	struct offers offers;
	struct tree tree;
	int listener;
	bool told_others; /* that a program has become somebody else */
};

/*
 * Answers the call, whatever it is, unless it has to wait for others: then it returns true, and
 * @offer has what for. Then it is called again when that is over.
 */
bool answer_call(struct answers *answers, const struct seccomp_notif *notification,
		 struct offer *offer);
/* With an error of ours, a negative errno. */
void answer_error(const struct answers *answers, uint64_t id, int err);
/* Whether the task still waits for its answer. */
bool answer_is_awaited(const struct answers *answers, uint64_t id);

#endif
