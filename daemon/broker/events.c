// SPDX-License-Identifier: MIT
/*
 * The backend's events: windows that are released, regions that sleep, wake or go, devices that
 * come, and the ledger once more when events were lost.
 */
#include <inttypes.h>
#include "base/log.h"
#include "broker/broker.h"
#include "broker/underway.h"
#include "connection/journal.h"

#define ROUNDS_AT_ONCE 32 /* of reading, and of what follows from it, in one turn */
#define ENTRIES_AT_ONCE 64 /* of the ledger, each of which is asked for by itself */

/* ---- what becomes of leases ------------------------------------------------------------------ */

static void change_leases(struct broker *broker, struct region *region, enum mmiod_state state)
{
	struct lease *lease;

	region->pins++;
	for (uint64_t id = 0; (lease = lease_after(&broker->leases, id));) {
		id = lease->id;
		if (lease->region == region)
			lease_change_state(broker, lease, state);
	}
	region->pins--;
}

/*
 * The device was removed or unbound; the module has revoked the windows and forgotten the region,
 * so its name and its bytes are free to be claimed again when the device is back. The region may be
 * gone afterwards.
 */
static void on_region_gone(struct broker *broker, struct region *region)
{
	struct log_fields fields = {
		.message_id = LOG_ID_GONE,
		.region = region->name,
		.device = region->hw.device,
	};

	if (!region->claimed)
		return;
	region->claimed = region->stale = region->kept = false;
	underway_spoil(broker, region);
	snprintf(region->missing, sizeof(region->missing), "its device %s has gone",
		 region->hw.device);
	log_line(LOG_NOTICE, &fields, "region %s: its device %s has gone; leases: %u", region->name,
		 region->hw.device, region->n_leases);
	notice_region(broker, MMIOD_NOTICE_GONE, region, region->missing);
	change_leases(broker, region, MMIOD_STATE_REVOKED);
	pools_fit(broker, region);
	if (!region->config)
		region_settle(broker, region);
}

static void on_device_gone(struct broker *broker, struct device *device)
{
	if (!device->vectors.claimed)
		return;
	device->vectors.pins++;
	device_gone(broker, device);
	change_leases(broker, &device->vectors, MMIOD_STATE_REVOKED);
	device->vectors.pins--;
	device_freed(broker, device);
}

/* The region may be gone afterwards, and the device that it is of. */
static void lose(struct broker *broker, struct region *region)
{
	if (region->kind == REGION_VECTORS)
		on_device_gone(broker, device_of(region));
	else
		on_region_gone(broker, region);
}

/* After events were lost: those whose end was among them. */
static void lose_regions(struct broker *broker)
{
	struct region *region, *next;
	struct device *device, *next_device;

	HASH_ITER(hh, broker->devices.table, device, next_device) {
		if (device->vectors.claimed && !device_is_there(broker, device))
			on_device_gone(broker, device);
	}

	HASH_ITER(hh, broker->regions.table, region, next) {
		if (region->claimed && !region_is_there(broker, region))
			on_region_gone(broker, region);
	}
}

/*
 * The device has lost what it was told, so its holder must start anew. The lease may be gone then.
 */
static void end_by_reset(struct broker *broker, struct lease *lease)
{
	static const char why[] = "the device was reset or slept, and \"on-reset = revoke\" is "
				  "configured";

	lease_revoke(broker, lease, MMIOD_EVENT_REVOKED, MMIOD_CAUSE_RESET, why);
}

/*
 * Leases of what was reset end, and do not resume. Each end makes events, so some are ended at a
 * time. True: there may be more.
 */
static bool end_reset(struct broker *broker)
{
	struct lease *lease;

	if (!broker->events.reset)
		return false;
	for (lease = lease_after(&broker->leases, broker->events.reset_cursor); lease;
	     lease = lease_after(&broker->leases, broker->events.reset_cursor)) {
		if (broker->events.caused >= EVENTS_DRAIN_EVERY)
			return true;
		broker->events.reset_cursor = lease->id;
		if (lease->region->reset && !lease_is_over(lease))
			end_by_reset(broker, lease);
	}
	for (struct region *region = broker->regions.table; region; region = region->hh.next)
		region->reset = false;
	broker->events.reset = false;
	return false;
}

static void on_region_state(struct broker *broker, struct region *region, enum mmiod_state state)
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
	underway_spoil(broker, region);
	if (state == MMIOD_STATE_OK)
		wakeup_try_again(broker, true);
	if (state != MMIOD_STATE_SUSPENDED || !revoke) {
		change_leases(broker, region, state);
		return;
	}
	log_line(LOG_NOTICE, &fields,
		 "region %s: its device %s is reset or sleeps, and by "
		 "\"on-reset = revoke\" its leases end: %u",
		 region->name, region->hw.device, region->n_leases);
	region->reset = broker->events.reset = true;
	broker->events.reset_cursor = 0;
}

/* ---- what the backend tells ------------------------------------------------------------------ */

/*
 * When a device goes, the module revokes its windows first, which may take a while, and tells of
 * the region last; a holder is to hear the cause, so a revocation that was not ours makes the
 * daemon look whether the region is still there.
 */
static void on_window_state(struct broker *broker, const struct mmiod_control_event *event)
{
	struct lease *lease = lease_find(&broker->leases, event->id);

	/* The module has told of the reset, and ended the window itself, before our turn came. */
	if (lease && event->value == MMIOD_WINDOW_REVOKED && lease->region->reset &&
	    !lease_is_over(lease)) {
		end_by_reset(broker, lease);
		lease = lease_find(&broker->leases, event->id);
	}
	if (!lease && event->value == MMIOD_WINDOW_REVOKED)
		underway_spoil_window(broker, event->id);
	if (!lease || lease->state == MMIOD_STATE_REVOKED)
		return;
	if (event->value == MMIOD_WINDOW_REVOKED && !lease_is_over(lease) &&
	    !region_is_there(broker, lease->region))
		lose(broker, lease->region);
	else
		lease_change_state(broker, lease, (enum mmiod_state)event->value);
}

static void on_window_released(struct broker *broker, const struct mmiod_control_event *event)
{
	struct lease *lease = lease_find(&broker->leases, event->id);

	if (lease)
		lease_gone(broker, lease);
}

static void on_region(struct broker *broker, const struct mmiod_control_event *event)
{
	struct region *region = region_by_handle(&broker->regions, event->id);

	if (!region)
		return;
	if (event->type == MMIOD_CONTROL_REGION_GONE || event->value == MMIOD_WINDOW_REVOKED)
		on_region_gone(broker, region);
	else
		on_region_state(broker, region, (enum mmiod_state)event->value);
}

static void on_device(struct broker *broker, const struct mmiod_control_event *event)
{
	struct device *device = device_by_number(&broker->devices, event->id);

	if (device && !device_is_there(broker, device))
		on_device_gone(broker, device);
}

/* One that was silenced goes on when its holder unmasks it. */
static void tell_storm(struct broker *broker, struct lease *lease, uint32_t storms)
{
	char why[LEASE_WHY_MAX];

	snprintf(why, sizeof(why),
		 "vector %" PRIu64
		 " came too often, or those who watch it took too long: silenced, "
		 "for the %u. time",
		 lease->offset, storms);
	device_of(lease->region)->storms++;
	journal_storm(&broker->host, lease, why);
	notice_lease(broker, MMIOD_NOTICE_STORM, lease, why);
	if (!lease_is_over(lease) && !lease->pending.state)
		lease_tell_holder(broker, lease, MMIOD_EVENT_STORM, 0, why);
}

static void on_storm(struct broker *broker, const struct mmiod_control_event *event)
{
	struct lease *lease = lease_find(&broker->leases, event->id);

	if (lease && lease->kind == MMIOD_KIND_INTERRUPT)
		tell_storm(broker, lease, event->value);
}

static void on_control_event(void *data, const struct mmiod_control_event *event)
{
	struct broker *broker = data;

	turn_spend(&broker->host, 1);
	switch (event->type) {
	case MMIOD_CONTROL_OVERFLOW:
		log_warning("events of the module were lost: reading the ledger again");
		broker->events.ledger_stale = true;
		broker->events.ledger_is_read = false; /* from the first entry on */
		broker->host.counters.events_lost++;
		break;
	case MMIOD_CONTROL_WINDOW_RELEASED:
		on_window_released(broker, event);
		break;
	case MMIOD_CONTROL_WINDOW_STATE:
		on_window_state(broker, event);
		break;
	case MMIOD_CONTROL_REGION_GONE:
	case MMIOD_CONTROL_REGION_STATE:
		on_region(broker, event);
		break;
	case MMIOD_CONTROL_DEVICE_BOUND:
		broker->backend->ops->rescan(broker->backend);
		devices_claim(broker);
		regions_claim(broker);
		break;
	case MMIOD_CONTROL_DEVICE_GONE: /* its regions have told already */
		on_device(broker, event);
		break;
	case MMIOD_CONTROL_DEVICE_STORM:
		on_storm(broker, event);
		break;
	case MMIOD_CONTROL_DEVICE_QUIET:
	case MMIOD_CONTROL_DEVICE_RESET:
	case MMIOD_CONTROL_DEVICE_MASTER:
		quiet_take_event(broker, event);
		break;
	default:
		break;
	}
}

/* Some entries of the ledger. What is configured may be claimed when all that is taken is known. */
static void read_ledger_on(struct broker *broker)
{
	int r = ledger_read_some(broker, ENTRIES_AT_ONCE);

	turn_spend(&broker->host, ENTRIES_AT_ONCE);
	if (r == 1) {
		turn_do_later(&broker->host, &broker->events.reading_on);
		return;
	}
	broker->events.ledger_is_read = false;
	broker->events.ledger_stale |= r < 0;
	devices_claim(broker);
	regions_claim(broker);
}

/* The regions at once, and the leases in as many turns as it takes. */
static void read_ledger_again(struct broker *broker)
{
	underway_spoil(broker, NULL);
	broker->backend->ops->rescan(broker->backend);
	broker->events.ledger_stale = regions_adopt(broker) < 0;
	lose_regions(broker);
	if (broker->events.ledger_is_read)
		return;
	broker->events.ledger_is_read = true;
	ledger_begin(broker);
	read_ledger_on(broker);
}

static void read_all(struct broker *broker)
{
	broker->events.caused = 0;
	broker->events.reading = true;
	broker->backend->ops->read_events(broker->backend, on_control_event, broker);
	if (broker->events.ledger_stale)
		read_ledger_again(broker);
	broker->events.reading = false;
}

/* ---- what follows ---------------------------------------------------------------------------- */

/*
 * A write that a region's device did not take from one lease it does not take from the next. True:
 * there may be more to be done.
 */
static bool write_unsafe(struct broker *broker, bool again)
{
	struct lease *lease = broker->leases.unsafe, *next;
	struct lease *last = lease ? lease->unsafe_prev : NULL;

	broker->safe_state.round++;
	for (; lease; lease = next) {
		next = lease == last ? NULL : lease->unsafe_next;
		if (lease->unsafe && !again)
			return false;
		if (lease->region->unsafe_round == broker->safe_state.round)
			continue;
		if (broker->events.caused >= EVENTS_DRAIN_EVERY)
			return true;
		lease_advance(broker, lease);
	}
	return false;
}

/* Consequences of events that make events themselves. True: there are more. */
static bool follow_up(struct broker *broker)
{
	return end_reset(broker) || write_unsafe(broker, false);
}

/*
 * Takes in all that the backend has to tell. Called from within requests too, so nothing that
 * follows from an event may send a message: it waits for the next turn of the loop.
 */
static void drain(struct broker *broker)
{
	bool more = true;

	if (broker->events.draining)
		return;
	broker->events.draining = true;
	for (int i = 0; i < ROUNDS_AT_ONCE && more; i++) {
		read_all(broker);
		more = follow_up(broker);
	}
	broker->events.draining = false;
	if (more)
		wakeup_try_again(broker, true);
}

static bool go_on_reading(struct chore *chore)
{
	struct broker *broker = container_of(chore, struct broker, events.reading_on);

	broker->events.reading = true;
	if (broker->events.ledger_is_read)
		read_ledger_on(broker);
	broker->events.reading = false;
	if (!broker->events.ledger_stale) /* else it is tried again when there is an event */
		drain(broker);
	return broker->events.ledger_is_read;
}

static void on_again(evutil_socket_t fd, short what, void *data)
{
	struct broker *broker = data;
	bool kept = regions_retry(broker);
	bool more = write_unsafe(broker, true);

	events_pace(broker);
	if (more || kept || broker->leases.unsafe)
		wakeup_try_again(broker, more);
}

static void on_backend(evutil_socket_t fd, short what, void *data)
{
	struct broker *broker = data;

	broker->host.turn.spent = 0;
	drain(broker);
	turn_note(&broker->host, WORK_MESSAGE + broker->host.turn.spent);
}

void events_init(struct broker *broker)
{
	event_assign(&broker->events.event, broker->host.base, broker->backend->event_fd,
		     EV_READ | EV_PERSIST, on_backend, broker);
	event_priority_set(&broker->events.event, TURN_FIRST);
	evtimer_assign(&broker->wakeup.again, broker->host.base, on_again, broker);
	event_priority_set(&broker->wakeup.again, TURN_FIRST);
	broker->events.drain = drain;
	broker->events.reading_on.go_on = go_on_reading;
}
