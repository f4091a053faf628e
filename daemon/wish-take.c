// SPDX-License-Identifier: MIT
/*
 * Grants what has been found right: the account is charged first, then the blocks are cleaned, then
 * the backend makes the window; whatever fails undoes what went before.
 */
#include <inttypes.h>
#include <string.h>
#include "wish.h"

#define ZERO_NOW (4u << 20) /* bytes of a pool that does not wipe that are zeroed for a request */
#define WIPE_NOW (256u << 10) /* bytes that are wiped while the request is answered */

/* The client may ask for less time than the grant gives, never for more. */
static enum mmiod_outcome settle_terms(struct wish *wish, struct lease *lease)
{
	uint32_t limit = wish->grant->lease_ms, asked = wish->want.lease_ms;
	uint64_t now = daemon_boot_ms();

	if (asked && (!limit || asked < limit))
		limit = asked;
	if (limit) {
		if (lease_limit(&wish->call->daemon->leases, lease, limit, wish->grant->renew) < 0)
			return wish_refuse(wish, MMIOD_E_RESOURCES, "the daemon is out of memory");
		lease_set_deadline(lease, now + limit, now);
		daemon_arm_terms(wish->call->daemon);
	}
	if (daemon_safe_settle(lease, &wish->on_end) < 0)
		return wish_refuse(wish, MMIOD_E_RESOURCES, "the daemon is out of memory");
	return MMIOD_OK;
}

/* More than one turn of the loop may wipe: the request waits for it. */
static enum mmiod_outcome put_off(struct wish *wish)
{
	wish->wait = WISH_WAITS_FOR_WIPE;
	wish->wait_start = wish->extent->span.start;
	wish->wait_end = wish->extent->span.end;
	blocks_give_back(wish->region->blocks, steal_pointer(wish->extent));
	return wish_refuse(wish, MMIOD_E_BUSY,
			   "pool %s: 0x%" PRIx64 "+0x%" PRIx64 " must be wiped first: ask again",
			   wish->region->name, wish->wait_start, wish->wait_end - wish->wait_start);
}

/*
 * After the account was asked: bytes are not wiped for somebody who cannot have them. What is clean
 * in a pool that wipes is zero already.
 */
static enum mmiod_outcome clean_blocks(struct wish *wish)
{
	struct blocks *blocks = wish->region->blocks;
	bool zero = wish->alloc.flags & MMIOD_ALLOC_ZERO && !blocks->wipe;
	int r;

	if (zero && wish->want.length > ZERO_NOW)
		return wish_refuse(wish, MMIOD_E_INVALID,
				   "pool %s has \"wipe = no\": the daemon zeroes %u bytes of it at "
				   "most, the holder any number",
				   wish->region->name, ZERO_NOW);
	if (blocks_suspect_bytes(blocks, wish->extent) > WIPE_NOW)
		return put_off(wish);
	r = daemon_wipe_extent(wish->call->daemon, wish->region, wish->extent, zero);
	if (r == 0)
		return MMIOD_OK;
	return wish_refuse(wish, r == -ENOMEM ? MMIOD_E_RESOURCES : MMIOD_E_GONE,
			   "blocks of pool %s cannot be wiped: %s", wish->region->name,
			   strerror(-r));
}

/* Grants what has been found right. The lease then has the extent, if there is one. */
enum mmiod_outcome wish_take(struct wish *wish, struct lease **leasep,
			     struct backend_created *created)
{
	struct lease *lease = wish_make_lease(wish);
	enum mmiod_outcome outcome;

	if (!lease)
		return wish_refuse(wish, MMIOD_E_RESOURCES, "the daemon is out of memory");
	outcome = wish_check_quota(wish, lease);
	if (outcome == MMIOD_OK)
		outcome = wish_charge_lease(wish, lease);
	if (outcome == MMIOD_OK)
		outcome = wish_charge_bytes(wish, lease);
	if (outcome == MMIOD_OK)
		outcome = wish_check_descriptors(wish);
	if (outcome == MMIOD_OK && wish->extent)
		outcome = clean_blocks(wish);
	if (outcome == MMIOD_OK)
		outcome = settle_terms(wish, lease);
	if (outcome == MMIOD_OK)
		outcome = wish_create(wish, lease, created);
	if (outcome != MMIOD_OK) {
		charge_release(&lease->bytes);
		charge_release(&lease->charge);
		lease_discard(lease);
		return outcome;
	}
	lease->extent = steal_pointer(wish->extent);
	lease_attach(lease, &wish->call->connection->leases);
	*leasep = lease;
	return MMIOD_OK;
}
