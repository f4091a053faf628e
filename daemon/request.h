/* SPDX-License-Identifier: MIT */
/*
 * Requests: one handler per opcode. A handler builds its reply in the message it is given; what it
 * returns says whether the reply goes out now or is owed.
 */
#ifndef MMIOD_DAEMON_REQUEST_H
#define MMIOD_DAEMON_REQUEST_H

#include "daemon.h"

enum request_result {
	REQUEST_REPLY, /* the message is complete */
	REQUEST_CLOSE, /* it is, and it is the last */
	REQUEST_DEFERRED, /* another message will follow in time */
};

struct call {
	struct daemon *daemon;
	struct connection *connection;
	const struct request *request;
	struct message *reply;
};

void request_dispatch(struct connection *connection, const struct request *request);
enum request_result request_dispatch_again(struct connection *connection,
					   const struct request *request);

enum request_result request_hello(struct call *call);
enum request_result request_status(struct call *call);
enum request_result request_regions(struct call *call);
enum request_result request_leases(struct call *call);
enum request_result request_lease(struct call *call);
enum request_result request_cancel(struct call *call);
enum request_result request_alloc(struct call *call);
enum request_result request_pools(struct call *call);
enum request_result request_pool_map(struct call *call);
enum request_result request_buffer(struct call *call);
enum request_result request_publish(struct call *call);
enum request_result request_caches(struct call *call);
enum request_result request_counters(struct call *call);
enum request_result request_clients(struct call *call);
enum request_result request_translate(struct call *call);
enum request_result request_page(struct call *call);
enum request_result request_monitor(struct call *call);
enum request_result request_release(struct call *call);
enum request_result request_renew(struct call *call);
enum request_result request_explain(struct call *call);
enum request_result request_revoke(struct call *call);
enum request_result request_log(struct call *call);

bool call_is_admin(const struct call *call);
bool call_holds(const struct call *call, const struct lease *lease);
bool daemon_may_end(const struct daemon *daemon, const struct connection *connection,
		    const struct lease *lease, uint32_t flags, const char **why);
bool call_is_own(const struct call *call, const struct connection *connection);
bool call_may_inspect(const struct call *call);
bool call_may_see(const struct call *call, const struct region *region, bool all);

#endif
