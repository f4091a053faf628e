/* SPDX-License-Identifier: MIT */
/*
 * Text of others, which may be chosen to mislead: a process chooses its own name. Control
 * characters are kept away from terminals and logs, and bytes that are no UTF-8 from programs that
 * would choke on them.
 */
#ifndef MMIOD_COMMON_ESCAPE_H
#define MMIOD_COMMON_ESCAPE_H

#include <stddef.h>

/*
 * How many bytes the character at `text` has, in UTF-8; 0: there is none, or it is a control
 * character, of which some terminals take U+0080 to U+009F as well for escape sequences.
 */
static inline size_t common_character_size(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;
	size_t size = at[0] < 0x80 ? 1 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;

	if (size == 1)
		return at[0] >= 0x20 && at[0] != 0x7f;
	if (at[0] < 0xc2 || at[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < size; i++)
		if ((at[i] & 0xc0) != 0x80) /* the terminating zero too */
			return 0;
	if ((at[0] == 0xc2 || at[0] == 0xe0) && at[1] < 0xa0)
		return 0;
	if ((at[0] == 0xed && at[1] > 0x9f) || (at[0] == 0xf0 && at[1] < 0x90) ||
	    (at[0] == 0xf4 && at[1] > 0x8f))
		return 0;
	return size;
}

/* For text that is shown as it is: each byte that is part of no such character becomes '?'. */
static inline void common_clean(char *text)
{
	while (*text) {
		size_t size = common_character_size(text);

		if (!size)
			*text = '?';
		text += size ? size : 1;
	}
}

/*
 * For text that is told exactly, as in a log: anything but printable ASCII becomes \xNN, and so
 * does the backslash. Reads `length` bytes, or up to a zero; the rest that has no room is left out.
 */
static inline const char *common_escape(char *buffer, size_t size, const char *string,
					size_t length)
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

#endif
