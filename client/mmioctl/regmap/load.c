/* SPDX-License-Identifier: MIT */
/*
 * A register map from a file, whose format is told by what is in it: XML, JSON, LiteX's lines, or
 * else a file of our own; and if that names a source, from there.
 */
#include "regmap/formats.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <common/ini.h>

/* ---- formats ---- */

static bool is_csr_line(const char *line, size_t length)
{
	static const char *const words[] = { "csr_base,", "csr_register,", "constant,",
					     "memory_region," };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (length >= strlen(words[i]) && !strncmp(line, words[i], strlen(words[i])))
			return true;
	return false;
}

/* The first line that is neither empty nor a comment decides. UTF-16 is XML's alone. */
static map_reader *reader_of(const char *text, size_t length)
{
	if (length >= 2 && (!memcmp(text, "\xff\xfe", 2) || !memcmp(text, "\xfe\xff", 2)))
		return map_read_xml;
	if (length >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		text += 3;
	for (; *text; text += strcspn(text, "\n") + (text[strcspn(text, "\n")] == '\n')) {
		text += strspn(text, " \t\r\n\v\f");
		if (*text == '<')
			return map_read_xml;
		if (*text == '{')
			return map_read_csr_json;
		if (is_csr_line(text, strcspn(text, "\n")))
			return map_read_csr_csv;
		if (*text && *text != '#' && *text != ';')
			break;
	}
	return map_read_ini;
}

/* ---- files ---- */

/* NULL: told. */
static char *read_file(struct map_build *build, const char *file, size_t *length)
{
	FILE *stream = fopen(file, "re");
	char *text = stream ? common_ini_file(stream, length) : NULL;
	char *whole = text ? realloc(text, *length + 1) : NULL;
	int err = errno;

	if (stream)
		fclose(stream);
	if (whole) {
		whole[*length] = '\0';
		return whole;
	}
	free(text);
	build->err = text ? -ENOMEM : -err;
	snprintf(build->error, build->size, "%." MAP_FILE_SHOWN "s: %s", file,
		 strerror(-build->err));
	return NULL;
}

static bool check_choice(struct map_build *build, const struct map_choice *choice)
{
	const char *order = choice->order;

	if (order && strcmp(order, "big") && strcmp(order, "little"))
		build_refuse(build, 0, "word order \"%s\": it is big or little", order);
	return !build->err;
}

static void read_map(struct map_build *build, const struct map_choice *choice, bool ours_too)
{
	struct map_text text = { .choice = choice };
	char *content = NULL;
	map_reader *reader;

	if (check_choice(build, choice))
		content = read_file(build, build->map->file, &text.length);
	if (!content)
		return;
	text.text = content;
	reader = reader_of(content, text.length);
	if (reader == map_read_ini && !ours_too)
		build_refuse(build, 0, "a source is not a map of mmiod's own, nor any other ini");
	else if (reader == map_read_ini && (choice->peripheral || choice->base.is))
		build_refuse(build, 0, "a map of mmiod's own has no peripherals, and no base");
	else
		reader(build, &text);
	if (choice->order)
		build->map->big = !strcmp(choice->order, "big");
	free(content);
}

/* ---- sources ---- */

/* What stands in the map that names the source takes precedence. */
static void take_heading(struct regmap *map, struct regmap *heading)
{
	char **to[] = { &map->title, &map->regions, &map->ids },
	     **from[] = { &heading->title, &heading->regions, &heading->ids };

	for (size_t i = 0; i < sizeof(to) / sizeof(to[0]); i++) {
		char *text = *to[i];

		if (!(*from[i])[0])
			continue;
		*to[i] = *from[i];
		*from[i] = text;
	}
	map->pci_class = heading->pci_class;
	map->bar = heading->bar;
	if (heading->word) {
		map->word = heading->word;
		map->big = heading->big;
	}
}

/* A path is from the directory of the map that names it. */
static bool source_path(struct map_build *build, char path[PATH_MAX])
{
	const struct regmap *map = build->map;
	char *copy = strdup(map->file);
	int length;

	if (!copy) {
		build_no_memory(build);
		return false;
	}
	if (map->source[0] == '/')
		length = snprintf(path, PATH_MAX, "%s", map->source);
	else
		length = snprintf(path, PATH_MAX, "%s/%s", dirname(copy), map->source);
	free(copy);
	if (length >= PATH_MAX)
		build_refuse(build, 0, "source: the path is too long");
	return !build->err;
}

static void follow_source(struct map_build *build, const struct map_choice *all)
{
	struct regmap *heading = build->map;
	struct map_choice choice = {
		.peripheral = heading->peripheral[0] ? heading->peripheral : NULL,
		.base = heading->base,
		.all = all->all,
		.order = all->order,
	};
	char path[PATH_MAX];

	if (!source_path(build, path))
		return;
	build->map = regmap_new(path);
	if (build->map) {
		read_map(build, &choice, false);
		take_heading(build->map, heading);
		regmap_free(heading);
	} else {
		build->map = heading;
		build_no_memory(build);
	}
}

int regmap_load(const char *file, const struct map_choice *choice,
		const struct map_hearing *hearing, struct regmap **map, char *error, size_t size)
{
	static const struct map_choice none;
	struct map_build build = {
		.map = regmap_new(file), .hearing = hearing, .error = error, .size = size
	};

	if (!build.map) {
		snprintf(error, size, "out of memory");
		return -ENOMEM;
	}
	choice = choice ? choice : &none;
	read_map(&build, choice, true);
	if (!build.err && build.map->source[0])
		follow_source(&build, choice);
	if (build.err)
		regmap_free(build.map);
	else
		*map = build.map;
	return build.err;
}
