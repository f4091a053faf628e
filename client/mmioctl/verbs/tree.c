/* SPDX-License-Identifier: MIT */
/*
 * mmioctl tree: device, BAR, region, lease, process. It is built as JSON first, and drawings are
 * made from that, so that all say the same.
 */
#include "system/window-mapping.h"
#include "target/vector.h"
#include "verb.h"

#include <errno.h>
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

struct forest {
	struct context *context;
	struct mmiod_region_list *regions;
	struct mmiod_lease_list *leases;
	struct mmiod_device_list *devices; /* NULL: the daemon is older */
	struct mmiod_vector_list *vectors; /* likewise */
	struct window_mappings mappings;
	json_t *roots;
};

/* ---- building ---- */

static json_t *children_of(json_t *node)
{
	json_t *children = json_object_get(node, "children");

	if (!children) {
		children = json_array();
		json_object_set_new(node, "children", children);
	}
	return children;
}

/* The child of that kind and name, made if need be. */
static json_t *need_child(json_t *children, const char *kind, const char *name)
{
	json_t *node;
	size_t i;

	json_array_foreach(children, i, node)
	{
		if (!strcmp(json_string_value(json_object_get(node, "kind")), kind) &&
		    !strcmp(json_string_value(json_object_get(node, "name")), name))
			return node;
	}
	node = json_pack("{s:s, s:s}", "kind", kind, "name", name);
	json_array_append_new(children, node);
	return node;
}

static json_t *add_child(json_t *node, const char *kind, const char *name)
{
	json_t *child = json_pack("{s:s, s:s}", "kind", kind, "name", name);

	json_array_append_new(children_of(node), child);
	return child;
}

static void add_processes(const struct forest *forest, json_t *lease, uint64_t id)
{
	for (size_t i = 0; i < forest->mappings.count; i++) {
		const struct window_mapping *mapping = &forest->mappings.items[i];
		char name[64], user[64];
		json_t *node;

		if (mapping->lease != id)
			continue;
		snprintf(name, sizeof(name), "%u %s", mapping->pid, mapping->comm);
		user_name(mapping->uid, user, sizeof(user));
		node = add_child(lease, "process", name);
		json_object_update_new(
			node,
			json_pack("{s:I, s:s, s:o, s:o}", "pid", (json_int_t)mapping->pid, "user",
				  user, "address", json_number(mapping->segment.start), "size",
				  json_number(mapping->segment.end - mapping->segment.start)));
	}
}

static json_t *add_lease(const struct forest *forest, json_t *parent,
			 const struct mmiod_lease_info *info)
{
	char name[32], user[64];
	json_t *node;

	snprintf(name, sizeof(name), "lease %llu", (unsigned long long)mmiod_lease_info_id(info));
	user_name(mmiod_lease_info_uid(info), user, sizeof(user));
	node = add_child(parent, "lease", name);
	json_object_update_new(node,
			       json_pack("{s:o, s:o, s:o, s:s, s:s, s:s, s:s, s:I, s:s, s:I}",
					 "lease", json_number(mmiod_lease_info_id(info)), "offset",
					 json_place(mmiod_lease_info_offset(info)), "size",
					 json_number(mmiod_lease_info_length(info)), "rights",
					 rights_word(mmiod_lease_info_rights(info)), "cache",
					 memtype_word(mmiod_lease_info_memtype(info)), "state",
					 state_word(mmiod_lease_info_state(info)), "user", user,
					 "pid", (json_int_t)mmiod_lease_info_pid(info), "command",
					 mmiod_lease_info_comm(info), "mappings",
					 (json_int_t)mmiod_lease_info_mappings(info)));
	add_processes(forest, node, mmiod_lease_info_id(info));
	return node;
}

static void add_leases(const struct forest *forest, json_t *node, const char *region)
{
	for (size_t i = 0; i < mmiod_lease_list_count(forest->leases); i++) {
		const struct mmiod_lease_info *info = mmiod_lease_list_get(forest->leases, i);

		if (lease_is_in_region(info, region))
			add_lease(forest, node, info);
	}
}

static void add_region(const struct forest *forest, const struct mmiod_region *region)
{
	enum mmiod_state state = mmiod_region_state(region);
	json_t *node = need_child(forest->roots, "device",
				  mmiod_region_device(region)[0] ? mmiod_region_device(region)
								 : "missing");
	char bar[16];

	if (mmiod_region_model(region)[0])
		json_object_set_new(node, "model", json_string(mmiod_region_model(region)));
	if (mmiod_region_bar(region) >= 0) {
		snprintf(bar, sizeof(bar), "bar%d", mmiod_region_bar(region));
		node = need_child(children_of(node), "bar", bar);
	}
	node = add_child(node, "region", mmiod_region_name(region));
	json_object_update_new(
		node, json_pack("{s:o, s:o, s:s, s:s, s:s}", "offset",
				json_number(mmiod_region_offset(region)), "size",
				json_number(mmiod_region_length(region)), "rights",
				rights_word(mmiod_region_rights(region)), "cache",
				memtype_word(mmiod_region_memtype(region)), "state",
				state == MMIOD_STATE_REVOKED ? "missing" : state_word(state)));
	add_leases(forest, node, mmiod_region_name(region));
}

static void add_kernel_memory(const struct forest *forest)
{
	for (size_t i = 0; i < mmiod_lease_list_count(forest->leases); i++) {
		const struct mmiod_lease_info *info = mmiod_lease_list_get(forest->leases, i);
		enum mmiod_memory memory = mmiod_lease_info_memory(info);

		if (memory != MMIOD_MEMORY_REGION && !mmiod_lease_info_operation(info))
			add_lease(forest,
				  need_child(children_of(need_child(forest->roots, "device",
								    "kernel memory")),
					     "memory", memory_word(memory)),
				  info);
	}
}

static void add_vector(json_t *node, const struct mmiod_vector *vector)
{
	char name[32], user[64];

	snprintf(name, sizeof(name), "vector %u", mmiod_vector_number(vector));
	user_name(mmiod_vector_uid(vector), user, sizeof(user));
	json_object_update_new(add_child(node, "vector", name),
			       json_pack("{s:I, s:s, s:o, s:o, s:s, s:s, s:I, s:s}", "vector",
					 (json_int_t)mmiod_vector_number(vector), "interrupt",
					 irq_word(mmiod_vector_kind(vector)), "lease",
					 json_number(mmiod_vector_lease(vector)), "count",
					 json_number(mmiod_vector_count(vector)), "state",
					 vector_state_word(vector), "user", user, "pid",
					 (json_int_t)mmiod_vector_pid(vector), "command",
					 mmiod_vector_comm(vector)));
}

/* Who operates it, if the caller is told; its power. */
static void add_operator(json_t *node, const struct mmiod_device *device)
{
	uint64_t lease = mmiod_device_operator(device);
	uint32_t uid = mmiod_device_operator_uid(device);
	char user[64];

	json_object_set_new(node, "power", json_string(mmiod_device_sleeps(device) ? "d3" : "d0"));
	json_object_set_new(node, "operator", lease ? json_number(lease) : json_null());
	if (!lease || uid == UINT32_MAX)
		return;
	user_name(uid, user, sizeof(user));
	json_object_update_new(node,
			       json_pack("{s:s, s:I, s:s}", "operator_user", user, "operator_pid",
					 (json_int_t)mmiod_device_operator_pid(device),
					 "operator_command", mmiod_device_operator_comm(device)));
}

/* Memory that it reaches, of its operator. */
static void add_dma(const struct forest *forest, json_t *node, const char *name)
{
	for (size_t i = 0; i < mmiod_lease_list_count(forest->leases); i++) {
		const struct mmiod_lease_info *info = mmiod_lease_list_get(forest->leases, i);
		json_t *lease;

		if (!mmiod_lease_info_operation(info) ||
		    strcmp(mmiod_lease_info_region(info), name))
			continue;
		lease = add_lease(forest, node, info);
		if (mmiod_lease_info_iova(info) != MMIOD_NO_IOVA)
			json_object_set_new(lease, "iova",
					    json_number(mmiod_lease_info_iova(info)));
	}
}

/* Its vectors and memory hang below it; what it is beside its registers is its own. */
static void add_device(const struct forest *forest, const struct mmiod_device *device)
{
	const char *address = mmiod_device_address(device);
	json_t *node = need_child(forest->roots, "device", address[0] ? address : "missing");
	const char *name = mmiod_device_name(device);

	node = add_child(node, "interrupts", name);
	json_object_update_new(node, json_pack("{s:s, s:I, s:b, s:b, s:b, s:s}", "interrupt",
					       irq_word(mmiod_device_interrupt(device)), "vectors",
					       (json_int_t)mmiod_device_vectors(device), "master",
					       mmiod_device_masters(device), "trusted",
					       mmiod_device_trusted(device), "isolated",
					       mmiod_device_isolated(device), "state",
					       mmiod_device_state(device) == MMIOD_STATE_REVOKED
						       ? "missing"
						       : state_word(mmiod_device_state(device))));
	add_operator(node, device);
	for (size_t i = 0; forest->vectors && i < mmiod_vector_list_count(forest->vectors); i++) {
		const struct mmiod_vector *vector = mmiod_vector_list_get(forest->vectors, i);

		if (!strcmp(mmiod_vector_device(vector), name))
			add_vector(node, vector);
	}
	add_dma(forest, node, name);
}

/* ---- the verb ---- */

/* Vectors, or the caller or somebody else operates it or may. */
static bool is_more_than_memory(const struct mmiod_device *device)
{
	return mmiod_device_interrupt(device) || mmiod_device_operator(device) ||
	       mmiod_device_rights(device) & ~(unsigned int)MMIOD_MAY_INTERRUPT;
}

static int build(struct forest *forest)
{
	struct context *context = forest->context;
	int err = mmiod_client_list_regions(context->client, &forest->regions);

	if (!err)
		err = mmiod_client_list_leases(context->client, &forest->leases);
	if (err)
		return report_client(context, err);
	for (size_t i = 0; i < mmiod_region_list_count(forest->regions); i++)
		add_region(forest, mmiod_region_list_get(forest->regions, i));
	/* An older daemon knows no devices. */
	if (!mmiod_client_list_devices(context->client, &forest->devices))
		mmiod_client_list_vectors(context->client, &forest->vectors);
	for (size_t i = 0; forest->devices && i < mmiod_device_list_count(forest->devices); i++)
		if (is_more_than_memory(mmiod_device_list_get(forest->devices, i)))
			add_device(forest, mmiod_device_list_get(forest->devices, i));
	add_kernel_memory(forest);
	return 0;
}

static int print(const struct context *context, json_t *roots)
{
	bool to_stdout = options.svg && !strcmp(options.svg, "-");
	int status = 0;

	if (!context->json || options.svg)
		status = draw_tree(context, roots, options.svg);
	if (status || !context->json || to_stdout)
		return status;
	return json_output(json_pack("{s:i, s:O}", "schema", JSON_SCHEMA, "devices", roots));
}

static int verb_tree(struct context *context, int argc, char **argv)
{
	struct forest forest = { .context = context };
	int status = client_open(context);

	if (status)
		return status;
	if (context->table.columns || context->table.all_columns)
		return usage_error(context, "the columns of a tree are always the same");
	forest.roots = json_array();
	status = find_window_mappings(context, 0, &forest.mappings);
	if (!status)
		status = build(&forest);
	if (!status)
		status = print(context, forest.roots);
	json_decref(forest.roots);
	free_window_mappings(&forest.mappings);
	mmiod_vector_list_free(forest.vectors);
	mmiod_device_list_free(forest.devices);
	mmiod_lease_list_free(forest.leases);
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
