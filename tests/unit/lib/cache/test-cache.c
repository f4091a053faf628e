/* SPDX-License-Identifier: MIT */
#include "cache/cache.h"
#include "support/caches.h"

#include <stdlib.h>
#include <string.h>

#define OPTIONS(...) ((struct mmiod_object_cache_options){ __VA_ARGS__ })

TestSuite(object_cache);

Test(object_cache, gives_aligned_objects_that_do_not_overlap)
{
	static const size_t sizes[] = { 1, 7, 8, 24, 64, 100, 4096, 5000 };
	static const size_t alignments[] = { 0, 1, 8, 64, 256, 4096 };

	for (size_t s = 0; s < 8; s++)
		for (size_t a = 0; a < 6; a++) {
			struct mmiod_object_cache *cache = cache_make(
				OPTIONS(.object_size = sizes[s], .alignment = alignments[a]));
			size_t wanted = alignments[a] < 8 ? 8 : alignments[a];
			unsigned char *objects[200];

			for (int i = 0; i < 200; i++) {
				objects[i] = mmiod_object_cache_alloc(cache);
				cr_assert(objects[i]);
				cr_assert_eq((uintptr_t)objects[i] % wanted, 0);
				memset(objects[i], i, sizes[s]);
			}
			for (int i = 0; i < 200; i++) {
				cr_assert_eq(objects[i][0], i);
				cr_assert_eq(objects[i][sizes[s] - 1], i);
				mmiod_object_cache_free(cache, objects[i]);
			}
			cache_end(cache);
		}
}

Test(object_cache, aligns_to_cache_lines_but_lets_small_objects_share_one)
{
	struct mmiod_object_cache *cache =
		cache_make(OPTIONS(.object_size = 40, .flags = MMIOD_OBJECT_CACHE_HWALIGN));

	cr_assert_eq(cache_stats(cache).alignment, 64);
	cr_assert_eq(cache_stats(cache).slot_size, 64);
	cache_end(cache);
	cache = cache_make(OPTIONS(.object_size = 16, .flags = MMIOD_OBJECT_CACHE_HWALIGN));
	cr_assert_eq(cache_stats(cache).alignment, 16);
	cache_end(cache);
}

Test(object_cache, recycles_what_was_freed)
{
	struct mmiod_object_cache *cache = cache_make(OPTIONS(.object_size = 64));
	uint64_t slabs;

	mmiod_object_cache_free(cache, mmiod_object_cache_alloc(cache));
	slabs = cache_stats(cache).slabs;
	for (int i = 0; i < 100000; i++)
		mmiod_object_cache_free(cache, mmiod_object_cache_alloc(cache));
	cr_assert_eq(cache_stats(cache).slabs, slabs);
	mmiod_object_cache_free(cache, NULL);
	cache_end(cache);
}

static int constructed;

static void construct(void *object, void *context)
{
	constructed++;
	memcpy(object, context, 8);
}

Test(object_cache, constructs_objects_once_when_their_slab_is_made)
{
	char greeting[] = "ready..";
	struct mmiod_object_cache *cache = cache_make(
		OPTIONS(.object_size = 128, .constructor = construct, .context = greeting));
	unsigned int per_slab = cache_stats(cache).objects_per_slab;
	void *object;

	constructed = 0;
	for (int i = 0; i < 1000; i++) {
		object = mmiod_object_cache_alloc(cache);
		cr_assert_str_eq(object, "ready..");
		mmiod_object_cache_free(cache, object);
	}
	cr_assert_eq(constructed, (int)per_slab);
	cache_end(cache);
}

Test(object_cache, counts_what_slabinfo_shows)
{
	struct mmiod_object_cache *cache = cache_make(
		OPTIONS(.name = "counted", .object_size = 100, .alignment = 8, .slab_size = 4096));
	struct mmiod_object_cache_stats stats = cache_stats(cache);
	void *objects[50];

	cr_assert_str_eq(stats.name, "counted");
	cr_assert_eq(stats.object_size, 100);
	cr_assert_eq(stats.slot_size, 104);
	cr_assert_eq(stats.slab_size, 4096);
	cr_assert_eq(stats.objects_per_slab, 39);
	cr_assert_eq(stats.slabs, 0);
	cr_assert_eq(mmiod_object_cache_alloc_bulk(cache, 50, objects), 0);
	stats = cache_stats(cache);
	cr_assert_eq(stats.active_objects, 50);
	cr_assert_eq(stats.total_objects, 78);
	cr_assert_eq(stats.slabs, 2);
	cr_assert_eq(stats.waste_bytes, 2 * 4096 - 50 * 100);
	mmiod_object_cache_free(cache, objects[0]);
	stats = cache_stats(cache);
	cr_assert_eq(stats.active_objects, 49);
	cr_assert_eq(stats.cached_objects, 1);
	mmiod_object_cache_free_bulk(cache, 49, objects + 1);
	cr_assert_eq(cache_stats(cache).active_objects, 0);
	cache_end(cache);
}

Test(object_cache, shrinks_to_nothing_when_nothing_is_used)
{
	struct mmiod_object_cache *cache = cache_make(OPTIONS(.object_size = 512));
	void *objects[1000];
	uint64_t slabs;

	cr_assert_eq(mmiod_object_cache_alloc_bulk(cache, 1000, objects), 0);
	mmiod_object_cache_free_bulk(cache, 999, objects + 1);
	slabs = cache_stats(cache).slabs;
	cr_assert_leq(slabs, 7, "a few empty ones are kept");
	cr_assert_eq(mmiod_object_cache_shrink(cache), slabs - 1);
	cr_assert_eq(cache_stats(cache).slabs, 1, "one object is in use");
	mmiod_object_cache_free(cache, objects[0]);
	cr_assert_eq(mmiod_object_cache_shrink(cache), 1);
	cr_assert_eq(cache_stats(cache).total_objects, 0);
	cr_assert_eq(cache_stats(cache).cached_objects, 0);
	cache_end(cache);
}

Test(object_cache, keeps_no_magazines_when_told_so)
{
	struct mmiod_object_cache *cache =
		cache_make(OPTIONS(.object_size = 64, .flags = MMIOD_OBJECT_CACHE_NO_MAGAZINES));
	void *object = mmiod_object_cache_alloc(cache);

	mmiod_object_cache_free(cache, object);
	cr_assert_eq(cache_stats(cache).cached_objects, 0);
	cr_assert_eq(cache_stats(cache).empty_slabs, 1);
	cache_end(cache);
}

Test(object_cache, is_not_destroyed_while_objects_are_in_use)
{
	struct mmiod_object_cache *cache = cache_make(OPTIONS(.object_size = 64));
	void *object = mmiod_object_cache_alloc(cache);

	cr_assert_eq(mmiod_object_cache_destroy(cache), -EBUSY);
	one_report(MMIOD_PROBLEM_REMAINING, "BUG thing: 1 objects remaining", "@offset=0",
		   "cache not destroyed", NULL);
	mmiod_object_cache_free(cache, object);
	cache_end(cache);
	cr_assert_eq(mmiod_object_cache_destroy(NULL), 0);
}

/* Without letters a bad free is noticed when the magazine goes back. */
Test(object_cache, survives_bad_frees_without_debugging)
{
	struct mmiod_object_cache *cache = cache_make(OPTIONS(.object_size = 64));
	char *object = mmiod_object_cache_alloc(cache);
	char *other = mmiod_object_cache_alloc(cache);
	int foreign;

	mmiod_object_cache_free(cache, object);
	mmiod_object_cache_free(cache, object);
	mmiod_object_cache_shrink(cache);
	one_report(MMIOD_PROBLEM_DOUBLE_FREE, "BUG thing: Object already free", "not freed", NULL);
	mmiod_object_cache_free(cache, other + 8);
	mmiod_object_cache_shrink(cache);
	one_report(MMIOD_PROBLEM_INSIDE, "BUG thing: Invalid object pointer", "offset 8 of", NULL);
	mmiod_object_cache_free(cache, &foreign);
	mmiod_object_cache_shrink(cache);
	one_report(MMIOD_PROBLEM_FOREIGN, "of no slab of this cache", "no cache of this process",
		   NULL);
	cr_assert_eq(cache_stats(cache).active_objects, 1);
	mmiod_object_cache_free(cache, other);
	cache_end(cache);
}

static void refused(struct mmiod_object_cache_options options, const char *because)
{
	struct mmiod_object_cache *cache = (void *)1;
	struct mmiod_slab_provider *anonymous;
	char error[256] = "";

	cr_assert_eq(mmiod_slab_provider_anonymous(&anonymous), 0);
	if (!options.provider)
		options.provider = anonymous;
	cr_assert_eq(mmiod_object_cache_create(&options, &cache, error, sizeof(error)), -EINVAL);
	cr_assert_null(cache);
	cr_assert(strstr(error, because), "\"%s\" does not say \"%s\"", error, because);
	cr_assert_eq(mmiod_object_cache_create(&options, &cache, NULL, 0), -EINVAL);
	cr_assert_eq(mmiod_slab_provider_free(anonymous), 0);
}

Test(object_cache, with_bad_names_is_refused)
{
	refused(OPTIONS(.object_size = 8), "needs a name");
	refused(OPTIONS(.name = "", .object_size = 8), "needs a name");
	refused(OPTIONS(.name = "a-name-that-has-32-characters-xx", .object_size = 8),
		"32 characters: at most 31");
	refused(OPTIONS(.name = "two words", .object_size = 8), "0x20 at position 4");
	refused(OPTIONS(.name = "a,b", .object_size = 8), "0x2c at position 2");
}

Test(object_cache, with_bad_sizes_is_refused)
{
	refused(OPTIONS(.name = "a"), "objects of 0 bytes");
	refused(OPTIONS(.name = "a", .object_size = SIZE_MAX), "at most 0x10000000");
	refused(OPTIONS(.name = "a", .object_size = 8, .alignment = 24),
		"alignment 0x18 is not a power of two");
	refused(OPTIONS(.name = "a", .object_size = 8, .alignment = (size_t)1 << 31),
		"larger than any slab");
	refused(OPTIONS(.name = "a", .object_size = 8, .alignment = 8192, .slab_size = 4096),
		"alignment 0x2000 is larger than the slab of 0x1000");
	refused(OPTIONS(.name = "a", .object_size = 8, .slab_size = 6000), "not a power of two");
	refused(OPTIONS(.name = "a", .object_size = 8, .slab_size = 64), "from 0x1000");
	refused(OPTIONS(.name = "a", .object_size = 5000, .slab_size = 4096), "holds no object");
	refused(OPTIONS(.name = "a", .object_size = 8, .slab_size = (size_t)1 << 30),
		"at most 65536");
}

Test(object_cache, with_bad_flags_is_refused)
{
	refused(OPTIONS(.name = "a", .object_size = 8, .flags = 1u << 31), "0x80000000 is not");
}

Test(object_cache, without_a_provider_is_refused)
{
	struct mmiod_object_cache_options options = { .name = "a", .object_size = 8 };
	struct mmiod_object_cache *cache;
	char error[256];

	cr_assert_eq(mmiod_object_cache_create(&options, &cache, error, sizeof(error)), -EINVAL);
	cr_assert_null(cache);
	cr_assert(strstr(error, "needs a provider"), "%s", error);
}

/* A provider that says no after a while, or gives what it should not. */
struct stingy {
	int left;
	int got;
	size_t skew;
};

static int stingy_get(void *context, size_t size, void **address, void **handle)
{
	struct stingy *stingy = context;

	if (!stingy->left--)
		return -ENOSPC;
	*handle = aligned_alloc(size, size);
	*address = (char *)*handle + stingy->skew;
	stingy->got++;
	return 0;
}

static void stingy_put(void *context, void *address, size_t size, void *handle)
{
	struct stingy *stingy = context;

	cr_assert_eq(address, (char *)handle + stingy->skew);
	free(handle);
	stingy->got--;
}

static struct mmiod_slab_provider *stingy_provider(struct stingy *stingy)
{
	struct mmiod_slab_provider *provider;

	cr_assert_eq(mmiod_slab_provider_create(stingy_get, stingy_put, stingy, &provider), 0);
	return provider;
}

Test(object_cache, says_why_there_is_no_object)
{
	struct stingy stingy = { .left = 2 };
	struct mmiod_slab_provider *provider = stingy_provider(&stingy);
	struct mmiod_object_cache *cache;
	void *objects[200];

	cache = cache_make(OPTIONS(.object_size = 64, .slab_size = 4096, .provider = provider));
	cr_assert_eq(mmiod_object_cache_alloc_bulk(cache, 129, objects), -ENOSPC);
	cr_assert_eq(cache_stats(cache).active_objects, 0, "all or none");
	stingy.left = 0;
	cr_assert_eq(mmiod_object_cache_alloc_bulk(cache, 128, objects), 0);
	errno = 0;
	cr_assert_null(mmiod_object_cache_alloc(cache));
	cr_assert_eq(errno, ENOSPC);
	mmiod_object_cache_free(cache, objects[127]);
	cr_assert_eq(mmiod_object_cache_alloc(cache), objects[127]);
	cr_assert_eq(mmiod_slab_provider_free(provider), -EBUSY, "a cache has slabs of it");
	mmiod_object_cache_free_bulk(cache, 128, objects);
	cache_end(cache);
	cr_assert_eq(stingy.got, 0);
	cr_assert_eq(mmiod_slab_provider_free(provider), 0);
}

Test(object_cache, refuses_slabs_that_are_not_aligned)
{
	struct stingy stingy = { .left = 1, .skew = 64 };
	struct mmiod_slab_provider *provider = stingy_provider(&stingy);
	struct mmiod_object_cache *cache;

	cache = cache_make(OPTIONS(.object_size = 64, .provider = provider));
	cr_assert_null(mmiod_object_cache_alloc(cache));
	cr_assert_eq(errno, EFAULT);
	cr_assert_eq(stingy.got, 0, "it was given back");
	cache_end(cache);
	cr_assert_eq(mmiod_slab_provider_free(provider), 0);
}

Test(object_cache, does_not_touch_the_objects_memory)
{
	struct mmiod_object_cache *cache = cache_make(OPTIONS(.object_size = 48));
	unsigned char *objects[300];

	cr_assert_eq(mmiod_object_cache_alloc_bulk(cache, 300, (void **)objects), 0);
	for (int i = 0; i < 300; i++)
		memset(objects[i], 0xee, 48);
	for (int i = 0; i < 300; i += 2)
		mmiod_object_cache_free(cache, objects[i]);
	for (int i = 0; i < 300; i++)
		for (int n = 0; n < 48; n++)
			cr_assert_eq(objects[i][n], 0xee);
	for (int i = 1; i < 300; i += 2)
		mmiod_object_cache_free(cache, objects[i]);
	cache_end(cache);
}

Test(object_cache, needs_little_bookkeeping)
{
	struct mmiod_object_cache *cache = cache_make(OPTIONS(.object_size = 64));
	static void *objects[100000];

	cr_assert_eq(mmiod_object_cache_alloc_bulk(cache, 100000, objects), 0);
	cr_assert_leq(cache_stats(cache).host_bytes, 100000 * 5 / 2);
	mmiod_object_cache_free_bulk(cache, 100000, objects);
	cache_end(cache);
}

Test(object_cache, stands_beside_others)
{
	enum { COUNT = 200 };
	struct mmiod_object_cache *caches[COUNT];
	void *objects[COUNT];

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < COUNT; i++) {
			caches[i] = cache_make(OPTIONS(.object_size = 8 + (size_t)i * 8));
			objects[i] = mmiod_object_cache_alloc(caches[i]);
			cr_assert(objects[i]);
		}
		for (int i = 0; i < COUNT; i++) {
			mmiod_object_cache_free(caches[i], objects[i]);
			cache_end(caches[i]);
		}
	}
}

Test(object_cache, fills_slabs_that_have_room_before_it_takes_others)
{
	struct mmiod_object_cache *cache =
		cache_make(OPTIONS(.object_size = 64, .slab_size = 4096,
				   .flags = MMIOD_OBJECT_CACHE_NO_MAGAZINES));
	void *objects[129];

	cr_assert_eq(mmiod_object_cache_alloc_bulk(cache, 128, objects), 0);
	mmiod_object_cache_free(cache, objects[3]);
	cr_assert_eq(mmiod_object_cache_alloc(cache), objects[3], "the only one free");
	cr_assert_eq(cache_stats(cache).slabs, 2);
	mmiod_object_cache_free_bulk(cache, 64, objects);
	mmiod_object_cache_free(cache, objects[127]);
	cr_assert_eq(cache_stats(cache).empty_slabs, 1);
	cr_assert_eq(mmiod_object_cache_alloc(cache), objects[127], "an empty slab stays empty");
	mmiod_object_cache_free_bulk(cache, 64, objects + 64);
	cache_end(cache);
}

Test(object_cache, refuses_a_pointer_behind_the_last_object_of_a_slab)
{
	struct mmiod_object_cache *cache =
		cache_make(OPTIONS(.object_size = 100, .slab_size = 4096,
				   .flags = MMIOD_OBJECT_CACHE_NO_MAGAZINES));
	char *object = mmiod_object_cache_alloc(cache);

	mmiod_object_cache_free(cache, object + 39 * 104);
	one_report(MMIOD_PROBLEM_INSIDE, "offset 104 of the nearest", NULL);
	mmiod_object_cache_free(cache, object);
	cache_end(cache);
}

Test(object_cache, passes_over_nulls_in_bulk)
{
	static const unsigned int flags[] = { 0, MMIOD_OBJECT_CACHE_NO_MAGAZINES,
					      MMIOD_OBJECT_CACHE_SANITY };

	for (size_t i = 0; i < 3; i++) {
		struct mmiod_object_cache *cache =
			cache_make(OPTIONS(.object_size = 64, .flags = flags[i]));
		void *objects[3] = { mmiod_object_cache_alloc(cache), NULL, NULL };

		objects[2] = mmiod_object_cache_alloc(cache);
		mmiod_object_cache_free_bulk(cache, 3, objects);
		cr_assert_eq(cache_stats(cache).active_objects, 0);
		cr_assert(mmiod_object_cache_alloc_bulk(cache, 3, objects) == 0 && objects[0] &&
			  objects[1] && objects[2]);
		mmiod_object_cache_free_bulk(cache, 3, objects);
		cache_end(cache);
		cr_assert_eq(reports.count, 0);
	}
}

Test(object_cache, takes_the_place_of_one_that_was_destroyed)
{
	struct mmiod_object_cache *cache = cache_make(OPTIONS(.object_size = 64));
	uint32_t slot = cache->slot;

	cache_end(cache);
	cache = cache_make(OPTIONS(.object_size = 64));
	cr_assert_eq(cache->slot, slot, "threads' tables do not grow for ever");
	cache_end(cache);
}
