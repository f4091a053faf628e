// SPDX-License-Identifier: MIT
/*
 * Marks what is to be tried again, and has the loop do it: nothing is tried here, so whoever stands
 * lowest may call it.
 */
#include "daemon.h"

static const struct timeval at_once = { 0, 0 }, a_second = { 1, 0 };

/* What the module or a device refused: register writes, and regions to be given back. */

void daemon_try_again(struct daemon *daemon, bool now)
{
	if (now || !event_pending(&daemon->again, EV_TIMEOUT, NULL))
		event_add(&daemon->again, now ? &at_once : &a_second);
}
