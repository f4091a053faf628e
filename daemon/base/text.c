// SPDX-License-Identifier: MIT
/* Sentences of bounded length. Pure functions, no allocation. */
#include <stdarg.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/text.h"

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
