// SPDX-License-Identifier: GPL-2.0-only
/*
 * Domains: the addresses (IOVAs) by which a function reaches its operator's buffers, and nothing
 * else. An operator who may have DMA has one, attached to the function's IOMMU group while the
 * device file is opened. Buffers get their ranges from it as they are made and are mapped once they
 * are allocated, in the client's task.
 *
 * Nothing waits for a client. Whoever maps or unmaps has that range for himself: the buffer is not
 * published before it is mapped whole, and its range is not free before it is unmapped whole. As
 * different ranges need no common lock (the kernel's own DMA API takes none either), none is held
 * over iommu_map_sg(), in which a client sleeps as long as its cgroup's memory.high says, nor over
 * iommu_unmap(), which waits for the IOTLB. A mapper looks for a revocation after each step, and
 * takes back what it has mapped before the memory is freed.
 *
 * domain->lock covers the ranges and the list of buffers. Under it a client's task neither
 * allocates nor waits; the daemon, which makes buffers, allocates.
 *
 * Lifetimes: the device has a domain while it is attached (device->domain, under mmiod_lock): from
 * DEVICE_OPEN until the operator has ended and the device is quiet, or is unbound. Attaching and
 * detaching is done with the function's device lock held. The device file and each buffer have a
 * reference; the last one frees the page tables, which nothing walks any more by then.
 */
#include <linux/delay.h>
#include <linux/iommu.h>
#include <linux/moduleparam.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "internal.h"

#define LOWEST SZ_1M /* what lies below is firmware's by tradition, and 0 is nobody's address */
#define SLOT_PAGES (SZ_2M >> PAGE_SHIFT) /* that a page table of the last level maps */
#define UNMAP_PAGES (SZ_1G >> PAGE_SHIFT) /* at a time */

#define GFP_TABLES (GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

/* ---- faults that only the tests want ---- */

#ifdef MMIOD_INJECT
static unsigned int fail_mapping;
module_param(fail_mapping, uint, 0600);
MODULE_PARM_DESC(fail_mapping, "Mapping a buffer in a domain fails at the first step from this "
			       "page on, counted from 1; 0: at none (test builds only)");

static bool hold_joins;
module_param(hold_joins, bool, 0600);
MODULE_PARM_DESC(hold_joins, "Who has made a buffer that its domain does not know yet waits while "
			     "this is set, for 30 s at most (test builds only)");

static int inject_failure(unsigned long page)
{
	unsigned int from = READ_ONCE(fail_mapping);

	return from && page + 1 >= from ? -ENOMEM : 0;
}

static void inject_wait(void)
{
	for (int i = 0; i < 1500 && READ_ONCE(hold_joins); i++)
		msleep(20);
}
#else
static int inject_failure(unsigned long page)
{
	return 0;
}

static void inject_wait(void)
{
}
#endif

/* ---- the bound on page tables ---- */

/*
 * iommu_unmap() frees a page table only if it unmaps all that it could map. So who maps a page here
 * and a page there, and releases them, leaves the tables behind until the domain goes. Those that
 * were ever needed are counted, in bits, by the slots of 2 MiB and 1 GiB that they stand for.
 */
#define SLOTS_LEFT_OVER 64
#define SLOTS_FOR_EACH 4 /* 2 MiB of buffers */

static const unsigned int slot_shifts[MMIOD_DOMAIN_LEVELS] = { 21, 30 };

/* Whether the slot is new; if it is to be marked: 1, or -ENOMEM. */
static int visit(struct xarray *slots, unsigned long slot, bool mark)
{
	unsigned long key = slot / BITS_PER_XA_VALUE, bit = BIT(slot % BITS_PER_XA_VALUE);
	unsigned long bits = xa_to_value(xa_load(slots, key));

	if (bits & bit)
		return 0;
	if (!mark)
		return 1;
	return xa_err(xa_store(slots, key, xa_mk_value(bits | bit), GFP_KERNEL_ACCOUNT)) ?: 1;
}

/* How many new slots a range needs, or -ENOMEM. Under domain->lock. */
static long visit_all(struct mmiod_domain *domain, unsigned long start, unsigned long last,
		      bool mark)
{
	long fresh = 0;

	lockdep_assert_held(&domain->lock);
	for (unsigned int level = 0; level < MMIOD_DOMAIN_LEVELS; level++) {
		unsigned int shift = slot_shifts[level] - PAGE_SHIFT;

		for (unsigned long slot = start >> shift; slot <= last >> shift; slot++) {
			int ret = visit(&domain->slots[level], slot, mark);

			if (ret < 0)
				return ret;
			fresh += ret;
			if (mark)
				WRITE_ONCE(domain->tables, domain->tables + ret);
		}
	}
	return fresh;
}

static int check_tables(struct mmiod_domain *domain, unsigned long start, unsigned long last)
{
	unsigned long pages = domain->pages + (last - start + 1);
	unsigned long most = SLOTS_LEFT_OVER + SLOTS_FOR_EACH * (pages / SLOT_PAGES);
	long fresh = visit_all(domain, start, last, false);

	return domain->tables + fresh > most ? -ENOSPC : 0;
}

/* ---- ranges, in pages ---- */

static struct interval_tree_node *in_the_way(struct mmiod_domain *domain, unsigned long start,
					     unsigned long last)
{
	return interval_tree_iter_first(&domain->closed, start, last)
		       ?: interval_tree_iter_first(&domain->taken, start, last);
}

/*
 * The first free range from @from on, or 0. A whole power of two of pages is at a multiple of
 * itself, as dma_alloc_coherent() has it, up to what the IOMMU maps by one large page.
 */
static unsigned long find_free(struct mmiod_domain *domain, unsigned long from, unsigned long pages)
{
	unsigned long align = min_t(unsigned long, roundup_pow_of_two(pages), SLOT_PAGES);
	unsigned long at = ALIGN(max(from, domain->first), align);

	lockdep_assert_held(&domain->lock);
	while (at <= domain->last && pages - 1 <= domain->last - at) {
		struct interval_tree_node *node = in_the_way(domain, at, at + pages - 1);

		if (!node)
			return at;
		at = ALIGN(node->last + 1, align);
	}
	return 0;
}

static int check_fixed(struct mmiod_domain *domain, u64 iova, unsigned long pages)
{
	unsigned long start = iova >> PAGE_SHIFT, last = start + pages - 1;

	if (!PAGE_ALIGNED(iova) || iova >> PAGE_SHIFT > domain->last || start < domain->first ||
	    pages - 1 > domain->last - start ||
	    interval_tree_iter_first(&domain->closed, start, last))
		return -EINVAL;
	if (interval_tree_iter_first(&domain->taken, start, last))
		return -EEXIST;
	return check_tables(domain, start, last);
}

/* What was asked for, or else an error, with the next free one. */
static int place_fixed(struct mmiod_domain *domain, struct mmiod_buffer *buffer, u64 *iova)
{
	unsigned long from = min_t(u64, *iova >> PAGE_SHIFT, domain->last), next;
	int ret = check_fixed(domain, *iova, buffer->count);

	buffer->iova.start = from;
	if (!ret)
		return 0;
	next = find_free(domain, from, buffer->count) ?: find_free(domain, 0, buffer->count);
	*iova = next ? (u64)next << PAGE_SHIFT : MMIOD_IOVA_NONE;
	return ret;
}

/* Below domain->dense all is taken: who has many buffers has a short search. */
static int place_first(struct mmiod_domain *domain, struct mmiod_buffer *buffer, u64 *iova)
{
	unsigned long at = find_free(domain, domain->dense, buffer->count);

	*iova = MMIOD_IOVA_NONE;
	if (!at)
		return -ENOSPC;
	if (at == domain->dense)
		domain->dense += buffer->count;
	buffer->iova.start = at;
	*iova = (u64)at << PAGE_SHIFT;
	return 0;
}

/*
 * Give a buffer that nobody sees yet its range, that at *@iova with MMIOD_DMA_FIXED_IOVA. 0 and
 * *@iova, or -errno as BUFFER_CREATE answers it, with *@iova as it says. Takes domain->lock; by the
 * daemon.
 */
int mmiod_domain_place(struct mmiod_buffer *buffer, u64 *iova)
{
	struct mmiod_domain *domain = buffer->domain;
	int ret;

	mutex_lock(&domain->lock);
	ret = buffer->dma_flags & MMIOD_DMA_FIXED_IOVA ? place_fixed(domain, buffer, iova)
						       : place_first(domain, buffer, iova);
	buffer->iova.last = buffer->iova.start + buffer->count - 1;
	if (!ret)
		ret = min(visit_all(domain, buffer->iova.start, buffer->iova.last, true), 0L);
	if (!ret) {
		interval_tree_insert(&buffer->iova, &domain->taken);
		buffer->placed = true;
		domain->pages += buffer->count;
	}
	mutex_unlock(&domain->lock);
	return ret;
}

/* The range is free again, if it was not already: nothing is mapped there. Takes domain->lock. */
void mmiod_domain_unplace(struct mmiod_buffer *buffer)
{
	struct mmiod_domain *domain = buffer->domain;

	if (!domain)
		return;
	mutex_lock(&domain->lock);
	if (buffer->placed) {
		interval_tree_remove(&buffer->iova, &domain->taken);
		domain->pages -= buffer->count;
		domain->dense = min(domain->dense, buffer->iova.start);
	}
	buffer->placed = false;
	mutex_unlock(&domain->lock);
}

/*
 * The buffer's window is in the ledger: from now on it ends with the domain. -ENODEV: that has
 * ended. Takes domain->lock.
 */
int mmiod_domain_join(struct mmiod_buffer *buffer)
{
	struct mmiod_domain *domain = buffer->domain;
	int ret = -ENODEV;

	inject_wait();
	mutex_lock(&domain->lock);
	if (!domain->ended) {
		list_add_tail(&buffer->dma_node, &domain->buffers);
		WRITE_ONCE(domain->nr_buffers, domain->nr_buffers + 1);
		ret = 0;
	}
	mutex_unlock(&domain->lock);
	return ret;
}

/* Before its window's file puts its reference. Takes domain->lock. */
void mmiod_domain_leave(struct mmiod_buffer *buffer)
{
	struct mmiod_domain *domain = buffer->domain;

	mutex_lock(&domain->lock);
	if (!list_empty(&buffer->dma_node)) {
		list_del_init(&buffer->dma_node);
		WRITE_ONCE(domain->nr_buffers, domain->nr_buffers - 1);
	}
	mutex_unlock(&domain->lock);
}

/*
 * The operator has ended: his buffers are revoked, by a kernel thread, and there are no more of
 * them. Takes domain->lock; waits for nothing else.
 */
void mmiod_domain_end(struct mmiod_domain *domain)
{
	struct mmiod_buffer *buffer;

	if (!domain)
		return;
	mutex_lock(&domain->lock);
	domain->ended = true;
	list_for_each_entry(buffer, &domain->buffers, dma_node)
		mmiod_window_revoke_later(buffer->window);
	mutex_unlock(&domain->lock);
}

/* ---- mapping; the caller has the range, see above ---- */

static u64 address_of(const struct mmiod_buffer *buffer, unsigned long index)
{
	return (u64)(buffer->iova.start + index) << PAGE_SHIFT;
}

/* The pages of one step, neighbours joined: the IOMMU maps them by pages as large as fit. */
static int map_step(struct mmiod_buffer *buffer, unsigned long from, unsigned int count)
{
	int prot = IOMMU_READ | IOMMU_CACHE;
	size_t length = (size_t)count << PAGE_SHIFT;
	struct sg_table table;
	ssize_t ret;

	if (!(buffer->dma_flags & MMIOD_DMA_DEVICE_READS_ONLY))
		prot |= IOMMU_WRITE;
	ret = sg_alloc_table_from_pages(&table, buffer->pages + from, count, 0, length, GFP_TABLES);
	if (ret)
		return ret;
	ret = mmiod_iommu_map_sg(buffer->domain->iommu, address_of(buffer, from), table.sgl,
				 table.orig_nents, prot, GFP_TABLES);
	sg_free_table(&table);
	if (ret >= 0 && ret != length)
		ret = -ENOMEM;
	return min_t(ssize_t, ret, 0);
}

/*
 * Map a buffer's pages, which are the caller's alone until it publishes them. 0 or -errno; either
 * way what was mapped is for mmiod_domain_unmap(), before the pages are freed. Nothing without a
 * domain. In the client's task, with window->preparing held.
 */
int mmiod_domain_map(struct mmiod_buffer *buffer)
{
	if (!buffer->domain)
		return 0;
	while (buffer->mapped < buffer->count) {
		unsigned long at = buffer->iova.start + buffer->mapped;
		unsigned int step = min_t(unsigned long, buffer->count - buffer->mapped,
					  SLOT_PAGES - at % SLOT_PAGES);
		int ret = inject_failure(buffer->mapped) ?: map_step(buffer, buffer->mapped, step);

		if (ret)
			return ret;
		buffer->mapped += step;
		atomic64_add(step, &buffer->domain->mapped);
		if (mmiod_window_state(buffer->window) == MMIOD_WINDOW_REVOKED)
			return -ENODEV;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

/*
 * When this returns the device does not reach the pages any more, whatever it does. By who has the
 * pages for himself, with no lock held.
 */
void mmiod_domain_unmap(struct mmiod_buffer *buffer)
{
	unsigned long step;

	if (!buffer->domain)
		return;
	for (unsigned long at = 0; at < buffer->mapped; at += step) {
		step = min_t(unsigned long, buffer->mapped - at, UNMAP_PAGES);
		iommu_unmap(buffer->domain->iommu, address_of(buffer, at), step << PAGE_SHIFT);
		atomic64_sub(step, &buffer->domain->mapped);
		cond_resched();
	}
	buffer->mapped = 0;
}

/* ---- life ---- */

void mmiod_domain_get(struct mmiod_domain *domain)
{
	kref_get(&domain->ref);
}

static void free_domain(struct kref *ref)
{
	struct mmiod_domain *domain = container_of(ref, struct mmiod_domain, ref);
	struct interval_tree_node *node;

	while ((node = interval_tree_iter_first(&domain->closed, 0, ULONG_MAX))) {
		interval_tree_remove(node, &domain->closed);
		kfree(node);
	}
	for (unsigned int level = 0; level < MMIOD_DOMAIN_LEVELS; level++)
		xa_destroy(&domain->slots[level]);
	if (domain->iommu)
		iommu_domain_free(domain->iommu);
	kfree(domain);
}

/* NULL is nothing. With no lock held but the device's and device->vectors. */
void mmiod_domain_put(struct mmiod_domain *domain)
{
	if (domain)
		kref_put(&domain->ref, free_domain);
}

/*
 * Ranges that must not be mapped, as the platform or the IOMMU has another use for them: on x86 a
 * write there is an interrupt.
 */
static int close_reserved(struct mmiod_domain *domain, struct device *dev)
{
	struct iommu_group *group = iommu_group_get(dev);
	struct iommu_resv_region *region;
	LIST_HEAD(regions);
	int ret = group ? iommu_get_group_resv_regions(group, &regions) : -ENODEV;

	list_for_each_entry(region, &regions, list) {
		struct interval_tree_node *node = kzalloc(sizeof(*node), GFP_KERNEL);

		if (!node) {
			ret = -ENOMEM;
			break;
		}
		node->start = region->start >> PAGE_SHIFT;
		node->last = (region->start + max_t(size_t, region->length, 1) - 1) >> PAGE_SHIFT;
		interval_tree_insert(node, &domain->closed);
	}
	iommu_put_resv_regions(dev, &regions);
	iommu_group_put(group);
	return ret;
}

/* What the IOMMU can do is known once it is attached. */
static int measure(struct mmiod_domain *domain, u32 bits)
{
	const struct iommu_domain_geometry *geometry = &domain->iommu->geometry;
	u64 end = min_t(u64, geometry->aperture_end, DMA_BIT_MASK(bits));

	domain->page = 1u << __ffs(domain->iommu->pgsize_bitmap);
	domain->first = max_t(u64, geometry->aperture_start, LOWEST) >> PAGE_SHIFT;
	domain->last = min_t(u64, (end - (PAGE_SIZE - 1)) >> PAGE_SHIFT, ULONG_MAX - SLOT_PAGES);
	domain->dense = domain->first;
	return domain->page > PAGE_SIZE || domain->first > domain->last ? -EOPNOTSUPP : 0;
}

static struct mmiod_domain *new_domain(void)
{
	struct mmiod_domain *domain = kzalloc(sizeof(*domain), GFP_KERNEL);

	if (!domain)
		return NULL;
	kref_init(&domain->ref);
	mutex_init(&domain->lock);
	INIT_LIST_HEAD(&domain->buffers);
	domain->taken = RB_ROOT_CACHED;
	domain->closed = RB_ROOT_CACHED;
	for (unsigned int level = 0; level < MMIOD_DOMAIN_LEVELS; level++)
		xa_init(&domain->slots[level]);
	return domain;
}

/*
 * Where it can, the IOMMU makes accesses see the caches that ask not to; elsewhere the function is
 * kept from asking, from binding on. To be done once the function is attached, whose IOMMU may not
 * be able to, and before anything is mapped.
 */
static bool enforce_coherency(struct iommu_domain *iommu)
{
	return iommu->ops->enforce_cache_coherency && iommu->ops->enforce_cache_coherency(iommu);
}

static int attach(struct mmiod_device *device, struct mmiod_domain *domain)
{
	struct iommu_domain *iommu = mmiod_iommu_domain_alloc(&device->pdev->dev);
	int ret;

	if (IS_ERR(iommu))
		return PTR_ERR(iommu);
	domain->iommu = iommu;
	ret = mmiod_group_attach(device, iommu);
	if (!ret)
		domain->coherent = enforce_coherency(iommu);
	return ret;
}

static struct mmiod_domain *attach_new(struct mmiod_device *device, u32 bits)
{
	struct mmiod_domain *domain = new_domain();
	int ret;

	if (!domain)
		return ERR_PTR(-ENOMEM);
	ret = attach(device, domain);
	if (ret)
		goto err_put;
	ret = measure(domain, bits) ?: close_reserved(domain, &device->pdev->dev);
	if (!ret)
		return domain;
	mmiod_group_detach(device, domain->iommu);
err_put:
	mmiod_domain_put(domain);
	return ERR_PTR(ret);
}

static struct mmiod_domain *open_domain(struct mmiod_device *device, u32 rights, u32 bits)
{
	bool isolated = mmiod_group_flags(device) & MMIOD_FUNCTION_ISOLATED;

	if (!isolated && !(rights & MMIOD_OPERATE_DMA_TRUSTED))
		return ERR_PTR(-EPERM);
	if (device->group)
		return attach_new(device, bits);
	if (device->group_lent)
		return ERR_PTR(-EAGAIN);
	return device->group_id == MMIOD_GROUP_NONE ? NULL : ERR_PTR(-EPERM);
}

/*
 * A new domain, attached to the function's group, with a reference; NULL: there is no IOMMU for it,
 * and it is trusted. Or an ERR_PTR: EPERM: it is not isolated, or its group is not ours to
 * attach to; EAGAIN: the group's last operator has left something attached; EOPNOTSUPP: the IOMMU
 * cannot map pages. With the function's device lock held and the driver bound; takes
 * device->vectors.
 */
struct mmiod_domain *mmiod_domain_open(struct mmiod_device *device, u32 rights, u32 bits)
{
	struct mmiod_domain *domain;

	device_lock_assert(&device->pdev->dev);
	mutex_lock(&device->vectors);
	domain = open_domain(device, rights, bits);
	/*
	 * Attaching may have switched on ATS, by which the function's word on addresses is taken; and
	 * detaching switches it off, so that nothing else tells why it was refused.
	 */
	if (!IS_ERR_OR_NULL(domain) && device->pdev->ats_enabled) {
		WRITE_ONCE(device->translates, true);
		if (!(rights & MMIOD_OPERATE_DMA_TRUSTED)) {
			mmiod_domain_close(device, domain);
			domain = ERR_PTR(-EPERM);
		}
	}
	mutex_unlock(&device->vectors);
	return domain;
}

/*
 * Detach a domain: the function reaches nothing until another one is attached. Puts the reference.
 * With the function's device lock held; NULL is nothing.
 */
void mmiod_domain_close(struct mmiod_device *device, struct mmiod_domain *domain)
{
	device_lock_assert(&device->pdev->dev);
	if (!domain)
		return;
	mmiod_group_detach(device, domain->iommu);
	/* The next one may be in a domain that enforces nothing. */
	if (domain->coherent)
		pcie_capability_clear_word(device->pdev, PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_NOSNOOP_EN);
	mmiod_domain_put(domain);
}

/* Whether the domain of an operator that has ended is still attached. Under mmiod_lock. */
bool mmiod_domain_is_left(const struct mmiod_device *device)
{
	lockdep_assert_held(&mmiod_lock);
	return device->domain &&
	       (!device->operation || device->operation->domain != device->domain);
}

/*
 * Such a domain is detached. The device masters the bus no more, or was reset. With the function's
 * device lock held; takes mmiod_lock.
 */
void mmiod_domain_reap(struct mmiod_device *device)
{
	struct mmiod_domain *domain = NULL;

	mutex_lock(&mmiod_lock);
	if (mmiod_domain_is_left(device))
		swap(domain, device->domain);
	mutex_unlock(&mmiod_lock);
	mmiod_domain_close(device, domain);
}
