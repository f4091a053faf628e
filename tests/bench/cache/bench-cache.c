/* SPDX-License-Identifier: MIT */
/*
 * bench-cache: what an object of an object cache costs, beside malloc() of the same sizes, on W5: a
 * million live objects of 64 to 2040 bytes, four million frees and allocations in random order. 41
 * caches, eight to the octave, share the sizes.
 *
 * bench-cache [-r RUNS]	the table: every thread replays the whole trace with its own objects
 * bench-cache -c ENGINE	the timed part of the reduced trace, once, for counting from outside
 *
 * Times are the thread's own processor time, loop and handle table included: row null is what to
 * subtract.
 */
#include <malloc.h>
#include <mmiod/mmiod.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "../pool/trace.h"

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_ZERO_STATS
#endif

#define CLASSES 41
#define RUNS_MAX 32
#define THREADS_MAX 2

static struct mmiod_object_cache *caches[CLASSES];
static struct mmiod_slab_provider *provider;

/* ---- engines; each pays one call, and is told the size again when it frees ---- */

void *alloc_null(uint32_t size);
void free_null(void *object, uint32_t size);
void *alloc_malloc(uint32_t size);
void free_malloc(void *object, uint32_t size);
void *alloc_cache(uint32_t size);
void free_cache(void *object, uint32_t size);

__attribute__((noinline)) void *alloc_null(uint32_t size)
{
	return (void *)(uintptr_t)size;
}

__attribute__((noinline)) void free_null(void *object, uint32_t size)
{
	__asm__ volatile("" ::"r"(object), "r"(size));
}

__attribute__((noinline)) void *alloc_malloc(uint32_t size)
{
	return malloc(size);
}

__attribute__((noinline)) void free_malloc(void *object, uint32_t size)
{
	free(object);
}

/* Octaves from 64 on in eight steps each; the class's objects are as large as its largest size. */
static inline unsigned int class_of(uint32_t size)
{
	unsigned int octave = 25 - (unsigned int)__builtin_clz(size - 1);

	return size <= 64 ? 0 : octave * 8 + ((size - 1) >> (octave + 3)) - 7;
}

static uint32_t class_size(unsigned int class)
{
	return class ? (8 + (class - 1) % 8 + 1) << (3 + (class - 1) / 8) : 64;
}

__attribute__((noinline)) void *alloc_cache(uint32_t size)
{
	return mmiod_object_cache_alloc(caches[class_of(size)]);
}

__attribute__((noinline)) void free_cache(void *object, uint32_t size)
{
	mmiod_object_cache_free(caches[class_of(size)], object);
}

static void open_caches(unsigned int flags)
{
	char error[256];

	mmiod_slab_provider_anonymous(&provider);
	for (unsigned int class = 0; class < CLASSES; class ++) {
		char name[MMIOD_OBJECT_CACHE_NAME_MAX];
		struct mmiod_object_cache_options options = { .name = name,
							      .object_size = class_size(class),
							      .alignment = 16,
							      .flags = flags,
							      .provider = provider };

		snprintf(name, sizeof(name), "size-%u", class_size(class));
		if (mmiod_object_cache_create(&options, &caches[class], error, sizeof(error))) {
			fprintf(stderr, "bench-cache: %s\n", error);
			exit(1);
		}
	}
}

static void open_with_magazines(void)
{
	open_caches(0);
}

static void open_without_magazines(void)
{
	open_caches(MMIOD_OBJECT_CACHE_NO_MAGAZINES);
}

static void open_nothing(void)
{
}

static const struct engine {
	const char *name;
	void (*open)(void);
	void *(*alloc)(uint32_t size);
	void (*free)(void *object, uint32_t size);
} engines[] = {
	{ "null", open_nothing, alloc_null, free_null },
	{ "malloc", open_nothing, alloc_malloc, free_malloc },
	{ "cache", open_with_magazines, alloc_cache, free_cache },
	{ "cache-slabs", open_without_magazines, alloc_cache, free_cache }, /* no magazines */
};
#define ENGINES (sizeof(engines) / sizeof(*engines))

/* ---- replay ---- */

struct handle {
	void *object;
	uint32_t size;
};

struct player {
	pthread_t thread;
	const struct engine *engine;
	const struct trace *trace;
	struct handle *handles;
	double nanoseconds; /* each timed operation */
	uint64_t refused;
};

static void play(struct player *player, size_t from, size_t to)
{
	const struct engine *engine = player->engine;

	for (size_t i = from; i < to; i++) {
		const struct trace_op *op = &player->trace->ops[i];
		struct handle *handle = &player->handles[op->id];

		if (op->size) {
			handle->object = engine->alloc(op->size);
			handle->size = op->size;
			player->refused += !handle->object;
		} else {
			engine->free(handle->object, handle->size);
		}
	}
}

static double cpu_time(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static pthread_barrier_t filled;

static void *play_all(void *argument)
{
	struct player *player = argument;
	const struct trace *trace = player->trace;
	double start;

	play(player, 0, trace->timed);
	pthread_barrier_wait(&filled);
	start = cpu_time();
	play(player, trace->timed, trace->n_ops);
	player->nanoseconds = (cpu_time() - start) / (double)(trace->n_ops - trace->timed);
	pthread_barrier_wait(
		&filled); /* its magazines count, so it must not end before the others */
	pthread_barrier_wait(&filled);
	return NULL;
}

/* ---- one measurement, in a process of its own ---- */

struct outcome {
	double nanoseconds;
	double host_said; /* bytes of bookkeeping for a live object, by the caches' own count */
	double host_found; /* what the heap grew by */
	double waste; /* per cent of the slabs that is no object's */
};

static size_t heap_now(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static void account(struct outcome *outcome, const struct engine *engine, double live, double bytes)
{
	double host = 0, slabs = 0;

	if (engine->alloc == alloc_malloc)
		outcome->host_found -= bytes / live;
	if (engine->alloc != alloc_cache)
		return;
	for (unsigned int class = 0; class < CLASSES; class ++) {
		struct mmiod_object_cache_stats stats;

		mmiod_object_cache_stats(caches[class], &stats);
		host += (double)stats.host_bytes;
		slabs += (double)stats.slabs * (double)stats.slab_size;
	}
	outcome->host_said = host / live;
	outcome->waste = 100 * (slabs - bytes) / slabs;
}

static struct outcome run(const struct engine *engine, const struct trace *trace,
			  unsigned int threads)
{
	struct player players[THREADS_MAX] = { 0 };
	struct outcome outcome = { 0 };
	double live = (double)trace->timed * threads;
	size_t before;

	pthread_barrier_init(&filled, NULL, threads + 1);
	for (unsigned int i = 0; i < threads; i++) {
		players[i].engine = engine;
		players[i].trace = trace;
		players[i].handles = calloc(trace->n_ids, sizeof(struct handle));
	}
	before = heap_now();
	engine->open();
	for (unsigned int i = 0; i < threads; i++)
		pthread_create(&players[i].thread, NULL, play_all, &players[i]);
	pthread_barrier_wait(&filled);
	pthread_barrier_wait(&filled);
	outcome.host_found = (double)(heap_now() - before) / live;
	account(&outcome, engine, live, (double)trace->live * threads);
	pthread_barrier_wait(&filled);
	for (unsigned int i = 0; i < threads; i++) {
		pthread_join(players[i].thread, NULL);
		outcome.nanoseconds += players[i].nanoseconds / threads;
		if (players[i].refused)
			exit(1);
	}
	return outcome;
}

static struct outcome run_apart(const struct engine *engine, const struct trace *trace,
				unsigned int threads)
{
	struct outcome outcome;
	int ends[2], status;
	pid_t child;

	if (pipe(ends) || (child = fork()) < 0)
		exit(1);
	if (!child) {
		outcome = run(engine, trace, threads);
		_exit(write(ends[1], &outcome, sizeof(outcome)) != sizeof(outcome));
	}
	close(ends[1]);
	if (read(ends[0], &outcome, sizeof(outcome)) != sizeof(outcome)) {
		fprintf(stderr, "bench-cache: %s did not finish\n", engine->name);
		exit(1);
	}
	close(ends[0]);
	waitpid(child, &status, 0);
	return outcome;
}

/* ---- the table ---- */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double instructions(const char *self, const char *engine)
{
	unsigned long long total = 0, operations = 0;
	char command[512], line[256];
	FILE *pipe;

	snprintf(command, sizeof(command), "tests/bench/cache/count '%s' '%s'", self, engine);
	pipe = popen(command, "r");
	while (pipe && fgets(line, sizeof(line), pipe))
		sscanf(line, "%llu %llu", &total, &operations);
	if (pipe)
		pclose(pipe);
	return operations ? (double)total / (double)operations : 0;
}

/* All engines in turn, so that the machine's moods meet all of them. */
static void measure(const struct trace *trace, unsigned int threads, unsigned int runs,
		    const char *self)
{
	double times[ENGINES][RUNS_MAX];
	struct outcome outcomes[ENGINES];

	for (unsigned int r = 0; r < runs; r++)
		for (size_t e = 0; e < ENGINES; e++) {
			outcomes[e] = run_apart(&engines[e], trace, threads);
			times[e][r] = outcomes[e].nanoseconds;
		}
	for (size_t e = 0; e < ENGINES; e++) {
		double count = threads == 1 ? instructions(self, engines[e].name) : 0;

		qsort(times[e], runs, sizeof(double), compare);
		printf("%-12s %7u %8.1f %8.1f", engines[e].name, threads, times[e][0],
		       times[e][runs / 2]);
		if (count > 0)
			printf(" %8.1f", count);
		else
			printf(" %8s", "-");
		printf(" %10.2f %10.2f %7.1f\n", outcomes[e].host_said, outcomes[e].host_found,
		       outcomes[e].waste);
		fflush(stdout);
	}
}

static int count_only(const char *name)
{
	struct player player = { 0 };
	struct trace trace;
	size_t e = 0;

	while (e < ENGINES && strcmp(engines[e].name, name) != 0)
		e++;
	if (e == ENGINES || !trace_make(&trace, "W5", true))
		return 1;
	player = (struct player){ .engine = &engines[e], .trace = &trace };
	player.handles = calloc(trace.n_ids, sizeof(struct handle));
	engines[e].open();
	play(&player, 0, trace.timed);
	CALLGRIND_ZERO_STATS;
	play(&player, trace.timed, trace.n_ops);
	printf("%zu\n", trace.n_ops - (size_t)trace.timed);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned int runs = 5;
	struct trace trace;
	char hex[65];
	int option;

	while ((option = getopt(argc, argv, "r:c:")) != -1) {
		if (option == 'c')
			return count_only(optarg);
		runs = option == 'r' ? (unsigned int)strtoul(optarg, NULL, 10) : 0;
	}
	if (!runs || runs > RUNS_MAX || optind < argc) {
		fprintf(stderr, "Usage: bench-cache [-r RUNS] | -c ENGINE\n");
		return 2;
	}
	if (!trace_make(&trace, "W5", false) || !trace_sha256(&trace, hex) ||
	    strncmp(hex, trace.sha256, strlen(trace.sha256)) != 0) {
		fprintf(stderr, "bench-cache: W5 is not what its figures were measured with\n");
		return 1;
	}
	printf("%-12s %7s %8s %8s %8s %10s %10s %7s\n", "W5", "threads", "ns min", "median",
	       "instr", "host said", "B/obj heap", "waste %");
	measure(&trace, 1, runs, argv[0]);
	measure(&trace, 2, runs, argv[0]);
	trace_free(&trace);
	return 0;
}
