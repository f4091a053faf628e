/* SPDX-License-Identifier: MIT */
/*
 * All object caches of the process, and their slots in the threads' tables of magazines.
 */
#include "cache/cache.h"

#include <stdlib.h>

pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;

static struct link caches = { &caches, &caches };
static uint64_t *slots; /* a bit set: taken */
static uint32_t slot_words;

static int find_slot(uint32_t *slot)
{
	uint64_t *grown;
	uint32_t i;

	for (i = 0; i < slot_words; i++)
		if (~slots[i]) {
			*slot = i * 64 + (uint32_t)__builtin_ctzll(~slots[i]);
			return 0;
		}
	grown = reallocarray(slots, slot_words + 1, sizeof(*slots));
	if (!grown)
		return -ENOMEM;
	slots = grown;
	slots[slot_words++] = 0;
	*slot = i * 64;
	return 0;
}

/* A cache that may have magazines comes with any slot but NO_SLOT, and gets its own. */
int registry_add(struct mmiod_object_cache *cache)
{
	int err = 0;

	pthread_mutex_lock(&registry_lock);
	if (cache->slot != NO_SLOT)
		err = find_slot(&cache->slot);
	if (!err && cache->slot != NO_SLOT)
		slots[cache->slot / 64] |= UINT64_C(1) << (cache->slot % 64);
	if (!err)
		link_append(&caches, &cache->link);
	pthread_mutex_unlock(&registry_lock);
	return err;
}

void registry_remove(struct mmiod_object_cache *cache)
{
	pthread_mutex_lock(&registry_lock);
	if (cache->slot != NO_SLOT)
		slots[cache->slot / 64] &= ~(UINT64_C(1) << (cache->slot % 64));
	link_remove(&cache->link);
	pthread_mutex_unlock(&registry_lock);
}

void registry_visit(bool (*each)(void *context, struct mmiod_object_cache *cache), void *context)
{
	bool more = true;

	pthread_mutex_lock(&registry_lock);
	for (struct link *link = caches.next; more && link != &caches; link = link->next)
		more = each(context, link_entry(link, struct mmiod_object_cache, link));
	pthread_mutex_unlock(&registry_lock);
}
