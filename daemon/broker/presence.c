// SPDX-License-Identifier: MIT
/* Whether the device behind a region is still there, as the backend sees it now. */
#include "broker/broker.h"

/*
 * Simulated regions never go. In doubt it is there. One that the module is ending is still listed,
 * as revoked, and is not.
 */
bool region_is_there(struct broker *broker, const struct region *region)
{
	struct backend_region hw;
	int r;

	if (region->kind == REGION_VECTORS)
		return device_is_there(broker, device_of(region));
	if (region->kind == REGION_KERNEL)
		return true;
	if (!region->claimed)
		return false;
	if (broker->backend->ops->kind == MMIOD_BACKEND_SIMULATION)
		return true;
	r = broker->backend->ops->next_region(broker->backend, region->hw.handle - 1, &hw);
	if (r == 0)
		return hw.handle == region->hw.handle && hw.state != MMIOD_STATE_REVOKED;
	return r != -ENOENT;
}
