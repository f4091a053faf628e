/* SPDX-License-Identifier: MIT */
/*
 * A register map from CMSIS-SVD or IP-XACT: which peripheral is meant, and its registers.
 *
 * IP-XACT's address blocks are peripherals here, and its register files clusters. Registers of
 * clusters are CLUSTER_REGISTER; with a base and no name all peripherals are read, and registers are
 * PERIPHERAL_REGISTER.
 */
#include "regmap/formats.h"
#include "regmap/soc.h"

#include <string.h>
#include <strings.h>

#define CLUSTERS_MAX 16 /* within each other */
#define LIST_MAX 360 /* bytes of a list of names in a sentence */

static const struct xml_word svd_words[] = {
	{ "access", SOC_ACCESS },
	{ "addressOffset", SOC_OFFSET },
	{ "alternateCluster", SOC_ALTERNATE },
	{ "alternateGroup", SOC_ALTERNATE },
	{ "alternatePeripheral", SOC_ALTERNATE },
	{ "alternateRegister", SOC_ALTERNATE },
	{ "baseAddress", SOC_BASE },
	{ "bitOffset", SOC_BIT_OFFSET },
	{ "bitRange", SOC_BIT_RANGE },
	{ "bitWidth", SOC_BIT_WIDTH },
	{ "cluster", SOC_CLUSTER },
	{ "description", SOC_DESCRIPTION },
	{ "device", SOC_DEVICE },
	{ "dim", SOC_DIM },
	{ "dimIncrement", SOC_DIM_INCREMENT },
	{ "dimIndex", SOC_DIM_INDEX },
	{ "enumeratedValue", SOC_VALUE },
	{ "enumeratedValues", SOC_VALUES },
	{ "field", SOC_FIELD },
	{ "fields", SOC_FIELDS },
	{ "isDefault", SOC_IS_DEFAULT },
	{ "lsb", SOC_LSB },
	{ "modifiedWriteValues", SOC_MODIFIED },
	{ "msb", SOC_MSB },
	{ "name", SOC_NAME },
	{ "peripheral", SOC_PERIPHERAL },
	{ "peripherals", SOC_PERIPHERALS },
	{ "readAction", SOC_READ_ACTION },
	{ "register", SOC_REGISTER },
	{ "registers", SOC_REGISTERS },
	{ "resetValue", SOC_RESET_VALUE },
	{ "size", SOC_SIZE },
	{ "value", SOC_NUMBER },
};

static const struct xml_word ipxact_words[] = {
	{ "access", SOC_ACCESS },
	{ "accessPolicies", SOC_POLICIES },
	{ "accessPolicy", SOC_POLICY },
	{ "addressBlock", SOC_PERIPHERAL },
	{ "addressBlockDefinitionRef", SOC_UNKNOWN },
	{ "addressOffset", SOC_OFFSET },
	{ "addressUnitBits", SOC_UNIT_BITS },
	{ "array", SOC_ARRAY },
	{ "bank", SOC_UNKNOWN },
	{ "baseAddress", SOC_BASE },
	{ "bitOffset", SOC_BIT_OFFSET },
	{ "bitStride", SOC_STRIDE },
	{ "bitWidth", SOC_BIT_WIDTH },
	{ "component", SOC_COMPONENT },
	{ "description", SOC_DESCRIPTION },
	{ "dim", SOC_DIM },
	{ "enumeratedValue", SOC_VALUE },
	{ "enumeratedValues", SOC_VALUES },
	{ "field", SOC_FIELD },
	{ "fieldAccessPolicies", SOC_POLICIES },
	{ "fieldAccessPolicy", SOC_POLICY },
	{ "fieldAccessPolicyDefinitionRef", SOC_UNKNOWN },
	{ "fieldDefinitionRef", SOC_UNKNOWN },
	{ "isPresent", SOC_PRESENT },
	{ "memoryMap", SOC_MAP },
	{ "memoryMapDefinitionRef", SOC_UNKNOWN },
	{ "memoryMaps", SOC_MAPS },
	{ "modifiedWriteValue", SOC_MODIFIED },
	{ "name", SOC_NAME },
	{ "range", SOC_RANGE },
	{ "readAction", SOC_READ_ACTION },
	{ "register", SOC_REGISTER },
	{ "registerDefinitionRef", SOC_UNKNOWN },
	{ "registerFile", SOC_CLUSTER },
	{ "registerFileDefinitionRef", SOC_UNKNOWN },
	{ "reset", SOC_RESET },
	{ "resets", SOC_RESETS },
	{ "size", SOC_SIZE },
	{ "stride", SOC_STRIDE },
	{ "value", SOC_NUMBER },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- registers ---- */

/* Where elements of an array begin, and what is before their names. */
struct place {
	uint64_t at;
	const char *prefix;
	unsigned int depth; /* of clusters */
};

static void read_reset(struct soc *soc, const struct xml_node *node,
		       const struct soc_inherited *from, struct map_register *reg)
{
	const struct xml_node *own = soc_child(soc, node, SOC_RESET_VALUE);
	const struct xml_node *resets = soc_own(soc, node, SOC_RESETS);
	const struct xml_node *reset = soc_own(soc, resets ? resets : node, SOC_RESET);
	struct given value = { .is = from->has_reset, .value = from->reset };

	/* What stands around it is of the widest register. */
	if (!own && reg->width < 8)
		value.value &= (1ull << reg->width * 8) - 1;
	if (reset && soc_number(soc, reset, SOC_NUMBER, &value.value))
		value.is = true;
	reg->reset = value;
}

static bool read_width(struct soc *soc, const struct xml_node *node,
		       const struct soc_inherited *from, struct map_register *reg)
{
	const struct xml_node *size = soc_child(soc, node, SOC_SIZE);

	reg->width = from->size / 8;
	if (from->size == 8 || from->size == 16 || from->size == 32 || from->size == 64)
		return true;
	reg->width = soc->build->map->width;
	build_find(soc->build, size ? size->line : node->line,
		   "%s is %u bits wide: registers of 8, 16, 32 or 64 bits can be accessed",
		   reg->name, from->size);
	return false;
}

static void add_register(struct soc *soc, const struct soc_array *array, uint64_t i,
			 const struct place *place, const struct soc_inherited *from)
{
	const struct xml_node *node = array->node;
	struct map_register *reg = NULL;
	char name[MAP_NAME_MAX];
	const char *description;

	if (soc_element_name(soc, array, i, place->prefix, name))
		reg = build_register(soc->build, node->line, name);
	if (!reg)
		return;
	reg->offset = place->at;
	reg->placed = true;
	reg->access = soc_access(from);
	reg->read = from->read;
	reg->alternate = soc_child(soc, node, SOC_ALTERNATE) != NULL;
	if (!read_width(soc, node, from, reg))
		return;
	read_reset(soc, node, from, reg);
	description = soc_text(soc, node, SOC_DESCRIPTION);
	if (description)
		build_text(soc->build, description, strlen(description), &reg->description);
	soc_fields(soc, node, from, reg);
	if (!soc->build->err)
		build_finish_register(soc->build, reg);
}

/* ---- what contains them ---- */

static void add_block(struct soc *soc, const struct xml_node *node, const struct place *place,
		      const struct soc_inherited *from);

static void add_element(struct soc *soc, const struct soc_array *array, uint64_t i,
			const struct place *place, const struct soc_inherited *from)
{
	struct place inner = { .prefix = place->prefix, .depth = place->depth + 1 };
	char name[MAP_NAME_MAX];

	inner.at = soc_sum(soc, array->node, place->at, i * array->step);
	if (soc->build->err)
		return;
	if (array->node->tag == SOC_REGISTER) {
		add_register(soc, array, i, &inner, from);
	} else if (soc_element_name(soc, array, i, place->prefix, name)) {
		inner.prefix = name;
		add_block(soc, array->node, &inner, from);
	}
}

/* IP-XACT's elements follow each other. @from: of a register. */
static uint64_t stride_of(struct soc *soc, const struct xml_node *node,
			  const struct soc_inherited *from)
{
	uint64_t range = 0;

	if (node->tag == SOC_REGISTER)
		return from->size / 8;
	soc_number(soc, node, SOC_RANGE, &range);
	return range;
}

static void add_elements(struct soc *soc, const struct xml_node *node, const struct place *place,
			 const struct soc_inherited *from)
{
	struct soc_inherited own = *from;
	struct place inner = *place;
	struct soc_array array;
	uint64_t offset = 0;

	if (!soc_number(soc, node, SOC_OFFSET, &offset)) {
		build_refuse(soc->build, node->line, "it has no addressOffset");
		return;
	}
	soc_inherit(soc, node, &own);
	inner.at = soc_sum(soc, node, place->at, offset);
	soc_array(soc, node, stride_of(soc, node, &own), &array);
	for (uint64_t i = 0; i < array.count && soc_stride(soc, node); i++)
		add_element(soc, &array, i, &inner, &own);
}

/* Of a peripheral or a cluster, which has inherited already. */
static void add_block(struct soc *soc, const struct xml_node *node, const struct place *place,
		      const struct soc_inherited *from)
{
	const struct xml_node *list = soc_list(soc, node, SOC_REGISTERS, SOC_REGISTER, SOC_CLUSTER);

	if (place->depth > CLUSTERS_MAX) {
		build_refuse(soc->build, node->line,
			     "clusters are nested more than %d deep, or contain themselves",
			     CLUSTERS_MAX);
		return;
	}
	for (const struct xml_node *one = list ? list->first : NULL; one && soc_step(soc, one);
	     one = one->next)
		if ((one->tag == SOC_REGISTER || one->tag == SOC_CLUSTER) &&
		    soc_is_present(soc, one))
			add_elements(soc, one, place, from);
}

/* ---- peripherals ---- */

struct found {
	const struct xml_node *node;
	struct soc_array array;
	uint64_t i;
	uint64_t base;
	char name[MAP_NAME_MAX];
};

/* What each peripheral is asked. false: enough. */
typedef bool visitor(struct soc *soc, const struct found *found, void *data);

static bool visit_elements(struct soc *soc, const struct xml_node *node, visitor *visit, void *data)
{
	struct found found = { .node = node };
	uint64_t base = 0;

	soc_number(soc, node, SOC_BASE, &base);
	soc_array(soc, node, stride_of(soc, node, NULL), &found.array);
	for (; found.i < found.array.count && soc_stride(soc, node); found.i++) {
		found.base = soc_sum(soc, node, base, found.i * found.array.step);
		if (!soc_element_name(soc, &found.array, found.i, "", found.name) ||
		    soc->build->err || !visit(soc, &found, data))
			return false;
	}
	return !soc->build->err;
}

/* The parents of peripherals: one in SVD, each memory map in IP-XACT. */
static const struct xml_node *next_parent(const struct soc *soc, const struct xml_node *parent)
{
	enum soc_tag tag = soc->ipxact ? SOC_MAP : SOC_PERIPHERALS;

	while (parent && parent->tag != tag)
		parent = parent->next;
	return parent;
}

static const struct xml_node *first_parent(struct soc *soc)
{
	const struct xml_node *root = soc->tree.root;

	if (soc->ipxact)
		root = soc_own(soc, root, SOC_MAPS);
	return root ? next_parent(soc, root->first) : NULL;
}

static void check_unit(struct soc *soc, const struct xml_node *map)
{
	uint64_t bits = 8;

	if (soc->ipxact && soc_is_present(soc, map) && soc_number(soc, map, SOC_UNIT_BITS, &bits) &&
	    bits != 8)
		build_refuse(soc->build, map->line,
			     "addressUnitBits %llu: only maps that are addressed by bytes (8) are "
			     "read",
			     (unsigned long long)bits);
}

static void visit_all(struct soc *soc, visitor *visit, void *data)
{
	for (const struct xml_node *parent = first_parent(soc); parent && !soc->build->err;
	     parent = next_parent(soc, parent->next)) {
		check_unit(soc, parent);
		for (const struct xml_node *node = parent->first; node && !soc->build->err;
		     node = node->next)
			if (node->tag == SOC_PERIPHERAL && soc_is_present(soc, node) &&
			    soc_list(soc, node, SOC_REGISTERS, SOC_REGISTER, SOC_CLUSTER) &&
			    !visit_elements(soc, node, visit, data))
				return;
	}
}

struct survey {
	unsigned int count;
	struct found wanted; /* the one that was named, or the first */
	char list[LIST_MAX];
};

static bool survey_one(struct soc *soc, const struct found *found, void *data)
{
	struct survey *survey = data;
	const char *name = soc->choice->peripheral;
	size_t used = strlen(survey->list);
	int more;

	if ((name && !strcasecmp(name, found->name)) || (!name && !survey->count))
		survey->wanted = *found;
	more = snprintf(survey->list + used, LIST_MAX - used, "%s%s", used ? ", " : "",
			found->name);
	if (used < LIST_MAX - 8 && more >= (int)(LIST_MAX - used))
		snprintf(survey->list + used, LIST_MAX - used, ", …");
	survey->count++;
	return true;
}

static void add_peripheral(struct soc *soc, const struct found *found, uint64_t base,
			   const char *prefix)
{
	struct soc_inherited from = { .size = 32 };
	struct place place = { .at = found->base - base, .prefix = prefix };

	if (found->base < base) {
		build_refuse(soc->build, found->node->line,
			     "%s lies at 0x%llx, below the base 0x%llx", found->name,
			     (unsigned long long)found->base, (unsigned long long)base);
		return;
	}
	if (!soc->ipxact)
		soc_inherit(soc, soc->tree.root, &from);
	soc_inherit(soc, found->node, &from);
	add_block(soc, found->node, &place, &from);
}

static bool add_each(struct soc *soc, const struct found *found, void *data)
{
	add_peripheral(soc, found, soc->choice->base.value, found->name);
	return !soc->build->err;
}

/* ---- which ---- */

static void set_title(struct soc *soc, const char *peripheral)
{
	const char *device = soc_text(soc, soc->tree.root, SOC_NAME);
	char title[2 * MAP_NAME_MAX];

	snprintf(title, sizeof(title), "%.200s%s%s", device ? device : "",
		 device && peripheral ? " " : "", peripheral ? peripheral : "");
	if (*title)
		build_text(soc->build, title, strlen(title), &soc->build->map->title);
}

static void add_wanted(struct soc *soc, const struct survey *survey)
{
	const struct map_choice *choice = soc->choice;

	if (choice->peripheral && !survey->wanted.node)
		build_refuse(soc->build, 0, "there is no peripheral \"%s\": there are %s",
			     choice->peripheral, survey->count ? survey->list : "none");
	else if (!survey->count)
		build_refuse(soc->build, 0, "there is no peripheral with registers in it");
	else if (!choice->peripheral && survey->count > 1)
		build_refuse(
			soc->build, 0,
			"it describes %u peripherals: name one of them, or the base address to "
			"count from: %s",
			survey->count, survey->list);
	if (soc->build->err)
		return;
	set_title(soc, survey->wanted.name);
	add_peripheral(soc, &survey->wanted,
		       choice->base.is ? choice->base.value : survey->wanted.base, "");
}

/* With a base they have names that tell them apart, even if there is one. */
static void add_all(struct soc *soc)
{
	set_title(soc, NULL);
	visit_all(soc, add_each, NULL);
}

static void add_chosen(struct soc *soc)
{
	const struct map_choice *choice = soc->choice;
	struct survey survey = { 0 };

	if (!choice->base.is || choice->peripheral)
		visit_all(soc, survey_one, &survey);
	if (soc->build->err)
		return;
	if (!choice->peripheral && (choice->base.is || (choice->all && survey.count > 1)))
		add_all(soc);
	else
		add_wanted(soc, &survey);
	if (!soc->build->err && !soc->build->map->count && !soc->build->hearing)
		build_refuse(soc->build, 0, "there is no register in it");
}

/* The standard is told by the root. */
static bool is_ipxact(const char *text)
{
	const char *root = text;

	while ((root = strchr(root, '<'))) {
		root++;
		if ((*root >= 'a' && *root <= 'z') || (*root >= 'A' && *root <= 'Z'))
			break;
	}
	return root && (!strncmp(root, "spirit:", 7) || !strncmp(root, "ipxact:", 7) ||
			!strncmp(root, "component", 9));
}

void map_read_xml(struct map_build *build, const struct map_text *text)
{
	struct soc soc = { .build = build, .choice = text->choice };

	soc.ipxact = is_ipxact(text->text);
	if (soc.ipxact)
		xml_read(build, text->text, text->length, ipxact_words, COUNT(ipxact_words),
			 &soc.tree);
	else
		xml_read(build, text->text, text->length, svd_words, COUNT(svd_words), &soc.tree);
	if (!build->err && soc.tree.root->tag != (soc.ipxact ? SOC_COMPONENT : SOC_DEVICE))
		build_refuse(build, soc.tree.root->line,
			     "its root is \"%s\": CMSIS-SVD has device, IP-XACT component",
			     soc.tree.root_name);
	if (!build->err)
		add_chosen(&soc);
	xml_free(&soc.tree);
}
