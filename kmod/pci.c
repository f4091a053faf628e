// SPDX-License-Identifier: GPL-2.0-only
/*
 * The PCI driver. Its id table is empty: a function is bound by its driver_override alone, so that
 * of two identical cards one can be ours. Probe reserves every memory BAR; regions are claimed
 * within these reservations.
 *
 * ->remove revokes, releases and returns: it never waits for user space, which may hold windows for
 * ever. Resets, power management and bus errors suspend all windows of the device until it is back.
 */
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "internal.h"

static LIST_HEAD(devices); /* bound functions, under mmiod_lock */
static DEFINE_XARRAY(generations); /* PCI address -> bindings so far, as values; under mmiod_lock */

struct mmiod_device *mmiod_device_find(u32 address)
{
	struct mmiod_device *device;

	lockdep_assert_held(&mmiod_lock);
	list_for_each_entry(device, &devices, node)
		if (device->address == address)
			return device;
	return NULL;
}

/*
 * An access while memory decoding is off can be a fatal bus error on real hosts (CVE-2020-12888).
 */
bool mmiod_device_decodes(const struct mmiod_device *device)
{
	u16 command = 0;

	pci_read_config_word(device->pdev, PCI_COMMAND, &command);
	return command & PCI_COMMAND_MEMORY && !pci_channel_offline(device->pdev);
}

/* Whether the range touches a memory BAR of any function, bound to whatever driver or to none. */
bool mmiod_pci_owns_range(u64 start, u64 length)
{
	struct resource range = DEFINE_RES_MEM(start, length);
	struct pci_dev *pdev = NULL;

	for_each_pci_dev(pdev)
	{
		for (unsigned int i = 0; i < PCI_NUM_RESOURCES; i++) {
			struct resource *bar = &pdev->resource[i];

			/* A bridge's windows are no device's memory. */
			if (i >= PCI_BRIDGE_RESOURCES && i <= PCI_BRIDGE_RESOURCE_END)
				continue;
			if (resource_type(bar) != IORESOURCE_MEM || !bar->parent ||
			    !resource_overlaps(bar, &range))
				continue;
			pci_dev_put(pdev);
			return true;
		}
	}
	return false;
}

static void release_bars(struct mmiod_device *device)
{
	for (unsigned int i = 0; i < PCI_STD_NUM_BARS; i++)
		if (device->bars[i])
			release_mem_region(pci_resource_start(device->pdev, i),
					   pci_resource_len(device->pdev, i));
}

static bool bar_usable(struct pci_dev *pdev, unsigned int bar)
{
	return pci_resource_flags(pdev, bar) & IORESOURCE_MEM &&
	       !(pci_resource_flags(pdev, bar) & IORESOURCE_UNSET) &&
	       pci_resource_start(pdev, bar) && pci_resource_len(pdev, bar);
}

static int reserve_bars(struct mmiod_device *device)
{
	struct pci_dev *pdev = device->pdev;

	for (unsigned int i = 0; i < PCI_STD_NUM_BARS; i++) {
		if (!bar_usable(pdev, i))
			continue;
		device->bars[i] = request_mem_region_exclusive(
			pci_resource_start(pdev, i), pci_resource_len(pdev, i), KBUILD_MODNAME);
		if (!device->bars[i]) {
			pci_err(pdev, "BAR %u %pR is owned by somebody else, see /proc/iomem\n", i,
				&pdev->resource[i]);
			release_bars(device);
			return -EBUSY;
		}
	}
	return 0;
}

static int count_binding(struct mmiod_device *device)
{
	unsigned long count = xa_to_value(xa_load(&generations, device->address)) + 1;

	device->generation = count;
	return xa_err(xa_store(&generations, device->address, xa_mk_value(count), GFP_KERNEL));
}

static int publish(struct mmiod_device *device)
{
	int ret;

	mutex_lock(&mmiod_lock);
	ret = count_binding(device);
	if (!ret)
		list_add_tail(&device->node, &devices);
	mutex_unlock(&mmiod_lock);
	return ret;
}

static struct mmiod_device *new_device(struct pci_dev *pdev)
{
	struct mmiod_device *device = kzalloc(sizeof(*device), GFP_KERNEL);

	if (!device)
		return NULL;
	device->pdev = pdev;
	device->address = MMIOD_PCI_ADDR(pci_domain_nr(pdev->bus), pdev->bus->number,
					 PCI_SLOT(pdev->devfn), PCI_FUNC(pdev->devfn));
	INIT_LIST_HEAD(&device->regions);
	INIT_LIST_HEAD(&device->buffers);
	return device;
}

static int probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct mmiod_device *device = new_device(pdev);
	int ret;

	if (!device)
		return -ENOMEM;
	ret = pci_enable_device_mem(pdev);
	if (ret)
		goto err_free;
	ret = reserve_bars(device);
	if (ret)
		goto err_disable;
	pci_set_drvdata(pdev, device);
	ret = publish(device);
	if (ret)
		goto err_bars;
	pci_save_state(pdev); /* what slot_reset restores */
	mmiod_control_event(MMIOD_CONTROL_DEVICE_BOUND, device->generation, device->address);
	return 0;

err_bars:
	release_bars(device);
err_disable:
	pci_disable_device(pdev);
err_free:
	kfree(device);
	return ret;
}

/* A device may master the bus while it has a buffer to write to, and no longer. */
void mmiod_pci_attach_buffer(struct mmiod_device *device, struct mmiod_buffer *buffer)
{
	lockdep_assert_held(&mmiod_lock);
	if (list_empty(&device->buffers))
		pci_set_master(device->pdev);
	list_add_tail(&buffer->dma_node, &device->buffers);
	buffer->dev = &device->pdev->dev;
}

void mmiod_pci_detach_buffer(struct mmiod_buffer *buffer)
{
	struct mmiod_device *device;

	lockdep_assert_held(&mmiod_lock);
	if (!buffer->dev)
		return;
	device = pci_get_drvdata(to_pci_dev(buffer->dev));
	list_del(&buffer->dma_node);
	if (list_empty(&device->buffers))
		pci_clear_master(device->pdev);
	down_write(&buffer->window->lock);
	mmiod_buffer_detach(buffer);
	up_write(&buffer->window->lock);
}

static void end_buffers(struct mmiod_device *device)
{
	struct mmiod_buffer *buffer, *next;

	pci_clear_master(device->pdev);
	list_for_each_entry_safe(buffer, next, &device->buffers, dma_node) {
		if (buffer->window->listed)
			mmiod_window_revoke(buffer->window);
		mmiod_pci_detach_buffer(buffer);
	}
}

static void remove(struct pci_dev *pdev)
{
	struct mmiod_device *device = pci_get_drvdata(pdev);
	struct mmiod_region *region, *next;

	mutex_lock(&mmiod_lock);
	list_del(&device->node);
	list_for_each_entry_safe(region, next, &device->regions, node) {
		u64 id = region->id;

		mmiod_region_end(region);
		mmiod_control_event(MMIOD_CONTROL_REGION_GONE, MMIOD_WINDOW_REVOKED, id);
	}
	end_buffers(device);
	mutex_unlock(&mmiod_lock);
	mmiod_control_event(MMIOD_CONTROL_DEVICE_GONE, device->generation, device->address);
	release_bars(device);
	pci_disable_device(pdev);
	kfree(device);
}

static void set_suspended(struct pci_dev *pdev, bool suspended)
{
	struct mmiod_device *device = pci_get_drvdata(pdev);
	struct mmiod_region *region;

	mutex_lock(&mmiod_lock);
	device->suspended = suspended;
	list_for_each_entry(region, &device->regions, node)
		mmiod_region_set_suspended(region, suspended);
	mutex_unlock(&mmiod_lock);
}

/*
 * Called under the device lock, before the reset
 * touches the device, and after its state was restored.
 */
static void reset_prepare(struct pci_dev *pdev)
{
	set_suspended(pdev, true);
}

static void reset_done(struct pci_dev *pdev)
{
	set_suspended(pdev, false);
}

static pci_ers_result_t error_detected(struct pci_dev *pdev, pci_channel_state_t state)
{
	set_suspended(pdev, true);
	return state == pci_channel_io_perm_failure ? PCI_ERS_RESULT_DISCONNECT
						    : PCI_ERS_RESULT_NEED_RESET;
}

static pci_ers_result_t slot_reset(struct pci_dev *pdev)
{
	pci_restore_state(pdev);
	pci_save_state(pdev);
	return PCI_ERS_RESULT_RECOVERED;
}

static void error_resume(struct pci_dev *pdev)
{
	set_suspended(pdev, false);
}

static const struct pci_error_handlers error_handlers = {
	.reset_prepare = reset_prepare,
	.reset_done = reset_done,
	.error_detected = error_detected,
	.slot_reset = slot_reset,
	.resume = error_resume,
};

/* The PCI core saves, powers down and restores; we only keep everybody away meanwhile. */
static int pm_suspend(struct device *dev)
{
	set_suspended(to_pci_dev(dev), true);
	return 0;
}

static int pm_resume(struct device *dev)
{
	set_suspended(to_pci_dev(dev), false);
	return 0;
}

static DEFINE_SIMPLE_DEV_PM_OPS(pm_ops, pm_suspend, pm_resume);

static const struct pci_device_id no_ids[] = { {} };

static struct pci_driver driver = {
	.name = KBUILD_MODNAME,
	.id_table = no_ids,
	.probe = probe,
	.remove = remove,
	.err_handler = &error_handlers,
	.driver.pm = pm_sleep_ptr(&pm_ops),
};

int mmiod_pci_init(void)
{
	return pci_register_driver(&driver);
}

void mmiod_pci_exit(void)
{
	pci_unregister_driver(&driver);
	xa_destroy(&generations);
}
