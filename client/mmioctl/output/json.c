/* SPDX-License-Identifier: MIT */
/*
 * Values as JSON. Numbers stay exact, and text from elsewhere (file names, names of processes, what
 * the user typed) is made UTF-8 first: nothing that somebody chose makes an object disappear.
 * Nothing here prints: json-write.c does.
 */
#include "output/output.h"

#include <stdlib.h>
#include <string.h>
#include <common/escape.h>

/*
 * JSON's integers have 63 bits here. A number that needs the 64th is a string of hexadecimal
 * digits, never a rounded number.
 */
json_t *json_number(uint64_t number)
{
	char hex[24];

	if (number <= INT64_MAX)
		return json_integer((json_int_t)number);
	snprintf(hex, sizeof(hex), "0x%llx", (unsigned long long)number);
	return json_string(hex);
}

json_t *json_place(uint64_t offset)
{
	return offset == UINT64_MAX ? json_null() : json_number(offset);
}

/*
 * A register's contents: always as a string in its width, as a number only where every reader of
 * JSON keeps it exact.
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
	common_clean(copy);
	string = json_string(copy);
	free(copy);
	return string;
}
