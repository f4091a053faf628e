// SPDX-License-Identifier: MIT
/*
 * The second step of a wish that was planned: its blocks are cleaned, then the backend makes the
 * window, then the lease stands in the table. Whatever fails undoes what went before, and of a
 * window that nobody had nobody is told.
 */
#include <inttypes.h>
#include <string.h>
#include "wish.h"

/* The client may ask for less time than the grant gives, never for more. */
static enum mmiod_outcome settle_terms(struct wish *wish)
{
	uint32_t limit = wish->grant->lease_ms, asked = wish->want.lease_ms;
	struct lease *lease = wish->lease;
	uint64_t now = clock_boot_ms();

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

/* What is clean in a pool that wipes is zero already. */
static enum mmiod_outcome clean_blocks(struct wish *wish)
{
	bool zero = wish->alloc.flags & MMIOD_ALLOC_ZERO && !wish->region->blocks->wipe;
	int r = daemon_wipe_extent(wish->call->daemon, wish->region, wish->extent, zero);

	if (r == 0)
		return MMIOD_OK;
	return wish_refuse(wish, r == -ENOMEM ? MMIOD_E_RESOURCES : MMIOD_E_GONE,
			   "blocks of pool %s cannot be wiped: %s", wish->region->name,
			   strerror(-r));
}

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

/* The lease then is the table's, and has the extent, if there is one. */
enum mmiod_outcome wish_take(struct wish *wish)
{
	enum mmiod_outcome outcome = MMIOD_OK;

	if (wish->extent)
		outcome = clean_blocks(wish);
	if (outcome == MMIOD_OK)
		outcome = settle_terms(wish);
	if (outcome == MMIOD_OK)
		outcome = wish_create(wish);
	if (outcome != MMIOD_OK)
		return fail(wish, outcome);
	wish->lease->extent = steal_pointer(wish->extent);
	wish->planned = false;
	lease_attach(wish->lease, &wish->call->connection->leases);
	return MMIOD_OK;
}

/* Nobody had the window, so its blocks are as clean as they were, and nobody is woken. */
void wish_untake(struct wish *wish)
{
	struct daemon *daemon = wish->call->daemon;
	struct lease *lease = wish->lease;

	if (wish->created.fd < 0)
		return;
	daemon->backend->ops->set_state(daemon->backend, lease->id, MMIOD_STATE_REVOKED);
	daemon_safe_forget(daemon, lease);
	close(steal_fd(&wish->created.fd));
	lease_leave(&daemon->leases, lease);
	wish->extent = steal_pointer(lease->extent);
	wish->planned = true;
}

/* ---- guests ---------------------------------------------------------------------------------- */

static int end_guest(struct daemon *daemon, const struct lease *lease, struct lease *guest)
{
	char why[LEASE_WHY_MAX];

	snprintf(why, sizeof(why),
		 "an exclusive lease of 0x%" PRIx64 "+0x%" PRIx64 " of %s was granted",
		 lease->offset, lease->length, lease->region->name);
	return daemon_lease_revoke(daemon, guest, MMIOD_EVENT_REVOKED, MMIOD_CAUSE_GUEST, why);
}

/* Guests of an exclusive lease's bytes end when it is granted. */
void wish_end_guests(struct wish *wish)
{
	struct lease *lease = wish->lease, *guest;

	if (lease->share != MMIOD_SHARE_EXCLUSIVE || lease->memory != MMIOD_MEMORY_REGION)
		return;
	while ((guest = lease_guest(lease->region, lease->span.start, lease->span.end)))
		if (end_guest(wish->call->daemon, lease, guest) < 0)
			break; /* which is in the log */
}

/* A guest's window, which is to end, may keep the window from its cache attribute: it ends first. */
bool wish_end_guest(struct wish *wish, uint64_t id)
{
	struct lease *guest = id ? lease_find(&wish->call->daemon->leases, id) : NULL;
	const struct lease *lease = wish->lease;

	if (!guest || guest->share != MMIOD_SHARE_GUEST || guest->region != lease->region ||
	    lease->share != MMIOD_SHARE_EXCLUSIVE || lease_is_over(guest) ||
	    guest->span.start >= lease->span.end || lease->span.start >= guest->span.end)
		return false;
	return end_guest(wish->call->daemon, lease, guest) == 0;
}

/* ---- what takes more than one turn ----------------------------------------------------------- */

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

/* True: more must be wiped for them than one turn of the loop may do, and they wait for it. */
bool wish_put_off(struct wish *wishes, size_t n)
{
	uint64_t suspect = 0;

	for (size_t i = 0; i < n; i++)
		suspect += suspect_bytes(&wishes[i]);
	if (suspect <= WISH_WIPES_NOW)
		return false;
	for (size_t i = 0; i < n; i++)
		if (suspect_bytes(&wishes[i]))
			send_to_wipe(&wishes[i]);
	return true;
}
