// SPDX-License-Identifier: MIT
/* The table of devices. */
#include <assert.h>
#include <string.h>
#include "lease/device.h"
#include "lease/lease.h"

struct device *device_find(const struct devices *devices, const char *name)
{
	struct device *device;

	HASH_FIND(hh, devices->table, name, strlen(name), device);
	return device;
}

/* Few devices, rare calls: a walk will do. */
struct device *device_by_number(const struct devices *devices, uint64_t number)
{
	for (struct device *device = devices->table; device; device = device->hh.next)
		if (device->vectors.claimed && device->hw.number == number)
			return device;
	return NULL;
}

/* The first whose id is greater; NULL: there is none. */
struct device *device_after(const struct devices *devices, uint64_t id)
{
	struct by_id_node *node = by_id_after(&devices->by_id, id);

	return node ? container_of(node, struct device, vectors.of_all) : NULL;
}

struct lease *device_operator(const struct device *device)
{
	return lease_conflict(&device->vectors, LEASE_OPERATES_AT, 1,
			      MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE, MMIOD_SHARE_READ);
}

struct device *device_add(struct devices *devices, struct regions *regions, const char *name)
{
	struct device *device = calloc(1, sizeof(*device));
	struct region *vectors;

	if (!device)
		return NULL;
	vectors = &device->vectors;
	vectors->kind = REGION_VECTORS;
	snprintf(vectors->name, sizeof(vectors->name), "%s", name);
	HASH_ADD_KEYPTR(hh, devices->table, vectors->name, strlen(vectors->name), device);
	if (!hash_added(device)) {
		free(device);
		return NULL;
	}
	vectors->id = vectors->of_all.id = ++regions->last_id;
	by_id_insert(&devices->by_id, &vectors->of_all);
	return device;
}

void device_remove(struct devices *devices, struct device *device)
{
	assert(!device->vectors.n_leases && !device->vectors.pins);
	HASH_DEL(devices->table, device);
	by_id_remove(&devices->by_id, &device->vectors.of_all);
	free(device);
}
