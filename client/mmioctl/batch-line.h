/* SPDX-License-Identifier: MIT */
/*
 * One line of a batch as words. A pure function over text.
 */
#ifndef MMIOCTL_BATCH_LINE_H
#define MMIOCTL_BATCH_LINE_H

#include "output/output.h"

#define LINE_WORDS_MAX 128
#define LINE_BYTES_MAX 65536

struct line {
	struct position position; /* first: it leads back to the line */
	size_t broken_at; /* column of what could not be read; 0: all could */
	char *words[LINE_WORDS_MAX +
		    1]; /* as of main(): the first is the command; NULL ends them */
	size_t columns[LINE_WORDS_MAX]; /* where each begins, from 1 */
	bool quoted[LINE_WORDS_MAX]; /* it is not written as it is */
	size_t count; /* with the first */
};

/*
 * Fills @line with the words of @text, @length bytes, of which @copy has room for one more. NULL, or
 * what is wrong with it.
 */
const char *line_split(struct line *line, const char *text, size_t length, char *copy);

#endif
