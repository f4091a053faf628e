/* SPDX-License-Identifier: MIT */
/*
 * Leases: who holds what of a region. Plain data with the rules of sharing; knows neither sockets
 * nor the backend.
 *
 * A lease is in the table from the grant until its window is gone; while its state is not REVOKED
 * it also occupies its bytes, which others may then conflict with: while it is ENDING its holder
 * has it no more, but nobody else may have the bytes yet. Kernel memory is its holder's alone:
 * nothing conflicts with it.
 */
#ifndef MMIOD_DAEMON_LEASE_LEASE_H
#define MMIOD_DAEMON_LEASE_LEASE_H

#include "base/by-id.h"
#include "base/holder.h"
#include "base/id-map.h"
#include "base/interval.h"
#include "lease/parking.h"
#include "lease/region.h"
#include "lease/user.h"

struct lease;

/* The leases of one connection; those with an undelivered event stand at its head. */
struct lease_list {
	struct lease *head;
	uint32_t count; /* that are not revoked */
	uint64_t bytes; /* of those */
};

#define LEASE_WHY_MAX 120

/* The event that the holder has yet to be told. A later state replaces an earlier one. */
struct lease_pending_event {
	uint32_t asked_ms; /* deadline of a REVOKE_ASKED, if `asked` */
	bool asked;
	uint8_t state; /* enum mmiod_event_type, 0: none */
	char *why; /* lease_why(); owned */
};

/* The leases that one user has under one grant, by number and size. */
struct account {
	struct {
		uint64_t payer;
		uint64_t grant; /* its key */
	} key;
	uint32_t leases; /* in the table, planned, or waited for; 0: the one that was booked last */
	uint32_t waiting; /* of those: waited for */
	uint64_t bytes; /* of those that are not revoked */
	uint32_t taken; /* of the leases: that were parked, and no longer count */
	uint64_t taken_bytes; /* likewise of the bytes */
	UT_hash_handle hh;
};

/* The time limit of a lease, in the set of all, ordered by when something is to be done. */
struct time_limit {
	struct interval when; /* starts at the deadline or, before, when the holder is told of it */
	struct interval_set *set;
	struct lease *lease;
	uint64_t deadline_ms; /* CLOCK_BOOTTIME: goes on while the machine sleeps */
	uint32_t lease_ms;
	bool renew; /* may be renewed */
};

/* How far the end of a lease has come: see lease-end.c. */
#define LEASE_CUT (1u << 0) /* no processor reaches the bytes through its window any more */
#define LEASE_CLOSED (1u << 1) /* the window is no more */
#define LEASE_GIVEN_BACK (1u << 2) /* by its holder */

struct lease_part {
	struct interval span; /* in region->occupied as a lease's */
	struct lease *lease;
};

/* Where a lease of several extents lies, in the order in which its window shows them. */
struct lease_parts {
	struct charge
		charge; /* for so many; until the window is no more, which has them until then */
	uint64_t start; /* of the lowest */
	uint64_t end; /* of the highest */
	uint32_t n; /* 2 or more */
	struct lease_part part[];
};

#define LEASE_NOWHERE UINT64_MAX /* the offset of a lease that lies in several places */

struct lease {
	uint64_t id; /* the window's; 0: it is planned, and not in the table */
	struct region *region; /* for kernel memory, and for vectors, one that stands for it */
	enum mmiod_lease_kind kind;
	enum mmiod_memory memory;
	bool allocated; /* chosen by an allocator */
	struct extent *extents; /* of region->blocks, while state is not REVOKED; owned */
	struct lease_parts *parts; /* NULL: it is one extent; owned */
	uint64_t offset; /* LEASE_NOWHERE: see its parts */
	uint64_t length; /* of all of it */
	uint32_t rights;
	enum mmiod_memtype memtype;
	uint32_t width;
	enum mmiod_share share;
	uint32_t flags; /* MMIOD_LEASE_* */
	uint32_t operates; /* MMIOD_OPERATE_*: what its device file may; 0: it is none */
	uint64_t device_lease; /* of DMA memory: of the device file that it is for; 0: none */
	uint64_t iova; /* and where its device finds it; MMIOD_IOVA_NONE: not known; else 0 */
	bool huge; /* its window may have leaves of 2 MiB, because a grant says so */
	enum mmiod_state state;
	uint8_t end; /* LEASE_CUT ...; 0 unless it is ending or revoked */
	uint8_t unsafe_write; /* of on_end: the one that failed */
	int unsafe; /* why, 0: none has been tried */
	struct holder holder;
	uint64_t started_ms; /* CLOCK_BOOTTIME */
	/* In region->occupied while state is not REVOKED, and once planned; if it has no parts. */
	struct interval span;
	struct charge charge;
	struct charge bytes; /* if allocated; of a vector or a device file: that it is one */
	uint32_t grant; /* key of the grant that it was given under; 0: not known */
	struct account *account;
	struct time_limit *time_limit; /* NULL: lasts as long as its file; owned */
	struct config_writes *on_end; /* to be done when it ends; owned; NULL: nothing */
	struct lease *unsafe_prev, *unsafe_next; /* in leases->unsafe */
	struct lease_list *list; /* NULL: no connection stands for it */
	struct lease *prev, *next; /* in list */
	struct by_id_node of_user; /* in charge.user->leases */
	struct lease_pending_event pending;
	struct parking_place parking;
	struct lease *taken_prev, *taken_next; /* in leases->taken */
};

struct leases {
	struct id_map table; /* all, by id: windows are numbered as they are made */
	struct account *accounts;
	struct account
		*recent; /* that was booked last, which stays until another is; may be NULL */
	unsigned int most; /* there were in the table since memory was given back last */
	struct interval_set time_limits; /* of struct time_limit */
	struct lease *unsafe; /* cut off, with writes to be done; those that failed are last */
	uint32_t n_ending;
	struct parking *parkings; /* of all connections */
	struct lease *taken; /* that were parked, and are to be revoked */
};

static inline unsigned int leases_count(const struct leases *leases)
{
	return (unsigned int)leases->table.count;
}

/* A window, a buffer's included; else it is a file of a device, and there is nothing to map. */
static inline bool lease_has_window(const struct lease *lease)
{
	return lease->kind != MMIOD_KIND_INTERRUPT && lease->kind != MMIOD_KIND_DEVICE;
}

/* Bytes of memory that its holder has. */
static inline uint64_t lease_bytes(const struct lease *lease)
{
	return lease_has_window(lease) ? lease->length : 0;
}

/*
 * A device file is leased as a byte behind all vectors of its device, whose row the lease is in: who
 * operates it writes that byte and lets others read it, who reads the configuration space reads it
 * and lets others write.
 */
#define LEASE_OPERATES_AT (1ull << 32)

static inline bool lease_operates(uint32_t operates)
{
	return operates & ~(uint32_t)MMIOD_OPERATE_CONFIG_READ;
}

static inline uint32_t lease_operate_rights(uint32_t operates)
{
	return lease_operates(operates) ? MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE : MMIOD_RIGHT_READ;
}

static inline enum mmiod_share lease_operate_share(uint32_t operates)
{
	return lease_operates(operates) ? MMIOD_SHARE_READ : MMIOD_SHARE_WRITE;
}

/* parts.c: NULL: out of memory. Each of them is set before a lease takes them. */
struct lease_parts *lease_parts_new(uint32_t n);
void lease_parts_set(struct lease_parts *parts, uint32_t index, uint64_t offset, uint64_t length);
void lease_take_parts(struct lease *lease, struct lease_parts *parts);

static inline uint32_t lease_extents(const struct lease *lease)
{
	return lease->parts ? lease->parts->n : 1;
}

/* The lease whose span this is, of that class. */
static inline struct lease *lease_of_span(const struct interval *span, enum lease_class class)
{
	return class == LEASE_SCATTERED ? container_of(span, struct lease_part, span)->lease
					: container_of(span, struct lease, span);
}

/* The lowest byte of its region that it has, and the first behind the highest. */
static inline uint64_t lease_start(const struct lease *lease)
{
	return lease->parts ? lease->parts->start : lease->offset;
}

static inline uint64_t lease_end(const struct lease *lease)
{
	return lease->parts ? lease->parts->end : lease->offset + lease->length;
}

bool lease_covers(const struct lease *lease, uint64_t offset, uint64_t length);
uint64_t lease_place(const struct lease *lease, uint64_t at);
struct mmiod_window_extent lease_extent(const struct lease *lease, uint32_t index);
int lease_claim_blocks(struct lease *lease);

/* What others are told of an offset or a length, who know of no such byte. */
static inline uint64_t lease_told(enum mmiod_lease_kind kind, uint64_t place)
{
	return kind == MMIOD_KIND_DEVICE ? 0 : place;
}

struct lease *lease_conflict(const struct region *region, uint64_t offset, uint64_t length,
			     uint32_t rights, enum mmiod_share share);
/*
 * Calls @see with all of them, in any order; it must not change which there are. Returns how many.
 */
size_t lease_each_conflict(const struct region *region, uint64_t offset, uint64_t length,
			   uint32_t rights, enum mmiod_share share,
			   void (*see)(void *data, struct lease *lease), void *data);
bool lease_bars(uint32_t rights, enum mmiod_share share, uint32_t other_rights,
		enum mmiod_share other_share);
struct lease *lease_find(const struct leases *leases, uint64_t id);
struct lease *lease_after(const struct leases *leases, uint64_t id);
struct lease *lease_last(const struct leases *leases);
struct lease *lease_after_of(const struct user *user, uint64_t id);
/*
 * A lease comes into being by steps, each with its inverse: it is charged, holds its bytes, and
 * stands in the table. lease_add() does all three.
 */
int lease_book(struct leases *leases, struct lease *lease);
void lease_unbook(struct leases *leases, struct lease *lease); /* and discards it */
void lease_occupy(struct lease *lease);
void lease_vacate(struct lease *lease);
int lease_enter(struct leases *leases, struct lease *lease);
void lease_leave(struct leases *leases, struct lease *lease);
int lease_add(struct leases *leases, struct lease *lease);
void leases_clear(struct leases *leases); /* when there are none */
bool lease_is_over(const struct lease *lease);
struct lease *lease_guest(const struct region *region, uint64_t start, uint64_t end);
struct lease *lease_of_region(const struct region *region);
void lease_begin_end(struct leases *leases, struct lease *lease);
void lease_enter_unsafe(struct leases *leases, struct lease *lease);
void lease_enter_taken(struct leases *leases, struct lease *lease);
void lease_leave_taken(struct leases *leases, struct lease *lease);
bool lease_leave_accounts(struct lease *lease, uint32_t most);
void lease_retire(struct leases *leases, struct lease *lease);
void lease_strip(struct lease *lease); /* of its time limit, and of what is written at its end */
void lease_discard(struct lease *lease);
void lease_remove(struct leases *leases, struct lease *lease);

const struct account *account_find(const struct leases *leases, uint64_t payer, uint32_t grant);
int lease_set_time_limit(struct leases *leases, struct lease *lease, uint32_t lease_ms, bool renew);
void lease_set_deadline(struct lease *lease, uint64_t deadline_ms, uint64_t now_ms);
uint64_t lease_left_ms(const struct lease *lease, uint64_t now_ms);

void lease_attach(struct lease *lease, struct lease_list *list);
void lease_detach(struct lease *lease);
void lease_tell(struct lease *lease, enum mmiod_event_type type, uint32_t deadline_ms,
		const char *why);
bool lease_has_pending_event(const struct lease *lease);
const char *lease_why(const struct lease *lease); /* of the last thing that its holder was told */
enum mmiod_event_type lease_take_event(struct lease *lease, uint32_t *deadline_ms);

#endif
