// SPDX-License-Identifier: MIT
/*
 * Sentences of bounded length, and the nearest word
 * to a misspelt one. Pure functions, no allocation.
 */
#include <stdarg.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "text.h"

void text_init(struct text *text, char *buffer, size_t size)
{
	*text = (struct text){ .data = buffer, .size = size };
	if (size)
		buffer[0] = '\0';
}

void text_reset(struct text *text)
{
	text->length = 0;
	if (text->size)
		text->data[0] = '\0';
}

static void text_vadd(struct text *text, const char *format, va_list arguments) _printf_(2, 0);

static void text_vadd(struct text *text, const char *format, va_list arguments)
{
	size_t room = text->size - text->length;
	int n;

	if (!text->size)
		return;
	n = vsnprintf(text->data + text->length, room, format, arguments);
	if (n < 0)
		return;
	text->length += (size_t)n < room ? (size_t)n : room - 1;
}

void text_add(struct text *text, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	text_vadd(text, format, arguments);
	va_end(arguments);
}

void text_set(struct text *text, const char *format, ...)
{
	va_list arguments;

	text_reset(text);
	va_start(arguments, format);
	text_vadd(text, format, arguments);
	va_end(arguments);
}

/*
 * Shows a string that a client chose: anything but
 * printable ASCII becomes \xNN, and so does the backslash.
 */
const char *text_escape(char *buffer, size_t size, const char *string, size_t length)
{
	static const char hex[] = "0123456789abcdef";
	size_t out = 0;

	for (size_t i = 0; i < length && string[i]; i++) {
		unsigned char c = (unsigned char)string[i];
		int plain = c >= 0x20 && c < 0x7f && c != '\\';

		if (out + (plain ? 1 : 4) >= size)
			break;
		if (plain) {
			buffer[out++] = (char)c;
			continue;
		}
		buffer[out++] = '\\';
		buffer[out++] = 'x';
		buffer[out++] = hex[c >> 4];
		buffer[out++] = hex[c & 15];
	}
	if (size)
		buffer[out] = '\0';
	return buffer;
}

void text_add_size(struct text *text, uint64_t bytes)
{
	static const char units[] = "KMGTPE";
	int unit = -1;

	while (unit < 5 && bytes >= 1024 && bytes % 1024 == 0) {
		bytes /= 1024;
		unit++;
	}
	if (unit < 0)
		text_add(text, "%" PRIu64 " bytes", bytes);
	else
		text_add(text, "%" PRIu64 " %ciB", bytes, units[unit]);
}

void text_add_age(struct text *text, uint64_t seconds)
{
	if (seconds < 120)
		text_add(text, "%" PRIu64 " s", seconds);
	else if (seconds < 7200)
		text_add(text, "%" PRIu64 " min", seconds / 60);
	else
		text_add(text, "%" PRIu64 " h", seconds / 3600);
}

/* Exactly: nobody wants to read "0 s" of a time of 500 ms. */
void text_add_duration(struct text *text, uint32_t milliseconds)
{
	if (milliseconds % 1000)
		text_add(text, "%u ms", milliseconds);
	else if (milliseconds % 60000)
		text_add(text, "%u s", milliseconds / 1000);
	else
		text_add(text, "%u min", milliseconds / 60000);
}

#define WORD_MAX 64

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

/*
 * The number of single letters to insert, delete or replace
 * (Levenshtein); WORD_MAX for words that are too long.
 */
size_t text_distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1], la = strlen(a), lb = strlen(b);

	if (la >= WORD_MAX || lb >= WORD_MAX)
		return WORD_MAX;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t above = row[j];

			row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[lb];
}

/* The candidate that the word was most likely meant to be, or NULL if none is near. */
const char *text_nearest(const char *word, const char *const *candidates, size_t count)
{
	size_t best = strlen(word) / 2 + 1;
	const char *nearest = NULL;

	for (size_t i = 0; i < count; i++) {
		size_t distance = text_distance(word, candidates[i]);

		if (distance <= best && (!nearest || distance < best)) {
			best = distance;
			nearest = candidates[i];
		}
	}
	return nearest;
}
