/* SPDX-License-Identifier: MIT */
/*
 * Structs that programs allocate, as long as their header had them: see <mmiod/mmiod.h>.
 */
#ifndef MMIOD_LIB_SIZED_H
#define MMIOD_LIB_SIZED_H

#include <stddef.h>

struct sized {
	const char *name;
	size_t first; /* bytes in the first release, the least that a program may have */
	size_t known;
	/* What a program means whose struct ends before what has been added; NULL: zeros. */
	void (*older)(void *ours, size_t size);
};

/* @last: the struct's last member in the first release; that never changes. */
#define SIZED_AS(type, last)                                                              \
	.name = #type,                                                                    \
	.first = offsetof(struct type, last) + sizeof(((const struct type *)NULL)->last), \
	.known = sizeof(struct type)
#define SIZED(type, last)            \
	{                            \
		SIZED_AS(type, last) \
	}

int sized_take(const struct sized *kind, void *ours, const void *theirs, size_t size, char *why,
	       size_t room);
void sized_give(void *theirs, size_t size, const void *ours, size_t known);

#endif
