/* SPDX-License-Identifier: MIT */
/*
 * object-cache: keep small objects of one size in device memory.
 *
 *	object-cache [-w] [REGION[+OFFSET][/LENGTH]]	in a window that is leased first
 *	object-cache [-w] -p POOL			in blocks that the cache leases of a pool
 *
 * Makes a cache of message slots, takes a few, writes into them, frees them and shows what the
 * cache says of itself. malloc could not do this: it writes its own lists into the memory that it
 * manages, and a device may have registers there, or be slow to read. The cache keeps its
 * bookkeeping in ordinary memory.
 *
 * -w: wait for a line of input while the messages are there, so that `mmioctl slabinfo` and
 * `mmioctl pools --map` can be looked at.
 *
 * With debugging on, mistakes are found. This program makes one on purpose, which only this shows:
 *
 *	MMIOD_CACHE_DEBUG=FZPU object-cache
 *
 * Build: cc object-cache.c $(pkg-config --cflags --libs mmiod)
 */
#include <errno.h>
#include <mmiod/mmiod.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MESSAGES 5
#define MESSAGE_SIZE 48

static struct mmiod_client *client;
static int waits;

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
			return fail("alloc", errno == ENOSPC ? "no room in the window"
							     : mmiod_slab_provider_error());
		snprintf(text, sizeof(text), "message %d", i);
		mmiod_copy_to_window(messages[i], text, sizeof(text));
	}
	show(cache);
	if (mmiod_client_publish_caches(client))
		fprintf(stderr, "object-cache: not published: %s\n", mmiod_client_error(client));
	if (waits)
		getchar();
	/* The mistake: a message is freed, and written to all the same. */
	mmiod_object_cache_free(cache, messages[0]);
	mmiod_write8(messages[0] + 3, 'X');
	for (int i = 1; i < MESSAGES; i++)
		mmiod_object_cache_free(cache, messages[i]);
	mmiod_object_cache_shrink(cache);
	show(cache);
	return 0;
}

static int run(struct mmiod_slab_provider *provider)
{
	struct mmiod_object_cache_options options = { .name = "message",
						      .object_size = MESSAGE_SIZE,
						      .provider = provider };
	struct mmiod_object_cache *cache;
	char error[256];
	int result;

	if (mmiod_object_cache_create(&options, &cache, error, sizeof(error)))
		return fail("cache", error);
	result = use(cache);
	mmiod_object_cache_destroy(cache);
	return result;
}

/* In this order: objects, cache, provider, mapping. */
static int run_in_window(const char *where)
{
	struct mmiod_slab_provider *provider;
	struct mmiod_mapping *mapping;
	struct mmiod_target target;
	struct mmiod_lease *lease;
	char error[256];
	int result;

	if (mmiod_target_parse(where, &target, error, sizeof(error)))
		return fail("target", error);
	if (mmiod_client_lease(client, target.region, target.offset, target.length,
			       MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE, &lease))
		return fail("lease", mmiod_client_error(client));
	if (mmiod_lease_map(lease, 0, &mapping))
		return fail("map", mmiod_client_error(client));
	if (mmiod_slab_provider_from_mapping(mapping, 0, mmiod_mapping_length(mapping), &provider))
		return fail("provider", "the window is too small");
	result = run(provider);
	mmiod_slab_provider_free(provider);
	mmiod_mapping_free(mapping);
	mmiod_lease_free(lease);
	return result;
}

static int run_in_pool(const char *pool)
{
	struct mmiod_allocation want = { .region = pool };
	struct mmiod_slab_provider *provider;
	int result;

	if (mmiod_slab_provider_from_pool(client, &want, &provider))
		return fail("provider", mmiod_client_error(client));
	result = run(provider);
	mmiod_slab_provider_free(provider);
	return result;
}

int main(int argc, char **argv)
{
	const char *pool = NULL;
	int option, result;

	while ((option = getopt(argc, argv, "wp:")) != -1) {
		if (option == 'w')
			waits = 1;
		else if (option == 'p')
			pool = optarg;
		else
			return 2;
	}
	if (mmiod_client_connect(NULL, &client))
		return fail("connect", mmiod_client_error(NULL));
	if (pool)
		result = run_in_pool(pool);
	else
		result = run_in_window(optind < argc ? argv[optind] : "shm+0x2000/16K");
	mmiod_client_free(client);
	return result;
}
