/* SPDX-License-Identifier: MIT */
/*
 * The time. All that lasts goes by CLOCK_BOOTTIME, which nobody sets and which goes on while the
 * machine sleeps. The time of day may be set at any moment, on a board without a battery by half a
 * century: when something began is told as it is reckoned from the clock of now.
 */
#ifndef MMIOD_DAEMON_BASE_CLOCK_H
#define MMIOD_DAEMON_BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_boot_ms(void);
uint64_t clock_coarse_ms(void); /* monotonic, to a tick, and cheap */
uint64_t clock_since_1970(uint64_t boot_ms); /* seconds */
uint64_t clock_boot_ms_of(uint64_t since_1970);

#endif
