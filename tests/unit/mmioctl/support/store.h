/* SPDX-License-Identifier: MIT */
/*
 * A fake daemon with memory: one region "ram" whose bytes stay where they were put, pools and
 * buffers as a test says, and a record of what was asked for.
 */
#ifndef STORE_H
#define STORE_H

#include "run.h"

#define STORE_SIZE (1 << 20)

struct store {
	unsigned int width; /* that the region declares, in bytes */
	bool admin;
	struct mmiod_wire_pool pools[2];
	size_t pool_count;
	struct mmiod_wire_extent extents[40]; /* of every pool */
	size_t extent_count;
	struct mmiod_wire_lease leases[4];
	size_t lease_count;
	struct mmiod_msg_buffer_reply buffer; /* of every lease; @msg is not used */
	enum mmiod_outcome outcome; /* of allocating and releasing */
	const char *text; /* why */

	struct fake fake;
	int file; /* the region's bytes */
	uint64_t granted; /* leases so far; they are numbered from 17 */
	uint64_t released[16]; /* what was asked for, in order */
	size_t releases;
	struct mmiod_wire_alloc alloc; /* asked for last */
};

void store_start(struct store *store);
void store_stop(struct store *store);
/* For scripts of their own. */
void store_send_leases(struct fake *fake, const struct store *store);
/* Run mmioctl against a store that is started and stopped for it. */
#define store_run(store, run, ...)                             \
	do {                                                   \
		store_start(store);                            \
		run_ctl(run, (store)->fake.path, __VA_ARGS__); \
		store_stop(store);                             \
	} while (0)

#endif
