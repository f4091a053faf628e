// SPDX-License-Identifier: MIT
/*
 * A treap. A node's priority is computed of its id and a secret, and needs no room; so nobody who
 * chooses ids can make a list of it, and recursion is as deep as the logarithm of the members.
 */
#include <stddef.h>
#include <sys/random.h>
#include "base/by-id.h"

/* The finalizer of splitmix64: each bit of what goes in moves each bit of what comes out. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

/* Sets come and go with their users, and the kernel is asked once for all of them. */
static uint64_t new_seed(void)
{
	static uint64_t secret;

	if (!secret && getrandom(&secret, sizeof(secret), GRND_NONBLOCK) != sizeof(secret))
		secret = (uintptr_t)&secret; /* a boot that has no randomness yet */
	secret += 0x9e3779b97f4a7c15u;
	return mix(secret) | 1; /* zero is a set that is new */
}

static uint64_t priority(const struct by_id *set, const struct by_id_node *node)
{
	return mix(node->id + set->seed);
}

/* Parts the tree in those below `id` and those above it. */
static void split(struct by_id_node *root, uint64_t id, struct by_id_node **below,
		  struct by_id_node **above)
{
	while (root) {
		if (root->id < id) {
			*below = root;
			below = &root->right;
			root = root->right;
		} else {
			*above = root;
			above = &root->left;
			root = root->left;
		}
	}
	*below = *above = NULL;
}

void by_id_insert(struct by_id *set, struct by_id_node *node)
{
	struct by_id_node **place = &set->root;
	uint64_t own;

	if (!set->seed)
		set->seed = new_seed();
	own = priority(set, node);
	while (*place && priority(set, *place) >= own)
		place = (*place)->id < node->id ? &(*place)->right : &(*place)->left;
	split(*place, node->id, &node->left, &node->right);
	*place = node;
}

static struct by_id_node *merge(const struct by_id *set, struct by_id_node *below,
				struct by_id_node *above)
{
	if (!below || !above)
		return below ? below : above;
	if (priority(set, below) >= priority(set, above)) {
		below->right = merge(set, below->right, above);
		return below;
	}
	above->left = merge(set, below, above->left);
	return above;
}

/* Removing what is not a member does nothing. */
void by_id_remove(struct by_id *set, struct by_id_node *node)
{
	struct by_id_node **place = &set->root;

	while (*place && *place != node)
		place = (*place)->id < node->id ? &(*place)->right : &(*place)->left;
	if (*place)
		*place = merge(set, node->left, node->right);
}

/* The first whose id is at least this; NULL: there is none. */
struct by_id_node *by_id_from(const struct by_id *set, uint64_t least)
{
	struct by_id_node *node = set->root, *found = NULL;

	while (node) {
		if (node->id >= least) {
			found = node;
			node = node->left;
		} else {
			node = node->right;
		}
	}
	return found;
}
