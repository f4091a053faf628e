/* SPDX-License-Identifier: MIT */
/*
 * Public functions that are all alike, a line for each. A getter's name is written in full, so that
 * a search for it finds where it is.
 */
#ifndef MMIOD_GETTER_H
#define MMIOD_GETTER_H

#include "internal.h"

/* A function that returns a member of an object, as it is. */
#define GETTER(type, name, object, member)                \
	MMIOD_EXPORT type name(const struct object *self) \
	{                                                 \
		return self->member;                      \
	}

#endif
