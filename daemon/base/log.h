/* SPDX-License-Identifier: MIT */
/*
 * The log: structured fields for the journal when the daemon is a service, plain lines on stderr
 * when a person started it. A line that cannot be written at once is dropped; logging never fails
 * and never blocks.
 *
 * Fields of the journal, beside MESSAGE, MESSAGE_ID, PRIORITY and SYSLOG_IDENTIFIER=mmiod:
 *	MMIOD_UID, MMIOD_PID, MMIOD_COMM	who connected or asked, as of connect()
 *	MMIOD_UNIT				the service of that process, while it is connected
 *	MMIOD_REGION				name of the region
 *	MMIOD_LEASE				id of the lease
 *	MMIOD_OFFSET, MMIOD_LENGTH		in bytes, decimal: the part of the region
 *	MMIOD_ACCESS				r or rw
 *	MMIOD_RULE				name of the [grant] that let them
 *	MMIOD_LIMIT				key that sets the limit
 *	MMIOD_CAUSE				of a revocation: administrator, obeyed, gone,
 * connection, expired, program, reset, policy, guest
 *	MMIOD_DEVICE				0000:01:00.0
 *
 * The fields of each kind of line: LOG_ID_GRANT all that are about a lease and its holder, one line
 * for each grant to write, one for each request that got only grants to read. LOG_ID_DENIAL and
 * LOG_ID_QUOTA the asker and what was asked for. LOG_ID_REVOKE lease, holder and cause. LOG_ID_GONE
 * region and device. LOG_ID_STORM lease, holder and device, as region.
 * LOG_ID_RESET device, as region, and its address. LOG_ID_DROPPED the client. LOG_ID_CONFIG at most the region.
 */
#ifndef MMIOD_DAEMON_BASE_LOG_H
#define MMIOD_DAEMON_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <syslog.h>
#include "base/holder.h"
#include "base/util.h"

/* The subject of a line. Fields that are zero or NULL are left out. */
struct log_fields {
	const char *message_id; /* one of those below */
	const struct holder *holder;
	bool connected; /* the holder's process is, as far as is known, the one with that pid */
	const char *region;
	const char *rule;
	const char *limit;
	const char *cause;
	const char *device;
	const char *access;
	uint64_t lease;
	uint64_t offset;
	uint64_t length; /* 0: neither offset nor length are known */
};

#define LOG_ID_GRANT "8d2f5c1b6f0e4d6c9a3b7e5041d2c8a1"
#define LOG_ID_DENIAL "3b7a90e2c4d845f1b6e80d1f7c2a5594"
#define LOG_ID_REVOKE "f1c6e83a5b2d4790a8e4d90b36172c5d"
#define LOG_ID_GONE "5e0b4a7dc1f34826b97d2e6f80a3c41b"
#define LOG_ID_QUOTA "6c1f0d9a7b3e4f52a8d4c6e1902b7f38"
#define LOG_ID_DROPPED "d07e5a3c91b84f6e8a2d4b60c7f1e593"
#define LOG_ID_HELD_BACK "27b8e4f6d3a14c0b95e7f2081c6a4d9e"
#define LOG_ID_STORM "4e93b1c7d25f4a08b6e17f0c8d3a9256"
#define LOG_ID_RESET "b25c0e7f9a3d4c16827f5d90e1b6a438"
#define LOG_ID_CONFIG "a94d7c20e5b8461f83c07b1d5e92f663"

void log_init(bool verbose);
void log_to_journal(const char *socket);
void log_line(int priority, const struct log_fields *fields, const char *format, ...)
	_printf_(3, 4);

#define log_error(...) log_line(LOG_ERR, NULL, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, NULL, __VA_ARGS__)
#define log_notice(...) log_line(LOG_NOTICE, NULL, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, NULL, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, NULL, __VA_ARGS__)

#endif
