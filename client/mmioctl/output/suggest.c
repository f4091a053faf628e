/* SPDX-License-Identifier: MIT */
/*
 * The word that was probably meant: the one at the smallest edit distance, if that is small.
 */
#include "output/output.h"

#include <string.h>

#define WORD_MAX 24

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

/* Levenshtein's, one row at a time. */
static size_t distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1], length = strlen(b);

	for (size_t j = 0; j <= length; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= length; j++) {
			size_t above = row[j];

			row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[length];
}

const char *nearest_word(const char *word, const char *const *words, size_t count)
{
	size_t best = strlen(word) / 2 + 1;
	const char *nearest = NULL;

	if (strlen(word) > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		size_t d = distance(word, words[i]);

		if (d < best ||
		    (strlen(word) >= 2 && !nearest && !strncmp(words[i], word, strlen(word)))) {
			best = d;
			nearest = words[i];
		}
	}
	return nearest;
}
