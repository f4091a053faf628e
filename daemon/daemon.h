/* SPDX-License-Identifier: MIT */
/*
 * The process: the broker, its listening socket, and the configuration that is read, put in force
 * and freed.
 */
#ifndef MMIOD_DAEMON_DAEMON_H
#define MMIOD_DAEMON_DAEMON_H

#include "broker/broker.h"
#include "connection/server.h"
#include "loader.h"
#include "tenants.h"

/* A reload in progress; belongs to reload.c. */
struct reload {
	struct loader loader;
	struct event names; /* until those that nobody has are looked up again */
	struct config *old; /* not in force any more, and being freed; NULL: none */
	struct chore freeing;
	struct chore comparing; /* of leases with the configuration */
	uint64_t compared; /* the lease up to which that is done */
	uint64_t compare_until; /* later leases were granted by this configuration */
	bool asked; /* and whoever did not told yet that it is done */
	void (*done)(void *data); /* after daemon_reload_soon(); NULL: nobody wants to know */
	void *data;
};

struct daemon {
	struct broker broker; /* its configuration and its backend are owned */
	struct server server;
	struct tenant *tenants; /* their sockets; belongs to tenants.c */
	struct config_paths paths;
	struct reload reload;
	struct event grace; /* after a restart: then leases that end with their connection end */
	struct timeval hello_timeout;
	struct timeval slow_reader_timeout;
};

int daemon_init(struct daemon *daemon, struct event_base *base, struct backend *backend,
		struct config *config, const struct config_paths *paths);
int daemon_listen(struct daemon *daemon, int fd);
void daemon_clear(struct daemon *daemon);

/* reload.c: what the configuration in force does, and putting another in force. */
int daemon_reload(struct daemon *daemon);
int daemon_loaded(struct daemon *daemon, int error, struct config *config, const char *why);
void daemon_warn_of(const struct config *config);
void daemon_take_limits(struct daemon *daemon);
void daemon_init_reload(struct daemon *daemon);
void daemon_reload_soon(struct daemon *daemon);
void daemon_find_names(struct daemon *daemon);
void daemon_clear_reload(struct daemon *daemon);

#endif
