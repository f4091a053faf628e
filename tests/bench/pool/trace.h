/* SPDX-License-Identifier: MIT */
/*
 * Workloads for allocators, generated the same everywhere: who allocates and frees how much in
 * which order, in units of a page, or of a byte for small objects. A trace does not depend on what
 * an allocator answers; if it refuses a request, the later free of that id is skipped.
 * trace_sha256() tells whether the generator still makes what its figures were measured with.
 */
#ifndef MMIOD_TESTS_TRACE_H
#define MMIOD_TESTS_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trace_op {
	uint32_t id;
	uint32_t size; /* 0: free */
};

struct trace {
	const char *name;
	const char *sha256; /* how it begins; NULL: not known */
	uint64_t region; /* units */
	uint64_t unit; /* bytes */
	uint64_t timed; /* the first operation that counts; those before it fill the region */
	uint64_t turn; /* W3: the first free; else 0 */
	uint64_t live; /* units that the trace wants allocated at its end */
	uint32_t n_ids;
	size_t n_ops;
	size_t allocated;
	struct trace_op *ops;
};

/*
 * Names: W1-50 W1-90 W2-50 W2-90 W3 W4 W4P W4H W5 W6 W1L. False: no such trace, or no memory for
 * it.
 */
bool trace_make(struct trace *trace, const char *name,
		bool reduced); /* reduced: fewer operations, for instruction counts */
void trace_free(struct trace *trace);
bool trace_sha256(const struct trace *trace, char hex[65]);

#endif
