// SPDX-License-Identifier: GPL-2.0-only
/*
 * The leaves of a window's page tables: entries of 4 KiB, and from 6.12 on of 2 MiB and 1 GiB where
 * the kernel can mark such ones as device memory (CONFIG_ARCH_SUPPORTS_P?D_PFNMAP; without that
 * mark fast GUP would take them for RAM).
 *
 * Leaves of 2 MiB are an administrator's choice, see pmd_leaves below.
 *
 * All are made under window->lock held for read and with the window in order. A huge leaf is made
 * by the fault handler, which the kernel asks for one first; it needs a block of the VMA whose
 * address and frame are both multiples of the leaf's size. What is left goes by 4 KiB, but not one
 * fault for each: the first fault in a page table fills all of it that the VMA covers, and so does
 * POPULATE. A page table is the bound because the memory for it is spent by its first entry
 * already, because one lock covers it, and because where there is a table there is no huge leaf for
 * as long as the VMA lives.
 */
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/pgtable.h>

#include "internal.h"

static const unsigned int orders[MMIOD_LEAVES] = { 0, PMD_SHIFT - PAGE_SHIFT,
						   PUD_SHIFT - PAGE_SHIFT };

/*
 * As of 6.12, and no later kernel is known to be better, mbind(MPOL_MF_STRICT) looks for the page
 * descriptors behind leaves of 2 MiB without asking whether there are any, and so can bring the
 * kernel down for whoever has such a mapping, of this or of any driver. (It takes leaves of 1 GiB
 * apart first, which is harmless.) Clients are not trusted that far.
 */
static bool pmd_leaves = !IS_ENABLED(CONFIG_NUMA);
module_param(pmd_leaves, bool, 0644);
MODULE_PARM_DESC(pmd_leaves,
		 "Whether device memory may be mapped by leaves of 2 MiB, too (default N where the "
		 "kernel has NUMA policies: by mbind() a client could then crash it)");

u64 mmiod_leaf_pages(struct mmiod_window *window, bool populated)
{
	u64 pages = 0;

	for (unsigned int i = 0; i < MMIOD_LEAVES; i++)
		pages += mmiod_leaf_count(window, i, populated) << orders[i];
	return pages;
}

/*
 * POPULATE marks its faults as remote; but for protection keys,
 * which guard accesses and not entries, that means nothing.
 */
void mmiod_leaf_made(struct mmiod_window *window, const struct vm_fault *vmf, enum mmiod_leaf leaf)
{
	bool populated = vmf->flags & FAULT_FLAG_REMOTE;

	atomic64_inc(&window->leaves[populated][leaf]);
}

static pgoff_t page_at(const struct vm_area_struct *vma, unsigned long address)
{
	return vma->vm_pgoff + ((address - vma->vm_start) >> PAGE_SHIFT);
}

static unsigned long pfn_at(const struct mmiod_window *window, const struct vm_area_struct *vma,
			    unsigned long address)
{
	return PHYS_PFN(window->phys) + page_at(vma, address);
}

/* Whole pages of the window, nothing beyond it; neither the offset nor the sum may wrap. */
bool mmiod_leaf_in_bounds(const struct mmiod_window *window, pgoff_t first, unsigned long pages)
{
	return first < window->pages && pages <= window->pages - first;
}

/*
 * The bounds are those of now, not those that ->mmap
 * saw. Called with no more than the VMA's own lock.
 */
bool mmiod_leaf_fits(const struct mmiod_window *window, const struct vm_area_struct *vma,
		     unsigned long address, unsigned int order)
{
	unsigned long size = PAGE_SIZE << order, start = address & ~(size - 1);

	if (window->buffer && order)
		return false;
	return start >= vma->vm_start && size <= vma->vm_end - start &&
	       mmiod_leaf_in_bounds(window, page_at(vma, start), 1UL << order) &&
	       (window->buffer || IS_ALIGNED(pfn_at(window, vma, start), 1UL << order));
}

/* ---- page tables ---- */

struct fill {
	struct mmiod_window *window;
	struct vm_area_struct *vma;
	unsigned long made;
};

/*
 * x86 looks up the memory type of each frame that is inserted by itself. In one window all are of
 * one type, so the first one's serves for the rest.
 */
static pgprot_t prot_like(const struct vm_area_struct *vma, pte_t first)
{
#ifdef CONFIG_X86
	return __pgprot((pgprot_val(vma->vm_page_prot) & ~_PAGE_CACHE_MASK) |
			(pte_flags(first) & _PAGE_CACHE_MASK));
#else
	return vma->vm_page_prot;
#endif
}

/*
 * Called with the page table's lock, for one address that is mapped. Unless user space had the
 * kernel leave a mark there (userfaultfd may, from 6.7 to early 6.12), which says no memory type.
 * Only what is empty is set: others may have been here before.
 */
static int fill_around(pte_t *pte, unsigned long address, void *data)
{
	struct fill *fill = data;
	struct vm_area_struct *vma = fill->vma;
	unsigned long table = address & PMD_MASK;
	unsigned long start = max(table, vma->vm_start), end = min(table + PMD_SIZE, vma->vm_end);
	unsigned long pfn = pfn_at(fill->window, vma, start);
	unsigned long beyond = PHYS_PFN(fill->window->phys) + fill->window->pages;
	pgprot_t prot = prot_like(vma, ptep_get(pte));
	unsigned long made = 0;

	if (!pte_present(ptep_get(pte)))
		return 0;
	pte -= (address - start) >> PAGE_SHIFT;
	for (; start < end && pfn < beyond; start += PAGE_SIZE, pte++, pfn++) {
		if (!pte_none(ptep_get(pte)))
			continue;
		set_pte_at(vma->vm_mm, start, pte, pte_mkspecial(pfn_pte(pfn, prot)));
		made++;
	}
	fill->made = made;
	return 0;
}

/*
 * Map the page table of @address. The kernel's own insertion comes first: it makes the table if
 * there is none and looks up the memory type. When it has succeeded, there is a table, and the walk
 * to it neither makes one nor stumbles over a leaf.
 */
vm_fault_t mmiod_leaf_insert_table(struct mmiod_window *window, struct vm_area_struct *vma,
				   unsigned long address, bool populated)
{
	struct fill fill = { .window = window, .vma = vma };
	bool present = mmiod_leaf_size(vma->vm_mm, address);
	vm_fault_t ret;

	lockdep_assert_held(&window->lock);
	ret = vmf_insert_pfn(vma, address, pfn_at(window, vma, address));
	if (ret != VM_FAULT_NOPAGE)
		return ret;
	if (vma_pages(vma) > 1)
		apply_to_page_range(vma->vm_mm, address, PAGE_SIZE, fill_around, &fill);
	atomic64_add(fill.made + !present, &window->leaves[populated][MMIOD_LEAF_PTE]);
	return ret;
}

/*
 * Exactly these pages, whatever is mapped there, by the kernel's own remap_pfn_range(). It insists
 * on empty entries; the zap takes away a huge leaf whole, and what else it mapped comes back on
 * fault. Called with mmap_lock and the VMA's own lock held for writing: remap_pfn_range() sets
 * flags of the VMA, and faults that hold only the VMA's lock are to keep out.
 *
 * x86 up to 6.15 marks a VMA that is remapped whole (VM_PAT) and then mistakes its size when it was
 * split, moved or partly zapped. Remapping it in parts only looks the memory type up, so the first
 * page goes by itself.
 */
int mmiod_leaf_remap(struct mmiod_window *window, struct vm_area_struct *vma, unsigned long start,
		     unsigned long length)
{
	unsigned long pfn = pfn_at(window, vma, start);
	vm_fault_t fault;
	int ret = 0;

	lockdep_assert_held(&window->lock);
	mmap_assert_write_locked(vma->vm_mm);
	zap_vma_ptes(vma, start, length);
	fault = vmf_insert_pfn(vma, start, pfn);
	if (fault != VM_FAULT_NOPAGE)
		return vm_fault_to_errno(fault, 0) ?: -EFAULT;
	if (length > PAGE_SIZE)
		ret = remap_pfn_range(vma, start + PAGE_SIZE, pfn + 1, length - PAGE_SIZE,
				      vma->vm_page_prot);
	if (ret)
		zap_vma_ptes(vma, start, length);
	else
		atomic64_add(length >> PAGE_SHIFT, &window->leaves[true][MMIOD_LEAF_PTE]);
	return ret;
}

/* ---- huge leaves ---- */

#ifdef MMIOD_HUGE_LEAVES

static vm_fault_t insert_huge(struct mmiod_window *window, struct vm_fault *vmf,
			      enum mmiod_leaf leaf)
{
	unsigned long size = PAGE_SIZE << orders[leaf], start = vmf->address & ~(size - 1);
	unsigned long pfn = pfn_at(window, vmf->vma, start);
	bool write = vmf->flags & FAULT_FLAG_WRITE;
	vm_fault_t ret = VM_FAULT_FALLBACK;

	if (leaf == MMIOD_LEAF_PMD)
		ret = vmf_insert_pfn_pmd(vmf, MMIOD_PFN(pfn), write);
#ifdef CONFIG_ARCH_SUPPORTS_PUD_PFNMAP
	if (leaf == MMIOD_LEAF_PUD)
		ret = vmf_insert_pfn_pud(vmf, MMIOD_PFN(pfn), write);
#endif
	if (ret == VM_FAULT_NOPAGE)
		mmiod_leaf_made(window, vmf, leaf);
	return ret;
}

#else

static vm_fault_t insert_huge(struct mmiod_window *window, struct vm_fault *vmf,
			      enum mmiod_leaf leaf)
{
	return VM_FAULT_FALLBACK;
}

#endif

/*
 * Whether a fault at @address would try for a huge leaf,
 * and so what must not be mapped by a table instead.
 */
bool mmiod_leaf_may_be_huge(const struct mmiod_window *window, const struct vm_area_struct *vma,
			    unsigned long address)
{
#ifdef MMIOD_HUGE_LEAVES
	if (MMIOD_LARGEST_LEAF == MMIOD_LEAF_PUD &&
	    mmiod_leaf_fits(window, vma, address, orders[MMIOD_LEAF_PUD]))
		return true;
	return READ_ONCE(pmd_leaves) &&
	       mmiod_leaf_fits(window, vma, address, orders[MMIOD_LEAF_PMD]);
#else
	return false;
#endif
}

/* With window->lock held, the window in order, and mmiod_leaf_fits(). */
vm_fault_t mmiod_leaf_insert(struct mmiod_window *window, struct vm_fault *vmf, unsigned int order)
{
	if (!order)
		return mmiod_leaf_insert_table(window, vmf->vma, vmf->address & PAGE_MASK,
					       vmf->flags & FAULT_FLAG_REMOTE);
	if (order == orders[MMIOD_LEAF_PMD] && READ_ONCE(pmd_leaves))
		return insert_huge(window, vmf, MMIOD_LEAF_PMD);
	if (order == orders[MMIOD_LEAF_PUD])
		return insert_huge(window, vmf, MMIOD_LEAF_PUD);
	return VM_FAULT_FALLBACK;
}

#ifdef MMIOD_HUGE_LEAVES

/*
 * An address of the process that is congruent to the
 * physical one: only then can leaves of that size be used.
 */
static unsigned long congruent_area(struct file *file, u64 phys, unsigned long length,
				    unsigned long size, unsigned long pgoff, unsigned long flags)
{
	unsigned long area = mmiod_get_unmapped_area(file, 0, length + size, pgoff, flags);

	if (IS_ERR_VALUE(area))
		return area;
	return area + ((phys - area) & (size - 1));
}

/*
 * ->get_unmapped_area: asks for as much more as it takes to move the mapping to a congruent
 * address. An address that the caller insists on is the caller's affair; so is one that it only
 * wishes for, if it can be had.
 */
unsigned long mmiod_leaf_area(struct file *file, unsigned long wish, unsigned long length,
			      unsigned long pgoff, unsigned long flags)
{
	const struct mmiod_window *window = file->private_data;
	u64 phys = window->phys + ((u64)pgoff << PAGE_SHIFT);
	unsigned long area = mmiod_get_unmapped_area(file, wish, length, pgoff, flags);

	if (flags & MAP_FIXED || window->buffer || IS_ERR_VALUE(area) || (wish && area == wish))
		return area;
	for (unsigned int leaf = MMIOD_LARGEST_LEAF; leaf > MMIOD_LEAF_PTE; leaf--) {
		unsigned long size = PAGE_SIZE << orders[leaf], found;

		if (length < size)
			continue;
		found = congruent_area(file, phys, length, size, pgoff, flags);
		if (!IS_ERR_VALUE(found))
			return found;
	}
	return area;
}

#endif
