/* SPDX-License-Identifier: MIT */
/*
 * The notation of mmiod's files: [section], "key = value", comments, and indented lines that go on
 * with the value above. The one reader of the daemon's configuration and of mmioctl's register maps,
 * so that a file is not good for one and bad for the other.
 *
 * It reads a text in memory, line by line, and changes nothing in it; what an entry points to is
 * valid until the next one is read. Tells of what it cannot read by a sentence, and never guesses.
 * Never installed.
 */
#ifndef MMIOD_COMMON_INI_H
#define MMIOD_COMMON_INI_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMON_INI_LINE 4096 /* the longest, with its end */
#define COMMON_INI_FILE (64u << 20) /* bytes; more is no configuration */

enum common_ini_kind {
	COMMON_INI_END,
	COMMON_INI_SECTION, /* name: what stands between the brackets */
	COMMON_INI_KEY, /* name and value */
	COMMON_INI_MORE, /* value: an indented line */
	COMMON_INI_BAD, /* value: why */
};

struct common_ini {
	const char *text;
	size_t length;
	size_t at;
	unsigned int line; /* of the entry that was read last */
	char buffer[COMMON_INI_LINE];
};

struct common_ini_entry {
	enum common_ini_kind kind;
	char *name;
	char *value;
};

static inline void common_ini_start(struct common_ini *ini, const char *text, size_t length)
{
	ini->text = text;
	ini->length = length;
	ini->line = 0;
	/* Some editors begin a file with a byte order mark. */
	ini->at = length >= 3 && !memcmp(text, "\xef\xbb\xbf", 3) ? 3 : 0;
}

static inline bool common_ini_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\v' || c == '\f';
}

static inline char *common_ini_trim(char *text)
{
	size_t length = strlen(text);

	while (length && common_ini_blank(text[length - 1]))
		text[--length] = '\0';
	while (common_ini_blank(*text))
		text++;
	return text;
}

/* A comment begins with a semicolon that starts the text or follows a blank. */
static inline void common_ini_cut_comment(char *text)
{
	for (char *at = text; *at; at++)
		if (*at == ';' && (at == text || common_ini_blank(at[-1]))) {
			*at = '\0';
			return;
		}
}

static inline void common_ini_fail(struct common_ini_entry *entry, const char *why)
{
	static char none[1];

	entry->kind = COMMON_INI_BAD;
	entry->name = none;
	entry->value = (char *)why;
}

/* The next line, in the buffer; NULL: the end, or @entry says what is wrong with it. */
static inline char *common_ini_line(struct common_ini *ini, struct common_ini_entry *entry)
{
	const char *from = ini->text + ini->at;
	size_t left = ini->length - ini->at, length;
	const char *end;

	entry->kind = COMMON_INI_END;
	if (!left)
		return NULL;
	end = memchr(from, '\n', left);
	length = end ? (size_t)(end - from) : left;
	ini->at += length + (end ? 1 : 0);
	ini->line++;
	if (length >= sizeof(ini->buffer))
		common_ini_fail(entry, "the line is longer than 4095 characters: go on in an "
				       "indented line");
	else if (memchr(from, '\0', length))
		common_ini_fail(entry, "the line has a byte that is no text");
	if (entry->kind == COMMON_INI_BAD)
		return NULL;
	memcpy(ini->buffer, from, length);
	ini->buffer[length] = '\0';
	return ini->buffer;
}

/* Splits "key = value" at the first = or :. */
static inline bool common_ini_split(char *text, struct common_ini_entry *entry)
{
	char *mark = text + strcspn(text, "=:");

	if (!*mark)
		return false;
	*mark = '\0';
	entry->kind = COMMON_INI_KEY;
	entry->name = common_ini_trim(text);
	common_ini_cut_comment(mark + 1);
	entry->value = common_ini_trim(mark + 1);
	return true;
}

static inline void common_ini_section(char *text, struct common_ini_entry *entry)
{
	char *end = strchr(text, ']'), *rest;

	if (!end) {
		common_ini_fail(entry, "a section's name ends with ]");
		return;
	}
	rest = common_ini_trim(end + 1);
	if (*rest && *rest != ';' && *rest != '#') {
		common_ini_fail(entry, "something stands behind the section's name: give it a line "
				       "of its own");
		return;
	}
	*end = '\0';
	entry->kind = COMMON_INI_SECTION;
	entry->name = text + 1;
	entry->value = end;
}

static inline void common_ini_read_line(char *line, struct common_ini_entry *entry)
{
	char *text = common_ini_trim(line);
	bool indented = text != line;

	if (*text == '[' && indented) {
		common_ini_fail(entry, "an indented line goes on with the value above it, and a "
				       "section starts at the start of a line: do not indent it");
	} else if (*text == '[') {
		common_ini_section(text, entry);
	} else if (indented) {
		common_ini_cut_comment(text);
		entry->kind = COMMON_INI_MORE;
		entry->value = common_ini_trim(text);
	} else if (!common_ini_split(text, entry)) {
		common_ini_fail(entry, "neither a [section], nor a \"key = value\", nor a comment "
				       "(; or #)");
	}
}

static inline enum common_ini_kind common_ini_next(struct common_ini *ini,
						   struct common_ini_entry *entry)
{
	char *line;

	while ((line = common_ini_line(ini, entry))) {
		const char *start = line + strspn(line, " \t\r\n\v\f");

		if (!*start || *start == ';' || *start == '#')
			continue;
		common_ini_read_line(line, entry);
		break;
	}
	return entry->kind;
}

/* All of a file, to be freed; NULL: errno, or EFBIG. */
static inline char *common_ini_file(FILE *stream, size_t *length)
{
	size_t room = 4096, used = 0, n;
	char *text = malloc(room), *larger;

	while (text && (n = fread(text + used, 1, room - used, stream)) > 0) {
		used += n;
		if (used < room)
			continue;
		room *= 2;
		errno = EFBIG;
		larger = room <= COMMON_INI_FILE ? realloc(text, room) : NULL;
		if (!larger)
			free(text);
		text = larger;
	}
	if (text && ferror(stream)) {
		free(text);
		return NULL;
	}
	*length = used;
	return text;
}

#endif
