/* SPDX-License-Identifier: MIT */
/*
 * The sentence that a client keeps for its program, that of what has no client, and what every call
 * looks at first. Called from all rooms.
 */
#include "base/error.h"
#include "base/process.h"

#include <stdarg.h>
#include <stdio.h>

int client_fail(struct mmiod_client *client, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(client->error, sizeof(client->error), format, args);
	va_end(args);
	return err;
}

__thread char lone_error[ERROR_MAX];

int lone_fail(int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(lone_error, sizeof(lone_error), format, args);
	va_end(args);
	return err;
}

int client_check(struct mmiod_client *client)
{
	client->error[0] = '\0';
	if (process_number() == client->owner)
		return 0;
	return client_fail(client, -EOWNERDEAD,
			   "the client object belongs to process %ld: connect again after fork",
			   (long)client->owner_pid);
}
