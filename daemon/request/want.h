/* SPDX-License-Identifier: MIT */
/*
 * One element of a LEASE or an ALLOC on its way to a lease. It goes in three steps, because the
 * elements of a batch judge each other, and one that is refused may undo them all:
 *  - wish_plan() judges, charges the account and takes the bytes, all in the daemon's own memory.
 *    wish_unplan() is its exact inverse. EXPLAIN is this step and its inverse.
 *  - wish_clean() wipes, a piece at a time, and wish_take() makes the window, which nobody knows of
 *    but the wish. wish_untake() is its inverse: the window goes before anybody had it.
 *  - wish_enter() makes a lease of it, that all can see; wish_withdraw() is its inverse.
 * Turns of the loop may lie before the third step (batch.h), in which others find the bytes taken.
 *
 * Every refusal leaves a sentence in the wish.
 */
#ifndef MMIOD_DAEMON_WISH_H
#define MMIOD_DAEMON_WISH_H

#include "request/call.h"

#define RIGHTS_ALL (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)
#define WISH_WIPES (256u << 10) /* suspect bytes that are wiped for a request; else it waits */

enum wish_wait { WISH_WAITS_NOT, WISH_WAITS_FOR_WIPE, WISH_WAITS_FOR_HOLDER };

struct wish;

/* What differs between a LEASE and an ALLOC. */
struct wish_kind {
	void (*read)(struct wish *wish, size_t index); /* from the request */
	/* Is it well-formed, is there such a thing, may they, and what exactly is it? */
	enum mmiod_outcome (*judge)(struct wish *wish);
	/* Is it free? An ALLOC chooses its blocks. Sets the length in any case. */
	enum mmiod_outcome (*reserve)(struct wish *wish);
};

struct wish {
	struct call *call;
	const struct wish_kind *kind;
	const struct subject *subject; /* who asks; EXPLAIN: or who is asked about */
	struct holder holder; /* likewise */
	struct mmiod_wire_want asked; /* what a LEASE asks for, as it came */
	struct mmiod_wire_want want; /* with what its defaults come to; of an ALLOC the same */
	struct mmiod_wire_alloc alloc; /* what an ALLOC asks for */
	struct region *region;
	enum mmiod_memory memory;
	bool allocated;
	uint64_t pci; /* DMA: of the device */
	uint32_t dma_bits; /* DMA: as configured */
	enum mmiod_share share;
	const struct config_grant *grant; /* that lets them; NULL: the policy has not been asked */
	struct decision decision; /* of the policy, if `judged` */
	bool judged;
	struct config_writes on_end; /* the client's own */
	const struct wish *first; /* of the same request; NULL: it has no other */
	size_t before; /* elements of the same request that were planned before it */
	struct lease *
		lease; /* charged and owned; holds its bytes if `planned`; the table's if entered */
	bool planned;
	struct extent
		*extent; /* the blocks of a pool that were chosen; owned until it is entered */
	uint64_t zeroed; /* bytes of it, if zeros were asked for that it does not have */
	struct backend_created created; /* by wish_take(); the file is owned, -1: not taken */
	enum wish_wait wait; /* refused for now */
	uint64_t wait_start; /* for wiping: of this */
	uint64_t wait_end;
	enum mmiod_limit limit; /* refused by MMIOD_E_QUOTA: which one; 0: one of the module's */
	bool in_its_own_way; /* refused by MMIOD_E_BUSY because of an element before it */
	bool dry; /* EXPLAIN: is planned, and not taken; has no request of its own */
	bool provisional; /* the first of two tries: why not is not told */
	struct text text; /* why not */
	char buffer[TEXT_MAX];
};

/* Whether what stands in the way may have gone without the daemon having been told yet. */
static inline bool outcome_may_be_stale(enum mmiod_outcome outcome)
{
	return outcome == MMIOD_E_BUSY || outcome == MMIOD_E_QUOTA || outcome == MMIOD_E_GONE;
}

extern const struct wish_kind wish_lease, wish_alloc;

void wish_init(struct wish *wish, struct call *call, const struct wish_kind *kind);
enum mmiod_outcome wish_refuse(struct wish *wish, enum mmiod_outcome outcome, const char *format,
			       ...) _printf_(3, 4);
enum mmiod_outcome wish_check_form(struct wish *wish);
enum mmiod_outcome wish_find_region(struct wish *wish);
enum mmiod_outcome wish_check_policy(struct wish *wish);
enum mmiod_outcome wish_check_presence(struct wish *wish);
enum mmiod_outcome wish_check_cache(struct wish *wish);
enum mmiod_outcome wish_name_holder(struct wish *wish, const struct lease *holder,
				    const char *what);

/* wish-plan.c */
enum mmiod_outcome wish_plan(struct wish *wish);
void wish_unplan(struct wish *wish);
void wish_vacate(struct wish *wish);

/* wish-take.c */
bool wish_clean(struct wish *wish, uint64_t *most, enum mmiod_outcome *outcome);
enum mmiod_outcome wish_take(struct wish *wish);
enum mmiod_outcome wish_enter(struct wish *wish);
void wish_withdraw(struct wish *wish);
bool wish_put_off(struct wish *wishes, size_t n);

/* wish-quota.c */
enum mmiod_outcome wish_charge(struct wish *wish);

/* wish-make.c */
struct lease *wish_make_lease(struct wish *wish);
enum mmiod_outcome wish_create(struct wish *wish);
void wish_untake(struct wish *wish);

/* wish-guest.c */
void wish_end_guests(struct wish *wish);
bool wish_end_guest(struct wish *wish, uint64_t id);

enum mmiod_outcome wish_await(struct wish *wish, enum mmiod_outcome outcome);
uint32_t wish_longest_wait_ms(const struct wish *wish);

/* waiting.c */
enum mmiod_outcome wish_check_turn(struct wish *wish);
int wish_wait(struct wish *wishes, size_t n);

/* batch-turns.c */
enum request_result wish_batch(struct call *call, const struct wish_kind *kind);

#endif
