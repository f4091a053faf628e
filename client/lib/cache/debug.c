/* SPDX-License-Identifier: MIT */
/*
 * The path of a cache with debugging letters: no magazines, every call under the cache's lock,
 * every object looked at.
 *
 * As SLUB: damaged bytes are reported and restored, so that they are reported once; the object is
 * then given up. A bad free is reported and ignored.
 */
#include "cache/cache.h"

#include <stdlib.h>

/* A stretch of bytes that must all be @value. */
struct stretch {
	enum mmiod_object_cache_problem problem;
	const char *what;
	char *start;
	uint8_t value;
	size_t length;
};

static bool check_stretch(struct mmiod_object_cache *cache, const struct finding *where,
			  const struct stretch *stretch, struct work *work)
{
	struct finding finding = *where;
	size_t first, last;
	uint8_t found;
	FILE *out;

	if (!touch_differs(stretch->start, stretch->value, stretch->length, &first, &last, &found))
		return true;
	finding.problem = stretch->problem;
	out = report_bug(cache, &finding, work, "%s overwritten", stretch->what);
	fprintf(out, "%p-%p @offset=%td. First byte 0x%x instead of 0x%x\n", stretch->start + first,
		stretch->start + last, stretch->start + first - finding.place.slab->base, found,
		stretch->value);
	report_trailer(out, cache, &finding);
	touch_fill(stretch->start + first, stretch->value, last - first + 1);
	fprintf(out, "FIX %s: Restoring %s %p-%p=0x%x\n", cache->name, stretch->what,
		stretch->start + first, stretch->start + last, stretch->value);
	return false;
}

/* Every byte of a slot that is not the program's to write. */
static bool check_object(struct mmiod_object_cache *cache, const struct finding *where, bool used,
			 struct work *work)
{
	const struct geometry *geometry = &cache->geometry;
	char *object = slab_object(cache, where->place.slab, where->place.index);
	uint8_t zone = used ? RED_ZONE_USED : RED_ZONE_FREE;
	bool red = cache->flags & MMIOD_OBJECT_CACHE_RED_ZONE;
	bool poison = cache->flags & MMIOD_OBJECT_CACHE_POISON;
	char *end = object + geometry->object_size;
	size_t slack = geometry->inuse - geometry->object_size;
	const struct stretch stretches[] = {
		{ MMIOD_PROBLEM_RED_ZONE, "Left Redzone", object - geometry->left, zone,
		  red ? geometry->left : 0 },
		{ MMIOD_PROBLEM_RED_ZONE, "Right Redzone", end, zone, red ? slack : 0 },
		{ MMIOD_PROBLEM_PADDING, "Alignment padding", end, POISON_PADDING,
		  poison && !red ? slack : 0 },
		{ MMIOD_PROBLEM_POISON, "Poison", object, POISON_FREE,
		  cache_poisons(cache) && !used ? geometry->object_size : 0 },
		{ MMIOD_PROBLEM_PADDING, "Object padding", object + geometry->inuse, POISON_PADDING,
		  poison ? geometry->stride - geometry->left - geometry->inuse : 0 },
	};
	bool good = true;

	for (size_t i = 0; i < sizeof(stretches) / sizeof(*stretches); i++)
		good &= check_stretch(cache, where, &stretches[i], work);
	return good;
}

static void remember(const struct mmiod_object_cache *cache, const struct finding *finding,
		     bool freed, struct work *work)
{
	struct track *track = track_of(cache, &finding->place, freed);

	if (track)
		track_now(track, finding->caller);
	if (cache->flags & MMIOD_OBJECT_CACHE_TRACE)
		report_trace(cache, finding, freed, work);
}

/* splitmix64 over an atomic counter: the same seed, the same failures. */
static bool strikes(struct mmiod_object_cache *cache)
{
	uint64_t z = __atomic_add_fetch(&cache->fail_state, 0x9e3779b97f4a7c15, __ATOMIC_RELAXED);

	if (!(cache->flags & MMIOD_OBJECT_CACHE_FAILSLAB))
		return false;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (z ^ z >> 31) % 100 < cache->fail_percent;
}

/* A free object that nobody wrote to; NULL: no slab has one. */
static void *take_good(struct mmiod_object_cache *cache, const void *caller, struct work *work)
{
	struct finding finding = { .caller = caller };
	void *object;

	while (slabs_take(cache, 1, &object)) {
		finding.object = object;
		slabs_find(cache, object, &finding.place);
		if (check_object(cache, &finding, false, work)) {
			touch_mark(cache, object, true);
			remember(cache, &finding, false, work);
			return object;
		}
		slabs_give_up(cache, &finding.place);
	}
	return NULL;
}

void *debug_alloc(struct mmiod_object_cache *cache, const void *caller, int *err)
{
	void *object = NULL;
	struct work work;

	work_init(&work);
	*err = strikes(cache) ? -ENOMEM : 0;
	while (!*err && !object) {
		pthread_mutex_lock(&cache->lock);
		object = take_good(cache, caller, &work);
		pthread_mutex_unlock(&cache->lock);
		if (!object)
			*err = slabs_grow(cache);
	}
	work_finish(cache, &work);
	return object;
}

static int check_free(const struct mmiod_object_cache *cache, struct finding *finding)
{
	int problem = slabs_find(cache, finding->object, &finding->place);

	if (!problem &&
	    (place_is_free(&finding->place) || place_is_damaged(cache, &finding->place)))
		problem = MMIOD_PROBLEM_DOUBLE_FREE;
	finding->problem = (enum mmiod_object_cache_problem)problem;
	return problem;
}

static void give_back(struct mmiod_object_cache *cache, struct finding *finding, struct work *work)
{
	FILE *out;

	if (check_object(cache, finding, true, work)) {
		remember(cache, finding, true, work);
		touch_mark(cache, (void *)finding->object, false);
		slabs_put(cache, &finding->place);
		return;
	}
	slabs_give_up(cache, &finding->place);
	out = report_last(work);
	fprintf(out, "FIX %s: Object at %p not freed\n", cache->name, finding->object);
}

/*
 * Before slabs go back to the provider they are checked; one with damage stays, for the culprit may
 * write again.
 */
static void trim(struct mmiod_object_cache *cache, struct work *work)
{
	if (cache->empties <= EMPTY_SLABS_KEPT)
		return;
	debug_check_empty(cache, work);
	slabs_release_empty(cache, EMPTY_SLABS_KEPT, work);
}

void debug_free(struct mmiod_object_cache *cache, void *object, const void *caller)
{
	struct finding finding = { .object = object, .caller = caller };
	struct work work;

	work_init(&work);
	pthread_mutex_lock(&cache->lock);
	if (check_free(cache, &finding))
		report_misuse(cache, &finding, &work);
	else
		give_back(cache, &finding, &work);
	trim(cache, &work);
	pthread_mutex_unlock(&cache->lock);
	work_finish(cache, &work);
}

/* The bytes behind the last slot. */
static size_t check_tail(struct mmiod_object_cache *cache, struct slab *slab, struct work *work)
{
	const struct geometry *geometry = &cache->geometry;
	size_t used = geometry->objects * geometry->stride;
	struct finding finding = { .place = { slab, geometry->objects - 1 } };
	struct stretch tail = { MMIOD_PROBLEM_PADDING, "Padding", slab->base + used, POISON_PADDING,
				geometry->slab_size - used };

	finding.object = slab_object(cache, slab, finding.place.index);
	if (!(cache->flags & MMIOD_OBJECT_CACHE_POISON))
		return 0;
	return !check_stretch(cache, &finding, &tail, work);
}

/* A damaged free object is given up; one in use is repaired and stays its owner's. */
static size_t check_slab(struct mmiod_object_cache *cache, struct slab *slab, struct work *work)
{
	struct finding finding = { .place = { .slab = slab } };
	size_t bad = check_tail(cache, slab, work);

	for (uint32_t i = 0; i < cache->geometry.objects; i++) {
		bool is_free;

		finding.place.index = i;
		finding.object = slab_object(cache, slab, i);
		is_free = place_is_free(&finding.place);
		if (place_is_damaged(cache, &finding.place) ||
		    check_object(cache, &finding, !is_free, work))
			continue;
		if (is_free)
			slabs_give_up(cache, &finding.place);
		bad++;
	}
	return bad;
}

void debug_check_empty(struct mmiod_object_cache *cache, struct work *work)
{
	struct link *link = cache->empty.next;

	if (!(cache->flags & FLAGS_TOUCH))
		return;
	while (link != &cache->empty) {
		struct slab *slab = link_entry(link, struct slab, link);

		link = link->next; /* before a damaged one leaves the list */
		check_slab(cache, slab, work);
	}
}

size_t debug_check_all(struct mmiod_object_cache *cache, struct work *work)
{
	size_t bad = 0;

	if (!(cache->flags & FLAGS_TOUCH))
		return 0;
	for (size_t i = 0; i < cache->index.capacity; i++)
		if (cache->index.slots[i])
			bad += check_slab(cache, cache->index.slots[i], work);
	return bad;
}
