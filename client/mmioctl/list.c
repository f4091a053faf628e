/* SPDX-License-Identifier: MIT */
/*
 * mmioctl list and leases: the regions and the leases that policy lets the caller see.
 */
#include "verb.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

enum region_column {
	REGION_NAME,
	REGION_DEVICE,
	REGION_BAR,
	REGION_OFFSET,
	REGION_SIZE,
	REGION_WIDTH,
	REGION_CACHE,
	REGION_CACHES,
	REGION_RIGHTS,
	REGION_STATE,
	REGION_LEASES,
	REGION_PHYS,
	REGION_VENDOR,
	REGION_PRODUCT,
	REGION_MODEL,
	REGION_GENERATION,
	REGION_COLUMNS,
};

static const struct column region_columns[] = {
	[REGION_NAME] = { "NAME", CELL_TEXT, true, "name of the region" },
	[REGION_DEVICE] = { "DEVICE", CELL_TEXT, true, "PCI address, range or simulation" },
	[REGION_BAR] = { "BAR", CELL_NUMBER, true, "index of the base address register" },
	[REGION_OFFSET] = { "OFFSET", CELL_HEX, false, "where it starts in its BAR" },
	[REGION_SIZE] = { "SIZE", CELL_SIZE, true, "its length" },
	[REGION_WIDTH] = { "WIDTH", CELL_NUMBER, true, "declared width of a register, in bits" },
	[REGION_CACHE] = { "CACHE", CELL_TEXT, true, "cache attribute unless asked otherwise" },
	[REGION_CACHES] = { "CACHES", CELL_LIST, false, "cache attributes that are allowed" },
	[REGION_RIGHTS] = { "RIGHTS", CELL_TEXT, true, "what policy lets you do" },
	[REGION_STATE] = { "STATE", CELL_TEXT, true, "ok, suspended, or missing" },
	[REGION_LEASES] = { "LEASES", CELL_NUMBER, true, "how many there are now" },
	[REGION_PHYS] = { "PHYS", CELL_HEX, false, "physical address, for administrators" },
	[REGION_VENDOR] = { "VENDOR", CELL_HEX, false, "PCI vendor id" },
	[REGION_PRODUCT] = { "PRODUCT", CELL_HEX, false, "PCI device id" },
	[REGION_MODEL] = { "MODEL", CELL_TEXT, false, "name of the device, if known" },
	[REGION_GENERATION] = { "GENERATION", CELL_NUMBER, false, "how often the device came" },
};
static const size_t region_column_count = REGION_COLUMNS;

/* A region whose window state would be "revoked" is one whose device is not there. */
static const char *region_state(const struct mmiod_region *region)
{
	enum mmiod_state state = mmiod_region_state(region);

	return state == MMIOD_STATE_REVOKED ? "missing" : state_word(state);
}

static void fill_region(const struct mmiod_region *region, struct cell *cells)
{
	char caches[16];
	int bar = mmiod_region_bar(region);

	caches_words(mmiod_region_caches(region), caches, sizeof(caches));
	cell_text(&cells[REGION_NAME], mmiod_region_name(region));
	cell_text(&cells[REGION_DEVICE], mmiod_region_device(region));
	cell_number(&cells[REGION_BAR], bar < 0 ? 0 : (uint64_t)bar);
	cells[REGION_BAR].none = bar < 0;
	cell_number(&cells[REGION_OFFSET], mmiod_region_offset(region));
	cell_number(&cells[REGION_SIZE], mmiod_region_length(region));
	cell_optional(&cells[REGION_WIDTH], mmiod_region_width(region) * 8);
	cell_text(&cells[REGION_CACHE], cache_word(mmiod_region_cache(region)));
	cell_text(&cells[REGION_CACHES], caches);
	cell_text(&cells[REGION_RIGHTS], rights_word(mmiod_region_rights(region)));
	cell_text(&cells[REGION_STATE], region_state(region));
	cell_number(&cells[REGION_LEASES], mmiod_region_leases(region));
	cell_optional(&cells[REGION_PHYS], mmiod_region_phys(region));
	cell_optional(&cells[REGION_VENDOR], mmiod_region_vendor(region));
	cell_optional(&cells[REGION_PRODUCT], mmiod_region_product(region));
	cell_text(&cells[REGION_MODEL], mmiod_region_model(region));
	cell_number(&cells[REGION_GENERATION], mmiod_region_generation(region));
}

static int print_regions(struct context *context, const struct mmiod_region_list *list)
{
	struct table table;
	int status = table_begin(&table, context, region_columns, region_column_count);

	for (size_t i = 0; !status && i < mmiod_region_list_count(list); i++) {
		struct cell cells[REGION_COLUMNS] = { 0 };

		fill_region(mmiod_region_list_get(list, i), cells);
		status = table_row(&table, cells);
	}
	return status ? status : table_end(&table, "regions");
}

static int verb_list(struct context *context, int argc, char **argv)
{
	struct mmiod_region_list *list;
	int status, err;

	status = client_open(context);
	if (status)
		return status;
	err = mmiod_client_list_regions(context->client, &list);
	if (err)
		return report_client(context, err);
	if (!mmiod_region_list_count(list) && !context->json)
		note(context, "there is no region that policy lets you see");
	status = print_regions(context, list);
	mmiod_region_list_free(list);
	return status;
}

const struct verb list_verb = {
	.name = "list",
	.arguments = "",
	.summary = "the regions that you may see",
	.group = GROUP_SEE,
	.options = WITH_TABLE,
	.run = verb_list,
	.columns = region_columns,
	.column_count = &region_column_count,
	.examples = { { "list", "which regions there are" },
		      { "list -o NAME --no-headings", "their names, for scripts" },
		      { "list --output-all --json", "everything about them" } },
};

enum lease_column {
	LEASE_ID,
	LEASE_KIND,
	LEASE_REGION,
	LEASE_OFFSET,
	LEASE_LENGTH,
	LEASE_RIGHTS,
	LEASE_CACHE,
	LEASE_WIDTH,
	LEASE_SHARE,
	LEASE_STATE,
	LEASE_USER,
	LEASE_UID,
	LEASE_PID,
	LEASE_COMMAND,
	LEASE_UNIT,
	LEASE_MAPPINGS,
	LEASE_AGE,
	LEASE_LEFT,
	LEASE_RENEWS,
	LEASE_STARTED,
	LEASE_FAULTS,
	LEASE_POPULATED,
	LEASE_FAULT_LEAVES,
	LEASE_POPULATED_LEAVES,
	LEASE_READS,
	LEASE_WRITES,
	LEASE_CHOSEN,
	LEASE_COLUMNS,
};

static const struct column lease_columns[] = {
	[LEASE_ID] = { "ID", CELL_NUMBER, true, "number of the lease" },
	[LEASE_KIND] = { "KIND", CELL_TEXT, true, "region, or pages, kmalloc, vmalloc, dma" },
	[LEASE_REGION] = { "REGION", CELL_TEXT, true,
			   "name of the region; kernel memory has none" },
	[LEASE_OFFSET] = { "OFFSET", CELL_HEX, true, "where the window starts in it" },
	[LEASE_LENGTH] = { "LENGTH", CELL_HEX, true, "length of the window" },
	[LEASE_RIGHTS] = { "RIGHTS", CELL_TEXT, true, "r or rw" },
	[LEASE_CACHE] = { "CACHE", CELL_TEXT, true, "cache attribute" },
	[LEASE_WIDTH] = { "WIDTH", CELL_NUMBER, false, "width of an access, in bits" },
	[LEASE_SHARE] = { "SHARE", CELL_TEXT, true, "what others may do meanwhile" },
	[LEASE_STATE] = { "STATE", CELL_TEXT, true, "ok, suspended or revoked" },
	[LEASE_USER] = { "USER", CELL_TEXT, true, "who holds it" },
	[LEASE_UID] = { "UID", CELL_NUMBER, false, "likewise, as a number" },
	[LEASE_PID] = { "PID", CELL_NUMBER, true, "process that asked for it" },
	[LEASE_COMMAND] = { "COMMAND", CELL_TEXT, true, "its name" },
	[LEASE_MAPPINGS] = { "MAPPINGS", CELL_NUMBER, true, "mappings now, in all processes" },
	[LEASE_UNIT] = { "UNIT", CELL_TEXT, false, "its systemd unit" },
	[LEASE_AGE] = { "AGE", CELL_AGE, true, "since it was granted" },
	[LEASE_LEFT] = { "LEFT", CELL_AGE, true, "until it ends unless renewed" },
	[LEASE_RENEWS] = { "RENEWS", CELL_TEXT, false, "whether it may be renewed" },
	[LEASE_STARTED] = { "STARTED", CELL_TIME, false, "when it was granted" },
	[LEASE_FAULTS] = { "FAULTS", CELL_NUMBER, false, "pages mapped on fault" },
	[LEASE_POPULATED] = { "POPULATED", CELL_NUMBER, false, "pages mapped in advance" },
	[LEASE_FAULT_LEAVES] = { "FAULT-LEAVES", CELL_NUMBERS, false,
				 "likewise, in page-table leaves of 4 KiB, 2 MiB, 1 GiB" },
	[LEASE_POPULATED_LEAVES] = { "POPULATED-LEAVES", CELL_NUMBERS, false,
				     "likewise, in leaves of 4 KiB, 2 MiB, 1 GiB" },
	[LEASE_READS] = { "READS", CELL_NUMBER, false, "mediated reads" },
	[LEASE_WRITES] = { "WRITES", CELL_NUMBER, false, "mediated writes" },
	[LEASE_CHOSEN] = { "CHOSEN", CELL_TEXT, false, "who chose the place: holder or allocator" },
};
static const size_t lease_column_count = LEASE_COLUMNS;

static void fill_holder(const struct mmiod_lease_info *info, struct cell *cells)
{
	uint64_t now = (uint64_t)time(NULL), started = mmiod_lease_info_started(info);
	char user[64];

	user_name(mmiod_lease_info_uid(info), user, sizeof(user));
	cell_text(&cells[LEASE_USER], user);
	cell_number(&cells[LEASE_UID], mmiod_lease_info_uid(info));
	cell_optional(&cells[LEASE_PID], mmiod_lease_info_pid(info));
	cell_text(&cells[LEASE_COMMAND], mmiod_lease_info_comm(info));
	cell_text(&cells[LEASE_UNIT], mmiod_lease_info_unit(info));
	cell_number(&cells[LEASE_AGE], now > started ? now - started : 0);
	cell_number(&cells[LEASE_LEFT], (mmiod_lease_info_left_ms(info) + 999) / 1000);
	cells[LEASE_LEFT].none = !mmiod_lease_info_time_ms(info);
	cell_text(&cells[LEASE_RENEWS], !mmiod_lease_info_time_ms(info) ? "-"
					: mmiod_lease_info_renews(info) ? "yes"
									: "no");
	cell_number(&cells[LEASE_STARTED], started);
}

static void fill_leaves(struct cell *cell,
			uint64_t (*count)(const struct mmiod_lease_info *info,
					  enum mmiod_leaf_size size),
			const struct mmiod_lease_info *info)
{
	char text[3 * sizeof("18446744073709551615")];

	snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu64 " %" PRIu64, count(info, MMIOD_LEAF_4K),
		 count(info, MMIOD_LEAF_2M), count(info, MMIOD_LEAF_1G));
	cell_text(cell, text);
}

static void fill_lease(const struct mmiod_lease_info *info, struct cell *cells)
{
	cell_number(&cells[LEASE_ID], mmiod_lease_info_id(info));
	cell_text(&cells[LEASE_REGION], mmiod_lease_info_region(info));
	cell_number(&cells[LEASE_OFFSET], mmiod_lease_info_offset(info));
	cell_number(&cells[LEASE_LENGTH], mmiod_lease_info_length(info));
	cell_text(&cells[LEASE_RIGHTS], rights_word(mmiod_lease_info_rights(info)));
	cell_text(&cells[LEASE_CACHE], cache_word(mmiod_lease_info_cache(info)));
	cell_optional(&cells[LEASE_WIDTH], mmiod_lease_info_width(info) * 8);
	cell_text(&cells[LEASE_SHARE], share_word(mmiod_lease_info_share(info)));
	cell_text(&cells[LEASE_STATE], state_word(mmiod_lease_info_state(info)));
	cell_number(&cells[LEASE_MAPPINGS], mmiod_lease_info_mappings(info));
	cell_number(&cells[LEASE_FAULTS], mmiod_lease_info_faults(info));
	cell_number(&cells[LEASE_POPULATED], mmiod_lease_info_populated(info));
	fill_leaves(&cells[LEASE_FAULT_LEAVES], mmiod_lease_info_fault_leaves, info);
	fill_leaves(&cells[LEASE_POPULATED_LEAVES], mmiod_lease_info_populated_leaves, info);
	cell_number(&cells[LEASE_READS], mmiod_lease_info_reads(info));
	cell_number(&cells[LEASE_WRITES], mmiod_lease_info_writes(info));
	cell_text(&cells[LEASE_KIND], memory_word(mmiod_lease_info_memory(info)));
	cell_text(&cells[LEASE_CHOSEN], mmiod_lease_info_allocated(info) ? "allocator" : "holder");
	fill_holder(info, cells);
}

static int print_leases(struct context *context, const struct mmiod_lease_list *list)
{
	struct table table;
	int status = table_begin(&table, context, lease_columns, lease_column_count);

	for (size_t i = 0; !status && i < mmiod_lease_list_count(list); i++) {
		struct cell cells[LEASE_COLUMNS] = { 0 };

		fill_lease(mmiod_lease_list_get(list, i), cells);
		status = table_row(&table, cells);
	}
	return status ? status : table_end(&table, "leases");
}

static int verb_leases(struct context *context, int argc, char **argv)
{
	struct mmiod_lease_list *list;
	int status, err;

	status = client_open(context);
	if (status)
		return status;
	err = mmiod_client_list_leases(context->client, &list);
	if (err)
		return report_client(context, err);
	status = print_leases(context, list);
	mmiod_lease_list_free(list);
	return status;
}

const struct verb leases_verb = {
	.name = "leases",
	.arguments = "",
	.summary = "the leases that you may see",
	.group = GROUP_SEE,
	.options = WITH_TABLE,
	.run = verb_leases,
	.columns = lease_columns,
	.column_count = &lease_column_count,
	.examples = { { "leases", "who holds what" },
		      { "leases --json", "likewise, for programs" } },
};
