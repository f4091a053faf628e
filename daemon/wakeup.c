// SPDX-License-Identifier: MIT
/*
 * Marks what is to be tried again, and has the loop do it: requests that wait (waiting.c), and what
 * the module or a device refused (events.c). Nothing is tried here, so whoever stands lowest may
 * call it.
 */
#include "daemon.h"

static const struct timeval at_once = { 0, 0 }, a_second = { 1, 0 };

/* What the module or a device refused: register writes, and regions to be given back. */

void daemon_try_again(struct daemon *daemon, bool now)
{
	if (now || !event_pending(&daemon->again, EV_TIMEOUT, NULL))
		event_add(&daemon->again, now ? &at_once : &a_second);
}

static void try_soon(struct daemon *daemon)
{
	daemon->tries.due = true;
	if (daemon->waiting)
		turn_do_later(&daemon->host, &daemon->tries.chore);
}

/* Has those tried that wait for something of the region, in the rest of this round and the next. */
void waiting_note_end(struct daemon *daemon, struct region *region)
{
	region->freed = daemon->tries.round + 1;
	try_soon(daemon);
}

/* The same of those that wait for something to be wiped. */
void waiting_note_wiped(struct daemon *daemon)
{
	try_soon(daemon);
}

/* After a reload: those who may no longer have it, or whose region has gone, are to be told. */
void waiting_try_soon(struct daemon *daemon)
{
	daemon->tries.due_for_all = true;
	try_soon(daemon);
}
