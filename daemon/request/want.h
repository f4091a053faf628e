/* SPDX-License-Identifier: MIT */
/*
 * One element of a LEASE, an ALLOC, an OPERATE or an INTERRUPT on its way to a lease. It goes in three
 * steps, because the elements of a batch judge each other, and one that is refused may undo them all:
 *  - want_plan() judges, charges the account and takes the bytes, all in the daemon's own memory.
 *    want_unplan() is its exact inverse. EXPLAIN is this step and its inverse.
 *  - want_clean() wipes, a piece at a time, and want_take() makes the window, which nobody knows of
 *    but the want. want_untake() is its inverse: the window goes before anybody had it.
 *  - want_enter() makes a lease of it, that all can see; want_withdraw() is its inverse.
 * Turns of the loop may lie before the third step (batch.h), in which others find the bytes taken.
 *
 * Every refusal leaves a sentence in the want.
 */
#ifndef MMIOD_DAEMON_REQUEST_WANT_H
#define MMIOD_DAEMON_REQUEST_WANT_H

#include "request/call.h"

#define RIGHTS_ALL (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)
#define WANT_WIPES (256u << 10) /* suspect bytes that are wiped for a request; else it waits */

enum want_wait {
	WANT_WAITS_NOT,
	WANT_WAITS_FOR_WIPE,
	WANT_WAITS_FOR_TAKEN, /* parked leases that are being taken; however little time it has */
	WANT_WAITS_FOR_HOLDER
};

struct want;

/* The differences between a LEASE, an ALLOC, an OPERATE and an INTERRUPT. */
struct want_kind {
	void (*read)(struct want *want, size_t index); /* from the request */
	/* Is it well-formed, is there such a thing, may they, and what exactly is it? */
	enum mmiod_outcome (*judge)(struct want *want);
	/* Is it free? An ALLOC chooses its blocks. Sets the length in any case. */
	enum mmiod_outcome (*reserve)(struct want *want);
};

struct want {
	struct call *call;
	const struct want_kind *kind;
	enum mmiod_lease_kind lease_kind;
	const struct subject *subject; /* who asks; EXPLAIN: or who is asked about */
	struct holder holder; /* likewise */
	struct subject beneficiary; /* LEASE_FOR: then `subject` points here */
	struct mmiod_wire_want wire; /* with what its defaults come to; of an ALLOC the same */
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
	const struct want *first; /* of the same request; NULL: it has no other */
	size_t before; /* elements of the same request that were planned before it */
	struct lease *
		lease; /* charged and owned; holds its bytes if `planned`; the table's if entered */
	bool planned;
	struct extent
		*extents; /* the blocks of a pool that were chosen; owned until it is entered */
	uint64_t zeroed; /* bytes of them, if zeros were asked for that they do not have */
	struct backend_created created; /* by want_take(); the file is owned, -1: not taken */
	enum want_wait wait; /* refused for now */
	uint64_t wait_start; /* for wiping: of this */
	uint64_t wait_end;
	enum mmiod_limit limit; /* refused by MMIOD_E_QUOTA: which one; 0: one of the module's */
	bool takes; /* refused by MMIOD_E_BUSY, for a moment: parked leases are being taken */
	bool in_its_own_way; /* refused by MMIOD_E_BUSY because of an element before it */
	bool dry; /* EXPLAIN: is planned, and not taken; has no request of its own */
	bool provisional; /* the first of two tries: why not is not told */
	struct text text; /* why not */

	/* Not zeroed: the kinds that have these set all of them. */
	struct mmiod_wire_want asked; /* what a LEASE asks for, as it came */
	struct mmiod_wire_interrupt interrupt; /* what an INTERRUPT asks for */
	struct mmiod_wire_operate operate; /* what an OPERATE asks for */
	struct config_writes on_end; /* the client's own; zeroed is that there are none */
	char buffer[TEXT_MAX];
};

/* Whether what stands in the way may have gone without the daemon having been told yet. */
static inline bool outcome_may_be_stale(enum mmiod_outcome outcome)
{
	return outcome == MMIOD_E_BUSY || outcome == MMIOD_E_QUOTA || outcome == MMIOD_E_GONE;
}

extern const struct want_kind want_lease, want_alloc, want_interrupt, want_operate;

void want_init(struct want *want, struct call *call, const struct want_kind *kind);

/* The grant under which it is asked for, by its name; NULL: any. */
static inline const char *want_named_grant(const struct want *want)
{
	return want->wire.grant[0] ? want->wire.grant : NULL;
}

enum mmiod_outcome want_refuse(struct want *want, enum mmiod_outcome outcome, const char *format,
			       ...) _printf_(3, 4);
enum mmiod_outcome want_check_form(struct want *want);
enum mmiod_outcome want_find_region(struct want *want);
enum mmiod_outcome want_check_policy(struct want *want);
enum mmiod_outcome want_check_presence(struct want *want);
enum mmiod_outcome want_check_memtype(struct want *want);
void describe_place(enum mmiod_lease_kind kind, const char *name, uint64_t offset, uint64_t length,
		    struct text *text);
void want_describe(const struct want *want, struct text *text);
enum mmiod_outcome want_name_holder(struct want *want, const struct lease *holder,
				    const char *what);

/* want-plan.c */
enum mmiod_outcome want_plan(struct want *want);
void want_unplan(struct want *want);
void want_vacate(struct want *want);

/* want-take.c */
bool want_clean(struct want *want, uint64_t *most, enum mmiod_outcome *outcome);
enum mmiod_outcome want_take(struct want *want);
enum mmiod_outcome want_enter(struct want *want);
void want_withdraw(struct want *want);
bool want_put_off(struct want *wants, size_t n);

/* want-quota.c */
enum mmiod_outcome want_charge(struct want *want);

/* want-make.c */
struct lease *want_make_lease(struct want *want);
enum mmiod_outcome want_create(struct want *want);
void want_untake(struct want *want);

/* want-interrupt.c */
enum mmiod_outcome want_create_interrupt(struct want *want, const uint8_t tag[MMIOD_TAG_SIZE]);

/* want-operate.c */
enum mmiod_outcome want_open_device(struct want *want, const uint8_t tag[MMIOD_TAG_SIZE]);

uint32_t want_operates(const struct want *want);

/* want-dma.c: DMA memory for device files, and why it cannot be had. */
enum mmiod_outcome want_check_dma_form(struct want *want);
enum mmiod_outcome want_judge_dma(struct want *want);
int want_refuse_dma(struct want *want, int error);
enum mmiod_outcome want_refuse_unbounded(struct want *want, bool trusted);

/* want-device.c: what both ask of a device. */
enum mmiod_outcome want_find_device(struct want *want, const char device[MMIOD_WIRE_NAME]);
enum mmiod_outcome want_check_device_policy(struct want *want, uint32_t rights);
enum mmiod_outcome want_check_device_presence(struct want *want);
/* One user's processes are one party; the module never looks into the number. */
static inline uint64_t want_owner(const struct want *want)
{
	return holder_owner(&want->holder);
}

/* want-guest.c */
void want_end_guests(struct want *want);
bool want_end_guest(struct want *want, uint64_t id);

/* want-parked.c: what stands in the way may be parked. */
struct lease *want_ask_parked(struct want *want, struct lease *holder);
bool want_take_window(struct want *want, uint64_t id);
bool want_is_relieved(const struct want *want);
bool want_relieve(struct want *want);

enum mmiod_outcome want_await(struct want *want, enum mmiod_outcome outcome);
uint32_t want_longest_wait_ms(const struct want *want);

/* waiting.c */
enum mmiod_outcome want_check_turn(struct want *want);
int want_wait(struct want *wants, size_t n);

/* batch-turns.c */
enum request_result want_batch(struct call *call, const struct want_kind *kind);

#endif
