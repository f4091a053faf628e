// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is known of a bound function: the facts that probe collects, DEVICE_NEXT, and where its
 * table of MSI-X lies, which a window and a vector of MSI-X cannot both have.
 *
 * The table holds addresses and values that the function writes for its vectors. Unless the IOMMU
 * keeps its messages apart from others', who may write there can have four bytes written anywhere.
 */
#include <linux/pci.h>

#include "internal.h"

/* ---- the table of MSI-X, and its pending bits ---- */

static void locate(struct mmiod_device *device, unsigned int at, u32 length,
		   struct mmiod_msix_part *part)
{
	struct pci_dev *pdev = device->pdev;
	u32 where = 0;

	if (pci_read_config_dword(pdev, pdev->msix_cap + at, &where) || PCI_POSSIBLE_ERROR(where))
		return;
	part->bar = where & PCI_MSIX_TABLE_BIR;
	part->offset = where & PCI_MSIX_TABLE_OFFSET;
	part->length = length;
	part->phys = part->bar < PCI_STD_NUM_BARS
			     ? pci_resource_start(pdev, part->bar) + part->offset
			     : 0;
}

static bool extent_meets(const struct mmiod_extent *extent, u64 start, u64 end)
{
	return extent->phys < end && start < extent->phys + extent->length;
}

/* By pages, if it can be mapped. Those who only read see no harm in the pending bits. */
static bool covers(const struct mmiod_window *window, const struct mmiod_msix_part *part,
		   bool may_read)
{
	u64 mask = window->pages ? PAGE_SIZE - 1 : 0;
	u64 start = part->phys & ~mask, end = (part->phys + part->length + mask) & ~mask;

	if (!part->length || !part->phys || (may_read && window->flags & MMIOD_WINDOW_READONLY))
		return false;
	if (mmiod_window_is_ports(window))
		return false;
	for (u32 i = 0; i < window->nr_extents; i++)
		if (extent_meets(&window->extents[i], start, end))
			return true;
	return false;
}

static bool covers_msix(const struct mmiod_device *device, const struct mmiod_window *window)
{
	return covers(window, &device->msix_table, false) ||
	       covers(window, &device->msix_pending, true);
}

static u64 window_on_msix(const struct mmiod_device *device)
{
	const struct mmiod_region *region;
	struct rb_node *node;

	list_for_each_entry(region, &device->regions, node) {
		for (node = rb_first(&region->windows); node; node = rb_next(node)) {
			const struct mmiod_window *window =
				rb_entry(node, struct mmiod_window, node);

			if (covers_msix(device, window))
				return window->id;
		}
	}
	return 0;
}

/*
 * Before vectors of MSI-X are set up: from here on no window is made on their table. EBUSY: there
 * is one, *@conflict. With device->vectors held; takes mmiod_lock.
 */
int mmiod_msix_begin(struct mmiod_device *device, u64 *conflict)
{
	bool isolated = mmiod_group_flags(device) & MMIOD_FUNCTION_MSI_ISOLATED;

	lockdep_assert_held(&device->vectors);
	if (isolated)
		return 0;
	mutex_lock(&mmiod_lock);
	*conflict = window_on_msix(device);
	device->msix_guarded = !*conflict;
	mutex_unlock(&mmiod_lock);
	return *conflict ? -EBUSY : 0;
}

/* The vectors are gone, or could not be had. With device->vectors held; takes mmiod_lock. */
void mmiod_msix_end(struct mmiod_device *device)
{
	mutex_lock(&mmiod_lock);
	device->msix_guarded = false;
	mutex_unlock(&mmiod_lock);
}

/* Whether a window that is being made would lie on the table of vectors. Under mmiod_lock. */
bool mmiod_msix_forbids(const struct mmiod_device *device, const struct mmiod_window *window)
{
	lockdep_assert_held(&mmiod_lock);
	return device->msix_guarded && covers_msix(device, window);
}

/* ---- facts ---- */

/* In probe, once the function is enabled. */
void mmiod_device_look(struct mmiod_device *device)
{
	struct pci_dev *pdev = device->pdev;
	u16 flags = 0;

	device->msi_vectors = max(pci_msi_vec_count(pdev), 0);
	device->msix_vectors = max(pci_msix_vec_count(pdev), 0);
	if (device->msi_vectors)
		pci_read_config_word(pdev, pdev->msi_cap + PCI_MSI_FLAGS, &flags);
	device->msi_maskable = flags & PCI_MSI_FLAGS_MASKBIT;
	if (!device->msix_vectors)
		return;
	locate(device, PCI_MSIX_TABLE, device->msix_vectors * PCI_MSIX_ENTRY_SIZE,
	       &device->msix_table);
	locate(device, PCI_MSIX_PBA, DIV_ROUND_UP(device->msix_vectors, 64) * sizeof(u64),
	       &device->msix_pending);
}

static u32 flags_of(const struct mmiod_device *device)
{
	const struct pci_dev *pdev = device->pdev;
	u32 flags = READ_ONCE(device->mastering) ? MMIOD_FUNCTION_MASTER : 0;

	if (pdev->reset_methods[0])
		flags |= MMIOD_FUNCTION_HAS_RESET;
	if (pdev->devcap & PCI_EXP_DEVCAP_FLR)
		flags |= MMIOD_FUNCTION_HAS_FLR;
	if (pdev->pm_cap)
		flags |= MMIOD_FUNCTION_HAS_PM;
	if (pdev->is_virtfn)
		flags |= MMIOD_FUNCTION_VF;
	if (device->intx_line)
		flags |= MMIOD_FUNCTION_INTX;
	if (device->intx_exclusive)
		flags |= MMIOD_FUNCTION_INTX_EXCLUSIVE;
	if (device->dirty)
		flags |= MMIOD_FUNCTION_DIRTY;
	else if (!(READ_ONCE(device->asks) & MMIOD_ASKS_DMA))
		flags |= MMIOD_FUNCTION_QUIET;
	if (device->msi_maskable)
		flags |= MMIOD_FUNCTION_MSI_MASKABLE;
	if (pdev->ats_enabled || READ_ONCE(device->translates))
		flags |= MMIOD_FUNCTION_ATS;
	return flags;
}

static u32 state_of(u32 reasons)
{
	if (reasons & (MMIOD_REASON_LOST | MMIOD_REASON_GONE))
		return MMIOD_WINDOW_REVOKED;
	return reasons ? MMIOD_WINDOW_SUSPENDED : MMIOD_WINDOW_OK;
}

static void describe_vectors(const struct mmiod_device *device, struct mmiod_device_info *info)
{
	info->msi_vectors = device->msi_vectors;
	info->msix_vectors = device->msix_vectors;
	info->vectors = READ_ONCE(device->nr_vectors);
	info->interrupt_kind = READ_ONCE(device->interrupt_kind);
	info->msix_bar = device->msix_table.bar;
	info->msix_offset = device->msix_table.offset;
	info->msix_length = device->msix_table.length;
	info->pba_bar = device->msix_pending.bar;
	info->pba_offset = device->msix_pending.offset;
	info->pba_length = device->msix_pending.length;
}

/* Of the file that operates the function; 0: there is none. Under mmiod_lock. */
u64 mmiod_operator_id(const struct mmiod_device *device)
{
	const struct mmiod_operation *operation = device->operation;

	return operation ? operation->handle.id : 0;
}

static void describe_domain(const struct mmiod_domain *domain, struct mmiod_device_info *info)
{
	if (!domain)
		return;
	info->mapped = (u64)atomic64_read(&domain->mapped) << PAGE_SHIFT;
	info->table_bytes = (u64)READ_ONCE(domain->tables) << PAGE_SHIFT;
}

/* Under mmiod_lock. */
static void describe(const struct mmiod_device *device, struct mmiod_device_info *info)
{
	*info = (struct mmiod_device_info){
		.size = info->size,
		.state = state_of(device->reasons),
		.cursor = device->number + 1,
		.device = device->number,
		.generation = device->generation,
		.flags = flags_of(device),
		.reasons = device->reasons,
		.group = device->group_id,
		.claim_error = device->claim_error,
		.reset_error = device->reset_error,
		.device_file = mmiod_operator_id(device),
		.graves = device->waiting,
		.resets = device->resets,
		.resets_failed = device->resets_failed,
		.reset_us = device->reset_us,
	};
	describe_vectors(device, info);
	describe_domain(device->domain, info);
}

int mmiod_call_device_next(struct mmiod_call *call)
{
	struct mmiod_device_info *info = call->arg;
	struct mmiod_device *device;

	mutex_lock(&mmiod_lock);
	device = mmiod_device_from(info->cursor);
	if (device) {
		mmiod_device_get(device);
		describe(device, info);
	}
	mutex_unlock(&mmiod_lock);
	if (!device)
		return -ENOENT;
	info->flags |= mmiod_group_look(device);
	mmiod_device_put(device);
	return 0;
}
