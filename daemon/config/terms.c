// SPDX-License-Identifier: MIT
/*
 * The terms of a grant: for whom beside those it names, which part, which memory type, for how
 * long, how much; and the register writes that make a device safe when a lease ends. Keys, and what
 * can only be judged at the end.
 */
#include <inttypes.h>
#include <string.h>
#include "config/setters.h"
#include "config/value.h"

#define LEASE_MIN_MS 100
#define COUNT_MAX 1000000

/* ---- keys of [grant NAME] -------------------------------------------------------------------- */

int terms_set_unknown(struct config_cursor *cursor, const char *value)
{
	return config_yes_no(cursor, value, &cursor->grant->unknown);
}

static int add_memtype(struct config_cursor *cursor, void *list, const char *word)
{
	uint32_t *memtypes = list;

	if (strcmp(word, "uc") && strcmp(word, "wc"))
		return config_refuse(cursor,
				     "\"%s\" is not a memory type of a device: write uc, wc or "
				     "both",
				     word);
	*memtypes |= 1u << (strcmp(word, "uc") ? MMIOD_MEMTYPE_WC : MMIOD_MEMTYPE_UC);
	return 0;
}

int terms_set_memtype(struct config_cursor *cursor, const char *value)
{
	cursor->grant->memtypes = 0;
	return config_each_word(cursor, value, &cursor->grant->memtypes, add_memtype);
}

int terms_set_range(struct config_cursor *cursor, const char *value)
{
	if (value_range(value, &cursor->grant->offset, &cursor->grant->length) < 0)
		return config_refuse(cursor,
				     "\"%s\" is not a range: write FIRST-LAST, both included, "
				     "counted from the start of the region, such as 0x100-0x1ff",
				     value);
	return 0;
}

int terms_set_lease(struct config_cursor *cursor, const char *value)
{
	uint32_t ms;

	if (value_duration(value, &ms) < 0 || ms < LEASE_MIN_MS)
		return config_refuse(cursor,
				     "\"%s\" is not a time from 100ms to 1000h, such as 30s, 10min "
				     "or 8h",
				     value);
	cursor->grant->lease_ms = ms;
	return 0;
}

int terms_set_renew(struct config_cursor *cursor, const char *value)
{
	return config_yes_no(cursor, value, &cursor->grant->renew);
}

int terms_set_leases(struct config_cursor *cursor, const char *value)
{
	uint64_t number;

	if (value_number(value, &number) < 0 || number < 1 || number > COUNT_MAX)
		return config_refuse(cursor, "\"%s\" is not a count from 1 to %d", value,
				     COUNT_MAX);
	cursor->grant->leases = (uint32_t)number;
	return 0;
}

int terms_set_bytes(struct config_cursor *cursor, const char *value)
{
	if (value_size(value, &cursor->grant->bytes) < 0 || !cursor->grant->bytes)
		return config_refuse(cursor, "\"%s\" is not a size, such as 64M or 1G", value);
	return 0;
}

int terms_set_wait(struct config_cursor *cursor, const char *value)
{
	if (value_duration(value, &cursor->grant->wait_ms) < 0 || cursor->grant->wait_ms < 100)
		return config_refuse(cursor, "\"%s\" is not a time from 100ms on, such as 1min",
				     value);
	return 0;
}

int terms_set_leaves(struct config_cursor *cursor, const char *value)
{
	bool huge = !strcmp(value, "huge");

	if (!huge && strcmp(value, "safe"))
		return config_refuse(cursor,
				     "\"%s\" is no kind of leaves: write safe, or huge for holders "
				     "who may bring the machine down",
				     value);
	cursor->grant->huge = huge;
	if (huge)
		config_warn(cursor->config, &cursor->at,
			    "whom grant %s gives windows to can bring down a kernel with NUMA "
			    "policies by mbind(2), as every user of vfio-pci can",
			    cursor->grant->name);
	return 0;
}

/* ---- on-end of [region NAME] ----------------------------------------------------------------- */

static int add_write(struct config_cursor *cursor, void *list, const char *word)
{
	struct config_writes *writes = list;

	if (writes->count == CONFIG_ON_END_MAX)
		return config_refuse(cursor, "more writes than %d", CONFIG_ON_END_MAX);
	if (value_write(word, &writes->items[writes->count]) < 0)
		return config_refuse(cursor,
				     "\"%s\" is not a register write: write +OFFSET:BITS=VALUE, "
				     "such as +0x10:32=0, with a multiple of the width as offset "
				     "and a value that fits it",
				     word);
	writes->count++;
	return 0;
}

int terms_set_on_end(struct config_cursor *cursor, const char *value)
{
	return config_each_word(cursor, value, &cursor->region->on_end, add_write);
}

int config_check_on_end(const struct config_region *region, struct text *why)
{
	const struct config_origin *origin = &region->origin;

	if (region->on_end.count && region->pool) {
		text_set(why,
			 "%s:%u: a pool is memory, and wiped when it comes back: remove \"on-end\" "
			 "or \"pool\"",
			 origin->file, origin->line);
		return -EINVAL;
	}
	for (size_t i = 0; i < region->on_end.count; i++) {
		const struct config_write *write = &region->on_end.items[i];

		if (region->width && write->width != region->width)
			text_set(why,
				 "%s:%u: \"on-end\" writes %u bits at +0x%" PRIx64
				 ", but the region is accessed by %u bits",
				 origin->file, origin->line, 8 * write->width, write->offset,
				 8 * region->width);
		else if (region->length && (write->offset >= region->length ||
					    write->width > region->length - write->offset))
			text_set(why,
				 "%s:%u: \"on-end\" writes at +0x%" PRIx64
				 ", but the region has 0x%" PRIx64 " bytes",
				 origin->file, origin->line, write->offset, region->length);
		else
			continue;
		return -EINVAL;
	}
	return 0;
}

/* ---- what can only be judged at the end ------------------------------------------------------ */

static bool leaves(const struct config_grant *grant, const struct config_region *region)
{
	return grant->length && region->length &&
	       (grant->offset >= region->length || grant->length > region->length - grant->offset);
}

static int check_against(const struct config_grant *grant, const struct config_region *region,
			 struct text *why)
{
	if (leaves(grant, region)) {
		text_set(why,
			 "%s:%u: \"range\" of the grant ends at 0x%" PRIx64
			 ", but region %s has 0x%" PRIx64 " bytes",
			 grant->origin.file, grant->origin.line, grant->offset + grant->length - 1,
			 region->name, region->length);
		return -EINVAL;
	}
	if (grant->memtypes && !(grant->memtypes & region->memtypes)) {
		text_set(why,
			 "%s:%u: \"memory-type\" of the grant has nothing in common with that of "
			 "region "
			 "%s: it would grant nothing",
			 grant->origin.file, grant->origin.line, region->name);
		return -EINVAL;
	}
	return 0;
}

/* Of a glob it is not known which regions were meant; it grants nothing if it fits none of them. */
static void check_glob(struct config *config, const struct config_grant *grant, const char *pattern)
{
	struct config_match match = config_match(config, pattern);
	const struct config_region *region, *last = NULL;

	while ((region = config_match_next(&match))) {
		if (!leaves(grant, region) &&
		    (!grant->memtypes || grant->memtypes & region->memtypes))
			return;
		last = region;
	}
	if (last)
		config_warn(config, &grant->origin,
			    "grant %s gives nothing by \"%s\": its \"range\" or \"memory-type\" "
			    "fits no "
			    "region of that name, %s has 0x%" PRIx64 " bytes",
			    grant->name, pattern, last->name, last->length);
}

int config_check_terms(struct config *config, const struct config_grant *grant, struct text *why)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < grant->regions.count; i++) {
		const char *pattern = grant->regions.items[i];

		if (config_is_glob(pattern))
			check_glob(config, grant, pattern);
		else
			r = check_against(grant, config_find_region(config, pattern), why);
	}
	return r;
}
