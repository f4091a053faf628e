/* SPDX-License-Identifier: MIT */
/*
 * A region as an SVG: a bar to scale, a lane below it for each layer of windows that overlap, and a
 * legend. A window that would be too narrow to see is drawn wider than it is, and its tooltip has
 * the figures.
 */
#include "output/picture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH 960.0
#define MARGIN 24.0
#define BAR_TOP 64.0
#define LANE 34.0
#define BOX 26.0
#define LEAST 2.0 /* of a window's width */
#define LANES_MAX 12
#define ROW 20.0

static const char *const fills[] = { "#4e79a7", "#f28e2b", "#59a14f", "#b07aa1", "#76b7b2",
				     "#edc948", "#e15759", "#9c755f", "#ff9da7", "#7f7f7f" };

#define FILLS (sizeof(fills) / sizeof(fills[0]))

struct layout {
	const struct picture *picture;
	size_t *lanes; /* of each piece */
	size_t lane_count;
};

static void put_escaped(FILE *file, const char *text)
{
	for (; *text; text++)
		switch (*text) {
		case '<':
			fputs("&lt;", file);
			break;
		case '>':
			fputs("&gt;", file);
			break;
		case '&':
			fputs("&amp;", file);
			break;
		case '"':
			fputs("&quot;", file);
			break;
		default:
			fputc((unsigned char)*text < 0x20 ? '?' : *text, file);
		}
}

static double at(const struct picture *picture, uint64_t offset)
{
	return MARGIN + (WIDTH - 2 * MARGIN) * (double)offset / (double)picture->length;
}

/* One colour for each process, in order of appearance. */
static size_t owner_of(const struct picture *picture, size_t index)
{
	const struct piece *piece = &picture->pieces[index];
	size_t owners = 0;

	for (size_t i = 0; i < picture->count; i++) {
		const struct piece *other = &picture->pieces[i];
		size_t first = 0;

		while (picture->pieces[first].uid != other->uid ||
		       picture->pieces[first].pid != other->pid)
			first++;
		if (other->uid == piece->uid && other->pid == piece->pid)
			return owners;
		owners += first == i;
	}
	return owners;
}

/* The lowest lane in which nothing is in the way. */
static int lay_out(struct layout *layout)
{
	const struct picture *picture = layout->picture;
	uint64_t ends[LANES_MAX] = { 0 };

	layout->lanes = calloc(picture->count + 1, sizeof(*layout->lanes));
	if (!layout->lanes)
		return -ENOMEM;
	layout->lane_count = 1;
	for (size_t i = 0; i < picture->count; i++) {
		const struct piece *piece = &picture->pieces[i];
		size_t lane = 0;

		while (lane < LANES_MAX - 1 && ends[lane] > piece->offset)
			lane++;
		layout->lanes[i] = lane;
		if (piece->offset + piece->length > ends[lane])
			ends[lane] = piece->offset + piece->length;
		if (lane + 1 > layout->lane_count)
			layout->lane_count = lane + 1;
	}
	return 0;
}

static void put_title(FILE *file, const struct piece *piece)
{
	char user[64];

	user_name(piece->uid, user, sizeof(user));
	fprintf(file, "<title>");
	if (piece->lease)
		fprintf(file, "lease %llu, ", (unsigned long long)piece->lease);
	fprintf(file, "0x%llx + 0x%llx", (unsigned long long)piece->offset,
		(unsigned long long)piece->length);
	if (piece->lease) {
		fprintf(file, ", ");
		put_escaped(file, user);
		fprintf(file, " %u ", piece->pid);
		put_escaped(file, piece->comm);
		fprintf(file, ", %s", piece->note);
	} else {
		fprintf(file, ", being wiped");
	}
	fprintf(file, "</title>");
}

static void put_piece(FILE *file, const struct layout *layout, size_t index)
{
	const struct piece *piece = &layout->picture->pieces[index];
	double left = at(layout->picture, piece->offset);
	double width = at(layout->picture, piece->offset + piece->length) - left;
	double top = BAR_TOP + LANE * (double)layout->lanes[index];

	if (width < LEAST)
		width = LEAST;
	fprintf(file,
		"<g>%s<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.0f\" rx=\"2\" "
		"fill=\"%s\"/>",
		"", left, top, width, BOX,
		piece->lease ? fills[owner_of(layout->picture, index) % FILLS] : "#bbbbbb");
	put_title(file, piece);
	if (width > 60)
		fprintf(file,
			"<text x=\"%.2f\" y=\"%.2f\" fill=\"#ffffff\" "
			"text-anchor=\"middle\">%llu</text>",
			left + width / 2, top + 17, (unsigned long long)piece->lease);
	fprintf(file, "</g>\n");
}

static void put_axis(FILE *file, const struct layout *layout)
{
	double bottom = BAR_TOP + LANE * (double)layout->lane_count;

	fprintf(file,
		"<rect x=\"%.0f\" y=\"%.0f\" width=\"%.0f\" height=\"%.0f\" fill=\"#f2f2f2\" "
		"stroke=\"#999999\"/>\n",
		MARGIN, BAR_TOP - 4, WIDTH - 2 * MARGIN, LANE * (double)layout->lane_count);
	for (unsigned int i = 0; i <= 4; i++) {
		uint64_t offset = layout->picture->length / 4 * i;
		double x = at(layout->picture, offset);

		if (i == 4)
			offset = layout->picture->length;
		fprintf(file,
			"<line x1=\"%.2f\" y1=\"%.2f\" x2=\"%.2f\" y2=\"%.2f\" "
			"stroke=\"#999999\"/><text x=\"%.2f\" y=\"%.2f\" "
			"text-anchor=\"%s\">0x%llx</text>\n",
			x, bottom - 4, x, bottom + 4, x, bottom + 18,
			i == 0	 ? "start"
			: i == 4 ? "end"
				 : "middle",
			(unsigned long long)offset);
	}
}

static bool is_first_of_owner(const struct picture *picture, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (picture->pieces[i].uid == picture->pieces[index].uid &&
		    picture->pieces[i].pid == picture->pieces[index].pid)
			return false;
	return picture->pieces[index].lease;
}

static void put_owner(FILE *file, const struct picture *picture, size_t index, double y)
{
	const struct piece *piece = &picture->pieces[index];
	char user[64], size[32];
	uint64_t bytes = 0;

	for (size_t i = 0; i < picture->count; i++)
		if (picture->pieces[i].uid == piece->uid && picture->pieces[i].pid == piece->pid &&
		    picture->pieces[i].lease)
			bytes += picture->pieces[i].length;
	user_name(piece->uid, user, sizeof(user));
	size_words(bytes, size, sizeof(size));
	fprintf(file,
		"<rect x=\"%.0f\" y=\"%.2f\" width=\"12\" height=\"12\" rx=\"2\" fill=\"%s\"/>"
		"<text x=\"%.0f\" y=\"%.2f\">",
		MARGIN, y - 10, fills[owner_of(picture, index) % FILLS], MARGIN + 20, y);
	put_escaped(file, user);
	fprintf(file, " %u ", piece->pid);
	put_escaped(file, piece->comm);
	fprintf(file, ", %s</text>\n", size);
}

static void put_legend(FILE *file, const struct layout *layout)
{
	const struct picture *picture = layout->picture;
	double y = BAR_TOP + LANE * (double)layout->lane_count + 44;
	char size[32], largest[32];

	for (size_t i = 0; i < picture->count; i++) {
		if (!is_first_of_owner(picture, i))
			continue;
		put_owner(file, picture, i, y);
		y += ROW;
	}
	size_words(picture->free, size, sizeof(size));
	size_words(picture->largest, largest, sizeof(largest));
	fprintf(file,
		"<rect x=\"%.0f\" y=\"%.2f\" width=\"12\" height=\"12\" rx=\"2\" "
		"fill=\"#f2f2f2\" stroke=\"#999999\"/><text x=\"%.0f\" y=\"%.2f\">free %s, "
		"largest piece %s</text>\n",
		MARGIN, y - 10, MARGIN + 20, y, size, largest);
}

static size_t count_owners(const struct picture *picture)
{
	size_t count = 0;

	for (size_t i = 0; i < picture->count; i++)
		count += is_first_of_owner(picture, i);
	return count;
}

static void put_picture(FILE *file, const struct layout *layout)
{
	const struct picture *picture = layout->picture;
	double height = BAR_TOP + LANE * (double)layout->lane_count + 44 +
			ROW * (double)(count_owners(picture) + 1);
	char size[32];

	size_words(picture->length, size, sizeof(size));
	fprintf(file,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
		"viewBox=\"0 0 %.0f %.0f\" font-family=\"sans-serif\" font-size=\"13\" "
		"fill=\"#222222\">\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n"
		"<text x=\"%.0f\" y=\"36\" font-size=\"20\">",
		WIDTH, height, WIDTH, height, MARGIN);
	put_escaped(file, picture->name);
	fprintf(file, ", %s</text>\n", size);
	put_axis(file, layout);
	for (size_t i = 0; i < picture->count; i++)
		put_piece(file, layout, i);
	put_legend(file, layout);
	fprintf(file, "</svg>\n");
}

/* "-": standard output. A file that could not be written whole is not left behind. */
int picture_write_svg(const struct context *context, const struct picture *picture,
		      const char *path)
{
	struct layout layout = { .picture = picture };
	bool to_stdout = !strcmp(path, "-");
	FILE *file;
	int bad;

	if (lay_out(&layout))
		return out_of_memory(context);
	file = to_stdout ? stdout : fopen(path, "we");
	if (!file) {
		free(layout.lanes);
		return report(context, -errno, "cannot write %s: %s", path, strerror(errno));
	}
	put_picture(file, &layout);
	free(layout.lanes);
	bad = ferror(file);
	if (to_stdout)
		return STATUS_OK;
	if (!fclose(file) && !bad)
		return STATUS_OK;
	remove(path);
	return report(context, -EIO, "cannot write %s: %s", path, strerror(errno));
}
