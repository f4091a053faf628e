// SPDX-License-Identifier: MIT
/*
 * The end of leases, by whatever cause. It has these steps, and one function, advance(), takes a
 * lease from one to the next as far as it can go:
 *  - its holder loses it (ENDING), and hears of it, as do monitors and the journal;
 *  - no processor reaches the bytes any more (LEASE_CUT): the kernel takes pages from processes in
 *    its own time, and tells by an event; revocations that wait for the end hear of it now;
 *  - what is to be written at the end is written (safe-state.c), and tried again until it is;
 *  - it is REVOKED: others may have the bytes, and the region may be another's;
 *  - it is removed, when its window is gone (LEASE_CLOSED).
 * The first and the last two come from outside, in any order.
 *
 * Called from within requests and from the backend's events, so nothing here sends a message: the
 * holder's connection is woken, and sends at the next turn of the loop.
 */
#include <string.h>
#include "base/log.h"
#include "broker/broker.h"
#include "broker/revocations.h"
#include "broker/tenant-note.h"
#include "connection/journal.h"

#define TAKEN_MAX \
	MMIOD_PARK_WORDS /* of one user's, that count nowhere while their files are open */

static void wake_holder(struct broker *broker, struct lease *lease)
{
	if (lease->list && lease->list != &broker->orphans)
		connection_wake(container_of(lease->list, struct connection, leases));
}

void lease_tell_holder(struct broker *broker, struct lease *lease, enum mmiod_event_type event,
		       uint32_t deadline_ms, const char *why)
{
	lease_tell(lease, event, deadline_ms, why);
	wake_holder(broker, lease);
}

/* ---- the steps ------------------------------------------------------------------------------- */

static void retire(struct broker *broker, struct lease *lease)
{
	safe_state_forget(broker, lease->id, lease);
	free(steal_pointer(lease->on_end));
	turn_spend(&broker->host, lease_extents(lease) / WORK_EXTENTS);
	lease_retire(&broker->leases, lease);
	wakeup_note_end(broker, lease->region);
}

/* The lease may be gone afterwards, and its region, unless that is pinned. */
static void advance(struct broker *broker, struct lease *lease)
{
	struct region *region = lease->region;

	if (!(lease->end & LEASE_CUT))
		return;
	if (lease->state == MMIOD_STATE_ENDING) {
		if (!safe_state_end(broker, lease))
			return;
		retire(broker, lease);
	}
	if (lease->end & LEASE_CLOSED) {
		tenant_note_remove(broker, lease->id, lease);
		lease_remove(&broker->leases, lease);
	}
	region_freed(broker, region);
}

void lease_advance(struct broker *broker, struct lease *lease)
{
	advance(broker, lease);
}

/* `event` 0: the holder knows. */
static void begin(struct broker *broker, struct lease *lease, enum mmiod_event_type event,
		  const char *why)
{
	lease_begin_end(&broker->leases, lease);
	if (!event)
		lease->end |= LEASE_GIVEN_BACK;
	notice_lease(broker, event ? MMIOD_NOTICE_REVOKED : MMIOD_NOTICE_RELEASED, lease, why);
	if (event)
		lease_tell_holder(broker, lease, event, 0, why);
}

static void cut(struct broker *broker, struct lease *lease)
{
	if (lease->end & LEASE_CUT)
		return;
	lease->end |= LEASE_CUT;
	revocations_note_end(broker, lease);
}

/* ---- what brings them about ------------------------------------------------------------------ */

/* 0: no processor reaches the bytes any more. 1: an event will say so. */
static int take_window(struct broker *broker, struct lease *lease)
{
	int r = broker->backend->ops->revoke(broker->backend, lease->id);

	broker->events.caused++;
	return r == -ENOENT || r == -ENODEV ? 0 : r;
}

/*
 * Takes the window away. `event` 0: the holder knows. `cause` 0: it is no revocation, and neither
 * counted nor in the journal. A refusal of the module is neither either: the lease then lasts, and
 * the caller may try again. 1: it is under way, and revocations_note_end() will say when nobody
 * reaches the bytes any more. The lease stays in the table until its holder lets go of the file.
 */
int lease_revoke(struct broker *broker, struct lease *lease, enum mmiod_event_type event,
		 enum mmiod_revoke_cause cause, const char *why)
{
	int r;

	if (lease_is_over(lease))
		return !(lease->end & LEASE_CUT);
	parking_ask(lease);
	turn_spend(&broker->host, WORK_WINDOW);
	r = take_window(broker, lease);
	if (r < 0) {
		log_error("cannot revoke lease %llu: %s", (unsigned long long)lease->id,
			  strerror(-r));
		return r;
	}
	if (cause)
		journal_revoked(&broker->host, lease, cause, why);
	begin(broker, lease, event, why);
	if (r == 0)
		cut(broker, lease);
	advance(broker, lease);
	return r;
}

/* The window is no more, and with it every mapping. The lease may be gone afterwards. */
void lease_gone(struct broker *broker, struct lease *lease)
{
	if (!lease_is_over(lease))
		begin(broker, lease, 0, "");
	lease->end |= LEASE_CLOSED;
	cut(broker, lease);
	advance(broker, lease);
}

/* In use it stays as it is, and cannot be parked any more. Else it is taken, and true. */
bool lease_ask_parked(struct broker *broker, struct lease *lease)
{
	if (!lease->parking.page || lease->parking.closed || lease_is_over(lease))
		return lease->parking.taken;
	if (!parking_ask(lease))
		return false;
	lease_leave_accounts(lease, TAKEN_MAX);
	lease_enter_taken(&broker->leases, lease);
	turn_do_later(&broker->host, &broker->taking);
	return true;
}

/*
 * Revokes a lease that its holder had parked. To him it has ended long ago; he is told all the same,
 * so that he closes the file.
 */
void lease_take_parked(struct broker *broker, struct lease *lease)
{
	int r;

	turn_spend(&broker->host, WORK_WINDOW);
	r = take_window(broker, lease);
	if (r < 0) {
		log_error("cannot take parked lease %llu: %s", (unsigned long long)lease->id,
			  strerror(-r));
		lease->parking.taken = false; /* nobody is to wait for its end */
		return;
	}
	begin(broker, lease, 0, "");
	lease_tell_holder(broker, lease, MMIOD_EVENT_REVOKED, 0, "it was parked");
	if (r == 0)
		cut(broker, lease);
	/* Nothing will tell when the file is closed. */
	if (broker->backend->ops->kind == MMIOD_BACKEND_SIMULATION)
		lease->end |= LEASE_CLOSED;
	advance(broker, lease);
}

/* Returns false if there is nobody to ask. */
bool lease_ask(struct broker *broker, struct lease *lease, uint32_t deadline_ms, const char *why)
{
	if (parking_ask(lease) || !lease->list || lease->list == &broker->orphans ||
	    container_of(lease->list, struct connection, leases)->closed)
		return false;
	lease_tell_holder(broker, lease, MMIOD_EVENT_REVOKE_ASKED, deadline_ms, why);
	return true;
}

static void lose_window(struct broker *broker, struct lease *lease)
{
	bool ended = lease->device_lease;
	bool gone = !ended && (!lease->region->claimed || lease->memory == MMIOD_MEMORY_DMA);
	const char *why = ended	 ? "the lease that operates the device has ended"
			  : gone ? "the device has gone"
				 : "revoked by another program";

	parking_ask(lease);
	journal_revoked(&broker->host, lease, gone ? MMIOD_CAUSE_GONE : MMIOD_CAUSE_OTHER, why);
	begin(broker, lease, gone ? MMIOD_EVENT_GONE : MMIOD_EVENT_REVOKED, why);
}

static void suspend_or_resume(struct broker *broker, struct lease *lease, enum mmiod_state state)
{
	bool sleeps = state == MMIOD_STATE_SUSPENDED;

	if (lease_is_over(lease) || lease->state == state)
		return;
	if (sleeps && lease_ask_parked(broker, lease))
		return;
	lease->state = state;
	lease_tell(lease, sleeps ? MMIOD_EVENT_SUSPENDED : MMIOD_EVENT_RESUMED, 0,
		   sleeps ? "the device is being reset or sleeps" : "the device is back");
	notice_lease(broker, sleeps ? MMIOD_NOTICE_SUSPENDED : MMIOD_NOTICE_RESUMED, lease,
		     lease_why(lease));
	wake_holder(broker, lease);
}

/*
 * The module tells of the window's state: its device sleeps, wakes or is gone, somebody else
 * revoked it, or what was begun here is done. The lease may be gone afterwards.
 */
void lease_change_state(struct broker *broker, struct lease *lease, enum mmiod_state state)
{
	if (state != MMIOD_STATE_REVOKED) {
		suspend_or_resume(broker, lease, state);
		return;
	}
	if (lease->state == MMIOD_STATE_REVOKED)
		return;
	if (!lease_is_over(lease))
		lose_window(broker, lease);
	cut(broker, lease);
	advance(broker, lease);
}

/* The ledger says that the window is revoked, but not whether its pages are taken yet. */
void lease_take_listed(struct broker *broker, struct lease *lease, enum mmiod_state state)
{
	if (state == MMIOD_STATE_REVOKED && !(lease->end & LEASE_CUT) &&
	    take_window(broker, lease) == 1) {
		if (!lease_is_over(lease))
			lose_window(broker, lease);
		return;
	}
	lease_change_state(broker, lease, state);
}
