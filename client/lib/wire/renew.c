/* SPDX-License-Identifier: MIT */
/*
 * Leases with a time limit: renewed at half their time, whenever the program calls the library; a
 * timer in the event descriptor wakes programs that poll it. It also tells of the time that leases are
 * parked for.
 *
 * Renewals are sent and not waited for: their replies belong to no request that is in flight, and
 * are dropped where all such are. Leases that could not be renewed are told of by the daemon's
 * events, EXPIRING and REVOKED.
 */
#include "wire/wire.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define BATCH MMIOD_MSG_FDS_MAX
#define RETRY_MS 200 /* the daemon is away, or does not read */
#define INTERVAL_MIN_MS 50 /* of one lease, whatever the daemon says: grants have 100 ms at least */

/* The daemon's clock for deadlines: it goes on while the machine sleeps. */
static int64_t boot_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct renewal *renewal_of(struct link *link)
{
	return link_entry(link, struct renewal, link);
}

static int64_t interval(const struct renewal *renewal)
{
	int64_t half = renewal->lease_ms / 2;

	return half > INTERVAL_MIN_MS ? half : INTERVAL_MIN_MS;
}

/* @at: 0 disarms, the past fires at once. */
static void set_timer(const struct mmiod_client *client, int64_t at)
{
	struct itimerspec when = { .it_value = { at / 1000, at % 1000 * 1000000 } };

	timerfd_settime(client->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static bool open_timer(struct mmiod_client *client)
{
	struct epoll_event interest = { .events = EPOLLIN };

	if (client->timer >= 0)
		return true;
	client->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	return client->timer >= 0 &&
	       epoll_ctl(client->epoll, EPOLL_CTL_ADD, client->timer, &interest) == 0;
}

/* The program is about to poll: from now on it is woken for renewals. */
void renew_wake(struct mmiod_client *client)
{
	/* Without a timer, which costs a descriptor, calls renew all the same. */
	if (client->renew_at && client->epoll >= 0 && open_timer(client))
		set_timer(client, client->renew_at);
}

static void schedule(struct mmiod_client *client, int64_t at)
{
	if (client->renew_at && client->renew_at <= at)
		return;
	client->renew_at = at;
	renew_wake(client);
}

/* The lease was granted just now. */
void renewal_start(struct mmiod_client *client, struct renewal *renewal)
{
	renewal->at = boot_ms() + interval(renewal);
	link_append(&client->renewals, &renewal->link);
	schedule(client, renewal->at);
}

/* Never waits: the program may be in a call that must not. False: they stay due. */
static bool send_batch(struct mmiod_client *client, struct renewal **due, size_t count, int64_t now)
{
	struct {
		struct mmiod_msg head;
		uint64_t ids[BATCH];
	} request = { .head = { .opcode = MMIOD_OP_RENEW,
				.id = ++client->last_id,
				.fixed = sizeof(request.head),
				.count = (uint32_t)count,
				.stride = sizeof(request.ids[0]) } };

	for (size_t i = 0; i < count; i++)
		request.ids[i] = due[i]->id;
	request.head.size = (uint32_t)(sizeof(request.head) + count * sizeof(request.ids[0]));
	if (packet_send(client->sock, &request, request.head.size, MSG_DONTWAIT))
		return false;
	for (size_t i = 0; i < count; i++)
		due[i]->at = now + interval(due[i]);
	return true;
}

/* 0: none ever. */
static int64_t next_renewal(struct mmiod_client *client)
{
	int64_t next = 0;

	for (struct link *link = client->renewals.next; link != &client->renewals;
	     link = link->next) {
		int64_t at = renewal_of(link)->at;

		if (!next || at < next)
			next = at;
	}
	return next;
}

/* Renews the leases that are due. Returns when the next will be. */
static int64_t renew_all(struct mmiod_client *client, int64_t now)
{
	struct renewal *due[BATCH];
	size_t count = 0;

	for (struct link *link = client->renewals.next; link != &client->renewals;
	     link = link->next) {
		struct renewal *renewal = renewal_of(link);

		if (renewal->at > now)
			continue;
		due[count++] = renewal;
		if (count == BATCH) {
			if (!send_batch(client, due, count, now))
				return now + RETRY_MS;
			count = 0;
		}
	}
	if (count && !send_batch(client, due, count, now))
		return now + RETRY_MS;
	return next_renewal(client);
}

/* The program is to be woken within that time, to have done what follows. */
void renew_schedule(struct mmiod_client *client, int64_t within_ms)
{
	schedule(client, boot_ms() + within_ms);
}

/* Does what is due. Returns when there will be more; 0: never. */
static int64_t next_time(struct mmiod_client *client, int64_t now)
{
	int64_t next = 0, within = client->parking.wakes ? client->parking.expire(client) : 0;

	if (client->renewals.next != &client->renewals)
		next = client->sock < 0 ? now + RETRY_MS : renew_all(client, now);
	if (within && (!next || now + within < next))
		next = now + within;
	return next;
}

/*
 * Called from whatever the program calls, on a connection that is greeted. Cheap when nothing is
 * due.
 */
void renew_due(struct mmiod_client *client)
{
	int64_t now, next;

	if (!client->renew_at)
		return;
	now = boot_ms();
	if (client->renew_at > now)
		return;
	next = next_time(client, now);
	client->renew_at = 0;
	if (next)
		schedule(client, next);
	else if (client->timer >= 0)
		set_timer(client, 0);
}

/* How long to sleep at most, in milliseconds: the program may be in a call that waits for long. */
int64_t renew_within_ms(const struct mmiod_client *client)
{
	int64_t left;

	if (!client->renew_at)
		return INT64_MAX;
	left = client->renew_at - boot_ms();
	return left > 0 ? left : 0;
}

/* A new daemon gives leases their whole time again, so nothing is lost by a reconnection. */
void renew_stop(struct mmiod_client *client)
{
	if (client->timer >= 0)
		close(client->timer);
}
