/* SPDX-License-Identifier: MIT */
/*
 * The sockets of tenants: one for each [socket NAME] of the configuration in force, in a directory
 * of its own below that of all of them, which a container's runtime mounts.
 */
#ifndef MMIOD_DAEMON_TENANTS_H
#define MMIOD_DAEMON_TENANTS_H

struct daemon;
struct tenant;

/* Opens and closes what the configuration in force says, and gives each its group and mode. */
void tenants_apply(struct daemon *daemon);
void tenants_close(struct daemon *daemon);

#endif
