// SPDX-License-Identifier: MIT
/*
 * Prints at how many kHz the processor's time stamp counter runs, which an emulated processor has as it
 * is. A kernel that finds out by itself is wrong, by a factor of tens now and then, if the host lets the
 * emulator wait at that moment: then its clock runs ahead, and whatever has a time limit is given up.
 * Ends with 1 where there is no such counter.
 */
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#if defined(__x86_64__) || defined(__i386__)
#include <x86intrin.h>

struct moment {
	uint64_t ticks;
	int64_t ns;
};

/* The closest of many tries: whoever was interrupted between the two clocks took longer. */
static struct moment look(void)
{
	struct moment best = { 0 };
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < 1000; i++) {
		struct timespec now;
		uint64_t before = __rdtsc(), after;

		clock_gettime(CLOCK_MONOTONIC_RAW, &now);
		after = __rdtsc();
		if (after - before >= least)
			continue;
		least = after - before;
		best.ticks = before + least / 2;
		best.ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
	}
	return best;
}

int main(void)
{
	const struct timespec pause = { .tv_nsec = 100000000 };
	struct moment first = look(), last;

	nanosleep(&pause, NULL);
	last = look();
	printf("%.0f\n", (double)(last.ticks - first.ticks) * 1e6 / (double)(last.ns - first.ns));
	return 0;
}
#else
int main(void)
{
	return 1;
}
#endif
