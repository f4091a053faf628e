/* SPDX-License-Identifier: MIT */
/*
 * The log: structured fields for the journal when the daemon is a service, plain lines on stderr when a person
 * started it. A line that cannot be written is dropped; logging never fails and never blocks a request for long.
 */
#ifndef MMIOD_DAEMON_LOG_H
#define MMIOD_DAEMON_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <syslog.h>
#include "bucket.h"
#include "tag.h"
#include "util.h"

/* What the line is about. Fields that are zero or NULL are left out. */
struct log_fields {
	const char *message_id; /* one of those below */
	const struct holder *holder;
	const char *region;
	const char *grant;
	const char *device;
	uint64_t lease;
};

#define LOG_ID_GRANT "8d2f5c1b6f0e4d6c9a3b7e5041d2c8a1"
#define LOG_ID_DENIAL "3b7a90e2c4d845f1b6e80d1f7c2a5594"
#define LOG_ID_REVOKE "f1c6e83a5b2d4790a8e4d90b36172c5d"
#define LOG_ID_GONE "5e0b4a7dc1f34826b97d2e6f80a3c41b"
#define LOG_ID_QUOTA "6c1f0d9a7b3e4f52a8d4c6e1902b7f38"
#define LOG_ID_DROPPED "d07e5a3c91b84f6e8a2d4b60c7f1e593"
#define LOG_ID_HELD_BACK "27b8e4f6d3a14c0b95e7f2081c6a4d9e"
#define LOG_ID_CONFIG "a94d7c20e5b8461f83c07b1d5e92f663"

/* Lets through a burst, then a few in each second; what was held back is counted. */
struct log_limit {
	struct bucket bucket;
	uint32_t held_back;
};

void log_init(bool verbose);
void log_line(int priority, const struct log_fields *fields, const char *format, ...)
	_printf_(3, 4);
bool log_admit(struct log_limit *limit, uint64_t now_ms);
uint64_t log_now_ms(void);

#define log_error(...) log_line(LOG_ERR, NULL, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, NULL, __VA_ARGS__)
#define log_notice(...) log_line(LOG_NOTICE, NULL, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, NULL, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, NULL, __VA_ARGS__)

#endif
