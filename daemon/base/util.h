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
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(function) __attribute__((cleanup(function)))
#define _printf_(text, arguments) __attribute__((format(printf, text, arguments)))

#define array_size(array) (sizeof(array) / sizeof((array)[0]))
#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

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
