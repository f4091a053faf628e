// SPDX-License-Identifier: MIT
/*
 * Batches that take more than one turn. They are copied from the stack, and go on in the turns of
 * their connection; if that closes, they are undone in its turns. As others meet with what they have
 * planned, those are told when that comes free.
 */
#include <string.h>
#include "batch.h"

/* ---- keeping --------------------------------------------------------------------------------- */

/* Of each element, though one that was refused needs it no more than for the words of that. */
void batch_pin_regions(struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		if (batch->wishes[i].region)
			batch->wishes[i].region->pins++;
}

/* Whether others may have what they were kept from, or may end what they could not. */
static bool is_free(const struct batch *batch, size_t index)
{
	return !batch_granted(batch, index) || batch->request.ticket ||
	       batch->wishes[index].share == MMIOD_SHARE_GUEST;
}

/*
 * What was to be done with them while they were used is done now: they may be gone afterwards.
 * `undone`: nothing was granted.
 */
void batch_let_regions_go(struct batch *batch, bool undone)
{
	struct daemon *daemon = batch->call.daemon;

	for (size_t i = 0; i < batch->count; i++) {
		struct region *region = batch->wishes[i].region;

		if (!region)
			continue;
		if (undone || is_free(batch, i))
			waiting_note_end(daemon, region);
		region->pins--;
		daemon_region_freed(daemon, region);
	}
}

static void end(struct batch *batch)
{
	DL_DELETE2(batch->call.daemon->batches, batch, prev, next_kept);
	unfinished_end(&batch->unfinished);
	batch->call.connection->deferred--;
	free(batch);
}

/* The connection is there still, if it may be closed. */
static void finish(struct batch *batch, enum batch_result result)
{
	struct connection *connection = batch->call.connection;

	if (result == BATCH_SETTLED) {
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
	else if (batch->spoiled && !batch->forgotten)
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

/* A copy of the batch goes on in later turns. False: there is no memory for it. */
bool batch_keep(const struct batch *batch)
{
	const struct request *request = batch->call.request;
	size_t size = (size_t)request->head.count * request->head.stride;
	struct connection *connection = batch->call.connection;
	struct batch *kept = malloc(sizeof(*kept) + size);

	if (!kept)
		return false;
	*kept = *batch;
	kept->kept = true;
	kept->request = *request;
	kept->request.array = memcpy(kept + 1, request->array, size);
	kept->call.request = &kept->request;
	for (size_t i = 0; i < kept->count; i++) {
		kept->wishes[i].call = &kept->call;
		kept->wishes[i].first = kept->wishes;
	}
	kept->unfinished = (struct unfinished){ .go_on = go_on, .forget = forget };
	batch_pin_regions(kept);
	unfinished_begin(&kept->unfinished, connection);
	connection->deferred++;
	DL_APPEND2(kept->call.daemon->batches, kept, prev, next_kept);
	turn_ask_later(connection);
	return true;
}

/* ---- what happens meanwhile ------------------------------------------------------------------ */

/* Has it taken anything of the region? */
static bool uses(const struct batch *batch, const struct region *region)
{
	for (size_t i = 0; i < batch->count; i++)
		if (batch->wishes[i].planned && batch->wishes[i].region == region)
			return true;
	return false;
}

bool batches_use(const struct daemon *daemon, const struct region *region)
{
	const struct batch *batch;

	DL_FOREACH2(daemon->batches, batch, next_kept) {
		if (uses(batch, region))
			return true;
	}
	return false;
}

/* The region is not what it was; NULL: nothing may be. */
void batches_spoil(struct daemon *daemon, const struct region *region)
{
	struct batch *batch;

	DL_FOREACH2(daemon->batches, batch, next_kept) {
		batch->spoiled |= !region || uses(batch, region);
	}
}

static bool is_guest_of(const struct wish *wish, const struct region *region, uint64_t start,
			uint64_t end)
{
	const struct lease *lease = wish->lease;

	return wish->planned && wish->region == region && lease->share == MMIOD_SHARE_GUEST &&
	       lease->span.start < end && start < lease->span.end;
}

/* Somebody got these bytes who bears no guest. */
void batches_spoil_guests(struct daemon *daemon, const struct region *region, uint64_t start,
			  uint64_t end)
{
	struct batch *batch;

	DL_FOREACH2(daemon->batches, batch, next_kept) {
		for (size_t i = 0; i < batch->count; i++)
			batch->spoiled |= is_guest_of(&batch->wishes[i], region, start, end);
	}
}

static bool has_window(const struct batch *batch, uint64_t id)
{
	for (size_t i = 0; i < batch->count; i++)
		if (batch->wishes[i].created.fd >= 0 && batch->wishes[i].created.id == id)
			return true;
	return false;
}

/* Whether one of them made this window. */
bool batches_have(const struct daemon *daemon, uint64_t id)
{
	const struct batch *batch;

	DL_FOREACH2(daemon->batches, batch, next_kept) {
		if (has_window(batch, id))
			return true;
	}
	return false;
}

/* It was revoked, by whomever. */
void batches_spoil_window(struct daemon *daemon, uint64_t id)
{
	struct batch *batch;

	DL_FOREACH2(daemon->batches, batch, next_kept) {
		batch->spoiled |= has_window(batch, id);
	}
}

/* The pool is no more, and its blocks are nobody's to give back. */
void batches_lose_blocks(struct daemon *daemon, const struct region *region)
{
	struct batch *batch;

	batches_spoil(daemon, region);
	DL_FOREACH2(daemon->batches, batch, next_kept) {
		for (size_t i = 0; i < batch->count; i++) {
			struct wish *wish = &batch->wishes[i];

			if (wish->region == region)
				free(steal_pointer(wish->extent));
		}
	}
}

/* ---- life ------------------------------------------------------------------------------------ */

static void clear(struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		struct wish *wish = &batch->wishes[i];

		wish_untake(wish);
		wish_unplan(wish);
		if (wish->region)
			wish->region->pins--;
	}
	end(batch);
}

/* At the daemon's end. Nobody is told of what comes free. */
void batches_clear(struct daemon *daemon)
{
	while (daemon->batches)
		clear(daemon->batches);
}
