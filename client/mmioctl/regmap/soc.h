/* SPDX-License-Identifier: MIT */
/*
 * CMSIS-SVD and IP-XACT, which describe the same things by different words: soc.c walks through the
 * peripherals, soc-field.c has fields and what accesses do, soc-array.c arrays, and soc-derive.c what
 * an element has of itself or of those that it is derived from.
 */
#ifndef MMIOCTL_REGMAP_SOC_H
#define MMIOCTL_REGMAP_SOC_H

#include "regmap/xml.h"

enum soc_tag {
	SOC_NONE,
	SOC_DEVICE, /* SVD's root */
	SOC_COMPONENT, /* IP-XACT's */
	SOC_PERIPHERALS,
	SOC_MAPS,
	SOC_MAP,
	SOC_REGISTERS,
	SOC_FIELDS,
	SOC_PERIPHERAL,
	SOC_CLUSTER,
	SOC_REGISTER,
	SOC_FIELD,
	SOC_VALUES,
	SOC_VALUE,
	SOC_NAME,
	SOC_DESCRIPTION,
	SOC_BASE,
	SOC_OFFSET,
	SOC_SIZE,
	SOC_ACCESS,
	SOC_RESET_VALUE,
	SOC_RESETS,
	SOC_RESET,
	SOC_DIM,
	SOC_DIM_INCREMENT,
	SOC_DIM_INDEX,
	SOC_ARRAY,
	SOC_STRIDE,
	SOC_POLICIES,
	SOC_POLICY,
	SOC_BIT_OFFSET,
	SOC_BIT_WIDTH,
	SOC_BIT_RANGE,
	SOC_LSB,
	SOC_MSB,
	SOC_MODIFIED,
	SOC_READ_ACTION,
	SOC_NUMBER,
	SOC_IS_DEFAULT,
	SOC_ALTERNATE,
	SOC_UNIT_BITS,
	SOC_RANGE,
	SOC_PRESENT,
	SOC_UNKNOWN, /* would change the meaning if it were passed over */
};

/* Bounds time: looking at one element of XML is a step, making one of an array some more. */
#define SOC_STEPS_MAX (32u << 20)
#define SOC_STEPS_ELEMENT 64

struct soc {
	struct map_build *build;
	const struct map_choice *choice;
	struct xml_tree tree;
	bool ipxact;
	unsigned int steps;
};

/* What an element has from those around it. */
struct soc_inherited {
	unsigned int size; /* bits */
	enum map_access access;
	const char *modified; /* of modifiedWriteValues; NULL: as written */
	enum map_read read;
	uint64_t reset;
	bool has_reset;
};

/* ---- soc-derive.c ---- */

bool soc_step(struct soc *soc, const struct xml_node *node);
/* For the next element of an array. */
bool soc_stride(struct soc *soc, const struct xml_node *node);
const struct xml_node *soc_own(struct soc *soc, const struct xml_node *node, enum soc_tag tag);
/* The element's own, or that of the nearest it is derived from. NULL: there is none, or told. */
const struct xml_node *soc_child(struct soc *soc, const struct xml_node *node, enum soc_tag tag);
const char *soc_text(struct soc *soc, const struct xml_node *node, enum soc_tag tag);
/* What contains the elements of this kind; NULL: there are none. */
const struct xml_node *soc_list(struct soc *soc, const struct xml_node *node, enum soc_tag list,
				enum soc_tag one, enum soc_tag other);
/* @number stays as it is unless there is one. */
bool soc_number(struct soc *soc, const struct xml_node *node, enum soc_tag tag, uint64_t *number);
bool soc_parse(struct soc *soc, const struct xml_node *leaf, const char *what, uint64_t *number);
uint64_t soc_sum(struct soc *soc, const struct xml_node *node, uint64_t a, uint64_t b);
bool soc_is_present(struct soc *soc, const struct xml_node *node);

/* ---- soc-array.c ---- */

#define SOC_DIMENSIONS 4

struct soc_array {
	const struct xml_node *node; /* the element that it is of */
	uint64_t counts[SOC_DIMENSIONS];
	size_t dimensions; /* 0: it is none */
	uint64_t count; /* of elements: 1 if it is none */
	uint64_t step; /* from one to the next */
	const char *index; /* dimIndex; NULL: 0, 1, … */
};

/* @step: if none is named. */
void soc_array(struct soc *soc, const struct xml_node *node, uint64_t step,
	       struct soc_array *array);
/* The name of the element @i, behind @prefix. false: told. */
bool soc_element_name(struct soc *soc, const struct soc_array *array, uint64_t i,
		      const char *prefix, char out[MAP_NAME_MAX]);

/* ---- soc-field.c ---- */

void soc_inherit(struct soc *soc, const struct xml_node *node, struct soc_inherited *from);
enum map_access soc_access(const struct soc_inherited *from);
void soc_fields(struct soc *soc, const struct xml_node *node, const struct soc_inherited *from,
		struct map_register *reg);

#endif
