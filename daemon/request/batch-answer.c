// SPDX-License-Identifier: MIT
/* The outcome of a LEASE or an ALLOC: the reply, and what monitors and the journal are told. */
#include "connection/journal.h"
#include "request/batch.h"

/* ---- answering ------------------------------------------------------------------------------- */

/* Ports are in no page, whatever their number. */
static bool owns_pages(const struct lease *lease)
{
	uint64_t page = page_size();
	uint64_t start = lease->region->hw.phys + lease->offset;

	if (lease->parts)
		return true;
	return !lease->region->hw.ports && start % page == 0 && lease->length % page == 0;
}

static void fill_granted(struct mmiod_wire_granted *out, const struct lease *lease,
			 const struct backend_created *created)
{
	out->memtype = lease->memtype;
	out->lease = lease->id;
	out->offset = lease_told(lease->kind, lease->offset);
	out->length = lease_told(lease->kind, lease->length);
	out->map_offset = created->map_offset;
	out->rights = lease->rights;
	out->width = lease->width;
	out->share = lease->share;
	out->iova = created->iova;
	out->n_extents = lease_has_window(lease) ? lease_extents(lease) : 0;
	if (lease->parking.page) {
		out->park = lease->parking.word + 1;
		out->park_held = lease->parking.held;
	}
	out->mmapable = lease_has_window(lease) && owns_pages(lease);
	if (lease->kind == MMIOD_KIND_DEVICE)
		out->rights = device_rights_of(lease->operates);
	if (lease->kind == MMIOD_KIND_INTERRUPT) {
		out->interrupt = device_of(lease->region)->interrupt;
		out->vectors = created->vectors;
	}
	if (!lease->time_limit)
		return;
	out->lease_ms = lease->time_limit->lease_ms;
	out->renew = lease->time_limit->renew;
}

static void count_refusal(struct call *call, const struct want *want, enum mmiod_outcome outcome)
{
	struct region *region = want->region;

	if (outcome == MMIOD_E_QUOTA)
		call->connection->host->counters.quota_refusals[want->limit]++;
	if (want->memory != MMIOD_MEMORY_REGION)
		region = &call->broker->kernel;
	if (region && outcome == MMIOD_E_DENIED)
		region->tallies[want->memory].denials++;
	if (region && outcome == MMIOD_E_BUSY)
		region->tallies[want->memory].conflicts++;
}

/* All or none: every element but the one that failed says which did. */
static void answer_none(struct batch *batch, size_t index, struct mmiod_wire_granted *out)
{
	out->status = batch->outcomes[batch->failed];
	out->text = reply_text(batch->call.reply, "all or none: element %zu was refused",
			       batch->failed);
}

static void answer_element(struct batch *batch, size_t index)
{
	struct call *call = &batch->call;
	struct want *want = &batch->wants[index];
	struct mmiod_wire_granted *out = reply_element(call->reply, index);

	if (batch_granted(batch, index)) {
		fill_granted(out, want->lease, &want->created);
		reply_fd(call->reply, steal_fd(&want->created.fd));
	} else if (batch->all_or_none && index != batch->failed) {
		answer_none(batch, index, out);
	} else {
		out->status = batch->outcomes[index];
		out->text = reply_text(call->reply, "%s", want->buffer);
		out->iova = want->created.iova;
		count_refusal(call, want, batch->outcomes[index]);
	}
}

void batch_answer(struct batch *batch)
{
	reply_begin(batch->call.reply, &batch->call.request->head, sizeof(struct mmiod_msg),
		    batch->count, sizeof(struct mmiod_wire_granted));
	for (size_t i = 0; i < batch->count; i++)
		answer_element(batch, i);
}

/* ---- telling --------------------------------------------------------------------------------- */

static void note_batch(struct batch *batch)
{
	const struct want *failed = &batch->wants[batch->failed];
	struct call *call = &batch->call;

	for (size_t i = 0; i < batch->count; i++) {
		struct lease *lease = batch->wants[i].lease;

		if (!batch_granted(batch, i))
			continue;
		lease->region->tallies[lease->memory].grants++;
		notice_lease(call->broker, MMIOD_NOTICE_GRANTED, lease, "");
	}
	if (batch->failed < batch->count && batch->outcomes[batch->failed] == MMIOD_E_DENIED)
		notice_denial(call->broker, &call->connection->peer.holder, &failed->wire,
			      failed->lease_kind, failed->memory, failed->buffer);
}

/*
 * Each grant to write has a line of its own; those to read share one for the request, however many
 * windows: a datagram to the journal costs more than a lease.
 */
static void log_granted(const struct batch *batch)
{
	const struct want *first = NULL;
	size_t readers = 0;

	for (size_t i = 0; i < batch->count; i++) {
		const struct want *want = &batch->wants[i];

		if (!batch_granted(batch, i))
			continue;
		audit_keep(batch->call.connection->host, want->lease, want->grant->name);
		if (want->lease->rights & MMIOD_RIGHT_WRITE)
			journal_granted(batch->call.connection, want->lease, 0, want->grant->name);
		else if (!readers++)
			first = want;
	}
	if (first)
		journal_granted(batch->call.connection, first->lease, readers - 1,
				first->grant->name);
}

static void log_refusal(const struct batch *batch)
{
	const struct want *want = &batch->wants[batch->failed];
	enum mmiod_outcome outcome;
	struct journal_refusal refusal;

	if (batch->failed == batch->count)
		return;
	outcome = batch->outcomes[batch->failed];
	if (outcome != MMIOD_E_DENIED && outcome != MMIOD_E_QUOTA)
		return;
	refusal = (struct journal_refusal){
		.region = want->wire.region,
		.rights = want->wire.rights,
		.offset = lease_told(want->lease_kind, want->wire.offset),
		.length = lease_told(want->lease_kind, want->wire.length),
		.limit = outcome == MMIOD_E_QUOTA ? want->limit : 0,
		.why = want->buffer,
	};
	journal_refused(batch->call.connection, &refusal);
}

/* After the answer was built. */
void batch_tell(struct batch *batch)
{
	log_granted(batch);
	log_refusal(batch);
	note_batch(batch);
}
