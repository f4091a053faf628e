/* SPDX-License-Identifier: MIT */
/*
 * Lists that the daemon gives page by page. Items are snapshots: what a program does with them needs
 * no daemon any more.
 */
#ifndef MMIOD_LIST_H
#define MMIOD_LIST_H

#include "base/getter.h"
#include "wire/wire.h"

/*
 * A snapshot of what the daemon lists, owned by the program: every public list starts with one. An
 * item is what came over the wire, and what finish() makes of it behind that.
 */
struct list {
	const struct list_kind *kind;
	uint8_t *items;
	size_t count;
	size_t capacity;
};

struct list_kind {
	uint16_t opcode;
	enum mmiod_first_size first;
	size_t wire; /* bytes, at the start of an item */
	size_t item;
	/* Terminates names, takes texts, refuses what makes no sense: 0 or a negative errno. */
	int (*finish)(void *item, const struct message *message);
};

/*
 * @region: of which one, for POOL_MAP; else NULL. *@listp:
 * NULL or a struct list, whatever its public name.
 */
int list_fetch(struct mmiod_client *client, const struct list_kind *kind, const char *region,
	       void *listp);
/*
 * The next of them, behind the one with that id, of a kind whose cursor is the id of the last item.
 * An empty list: there are no more.
 */
int list_fetch_after(struct mmiod_client *client, const struct list_kind *kind, uint64_t id,
		     void *listp);
void list_free(struct list *list);
const void *list_get(const struct list *list, size_t index);

/* A list and what it is used by, but for how it is got: list_type is a name without its struct. */
#define LIST_OF(element, list_type)                                                      \
	struct list_type {                                                               \
		struct list list;                                                        \
	};                                                                               \
                                                                                         \
	MMIOD_EXPORT void list_type##_free(struct list_type *self)                       \
	{                                                                                \
		list_free((struct list *)self);                                          \
	}                                                                                \
                                                                                         \
	MMIOD_EXPORT size_t list_type##_count(const struct list_type *self)              \
	{                                                                                \
		return self->list.count;                                                 \
	}                                                                                \
                                                                                         \
	MMIOD_EXPORT const struct element *list_type##_get(const struct list_type *self, \
							   size_t index)                 \
	{                                                                                \
		return list_get(&self->list, index);                                     \
	}

#endif
