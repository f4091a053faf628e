/* SPDX-License-Identifier: MIT */
/*
 * The drawings of mmioctl tree, from the nodes that it has made: a table with branches, and an SVG.
 */
#include "output/svg.h"
#include "verb.h"

#include <errno.h>
#include <libsmartcols.h>
#include <stdarg.h>
#include <string.h>

enum { TREE_NAME, TREE_SIZE, TREE_RIGHTS, TREE_MEMTYPE, TREE_STATE, TREE_NOTE, TREE_COLUMNS };

static const char *const names[TREE_COLUMNS] = {
	"NAME", "SIZE", "RIGHTS", "CACHE", "STATE", "NOTE"
};

static void set_text(struct libscols_line *line, size_t column, const json_t *node, const char *key)
{
	const char *text = json_string_value(json_object_get(node, key));

	if (text)
		scols_line_set_data(line, column, text);
}

static void add_words(char *out, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void add_words(char *out, size_t size, const char *format, ...)
{
	size_t used = strlen(out);
	va_list args;

	if (used)
		used += (size_t)snprintf(out + used, size - used, ", ");
	va_start(args, format);
	if (used < size)
		vsnprintf(out + used, size - used, format, args);
	va_end(args);
}

static void describe_device(const json_t *node, char *out, size_t size)
{
	long long vectors = (long long)json_integer_value(json_object_get(node, "vectors"));
	const char *user = json_string_value(json_object_get(node, "operator_user"));

	if (vectors)
		add_words(out, size, "%s, %lld vectors",
			  json_string_value(json_object_get(node, "interrupt")), vectors);
	if (json_is_true(json_object_get(node, "master")))
		add_words(out, size, "master");
	if (json_is_true(json_object_get(node, "trusted")))
		add_words(out, size, "trusted");
	if (json_is_true(json_object_get(node, "isolated")))
		add_words(out, size, "isolated");
	if (!strcmp(json_string_value(json_object_get(node, "power")), "d3"))
		add_words(out, size, "asleep");
	if (user)
		add_words(out, size, "operated by %s (pid %lld, %s)", user,
			  (long long)json_integer_value(json_object_get(node, "operator_pid")),
			  json_string_value(json_object_get(node, "operator_command")));
	else if (json_is_integer(json_object_get(node, "operator")))
		add_words(out, size, "operated by somebody");
}

static void describe(const json_t *node, char *out, size_t size)
{
	const char *kind = json_string_value(json_object_get(node, "kind"));
	const char *user = json_string_value(json_object_get(node, "user"));
	unsigned long long offset =
		(unsigned long long)json_integer_value(json_object_get(node, "offset"));

	out[0] = '\0';
	if (!strcmp(kind, "lease"))
		snprintf(out, size, "at 0x%llx, %s %lld %s", offset, user,
			 (long long)json_integer_value(json_object_get(node, "pid")),
			 json_string_value(json_object_get(node, "command")));
	else if (!strcmp(kind, "process"))
		snprintf(out, size, "at 0x%llx, %s",
			 (unsigned long long)json_integer_value(json_object_get(node, "address")),
			 user);
	else if (!strcmp(kind, "interrupts"))
		describe_device(node, out, size);
	else if (!strcmp(kind, "vector"))
		snprintf(out, size, "lease %lld, %lld so far, %s %lld %s",
			 (long long)json_integer_value(json_object_get(node, "lease")),
			 (long long)json_integer_value(json_object_get(node, "count")), user,
			 (long long)json_integer_value(json_object_get(node, "pid")),
			 json_string_value(json_object_get(node, "command")));
	else if (!strcmp(kind, "region") && offset)
		snprintf(out, size, "at 0x%llx", offset);
	else if (json_object_get(node, "model"))
		snprintf(out, size, "%s", json_string_value(json_object_get(node, "model")));
}

static bool size_text(const struct context *context, const json_t *node, char *out, size_t size)
{
	const json_t *bytes = json_object_get(node, "size");

	if (bytes && context->table.bytes)
		snprintf(out, size, "%lld", (long long)json_integer_value(bytes));
	else if (bytes)
		size_words((uint64_t)json_integer_value(bytes), out, size);
	return bytes;
}

/* ---- as a table ---- */

static int draw_node(const struct context *context, struct libscols_table *table,
		     struct libscols_line *parent, const json_t *node)
{
	struct libscols_line *line = scols_table_new_line(table, parent);
	const json_t *child;
	char text[256];
	int err = 0;
	size_t i;

	if (!line)
		return -ENOMEM;
	set_text(line, TREE_NAME, node, "name");
	set_text(line, TREE_RIGHTS, node, "rights");
	set_text(line, TREE_MEMTYPE, node, "cache");
	set_text(line, TREE_STATE, node, "state");
	if (size_text(context, node, text, sizeof(text)))
		scols_line_set_data(line, TREE_SIZE, text);
	describe(node, text, sizeof(text));
	scols_line_set_data(line, TREE_NOTE, text);
	json_array_foreach(json_object_get(node, "children"), i, child)
	{
		err = err ? err : draw_node(context, table, line, child);
	}
	return err;
}

static int draw_table(const struct context *context, const json_t *roots)
{
	struct libscols_table *table = scols_new_table();
	const json_t *node;
	int err = table ? 0 : -ENOMEM;
	size_t i;

	for (i = 0; !err && i < TREE_COLUMNS; i++)
		if (!scols_table_new_column(table, names[i], 0,
					    i == TREE_NAME   ? SCOLS_FL_TREE
					    : i == TREE_SIZE ? SCOLS_FL_RIGHT
							     : 0))
			err = -ENOMEM;
	scols_table_enable_noheadings(table, context->table.no_headings);
	json_array_foreach(roots, i, node)
	{
		err = err ? err : draw_node(context, table, NULL, node);
	}
	if (!err)
		scols_print_table(table);
	scols_unref_table(table);
	return err ? out_of_memory(context) : STATUS_OK;
}

/* ---- as an SVG ---- */

#define INDENT 18.0
#define SWATCH 10.0
#define SIZE_ROOM 66.0

/* Where the columns begin; that of sizes is where it ends. */
static const double columns[TREE_COLUMNS] = {
	SVG_MARGIN,	  SVG_MARGIN + 380, SVG_MARGIN + 396,
	SVG_MARGIN + 456, SVG_MARGIN + 516, SVG_MARGIN + 602
};

struct tree_drawing {
	struct svg svg;
	const struct context *context;
	json_t *owners; /* "user pid", in order of appearance */
};

static double room_of(size_t column)
{
	if (column == TREE_NOTE)
		return SVG_MARGIN + SVG_INNER - columns[TREE_NOTE];
	if (column == TREE_SIZE)
		return SIZE_ROOM;
	return (column == TREE_NAME ? columns[TREE_SIZE] - SIZE_ROOM : columns[column + 1]) -
	       columns[column] - 10;
}

static void put_cell(struct tree_drawing *drawing, size_t column, double indent, const char *text)
{
	if (text)
		svg_put_label(&drawing->svg,
			      &(struct svg_label){ .x = columns[column] + indent,
						   .y = drawing->svg.y + 14,
						   .room = room_of(column) - indent,
						   .anchor = column == TREE_SIZE ? "end" : "start",
						   .text = text });
}

/* Of a lease's holder; no holder: NULL. */
static const char *colour_of(struct tree_drawing *drawing, const json_t *node)
{
	const char *user = json_string_value(json_object_get(node, "user"));
	const json_t *pid = json_object_get(node, "pid"), *known;
	char owner[128];
	size_t i;

	if (!user || !json_object_get(node, "lease"))
		return NULL;
	snprintf(owner, sizeof(owner), "%s %lld", user, (long long)json_integer_value(pid));
	json_array_foreach(drawing->owners, i, known)
	{
		if (!strcmp(json_string_value(known), owner))
			return svg_paint_of(i).fill;
	}
	json_array_append_new(drawing->owners, json_string(owner));
	return svg_paint_of(i).fill;
}

static void put_node(struct tree_drawing *drawing, const json_t *node, double indent)
{
	const char *colour = colour_of(drawing, node);
	double middle = drawing->svg.y + SVG_ROW / 2, swatch = colour ? SWATCH + 6 : 0;
	const char *name = json_string_value(json_object_get(node, "name"));
	char text[256];

	if (colour)
		svg_put_box(&drawing->svg, &(struct svg_box){ .x = columns[TREE_NAME] + indent,
							      .y = middle - SWATCH / 2,
							      .width = SWATCH,
							      .height = SWATCH,
							      .fill = colour });
	put_cell(drawing, TREE_NAME, indent + swatch, name);
	if (size_text(drawing->context, node, text, sizeof(text)))
		put_cell(drawing, TREE_SIZE, 0, text);
	put_cell(drawing, TREE_RIGHTS, 0, json_string_value(json_object_get(node, "rights")));
	put_cell(drawing, TREE_MEMTYPE, 0, json_string_value(json_object_get(node, "cache")));
	put_cell(drawing, TREE_STATE, 0, json_string_value(json_object_get(node, "state")));
	describe(node, text, sizeof(text));
	put_cell(drawing, TREE_NOTE, 0, text);
	drawing->svg.y += SVG_ROW;
}

/* The node, and its children behind a branch. */
static void put_branch(struct tree_drawing *drawing, const json_t *node, double indent)
{
	double x = columns[TREE_NAME] + indent + INDENT / 3, top, middle = 0;
	const json_t *child;
	size_t i;

	put_node(drawing, node, indent);
	top = drawing->svg.y;
	json_array_foreach(json_object_get(node, "children"), i, child)
	{
		middle = drawing->svg.y + SVG_ROW / 2;
		svg_put_line(&drawing->svg, x, middle, x + INDENT / 2, middle);
		put_branch(drawing, child, indent + INDENT);
	}
	if (middle > 0)
		svg_put_line(&drawing->svg, x, top, x, middle);
}

static int draw_svg(const struct context *context, const json_t *roots, const char *path)
{
	struct tree_drawing drawing = { .context = context, .owners = json_array() };
	int status = svg_begin(context, &drawing.svg);
	const json_t *node;
	size_t i;

	if (!status) {
		svg_put_heading(&drawing.svg, "devices, regions and leases");
		for (i = 0; !context->table.no_headings && i < TREE_COLUMNS; i++)
			put_cell(&drawing, i, 0, names[i]);
		drawing.svg.y += context->table.no_headings ? 0 : SVG_ROW;
		json_array_foreach(roots, i, node)
		{
			put_branch(&drawing, node, 0);
		}
		status = svg_write(context, &drawing.svg, path);
	}
	json_decref(drawing.owners);
	return status;
}

int draw_tree(const struct context *context, const json_t *roots, const char *svg)
{
	return svg ? draw_svg(context, roots, svg) : draw_table(context, roots);
}
