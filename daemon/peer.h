/* SPDX-License-Identifier: MIT */
/*
 * Who is at the other end of a connection: read once, when it is accepted, and never again. The kernel noted it when
 * the peer called connect(); a process that hands its socket on hands on its identity with it.
 */
#ifndef MMIOD_DAEMON_PEER_H
#define MMIOD_DAEMON_PEER_H

#include "policy.h"
#include "tag.h"

struct peer {
	struct subject subject; /* its gids point to `gids` */
	struct holder holder;
	gid_t *gids;
};

int peer_read(struct peer *peer, int fd);
void peer_clear(struct peer *peer);

#endif
