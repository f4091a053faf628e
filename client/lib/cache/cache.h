/* SPDX-License-Identifier: MIT */
/*
 * Structs and functions that the files of the object cache share.
 *
 * Layers, each of which calls only those below it:
 *
 *	cache				create, destroy, allocate, free
 *	publish				the daemon is told of all caches
 *	figures				figures, of one cache or of all
 *	magazine, debug			free objects of a thread; the path with debugging letters
 *	work				what is done when no lock is held
 *	slab				slabs: which objects are free; where an address belongs
 *	report				texts
 *	registry				all caches of the process
 *	touch, index			device-safe loads and stores; address -> slab
 *
 * options and, below it, letters read what a program and its user want. Providers are used through
 * provider_get() and provider_put() only: provider (the program's, ranges, anonymous memory) and,
 * above it, provider-lease (leases of its own), which knows nothing of caches.
 *
 * Locks: the registry's, which also orders which thread has a magazine of which cache, before a
 * cache's lock. Neither is held while a provider, a constructor or a report callback runs: their
 * work is kept in a struct work meanwhile.
 */
#ifndef MMIOD_CACHE_H
#define MMIOD_CACHE_H

#include "internal.h"

#include <pthread.h>
#include <stdio.h>

#define NO_SLOT UINT32_MAX
#define MAGAZINE_MAX 64
#define EMPTY_SLABS_KEPT 4

#define FLAGS_DEBUG                                                                            \
	(MMIOD_OBJECT_CACHE_SANITY | MMIOD_OBJECT_CACHE_RED_ZONE | MMIOD_OBJECT_CACHE_POISON | \
	 MMIOD_OBJECT_CACHE_USER | MMIOD_OBJECT_CACHE_TRACE | MMIOD_OBJECT_CACHE_FAILSLAB)
/* The flags with which the objects' memory is touched. */
#define FLAGS_TOUCH (MMIOD_OBJECT_CACHE_RED_ZONE | MMIOD_OBJECT_CACHE_POISON)

/*
 * The kernel's <linux/poison.h>, but for free objects, whose bytes are all 0xa5 here (there 0x6b,
 * and 0xa5 the last).
 */
#define RED_ZONE_FREE 0xbb
#define RED_ZONE_USED 0xcc
#define POISON_FREE 0xa5
#define POISON_PADDING 0x5a

/*
 * One slot: left red zone, object, right red zone up to @inuse, padding up to @stride. The object
 * starts at @left, and
 * @inuse counts from there.
 */
struct geometry {
	size_t object_size;
	size_t alignment;
	size_t left;
	size_t inuse;
	size_t stride;
	size_t slab_size;
	unsigned int shift; /* of slab_size */
	uint32_t objects;
	uint32_t words; /* of a bitmap of one bit per object */
};

struct slab {
	struct link link; /* in partial or empty; alone while no object is free */
	char *base;
	void *handle; /* the provider's */
	uint32_t free; /* bits set in map */
	uint32_t damaged; /* neither free nor in use for ever */
	/*
	 * A bit set: free. With debugging letters as many words of damaged objects follow, and with
	 * U the tracks.
	 */
	uint64_t map[];
};

#define TRACK_FRAMES 8

/* The thread that allocated or freed an object, and from where. */
struct track {
	const void *address; /* where the cache was called; NULL: never happened */
	const void *frames[TRACK_FRAMES]; /* the callers of that */
	uint64_t when; /* CLOCK_MONOTONIC, ns */
	int32_t pid;
	int32_t tid;
	int32_t cpu;
};

/* ---- index.c ---- */

struct slab_index {
	struct slab **slots;
	size_t capacity; /* 0 or a power of two */
	size_t count;
};

int index_insert(struct slab_index *index, unsigned int shift, struct slab *slab);
void index_remove(struct slab_index *index, unsigned int shift, struct slab *slab);
struct slab *index_find(const struct slab_index *index, unsigned int shift, const void *address);

struct mmiod_object_cache {
	uint32_t slot; /* in a thread's table of magazines; NO_SLOT: it has none */
	uint32_t magazine_size;
	unsigned int flags;
	struct geometry geometry;
	char name[MMIOD_OBJECT_CACHE_NAME_MAX];
	struct mmiod_slab_provider *provider; /* the program's */
	void (*constructor)(void *object, void *context);
	void (*report)(const struct mmiod_object_cache_report *report, void *context);
	void *context;
	unsigned int fail_percent;
	_Alignas(8) uint64_t fail_state; /* atomic, in 32-bit code too */

	/* Under the registry's lock. */
	struct link link;
	struct link magazines;
	unsigned int flushing; /* threads that end and hold a magazine of it in their hands */

	pthread_mutex_t lock;
	struct link partial;
	struct link empty;
	uint64_t empties;
	uint64_t out; /* objects not free in a slab: in use, in magazines, damaged */
	uint64_t damaged;
	struct slab_index index;
};

static inline bool cache_debugged(const struct mmiod_object_cache *cache)
{
	return cache->flags & FLAGS_DEBUG;
}

/* Objects with a constructor keep what it wrote, as in SLUB. */
static inline bool cache_poisons(const struct mmiod_object_cache *cache)
{
	return cache->flags & MMIOD_OBJECT_CACHE_POISON && !cache->constructor;
}

/* Objects that the program has, or a magazine. Under the cache's lock. */
static inline uint64_t cache_used(const struct mmiod_object_cache *cache)
{
	return cache->out - cache->damaged;
}

static inline void *slab_object(const struct mmiod_object_cache *cache, const struct slab *slab,
				uint32_t index)
{
	return slab->base + (size_t)index * cache->geometry.stride + cache->geometry.left;
}

/* ---- what is done after the cache's lock is released ---- */

struct work {
	struct link slabs; /* to be given back */
	struct link reports;
};

/* ---- provider.c: what the library's providers have in common ---- */

/* A kind of provider starts with one, if it needs more. */
struct mmiod_slab_provider {
	int (*get)(void *context, size_t size, void **address, void **handle);
	void (*put)(void *context, void *address, size_t size, void *handle);
	void *context;
	_Alignas(8) uint64_t slabs; /* given out; atomic */
	pthread_mutex_t lock; /* for its kind, the innermost of all */
	/* NULL, or: lets go of what it has, when no slab is out. */
	void (*clear)(struct mmiod_slab_provider *provider);
	/* NULL, or: gives back what no slab is in. */
	size_t (*shrink)(struct mmiod_slab_provider *provider);
};

struct mmiod_slab_provider *provider_make(size_t size);
int provider_get(struct mmiod_slab_provider *provider, size_t size, void **address, void **handle);
void provider_put(struct mmiod_slab_provider *provider, void *address, size_t size, void *handle);
char *map_aligned(size_t length, size_t alignment, int prot);

/* ---- options.c ---- */

int options_read(const struct mmiod_object_cache_options *options, struct mmiod_object_cache *cache,
		 char *error, size_t size);

/* ---- letters.c ---- */

int options_fail(char *error, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* @flags gets the letters of MMIOD_CACHE_DEBUG for this name; @*no_growth: O is among them. */
int letters_read(const char *name, unsigned int *flags, bool *no_growth, char *error, size_t size);
int failslab_read(unsigned int *percent, uint64_t *seed, char *error, size_t size);

/* ---- slab.c: all but slab_free(), slabs_grow() and slabs_fill() under the cache's lock - */

struct place {
	struct slab *slab;
	uint32_t index;
};

size_t slab_bytes(const struct mmiod_object_cache *cache);
void slab_free(const struct mmiod_object_cache *cache, struct slab *slab);
int slabs_grow(struct mmiod_object_cache *cache);
size_t slabs_take(struct mmiod_object_cache *cache, size_t want, void **objects);
size_t slabs_fill(struct mmiod_object_cache *cache, size_t want, void **objects, int *err);
int slabs_find(const struct mmiod_object_cache *cache, const void *object, struct place *place);
void slabs_put(struct mmiod_object_cache *cache, const struct place *place);
void slabs_put_all(struct mmiod_object_cache *cache, size_t count, void *const *objects,
		   struct work *work);
void slabs_give_up(struct mmiod_object_cache *cache, const struct place *place);
void slabs_release_empty(struct mmiod_object_cache *cache, uint64_t keep, struct work *work);

static inline bool place_is_free(const struct place *place)
{
	return place->slab->map[place->index / 64] >> (place->index % 64) & 1;
}

static inline bool place_is_damaged(const struct mmiod_object_cache *cache,
				    const struct place *place)
{
	const uint64_t *damaged = place->slab->map + cache->geometry.words;

	return cache_debugged(cache) && damaged[place->index / 64] >> (place->index % 64) & 1;
}

/* ---- registry.c: all caches of the process ---- */

/* Orders magazines, the list of caches and their slots; before any cache's lock. */
extern pthread_mutex_t registry_lock;

int registry_add(struct mmiod_object_cache *cache);
void registry_remove(struct mmiod_object_cache *cache);
/* Shows @each cache under the registry's lock, as long as @each wants more. */
void registry_visit(bool (*each)(void *context, struct mmiod_object_cache *cache), void *context);

/* ---- figures.c ---- */

/* Tells @each of all caches, under the registry's lock: it must not use any. */
void figures_visit(void (*each)(void *context, const struct mmiod_object_cache_stats *stats),
		   void *context);

/* ---- publish.c ---- */

void publish_begin(void);

/* ---- magazine.c ---- */

struct magazine_table;

struct magazine {
	struct mmiod_object_cache *cache;
	struct magazine_table *table; /* of the thread that it belongs to */
	struct link link; /* in cache->magazines */
	uint32_t count; /* written by its thread only; atomic, for statistics */
	void *objects[];
};

/*
 * One per thread. Entries are its own; another thread only clears those of a cache that it
 * destroys.
 */
struct magazine_table {
	uint32_t count;
	struct magazine *magazines[];
};

/* Initial-exec, because every allocation looks here: one load instead of a call. */
extern __thread struct magazine_table *own_magazines __attribute__((tls_model("initial-exec")));

static inline struct magazine *magazine_own(const struct mmiod_object_cache *cache)
{
	const struct magazine_table *table = own_magazines;

	return cache->slot < table->count ? table->magazines[cache->slot] : NULL;
}

static inline uint32_t magazine_count(const struct magazine *magazine)
{
	return __atomic_load_n(&magazine->count, __ATOMIC_RELAXED);
}

static inline void magazine_set_count(struct magazine *magazine, uint32_t count)
{
	__atomic_store_n(&magazine->count, count, __ATOMIC_RELAXED);
}

struct magazine *magazine_make(struct mmiod_object_cache *cache);
void *magazine_refill(struct magazine *magazine, int *err);
void magazine_push(struct magazine *magazine, void *object, struct work *work);
void magazine_drain(struct magazine *magazine, struct work *work);
void magazines_collect(struct mmiod_object_cache *cache);
void magazines_account(struct mmiod_object_cache *cache, uint64_t *objects, uint64_t *bytes);

/* ---- touch.c: loads and stores in slabs; -ENODEV and no more when it is revoked ------ */

int touch_fill(void *address, uint8_t value, size_t length);
int touch_load(void *buffer, const void *address, size_t length);
bool touch_differs(const void *address, uint8_t value, size_t length, size_t *first, size_t *last,
		   uint8_t *found);
void touch_mark(const struct mmiod_object_cache *cache, void *object, bool used);

/* ---- report.c ---- */

/* A problem that was noticed, and its place. */
struct finding {
	enum mmiod_object_cache_problem problem;
	const void *object;
	struct place place; /* of the object, or the nearest; slab NULL: none */
	const void *caller; /* who called the cache; NULL: not known */
};

struct track *track_of(const struct mmiod_object_cache *cache, const struct place *place,
		       bool freed);
void track_now(struct track *track, const void *caller);
FILE *report_bug(const struct mmiod_object_cache *cache, const struct finding *finding,
		 struct work *work, const char *format, ...) __attribute__((format(printf, 4, 5)));
FILE *report_last(const struct work *work);
void report_tracks(FILE *out, const struct mmiod_object_cache *cache, const struct place *place);
void report_trailer(FILE *out, const struct mmiod_object_cache *cache,
		    const struct finding *finding);
void report_misuse(const struct mmiod_object_cache *cache, const struct finding *finding,
		   struct work *work);
void report_trace(const struct mmiod_object_cache *cache, const struct finding *finding, bool freed,
		  struct work *work);
/* @describe says whose object a stray pointer is. */
void reports_emit(const struct mmiod_object_cache *cache, struct work *work,
		  void (*describe)(FILE *out, const void *object));

/* ---- work.c ---- */

void work_init(struct work *work);
size_t work_finish(struct mmiod_object_cache *cache, struct work *work);

/* ---- debug.c ---- */

void *debug_alloc(struct mmiod_object_cache *cache, const void *caller, int *err);
void debug_free(struct mmiod_object_cache *cache, void *object, const void *caller);
void debug_check_empty(struct mmiod_object_cache *cache, struct work *work);
size_t debug_check_all(struct mmiod_object_cache *cache, struct work *work);

#endif
