/* SPDX-License-Identifier: MIT */
/*
 * Parked leases: what a client has freed and keeps for a while, in case that it leases the same again.
 * Client and daemon agree without a message on whether it is in use: each lease that may be parked
 * has a word on a page that both map, one page for each connection that asked for it.
 *
 *  - the client parks by HELD -> PARKED and takes back by PARKED -> HELD;
 *  - the daemon, when somebody else wants what the lease has, takes it by PARKED -> TAKEN, and then
 *    need not ask; or it finds HELD, makes it WANTED, and the lease is an ordinary one for the rest of
 *    its life.
 *
 * The client may write anything, at any time: a word is read by nothing but compare-and-swap, with
 * the number that the lease was told. So it can say HELD, and holds an ordinary lease, or PARKED, and
 * may lose it. The page belongs to the connection, and a place on it to the lease.
 */
#ifndef MMIOD_DAEMON_LEASE_PARKING_H
#define MMIOD_DAEMON_LEASE_PARKING_H

#include <stdbool.h>
#include <stdint.h>
#include <mmiod/protocol.h>

struct lease;

struct parking {
	uint32_t *words; /* of MMIOD_PARK_WORDS; shared with the client */
	uint32_t turn; /* told with the lease that was last given a word */
	uint32_t hint; /* where a free one is looked for first */
	uint32_t end; /* behind the last word that ever had a lease */
	uint32_t n_open; /* leases whose words are still asked */
	struct lease *leases[MMIOD_PARK_WORDS];
	struct parking *prev, *next; /* in leases->parkings */
};

/* Of one lease. */
struct parking_place {
	struct parking *page; /* NULL: it has no word */
	uint32_t word;
	uint32_t held; /* what its word says while its holder uses it */
	bool closed; /* its word was asked, for the last time */
	bool taken; /* its holder had parked it */
};

int parking_new(struct parking **parkingp, int *fdp);
void parking_free(struct parking *parking);
bool parking_give(struct parking *parking, struct lease *lease);
void parking_leave(struct lease *lease);
bool parking_ask(struct lease *lease);
bool parking_is_parked(const struct lease *lease);

#endif
