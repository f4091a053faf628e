/* SPDX-License-Identifier: MIT */
/*
 * mmioctl watch: registers, and when they change, as long as they can be followed.
 */
#include "target/follow.h"
#include "verb.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define INTERVAL_MS 100

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
	const struct place *place;
	uint8_t *last; /* what was there */
	uint8_t *now;
};

struct watch {
	struct follow follow;
	struct watched *items; /* as many as there are places */
	uint64_t told; /* lines */
};

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
	if (watch->follow.context->json)
		tell_json(&when, place, at, before, after);
	else
		tell_text(&when, place_words(place, at, name),
			  before ? value_words(*before, place->width, words[0]) : NULL,
			  value_words(after, place->width, words[1]));
	if (output_flush())
		follow_end(&watch->follow, STATUS_FAILED);
	if (!before)
		return;
	watch->told++;
	watch->follow.done |= options.count.is && watch->told >= options.count.value;
}

/* ---- looking ---- */

static void compare(struct watch *watch, struct watched *item, bool first)
{
	const struct place *place = item->place;
	uint8_t *spare = item->last;

	for (size_t i = 0; !watch->follow.done && i < place->length / place->width; i++) {
		uint64_t before = element_at(item->last, i, place->width);
		uint64_t after = element_at(item->now, i, place->width);

		if (first || before != after)
			tell(watch, place, i * place->width, first ? NULL : &before, after);
	}
	item->last = item->now;
	item->now = spare;
}

/* A suspended device cannot be asked; it will be back, or revoked. */
static void look(struct watch *watch, bool first)
{
	for (size_t i = 0; !watch->follow.done && i < watch->follow.count; i++)
		if (follow_read(&watch->follow, watch->items[i].place, watch->items[i].now))
			compare(watch, &watch->items[i], first);
}

/* ---- the loop ---- */

static void wait_a_little(struct watch *watch)
{
	struct pollfd files[] = {
		{ .fd = follow_fd(&watch->follow), .events = POLLIN },
		{ .fd = STDOUT_FILENO }, /* POLLERR: nobody reads any more */
	};
	uint32_t interval = options.interval_ms ? options.interval_ms : INTERVAL_MS;

	if (poll(files, 2, (int)interval) <= 0)
		return;
	if (files[0].revents)
		follow_hear(&watch->follow);
	if (files[1].revents & POLLERR)
		follow_end(&watch->follow, STATUS_OK);
}

static int watch_all(struct watch *watch)
{
	look(watch, true);
	while (!watch->follow.done) {
		wait_a_little(watch);
		follow_look(&watch->follow);
		look(watch, false);
	}
	return watch->follow.status;
}

static int make_room(struct watch *watch)
{
	for (size_t i = 0; i < watch->follow.count; i++) {
		struct watched *item = &watch->items[i];

		item->place = &watch->follow.places[i];
		item->last = calloc(2, item->place->length);
		if (!item->last)
			return out_of_memory(watch->follow.context);
		item->now = item->last + item->place->length;
	}
	return 0;
}

/* The two buffers are one piece of memory, which starts at the lower. */
static void close_all(struct watch *watch)
{
	follow_close(&watch->follow);
	for (size_t i = 0; i < watch->follow.count; i++) {
		struct watched *item = &watch->items[i];

		free(item->last < item->now ? item->last : item->now);
	}
	free(watch->items);
	free(watch->follow.places);
}

static int verb_watch(struct context *context, int argc, char **argv)
{
	struct watch watch = { .follow = { .context = context, .count = (size_t)argc } };
	int status = 0;

	if (options.count.is && !options.count.value)
		return usage_error(context, "to wait for no change is to do nothing");
	watch.items = calloc(watch.follow.count, sizeof(*watch.items));
	watch.follow.places = calloc(watch.follow.count, sizeof(*watch.follow.places));
	if (!watch.items || !watch.follow.places)
		status = out_of_memory(context);
	for (size_t i = 0; !status && i < watch.follow.count; i++)
		status = place_read(context, argv[i], &options.lease, &watch.follow.places[i]);
	if (!status)
		status = follow_open(&watch.follow, &options.lease);
	if (!status)
		status = make_room(&watch);
	if (!status)
		status = watch_all(&watch);
	if (watch.items && watch.follow.places)
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
