/* SPDX-License-Identifier: MIT */
/*
 * Drawings as SVG. Nobody is there to ask how wide letters are: in a font of fixed width, a label is
 * as wide as its letters are many. Those that are no ASCII may be two wide, and count as their bytes.
 */
#include "output/svg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <common/escape.h>

#define FONT 13.0
#define HEADING 19.0
#define SUBHEADING 15.0
#define LETTER 0.62 /* width of a letter, of the font's size: 0.60 in fonts that are common */
#define LETTERS_LEAST 4
#define LETTERS_MAX 255
#define PADDING 5.0 /* of a label in its box */
#define INK "#222222"

struct svg_paint svg_paint_of(size_t owner)
{
	static const struct svg_paint paints[] = {
		{ "#4e79a7", "#ffffff" }, { "#f28e2b", "#222222" }, { "#59a14f", "#ffffff" },
		{ "#b07aa1", "#ffffff" }, { "#76b7b2", "#222222" }, { "#edc948", "#222222" },
		{ "#e15759", "#ffffff" }, { "#9c755f", "#ffffff" }, { "#ff9da7", "#222222" },
		{ "#7f7f7f", "#ffffff" },
	};

	return paints[owner % (sizeof(paints) / sizeof(paints[0]))];
}

int svg_begin(const struct context *context, struct svg *svg)
{
	*svg = (struct svg){ .y = SVG_MARGIN };
	svg->file = open_memstream(&svg->text, &svg->size);
	return svg->file ? 0 : out_of_memory(context);
}

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
			fputc(*text, file);
		}
}

static void put_title(const struct svg *svg, const char *text)
{
	char clean[1024];

	snprintf(clean, sizeof(clean), "%s", text);
	common_clean(clean);
	fputs("<title>", svg->file);
	put_escaped(svg->file, clean);
	fputs("</title>", svg->file);
}

/* Leaves room for the ellipsis, and no part of a character. */
static void cut(char *text, size_t letters)
{
	letters--;
	while (letters && ((unsigned char)text[letters] & 0xc0) == 0x80)
		letters--;
	text[letters] = '\0';
}

void svg_put_label(struct svg *svg, const struct svg_label *label)
{
	double font = label->font > 0 ? label->font : FONT;
	size_t letters = label->room > 0 ? (size_t)(label->room / (font * LETTER)) : 0;
	char clean[LETTERS_MAX + 1];
	bool fits;

	if (letters > LETTERS_MAX)
		letters = LETTERS_MAX;
	fits = strlen(label->text) <= letters;
	if (!label->text[0] || (!fits && letters < LETTERS_LEAST))
		return;
	snprintf(clean, sizeof(clean), "%s", label->text);
	common_clean(clean);
	if (!fits)
		cut(clean, letters);
	fprintf(svg->file, "<text x=\"%.2f\" y=\"%.2f\" text-anchor=\"%s\"", label->x, label->y,
		label->anchor ?: "start");
	if (label->font > 0)
		fprintf(svg->file, " font-size=\"%.0f\"", label->font);
	fprintf(svg->file, " fill=\"%s\">", label->fill ?: INK);
	if (!fits)
		put_title(svg, label->text);
	put_escaped(svg->file, clean);
	fprintf(svg->file, "%s</text>\n", fits ? "" : "…");
}

void svg_put_box(struct svg *svg, const struct svg_box *box)
{
	fprintf(svg->file, "<g class=\"box\">");
	if (box->tooltip)
		put_title(svg, box->tooltip);
	fprintf(svg->file,
		"<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" rx=\"2\" fill=\"%s\"",
		box->x, box->y, box->width, box->height, box->fill);
	if (box->stroke)
		fprintf(svg->file, " stroke=\"%s\"", box->stroke);
	fprintf(svg->file, "/>");
	if (box->label)
		svg_put_label(svg, &(struct svg_label){
					   .x = box->x + box->width / 2,
					   .y = box->y + box->height / 2 + 4.5,
					   .room = box->width - 2 * PADDING,
					   .anchor = "middle",
					   .fill = box->ink,
					   .text = box->label,
				   });
	fprintf(svg->file, "</g>\n");
}

void svg_put_line(struct svg *svg, double x1, double y1, double x2, double y2)
{
	fprintf(svg->file,
		"<line x1=\"%.2f\" y1=\"%.2f\" x2=\"%.2f\" y2=\"%.2f\" stroke=\"#999999\"/>\n", x1,
		y1, x2, y2);
}

static void put_large(struct svg *svg, double font, const char *text)
{
	svg_put_label(svg, &(struct svg_label){ .x = SVG_MARGIN,
						.y = svg->y + font * 0.9,
						.room = SVG_INNER,
						.font = font,
						.text = text });
	svg->y += font * 1.6;
}

void svg_put_heading(struct svg *svg, const char *text)
{
	put_large(svg, HEADING, text);
}

void svg_put_subheading(struct svg *svg, const char *text)
{
	put_large(svg, SUBHEADING, text);
}

/* ---- writing ---- */

static void put_whole(const struct svg *svg, FILE *file)
{
	double height = svg->y + SVG_MARGIN;

	fprintf(file,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
		"viewBox=\"0 0 %.0f %.0f\" font-family=\"DejaVu Sans Mono, Liberation Mono, "
		"monospace\" font-size=\"%.0f\" fill=\"" INK "\">\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n",
		SVG_WIDTH, height, SVG_WIDTH, height, FONT);
	fwrite(svg->text, 1, svg->size, file);
	fprintf(file, "</svg>\n");
}

/* What is no regular file was there before, and is not ours to remove. */
static void remove_file(const char *path)
{
	struct stat status;

	if (!lstat(path, &status) && S_ISREG(status.st_mode))
		remove(path);
}

static int write_to(const struct context *context, const struct svg *svg, const char *path)
{
	FILE *file = strcmp(path, "-") ? fopen(path, "we") : stdout;
	int bad, err;

	if (!file)
		return report(context, -errno, "cannot write %s: %s", path, strerror(errno));
	put_whole(svg, file);
	if (file == stdout)
		return STATUS_OK;
	bad = ferror(file);
	bad = fclose(file) || bad;
	if (!bad)
		return STATUS_OK;
	err = errno;
	remove_file(path);
	return report(context, -EIO, "cannot write %s: %s", path, strerror(err));
}

int svg_write(const struct context *context, struct svg *svg, const char *path)
{
	bool bad = ferror(svg->file);
	int status;

	bad = fclose(svg->file) || bad;
	status = bad ? out_of_memory(context) : write_to(context, svg, path);
	free(svg->text);
	return status;
}

void svg_drop(struct svg *svg)
{
	fclose(svg->file);
	free(svg->text);
}
