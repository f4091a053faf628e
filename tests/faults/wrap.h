/* SPDX-License-Identifier: MIT */
/*
 * System calls and allocations that fail on demand: the linker's --wrap puts these functions in
 * place of those that the program under test calls (FAULTS_WRAPPED in build.mk); calls within other
 * libraries are not reached, but for libevent's allocations after fault_wrap_libevent().
 *
 * Armed for the calling thread, so that a test may have helpers.
 */
#ifndef TEST_FAULTS_WRAP_H
#define TEST_FAULTS_WRAP_H

#include <stdbool.h>
#include <stddef.h>

enum fault_kind {
	/*
	 * malloc, calloc, realloc, reallocarray, aligned_alloc, strdup, strndup, asprintf,
	 * open_memstream
	 */
	FAULT_MEMORY,
	FAULT_SEND, /* sendmsg, send */
	FAULT_RECEIVE, /* recvmsg, recv */
	FAULT_IOCTL,
	FAULT_FILE, /* what makes files: open, memfd_create, socket, ...; ftruncate, fallocate */
	FAULT_MAP, /* mmap */
	FAULT_ACCEPT,
	FAULT_CONNECT,
	FAULT_POLL,
	FAULT_OPTION, /* getsockopt, setsockopt, epoll_ctl */
	FAULT_BACKEND, /* what a test's own backend does */
	FAULT_KINDS,
};

/* The @nth call of that kind, from 1, fails with @error; with @onward every later one as well. */
void fault_arm(enum fault_kind kind, int error, unsigned int nth, bool onward);
/* True: it came to that. */
bool fault_disarm(void);
/* For stand-ins of a test: whether the call is to fail, with errno set. */
bool fault_strikes(enum fault_kind kind);

/*
 * What stands in for something that is not there. NULL,
 * or false: the C library's. A close() is only told of.
 */
struct fault_hooks {
	bool (*open)(const char *path, int *fd);
	bool (*ioctl)(int fd, unsigned long request, void *argument, int *result);
	void (*close)(int fd);
};
extern struct fault_hooks fault_hooks;

/* Allocations of the program under test that have not been freed. */
long fault_live(void);

#endif
