/* SPDX-License-Identifier: MIT */
/*
 * The time that passes, for whatever waits, looks again or shows how far it is. Milliseconds of
 * CLOCK_MONOTONIC.
 */
#include "output/output.h"

#include <errno.h>
#include <time.h>

uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void pause_ms(uint32_t milliseconds)
{
	struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000L };

	while (milliseconds && nanosleep(&time, &time) && errno == EINTR)
		;
}
