// SPDX-License-Identifier: MIT
/*
 * The table of requests, and the two that are about the connection and the daemon themselves.
 */
#include <inttypes.h>
#include <string.h>
#include "journal.h"
#include "request.h"
#include "safe.h"
#include "text.h"

static const struct {
	uint16_t opcode;
	enum request_result (*handle)(struct call *call);
} handlers[] = {
	{ MMIOD_OP_HELLO, request_hello },	   { MMIOD_OP_STATUS, request_status },
	{ MMIOD_OP_REGIONS, request_regions },	   { MMIOD_OP_LEASE, request_lease },
	{ MMIOD_OP_RELEASE, request_release },	   { MMIOD_OP_REVOKE, request_revoke },
	{ MMIOD_OP_LEASES, request_leases },	   { MMIOD_OP_ALLOC, request_alloc },
	{ MMIOD_OP_POOLS, request_pools },	   { MMIOD_OP_POOL_MAP, request_pool_map },
	{ MMIOD_OP_BUFFER, request_buffer },	   { MMIOD_OP_PUBLISH, request_publish },
	{ MMIOD_OP_CACHES, request_caches },	   { MMIOD_OP_CLIENTS, request_clients },
	{ MMIOD_OP_TRANSLATE, request_translate }, { MMIOD_OP_PAGE, request_page },
	{ MMIOD_OP_MONITOR, request_monitor },	   { MMIOD_OP_RENEW, request_renew },
	{ MMIOD_OP_EXPLAIN, request_explain },	   { MMIOD_OP_COUNTERS, request_counters },
	{ MMIOD_OP_CANCEL, request_cancel },	   { MMIOD_OP_LOG, request_log },
};

static enum request_result handle(struct call *call)
{
	uint16_t opcode = call->request->head.opcode;

	for (size_t i = 0; i < array_size(handlers); i++)
		if (handlers[i].opcode == opcode)
			return handlers[i].handle(call);
	reply_error(call->reply, &call->request->head, MMIOD_E_UNSUPPORTED, "unknown opcode %u",
		    opcode);
	return REQUEST_REPLY;
}

/* What somebody may ask whom no section names: how things stand, and why not. */
static bool is_for_strangers(uint16_t opcode)
{
	return opcode == MMIOD_OP_HELLO || opcode == MMIOD_OP_STATUS ||
	       opcode == MMIOD_OP_EXPLAIN || opcode == MMIOD_OP_REGIONS ||
	       opcode == MMIOD_OP_LEASE || opcode == MMIOD_OP_ALLOC;
}

static enum request_result refuse_stranger(struct call *call)
{
	reply_error(call->reply, &call->request->head, MMIOD_E_DENIED,
		    "denied: no section of the configuration could apply to uid %u and its groups; "
		    "who joined a group must log in again",
		    call->connection->peer.subject.uid);
	return REQUEST_REPLY;
}

/* One that waited. What it comes to now, unless it waits again, has been sent. */
enum request_result request_dispatch_again(struct connection *connection,
					   const struct request *request)
{
	struct call call = {
		.daemon = daemon_of(connection),
		.connection = connection,
		.request = request,
		.reply = &connection->host->message,
	};
	enum request_result result;

	result = connection->stranger && !is_for_strangers(request->head.opcode)
			 ? refuse_stranger(&call)
			 : handle(&call);

	if (result == REQUEST_DEFERRED)
		return result;
	connection_send(connection, call.reply);
	if (result == REQUEST_CLOSE)
		connection_doom(connection);
	return result;
}

void request_dispatch(struct connection *connection, const struct request *request)
{
	request_dispatch_again(connection, request);
}

bool call_is_admin(const struct call *call)
{
	return policy_is_admin(call->daemon->config, &call->connection->peer.subject);
}

/* A user's leases are those of all its processes. Unknown peers share a uid, but nothing else. */
static bool holds(const struct connection *connection, const struct lease *lease)
{
	return lease->holder.uid == connection->peer.subject.uid &&
	       (connection->peer.subject.known || lease->list == &connection->leases);
}

bool call_holds(const struct call *call, const struct lease *lease)
{
	return holds(call->connection, lease);
}

/* Or about to be one: its connection is closed. */
static bool is_orphan(const struct daemon *daemon, const struct lease *lease)
{
	return !lease->list || lease->list == &daemon->orphans ||
	       container_of(lease->list, struct connection, leases)->closed;
}

/*
 * Whether the lease is the client's to end or to renew: one that its connection stands for, or one
 * of its process that no connection stands for. Any other of its user is so by force alone, or a
 * helper in a sandbox could end what a program of the same user drives a motor by.
 */
bool daemon_may_end(const struct daemon *daemon, const struct connection *connection,
		    const struct lease *lease, uint32_t flags, const char **why)
{
	*why = "denied: the lease is another user's";
	if (!holds(connection, lease))
		return false;
	if (lease->list == &connection->leases || flags & MMIOD_END_FORCE)
		return true;
	*why = "denied: another process of the same user has the lease; \"mmioctl free\", or "
	       "mmiod_client_release(), ends it all the same";
	return is_orphan(daemon, lease) && lease->holder.pid == connection->peer.holder.pid;
}

/* The caller's, or another of the same user. */
bool call_is_own(const struct call *call, const struct connection *connection)
{
	const struct subject *subject = &call->connection->peer.subject;

	return connection == call->connection ||
	       (subject->known && connection->peer.subject.uid == subject->uid);
}

bool call_may_inspect(const struct call *call)
{
	return policy_may_inspect(call->daemon->config, &call->connection->peer.subject);
}

static enum request_result refuse_hello(struct call *call, enum mmiod_outcome outcome,
					const char *reason)
{
	reply_error(call->reply, &call->request->head, outcome, "%s", reason);
	return REQUEST_CLOSE;
}

enum request_result request_hello(struct call *call)
{
	const struct mmiod_msg_hello *hello = &call->request->fixed.hello;
	struct mmiod_msg_hello_reply *reply;

	if (call->connection->greeted)
		return refuse_hello(call, MMIOD_E_PROTOCOL, "HELLO comes once");
	if (hello->version_min > hello->version_max)
		return refuse_hello(call, MMIOD_E_INVALID,
				    "version_min is greater than version_max");
	if (hello->version_min > MMIOD_PROTOCOL_VERSION ||
	    hello->version_max < MMIOD_PROTOCOL_VERSION) {
		reply_error(call->reply, &call->request->head, MMIOD_E_VERSION,
			    "the daemon speaks protocol version %u, the client %u to %u",
			    MMIOD_PROTOCOL_VERSION, hello->version_min, hello->version_max);
		return REQUEST_CLOSE;
	}
	if (hello->max_message < MMIOD_MSG_MAX)
		return refuse_hello(call, MMIOD_E_INVALID, "max_message must be at least 65536");
	connection_greeted(call->connection);
	daemon_attach_orphans(call->daemon, call->connection);
	reply = reply_begin(call->reply, &call->request->head, sizeof(*reply), 0, 0);
	reply->version = MMIOD_PROTOCOL_VERSION;
	reply->backend = call->daemon->backend->ops->kind;
	reply->epoch = call->daemon->epoch;
	reply->max_message = MMIOD_MSG_MAX;
	reply->max_fds = MMIOD_MSG_FDS_MAX;
	reply->max_batch = MMIOD_BATCH_MAX;
	reply->max_leases = call->daemon->config->limits.leases_per_user;
	reply->page_size = (uint64_t)sysconf(_SC_PAGESIZE);
	reply->uid = call->connection->peer.subject.uid;
	reply->admin = call_is_admin(call);
	return REQUEST_REPLY;
}

static void add_part(struct text *text, const char *part)
{
	text_add(text, "%s%s", text->length ? "; " : "", part);
}

static void warn_of_unsafe(const struct lease *lease, struct text *text)
{
	const struct config_write *write = &lease->on_end->items[lease->unsafe_write];

	if (!lease->unsafe)
		return;
	add_part(text, "lease ");
	text_add(text,
		 "%" PRIu64 " of region %s has ended, but 0x%" PRIx64
		 " could not be written to +0x%" PRIx64 " yet: %s",
		 lease->id, lease->region->name, write->value, write->offset,
		 strerror(-lease->unsafe));
}

/* What should have ended, and has not: the first of each kind. */
static void warn_of_leases(struct daemon *daemon, struct text *text)
{
	struct region *region = daemon->regions.table;

	if (daemon->leases.unsafe)
		warn_of_unsafe(daemon->leases.unsafe->unsafe_prev, text);
	if (daemon->n_notes) {
		add_part(text, "what is to be written at the end of ");
		text_add(text, "lease %" PRIu64 " waits for the claim that it was of, by region %s",
			 daemon->notes->id, daemon->notes->region);
	}
	while (region && !region->stale)
		region = region->hh.next;
	if (region) {
		add_part(text, "");
		daemon_describe_stale(daemon, region, text);
	}
}

/*
 * What an administrator should know: limits of the backend, a reload that failed, a region that is
 * not there or stale, a device that was not made safe.
 */
static struct mmiod_msg_text add_warning(struct call *call)
{
	struct daemon *daemon = call->daemon;
	char buffer[4 * TEXT_MAX];
	struct text text = TEXT_ON(buffer);
	struct region *region = daemon->regions.table;

	if (daemon->backend->ops->warning)
		add_part(&text, daemon->backend->ops->warning);
	if (daemon->config_error[0]) {
		add_part(&text, "an older configuration is in force: ");
		text_add(&text, "%s", daemon->config_error);
	}
	if (daemon->config->unresolved && call_may_inspect(call)) {
		add_part(&text, daemon->config->unresolved);
		if (daemon->config->n_unresolved > 1)
			text_add(&text, " (and %zu more)", daemon->config->n_unresolved - 1);
	}
	while (region && (region->claimed || !region->config))
		region = region->hh.next;
	if (region && call_may_inspect(call)) {
		add_part(&text, "region ");
		text_add(&text, "%s is missing: %s", region->name, region->missing);
	}
	if (call_may_inspect(call))
		warn_of_leases(daemon, &text);
	return text.length ? reply_text(call->reply, "%s", buffer) : (struct mmiod_msg_text){ 0 };
}

enum request_result request_status(struct call *call)
{
	struct daemon *daemon = call->daemon;
	struct mmiod_msg_status_reply *reply;

	reply = reply_begin(call->reply, &call->request->head, sizeof(*reply), 0, 0);
	reply->pid = (uint32_t)getpid();
	reply->backend = daemon->backend->ops->kind;
	reply->started = clock_since_1970(daemon->started_ms);
	reply->regions = HASH_COUNT(daemon->regions.table);
	reply->regions_missing = daemon_missing_regions(daemon);
	reply->clients = daemon->host.n_connections;
	reply->leases = HASH_COUNT(daemon->leases.table);
	reply->module_abi = daemon->backend->abi;
	reply->inspect = call_may_inspect(call);
	reply->stale_regions = daemon_stale_regions(daemon);
	reply->ending_leases = daemon->leases.n_ending;
	reply->version = reply_text(call->reply, "%s", MMIOD_VERSION);
	reply->warning = add_warning(call);
	return REQUEST_REPLY;
}
