// SPDX-License-Identifier: MIT
/*
 * Events that a holder has yet to be told of its leases: at most one event and one question for
 * each, kept with the lease, and the lease at the head of its connection's list until it has been
 * sent.
 */
#include <string.h>
#include "lease/lease.h"

bool lease_has_pending_event(const struct lease *lease)
{
	return lease->pending.asked || lease->pending.state;
}

/*
 * Notes an event; the connection sends it when its socket takes it. An event that is not sent yet
 * is replaced, so a client that reads nothing costs no memory however much happens to its leases.
 */
void lease_tell(struct lease *lease, enum mmiod_event_type type, uint32_t deadline_ms,
		const char *why)
{
	struct lease_pending_event *pending = &lease->pending;
	struct lease_list *list = lease->list;

	if (type == MMIOD_EVENT_REVOKE_ASKED) {
		pending->asked = true;
		pending->asked_ms = deadline_ms;
	} else {
		pending->state = (uint8_t)type;
		if (type == MMIOD_EVENT_REVOKED || type == MMIOD_EVENT_GONE)
			pending->asked = false;
	}
	free(pending->why);
	pending->why = strndup(why, LEASE_WHY_MAX - 1);
	if (list) {
		DL_DELETE(list->head, lease);
		DL_PREPEND(list->head, lease);
	}
}

/*
 * Few leases are ever told anything, so the sentence has no room in each; without memory an event
 * goes without one.
 */
const char *lease_why(const struct lease *lease)
{
	return lease->pending.why ? lease->pending.why : "";
}

/* One event, in the order that makes sense; the lease moves to the tail when it has no more. */
enum mmiod_event_type lease_take_event(struct lease *lease, uint32_t *deadline_ms)
{
	struct lease_pending_event *pending = &lease->pending;
	struct lease_list *list = lease->list;
	enum mmiod_event_type type;

	*deadline_ms = 0;
	if (pending->asked) {
		type = MMIOD_EVENT_REVOKE_ASKED;
		*deadline_ms = pending->asked_ms;
		pending->asked = false;
	} else {
		type = (enum mmiod_event_type)pending->state;
		pending->state = 0;
	}
	if (!lease_has_pending_event(lease)) {
		DL_DELETE(list->head, lease);
		DL_APPEND(list->head, lease);
	}
	return type;
}
