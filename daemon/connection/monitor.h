/* SPDX-License-Identifier: MIT */
/*
 * Notices of what happened lately, for those who watch: one ring for all of them, in which each
 * subscription has its place. A slow one therefore costs no memory; notices that pass it by are
 * lost to it, and it is told how many. Plain data; knows no sockets.
 */
#ifndef MMIOD_DAEMON_CONNECTION_MONITOR_H
#define MMIOD_DAEMON_CONNECTION_MONITOR_H

#include <stdbool.h>
#include "lease/lease.h"
#include "wire/reply.h"

#define MONITOR_KEPT 256

struct notice {
	enum mmiod_notice_type type;
	enum mmiod_lease_kind kind;
	enum mmiod_memory memory;
	uint64_t lease; /* 0: none */
	uint64_t time_us; /* since 1970 */
	uint64_t offset;
	uint64_t length;
	uint32_t rights;
	enum mmiod_memtype memtype;
	struct holder holder; /* its uid UINT32_MAX: nobody */
	char region[MMIOD_NAME_MAX];
	char why[TEXT_MAX];
};

struct subscription {
	bool on;
	uint64_t next; /* number of the notice to be told next */
	struct subscription *list_prev, *list_next;
};

struct monitor {
	struct notice kept[MONITOR_KEPT]; /* number N is at N % MONITOR_KEPT */
	uint64_t next; /* number of the notice to come */
	struct subscription *subscriptions; /* NULL: nobody watches, and nothing need be noted */
};

uint64_t monitor_now_us(void); /* since 1970 */
void monitor_begin(struct monitor *monitor, struct subscription *subscription);
void monitor_end(struct monitor *monitor, struct subscription *subscription);
void monitor_add(struct monitor *monitor, const struct notice *notice);
unsigned int monitor_peek(const struct monitor *monitor, const struct subscription *subscription,
			  struct message *message, unsigned int most);
void monitor_take(const struct monitor *monitor, struct subscription *subscription,
		  unsigned int count);
unsigned int monitor_backlog(const struct monitor *monitor,
			     const struct subscription *subscription);

#endif
