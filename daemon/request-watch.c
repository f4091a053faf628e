// SPDX-License-Identifier: MIT
/*
 * To watch: who is connected, and what happens. Everybody sees their own connections; all, and what
 * happens to anybody's leases, only who has the inspect right.
 */
#include <string.h>
#include "request.h"

#define PAGE_MAX MMIOD_BATCH_MAX

/* ---- CLIENTS --------------------------------------------------------------------------------- */

static void fill_client(const struct connection *connection, struct mmiod_wire_client *out)
{
	out->id = connection->id;
	out->started = connection->started;
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

/* In a second round, because text lies behind the array. */
static void add_units(struct call *call, const struct connection *const *listed, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct mmiod_wire_client *out = reply_element(call->reply, i);
		const char *unit = listed[i]->peer.unit;

		if (unit[0])
			out->unit = reply_text(call->reply, "%s", unit);
	}
}

enum request_result request_clients(struct call *call)
{
	const struct connection *connection, *listed[PAGE_MAX];
	struct mmiod_msg_list_reply *reply;
	bool all = call_may_inspect(call);
	size_t n = 0;

	daemon_drain_events(call->daemon);
	reply = reply_begin(call->reply, &call->request->head, sizeof(*reply), PAGE_MAX,
			    sizeof(struct mmiod_wire_client));
	reply->cursor = call->request->fixed.list.cursor;
	DL_FOREACH(call->daemon->host.connections, connection) {
		if (connection->id <= reply->cursor || !connection->greeted || connection->doomed ||
		    (!all && !call_is_own(call, connection)))
			continue;
		if (n == PAGE_MAX)
			break;
		fill_client(connection, reply_element(call->reply, n));
		listed[n++] = connection;
		reply->cursor = connection->id;
	}
	if (connection)
		reply->msg.flags |= MMIOD_MSG_MORE;
	reply_truncate(call->reply, n);
	add_units(call, listed, n);
	return REQUEST_REPLY;
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
	struct monitor *monitor = &call->daemon->host.monitor;

	if (!call->request->fixed.monitor.on)
		monitor_end(monitor, &call->connection->subscription);
	else if (!call_may_inspect(call))
		return deny(call);
	else
		monitor_begin(monitor, &call->connection->subscription);
	reply_begin(call->reply, &call->request->head, sizeof(struct mmiod_msg), 0, 0);
	return REQUEST_REPLY;
}
