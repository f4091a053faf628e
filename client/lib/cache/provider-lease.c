/* SPDX-License-Identifier: MIT */
/*
 * A provider of slabs that leases memory by itself. Each lease is a block, mapped at a multiple of
 * the size of its slabs, which are all of one size. To the daemon it is a client of its own, so
 * that nothing here needs the program's client.
 *
 * The provider owns its client, the blocks and their leases. All of it is under the provider's
 * lock, requests to the daemon included: who waits for the lock wants a slab as well, or gives one
 * back.
 */
#include "cache/cache.h"
#include "base/error.h"
#include "lease/lease.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define BATCH_MAX MMIOD_MSG_FDS_MAX
#define SHIFTS 64
#define EMPTY_KEPT 4 /* blocks, and more the more there are */

struct block {
	struct link link; /* in one of its provider's lists */
	struct mmiod_lease *lease;
	char *base;
	size_t length;
	size_t size; /* of a slab */
	uint32_t count; /* slabs in it */
	uint32_t free;
	bool retired; /* revoked, or asked back: gives out no more slabs */
	uint64_t taken[]; /* a bit set: slab is out */
};

/* Blocks with slabs of one size. */
struct shelf {
	struct link open; /* with a free slab; the empty ones last */
	size_t blocks;
	size_t empty;
};

struct pool_provider {
	struct mmiod_slab_provider provider; /* first */
	struct mmiod_client *client; /* its own */
	struct mmiod_allocation want;
	char region[MMIOD_WIRE_NAME]; /* that `want` points to */
	struct link closed; /* full blocks, and retired ones */
	struct shelf shelves[SHIFTS]; /* by the binary logarithm of the slabs' size */
};

static __thread char last_error[ERROR_MAX];

MMIOD_EXPORT const char *mmiod_slab_provider_error(void)
{
	return last_error;
}

static struct shelf *shelf_of(struct pool_provider *pool, size_t size)
{
	return &pool->shelves[__builtin_ctzll(size)];
}

/* ---- blocks ---- */

/* The window's file has room for so many slabs, whatever the daemon says. 0: none, or too many. */
static size_t slabs_in(const struct mmiod_lease *lease, size_t size)
{
	uint64_t length = lease->length;
	struct stat file;

	if (!lease->mappable || fstat(lease->fd, &file) ||
	    (uint64_t)file.st_size < lease->map_offset)
		return 0;
	if (length > (uint64_t)file.st_size - lease->map_offset)
		length = (uint64_t)file.st_size - lease->map_offset;
	return length / size <= UINT32_MAX ? (size_t)(length / size) : 0;
}

/* The lease is still the caller's when it fails. */
static struct block *block_make(struct mmiod_lease *lease, size_t size)
{
	size_t slabs = slabs_in(lease, size);
	struct block *block;
	char *base;

	if (!slabs)
		return NULL;
	block = calloc(1, sizeof(*block) + (slabs + 63) / 64 * sizeof(uint64_t));
	base = block ? map_aligned(slabs * size, size, PROT_NONE) : NULL;
	if (base && mmap(base, slabs * size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			 lease->fd, (off_t)lease->map_offset) == MAP_FAILED) {
		munmap(base, slabs * size);
		base = NULL;
	}
	if (!base) {
		free(block);
		return NULL;
	}
	link_init(&block->link);
	block->lease = lease;
	block->base = base;
	block->length = slabs * size;
	block->size = size;
	block->count = block->free = (uint32_t)slabs;
	return block;
}

/*
 * Gives back blocks that are in no list any more. The daemon may be away: it learns of it by the
 * files' end.
 */
static void give_back(struct pool_provider *pool, struct block **blocks, size_t count)
{
	uint64_t ids[BATCH_MAX];

	for (size_t i = 0; i < count; i++)
		ids[i] = blocks[i]->lease->id;
	if (count)
		lease_release_ids(pool->client, ids, count);
	for (size_t i = 0; i < count; i++) {
		munmap(blocks[i]->base, blocks[i]->length);
		mmiod_lease_free(blocks[i]->lease);
		free(blocks[i]);
	}
}

/* Of the empty blocks of a shelf all but @keep. */
static size_t shelf_trim(struct pool_provider *pool, struct shelf *shelf, size_t keep)
{
	struct block *blocks[BATCH_MAX];
	size_t count = 0, all = 0;

	while (shelf->empty > keep) {
		struct block *block = link_entry(shelf->open.prev, struct block, link);

		link_remove(&block->link);
		shelf->empty--;
		shelf->blocks--;
		blocks[count++] = block;
		all++;
		if (count < BATCH_MAX)
			continue;
		give_back(pool, blocks, count);
		count = 0;
	}
	give_back(pool, blocks, count);
	return all;
}

static size_t trim_all(struct pool_provider *pool)
{
	size_t all = 0;

	for (size_t i = 0; i < SHIFTS; i++)
		all += shelf_trim(pool, &pool->shelves[i], 0);
	return all;
}

static void shelve(struct pool_provider *pool, struct block *block)
{
	struct shelf *shelf = shelf_of(pool, block->size);

	link_append(&shelf->open, &block->link);
	shelf->blocks++;
	shelf->empty++;
}

/* ---- what the daemon says of the leases ---- */

static struct block *find_in(struct link *list, uint64_t lease)
{
	for (struct link *link = list->next; link != list; link = link->next) {
		struct block *block = link_entry(link, struct block, link);

		if (block->lease->id == lease)
			return block;
	}
	return NULL;
}

static struct block *find_block(struct pool_provider *pool, uint64_t lease)
{
	struct block *block = find_in(&pool->closed, lease);

	for (size_t i = 0; !block && i < SHIFTS; i++)
		block = find_in(&pool->shelves[i].open, lease);
	return block;
}

/* No more slabs of it; it goes when the last one that is out comes back. */
static void retire(struct pool_provider *pool, struct block *block)
{
	struct shelf *shelf = shelf_of(pool, block->size);

	if (block->retired)
		return;
	block->retired = true;
	link_remove(&block->link);
	shelf->blocks--;
	if (block->free == block->count) {
		shelf->empty--;
		give_back(pool, &block, 1);
		return;
	}
	link_append(&pool->closed, &block->link);
}

static void read_events(struct pool_provider *pool)
{
	struct mmiod_event event;

	while (session_next_event(pool->client, &event) == 1) {
		struct block *block = find_block(pool, event.lease);

		if (block &&
		    (event.type == MMIOD_EVENT_REVOKED || event.type == MMIOD_EVENT_REVOKE_ASKED ||
		     event.type == MMIOD_EVENT_GONE))
			retire(pool, block);
	}
}

/* ---- asking for more ---- */

static size_t keep_leases(struct pool_provider *pool, struct mmiod_lease **leases, size_t count,
			  size_t size)
{
	uint64_t lost[BATCH_MAX];
	size_t kept = 0, n_lost = 0;

	for (size_t i = 0; i < count; i++) {
		struct block *block;

		if (!leases[i])
			continue;
		block = block_make(leases[i], size);
		if (block) {
			shelve(pool, block);
			kept++;
			continue;
		}
		lost[n_lost++] = leases[i]->id;
		mmiod_lease_free(leases[i]);
	}
	if (n_lost)
		lease_release_ids(pool->client, lost, n_lost);
	return kept;
}

static int fail(const char *sentence, int err)
{
	snprintf(last_error, sizeof(last_error), "%s", sentence);
	return err;
}

static int ask(struct pool_provider *pool, size_t size, size_t count)
{
	struct mmiod_allocation wants[BATCH_MAX];
	struct mmiod_lease *leases[BATCH_MAX];
	int got;

	for (size_t i = 0; i < count; i++) {
		wants[i] = pool->want;
		if (wants[i].length < size)
			wants[i].length = size;
	}
	got = mmiod_client_allocate_many_sized(pool->client, wants, sizeof(wants[0]), count, 0,
					       leases, NULL);
	if (got < 0)
		return fail(pool->client->error, got);
	if (!keep_leases(pool, leases, count, size))
		return fail("memory was granted, but cannot be mapped here", -ENOMEM);
	return 0;
}

/* A full pool may be full of empty blocks of ours, with slabs of other sizes. */
static int grow(struct pool_provider *pool, size_t size)
{
	size_t count = 1 + shelf_of(pool, size)->blocks / 4;
	int err;

	err = ask(pool, size, count < BATCH_MAX ? count : BATCH_MAX);
	if ((err == -EBUSY || err == -EDQUOT || err == -ENOMEM) && trim_all(pool))
		err = ask(pool, size, 1);
	return err;
}

/* ---- slabs ---- */

static void *take_slab(struct pool_provider *pool, struct shelf *shelf, void **handle)
{
	struct block *block = link_entry(shelf->open.next, struct block, link);
	uint32_t word = 0, bit;

	while (!~block->taken[word])
		word++;
	bit = (uint32_t)__builtin_ctzll(~block->taken[word]);
	block->taken[word] |= UINT64_C(1) << bit;
	if (block->free-- == block->count)
		shelf->empty--;
	if (!block->free) {
		link_remove(&block->link);
		link_append(&pool->closed, &block->link);
	}
	*handle = block;
	return block->base + (size_t)(word * 64 + bit) * block->size;
}

static int pool_get(void *context, size_t size, void **address, void **handle)
{
	struct pool_provider *pool = context;
	struct shelf *shelf = shelf_of(pool, size);
	int err = 0;

	pthread_mutex_lock(&pool->provider.lock);
	read_events(pool);
	if (shelf->open.next == &shelf->open)
		err = grow(pool, size);
	if (!err)
		*address = take_slab(pool, shelf, handle);
	pthread_mutex_unlock(&pool->provider.lock);
	return err;
}

/* Empty blocks stand last, so that they stay empty. */
static void file_block(struct pool_provider *pool, struct block *block)
{
	struct shelf *shelf = shelf_of(pool, block->size);

	link_remove(&block->link);
	if (block->free < block->count) {
		link_append(shelf->open.next, &block->link);
		return;
	}
	link_append(&shelf->open, &block->link);
	shelf->empty++;
	if (shelf->empty > EMPTY_KEPT + shelf->blocks / 2)
		shelf_trim(pool, shelf, EMPTY_KEPT / 2 + shelf->blocks / 4);
}

static void pool_put(void *context, void *address, size_t size, void *handle)
{
	struct pool_provider *pool = context;
	struct block *block = handle;
	size_t index = (size_t)((char *)address - block->base) / size;

	pthread_mutex_lock(&pool->provider.lock);
	block->taken[index / 64] &= ~(UINT64_C(1) << (index % 64));
	block->free++;
	if (!block->retired) {
		file_block(pool, block);
	} else if (block->free == block->count) {
		link_remove(&block->link);
		give_back(pool, &block, 1);
	}
	pthread_mutex_unlock(&pool->provider.lock);
}

/* ---- the provider ---- */

static size_t pool_shrink(struct mmiod_slab_provider *provider)
{
	struct pool_provider *pool = (struct pool_provider *)provider;
	size_t all;

	pthread_mutex_lock(&provider->lock);
	read_events(pool);
	all = trim_all(pool);
	pthread_mutex_unlock(&provider->lock);
	return all;
}

static void pool_clear(struct mmiod_slab_provider *provider)
{
	struct pool_provider *pool = (struct pool_provider *)provider;

	trim_all(pool);
	if (!pool->client)
		return;
	leases_disown(pool->client);
	session_close(pool->client);
}

static int check_want(struct mmiod_client *client, const struct mmiod_allocation *want)
{
	if (want->region && strlen(want->region) >= MMIOD_WIRE_NAME)
		return lease_check_region(client, want->region);
	if (want->rights && !(want->rights & MMIOD_RIGHT_WRITE))
		return client_fail(client, -EINVAL, "objects are written: read-only is not enough");
	if (want->length > SIZE_MAX / 2)
		return client_fail(client, -EINVAL, "0x%llx bytes are more than can be mapped",
				   (unsigned long long)want->length);
	return 0;
}

static void pool_init(struct pool_provider *pool, const struct mmiod_allocation *want)
{
	pool->want = *want;
	if (want->region) {
		strcpy(pool->region, want->region);
		pool->want.region = pool->region;
	}
	link_init(&pool->closed);
	for (size_t i = 0; i < SHIFTS; i++)
		link_init(&pool->shelves[i].open);
	pool->provider.clear = pool_clear;
	pool->provider.shrink = pool_shrink;
	pool->provider.get = pool_get;
	pool->provider.put = pool_put;
}

/* Its connection publishes no caches: the program's does. */
static int make_pool(struct mmiod_client *client, const struct mmiod_allocation *want,
		     struct mmiod_slab_provider **made)
{
	struct pool_provider *pool = (struct pool_provider *)provider_make(sizeof(*pool));
	int err;

	if (!pool)
		return client_fail(client, -ENOMEM, "out of memory");
	pool_init(pool, want);
	err = session_open(client->path, leases_lose, client->error, &pool->client);
	if (err) {
		mmiod_slab_provider_free(&pool->provider);
		return err;
	}
	pool->client->publishes = false;
	*made = &pool->provider;
	return 0;
}

MMIOD_EXPORT int mmiod_slab_provider_from_pool_sized(struct mmiod_client *client,
						     const struct mmiod_allocation *want,
						     size_t size, struct mmiod_slab_provider **made)
{
	struct mmiod_allocation known = { 0 };
	int err = client_check(client);

	*made = NULL;
	if (!err)
		err = sized_take(&allocation_struct, &known, want, size, client->error,
				 sizeof(client->error));
	if (!err)
		err = check_want(client, &known);
	return err ? err : make_pool(client, &known, made);
}
