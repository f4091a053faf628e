/* SPDX-License-Identifier: MIT */
/*
 * A register map: what is in it. Pure data: knows neither client, output, nor the file's syntax,
 * which is read.c's.
 */
#include "regmap/regmap.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- access ---- */

static const char *const access_words[MAP_ACCESSES] = {
	[MAP_RW] = "rw",
	[MAP_RO] = "ro",
	[MAP_WO] = "wo",
	[MAP_W1C] = "w1c",
};

const char *access_word(enum map_access access)
{
	return access_words[access];
}

bool access_parse(const char *text, enum map_access *access)
{
	for (enum map_access i = 0; i < MAP_ACCESSES; i++)
		if (!strcmp(text, access_words[i])) {
			*access = i;
			return true;
		}
	return false;
}

/* ---- fields ---- */

uint64_t bits_mask(unsigned int high, unsigned int low)
{
	return (high >= 63 ? UINT64_MAX : (1ull << (high + 1)) - 1) & ~((1ull << low) - 1);
}

uint64_t field_of(const struct map_field *field, uint64_t value)
{
	return (value & bits_mask(field->high, field->low)) >> field->low;
}

const char *field_word(const struct map_field *field, uint64_t value)
{
	for (size_t i = 0; i < field->value_count; i++)
		if (field->values[i].number == value)
			return field->values[i].word;
	return NULL;
}

struct map_field *regmap_field(const struct map_register *reg, const char *name, size_t length)
{
	for (size_t i = 0; i < reg->field_count; i++)
		if (strlen(reg->fields[i].name) == length &&
		    !strncasecmp(reg->fields[i].name, name, length))
			return &reg->fields[i];
	return NULL;
}

const struct map_field *field_named(const struct map_register *reg, const char *name)
{
	return regmap_field(reg, name, strlen(name));
}

/* ---- registers ---- */

const struct map_register *regmap_named(const struct regmap *map, const char *name, size_t length)
{
	for (size_t i = 0; i < map->count; i++)
		if (strlen(map->registers[i].name) == length &&
		    !strncasecmp(map->registers[i].name, name, length))
			return &map->registers[i];
	return NULL;
}

const struct map_register *regmap_at(const struct regmap *map, uint64_t offset)
{
	for (size_t i = 0; i < map->count; i++)
		if (map->registers[i].offset == offset + map->skip)
			return &map->registers[i];
	return NULL;
}

/* ---- the map ---- */

/* NULL: out of memory. */
struct regmap *regmap_new(const char *file)
{
	struct regmap *map = calloc(1, sizeof(*map));

	if (!map)
		return NULL;
	map->width = 4;
	map->file = strdup(file);
	map->title = strdup("");
	map->regions = strdup("");
	map->ids = strdup("");
	if (map->file && map->title && map->regions && map->ids)
		return map;
	regmap_free(map);
	return NULL;
}

static void clear_register(struct map_register *reg)
{
	for (size_t i = 0; i < reg->field_count; i++) {
		free(reg->fields[i].description);
		free(reg->fields[i].values);
	}
	free(reg->fields);
	free(reg->description);
}

/* NULL: no-op. */
void regmap_free(struct regmap *map)
{
	if (!map)
		return;
	for (size_t i = 0; i < map->count; i++)
		clear_register(&map->registers[i]);
	free(map->registers);
	free(map->file);
	free(map->title);
	free(map->regions);
	free(map->ids);
	free(map);
}
