/* SPDX-License-Identifier: MIT */
/*
 * The picture of mmioctl tree: a row for each node, a branch to it, a colour for each holder.
 */
#include "output/svg.h"
#include "verbs/tree.h"

#include <stdlib.h>

#define INDENT 18.0
#define SWATCH 10.0
#define SIZE_ROOM 66.0

/* Where the columns begin; that of sizes is where it ends. */
static const double columns[TREE_COLUMNS] = {
	SVG_MARGIN,	  SVG_MARGIN + 380, SVG_MARGIN + 396,
	SVG_MARGIN + 456, SVG_MARGIN + 516, SVG_MARGIN + 602
};

struct owner {
	uint32_t uid, pid;
};

struct tree_picture {
	struct svg svg;
	const struct context *context;
	struct owner *owners; /* in order of appearance; owned */
	size_t owner_count;
	int depth; /* of the last node; -1: there is none yet */
	struct {
		double top; /* below its row */
		double middle; /* of its last child's row; 0: it has none */
	} open[TREE_DEPTH_MAX];
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

static void put_cell(struct tree_picture *picture, size_t column, double indent, const char *text)
{
	if (!text[0])
		return;
	svg_put_label(&picture->svg,
		      &(struct svg_label){ .x = columns[column] + indent,
					   .y = picture->svg.y + 14,
					   .room = room_of(column) - indent,
					   .anchor = column == TREE_SIZE ? "end" : "start",
					   .text = text });
}

/* ---- holders ---- */

/* One for whom there is no memory has the colour of another. */
static size_t index_of(struct tree_picture *picture, struct owner owner)
{
	size_t n = picture->owner_count;
	struct owner *grown;

	for (size_t i = n; i-- > 0;)
		if (picture->owners[i].uid == owner.uid && picture->owners[i].pid == owner.pid)
			return i;
	grown = reallocarray(picture->owners, n + 1, sizeof(*grown));
	if (!grown)
		return 0;
	picture->owners = grown;
	picture->owners[picture->owner_count++] = owner;
	return n;
}

/* NULL: nobody holds it. */
static const char *colour_of(struct tree_picture *picture, const struct tree_node *node)
{
	struct owner owner;

	if (node->kind == TREE_LEASE)
		owner = (struct owner){ node->lease->uid, node->lease->pid };
	else if (node->kind == TREE_VECTOR)
		owner = (struct owner){ mmiod_vector_uid(node->vector),
					mmiod_vector_pid(node->vector) };
	else
		return NULL;
	return svg_paint_of(index_of(picture, owner)).fill;
}

/* ---- rows ---- */

static double branch_x(unsigned int depth)
{
	return columns[TREE_NAME] + depth * INDENT + INDENT / 3;
}

/* The lines down from nodes that get no more children: from @depth on. */
static void end_branches(struct tree_picture *picture, int depth)
{
	for (; picture->depth >= depth; picture->depth--) {
		double x = branch_x((unsigned int)picture->depth);

		if (picture->open[picture->depth].middle > 0)
			svg_put_line(&picture->svg, x, picture->open[picture->depth].top, x,
				     picture->open[picture->depth].middle);
	}
}

static void put_branch(struct tree_picture *picture, unsigned int depth)
{
	double x = branch_x(depth), middle = picture->svg.y + SVG_ROW / 2;

	picture->open[depth].middle = middle;
	svg_put_line(&picture->svg, x, middle, x + INDENT / 2, middle);
}

static void put_size(struct tree_picture *picture, const struct tree_node *node)
{
	char words[32];
	uint64_t size;

	if (!tree_has_size(node, &size))
		return;
	if (picture->context->table.bytes)
		snprintf(words, sizeof(words), "%llu", (unsigned long long)size);
	else
		size_words(size, words, sizeof(words));
	put_cell(picture, TREE_SIZE, 0, words);
}

void tree_picture_put(struct tree_picture *picture, const struct tree_node *node)
{
	const char *colour = colour_of(picture, node);
	double indent = node->depth * INDENT, swatch = colour ? SWATCH + 6 : 0;
	char note[256];

	end_branches(picture, (int)node->depth);
	if (node->depth)
		put_branch(picture, node->depth - 1);
	if (colour)
		svg_put_box(&picture->svg,
			    &(struct svg_box){ .x = columns[TREE_NAME] + indent,
					       .y = picture->svg.y + (SVG_ROW - SWATCH) / 2,
					       .width = SWATCH,
					       .height = SWATCH,
					       .fill = colour });
	put_cell(picture, TREE_NAME, indent + swatch, node->name);
	put_size(picture, node);
	put_cell(picture, TREE_RIGHTS, 0, tree_rights(node));
	put_cell(picture, TREE_MEMTYPE, 0, tree_memtype(node));
	put_cell(picture, TREE_STATE, 0, tree_state(node));
	tree_describe(node, note, sizeof(note));
	put_cell(picture, TREE_NOTE, 0, note);
	picture->svg.y += SVG_ROW;
	picture->depth = (int)node->depth;
	picture->open[node->depth].top = picture->svg.y;
	picture->open[node->depth].middle = 0;
}

/* ---- the whole ---- */

int tree_picture_begin(const struct context *context, struct tree_picture **made)
{
	struct tree_picture *picture = calloc(1, sizeof(*picture));
	int status = picture ? svg_begin(context, &picture->svg) : out_of_memory(context);

	*made = NULL;
	if (status) {
		free(picture);
		return status;
	}
	picture->context = context;
	picture->depth = -1;
	svg_put_heading(&picture->svg, "devices, regions and leases");
	for (size_t i = 0; !context->table.no_headings && i < TREE_COLUMNS; i++)
		put_cell(picture, i, 0, tree_columns[i].name);
	picture->svg.y += context->table.no_headings ? 0 : SVG_ROW;
	*made = picture;
	return STATUS_OK;
}

int tree_picture_end(struct tree_picture *picture, const char *path, int status)
{
	end_branches(picture, 0);
	if (status)
		svg_drop(&picture->svg);
	else
		status = svg_write(picture->context, &picture->svg, path);
	free(picture->owners);
	free(picture);
	return status;
}
