// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers: kernel memory behind a window instead of a device's.
 *
 * The daemon makes the window; the memory is allocated when the client first touches it, in the
 * client's context, so that __GFP_ACCOUNT charges the client's memory cgroup. Not so a device's DMA
 * memory: a kernel thread allocates that, charged to nobody, and the client waits for it. The
 * removal of the device has to wait for the allocation, and a client must not be able to prolong
 * it. Either way it is done with no lock but window->preparing; window->lock is written to publish
 * what was allocated and to take it away, read to map and to copy. Memory that was taken away is
 * freed after the lock is dropped.
 *
 * Two ways to map. Pages of their own (PAGES, VMALLOC) are mapped with a reference each: O_DIRECT
 * and the like can pin them, and a page that somebody still pins is not recycled when the buffer is
 * freed. The fault handler sets the entries itself, under window->lock: were it left to the kernel,
 * a revoke could come between. Memory that must be freed as a whole (KMALLOC, DMA) is mapped by frame
 * number without references, so it cannot be pinned, and it is freed only after the zap. Revocation
 * frees at once, but for DMA memory, which a device may still write to: that stays until the
 * window's file goes, and then where it waits for the device (quarantine.c), or until the device
 * itself goes, whose bus mastering is cut off before. A device with a domain (domain.c) reaches
 * pages of their own instead, until they are unmapped: these are freed at once.
 */
#include <linux/dma-mapping.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "internal.h"

/* A bound on what is charged to nobody, and on what ->remove may have to wait for. */
#define DMA_LONGEST (64ULL << 20)

static bool maps_by_frame(const struct mmiod_buffer *buffer)
{
	return buffer->source == MMIOD_BUFFER_KMALLOC || buffer->source == MMIOD_BUFFER_DMA;
}

/* ---- allocation ---- */

/*
 * RETRY_MAYFAIL: a request that does not fit fails; it wakes no OOM killer, neither that of the
 * client's cgroup nor that of the machine, whose victim would be somebody else. THISNODE: a node
 * that was asked for is the node, or there is no memory.
 */
static gfp_t gfp_of(const struct mmiod_buffer *buffer)
{
	static const gfp_t zones[] = {
		[MMIOD_ZONE_NORMAL] = 0,
		[MMIOD_ZONE_DMA32] = GFP_DMA32,
		[MMIOD_ZONE_DMA] = GFP_DMA,
	};
	gfp_t gfp =
		buffer->flags & MMIOD_BUFFER_NOWAIT ? GFP_NOWAIT : GFP_KERNEL | __GFP_RETRY_MAYFAIL;

	if (buffer->node != NUMA_NO_NODE)
		gfp |= __GFP_THISNODE;
	if (buffer->source != MMIOD_BUFFER_DMA)
		gfp |= __GFP_ACCOUNT;
	return gfp | zones[buffer->zone] | __GFP_ZERO | __GFP_NOWARN;
}

/*
 * vmalloc's own page tables ignore the flags it is given, and wake the OOM killer whatever these
 * say. So a size that is plainly not available is not tried. It is an estimate, like MemAvailable.
 */
static bool is_there(const struct mmiod_buffer *buffer)
{
	long available = si_mem_available();

	return available > 0 && buffer->count <= available;
}

static void free_pages_array(struct mmiod_buffer *buffer)
{
	for (unsigned long i = 0; i < buffer->count; i++) {
		if (buffer->pages[i])
			__free_page(buffer->pages[i]);
		cond_resched();
	}
	kvfree(buffer->pages);
	buffer->pages = NULL;
}

/*
 * One block of the buddy allocator is split into pages of their own; the pages beyond the length go
 * back at once.
 */
static int fill_contiguous(struct mmiod_buffer *buffer)
{
	unsigned int order = get_order(buffer->length);
	struct page *block;

	if (order > get_order(KMALLOC_MAX_SIZE))
		return -ENOMEM;
	block = alloc_pages_node(buffer->node, gfp_of(buffer), order);
	if (!block)
		return -ENOMEM;
	split_page(block, order);
	for (unsigned long i = 0; i < 1UL << order; i++) {
		if (i < buffer->count)
			buffer->pages[i] = block + i;
		else
			__free_page(block + i);
	}
	return 0;
}

static int fill_scattered(struct mmiod_buffer *buffer)
{
	for (unsigned long i = 0; i < buffer->count; i++) {
		if (fatal_signal_pending(current))
			return -EINTR;
		buffer->pages[i] = alloc_pages_node(buffer->node, gfp_of(buffer), 0);
		if (!buffer->pages[i])
			return -ENOMEM;
		if (!(buffer->flags & MMIOD_BUFFER_NOWAIT))
			cond_resched();
	}
	return 0;
}

static int allocate_pages(struct mmiod_buffer *buffer)
{
	int ret;

	buffer->pages = kvcalloc(buffer->count, sizeof(*buffer->pages),
				 GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN);
	if (!buffer->pages)
		return -ENOMEM;
	ret = buffer->flags & MMIOD_BUFFER_CONTIGUOUS ? fill_contiguous(buffer)
						      : fill_scattered(buffer);
	if (ret)
		free_pages_array(buffer);
	buffer->capacity = buffer->length;
	return ret;
}

/*
 * Larger than any slab's objects: kmalloc then hands the page allocator's pages out whole, and no
 * neighbour's object shares a page that we map.
 */
static int allocate_kmalloc(struct mmiod_buffer *buffer)
{
	size_t size = max_t(size_t, buffer->length, KMALLOC_MAX_CACHE_SIZE + PAGE_SIZE);

	if (size > KMALLOC_MAX_SIZE)
		return -ENOMEM;
	buffer->memory = kmalloc_node(size, gfp_of(buffer), buffer->node);
	if (!buffer->memory)
		return -ENOMEM;
	buffer->capacity = ksize(buffer->memory);
	return 0;
}

/* Pages of a zone, mapped for the kernel. They and their array are vfree()'s from then on. */
static int allocate_mapped(struct mmiod_buffer *buffer)
{
	int ret = allocate_pages(buffer);

	if (ret)
		return ret;
	buffer->memory = vmap(buffer->pages, buffer->count, VM_MAP_PUT_PAGES, PAGE_KERNEL);
	if (buffer->memory)
		buffer->pages = NULL;
	else
		free_pages_array(buffer);
	return buffer->memory ? 0 : -ENOMEM;
}

static int allocate_vmalloc(struct mmiod_buffer *buffer)
{
	if (!MMIOD_VMALLOC_HAS_ZONES && buffer->zone != MMIOD_ZONE_NORMAL)
		return allocate_mapped(buffer);
	buffer->memory = __vmalloc(buffer->length, gfp_of(buffer));
	buffer->capacity = buffer->length;
	return buffer->memory ? 0 : -ENOMEM;
}

/* Memory that the device may still write to becomes its own next memory, and nobody else's. */
static int allocate_dma(struct mmiod_buffer *buffer)
{
	if (mmiod_quarantine_take(buffer))
		memset(buffer->memory, 0, buffer->length);
	else
		buffer->memory = dma_alloc_coherent(buffer->dev, buffer->length, &buffer->bus,
						    gfp_of(buffer));
	buffer->capacity = buffer->length;
	return buffer->memory ? 0 : -ENOMEM;
}

static int allocate_by_kind(struct mmiod_buffer *buffer)
{
	switch (buffer->source) {
	case MMIOD_BUFFER_PAGES:
		return allocate_pages(buffer);
	case MMIOD_BUFFER_KMALLOC:
		return allocate_kmalloc(buffer);
	case MMIOD_BUFFER_VMALLOC:
		return allocate_vmalloc(buffer);
	default:
		return allocate_dma(buffer);
	}
}

/*
 * Gives the memory back to the allocator that it came from. The caller alone has it by now, but for
 * a device.
 */
static void give_back(struct mmiod_buffer *buffer)
{
	mmiod_domain_unmap(buffer);
	switch (buffer->source) {
	case MMIOD_BUFFER_PAGES:
		free_pages_array(buffer);
		break;
	case MMIOD_BUFFER_KMALLOC:
		kfree(buffer->memory);
		break;
	case MMIOD_BUFFER_VMALLOC:
		vfree(buffer->memory);
		break;
	default:
		dma_free_coherent(buffer->dev, buffer->length, buffer->memory, buffer->bus);
	}
	buffer->memory = NULL;
}

static struct page *page_at(const struct mmiod_buffer *buffer, unsigned long index)
{
	if (buffer->source == MMIOD_BUFFER_PAGES)
		return buffer->pages[index];
	if (is_vmalloc_addr(buffer->memory))
		return vmalloc_to_page(buffer->memory + (index << PAGE_SHIFT));
	return virt_to_page(buffer->memory + (index << PAGE_SHIFT));
}

/*
 * Looks at each page once: does it lie where the caller asked for it? Zones are only a means to
 * that: where they end differs by architecture, and a kernel may do without one. It counts the runs
 * meanwhile, so that asking for them later costs no such walk.
 */
static int survey(struct mmiod_buffer *buffer)
{
	unsigned long last = 0;

	buffer->runs = 0;
	for (unsigned long i = 0; i < buffer->count; i++) {
		unsigned long pfn = page_to_pfn(page_at(buffer, i));

		if (buffer->limit && PFN_PHYS((u64)pfn) + PAGE_SIZE - 1 > buffer->limit)
			return -ENOMEM;
		if (!i || pfn != last + 1)
			buffer->runs++;
		last = pfn;
		if (!(buffer->flags & MMIOD_BUFFER_NOWAIT))
			cond_resched();
	}
	return 0;
}

/* The caller sees to it that there is one at a time. */
static int allocate(struct mmiod_buffer *buffer)
{
	int ret = is_there(buffer) ? allocate_by_kind(buffer) : -ENOMEM;

	if (ret)
		return ret;
	ret = survey(buffer) ?: mmiod_domain_map(buffer);
	if (ret)
		give_back(buffer);
	return ret;
}

/* ---- the window's first use ---- */

/* If a revoke has come in between, what was allocated is given back; a device's by close(). */
static int publish(struct mmiod_window *window)
{
	struct mmiod_buffer *buffer = window->buffer;
	bool revoked;

	down_write(&window->lock);
	revoked = mmiod_window_state(window) == MMIOD_WINDOW_REVOKED;
	WRITE_ONCE(buffer->allocated, !revoked);
	up_write(&window->lock);
	if (revoked && buffer->source != MMIOD_BUFFER_DMA)
		give_back(buffer);
	return mmiod_window_usable(window);
}

/* Runs in the kernel thread. It may run once more for a client that has not seen it run. */
static void allocate_for_device(struct work_struct *work)
{
	struct mmiod_buffer *buffer = container_of(work, struct mmiod_buffer, work);

	if (!buffer->allocated)
		buffer->error = mmiod_window_usable(buffer->window) ?:
				allocate(buffer) ?: publish(buffer->window);
	complete_all(&buffer->done);
}

/*
 * The work is queued with window->lock held for read and the window in order: after the window was
 * revoked the work is not queued any more, and a caller that then flushes it knows that it does not
 * run. One client waits at a time (window->preparing); if the last one was killed, the allocation
 * that it began may answer for this one.
 */
static int have_it_allocated(struct mmiod_window *window)
{
	struct mmiod_buffer *buffer = window->buffer;
	int ret;

	reinit_completion(&buffer->done);
	down_read(&window->lock);
	ret = mmiod_window_usable(window);
	if (!ret)
		queue_work(mmiod_workers, &buffer->work);
	up_read(&window->lock);
	if (ret)
		return ret;
	if (wait_for_completion_killable(&buffer->done))
		return -EINTR; /* the work goes on */
	return READ_ONCE(buffer->error);
}

/* Only clients wait here, and the removal of the device waits for none of them. */
static int prepare(struct mmiod_window *window)
{
	struct mmiod_buffer *buffer = window->buffer;
	int ret;

	if (mutex_lock_killable(&window->preparing))
		return -EINTR;
	ret = mmiod_window_usable(window);
	if (!ret && !READ_ONCE(buffer->allocated))
		ret = buffer->source == MMIOD_BUFFER_DMA ? have_it_allocated(window) :
							 allocate(buffer) ?: publish(window);
	mutex_unlock(&window->preparing);
	return ret;
}

/* ---- the end ---- */

/* DMA memory is the device's until that is detached. */
static void revoke(struct mmiod_window *window)
{
	struct mmiod_buffer *buffer = window->buffer;

	if (buffer->source == MMIOD_BUFFER_DMA)
		return;
	buffer->revoked = buffer->allocated;
	buffer->allocated = false;
}

static void dispose(struct mmiod_window *window)
{
	if (!window->buffer->revoked)
		return;
	give_back(window->buffer);
	mmiod_domain_unplace(window->buffer);
}

/*
 * For a DMA buffer whose window is revoked, with neither mmiod_lock nor a window's lock held: when
 * this returns nobody allocates, looks at or touches the memory any more. The device may touch it,
 * until it is detached.
 */
void mmiod_buffer_stop(struct mmiod_buffer *buffer)
{
	struct mmiod_window *window = buffer->window;

	flush_work(&buffer->work);
	down_write(&window->lock);
	buffer->allocated = false;
	up_write(&window->lock);
}

/*
 * The device can no longer write to the memory, which must be given back while its driver is still
 * bound; if it is not known that it cannot, at its end, an operator's memory is nobody's for ever.
 * By the window's end or the device's, under mmiod_lock: whichever comes first; or by the
 * quarantine, which has it alone.
 */
void mmiod_buffer_detach(struct mmiod_buffer *buffer)
{
	struct mmiod_device *device =
		buffer->device_file ? pci_get_drvdata(to_pci_dev(buffer->dev)) : NULL;

	if (buffer->memory && device && device->leaks) {
		device->leaked += buffer->length;
		buffer->memory = NULL;
	}
	if (buffer->memory)
		give_back(buffer);
	buffer->dev = NULL;
}

static bool close(struct mmiod_window *window)
{
	struct mmiod_buffer *buffer = window->buffer;

	if (buffer->domain)
		mmiod_domain_leave(buffer);
	if (!buffer->revoked)
		mmiod_domain_unplace(buffer); /* else by dispose(), once it is unmapped */
	if (buffer->source != MMIOD_BUFFER_DMA)
		return true;
	mmiod_buffer_stop(buffer);
	return mmiod_pci_detach_buffer(buffer);
}

/* A buffer that never had a file still has its range. */
static void release(struct mmiod_window *window)
{
	mmiod_domain_unplace(window->buffer);
	mmiod_domain_put(window->buffer->domain);
	kfree(window->buffer);
}

/* ---- creation ---- */

/*
 * The highest zone that ends at or below a limit, by x86's ends, is where the memory is asked for.
 * survey() looks at the pages that came, as zones end elsewhere on other machines.
 */
static int apply_limit(struct mmiod_buffer *buffer, u64 limit)
{
	u32 needed;

	if (!limit)
		return 0;
	if (buffer->source != MMIOD_BUFFER_PAGES && buffer->source != MMIOD_BUFFER_VMALLOC)
		return -EINVAL;
	if (limit >= iomem_resource.end)
		needed = MMIOD_ZONE_NORMAL;
	else if (limit >= DMA_BIT_MASK(32))
		needed = MMIOD_ZONE_DMA32;
	else if (limit >= DMA_BIT_MASK(24))
		needed = MMIOD_ZONE_DMA;
	else
		return -EINVAL;
	buffer->zone = max(buffer->zone, needed);
	buffer->limit = limit;
	return 0;
}

/* What only DMA knows, and what only DMA in a domain does. */
static int check_dma(const struct mmiod_buffer_create *create)
{
	if (create->device_file)
		return create->kind != MMIOD_BUFFER_DMA || create->pci || create->domain_high ||
				       create->dma_bits || create->owner ||
				       create->dma_flags & ~MMIOD_DMA_FLAGS ||
				       (create->iova && !(create->dma_flags & MMIOD_DMA_FIXED_IOVA))
			       ? -EINVAL
			       : 0;
	if (create->dma_flags || create->iova)
		return -EINVAL;
	if (create->kind != MMIOD_BUFFER_DMA)
		return create->pci || create->domain_high || create->dma_bits ? -EINVAL : 0;
	if (create->zone || create->domain_high > U16_MAX || create->length > DMA_LONGEST)
		return -EINVAL;
	return create->dma_bits && (create->dma_bits < 24 || create->dma_bits > 64) ? -EINVAL : 0;
}

static u32 source_of(const struct mmiod_buffer_create *create)
{
	return create->device_file ? MMIOD_BUFFER_PAGES : create->kind;
}

static int check_create(const struct mmiod_buffer_create *create)
{
	u32 source = source_of(create);

	if (create->kind < MMIOD_BUFFER_PAGES || create->kind > MMIOD_BUFFER_DMA ||
	    create->flags & ~MMIOD_BUFFER_FLAGS || create->reserved || create->reserved2 ||
	    create->zone > MMIOD_ZONE_DMA)
		return -EINVAL;
	/* The allocators take an unsigned long, which 4 GiB and more do not fit on 32 bits. */
	if (!create->length || create->length > (u64)totalram_pages() << PAGE_SHIFT ||
	    create->length > ULONG_MAX - PAGE_SIZE)
		return -EINVAL;
	if (create->node < NUMA_NO_NODE || create->node >= MAX_NUMNODES ||
	    (create->node != NUMA_NO_NODE && !node_online(create->node)))
		return -EINVAL;
	/* vmalloc has no exported way to ask for one, and a device's memory lies near the device. */
	if (create->node != NUMA_NO_NODE &&
	    (source == MMIOD_BUFFER_VMALLOC || source == MMIOD_BUFFER_DMA))
		return -EINVAL;
	if (create->flags & MMIOD_BUFFER_CONTIGUOUS && source != MMIOD_BUFFER_PAGES)
		return -EINVAL;
	/*
	 * The slab allocator has no caches for DMA32, and a coherent buffer's zone is its device's
	 * affair.
	 */
	if (create->zone == MMIOD_ZONE_DMA32 && create->kind == MMIOD_BUFFER_KMALLOC)
		return -EINVAL;
	return check_dma(create);
}

/*
 * A buffer as the call describes it, with no memory yet, which is kfree()d as long as it is behind
 * no window; or an ERR_PTR: EINVAL, ENOMEM. Needs no lock.
 */
struct mmiod_buffer *mmiod_buffer_new(const struct mmiod_buffer_create *create)
{
	struct mmiod_buffer *buffer;
	int ret = check_create(create);

	if (ret)
		return ERR_PTR(ret);
	buffer = kzalloc(sizeof(*buffer), GFP_KERNEL_ACCOUNT);
	if (!buffer)
		return ERR_PTR(-ENOMEM);
	INIT_WORK(&buffer->work, allocate_for_device);
	init_completion(&buffer->done);
	INIT_LIST_HEAD(&buffer->dma_node);
	buffer->kind = create->kind;
	buffer->source = source_of(create);
	buffer->dma_flags = create->dma_flags;
	buffer->flags = create->flags;
	buffer->zone = create->zone;
	buffer->node = create->node;
	buffer->length = PAGE_ALIGN(create->length);
	buffer->count = buffer->length >> PAGE_SHIFT;
	ret = apply_limit(buffer, create->limit);
	if (!ret)
		return buffer;
	kfree(buffer);
	return ERR_PTR(ret);
}

/* ---- access, with the memory allocated and window->lock held ---- */

/* Pages from one of a buffer's on, all of one page table, which exists. */
struct run {
	struct vm_area_struct *vma;
	unsigned long address, index, pages;
	unsigned long made; /* entries, which were empty */
};

static void move_on(struct run *run, unsigned long pages)
{
	run->address += pages << PAGE_SHIFT;
	run->index += pages;
	run->pages -= pages;
}

/* By frame number, for which the kernel has no call for several. */
static vm_fault_t insert_frames(const struct mmiod_buffer *buffer, struct run *run)
{
	vm_fault_t ret = VM_FAULT_NOPAGE;

	for (; run->pages && ret == VM_FAULT_NOPAGE; move_on(run, 1))
		ret = mmiod_leaf_insert_frame(run->vma, run->address,
					      page_to_pfn(page_at(buffer, run->index)), &run->made);
	return ret;
}

#define BATCH 16UL

/* With a reference each. Where there is an entry already the kernel stops, and we go on behind it. */
static vm_fault_t insert_pages(const struct mmiod_buffer *buffer, struct run *run)
{
	struct page *pages[BATCH];

	while (run->pages) {
		unsigned long count = min(run->pages, BATCH), left = count;
		int ret;

		for (unsigned long i = 0; i < count; i++)
			pages[i] = page_at(buffer, run->index + i);
		ret = vm_insert_pages(run->vma, run->address, pages, &left);
		run->made += count - left;
		move_on(run, count - left);
		if (ret == -EBUSY)
			move_on(run, 1);
		else if (ret)
			return vmf_error(ret);
	}
	return VM_FAULT_NOPAGE;
}

static vm_fault_t insert(struct mmiod_window *window, struct run *run, bool populated)
{
	const struct mmiod_buffer *buffer = window->buffer;
	vm_fault_t ret;

	lockdep_assert_held(&window->lock);
	ret = maps_by_frame(buffer) ? insert_frames(buffer, run) : insert_pages(buffer, run);
	atomic64_add(run->made, &window->leaves[populated][MMIOD_LEAF_PTE]);
	return ret;
}

/* @pages from @address on, but none behind the end of its table, the VMA or the buffer. */
static struct run run_from(const struct mmiod_window *window, struct vm_area_struct *vma,
			   unsigned long address, unsigned long pages)
{
	unsigned long end = min((address & PMD_MASK) + PMD_SIZE, vma->vm_end);
	unsigned long index = vma->vm_pgoff + ((address - vma->vm_start) >> PAGE_SHIFT);

	return (struct run){
		.vma = vma,
		.address = address,
		.index = index,
		.pages = min3(pages, (end - address) >> PAGE_SHIFT, window->pages - index),
	};
}

/*
 * ->mmap has seen to it that the memory is there, and only a revoke takes it away. Who touches a
 * page mostly touches the next ones, too, which are his already: with a few of these in one go they
 * cost no fault. By frame number each would cost as much as the first.
 */
static vm_fault_t fault(struct mmiod_window *window, struct vm_fault *vmf, unsigned int order)
{
	struct run run;

	if (order)
		return VM_FAULT_FALLBACK;
	run = run_from(window, vmf->vma, vmf->address & PAGE_MASK,
		       maps_by_frame(window->buffer) ? 1 : BATCH);
	return insert(window, &run, vmf->flags & FAULT_FLAG_REMOTE);
}

static vm_fault_t fill(struct mmiod_window *window, struct vm_area_struct *vma,
		       unsigned long address, bool populated)
{
	struct run run =
		run_from(window, vma, max(address & PMD_MASK, vma->vm_start), PTRS_PER_PTE);

	return insert(window, &run, populated);
}

/* Entries that are there already stay: of pages with references the kernel zaps none for us. */
static int remap(struct mmiod_window *window, struct vm_area_struct *vma, unsigned long start,
		 unsigned long length)
{
	struct run run = run_from(window, vma, start, length >> PAGE_SHIFT);

	return vm_fault_to_errno(insert(window, &run, true) & VM_FAULT_ERROR, 0);
}

/* VM_IO and VM_PFNMAP keep GUP away from memory that has no references to give. */
static int map(struct mmiod_window *window, struct vm_area_struct *vma)
{
	int ret = prepare(window);

	if (!ret)
		vm_flags_set(vma, maps_by_frame(window->buffer) ? VM_IO | VM_PFNMAP : VM_MIXEDMAP);
	return ret;
}

/* Copy within one page at a time: pages need not be neighbours. */
static void copy(struct mmiod_buffer *buffer, u64 offset, void *bounce, size_t length, bool write)
{
	while (length) {
		size_t in_page = offset_in_page(offset);
		size_t part = min_t(size_t, length, PAGE_SIZE - in_page);
		void *at = kmap_local_page(page_at(buffer, offset >> PAGE_SHIFT));

		memcpy(write ? at + in_page : bounce, write ? bounce : at + in_page, part);
		kunmap_local(at);
		offset += part;
		bounce += part;
		length -= part;
	}
}

/*
 * Takes window->lock. ENXIO: the memory is not allocated yet. The lock is held for a short copy of
 * RAM, which waits for nothing.
 */
static int touch_memory(const struct mmiod_transfer *transfer, void *bounce, size_t length)
{
	struct mmiod_window *window = transfer->window;
	int ret;

	down_read(&window->lock);
	ret = mmiod_window_usable(window);
	if (!ret && !window->buffer->allocated)
		ret = -ENXIO;
	if (!ret)
		copy(window->buffer, transfer->offset, bounce, length,
		     mmiod_access_writes(transfer->op));
	up_read(&window->lock);
	return ret;
}

/* RAM: its width is nobody's concern. */
static ssize_t touch(const struct mmiod_transfer *transfer, void *bounce, size_t length)
{
	int ret;

	if (transfer->op == MMIOD_ACCESS_FILL)
		memset(bounce, transfer->fill, length);
	ret = touch_memory(transfer, bounce, length);
	if (ret == -ENXIO)
		ret = prepare(transfer->window) ?: touch_memory(transfer, bounce, length);
	return ret ?: length;
}

static const char *origin(const struct mmiod_window *window)
{
	static const char *const kinds[] = { "", "pages", "kmalloc", "vmalloc", "dma" };

	return kinds[window->buffer->kind];
}

static const struct mmiod_window_ops ops = {
	.kind = "buffer",
	.origin = origin,
	.prepare = prepare,
	.map = map,
	.fault = fault,
	.fill = fill,
	.remap = remap,
	.touch = touch,
	.revoke = revoke,
	.dispose = dispose,
	.close = close,
	.release = release,
};

/*
 * A buffer for an operator who has no domain becomes coherent memory, at its address on the bus.
 * Nobody sees it yet. EOPNOTSUPP: nothing could give it the address that was asked for. EINVAL:
 * what such memory does not know.
 */
int mmiod_buffer_make_coherent(struct mmiod_buffer *buffer,
			       const struct mmiod_buffer_create *create)
{
	/* Nobody could keep the device from writing there, and nobody says where it is to find it. */
	if (create->dma_flags & (MMIOD_DMA_FIXED_IOVA | MMIOD_DMA_DEVICE_READS_ONLY))
		return -EOPNOTSUPP;
	if (create->zone || create->limit || create->node != NUMA_NO_NODE ||
	    create->flags & MMIOD_BUFFER_CONTIGUOUS || create->length > DMA_LONGEST)
		return -EINVAL;
	buffer->source = MMIOD_BUFFER_DMA;
	buffer->device_file = create->device_file;
	return 0;
}

/*
 * Put the buffer behind a window that nobody sees yet: it is the window's then, and goes with it.
 */
void mmiod_buffer_init_window(struct mmiod_buffer *buffer, struct mmiod_window *window)
{
	window->ops = &ops;
	window->buffer = buffer;
	window->length = buffer->length;
	window->pages = buffer->count;
	buffer->window = window;
}

/*
 * Where a window's memory is for the device of that device file, MMIOD_IOVA_NONE and 0: nowhere.
 * Needs no lock.
 */
u64 mmiod_buffer_iova(const struct mmiod_window *window, u64 *device_file)
{
	const struct mmiod_buffer *buffer = window->buffer;

	*device_file = buffer ? buffer->device_file : 0;
	if (*device_file && READ_ONCE(buffer->allocated))
		return buffer->bus;
	if (!buffer || !buffer->domain)
		return MMIOD_IOVA_NONE;
	*device_file = buffer->domain->device_file;
	return (u64)buffer->iova.start << PAGE_SHIFT;
}

/* ---- calls ---- */

int mmiod_call_allocate(struct mmiod_call *call)
{
	const struct mmiod_buffer_allocate *allocate = call->arg;
	struct mmiod_window *window = call->file->private_data;

	if (allocate->flags || !window->ops->prepare)
		return -EINVAL;
	return window->ops->prepare(window);
}

/*
 * A kernel address as the kernel itself would print it to the caller: hashed, unless it was booted
 * with no_hash_pointers; 0 where kptr_restrict or lockdown withhold it.
 */
static u64 shown_address(const void *address)
{
	char text[2 * sizeof(u64) + 1];
	u64 shown;

	if (!address || security_locked_down(LOCKDOWN_KCORE))
		return 0;
	snprintf(text, sizeof(text), "%pK", address);
	return kstrtou64(text, 16, &shown) ? 0 : shown;
}

static int describe(const struct mmiod_buffer *buffer, struct mmiod_buffer_info *info)
{
	if (info->page >= buffer->count)
		return -EINVAL;
	info->kind = buffer->kind;
	info->flags = buffer->flags;
	info->zone = buffer->zone;
	info->node = buffer->node;
	info->length = buffer->length;
	info->allocated = buffer->allocated;
	info->capacity = 0;
	info->phys = 0;
	info->kernel = 0;
	info->bus = 0;
	info->runs = 0;
	if (!buffer->allocated)
		return 0;
	info->capacity = buffer->capacity;
	info->phys = page_to_phys(page_at(buffer, info->page));
	info->kernel = shown_address(buffer->memory);
	info->bus = buffer->domain ? (u64)buffer->iova.start << PAGE_SHIFT : buffer->bus;
	info->runs = buffer->runs;
	return 0;
}

int mmiod_call_buffer_info(struct mmiod_call *call)
{
	struct mmiod_buffer_info *info = call->arg;
	struct mmiod_window *window = mmiod_window_find(info->window_id);
	int ret = -ENOENT;

	if (!window)
		return ret;
	if (window->buffer) {
		down_read(&window->lock);
		ret = describe(window->buffer, info);
		up_read(&window->lock);
	}
	mmiod_window_put(window);
	return ret;
}
