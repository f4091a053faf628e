/* SPDX-License-Identifier: MIT */
/*
 * Deadlines of what is waited for: timeouts of Python, which are seconds, or None for ever.
 */
#include "ext.h"

#include <limits.h>
#include <time.h>

#define LIFETIME 1e9 /* seconds */

uint64_t deadline_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int deadline_read(PyObject *timeout, uint64_t *deadline)
{
	double seconds = timeout && timeout != Py_None ? PyFloat_AsDouble(timeout) : LIFETIME;

	if (PyErr_Occurred())
		return -1;
	if (seconds < 0)
		seconds = 0;
	*deadline = deadline_now() + (uint64_t)((seconds < LIFETIME ? seconds : LIFETIME) * 1e9);
	return 0;
}

int deadline_left_ms(uint64_t deadline)
{
	uint64_t now = deadline_now(),
		 left = deadline > now ? (deadline - now + 999999) / 1000000 : 0;

	return left < INT_MAX ? (int)left : INT_MAX;
}
