/* SPDX-License-Identifier: MIT */
/*
 * Sets of half-open intervals that may overlap, asked for any member that overlaps a given one, in
 * logarithmic time: a treap ordered by start, each node knowing the greatest end below it. A node
 * lives in its owner's structure.
 */
#ifndef MMIOD_DAEMON_BASE_INTERVAL_H
#define MMIOD_DAEMON_BASE_INTERVAL_H

#include <stdint.h>

struct interval {
	uint64_t start;
	uint64_t end; /* the first byte behind it, greater than start */
	uint64_t greatest; /* end in this subtree */
	uint32_t priority;
	struct interval *left;
	struct interval *right;
};

struct interval_set {
	struct interval *root;
	uint32_t seed;
};

void interval_insert(struct interval_set *set, struct interval *node);
void interval_remove(struct interval_set *set, struct interval *node);
struct interval *interval_first(const struct interval_set *set);
struct interval *interval_overlap(const struct interval_set *set, uint64_t start, uint64_t end);

#endif
