// SPDX-License-Identifier: MIT
/*
 * The later steps of a want that was planned: its blocks are cleaned, the backend makes the window,
 * and, when all that belongs together has come so far, the lease stands in the table. A failure
 * undoes what went before, and nobody is told of a window that nobody had.
 */
#include <inttypes.h>
#include <string.h>
#include "request/want.h"

/* Another memory type is waited for as other holders are. */
static enum mmiod_outcome fail(struct want *want, enum mmiod_outcome outcome)
{
	outcome = want_await(want, outcome);
	if (want->wait)
		want_vacate(want);
	else
		want_unplan(want);
	return outcome;
}

/* ---- cleaning -------------------------------------------------------------------------------- */

/* A clean block of a pool that wipes is zero already. */
static bool needs_zeros(const struct want *want)
{
	return want->alloc.flags & MMIOD_ALLOC_ZERO && !want->region->blocks->wipe;
}

/* A piece of `*most` bytes, of which what was done is taken. False: that was not all. */
bool want_clean(struct want *want, uint64_t *most, enum mmiod_outcome *outcome)
{
	struct broker *broker = want->call->broker;
	int r = 0;

	*outcome = MMIOD_OK;
	if (want->extents && needs_zeros(want))
		r = pools_zero_extents(broker, want->region, want->extents, &want->zeroed, most);
	else if (want->extents)
		r = pools_wipe_suspects(broker, want->region, want->extents, most);
	if (r >= 0)
		return r == 0;
	want_refuse(want, r == -ENOMEM ? MMIOD_E_RESOURCES : MMIOD_E_GONE,
		    "blocks of pool %s cannot be wiped: %s", want->region->name, strerror(-r));
	*outcome = fail(want, r == -ENOMEM ? MMIOD_E_RESOURCES : MMIOD_E_GONE);
	return true;
}

/* ---- the window ------------------------------------------------------------------------------ */

/*
 * The client may ask for less time than the grant gives, never for more. The time runs from here,
 * as the window's tag says, but nothing ends by it before the lease is in the table.
 */
static enum mmiod_outcome settle_terms(struct want *want)
{
	uint32_t limit = want->grant->lease_ms, asked = want->wire.lease_ms;
	struct lease *lease = want->lease;

	if (asked && (!limit || asked < limit))
		limit = asked;
	if (limit &&
	    lease_set_time_limit(&want->call->broker->leases, lease, limit, want->grant->renew) < 0)
		return want_refuse(want, MMIOD_E_RESOURCES, "the daemon is out of memory");
	if (limit)
		lease->time_limit->deadline_ms = clock_boot_ms() + limit;
	if (safe_state_settle(lease, &want->on_end) < 0)
		return want_refuse(want, MMIOD_E_RESOURCES, "the daemon is out of memory");
	return MMIOD_OK;
}

enum mmiod_outcome want_take(struct want *want)
{
	enum mmiod_outcome outcome = settle_terms(want);

	if (outcome == MMIOD_OK)
		outcome = want_create(want);
	return outcome == MMIOD_OK ? MMIOD_OK : fail(want, outcome);
}

/* ---- the table ------------------------------------------------------------------------------- */

/* The lease then is the table's, and has the extent, if there is one. */
enum mmiod_outcome want_enter(struct want *want)
{
	struct broker *broker = want->call->broker;
	struct lease *lease = want->lease;

	lease->id = want->created.id;
	if (lease_enter(&broker->leases, lease) < 0) {
		lease->id = 0;
		return want_refuse(want, MMIOD_E_RESOURCES, "the daemon is out of memory");
	}
	broker->n_untold--;
	lease->extents = steal_pointer(want->extents);
	want->planned = false;
	lease_attach(lease, &want->call->connection->leases);
	parked_give(broker, want->call->connection, lease);
	if (lease->time_limit) {
		lease_set_deadline(lease, lease->time_limit->deadline_ms, clock_boot_ms());
		deadlines_arm(broker);
	}
	return MMIOD_OK;
}

/* In the same turn of the loop. */
void want_withdraw(struct want *want)
{
	struct broker *broker = want->call->broker;
	struct lease *lease = want->lease;

	if (!lease || !lease->id)
		return;
	lease_leave(&broker->leases, lease);
	broker->n_untold++;
	want->extents = steal_pointer(lease->extents);
	want->planned = true;
}

/* ---- what is wiped first --------------------------------------------------------------------- */

static uint64_t suspect_bytes(const struct want *want)
{
	return want->extents ? blocks_suspect_bytes(want->region->blocks, want->extents) : 0;
}

/*
 * The blocks are wiped, as if they had been given back; the request waits for it: for the last of
 * them, as what waits to be wiped is in a queue.
 */
static void send_to_wipe(struct want *want)
{
	const struct extent *last = want->extents->prev;

	want->wait = WANT_WAITS_FOR_WIPE;
	want->wait_start = last->span.start;
	want->wait_end = last->span.end;
	blocks_give_back(want->region->blocks, steal_pointer(want->extents));
	want_vacate(want);
	want_refuse(want, MMIOD_E_BUSY,
		    "pool %s: 0x%" PRIx64 "+0x%" PRIx64 " must be wiped first: ask again",
		    want->region->name, want->wait_start, want->wait_end - want->wait_start);
}

/* True: so much must be wiped for them that they wait for it, and hold nothing meanwhile. */
bool want_put_off(struct want *wants, size_t n)
{
	uint64_t suspect = 0;

	for (size_t i = 0; i < n; i++)
		suspect += suspect_bytes(&wants[i]);
	if (suspect <= WANT_WIPES)
		return false;
	for (size_t i = 0; i < n; i++)
		if (suspect_bytes(&wants[i]))
			send_to_wipe(&wants[i]);
	return true;
}
