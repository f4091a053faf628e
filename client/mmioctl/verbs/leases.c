/* SPDX-License-Identifier: MIT */
/*
 * mmioctl leases: the leases that policy lets the caller see.
 */
#include "target/target.h"
#include "verb.h"

#include <inttypes.h>
#include <string.h>

enum lease_column {
	LEASE_ID,
	LEASE_KIND,
	LEASE_REGION,
	LEASE_OFFSET,
	LEASE_LENGTH,
	LEASE_EXTENTS,
	LEASE_RIGHTS,
	LEASE_MEMTYPE,
	LEASE_WIDTH,
	LEASE_SHARE,
	LEASE_STATE,
	LEASE_USER,
	LEASE_UID,
	LEASE_PID,
	LEASE_COMMAND,
	LEASE_UNIT,
	LEASE_TENANT,
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
	LEASE_OPERATION,
	LEASE_IOVA,
	LEASE_COLUMNS,
};

static const struct column lease_columns[] = {
	[LEASE_ID] = { "ID", CELL_NUMBER, true, "number of the lease" },
	[LEASE_KIND] = { "KIND", CELL_TEXT, true,
			 "region, or pages, kmalloc, vmalloc, dma; interrupt, device" },
	[LEASE_REGION] = { "REGION", CELL_TEXT, true,
			   "name of the region, or device; other kernel memory has none" },
	[LEASE_OFFSET] = { "OFFSET", CELL_HEX, true, "where the window starts in it; the vector" },
	[LEASE_LENGTH] = { "LENGTH", CELL_HEX, true, "length of the window" },
	[LEASE_EXTENTS] = { "EXTENTS", CELL_NUMBER, false,
			    "in how many places it lies; show LEASE lists them" },
	[LEASE_RIGHTS] = { "RIGHTS", CELL_TEXT, true, "r or rw" },
	[LEASE_MEMTYPE] = { "CACHE", CELL_TEXT, true, "memory type" },
	[LEASE_WIDTH] = { "WIDTH", CELL_NUMBER, false, "width of an access, in bits" },
	[LEASE_SHARE] = { "SHARE", CELL_TEXT, true, "what others may do meanwhile" },
	[LEASE_STATE] = { "STATE", CELL_TEXT, true, "ok, suspended, revoked, ending, or parked" },
	[LEASE_USER] = { "USER", CELL_TEXT, true, "who holds it" },
	[LEASE_UID] = { "UID", CELL_NUMBER, false, "likewise, as a number" },
	[LEASE_PID] = { "PID", CELL_NUMBER, true, "process that asked for it" },
	[LEASE_COMMAND] = { "COMMAND", CELL_TEXT, true, "its name" },
	[LEASE_MAPPINGS] = { "MAPPINGS", CELL_NUMBER, true, "mappings now, in all processes" },
	[LEASE_UNIT] = { "UNIT", CELL_TEXT, false, "its systemd unit" },
	[LEASE_TENANT] = { "TENANT", CELL_TEXT, false, "by whose socket it came, if by one" },
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
	[LEASE_OPERATION] = { "OPERATION", CELL_NUMBER, false,
			      "dma: lease of the device file that it is for" },
	[LEASE_IOVA] = { "IOVA", CELL_HEX, false, "dma: where that device finds it" },
};
static const size_t lease_column_count = LEASE_COLUMNS;

static void fill_terms(const struct mmiod_lease_info *info, struct cell *cells)
{
	cell_number(&cells[LEASE_LEFT], (mmiod_lease_info_left_ms(info) + 999) / 1000);
	cells[LEASE_LEFT].none = !mmiod_lease_info_time_ms(info);
	cell_text(&cells[LEASE_RENEWS], !mmiod_lease_info_time_ms(info) ? "-"
					: mmiod_lease_info_renews(info) ? "yes"
									: "no");
	cell_number(&cells[LEASE_STARTED], mmiod_lease_info_started(info));
}

/* Memory for a device. */
static void fill_dma(const struct mmiod_lease_info *info, struct cell *cells)
{
	cell_number(&cells[LEASE_OPERATION], mmiod_lease_info_operation(info));
	cells[LEASE_OPERATION].none = !mmiod_lease_info_operation(info);
	cell_number(&cells[LEASE_IOVA], mmiod_lease_info_iova(info));
	cells[LEASE_IOVA].none = mmiod_lease_info_iova(info) == MMIOD_NO_IOVA;
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
	cell_place(&cells[LEASE_OFFSET], mmiod_lease_info_offset(info));
	cell_number(&cells[LEASE_EXTENTS], mmiod_lease_info_extents(info));
	cell_number(&cells[LEASE_LENGTH], mmiod_lease_info_length(info));
	cell_text(&cells[LEASE_RIGHTS], rights_word(mmiod_lease_info_rights(info)));
	cell_text(&cells[LEASE_MEMTYPE], memtype_word(mmiod_lease_info_memtype(info)));
	cell_optional(&cells[LEASE_WIDTH], mmiod_lease_info_width(info) * 8);
	cell_text(&cells[LEASE_SHARE], share_word(mmiod_lease_info_share(info)));
	cells[LEASE_SHARE].none = mmiod_lease_info_kind(info) == MMIOD_KIND_DEVICE;
	cell_text(&cells[LEASE_STATE], lease_state_word(info));
	cell_number(&cells[LEASE_MAPPINGS], mmiod_lease_info_mappings(info));
	cell_number(&cells[LEASE_FAULTS], mmiod_lease_info_faults(info));
	cell_number(&cells[LEASE_POPULATED], mmiod_lease_info_populated(info));
	cell_number(&cells[LEASE_READS], mmiod_lease_info_reads(info));
	cell_number(&cells[LEASE_WRITES], mmiod_lease_info_writes(info));
	cell_text(&cells[LEASE_KIND],
		  lease_kind_word(mmiod_lease_info_kind(info), mmiod_lease_info_memory(info)));
	cell_text(&cells[LEASE_CHOSEN], mmiod_lease_info_allocated(info) ? "allocator" : "holder");
	cell_text(&cells[LEASE_UNIT], mmiod_lease_info_unit(info));
	cell_text(&cells[LEASE_TENANT], mmiod_lease_info_tenant(info));
	holder_cells(info, &cells[LEASE_USER], &cells[LEASE_UID], &cells[LEASE_PID],
		     &cells[LEASE_COMMAND], &cells[LEASE_AGE]);
	fill_terms(info, cells);
	fill_dma(info, cells);
}

static int lease_row(void *data, const struct mmiod_lease_info *info)
{
	struct cell cells[LEASE_COLUMNS];
	struct table *table = data;

	cells_clear(cells, LEASE_COLUMNS);
	fill_lease(info, cells);
	if (table_shows(table, LEASE_FAULT_LEAVES))
		fill_leaves(&cells[LEASE_FAULT_LEAVES], mmiod_lease_info_fault_leaves, info);
	if (table_shows(table, LEASE_POPULATED_LEAVES))
		fill_leaves(&cells[LEASE_POPULATED_LEAVES], mmiod_lease_info_populated_leaves,
			    info);
	return table_row(table, cells);
}

static int verb_leases(struct context *context, int argc, char **argv)
{
	struct table table;
	int status = client_open(context);

	if (status)
		return status;
	status = table_begin(&table, context, lease_columns, lease_column_count, "leases");
	if (!status)
		status = each_lease(context, lease_row, &table);
	return table_end(&table, status);
}

const struct verb leases_verb = {
	.name = "leases",
	.arguments = "",
	.summary = "the leases that you may see",
	.group = GROUP_SEE,
	.options = table_options,
	.run = verb_leases,
	.columns = lease_columns,
	.column_count = &lease_column_count,
	.examples = { { "leases", "who holds what" },
		      { "leases --json", "likewise, for programs" } },
};
