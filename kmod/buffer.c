// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers: kernel memory behind a window instead of a device's.
 *
 * The daemon makes the window; the memory is allocated when the client first touches it, in the
 * client's context, so that __GFP_ACCOUNT charges the client's memory cgroup. All of it is under
 * window->lock: written to publish what was allocated and to free, read to map and to copy.
 *
 * Two ways to map. Pages of their own (PAGES, VMALLOC) are mapped with a reference each: O_DIRECT
 * and the like can pin them, and a page that somebody still pins is not recycled when the buffer is
 * freed. Memory that must be freed as a whole (KMALLOC, DMA) is mapped by frame number without
 * references, so it cannot be pinned, and it is freed only after the zap. Revocation frees at once,
 * but for DMA memory, which a device may still write to: that stays until the window's file goes,
 * or until the device itself does, whose bus mastering is cut off before.
 */
#include <linux/dma-mapping.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "internal.h"

static bool maps_by_frame(const struct mmiod_buffer *buffer)
{
	return buffer->kind == MMIOD_BUFFER_KMALLOC || buffer->kind == MMIOD_BUFFER_DMA;
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
	return gfp | zones[buffer->zone] | __GFP_ZERO | __GFP_ACCOUNT | __GFP_NOWARN;
}

/*
 * vmalloc's own page tables ignore the flags it is given, and wake the OOM killer whatever these
 * say. So what is plainly not there is not tried. An estimate, as MemAvailable is.
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
 * One block of the buddy allocator, split into pages of
 * their own; those beyond the length go back at once.
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

static int allocate_vmalloc(struct mmiod_buffer *buffer)
{
	buffer->memory = __vmalloc(buffer->length, gfp_of(buffer));
	buffer->capacity = buffer->length;
	return buffer->memory ? 0 : -ENOMEM;
}

static int allocate_dma(struct mmiod_buffer *buffer)
{
	if (!buffer->dev)
		return -ENODEV;
	buffer->memory =
		dma_alloc_coherent(buffer->dev, buffer->length, &buffer->bus, gfp_of(buffer));
	buffer->capacity = buffer->length;
	return buffer->memory ? 0 : -ENOMEM;
}

static int allocate_by_kind(struct mmiod_buffer *buffer)
{
	switch (buffer->kind) {
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

/* Gives the memory back to whom it came from; what is freed is nobody's any more. */
static void give_back(struct mmiod_buffer *buffer)
{
	switch (buffer->kind) {
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
	if (buffer->kind == MMIOD_BUFFER_PAGES)
		return buffer->pages[index];
	if (is_vmalloc_addr(buffer->memory))
		return vmalloc_to_page(buffer->memory + (index << PAGE_SHIFT));
	return virt_to_page(buffer->memory + (index << PAGE_SHIFT));
}

/*
 * Looks at each page once: does it lie where it was asked to? Zones are only a means to that: where
 * they end differs by architecture, and a kernel may do without one. Counts the runs meanwhile, so
 * that nobody who asks for them costs such a walk.
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

/* The caller sees to it that there is one at a time, and sets ->allocated under window->lock. */
int mmiod_buffer_allocate(struct mmiod_buffer *buffer)
{
	int ret = is_there(buffer) ? allocate_by_kind(buffer) : -ENOMEM;

	if (ret)
		return ret;
	ret = survey(buffer);
	if (ret)
		give_back(buffer);
	return ret;
}

static void free_memory(struct mmiod_buffer *buffer)
{
	if (!buffer->allocated)
		return;
	give_back(buffer);
	WRITE_ONCE(buffer->allocated, false);
}

/* The window is revoked and zapped: nothing of the client's reaches the memory any more. */
void mmiod_buffer_revoke(struct mmiod_buffer *buffer)
{
	if (buffer->kind != MMIOD_BUFFER_DMA)
		free_memory(buffer);
}

/*
 * The device goes and can no longer write: its DMA memory
 * must be given back while its driver is still bound.
 */
void mmiod_buffer_detach(struct mmiod_buffer *buffer)
{
	free_memory(buffer);
	buffer->dev = NULL;
}

void mmiod_buffer_free(struct mmiod_buffer *buffer)
{
	free_memory(buffer);
	kfree(buffer);
}

/* ---- creation ---- */

/*
 * The highest zone that ends at or below a limit, by x86's ends, is where the memory is asked for.
 * What came is looked at (survey), as zones end elsewhere on other machines.
 */
static int apply_limit(struct mmiod_buffer *buffer, u64 limit)
{
	u32 needed;

	if (!limit)
		return 0;
	if (buffer->kind != MMIOD_BUFFER_PAGES && buffer->kind != MMIOD_BUFFER_VMALLOC)
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

static int check_create(const struct mmiod_buffer_create *create)
{
	if (create->kind < MMIOD_BUFFER_PAGES || create->kind > MMIOD_BUFFER_DMA ||
	    create->flags & ~MMIOD_BUFFER_FLAGS || create->reserved ||
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
	    (create->kind == MMIOD_BUFFER_VMALLOC || create->kind == MMIOD_BUFFER_DMA))
		return -EINVAL;
	if (create->flags & MMIOD_BUFFER_CONTIGUOUS && create->kind != MMIOD_BUFFER_PAGES)
		return -EINVAL;
	/*
	 * The slab allocator has no caches for DMA32, and
	 * a coherent buffer's zone is its device's affair.
	 */
	if (create->zone == MMIOD_ZONE_DMA32 && create->kind == MMIOD_BUFFER_KMALLOC)
		return -EINVAL;
	if (create->kind != MMIOD_BUFFER_DMA)
		return create->pci || create->domain_high || create->dma_bits ? -EINVAL : 0;
	if (create->zone || create->domain_high > U16_MAX)
		return -EINVAL;
	return create->dma_bits && (create->dma_bits < 24 || create->dma_bits > 64) ? -EINVAL : 0;
}

struct mmiod_buffer *mmiod_buffer_new(const struct mmiod_buffer_create *create)
{
	struct mmiod_buffer *buffer;
	int ret = check_create(create);

	if (ret)
		return ERR_PTR(ret);
	buffer = kzalloc(sizeof(*buffer), GFP_KERNEL_ACCOUNT);
	if (!buffer)
		return ERR_PTR(-ENOMEM);
	mutex_init(&buffer->allocating);
	buffer->kind = create->kind;
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

vm_fault_t mmiod_buffer_fault(struct mmiod_buffer *buffer, struct vm_fault *vmf)
{
	struct page *page = page_at(buffer, vmf->pgoff);

	if (maps_by_frame(buffer))
		return vmf_insert_pfn(vmf->vma, vmf->address & PAGE_MASK, page_to_pfn(page));
	get_page(page);
	vmf->page = page;
	return 0;
}

/* VM_IO and VM_PFNMAP keep GUP away from memory that has no references to give. */
unsigned long mmiod_buffer_vm_flags(const struct mmiod_buffer *buffer)
{
	return maps_by_frame(buffer) ? VM_IO | VM_PFNMAP : 0;
}

/* Copy within one page at a time: pages need not be neighbours. */
void mmiod_buffer_copy(struct mmiod_buffer *buffer, u64 offset, void *bounce, size_t length,
		       bool write)
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

int mmiod_buffer_describe(const struct mmiod_buffer *buffer, struct mmiod_buffer_info *info)
{
	if (info->page >= buffer->count)
		return -EINVAL;
	info->kind = buffer->kind;
	info->flags = buffer->flags;
	info->zone = buffer->zone;
	info->node = buffer->node;
	info->length = buffer->length;
	info->allocated = buffer->allocated;
	info->capacity = info->phys = info->kernel = info->bus = info->runs = 0;
	if (!buffer->allocated)
		return 0;
	info->capacity = buffer->capacity;
	info->phys = page_to_phys(page_at(buffer, info->page));
	info->kernel = shown_address(buffer->memory);
	info->bus = buffer->bus;
	info->runs = buffer->runs;
	return 0;
}
