/* SPDX-License-Identifier: MIT */
/*
 * Leases that a client or an administrator ends: they are seen to in turns of the connection, wait
 * for a deadline or for the kernel, and are answered when nobody reaches the bytes any more.
 */
#ifndef MMIOD_DAEMON_BROKER_REVOCATIONS_H
#define MMIOD_DAEMON_BROKER_REVOCATIONS_H

#include "connection/connection.h"

struct broker;

struct revocation {
	struct broker *broker;
	struct connection *connection; /* waits for the reply; NULL: none does any more */
	struct unfinished unfinished; /* until all have been seen to */
	struct event timer; /* until the deadline */
	struct chore taking; /* of those that were asked; or the reply */
	struct mmiod_msg_end request;
	char why[LEASE_WHY_MAX];
	struct revocation *prev, *next;
	bool existed; /* UNGRANT: there was such a grant */
	size_t pending;
	size_t position; /* the first that was not seen to; when all were: that was not taken */
	size_t count;
	struct revoked {
		uint64_t lease;
		enum mmiod_outcome outcome;
		bool pending; /* until nobody reaches its bytes */
		bool asked; /* its holder was; until the deadline */
		const char *text; /* why not; NULL: the outcome says it */
	} items[];
};

void revocation_free(struct revocation *revocation);

/* Nobody reaches the lease's bytes any more. */
void revocations_note_end(struct broker *broker, const struct lease *lease);
/* Whether a revocation that this connection asked for under this id is under way. */
bool revocations_have(const struct broker *broker, const struct connection *connection,
		      uint64_t request);
/* The connection is closed: its leases end all the same. */
void revocations_forget(struct broker *broker, const struct connection *connection);
void revocations_clear(struct broker *broker);

#endif
