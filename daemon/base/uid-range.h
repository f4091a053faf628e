/* SPDX-License-Identifier: MIT */
/* Uids that belong to another user, as /etc/subuid says it. */
#ifndef MMIOD_DAEMON_BASE_UID_RANGE_H
#define MMIOD_DAEMON_BASE_UID_RANGE_H

#include <stdint.h>

struct uid_range {
	uint32_t start;
	uint32_t count;
	uint32_t owner;
};

#endif
