/* SPDX-License-Identifier: MIT */
/*
 * One element of a LEASE or an ALLOC on its way to a lease: the questions that both ask, and the
 * batch in which the elements come. Every refusal leaves a sentence in the wish.
 */
#ifndef MMIOD_DAEMON_WISH_H
#define MMIOD_DAEMON_WISH_H

#include "request.h"

#define RIGHTS_ALL (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)

enum wish_wait { WISH_WAITS_NOT, WISH_WAITS_FOR_WIPE, WISH_WAITS_FOR_HOLDER };

struct wish {
	struct call *call;
	struct mmiod_wire_want want; /* what a LEASE asks for; an ALLOC comes to the same */
	struct mmiod_wire_alloc alloc; /* what an ALLOC asks for */
	struct region *region;
	enum mmiod_memory memory;
	bool allocated;
	/* The blocks of a pool that were chosen; owned until the lease has them. */
	struct extent *extent;
	uint64_t pci; /* DMA: of the device */
	uint32_t dma_bits; /* DMA: as configured */
	enum wish_wait
		wait; /* refused for now: [wait_start, wait_end) must be wiped or free first */
	uint64_t wait_start;
	uint64_t wait_end;
	enum mmiod_share share;
	const struct config_grant *grant; /* that lets them */
	enum mmiod_limit limit; /* refused by MMIOD_E_QUOTA: which one; 0: one of the module's */
	struct config_writes on_end; /* the client's own */
	bool provisional; /* the first of two tries: why not is not told */
	struct text text; /* why not */
	char buffer[TEXT_MAX];
};

enum mmiod_outcome wish_refuse(struct wish *wish, enum mmiod_outcome outcome, const char *format,
			       ...) _printf_(3, 4);
enum mmiod_outcome wish_check_form(struct wish *wish);
enum mmiod_outcome wish_find_region(struct wish *wish);
enum mmiod_outcome wish_check_policy(struct wish *wish);
enum mmiod_outcome wish_check_presence(struct wish *wish);
enum mmiod_outcome wish_check_cache(struct wish *wish);
enum mmiod_outcome wish_name_holder(struct wish *wish, const struct lease *holder,
				    const char *what);

/* wish-take.c */
enum mmiod_outcome wish_take(struct wish *wish, struct lease **leasep,
			     struct backend_created *created);

/* wish-quota.c */
enum mmiod_outcome wish_check_quota(struct wish *wish, const struct lease *lease);
enum mmiod_outcome wish_check_descriptors(struct wish *wish);
enum mmiod_outcome wish_charge_lease(struct wish *wish, struct lease *lease);
enum mmiod_outcome wish_charge_bytes(struct wish *wish, struct lease *lease);

/* wish-make.c */
struct lease *wish_make_lease(struct wish *wish);
enum mmiod_outcome wish_create(struct wish *wish, struct lease *lease,
			       struct backend_created *created);

/* One element: reads it, and grants or refuses it. */
typedef enum mmiod_outcome (*wish_grant)(struct wish *wish, size_t index, struct lease **leasep,
					 struct backend_created *created);
enum mmiod_outcome wish_check_turn(struct wish *wish);
enum mmiod_outcome wish_await(struct wish *wish, enum mmiod_outcome outcome, uint64_t start,
			      uint64_t end);
int wish_wait(struct wish *wish);
enum request_result wish_batch(struct call *call, wish_grant grant);

#endif
