/* SPDX-License-Identifier: MIT */
/*
 * The end of a lease object, with what it owns: its file, and the mapping that was kept for who leases
 * the same again. What else became of the lease its callers know.
 */
#include "lease/park.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static void leave_users(struct mmiod_lease *lease)
{
	while (lease->users.next != &lease->users) {
		struct lease_user *user = link_entry(lease->users.next, struct lease_user, link);

		link_remove(&user->link);
		user->lease = NULL;
	}
}

/* Not parked, whatever it is. */
void lease_destroy(struct mmiod_lease *lease)
{
	leave_users(lease);
	link_remove(&lease->link);
	link_remove(&lease->renewal.link);
	if (lease->kept.address)
		munmap(lease->kept.address, lease->kept.length);
	if (lease->fd >= 0)
		close(lease->fd);
	free(lease->asked);
	free(lease);
}
