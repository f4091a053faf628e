// SPDX-License-Identifier: MIT
/* RENEW: a holder whose time is nearly over asks for more of it. */
#include "request/request.h"

static enum mmiod_outcome renew(struct call *call, uint64_t id, struct lease **leasep,
				const char **why)
{
	struct lease *lease = lease_find(&call->broker->leases, id);
	uint64_t now = clock_boot_ms();

	if (!lease)
		return MMIOD_E_NOT_FOUND;
	if (!client_may_end(call->broker, call->connection, lease, call->request->fixed.end.flags,
			    why))
		return MMIOD_E_DENIED;
	*why = NULL;
	if (lease_is_over(lease)) {
		*why = "the lease is revoked";
		return MMIOD_E_GONE;
	}
	*leasep = lease;
	if (!lease->time_limit)
		return MMIOD_OK;
	if (!lease->time_limit->renew) {
		*why = "denied: the grant of the lease says \"renew = no\"";
		return MMIOD_E_DENIED;
	}
	lease_set_deadline(lease, now + lease->time_limit->lease_ms, now);
	return MMIOD_OK;
}

enum request_result request_renew(struct call *call)
{
	uint32_t count = call->request->head.count;

	reply_begin(call->reply, &call->request->head, sizeof(struct mmiod_msg), count,
		    sizeof(struct mmiod_wire_renewed));
	for (uint32_t i = 0; i < count; i++) {
		struct mmiod_wire_renewed *out = reply_element(call->reply, i);
		const char *why = NULL;
		struct lease *lease = NULL;

		request_element(call->request, i, &out->lease, sizeof(out->lease));
		out->status = renew(call, out->lease, &lease, &why);
		if (why)
			out->text = reply_text(call->reply, "%s", why);
		if (lease && lease->time_limit)
			out->lease_ms = lease->time_limit->lease_ms;
	}
	deadlines_arm(call->broker);
	return REQUEST_REPLY;
}
