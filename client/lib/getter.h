/* SPDX-License-Identifier: MIT */
/*
 * Public functions that are all alike, a line for each. A getter's name
 * is written in full, so that a search for it finds where it is.
 */
#ifndef MMIOD_GETTER_H
#define MMIOD_GETTER_H

#include "internal.h"

/* What an object says of itself: its member, as it is. */
#define GETTER(type, name, object, member)                \
	MMIOD_EXPORT type name(const struct object *self) \
	{                                                 \
		return self->member;                      \
	}

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
