/* SPDX-License-Identifier: MIT */
#include "support/caches.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS 4
#define HELD 500
#define STEPS 100000
#define OPTIONS(...) ((struct mmiod_object_cache_options){ __VA_ARGS__ })

TestSuite(object_cache_threads, .timeout = 1200);

static uint32_t random_below(uint64_t *state, uint32_t limit)
{
	*state = *state * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)((*state >> 33) % limit);
}

struct worker {
	pthread_t thread;
	struct mmiod_object_cache *cache;
	uint64_t seed;
	uint64_t steps;
	uint64_t *held[HELD];
	bool damaged;
};

/*
 * An object is marked with who has it and where; whoever else had it, too, would have changed that.
 */
static void take_or_give(struct worker *worker, uint64_t *state)
{
	size_t i = random_below(state, HELD);
	uint64_t mark = worker->seed << 32 | i;
	uint64_t *object = worker->held[i];

	if (object) {
		worker->damaged |= object[0] != mark || object[7] != ~mark;
		mmiod_object_cache_free(worker->cache, object);
		worker->held[i] = NULL;
		return;
	}
	object = mmiod_object_cache_alloc(worker->cache);
	worker->held[i] = object;
	if (!object)
		return;
	object[0] = mark;
	object[7] = ~mark;
}

static void *work(void *data)
{
	struct worker *worker = data;
	uint64_t state = worker->seed;

	for (uint64_t step = 0; step < worker->steps; step++) {
		take_or_give(worker, &state);
		if (!random_below(&state, 5000))
			mmiod_object_cache_shrink(worker->cache);
	}
	for (size_t i = 0; i < HELD; i++)
		mmiod_object_cache_free(worker->cache, worker->held[i]);
	return NULL;
}

static void hammer(unsigned int flags, uint64_t steps)
{
	struct mmiod_object_cache *cache = cache_make(OPTIONS(.object_size = 64, .flags = flags));
	static struct worker workers[THREADS];

	for (size_t i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ .cache = cache, .seed = i + 1, .steps = steps };
		pthread_create(&workers[i].thread, NULL, work, &workers[i]);
	}
	for (size_t i = 0; i < THREADS; i++) {
		struct mmiod_object_cache_stats stats = cache_stats(cache);

		cr_assert_leq(stats.active_objects, stats.total_objects);
		pthread_join(workers[i].thread, NULL);
		cr_assert_not(workers[i].damaged);
	}
	cr_assert_eq(cache_stats(cache).active_objects, 0);
	cr_assert_eq(cache_stats(cache).cached_objects, 0, "threads that ended gave theirs back");
	mmiod_object_cache_shrink(cache);
	cr_assert_eq(cache_stats(cache).slabs, 0);
	cache_end(cache);
	cr_assert_eq(reports.count, 0);
}

Test(object_cache_threads, never_have_the_same_object)
{
	hammer(0, STEPS);
}

Test(object_cache_threads, never_have_the_same_object_without_magazines)
{
	hammer(MMIOD_OBJECT_CACHE_NO_MAGAZINES, STEPS);
}

Test(object_cache_threads, never_have_the_same_object_while_debugging)
{
	hammer(MMIOD_OBJECT_CACHE_SANITY | MMIOD_OBJECT_CACHE_RED_ZONE | MMIOD_OBJECT_CACHE_POISON,
	       STEPS / 50);
}

/*
 * One allocates, another frees: objects travel through
 * the slabs, and no magazine grows without end.
 */
struct pipe_of_objects {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct mmiod_object_cache *cache;
	void *objects[64];
	int count;
	bool done;
};

static void *consume(void *data)
{
	struct pipe_of_objects *pipe = data;
	void *objects[64];
	int count;
	bool done;

	do {
		pthread_mutex_lock(&pipe->lock);
		while (!pipe->count && !pipe->done)
			pthread_cond_wait(&pipe->changed, &pipe->lock);
		count = pipe->count;
		done = pipe->done;
		memcpy(objects, pipe->objects, sizeof(objects));
		pipe->count = 0;
		pthread_cond_broadcast(&pipe->changed);
		pthread_mutex_unlock(&pipe->lock);
		mmiod_object_cache_free_bulk(pipe->cache, (size_t)count, objects);
	} while (!done);
	return NULL;
}

Test(object_cache_threads, may_free_what_others_allocated)
{
	struct pipe_of_objects pipe = { .lock = PTHREAD_MUTEX_INITIALIZER,
					.changed = PTHREAD_COND_INITIALIZER };
	pthread_t consumer;

	pipe.cache = cache_make(OPTIONS(.object_size = 64));
	pthread_create(&consumer, NULL, consume, &pipe);
	for (int i = 0; i < 50000; i++) {
		void *object = mmiod_object_cache_alloc(pipe.cache);

		cr_assert(object);
		pthread_mutex_lock(&pipe.lock);
		while (pipe.count == 64)
			pthread_cond_wait(&pipe.changed, &pipe.lock);
		pipe.objects[pipe.count++] = object;
		pthread_cond_broadcast(&pipe.changed);
		pthread_mutex_unlock(&pipe.lock);
	}
	pthread_mutex_lock(&pipe.lock);
	pipe.done = true;
	pthread_cond_broadcast(&pipe.changed);
	pthread_mutex_unlock(&pipe.lock);
	pthread_join(consumer, NULL);
	cr_assert_leq(cache_stats(pipe.cache).slabs, 10);
	cache_end(pipe.cache);
}

/* ---- destruction while a thread lives that used the cache ---- */

struct visitor {
	pthread_barrier_t barrier;
	struct mmiod_object_cache *cache;
	void *object;
};

static void *visit_twice(void *data)
{
	struct visitor *visitor = data;

	for (int i = 0; i < 2; i++) {
		pthread_barrier_wait(&visitor->barrier);
		mmiod_object_cache_free(visitor->cache, mmiod_object_cache_alloc(visitor->cache));
		pthread_barrier_wait(&visitor->barrier);
	}
	pthread_barrier_wait(&visitor->barrier);
	return NULL;
}

Test(object_cache_threads, that_live_on_lose_their_magazines_when_it_is_destroyed)
{
	struct visitor visitor;
	pthread_t thread;

	pthread_barrier_init(&visitor.barrier, NULL, 2);
	pthread_create(&thread, NULL, visit_twice, &visitor);
	for (int i = 0; i < 2; i++) {
		visitor.cache = cache_make(OPTIONS(.object_size = 64 + (size_t)i * 64));
		pthread_barrier_wait(&visitor.barrier);
		pthread_barrier_wait(&visitor.barrier);
		cr_assert_gt(cache_stats(visitor.cache).cached_objects, 0);
		cache_end(visitor.cache);
	}
	pthread_barrier_wait(&visitor.barrier);
	pthread_join(thread, NULL);
}

static void *visit_and_end(void *data)
{
	struct visitor *visitor = data;

	visitor->object = mmiod_object_cache_alloc(visitor->cache);
	mmiod_object_cache_free(visitor->cache, visitor->object);
	return NULL;
}

/* The end of a thread and the destruction of a cache meet in the magazine. */
Test(object_cache_threads, may_end_while_caches_are_destroyed)
{
	for (int round = 0; round < 300; round++) {
		struct visitor visitors[3] = { 0 };
		pthread_t threads[3];

		for (size_t i = 0; i < 3; i++) {
			visitors[i].cache = cache_make(OPTIONS(.object_size = 64));
			pthread_create(&threads[i], NULL, visit_and_end, &visitors[i]);
		}
		for (size_t i = 0; i < 3; i++) {
			pthread_join(threads[i], NULL);
			cr_assert(visitors[i].object);
			cache_end(visitors[i].cache);
		}
	}
}

/* ---- a provider that takes its time, and uses a cache itself, while a thread ends ---- */

static struct {
	struct mmiod_object_cache *own;
	sem_t entered;
	sem_t go_on;
	int puts; /* atomic: the first takes its time */
	int destroyed; /* atomic */
} slow;

static int slow_get(void *context, size_t size, void **address, void **handle)
{
	*address = aligned_alloc(size, size);
	return *address ? 0 : -ENOMEM;
}

static void slow_put(void *context, void *address, size_t size, void *handle)
{
	mmiod_object_cache_free(slow.own, mmiod_object_cache_alloc(slow.own));
	if (!__atomic_fetch_add(&slow.puts, 1, __ATOMIC_RELAXED)) {
		sem_post(&slow.entered);
		sem_wait(&slow.go_on);
	}
	free(address);
}

static void *fill_magazine_and_end(void *cache)
{
	void *objects[10];

	for (int i = 0; i < 10; i++)
		objects[i] = mmiod_object_cache_alloc(cache);
	for (int i = 0; i < 10; i++)
		mmiod_object_cache_free(cache, objects[i]);
	return NULL;
}

static void *destroy(void *cache)
{
	int err = mmiod_object_cache_destroy(cache);

	__atomic_store_n(&slow.destroyed, 1, __ATOMIC_RELEASE);
	return (void *)(intptr_t)err;
}

Test(object_cache_threads, that_end_are_waited_for_when_it_is_destroyed)
{
	struct mmiod_slab_provider *provider;
	size_t page = mmiod_page_size();
	struct mmiod_object_cache *cache;
	pthread_t ending, destroying;
	void *err;

	sem_init(&slow.entered, 0, 0);
	sem_init(&slow.go_on, 0, 0);
	cr_assert_eq(mmiod_slab_provider_create(slow_get, slow_put, NULL, &provider), 0);
	slow.own = cache_make(OPTIONS(.object_size = 64));
	cache = cache_make(OPTIONS(.object_size = page, .slab_size = page, .provider = provider));
	pthread_create(&ending, NULL, fill_magazine_and_end, cache);
	sem_wait(&slow.entered);
	pthread_create(&destroying, NULL, destroy, cache);
	usleep(50000);
	cr_assert_not(__atomic_load_n(&slow.destroyed, __ATOMIC_ACQUIRE));
	sem_post(&slow.go_on);
	pthread_join(ending, NULL);
	pthread_join(destroying, &err);
	cr_assert_null(err);
	cr_assert_eq(cache_stats(slow.own).cached_objects, 0, "used while the thread ended");
	cache_end(slow.own);
	cr_assert_eq(mmiod_slab_provider_free(provider), 0);
}
