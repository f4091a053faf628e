/* SPDX-License-Identifier: MIT */
/*
 * Figures and their words: see figure.h.
 */
#include "output/figure.h"
#include "output/output.h"

#include <errno.h>
#include <stdio.h>
#include <common/size.h>

#define SIGN (1ull << 63)

uint64_t figure_rank(enum figure_kind kind, uint64_t figure)
{
	return kind == FIGURE_UNSIGNED ? figure : figure ^ SIGN;
}

uint64_t figure_of_rank(enum figure_kind kind, uint64_t rank)
{
	return figure_rank(kind, rank);
}

static uint64_t size_of(uint64_t figure)
{
	return figure & SIGN ? -figure : figure;
}

static void rate_words(uint64_t figure, char out[FIGURE_WORDS])
{
	unsigned long long size = size_of(figure), whole = size / FIGURE_UNIT;
	unsigned int part = (unsigned int)(size % FIGURE_UNIT), digits = 3;

	while (part && part % 10 == 0) {
		part /= 10;
		digits--;
	}
	if (part)
		snprintf(out, FIGURE_WORDS, "%s%llu.%0*u", figure & SIGN ? "-" : "", whole,
			 (int)digits, part);
	else
		snprintf(out, FIGURE_WORDS, "%s%llu", figure & SIGN ? "-" : "", whole);
}

const char *figure_words(enum figure_kind kind, uint64_t figure, char out[FIGURE_WORDS])
{
	if (kind == FIGURE_RATE)
		rate_words(figure, out);
	else if (kind == FIGURE_SIGNED)
		snprintf(out, FIGURE_WORDS, "%lld", (long long)figure);
	else
		snprintf(out, FIGURE_WORDS, "%llu", (unsigned long long)figure);
	return out;
}

json_t *figure_json(enum figure_kind kind, uint64_t figure)
{
	if (kind == FIGURE_RATE)
		return json_real((double)(int64_t)figure / FIGURE_UNIT);
	return kind == FIGURE_SIGNED ? json_integer((json_int_t)figure) : json_number(figure);
}

uint64_t figure_extend(uint64_t value, unsigned int bits)
{
	uint64_t sign = 1ull << (bits - 1);

	return (value ^ sign) - sign;
}

uint64_t figure_rate(bool negative, uint64_t change, uint64_t ns)
{
	unsigned __int128 rate = (unsigned __int128)change * FIGURE_UNIT * 1000000000u;

	rate = ns ? (rate + ns / 2) / ns : 0;
	if (rate >= SIGN)
		return negative ? SIGN : SIGN - 1;
	return negative ? -(uint64_t)rate : (uint64_t)rate;
}

/* Thousandths, as many digits as there are; more than three are none. */
static int read_part(const char **text, uint64_t *part)
{
	unsigned int unit = FIGURE_UNIT;

	for (*part = 0, ++*text; **text >= '0' && **text <= '9' && unit > 1; ++*text) {
		unit /= 10;
		*part += (uint64_t)(**text - '0') * unit;
	}
	return unit == FIGURE_UNIT ? -EINVAL : 0;
}

static int read_size(enum figure_kind kind, const char *text, uint64_t *size)
{
	uint64_t part = 0;
	int err = common_scan_number(&text, size);

	if (!err && kind == FIGURE_RATE && *text == '.')
		err = read_part(&text, &part);
	if (err || *text)
		return err ? err : -EINVAL;
	if (kind == FIGURE_RATE && (__builtin_mul_overflow(*size, FIGURE_UNIT, size) ||
				    __builtin_add_overflow(*size, part, size)))
		return -ERANGE;
	return 0;
}

int figure_read(enum figure_kind kind, const char *text, uint64_t *figure)
{
	bool negative = kind != FIGURE_UNSIGNED && *text == '-';
	int err = read_size(kind, text + negative, figure);

	if (err)
		return err;
	if (kind != FIGURE_UNSIGNED && *figure > SIGN - !negative)
		return -ERANGE;
	if (negative)
		*figure = -*figure;
	return 0;
}
