/* SPDX-License-Identifier: MIT */
#include "cache/cache.h"
#include "support/caches.h"
#include "support/window.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RW (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)
#define OPTIONS(...) ((struct mmiod_object_cache_options){ __VA_ARGS__ })

static size_t page;
static struct window window;
static struct mmiod_mapping *mapping;

static void setup(void)
{
	page = mmiod_page_size();
	window_make(&window, 0, 64 * page, RW, 0);
	cr_assert_eq(mmiod_lease_map(window.lease, 0, &mapping), 0);
}

static void teardown(void)
{
	mmiod_mapping_free(mapping);
	window_free(&window);
}

TestSuite(slab_provider, .init = setup, .fini = teardown);

static char *start(void)
{
	return (char *)mmiod_mapping_address(mapping);
}

Test(slab_provider, cuts_objects_out_of_a_window)
{
	struct mmiod_slab_provider *provider;
	struct mmiod_object_cache *cache;
	char written[8] = "";
	char *object;

	cr_assert_eq(mmiod_slab_provider_from_mapping(mapping, 0, 64 * page, &provider), 0);
	cache = cache_make(OPTIONS(.object_size = 64, .provider = provider));
	object = mmiod_object_cache_alloc(cache);
	cr_assert_eq(object, start(), "lowest address first");
	mmiod_copy_to_window(object, "bytes..", 8);
	cr_assert_eq(pread(window.lease->fd, written, 8, 0), 8);
	cr_assert_str_eq(written, "bytes..");
	cr_assert_eq(mmiod_slab_provider_free(provider), -EBUSY);
	mmiod_object_cache_free(cache, object);
	cache_end(cache);
	cr_assert_eq(mmiod_slab_provider_free(provider), 0);
	cr_assert_eq(mmiod_slab_provider_free(NULL), 0);
}

Test(slab_provider, stays_within_its_range_and_gives_all_of_it)
{
	struct mmiod_slab_provider *provider;
	struct mmiod_object_cache *cache;
	void *objects[64];
	int count = 0;

	cr_assert_eq(mmiod_slab_provider_from_mapping(mapping, 3 * page, 10 * page, &provider), 0);
	cache = cache_make(OPTIONS(.object_size = page, .slab_size = page, .provider = provider));
	while ((objects[count] = mmiod_object_cache_alloc(cache))) {
		char *object = objects[count++];

		cr_assert(object >= start() + 3 * page && object < start() + 13 * page);
	}
	cr_assert_eq(errno, ENOSPC);
	cr_assert_eq(count, 10);
	mmiod_object_cache_free_bulk(cache, 10, objects);
	cache_end(cache);
	cr_assert_eq(mmiod_slab_provider_free(provider), 0);
}

Test(slab_provider, rounds_a_range_to_whole_pages)
{
	struct mmiod_slab_provider *provider;
	void *address, *handle;

	cr_assert_eq(mmiod_slab_provider_from_mapping(mapping, 1, 3 * page - 2, &provider), 0);
	cr_assert_eq(provider_get(provider, page, &address, &handle), 0);
	cr_assert_eq(address, start() + page);
	cr_assert_eq(provider_get(provider, page, &address, &handle), -ENOSPC);
	provider_put(provider, address, page, handle);
	cr_assert_eq(mmiod_slab_provider_free(provider), 0);
}

Test(slab_provider, refuses_ranges_that_leave_the_mapping)
{
	struct mmiod_slab_provider *provider = (void *)1;

	cr_assert_eq(mmiod_slab_provider_from_mapping(mapping, 0, 64 * page + 1, &provider),
		     -EINVAL);
	cr_assert_null(provider);
	cr_assert_eq(mmiod_slab_provider_from_mapping(mapping, 65 * page, page, &provider),
		     -EINVAL);
	cr_assert_eq(mmiod_slab_provider_from_mapping(mapping, page, SIZE_MAX, &provider), -EINVAL);
	cr_assert_eq(mmiod_slab_provider_from_mapping(mapping, 0, page - 1, &provider), -EINVAL);
	cr_assert_eq(mmiod_slab_provider_from_mapping(mapping, 1, page, &provider), -EINVAL);
	cr_assert_eq(mmiod_slab_provider_from_mapping(mapping, 0, 0, &provider), -EINVAL);
}

static uint32_t random_below(uint64_t *state, uint32_t limit)
{
	*state = *state * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)((*state >> 33) % limit);
}

/* Against a plain model: a byte per page. */
Test(slab_provider, never_gives_a_page_twice_and_only_aligned_slabs)
{
	struct mmiod_slab_provider *provider;
	struct {
		char *address;
		size_t size;
	} held[64];
	unsigned char model[64] = { 0 };
	uint64_t state = 1;
	size_t count = 0;

	cr_assert_eq(mmiod_slab_provider_from_mapping(mapping, page, 62 * page, &provider), 0);
	for (int step = 0; step < 20000; step++) {
		size_t size = page << random_below(&state, 5);
		void *address, *handle;

		if (count && random_below(&state, 2)) {
			size_t i = random_below(&state, (uint32_t)count);

			memset(model + (held[i].address - start()) / page, 0, held[i].size / page);
			provider_put(provider, held[i].address, held[i].size, NULL);
			held[i] = held[--count];
			continue;
		}
		if (provider_get(provider, size, &address, &handle)) {
			/* Then the model has no room either. */
			for (char *a = start(); a + size <= start() + 64 * page; a += page) {
				size_t first = (size_t)(a - start()) / page;

				if ((uintptr_t)a % size || first < 1 || first + size / page > 63)
					continue;
				cr_assert(memchr(model + first, 1, size / page));
			}
			continue;
		}
		cr_assert_eq((uintptr_t)address % size, 0);
		for (size_t i = 0; i < size / page; i++) {
			size_t at = (size_t)((char *)address - start()) / page + i;

			cr_assert(at >= 1 && at < 63);
			cr_assert_eq(model[at], 0);
			model[at] = 1;
		}
		held[count].address = address;
		held[count++].size = size;
	}
	while (count--)
		provider_put(provider, held[count].address, held[count].size, NULL);
	cr_assert_eq(mmiod_slab_provider_free(provider), 0);
}

Test(slab_provider, serves_caches_with_slabs_of_different_sizes)
{
	struct mmiod_slab_provider *provider;
	struct mmiod_object_cache *small, *large;
	unsigned char *objects[2][30];

	cr_assert_eq(mmiod_slab_provider_from_mapping(mapping, 0, 64 * page, &provider), 0);
	small = cache_make(OPTIONS(.object_size = 200, .slab_size = page, .provider = provider));
	large = cache_make(
		OPTIONS(.object_size = 900, .slab_size = 4 * page, .provider = provider));
	for (int i = 0; i < 30; i++) {
		objects[0][i] = mmiod_object_cache_alloc(small);
		objects[1][i] = mmiod_object_cache_alloc(large);
		memset(objects[0][i], i, 200);
		memset(objects[1][i], i + 100, 900);
	}
	for (int i = 0; i < 30; i++) {
		cr_assert_eq(objects[0][i][199], i);
		cr_assert_eq(objects[1][i][899], i + 100);
		mmiod_object_cache_free(small, objects[0][i]);
		mmiod_object_cache_free(large, objects[1][i]);
	}
	cache_end(small);
	cache_end(large);
	cr_assert_eq(mmiod_slab_provider_free(provider), 0);
}

/* As after a revocation: every access to the objects raises SIGBUS. */
Test(slab_provider, debugging_outlives_the_window)
{
	struct mmiod_slab_provider *provider;
	struct mmiod_object_cache *cache;
	void *object;

	cr_assert_eq(mmiod_slab_provider_from_mapping(mapping, 0, 64 * page, &provider), 0);
	cache = cache_make(OPTIONS(.object_size = 64, .provider = provider,
				   .flags = MMIOD_OBJECT_CACHE_RED_ZONE |
					    MMIOD_OBJECT_CACHE_POISON | MMIOD_OBJECT_CACHE_SANITY));
	object = mmiod_object_cache_alloc(cache);
	cr_assert_eq(ftruncate(window.lease->fd, 0), 0);
	mmiod_object_cache_free(cache, object);
	cr_assert_eq(reports.count, 0);
	mmiod_object_cache_free(cache, object);
	one_report(MMIOD_PROBLEM_DOUBLE_FREE, "the window is revoked", NULL);
	cache_end(cache);
	cr_assert_eq(mmiod_slab_provider_free(provider), 0);
}

static int never_get(void *context, size_t size, void **address, void **handle)
{
	return -ENOSPC;
}

static void never_put(void *context, void *address, size_t size, void *handle)
{
}

Test(slab_provider, of_the_program_needs_get_and_put)
{
	struct mmiod_slab_provider *provider = (void *)1;

	cr_assert_eq(mmiod_slab_provider_create(NULL, never_put, NULL, &provider), -EINVAL);
	cr_assert_null(provider);
	provider = (void *)1;
	cr_assert_eq(mmiod_slab_provider_create(never_get, NULL, NULL, &provider), -EINVAL);
	cr_assert_null(provider);
	cr_assert_eq(mmiod_slab_provider_create(never_get, never_put, NULL, &provider), 0);
	cr_assert_eq(mmiod_slab_provider_shrink(provider), 0);
	cr_assert_eq(mmiod_slab_provider_free(provider), 0);
}
