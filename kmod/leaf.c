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
 * address and frame are both multiples of the leaf's size. The rest is mapped by entries of 4 KiB,
 * but not with one fault for each: the first fault in a page table fills all of it that the VMA
 * covers, and so does POPULATE. A page table is the bound because the memory for it is spent by its
 * first entry already, because one lock covers it, and because where there is a table there is no
 * huge leaf for as long as the VMA lives.
 *
 * Page tables are made before, without window->lock: the kernel charges them to the client's
 * cgroup, and over its memory.high puts the client to sleep. Whether a place gets a table or a leaf
 * of 2 MiB follows from the VMA and the window alone, which do not change while faults are let in;
 * otherwise a leaf could come while a table is being made, which the kernel warns of.
 */
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/pgtable.h>

#include "internal.h"

static const unsigned int orders[MMIOD_LEAVES] = { 0, PMD_SHIFT - PAGE_SHIFT,
						   PUD_SHIFT - PAGE_SHIFT };

/*
 * Linux 6.12, and every later kernel as far as is known, has a bug: mbind(MPOL_MF_STRICT) looks for
 * the page descriptors behind leaves of 2 MiB without asking whether there are any, and so can
 * bring the kernel down for whoever has such a mapping, of this or of any driver. (It takes leaves
 * of 1 GiB apart first, which is harmless.) Clients are not trusted that far, unless the daemon says
 * so of a window (MMIOD_WINDOW_HUGE).
 */
static bool pmd_leaves = !IS_ENABLED(CONFIG_NUMA);
module_param(pmd_leaves, bool, 0644);
MODULE_PARM_DESC(
	pmd_leaves,
	"Whether windows that are made from now on may be mapped by leaves of 2 MiB, too "
	"(default N where the kernel has NUMA policies: by mbind() a client could then crash "
	"it)");

/* Whether leaves of 2 MiB are allowed now: a window keeps the answer of when it was made. */
bool mmiod_leaf_pmd_allowed(void)
{
	return READ_ONCE(pmd_leaves);
}

/* Pages that were mapped so far, on fault or in advance (@populated). Needs no lock. */
u64 mmiod_leaf_pages(struct mmiod_window *window, bool populated)
{
	u64 pages = 0;

	for (unsigned int i = 0; i < MMIOD_LEAVES; i++)
		pages += mmiod_leaf_count(window, i, populated) << orders[i];
	return pages;
}

/*
 * Count a leaf that a fault has made. POPULATE marks its faults as remote, which has no other
 * effect but on protection keys, and these guard accesses and not entries. Needs no lock.
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

static u64 offset_at(const struct vm_area_struct *vma, unsigned long address)
{
	return (u64)page_at(vma, address) << PAGE_SHIFT;
}

static unsigned long pfn_at(const struct mmiod_window *window, const struct vm_area_struct *vma,
			    unsigned long address)
{
	return PHYS_PFN(mmiod_extent_phys(window, offset_at(vma, address)));
}

/* How many of these pages follow each other in physical memory. They are in bounds. */
static unsigned long pages_in_row(const struct mmiod_window *window,
				  const struct vm_area_struct *vma, unsigned long address,
				  unsigned long pages)
{
	return min_t(u64, pages, mmiod_extent_room(window, offset_at(vma, address)) >> PAGE_SHIFT);
}

/*
 * Whether these are whole pages of the window and nothing beyond it, without a sum that could wrap.
 * Needs no lock.
 */
bool mmiod_leaf_in_bounds(const struct mmiod_window *window, pgoff_t first, unsigned long pages)
{
	return first < window->pages && pages <= window->pages - first;
}

/* Whether so many bytes of the window are one block: of one extent, and aligned to their length. */
static bool is_block(const struct mmiod_window *window, u64 offset, unsigned long size)
{
	return size <= mmiod_extent_room(window, offset) &&
	       IS_ALIGNED(mmiod_extent_phys(window, offset), (u64)size);
}

/*
 * Whether a leaf of that order at @address lies within the VMA and one extent of the window. The
 * VMA's bounds are the present ones, not those that ->mmap saw. Called with no more than the VMA's own
 * lock.
 */
bool mmiod_leaf_fits(const struct mmiod_window *window, const struct vm_area_struct *vma,
		     unsigned long address, unsigned int order)
{
	unsigned long size = PAGE_SIZE << order, start = address & ~(size - 1);

	if (order && !window->region)
		return false;
	return start >= vma->vm_start && size <= vma->vm_end - start &&
	       mmiod_leaf_in_bounds(window, page_at(vma, start), 1UL << order) &&
	       (!order || is_block(window, offset_at(vma, start), size));
}

/* Whether this place is mapped by a leaf of 2 MiB, unless a table was there before. */
static bool belongs_pmd_leaf(const struct mmiod_window *window, const struct vm_area_struct *vma,
			     unsigned long address)
{
#ifdef MMIOD_HUGE_LEAVES
	return window->pmd_leaves && mmiod_leaf_fits(window, vma, address, orders[MMIOD_LEAF_PMD]);
#else
	return false;
#endif
}

/* ---- page tables ---- */

static int is_empty(pte_t *pte, unsigned long address, void *data)
{
	return pte_none(ptep_get(pte)) ? 0 : -EBUSY;
}

/*
 * Make the page table of an address that no huge leaf can be at. The table stays as long as the VMA
 * is where it is. 0 or -errno. May sleep for as long as the client likes; called with mmap_lock
 * held, or in a fault, and with no lock of ours.
 */
int mmiod_leaf_make_table(struct mm_struct *mm, unsigned long address)
{
	return apply_to_page_range(mm, address, PAGE_SIZE, NULL, NULL);
}

/*
 * Likewise, and check that these entries, all of one table, are empty. EBUSY: one is not. A mark
 * that user space had the kernel leave there survives a zap (userfaultfd may do that, from 6.7 to
 * early 6.12).
 */
int mmiod_leaf_make_empty_table(struct mm_struct *mm, unsigned long start, unsigned long length)
{
	return apply_to_page_range(mm, start, length, is_empty, NULL);
}

/*
 * Before a fault of one page, with no lock of ours. No table is made where a leaf of 2 MiB belongs:
 * the handler then makes the leaf, whether the kernel asked for one (it does not for a process that
 * has switched huge pages off) or not. When the window is gone no leaf comes any more, and the
 * dummy page needs a table.
 */
vm_fault_t mmiod_leaf_prepare_fault(struct mmiod_window *window, struct vm_fault *vmf)
{
	int ret;

	if (!pmd_none(READ_ONCE(*vmf->pmd)))
		return 0;
	if (belongs_pmd_leaf(window, vmf->vma, vmf->address) && !mmiod_window_gone(window))
		return 0;
	ret = mmiod_leaf_make_table(vmf->vma->vm_mm, vmf->address & PAGE_MASK);
	return ret ? vmf_error(ret) : 0;
}

/* The pages from @start on, all of one page table; @address is among them, and mapped already. */
struct fill {
	struct mmiod_window *window;
	struct vm_area_struct *vma;
	unsigned long start, pages, address;
	unsigned long made;
};

static int note_whether_empty(pte_t *pte, unsigned long address, void *data)
{
	unsigned long *empty = data;

	*empty += pte_none(ptep_get(pte));
	return 0;
}

/*
 * The kernel's own insertion, of one page, whose table exists. It looks up the memory type. *@made
 * grows if there was no entry. The caller holds window->lock for read, and the window is in order.
 */
vm_fault_t mmiod_leaf_insert_frame(struct vm_area_struct *vma, unsigned long address,
				   unsigned long pfn, unsigned long *made)
{
	apply_to_page_range(vma->vm_mm, address, PAGE_SIZE, note_whether_empty, made);
	return vmf_insert_pfn(vma, address, pfn);
}

static vm_fault_t insert_one(struct fill *fill, unsigned long address)
{
	return mmiod_leaf_insert_frame(fill->vma, address, pfn_at(fill->window, fill->vma, address),
				       &fill->made);
}

#if defined(CONFIG_X86) || defined(CONFIG_ARM64)

/*
 * x86 looks up the memory type of each frame that is inserted by itself. In one window all are of
 * one type, so the first one's serves for the rest.
 */
static pgprot_t prot_like(const struct vm_area_struct *vma, pte_t entry)
{
	pgprot_t prot = vma->vm_page_prot;

#ifdef CONFIG_X86
	prot = __pgprot((pgprot_val(prot) & ~_PAGE_CACHE_MASK) |
			(pte_flags(entry) & _PAGE_CACHE_MASK));
#endif
	return prot;
}

/* Pages of one extent. */
static void fill_row(struct fill *fill, pte_t *pte, unsigned long start, unsigned long pages,
		     pgprot_t prot)
{
	struct vm_area_struct *vma = fill->vma;
	pte_t entry = pte_mkspecial(pfn_pte(pfn_at(fill->window, vma, start), prot));
	pte_t *end = pte + pages;
	unsigned long made = 0;

	for (; pte < end; pte++, start += PAGE_SIZE, entry = mmiod_pte_next(entry)) {
		if (!pte_none(ptep_get(pte)))
			continue;
		set_pte_at(vma->vm_mm, start, pte, entry);
		made++;
	}
	fill->made += made;
}

/*
 * @pte is the entry of fill->start, and the others of its table follow it: the kernel has mapped
 * the table and holds its lock. Only empty entries are set, for others may have been here before.
 * Where user space had the kernel leave a mark instead of an entry, see above, there is no memory
 * type to go by.
 */
static int fill_table(pte_t *pte, unsigned long start, void *data)
{
	struct fill *fill = data;
	pte_t model = ptep_get(pte + ((fill->address - start) >> PAGE_SHIFT));
	unsigned long left = fill->pages, row;

	if (!pte_present(model))
		return 0;
	for (; left; left -= row, pte += row, start += row << PAGE_SHIFT) {
		row = pages_in_row(fill->window, fill->vma, start, left);
		fill_row(fill, pte, start, row, prot_like(fill->vma, model));
	}
	return 0;
}

static void fill_pages(struct fill *fill)
{
	apply_to_page_range(fill->vma->vm_mm, fill->start, PAGE_SIZE, fill_table, fill);
}

#else

/* Elsewhere a module need not have what set_pte_at() calls (riscv: flush_icache_pte). */
static void fill_pages(struct fill *fill)
{
	for (unsigned long i = 0; i < fill->pages; i++)
		if (insert_one(fill, fill->start + (i << PAGE_SHIFT)) != VM_FAULT_NOPAGE)
			return;
}

#endif

/*
 * Fill the page table of @address, which exists, as far as it maps the VMA and the window; that
 * address's own page first. The caller holds window->lock for read, and the window is in order.
 * VM_FAULT_NOPAGE, or an error if not even that page could be mapped.
 */
vm_fault_t mmiod_leaf_insert_table(struct mmiod_window *window, struct vm_area_struct *vma,
				   unsigned long address, bool populated)
{
	unsigned long start = max(address & PMD_MASK, vma->vm_start);
	unsigned long end = min((address & PMD_MASK) + PMD_SIZE, vma->vm_end);
	struct fill fill = {
		.window = window,
		.vma = vma,
		.start = start,
		.pages = min(window->pages - page_at(vma, start), (end - start) >> PAGE_SHIFT),
		.address = address,
	};
	vm_fault_t ret;

	lockdep_assert_held(&window->lock);
	ret = insert_one(&fill, address);
	if (ret != VM_FAULT_NOPAGE)
		return ret;
	if (fill.pages > 1)
		fill_pages(&fill);
	atomic64_add(fill.made, &window->leaves[populated][MMIOD_LEAF_PTE]);
	return ret;
}

static int remap_rows(struct mmiod_window *window, struct vm_area_struct *vma, unsigned long at,
		      unsigned long end)
{
	int ret = 0;

	while (at < end && !ret) {
		unsigned long pages = pages_in_row(window, vma, at, (end - at) >> PAGE_SHIFT);

		ret = remap_pfn_range(vma, at, pfn_at(window, vma, at), pages << PAGE_SHIFT,
				      vma->vm_page_prot);
		at += pages << PAGE_SHIFT;
	}
	return ret;
}

/*
 * Map exactly these pages of one page table, by the kernel's own remap_pfn_range(). 0 or -errno.
 * The table is there and they are empty, or the kernel would BUG(). Called with window->lock held
 * for read, and mmap_lock and the VMA's own lock held for writing: remap_pfn_range() sets flags of
 * the VMA, and faults that hold only the VMA's lock are to keep out.
 *
 * x86 up to 6.15 marks a VMA that is remapped whole (VM_PAT) and then mistakes its size when it was
 * split, moved or partly zapped. Remapping it in parts only looks the memory type up, so the VMA's
 * first page goes by itself.
 */
int mmiod_leaf_remap(struct mmiod_window *window, struct vm_area_struct *vma, unsigned long start,
		     unsigned long length)
{
	unsigned long at = start, end = start + length;
	vm_fault_t fault;
	int ret;

	lockdep_assert_held(&window->lock);
	mmap_assert_write_locked(vma->vm_mm);
	if (at == vma->vm_start) {
		fault = vmf_insert_pfn(vma, at, pfn_at(window, vma, at));
		if (fault != VM_FAULT_NOPAGE)
			return vm_fault_to_errno(fault, 0) ?: -EFAULT;
		at += PAGE_SIZE;
	}
	ret = remap_rows(window, vma, at, end);
	if (!ret)
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
 * Whether a fault at @address would try for a huge leaf, so that the place must not be mapped by a
 * table instead. Called under mmap_lock.
 */
bool mmiod_leaf_may_be_huge(const struct mmiod_window *window, const struct vm_area_struct *vma,
			    unsigned long address)
{
#ifdef MMIOD_HUGE_LEAVES
	if (MMIOD_LARGEST_LEAF == MMIOD_LEAF_PUD &&
	    mmiod_leaf_fits(window, vma, address, orders[MMIOD_LEAF_PUD]))
		return true;
#endif
	return belongs_pmd_leaf(window, vma, address);
}

/*
 * A fault of one page: fills its table, unless the place is one for a leaf, or got one meanwhile.
 */
static vm_fault_t insert_small(struct mmiod_window *window, struct vm_fault *vmf)
{
#ifdef MMIOD_HUGE_LEAVES
	pmd_t pmd = READ_ONCE(*vmf->pmd);

	if (pmd_none(pmd))
		return insert_huge(window, vmf, MMIOD_LEAF_PMD);
	if (pmd_leaf(pmd))
		return VM_FAULT_NOPAGE;
#endif
	return mmiod_leaf_insert_table(window, vmf->vma, vmf->address & PAGE_MASK,
				       vmf->flags & FAULT_FLAG_REMOTE);
}

/*
 * The caller holds window->lock for read, the window is in order, and mmiod_leaf_fits() said yes.
 * VM_FAULT_FALLBACK: no leaf of that order.
 */
vm_fault_t mmiod_leaf_insert(struct mmiod_window *window, struct vm_fault *vmf, unsigned int order)
{
	if (!order)
		return insert_small(window, vmf);
	if (order == orders[MMIOD_LEAF_PMD] && window->pmd_leaves)
		return insert_huge(window, vmf, MMIOD_LEAF_PMD);
	if (order == orders[MMIOD_LEAF_PUD])
		return insert_huge(window, vmf, MMIOD_LEAF_PUD);
	return VM_FAULT_FALLBACK;
}

#ifdef MMIOD_HUGE_LEAVES

/*
 * An address of the process that is congruent to the physical one, modulo @size: leaves of that
 * size can be used only at such an address.
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
 * address, as far as the first extent of it goes: whoever makes a window of several puts the large
 * ones first, so that this address does for all that can have huge leaves. An address that the
 * caller insists on is the caller's affair; so is a hint, if that address is free.
 */
unsigned long mmiod_leaf_area(struct file *file, unsigned long hint, unsigned long length,
			      unsigned long pgoff, unsigned long flags)
{
	const struct mmiod_window *window = file->private_data;
	u64 offset = (u64)pgoff << PAGE_SHIFT, phys = mmiod_extent_phys(window, offset);
	u64 room = min_t(u64, length, mmiod_extent_room(window, offset));
	unsigned long area = mmiod_get_unmapped_area(file, hint, length, pgoff, flags);

	if (flags & MAP_FIXED || !window->region || IS_ERR_VALUE(area) || (hint && area == hint))
		return area;
	for (unsigned int leaf = MMIOD_LARGEST_LEAF; leaf > MMIOD_LEAF_PTE; leaf--) {
		unsigned long size = PAGE_SIZE << orders[leaf], found;

		if (room < size)
			continue;
		found = congruent_area(file, phys, length, size, pgoff, flags);
		if (!IS_ERR_VALUE(found))
			return found;
	}
	return area;
}

#endif
