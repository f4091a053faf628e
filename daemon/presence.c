// SPDX-License-Identifier: MIT
/* Whether the device behind a region is still there, as the backend sees it now. */
#include "daemon.h"

/*
 * Simulated regions never go. In doubt it is there. One that the
 * module is ending is still listed, as revoked, and is not.
 */
bool daemon_region_is_there(struct daemon *daemon, const struct region *region)
{
	struct backend_region hw;
	int r;

	if (region == &daemon->kernel)
		return true;
	if (!region->claimed)
		return false;
	if (daemon->backend->ops->kind == MMIOD_BACKEND_SIMULATION)
		return true;
	r = daemon->backend->ops->next_region(daemon->backend, region->hw.handle - 1, &hw);
	if (r == 0)
		return hw.handle == region->hw.handle && hw.state != MMIOD_STATE_REVOKED;
	return r != -ENOENT;
}
