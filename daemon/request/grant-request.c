// SPDX-License-Identifier: MIT
/*
 * GRANT: an administrator gives a user regions while the daemon runs; and GRANTS, the list of what
 * was given so. What a file could not say cannot be given either. UNGRANT is an end of leases: see
 * end.c.
 *
 * The same again is no error, so that whoever gives and ends grants by a script may do both twice.
 */
#include <inttypes.h>
#include <string.h>
#include <common/escape.h>
#include <common/word.h>
#include "base/log.h"
#include "config/value.h"
#include "request/pager.h"
#include "request/request.h"

#define LAST_MIN_MS 100u
#define LAST_MAX_MS (366ull * 24 * 3600 * 1000)

/* ---- GRANT ----------------------------------------------------------------------------------- */

/* A refusal; MMIOD_OK: none yet. */
struct refusal {
	enum mmiod_outcome outcome;
	struct text text;
	char buffer[TEXT_MAX];
};

static bool refuse(struct refusal *refusal, enum mmiod_outcome outcome, const char *format, ...)
	_printf_(3, 4);

static bool refuse(struct refusal *refusal, enum mmiod_outcome outcome, const char *format, ...)
{
	va_list arguments;

	refusal->outcome = outcome;
	va_start(arguments, format);
	vsnprintf(refusal->buffer, sizeof(refusal->buffer), format, arguments);
	va_end(arguments);
	return false;
}

static bool may_give(struct call *call, struct refusal *refusal)
{
	if (!call_is_admin(call))
		return refuse(refusal, MMIOD_E_DENIED,
			      "denied: only root and those that an [admin] section names may give "
			      "grants");
	if (call->broker->config->limits.no_runtime_grants)
		return refuse(refusal, MMIOD_E_DENIED,
			      "denied: \"runtime-grants = no\" in [daemon] forbids grants beside "
			      "those of the files: write a [grant NAME] section and reload");
	return true;
}

static bool is_name(const char name[MMIOD_WIRE_NAME], struct refusal *refusal)
{
	char escaped[4 * MMIOD_WIRE_NAME];

	if (memchr(name, '\0', MMIOD_WIRE_NAME) && value_is_name(name))
		return true;
	common_escape(escaped, sizeof(escaped), name, MMIOD_WIRE_NAME);
	return refuse(refusal, MMIOD_E_INVALID,
		      "\"%s\" is not a name: use 1 to 31 of A-Z a-z 0-9 . _ -", escaped);
}

/* The name of a lease's grant is in the ledger as its key, so no two may have one. */
static bool is_free(struct call *call, const char *name, struct refusal *refusal)
{
	const struct config *config = call->broker->config;
	const struct config_grant *same = config_find_grant_name(config, name);

	if (same)
		return refuse(refusal, MMIOD_E_EXISTS,
			      "[grant %s] is in the configuration, at %s:%u: choose another name",
			      name, same->origin.file, same->origin.line);
	same = config_find_grant(config, config_key_of(name));
	if (same && strcmp(same->name, name))
		return refuse(refusal, MMIOD_E_EXISTS,
			      "the name \"%s\" looks like that of grant %s to the ledger: choose "
			      "another one",
			      name, same->name);
	return true;
}

static bool check_terms(const struct mmiod_msg_grant *asked, struct refusal *refusal)
{
	bool writes = asked->rights & MMIOD_RIGHT_WRITE;

	if (!(asked->rights & MMIOD_RIGHT_READ) ||
	    asked->rights & ~(MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE))
		return refuse(refusal, MMIOD_E_INVALID,
			      "rights 0x%x: a grant gives reading, or reading and writing",
			      asked->rights);
	if (asked->share > MMIOD_SHARE_GUEST)
		return refuse(refusal, MMIOD_E_UNSUPPORTED, "unknown share mode %u", asked->share);
	if (asked->share == MMIOD_SHARE_GUEST && writes)
		return refuse(refusal, MMIOD_E_INVALID,
			      "a guest only reads: give \"access r\", or another \"share\"");
	if (asked->last_ms && (asked->last_ms < LAST_MIN_MS || asked->last_ms > LAST_MAX_MS))
		return refuse(refusal, MMIOD_E_INVALID,
			      "a grant for %" PRIu64 " ms: from 100 ms to 366 days, or 0 for no "
			      "limit",
			      (uint64_t)asked->last_ms);
	return true;
}

static bool check_tenant(struct call *call, const struct mmiod_msg_grant *asked,
			 struct refusal *refusal)
{
	char escaped[4 * MMIOD_WIRE_NAME];

	common_escape(escaped, sizeof(escaped), asked->tenant, sizeof(asked->tenant));
	if (asked->uid)
		return refuse(refusal, MMIOD_E_INVALID,
			      "a grant is for tenant \"%s\" or for uid %u, not for both", escaped,
			      asked->uid);
	if (memchr(asked->tenant, '\0', sizeof(asked->tenant)) &&
	    config_find_socket(call->broker->config, config_key_of(asked->tenant)))
		return true;
	return refuse(refusal, MMIOD_E_NOT_FOUND,
		      "there is no tenant \"%s\": the configuration has no [socket %s]", escaped,
		      escaped);
}

static bool check_holder(struct call *call, const struct mmiod_msg_grant *asked,
			 struct refusal *refusal)
{
	if (asked->tenant[0])
		return check_tenant(call, asked, refusal);
	if (asked->uid != UINT32_MAX && peer_is_known(asked->uid))
		return true;
	return refuse(refusal, MMIOD_E_INVALID,
		      "uid %u is what users of other user namespaces look like: nobody is known by "
		      "it",
		      asked->uid);
}

/* One that matches nothing is a typing error: the regions are there before anybody is given them. */
static bool check_pattern(struct call *call, const char pattern[MMIOD_WIRE_PATTERN],
			  struct refusal *refusal)
{
	const struct config *config = call->broker->config;
	char escaped[4 * MMIOD_WIRE_PATTERN];
	struct config_match match;

	common_escape(escaped, sizeof(escaped), pattern, MMIOD_WIRE_PATTERN);
	if (!memchr(pattern, '\0', MMIOD_WIRE_PATTERN) || !runtime_is_pattern(pattern))
		return refuse(refusal, MMIOD_E_INVALID,
			      "\"%s\" is neither a region's name nor a pattern with * ? [ ]",
			      escaped);
	match = config_match(config, pattern);
	if (config_match_next(&match))
		return true;
	return refuse(refusal, MMIOD_E_NOT_FOUND,
		      config_is_glob(pattern) ? "no region matches \"%s\""
					      : "there is no region \"%s\"",
		      escaped);
}

static bool take_regions(struct call *call, struct runtime_grant *runtime, struct refusal *refusal)
{
	for (size_t i = 0; i < call->request->head.count; i++) {
		struct mmiod_wire_pattern wire;

		request_element(call->request, i, &wire, sizeof(wire));
		if (!check_pattern(call, wire.region, refusal))
			return false;
		if (runtime_grant_add_region(runtime, wire.region) < 0)
			return refuse(refusal, MMIOD_E_RESOURCES, "the daemon is out of memory");
	}
	return true;
}

/* As settled for grants of the files: who only reads keeps nobody out. */
static enum mmiod_share share_of(const struct mmiod_msg_grant *asked)
{
	if (asked->share != MMIOD_SHARE_DEFAULT)
		return (enum mmiod_share)asked->share;
	return asked->rights & MMIOD_RIGHT_WRITE ? MMIOD_SHARE_EXCLUSIVE : MMIOD_SHARE_GUEST;
}

static int set_holder(struct call *call, struct runtime_grant *runtime)
{
	const struct mmiod_msg_grant *asked = &call->request->fixed.grant;
	char name[USER_NAME_MAX];

	if (asked->tenant[0])
		return runtime_grant_set_tenant(runtime, asked->tenant);
	return runtime_grant_set_user(
		runtime, asked->uid,
		holder_user_name(call->broker, asked->uid, name, sizeof(name)));
}

static struct runtime_grant *make(struct call *call, struct refusal *refusal)
{
	const struct mmiod_msg_grant *asked = &call->request->fixed.grant;
	struct runtime_grant *runtime = runtime_grant_new(asked->name);

	if (!runtime || set_holder(call, runtime) < 0) {
		refuse(refusal, MMIOD_E_RESOURCES, "the daemon is out of memory");
		runtime_grant_freep(&runtime);
		return NULL;
	}
	runtime->grant.rights = asked->rights;
	runtime->grant.share = share_of(asked);
	runtime->last_ms = asked->last_ms;
	runtime->until_ms = asked->last_ms ? clock_boot_ms() + asked->last_ms : 0;
	runtime->by = call->connection->peer.holder.uid;
	return runtime;
}

static void tell(struct call *call, const struct runtime_grant *runtime)
{
	const struct log_fields fields = { .message_id = LOG_ID_CONFIG,
					   .holder = &call->connection->peer.holder,
					   .rule = runtime->grant.name };

	log_line(LOG_NOTICE, &fields, "uid %u gives grant %s to %s %s: %s, %s, of %s%s",
		 runtime->by, runtime->grant.name,
		 runtime->party == CONFIG_PARTY_TENANT ? "tenant" : "user", runtime->whom,
		 runtime->grant.rights & MMIOD_RIGHT_WRITE ? "rw" : "r",
		 share_name(runtime->grant.share), runtime->grant.regions.items[0],
		 runtime->grant.regions.count > 1 ? " and others" : "");
}

/* Takes the grant over. */
static bool give(struct call *call, struct runtime_grant *made, struct refusal *refusal)
{
	_cleanup_(runtime_grant_freep) struct runtime_grant *runtime = made;
	struct broker *broker = call->broker;
	struct runtime_grant *same = runtime_find(&broker->granting.grants, made->grant.name);
	int r;

	if (same && !runtime_grant_equals(same, runtime))
		return refuse(refusal, MMIOD_E_EXISTS,
			      "there is a grant %s already, and it is another: \"mmioctl ungrant "
			      "%s\" ends it",
			      same->grant.name, same->grant.name);
	if (!same && broker->granting.grants.count >= RUNTIME_GRANTS_MAX)
		return refuse(refusal, MMIOD_E_QUOTA,
			      "%u grants are given beside those of the files, and there may be no "
			      "more: \"mmioctl ungrant\" ends one",
			      RUNTIME_GRANTS_MAX);
	r = same ? granting_begin_anew(broker, same, runtime->until_ms)
		 : granting_add(broker, runtime);
	if (r < 0)
		return refuse(refusal, MMIOD_E_RESOURCES,
			      "the grant cannot be noted in %s, so another daemon would not know "
			      "it: %s",
			      broker->state, strerror(-r));
	if (!same)
		tell(call, steal_pointer(runtime));
	return true;
}

static bool try(struct call *call, struct refusal *refusal)
{
	const struct mmiod_msg_grant *asked = &call->request->fixed.grant;
	struct runtime_grant *runtime;

	if (!may_give(call, refusal) || !is_name(asked->name, refusal) ||
	    !is_free(call, asked->name, refusal) || !check_terms(asked, refusal) ||
	    !check_holder(call, asked, refusal))
		return false;
	runtime = make(call, refusal);
	if (!runtime)
		return false;
	if (take_regions(call, runtime, refusal))
		return give(call, runtime, refusal);
	runtime_grant_free(runtime);
	return false;
}

enum request_result request_grant(struct call *call)
{
	struct refusal refusal = { .outcome = MMIOD_OK };

	if (try(call, &refusal))
		reply_begin(call->reply, &call->request->head, sizeof(struct mmiod_msg), 0, 0);
	else
		reply_error(call->reply, &call->request->head, refusal.outcome, "%s",
			    refusal.buffer);
	return REQUEST_REPLY;
}

/* ---- GRANTS ---------------------------------------------------------------------------------- */

static const void *next_grant(const struct call *call, uint64_t cursor, bool all)
{
	return runtime_after(&call->broker->granting.grants, cursor);
}

static uint64_t grant_id(const void *item)
{
	const struct runtime_grant *runtime = item;

	return runtime->id;
}

static bool shows_grant(const struct call *call, const void *item, bool all)
{
	const struct runtime_grant *runtime = item;
	const struct subject *subject = &call->connection->peer.subject;

	if (all || !subject->known)
		return all;
	return subject->tenant
		       ? runtime->party == CONFIG_PARTY_TENANT && runtime->holder == subject->tenant
		       : runtime->party == CONFIG_PARTY_USER && runtime->holder == subject->uid;
}

static uint32_t count_leases(const struct call *call, const struct runtime_grant *runtime)
{
	const struct users *users = &call->connection->host->users;
	const struct account *account = account_find(
		&call->broker->leases, users_owner(users, runtime->holder), runtime->grant.key);

	return account ? account->leases - account->waiting : 0;
}

static void fill_grant(const struct call *call, const void *item, void *element, bool all)
{
	const struct runtime_grant *runtime = item;
	struct mmiod_wire_runtime_grant *out = element;
	uint64_t now = clock_boot_ms();

	out->id = runtime->id;
	snprintf(out->name, sizeof(out->name), "%s", runtime->grant.name);
	if (runtime->party == CONFIG_PARTY_TENANT)
		snprintf(out->tenant, sizeof(out->tenant), "%s", runtime->whom);
	else
		out->uid = runtime->holder;
	out->rights = runtime->grant.rights;
	out->share = runtime->grant.share;
	out->by = runtime->by;
	if (runtime->until_ms)
		out->left_ms = runtime->until_ms > now ? runtime->until_ms - now : 1;
	out->last_ms = runtime->last_ms;
	out->leases = count_leases(call, runtime);
}

static void add_regions(struct call *call, const void *item, void *element, const void *before)
{
	const struct config_names *regions = &((const struct runtime_grant *)item)->grant.regions;
	struct mmiod_wire_runtime_grant *out = element;
	char buffer[MMIOD_GRANT_PATTERNS_MAX * MMIOD_WIRE_PATTERN];
	struct text text = TEXT_ON(buffer);

	text_reset(&text);
	for (size_t i = 0; i < regions->count; i++)
		text_add(&text, i ? " %s" : "%s", regions->items[i]);
	out->regions = reply_text(call->reply, "%s", buffer);
}

enum request_result request_grants(struct call *call)
{
	static const struct pager pager = {
		.stride = sizeof(struct mmiod_wire_runtime_grant),
		.work = 1,
		.next = next_grant,
		.id = grant_id,
		.shows = shows_grant,
		.fill = fill_grant,
		.text = add_regions,
	};

	return pager_reply(call, &pager);
}
