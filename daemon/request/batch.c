// SPDX-License-Identifier: MIT
/*
 * The elements of one LEASE or ALLOC: each with an outcome and a descriptor of its own; or all of
 * them, or none. All are planned before the first is taken. If what one of them needs is held by
 * others, the request as a whole may wait, and is then planned anew.
 */
#include <string.h>
#include "request/batch.h"

/* ---- what became of them --------------------------------------------------------------------- */

static bool waits(const struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		if (batch->wants[i].wait)
			return true;
	return false;
}

/* The first that is refused for good. */
static size_t find_failed(const struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		if (batch->outcomes[i] != MMIOD_OK && !batch->wants[i].wait)
			return i;
	return batch->count;
}

/* None can be had, because one cannot. */
static bool is_vain(const struct batch *batch)
{
	return batch->all_or_none && find_failed(batch) < batch->count;
}

/* Whether one is refused for something that may have changed. */
static bool may_be_stale(const struct batch *batch)
{
	for (size_t i = 0; batch->provisional && i < batch->count; i++)
		if (outcome_may_be_stale(batch->outcomes[i]) &&
		    batch->wants[i].wait != WANT_WAITS_FOR_WIPE)
			return true;
	return false;
}

/*
 * Elements that cannot wait after all are refused; `outcome`: why, if not for what they wait for.
 */
static void refuse_waiting(struct batch *batch, enum mmiod_outcome outcome)
{
	for (size_t i = 0; i < batch->count; i++) {
		struct want *want = &batch->wants[i];

		if (!want->wait)
			continue;
		want->wait = WANT_WAITS_NOT;
		want_unplan(want);
		if (outcome != MMIOD_OK)
			batch->outcomes[i] = outcome;
	}
}

static void set_phase(struct batch *batch, enum batch_phase phase)
{
	batch->phase = phase;
	batch->position = 0;
}

/* Windows that were made are undone first. */
void batch_undo(struct batch *batch, enum batch_phase next)
{
	set_phase(batch, BATCH_UNTAKING);
	batch->next = next;
}

/*
 * All were tried. A client that closes a window and asks for the same bytes again must not be
 * refused because its request was read before the module's event.
 */
static void judge(struct batch *batch)
{
	if (may_be_stale(batch)) {
		batch_undo(batch, BATCH_PLANNING);
	} else if (is_vain(batch)) {
		batch_undo(batch, BATCH_SETTLING);
	} else if (!waits(batch)) {
		set_phase(batch, BATCH_SETTLING);
	} else if (batch->may_wait) {
		batch_undo(batch, BATCH_WAITING);
	} else {
		refuse_waiting(batch, MMIOD_OK);
		set_phase(batch, BATCH_TAKING);
	}
}

/* ---- the regions that are used --------------------------------------------------------------- */

/* Of each element, though one that was refused needs it no more than for the words of that. */
void batch_pin_regions(struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		if (batch->wants[i].region)
			batch->wants[i].region->pins++;
}

/* Whether others may have what they were kept from, or may end what they could not. */
static bool is_free(const struct batch *batch, size_t index)
{
	return !batch_granted(batch, index) || batch->request.ticket ||
	       batch->wants[index].share == MMIOD_SHARE_GUEST;
}

/*
 * Actions that were put off while the regions were used are done now: these may be gone afterwards.
 * `undone`: nothing was granted.
 */
void batch_let_regions_go(struct batch *batch, bool undone)
{
	struct broker *broker = batch->call.broker;

	for (size_t i = 0; i < batch->count; i++) {
		struct region *region = batch->wants[i].region;

		if (!region)
			continue;
		if (undone || is_free(batch, i))
			wakeup_note_end(broker, region);
		region->pins--;
		region_freed(broker, region);
	}
}

/* ---- planning -------------------------------------------------------------------------------- */

/* Returns whether each could be. */
static bool plan_all(struct batch *batch)
{
	size_t planned = 0;

	for (size_t i = 0; i < batch->count; i++) {
		struct want *want = &batch->wants[i];

		want_init(want, &batch->call, batch->kind);
		want->provisional = batch->provisional;
		want->first = batch->wants;
		want->before = planned;
		batch->kind->read(want, i);
		batch->outcomes[i] = want_plan(want);
		batch->guests |= want->share == MMIOD_SHARE_GUEST;
		planned += batch->outcomes[i] == MMIOD_OK;
	}
	return planned == batch->count;
}

static void unplan_all(struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		want_unplan(&batch->wants[i]);
}

/* True: more must be wiped than may be at once. */
static bool wait_for_wipe(struct batch *batch)
{
	if (!want_put_off(batch->wants, batch->count))
		return false;
	for (size_t i = 0; i < batch->count; i++)
		if (batch->wants[i].wait)
			batch->outcomes[i] = MMIOD_E_BUSY;
	return true;
}

static void plan(struct batch *batch)
{
	bool all;

	batch->may_wait = true;
	batch->underway.spoiled = false;
	all = plan_all(batch);
	if (batch->kept)
		batch_pin_regions(batch);
	if ((!all && (is_vain(batch) || may_be_stale(batch) || waits(batch))) ||
	    wait_for_wipe(batch))
		judge(batch);
	else
		set_phase(batch, BATCH_TAKING);
}

static void plan_anew(struct batch *batch)
{
	unplan_all(batch);
	batch->provisional = false;
	if (batch->kept)
		batch_let_regions_go(batch, true);
	events_drain(batch->call.broker);
	set_phase(batch, BATCH_PLANNING);
}

/* ---- taking ---------------------------------------------------------------------------------- */

void batch_begin_turn(struct batch *batch)
{
	batch->begun = false;
	batch->wipes = batch->in_one ? UINT64_MAX : batch->call.broker->wiping.piece;
}

/* One thing at least is done in each turn. */
static bool may_go_on(struct batch *batch)
{
	bool begun = batch->begun;

	batch->begun = true;
	return !begun || batch->in_one || !turn_is_over(&batch->call.broker->host);
}

/* A whole piece is as much as is done in a turn of the loop. False: there is more to be cleaned. */
static bool clean(struct batch *batch, struct want *want, enum mmiod_outcome *outcome)
{
	bool done = want_clean(want, &batch->wipes, outcome);

	if (!batch->wipes)
		turn_spend(&batch->call.broker->host, TURN_WORK);
	return done;
}

/* Up to the first that makes it vain to go on. False: the turn is over. */
static bool take_some(struct batch *batch)
{
	for (; batch->position < batch->count; batch->position++) {
		struct want *want = &batch->wants[batch->position];
		enum mmiod_outcome *outcome = &batch->outcomes[batch->position];

		if (*outcome != MMIOD_OK || want->created.fd >= 0)
			continue;
		if (!may_go_on(batch) || !clean(batch, want, outcome))
			return false;
		if (*outcome == MMIOD_OK)
			*outcome = want_take(want);
		if (want->wait || (*outcome != MMIOD_OK && batch->all_or_none))
			break;
	}
	judge(batch);
	return true;
}

/*
 * Afterwards nothing is taken; elements that were planned still are, and those that wait stay
 * charged.
 */
static bool untake_some(struct batch *batch)
{
	for (; batch->position < batch->count; batch->position++) {
		struct want *want = &batch->wants[batch->position];

		if (want->created.fd < 0)
			continue;
		if (!may_go_on(batch))
			return false;
		want_untake(want);
	}
	if (batch->next == BATCH_PLANNING)
		plan_anew(batch);
	else
		set_phase(batch, batch->next);
	return true;
}

/* True: the whole request is put off until something has been wiped or is free. */
static bool put_off(struct batch *batch)
{
	struct connection *connection = batch->call.connection;
	int r;

	connection->deferred -= batch->kept; /* it takes its own place */
	r = want_wait(batch->wants, batch->count);
	connection->deferred += batch->kept;
	if (r == 0)
		return true;
	refuse_waiting(batch, r == -EDQUOT ? MMIOD_E_QUOTA : MMIOD_OK);
	batch->may_wait = false;
	if (batch->all_or_none)
		set_phase(batch, BATCH_SETTLING);
	else
		set_phase(batch, BATCH_TAKING);
	return false;
}

/* ---- settling -------------------------------------------------------------------------------- */

/* Returns whether each that was taken is a lease now. */
static bool enter_all(struct batch *batch)
{
	bool entered = true;

	for (size_t i = 0; i < batch->count; i++) {
		if (batch->outcomes[i] != MMIOD_OK)
			continue;
		batch->outcomes[i] = want_enter(&batch->wants[i]);
		entered &= batch->outcomes[i] == MMIOD_OK;
	}
	return entered;
}

/* Undoes the elements that could not become leases, or all; in the same step, as it is rare. */
static void withdraw_failed(struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		struct want *want = &batch->wants[i];

		if (batch->outcomes[i] == MMIOD_OK && !batch->all_or_none)
			continue;
		want_withdraw(want);
		want_untake(want);
		want_unplan(want);
	}
}

/* Guests go when nothing can fail any more. */
static void end_guests(struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		if (batch->outcomes[i] == MMIOD_OK)
			want_end_guests(&batch->wants[i]);
}

/* Elements that were refused have been undone: all of them, if it is all or none. */
static void settle(struct batch *batch)
{
	bool vain = is_vain(batch);

	batch->failed = find_failed(batch);
	refuse_waiting(batch, MMIOD_OK);
	if (vain) {
		unplan_all(batch);
		return;
	}
	if (!enter_all(batch)) {
		batch->failed = find_failed(batch);
		withdraw_failed(batch);
	}
	if (!is_vain(batch))
		end_guests(batch);
}

/* ---- the whole ------------------------------------------------------------------------------- */

enum batch_result batch_run(struct batch *batch)
{
	for (;;) {
		switch (batch->phase) {
		case BATCH_PLANNING:
			plan(batch);
			break;
		case BATCH_TAKING:
			if (!take_some(batch))
				return BATCH_TURN_OVER;
			break;
		case BATCH_UNTAKING:
			if (!untake_some(batch))
				return BATCH_TURN_OVER;
			break;
		case BATCH_WAITING:
			if (put_off(batch))
				return BATCH_OVER;
			break;
		case BATCH_SETTLING:
			settle(batch);
			return BATCH_SETTLED;
		case BATCH_GIVING_UP:
			unplan_all(batch);
			return BATCH_OVER;
		}
	}
}
