// SPDX-License-Identifier: MIT
/* A token bucket, refilled when it is asked. */
#include "base/rate.h"

#define TOKEN 1000u
#define LINES_BURST 20
#define LINES_PER_SECOND 5

/*
 * In thousandths of a token, of which `per_second` come in a millisecond; a long pause must not
 * overflow.
 */
static uint64_t refill(const struct rate_limit *limit, uint64_t now_ms, uint64_t most,
		       uint32_t per_second)
{
	uint64_t passed = now_ms > limit->refilled_ms ? now_ms - limit->refilled_ms : 0;
	uint64_t missing = most > limit->tokens ? most - limit->tokens : 0;

	if (per_second && passed > missing / per_second)
		return most;
	return limit->tokens + passed * per_second;
}

/* False: there is none. A burst or a rate that was lowered meanwhile takes effect at once. */
bool rate_take(struct rate_limit *limit, uint64_t now_ms, uint32_t burst, uint32_t per_second)
{
	uint64_t most = (uint64_t)burst * TOKEN;

	limit->tokens = limit->started ? refill(limit, now_ms, most, per_second) : most;
	if (limit->tokens > most)
		limit->tokens = most;
	limit->refilled_ms = now_ms;
	limit->started = true;
	if (limit->tokens < TOKEN)
		return false;
	limit->tokens -= TOKEN;
	return true;
}

bool rate_take_line(struct line_limit *limit, uint64_t now_ms)
{
	if (rate_take(&limit->rate, now_ms, LINES_BURST, LINES_PER_SECOND))
		return true;
	limit->held_back++;
	return false;
}
