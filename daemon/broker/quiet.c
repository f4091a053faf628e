// SPDX-License-Identifier: MIT
/*
 * What the backend tells of devices as a whole: resets, bus mastering, and that one has been made
 * quiet. A device that others used before is reset before somebody new operates it; who was refused
 * because of that, and waits, is tried again when the backend says that it is over, and else a tenth
 * of a second later, for the event may have been lost.
 */
#include <inttypes.h>
#include <string.h>
#include "base/log.h"
#include "broker/broker.h"

static const struct timeval a_tenth = { 0, 100000 };

/* ---- waiting for quiet ----------------------------------------------------------------------- */

static void ask_again(struct broker *broker, struct device *device)
{
	device->awaits_quiet = false;
	wakeup_note_end(broker, &device->vectors);
}

static void on_a_tenth(evutil_socket_t fd, short what, void *data)
{
	struct broker *broker = data;
	struct device *device;

	for (device = broker->devices.table; device; device = device->hh.next)
		if (device->awaits_quiet)
			ask_again(broker, device);
}

/* Somebody was refused, because the device is being made quiet. */
void quiet_await(struct broker *broker, struct device *device)
{
	device->awaits_quiet = true;
	if (!event_pending(&broker->quiet, EV_TIMEOUT, NULL))
		event_add(&broker->quiet, &a_tenth);
}

void quiet_init(struct broker *broker)
{
	evtimer_assign(&broker->quiet, broker->host.base, on_a_tenth, broker);
	event_priority_set(&broker->quiet, TURN_FIRST);
}

void quiet_clear(struct broker *broker)
{
	event_del(&broker->quiet);
}

/* ---- what the backend tells ------------------------------------------------------------------ */

static void tell(struct broker *broker, struct device *device, enum mmiod_notice_type type,
		 bool warn, const char *what)
{
	const struct log_fields fields = {
		.message_id = LOG_ID_RESET,
		.region = device->vectors.name,
		.device = device->hw.address,
	};

	log_line(warn ? LOG_WARNING : LOG_INFO, &fields, "device %s: %s", device->vectors.name,
		 what);
	notice_region(broker, type, &device->vectors, what);
}

/* As it is now; what a reset took is what all took, less what those before it did. */
static uint64_t last_reset_us(struct broker *broker, struct device *device)
{
	uint64_t before = device->reset_us;
	struct backend_device now;

	if (broker->backend->ops->next_device(broker->backend, device->hw.number, &now) < 0 ||
	    now.number != device->hw.number || now.reset_us < before)
		return 0;
	device->reset_us = now.reset_us;
	return now.reset_us - before;
}

static void tell_end_of_reset(struct broker *broker, struct device *device, uint32_t error)
{
	uint64_t us = last_reset_us(broker, device);
	char what[128];

	if (error)
		snprintf(what, sizeof(what), "its reset failed: %s", strerror((int)error));
	else
		snprintf(what, sizeof(what), "was reset, in %" PRIu64 ".%" PRIu64 " ms", us / 1000,
			 us / 100 % 10);
	tell(broker, device, MMIOD_NOTICE_RESET, error, what);
}

/* `value`: 1: begun; 0: done; else errno. EPERM is 1, too, but no reset ends by it. */
static void on_reset(struct broker *broker, struct device *device, uint32_t value)
{
	if (value == 1)
		tell(broker, device, MMIOD_NOTICE_RESET, false, "is being reset");
	else
		tell_end_of_reset(broker, device, value);
}

static void on_master(struct broker *broker, struct device *device, uint32_t on)
{
	if (device->masters == (on != 0))
		return;
	device->masters = on != 0;
	tell(broker, device, MMIOD_NOTICE_MASTER, false,
	     on ? "masters the bus" : "masters the bus no more");
}

static void on_quiet(struct broker *broker, struct device *device, uint32_t error)
{
	char what[192];

	if (error) {
		snprintf(what, sizeof(what),
			 "cannot be made quiet for who wants to operate it: %s; \"reset = no\" in "
			 "its section would say that it needs no reset",
			 strerror((int)error));
		tell(broker, device, MMIOD_NOTICE_RESET, true, what);
	}
	ask_again(broker, device);
}

void quiet_take_event(struct broker *broker, const struct mmiod_control_event *event)
{
	struct device *device = device_by_number(&broker->devices, event->id);

	if (!device)
		return;
	if (event->type == MMIOD_CONTROL_DEVICE_RESET)
		on_reset(broker, device, event->value);
	else if (event->type == MMIOD_CONTROL_DEVICE_MASTER)
		on_master(broker, device, event->value);
	else
		on_quiet(broker, device, event->value);
}
