// SPDX-License-Identifier: MIT
/*
 * Leases with a time limit: told when it is nearly over, renewed by their holders (RENEW), taken
 * when it is. Deadlines are in CLOCK_BOOTTIME, which nobody sets and which goes on while the
 * machine sleeps; the module, and with it the ledger, does not outlive it either.
 *
 * Also what a reload does to the leases of grants that are gone:
 * nothing, they last until they end, unless "revoke-on-reload = yes".
 */
#include <string.h>
#include "journal.h"
#include "daemon.h"

#define LOOK_AGAIN_MS 60000 /* the loop's clock stands while the machine sleeps */

static bool go_on_comparing(struct chore *chore);

/* ---- deadlines ------------------------------------------------------------------------------- */

/* The timer runs until the first thing that is to be done. */
void daemon_arm_terms(struct daemon *daemon)
{
	const struct interval *first = interval_first(&daemon->leases.terms);
	uint64_t now = clock_boot_ms(), ms;
	struct timeval wait;

	if (!first)
		return;
	ms = first->start > now ? first->start - now : 0;
	if (ms > LOOK_AGAIN_MS)
		ms = LOOK_AGAIN_MS;
	wait = (struct timeval){ (time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000) };
	event_add(&daemon->terms, &wait);
}

static void expire(struct daemon *daemon, struct lease *lease)
{
	char buffer[LEASE_WHY_MAX];
	struct text why = TEXT_ON(buffer);

	text_set(&why, "its time of ");
	text_add_duration(&why, lease->term->lease_ms);
	text_add(&why, " is over");
	if (daemon_lease_revoke(daemon, lease, MMIOD_EVENT_REVOKED, MMIOD_CAUSE_EXPIRED, buffer) >=
	    0)
		return;
	/*
	 * The module refused, which is in the log: tried again when its time would be over again.
	 */
	lease_set_deadline(lease, clock_boot_ms() + lease->term->lease_ms, clock_boot_ms());
}

/* Tells the holder that the time is nearly over, or takes the lease. */
static void see_to(struct daemon *daemon, struct lease *lease, uint64_t now)
{
	turn_spend(&daemon->host, 1);
	if (lease->term->deadline_ms <= now) {
		expire(daemon, lease);
		daemon_pace_events(daemon);
		return;
	}
	daemon_lease_tell(daemon, lease, MMIOD_EVENT_EXPIRING,
			  (uint32_t)(lease->term->deadline_ms - now), "its time is nearly over");
	lease_set_deadline(lease, lease->term->deadline_ms, now);
}

/* A share of what is to be done by now. */
static bool go_on_expiring(struct chore *chore)
{
	struct daemon *daemon = container_of(chore, struct daemon, expiring);

	while (!turn_is_over(&daemon->host)) {
		const struct interval *first = interval_first(&daemon->leases.terms);
		uint64_t now = clock_boot_ms();

		if (!first || first->start > now) {
			daemon_arm_terms(daemon);
			return false;
		}
		see_to(daemon, container_of(first, struct term, when)->lease, now);
	}
	return true;
}

static void on_terms(evutil_socket_t fd, short what, void *data)
{
	struct daemon *daemon = data;

	turn_do_later(&daemon->host, &daemon->expiring);
}

void daemon_init_terms(struct daemon *daemon)
{
	evtimer_assign(&daemon->terms, daemon->host.base, on_terms, daemon);
	event_priority_set(&daemon->terms, TURN_FIRST);
	daemon->expiring.go_on = go_on_expiring;
	daemon->comparing.go_on = go_on_comparing;
}

/* ---- RENEW ----------------------------------------------------------------------------------- */

/* ---- after a reload -------------------------------------------------------------------------- */

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
	daemon_note_reloaded(daemon);
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
