// SPDX-License-Identifier: MIT
/*
 * Parked leases: their holders have freed them and keep them in case that they want the same again,
 * so they are in nobody's way. Whoever wants what one of them has takes it without a question; so do
 * a reload, a device that sleeps, and the end of its connection or of the daemon. A lease that is
 * found in use is asked no more, and is an ordinary one from then on.
 *
 * A lease that is taken is out of its holder's reach as soon as its word says so, and no longer counts
 * against his limits. It is revoked in its turn, because there may be many.
 */
#include <string.h>
#include "broker/broker.h"

/* As many as there is room for in this turn; the others have turns of their own. */
void parked_take_some(struct broker *broker)
{
	while (broker->leases.taken && !turn_is_over(&broker->host)) {
		struct lease *lease = broker->leases.taken;

		lease_leave_taken(&broker->leases, lease);
		lease_take_parked(broker, lease);
		events_pace(broker);
	}
}

static bool go_on_taking(struct chore *chore)
{
	struct broker *broker = container_of(chore, struct broker, taking);

	parked_take_some(broker);
	return broker->leases.taken;
}

static void ask_all(struct broker *broker, struct parking *parking)
{
	for (uint32_t i = 0; i < parking->end && parking->n_open; i++)
		if (parking->leases[i])
			lease_ask_parked(broker, parking->leases[i]);
}

/* What was granted before a reload is not taken back after it, without the policy being asked. */
void parked_take_all(struct broker *broker)
{
	struct parking *parking;

	DL_FOREACH(broker->leases.parkings, parking) {
		ask_all(broker, parking);
	}
}

static struct lease *find_on(struct parking *parking, const struct user *user, uint32_t grant)
{
	for (uint32_t i = 0; i < parking->end && parking->n_open; i++) {
		struct lease *lease = parking->leases[i];

		if (lease && !lease->parking.closed && (!user || lease->charge.user == user) &&
		    (!grant || lease->grant == grant) && parking_is_parked(lease))
			return lease;
	}
	return NULL;
}

/* One that is parked. @user NULL: anybody's; @grant 0: under any. */
struct lease *parked_find(struct broker *broker, const struct user *user, uint32_t grant)
{
	struct lease *lease = NULL;
	struct parking *parking;
	unsigned int looked = 0;

	DL_FOREACH(broker->leases.parkings, parking) {
		looked += parking->n_open;
		lease = find_on(parking, user, grant);
		if (lease)
			break;
	}
	turn_spend(&broker->host, looked / WORK_LOOKED_AT);
	return lease;
}

/* ---- the page of a connection ---------------------------------------------------------------- */

/*
 * The file is the caller's. A client whose page was lost on the way asks for another one, and what is
 * on the first is parked no more.
 */
int parked_open(struct broker *broker, struct connection *connection, int *fdp)
{
	int r;

	parked_close(broker, connection);
	r = parking_new(&connection->parking, fdp);
	if (r == 0)
		DL_APPEND(broker->leases.parkings, connection->parking);
	return r;
}

/*
 * It has no page any more, and what is in use cannot be parked: so nobody parks a lease where no
 * daemon looks.
 */
void parked_close(struct broker *broker, struct connection *connection)
{
	struct parking *parking = steal_pointer(connection->parking);

	if (!parking)
		return;
	ask_all(broker, parking);
	DL_DELETE(broker->leases.parkings, parking);
	parking_free(parking);
}

/*
 * Whether its end may be put off without anybody noticing. Nothing is written or wiped then, it has
 * no time limit, and it ends with its file alone.
 */
static bool may_be_parked(const struct lease *lease)
{
	return lease->kind == MMIOD_KIND_WINDOW && lease->memory == MMIOD_MEMORY_REGION &&
	       !lease->allocated && !lease->on_end && !lease->time_limit &&
	       !(lease->flags & (MMIOD_LEASE_CONNECTION | MMIOD_LEASE_FOR));
}

/*
 * Gives the lease a word, if it may be parked. While anybody waits none is given: those who wait are
 * woken by the end of leases, and nothing tells when one is parked.
 */
void parked_give(struct broker *broker, struct connection *connection, struct lease *lease)
{
	if (connection->parking && !broker->waitlist.head && may_be_parked(lease))
		parking_give(connection->parking, lease);
}

/* ---- life ------------------------------------------------------------------------------------ */

void parked_init(struct broker *broker)
{
	broker->taking.go_on = go_on_taking;
}

/* At the daemon's end they are given back: the next one would take them for leases in use. */
void parked_clear(struct broker *broker)
{
	struct connection *connection;

	DL_FOREACH(broker->host.connections, connection) {
		parked_close(broker, connection);
	}
	turn_drop(&broker->taking);
	while (broker->leases.taken) {
		struct lease *lease = broker->leases.taken;

		lease_leave_taken(&broker->leases, lease);
		broker->backend->ops->revoke(broker->backend, lease->id);
	}
}
