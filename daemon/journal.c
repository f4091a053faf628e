// SPDX-License-Identifier: MIT
#include "connection.h"
#include "journal.h"
#include "log.h"

static const struct timeval summary_time = { 10, 0 };

/* ---- pace ------------------------------------------------------------------------------------------------------- */

static void summarize(struct connection_host *host)
{
	const struct log_fields fields = { .message_id = LOG_ID_HELD_BACK };
	struct pace *pace;

	DL_FOREACH(host->paces.list, pace) {
		if (pace->log.held_back)
			log_line(LOG_WARNING, &fields, "held back %u lines about uid %u",
				 pace->log.held_back, pace->uid);
		pace->log.held_back = 0;
	}
}

static void on_summary(evutil_socket_t fd, short what, void *data)
{
	summarize(data);
}

/* Whether one more line about this user may be written now. */
bool journal_may(struct connection_host *host, uid_t uid)
{
	uint64_t now = log_now_ms();
	struct pace *pace = pace_need(&host->paces, uid, now);

	if (pace && log_admit(&pace->log, now))
		return true;
	host->counters.lines_held_back++;
	if (!evtimer_pending(&host->summary, NULL))
		event_add(&host->summary, &summary_time);
	return false;
}

void journal_start(struct connection_host *host)
{
	evtimer_assign(&host->summary, host->base, on_summary, host);
}

void journal_stop(struct connection_host *host)
{
	event_del(&host->summary);
	summarize(host);
}

/* ---- connections ------------------------------------------------------------------------------------------------ */

void journal_turned_away(struct connection_host *host, const struct peer *peer,
			 enum mmiod_limit limit, const char *why)
{
	const struct log_fields fields = {
		.message_id = limit ? LOG_ID_QUOTA : LOG_ID_DENIAL,
		.holder = &peer->holder,
	};

	if (journal_may(host, peer->subject.uid))
		log_line(LOG_NOTICE, &fields, "turned away pid %u: %s", peer->holder.pid, why);
}

void journal_dropped(struct connection *connection, const char *why)
{
	const struct holder *holder = &connection->peer.holder;
	const struct log_fields fields = { .message_id = LOG_ID_DROPPED, .holder = holder };

	if (journal_may(connection->host, holder->uid))
		log_line(LOG_WARNING, &fields, "dropped the connection of uid %u, pid %u: %s",
			 holder->uid, holder->pid, why);
}
