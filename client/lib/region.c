/* SPDX-License-Identifier: MIT */
/*
 * struct mmiod_region and the list of them: a snapshot,
 * owned by the program, that outlives the client.
 */
#include "internal.h"

#include <stdio.h>
#include <string.h>

struct mmiod_region {
	struct mmiod_wire_region wire;
	char model[96];
};

struct mmiod_region_list {
	struct list list;
};

static int finish_region(void *item, const struct message *message)
{
	struct mmiod_region *region = item;

	name_clean(region->wire.name, sizeof(region->wire.name));
	name_clean(region->wire.device, sizeof(region->wire.device));
	return message_text(message, &region->wire.model, region->model, sizeof(region->model));
}

static const struct list_kind kind = {
	.opcode = MMIOD_OP_REGIONS,
	.first = MMIOD_V1_REGION,
	.wire = sizeof(struct mmiod_wire_region),
	.item = sizeof(struct mmiod_region),
	.finish = finish_region,
};

MMIOD_EXPORT int mmiod_client_list_regions(struct mmiod_client *client,
					   struct mmiod_region_list **list)
{
	return list_fetch(client, &kind, NULL, list);
}

MMIOD_EXPORT void mmiod_region_list_free(struct mmiod_region_list *list)
{
	list_free((struct list *)list);
}

MMIOD_EXPORT size_t mmiod_region_list_count(const struct mmiod_region_list *list)
{
	return list->list.count;
}

MMIOD_EXPORT const struct mmiod_region *mmiod_region_list_get(const struct mmiod_region_list *list,
							      size_t index)
{
	return list_get(&list->list, index);
}

static bool lies_at(const struct mmiod_wire_region *wire, const struct mmiod_target *target)
{
	char bar[MMIOD_WIRE_NAME + 16];

	if (wire->bar == UINT32_MAX || target->offset < wire->offset ||
	    target->offset - wire->offset >= wire->length)
		return false;
	snprintf(bar, sizeof(bar), "%s/bar%u", wire->device, wire->bar);
	return !strcmp(bar, target->region);
}

/* What says more than this library knows is the target of no region. */
MMIOD_EXPORT const struct mmiod_region *mmiod_region_list_find_sized(
	const struct mmiod_region_list *list, const struct mmiod_target *target, size_t size)
{
	static const struct sized target_struct = SIZED(mmiod_target, reserved);
	struct mmiod_target known;

	if (sized_take(&target_struct, &known, target, size, NULL, 0) || known.reserved)
		return NULL;
	for (size_t i = 0; i < list->list.count; i++) {
		const struct mmiod_region *region = list_get(&list->list, i);

		if (!strcmp(region->wire.name, known.region) || lies_at(&region->wire, &known))
			return region;
	}
	return NULL;
}

MMIOD_EXPORT const char *mmiod_region_name(const struct mmiod_region *region)
{
	return region->wire.name;
}

MMIOD_EXPORT const char *mmiod_region_device(const struct mmiod_region *region)
{
	return region->wire.device;
}

MMIOD_EXPORT const char *mmiod_region_model(const struct mmiod_region *region)
{
	return region->model;
}

MMIOD_EXPORT uint16_t mmiod_region_vendor(const struct mmiod_region *region)
{
	return region->wire.vendor;
}

MMIOD_EXPORT uint16_t mmiod_region_product(const struct mmiod_region *region)
{
	return region->wire.product;
}

MMIOD_EXPORT int mmiod_region_bar(const struct mmiod_region *region)
{
	return region->wire.bar == UINT32_MAX ? -1 : (int)region->wire.bar;
}

MMIOD_EXPORT uint64_t mmiod_region_offset(const struct mmiod_region *region)
{
	return region->wire.offset;
}

MMIOD_EXPORT uint64_t mmiod_region_length(const struct mmiod_region *region)
{
	return region->wire.length;
}

MMIOD_EXPORT uint64_t mmiod_region_phys(const struct mmiod_region *region)
{
	return region->wire.phys;
}

MMIOD_EXPORT unsigned int mmiod_region_width(const struct mmiod_region *region)
{
	return region->wire.width;
}

MMIOD_EXPORT unsigned int mmiod_region_caches(const struct mmiod_region *region)
{
	return region->wire.caches;
}

MMIOD_EXPORT enum mmiod_cache mmiod_region_cache(const struct mmiod_region *region)
{
	return region->wire.cache;
}

MMIOD_EXPORT unsigned int mmiod_region_rights(const struct mmiod_region *region)
{
	return region->wire.rights;
}

MMIOD_EXPORT enum mmiod_state mmiod_region_state(const struct mmiod_region *region)
{
	return region->wire.state;
}

MMIOD_EXPORT unsigned int mmiod_region_generation(const struct mmiod_region *region)
{
	return region->wire.generation;
}

MMIOD_EXPORT unsigned int mmiod_region_leases(const struct mmiod_region *region)
{
	return region->wire.leases;
}
