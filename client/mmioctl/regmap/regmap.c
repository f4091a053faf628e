/* SPDX-License-Identifier: MIT */
/*
 * A register map: what is in it. Pure data: knows neither client, output, nor any file's syntax.
 */
#include "regmap/regmap.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- access ---- */

static const char *const access_words[MAP_ACCESSES] = {
	[MAP_RW] = "rw",   [MAP_RO] = "ro",	  [MAP_WO] = "wo",	   [MAP_W1C] = "w1c",
	[MAP_W1S] = "w1s", [MAP_W1T] = "w1t",	  [MAP_W0C] = "w0c",	   [MAP_W0S] = "w0s",
	[MAP_W0T] = "w0t", [MAP_WONCE] = "wonce", [MAP_RWONCE] = "rwonce", [MAP_WACT] = "wact",
};

static const char *const read_words[MAP_READS] = {
	[MAP_READ_NOTHING] = "none",
	[MAP_READ_CLEARS] = "clear",
	[MAP_READ_SETS] = "set",
	[MAP_READ_MODIFIES] = "modify",
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

bool access_reads(enum map_access access)
{
	return access != MAP_WO && access != MAP_WONCE;
}

bool access_has_neutral(enum map_access access)
{
	return access != MAP_WONCE && access != MAP_RWONCE && access != MAP_WACT;
}

const char *read_word(enum map_read read)
{
	return read_words[read];
}

bool read_parse(const char *text, enum map_read *read)
{
	for (enum map_read i = 0; i < MAP_READS; i++)
		if (!strcmp(text, read_words[i])) {
			*read = i;
			return true;
		}
	return false;
}

bool register_reads_act(const struct map_register *reg)
{
	for (size_t i = 0; i < reg->field_count; i++)
		if (reg->fields[i].read)
			return true;
	return reg->read;
}

/* ---- fields ---- */

uint64_t bits_mask(unsigned int high, unsigned int low)
{
	return (high >= 63 ? UINT64_MAX : (1ull << (high + 1)) - 1) & ~((1ull << low) - 1);
}

/* ---- writing one field of a register ---- */

static uint64_t bits_of(const struct map_register *reg, enum map_access access)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < reg->field_count; i++)
		if (reg->fields[i].access == access)
			bits |= bits_mask(reg->fields[i].high, reg->fields[i].low);
	return bits;
}

/*
 * Bits that act when 1 is written must not be written back as they were read, and what is read of a
 * write-only field means nothing.
 */
uint64_t register_clearing(const struct map_register *reg)
{
	if (reg->access >= MAP_W1C && reg->access <= MAP_W1T)
		return UINT64_MAX;
	return bits_of(reg, MAP_W1C) | bits_of(reg, MAP_W1S) | bits_of(reg, MAP_W1T) |
	       bits_of(reg, MAP_WO);
}

/* Those that act when 0 is written. */
uint64_t register_setting(const struct map_register *reg)
{
	if (reg->access >= MAP_W0C && reg->access <= MAP_W0T)
		return UINT64_MAX;
	return bits_of(reg, MAP_W0C) | bits_of(reg, MAP_W0S) | bits_of(reg, MAP_W0T);
}

uint64_t register_unreadable(const struct map_register *reg)
{
	return bits_of(reg, MAP_WO);
}

const char *register_why_whole(const struct map_register *reg)
{
	if (!access_reads(reg->access))
		return "is write-only: what its other fields hold cannot be read, so write all of "
		       "it";
	if (register_reads_act(reg))
		return "acts when it is read, which writing one field does: write all of it";
	for (size_t i = 0; i < reg->field_count; i++)
		if (!access_has_neutral(reg->fields[i].access))
			return "has a field that acts on any write, or is written once: write all "
			       "of it";
	if (!access_has_neutral(reg->access))
		return "acts on any write, or is written once: write all of it";
	return NULL;
}

uint64_t field_of(const struct map_field *field, uint64_t value)
{
	return (value & bits_mask(field->high, field->low)) >> field->low;
}

const char *field_word(const struct map_field *field, uint64_t value)
{
	for (size_t i = 0; i < field->value_count; i++)
		if (field->values[i].number == (value & field->values[i].care))
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

/*
 * The index is a table of open addressing: places in @registers and 1, or 0 where it is empty. It is
 * never more than half full.
 */
static uint32_t hash(const char *name, size_t length)
{
	uint32_t value = 2166136261u;

	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)name[i];

		value = (value ^ (c >= 'a' && c <= 'z' ? c - 32u : c)) * 16777619u;
	}
	return value;
}

static void enter_index(struct regmap *map, size_t i)
{
	const char *name = map->registers[i].name;
	size_t at = hash(name, strlen(name)) & (map->index_size - 1);

	while (map->index[at])
		at = (at + 1) & (map->index_size - 1);
	map->index[at] = (uint32_t)i + 1;
}

static bool grow_index(struct regmap *map)
{
	size_t size = map->index_size ? map->index_size * 2 : 64;
	uint32_t *index = calloc(size, sizeof(*index));

	if (!index)
		return false;
	free(map->index);
	map->index = index;
	map->index_size = size;
	for (size_t i = 0; i + 1 < map->count; i++)
		enter_index(map, i);
	return true;
}

bool regmap_index_last(struct regmap *map)
{
	if (map->count * 2 > map->index_size && !grow_index(map))
		return false;
	enter_index(map, map->count - 1);
	return true;
}

const struct map_register *regmap_named(const struct regmap *map, const char *name, size_t length)
{
	size_t at = map->index_size ? hash(name, length) & (map->index_size - 1) : 0;

	for (; map->index_size && map->index[at]; at = (at + 1) & (map->index_size - 1)) {
		const struct map_register *reg = &map->registers[map->index[at] - 1];

		if (!strncasecmp(reg->name, name, length) && !reg->name[length])
			return reg;
	}
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
	map->source = strdup("");
	map->peripheral = strdup("");
	if (map->file && map->title && map->regions && map->ids && map->source && map->peripheral)
		return map;
	regmap_free(map);
	return NULL;
}

static void clear_field(struct map_field *field)
{
	for (size_t i = 0; i < field->value_count; i++)
		free(field->values[i].word);
	free(field->values);
	free(field->description);
	free(field->name);
}

static void clear_register(struct map_register *reg)
{
	for (size_t i = 0; i < reg->field_count; i++)
		clear_field(&reg->fields[i]);
	free(reg->fields);
	free(reg->description);
	free(reg->name);
}

/* NULL: no-op. */
void regmap_free(struct regmap *map)
{
	if (!map)
		return;
	for (size_t i = 0; i < map->count; i++)
		clear_register(&map->registers[i]);
	free(map->registers);
	free(map->index);
	free(map->source);
	free(map->peripheral);
	free(map->file);
	free(map->title);
	free(map->regions);
	free(map->ids);
	free(map);
}
