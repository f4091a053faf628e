// SPDX-License-Identifier: MIT
/*
 * The clock of a daemon under test: from rig_start() on it stands, for libevent too, and moves by
 * rig_wait() only. So "in time" and "too late" are what a test says, whatever else the machine
 * does. The time of day is the real one until a test sets it; that of processors always is.
 */
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "rig.h"

static bool stands;
static struct timespec since_boot, monotonic; /* what they say, as it stands */
static time_t set_by; /* the time of day, in seconds */

static int real(clockid_t id, struct timespec *now)
{
	return (int)syscall(SYS_clock_gettime, id, now);
}

void clock_stop(void)
{
	if (stands)
		return;
	real(CLOCK_BOOTTIME, &since_boot);
	real(CLOCK_MONOTONIC, &monotonic);
	stands = true;
}

static void advance(struct timespec *time, unsigned int milliseconds)
{
	time->tv_sec += milliseconds / 1000;
	time->tv_nsec += milliseconds % 1000 * 1000000;
	if (time->tv_nsec >= 1000000000) {
		time->tv_sec++;
		time->tv_nsec -= 1000000000;
	}
}

void clock_advance(unsigned int milliseconds)
{
	advance(&since_boot, milliseconds);
	advance(&monotonic, milliseconds);
}

/* As an administrator, or NTP on a board without a battery. */
void clock_set_day(time_t by)
{
	set_by = by;
}

/* In place of the C library's, in libevent as well. */
__attribute__((visibility("default"))) int clock_gettime(clockid_t id, struct timespec *now)
{
	bool is_monotonic = id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE;
	int r;

	if (!stands || (!is_monotonic && id != CLOCK_BOOTTIME)) {
		r = real(id, now);
		now->tv_sec += id == CLOCK_REALTIME ? set_by : 0;
		return r;
	}
	*now = is_monotonic ? monotonic : since_boot;
	return 0;
}

__attribute__((visibility("default"))) time_t time(time_t *seconds)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (seconds)
		*seconds = now.tv_sec;
	return now.tv_sec;
}
