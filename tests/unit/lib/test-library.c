/* SPDX-License-Identifier: MIT */
/*
 * The shared library as a program finds it: its name, its symbols and nothing else.
 */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <mmiod/mmiod.h>
#include <stdio.h>

Test(library, exports_versioned_symbols_and_hides_the_rest)
{
	void *library = dlopen(BUILD_DIR "/libmmiod.so.0", RTLD_NOW | RTLD_LOCAL);
	const char *(*version)(void);

	cr_assert(library, "%s", dlerror());
	version = (const char *(*)(void))dlvsym(library, "mmiod_version", "MMIOD_0.1");
	cr_assert(version);
	cr_assert_str_eq(version(), MMIOD_VERSION);
	cr_assert(dlvsym(library, "mmiod_client_connect", "MMIOD_0.1"));
	cr_assert(dlvsym(library, "mmiod_guard", "MMIOD_0.1"));
	cr_assert_null(dlsym(library, "client_fail"));
	cr_assert_null(dlsym(library, "packet_send"));
	dlclose(library);
}

Test(library, knows_the_page_size_of_the_machine)
{
	size_t page = mmiod_page_size();

	cr_assert_geq(page, 4096);
	cr_assert_eq(page & (page - 1), 0);
}

/* What a program has of the room of object caches: so many functions and variables, and one of them. */
static size_t cache_symbols(const char *program, char *example, size_t size)
{
	static const char names[] = "nm --defined-only --format=posix";
	char command[1024];
	size_t count = 0;
	FILE *list;

	snprintf(command, sizeof(command),
		 "set -eu; %s --extern-only " BUILD_DIR "/client/lib/cache/*.o >%s.room; "
		 "%s %s >%s.all; for list in room all; do sed 's/ .*//; /:$/d' %s.$list | sort -u; "
		 "done | sort | uniq -d",
		 names, program, names, program, program, program);
	example[0] = '\0';
	list = popen(command, "r");
	cr_assert(list);
	while (fgets(example, (int)size, list))
		count++;
	cr_assert_eq(pclose(list), 0);
	return count;
}

Test(library, gives_a_static_program_object_caches_only_if_it_makes_one)
{
	char example[256];

	cr_assert_gt(cache_symbols(BUILD_DIR "/tests/unit/lib/static-object-cache", example,
				   sizeof(example)),
		     0);
	cr_assert_eq(cache_symbols(BUILD_DIR "/tests/unit/lib/static-hello-window", example,
				   sizeof(example)),
		     0, "among others, %s", example);
}
