// SPDX-License-Identifier: GPL-2.0-only
/*
 * The PCI driver. Its id table is empty: a function is bound by its driver_override alone, so that
 * of two identical cards one can be ours. Probe reserves every memory BAR; regions are claimed
 * within these reservations.
 *
 * ->remove revokes, releases and returns: it never waits for user space, which may hold windows for
 * ever. The reasons that keep everybody away for a while are in suspend.c.
 */
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/module.h>
#include <linux/panic.h>
#include <linux/pci.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "internal.h"

static LIST_HEAD(devices); /* bound functions, under mmiod_lock */
static DEFINE_XARRAY(generations); /* number -> bindings so far, as values; under mmiod_lock */

/*
 * The function that is bound at that address, or NULL. It lasts while the caller holds mmiod_lock.
 */
struct mmiod_device *mmiod_device_find(u32 address, u32 domain_high)
{
	u64 number = mmiod_device_number(address, domain_high);
	struct mmiod_device *device;

	lockdep_assert_held(&mmiod_lock);
	list_for_each_entry(device, &devices, node)
		if (device->number == number)
			return device;
	return NULL;
}

/* The bound function with the lowest number from @number on, or NULL. Likewise. */
struct mmiod_device *mmiod_device_from(u64 number)
{
	struct mmiod_device *device, *found = NULL;

	lockdep_assert_held(&mmiod_lock);
	list_for_each_entry(device, &devices, node)
		if (device->number >= number && (!found || device->number < found->number))
			found = device;
	return found;
}

/* The function with that number, with a reference, or NULL. Takes mmiod_lock. */
struct mmiod_device *mmiod_device_get_by_number(u64 number)
{
	struct mmiod_device *device;

	mutex_lock(&mmiod_lock);
	device = mmiod_device_from(number);
	if (device && device->number != number)
		device = NULL;
	if (device)
		mmiod_device_get(device);
	mutex_unlock(&mmiod_lock);
	return device;
}

/*
 * The caller has found the device under mmiod_lock, which it holds, or has a reference already. A
 * reference keeps the structure and its pci_dev, not the binding.
 */
void mmiod_device_get(struct mmiod_device *device)
{
	kref_get(&device->ref);
}

static void free_device(struct kref *ref)
{
	struct mmiod_device *device = container_of(ref, struct mmiod_device, ref);

	pci_dev_put(device->pdev);
	kfree(device->config);
	kfree(device->awake);
	kfree(device);
}

/* Called without mmiod_lock. The last reference frees the structure and puts its pci_dev. */
void mmiod_device_put(struct mmiod_device *device)
{
	kref_put(&device->ref, free_device);
}

/*
 * Whether the range touches a memory BAR of any function, bound to whatever driver or to none. May
 * sleep.
 */
bool mmiod_pci_owns_range(u64 start, u64 length)
{
	struct resource range = DEFINE_RES_MEM(start, length);
	struct pci_dev *pdev = NULL;

	for_each_pci_dev(pdev) {
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
	for (unsigned int i = 0; i < PCI_STD_NUM_BARS; i++) {
		if (device->ports & BIT(i))
			release_region(pci_resource_start(device->pdev, i),
				       pci_resource_len(device->pdev, i));
		else if (device->bars[i])
			release_mem_region(pci_resource_start(device->pdev, i),
					   pci_resource_len(device->pdev, i));
	}
}

static bool bar_usable(struct pci_dev *pdev, unsigned int bar, unsigned long kind)
{
	return pci_resource_flags(pdev, bar) & kind &&
	       !(pci_resource_flags(pdev, bar) & IORESOURCE_UNSET) &&
	       pci_resource_start(pdev, bar) && pci_resource_len(pdev, bar);
}

/* Others who have the ports are in nobody's way who wants the function for its memory. */
static void reserve_ports(struct mmiod_device *device, unsigned int bar)
{
	struct pci_dev *pdev = device->pdev;

	device->bars[bar] = request_region(pci_resource_start(pdev, bar),
					   pci_resource_len(pdev, bar), KBUILD_MODNAME);
	if (device->bars[bar])
		device->ports |= BIT(bar);
	else
		pci_warn(pdev, "BAR %u %pR is owned by somebody else, see /proc/ioports\n", bar,
			 &pdev->resource[bar]);
}

static int reserve_bars(struct mmiod_device *device)
{
	struct pci_dev *pdev = device->pdev;

	for (unsigned int i = 0; i < PCI_STD_NUM_BARS; i++) {
		if (device->decodes_ports && bar_usable(pdev, i, IORESOURCE_IO))
			reserve_ports(device, i);
		if (!bar_usable(pdev, i, IORESOURCE_MEM))
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

/* On 32 bits functions of two domains may share a count: it still differs after each binding. */
static int count_binding(struct mmiod_device *device)
{
	unsigned long key = device->number;
	unsigned long count = xa_to_value(xa_load(&generations, key)) + 1;

	device->generation = count;
	return xa_err(xa_store(&generations, key, xa_mk_value(count), GFP_KERNEL));
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
	device->pdev = pci_dev_get(pdev);
	device->number = MMIOD_PCI_DEVICE(pci_domain_nr(pdev->bus), pdev->bus->number,
					  PCI_SLOT(pdev->devfn), PCI_FUNC(pdev->devfn));
	INIT_LIST_HEAD(&device->regions);
	INIT_LIST_HEAD(&device->buffers);
	INIT_LIST_HEAD(&device->quarantine);
	INIT_LIST_HEAD(&device->handles);
	kref_init(&device->ref);
	mutex_init(&device->vectors);
	raw_spin_lock_init(&device->command);
	INIT_WORK(&device->settle, mmiod_settle_work);
	INIT_WORK(&device->tell, mmiod_tell_work);
	INIT_DELAYED_WORK(&device->deadline, mmiod_device_deadline);
	INIT_DELAYED_WORK(&device->quiet, mmiod_quiet_work);
	device->dirty = true;
	return device;
}

/*
 * A function that bypasses the caches reads what lies below the zeros in there: what others have
 * left in the memory. While it is bound here it is kept from that, and no client can change it.
 */
static void forbid_no_snoop(struct mmiod_device *device)
{
	u16 control = 0;

	pcie_capability_read_word(device->pdev, PCI_EXP_DEVCTL, &control);
	device->no_snoop = control & PCI_EXP_DEVCTL_NOSNOOP_EN;
	if (device->no_snoop)
		pcie_capability_clear_word(device->pdev, PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_NOSNOOP_EN);
}

/*
 * Whether it has I/O BARs, and each an address: then they can be enabled, which otherwise fails as
 * a whole, and is common on servers, where there are not enough ports for all bridges.
 */
static bool all_ports_usable(struct pci_dev *pdev)
{
	bool any = false;

	for (unsigned int i = 0; i < PCI_STD_NUM_BARS; i++) {
		if (!(pci_resource_flags(pdev, i) & IORESOURCE_IO))
			continue;
		if (!IS_ENABLED(CONFIG_HAS_IOPORT_MAP) || !bar_usable(pdev, i, IORESOURCE_IO) ||
		    !pdev->resource[i].parent)
			return false;
		any = true;
	}
	return any;
}

/*
 * The firmware or the last driver may have left it mastering the bus. slot_reset restores the state
 * that is saved here.
 */
static int enable(struct mmiod_device *device)
{
	struct pci_dev *pdev = device->pdev;
	int ret;

	pci_clear_master(pdev);
	device->decodes_ports = all_ports_usable(pdev);
	ret = device->decodes_ports ? pci_enable_device(pdev) : pci_enable_device_mem(pdev);
	if (ret)
		return ret;
	mmiod_intx_off(device);
	ret = mmiod_intx_take_line(device);
	if (ret)
		goto err_disable;
	forbid_no_snoop(device);
	pci_save_state(pdev);
	device->pristine = pci_store_saved_state(pdev);
	device->config = mmiod_config_new(pdev);
	device->reachable = device->pristine && device->config;
	if (device->reachable)
		return 0;
	kfree(device->pristine);
	ret = -ENOMEM;
	mmiod_intx_give_line(device);
err_disable:
	pci_disable_device(pdev);
	return ret;
}

static void disable(struct mmiod_device *device)
{
	if (device->no_snoop)
		pcie_capability_set_word(device->pdev, PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_NOSNOOP_EN);
	dma_set_coherent_mask(&device->pdev->dev, DMA_BIT_MASK(MMIOD_DMA_BITS));
	kfree(device->pristine);
	mmiod_intx_give_line(device);
	pci_disable_device(device->pdev);
}

/*
 * 0 or -errno. What lies behind a bridge needs the bridge's own driver. Virtual functions, which may
 * be other people's, do not survive a reset of their physical one; its last driver may have left
 * them behind. None comes later: they are made by the driver of the physical one, under the device
 * lock, which is held here, and this driver makes none.
 */
static int admit(struct pci_dev *pdev)
{
	if (pdev->hdr_type != PCI_HEADER_TYPE_NORMAL)
		return -EINVAL;
	if (!pci_num_vf(pdev))
		return 0;
	pci_err(pdev, "it has virtual functions, which would not survive a reset of it\n");
	return -EBUSY;
}

static int probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct mmiod_device *device;
	int ret = admit(pdev);

	if (ret)
		return ret;
	device = new_device(pdev);
	if (!device)
		return -ENOMEM;
	ret = enable(device);
	if (ret)
		goto err_free;
	ret = reserve_bars(device);
	if (ret)
		goto err_disable;
	pci_set_drvdata(pdev, device);
	mmiod_device_look(device);
	mmiod_group_claim(device);
	ret = publish(device);
	if (ret)
		goto err_bars;
	mmiod_control_event(MMIOD_CONTROL_DEVICE_BOUND, device->generation, device->number);
	return 0;

err_bars:
	mmiod_group_release(device);
	release_bars(device);
err_disable:
	disable(device);
err_free:
	mmiod_device_put(device);
	return ret;
}

/*
 * Set the width of the addresses that the function is given: 32 bits, which every card can use,
 * unless the daemon knows better. It is never widened by itself: a card that cannot use more would
 * write to another address. EBUSY: there are buffers of another width. EOPNOTSUPP: the platform
 * cannot. Under mmiod_lock.
 */
int mmiod_pci_set_dma_bits(struct mmiod_device *device, u32 bits)
{
	lockdep_assert_held(&mmiod_lock);
	if (bits != device->dma_bits &&
	    !(list_empty(&device->buffers) && list_empty(&device->quarantine)))
		return -EBUSY;
	if (dma_set_coherent_mask(&device->pdev->dev, DMA_BIT_MASK(bits)))
		return -EOPNOTSUPP;
	device->dma_bits = bits;
	return 0;
}

/*
 * A function that masters the bus unbounded reads and writes all memory, at the will of whoever has
 * a window on its registers. The kernel is tainted from then on, as by vfio's no-IOMMU mode; a
 * kernel that is locked down, which keeps even root from that, refuses. 0 or -EPERM. Under
 * mmiod_lock.
 */
int mmiod_pci_admit_unbounded(struct mmiod_device *device)
{
	int ret = security_locked_down(LOCKDOWN_PCI_ACCESS);

	lockdep_assert_held(&mmiod_lock);
	if (ret)
		return ret;
	if (!device->unbounded)
		pci_warn(device->pdev,
			 "masters the bus, and no IOMMU bounds it: tainting kernel\n");
	device->unbounded = true;
	add_taint(TAINT_USER, LOCKDEP_STILL_OK);
	return 0;
}

/* Whether an IOMMU lets the function reach its buffers and nothing else. */
static bool is_bounded(struct device *dev)
{
#ifdef CONFIG_IOMMU_API
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);

	return domain && domain->type & __IOMMU_DOMAIN_PAGING;
#else
	return false;
#endif
}

/* Whether the function may have buffers: 0, or as mmiod_pci_admit_unbounded(). Under mmiod_lock. */
int mmiod_pci_admit_dma(struct mmiod_device *device)
{
	lockdep_assert_held(&mmiod_lock);
	return is_bounded(&device->pdev->dev) ? 0 : mmiod_pci_admit_unbounded(device);
}

/*
 * Under mmiod_lock. The caller takes a reference on the device, and settles it afterwards without
 * the lock.
 */
void mmiod_pci_attach_buffer(struct mmiod_device *device, struct mmiod_buffer *buffer)
{
	lockdep_assert_held(&mmiod_lock);
	list_add_tail(&buffer->dma_node, &device->buffers);
	buffer->dev = &device->pdev->dev;
}

/*
 * Called as the window ends, with no lock held; the buffer was stopped before. Takes mmiod_lock, so
 * that the device does not go before the memory is given back. False: the memory waits, and the
 * window's end with it.
 */
bool mmiod_pci_detach_buffer(struct mmiod_buffer *buffer)
{
	struct mmiod_device *device = NULL;
	bool waits = false;

	mutex_lock(&mmiod_lock);
	if (buffer->dev) {
		device = pci_get_drvdata(to_pci_dev(buffer->dev));
		mmiod_device_get(device);
		list_del(&buffer->dma_node);
		waits = mmiod_quarantine_enter(device, buffer);
		if (!waits)
			mmiod_buffer_detach(buffer);
	}
	mutex_unlock(&mmiod_lock);
	if (!device)
		return true;
	mmiod_settle(device);
	mmiod_device_put(device);
	return !waits;
}

/*
 * Called as the device ends, when its bus mastering was stopped. A window's file stays. A buffer
 * whose file was closed in the meantime is the quarantine's, which is freed last.
 */
static void take_memory(struct mmiod_buffer *buffer)
{
	mutex_lock(&mmiod_lock);
	if (buffer->dev && !buffer->waits) {
		list_del(&buffer->dma_node);
		mmiod_buffer_detach(buffer);
	}
	mutex_unlock(&mmiod_lock);
}

/*
 * A walk over a device's buffers: the window of the first that has an id of @from or higher, with a
 * reference. They are listed by rising ids.
 */
static struct mmiod_window *window_of_buffer(struct mmiod_device *device, u64 from)
{
	struct mmiod_window *window = NULL;
	struct mmiod_buffer *buffer;

	mutex_lock(&mmiod_lock);
	list_for_each_entry(buffer, &device->buffers, dma_node) {
		if (buffer->window->id < from)
			continue;
		window = buffer->window;
		mmiod_window_get(window);
		break;
	}
	mutex_unlock(&mmiod_lock);
	return window;
}

static void end_regions(struct mmiod_device *device)
{
	struct mmiod_region *region;

	while ((region = mmiod_region_of_device(device, 0))) {
		mmiod_region_end(region);
		mmiod_control_event(MMIOD_CONTROL_REGION_GONE, MMIOD_WINDOW_REVOKED, region->id);
		mmiod_region_put(region);
	}
}

/*
 * Under mmiod_lock, with a reason set that keeps new regions and buffers out: from here on no
 * window is made.
 */
void mmiod_device_begin_end(struct mmiod_device *device)
{
	struct mmiod_region *region;

	lockdep_assert_held(&mmiod_lock);
	list_for_each_entry(region, &device->regions, node)
		region->ending = true;
}

/*
 * After mmiod_device_begin_end(), with no lock held but the device's, and the device not
 * reachable: every claim ends, and every window and interrupt is revoked. DMA memory stays: the
 * device may write to it.
 */
void mmiod_device_end_windows(struct mmiod_device *device)
{
	struct mmiod_window *window;
	u64 id = 0;

	mmiod_device_end_handles(device);
	mmiod_interrupts_end(device);
	end_regions(device);
	while ((window = window_of_buffer(device, id))) {
		id = window->id + 1;
		mmiod_window_revoke(window);
		mmiod_window_put(window);
	}
}

/* A buffer of the device's that is no operator's, or NULL. Under mmiod_lock. */
const struct mmiod_buffer *mmiod_pci_plain_buffer(const struct mmiod_device *device)
{
	const struct mmiod_buffer *buffer;

	lockdep_assert_held(&mmiod_lock);
	list_for_each_entry(buffer, &device->buffers, dma_node)
		if (!buffer->device_file)
			return buffer;
	return NULL;
}

/*
 * Something that another has of the device, and that a reset would hit: its id, or 0. Under
 * mmiod_lock.
 */
u64 mmiod_device_other(struct mmiod_device *device, u64 owner)
{
	struct mmiod_buffer *buffer;
	u64 id = mmiod_region_other(device, owner, false) ?: mmiod_interrupt_other(device, owner);

	if (id)
		return id;
	/* What an operator had who has ended is in nobody's way. */
	list_for_each_entry(buffer, &device->buffers, dma_node)
		if (!buffer->device_file && !mmiod_same_owner(buffer->window->owner, owner))
			return buffer->window->id;
	return 0;
}

static void end_buffers(struct mmiod_device *device)
{
	struct mmiod_window *window;

	while ((window = window_of_buffer(device, 0))) {
		mmiod_buffer_stop(window->buffer);
		take_memory(window->buffer);
		mmiod_window_put(window);
	}
}

/* Before that nobody gives an operator's memory back: it waits. */
static void set_leaks(struct mmiod_device *device, bool leaks)
{
	mutex_lock(&mmiod_lock);
	device->leaks = leaks;
	mutex_unlock(&mmiod_lock);
}

static void remove(struct pci_dev *pdev)
{
	struct mmiod_device *device = pci_get_drvdata(pdev);

	cancel_delayed_work_sync(&device->deadline);
	mutex_lock(&mmiod_lock);
	mmiod_reset_wait_locked(device);
	list_del(&device->node);
	device->reasons |= MMIOD_REASON_GONE;
	mmiod_device_begin_end(device);
	mutex_unlock(&mmiod_lock);
	cancel_delayed_work_sync(&device->quiet);
	mmiod_power_up(device);
	mmiod_command_close(device, false);
	mmiod_device_end_windows(device);
	mmiod_command_off(device);
	mutex_lock(&device->vectors);
	mmiod_vectors_end(device);
	mutex_unlock(&device->vectors);
	set_leaks(device, !mmiod_quiet_at_end(device));
	mmiod_domain_reap(device);
	end_buffers(device);
	mmiod_forgotten(device);
	if (device->leaked)
		pci_warn(device->pdev, "may still write to %llu bytes, which are never freed\n",
			 device->leaked);
	cancel_work_sync(&device->tell);
	mmiod_control_event(MMIOD_CONTROL_DEVICE_GONE, device->generation, device->number);
	mmiod_group_release(device);
	release_bars(device);
	disable(device);
	mmiod_device_put(device);
}

/* new_id takes none either: its driver_data must be that of an entry here. */
static const struct pci_device_id no_ids[] = { {} };

static struct pci_driver driver = {
	.name = KBUILD_MODNAME,
	.id_table = no_ids,
	.probe = probe,
	.remove = remove,
	.err_handler = &mmiod_error_handlers,
	.driver_managed_dma = true, /* or its IOMMU group could not be claimed */
	.driver.pm = pm_sleep_ptr(&mmiod_pm_ops),
};

/* Whether that function is bound to this driver, for now. */
bool mmiod_pci_is_ours(const struct device *dev)
{
	return READ_ONCE(dev->driver) == &driver.driver;
}

/* Whether the device is still bound to this driver. With its device lock held. */
bool mmiod_device_is_bound(const struct mmiod_device *device)
{
	return mmiod_pci_is_ours(&device->pdev->dev) && pci_get_drvdata(device->pdev) == device;
}

/* 0 or -errno. From here on functions can be bound. */
int mmiod_pci_init(void)
{
	return pci_register_driver(&driver);
}

/* Unbinds every bound function: ->remove runs for each. */
void mmiod_pci_exit(void)
{
	pci_unregister_driver(&driver);
	xa_destroy(&generations);
}
