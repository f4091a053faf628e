/* SPDX-License-Identifier: MIT */
/*
 * The figures of object caches, of one or of all: taken under the registry's lock, which is what
 * keeps caches and their magazines in place.
 */
#include "cache/cache.h"
#include "base/sized.h"

#include <string.h>

static void count_objects(struct mmiod_object_cache *cache, struct mmiod_object_cache_stats *stats)
{
	uint64_t used = cache_used(cache);

	stats->slabs = cache->index.count;
	stats->empty_slabs = cache->empties;
	stats->damaged_objects = cache->damaged;
	stats->total_objects = stats->slabs * cache->geometry.objects;
	/*
	 * Magazines were counted before, without this lock, and may hold strangers until they are
	 * flushed.
	 */
	if (stats->cached_objects > used)
		stats->cached_objects = used;
	stats->active_objects = used - stats->cached_objects;
	stats->waste_bytes = stats->slabs * cache->geometry.slab_size -
			     stats->active_objects * cache->geometry.object_size;
	stats->host_bytes += sizeof(*cache) + stats->slabs * slab_bytes(cache) +
			     cache->index.capacity * sizeof(struct slab *);
}

/* Under the registry's lock. */
static void take_figures(struct mmiod_object_cache *cache, struct mmiod_object_cache_stats *stats)
{
	const struct geometry *geometry = &cache->geometry;

	*stats = (struct mmiod_object_cache_stats){
		.object_size = geometry->object_size,
		.alignment = geometry->alignment,
		.slot_size = geometry->stride,
		.slab_size = geometry->slab_size,
		.objects_per_slab = geometry->objects,
		.flags = cache->flags,
	};
	memcpy(stats->name, cache->name, sizeof(stats->name));
	magazines_account(cache, &stats->cached_objects, &stats->host_bytes);
	pthread_mutex_lock(&cache->lock);
	count_objects(cache, stats);
	pthread_mutex_unlock(&cache->lock);
}

MMIOD_EXPORT void mmiod_object_cache_stats_sized(struct mmiod_object_cache *cache,
						 struct mmiod_object_cache_stats *stats,
						 size_t size)
{
	struct mmiod_object_cache_stats known;

	pthread_mutex_lock(&registry_lock);
	take_figures(cache, &known);
	pthread_mutex_unlock(&registry_lock);
	sized_give(stats, size, &known, sizeof(known));
}

struct visit {
	void (*each)(void *context, const struct mmiod_object_cache_stats *stats);
	void *context;
};

static bool visit(void *context, struct mmiod_object_cache *cache)
{
	const struct visit *visit = context;
	struct mmiod_object_cache_stats stats;

	take_figures(cache, &stats);
	visit->each(visit->context, &stats);
	return true;
}

void figures_visit(void (*each)(void *context, const struct mmiod_object_cache_stats *stats),
		   void *context)
{
	struct visit call = { .each = each, .context = context };

	registry_visit(visit, &call);
}
