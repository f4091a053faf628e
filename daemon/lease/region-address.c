// SPDX-License-Identifier: MIT
/*
 * Regions by where they lie: "PCIADDR/barN" in the place of a name, with an offset from the start
 * of the BAR. For those who know their card's address and not yet what the configuration calls its
 * parts.
 */
#include <string.h>
#include "config/value.h"
#include "lease/lease.h"

/* "0000:01:00.0/bar2". */
static bool parse_bar(const char *text, uint64_t *pci, uint32_t *bar)
{
	const char *slash = strchr(text, '/');
	char slot[MMIOD_WIRE_NAME + 4];

	if (!slash || strncmp(slash, "/bar", 4) || slash[4] < '0' || slash[4] > '5' || slash[5])
		return false;
	snprintf(slot, sizeof(slot), "pci:%.*s", (int)(slash - text), text);
	*bar = (uint32_t)(slash[4] - '0');
	return value_slot(slot, pci) == 0;
}

/*
 * Where a region of that BAR starts in it, and ends. A region that is not there lies where it is
 * configured to be.
 */
static bool lies_in(const struct region *region, uint64_t pci, uint32_t bar, uint64_t *start,
		    uint64_t *end)
{
	const struct config_region *config = region->config;

	if (region->claimed && !region->stale) {
		*start = region->hw.offset;
		*end = *start + region->hw.length;
		return region->hw.bar == bar && region->hw.pci == pci;
	}
	*start = config->offset;
	*end = config->length ? *start + config->length : UINT64_MAX;
	return config->device == CONFIG_DEVICE_SLOT && config->pci == pci &&
	       config->bar == (int)bar;
}

bool region_is_address(const char *text)
{
	uint64_t pci;
	uint32_t bar;

	return parse_bar(text, &pci, &bar);
}

/* The region that byte @offset of the BAR belongs to; @offset becomes that of the byte in it. */
struct region *region_find_address(const struct regions *regions, const char *text,
				   uint64_t *offset)
{
	uint64_t pci, start, end;
	uint32_t bar;

	if (!parse_bar(text, &pci, &bar))
		return NULL;
	for (struct region *region = regions->table; region; region = region->hh.next) {
		if (!region->config || !lies_in(region, pci, bar, &start, &end))
			continue;
		if (*offset < start || *offset >= end)
			continue;
		*offset -= start;
		return region;
	}
	return NULL;
}
