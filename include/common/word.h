/* SPDX-License-Identifier: MIT */
/*
 * Words for numbers that daemon and clients both show, and the word that was probably meant. A file
 * that includes the tables asserts that they are in the order of its enum.
 */
#ifndef MMIOD_COMMON_WORD_H
#define MMIOD_COMMON_WORD_H

#include <stddef.h>
#include <string.h>

#define COMMON_WORD_MAX 64

static const char *const common_memtype_words[] = { NULL, "uc", "wc", "wb", "wt", "wp", "uc-" };
static const char *const common_share_words[] = { NULL, "exclusive", "shared-read", "shared-write",
						  "guest" };
static const char *const common_memory_words[] = { "region", "pages", "kmalloc", "vmalloc", "dma" };

static inline const char *common_word_of(const char *const *words, size_t count, size_t number,
					 const char *other)
{
	return number < count && words[number] ? words[number] : other;
}

/* Of a table; `other`: what a number that has no word is. */
#define common_word(words, number, other) \
	common_word_of(words, sizeof(words) / sizeof((words)[0]), (size_t)(number), other)

static inline size_t common_least(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

/*
 * The number of single letters to insert, delete or replace (Levenshtein, one row at a time);
 * COMMON_WORD_MAX for words that are too long.
 */
static inline size_t common_distance(const char *a, const char *b)
{
	size_t row[COMMON_WORD_MAX + 1], length = strlen(b);

	if (strlen(a) >= COMMON_WORD_MAX || length >= COMMON_WORD_MAX)
		return COMMON_WORD_MAX;
	for (size_t j = 0; j <= length; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= length; j++) {
			size_t above = row[j];

			row[j] = common_least(above + 1, row[j - 1] + 1,
					      diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[length];
}

/* Whether it begins with this, of which there are two letters at least. */
static inline int common_begins(const char *word, const char *beginning)
{
	size_t length = strlen(beginning);

	return length >= 2 && !strncmp(word, beginning, length);
}

/*
 * The first of the words that this one is the beginning of, or else the nearest, if no more letters
 * differ than half of its own and one, for two that changed places are two. NULL: there is none.
 */
static inline const char *common_nearest(const char *word, const char *const *words, size_t count)
{
	size_t best = strlen(word) / 2 + 2;
	const char *nearest = NULL;

	for (size_t i = 0; i < count; i++) {
		size_t distance = common_distance(word, words[i]);

		if (common_begins(words[i], word))
			return words[i];
		if (distance < best && distance < COMMON_WORD_MAX) {
			best = distance;
			nearest = words[i];
		}
	}
	return nearest;
}

#endif
