/* SPDX-License-Identifier: MIT */
/*
 * A chart of values over time, drawn with characters. Each column keeps the least and the greatest value
 * of each series, so that a peak of a single sample is seen. Pure: it knows neither terminal nor clock.
 */
#ifndef MMIOCTL_CHART_H
#define MMIOCTL_CHART_H

#include "output/figure.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct chart;

struct chart_look {
	size_t width, height; /* characters */
	bool braille; /* 2 by 4 points a character; else one, with a mark for each series */
	bool colored;
	const char *end; /* of each line but the last */
	uint64_t column_ns; /* time that a column stands for */
	const char *const *names; /* of the series */
	enum figure_kind kind; /* of their values */
	const char *remark; /* at the right of the time scale; "" if none */
};

/* @columns: that are kept. NULL: out of memory. */
struct chart *chart_new(size_t series, size_t columns);
void chart_free(struct chart *chart);
/* Later values are in a column of their own. */
void chart_next_column(struct chart *chart);
/* @rank: that of the value, by figure_rank(). */
void chart_add(struct chart *chart, size_t series, uint64_t rank);
void chart_draw(const struct chart *chart, const struct chart_look *look, FILE *out);
/* How many columns a chart of this look shows. */
size_t chart_columns(const struct chart *chart, const struct chart_look *look);

#endif
