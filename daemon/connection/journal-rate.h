/* SPDX-License-Identifier: MIT */
/*
 * How many lines of the journal one user may cause. Lines that are held back are counted, and one
 * line tells how many they were.
 */
#ifndef MMIOD_DAEMON_CONNECTION_JOURNAL_RATE_H
#define MMIOD_DAEMON_CONNECTION_JOURNAL_RATE_H

#include <stdbool.h>
#include <sys/types.h>

struct connection_host;

void journal_rate_start(struct connection_host *host);
void journal_rate_stop(struct connection_host *host);
/* Whether one more line about the user may be written now. */
bool journal_may(struct connection_host *host, uid_t uid);
/* The same of a line about a grant; `dropped`: if not, it is held back and counted. */
bool journal_may_audit(struct connection_host *host, uid_t uid, bool dropped);

#endif
