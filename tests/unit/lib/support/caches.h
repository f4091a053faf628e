/* SPDX-License-Identifier: MIT */
/*
 * Object caches to try: over anonymous memory, with what they report kept for looking at.
 */
#ifndef CACHES_H
#define CACHES_H

#include <criterion/criterion.h>
#include <errno.h>
#include <mmiod/mmiod.h>

#define REPORTS_MAX 16

struct reports {
	int count;
	struct {
		enum mmiod_object_cache_problem problem;
		const void *object;
		size_t offset;
		char text[8192];
	} list[REPORTS_MAX];
};

extern struct reports reports;

/* @provider NULL: anonymous memory. Reports go to reports. */
struct mmiod_object_cache *cache_make(struct mmiod_object_cache_options options);
/* Destroys it, and fails the test when objects remain. */
void cache_end(struct mmiod_object_cache *cache);
struct mmiod_object_cache_stats cache_stats(struct mmiod_object_cache *cache);
void keep_report(const struct mmiod_object_cache_report *report, void *context);
/* Exactly one report since the last call, of this problem, with all these words; NULL ends them. */
#define one_report(problem, ...) expect_report(problem, (const char *const[]){ __VA_ARGS__ })
void expect_report(enum mmiod_object_cache_problem problem, const char *const *words);

#endif
