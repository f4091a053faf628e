/* SPDX-License-Identifier: MIT */
/*
 * mmioctl tree: device, BAR, region, lease, process.
 *
 * Leases come in the order of their ids, and are shown below their regions. Those of the region
 * that is being shown are shown as they come; those of a later one are kept, in little memory. How
 * many leases a region has the list of regions says: after so many the next one follows. A user who
 * may not see them all waits for the end of the list instead.
 */
#include "target/target.h"
#include "verbs/tree.h"

#include <stdlib.h>
#include <string.h>

static struct tree_options {
	const char *svg;
} options;

static const struct verb_option option_rows[] = {
	TABLE_OPTIONS,
	{ "svg", 0, "FILE", "as an SVG into FILE (-: standard output)",
	  TEXT(struct tree_options, svg) },
	{ 0 },
};

/* Leases after which the first rows are shown, even if they are few. */
#define PATIENCE 4000

/* A lease or a vector, which is shown when it is known whether another follows. */
struct child {
	struct tree_lease lease;
	const struct mmiod_vector *vector; /* NULL: the lease */
};

struct forest {
	struct context *context;
	struct mmiod_region_list *regions;
	struct mmiod_device_list *devices; /* NULL: the daemon is older */
	bool asked; /* for vectors: some device has some */
	struct mmiod_vector_list *vectors; /* NULL: none, or the daemon is older */
	bool looked; /* for mappings: somebody has some */
	struct window_mappings mappings; /* by lease */
	struct tree_order order;
	size_t at; /* the place that is being shown */
	bool begun; /* with it */
	size_t taken; /* leases so far */
	bool over; /* no more leases come */
	struct tree_place memory[MMIOD_MEMORY_DMA + 1]; /* by enum mmiod_memory */
	struct tree_lease *kept;
	size_t count, capacity;
	bool holds; /* a child of the place */
	struct child child;
	uint32_t more; /* see struct tree_node */
	struct tree_drawing drawing;
	int status;
};

/* ---- showing ---- */

static void put(struct forest *forest, struct tree_node *node, bool more)
{
	forest->more &= (1u << node->depth) - 1;
	forest->more |= (uint32_t)more << node->depth;
	node->more = forest->more;
	if (!forest->status)
		forest->status = tree_put(&forest->drawing, node);
}

static void put_place(struct forest *forest, const struct tree_place *place)
{
	struct tree_node node = { .kind = place->kind,
				  .depth = place->depth,
				  .region = place->region,
				  .device = place->device };

	if (place->name)
		snprintf(node.name, sizeof(node.name), "%s", place->name);
	else
		snprintf(node.name, sizeof(node.name), "bar%d", mmiod_region_bar(place->region));
	put(forest, &node, place->more);
}

static int compare_mappings(const void *a, const void *b)
{
	const struct window_mapping *first = a, *second = b;

	if (first->lease != second->lease)
		return first->lease < second->lease ? -1 : 1;
	if (first->pid != second->pid)
		return first->pid < second->pid ? -1 : 1;
	return first->segment.start < second->segment.start
		       ? -1
		       : first->segment.start > second->segment.start;
}

/* Where those of the lease begin, or would. */
static size_t first_mapping(const struct window_mappings *mappings, uint64_t lease)
{
	size_t from = 0, to = mappings->count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (mappings->items[middle].lease < lease)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

/* All processes are looked through, if need be and once. */
static void look_for_mappings(struct forest *forest)
{
	struct window_mappings *mappings = &forest->mappings;

	if (forest->looked)
		return;
	forest->looked = true;
	if (!forest->status)
		forest->status = find_window_mappings(forest->context, 0, mappings);
	if (mappings->count)
		qsort(mappings->items, mappings->count, sizeof(mappings->items[0]),
		      compare_mappings);
}

static void put_processes(struct forest *forest, uint64_t lease, unsigned int depth)
{
	const struct window_mappings *mappings = &forest->mappings;

	look_for_mappings(forest);
	for (size_t i = first_mapping(mappings, lease);
	     i < mappings->count && mappings->items[i].lease == lease; i++) {
		struct tree_node node = { .kind = TREE_PROCESS,
					  .depth = depth,
					  .mapping = &mappings->items[i] };
		bool more = i + 1 < mappings->count && mappings->items[i + 1].lease == lease;

		snprintf(node.name, sizeof(node.name), "%u %s", mappings->items[i].pid,
			 mappings->items[i].comm);
		put(forest, &node, more);
	}
}

/* @depth: of the place that it is of. */
static void put_child(struct forest *forest, unsigned int depth, bool more)
{
	const struct child *child = &forest->child;
	struct tree_node node = { .depth = depth + 1, .vector = child->vector };

	if (!forest->holds)
		return;
	forest->holds = false;
	if (child->vector) {
		node.kind = TREE_VECTOR;
		snprintf(node.name, sizeof(node.name), "vector %u",
			 mmiod_vector_number(child->vector));
		put(forest, &node, more);
		return;
	}
	node.kind = TREE_LEASE;
	node.lease = &child->lease;
	snprintf(node.name, sizeof(node.name), "lease %llu", (unsigned long long)child->lease.id);
	put(forest, &node, more);
	if (child->lease.mappings)
		put_processes(forest, child->lease.id, depth + 2);
}

static void put_lease(struct forest *forest, unsigned int depth, const struct tree_lease *lease)
{
	put_child(forest, depth, true);
	forest->child.vector = NULL;
	forest->child.lease = *lease;
	forest->holds = true;
}

/* The daemon looks through all leases for them. */
static void look_for_vectors(struct forest *forest)
{
	if (!forest->asked)
		mmiod_client_list_vectors(forest->context->client, &forest->vectors);
	forest->asked = true;
}

static void put_vectors(struct forest *forest, const struct tree_place *place)
{
	if (mmiod_device_interrupt(place->device))
		look_for_vectors(forest);
	for (size_t i = 0; forest->vectors && i < mmiod_vector_list_count(forest->vectors); i++) {
		const struct mmiod_vector *vector = mmiod_vector_list_get(forest->vectors, i);

		if (strcmp(mmiod_vector_device(vector), place->name))
			continue;
		put_child(forest, place->depth, true);
		forest->child.vector = vector;
		forest->holds = true;
	}
}

/* The place, and what is known below it. */
static void begin_place(struct forest *forest, const struct tree_place *place)
{
	put_place(forest, place);
	if (place->kind == TREE_INTERRUPTS)
		put_vectors(forest, place);
	for (uint32_t i = place->first; i; i = forest->kept[i - 1].next)
		put_lease(forest, place->depth, &forest->kept[i - 1]);
}

/* As far as all is known. */
static void go_on(struct forest *forest)
{
	while (!forest->status && forest->at < forest->order.count) {
		const struct tree_place *place = &forest->order.places[forest->at];

		if (!forest->begun)
			begin_place(forest, place);
		forest->begun = true;
		if (!forest->over && place->seen < place->expected)
			return;
		put_child(forest, place->depth, false);
		forest->begun = false;
		forest->at++;
	}
}

static void put_kernel_memory(struct forest *forest)
{
	const struct tree_place root = { .kind = TREE_DEVICE, .name = "kernel memory" };
	struct tree_place *last = NULL;

	for (enum mmiod_memory kind = MMIOD_MEMORY_PAGES; kind <= MMIOD_MEMORY_DMA; kind++)
		if (forest->memory[kind].first)
			last = &forest->memory[kind];
	if (!last)
		return;
	put_place(forest, &root);
	for (struct tree_place *place = forest->memory + MMIOD_MEMORY_PAGES; place <= last;
	     place++) {
		if (!place->first)
			continue;
		place->kind = TREE_MEMORY;
		place->depth = 1;
		place->more = place != last;
		place->name = memory_word((enum mmiod_memory)(place - forest->memory));
		begin_place(forest, place);
		put_child(forest, 1, false);
	}
}

/* ---- gathering ---- */

static struct tree_lease summary_of(const struct mmiod_lease_info *info)
{
	struct tree_lease lease = { .id = mmiod_lease_info_id(info),
				    .offset = mmiod_lease_info_offset(info),
				    .length = mmiod_lease_info_length(info),
				    .iova = mmiod_lease_info_iova(info),
				    .state = lease_state_word(info),
				    .uid = mmiod_lease_info_uid(info),
				    .pid = mmiod_lease_info_pid(info),
				    .mappings = mmiod_lease_info_mappings(info),
				    .rights = (uint8_t)mmiod_lease_info_rights(info),
				    .memtype = (uint8_t)mmiod_lease_info_memtype(info) };

	snprintf(lease.comm, sizeof(lease.comm), "%s", mmiod_lease_info_comm(info));
	return lease;
}

static int keep(struct forest *forest, struct tree_place *place, const struct tree_lease *lease)
{
	size_t wanted = forest->capacity ? 2 * forest->capacity : 256;
	struct tree_lease *grown;

	if (forest->count == forest->capacity) {
		grown = reallocarray(forest->kept, wanted, sizeof(*grown));
		if (!grown)
			return out_of_memory(forest->context);
		forest->kept = grown;
		forest->capacity = wanted;
	}
	forest->kept[forest->count++] = *lease;
	if (place->last)
		forest->kept[place->last - 1].next = (uint32_t)forest->count;
	else
		place->first = (uint32_t)forest->count;
	place->last = (uint32_t)forest->count;
	return STATUS_OK;
}

/* Where it is shown; NULL: nowhere. Vectors and device files are no memory. */
static struct tree_place *place_of(struct forest *forest, const struct mmiod_lease_info *info)
{
	enum mmiod_memory memory = mmiod_lease_info_memory(info);
	const char *region = mmiod_lease_info_region(info);

	if (memory == MMIOD_MEMORY_REGION)
		return mmiod_lease_info_kind(info) == MMIOD_KIND_WINDOW
			       ? tree_place_of(&forest->order, TREE_REGION, region)
			       : NULL;
	if (mmiod_lease_info_operation(info))
		return tree_place_of(&forest->order, TREE_INTERRUPTS, region);
	return memory <= MMIOD_MEMORY_DMA ? &forest->memory[memory] : NULL;
}

static bool is_ahead(const struct forest *forest, const struct tree_place *place)
{
	const struct tree_order *order = &forest->order;

	if (place->kind == TREE_REGION || place->kind == TREE_INTERRUPTS)
		return (size_t)(place - order->places) > forest->at;
	return true; /* kernel memory stands behind all others */
}

/* One of a place that has been shown was granted since, and is left out. */
static int take_lease(void *data, const struct mmiod_lease_info *info)
{
	struct forest *forest = data;
	struct tree_place *place = place_of(forest, info);
	struct tree_lease lease;

	go_on(forest);
	if (++forest->taken == PATIENCE)
		tree_release(&forest->drawing);
	if (!place || forest->status)
		return forest->status;
	lease = summary_of(info);
	place->seen++;
	if (is_ahead(forest, place))
		return keep(forest, place, &lease);
	if (place == &forest->order.places[forest->at])
		put_lease(forest, place->depth, &lease);
	return forest->status;
}

static int fetch(struct forest *forest)
{
	struct context *context = forest->context;
	int err = mmiod_client_list_regions(context->client, &forest->regions);

	if (err)
		return report_client(context, err);
	/* An older daemon knows none. */
	mmiod_client_list_devices(context->client, &forest->devices);
	if (tree_order_make(&forest->order, forest->regions, forest->devices))
		return out_of_memory(context);
	return STATUS_OK;
}

/* ---- the verb ---- */

static int show(struct forest *forest)
{
	int status = tree_begin(&forest->drawing, forest->context, options.svg);

	if (!status)
		status = each_lease(forest->context, take_lease, forest);
	if (!status) {
		forest->over = true;
		go_on(forest);
		put_kernel_memory(forest);
		status = forest->status;
	}
	return tree_end(&forest->drawing, status);
}

static int verb_tree(struct context *context, int argc, char **argv)
{
	struct forest forest = { .context = context };
	int status = client_open(context);

	if (status)
		return status;
	if (context->table.columns || context->table.all_columns)
		return usage_error(context, "the columns of a tree are always the same");
	status = fetch(&forest);
	if (!status)
		status = show(&forest);
	free(forest.kept);
	tree_order_free(&forest.order);
	free_window_mappings(&forest.mappings);
	mmiod_vector_list_free(forest.vectors);
	mmiod_device_list_free(forest.devices);
	mmiod_region_list_free(forest.regions);
	return status;
}

const struct verb tree_verb = {
	.name = "tree",
	.arguments = "",
	.summary = "devices, regions, leases, processes, vectors",
	.group = GROUP_SEE,
	.options = option_rows,
	.values = &options,
	.run = verb_tree,
	.examples = { { "tree", "all that policy lets you see, and who maps it" },
		      { "tree --svg tree.svg", "the same for a browser" },
		      { "tree --json", "nested, by \"children\"" } },
	.more = "Below a lease are the processes that map it, as far as you may look into them.",
};
