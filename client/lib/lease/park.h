/* SPDX-License-Identifier: MIT */
/* Parked leases, for the files of this room that free leases and ask for them. See park.c. */
#ifndef MMIOD_PARK_H
#define MMIOD_PARK_H

#include "lease/lease.h"

/* What follows from the lease's end: its file, and the mapping that was kept. */
void lease_destroy(struct mmiod_lease *lease);

/* As the environment says. -EINVAL: it says nothing that makes sense, with a sentence. */
int park_begin(struct mmiod_client *client);
/* Asks the daemon for the page of this connection, if there is to be one and it was not asked yet. */
void park_prepare(struct mmiod_client *client);
/* True: it is parked, and no longer the program's. */
bool park_put(struct mmiod_lease *lease);
/* One that was granted for the same want, or NULL. It is the program's then. */
struct mmiod_lease *park_take(struct mmiod_client *client, const struct mmiod_wire_want *want);
/* All are closed. The page is another's, or nobody's. */
void park_end(struct mmiod_client *client);

#endif
