// SPDX-License-Identifier: MIT
/*
 * Leases of several extents: where the parts lie. Pure functions over a lease, but for the making of
 * the parts, which are the lease's from then on.
 */
#include <assert.h>
#include <stdlib.h>
#include "lease/lease.h"

struct lease_parts *lease_parts_new(uint32_t n)
{
	struct lease_parts *parts = calloc(1, sizeof(*parts) + n * sizeof(parts->part[0]));

	if (!parts)
		return NULL;
	parts->n = n;
	parts->start = UINT64_MAX;
	return parts;
}

void lease_parts_set(struct lease_parts *parts, uint32_t index, uint64_t offset, uint64_t length)
{
	struct interval *span = &parts->part[index].span;

	span->start = offset;
	span->end = offset + length;
	if (span->start < parts->start)
		parts->start = span->start;
	if (span->end > parts->end)
		parts->end = span->end;
}

/* The lease lies where they do from now on, and has them. It holds no bytes yet. */
void lease_take_parts(struct lease *lease, struct lease_parts *parts)
{
	lease->parts = parts;
	lease->offset = LEASE_NOWHERE;
	for (uint32_t i = 0; i < parts->n; i++)
		parts->part[i].lease = lease;
}

static bool covers(const struct mmiod_window_extent *extent, uint64_t offset, uint64_t length)
{
	return offset >= extent->offset && length <= extent->length &&
	       offset - extent->offset <= extent->length - length;
}

/* Whether these bytes of its region are its own, all in one extent. */
bool lease_covers(const struct lease *lease, uint64_t offset, uint64_t length)
{
	for (uint32_t i = 0; i < lease_extents(lease); i++) {
		struct mmiod_window_extent extent = lease_extent(lease, i);

		if (covers(&extent, offset, length))
			return true;
	}
	return false;
}

/* Where in its region the byte lies that its window shows at `at`. */
uint64_t lease_place(const struct lease *lease, uint64_t at)
{
	for (uint32_t i = 0; lease->parts && i < lease->parts->n; i++) {
		const struct interval *span = &lease->parts->part[i].span;

		if (at < span->end - span->start)
			return span->start + at;
		at -= span->end - span->start;
	}
	return lease->parts ? LEASE_NOWHERE : lease->offset + at;
}

struct mmiod_window_extent lease_extent(const struct lease *lease, uint32_t index)
{
	const struct interval *span;

	assert(index < lease_extents(lease));
	if (!lease->parts)
		return (struct mmiod_window_extent){ lease->offset, lease->length };
	span = &lease->parts->part[index].span;
	return (struct mmiod_window_extent){ span->start, span->end - span->start };
}

/*
 * Takes from its region's pool what the lease has already. Errors as blocks_claim() has them; then
 * nothing is taken.
 */
int lease_claim_blocks(struct lease *lease)
{
	struct blocks *blocks = lease->region->blocks;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < lease_extents(lease); i++) {
		struct mmiod_window_extent extent = lease_extent(lease, i);

		r = blocks_claim(blocks, extent.offset, extent.length, &lease->extents);
	}
	if (r < 0)
		blocks_cancel(blocks, steal_pointer(lease->extents));
	return r;
}
