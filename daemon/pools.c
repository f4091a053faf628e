// SPDX-License-Identifier: MIT
/*
 * Pools: the regions that the configuration gives to the allocator. A pool is made as soon as its
 * region is claimed and nobody holds bytes of it that the allocator did not choose; after a restart
 * it is made of the leases in the ledger.
 *
 * Wiping: blocks that come back are wiped in the turns of the loop in which nothing else is to be
 * done first, a bounded part in each. What was free when the pool was made is wiped when it is
 * granted.
 */
#include <string.h>
#include "daemon.h"
#include "log.h"

#define WIPES_AT_ONCE 64 /* in one turn: each costs a window, however small it is */

/* ---- making ---------------------------------------------------------------------------------- */

static uint64_t page_of(const struct config_region *config)
{
	return config->page ? config->page : (uint64_t)sysconf(_SC_PAGESIZE);
}

static bool wants_pool(const struct region *region)
{
	return region->claimed && region->config && region->config->pool;
}

static bool is_as_wanted(const struct region *region)
{
	const struct blocks *blocks = region->blocks;

	return wants_pool(region) && blocks->page == page_of(region->config) &&
	       blocks->wipe == region->config->wipe && blocks->handle == region->hw.handle;
}

/* Its leases go on to be leases of plain bytes. */
static void unmake(struct daemon *daemon, struct region *region)
{
	for (struct lease *lease = daemon->leases.table; lease; lease = lease->hh.next) {
		if (lease->region != region)
			continue;
		free(lease->extent);
		lease->extent = NULL;
	}
	region->blocks = blocks_destroy(region->blocks);
}

/* -EBUSY: a lease is in the way, which ends some day. */
static int claim_leases(struct daemon *daemon, struct region *region)
{
	struct lease *lease;
	int r = 0;

	for (lease = daemon->leases.table; lease && r == 0; lease = lease->hh.next) {
		if (lease->region != region || lease->state == MMIOD_STATE_REVOKED)
			continue;
		r = !lease->allocated ? -EBUSY
				      : blocks_claim(region->blocks, lease->offset, lease->length,
						     &lease->extent);
		if (r == -EINVAL)
			r = -EBUSY; /* it was made with pages of another size */
	}
	return r;
}

static void on_dirtied(void *data)
{
	static const struct timeval at_once = { 0, 0 };
	struct daemon *daemon = data;

	if (!event_pending(&daemon->wipe, EV_TIMEOUT, NULL))
		event_add(&daemon->wipe, &at_once);
}

static void make(struct daemon *daemon, struct region *region)
{
	int r = blocks_new(&region->blocks, region->hw.length, page_of(region->config),
			   region->config->wipe);

	if (r == 0) {
		region->blocks->handle = region->hw.handle;
		region->blocks->dirtied = on_dirtied;
		region->blocks->data = daemon;
		r = claim_leases(daemon, region);
	}
	if (r == 0)
		r = blocks_suspect_free(region->blocks);
	if (r == 0)
		return;
	unmake(daemon, region);
	if (r != -EBUSY)
		log_error("region %s cannot be a pool of pages of %llu bytes: %s", region->name,
			  (unsigned long long)page_of(region->config), strerror(-r));
}

/* Brings the pool in line with what the region is and what the configuration wants of it. */
void daemon_fit_pool(struct daemon *daemon, struct region *region)
{
	if (region->blocks && !is_as_wanted(region))
		unmake(daemon, region);
	if (!region->blocks && wants_pool(region))
		make(daemon, region);
}

/* ---- wiping ---------------------------------------------------------------------------------- */

/*
 * Write-combining is many times faster where it may be
 * had; nobody has a window there that could disagree.
 */
static int wipe(struct daemon *daemon, struct region *region, uint64_t offset, uint64_t length)
{
	bool wc = region->config && region->config->caches & 1u << MMIOD_CACHE_WC;

	return daemon->backend->ops->wipe(daemon->backend, region->hw.handle,
					  wc ? MMIOD_CACHE_WC : MMIOD_CACHE_UC, offset, length);
}

/* Wipes up to `most` bytes of what waits, some pages at least. 0: there may be more. */
int daemon_wipe_queue(struct daemon *daemon, struct region *region, uint64_t most)
{
	struct blocks *blocks = region->blocks;
	struct pool_extent part;
	int r = 0;

	if (most < blocks->page)
		most = blocks->page;
	for (int i = 0; i < WIPES_AT_ONCE && blocks_next_dirty(blocks, &part); i++) {
		if (part.length > most)
			part.length = most / blocks->page * blocks->page;
		if (!part.length)
			break;
		r = wipe(daemon, region, part.offset, part.length);
		if (r < 0)
			break;
		blocks_wiped(blocks, part.length);
		most -= part.length;
	}
	return r;
}

/* What a lease is about to get: its suspect parts, or all. */
int daemon_wipe_extent(struct daemon *daemon, struct region *region, const struct extent *extent,
		       bool all)
{
	struct pool_extent part = { extent->span.start, extent_length(extent) };
	int r = 0;

	while (r == 0 && (all || blocks_next_suspect(region->blocks, extent, &part))) {
		r = wipe(daemon, region, part.offset, part.length);
		if (r == 0)
			r = blocks_trust(region->blocks, part.offset, part.length);
		all = false;
	}
	return r;
}

/*
 * A device that sleeps or does not answer is asked again
 * a second later; one that went has no pool any more.
 */
static void on_wipe(evutil_socket_t fd, short what, void *data)
{
	static const struct timeval at_once = { 0, 0 }, later = { 1, 0 };
	struct daemon *daemon = data;
	bool more = false, failed = false;

	for (struct region *region = daemon->regions.table; region; region = region->hh.next) {
		if (!region->blocks || !region->blocks->wiping)
			continue;
		failed |= daemon_wipe_queue(daemon, region, POOLS_WIPE_AT_ONCE) < 0;
		more |= region->blocks->wiping > 0;
		region->freed = true;
	}
	if (more)
		event_add(&daemon->wipe, failed ? &later : &at_once);
	waiting_try(daemon);
}

/* ---- life ------------------------------------------------------------------------------------ */

void daemon_init_pools(struct daemon *daemon)
{
	snprintf(daemon->kernel.name, sizeof(daemon->kernel.name), "kernel memory");
	daemon->kernel.claimed = true;
	evtimer_assign(&daemon->wipe, daemon->host.base, on_wipe, daemon);
}

void daemon_clear_pools(struct daemon *daemon)
{
	event_del(&daemon->wipe);
}
