/* SPDX-License-Identifier: MIT */
/*
 * Copying to and from mapped windows.
 *
 * The C library's memcpy may read a register twice (overlapping accesses), use vector registers or
 * unaligned accesses, which devices, and arm64 for device memory, answer with faults. Here each
 * byte of the window is touched exactly once, by aligned accesses of at most a machine word. The
 * program's buffer is ordinary memory.
 *
 * All widths go through two functions that are inlined where the width is a constant, so that no
 * loop has a division or a choice of width in it.
 */
#include "access/access.h"

#include <string.h>
#include <unistd.h>

#define INLINED static inline __attribute__((always_inline))

typedef unsigned long word;
static_assert(sizeof(word) <= 8, "at most 8 bytes per access");

INLINED void store_step(volatile uint8_t *window, const uint8_t *buffer, size_t width)
{
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;

	switch (width) {
	case 1:
		mmiod_write8(window, *buffer);
		break;
	case 2:
		memcpy(&u16, buffer, sizeof(u16));
		mmiod_write16(window, u16);
		break;
	case 4:
		memcpy(&u32, buffer, sizeof(u32));
		mmiod_write32(window, u32);
		break;
	default:
		memcpy(&u64, buffer, sizeof(u64));
		mmiod_write64(window, u64);
	}
}

INLINED void load_step(uint8_t *buffer, const volatile uint8_t *window, size_t width)
{
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;

	switch (width) {
	case 1:
		*buffer = mmiod_read8(window);
		break;
	case 2:
		u16 = mmiod_read16(window);
		memcpy(buffer, &u16, sizeof(u16));
		break;
	case 4:
		u32 = mmiod_read32(window);
		memcpy(buffer, &u32, sizeof(u32));
		break;
	default:
		u64 = mmiod_read64(window);
		memcpy(buffer, &u64, sizeof(u64));
	}
}

/* Four accesses a turn, so that counting costs less than they. Returns how many bytes they were. */
INLINED size_t store_run(volatile uint8_t *to, const uint8_t *from, size_t length, size_t width,
			 size_t step)
{
	size_t done = 0;

	for (; length - done >= 4 * width; done += 4 * width, from += 4 * step) {
		store_step(to + done, from, width);
		store_step(to + done + width, from + step, width);
		store_step(to + done + 2 * width, from + 2 * step, width);
		store_step(to + done + 3 * width, from + 3 * step, width);
	}
	for (; length - done >= width; done += width, from += step)
		store_step(to + done, from, width);
	return done;
}

INLINED size_t load_run(uint8_t *to, const volatile uint8_t *from, size_t length, size_t width)
{
	size_t done = 0;

	for (; length - done >= 4 * width; done += 4 * width) {
		load_step(to + done, from + done, width);
		load_step(to + done + width, from + done + width, width);
		load_step(to + done + 2 * width, from + done + 2 * width, width);
		load_step(to + done + 3 * width, from + done + 3 * width, width);
	}
	for (; length - done >= width; done += width)
		load_step(to + done, from + done, width);
	return done;
}

/* ---- any bytes, by words ---- */

/*
 * Up to a word's boundary by accesses of rising width, then words, then accesses of falling width.
 * Where the bytes end before that boundary, what is left is less than any width that was left out,
 * so that no access behind it is misaligned.
 */
INLINED void store_words(volatile uint8_t *to, const uint8_t *from, size_t length, bool repeat)
{
	size_t done = 0;

	for (size_t width = 1; width < sizeof(word); width *= 2)
		if ((uintptr_t)(to + done) & width && length - done >= width) {
			store_step(to + done, from + (repeat ? 0 : done), width);
			done += width;
		}
	done += store_run(to + done, from + (repeat ? 0 : done), length - done, sizeof(word),
			  repeat ? 0 : sizeof(word));
	for (size_t width = sizeof(word) / 2; width; width /= 2)
		if (length - done >= width) {
			store_step(to + done, from + (repeat ? 0 : done), width);
			done += width;
		}
}

void words_store(volatile uint8_t *to, const uint8_t *from, size_t length, bool repeat)
{
	if (repeat)
		store_words(to, from, length, true);
	else
		store_words(to, from, length, false);
}

MMIOD_EXPORT void mmiod_copy_to_window(volatile void *window, const void *buffer, size_t length)
{
	words_store(window, buffer, length, false);
}

MMIOD_EXPORT void mmiod_copy_from_window(void *buffer, const volatile void *window, size_t length)
{
	const volatile uint8_t *from = window;
	uint8_t *to = buffer;
	size_t done = 0;

	for (size_t width = 1; width < sizeof(word); width *= 2)
		if ((uintptr_t)(from + done) & width && length - done >= width) {
			load_step(to + done, from + done, width);
			done += width;
		}
	done += load_run(to + done, from + done, length - done, sizeof(word));
	for (size_t width = sizeof(word) / 2; width; width /= 2)
		if (length - done >= width) {
			load_step(to + done, from + done, width);
			done += width;
		}
}

/* ---- elements of one width ---- */

INLINED void store_elements(volatile uint8_t *to, const uint8_t *from, size_t length, size_t width,
			    bool repeat)
{
	if (repeat)
		store_run(to, from, length, width, 0);
	else
		store_run(to, from, length, width, width);
}

void elements_store(volatile uint8_t *to, const uint8_t *from, size_t length, unsigned int width,
		    bool repeat)
{
	switch (width) {
	case 1:
		store_elements(to, from, length, 1, repeat);
		break;
	case 2:
		store_elements(to, from, length, 2, repeat);
		break;
	case 4:
		store_elements(to, from, length, 4, repeat);
		break;
	default:
		store_elements(to, from, length, 8, repeat);
	}
}

void elements_load(uint8_t *to, const volatile uint8_t *from, size_t length, unsigned int width)
{
	switch (width) {
	case 1:
		load_run(to, from, length, 1);
		break;
	case 2:
		load_run(to, from, length, 2);
		break;
	case 4:
		load_run(to, from, length, 4);
		break;
	default:
		load_run(to, from, length, 8);
	}
}

MMIOD_EXPORT void mmiod_read8_many(const volatile void *window, uint8_t *buffer, size_t count)
{
	load_run(buffer, window, count, 1);
}

MMIOD_EXPORT void mmiod_read16_many(const volatile void *window, uint16_t *buffer, size_t count)
{
	load_run((uint8_t *)buffer, window, count * 2, 2);
}

MMIOD_EXPORT void mmiod_read32_many(const volatile void *window, uint32_t *buffer, size_t count)
{
	load_run((uint8_t *)buffer, window, count * 4, 4);
}

MMIOD_EXPORT void mmiod_read64_many(const volatile void *window, uint64_t *buffer, size_t count)
{
	load_run((uint8_t *)buffer, window, count * 8, 8);
}

MMIOD_EXPORT void mmiod_write8_many(volatile void *window, const uint8_t *buffer, size_t count)
{
	store_run(window, buffer, count, 1, 1);
}

MMIOD_EXPORT void mmiod_write16_many(volatile void *window, const uint16_t *buffer, size_t count)
{
	store_run(window, (const uint8_t *)buffer, count * 2, 2, 2);
}

MMIOD_EXPORT void mmiod_write32_many(volatile void *window, const uint32_t *buffer, size_t count)
{
	store_run(window, (const uint8_t *)buffer, count * 4, 4, 4);
}

MMIOD_EXPORT void mmiod_write64_many(volatile void *window, const uint64_t *buffer, size_t count)
{
	store_run(window, (const uint8_t *)buffer, count * 8, 8, 8);
}

/*
 * Stores to write-combining memory wait in the processor's buffers, out of order, until they are
 * drained.
 */
MMIOD_EXPORT void mmiod_wc_flush(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__asm__ volatile("sfence" ::: "memory");
#elif defined(__aarch64__)
	__asm__ volatile("dsb st" ::: "memory");
#elif defined(__riscv)
	__asm__ volatile("fence ow, ow" ::: "memory");
#elif defined(__powerpc__)
	__asm__ volatile("sync" ::: "memory");
#else
	__sync_synchronize();
#endif
}

MMIOD_EXPORT size_t mmiod_page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

MMIOD_EXPORT const char *mmiod_version(void)
{
	return MMIOD_VERSION;
}
