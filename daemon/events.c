// SPDX-License-Identifier: MIT
/*
 * The backend's events: windows that are released, regions that sleep, wake or go, devices that
 * come, and the ledger once more when events were lost.
 */
#include "daemon.h"
#include "log.h"
#include "underway.h"

#define ROUNDS_AT_ONCE 32 /* of reading, and of what follows from it, in one turn */

/* ---- what becomes of leases ------------------------------------------------------------------- */

static void change_leases(struct daemon *daemon, struct region *region, enum mmiod_state state)
{
	struct lease *lease, *next;

	region->pins++;
	HASH_ITER(hh, daemon->leases.table, lease, next) {
		if (lease->region == region)
			daemon_lease_state(daemon, lease, state);
	}
	region->pins--;
}

/*
 * The device was removed or unbound; the module has revoked the windows and forgotten the region,
 * so its name and its bytes are free to be claimed again when the device is back. The region may be
 * gone afterwards.
 */
static void on_region_gone(struct daemon *daemon, struct region *region)
{
	struct log_fields fields = {
		.message_id = LOG_ID_GONE,
		.region = region->name,
		.device = region->hw.device,
	};

	if (!region->claimed)
		return;
	region->claimed = region->stale = region->kept = false;
	underway_spoil(daemon, region);
	snprintf(region->missing, sizeof(region->missing), "its device %s has gone",
		 region->hw.device);
	log_line(LOG_NOTICE, &fields, "region %s: its device %s has gone; leases: %u", region->name,
		 region->hw.device, region->n_leases);
	daemon_note(daemon, MMIOD_NOTICE_GONE, region, region->missing);
	change_leases(daemon, region, MMIOD_STATE_REVOKED);
	daemon_fit_pool(daemon, region);
	if (!region->config)
		daemon_settle_region(daemon, region);
}

/* After events were lost: those whose end was among them. */
static void lose_regions(struct daemon *daemon)
{
	struct region *region, *next;

	HASH_ITER(hh, daemon->regions.table, region, next) {
		if (region->claimed && !daemon_region_is_there(daemon, region))
			on_region_gone(daemon, region);
	}
}

/* What the device was told is lost, so who holds it must start anew. The lease may be gone then. */
static void end_by_reset(struct daemon *daemon, struct lease *lease)
{
	static const char why[] = "the device was reset or slept, and \"on-reset = revoke\" is "
				  "configured";

	daemon_lease_revoke(daemon, lease, MMIOD_EVENT_REVOKED, MMIOD_CAUSE_RESET, why);
}

/*
 * Leases of what was reset end, and do not resume. Each end makes
 * events, so some are ended at a time. True: there may be more.
 */
static bool end_reset(struct daemon *daemon)
{
	struct lease *lease;

	if (!daemon->reset)
		return false;
	for (lease = lease_after(&daemon->leases, daemon->reset_cursor); lease;
	     lease = lease->hh.next) {
		if (daemon->events_caused >= EVENTS_DRAIN_EVERY)
			return true;
		daemon->reset_cursor = lease->id;
		if (lease->region->reset && !lease_is_over(lease))
			end_by_reset(daemon, lease);
	}
	for (struct region *region = daemon->regions.table; region; region = region->hh.next)
		region->reset = false;
	daemon->reset = false;
	return false;
}

static void on_region_state(struct daemon *daemon, struct region *region, enum mmiod_state state)
{
	struct log_fields fields = {
		.message_id = LOG_ID_REVOKE,
		.region = region->name,
		.device = region->hw.device,
	};
	bool revoke = region->config && region->config->revoke_on_reset;

	if (region->hw.state == state)
		return;
	region->hw.state = state;
	underway_spoil(daemon, region);
	if (state == MMIOD_STATE_OK)
		daemon_try_again(daemon, true);
	if (state != MMIOD_STATE_SUSPENDED || !revoke) {
		change_leases(daemon, region, state);
		return;
	}
	log_line(LOG_NOTICE, &fields,
		 "region %s: its device %s is reset or sleeps, and by "
		 "\"on-reset = revoke\" its leases end: %u",
		 region->name, region->hw.device, region->n_leases);
	region->reset = daemon->reset = true;
	daemon->reset_cursor = 0;
}

/* ---- what the backend tells ------------------------------------------------------------------- */

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
		end_by_reset(daemon, lease);
		lease = lease_find(&daemon->leases, event->id);
	}
	if (!lease && event->value == MMIOD_WINDOW_REVOKED)
		underway_spoil_window(daemon, event->id);
	if (!lease || lease->state == MMIOD_STATE_REVOKED)
		return;
	if (event->value == MMIOD_WINDOW_REVOKED && !lease_is_over(lease) &&
	    !daemon_region_is_there(daemon, lease->region))
		on_region_gone(daemon, lease->region);
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
		on_region_gone(daemon, region);
	else
		on_region_state(daemon, region, (enum mmiod_state)event->value);
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
		underway_spoil(daemon, NULL);
		daemon->backend->ops->rescan(daemon->backend);
		daemon->ledger_stale = daemon_adopt_regions(daemon) < 0;
		lose_regions(daemon);
		daemon->ledger_stale |= daemon_read_ledger(daemon) < 0;
		daemon_claim_regions(daemon);
	}
	daemon->reading_events = false;
}

/* ---- what follows ----------------------------------------------------------------------------- */

/*
 * What a region's device did not take from one lease it does
 * not take from the next. True: there may be more to be done.
 */
static bool write_unsafe(struct daemon *daemon, bool again)
{
	struct lease *lease = daemon->leases.unsafe, *next;
	struct lease *last = lease ? lease->unsafe_prev : NULL;

	daemon->safe_round++;
	for (; lease; lease = next) {
		next = lease == last ? NULL : lease->unsafe_next;
		if (lease->unsafe && !again)
			return false;
		if (lease->region->unsafe_round == daemon->safe_round)
			continue;
		if (daemon->events_caused >= EVENTS_DRAIN_EVERY)
			return true;
		daemon_lease_advance(daemon, lease);
	}
	return false;
}

/* What followed from events, and makes events itself. True: there is more of it. */
static bool follow_up(struct daemon *daemon)
{
	return end_reset(daemon) || write_unsafe(daemon, false);
}

/*
 * Takes in all that the backend has to tell. Called from within requests too, so nothing that
 * follows from an event may send a message: it waits for the next turn of the loop.
 */
static void drain(struct daemon *daemon)
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

static void on_again(evutil_socket_t fd, short what, void *data)
{
	struct daemon *daemon = data;
	bool kept = daemon_retry_regions(daemon);
	bool more = write_unsafe(daemon, true);

	daemon_pace_events(daemon);
	if (more || kept || daemon->leases.unsafe)
		daemon_try_again(daemon, more);
}

static void on_backend(evutil_socket_t fd, short what, void *data)
{
	struct daemon *daemon = data;

	daemon->host.turn.spent = 0;
	drain(daemon);
	turn_note(&daemon->host, WORK_MESSAGE);
}

void daemon_init_events(struct daemon *daemon)
{
	event_assign(&daemon->backend_event, daemon->host.base, daemon->backend->event_fd,
		     EV_READ | EV_PERSIST, on_backend, daemon);
	event_priority_set(&daemon->backend_event, TURN_FIRST);
	evtimer_assign(&daemon->again, daemon->host.base, on_again, daemon);
	event_priority_set(&daemon->again, TURN_FIRST);
	daemon->drain = drain;
}
