// SPDX-License-Identifier: MIT
/* The measurements of a peer: mapping and touching all, single accesses, taking away. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig-bench.h"

#define ACCESSES 100000
#define WINDOWS_MAX 10000
#define PROCESSES_MAX 64

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

uint64_t median_of(uint64_t *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count / 2];
}

uint64_t median(uint64_t values[ROUNDS])
{
	return median_of(values, ROUNDS);
}

/* One load in each page. */
static uint64_t touch(volatile void *map, size_t length)
{
	const volatile uint8_t *byte = map;
	uint64_t start = ticks();

	for (size_t offset = 0; offset < length; offset += PAGE)
		(void)*(const volatile uint32_t *)(byte + offset);
	return ticks() - start;
}

/* KiB of page tables of this process. */
static double page_tables(void)
{
	char line[256];
	double kib = -1;
	FILE *file = fopen("/proc/self/status", "re");

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, "VmPTE:", 6))
			kib = strtod(line + 6, NULL);
	if (!file || fclose(file))
		die("/proc/self/status");
	return kib;
}

/* ---- 1: map and touch all of it -------------------------------------------------------------- */

struct map_cost {
	uint64_t map, touch,
		unmap; /* touch: what the first pass over the pages costs more than the second */
};

static struct map_cost map_once(const struct peer *peer, size_t length, double *tables)
{
	uint64_t first, second, start = ticks();
	struct map_cost cost;
	volatile void *map = peer->map(length);

	cost.map = ticks() - start;
	first = touch(map, length);
	second = touch(map, length);
	cost.touch = first > second ? first - second : 0;
	*tables = page_tables();
	start = ticks();
	munmap((void *)map, length);
	cost.unmap = ticks() - start;
	return cost;
}

void bench_map(const struct peer *peer, size_t length, const char *parameter)
{
	uint64_t map[ROUNDS], touched[ROUNDS], unmap[ROUNDS], all[ROUNDS];
	double before = page_tables(), tables;

	for (int i = 0; i < ROUNDS; i++) {
		struct map_cost cost = map_once(peer, length, &tables);

		map[i] = cost.map;
		touched[i] = cost.touch;
		unmap[i] = cost.unmap;
		all[i] = cost.map + cost.touch;
	}
	tell("map", peer->name, parameter, "map", (double)median(map));
	tell("map", peer->name, parameter, "touch", (double)median(touched));
	tell("map", peer->name, parameter, "map+touch", (double)median(all));
	tell("map", peer->name, parameter, "unmap", (double)median(unmap));
	tell("map", peer->name, parameter, "page tables KiB", tables - before);
}

/* ---- 2: one access --------------------------------------------------------------------------- */

static uint64_t read_many(volatile uint32_t *word)
{
	uint64_t start = ticks();

	for (int i = 0; i < ACCESSES; i++)
		(void)*word;
	return ticks() - start;
}

static uint64_t write_many(volatile uint32_t *word)
{
	uint64_t start = ticks();

	for (int i = 0; i < ACCESSES; i++)
		*word = (uint32_t)i;
	return ticks() - start;
}

static uint64_t mediate_many(const struct peer *peer)
{
	uint64_t start = ticks();

	for (int i = 0; i < ACCESSES / 10; i++)
		peer->read32();
	return ticks() - start;
}

void bench_access(const struct peer *peer, const char *parameter)
{
	volatile uint32_t *word = peer->map(PAGE);
	uint64_t reads[ROUNDS], writes[ROUNDS], mediated[ROUNDS];

	*word = 0;
	for (int i = 0; i < ROUNDS; i++) {
		reads[i] = read_many(word);
		writes[i] = write_many(word);
		mediated[i] = peer->read32 ? mediate_many(peer) : 0;
	}
	tell("access", peer->name, parameter, "read", (double)median(reads) / ACCESSES);
	tell("access", peer->name, parameter, "write", (double)median(writes) / ACCESSES);
	if (peer->read32)
		tell("access", peer->name, parameter, "pread",
		     (double)median(mediated) / (ACCESSES / 10.0));
}

/* ---- 4: taking away -------------------------------------------------------------------------- */

struct holders {
	pid_t pids[PROCESSES_MAX];
	int count; /* this process is one more */
};

/* Children that have what this process has mapped, page tables included, and do nothing. */
static void add_holders(struct holders *holders, int count)
{
	for (holders->count = 0; holders->count < count; holders->count++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork");
		if (!pid) {
			pause();
			_exit(0);
		}
		holders->pids[holders->count] = pid;
	}
}

static void end_holders(struct holders *holders)
{
	for (int i = 0; i < holders->count; i++) {
		kill(holders->pids[i], SIGKILL);
		waitpid(holders->pids[i], NULL, 0);
	}
}

struct windows {
	uint64_t ids[WINDOWS_MAX];
	volatile void *maps[WINDOWS_MAX];
	int count;
};

/* Windows of a page each, mapped and touched; their files are closed, as many programs do. */
static void make_windows(struct windows *windows, int count)
{
	for (int i = 0; i < count; i++) {
		int fd;

		windows->ids[i] = mmiod_window((uint64_t)i * PAGE, PAGE, &fd);
		windows->maps[i] = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
		if (windows->maps[i] == MAP_FAILED)
			die("mapping a window");
		(void)*(volatile uint32_t *)windows->maps[i];
		close(fd);
	}
	windows->count = count;
}

static void end_windows(struct windows *windows)
{
	for (int i = 0; i < windows->count; i++)
		munmap((void *)windows->maps[i], PAGE);
}

/* Revokes `count` of `total` windows that `processes` have mapped, and tells what one costs. */
static void revoke_some(int total, int count, int processes)
{
	static struct windows windows;
	struct holders holders;
	char parameter[64];
	uint64_t start;

	make_windows(&windows, total);
	add_holders(&holders, processes - 1);
	start = ticks();
	for (int i = 0; i < count; i++)
		mmiod_revoke(windows.ids[i]);
	start = ticks() - start;
	end_holders(&holders);
	end_windows(&windows);
	snprintf(parameter, sizeof(parameter), "%d of %d", count, total);
	tell("revoke", processes == 1 ? "1 process" : "64 processes", parameter, "each",
	     (double)start / count);
}

void bench_revoke(const char *parameter)
{
	static const struct {
		int total, count;
	} cases[] = { { 1, 1 }, { 100, 100 }, { 10000, 1 }, { 10000, 100 }, { 10000, 10000 } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		revoke_some(cases[i].total, cases[i].count, 1);
		revoke_some(cases[i].total, cases[i].count, PROCESSES_MAX);
	}
}

/* All of one BAR, mapped and touched by this process and as many more, taken at once. */
static void zap_once(const struct peer *peer, volatile void *map, size_t length, int processes,
		     const char *parameter)
{
	struct holders holders;
	uint64_t start;

	touch(map, length);
	add_holders(&holders, processes - 1);
	start = ticks();
	peer->zap();
	start = ticks() - start;
	end_holders(&holders);
	tell("zap", peer->name, parameter, processes == 1 ? "1 process" : "64 processes",
	     (double)start);
}

void bench_zap(const struct peer *peer, size_t length, const char *parameter)
{
	int processes = getenv("MMIOD_BENCH_PROCESSES") ? PROCESSES_MAX : 1;

	zap_once(peer, peer->map(length), length, processes, parameter);
}
