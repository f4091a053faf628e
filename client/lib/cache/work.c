/* SPDX-License-Identifier: MIT */
/*
 * Work that is put off while a cache's lock is held, and done when no lock is: slabs go back to
 * their provider, and reports to the program, with the owner of a stray pointer if any cache knows
 * it.
 */
#include "cache/cache.h"

struct stray {
	FILE *out;
	const void *object;
	bool found;
};

static bool look(void *context, struct mmiod_object_cache *cache)
{
	struct stray *stray = context;
	struct place place;

	pthread_mutex_lock(&cache->lock);
	slabs_find(cache, stray->object, &place);
	if (place.slab) {
		fprintf(stray->out, "Object is from cache %s\n", cache->name);
		report_tracks(stray->out, cache, &place);
		stray->found = true;
	}
	pthread_mutex_unlock(&cache->lock);
	return !stray->found;
}

/* Whose object it is. */
static void describe(FILE *out, const void *object)
{
	struct stray stray = { .out = out, .object = object };

	registry_visit(look, &stray);
	if (!stray.found)
		fputs("Object is from no cache of this process\n", out);
}

void work_init(struct work *work)
{
	link_init(&work->slabs);
	link_init(&work->reports);
}

/* Does the work that was put off while the lock was held. Returns how many slabs went back. */
size_t work_finish(struct mmiod_object_cache *cache, struct work *work)
{
	size_t released = 0;

	while (work->slabs.next != &work->slabs) {
		struct slab *slab = link_entry(work->slabs.next, struct slab, link);

		link_remove(&slab->link);
		slab_free(cache, slab);
		released++;
	}
	reports_emit(cache, work, describe);
	return released;
}
