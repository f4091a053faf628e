/* SPDX-License-Identifier: MIT */
/*
 * The time that passes, by CLOCK_MONOTONIC: for whatever waits, looks again, measures or shows how far
 * it is.
 */
#include "output/output.h"

#include <errno.h>
#include <time.h>

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t now_ms(void)
{
	return now_ns() / 1000000;
}

void pause_ms(uint32_t milliseconds)
{
	struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000L };

	while (milliseconds && nanosleep(&time, &time) && errno == EINTR)
		;
}
