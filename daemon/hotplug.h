/* SPDX-License-Identifier: MIT */
/*
 * PCI functions that come, go, or change their driver, as udev's library tells it. The module tells
 * of its own devices when they are bound and when they go; this tells of those that are not its
 * yet, so that what the daemon says of a missing region stays true.
 *
 * Where there is nobody to listen to (a container, simulation) it is closed, and everything else
 * goes on.
 */
#ifndef MMIOD_DAEMON_HOTPLUG_H
#define MMIOD_DAEMON_HOTPLUG_H

#include "daemon.h"

struct udev;
struct udev_monitor;

struct hotplug {
	struct daemon *daemon;
	struct udev *udev;
	struct udev_monitor *monitor; /* NULL: closed */
	struct event incoming;
	/* Looks at the machine when it has been quiet for a moment, or not for too long. */
	struct event settle;
	uint64_t since_ms; /* of the first thing that was not looked at yet; 0: none */
};

void hotplug_open(struct hotplug *hotplug, struct daemon *daemon);
void hotplug_close(struct hotplug *hotplug);

/* Takes what an event says, NULL where it says nothing. For the tests, too. */
bool hotplug_concerns(const struct config *config, const char *slot, const char *ids);
void hotplug_note(struct hotplug *hotplug);

#endif
