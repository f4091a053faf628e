// SPDX-License-Identifier: MIT
/*
 * Accounts. Limits are passed in, because a reload may change
 * them; a user above a lowered limit keeps what it has.
 */
#include <assert.h>
#include <pwd.h>
#include <string.h>
#include "user.h"
#include "util.h"

static struct user *user_need(struct users *users, uid_t uid)
{
	struct user *user;

	HASH_FIND(hh, users->table, &uid, sizeof(uid), user);
	if (user)
		return user;
	user = calloc(1, sizeof(*user));
	if (!user)
		return NULL;
	user->uid = uid;
	HASH_ADD(hh, users->table, uid, sizeof(user->uid), user);
	if (hash_added(user)) {
		user->of_all.id = uid;
		by_id_insert(&users->by_uid, &user->of_all);
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
	HASH_DEL(users->table, user);
	by_id_remove(&users->by_uid, &user->of_all);
	free(user);
}

/* -EDQUOT: the limit does not admit so much more. */
int charge_take_amount(struct charge *charge, struct users *users, uid_t uid, enum user_slot slot,
		       uint64_t amount, uint64_t limit)
{
	struct user *user = user_need(users, uid);

	*charge = (struct charge){ .users = users, .slot = slot, .amount = amount };
	if (!user)
		return -ENOMEM;
	if (user->used[slot] > limit || amount > limit - user->used[slot]) {
		user_drop_if_idle(users, user);
		return -EDQUOT;
	}
	user->used[slot] += amount;
	charge->user = user;
	return 0;
}

int charge_take(struct charge *charge, struct users *users, uid_t uid, enum user_slot slot,
		uint64_t limit)
{
	return charge_take_amount(charge, users, uid, slot, 1, limit);
}

uint64_t user_uses(const struct users *users, uid_t uid, enum user_slot slot)
{
	struct user *user;

	HASH_FIND(hh, users->table, &uid, sizeof(uid), user);
	return user ? user->used[slot] : 0;
}

void charge_release(struct charge *charge)
{
	struct user *user = steal_pointer(charge->user);

	if (!user)
		return;
	assert(user->used[charge->slot] >= charge->amount);
	user->used[charge->slot] -= charge->amount;
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

/* Asks the name service, which may be slow: never on the way of a request that succeeds. */
void user_lookup_name(uid_t uid, char *name, size_t size)
{
	char buffer[4096];
	struct passwd entry, *found = NULL;

	if (getpwuid_r(uid, &entry, buffer, sizeof(buffer), &found) == 0 && found)
		snprintf(name, size, "%s", found->pw_name);
	else
		snprintf(name, size, "%u", uid);
}

const char *user_name(struct user *user)
{
	if (!user->name[0])
		user_lookup_name(user->uid, user->name, sizeof(user->name));
	return user->name;
}
