/* SPDX-License-Identifier: MIT */
/*
 * What has an id, found by it, and in order of id. It is meant for ids that are given one after the
 * other, as windows' are: then one costs eight bytes and an eighth of a line of the cache, and the
 * next is beside it. An id far from all others costs a node of half a kilobyte.
 *
 * What is in the map belongs to its owner.
 */
#ifndef MMIOD_DAEMON_BASE_ID_MAP_H
#define MMIOD_DAEMON_BASE_ID_MAP_H

#include <stdint.h>

struct id_node;

/* All zero is an empty one. */
struct id_map {
	struct id_node *root; /* NULL: it is empty */
	struct id_node *spare; /* empty nodes, kept for the next */
	uint64_t prefix; /* of all ids below the root: the bits that no node looks at */
	unsigned int height; /* of nodes above the lowest */
	unsigned int n_spare;
	uint64_t count;
};

int id_map_add(struct id_map *map, uint64_t id, void *item); /* -ENOMEM, -EEXIST */
void id_map_remove(struct id_map *map, uint64_t id); /* of what is not there does nothing */
void *id_map_find(const struct id_map *map, uint64_t id); /* NULL: there is none */
void *id_map_from(const struct id_map *map,
		  uint64_t least); /* the first whose id is at least this */
void *id_map_last(const struct id_map *map);
void id_map_give_back(struct id_map *map); /* the nodes that it keeps */

#endif
