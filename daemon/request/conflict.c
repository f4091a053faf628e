// SPDX-License-Identifier: MIT
/*
 * EXPLAIN of an operation in hand: whose lease it is that keeps it from what the module refused. The
 * module, whom the client asks without the daemon, knows leases by their numbers alone.
 *
 * Only who operates a device is told, and only of leases of that device, as is who asks to operate
 * it.
 */
#include <inttypes.h>
#include <string.h>
#include "request/request.h"
#include "request/want.h"

/* The function that a lease is of: "" where it is of none. */
static const char *device_of_lease(const struct call *call, const struct lease *lease)
{
	const struct lease *operation =
		lease->device_lease ? lease_find(&call->broker->leases, lease->device_lease) : NULL;

	if (lease->memory != MMIOD_MEMORY_REGION)
		return operation ? operation->region->hw.device : "";
	return lease->region->hw.device;
}

static void add_lease(struct text *text, const struct lease *lease)
{
	bool operates = lease->kind == MMIOD_KIND_DEVICE;

	if (lease->memory != MMIOD_MEMORY_REGION)
		text_add(text, "memory for the device");
	else
		describe_place(lease->kind, lease->region->name, lease->offset, lease->length,
			       text);
	text_add(text, operates ? " is operated by " : " is held by ");
}

static enum request_result answer(struct call *call, const struct lease *other)
{
	struct mmiod_msg_explain_reply *reply;
	char buffer[TEXT_MAX];
	struct text text = TEXT_ON(buffer);

	text_reset(&text);
	add_lease(&text, other);
	holder_describe(call->broker, other, &text);
	reply = reply_begin(call->reply, &call->request->head, sizeof(*reply), 0, 0);
	reply->outcome = MMIOD_E_BUSY;
	reply->text = reply_text(call->reply, "%s", buffer);
	return REQUEST_REPLY;
}

static enum request_result refuse(struct call *call, enum mmiod_outcome outcome, const char *reason,
				  uint64_t lease)
{
	reply_error(call->reply, &call->request->head, outcome, "lease %" PRIu64 " %s", lease,
		    reason);
	return REQUEST_REPLY;
}

enum request_result request_conflict(struct call *call)
{
	const struct mmiod_msg_explain *question = &call->request->fixed.explain;
	const struct leases *leases = &call->broker->leases;
	const struct lease *own = lease_find(leases, question->length);
	const struct lease *other = lease_find(leases, question->offset);

	if (!own || own->kind != MMIOD_KIND_DEVICE || !call_holds(call, own))
		return refuse(call, MMIOD_E_DENIED, "is no device file of the caller's",
			      question->length);
	if (!other || strcmp(device_of_lease(call, own), device_of_lease(call, other)))
		return refuse(call, MMIOD_E_NOT_FOUND, "is none of that device", question->offset);
	return answer(call, other);
}
