/* SPDX-License-Identifier: MIT */
/*
 * Magazines: the free objects that a thread keeps for itself, a stack per cache.
 *
 * A thread's table has one entry per cache, by the cache's slot. The thread reads and writes its
 * table and magazines without a lock; entries come and go under the registry's. A magazine moves a
 * quarter of its size at once to or from the slabs: it goes back and forth so rarely that the slabs
 * cost next to nothing, and no single call moves many.
 */
#include "cache/cache.h"

#include <stdlib.h>

static struct magazine_table no_magazines;
__thread struct magazine_table *own_magazines __attribute__((tls_model("initial-exec"))) =
	&no_magazines;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key; /* for its destructor only */
static bool key_made;
static pthread_cond_t flushed = PTHREAD_COND_INITIALIZER;

static void thread_ends(void *table);

static void make_key(void)
{
	key_made = !pthread_key_create(&key, thread_ends);
}

/*
 * Unloaded before the threads ended: their magazines are lost, but nobody calls what is no longer
 * there.
 */
static void __attribute__((destructor)) library_ends(void)
{
	if (key_made)
		pthread_key_delete(key);
}

static uint32_t batch_of(const struct mmiod_object_cache *cache)
{
	return cache->magazine_size < 4 ? 1 : cache->magazine_size / 4;
}

/* Give the last @count back to the slabs. */
static void flush(struct magazine *magazine, uint32_t count, struct work *work)
{
	struct mmiod_object_cache *cache = magazine->cache;
	uint32_t left = magazine_count(magazine) - count;

	pthread_mutex_lock(&cache->lock);
	slabs_put_all(cache, count, magazine->objects + left, work);
	slabs_release_empty(cache, EMPTY_SLABS_KEPT, work);
	pthread_mutex_unlock(&cache->lock);
	magazine_set_count(magazine, left);
}

void magazine_push(struct magazine *magazine, void *object, struct work *work)
{
	uint32_t count = magazine_count(magazine);

	if (count == magazine->cache->magazine_size) {
		flush(magazine, batch_of(magazine->cache), work);
		count = magazine_count(magazine);
	}
	magazine->objects[count] = object;
	magazine_set_count(magazine, count + 1);
}

/*
 * A batch from the slabs: the first for the caller, the others into the magazine, next ones last.
 */
void *magazine_refill(struct magazine *magazine, int *err)
{
	struct mmiod_object_cache *cache = magazine->cache;
	void *objects[MAGAZINE_MAX];
	size_t taken = slabs_fill(cache, batch_of(cache), objects, err);
	uint32_t count = magazine_count(magazine);

	for (size_t i = taken; i > 1; i--)
		magazine->objects[count++] = objects[i - 1];
	magazine_set_count(magazine, count);
	return taken ? objects[0] : NULL;
}

static void detach(struct magazine *magazine)
{
	magazine->table->magazines[magazine->cache->slot] = NULL;
	link_remove(&magazine->link);
}

static void flush_all(struct magazine *magazine)
{
	struct work work;

	work_init(&work);
	flush(magazine, magazine_count(magazine), &work);
	work_finish(magazine->cache, &work);
}

/*
 * The thread's own table is forgotten first: a provider or a report callback that uses caches now
 * gets a new one, and the key's destructor runs again. A cache that is destroyed meanwhile waits
 * for its magazine.
 */
static void thread_ends(void *data)
{
	struct magazine_table *table = data;

	own_magazines = &no_magazines;
	pthread_mutex_lock(&registry_lock);
	for (uint32_t i = 0; i < table->count; i++) {
		struct magazine *magazine = table->magazines[i];

		if (!magazine)
			continue;
		detach(magazine);
		magazine->cache->flushing++;
		pthread_mutex_unlock(&registry_lock);
		flush_all(magazine);
		pthread_mutex_lock(&registry_lock);
		magazine->cache->flushing--;
		pthread_cond_broadcast(&flushed);
		free(magazine);
	}
	pthread_mutex_unlock(&registry_lock);
	free(table);
}

static struct magazine_table *enlarge(struct magazine_table *old, uint32_t slot)
{
	uint32_t count = (slot | 15) + 1;
	struct magazine_table *table =
		calloc(1, sizeof(*table) + count * sizeof(struct magazine *));

	if (!table || pthread_setspecific(key, table)) {
		free(table);
		return NULL;
	}
	table->count = count;
	for (uint32_t i = 0; i < old->count; i++) {
		table->magazines[i] = old->magazines[i];
		if (table->magazines[i])
			table->magazines[i]->table = table;
	}
	if (old != &no_magazines)
		free(old);
	return table;
}

static struct magazine *attach(struct mmiod_object_cache *cache)
{
	struct magazine_table *table = own_magazines;
	struct magazine *magazine;

	if (cache->slot >= table->count)
		table = enlarge(table, cache->slot);
	if (!table)
		return NULL;
	own_magazines = table;
	magazine = malloc(sizeof(*magazine) + cache->magazine_size * sizeof(void *));
	if (!magazine)
		return NULL;
	*magazine = (struct magazine){ .cache = cache, .table = table };
	link_append(&cache->magazines, &magazine->link);
	table->magazines[cache->slot] = magazine;
	return magazine;
}

/*
 * The calling thread's, made if need be. NULL: the cache has none, or no memory for one; then do
 * without.
 */
struct magazine *magazine_make(struct mmiod_object_cache *cache)
{
	struct magazine *magazine = magazine_own(cache);

	if (magazine || cache->slot == NO_SLOT)
		return magazine;
	pthread_once(&once, make_key);
	if (!key_made)
		return NULL;
	pthread_mutex_lock(&registry_lock);
	magazine = attach(cache);
	pthread_mutex_unlock(&registry_lock);
	return magazine;
}

void magazine_drain(struct magazine *magazine, struct work *work)
{
	flush(magazine, magazine_count(magazine), work);
}

/* For a cache that nobody uses any more: all threads' magazines back into the slabs. */
void magazines_collect(struct mmiod_object_cache *cache)
{
	struct link collected;

	link_init(&collected);
	pthread_mutex_lock(&registry_lock);
	while (cache->flushing)
		pthread_cond_wait(&flushed, &registry_lock);
	while (cache->magazines.next != &cache->magazines) {
		struct link *link = cache->magazines.next;

		detach(link_entry(link, struct magazine, link));
		link_append(&collected, link);
	}
	pthread_mutex_unlock(&registry_lock);
	while (collected.next != &collected) {
		struct magazine *magazine = link_entry(collected.next, struct magazine, link);

		link_remove(&magazine->link);
		flush_all(magazine);
		free(magazine);
	}
}

/* Under the registry's lock. */
void magazines_account(struct mmiod_object_cache *cache, uint64_t *objects, uint64_t *bytes)
{
	*objects = 0;
	*bytes = 0;
	for (struct link *link = cache->magazines.next; link != &cache->magazines;
	     link = link->next) {
		*objects += magazine_count(link_entry(link, struct magazine, link));
		*bytes += sizeof(struct magazine) + cache->magazine_size * sizeof(void *);
	}
}
