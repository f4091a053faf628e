/* SPDX-License-Identifier: MIT */
/*
 * mmioctl pools and buddyinfo: the pools that the daemon allocates from, and beside them the
 * kernel's zones.
 */
#include "system/kernel-file.h"
#include "verb.h"

#include <errno.h>
#include <string.h>

static struct pools_options {
	bool map;
	const char *svg;
} options;

static const struct verb_option option_rows[] = {
	TABLE_OPTIONS,
	{ "map", 0, NULL, "draw them", FLAG(struct pools_options, map) },
	{ "svg", 0, "FILE", "draw them as an SVG into FILE (-: standard output)",
	  TEXT(struct pools_options, svg) },
	{ 0 },
};

enum pool_column {
	POOL_NAME,
	POOL_SIZE,
	POOL_USED,
	POOL_FREE,
	POOL_LARGEST,
	POOL_WIPING,
	POOL_LEASES,
	POOL_PAGE,
	POOL_ORDERS,
	POOL_COLUMNS,
};

static const struct column pool_columns[] = {
	[POOL_NAME] = { "NAME", CELL_TEXT, true, "name of the region that is a pool" },
	[POOL_SIZE] = { "SIZE", CELL_SIZE, true, "its length" },
	[POOL_USED] = { "USED", CELL_SIZE, true, "allocated" },
	[POOL_FREE] = { "FREE", CELL_SIZE, true, "free" },
	[POOL_LARGEST] = { "LARGEST", CELL_SIZE, true, "largest request that would be granted" },
	[POOL_WIPING] = { "WIPING", CELL_SIZE, true, "given back, waiting to be wiped" },
	[POOL_LEASES] = { "LEASES", CELL_NUMBER, true, "how many there are now" },
	[POOL_PAGE] = { "PAGE", CELL_SIZE, false, "block of order 0" },
	[POOL_ORDERS] = { "ORDERS", CELL_NUMBER, false, "sizes of blocks that it has" },
};
static const size_t pool_column_count = POOL_COLUMNS;

static int pool_row(struct table *table, const struct mmiod_pool *pool)
{
	uint64_t unused = mmiod_pool_free(pool) + mmiod_pool_wiping(pool);
	uint64_t length = mmiod_pool_length(pool);
	struct cell cells[POOL_COLUMNS] = { 0 };

	cell_text(&cells[POOL_NAME], mmiod_pool_name(pool));
	cell_number(&cells[POOL_SIZE], length);
	cell_number(&cells[POOL_USED], length > unused ? length - unused : 0);
	cell_number(&cells[POOL_FREE], mmiod_pool_free(pool));
	cell_number(&cells[POOL_LARGEST], mmiod_pool_largest(pool));
	cell_number(&cells[POOL_WIPING], mmiod_pool_wiping(pool));
	cell_number(&cells[POOL_LEASES], mmiod_pool_leases(pool));
	cell_number(&cells[POOL_PAGE], mmiod_pool_page(pool));
	cell_number(&cells[POOL_ORDERS], mmiod_pool_orders(pool));
	return table_row(table, cells);
}

static int print_pools(struct context *context, const struct mmiod_pool_list *list)
{
	struct table table;
	int status = table_begin(&table, context, pool_columns, pool_column_count, "pools");

	for (size_t i = 0; !status && i < mmiod_pool_list_count(list); i++)
		status = pool_row(&table, mmiod_pool_list_get(list, i));
	return table_end(&table, status);
}

static int verb_pools(struct context *context, int argc, char **argv)
{
	struct mmiod_pool_list *list;
	int status, err;

	if (argc > (options.map ? 1 : 0))
		return usage_error(context, "pools takes no \"%s\"", argv[options.map ? 1 : 0]);
	if (options.svg && !options.map)
		return usage_error(context, "--svg is for --map");
	if (options.map && (context->table.columns || context->table.all_columns))
		return usage_error(context, "--map has no columns to choose");
	status = client_open(context);
	if (status)
		return status;
	err = mmiod_client_list_pools(context->client, &list);
	if (err)
		return report_client(context, err);
	if (!mmiod_pool_list_count(list) && !context->json && !argc)
		note(context, "there is no pool that policy lets you see");
	if (options.map)
		status = print_pool_maps(context, list, argc ? argv[0] : NULL, options.svg);
	else
		status = print_pools(context, list);
	mmiod_pool_list_free(list);
	return status;
}

const struct verb pools_verb = {
	.name = "pools",
	.arguments = "[--map [POOL] [--svg FILE]]",
	.summary = "the pools; --map draws who has what of them",
	.group = GROUP_SEE,
	.options = option_rows,
	.values = &options,
	.most = 1,
	.run = verb_pools,
	.columns = pool_columns,
	.column_count = &pool_column_count,
	.examples = { { "pools", "how full each is" },
		      { "pools --map vram", "who has what of vram" },
		      { "pools --map --svg pools.svg", "of all, for a browser" } },
};

enum buddy_column {
	BUDDY_KIND,
	BUDDY_NAME,
	BUDDY_NODE,
	BUDDY_PAGE,
	BUDDY_FREE,
	BUDDY_BLOCKS,
	BUDDY_COLUMNS,
};

static const struct column buddy_columns[] = {
	[BUDDY_KIND] = { "KIND", CELL_TEXT, true, "pool, or zone of the kernel" },
	[BUDDY_NAME] = { "NAME", CELL_TEXT, true, "its name" },
	[BUDDY_NODE] = { "NODE", CELL_NUMBER, true, "NUMA node of a zone" },
	[BUDDY_PAGE] = { "PAGE", CELL_SIZE, true, "block of order 0" },
	[BUDDY_FREE] = { "FREE", CELL_SIZE, true, "all free blocks together" },
	[BUDDY_BLOCKS] = { "BLOCKS", CELL_NUMBERS, true, "free blocks of order 0, 1, 2, …" },
};
static const size_t buddy_column_count = BUDDY_COLUMNS;

/* Counts below one another as far as they are short, as in /proc/buddyinfo. */
static uint64_t add_blocks(struct cell *cell, unsigned int order, uint64_t blocks, uint64_t page)
{
	size_t used = strlen(cell->text);

	if (used < sizeof(cell->text))
		snprintf(cell->text + used, sizeof(cell->text) - used, "%s%6llu", order ? " " : "",
			 (unsigned long long)blocks);
	return (blocks * page) << order;
}

static int pool_buddies(struct table *table, const struct mmiod_pool *pool)
{
	struct cell cells[BUDDY_COLUMNS] = { 0 };
	uint64_t page = mmiod_pool_page(pool), bytes = 0;

	for (unsigned int i = 0; i < mmiod_pool_orders(pool); i++)
		bytes += add_blocks(&cells[BUDDY_BLOCKS], i, mmiod_pool_blocks(pool, i), page);
	cell_text(&cells[BUDDY_KIND], "pool");
	cell_text(&cells[BUDDY_NAME], mmiod_pool_name(pool));
	cells[BUDDY_NODE].none = true;
	cell_number(&cells[BUDDY_PAGE], page);
	cell_number(&cells[BUDDY_FREE], bytes);
	return table_row(table, cells);
}

static int zone_buddies(struct table *table, const struct kernel_free *zone)
{
	struct cell cells[BUDDY_COLUMNS] = { 0 };
	uint64_t page = mmiod_page_size(), bytes = 0;

	for (unsigned int i = 0; i < zone->orders; i++)
		bytes += add_blocks(&cells[BUDDY_BLOCKS], i, zone->blocks[i], page);
	cell_text(&cells[BUDDY_KIND], "zone");
	cell_text(&cells[BUDDY_NAME], zone->zone);
	cell_number(&cells[BUDDY_NODE], zone->node);
	cell_number(&cells[BUDDY_PAGE], page);
	cell_number(&cells[BUDDY_FREE], bytes);
	return table_row(table, cells);
}

static int add_pools(struct context *context, struct table *table)
{
	struct mmiod_pool_list *list;
	int status = client_open(context), err;

	if (status)
		return status;
	err = mmiod_client_list_pools(context->client, &list);
	if (err)
		return report_client(context, err);
	for (size_t i = 0; !status && i < mmiod_pool_list_count(list); i++)
		status = pool_buddies(table, mmiod_pool_list_get(list, i));
	mmiod_pool_list_free(list);
	return status;
}

static int add_zones(struct context *context, struct table *table)
{
	struct kernel_free zone;
	char line[512];
	int status;
	FILE *file = kernel_open(context, "buddyinfo", &status);

	if (!file)
		return status;
	while (!status && fgets(line, sizeof(line), file))
		if (parse_buddyinfo(line, &zone))
			status = zone_buddies(table, &zone);
	fclose(file);
	return status;
}

/* Each half is shown even where the other cannot be had; the exit status tells. */
static int verb_buddyinfo(struct context *context, int argc, char **argv)
{
	int status, pools, zones;
	struct table table;

	status = table_begin(&table, context, buddy_columns, buddy_column_count, "buddyinfo");
	if (status)
		return status;
	pools = add_pools(context, &table);
	zones = add_zones(context, &table);
	status = table_end(&table, STATUS_OK);
	if (pools)
		return pools;
	return zones ? zones : status;
}

const struct verb buddyinfo_verb = {
	.name = "buddyinfo",
	.arguments = "",
	.summary = "free blocks by order, of pools and zones",
	.group = GROUP_MEMORY,
	.options = table_options,
	.run = verb_buddyinfo,
	.columns = buddy_columns,
	.column_count = &buddy_column_count,
	.examples = { { "buddyinfo", "of the pools, and of the kernel's zones" } },
};
