/* SPDX-License-Identifier: MIT */
/*
 * Whose turn it is. Members that want something stand in one of two lines: a newcomer stands in the
 * first and is served before the second, where those stand that have had their share and want more.
 * Every fourth time it is the second line's turn, so nobody waits for ever; and a member that asks
 * for little does not wait for those that ask for much. Plain data: members live in their owners'
 * structures.
 */
#ifndef MMIOD_DAEMON_BASE_FAIR_H
#define MMIOD_DAEMON_BASE_FAIR_H

#include <stdbool.h>
#include <stddef.h>

struct fair_link {
	struct fair_link *prev, *next;
	struct fair_link **line; /* that it stands in; NULL: in none */
};

struct fair {
	struct fair_link *fresh, *served;
	unsigned int taken; /* from the first line while somebody stands in the second */
};

void fair_add(struct fair *fair, struct fair_link *link);
void fair_add_again(struct fair *fair, struct fair_link *link);
struct fair_link *fair_take(struct fair *fair);
void fair_remove(struct fair_link *link);

static inline bool fair_waits(const struct fair_link *link)
{
	return link->line != NULL;
}

static inline bool fair_is_empty(const struct fair *fair)
{
	return !fair->fresh && !fair->served;
}

#endif
