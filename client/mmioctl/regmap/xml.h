/* SPDX-License-Identifier: MIT */
/*
 * XML as a tree of the elements that somebody asks for: read by expat, with the line of each. A
 * document type is refused, so there are no entities to expand but XML's own five; depth, elements and
 * text are bounded.
 */
#ifndef MMIOCTL_REGMAP_XML_H
#define MMIOCTL_REGMAP_XML_H

#include "regmap/build.h"

#define XML_DEPTH_MAX 64
#define XML_ELEMENTS_MAX (2u << 20)

struct xml_node {
	unsigned char tag; /* of the words that were asked for */
	unsigned int line;
	const char *text; /* "" if none */
	const char *derived; /* the attribute derivedFrom; NULL: none */
	struct xml_node *parent, *first, *last, *next;
	struct xml_node *base; /* for who has the tree: the one that it is derived from */
};

struct xml_word {
	const char *name; /* without a name space's prefix */
	unsigned char tag; /* not 0 */
};

struct xml_tree {
	struct xml_node *root; /* tag 0: none of the words */
	char root_name[64];
	void *memory; /* owned: of all of it */
};

/* @words: in order of strcmp(). What is in other elements is passed over. Wrong: told to @build. */
void xml_read(struct map_build *build, const char *text, size_t length,
	      const struct xml_word *words, size_t count, struct xml_tree *tree);
void xml_free(struct xml_tree *tree);

#endif
