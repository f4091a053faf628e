/* SPDX-License-Identifier: MIT */
/*
 * How fast each uid goes: what limits connections and lines of the log per time. Unlike an account
 * (user.h) it is remembered for a while after the uid's last connection has gone, or going away
 * would be the way around the limit.
 */
#ifndef MMIOD_DAEMON_PACE_H
#define MMIOD_DAEMON_PACE_H

#include <sys/types.h>
#include "base/hash.h"
#include "base/log.h"
#include "base/rate.h"

struct pace {
	uid_t uid;
	struct bucket connections;
	struct log_limit log;
	struct bucket audit; /* lines about grants to write */
	uint64_t used_ms;
	struct pace *prev, *next; /* the longest unused first */
	UT_hash_handle hh;
};

struct paces {
	struct pace *table;
	struct pace *list;
};

struct pace *pace_need(struct paces *paces, uid_t uid, uint64_t now_ms);
void paces_clear(struct paces *paces);

#endif
