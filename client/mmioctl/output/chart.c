/* SPDX-License-Identifier: MIT */
/*
 * Draws charts: see chart.h. Above is the curve with its scale at the left, below it the scale of time and
 * a line for each series, as many as there is room for.
 */
#include "output/chart.h"

#include <stdlib.h>
#include <string.h>

/* Of ranks, as all values here are. */
struct span {
	uint64_t least, greatest;
	bool any;
};

struct chart {
	size_t series, room;
	size_t used; /* columns that have begun */
	size_t last; /* place of the newest */
	struct span *spans; /* room rows of series */
	struct span *all; /* since the beginning, of each series */
	uint64_t *now; /* newest value of each series */
};

static const char marks[] = "*+ox#@%=";

struct chart *chart_new(size_t series, size_t columns)
{
	struct chart *chart = calloc(1, sizeof(*chart));

	if (!chart)
		return NULL;
	chart->series = series;
	chart->room = columns;
	chart->used = 1;
	chart->spans = calloc(series * columns, sizeof(*chart->spans));
	chart->all = calloc(series, sizeof(*chart->all));
	chart->now = calloc(series, sizeof(*chart->now));
	if (chart->spans && chart->all && chart->now)
		return chart;
	chart_free(chart);
	return NULL;
}

void chart_free(struct chart *chart)
{
	if (!chart)
		return;
	free(chart->spans);
	free(chart->all);
	free(chart->now);
	free(chart);
}

/* ---- values ---- */

void chart_next_column(struct chart *chart)
{
	chart->last = (chart->last + 1) % chart->room;
	chart->used += chart->used < chart->room;
	memset(&chart->spans[chart->last * chart->series], 0,
	       chart->series * sizeof(*chart->spans));
}

static void widen(struct span *span, uint64_t value)
{
	if (!span->any || value < span->least)
		span->least = value;
	if (!span->any || value > span->greatest)
		span->greatest = value;
	span->any = true;
}

void chart_add(struct chart *chart, size_t series, uint64_t rank)
{
	widen(&chart->spans[chart->last * chart->series + series], rank);
	widen(&chart->all[series], rank);
	chart->now[series] = rank;
}

/* @age 0: the newest. */
static const struct span *span_at(const struct chart *chart, size_t age, size_t series)
{
	size_t column = (chart->last + chart->room - age) % chart->room;

	return &chart->spans[column * chart->series + series];
}

/* ---- layout ---- */

struct layout {
	size_t gutter; /* characters of the scale */
	size_t columns, rows; /* characters of the curve */
	size_t wide, high; /* points of the curve */
	size_t legend; /* lines */
	struct span scale;
};

static const char *words_of(const struct chart_look *look, uint64_t rank, char out[FIGURE_WORDS])
{
	return figure_words(look->kind, figure_of_rank(look->kind, rank), out);
}

/* What the scale says beside that row; false: nothing. */
static bool find_label(const struct layout *layout, size_t row, uint64_t *rank)
{
	uint64_t range = layout->scale.greatest - layout->scale.least;

	*rank = layout->scale.greatest;
	if (row == layout->rows - 1)
		*rank = layout->scale.least;
	else if (row && row == layout->rows / 2)
		*rank -= (uint64_t)((unsigned __int128)range * row / (layout->rows - 1));
	else if (row)
		return false;
	return true;
}

static size_t find_gutter(const struct layout *layout, const struct chart_look *look)
{
	char words[FIGURE_WORDS];
	size_t longest = 0;
	uint64_t rank;

	for (size_t row = 0; row < layout->rows; row++) {
		size_t length =
			find_label(layout, row, &rank) ? strlen(words_of(look, rank, words)) : 0;

		longest = length > longest ? length : longest;
	}
	return longest + 2;
}

/* What is seen decides; what never changes has some room around it. */
static struct span find_scale(const struct chart *chart, const struct chart_look *look,
			      size_t columns)
{
	uint64_t room = look->kind == FIGURE_RATE ? FIGURE_UNIT : 1;
	struct span scale = { 0 };

	for (size_t age = 0; age < chart->used && age < columns; age++)
		for (size_t i = 0; i < chart->series; i++) {
			const struct span *span = span_at(chart, age, i);

			if (!span->any)
				continue;
			widen(&scale, span->least);
			widen(&scale, span->greatest);
		}
	if (scale.least == scale.greatest) {
		scale.least -= scale.least < room ? scale.least : room;
		scale.greatest += UINT64_MAX - scale.greatest < room ? 0 : room;
	}
	return scale;
}

static void lay_out(const struct chart *chart, const struct chart_look *look, struct layout *layout)
{
	size_t across = look->braille ? 2 : 1, down = look->braille ? 4 : 1;

	layout->scale = find_scale(chart, look, look->width * across);
	layout->legend = look->height / 3 < chart->series ? look->height / 3 : chart->series;
	layout->rows = look->height > layout->legend + 2 ? look->height - layout->legend - 1 : 1;
	layout->gutter = find_gutter(layout, look);
	if (look->width < layout->gutter + 10)
		layout->gutter = 0;
	layout->columns = look->width > layout->gutter ? look->width - layout->gutter : 1;
	layout->wide = layout->columns * across;
	layout->high = layout->rows * down;
}

size_t chart_columns(const struct chart *chart, const struct chart_look *look)
{
	struct layout layout;

	lay_out(chart, look, &layout);
	return layout.wide;
}

/* ---- the curve ---- */

struct canvas {
	const struct layout *layout;
	bool braille;
	unsigned char *points; /* of each character: bits, or a mark */
	unsigned char *owners; /* series that drew there last, and 1; 0: none */
};

/* From the bottom. */
static size_t height_of(const struct layout *layout, uint64_t value)
{
	uint64_t range = layout->scale.greatest - layout->scale.least;
	unsigned __int128 above = value - layout->scale.least;

	return (size_t)((above * (layout->high - 1) + range / 2) / range);
}

static void set_point(struct canvas *canvas, size_t x, size_t y, size_t series)
{
	static const unsigned char bits[2][4] = { { 0x01, 0x02, 0x04, 0x40 },
						  { 0x08, 0x10, 0x20, 0x80 } };
	size_t top = canvas->layout->high - 1 - y, at;

	if (canvas->braille) {
		at = top / 4 * canvas->layout->columns + x / 2;
		canvas->points[at] |= bits[x % 2][top % 4];
	} else {
		at = top * canvas->layout->columns + x;
		canvas->points[at] = (unsigned char)marks[series % (sizeof(marks) - 1)];
	}
	canvas->owners[at] = (unsigned char)(series + 1);
}

/* From beside the column before, so that a jump is a line. */
static void draw_column(struct canvas *canvas, size_t x, const struct span *span,
			const struct span *before, size_t series)
{
	const struct layout *layout = canvas->layout;
	size_t low = height_of(layout, span->least), high = height_of(layout, span->greatest);

	if (before && before->any && height_of(layout, before->greatest) + 1 < low)
		low = height_of(layout, before->greatest) + 1;
	if (before && before->any && height_of(layout, before->least) > high + 1)
		high = height_of(layout, before->least) - 1;
	for (size_t y = low; y <= high && y < layout->high; y++)
		set_point(canvas, x, y, series);
}

static void draw_series(struct canvas *canvas, const struct chart *chart, size_t series)
{
	size_t wide = canvas->layout->wide;

	for (size_t age = 0; age < chart->used && age < wide; age++) {
		const struct span *span = span_at(chart, age, series), *before = NULL;

		if (age + 1 < chart->used && age + 1 < wide)
			before = span_at(chart, age + 1, series);
		if (span->any)
			draw_column(canvas, wide - 1 - age, span, before, series);
	}
}

/* ---- lines ---- */

static void print_color(const struct chart_look *look, size_t series, FILE *out)
{
	if (look->colored)
		fprintf(out, "\033[%zum", 31 + series % 6);
}

static void print_plain(const struct chart_look *look, FILE *out)
{
	if (look->colored)
		fputs("\033[0m", out);
}

static void print_point(const struct canvas *canvas, unsigned char point, FILE *out)
{
	if (!point)
		putc(' ', out);
	else if (!canvas->braille)
		putc(point, out);
	else
		fprintf(out, "\xe2%c%c", 0xa0 + (point >> 6), 0x80 + (point & 0x3f));
}

static void print_row(const struct canvas *canvas, const struct chart_look *look, size_t row,
		      FILE *out)
{
	size_t at = row * canvas->layout->columns;
	unsigned char owner = 0;

	for (size_t i = 0; i < canvas->layout->columns; i++, at++) {
		if (canvas->owners[at] && canvas->owners[at] != owner) {
			owner = canvas->owners[at];
			print_color(look, owner - 1u, out);
		}
		print_point(canvas, canvas->points[at], out);
	}
	if (owner)
		print_plain(look, out);
	fputs(look->end, out);
}

static void print_label(const struct layout *layout, const struct chart_look *look, size_t row,
			FILE *out)
{
	char words[FIGURE_WORDS] = "";
	uint64_t rank;

	if (!layout->gutter)
		return;
	if (find_label(layout, row, &rank))
		words_of(look, rank, words);
	fprintf(out, "%*s ", (int)layout->gutter - 2, words);
	fputs(look->braille ? "\u2502" : "|", out);
}

static void print_time(const struct layout *layout, const struct chart_look *look, FILE *out)
{
	double seconds = (double)layout->wide * (double)look->column_ns / 1e9;
	char left[32], right[64];
	int room;

	snprintf(left, sizeof(left), "-%.*fs", seconds < 10 ? 2 : 0, seconds);
	snprintf(right, sizeof(right), "%.50s", look->remark[0] ? look->remark : "now");
	room = (int)layout->columns - (int)strlen(left) - (int)strlen(right);
	if (room < 1)
		fprintf(out, "%.*s", (int)layout->columns, right);
	else
		fprintf(out, "%*s%s%*s%s", (int)layout->gutter, "", left, room, "", right);
	if (layout->legend)
		fputs(look->end, out);
}

/* Cut to the width; names are ASCII. */
static void print_legend(const struct chart *chart, const struct chart_look *look, size_t series,
			 FILE *out)
{
	const struct span *all = &chart->all[series];
	char mark = marks[series % (sizeof(marks) - 1)], text[1024], words[3][FIGURE_WORDS];

	if (all->any)
		snprintf(text, sizeof(text), "%s = %s (%s to %s)", look->names[series],
			 words_of(look, chart->now[series], words[0]),
			 words_of(look, all->least, words[1]),
			 words_of(look, all->greatest, words[2]));
	else
		snprintf(text, sizeof(text), "%s: nothing yet", look->names[series]);
	print_color(look, series, out);
	if (look->width > 4)
		fprintf(out, "%c %.*s", mark, (int)look->width - 3, text);
	print_plain(look, out);
}

void chart_draw(const struct chart *chart, const struct chart_look *look, FILE *out)
{
	struct layout layout;
	struct canvas canvas = { .layout = &layout, .braille = look->braille };

	lay_out(chart, look, &layout);
	canvas.points = calloc(layout.columns * layout.rows, 2);
	if (!canvas.points)
		return;
	canvas.owners = canvas.points + layout.columns * layout.rows;
	for (size_t i = 0; i < chart->series; i++)
		draw_series(&canvas, chart, i);
	for (size_t row = 0; row < layout.rows; row++) {
		print_label(&layout, look, row, out);
		print_row(&canvas, look, row, out);
	}
	print_time(&layout, look, out);
	for (size_t i = 0; i < layout.legend; i++) {
		print_legend(chart, look, i, out);
		if (i + 1 < layout.legend)
			fputs(look->end, out);
	}
	free(canvas.points);
}
