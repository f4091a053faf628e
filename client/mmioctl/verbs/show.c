/* SPDX-License-Identifier: MIT */
/*
 * mmioctl show: one lease, and each kind of address that its memory has.
 *
 * Physical, kernel and bus addresses are the daemon's secret before all who may not inspect: they
 * would tell a client where the kernel lies.
 */
#include "system/window-mapping.h"
#include "target/target.h"
#include "verb.h"

#include <errno.h>
#include <string.h>
#include <common/size.h>

struct shown {
	const struct context *context;
	const struct mmiod_lease_info *info;
	enum mmiod_memory memory;
	struct mmiod_buffer buffer; /* zeros for a region */
	uint64_t page; /* whose addresses */
	uint64_t phys;
	bool admin; /* may inspect */
	struct mmiod_lease_extent *extents; /* of a lease of several; owned */
	size_t extent_count;
	struct window_mappings mappings; /* of the lease, in processes that we may look into */
};

enum address_kind { USER_VIRTUAL, PHYSICAL, BUS, KERNEL_LOGICAL, KERNEL_VIRTUAL, ADDRESS_KINDS };

static const struct {
	const char *heading;
	const char *key;
} addresses[ADDRESS_KINDS] = {
	[USER_VIRTUAL] = { "User virtual", "user_virtual" },
	[PHYSICAL] = { "Physical", "physical" },
	[BUS] = { "Bus", "bus" },
	[KERNEL_LOGICAL] = { "Kernel logical", "kernel_logical" },
	[KERNEL_VIRTUAL] = { "Kernel virtual", "kernel_virtual" },
};

/* The address of one kind; NULL in @why when there is one. */
static uint64_t address_of(const struct shown *shown, enum address_kind kind, const char **why)
{
	bool region = shown->memory == MMIOD_MEMORY_REGION;
	bool applies[ADDRESS_KINDS] = {
		[PHYSICAL] = true,
		[BUS] = shown->memory == MMIOD_MEMORY_DMA,
		[KERNEL_LOGICAL] = shown->memory == MMIOD_MEMORY_KMALLOC,
		[KERNEL_VIRTUAL] =
			shown->memory == MMIOD_MEMORY_VMALLOC || shown->memory == MMIOD_MEMORY_DMA,
	};
	const uint64_t values[ADDRESS_KINDS] = {
		[PHYSICAL] = shown->phys,
		[BUS] = shown->buffer.bus,
		[KERNEL_LOGICAL] = shown->buffer.kernel,
		[KERNEL_VIRTUAL] = shown->buffer.kernel,
	};

	*why = NULL;
	if (kind == USER_VIRTUAL)
		*why = "n/a: each process that maps it has its own";
	else if (!applies[kind])
		*why = "none";
	else if (!shown->admin)
		*why = "hidden: it needs the inspect right";
	else if (!region && !shown->buffer.present)
		*why = "none yet: nobody has used it";
	else if (!values[kind])
		*why = "none";
	return *why ? 0 : values[kind];
}

/* ---- text ---- */

static void print_holder(const struct mmiod_lease_info *info)
{
	char user[64], since[32];

	user_name(mmiod_lease_info_uid(info), user, sizeof(user));
	time_words(mmiod_lease_info_started(info), since, sizeof(since));
	printf("%16s %s (uid %u), pid %u %s, since %s\n", "Held by:", user,
	       mmiod_lease_info_uid(info), mmiod_lease_info_pid(info), mmiod_lease_info_comm(info),
	       since);
}

static void print_buffer(const struct shown *shown)
{
	const struct mmiod_buffer *buffer = &shown->buffer;
	char size[32], node[32] = "any";

	size_words(buffer->capacity, size, sizeof(size));
	if (buffer->node >= 0)
		snprintf(node, sizeof(node), "%d", buffer->node);
	if (buffer->present && buffer->runs)
		printf("%16s %s in %llu physical piece%s\n", "Capacity:", size,
		       (unsigned long long)buffer->runs, buffer->runs == 1 ? "" : "s");
	else if (buffer->present)
		printf("%16s %s\n", "Capacity:", size);
	printf("%16s %s, node %s%s%s\n", "Asked for:", zone_word(buffer->zone), node,
	       buffer->flags & MMIOD_ALLOCATE_CONTIGUOUS ? ", contiguous" : "",
	       buffer->flags & MMIOD_ALLOCATE_NO_WAIT ? ", no-wait" : "");
}

static void print_extents(const struct shown *shown)
{
	const char *heading = "Extents:";

	for (size_t i = 0; i < shown->extent_count; i++) {
		printf("%16s +0x%llx/0x%llx\n", heading,
		       (unsigned long long)shown->extents[i].offset,
		       (unsigned long long)shown->extents[i].length);
		heading = "";
	}
}

static json_t *json_extents(const struct shown *shown)
{
	json_t *extents = json_array();

	for (size_t i = 0; i < shown->extent_count; i++)
		json_array_append_new(extents,
				      json_pack("{s:o, s:o}", "offset",
						json_number(shown->extents[i].offset), "length",
						json_number(shown->extents[i].length)));
	return extents;
}

/* Each process that maps it has an address of its own for it. */
static void print_virtual(const struct shown *shown)
{
	const char *heading = "User virtual:";

	for (size_t i = 0; i < shown->mappings.count; i++) {
		const struct window_mapping *mapping = &shown->mappings.items[i];

		if (mapping->lease != mmiod_lease_info_id(shown->info))
			continue;
		printf("%16s 0x%llx in process %u (%s)\n", heading,
		       (unsigned long long)mapping->segment.start, mapping->pid, mapping->comm);
		heading = "";
	}
	if (*heading)
		printf("%16s n/a: each process that maps it has its own\n", heading);
}

static void print_addresses(const struct shown *shown)
{
	print_virtual(shown);
	for (enum address_kind kind = PHYSICAL; kind < ADDRESS_KINDS; kind++) {
		const char *why;
		uint64_t address = address_of(shown, kind, &why);
		char heading[32];

		snprintf(heading, sizeof(heading), "%s:", addresses[kind].heading);
		if (why)
			printf("%16s %s\n", heading, why);
		else if (shown->page)
			printf("%16s 0x%llx (page %llu)\n", heading, (unsigned long long)address,
			       (unsigned long long)shown->page);
		else
			printf("%16s 0x%llx\n", heading, (unsigned long long)address);
	}
}

/* Of a vector there are no addresses; how often it came is in "mmioctl irq". */
static void print_vector(const struct mmiod_lease_info *info)
{
	printf("lease %llu\n", (unsigned long long)mmiod_lease_info_id(info));
	printf("%16s vector %llu of device %s\n",
	       "Interrupt:", (unsigned long long)mmiod_lease_info_offset(info),
	       mmiod_lease_info_region(info));
	printf("%16s %s\n", "State:", lease_state_word(info));
	print_holder(info);
}

static void print_text(const struct shown *shown)
{
	const struct mmiod_lease_info *info = shown->info;
	uint64_t length = mmiod_lease_info_length(info);
	const char *region = mmiod_lease_info_region(info);
	char size[32];

	size_words(length, size, sizeof(size));
	printf("lease %llu\n", (unsigned long long)mmiod_lease_info_id(info));
	if (shown->extent_count)
		printf("%16s %s, in %zu extents, allocated from the pool\n", "Region:", region,
		       shown->extent_count);
	else if (shown->memory == MMIOD_MEMORY_REGION)
		printf("%16s %s+0x%llx%s\n", "Region:", region,
		       (unsigned long long)mmiod_lease_info_offset(info),
		       mmiod_lease_info_allocated(info) ? ", allocated from the pool" : "");
	else
		printf("%16s %s%s%s\n", "Buffer:", memory_word(shown->memory),
		       region[0] ? ", for the device of " : "", region);
	printf("%16s %s (0x%llx)\n", "Length:", size, (unsigned long long)length);
	print_extents(shown);
	if (shown->memory != MMIOD_MEMORY_REGION)
		print_buffer(shown);
	printf("%16s %s, %s, %s, %u mappings\n",
	       "Access:", rights_word(mmiod_lease_info_rights(info)),
	       memtype_word(mmiod_lease_info_memtype(info)), lease_state_word(info),
	       mmiod_lease_info_mappings(info));
	print_holder(info);
	print_addresses(shown);
}

/* ---- JSON ---- */

/* NULL: no process that we may look into maps it. */
static json_t *json_virtual(const struct shown *shown)
{
	json_t *list = NULL;

	for (size_t i = 0; i < shown->mappings.count; i++) {
		const struct window_mapping *mapping = &shown->mappings.items[i];

		if (mapping->lease != mmiod_lease_info_id(shown->info))
			continue;
		list = list ? list : json_array();
		json_array_append_new(list,
				      json_pack("{s:I, s:s, s:o}", "pid", (json_int_t)mapping->pid,
						"command", mapping->comm, "address",
						json_number(mapping->segment.start)));
	}
	return list;
}

/* Kernel addresses have 64 bits: as a string always, as a number where it is exact. */
static json_t *json_addresses(const struct shown *shown)
{
	json_t *root = json_object(), *processes = json_virtual(shown);

	for (enum address_kind kind = 0; kind < ADDRESS_KINDS; kind++) {
		const char *why;
		uint64_t address = address_of(shown, kind, &why);

		json_object_set_new(root, addresses[kind].key,
				    why ? json_pack("{s:s}", "none", why)
					: json_register(address, sizeof(address)));
	}
	if (processes)
		json_object_set_new(root, addresses[USER_VIRTUAL].key,
				    json_pack("{s:o}", "processes", processes));
	return root;
}

static json_t *json_buffer(const struct shown *shown)
{
	const struct mmiod_buffer *buffer = &shown->buffer;

	if (shown->memory == MMIOD_MEMORY_REGION)
		return json_null();
	return json_pack("{s:b, s:I, s:I, s:s, s:o, s:b, s:b}", "present", buffer->present,
			 "capacity", (json_int_t)buffer->capacity, "runs", (json_int_t)buffer->runs,
			 "zone", zone_word(buffer->zone), "node",
			 buffer->node < 0 ? json_null() : json_integer(buffer->node), "contiguous",
			 !!(buffer->flags & MMIOD_ALLOCATE_CONTIGUOUS), "no_wait",
			 !!(buffer->flags & MMIOD_ALLOCATE_NO_WAIT));
}

static int print_json(const struct shown *shown)
{
	const struct mmiod_lease_info *info = shown->info;
	const char *region = mmiod_lease_info_region(info);
	char user[64];
	json_t *root;

	user_name(mmiod_lease_info_uid(info), user, sizeof(user));
	root = json_pack(
		"{s:i, s:I, s:s, s:s?, s:o, s:I, s:b, s:s, s:s, s:s, s:I}", "schema", JSON_SCHEMA,
		"lease", (json_int_t)mmiod_lease_info_id(info), "kind",
		lease_kind_word(mmiod_lease_info_kind(info), shown->memory), "region",
		region[0] ? region : NULL, "offset", json_place(mmiod_lease_info_offset(info)),
		"length", (json_int_t)mmiod_lease_info_length(info), "allocated",
		mmiod_lease_info_allocated(info), "rights",
		rights_word(mmiod_lease_info_rights(info)), "cache",
		memtype_word(mmiod_lease_info_memtype(info)), "state", lease_state_word(info),
		"mappings", (json_int_t)mmiod_lease_info_mappings(info));
	json_object_update_new(root, json_pack("{s:I, s:s, s:I, s:s, s:I, s:o, s:I, s:o}", "uid",
					       (json_int_t)mmiod_lease_info_uid(info), "user", user,
					       "pid", (json_int_t)mmiod_lease_info_pid(info),
					       "command", mmiod_lease_info_comm(info), "started",
					       (json_int_t)mmiod_lease_info_started(info), "buffer",
					       json_buffer(shown), "page", (json_int_t)shown->page,
					       "addresses", json_addresses(shown)));
	if (shown->extent_count)
		json_object_set_new(root, "extents", json_extents(shown));
	return json_output(root);
}

/* ---- the verb ---- */

/* Where in the region the page lies. */
static uint64_t page_offset(const struct shown *shown)
{
	uint64_t at = shown->page * mmiod_page_size();

	for (size_t i = 0; i < shown->extent_count; i++) {
		if (at < shown->extents[i].length)
			return shown->extents[i].offset + at;
		at -= shown->extents[i].length;
	}
	return mmiod_lease_info_offset(shown->info) + at;
}

static int take_extents(struct shown *shown)
{
	int n;

	if (mmiod_lease_info_extents(shown->info) < 2)
		return 0;
	n = list_extents(shown->context, shown->info, &shown->extents);
	if (!shown->extents)
		return out_of_memory(shown->context);
	if (n < 0)
		return report_client(shown->context, n);
	shown->extent_count = (size_t)n;
	return 0;
}

static int region_phys(struct shown *shown)
{
	uint64_t offset = page_offset(shown);
	struct mmiod_region_list *list;
	int err = mmiod_client_list_regions(shown->context->client, &list);

	if (err)
		return report_client(shown->context, err);
	for (size_t i = 0; i < mmiod_region_list_count(list); i++) {
		const struct mmiod_region *region = mmiod_region_list_get(list, i);

		if (strcmp(mmiod_region_name(region), mmiod_lease_info_region(shown->info)))
			continue;
		if (mmiod_region_phys(region))
			shown->phys = mmiod_region_phys(region) + offset;
	}
	mmiod_region_list_free(list);
	return 0;
}

static bool is_vector(const struct mmiod_lease_info *info)
{
	return mmiod_lease_info_kind(info) == MMIOD_KIND_INTERRUPT;
}

static int check_page(const struct shown *shown)
{
	uint64_t length = mmiod_lease_info_length(shown->info), page = mmiod_page_size();
	uint64_t pages = (length + page - 1) / page;

	if (shown->page < pages)
		return 0;
	return usage_error(shown->context, "lease %llu has %llu pages: there is no page %llu",
			   (unsigned long long)mmiod_lease_info_id(shown->info),
			   (unsigned long long)pages, (unsigned long long)shown->page);
}

static int show_lease(struct context *context, const struct mmiod_lease_info *info, uint64_t page)
{
	struct shown shown = { .context = context, .info = info, .page = page };
	struct mmiod_status daemon;
	int status, err;

	shown.memory = mmiod_lease_info_memory(info);
	status = check_page(&shown);
	if (status)
		return status;
	err = mmiod_client_status(context->client, &daemon);
	if (!err && shown.memory != MMIOD_MEMORY_REGION)
		err = mmiod_client_buffer(context->client, mmiod_lease_info_id(info), page,
					  &shown.buffer);
	if (err)
		return report_client(context, err);
	shown.admin = daemon.inspect;
	shown.phys = shown.buffer.phys;
	status = take_extents(&shown);
	if (!status && shown.memory == MMIOD_MEMORY_REGION && !is_vector(info))
		status = region_phys(&shown);
	if (!status && mmiod_lease_info_mappings(info))
		status = find_window_mappings(context, 0, &shown.mappings);
	if (!status && context->json)
		status = print_json(&shown);
	else if (!status && is_vector(info))
		print_vector(info);
	else if (!status)
		print_text(&shown);
	free_window_mappings(&shown.mappings);
	free(shown.extents);
	return status;
}

static int find_and_show(struct context *context, uint64_t lease, uint64_t page)
{
	const struct mmiod_lease_info *info;
	struct mmiod_lease_list *list;
	int err = mmiod_client_list_leases_after(context->client, lease ? lease - 1 : 0, &list);
	int status;

	if (err)
		return report_client(context, err);
	info = mmiod_lease_list_get(list, 0);
	if (info && mmiod_lease_info_id(info) == lease)
		status = show_lease(context, info, page);
	else
		status = report(context, -ENOENT, "there is no lease %llu that you may see",
				(unsigned long long)lease);
	mmiod_lease_list_free(list);
	return status;
}

static int verb_show(struct context *context, int argc, char **argv)
{
	uint64_t lease, page = 0;
	int status;

	if (argc == 1 && common_number(argv[0], &lease) == -EINVAL)
		return show_region(context, argv[0]);
	status = parse_lease(context, argv[0], &lease);
	if (status)
		return status;
	if (argc == 2 && common_number(argv[1], &page))
		return usage_error(context, "\"%s\" is not the number of a page", argv[1]);
	status = client_open(context);
	return status ? status : find_and_show(context, lease, page);
}

const struct verb show_verb = {
	.name = "show",
	.arguments = "TARGET|LEASE [PAGE]",
	.summary = "a region; a lease with each kind of address",
	.group = GROUP_SEE,
	.least = 1,
	.most = 2,
	.run = verb_show,
	.examples = { { "show fpga-ctrl", "a region, and who holds it" },
		      { "show 17", "lease 17" },
		      { "show 17 3", "where its page number 3 lies" } },
};
