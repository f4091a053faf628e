/* SPDX-License-Identifier: MIT */
/*
 * mmiod --bind, --unbind and --bind-configured: what root has a process of its own do, by hand
 * (mmioctl bind), before the daemon starts, and when a device comes (systemd/).
 */
#ifndef MMIOD_DAEMON_BIND_COMMAND_H
#define MMIOD_DAEMON_BIND_COMMAND_H

#include "config/config.h"
#include "machine/bind.h"

enum bind_verb {
	BIND_NONE,
	BIND_BIND,
	BIND_UNBIND,
	BIND_CONFIGURED, /* what the configuration says; of the given addresses only, if any */
};

struct bind_command {
	enum bind_verb verb;
	struct binder binder;
	char *const *addresses;
	int count;
	/*
	 * Where a file stands for each device to bind, so that udev need not ask us about every
	 * other one.
	 */
	const char *directory;
};

#define BIND_DIRECTORY "/run/mmiod/bind"

/* Returns an exit status. */
int bind_run(const struct bind_command *command, const struct config_paths *paths);

#endif
