// SPDX-License-Identifier: MIT
/*
 * bench-pool: what the daemon's pool costs and how it places, beside malloc() and a plain bitmap,
 * on workloads whose hashes are checked first. All engines of a workload run in turn, so that the
 * machine's moods meet all of them.
 *
 * bench-pool [-r RUNS] [TRACE...] the tables bench-pool -c ENGINE TRACE the timed part of a reduced
 * trace, once, to be counted from outside
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "replay.h"

#define RUNS_MAX 32
#define ENGINES_MAX 16
#define REGION_SMALL (1u << 22) /* pages */

static const char *const names[] = { "W1-50", "W1-90", "W2-50", "W2-90", "W3",
				     "W4",    "W4P",   "W4H",	"W6",	 "W1L" };
static unsigned int runs = 5;
static const char *self;

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/*
 * Instructions for each timed operation, within the allocator: callgrind says how many, once for
 * alloc and free.
 */
static double count_instructions(const struct engine *engine, const char *name)
{
	char command[512], line[256];
	unsigned long long total = 0, ops = 0;
	FILE *pipe;

	snprintf(command, sizeof(command), "tests/bench/pool/count '%s' '%s' '%s'", self,
		 engine->name, name);
	pipe = popen(command, "r");
	while (pipe && fgets(line, sizeof(line), pipe))
		sscanf(line, "%llu %llu", &total, &ops);
	if (pipe)
		pclose(pipe);
	return ops ? (double)total / ops : 0;
}

static void print_number(double value, int precision)
{
	if (value > 0)
		printf(" %8.*f", precision, value);
	else
		printf(" %8s", "-");
}

static void print_row(const struct engine *engine, const struct trace *trace, double *times,
		      const struct outcome *outcome)
{
	struct tail allocs = { 0 }, frees = { 0 };

	qsort(times, runs, sizeof(*times), compare);
	if (!engine->slow)
		replay_tail(engine, trace, &allocs, &frees);
	printf("%-6s %-16s %8.1f %8.1f", trace->name, engine->name, times[0], times[runs / 2]);
	print_number(count_instructions(engine, trace->name), 0);
	print_number(allocs.p9999, 0);
	print_number(frees.p9999, 0);
	print_number(allocs.longest > frees.longest ? allocs.longest : frees.longest, 0);
	printf(" %8.3f %8.2f", 100.0 * outcome->refused / outcome->requests,
	       trace->live ? 100.0 * outcome->unplaced / trace->live : 0.0);
	print_number(outcome->largest, 0);
	print_number(8.0 * outcome->metadata / trace->region, 3);
	printf("%s\n", engine->slow ? "  (reduced)" : "");
	fflush(stdout);
}

static void measure(const struct trace *trace, const struct trace *reduced)
{
	double times[ENGINES_MAX][RUNS_MAX];
	struct outcome outcomes[ENGINES_MAX] = { 0 };

	for (unsigned int r = 0; r < runs; r++)
		for (unsigned int e = 0; e < n_engines; e++) {
			if (engines[e].small && trace->region > REGION_SMALL)
				continue;
			if (!engines[e].slow || !r)
				outcomes[e] =
					replay(&engines[e], engines[e].slow ? reduced : trace);
			times[e][r] = outcomes[e].nanoseconds;
		}
	for (unsigned int e = 0; e < n_engines; e++)
		if (outcomes[e].done)
			print_row(&engines[e], engines[e].slow ? reduced : trace, times[e],
				  &outcomes[e]);
}

static bool bench(const char *name)
{
	struct trace trace, reduced;
	char hex[65];

	if (!trace_make(&trace, name, false) || !trace_make(&reduced, name, true)) {
		fprintf(stderr, "bench-pool: no trace %s\n", name);
		return false;
	}
	if (!trace_sha256(&trace, hex) || strncmp(hex, trace.sha256, strlen(trace.sha256)) != 0) {
		fprintf(stderr, "bench-pool: %s is not the trace that it should be\n", name);
		return false;
	}
	measure(&trace, &reduced);
	trace_free(&trace);
	trace_free(&reduced);
	return true;
}

static bool count(const char *engine, const char *name)
{
	struct trace trace;

	if (!trace_make(&trace, name, true))
		return false;
	for (unsigned int e = 0; e < n_engines; e++)
		if (strcmp(engines[e].name, engine) == 0) {
			printf("%zu\n", trace.n_ops - trace.timed);
			return replay_counted(&engines[e], &trace);
		}
	return false;
}

static void stay_on_one_processor(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

int main(int argc, char **argv)
{
	bool done = true;
	int first = 1;

	self = argv[0];
	if (argc == 4 && strcmp(argv[1], "-c") == 0)
		return count(argv[2], argv[3]) ? 0 : 1;
	if (argc > 2 && strcmp(argv[1], "-r") == 0) {
		runs = atoi(argv[2]);
		if (!runs || runs > RUNS_MAX)
			runs = RUNS_MAX;
		first = 3;
	}
	stay_on_one_processor();
	printf("%-6s %-16s %8s %8s %8s %8s %8s %8s %8s %8s %8s %8s\n", "trace", "engine", "ns min",
	       "median", "instr", "alloc4x9", "free4x9", "longest", "% fail", "% unpl", "largest",
	       "bits/pg");
	if (first == argc)
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			done &= bench(names[i]);
	for (int i = first; i < argc; i++)
		done &= bench(argv[i]);
	return done ? 0 : 1;
}
