/* SPDX-License-Identifier: MIT */
/*
 * struct mmiod_object_cache: objects of one size, after the kernel's kmem_cache.
 *
 * Here is what a program calls. Allocation and free are a look into the thread's own magazine;
 * everything else goes to the slabs, or with debugging letters to the path that checks.
 *
 * A cache owns its slabs, their descriptors and all threads' magazines of it. The provider is the
 * program's.
 */
#include "cache/cache.h"
#include "base/sized.h"

#include <stdlib.h>
#include <string.h>

static int create(const struct mmiod_object_cache_options *options, struct mmiod_object_cache **out,
		  char *error, size_t size)
{
	struct mmiod_object_cache *cache = calloc(1, sizeof(*cache));
	int err;

	if (!cache)
		return -ENOMEM;
	err = options_read(options, cache, error, size);
	if (err) {
		free(cache);
		return err;
	}
	link_init(&cache->link);
	link_init(&cache->magazines);
	link_init(&cache->partial);
	link_init(&cache->empty);
	pthread_mutex_init(&cache->lock, NULL);
	err = registry_add(cache);
	if (err) {
		pthread_mutex_destroy(&cache->lock);
		free(cache);
		return err;
	}
	publish_begin();
	*out = cache;
	return 0;
}

static const struct sized options_struct = SIZED(mmiod_object_cache_options, context);

MMIOD_EXPORT int mmiod_object_cache_create_sized(const struct mmiod_object_cache_options *options,
						 size_t options_size,
						 struct mmiod_object_cache **cache, char *error,
						 size_t size)
{
	struct mmiod_object_cache_options known;
	int err;

	*cache = NULL;
	if (error && size)
		*error = '\0';
	err = sized_take(&options_struct, &known, options, options_size, error, size);
	return err ? err : create(&known, cache, error, size);
}

/* ---- allocation ---- */

/* Not inlined: it would make the short way save registers. */
static __attribute__((noinline)) void *alloc_slowly(struct mmiod_object_cache *cache,
						    const void *caller)
{
	struct magazine *magazine;
	void *object = NULL;
	int err = 0;

	if (cache_debugged(cache)) {
		object = debug_alloc(cache, caller, &err);
	} else {
		magazine = magazine_make(cache);
		if (magazine)
			object = magazine_refill(magazine, &err);
		else
			slabs_fill(cache, 1, &object, &err);
	}
	if (!object)
		errno = -err;
	return object;
}

MMIOD_EXPORT void *mmiod_object_cache_alloc(struct mmiod_object_cache *cache)
{
	struct magazine *magazine = magazine_own(cache);
	uint32_t count;

	if (!magazine || !(count = magazine_count(magazine)))
		return alloc_slowly(cache, __builtin_return_address(0));
	magazine_set_count(magazine, count - 1);
	return magazine->objects[count - 1];
}

static size_t take_from_magazine(struct mmiod_object_cache *cache, size_t want, void **objects)
{
	struct magazine *magazine = magazine_own(cache);
	uint32_t count = magazine ? magazine_count(magazine) : 0;
	size_t taken = want < count ? want : count;

	if (!taken)
		return 0;
	memcpy(objects, magazine->objects + count - taken, taken * sizeof(*objects));
	magazine_set_count(magazine, count - (uint32_t)taken);
	return taken;
}

MMIOD_EXPORT int mmiod_object_cache_alloc_bulk(struct mmiod_object_cache *cache, size_t count,
					       void **objects)
{
	const void *caller = __builtin_return_address(0);
	size_t have = take_from_magazine(cache, count, objects);
	int err = 0;

	while (have < count && !err) {
		if (!cache_debugged(cache)) {
			have += slabs_fill(cache, count - have, objects + have, &err);
			continue;
		}
		objects[have] = debug_alloc(cache, caller, &err);
		have += !err;
	}
	if (!err)
		return 0;
	mmiod_object_cache_free_bulk(cache, have, objects);
	return err;
}

/* ---- free ---- */

static void free_to_slabs(struct mmiod_object_cache *cache, size_t count, void *const *objects)
{
	struct work work;

	work_init(&work);
	pthread_mutex_lock(&cache->lock);
	slabs_put_all(cache, count, objects, &work);
	slabs_release_empty(cache, EMPTY_SLABS_KEPT, &work);
	pthread_mutex_unlock(&cache->lock);
	work_finish(cache, &work);
}

static __attribute__((noinline)) void free_slowly(struct mmiod_object_cache *cache, void *object,
						  const void *caller)
{
	struct magazine *magazine;
	struct work work;

	if (!object)
		return;
	if (cache_debugged(cache)) {
		debug_free(cache, object, caller);
		return;
	}
	magazine = magazine_make(cache);
	if (!magazine) {
		free_to_slabs(cache, 1, &object);
		return;
	}
	work_init(&work);
	magazine_push(magazine, object, &work);
	work_finish(cache, &work);
}

MMIOD_EXPORT void mmiod_object_cache_free(struct mmiod_object_cache *cache, volatile void *object)
{
	struct magazine *magazine = magazine_own(cache);
	uint32_t count;

	if (!magazine || !object || (count = magazine_count(magazine)) == cache->magazine_size) {
		free_slowly(cache, (void *)object, __builtin_return_address(0));
		return;
	}
	magazine->objects[count] = (void *)object;
	magazine_set_count(magazine, count + 1);
}

/* Puts away as many as fit, and returns how many of @objects are done with. */
static size_t put_into_magazine(struct mmiod_object_cache *cache, size_t count,
				void *const *objects)
{
	struct magazine *magazine = magazine_own(cache);
	uint32_t held = magazine ? magazine_count(magazine) : 0;
	size_t done = 0;

	if (!magazine)
		return 0;
	for (; done < count && held < cache->magazine_size; done++)
		if (objects[done])
			magazine->objects[held++] = objects[done];
	magazine_set_count(magazine, held);
	return done;
}

MMIOD_EXPORT void mmiod_object_cache_free_bulk(struct mmiod_object_cache *cache, size_t count,
					       void **objects)
{
	const void *caller = __builtin_return_address(0);
	size_t put;

	if (cache_debugged(cache)) {
		for (size_t i = 0; i < count; i++)
			if (objects[i])
				debug_free(cache, objects[i], caller);
		return;
	}
	put = put_into_magazine(cache, count, objects);
	if (put < count)
		free_to_slabs(cache, count - put, objects + put);
}

/* ---- the whole cache ---- */

static void report_slab(struct mmiod_object_cache *cache, struct slab *slab, FILE *out)
{
	struct place place = { .slab = slab };

	for (; place.index < cache->geometry.objects; place.index++) {
		char *object = slab_object(cache, slab, place.index);

		if (place_is_free(&place) || place_is_damaged(cache, &place))
			continue;
		fprintf(out, "Object %p @offset=%td\n", object, object - slab->base);
		report_tracks(out, cache, &place);
	}
}

static void report_remaining(struct mmiod_object_cache *cache, const void *caller,
			     struct work *work)
{
	struct finding finding = { .problem = MMIOD_PROBLEM_REMAINING, .caller = caller };
	FILE *out = report_bug(cache, &finding, work, "%llu objects remaining on destruction",
			       (unsigned long long)cache_used(cache));

	for (size_t i = 0; i < cache->index.capacity; i++)
		if (cache->index.slots[i])
			report_slab(cache, cache->index.slots[i], out);
	report_trailer(out, cache, &finding);
	fprintf(out, "FIX %s: cache not destroyed\n", cache->name);
}

static void release_all(struct mmiod_object_cache *cache, struct work *work)
{
	for (size_t i = 0; i < cache->index.capacity; i++) {
		struct slab *slab = cache->index.slots[i];

		if (!slab)
			continue;
		link_remove(&slab->link);
		link_append(&work->slabs, &slab->link);
	}
}

MMIOD_EXPORT int mmiod_object_cache_destroy(struct mmiod_object_cache *cache)
{
	struct work work;
	bool used;

	if (!cache)
		return 0;
	magazines_collect(cache);
	work_init(&work);
	pthread_mutex_lock(&cache->lock);
	debug_check_all(cache, &work);
	used = cache_used(cache);
	if (used)
		report_remaining(cache, __builtin_return_address(0), &work);
	else
		release_all(cache, &work);
	pthread_mutex_unlock(&cache->lock);
	if (used) {
		work_finish(cache, &work);
		return -EBUSY;
	}
	registry_remove(cache);
	work_finish(cache, &work);
	pthread_mutex_destroy(&cache->lock);
	free(cache->index.slots);
	free(cache);
	return 0;
}

MMIOD_EXPORT size_t mmiod_object_cache_shrink(struct mmiod_object_cache *cache)
{
	struct magazine *magazine = magazine_own(cache);
	struct work work;

	work_init(&work);
	if (magazine)
		magazine_drain(magazine, &work);
	pthread_mutex_lock(&cache->lock);
	debug_check_empty(cache, &work);
	slabs_release_empty(cache, 0, &work);
	pthread_mutex_unlock(&cache->lock);
	return work_finish(cache, &work);
}

MMIOD_EXPORT size_t mmiod_object_cache_validate(struct mmiod_object_cache *cache)
{
	struct work work;
	size_t bad;

	work_init(&work);
	pthread_mutex_lock(&cache->lock);
	bad = debug_check_all(cache, &work);
	pthread_mutex_unlock(&cache->lock);
	work_finish(cache, &work);
	return bad;
}
