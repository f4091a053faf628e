/* SPDX-License-Identifier: MIT */
/*
 * mmioctl watch: registers, and when they change.
 *
 * The windows belong to the kernel and outlive the daemon: while it restarts, watching goes on. A
 * daemon that does not come back, or comes back without our leases, ends it, as does a revocation.
 * In simulation the memory is the daemon's own, so that it ends at once.
 */
#include "target/place.h"
#include "verb.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define INTERVAL_MS 100
#define RETRY_MS 250 /* from one attempt to reach the daemon to the next */
#define PATIENCE_MS 10000 /* for one that restarts */

static struct watch_options {
	struct lease_options lease;
	uint32_t interval_ms;
	struct given count;
} options;

static const struct verb_option option_rows[] = {
	LEASE_OPTIONS(struct watch_options, lease),
	WIDTH_OPTION(struct watch_options, lease),
	INTERVAL_OPTION(struct watch_options, interval_ms),
	COUNT_OPTION(struct watch_options, count),
	{ 0 },
};

struct watched {
	struct place place;
	uint8_t *last; /* what was there, @length bytes */
	uint8_t *now;
};

struct watch {
	struct context *context;
	struct watched *items;
	size_t count;
	uint64_t told; /* lines */
	bool simulated;
	uint64_t lonely; /* since when the daemon is away, ms; 0: it is there */
	uint64_t retry; /* when to look for it next */
	int status;
	bool done;
};

static void end_watch(struct watch *watch, int status)
{
	watch->status = status;
	watch->done = true;
}

/* ---- telling ---- */

static void tell_text(const struct timespec *when, const char *name, const char *before,
		      const char *after)
{
	char text[32] = "-";
	struct tm tm;

	if (localtime_r(&when->tv_sec, &tm))
		strftime(text, sizeof(text), "%H:%M:%S", &tm);
	printf("%s.%03ld  %s  %s%s%s\n", text, when->tv_nsec / 1000000, name, before ? before : "",
	       before ? " -> " : "", after);
}

static void tell_json(const struct timespec *when, const struct place *place, uint64_t at,
		      const uint64_t *before, uint64_t after)
{
	uint64_t us = (uint64_t)when->tv_sec * 1000000 + (uint64_t)when->tv_nsec / 1000;

	json_line(json_pack("{s:i, s:o, s:s, s:o, s:i, s:o, s:o}", "schema", JSON_SCHEMA, "time_us",
			    json_number(us), "region", place->target.region, "offset",
			    json_number(place->target.offset + at), "width", (int)place->width * 8,
			    "old", before ? json_register(*before, place->width) : json_null(),
			    "value", json_register(after, place->width)));
}

/* @before NULL: the first look. */
static void tell(struct watch *watch, const struct place *place, uint64_t at,
		 const uint64_t *before, uint64_t after)
{
	char name[PLACE_WORDS], words[2][VALUE_WORDS];
	struct timespec when;

	clock_gettime(CLOCK_REALTIME, &when);
	if (watch->context->json)
		tell_json(&when, place, at, before, after);
	else
		tell_text(&when, place_words(place, at, name),
			  before ? value_words(*before, place->width, words[0]) : NULL,
			  value_words(after, place->width, words[1]));
	if (output_flush())
		end_watch(watch, STATUS_FAILED);
	if (!before)
		return;
	watch->told++;
	watch->done |= options.count.is && watch->told >= options.count.value;
}

/* ---- looking ---- */

static void compare(struct watch *watch, struct watched *item, bool first)
{
	const struct place *place = &item->place;
	uint8_t *spare = item->last;

	for (size_t i = 0; !watch->done && i < place->length / place->width; i++) {
		uint64_t before = element_at(item->last, i, place->width);
		uint64_t after = element_at(item->now, i, place->width);

		if (first || before != after)
			tell(watch, place, i * place->width, first ? NULL : &before, after);
	}
	item->last = item->now;
	item->now = spare;
}

/* A suspended device cannot be asked; it will be back, or revoked. */
static void look(struct watch *watch, struct watched *item, bool first)
{
	const struct place *place = &item->place;
	int err = mmiod_lease_read(place->lease, 0, place->width, place->length / place->width,
				   item->now);

	if (err == -EAGAIN)
		return;
	if (err)
		end_watch(watch, report_client(watch->context, err));
	else
		compare(watch, item, first);
}

/* ---- the daemon ---- */

static struct watched *find_item(const struct watch *watch, uint64_t lease)
{
	for (size_t i = 0; i < watch->count; i++)
		if (mmiod_lease_id(watch->items[i].place.lease) == lease)
			return &watch->items[i];
	return NULL;
}

/* A guest made room for an exclusive lease: it waits, and goes on when that is over. */
static void be_guest_again(struct watch *watch, struct watched *item)
{
	struct mmiod_client *client = watch->context->client;
	int status;

	note(watch->context, "%s is in use alone: waiting", item->place.text);
	mmiod_lease_free(item->place.lease);
	item->place.lease = NULL;
	mmiod_client_set_wait(client, UINT32_MAX);
	status = place_lease_registers(watch->context, &item->place, MMIOD_RIGHT_READ);
	mmiod_client_set_wait(client, 0);
	if (status)
		end_watch(watch, status);
	else
		note(watch->context, "%s may be read again", item->place.text);
}

static bool made_room(const struct watched *item, const struct mmiod_event *event)
{
	return event->type == MMIOD_EVENT_REVOKED &&
	       mmiod_lease_share(item->place.lease) == MMIOD_SHARE_GUEST &&
	       !strncmp(event->text, "an exclusive lease of", 21);
}

static void handle_event(struct watch *watch, const struct mmiod_event *event)
{
	struct watched *item = find_item(watch, event->lease);

	if (!item)
		return;
	if (made_room(item, event)) {
		be_guest_again(watch, item);
		return;
	}
	switch (event->type) {
	case MMIOD_EVENT_REVOKE_ASKED:
	case MMIOD_EVENT_REVOKED:
	case MMIOD_EVENT_GONE:
		end_watch(watch, report(watch->context, -ENODEV, "%s: %s", item->place.text,
					event->text[0] ? event->text : "revoked"));
		break;
	case MMIOD_EVENT_SUSPENDED:
	case MMIOD_EVENT_RESUMED:
		note(watch->context, "%s was %s", item->place.text,
		     event->type == MMIOD_EVENT_RESUMED ? "resumed" : "suspended with its device");
		break;
	default:
		break;
	}
}

static void lose_daemon(struct watch *watch)
{
	if (watch->simulated) {
		end_watch(watch, report(watch->context, -ENODEV,
					"the daemon went away, and its simulated memory with it"));
		return;
	}
	if (!watch->lonely)
		note(watch->context, "the daemon went away; looking for it");
	watch->lonely = now_ms();
	watch->retry = watch->lonely + RETRY_MS;
}

static void read_events(struct watch *watch)
{
	struct mmiod_event event;
	int n;

	while (!watch->done && (n = mmiod_client_next_event(watch->context->client, &event)) != 0) {
		if (n < 0) {
			lose_daemon(watch);
			return;
		}
		handle_event(watch, &event);
	}
}

/* Whether the daemon that came back knows all of our leases. */
static bool is_ours(const struct watch *watch, const struct mmiod_lease_list *list)
{
	size_t found = 0;

	for (size_t i = 0; i < mmiod_lease_list_count(list); i++) {
		const struct mmiod_lease_info *info = mmiod_lease_list_get(list, i);

		found += find_item(watch, mmiod_lease_info_id(info)) != NULL &&
			 mmiod_lease_info_state(info) != MMIOD_STATE_REVOKED &&
			 mmiod_lease_info_state(info) != MMIOD_STATE_ENDING;
	}
	return found >= watch->count;
}

static void look_for_daemon(struct watch *watch)
{
	struct mmiod_lease_list *list;

	if (now_ms() < watch->retry)
		return;
	watch->retry = now_ms() + RETRY_MS;
	if (!mmiod_client_list_leases(watch->context->client, &list)) {
		if (!is_ours(watch, list))
			end_watch(watch,
				  report(watch->context, -ENODEV,
					 "the daemon is back and knows nothing of the leases"));
		else
			note(watch->context, "the daemon is back");
		mmiod_lease_list_free(list);
		watch->lonely = 0;
	} else if (now_ms() - watch->lonely >= PATIENCE_MS) {
		end_watch(watch, report(watch->context, -ENODEV,
					"the daemon went away and does not come back"));
	}
}

/* ---- the loop ---- */

static void wait_a_little(struct watch *watch)
{
	struct pollfd files[] = {
		{ .fd = watch->lonely ? -1 : mmiod_client_event_fd(watch->context->client),
		  .events = POLLIN },
		{ .fd = STDOUT_FILENO }, /* POLLERR: nobody reads any more */
	};
	uint32_t interval = options.interval_ms ? options.interval_ms : INTERVAL_MS;

	if (poll(files, 2, (int)interval) <= 0)
		return;
	if (files[0].revents)
		read_events(watch);
	if (files[1].revents & POLLERR)
		end_watch(watch, STATUS_OK);
}

static int watch_all(struct watch *watch)
{
	for (size_t i = 0; !watch->done && i < watch->count; i++)
		look(watch, &watch->items[i], true);
	while (!watch->done) {
		wait_a_little(watch);
		if (watch->lonely)
			look_for_daemon(watch);
		for (size_t i = 0; !watch->done && i < watch->count; i++)
			look(watch, &watch->items[i], false);
	}
	return watch->status;
}

static int open_item(struct context *context, struct watched *item)
{
	int status = place_lease_registers(context, &item->place, MMIOD_RIGHT_READ);

	if (status)
		return status;
	item->last = calloc(2, item->place.length);
	if (!item->last)
		return out_of_memory(context);
	item->now = item->last + item->place.length;
	return 0;
}

static int open_all(struct watch *watch)
{
	struct mmiod_status daemon;
	int status = lease_open(watch->context, &options.lease), err;

	if (status)
		return status;
	err = mmiod_client_status(watch->context->client, &daemon);
	if (err)
		return report_client(watch->context, err);
	watch->simulated = daemon.backend == MMIOD_BACKEND_SIMULATION;
	for (size_t i = 0; !status && i < watch->count; i++)
		status = open_item(watch->context, &watch->items[i]);
	return status;
}

/* The two buffers are one piece of memory, which starts at the lower. */
static void close_all(struct watch *watch)
{
	for (size_t i = 0; i < watch->count; i++) {
		struct watched *item = &watch->items[i];

		place_close(&item->place);
		free(item->last < item->now ? item->last : item->now);
	}
	free(watch->items);
}

static int verb_watch(struct context *context, int argc, char **argv)
{
	struct watch watch = { .context = context, .count = (size_t)argc };
	int status = 0;

	if (options.count.is && !options.count.value)
		return usage_error(context, "to wait for no change is to do nothing");
	watch.items = calloc(watch.count, sizeof(*watch.items));
	if (!watch.items)
		return out_of_memory(context);
	for (size_t i = 0; !status && i < watch.count; i++)
		status = place_read(context, argv[i], &options.lease, &watch.items[i].place);
	if (!status)
		status = open_all(&watch);
	if (!status)
		status = watch_all(&watch);
	close_all(&watch);
	return status;
}

const struct verb watch_verb = {
	.name = "watch",
	.arguments = "TARGET…",
	.summary = "show registers, and when they change",
	.group = GROUP_LIVE,
	.endless = true,
	.options = option_rows,
	.values = &options,
	.least = 1,
	.most = ARGUMENTS_ANY,
	.run = verb_watch,
	.examples = { { "watch edu+0x4 edu+0x20", "both, ten times a second" },
		      { "watch edu/0x10 --interval 10ms", "four registers, more often" },
		      { "watch edu+0x20 --count 1", "until it changes" },
		      { "watch edu+0x20 --json", "one object a line" } },
	.more = "First what is there, then changes only, with the time. Ends when interrupted,\n"
		"after --count changes, or with exit status 7 when a lease is revoked or the\n"
		"daemon goes for good; it may restart meanwhile. A guest's lease (see --guest)\n"
		"that ends because somebody wants the registers alone is waited for again.\n",
};
