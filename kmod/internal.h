/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The module's objects and who may touch them.
 *
 *	device	a PCI function bound to the driver		pci.c, command.c, suspend.c
 *	region	a named, reserved physical range		region.c
 *	buffer	kernel memory for a client, behind a window	buffer.c
 *	window	a sub-range of a region, one file each		window.c (object), create.c, file.c,
 *								mapping.c, leaf.c, access.c
 *	control	an open /dev/mmiod, with its event queue	control.c
 *	(none)	page tables, to walk				walk.c
 *	(none)	what others' addresses and frames are		inspect.c
 *
 * Locks, outermost first:
 *
 *	device lock		the driver core's, of one function: held by who calls probe, remove,
 *				and what resets, sleeps and recovers. Never taken by us, but tried.
 *	mmap_lock		read, in populate (the caller's) and in translate (any process's);
 *				write, in populate of exactly some pages; otherwise never taken by us.
 *	a VMA's own lock	read: all that a huge fault has. Write, under mmap_lock: to keep such
 *				faults out, before a split and while pages are remapped.
 *	mmiod_lock		mutex: all lists and trees of devices, regions and windows. Never
 *				taken under mmap_lock: ->release runs from task work, not from
 *				munmap.
 *	buffer->allocating	mutex: one allocation at a time, by the client. A revoke never takes
 *				it.
 *	window->lock		rwsem: the window's state. Read: to insert page-table entries or
 *				touch the device. Write: to change the state, followed by the zap.
 *				No user access, no GUP, no mmap_lock and no mmiod_lock under it.
 *	i_mmap, page-table lock	the kernel's, in unmap_mapping_range() and vmf_insert_pfn()
 *	device->command		mutex: our writes to a function's COMMAND register. A leaf; a dead
 *				function makes its holder wait for some completion timeouts.
 *	events_lock		spinlock: the queues of all control files (control.c)
 *
 * Lifetimes: a window lives as long as its file (VMAs hold the file), a region as long as its claim
 * or a window, and a device's resources end in ->remove, whoever still holds a window: by then
 * nothing can reach the pages any more.
 */
#ifndef MMIOD_INTERNAL_H
#define MMIOD_INTERNAL_H

#include <linux/build_bug.h>
#include <linux/fs.h>
#include <linux/interval_tree.h>
#include <linux/ioport.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/rwsem.h>
#include <linux/wait.h>
#include <linux/mmiod.h>

#include "compat.h"

extern struct mutex mmiod_lock;

/* Bytes of one bus access: no more than the machine loads and stores at once. */
static inline bool mmiod_width_valid(u32 width)
{
	return width <= sizeof(long) && is_power_of_2(width);
}

/* ---- pci.c ---- */

/* Why a device's windows are suspended. */
#define MMIOD_DEVICE_RESET BIT(0)
#define MMIOD_DEVICE_SLEEP BIT(1)
#define MMIOD_DEVICE_ERROR BIT(2)
#define MMIOD_DEVICE_LOST BIT(3) /* for good: nothing can be claimed, and what was has ended */
#define MMIOD_DEVICE_GONE BIT(4) /* likewise: ->remove has begun */

struct mmiod_device {
	/* Constant once published. */
	struct pci_dev *pdev;
	u64 number; /* MMIOD_PCI_DEVICE */
	u32 generation;
	struct pci_saved_state *pristine; /* configuration at probe, without bus mastering */
	struct resource *bars[PCI_STD_NUM_BARS]; /* requested at probe; NULL: no such BAR */
	unsigned int
		line; /* INTx, kept from everybody; 0: it can be switched off, or there is none */

	/* Under mmiod_lock. */
	struct list_head node; /* in the list of bound devices */
	struct list_head regions; /* claimed within it */
	struct list_head buffers; /* of kind DMA, revoked ones included */
	u32 reasons; /* MMIOD_DEVICE_*; written under the device lock, too */
	u32 changes; /* of reasons, so far */
	u32 dma_bits; /* that its buffers were made with */
	bool unbounded; /* it was said that no IOMMU bounds it */

	struct mutex command;
	struct delayed_work deadline; /* of a recovery; queued under the device lock */
};

#define MMIOD_DMA_BITS 32 /* unless asked for others */

static inline u64 mmiod_device_number(u32 address, u32 domain_high)
{
	return (u64)domain_high << 32 | address;
}

int mmiod_pci_init(void);
void mmiod_pci_exit(void);
struct mmiod_device *mmiod_device_find(u32 address, u32 domain_high);
void mmiod_device_end_windows(struct mmiod_device *device);
bool mmiod_pci_owns_range(u64 start, u64 length);

/* ---- command.c ---- */

bool mmiod_pci_answers(struct pci_dev *pdev);
void mmiod_assert_master(struct mmiod_device *device);
void mmiod_command_off(struct mmiod_device *device);
void mmiod_intx_off(struct mmiod_device *device);
void mmiod_command_wait(struct mmiod_device *device);

/* ---- suspend.c ---- */

extern const struct pci_error_handlers mmiod_error_handlers;
extern const struct dev_pm_ops mmiod_pm_ops;
void mmiod_device_deadline(struct work_struct *work);

/* ---- region.c ---- */

#define MMIOD_IOMEM_PREFIX "mmiod:"

struct mmiod_region {
	/* Made by the cache's constructor, back in that state when the object is freed. */
	struct list_head windows; /* those not revoked, under mmiod_lock */

	struct kref ref; /* one for the claim, one for each window */
	u64 id;
	u32 kind;
	u32 pci;
	u32 domain_high;
	u32 bar;
	u32 generation;
	u64 offset;
	u64 length;
	phys_addr_t phys;
	u32 width;
	u32 flags; /* MMIOD_REGION_* */
	struct mmiod_device *device; /* NULL for ranges, and once the claim has ended */
	struct resource *parent; /* what res was requested in */
	struct resource *res; /* NULL once the claim has ended */
	struct list_head node; /* in device->regions */
	u32 nr_windows; /* in windows */
	char iomem_name[sizeof(MMIOD_IOMEM_PREFIX) + MMIOD_NAME_MAX]; /* /proc/iomem shows it */
};

static inline const char *mmiod_region_name(const struct mmiod_region *region)
{
	return region->iomem_name + sizeof(MMIOD_IOMEM_PREFIX) - 1;
}

extern struct kmem_cache *mmiod_region_cache;
struct mmiod_region *mmiod_region_find(u64 id);
void mmiod_region_get(struct mmiod_region *region);
void mmiod_region_put(struct mmiod_region *region);
void mmiod_region_end(struct mmiod_region *region);
void mmiod_region_set_suspended(struct mmiod_region *region, bool suspended);
void mmiod_region_exit(void);

/* ---- buffer.c ---- */

struct mmiod_buffer {
	/* Constant once the window is visible. */
	u32 kind;
	u32 flags;
	u32 zone;
	int node; /* NUMA_NO_NODE: any */
	u64 limit; /* no page ends above it; 0: anywhere */
	u64 length;
	unsigned long count; /* pages of length */

	/* DMA: under mmiod_lock. */
	struct list_head dma_node; /* in device->buffers */
	struct mmiod_window *window;

	struct mutex allocating; /* held while memory of all kinds but DMA is allocated */

	/* Under window->lock; what comes after `allocated` is nobody's but the allocation's till then. */
	struct device *dev; /* DMA: NULL once the device has gone */
	bool allocated;
	struct page **pages; /* PAGES: one reference each */
	void *memory; /* others: kernel address */
	dma_addr_t bus;
	u64 capacity;
	u64 runs; /* physically contiguous pieces */
};

struct mmiod_buffer *mmiod_buffer_new(const struct mmiod_buffer_create *create);
void mmiod_buffer_free(struct mmiod_buffer *buffer);
int mmiod_buffer_allocate(struct mmiod_buffer *buffer);
void mmiod_buffer_revoke(struct mmiod_buffer *buffer);
void mmiod_buffer_detach(struct mmiod_buffer *buffer);
vm_fault_t mmiod_buffer_fault(struct mmiod_buffer *buffer, struct vm_fault *vmf);
unsigned long mmiod_buffer_vm_flags(const struct mmiod_buffer *buffer);
void mmiod_buffer_copy(struct mmiod_buffer *buffer, u64 offset, void *bounce, size_t length,
		       bool write);
int mmiod_buffer_describe(const struct mmiod_buffer *buffer, struct mmiod_buffer_info *info);
int mmiod_pci_admit_dma(struct mmiod_device *device);
int mmiod_pci_set_dma_bits(struct mmiod_device *device, u32 bits);
void mmiod_pci_attach_buffer(struct mmiod_device *device, struct mmiod_buffer *buffer);
void mmiod_pci_detach_buffer(struct mmiod_buffer *buffer);

/* ---- window.c ---- */

#define MMIOD_SUSPENDED_BY_DAEMON BIT(0)
#define MMIOD_SUSPENDED_BY_DEVICE BIT(1)

struct mmiod_window {
	/* Made by the cache's constructor, back in that state when the object is freed. */
	struct rw_semaphore lock;
	wait_queue_head_t poll;

	/* Set before the file is visible, constant afterwards. */
	u64 id; /* 0: never registered */
	struct mmiod_region *region; /* or NULL, and */
	struct mmiod_buffer *buffer; /* owned */
	struct inode *inode; /* owned by the file; its i_mapping holds all VMAs of this window */
	u64 offset;
	u64 length;
	phys_addr_t phys;
	unsigned long pages; /* 0: does not own whole pages, cannot be mapped */
	u32 flags;
	u32 attr;
	u32 width;
	u8 tag[MMIOD_TAG_SIZE];
	struct page *dummy; /* MMIOD_WINDOW_DUMMY; freed with the window, when no VMA is left */

	/* Under mmiod_lock. */
	struct rb_node ledger; /* in the tree of all windows, by id */
	struct interval_tree_node pfns; /* in the tree of live windows, by page frame */
	struct list_head node; /* in region->windows */
	bool listed; /* not revoked; a region's window is in both */

	/* Under lock. */
	bool revoked;
	u32 suspended; /* MMIOD_SUSPENDED_BY_* */
	void __iomem *io; /* mediated access; made on first use, gone when revoked */

	atomic_t mappings;
	atomic64_t leaves[2][MMIOD_LEAVES]; /* page-table leaves made: on fault, in advance */
	atomic64_t reads, writes;
};

extern struct kmem_cache *mmiod_window_cache;
extern unsigned int mmiod_max_windows;
int mmiod_window_list(struct mmiod_window *window, u64 *conflict);
int mmiod_window_prepare(struct mmiod_window *window);
const char *mmiod_window_origin(const struct mmiod_window *window);
void mmiod_window_free(struct mmiod_window *window);
int mmiod_window_locked_state(struct mmiod_window *window);
int mmiod_window_state(const struct mmiod_window *window);
int mmiod_window_usable(const struct mmiod_window *window);
int mmiod_window_locked_usable(struct mmiod_window *window);
__poll_t mmiod_window_poll_events(int state);
void mmiod_window_revoke(struct mmiod_window *window);
void mmiod_window_suspend(struct mmiod_window *window, u32 reason, bool suspend);
unsigned int mmiod_window_count(void);

/* ---- file.c ---- */

struct file *mmiod_window_open(struct mmiod_window *window);
int mmiod_files_pin(void);
void mmiod_files_unpin(void);

/* ---- mapping.c ---- */

struct mmiod_call;
int mmiod_window_mmap(struct file *file, struct vm_area_struct *vma);
struct mmiod_window *mmiod_vma_window(const struct vm_area_struct *vma);
int mmiod_call_populate(struct mmiod_call *call);

/* ---- leaf.c ---- */

static inline u64 mmiod_leaf_count(struct mmiod_window *window, enum mmiod_leaf leaf,
				   bool populated)
{
	return atomic64_read(&window->leaves[populated][leaf]);
}

u64 mmiod_leaf_pages(struct mmiod_window *window, bool populated);
void mmiod_leaf_made(struct mmiod_window *window, const struct vm_fault *vmf, enum mmiod_leaf leaf);
bool mmiod_leaf_in_bounds(const struct mmiod_window *window, pgoff_t first, unsigned long pages);
bool mmiod_leaf_fits(const struct mmiod_window *window, const struct vm_area_struct *vma,
		     unsigned long address, unsigned int order);
vm_fault_t mmiod_leaf_insert(struct mmiod_window *window, struct vm_fault *vmf, unsigned int order);
vm_fault_t mmiod_leaf_insert_table(struct mmiod_window *window, struct vm_area_struct *vma,
				   unsigned long address, bool populated);
int mmiod_leaf_remap(struct mmiod_window *window, struct vm_area_struct *vma, unsigned long start,
		     unsigned long length);
bool mmiod_leaf_may_be_huge(const struct mmiod_window *window, const struct vm_area_struct *vma,
			    unsigned long address);
unsigned long mmiod_leaf_area(struct file *file, unsigned long wish, unsigned long length,
			      unsigned long pgoff, unsigned long flags);

/* ---- walk.c ---- */

#if defined(CONFIG_X86_64) || defined(CONFIG_ARM64)
#define MMIOD_CAN_WALK
#endif

/* What the processor meets on its way to an address. */
struct mmiod_walk {
	unsigned long address;
	u64 entries[MMIOD_LEVELS]; /* raw, by enum mmiod_level */
	u32 walked; /* bit per level: an entry was read there */
	unsigned long leaf_size; /* bytes that the last entry maps, 0: it is not present */
	unsigned long pfn; /* of the leaf's first page */
};

void mmiod_walk(struct mm_struct *mm, struct mmiod_walk *walk);
unsigned long mmiod_leaf_size(struct mm_struct *mm, unsigned long address);

/* ---- access.c ---- */

ssize_t mmiod_window_read(struct file *file, char __user *buf, size_t count, loff_t *pos);
ssize_t mmiod_window_write(struct file *file, const char __user *buf, size_t count, loff_t *pos);
int mmiod_call_access(struct mmiod_call *call);

/* ---- ioctl.c ---- */

/*
 * One ioctl in flight: its argument, and a file that it
 * makes, installed only after the answer was copied out.
 */
struct mmiod_call {
	struct file *file; /* that the ioctl came in on */
	void *arg; /* kernel copy, zero-extended to the known size */
	struct file *new_file;
	int new_fd;
};

struct mmiod_ioctl {
	unsigned int cmd;
	u32 min_size; /* what version 1 of the ABI had */
	u32 known_size;
	int (*handler)(struct mmiod_call *call);
};

/* Room for the argument of any call, on the stack of the one that dispatches. */
union mmiod_argument {
	struct mmiod_region_claim claim;
	struct mmiod_region_info region;
	struct mmiod_window_create create;
	struct mmiod_window_info window;
	struct mmiod_buffer_create buffer_create;
	struct mmiod_buffer_info buffer;
	struct mmiod_translate translate;
	struct mmiod_page page;
};

/* The size of an argument, which does not compile if there is no room for it. */
#define MMIOD_ARGUMENT_SIZE(_type) \
	(sizeof(_type) + BUILD_BUG_ON_ZERO(sizeof(_type) > sizeof(union mmiod_argument)))

/* For a structure that is as version 1 had it. */
#define MMIOD_IOCTL(_cmd, _type, _handler)                                       \
	{                                                                        \
		.cmd = (_cmd), .min_size = sizeof(_type),                        \
		.known_size = MMIOD_ARGUMENT_SIZE(_type), .handler = (_handler), \
	}

/* For one that grew: @_last was the last member in version 1. */
#define MMIOD_IOCTL_GROWN(_cmd, _type, _last, _handler)                          \
	{                                                                        \
		.cmd = (_cmd), .min_size = offsetofend(_type, _last),            \
		.known_size = MMIOD_ARGUMENT_SIZE(_type), .handler = (_handler), \
	}

long mmiod_ioctl(struct file *file, const struct mmiod_ioctl *table, size_t count, unsigned int cmd,
		 unsigned long arg);

/* ---- control.c ---- */

int mmiod_control_init(void);
void mmiod_control_exit(void);
void mmiod_control_event(u32 type, u32 value, u64 id);
/* The control file's calls, each beside the object it works on. */
int mmiod_call_region_claim(struct mmiod_call *call);
int mmiod_call_region_release(struct mmiod_call *call);
int mmiod_call_region_next(struct mmiod_call *call);
int mmiod_call_window_create(struct mmiod_call *call);
int mmiod_call_window_set_state(struct mmiod_call *call);
int mmiod_call_window_next(struct mmiod_call *call);
int mmiod_call_buffer_create(struct mmiod_call *call);
int mmiod_call_buffer_info(struct mmiod_call *call);
int mmiod_call_allocate(struct mmiod_call *call);
int mmiod_call_translate(struct mmiod_call *call);
int mmiod_call_page(struct mmiod_call *call);

#endif
