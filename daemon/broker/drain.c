// SPDX-License-Identifier: MIT
/*
 * Room in the backend's queue of events. Each window that ends makes an event, and the queue is
 * bounded: a caller that ends leases in a row takes in events in between. The consequences of an
 * event are decided in events.c, which stands above all callers of this.
 */
#include "broker/broker.h"

/* Takes in all that the backend has to tell. Nothing is sent before the next turn of the loop. */
void events_drain(struct broker *broker)
{
	broker->events.drain(broker);
}

void events_pace(struct broker *broker)
{
	if (broker->events.caused >= EVENTS_DRAIN_EVERY)
		events_drain(broker);
}
