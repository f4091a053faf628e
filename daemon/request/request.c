// SPDX-License-Identifier: MIT
/* The table of requests, and who may make which. */
#include "request/request.h"

static enum request_result (*const handlers[])(struct call *call) = {
	[MMIOD_OP_HELLO] = request_hello,
	[MMIOD_OP_STATUS] = request_status,
	[MMIOD_OP_REGIONS] = request_regions,
	[MMIOD_OP_LEASE] = request_lease,
	[MMIOD_OP_RELEASE] = request_release,
	[MMIOD_OP_REVOKE] = request_revoke,
	[MMIOD_OP_LEASES] = request_leases,
	[MMIOD_OP_ALLOC] = request_alloc,
	[MMIOD_OP_POOLS] = request_pools,
	[MMIOD_OP_POOL_MAP] = request_pool_map,
	[MMIOD_OP_BUFFER] = request_buffer,
	[MMIOD_OP_PUBLISH] = request_publish,
	[MMIOD_OP_CACHES] = request_caches,
	[MMIOD_OP_CLIENTS] = request_clients,
	[MMIOD_OP_TRANSLATE] = request_translate,
	[MMIOD_OP_PAGE] = request_page,
	[MMIOD_OP_MONITOR] = request_monitor,
	[MMIOD_OP_RENEW] = request_renew,
	[MMIOD_OP_EXPLAIN] = request_explain,
	[MMIOD_OP_COUNTERS] = request_counters,
	[MMIOD_OP_CANCEL] = request_cancel,
	[MMIOD_OP_LOG] = request_log,
	[MMIOD_OP_DEVICES] = request_devices,
	[MMIOD_OP_INTERRUPT] = request_interrupt,
	[MMIOD_OP_INTERRUPTS] = request_interrupts,
	[MMIOD_OP_GRANT] = request_grant,
	[MMIOD_OP_UNGRANT] = request_ungrant,
	[MMIOD_OP_GRANTS] = request_grants,
	[MMIOD_OP_OPERATE] = request_operate,
	[MMIOD_OP_EXTENTS] = request_extents,
	[MMIOD_OP_PARK] = request_park,
};

static enum request_result handle(struct call *call)
{
	uint16_t opcode = call->request->head.opcode;

	if (opcode < array_size(handlers) && handlers[opcode])
		return handlers[opcode](call);
	reply_error(call->reply, &call->request->head, MMIOD_E_UNSUPPORTED, "unknown opcode %u",
		    opcode);
	return REQUEST_REPLY;
}

/* Somebody whom no section names may ask only this: how things stand, and why not. */
static bool is_for_strangers(uint16_t opcode)
{
	return opcode == MMIOD_OP_HELLO || opcode == MMIOD_OP_STATUS ||
	       opcode == MMIOD_OP_EXPLAIN || opcode == MMIOD_OP_REGIONS ||
	       opcode == MMIOD_OP_LEASE || opcode == MMIOD_OP_ALLOC ||
	       opcode == MMIOD_OP_INTERRUPT || opcode == MMIOD_OP_OPERATE ||
	       opcode == MMIOD_OP_DEVICES;
}

static enum request_result refuse_stranger(struct call *call)
{
	reply_error(call->reply, &call->request->head, MMIOD_E_DENIED,
		    "denied: no section of the configuration could apply to uid %u and its groups; "
		    "who joined a group must log in again",
		    call->connection->peer.subject.uid);
	return REQUEST_REPLY;
}

/* A container's root asks the same as an administrator, and is told what it is instead. */
static bool is_for_no_tenant(const struct request *request)
{
	switch (request->head.opcode) {
	case MMIOD_OP_REVOKE:
	case MMIOD_OP_GRANT:
	case MMIOD_OP_UNGRANT:
	case MMIOD_OP_MONITOR:
	case MMIOD_OP_TRANSLATE:
	case MMIOD_OP_PAGE:
		return true;
	case MMIOD_OP_EXPLAIN:
		return !(request->fixed.explain.flags & MMIOD_EXPLAIN_SELF);
	default:
		return false;
	}
}

static enum request_result refuse_tenant(struct call *call)
{
	reply_error(call->reply, &call->request->head, MMIOD_E_DENIED,
		    "denied: on the socket of tenant %s nobody is an administrator, and this is "
		    "for administrators on the main socket",
		    holder_tenant_name(call->broker, call->connection->peer.subject.tenant));
	return REQUEST_REPLY;
}

static enum request_result answer(struct call *call)
{
	if (call->connection->peer.subject.tenant && is_for_no_tenant(call->request))
		return refuse_tenant(call);
	if (call->connection->stranger && !is_for_strangers(call->request->head.opcode))
		return refuse_stranger(call);
	return handle(call);
}

bool request_dispatch(struct connection *connection, const struct request *request)
{
	struct call call = {
		.broker = broker_of(connection),
		.connection = connection,
		.request = request,
		.reply = &connection->host->message,
	};
	enum request_result result = answer(&call);

	if (result == REQUEST_DEFERRED)
		return false;
	connection_send(connection, call.reply);
	if (result == REQUEST_CLOSE)
		connection_doom(connection);
	return true;
}
