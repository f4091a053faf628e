/* SPDX-License-Identifier: MIT */
/*
 * Regions, pools and BARs as an SVG: for each a bar to scale, with a lane for each layer of windows
 * that overlap, and above these the regions that it has; below all of them, whose is what. A window
 * that would be too narrow to see is drawn wider than it is, and its tooltip has the figures.
 */
#include "output/picture.h"
#include "output/svg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LANE 34.0
#define GAP 4.0 /* above a lane's boxes, and below */
#define LEAST 2.0 /* of a box's width */
#define LANES_MAX 12
#define LEGEND_COLUMNS 3
#define SWATCH 12.0

/* The columns of the list of regions. */
#define LIST_NAME SVG_MARGIN
#define LIST_RANGE (SVG_MARGIN + 250)
#define LIST_NOTE (SVG_MARGIN + 480)
#define LIST_HOLDERS (SVG_MARGIN + 590)

struct owner {
	const struct piece *piece; /* the first that is his */
	uint64_t bytes;
	bool named; /* as a holder of the region that is looked at */
};

struct drawing {
	struct svg svg;
	const struct picture *pictures;
	size_t count;
	struct owner *owners;
	size_t owner_count;
};

/* ---- owners ---- */

static bool is_his(const struct owner *owner, const struct piece *piece)
{
	return owner->piece->uid == piece->uid && owner->piece->pid == piece->pid;
}

/* One colour for each process, in order of appearance. */
static struct owner *owner_of(const struct drawing *drawing, const struct piece *piece)
{
	for (size_t i = 0; i < drawing->owner_count; i++)
		if (is_his(&drawing->owners[i], piece))
			return &drawing->owners[i];
	return NULL;
}

static int find_owners(const struct context *context, struct drawing *drawing)
{
	size_t most = 1;

	for (size_t i = 0; i < drawing->count; i++)
		most += drawing->pictures[i].count;
	drawing->owners = calloc(most, sizeof(*drawing->owners));
	if (!drawing->owners)
		return out_of_memory(context);
	for (size_t i = 0; i < drawing->count; i++)
		for (size_t k = 0; k < drawing->pictures[i].count; k++) {
			const struct piece *piece = &drawing->pictures[i].pieces[k];
			struct owner *owner = piece->lease ? owner_of(drawing, piece) : NULL;

			if (!owner && piece->lease) {
				owner = &drawing->owners[drawing->owner_count++];
				owner->piece = piece;
			}
			if (owner)
				owner->bytes += piece->length;
		}
	return 0;
}

static struct svg_paint paint_of(const struct drawing *drawing, const struct piece *piece)
{
	const struct owner *owner = piece->lease ? owner_of(drawing, piece) : NULL;

	if (!owner)
		return (struct svg_paint){ "#bbbbbb", "#222222" };
	return svg_paint_of((size_t)(owner - drawing->owners));
}

static void holder_words(const struct piece *piece, char *out, size_t size)
{
	char user[64];

	user_name(piece->uid, user, sizeof(user));
	snprintf(out, size, "%s %u%s%s", user, piece->pid, piece->comm[0] ? " " : "", piece->comm);
}

/* ---- lanes ---- */

struct lanes {
	uint64_t ends[LANES_MAX];
	size_t count;
	bool crowded; /* what found no lane of its own lies in the last, on others */
};

/* The lowest in which nothing is in the way; asked for in order of offsets. */
static size_t take_lane(struct lanes *lanes, uint64_t offset, uint64_t length)
{
	size_t lane = 0;

	while (lane < LANES_MAX - 1 && lanes->ends[lane] > offset)
		lane++;
	if (lanes->ends[lane] > offset)
		lanes->crowded = true;
	if (offset + length > lanes->ends[lane])
		lanes->ends[lane] = offset + length;
	if (lane >= lanes->count)
		lanes->count = lane + 1;
	return lane;
}

static struct lanes lanes_of_parts(const struct picture *picture)
{
	struct lanes lanes = { 0 };

	for (size_t i = 0; i < picture->part_count; i++)
		take_lane(&lanes, picture->parts[i].offset, picture->parts[i].length);
	return lanes;
}

static struct lanes lanes_of_pieces(const struct picture *picture)
{
	struct lanes lanes = { .count = 1 };

	for (size_t i = 0; i < picture->count; i++)
		take_lane(&lanes, picture->pieces[i].offset, picture->pieces[i].length);
	return lanes;
}

/* ---- the bar ---- */

static double at(const struct picture *picture, uint64_t offset)
{
	return SVG_MARGIN + SVG_INNER * (double)offset / (double)picture->length;
}

static void put_span(struct svg *svg, const struct picture *picture, uint64_t offset,
		     uint64_t length, double top, struct svg_box *box)
{
	box->x = at(picture, offset);
	box->y = top + GAP;
	box->width = at(picture, offset + length) - box->x;
	box->height = SVG_BOX;
	if (box->width < LEAST)
		box->width = LEAST;
	if (box->x + box->width > SVG_MARGIN + SVG_INNER)
		box->x = SVG_MARGIN + SVG_INNER - box->width;
	svg_put_box(svg, box);
}

static void put_part(struct svg *svg, const struct picture *picture, const struct part *part,
		     double top, bool labelled)
{
	struct svg_box box = { .fill = "#dce6f1", .stroke = "#8aa4c0" };
	char tooltip[256];

	snprintf(tooltip, sizeof(tooltip), "%s, 0x%llx + 0x%llx, %s", part->name,
		 (unsigned long long)part->offset, (unsigned long long)part->length, part->note);
	box.tooltip = tooltip;
	box.label = labelled ? part->name : NULL;
	put_span(svg, picture, part->offset, part->length, top, &box);
}

static void piece_words(const struct picture *picture, const struct piece *piece, char *out,
			size_t size)
{
	char holder[128], region[64] = "";

	if (picture->part_count)
		snprintf(region, sizeof(region), "%s, ", picture->parts[piece->part].name);
	holder_words(piece, holder, sizeof(holder));
	if (piece->lease)
		snprintf(out, size, "lease %llu, %s0x%llx + 0x%llx, %s%s%s",
			 (unsigned long long)piece->lease, region,
			 (unsigned long long)piece->offset, (unsigned long long)piece->length,
			 holder, piece->note[0] ? ", " : "", piece->note);
	else
		snprintf(out, size, "0x%llx + 0x%llx, being wiped",
			 (unsigned long long)piece->offset, (unsigned long long)piece->length);
}

static void put_piece(struct drawing *drawing, const struct picture *picture,
		      const struct piece *piece, double top, bool labelled)
{
	struct svg_paint paint = paint_of(drawing, piece);
	struct svg_box box = { .fill = paint.fill, .ink = paint.ink };
	char tooltip[384], label[192] = "being wiped", holder[128];

	piece_words(picture, piece, tooltip, sizeof(tooltip));
	holder_words(piece, holder, sizeof(holder));
	if (piece->lease)
		snprintf(label, sizeof(label), "%s, lease %llu", holder,
			 (unsigned long long)piece->lease);
	box.tooltip = tooltip;
	box.label = labelled ? label : NULL;
	put_span(&drawing->svg, picture, piece->offset, piece->length, top, &box);
}

static void put_lanes(struct drawing *drawing, const struct picture *picture)
{
	struct lanes parts = lanes_of_parts(picture), pieces = lanes_of_pieces(picture);
	struct lanes part_lanes = { 0 }, piece_lanes = { 0 };
	double top = drawing->svg.y, middle = top + LANE * (double)parts.count;
	double bottom = middle + LANE * (double)pieces.count;

	svg_put_box(&drawing->svg, &(struct svg_box){ .x = SVG_MARGIN,
						      .y = middle,
						      .width = SVG_INNER,
						      .height = bottom - middle,
						      .fill = "#f2f2f2",
						      .stroke = "#999999" });
	for (size_t i = 0; i < picture->part_count; i++) {
		const struct part *part = &picture->parts[i];
		size_t lane = take_lane(&part_lanes, part->offset, part->length);

		if (part->length)
			put_part(&drawing->svg, picture, part, top + LANE * (double)lane,
				 !parts.crowded || lane < LANES_MAX - 1);
	}
	for (size_t i = 0; i < picture->count; i++) {
		const struct piece *piece = &picture->pieces[i];
		size_t lane = take_lane(&piece_lanes, piece->offset, piece->length);

		put_piece(drawing, picture, piece, middle + LANE * (double)lane,
			  !pieces.crowded || lane < LANES_MAX - 1);
	}
	drawing->svg.y = bottom;
}

static void put_axis(struct svg *svg, const struct picture *picture)
{
	for (unsigned int i = 0; i <= 4; i++) {
		uint64_t offset = i == 4 ? picture->length : picture->length / 4 * i;
		double x = at(picture, offset);
		char text[24];

		snprintf(text, sizeof(text), "0x%llx", (unsigned long long)offset);
		svg_put_line(svg, x, svg->y, x, svg->y + 6);
		svg_put_label(svg, &(struct svg_label){ .x = x,
							.y = svg->y + 20,
							.room = SVG_INNER / 4 - 66,
							.anchor = i == 0   ? "start"
								  : i == 4 ? "end"
									   : "middle",
							.text = text });
	}
	svg->y += 32;
}

static void put_free(struct svg *svg, const struct picture *picture)
{
	char text[128], size[32], largest[32];

	size_words(picture->free, size, sizeof(size));
	size_words(picture->largest, largest, sizeof(largest));
	snprintf(text, sizeof(text), "free %s, largest piece %s", size, largest);
	svg_put_label(svg,
		      &(struct svg_label){
			      .x = SVG_MARGIN, .y = svg->y + 13, .room = SVG_INNER, .text = text });
	svg->y += SVG_ROW + 6;
}

/* ---- the regions of a BAR, and who holds them ---- */

static void add_holder(const struct piece *piece, char *out, size_t size)
{
	size_t used = strlen(out);
	char holder[128];

	holder_words(piece, holder, sizeof(holder));
	snprintf(out + used, size - used, "%s%s", used ? ", " : "", holder);
}

static void holders_of(const struct drawing *drawing, const struct picture *picture, size_t part,
		       char *out, size_t size)
{
	out[0] = '\0';
	for (size_t i = 0; i < drawing->owner_count; i++)
		drawing->owners[i].named = false;
	for (size_t i = 0; i < picture->count && strlen(out) < size - 1; i++) {
		const struct piece *piece = &picture->pieces[i];
		struct owner *owner = piece->lease ? owner_of(drawing, piece) : NULL;

		if (!owner || piece->part != part || owner->named)
			continue;
		owner->named = true;
		add_holder(piece, out, size);
	}
	if (!out[0])
		snprintf(out, size, "%s", picture->parts[part].length ? "-" : "missing");
}

static void put_row(struct svg *svg, const char *name, const char *range, const char *text,
		    const char *holders)
{
	const struct svg_label cells[] = {
		{ .x = LIST_NAME, .room = LIST_RANGE - LIST_NAME - 12, .text = name },
		{ .x = LIST_RANGE, .room = LIST_NOTE - LIST_RANGE - 12, .text = range },
		{ .x = LIST_NOTE, .room = LIST_HOLDERS - LIST_NOTE - 12, .text = text },
		{ .x = LIST_HOLDERS,
		  .room = SVG_MARGIN + SVG_INNER - LIST_HOLDERS,
		  .text = holders },
	};

	for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
		struct svg_label label = cells[i];

		label.y = svg->y + 13;
		svg_put_label(svg, &label);
	}
	svg->y += SVG_ROW;
}

static void put_list(struct drawing *drawing, const struct picture *picture)
{
	char range[64], holders[512];

	for (size_t i = 0; i < picture->part_count; i++) {
		const struct part *part = &picture->parts[i];

		snprintf(range, sizeof(range), "+0x%llx/0x%llx", (unsigned long long)part->offset,
			 (unsigned long long)part->length);
		holders_of(drawing, picture, i, holders, sizeof(holders));
		put_row(&drawing->svg, part->name, range, part->note, holders);
	}
	if (picture->part_count)
		drawing->svg.y += 6;
}

/* ---- all of it ---- */

static void put_picture(struct drawing *drawing, const struct picture *picture, bool heads)
{
	char title[256], size[32];

	size_words(picture->length, size, sizeof(size));
	snprintf(title, sizeof(title), "%s, %s%s%s", picture->name, size, picture->note ? ", " : "",
		 picture->note ?: "");
	if (heads)
		svg_put_heading(&drawing->svg, title);
	else
		svg_put_subheading(&drawing->svg, title);
	if (picture->length) {
		put_lanes(drawing, picture);
		put_axis(&drawing->svg, picture);
		put_free(&drawing->svg, picture);
	}
	put_list(drawing, picture);
	drawing->svg.y += 12;
}

static void put_owner(struct drawing *drawing, size_t index)
{
	double column = SVG_INNER / LEGEND_COLUMNS;
	double x = SVG_MARGIN + column * (double)(index % LEGEND_COLUMNS);
	const struct owner *owner = &drawing->owners[index];
	char text[192], holder[128], size[32];

	holder_words(owner->piece, holder, sizeof(holder));
	size_words(owner->bytes, size, sizeof(size));
	snprintf(text, sizeof(text), "%s, %s", holder, size);
	svg_put_box(&drawing->svg, &(struct svg_box){ .x = x,
						      .y = drawing->svg.y + 2,
						      .width = SWATCH,
						      .height = SWATCH,
						      .fill = svg_paint_of(index).fill });
	svg_put_label(&drawing->svg, &(struct svg_label){ .x = x + 20,
							  .y = drawing->svg.y + 13,
							  .room = column - 32,
							  .text = text });
	if (index % LEGEND_COLUMNS == LEGEND_COLUMNS - 1 || index == drawing->owner_count - 1)
		drawing->svg.y += SVG_ROW;
}

int picture_write_svg(const struct context *context, const char *heading,
		      const struct picture *pictures, size_t count, const char *path)
{
	struct drawing drawing = { .pictures = pictures, .count = count };
	int status = find_owners(context, &drawing);

	if (!status)
		status = svg_begin(context, &drawing.svg);
	if (status) {
		free(drawing.owners);
		return status;
	}
	if (heading)
		svg_put_heading(&drawing.svg, heading);
	for (size_t i = 0; i < count; i++)
		put_picture(&drawing, &pictures[i], !heading);
	for (size_t i = 0; i < drawing.owner_count; i++)
		put_owner(&drawing, i);
	free(drawing.owners);
	return svg_write(context, &drawing.svg, path);
}
