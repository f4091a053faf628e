/* SPDX-License-Identifier: MIT */
/*
 * Places that are read on and on.
 *
 * The windows belong to the kernel and outlive the daemon: while it restarts, reading goes on. A
 * daemon that does not come back, or comes back without our leases, ends it, as does a revocation.
 * In simulation the memory is the daemon's own, so that it ends at once. A guest that made room for
 * an exclusive lease waits for its place.
 */
#include "target/follow.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#define RETRY_MS 250 /* from one attempt to reach the daemon to the next */
#define PATIENCE_MS 10000 /* for one that restarts */
#define REASON_MS 1000 /* that a read may fail before the daemon says why */

void follow_end(struct follow *follow, int status)
{
	follow->status = status;
	follow->done = true;
}

static void clear_way(const struct follow *follow)
{
	if (follow->tells)
		follow->tells(follow->tell_data);
}

void follow_end_because(struct follow *follow, const char *name, const char *why)
{
	clear_way(follow);
	snprintf(follow->why, sizeof(follow->why), "%s%s%s", name, *name ? ": " : "", why);
	follow_end(follow, report(follow->context, -ENODEV, "%s", follow->why));
}

/* ---- what the daemon says ---- */

static struct place *find_place(const struct follow *follow, uint64_t lease)
{
	for (size_t i = 0; i < follow->count; i++)
		if (follow->places[i].lease && mmiod_lease_id(follow->places[i].lease) == lease)
			return &follow->places[i];
	return NULL;
}

/* A guest made room for an exclusive lease: it waits, and goes on when that is over. */
static void be_guest_again(struct follow *follow, struct place *place)
{
	struct mmiod_client *client = follow->context->client;
	int status;

	clear_way(follow);
	note(follow->context, "%s is in use alone: waiting", place->text);
	if (follow->waits)
		follow->waits(follow->data, true);
	mmiod_lease_free(place->lease);
	place->lease = NULL;
	mmiod_client_set_wait(client, UINT32_MAX);
	status = place_lease_registers(follow->context, place, MMIOD_RIGHT_READ);
	mmiod_client_set_wait(client, 0);
	if (follow->waits)
		follow->waits(follow->data, false);
	if (status)
		follow_end(follow, status);
	else
		note(follow->context, "%s may be read again", place->text);
}

static bool made_room(const struct place *place, const struct mmiod_event *event)
{
	return event->type == MMIOD_EVENT_REVOKED &&
	       mmiod_lease_share(place->lease) == MMIOD_SHARE_GUEST &&
	       !strncmp(event->text, "an exclusive lease of", 21);
}

static void handle_event(struct follow *follow, const struct mmiod_event *event)
{
	struct place *place = find_place(follow, event->lease);

	if (!place && follow->hears)
		follow->hears(follow->hear_data, event);
	if (!place)
		return;
	if (made_room(place, event)) {
		be_guest_again(follow, place);
		return;
	}
	switch (event->type) {
	case MMIOD_EVENT_REVOKE_ASKED:
	case MMIOD_EVENT_REVOKED:
	case MMIOD_EVENT_GONE:
		follow_end_because(follow, place->text, event->text[0] ? event->text : "revoked");
		break;
	case MMIOD_EVENT_SUSPENDED:
	case MMIOD_EVENT_RESUMED:
		note(follow->context, "%s was %s", place->text,
		     event->type == MMIOD_EVENT_RESUMED ? "resumed" : "suspended with its device");
		break;
	default:
		break;
	}
}

static void lose_daemon(struct follow *follow)
{
	if (follow->simulated) {
		follow_end_because(follow, "",
				   "the daemon went away, and its simulated memory with it");
		return;
	}
	if (!follow->lonely)
		note(follow->context, "the daemon went away; looking for it");
	follow->lonely = now_ms();
	follow->retry = follow->lonely + RETRY_MS;
}

int follow_fd(const struct follow *follow)
{
	return follow->lonely ? -1 : mmiod_client_event_fd(follow->context->client);
}

void follow_hear(struct follow *follow)
{
	struct mmiod_event event;
	int n;

	while (!follow->done &&
	       (n = mmiod_client_next_event(follow->context->client, &event)) != 0) {
		if (n < 0) {
			lose_daemon(follow);
			return;
		}
		handle_event(follow, &event);
	}
}

/* ---- reading ---- */

/* Not ended, and not a guest again by another lease. @place NULL: it is about something else. */
static bool has(const struct follow *follow, const struct place *place, uint64_t lease)
{
	return !follow->done && (!place || (place->lease && mmiod_lease_id(place->lease) == lease));
}

/* The daemon tells why, and by whom, when it has seen to everything else. */
static void hear_reason(struct follow *follow, const struct place *place)
{
	uint64_t lease = place ? mmiod_lease_id(place->lease) : 0;
	struct pollfd file = { .fd = follow_fd(follow), .events = POLLIN };
	uint64_t now = now_ms(), until = now + REASON_MS;

	while (has(follow, place, lease) && !follow->lonely && now < until &&
	       poll(&file, 1, (int)(until - now)) > 0) {
		follow_hear(follow);
		now = now_ms();
	}
}

void follow_hear_reason(struct follow *follow)
{
	hear_reason(follow, NULL);
}

bool follow_read(struct follow *follow, const struct place *place, void *buffer)
{
	uint64_t lease = mmiod_lease_id(place->lease);
	int err = mmiod_lease_read(place->lease, 0, place->width, place->length / place->width,
				   buffer);

	if (err == -ENODEV)
		hear_reason(follow, place);
	if (err && err != -EAGAIN && has(follow, place, lease)) {
		clear_way(follow);
		snprintf(follow->why, sizeof(follow->why), "%s: %s", place->text, strerror(-err));
		follow_end(follow, report_client(follow->context, err));
	}
	return !err;
}

/* ---- a daemon that was away ---- */

/* Whether the daemon that came back knows all of our leases. */
static bool is_ours(const struct follow *follow, const struct mmiod_lease_list *list)
{
	size_t found = 0;

	for (size_t i = 0; i < mmiod_lease_list_count(list); i++) {
		const struct mmiod_lease_info *info = mmiod_lease_list_get(list, i);

		found += find_place(follow, mmiod_lease_info_id(info)) != NULL &&
			 mmiod_lease_info_state(info) != MMIOD_STATE_REVOKED &&
			 mmiod_lease_info_state(info) != MMIOD_STATE_ENDING;
	}
	return found >= follow->count;
}

void follow_look(struct follow *follow)
{
	struct mmiod_lease_list *list;

	if (!follow->lonely || now_ms() < follow->retry)
		return;
	follow->retry = now_ms() + RETRY_MS;
	if (!mmiod_client_list_leases(follow->context->client, &list)) {
		if (!is_ours(follow, list))
			follow_end_because(follow, "",
					   "the daemon is back and knows nothing of the leases");
		else
			note(follow->context, "the daemon is back");
		mmiod_lease_list_free(list);
		follow->lonely = 0;
	} else if (now_ms() - follow->lonely >= PATIENCE_MS) {
		follow_end_because(follow, "", "the daemon went away and does not come back");
	}
}

/* ---- leases ---- */

int follow_open(struct follow *follow, const struct lease_options *options)
{
	struct mmiod_status daemon;
	int status = lease_open(follow->context, options), err;

	if (status)
		return status;
	err = mmiod_client_status(follow->context->client, &daemon);
	if (err)
		return report_client(follow->context, err);
	follow->simulated = daemon.backend == MMIOD_BACKEND_SIMULATION;
	for (size_t i = 0; !status && i < follow->count; i++)
		status = place_lease_registers(follow->context, &follow->places[i],
					       MMIOD_RIGHT_READ);
	return status;
}

void follow_close(struct follow *follow)
{
	for (size_t i = 0; i < follow->count; i++)
		place_close(&follow->places[i]);
}
