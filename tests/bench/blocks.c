// SPDX-License-Identifier: MIT
/*
 * The cost of a pool's block through the daemon: so many are allocated in one call and released
 * again, each with a file. Beside it a lease by offset, which chooses nothing, and the bare echo,
 * which only hands out files.
 */
#include <stdio.h>
#include <stdlib.h>
#include <mmiod/mmiod.h>

#include "bench.h"

#define COUNT_MAX 256
#define BLOCKS 4096 /* in one round */

static const size_t counts[] = { 1, 16, COUNT_MAX };
#define COUNTS (sizeof(counts) / sizeof(counts[0]))

static uint64_t releasing; /* ns spent in it */

static void release(struct mmiod_client *client, struct mmiod_lease **leases, size_t count)
{
	uint64_t start = wall_ns();

	if (mmiod_client_release_many(client, leases, count) < 0)
		die(mmiod_client_error(client));
	releasing += wall_ns() - start;
}

static void allocate(void *client, const char *pool, size_t count)
{
	struct mmiod_allocation wants[COUNT_MAX] = { 0 };
	struct mmiod_lease *leases[COUNT_MAX];

	for (size_t i = 0; i < count; i++)
		wants[i] = (struct mmiod_allocation){ .region = pool, .length = mmiod_page_size() };
	if (mmiod_client_allocate_many(client, wants, count, 0, leases, NULL) != (int)count)
		die(mmiod_client_error(client));
	release(client, leases, count);
}

static void take_pool(struct subject *subject, void *connection, size_t count)
{
	allocate(connection, "pool", count);
}

static void take_unwiped(struct subject *subject, void *connection, size_t count)
{
	allocate(connection, "unwiped", count);
}

static void take_offsets(struct subject *subject, void *client, size_t count)
{
	struct mmiod_want wants[COUNT_MAX] = { 0 };
	struct mmiod_lease *leases[COUNT_MAX];

	for (size_t i = 0; i < count; i++)
		wants[i] = (struct mmiod_want){ .region = "bench",
						.offset = i * mmiod_page_size(),
						.length = mmiod_page_size(),
						.rights = MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE };
	if (mmiod_client_lease_many(client, wants, count, 0, leases, NULL) != (int)count)
		die(mmiod_client_error(client));
	release(client, leases, count);
}

static void take_echo(struct subject *subject, void *connection, size_t count)
{
	subject->lease(connection, 0, count);
}

enum { WIPED, UNWIPED, OFFSETS, BARE, WAYS };

static const struct way {
	const char *name;
	void (*take)(struct subject *subject, void *connection, size_t count);
} ways[WAYS] = {
	[WIPED] = { "pool, wiped after", take_pool },
	[UNWIPED] = { "pool", take_unwiped },
	[OFFSETS] = { "lease by offset", take_offsets },
	[BARE] = { "echo, no release", take_echo },
};

struct figures {
	double release[ROUNDS_MAX];
	double time[ROUNDS_MAX];
	double cpu[ROUNDS_MAX];
};

static void measure(const struct way *way, struct subject *subject, size_t count,
		    struct figures *figures, int round)
{
	void *connection = subject->open(subject);
	uint64_t cpu, wall;

	settle(subject->pid);
	releasing = 0;
	cpu = cpu_ns(subject->pid);
	wall = wall_ns();
	for (size_t done = 0; done < BLOCKS; done += count)
		way->take(subject, connection, count);
	figures->time[round] = (double)(wall_ns() - wall - releasing) / BLOCKS;
	figures->release[round] = (double)releasing / BLOCKS;
	settle(subject->pid); /* what is wiped later counts as well */
	figures->cpu[round] = (double)(cpu_ns(subject->pid) - cpu) / BLOCKS;
	subject->close(connection);
	settle(subject->pid);
}

void blocks_measure(struct subject *mmiod, struct subject *echo, int rounds)
{
	static struct figures figures[WAYS][COUNTS];

	for (int round = 0; round < rounds; round++)
		for (size_t c = 0; c < COUNTS; c++)
			for (int w = 0; w < WAYS; w++)
				measure(&ways[w], w == BARE ? echo : mmiod, counts[c],
					&figures[w][c], round);
	printf("Allocating and releasing blocks of a page through the daemon, in simulation; "
	       "medians of "
	       "%d rounds in turns, for each block. Ratios are to the time of echo.\n\n"
	       "%7s %-18s %11s %8s %11s %12s\n",
	       rounds, "at once", "what", "to allocate", "ratio", "to release", "daemon's CPU");
	for (size_t c = 0; c < COUNTS; c++)
		for (int w = 0; w < WAYS; w++)
			printf("%7zu %-18s %8.2f us %8.2f %8.2f us %9.2f us\n", counts[c],
			       ways[w].name, quantile(figures[w][c].time, rounds, 0.5) / 1e3,
			       quantile(figures[w][c].time, rounds, 0.5) /
				       quantile(figures[BARE][c].time, rounds, 0.5),
			       quantile(figures[w][c].release, rounds, 0.5) / 1e3,
			       quantile(figures[w][c].cpu, rounds, 0.5) / 1e3);
}
