// SPDX-License-Identifier: MIT
/* The table of regions. */
#include <string.h>
#include "lease/region.h"

struct region *region_find(const struct regions *regions, const char *name)
{
	struct region *region;

	HASH_FIND(hh, regions->table, name, strlen(name), region);
	return region;
}

/* Few regions, rare calls: a walk will do. */
struct region *region_by_handle(const struct regions *regions, uint64_t handle)
{
	for (struct region *region = regions->table; region; region = region->hh.next)
		if (region->claimed && region->hw.handle == handle)
			return region;
	return NULL;
}

struct region *region_add(struct regions *regions, const char *name)
{
	struct region *region = calloc(1, sizeof(*region));

	if (!region)
		return NULL;
	snprintf(region->name, sizeof(region->name), "%s", name);
	HASH_ADD_KEYPTR(hh, regions->table, region->name, strlen(region->name), region);
	if (!hash_added(region)) {
		free(region);
		return NULL;
	}
	region->id = region->of_all.id = ++regions->last_id;
	by_id_insert(&regions->by_id, &region->of_all);
	return region;
}

/* The first whose id is greater; NULL: there is none. */
struct region *region_after(const struct regions *regions, uint64_t id)
{
	struct by_id_node *node = by_id_after(&regions->by_id, id);

	return node ? container_of(node, struct region, of_all) : NULL;
}

void region_remove(struct regions *regions, struct region *region)
{
	assert(!region->n_leases && !region->pins);
	HASH_DEL(regions->table, region);
	by_id_remove(&regions->by_id, &region->of_all);
	blocks_destroy(region->blocks);
	free(region);
}

enum mmiod_state region_state(const struct region *region)
{
	if (!region->claimed)
		return MMIOD_STATE_REVOKED;
	return region->stale ? MMIOD_STATE_STALE : region->hw.state;
}
