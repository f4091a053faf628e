/* SPDX-License-Identifier: MIT */
/*
 * How often, where and whether by a store code reaches into a page, seen from the processor: the
 * page is closed, each access to it faults, is noted, let through for one instruction, and the page
 * closed again behind it. x86-64 only.
 */
#ifndef WATCH_H
#define WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
#define CAN_WATCH

#define NOTES_MAX 1024
#define UNTOUCHED 0x11 /* each byte of the page that watch_setup() makes */

struct notes {
	uint8_t *page; /* that is watched; a test may watch one of its own instead */
	size_t count;
	size_t offsets[NOTES_MAX];
	bool writes[NOTES_MAX];
};

extern struct notes notes;

void watch_setup(void); /* handlers, and a page */
void watch(void);
void look(void); /* at what was noted, and at the page: it is open again */
#endif

#endif
