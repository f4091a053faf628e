// SPDX-License-Identifier: MIT
/*
 * Batches that take more than one turn. They are copied from the stack, and go on in the turns of
 * their connection; if that closes, they are undone in its turns. Other requests meet with what
 * they have planned, so these are told when it comes free.
 */
#include <string.h>
#include "request/batch.h"

/* ---- keeping --------------------------------------------------------------------------------- */

static void end(struct batch *batch)
{
	DL_DELETE(batch->call.broker->underway, &batch->underway);
	unfinished_end(&batch->unfinished);
	batch->call.connection->deferred--;
	free(batch);
}

/* The connection is there still, if it may be closed. */
static void finish(struct batch *batch, enum batch_result result)
{
	struct connection *connection = batch->call.connection;

	if (result == BATCH_SETTLED) {
		turn_spend(connection->host, WORK_MESSAGE + (unsigned int)batch->count);
		batch_answer(batch);
		batch_tell(batch);
		connection_send(connection, batch->call.reply);
	}
	batch_let_regions_go(batch, result != BATCH_SETTLED);
	end(batch);
}

static void go_on(struct unfinished *unfinished)
{
	struct batch *batch = container_of(unfinished, struct batch, unfinished);
	enum batch_result result;

	if (batch->forgotten && batch->next != BATCH_GIVING_UP)
		batch_undo(batch, BATCH_GIVING_UP);
	else if (batch->underway.spoiled && !batch->forgotten)
		batch_undo(batch, BATCH_PLANNING);
	batch_begin_turn(batch);
	result = batch_run(batch);
	if (result != BATCH_TURN_OVER)
		finish(batch, result);
}

static void forget(struct unfinished *unfinished)
{
	container_of(unfinished, struct batch, unfinished)->forgotten = true;
}

/* ---- what happens meanwhile ------------------------------------------------------------------ */

static const struct batch *batch_of(const struct underway *underway)
{
	return container_of(underway, const struct batch, underway);
}

static bool uses(const struct underway *underway, const struct region *region)
{
	const struct batch *batch = batch_of(underway);

	for (size_t i = 0; i < batch->count; i++)
		if (batch->wants[i].planned && batch->wants[i].region == region)
			return true;
	return false;
}

static bool is_guest_of(const struct want *want, const struct region *region, uint64_t start,
			uint64_t end)
{
	const struct lease *lease = want->lease;

	return want->planned && want->region == region && lease->share == MMIOD_SHARE_GUEST &&
	       lease->span.start < end && start < lease->span.end;
}

static bool has_guest(const struct underway *underway, const struct region *region, uint64_t start,
		      uint64_t end)
{
	const struct batch *batch = batch_of(underway);

	for (size_t i = 0; batch->guests && i < batch->count; i++)
		if (is_guest_of(&batch->wants[i], region, start, end))
			return true;
	return false;
}

static bool has_window(const struct underway *underway, uint64_t id)
{
	const struct batch *batch = batch_of(underway);

	for (size_t i = 0; i < batch->count; i++)
		if (batch->wants[i].created.fd >= 0 && batch->wants[i].created.id == id)
			return true;
	return false;
}

static void lose_blocks(struct underway *underway, const struct region *region)
{
	struct batch *batch = container_of(underway, struct batch, underway);

	for (size_t i = 0; i < batch->count; i++)
		if (batch->wants[i].region == region)
			extents_free(steal_pointer(batch->wants[i].extents));
}

static void clear(struct underway *underway)
{
	struct batch *batch = container_of(underway, struct batch, underway);

	for (size_t i = 0; i < batch->count; i++) {
		struct want *want = &batch->wants[i];

		want_untake(want);
		want_unplan(want);
		if (want->region)
			want->region->pins--;
	}
	end(batch);
}

static const struct underway_ops underway_ops = { uses, has_guest, has_window, lose_blocks, clear };

/* ---- the request ----------------------------------------------------------------------------- */

/* Of the room for a refusal only as much as is used, which mostly is nothing. */
static void copy_wants(struct batch *kept, const struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		const struct want *want = &batch->wants[i];

		memcpy(&kept->wants[i], want,
		       offsetof(struct want, buffer) + strlen(want->buffer) + 1);
	}
}

/* A copy of the batch goes on in later turns. False: there is no memory for it. */
static bool keep(const struct batch *batch)
{
	const struct request *request = batch->call.request;
	size_t size = (size_t)request->head.count * request->head.stride;
	struct connection *connection = batch->call.connection;
	struct batch *kept = malloc(sizeof(*kept) + size);

	if (!kept)
		return false;
	memcpy(kept, batch, offsetof(struct batch, wants));
	copy_wants(kept, batch);
	kept->kept = true;
	kept->request = *request;
	kept->request.array = memcpy(kept + 1, request->array, size);
	kept->call.request = &kept->request;
	for (size_t i = 0; i < kept->count; i++) {
		kept->wants[i].call = &kept->call;
		kept->wants[i].first = kept->wants;
		if (batch->wants[i].subject == &batch->wants[i].beneficiary)
			kept->wants[i].subject = &kept->wants[i].beneficiary;
	}
	kept->unfinished = (struct unfinished){ .go_on = go_on, .forget = forget };
	batch_pin_regions(kept);
	unfinished_begin(&kept->unfinished, connection);
	connection->deferred++;
	kept->underway.ops = &underway_ops;
	DL_APPEND(kept->call.broker->underway, &kept->underway);
	turn_ask_later(connection);
	return true;
}

/* Planning begins with each element that there is: to zero all that may be takes 30 KiB. */
static void begin(struct batch *batch, const struct call *call, const struct want_kind *kind)
{
	zero(batch, offsetof(struct batch, outcomes));
	batch->call = *call;
	batch->kind = kind;
	batch->count = call->request->head.count;
	batch->all_or_none = call->request->fixed.lease.flags & MMIOD_LEASE_ALL_OR_NONE;
	batch->phase = BATCH_PLANNING;
	batch->provisional = true;
}

enum request_result want_batch(struct call *call, const struct want_kind *kind)
{
	enum batch_result result;
	struct batch batch;

	begin(&batch, call, kind);
	batch_begin_turn(&batch);
	result = batch_run(&batch);
	if (result == BATCH_TURN_OVER && keep(&batch))
		return REQUEST_DEFERRED;
	if (result == BATCH_TURN_OVER) {
		batch.in_one = true;
		batch_begin_turn(&batch);
		result = batch_run(&batch);
	}
	if (result == BATCH_OVER)
		return REQUEST_DEFERRED;
	batch_answer(&batch);
	batch_tell(&batch);
	return REQUEST_REPLY;
}
