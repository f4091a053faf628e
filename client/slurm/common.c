/* SPDX-License-Identifier: MIT */
/*
 * Sentences of errors, and the way to the daemon of this node. Slurm tells its daemons and what they
 * start by SLURMD_NODENAME which node they are: our process's environment, not the job's, which its
 * user writes.
 */
#include "plugin.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int fail(char *error, int err, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error, SENTENCE_MAX, format, arguments);
	va_end(arguments);
	return err;
}

int node_connect(const struct settings *settings, struct mmiod_client **client, char *error)
{
	const char *node = getenv("SLURMD_NODENAME"), *socket = NULL;
	char path[128];
	int err = settings_socket(settings, node ? node : "localhost", path, sizeof(path), &socket);

	if (err)
		return fail(error, err, "socket=%s: the path is too long", settings->socket);
	err = mmiod_client_connect(socket, client);
	return err ? fail(error, err, "%s", mmiod_client_error(NULL)) : 0;
}
