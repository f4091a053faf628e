/* SPDX-License-Identifier: MIT */
#include "caches.h"

#include <stdio.h>
#include <string.h>

struct reports reports;

void keep_report(const struct mmiod_object_cache_report *report, void *context)
{
	cr_assert_lt(reports.count, REPORTS_MAX);
	reports.list[reports.count].problem = mmiod_object_cache_report_problem(report);
	reports.list[reports.count].object = mmiod_object_cache_report_object(report);
	reports.list[reports.count].offset = mmiod_object_cache_report_offset(report);
	snprintf(reports.list[reports.count].text, sizeof(reports.list[0].text), "%s",
		 mmiod_object_cache_report_text(report));
	reports.count++;
}

struct mmiod_object_cache *cache_make(struct mmiod_object_cache_options options)
{
	static struct mmiod_slab_provider *anonymous;
	struct mmiod_object_cache *cache;
	char error[256];

	if (!anonymous)
		cr_assert_eq(mmiod_slab_provider_anonymous(&anonymous), 0);
	if (!options.provider)
		options.provider = anonymous;
	if (!options.name)
		options.name = "thing";
	if (!options.report)
		options.report = keep_report;
	cr_assert_eq(mmiod_object_cache_create(&options, &cache, error, sizeof(error)), 0, "%s",
		     error);
	return cache;
}

void cache_end(struct mmiod_object_cache *cache)
{
	cr_assert_eq(mmiod_object_cache_destroy(cache), 0, "%s", reports.list[0].text);
}

struct mmiod_object_cache_stats cache_stats(struct mmiod_object_cache *cache)
{
	struct mmiod_object_cache_stats stats;

	mmiod_object_cache_stats(cache, &stats);
	return stats;
}

void expect_report(enum mmiod_object_cache_problem problem, const char *const *words)
{
	const char *text = reports.list[0].text;

	cr_assert_eq(reports.count, 1, "%d reports, the first: %s", reports.count, text);
	cr_assert_eq(reports.list[0].problem, problem, "problem %d: %s", reports.list[0].problem,
		     text);
	for (; *words; words++)
		cr_assert(strstr(text, *words), "no \"%s\" in: %s", *words, text);
	reports.count = 0;
}
