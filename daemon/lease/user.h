/* SPDX-License-Identifier: MIT */
/*
 * Accounts: what each uid, or each tenant, holds of the daemon. A charge is an object that undoes itself: whoever
 * holds it discharges it exactly once, and a user exists as long as somebody is charged to it.
 *
 * Beside what each user may have there is a limit to what all have together, or whoever has many
 * uids would have everything. Its last tenth is for root and administrators; and the uids that
 * /etc/subuid gives to a user are that user's.
 */
#ifndef MMIOD_DAEMON_LEASE_USER_H
#define MMIOD_DAEMON_LEASE_USER_H

#include <stdint.h>
#include <sys/types.h>
#include "base/by-id.h"
#include "base/fair.h"
#include "base/hash.h"
#include "base/names.h"
#include "base/uid-range.h"
#include "base/util.h"

/*
 * Things that a user is charged for. UNREAD_*: sent to the user or waiting for room, and not read
 * yet.
 */
enum user_slot {
	USER_CONNECTIONS,
	USER_LEASES,
	USER_BYTES,
	USER_CACHES,
	USER_UNREAD_REPLIES,
	USER_UNREAD_DESCRIPTORS,
	USER_WAITING,
	USER_INTERRUPTS, /* vectors */
	USER_DEVICES, /* device files */
	USER_EXTENTS, /* of windows that have several */
	USER_TAKEN, /* parked leases that were taken, and whose files have yet to be closed */
	USER_SLOTS
};

#define USER_NAME_MAX 33

/* Connections that are served before those of others, and those. */
enum turn_class { TURN_ADMINS, TURN_OTHERS, TURN_CLASSES };

struct connection;

struct user {
	uint64_t payer; /* a uid, or a tenant: see holder_payer() */
	uid_t uid; /* UINT32_MAX: a tenant */
	unsigned int pins; /* it stays while it has any */
	unsigned int admins; /* its connections that are an administrator's */
	uint64_t used[USER_SLOTS];
	struct connection *connections; /* those charged, and not yet closed */
	struct by_id leases; /* those charged and in the table: lease.of_user */
	struct fair ready[TURN_CLASSES]; /* its connections that want a turn */
	struct fair_link turn[TURN_CLASSES]; /* in turn.users: stands there while any does */
	char name[USER_NAME_MAX]; /* or the number, where the configuration has no name for it */
	struct by_id_node of_all; /* in users.by_payer */
	UT_hash_handle hh;
};

struct users {
	struct user *table;
	struct by_id by_payer; /* tenants behind all uids */
	struct user *recent; /* who was charged last; NULL: is there no more */
	const struct names *names; /* of the configuration in force; NULL: none */
	uint64_t used[USER_SLOTS]; /* by all together */
	uint64_t most[USER_SLOTS]; /* that all together may have; 0: no limit */
	const struct uid_range *ranges; /* in order of their starts; not ours */
	size_t n_ranges;
};

struct charge {
	struct users *users;
	struct user *user; /* NULL: charges nobody */
	enum user_slot slot;
	uint64_t amount;
};

int charge_take(struct charge *charge, struct users *users, uint64_t payer, enum user_slot slot,
		uint64_t limit);
int charge_take_amount(struct charge *charge, struct users *users, uint64_t payer,
		       enum user_slot slot, uint64_t amount, uint64_t limit);
int charge_take_reserved(struct charge *charge, struct users *users, uint64_t payer,
			 enum user_slot slot, uint64_t limit);
bool users_have_room(const struct users *users, const struct user *user, enum user_slot slot,
		     uint64_t amount);
uint64_t users_owner(const struct users *users, uint64_t payer);
uint64_t user_uses(const struct users *users, uint64_t payer, enum user_slot slot);
struct user *user_find(const struct users *users, uint64_t payer); /* NULL: has nothing */
void charge_release(struct charge *charge);
void user_pin(struct user *user);
void user_unpin(struct users *users, struct user *user);
void users_take_names(struct users *users, const struct names *names);
const char *user_name(const struct user *user);

#endif
