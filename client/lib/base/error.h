/* SPDX-License-Identifier: MIT */
/*
 * The sentence that a client keeps for its program, that of what has no client, and what every call
 * looks at first.
 */
#ifndef MMIOD_ERROR_H
#define MMIOD_ERROR_H

#include "internal.h"

/* Returns @err. */
int client_fail(struct mmiod_client *client, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* This thread's sentence where there is no client to ask: mmiod_client_error(NULL). */
extern __thread char lone_error[ERROR_MAX];
/* Returns @err. */
int lone_fail(int err, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* -EOWNERDEAD in a forked child; else there is no sentence any more. */
int client_check(struct mmiod_client *client);

#endif
