// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mapping a window: the four steps of a driver's mmap, the fault handler, and POPULATE. The entries
 * are made in leaf.c.
 *
 * Page tables are never built inside ->mmap: the VMA is linked into i_mmap only after ->mmap
 * returns, so a concurrent revoke would miss the entries that were made there. They are built on
 * fault, or by the POPULATE ioctl on the linked VMA; both hold window->lock for read while they set
 * entries, so that a revoke either sees their entries or is seen by them. The tables were made
 * before.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pgtable.h>

#include "internal.h"

#ifdef CONFIG_ARCH_SUPPORTS_PUD_PFNMAP

static bool has_pud_leaves(struct mmiod_window *window)
{
	return mmiod_leaf_count(window, MMIOD_LEAF_PUD, false) ||
	       mmiod_leaf_count(window, MMIOD_LEAF_PUD, true);
}

/*
 * 6.12 takes a leaf of 1 GiB for a page table when a VMA is split within it, and for a broken entry
 * when it is moved: it reads device memory as entries, or clears the leaf but not the TLB, so that
 * the process keeps what is revoked later. Such leaves are therefore taken away before, and come
 * back on fault. Both hooks run under mmap_lock, held for writing; the VMA's own lock keeps huge
 * faults out from here to its release.
 */
static int vma_may_split(struct vm_area_struct *vma, unsigned long address)
{
	unsigned long start = max(address & PUD_MASK, vma->vm_start);
	unsigned long end = min((address & PUD_MASK) + PUD_SIZE, vma->vm_end);

	vma_start_write(vma);
	if (has_pud_leaves(vma->vm_private_data))
		zap_vma_ptes(vma, start, end - start);
	return 0;
}

/* A VMA that is opened at an address where there is none yet is the target of an mremap. */
static void zap_before_move(struct mmiod_window *window, const struct vm_area_struct *target)
{
	struct mm_struct *mm = target->vm_mm;
	struct vm_area_struct *vma;

	VMA_ITERATOR(vmi, mm, 0);

	if (mm != current->mm || vma_lookup(mm, target->vm_start) || !has_pud_leaves(window))
		return;
	for_each_vma(vmi, vma)
		if (mmiod_vma_window(vma) == window)
			zap_vma_ptes(vma, vma->vm_start, vma->vm_end - vma->vm_start);
}

#else

static void zap_before_move(struct mmiod_window *window, const struct vm_area_struct *target)
{
}

#endif

/* Fork, mremap and split: the kernel opens the copy and closes the old one. Cannot fail. */
static void vma_open(struct vm_area_struct *vma)
{
	struct mmiod_window *window = vma->vm_private_data;

	atomic_inc(&window->mappings);
	zap_before_move(window, vma);
}

static void vma_close(struct vm_area_struct *vma)
{
	struct mmiod_window *window = vma->vm_private_data;

	atomic_dec(&window->mappings);
}

/*
 * RAM in a PFN mapping: no reference is taken, none is needed, because the page is freed with the
 * window, when no VMA is left. It is mapped cached, with the VMA's rights.
 */
static vm_fault_t insert_dummy(struct mmiod_window *window, struct vm_fault *vmf)
{
	if (!window->dummy)
		return VM_FAULT_SIGBUS;
	if (!mmiod_window_gone(window) || pmd_none(READ_ONCE(*vmf->pmd)))
		return VM_FAULT_NOPAGE; /* revoked since prepare(): the fault comes again */
	return vmf_insert_pfn_prot(vmf->vma, vmf->address & PAGE_MASK, page_to_pfn(window->dummy),
				   vm_get_page_prot(vmf->vma->vm_flags));
}

static vm_fault_t insert(struct mmiod_window *window, struct vm_fault *vmf, unsigned int order)
{
	vm_fault_t ret;

	down_read(&window->lock);
	switch (mmiod_window_state(window)) {
	case MMIOD_WINDOW_OK:
		ret = window->ops->fault(window, vmf, order);
		break;
	case MMIOD_WINDOW_REVOKED:
		ret = order ? VM_FAULT_FALLBACK : insert_dummy(window, vmf);
		break;
	default:
		ret = VM_FAULT_SIGBUS;
	}
	up_read(&window->lock);
	return ret;
}

/*
 * The steps that take memory come first. A revocation that is left to a kernel thread is waited
 * for, before the dummy page takes the place of the entries that it zaps.
 */
static vm_fault_t prepare(struct mmiod_window *window, struct vm_fault *vmf)
{
	if (window->dummy && mmiod_window_state(window) == MMIOD_WINDOW_REVOKED &&
	    wait_event_killable(window->poll, mmiod_window_gone(window)))
		return VM_FAULT_SIGBUS;
	return mmiod_leaf_prepare_fault(window, vmf);
}

/*
 * The dummy page is mapped by itself, never as a huge leaf: the kernel then asks again for one
 * page.
 */
static vm_fault_t fault(struct vm_fault *vmf, unsigned int order)
{
	struct mmiod_window *window = vmf->vma->vm_private_data;
	vm_fault_t ret = 0;

	if (!mmiod_leaf_fits(window, vmf->vma, vmf->address, order))
		return order ? VM_FAULT_FALLBACK : VM_FAULT_SIGBUS;
	if (!order)
		ret = prepare(window, vmf);
	return ret ?: insert(window, vmf, order);
}

static vm_fault_t vma_fault(struct vm_fault *vmf)
{
	return fault(vmf, 0);
}

#ifdef MMIOD_HUGE_LEAVES
static vm_fault_t vma_huge_fault(struct vm_fault *vmf, unsigned int order)
{
	return fault(vmf, order);
}
#endif

/* No ->access: ptrace and /proc/PID/mem get EIO instead of registers with side effects. */
static const struct vm_operations_struct vm_ops = {
	.open = vma_open,
	.close = vma_close,
	.fault = vma_fault,
#ifdef MMIOD_HUGE_LEAVES
	.huge_fault = vma_huge_fault,
#endif
#ifdef CONFIG_ARCH_SUPPORTS_PUD_PFNMAP
	.may_split = vma_may_split,
#endif
};

/*
 * The window that a VMA maps, or NULL if the VMA is NULL or none of ours. It lives as long as the
 * VMA, which the caller keeps.
 */
struct mmiod_window *mmiod_vma_window(const struct vm_area_struct *vma)
{
	return vma && vma->vm_ops == &vm_ops ? vma->vm_private_data : NULL;
}

/*
 * A private mapping would be copy-on-write, which PFN mappings must not be. VM_MAYSHARE is what
 * MAP_SHARED leaves on a read-only file; VM_SHARED is cleared there.
 */
static int check_mapping(struct mmiod_window *window, struct vm_area_struct *vma, bool longer)
{
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (mmiod_window_is_ports(window))
		return -ENODEV;
	if (!mmiod_leaf_in_bounds(window, vma->vm_pgoff, longer ? 1 : vma_pages(vma)))
		return -EINVAL;
	if (window->flags & MMIOD_WINDOW_READONLY && vma->vm_flags & VM_WRITE)
		return -EACCES;
	return mmiod_window_state(window) == MMIOD_WINDOW_REVOKED ? -ENODEV : 0;
}

/*
 * ->mmap of a window's @file, or of a view that it is a part of, under mmap_lock held for writing.
 * @longer: the mapping may go on behind the window's end, where faults find nothing. The state is
 * looked at to fail early; correctness is the fault handler's. Nothing may fail once we have counted
 * the mapping.
 */
int mmiod_window_map(struct file *file, struct vm_area_struct *vma, bool longer)
{
	struct mmiod_window *window = file->private_data;
	int ret = check_mapping(window, vma, longer) ?: window->ops->map(window, vma);

	if (ret)
		return ret;
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
	vm_flags_clear(vma, VM_MAYEXEC);
	if (window->flags & MMIOD_WINDOW_READONLY)
		vm_flags_clear(vma, VM_MAYWRITE);
	vma->vm_ops = &vm_ops;
	vma->vm_private_data = window;
	atomic_inc(&window->mappings);
	return 0;
}

int mmiod_window_mmap(struct file *file, struct vm_area_struct *vma)
{
	return mmiod_window_map(file, vma, false);
}

/* The mapping itself may go on behind the window's end. */
static bool maps_window(const struct vm_area_struct *vma, const struct mmiod_window *window,
			unsigned long start, unsigned long length)
{
	if (mmiod_vma_window(vma) != window || length > vma->vm_end - start)
		return false;
	return mmiod_leaf_in_bounds(window, vma->vm_pgoff + ((start - vma->vm_start) >> PAGE_SHIFT),
				    length >> PAGE_SHIFT);
}

/*
 * Fill a page table at once, whatever part of it is mapped already (mremap moves entries one by
 * one).
 */
static int populate_table(struct mmiod_window *window, struct vm_area_struct *vma,
			  unsigned long address)
{
	vm_fault_t fault = VM_FAULT_NOPAGE;
	int ret = mmiod_leaf_make_table(vma->vm_mm, address);

	if (ret)
		return ret;
	down_read(&window->lock);
	ret = mmiod_window_usable(window);
	if (!ret)
		fault = window->ops->fill(window, vma, address, true);
	up_read(&window->lock);
	return ret ?: vm_fault_to_errno(fault & VM_FAULT_ERROR, 0);
}

/*
 * Populate by a fault that nobody's access has caused: the only way to a huge leaf that the kernel
 * exports. Entries that were there before stay as they are, so there may be a page table instead;
 * or nothing, if a revoke or suspend has come between: *size is 0 then, and the next fault says so.
 */
static int populate_by_fault(struct mmiod_window *window, struct vm_area_struct *vma,
			     unsigned long address, unsigned long *size)
{
	unsigned int flags = FAULT_FLAG_REMOTE | (vma->vm_flags & VM_WRITE ? FAULT_FLAG_WRITE : 0);
	int ret = fixup_user_fault(vma->vm_mm, address, flags, NULL);

	if (ret)
		return mmiod_window_usable(window) ?: ret;
	*size = PAGE_SIZE;
	if (!IS_ENABLED(CONFIG_X86_64))
		return 0;
	*size = mmiod_leaf_size(vma->vm_mm, address);
	if (*size != PAGE_SIZE)
		return 0;
	*size = PMD_SIZE;
	return populate_table(window, vma, address);
}

/*
 * window->lock is taken for each leaf or table: a revoke need not wait for more than one of them.
 */
static int populate_range(struct mmiod_window *window, struct vm_area_struct *vma,
			  unsigned long start, unsigned long end)
{
	while (start < end) {
		unsigned long size = PMD_SIZE;
		int ret;

		if (mmiod_leaf_may_be_huge(window, vma, start))
			ret = populate_by_fault(window, vma, start, &size);
		else
			ret = populate_table(window, vma, start);
		if (ret)
			return ret;
		if (size)
			start = (start & ~(size - 1)) + size;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return mmiod_window_usable(window);
}

static int remap_table(struct mmiod_window *window, struct vm_area_struct *vma, unsigned long start,
		       unsigned long length)
{
	int ret = vma->vm_flags & VM_PFNMAP ? mmiod_leaf_make_empty_table(vma->vm_mm, start, length)
					    : mmiod_leaf_make_table(vma->vm_mm, start);

	if (ret)
		return ret;
	down_read(&window->lock);
	ret = mmiod_window_usable(window) ?: window->ops->remap(window, vma, start, length);
	up_read(&window->lock);
	return ret;
}

static int remap_range(struct mmiod_window *window, struct vm_area_struct *vma, unsigned long start,
		       unsigned long end)
{
	while (start < end) {
		unsigned long next = min((start & PMD_MASK) + PMD_SIZE, end);
		int ret = remap_table(window, vma, start, next - start);

		if (ret)
			return ret;
		start = next;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

/*
 * The zap comes first, and without window->lock: it may sleep. It takes away a huge leaf whole; the
 * other pages of that leaf come back on fault. mmap_lock and the VMA's own lock, both held for
 * writing, keep faults out, so an empty entry stays empty. Pages with references (a VMA without
 * VM_PFNMAP) are neither zapped nor mapped twice.
 */
static int populate_exactly(struct mmiod_window *window, struct vm_area_struct *vma,
			    unsigned long start, unsigned long length)
{
	int ret;

	vma_start_write(vma);
	zap_vma_ptes(vma, start, length);
	ret = remap_range(window, vma, start, start + length);
	if (ret)
		zap_vma_ptes(vma, start, length);
	return ret;
}

/* The caller holds mmap_lock, for writing if @exact. */
static int populate_locked(struct mmiod_window *window, unsigned long start, unsigned long length,
			   bool exact)
{
	struct vm_area_struct *vma = vma_lookup(current->mm, start);
	int ret;

	if (!maps_window(vma, window, start, length))
		return -EINVAL;
	if (!(vma->vm_flags & (VM_READ | VM_WRITE)))
		return -EFAULT;
	ret = mmiod_window_usable(window);
	if (ret)
		return ret;
	return exact ? populate_exactly(window, vma, start, length)
		     : populate_range(window, vma, start, start + length);
}

/*
 * Entries are made under mmap_lock held for reading, as in a fault; only remap_pfn_range() wants it
 * for writing.
 */
int mmiod_call_populate(struct mmiod_call *call)
{
	const struct mmiod_window_populate *populate = call->arg;
	struct mmiod_window *window = call->file->private_data;
	bool exact = populate->flags & MMIOD_POPULATE_EXACT;
	u64 start = populate->address, length = populate->length;
	int ret;

	if (populate->flags & ~MMIOD_POPULATE_EXACT || !length || !PAGE_ALIGNED(start) ||
	    !PAGE_ALIGNED(length) || start + length < start || start + length > TASK_SIZE)
		return -EINVAL;
	if (exact ? mmap_write_lock_killable(current->mm) : mmap_read_lock_killable(current->mm))
		return -EINTR;
	ret = populate_locked(window, start, length, exact);
	if (exact)
		mmap_write_unlock(current->mm);
	else
		mmap_read_unlock(current->mm);
	return ret;
}
