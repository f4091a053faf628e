// SPDX-License-Identifier: MIT
/*
 * Accounts. Limits are passed in, because a reload may change
 * them; a user above a lowered limit keeps what it has.
 */
#include <assert.h>
#include <string.h>
#include "user.h"
#include "util.h"

/* As the configuration in force has it; nobody else is asked, which could take seconds. */
static void take_name(const struct users *users, struct user *user)
{
	const char *name = users->names ? names_of_user(users->names, user->uid) : NULL;

	if (name)
		snprintf(user->name, sizeof(user->name), "%s", name);
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
	take_name(users, user);
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

const char *user_name(const struct user *user)
{
	return user->name;
}
