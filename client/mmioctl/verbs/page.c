/* SPDX-License-Identifier: MIT */
/*
 * mmioctl page: what the kernel knows of a page frame. Without a module it is /proc/kpageflags and
 * /proc/kpagecount, which root may read.
 */
#include "system/kernel-file.h"
#include "system/paging.h"
#include "system/process.h"
#include "verb.h"

#include <errno.h>
#include <linux/kernel-page-flags.h>
#include <string.h>
#include <unistd.h>
#include <common/size.h>

/* A page frame as it is shown, whatever its source. */
struct shown_page {
	const char *source;
	uint64_t pfn, phys, flags;
	bool described;
	uint32_t mappings;
	bool more; /* the rest is known */
	uint64_t head;
	int order;
	uint32_t references;
	unsigned int node;
	const char *zone;
};

static const char *zone_name(enum mmiod_memory_zone zone)
{
	static const char *const names[] = {
		[MMIOD_MEMORY_ANY] = "Normal",	    [MMIOD_MEMORY_BELOW_4G] = "DMA32",
		[MMIOD_MEMORY_BELOW_16M] = "DMA",   [MMIOD_MEMORY_MOVABLE] = "Movable",
		[MMIOD_MEMORY_HIGHMEM] = "HighMem", [MMIOD_MEMORY_DEVICE] = "Device",
	};

	return zone < sizeof(names) / sizeof(names[0]) ? names[zone] : "-";
}

static void print_more(const struct shown_page *page)
{
	if (page->order >= 0)
		printf("%12s frame 0x%llx, %llu pages (order %d)\n",
		       page->flags & 1ull << KPF_BUDDY ? "Free block:" : "Compound:",
		       (unsigned long long)page->head, 1ull << page->order, page->order);
	printf("%12s %u\n", "References:", page->references);
}

static void print_text(const struct shown_page *page)
{
	char flags[512];

	page_flag_names(page->flags, flags, sizeof(flags));
	printf("frame 0x%llx, physical 0x%llx\n", (unsigned long long)page->pfn,
	       (unsigned long long)page->phys);
	if (!page->described) {
		printf("%12s no RAM of the kernel's: device memory, reserved, or nothing\n",
		       "Page:");
		return;
	}
	printf("%12s %s\n", "Flags:", flags[0] ? flags : "none");
	if (page->more)
		print_more(page);
	printf("%12s %u\n", "Mappings:", page->mappings);
	if (page->more)
		printf("%12s %s, node %u\n", "Zone:", page->zone, page->node);
}

static json_t *json_flags(uint64_t flags)
{
	json_t *list = json_array();
	char names[512], *rest = names, *name;

	page_flag_names(flags, names, sizeof(names));
	while (names[0] && (name = strsep(&rest, ",")))
		json_array_append_new(list, json_string(name));
	return list;
}

static int print_json(const struct shown_page *page)
{
	json_t *root = json_pack("{s:i, s:s, s:o, s:o, s:b}", "schema", JSON_SCHEMA, "source",
				 page->source, "frame", json_number(page->pfn), "physical",
				 json_number(page->phys), "described", page->described);

	if (page->described)
		json_object_update_new(root,
				       json_pack("{s:o, s:I}", "flags", json_flags(page->flags),
						 "mappings", (json_int_t)page->mappings));
	if (page->described && page->more)
		json_object_update_new(
			root, json_pack("{s:o, s:o, s:I, s:s, s:i}", "head",
					json_number(page->head), "order",
					page->order < 0 ? json_null() : json_integer(page->order),
					"references", (json_int_t)page->references, "zone",
					page->zone, "node", (int)page->node));
	return json_output(root);
}

static int print_page(const struct context *context, const struct shown_page *page)
{
	if (context->json)
		return print_json(page);
	print_text(page);
	return STATUS_OK;
}

/* ---- without a module ---- */

static int read_word(const struct context *context, const char *name, uint64_t pfn, uint64_t *word)
{
	int status;
	FILE *file = kernel_open(context, name, &status);
	ssize_t n;

	if (!file)
		return status;
	n = pread(fileno(file), word, sizeof(*word), (off_t)(pfn * sizeof(*word)));
	fclose(file);
	if (n != sizeof(*word))
		*word = strcmp(name, "kpageflags") ? 0 : 1ull << KPF_NOPAGE;
	return 0;
}

static int read_frame_of(const struct context *context, uint32_t pid, uint64_t address,
			 uint64_t *phys)
{
	uint64_t size = mmiod_page_size(), word = 0;
	struct pagemap_entry entry;
	FILE *file;
	int status;

	file = process_open(context, pid, "pagemap", &status);
	if (!file)
		return status;
	if (pread(fileno(file), &word, sizeof(word), (off_t)(address / size * sizeof(word))) < 0)
		word = 0;
	fclose(file);
	parse_pagemap(word, &entry);
	*phys = entry.pfn * size + address % size;
	if (entry.pfn)
		return 0;
	return report(context, entry.present ? -EACCES : -ENOENT,
		      entry.present ? "the kernel shows frames to CAP_SYS_ADMIN only (process %u)"
				    : "process %u has nothing present there",
		      pid);
}

static int from_kernel_files(const struct context *context, uint64_t phys)
{
	struct shown_page page = {
		.source = "kpageflags",
		.pfn = phys / mmiod_page_size(),
		.phys = phys,
	};
	uint64_t count = 0;
	int status = read_word(context, "kpageflags", page.pfn, &page.flags);

	if (!status)
		status = read_word(context, "kpagecount", page.pfn, &count);
	if (status)
		return status;
	page.described = !(page.flags & 1ull << KPF_NOPAGE);
	page.mappings = (uint32_t)count;
	note(context,
	     "no module to read page descriptors (%s): references, zone and node are missing",
	     mmiod_client_error(context->client));
	return print_page(context, &page);
}

static int fall_back(const struct context *context, uint32_t pid, uint64_t where)
{
	uint64_t phys = where * mmiod_page_size();
	int status = pid ? read_frame_of(context, pid, where, &phys) : 0;

	return status ? status : from_kernel_files(context, phys);
}

/* ---- the verb ---- */

static int from_daemon(const struct context *context, const struct mmiod_frame *frame)
{
	const struct shown_page page = {
		.source = "module",
		.pfn = mmiod_frame_pfn(frame),
		.phys = mmiod_frame_phys(frame),
		.flags = mmiod_frame_flags(frame),
		.described = mmiod_frame_described(frame),
		.mappings = mmiod_frame_mappings(frame),
		.more = true,
		.head = mmiod_frame_head(frame),
		.order = mmiod_frame_order(frame),
		.references = mmiod_frame_references(frame),
		.node = mmiod_frame_node(frame),
		.zone = zone_name(mmiod_frame_zone(frame)),
	};

	return print_page(context, &page);
}

static int ask(struct context *context, uint32_t pid, uint64_t where)
{
	struct mmiod_frame *frame;
	int err, status;

	if (!client_try(context))
		return fall_back(context, pid, where);
	err = pid ? mmiod_client_frame_at(context->client, pid, where, &frame)
		  : mmiod_client_frame(context->client, where, &frame);
	if (err == -EOPNOTSUPP)
		return fall_back(context, pid, where);
	if (err)
		return report_client(context, err);
	status = from_daemon(context, frame);
	mmiod_frame_free(frame);
	return status;
}

/* "PFN" or "ADDR@PID" */
static int verb_page(struct context *context, int argc, char **argv)
{
	char text[64], *at;
	uint64_t where;
	uint32_t pid = 0;
	int status = 0;

	snprintf(text, sizeof(text), "%s", argv[0]);
	at = strchr(text, '@');
	if (at) {
		*at = '\0';
		status = parse_pid(context, at + 1, &pid);
	}
	if (status)
		return status;
	if (common_number(text, &where) || (!pid && where > UINT64_MAX / mmiod_page_size()))
		return usage_error(context, "\"%s\" is neither a frame's number nor ADDR@PID",
				   argv[0]);
	return ask(context, pid, where);
}

const struct verb page_verb = {
	.name = "page",
	.arguments = "PFN|ADDR@PID",
	.summary = "a page frame: flags, references, mappings, zone",
	.group = GROUP_MEMORY,
	.least = 1,
	.most = 1,
	.run = verb_page,
	.examples = { { "page 0x30000", "the frame at physical address 0x30000000" },
		      { "page 0x7f2c8a400000@4711", "the one behind an address of process 4711" } },
	.more = "For administrators and those that an [inspect] section names. Without a daemon\n"
		"/proc/kpageflags tells a part, to root. Mappings are counted of memory that is\n"
		"mapped page by page (pages, vmalloc), not of kmalloc and dma buffers.",
};
