/* SPDX-License-Identifier: MIT */
/*
 * uthash as the daemon wants it: out of memory is an error of the one who adds, not the end of the
 * process. An element that could not be added is left with hh.tbl NULL.
 */
#ifndef MMIOD_DAEMON_BASE_HASH_H
#define MMIOD_DAEMON_BASE_HASH_H

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

#define hash_added(element) ((element)->hh.tbl != NULL)

#endif
