/* SPDX-License-Identifier: MIT */
/* How often the kernel calls a function of its own, counted by the test module calls. */
#ifndef CALLS_H
#define CALLS_H

#include "fixture.h"

struct calls {
	uint64_t calls;
	uint64_t hidden; /* those with the device's memory off or the device asleep */
	uint64_t foreign; /* those with it bound to another driver than mmiod, or to none */
};

/*
 * Counts from now on the calls of a kernel function for one device, which is its first argument; or
 * that is the irq_data of a message of it. A descriptor, or -1: the kernel has no such function. The
 * test is skipped if this kernel cannot count.
 */
int count_calls(const char *symbol, uint32_t device);
int count_calls_of_messages(const char *symbol, uint32_t device);
struct calls calls_of(int fd);

#endif
