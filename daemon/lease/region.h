/* SPDX-License-Identifier: MIT */
/*
 * Regions: what there is. Plain data, kept by name and in order of id; a region lasts as long as it
 * is configured or has leases.
 */
#ifndef MMIOD_DAEMON_LEASE_REGION_H
#define MMIOD_DAEMON_LEASE_REGION_H

#include "backend/claim.h"
#include "base/by-id.h"
#include "base/interval.h"
#include "config/config.h"
#include "pool/blocks.h"

/*
 * Leases that treat others alike are kept in one interval set, so that a conflict is found without
 * looking at all.
 */
enum lease_class {
	LEASE_EXCLUSIVE,
	LEASE_READER, /* shared-read, reads */
	LEASE_WRITER, /* shared-read, writes */
	LEASE_OPEN_READER, /* shared-write, reads */
	LEASE_OPEN_WRITER, /* shared-write, writes */
	LEASE_GUEST, /* reads; an exclusive lease ends it */
	LEASE_SCATTERED, /* exclusive, of several extents, each of which is in the set by itself */
	LEASE_CLASSES,
};

/* Things that leases are of. */
enum region_kind {
	REGION_MEMORY, /* in the table of regions */
	REGION_KERNEL, /* the broker's, which stands for kernel memory */
	REGION_VECTORS, /* a device's, which stands for its vectors */
};

/* Counts of a region, or of a kind of kernel memory. */
struct tally {
	uint64_t leases; /* that are not revoked; those that are ending are none such yet */
	uint64_t bytes; /* of those */
	uint64_t grants; /* since the daemon was started, as the following */
	uint64_t denials;
	uint64_t conflicts;
};

struct region {
	enum region_kind kind;
	uint64_t id; /* the daemon's, from 1; cursor of lists */
	struct by_id_node of_all; /* in regions.by_id */
	char name[MMIOD_NAME_MAX];
	const struct config_region
		*config; /* NULL: no longer configured, goes with its last lease */
	struct backend_region hw; /* valid while claimed */
	bool claimed;
	bool stale; /* claimed, but not what the configuration in force says: grants nothing new */
	enum { REGION_SETTLED, REGION_LOOKED_AT, REGION_UNSEEN } reloaded; /* see settle.c */
	bool kept; /* stale and unused, but the backend did not take it back: tried again */
	bool reset; /* its leases are to end, for the device was reset */
	uint32_t pins; /* not to be removed while somebody works with it */
	uint64_t unsafe_round; /* in which a write at the end of a lease failed */
	char missing[TEXT_MAX]; /* why it is not claimed */
	struct interval_set occupied[LEASE_CLASSES];
	uint32_t n_leases; /* in the table, revoked ones included */
	/*
	 * Bytes of it came free, or somebody stopped waiting for some: the last round in which
	 * those who wait for it are tried (waiting.c).
	 */
	uint64_t freed;
	struct tally tallies[MMIOD_MEMORY_DMA + 1]; /* by enum mmiod_memory */
	struct blocks *blocks; /* of a pool; owned; NULL: no pool, or not yet */
	UT_hash_handle hh;
};

struct regions {
	struct region *table; /* by name, in order of id */
	struct by_id by_id;
	uint64_t last_id;
};

struct region *region_find(const struct regions *regions, const char *name);
struct region *region_find_address(const struct regions *regions, const char *text,
				   uint64_t *offset);
bool region_is_address(const char *text);
struct region *region_by_handle(const struct regions *regions, uint64_t handle);
struct region *region_after(const struct regions *regions, uint64_t id);
struct region *region_add(struct regions *regions, const char *name);
void region_remove(struct regions *regions, struct region *region);
enum mmiod_state region_state(const struct region *region); /* as it is listed */

#endif
