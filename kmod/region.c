// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regions: named physical ranges that the module has reserved, so that the kernel's own resource
 * tree keeps everybody else out. A PCI region lies inside the reservation that the driver made for
 * its BAR at probe, in the tree of memory or in that of I/O ports; a platform range is reserved by
 * address, after every check that keeps it away from RAM and from what others own.
 *
 * Everything here is under mmiod_lock, except the walks over a region's windows, whose locks
 * exclude it: they hold a reference on the region, or are its end. The claim holds one reference on
 * the region, each window another; when the claim ends, the reservation ends with it, and by then
 * every window on it is revoked.
 */
#include <linux/ctype.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "internal.h"

static bool allow_ranges = true;
module_param(allow_ranges, bool, 0644);
MODULE_PARM_DESC(allow_ranges, "Whether regions may be claimed by physical address, not only as "
			       "BARs of bound devices (default Y)");

/* Below this the PC keeps its legacy devices and its firmware. */
#define LOW_MEMORY_END 0x100000ULL

static DEFINE_XARRAY(regions); /* id -> claimed region */
static u64 last_region_id;

/* The claimed region with that id, or NULL. It lasts while the caller holds mmiod_lock. */
struct mmiod_region *mmiod_region_find(u64 id)
{
	lockdep_assert_held(&mmiod_lock);
	return id <= ULONG_MAX ? xa_load(&regions, id) : NULL;
}

/* The caller holds mmiod_lock, or has a reference already. */
void mmiod_region_get(struct mmiod_region *region)
{
	kref_get(&region->ref);
}

static void free_region(struct kref *ref)
{
	kmem_cache_free(mmiod_region_cache, container_of(ref, struct mmiod_region, ref));
}

/* With or without mmiod_lock. Frees the object with the last reference; the claim ended before. */
void mmiod_region_put(struct mmiod_region *region)
{
	kref_put(&region->ref, free_region);
}

static bool valid_name(const char *name)
{
	size_t length = strnlen(name, MMIOD_NAME_MAX);

	if (!length || length == MMIOD_NAME_MAX)
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isalnum(name[i]) && !strchr("._-", name[i]))
			return false;
	return true;
}

static bool name_taken(const char *name)
{
	struct mmiod_region *region;
	unsigned long id;

	xa_for_each(&regions, id, region)
		if (!strcmp(mmiod_region_name(region), name))
			return true;
	return false;
}

/* Ports and memory have the same numbers, and are different places. */
static u64 overlapping_region(const struct mmiod_region *claimed)
{
	u64 start = claimed->phys, length = claimed->length;
	struct mmiod_region *region;
	unsigned long id;

	xa_for_each(&regions, id, region)
		if (mmiod_region_is_ports(region) == mmiod_region_is_ports(claimed) &&
		    start < region->phys + region->length && region->phys < start + length)
			return region->id;
	return 0;
}

/* Whether the function has that BAR, of the kind that is claimed. */
static int check_bar(const struct mmiod_device *device, const struct mmiod_region_claim *claim)
{
	bool ports = claim->kind == MMIOD_REGION_PORTS;

	if (claim->bar >= PCI_STD_NUM_BARS)
		return -ENXIO;
	if (device->bars[claim->bar])
		return ports == !!(device->ports & BIT(claim->bar)) ? 0 : -ENXIO;
	if (!ports || !device->decodes_ports)
		return -ENXIO;
	/* It would have been reserved at probe, but that somebody else has it. */
	return pci_resource_flags(device->pdev, claim->bar) & IORESOURCE_IO ? -EBUSY : -ENXIO;
}

static int locate_bar(struct mmiod_region *region, const struct mmiod_region_claim *claim)
{
	struct mmiod_device *device = mmiod_device_find(claim->pci, claim->domain_high);
	u64 size;
	int ret;

	if (!device)
		return -ENODEV;
	if (device->reasons & MMIOD_REASON_LOST)
		return -EIO;
	ret = check_bar(device, claim);
	if (ret)
		return ret;
	size = resource_size(device->bars[claim->bar]);
	if (claim->offset >= size || claim->length > size - claim->offset)
		return -EINVAL;
	region->device = device;
	region->generation = device->generation;
	region->parent = device->bars[claim->bar];
	region->phys = region->parent->start + claim->offset;
	region->length = claim->length ?: size - claim->offset;
	return 0;
}

/* Whether a page-table entry can hold it: not every architecture gives iomem_resource that end. */
static bool entry_holds(u64 address)
{
	unsigned long pfn = PHYS_PFN(address);
	pte_t entry = pfn_pte(pfn, vm_get_page_prot(VM_READ));

	return pfn == address >> PAGE_SHIFT && pte_pfn(entry) == pfn;
}

/*
 * A claim by address is what /dev/mem is kept from under lockdown, so it is kept from it here too.
 * A BAR is refused because the reservation would outlive the device: its parent resource goes when
 * the device is removed.
 */
static int locate_range(struct mmiod_region *region, const struct mmiod_region_claim *claim)
{
	u64 start = claim->offset, length = claim->length;
	int ret;

	if (!length || start + length < start || start + length - 1 > iomem_resource.end ||
	    !entry_holds(start + length - 1))
		return -EINVAL;
	/* region_intersects() would ask for the rest of 4 GiB only. */
	if (length > SIZE_MAX)
		return -EINVAL;
	if (!READ_ONCE(allow_ranges))
		return -EPERM;
	ret = security_locked_down(LOCKDOWN_DEV_MEM);
	if (ret)
		return ret;
	if (start < LOW_MEMORY_END || mmiod_pci_owns_range(start, length))
		return -EPERM;
	if (region_intersects(start, length, IORESOURCE_SYSTEM_RAM, IORES_DESC_NONE) !=
	    REGION_DISJOINT)
		return -EADDRINUSE;
	region->parent = &iomem_resource;
	region->phys = start;
	region->length = length;
	region->generation = 1;
	return 0;
}

/*
 * Some owners do not mark what they have as busy: the local APIC, the HPET. A reservation then
 * nests inside theirs. It may nest in a range that nobody owns: memory that the firmware reserved,
 * or the window of a PCI host bridge. The parent of a resource that is ours stays while it has that
 * child.
 */
static bool nests_in_foreign(const struct mmiod_region *region)
{
	const struct resource *parent = region->res->parent;

	return parent != region->parent && parent->desc != IORES_DESC_RESERVED &&
	       !(parent->flags & IORESOURCE_WINDOW);
}

/* IORESOURCE_EXCLUSIVE closes a range to /dev/mem and sysfs even where IO_STRICT_DEVMEM is off. */
static int reserve(struct mmiod_region *region, struct mmiod_region_claim *claim)
{
	region->res = __request_region(region->parent, region->phys, region->length,
				       region->iomem_name, IORESOURCE_EXCLUSIVE);
	if (region->res && !nests_in_foreign(region))
		return 0;
	if (region->res)
		__release_region(region->parent, region->phys, region->length);
	claim->conflict_id = overlapping_region(region);
	return -EBUSY;
}

static int locate(struct mmiod_region *region, const struct mmiod_region_claim *claim)
{
	switch (claim->kind) {
	case MMIOD_REGION_PCI:
	case MMIOD_REGION_PORTS:
		return locate_bar(region, claim);
	case MMIOD_REGION_RANGE:
		return locate_range(region, claim);
	default:
		return -EINVAL;
	}
}

static int publish(struct mmiod_region *region)
{
	int ret;

	region->id = last_region_id + 1;
	ret = xa_insert(&regions, region->id, region, GFP_KERNEL);
	if (ret)
		return ret;
	last_region_id = region->id;
	if (region->device)
		list_add_tail(&region->node, &region->device->regions);
	return 0;
}

/* The caller holds mmiod_lock. */
static int claim_locked(struct mmiod_region *region, struct mmiod_region_claim *claim)
{
	int ret;

	if (name_taken(claim->name))
		return -EEXIST;
	ret = locate(region, claim);
	if (ret)
		return ret;
	ret = reserve(region, claim);
	if (ret)
		return ret;
	ret = publish(region);
	if (ret)
		__release_region(region->parent, region->phys, region->length);
	return ret;
}

static struct mmiod_region *new_region(const struct mmiod_region_claim *claim)
{
	struct mmiod_region *region = kmem_cache_alloc(mmiod_region_cache, GFP_KERNEL);

	if (!region)
		return NULL;
	memset_after(region, 0, windows);
	kref_init(&region->ref);
	INIT_LIST_HEAD(&region->node);
	region->kind = claim->kind;
	region->pci = claim->pci;
	region->domain_high = claim->domain_high;
	region->bar = claim->bar;
	region->offset = claim->offset;
	region->width = claim->width;
	region->flags = claim->flags;
	snprintf(region->iomem_name, sizeof(region->iomem_name), MMIOD_IOMEM_PREFIX "%s",
		 claim->name);
	return region;
}

int mmiod_call_region_claim(struct mmiod_call *call)
{
	struct mmiod_region_claim *claim = call->arg;
	struct mmiod_region *region;
	int ret;

	claim->region_id = 0;
	claim->conflict_id = 0;
	if (claim->flags & ~MMIOD_REGION_FLAGS || claim->reserved || claim->domain_high > U16_MAX ||
	    ((claim->flags || claim->domain_high) && claim->kind == MMIOD_REGION_RANGE) ||
	    (claim->width && !mmiod_width_valid(claim->width)) ||
	    (claim->width > MMIOD_PORTS_WIDTH_MAX && claim->kind == MMIOD_REGION_PORTS) ||
	    !valid_name(claim->name))
		return -EINVAL;
	region = new_region(claim);
	if (!region)
		return -ENOMEM;
	mutex_lock(&mmiod_lock);
	ret = claim_locked(region, claim);
	if (ret)
		mmiod_region_put(region);
	else
		claim->region_id = region->id;
	mutex_unlock(&mmiod_lock);
	return ret;
}

/*
 * Revoke the windows with ids up to @last, but for @spared's. Their bytes are free for others when
 * this returns.
 */
static void revoke_windows(struct mmiod_region *region, u64 last, u64 spared)
{
	struct mmiod_window *window;
	u64 id = 0;

	while ((window = mmiod_window_of_region(region, id, last))) {
		id = window->id + 1;
		if (!mmiod_same_owner(window->owner, spared))
			mmiod_window_revoke(window);
		mmiod_window_put(window);
	}
}

/* The last window is gone, and the claim's reference is the caller's. */
static void unclaim(struct mmiod_region *region)
{
	lockdep_assert_held(&mmiod_lock);
	xa_erase(&regions, region->id);
	list_del_init(&region->node);
	__release_region(region->parent, region->phys, region->length);
	region->res = NULL;
	region->device = NULL;
}

/*
 * End the claim, because the device goes, and revoke what is left. The caller has set ->ending
 * under mmiod_lock, which it no longer holds: since then no window is made, and only it ends the
 * region.
 */
void mmiod_region_end(struct mmiod_region *region)
{
	revoke_windows(region, U64_MAX, 0);
	mutex_lock(&mmiod_lock);
	unclaim(region);
	mutex_unlock(&mmiod_lock);
	mmiod_region_put(region);
}

int mmiod_call_region_release(struct mmiod_call *call)
{
	struct mmiod_region_release *release = call->arg;
	struct mmiod_region *region;
	int ret = 0;

	if (release->flags)
		return -EINVAL;
	mutex_lock(&mmiod_lock);
	region = mmiod_region_find(release->region_id);
	if (!region || region->ending)
		ret = -ENOENT;
	else if (region->nr_windows)
		ret = -EBUSY;
	else
		unclaim(region);
	mutex_unlock(&mmiod_lock);
	if (!ret)
		mmiod_region_put(region);
	return ret;
}

/*
 * A walk over a device's regions: the first whose id is @id or higher, with a reference, or NULL.
 * Takes mmiod_lock.
 */
struct mmiod_region *mmiod_region_of_device(struct mmiod_device *device, u64 id)
{
	struct mmiod_region *region, *found = NULL;

	mutex_lock(&mmiod_lock);
	list_for_each_entry(region, &device->regions, node) {
		if (region->id < id)
			continue;
		found = region;
		mmiod_region_get(found);
		break;
	}
	mutex_unlock(&mmiod_lock);
	return found;
}

/*
 * The caller has set or cleared the device's reason under mmiod_lock, which it no longer holds, and
 * has a reference. Windows that came later, with ids above @last, were made accordingly. The event
 * is sent first: the daemon then knows why windows are revoked. @owner's are not, as it was he who
 * asked for the reset. What was revoked before, but left to a kernel thread, is gone as well.
 */
void mmiod_region_set_suspended(struct mmiod_region *region, bool suspended, u64 last, u64 owner)
{
	struct mmiod_window *window;
	u64 id = 0;

	mmiod_control_event(MMIOD_CONTROL_REGION_STATE,
			    suspended ? MMIOD_WINDOW_SUSPENDED : MMIOD_WINDOW_OK, region->id);
	if (suspended && region->flags & MMIOD_REGION_REVOKE_ON_RESET)
		revoke_windows(region, last, owner);
	while ((window = mmiod_window_of_region(region, id, last))) {
		id = window->id + 1;
		if (mmiod_window_suspend(window, MMIOD_SUSPENDED_BY_DEVICE, suspended))
			mmiod_window_revoke(window);
		mmiod_window_put(window);
	}
}

/*
 * A window of another's in the device's regions: its id, or 0. @engines: only one that may write
 * registers that start DMA. Under mmiod_lock.
 */
u64 mmiod_region_other(struct mmiod_device *device, u64 owner, bool engines)
{
	struct mmiod_region *region;
	struct rb_node *node;

	lockdep_assert_held(&mmiod_lock);
	list_for_each_entry(region, &device->regions, node) {
		for (node = rb_first(&region->windows); node; node = rb_next(node)) {
			struct mmiod_window *window = rb_entry(node, struct mmiod_window, node);

			if (!mmiod_same_owner(window->owner, owner) &&
			    (!engines || mmiod_window_is_engine(window)))
				return window->id;
		}
	}
	return 0;
}

static void revoke_engines(struct mmiod_region *region, u64 owner)
{
	struct mmiod_window *window;
	u64 id = 0;

	while ((window = mmiod_window_of_region(region, id, U64_MAX))) {
		id = window->id + 1;
		if (mmiod_same_owner(window->owner, owner) && mmiod_window_is_engine(window))
			mmiod_window_revoke_later(window);
		mmiod_window_put(window);
	}
}

/*
 * An owner who operated the device does so no more: his windows by which he could start DMA are
 * revoked, the zaps by a kernel thread. No lock held; waits for no client.
 */
void mmiod_device_revoke_engines(struct mmiod_device *device, u64 owner)
{
	struct mmiod_region *region;
	u64 id = 0;

	while ((region = mmiod_region_of_device(device, id))) {
		id = region->id + 1;
		revoke_engines(region, owner);
		mmiod_region_put(region);
	}
}

static u32 state_of(const struct mmiod_region *region)
{
	if (region->ending)
		return MMIOD_WINDOW_REVOKED;
	return region->device && region->device->reasons ? MMIOD_WINDOW_SUSPENDED : MMIOD_WINDOW_OK;
}

static void describe(const struct mmiod_region *region, struct mmiod_region_info *info)
{
	info->kind = region->kind;
	info->region_id = region->id;
	info->pci = region->pci;
	info->domain_high = region->domain_high;
	info->bar = region->bar;
	info->offset = region->offset;
	info->length = region->length;
	info->phys = region->phys;
	info->width = region->width;
	info->state = state_of(region);
	info->generation = region->generation;
	info->windows = region->nr_windows;
	info->flags = region->flags;
	strscpy(info->name, mmiod_region_name(region), sizeof(info->name));
}

/* Without the upper half of its domain a function would be taken for another. */
static struct mmiod_region *find_next(const struct mmiod_region_info *info)
{
	bool knows_domains = info->size >= offsetofend(struct mmiod_region_info, domain_high);
	struct mmiod_region *region;
	unsigned long id;

	if (info->region_id >= ULONG_MAX)
		return NULL;
	xa_for_each_start(&regions, id, region, info->region_id + 1)
		if (knows_domains || !region->domain_high)
			return region;
	return NULL;
}

int mmiod_call_region_next(struct mmiod_call *call)
{
	struct mmiod_region_info *info = call->arg;
	struct mmiod_region *region;

	mutex_lock(&mmiod_lock);
	region = find_next(info);
	if (region)
		describe(region, info);
	mutex_unlock(&mmiod_lock);
	return region ? 0 : -ENOENT;
}

/*
 * At unload. Only claims by address are left; those of devices ended with their drivers' ->remove.
 * Takes mmiod_lock.
 */
void mmiod_region_exit(void)
{
	struct mmiod_region *region;
	unsigned long id;

	mutex_lock(&mmiod_lock);
	xa_for_each(&regions, id, region) {
		unclaim(region);
		mmiod_region_put(region);
	}
	mutex_unlock(&mmiod_lock);
	xa_destroy(&regions);
}
