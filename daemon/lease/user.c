// SPDX-License-Identifier: MIT
/*
 * Accounts. Limits are passed in, because a reload may change them; a user above a lowered limit
 * keeps what it has.
 */
#include <assert.h>
#include <string.h>
#include "base/util.h"
#include "lease/user.h"

#define NO_LIMIT UINT32_MAX /* for leases that exist already */

/*
 * Takes the name that the configuration in force has; nobody else is asked, which could take
 * seconds.
 */
static void take_name(const struct users *users, struct user *user)
{
	const char *name = users->names ? names_of_user(users->names, user->uid) : NULL;

	if (name)
		snprintf(user->name, sizeof(user->name), "%s", name);
	else if (user->payer > UINT32_MAX)
		snprintf(user->name, sizeof(user->name), "tenant %08x",
			 (uint32_t)(user->payer >> 32));
	else
		snprintf(user->name, sizeof(user->name), "%u", user->uid);
}

/* Of the configuration in force, which has to outlive the next call of this. */
void users_take_names(struct users *users, const struct names *names)
{
	users->names = names;
	for (struct user *user = users->table; user; user = user->hh.next)
		take_name(users, user);
}

/*
 * The uid that is charged for all that this one has: itself, or the one that it was given to as a
 * subordinate.
 */
uint64_t users_owner(const struct users *users, uint64_t payer)
{
	size_t from = 0, to = users->n_ranges;

	while (from < to) {
		size_t middle = from + (to - from) / 2;
		const struct uid_range *range = &users->ranges[middle];

		if (payer < range->start)
			to = middle;
		else if (payer - range->start >= range->count)
			from = middle + 1;
		else
			return range->owner;
	}
	return payer;
}

static struct user *user_need(struct users *users, uint64_t payer)
{
	struct user *user = users->recent;

	if (user && user->payer == payer)
		return user;
	HASH_FIND(hh, users->table, &payer, sizeof(payer), user);
	if (user)
		return users->recent = user;
	user = calloc(1, sizeof(*user));
	if (!user)
		return NULL;
	user->payer = payer;
	user->uid = payer <= UINT32_MAX ? (uid_t)payer : UINT32_MAX;
	take_name(users, user);
	HASH_ADD(hh, users->table, payer, sizeof(user->payer), user);
	if (hash_added(user)) {
		user->of_all.id = payer;
		by_id_insert(&users->by_payer, &user->of_all);
		return user;
	}
	free(user);
	return NULL;
}

static void user_drop_if_idle(struct users *users, struct user *user)
{
	if (user->pins)
		return;
	for (size_t i = 0; i < USER_SLOTS; i++)
		if (user->used[i])
			return;
	if (users->recent == user)
		users->recent = NULL;
	HASH_DEL(users->table, user);
	by_id_remove(&users->by_payer, &user->of_all);
	free(user);
}

static bool is_within(uint64_t used, uint64_t amount, uint64_t limit)
{
	return used <= limit && amount <= limit - used;
}

static bool have_room(const struct users *users, enum user_slot slot, uint64_t amount,
		      bool privileged)
{
	uint64_t most = users->most[slot];

	if (!most)
		return true;
	return is_within(users->used[slot], amount, privileged ? most : most - most / 10);
}

/* Whether all together may have so much more, if this user gets it. */
bool users_have_room(const struct users *users, const struct user *user, enum user_slot slot,
		     uint64_t amount)
{
	return have_room(users, slot, amount, user->uid == 0 || user->admins);
}

static int take_amount(struct charge *charge, struct users *users, uint64_t payer,
		       enum user_slot slot, uint64_t amount, uint64_t limit, bool reserved)
{
	struct user *user = user_need(users, users_owner(users, payer));
	int r = 0;

	*charge = (struct charge){ .users = users, .slot = slot, .amount = amount };
	if (!user)
		return -ENOMEM;
	if (!is_within(user->used[slot], amount, limit))
		r = -EDQUOT;
	else if (limit < NO_LIMIT && !users_have_room(users, user, slot, amount) &&
		 !(reserved && have_room(users, slot, amount, true)))
		r = -EUSERS;
	if (r < 0) {
		user_drop_if_idle(users, user);
		return r;
	}
	user->used[slot] += amount;
	users->used[slot] += amount;
	charge->user = user;
	return 0;
}

/*
 * -EDQUOT: the limit does not admit so much more. -EUSERS: all users together have as much as they
 * may. Leases that are there already, after a restart, are charged with UINT32_MAX or more as the
 * limit.
 */
int charge_take_amount(struct charge *charge, struct users *users, uint64_t payer,
		       enum user_slot slot, uint64_t amount, uint64_t limit)
{
	return take_amount(charge, users, payer, slot, amount, limit, false);
}

/* Of one who is known to be an administrator before any connection says so. */
int charge_take_reserved(struct charge *charge, struct users *users, uint64_t payer,
			 enum user_slot slot, uint64_t limit)
{
	return take_amount(charge, users, payer, slot, 1, limit, true);
}

int charge_take(struct charge *charge, struct users *users, uint64_t payer, enum user_slot slot,
		uint64_t limit)
{
	return charge_take_amount(charge, users, payer, slot, 1, limit);
}

struct user *user_find(const struct users *users, uint64_t payer)
{
	struct user *user;

	HASH_FIND(hh, users->table, &payer, sizeof(payer), user);
	return user;
}

uint64_t user_uses(const struct users *users, uint64_t payer, enum user_slot slot)
{
	const struct user *user = user_find(users, users_owner(users, payer));

	return user ? user->used[slot] : 0;
}

void charge_release(struct charge *charge)
{
	struct user *user = steal_pointer(charge->user);

	if (!user)
		return;
	assert(user->used[charge->slot] >= charge->amount);
	user->used[charge->slot] -= charge->amount;
	charge->users->used[charge->slot] -= charge->amount;
	user_drop_if_idle(charge->users, user);
}

/* It stays until it is unpinned, also when nothing is charged to it any more. */
void user_pin(struct user *user)
{
	user->pins++;
}

void user_unpin(struct users *users, struct user *user)
{
	assert(user->pins);
	user->pins--;
	user_drop_if_idle(users, user);
}

const char *user_name(const struct user *user)
{
	return user->name;
}
