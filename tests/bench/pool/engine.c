// SPDX-License-Identifier: MIT
/*
 * The engines. malloc() runs at one 64th of the scale, 64 bytes for each page, header included:
 * with pages it would measure the kernel. Its memory is its own and without limit, so it never
 * fails.
 */
#include <stdlib.h>
#include <string.h>
#include "daemon/pool/pool.h"
#include "engine.h"

static struct pool *pool;
static uint64_t page;

static bool open_pool(const struct trace *trace)
{
	page = trace->unit;
	return pool_new(&pool, trace->region * page, page, POOL_PREFAULT) == 0;
}

static bool open_eager(const struct trace *trace)
{
	page = trace->unit;
	return pool_new(&pool, trace->region * page, page, POOL_PREFAULT | POOL_EAGER) == 0;
}

static inline uint64_t alloc_from_pool(uint32_t units, uint32_t flags)
{
	struct pool_request request = { .length = units * page, .flags = flags };
	struct pool_extent grant;

	return pool_alloc(pool, &request, &grant) ? ENGINE_NOWHERE : grant.offset;
}

static uint64_t alloc_power(uint32_t units)
{
	return alloc_from_pool(units, 0);
}

static uint64_t alloc_exact(uint32_t units)
{
	return alloc_from_pool(units, POOL_EXACT);
}

static uint64_t alloc_smallest(uint32_t units)
{
	return alloc_from_pool(units, POOL_EXACT | POOL_SMALLEST);
}

static uint64_t alloc_joined(uint32_t units)
{
	return alloc_from_pool(units, POOL_EXACT | POOL_JOIN);
}

static void free_power(uint64_t where, uint32_t units)
{
	uint64_t rounded = units > 1 ? 2ull << (63 - __builtin_clzll(units - 1)) : 1;

	if (pool_free(pool, where, rounded * page))
		abort();
}

static void free_exact(uint64_t where, uint32_t units)
{
	if (pool_free(pool, where, units * page))
		abort();
}

/*
 * In several extents where one will not do. Then what was got is the address of their list, which is
 * odd, as no offset is.
 */
#define EXTENTS_MAX 4096

struct pieces {
	int n;
	struct pool_extent extents[];
};

static uint64_t alloc_pieces(const struct pool_request *request)
{
	static struct pool_extent extents[EXTENTS_MAX];
	int n = pool_scatter(pool, request, extents, EXTENTS_MAX);
	struct pieces *pieces;

	if (n < 0)
		return ENGINE_NOWHERE;
	pieces = malloc(sizeof(*pieces) + (size_t)n * sizeof(extents[0]));
	if (!pieces)
		abort();
	pieces->n = n;
	memcpy(pieces->extents, extents, (size_t)n * sizeof(extents[0]));
	return (uintptr_t)pieces | 1;
}

static uint64_t alloc_scattered(uint32_t units)
{
	struct pool_request request = { .length = units * page, .flags = POOL_EXACT };
	struct pool_extent grant;

	return pool_alloc(pool, &request, &grant) ? alloc_pieces(&request) : grant.offset;
}

static void free_scattered(uint64_t where, uint32_t units)
{
	struct pieces *pieces = (struct pieces *)(uintptr_t)(where & ~1ull);

	if (!(where & 1)) {
		free_exact(where, units);
		return;
	}
	for (int i = 0; i < pieces->n; i++)
		if (pool_free(pool, pieces->extents[i].offset, pieces->extents[i].length))
			abort();
	free(pieces);
}

static uint64_t largest_in_pool(void)
{
	return pool_largest(pool) / page;
}

static uint64_t metadata_of_pool(void)
{
	return pool_metadata(pool);
}

/* First fit: one bit for each unit, looked at from the first on. */
static uint64_t *bitmap; /* set: taken */
static uint64_t bitmap_units;

static bool open_bitmap(const struct trace *trace)
{
	bitmap_units = trace->region;
	bitmap = calloc(bitmap_units / 64 + 1, sizeof(*bitmap));
	return bitmap;
}

/* From `at` on: the first unit in the given state, or the end. */
static uint64_t bitmap_next(uint64_t at, bool taken)
{
	while (at < bitmap_units) {
		uint64_t word = (taken ? bitmap[at / 64] : ~bitmap[at / 64]) >> (at % 64);

		if (word)
			return at + __builtin_ctzll(word) < bitmap_units
				       ? at + __builtin_ctzll(word)
				       : bitmap_units;
		at = (at | 63) + 1;
	}
	return bitmap_units;
}

static void bitmap_flip(uint64_t at, uint64_t units)
{
	for (; units; at++, units--)
		bitmap[at / 64] ^= 1ull << (at % 64);
}

static uint64_t alloc_bitmap(uint32_t units)
{
	uint64_t at = 0, end;

	while ((at = bitmap_next(at, false)) < bitmap_units) {
		end = bitmap_next(at, true);
		if (end - at >= units) {
			bitmap_flip(at, units);
			return at;
		}
		at = end;
	}
	return ENGINE_NOWHERE;
}

static void free_bitmap(uint64_t where, uint32_t units)
{
	bitmap_flip(where, units);
}

static uint64_t largest_in_bitmap(void)
{
	uint64_t largest = 0, at = 0, end;

	while ((at = bitmap_next(at, false)) < bitmap_units) {
		end = bitmap_next(at, true);
		largest = end - at > largest ? end - at : largest;
		at = end;
	}
	return largest;
}

static uint64_t metadata_of_bitmap(void)
{
	return bitmap_units / 8;
}

static bool open_nothing(const struct trace *trace)
{
	return true;
}

static uint64_t alloc_malloc(uint32_t units)
{
	void *memory = malloc(64 * (size_t)units - 8);

	/* cppcheck-suppress memleak */
	return memory ? (uintptr_t)memory : ENGINE_NOWHERE;
}

static void free_malloc(uint64_t where, uint32_t units)
{
	free((void *)(uintptr_t)where);
}

static uint64_t bump;

static uint64_t alloc_nothing(uint32_t units)
{
	return bump += units;
}

static void free_nothing(uint64_t where, uint32_t units)
{
}

const struct engine engines[] = {
	{ "null", "the measurement itself", open_nothing, alloc_nothing, free_nothing, NULL, NULL,
	  false },
	{ "pool", "powers of two", open_pool, alloc_power, free_power, largest_in_pool,
	  metadata_of_pool, false, false },
	{ "pool-eager", "powers of two, no bins", open_eager, alloc_power, free_power,
	  largest_in_pool, metadata_of_pool, false, false },
	{ "pool-exact", "exact sizes", open_pool, alloc_exact, free_exact, largest_in_pool,
	  metadata_of_pool, false, false },
	{ "pool-exact-join", "exact sizes, joined", open_eager, alloc_joined, free_exact,
	  largest_in_pool, metadata_of_pool, false, false },
	{ "pool-exact-best", "exact sizes, smallest block first", open_eager, alloc_smallest,
	  free_exact, largest_in_pool, metadata_of_pool, false, false },
	{ "pool-scatter", "exact sizes, in several extents where one will not do", open_eager,
	  alloc_scattered, free_scattered, largest_in_pool, metadata_of_pool, false, false },
	{ "malloc", "the C library's, at 1/64 scale", open_nothing, alloc_malloc, free_malloc, NULL,
	  NULL, false, false },
	{ "bitmap", "first fit over one bit a page", open_bitmap, alloc_bitmap, free_bitmap,
	  largest_in_bitmap, metadata_of_bitmap, true, true },
};
const unsigned int n_engines = sizeof(engines) / sizeof(engines[0]);
