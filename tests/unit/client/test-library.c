/* SPDX-License-Identifier: MIT */
/*
 * The shared library as a program finds it: its name, its symbols and nothing else.
 */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <mmiod/mmiod.h>

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
