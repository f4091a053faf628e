// SPDX-License-Identifier: MIT
/* PARK: the page on which a client parks leases that it may want again. */
#include <string.h>
#include "request/request.h"

enum request_result request_park(struct call *call)
{
	const struct mmiod_msg *head = &call->request->head;
	struct mmiod_msg_park_reply *out;
	int fd = -1, r = parked_open(call->broker, call->connection, &fd);

	if (r < 0) {
		reply_error(call->reply, head, MMIOD_E_RESOURCES,
			    "there is no page for parked leases: %s", strerror(-r));
		return REQUEST_REPLY;
	}
	out = reply_begin(call->reply, head, sizeof(*out), 0, 0);
	out->words = MMIOD_PARK_WORDS;
	reply_fd(call->reply, fd);
	return REQUEST_REPLY;
}
