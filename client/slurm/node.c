/* SPDX-License-Identifier: MIT */
/*
 * The way to the daemon of this node. Slurm tells its daemons and what they start by SLURMD_NODENAME
 * which node they are: our process's environment, not the job's, which its user writes.
 */
#include "plugin.h"

#include <stdlib.h>

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
