// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mapping a window: the four steps of a driver's mmap, the fault handler, and POPULATE.
 *
 * Page tables are never built inside ->mmap: the VMA is linked into i_mmap only after ->mmap returns, so a concurrent
 * revoke would miss what was mapped there. They are built on fault, or by the POPULATE ioctl on the linked VMA; both
 * hold window->lock for read, so that a revoke either sees their entries or is seen by them.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pgtable.h>

#include "internal.h"

static unsigned long window_pfn(const struct mmiod_window *window, pgoff_t page)
{
	return PHYS_PFN(window->phys) + page;
}

static pgprot_t window_prot(const struct mmiod_window *window, pgprot_t prot)
{
	prot = window->attr == MMIOD_ATTR_WC ? pgprot_writecombine(prot) : pgprot_device(prot);
	return pgprot_decrypted(prot);
}

/* Fork, mremap and split: the kernel opens the copy and closes the old one. Cannot fail, so it can only count. */
static void vma_open(struct vm_area_struct *vma)
{
	struct mmiod_window *window = vma->vm_private_data;

	atomic_inc(&window->mappings);
}

static void vma_close(struct vm_area_struct *vma)
{
	struct mmiod_window *window = vma->vm_private_data;

	atomic_dec(&window->mappings);
}

/*
 * RAM in a PFN mapping: no reference is taken, none is needed, because the page is freed with the window, when no VMA
 * is left. It is mapped cached, with the VMA's rights.
 */
static vm_fault_t insert_dummy(struct mmiod_window *window, struct vm_fault *vmf)
{
	if (!window->dummy)
		return VM_FAULT_SIGBUS;
	return vmf_insert_pfn_prot(vmf->vma, vmf->address & PAGE_MASK, page_to_pfn(window->dummy),
				   vm_get_page_prot(vmf->vma->vm_flags));
}

/* A buffer's memory is there: ->mmap has seen to it, and only a revoke takes it away. */
static vm_fault_t insert_page_of(struct mmiod_window *window, struct vm_fault *vmf)
{
	vm_fault_t ret;

	if (window->buffer)
		ret = mmiod_buffer_fault(window->buffer, vmf);
	else
		ret = vmf_insert_pfn(vmf->vma, vmf->address & PAGE_MASK,
				     window_pfn(window, vmf->pgoff));
	if (!(ret & VM_FAULT_ERROR))
		atomic64_inc(&window->faults);
	return ret;
}

/* The bound is checked again here: the VMA's offset and length are what they are now, not what ->mmap saw. */
static vm_fault_t vma_fault(struct vm_fault *vmf)
{
	struct mmiod_window *window = vmf->vma->vm_private_data;
	vm_fault_t ret;

	if (vmf->pgoff >= window->pages)
		return VM_FAULT_SIGBUS;
	down_read(&window->lock);
	switch (mmiod_window_state(window)) {
	case MMIOD_WINDOW_OK:
		ret = insert_page_of(window, vmf);
		break;
	case MMIOD_WINDOW_REVOKED:
		ret = insert_dummy(window, vmf);
		break;
	default:
		ret = VM_FAULT_SIGBUS;
	}
	up_read(&window->lock);
	return ret;
}

/* No ->access: ptrace and /proc/PID/mem get EIO instead of registers with side effects. */
static const struct vm_operations_struct vm_ops = {
	.open = vma_open,
	.close = vma_close,
	.fault = vma_fault,
};

/* Whole pages of the window, nothing beyond it; neither the offset nor the sum may wrap. */
static bool in_bounds(const struct mmiod_window *window, pgoff_t first, unsigned long pages)
{
	return first < window->pages && pages <= window->pages - first;
}

/*
 * A private mapping would be copy-on-write, which PFN mappings must not be. VM_MAYSHARE is what MAP_SHARED leaves on a
 * read-only file; VM_SHARED is cleared there.
 */
static int check_mapping(struct mmiod_window *window, struct vm_area_struct *vma)
{
	int ret;

	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (!in_bounds(window, vma->vm_pgoff, vma_pages(vma)))
		return -EINVAL;
	if (window->flags & MMIOD_WINDOW_READONLY && vma->vm_flags & VM_WRITE)
		return -EACCES;
	down_read(&window->lock);
	ret = window->revoked ? -ENODEV : 0;
	up_read(&window->lock);
	return ret;
}

/* The state is looked at to fail early; correctness is the fault handler's. Nothing may fail once we have counted. */
int mmiod_window_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct mmiod_window *window = file->private_data;
	int ret = check_mapping(window, vma);

	if (!ret && window->buffer)
		ret = mmiod_window_prepare(window);
	if (ret)
		return ret;
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
	vm_flags_set(vma,
		     window->buffer ? mmiod_buffer_vm_flags(window->buffer) : VM_IO | VM_PFNMAP);
	vm_flags_clear(vma, VM_MAYEXEC);
	if (window->flags & MMIOD_WINDOW_READONLY)
		vm_flags_clear(vma, VM_MAYWRITE);
	if (!window->buffer)
		vma->vm_page_prot = window_prot(window, vma->vm_page_prot);
	vma->vm_ops = &vm_ops;
	vma->vm_private_data = window;
	atomic_inc(&window->mappings);
	return 0;
}

/*
 * x86 up to 6.15 marks a VMA that is remapped whole (VM_PAT) and then mistakes its size when it was split, moved or
 * partly zapped. Remapping it in parts only looks the memory type up, so the first page goes by itself.
 */
static int remap(struct mmiod_window *window, struct vm_area_struct *vma, unsigned long start,
		 unsigned long length)
{
	unsigned long pfn =
		window_pfn(window, vma->vm_pgoff + ((start - vma->vm_start) >> PAGE_SHIFT));
	vm_fault_t fault;
	int ret = 0;

	/* remap_pfn_range() insists on empty entries; the zap also keeps out per-VMA-lock faults. */
	vm_flags_set(vma, VM_IO);
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
		atomic64_add(length >> PAGE_SHIFT, &window->populated);
	return ret;
}

/* The window that a VMA maps, or NULL if it is none of ours. It lives as long as the VMA. */
struct mmiod_window *mmiod_vma_window(const struct vm_area_struct *vma)
{
	return vma && vma->vm_ops == &vm_ops ? vma->vm_private_data : NULL;
}

static bool maps_window(const struct vm_area_struct *vma, const struct mmiod_window *window,
			unsigned long start, unsigned long length)
{
	return mmiod_vma_window(vma) == window && length <= vma->vm_end - start &&
	       in_bounds(window, vma->vm_pgoff + ((start - vma->vm_start) >> PAGE_SHIFT),
			 length >> PAGE_SHIFT);
}

/* RAM has no side effects: its pages are faulted in, which takes window->lock for each. */
static int populate_buffer(struct mmiod_window *window, struct vm_area_struct *vma,
			   unsigned long start, unsigned long length)
{
	unsigned int flags = vma->vm_flags & VM_WRITE ? FAULT_FLAG_WRITE : 0;

	for (unsigned long at = start; at < start + length; at += PAGE_SIZE)
		if (fixup_user_fault(current->mm, at, flags, NULL))
			return -EFAULT;
	atomic64_add(length >> PAGE_SHIFT, &window->populated);
	return 0;
}

static int populate_locked(struct mmiod_window *window, unsigned long start, unsigned long length)
{
	struct vm_area_struct *vma = vma_lookup(current->mm, start);
	int ret;

	if (!maps_window(vma, window, start, length))
		return -EINVAL;
	down_read(&window->lock);
	ret = mmiod_window_usable(window);
	if (!ret && !window->buffer)
		ret = remap(window, vma, start, length);
	up_read(&window->lock);
	return ret || !window->buffer ? ret : populate_buffer(window, vma, start, length);
}

int mmiod_call_populate(struct mmiod_call *call)
{
	const struct mmiod_window_populate *populate = call->arg;
	struct mmiod_window *window = call->file->private_data;
	u64 start = populate->address, length = populate->length;
	int ret;

	if (populate->flags || !length || !PAGE_ALIGNED(start) || !PAGE_ALIGNED(length) ||
	    start + length < start || start + length > TASK_SIZE)
		return -EINVAL;
	if (mmap_write_lock_killable(current->mm))
		return -EINTR;
	ret = populate_locked(window, start, length);
	mmap_write_unlock(current->mm);
	return ret;
}
