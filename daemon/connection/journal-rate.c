// SPDX-License-Identifier: MIT
/*
 * Lines are admitted by token buckets of the user that they are about. Grants have a bucket of
 * their own, a faster one; a line that it does not admit is put off and told with others (audit.h).
 */
#include "base/clock.h"
#include "base/log.h"
#include "connection/connection.h"
#include "connection/journal-rate.h"

#define AUDIT_BURST 64
#define AUDIT_PER_SECOND 16

static const struct timeval summary_time = { 10, 0 };

static void summarize(struct connection_host *host)
{
	const struct log_fields fields = { .message_id = LOG_ID_HELD_BACK };
	struct user_rate *rate;

	DL_FOREACH(host->user_rates.list, rate) {
		if (rate->log.held_back)
			log_line(LOG_WARNING, &fields, "held back %u lines about uid %u",
				 rate->log.held_back, (uid_t)rate->payer);
		rate->log.held_back = 0;
	}
}

static void on_summary(evutil_socket_t fd, short what, void *data)
{
	summarize(data);
}

static bool hold_back(struct connection_host *host)
{
	host->counters.lines_held_back++;
	if (!evtimer_pending(&host->summary, NULL))
		event_add(&host->summary, &summary_time);
	return false;
}

/* Whether one more line about this user may be written now. */
bool journal_may(struct connection_host *host, uid_t uid)
{
	uint64_t now = clock_coarse_ms();
	struct user_rate *rate =
		user_rates_need(&host->user_rates, users_owner(&host->users, uid), now);

	return (rate && rate_take_line(&rate->log, now)) || hold_back(host);
}

bool journal_may_audit(struct connection_host *host, uid_t uid, bool dropped)
{
	uint64_t now = clock_coarse_ms();
	struct user_rate *rate =
		user_rates_need(&host->user_rates, users_owner(&host->users, uid), now);

	if (rate && rate_take(&rate->audit, now, AUDIT_BURST, AUDIT_PER_SECOND))
		return true;
	if (!dropped)
		return false;
	if (rate)
		rate->log.held_back++;
	return hold_back(host);
}

void journal_rate_start(struct connection_host *host)
{
	evtimer_assign(&host->summary, host->base, on_summary, host);
}

void journal_rate_stop(struct connection_host *host)
{
	event_del(&host->summary);
	summarize(host);
}
