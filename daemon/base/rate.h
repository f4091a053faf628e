/* SPDX-License-Identifier: MIT */
/*
 * A token bucket: lets through a burst, then so many in each second. Pure; time is passed in, in
 * milliseconds of a clock of the caller's choice. If that clock runs backwards nothing is gained by
 * it.
 */
#ifndef MMIOD_DAEMON_BUCKET_H
#define MMIOD_DAEMON_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct bucket {
	uint64_t refilled_ms;
	uint64_t tokens; /* thousandths */
	bool started; /* false: full */
};

bool bucket_take(struct bucket *bucket, uint64_t now_ms, uint32_t burst, uint32_t per_second);

#endif
