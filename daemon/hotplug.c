// SPDX-License-Identifier: MIT
/*
 * Listens to the kernel's own events rather than to those that udev sends on: they reach every
 * network namespace, so the daemon may have one of its own, and they need no udev. That they come
 * before udev's rules have run does not matter: all that must be known is read from sysfs.
 *
 * An event only makes the daemon look, once for many of them: a card with sixteen functions is
 * sixteen events.
 */
#include <libudev.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "hotplug.h"
#include "machine/pci.h"

#define EVENTS_PER_WAKE 32
#define SETTLE_MS 250
#define SETTLE_MAX_MS 2000

/* ---- what concerns us ------------------------------------------------------------------------ */

static bool is_at(enum config_device device, uint64_t pci, uint16_t vendor, uint16_t product,
		  const char *slot, const char *ids)
{
	char name[MMIOD_WIRE_NAME];

	if (device == CONFIG_DEVICE_SLOT) {
		pci_format(pci, name);
		return !slot || !strcmp(name, slot);
	}
	if (device != CONFIG_DEVICE_IDS)
		return false;
	snprintf(name, sizeof(name), "%04X:%04X", vendor, product);
	return !ids || !strcmp(name, ids);
}

static bool is_region_of(const struct config_region *region, const char *slot, const char *ids)
{
	return is_at(region->device, region->pci, region->vendor, region->product, slot, ids);
}

static bool is_device(const struct config_function *function, const char *slot, const char *ids)
{
	return is_at(function->device, function->pci, function->vendor, function->product, slot,
		     ids);
}

bool hotplug_concerns(const struct config *config, const char *slot, const char *ids)
{
	for (size_t i = 0; i < config->n_regions; i++)
		if (is_region_of(config->regions[i], slot, ids))
			return true;
	for (size_t i = 0; i < config->n_functions; i++)
		if (is_device(config->functions[i], slot, ids))
			return true;
	return false;
}

/* ---- looking --------------------------------------------------------------------------------- */

static void on_settled(evutil_socket_t fd, short what, void *data)
{
	struct hotplug *hotplug = data;
	struct daemon *daemon = hotplug->daemon;

	hotplug->since_ms = 0;
	daemon->broker.backend->ops->rescan(daemon->broker.backend);
	devices_claim(&daemon->broker);
	regions_claim(&daemon->broker);
}

/* Something happened to a device. A steady stream of events does not put the look off for ever. */
void hotplug_note(struct hotplug *hotplug)
{
	const struct timeval moment = { 0, SETTLE_MS * 1000 };
	uint64_t now = clock_coarse_ms();

	if (!hotplug->since_ms)
		hotplug->since_ms = now;
	else if (now - hotplug->since_ms > SETTLE_MAX_MS)
		return;
	event_add(&hotplug->settle, &moment);
}

/* ---- listening ------------------------------------------------------------------------------- */

static bool read_one(struct hotplug *hotplug)
{
	struct udev_device *device;

	errno = 0;
	device = udev_monitor_receive_device(hotplug->monitor);
	if (!device && (errno == EAGAIN || errno == EINTR || !errno))
		return false;
	/* Without a device: events were lost, and any of them may have been ours. */
	if (!device ||
	    hotplug_concerns(hotplug->daemon->broker.config, udev_device_get_sysname(device),
			     udev_device_get_property_value(device, "PCI_ID")))
		hotplug_note(hotplug);
	udev_device_unref(device);
	return true;
}

static void on_event(evutil_socket_t fd, short what, void *data)
{
	for (int i = 0; i < EVENTS_PER_WAKE && read_one(data); i++)
		;
}

static int start(struct hotplug *hotplug)
{
	struct udev_monitor *monitor = hotplug->monitor;
	struct event_base *base = hotplug->daemon->broker.host.base;

	if (udev_monitor_filter_add_match_subsystem_devtype(monitor, "pci", NULL) < 0 ||
	    udev_monitor_enable_receiving(monitor) < 0)
		return -EIO;
	event_assign(&hotplug->incoming, base, udev_monitor_get_fd(monitor), EV_READ | EV_PERSIST,
		     on_event, hotplug);
	return event_add(&hotplug->incoming, NULL) < 0 ? -ENOMEM : 0;
}

static void release(struct hotplug *hotplug)
{
	udev_monitor_unref(hotplug->monitor);
	udev_unref(hotplug->udev);
	hotplug->monitor = NULL;
	hotplug->udev = NULL;
}

void hotplug_open(struct hotplug *hotplug, struct daemon *daemon)
{
	*hotplug = (struct hotplug){ .daemon = daemon };
	evtimer_assign(&hotplug->settle, daemon->broker.host.base, on_settled, hotplug);
	if (daemon->broker.backend->ops->kind == MMIOD_BACKEND_SIMULATION)
		return;
	hotplug->udev = udev_new();
	if (hotplug->udev)
		hotplug->monitor = udev_monitor_new_from_netlink(hotplug->udev, "kernel");
	if (hotplug->monitor && start(hotplug) == 0)
		return;
	log_notice("the kernel's device events cannot be had: devices that appear are noticed when "
		   "they are bound, or by a reload");
	release(hotplug);
}

void hotplug_close(struct hotplug *hotplug)
{
	event_del(&hotplug->settle);
	if (hotplug->monitor)
		event_del(&hotplug->incoming);
	release(hotplug);
}
