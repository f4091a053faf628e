// SPDX-License-Identifier: GPL-2.0-only
/*
 * The making of windows. The extents that a WINDOW_CREATE asks for are checked and placed in their
 * region, a BUFFER_CREATE's buffer is put behind a window; then the file is opened and the window
 * enters the ledger, both under mmiod_lock. The file owns the window from the moment it exists; the
 * descriptor is handed out last.
 */
#include <linux/file.h>
#include <linux/slab.h>

#include "internal.h"

/* Zero means one extent, as ever. */
static int check_extents(const struct mmiod_window_create *create)
{
	if (create->reserved2)
		return -EINVAL;
	if (!create->nr_extents)
		return create->extents ? -EINVAL : 0;
	if (create->nr_extents < 2 || create->nr_extents > MMIOD_WINDOW_EXTENTS_MAX)
		return -EINVAL;
	return create->offset ? -EINVAL : 0;
}

static int check_create(const struct mmiod_window_create *create)
{
	if (create->flags & ~MMIOD_WINDOW_FLAGS || create->reserved || !create->length)
		return -EINVAL;
	if (create->width && !mmiod_width_valid(create->width))
		return -EINVAL;
	if (check_extents(create))
		return -EINVAL;
	switch (create->attr) {
	case MMIOD_ATTR_UC:
	case MMIOD_ATTR_WC: /* but for ports */
		return 0;
	case MMIOD_ATTR_WB:
		return -EOPNOTSUPP;
	default:
		return -EINVAL;
	}
}

/* Whole elements only; a width that the region declares is not the window's to change. */
static int check_width(const struct mmiod_window *window)
{
	u32 declared = window->region->width;

	if (declared && window->width != declared)
		return -EINVAL;
	if (window->width &&
	    ((mmiod_extent_phys(window, 0) | window->length) & (window->width - 1)))
		return -EINVAL;
	return 0;
}

/* Nothing that is for pages. */
static int check_ports(const struct mmiod_window *window)
{
	if (!mmiod_region_is_ports(window->region))
		return 0;
	if (window->attr != MMIOD_ATTR_UC)
		return -EOPNOTSUPP;
	return window->nr_extents > 1 || window->width > MMIOD_PORTS_WIDTH_MAX ? -EINVAL : 0;
}

static int place(struct mmiod_window *window, const struct mmiod_window_create *create)
{
	int ret;

	window->width = create->width ?: window->region->width;
	ret = check_ports(window) ?: mmiod_extents_place(window, create->offset, create->length);
	return ret ?: check_width(window);
}

/* The result of a look at the device, and its date: it holds while device->changes is the same. */
struct look {
	u32 changes;
	bool answers;
	bool stale; /* they have changed: look again */
};

/*
 * Ask the device, if there is one, outside mmiod_lock: a dead one costs a completion timeout for
 * each read. While it is being reset it is not asked.
 */
static void ask_device(u64 region_id, struct look *look)
{
	struct mmiod_region *region;
	struct pci_dev *pdev = NULL;
	u16 decoding = 0;

	*look = (struct look){};
	mutex_lock(&mmiod_lock);
	region = mmiod_region_find(region_id);
	if (region && region->device) {
		look->changes = region->device->changes;
		decoding = mmiod_region_is_ports(region) ? PCI_COMMAND_IO : 0;
		if (!region->device->reasons)
			pdev = pci_dev_get(region->device->pdev);
	}
	mutex_unlock(&mmiod_lock);
	look->answers = pdev && mmiod_pci_answers(pdev, decoding);
	pci_dev_put(pdev);
}

/* Suspended comes first: a window on a device that is being reset is born suspended. */
static int check_device(struct mmiod_window *window, const struct mmiod_device *device,
			struct look *look)
{
	if (!device)
		return 0;
	if (device->reasons) {
		set_bit(MMIOD_SUSPENDED_BY_DEVICE, &window->state);
		return 0;
	}
	if (look->answers)
		return 0;
	look->stale = look->changes != device->changes;
	return -EIO;
}

/* While one owner's engine masters the bus nobody else may write its registers, unless it is shared. */
static int check_engine(const struct mmiod_window *window, struct mmiod_window_create *create)
{
	const struct mmiod_device *device = window->region->device;

	if (!device || !device->operation || !device->operation->master ||
	    device->operation->shares || !mmiod_window_is_engine(window) ||
	    mmiod_same_owner(device->operation->handle.owner, window->owner))
		return 0;
	create->conflict_id = device->operation->handle.id;
	return -EBUSY;
}

static int check_msix(const struct mmiod_window *window, struct mmiod_window_create *create)
{
	const struct mmiod_device *device = window->region->device;

	if (!device || !mmiod_msix_forbids(device, window))
		return 0;
	create->conflict_id = mmiod_interrupt_of_device_locked(device);
	return -EBUSY;
}

static int enter_region(struct mmiod_window *window, struct mmiod_window_create *create,
			struct look *look)
{
	struct mmiod_region *region = mmiod_region_find(create->region_id);
	int ret;

	if (!region)
		return -ENOENT;
	if (region->ending)
		return -ENODEV;
	ret = check_device(window, region->device, look);
	if (ret)
		return ret;
	window->region = region;
	mmiod_region_get(region);
	return place(window, create) ?: check_msix(window, create) ?: check_engine(window, create);
}

/* Owns the buffer, unless it fails. */
static struct mmiod_window *new_window(u32 flags, u32 attr, const u8 *tag,
				       struct mmiod_buffer *buffer)
{
	struct mmiod_window *window = kmem_cache_alloc(mmiod_window_cache, GFP_KERNEL);

	if (!window)
		return ERR_PTR(-ENOMEM);
	mmiod_window_init(window);
	if (buffer)
		mmiod_buffer_init_window(buffer, window);
	else
		mmiod_io_init_window(window);
	window->pmd_leaves = flags & MMIOD_WINDOW_HUGE || mmiod_leaf_pmd_allowed();
	window->flags = flags;
	window->attr = attr;
	memcpy(window->tag, tag, sizeof(window->tag));
	if (!(flags & MMIOD_WINDOW_DUMMY))
		return window;
	window->dummy = alloc_page(GFP_KERNEL_ACCOUNT);
	if (!window->dummy) {
		mmiod_window_put(window);
		return ERR_PTR(-ENOMEM);
	}
	memset(page_address(window->dummy), 0xff, PAGE_SIZE);
	return window;
}

/* Once *file is set it owns the window, whatever is returned. */
static int open_and_list(struct mmiod_window *window, struct file **file, u64 *conflict, u64 *id)
{
	struct file *made = mmiod_window_open(window);
	int ret;

	if (IS_ERR(made))
		return PTR_ERR(made);
	*file = made;
	ret = mmiod_window_list(window, conflict);
	*id = window->id;
	return ret;
}

/* The last step of a creation, or its undoing if `ret` says that it failed. */
static int hand_out(struct mmiod_call *call, struct mmiod_window *window, struct file *file,
		    int ret, __s32 *fd)
{
	if (!ret)
		return mmiod_hand_out(call, file, fd);
	*fd = ret;
	if (file)
		fput(file);
	else
		mmiod_window_put(window);
	return ret;
}

int mmiod_call_window_create(struct mmiod_call *call)
{
	struct mmiod_window_create *create = call->arg;
	struct mmiod_window *window;
	struct file *file = NULL;
	struct look look;
	int ret = check_create(create);

	if (ret)
		return ret;
	create->window_id = 0;
	create->conflict_id = 0;
	window = new_window(create->flags, create->attr, create->tag, NULL);
	if (IS_ERR(window))
		return PTR_ERR(window);
	window->owner = create->owner;
	ret = mmiod_extents_take(window, create);
	if (ret) {
		mmiod_window_put(window);
		return ret;
	}
	/* A reset that has come and gone since the look makes it void; root's, so not for ever. */
	do {
		ask_device(create->region_id, &look);
		mutex_lock(&mmiod_lock);
		ret = enter_region(window, create, &look)
			      ?: open_and_list(window, &file, &create->conflict_id,
					       &create->window_id);
		mutex_unlock(&mmiod_lock);
	} while (look.stale);
	return hand_out(call, window, file, ret, &create->fd);
}

/*
 * Whether the device may have coherent memory with that many address bits. The caller holds
 * mmiod_lock.
 */
static int check_coherent(struct mmiod_device *device, u32 bits, u64 length)
{
	int ret;

	if (!mmiod_quarantine_admits(device, length))
		return -ENOSPC;
	ret = mmiod_pci_admit_dma(device);
	return ret ?: mmiod_pci_set_dma_bits(device, bits);
}

static int is_fit(const struct mmiod_device *device)
{
	if (device->reasons & MMIOD_REASON_GONE)
		return -ENODEV;
	return device->reasons & MMIOD_REASON_LOST ? -EIO : 0;
}

/* The same for a buffer that is no operator's. */
static int check_dma(struct mmiod_device *device, const struct mmiod_buffer_create *create,
		     u64 length)
{
	int ret = is_fit(device);

	if (!ret && mmiod_operation_keeps_dma(device))
		ret = -EBUSY;
	return ret ?: check_coherent(device, create->dma_bits ?: MMIOD_DMA_BITS, length);
}

/* Takes mmiod_lock. */
static int create_buffer(struct mmiod_window *window, struct mmiod_buffer_create *create,
			 struct file **file, struct mmiod_device *device)
{
	int ret;

	mutex_lock(&mmiod_lock);
	ret = device ? check_dma(device, create, window->length) : 0;
	if (!ret)
		ret = open_and_list(window, file, NULL, &create->window_id);
	if (!ret && device)
		mmiod_pci_attach_buffer(device, window->buffer);
	mutex_unlock(&mmiod_lock);
	return ret;
}

/*
 * The IOMMU's group is lent to the kernel's DMA API while the device has such buffers: with
 * device->vectors held, as it is taken back when it has none.
 */
static int create_dma_buffer(struct mmiod_window *window, struct mmiod_buffer_create *create,
			     struct file **file)
{
	struct mmiod_device *device =
		mmiod_device_get_by_number(mmiod_device_number(create->pci, create->domain_high));
	int ret;

	if (!device)
		return -ENODEV;
	mutex_lock(&device->vectors);
	ret = mmiod_group_lend(device);
	if (!ret)
		ret = create_buffer(window, create, file, device);
	mutex_unlock(&device->vectors);
	mmiod_settle(device);
	mmiod_device_put(device);
	return ret;
}

/* Under mmiod_lock. */
static int enter_for_operator(struct mmiod_window *window, struct mmiod_buffer_create *create,
			      struct file **file)
{
	struct mmiod_operation *operation = mmiod_operation_trusted(create->device_file);
	struct mmiod_device *device;
	int ret;

	if (IS_ERR(operation))
		return PTR_ERR(operation);
	device = operation->handle.device;
	ret = is_fit(device) ?: check_coherent(device, operation->dma_bits, window->length);
	if (ret)
		return ret;
	window->owner = operation->handle.owner;
	ret = open_and_list(window, file, NULL, &create->window_id);
	if (!ret)
		mmiod_pci_attach_buffer(device, window->buffer);
	return ret;
}

/* Where there is no IOMMU: memory of an operator who is trusted. It has an address once it is there. */
static int create_for_operator(struct mmiod_window *window, struct mmiod_buffer_create *create,
			       struct file **file)
{
	int ret = mmiod_buffer_make_coherent(window->buffer, create);

	create->iova = MMIOD_IOVA_NONE;
	if (ret)
		return ret;
	mutex_lock(&mmiod_lock);
	ret = enter_for_operator(window, create, file);
	mutex_unlock(&mmiod_lock);
	return ret;
}

/* The operator's domain, of which he may be deprived at any time; then the window ends with it. */
static int create_in_domain(struct mmiod_window *window, struct mmiod_buffer_create *create,
			    struct file **file)
{
	struct mmiod_buffer *buffer = window->buffer;
	int ret = mmiod_operation_lend_domain(create->device_file, buffer);

	if (ret == -EOPNOTSUPP)
		return create_for_operator(window, create, file);
	if (ret)
		return ret;
	window->owner = buffer->domain->owner;
	return mmiod_domain_place(buffer, &create->iova)
		       ?: create_buffer(window, create, file, NULL)
			  ?: mmiod_domain_join(buffer);
}

int mmiod_call_buffer_create(struct mmiod_call *call)
{
	struct mmiod_buffer_create *create = call->arg;
	u32 flags = create->flags & MMIOD_BUFFER_READONLY ? MMIOD_WINDOW_READONLY : 0;
	struct mmiod_buffer *buffer = mmiod_buffer_new(create);
	struct mmiod_window *window;
	struct file *file = NULL;
	int ret;

	if (IS_ERR(buffer))
		return PTR_ERR(buffer);
	window = new_window(flags, MMIOD_ATTR_WB, create->tag, buffer);
	if (IS_ERR(window)) {
		kfree(buffer);
		return PTR_ERR(window);
	}
	window->owner = create->owner;
	call->answers = create->device_file;
	if (create->device_file)
		ret = create_in_domain(window, create, &file);
	else if (create->kind == MMIOD_BUFFER_DMA)
		ret = create_dma_buffer(window, create, &file);
	else
		ret = create_buffer(window, create, &file, NULL);
	return hand_out(call, window, file, ret, &create->fd);
}
