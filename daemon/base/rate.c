// SPDX-License-Identifier: MIT
/* A token bucket, refilled when it is asked. */
#include "base/rate.h"

#define TOKEN 1000u

/*
 * In thousandths of a token, of which `per_second` come
 * in a millisecond; a long pause must not overflow.
 */
static uint64_t refill(const struct bucket *bucket, uint64_t now_ms, uint64_t most,
		       uint32_t per_second)
{
	uint64_t passed = now_ms > bucket->refilled_ms ? now_ms - bucket->refilled_ms : 0;
	uint64_t missing = most > bucket->tokens ? most - bucket->tokens : 0;

	if (per_second && passed > missing / per_second)
		return most;
	return bucket->tokens + passed * per_second;
}

/* False: there is none. A burst or a pace that was lowered meanwhile takes effect at once. */
bool bucket_take(struct bucket *bucket, uint64_t now_ms, uint32_t burst, uint32_t per_second)
{
	uint64_t most = (uint64_t)burst * TOKEN;

	bucket->tokens = bucket->started ? refill(bucket, now_ms, most, per_second) : most;
	if (bucket->tokens > most)
		bucket->tokens = most;
	bucket->refilled_ms = now_ms;
	bucket->started = true;
	if (bucket->tokens < TOKEN)
		return false;
	bucket->tokens -= TOKEN;
	return true;
}
