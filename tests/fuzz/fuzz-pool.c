// SPDX-License-Identifier: MIT
/*
 * Pools under libFuzzer: the first bytes choose the pool, each eight of the others one step that
 * the model foretells.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/unit/daemon/support/pool-model.h"

#define PAGES_MAX 6000 /* three levels of the records */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void stop(const char *wrong)
{
	if (!wrong)
		return;
	fprintf(stderr, "fuzz-pool: %s\n", wrong);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned int flags[] = { 0, POOL_EAGER, 0, 0 };
	static const uint64_t page_sizes[] = { 1, 4096, 65536, 1u << 30 };
	struct pool_model model;
	uint32_t chosen;
	uint64_t step;

	if (size < sizeof(chosen))
		return 0;
	memcpy(&chosen, data, sizeof(chosen));
	if (!pool_model_init(&model, 1 + (chosen >> 4) % PAGES_MAX, page_sizes[chosen >> 2 & 3],
			     flags[chosen & 3]))
		abort();
	for (size_t at = sizeof(chosen); size - at >= sizeof(step); at += sizeof(step)) {
		memcpy(&step, data + at, sizeof(step));
		stop(pool_model_step(&model, step));
	}
	stop(pool_model_compare(&model));
	stop(pool_model_drain(&model));
	pool_model_destroy(&model);
	return 0;
}
