/* SPDX-License-Identifier: MIT */
/*
 * mmioctl zones: what the kernel tells of its own memory. It needs no daemon.
 */
#include "system/kernel-file.h"
#include "verb.h"

enum zone_column {
	ZONE_NODE,
	ZONE_NAME,
	ZONE_START,
	ZONE_START_PFN,
	ZONE_SIZES, /* one for each of the quantities, in bytes, then one for each in pages */
	ZONE_QUANTITIES = 7,
	ZONE_PAGES = ZONE_SIZES + ZONE_QUANTITIES,
	ZONE_COLUMNS = ZONE_PAGES + ZONE_QUANTITIES,
};

static const struct column zone_columns[] = {
	[ZONE_NODE] = { "NODE", CELL_NUMBER, true, "NUMA node" },
	[ZONE_NAME] = { "ZONE", CELL_TEXT, true, "name of the zone" },
	[ZONE_START] = { "START", CELL_HEX, true, "physical address where it starts" },
	[ZONE_START_PFN] = { "START_PFN", CELL_NUMBER, true, "likewise, as a page's number" },
	[ZONE_SIZES] = { "SPANNED", CELL_SIZE, true, "from start to end, holes included" },
	[ZONE_SIZES + 1] = { "PRESENT", CELL_SIZE, true, "memory that is there" },
	[ZONE_SIZES + 2] = { "MANAGED", CELL_SIZE, true, "what its buddy allocator has" },
	[ZONE_SIZES + 3] = { "FREE", CELL_SIZE, true, "free now" },
	[ZONE_SIZES + 4] = { "MIN", CELL_SIZE, true, "below it only emergencies get memory" },
	[ZONE_SIZES + 5] = { "LOW", CELL_SIZE, true, "below it reclaim starts" },
	[ZONE_SIZES + 6] = { "HIGH", CELL_SIZE, true, "above it reclaim rests" },
	[ZONE_PAGES] = { "SPANNED_PAGES", CELL_NUMBER, false, "SPANNED in pages" },
	[ZONE_PAGES + 1] = { "PRESENT_PAGES", CELL_NUMBER, false, "PRESENT in pages" },
	[ZONE_PAGES + 2] = { "MANAGED_PAGES", CELL_NUMBER, false, "MANAGED in pages" },
	[ZONE_PAGES + 3] = { "FREE_PAGES", CELL_NUMBER, false, "FREE in pages" },
	[ZONE_PAGES + 4] = { "MIN_PAGES", CELL_NUMBER, false, "MIN in pages" },
	[ZONE_PAGES + 5] = { "LOW_PAGES", CELL_NUMBER, false, "LOW in pages" },
	[ZONE_PAGES + 6] = { "HIGH_PAGES", CELL_NUMBER, false, "HIGH in pages" },
};
static const size_t zone_column_count = ZONE_COLUMNS;

static int zone_row(struct table *table, const struct kernel_zone *zone)
{
	const uint64_t pages[ZONE_QUANTITIES] = { zone->spanned, zone->present, zone->managed,
						  zone->free,	 zone->min,	zone->low,
						  zone->high };
	struct cell cells[ZONE_COLUMNS] = { 0 };

	cell_number(&cells[ZONE_NODE], zone->node);
	cell_text(&cells[ZONE_NAME], zone->zone);
	cell_number(&cells[ZONE_START], zone->start_pfn * mmiod_page_size());
	cell_number(&cells[ZONE_START_PFN], zone->start_pfn);
	for (size_t i = 0; i < ZONE_QUANTITIES; i++) {
		cell_number(&cells[ZONE_SIZES + i], pages[i] * mmiod_page_size());
		cell_number(&cells[ZONE_PAGES + i], pages[i]);
	}
	return table_row(table, cells);
}

static int verb_zones(struct context *context, int argc, char **argv)
{
	struct kernel_zone zone;
	struct table table;
	int status;
	FILE *file;

	file = kernel_open(context, "zoneinfo", &status);
	if (!file)
		return status;
	status = table_begin(&table, context, zone_columns, zone_column_count, "zones");
	while (!status && next_zone(file, &zone))
		status = zone_row(&table, &zone);
	fclose(file);
	return table_end(&table, status);
}

const struct verb zones_verb = {
	.name = "zones",
	.arguments = "",
	.summary = "the kernel's memory zones",
	.group = GROUP_MEMORY,
	.options = table_options,
	.run = verb_zones,
	.columns = zone_columns,
	.column_count = &zone_column_count,
	.examples = { { "zones", "how large each is, and how much is free" } },
};
