// SPDX-License-Identifier: MIT
/*
 * For every key's setter: refusing a value with file and line, and the values that many keys share.
 */
#include <stdarg.h>
#include <string.h>
#include "config/cursor.h"
#include "config/value.h"

int config_refuse(struct config_cursor *cursor, const char *format, ...)
{
	char sentence[TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	text_set(cursor->why, "%s:%u: %s", cursor->at.file, cursor->at.line, sentence);
	return -EINVAL;
}

int config_bind_word(struct config_cursor *cursor, const char *value, enum config_bind *bind)
{
	if (!strcmp(value, "yes"))
		*bind = CONFIG_BIND_YES;
	else if (!strcmp(value, "force"))
		*bind = CONFIG_BIND_FORCE;
	else if (!strcmp(value, "no"))
		*bind = CONFIG_BIND_NO;
	else
		return config_refuse(cursor,
				     "\"%s\" is not a way to bind: write yes, no, or force, which "
				     "takes the device from another driver",
				     value);
	return 0;
}

int config_dma_bits(struct config_cursor *cursor, const char *value, uint32_t *bits)
{
	uint64_t number;

	if (value_number(value, &number) < 0 || number < 24 || number > 64)
		return config_refuse(cursor,
				     "\"%s\" is not how many bits the device's DMA addresses have: "
				     "24 to 64, and 32 unless said",
				     value);
	*bits = (uint32_t)number;
	return 0;
}

int config_yes_no(struct config_cursor *cursor, const char *value, bool *answer)
{
	if (strcmp(value, "yes") && strcmp(value, "no"))
		return config_refuse(cursor, "\"%s\" is neither yes nor no", value);
	*answer = !strcmp(value, "yes");
	return 0;
}

/*
 * Cuts the next word off *@rest: up to a blank or a comma, or what stands in double quotes. NULL:
 * none is left. A quote that is not closed leaves *@rest at it.
 */
static char *next_word(char **rest)
{
	char *word = *rest + strspn(*rest, " \t,"), *end;

	*rest = word;
	if (!*word)
		return NULL;
	if (*word != '"') {
		end = word + strcspn(word, " \t,");
	} else {
		end = strchr(++word, '"');
		if (!end || (end[1] && !strchr(" \t,", end[1])))
			return NULL;
	}
	*rest = *end ? end + 1 : end;
	*end = '\0';
	return word;
}

/*
 * Calls `add` for each word of a list; words are separated by blanks or commas, and one that has
 * such in it stands in double quotes.
 */
int config_each_word(struct config_cursor *cursor, const char *value, void *list,
		     int (*add)(struct config_cursor *cursor, void *list, const char *word))
{
	_cleanup_(freep) char *copy = strdup(value);
	char *rest = copy, *word;
	int r = 0, n = 0;

	if (!copy)
		return config_refuse(cursor, "out of memory");
	cursor->value = value;
	for (; r == 0 && (word = next_word(&rest)); n++)
		r = *word ? add(cursor, list, word) : config_refuse(cursor, "\"\" names nothing");
	if (r == 0 && *rest)
		r = config_refuse(cursor,
				  "%s: double quotes begin and end a word, which they do not here",
				  rest);
	return r < 0 || n ? r
			  : config_refuse(cursor,
					  "the value is empty: name something or remove the key");
}
