/* SPDX-License-Identifier: MIT */
/*
 * mmioctl buffers: the leases of kernel memory that policy lets the caller see.
 */
#include "target/target.h"
#include "verb.h"

#include <errno.h>
#include <string.h>

enum buffer_column {
	BUFFER_LEASE,
	BUFFER_KIND,
	BUFFER_SIZE,
	BUFFER_CAPACITY,
	BUFFER_RUNS,
	BUFFER_ZONE,
	BUFFER_NODE,
	BUFFER_PRESENT,
	BUFFER_STATE,
	BUFFER_USER,
	BUFFER_UID,
	BUFFER_PID,
	BUFFER_COMMAND,
	BUFFER_AGE,
	BUFFER_COLUMNS,
};

static const struct column buffer_columns[] = {
	[BUFFER_LEASE] = { "LEASE", CELL_NUMBER, true, "number of the lease" },
	[BUFFER_KIND] = { "KIND", CELL_TEXT, true, "pages, kmalloc, vmalloc or dma" },
	[BUFFER_SIZE] = { "SIZE", CELL_SIZE, true, "what its holder can use" },
	[BUFFER_CAPACITY] = { "CAPACITY", CELL_SIZE, true,
			      "what the kernel's rounding made of it" },
	[BUFFER_RUNS] = { "RUNS", CELL_NUMBER, true, "physically contiguous pieces" },
	[BUFFER_ZONE] = { "ZONE", CELL_TEXT, true, "as asked for: any, dma32 or dma" },
	[BUFFER_NODE] = { "NODE", CELL_NUMBER, false, "NUMA node as asked for" },
	[BUFFER_PRESENT] = { "PRESENT", CELL_TEXT, false, "no: nobody has used it yet" },
	[BUFFER_STATE] = { "STATE", CELL_TEXT, true, "ok, suspended or revoked" },
	[BUFFER_USER] = { "USER", CELL_TEXT, true, "who holds it" },
	[BUFFER_UID] = { "UID", CELL_NUMBER, false, "likewise, as a number" },
	[BUFFER_PID] = { "PID", CELL_NUMBER, true, "process that asked for it" },
	[BUFFER_COMMAND] = { "COMMAND", CELL_TEXT, true, "its name" },
	[BUFFER_AGE] = { "AGE", CELL_AGE, true, "since it was granted" },
};
static const size_t buffer_column_count = BUFFER_COLUMNS;

static int fill_row(struct table *table, const struct mmiod_lease_info *info,
		    const struct mmiod_buffer *buffer)
{
	struct cell cells[BUFFER_COLUMNS] = { 0 };

	holder_cells(info, &cells[BUFFER_USER], &cells[BUFFER_UID], &cells[BUFFER_PID],
		     &cells[BUFFER_COMMAND], &cells[BUFFER_AGE]);
	cell_number(&cells[BUFFER_LEASE], mmiod_lease_info_id(info));
	cell_text(&cells[BUFFER_STATE], state_word(mmiod_lease_info_state(info)));
	cell_text(&cells[BUFFER_KIND], memory_word(buffer->memory));
	cell_number(&cells[BUFFER_SIZE], buffer->length);
	cell_optional(&cells[BUFFER_CAPACITY], buffer->capacity);
	cell_optional(&cells[BUFFER_RUNS], buffer->runs);
	cell_text(&cells[BUFFER_ZONE], zone_word(buffer->zone));
	cell_number(&cells[BUFFER_NODE], buffer->node < 0 ? 0 : (uint64_t)buffer->node);
	cells[BUFFER_NODE].none = buffer->node < 0;
	cell_text(&cells[BUFFER_PRESENT], buffer->present ? "yes" : "no");
	return table_row(table, cells);
}

static int buffer_row(void *data, const struct mmiod_lease_info *info)
{
	struct table *table = data;
	const struct context *context = table->context;
	struct mmiod_buffer buffer;
	int err;

	if (mmiod_lease_info_memory(info) == MMIOD_MEMORY_REGION)
		return STATUS_OK;
	err = mmiod_client_buffer(context->client, mmiod_lease_info_id(info), 0, &buffer);
	if (err == -ENOENT)
		return STATUS_OK; /* it has ended since it was listed */
	return err ? report_client(context, err) : fill_row(table, info, &buffer);
}

static int verb_buffers(struct context *context, int argc, char **argv)
{
	struct table table;
	int status = client_open(context);

	if (status)
		return status;
	status = table_begin(&table, context, buffer_columns, buffer_column_count, "buffers");
	if (!status)
		status = each_lease(context, buffer_row, &table);
	return table_end(&table, status);
}

const struct verb buffers_verb = {
	.name = "buffers",
	.arguments = "",
	.summary = "the leases of kernel memory",
	.group = GROUP_SEE,
	.options = table_options,
	.run = verb_buffers,
	.columns = buffer_columns,
	.column_count = &buffer_column_count,
	.examples = { { "buffers", "whose they are, and how large" } },
};
