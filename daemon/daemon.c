// SPDX-License-Identifier: MIT
/*
 * The daemon's own affairs: starting and stopping, reloading, and what a connection leaves behind.
 */
#include <string.h>
#include <sys/random.h>
#include "daemon.h"
#include "journal.h"
#include "log.h"
#include "remnant.h"
#include "request.h"

static const struct timeval grace_time = { 10, 0 };

/* What all users together may have, unless [daemon] says it. */
#define ALL_CONNECTIONS 4096u
#define ALL_LEASES (65536u - 64) /* the module's max_windows, less what ends of leases may take */
#define ALL_BYTES (64ull << 30)
#define ALL_CACHES 65536u
#define ALL_WAITING 4096u
#define ALL_UNREAD_REPLIES 4096u /* of 64 KiB at most */
#define ALL_UNREAD_DESCRIPTORS 8192u

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

/* ---- configuration --------------------------------------------------------------------------- */

/* Points the regions to the configuration in force; what becomes of them is settled later. */
static void link_regions(struct daemon *daemon)
{
	const struct config *config = daemon->config;
	struct region *region;

	for (size_t i = 0; i < config->n_regions; i++) {
		region = region_find(&daemon->regions, config->regions[i]->name);
		if (!region)
			region = region_add(&daemon->regions, config->regions[i]->name);
		if (!region)
			log_error("region %s: out of memory", config->regions[i]->name);
	}
	for (region = daemon->regions.table; region; region = region->hh.next)
		region->config = config_find_region(config, region->name);
}

/* One user's limit lies within the nine tenths that are for all. */
static uint64_t total(uint64_t said, uint64_t usual, uint64_t per_user)
{
	uint64_t least = per_user < UINT64_MAX / 2 ? per_user + per_user / 9 + 1 : UINT64_MAX;

	if (said)
		return said;
	return usual > least ? usual : least;
}

static void take_totals(struct daemon *daemon)
{
	const struct config_limits *limits = &daemon->config->limits;
	struct users *users = &daemon->host.users;
	uint64_t *most = users->most;

	most[USER_CONNECTIONS] =
		total(limits->connections, ALL_CONNECTIONS, limits->connections_per_user);
	most[USER_LEASES] = total(limits->leases, ALL_LEASES, limits->leases_per_user);
	most[USER_BYTES] = total(limits->bytes, ALL_BYTES, limits->bytes_per_user);
	most[USER_CACHES] = total(limits->caches, ALL_CACHES, limits->caches_per_user);
	most[USER_WAITING] = total(limits->waiting, ALL_WAITING, limits->waiting_per_user);
	most[USER_UNREAD_REPLIES] =
		total(limits->unread_replies, ALL_UNREAD_REPLIES, limits->unread_replies_per_user);
	most[USER_UNREAD_DESCRIPTORS] = total(limits->unread_descriptors, ALL_UNREAD_DESCRIPTORS,
					      limits->unread_descriptors_per_user);
	users->ranges = daemon->config->uid_ranges;
	users->n_ranges = daemon->config->n_uid_ranges;
}

static void take_limits(struct daemon *daemon)
{
	const struct config_limits *limits = &daemon->config->limits;
	uint32_t ms = limits->hello_timeout_ms;

	daemon->host.limits = limits;
	users_take_names(&daemon->host.users, &daemon->config->sources.names);
	take_totals(daemon);
	daemon->hello_timeout = (struct timeval){ ms / 1000, ms % 1000 * 1000 };
	ms = limits->slow_reader_timeout_ms;
	daemon->slow_reader_timeout = (struct timeval){ ms / 1000, ms % 1000 * 1000 };
}

/* Who goes before others may be another now. */
static void take_classes(struct daemon *daemon)
{
	struct connection *connection;

	DL_FOREACH(daemon->host.connections, connection) {
		connection_take_class(connection);
		if (connection->stranger && policy_names(daemon->config, &connection->peer.subject))
			connection_mark_stranger(connection, false);
	}
}

/* A subscription goes on as long as it may be made; its connection goes, so that its owner asks anew. */
static void end_watching(struct daemon *daemon)
{
	struct connection *connection;

	DL_FOREACH(daemon->host.connections, connection) {
		if (!connection->subscription.on ||
		    policy_may_inspect(daemon->config, &connection->peer.subject))
			continue;
		monitor_end(&daemon->host.monitor, &connection->subscription);
		journal_dropped(connection, "it watched, which the configuration that was read "
					    "again lets its user do no more");
		connection_doom(connection);
	}
}

static const char *describe_stale(uint32_t stale, char *buffer, size_t size)
{
	snprintf(buffer, size,
		 stale == 1 ? "; 1 region waits for its leases to end"
			    : "; %u regions wait for their leases to end",
		 stale);
	return stale ? buffer : "";
}

/* What of the configuration will not work. */
void daemon_warn_of(const struct config *config)
{
	static const struct log_fields fields = { .message_id = LOG_ID_CONFIG };

	for (size_t i = 0; i < config->n_warnings; i++)
		log_line(LOG_WARNING, &fields, "%s", config->warnings[i]);
}

/*
 * Builds a new tree and puts it in force as a whole; if
 * it is bad, the old one stays and every status says so.
 */
int daemon_reload(struct daemon *daemon)
{
	struct config *config = NULL;
	char buffer[TEXT_MAX] = "";
	struct text why = TEXT_ON(buffer);
	int r = config_load(&daemon->paths, &config, &why);

	return daemon_loaded(daemon, r, config, buffer);
}

/* Takes over the tree, which is NULL if it could not be built. */
int daemon_loaded(struct daemon *daemon, int error, struct config *config, const char *why)
{
	static const struct log_fields fields = { .message_id = LOG_ID_CONFIG };
	struct config *old;
	char buffer[64];
	uint32_t stale;

	if (error < 0) {
		snprintf(daemon->config_error, sizeof(daemon->config_error), "%s", why);
		log_line(LOG_ERR, &fields, "%s; the configuration in force stays", why);
		daemon->host.counters.failed_reloads++;
		return error;
	}
	daemon->host.counters.reloads++;
	daemon->config_error[0] = '\0';
	old = (struct config *)daemon->config;
	daemon->config = config;
	batches_spoil(daemon, NULL);
	take_limits(daemon);
	daemon->backend->ops->rescan(daemon->backend);
	link_regions(daemon);
	daemon_claim_regions(daemon);
	daemon_end_ungranted(daemon);
	take_classes(daemon);
	end_watching(daemon);
	waiting_try_soon(daemon);
	daemon_free_later(daemon, old);
	daemon_warn_of(config);
	stale = daemon_stale_regions(daemon);
	log_line(stale ? LOG_WARNING : LOG_INFO, &fields,
		 "configuration loaded: %zu regions, %zu grants%s", config->n_regions,
		 config->n_grants, describe_stale(stale, buffer, sizeof(buffer)));
	return 0;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void on_grace_over(evutil_socket_t fd, short what, void *data)
{
	daemon_end_grace(data);
}

static void init_host(struct daemon *daemon, struct event_base *base)
{
	peer_init();
	take_limits(daemon);
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
	if (backend->event_fd >= 0 && event_add(&daemon->backend_event, NULL) < 0)
		return -ENOMEM;
	r = daemon_adopt_regions(daemon);
	link_regions(daemon);
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
	batches_clear(daemon);
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
