/* SPDX-License-Identifier: MIT */
/*
 * The listening socket: accepts clients, reads who they are, keeps each user within its number of
 * connections. Out of descriptors it refuses politely with the one it keeps in reserve, and then
 * rests for a moment.
 */
#ifndef MMIOD_DAEMON_CONNECTION_SERVER_H
#define MMIOD_DAEMON_CONNECTION_SERVER_H

#include "base/rate.h"
#include "connection/connection.h"

struct server {
	struct connection_host *host;
	const struct config *const *config; /* the one in force */
	int fd;
	int reserve_fd;
	uint32_t tenant; /* key of whose socket it is; 0: the main one */
	struct event event;
	struct event rest; /* ends a rest */
	struct line_limit log;
};

int server_bind(const char *path, mode_t mode, struct text *why);
int server_bind_tenant(const char *path, mode_t mode, gid_t gid, struct text *why);
void server_unbind(const char *path);
int server_start(struct server *server, struct connection_host *host,
		 const struct config *const *config, int fd, uint32_t tenant);
void server_stop(struct server *server);

#endif
