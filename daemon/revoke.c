// SPDX-License-Identifier: MIT
/*
 * The end of leases: RELEASE by the holder, REVOKE by an administrator. A revocation with a
 * deadline asks the holders first, and its reply is owed until all leases have ended or the
 * deadline has taken them; so when the administrator reads the reply, nobody reaches the bytes any
 * more.
 */
#include <inttypes.h>
#include <string.h>
#include "journal.h"
#include "request.h"

#define DEADLINE_MAX_MS 3600000u
#define PENDING_MAX 16 /* revocations that one connection may have under way */

struct revocation {
	struct daemon *daemon;
	struct connection *connection; /* who waits for the reply; NULL: nobody any more */
	struct event timer;
	struct mmiod_msg head; /* of the request */
	char why[LEASE_WHY_MAX];
	struct revocation *prev, *next;
	size_t pending;
	size_t count;
	struct revoked {
		uint64_t lease;
		enum mmiod_outcome outcome;
		bool pending;
	} items[];
};

/* ---- one lease ------------------------------------------------------------------------------- */

static enum mmiod_outcome revoke_now(struct daemon *daemon, uint64_t id, const char *why)
{
	struct lease *lease = lease_find(&daemon->leases, id);
	int r;

	if (!lease)
		return MMIOD_E_NOT_FOUND;
	r = daemon_lease_revoke(daemon, lease, MMIOD_EVENT_REVOKED, MMIOD_CAUSE_ADMIN, why);
	return r < 0 ? MMIOD_E_INTERNAL : MMIOD_OK;
}

static void add_ended(struct message *reply, size_t index, uint64_t lease,
		      enum mmiod_outcome outcome, const char *text)
{
	struct mmiod_wire_ended *out = reply_element(reply, index);

	out->lease = lease;
	out->status = outcome;
	if (text)
		out->text = reply_text(reply, "%s", text);
	else if (outcome == MMIOD_E_NOT_FOUND)
		out->text = reply_text(reply, "there is no lease %" PRIu64, lease);
	else if (outcome != MMIOD_OK)
		out->text = reply_text(reply, "the module refused");
}

/* ---- RELEASE --------------------------------------------------------------------------------- */

static enum mmiod_outcome release_one(struct call *call, uint64_t id, const char **text)
{
	struct daemon *daemon = call->daemon;
	struct lease *lease = lease_find(&daemon->leases, id);
	int r;

	if (!lease)
		return MMIOD_E_NOT_FOUND;
	if (!call_holds(call, lease)) {
		*text = "denied: the lease is another user's";
		return MMIOD_E_DENIED;
	}
	r = daemon_lease_revoke(daemon, lease, 0, 0, "");
	if (r < 0)
		return MMIOD_E_INTERNAL;
	/* Nothing will tell when the file is closed. */
	if (daemon->backend->ops->kind == MMIOD_BACKEND_SIMULATION)
		daemon_lease_gone(daemon, lease);
	return MMIOD_OK;
}

enum request_result request_release(struct call *call)
{
	uint32_t count = call->request->head.count;

	reply_begin(call->reply, &call->request->head, sizeof(struct mmiod_msg), count,
		    sizeof(struct mmiod_wire_ended));
	for (uint32_t i = 0; i < count; i++) {
		const char *text = NULL;
		enum mmiod_outcome outcome;
		uint64_t id;

		if (i % EVENTS_DRAIN_EVERY == EVENTS_DRAIN_EVERY - 1)
			daemon_drain_events(call->daemon);
		request_element(call->request, i, &id, sizeof(id));
		outcome = release_one(call, id, &text);
		add_ended(call->reply, i, id, outcome, text);
	}
	return REQUEST_REPLY;
}

/* ---- REVOKE ---------------------------------------------------------------------------------- */

static void revocation_free(struct revocation *revocation)
{
	event_del(&revocation->timer);
	DL_DELETE(revocation->daemon->revocations, revocation);
	if (revocation->connection)
		revocation->connection->deferred--;
	free(revocation);
}

static void reply_revoked(struct revocation *revocation, struct message *reply)
{
	reply_begin(reply, &revocation->head, sizeof(struct mmiod_msg), revocation->count,
		    sizeof(struct mmiod_wire_ended));
	for (size_t i = 0; i < revocation->count; i++)
		add_ended(reply, i, revocation->items[i].lease, revocation->items[i].outcome, NULL);
}

/* The deadline, or at once when nothing is pending any more. */
static void on_deadline(evutil_socket_t fd, short what, void *data)
{
	struct revocation *revocation = data;
	struct connection *connection = revocation->connection;
	struct message *reply = &revocation->daemon->host.message;

	for (size_t i = 0; i < revocation->count; i++) {
		struct revoked *item = &revocation->items[i];

		if (!item->pending)
			continue;
		item->pending = false; /* so that its end is not taken for the holder's doing */
		item->outcome = revoke_now(revocation->daemon, item->lease, revocation->why);
		/* It ended by itself in this very moment: that is what was wanted. */
		if (item->outcome == MMIOD_E_NOT_FOUND)
			item->outcome = MMIOD_OK;
	}
	reply_revoked(revocation, reply);
	revocation_free(revocation);
	if (connection)
		connection_send(connection, reply);
}

/*
 * The holder gave back what it was asked for; unless the
 * device went meanwhile, or another administrator took it.
 */
static void note_obedience(struct daemon *daemon, uint64_t id, const char *why)
{
	const struct lease *lease = lease_find(&daemon->leases, id);
	char text[LEASE_WHY_MAX + 32];

	if (!lease || lease->state == MMIOD_STATE_REVOKED)
		return;
	snprintf(text, sizeof(text), "given back when asked to (%s)", why);
	journal_revoked(&daemon->host, lease, MMIOD_CAUSE_OBEYED, text);
}

/*
 * A lease has ended or is revoked; called from anywhere,
 * so the reply waits for the next turn of the loop.
 */
void revocations_note_end(struct daemon *daemon, uint64_t lease)
{
	static const struct timeval at_once = { 0, 0 };
	struct revocation *revocation;

	DL_FOREACH(daemon->revocations, revocation) {
		for (size_t i = 0; i < revocation->count; i++) {
			struct revoked *item = &revocation->items[i];

			if (item->lease != lease || !item->pending)
				continue;
			item->pending = false;
			note_obedience(daemon, lease, revocation->why);
			if (--revocation->pending == 0)
				event_add(&revocation->timer, &at_once);
		}
	}
}

/* The administrator hung up: the leases end all the same. */
void revocations_forget(struct daemon *daemon, const struct connection *connection)
{
	struct revocation *revocation;

	DL_FOREACH(daemon->revocations, revocation) {
		if (revocation->connection == connection)
			revocation->connection = NULL;
	}
}

void revocations_clear(struct daemon *daemon)
{
	while (daemon->revocations)
		revocation_free(daemon->revocations);
}

static void describe_admin(struct call *call, char *why, size_t size)
{
	const struct holder *holder = &call->connection->peer.holder;
	char comm[64];

	text_escape(comm, sizeof(comm), holder->comm, sizeof(holder->comm));
	snprintf(why, size, "revoked by user %s (uid %u), pid %u (%s)",
		 user_name(call->connection->charge.user), holder->uid, holder->pid, comm);
}

static void ask(struct daemon *daemon, struct revocation *revocation, struct revoked *item,
		uint32_t deadline_ms)
{
	struct lease *lease = lease_find(&daemon->leases, item->lease);

	item->outcome = lease ? MMIOD_OK : MMIOD_E_NOT_FOUND;
	if (!lease || lease->state == MMIOD_STATE_REVOKED)
		return;
	if (!daemon_lease_ask(daemon, lease, deadline_ms, revocation->why)) {
		item->outcome = revoke_now(daemon, item->lease, revocation->why);
		return;
	}
	item->pending = true;
	revocation->pending++;
}

static struct revocation *revocation_new(struct call *call)
{
	size_t count = call->request->head.count;
	struct revocation *revocation =
		calloc(1, sizeof(*revocation) + count * sizeof(revocation->items[0]));

	if (!revocation)
		return NULL;
	revocation->daemon = call->daemon;
	revocation->head = call->request->head;
	revocation->count = count;
	describe_admin(call, revocation->why, sizeof(revocation->why));
	for (size_t i = 0; i < count; i++)
		request_element(call->request, i, &revocation->items[i].lease, sizeof(uint64_t));
	return revocation;
}

/* Takes `revocation` over: it waits for its deadline. */
static enum request_result defer(struct call *call, struct revocation *revocation,
				 uint32_t deadline_ms)
{
	struct timeval deadline = { deadline_ms / 1000, deadline_ms % 1000 * 1000 };

	revocation->connection = call->connection;
	call->connection->deferred++;
	evtimer_assign(&revocation->timer, call->daemon->host.base, on_deadline, revocation);
	DL_APPEND(call->daemon->revocations, revocation);
	event_add(&revocation->timer, &deadline);
	return REQUEST_DEFERRED;
}

static enum request_result refuse(struct call *call, enum mmiod_outcome outcome, const char *reason)
{
	reply_error(call->reply, &call->request->head, outcome, "%s", reason);
	return REQUEST_REPLY;
}

enum request_result request_revoke(struct call *call)
{
	uint32_t deadline_ms = call->request->fixed.end.deadline_ms;
	struct revocation *revocation;

	if (!call_is_admin(call))
		return refuse(call, MMIOD_E_DENIED,
			      "denied: only root and those that an [admin] section names may "
			      "revoke; holders give "
			      "their own leases back by releasing them");
	if (deadline_ms > DEADLINE_MAX_MS)
		return refuse(call, MMIOD_E_INVALID, "the deadline is an hour at most");
	if (call->connection->deferred >= PENDING_MAX)
		return refuse(call, MMIOD_E_QUOTA,
			      "16 revocations of this connection are under way");
	revocation = revocation_new(call);
	if (!revocation)
		return refuse(call, MMIOD_E_RESOURCES, "the daemon is out of memory");
	for (size_t i = 0; i < revocation->count; i++) {
		struct revoked *item = &revocation->items[i];

		if (deadline_ms)
			ask(call->daemon, revocation, item, deadline_ms);
		else
			item->outcome = revoke_now(call->daemon, item->lease, revocation->why);
	}
	if (revocation->pending)
		return defer(call, revocation, deadline_ms);
	reply_revoked(revocation, call->reply);
	free(revocation);
	return REQUEST_REPLY;
}
