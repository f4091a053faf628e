/* SPDX-License-Identifier: MIT */
/*
 * How often, where and how wide the accessors reach into memory.
 */
#include <criterion/criterion.h>
#include <mmiod/mmiod.h>
#include <string.h>
#include "support/watch.h"

#ifdef CAN_WATCH
TestSuite(accessor, .init = watch_setup);

static void one_access(size_t offset, bool write)
{
	look();
	cr_assert_eq(notes.count, 1, "%zu accesses", notes.count);
	cr_assert_eq(notes.offsets[0], offset);
	cr_assert_eq(notes.writes[0], write);
}

/* Bytes of the page that are not as they were. */
static size_t changed(size_t *first)
{
	size_t count = 0;

	for (size_t i = mmiod_page_size(); i-- > 0;) {
		if (notes.page[i] == UNTOUCHED)
			continue;
		*first = i;
		count++;
	}
	return count;
}

Test(accessor, reads_once)
{
	volatile uint64_t sink;

	watch();
	sink = mmiod_read8(notes.page + 3);
	one_access(3, false);
	cr_assert_eq(sink, 0x11);
	watch();
	sink = mmiod_read16(notes.page + 6);
	one_access(6, false);
	cr_assert_eq(sink, 0x1111);
	watch();
	sink = mmiod_read32(notes.page + 12);
	one_access(12, false);
	cr_assert_eq(sink, 0x11111111);
	watch();
	sink = mmiod_read64(notes.page + 24);
	one_access(24, false);
	cr_assert_eq(sink, 0x1111111111111111);
}

Test(accessor, reads_even_if_nobody_looks)
{
	watch();
	mmiod_read32(notes.page);
	one_access(0, false);
}

Test(accessor, writes_once_and_nothing_beside)
{
	size_t first = 0;

	watch();
	mmiod_write8(notes.page + 3, 0xff);
	one_access(3, true);
	cr_assert_eq(changed(&first), 1);
	cr_assert_eq(first, 3);
	memset(notes.page, UNTOUCHED, mmiod_page_size());
	watch();
	mmiod_write16(notes.page + 6, 0xffff);
	one_access(6, true);
	cr_assert_eq(changed(&first), 2);
	memset(notes.page, UNTOUCHED, mmiod_page_size());
	watch();
	mmiod_write32(notes.page + 12, 0xffffffff);
	one_access(12, true);
	cr_assert_eq(changed(&first), 4);
	memset(notes.page, UNTOUCHED, mmiod_page_size());
	watch();
	mmiod_write64(notes.page + 24, UINT64_MAX);
	one_access(24, true);
	cr_assert_eq(changed(&first), 8);
	cr_assert_eq(first, 24);
}

/*
 * Each access starts where the one before ended, is aligned to its width, and has at most 8 bytes.
 */
static void each_byte_once(size_t offset, size_t length, bool write)
{
	look();
	for (size_t i = 0; i < notes.count; i++) {
		size_t end = i + 1 < notes.count ? notes.offsets[i + 1] : offset + length;
		size_t width = end - notes.offsets[i];

		cr_assert(width == 1 || width == 2 || width == 4 || width == 8,
			  "an access of %zu bytes at %zu", width, notes.offsets[i]);
		cr_assert_eq(notes.offsets[i] % width, 0, "misaligned");
		cr_assert_eq(notes.writes[i], write);
	}
	if (length)
		cr_assert_eq(notes.offsets[0], offset);
}

Test(accessor, copies_each_byte_once_and_aligned)
{
	uint8_t buffer[64], back[64];

	for (size_t i = 0; i < sizeof(buffer); i++)
		buffer[i] = (uint8_t)(i + 0x40);
	for (size_t offset = 0; offset < 9; offset++) {
		for (size_t length = 0; length < 40; length++) {
			watch();
			mmiod_copy_to_window(notes.page + offset, buffer + 1, length);
			each_byte_once(offset, length, true);
			cr_assert_arr_eq(notes.page + offset, buffer + 1, length);
			watch();
			mmiod_copy_from_window(back + 3, notes.page + offset, length);
			each_byte_once(offset, length, false);
			cr_assert_arr_eq(back + 3, buffer + 1, length);
		}
	}
}

Test(accessor, copies_long_runs_by_words)
{
	uint8_t buffer[256] = { 0 };

	watch();
	mmiod_copy_to_window(notes.page, buffer, sizeof(buffer));
	look();
	cr_assert_eq(notes.count, 32);
}
#endif

Test(accessor, flush_can_be_called_anywhere)
{
	mmiod_wc_flush();
}
