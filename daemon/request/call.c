// SPDX-License-Identifier: MIT
/* Tells what the caller of a request may do and see. */
#include "request/call.h"

bool call_is_admin(const struct call *call)
{
	return policy_is_admin(call->broker->config, &call->connection->peer.subject);
}

/*
 * A user's leases are those of all its processes, and those that a connection asked for are its
 * own, whoever they are for. Unknown peers share a uid, but nothing else.
 */
static bool holds(const struct connection *connection, const struct lease *lease)
{
	return lease->list == &connection->leases ||
	       (holder_is_same(&lease->holder, &connection->peer.holder) &&
		connection->peer.subject.known);
}

bool call_holds(const struct call *call, const struct lease *lease)
{
	return holds(call->connection, lease);
}

/* Or about to be one: its connection is closed. */
static bool is_orphan(const struct broker *broker, const struct lease *lease)
{
	return !lease->list || lease->list == &broker->orphans ||
	       container_of(lease->list, struct connection, leases)->closed;
}

/*
 * Whether the lease is the client's to end or to renew: one that its connection stands for, or one
 * of its process that no connection stands for. Any other of its user is so by force alone, or a
 * helper in a sandbox could end what a program of the same user drives a motor by.
 */
bool client_may_end(const struct broker *broker, const struct connection *connection,
		    const struct lease *lease, uint32_t flags, const char **why)
{
	*why = "denied: the lease is another user's";
	if (!holds(connection, lease))
		return false;
	if (lease->list == &connection->leases || flags & MMIOD_END_FORCE)
		return true;
	*why = "denied: another process of the same user has the lease; \"mmioctl free\", or "
	       "mmiod_client_release(), ends it all the same";
	return is_orphan(broker, lease) && lease->holder.pid == connection->peer.holder.pid;
}

/* The caller's, or another of the same user. */
bool call_is_own(const struct call *call, const struct connection *connection)
{
	const struct subject *subject = &call->connection->peer.subject;

	return connection == call->connection ||
	       (subject->known &&
		holder_is_same(&connection->peer.holder, &call->connection->peer.holder));
}

bool call_may_inspect(const struct call *call)
{
	return policy_may_inspect(call->broker->config, &call->connection->peer.subject);
}

bool call_may_see(const struct call *call, const struct region *region, bool all)
{
	return all ||
	       (region->config && policy_rights(region->config, &call->connection->peer.subject));
}

bool call_may_see_device(const struct call *call, const struct device *device, bool all)
{
	return all || (device->config &&
		       policy_device_rights(device->config, &call->connection->peer.subject));
}
