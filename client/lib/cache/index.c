/* SPDX-License-Identifier: MIT */
/*
 * From an address to its slab, without a look at the memory there: a hash table of slabs by their
 * base. Slabs are aligned to their size, so the base is the address without its low bits. Open
 * addressing, linear probing, at most three quarters full: 11 to 21 bytes a slab.
 *
 * Called under the cache's lock.
 */
#include "cache/cache.h"

#include <stdlib.h>

static size_t home(const struct slab_index *index, unsigned int shift, const void *address)
{
	uint64_t key = (uintptr_t)address >> shift;

	/* Fibonacci hashing: neighbours spread; the high half mixes best. */
	return (size_t)(key * 0x9e3779b97f4a7c15 >> 32) & (index->capacity - 1);
}

static void place_slab(struct slab_index *index, unsigned int shift, struct slab *slab)
{
	size_t i = home(index, shift, slab->base);

	while (index->slots[i])
		i = (i + 1) & (index->capacity - 1);
	index->slots[i] = slab;
}

static int grow(struct slab_index *index, unsigned int shift)
{
	struct slab_index larger = { .capacity = index->capacity ? index->capacity * 2 : 8,
				     .count = index->count };

	larger.slots = calloc(larger.capacity, sizeof(struct slab *));
	if (!larger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < index->capacity; i++)
		if (index->slots[i])
			place_slab(&larger, shift, index->slots[i]);
	free(index->slots);
	*index = larger;
	return 0;
}

int index_insert(struct slab_index *index, unsigned int shift, struct slab *slab)
{
	if ((index->count + 1) * 4 > index->capacity * 3) {
		int err = grow(index, shift);

		if (err)
			return err;
	}
	place_slab(index, shift, slab);
	index->count++;
	return 0;
}

/* Close the gap at @hole: whoever stands behind it and was pushed there moves forward. */
static void close_gap(struct slab_index *index, unsigned int shift, size_t hole)
{
	size_t mask = index->capacity - 1;

	for (size_t i = (hole + 1) & mask; index->slots[i]; i = (i + 1) & mask) {
		size_t wanted = home(index, shift, index->slots[i]->base);

		if (((i - wanted) & mask) >= ((i - hole) & mask)) {
			index->slots[hole] = index->slots[i];
			hole = i;
		}
	}
	index->slots[hole] = NULL;
}

void index_remove(struct slab_index *index, unsigned int shift, struct slab *slab)
{
	size_t i = home(index, shift, slab->base);

	while (index->slots[i] != slab)
		i = (i + 1) & (index->capacity - 1);
	close_gap(index, shift, i);
	index->count--;
}

struct slab *index_find(const struct slab_index *index, unsigned int shift, const void *address)
{
	uintptr_t key = (uintptr_t)address >> shift;
	size_t i;

	if (!index->capacity)
		return NULL;
	for (i = home(index, shift, address); index->slots[i]; i = (i + 1) & (index->capacity - 1))
		if ((uintptr_t)index->slots[i]->base >> shift == key)
			return index->slots[i];
	return NULL;
}
