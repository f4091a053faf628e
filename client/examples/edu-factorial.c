/* SPDX-License-Identifier: MIT */
/*
 * edu-factorial: let QEMU's "edu" device compute a factorial, by its registers, without privileges.
 *
 *	edu-factorial [N [REGION]]	N from 0 to 12 (12! is the last that fits 32 bits);
 *					REGION is "edu"
 *
 * A register is not memory: it answers one access of its own width and nothing else. The edu device
 * takes 32-bit accesses only, reading may change it, and the order of accesses matters. So:
 * mmiod_read32() and mmiod_write32(), each of which is exactly one load or store, on a window that
 * is uncached.
 *
 *	0x00	identification, 0xRRrr00ed: 0x010000ed for version 1.0
 *	0x08	factorial: write N, read N! when the status says so
 *	0x20	status, bit 0: computing
 *
 * Build: cc edu-factorial.c $(pkg-config --cflags --libs mmiod)
 */
#include <mmiod/mmiod.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define EDU_ID 0x00
#define EDU_FACTORIAL 0x08
#define EDU_STATUS 0x20
#define EDU_STATUS_COMPUTING 0x01u

#define EDU_MAGIC 0x000000edu
#define TRIES 1000 /* of 1 ms */

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "edu-factorial: %s: %s\n", what, why);
	return 1;
}

static int wait_until_idle(volatile char *edu)
{
	struct timespec pause = { .tv_nsec = 1000000 };

	for (int i = 0; i < TRIES; i++) {
		if (!(mmiod_read32(edu + EDU_STATUS) & EDU_STATUS_COMPUTING))
			return 0;
		nanosleep(&pause, NULL);
	}
	return -ETIMEDOUT;
}

static int compute(volatile char *edu, uint32_t n)
{
	uint32_t id = mmiod_read32(edu + EDU_ID), expected = 1, result;

	printf("identification 0x%08x\n", id);
	if ((id & 0xffff) != EDU_MAGIC)
		return fail("identification", "not an edu device");
	mmiod_write32(edu + EDU_FACTORIAL, n);
	if (wait_until_idle(edu))
		return fail("factorial", "the device does not finish");
	result = mmiod_read32(edu + EDU_FACTORIAL);
	printf("%u! = %u\n", n, result);
	for (uint32_t i = 2; i <= n; i++)
		expected *= i;
	return result == expected ? 0 : fail("factorial", "the device is wrong");
}

int main(int argc, char **argv)
{
	unsigned long n = argc > 1 ? strtoul(argv[1], NULL, 0) : 12;
	const char *region = argc > 2 ? argv[2] : "edu";
	struct mmiod_client *client;
	struct mmiod_mapping *mapping;
	struct mmiod_lease *lease;
	int result;

	if (n > 12)
		return fail(argv[1], "12! is the last that fits 32 bits");
	if (mmiod_client_connect(NULL, &client))
		return fail("connect", mmiod_client_error(NULL));
	/* The registers lie in the first page; a page is the least that can be mapped. */
	if (mmiod_client_lease(client, region, 0, mmiod_page_size(),
			       MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE, &lease))
		return fail(region, mmiod_client_error(client));
	if (mmiod_lease_map(lease, 0, &mapping))
		return fail("map", mmiod_client_error(client));

	result = compute(mmiod_mapping_address(mapping), (uint32_t)n);

	mmiod_mapping_free(mapping);
	mmiod_lease_free(lease);
	mmiod_client_free(client);
	return result;
}
