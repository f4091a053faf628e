/* SPDX-License-Identifier: MIT */
/*
 * mmioctl list: the regions that policy lets the caller see.
 */
#include "verb.h"

enum region_column {
	REGION_NAME,
	REGION_DEVICE,
	REGION_BAR,
	REGION_OFFSET,
	REGION_SIZE,
	REGION_WIDTH,
	REGION_MEMTYPE,
	REGION_MEMTYPES,
	REGION_RIGHTS,
	REGION_STATE,
	REGION_MAPPABLE,
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
	[REGION_MEMTYPE] = { "CACHE", CELL_TEXT, true,
			     "memory type unless asked otherwise, or ports" },
	[REGION_MEMTYPES] = { "CACHES", CELL_LIST, false, "memory types that are allowed" },
	[REGION_RIGHTS] = { "RIGHTS", CELL_TEXT, true, "what policy lets you do" },
	[REGION_STATE] = { "STATE", CELL_TEXT, true, "ok, suspended, or missing" },
	[REGION_MAPPABLE] = { "MAPPABLE", CELL_TEXT, false,
			      "no: it has no whole pages, and is only read and written" },
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
	char memtypes[16] = "";
	bool ports = mmiod_region_is_ports(region);
	int bar = mmiod_region_bar(region);

	if (!ports)
		memtypes_words(mmiod_region_memtypes(region), memtypes, sizeof(memtypes));
	cell_text(&cells[REGION_NAME], mmiod_region_name(region));
	cell_text(&cells[REGION_DEVICE], mmiod_region_device(region));
	cell_number(&cells[REGION_BAR], bar < 0 ? 0 : (uint64_t)bar);
	cells[REGION_BAR].none = bar < 0;
	cell_number(&cells[REGION_OFFSET], mmiod_region_offset(region));
	cell_number(&cells[REGION_SIZE], mmiod_region_length(region));
	cell_optional(&cells[REGION_WIDTH], mmiod_region_width(region) * 8);
	cell_text(&cells[REGION_MEMTYPE],
		  ports ? "ports" : memtype_word(mmiod_region_memtype(region)));
	cell_text(&cells[REGION_MEMTYPES], memtypes);
	cell_text(&cells[REGION_RIGHTS], rights_word(mmiod_region_rights(region)));
	cell_text(&cells[REGION_STATE], region_state(region));
	cell_text(&cells[REGION_MAPPABLE], region_owns_pages(region) ? "yes" : "no");
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
	int status = table_begin(&table, context, region_columns, region_column_count, "regions");

	for (size_t i = 0; !status && i < mmiod_region_list_count(list); i++) {
		struct cell cells[REGION_COLUMNS] = { 0 };

		fill_region(mmiod_region_list_get(list, i), cells);
		status = table_row(&table, cells);
	}
	return table_end(&table, status);
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
	.options = table_options,
	.run = verb_list,
	.columns = region_columns,
	.column_count = &region_column_count,
	.examples = { { "list", "which regions there are" },
		      { "list -o NAME --no-headings", "their names, for scripts" },
		      { "list --output-all --json", "everything about them" } },
};
