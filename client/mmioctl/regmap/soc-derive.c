/* SPDX-License-Identifier: MIT */
/*
 * What an element has, of itself or of another that it is derived from.
 *
 * derivedFrom names another element of the same kind: by its name, if it is in the same scope or one
 * around it, or by its path from there (Peripheral.Cluster.Register). An element that is named in
 * both replaces that of the other as a whole. IP-XACT has no such thing.
 */
#include "regmap/soc.h"

#include <errno.h>
#include <string.h>

bool soc_step(struct soc *soc, const struct xml_node *node)
{
	if (++soc->steps > SOC_STEPS_MAX)
		build_refuse(
			soc->build, node->line,
			"arrays, and what is derived from what, take too long to work through");
	return !soc->build->err;
}

bool soc_stride(struct soc *soc, const struct xml_node *node)
{
	soc->steps += SOC_STEPS_ELEMENT;
	return soc_step(soc, node);
}

const struct xml_node *soc_own(struct soc *soc, const struct xml_node *node, enum soc_tag tag)
{
	const struct xml_node *child = node->first;

	while (child && child->tag != tag) {
		if (!soc_step(soc, node))
			return NULL;
		child = child->next;
	}
	return child;
}

/* ---- paths ---- */

static bool is_container(const struct xml_node *node)
{
	return node->tag == SOC_PERIPHERALS || node->tag == SOC_REGISTERS ||
	       node->tag == SOC_FIELDS;
}

static bool is_named(struct soc *soc, const struct xml_node *node, const char *name, size_t length)
{
	const struct xml_node *own = soc_own(soc, node, SOC_NAME);

	return own && strlen(own->text) == length && !strncmp(own->text, name, length);
}

static const struct xml_node *next_of(const struct xml_node *node, const struct xml_node *scope)
{
	if (is_container(node) && node->first)
		return node->first;
	while (!node->next && node->parent != scope)
		node = node->parent;
	return node->next;
}

/* In a scope, of which containers are a part. @tag: SOC_NONE: of any kind that can be in a path. */
static const struct xml_node *find_in(struct soc *soc, const struct xml_node *scope,
				      const char *name, size_t length, enum soc_tag tag,
				      const struct xml_node *but)
{
	for (const struct xml_node *node = scope->first; node; node = next_of(node, scope)) {
		if (!soc_step(soc, node))
			return NULL;
		if (node == but || node->tag < SOC_PERIPHERAL || node->tag > SOC_VALUES)
			continue;
		if ((tag == SOC_NONE || node->tag == tag) && is_named(soc, node, name, length))
			return node;
	}
	return NULL;
}

static const struct xml_node *follow_path(struct soc *soc, const struct xml_node *scope,
					  const struct xml_node *of)
{
	const char *path = of->derived;

	while (scope) {
		size_t length = strcspn(path, ".");
		bool last = !path[length];

		scope = find_in(soc, scope, path, length, last ? of->tag : SOC_NONE, of);
		if (last)
			return scope;
		path += length + 1;
	}
	return NULL;
}

/* ---- the one that it is derived from ---- */

static const struct xml_node *refuse_circle(struct soc *soc, const struct xml_node *node)
{
	build_refuse(soc->build, node->line,
		     "derivedFrom \"%s\": it is derived from itself, or from what it is a part of",
		     node->derived);
	return NULL;
}

static const struct xml_node *find_base(struct soc *soc, const struct xml_node *node)
{
	const struct xml_node *base = NULL;

	for (const struct xml_node *scope = node->parent; scope && !base && !soc->build->err;
	     scope = scope->parent)
		base = follow_path(soc, scope, node);
	if (!base) {
		build_refuse(soc->build, node->line,
			     "derivedFrom \"%s\": there is none of that name", node->derived);
		return NULL;
	}
	for (const struct xml_node *above = node; above; above = above->parent)
		if (above == base)
			return refuse_circle(soc, node);
	return base;
}

/* Each is looked for once. NULL: none, or told. */
static const struct xml_node *base_of(struct soc *soc, const struct xml_node *node)
{
	if (!node->derived || soc->build->err)
		return NULL;
	if (!node->base)
		((struct xml_node *)node)->base = (struct xml_node *)find_base(soc, node);
	return node->base;
}

/* A chain of more is a circle, or as good as one. */
#define CHAIN_MAX 64

/* The next in the chain of those that @node is derived from. */
static const struct xml_node *next_base(struct soc *soc, const struct xml_node *node,
					const struct xml_node *at, unsigned int *links)
{
	if (++*links <= CHAIN_MAX)
		return base_of(soc, at);
	return refuse_circle(soc, node);
}

const struct xml_node *soc_child(struct soc *soc, const struct xml_node *node, enum soc_tag tag)
{
	unsigned int links = 0;

	for (const struct xml_node *at = node; at; at = next_base(soc, node, at, &links)) {
		const struct xml_node *child = soc_own(soc, at, tag);

		if (child)
			return child;
	}
	return NULL;
}

const char *soc_text(struct soc *soc, const struct xml_node *node, enum soc_tag tag)
{
	const struct xml_node *child = soc_child(soc, node, tag);

	return child ? child->text : NULL;
}

const struct xml_node *soc_list(struct soc *soc, const struct xml_node *node, enum soc_tag list,
				enum soc_tag one, enum soc_tag other)
{
	unsigned int links = 0;

	for (const struct xml_node *at = node; at; at = next_base(soc, node, at, &links)) {
		const struct xml_node *child = soc_own(soc, at, list);

		if (child)
			return child;
		if (soc_own(soc, at, one) || soc_own(soc, at, other))
			return at;
	}
	return NULL;
}

/* ---- numbers ---- */

bool soc_parse(struct soc *soc, const struct xml_node *leaf, const char *what, uint64_t *number)
{
	struct map_value value = { 0 };
	int err = map_number(leaf->text, &value);

	if (!err && value.care == UINT64_MAX) {
		*number = value.number;
		return true;
	}
	build_refuse(soc->build, leaf->line,
		     err == -ERANGE ? "%s \"%.40s\": it has more than 64 bits"
				    : "%s \"%.40s\": it is a number, decimal or 0x…%s",
		     what, leaf->text, soc->ipxact ? "; expressions are not read" : "");
	return false;
}

static const char *tag_word(enum soc_tag tag)
{
	static const char *const words[] = {
		[SOC_BASE] = "baseAddress",
		[SOC_OFFSET] = "addressOffset",
		[SOC_SIZE] = "size",
		[SOC_RESET_VALUE] = "resetValue",
		[SOC_DIM] = "dim",
		[SOC_DIM_INCREMENT] = "dimIncrement",
		[SOC_STRIDE] = "stride",
		[SOC_BIT_OFFSET] = "bitOffset",
		[SOC_BIT_WIDTH] = "bitWidth",
		[SOC_LSB] = "lsb",
		[SOC_MSB] = "msb",
		[SOC_NUMBER] = "value",
		[SOC_UNIT_BITS] = "addressUnitBits",
		[SOC_RANGE] = "range",
		[SOC_PRESENT] = "isPresent",
	};

	return tag < sizeof(words) / sizeof(words[0]) && words[tag] ? words[tag] : "number";
}

bool soc_number(struct soc *soc, const struct xml_node *node, enum soc_tag tag, uint64_t *number)
{
	const struct xml_node *leaf = soc_child(soc, node, tag);

	return leaf && soc_parse(soc, leaf, tag_word(tag), number);
}

uint64_t soc_sum(struct soc *soc, const struct xml_node *node, uint64_t a, uint64_t b)
{
	if (a <= MAP_ADDRESS_MAX && b <= MAP_ADDRESS_MAX - a)
		return a + b;
	build_refuse(soc->build, node->line, "its address is beyond 0x%llx",
		     (unsigned long long)MAP_ADDRESS_MAX);
	return 0;
}

bool soc_is_present(struct soc *soc, const struct xml_node *node)
{
	const struct xml_node *unknown = soc_own(soc, node, SOC_UNKNOWN);
	uint64_t present = 1;

	if (unknown)
		build_refuse(soc->build, unknown->line,
			     "this needs banks, or definitions that stand elsewhere, which are not "
			     "read");
	soc_number(soc, node, SOC_PRESENT, &present);
	return present && !soc->build->err;
}
