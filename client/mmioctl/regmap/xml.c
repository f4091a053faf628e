/* SPDX-License-Identifier: MIT */
/*
 * Reads XML: see xml.h. Knows nothing of registers.
 */
#include "regmap/xml.h"

#include <expat.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE (256u << 10)
#define TEXT_ROOM 4096 /* of one element; what is longer is a description, which is cut anyway */

/* Memory of the tree goes out in pieces, and is freed as a whole. */
struct chunk {
	struct chunk *before;
	size_t used;
	_Alignas(max_align_t) char bytes[CHUNK_SIZE];
};

struct parse {
	struct map_build *build;
	XML_Parser parser;
	const struct xml_word *words;
	size_t count;
	struct xml_tree *tree;
	struct xml_node *node; /* that is open */
	unsigned int depth;
	unsigned int skipped; /* depth of the element that is passed over; 0: none is */
	size_t elements;
	char text[TEXT_ROOM];
	size_t text_length;
};

static unsigned int line_of(const struct parse *parse)
{
	return (unsigned int)XML_GetCurrentLineNumber(parse->parser);
}

/* The parser stops as soon as it may. */
static void stop(struct parse *parse)
{
	XML_StopParser(parse->parser, XML_FALSE);
}

/* ---- memory ---- */

/* NULL: told. */
static void *take(struct parse *parse, size_t size)
{
	struct chunk *chunk = parse->tree->memory;
	size_t aligned = (size + sizeof(void *) - 1) / sizeof(void *) * sizeof(void *);

	if (!chunk || chunk->used + aligned > CHUNK_SIZE) {
		chunk = malloc(sizeof(*chunk));
		if (!chunk) {
			build_no_memory(parse->build);
			stop(parse);
			return NULL;
		}
		chunk->before = parse->tree->memory;
		chunk->used = 0;
		parse->tree->memory = chunk;
	}
	chunk->used += aligned;
	return chunk->bytes + chunk->used - aligned;
}

static const char *keep_text(struct parse *parse, const char *text, size_t length)
{
	char *copy = length ? take(parse, length + 1) : NULL;

	if (!copy)
		return "";
	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

/* ---- elements ---- */

static int compare(const void *name, const void *word)
{
	return strcmp(name, ((const struct xml_word *)word)->name);
}

static const char *local_name(const char *name)
{
	const char *colon = strrchr(name, ':');

	return colon ? colon + 1 : name;
}

static unsigned char tag_of(const struct parse *parse, const char *name)
{
	const struct xml_word *word =
		bsearch(name, parse->words, parse->count, sizeof(*word), compare);

	return word ? word->tag : 0;
}

static const char *derived_from(struct parse *parse, const char **attributes)
{
	for (; *attributes; attributes += 2)
		if (!strcmp(attributes[0], "derivedFrom"))
			return keep_text(parse, attributes[1], strnlen(attributes[1], TEXT_ROOM));
	return NULL;
}

static struct xml_node *add_node(struct parse *parse, unsigned char tag)
{
	struct xml_node *node = take(parse, sizeof(*node)), *parent = parse->node;

	if (!node)
		return NULL;
	*node = (struct xml_node){
		.tag = tag, .line = line_of(parse), .text = "", .parent = parent
	};
	if (parent && parent->last)
		parent->last->next = node;
	else if (parent)
		parent->first = node;
	if (parent)
		parent->last = node;
	else
		parse->tree->root = node;
	return node;
}

static bool has_bounds(struct parse *parse)
{
	if (++parse->depth > XML_DEPTH_MAX)
		build_refuse(parse->build, line_of(parse), "elements are nested more than %d deep",
			     XML_DEPTH_MAX);
	else if (++parse->elements > XML_ELEMENTS_MAX)
		build_refuse(parse->build, line_of(parse), "there are more than %u elements in it",
			     XML_ELEMENTS_MAX);
	if (parse->build->err)
		stop(parse);
	return !parse->build->err;
}

static void XMLCALL start_element(void *data, const char *name, const char **attributes)
{
	struct parse *parse = data;
	const char *local = local_name(name);
	struct xml_node *node;
	unsigned char tag;

	if (!has_bounds(parse) || parse->skipped)
		return;
	tag = tag_of(parse, local);
	if (!tag && parse->node) {
		parse->skipped = parse->depth;
		return;
	}
	if (!parse->node)
		snprintf(parse->tree->root_name, sizeof(parse->tree->root_name), "%s", local);
	node = add_node(parse, tag);
	if (!node)
		return;
	node->derived = derived_from(parse, attributes);
	parse->node = node;
	parse->text_length = 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The text of a leaf, trimmed. */
static void close_node(struct parse *parse)
{
	const char *text = parse->text;
	size_t length = parse->text_length;

	while (length && is_blank(text[length - 1]))
		length--;
	while (length && is_blank(*text)) {
		text++;
		length--;
	}
	if (!parse->node->first)
		parse->node->text = keep_text(parse, text, length);
	parse->text_length = 0;
	parse->node = parse->node->parent;
}

static void XMLCALL end_element(void *data, const char *name)
{
	struct parse *parse = data;

	if (parse->build->err)
		return;
	if (!parse->skipped && parse->node)
		close_node(parse);
	else if (parse->skipped == parse->depth)
		parse->skipped = 0;
	parse->depth--;
}

static void XMLCALL take_text(void *data, const char *text, int length)
{
	struct parse *parse = data;
	size_t room = TEXT_ROOM - parse->text_length;
	size_t size = (size_t)length < room ? (size_t)length : room;

	if (parse->skipped)
		return;
	memcpy(parse->text + parse->text_length, text, size);
	parse->text_length += size;
}

/* With it would come entities, which can grow without bound or name other files. */
static void XMLCALL refuse_doctype(void *data, const char *name, const char *system,
				   const char *public, int internal)
{
	struct parse *parse = data;

	build_refuse(parse->build, line_of(parse),
		     "it has a document type (<!DOCTYPE %.40s>), which is not read: take it out",
		     name);
	stop(parse);
}

/* ---- the file ---- */

static void run_parser(struct parse *parse, const char *text, size_t length)
{
	XML_SetUserData(parse->parser, parse);
	XML_SetElementHandler(parse->parser, start_element, end_element);
	XML_SetCharacterDataHandler(parse->parser, take_text);
	XML_SetStartDoctypeDeclHandler(parse->parser, refuse_doctype);
	if (XML_Parse(parse->parser, text, (int)length, XML_TRUE) != XML_STATUS_OK)
		build_refuse(parse->build, line_of(parse), "it is no good XML: %s",
			     XML_ErrorString(XML_GetErrorCode(parse->parser)));
}

void xml_read(struct map_build *build, const char *text, size_t length,
	      const struct xml_word *words, size_t count, struct xml_tree *tree)
{
	struct parse *parse = calloc(1, sizeof(*parse));

	*tree = (struct xml_tree){ 0 };
	if (parse)
		parse->parser = XML_ParserCreate(NULL);
	if (parse && parse->parser) {
		parse->build = build;
		parse->words = words;
		parse->count = count;
		parse->tree = tree;
		run_parser(parse, text, length);
		XML_ParserFree(parse->parser);
	} else {
		build_no_memory(build);
	}
	free(parse);
}

void xml_free(struct xml_tree *tree)
{
	struct chunk *chunk = tree->memory;

	while (chunk) {
		struct chunk *before = chunk->before;

		free(chunk);
		chunk = before;
	}
	*tree = (struct xml_tree){ 0 };
}
