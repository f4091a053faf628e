/* SPDX-License-Identifier: MIT */
#ifndef MMIOD_DAEMON_BASE_HOLDER_H
#define MMIOD_DAEMON_BASE_HOLDER_H

#include <stdbool.h>
#include <stdint.h>

/* The holder of a lease, as far as the ledger knows. */
struct holder {
	uint32_t uid; /* UINT32_MAX: not a lease of this daemon's making */
	uint32_t pid; /* of the process that asked: a hint, files travel */
	char comm[16];
	uint32_t tenant; /* key of whose socket it came by; 0: by the main one */
};

#define TENANT_LOST UINT32_MAX /* it was some tenant's, and nobody knows whose any more */

/* Who is charged for what it has: a uid, or the tenant as a whole, above all uids. */
static inline uint64_t holder_payer(const struct holder *holder)
{
	return holder->tenant ? (uint64_t)holder->tenant << 32 : holder->uid;
}

/*
 * What the module is told of whose a window, an interrupt or a device file is: equal numbers are one
 * party, and 0 is nobody.
 */
static inline uint64_t holder_owner(const struct holder *holder)
{
	return holder_payer(holder) + 1;
}

static inline bool holder_is_same(const struct holder *a, const struct holder *b)
{
	return a->uid == b->uid && a->tenant == b->tenant;
}

#endif
