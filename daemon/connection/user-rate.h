/* SPDX-License-Identifier: MIT */
/*
 * How fast each uid goes: what limits connections and lines of the log in a time. Unlike an account
 * (user.h) it is remembered for a while after the uid's last connection has gone, or going away
 * would be the way around the limit.
 */
#ifndef MMIOD_DAEMON_CONNECTION_USER_RATE_H
#define MMIOD_DAEMON_CONNECTION_USER_RATE_H

#include <stdint.h>
#include "base/hash.h"
#include "base/rate.h"

struct user_rate {
	uint64_t payer; /* a uid, or a tenant: see holder_payer() */
	struct rate_limit connections;
	struct line_limit log;
	struct rate_limit audit; /* lines about grants to write */
	uint64_t used_ms;
	struct user_rate *prev, *next; /* the longest unused first */
	UT_hash_handle hh;
};

struct user_rates {
	struct user_rate *table;
	struct user_rate *list;
};

struct user_rate *user_rates_need(struct user_rates *rates, uint64_t payer, uint64_t now_ms);
void user_rates_clear(struct user_rates *rates);

#endif
