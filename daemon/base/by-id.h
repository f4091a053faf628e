/* SPDX-License-Identifier: MIT */
/*
 * Things in order of their ids, for lists that are read in pages: the first behind any cursor is
 * found in logarithmic time, whether or not the thing that the cursor is of is still there. A node
 * lives in its owner's structure.
 */
#ifndef MMIOD_DAEMON_BASE_BY_ID_H
#define MMIOD_DAEMON_BASE_BY_ID_H

#include <stdint.h>

struct by_id_node {
	uint64_t id; /* set before it is inserted; no other member has it */
	struct by_id_node *left, *right;
};

struct by_id {
	struct by_id_node *root;
	uint64_t seed;
};

void by_id_insert(struct by_id *set, struct by_id_node *node);
void by_id_remove(struct by_id *set, struct by_id_node *node);
struct by_id_node *by_id_from(const struct by_id *set, uint64_t least);

/* The first behind this id; NULL: there is none. */
static inline struct by_id_node *by_id_after(const struct by_id *set, uint64_t id)
{
	return id == UINT64_MAX ? (struct by_id_node *)0 : by_id_from(set, id + 1);
}

#endif
