/* SPDX-License-Identifier: MIT */
/*
 * Programs that were written or built when the memory type was called cache. This file is such a
 * program: it compiles without a warning, and links.
 */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <stdio.h>
#include <mmiod/mmiod.h>
#include "lease/lease.h"

Test(deprecated, words_are_those_of_today)
{
	static const struct {
		enum mmiod_cache old;
		enum mmiod_memtype now;
	} words[] = {
		{ MMIOD_CACHE_DEFAULT, MMIOD_MEMTYPE_DEFAULT },
		{ MMIOD_CACHE_UC, MMIOD_MEMTYPE_UC },
		{ MMIOD_CACHE_WC, MMIOD_MEMTYPE_WC },
		{ MMIOD_CACHE_WB, MMIOD_MEMTYPE_WB },
		{ MMIOD_CACHE_WT, MMIOD_MEMTYPE_WT },
		{ MMIOD_CACHE_WP, MMIOD_MEMTYPE_WP },
		{ MMIOD_CACHE_UC_MINUS, MMIOD_MEMTYPE_UC_MINUS },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		cr_expect_eq(words[i].old, words[i].now);
		cr_expect_eq((int)words[i].old, (int)i, "a part of the ABI");
	}
}

Test(deprecated, functions_answer_as_those_of_today)
{
	struct mmiod_lease lease = { .memtype = MMIOD_MEMTYPE_WC };
	enum mmiod_cache (*of_lease_info)(const struct mmiod_lease_info *) = mmiod_lease_info_cache;
	enum mmiod_cache (*of_region)(const struct mmiod_region *) = mmiod_region_cache;
	unsigned int (*of_region_all)(const struct mmiod_region *) = mmiod_region_caches;
	enum mmiod_cache (*of_notice)(const struct mmiod_notice *) = mmiod_notice_cache;
	enum mmiod_cache (*of_translation)(const struct mmiod_translation *) =
		mmiod_translation_cache;

	cr_expect_eq(mmiod_lease_cache(&lease), MMIOD_CACHE_WC);
	cr_expect_eq(mmiod_lease_cache(&lease), mmiod_lease_memtype(&lease));
	cr_expect(of_lease_info && of_region && of_region_all && of_notice && of_translation);
}

Test(deprecated, functions_stay_in_the_shared_library)
{
	static const char *const names[] = { "mmiod_lease_cache",   "mmiod_lease_info_cache",
					     "mmiod_notice_cache",  "mmiod_region_cache",
					     "mmiod_region_caches", "mmiod_translation_cache" };
	void *library = dlopen(BUILD_DIR "/libmmiod.so.0", RTLD_NOW | RTLD_LOCAL);

	cr_assert(library, "%s", dlerror());
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		cr_expect(dlvsym(library, names[i], "MMIOD_0.1"), "%s", names[i]);
	dlclose(library);
}

/* How many warnings a program that says @flags of itself gets for an old type, word and function. */
static size_t warnings(const char *flags)
{
	char command[512], line[256];
	size_t count = 0;
	FILE *said;

	snprintf(command, sizeof(command),
		 "printf '%%s\\n' '#include <mmiod/mmiod.h>' 'enum mmiod_cache old(const struct "
		 "mmiod_lease *); enum mmiod_cache old(const struct mmiod_lease *lease)' "
		 "'{ return lease ? mmiod_lease_cache(lease) :' 'MMIOD_CACHE_UC; }' | "
		 "cc -Wall -Wextra -Iinclude %s -fsyntax-only -x c - 2>&1 | grep warning:",
		 flags);
	said = popen(command, "r");
	cr_assert(said);
	while (fgets(line, sizeof(line), said))
		count++;
	pclose(said);
	return count;
}

Test(deprecated, names_are_warned_of_only_if_the_program_wants_it)
{
	cr_expect_eq(warnings(""), 0u);
	cr_expect_geq(warnings("-DMMIOD_WARN_DEPRECATED"), 4u);
}
