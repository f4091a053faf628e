// SPDX-License-Identifier: MIT
/*
 * Links each region to its grants, and lists whom these are for, sorted: so that a decision need
 * not look at all grants. The lists belong to the regions, and point into the tree.
 */
#include <fnmatch.h>
#include <string.h>
#include "config/config.h"

bool config_is_glob(const char *pattern)
{
	return strpbrk(pattern, "*?[") != NULL;
}

/* ---- patterns -------------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
	const struct config_region *const *first = a, *const *second = b;

	return strcmp((*first)->name, (*second)->name);
}

/* So that a pattern is compared with what begins as it does, not with all. */
int config_sort(struct config *config)
{
	const size_t size = sizeof(*config->sorted);

	if (!config->n_regions)
		return 0;
	config->sorted = calloc(config->n_regions, size);
	if (!config->sorted)
		return -ENOMEM;
	memcpy(config->sorted, config->regions, config->n_regions * size);
	qsort(config->sorted, config->n_regions, size, compare_names);
	return 0;
}

static size_t prefix_length(const char *pattern)
{
	return strcspn(pattern, "*?[\\");
}

/* The first, in order of the names, that may begin with what the pattern begins with. */
struct config_match config_match(const struct config *config, const char *pattern)
{
	struct config_match match = { .config = config, .pattern = pattern };
	size_t to = config->n_regions, prefix = prefix_length(pattern);

	while (config_is_glob(pattern) && match.at < to) {
		size_t middle = match.at + (to - match.at) / 2;

		if (strncmp(config->sorted[middle]->name, pattern, prefix) < 0)
			match.at = middle + 1;
		else
			to = middle;
	}
	return match;
}

struct config_region *config_match_next(struct config_match *match)
{
	const struct config *config = match->config;
	size_t prefix = prefix_length(match->pattern);

	if (!config_is_glob(match->pattern) && !match->done) {
		match->done = true;
		return config_find_region(config, match->pattern);
	}
	while (!match->done && match->at < config->n_regions) {
		struct config_region *region = config->sorted[match->at++];

		if (strncmp(region->name, match->pattern, prefix))
			break;
		if (!fnmatch(match->pattern, region->name, 0))
			return region;
	}
	match->done = true;
	return NULL;
}

/* A [ that is not closed stands for itself, and no name has one. */
bool config_pattern_is_broken(const char *pattern)
{
	const char *open = strchr(pattern, '[');

	while (open) {
		const char *set = open + 1 + (open[1] == '!' || open[1] == '^');
		const char *close = *set ? strchr(set + 1, ']') : NULL;

		if (!close)
			return true;
		open = strchr(close, '[');
	}
	return false;
}

/* ---- grants ---------------------------------------------------------------------------------- */

static int link_region(struct config_region *region, const struct config_grant *grant)
{
	void **slot;

	if (region->n_grants && region->grants[region->n_grants - 1] == grant)
		return 0; /* by another of its patterns */
	slot = config_grow(&region->grants, &region->n_grants);
	if (!slot)
		return -ENOMEM;
	*(const struct config_grant **)slot = grant;
	return 0;
}

/* To the regions that it names, each of which gets its grants in the order of the files. */
static int link_grant(const struct config *config, const struct config_grant *grant)
{
	int r = 0;

	for (size_t p = 0; r == 0 && p < grant->regions.count; p++) {
		struct config_match match = config_match(config, grant->regions.items[p]);
		struct config_region *region;

		while (r == 0 && (region = config_match_next(&match)))
			r = link_region(region, grant);
	}
	return r;
}

bool config_names_device(const struct config_grant *grant, const struct config_function *function)
{
	for (size_t i = 0; i < grant->devices.count; i++)
		if (!fnmatch(grant->devices.items[i], function->name, 0))
			return true;
	return false;
}

/* A device has few grants: a decision looks at all of them. */
static int link_devices(struct config *config, const struct config_grant *grant)
{
	for (size_t i = 0; grant->devices.count && i < config->n_functions; i++) {
		struct config_function *function = config->functions[i];
		void **slot;

		if (!config_names_device(grant, function))
			continue;
		slot = config_grow(&function->grants, &function->n_grants);
		if (!slot)
			return -ENOMEM;
		*(const struct config_grant **)slot = grant;
	}
	return 0;
}

static int link_both(struct config *config, const struct config_grant *grant)
{
	int r = link_grant(config, grant);

	return r == 0 ? link_devices(config, grant) : r;
}

/* ---- holders --------------------------------------------------------------------------------- */

static int compare_parties(const struct config_holder *a, const struct config_holder *b)
{
	if (a->party != b->party)
		return a->party < b->party ? -1 : 1;
	return (a->id > b->id) - (a->id < b->id);
}

static int compare_holders(const void *a, const void *b)
{
	const struct config_holder *x = a, *y = b;
	int parties = compare_parties(x, y);

	return parties ? parties : (x->grant > y->grant) - (x->grant < y->grant);
}

static void add_holders(struct config_region *region, uint32_t g, enum config_party party,
			const struct config_ids *ids)
{
	for (size_t i = 0; i < ids->count; i++)
		region->holders[region->n_holders++] = (struct config_holder){
			.party = party,
			.id = ids->items[i].id,
			.grant = g,
		};
}

static int list_holders(struct config_region *region)
{
	struct config_id nobody = { 0 };
	const struct config_ids one = { .items = &nobody, .count = 1 };
	size_t most = 0;

	for (size_t g = 0; g < region->n_grants; g++)
		most += region->grants[g]->users.count + region->grants[g]->groups.count +
			region->grants[g]->tenants.count + 2;
	region->holders = most ? calloc(most, sizeof(*region->holders)) : NULL;
	if (most && !region->holders)
		return -ENOMEM;
	for (uint32_t g = 0; g < region->n_grants; g++) {
		const struct config_grant *grant = region->grants[g];

		if (grant->users.all)
			add_holders(region, g, CONFIG_PARTY_ALL, &one);
		if (grant->unknown)
			add_holders(region, g, CONFIG_PARTY_UNKNOWN, &one);
		add_holders(region, g, CONFIG_PARTY_TENANT, &grant->tenants);
		add_holders(region, g, CONFIG_PARTY_USER, &grant->users);
		add_holders(region, g, CONFIG_PARTY_GROUP, &grant->groups);
	}
	if (most)
		qsort(region->holders, region->n_holders, sizeof(*region->holders),
		      compare_holders);
	return 0;
}

/* The first that is not before this party; the array's end if there is none. */
const struct config_holder *config_find_party(const struct config_holder *holders, size_t count,
					      enum config_party party, uint32_t id)
{
	const struct config_holder wanted = { .party = party, .id = id };
	size_t from = 0, to = count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (compare_parties(&holders[middle], &wanted) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return holders + from;
}

const struct config_holder *config_find_holder(const struct config_region *region,
					       enum config_party party, uint32_t id)
{
	return config_find_party(region->holders, region->n_holders, party, id);
}

/* ---- everybody who is named ------------------------------------------------------------------ */

static void name(struct config *config, enum config_party party, const struct config_ids *ids)
{
	for (size_t i = 0; i < ids->count; i++)
		config->named[config->n_named++] =
			(struct config_holder){ .party = party, .id = ids->items[i].id };
}

static void name_all(struct config *config, const struct config_ids *users,
		     const struct config_ids *groups)
{
	if (users->all)
		config->named[config->n_named++] =
			(struct config_holder){ .party = CONFIG_PARTY_ALL };
	name(config, CONFIG_PARTY_USER, users);
	name(config, CONFIG_PARTY_GROUP, groups);
}

static size_t count_names(struct config_admin *const *sections, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += sections[i]->users.count + sections[i]->groups.count + 1;
	return count;
}

/* A subject that no section names can only be told so. */
static int list_named(struct config *config)
{
	size_t most = count_names(config->admins, config->n_admins) +
		      count_names(config->inspectors, config->n_inspectors);

	for (size_t i = 0; i < config->n_grants; i++)
		most += config->grants[i]->users.count + config->grants[i]->groups.count + 1;
	config->named = most ? calloc(most, sizeof(*config->named)) : NULL;
	if (most && !config->named)
		return -ENOMEM;
	for (size_t i = 0; i < config->n_grants; i++)
		name_all(config, &config->grants[i]->users, &config->grants[i]->groups);
	for (size_t i = 0; i < config->n_admins; i++)
		name_all(config, &config->admins[i]->users, &config->admins[i]->groups);
	for (size_t i = 0; i < config->n_inspectors; i++)
		name_all(config, &config->inspectors[i]->users, &config->inspectors[i]->groups);
	if (most)
		qsort(config->named, config->n_named, sizeof(*config->named), compare_holders);
	return 0;
}

/* -ENOMEM, or 0. */
int config_link(struct config *config)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < config->n_grants; i++)
		r = link_both(config, config->grants[i]);
	for (size_t i = 0; r == 0 && i < config->n_regions; i++)
		r = list_holders(config->regions[i]);
	return r == 0 ? list_named(config) : r;
}
