/* SPDX-License-Identifier: MIT */
/*
 * mmioctl status: what the daemon says of itself, whom it takes us for, and which limits there are.
 */
#include "verb.h"

#include <stdlib.h>
#include <time.h>

static const char *socket_shown(const struct context *context)
{
	const char *path = context->socket ? context->socket : getenv("MMIOD_SOCKET");

	return path && path[0] ? path : "/run/mmiod/mmiod.sock";
}

static const char *backend_word(enum mmiod_backend backend)
{
	return backend == MMIOD_BACKEND_MODULE ? "module" : "simulation";
}

/* ---- limits, and how much of them is used: what an older daemon does not tell is not shown --- */

static const struct {
	enum mmiod_limit limit;
	const char *key; /* of the configuration */
	const char *word;
	bool bytes;
	bool used; /* is an amount that a user has */
} limits[] = {
	{ MMIOD_LIMIT_CONNECTIONS, "connections-per-user", "connections", false, true },
	{ MMIOD_LIMIT_CONNECTION_RATE, "connection-rate-per-user", "connections a second" },
	{ MMIOD_LIMIT_LEASES, "leases-per-user", "leases", false, true },
	{ MMIOD_LIMIT_BYTES, "bytes-per-user", "allocated", true, true },
	{ MMIOD_LIMIT_UNREAD_REPLIES, "unread-replies-per-user", "unread replies", false, true },
	{ MMIOD_LIMIT_UNREAD_DESCRIPTORS, "unread-descriptors-per-user", "unread descriptors",
	  false, true },
	{ MMIOD_LIMIT_CACHES, "caches-per-user", "caches", false, true },
	{ MMIOD_LIMIT_WAITING, "waiting-per-user", "waiting requests", false, true },
	{ MMIOD_LIMIT_INTERRUPTS, "interrupts-per-user", "interrupts", false, true },
	{ MMIOD_LIMIT_DEVICES, "devices-per-user", "device files", false, true },
	{ MMIOD_LIMIT_EXTENTS, "extents-per-user", "extents", false, true },
};
#define LIMITS (sizeof(limits) / sizeof(limits[0]))

/* False: there is no such counter. */
static bool find_counter(const struct mmiod_counter_list *list, uint32_t kind, uint32_t detail,
			 uint64_t *value)
{
	for (size_t i = 0; list && i < mmiod_counter_list_count(list); i++) {
		const struct mmiod_counter *counter = mmiod_counter_list_get(list, i);

		if (mmiod_counter_kind(counter) != kind || mmiod_counter_detail(counter) != detail)
			continue;
		*value = mmiod_counter_value(counter);
		return true;
	}
	return false;
}

static void print_amount(size_t index, uint64_t value, const char *before)
{
	char size[32];

	if (!limits[index].bytes) {
		printf("%s%llu %s", before, (unsigned long long)value, limits[index].word);
		return;
	}
	size_words(value, size, sizeof(size));
	printf("%s%s %s", before, size, limits[index].word);
}

static void print_limits(const struct mmiod_counter_list *list)
{
	const char *before = "limits per user: ";
	uint64_t value;

	for (size_t i = 0; i < LIMITS; i++) {
		if (!find_counter(list, MMIOD_COUNTER_LIMIT, limits[i].limit, &value))
			continue;
		print_amount(i, value, before);
		before = ", ";
	}
	if (before[0] == ',')
		putchar('\n');
}

static void print_user(const struct mmiod_counter_list *list, uint32_t uid)
{
	const char *before = ": ";
	char name[64];
	uint64_t value;

	user_name(uid, name, sizeof(name));
	printf("user %s (uid %u)", name, uid);
	for (size_t i = 0; i < LIMITS; i++) {
		if (!limits[i].used ||
		    !find_counter(list, MMIOD_COUNTER_USER + limits[i].limit, uid, &value) ||
		    !value)
			continue;
		print_amount(i, value, before);
		before = ", ";
	}
	putchar('\n');
}

/* Each user is told of with several counters, of which the first is always there. */
static bool is_user(const struct mmiod_counter *counter)
{
	return mmiod_counter_kind(counter) == MMIOD_COUNTER_USER + MMIOD_LIMIT_CONNECTIONS;
}

static void print_users(const struct mmiod_counter_list *list)
{
	for (size_t i = 0; list && i < mmiod_counter_list_count(list); i++) {
		const struct mmiod_counter *counter = mmiod_counter_list_get(list, i);

		if (is_user(counter))
			print_user(list, mmiod_counter_detail(counter));
	}
}

static json_t *json_limits(const struct mmiod_counter_list *list)
{
	json_t *object = json_object();
	uint64_t value;

	for (size_t i = 0; i < LIMITS; i++)
		if (find_counter(list, MMIOD_COUNTER_LIMIT, limits[i].limit, &value))
			json_object_set_new(object, limits[i].key, json_number(value));
	return object;
}

static json_t *json_user(const struct mmiod_counter_list *list, uint32_t uid)
{
	json_t *object = json_pack("{s:I}", "uid", (json_int_t)uid);
	uint64_t value;

	for (size_t i = 0; i < LIMITS; i++)
		if (limits[i].used &&
		    find_counter(list, MMIOD_COUNTER_USER + limits[i].limit, uid, &value))
			json_object_set_new(object, limits[i].bytes ? "bytes" : limits[i].word,
					    json_number(value));
	return object;
}

static json_t *json_users(const struct mmiod_counter_list *list)
{
	json_t *array = json_array();

	for (size_t i = 0; list && i < mmiod_counter_list_count(list); i++) {
		const struct mmiod_counter *counter = mmiod_counter_list_get(list, i);

		if (is_user(counter))
			json_array_append_new(array,
					      json_user(list, mmiod_counter_detail(counter)));
	}
	return array;
}

/* ---- all of it ---- */

static int print_json(const struct context *context, const struct mmiod_status *s, const char *user,
		      const struct mmiod_counter_list *list)
{
	json_t *daemon =
		json_pack("{s:s, s:I, s:I, s:s, s:s, s:I, s:I, s:I}", "version", s->version, "pid",
			  (json_int_t)s->daemon_pid, "started", (json_int_t)s->started, "socket",
			  socket_shown(context), "backend", backend_word(s->backend), "module_abi",
			  (json_int_t)s->module_abi, "protocol", (json_int_t)s->protocol,
			  "page_size", (json_int_t)s->page_size);
	json_t *you = json_pack("{s:I, s:s, s:b}", "uid", (json_int_t)s->uid, "user", user, "admin",
				s->admin);

	return json_output(json_pack(
		"{s:i, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:s, s:o, s:o}", "schema",
		JSON_SCHEMA, "daemon", daemon, "regions", (json_int_t)s->regions, "regions_missing",
		(json_int_t)s->regions_missing, "regions_stale", (json_int_t)s->regions_stale,
		"clients", (json_int_t)s->clients, "leases", (json_int_t)s->leases, "leases_ending",
		(json_int_t)s->leases_ending, "you", you, "warning", s->warning, "limits",
		json_limits(list), "users", json_users(list)));
}

static void print_text(const struct context *context, const struct mmiod_status *s,
		       const char *user)
{
	time_t now = time(NULL);
	char since[32], age[32];

	time_words(s->started, since, sizeof(since));
	age_words((uint64_t)now > s->started ? (uint64_t)now - s->started : 0, age, sizeof(age));
	printf("mmiod %s, pid %u, running since %s (%s), socket %s\n", s->version, s->daemon_pid,
	       since, age, socket_shown(context));
	if (s->backend == MMIOD_BACKEND_MODULE)
		printf("backend module (abi %u)", s->module_abi);
	else
		printf("backend simulation");
	printf(", protocol %u, page size %llu\n", s->protocol, (unsigned long long)s->page_size);
	printf("regions %u (%u missing", s->regions, s->regions_missing);
	if (s->regions_stale)
		printf(", %u stale", s->regions_stale);
	printf("), clients %u, leases %u", s->clients, s->leases);
	if (s->leases_ending)
		printf(" (%u ending)", s->leases_ending);
	putchar('\n');
	printf("you are uid %u (%s)%s\n", s->uid, user, s->admin ? ", an administrator" : "");
	if (s->warning[0])
		printf("warning: %s\n", s->warning);
}

static int verb_status(struct context *context, int argc, char **argv)
{
	struct mmiod_counter_list *list = NULL;
	struct mmiod_status status;
	int err, result = STATUS_OK;
	char user[64];

	err = client_open(context);
	if (err)
		return err;
	err = mmiod_client_status(context->client, &status);
	if (err)
		return report_client(context, err);
	if (mmiod_client_list_counters(context->client, &list))
		list = NULL;
	user_name(status.uid, user, sizeof(user));
	if (context->json)
		result = print_json(context, &status, user, list);
	else
		print_text(context, &status, user);
	if (!context->json) {
		print_limits(list);
		if (status.admin)
			print_users(list);
	}
	mmiod_counter_list_free(list);
	return result;
}

const struct verb status_verb = {
	.name = "status",
	.arguments = "",
	.summary = "what the daemon says of itself",
	.group = GROUP_SEE,
	.run = verb_status,
	.examples = { { "status", "is there a daemon, and whom does it take me for?" } },
};
