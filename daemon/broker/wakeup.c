// SPDX-License-Identifier: MIT
/*
 * Marks what is to be tried again, and has the loop do it: requests that wait (waiting.c), and what
 * the module or a device refused (events.c). Nothing is tried here, so the lowest caller may call
 * it.
 */
#include "broker/broker.h"

static const struct timeval at_once = { 0, 0 }, a_second = { 1, 0 };

/* Actions that the module or a device refused: register writes, and regions to be given back. */
void wakeup_try_again(struct broker *broker, bool now)
{
	if (now || !event_pending(&broker->wakeup.again, EV_TIMEOUT, NULL))
		event_add(&broker->wakeup.again, now ? &at_once : &a_second);
}

static void try_soon(struct broker *broker)
{
	broker->waitlist.tries.due = true;
	if (broker->waitlist.head)
		turn_do_later(&broker->host, &broker->waitlist.tries.chore);
}

/* Has those tried that wait for something of the region, in the rest of this round and the next. */
void wakeup_note_end(struct broker *broker, struct region *region)
{
	region->freed = broker->waitlist.tries.round + 1;
	try_soon(broker);
}

/* The same of those that wait for something to be wiped. */
void wakeup_note_wiped(struct broker *broker)
{
	try_soon(broker);
}

/*
 * After a reload: requests that may no longer be granted, or whose region has gone, are to be
 * answered.
 */
void wakeup_all(struct broker *broker)
{
	broker->waitlist.tries.due_for_all = true;
	try_soon(broker);
}
