/* SPDX-License-Identifier: MIT */
/*
 * The sentence that a client keeps for its program, and what every call looks at first.
 */
#ifndef MMIOD_ERROR_H
#define MMIOD_ERROR_H

#include "internal.h"

/* Returns @err. */
int client_fail(struct mmiod_client *client, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* -EOWNERDEAD in a forked child; else there is no sentence any more. */
int client_check(struct mmiod_client *client);

#endif
