// SPDX-License-Identifier: MIT
/*
 * The backend's events: windows that are released, regions that sleep, wake or go, devices that
 * come, and the ledger once more when events were lost.
 */
#include "daemon.h"
#include "log.h"

#define ROUNDS_AT_ONCE 32 /* of reading, and of what follows from it, in one turn */

/*
 * When a device goes, the module revokes its windows first, which may take a while, and tells of the
 * region last; a holder is to hear the cause, so a revocation that was not ours makes the daemon
 * look whether the region is still there.
 */
static void on_window_state(struct daemon *daemon, const struct mmiod_control_event *event)
{
	struct lease *lease = lease_find(&daemon->leases, event->id);

	/* The module has told of the reset, and ended the window itself, before our turn came. */
	if (lease && event->value == MMIOD_WINDOW_REVOKED && lease->region->reset &&
	    !lease_is_over(lease)) {
		daemon_lease_reset(daemon, lease);
		lease = lease_find(&daemon->leases, event->id);
	}
	if (!lease && event->value == MMIOD_WINDOW_REVOKED)
		batches_spoil_window(daemon, event->id);
	if (!lease || lease->state == MMIOD_STATE_REVOKED)
		return;
	if (event->value == MMIOD_WINDOW_REVOKED && !lease_is_over(lease) &&
	    !daemon_region_is_there(daemon, lease->region))
		daemon_region_gone(daemon, lease->region);
	else
		daemon_lease_state(daemon, lease, (enum mmiod_state)event->value);
}

static void on_window_released(struct daemon *daemon, const struct mmiod_control_event *event)
{
	struct lease *lease = lease_find(&daemon->leases, event->id);

	if (lease)
		daemon_lease_gone(daemon, lease);
}

static void on_region(struct daemon *daemon, const struct mmiod_control_event *event)
{
	struct region *region = region_by_handle(&daemon->regions, event->id);

	if (!region)
		return;
	if (event->type == MMIOD_CONTROL_REGION_GONE || event->value == MMIOD_WINDOW_REVOKED)
		daemon_region_gone(daemon, region);
	else
		daemon_region_state(daemon, region, (enum mmiod_state)event->value);
}

static void on_control_event(void *data, const struct mmiod_control_event *event)
{
	struct daemon *daemon = data;

	switch (event->type) {
	case MMIOD_CONTROL_OVERFLOW:
		log_warning("events of the module were lost: reading the ledger again");
		daemon->ledger_stale = true;
		daemon->host.counters.events_lost++;
		break;
	case MMIOD_CONTROL_WINDOW_RELEASED:
		on_window_released(daemon, event);
		break;
	case MMIOD_CONTROL_WINDOW_STATE:
		on_window_state(daemon, event);
		break;
	case MMIOD_CONTROL_REGION_GONE:
	case MMIOD_CONTROL_REGION_STATE:
		on_region(daemon, event);
		break;
	case MMIOD_CONTROL_DEVICE_BOUND:
		daemon->backend->ops->rescan(daemon->backend);
		daemon_claim_regions(daemon);
		break;
	default:
		break; /* DEVICE_GONE: its regions have told already */
	}
}

static void read_all(struct daemon *daemon)
{
	daemon->events_caused = 0;
	daemon->reading_events = true;
	daemon->backend->ops->read_events(daemon->backend, on_control_event, daemon);
	if (daemon->ledger_stale) {
		batches_spoil(daemon, NULL);
		daemon->backend->ops->rescan(daemon->backend);
		daemon->ledger_stale = daemon_adopt_regions(daemon) < 0;
		daemon_lose_regions(daemon);
		daemon->ledger_stale |= daemon_read_ledger(daemon) < 0;
		daemon_claim_regions(daemon);
	}
	daemon->reading_events = false;
}

/* What followed from events, and makes events itself. True: there is more of it. */
static bool follow_up(struct daemon *daemon)
{
	return daemon_end_reset(daemon) || daemon_safe_work(daemon, false);
}

/*
 * Takes in all that the backend has to tell. Called from within requests too, so nothing that
 * follows from an event may send a message: it waits for the next turn of the loop.
 */
void daemon_drain_events(struct daemon *daemon)
{
	bool more = true;

	if (daemon->draining)
		return;
	daemon->draining = true;
	for (int i = 0; i < ROUNDS_AT_ONCE && more; i++) {
		read_all(daemon);
		more = follow_up(daemon);
	}
	daemon->draining = false;
	if (more)
		daemon_try_again(daemon, true);
}

void daemon_pace_events(struct daemon *daemon)
{
	if (daemon->events_caused >= EVENTS_DRAIN_EVERY)
		daemon_drain_events(daemon);
}

/* For a walk through the table that ends leases: reading events may remove any of them. */
struct lease *daemon_next_lease(struct daemon *daemon, const struct lease *lease)
{
	uint64_t id = lease->id;

	if (daemon->events_caused < EVENTS_DRAIN_EVERY)
		return lease->hh.next;
	daemon_drain_events(daemon);
	return lease_after(&daemon->leases, id);
}

static void on_backend(evutil_socket_t fd, short what, void *data)
{
	struct daemon *daemon = data;

	daemon->host.turn.spent = 0;
	daemon_drain_events(daemon);
	turn_note(&daemon->host, WORK_MESSAGE);
}

void daemon_init_events(struct daemon *daemon)
{
	event_assign(&daemon->backend_event, daemon->host.base, daemon->backend->event_fd,
		     EV_READ | EV_PERSIST, on_backend, daemon);
	event_priority_set(&daemon->backend_event, TURN_FIRST);
}
