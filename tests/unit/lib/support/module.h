/* SPDX-License-Identifier: MIT */
/*
 * Files that answer as the module's do, as far as the library asks them: this program's ioctl() and
 * poll() are ours, and know them. Any other file, and any other call, gets the kernel's answer, but
 * for ALLOCATE.
 */
#ifndef MODULE_H
#define MODULE_H

#include <stdbool.h>
#include <stdint.h>
#include <mmiod/mmiod.h>
#include <mmiod/protocol.h>

struct module {
	uint32_t users; /* that QUERY tells */
	bool old; /* as it was before views and users */
	int refusal; /* errno of VIEW_CREATE; 0: it makes a view */
	struct mmiod_view_create create; /* the last one, as it came */
	struct mmiod_view_create_part parts[MMIOD_VIEW_PARTS_MAX]; /* and its parts */
	unsigned int created;
	uint64_t
		conflict; /* lease that SET_MASTER, RESET and SET_POWER of any file run into; 0: none */
	bool silenced; /* any file that is polled for it answers POLLMSG, as interrupts do */
	int allocations; /* calls of ALLOCATE, on whatever file */
	int allocation_errors[8]; /* by the number of the call; 0: it works */
};

extern struct module module; /* of this process: each test has its own */

/* A window's file, open for reading and writing; @mappable: of whole pages. */
int module_window(uint64_t length, bool mappable);

/* From now on this memory file answers QUERY with what is at @query, but for the size. */
void module_adopt(int fd, const struct mmiod_window_query *query);

#endif
