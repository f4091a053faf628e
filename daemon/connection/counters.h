/* SPDX-License-Identifier: MIT */
/*
 * Counts of what has happened since the daemon was started: plain numbers that are added to where
 * it happens; nobody is told unless they ask (COUNTERS). Never per process: the things that are
 * counted by must be few.
 */
#ifndef MMIOD_DAEMON_CONNECTION_COUNTERS_H
#define MMIOD_DAEMON_CONNECTION_COUNTERS_H

#include <mmiod/protocol.h>

#define COUNTED_OPCODES 32 /* 0 stands for what is unknown or malformed */

struct counters {
	uint64_t accepted;
	uint64_t unknown_peers; /* turned away */
	uint64_t out_of_resources; /* turned away */
	uint64_t quota_refusals[MMIOD_LIMITS]; /* by enum mmiod_limit */
	uint64_t requests[COUNTED_OPCODES];
	uint64_t protocol_errors; /* connections that ended by one */
	uint64_t hello_timeouts;
	uint64_t slow_readers; /* dropped */
	uint64_t revocations[MMIOD_CAUSES]; /* by enum mmiod_revoke_cause */
	uint64_t unsafe_ends; /* of leases: a write at the end failed */
	uint64_t events_lost; /* how often the module's queue overflowed */
	uint64_t lines_held_back; /* of the log */
	uint64_t reloads, failed_reloads;
};

#endif
