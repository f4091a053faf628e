/* SPDX-License-Identifier: MIT */
/*
 * Arrays: elements that stand for several. SVD's have a %s in their names, which becomes what dimIndex
 * says; brackets around it go. IP-XACT's have several dimensions, the last of which counts first, and
 * follow each other; those of 2022 say it in an element of its own, and may lie apart.
 */
#include "regmap/soc.h"

#include <stdlib.h>
#include <string.h>

#define ELEMENTS_MAX MAP_REGISTERS_MAX

static void add_dimension(struct soc *soc, struct soc_array *array, const struct xml_node *leaf)
{
	uint64_t count = 0;

	if (!soc_parse(soc, leaf, "dim", &count))
		return;
	if (!count || count > ELEMENTS_MAX || array->count * count > ELEMENTS_MAX)
		build_refuse(soc->build, leaf->line, "dim %s: an array has 1 to %d elements",
			     leaf->text, ELEMENTS_MAX);
	else if (array->dimensions == SOC_DIMENSIONS)
		build_refuse(soc->build, leaf->line, "dim: an array has at most %d dimensions",
			     SOC_DIMENSIONS);
	else {
		array->counts[array->dimensions++] = count;
		array->count *= count;
	}
}

/* What says how many there are: the element itself, or in IP-XACT of 2022 a part of it. */
static const struct xml_node *where_told(struct soc *soc, const struct xml_node *node)
{
	const struct xml_node *array = soc->ipxact ? soc_own(soc, node, SOC_ARRAY) : NULL;

	if (array && !soc_own(soc, array, SOC_DIM))
		build_refuse(soc->build, array->line, "an array has at least one dim");
	return array ? array : node;
}

static void read_step(struct soc *soc, const struct xml_node *told, struct soc_array *array)
{
	bool apart =
		soc_number(soc, told, soc->ipxact ? SOC_STRIDE : SOC_DIM_INCREMENT, &array->step);

	if (!apart && !soc->ipxact)
		build_refuse(soc->build, array->node->line,
			     "an array of dim elements has a dimIncrement");
	if (apart && soc->ipxact && !array->step)
		build_refuse(soc->build, told->line,
			     "stride 0: all elements of the array would be one");
	if (array->step > MAP_ADDRESS_MAX / array->count)
		build_refuse(soc->build, array->node->line, "%s: its address is beyond 0x%llx",
			     soc->ipxact ? "array" : "dimIncrement",
			     (unsigned long long)MAP_ADDRESS_MAX);
}

void soc_array(struct soc *soc, const struct xml_node *node, uint64_t step, struct soc_array *array)
{
	const struct xml_node *told = where_told(soc, node);
	const struct xml_node *leaf = soc_child(soc, told, SOC_DIM);

	*array = (struct soc_array){ .node = node, .count = 1, .step = step };
	for (; leaf && !soc->build->err; leaf = leaf->next)
		if (leaf->tag == SOC_DIM)
			add_dimension(soc, array, leaf);
	if (!array->dimensions)
		return;
	read_step(soc, told, array);
	array->index = soc_text(soc, node, SOC_DIM_INDEX);
}

/* ---- names ---- */

/* Word @i of "A,B,C". */
static bool listed_index(const char *text, uint64_t i, char *out, size_t size)
{
	size_t length;

	for (; i && *text; i--) {
		text += strcspn(text, ",");
		text += *text == ',';
	}
	text += strspn(text, " ");
	length = strcspn(text, ",");
	while (length && text[length - 1] == ' ')
		length--;
	snprintf(out, size, "%.*s", (int)length, text);
	return length && length < size;
}

/* "0-3" or "A-D". */
static bool ranged_index(const char *text, uint64_t i, char *out, size_t size)
{
	char *end;
	unsigned long from, to;

	if (text[0] >= 'A' && text[0] <= 'Z' && text[1] == '-') {
		snprintf(out, size, "%c", (char)(text[0] + (i < 26 ? i : 26)));
		return text[2] >= 'A' && text[2] <= 'Z' && !text[3] &&
		       i <= (uint64_t)(text[2] - text[0]) && text[2] >= text[0];
	}
	if (text[0] < '0' || text[0] > '9')
		return false;
	from = strtoul(text, &end, 10);
	if (*end != '-' || end[1] < '0' || end[1] > '9')
		return false;
	to = strtoul(end + 1, &end, 10);
	snprintf(out, size, "%lu", from + i);
	return !*end && from <= to && i <= to - from;
}

static bool named_index(const char *text, uint64_t i, char *out, size_t size)
{
	if (!strchr(text, ',') && strchr(text, '-'))
		return ranged_index(text, i, out, size);
	return listed_index(text, i, out, size);
}

static void counted_index(const struct soc_array *array, uint64_t i, char *out, size_t size)
{
	uint64_t below = array->count;
	size_t used = 0;

	for (size_t d = 0; d < array->dimensions && used < size; d++) {
		below /= array->counts[d];
		used += (size_t)snprintf(out + used, size - used, "%s%llu", d ? "_" : "",
					 (unsigned long long)(i / below % array->counts[d]));
	}
}

static bool index_of(struct soc *soc, const struct soc_array *array, uint64_t i, char *out,
		     size_t size)
{
	out[0] = '\0';
	if (!array->dimensions)
		return true;
	if (!array->index || soc->ipxact) {
		counted_index(array, i, out, size);
		return true;
	}
	if (named_index(array->index, i, out, size))
		return true;
	build_refuse(soc->build, array->node->line,
		     "dimIndex \"%.40s\": it names fewer than the %llu elements of the array",
		     array->index, (unsigned long long)array->count);
	return false;
}

bool soc_element_name(struct soc *soc, const struct soc_array *array, uint64_t i,
		      const char *prefix, char out[MAP_NAME_MAX])
{
	const char *name = soc_text(soc, array->node, SOC_NAME);
	char index[64];
	const char *mark, *rest;
	int used;

	if (!name || !*name) {
		build_refuse(soc->build, array->node->line, "it has no name");
		return false;
	}
	if (!index_of(soc, array, i, index, sizeof(index)))
		return false;
	mark = array->dimensions ? strstr(name, "%s") : NULL;
	rest = mark ? mark + 2 : "";
	if (mark && mark > name && mark[-1] == '[' && *rest == ']') {
		mark--;
		rest++;
	}
	used = snprintf(out, MAP_NAME_MAX, "%s%s%.*s%s%s%s", prefix, *prefix ? "_" : "",
			(int)(mark ? (size_t)(mark - name) : strlen(name)), name,
			!mark && array->dimensions ? "_" : "", index, rest);
	if (used < MAP_NAME_MAX)
		return true;
	build_refuse(soc->build, array->node->line, "name \"%.40s…\": it has 1 to %d characters",
		     out, MAP_NAME_MAX - 1);
	return false;
}
