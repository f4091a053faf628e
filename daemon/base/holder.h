/* SPDX-License-Identifier: MIT */
#ifndef MMIOD_DAEMON_BASE_HOLDER_H
#define MMIOD_DAEMON_BASE_HOLDER_H

#include <stdint.h>

/* The holder of a lease, as far as the ledger knows. */
struct holder {
	uint32_t uid; /* UINT32_MAX: not a lease of this daemon's making */
	uint32_t pid; /* of the process that asked: a hint, files travel */
	char comm[16];
};

#endif
