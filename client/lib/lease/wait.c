/* SPDX-License-Identifier: MIT */
/*
 * struct mmiod_wait: leases that are asked for and waited for without blocking, for programs with an
 * event loop. Its descriptor is readable when the answer may be there.
 *
 * The wait is the program's. It may outlive its client, and then has no answer any more.
 */
#include "base/error.h"
#include "base/process.h"
#include "lease/lease.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct mmiod_wait {
	struct pending pending;
	struct lease_call call;
	struct mmiod_lease *leases[MMIOD_MSG_FDS_MAX];
	int errors[MMIOD_MSG_FDS_MAX];
};

static int take_answer(struct pending *pending, struct reply *reply)
{
	return lease_call_read(&link_entry(pending, struct mmiod_wait, pending)->call, 0, reply);
}

static void wait_free(struct mmiod_wait *wait)
{
	for (size_t i = 0; i < wait->call.count; i++)
		mmiod_lease_free(wait->leases[i]);
	free(wait->call.lost);
	pending_end(&wait->pending);
	free(wait);
}

static int build(struct mmiod_wait *wait)
{
	int err = lease_call_begin(&wait->call);

	if (err)
		return err;
	wait->pending.request.msg.size =
		(uint32_t)lease_call_build(&wait->call, 0, &wait->pending.request);
	wait->call.wants = NULL; /* they are the program's */
	return 0;
}

static int start(struct mmiod_wait *wait)
{
	struct mmiod_client *client = wait->pending.client;
	int err = build(wait);

	if (!err)
		err = pending_open(&wait->pending);
	if (err)
		return err;
	if (client->sock < 0 || client->greeting)
		return connection_greeted(client); /* which sends it */
	err = pending_send(&wait->pending);
	if (err != -ECONNRESET)
		return err ? client_fail(client, err, "cannot ask the daemon: %s", strerror(-err))
			   : 0;
	connection_close(client);
	return connection_greeted(client);
}

MMIOD_EXPORT int mmiod_wait_start_sized(struct mmiod_client *client, const struct mmiod_want *wants,
					size_t size, size_t count, unsigned int flags,
					uint32_t wait_ms, struct mmiod_wait **waitp)
{
	struct mmiod_wait *wait;
	int err = client_check(client);

	*waitp = NULL;
	if (err)
		return err;
	if (count > MMIOD_MSG_FDS_MAX)
		return client_fail(client, -EINVAL, "%zu leases: a wait is for at most %d", count,
				   MMIOD_MSG_FDS_MAX);
	wait = calloc(1, sizeof(*wait));
	if (!wait)
		return client_fail(client, -ENOMEM, "out of memory");
	pending_init(&wait->pending, client, take_answer);
	wait->call = lease_call_for(client, wants, size, count, flags);
	wait->call.leases = wait->leases;
	wait->call.errors = wait->errors;
	wait->call.wait_ms = wait_ms;
	wait->call.settle =
		NULL; /* the wants are the program's, and may be gone by then: not parked */
	err = start(wait);
	if (err)
		wait_free(wait);
	else
		*waitp = wait;
	return err;
}

MMIOD_EXPORT int mmiod_wait_fd(const struct mmiod_wait *wait)
{
	return wait->pending.epoll;
}

/* -EAGAIN: there is no answer yet. */
static int look(struct mmiod_wait *wait)
{
	struct mmiod_client *client = wait->pending.client;
	eventfd_t count;
	int err;

	if (wait->pending.answered)
		return 0;
	eventfd_read(wait->pending.done, &count);
	err = client_check(client);
	if (err)
		return err;
	renew_due(client);
	session_drain(client);
	if (!wait->pending.answered && client->sock < 0) {
		err = connection_greeted(client);
		if (err)
			pending_settle(&wait->pending, err);
	}
	return wait->pending.answered ? 0 : -EAGAIN;
}

MMIOD_EXPORT int mmiod_wait_finish(struct mmiod_wait *wait, struct mmiod_lease **leases,
				   int *errors)
{
	int err = look(wait), result;

	if (err == -EAGAIN || err == -EOWNERDEAD)
		return err;
	if (!wait->pending.client) {
		wait_free(wait);
		return lone_fail(-ENOTCONN, "the client was freed, and the request ended with it");
	}
	result = lease_call_finish(&wait->call, wait->pending.result);
	wait->call.lost = NULL;
	for (size_t i = 0; i < wait->call.count; i++) {
		leases[i] = wait->leases[i];
		wait->leases[i] = NULL;
		if (errors)
			errors[i] = wait->errors[i];
	}
	wait_free(wait);
	return result;
}

MMIOD_EXPORT void mmiod_wait_cancel(struct mmiod_wait *wait)
{
	struct mmiod_client *client;
	uint64_t id;

	if (!wait)
		return;
	client = wait->pending.client;
	if (client && process_number() == client->owner) {
		if (!wait->pending.answered && client->sock >= 0 && wait->pending.id)
			exchange_cancel(client, wait->pending.id, &id);
		for (size_t i = 0; i < wait->call.count; i++)
			if (wait->leases[i] && !mmiod_lease_release(wait->leases[i]))
				wait->leases[i] = NULL;
	}
	wait_free(wait);
}
