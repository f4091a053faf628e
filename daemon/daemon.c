// SPDX-License-Identifier: MIT
/*
 * The daemon's own affairs: starting, reloading, the backend's events, and what the end of a lease entails.
 */
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include "daemon.h"
#include "journal.h"
#include "log.h"
#include "remnant.h"
#include "request.h"

static const struct timeval grace_time = { 10, 0 };

/* ---- leases ----------------------------------------------------------------------------------------------------- */

const char *daemon_user_name(struct daemon *daemon, uid_t uid, char *buffer, size_t size)
{
	struct user *user;

	HASH_FIND(hh, daemon->host.users.table, &uid, sizeof(uid), user);
	if (user)
		return user_name(user);
	user_lookup_name(uid, buffer, size);
	return buffer;
}

static bool has_name(uint32_t pid, const char *comm)
{
	struct holder now = { .pid = pid };

	peer_read_comm(&now);
	return !strcmp(now.comm, comm);
}

/* As it was when the holder connected; of one without a connection as it is, if its number still has its name. */
void daemon_unit_of(const struct daemon *daemon, const struct lease *lease, char *unit, size_t size)
{
	const struct peer *peer;

	unit[0] = '\0';
	if (lease->list && lease->list != &daemon->orphans) {
		peer = &container_of(lease->list, struct connection, leases)->peer;
		snprintf(unit, size, "%s", peer->unit);
	} else if (has_name(lease->holder.pid, lease->holder.comm)) {
		peer_find_unit(lease->holder.pid, unit, size);
	}
}

void daemon_describe_holder(struct daemon *daemon, const struct lease *lease, struct text *text)
{
	const struct holder *holder = &lease->holder;
	uint64_t now = (uint64_t)time(NULL);
	char comm[64], name[USER_NAME_MAX], unit[PEER_UNIT_MAX];

	if (holder->uid == UINT32_MAX) {
		text_add(text, "a window that another program made (%llu)",
			 (unsigned long long)lease->id);
		return;
	}
	text_escape(comm, sizeof(comm), holder->comm, sizeof(holder->comm));
	daemon_unit_of(daemon, lease, unit, sizeof(unit));
	text_add(text, "user %s (uid %u), pid %u (%s%s%s), lease %llu, %s%s, for ",
		 daemon_user_name(daemon, holder->uid, name, sizeof(name)), holder->uid,
		 holder->pid, comm, unit[0] ? ", " : "", unit, (unsigned long long)lease->id,
		 share_name(lease->share), lease->rights & MMIOD_RIGHT_WRITE ? "" : " read-only");
	text_add_age(text, now > lease->started ? now - lease->started : 0);
}

static void wake_holder(struct daemon *daemon, struct lease *lease)
{
	if (lease->list && lease->list != &daemon->orphans)
		connection_wake(container_of(lease->list, struct connection, leases));
}

void daemon_lease_tell(struct daemon *daemon, struct lease *lease, enum mmiod_event_type event,
		       uint32_t deadline_ms, const char *why)
{
	lease_tell(lease, event, deadline_ms, why);
	wake_holder(daemon, lease);
}

/* The window is no more: the last trace of the lease goes. */
void daemon_lease_gone(struct daemon *daemon, struct lease *lease)
{
	struct region *region = lease->region;

	daemon_safe_end(daemon, lease);
	revocations_note_end(daemon, lease->id);
	waiting_note_end(daemon, lease->region);
	if (lease->state != MMIOD_STATE_REVOKED)
		daemon_note_lease(daemon, MMIOD_NOTICE_RELEASED, lease, "");
	lease_remove(&daemon->leases, lease);
	if (region != &daemon->kernel)
		daemon_drop_region_if_idle(daemon, region);
}

/* Takes the window away. `event` 0: the holder knows. The lease stays listed until its holder lets go of the file. */
int daemon_lease_revoke(struct daemon *daemon, struct lease *lease, enum mmiod_event_type event,
			const char *why)
{
	int r;

	if (lease->state == MMIOD_STATE_REVOKED)
		return 0;
	r = daemon->backend->ops->set_state(daemon->backend, lease->id, MMIOD_STATE_REVOKED);
	if (r < 0 && r != -ENOENT && r != -ENODEV) {
		log_error("cannot revoke lease %llu: %s", (unsigned long long)lease->id,
			  strerror(-r));
		return r;
	}
	daemon_safe_end(daemon, lease);
	/* Who asked for it learns by its state whether the holder gave it back. */
	if (event)
		lease_retire(lease);
	revocations_note_end(daemon, lease->id);
	lease_retire(lease);
	waiting_note_end(daemon, lease->region);
	daemon_note_lease(daemon, event ? MMIOD_NOTICE_REVOKED : MMIOD_NOTICE_RELEASED, lease, why);
	if (event)
		daemon_lease_tell(daemon, lease, event, 0, why);
	return 0;
}

/* Returns false if there is nobody to ask. */
bool daemon_lease_ask(struct daemon *daemon, struct lease *lease, uint32_t deadline_ms,
		      const char *why)
{
	if (!lease->list || lease->list == &daemon->orphans)
		return false;
	daemon_lease_tell(daemon, lease, MMIOD_EVENT_REVOKE_ASKED, deadline_ms, why);
	return true;
}

/* The module changed the window's state by itself: its device sleeps, wakes or is gone. */
void daemon_lease_state(struct daemon *daemon, struct lease *lease, enum mmiod_state state)
{
	if (lease->state == state || lease->state == MMIOD_STATE_REVOKED)
		return;
	if (state == MMIOD_STATE_REVOKED) {
		bool gone = !lease->region->claimed || lease->memory == MMIOD_MEMORY_DMA;

		daemon_safe_end(daemon, lease);
		lease_retire(lease);
		revocations_note_end(daemon, lease->id);
		waiting_note_end(daemon, lease->region);
		lease_tell(lease, gone ? MMIOD_EVENT_GONE : MMIOD_EVENT_REVOKED, 0,
			   gone ? "the device has gone" : "revoked by another program");
		daemon_note_lease(daemon, MMIOD_NOTICE_REVOKED, lease, lease_why(lease));
		journal_revoked(&daemon->host, lease, gone ? MMIOD_CAUSE_GONE : MMIOD_CAUSE_OTHER,
				lease_why(lease));
	} else {
		lease->state = state;
		lease_tell(lease,
			   state == MMIOD_STATE_SUSPENDED ? MMIOD_EVENT_SUSPENDED
							  : MMIOD_EVENT_RESUMED,
			   0,
			   state == MMIOD_STATE_SUSPENDED ? "the device is being reset or sleeps"
							  : "the device is back");
		daemon_note_lease(daemon,
				  state == MMIOD_STATE_SUSPENDED ? MMIOD_NOTICE_SUSPENDED
								 : MMIOD_NOTICE_RESUMED,
				  lease, lease_why(lease));
	}
	wake_holder(daemon, lease);
}

/* ---- the backend's events --------------------------------------------------------------------------------------- */

/*
 * When a device goes, the module revokes its windows first and tells of the region last; a holder is to hear the cause,
 * so a revocation that was not ours makes the daemon look whether the region is still there.
 */
static void on_window_state(struct daemon *daemon, const struct mmiod_control_event *event)
{
	struct lease *lease = lease_find(&daemon->leases, event->id);

	if (!lease || lease->state == MMIOD_STATE_REVOKED)
		return;
	if (event->value == MMIOD_WINDOW_REVOKED && !daemon_region_is_there(daemon, lease->region))
		daemon_region_gone(daemon, lease->region);
	else
		daemon_lease_state(daemon, lease, (enum mmiod_state)event->value);
}

static void on_window_released(struct daemon *daemon, const struct mmiod_control_event *event)
{
	struct lease *lease = lease_find(&daemon->leases, event->id);

	if (lease)
		daemon_lease_gone(daemon, lease);
}

static void on_region(struct daemon *daemon, const struct mmiod_control_event *event)
{
	struct region *region = region_by_handle(&daemon->regions, event->id);

	if (!region)
		return;
	if (event->type == MMIOD_CONTROL_REGION_GONE || event->value == MMIOD_WINDOW_REVOKED)
		daemon_region_gone(daemon, region);
	else
		daemon_region_state(daemon, region, (enum mmiod_state)event->value);
}

static void on_control_event(void *data, const struct mmiod_control_event *event)
{
	struct daemon *daemon = data;

	switch (event->type) {
	case MMIOD_CONTROL_OVERFLOW:
		log_warning("events of the module were lost: reading the ledger again");
		daemon->ledger_stale = true;
		daemon->host.counters.events_lost++;
		break;
	case MMIOD_CONTROL_WINDOW_RELEASED:
		on_window_released(daemon, event);
		break;
	case MMIOD_CONTROL_WINDOW_STATE:
		on_window_state(daemon, event);
		break;
	case MMIOD_CONTROL_REGION_GONE:
	case MMIOD_CONTROL_REGION_STATE:
		on_region(daemon, event);
		break;
	case MMIOD_CONTROL_DEVICE_BOUND:
		daemon->backend->ops->rescan(daemon->backend);
		daemon_claim_regions(daemon);
		break;
	default:
		break; /* DEVICE_GONE: its regions have told already */
	}
}

/*
 * Takes in all that the backend has to tell. Called from within requests too, so nothing that follows from an event
 * may send a message: it waits for the next turn of the loop.
 */
void daemon_drain_events(struct daemon *daemon)
{
	daemon->backend->ops->read_events(daemon->backend, on_control_event, daemon);
	if (!daemon->ledger_stale)
		return;
	daemon->backend->ops->rescan(daemon->backend);
	daemon->ledger_stale = daemon_adopt_regions(daemon) < 0;
	daemon_lose_regions(daemon);
	daemon->ledger_stale |= daemon_read_ledger(daemon) < 0;
	daemon_claim_regions(daemon);
}

static void on_backend(evutil_socket_t fd, short what, void *data)
{
	daemon_drain_events(data);
}

/* ---- connections ------------------------------------------------------------------------------------------------ */

static bool ends_with_connection(const struct daemon *daemon, const struct lease *lease)
{
	return daemon->backend->ops->kind == MMIOD_BACKEND_SIMULATION ||
	       lease->flags & MMIOD_LEASE_CONNECTION;
}

/* Leases outlive their connection: the file that the client holds decides. Simulation cannot see files. */
static void on_closed(struct connection *connection)
{
	struct daemon *daemon = daemon_of(connection);
	struct lease *lease;

	revocations_forget(daemon, connection);
	waiting_forget(daemon, connection);
	publications_forget(daemon, connection);
	while ((lease = connection->leases.head)) {
		lease_attach(lease, &daemon->orphans);
		if (!ends_with_connection(daemon, lease))
			continue;
		if (lease->state != MMIOD_STATE_REVOKED &&
		    daemon->backend->ops->kind == MMIOD_BACKEND_MODULE)
			journal_revoked(&daemon->host, lease, MMIOD_CAUSE_CONNECTION,
					"it ended with its connection");
		daemon_lease_revoke(daemon, lease, 0, "");
		if (daemon->backend->ops->kind == MMIOD_BACKEND_SIMULATION)
			daemon_lease_gone(daemon, lease);
	}
}

/* ---- configuration ---------------------------------------------------------------------------------------------- */

/* Points the regions to the configuration in force; those it does not name any more go when they are idle. */
static void link_regions(struct daemon *daemon)
{
	const struct config *config = daemon->config;
	struct region *region, *next;

	for (size_t i = 0; i < config->n_regions; i++) {
		region = region_find(&daemon->regions, config->regions[i]->name);
		if (!region)
			region = region_add(&daemon->regions, config->regions[i]->name);
		if (!region)
			log_error("region %s: out of memory", config->regions[i]->name);
	}
	HASH_ITER(hh, daemon->regions.table, region, next) {
		region->config = config_find_region(config, region->name);
	}
	HASH_ITER(hh, daemon->regions.table, region, next) {
		daemon_drop_region_if_idle(daemon, region);
	}
}

static void take_limits(struct daemon *daemon)
{
	const struct config_limits *limits = &daemon->config->limits;
	uint32_t ms = limits->hello_timeout_ms;

	daemon->host.limits = limits;
	daemon->hello_timeout = (struct timeval){ ms / 1000, ms % 1000 * 1000 };
	ms = limits->slow_reader_timeout_ms;
	daemon->slow_reader_timeout = (struct timeval){ ms / 1000, ms % 1000 * 1000 };
}

/* Builds a new tree and puts it in force as a whole; if it is bad, the old one stays and every status says so. */
int daemon_reload(struct daemon *daemon)
{
	static const struct log_fields fields = { .message_id = LOG_ID_CONFIG };
	struct config *config, *old;
	char buffer[TEXT_MAX] = "";
	struct text why = TEXT_ON(buffer);
	int r = config_load(&daemon->paths, &config, &why);

	if (r < 0) {
		memcpy(daemon->config_error, buffer, sizeof(buffer));
		log_line(LOG_ERR, &fields, "%s; the configuration in force stays", buffer);
		daemon->host.counters.failed_reloads++;
		return r;
	}
	daemon->host.counters.reloads++;
	daemon->config_error[0] = '\0';
	old = (struct config *)daemon->config;
	daemon->config = config;
	take_limits(daemon);
	daemon->backend->ops->rescan(daemon->backend);
	link_regions(daemon);
	daemon_claim_regions(daemon);
	daemon_end_ungranted(daemon);
	waiting_try_soon(daemon);
	config_free(old);
	log_line(LOG_INFO, &fields, "configuration loaded: %zu regions, %zu grants",
		 config->n_regions, config->n_grants);
	return 0;
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

static void on_grace_over(evutil_socket_t fd, short what, void *data)
{
	daemon_end_grace(data);
}

static void init_host(struct daemon *daemon, struct event_base *base)
{
	take_limits(daemon);
	daemon->host.base = base;
	daemon->host.hello_timeout = &daemon->hello_timeout;
	daemon->host.slow_reader_timeout = &daemon->slow_reader_timeout;
	daemon->host.request = request_dispatch;
	daemon->host.closed = on_closed;
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
	daemon->started = (uint64_t)time(NULL);
	init_host(daemon, base);
	if (getrandom(&daemon->epoch, sizeof(daemon->epoch), GRND_NONBLOCK) < 0)
		daemon->epoch = daemon->started << 20 ^ (uint64_t)getpid();
	evtimer_assign(&daemon->grace, base, on_grace_over, daemon);
	event_assign(&daemon->backend_event, base, backend->event_fd, EV_READ | EV_PERSIST,
		     on_backend, daemon);
	daemon_init_pools(daemon);
	daemon_init_terms(daemon);
	waiting_init(daemon);
	if (backend->event_fd >= 0 && event_add(&daemon->backend_event, NULL) < 0)
		return -ENOMEM;
	r = daemon_adopt_regions(daemon);
	link_regions(daemon);
	/* What is taken must be known before anything is given. */
	if (r == 0)
		r = daemon_read_ledger(daemon);
	if (r < 0)
		return r;
	daemon_claim_regions(daemon);
	daemon_safe_recover(daemon);
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
	daemon->host.closed = NULL;
	while (daemon->host.connections)
		connection_free(daemon->host.connections);
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
	waiting_forget(daemon, NULL);
	publications_forget(daemon, NULL);
	clear_connections(daemon);
	event_del(&daemon->backend_event);
	event_del(&daemon->grace);
	event_del(&daemon->terms);
	event_del(&daemon->freed);
	HASH_ITER(hh, daemon->leases.table, lease, next_lease) {
		/* Of simulation nothing outlives the daemon. */
		if (daemon->backend->ops->kind == MMIOD_BACKEND_SIMULATION)
			daemon_safe_end(daemon, lease);
		lease_remove(&daemon->leases, lease);
	}
	daemon_clear_pools(daemon);
	HASH_ITER(hh, daemon->regions.table, region, next_region) {
		region_remove(&daemon->regions, region);
	}
	config_free((struct config *)daemon->config);
	daemon->backend->ops->close(daemon->backend);
}
