// SPDX-License-Identifier: MIT
/* The daemon as a service of systemd. */
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include "service.h"

static const struct timeval status_time = { 5, 0 };

/* The socket of mmiod.socket, or -ENOENT if the daemon was not started by socket activation. */
int service_listen_fd(struct text *why)
{
	int n = sd_listen_fds(1);

	if (n <= 0)
		return -ENOENT;
	if (n > 1 || sd_is_socket_unix(SD_LISTEN_FDS_START, SOCK_SEQPACKET, 1, NULL, 0) <= 0) {
		text_set(why,
			 "the service manager passed %d sockets; mmiod takes one, with "
			 "ListenSequentialPacket=",
			 n);
		return -EINVAL;
	}
	return SD_LISTEN_FDS_START;
}

static void describe(struct daemon *daemon, struct text *text)
{
	text_set(text, "%u regions (%u missing), %u leases, %u clients",
		 HASH_COUNT(daemon->broker.regions.table), regions_missing(&daemon->broker),
		 leases_count(&daemon->broker.leases), daemon->broker.host.n_connections);
	if (daemon->broker.backend->ops->warning)
		text_add(text, "; %s", daemon->broker.backend->ops->warning);
	if (daemon->broker.config_error[0])
		text_add(text, "; an older configuration is in force: %s",
			 daemon->broker.config_error);
}

/* The service manager is told only when there is something new. */
static void on_status(evutil_socket_t fd, short what, void *data)
{
	struct service *service = data;
	char buffer[sizeof(service->last_status)] = "";
	struct text text = TEXT_ON(buffer);

	describe(service->daemon, &text);
	if (!strcmp(buffer, service->last_status))
		return;
	memcpy(service->last_status, buffer, sizeof(buffer));
	sd_notifyf(0, "STATUS=%s", buffer);
}

static void on_watchdog(evutil_socket_t fd, short what, void *data)
{
	sd_notify(0, "WATCHDOG=1");
}

void service_ready(struct service *service)
{
	sd_notify(0, "READY=1");
	on_status(-1, 0, service);
}

/* Both timers only run where there is somebody to tell. */
void service_start(struct service *service, struct daemon *daemon)
{
	struct event_base *base = daemon->broker.host.base;
	uint64_t usec = 0;

	service->daemon = daemon;
	service->last_status[0] = '\0';
	event_assign(&service->watchdog, base, -1, EV_PERSIST, on_watchdog, service);
	event_assign(&service->status, base, -1, EV_PERSIST, on_status, service);
	event_priority_set(&service->watchdog, TURN_FIRST);
	if (sd_watchdog_enabled(0, &usec) > 0) {
		usec /= 2;
		service->watchdog_time =
			(struct timeval){ (time_t)(usec / 1000000), (suseconds_t)(usec % 1000000) };
		event_add(&service->watchdog, &service->watchdog_time);
	}
	if (getenv("NOTIFY_SOCKET"))
		event_add(&service->status, &status_time);
	service_ready(service);
}

void service_reloading(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
		   (unsigned long long)now.tv_sec * 1000000 +
			   (unsigned long long)now.tv_nsec / 1000);
}

void service_stop(struct service *service)
{
	sd_notify(0, "STOPPING=1\nSTATUS=Stopping; leases and mappings live on");
	event_del(&service->watchdog);
	event_del(&service->status);
}

void service_failed(const char *why)
{
	sd_notifyf(0, "STATUS=%s", why);
}
