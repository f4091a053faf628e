/* SPDX-License-Identifier: MIT */
/*
 * Figures: numbers of 64 bits that are shown as what they stand for. Those that can be negative, and those
 * with a fraction, are whole numbers in two's complement, so that none loses a bit on its way.
 */
#ifndef MMIOCTL_FIGURE_H
#define MMIOCTL_FIGURE_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>

#define FIGURE_WORDS 32
#define FIGURE_UNIT 1000 /* a FIGURE_RATE of 1 */

enum figure_kind {
	FIGURE_UNSIGNED,
	FIGURE_SIGNED,
	FIGURE_RATE, /* in thousandths, signed */
};

/* Of two figures of one kind, the greater has the greater rank; ranks are as far apart as figures are. */
uint64_t figure_rank(enum figure_kind kind, uint64_t figure);
uint64_t figure_of_rank(enum figure_kind kind, uint64_t rank);
/* Decimal, with as many digits behind the point as it takes. */
const char *figure_words(enum figure_kind kind, uint64_t figure, char out[FIGURE_WORDS]);
json_t *figure_json(enum figure_kind kind, uint64_t figure);
/* A value of @bits bits, with the sign that the highest of them is. */
uint64_t figure_extend(uint64_t value, unsigned int bits);
/* What changed by so much in @ns, in a second. Beyond what 64 bits hold it is the most, or the least. */
uint64_t figure_rate(bool negative, uint64_t change, uint64_t ns);
/* Of that kind: decimal, or 0x…; with a sign and a fraction where the kind has them. 0, -EINVAL or -ERANGE. */
int figure_read(enum figure_kind kind, const char *text, uint64_t *figure);

#endif
