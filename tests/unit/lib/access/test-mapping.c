/* SPDX-License-Identifier: MIT */
#include "support/window.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RO MMIOD_RIGHT_READ
#define RW (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)

static uint64_t page;

static void setup(void)
{
	page = mmiod_page_size();
}

TestSuite(mapping, .init = setup);

Test(mapping, starts_at_the_windows_first_byte)
{
	struct mmiod_mapping *mapping;
	struct window window;
	uint32_t value = 0;

	window_make(&window, 3 * page, 2 * page, RW, 0);
	cr_assert_eq(mmiod_lease_map(window.lease, 0, &mapping), 0);
	cr_assert_eq(mmiod_mapping_length(mapping), 2 * page);
	mmiod_write32(mmiod_mapping_address(mapping), 0xc0ffee);
	cr_assert_eq(pread(window.lease->fd, &value, 4, (off_t)(3 * page)), 4);
	cr_assert_eq(value, 0xc0ffee);
	mmiod_mapping_free(mapping);
	mmiod_mapping_free(NULL);
	window_free(&window);
}

Test(mapping, may_be_a_part_of_the_window)
{
	struct mmiod_mapping *mapping;
	struct window window;
	uint8_t value = 0;

	window_make(&window, page, 4 * page, RW, 0);
	cr_assert_eq(mmiod_lease_map_range(window.lease, 2 * page, page, 0, &mapping), 0);
	mmiod_write8(mmiod_mapping_address(mapping), 0xa5);
	cr_assert_eq(pread(window.lease->fd, &value, 1, (off_t)(3 * page)), 1);
	cr_assert_eq(value, 0xa5);
	mmiod_mapping_free(mapping);
	window_free(&window);
}

static void refused(struct window *window, uint64_t offset, uint64_t length, const char *because)
{
	struct mmiod_mapping *mapping = (void *)1;

	cr_assert_eq(mmiod_lease_map_range(window->lease, offset, length, 0, &mapping), -EINVAL);
	cr_assert_null(mapping);
	cr_assert(strstr(window->client.error, because), "\"%s\" does not say \"%s\"",
		  window->client.error, because);
}

Test(mapping, beyond_the_window_is_refused)
{
	struct window window;

	window_make(&window, 0, 2 * page, RW, 0);
	refused(&window, 0, 2 * page + 1, "leave the window");
	refused(&window, page, 2 * page, "leave the window");
	refused(&window, 2 * page, 1, "leave the window");
	refused(&window, UINT64_MAX & ~(page - 1), page, "leave the window");
	refused(&window, 0, SIZE_MAX, "leave the window");
	refused(&window, page, -page, "leave the window"); /* wraps to 0 */
	refused(&window, 0, 0, "leave the window");
	refused(&window, 1, page, "multiple of the page size");
	window_free(&window);
}

Test(mapping, of_a_sub_page_window_is_refused)
{
	struct mmiod_mapping *mapping;
	struct window window;

	window_make(&window, 16, 64, RW, 0);
	refused(&window, 0, 64, "only mediated access");
	cr_assert_eq(mmiod_lease_map(window.lease, 0, &mapping), -EINVAL);
	window_free(&window);
}

Test(mapping, with_unknown_flags_is_refused)
{
	struct mmiod_mapping *mapping;
	struct window window;

	window_make(&window, 0, page, RW, 0);
	cr_assert_eq(mmiod_lease_map(window.lease, 4, &mapping), -EINVAL);
	window_free(&window);
}

Test(mapping, of_a_read_only_lease_cannot_be_written, .signal = SIGSEGV)
{
	struct mmiod_mapping *mapping;
	struct window window;

	window_make(&window, 0, page, RO, 0);
	cr_assert_eq(mmiod_lease_map(window.lease, 0, &mapping), 0);
	cr_assert_eq(mprotect((void *)mmiod_mapping_address(mapping), page, PROT_READ | PROT_WRITE),
		     -1);
	signal(SIGSEGV, SIG_DFL);
	mmiod_write8(mmiod_mapping_address(mapping), 1);
}

Test(mapping, outlives_lease_and_file)
{
	struct mmiod_mapping *mapping;
	struct window window;

	window_make(&window, 0, page, RW, 0);
	cr_assert_eq(mmiod_lease_map(window.lease, 0, &mapping), 0);
	window_free(&window);
	mmiod_write32(mmiod_mapping_address(mapping), 7);
	cr_assert_eq(mmiod_read32(mmiod_mapping_address(mapping)), 7);
	cr_assert_eq(mmiod_mapping_populate(mapping), -EBADF, "its file is closed");
	mmiod_mapping_free(mapping);
}

static size_t resident(struct mmiod_mapping *mapping)
{
	unsigned char pages[16] = { 0 };
	size_t count = 0;

	mincore((void *)mmiod_mapping_address(mapping), mmiod_mapping_length(mapping), pages);
	for (size_t i = 0; i < sizeof(pages); i++)
		count += pages[i] & 1;
	return count;
}

Test(mapping, populated_is_there_before_it_is_touched)
{
	struct mmiod_mapping *mapping;
	struct window window;

	window_make(&window, 0, 16 * page, RW, 0);
	cr_assert_eq(mmiod_lease_map(window.lease, 0, &mapping), 0);
	cr_assert_eq(resident(mapping), 0);
	cr_assert_eq(mmiod_mapping_populate(mapping), 0);
	cr_assert_eq(resident(mapping), 16);
	mmiod_mapping_free(mapping);
	cr_assert_eq(mmiod_lease_map(window.lease, MMIOD_MAP_POPULATE, &mapping), 0);
	mmiod_mapping_free(mapping);
	window_free(&window);
}

Test(mapping, of_a_read_only_lease_can_be_populated)
{
	struct mmiod_mapping *mapping;
	struct window window;

	window_make(&window, 0, page, RO, 0);
	cr_assert_eq(mmiod_lease_map(window.lease, MMIOD_MAP_POPULATE, &mapping), 0);
	mmiod_mapping_free(mapping);
	window_free(&window);
}

/* A lease from the module never falls back to simulation's ways. */
Test(mapping, by_the_module_is_populated_by_the_module_or_not_at_all)
{
	struct mmiod_mapping *mapping = (void *)1;
	struct window window;
	enum mmiod_state state;

	window_make(&window, 0, page, RW, 0);
	window.lease->simulated = false;
	cr_assert_eq(mmiod_lease_map(window.lease, MMIOD_MAP_POPULATE, &mapping), -ENOTTY);
	cr_assert_null(mapping);
	cr_assert_eq(mmiod_lease_map(window.lease, MMIOD_MAP_EXACT, &mapping), -ENOTTY);
	cr_assert_null(mapping);
	cr_assert_eq(mmiod_lease_state(window.lease, &state), -ENOTTY);
	window_free(&window);
}

Test(mapping, beyond_what_may_be_locked_says_so)
{
	const struct rlimit limit = { page, page };
	struct mmiod_mapping *mapping;
	struct window window;

	window_make(&window, 0, 16 * page, RW, 0);
	cr_assert(getuid() || !setresuid(65534, 65534, 65534));
	/* Not by mlockall(), which sanitizers leave out. */
	cr_assert_eq(syscall(SYS_mlockall, MCL_FUTURE), 0);
	cr_assert_eq(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	cr_assert_eq(mmiod_lease_map(window.lease, 0, &mapping), -EAGAIN);
	syscall(SYS_munlockall);
	cr_assert(strstr(window.client.error, "RLIMIT_MEMLOCK"), "%s", window.client.error);
	window_free(&window);
}
