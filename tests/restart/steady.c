// SPDX-License-Identifier: MIT
/*
 * A program that goes on while daemons come and go: holds one lease and its mapping for good, and
 * leases, maps, writes, reads and gives back another, over and over, through one client, until its
 * input ends. Whatever it sees but a delay ends it with a sentence and status 1.
 *
 *	steady REGION OFFSET [PAUSE]	uses two pages of the region from there on; PAUSE is
 *					milliseconds between two rounds
 *
 * Prints "lease ID" of what it holds when it starts, "round N" now and then, and at the end how often
 * it went round and what took longest. Then it holds that lease until it is killed, so that others can look at it.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <mmiod/mmiod.h>

#define LIST_EVERY 8
#define RW (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)

static struct mmiod_client *client;
static const char *region;
static uint64_t offset;
static bool simulated; /* there leases end with the daemon, mappings and files do not */

struct held {
	struct mmiod_lease *lease;
	struct mmiod_mapping *mapping;
	volatile uint8_t *bytes;
};

static void fail(const char *what, int err)
{
	printf("%s: %s: %s\n", what, strerror(-err), mmiod_client_error(client));
	exit(1);
}

static void take(struct held *held, uint64_t where)
{
	int err = mmiod_client_lease(client, region, where, mmiod_page_size(), RW, &held->lease);

	if (err)
		fail("lease", err);
	err = mmiod_lease_map(held->lease, 0, &held->mapping);
	if (err)
		fail("map", err);
	held->bytes = mmiod_mapping_address(held->mapping);
}

static void give_back(struct held *held)
{
	int err;

	mmiod_mapping_free(held->mapping);
	err = mmiod_lease_release(held->lease);
	/* Given back to a daemon that did it and could not say so any more. */
	if (err && err != -ENOENT)
		fail("release", err);
	if (err)
		mmiod_lease_free(held->lease);
}

static void check(const struct held *held, uint32_t value, const char *which)
{
	mmiod_write32(held->bytes + 8, value);
	if (mmiod_read32(held->bytes + 8) == value)
		return;
	printf("the %s mapping does not keep what is written\n", which);
	exit(1);
}

/* Of all that this process holds, the daemon knows the one lease, and knows it once. */
static void check_list(uint64_t kept)
{
	struct mmiod_lease_list *list;
	unsigned int found = 0, others = 0;
	int err = mmiod_client_list_leases(client, &list);

	if (err)
		fail("list", err);
	for (size_t i = 0; i < mmiod_lease_list_count(list); i++) {
		const struct mmiod_lease_info *info = mmiod_lease_list_get(list, i);

		if (mmiod_lease_info_pid(info) != (uint32_t)getpid())
			continue;
		if (mmiod_lease_info_id(info) == kept &&
		    mmiod_lease_info_state(info) == MMIOD_STATE_OK)
			found++;
		else
			others++;
	}
	mmiod_lease_list_free(list);
	if ((found == 1 && !others) || simulated)
		return;
	printf("lease %llu is listed %u times, and %u leases that are not held\n",
	       (unsigned long long)kept, found, others);
	exit(1);
}

static bool goes_on(int pause_ms)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };

	return poll(&input, 1, pause_ms) == 0;
}

static unsigned int milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (unsigned int)(now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

static void go_round(const struct held *kept, unsigned int round)
{
	struct held passing;

	take(&passing, offset + mmiod_page_size());
	check(&passing, round, "passing");
	check(kept, ~round, "kept");
	give_back(&passing);
	if (round % LIST_EVERY)
		return;
	check_list(mmiod_lease_id(kept->lease));
	printf("round %u\n", round);
}

int main(int argc, char **argv)
{
	struct mmiod_status status;
	struct held kept;
	unsigned int round, slowest = 0;
	int err;

	if (argc < 3)
		return 2;
	region = argv[1];
	offset = strtoull(argv[2], NULL, 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	err = mmiod_client_connect(NULL, &client);
	if (err)
		fail("connect", err);
	err = mmiod_client_status(client, &status);
	if (err)
		fail("status", err);
	simulated = status.backend == MMIOD_BACKEND_SIMULATION;
	take(&kept, offset);
	printf("lease %llu\n", (unsigned long long)mmiod_lease_id(kept.lease));
	for (round = 0; goes_on(argc > 3 ? atoi(argv[3]) : 0); round++) {
		unsigned int before = milliseconds(), took;

		go_round(&kept, round);
		took = milliseconds() - before;
		slowest = took > slowest ? took : slowest;
	}
	check_list(mmiod_lease_id(kept.lease));
	printf("went round %u times, the slowest took %u ms\n", round, slowest);
	pause();
	return 0;
}
