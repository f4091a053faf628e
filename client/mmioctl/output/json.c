/* SPDX-License-Identifier: MIT */
/*
 * Values as JSON. Numbers stay exact, and text from elsewhere (file names, names of processes, what
 * the user typed) is made UTF-8 first: nothing that somebody chose makes an object disappear. Nothing
 * here prints: table.c does.
 */
#include "output/output.h"

#include <stdlib.h>
#include <string.h>

#define CHARACTER_MAX 4 /* bytes */

/*
 * JSON's integers have 63 bits here. What needs the 64th is
 * a string of hexadecimal digits, never a rounded number.
 */
json_t *json_number(uint64_t number)
{
	char hex[24];

	if (number <= INT64_MAX)
		return json_integer((json_int_t)number);
	snprintf(hex, sizeof(hex), "0x%llx", (unsigned long long)number);
	return json_string(hex);
}

/*
 * A register's contents: always as a string in its width, as
 * a number only where every reader of JSON keeps it exact.
 */
json_t *json_register(uint64_t value, unsigned int width)
{
	json_t *object = json_object();
	char hex[24];

	snprintf(hex, sizeof(hex), "0x%0*llx", (int)width * 2, (unsigned long long)value);
	json_object_set_new(object, "hex", json_string(hex));
	if (value <= 1ull << 53)
		json_object_set_new(object, "value", json_integer((json_int_t)value));
	return object;
}

/* Bytes of the character at @text; 0: no UTF-8. */
static size_t character_size(const char *text)
{
	size_t most = strnlen(text, CHARACTER_MAX);

	for (size_t size = 1; size <= most; size++) {
		json_t *character = json_stringn(text, size);

		json_decref(character);
		if (character)
			return size;
	}
	return 0;
}

/* Bytes that are no UTF-8 become '?'. */
void make_utf8(char *text)
{
	while (*text) {
		size_t size = character_size(text);

		if (!size)
			*text = '?';
		text += size ? size : 1;
	}
}

/* A string; of text that is no UTF-8, what is left of it. NULL: out of memory. */
json_t *json_text(const char *text)
{
	json_t *string = json_string(text);
	char *copy;

	if (string)
		return string;
	copy = strdup(text);
	if (!copy)
		return NULL;
	make_utf8(copy);
	string = json_string(copy);
	free(copy);
	return string;
}
