// SPDX-License-Identifier: MIT
/*
 * ALLOC: leases of memory that the client does not name. Of a pool: blocks that the allocator
 * chooses, wiped if somebody else may have had them, and a window of exactly these. Of the kernel:
 * a window whose memory the client itself has allocated; that for a device file is judged by
 * want-dma.c. A refusal says what would have fitted.
 */
#include <inttypes.h>
#include <string.h>
#include "request/request.h"
#include "request/want.h"

#define POOL_FLAGS                                                              \
	(MMIOD_ALLOC_POWER_OF_TWO | MMIOD_ALLOC_CONTIGUOUS | MMIOD_ALLOC_ZERO | \
	 MMIOD_ALLOC_DUMMY | MMIOD_ALLOC_CONNECTION)
#define KERNEL_FLAGS \
	(MMIOD_ALLOC_CONTIGUOUS | MMIOD_ALLOC_NOWAIT | MMIOD_ALLOC_ZERO | MMIOD_ALLOC_CONNECTION)
#define WIPE_TO_FIT \
	(256u << 10) /* bytes that are wiped at once when the pool is full; one waits for more */

/* ---- is it well-formed ----------------------------------------------------------------------- */

static bool is_power_of_two(uint64_t number)
{
	return number && !(number & (number - 1));
}

static uint64_t power_of_two_below(uint64_t number)
{
	return 1ull << (63 - __builtin_clzll(number));
}

static enum mmiod_outcome check_alloc(struct want *want)
{
	const struct mmiod_wire_alloc *alloc = &want->alloc;

	if (alloc->memory > MMIOD_MEMORY_DMA)
		return want_refuse(want, MMIOD_E_UNSUPPORTED, "unknown kind of memory");
	if (alloc->flags & ~MMIOD_ALLOC_FLAGS)
		return want_refuse(want, MMIOD_E_UNSUPPORTED, "unknown flag");
	if (alloc->zone > MMIOD_MEMORY_BELOW_16M)
		return want_refuse(want, MMIOD_E_UNSUPPORTED, "unknown zone");
	if (!alloc->length)
		return want_refuse(want, MMIOD_E_INVALID,
				   "a length of 0 bytes cannot be allocated: the least is 1, which "
				   "becomes a page");
	if (want_check_dma_form(want) != MMIOD_OK)
		return want_check_dma_form(want);
	if (alloc->align && !is_power_of_two(alloc->align))
		return want_refuse(want, MMIOD_E_INVALID,
				   "the alignment 0x%" PRIx64 " is not a power of two: 0x%" PRIx64
				   " would be",
				   alloc->align, power_of_two_below(alloc->align));
	return MMIOD_OK;
}

static enum mmiod_outcome check_pool_form(struct want *want)
{
	const struct mmiod_wire_alloc *alloc = &want->alloc;

	if (alloc->flags & ~POOL_FLAGS)
		return want_refuse(want, MMIOD_E_INVALID,
				   "a pool knows no no-wait: its blocks never wait");
	if (alloc->zone || alloc->node < -1 || alloc->node > 0)
		return want_refuse(want, MMIOD_E_INVALID, "a pool has no zones and no nodes");
	if (alloc->max_extents > MMIOD_EXTENTS_MAX)
		return want_refuse(want, MMIOD_E_INVALID,
				   "%u extents are more than a window may have, which is %u",
				   alloc->max_extents, MMIOD_EXTENTS_MAX);
	return MMIOD_OK;
}

static enum mmiod_outcome check_zone(struct want *want)
{
	const struct mmiod_wire_alloc *alloc = &want->alloc;
	const char *kind = memory_name(want->memory);
	bool paged = want->memory == MMIOD_MEMORY_PAGES || want->memory == MMIOD_MEMORY_VMALLOC;

	if (alloc->high && !paged)
		return want_refuse(want, MMIOD_E_INVALID,
				   "%s takes no highest address: pages and vmalloc do", kind);
	if (alloc->zone == MMIOD_MEMORY_BELOW_4G && want->memory == MMIOD_MEMORY_KMALLOC)
		return want_refuse(
			want, MMIOD_E_INVALID,
			"the kernel has no kmalloc below 4 GiB: there is one below 16 MiB");
	if (alloc->zone && want->memory == MMIOD_MEMORY_DMA)
		return want_refuse(
			want, MMIOD_E_INVALID,
			"where dma memory lies is its device's affair: it takes no zone");
	if (alloc->node != -1 &&
	    (want->memory == MMIOD_MEMORY_VMALLOC || want->memory == MMIOD_MEMORY_DMA))
		return want_refuse(want, MMIOD_E_INVALID,
				   "%s takes no node: pages and kmalloc do, and -1 is any", kind);
	if (alloc->flags & MMIOD_ALLOC_CONTIGUOUS && want->memory != MMIOD_MEMORY_PAGES)
		return want_refuse(want, MMIOD_E_INVALID, "contiguous is a choice of pages only");
	return MMIOD_OK;
}

static enum mmiod_outcome check_kernel_form(struct want *want)
{
	const struct mmiod_wire_alloc *alloc = &want->alloc;
	uint64_t page = page_size();

	if (alloc->flags & ~KERNEL_FLAGS)
		return want_refuse(want, MMIOD_E_INVALID,
				   "kernel memory knows neither power-of-two nor dummy: pools do");
	if (alloc->align > page || alloc->low)
		return want_refuse(want, MMIOD_E_INVALID,
				   "kernel memory is aligned to pages of %" PRIu64
				   " bytes and takes no lowest address: pools do",
				   page);
	if (alloc->max_extents)
		return want_refuse(want, MMIOD_E_INVALID,
				   "kernel memory has no extents to choose: pools do");
	if (alloc->memtype || alloc->width)
		return want_refuse(want, MMIOD_E_INVALID,
				   "kernel memory takes no memory type and no width: pools do");
	if (alloc->node < -1)
		return want_refuse(want, MMIOD_E_INVALID, "there is no node %d: -1 is any",
				   alloc->node);
	if (alloc->length > INT64_MAX - page)
		return want_refuse(want, MMIOD_E_INVALID,
				   "0x%" PRIx64 " bytes are more than any machine has",
				   alloc->length);
	if (alloc->region[0] && want->memory != MMIOD_MEMORY_DMA)
		return want_refuse(want, MMIOD_E_INVALID, "memory of kind %s has no region",
				   memory_name(want->memory));
	return check_zone(want);
}

/* Says the same as a LEASE would; offset and length follow. */
static void translate(struct want *want)
{
	const struct mmiod_wire_alloc *alloc = &want->alloc;

	want->memory = (enum mmiod_memory)alloc->memory;
	want->lease_kind =
		want->memory == MMIOD_MEMORY_REGION ? MMIOD_KIND_WINDOW : MMIOD_KIND_BUFFER;
	want->allocated = true;
	want->share = MMIOD_SHARE_EXCLUSIVE;
	want->wire.length = alloc->length;
	want->wire.rights = alloc->rights;
	want->wire.memtype = alloc->memtype;
	want->wire.width = alloc->width;
	want->wire.reserved = alloc->reserved | alloc->reserved2;
	want->wire.lease_ms = alloc->lease_ms;
	memcpy(want->wire.region, alloc->region, sizeof(want->wire.region));
	if (alloc->flags & MMIOD_ALLOC_DUMMY)
		want->wire.flags |= MMIOD_LEASE_DUMMY;
	if (alloc->flags & MMIOD_ALLOC_CONNECTION)
		want->wire.flags |= MMIOD_LEASE_CONNECTION;
}

static void read_element(struct want *want, size_t index)
{
	request_element(want->call->request, index, &want->alloc, sizeof(want->alloc));
}

static enum mmiod_outcome check_form(struct want *want)
{
	enum mmiod_outcome outcome = check_alloc(want);

	if (outcome != MMIOD_OK)
		return outcome;
	translate(want);
	outcome = want_check_form(want);
	if (outcome != MMIOD_OK)
		return outcome;
	return want->memory == MMIOD_MEMORY_REGION ? check_pool_form(want)
						   : check_kernel_form(want);
}

/* ---- blocks of a pool ------------------------------------------------------------------------ */

static enum mmiod_outcome check_pool(struct want *want)
{
	const struct region *region = want->region;

	if (!region->config->pool)
		return want_refuse(
			want, MMIOD_E_INVALID,
			"region %s is no pool: lease a part of it, or have \"pool = yes\" "
			"written to %s:%u",
			region->name, region->config->origin.file, region->config->origin.line);
	return MMIOD_OK;
}

/* The most that it may have; 1: it must be one. */
static uint32_t most_extents(const struct want *want)
{
	const struct region *region = want->region;
	uint64_t page = page_size();

	if (!want->call->connection->knows_extents || !want->call->broker->backend->knows_extents ||
	    want->alloc.flags & MMIOD_ALLOC_CONTIGUOUS || region->blocks->page % page ||
	    region->hw.phys % page || !want->alloc.max_extents)
		return 1;
	return want->alloc.max_extents;
}

static enum mmiod_outcome refuse_pieces(struct want *want)
{
	uint32_t most = most_extents(want);

	return want_refuse(want, MMIOD_E_BUSY,
			   "pool %s is in pieces: 0x%" PRIx64
			   " bytes of it would be more than %u extents, %s",
			   want->region->name, want->wire.length, most,
			   most < MMIOD_EXTENTS_MAX ? "which is all that was asked for"
						    : "and no window has more");
}

static enum mmiod_outcome refuse_blocks(struct want *want, const struct pool_request *request,
					int error)
{
	struct blocks *blocks = want->region->blocks;
	struct text *text = &want->text;
	char words[TEXT_MAX / 2];

	if (error == -ENOMEM)
		return want_refuse(want, MMIOD_E_RESOURCES, "the daemon is out of memory");
	if (error == -EOVERFLOW)
		return refuse_pieces(want);
	pool_explain(blocks->pool, request, error, words, sizeof(words));
	text_init(text, want->buffer, sizeof(want->buffer));
	text_add(text, "pool %s: %s", want->region->name, words);
	if (error != -ENOSPC) {
		if (!strstr(words, "largest free block")) {
			text_add(text, "; the largest free block is ");
			text_add_size(text, pool_largest(blocks->pool));
		}
		return MMIOD_E_INVALID;
	}
	if (blocks->wiping) {
		text_add(text, "; of what was given back ");
		text_add_size(text, blocks->wiping);
		text_add(text, " are being wiped");
	}
	return MMIOD_E_BUSY;
}

/* The blocks that wait to be wiped may be enough, once all of them have been. */
static void await_queue(struct want *want)
{
	const struct blocks *blocks = want->region->blocks;
	const struct extent *last = blocks->queue ? blocks->queue->prev : NULL;

	if (!last || pool_free_bytes(blocks->pool) + blocks->wiping < want->alloc.length)
		return;
	want->wait = WANT_WAITS_FOR_WIPE;
	want->wait_start = last->span.start;
	want->wait_end = last->span.end;
}

/* To the part of the pool that the grant is for. */
static void narrow(struct pool_request *request, const struct config_grant *grant)
{
	uint64_t end = grant->offset + grant->length;

	if (!grant->length)
		return;
	if (request->lower < grant->offset)
		request->lower = grant->offset;
	if (!request->upper || request->upper > end)
		request->upper = end;
}

/* The length that it would get, if it cannot have it now. */
static uint64_t rounded(const struct want *want)
{
	uint64_t page = want->region->blocks ? want->region->blocks->page : page_size();
	uint64_t length = want->alloc.length, power = page;

	if (length > INT64_MAX / 2)
		return length; /* no pool has so much */
	if (!(want->alloc.flags & MMIOD_ALLOC_POWER_OF_TWO))
		return (length + page - 1) / page * page;
	while (power < length)
		power *= 2;
	return power;
}

/* A little of what was given back, while that is in time. Returns as pools_wipe_queue() does. */
static int wipe_to_fit(struct want *want)
{
	struct broker *broker = want->call->broker;

	if (turn_is_over(&broker->host))
		return 0;
	return pools_wipe_queue(broker, want->region,
				broker->wiping.piece < WIPE_TO_FIT ? broker->wiping.piece
								   : WIPE_TO_FIT);
}

/* In one extent, or for a program that can know of it in several. */
static int choose_blocks(struct want *want, const struct pool_request *request)
{
	struct blocks *blocks = want->region->blocks;
	const struct extent *extent;
	int r = blocks_alloc(blocks, request, &want->extents);
	uint32_t most = r == -ENOSPC ? most_extents(want) : 1, n = 0;

	if (most < 2)
		return r;
	r = blocks_scatter(blocks, request, most, &want->extents);
	if (r == 0)
		DL_COUNT(want->extents, extent, n);
	turn_spend(&want->call->broker->host, (r == -EOVERFLOW ? most : n) / WORK_EXTENTS);
	return r;
}

static int try_blocks(struct want *want, const struct pool_request *request)
{
	struct blocks *blocks = want->region->blocks;
	int r = choose_blocks(want, request), wiped;

	if ((r != -ENOSPC && r != -EOVERFLOW) || !blocks->wiping)
		return r;
	wiped = wipe_to_fit(want);
	r = choose_blocks(want, request);
	if ((r == -ENOSPC || r == -EOVERFLOW) && wiped == 0)
		await_queue(want);
	return r;
}

/* Where it is to lie: all of them. */
static void note_place(struct want *want)
{
	const struct extent *extent;

	want->wire.offset = want->extents->next ? LEASE_NOWHERE : want->extents->span.start;
	want->wire.length = 0;
	DL_FOREACH(want->extents, extent)
		want->wire.length += extent_length(extent);
}

static enum mmiod_outcome reserve_blocks(struct want *want)
{
	const struct mmiod_wire_alloc *alloc = &want->alloc;
	struct pool_request request = {
		.length = alloc->length,
		.alignment = alloc->align,
		.lower = alloc->low,
		.upper = alloc->high,
		.flags = alloc->flags & MMIOD_ALLOC_POWER_OF_TWO ? 0 : POOL_EXACT,
	};
	int r;

	want->wire.length = rounded(want);
	if (!want->region->blocks)
		return want_refuse(
			want, MMIOD_E_BUSY,
			"region %s is no pool yet: bytes of it are held since it was none, "
			"or it does not consist of whole pages",
			want->region->name);
	narrow(&request, want->grant);
	r = try_blocks(want, &request);
	if (r < 0)
		return refuse_blocks(want, &request, r);
	note_place(want);
	return MMIOD_OK;
}

static enum mmiod_outcome judge_pool(struct want *want)
{
	enum mmiod_outcome outcome = want_find_region(want);

	if (outcome == MMIOD_OK)
		outcome = want_check_policy(want);
	want->share = MMIOD_SHARE_EXCLUSIVE;
	if (outcome == MMIOD_OK)
		outcome = want_check_presence(want);
	if (outcome == MMIOD_OK)
		outcome = check_pool(want);
	if (outcome == MMIOD_OK)
		outcome = want_check_memtype(want);
	return outcome;
}

/* ---- kernel memory --------------------------------------------------------------------------- */

static enum mmiod_outcome check_memory_policy(struct want *want)
{
	struct broker *broker = want->call->broker;
	char name[USER_NAME_MAX];

	want->decision = policy_decide_memory(broker->config, want->subject, want->memory);
	want->judged = true;
	want->grant = want->decision.grant;
	if (want->decision.reason == POLICY_GRANTED)
		return MMIOD_OK;
	text_init(&want->text, want->buffer, sizeof(want->buffer));
	policy_explain_memory(&want->text, &want->decision, want->memory,
			      holder_user_name(broker, want->subject->uid, name, sizeof(name)),
			      want->subject);
	return MMIOD_E_DENIED;
}

/* Only a client that may write to a device may have it write to memory. */
static enum mmiod_outcome check_device(struct want *want)
{
	uint32_t rights = want->wire.rights;
	enum mmiod_outcome outcome = want_find_region(want);

	want->wire.rights = RIGHTS_ALL;
	if (outcome == MMIOD_OK)
		outcome = want_check_policy(want);
	want->wire.rights = rights;
	if (outcome == MMIOD_OK)
		outcome = want_check_presence(want);
	if (outcome != MMIOD_OK)
		return outcome;
	if (want->call->broker->backend->ops->kind == MMIOD_BACKEND_MODULE &&
	    want->region->hw.bar == UINT32_MAX)
		return want_refuse(want, MMIOD_E_INVALID,
				   "region %s is no PCI function's: nothing there does DMA",
				   want->region->name);
	want->pci = want->region->hw.pci;
	want->dma_bits = want->region->config ? want->region->config->dma_bits : 0;
	return MMIOD_OK;
}

static enum mmiod_outcome judge_kernel(struct want *want)
{
	uint64_t page = page_size();
	bool for_operator = want->alloc.device_lease;
	enum mmiod_outcome outcome =
		for_operator ? want_judge_dma(want) : check_memory_policy(want);
	const struct config_grant *grant = want->grant;
	struct decision decision = want->decision;

	/* EXPLAIN may ask about the kind alone. */
	if (outcome == MMIOD_OK && want->memory == MMIOD_MEMORY_DMA && !for_operator &&
	    !(want->dry && !want->alloc.region[0]))
		outcome = check_device(want);
	if (outcome != MMIOD_OK)
		return outcome;
	want->grant = grant; /* that of the memory: its terms are those of the lease */
	want->decision = decision;
	want->region = &want->call->broker->kernel;
	want->share = MMIOD_SHARE_EXCLUSIVE;
	want->wire.length = (want->alloc.length + page - 1) / page * page;
	want->wire.memtype = MMIOD_MEMTYPE_WB;
	return MMIOD_OK;
}

/* ---- both ------------------------------------------------------------------------------------ */

static enum mmiod_outcome judge(struct want *want)
{
	enum mmiod_outcome outcome = check_form(want);

	if (outcome != MMIOD_OK)
		return outcome;
	return want->memory == MMIOD_MEMORY_REGION ? judge_pool(want) : judge_kernel(want);
}

/* Of kernel memory the kernel says whether there is any. */
static enum mmiod_outcome reserve(struct want *want)
{
	return want->memory == MMIOD_MEMORY_REGION ? reserve_blocks(want) : MMIOD_OK;
}

const struct want_kind want_alloc = { read_element, judge, reserve };

enum request_result request_alloc(struct call *call)
{
	return want_batch(call, &want_alloc);
}
