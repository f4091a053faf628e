// SPDX-License-Identifier: MIT
/*
 * A treap of intervals. Members with the same start are ordered by their address, so that each can
 * be found again. Depth is logarithmic with priorities that nobody outside can choose; recursion
 * goes no deeper than that.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/random.h>
#include "base/interval.h"

/*
 * Not zero. If clients knew the seed they knew all priorities, and could choose their offsets so
 * that the treap becomes a list, and the recursion as deep as there are members.
 */
static uint32_t new_seed(const struct interval_set *set)
{
	uint32_t seed;

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = (uint32_t)((uintptr_t)set >> 4); /* a boot that has no randomness yet */
	return seed ? seed : 0x9e3779b9u;
}

/* xorshift: the priorities need to be unrelated to the order of insertion, nothing more. */
static uint32_t next_priority(struct interval_set *set)
{
	uint32_t x = set->seed ? set->seed : new_seed(set);

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	set->seed = x;
	return x;
}

static bool before(const struct interval *a, const struct interval *b)
{
	return a->start != b->start ? a->start < b->start : (uintptr_t)a < (uintptr_t)b;
}

static void update(struct interval *node)
{
	node->greatest = node->end;
	if (node->left && node->left->greatest > node->greatest)
		node->greatest = node->left->greatest;
	if (node->right && node->right->greatest > node->greatest)
		node->greatest = node->right->greatest;
}

/* Parts the tree in those before the node and those behind it, which become its branches. */
static void split(struct interval *root, struct interval *node, struct interval **below,
		  struct interval **above)
{
	if (!root) {
		*below = *above = NULL;
	} else if (before(root, node)) {
		split(root->right, node, &root->right, above);
		update(root);
		*below = root;
	} else {
		split(root->left, node, below, &root->left);
		update(root);
		*above = root;
	}
}

/*
 * Walks down to where its priority puts it, so that most members that are added in order, as a
 * ledger lists them, touch a few others and turn none.
 */
void interval_insert(struct interval_set *set, struct interval *node)
{
	struct interval **place = &set->root;

	node->priority = next_priority(set);
	while (*place && (*place)->priority >= node->priority) {
		if ((*place)->greatest < node->end)
			(*place)->greatest = node->end;
		place = before(node, *place) ? &(*place)->left : &(*place)->right;
	}
	split(*place, node, &node->left, &node->right);
	update(node);
	*place = node;
}

static struct interval *merge(struct interval *left, struct interval *right)
{
	if (!left || !right)
		return left ? left : right;
	if (left->priority > right->priority) {
		left->right = merge(left->right, right);
		update(left);
		return left;
	}
	right->left = merge(left, right->left);
	update(right);
	return right;
}

static struct interval *detach(struct interval *root, struct interval *node)
{
	if (!root)
		return NULL;
	if (root == node)
		return merge(node->left, node->right);
	if (before(node, root))
		root->left = detach(root->left, node);
	else
		root->right = detach(root->right, node);
	update(root);
	return root;
}

/* Removing what is not a member does nothing. */
void interval_remove(struct interval_set *set, struct interval *node)
{
	set->root = detach(set->root, node);
	node->left = node->right = NULL;
}

/* Any member that shares a byte with [start, end), or NULL. */
struct interval *interval_overlap(const struct interval_set *set, uint64_t start, uint64_t end)
{
	struct interval *node = set->root;

	while (node) {
		if (node->start < end && start < node->end)
			return node;
		if (node->left && node->left->greatest > start)
			node = node->left;
		else
			node = node->right;
	}
	return NULL;
}

/* The member that starts first, or NULL. */
struct interval *interval_first(const struct interval_set *set)
{
	struct interval *node = set->root;

	while (node && node->left)
		node = node->left;
	return node;
}
