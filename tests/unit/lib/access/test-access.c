/* SPDX-License-Identifier: MIT */
#include "support/window.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RO MMIOD_RIGHT_READ
#define RW (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)

static uint64_t in_file(const struct window *window, uint64_t offset)
{
	uint64_t value = 0;

	cr_assert_eq(pread(window->lease->fd, &value, 8, (off_t)offset), 8);
	return value;
}

Test(access, reads_and_writes_elements_of_each_width)
{
	static const unsigned int widths[] = { 1, 2, 4, 8 };
	uint8_t out[32], in[32];
	struct window window;

	window_make(&window, 0x1008, 64, RW, 0);
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 7 + 1);
	for (size_t i = 0; i < 4; i++) {
		unsigned int width = widths[i];

		memset(in, 0, sizeof(in));
		cr_assert_eq(mmiod_lease_write(window.lease, 8, width, 32 / width, out), 0);
		cr_assert_eq(mmiod_lease_read(window.lease, 8, width, 32 / width, in), 0);
		cr_assert_arr_eq(in, out, 32);
		cr_assert_eq(mmiod_lease_fill(window.lease, 0, 64, 0), 0);
	}
	window_free(&window);
}

Test(access, touches_nothing_beside_its_bytes)
{
	uint16_t value = 0xabcd;
	struct window window;

	window_make(&window, 0x1008, 64, RW, 0);
	cr_assert_eq(mmiod_lease_write(window.lease, 2, 2, 1, &value), 0);
	cr_assert_eq(in_file(&window, 0x1000), 0);
	cr_assert_eq(in_file(&window, 0x1008), 0xabcd0000);
	cr_assert_eq(in_file(&window, 0x1010), 0);
	window_free(&window);
}

Test(access, crosses_pages)
{
	uint64_t page = mmiod_page_size(), out[4] = { 1, 2, 3, 4 }, in[4];
	struct window window;

	window_make(&window, page - 16, 64, RW, 0);
	cr_assert_eq(mmiod_lease_write(window.lease, 0, 8, 4, out), 0);
	cr_assert_eq(mmiod_lease_read(window.lease, 0, 8, 4, in), 0);
	cr_assert_arr_eq(in, out, sizeof(out));
	cr_assert_eq(in_file(&window, page), 3);
	window_free(&window);
}

static void refused(struct window *window, uint64_t offset, unsigned int width, size_t count,
		    const char *because)
{
	uint64_t buffer[8] = { 0 };

	cr_assert_eq(mmiod_lease_read(window->lease, offset, width, count, buffer), -EINVAL);
	cr_assert(strstr(window->client.error, because), "\"%s\" does not say \"%s\"",
		  window->client.error, because);
	cr_assert_eq(mmiod_lease_write(window->lease, offset, width, count, buffer), -EINVAL);
}

Test(access, beyond_the_window_is_refused)
{
	struct window window;

	window_make(&window, 0x1000, 64, RW, 0);
	refused(&window, 64, 4, 1, "leave the window");
	refused(&window, 60, 4, 2, "leave the window");
	refused(&window, 0, 8, SIZE_MAX / 4, "leave the window");
	refused(&window, 0, 8, SIZE_MAX, "leave the window");
	refused(&window, UINT64_MAX - 7, 8, 1, "leave the window");
	cr_assert_eq(mmiod_lease_fill(window.lease, 1, 64, 0), -EINVAL);
	cr_assert_eq(mmiod_lease_fill(window.lease, UINT64_MAX, 2, 0), -EINVAL);
	cr_assert_eq(in_file(&window, 0x1000 + 64), 0);
	window_free(&window);
}

Test(access, of_nothing_is_nothing)
{
	struct window window;

	window_make(&window, 0x1000, 64, RW, 0);
	cr_assert_eq(mmiod_lease_read(window.lease, 64, 4, 0, NULL), 0);
	cr_assert_eq(mmiod_lease_copy_from(window.lease, 64, NULL, 0), 0);
	window_free(&window);
}

Test(access, misaligned_or_of_odd_width_is_refused)
{
	struct window window;

	window_make(&window, 0x1000, 64, RW, 0);
	refused(&window, 1, 2, 1, "multiple of 2");
	refused(&window, 2, 4, 1, "multiple of 4");
	refused(&window, 4, 8, 1, "multiple of 8");
	refused(&window, 0, 0, 1, "1, 2, 4 or 8");
	refused(&window, 0, 3, 1, "1, 2, 4 or 8");
	refused(&window, 0, 16, 1, "1, 2, 4 or 8");
	window_free(&window);
}

/* What the bus sees decides: the window may start anywhere. */
Test(access, is_aligned_in_the_region_not_in_the_window)
{
	struct window window;
	uint32_t value;

	window_make(&window, 0x1002, 62, RW, 0);
	refused(&window, 0, 4, 1, "multiple of 4");
	cr_assert_eq(mmiod_lease_read(window.lease, 2, 4, 1, &value), 0);
	window_free(&window);
}

Test(access, to_registers_has_their_width_only)
{
	struct window window;
	uint32_t value = 5;
	uint8_t byte;

	window_make(&window, 0x1000, 64, RW, 4);
	cr_assert_eq(mmiod_lease_write(window.lease, 4, 4, 1, &value), 0);
	refused(&window, 0, 1, 1, "32 bits wide");
	refused(&window, 0, 8, 1, "32 bits wide");
	cr_assert_eq(mmiod_lease_fill(window.lease, 0, 4, 0), -EINVAL);
	cr_assert_eq(mmiod_lease_copy_from(window.lease, 0, &byte, 1), -EINVAL);
	cr_assert_eq(mmiod_lease_copy_to(window.lease, 0, &byte, 1), -EINVAL);
	window_free(&window);
}

Test(access, cannot_write_what_is_read_only)
{
	struct window window;
	uint32_t value = 1;

	window_make(&window, 0x1000, 64, RO, 0);
	cr_assert_eq(mmiod_lease_read(window.lease, 0, 4, 1, &value), 0);
	cr_assert_eq(mmiod_lease_write(window.lease, 0, 4, 1, &value), -EBADF);
	cr_assert_eq(mmiod_lease_fill(window.lease, 0, 4, 1), -EBADF);
	cr_assert_eq(mmiod_lease_copy_to(window.lease, 0, &value, 4), -EBADF);
	cr_assert(strstr(window.client.error, "read-only"));
	window_free(&window);
}

Test(access, copies_in_bulk_at_any_offset)
{
	uint8_t out[50], in[50] = { 0 };
	struct window window;

	window_make(&window, 0x1001, 100, RW, 0);
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i + 1);
	cr_assert_eq(mmiod_lease_copy_to(window.lease, 3, out, sizeof(out)), 0);
	cr_assert_eq(mmiod_lease_copy_from(window.lease, 3, in, sizeof(in)), 0);
	cr_assert_arr_eq(in, out, sizeof(out));
	cr_assert_eq(mmiod_lease_fill(window.lease, 3, 50, 0xff), 0);
	cr_assert_eq(mmiod_lease_copy_from(window.lease, 2, in, 50), 0);
	cr_assert_eq(in[0], 0);
	cr_assert_eq(in[1], 0xff);
	window_free(&window);
}

/* A lease from the module never falls back to simulation's ways. */
Test(access, by_the_module_is_done_by_the_module_or_not_at_all)
{
	struct window window;
	uint32_t value;

	window_make(&window, 0x1000, 64, RW, 0);
	window.lease->simulated = false;
	cr_assert_eq(mmiod_lease_read(window.lease, 0, 4, 1, &value), -ENOTTY);
	window_free(&window);
}

/* A file that the configuration names can be cut short by whoever may write it. */
Test(access, to_memory_that_was_cut_short_answers_that_it_is_gone)
{
	uint64_t page = mmiod_page_size();
	struct mmiod_mapping *mapping;
	uint32_t value = 5;
	struct window window;

	window_make(&window, 0, 2 * page, RW, 0);
	cr_assert_eq(ftruncate(window.lease->fd, (off_t)page), 0);
	cr_assert_eq(mmiod_lease_write(window.lease, 0, 4, 1, &value), 0);
	cr_assert_eq(mmiod_lease_read(window.lease, page, 4, 1, &value), -ENODEV);
	cr_assert(strstr(window.client.error, "was cut to 0x1000 bytes") || page != 4096, "%s",
		  window.client.error);
	cr_assert_eq(mmiod_lease_fill(window.lease, 0, 2 * page, 0), -ENODEV);
	cr_assert_eq(mmiod_lease_map(window.lease, 0, &mapping), -ENODEV);
	cr_assert_eq(mmiod_lease_map_range(window.lease, 0, page, 0, &mapping), 0);
	mmiod_mapping_free(mapping);
	window_free(&window);
}

static void *cut_and_restore(void *argument)
{
	const struct mmiod_lease *lease = argument;

	for (int i = 0; i < 3000; i++) {
		cr_assert_eq(ftruncate(lease->fd, 0), 0);
		cr_assert_eq(ftruncate(lease->fd, (off_t)(64 * mmiod_page_size())), 0);
	}
	return NULL;
}

/* Between the look at its size and the access, too: an error or what is there, never a signal. */
Test(access, survives_memory_that_is_cut_short_in_between)
{
	size_t length = 64 * mmiod_page_size();
	char *buffer = malloc(length);
	struct window window;
	pthread_t cutter;

	window_make(&window, 0, length, RW, 0);
	cr_assert_eq(pthread_create(&cutter, NULL, cut_and_restore, window.lease), 0);
	while (pthread_tryjoin_np(cutter, NULL)) {
		int err = mmiod_lease_copy_from(window.lease, 0, buffer, length);

		cr_assert(!err || err == -ENODEV, "%d", err);
	}
	window_free(&window);
	free(buffer);
}
