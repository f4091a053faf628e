// SPDX-License-Identifier: MIT
/* One page of a list. */
#include "request/pager.h"

#define PAGE_MAX MMIOD_BATCH_MAX
#define PAGE_WORK 192u
#define TEXTS_MAX 4096u /* bytes that are left for them */

const void *pager_next_lease(const struct call *call, uint64_t cursor, bool all)
{
	return all ? lease_after(&call->broker->leases, cursor)
		   : lease_after_of(call->connection->user, cursor);
}

uint64_t pager_lease_id(const void *item)
{
	const struct lease *lease = item;

	return lease->id;
}

static void add_texts(struct call *call, const struct pager *pager, const void *const *listed,
		      size_t n)
{
	for (size_t i = 0; i < n; i++)
		pager->text(call, listed[i], reply_element(call->reply, i),
			    i ? listed[i - 1] : NULL);
}

/* Elements grow, and messages do not. */
static size_t most_elements(const struct pager *pager)
{
	size_t room = MMIOD_MSG_MAX - TEXTS_MAX - sizeof(struct mmiod_msg_list_reply);

	return room / pager->stride < PAGE_MAX ? room / pager->stride : PAGE_MAX;
}

enum request_result pager_reply(struct call *call, const struct pager *pager)
{
	const size_t most = most_elements(pager);
	const void *listed[PAGE_MAX], *item;
	struct mmiod_msg_list_reply *reply;
	unsigned int looked = 0, work = 0;
	bool all = call_may_inspect(call);
	size_t n = 0;

	reply = reply_begin(call->reply, &call->request->head, sizeof(*reply), most, pager->stride);
	reply->cursor = call->request->fixed.list.cursor;
	while ((item = pager->next(call, reply->cursor, all)) && n < most && work < PAGE_WORK) {
		reply->cursor = pager->id(item);
		work += ++looked % WORK_LOOKED_AT == 0;
		if (pager->shows && !pager->shows(call, item, all))
			continue;
		pager->fill(call, item, reply_element(call->reply, n), all);
		work += pager->work;
		listed[n++] = item;
	}
	if (item)
		reply->msg.flags |= MMIOD_MSG_MORE;
	reply_truncate(call->reply, n);
	turn_spend(&call->broker->host, work);
	if (pager->text)
		add_texts(call, pager, listed, n);
	return REQUEST_REPLY;
}
