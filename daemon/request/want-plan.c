// SPDX-License-Identifier: MIT
/*
 * The first step of a want: it is judged, and takes of the account and of the bytes what it will
 * need, so that those after it in the same request find them taken. Nothing but the daemon's own
 * memory changes, and want_unplan() changes it back.
 *
 * The account is asked before anybody may wait: one that is full keeps nobody else from bytes. A
 * want that waits stays charged (see waiting.c).
 */
#include "request/want.h"

static enum mmiod_outcome book(struct want *want)
{
	enum mmiod_outcome outcome;

	want->lease = want_make_lease(want);
	if (!want->lease)
		return want_refuse(want, MMIOD_E_RESOURCES, "the daemon is out of memory");
	outcome = want_charge(want);
	if (outcome != MMIOD_OK)
		return outcome;
	if (lease_book(&want->call->broker->leases, want->lease) < 0)
		return want_refuse(want, MMIOD_E_RESOURCES, "the daemon is out of memory");
	return MMIOD_OK;
}

/*
 * OK: planned. BUSY with want->wait: not, but charged for the time that it waits. Any other: there
 * is nothing to undo.
 */
enum mmiod_outcome want_plan(struct want *want)
{
	enum mmiod_outcome outcome = want->kind->judge(want), booked;

	/* BUSY: the region is to become another. */
	if (outcome == MMIOD_OK)
		outcome = want->kind->reserve(want);
	if (outcome != MMIOD_OK && outcome != MMIOD_E_BUSY)
		return outcome;
	booked = book(want);
	if (booked != MMIOD_OK)
		outcome = booked;
	else if (outcome == MMIOD_E_BUSY)
		outcome = want_await(want, outcome);
	if (outcome == MMIOD_OK) {
		lease_occupy(want->lease);
		want->planned = true;
	} else if (!want->wait) {
		want_unplan(want);
	}
	return outcome;
}

/* Gives the bytes back; the account stays charged. */
void want_vacate(struct want *want)
{
	if (want->planned) {
		lease_vacate(want->lease);
		lease_strip(want->lease);
	}
	want->planned = false;
	if (want->extents)
		blocks_cancel(want->region->blocks, steal_pointer(want->extents));
}

void want_unplan(struct want *want)
{
	want_vacate(want);
	if (want->lease)
		lease_unbook(&want->call->broker->leases, steal_pointer(want->lease));
}
