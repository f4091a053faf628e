/* SPDX-License-Identifier: MIT */
/*
 * Copying to and from mapped windows.
 *
 * The C library's memcpy may read a register twice (overlapping accesses), use vector registers or
 * unaligned accesses, which devices, and arm64 for device memory, answer with faults. Here each
 * byte of the window is touched exactly once, by aligned accesses of at most a machine word. The
 * program's buffer is ordinary memory.
 */
#include "internal.h"

#include <string.h>
#include <unistd.h>

typedef unsigned long word;
static_assert(sizeof(word) <= 8, "at most 8 bytes per access");

/* The widest aligned access for what is left. */
static size_t step_width(uintptr_t address, size_t left)
{
	size_t width = sizeof(word);

	while (width > left || address % width)
		width /= 2;
	return width;
}

static void store_step(volatile uint8_t *window, const uint8_t *buffer, size_t width)
{
	uint16_t u16;
	uint32_t u32;
	word whole;

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
		memcpy(&whole, buffer, sizeof(whole));
		*(volatile word *)window = whole;
	}
}

static void load_step(uint8_t *buffer, const volatile uint8_t *window, size_t width)
{
	uint16_t u16;
	uint32_t u32;
	word whole;

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
		whole = *(const volatile word *)window;
		memcpy(buffer, &whole, sizeof(whole));
	}
}

MMIOD_EXPORT void mmiod_copy_to_window(volatile void *window, const void *buffer, size_t length)
{
	volatile uint8_t *to = window;
	const uint8_t *from = buffer;

	while (length) {
		size_t width = step_width((uintptr_t)to, length);

		store_step(to, from, width);
		to += width;
		from += width;
		length -= width;
	}
}

MMIOD_EXPORT void mmiod_copy_from_window(void *buffer, const volatile void *window, size_t length)
{
	const volatile uint8_t *from = window;
	uint8_t *to = buffer;

	while (length) {
		size_t width = step_width((uintptr_t)from, length);

		load_step(to, from, width);
		to += width;
		from += width;
		length -= width;
	}
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
