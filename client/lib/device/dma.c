/* SPDX-License-Identifier: MIT */
/*
 * Memory for DMA: leases of buffers that belong to a device file, which the daemon makes and the
 * device reaches at an address of its own. As all kernel memory it is allocated here, by the process
 * that pays for it; before that it may have no address.
 */
#include "base/error.h"
#include "base/getter.h"
#include "device/device.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#define FLAGS_KNOWN (MMIOD_OPERATION_CONNECTION | MMIOD_OPERATION_DEVICE_READS)

static void build_dma(const struct lease_call *call, const void *wanted, void *element)
{
	const struct dma_want *want = wanted;
	struct mmiod_wire_alloc *wire = element;

	wire->memory = MMIOD_MEMORY_DMA;
	wire->length = want->length;
	wire->node = -1;
	wire->rights = MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE;
	wire->flags = want->flags & MMIOD_OPERATION_CONNECTION ? MMIOD_ALLOC_CONNECTION : 0;
	wire->device_lease = want->operation;
	wire->iova = want->iova;
	wire->dma_flags =
		(want->iova ? MMIOD_DMA_FIXED_IOVA : 0) |
		(want->flags & MMIOD_OPERATION_DEVICE_READS ? MMIOD_DMA_DEVICE_READS_ONLY : 0);
}

static int check_dma(struct lease_call *call, const void *wanted)
{
	const struct dma_want *want = wanted;

	if (want->flags & ~FLAGS_KNOWN)
		return client_fail(call->client, -EINVAL,
				   "flags 0x%x: only MMIOD_OPERATION_CONNECTION and "
				   "MMIOD_OPERATION_DEVICE_READS are known",
				   want->flags);
	return 0;
}

/* Where nothing translates for the device, it is known by now. */
static int settle_dma(const void *wanted, struct mmiod_lease *lease)
{
	struct mmiod_window_query query = { .size = sizeof(query) };
	int err;

	lease->memory = MMIOD_MEMORY_DMA;
	if (lease->simulated)
		return 0;
	err = lease_take_memory(lease);
	if (err)
		return err;
	if (ioctl(lease->fd, MMIOD_IOC_QUERY, &query) < 0)
		return lease_fail(lease, -errno, "lease %llu: the memory was revoked at once: %s",
				  (unsigned long long)lease->id, strerror(errno));
	lease->iova = query.iova;
	return 0;
}

static const struct sized dma_struct = {
	.name = "dma_want",
	.first = sizeof(struct dma_want),
	.known = sizeof(struct dma_want),
};

static const struct lease_call form = {
	.opcode = MMIOD_OP_ALLOC,
	.kind = &dma_struct,
	.stride = sizeof(struct mmiod_wire_alloc),
	.check = check_dma,
	.build = build_dma,
	.settle = settle_dma,
};

static int check_operation(const struct mmiod_operation *operation)
{
	const struct mmiod_lease *lease = operation->lease;

	if (lease->lost)
		return device_fail_lost(lease);
	if (operation->rights & MMIOD_MAY_DMA)
		return 0;
	return lease_fail(lease, -EPERM, "lease %llu was asked for without MMIOD_MAY_DMA",
			  (unsigned long long)lease->id);
}

/* In simulation nothing but the daemon knows the lease of a file. */
static int check_client(const struct mmiod_operation *operation, struct mmiod_client *client)
{
	if (!client)
		return lease_fail(
			operation->lease, -ENOTCONN,
			"an operation that was handed down has no client: let it have one "
			"by mmiod_operation_allocate_by()");
	if (operation->lease->id)
		return 0;
	return client_fail(client, -EOPNOTSUPP,
			   "an operation of simulation that was handed down has no memory: have "
			   "whoever operates the device hand memory down as well");
}

MMIOD_EXPORT int mmiod_operation_allocate_by(struct mmiod_operation *operation,
					     struct mmiod_client *client, uint64_t length,
					     uint64_t iova, unsigned int flags,
					     struct mmiod_lease **memory)
{
	const struct dma_want want = {
		.operation = operation->lease->id,
		.length = length,
		.iova = iova,
		.flags = flags,
	};
	int err = check_operation(operation);

	*memory = NULL;
	if (!err)
		err = check_client(operation, client);
	return err ? err : device_ask(client, &form, &want, memory);
}

MMIOD_EXPORT int mmiod_operation_allocate(struct mmiod_operation *operation, uint64_t length,
					  uint64_t iova, unsigned int flags,
					  struct mmiod_lease **memory)
{
	return mmiod_operation_allocate_by(operation, operation->lease->client, length, iova, flags,
					   memory);
}

GETTER(uint64_t, mmiod_lease_iova, mmiod_lease, iova)
