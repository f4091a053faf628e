// SPDX-License-Identifier: MIT
#include "spinner.h"

#include <pthread.h>
#include <sched.h>

#include "rig-bench.h"

/* Turns of the loop are shorter than this, and whatever came in between is longer. */
#define TURN_MAX 200

static volatile uint64_t spun;

static void *spin(void *unused)
{
	uint64_t last = ticks();

	for (;;) {
		uint64_t now = ticks();

		if (now - last < TURN_MAX)
			spun += now - last;
		last = now;
	}
	return unused;
}

void spinner_start(void)
{
	struct sched_param none = { 0 };
	pthread_t thread;

	if (pthread_create(&thread, NULL, spin, NULL) ||
	    pthread_setschedparam(thread, SCHED_IDLE, &none))
		die("a thread for idle time");
}

uint64_t busy_ticks(void)
{
	return ticks() - spun;
}
