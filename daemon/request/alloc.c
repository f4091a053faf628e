// SPDX-License-Identifier: MIT
/*
 * ALLOC: leases of memory that the client does not name. Of a pool: blocks that the allocator
 * chooses, wiped if somebody else may have had them, and a window of exactly these. Of the kernel:
 * a window whose memory the client itself has allocated. A refusal says what would have fitted.
 */
#include <inttypes.h>
#include <string.h>
#include "request/request.h"
#include "request/want.h"

#define POOL_FLAGS \
	(MMIOD_ALLOC_POWER_OF_TWO | MMIOD_ALLOC_ZERO | MMIOD_ALLOC_DUMMY | MMIOD_ALLOC_CONNECTION)
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

static enum mmiod_outcome check_alloc(struct wish *wish)
{
	const struct mmiod_wire_alloc *alloc = &wish->alloc;

	if (alloc->memory > MMIOD_MEMORY_DMA)
		return wish_refuse(wish, MMIOD_E_UNSUPPORTED, "unknown kind of memory");
	if (alloc->flags & ~MMIOD_ALLOC_FLAGS)
		return wish_refuse(wish, MMIOD_E_UNSUPPORTED, "unknown flag");
	if (alloc->zone > MMIOD_MEMORY_BELOW_16M)
		return wish_refuse(wish, MMIOD_E_UNSUPPORTED, "unknown zone");
	if (!alloc->length)
		return wish_refuse(wish, MMIOD_E_INVALID,
				   "a length of 0 bytes cannot be allocated: the least is 1, which "
				   "becomes a page");
	if (alloc->align && !is_power_of_two(alloc->align))
		return wish_refuse(wish, MMIOD_E_INVALID,
				   "the alignment 0x%" PRIx64 " is not a power of two: 0x%" PRIx64
				   " would be",
				   alloc->align, power_of_two_below(alloc->align));
	return MMIOD_OK;
}

static enum mmiod_outcome check_pool_form(struct wish *wish)
{
	const struct mmiod_wire_alloc *alloc = &wish->alloc;

	if (alloc->flags & ~POOL_FLAGS)
		return wish_refuse(wish, MMIOD_E_INVALID,
				   "a pool knows neither contiguous nor no-wait: its blocks always "
				   "are, and never wait");
	if (alloc->zone || alloc->node < -1 || alloc->node > 0)
		return wish_refuse(wish, MMIOD_E_INVALID, "a pool has no zones and no nodes");
	return MMIOD_OK;
}

static enum mmiod_outcome check_zone(struct wish *wish)
{
	const struct mmiod_wire_alloc *alloc = &wish->alloc;
	const char *kind = memory_name(wish->memory);
	bool paged = wish->memory == MMIOD_MEMORY_PAGES || wish->memory == MMIOD_MEMORY_VMALLOC;

	if (alloc->high && !paged)
		return wish_refuse(wish, MMIOD_E_INVALID,
				   "%s takes no highest address: pages and vmalloc do", kind);
	if (alloc->zone == MMIOD_MEMORY_BELOW_4G && wish->memory == MMIOD_MEMORY_KMALLOC)
		return wish_refuse(
			wish, MMIOD_E_INVALID,
			"the kernel has no kmalloc below 4 GiB: there is one below 16 MiB");
	if (alloc->zone && wish->memory == MMIOD_MEMORY_DMA)
		return wish_refuse(
			wish, MMIOD_E_INVALID,
			"where dma memory lies is its device's affair: it takes no zone");
	if (alloc->node != -1 &&
	    (wish->memory == MMIOD_MEMORY_VMALLOC || wish->memory == MMIOD_MEMORY_DMA))
		return wish_refuse(wish, MMIOD_E_INVALID,
				   "%s takes no node: pages and kmalloc do, and -1 is any", kind);
	if (alloc->flags & MMIOD_ALLOC_CONTIGUOUS && wish->memory != MMIOD_MEMORY_PAGES)
		return wish_refuse(wish, MMIOD_E_INVALID, "contiguous is a choice of pages only");
	return MMIOD_OK;
}

static enum mmiod_outcome check_kernel_form(struct wish *wish)
{
	const struct mmiod_wire_alloc *alloc = &wish->alloc;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	if (alloc->flags & ~KERNEL_FLAGS)
		return wish_refuse(wish, MMIOD_E_INVALID,
				   "kernel memory knows neither power-of-two nor dummy: pools do");
	if (alloc->align > page || alloc->low)
		return wish_refuse(wish, MMIOD_E_INVALID,
				   "kernel memory is aligned to pages of %" PRIu64
				   " bytes and takes no lowest address: pools do",
				   page);
	if (alloc->cache || alloc->width)
		return wish_refuse(wish, MMIOD_E_INVALID,
				   "kernel memory takes no cache attribute and no width: pools do");
	if (alloc->node < -1)
		return wish_refuse(wish, MMIOD_E_INVALID, "there is no node %d: -1 is any",
				   alloc->node);
	if (alloc->length > INT64_MAX - page)
		return wish_refuse(wish, MMIOD_E_INVALID,
				   "0x%" PRIx64 " bytes are more than any machine has",
				   alloc->length);
	if (alloc->region[0] && wish->memory != MMIOD_MEMORY_DMA)
		return wish_refuse(wish, MMIOD_E_INVALID, "memory of kind %s has no region",
				   memory_name(wish->memory));
	return check_zone(wish);
}

/* Says the same as a LEASE would; offset and length follow. */
static void translate(struct wish *wish)
{
	const struct mmiod_wire_alloc *alloc = &wish->alloc;

	wish->memory = (enum mmiod_memory)alloc->memory;
	wish->allocated = true;
	wish->share = MMIOD_SHARE_EXCLUSIVE;
	wish->want = (struct mmiod_wire_want){
		.length = alloc->length,
		.rights = alloc->rights,
		.cache = alloc->cache,
		.width = alloc->width,
		.reserved = alloc->reserved | alloc->reserved2,
		.lease_ms = alloc->lease_ms,
	};
	memcpy(wish->want.region, alloc->region, sizeof(wish->want.region));
	if (alloc->flags & MMIOD_ALLOC_DUMMY)
		wish->want.flags |= MMIOD_LEASE_DUMMY;
	if (alloc->flags & MMIOD_ALLOC_CONNECTION)
		wish->want.flags |= MMIOD_LEASE_CONNECTION;
}

static void read_element(struct wish *wish, size_t index)
{
	request_element(wish->call->request, index, &wish->alloc, sizeof(wish->alloc));
}

static enum mmiod_outcome check_form(struct wish *wish)
{
	enum mmiod_outcome outcome = check_alloc(wish);

	if (outcome != MMIOD_OK)
		return outcome;
	translate(wish);
	outcome = wish_check_form(wish);
	if (outcome != MMIOD_OK)
		return outcome;
	return wish->memory == MMIOD_MEMORY_REGION ? check_pool_form(wish)
						   : check_kernel_form(wish);
}

/* ---- blocks of a pool ------------------------------------------------------------------------ */

static enum mmiod_outcome check_pool(struct wish *wish)
{
	const struct region *region = wish->region;

	if (!region->config->pool)
		return wish_refuse(
			wish, MMIOD_E_INVALID,
			"region %s is no pool: lease a part of it, or have \"pool = yes\" "
			"written to %s:%u",
			region->name, region->config->origin.file, region->config->origin.line);
	return MMIOD_OK;
}

static enum mmiod_outcome refuse_blocks(struct wish *wish, const struct pool_request *request,
					int error)
{
	struct blocks *blocks = wish->region->blocks;
	struct text *text = &wish->text;
	char words[TEXT_MAX / 2];

	if (error == -ENOMEM)
		return wish_refuse(wish, MMIOD_E_RESOURCES, "the daemon is out of memory");
	pool_explain(blocks->pool, request, error, words, sizeof(words));
	text_init(text, wish->buffer, sizeof(wish->buffer));
	text_add(text, "pool %s: %s", wish->region->name, words);
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

/* What comes back may be enough, when all that waits to be wiped now has been. */
static void await_queue(struct wish *wish)
{
	const struct blocks *blocks = wish->region->blocks;
	const struct extent *last = blocks->queue ? blocks->queue->prev : NULL;

	if (!last || pool_free_bytes(blocks->pool) + blocks->wiping < wish->alloc.length)
		return;
	wish->wait = WISH_WAITS_FOR_WIPE;
	wish->wait_start = last->span.start;
	wish->wait_end = last->span.end;
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

/* What it would get, if it cannot have it now. */
static uint64_t rounded(const struct wish *wish)
{
	uint64_t page =
		wish->region->blocks ? wish->region->blocks->page : (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t length = wish->alloc.length, power = page;

	if (length > INT64_MAX / 2)
		return length; /* no pool has so much */
	if (!(wish->alloc.flags & MMIOD_ALLOC_POWER_OF_TWO))
		return (length + page - 1) / page * page;
	while (power < length)
		power *= 2;
	return power;
}

/* A little of what was given back, while that is in time. As pools_wipe_queue(). */
static int wipe_to_fit(struct wish *wish)
{
	struct broker *broker = wish->call->broker;

	if (turn_is_over(&broker->host))
		return 0;
	return pools_wipe_queue(broker, wish->region,
				broker->wiping.piece < WIPE_TO_FIT ? broker->wiping.piece
								   : WIPE_TO_FIT);
}

static int try_blocks(struct wish *wish, const struct pool_request *request)
{
	struct blocks *blocks = wish->region->blocks;
	int r = blocks_alloc(blocks, request, &wish->extent), wiped;

	if (r != -ENOSPC || !blocks->wiping)
		return r;
	wiped = wipe_to_fit(wish);
	r = blocks_alloc(blocks, request, &wish->extent);
	if (r == -ENOSPC && wiped == 0)
		await_queue(wish);
	return r;
}

static enum mmiod_outcome reserve_blocks(struct wish *wish)
{
	const struct mmiod_wire_alloc *alloc = &wish->alloc;
	struct pool_request request = {
		.length = alloc->length,
		.alignment = alloc->align,
		.lower = alloc->low,
		.upper = alloc->high,
		.flags = alloc->flags & MMIOD_ALLOC_POWER_OF_TWO ? 0 : POOL_EXACT,
	};
	int r;

	wish->want.length = rounded(wish);
	if (!wish->region->blocks)
		return wish_refuse(
			wish, MMIOD_E_BUSY,
			"region %s is no pool yet: bytes of it are held since it was none, "
			"or it does not consist of whole pages",
			wish->region->name);
	narrow(&request, wish->grant);
	r = try_blocks(wish, &request);
	if (r < 0)
		return refuse_blocks(wish, &request, r);
	wish->want.offset = wish->extent->span.start;
	wish->want.length = extent_length(wish->extent);
	return MMIOD_OK;
}

static enum mmiod_outcome judge_pool(struct wish *wish)
{
	enum mmiod_outcome outcome = wish_find_region(wish);

	if (outcome == MMIOD_OK)
		outcome = wish_check_policy(wish);
	wish->share = MMIOD_SHARE_EXCLUSIVE;
	if (outcome == MMIOD_OK)
		outcome = wish_check_presence(wish);
	if (outcome == MMIOD_OK)
		outcome = check_pool(wish);
	if (outcome == MMIOD_OK)
		outcome = wish_check_cache(wish);
	return outcome;
}

/* ---- kernel memory --------------------------------------------------------------------------- */

static enum mmiod_outcome check_memory_policy(struct wish *wish)
{
	struct broker *broker = wish->call->broker;
	char name[USER_NAME_MAX];

	wish->decision = policy_decide_memory(broker->config, wish->subject, wish->memory);
	wish->judged = true;
	wish->grant = wish->decision.grant;
	if (wish->decision.reason == POLICY_GRANTED)
		return MMIOD_OK;
	text_init(&wish->text, wish->buffer, sizeof(wish->buffer));
	policy_explain_memory(&wish->text, &wish->decision, wish->memory,
			      holder_user_name(broker, wish->subject->uid, name, sizeof(name)),
			      wish->subject);
	return MMIOD_E_DENIED;
}

/* Whoever may have a device write to memory is one who may write to the device. */
static enum mmiod_outcome check_device(struct wish *wish)
{
	uint32_t rights = wish->want.rights;
	enum mmiod_outcome outcome = wish_find_region(wish);

	wish->want.rights = RIGHTS_ALL;
	if (outcome == MMIOD_OK)
		outcome = wish_check_policy(wish);
	wish->want.rights = rights;
	if (outcome == MMIOD_OK)
		outcome = wish_check_presence(wish);
	if (outcome != MMIOD_OK)
		return outcome;
	if (wish->call->broker->backend->ops->kind == MMIOD_BACKEND_MODULE &&
	    wish->region->hw.bar == UINT32_MAX)
		return wish_refuse(wish, MMIOD_E_INVALID,
				   "region %s is no PCI function's: nothing there does DMA",
				   wish->region->name);
	wish->pci = wish->region->hw.pci;
	wish->dma_bits = wish->region->config ? wish->region->config->dma_bits : 0;
	return MMIOD_OK;
}

static enum mmiod_outcome judge_kernel(struct wish *wish)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	enum mmiod_outcome outcome = check_memory_policy(wish);
	const struct config_grant *grant = wish->grant;
	struct decision decision = wish->decision;

	/* EXPLAIN may ask about the kind alone. */
	if (outcome == MMIOD_OK && wish->memory == MMIOD_MEMORY_DMA &&
	    !(wish->dry && !wish->alloc.region[0]))
		outcome = check_device(wish);
	if (outcome != MMIOD_OK)
		return outcome;
	wish->grant = grant; /* that of the memory: its terms are those of the lease */
	wish->decision = decision;
	wish->region = &wish->call->broker->kernel;
	wish->share = MMIOD_SHARE_EXCLUSIVE;
	wish->want.length = (wish->alloc.length + page - 1) / page * page;
	wish->want.cache = MMIOD_CACHE_WB;
	return MMIOD_OK;
}

/* ---- both ------------------------------------------------------------------------------------ */

static enum mmiod_outcome judge(struct wish *wish)
{
	enum mmiod_outcome outcome = check_form(wish);

	if (outcome != MMIOD_OK)
		return outcome;
	return wish->memory == MMIOD_MEMORY_REGION ? judge_pool(wish) : judge_kernel(wish);
}

/* Of kernel memory the kernel says whether there is any. */
static enum mmiod_outcome reserve(struct wish *wish)
{
	return wish->memory == MMIOD_MEMORY_REGION ? reserve_blocks(wish) : MMIOD_OK;
}

const struct wish_kind wish_alloc = { read_element, judge, reserve };

enum request_result request_alloc(struct call *call)
{
	return wish_batch(call, &wish_alloc);
}
