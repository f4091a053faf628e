/* SPDX-License-Identifier: MIT */
/*
 * Debugging's loads from and stores into slabs, which may be a device's memory: aligned accesses of
 * at most a word, and no harm when the window is revoked. Then loads and stores answer
 * -ENODEV, and there is nothing left to check.
 */
#include "cache/cache.h"

#include <string.h>

#define CHUNK 256

struct copy {
	void *window;
	void *buffer;
	size_t length;
};

static int copy_to(void *argument)
{
	const struct copy *copy = argument;

	mmiod_copy_to_window(copy->window, copy->buffer, copy->length);
	return 0;
}

static int copy_from(void *argument)
{
	const struct copy *copy = argument;

	mmiod_copy_from_window(copy->buffer, copy->window, copy->length);
	return 0;
}

int touch_fill(void *address, uint8_t value, size_t length)
{
	uint8_t pattern[CHUNK];
	int err = 0;

	memset(pattern, value, sizeof(pattern));
	for (size_t done = 0; !err && done < length; done += CHUNK) {
		size_t step = length - done < CHUNK ? length - done : CHUNK;
		struct copy copy = { (char *)address + done, pattern, step };

		err = mmiod_guard(copy_to, &copy);
	}
	return err;
}

int touch_load(void *buffer, const void *address, size_t length)
{
	struct copy copy = { (void *)address, buffer, length };

	return mmiod_guard(copy_from, &copy);
}

/*
 * Whether any byte is not @value: the first such, and the last, as offsets, and what the first is.
 */
bool touch_differs(const void *address, uint8_t value, size_t length, size_t *first, size_t *last,
		   uint8_t *found)
{
	uint8_t bytes[CHUNK];
	bool differs = false;

	for (size_t done = 0; done < length; done += CHUNK) {
		size_t step = length - done < CHUNK ? length - done : CHUNK;

		if (touch_load(bytes, (const char *)address + done, step))
			return false;
		for (size_t i = 0; i < step; i++) {
			if (bytes[i] == value)
				continue;
			if (!differs) {
				*first = done + i;
				*found = bytes[i];
			}
			*last = done + i;
			differs = true;
		}
	}
	return differs;
}

/*
 * Red zones that say whether the object is in use, and the poison. SLUB poisons what it gives out,
 * too.
 */
void touch_mark(const struct mmiod_object_cache *cache, void *object, bool used)
{
	const struct geometry *geometry = &cache->geometry;
	uint8_t zone = used ? RED_ZONE_USED : RED_ZONE_FREE;

	if (cache->flags & MMIOD_OBJECT_CACHE_RED_ZONE) {
		touch_fill((char *)object - geometry->left, zone, geometry->left);
		touch_fill((char *)object + geometry->object_size, zone,
			   geometry->inuse - geometry->object_size);
	}
	if (cache_poisons(cache))
		touch_fill(object, POISON_FREE, geometry->object_size);
}
