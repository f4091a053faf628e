// SPDX-License-Identifier: MIT
/* Guests of the bytes that an exclusive lease gets: it ends them. */
#include <inttypes.h>
#include "broker/underway.h"
#include "request/want.h"

static int end_guest(struct broker *broker, const struct lease *lease, struct lease *guest)
{
	char why[LEASE_WHY_MAX];

	snprintf(why, sizeof(why),
		 "an exclusive lease of 0x%" PRIx64 "+0x%" PRIx64 " of %s was granted",
		 lease->offset, lease->length, lease->region->name);
	return lease_revoke(broker, guest, MMIOD_EVENT_REVOKED, MMIOD_CAUSE_GUEST, why);
}

/* Guests of an exclusive lease's bytes end when it is granted. */
void want_end_guests(struct want *want)
{
	struct lease *lease = want->lease, *guest;

	if (lease->share != MMIOD_SHARE_EXCLUSIVE || lease->memory != MMIOD_MEMORY_REGION)
		return;
	while ((guest = lease_guest(lease->region, lease->span.start, lease->span.end)))
		if (end_guest(want->call->broker, lease, guest) < 0)
			break; /* which is in the log */
	underway_spoil_guests(want->call->broker, lease->region, lease->span.start,
			      lease->span.end);
}

/*
 * A guest's window, which is to end, may keep the window from its memory type: it ends first.
 */
bool want_end_guest(struct want *want, uint64_t id)
{
	struct lease *guest = id ? lease_find(&want->call->broker->leases, id) : NULL;
	const struct lease *lease = want->lease;

	if (!guest || guest->share != MMIOD_SHARE_GUEST || guest->region != lease->region ||
	    lease->share != MMIOD_SHARE_EXCLUSIVE || lease_is_over(guest) ||
	    guest->span.start >= lease->span.end || lease->span.start >= guest->span.end)
		return false;
	return end_guest(want->call->broker, lease, guest) == 0;
}
