/* SPDX-License-Identifier: MIT */
/*
 * The options of an object cache, and the layout of its slabs that follows. Fills in a cache that
 * is all zeros; takes nothing that would have to be given back.
 */
#include "cache/cache.h"

#include <ctype.h>
#include <string.h>
#include <unistd.h>

#define WORD sizeof(uint64_t)
#define SLAB_MAX ((size_t)1 << 30)
#define OBJECT_MAX (SLAB_MAX / 4)
#define OBJECTS_MAX 65536
#define MAGAZINE_BYTES \
	((size_t)128 << 10) /* what a thread may hold back, unless it is but two objects */

#define FLAGS_KNOWN                                                                   \
	(FLAGS_DEBUG | MMIOD_OBJECT_CACHE_HWALIGN | MMIOD_OBJECT_CACHE_NO_MAGAZINES | \
	 MMIOD_OBJECT_CACHE_ABORT)

static size_t round_up(size_t value, size_t to)
{
	return (value + to - 1) & ~(to - 1);
}

static bool power_of_two(size_t value)
{
	return value && !(value & (value - 1));
}

static int read_name(const char *name, char *copy, char *error, size_t size)
{
	size_t length = name ? strlen(name) : 0;

	if (!length)
		return options_fail(error, size, "an object cache needs a name");
	if (length >= MMIOD_OBJECT_CACHE_NAME_MAX)
		return options_fail(error, size,
				    "name \"%.16s...\" has %zu characters: at most %d are allowed",
				    name, length, MMIOD_OBJECT_CACHE_NAME_MAX - 1);
	for (size_t i = 0; i < length; i++)
		if (!isgraph((unsigned char)name[i]) || strchr(",;", name[i]))
			return options_fail(error, size,
					    "name: character 0x%02x at position %zu is not allowed",
					    (unsigned char)name[i], i + 1);
	memcpy(copy, name, length + 1);
	return 0;
}

static int check_sizes(const struct mmiod_object_cache_options *options, char *error, size_t size)
{
	size_t slab = options->slab_size;

	if (!options->object_size)
		return options_fail(error, size, "objects of 0 bytes");
	if (options->object_size > OBJECT_MAX)
		return options_fail(error, size,
				    "objects of 0x%zx bytes: at most 0x%zx are possible",
				    options->object_size, OBJECT_MAX);
	if (options->alignment && !power_of_two(options->alignment))
		return options_fail(error, size, "alignment 0x%zx is not a power of two",
				    options->alignment);
	if (options->alignment > SLAB_MAX)
		return options_fail(error, size, "alignment 0x%zx is larger than any slab (0x%zx)",
				    options->alignment, SLAB_MAX);
	if (slab && (!power_of_two(slab) || slab < mmiod_page_size() || slab > SLAB_MAX))
		return options_fail(error, size,
				    "slab size 0x%zx is not a power of two from 0x%zx to 0x%zx",
				    slab, mmiod_page_size(), SLAB_MAX);
	if (slab && options->alignment > slab)
		return options_fail(error, size,
				    "alignment 0x%zx is larger than the slab of 0x%zx bytes",
				    options->alignment, slab);
	return 0;
}

static int check_rest(const struct mmiod_object_cache_options *options, char *error, size_t size)
{
	if (options->flags & ~FLAGS_KNOWN)
		return options_fail(error, size, "flags 0x%x: 0x%x is not known", options->flags,
				    options->flags & ~FLAGS_KNOWN);
	if (!options->provider)
		return options_fail(error, size, "an object cache needs a provider of slabs");
	return 0;
}

/* As the kernel: objects of at most half a line share it. */
static size_t line_alignment(size_t object_size)
{
	long line = sysconf(_SC_LEVEL1_DCACHE_LINESIZE);
	size_t alignment = line > 0 && power_of_two((size_t)line) ? (size_t)line : 64;

	while (alignment > WORD && object_size <= alignment / 2)
		alignment /= 2;
	return alignment;
}

static void lay_out(const struct mmiod_object_cache_options *options, unsigned int flags,
		    struct geometry *geometry)
{
	size_t alignment = options->alignment > WORD ? options->alignment : WORD;
	size_t line = line_alignment(options->object_size);

	if (flags & MMIOD_OBJECT_CACHE_HWALIGN && line > alignment)
		alignment = line;
	*geometry = (struct geometry){ .object_size = options->object_size,
				       .alignment = alignment,
				       .inuse = round_up(options->object_size, WORD) };
	if (flags & MMIOD_OBJECT_CACHE_RED_ZONE) {
		geometry->left = alignment;
		if (geometry->inuse == geometry->object_size)
			geometry->inuse += WORD;
	}
	geometry->stride = round_up(geometry->left + geometry->inuse, alignment);
}

static size_t smallest_slab(size_t bytes)
{
	size_t slab = mmiod_page_size();

	while (slab < bytes)
		slab *= 2;
	return slab;
}

/* Many objects per slab waste little and share one descriptor; large slabs are hard to come by. */
static size_t choose_slab(const struct geometry *geometry)
{
	static const struct {
		size_t objects;
		size_t limit;
	} rules[] = { { 32, (size_t)64 << 10 }, { 8, (size_t)4 << 20 } };

	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		size_t slab = smallest_slab(rules[i].objects * geometry->stride);

		if (slab <= rules[i].limit)
			return slab;
		if (geometry->stride * 8 <= rules[i].limit)
			return rules[i].limit;
	}
	return smallest_slab(geometry->stride);
}

static int cut_slab(const struct mmiod_object_cache_options *options, struct geometry *geometry,
		    char *error, size_t size)
{
	size_t objects;

	geometry->slab_size = options->slab_size ? options->slab_size : choose_slab(geometry);
	objects = geometry->slab_size / geometry->stride;
	if (!objects)
		return options_fail(error, size,
				    "a slab of 0x%zx bytes holds no object of 0x%zx bytes, with "
				    "alignment and red zones 0x%zx",
				    geometry->slab_size, geometry->object_size, geometry->stride);
	if (objects > OBJECTS_MAX)
		return options_fail(error, size,
				    "a slab of 0x%zx bytes holds %zu objects: at most %d are "
				    "possible",
				    geometry->slab_size, objects, OBJECTS_MAX);
	geometry->shift = (unsigned int)__builtin_ctzl(geometry->slab_size);
	geometry->objects = (uint32_t)objects;
	geometry->words = (geometry->objects + 63) / 64;
	return 0;
}

/* Letter O, as SLUB: away with what takes room if one object then needed more pages. */
static void forgo_growth(const struct mmiod_object_cache_options *options, unsigned int *flags,
			 struct geometry *geometry)
{
	if (smallest_slab(geometry->stride) <= smallest_slab(geometry->object_size))
		return;
	*flags &= ~(MMIOD_OBJECT_CACHE_RED_ZONE | MMIOD_OBJECT_CACHE_POISON |
		    MMIOD_OBJECT_CACHE_USER);
	lay_out(options, *flags, geometry);
}

static uint32_t magazine_size(const struct geometry *geometry)
{
	size_t count = MAGAZINE_BYTES / geometry->stride;

	if (count > MAGAZINE_MAX)
		return MAGAZINE_MAX;
	return count < 2 ? 2 : (uint32_t)count;
}

static void copy_rest(const struct mmiod_object_cache_options *options,
		      struct mmiod_object_cache *cache)
{
	cache->constructor = options->constructor;
	cache->provider = options->provider;
	cache->report = options->report;
	cache->context = options->context;
	cache->magazine_size = magazine_size(&cache->geometry);
	if (cache->flags & (FLAGS_DEBUG | MMIOD_OBJECT_CACHE_NO_MAGAZINES))
		cache->slot = NO_SLOT;
}

int options_read(const struct mmiod_object_cache_options *options, struct mmiod_object_cache *cache,
		 char *error, size_t size)
{
	bool no_growth = false;
	int err = read_name(options->name, cache->name, error, size);

	err = err ? err : check_sizes(options, error, size);
	err = err ? err : check_rest(options, error, size);
	cache->flags = options->flags;
	err = err ? err : letters_read(cache->name, &cache->flags, &no_growth, error, size);
	err = err ? err : failslab_read(&cache->fail_percent, &cache->fail_state, error, size);
	if (err)
		return err;
	lay_out(options, cache->flags, &cache->geometry);
	if (no_growth)
		forgo_growth(options, &cache->flags, &cache->geometry);
	err = cut_slab(options, &cache->geometry, error, size);
	if (!err)
		copy_rest(options, cache);
	return err;
}
