/* SPDX-License-Identifier: MIT */
/*
 * A process's number lies on a page that the kernel empties in a child (MADV_WIPEONFORK), whoever
 * makes the child and however: fork(), clone() or a library that knows nothing of us. getpid() would
 * tell the same by a system call.
 *
 * The count goes on in the child, so that its number differs from its parent's. A child that shares
 * its parent's memory (vfork()) is taken for the parent.
 */
#include "base/process.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint64_t *page; /* NULL: there is none, and getpid() has to do */
static uint64_t count;

static void make_page(void)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	void *made = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (made == MAP_FAILED)
		return;
	if (madvise(made, size, MADV_WIPEONFORK) < 0)
		munmap(made, size);
	else
		page = made;
}

/* Two threads that come first get one number: the second finds that of the first. */
static uint64_t new_number(void)
{
	uint64_t number = __atomic_add_fetch(&count, 1, __ATOMIC_RELAXED), none = 0;

	if (__atomic_compare_exchange_n(page, &none, number, false, __ATOMIC_RELAXED,
					__ATOMIC_RELAXED))
		return number;
	return none;
}

uint64_t process_number(void)
{
	uint64_t number;

	pthread_once(&once, make_page);
	if (!page)
		return (uint64_t)getpid();
	number = __atomic_load_n(page, __ATOMIC_RELAXED);
	return number ? number : new_number();
}
