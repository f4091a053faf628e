/* SPDX-License-Identifier: MIT */
/*
 * The few helpers that every file of the daemon uses: scope-bound resources and arithmetic on
 * arrays.
 *
 * A local that owns something carries _cleanup_; handing it over is done by steal_fd() or
 * steal_pointer(), which leave behind a value that the clean-up ignores.
 */
#ifndef MMIOD_DAEMON_BASE_UTIL_H
#define MMIOD_DAEMON_BASE_UTIL_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define _cleanup_(function) __attribute__((cleanup(function)))
#define _printf_(text, arguments) __attribute__((format(printf, text, arguments)))

#define array_size(array) (sizeof(array) / sizeof((array)[0]))
#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

/*
 * Zeroes some hundred bytes. Where the compiler knows the length it makes a string instruction of
 * memset(), which takes longer than the vectors of the library's.
 */
static inline void *zero(void *memory, size_t size)
{
	__asm__("" : "+r"(size));
	return memset(memory, 0, size);
}

/*
 * calloc() of glibc takes nothing of what free() keeps for the thread, which costs a hundred
 * instructions and more: this is for what comes and goes with each request. The compiler would make
 * a calloc() of it, if it saw where the memory is from.
 */
static inline void *zalloc(size_t size)
{
	void *memory = malloc(size);

	__asm__("" : "+r"(memory));
	return memory ? zero(memory, size) : NULL;
}

/* Of the kernel's pages, which do not change. */
static inline uint64_t page_size(void)
{
	static uint64_t size;

	if (!size)
		size = (uint64_t)sysconf(_SC_PAGESIZE);
	return size;
}

static inline void fd_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline int steal_fd(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}

static inline void freep(void *pointer)
{
	free(*(void **)pointer);
}

static inline void fclosep(FILE **file)
{
	if (*file)
		fclose(*file);
}

#define steal_pointer(pointer)                           \
	({                                               \
		__typeof__(pointer) stolen_ = (pointer); \
		(pointer) = NULL;                        \
		stolen_;                                 \
	})

#endif
