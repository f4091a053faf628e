// SPDX-License-Identifier: MIT
/*
 * The end of leases: RELEASE by the holder, REVOKE by an administrator, UNGRANT of all that a grant
 * gave. A revocation with a deadline asks the holders first. The reply to either is owed until nobody reaches the bytes any
 * more: so it is when the holder has them no longer, or the administrator reads that they are
 * taken.
 *
 * Each goes through its leases in as many turns as it takes, in which its connection reads nothing:
 * requests that the client sent behind it find all of them seen to.
 */
#include <inttypes.h>
#include <string.h>
#include <common/escape.h>
#include "broker/revocations.h"
#include "config/value.h"
#include "connection/journal.h"
#include "request/request.h"

#define DEADLINE_MAX_MS 3600000u
#define PENDING_MAX 16 /* revocations that one connection may have under way */

/* ---- one lease ------------------------------------------------------------------------------- */

/* Notes what became of an end: it is over, or will be. */
static void settle(struct revocation *revocation, struct revoked *item, int r)
{
	item->outcome = r < 0 ? MMIOD_E_INTERNAL : MMIOD_OK;
	item->asked = false;
	if (r != 1 || item->pending)
		return;
	item->pending = true;
	revocation->pending++;
}

static void take(struct revocation *revocation, struct revoked *item)
{
	struct broker *broker = revocation->broker;
	struct lease *lease = lease_find(&broker->leases, item->lease);

	item->outcome = MMIOD_E_NOT_FOUND;
	if (lease)
		settle(revocation, item,
		       lease_revoke(broker, lease, MMIOD_EVENT_REVOKED, MMIOD_CAUSE_ADMIN,
				    revocation->why));
}

static void add_ended(struct message *reply, size_t index, const struct revoked *item)
{
	struct mmiod_wire_ended *out = reply_element(reply, index);

	out->lease = item->lease;
	out->status = item->outcome;
	if (item->text)
		out->text = reply_text(reply, "%s", item->text);
	else if (item->outcome == MMIOD_E_NOT_FOUND)
		out->text = reply_text(reply, "there is no lease %" PRIu64, item->lease);
	else if (item->outcome != MMIOD_OK)
		out->text = reply_text(reply, "the module refused");
}

/* ---- several, and the reply ------------------------------------------------------------------ */

static void on_deadline(evutil_socket_t fd, short what, void *data);
static bool go_on_taking(struct chore *chore);
static void go_on_seeing_to(struct unfinished *unfinished);
static void forget(struct unfinished *unfinished);

/* In the list at once: events that are read between two ends may be about the first. */
static struct revocation *revocation_new(struct call *call, size_t count)
{
	struct revocation *revocation =
		zalloc(sizeof(*revocation) + count * sizeof(revocation->items[0]));

	if (!revocation)
		return NULL;
	revocation->broker = call->broker;
	revocation->request.msg = call->request->head;
	revocation->count = count;
	revocation->taking.go_on = go_on_taking;
	revocation->unfinished.go_on = go_on_seeing_to;
	revocation->unfinished.forget = forget;
	DL_APPEND(call->broker->revocations, revocation);
	return revocation;
}

/* Of the leases that the request names. */
static struct revocation *revocation_of_request(struct call *call)
{
	struct revocation *revocation = revocation_new(call, call->request->head.count);

	if (!revocation)
		return NULL;
	revocation->request = call->request->fixed.end;
	revocation->request.msg = call->request->head;
	for (size_t i = 0; i < revocation->count; i++)
		request_element(call->request, i, &revocation->items[i].lease, sizeof(uint64_t));
	return revocation;
}

/* A lease that the module does not let go of is the failure of the whole. */
static void reply_ungranted(struct revocation *revocation, struct message *reply)
{
	struct mmiod_msg_ungrant_reply *out;
	size_t failed = 0;

	for (size_t i = 0; i < revocation->count; i++)
		failed += revocation->items[i].outcome == MMIOD_E_INTERNAL;
	if (failed) {
		reply_error(reply, &revocation->request.msg, MMIOD_E_INTERNAL,
			    "the grant is over, but of its %zu leases the module refused to end "
			    "%zu",
			    revocation->count, failed);
		return;
	}
	out = reply_begin(reply, &revocation->request.msg, sizeof(*out), 0, 0);
	out->existed = revocation->existed;
	out->ended = (uint32_t)revocation->count;
}

static void reply_ended(struct revocation *revocation, struct message *reply)
{
	if (revocation->request.msg.opcode == MMIOD_OP_UNGRANT) {
		reply_ungranted(revocation, reply);
		return;
	}
	reply_begin(reply, &revocation->request.msg, sizeof(struct mmiod_msg), revocation->count,
		    sizeof(struct mmiod_wire_ended));
	for (size_t i = 0; i < revocation->count; i++)
		add_ended(reply, i, &revocation->items[i]);
}

/* Returns whether all have been taken. */
static bool take_asked(struct revocation *revocation)
{
	struct broker *broker = revocation->broker;

	while (revocation->position < revocation->count && !turn_is_over(&broker->host)) {
		struct revoked *item = &revocation->items[revocation->position++];

		if (!item->asked)
			continue;
		item->asked = item->pending =
			false; /* its end is not taken for the holder's doing */
		revocation->pending--;
		turn_spend(&broker->host, 1);
		take(revocation, item);
		/* It ended by itself in this very moment: that is what was wanted. */
		if (item->outcome == MMIOD_E_NOT_FOUND)
			item->outcome = MMIOD_OK;
		events_pace(broker);
	}
	return revocation->position == revocation->count;
}

static void answer(struct revocation *revocation)
{
	struct connection *connection = revocation->connection;
	struct message *reply = &revocation->broker->host.message;

	reply_ended(revocation, reply);
	revocation_free(revocation);
	if (connection)
		connection_send(connection, reply);
}

/* After the deadline, and when nothing is pending any more. */
static bool go_on_taking(struct chore *chore)
{
	struct revocation *revocation = container_of(chore, struct revocation, taking);

	if (!take_asked(revocation))
		return true;
	if (!revocation->pending)
		answer(revocation);
	return false;
}

static void on_deadline(evutil_socket_t fd, short what, void *data)
{
	struct revocation *revocation = data;

	turn_do_later(&revocation->broker->host, &revocation->taking);
}

static enum request_result refuse(struct call *call, enum mmiod_outcome outcome, const char *reason)
{
	reply_error(call->reply, &call->request->head, outcome, "%s", reason);
	return REQUEST_REPLY;
}

/* ---- RELEASE --------------------------------------------------------------------------------- */

/*
 * A lease that is ending already is not waited for: so a client has no more replies owed than
 * leases, however often it asks.
 */
static void release(struct revocation *revocation, struct revoked *item)
{
	struct broker *broker = revocation->broker;
	struct lease *lease = lease_find(&broker->leases, item->lease);

	item->outcome = lease ? MMIOD_OK : MMIOD_E_NOT_FOUND;
	if (!lease)
		return;
	if (!client_may_end(broker, revocation->unfinished.connection, lease,
			    revocation->request.flags, &item->text)) {
		item->outcome = MMIOD_E_DENIED;
		return;
	}
	item->text = NULL;
	if (!lease_is_over(lease))
		settle(revocation, item, lease_revoke(broker, lease, 0, 0, ""));
	/* Nothing will tell when the file is closed. */
	if (broker->backend->ops->kind == MMIOD_BACKEND_SIMULATION && item->outcome == MMIOD_OK)
		lease_gone(broker, lease);
}

/* ---- REVOKE ---------------------------------------------------------------------------------- */

/* The client that asked hung up: the leases end all the same. */
static void forget(struct unfinished *unfinished)
{
	container_of(unfinished, struct revocation, unfinished)->connection = NULL;
}

static void describe_admin(struct call *call, char *why, size_t size)
{
	const struct holder *holder = &call->connection->peer.holder;
	char comm[64];

	common_escape(comm, sizeof(comm), holder->comm, sizeof(holder->comm));
	snprintf(why, size, "revoked by user %s (uid %u), pid %u (%s)",
		 user_name(call->connection->charge.user), holder->uid, holder->pid, comm);
}

static void ask(struct revocation *revocation, struct revoked *item)
{
	struct broker *broker = revocation->broker;
	struct lease *lease = lease_find(&broker->leases, item->lease);

	if (!lease || lease_is_over(lease) ||
	    !lease_ask(broker, lease, revocation->request.deadline_ms, revocation->why)) {
		take(revocation, item);
		return;
	}
	item->outcome = MMIOD_OK;
	item->asked = item->pending = true;
	revocation->pending++;
}

/* ---- going on -------------------------------------------------------------------------------- */

static void see_to(struct revocation *revocation, struct revoked *item)
{
	if (revocation->request.msg.opcode == MMIOD_OP_RELEASE)
		release(revocation, item);
	else if (revocation->request.deadline_ms)
		ask(revocation, item);
	else
		take(revocation, item);
}

/* A share of them, and one at least. Returns whether all have been seen to. */
static bool see_to_some(struct revocation *revocation)
{
	struct broker *broker = revocation->broker;

	do {
		see_to(revocation, &revocation->items[revocation->position++]);
		turn_spend(&broker->host, 1);
		events_pace(broker);
	} while (revocation->position < revocation->count && !turn_is_over(&broker->host));
	if (revocation->position < revocation->count)
		return false;
	unfinished_end(&revocation->unfinished);
	revocation->position = 0;
	return true;
}

/* They wait for their deadline, or for the kernel. */
static void wait(struct revocation *revocation)
{
	uint32_t ms = revocation->request.deadline_ms;
	struct timeval deadline = { ms / 1000, ms % 1000 * 1000 };

	if (!ms)
		return;
	evtimer_assign(&revocation->timer, revocation->broker->host.base, on_deadline, revocation);
	event_add(&revocation->timer, &deadline);
}

/* In a turn of the connection that it is of, which may be closed. */
static void go_on_seeing_to(struct unfinished *unfinished)
{
	struct revocation *revocation = container_of(unfinished, struct revocation, unfinished);

	if (!see_to_some(revocation))
		return;
	if (revocation->pending)
		wait(revocation);
	else
		answer(revocation);
}

/* The request's first share; mostly there is no other. */
static enum request_result begin(struct call *call, struct revocation *revocation)
{
	unfinished_begin(&revocation->unfinished, call->connection);
	if (!revocation->count || see_to_some(revocation)) {
		if (!revocation->pending) {
			reply_ended(revocation, call->reply);
			revocation_free(revocation);
			return REQUEST_REPLY;
		}
		wait(revocation);
	}
	revocation->connection = call->connection;
	call->connection->deferred++;
	return REQUEST_DEFERRED;
}

enum request_result request_release(struct call *call)
{
	struct revocation *revocation = revocation_of_request(call);

	if (!revocation)
		return refuse(call, MMIOD_E_RESOURCES, "the daemon is out of memory");
	return begin(call, revocation);
}

/* Whether another one may be begun, with that deadline; else the refusal is in the reply. */
static bool may_begin(struct call *call, uint32_t deadline_ms)
{
	if (deadline_ms > DEADLINE_MAX_MS)
		refuse(call, MMIOD_E_INVALID, "the deadline is an hour at most");
	else if (call->connection->deferred >= PENDING_MAX)
		refuse(call, MMIOD_E_QUOTA, "16 revocations of this connection are under way");
	else
		return true;
	return false;
}

enum request_result request_revoke(struct call *call)
{
	struct revocation *revocation;

	if (!call_is_admin(call))
		return refuse(call, MMIOD_E_DENIED,
			      "denied: only root and those that an [admin] section names may "
			      "revoke; holders give "
			      "their own leases back by releasing them");
	if (!may_begin(call, call->request->fixed.end.deadline_ms))
		return REQUEST_REPLY;
	revocation = revocation_of_request(call);
	if (!revocation)
		return refuse(call, MMIOD_E_RESOURCES, "the daemon is out of memory");
	describe_admin(call, revocation->why, sizeof(revocation->why));
	return begin(call, revocation);
}

/* ---- UNGRANT --------------------------------------------------------------------------------- */

/* A grant of the files is ended by changing them. */
static bool may_ungrant(struct call *call)
{
	const struct mmiod_msg_ungrant *asked = &call->request->fixed.ungrant;
	const struct config_grant *same;
	char why[TEXT_MAX];

	if (!call_is_admin(call)) {
		refuse(call, MMIOD_E_DENIED,
		       "denied: only root and those that an [admin] section names may end grants");
		return false;
	}
	if (!memchr(asked->name, '\0', sizeof(asked->name)) || !value_is_name(asked->name)) {
		refuse(call, MMIOD_E_INVALID,
		       "that is not the name of a grant: use 1 to 31 of A-Z a-z 0-9 . _ -");
		return false;
	}
	same = config_find_grant_name(call->broker->config, asked->name);
	if (!same)
		return may_begin(call, asked->deadline_ms);
	snprintf(why, sizeof(why),
		 "[grant %s] is in the configuration, at %s:%u: remove it there, and reload",
		 same->name, same->origin.file, same->origin.line);
	refuse(call, MMIOD_E_DENIED, why);
	return false;
}

/* So many leases have the grant's key, or are waited for by it. */
static size_t count_leases(const struct broker *broker, uint32_t key)
{
	const struct account *account;
	size_t count = 0;

	for (account = broker->leases.accounts; account; account = account->hh.next)
		if (account->key.grant == key)
			count += account->leases;
	return count;
}

/* One of another name that looks the same to the ledger keeps its leases. */
static bool has_leases(const struct call *call, const char *name)
{
	const struct config_grant *same =
		config_find_grant(call->broker->config, config_key_of(name));

	return !same || !strcmp(same->name, name);
}

static void add_lease(void *data, const struct lease *lease)
{
	struct revocation *revocation = data;

	revocation->items[revocation->count++].lease = lease->id;
}

/* Accounts count what is waited for as well, so there is room for all. */
static struct revocation *revocation_of_grant(struct call *call)
{
	const struct mmiod_msg_ungrant *asked = &call->request->fixed.ungrant;
	uint32_t key = config_key_of(asked->name);
	bool any = has_leases(call, asked->name);
	struct revocation *revocation =
		revocation_new(call, any ? count_leases(call->broker, key) : 0);

	if (!revocation)
		return NULL;
	revocation->count = 0;
	revocation->request.deadline_ms = asked->deadline_ms;
	if (any)
		granting_each_lease(call->broker, key, add_lease, revocation);
	return revocation;
}

static void describe_ungrant(struct call *call, struct revocation *revocation)
{
	const struct holder *holder = &call->connection->peer.holder;

	snprintf(revocation->why, sizeof(revocation->why),
		 "revoked: user %s (uid %u) ended [grant %s], which gave it",
		 user_name(call->connection->charge.user), holder->uid,
		 call->request->fixed.ungrant.name);
}

/*
 * Nothing is given under it from here on; the reply waits until nobody reaches what was. A second
 * one, of an epilogue that is run again, finds no grant, and waits for the same leases.
 */
enum request_result request_ungrant(struct call *call)
{
	struct revocation *revocation;
	struct runtime_grant *runtime;

	if (!may_ungrant(call))
		return REQUEST_REPLY;
	runtime = runtime_find(&call->broker->granting.grants, call->request->fixed.ungrant.name);
	revocation = revocation_of_grant(call);
	if (!revocation)
		return refuse(call, MMIOD_E_RESOURCES, "the daemon is out of memory");
	describe_ungrant(call, revocation);
	revocation->existed = runtime;
	if (runtime)
		granting_end(call->broker, runtime);
	return begin(call, revocation);
}
