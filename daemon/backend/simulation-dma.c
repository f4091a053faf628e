// SPDX-License-Identifier: MIT
/*
 * The addresses by which simulated devices would find the memory of their operators: chosen, refused
 * and given back as the module does it. Nothing is mapped by them, as nothing does DMA here.
 *
 * When an operator ends, his memory is revoked a moment later, as the module tells it.
 */
#include "backend/simulation-device.h"
#include "base/hash.h"

#define LOWEST (1ull << 20)
#define RESERVED 0xfee00000ull /* a write there is an interrupt, on x86 */
#define RESERVED_LAST 0xfeefffffull
#define LARGEST_ALIGNMENT (2ull << 20)
#define BITS_MAX 39 /* that the IOMMUs of many machines translate */

struct simulated_memory {
	uint64_t id; /* of the buffer */
	uint64_t operation;
	struct simulated_device *device;
	uint64_t start;
	uint64_t last;
	bool ended; /* its operator has */
	UT_hash_handle hh;
};

static uint64_t last_address(uint32_t bits)
{
	if (!bits)
		bits = 32;
	return (1ull << (bits < BITS_MAX ? bits : BITS_MAX)) - 1;
}

/* The last address of what is in the way there; 0: nothing is. */
static uint64_t in_the_way(const struct simulated_devices *all, uint64_t operation, uint64_t start,
			   uint64_t last, bool *reserved)
{
	const struct simulated_memory *memory;

	*reserved = start <= RESERVED_LAST && last >= RESERVED;
	if (*reserved)
		return RESERVED_LAST;
	for (memory = all->memories; memory; memory = memory->hh.next)
		if (memory->operation == operation && memory->start <= last &&
		    memory->last >= start)
			return memory->last;
	return 0;
}

static uint64_t alignment(uint64_t length)
{
	uint64_t power = 4096;

	while (power < length && power < LARGEST_ALIGNMENT)
		power *= 2;
	return power;
}

/* The first that is free from `from` on; NONE: there is none. */
static uint64_t find_free(const struct simulated_devices *all, uint64_t operation, uint64_t from,
			  uint64_t length, uint64_t highest)
{
	uint64_t align = alignment(length), at = from < LOWEST ? LOWEST : from, taken;
	bool reserved;

	for (;;) {
		at = (at + align - 1) / align * align;
		if (at > highest || length - 1 > highest - at)
			return MMIOD_IOVA_NONE;
		taken = in_the_way(all, operation, at, at + length - 1, &reserved);
		if (!taken)
			return at;
		at = taken + 1;
	}
}

static int place_fixed(const struct simulated_devices *all, const struct backend_buffer *buffer,
		       uint64_t highest, uint64_t *iova)
{
	uint64_t at = buffer->iova, next;
	bool reserved =
		at < LOWEST || at % 4096 || at > highest || buffer->length - 1 > highest - at;
	bool taken = !reserved &&
		     in_the_way(all, buffer->device_file, at, at + buffer->length - 1, &reserved);

	*iova = at;
	if (!reserved && !taken)
		return 0;
	next = find_free(all, buffer->device_file, at, buffer->length, highest);
	*iova = next != MMIOD_IOVA_NONE
			? next
			: find_free(all, buffer->device_file, 0, buffer->length, highest);
	return reserved ? -EINVAL : -EEXIST;
}

static int place(const struct simulated_devices *all, const struct backend_buffer *buffer,
		 uint32_t bits, uint64_t *iova)
{
	uint64_t highest = last_address(bits);

	if (buffer->dma_flags & MMIOD_DMA_FIXED_IOVA)
		return place_fixed(all, buffer, highest, iova);
	*iova = find_free(all, buffer->device_file, 0, buffer->length, highest);
	return *iova == MMIOD_IOVA_NONE ? -ENOSPC : 0;
}

/* `id`: of the buffer. 0 and `*iova`, or -errno as the module's BUFFER_CREATE. */
int simulated_place(struct simulated_devices *all, const struct backend_buffer *buffer, uint64_t id,
		    uint64_t *iova)
{
	const struct simulated_operation *operation;
	struct simulated_memory *memory;
	int r;

	*iova = MMIOD_IOVA_NONE;
	HASH_FIND(hh, all->operations, &buffer->device_file, sizeof(buffer->device_file),
		  operation);
	if (!operation)
		return -ENOENT;
	if (!(operation->rights & MMIOD_OPERATE_DMA))
		return -EOPNOTSUPP;
	r = place(all, buffer, operation->dma_bits, iova);
	if (r < 0)
		return r;
	memory = calloc(1, sizeof(*memory));
	if (!memory)
		return -ENOMEM;
	*memory = (struct simulated_memory){
		.id = id,
		.operation = buffer->device_file,
		.device = operation->device,
		.start = *iova,
		.last = *iova + buffer->length - 1,
	};
	HASH_ADD(hh, all->memories, id, sizeof(memory->id), memory);
	if (!hash_added(memory)) {
		free(memory);
		return -ENOMEM;
	}
	memory->device->hw.mapped += buffer->length;
	return 0;
}

static void forget(struct simulated_devices *all, struct simulated_memory *memory)
{
	memory->device->hw.mapped -= memory->last - memory->start + 1;
	HASH_DEL(all->memories, memory);
	free(memory);
}

/* Others than buffers of a device file are none of these. */
void simulated_unplace(struct simulated_devices *all, uint64_t id)
{
	struct simulated_memory *memory;

	HASH_FIND(hh, all->memories, &id, sizeof(id), memory);
	if (memory)
		forget(all, memory);
}

void simulated_end_memory(struct simulated_devices *all, uint64_t operation)
{
	for (struct simulated_memory *memory = all->memories; memory; memory = memory->hh.next)
		if (memory->operation == operation)
			memory->ended = true;
}

/* Who is told may end others meanwhile. */
void simulated_tell_memory(struct simulated_devices *all, const struct simulated_listener *listener)
{
	struct simulated_memory *memory = all->memories;

	while (memory) {
		uint64_t id = memory->id;

		if (!memory->ended) {
			memory = memory->hh.next;
			continue;
		}
		forget(all, memory);
		simulated_tell(listener, MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_REVOKED, id);
		memory = all->memories;
	}
}

void simulated_memory_clear(struct simulated_devices *all)
{
	while (all->memories)
		forget(all, all->memories);
}
