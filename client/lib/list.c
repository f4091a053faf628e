/* SPDX-License-Identifier: MIT */
/*
 * Lists: the linked ones inside the library, and those that the daemon gives page by page.
 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

void link_init(struct link *link)
{
	link->prev = link;
	link->next = link;
}

void link_append(struct link *head, struct link *link)
{
	link->prev = head->prev;
	link->next = head;
	head->prev->next = link;
	head->prev = link;
}

/* Removing twice does no harm. */
void link_remove(struct link *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	link_init(link);
}

/* Room for one more behind @count items: the array, moved if need be, or NULL. */
void *array_slot(void *items, size_t *capacity, size_t count, size_t item_size)
{
	size_t wanted = *capacity ? *capacity * 2 : 16;
	void *grown;

	if (count < *capacity)
		return items;
	grown = reallocarray(items, wanted, item_size);
	if (grown)
		*capacity = wanted;
	return grown;
}

struct page {
	struct mmiod_client *client;
	const struct list_source *source;
	uint64_t cursor;
	bool more;
	void *list;
};

/* POOL_MAP's request is a list's with the name of a pool behind. */
static_assert(offsetof(struct mmiod_msg_pool_map, cursor) ==
		      offsetof(struct mmiod_msg_list, cursor),
	      "one is the start of the other");

static size_t build_page(void *context, size_t index, void *buffer)
{
	struct mmiod_msg_pool_map *request = buffer;
	struct page *page = context;
	const char *region = page->source->region;

	request->msg.opcode = page->source->opcode;
	request->msg.fixed = region ? sizeof(*request) : sizeof(struct mmiod_msg_list);
	request->cursor = page->cursor;
	if (region)
		strcpy(request->region, region);
	return request->msg.fixed;
}

static int read_page(void *context, size_t index, struct reply *reply)
{
	struct mmiod_msg_list_reply fixed;
	struct page *page = context;
	int err = reply_status(page->client, reply);

	if (err)
		return err;
	err = message_fixed(&reply->message, &fixed, sizeof(fixed), MMIOD_V1_LIST);
	if (err)
		return err;
	page->more = fixed.msg.flags & MMIOD_MSG_MORE;
	if (page->more && fixed.cursor <= page->cursor)
		return -EPROTO;
	page->cursor = fixed.cursor;
	for (size_t i = 0; !err && i < reply->message.head.count; i++)
		err = page->source->append(page->list, &reply->message, i);
	return err;
}

/* Cursors mean nothing to another daemon: when it was restarted in the middle, begin again. */
int list_fetch(struct mmiod_client *client, const struct list_source *source, void *list)
{
	struct page page = { .client = client, .source = source, .list = list };
	unsigned int connections = client->connections;

	do {
		struct exchange exchange = {
			.count = 1, .context = &page, .build = build_page, .reply = read_page
		};
		uint64_t cursor = page.cursor;
		int err = exchange_run(client, &exchange);

		if (err)
			return err;
		if (client->connections != connections && cursor) {
			source->reset(list);
			page.cursor = 0;
			page.more = true;
		}
		connections = client->connections;
	} while (page.more);
	return 0;
}
