// SPDX-License-Identifier: MIT
/*
 * The daemon's own affairs: starting and stopping, and what a connection leaves behind.
 */
#include <string.h>
#include <sys/random.h>
#include "daemon.h"
#include "journal.h"
#include "log.h"
#include "remnant.h"
#include "request.h"
#include "revocations.h"
#include "underway.h"

static const struct timeval grace_time = { 10, 0 };

/* ---- connections ----------------------------------------------------------------------------- */

static bool ends_with_connection(const struct daemon *daemon, const struct lease *lease)
{
	return daemon->backend->ops->kind == MMIOD_BACKEND_SIMULATION ||
	       lease->flags & MMIOD_LEASE_CONNECTION;
}

static bool is_admin(const struct connection *connection)
{
	const struct daemon *daemon = connection->host->data;

	return policy_is_admin(daemon->config, &connection->peer.subject);
}

static void on_closed(struct connection *connection)
{
	struct daemon *daemon = daemon_of(connection);

	revocations_forget(daemon, connection);
	waiting_forget(daemon, connection);
	publications_forget(daemon, connection);
}

/* Another connection of the same process; or none, and then they are orphans. */
static struct lease_list *find_heir(struct daemon *daemon, const struct connection *dead)
{
	struct connection *connection;

	if (!dead->peer.subject.known)
		return &daemon->orphans;
	DL_FOREACH2(dead->user->connections, connection, user_next) {
		if (connection->greeted && !connection->doomed &&
		    connection->peer.holder.uid == dead->peer.holder.uid &&
		    connection->peer.holder.pid == dead->peer.holder.pid)
			return &connection->leases;
	}
	return &daemon->orphans;
}

/*
 * Leases outlive their connection: the file that the client holds decides. Simulation cannot see
 * files.
 */
static void on_ended(struct connection *connection)
{
	struct daemon *daemon = daemon_of(connection);
	bool simulation = daemon->backend->ops->kind == MMIOD_BACKEND_SIMULATION;
	struct lease_list *heir = find_heir(daemon, connection);
	struct lease *lease;

	while ((lease = connection->leases.head) && !turn_is_over(connection->host)) {
		bool ends = ends_with_connection(daemon, lease);

		turn_spend(connection->host, 1);
		lease_attach(lease, ends ? &daemon->orphans : heir);
		if (!ends)
			continue;
		daemon_lease_revoke(daemon, lease, 0, simulation ? 0 : MMIOD_CAUSE_CONNECTION,
				    "it ended with its connection");
		if (simulation)
			daemon_lease_gone(daemon, lease);
		daemon_pace_events(daemon);
	}
}

/* ---- life ------------------------------------------------------------------------------------ */

static void on_grace_over(evutil_socket_t fd, short what, void *data)
{
	daemon_end_grace(data);
}

static void init_host(struct daemon *daemon, struct event_base *base)
{
	peer_init();
	daemon_take_limits(daemon);
	daemon->host.base = base;
	connections_init(&daemon->host);
	daemon->host.hello_timeout = &daemon->hello_timeout;
	daemon->host.slow_reader_timeout = &daemon->slow_reader_timeout;
	daemon->host.request = request_dispatch;
	daemon->host.closed = on_closed;
	daemon->host.ended = on_ended;
	daemon->host.is_admin = is_admin;
	daemon->host.data = daemon;
	journal_start(&daemon->host);
}

/* Takes over the backend and the configuration, whatever it returns. */
int daemon_init(struct daemon *daemon, struct event_base *base, struct backend *backend,
		struct config *config, const struct config_paths *paths)
{
	int r;

	memset(daemon, 0, sizeof(*daemon));
	daemon->backend = backend;
	daemon->config = config;
	daemon->paths = *paths;
	daemon->server.fd = daemon->server.reserve_fd = -1;
	daemon->started_ms = clock_boot_ms();
	init_host(daemon, base);
	if (getrandom(&daemon->epoch, sizeof(daemon->epoch), GRND_NONBLOCK) < 0)
		daemon->epoch = clock_since_1970(daemon->started_ms) << 20 ^ (uint64_t)getpid();
	evtimer_assign(&daemon->grace, base, on_grace_over, daemon);
	daemon_init_events(daemon);
	daemon_init_pools(daemon);
	daemon_init_terms(daemon);
	daemon_init_safe(daemon);
	waiting_init(daemon);
	daemon_init_reload(daemon);
	daemon_init_settling(daemon);
	if (backend->event_fd >= 0 && event_add(&daemon->backend_event, NULL) < 0)
		return -ENOMEM;
	r = daemon_adopt_regions(daemon);
	daemon_link_regions(daemon);
	daemon_add_regions(daemon);
	/* What is taken must be known before anything is given. */
	if (r == 0)
		r = daemon_read_ledger(daemon);
	if (r < 0)
		return r;
	/* What is owed to a device is owed to what was claimed, not to what the configuration says now. */
	daemon_safe_recover(daemon);
	daemon_drain_events(daemon);
	daemon_claim_regions(daemon);
	daemon_arm_terms(daemon);
	event_add(&daemon->grace, &grace_time);
	return 0;
}

/* Takes over the listening socket. */
int daemon_listen(struct daemon *daemon, int fd)
{
	return server_start(&daemon->server, &daemon->host, &daemon->config, fd);
}

static void clear_connections(struct daemon *daemon)
{
	/* The leases of a module's windows live on without us; only what we know of them goes. */
	connections_clear(&daemon->host);
	turn_stop(&daemon->host);
	remnants_clear(&daemon->host);
	journal_stop(&daemon->host);
	paces_clear(&daemon->host.paces);
}

void daemon_clear(struct daemon *daemon)
{
	struct region *region, *next_region;
	struct lease *lease, *next_lease;

	if (daemon->server.fd >= 0)
		server_stop(&daemon->server);
	revocations_clear(daemon);
	underway_clear(daemon);
	waiting_forget(daemon, NULL);
	publications_forget(daemon, NULL);
	clear_connections(daemon);
	daemon_clear_reload(daemon);
	event_del(&daemon->backend_event);
	event_del(&daemon->grace);
	event_del(&daemon->terms);
	HASH_ITER(hh, daemon->leases.table, lease, next_lease) {
		/* Of simulation nothing outlives the daemon. */
		if (daemon->backend->ops->kind == MMIOD_BACKEND_SIMULATION)
			daemon_safe_end(daemon, lease);
		lease_remove(&daemon->leases, lease);
	}
	daemon_clear_safe(daemon);
	daemon_clear_pools(daemon);
	HASH_ITER(hh, daemon->regions.table, region, next_region) {
		region_remove(&daemon->regions, region);
	}
	config_free((struct config *)daemon->config);
	daemon->backend->ops->close(daemon->backend);
}
