/* SPDX-License-Identifier: MIT */
/*
 * LiteX's csr.json: objects csr_bases, csr_registers, constants and memories.
 */
#include "regmap/litex.h"

#include <jansson.h>
#include <string.h>

struct reading {
	struct litex litex;
	const char *at; /* in the text, behind the last register that was found there */
	unsigned int line;
};

#define NEAR 8192

/*
 * Objects are in the order of the text, so that one search through it finds all. A name that is written
 * with escapes is not found: it gets the line of the one before.
 */
static void find_line(struct reading *reading, const char *name, size_t within)
{
	char quoted[MAP_NAME_MAX + 3];
	int length = snprintf(quoted, sizeof(quoted), "\"%s\"", name);
	const char *found = NULL;

	if (length < (int)sizeof(quoted))
		found = memmem(reading->at, strnlen(reading->at, within), quoted, (size_t)length);
	if (!found)
		return;
	for (const char *at = reading->at; at < found; at++)
		reading->line += *at == '\n';
	reading->at = found;
}

static bool number(struct reading *reading, const char *name, const char *key, const json_t *value,
		   uint64_t *out)
{
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		build_refuse(reading->litex.build, reading->line, "%.100s: %s: it is a number",
			     name, key);
	*out = (uint64_t)json_integer_value(value);
	return !reading->litex.build->err;
}

static void take_bases(struct reading *reading, json_t *bases)
{
	const char *name;
	json_t *value;

	json_object_foreach(bases, name, value)
	{
		struct litex_item item = { .name = (char *)name };

		find_line(reading, name, NEAR);
		item.line = reading->line;
		if (number(reading, name, "address", value, &item.address))
			litex_add(&reading->litex, &reading->litex.bases, &item);
		if (reading->litex.build->err)
			return;
	}
}

static void take_register(struct reading *reading, const char *name, json_t *value)
{
	struct litex_item item = { .name = (char *)name };
	const char *type = json_string_value(json_object_get(value, "type"));

	if (strlen(name) >= MAP_NAME_MAX) {
		build_refuse(reading->litex.build, reading->line,
			     "name \"%.40s…\": it has 1 to %d characters", name, MAP_NAME_MAX - 1);
		return;
	}
	find_line(reading, name, NEAR);
	item.line = reading->line;
	if (number(reading, name, "addr", json_object_get(value, "addr"), &item.address) &&
	    number(reading, name, "size", json_object_get(value, "size"), &item.words) &&
	    litex_type(&reading->litex, item.line, type ? type : "", &item.read_only))
		litex_add(&reading->litex, &reading->litex.registers, &item);
}

static void take_constants(struct reading *reading, json_t *root)
{
	json_t *csr = json_object_get(json_object_get(root, "memories"), "csr"), *value;
	struct litex *litex = &reading->litex;
	const char *name;

	json_object_foreach(json_object_get(root, "constants"), name,
			    value) if (json_is_integer(value) && json_integer_value(value) >= 0)
		litex_constant(litex, name, (uint64_t)json_integer_value(value));
	if (csr)
		litex->memory.is = number(reading, "memories: csr", "base",
					  json_object_get(csr, "base"), &litex->memory.value);
}

/* From the object of that name on. */
static void look_from(struct reading *reading, const struct map_text *text, const char *name)
{
	reading->at = text->text;
	reading->line = 1;
	find_line(reading, name, text->length);
}

static void take_root(struct reading *reading, const struct map_text *text, json_t *root)
{
	json_t *registers = json_object_get(root, "csr_registers"), *value;
	const char *name;

	if (!json_is_object(registers)) {
		build_refuse(reading->litex.build, 0,
			     "it is no csr.json of LiteX: there is no object csr_registers in it");
		return;
	}
	take_constants(reading, root);
	look_from(reading, text, "csr_bases");
	take_bases(reading, json_object_get(root, "csr_bases"));
	look_from(reading, text, "csr_registers");
	json_object_foreach(registers, name, value)
	{
		if (reading->litex.build->err)
			break;
		take_register(reading, name, value);
	}
}

void map_read_csr_json(struct map_build *build, const struct map_text *text)
{
	struct reading reading = { .litex = { .build = build }, .at = text->text, .line = 1 };
	json_error_t error;
	json_t *root = json_loadb(text->text, text->length, JSON_REJECT_DUPLICATES, &error);

	if (root)
		take_root(&reading, text, root);
	else
		build_refuse(build, error.line > 0 ? (unsigned int)error.line : 1,
			     "it is no good JSON: %.200s", error.text);
	litex_finish(&reading.litex, text->choice);
	json_decref(root);
}
