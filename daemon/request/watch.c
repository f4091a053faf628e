// SPDX-License-Identifier: MIT
/*
 * To watch: who is connected, what happens, and what was granted of late. Everybody sees their own
 * connections; only clients with the inspect right see all of them, and what happens to anybody's
 * leases.
 */
#include <string.h>
#include "request/pager.h"
#include "request/request.h"

/* ---- CLIENTS --------------------------------------------------------------------------------- */

/* Of the caller's own there are few: as many as connections-per-user admits. */
static const void *next_client(const struct call *call, uint64_t cursor, bool all)
{
	const struct connection *connection;
	struct by_id_node *node;

	if (all) {
		node = by_id_after(&call->broker->host.by_id, cursor);
		return node ? container_of(node, struct connection, of_all) : NULL;
	}
	DL_FOREACH2(call->connection->user->connections, connection, user_next) {
		if (connection->id > cursor)
			return connection;
	}
	return NULL;
}

static uint64_t client_id(const void *item)
{
	const struct connection *connection = item;

	return connection->id;
}

static bool shows_client(const struct call *call, const void *item, bool all)
{
	const struct connection *connection = item;

	return connection->greeted && !connection->doomed && (all || call_is_own(call, connection));
}

static void fill_client(const struct call *call, const void *item, void *element, bool all)
{
	const struct connection *connection = item;
	struct mmiod_wire_client *out = element;

	out->id = connection->id;
	out->started = clock_since_1970(connection->started_ms);
	out->unread = connection_unread(connection);
	out->uid = connection->peer.holder.uid;
	out->pid = connection->peer.holder.pid;
	memcpy(out->comm, connection->peer.holder.comm, sizeof(out->comm));
	if (connection->blocked)
		out->flags |= MMIOD_CLIENT_PAUSED;
	if (connection->subscription.on)
		out->flags |= MMIOD_CLIENT_MONITOR;
	out->leases = connection->leases.count;
	out->bytes = connection->leases.bytes;
}

static void add_unit(struct call *call, const void *item, void *element, const void *before)
{
	struct connection *connection = (struct connection *)item; /* to keep the unit in */
	struct mmiod_wire_client *out = element;
	const char *unit = peer_unit(&connection->peer);

	if (unit[0])
		out->unit = reply_text(call->reply, "%s", unit);
}

enum request_result request_clients(struct call *call)
{
	static const struct pager pager = {
		.stride = sizeof(struct mmiod_wire_client),
		.work = 1,
		.next = next_client,
		.id = client_id,
		.shows = shows_client,
		.fill = fill_client,
		.text = add_unit,
	};

	events_drain(call->broker);
	return pager_reply(call, &pager);
}

/* ---- MONITOR --------------------------------------------------------------------------------- */

static enum request_result deny(struct call *call)
{
	reply_error(call->reply, &call->request->head, MMIOD_E_DENIED,
		    "denied: only root and those that an [admin] or [inspect] section names may "
		    "watch what everybody does");
	return REQUEST_REPLY;
}

enum request_result request_monitor(struct call *call)
{
	struct monitor *monitor = &call->broker->host.monitor;

	if (!call->request->fixed.monitor.on)
		monitor_end(monitor, &call->connection->subscription);
	else if (!call_may_inspect(call))
		return deny(call);
	else
		monitor_begin(monitor, &call->connection->subscription);
	reply_begin(call->reply, &call->request->head, sizeof(struct mmiod_msg), 0, 0);
	return REQUEST_REPLY;
}

/* ---- LOG ------------------------------------------------------------------------------------- */

static const void *next_logged(const struct call *call, uint64_t cursor, bool all)
{
	return audit_after(&call->broker->host.audits, cursor);
}

static uint64_t logged_number(const void *item)
{
	const struct mmiod_wire_logged *logged = item;

	return logged->number;
}

/* Unknown peers share a uid, but nothing else. */
static bool shows_logged(const struct call *call, const void *item, bool all)
{
	const struct mmiod_wire_logged *logged = item;
	const struct subject *subject = &call->connection->peer.subject;

	return all || (subject->known && logged->uid == subject->uid &&
		       audit_tenant(&call->broker->host.audits, logged) == subject->tenant);
}

static void fill_logged(const struct call *call, const void *item, void *element, bool all)
{
	memcpy(element, item, sizeof(struct mmiod_wire_logged));
}

enum request_result request_log(struct call *call)
{
	static const struct pager pager = {
		.stride = sizeof(struct mmiod_wire_logged),
		.work = 1,
		.next = next_logged,
		.id = logged_number,
		.shows = shows_logged,
		.fill = fill_logged,
	};

	return pager_reply(call, &pager);
}
