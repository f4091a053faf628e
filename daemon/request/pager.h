/* SPDX-License-Identifier: MIT */
/*
 * Lists, read in pages: REGIONS, LEASES, CLIENTS, LOG. A page ends when it is full or when it was
 * work enough, whichever comes first, so the work for one request is bounded however little of a
 * list its caller may see; the cursor then says where to go on.
 */
#ifndef MMIOD_DAEMON_REQUEST_PAGER_H
#define MMIOD_DAEMON_REQUEST_PAGER_H

#include "request/call.h"

struct pager {
	size_t stride; /* of an element on the wire */
	unsigned int work; /* that an element is */
	/*
	 * The first behind the cursor, in logarithmic time; NULL: none. `all`: the caller may see
	 * all.
	 */
	const void *(*next)(const struct call *call, uint64_t cursor, bool all);
	uint64_t (*id)(const void *item);
	bool (*shows)(const struct call *call, const void *item, bool all); /* NULL: every one */
	void (*fill)(const struct call *call, const void *item, void *element, bool all);
	/* Text lies behind the array, so it comes in a second round. May be NULL, as `before`. */
	void (*text)(struct call *call, const void *item, void *element, const void *before);
};

/* Of lists of leases: `next` and `id`. A client that may not see all looks through its own. */
const void *pager_next_lease(const struct call *call, uint64_t cursor, bool all);
uint64_t pager_lease_id(const void *item);

enum request_result pager_reply(struct call *call, const struct pager *pager);

#endif
