/* SPDX-License-Identifier: MIT */
/*
 * Sentences of bounded length: built piece by piece into a caller's buffer, cut at its end, never
 * failing.
 *
 * Strings that a client chose pass through common_escape() before they are shown to anybody.
 */
#ifndef MMIOD_DAEMON_BASE_TEXT_H
#define MMIOD_DAEMON_BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include "base/util.h"

#define TEXT_MAX 384 /* a sentence for a client or the journal, with its terminating zero */

struct text {
	char *data; /* the caller's; always terminated */
	size_t size;
	size_t length;
};

#define TEXT_ON(buffer) ((struct text){ .data = (buffer), .size = sizeof(buffer) })

void text_init(struct text *text, char *buffer, size_t size);
void text_reset(struct text *text);
void text_add(struct text *text, const char *format, ...) _printf_(2, 3);
void text_set(struct text *text, const char *format, ...) _printf_(2, 3);

void text_add_size(struct text *text, uint64_t bytes);
void text_add_age(struct text *text, uint64_t seconds);
void text_add_duration(struct text *text, uint32_t milliseconds);

#endif
