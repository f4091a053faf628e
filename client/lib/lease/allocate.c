/* SPDX-License-Identifier: MIT */
/*
 * Allocations: leases of memory that the daemon finds, in a pool or from the kernel.
 *
 * The daemon makes a buffer's window, but its memory is allocated here, by an ioctl on the window's
 * file: the kernel charges the memory cgroup of the process that calls it.
 */
#include "base/error.h"
#include "lease/lease.h"

#include <limits.h>
#include <string.h>
#include <sys/ioctl.h>

#define FLAGS_KNOWN                                                                         \
	(MMIOD_ALLOCATE_POWER_OF_TWO | MMIOD_ALLOCATE_CONTIGUOUS | MMIOD_ALLOCATE_NO_WAIT | \
	 MMIOD_ALLOCATE_ZERO | MMIOD_ALLOCATE_DUMMY | MMIOD_ALLOCATE_CONNECTION)

static_assert(MMIOD_ALLOCATE_POWER_OF_TWO == MMIOD_ALLOC_POWER_OF_TWO, "flags go out as they come");
static_assert(MMIOD_ALLOCATE_CONTIGUOUS == MMIOD_ALLOC_CONTIGUOUS, "flags go out as they come");
static_assert(MMIOD_ALLOCATE_NO_WAIT == MMIOD_ALLOC_NOWAIT, "flags go out as they come");
static_assert(MMIOD_ALLOCATE_ZERO == MMIOD_ALLOC_ZERO, "flags go out as they come");
static_assert(MMIOD_ALLOCATE_DUMMY == MMIOD_ALLOC_DUMMY, "flags go out as they come");
static_assert(MMIOD_ALLOCATE_CONNECTION == MMIOD_ALLOC_CONNECTION, "flags go out as they come");
static_assert(FLAGS_KNOWN == MMIOD_ALLOC_FLAGS, "all flags of the wire have a name");

/* It takes the lease's offset for where all of it lies. */
static void know_one_extent(void *ours, size_t size)
{
	struct mmiod_allocation *want = ours;

	if (size < offsetof(struct mmiod_allocation, reserved2))
		want->max_extents = 1;
}

const struct sized allocation_struct = {
	SIZED_AS(mmiod_allocation, reserved),
	.older = know_one_extent,
};

static bool may_be_in_pieces(const struct mmiod_allocation *want)
{
	return want->memory == MMIOD_MEMORY_REGION && want->max_extents != 1 &&
	       !(want->flags & MMIOD_ALLOCATE_CONTIGUOUS);
}

/* An older daemon knows of no pieces. */
static void build_extents(const struct lease_call *call, const struct mmiod_allocation *want,
			  struct mmiod_wire_alloc *wire)
{
	if (may_be_in_pieces(want) && call->client->hello.features & MMIOD_HELLO_EXTENTS)
		wire->max_extents = want->max_extents && want->max_extents < MMIOD_EXTENTS_MAX
					    ? want->max_extents
					    : MMIOD_EXTENTS_MAX;
}

static void build_allocation(const struct lease_call *call, const void *wanted, void *element)
{
	const struct mmiod_allocation *want = wanted;
	struct mmiod_wire_alloc *wire = element;

	wire->memory = want->memory;
	wire->flags = want->flags;
	if (want->memory == MMIOD_MEMORY_REGION) /* where it is so without being said */
		wire->flags &= ~MMIOD_ALLOC_CONTIGUOUS;
	if (want->region)
		strcpy(wire->region, want->region);
	wire->length = want->length;
	wire->align = want->align;
	wire->low = want->low;
	wire->high = want->high;
	wire->node = (int32_t)want->node - 1;
	wire->zone = want->zone;
	wire->rights = want->rights ? want->rights : MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE;
	wire->memtype = want->cache;
	wire->width = want->width;
	if (call->stride < sizeof(*wire))
		return;
	wire->lease_ms = want->lease_ms;
	build_extents(call, want, wire);
}

/*
 * Only what does not fit the wire: the rest is the daemon's to judge, who knows what would have
 * fitted.
 */
static int check_allocation(struct lease_call *call, const void *wanted)
{
	struct mmiod_client *client = call->client;
	const struct mmiod_allocation *want = wanted;

	if (want->flags & ~FLAGS_KNOWN)
		return client_fail(client, -EINVAL, "flags 0x%x: only MMIOD_ALLOCATE_* are known",
				   want->flags);
	if (want->node > INT_MAX)
		return client_fail(client, -EINVAL, "node %u: there is no such NUMA node",
				   want->node - 1);
	if (want->reserved || want->reserved2)
		return client_fail(client, -EINVAL, "what is reserved must be zero");
	/* Which a daemon of the first version does not know. */
	if (want->lease_ms || may_be_in_pieces(want))
		call->stride = sizeof(struct mmiod_wire_alloc);
	if (want->memory == MMIOD_MEMORY_REGION || (want->region && want->region[0]))
		return lease_check_region(client, want->region);
	return 0;
}

int lease_take_memory(const struct mmiod_lease *lease)
{
	struct mmiod_buffer_allocate allocate = { .size = sizeof(allocate) };
	unsigned long long length = lease->length;

	if (!ioctl(lease->fd, MMIOD_IOC_ALLOCATE, &allocate))
		return 0;
	if (errno == ENOMEM)
		return lease_fail(lease, -ENOMEM,
				  "0x%llx bytes: the kernel has no such memory now, or the memory "
				  "cgroup of this process is full",
				  length);
	return lease_fail(lease, -errno, "0x%llx bytes: the kernel allocates no memory: %s", length,
			  strerror(errno));
}

static int settle_allocation(const void *wanted, struct mmiod_lease *lease)
{
	const struct mmiod_allocation *want = wanted;

	lease->memory = want->memory;
	if (lease->memory == MMIOD_MEMORY_REGION || lease->simulated)
		return 0;
	return lease_take_memory(lease);
}

MMIOD_EXPORT int mmiod_client_allocate_many_sized(struct mmiod_client *client,
						  const struct mmiod_allocation *wants, size_t size,
						  size_t count, unsigned int flags,
						  struct mmiod_lease **leases, int *errors)
{
	struct lease_call call = { .client = client,
				   .opcode = MMIOD_OP_ALLOC,
				   .kind = &allocation_struct,
				   .wants = wants,
				   .size = size,
				   .stride = MMIOD_V1_ALLOC,
				   .check = check_allocation,
				   .build = build_allocation,
				   .settle = settle_allocation,
				   .count = count,
				   .flags = flags,
				   .leases = leases,
				   .errors = errors };

	return lease_ask(&call);
}
