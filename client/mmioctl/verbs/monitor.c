/* SPDX-License-Identifier: MIT */
/*
 * mmioctl monitor: what happens to anybody's leases, one line each, as it happens.
 */
#include "verb.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>

static struct monitor_options {
	struct given count;
} options;

static const struct verb_option option_rows[] = {
	COUNT_OPTION(struct monitor_options, count),
	{ 0 },
};

static const char *notice_word(enum mmiod_notice_type type)
{
	switch (type) {
	case MMIOD_NOTICE_GRANTED:
		return "granted";
	case MMIOD_NOTICE_DENIED:
		return "denied";
	case MMIOD_NOTICE_REVOKED:
		return "revoked";
	case MMIOD_NOTICE_SUSPENDED:
		return "suspended";
	case MMIOD_NOTICE_RESUMED:
		return "resumed";
	case MMIOD_NOTICE_RELEASED:
		return "released";
	case MMIOD_NOTICE_GONE:
		return "gone";
	case MMIOD_NOTICE_BACK:
		return "back";
	case MMIOD_NOTICE_STORM:
		return "storm";
	case MMIOD_NOTICE_RESET:
		return "reset";
	case MMIOD_NOTICE_MASTER:
		return "master";
	case MMIOD_NOTICE_LOST:
		return "lost";
	default:
		return "other";
	}
}

static void clock_words(uint64_t us, char *out, size_t size)
{
	time_t seconds = (time_t)(us / 1000000);
	char text[16] = "-";
	struct tm tm;

	if (localtime_r(&seconds, &tm))
		strftime(text, sizeof(text), "%H:%M:%S", &tm);
	snprintf(out, size, "%s.%03u", text, (unsigned int)(us / 1000 % 1000));
}

/* ---- text ---- */

static void print_object(const struct mmiod_notice *notice)
{
	enum mmiod_memory memory = mmiod_notice_memory(notice);
	const char *region = mmiod_notice_region(notice);
	uint64_t length = mmiod_notice_length(notice);

	if (mmiod_notice_lease(notice))
		printf(" lease %llu", (unsigned long long)mmiod_notice_lease(notice));
	if (memory != MMIOD_MEMORY_REGION)
		printf(" %s", memory_word(memory));
	if (region[0])
		printf(" %s", region);
	if (mmiod_notice_uid(notice) == UINT32_MAX)
		return;
	if (mmiod_notice_kind(notice) == MMIOD_KIND_INTERRUPT) {
		printf(":%llu", (unsigned long long)mmiod_notice_offset(notice));
		return;
	}
	if (mmiod_notice_kind(notice) == MMIOD_KIND_DEVICE)
		return;
	if (mmiod_notice_offset(notice) == UINT64_MAX)
		printf(" in several extents, ");
	else
		printf("+0x%llx", (unsigned long long)mmiod_notice_offset(notice));
	if (length)
		printf("/0x%llx", (unsigned long long)length);
	printf(" %s", rights_word(mmiod_notice_rights(notice)));
	if (mmiod_notice_memtype(notice))
		printf(" %s", memtype_word(mmiod_notice_memtype(notice)));
}

static void print_text(const struct context *context, const struct mmiod_notice *notice)
{
	enum mmiod_notice_type type = mmiod_notice_type(notice);
	bool bad = type == MMIOD_NOTICE_DENIED || type == MMIOD_NOTICE_STORM ||
		   type == MMIOD_NOTICE_REVOKED || type == MMIOD_NOTICE_GONE ||
		   type == MMIOD_NOTICE_LOST;
	char when[32], user[64];

	clock_words(mmiod_notice_time(notice), when, sizeof(when));
	printf("%s  %s%-9s%s", when, bad ? paint(context, PAINT_BAD) : "", notice_word(type),
	       bad ? paint(context, PAINT_NONE) : "");
	if (type == MMIOD_NOTICE_LOST)
		printf(" %llu notices", (unsigned long long)mmiod_notice_lost(notice));
	else
		print_object(notice);
	if (mmiod_notice_uid(notice) != UINT32_MAX) {
		user_name(mmiod_notice_uid(notice), user, sizeof(user));
		printf("  %s %u %s", user, mmiod_notice_pid(notice), mmiod_notice_comm(notice));
	}
	if (mmiod_notice_text(notice)[0])
		printf("  %s", mmiod_notice_text(notice));
	putchar('\n');
}

/* ---- JSON ---- */

static json_t *json_lease(const struct mmiod_notice *notice)
{
	const char *region = mmiod_notice_region(notice);
	uint64_t lease = mmiod_notice_lease(notice);
	enum mmiod_memtype memtype = mmiod_notice_memtype(notice);

	return json_pack("{s:o, s:s, s:s?, s:o, s:o, s:s, s:s?}", "lease",
			 lease ? json_number(lease) : json_null(), "kind",
			 lease_kind_word(mmiod_notice_kind(notice), mmiod_notice_memory(notice)),
			 "region", region[0] ? region : NULL, "offset",
			 json_place(mmiod_notice_offset(notice)), "length",
			 json_number(mmiod_notice_length(notice)), "rights",
			 rights_word(mmiod_notice_rights(notice)), "cache",
			 memtype ? memtype_word(memtype) : NULL);
}

static json_t *json_who(const struct mmiod_notice *notice)
{
	uint32_t uid = mmiod_notice_uid(notice);
	char user[64];

	if (uid == UINT32_MAX)
		return json_null();
	user_name(uid, user, sizeof(user));
	return json_pack("{s:I, s:s, s:I, s:s}", "uid", (json_int_t)uid, "user", user, "pid",
			 (json_int_t)mmiod_notice_pid(notice), "command",
			 mmiod_notice_comm(notice));
}

static int print_json(const struct mmiod_notice *notice)
{
	enum mmiod_notice_type type = mmiod_notice_type(notice);
	json_t *root =
		json_pack("{s:i, s:s, s:o, s:s}", "schema", JSON_SCHEMA, "event", notice_word(type),
			  "time_us", json_number(mmiod_notice_time(notice)), "text",
			  mmiod_notice_text(notice));

	if (type == MMIOD_NOTICE_LOST)
		json_object_set_new(root, "lost", json_number(mmiod_notice_lost(notice)));
	else
		json_object_update_new(root, json_pack("{s:o, s:o}", "object", json_lease(notice),
						       "who", json_who(notice)));
	return json_line(root);
}

/* ---- the verb ---- */

static int print_notice(const struct context *context, const struct mmiod_notice *notice)
{
	if (context->json)
		return print_json(notice);
	print_text(context, notice);
	return 0;
}

/* Takes what there is. 1: the end, by count or by a reader that went away. */
static int take_notices(struct context *context, uint64_t *told, int *status)
{
	struct mmiod_notice *notice;
	struct mmiod_event event;
	int n;

	while ((n = mmiod_client_next_notice(context->client, &notice)) == 1) {
		*status = print_notice(context, notice);
		mmiod_notice_free(notice);
		if (*status || (options.count.is && ++*told >= options.count.value))
			return 1;
	}
	/* Of leases that we do not have; but the end of the connection may be told here. */
	while (!n && (n = mmiod_client_next_event(context->client, &event)) == 1)
		n = 0;
	if (n < 0)
		*status = report_client(context, n);
	return n < 0 || output_flush();
}

static int watch(struct context *context)
{
	struct pollfd files[] = {
		{ .fd = mmiod_client_event_fd(context->client), .events = POLLIN },
		{ .fd = fileno(stdout) }, /* POLLERR: nobody reads any more */
	};
	int status = STATUS_OK;
	uint64_t told = 0;

	for (;;) {
		if (take_notices(context, &told, &status))
			return status;
		if (poll(files, 2, -1) < 0 && errno != EINTR)
			return report(context, -errno, "poll: %s", strerror(errno));
		if (files[1].revents & POLLERR)
			return STATUS_OK;
	}
}

static int verb_monitor(struct context *context, int argc, char **argv)
{
	int status, err;

	if (options.count.is && !options.count.value)
		return usage_error(context, "to wait for no event is to do nothing");
	status = client_open(context);
	if (status)
		return status;
	err = mmiod_client_monitor(context->client, 1);
	return err ? report_client(context, err) : watch(context);
}

const struct verb monitor_verb = {
	.name = "monitor",
	.arguments = "",
	.summary = "what happens to leases, as it happens",
	.group = GROUP_LIVE,
	.endless = true,
	.options = option_rows,
	.values = &options,
	.run = verb_monitor,
	.examples = { { "monitor", "granted, denied, revoked, suspended, released, gone, back" },
		      { "monitor --json", "one object a line" },
		      { "monitor --count 1", "until something happens" } },
	.more = "For administrators and those that an [inspect] section names. Who reads too\n"
		"slowly is told how many notices were lost. It ends with the daemon (exit\n"
		"status 6).",
};
