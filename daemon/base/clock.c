// SPDX-License-Identifier: MIT
/* The clocks, and what lies between two of them. */
#include <time.h>
#include "base/clock.h"

#define STEADY_MS 1000

static int64_t read_ms(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

uint64_t clock_boot_ms(void)
{
	return (uint64_t)read_ms(CLOCK_BOOTTIME);
}

uint64_t clock_coarse_ms(void)
{
	return (uint64_t)read_ms(CLOCK_MONOTONIC_COARSE);
}

/*
 * From the start of the machine back to 1970. It is kept as long as it is right to a second:
 * something that began at one time must not be told with two, one after the other, because a clock
 * is slewed.
 */
static int64_t boot_since_1970_ms(void)
{
	static int64_t kept;
	int64_t ms = read_ms(CLOCK_REALTIME) - read_ms(CLOCK_BOOTTIME);

	if (ms > kept + STEADY_MS || ms < kept - STEADY_MS)
		kept = ms;
	return kept;
}

uint64_t clock_since_1970(uint64_t boot_ms)
{
	int64_t ms = (int64_t)boot_ms + boot_since_1970_ms();

	return ms > 0 ? (uint64_t)ms / 1000 : 0;
}

/* Of what is told to have begun before the machine did, or to be yet to come, nothing is known. */
uint64_t clock_boot_ms_of(uint64_t since_1970)
{
	int64_t now = read_ms(CLOCK_BOOTTIME), ms;

	if (since_1970 > INT64_MAX / 1000)
		return (uint64_t)now;
	ms = (int64_t)since_1970 * 1000 - boot_since_1970_ms();
	return (uint64_t)(ms < 0 ? 0 : ms > now ? now : ms);
}
