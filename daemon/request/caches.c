// SPDX-License-Identifier: MIT
/*
 * Object caches, as clients tell of them: the daemon keeps the figures that each connection
 * published last, and shows them to those who may see its leases. It believes none of them; nothing
 * is decided by them.
 *
 * The caches of a connection end with it. Its number never changes, and numbers its caches, so that
 * a list that is read page by page has each of them once, however often they are published
 * meanwhile.
 */
#include <string.h>
#include "base/log.h"
#include "request/request.h"

#define PAGE_MAX MMIOD_BATCH_MAX
#define NUMBERS (2 * MMIOD_CACHES_MAX) /* of one connection */

struct published_caches {
	const struct connection *connection;
	uint64_t number;
	struct charge charge; /* of so many caches */
	struct mmiod_wire_cache *caches; /* owned */
	size_t count;
	UT_hash_handle hh;
};

static void published_caches_free(struct broker *broker, struct published_caches *published)
{
	HASH_DEL(broker->published.head, published);
	charge_release(&published->charge);
	free(published->caches);
	free(published);
}

static struct published_caches *published_caches_find(const struct broker *broker,
						      const struct connection *connection)
{
	struct published_caches *published;

	HASH_FIND_PTR(broker->published.head, &connection, published);
	return published;
}

static struct published_caches *published_caches_add(struct broker *broker,
						     const struct connection *connection)
{
	struct published_caches *published = calloc(1, sizeof(*published));

	if (!published)
		return NULL;
	published->connection = connection;
	HASH_ADD_PTR(broker->published.head, connection, published);
	if (!hash_added(published)) {
		free(published);
		return NULL;
	}
	published->number = ++broker->published.last;
	return published;
}

/* NULL: of all connections. */
void published_forget(struct broker *broker, const struct connection *connection)
{
	struct published_caches *published, *next;

	if (connection) {
		published = published_caches_find(broker, connection);
		if (published)
			published_caches_free(broker, published);
		return;
	}
	HASH_ITER(hh, broker->published.head, published, next) {
		published_caches_free(broker, published);
	}
}

/* ---- PUBLISH --------------------------------------------------------------------------------- */

static enum request_result refuse(struct call *call, enum mmiod_outcome outcome, size_t index,
				  const char *what)
{
	reply_error(call->reply, &call->request->head, outcome, "cache %zu: %s", index, what);
	return REQUEST_REPLY;
}

/* Returns the first cache that makes no sense, or the number of caches. */
static size_t copy_caches(const struct request *request, struct mmiod_wire_cache *caches,
			  const char **wrong)
{
	for (size_t i = 0; i < request->head.count; i++) {
		struct mmiod_wire_cache *cache = &caches[i];

		request_element(request, i, cache, sizeof(*cache));
		*wrong = NULL;
		if (!cache->name[0] || !wire_name_is_graphic(cache->name))
			*wrong = "its name is not one of 1 to 31 printable characters";
		else if (cache->active > cache->objects)
			*wrong = "it has more objects in use than objects";
		if (*wrong)
			return i;
		memset(cache->name + strlen(cache->name), 0, MMIOD_WIRE_NAME - strlen(cache->name));
	}
	return request->head.count;
}

/* The charge of `published` becomes that of `count` caches, or stays as it is. */
static int recharge(struct call *call, struct published_caches *published, size_t count)
{
	uint32_t limit = call->broker->config->limits.caches_per_user;
	const uint64_t payer = holder_payer(&call->connection->peer.holder);
	struct users *users = &call->connection->host->users;
	size_t before = published->count;
	int r;

	charge_release(&published->charge);
	r = charge_take_amount(&published->charge, users, payer, USER_CACHES, count, limit);
	if (r < 0)
		charge_take_amount(&published->charge, users, payer, USER_CACHES, before,
				   UINT64_MAX);
	return r;
}

/* Takes over the array if it succeeds. */
static int put_in_place(struct call *call, struct mmiod_wire_cache *caches, size_t count)
{
	struct published_caches *published = published_caches_find(call->broker, call->connection);
	int r;

	if (!published)
		published = published_caches_add(call->broker, call->connection);
	if (!published)
		return -ENOMEM;
	r = recharge(call, published, count);
	if (r == 0) {
		free(published->caches);
		published->caches = caches;
		published->count = count;
	}
	if (!published->count)
		published_caches_free(call->broker, published);
	return r;
}

static enum request_result refuse_place(struct call *call, int error)
{
	uid_t uid = call->connection->peer.subject.uid;

	if (error == -EDQUOT)
		call->connection->host->counters.quota_refusals[MMIOD_LIMIT_CACHES]++;
	if (error == -EUSERS)
		reply_error(call->reply, &call->request->head, MMIOD_E_QUOTA,
			    "all users together have as many caches published as \"caches\" in "
			    "[daemon] admits");
	else if (error == -EDQUOT)
		reply_error(call->reply, &call->request->head, MMIOD_E_QUOTA,
			    "uid %u would have more caches published than the %u that "
			    "caches-per-user in [daemon] admits",
			    uid, call->broker->config->limits.caches_per_user);
	else
		reply_error(call->reply, &call->request->head, MMIOD_E_RESOURCES,
			    "the daemon is out of memory");
	return REQUEST_REPLY;
}

enum request_result request_publish(struct call *call)
{
	const struct mmiod_msg *head = &call->request->head;
	_cleanup_(freep) struct mmiod_wire_cache *caches = NULL;
	const char *wrong;
	size_t i;
	int r;

	if (head->count > MMIOD_CACHES_MAX) {
		reply_error(call->reply, head, MMIOD_E_QUOTA,
			    "one connection publishes %u caches at most, not %u", MMIOD_CACHES_MAX,
			    head->count);
		return REQUEST_REPLY;
	}
	if (head->count == 0) {
		published_forget(call->broker, call->connection);
	} else {
		caches = calloc(head->count, sizeof(*caches));
		if (!caches)
			return refuse_place(call, -ENOMEM);
		i = copy_caches(call->request, caches, &wrong);
		if (i < head->count)
			return refuse(call, MMIOD_E_INVALID, i, wrong);
		r = put_in_place(call, caches, head->count);
		if (r < 0)
			return refuse_place(call, r);
		steal_pointer(caches);
	}
	reply_begin(call->reply, head, sizeof(*head), 0, 0);
	return REQUEST_REPLY;
}

/* ---- CACHES ---------------------------------------------------------------------------------- */

static void fill_published(const struct published_caches *published, size_t index,
			   struct mmiod_wire_published *out)
{
	const struct holder *holder = &published->connection->peer.holder;

	out->id = published->number * NUMBERS + index;
	out->uid = holder->uid;
	out->pid = holder->pid;
	memcpy(out->comm, holder->comm, sizeof(out->comm));
	out->cache = published->caches[index];
}

/*
 * Fills in caches with an id greater than the cursor, which is left at the last; true: there was no
 * room for more.
 */
static bool fill_page(struct call *call, const struct published_caches *published, uint64_t *cursor,
		      size_t *n)
{
	for (size_t i = 0; i < published->count; i++) {
		if (published->number * NUMBERS + i <= *cursor)
			continue;
		if (*n == PAGE_MAX)
			return true;
		fill_published(published, i, reply_element(call->reply, (*n)++));
		*cursor = published->number * NUMBERS + i;
	}
	return false;
}

enum request_result request_caches(struct call *call)
{
	uint64_t cursor = call->request->fixed.list.cursor;
	struct mmiod_msg_list_reply *reply;
	struct published_caches *published;
	bool all = call_may_inspect(call), more = false;
	size_t n = 0;

	reply = reply_begin(call->reply, &call->request->head, sizeof(*reply), PAGE_MAX,
			    sizeof(struct mmiod_wire_published));
	published = call->broker->published.head;
	for (; published && !more; published = published->hh.next)
		if (all || call_is_own(call, published->connection))
			more = fill_page(call, published, &cursor, &n);
	reply->cursor = cursor;
	if (more)
		reply->msg.flags |= MMIOD_MSG_MORE;
	reply_truncate(call->reply, n);
	return REQUEST_REPLY;
}
