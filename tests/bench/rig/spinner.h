/* SPDX-License-Identifier: MIT */
/*
 * A thread that runs when nothing else does, and says how long it did. With it a measurement across
 * a wait for a device leaves the wait out, which depends on the host, and counts what the machine
 * has to do for it.
 */
#ifndef RIG_BENCH_SPINNER_H
#define RIG_BENCH_SPINNER_H

#include <stdint.h>

void spinner_start(void);

/* Ticks since then in which something else ran than that thread; to be compared, on its processor. */
uint64_t busy_ticks(void);

#endif
