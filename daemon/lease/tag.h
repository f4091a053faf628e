/* SPDX-License-Identifier: MIT */
/*
 * The record that the daemon stores with each window in the module's ledger: all that it takes to
 * make the lease again after the daemon was killed. The module keeps these 64 bytes unread. Values
 * of version 1 never change; a later version may use what is reserved. Version 2 knows allocation,
 * version 3 the time limit; version 4 tells the start by a clock that nobody sets, in the place
 * where others have the time of day. The tag cannot be changed, so after a restart a lease that may
 * be renewed lasts its whole time from then on; one that may not ends when it was to.
 */
#ifndef MMIOD_DAEMON_LEASE_TAG_H
#define MMIOD_DAEMON_LEASE_TAG_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <linux/mmiod.h>
#include "base/holder.h"

#define TAG_MAGIC 0x67616d6du /* "mmag" */
#define TAG_VERSION 4
#define TAG_TENANT (1u << 31) /* older daemons take it for a lease of the uid */

struct tag {
	uint32_t magic;
	uint16_t version;
	uint8_t share; /* enum mmiod_share */
	uint8_t rights; /* enum mmiod_right */
	uint32_t flags; /* MMIOD_LEASE_*, and TAG_TENANT */
	uint32_t uid;
	uint32_t pid;
	uint8_t memory; /* enum mmiod_memory, from version 2 on */
	uint8_t allocated; /* 1: chosen by an allocator, from version 2 on */
	uint16_t renew; /* 1: may be renewed, from version 3 on */
	uint64_t started; /* ms of CLOCK_BOOTTIME; before version 4 seconds since 1970 */
	char comm[16]; /* zero-filled, terminated */
	uint64_t deadline_ms; /* CLOCK_BOOTTIME, 0: none; from version 3 on */
	uint32_t lease_ms; /* from version 3 on */
	uint32_t grant; /* key of the grant, from version 3 on */
};
static_assert(sizeof(struct tag) == MMIOD_TAG_SIZE, "ledger layout");

struct tag_content {
	struct holder holder;
	uint64_t started_ms; /* CLOCK_BOOTTIME */
	uint32_t rights;
	uint32_t share;
	uint32_t flags;
	uint32_t memory;
	bool allocated;
	bool renew;
	bool tenant; /* of its holder's socket, whose name has no room here */
	uint64_t deadline_ms;
	uint32_t lease_ms;
	uint32_t grant;
};

void tag_encode(const struct tag_content *content, uint8_t tag[MMIOD_TAG_SIZE]);
int tag_decode(const uint8_t tag[MMIOD_TAG_SIZE], struct tag_content *content);

#endif
