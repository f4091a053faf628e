// SPDX-License-Identifier: MIT
/* HELLO and STATUS: the requests that are about the connection and the daemon themselves. */
#include <inttypes.h>
#include <string.h>
#include "base/text.h"
#include "broker/safe-note.h"
#include "request/request.h"

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
	peer_name(&call->connection->peer, hello->comm);
	call->connection->knows_extents = hello->features & MMIOD_HELLO_EXTENTS;
	call->connection->takes_many = hello->features & MMIOD_HELLO_NOTICES;
	ledger_attach_orphans(call->broker, call->connection);
	reply = reply_begin(call->reply, &call->request->head, sizeof(*reply), 0, 0);
	reply->version = MMIOD_PROTOCOL_VERSION;
	reply->backend = call->broker->backend->ops->kind;
	reply->features = hello->features & MMIOD_HELLO_FEATURES;
	reply->epoch = call->broker->epoch;
	reply->max_message = MMIOD_MSG_MAX;
	reply->max_fds = MMIOD_MSG_FDS_MAX;
	reply->max_batch = MMIOD_BATCH_MAX;
	reply->max_leases = call->broker->config->limits.leases_per_user;
	reply->page_size = page_size();
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

/* Warns of what should have ended, and has not: of the first of each kind. */
static void warn_of_leases(struct broker *broker, struct text *text)
{
	struct region *region = broker->regions.table;

	if (broker->leases.unsafe)
		warn_of_unsafe(broker->leases.unsafe->unsafe_prev, text);
	if (broker->safe_state.n_notes) {
		add_part(text, "what is to be written at the end of ");
		text_add(text, "lease %" PRIu64 " waits for the claim that it was of, by region %s",
			 broker->safe_state.notes->id, broker->safe_state.notes->region);
	}
	while (region && !region->stale)
		region = region->hh.next;
	if (region) {
		add_part(text, "");
		region_describe_stale(broker, region, text);
	}
}

/* The first that is not there, and the first whose DMA nothing bounds. */
static void warn_of_devices(struct broker *broker, struct text *text)
{
	const struct device *missing = NULL, *trusted = NULL;

	for (struct device *device = broker->devices.table; device; device = device->hh.next) {
		if (device->config && !device->vectors.claimed && !missing)
			missing = device;
		if (device->config && device->config->dma == CONFIG_DMA_TRUSTED && !trusted)
			trusted = device;
	}
	if (missing) {
		add_part(text, "device ");
		text_add(text, "%s is missing: %s", missing->vectors.name,
			 missing->vectors.missing);
	}
	if (trusted) {
		add_part(text, "device ");
		text_add(text, "%s is trusted with DMA, and may read and write all memory",
			 trusted->vectors.name);
	}
}

/*
 * Warns of what an administrator should know: limits of the backend, a reload that failed, a region
 * that is not there or stale, a device that is not there, is trusted or was not made safe.
 */
static struct mmiod_msg_text add_warning(struct call *call)
{
	struct broker *broker = call->broker;
	char buffer[4 * TEXT_MAX];
	struct text text = TEXT_ON(buffer);
	struct region *region = broker->regions.table;

	if (broker->backend->ops->warning)
		add_part(&text, broker->backend->ops->warning);
	if (broker->config_error[0]) {
		add_part(&text, "an older configuration is in force: ");
		text_add(&text, "%s", broker->config_error);
	}
	if (broker->config->unresolved && call_may_inspect(call)) {
		add_part(&text, broker->config->unresolved);
		if (broker->config->n_unresolved > 1)
			text_add(&text, " (and %zu more)", broker->config->n_unresolved - 1);
	}
	while (region && (region->claimed || !region->config))
		region = region->hh.next;
	if (region && call_may_inspect(call)) {
		add_part(&text, "region ");
		text_add(&text, "%s is missing: %s", region->name, region->missing);
	}
	if (call_may_inspect(call)) {
		warn_of_devices(broker, &text);
		warn_of_leases(broker, &text);
	}
	return text.length ? reply_text(call->reply, "%s", buffer) : (struct mmiod_msg_text){ 0 };
}

enum request_result request_status(struct call *call)
{
	struct broker *broker = call->broker;
	struct mmiod_msg_status_reply *reply;

	reply = reply_begin(call->reply, &call->request->head, sizeof(*reply), 0, 0);
	reply->pid = (uint32_t)getpid();
	reply->backend = broker->backend->ops->kind;
	reply->started = clock_since_1970(broker->started_ms);
	reply->regions = HASH_COUNT(broker->regions.table);
	reply->regions_missing = regions_missing(broker);
	reply->clients = broker->host.n_connections;
	reply->leases = leases_count(&broker->leases);
	reply->module_abi = broker->backend->abi;
	reply->inspect = call_may_inspect(call);
	reply->stale_regions = regions_stale(broker);
	reply->ending_leases = broker->leases.n_ending;
	reply->version = reply_text(call->reply, "%s", MMIOD_VERSION);
	reply->warning = add_warning(call);
	return REQUEST_REPLY;
}
