// SPDX-License-Identifier: MIT
/*
 * What the end of a lease entails, by whatever cause it ends: its holder, who waits for its bytes,
 * monitors and the journal hear of it. Called from within requests and from the backend's events,
 * so nothing here sends a message: the holder's connection is woken, and sends at the next turn of
 * the loop.
 */
#include <string.h>
#include "daemon.h"
#include "journal.h"
#include "log.h"

static void wake_holder(struct daemon *daemon, struct lease *lease)
{
	if (lease->list && lease->list != &daemon->orphans)
		connection_wake(container_of(lease->list, struct connection, leases));
}

void daemon_lease_tell(struct daemon *daemon, struct lease *lease, enum mmiod_event_type event,
		       uint32_t deadline_ms, const char *why)
{
	lease_tell(lease, event, deadline_ms, why);
	wake_holder(daemon, lease);
}

/* The window is no more: the last trace of the lease goes. */
void daemon_lease_gone(struct daemon *daemon, struct lease *lease)
{
	struct region *region = lease->region;

	daemon_safe_end(daemon, lease);
	revocations_note_end(daemon, lease->id);
	waiting_note_end(daemon, lease->region);
	if (lease->state != MMIOD_STATE_REVOKED)
		daemon_note_lease(daemon, MMIOD_NOTICE_RELEASED, lease, "");
	lease_remove(&daemon->leases, lease);
	if (region != &daemon->kernel)
		daemon_drop_region_if_idle(daemon, region);
}

/*
 * Takes the window away. `event` 0: the holder knows. `cause` 0: it is no revocation, and neither
 * counted nor in the journal. What the module refuses is neither either: the lease then lasts, and
 * the caller may try again. It stays listed until its holder lets go of the file.
 */
int daemon_lease_revoke(struct daemon *daemon, struct lease *lease, enum mmiod_event_type event,
			enum mmiod_revoke_cause cause, const char *why)
{
	int r;

	if (lease->state == MMIOD_STATE_REVOKED)
		return 0;
	turn_spend(&daemon->host, WORK_WINDOW);
	r = daemon->backend->ops->set_state(daemon->backend, lease->id, MMIOD_STATE_REVOKED);
	if (r < 0 && r != -ENOENT && r != -ENODEV) {
		log_error("cannot revoke lease %llu: %s", (unsigned long long)lease->id,
			  strerror(-r));
		return r;
	}
	if (cause)
		journal_revoked(&daemon->host, lease, cause, why);
	daemon_safe_end(daemon, lease);
	/* Who asked for it learns by its state whether the holder gave it back. */
	if (event)
		lease_retire(lease);
	revocations_note_end(daemon, lease->id);
	lease_retire(lease);
	waiting_note_end(daemon, lease->region);
	daemon_note_lease(daemon, event ? MMIOD_NOTICE_REVOKED : MMIOD_NOTICE_RELEASED, lease, why);
	if (event)
		daemon_lease_tell(daemon, lease, event, 0, why);
	return 0;
}

/* Returns false if there is nobody to ask. */
bool daemon_lease_ask(struct daemon *daemon, struct lease *lease, uint32_t deadline_ms,
		      const char *why)
{
	if (!lease->list || lease->list == &daemon->orphans)
		return false;
	daemon_lease_tell(daemon, lease, MMIOD_EVENT_REVOKE_ASKED, deadline_ms, why);
	return true;
}

static void lose_window(struct daemon *daemon, struct lease *lease)
{
	bool gone = !lease->region->claimed || lease->memory == MMIOD_MEMORY_DMA;

	daemon_safe_end(daemon, lease);
	lease_retire(lease);
	revocations_note_end(daemon, lease->id);
	waiting_note_end(daemon, lease->region);
	lease_tell(lease, gone ? MMIOD_EVENT_GONE : MMIOD_EVENT_REVOKED, 0,
		   gone ? "the device has gone" : "revoked by another program");
	daemon_note_lease(daemon, MMIOD_NOTICE_REVOKED, lease, lease_why(lease));
	journal_revoked(&daemon->host, lease, gone ? MMIOD_CAUSE_GONE : MMIOD_CAUSE_OTHER,
			lease_why(lease));
}

static void suspend_or_resume(struct daemon *daemon, struct lease *lease, enum mmiod_state state)
{
	bool sleeps = state == MMIOD_STATE_SUSPENDED;

	lease->state = state;
	lease_tell(lease, sleeps ? MMIOD_EVENT_SUSPENDED : MMIOD_EVENT_RESUMED, 0,
		   sleeps ? "the device is being reset or sleeps" : "the device is back");
	daemon_note_lease(daemon, sleeps ? MMIOD_NOTICE_SUSPENDED : MMIOD_NOTICE_RESUMED, lease,
			  lease_why(lease));
}

/* The module changed the window's state by itself: its device sleeps, wakes or is gone. */
void daemon_lease_state(struct daemon *daemon, struct lease *lease, enum mmiod_state state)
{
	if (lease->state == state || lease->state == MMIOD_STATE_REVOKED)
		return;
	if (state == MMIOD_STATE_REVOKED)
		lose_window(daemon, lease);
	else
		suspend_or_resume(daemon, lease, state);
	wake_holder(daemon, lease);
}
