/* SPDX-License-Identifier: MIT */
/*
 * mmioctl alloc: memory of a pool or of the kernel,
 * held while the command, or mmioctl itself, runs.
 *
 * Only what cannot be meant is refused here: whether a request
 * can be met, and what would have fitted, the daemon knows.
 */
#include "target/holding.h"
#include "verb.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

static int parse_bytes(const struct context *context, const char *name, const char *text,
		       uint64_t *bytes)
{
	int err = parse_size(text, bytes);

	if (err == -ERANGE)
		return usage_error(context, "%s \"%s\" does not fit 64 bits", name, text);
	if (err)
		return usage_error(context, "%s \"%s\": it is decimal or 0x…, with K, M or G", name,
				   text);
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

static int parse_zone(struct context *context, const char *text)
{
	static const enum mmiod_memory_zone zones[] = { MMIOD_MEMORY_ANY, MMIOD_MEMORY_BELOW_4G,
							MMIOD_MEMORY_BELOW_16M };

	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
		if (strcmp(text, zone_word(zones[i])))
			continue;
		context->want.zone = zones[i];
		return 0;
	}
	return usage_error(context,
			   "\"%s\" is no zone: dma (below 16 MiB), dma32 (below 4 GiB) or "
			   "any",
			   text);
}

static int parse_node(struct context *context, const char *text)
{
	uint64_t node;

	if (parse_number(text, &node) || node >= INT_MAX)
		return usage_error(context, "\"%s\" is not the number of a NUMA node", text);
	context->want.node = (unsigned int)node + 1;
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
int alloc_option(struct context *context, const char *name, const char *argument)
{
	struct mmiod_allocation *want = &context->want;

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
		return parse_zone(context, argument);
	if (!strcmp(name, "node"))
		return parse_node(context, argument);
	if (!strcmp(name, "device"))
		want->region = argument;
	return 0;
}

/* The words for kinds come first: a pool of such a name cannot be had here. */
static int parse_kind(struct context *context, const char *text)
{
	struct mmiod_allocation *want = &context->want;

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
	struct mmiod_allocation *want = &context->want;
	struct alloc_hold hold = {
		.holding = { .count = 1, .take = take_memory, .label = alloc_label }, .want = want
	};
	int status;

	status = parse_kind(context, argv[0]);
	if (!status)
		status = parse_bytes(context, "size", argv[1], &want->length);
	want->rights = MMIOD_RIGHT_READ | (context->read_only ? 0 : MMIOD_RIGHT_WRITE);
	want->cache = context->cache;
	want->lease_ms = context->lease_ms;
	if (!status)
		status = client_open(context);
	return status ? status : hold_leases(context, &hold.holding);
}

const struct verb alloc_verb = {
	.name = "alloc",
	.arguments = "KIND|POOL SIZE [-- COMMAND ARG…]",
	.summary = "allocate memory, and hold it likewise",
	.group = GROUP_HOLD,
	.options = WITH_CACHE | WITH_READ_ONLY | WITH_ALLOC | WITH_COMMAND,
	.least = 2,
	.most = 2,
	.run = verb_alloc,
	.examples = { { "alloc vram 2M --align 2M", "2 MiB of the pool vram" },
		      { "alloc pages 64K --zone dma32", "64 KiB of RAM below 4 GiB" } },
	.more = "KIND is pages, kmalloc, vmalloc or dma (kernel memory); POOL is a region that\n"
		"is one. Sizes and addresses may have K, M or G behind them.\n",
};
