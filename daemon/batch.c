// SPDX-License-Identifier: MIT
/*
 * A batch of elements that become leases, each with an outcome and a descriptor of its own; or all of them, or none.
 */
#include <inttypes.h>
#include "log.h"
#include "wish.h"

/* What one request came to. */
struct batch {
	struct lease *leases[MMIOD_MSG_FDS_MAX]; /* NULL: refused */
	size_t n_granted;
	size_t failed; /* the first that was refused */
	enum mmiod_outcome outcome; /* of that one */
	struct wish wish; /* likewise */
};

static bool owns_pages(const struct lease *lease)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t start = lease->region->hw.phys + lease->offset;

	return start % page == 0 && lease->length % page == 0;
}

static void fill_granted(struct mmiod_wire_granted *out, const struct lease *lease,
			 const struct backend_created *created)
{
	out->cache = lease->cache;
	out->lease = lease->id;
	out->offset = lease->offset;
	out->length = lease->length;
	out->map_offset = created->map_offset;
	out->rights = lease->rights;
	out->width = lease->width;
	out->share = lease->share;
	out->mmapable = owns_pages(lease);
	if (!lease->term)
		return;
	out->lease_ms = lease->term->lease_ms;
	out->renew = lease->term->renew;
}

static void count_refusal(struct call *call, const struct wish *wish, enum mmiod_outcome outcome)
{
	if (outcome == MMIOD_E_QUOTA)
		call->connection->host->counters.quota_refusals[wish->limit]++;
}

/* True: the whole request is put off until something has been wiped or is free, and is then tried anew. */
static bool grant_element(struct call *call, struct batch *batch, size_t index, wish_grant grant)
{
	struct mmiod_wire_granted *out = reply_element(call->reply, index);
	struct backend_created created = { .fd = -1 };
	struct wish wish = { .call = call };
	size_t failed = batch->failed;
	enum mmiod_outcome outcome = grant(&wish, index, &batch->leases[index], &created);

	out->status = outcome;
	if (outcome == MMIOD_OK) {
		fill_granted(out, batch->leases[index], &created);
		reply_fd(call->reply, created.fd);
		batch->n_granted++;
		return false;
	}
	if (wish.wait) {
		int r = wish_wait(&wish);

		batch->failed = index;
		if (r == 0)
			return true;
		batch->failed = failed;
		if (r == -EDQUOT)
			outcome = out->status = MMIOD_E_QUOTA;
	}
	out->text = reply_text(call->reply, "%s", wish.buffer);
	count_refusal(call, &wish, outcome);
	if (batch->outcome == MMIOD_OK) {
		batch->outcome = outcome;
		batch->failed = index;
		batch->wish = wish;
	}
	return false;
}

/* All or none: gives back what was granted, and has every other element say why. */
static void undo(struct call *call, struct batch *batch)
{
	struct daemon *daemon = call->daemon;

	message_close_fds(call->reply);
	batch->n_granted = 0;
	for (size_t i = 0; i < call->request->head.count; i++) {
		struct mmiod_wire_granted *out = reply_element(call->reply, i);
		struct lease *lease = batch->leases[i];

		if (i == batch->failed)
			continue;
		*out = (struct mmiod_wire_granted){ .status = batch->outcome };
		out->text = reply_text(call->reply, "all or none: element %zu was refused",
				       batch->failed);
		if (!lease)
			continue;
		daemon->backend->ops->set_state(daemon->backend, lease->id, MMIOD_STATE_REVOKED);
		daemon_safe_forget(daemon, lease);
		lease_remove(&daemon->leases, lease);
		batch->leases[i] = NULL;
	}
}

static const struct lease *first_granted(const struct batch *batch)
{
	size_t i = 0;

	while (!batch->leases[i])
		i++;
	return batch->leases[i];
}

static void note_batch(struct call *call, const struct batch *batch)
{
	uint32_t count = call->request->head.count;

	for (uint32_t i = 0; batch->n_granted && i < count; i++)
		if (batch->leases[i])
			daemon_note_lease(call->daemon, MMIOD_NOTICE_GRANTED, batch->leases[i], "");
	if (batch->outcome == MMIOD_E_DENIED)
		daemon_note_denial(call->daemon, &call->connection->peer.holder, &batch->wish.want,
				   batch->wish.memory, batch->wish.buffer);
}

/* One line for the request, however many windows: a datagram to the journal costs more than a lease. */
static void log_batch(struct call *call, const struct batch *batch)
{
	const struct holder *holder = &call->connection->peer.holder;
	struct log_fields fields = { .message_id = LOG_ID_GRANT, .holder = holder };
	const struct lease *lease;

	if (batch->n_granted && call_may_log(call)) {
		lease = first_granted(batch);
		fields.region = lease->region->name;
		fields.lease = lease->id;
		log_line(LOG_INFO, &fields,
			 "uid %u, pid %u, leased %zu window%s, the first lease %" PRIu64 " of %s%s",
			 holder->uid, holder->pid, batch->n_granted,
			 batch->n_granted > 1 ? "s" : "", lease->id,
			 lease->memory == MMIOD_MEMORY_REGION ? "region " : "",
			 lease->region->name);
	}
	if (batch->outcome == MMIOD_E_DENIED && call_may_log(call)) {
		fields.message_id = LOG_ID_DENIAL;
		fields.lease = 0;
		fields.region = batch->wish.want.region;
		log_line(LOG_NOTICE, &fields, "%s", batch->wish.buffer);
	}
}

enum request_result wish_batch(struct call *call, wish_grant grant)
{
	bool all_or_none = call->request->fixed.lease.flags & MMIOD_LEASE_ALL_OR_NONE;
	bool waits = false;
	uint32_t count = call->request->head.count;
	struct batch batch = { .outcome = MMIOD_OK };
	uint32_t i;

	reply_begin(call->reply, &call->request->head, sizeof(struct mmiod_msg), count,
		    sizeof(struct mmiod_wire_granted));
	for (i = 0; i < count && !waits && (batch.outcome == MMIOD_OK || !all_or_none); i++)
		waits = grant_element(call, &batch, i, grant);
	if (waits) {
		undo(call, &batch);
		return REQUEST_DEFERRED;
	}
	if (all_or_none && batch.outcome != MMIOD_OK)
		undo(call, &batch);
	log_batch(call, &batch);
	note_batch(call, &batch);
	return REQUEST_REPLY;
}
