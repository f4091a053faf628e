/* SPDX-License-Identifier: MIT */
/*
 * struct mmiod_region and the list of them: a snapshot, owned by the program, that outlives the
 * client.
 */
#include "snapshot/list.h"
#include "base/sized.h"

#include <stdio.h>
#include <string.h>

struct mmiod_region {
	struct mmiod_wire_region wire;
	char model[96];
};

LIST_OF(mmiod_region, mmiod_region_list)

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

static bool lies_at(const struct mmiod_wire_region *wire, const struct mmiod_target *target)
{
	char bar[MMIOD_WIRE_NAME + 16];

	if (wire->bar == UINT32_MAX || target->offset < wire->offset ||
	    target->offset - wire->offset >= wire->length)
		return false;
	snprintf(bar, sizeof(bar), "%s/bar%u", wire->device, wire->bar);
	return !strcmp(bar, target->region);
}

/* A target that says more than this library knows is in no region. */
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

GETTER(const char *, mmiod_region_name, mmiod_region, wire.name)
GETTER(const char *, mmiod_region_device, mmiod_region, wire.device)
GETTER(const char *, mmiod_region_model, mmiod_region, model)
GETTER(uint16_t, mmiod_region_vendor, mmiod_region, wire.vendor)
GETTER(uint16_t, mmiod_region_product, mmiod_region, wire.product)

MMIOD_EXPORT int mmiod_region_bar(const struct mmiod_region *region)
{
	return region->wire.bar == UINT32_MAX ? -1 : (int)region->wire.bar;
}

MMIOD_EXPORT int mmiod_region_is_ports(const struct mmiod_region *region)
{
	return !!(region->wire.flags & MMIOD_REGION_IS_PORTS);
}

GETTER(uint64_t, mmiod_region_offset, mmiod_region, wire.offset)
GETTER(uint64_t, mmiod_region_length, mmiod_region, wire.length)
GETTER(uint64_t, mmiod_region_phys, mmiod_region, wire.phys)
GETTER(unsigned int, mmiod_region_width, mmiod_region, wire.width)
GETTER(unsigned int, mmiod_region_memtypes, mmiod_region, wire.memtypes)
GETTER(unsigned int, mmiod_region_caches, mmiod_region, wire.memtypes) /* deprecated */
GETTER(enum mmiod_memtype, mmiod_region_memtype, mmiod_region, wire.memtype)
GETTER(enum mmiod_memtype, mmiod_region_cache, mmiod_region, wire.memtype) /* deprecated */
GETTER(unsigned int, mmiod_region_rights, mmiod_region, wire.rights)
GETTER(enum mmiod_state, mmiod_region_state, mmiod_region, wire.state)
GETTER(unsigned int, mmiod_region_generation, mmiod_region, wire.generation)
GETTER(unsigned int, mmiod_region_leases, mmiod_region, wire.leases)
