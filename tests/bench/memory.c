// SPDX-License-Identifier: MIT
/*
 * The cost of clients and leases to the daemon in memory of its own: the anonymous memory of its
 * process, as the kernel counts it. The kernel's memory for sockets and files is not in it; the
 * echo, which keeps nothing, has as much of that.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <mmiod/mmiod.h>

#include "bench.h"

#define CLIENTS 1000
#define LEASES 100000
#define AIM_CLIENT 4096 /* bytes */
#define AIM_LEASE 512

static uint64_t anonymous(pid_t pid)
{
	char path[64], line[128];
	unsigned long long kilobytes = 0;
	FILE *file;

	settle(pid);
	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "Anonymous: %llu kB", &kilobytes) == 1)
			break;
	if (!kilobytes)
		die(path);
	fclose(file);
	return kilobytes * 1024;
}

static double open_all(struct subject *subject, void **connections)
{
	uint64_t before = anonymous(subject->pid);

	for (int i = 0; i < CLIENTS; i++)
		connections[i] = subject->open(subject);
	return (double)(anonymous(subject->pid) - before) / CLIENTS;
}

static void close_all(struct subject *subject, void **connections)
{
	for (int i = 0; i < CLIENTS; i++)
		subject->close(connections[i]);
	settle(subject->pid);
}

/*
 * Blocks of a pool, the holder of each a client. The files are closed; in simulation the leases
 * stay.
 */
static void allocate(struct mmiod_client *client, const char *pool, size_t count)
{
	struct mmiod_allocation wants[LEASES / CLIENTS] = { 0 };
	struct mmiod_lease *leases[LEASES / CLIENTS];

	for (size_t i = 0; i < count; i++)
		wants[i] = (struct mmiod_allocation){ .region = pool, .length = mmiod_page_size() };
	if (mmiod_client_allocate_many(client, wants, count, 0, leases, NULL) != (int)count)
		die(mmiod_client_error(client));
	for (size_t i = 0; i < count; i++)
		mmiod_lease_free(leases[i]);
}

static double take_leases(struct subject *mmiod, void **connections, const char *pool)
{
	uint64_t before = anonymous(mmiod->pid), taken = 0;

	for (int i = 0; i < CLIENTS; i++)
		for (size_t done = 0, part; done < LEASES / CLIENTS; done += part) {
			part = LEASES / CLIENTS - done < BATCH_MAX ? LEASES / CLIENTS - done
								   : BATCH_MAX;
			if (pool)
				allocate(connections[i], pool, part);
			else
				mmiod->lease(connections[i], taken, part);
			taken += part;
		}
	return (double)(anonymous(mmiod->pid) - before) / LEASES;
}

static void print(const char *what, double bytes, int aim)
{
	printf("%-38s %8.0f %8d  %s\n", what, bytes, aim, bytes <= aim ? "met" : "missed");
}

void memory_measure(struct subject *mmiod, struct subject *echo)
{
	static void *connections[CLIENTS];
	double bare = open_all(echo, connections), client, lease, block, again;

	close_all(echo, connections);
	client = open_all(mmiod, connections);
	lease = take_leases(mmiod, connections, NULL);
	block = take_leases(mmiod, connections, "unwiped");
	close_all(mmiod, connections);
	again = open_all(mmiod, connections);
	close_all(mmiod, connections);
	printf("Memory of the daemon's process for %d clients and %d leases, in simulation.\n\n"
	       "%-38s %8s %8s\n",
	       CLIENTS, LEASES, "for each", "bytes", "at most");
	print("idle client", client, AIM_CLIENT);
	print("idle client, after all leases ended", again, AIM_CLIENT);
	print("lease of a region's page", lease, AIM_LEASE);
	print("lease of a pool's block", block, AIM_LEASE);
	printf("%-38s %8.0f\n", "idle client of the bare echo", bare);
}
