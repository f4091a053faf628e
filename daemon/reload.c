// SPDX-License-Identifier: MIT
/*
 * Reading the configuration again without anybody waiting for it: the loader reads, and what it
 * hands over is put in force in the loop. Names of users and groups that a start had to leave out
 * are looked up again every minute, in the text that was read then: what the files say meanwhile
 * counts when somebody reloads. What was in force before is freed piece by piece: that takes as long
 * as the tree is large, and no thread of its own, which could fail to start or be left at the end.
 *
 * The leases of grants that are gone last until they end, unless "revoke-on-reload = yes".
 */
#include <string.h>
#include "daemon.h"
#include "log.h"

#define FREED_FOR_WORK 4 /* sections */

static const struct timeval names_time = { 60, 0 };

static void watch_names(struct daemon *daemon)
{
	if (daemon->config->n_unresolved)
		event_add(&daemon->names, &names_time);
	else
		event_del(&daemon->names);
}

/* What was wrong with a reload since stays wrong: those files are not in force. */
static void take_names(struct daemon *daemon, struct config *config)
{
	size_t found = daemon->config->n_unresolved - config->n_unresolved;
	char error[TEXT_MAX];

	memcpy(error, daemon->config_error, sizeof(error));
	log_info("users and groups of the configuration that are there now: %zu", found);
	daemon_loaded(daemon, 0, config, "");
	memcpy(daemon->config_error, error, sizeof(error));
}

/* All that was asked for is done, unless something is under way. */
static void note_reloaded(struct daemon *daemon)
{
	if (!daemon->reload_asked || daemon->loader.job || fair_waits(&daemon->comparing.link))
		return;
	daemon->reload_asked = false;
	if (daemon->reloaded)
		daemon->reloaded(daemon->reloaded_data);
}

static void on_loaded(void *data, int error, struct config *config, const char *why, bool names)
{
	struct daemon *daemon = data;

	if (!names)
		daemon_loaded(daemon, error, config, why);
	else if (error == 0 && config->n_unresolved < daemon->config->n_unresolved)
		take_names(daemon, config);
	else
		daemon_free_later(daemon, config);
	watch_names(daemon);
	note_reloaded(daemon);
}

/* ---- freeing --------------------------------------------------------------------------------- */

static bool go_on_freeing(struct chore *chore)
{
	struct daemon *daemon = container_of(chore, struct daemon, freeing);

	while (!turn_is_over(&daemon->host)) {
		turn_spend(&daemon->host, 1);
		if (!config_free_some(daemon->old, FREED_FOR_WORK))
			continue;
		daemon->old = NULL;
		return false;
	}
	return true;
}

/* Takes over the tree, which nobody looks at any more; NULL: none. */
void daemon_free_later(struct daemon *daemon, struct config *config)
{
	config_free(daemon->old);
	daemon->old = config;
	if (config)
		turn_do_later(&daemon->host, &daemon->freeing);
}

/* ---- leases ---------------------------------------------------------------------------------- */

static bool is_connected(const struct daemon *daemon, const struct lease *lease)
{
	return lease->list && lease->list != &daemon->orphans;
}

/*
 * Of a holder without a connection the groups are not known; then it is enough that its grant still
 * gives the same. Bytes that the region is no longer to have are given by nobody.
 */
static const struct config_grant *grant_behind(struct daemon *daemon, const struct lease *lease)
{
	const struct config_region *region = lease->region->config;
	const struct config_grant *same = config_find_grant(daemon->config, lease->grant);
	const struct subject *subject = NULL;
	struct decision decision;
	const struct question question = {
		.rights = lease->rights,
		/* Of a pool nobody asks for a mode: its blocks are one holder's, whatever the grant says. */
		.share = lease->allocated ? MMIOD_SHARE_DEFAULT : lease->share,
		.cache = lease->cache,
		.offset = lease->offset,
		.length = lease->length,
	};

	if (is_connected(daemon, lease))
		subject = &container_of(lease->list, struct connection, leases)->peer.subject;
	if (lease->memory != MMIOD_MEMORY_REGION) {
		if (!subject)
			return same && same->memory & 1u << lease->memory ? same : NULL;
		decision = policy_decide_memory(daemon->config, subject, lease->memory);
	} else if (!region || lease->region->stale) {
		return NULL;
	} else if (!subject) {
		return policy_gives(same, region, &question) ? same : NULL;
	} else {
		decision = policy_decide(region, subject, &question);
	}
	return decision.reason == POLICY_GRANTED ? decision.grant : NULL;
}

static void compare(struct daemon *daemon, struct lease *lease)
{
	static const char ungranted[] = "revoked: no grant gives it any more since the "
					"configuration was read again";
	static const char stale[] = "revoked: its region is another, or accessed otherwise, since "
				    "the configuration was read again";

	turn_spend(&daemon->host, 1);
	if (lease_is_over(lease) || grant_behind(daemon, lease))
		return;
	daemon_lease_revoke(daemon, lease, MMIOD_EVENT_REVOKED, MMIOD_CAUSE_POLICY,
			    lease->region->stale && lease->region->config ? stale : ungranted);
	daemon_pace_events(daemon);
}

/* A share of them. Returns whether there are more. */
static bool compare_some(struct daemon *daemon)
{
	while (!turn_is_over(&daemon->host)) {
		struct lease *lease = lease_after(&daemon->leases, daemon->compared);

		if (!lease || lease->id > daemon->compare_until)
			return false;
		daemon->compared = lease->id;
		compare(daemon, lease);
	}
	return true;
}

static bool go_on_comparing(struct chore *chore)
{
	struct daemon *daemon = container_of(chore, struct daemon, comparing);

	if (compare_some(daemon))
		return true;
	note_reloaded(daemon);
	return false;
}

/*
 * Ends the leases that the configuration does not give, in as many turns as it takes. It is in force
 * from the first on, so meanwhile nothing is granted that it does not describe.
 */
void daemon_end_ungranted(struct daemon *daemon)
{
	turn_drop(&daemon->comparing);
	if (!daemon->config->limits.revoke_on_reload || !daemon->leases.table)
		return;
	daemon->compared = 0;
	daemon->compare_until = lease_last(&daemon->leases)->id;
	daemon->host.turn.spent = 0;
	if (compare_some(daemon))
		turn_do_later(&daemon->host, &daemon->comparing);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void on_names(evutil_socket_t fd, short what, void *data)
{
	daemon_find_names(data);
}

void daemon_init_reload(struct daemon *daemon)
{
	daemon->loader = (struct loader){
		.base = daemon->host.base,
		.loaded = on_loaded,
		.data = daemon,
	};
	daemon->freeing.go_on = go_on_freeing;
	daemon->comparing.go_on = go_on_comparing;
	evtimer_assign(&daemon->names, daemon->host.base, on_names, daemon);
	watch_names(daemon);
}

/* Returns at once; daemon->reloaded() is called when all that was asked for is done. */
void daemon_reload_soon(struct daemon *daemon)
{
	daemon->reload_asked = true;
	loader_read(&daemon->loader, &daemon->paths);
}

void daemon_find_names(struct daemon *daemon)
{
	loader_find_names(&daemon->loader, &daemon->config->sources);
}

void daemon_clear_reload(struct daemon *daemon)
{
	event_del(&daemon->names);
	loader_clear(&daemon->loader);
	daemon->old = config_free(daemon->old);
}
