/* SPDX-License-Identifier: MIT */
/*
 * mmioctl show TARGET: one region, and who holds what of it.
 */
#include "target/target.h"
#include "verb.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define HIDDEN "hidden: it needs the inspect right"

struct holders {
	const struct mmiod_region *region;
	const char *heading; /* of the next line */
	struct table table; /* with --json */
};

static bool is_of(const struct mmiod_lease_info *info, const struct mmiod_region *region)
{
	return lease_is_in_region(info, mmiod_region_name(region));
}

static const char *region_state(const struct mmiod_region *region)
{
	enum mmiod_state state = mmiod_region_state(region);

	return state == MMIOD_STATE_REVOKED ? "missing" : state_word(state);
}

/* ---- text ---- */

static void print_device(const struct mmiod_region *region)
{
	printf("%16s %s", "Device:", mmiod_region_device(region));
	if (mmiod_region_vendor(region))
		printf(" [%04x:%04x]", mmiod_region_vendor(region), mmiod_region_product(region));
	if (mmiod_region_model(region)[0])
		printf(" %s", mmiod_region_model(region));
	printf(", generation %u, %s\n", mmiod_region_generation(region), region_state(region));
}

static bool is_missing(const struct mmiod_region *region)
{
	return mmiod_region_state(region) == MMIOD_STATE_REVOKED;
}

/* A window of a part of a page cannot be mapped: the rest of the page would be mapped with it. */
static const char *unmappable(const struct mmiod_region *region)
{
	if (mmiod_region_is_ports(region))
		return "; I/O ports: read and written, but never mapped";
	return region_owns_pages(region) ? ""
					 : "; no whole pages: read and written, but never mapped";
}

static void print_access(const struct mmiod_region *region)
{
	unsigned int width = mmiod_region_width(region);
	char memtypes[16];

	printf("%16s %s, ", "Access:", rights_word(mmiod_region_rights(region)));
	memtypes_words(mmiod_region_memtypes(region), memtypes, sizeof(memtypes));
	if (!mmiod_region_is_ports(region))
		printf("cache %s (of %s), ", memtype_word(mmiod_region_memtype(region)),
		       memtypes[0] ? memtypes : "-");
	if (width)
		printf("%u bits only%s\n", width * 8, unmappable(region));
	else
		printf("%s%s\n", mmiod_region_is_ports(region) ? "8, 16 or 32 bits" : "any width",
		       unmappable(region));
}

static void print_range(const struct mmiod_region *region, bool inspect)
{
	uint64_t length = mmiod_region_length(region), offset = mmiod_region_offset(region);
	char size[32];

	size_words(length, size, sizeof(size));
	if (mmiod_region_bar(region) >= 0)
		printf("%16s bar%d+0x%llx/0x%llx (%s)\n", "Range:", mmiod_region_bar(region),
		       (unsigned long long)offset, (unsigned long long)length, size);
	else
		printf("%16s 0x%llx bytes (%s)\n", "Range:", (unsigned long long)length, size);
	if (mmiod_region_phys(region))
		printf("%16s 0x%llx\n", mmiod_region_is_ports(region) ? "First port:" : "Physical:",
		       (unsigned long long)mmiod_region_phys(region));
	else
		printf("%16s %s\n", "Physical:", inspect ? "none" : HIDDEN);
	print_access(region);
}

static int print_holder(void *data, const struct mmiod_lease_info *info)
{
	struct holders *holders = data;
	char user[64], since[32], place[48];
	bool is_ok = !strcmp(lease_state_word(info), "ok");

	if (!is_of(info, holders->region))
		return STATUS_OK;
	user_name(mmiod_lease_info_uid(info), user, sizeof(user));
	time_words(mmiod_lease_info_started(info), since, sizeof(since));
	if (mmiod_lease_info_extents(info) > 1)
		snprintf(place, sizeof(place), "%u extents,", mmiod_lease_info_extents(info));
	else
		snprintf(place, sizeof(place), "+0x%llx",
			 (unsigned long long)mmiod_lease_info_offset(info));
	printf("%16s lease %llu, %s/0x%llx %s %s %s, %s pid %u %s, since %s, %u mappings%s%s\n",
	       holders->heading, (unsigned long long)mmiod_lease_info_id(info), place,
	       (unsigned long long)mmiod_lease_info_length(info),
	       rights_word(mmiod_lease_info_rights(info)),
	       memtype_word(mmiod_lease_info_memtype(info)),
	       share_word(mmiod_lease_info_share(info)), user, mmiod_lease_info_pid(info),
	       mmiod_lease_info_comm(info), since, mmiod_lease_info_mappings(info),
	       is_ok ? "" : ", ", is_ok ? "" : lease_state_word(info));
	holders->heading = "";
	return STATUS_OK;
}

static int print_holders(const struct context *context, const struct mmiod_region *region)
{
	struct holders holders = { .region = region, .heading = "Held by:" };
	int status = each_lease(context, print_holder, &holders);

	if (!status && holders.heading[0])
		printf("%16s %s\n", holders.heading,
		       mmiod_region_leases(region) ? "others, which only the inspect right shows"
						   : "nobody");
	return status;
}

/* ---- JSON ---- */

enum holder_column {
	HOLDER_LEASE,
	HOLDER_OFFSET,
	HOLDER_LENGTH,
	HOLDER_RIGHTS,
	HOLDER_MEMTYPE,
	HOLDER_SHARE,
	HOLDER_USER,
	HOLDER_UID,
	HOLDER_PID,
	HOLDER_COMMAND,
	HOLDER_STARTED,
	HOLDER_MAPPINGS,
	HOLDER_STATE,
	HOLDER_COLUMNS,
};

static const struct column holder_columns[] = {
	[HOLDER_LEASE] = { "LEASE", CELL_NUMBER, true, "" },
	[HOLDER_OFFSET] = { "OFFSET", CELL_HEX, true, "" },
	[HOLDER_LENGTH] = { "LENGTH", CELL_HEX, true, "" },
	[HOLDER_RIGHTS] = { "RIGHTS", CELL_TEXT, true, "" },
	[HOLDER_MEMTYPE] = { "CACHE", CELL_TEXT, true, "" },
	[HOLDER_SHARE] = { "SHARE", CELL_TEXT, true, "" },
	[HOLDER_USER] = { "USER", CELL_TEXT, true, "" },
	[HOLDER_UID] = { "UID", CELL_NUMBER, true, "" },
	[HOLDER_PID] = { "PID", CELL_NUMBER, true, "" },
	[HOLDER_COMMAND] = { "COMMAND", CELL_TEXT, true, "" },
	[HOLDER_STARTED] = { "STARTED", CELL_TIME, true, "" },
	[HOLDER_MAPPINGS] = { "MAPPINGS", CELL_NUMBER, true, "" },
	[HOLDER_STATE] = { "STATE", CELL_TEXT, true, "" },
};

static void fill_holder(const struct mmiod_lease_info *info, struct cell *cells)
{
	char user[64];

	user_name(mmiod_lease_info_uid(info), user, sizeof(user));
	cell_number(&cells[HOLDER_LEASE], mmiod_lease_info_id(info));
	cell_place(&cells[HOLDER_OFFSET], mmiod_lease_info_offset(info));
	cell_number(&cells[HOLDER_LENGTH], mmiod_lease_info_length(info));
	cell_text(&cells[HOLDER_RIGHTS], rights_word(mmiod_lease_info_rights(info)));
	cell_text(&cells[HOLDER_MEMTYPE], memtype_word(mmiod_lease_info_memtype(info)));
	cell_text(&cells[HOLDER_SHARE], share_word(mmiod_lease_info_share(info)));
	cell_text(&cells[HOLDER_USER], user);
	cell_number(&cells[HOLDER_UID], mmiod_lease_info_uid(info));
	cell_number(&cells[HOLDER_PID], mmiod_lease_info_pid(info));
	cell_text(&cells[HOLDER_COMMAND], mmiod_lease_info_comm(info));
	cell_number(&cells[HOLDER_STARTED], mmiod_lease_info_started(info));
	cell_number(&cells[HOLDER_MAPPINGS], mmiod_lease_info_mappings(info));
	cell_text(&cells[HOLDER_STATE], lease_state_word(info));
}

static int add_holder(void *data, const struct mmiod_lease_info *info)
{
	struct holders *holders = data;
	struct cell cells[HOLDER_COLUMNS];

	if (!is_of(info, holders->region))
		return STATUS_OK;
	cells_clear(cells, HOLDER_COLUMNS);
	fill_holder(info, cells);
	return table_row(&holders->table, cells);
}

static json_t *region_json(const struct mmiod_region *region, bool inspect)
{
	int bar = mmiod_region_bar(region);
	uint64_t phys = mmiod_region_phys(region);
	unsigned int width = mmiod_region_width(region);
	json_t *root = json_pack("{s:i, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:b}", "schema",
				 JSON_SCHEMA, "region", mmiod_region_name(region), "device",
				 mmiod_region_device(region), "model", mmiod_region_model(region),
				 "bar", bar < 0 ? json_null() : json_integer(bar), "offset",
				 json_number(mmiod_region_offset(region)), "size",
				 json_number(mmiod_region_length(region)), "physical",
				 phys ? json_number(phys) : json_null(), "hidden", !inspect);

	json_object_update_new(root,
			       json_pack("{s:s, s:s, s:o, s:s, s:I, s:I}", "rights",
					 rights_word(mmiod_region_rights(region)), "cache",
					 mmiod_region_is_ports(region)
						 ? "ports"
						 : memtype_word(mmiod_region_memtype(region)),
					 "width", width ? json_integer(width * 8) : json_null(),
					 "state", region_state(region), "generation",
					 (json_int_t)mmiod_region_generation(region), "leases",
					 (json_int_t)mmiod_region_leases(region)));
	return root;
}

static int print_json(const struct context *context, const struct mmiod_region *region,
		      bool inspect)
{
	struct holders holders = { .region = region };
	int status =
		table_begin(&holders.table, context, holder_columns, HOLDER_COLUMNS, "holders");

	table_set_head(&holders.table, region_json(region, inspect));
	if (!status)
		status = each_lease(context, add_holder, &holders);
	return table_end(&holders.table, status);
}

/* ---- both ---- */

static int show(const struct context *context, const struct mmiod_region *region)
{
	struct mmiod_status status;
	int err = mmiod_client_status(context->client, &status);

	if (err)
		return report_client(context, err);
	if (context->json)
		return print_json(context, region, status.inspect);
	printf("region %s\n", mmiod_region_name(region));
	print_device(region);
	if (is_missing(region))
		printf("%16s %s\n", "Missing:", target_missing(context, region));
	print_range(region, status.inspect);
	return print_holders(context, region);
}

int show_region(struct context *context, const char *text)
{
	return target_region(context, text, show);
}
