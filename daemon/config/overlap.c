// SPDX-License-Identifier: MIT
/*
 * Regions that claim the same bytes: of two of them the later to be claimed is missing, and which
 * one that is depends on when their devices appear. Compared are those that name their place in the
 * same way, for which device has some ids is known only when it is there.
 */
#include <inttypes.h>
#include <string.h>
#include "config/config.h"

static uint64_t start_of(const struct config_region *region)
{
	return region->device == CONFIG_DEVICE_RANGE ? region->phys : region->offset;
}

/* The last byte; of one that goes to the end of its BAR the last that there can be. */
static uint64_t last_of(const struct config_region *region)
{
	return region->length ? start_of(region) + region->length - 1 : UINT64_MAX;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_devices(const struct config_region *a, const struct config_region *b)
{
	if (a->device != b->device)
		return compare_numbers(a->device, b->device);
	if (a->device == CONFIG_DEVICE_RANGE)
		return 0;
	if (a->bar != b->bar)
		return a->bar < b->bar ? -1 : 1;
	if (a->device == CONFIG_DEVICE_SLOT)
		return compare_numbers(a->pci, b->pci);
	if (a->vendor != b->vendor)
		return compare_numbers(a->vendor, b->vendor);
	return compare_numbers(a->product, b->product);
}

static int compare_places(const void *a, const void *b)
{
	const struct config_region *first = *(struct config_region *const *)a;
	const struct config_region *second = *(struct config_region *const *)b;
	int devices = compare_devices(first, second);

	return devices ? devices : compare_numbers(start_of(first), start_of(second));
}

/* The region that stands later in the files is told of. */
static int object(struct config *config, const struct config_region *a,
		  const struct config_region *b, struct text *why)
{
	uint64_t start = start_of(a) > start_of(b) ? start_of(a) : start_of(b);
	uint64_t last = last_of(a) < last_of(b) ? last_of(a) : last_of(b);
	const struct config_region *later = a->number > b->number ? a : b;
	const struct config_region *earlier = later == a ? b : a;
	char end[24] = "the end";

	if (last != UINT64_MAX)
		snprintf(end, sizeof(end), "0x%" PRIx64, last);
	return config_object(config, why, &later->origin,
			     "region %s has the bytes 0x%" PRIx64 " to %s in common with region %s "
			     "(%s:%u), and only one of them can be claimed: change \"range\" or "
			     "\"size\" of one",
			     later->name, start, end, earlier->name, earlier->origin.file,
			     earlier->origin.line);
}

static int look(struct config *config, struct config_region *const *places, struct text *why)
{
	const struct config_region *widest = places[0];
	int r = 0;

	for (size_t i = 1; r == 0 && i < config->n_regions; i++) {
		const struct config_region *region = places[i];

		if (region->device == CONFIG_DEVICE_NONE || compare_devices(widest, region)) {
			widest = region;
			continue;
		}
		if (start_of(region) <= last_of(widest))
			r = object(config, widest, region, why);
		if (last_of(region) > last_of(widest))
			widest = region;
	}
	return r;
}

/* After each region was found to be whole. */
int config_check_overlaps(struct config *config, struct text *why)
{
	const size_t size = sizeof(*config->regions);
	struct config_region **places;
	int r;

	if (config->n_regions < 2)
		return 0;
	places = calloc(config->n_regions, size);
	if (!places)
		return -ENOMEM;
	memcpy(places, config->regions, config->n_regions * size);
	for (size_t i = 0; i < config->n_regions; i++)
		places[i]->number = i;
	qsort(places, config->n_regions, size, compare_places);
	r = look(config, places, why);
	free(places);
	return r;
}
