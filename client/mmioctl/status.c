/* SPDX-License-Identifier: MIT */
/*
 * mmioctl status: what the daemon says of itself, and whom it takes us for.
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

static int print_json(const struct context *context, const struct mmiod_status *s, const char *user)
{
	json_t *daemon =
		json_pack("{s:s, s:I, s:I, s:s, s:s, s:I, s:I, s:I}", "version", s->version, "pid",
			  (json_int_t)s->daemon_pid, "started", (json_int_t)s->started, "socket",
			  socket_shown(context), "backend", backend_word(s->backend), "module_abi",
			  (json_int_t)s->module_abi, "protocol", (json_int_t)s->protocol,
			  "page_size", (json_int_t)s->page_size);
	json_t *you = json_pack("{s:I, s:s, s:b}", "uid", (json_int_t)s->uid, "user", user, "admin",
				s->admin);

	return json_output(
		json_pack("{s:i, s:o, s:I, s:I, s:I, s:I, s:o, s:s}", "schema", JSON_SCHEMA,
			  "daemon", daemon, "regions", (json_int_t)s->regions, "regions_missing",
			  (json_int_t)s->regions_missing, "clients", (json_int_t)s->clients,
			  "leases", (json_int_t)s->leases, "you", you, "warning", s->warning));
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
	printf("regions %u (%u missing), clients %u, leases %u\n", s->regions, s->regions_missing,
	       s->clients, s->leases);
	printf("you are uid %u (%s)%s\n", s->uid, user, s->admin ? ", an administrator" : "");
	if (s->warning[0])
		printf("warning: %s\n", s->warning);
}

static int verb_status(struct context *context, int argc, char **argv)
{
	struct mmiod_status status;
	char user[64];
	int err;

	err = client_open(context);
	if (err)
		return err;
	err = mmiod_client_status(context->client, &status);
	if (err)
		return report_client(context, err);
	user_name(status.uid, user, sizeof(user));
	if (context->json)
		return print_json(context, &status, user);
	print_text(context, &status, user);
	return STATUS_OK;
}

const struct verb status_verb = {
	.name = "status",
	.arguments = "",
	.summary = "what the daemon says of itself",
	.group = GROUP_SEE,
	.run = verb_status,
	.examples = { { "status", "is there a daemon, and whom does it take me for?" } },
};
