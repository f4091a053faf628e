/* SPDX-License-Identifier: MIT */
/*
 * mmioctl mappings: which process maps which window where. Mappings that /proc does not let the
 * caller see, the ledger still counts.
 */
#include "system/window-mapping.h"
#include "verb.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct mappings_options {
	const char *pid;
	const char *device;
} options;

static const struct verb_option option_rows[] = {
	TABLE_OPTIONS,
	{ "pid", 0, "N", "only of this process", TEXT(struct mappings_options, pid) },
	{ "device", 0, "DEVICE", "only of this device, or of this region",
	  TEXT(struct mappings_options, device) },
	{ 0 },
};

enum {
	MAPPING_PID,
	MAPPING_USER,
	MAPPING_COMMAND,
	MAPPING_ADDRESS,
	MAPPING_LEASE,
	MAPPING_DEVICE,
	MAPPING_REGION,
	MAPPING_OFFSET,
	MAPPING_SIZE,
	MAPPING_PROT,
	MAPPING_MEMTYPE,
	MAPPING_STATE,
	MAPPING_AGE,
	MAPPING_COLUMNS,
};

static const struct column mapping_columns[] = {
	[MAPPING_PID] = { "PID", CELL_NUMBER, true, "the process; -: some that you may not see" },
	[MAPPING_USER] = { "USER", CELL_TEXT, true, "whose it is" },
	[MAPPING_COMMAND] = { "COMMAND", CELL_TEXT, true, "its name" },
	[MAPPING_ADDRESS] = { "ADDRESS", CELL_HEX, true, "where it maps it" },
	[MAPPING_LEASE] = { "LEASE", CELL_NUMBER, true, "number of the lease" },
	[MAPPING_DEVICE] = { "DEVICE", CELL_TEXT, false, "PCI address, range or simulation" },
	[MAPPING_REGION] = { "REGION", CELL_TEXT, true, "the region, or kind of kernel memory" },
	[MAPPING_OFFSET] = { "OFFSET", CELL_HEX, true, "where in it the mapping starts" },
	[MAPPING_SIZE] = { "SIZE", CELL_SIZE, true, "length of the mapping" },
	[MAPPING_PROT] = { "PROT", CELL_TEXT, true, "r: loads, w: stores" },
	[MAPPING_MEMTYPE] = { "CACHE", CELL_TEXT, true, "memory type" },
	[MAPPING_STATE] = { "STATE", CELL_TEXT, true, "ok, suspended or revoked" },
	[MAPPING_AGE] = { "AGE", CELL_AGE, true, "since the lease was granted" },
};
static const size_t mapping_column_count = MAPPING_COLUMNS;

struct view {
	struct context *context;
	struct window_mappings mappings;
	struct mmiod_lease_list *leases; /* NULL: no daemon */
	struct mmiod_region_list *regions;
	struct table table;
	uint32_t only;
};

static const struct mmiod_lease_info *find_lease(const struct view *view, uint64_t id)
{
	for (size_t i = 0; id && view->leases && i < mmiod_lease_list_count(view->leases); i++)
		if (mmiod_lease_info_id(mmiod_lease_list_get(view->leases, i)) == id)
			return mmiod_lease_list_get(view->leases, i);
	return NULL;
}

static const char *device_of(const struct view *view, const char *name)
{
	for (size_t i = 0; view->regions && i < mmiod_region_list_count(view->regions); i++) {
		const struct mmiod_region *region = mmiod_region_list_get(view->regions, i);

		if (!strcmp(mmiod_region_name(region), name))
			return mmiod_region_device(region);
	}
	return "";
}

static bool is_wanted(const struct view *view, const char *region)
{
	const char *device = options.device;

	return !device || !strcmp(device, region) || !strcmp(device, device_of(view, region));
}

static void fill_age(const struct mmiod_lease_info *info, struct cell *cell)
{
	uint64_t now = (uint64_t)time(NULL), started = info ? mmiod_lease_info_started(info) : 0;

	cell_number(cell, now > started ? now - started : 0);
	cell->none = !info;
}

static int add_mapping(struct view *view, const struct window_mapping *mapping)
{
	const struct segment *segment = &mapping->segment;
	struct cell cells[MAPPING_COLUMNS] = { 0 };
	char user[64], prot[3] = { segment->mode[0], segment->mode[1], '\0' };

	if (!is_wanted(view, mapping->window.origin))
		return 0;
	user_name(mapping->uid, user, sizeof(user));
	cell_number(&cells[MAPPING_PID], mapping->pid);
	cell_text(&cells[MAPPING_USER], user);
	cell_text(&cells[MAPPING_COMMAND], mapping->comm);
	cell_number(&cells[MAPPING_ADDRESS], segment->start);
	cell_optional(&cells[MAPPING_LEASE], mapping->lease);
	cell_text(&cells[MAPPING_DEVICE], device_of(view, mapping->window.origin));
	cell_text(&cells[MAPPING_REGION], mapping->window.origin);
	cell_number(&cells[MAPPING_OFFSET], mapping->window.start + segment->offset);
	cell_number(&cells[MAPPING_SIZE], segment->end - segment->start);
	cell_text(&cells[MAPPING_PROT], prot);
	cell_text(&cells[MAPPING_MEMTYPE], memtype_word(mapping->memtype));
	cell_text(&cells[MAPPING_STATE], mapping->lease ? state_word(mapping->state) : "");
	fill_age(find_lease(view, mapping->lease), &cells[MAPPING_AGE]);
	return table_row(&view->table, cells);
}

static bool is_seen(const struct view *view, uint64_t lease)
{
	for (size_t i = 0; i < view->mappings.count; i++)
		if (view->mappings.items[i].lease == lease)
			return true;
	return false;
}

/* A lease that is mapped, but by none of the processes that could be looked into. */
static int add_unseen(struct view *view, const struct mmiod_lease_info *info)
{
	enum mmiod_memory memory = mmiod_lease_info_memory(info);
	const char *region =
		memory == MMIOD_MEMORY_REGION ? mmiod_lease_info_region(info) : memory_word(memory);
	struct cell cells[MAPPING_COLUMNS] = { 0 };
	char user[64];

	if (!mmiod_lease_info_mappings(info) || is_seen(view, mmiod_lease_info_id(info)) ||
	    !is_wanted(view, region))
		return 0;
	user_name(mmiod_lease_info_uid(info), user, sizeof(user));
	cells[MAPPING_PID].none = cells[MAPPING_ADDRESS].none = cells[MAPPING_PROT].none = true;
	cell_text(&cells[MAPPING_USER], user);
	cell_text(&cells[MAPPING_COMMAND], mmiod_lease_info_comm(info));
	cell_number(&cells[MAPPING_LEASE], mmiod_lease_info_id(info));
	cell_text(&cells[MAPPING_DEVICE], device_of(view, region));
	cell_text(&cells[MAPPING_REGION], region);
	cell_place(&cells[MAPPING_OFFSET], mmiod_lease_info_offset(info));
	cell_number(&cells[MAPPING_SIZE], mmiod_lease_info_length(info));
	cell_text(&cells[MAPPING_MEMTYPE], memtype_word(mmiod_lease_info_memtype(info)));
	cell_text(&cells[MAPPING_STATE], state_word(mmiod_lease_info_state(info)));
	fill_age(info, &cells[MAPPING_AGE]);
	return table_row(&view->table, cells);
}

static int print_view(struct view *view)
{
	size_t leases = view->leases ? mmiod_lease_list_count(view->leases) : 0;
	int status = table_begin(&view->table, view->context, mapping_columns, mapping_column_count,
				 "mappings");

	for (size_t i = 0; !status && i < view->mappings.count; i++)
		status = add_mapping(view, &view->mappings.items[i]);
	for (size_t i = 0; !status && !view->only && i < leases; i++)
		status = add_unseen(view, mmiod_lease_list_get(view->leases, i));
	return table_end(&view->table, status);
}

static void say_limits(const struct view *view)
{
	struct mmiod_status status;

	if (!view->context->client)
		note(view->context, "no daemon (%s): leases and their state are missing",
		     mmiod_client_error(NULL));
	else if (!mmiod_client_status(view->context->client, &status) &&
		 status.backend == MMIOD_BACKEND_SIMULATION)
		note(view->context, "simulation cannot see who maps its memory files");
	if (view->mappings.closed && !view->only)
		note(view->context, "%zu process%s of others could not be looked into",
		     view->mappings.closed, view->mappings.closed == 1 ? "" : "es");
}

static int verb_mappings(struct context *context, int argc, char **argv)
{
	struct view view = { .context = context };
	int status = options.pid ? parse_pid(context, options.pid, &view.only) : 0;

	if (status)
		return status;
	if (view.only && !process_is_there(view.only))
		return report(context, -ENOENT, "there is no process %u", view.only);
	if (!mmiod_client_connect(context->socket, &context->client)) {
		mmiod_client_list_leases(context->client, &view.leases);
		mmiod_client_list_regions(context->client, &view.regions);
	}
	status = find_window_mappings(context, view.only, &view.mappings);
	if (!status)
		status = print_view(&view);
	if (!status)
		say_limits(&view);
	free_window_mappings(&view.mappings);
	mmiod_lease_list_free(view.leases);
	mmiod_region_list_free(view.regions);
	return status;
}

const struct verb mappings_verb = {
	.name = "mappings",
	.arguments = "",
	.summary = "which process maps which window where",
	.group = GROUP_SEE,
	.options = option_rows,
	.values = &options,
	.run = verb_mappings,
	.columns = mapping_columns,
	.column_count = &mapping_column_count,
	.examples = { { "mappings", "of all processes that you may look into" },
		      { "mappings --pid 4711", "of one" },
		      { "mappings --device 0000:01:00.0", "of one device, or one region" } },
	.more = "A user sees their own processes, root all. A lease that is mapped by others\n"
		"only has a line without PID.",
};
