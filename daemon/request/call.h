/* SPDX-License-Identifier: MIT */
/*
 * One request on its way through its handler. A handler builds its reply in the message that it is
 * given; its result says whether the reply goes out now or is owed.
 */
#ifndef MMIOD_DAEMON_REQUEST_CALL_H
#define MMIOD_DAEMON_REQUEST_CALL_H

#include "broker/broker.h"

enum request_result {
	REQUEST_REPLY, /* the message is complete */
	REQUEST_CLOSE, /* it is, and it is the last */
	REQUEST_DEFERRED, /* another message will follow in time */
};

struct call {
	struct broker *broker;
	struct connection *connection;
	const struct request *request;
	struct message *reply;
};

bool call_is_admin(const struct call *call);
bool call_holds(const struct call *call, const struct lease *lease);
bool client_may_end(const struct broker *broker, const struct connection *connection,
		    const struct lease *lease, uint32_t flags, const char **why);
bool call_is_own(const struct call *call, const struct connection *connection);
bool call_may_inspect(const struct call *call);
bool call_may_see_device(const struct call *call, const struct device *device, bool all);
bool call_may_see(const struct call *call, const struct region *region, bool all);

#endif
