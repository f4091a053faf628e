// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>
#include "replay.h"
#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_ZERO_STATS
#endif

#define TAIL_REPLAYS 4

struct object {
	uint64_t where;
	uint32_t units; /* 0: not live */
};

static struct object *new_objects(const struct trace *trace)
{
	struct object *objects = malloc(trace->n_ids * sizeof(*objects));

	if (!objects)
		abort();
	for (uint32_t id = 0; id < trace->n_ids; id++)
		objects[id] = (struct object){ .where = ENGINE_NOWHERE };
	return objects;
}

static inline bool run_op(const struct engine *engine, struct object *objects,
			  const struct trace_op *op)
{
	struct object *object = &objects[op->id];

	if (op->size) {
		object->units = op->size;
		object->where = engine->alloc(op->size);
		return object->where != ENGINE_NOWHERE;
	}
	if (object->where != ENGINE_NOWHERE)
		engine->free(object->where, object->units);
	object->units = 0;
	return true;
}

static double cpu_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

static void run(const struct engine *engine, const struct trace *trace, struct outcome *outcome)
{
	struct object *objects = new_objects(trace);
	uint64_t refused = 0, requests = 0;
	double start;

	if (!engine->open(trace))
		exit(1);
	for (size_t i = 0; i < trace->timed; i++)
		run_op(engine, objects, &trace->ops[i]);
	CALLGRIND_ZERO_STATS;
	start = cpu_time();
	for (size_t i = trace->timed; i < trace->n_ops; i++) {
		requests += trace->ops[i].size != 0;
		refused += !run_op(engine, objects, &trace->ops[i]);
	}
	outcome->nanoseconds = (cpu_time() - start) / (trace->n_ops - trace->timed);
	outcome->requests = requests;
	outcome->refused = refused;
	for (uint32_t id = 0; id < trace->n_ids; id++)
		if (objects[id].units && objects[id].where == ENGINE_NOWHERE)
			outcome->unplaced += objects[id].units;
	outcome->largest = engine->largest ? engine->largest() : 0;
	outcome->metadata = engine->metadata ? engine->metadata() : 0;
	outcome->done = true;
	free(objects);
}

/* Memory that a child fills for its parent. */
static void *shared(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		abort();
	return memory;
}

static bool reap(pid_t child)
{
	int status;

	return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 0;
}

struct outcome replay(const struct engine *engine, const struct trace *trace)
{
	struct outcome *outcome = shared(sizeof(*outcome)), result;
	pid_t child;

	fflush(NULL);
	child = fork();
	if (child == 0) {
		run(engine, trace, outcome);
		_exit(0);
	}
	if (!reap(child))
		outcome->done = false;
	result = *outcome;
	munmap(outcome, sizeof(*outcome));
	return result;
}

bool replay_counted(const struct engine *engine, const struct trace *trace)
{
	struct outcome outcome = { 0 };

	run(engine, trace, &outcome);
	return outcome.done;
}

static void run_ticks(const struct engine *engine, const struct trace *trace, uint32_t *ticks)
{
	struct object *objects = new_objects(trace);
	unsigned int processor;

	if (!engine->open(trace))
		_exit(1);
	for (size_t i = 0; i < trace->timed; i++)
		run_op(engine, objects, &trace->ops[i]);
	for (size_t i = trace->timed; i < trace->n_ops; i++) {
		uint64_t start, end;

		_mm_lfence();
		start = __rdtsc();
		run_op(engine, objects, &trace->ops[i]);
		end = __rdtscp(&processor);
		_mm_lfence();
		if (end - start < ticks[i - trace->timed])
			ticks[i - trace->timed] = end - start;
	}
}

static double ticks_per_nanosecond(void)
{
	struct timespec begin, now;
	uint64_t start = __rdtsc();
	double elapsed;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		clock_gettime(CLOCK_MONOTONIC, &now);
		elapsed = (now.tv_sec - begin.tv_sec) * 1e9 + (now.tv_nsec - begin.tv_nsec);
	} while (elapsed < 5e7);
	return (__rdtsc() - start) / elapsed;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static struct tail sum_up(uint32_t *ticks, size_t n, double rate)
{
	if (!n)
		return (struct tail){ 0 };
	qsort(ticks, n, sizeof(*ticks), compare);
	return (struct tail){ .median = ticks[n / 2] / rate,
			      .p9999 = ticks[(size_t)(n * 0.9999)] / rate,
			      .longest = ticks[n - 1] / rate };
}

static void split(const struct trace *trace, const uint32_t *ticks, struct tail *allocs,
		  struct tail *frees)
{
	size_t n = trace->n_ops - trace->timed, n_allocs = 0, n_frees = 0;
	uint32_t *sorted = malloc(2 * n * sizeof(*sorted));
	double rate = ticks_per_nanosecond();

	if (!sorted)
		abort();
	for (size_t i = 0; i < n; i++) {
		if (trace->ops[trace->timed + i].size)
			sorted[n_allocs++] = ticks[i];
		else
			sorted[n + n_frees++] = ticks[i];
	}
	*allocs = sum_up(sorted, n_allocs, rate);
	*frees = sum_up(sorted + n, n_frees, rate);
	free(sorted);
}

bool replay_tail(const struct engine *engine, const struct trace *trace, struct tail *allocs,
		 struct tail *frees)
{
	size_t size = (trace->n_ops - trace->timed) * sizeof(uint32_t);
	uint32_t *ticks = shared(size);
	bool done = true;

	memset(ticks, 0xff, size);
	fflush(NULL);
	for (int i = 0; i < TAIL_REPLAYS && done; i++) {
		pid_t child = fork();

		if (child == 0) {
			run_ticks(engine, trace, ticks);
			_exit(0);
		}
		done = reap(child);
	}
	if (done)
		split(trace, ticks, allocs, frees);
	munmap(ticks, size);
	return done;
}
