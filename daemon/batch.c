// SPDX-License-Identifier: MIT
/*
 * The elements of one LEASE or ALLOC: each with an outcome and a descriptor of its own; or all of
 * them, or none. All are planned before the first is taken. If what one of them needs is held by
 * others, the request as a whole may wait, and is then planned anew.
 */
#include <string.h>
#include "journal.h"
#include "wish.h"

/* What one request came to. */
struct batch {
	struct call *call;
	size_t count;
	bool all_or_none;
	size_t failed; /* the first that was refused; `count`: none was */
	enum mmiod_outcome outcomes[MMIOD_MSG_FDS_MAX];
	struct wish wishes[MMIOD_MSG_FDS_MAX];
};

/* ---- planning -------------------------------------------------------------------------------- */

static void plan_all(struct batch *batch, const struct wish_kind *kind, bool provisional)
{
	size_t planned = 0;

	for (size_t i = 0; i < batch->count; i++) {
		struct wish *wish = &batch->wishes[i];

		wish_init(wish, batch->call, kind);
		wish->provisional = provisional;
		wish->before = planned;
		kind->read(wish, i);
		batch->outcomes[i] = wish_plan(wish);
		planned += batch->outcomes[i] == MMIOD_OK;
	}
}

static void unplan_all(struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		wish_unplan(&batch->wishes[i]);
}

static bool waits(const struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		if (batch->wishes[i].wait)
			return true;
	return false;
}

/* The first that is refused for good. */
static size_t find_failed(const struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		if (batch->outcomes[i] != MMIOD_OK && !batch->wishes[i].wait)
			return i;
	return batch->count;
}

/* ---- taking ---------------------------------------------------------------------------------- */

/* Up to the first that makes it vain to go on. */
static void take_all(struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		struct wish *wish = &batch->wishes[i];

		if (batch->outcomes[i] != MMIOD_OK || wish->created.fd >= 0)
			continue;
		batch->outcomes[i] = wish_take(wish);
		if (wish->wait || (batch->outcomes[i] != MMIOD_OK && batch->all_or_none))
			return;
	}
}

/* Nothing has been taken afterwards; what was planned is, and what waits stays charged. */
static void untake_all(struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		wish_untake(&batch->wishes[i]);
}

/* Whether one is refused for something that may have changed. */
static bool may_be_stale(const struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		if (outcome_may_be_stale(batch->outcomes[i]) &&
		    batch->wishes[i].wait != WISH_WAITS_FOR_WIPE)
			return true;
	return false;
}

/* True: more must be wiped than may be at once. */
static bool wait_for_wipe(struct batch *batch)
{
	if (!wish_put_off(batch->wishes, batch->count))
		return false;
	for (size_t i = 0; i < batch->count; i++)
		if (batch->wishes[i].wait)
			batch->outcomes[i] = MMIOD_E_BUSY;
	return true;
}

static void try_once(struct batch *batch, const struct wish_kind *kind, bool provisional)
{
	plan_all(batch, kind, provisional);
	if (batch->all_or_none && find_failed(batch) < batch->count)
		return;
	if (provisional && may_be_stale(batch))
		return;
	if (!waits(batch) && !wait_for_wipe(batch))
		take_all(batch);
}

/*
 * A client that closes a window and asks for the same bytes again must not be refused because its
 * request was read before the module's event.
 */
static void try(struct batch *batch, const struct wish_kind *kind)
{
	try_once(batch, kind, true);
	if (!may_be_stale(batch))
		return;
	untake_all(batch);
	unplan_all(batch);
	daemon_drain_events(batch->call->daemon);
	try_once(batch, kind, false);
}

/* Guests go when nothing can fail any more. */
static void end_guests(struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		if (batch->outcomes[i] == MMIOD_OK)
			wish_end_guests(&batch->wishes[i]);
}

/* Those that cannot wait after all are refused; `outcome`: why, if not for what they wait for. */
static void refuse_waiting(struct batch *batch, enum mmiod_outcome outcome)
{
	for (size_t i = 0; i < batch->count; i++) {
		struct wish *wish = &batch->wishes[i];

		if (!wish->wait)
			continue;
		wish->wait = WISH_WAITS_NOT;
		wish_unplan(wish);
		if (outcome != MMIOD_OK)
			batch->outcomes[i] = outcome;
	}
}

/* True: the whole request is put off until something has been wiped or is free. */
static bool put_off(struct batch *batch)
{
	int r;

	if (!waits(batch) || (batch->all_or_none && find_failed(batch) < batch->count))
		return false;
	untake_all(batch);
	r = wish_wait(batch->wishes, batch->count);
	if (r == 0)
		return true;
	refuse_waiting(batch, r == -EDQUOT ? MMIOD_E_QUOTA : MMIOD_OK);
	while (!batch->all_or_none) {
		take_all(batch);
		if (!waits(batch))
			break;
		refuse_waiting(batch, MMIOD_OK);
	}
	return false;
}

/* What has been refused has been undone: all of it, if it is all or none. */
static void settle(struct batch *batch)
{
	batch->failed = find_failed(batch);
	refuse_waiting(batch, MMIOD_OK);
	if (batch->failed == batch->count || !batch->all_or_none) {
		end_guests(batch);
		return;
	}
	untake_all(batch);
	unplan_all(batch);
}

/* ---- answering ------------------------------------------------------------------------------- */

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

static bool is_granted(const struct batch *batch, size_t index)
{
	return batch->outcomes[index] == MMIOD_OK &&
	       !(batch->all_or_none && batch->failed < batch->count);
}

/* All or none: every element but the one that failed says which did. */
static void answer_none(struct batch *batch, size_t index, struct mmiod_wire_granted *out)
{
	out->status = batch->outcomes[batch->failed];
	out->text = reply_text(batch->call->reply, "all or none: element %zu was refused",
			       batch->failed);
}

static void answer_element(struct batch *batch, size_t index)
{
	struct call *call = batch->call;
	struct wish *wish = &batch->wishes[index];
	struct mmiod_wire_granted *out = reply_element(call->reply, index);

	if (is_granted(batch, index)) {
		fill_granted(out, wish->lease, &wish->created);
		reply_fd(call->reply, steal_fd(&wish->created.fd));
	} else if (batch->all_or_none && index != batch->failed) {
		answer_none(batch, index, out);
	} else {
		out->status = batch->outcomes[index];
		out->text = reply_text(call->reply, "%s", wish->buffer);
		count_refusal(call, wish, batch->outcomes[index]);
	}
}

static void answer(struct batch *batch)
{
	reply_begin(batch->call->reply, &batch->call->request->head, sizeof(struct mmiod_msg),
		    batch->count, sizeof(struct mmiod_wire_granted));
	for (size_t i = 0; i < batch->count; i++)
		answer_element(batch, i);
}

/* ---- telling --------------------------------------------------------------------------------- */

static void note_batch(const struct batch *batch)
{
	const struct wish *failed = &batch->wishes[batch->failed];
	struct call *call = batch->call;

	for (size_t i = 0; i < batch->count; i++) {
		struct lease *lease = batch->wishes[i].lease;

		if (!is_granted(batch, i))
			continue;
		lease->region->tallies[lease->memory].grants++;
		daemon_note_lease(call->daemon, MMIOD_NOTICE_GRANTED, lease, "");
	}
	if (batch->failed < batch->count && batch->outcomes[batch->failed] == MMIOD_E_DENIED)
		daemon_note_denial(call->daemon, &call->connection->peer.holder, &failed->want,
				   failed->memory, failed->buffer);
}

/*
 * Each grant to write has a line of its own; those to read share one for the request, however many
 * windows: a datagram to the journal costs more than a lease.
 */
static void log_granted(const struct batch *batch)
{
	const struct wish *first = NULL;
	size_t readers = 0;

	for (size_t i = 0; i < batch->count; i++) {
		const struct wish *wish = &batch->wishes[i];

		if (!is_granted(batch, i))
			continue;
		audit_keep(batch->call->connection->host, wish->lease, wish->grant->name);
		if (wish->lease->rights & MMIOD_RIGHT_WRITE)
			journal_granted(batch->call->connection, wish->lease, 0, wish->grant->name);
		else if (!readers++)
			first = wish;
	}
	if (first)
		journal_granted(batch->call->connection, first->lease, readers - 1,
				first->grant->name);
}

static void log_refusal(const struct batch *batch)
{
	enum mmiod_outcome outcome;

	if (batch->failed == batch->count)
		return;
	outcome = batch->outcomes[batch->failed];
	if (outcome == MMIOD_E_DENIED || outcome == MMIOD_E_QUOTA)
		journal_refused(&batch->wishes[batch->failed], outcome);
}

enum request_result wish_batch(struct call *call, const struct wish_kind *kind)
{
	struct batch batch;

	batch.call = call;
	batch.count = call->request->head.count;
	batch.all_or_none = call->request->fixed.lease.flags & MMIOD_LEASE_ALL_OR_NONE;
	try(&batch, kind);
	if (put_off(&batch))
		return REQUEST_DEFERRED;
	settle(&batch);
	answer(&batch);
	log_granted(&batch);
	log_refusal(&batch);
	note_batch(&batch);
	return REQUEST_REPLY;
}
