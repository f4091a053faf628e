/* SPDX-License-Identifier: MIT */
/*
 * A LEASE or an ALLOC on its way to its reply. All of its elements are planned at once, and are
 * then taken one after the other, in as many turns of its connection as that takes; they are undone
 * likewise. When all have been taken they become leases, in one step.
 *
 * An element that is planned is charged and occupies its bytes, so nobody gets them meanwhile, and
 * nobody but the batch knows of the windows. A change of what was judged - the configuration, the
 * region, its pool - spoils the batch: it is undone and planned anew. So there is one reply, of how
 * things stand when it is sent.
 *
 * Mostly one turn is enough, and the batch is on the stack.
 */
#ifndef MMIOD_DAEMON_REQUEST_BATCH_H
#define MMIOD_DAEMON_REQUEST_BATCH_H

#include "broker/underway.h"
#include "request/want.h"

enum batch_phase {
	BATCH_PLANNING,
	BATCH_TAKING,
	BATCH_UNTAKING, /* and then `next` */
	BATCH_WAITING, /* is about to, until something is free or has been wiped */
	BATCH_SETTLING,
	BATCH_GIVING_UP, /* nobody waits for the reply */
};

enum batch_result {
	BATCH_TURN_OVER,
	BATCH_SETTLED, /* to be answered */
	BATCH_OVER, /* it waits as a request, or nobody is to be answered */
};

struct batch {
	struct call call;
	const struct want_kind *kind;
	size_t count;
	bool all_or_none;
	enum batch_phase phase;
	enum batch_phase next;
	size_t position; /* taking, untaking: the first element that was not looked at */
	bool provisional; /* the first of two tries */
	bool may_wait;
	bool guests; /* an element is to be one */
	size_t failed; /* the first that was refused; `count`: none was */

	/* Of one turn. */
	bool begun; /* something was taken, or undone */
	uint64_t wipes; /* bytes that may still be wiped */

	/* Of one that takes more than one turn. */
	bool kept; /* it is in broker->underway, and pins its regions */
	bool in_one; /* it cannot be kept: there is no memory for it */
	bool forgotten; /* its connection is closed */
	struct unfinished unfinished;
	struct request request; /* its array follows the batch */
	struct underway underway;

	/* Of these as many as are counted mean something, from planning on. */
	enum mmiod_outcome outcomes[MMIOD_MSG_FDS_MAX];
	struct want wants[MMIOD_MSG_FDS_MAX];
};

/* Of one that is settled. */
static inline bool batch_granted(const struct batch *batch, size_t index)
{
	return batch->outcomes[index] == MMIOD_OK &&
	       !(batch->all_or_none && batch->failed < batch->count);
}

/* batch.c */
void batch_begin_turn(struct batch *batch);
enum batch_result batch_run(struct batch *batch);
void batch_undo(struct batch *batch, enum batch_phase next);
void batch_pin_regions(struct batch *batch);
void batch_let_regions_go(struct batch *batch, bool undone);

/* batch-answer.c */
void batch_answer(struct batch *batch);
void batch_tell(struct batch *batch);

#endif
