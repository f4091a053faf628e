/* SPDX-License-Identifier: MIT */
/*
 * A pool beside the plainest model of it, one byte a page: every step is done with both, and the
 * model foretells what the pool must answer. Shared by the random tests and the fuzzer; the only
 * freedom that it leaves is where a pool with bins places a power of two.
 */
#ifndef MMIOD_TESTS_POOL_MODEL_H
#define MMIOD_TESTS_POOL_MODEL_H

#include <stdbool.h>
#include <stdint.h>
#include "daemon/pool/pool.h"

struct pool_model {
	struct pool *pool;
	uint64_t pages;
	uint64_t page_size;
	unsigned int flags;
	uint8_t *taken; /* by page */
	/* [i]: how many pages below i are taken; brought up to date where it is used. */
	uint32_t *before;
	struct pool_extent *grants; /* possibly freed again, wholly or in part */
	uint32_t n_grants;
};

#define POOL_MODEL_GRANTS 4096u

bool pool_model_init(struct pool_model *model, uint64_t pages, uint64_t page_size,
		     unsigned int flags);
void pool_model_destroy(struct pool_model *model);

/* What the step does is in the bits of `random`. NULL, or what went wrong. */
const char *pool_model_step(struct pool_model *model, uint64_t random);
/* All records, the walk and the counts against the model. */
const char *pool_model_compare(struct pool_model *model);
/* Frees everything and looks for the largest blocks. */
const char *pool_model_drain(struct pool_model *model);

#endif
