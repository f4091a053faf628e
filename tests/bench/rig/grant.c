// SPDX-License-Identifier: MIT
/*
 * 3: from nothing to the first value read. Through the daemon (lease, map, read, unmap, release;
 * the daemon's and the kernel's work is in it, for client and daemon share the one processor),
 * beside what root does with sysfs.
 */
#include <fcntl.h>
#include <limits.h>
#include <mmiod/mmiod.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rig-bench.h"

#define TURNS 200
#define BATCH 16
#define PARK_MS 600000 /* no turn is to find its lease closed */

static volatile uint32_t sink;

static void by_sysfs(const char *path)
{
	int fd = open(path, O_RDWR | O_SYNC | O_CLOEXEC);
	void *map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (fd < 0 || map == MAP_FAILED)
		die(path);
	sink = *(volatile uint32_t *)map;
	munmap(map, PAGE);
	close(fd);
}

static struct mmiod_client *connect_to_daemon(void)
{
	struct mmiod_client *client;

	if (mmiod_client_connect(NULL, &client))
		die(mmiod_client_error(NULL));
	return client;
}

static void use(struct mmiod_lease *lease)
{
	struct mmiod_mapping *mapping;

	if (mmiod_lease_map(lease, 0, &mapping))
		die("mapping a lease");
	sink = mmiod_read32(mmiod_mapping_address(mapping));
	mmiod_mapping_free(mapping);
	mmiod_lease_free(lease);
}

static void by_lease(struct mmiod_client *client, const char *region)
{
	struct mmiod_lease *lease;

	if (mmiod_client_lease(client, region, 0, PAGE, MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE,
			       &lease))
		die(mmiod_client_error(client));
	use(lease);
}

static void by_batch(struct mmiod_client *client, const char *region)
{
	struct mmiod_lease *leases[BATCH];
	struct mmiod_want wants[BATCH];

	for (int i = 0; i < BATCH; i++)
		wants[i] = (struct mmiod_want){ .region = region,
						.offset = (uint64_t)i * PAGE,
						.length = PAGE,
						.rights = MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE };
	if (mmiod_client_lease_many(client, wants, BATCH, 0, leases, NULL) != BATCH)
		die(mmiod_client_error(client));
	for (int i = 0; i < BATCH; i++)
		use(leases[i]);
}

/* Turns of as many leases as a request can ask for; each of them counts. */
static void bench_batches(const char *region, const char *variant)
{
	struct mmiod_client *client = connect_to_daemon();
	uint64_t start;

	by_batch(client, region);
	start = ticks();
	for (int i = 0; i < TURNS; i++)
		by_batch(client, region);
	tell("grant", "mmiod", variant, "turn", (double)(ticks() - start) / TURNS / BATCH);
	mmiod_client_free(client);
}

/* Each turn on the same connection, or on a new one, or with the lease of the last turn, parked. */
static void bench_daemon(const char *region, const char *variant)
{
	struct mmiod_client *client = connect_to_daemon();
	bool connecting = !strncmp(variant, "connecting", strlen("connecting"));
	uint64_t start;

	if (!strcmp(variant, "parked") && mmiod_client_set_parking(client, PARK_MS))
		die(mmiod_client_error(client));
	by_lease(client, region);
	start = ticks();
	for (int i = 0; i < TURNS; i++) {
		if (connecting) {
			mmiod_client_free(client);
			client = connect_to_daemon();
		}
		by_lease(client, region);
	}
	tell("grant", "mmiod", variant, "turn", (double)(ticks() - start) / TURNS);
	mmiod_client_free(client);
}

static void bench_sysfs(const char *address)
{
	char path[PATH_MAX];
	uint64_t start;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource2", address);
	by_sysfs(path);
	start = ticks();
	for (int i = 0; i < TURNS; i++)
		by_sysfs(path);
	tell("grant", "sysfs", "root", "turn", (double)(ticks() - start) / TURNS);
}

void bench_grant(const char *peer, const char *target, const char *variant)
{
	if (!strcmp(peer, "sysfs"))
		bench_sysfs(target);
	else if (!strcmp(variant, "16-silent"))
		bench_batches(target, variant);
	else
		bench_daemon(target, variant);
}
