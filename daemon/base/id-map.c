// SPDX-License-Identifier: MIT
/*
 * A radix tree of 64 branches. Its root stands no higher than the ids in it are apart, so a few
 * leases with large ids need one node, and it is found by the bits that all of them share.
 *
 * Nodes that become empty are kept, a dozen of them: whoever has one lease at a time would have
 * them made for each. An empty node has nothing but zeroes, except for the link to the next.
 */
#include <stdbool.h>
#include "base/id-map.h"
#include "base/util.h"

#define BITS 6u
#define BRANCHES (1u << BITS)
#define HEIGHT_MOST (64 / BITS) /* where a root sees all 64 bits */
#define SPARE_MOST 12u

struct id_node {
	uint64_t used; /* a bit for each branch */
	void *branch[BRANCHES]; /* nodes, or in the lowest what is in the map */
};

static uint64_t shifted(uint64_t id, unsigned int levels)
{
	return levels > HEIGHT_MOST ? 0 : id >> (BITS * levels);
}

/* Which branch of a node at that height. */
static unsigned int branch_of(uint64_t id, unsigned int height)
{
	return (unsigned int)shifted(id, height) & (BRANCHES - 1);
}

static bool is_below(const struct id_map *map, uint64_t id)
{
	return map->root && shifted(id, map->height + 1) == map->prefix;
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static struct id_node *node_new(struct id_map *map)
{
	struct id_node *node = map->spare;

	if (!node)
		return zalloc(sizeof(*node));
	map->spare = node->branch[0];
	map->n_spare--;
	node->branch[0] = NULL;
	return node;
}

/* It is empty. */
static void node_drop(struct id_map *map, struct id_node *node)
{
	if (map->n_spare == SPARE_MOST) {
		free(node);
		return;
	}
	node->branch[0] = map->spare;
	map->spare = node;
	map->n_spare++;
}

void id_map_give_back(struct id_map *map)
{
	while (map->spare) {
		struct id_node *node = map->spare;

		map->spare = node->branch[0];
		free(node);
	}
	map->n_spare = 0;
}

static void put(struct id_node *node, unsigned int branch, void *item)
{
	node->branch[branch] = item;
	node->used |= 1ull << branch;
}

static void clear(struct id_node *node, unsigned int branch)
{
	node->branch[branch] = NULL;
	node->used &= ~(1ull << branch);
}

/* ---- in and out ------------------------------------------------------------------------------ */

/* A root above the root. */
static int grow(struct id_map *map)
{
	struct id_node *node = node_new(map);

	if (!node)
		return -ENOMEM;
	put(node, (unsigned int)map->prefix & (BRANCHES - 1), map->root);
	map->root = node;
	map->height++;
	map->prefix = shifted(map->prefix, 1);
	return 0;
}

/* While nothing but one branch needs the root. */
static void shrink(struct id_map *map)
{
	while (map->height && !(map->root->used & (map->root->used - 1))) {
		struct id_node *top = map->root;
		unsigned int branch = (unsigned int)__builtin_ctzll(top->used);

		map->root = top->branch[branch];
		map->prefix = map->prefix << BITS | branch;
		map->height--;
		clear(top, branch);
		node_drop(map, top);
	}
}

static int reach(struct id_map *map, uint64_t id)
{
	int r = 0;

	if (!map->root) {
		map->root = node_new(map);
		map->height = 0;
		map->prefix = shifted(id, 1);
		return map->root ? 0 : -ENOMEM;
	}
	while (r == 0 && !is_below(map, id))
		r = grow(map);
	return r;
}

static int add_below(struct id_map *map, struct id_node *node, unsigned int height, uint64_t id,
		     void *item)
{
	unsigned int branch = branch_of(id, height);
	struct id_node *below = node->branch[branch];
	int r;

	if (!height) {
		if (below)
			return -EEXIST;
		put(node, branch, item);
		return 0;
	}
	if (!below)
		below = node_new(map);
	if (!below)
		return -ENOMEM;
	r = add_below(map, below, height - 1, id, item);
	if (r == 0)
		put(node, branch, below);
	else if (!below->used)
		node_drop(map, below);
	return r;
}

/* If it fails the map may be higher than it needs to be, until something is removed. */
int id_map_add(struct id_map *map, uint64_t id, void *item)
{
	int r = reach(map, id);

	if (r == 0)
		r = add_below(map, map->root, map->height, id, item);
	if (r == 0)
		map->count++;
	return r;
}

/* Whether it was there. */
static bool remove_below(struct id_map *map, struct id_node *node, unsigned int height, uint64_t id)
{
	unsigned int branch = branch_of(id, height);
	struct id_node *below = node->branch[branch];

	if (!below || (height && !remove_below(map, below, height - 1, id)))
		return false;
	if (height && below->used)
		return true;
	clear(node, branch);
	if (height)
		node_drop(map, below);
	return true;
}

void id_map_remove(struct id_map *map, uint64_t id)
{
	if (!is_below(map, id) || !remove_below(map, map->root, map->height, id))
		return;
	if (--map->count)
		shrink(map);
	else
		node_drop(map, steal_pointer(map->root));
}

/* ---- looking --------------------------------------------------------------------------------- */

void *id_map_find(const struct id_map *map, uint64_t id)
{
	const struct id_node *node = map->root;
	unsigned int height = map->height;

	if (!is_below(map, id))
		return NULL;
	for (; node && height; height--)
		node = node->branch[branch_of(id, height)];
	return node ? node->branch[branch_of(id, 0)] : NULL;
}

static void *first_below(const struct id_node *node, unsigned int height)
{
	for (; height; height--)
		node = node->branch[__builtin_ctzll(node->used)];
	return node->branch[__builtin_ctzll(node->used)];
}

static void *from_below(const struct id_node *node, unsigned int height, uint64_t least)
{
	unsigned int branch = branch_of(least, height);
	uint64_t behind = branch == BRANCHES - 1 ? 0 : node->used >> (branch + 1) << (branch + 1);
	void *found = node->branch[branch];

	if (found && height)
		found = from_below(found, height - 1, least);
	if (found || !behind)
		return found;
	found = node->branch[__builtin_ctzll(behind)];
	return height ? first_below(found, height - 1) : found;
}

void *id_map_from(const struct id_map *map, uint64_t least)
{
	uint64_t prefix = shifted(least, map->height + 1);

	if (!map->root || prefix > map->prefix)
		return NULL;
	if (prefix < map->prefix)
		return first_below(map->root, map->height);
	return from_below(map->root, map->height, least);
}

void *id_map_last(const struct id_map *map)
{
	const struct id_node *node = map->root;

	if (!node)
		return NULL;
	for (unsigned int height = map->height; height; height--)
		node = node->branch[63 - __builtin_clzll(node->used)];
	return node->branch[63 - __builtin_clzll(node->used)];
}
