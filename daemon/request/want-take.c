// SPDX-License-Identifier: MIT
/*
 * The later steps of a wish that was planned: its blocks are cleaned, the backend makes the window,
 * and, when all that belongs together has come so far, the lease stands in the table. Whatever fails
 * undoes what went before, and of a window that nobody had nobody is told.
 */
#include <inttypes.h>
#include <string.h>
#include "request/want.h"

/* Another cache attribute is waited for as other holders are. */
static enum mmiod_outcome fail(struct wish *wish, enum mmiod_outcome outcome)
{
	outcome = wish_await(wish, outcome);
	if (wish->wait)
		wish_vacate(wish);
	else
		wish_unplan(wish);
	return outcome;
}

/* ---- cleaning -------------------------------------------------------------------------------- */

/* What is clean in a pool that wipes is zero already. */
static bool needs_zeros(const struct wish *wish)
{
	return wish->alloc.flags & MMIOD_ALLOC_ZERO && !wish->region->blocks->wipe;
}

/* A piece of `*most` bytes, of which what was done is taken. False: that was not all. */
bool wish_clean(struct wish *wish, uint64_t *most, enum mmiod_outcome *outcome)
{
	struct broker *broker = wish->call->broker;
	int r = 0;

	*outcome = MMIOD_OK;
	if (wish->extent && needs_zeros(wish))
		r = pools_zero_extent(broker, wish->region, wish->extent, &wish->zeroed, most);
	else if (wish->extent)
		r = pools_wipe_suspects(broker, wish->region, wish->extent, most);
	if (r >= 0)
		return r == 0;
	wish_refuse(wish, r == -ENOMEM ? MMIOD_E_RESOURCES : MMIOD_E_GONE,
		    "blocks of pool %s cannot be wiped: %s", wish->region->name, strerror(-r));
	*outcome = fail(wish, r == -ENOMEM ? MMIOD_E_RESOURCES : MMIOD_E_GONE);
	return true;
}

/* ---- the window ------------------------------------------------------------------------------ */

/*
 * The client may ask for less time than the grant gives, never for more. The time runs from here,
 * as the window's tag says, but nothing ends by it before the lease is in the table.
 */
static enum mmiod_outcome settle_terms(struct wish *wish)
{
	uint32_t limit = wish->grant->lease_ms, asked = wish->want.lease_ms;
	struct lease *lease = wish->lease;

	if (asked && (!limit || asked < limit))
		limit = asked;
	if (limit && lease_limit(&wish->call->broker->leases, lease, limit, wish->grant->renew) < 0)
		return wish_refuse(wish, MMIOD_E_RESOURCES, "the daemon is out of memory");
	if (limit)
		lease->term->deadline_ms = clock_boot_ms() + limit;
	if (safe_state_settle(lease, &wish->on_end) < 0)
		return wish_refuse(wish, MMIOD_E_RESOURCES, "the daemon is out of memory");
	return MMIOD_OK;
}

enum mmiod_outcome wish_take(struct wish *wish)
{
	enum mmiod_outcome outcome = settle_terms(wish);

	if (outcome == MMIOD_OK)
		outcome = wish_create(wish);
	return outcome == MMIOD_OK ? MMIOD_OK : fail(wish, outcome);
}

/* ---- the table ------------------------------------------------------------------------------- */

/* The lease then is the table's, and has the extent, if there is one. */
enum mmiod_outcome wish_enter(struct wish *wish)
{
	struct broker *broker = wish->call->broker;
	struct lease *lease = wish->lease;

	lease->id = wish->created.id;
	if (lease_enter(&broker->leases, lease) < 0) {
		lease->id = 0;
		return wish_refuse(wish, MMIOD_E_RESOURCES, "the daemon is out of memory");
	}
	broker->n_untold--;
	lease->extent = steal_pointer(wish->extent);
	wish->planned = false;
	lease_attach(lease, &wish->call->connection->leases);
	if (lease->term) {
		lease_set_deadline(lease, lease->term->deadline_ms, clock_boot_ms());
		deadlines_arm(broker);
	}
	return MMIOD_OK;
}

/* In the same turn of the loop. */
void wish_withdraw(struct wish *wish)
{
	struct broker *broker = wish->call->broker;
	struct lease *lease = wish->lease;

	if (!lease || !lease->id)
		return;
	lease_leave(&broker->leases, lease);
	broker->n_untold++;
	wish->extent = steal_pointer(lease->extent);
	wish->planned = true;
}

/* ---- what is wiped first --------------------------------------------------------------------- */

static uint64_t suspect_bytes(const struct wish *wish)
{
	return wish->extent ? blocks_suspect_bytes(wish->region->blocks, wish->extent) : 0;
}

/* The blocks are wiped, as if they had been given back; the request waits for it. */
static void send_to_wipe(struct wish *wish)
{
	wish->wait = WISH_WAITS_FOR_WIPE;
	wish->wait_start = wish->extent->span.start;
	wish->wait_end = wish->extent->span.end;
	blocks_give_back(wish->region->blocks, steal_pointer(wish->extent));
	wish_vacate(wish);
	wish_refuse(wish, MMIOD_E_BUSY,
		    "pool %s: 0x%" PRIx64 "+0x%" PRIx64 " must be wiped first: ask again",
		    wish->region->name, wish->wait_start, wish->wait_end - wish->wait_start);
}

/* True: so much must be wiped for them that they wait for it, and hold nothing meanwhile. */
bool wish_put_off(struct wish *wishes, size_t n)
{
	uint64_t suspect = 0;

	for (size_t i = 0; i < n; i++)
		suspect += suspect_bytes(&wishes[i]);
	if (suspect <= WISH_WIPES)
		return false;
	for (size_t i = 0; i < n; i++)
		if (suspect_bytes(&wishes[i]))
			send_to_wipe(&wishes[i]);
	return true;
}
