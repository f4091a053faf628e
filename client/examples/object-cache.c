/* SPDX-License-Identifier: MIT */
/*
 * object-cache: keep small objects of one size in device memory.
 *
 *	object-cache [REGION[+OFFSET][/LENGTH]]
 *
 * Leases a window, makes a cache of message slots over it, takes a few, writes into them, frees them and shows what the
 * cache says of itself. malloc could not do this: it writes its own lists into the memory that it manages, and a device
 * may have registers there, or be slow to read. The cache keeps its bookkeeping in ordinary memory.
 *
 * With debugging on, mistakes are found. This program makes one on purpose, which only this shows:
 *
 *	MMIOD_CACHE_DEBUG=FZPU object-cache
 *
 * Build: cc object-cache.c $(pkg-config --cflags --libs mmiod)
 */
#include <mmiod/mmiod.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGES 5
#define MESSAGE_SIZE 48

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "object-cache: %s: %s\n", what, why);
	return 1;
}

static void show(struct mmiod_object_cache *cache)
{
	struct mmiod_object_cache_stats stats;

	mmiod_object_cache_stats(cache, &stats);
	printf("%s: %llu of %llu objects in use, %zu bytes each, %llu slabs of 0x%zx bytes\n",
	       stats.name, (unsigned long long)stats.active_objects,
	       (unsigned long long)stats.total_objects, stats.object_size,
	       (unsigned long long)stats.slabs, stats.slab_size);
}

static int use(struct mmiod_object_cache *cache)
{
	volatile char *messages[MESSAGES];
	char text[MESSAGE_SIZE];

	for (int i = 0; i < MESSAGES; i++) {
		messages[i] = mmiod_object_cache_alloc(cache);
		if (!messages[i])
			return fail("alloc", "no room in the window");
		snprintf(text, sizeof(text), "message %d", i);
		mmiod_copy_to_window(messages[i], text, sizeof(text));
	}
	show(cache);
	/* The mistake: a message is freed, and written to all the same. */
	mmiod_object_cache_free(cache, messages[0]);
	mmiod_write8(messages[0] + 3, 'X');
	for (int i = 1; i < MESSAGES; i++)
		mmiod_object_cache_free(cache, messages[i]);
	mmiod_object_cache_shrink(cache);
	show(cache);
	return 0;
}

static int run(struct mmiod_mapping *mapping)
{
	struct mmiod_object_cache_options options = { .name = "message",
						      .object_size = MESSAGE_SIZE };
	struct mmiod_slab_provider *provider;
	struct mmiod_object_cache *cache;
	char error[256];
	int result;

	if (mmiod_slab_provider_from_mapping(mapping, 0, mmiod_mapping_length(mapping), &provider))
		return fail("provider", "the window is too small");
	options.provider = provider;
	if (mmiod_object_cache_create(&options, &cache, error, sizeof(error))) {
		mmiod_slab_provider_free(provider);
		return fail("cache", error);
	}
	result = use(cache);
	/* In this order: objects, cache, provider, mapping. */
	mmiod_object_cache_destroy(cache);
	mmiod_slab_provider_free(provider);
	return result;
}

int main(int argc, char **argv)
{
	struct mmiod_client *client;
	struct mmiod_mapping *mapping;
	struct mmiod_target target;
	struct mmiod_lease *lease;
	char error[256];
	int result;

	if (mmiod_target_parse(argc > 1 ? argv[1] : "shm+0x2000/16K", &target, error,
			       sizeof(error)))
		return fail("target", error);
	if (mmiod_client_connect(NULL, &client))
		return fail("connect", mmiod_client_error(NULL));
	if (mmiod_client_lease(client, target.region, target.offset, target.length,
			       MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE, &lease))
		return fail("lease", mmiod_client_error(client));
	if (mmiod_lease_map(lease, 0, &mapping))
		return fail("map", mmiod_client_error(client));

	result = run(mapping);

	mmiod_mapping_free(mapping);
	mmiod_lease_free(lease);
	mmiod_client_free(client);
	return result;
}
