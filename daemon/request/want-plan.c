// SPDX-License-Identifier: MIT
/*
 * The first step of a wish: it is judged, and takes of the account and of the bytes what it will
 * need, so that those after it in the same request find them taken. Nothing but the daemon's own
 * memory changes, and wish_unplan() changes it back.
 *
 * The account is asked before anybody may wait: one that is full keeps nobody else from bytes. What
 * waits stays charged (see waiting.c).
 */
#include "request/want.h"

static enum mmiod_outcome book(struct wish *wish)
{
	enum mmiod_outcome outcome;

	wish->lease = wish_make_lease(wish);
	if (!wish->lease)
		return wish_refuse(wish, MMIOD_E_RESOURCES, "the daemon is out of memory");
	outcome = wish_charge(wish);
	if (outcome != MMIOD_OK)
		return outcome;
	if (lease_book(&wish->call->broker->leases, wish->lease) < 0)
		return wish_refuse(wish, MMIOD_E_RESOURCES, "the daemon is out of memory");
	return MMIOD_OK;
}

/*
 * OK: planned. BUSY with wish->wait: not, but charged for the time that it waits. Any other: there
 * is nothing to undo.
 */
enum mmiod_outcome wish_plan(struct wish *wish)
{
	enum mmiod_outcome outcome = wish->kind->judge(wish), booked;

	/* BUSY: the region is to become another. */
	if (outcome == MMIOD_OK)
		outcome = wish->kind->reserve(wish);
	if (outcome != MMIOD_OK && outcome != MMIOD_E_BUSY)
		return outcome;
	booked = book(wish);
	if (booked != MMIOD_OK)
		outcome = booked;
	else if (outcome == MMIOD_E_BUSY)
		outcome = wish_await(wish, outcome);
	if (outcome == MMIOD_OK) {
		lease_occupy(wish->lease);
		wish->planned = true;
	} else if (!wish->wait) {
		wish_unplan(wish);
	}
	return outcome;
}

/* Gives the bytes back; the account stays charged. */
void wish_vacate(struct wish *wish)
{
	if (wish->planned) {
		lease_vacate(wish->lease);
		lease_strip(wish->lease);
	}
	wish->planned = false;
	if (wish->extent)
		blocks_cancel(wish->region->blocks, steal_pointer(wish->extent));
}

void wish_unplan(struct wish *wish)
{
	wish_vacate(wish);
	if (wish->lease)
		lease_unbook(&wish->call->broker->leases, steal_pointer(wish->lease));
}
