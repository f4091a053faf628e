/* SPDX-License-Identifier: MIT */
/*
 * Leases that outlast the verb that took them, for the verbs after it: of a batch, where a lease for
 * each line would cost more than the access.
 */
#ifndef MMIOCTL_KEPT_H
#define MMIOCTL_KEPT_H

#include "mmioctl.h"

/* What a verb asked for. */
struct kept_key {
	struct mmiod_target target; /* as it was written */
	unsigned int rights;
	enum mmiod_memtype memtype;
	enum mmiod_share share;
	bool registers; /* else bytes */
};

struct kept_lease {
	struct kept_key key;
	struct mmiod_lease *lease; /* owned */
	/* What came of it. */
	struct mmiod_target target;
	unsigned int width;
	uint64_t length;
	uint64_t used; /* the higher, the later */
	bool busy; /* a verb has it */
};

/* NULL: out of memory. */
struct kept *kept_new(struct mmiod_client *const *client);
void kept_free(struct kept *kept);
/* NULL: there is none. In all of these @kept may be NULL: nothing is kept. */
const struct kept_lease *kept_find(struct kept *kept, const struct kept_key *key);
/* Whether it takes the lease over. */
bool kept_add(struct kept *kept, const struct kept_lease *lease);
/* The verb that had some of them has ended. */
void kept_rest(struct kept *kept);
/* Gives all back that no verb has. Returns whether there were any. */
bool kept_release(struct kept *kept);
/*
 * Takes the client's events, once a millisecond or so: gives back what is asked for, and forgets
 * what is gone.
 */
void kept_listen(struct kept *kept);

#endif
