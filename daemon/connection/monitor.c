// SPDX-License-Identifier: MIT
/*
 * The ring of notices. Numbers only rise, so a subscription whose number has left the ring knows
 * what it missed.
 */
#include <string.h>
#include <time.h>
#include "connection/monitor.h"

static uint64_t oldest(const struct monitor *monitor)
{
	return monitor->next > MONITOR_KEPT ? monitor->next - MONITOR_KEPT : 0;
}

/* From now on; earlier notices are not told. Twice is no error. */
void monitor_begin(struct monitor *monitor, struct subscription *subscription)
{
	if (subscription->on)
		return;
	*subscription = (struct subscription){ .on = true, .next = monitor->next };
	DL_APPEND2(monitor->subscriptions, subscription, list_prev, list_next);
}

void monitor_end(struct monitor *monitor, struct subscription *subscription)
{
	if (!subscription->on)
		return;
	subscription->on = false;
	DL_DELETE2(monitor->subscriptions, subscription, list_prev, list_next);
}

void monitor_add(struct monitor *monitor, const struct notice *notice)
{
	monitor->kept[monitor->next++ % MONITOR_KEPT] = *notice;
}

uint64_t monitor_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void write_notice(struct message *message, const struct notice *notice, bool first)
{
	struct mmiod_msg_notice out = {
		.type = notice->type,
		.lease = notice->lease,
		.time_us = notice->time_us,
		.offset = notice->offset,
		.length = notice->length,
		.uid = notice->holder.uid,
		.pid = notice->holder.pid,
		.rights = notice->rights,
		.memtype = notice->memtype,
		.memory = notice->memory,
		.kind = notice->kind,
	};

	memcpy(out.comm, notice->holder.comm, sizeof(out.comm));
	memcpy(out.region, notice->region, sizeof(out.region));
	(first ? event_begin : event_append)(message, &out, sizeof(out), notice->why);
}

static unsigned int write_notices(const struct monitor *monitor,
				  const struct subscription *subscription, struct message *message,
				  unsigned int most)
{
	uint64_t number = subscription->next;
	unsigned int n = 0;

	for (; n < most && number != monitor->next; n++, number++) {
		if (n && !event_has_room(message))
			break;
		write_notice(message, &monitor->kept[number % MONITOR_KEPT], !n);
	}
	return n;
}

/*
 * The notices that the subscription is to be told next, `most` of them. Returns how many the message
 * has; 0: it has been told all.
 */
unsigned int monitor_peek(const struct monitor *monitor, const struct subscription *subscription,
			  struct message *message, unsigned int most)
{
	const uint64_t first = oldest(monitor);

	if (!subscription->on)
		return 0;
	if (subscription->next >= first)
		return write_notices(monitor, subscription, message, most);
	event_begin(message,
		    &(struct mmiod_msg_notice){
			    .type = MMIOD_NOTICE_LOST,
			    .time_us = monitor_now_us(),
			    .lost = first - subscription->next,
			    .uid = UINT32_MAX,
		    },
		    sizeof(struct mmiod_msg_notice), "the monitor read too slowly");
	return 1;
}

/* The `count` notices that monitor_peek() showed have been sent. */
void monitor_take(const struct monitor *monitor, struct subscription *subscription,
		  unsigned int count)
{
	const uint64_t first = oldest(monitor);

	subscription->next = subscription->next < first ? first : subscription->next + count;
}

/* Messages that wait: at most as many as the ring holds, and the one that tells of the loss. */
unsigned int monitor_backlog(const struct monitor *monitor, const struct subscription *subscription)
{
	const uint64_t first = oldest(monitor);

	if (!subscription->on)
		return 0;
	if (subscription->next < first)
		return MONITOR_KEPT + 1;
	return (unsigned int)(monitor->next - subscription->next);
}
