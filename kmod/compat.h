/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All kernel API drift from 6.1 on. Everything else in the module is written for the newest kernel.
 */
#ifndef MMIOD_COMPAT_H
#define MMIOD_COMPAT_H

#include <linux/eventfd.h>
#include <linux/fs.h>
#include <linux/io.h>
#include <linux/iommu.h>
#include <linux/kernel-page-flags.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/sched/clock.h>
#include <linux/sched/mm.h>
#include <linux/timex.h>
#include <linux/version.h>

/*
 * Whether it is the bridge that resets the function, with all that lies below it. reset_methods has
 * indices into a table of the kernel's own, the best one first. The table has 7 entries in 6.1, with
 * an empty one before the first, and one more at its end from 6.12 to 7.3 at least; the bridge's has
 * index 6, and the last one is by the bridge, too. In a longer table they may be others: there a
 * function with neighbours is reset by itself only if it says that it can be.
 */
static inline bool mmiod_resets_by_bridge(const struct pci_dev *pdev)
{
#if PCI_NUM_RESET_METHODS == 7 || PCI_NUM_RESET_METHODS == 8
	return pdev->reset_methods[0] >= 6;
#else
	return !(pdev->devcap & PCI_EXP_DEVCAP_FLR);
#endif
}

/*
 * The low bits of the processor's own counter, whose unit is its own: next to nothing to read.
 * Elsewhere a module need not have one, and the clock serves.
 */
static inline u32 mmiod_ticks(void)
{
#if defined(CONFIG_X86_64) || defined(CONFIG_ARM64)
	return get_cycles();
#else
	return local_clock();
#endif
}

/* Some architectures have no I/O ports; there no BAR of such is claimed. */
static inline void __iomem *mmiod_ioport_map(unsigned long port, unsigned int count)
{
#ifdef CONFIG_HAS_IOPORT_MAP
	return ioport_map(port, count);
#else
	return NULL;
#endif
}

static inline void mmiod_ioport_unmap(void __iomem *at)
{
#ifdef CONFIG_HAS_IOPORT_MAP
	ioport_unmap(at);
#endif
}

/* 6.3: vm_flags became read-only but for accessors that assert the lock. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_set(struct vm_area_struct *vma, unsigned long flags)
{
	vma->vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma, unsigned long flags)
{
	vma->vm_flags &= ~flags;
}
#endif

/* 6.3: inode operations take the mount's id mapping instead of its user namespace. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
#define MMIOD_IDMAP struct user_namespace
#else
#define MMIOD_IDMAP struct mnt_idmap
#endif

/* 6.6 and 6.7: an inode's times are set by functions. */
static inline void mmiod_inode_init_times(struct inode *inode)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
	inode->i_ctime = current_time(inode);
	inode->i_mtime = inode->i_ctime;
	inode->i_atime = inode->i_ctime;
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
	inode->i_mtime = inode_set_ctime_current(inode);
	inode->i_atime = inode->i_mtime;
#else
	simple_inode_init_ts(inode);
#endif
}

/* 6.19: vmalloc drops the zone that it is given, and warns: a machine may panic on that. */
#define MMIOD_VMALLOC_HAS_ZONES (LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0))

/* 6.19: so is its state. An inode that is dirty from the start is never put on a list of such. */
static inline void mmiod_inode_init_dirty(struct inode *inode)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
	inode->i_state = I_DIRTY;
#else
	inode_state_assign_raw(inode, I_DIRTY);
#endif
}

/* 6.4: VMAs have a lock of their own. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
static inline void vma_start_write(struct vm_area_struct *vma)
{
}
#endif

/* 6.4: MAX_ORDER became inclusive; 6.8: it was renamed. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
#define MMIOD_LARGEST_ORDER (MAX_ORDER - 1)
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
#define MMIOD_LARGEST_ORDER MAX_ORDER
#else
#define MMIOD_LARGEST_ORDER MAX_PAGE_ORDER
#endif

/* 6.16: reading a model-specific register got a name with its width in it. */
#if defined(CONFIG_X86_64)
#include <asm/msr.h>
#ifndef rdmsrq
#define rdmsrq(msr, value) rdmsrl(msr, value)
#endif
#endif

/* 6.17: the flags in the low bits of page->mapping got the folio's name. */
#ifndef FOLIO_MAPPING_ANON
#define FOLIO_MAPPING_ANON PAGE_MAPPING_ANON
#define FOLIO_MAPPING_KSM PAGE_MAPPING_KSM
#define FOLIO_MAPPING_FLAGS PAGE_MAPPING_FLAGS
#endif

/* 6.18: the flags word got a type of its own. */
static inline unsigned long mmiod_page_flags(const struct page *page)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
	return READ_ONCE(page->flags);
#else
	return READ_ONCE(page->flags.f);
#endif
}

/* 6.12: a page flag with several meanings got a name for all of them. */
#ifndef KPF_OWNER_2
#define KPF_OWNER_2 34
#endif

/*
 * The number of page-table entries that map this very page; @head is the first page of its compound
 * page. Read without a reference, so without the kernel's own functions, which assert properties
 * that may change meanwhile. A negative count is a page's type.
 */
static inline unsigned int mmiod_page_mapcount(struct page *page, struct page *head)
{
	int count = atomic_read(&page->_mapcount) + 1;

	if (PageSlab(head) || count < 0)
		return 0;
	if (!PageHead(head))
		return count;
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
	/* A huge page that is mapped both ways counts one too many for each of its pages. */
	count += atomic_read(compound_mapcount_ptr(head)) + 1 -
		 (PageHuge(head) ? 0 : PageDoubleMap(head));
#else
	count += atomic_read(&((struct folio *)head)->_entire_mapcount) + 1;
#endif
	return max(count, 0);
}

/*
 * 6.12: huge leaves of device memory. Their fault handler got the order in 6.6, so it has it here;
 * 6.17 did away with a type of its own for frame numbers, 6.19 with an argument that could only be
 * current->mm.
 */
#ifdef CONFIG_ARCH_SUPPORTS_PMD_PFNMAP
#define MMIOD_HUGE_LEAVES
#ifdef CONFIG_ARCH_SUPPORTS_PUD_PFNMAP
#define MMIOD_LARGEST_LEAF MMIOD_LEAF_PUD
#else
#define MMIOD_LARGEST_LEAF MMIOD_LEAF_PMD
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#include <linux/pfn_t.h>
#define MMIOD_PFN(pfn) __pfn_to_pfn_t(pfn, PFN_DEV)
#else
#define MMIOD_PFN(pfn) (pfn)
#endif

static inline unsigned long mmiod_get_unmapped_area(struct file *file, unsigned long address,
						    unsigned long length, unsigned long pgoff,
						    unsigned long flags)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
	return mm_get_unmapped_area(current->mm, file, address, length, pgoff, flags);
#else
	return mm_get_unmapped_area(file, address, length, pgoff, flags);
#endif
}
#endif

/* 6.9: the entry of the next frame, with the same marks. Present entries only. */
static inline pte_t mmiod_pte_next(pte_t entry)
{
#ifdef pte_next_pfn
	return pte_next_pfn(entry);
#elif defined(CONFIG_X86)
	return __pte(pte_val(entry) + PAGE_SIZE);
#else
	pgprot_t prot = __pgprot(pte_val(entry) ^ pte_val(pfn_pte(pte_pfn(entry), __pgprot(0))));

	return pfn_pte(pte_pfn(entry) + 1, prot);
#endif
}

/* 6.8: an eventfd is signalled once, without a number. */
static inline void mmiod_eventfd_signal(struct eventfd_ctx *eventfd)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
	eventfd_signal(eventfd, 1);
#else
	eventfd_signal(eventfd);
#endif
}

/* 6.11: a domain of one's own is had for a function, not for its bus, and ends in an ERR_PTR. */
#ifdef CONFIG_IOMMU_API
static inline struct iommu_domain *mmiod_iommu_domain_alloc(struct device *dev)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
	return iommu_domain_alloc(dev->bus) ?: ERR_PTR(-ENOMEM);
#else
	return iommu_paging_domain_alloc(dev);
#endif
}

/* 6.3: page tables of an IOMMU are allocated as the caller says. */
static inline ssize_t mmiod_iommu_map_sg(struct iommu_domain *domain, unsigned long iova,
					 struct scatterlist *list, unsigned int count, int prot,
					 gfp_t gfp)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
	return iommu_map_sg(domain, iova, list, count, prot);
#else
	return iommu_map_sg(domain, iova, list, count, prot, gfp);
#endif
}
#endif

/* 6.3: whether MSIs are isolated is asked of the group; before it was a capability. */
#ifdef CONFIG_IOMMU_API
static inline bool mmiod_msi_isolated(struct device *dev, struct iommu_group *group)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
	return device_iommu_capable(dev, IOMMU_CAP_INTR_REMAP);
#else
	return iommu_group_has_isolated_msi(group);
#endif
}
#endif

/* 7.1: zap_vma_ptes() was renamed. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 1, 0)
#define zap_vma_ptes zap_special_vma_range
#endif

#endif
