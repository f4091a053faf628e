/* SPDX-License-Identifier: MIT */
/*
 * mmioctl zones and slabinfo: what the kernel tells of its own memory. They need no daemon.
 */
#include "verb.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

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
	status = table_begin(&table, context, zone_columns, zone_column_count);
	while (!status && next_zone(file, &zone))
		status = zone_row(&table, &zone);
	fclose(file);
	return status ? status : table_end(&table, "zones");
}

const struct verb zones_verb = {
	.name = "zones",
	.arguments = "",
	.summary = "the kernel's memory zones",
	.group = GROUP_MEMORY,
	.options = WITH_TABLE,
	.run = verb_zones,
	.columns = zone_columns,
	.column_count = &zone_column_count,
	.examples = { { "zones", "how large each is, and how much is free" } },
};

enum slab_column {
	SLAB_NAME,
	SLAB_ACTIVE,
	SLAB_OBJECTS,
	SLAB_OBJECT_SIZE,
	SLAB_PER_SLAB,
	SLAB_SLAB_SIZE,
	SLAB_SLABS,
	SLAB_SIZE,
	SLAB_COLUMNS,
};

static const struct column slab_columns[] = {
	[SLAB_NAME] = { "NAME", CELL_TEXT, true, "name of the cache" },
	[SLAB_ACTIVE] = { "ACTIVE", CELL_NUMBER, true, "objects in use" },
	[SLAB_OBJECTS] = { "OBJECTS", CELL_NUMBER, true, "objects, free ones included" },
	[SLAB_OBJECT_SIZE] = { "OBJSIZE", CELL_NUMBER, true, "bytes of one object" },
	[SLAB_PER_SLAB] = { "PERSLAB", CELL_NUMBER, true, "objects in one slab" },
	[SLAB_SLAB_SIZE] = { "SLABSIZE", CELL_SIZE, true, "size of one slab" },
	[SLAB_SLABS] = { "SLABS", CELL_NUMBER, true, "how many slabs" },
	[SLAB_SIZE] = { "SIZE", CELL_SIZE, true, "of all slabs together" },
};
static const size_t slab_column_count = SLAB_COLUMNS;

static int slab_row(struct table *table, const struct kernel_slab *slab)
{
	uint64_t slab_size = slab->pages_per_slab * mmiod_page_size();
	struct cell cells[SLAB_COLUMNS] = { 0 };

	cell_text(&cells[SLAB_NAME], slab->name);
	cell_number(&cells[SLAB_ACTIVE], slab->active);
	cell_number(&cells[SLAB_OBJECTS], slab->objects);
	cell_number(&cells[SLAB_OBJECT_SIZE], slab->size);
	cell_number(&cells[SLAB_PER_SLAB], slab->per_slab);
	cell_number(&cells[SLAB_SLAB_SIZE], slab_size);
	cell_number(&cells[SLAB_SLABS], slab->slabs);
	cell_number(&cells[SLAB_SIZE], slab->slabs * slab_size);
	return table_row(table, cells);
}

static int verb_slabinfo(struct context *context, int argc, char **argv)
{
	struct kernel_slab slab;
	struct table table;
	char line[512];
	size_t rows = 0;
	int status;
	FILE *file;

	file = kernel_open(context, "slabinfo", &status);
	if (!file)
		return status;
	status = table_begin(&table, context, slab_columns, slab_column_count);
	while (!status && fgets(line, sizeof(line), file)) {
		if (!parse_slabinfo(line, &slab) || (argc && fnmatch(argv[0], slab.name, 0)))
			continue;
		status = slab_row(&table, &slab);
		rows++;
	}
	fclose(file);
	if (!status && argc && !rows)
		status = report(context, -ENOENT, "no slab cache \"%s\"", argv[0]);
	if (!status)
		return table_end(&table, "slabs");
	table_drop(&table);
	return status;
}

const struct verb slabinfo_verb = {
	.name = "slabinfo",
	.arguments = "[NAME-GLOB]",
	.summary = "the kernel's slab caches",
	.group = GROUP_MEMORY,
	.options = WITH_TABLE,
	.most = 1,
	.run = verb_slabinfo,
	.columns = slab_columns,
	.column_count = &slab_column_count,
	.examples = { { "slabinfo 'kmalloc-*'", "those of kmalloc" } },
};
