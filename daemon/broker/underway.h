/* SPDX-License-Identifier: MIT */
/*
 * Requests whose leases are being taken in more than one turn. Their plans are in no table yet, so
 * code that changes a region, a pool or the configuration asks them, and spoils those that it
 * concerns: they are undone and planned anew in their own turns.
 */
#ifndef MMIOD_DAEMON_BROKER_UNDERWAY_H
#define MMIOD_DAEMON_BROKER_UNDERWAY_H

#include <stdbool.h>
#include <stdint.h>

struct broker;
struct region;
struct underway;

struct underway_ops {
	/* Has it taken anything of the region? */
	bool (*uses)(const struct underway *underway, const struct region *region);
	/* Has it planned a guest of these bytes? */
	bool (*has_guest)(const struct underway *underway, const struct region *region,
			  uint64_t start, uint64_t end);
	/* Did it make this window? */
	bool (*has_window)(const struct underway *underway, uint64_t id);
	/* The pool is no more, and its blocks are nobody's to give back. */
	void (*lose_blocks)(struct underway *underway, const struct region *region);
	/* At the daemon's end. Nobody is told of what comes free; it is gone afterwards. */
	void (*clear)(struct underway *underway);
};

/* Embedded in the request that it stands for. */
struct underway {
	const struct underway_ops *ops;
	bool spoiled; /* its plans are as they were, but no longer to be had */
	struct underway *prev, *next; /* in broker->underway */
};

bool underway_use(const struct broker *broker, const struct region *region);
bool underway_have(const struct broker *broker, uint64_t id);
void underway_spoil(struct broker *broker, const struct region *region);
void underway_spoil_guests(struct broker *broker, const struct region *region, uint64_t start,
			   uint64_t end);
void underway_spoil_window(struct broker *broker, uint64_t id);
void underway_lose_blocks(struct broker *broker, const struct region *region);
void underway_clear(struct broker *broker);

#endif
