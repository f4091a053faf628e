/* SPDX-License-Identifier: MIT */
/*
 * mmioctl alloc: memory of a pool or of the kernel, held while the command, or mmioctl itself,
 * runs.
 *
 * Only what cannot be meant is refused here: whether a request can be met, and what would have
 * fitted, the daemon knows.
 */
#include "target/holding.h"
#include "target/target.h"
#include "verb.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <common/size.h>

static struct alloc_options {
	struct lease_options lease;
	bool read_only;
	struct mmiod_allocation want; /* what the options say of it */
	char **command;
} options;

static int parse_bytes(const struct context *context, const char *name, const char *text,
		       uint64_t *bytes)
{
	int err = common_size(text, bytes);

	if (err == -ERANGE)
		return usage_error(context, "%s \"%s\" does not fit 64 bits", name, text);
	if (err)
		return usage_error(context, "%s \"%s\": it is decimal or 0x…, with K, M, G or T",
				   name, text);
	return 0;
}

static int parse_limit(const struct context *context, const char *name, const char *text,
		       uint64_t *bytes)
{
	int status = parse_bytes(context, name, text, bytes);

	if (!status && !*bytes)
		return usage_error(context, "--%s 0 leaves nothing", name);
	return status;
}

static int parse_zone(const struct context *context, const char *text, enum mmiod_memory_zone *zone)
{
	static const enum mmiod_memory_zone zones[] = { MMIOD_MEMORY_ANY, MMIOD_MEMORY_BELOW_4G,
							MMIOD_MEMORY_BELOW_16M };

	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
		if (strcmp(text, zone_word(zones[i])))
			continue;
		*zone = zones[i];
		return 0;
	}
	return usage_error(context,
			   "\"%s\" is no zone: dma (below 16 MiB), dma32 (below 4 GiB) or "
			   "any",
			   text);
}

static int parse_node(const struct context *context, const char *text, unsigned int *wanted)
{
	uint64_t node;

	if (common_number(text, &node) || node >= INT_MAX)
		return usage_error(context, "\"%s\" is not the number of a NUMA node", text);
	*wanted = (unsigned int)node + 1;
	return 0;
}

static const struct {
	const char *name;
	unsigned int flag;
} flags[] = {
	{ "contiguous", MMIOD_ALLOCATE_CONTIGUOUS },
	{ "power-of-two", MMIOD_ALLOCATE_POWER_OF_TWO },
	{ "zero", MMIOD_ALLOCATE_ZERO },
	{ "no-wait", MMIOD_ALLOCATE_NO_WAIT },
};

/* One of the options that only alloc knows. */
static int alloc_option(const struct context *context, void *field, const char *name,
			const char *argument)
{
	struct mmiod_allocation *want = field;

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (!strcmp(name, flags[i].name))
			want->flags |= flags[i].flag;
	if (!strcmp(name, "align"))
		return parse_limit(context, name, argument, &want->align);
	if (!strcmp(name, "below"))
		return parse_limit(context, name, argument, &want->high);
	if (!strcmp(name, "above"))
		return parse_bytes(context, name, argument, &want->low);
	if (!strcmp(name, "zone"))
		return parse_zone(context, argument, &want->zone);
	if (!strcmp(name, "node"))
		return parse_node(context, argument, &want->node);
	return 0;
}

#define WANT CALL(struct alloc_options, want, alloc_option)

static const struct verb_option option_rows[] = {
	MEMTYPE_OPTIONS(struct alloc_options, lease),
	READ_ONLY_OPTION(struct alloc_options, read_only),
	WAIT_OPTION(struct alloc_options, lease),
	LEASE_TIME_OPTION(struct alloc_options, want.lease_ms),
	{ "align", 0, "N", "pool: at a multiple of N, a power of two", WANT },
	{ "below", 0, "N", "pool: end by offset N; else: below address N", WANT },
	{ "above", 0, "N", "pool: start at offset N or above", WANT },
	{ "power-of-two", 0, NULL, "pool: round SIZE up to a power of two", WANT },
	{ "zero", 0, NULL, "pool: zeroed (kernel memory always is)", WANT },
	{ "zone", 0, "ZONE", "dma (below 16M), dma32 (below 4G, not kmalloc), any", WANT },
	{ "node", 0, "N", "kernel memory: on that NUMA node", WANT },
	{ "no-wait", 0, NULL, "kernel memory: fail rather than wait until some is free", WANT },
	{ "contiguous", 0, NULL, "pages: in one physical piece; pool: in one extent", WANT },
	DEVICE_OPTION(struct alloc_options, want.region),
	{ 0 },
};

/* The words for kinds come first: a pool of such a name cannot be had here. */
static int parse_kind(const struct context *context, const char *text,
		      struct mmiod_allocation *want)
{
	want->memory = memory_of_word(text);
	if (want->memory == MMIOD_MEMORY_DMA && !want->region)
		return usage_error(context, "dma needs --device REGION: memory for which device?");
	if (want->memory != MMIOD_MEMORY_DMA && want->region)
		return usage_error(context, "--device is for dma, not for %s", text);
	if (want->memory == MMIOD_MEMORY_REGION)
		want->region = text;
	else if (want->high)
		want->high--; /* the highest address instead of the end */
	return 0;
}

struct alloc_hold {
	struct holding holding;
	const struct mmiod_allocation *want;
};

static const char *alloc_label(const struct holding *holding, size_t index)
{
	const struct mmiod_allocation *want = ((const struct alloc_hold *)holding)->want;

	return want->memory == MMIOD_MEMORY_REGION ? want->region : memory_word(want->memory);
}

static int take_memory(struct context *context, const struct holding *holding,
		       struct mmiod_lease **leases)
{
	const struct mmiod_allocation *want = ((const struct alloc_hold *)holding)->want;
	int err = mmiod_client_allocate(context->client, want, leases);

	return err ? report_client(context, err) : 0;
}

static int verb_alloc(struct context *context, int argc, char **argv)
{
	struct mmiod_allocation want = options.want;
	struct alloc_hold hold = { .holding = { .count = 1,
						.command = options.command,
						.take = take_memory,
						.label = alloc_label },
				   .want = &want };
	int status;

	status = parse_kind(context, argv[0], &want);
	if (!status)
		status = parse_bytes(context, "size", argv[1], &want.length);
	want.rights = MMIOD_RIGHT_READ | (options.read_only ? 0 : MMIOD_RIGHT_WRITE);
	want.cache = options.lease.memtype;
	if (!status)
		status = lease_open(context, &options.lease);
	return status ? status : hold_leases(context, &hold.holding);
}

const struct verb alloc_verb = {
	.name = "alloc",
	.arguments = "KIND|POOL SIZE [-- COMMAND ARG…]",
	.summary = "allocate memory, and hold it likewise",
	.group = GROUP_HOLD,
	.endless = true,
	.options = option_rows,
	.values = &options,
	.command = &options.command,
	.least = 2,
	.most = 2,
	.run = verb_alloc,
	.examples = { { "alloc vram 2M --align 2M", "2 MiB of the pool vram" },
		      { "alloc pages 64K --zone dma32", "64 KiB of RAM below 4 GiB" } },
	.more = "KIND is pages, kmalloc, vmalloc or dma (kernel memory); POOL is a region that\n"
		"is one. Sizes and addresses may have K, M, G or T behind them. If a pool has no\n"
		"piece that is large enough, the memory lies in several, unless --contiguous.\n",
};
