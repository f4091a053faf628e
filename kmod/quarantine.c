// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMA memory that nobody has any more but the device.
 *
 * A client that releases a buffer may have left its device running, and unless an IOMMU forgets the
 * memory at once the device goes on writing to it. So it is given back only when the function
 * masters the bus no more, was reset, or goes. Until then the buffer waits here, with what was its
 * file's reference on the window: that stays in the ledger, revoked, so that whoever counts the
 * memory goes on counting it, and WINDOW_RELEASED is sent when the memory is free, or has become
 * that of the device's next buffer of the same length. Of the same, because less would free a
 * charge for memory that is still kept.
 *
 * An engine that was armed when bus mastering went off fires when it comes on again: against that
 * only a reset between two holders helps.
 *
 * The list is under mmiod_lock. Memory is freed with device->vectors held, so that ->remove, which
 * comes last, leaves nothing behind.
 */
#include <linux/iommu.h>

#include "internal.h"

#define WAITING_MAX (64ULL << 20) /* bytes of one device's */

/* False if unmapped ranges are collected for a while (DMA_FQ), or the IOMMU lets all pass. */
static bool forgets_at_once(struct device *dev)
{
#ifdef CONFIG_IOMMU_API
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);

	return domain && domain->type == IOMMU_DOMAIN_DMA;
#else
	return false;
#endif
}

static struct mmiod_buffer *find(struct mmiod_device *device, u64 length)
{
	struct mmiod_buffer *buffer;

	lockdep_assert_held(&mmiod_lock);
	list_for_each_entry(buffer, &device->quarantine, dma_node)
		if (buffer->length == length)
			return buffer;
	return NULL;
}

/*
 * Whether a buffer of that length may be made. By the time that it allocates, the memory that waits
 * for it may be gone. Under mmiod_lock.
 */
bool mmiod_quarantine_admits(struct mmiod_device *device, u64 length)
{
	return device->waiting <= WAITING_MAX || find(device, length);
}

/*
 * Under mmiod_lock; the caller has taken the buffer off the device's list. False: its memory may go
 * at once.
 */
bool mmiod_quarantine_enter(struct mmiod_device *device, struct mmiod_buffer *buffer)
{
	lockdep_assert_held(&mmiod_lock);
	if (!buffer->memory || buffer->forgotten || forgets_at_once(buffer->dev))
		return false;
	buffer->waits = true;
	list_add_tail(&buffer->dma_node, &device->quarantine);
	device->waiting += buffer->length;
	return true;
}

static void leave(struct mmiod_device *device, struct mmiod_buffer *buffer)
{
	lockdep_assert_held(&mmiod_lock);
	list_del(&buffer->dma_node);
	device->waiting -= buffer->length;
}

/*
 * For the kernel thread that allocates, with no lock held: gives the buffer memory of its length
 * that waits, if there is any. The memory is as it was left; the caller zeroes it.
 */
bool mmiod_quarantine_take(struct mmiod_buffer *buffer)
{
	struct mmiod_device *device;
	struct mmiod_buffer *old = NULL;

	mutex_lock(&mmiod_lock);
	if (buffer->dev) {
		device = pci_get_drvdata(to_pci_dev(buffer->dev));
		old = find(device, buffer->length);
	}
	if (old) {
		leave(device, old);
		buffer->memory = old->memory;
		buffer->forgotten = false; /* a reset before this was none of this memory's */
		buffer->bus = old->bus;
		old->memory = NULL;
		old->dev = NULL;
	}
	mutex_unlock(&mmiod_lock);
	if (old)
		mmiod_window_end(old->window);
	return old;
}

static struct mmiod_buffer *next(struct mmiod_device *device, bool was_reset)
{
	struct mmiod_buffer *buffer, *found = NULL;

	mutex_lock(&mmiod_lock);
	list_for_each_entry(buffer, &device->quarantine, dma_node) {
		if (buffer->device_file && !was_reset)
			continue;
		found = buffer;
		break;
	}
	if (found)
		leave(device, found);
	mutex_unlock(&mmiod_lock);
	return found;
}

/*
 * A reset has ended what knew of them: buffers of operators who are gone, which were revoked with
 * them and whose files somebody keeps, need not wait for another one when these are closed. Who
 * operates the device still knows the addresses of his own, and may let it write there again.
 */
static void forget_revoked(struct mmiod_device *device)
{
	struct mmiod_buffer *buffer;

	mutex_lock(&mmiod_lock);
	list_for_each_entry(buffer, &device->buffers, dma_node)
		if (buffer->device_file && buffer->device_file != mmiod_operator_id(device) &&
		    mmiod_window_state(buffer->window) == MMIOD_WINDOW_REVOKED)
			buffer->forgotten = true;
	mutex_unlock(&mmiod_lock);
}

/*
 * Free what waits and the device can no longer write to, as it masters the bus no more; an
 * operator's memory only if it was reset, for he lets it master the bus again when he likes. With
 * device->vectors held, and never in a client's task. Takes mmiod_lock.
 */
void mmiod_quarantine_free(struct mmiod_device *device, bool was_reset)
{
	struct mmiod_buffer *buffer;

	lockdep_assert_held(&device->vectors);
	if (was_reset)
		forget_revoked(device);
	while ((buffer = next(device, was_reset))) {
		mmiod_buffer_detach(buffer);
		mmiod_window_end(buffer->window);
	}
}
