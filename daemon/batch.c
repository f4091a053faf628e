// SPDX-License-Identifier: MIT
/*
 * A batch of elements that become leases, each with an outcome
 * and a descriptor of its own; or all of them, or none.
 */
#include <inttypes.h>
#include "journal.h"
#include "wish.h"

/* What one request came to. */
struct batch {
	struct lease *leases[MMIOD_MSG_FDS_MAX]; /* NULL: refused */
	const char *rules[MMIOD_MSG_FDS_MAX]; /* names of the grants that let them */
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
	struct region *region = wish->region;

	if (outcome == MMIOD_E_QUOTA)
		call->connection->host->counters.quota_refusals[wish->limit]++;
	if (wish->memory != MMIOD_MEMORY_REGION)
		region = &call->daemon->kernel;
	if (region && outcome == MMIOD_E_DENIED)
		region->tallies[wish->memory].denials++;
	if (region && outcome == MMIOD_E_BUSY)
		region->tallies[wish->memory].conflicts++;
}

/*
 * True: the whole request is put off until something
 * has been wiped or is free, and is then tried anew.
 */
static bool grant_element(struct call *call, struct batch *batch, size_t index, wish_grant grant)
{
	struct mmiod_wire_granted *out = reply_element(call->reply, index);
	struct backend_created created = { .fd = -1 };
	struct wish wish = { .call = call };
	size_t failed = batch->failed;
	enum mmiod_outcome outcome = grant(&wish, index, &batch->leases[index], &created);

	turn_spend(&call->daemon->host, WORK_WINDOW);
	out->status = outcome;
	if (outcome == MMIOD_OK) {
		fill_granted(out, batch->leases[index], &created);
		batch->rules[index] = wish.grant->name;
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

static void note_batch(struct call *call, const struct batch *batch)
{
	uint32_t count = call->request->head.count;

	for (uint32_t i = 0; batch->n_granted && i < count; i++) {
		struct lease *lease = batch->leases[i];

		if (!lease)
			continue;
		lease->region->tallies[lease->memory].grants++;
		daemon_note_lease(call->daemon, MMIOD_NOTICE_GRANTED, lease, "");
	}
	if (batch->outcome == MMIOD_E_DENIED)
		daemon_note_denial(call->daemon, &call->connection->peer.holder, &batch->wish.want,
				   batch->wish.memory, batch->wish.buffer);
}

/*
 * Each grant to write has a line of its own; those to read share one for the request, however many
 * windows: a datagram to the journal costs more than a lease.
 */
static void log_batch(struct call *call, const struct batch *batch)
{
	const struct lease *first = NULL;
	const char *rule = NULL;
	size_t readers = 0;

	for (uint32_t i = 0; batch->n_granted && i < call->request->head.count; i++) {
		const struct lease *lease = batch->leases[i];

		if (!lease)
			continue;
		if (lease->rights & MMIOD_RIGHT_WRITE) {
			journal_granted(call->connection, lease, 0, batch->rules[i]);
			continue;
		}
		if (!readers++) {
			first = lease;
			rule = batch->rules[i];
		}
	}
	if (first)
		journal_granted(call->connection, first, readers - 1, rule);
	if (batch->outcome == MMIOD_E_DENIED || batch->outcome == MMIOD_E_QUOTA)
		journal_refused(&batch->wish, batch->outcome);
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
