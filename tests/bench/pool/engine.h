/* SPDX-License-Identifier: MIT */
/*
 * Allocators under measurement: the daemon's pool in its ways of use, and yardsticks. One at a time
 * in a process.
 */
#ifndef MMIOD_TESTS_ENGINE_H
#define MMIOD_TESTS_ENGINE_H

#include <stdbool.h>
#include <stdint.h>
#include "trace.h"

#define ENGINE_NOWHERE UINT64_MAX

struct engine {
	const char *name;
	const char *what;
	bool (*open)(const struct trace *trace);
	uint64_t (*alloc)(uint32_t units); /* where, or ENGINE_NOWHERE */
	void (*free)(uint64_t where, uint32_t units);
	uint64_t (*largest)(void); /* units that could be had in one piece now; NULL: no answer */
	uint64_t (*metadata)(void); /* bytes; NULL: no answer */
	bool slow; /* reduced traces only */
	bool small; /* none of a tebibyte: hours, or more memory than there is */
};

extern const struct engine engines[];
extern const unsigned int n_engines;

#endif
