// SPDX-License-Identifier: MIT
/*
 * Leases with a time limit: told when it is nearly over, renewed by their holders (RENEW), taken
 * when it is. Deadlines are in CLOCK_BOOTTIME, which nobody sets and which goes on while the
 * machine sleeps; the module, and with it the ledger, does not outlive it either.
 */
#include <string.h>
#include "journal.h"
#include "daemon.h"

#define LOOK_AGAIN_MS 60000 /* the loop's clock stands while the machine sleeps */

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
}
