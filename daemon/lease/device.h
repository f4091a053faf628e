/* SPDX-License-Identifier: MIT */
/*
 * Devices: functions as a whole, whose vectors are leased, and which are operated. Plain data, kept by name and in order of
 * id; a device lasts as long as it is configured or has leases.
 *
 * A vector is leased as a byte of a region is: each device has a region that stands for its row of
 * vectors, in no table of regions, so that conflicts, queues and accounts are the same for both.
 */
#ifndef MMIOD_DAEMON_LEASE_DEVICE_H
#define MMIOD_DAEMON_LEASE_DEVICE_H

#include "base/util.h"
#include "lease/region.h"

struct device {
	struct region vectors; /* its name and id are the device's; claimed: the device is there */
	const struct config_function
		*config; /* NULL: no longer configured, goes with its last lease */
	struct backend_device hw; /* valid while claimed */
	enum mmiod_irq_kind interrupt; /* that its vectors have now; 0: it has none to lease */
	uint32_t n_vectors; /* that may be leased */
	uint64_t storms; /* of its vectors */
	uint64_t reset_us; /* that its resets took, when it was last looked at */
	bool masters; /* it was told to master the bus */
	bool awaits_quiet; /* it was refused, as it was being made quiet */
	UT_hash_handle hh;
};

struct devices {
	struct device *table; /* by name, in order of id */
	struct by_id by_id;
};

/* Of a lease's region whose kind is REGION_VECTORS. */
static inline struct device *device_of(const struct region *region)
{
	return container_of(region, struct device, vectors);
}

/* By the configuration in force. */
static inline bool region_is_configured(const struct region *region)
{
	return region->kind == REGION_VECTORS ? device_of(region)->config != NULL
					      : region->config != NULL;
}

/*
 * What a grant must give for a device file that may all this; enum mmiod_device_right. Without DMA
 * memory trust is the device's own affair.
 */
static inline uint32_t device_rights_of(uint32_t operates)
{
	if (!(operates & MMIOD_OPERATE_DMA))
		operates &= ~(uint32_t)MMIOD_OPERATE_DMA_TRUSTED;
	return operates << MMIOD_OPERATE_SHIFT & MMIOD_MAY_OPERATE;
}

struct device *device_find(const struct devices *devices, const char *name);
struct device *device_by_number(const struct devices *devices, uint64_t number);
struct device *device_after(const struct devices *devices, uint64_t id);
/* The lease of who operates it, if somebody does; it may be one that is only planned. */
struct lease *device_operator(const struct device *device);
/* Its id is of those of regions, for requests that wait know either by it. */
struct device *device_add(struct devices *devices, struct regions *regions, const char *name);
void device_remove(struct devices *devices, struct device *device);

#endif
