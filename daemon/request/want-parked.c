// SPDX-License-Identifier: MIT
/*
 * Leases that are in a want's way and are parked: their holders have freed them, so they are taken.
 * A want that is refused all the same takes none, unless it waits: what it waits for must not be
 * parked behind its back, where nothing would wake it.
 */
#include "request/want.h"

struct survey {
	struct want *want;
	bool asks; /* else it only looks */
	struct lease *held; /* one that is in the way and not parked; NULL: there is none */
};

static void look(void *data, struct lease *lease)
{
	struct survey *survey = data;
	bool parked = survey->asks ? lease_ask_parked(survey->want->call->broker, lease)
				   : parking_is_parked(lease);

	if (!parked)
		survey->held = lease;
}

/* One that is in the way and in use, or NULL. */
static struct lease *see_all(struct want *want, bool asks)
{
	struct survey survey = { .want = want, .asks = asks };
	const struct mmiod_wire_want *wire = &want->wire;
	size_t seen = lease_each_conflict(want->region, wire->offset, wire->length, wire->rights,
					  want->share, look, &survey);

	turn_spend(&want->call->broker->host, (unsigned int)(seen / WORK_LOOKED_AT));
	return survey.held;
}

static bool may_wait(const struct want *want)
{
	return !want->dry && !want->provisional && want->call->request->fixed.lease.wait_ms &&
	       !want->call->request->wait_over;
}

/*
 * @holder is in the way. NULL: all that was is parked, and has gone. Else one that keeps the want out,
 * or, if it `takes`, that does so for the moment that its end takes.
 */
struct lease *want_ask_parked(struct want *want, struct lease *holder)
{
	struct broker *broker = want->call->broker;
	struct lease *held;

	if (!broker->leases.parkings && !holder->parking.taken)
		return holder;
	held = see_all(want, false);
	if (held ? may_wait(want) : !want->dry)
		held = see_all(want, true);
	if (held || want->dry)
		return held;
	parked_take_some(broker);
	holder = lease_conflict(want->region, want->wire.offset, want->wire.length,
				want->wire.rights, want->share);
	want->takes = holder;
	return holder;
}

/*
 * The module names a window that keeps the want's from being made. True: it was parked, and has gone.
 * If it `takes`, that will be so in a moment.
 */
bool want_take_window(struct want *want, uint64_t id)
{
	struct broker *broker = want->call->broker;
	struct lease *lease = id ? lease_find(&broker->leases, id) : NULL;

	if (!lease || lease->state == MMIOD_STATE_REVOKED || !lease_ask_parked(broker, lease))
		return false;
	parked_take_some(broker);
	lease = lease_find(&broker->leases, id);
	want->takes = lease && lease->state != MMIOD_STATE_REVOKED;
	return !want->takes;
}

/* The limit is everybody's, and not the user's own. */
static bool is_limit_of_all(const struct want *want, const struct user *user)
{
	return want->limit == MMIOD_LIMIT_LEASES &&
	       (!user ||
		user->used[USER_LEASES] < want->call->broker->config->limits.leases_per_user);
}

/* A parked lease of those that the limit counts, which refused the want; or NULL. */
static struct lease *find_counted(const struct want *want)
{
	struct broker *broker = want->call->broker;
	struct users *users = &broker->host.users;
	const struct user *user = user_find(users, users_owner(users, holder_payer(&want->holder)));
	bool by_grant = want->limit == MMIOD_LIMIT_GRANT;
	struct lease *lease = NULL;

	if (!broker->leases.parkings || (!by_grant && want->limit != MMIOD_LIMIT_LEASES))
		return NULL;
	if (user)
		lease = parked_find(broker, user, by_grant ? want->grant->key : 0);
	return !lease && is_limit_of_all(want, user) ? parked_find(broker, NULL, 0) : lease;
}

/* Whether it is a parked lease that made the limit refuse the want. */
bool want_is_relieved(const struct want *want)
{
	return find_counted(want);
}

/* One that is parked counts no more. False: there is none. */
bool want_relieve(struct want *want)
{
	struct lease *lease;

	while ((lease = find_counted(want)))
		if (lease_ask_parked(want->call->broker, lease))
			return true;
	return false;
}
