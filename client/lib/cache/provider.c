/* SPDX-License-Identifier: MIT */
/*
 * struct mmiod_slab_provider, where slabs come from: the program, a range of a mapping, or
 * anonymous memory. The program owns it; it owns no slab.
 *
 * A range's pages are kept in a bitmap in ordinary memory; a slab is an aligned run of them, the
 * lowest that is free. Several caches with slabs of different sizes may share a range; its lock is
 * the innermost of all.
 */
#include "cache/cache.h"

#include <stdlib.h>
#include <sys/mman.h>

struct range {
	struct mmiod_slab_provider provider; /* first */
	char *start; /* page aligned */
	size_t pages;
	size_t first; /* no page below it is free */
	uint64_t taken[]; /* a bit set: page in a slab */
};

/* @size: with what follows it. */
struct mmiod_slab_provider *provider_make(size_t size)
{
	struct mmiod_slab_provider *provider = calloc(1, size);

	if (!provider)
		return NULL;
	provider->context = provider;
	pthread_mutex_init(&provider->lock, NULL);
	return provider;
}

int provider_get(struct mmiod_slab_provider *provider, size_t size, void **address, void **handle)
{
	int err = provider->get(provider->context, size, address, handle);

	if (!err)
		__atomic_add_fetch(&provider->slabs, 1, __ATOMIC_RELAXED);
	return err;
}

void provider_put(struct mmiod_slab_provider *provider, void *address, size_t size, void *handle)
{
	provider->put(provider->context, address, size, handle);
	__atomic_sub_fetch(&provider->slabs, 1, __ATOMIC_RELEASE);
}

MMIOD_EXPORT size_t mmiod_slab_provider_shrink(struct mmiod_slab_provider *provider)
{
	return provider->shrink ? provider->shrink(provider) : 0;
}

MMIOD_EXPORT int mmiod_slab_provider_free(struct mmiod_slab_provider *provider)
{
	if (!provider)
		return 0;
	if (__atomic_load_n(&provider->slabs, __ATOMIC_ACQUIRE))
		return -EBUSY;
	if (provider->clear)
		provider->clear(provider);
	pthread_mutex_destroy(&provider->lock);
	free(provider);
	return 0;
}

MMIOD_EXPORT int mmiod_slab_provider_create(int (*get)(void *context, size_t size, void **address,
						       void **handle),
					    void (*put)(void *context, void *address, size_t size,
							void *handle),
					    void *context, struct mmiod_slab_provider **made)
{
	struct mmiod_slab_provider *provider;

	*made = NULL;
	if (!get || !put)
		return -EINVAL;
	provider = provider_make(sizeof(*provider));
	if (!provider)
		return -ENOMEM;
	provider->get = get;
	provider->put = put;
	provider->context = context;
	*made = provider;
	return 0;
}

/* ---- a range of a mapping ---- */

static bool page_taken(const struct range *range, size_t page)
{
	return range->taken[page / 64] >> (page % 64) & 1;
}

/* Pages in [@page, @page + @count) that are free from its start on. */
static size_t free_run(const struct range *range, size_t page, size_t count)
{
	size_t run = 0;

	while (run < count && !page_taken(range, page + run))
		run++;
	return run;
}

static void set_pages(struct range *range, size_t page, size_t count, bool taken)
{
	for (; count; page++, count--) {
		uint64_t bit = UINT64_C(1) << (page % 64);

		if (taken)
			range->taken[page / 64] |= bit;
		else
			range->taken[page / 64] &= ~bit;
	}
}

static size_t next_free(const struct range *range, size_t page)
{
	while (page < range->pages) {
		uint64_t left = ~range->taken[page / 64] >> (page % 64);

		if (left) {
			page += (size_t)__builtin_ctzll(left);
			break;
		}
		page = (page | 63) + 1;
	}
	return page < range->pages ? page : range->pages;
}

/* The lowest run of @count free pages whose address is a multiple of its size; @pages: none. */
static size_t find_run(struct range *range, size_t count)
{
	size_t size = mmiod_page_size();
	/*
	 * Pages from the last aligned address up to the start: aligned runs start at multiples of
	 * count less this.
	 */
	size_t phase = (uintptr_t)range->start / size % count;
	size_t page = next_free(range, range->first);

	range->first = page;
	while (page < range->pages) {
		page = (page + phase + count - 1) / count * count - phase;
		if (page > range->pages || range->pages - page < count)
			break;
		if (free_run(range, page, count) == count)
			return page;
		page = next_free(range, page + free_run(range, page, count));
	}
	return range->pages;
}

static int range_get(void *context, size_t size, void **address, void **handle)
{
	struct range *range = context;
	size_t count = size / mmiod_page_size();
	size_t page;

	pthread_mutex_lock(&range->provider.lock);
	page = find_run(range, count);
	if (page < range->pages)
		set_pages(range, page, count, true);
	pthread_mutex_unlock(&range->provider.lock);
	if (page == range->pages)
		return -ENOSPC;
	*address = range->start + page * mmiod_page_size();
	*handle = NULL;
	return 0;
}

static void range_put(void *context, void *address, size_t size, void *handle)
{
	struct range *range = context;
	size_t page = (size_t)((char *)address - range->start) / mmiod_page_size();

	(void)handle;
	pthread_mutex_lock(&range->provider.lock);
	set_pages(range, page, size / mmiod_page_size(), false);
	if (page < range->first)
		range->first = page;
	pthread_mutex_unlock(&range->provider.lock);
}

MMIOD_EXPORT int mmiod_slab_provider_from_mapping(struct mmiod_mapping *mapping, size_t offset,
						  size_t length, struct mmiod_slab_provider **made)
{
	size_t page = mmiod_page_size();
	size_t whole = mmiod_mapping_length(mapping);
	size_t lost = (page - offset % page) % page; /* before the first page boundary */
	struct range *range;
	size_t pages;

	*made = NULL;
	if (offset > whole || length > whole - offset || length < lost + page)
		return -EINVAL;
	pages = (length - lost) / page;
	range = (struct range *)provider_make(sizeof(*range) +
					      (pages + 63) / 64 * sizeof(uint64_t));
	if (!range)
		return -ENOMEM;
	range->pages = pages;
	range->start = (char *)mmiod_mapping_address(mapping) + offset + lost;
	range->provider.get = range_get;
	range->provider.put = range_put;
	*made = &range->provider;
	return 0;
}

/* ---- anonymous memory ---- */

/* mmap() aligns to pages only: take more and let go of what sticks out. */
char *map_aligned(size_t length, size_t alignment, int prot)
{
	size_t excess = alignment > mmiod_page_size() ? alignment : 0;
	size_t before;
	char *start;

	if (length > SIZE_MAX - excess)
		return NULL;
	start = mmap(NULL, length + excess, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (start == MAP_FAILED)
		return NULL;
	before = -(uintptr_t)start & (alignment - 1);
	if (before)
		munmap(start, before);
	if (excess > before)
		munmap(start + before + length, excess - before);
	return start + before;
}

static int anonymous_get(void *context, size_t size, void **address, void **handle)
{
	*handle = NULL;
	*address = map_aligned(size, size, PROT_READ | PROT_WRITE);
	return *address ? 0 : -ENOMEM;
}

static void anonymous_put(void *context, void *address, size_t size, void *handle)
{
	munmap(address, size);
}

MMIOD_EXPORT int mmiod_slab_provider_anonymous(struct mmiod_slab_provider **made)
{
	return mmiod_slab_provider_create(anonymous_get, anonymous_put, NULL, made);
}
