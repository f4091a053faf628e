/* SPDX-License-Identifier: MIT */
/*
 * The process at the other end of a connection: read once, when it is accepted, and never again.
 * The kernel noted it when the peer called connect(); a process that hands its socket on hands on
 * its identity with it. Its name, which nothing is decided by, comes with HELLO.
 */
#ifndef MMIOD_DAEMON_CONNECTION_PEER_H
#define MMIOD_DAEMON_CONNECTION_PEER_H

#include "base/holder.h"
#include "config/policy.h"

#define PEER_UNIT_MAX 64 /* longer names are cut */

struct peer {
	struct subject subject; /* its gids point to `gids` */
	struct holder holder;
	gid_t *gids;
	char unit[PEER_UNIT_MAX]; /* see peer_unit() */
	bool unit_read;
};

void peer_init(void);
bool peer_is_known(uid_t uid);
int peer_read(struct peer *peer, int fd);
void peer_name(struct peer *peer, const char told[static 16]);
void peer_read_comm(struct holder *holder);
void peer_find_unit(uint32_t pid, char *unit, size_t size);
const char *peer_unit(struct peer *peer);
void peer_clear(struct peer *peer);

#endif
