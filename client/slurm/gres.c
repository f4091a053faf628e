/* SPDX-License-Identifier: MIT */
/*
 * Which regions a job gets for the GRES that it got on a node: by the maps of plugstack.conf, from
 * the detail that slurmctld writes, NAME[:TYPE]:COUNT[(…)] with commas between them. The parentheses
 * have commas too.
 */
#include "plugin.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

/* The end of the item that starts at @at: a comma outside of parentheses, or the end. */
static const char *item_end(const char *at)
{
	int depth = 0;

	for (; *at && (depth || *at != ','); at++)
		depth += *at == '(' ? 1 : *at == ')' ? -1 : 0;
	return at;
}

static bool is(const char *word, const char *at, size_t length)
{
	return strlen(word) == length && !memcmp(word, at, length);
}

/* @length: of NAME[:TYPE]:COUNT, without parentheses. A count of 0 is nothing. */
static bool fits(const struct map *map, const char *at, size_t length)
{
	const char *colon = memchr(at, ':', length), *type = NULL, *count;
	size_t name = colon ? (size_t)(colon - at) : length;

	if (!is(map->name, at, name))
		return false;
	count = colon ? memrchr(at, ':', length) : NULL;
	if (count && count[1] == '0' && count + 2 == at + length)
		return false;
	if (!strcmp(map->type, "*"))
		return true;
	/* Without a second colon there is no type, unless what follows is no number. */
	if (colon && (count != colon || !isdigit((unsigned char)colon[1])))
		type = colon + 1;
	return type && is(map->type, type,
			  count > colon ? (size_t)(count - type) : (size_t)(at + length - type));
}

static bool have(const struct patterns *patterns, const char *text)
{
	for (size_t i = 0; i < patterns->count; i++)
		if (!strcmp(patterns->text[i], text))
			return true;
	return false;
}

static int add_patterns(struct patterns *patterns, const struct map *map, char *error)
{
	char copy[sizeof(map->patterns)], *rest = copy, *text;

	strcpy(copy, map->patterns);
	while ((text = strsep(&rest, ","))) {
		if (!text[0] || have(patterns, text))
			continue;
		if (strlen(text) >= sizeof(patterns->text[0]) || patterns->count == PATTERNS_MAX)
			return fail(error, -EINVAL,
				    "gres=%s:%s:%s: a grant has at most %d regions of at most %zu "
				    "characters",
				    map->name, map->type, map->patterns, PATTERNS_MAX,
				    sizeof(patterns->text[0]) - 1);
		strcpy(patterns->text[patterns->count++], text);
	}
	return 0;
}

int gres_patterns(const struct settings *settings, const char *detail, struct patterns *patterns,
		  char *error)
{
	int err = 0;

	patterns->count = 0;
	for (const char *at = detail ? detail : "", *end; *at; at = *end ? end + 1 : end) {
		const char *open;

		end = item_end(at);
		open = memchr(at, '(', (size_t)(end - at));
		for (size_t i = 0; !err && i < settings->map_count; i++)
			if (fits(&settings->maps[i], at, (size_t)((open ? open : end) - at)))
				err = add_patterns(patterns, &settings->maps[i], error);
	}
	return err;
}
