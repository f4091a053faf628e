/* SPDX-License-Identifier: MIT */
/*
 * A token bucket: lets through a burst, then so many in each second. Pure; time is passed in, in
 * milliseconds of a clock of the caller's choice. If that clock runs backwards nothing is gained by
 * it.
 */
#ifndef MMIOD_DAEMON_BASE_RATE_H
#define MMIOD_DAEMON_BASE_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct rate_limit {
	uint64_t refilled_ms;
	uint64_t tokens; /* thousandths */
	bool started; /* false: full */
};

/* The same for lines of the log, a few in each second; those that were held back are counted. */
struct line_limit {
	struct rate_limit rate;
	uint32_t held_back;
};

bool rate_take(struct rate_limit *limit, uint64_t now_ms, uint32_t burst, uint32_t per_second);
bool rate_take_line(struct line_limit *limit, uint64_t now_ms);

#endif
