// SPDX-License-Identifier: MIT
/* The daemon's own affairs: starting and stopping, and what a connection leaves behind. */
#include <string.h>
#include <sys/random.h>
#include "base/log.h"
#include "broker/revocations.h"
#include "broker/tenant-note.h"
#include "broker/underway.h"
#include "connection/journal.h"
#include "connection/linger.h"
#include "daemon.h"
#include "request/request.h"

static const struct timeval grace_time = { 10, 0 };

/* ---- connections ----------------------------------------------------------------------------- */

static bool ends_with_connection(const struct broker *broker, const struct lease *lease)
{
	return broker->backend->ops->kind == MMIOD_BACKEND_SIMULATION ||
	       lease->flags & MMIOD_LEASE_CONNECTION;
}

static bool is_admin(const struct connection *connection)
{
	const struct broker *broker = connection->host->data;

	return policy_is_admin(broker->config, &connection->peer.subject);
}

static void on_closed(struct connection *connection)
{
	struct broker *broker = broker_of(connection);

	revocations_forget(broker, connection);
	waiting_forget(broker, connection);
	published_forget(broker, connection);
	parked_close(broker, connection);
}

/* Another connection of the same process; or none, and then they are orphans. */
static struct lease_list *find_heir(struct broker *broker, const struct connection *dead)
{
	struct connection *connection;

	if (!dead->peer.subject.known)
		return &broker->orphans;
	DL_FOREACH2(dead->user->connections, connection, user_next) {
		if (connection->greeted && !connection->doomed &&
		    holder_is_same(&connection->peer.holder, &dead->peer.holder) &&
		    connection->peer.holder.pid == dead->peer.holder.pid)
			return &connection->leases;
	}
	return &broker->orphans;
}

/*
 * Leases outlive their connection: the file that the client holds decides. Simulation cannot see
 * files.
 */
static void on_ended(struct connection *connection)
{
	struct broker *broker = broker_of(connection);
	bool simulation = broker->backend->ops->kind == MMIOD_BACKEND_SIMULATION;
	struct lease_list *heir = find_heir(broker, connection);
	struct lease *lease;

	while ((lease = connection->leases.head) && !turn_is_over(connection->host)) {
		bool ends = ends_with_connection(broker, lease);

		turn_spend(connection->host, 1);
		lease_attach(lease, ends ? &broker->orphans : heir);
		if (!ends)
			continue;
		lease_revoke(broker, lease, 0, simulation ? 0 : MMIOD_CAUSE_CONNECTION,
			     "it ended with its connection");
		if (simulation)
			lease_gone(broker, lease);
		events_pace(broker);
	}
}

/* ---- life ------------------------------------------------------------------------------------ */

static void on_grace_over(evutil_socket_t fd, short what, void *data)
{
	ledger_end_grace(data);
}

static void init_host(struct daemon *daemon, struct event_base *base)
{
	struct broker *broker = &daemon->broker;
	peer_init();
	daemon_take_limits(daemon);
	broker->host.base = base;
	connections_init(&broker->host);
	broker->host.hello_timeout = &daemon->hello_timeout;
	broker->host.slow_reader_timeout = &daemon->slow_reader_timeout;
	broker->host.request = request_dispatch;
	broker->host.closed = on_closed;
	broker->host.ended = on_ended;
	broker->host.is_admin = is_admin;
	broker->host.data = broker;
	journal_start(&broker->host);
}

/* Takes over the backend and the configuration, whatever it returns. */
int daemon_init(struct daemon *daemon, struct event_base *base, struct backend *backend,
		struct config *config, const struct config_paths *paths)
{
	struct broker *broker = &daemon->broker;
	int r;

	memset(daemon, 0, sizeof(*daemon));
	broker->backend = backend;
	broker->config = config;
	daemon->paths = *paths;
	broker->state = daemon->paths.state;
	daemon->server.fd = daemon->server.reserve_fd = -1;
	broker->started_ms = clock_boot_ms();
	init_host(daemon, base);
	if (getrandom(&broker->epoch, sizeof(broker->epoch), GRND_NONBLOCK) < 0)
		broker->epoch = clock_since_1970(broker->started_ms) << 20 ^ (uint64_t)getpid();
	evtimer_assign(&daemon->grace, base, on_grace_over, broker);
	events_init(broker);
	pools_init(broker);
	deadlines_init(broker);
	safe_state_init(broker);
	parked_init(broker);
	waiting_init(broker);
	quiet_init(broker);
	granting_init(broker);
	daemon_init_reload(daemon);
	settling_init(broker);
	if (backend->event_fd >= 0 && event_add(&broker->events.event, NULL) < 0)
		return -ENOMEM;
	r = regions_adopt(broker);
	regions_link(broker);
	regions_add_configured(broker);
	devices_link(broker);
	devices_claim(broker);
	/* Bytes that are taken must be known before any are given. */
	if (r == 0)
		r = ledger_read(broker);
	if (r < 0)
		return r;
	/* Writes are owed to the device that was claimed, not to the one that is configured now. */
	safe_state_recover(broker);
	granting_recover(broker);
	tenant_note_sweep(broker);
	events_drain(broker);
	regions_claim(broker);
	deadlines_arm(broker);
	event_add(&daemon->grace, &grace_time);
	return 0;
}

/* Takes over the listening socket. */
int daemon_listen(struct daemon *daemon, int fd)
{
	struct broker *broker = &daemon->broker;
	int r = server_start(&daemon->server, &broker->host, &broker->config, fd, 0);

	if (r == 0)
		tenants_apply(daemon);
	return r;
}

static void clear_connections(struct daemon *daemon)
{
	struct broker *broker = &daemon->broker;
	/* The leases of a module's windows live on without us; only what we know of them goes. */
	connections_clear(&broker->host);
	turn_stop(&broker->host);
	lingering_clear(&broker->host);
	journal_stop(&broker->host);
	user_rates_clear(&broker->host.user_rates);
}

void daemon_clear(struct daemon *daemon)
{
	struct broker *broker = &daemon->broker;
	struct region *region, *next_region;
	struct lease *lease;
	struct device *device, *next_device;

	tenants_close(daemon);
	if (daemon->server.fd >= 0)
		server_stop(&daemon->server);
	revocations_clear(broker);
	underway_clear(broker);
	waiting_forget(broker, NULL);
	published_forget(broker, NULL);
	parked_clear(broker);
	clear_connections(daemon);
	daemon_clear_reload(daemon);
	event_del(&broker->events.event);
	event_del(&daemon->grace);
	event_del(&broker->deadlines.event);
	quiet_clear(broker);
	granting_clear(broker);
	while ((lease = lease_after(&broker->leases, 0))) {
		/* Of simulation nothing outlives the daemon. */
		if (broker->backend->ops->kind == MMIOD_BACKEND_SIMULATION)
			safe_state_end(broker, lease);
		lease_remove(&broker->leases, lease);
	}
	leases_clear(&broker->leases);
	HASH_ITER(hh, broker->devices.table, device, next_device) {
		device_remove(&broker->devices, device);
	}
	safe_state_clear(broker);
	pools_clear(broker);
	HASH_ITER(hh, broker->regions.table, region, next_region) {
		region_remove(&broker->regions, region);
	}
	config_free((struct config *)broker->config);
	broker->backend->ops->close(broker->backend);
}
