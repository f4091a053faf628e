/* SPDX-License-Identifier: MIT */
/*
 * The socket of a connection whose client was dropped with descriptors unread. Closing the socket
 * would not take them back: they stay in flight, counted against the daemon, until the client reads
 * them or closes its end; only the socket tells when. So it is kept, shut in both directions, with
 * the charges, and a client that lets itself be dropped again and again comes up against its user's
 * limits instead of using up the daemon's.
 */
#ifndef MMIOD_DAEMON_CONNECTION_LINGER_H
#define MMIOD_DAEMON_CONNECTION_LINGER_H

#include "connection/connection.h"

int lingering_new(struct connection *connection);
void lingering_clear(struct connection_host *host);

#endif
