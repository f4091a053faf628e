/* SPDX-License-Identifier: MIT */
/*
 * A register map from a file of our own.
 *
 *	[map]
 *	title = QEMU's educational device
 *	ids = 1234:11e8
 *	width = 32
 *
 *	[STATUS]
 *	offset = 0x20
 *	access = rw
 *	reset = 0
 *	description = state of the factorial unit
 *	field COMPUTING = 0 ro the factorial is being computed
 *	value COMPUTING 1 = busy
 */
#include "regmap/formats.h"

#include <stdlib.h>
#include <string.h>
#include <common/ini.h>
#include <common/escape.h>
#include <common/size.h>

struct reader {
	struct map_build *build;
	struct map_register *reg; /* of the section; NULL: [map], or none yet */
	bool in_map;
	bool skips; /* the section is left out */
	unsigned int line;
};

static void set_text(struct reader *reader, char **text, const char *value)
{
	char *copy = strdup(value);

	if (!copy) {
		build_no_memory(reader->build);
		return;
	}
	for (char *at = copy; *at; at++)
		if (*at == '\t')
			*at = ' ';
	common_clean(copy);
	free(*text);
	*text = copy;
}

/* ---- words and numbers ---- */

static void set_number(struct reader *reader, const char *key, const char *value, uint64_t *number)
{
	if (common_number(value, number))
		build_refuse(reader->build, reader->line,
			     "%s \"%s\": it is a number, decimal or 0x…", key, value);
}

static void set_given(struct reader *reader, const char *key, const char *value,
		      struct given *given)
{
	set_number(reader, key, value, &given->value);
	given->is = true;
}

static void set_width(struct reader *reader, const char *key, const char *value,
		      unsigned int *width)
{
	uint64_t bits = 0;

	set_number(reader, key, value, &bits);
	if (bits != 8 && bits != 16 && bits != 32 && bits != 64)
		build_refuse(reader->build, reader->line, "%s \"%s\": it is 8, 16, 32 or 64 bits",
			     key, value);
	*width = (unsigned int)bits / 8;
}

static void set_access(struct reader *reader, const char *value, enum map_access *access)
{
	if (!access_parse(value, access))
		build_refuse(
			reader->build, reader->line,
			"access \"%s\": it is rw, ro, wo, w1c, w1s, w1t, w0c, w0s, w0t, wonce, "
			"rwonce or wact",
			value);
}

static void set_read(struct reader *reader, const char *value, enum map_read *read)
{
	if (!read_parse(value, read))
		build_refuse(reader->build, reader->line,
			     "read-action \"%s\": it is none, clear, set or modify", value);
}

/* ---- fields ---- */

static struct map_field *add_field(struct reader *reader, const char *name)
{
	if (map_is_name(name))
		return build_field(reader->build, reader->reg, reader->line, name);
	build_find(reader->build, reader->line,
		   "\"%s\" is no name for a field: letters, digits and _", name);
	return NULL;
}

/* "7" or "31-24", either way round. Returns what is behind it; NULL: it is none. */
static const char *parse_bits(const char *text, struct map_field *field)
{
	unsigned long high, low;
	char *end;

	if (*text < '0' || *text > '9')
		return NULL;
	high = strtoul(text, &end, 10);
	low = high;
	if (*end == '-') {
		if (end[1] < '0' || end[1] > '9')
			return NULL;
		low = strtoul(end + 1, &end, 10);
	}
	if ((*end && *end != ' ' && *end != '\t') || high > 63 || low > 63)
		return NULL;
	field->high = (unsigned int)(high > low ? high : low);
	field->low = (unsigned int)(high > low ? low : high);
	return end;
}

/* BITS [ACCESS] [DESCRIPTION] */
static void take_field(struct reader *reader, const char *name, const char *value)
{
	struct map_field *field = add_field(reader, name);
	const char *rest = field ? parse_bits(value, field) : NULL;
	char word[8] = "";
	size_t length;

	if (!field)
		return;
	if (!rest) {
		build_refuse(reader->build, reader->line,
			     "field %s: \"%s\" does not start with its bits: 7 or 31-24", name,
			     value);
		return;
	}
	rest += strspn(rest, " \t");
	length = strcspn(rest, " \t");
	if (length < sizeof(word))
		memcpy(word, rest, length);
	if (access_parse(word, &field->access))
		rest += length + strspn(rest + length, " \t");
	if (*rest)
		set_text(reader, &field->description, rest);
}

/* FIELD of "FIELD REST"; NULL: told. */
static struct map_field *named_field(struct reader *reader, const char *key, const char *name,
				     size_t *length)
{
	struct map_field *field;

	*length = strcspn(name, " \t");
	field = regmap_field(reader->reg, name, *length);
	if (!field)
		build_find(reader->build, reader->line, "%s: %s has no field \"%.*s\" above", key,
			   reader->reg->name, (int)*length, name);
	return field;
}

/* value FIELD NUMBER = WORD */
static void take_value(struct reader *reader, const char *name, const char *word)
{
	size_t length;
	struct map_field *field = named_field(reader, "value", name, &length);
	const char *text = name + length + strspn(name + length, " \t");
	struct map_value value = { .word = (char *)word };

	if (!field)
		return;
	if (map_number(text, &value))
		build_refuse(
			reader->build, reader->line,
			"value \"%s\": it is a number, decimal, 0x… or 0b… with x for bits that "
			"do not matter",
			text);
	else
		build_word(reader->build, field, reader->line, &value);
}

/* read-action FIELD = WORD */
static void take_read(struct reader *reader, const char *name, const char *word)
{
	size_t length;
	struct map_field *field = named_field(reader, "read-action", name, &length);

	if (field)
		set_read(reader, word, &field->read);
}

/* ---- registers ---- */

static void finish_register(struct reader *reader)
{
	if (reader->reg)
		build_finish_register(reader->build, reader->reg);
	reader->reg = NULL;
}

static void add_register(struct reader *reader, const char *name)
{
	if (map_is_name(name))
		reader->reg = build_register(reader->build, reader->line, name);
	else
		build_find(reader->build, reader->line,
			   "\"%s\" is no name for a register: letters, digits and _", name);
	reader->skips = !reader->reg;
}

static void enter_section(struct reader *reader, const char *name)
{
	finish_register(reader);
	reader->skips = false;
	reader->in_map = !strcmp(name, "map");
	if (!reader->in_map)
		add_register(reader, name);
}

/* ---- keys ---- */

static void set_order(struct reader *reader, const char *value)
{
	reader->build->map->big = !strcmp(value, "big");
	if (strcmp(value, "big") && strcmp(value, "little"))
		build_refuse(reader->build, reader->line,
			     "order \"%s\": it is big (the first word is the most significant) or "
			     "little",
			     value);
}

/* Of a [map] that has its registers from another file. */
static bool set_source_key(struct reader *reader, const char *key, const char *value)
{
	struct regmap *map = reader->build->map;

	if (!strcmp(key, "source"))
		set_text(reader, &map->source, value);
	else if (!strcmp(key, "peripheral"))
		set_text(reader, &map->peripheral, value);
	else if (!strcmp(key, "base"))
		set_given(reader, key, value, &map->base);
	else
		return false;
	return true;
}

static void set_map_key(struct reader *reader, const char *key, const char *value)
{
	struct regmap *map = reader->build->map;

	if (!strcmp(key, "title"))
		set_text(reader, &map->title, value);
	else if (!strcmp(key, "regions"))
		set_text(reader, &map->regions, value);
	else if (!strcmp(key, "ids"))
		set_text(reader, &map->ids, value);
	else if (!strcmp(key, "class"))
		set_given(reader, key, value, &map->pci_class);
	else if (!strcmp(key, "bar"))
		set_given(reader, key, value, &map->bar);
	else if (!strcmp(key, "width"))
		set_width(reader, key, value, &map->width);
	else if (!strcmp(key, "word"))
		set_width(reader, key, value, &map->word);
	else if (!strcmp(key, "order"))
		set_order(reader, value);
	else if (!set_source_key(reader, key, value))
		build_refuse(reader->build, reader->line,
			     "[map] knows no \"%s\": title, regions, ids, class, bar, width, word, "
			     "order, source, peripheral, base",
			     key);
}

static void set_alternate(struct reader *reader, const char *value)
{
	reader->reg->alternate = !strcmp(value, "yes");
	if (strcmp(value, "yes") && strcmp(value, "no"))
		build_refuse(reader->build, reader->line, "alternate \"%s\": it is yes or no",
			     value);
}

static void set_register_key(struct reader *reader, const char *key, const char *value)
{
	struct map_register *reg = reader->reg;

	if (!strcmp(key, "offset")) {
		set_number(reader, key, value, &reg->offset);
		reg->placed = true;
	} else if (!strcmp(key, "width"))
		set_width(reader, key, value, &reg->width);
	else if (!strcmp(key, "access"))
		set_access(reader, value, &reg->access);
	else if (!strcmp(key, "read-action"))
		set_read(reader, value, &reg->read);
	else if (!strcmp(key, "alternate"))
		set_alternate(reader, value);
	else if (!strcmp(key, "reset"))
		set_given(reader, key, value, &reg->reset);
	else if (!strcmp(key, "description"))
		set_text(reader, &reg->description, value);
	else
		build_refuse(reader->build, reader->line,
			     "a register knows no \"%s\": offset, width, access, read-action, "
			     "alternate, reset, description, field NAME, value FIELD NUMBER, "
			     "read-action FIELD",
			     key);
}

/* "field NAME" and its like: whether it is one. */
static bool take_field_key(struct reader *reader, const char *key, const char *value)
{
	static const struct {
		const char *word;
		void (*take)(struct reader *reader, const char *name, const char *value);
	} keys[] = {
		{ "field ", take_field },
		{ "value ", take_value },
		{ "read-action ", take_read },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		size_t length = strlen(keys[i].word);

		if (strncmp(key, keys[i].word, length))
			continue;
		keys[i].take(reader, key + length + strspn(key + length, " \t"), value);
		return true;
	}
	return false;
}

static void take_key(struct reader *reader, const char *key, const char *value)
{
	if (reader->in_map)
		set_map_key(reader, key, value);
	else if (reader->skips)
		return;
	else if (reader->reg && !take_field_key(reader, key, value))
		set_register_key(reader, key, value);
	else if (!reader->reg)
		build_refuse(reader->build, reader->line,
			     "\"%s\" stands before the first [section]", key);
}

/* ---- the file ---- */

static void take_entry(struct reader *reader, const struct common_ini_entry *entry)
{
	switch (entry->kind) {
	case COMMON_INI_SECTION:
		enter_section(reader, entry->name);
		break;
	case COMMON_INI_KEY:
		take_key(reader, entry->name, entry->value);
		break;
	case COMMON_INI_MORE:
		build_refuse(reader->build, reader->line,
			     "the line is indented: no entry goes on in a second");
		break;
	default:
		build_refuse(reader->build, reader->line, "%s", entry->value);
	}
}

static void check_source(struct reader *reader)
{
	const struct regmap *map = reader->build->map;

	if (map->source[0] && map->count)
		build_refuse(reader->build, map->registers[0].line,
			     "the map has a source: its registers are in that file, and not here");
	else if (!map->source[0] && (map->peripheral[0] || map->base.is))
		build_refuse(reader->build, reader->line,
			     "peripheral and base are of a source, which [map] does not name");
	else if (!map->source[0] && !map->count)
		build_refuse(reader->build, reader->line, "there is no register in it");
}

void map_read_ini(struct map_build *build, const struct map_text *text)
{
	struct reader reader = { .build = build };
	struct common_ini_entry entry;
	struct common_ini ini;

	common_ini_start(&ini, text->text, text->length);
	while (!build->err && common_ini_next(&ini, &entry) != COMMON_INI_END) {
		reader.line = ini.line;
		take_entry(&reader, &entry);
	}
	finish_register(&reader);
	check_source(&reader);
}
