// SPDX-License-Identifier: MIT
/*
 * Leases with a time limit: told when it is nearly over, renewed by their holders (RENEW), taken
 * when it is. Deadlines are in CLOCK_BOOTTIME, which nobody sets and which goes on while the
 * machine sleeps; the module, and with it the ledger, does not outlive it either.
 */
#include <string.h>
#include "broker/broker.h"
#include "connection/journal.h"

#define LOOK_AGAIN_MS 60000 /* the loop's clock stands while the machine sleeps */

/* The timer runs until the first thing that is to be done. */
void deadlines_arm(struct broker *broker)
{
	const struct interval *first = interval_first(&broker->leases.time_limits);
	uint64_t now = clock_boot_ms(), ms;
	struct timeval wait;

	if (!first)
		return;
	ms = first->start > now ? first->start - now : 0;
	if (ms > LOOK_AGAIN_MS)
		ms = LOOK_AGAIN_MS;
	wait = (struct timeval){ (time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000) };
	event_add(&broker->deadlines.event, &wait);
}

static void expire(struct broker *broker, struct lease *lease)
{
	char buffer[LEASE_WHY_MAX];
	struct text why = TEXT_ON(buffer);

	text_set(&why, "its time of ");
	text_add_duration(&why, lease->time_limit->lease_ms);
	text_add(&why, " is over");
	if (lease_revoke(broker, lease, MMIOD_EVENT_REVOKED, MMIOD_CAUSE_EXPIRED, buffer) >= 0)
		return;
	/*
	 * The module refused, which is in the log: tried again when its time would be over again.
	 */
	lease_set_deadline(lease, clock_boot_ms() + lease->time_limit->lease_ms, clock_boot_ms());
}

/* Tells the holder that the time is nearly over, or takes the lease. */
static void see_to(struct broker *broker, struct lease *lease, uint64_t now)
{
	turn_spend(&broker->host, 1);
	if (lease->time_limit->deadline_ms <= now) {
		expire(broker, lease);
		events_pace(broker);
		return;
	}
	lease_tell_holder(broker, lease, MMIOD_EVENT_EXPIRING,
			  (uint32_t)(lease->time_limit->deadline_ms - now),
			  "its time is nearly over");
	lease_set_deadline(lease, lease->time_limit->deadline_ms, now);
}

/* A share of what is to be done by now. */
static bool go_on_expiring(struct chore *chore)
{
	struct broker *broker = container_of(chore, struct broker, deadlines.expiring);

	while (!turn_is_over(&broker->host)) {
		const struct interval *first = interval_first(&broker->leases.time_limits);
		uint64_t now = clock_boot_ms();

		if (!first || first->start > now) {
			deadlines_arm(broker);
			return false;
		}
		see_to(broker, container_of(first, struct time_limit, when)->lease, now);
	}
	return true;
}

static void on_deadline(evutil_socket_t fd, short what, void *data)
{
	struct broker *broker = data;

	turn_do_later(&broker->host, &broker->deadlines.expiring);
}

void deadlines_init(struct broker *broker)
{
	evtimer_assign(&broker->deadlines.event, broker->host.base, on_deadline, broker);
	event_priority_set(&broker->deadlines.event, TURN_FIRST);
	broker->deadlines.expiring.go_on = go_on_expiring;
}
