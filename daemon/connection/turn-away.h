/* SPDX-License-Identifier: MIT */
/*
 * The answer that clients get from a daemon that cannot start. With socket activation they are
 * already waiting: without an answer the service manager would start the daemon for them again and
 * again, until it gave up and closed the socket for good.
 */
#ifndef MMIOD_DAEMON_CONNECTION_TURN_AWAY_H
#define MMIOD_DAEMON_CONNECTION_TURN_AWAY_H

/* Long enough that restarts stay below the unit's StartLimitBurst=, however many clients come. */
#define TURN_AWAY_MS 3000

/*
 * Turns all clients of this listening socket away for so long. Root hears why, others where that is
 * written.
 */
void turn_away_all(int fd, const char *why, unsigned int milliseconds);

#endif
