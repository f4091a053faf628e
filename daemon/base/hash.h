/* SPDX-License-Identifier: MIT */
/*
 * uthash as the daemon wants it: out of memory is an error of the one who adds, not the end of the
 * process. An element that could not be added is left with hh.tbl NULL.
 */
#ifndef MMIOD_DAEMON_BASE_HASH_H
#define MMIOD_DAEMON_BASE_HASH_H

#include "base/util.h"

#define HASH_NONFATAL_OOM 1
/* It zeroes what it allocates by itself: for the compiler that is calloc(), which is dearer. */
#define uthash_malloc(size) zalloc(size)
#define uthash_bzero(memory, size) ((void)0)
#define HASH_FUNCTION(key, length, value) ((value) = hash_of(key, length))
#include <uthash.h>
#include <utlist.h>

static inline uint64_t hash_mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	return x ^ x >> 32;
}

/*
 * Of eight bytes at a time; most keys are numbers or short names. uthash's own function takes eighty
 * instructions for either.
 */
static inline unsigned int hash_of(const void *key, size_t length)
{
	const char *bytes = key;
	uint64_t hash = length, word;

	for (; length >= sizeof(word); length -= sizeof(word), bytes += sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		hash = hash_mix(hash + word);
	}
	word = 0;
	memcpy(&word, bytes, length);
	return (unsigned int)hash_mix(hash + word);
}

#define hash_added(element) ((element)->hh.tbl != NULL)

#endif
