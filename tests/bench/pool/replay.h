/* SPDX-License-Identifier: MIT */
/* Replays a trace through an engine, each time in a child of its own. */
#ifndef MMIOD_TESTS_REPLAY_H
#define MMIOD_TESTS_REPLAY_H

#include "engine.h"

struct outcome {
	double nanoseconds; /* for each timed operation, the loop included */
	uint64_t requests; /* timed ones */
	uint64_t refused; /* of them */
	uint64_t unplaced; /* units that are wanted at the end, but were refused */
	uint64_t largest;
	uint64_t metadata;
	bool done;
};

struct tail { /* nanoseconds, of the timed operations */
	double median;
	double p9999;
	double longest;
};

struct outcome replay(const struct engine *engine, const struct trace *trace);
/*
 * Each operation alone, as fast as it was in the best of four replays: what the algorithm does,
 * without the machine's noise.
 */
bool replay_tail(const struct engine *engine, const struct trace *trace, struct tail *allocs,
		 struct tail *frees);
/* In this process, for callgrind: counting begins with the timed part. */
bool replay_counted(const struct engine *engine, const struct trace *trace);

#endif
