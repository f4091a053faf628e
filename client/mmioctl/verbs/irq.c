/* SPDX-License-Identifier: MIT */
/*
 * mmioctl irq: the interrupts of a device, as they come, or which are leased. The vector is leased
 * as long as this runs.
 */
#include "target/target.h"
#include "target/vector.h"
#include "verb.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#define STORM_PAUSE_MS 100

static struct irq_options {
	struct lease_options lease; /* how long it waits */
	struct given count;
	struct given timeout;
	bool oneshot;
	bool trigger;
} options;

static const struct verb_option option_rows[] = {
	COUNT_OPTION(struct irq_options, count),
	{ "oneshot", 0, NULL, "masked by each until it has been told, as INTx is",
	  FLAG(struct irq_options, oneshot) },
	{ "trigger", 0, NULL, "make each come, without the device",
	  FLAG(struct irq_options, trigger) },
	{ "timeout", 0, "TIME", "give up when none comes for TIME, as 2s; else never",
	  TIMEOUT(struct irq_options, timeout) },
	WAIT_OPTION(struct irq_options, lease),
	TABLE_OPTIONS,
	{ 0 },
};

/* ---- which are leased ---- */

enum {
	VECTOR_LEASE,
	VECTOR_DEVICE,
	VECTOR_NUMBER,
	VECTOR_KIND,
	VECTOR_COUNT,
	VECTOR_BUSY,
	VECTOR_STATE,
	VECTOR_STORMS,
	VECTOR_IRQ,
	VECTOR_USER,
	VECTOR_PID,
	VECTOR_COMMAND,
	VECTOR_STARTED,
	VECTOR_COLUMNS,
};

static const struct column vector_columns[] = {
	[VECTOR_LEASE] = { "LEASE", CELL_NUMBER, true, "number of the lease" },
	[VECTOR_DEVICE] = { "DEVICE", CELL_TEXT, true, "name of the device" },
	[VECTOR_NUMBER] = { "VECTOR", CELL_NUMBER, true, "from 0" },
	[VECTOR_KIND] = { "KIND", CELL_TEXT, true, "intx, msi or msix" },
	[VECTOR_COUNT] = { "COUNT", CELL_NUMBER, true, "interrupts so far; 0 in simulation" },
	[VECTOR_BUSY] = { "BUSY", CELL_NANOSECONDS, false, "that handling them took" },
	[VECTOR_STATE] = { "STATE", CELL_TEXT, true,
			   "ok, suspended, revoked; storm, silent or masked" },
	[VECTOR_STORMS] = { "STORMS", CELL_NUMBER, true, "how often it came too often" },
	[VECTOR_IRQ] = { "IRQ", CELL_NUMBER, false, "its number in /proc/interrupts" },
	[VECTOR_USER] = { "USER", CELL_TEXT, true, "who holds it" },
	[VECTOR_PID] = { "PID", CELL_NUMBER, true, "process that asked for it" },
	[VECTOR_COMMAND] = { "COMMAND", CELL_TEXT, true, "its name" },
	[VECTOR_STARTED] = { "STARTED", CELL_TIME, false, "when it was granted" },
};
static const size_t vector_column_count = VECTOR_COLUMNS;

static void fill_vector(const struct mmiod_vector *vector, struct cell *cells)
{
	char user[64];

	user_name(mmiod_vector_uid(vector), user, sizeof(user));
	cell_number(&cells[VECTOR_LEASE], mmiod_vector_lease(vector));
	cell_text(&cells[VECTOR_DEVICE], mmiod_vector_device(vector));
	cell_number(&cells[VECTOR_NUMBER], mmiod_vector_number(vector));
	cell_text(&cells[VECTOR_KIND], irq_word(mmiod_vector_kind(vector)));
	cell_number(&cells[VECTOR_COUNT], mmiod_vector_count(vector));
	cell_number(&cells[VECTOR_BUSY], mmiod_vector_busy_ns(vector));
	cell_text(&cells[VECTOR_STATE], vector_state_word(vector));
	cell_number(&cells[VECTOR_STORMS], mmiod_vector_storms(vector));
	cell_optional(&cells[VECTOR_IRQ], mmiod_vector_irq(vector));
	cell_text(&cells[VECTOR_USER], user);
	cell_number(&cells[VECTOR_PID], mmiod_vector_pid(vector));
	cell_text(&cells[VECTOR_COMMAND], mmiod_vector_comm(vector));
	cell_number(&cells[VECTOR_STARTED], mmiod_vector_started(vector));
}

static int print_vectors(const struct context *context, const struct mmiod_vector_list *list)
{
	struct table table;
	int status = table_begin(&table, context, vector_columns, vector_column_count, "vectors");

	for (size_t i = 0; !status && i < mmiod_vector_list_count(list); i++) {
		struct cell cells[VECTOR_COLUMNS] = { 0 };

		fill_vector(mmiod_vector_list_get(list, i), cells);
		status = table_row(&table, cells);
	}
	return table_end(&table, status);
}

static int list_vectors(struct context *context)
{
	struct mmiod_vector_list *list;
	int status = client_open(context), err;

	if (status)
		return status;
	err = mmiod_client_list_vectors(context->client, &list);
	if (err)
		return report_client(context, err);
	status = print_vectors(context, list);
	mmiod_vector_list_free(list);
	return status;
}

/* ---- as they come ---- */

struct watch {
	struct context *context;
	const char *device;
	struct mmiod_interrupt *interrupt;
	uint64_t count; /* of all that were told */
	uint64_t lines;
};

static int tell(struct watch *watch, uint64_t delta)
{
	unsigned int vector = mmiod_interrupt_vector(watch->interrupt);
	struct timespec when;
	char text[32] = "-";
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &when);
	watch->count += delta;
	watch->lines++;
	if (watch->context->json) {
		uint64_t us = (uint64_t)when.tv_sec * 1000000 + (uint64_t)when.tv_nsec / 1000;

		json_line(json_pack("{s:i, s:o, s:s, s:I, s:o, s:o}", "schema", JSON_SCHEMA,
				    "time_us", json_number(us), "device", watch->device, "vector",
				    (json_int_t)vector, "count", json_number(watch->count), "delta",
				    json_number(delta)));
	} else {
		if (localtime_r(&when.tv_sec, &tm))
			strftime(text, sizeof(text), "%H:%M:%S", &tm);
		printf("%s.%03ld  %s:%u  %" PRIu64 "  +%" PRIu64 "\n", text, when.tv_nsec / 1000000,
		       watch->device, vector, watch->count, delta);
	}
	return output_flush() ? STATUS_FAILED : STATUS_OK;
}

/* One that masks itself comes again only if it is let; after a storm that takes a moment. */
static int let_come(struct watch *watch, bool storm)
{
	int err = 0;

	if (!storm && !options.oneshot && mmiod_interrupt_kind(watch->interrupt) != MMIOD_IRQ_INTX)
		return STATUS_OK;
	while ((err = mmiod_interrupt_unmask(watch->interrupt)) == -EAGAIN)
		pause_ms(STORM_PAUSE_MS);
	return err && err != -EOPNOTSUPP ? report_client(watch->context, err) : STATUS_OK;
}

static int take_event(struct watch *watch, const struct mmiod_event *event)
{
	if (event->lease != mmiod_interrupt_lease(watch->interrupt))
		return STATUS_OK;
	switch (event->type) {
	case MMIOD_EVENT_REVOKE_ASKED:
	case MMIOD_EVENT_REVOKED:
	case MMIOD_EVENT_GONE:
		return report(watch->context, -ENODEV, "vector %u of %s: %s",
			      mmiod_interrupt_vector(watch->interrupt), watch->device, event->text);
	case MMIOD_EVENT_STORM:
		note(watch->context, "%s", event->text);
		return let_come(watch, true);
	default:
		return STATUS_OK;
	}
}

/* Events are the daemon's; while it is away there are none, and the interrupt goes on. */
static int take_events(struct watch *watch)
{
	struct mmiod_event event;
	int status = STATUS_OK;

	while (!status && mmiod_client_next_event(watch->context->client, &event) > 0)
		status = take_event(watch, &event);
	return status;
}

static int take_interrupts(struct watch *watch)
{
	uint64_t delta;
	int err = mmiod_interrupt_wait(watch->interrupt, 0, &delta), status;

	if (err == -ETIMEDOUT)
		return STATUS_OK;
	if (err == -EOVERFLOW) /* the event tells why, if the daemon is there to tell it */
		return let_come(watch, true);
	if (err)
		return report_client(watch->context, err);
	status = tell(watch, delta);
	return status ? status : let_come(watch, false);
}

static int tell_timeout(const struct watch *watch)
{
	return report(watch->context, -ETIMEDOUT, "vector %u of %s did not come within %llu ms",
		      mmiod_interrupt_vector(watch->interrupt), watch->device,
		      (unsigned long long)options.timeout.value);
}

/* Until the next has been told. */
static int watch_one(struct watch *watch)
{
	struct pollfd files[] = {
		{ .fd = mmiod_interrupt_fd(watch->interrupt), .events = POLLIN | POLLMSG },
		{ .fd = mmiod_client_event_fd(watch->context->client), .events = POLLIN },
	};
	uint64_t lines = watch->lines;
	int timeout = options.timeout.is ? (int)options.timeout.value : -1, status = STATUS_OK;

	while (!status && watch->lines == lines) {
		int n = poll(files, 2, timeout);

		if (n == 0)
			return tell_timeout(watch);
		if (n < 0 && errno != EINTR)
			return report(watch->context, -errno, "poll: %s", strerror(errno));
		if (files[1].revents)
			status = take_events(watch);
		if (!status && files[0].revents)
			status = take_interrupts(watch);
	}
	return status;
}

static int watch_all(struct watch *watch)
{
	int status = STATUS_OK;

	while (!status && !(options.count.is && watch->lines >= options.count.value)) {
		int err = options.trigger ? mmiod_interrupt_trigger(watch->interrupt) : 0;

		status = err ? report_client(watch->context, err) : watch_one(watch);
	}
	return status;
}

static int watch_vector(struct context *context, const char *text)
{
	struct watch watch = { .context = context };
	char device[VECTOR_DEVICE_MAX];
	unsigned int vector, flags = options.oneshot ? MMIOD_IRQ_ONESHOT : 0;
	int status = vector_read(context, text, device, &vector), err;

	if (!status)
		status = lease_open(context, &options.lease);
	if (status)
		return status;
	watch.device = device;
	err = mmiod_client_interrupt(context->client, device, MMIOD_IRQ_DEFAULT, vector, flags,
				     &watch.interrupt);
	if (err)
		return report_client(context, err);
	status = watch_all(&watch);
	if (mmiod_interrupt_release(watch.interrupt))
		mmiod_interrupt_free(watch.interrupt);
	return status;
}

static int verb_irq(struct context *context, int argc, char **argv)
{
	bool asks = options.count.is || options.timeout.is || options.lease.wait.is ||
		    options.oneshot || options.trigger;

	if (argc)
		return watch_vector(context, argv[0]);
	if (asks)
		return usage_error(context, "whose interrupt? Say DEVICE, or DEVICE:VECTOR");
	return list_vectors(context);
}

const struct verb irq_verb = {
	.name = "irq",
	.arguments = "[DEVICE[:VECTOR]]",
	.summary = "interrupts as they come, or which are leased",
	.group = GROUP_LIVE,
	.options = option_rows,
	.values = &options,
	.most = 1,
	.run = verb_irq,
	.columns = vector_columns,
	.column_count = &vector_column_count,
	.examples = { { "irq", "which are leased, and how often they came" },
		      { "irq nvme0:3", "vector 3, until interrupted" },
		      { "irq edu --count 3 --timeout 1s", "the next three, if they come" },
		      { "irq edu --trigger --count 1", "does it get here, without the device?" } },
	.more = "DEVICE is the name of a [device NAME] of the configuration; without VECTOR it is\n"
		"0. Each line has the time, the vector, how often it came since, and how often\n"
		"since the last line: interrupts that come close together are told as one. INTx\n"
		"is masked by each until it has been told; if the device still asks by then, it\n"
		"counts again. Exit status 7: it was taken, 8: none came in time.\n",
};
