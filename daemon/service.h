/* SPDX-License-Identifier: MIT */
/*
 * The daemon as a service of systemd: readiness, status line, watchdog, and the socket that systemd
 * opened. Without systemd every call does nothing.
 */
#ifndef MMIOD_DAEMON_SERVICE_H
#define MMIOD_DAEMON_SERVICE_H

#include "daemon.h"

struct service {
	struct daemon *daemon;
	struct event watchdog;
	struct timeval watchdog_time;
	struct event status; /* refreshes the status line */
	char last_status[3 * TEXT_MAX];
};

int service_listen_fd(struct text *why);
void service_start(struct service *service, struct daemon *daemon);
void service_stop(struct service *service);
void service_reloading(void);
void service_ready(struct service *service);
void service_failed(const char *why);

#endif
