// SPDX-License-Identifier: MIT
/*
 * /etc/subuid: the uids that belong to another user, a line "OWNER:START:COUNT" for each range.
 * Leases and connections of such a uid are its owner's, or the owner would have everything 65,536
 * times. A line that is no good, or whose owner is not known, says nothing; neither do ranges of
 * root, which nobody but root can use.
 */
#include <string.h>
#include "base/util.h"
#include "config/config.h"
#include "config/value.h"

static int find_owner(struct config *config, const char *name, uint32_t *owner)
{
	uint64_t number;

	if (value_number(name, &number) == 0 && number < UINT32_MAX) {
		*owner = (uint32_t)number;
		return 0;
	}
	return names_find(&config->sources.names, NAME_USER, name, owner);
}

static int parse(struct config *config, char *line, struct uid_range *range)
{
	char *rest = line, *owner = strsep(&rest, ":"), *start = strsep(&rest, ":");
	uint64_t first, count;

	if (!rest || !*owner)
		return -EINVAL;
	rest[strcspn(rest, ":\n")] = '\0';
	if (value_number(start, &first) < 0 || value_number(rest, &count) < 0 ||
	    first >= UINT32_MAX || !count || count > UINT32_MAX - first)
		return -EINVAL;
	range->start = (uint32_t)first;
	range->count = (uint32_t)count;
	if (find_owner(config, owner, &range->owner) < 0)
		return -ENOENT;
	return range->owner ? 0 : -EINVAL;
}

static int compare(const void *a, const void *b)
{
	const struct uid_range *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/* Of ranges that overlap the first has the uids. */
static void part(struct config *config)
{
	size_t kept = 0;

	for (size_t i = 0; i < config->n_uid_ranges; i++) {
		const struct uid_range *last = &config->uid_ranges[kept ? kept - 1 : 0];
		struct uid_range range = config->uid_ranges[i];
		uint64_t end = (uint64_t)range.start + range.count;
		uint64_t taken = kept ? (uint64_t)last->start + last->count : 0;

		if (end <= taken)
			continue;
		if (range.start < taken) {
			range.start = (uint32_t)taken;
			range.count = (uint32_t)(end - taken);
		}
		config->uid_ranges[kept++] = range;
	}
	config->n_uid_ranges = kept;
}

static int add(struct config *config, const struct uid_range *range)
{
	size_t n = config->n_uid_ranges;
	struct uid_range *grown;

	if ((n & (n - 1)) == 0) { /* a power of two: it is full */
		grown = reallocarray(config->uid_ranges, n ? 2 * n : 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		config->uid_ranges = grown;
	}
	config->uid_ranges[config->n_uid_ranges++] = *range;
	return 0;
}

/* 0, also if there is no such file; -ENOMEM. */
int config_read_subuids(struct config *config, const char *path)
{
	_cleanup_(fclosep) FILE *file = path ? fopen(path, "re") : NULL;
	struct uid_range range;
	char line[512];

	while (file && fgets(line, sizeof(line), file)) {
		if (parse(config, line, &range) < 0)
			continue;
		if (add(config, &range) < 0)
			return -ENOMEM;
	}
	if (config->n_uid_ranges)
		qsort(config->uid_ranges, config->n_uid_ranges, sizeof(range), compare);
	part(config);
	return 0;
}
