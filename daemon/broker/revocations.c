// SPDX-License-Identifier: MIT
/*
 * Tells revocations of the end of a lease, and clears them away when a connection or the daemon
 * ends. Nothing is sent and no lease is ended here: see end.c.
 */
#include "broker/broker.h"
#include "broker/revocations.h"
#include "connection/journal.h"

void revocation_free(struct revocation *revocation)
{
	if (event_initialized(&revocation->timer))
		event_del(&revocation->timer);
	turn_drop(&revocation->taking);
	DL_DELETE(revocation->broker->revocations, revocation);
	if (revocation->connection)
		revocation->connection->deferred--;
	unfinished_end(&revocation->unfinished);
	free(revocation);
}

/*
 * The holder gave back what it was asked for; unless the device went meanwhile, or another
 * administrator took it.
 */
static void note_obedience(struct broker *broker, const struct lease *lease, const char *why)
{
	char text[LEASE_WHY_MAX + 32];

	if (!(lease->end & LEASE_GIVEN_BACK))
		return;
	snprintf(text, sizeof(text), "given back when asked to (%s)", why);
	journal_revoked(&broker->host, lease, MMIOD_CAUSE_OBEYED, text);
}

static void note_end(struct revocation *revocation, const struct lease *lease)
{
	for (size_t i = 0; revocation->pending && i < revocation->count; i++) {
		struct revoked *item = &revocation->items[i];

		if (item->lease != lease->id || !item->pending)
			continue;
		item->pending = false;
		if (item->asked)
			note_obedience(revocation->broker, lease, revocation->why);
		item->asked = false;
		if (--revocation->pending == 0 && !revocation->unfinished.connection)
			turn_do_later(&revocation->broker->host, &revocation->taking);
	}
}

/*
 * Nobody reaches the lease's bytes any more; called from anywhere, so the reply waits for the next
 * turn of the loop.
 */
void revocations_note_end(struct broker *broker, const struct lease *lease)
{
	struct revocation *revocation;

	DL_FOREACH(broker->revocations, revocation) {
		note_end(revocation, lease);
	}
}

/* Whether a revocation that this connection asked for under this id is under way. */
bool revocations_have(const struct broker *broker, const struct connection *connection,
		      uint64_t request)
{
	const struct revocation *revocation;

	DL_FOREACH(broker->revocations, revocation) {
		if (revocation->connection == connection && revocation->request.msg.id == request)
			return true;
	}
	return false;
}

/* The same of those that wait, for their deadline or for the kernel. */
void revocations_forget(struct broker *broker, const struct connection *connection)
{
	struct revocation *revocation;

	DL_FOREACH(broker->revocations, revocation) {
		if (revocation->connection == connection)
			revocation->connection = NULL;
	}
}

void revocations_clear(struct broker *broker)
{
	while (broker->revocations)
		revocation_free(broker->revocations);
}
