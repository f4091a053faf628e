// SPDX-License-Identifier: MIT
/*
 * Pools: the regions that the configuration gives to the allocator. A pool is made as soon as its
 * region is claimed and nobody holds bytes of it that the allocator did not choose; after a restart
 * it is made of the leases in the ledger.
 *
 * Wiping: blocks that come back are wiped in the turns of the loop in which nothing else is to be
 * done first, a bounded part in each. Blocks that were free when the pool was made are wiped when
 * they are granted.
 */
#include <string.h>
#include <time.h>
#include "base/log.h"
#include "broker/broker.h"
#include "broker/underway.h"

#define WIPES_AT_ONCE 16 /* in one turn: each costs a window, however small it is */
#define WIPED_FOR_WORK 4096u /* bytes that are as much work as looking at a lease */
#define PIECE_NS 200000u /* of processor time that a piece may take */
#define PIECE_LEAST (16u << 10)
#define PIECE_MOST (1u << 20)

/* ---- making ---------------------------------------------------------------------------------- */

static uint64_t page_of(const struct config_region *config)
{
	return config->page ? config->page : page_size();
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
static void unmake(struct broker *broker, struct region *region)
{
	for (struct lease *lease = lease_after(&broker->leases, 0); lease;
	     lease = lease_after(&broker->leases, lease->id)) {
		if (lease->region != region)
			continue;
		extents_free(steal_pointer(lease->extents));
	}
	underway_lose_blocks(broker, region);
	region->blocks = blocks_destroy(region->blocks);
}

/* -EBUSY: a lease is in the way, which ends some day. */
static int claim_leases(struct broker *broker, struct region *region)
{
	struct lease *lease;
	int r = underway_use(broker, region) ? -EBUSY : 0;

	for (lease = lease_after(&broker->leases, 0); lease && r == 0;
	     lease = lease_after(&broker->leases, lease->id)) {
		if (lease->region != region || lease->state == MMIOD_STATE_REVOKED)
			continue;
		r = lease->allocated ? lease_claim_blocks(lease) : -EBUSY;
		if (r == -EINVAL)
			r = -EBUSY; /* it was made with pages of another size */
	}
	return r;
}

static void on_dirtied(void *data)
{
	static const struct timeval at_once = { 0, 0 };
	struct broker *broker = data;

	if (!event_pending(&broker->wiping.event, EV_TIMEOUT, NULL))
		event_add(&broker->wiping.event, &at_once);
}

static void make(struct broker *broker, struct region *region)
{
	int r = blocks_new(&region->blocks, region->hw.length, page_of(region->config),
			   region->config->wipe);

	if (r == 0) {
		region->blocks->handle = region->hw.handle;
		region->blocks->dirtied = on_dirtied;
		region->blocks->data = broker;
		r = claim_leases(broker, region);
	}
	if (r == 0)
		r = blocks_suspect_free(region->blocks);
	if (r == 0)
		return;
	unmake(broker, region);
	if (r != -EBUSY)
		log_error("region %s cannot be a pool of pages of %llu bytes: %s", region->name,
			  (unsigned long long)page_of(region->config), strerror(-r));
}

/* Brings the pool in line with what the region is and what the configuration wants of it. */
void pools_fit(struct broker *broker, struct region *region)
{
	if (region->blocks && !is_as_wanted(region))
		unmake(broker, region);
	if (!region->blocks && wants_pool(region))
		make(broker, region);
}

/* ---- wiping ---------------------------------------------------------------------------------- */

/*
 * Write-combining is many times faster where it may be had; nobody has a window there that could
 * disagree.
 */
static int wipe(struct broker *broker, struct region *region, uint64_t offset, uint64_t length)
{
	bool wc = region->config && region->config->memtypes & 1u << MMIOD_MEMTYPE_WC;
	int r;

	turn_spend(&broker->host, WORK_WINDOW);
	broker->events.caused++; /* its window comes and goes */
	r = broker->backend->ops->wipe(broker->backend, region->hw.handle,
				       wc ? MMIOD_MEMTYPE_WC : MMIOD_MEMTYPE_UC, offset, length);
	if (r < 0)
		return r;
	turn_spend(&broker->host, (unsigned int)(length / WIPED_FOR_WORK));
	broker->wiping.total += length;
	return 0;
}

/* Wipes up to `most` bytes of what waits. 0: there may be more. */
int pools_wipe_queue(struct broker *broker, struct region *region, uint64_t most)
{
	struct blocks *blocks = region->blocks;
	uint64_t before = blocks->wiping;
	struct pool_extent part;
	int r = 0;

	for (int i = 0; i < WIPES_AT_ONCE && most && blocks_next_dirty(blocks, &part); i++) {
		if (part.length > most)
			part.length = most;
		r = wipe(broker, region, part.offset, part.length);
		if (r < 0)
			break;
		blocks_wiped(blocks, part.length);
		most -= part.length;
	}
	if (blocks->wiping < before)
		wakeup_note_end(broker, region);
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
 * follows from how long the last one took. One that was cut short says only whether it was too
 * much.
 */
static void adapt_piece(struct broker *broker, uint64_t took_ns, uint64_t wiped)
{
	if (took_ns > PIECE_NS && broker->wiping.piece > PIECE_LEAST)
		broker->wiping.piece /= 2;
	else if (took_ns < PIECE_NS / 4 && wiped >= broker->wiping.piece &&
		 broker->wiping.piece < PIECE_MOST)
		broker->wiping.piece *= 2;
}

/* A piece of what waits in one region. */
static int wipe_piece(struct broker *broker, struct region *region)
{
	uint64_t start = thread_ns(), before = broker->wiping.total;
	int r = pools_wipe_queue(broker, region, broker->wiping.piece);

	adapt_piece(broker, thread_ns() - start, broker->wiping.total - before);
	return r;
}

/* Up to `*most` bytes of the part, of which what was done is taken; each costs a window as well. */
static int wipe_some(struct broker *broker, struct region *region, struct pool_extent *part,
		     uint64_t *most)
{
	uint64_t start = thread_ns(), least = broker->wiping.piece / WIPES_AT_ONCE, cost;
	int r;

	if (part->length > *most)
		part->length = *most;
	r = wipe(broker, region, part->offset, part->length);
	cost = part->length > least ? part->length : least;
	*most -= cost < *most ? cost : *most;
	adapt_piece(broker, thread_ns() - start, part->length);
	return r;
}

/*
 * Wipes, of the blocks that a lease is about to get, the bytes that somebody else may have had. 1:
 * those were not all.
 */
int pools_wipe_suspects(struct broker *broker, struct region *region, const struct extent *list,
			uint64_t *most)
{
	const struct extent *extent = list;
	struct pool_extent part;
	int r = 0;

	while (r == 0 && extent) {
		if (!blocks_next_suspect(region->blocks, extent, &part)) {
			extent = extent->next;
			continue;
		}
		if (!*most)
			return 1;
		r = wipe_some(broker, region, &part, most);
		if (r == 0)
			r = blocks_trust(region->blocks, part.offset, part.length);
	}
	return r;
}

/* All of what a lease is about to get; `*zeroed`: so much of it has been. 1: that was not all. */
int pools_zero_extents(struct broker *broker, struct region *region, const struct extent *list,
		       uint64_t *zeroed, uint64_t *most)
{
	const struct extent *extent = list;
	uint64_t before = 0;
	int r = 0;

	while (r == 0 && extent) {
		struct pool_extent part = { extent->span.start + (*zeroed - before),
					    extent_length(extent) - (*zeroed - before) };

		if (*zeroed - before >= extent_length(extent)) {
			before += extent_length(extent);
			extent = extent->next;
			continue;
		}
		if (!*most)
			return 1;
		r = wipe_some(broker, region, &part, most);
		*zeroed += part.length;
	}
	return r;
}

static struct region *next_to_wipe(const struct broker *broker)
{
	struct region *region = region_after(&broker->regions, broker->wiping.last_region);

	while (region && (!region->blocks || !region->blocks->wiping))
		region = region_after(&broker->regions, region->id);
	return region;
}

/*
 * All regions had their piece: from the first on again. A device that sleeps or does not answer is
 * asked again a second later.
 */
static struct region *begin_round(struct broker *broker)
{
	static const struct timeval later = { 1, 0 };
	struct region *region;

	broker->wiping.last_region = 0;
	region = next_to_wipe(broker);
	if (!broker->wiping.failed)
		return region;
	broker->wiping.failed = false;
	if (region)
		event_add(&broker->wiping.event, &later);
	return NULL;
}

/* Of what failed as well, which is tried again later. */
static bool something_waits(const struct broker *broker)
{
	const struct region *region;

	for (region = broker->regions.table; region; region = region->hh.next)
		if (region->blocks && region->blocks->wiping)
			return true;
	return false;
}

/* One region after the other, a piece in each turn. One that went has no pool any more. */
static void on_wipe(evutil_socket_t fd, short what, void *data)
{
	static const struct timeval at_once = { 0, 0 };
	struct broker *broker = data;
	struct region *region = next_to_wipe(broker) ?: begin_round(broker);

	if (region) {
		broker->wiping.failed |= wipe_piece(broker, region) < 0;
		broker->wiping.last_region = region->id;
		if (something_waits(broker))
			event_add(&broker->wiping.event, &at_once);
	}
	wakeup_note_wiped(broker);
}

/* ---- life ------------------------------------------------------------------------------------ */

void pools_init(struct broker *broker)
{
	snprintf(broker->kernel.name, sizeof(broker->kernel.name), "kernel memory");
	broker->kernel.kind = REGION_KERNEL;
	broker->kernel.claimed = true;
	evtimer_assign(&broker->wiping.event, broker->host.base, on_wipe, broker);
	event_priority_set(&broker->wiping.event, TURN_LAST);
	broker->wiping.piece = 4 * PIECE_LEAST;
}

void pools_clear(struct broker *broker)
{
	event_del(&broker->wiping.event);
}
