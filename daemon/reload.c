// SPDX-License-Identifier: MIT
/*
 * Reading the configuration again without anybody waiting for it: the loader reads, and the tree
 * that it hands over is put in force in the loop. Names of users and groups that a start had to
 * leave out are looked up again every minute, in the text that was read then: a change of the files
 * meanwhile counts when somebody reloads. The tree that was in force before is freed piece by
 * piece: that takes as long as the tree is large, and no thread of its own, which could fail to
 * start or be left at the end.
 *
 * The leases of grants that are gone last until they end, unless "revoke-on-reload = yes".
 */
#include <malloc.h>
#include <string.h>
#include "base/log.h"
#include "broker/underway.h"
#include "daemon.h"

#define FREED_FOR_WORK 4 /* sections */

static const struct timeval names_time = { 60, 0 };

/* Limits of all users together, unless [daemon] says them. */
#define ALL_CONNECTIONS 4096u
#define ALL_LEASES (65536u - 64) /* the module's max_windows, less what ends of leases may take */
#define ALL_BYTES (64ull << 30)
#define ALL_CACHES 65536u
#define ALL_WAITING 4096u
#define ALL_UNREAD_REPLIES 4096u /* of 64 KiB at most */
#define ALL_UNREAD_DESCRIPTORS 8192u

/* ---- taking ---------------------------------------------------------------------------------- */

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
	const struct config_limits *limits = &daemon->broker.config->limits;
	struct users *users = &daemon->broker.host.users;
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
	users->ranges = daemon->broker.config->uid_ranges;
	users->n_ranges = daemon->broker.config->n_uid_ranges;
}

void daemon_take_limits(struct daemon *daemon)
{
	const struct config_limits *limits = &daemon->broker.config->limits;
	uint32_t ms = limits->hello_timeout_ms;

	daemon->broker.host.limits = limits;
	users_take_names(&daemon->broker.host.users, &daemon->broker.config->sources.names);
	take_totals(daemon);
	daemon->hello_timeout = (struct timeval){ ms / 1000, ms % 1000 * 1000 };
	ms = limits->slow_reader_timeout_ms;
	daemon->slow_reader_timeout = (struct timeval){ ms / 1000, ms % 1000 * 1000 };
}

/* ---- freeing --------------------------------------------------------------------------------- */

static bool go_on_freeing(struct chore *chore)
{
	struct daemon *daemon = container_of(chore, struct daemon, reload.freeing);

	while (!turn_is_over(&daemon->broker.host)) {
		turn_spend(&daemon->broker.host, 1);
		if (!config_free_some(daemon->reload.old, FREED_FOR_WORK))
			continue;
		daemon->reload.old = NULL;
		malloc_trim(0); /* of the loader's thread as well, which made the tree */
		return false;
	}
	return true;
}

/* Takes over the tree, which nobody looks at any more; NULL: none. */
static void free_later(struct daemon *daemon, struct config *config)
{
	config_free(daemon->reload.old);
	daemon->reload.old = config;
	if (config)
		turn_do_later(&daemon->broker.host, &daemon->reload.freeing);
}

/* ---- leases ---------------------------------------------------------------------------------- */

/* The client that holds it; not one that asked for it on another user's behalf. */
static const struct subject *connected_holder(const struct daemon *daemon,
					      const struct lease *lease)
{
	const struct connection *connection;

	if (!lease->list || lease->list == &daemon->broker.orphans)
		return NULL;
	connection = container_of(lease->list, struct connection, leases);
	return holder_is_same(&connection->peer.holder, &lease->holder) ? &connection->peer.subject
									: NULL;
}

/* `subject`: NULL: the holder has no connection. */
static const struct config_grant *grant_behind_device(struct daemon *daemon,
						      const struct lease *lease,
						      const struct subject *subject)
{
	const struct device *device = device_of(lease->region);
	const struct config_grant *same = config_find_grant(daemon->broker.config, lease->grant);
	uint32_t rights = lease->kind == MMIOD_KIND_INTERRUPT ? MMIOD_MAY_INTERRUPT
							      : device_rights_of(lease->operates);
	struct decision decision;

	if (!device->config || device->vectors.stale)
		return NULL;
	if (!subject)
		return policy_gives_device(same, device->config, rights) ? same : NULL;
	decision = policy_decide_device(device->config, subject, rights);
	return decision.reason == POLICY_GRANTED ? decision.grant : NULL;
}

/* DMA memory of a device file: it is given as long as that is, and by the same grants. */
static const struct config_grant *grant_behind_memory(struct daemon *daemon,
						      const struct lease *lease,
						      const struct subject *subject)
{
	const struct lease *operation = lease_find(&daemon->broker.leases, lease->device_lease);

	return operation ? grant_behind_device(daemon, operation, subject) : NULL;
}

/*
 * Of a holder without a connection the groups are not known; then it is enough that its grant still
 * gives the same. Bytes that the region is no longer to have are given by nobody.
 */
static const struct config_grant *grant_behind(struct daemon *daemon, const struct lease *lease)
{
	const struct config_region *region = lease->region->config;
	const struct config_grant *same = config_find_grant(daemon->broker.config, lease->grant);
	const struct subject *subject = connected_holder(daemon, lease);
	struct decision decision;
	const struct question question = {
		.rights = lease->rights,
		/*
		 * Of a pool nobody asks for a mode: its blocks are one holder's, whatever the grant
		 * says.
		 */
		.share = lease->allocated ? MMIOD_SHARE_DEFAULT : lease->share,
		.memtype = lease->memtype,
		/* The parts of a lease were chosen within one grant: either it gives all between, too. */
		.offset = lease_start(lease),
		.length = lease_end(lease) - lease_start(lease),
	};

	if (lease->region->kind == REGION_VECTORS)
		return grant_behind_device(daemon, lease, subject);
	if (lease->device_lease)
		return grant_behind_memory(daemon, lease, subject);
	if (lease->memory != MMIOD_MEMORY_REGION) {
		if (!subject)
			return same && same->memory & 1u << lease->memory ? same : NULL;
		decision = policy_decide_memory(daemon->broker.config, subject, lease->memory);
	} else if (!region || lease->region->stale) {
		return NULL;
	} else if (!subject) {
		return policy_gives(same, region, &question) ? same : NULL;
	} else {
		decision = policy_decide(region, subject, &question);
		/* The holder may have named it, and of two jobs' grants it is not another's. */
		if (same && same->runtime && policy_gives(same, region, &question))
			return same;
	}
	return decision.reason == POLICY_GRANTED ? decision.grant : NULL;
}

static void compare(struct daemon *daemon, struct lease *lease)
{
	static const char ungranted[] = "revoked: no grant gives it any more since the "
					"configuration was read again";
	static const char stale[] = "revoked: its region is another, or accessed otherwise, since "
				    "the configuration was read again";

	const struct config_grant *grant;

	turn_spend(&daemon->broker.host, 1);
	if (lease->region->reloaded == REGION_UNSEEN && lease->region->kind == REGION_VECTORS)
		device_settle(&daemon->broker, device_of(lease->region));
	else if (lease->region->reloaded == REGION_UNSEEN)
		region_look_at(&daemon->broker, lease->region);
	if (lease_is_over(lease))
		return;
	grant = grant_behind(daemon, lease);
	if (grant && (grant->huge || !lease->huge))
		return;
	lease_revoke(&daemon->broker, lease, MMIOD_EVENT_REVOKED, MMIOD_CAUSE_POLICY,
		     lease->region->stale && region_is_configured(lease->region) ? stale
										 : ungranted);
	events_pace(&daemon->broker);
}

/* A share of them. Returns whether there are more. */
static bool compare_some(struct daemon *daemon)
{
	while (!turn_is_over(&daemon->broker.host)) {
		struct lease *lease = lease_after(&daemon->broker.leases, daemon->reload.compared);

		if (!lease || lease->id > daemon->reload.compare_until)
			return false;
		daemon->reload.compared = lease->id;
		compare(daemon, lease);
	}
	return true;
}

/* All that was asked for is done, unless something is under way. */
static void note_reloaded(struct daemon *daemon)
{
	if (!daemon->reload.asked || daemon->reload.loader.job || settling_is_on(&daemon->broker) ||
	    fair_waits(&daemon->reload.comparing.link))
		return;
	daemon->reload.asked = false;
	if (daemon->reload.done)
		daemon->reload.done(daemon->reload.data);
}

static void on_settled(struct broker *broker)
{
	note_reloaded(container_of(broker, struct daemon, broker));
}

static bool go_on_comparing(struct chore *chore)
{
	struct daemon *daemon = container_of(chore, struct daemon, reload.comparing);

	if (compare_some(daemon))
		return true;
	note_reloaded(daemon);
	return false;
}

/*
 * Ends the leases that the configuration does not give, in as many turns as it takes. It is in
 * force from the first on, so meanwhile nothing is granted that it does not describe.
 */
static void end_ungranted(struct daemon *daemon)
{
	turn_drop(&daemon->reload.comparing);
	if (!daemon->broker.config->limits.revoke_on_reload ||
	    !leases_count(&daemon->broker.leases))
		return;
	daemon->reload.compared = 0;
	daemon->reload.compare_until = lease_last(&daemon->broker.leases)->id;
	daemon->broker.host.turn.spent = 0;
	if (compare_some(daemon))
		turn_do_later(&daemon->broker.host, &daemon->reload.comparing);
}

/* ---- putting it in force --------------------------------------------------------------------- */

/* Warns of what in the configuration will not work. */
void daemon_warn_of(const struct config *config)
{
	static const struct log_fields fields = { .message_id = LOG_ID_CONFIG };

	for (size_t i = 0; i < config->n_warnings; i++)
		log_line(LOG_WARNING, &fields, "%s", config->warnings[i]);
}

/*
 * Takes over the tree, which is NULL if it could not be built. It is in force at once; regions,
 * clients and leases are seen to in pieces.
 */
int daemon_loaded(struct daemon *daemon, int error, struct config *config, const char *why)
{
	static const struct log_fields fields = { .message_id = LOG_ID_CONFIG };
	struct config *old;

	if (error < 0) {
		snprintf(daemon->broker.config_error, sizeof(daemon->broker.config_error), "%s",
			 why);
		log_line(LOG_ERR, &fields, "%s; the configuration in force stays", why);
		daemon->broker.host.counters.failed_reloads++;
		return error;
	}
	daemon->broker.host.counters.reloads++;
	daemon->broker.config_error[0] = '\0';
	old = (struct config *)daemon->broker.config;
	granting_take_config(&daemon->broker, config);
	daemon->broker.config = config;
	underway_spoil(&daemon->broker, NULL);
	daemon_take_limits(daemon);
	daemon->broker.backend->ops->rescan(daemon->broker.backend);
	regions_link(&daemon->broker);
	devices_link(&daemon->broker);
	settling_begin(&daemon->broker);
	if (daemon->server.fd >= 0)
		tenants_apply(daemon);
	end_ungranted(daemon);
	wakeup_all(&daemon->broker);
	free_later(daemon, old);
	daemon_warn_of(config);
	return 0;
}

/*
 * Builds a new tree and puts it in force as a whole; if it is bad, the old one stays and every
 * status says so.
 */
int daemon_reload(struct daemon *daemon)
{
	struct config *config = NULL;
	char buffer[TEXT_MAX] = "";
	struct text why = TEXT_ON(buffer);
	int r = config_load(&daemon->paths, &config, &why);

	r = daemon_loaded(daemon, r, config, buffer);
	if (r == 0)
		settling_finish(&daemon->broker);
	return r;
}

static void watch_names(struct daemon *daemon)
{
	if (daemon->broker.config->n_unresolved)
		event_add(&daemon->reload.names, &names_time);
	else
		event_del(&daemon->reload.names);
}

/* An error of a reload since then stays: those files are not in force. */
static void take_names(struct daemon *daemon, struct config *config)
{
	size_t found = daemon->broker.config->n_unresolved - config->n_unresolved;
	char error[TEXT_MAX];

	memcpy(error, daemon->broker.config_error, sizeof(error));
	log_info("users and groups of the configuration that are there now: %zu", found);
	daemon_loaded(daemon, 0, config, "");
	memcpy(daemon->broker.config_error, error, sizeof(error));
}

static void on_loaded(void *data, int error, struct config *config, const char *why, bool names)
{
	struct daemon *daemon = data;

	if (!names)
		daemon_loaded(daemon, error, config, why);
	else if (error == 0 && config->n_unresolved < daemon->broker.config->n_unresolved)
		take_names(daemon, config);
	else
		free_later(daemon, config);
	watch_names(daemon);
	note_reloaded(daemon);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void on_names(evutil_socket_t fd, short what, void *data)
{
	daemon_find_names(data);
}

void daemon_init_reload(struct daemon *daemon)
{
	daemon->reload.loader = (struct loader){
		.base = daemon->broker.host.base,
		.loaded = on_loaded,
		.data = daemon,
	};
	daemon->reload.freeing.go_on = go_on_freeing;
	daemon->reload.comparing.go_on = go_on_comparing;
	daemon->broker.settling.done = on_settled;
	evtimer_assign(&daemon->reload.names, daemon->broker.host.base, on_names, daemon);
	watch_names(daemon);
}

/* Returns at once; daemon->reloaded() is called when all that was asked for is done. */
void daemon_reload_soon(struct daemon *daemon)
{
	daemon->reload.asked = true;
	loader_read(&daemon->reload.loader, &daemon->paths);
}

void daemon_find_names(struct daemon *daemon)
{
	loader_find_names(&daemon->reload.loader, &daemon->broker.config->sources);
}

void daemon_clear_reload(struct daemon *daemon)
{
	event_del(&daemon->reload.names);
	loader_clear(&daemon->reload.loader);
	daemon->reload.old = config_free(daemon->reload.old);
}
