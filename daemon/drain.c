// SPDX-License-Identifier: MIT
/*
 * Room in the backend's queue of events. Each window that ends makes an event, and the queue is
 * bounded: who ends leases in a row takes in what there is in between. What follows from an event is
 * decided in events.c, which stands above whoever calls this.
 */
#include "daemon.h"

/* Takes in all that the backend has to tell. Nothing is sent before the next turn of the loop. */
void daemon_drain_events(struct daemon *daemon)
{
	daemon->drain(daemon);
}

void daemon_pace_events(struct daemon *daemon)
{
	if (daemon->events_caused >= EVENTS_DRAIN_EVERY)
		daemon_drain_events(daemon);
}

/* For a walk through the table that ends leases: reading events may remove any of them. */
struct lease *daemon_next_lease(struct daemon *daemon, const struct lease *lease)
{
	uint64_t id = lease->id;

	if (daemon->events_caused < EVENTS_DRAIN_EVERY)
		return lease->hh.next;
	daemon_drain_events(daemon);
	return lease_after(&daemon->leases, id);
}
