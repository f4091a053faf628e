/* SPDX-License-Identifier: MIT */
/*
 * Intrusive lists, circular and doubly linked: a head is a link too, and an empty list is a head
 * that is alone. The owner of the struct around a link takes it out before freeing it.
 */
#ifndef MMIOD_LINK_H
#define MMIOD_LINK_H

#include <stddef.h>

struct link {
	struct link *prev;
	struct link *next;
};

#define link_entry(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

static inline void link_init(struct link *link)
{
	link->prev = link;
	link->next = link;
}

static inline void link_append(struct link *head, struct link *link)
{
	link->prev = head->prev;
	link->next = head;
	head->prev->next = link;
	head->prev = link;
}

static inline void link_prepend(struct link *head, struct link *link)
{
	link_append(head->next, link);
}

/* Removing twice does no harm. */
static inline void link_remove(struct link *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	link_init(link);
}

#endif
