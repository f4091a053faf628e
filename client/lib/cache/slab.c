/* SPDX-License-Identifier: MIT */
/*
 * Slabs of an object cache: which of their objects are free, and where an object belongs.
 *
 * A slab's memory belongs to the provider and is not touched here, but for the constructor and for
 * debugging with Z or P. Its descriptor is in ordinary memory. Slabs with free objects are in one
 * of two lists, partial before empty, so that empty ones stay empty and can be given back; full
 * slabs are found by the index only.
 */
#include "cache/cache.h"

#include <stdlib.h>

static size_t map_words(const struct mmiod_object_cache *cache)
{
	return cache->geometry.words * (cache_debugged(cache) ? 2 : 1);
}

size_t slab_bytes(const struct mmiod_object_cache *cache)
{
	size_t tracks = cache->flags & MMIOD_OBJECT_CACHE_USER ? 2 * cache->geometry.objects : 0;

	return sizeof(struct slab) + map_words(cache) * sizeof(uint64_t) +
	       tracks * sizeof(struct track);
}

static void set_all_free(const struct mmiod_object_cache *cache, struct slab *slab)
{
	uint32_t whole = cache->geometry.objects / 64;
	uint32_t rest = cache->geometry.objects % 64;

	for (uint32_t i = 0; i < whole; i++)
		slab->map[i] = UINT64_MAX;
	if (rest)
		slab->map[whole] = (UINT64_C(1) << rest) - 1;
	slab->free = cache->geometry.objects;
}

static void set_up_objects(const struct mmiod_object_cache *cache, const struct slab *slab)
{
	if (cache->flags & MMIOD_OBJECT_CACHE_POISON)
		touch_fill(slab->base, POISON_PADDING, cache->geometry.slab_size);
	for (uint32_t i = 0; i < cache->geometry.objects; i++) {
		void *object = slab_object(cache, slab, i);

		if (cache->flags & FLAGS_TOUCH)
			touch_mark(cache, object, false);
		if (cache->constructor)
			cache->constructor(object, cache->context);
	}
}

static int take_memory(const struct mmiod_object_cache *cache, struct slab *slab)
{
	size_t size = cache->geometry.slab_size;
	void *address = NULL;
	int err = provider_get(cache->provider, size, &address, &slab->handle);

	if (err)
		return err < 0 ? err : -ENOMEM;
	if (!address || (uintptr_t)address & (size - 1)) {
		provider_put(cache->provider, address, size, slab->handle);
		return -EFAULT;
	}
	slab->base = address;
	return 0;
}

static struct slab *slab_make(const struct mmiod_object_cache *cache, int *err)
{
	struct slab *slab = calloc(1, slab_bytes(cache));

	*err = slab ? take_memory(cache, slab) : -ENOMEM;
	if (*err) {
		free(slab);
		return NULL;
	}
	link_init(&slab->link);
	set_all_free(cache, slab);
	set_up_objects(cache, slab);
	return slab;
}

void slab_free(const struct mmiod_object_cache *cache, struct slab *slab)
{
	provider_put(cache->provider, slab->base, cache->geometry.slab_size, slab->handle);
	free(slab);
}

/* One slab more; another thread may have emptied it before the caller looks. */
int slabs_grow(struct mmiod_object_cache *cache)
{
	int err;
	struct slab *slab = slab_make(cache, &err);

	if (!slab)
		return err;
	pthread_mutex_lock(&cache->lock);
	err = index_insert(&cache->index, cache->geometry.shift, slab);
	if (!err) {
		link_append(&cache->empty, &slab->link);
		cache->empties++;
	}
	pthread_mutex_unlock(&cache->lock);
	if (err)
		slab_free(cache, slab);
	return err;
}

/* Into the list that its count of free objects asks for. */
static void file_slab(struct mmiod_object_cache *cache, struct slab *slab)
{
	link_remove(&slab->link);
	if (slab->free == cache->geometry.objects)
		link_append(&cache->empty, &slab->link);
	else if (slab->free)
		link_append(&cache->partial, &slab->link);
}

static size_t take_from(const struct mmiod_object_cache *cache, struct slab *slab, size_t want,
			void **objects)
{
	size_t taken = 0;

	for (uint32_t i = 0; taken < want && taken < slab->free; i++) {
		uint64_t word = slab->map[i];

		for (; word && taken < want; word &= word - 1)
			objects[taken++] =
				slab_object(cache, slab, i * 64 + (uint32_t)__builtin_ctzll(word));
		slab->map[i] = word;
	}
	slab->free -= (uint32_t)taken;
	return taken;
}

/* Up to @want objects of one slab, lowest first; 0: no slab has any. */
size_t slabs_take(struct mmiod_object_cache *cache, size_t want, void **objects)
{
	bool empty = cache->partial.next == &cache->partial;
	struct link *first = empty ? cache->empty.next : cache->partial.next;
	struct slab *slab = link_entry(first, struct slab, link);
	size_t taken;

	if (first == &cache->empty)
		return 0;
	taken = take_from(cache, slab, want, objects);
	cache->out += taken;
	if (empty)
		cache->empties--;
	if (empty || !slab->free)
		file_slab(cache, slab);
	return taken;
}

/* At least one object and up to @want, with new slabs if need be; 0 and @*err: none to be had. */
size_t slabs_fill(struct mmiod_object_cache *cache, size_t want, void **objects, int *err)
{
	*err = 0;
	while (!*err) {
		size_t taken;

		pthread_mutex_lock(&cache->lock);
		taken = slabs_take(cache, want, objects);
		pthread_mutex_unlock(&cache->lock);
		if (taken)
			return taken;
		*err = slabs_grow(cache);
	}
	return 0;
}

/* 0, or the problem; then @place has the nearest object, or no slab. */
int slabs_find(const struct mmiod_object_cache *cache, const void *object, struct place *place)
{
	const struct geometry *geometry = &cache->geometry;
	size_t offset, index;

	place->index = 0;
	place->slab = index_find(&cache->index, geometry->shift, object);
	if (!place->slab)
		return MMIOD_PROBLEM_FOREIGN;
	offset = (size_t)((const char *)object - place->slab->base);
	if (offset < geometry->left)
		return MMIOD_PROBLEM_INSIDE;
	offset -= geometry->left;
	index = offset / geometry->stride;
	if (index >= geometry->objects) {
		place->index = geometry->objects - 1;
		return MMIOD_PROBLEM_INSIDE;
	}
	place->index = (uint32_t)index;
	return offset == index * geometry->stride ? 0 : MMIOD_PROBLEM_INSIDE;
}

void slabs_put(struct mmiod_object_cache *cache, const struct place *place)
{
	struct slab *slab = place->slab;

	slab->map[place->index / 64] |= UINT64_C(1) << (place->index % 64);
	slab->free++;
	cache->out--;
	if (slab->free == cache->geometry.objects)
		cache->empties++;
	if (slab->free == 1 || slab->free == cache->geometry.objects)
		file_slab(cache, slab);
}

/* A bad pointer is reported, and nothing else happens to it. */
void slabs_put_all(struct mmiod_object_cache *cache, size_t count, void *const *objects,
		   struct work *work)
{
	for (size_t i = 0; i < count; i++) {
		struct finding finding = { .object = objects[i] };
		int problem;

		if (!objects[i])
			continue;
		problem = slabs_find(cache, objects[i], &finding.place);
		if (!problem && place_is_free(&finding.place))
			problem = MMIOD_PROBLEM_DOUBLE_FREE;
		finding.problem = (enum mmiod_object_cache_problem)problem;
		if (problem)
			report_misuse(cache, &finding, work);
		else
			slabs_put(cache, &finding.place);
	}
}

/*
 * An object that must not be given out again: one in use stays so for ever, a free one becomes so.
 */
void slabs_give_up(struct mmiod_object_cache *cache, const struct place *place)
{
	struct slab *slab = place->slab;
	uint64_t bit = UINT64_C(1) << (place->index % 64);

	if (place_is_free(place)) {
		if (slab->free == cache->geometry.objects)
			cache->empties--;
		slab->map[place->index / 64] &= ~bit;
		slab->free--;
		cache->out++;
		file_slab(cache, slab);
	}
	slab->map[cache->geometry.words + place->index / 64] |= bit;
	slab->damaged++;
	cache->damaged++;
}

/* Move empty slabs to @work until only @keep are left. */
void slabs_release_empty(struct mmiod_object_cache *cache, uint64_t keep, struct work *work)
{
	while (cache->empties > keep) {
		struct slab *slab = link_entry(cache->empty.next, struct slab, link);

		link_remove(&slab->link);
		index_remove(&cache->index, cache->geometry.shift, slab);
		link_append(&work->slabs, &slab->link);
		cache->empties--;
	}
}
