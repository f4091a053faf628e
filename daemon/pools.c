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
#include <time.h>
#include "daemon.h"
#include "log.h"
#include "underway.h"

#define WIPES_AT_ONCE 16 /* in one turn: each costs a window, however small it is */
#define WIPED_FOR_WORK 4096u /* bytes that are as much work as looking at a lease */
#define PIECE_NS 200000u /* of processor time that a piece may take */
#define PIECE_LEAST (16u << 10)
#define PIECE_MOST (1u << 20)

/* ---- making ---------------------------------------------------------------------------------- */

static uint64_t page_of(const struct config_region *config)
{
	return config->page ? config->page : (uint64_t)sysconf(_SC_PAGESIZE);
}

static bool wants_pool(const struct region *region)
{
	return region->claimed && !region->stale && region->config && region->config->pool;
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
	underway_lose_blocks(daemon, region);
	region->blocks = blocks_destroy(region->blocks);
}

/* -EBUSY: a lease is in the way, which ends some day. */
static int claim_leases(struct daemon *daemon, struct region *region)
{
	struct lease *lease;
	int r = underway_use(daemon, region) ? -EBUSY : 0;

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
	int r;

	turn_spend(&daemon->host, WORK_WINDOW);
	daemon->events_caused++; /* its window comes and goes */
	r = daemon->backend->ops->wipe(daemon->backend, region->hw.handle,
				       wc ? MMIOD_CACHE_WC : MMIOD_CACHE_UC, offset, length);
	if (r < 0)
		return r;
	turn_spend(&daemon->host, (unsigned int)(length / WIPED_FOR_WORK));
	daemon->wiped += length;
	return 0;
}

/* Wipes up to `most` bytes of what waits. 0: there may be more. */
int daemon_wipe_queue(struct daemon *daemon, struct region *region, uint64_t most)
{
	struct blocks *blocks = region->blocks;
	uint64_t before = blocks->wiping;
	struct pool_extent part;
	int r = 0;

	for (int i = 0; i < WIPES_AT_ONCE && most && blocks_next_dirty(blocks, &part); i++) {
		if (part.length > most)
			part.length = most;
		r = wipe(daemon, region, part.offset, part.length);
		if (r < 0)
			break;
		blocks_wiped(blocks, part.length);
		most -= part.length;
	}
	if (blocks->wiping < before)
		waiting_note_end(daemon, region);
	return r;
}

static uint64_t thread_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/*
 * Memory takes a thousand times as much in a microsecond as a slow bus does: how much a piece is
 * follows from how long the last one took. One that was cut short says only whether it was too much.
 */
static void adapt_piece(struct daemon *daemon, uint64_t took_ns, uint64_t wiped)
{
	if (took_ns > PIECE_NS && daemon->wipe_piece > PIECE_LEAST)
		daemon->wipe_piece /= 2;
	else if (took_ns < PIECE_NS / 4 && wiped >= daemon->wipe_piece &&
		 daemon->wipe_piece < PIECE_MOST)
		daemon->wipe_piece *= 2;
}

/* A piece of what waits in one region. */
static int wipe_piece(struct daemon *daemon, struct region *region)
{
	uint64_t start = thread_ns(), before = daemon->wiped;
	int r = daemon_wipe_queue(daemon, region, daemon->wipe_piece);

	adapt_piece(daemon, thread_ns() - start, daemon->wiped - before);
	return r;
}

/* Up to `*most` bytes of the part, of which what was done is taken; each costs a window as well. */
static int wipe_some(struct daemon *daemon, struct region *region, struct pool_extent *part,
		     uint64_t *most)
{
	uint64_t start = thread_ns(), least = daemon->wipe_piece / WIPES_AT_ONCE, cost;
	int r;

	if (part->length > *most)
		part->length = *most;
	r = wipe(daemon, region, part->offset, part->length);
	cost = part->length > least ? part->length : least;
	*most -= cost < *most ? cost : *most;
	adapt_piece(daemon, thread_ns() - start, part->length);
	return r;
}

/* Of what a lease is about to get: what somebody else may have had. 1: that was not all. */
int daemon_wipe_suspects(struct daemon *daemon, struct region *region, const struct extent *extent,
			 uint64_t *most)
{
	struct pool_extent part;
	int r = 0;

	while (r == 0 && blocks_next_suspect(region->blocks, extent, &part)) {
		if (!*most)
			return 1;
		r = wipe_some(daemon, region, &part, most);
		if (r == 0)
			r = blocks_trust(region->blocks, part.offset, part.length);
	}
	return r;
}

/* All of what a lease is about to get; `*zeroed`: so much of it has been. 1: that was not all. */
int daemon_zero_extent(struct daemon *daemon, struct region *region, const struct extent *extent,
		       uint64_t *zeroed, uint64_t *most)
{
	int r = 0;

	while (r == 0 && *zeroed < extent_length(extent)) {
		struct pool_extent part = { extent->span.start + *zeroed,
					    extent_length(extent) - *zeroed };

		if (!*most)
			return 1;
		r = wipe_some(daemon, region, &part, most);
		*zeroed += part.length;
	}
	return r;
}

static struct region *next_to_wipe(const struct daemon *daemon)
{
	struct region *region = region_after(&daemon->regions, daemon->wiped_region);

	while (region && (!region->blocks || !region->blocks->wiping))
		region = region_after(&daemon->regions, region->id);
	return region;
}

/*
 * All regions had their piece: from the first on again. A device that sleeps or does not answer is
 * asked again a second later.
 */
static struct region *begin_round(struct daemon *daemon)
{
	static const struct timeval later = { 1, 0 };
	struct region *region;

	daemon->wiped_region = 0;
	region = next_to_wipe(daemon);
	if (!daemon->wipe_failed)
		return region;
	daemon->wipe_failed = false;
	if (region)
		event_add(&daemon->wipe, &later);
	return NULL;
}

/* One region after the other, a piece in each turn. One that went has no pool any more. */
static void on_wipe(evutil_socket_t fd, short what, void *data)
{
	static const struct timeval at_once = { 0, 0 };
	struct daemon *daemon = data;
	struct region *region = next_to_wipe(daemon) ?: begin_round(daemon);

	if (region) {
		daemon->wipe_failed |= wipe_piece(daemon, region) < 0;
		daemon->wiped_region = region->id;
		event_add(&daemon->wipe, &at_once);
	}
	waiting_note_wiped(daemon);
}

/* ---- life ------------------------------------------------------------------------------------ */

void daemon_init_pools(struct daemon *daemon)
{
	snprintf(daemon->kernel.name, sizeof(daemon->kernel.name), "kernel memory");
	daemon->kernel.claimed = true;
	evtimer_assign(&daemon->wipe, daemon->host.base, on_wipe, daemon);
	event_priority_set(&daemon->wipe, TURN_LAST);
	daemon->wipe_piece = 4 * PIECE_LEAST;
}

void daemon_clear_pools(struct daemon *daemon)
{
	event_del(&daemon->wipe);
}
