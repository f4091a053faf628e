/* SPDX-License-Identifier: MIT */
/*
 * Fields of registers: their bits, the words for their values, and what an access does.
 */
#include "regmap/soc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <common/size.h>

/* ---- what an access does ---- */

static const struct {
	const char *word;
	enum map_access access;
} access_words[] = {
	{ "read-write", MAP_RW },	  { "read-only", MAP_RO },    { "write-only", MAP_WO },
	{ "read-writeOnce", MAP_RWONCE }, { "writeOnce", MAP_WONCE },
};

static const struct {
	const char *word;
	enum map_access access;
} modified_words[] = {
	{ "oneToClear", MAP_W1C },  { "oneToSet", MAP_W1S },  { "oneToToggle", MAP_W1T },
	{ "zeroToClear", MAP_W0C }, { "zeroToSet", MAP_W0S }, { "zeroToToggle", MAP_W0T },
	{ "clear", MAP_WACT },	    { "set", MAP_WACT },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/*
 * IP-XACT of 2022 has what accesses do in policies, one for each mode of the device. Which mode it is
 * in is not known here, so there must be one.
 */
static const struct xml_node *from_policy(struct soc *soc, const struct xml_node *node,
					  enum soc_tag tag)
{
	const struct xml_node *list = soc_own(soc, node, SOC_POLICIES);
	const struct xml_node *policy = list ? soc_own(soc, list, SOC_POLICY) : NULL;
	const struct xml_node *unknown = policy ? soc_own(soc, policy, SOC_UNKNOWN) : NULL;

	for (const struct xml_node *other = policy ? policy->next : NULL; other;
	     other = other->next)
		if (other->tag == SOC_POLICY)
			build_refuse(soc->build, other->line,
				     "a second access policy: only what has the same access in all "
				     "modes is read");
	if (unknown)
		build_refuse(soc->build, unknown->line,
			     "this needs definitions that stand elsewhere, which are not read");
	return policy ? soc_own(soc, policy, tag) : NULL;
}

static const struct xml_node *find_rule(struct soc *soc, const struct xml_node *node,
					enum soc_tag tag)
{
	const struct xml_node *leaf = soc_child(soc, node, tag);

	return leaf || !soc->ipxact ? leaf : from_policy(soc, node, tag);
}

static void inherit_access(struct soc *soc, const struct xml_node *node, struct soc_inherited *from)
{
	const struct xml_node *leaf = find_rule(soc, node, SOC_ACCESS);

	if (!leaf)
		return;
	for (size_t i = 0; i < COUNT(access_words); i++)
		if (!strcmp(leaf->text, access_words[i].word)) {
			from->access = access_words[i].access;
			return;
		}
	build_refuse(soc->build, leaf->line,
		     "access \"%.40s\": it is read-only, write-only, read-write, writeOnce or "
		     "read-writeOnce",
		     leaf->text);
}

static void inherit_modified(struct soc *soc, const struct xml_node *node,
			     struct soc_inherited *from)
{
	const struct xml_node *leaf = find_rule(soc, node, SOC_MODIFIED);

	if (!leaf)
		return;
	from->modified = NULL;
	if (!strcmp(leaf->text, "modify"))
		return;
	for (size_t i = 0; i < COUNT(modified_words); i++)
		if (!strcmp(leaf->text, modified_words[i].word))
			from->modified = modified_words[i].word;
	if (!from->modified)
		build_refuse(soc->build, leaf->line,
			     "modifiedWriteValues \"%.40s\": it is oneToClear, oneToSet, "
			     "oneToToggle, zeroToClear, zeroToSet, zeroToToggle, clear, set or "
			     "modify",
			     leaf->text);
}

static void inherit_read(struct soc *soc, const struct xml_node *node, struct soc_inherited *from)
{
	const struct xml_node *leaf = find_rule(soc, node, SOC_READ_ACTION);

	if (!leaf)
		return;
	if (!strncmp(leaf->text, "modify", 6))
		from->read = MAP_READ_MODIFIES;
	else if (!read_parse(leaf->text, &from->read))
		build_refuse(soc->build, leaf->line,
			     "readAction \"%.40s\": it is clear, set, modify or modifyExternal",
			     leaf->text);
}

enum map_access soc_access(const struct soc_inherited *from)
{
	enum map_access access = from->access;

	if (!from->modified || (access != MAP_RW && access != MAP_WO))
		return access;
	for (size_t i = 0; i < COUNT(modified_words); i++) {
		enum map_access modified = modified_words[i].access;

		if (strcmp(from->modified, modified_words[i].word))
			continue;
		/* Of what is only written, zeros are neutral already. */
		if (access == MAP_RW ||
		    (modified != MAP_W1C && modified != MAP_W1S && modified != MAP_W1T))
			return modified;
	}
	return access;
}

void soc_inherit(struct soc *soc, const struct xml_node *node, struct soc_inherited *from)
{
	uint64_t size = from->size;

	soc_number(soc, node, SOC_SIZE, &size);
	from->size = size > UINT32_MAX ? UINT32_MAX : (unsigned int)size;
	inherit_access(soc, node, from);
	inherit_modified(soc, node, from);
	inherit_read(soc, node, from);
	from->has_reset |= soc_number(soc, node, SOC_RESET_VALUE, &from->reset);
}

/* ---- bits ---- */

struct bits {
	uint64_t low, width;
};

/* "[7:4]" */
static void parse_range(struct soc *soc, const struct xml_node *leaf, struct bits *bits)
{
	const char *text = leaf->text + (*leaf->text == '[');
	uint64_t high = 0;

	if (!common_scan_number(&text, &high) && *text++ == ':' &&
	    !common_scan_number(&text, &bits->low) && (!*text || !strcmp(text, "]")) &&
	    high >= bits->low && high - bits->low < UINT64_MAX)
		bits->width = high - bits->low + 1;
	else
		build_refuse(soc->build, leaf->line, "bitRange \"%.40s\": it is [HIGH:LOW]",
			     leaf->text);
}

static void read_bits(struct soc *soc, const struct xml_node *node, struct bits *bits)
{
	const struct xml_node *range = soc_child(soc, node, SOC_BIT_RANGE);
	uint64_t high = 0;

	*bits = (struct bits){ .width = 1 };
	if (range)
		parse_range(soc, range, bits);
	else if (soc_number(soc, node, SOC_MSB, &high)) {
		soc_number(soc, node, SOC_LSB, &bits->low);
		if (high < bits->low)
			build_refuse(soc->build, node->line, "msb is less than lsb");
		bits->width = high - bits->low + 1;
	} else if (soc_number(soc, node, SOC_BIT_OFFSET, &bits->low))
		soc_number(soc, node, SOC_BIT_WIDTH, &bits->width);
	else
		build_refuse(soc->build, node->line,
			     "the field has neither bitRange, nor lsb and msb, nor bitOffset");
}

static bool place_field(struct soc *soc, const struct xml_node *node, const struct bits *bits,
			struct map_field *field)
{
	if (!bits->width || bits->width > 64 || bits->low > 64 - bits->width) {
		build_refuse(soc->build, node->line, "field %s does not lie in bits 0 to 63",
			     field->name);
		return false;
	}
	field->low = (unsigned int)bits->low;
	field->high = (unsigned int)(bits->low + bits->width - 1);
	return true;
}

/* ---- words for values ---- */

/* What could be read as a number gets a letter before it, as in v1. */
static void word_of(struct soc *soc, const struct xml_node *node, char out[MAP_NAME_MAX])
{
	const char *name = soc_text(soc, node, SOC_NAME);
	bool is_number = name && *name >= '0' && *name <= '9';
	char *clean = build_name(soc->build, node->line, name ? name : "");

	snprintf(out, MAP_NAME_MAX, "%s%.*s", is_number ? "v" : "", MAP_NAME_MAX - 2,
		 clean ? clean : "");
	free(clean);
}

static void add_value(struct soc *soc, const struct xml_node *node, struct map_field *field)
{
	const struct xml_node *leaf = soc_child(soc, node, SOC_NUMBER);
	char word[MAP_NAME_MAX];
	struct map_value value = { .word = word };
	int err;

	/* isDefault: the word is for all that have none. */
	if (!leaf)
		return;
	err = map_number(leaf->text, &value);
	if (err) {
		build_refuse(soc->build, leaf->line, "value \"%.40s\": it is a number", leaf->text);
		return;
	}
	word_of(soc, node, word);
	for (size_t i = 0; i < field->value_count; i++)
		if (!strcmp(field->values[i].word, word) && field->values[i].number == value.number)
			return; /* for reading and for writing alike */
	if (*word)
		build_word(soc->build, field, leaf->line, &value);
}

static void add_values(struct soc *soc, const struct xml_node *node, struct map_field *field)
{
	const struct xml_node *list = soc_child(soc, node, SOC_VALUES);

	for (; list && !soc->build->err; list = list->next) {
		const struct xml_node *values =
			list->tag == SOC_VALUES
				? soc_list(soc, list, SOC_NONE, SOC_VALUE, SOC_VALUE)
				: NULL;

		for (const struct xml_node *one = values ? values->first : NULL;
		     one && soc_step(soc, one); one = one->next)
			if (one->tag == SOC_VALUE)
				add_value(soc, one, field);
	}
}

/* ---- fields ---- */

/* IP-XACT of 2014 has the reset values of fields. @all: of every field so far. */
static void add_reset(struct soc *soc, const struct xml_node *node, const struct map_field *field,
		      struct given *reset, bool *all)
{
	const struct xml_node *resets = soc_own(soc, node, SOC_RESETS);
	const struct xml_node *one = resets ? soc_own(soc, resets, SOC_RESET) : NULL;
	uint64_t value = 0;

	if (!one || !soc_number(soc, one, SOC_NUMBER, &value)) {
		*all = false;
		return;
	}
	if (value > field_of(field, UINT64_MAX))
		build_find(soc->build, one->line, "the reset value does not fit field %s",
			   field->name);
	reset->value |= value << field->low & bits_mask(field->high, field->low);
	reset->is = true;
}

static void add_field(struct soc *soc, const struct soc_array *array, uint64_t i,
		      const struct soc_inherited *from, struct map_register *reg,
		      struct map_field **out)
{
	const struct xml_node *node = array->node;
	char name[MAP_NAME_MAX];
	struct map_field *field = NULL;
	struct bits bits;
	const char *description;

	*out = NULL;
	read_bits(soc, node, &bits);
	bits.low = soc_sum(soc, node, bits.low, i * array->step);
	if (!soc->build->err && soc_element_name(soc, array, i, "", name))
		field = build_field(soc->build, reg, node->line, name);
	if (!field || !place_field(soc, node, &bits, field))
		return;
	field->access = soc_access(from);
	field->read = from->read;
	description = soc_text(soc, node, SOC_DESCRIPTION);
	if (description)
		build_text(soc->build, description, strlen(description), &field->description);
	add_values(soc, node, field);
	*out = field;
}

static void add_fields(struct soc *soc, const struct xml_node *node,
		       const struct soc_inherited *from, struct map_register *reg,
		       struct given *reset, bool *all)
{
	struct soc_inherited own = *from;
	struct soc_array array;
	struct map_field *field;
	uint64_t width = 1;

	inherit_access(soc, node, &own);
	inherit_modified(soc, node, &own);
	inherit_read(soc, node, &own);
	soc_number(soc, node, SOC_BIT_WIDTH, &width);
	soc_array(soc, node, width, &array);
	for (uint64_t i = 0; i < array.count && soc_stride(soc, node); i++) {
		add_field(soc, &array, i, &own, reg, &field);
		if (field)
			add_reset(soc, node, field, reset, all);
	}
}

void soc_fields(struct soc *soc, const struct xml_node *node, const struct soc_inherited *from,
		struct map_register *reg)
{
	const struct xml_node *list = soc_list(soc, node, SOC_FIELDS, SOC_FIELD, SOC_FIELD);
	struct given reset = { 0 };
	bool all = true;

	for (const struct xml_node *one = list ? list->first : NULL;
	     one && soc_step(soc, one) && !soc->build->err; one = one->next)
		if (one->tag == SOC_FIELD && soc_is_present(soc, one))
			add_fields(soc, one, from, reg, &reset, &all);
	if (all && reset.is && !reg->reset.is)
		reg->reset = reset;
}
