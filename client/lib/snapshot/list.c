/* SPDX-License-Identifier: MIT */
/*
 * Lists that the daemon gives page by page.
 */
#include "base/error.h"
#include "snapshot/list.h"

#include <stdlib.h>
#include <string.h>

/* Items of a part of a list: what they cost is no more than their round trips, and little memory. */
#define ENOUGH 256

struct page {
	struct mmiod_client *client;
	const char *region;
	uint64_t from;
	uint64_t cursor;
	size_t enough;
	bool more;
	struct list *list;
};

/* POOL_MAP's request is a list's with the name of a pool behind. */
static_assert(offsetof(struct mmiod_msg_pool_map, cursor) ==
		      offsetof(struct mmiod_msg_list, cursor),
	      "one is the start of the other");

static size_t build_page(void *context, size_t index, void *buffer)
{
	struct mmiod_msg_pool_map *request = buffer;
	struct page *page = context;
	const char *region = page->region;

	request->msg.opcode = page->list->kind->opcode;
	request->msg.fixed = region ? sizeof(*request) : sizeof(struct mmiod_msg_list);
	request->cursor = page->cursor;
	if (region)
		strcpy(request->region, region);
	return request->msg.fixed;
}

/* Room for one more item, zeroed; NULL: out of memory. */
static void *next_item(struct list *list)
{
	size_t size = list->kind->item, wanted = list->capacity ? list->capacity * 2 : 16;

	if (list->count == list->capacity) {
		uint8_t *grown = reallocarray(list->items, wanted, size);

		if (!grown)
			return NULL;
		list->items = grown;
		list->capacity = wanted;
	}
	return memset(list->items + list->count * size, 0, size);
}

static int append(struct list *list, const struct message *message, size_t index)
{
	const struct list_kind *kind = list->kind;
	void *item = next_item(list);
	int err;

	if (!item)
		return -ENOMEM;
	err = message_element(message, index, item, kind->wire, kind->first);
	if (!err)
		err = kind->finish(item, message);
	if (!err)
		list->count++;
	return err;
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
		err = append(page->list, &reply->message, i);
	return err;
}

/*
 * Cursors within a list mean nothing to another daemon: when it was restarted in the middle, begin
 * again.
 */
static int fetch_pages(struct page *page)
{
	struct mmiod_client *client = page->client;
	unsigned int connections = client->connections;

	do {
		struct exchange exchange = {
			.count = 1, .context = page, .build = build_page, .reply = read_page
		};
		uint64_t cursor = page->cursor;
		int err = exchange_run(client, &exchange);

		if (err)
			return err;
		if (client->connections != connections && cursor != page->from) {
			page->list->count = 0;
			page->cursor = page->from;
			page->more = true;
		}
		connections = client->connections;
	} while (page->more && page->list->count < page->enough);
	return 0;
}

static int fetch(struct page *page, const struct list_kind *kind, void *listp)
{
	int err;

	*(struct list **)listp = NULL;
	page->list = calloc(1, sizeof(*page->list));
	if (!page->list)
		return client_fail(page->client, -ENOMEM, "out of memory");
	page->list->kind = kind;
	page->cursor = page->from;
	err = fetch_pages(page);
	if (err)
		list_free(page->list);
	else
		*(struct list **)listp = page->list;
	return err;
}

int list_fetch(struct mmiod_client *client, const struct list_kind *kind, const char *region,
	       void *listp)
{
	struct page page = { .client = client, .region = region, .enough = SIZE_MAX };

	return fetch(&page, kind, listp);
}

int list_fetch_after(struct mmiod_client *client, const struct list_kind *kind, uint64_t id,
		     void *listp)
{
	struct page page = { .client = client, .from = id, .enough = ENOUGH };

	return fetch(&page, kind, listp);
}

void list_free(struct list *list)
{
	if (list)
		free(list->items);
	free(list);
}

const void *list_get(const struct list *list, size_t index)
{
	return index < list->count ? list->items + index * list->kind->item : NULL;
}
