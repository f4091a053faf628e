// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include "wrap.h"

static __thread struct {
	bool armed;
	bool onward;
	bool struck;
	enum fault_kind kind;
	int error;
	unsigned int left; /* calls that still pass */
} fault;

struct fault_hooks fault_hooks;

static long live; /* atomic */

void fault_arm(enum fault_kind kind, int error, unsigned int nth, bool onward)
{
	fault.armed = true;
	fault.onward = onward;
	fault.struck = false;
	fault.kind = kind;
	fault.error = error;
	fault.left = nth - 1;
}

bool fault_disarm(void)
{
	fault.armed = false;
	return fault.struck;
}

bool fault_strikes(enum fault_kind kind)
{
	if (!fault.armed || kind != fault.kind || (fault.struck && !fault.onward))
		return false;
	if (!fault.struck && fault.left) {
		fault.left--;
		return false;
	}
	fault.struck = true;
	errno = fault.error;
	return true;
}

long fault_live(void)
{
	return __atomic_load_n(&live, __ATOMIC_RELAXED);
}

static void *counted(void *memory)
{
	if (memory)
		__atomic_add_fetch(&live, 1, __ATOMIC_RELAXED);
	return memory;
}

/*
 * Declares the original and the stand-in, and defines the
 * stand-in: when the fault strikes its result is FAILED.
 */
#define WRAP(kind, failed, type, name, parameters, arguments) \
	type __real_##name parameters;                        \
	type __wrap_##name parameters;                        \
	type __wrap_##name parameters                         \
	{                                                     \
		if (fault_strikes(kind))                      \
			return failed;                        \
		return __real_##name arguments;               \
	}

#define WRAP_MEMORY(name, parameters, arguments)         \
	void *__real_##name parameters;                  \
	void *__wrap_##name parameters;                  \
	void *__wrap_##name parameters                   \
	{                                                \
		if (fault_strikes(FAULT_MEMORY))         \
			return NULL;                     \
		return counted(__real_##name arguments); \
	}

WRAP_MEMORY(malloc, (size_t size), (size))
WRAP_MEMORY(calloc, (size_t count, size_t size), (count, size))
WRAP_MEMORY(aligned_alloc, (size_t alignment, size_t size), (alignment, size))
WRAP_MEMORY(strdup, (const char *string), (string))

WRAP_MEMORY(strndup, (const char *string, size_t length), (string, length))

#define WRAP_RESIZE(name, parameters, arguments)       \
	void *__real_##name parameters;                \
	void *__wrap_##name parameters;                \
	void *__wrap_##name parameters                 \
	{                                              \
		void *memory;                          \
                                                       \
		if (fault_strikes(FAULT_MEMORY))       \
			return NULL;                   \
		memory = __real_##name arguments;      \
		return old ? memory : counted(memory); \
	}

WRAP_RESIZE(realloc, (void *old, size_t size), (old, size))
WRAP_RESIZE(reallocarray, (void *old, size_t count, size_t size), (old, count, size))

void __real_free(void *memory);
void __wrap_free(void *memory);
void __wrap_free(void *memory)
{
	if (memory)
		__atomic_sub_fetch(&live, 1, __ATOMIC_RELAXED);
	__real_free(memory);
}

int __wrap_asprintf(char **text, const char *format, ...) __attribute__((format(printf, 2, 3)));
int __wrap_asprintf(char **text, const char *format, ...)
{
	va_list arguments;
	int n;

	if (fault_strikes(FAULT_MEMORY))
		return -1;
	va_start(arguments, format);
	n = vasprintf(text, format, arguments);
	va_end(arguments);
	counted(n < 0 ? NULL : *text);
	return n;
}

/* The text that it makes is freed by the program under test. */
FILE *__real_open_memstream(char **text, size_t *size);
FILE *__wrap_open_memstream(char **text, size_t *size);
FILE *__wrap_open_memstream(char **text, size_t *size)
{
	FILE *file = fault_strikes(FAULT_MEMORY) ? NULL : __real_open_memstream(text, size);

	counted(file);
	return file;
}

WRAP(FAULT_SEND, -1, ssize_t, sendmsg, (int fd, const struct msghdr *header, int flags),
     (fd, header, flags))
WRAP(FAULT_SEND, -1, ssize_t, send, (int fd, const void *data, size_t length, int flags),
     (fd, data, length, flags))
WRAP(FAULT_RECEIVE, -1, ssize_t, recvmsg, (int fd, struct msghdr *header, int flags),
     (fd, header, flags))
WRAP(FAULT_RECEIVE, -1, ssize_t, recv, (int fd, void *data, size_t length, int flags),
     (fd, data, length, flags))
int __real_ioctl(int fd, unsigned long request, void *argument);
int __wrap_ioctl(int fd, unsigned long request, void *argument);
int __wrap_ioctl(int fd, unsigned long request, void *argument)
{
	int result = -1;

	if (fault_strikes(FAULT_IOCTL))
		return -1;
	if (fault_hooks.ioctl && fault_hooks.ioctl(fd, request, argument, &result))
		return result;
	return __real_ioctl(fd, request, argument);
}

int __real_open(const char *path, int flags, mode_t mode);
int __wrap_open(const char *path, int flags, mode_t mode);
int __wrap_open(const char *path, int flags, mode_t mode)
{
	int fd = -1;

	if (fault_strikes(FAULT_FILE))
		return -1;
	if (fault_hooks.open && fault_hooks.open(path, &fd))
		return fd;
	return __real_open(path, flags, mode);
}

int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
	if (fault_hooks.close)
		fault_hooks.close(fd);
	return __real_close(fd);
}

WRAP(FAULT_FILE, -1, int, open64, (const char *path, int flags, mode_t mode), (path, flags, mode))
WRAP(FAULT_FILE, -1, int, openat, (int at, const char *path, int flags, mode_t mode),
     (at, path, flags, mode))
WRAP(FAULT_FILE, -1, int, fallocate, (int fd, int mode, off_t offset, off_t length),
     (fd, mode, offset, length))
WRAP(FAULT_FILE, NULL, FILE *, fopen, (const char *path, const char *mode), (path, mode))
WRAP(FAULT_FILE, NULL, FILE *, fopen64, (const char *path, const char *mode), (path, mode))
WRAP(FAULT_FILE, NULL, FILE *, fdopen, (int fd, const char *mode), (fd, mode))
WRAP(FAULT_FILE, NULL, DIR *, opendir, (const char *path), (path))
WRAP(FAULT_FILE, -1, int, memfd_create, (const char *name, unsigned int flags), (name, flags))
WRAP(FAULT_FILE, -1, int, eventfd, (unsigned int count, int flags), (count, flags))
WRAP(FAULT_FILE, -1, int, epoll_create1, (int flags), (flags))
WRAP(FAULT_FILE, -1, int, socket, (int domain, int type, int protocol), (domain, type, protocol))
WRAP(FAULT_FILE, -1, int, ftruncate, (int fd, off_t length), (fd, length))
WRAP(FAULT_MAP, MAP_FAILED, void *, mmap,
     (void *address, size_t length, int prot, int flags, int fd, off_t offset),
     (address, length, prot, flags, fd, offset))
WRAP(FAULT_MAP, MAP_FAILED, void *, mmap64,
     (void *address, size_t length, int prot, int flags, int fd, off64_t offset),
     (address, length, prot, flags, fd, offset))
WRAP(FAULT_ACCEPT, -1, int, accept4,
     (int fd, struct sockaddr *address, socklen_t *length, int flags), (fd, address, length, flags))
WRAP(FAULT_CONNECT, -1, int, connect, (int fd, const struct sockaddr *address, socklen_t length),
     (fd, address, length))
WRAP(FAULT_POLL, -1, int, poll, (struct pollfd * fds, nfds_t count, int timeout),
     (fds, count, timeout))
WRAP(FAULT_OPTION, -1, int, getsockopt,
     (int fd, int level, int name, void *value, socklen_t *length),
     (fd, level, name, value, length))
WRAP(FAULT_OPTION, -1, int, setsockopt,
     (int fd, int level, int name, const void *value, socklen_t length),
     (fd, level, name, value, length))
WRAP(FAULT_OPTION, -1, int, epoll_ctl, (int epoll, int what, int fd, struct epoll_event *event),
     (epoll, what, fd, event))
