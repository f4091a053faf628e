/* SPDX-License-Identifier: MIT */
/*
 * Debugging letters from the environment, in the kernel's slab_debug format:
 *
 *	LETTERS[,NAME[,NAME...]][;LETTERS[,NAME...]]...
 *
 * The kernel skips letters that it does not know; here they are an error with their position, for
 * debugging that is off by a slip of the pen finds nothing. A program with more rights than its
 * user reads no environment.
 */
#include "cache/cache.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define VARIABLE "MMIOD_CACHE_DEBUG"
#define FAIL_VARIABLE "MMIOD_CACHE_FAILSLAB"
#define FAIL_PERCENT 10

/* SLUB's default, for a block without letters. */
#define FLAGS_DEFAULT                                                                          \
	(MMIOD_OBJECT_CACHE_SANITY | MMIOD_OBJECT_CACHE_RED_ZONE | MMIOD_OBJECT_CACHE_POISON | \
	 MMIOD_OBJECT_CACHE_USER)

/* The result of one block, or of all that apply. */
struct letters {
	unsigned int flags;
	bool no_growth; /* O */
};

static const struct {
	char letter;
	unsigned int flag;
} known[] = {
	{ 'f', MMIOD_OBJECT_CACHE_SANITY }, { 'z', MMIOD_OBJECT_CACHE_RED_ZONE },
	{ 'p', MMIOD_OBJECT_CACHE_POISON }, { 'u', MMIOD_OBJECT_CACHE_USER },
	{ 't', MMIOD_OBJECT_CACHE_TRACE },  { 'a', MMIOD_OBJECT_CACHE_FAILSLAB },
};

static bool read_letter(char letter, struct letters *letters)
{
	char lower = (char)tolower((unsigned char)letter);

	if (lower == '-')
		letters->flags = 0;
	else if (lower == 'o')
		letters->no_growth = true;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (known[i].letter == lower) {
			letters->flags |= known[i].flag;
			return true;
		}
	return lower == '-' || lower == 'o';
}

int options_fail(char *error, size_t size, const char *format, ...)
{
	va_list arguments;

	if (!error)
		return -EINVAL;
	va_start(arguments, format);
	vsnprintf(error, size, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

/* From @text up to ',' or ';' or its end, where @*end is then. */
static int read_letters(const char *all, const char *text, struct letters *letters,
			const char **end, char *error, size_t size)
{
	*letters = (struct letters){ .flags = *text == ',' ? FLAGS_DEFAULT : 0 };
	for (; *text && *text != ',' && *text != ';'; text++)
		if (!read_letter(*text, letters))
			return options_fail(error, size,
					    VARIABLE ": '%c' at position %td is no letter of "
						     "F Z P U T A O -",
					    *text, text - all + 1);
	*end = text;
	return 0;
}

/*
 * Whether the block's names, from the comma @text on, have @name among them; @*end is where the
 * block ends.
 */
static bool match_names(const char *text, const char *name, const char **end)
{
	bool matches = false;

	while (*text == ',') {
		size_t length = strcspn(text + 1, ",;");
		char *pattern = strndup(text + 1, length);

		if (pattern && *pattern && !fnmatch(pattern, name, 0))
			matches = true;
		free(pattern);
		text += 1 + length;
	}
	*end = text;
	return matches;
}

static int read_blocks(const char *all, const char *name, struct letters *letters, char *error,
		       size_t size)
{
	struct letters block;
	const char *text = all;
	bool named = false;

	while (*text) {
		int err = read_letters(all, text, &block, &text, error, size);

		if (err)
			return err;
		if (*text != ',') {
			if (!named)
				*letters = block;
		} else if (match_names(text, name, &text) && !named) {
			*letters = block;
			named = true;
		}
		if (*text == ';')
			text++;
	}
	return 0;
}

int letters_read(const char *name, unsigned int *flags, bool *no_growth, char *error, size_t size)
{
	const char *text = secure_getenv(VARIABLE);
	const char *abort_too = secure_getenv("MMIOD_CACHE_ABORT");
	struct letters letters = { 0 };
	int err = text ? read_blocks(text, name, &letters, error, size) : 0;

	*flags |= letters.flags;
	*no_growth = letters.no_growth;
	if (abort_too && *abort_too && strcmp(abort_too, "0"))
		*flags |= MMIOD_OBJECT_CACHE_ABORT;
	return err;
}

/* PERCENT[,SEED] */
int failslab_read(unsigned int *percent, uint64_t *seed, char *error, size_t size)
{
	const char *text = secure_getenv(FAIL_VARIABLE);
	unsigned long value;
	char *end;

	*percent = FAIL_PERCENT;
	*seed = 0;
	if (!text || !*text)
		return 0;
	value = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)*text) || value > 100 || (*end && *end != ','))
		return options_fail(error, size,
				    FAIL_VARIABLE ": \"%s\" is not PERCENT[,SEED], 0 to 100", text);
	*percent = (unsigned int)value;
	if (*end == ',' && isdigit((unsigned char)end[1]))
		*seed = strtoull(end + 1, &end, 0);
	if (*end)
		return options_fail(error, size, FAIL_VARIABLE ": \"%s\": the seed is no number",
				    text);
	return 0;
}
