/* SPDX-License-Identifier: MIT */
/*
 * The one look of what is drawn as SVG: a white ground, a font of fixed width, a colour for each
 * holder. A drawing grows downwards, and is as high as it has grown when it is written.
 */
#ifndef MMIOCTL_SVG_H
#define MMIOCTL_SVG_H

#include "output/output.h"

#define SVG_WIDTH 960.0
#define SVG_MARGIN 24.0
#define SVG_INNER (SVG_WIDTH - 2 * SVG_MARGIN)
#define SVG_ROW 20.0
#define SVG_BOX 26.0 /* height of one that has a label */

struct svg {
	FILE *file;
	char *text; /* what went into the file so far */
	size_t size;
	double y; /* where the next thing begins */
};

struct svg_label {
	double x, y; /* of the base line, at the anchor */
	double room; /* for as many letters; if these are fewer than four, nothing is drawn */
	const char *anchor; /* start, middle, end; NULL: start */
	const char *fill; /* NULL: dark */
	double font; /* size; 0: the usual */
	const char *
		text; /* ends in an ellipsis if it does not fit, and is then whole in its tooltip */
};

struct svg_box {
	double x, y, width, height;
	const char *fill;
	const char *stroke; /* NULL: none */
	const char *ink; /* colour of the label; NULL: dark */
	const char *label; /* NULL: none */
	const char *tooltip; /* NULL: none */
};

/* A colour, and that of letters on it. */
struct svg_paint {
	const char *fill;
	const char *ink;
};

struct svg_paint svg_paint_of(size_t owner); /* they come again after a few */
int svg_begin(const struct context *context, struct svg *svg);
void svg_put_label(struct svg *svg, const struct svg_label *label);
void svg_put_box(struct svg *svg, const struct svg_box *box);
void svg_put_line(struct svg *svg, double x1, double y1, double x2, double y2);
/* A line of text as wide as the drawing, larger than the usual. */
void svg_put_heading(struct svg *svg, const char *text);
void svg_put_subheading(struct svg *svg, const char *text);
/*
 * Ends it. Path "-": standard output. A file that could not be written whole is not left behind.
 * Returns a status.
 */
int svg_write(const struct context *context, struct svg *svg, const char *path);
void svg_drop(struct svg *svg); /* ends it, and writes nothing */

#endif
