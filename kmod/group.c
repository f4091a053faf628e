// SPDX-License-Identifier: GPL-2.0-only
/*
 * The IOMMU group of a bound function, and what the IOMMU keeps the function from.
 *
 * Probe tries to claim the group, so that the kernel lets nobody else attach anything to it: with
 * no domain attached, the function's accesses to memory are blocked, and its MSIs go through
 * interrupt remapping. A failure is kept, and the claim tried again when somebody asks for what
 * needs it: a function of the group may have a kernel driver (EPERM), or the firmware ranges of its
 * own in it (EINVAL). Without the claim the function has windows and INTx all the same.
 *
 * Buffers of kind DMA come from the kernel's DMA API, which maps them into a domain that is not
 * attached while the group is claimed. So the claim is lent while the function has such buffers,
 * if no other function is in the group: another one could then be given to somebody whose domain
 * this one would be moved to.
 *
 * An operator's domain (domain.c) is attached to the whole group, whose functions have one operator
 * with an engine between them. Interrupts that rest on the claim are silent meanwhile.
 *
 * There is one claim for each group with a count of our functions in it. Everything here may sleep,
 * and is called with device->vectors held, or in probe and remove; groups_lock is taken under it,
 * and the IOMMU's own mutex of the group under that. Nothing waits for a client.
 */
#include <linux/iommu.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "internal.h"

#ifdef CONFIG_IOMMU_API

struct mmiod_group {
	struct list_head node; /* in groups */
	struct iommu_group *iommu; /* a reference */
	struct list_head members; /* functions of ours that share the claim */
	bool translates_msi; /* as Arm's do: MSIs reach nothing while no domain is attached */
	struct iommu_domain
		*domain; /* that is attached; NULL: what they write to memory is blocked */
};

static DEFINE_MUTEX(groups_lock);
static LIST_HEAD(groups); /* those that are claimed; under groups_lock */

static struct mmiod_group *find(struct iommu_group *iommu)
{
	struct mmiod_group *group;

	list_for_each_entry(group, &groups, node)
		if (group->iommu == iommu)
			return group;
	return NULL;
}

/* 0 or -errno. What lies in the way of a group's addresses takes memory to be listed. */
static int look_for_msi(struct mmiod_group *group, struct iommu_group *iommu, struct device *dev)
{
	struct iommu_resv_region *region;
	LIST_HEAD(regions);
	int ret = iommu_get_group_resv_regions(iommu, &regions);

	list_for_each_entry(region, &regions, list)
		group->translates_msi |= region->type == IOMMU_RESV_SW_MSI;
	iommu_put_resv_regions(dev, &regions);
	return ret;
}

static struct mmiod_group *claim_new(struct iommu_group *iommu, struct device *dev)
{
	struct mmiod_group *group = kzalloc(sizeof(*group), GFP_KERNEL);
	int ret;

	if (!group)
		return ERR_PTR(-ENOMEM);
	ret = look_for_msi(group, iommu, dev) ?: iommu_group_claim_dma_owner(iommu, &groups);
	if (ret) {
		kfree(group);
		return ERR_PTR(ret);
	}
	group->iommu = iommu_group_ref_get(iommu);
	INIT_LIST_HEAD(&group->members);
	list_add_tail(&group->node, &groups);
	return group;
}

/*
 * While a domain is attached, bus mastering for the sake of isolated interrupts alone is off: it
 * would reach the memory in there.
 */
static void set_blocked(struct mmiod_device *device, bool blocked)
{
	unsigned long irqs;

	raw_spin_lock_irqsave(&device->command, irqs);
	device->blocked = blocked;
	raw_spin_unlock_irqrestore(&device->command, irqs);
	mmiod_assert_master(device);
}

static struct mmiod_group *claim(struct mmiod_device *device, struct iommu_group *iommu)
{
	struct mmiod_group *group;

	mutex_lock(&groups_lock);
	group = find(iommu) ?: claim_new(iommu, &device->pdev->dev);
	if (!IS_ERR(group)) {
		list_add_tail(&device->group_node, &group->members);
		set_blocked(device, !group->domain);
	}
	mutex_unlock(&groups_lock);
	return group;
}

/*
 * Claim the function's group, unless it is claimed, lent, or there is none. 0, whether it could be
 * had or not; or -ENOMEM, which says nothing of the group: ask again.
 */
int mmiod_group_claim(struct mmiod_device *device)
{
	struct iommu_group *iommu = iommu_group_get(&device->pdev->dev);
	struct mmiod_group *group;

	device->group_id = iommu ? iommu_group_id(iommu) : MMIOD_GROUP_NONE;
	if (!iommu)
		return 0;
	if (!device->group && !device->group_lent) {
		group = claim(device, iommu);
		device->claim_error = PTR_ERR_OR_ZERO(group);
		device->group = IS_ERR(group) ? NULL : group;
	}
	iommu_group_put(iommu);
	return device->group || device->claim_error != -ENOMEM ? 0 : -ENOMEM;
}

/* The function must not master the bus, nor have a domain. */
void mmiod_group_release(struct mmiod_device *device)
{
	struct mmiod_group *group = device->group;

	device->group = NULL;
	if (!group)
		return;
	mutex_lock(&groups_lock);
	list_del(&device->group_node);
	set_blocked(device, false);
	if (list_empty(&group->members)) {
		list_del(&group->node);
		iommu_group_release_dma_owner(group->iommu);
		iommu_group_put(group->iommu);
		kfree(group);
	}
	mutex_unlock(&groups_lock);
}

/* ---- what the IOMMU keeps it from ---- */

/* A bridge does no DMA of its own; what has no driver does none; and what is bound here may not. */
static int is_foreign(struct device *dev, void *unused)
{
	if (!dev_is_pci(dev))
		return 1;
	return to_pci_dev(dev)->hdr_type == PCI_HEADER_TYPE_NORMAL && READ_ONCE(dev->driver) &&
	       !mmiod_pci_is_ours(dev);
}

static int is_another(struct device *dev, void *self)
{
	return dev != self &&
	       (!dev_is_pci(dev) || to_pci_dev(dev)->hdr_type == PCI_HEADER_TYPE_NORMAL);
}

/* MMIOD_FUNCTION_MSI_ISOLATED, _ISOLATED and _COHERENT, as they are now. */
u32 mmiod_group_flags(struct mmiod_device *device)
{
	struct device *dev = &device->pdev->dev;
	bool coherent = device_iommu_capable(dev, IOMMU_CAP_CACHE_COHERENCY);
	u32 flags = coherent ? MMIOD_FUNCTION_COHERENT : 0;
	struct iommu_group *iommu;

	if (!device->group)
		return flags;
	iommu = device->group->iommu;
	if (!mmiod_msi_isolated(dev, iommu) || device->group->translates_msi)
		return flags;
	flags |= MMIOD_FUNCTION_MSI_ISOLATED;
	if (coherent && !device->pdev->ats_enabled &&
	    !iommu_group_for_each_dev(iommu, NULL, is_foreign))
		flags |= MMIOD_FUNCTION_ISOLATED;
	return flags;
}

/* The same for who does not hold device->vectors, but a reference. */
u32 mmiod_group_look(struct mmiod_device *device)
{
	u32 flags;

	mutex_lock(&device->vectors);
	flags = mmiod_group_flags(device);
	mutex_unlock(&device->vectors);
	return flags;
}

/*
 * Likewise, once the claim was tried again, as mmiod_group_claim() answers it. With the function's
 * device lock held, and the driver bound.
 */
int mmiod_group_try(struct mmiod_device *device, u32 *flags)
{
	int ret;

	mutex_lock(&device->vectors);
	ret = mmiod_group_claim(device);
	*flags = mmiod_group_flags(device);
	mutex_unlock(&device->vectors);
	return ret;
}

/* ---- domains ---- */

static void note_domain(struct mmiod_group *group, struct iommu_domain *domain)
{
	struct mmiod_device *member;

	lockdep_assert_held(&groups_lock);
	group->domain = domain;
	list_for_each_entry(member, &group->members, group_node)
		set_blocked(member, !domain);
}

/*
 * From now on the functions of the group reach what is mapped in a domain. EAGAIN: they have one,
 * that of an operator who has ended. With the function's device lock and device->vectors held, and
 * device->group set.
 */
int mmiod_group_attach(struct mmiod_device *device, struct iommu_domain *domain)
{
	struct mmiod_group *group = device->group;
	int ret = -EAGAIN;

	mutex_lock(&groups_lock);
	if (!group->domain) {
		note_domain(group, domain);
		ret = iommu_attach_group(domain, group->iommu);
		if (ret)
			note_domain(group, NULL);
	}
	mutex_unlock(&groups_lock);
	return ret;
}

/* What they write to memory is blocked again. With the function's device lock held. */
void mmiod_group_detach(struct mmiod_device *device, struct iommu_domain *domain)
{
	struct mmiod_group *group = device->group;

	mutex_lock(&groups_lock);
	iommu_detach_group(domain, group->iommu);
	note_domain(group, NULL);
	mutex_unlock(&groups_lock);
}

/* ---- the claim lent to the DMA API ---- */

static bool has_group_to_itself(struct mmiod_device *device)
{
	struct iommu_group *iommu = iommu_group_get(&device->pdev->dev);
	bool shared = iommu && iommu_group_for_each_dev(iommu, &device->pdev->dev, is_another);

	iommu_group_put(iommu);
	return !shared;
}

/*
 * Before a buffer of kind DMA is made. EOPNOTSUPP: the claim cannot be lent; or it could not be had,
 * and what the function reached would be all that the kernel has mapped for others of its group.
 * EBUSY: an interrupt lives that rests on it, or an operator has a domain.
 */
int mmiod_group_lend(struct mmiod_device *device)
{
	lockdep_assert_held(&device->vectors);
	if (!has_group_to_itself(device))
		return -EOPNOTSUPP;
	if (!device->group)
		return 0;
	if (READ_ONCE(device->asks) & MMIOD_ASKS_ISOLATED || READ_ONCE(device->group->domain))
		return -EBUSY;
	device->group_lent = true;
	mmiod_group_release(device);
	return 0;
}

/* No buffer is left, nor memory that waits: the DMA API has nothing mapped. */
void mmiod_group_take_back(struct mmiod_device *device)
{
	lockdep_assert_held(&device->vectors);
	if (!device->group_lent)
		return;
	device->group_lent = false;
	mmiod_group_claim(device);
}

#else

int mmiod_group_claim(struct mmiod_device *device)
{
	device->group_id = MMIOD_GROUP_NONE;
	return 0;
}

void mmiod_group_release(struct mmiod_device *device)
{
}

u32 mmiod_group_flags(struct mmiod_device *device)
{
	return 0;
}

u32 mmiod_group_look(struct mmiod_device *device)
{
	return 0;
}

int mmiod_group_try(struct mmiod_device *device, u32 *flags)
{
	*flags = 0;
	return 0;
}

int mmiod_group_lend(struct mmiod_device *device)
{
	return 0;
}

void mmiod_group_take_back(struct mmiod_device *device)
{
}

#endif
