/* SPDX-License-Identifier: MIT */
/*
 * What the files of this room share: a mapping as they know it, and copies by aligned accesses and
 * by whole lines.
 */
#ifndef MMIOD_ACCESS_H
#define MMIOD_ACCESS_H

#include "lease/lease.h"

#define LINE_BYTES 64 /* of a cache, and of a write-combining buffer */

/* What the lease said when it was mapped: the mapping may outlive it. */
struct mmiod_mapping {
	struct lease_user user; /* of the file that populates it */
	void *address;
	uint64_t offset; /* in the window */
	size_t length;
	int prot;
	bool exact; /* MMIOD_MAP_EXACT */
	enum mmiod_memtype memtype;
	unsigned int width; /* that its registers declare, in bytes; 0: any */
};

/* ---- copy.c: aligned accesses of at most a word, or of one width, in rising order ---- */

/* @repeat: each access stores the same bytes; @from has eight of them. */
void words_store(volatile uint8_t *to, const uint8_t *from, size_t length, bool repeat);
/* @width: 1, 2, 4 or 8, of which @to and @length are multiples. */
void elements_store(volatile uint8_t *to, const uint8_t *from, size_t length, unsigned int width,
		    bool repeat);
void elements_load(uint8_t *to, const volatile uint8_t *from, size_t length, unsigned int width);

/* ---- lines.c: whole lines to and from write-combining memory ---- */

/*
 * One way to move lines, and whether this processor has it. Of the ways in a table the first that
 * it has is the best. The window's address is a multiple of LINE_BYTES; what is in ordinary memory
 * may lie anywhere. @repeat: all lines are the one at @from.
 */
struct line_store {
	const char *name;
	bool (*usable)(void);
	void (*store)(volatile uint8_t *to, const uint8_t *from, size_t lines, bool repeat);
};

struct line_load {
	const char *name;
	bool (*usable)(void);
	void (*load)(uint8_t *to, const volatile uint8_t *from, size_t lines);
};

extern const struct line_store line_stores[];
extern const size_t line_store_count;
extern const struct line_load line_loads[];
extern const size_t line_load_count;

const struct line_store *line_store_best(void);
const struct line_load *line_load_best(void);

/* Any bytes: the lines among them as above, what is before and behind by words. Fences included. */
void combined_store(const struct line_store *way, volatile uint8_t *to, const uint8_t *from,
		    size_t length, bool repeat);
void combined_load(const struct line_load *way, uint8_t *to, const volatile uint8_t *from,
		   size_t length);

#endif
