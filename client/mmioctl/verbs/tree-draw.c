/* SPDX-License-Identifier: MIT */
/*
 * The nodes of mmioctl tree as a table with branches and as JSON. tree-svg.c draws the picture.
 */
#include "target/vector.h"
#include "verbs/tree.h"

#include <langinfo.h>
#include <string.h>

/* ---- as a table ---- */

struct branches {
	const char *more, *last; /* to a node */
	const char *past, *none; /* past it */
};

/* Those of libsmartcols. */
static const struct branches *choose_branches(void)
{
	static const struct branches letters = { "|-", "`-", "| ", "  " };
	static const struct branches lines = { "├─", "└─", "│ ", "  " };
	static const struct branches *chosen;

	if (!chosen)
		chosen = strcmp(nl_langinfo(CODESET), "UTF-8") ? &letters : &lines;
	return chosen;
}

static void put_name(const struct tree_node *node, struct cell *cell)
{
	const struct branches *branches = choose_branches();
	char *at = cell->text;

	for (unsigned int i = 1; i <= node->depth; i++) {
		bool more = node->more & 1u << i;

		if (i < node->depth)
			at = stpcpy(at, more ? branches->past : branches->none);
		else
			at = stpcpy(at, more ? branches->more : branches->last);
	}
	strcpy(at, node->name);
}

static int put_row(struct tree_drawing *drawing, const struct tree_node *node)
{
	struct cell cells[TREE_COLUMNS];
	uint64_t size;

	cells_clear(cells, TREE_COLUMNS);
	put_name(node, &cells[TREE_NAME]);
	cells[TREE_SIZE].none = !tree_has_size(node, &size);
	if (!cells[TREE_SIZE].none)
		cell_number(&cells[TREE_SIZE], size);
	snprintf(cells[TREE_RIGHTS].text, sizeof(cells->text), "%s", tree_rights(node));
	snprintf(cells[TREE_MEMTYPE].text, sizeof(cells->text), "%s", tree_memtype(node));
	snprintf(cells[TREE_STATE].text, sizeof(cells->text), "%s", tree_state(node));
	tree_describe(node, cells[TREE_NOTE].text, sizeof(cells->text));
	return table_row(&drawing->table, cells);
}

/* ---- as JSON ---- */

static void put_place(struct json_writer *json, uint64_t offset)
{
	if (offset == UINT64_MAX)
		json_put_null(json, "offset");
	else
		json_put_number(json, "offset", offset);
}

static void put_words(struct json_writer *json, const struct tree_node *node)
{
	json_put_text(json, "rights", tree_rights(node));
	json_put_text(json, "cache", tree_memtype(node));
	json_put_text(json, "state", tree_state(node));
}

static void put_holder(struct json_writer *json, uint32_t uid, uint32_t pid, const char *comm)
{
	char user[64];

	user_name(uid, user, sizeof(user));
	json_put_text(json, "user", user);
	json_put_number(json, "pid", pid);
	json_put_text(json, "command", comm);
}

static void put_region(struct json_writer *json, const struct tree_node *node)
{
	json_put_number(json, "offset", mmiod_region_offset(node->region));
	json_put_number(json, "size", mmiod_region_length(node->region));
	put_words(json, node);
}

static void put_lease(struct json_writer *json, const struct tree_node *node)
{
	const struct tree_lease *lease = node->lease;

	json_put_number(json, "lease", lease->id);
	put_place(json, lease->offset);
	json_put_number(json, "size", lease->length);
	put_words(json, node);
	put_holder(json, lease->uid, lease->pid, lease->comm);
	json_put_number(json, "mappings", lease->mappings);
	if (lease->iova != MMIOD_NO_IOVA)
		json_put_number(json, "iova", lease->iova);
}

static void put_process(struct json_writer *json, const struct window_mapping *mapping)
{
	char user[64];

	user_name(mapping->uid, user, sizeof(user));
	json_put_number(json, "pid", mapping->pid);
	json_put_text(json, "user", user);
	json_put_number(json, "address", mapping->segment.start);
	json_put_number(json, "size", mapping->segment.end - mapping->segment.start);
}

static void put_operator(struct json_writer *json, const struct mmiod_device *device)
{
	char user[64];

	if (mmiod_device_operator(device))
		json_put_number(json, "operator", mmiod_device_operator(device));
	else
		json_put_null(json, "operator");
	if (!tree_has_operator(device, user, sizeof(user)))
		return;
	json_put_text(json, "operator_user", user);
	json_put_number(json, "operator_pid", mmiod_device_operator_pid(device));
	json_put_text(json, "operator_command", mmiod_device_operator_comm(device));
}

static void put_device(struct json_writer *json, const struct tree_node *node)
{
	const struct mmiod_device *device = node->device;

	json_put_text(json, "interrupt", irq_word(mmiod_device_interrupt(device)));
	json_put_number(json, "vectors", mmiod_device_vectors(device));
	json_put_bool(json, "master", mmiod_device_masters(device));
	json_put_bool(json, "trusted", mmiod_device_trusted(device));
	json_put_bool(json, "isolated", mmiod_device_isolated(device));
	json_put_text(json, "state", tree_state(node));
	json_put_text(json, "power", mmiod_device_sleeps(device) ? "d3" : "d0");
	put_operator(json, device);
}

static void put_vector(struct json_writer *json, const struct tree_node *node)
{
	const struct mmiod_vector *vector = node->vector;

	json_put_number(json, "vector", mmiod_vector_number(vector));
	json_put_text(json, "interrupt", irq_word(mmiod_vector_kind(vector)));
	json_put_number(json, "lease", mmiod_vector_lease(vector));
	json_put_number(json, "count", mmiod_vector_count(vector));
	json_put_text(json, "state", tree_state(node));
	put_holder(json, mmiod_vector_uid(vector), mmiod_vector_pid(vector),
		   mmiod_vector_comm(vector));
}

static void put_members(struct json_writer *json, const struct tree_node *node)
{
	if (node->kind == TREE_REGION)
		put_region(json, node);
	else if (node->kind == TREE_LEASE)
		put_lease(json, node);
	else if (node->kind == TREE_PROCESS)
		put_process(json, node->mapping);
	else if (node->kind == TREE_INTERRUPTS)
		put_device(json, node);
	else if (node->kind == TREE_VECTOR)
		put_vector(json, node);
	else if (node->kind == TREE_DEVICE && node->region)
		json_put_text(json, "model", mmiod_region_model(node->region));
}

/* Ends the nodes that are open from @depth on. */
static void close_nodes(struct tree_drawing *drawing, int depth)
{
	for (; drawing->depth >= depth; drawing->depth--) {
		json_end(&drawing->writer);
		if (drawing->depth > depth)
			json_end(&drawing->writer);
	}
}

static void begin_json(struct tree_drawing *drawing)
{
	if (drawing->writer.depth)
		return;
	json_begin_object(&drawing->writer, NULL);
	json_put_number(&drawing->writer, "schema", JSON_SCHEMA);
	json_begin_array(&drawing->writer, "devices");
}

static void put_object(struct tree_drawing *drawing, const struct tree_node *node)
{
	static const char *const kinds[] = {
		[TREE_DEVICE] = "device",   [TREE_BAR] = "bar",
		[TREE_REGION] = "region",   [TREE_LEASE] = "lease",
		[TREE_PROCESS] = "process", [TREE_INTERRUPTS] = "interrupts",
		[TREE_VECTOR] = "vector",   [TREE_MEMORY] = "memory",
	};
	struct json_writer *json = &drawing->writer;
	int depth = (int)node->depth;

	begin_json(drawing);
	if (depth > drawing->depth && depth)
		json_begin_array(json, "children");
	close_nodes(drawing, depth);
	json_begin_object(json, NULL);
	json_put_text(json, "kind", kinds[node->kind]);
	json_put_text(json, "name", node->name);
	put_members(json, node);
	drawing->depth = depth;
}

static void end_json(struct tree_drawing *drawing)
{
	begin_json(drawing);
	close_nodes(drawing, 0);
	json_end(&drawing->writer);
	json_end(&drawing->writer);
}

/* ---- all of them ---- */

int tree_begin(struct tree_drawing *drawing, const struct context *context, const char *svg)
{
	int status = STATUS_OK;

	*drawing = (struct tree_drawing){ .context = context, .svg = svg, .depth = -1 };
	drawing->in_json = context->json && !(svg && !strcmp(svg, "-"));
	if (svg)
		status = tree_picture_begin(context, &drawing->picture);
	if (status || svg || context->json)
		return status;
	drawing->in_table = true;
	status = table_begin(&drawing->table, context, tree_columns, TREE_COLUMNS, "");
	drawing->table.blank = true;
	return status;
}

int tree_put(struct tree_drawing *drawing, const struct tree_node *node)
{
	if (drawing->picture)
		tree_picture_put(drawing->picture, node);
	if (drawing->in_json)
		put_object(drawing, node);
	return drawing->in_table ? put_row(drawing, node) : STATUS_OK;
}

void tree_release(struct tree_drawing *drawing)
{
	if (drawing->in_table)
		table_release(&drawing->table);
	fflush(stdout);
}

int tree_end(struct tree_drawing *drawing, int status)
{
	if (drawing->picture)
		status = tree_picture_end(drawing->picture, drawing->svg, status);
	if (drawing->in_json && !status)
		end_json(drawing);
	return drawing->in_table ? table_end(&drawing->table, status) : status;
}
