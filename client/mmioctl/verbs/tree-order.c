/* SPDX-License-Identifier: MIT */
/*
 * The order of the tree: each device where its first region stands in the daemon's list, each BAR
 * likewise, and behind its memory what else a device is.
 */
#include "verbs/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A region or a device, and what it stands below. */
struct item {
	const struct mmiod_region *region;
	const struct mmiod_device *device; /* NULL: a region */
	const char *root; /* name of the device */
	int bar; /* negative: none */
	size_t at; /* in the daemon's lists */
	size_t root_at, bar_at; /* of the first below the same root, and below the same BAR */
};

static const char *or_missing(const char *device)
{
	return device[0] ? device : "missing";
}

/* Vectors, or the caller or somebody else operates it or may. */
static bool is_more_than_memory(const struct mmiod_device *device)
{
	return mmiod_device_interrupt(device) || mmiod_device_operator(device) ||
	       mmiod_device_rights(device) & ~(unsigned int)MMIOD_MAY_INTERRUPT;
}

static size_t fill(struct item *items, const struct mmiod_region_list *regions,
		   const struct mmiod_device_list *devices)
{
	size_t n = 0;

	for (size_t i = 0; i < mmiod_region_list_count(regions); i++, n++) {
		const struct mmiod_region *region = mmiod_region_list_get(regions, i);

		items[n] = (struct item){ .region = region,
					  .root = or_missing(mmiod_region_device(region)),
					  .bar = mmiod_region_bar(region),
					  .at = n };
	}
	for (size_t i = 0; devices && i < mmiod_device_list_count(devices); i++) {
		const struct mmiod_device *device = mmiod_device_list_get(devices, i);

		if (!is_more_than_memory(device))
			continue;
		items[n] = (struct item){ .device = device,
					  .root = or_missing(mmiod_device_address(device)),
					  .bar = -1,
					  .at = n };
		n++;
	}
	return n;
}

/* ---- sorting ---- */

static int compare_numbers(size_t a, size_t b)
{
	return a < b ? -1 : a > b;
}

static int by_place(const void *a, const void *b)
{
	const struct item *first = a, *second = b;
	int order = strcmp(first->root, second->root);

	if (!order && first->bar != second->bar)
		order = first->bar < second->bar ? -1 : 1;
	return order ? order : compare_numbers(first->at, second->at);
}

static int by_order(const void *a, const void *b)
{
	const struct item *first = a, *second = b;
	int order = compare_numbers(first->root_at, second->root_at);

	if (!order)
		order = compare_numbers(first->bar_at, second->bar_at);
	return order ? order : compare_numbers(first->at, second->at);
}

static bool have_one_root(const struct item *a, const struct item *b)
{
	return !strcmp(a->root, b->root);
}

static bool are_in_one_bar(const struct item *a, const struct item *b)
{
	return a->bar >= 0 && a->bar == b->bar && have_one_root(a, b);
}

/* Of those below one root, which stand together. Returns how many. */
static size_t set_root(struct item *items, size_t count)
{
	size_t n = 0, least = SIZE_MAX;

	for (; n < count && have_one_root(items, items + n); n++)
		if (items[n].at < least)
			least = items[n].at;
	for (size_t i = 0; i < n; i++) {
		bool follows = i && are_in_one_bar(&items[i - 1], &items[i]);

		items[i].root_at = least;
		items[i].bar_at = follows ? items[i - 1].bar_at : items[i].at;
	}
	return n;
}

static void sort(struct item *items, size_t count)
{
	qsort(items, count, sizeof(items[0]), by_place);
	for (size_t i = 0; i < count;)
		i += set_root(items + i, count - i);
	qsort(items, count, sizeof(items[0]), by_order);
}

/* ---- places ---- */

static struct tree_place *add(struct tree_order *order, enum tree_kind kind, unsigned int depth)
{
	struct tree_place *place = &order->places[order->count++];

	*place = (struct tree_place){ .kind = kind, .depth = depth };
	return place;
}

/* The first that has one tells the model. */
static const struct mmiod_region *with_model(const struct item *items, size_t count)
{
	for (size_t i = 0; i < count && items[i].root_at == items[0].root_at; i++)
		if (items[i].region && mmiod_region_model(items[i].region)[0])
			return items[i].region;
	return NULL;
}

static void add_device(struct tree_order *order, const struct item *item, unsigned int depth)
{
	struct tree_place *place = add(order, TREE_INTERRUPTS, depth);

	place->device = item->device;
	place->name = mmiod_device_name(item->device);
	/* Memory for it is its operator's. */
	place->expected = mmiod_device_operator(item->device) ? UINT64_MAX : 0;
}

static void add_region(struct tree_order *order, const struct item *item, unsigned int depth)
{
	struct tree_place *place = add(order, TREE_REGION, depth);

	place->region = item->region;
	place->name = mmiod_region_name(item->region);
	place->expected = mmiod_region_leases(item->region);
}

static void add_places(struct tree_order *order, const struct item *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct item *item = &items[i], *before = i ? item - 1 : NULL;

		if (!before || !have_one_root(before, item)) {
			struct tree_place *root = add(order, TREE_DEVICE, 0);

			root->name = item->root;
			root->region = with_model(item, count - i);
		}
		if (item->bar >= 0 && !(before && are_in_one_bar(before, item)))
			add(order, TREE_BAR, 1)->region = item->region;
		if (item->device)
			add_device(order, item, 1);
		else
			add_region(order, item, item->bar >= 0 ? 2 : 1);
	}
}

/* From the end: whether one of that depth has been seen since one that is higher. */
static void find_last(struct tree_order *order)
{
	bool seen[TREE_DEPTH_MAX] = { 0 };

	for (size_t i = order->count; i-- > 0;) {
		struct tree_place *place = &order->places[i];

		place->more = seen[place->depth];
		seen[place->depth] = true;
		memset(seen + place->depth + 1, 0, sizeof(seen) - place->depth - 1);
	}
}

/* ---- by name ---- */

static int by_name(const void *a, const void *b)
{
	const struct tree_place *first = *(struct tree_place *const *)a;
	const struct tree_place *second = *(struct tree_place *const *)b;

	return strcmp(first->name, second->name);
}

static size_t collect(struct tree_order *order, enum tree_kind kind, size_t at)
{
	size_t n = at;

	for (size_t i = 0; i < order->count; i++)
		if (order->places[i].kind == kind)
			order->by_name[n++] = &order->places[i];
	qsort(order->by_name + at, n - at, sizeof(order->by_name[0]), by_name);
	return n - at;
}

struct tree_place *tree_place_of(const struct tree_order *order, enum tree_kind kind,
				 const char *name)
{
	const struct tree_place key = { .name = name }, *wanted = &key;
	bool of_region = kind == TREE_REGION;
	struct tree_place **found = bsearch(
		&wanted, order->by_name + (of_region ? 0 : order->regions),
		of_region ? order->regions : order->devices, sizeof(order->by_name[0]), by_name);

	return found ? *found : NULL;
}

/* ---- the whole ---- */

int tree_order_make(struct tree_order *order, const struct mmiod_region_list *regions,
		    const struct mmiod_device_list *devices)
{
	size_t most =
		mmiod_region_list_count(regions) + (devices ? mmiod_device_list_count(devices) : 0);
	struct item *items = calloc(most + 1, sizeof(*items));

	*order = (struct tree_order){ .places = calloc(3 * most + 1, sizeof(*order->places)),
				      .by_name = calloc(most + 1, sizeof(order->by_name[0])) };
	if (items && order->places && order->by_name) {
		size_t count = fill(items, regions, devices);

		sort(items, count);
		add_places(order, items, count);
		find_last(order);
		order->regions = collect(order, TREE_REGION, 0);
		order->devices = collect(order, TREE_INTERRUPTS, order->regions);
		free(items);
		return 0;
	}
	free(items);
	tree_order_free(order);
	return -ENOMEM;
}

void tree_order_free(struct tree_order *order)
{
	free(order->places);
	free(order->by_name);
	*order = (struct tree_order){ 0 };
}
