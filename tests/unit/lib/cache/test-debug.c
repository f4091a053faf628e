/* SPDX-License-Identifier: MIT */
#include "support/caches.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPTIONS(...) ((struct mmiod_object_cache_options){ __VA_ARGS__ })
#define ALL                                                                                    \
	(MMIOD_OBJECT_CACHE_SANITY | MMIOD_OBJECT_CACHE_RED_ZONE | MMIOD_OBJECT_CACHE_POISON | \
	 MMIOD_OBJECT_CACHE_USER)

static struct mmiod_object_cache *checked(size_t object_size)
{
	return cache_make(OPTIONS(.object_size = object_size, .flags = ALL));
}

TestSuite(object_cache_debug);

Test(object_cache_debug, reports_an_overrun_when_the_object_is_freed)
{
	struct mmiod_object_cache *cache = checked(50);
	unsigned char *object = mmiod_object_cache_alloc(cache);

	object[50] = 0;
	mmiod_object_cache_free(cache, object);
	cr_assert_eq(reports.list[0].object, object);
	one_report(MMIOD_PROBLEM_RED_ZONE, "BUG thing: Right Redzone overwritten",
		   "First byte 0x0 instead of 0xcc", "Allocated in", "Slab 0x", "Object 0x",
		   "Redzone", "Found in", "FIX thing: Restoring Right Redzone", "not freed", NULL);
	cr_assert_eq(object[50], 0xcc, "restored");
	cr_assert_eq(cache_stats(cache).damaged_objects, 1);
	cr_assert_eq(mmiod_object_cache_validate(cache), 0, "reported once");
	for (int i = 0; i < 1000; i++)
		cr_assert_neq(mmiod_object_cache_alloc(cache), object, "never given out again");
}

Test(object_cache_debug, reports_an_underrun)
{
	struct mmiod_object_cache *cache = checked(64);
	unsigned char *object = mmiod_object_cache_alloc(cache);

	object[-1] = 0x11;
	object[-3] = 0x22;
	mmiod_object_cache_free(cache, object);
	one_report(MMIOD_PROBLEM_RED_ZONE, "Left Redzone overwritten",
		   "First byte 0x22 instead of 0xcc", NULL);
	cache_end(cache);
}

Test(object_cache_debug, red_zones_catch_one_byte_behind_every_size)
{
	for (size_t size = 1; size < 200; size++) {
		struct mmiod_object_cache *cache = cache_make(
			OPTIONS(.object_size = size, .flags = MMIOD_OBJECT_CACHE_RED_ZONE));
		unsigned char *object = mmiod_object_cache_alloc(cache);

		memset(object, 0, size);
		cr_assert_eq(mmiod_object_cache_validate(cache), 0);
		object[size] = 0;
		cr_assert_eq(mmiod_object_cache_validate(cache), 1, "size %zu", size);
		one_report(MMIOD_PROBLEM_RED_ZONE, NULL);
		mmiod_object_cache_free(cache, object);
		cache_end(cache);
	}
}

Test(object_cache_debug, reports_a_write_after_free_when_the_object_would_be_given_out)
{
	struct mmiod_object_cache *cache = checked(40);
	unsigned char *object = mmiod_object_cache_alloc(cache);
	void *next;

	mmiod_object_cache_free(cache, object);
	cr_assert_eq(object[0], 0xa5);
	cr_assert_eq(object[39], 0xa5);
	object[7] = 0x42;
	next = mmiod_object_cache_alloc(cache);
	cr_assert_neq(next, object);
	cr_assert_eq(reports.list[0].object, object);
	one_report(MMIOD_PROBLEM_POISON, "BUG thing: Poison overwritten",
		   "First byte 0x42 instead of 0xa5", "Allocated in", "Freed in",
		   "FIX thing: Restoring Poison", NULL);
	mmiod_object_cache_free(cache, next);
	cache_end(cache);
}

Test(object_cache_debug, finds_writes_after_free_on_demand)
{
	struct mmiod_object_cache *cache = checked(40);
	unsigned char *objects[3];

	cr_assert_eq(mmiod_object_cache_alloc_bulk(cache, 3, (void **)objects), 0);
	mmiod_object_cache_free(cache, objects[1]);
	cr_assert_eq(mmiod_object_cache_validate(cache), 0);
	objects[1][39] = 1;
	cr_assert_eq(mmiod_object_cache_validate(cache), 1);
	one_report(MMIOD_PROBLEM_POISON, "Poison overwritten", NULL);
	cr_assert_eq(mmiod_object_cache_validate(cache), 0, "reported once");
	for (int i = 0; i < 1000; i++)
		cr_assert_neq(mmiod_object_cache_alloc(cache), objects[1], "never given out again");
}

Test(object_cache_debug, looks_at_free_objects_before_a_slab_goes_back)
{
	struct mmiod_object_cache *cache = checked(40);
	unsigned char *object = mmiod_object_cache_alloc(cache);

	mmiod_object_cache_free(cache, object);
	object[0] = 1;
	cr_assert_eq(mmiod_object_cache_shrink(cache), 0, "the culprit may write again");
	one_report(MMIOD_PROBLEM_POISON, NULL);
	cr_assert_eq(cache_stats(cache).active_objects, 0);
	cache_end(cache);
}

Test(object_cache_debug, reports_a_double_free_with_both_culprits)
{
	struct mmiod_object_cache *cache = checked(40);
	void *object = mmiod_object_cache_alloc(cache);

	mmiod_object_cache_free(cache, object);
	mmiod_object_cache_free(cache, object);
	cr_assert_eq(reports.list[0].object, object);
	one_report(MMIOD_PROBLEM_DOUBLE_FREE, "BUG thing: Object already free", "Allocated in",
		   "Freed in", "Found in", "FIX thing: Object at", NULL);
	cr_assert_eq(cache_stats(cache).active_objects, 0);
	cr_assert_neq(mmiod_object_cache_alloc(cache), mmiod_object_cache_alloc(cache));
}

Test(object_cache_debug, reports_a_pointer_into_an_object)
{
	struct mmiod_object_cache *cache = checked(40);
	char *object = mmiod_object_cache_alloc(cache);

	mmiod_object_cache_free(cache, object + 16);
	one_report(MMIOD_PROBLEM_INSIDE, "Invalid object pointer", "offset 16 of the nearest",
		   "Allocated in", NULL);
	mmiod_object_cache_free(cache, object - 1);
	one_report(MMIOD_PROBLEM_INSIDE, "Invalid object pointer", NULL);
	mmiod_object_cache_free(cache, object + 4000);
	one_report(MMIOD_PROBLEM_INSIDE, "Invalid object pointer", NULL);
	mmiod_object_cache_free(cache, object);
	cache_end(cache);
}

Test(object_cache_debug, names_the_cache_that_a_foreign_object_is_from)
{
	struct mmiod_object_cache *cache = checked(40);
	struct mmiod_object_cache *other = cache_make(
		OPTIONS(.name = "other", .object_size = 40, .flags = MMIOD_OBJECT_CACHE_USER));
	void *object = mmiod_object_cache_alloc(other);
	void *heap = malloc(40);

	mmiod_object_cache_free(cache, object);
	one_report(MMIOD_PROBLEM_FOREIGN, "BUG thing: ", "Object is from cache other",
		   "Allocated in", NULL);
	mmiod_object_cache_free(other, object);
	cache_end(other);
	mmiod_object_cache_free(cache, heap);
	one_report(MMIOD_PROBLEM_FOREIGN, "Object is from no cache of this process", NULL);
	free(heap);
	cache_end(cache);
}

Test(object_cache_debug, takes_a_damaged_object_for_freed)
{
	struct mmiod_object_cache *cache = checked(40);
	char *object = mmiod_object_cache_alloc(cache);

	object[40] = 0;
	mmiod_object_cache_free(cache, object);
	one_report(MMIOD_PROBLEM_RED_ZONE, NULL);
	mmiod_object_cache_free(cache, object);
	one_report(MMIOD_PROBLEM_DOUBLE_FREE, NULL);
	cr_assert_eq(cache_stats(cache).damaged_objects, 1);
	cache_end(cache);
}

Test(object_cache_debug, looks_a_last_time_when_the_cache_is_destroyed)
{
	struct mmiod_object_cache *cache = checked(40);
	char *object = mmiod_object_cache_alloc(cache);

	mmiod_object_cache_free(cache, object);
	object[1] = 0;
	cache_end(cache);
	one_report(MMIOD_PROBLEM_POISON, "Freed in", NULL);
}

Test(object_cache_debug, looks_at_slabs_before_it_gives_surplus_ones_back)
{
	struct mmiod_object_cache *cache =
		cache_make(OPTIONS(.object_size = 2500, .slab_size = 4096,
				   .flags = MMIOD_OBJECT_CACHE_POISON));
	char *objects[8];

	cr_assert_eq(mmiod_object_cache_alloc_bulk(cache, 8, (void **)objects), 0);
	mmiod_object_cache_free(cache, objects[0]);
	objects[0][100] = 0;
	mmiod_object_cache_free_bulk(cache, 7, (void **)objects + 1);
	one_report(MMIOD_PROBLEM_POISON, NULL);
	cr_assert_eq(cache_stats(cache).slabs, 4 + 1, "four are kept, and the damaged one");
	cache_end(cache);
}

Test(object_cache_debug, keeps_alignment_with_red_zones)
{
	for (size_t alignment = 8; alignment <= 4096; alignment *= 2) {
		struct mmiod_object_cache *cache = cache_make(
			OPTIONS(.object_size = 24, .alignment = alignment, .flags = ALL));
		void *objects[100];

		cr_assert_eq(mmiod_object_cache_alloc_bulk(cache, 100, objects), 0);
		for (int i = 0; i < 100; i++)
			cr_assert_eq((uintptr_t)objects[i] % alignment, 0);
		mmiod_object_cache_free_bulk(cache, 100, objects);
		cache_end(cache);
	}
}

Test(object_cache_debug, reports_writes_between_and_behind_objects)
{
	struct mmiod_object_cache *cache =
		cache_make(OPTIONS(.object_size = 40, .alignment = 64, .slab_size = 4096,
				   .flags = MMIOD_OBJECT_CACHE_POISON));
	unsigned char *object = mmiod_object_cache_alloc(cache);

	object[50] = 0;
	mmiod_object_cache_free(cache, object);
	one_report(MMIOD_PROBLEM_PADDING, "Object padding overwritten", "instead of 0x5a", NULL);
	cache_end(cache);
	cache = cache_make(OPTIONS(.object_size = 1000, .slab_size = 4096,
				   .flags = MMIOD_OBJECT_CACHE_POISON));
	object = mmiod_object_cache_alloc(cache);
	object[4000] = 0;
	cr_assert_eq(mmiod_object_cache_validate(cache), 1);
	one_report(MMIOD_PROBLEM_PADDING, "BUG thing: Padding overwritten", NULL);
	mmiod_object_cache_free(cache, object);
	cache_end(cache);
}

static void construct(void *object, void *context)
{
	memset(object, 0x77, 32);
}

/* As SLUB: who has a constructor wants its bytes kept. */
Test(object_cache_debug, does_not_poison_constructed_objects)
{
	struct mmiod_object_cache *cache =
		cache_make(OPTIONS(.object_size = 32, .flags = ALL, .constructor = construct));
	unsigned char *object = mmiod_object_cache_alloc(cache);

	cr_assert_eq(object[0], 0x77);
	mmiod_object_cache_free(cache, object);
	cr_assert_eq(object[31], 0x77);
	cr_assert_eq(mmiod_object_cache_alloc(cache), object);
	cr_assert_eq(object[0], 0x77);
	object[32] = 0;
	mmiod_object_cache_free(cache, object);
	one_report(MMIOD_PROBLEM_RED_ZONE, NULL);
	cache_end(cache);
}

Test(object_cache_debug, traces_every_call)
{
	struct mmiod_object_cache *cache =
		cache_make(OPTIONS(.object_size = 32, .flags = MMIOD_OBJECT_CACHE_TRACE));
	void *object = mmiod_object_cache_alloc(cache);

	one_report(MMIOD_PROBLEM_TRACE, "TRACE thing alloc 0x", "inuse=1", NULL);
	mmiod_object_cache_free(cache, object);
	one_report(MMIOD_PROBLEM_TRACE, "TRACE thing free 0x", "Freed in", NULL);
	cache_end(cache);
}

Test(object_cache_debug, lets_allocations_fail_as_often_as_asked)
{
	struct mmiod_object_cache *cache;
	char pattern[2][201] = { "", "" };

	setenv("MMIOD_CACHE_FAILSLAB", "30,7", 1);
	for (int run = 0; run < 2; run++) {
		int failed = 0;

		cache = cache_make(
			OPTIONS(.object_size = 32, .flags = MMIOD_OBJECT_CACHE_FAILSLAB));
		for (int i = 0; i < 200; i++) {
			void *object = mmiod_object_cache_alloc(cache);

			pattern[run][i] = object ? '.' : 'x';
			failed += !object;
			cr_assert(object || errno == ENOMEM);
			mmiod_object_cache_free(cache, object);
		}
		cr_assert(failed > 30 && failed < 90, "%d of 200", failed);
		cache_end(cache);
	}
	cr_assert_str_eq(pattern[0], pattern[1], "the same seed, the same failures");
	setenv("MMIOD_CACHE_FAILSLAB", "100", 1);
	cache = cache_make(OPTIONS(.object_size = 32, .flags = MMIOD_OBJECT_CACHE_FAILSLAB));
	cr_assert_null(mmiod_object_cache_alloc(cache));
	cache_end(cache);
	setenv("MMIOD_CACHE_FAILSLAB", "0", 1);
	cache = cache_make(OPTIONS(.object_size = 32, .flags = MMIOD_OBJECT_CACHE_FAILSLAB));
	for (int i = 0; i < 1000; i++)
		cr_assert(mmiod_object_cache_alloc(cache));
}

Test(object_cache_debug, gives_all_or_none_in_bulk_when_allocations_fail)
{
	struct mmiod_object_cache *cache;
	int failed = 0;

	setenv("MMIOD_CACHE_FAILSLAB", "5,1", 1);
	cache = cache_make(OPTIONS(.object_size = 32, .flags = MMIOD_OBJECT_CACHE_FAILSLAB));
	for (int i = 0; i < 50; i++) {
		void *objects[20];
		int err = mmiod_object_cache_alloc_bulk(cache, 20, objects);

		cr_assert(!err || err == -ENOMEM);
		failed += err < 0;
		cr_assert_eq(cache_stats(cache).active_objects, err ? 0 : 20);
		if (!err)
			mmiod_object_cache_free_bulk(cache, 20, objects);
	}
	cr_assert(failed > 5 && failed < 50, "%d of 50", failed);
	cr_assert_eq(reports.count, 0);
	cache_end(cache);
}

Test(object_cache_debug, does_not_abort_because_of_a_trace)
{
	struct mmiod_object_cache *cache =
		cache_make(OPTIONS(.object_size = 32,
				   .flags = MMIOD_OBJECT_CACHE_TRACE | MMIOD_OBJECT_CACHE_ABORT));

	mmiod_object_cache_free(cache, mmiod_object_cache_alloc(cache));
	cr_assert_eq(reports.count, 2);
	cache_end(cache);
}

Test(object_cache_debug, aborts_when_asked_to, .signal = SIGABRT)
{
	struct mmiod_object_cache *cache;
	void *object;

	setenv("MMIOD_CACHE_ABORT", "1", 1);
	cache = cache_make(OPTIONS(.object_size = 32, .flags = MMIOD_OBJECT_CACHE_SANITY));
	object = mmiod_object_cache_alloc(cache);
	mmiod_object_cache_free(cache, object);
	mmiod_object_cache_free(cache, object);
}

/* ---- MMIOD_CACHE_DEBUG ---- */

static unsigned int flags_by(const char *letters, const char *name, size_t object_size)
{
	struct mmiod_object_cache *cache;
	unsigned int flags;

	setenv("MMIOD_CACHE_DEBUG", letters, 1);
	cache = cache_make(OPTIONS(.name = name, .object_size = object_size));
	flags = cache_stats(cache).flags;
	cache_end(cache);
	return flags;
}

Test(object_cache_debug, takes_the_kernels_letters_from_the_environment)
{
	cr_assert_eq(flags_by("", "a", 8), 0);
	cr_assert_eq(flags_by("F", "a", 8), MMIOD_OBJECT_CACHE_SANITY);
	cr_assert_eq(flags_by("fz", "a", 8),
		     MMIOD_OBJECT_CACHE_SANITY | MMIOD_OBJECT_CACHE_RED_ZONE);
	cr_assert_eq(flags_by("PUTA", "a", 8), MMIOD_OBJECT_CACHE_POISON | MMIOD_OBJECT_CACHE_USER |
						       MMIOD_OBJECT_CACHE_TRACE |
						       MMIOD_OBJECT_CACHE_FAILSLAB);
	cr_assert_eq(flags_by("FZ-", "a", 8), 0);
}

Test(object_cache_debug, takes_letters_for_some_names_only)
{
	cr_assert_eq(flags_by("P,kmalloc-*,dentry", "dentry", 8), MMIOD_OBJECT_CACHE_POISON);
	cr_assert_eq(flags_by("P,kmalloc-*,dentry", "kmalloc-64", 8), MMIOD_OBJECT_CACHE_POISON);
	cr_assert_eq(flags_by("P,kmalloc-*,dentry", "inode", 8), 0);
	cr_assert_eq(flags_by(",dentry", "dentry", 8), ALL);
	cr_assert_eq(flags_by("Z,dentry;U,kmalloc-*", "kmalloc-8", 8), MMIOD_OBJECT_CACHE_USER);
	cr_assert_eq(flags_by("Z,a;U,a", "a", 8), MMIOD_OBJECT_CACHE_RED_ZONE, "the first counts");
	cr_assert_eq(flags_by("F;-,handle,page", "page", 8), 0);
	cr_assert_eq(flags_by("F;-,handle,page", "else", 8), MMIOD_OBJECT_CACHE_SANITY);
	cr_assert_eq(flags_by("-,page;F", "page", 8), 0);
	cr_assert_eq(flags_by("F;Z", "a", 8), MMIOD_OBJECT_CACHE_RED_ZONE, "the last counts");
}

Test(object_cache_debug, forgoes_what_would_need_larger_slabs_with_letter_o)
{
	unsigned int zones = MMIOD_OBJECT_CACHE_RED_ZONE | MMIOD_OBJECT_CACHE_POISON;

	cr_assert_eq(flags_by("FZPO", "a", 4096), MMIOD_OBJECT_CACHE_SANITY);
	cr_assert_eq(flags_by("FZPO", "a", 100), MMIOD_OBJECT_CACHE_SANITY | zones);
	cr_assert_eq(flags_by("ZP", "a", 4096), zones);
}

static void unreadable(const char *variable, const char *value, const char *because)
{
	struct mmiod_object_cache_options options = { .name = "a", .object_size = 8 };
	struct mmiod_slab_provider *anonymous;
	struct mmiod_object_cache *cache;
	char error[256];

	mmiod_slab_provider_anonymous(&anonymous);
	options.provider = anonymous;
	setenv(variable, value, 1);
	cr_assert_eq(mmiod_object_cache_create(&options, &cache, error, sizeof(error)), -EINVAL);
	cr_assert(strstr(error, because), "\"%s\" does not say \"%s\"", error, because);
	unsetenv(variable);
	mmiod_slab_provider_free(anonymous);
}

Test(object_cache_debug, says_which_letter_it_does_not_know)
{
	unreadable("MMIOD_CACHE_DEBUG", "FZX", "'X' at position 3");
	unreadable("MMIOD_CACHE_DEBUG", "F,other;Q,third", "'Q' at position 9");
	unreadable("MMIOD_CACHE_DEBUG", "F Z", "' ' at position 2");
	unreadable("MMIOD_CACHE_FAILSLAB", "often", "PERCENT[,SEED]");
	unreadable("MMIOD_CACHE_FAILSLAB", "101", "0 to 100");
	unreadable("MMIOD_CACHE_FAILSLAB", "10,x", "seed");
	unreadable("MMIOD_CACHE_FAILSLAB", "-1", "PERCENT[,SEED]");
}

Test(object_cache_debug, prints_to_stderr_without_a_callback)
{
	struct mmiod_object_cache_options options = { .name = "loud", .object_size = 8 };
	struct mmiod_slab_provider *anonymous;
	struct mmiod_object_cache *cache;
	char text[512] = "";
	FILE *printed = tmpfile();
	int stays = dup(2);
	void *object;

	mmiod_slab_provider_anonymous(&anonymous);
	options.provider = anonymous;
	options.flags = MMIOD_OBJECT_CACHE_SANITY;
	cr_assert_eq(mmiod_object_cache_create(&options, &cache, NULL, 0), 0);
	object = mmiod_object_cache_alloc(cache);
	dup2(fileno(printed), 2);
	mmiod_object_cache_free(cache, object);
	mmiod_object_cache_free(cache, object);
	dup2(stays, 2);
	rewind(printed);
	cr_assert_gt(fread(text, 1, sizeof(text) - 1, printed), 0);
	cr_assert(strstr(text, "BUG loud: Object already free"), "%s", text);
}
