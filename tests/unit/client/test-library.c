/* SPDX-License-Identifier: MIT */
/*
 * The shared library as a program finds it: its name, its symbols and nothing else.
 */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <mmiod/mmiod.h>
#include <stdio.h>
#include <string.h>

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

/* Whether a program that is linked with the library's archive has a function or variable of it. */
static bool has_symbol(const char *program, const char *symbol)
{
	char command[256], line[512];
	bool found = false;
	size_t lines = 0;
	FILE *list;

	snprintf(command, sizeof(command), "nm --defined-only --format=posix %s", program);
	list = popen(command, "r");
	cr_assert(list);
	while (fgets(line, sizeof(line), list)) {
		lines++;
		line[strcspn(line, " ")] = '\0';
		found |= !strcmp(line, symbol);
	}
	cr_assert_eq(pclose(list), 0);
	cr_assert_gt(lines, 0, "%s is stripped", program);
	return found;
}

Test(library, gives_a_static_program_object_caches_only_if_it_makes_one)
{
	static const char *const symbols[] = { "mmiod_object_cache_create_sized",
					       "slabs_fill",
					       "registry_lock",
					       "figures_visit",
					       "provider_get",
					       "publish_begin" };

	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		cr_assert(has_symbol(BUILD_DIR "/tests/unit/static-object-cache", symbols[i]), "%s",
			  symbols[i]);
		cr_assert_not(has_symbol(BUILD_DIR "/tests/unit/static-hello-window", symbols[i]),
			      "%s", symbols[i]);
	}
	cr_assert(has_symbol(BUILD_DIR "/tests/unit/static-hello-window", "exchange_run"));
}
