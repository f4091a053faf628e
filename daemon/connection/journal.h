/* SPDX-License-Identifier: MIT */
/*
 * The daemon's lines in the journal about clients and their leases. Every line that a client can
 * provoke is held to a rate of its user, so that one user can neither fill the disk nor drown what
 * is said of others; how many lines were held back is said a little later. The fields of each kind
 * of line are listed in log.h.
 */
#ifndef MMIOD_DAEMON_CONNECTION_JOURNAL_H
#define MMIOD_DAEMON_CONNECTION_JOURNAL_H

#include <mmiod/protocol.h>
#include "connection/peer.h"

struct audit;
struct connection;
struct connection_host;
struct lease;

/* A request of a client that was denied by policy or by a limit. */
struct journal_refusal {
	const char *region; /* name; empty: kernel memory */
	uint32_t rights; /* asked for, as the following */
	uint64_t offset;
	uint64_t length;
	enum mmiod_limit limit; /* 0: it was the policy */
	const char *why;
};

void journal_start(struct connection_host *host);
void journal_stop(struct connection_host *host);

void journal_turned_away(struct connection_host *host, const struct peer *peer,
			 enum mmiod_limit limit, const char *why);
void journal_dropped(struct connection *connection, const char *why);

void journal_granted(struct connection *connection, const struct lease *lease, size_t others,
		     const char *rule);
void journal_refused(struct connection *connection, const struct journal_refusal *refusal);
/* An interrupt came too often. */
void journal_storm(struct connection_host *host, const struct lease *lease, const char *why);
/* A register write at the end of a lease: done, or not, and why. */
void journal_written(struct connection_host *host, const struct lease *lease,
		     const struct config_write *write, bool always);
void journal_unwritten(const struct lease *lease, const struct config_write *write, int error);
/* Counts it as well. */
void journal_revoked(struct connection_host *host, const struct lease *lease,
		     enum mmiod_revoke_cause cause, const char *why);

#endif
