/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The module's objects and who may touch them.
 *
 *	device	a PCI function bound to the driver		pci.c (object), device.c, group.c, command.c,
 *		suspend.c, quiet.c
 *	region	a named, reserved physical range		region.c
 *	buffer	kernel memory for a client, behind a window	buffer.c, quarantine.c
 *	domain	what an operator's function reaches by DMA	domain.c, group.c
 *	window	sub-ranges of a region or a buffer, with	window.c (object), create.c, extent.c,
 *		files of its own				file.c, mapping.c, leaf.c, access.c, io.c
 *	view	a file that shows windows as another file does	view.c
 *	vector	what a function interrupts by			vector.c
 *	interrupt	a client's hold on one, one file each	interrupt.c
 *	handle	the file of an operation: its id and state	handle.c
 *	operation	a client's right to operate a function	operate.c, config.c, reset.c
 *	control	an open /dev/mmiod, with its event queue	control.c
 *	(none)	page tables, to walk				walk.c
 *	(none)	others' addresses and frames, to look at		inspect.c
 *
 * Nothing that a client does makes a revoke wait. A client can put itself to sleep wherever the
 * kernel allocates for it (memory.high of its cgroup), frees, faults on its memory, or offers the
 * processor to others while its cgroup's cpu.max is spent. So with mmiod_lock or a window's lock
 * held a client's task does none of these: page tables and memory are allocated before, and freed
 * after; anything worse is left to a kernel thread (mmiod_workers), for which the client waits. One
 * case remains: if the kernel preempts itself (preempt=full) and throttles a task at once, not on
 * its return to user space as newer kernels do, a task can be stopped between any two instructions,
 * these included, until its next period.
 *
 * Locks, outermost first:
 *
 *	device lock		the driver core's, of one function: held by the callers of probe,
 *				remove and the callbacks of resets, sleep and recovery. Never taken
 *				by us, but tried.
 *	mmap_lock		read, in populate (the caller's) and in translate (any process's);
 *				write, in populate of exactly some pages; otherwise never taken by us.
 *	a VMA's own lock	read: all that a huge fault has. Write, under mmap_lock: to keep such
 *				faults out, before a split and while pages are remapped.
 *	window->preparing	mutex: one client at a time has memory allocated or device memory
 *				mapped for the kernel. Held while that sleeps; only clients take it.
 *
 *	device->vectors		mutex: whether the device is reachable, the set-up of vectors,
 *				request_irq() and free_irq(), the claim of the IOMMU's group, what
 *				asks for DMA, and the freeing of DMA memory that waited for the end
 *				of it. mmiod_lock is taken under it. A dead function makes its
 *				holder wait for some completion timeouts, a vector's end for
 *				handlers; clients leave it to a kernel thread (mmiod_settle).
 *	groups_lock		mutex: the IOMMU groups that are claimed, their members and domains
 *				(group.c); the IOMMU's own mutex of a group is taken under it, and
 *				device->command.
 *	domain->lock		mutex: an IOMMU domain's ranges and its list of buffers. A client's
 *				task neither allocates nor waits under it.
 *
 *	then one of these two; they are never held together, in either order:
 *
 *	mmiod_lock		mutex: all lists and trees of devices, regions and windows, and for
 *				how long what is in them is sure to exist. For list surgery: no zap
 *				and nothing that waits for a client. Never taken under mmap_lock:
 *				->release runs from task work, not from munmap.
 *	window->lock		rwsem: that the window's state stays as it is. Read: to insert
 *				page-table entries, and to touch a buffer. Write: to change the
 *				state, followed by the zap. No allocation, no user access, no GUP
 *				and no mmap_lock under it. REVOKED alone may be set without it, by a
 *				caller that leaves the rest to a kernel thread. To report the state
 *				it is enough to read the word.
 *
 *	handle->lock		rwsem: the same of a handle. It stands beside window->lock: no two of
 *				the three are held together. Read: to access the configuration space.
 *				Nothing sleeps under it.
 *
 *	i_mmap, page-table lock	the kernel's, in unmap_mapping_range() and vmf_insert_pfn()
 *	events_lock		spinlock: the queues of all control files (control.c)
 *	device->command		raw spinlock, interrupts off: every write to a function's COMMAND
 *				register, and the flags that decide about it; vectors and
 *				interrupts, their masks, counts, budgets and states. Handlers take
 *				it. Under it nobody is woken or signalled, which may sleep with
 *				PREEMPT_RT: that is for afterwards. The kernel's own locks of an
 *				interrupt line and of configuration space are taken under it.
 *	inode->i_lock		the kernel's, a spinlock: how many files a window has (file.c)
 *
 * Device memory is touched under no lock, see io.c.
 *
 * An interrupt has no lock of its own: a client's call on one takes device->command, or nothing. Who
 * only looks at what that lock guards, to poll or before he takes it, reads each field once.
 *
 * Lifetimes: ->release of a window's last file takes it out of the ledger; the object, its inode and
 * the buffer or region behind it live until the last reference is put. One is the files' (VMAs hold
 * a file), others are taken under mmiod_lock by whoever looks a window up to do something to it
 * without that lock. Interrupts likewise: the file's end separates the interrupt from its vector,
 * which stays set up until nobody has one of the device's. A region lives as long as its claim or
 * a window's object. A device's resources end in ->remove, whoever still holds a window: by then
 * nothing can reach the pages any more. ->remove and the device's other callbacks are called one
 * at a time (device_lock). ->remove marks the device's regions as ending, and a reset marks that
 * it has begun, under mmiod_lock; then they walk the windows without it, by rising ids, and a
 * caller that makes a window looks at the marks when it enters the window. So none is missed, and
 * none is added that the walk ought to have found. A reset of all functions below a bridge marks
 * each, and ->remove waits for that, with the device lock held: the reset only tries for that lock,
 * and so ends at once. device->quiet is queued by itself, or under
 * mmiod_lock and not once ->remove has marked the device as gone, which then waits for it.
 *
 * A function whose name ends in _locked is called with the lock held; its comment says which one.
 */
#ifndef MMIOD_INTERNAL_H
#define MMIOD_INTERNAL_H

#include <linux/build_bug.h>
#include <linux/completion.h>
#include <linux/fs.h>
#include <linux/interval_tree.h>
#include <linux/ioport.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/rbtree.h>
#include <linux/rcuwait.h>
#include <linux/rwsem.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <linux/mmiod.h>

#include "compat.h"

extern struct mutex mmiod_lock;
/* Kernel threads: in nobody's cgroup, so no client can slow them down. */
extern struct workqueue_struct *mmiod_workers;
/* Others for revocations, which may be many and long: nobody's short work queues behind them. */
extern struct workqueue_struct *mmiod_revokers;

/* Bytes of one bus access: no more than the machine loads and stores at once. */
static inline bool mmiod_width_valid(u32 width)
{
	return width <= sizeof(long) && is_power_of_2(width);
}

/* Of ports: there are no instructions for more. */
#define MMIOD_PORTS_WIDTH_MAX 4

/* 0 is nobody, and not even the same as 0. */
static inline bool mmiod_same_owner(u64 one, u64 other)
{
	return one && one == other;
}

struct iommu_domain;
struct mmiod_buffer;
struct mmiod_config;
struct mmiod_domain;
struct mmiod_operation;

/* ---- pci.c ---- */

/* Who asks for bus mastering; see mmiod_assert_master(). */
#define MMIOD_ASKS_BUFFERS BIT(0) /* there are buffers that the device may write to */
#define MMIOD_ASKS_OPERATOR BIT(1) /* its operator has switched it on */
/* All that let it reach memory that was given to it. */
#define MMIOD_ASKS_DMA (MMIOD_ASKS_BUFFERS | MMIOD_ASKS_OPERATOR)
#define MMIOD_ASKS_NO_ENGINE BIT(8) /* an interrupt of a device that writes nothing else */
#define MMIOD_ASKS_ISOLATED BIT(9) /* one of a device whose other writes the IOMMU blocks */
#define MMIOD_ASKS_VECTORS (MMIOD_ASKS_NO_ENGINE | MMIOD_ASKS_ISOLATED)

/* What holds it off. */
#define MMIOD_HELD_STORM BIT(0) /* of a vector that cannot be silenced otherwise */
#define MMIOD_HELD_QUIET BIT(1) /* its last operator may have left something running */

/* How a vector is masked; see vector.c. */
enum mmiod_mask {
	MMIOD_MASK_COMMAND,
	MMIOD_MASK_LINE,
	MMIOD_MASK_NONE,
};

/* One of a device's vectors, with or without an interrupt. */
struct mmiod_vector {
	/* Constant while it is set up. */
	struct mmiod_device *device;
	unsigned int index;
	unsigned int irq; /* the kernel's number */
	enum mmiod_mask mask;
	char name[40]; /* /proc/interrupts shows it */

	bool requested; /* under device->vectors */

	/* Under device->command. */
	struct mmiod_interrupt *interrupt; /* that has it; NULL: nobody */
	bool disabled; /* MMIOD_MASK_LINE: by us */
	bool on; /* INTx that cannot be switched off: its bit is clear nonetheless */
	bool pending; /* something came while it was masked */
	bool storm; /* silenced */
	unsigned long period; /* of 100 ms, that the next two are of */
	u32 runs;
	u64 spent; /* ns */
	unsigned long backoff, ready_at, calm_at; /* jiffies; of the last storm */

	/* The handler's own, as it never runs beside itself; see struct run. */
	u32 quantum; /* so many runs are looked at */
	u32 enough; /* or so many ticks */
	u32 fresh_runs, fresh_ticks; /* that are in no sum yet */
	unsigned long looked_at; /* in this period */
};

/* A part of a BAR that MSI-X has. */
struct mmiod_msix_part {
	u32 bar, offset, length; /* length 0: there is none */
	phys_addr_t phys;
};

struct mmiod_group;
struct mmiod_window;

struct mmiod_device {
	/* Constant once published. */
	struct pci_dev *pdev;
	u64 number; /* MMIOD_PCI_DEVICE */
	u32 generation;
	struct pci_saved_state *pristine; /* configuration at probe, without bus mastering */
	struct mmiod_config *config; /* where what lies in its configuration space */
	struct resource *bars[PCI_STD_NUM_BARS]; /* requested at probe; NULL: no such BAR */
	u32 ports; /* bit per BAR of these: it is one of I/O ports */
	bool decodes_ports; /* it has such, and answers by them */
	unsigned int intx_line; /* of its pin; 0: there is none */
	bool intx_exclusive; /* it cannot be switched off, and the line is kept from others */
	bool msi_maskable;
	u32 msi_vectors, msix_vectors; /* at most */
	struct mmiod_msix_part msix_table, msix_pending;

	struct kref ref; /* one for the driver, one for each who settles it */

	bool no_snoop; /* it was let to bypass the caches; constant once published */
	struct pci_saved_state *awake; /* configuration before D3hot; under the device lock */

	/* Under mmiod_lock. */
	struct list_head node; /* in the list of bound devices */
	struct list_head regions; /* claimed within it */
	struct list_head buffers; /* of kind DMA, revoked ones included */
	struct list_head handles; /* whose files are open, by rising ids */
	struct mmiod_domain *domain; /* attached for it; written under the device lock, too */
	struct mmiod_operation *operation; /* not revoked, and may do more than read; or NULL */
	struct list_head quarantine; /* buffers that only the device has any more */
	bool leaks; /* at its end: operators' memory is not given back, as it may write there */
	u64 leaked; /* bytes of it */
	u64 waiting; /* bytes of these */
	u32 reasons; /* MMIOD_REASON_*; written under the device lock, too */
	u32 changes; /* of reasons, so far */
	bool dirty; /* its last user may have left something running; see quiet.c */
	bool operated; /* and it was an operator who had an engine */
	bool quieting; /* the quiet work is queued or runs */
	bool never_reset; /* nor does that reset it */
	bool marked; /* a reset of all below its bridge is under way: ->remove waits for its end */
	u64 bus_owner; /* while it is: on whose behalf */
	bool bus_pristine; /* and the configuration of binding is to be restored */
	u64 quiet_owner; /* on whose behalf */
	u32 resets_begun; /* by whomever, since it was bound */
	u32 resets, resets_failed; /* by clients and by the module */
	u64 reset_us; /* these took */
	int reset_error; /* -errno of the last one, 0: it worked */
	u32 dma_bits; /* that its buffers were made with */
	bool unbounded; /* it was said that no IOMMU bounds it */
	bool msix_guarded; /* no window may be made on the table of MSI-X */

	struct mutex vectors; /* see above */
	bool reachable; /* no reason stands; written with vectors and command held */

	/* Written under vectors, in probe or in remove; to look at they need nothing. */
	struct mmiod_group *group; /* that is claimed for it, or NULL */
	struct list_head group_node; /* in its members, under groups_lock */
	bool group_lent; /* the claim was given up for the DMA API */
	bool translates; /* it had ATS with a domain; set once, read without a lock */
	u32 group_id; /* MMIOD_GROUP_NONE: there is no IOMMU for it */
	int claim_error; /* of the last try */

	/* Those that are set up; written with vectors and command held. */
	u32 interrupt_kind; /* enum mmiod_interrupt_kind; 0: none are */
	struct mmiod_vector *vector_table;
	unsigned int nr_vectors;
	struct mmiod_vector pin; /* INTx */

	raw_spinlock_t command; /* of COMMAND's writers; see above */
	u32 asks; /* MMIOD_ASKS_*; under command */
	bool wish; /* of its operator's; likewise, and written under mmiod_lock */
	u32 held; /* MMIOD_HELD_*: why it is off nonetheless; likewise */
	bool blocked; /* the IOMMU blocks what it writes to memory; likewise */
	bool mastering; /* as it was written last; likewise */
	unsigned long period; /* of 100 ms, that the next one is of; likewise */
	u64 spent; /* ns in handlers */
	bool told_mastering; /* the tell work's */

	struct work_struct settle; /* what buffers ask for, for clients */
	struct work_struct tell; /* mmiod_tell() */
	struct delayed_work quiet; /* a reset after its last user */
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
struct mmiod_device *mmiod_device_from(u64 number);
struct mmiod_device *mmiod_device_get_by_number(u64 number);
bool mmiod_pci_is_ours(const struct device *dev);
void mmiod_device_get(struct mmiod_device *device);
void mmiod_device_put(struct mmiod_device *device);
void mmiod_device_begin_end(struct mmiod_device *device);
void mmiod_device_end_windows(struct mmiod_device *device);
u64 mmiod_device_other(struct mmiod_device *device, u64 owner);
bool mmiod_device_is_bound(const struct mmiod_device *device);
bool mmiod_pci_owns_range(u64 start, u64 length);

/* ---- command.c ---- */

bool mmiod_pci_responds(struct pci_dev *pdev, u16 decoding);
bool mmiod_pci_answers(struct pci_dev *pdev, u16 decoding);
bool mmiod_assert_master_locked(struct mmiod_device *device);
void mmiod_assert_master(struct mmiod_device *device);
void mmiod_wish_master(struct mmiod_device *device, bool wish);
void mmiod_hold_master(struct mmiod_device *device, u32 flags, bool set);
void mmiod_tell(struct mmiod_device *device);
void mmiod_tell_work(struct work_struct *work);
void mmiod_settle(struct mmiod_device *device);
void mmiod_settle_later(struct mmiod_device *device);
void mmiod_settle_work(struct work_struct *work);
void mmiod_forgotten(struct mmiod_device *device);
void mmiod_command_close(struct mmiod_device *device, bool touch);
void mmiod_command_open(struct mmiod_device *device);
void mmiod_command_off(struct mmiod_device *device);
void mmiod_intx_off(struct mmiod_device *device);

/* ---- group.c ---- */

int mmiod_group_claim(struct mmiod_device *device);
void mmiod_group_release(struct mmiod_device *device);
u32 mmiod_group_flags(struct mmiod_device *device);
u32 mmiod_group_look(struct mmiod_device *device);
int mmiod_group_try(struct mmiod_device *device, u32 *flags);
int mmiod_group_attach(struct mmiod_device *device, struct iommu_domain *domain);
void mmiod_group_detach(struct mmiod_device *device, struct iommu_domain *domain);
int mmiod_group_lend(struct mmiod_device *device);
void mmiod_group_take_back(struct mmiod_device *device);

/* ---- device.c ---- */

int mmiod_msix_begin(struct mmiod_device *device, u64 *conflict);
void mmiod_msix_end(struct mmiod_device *device);
bool mmiod_msix_forbids(const struct mmiod_device *device, const struct mmiod_window *window);
void mmiod_device_look(struct mmiod_device *device);
u64 mmiod_operator_id(const struct mmiod_device *device);

/* ---- vector.c ---- */

bool mmiod_vector_apply(struct mmiod_vector *vector);
bool mmiod_vector_calm(struct mmiod_vector *vector);
void mmiod_vector_restore(struct mmiod_vector *vector);
struct mmiod_vector *mmiod_vector_get(struct mmiod_device *device, u32 kind, u32 wanted, u32 index,
				      u64 *conflict);
void mmiod_vectors_update(struct mmiod_device *device);
void mmiod_vectors_reap(struct mmiod_device *device);
void mmiod_vectors_restore(struct mmiod_device *device);
void mmiod_vectors_end(struct mmiod_device *device);
int mmiod_intx_take_line(struct mmiod_device *device);
void mmiod_intx_give_line(struct mmiod_device *device);

/* ---- interrupt.c ---- */

struct mmiod_signal;

struct mmiod_interrupt {
	/* Constant once the file is visible. */
	u64 id; /* 0: never registered */
	struct mmiod_device *device; /* a reference */
	u64 owner;
	u32 kind;
	u32 index; /* of its vector */
	u32 flags; /* as created */
	u32 budget; /* in 100 ms; 0: the parameter */
	u32 asks; /* MMIOD_ASKS_* */
	u8 tag[MMIOD_TAG_SIZE];

	struct kref ref; /* one for the file, one for each look-up */
	struct list_head node; /* in the ledger, under mmiod_lock */
	u32 told_storms; /* likewise */
	struct rcuwait reader; /* the one that sleeps in the seat */
	u32 seat_taken; /* 1: by a reader, who has set it */
	wait_queue_head_t poll; /* who polls, and readers without a seat */

	/* Under device->command. */
	unsigned long state; /* bits mmiod_state_bit; to report it nothing is needed */
	struct mmiod_vector *vector; /* NULL: it was taken away */
	bool masked; /* by itself, or by who has it */
	bool wish_masked; /* by who has it, as he said last */
	bool told_silent; /* the last QUERY */
	u64 count; /* interrupts so far */
	u64 seen; /* those that were read */
	bool storm; /* of its vector */
	u32 storms;
	u64 busy_ns; /* without what is fresh */
	struct mmiod_signal __rcu *signal; /* read under RCU */
};

bool mmiod_file_is_interrupt(const struct file *file);
ssize_t mmiod_interrupt_read(struct file *file, bool wait, char __user *buf, size_t length);
void mmiod_interrupt_notify(struct mmiod_interrupt *interrupt);
bool mmiod_interrupt_intx_is_off(struct mmiod_device *device, u64 owner);
int mmiod_interrupt_mask_intx(struct mmiod_device *device, u64 owner, bool on);
void mmiod_interrupt_get(struct mmiod_interrupt *interrupt);
void mmiod_interrupt_put(struct mmiod_interrupt *interrupt);
int mmiod_interrupt_set_state(u64 id, u32 state);
u64 mmiod_interrupt_of_device(const struct mmiod_device *device);
u64 mmiod_interrupt_other(const struct mmiod_device *device, u64 owner);
u64 mmiod_interrupt_of_device_locked(const struct mmiod_device *device);
void mmiod_interrupts_suspend(struct mmiod_device *device, bool suspend);
void mmiod_interrupts_end(struct mmiod_device *device);
void mmiod_interrupts_tell(struct mmiod_device *device);
void mmiod_interrupt_exit(void);

/* ---- suspend.c ---- */

extern const struct pci_error_handlers mmiod_error_handlers;
extern const struct dev_pm_ops mmiod_pm_ops;
void mmiod_device_deadline(struct work_struct *work);
int mmiod_device_begin(struct mmiod_device *device, u32 reason, u64 owner, bool alone,
		       u64 *conflict);
void mmiod_device_end_power(struct mmiod_device *device);
void mmiod_device_end_reset(struct mmiod_device *device, bool worked);
#ifdef MMIOD_INJECT
void mmiod_device_inject_wait(void);
#else
static inline void mmiod_device_inject_wait(void)
{
}
#endif

/* ---- region.c ---- */

#define MMIOD_IOMEM_PREFIX "mmiod:"

struct mmiod_region {
	/* Made by the cache's constructor, back in that state when the object is freed. */
	struct rb_root windows; /* those listed, by id, under mmiod_lock */

	struct kref ref; /* one for the claim, one for each window, one for each walk */
	u64 id;
	u32 kind;
	u32 pci;
	u32 domain_high;
	u32 bar;
	u32 generation;
	u64 offset;
	u64 length;
	phys_addr_t phys; /* of PORTS the first port */
	u32 width;
	u32 flags; /* MMIOD_REGION_* */
	struct mmiod_device *device; /* NULL for ranges, and once the claim has ended */
	struct resource *parent; /* that res was requested in */
	struct resource *res; /* NULL once the claim has ended */
	struct list_head node; /* in device->regions */
	u32 nr_windows; /* in windows */
	bool ending; /* under mmiod_lock: its windows are being revoked, no more are made */
	char iomem_name[sizeof(MMIOD_IOMEM_PREFIX) +
			MMIOD_NAME_MAX]; /* /proc/iomem and ioports show it */
};

static inline const char *mmiod_region_name(const struct mmiod_region *region)
{
	return region->iomem_name + sizeof(MMIOD_IOMEM_PREFIX) - 1;
}

/* Its addresses are ports, which are no memory: they meet no frame, and no page shows them. */
static inline bool mmiod_region_is_ports(const struct mmiod_region *region)
{
	return region->kind == MMIOD_REGION_PORTS;
}

extern struct kmem_cache *mmiod_region_cache;
struct mmiod_region *mmiod_region_find(u64 id);
void mmiod_region_get(struct mmiod_region *region);
void mmiod_region_put(struct mmiod_region *region);
struct mmiod_region *mmiod_region_of_device(struct mmiod_device *device, u64 id);
void mmiod_region_end(struct mmiod_region *region);
void mmiod_region_set_suspended(struct mmiod_region *region, bool suspended, u64 last_window,
				u64 owner);
u64 mmiod_region_other(struct mmiod_device *device, u64 owner, bool engines);
void mmiod_device_revoke_engines(struct mmiod_device *device, u64 owner);
void mmiod_region_exit(void);

/* ---- buffer.c ---- */

struct mmiod_buffer {
	/* Constant once the window is visible. */
	u32 kind;
	u32 source; /* the kind by which its memory is had: PAGES for DMA in a domain */
	u32 flags;
	u32 zone;
	int node; /* NUMA_NO_NODE: any */
	u64 limit; /* no page ends above it; 0: anywhere */
	u64 length;
	unsigned long count; /* pages of length */

	struct mmiod_window *window; /* that it is behind, and a part of */

	/* DMA. dev: set before the window is visible, NULL once the memory is given back. */
	struct device *dev; /* under mmiod_lock; constant for the work */
	/* In device->buffers or ->quarantine, under mmiod_lock; or in the domain's, under its lock. */
	struct list_head dma_node;
	bool waits; /* in the latter, likewise */
	struct work_struct work; /* allocates */
	struct completion done; /* by the work */
	int error; /* of the work */

	u64 device_file; /* DMA for an operator without a domain: his file; 0: none. Constant, too */
	bool forgotten; /* the device was reset after it was revoked; under mmiod_lock */

	/* DMA in a domain. */
	struct mmiod_domain *domain; /* a reference; constant once the window is visible */
	u32 dma_flags; /* MMIOD_DMA_* */
	struct interval_tree_node iova; /* in pages: constant, as well */
	bool placed; /* in the domain's ranges; under its lock */
	unsigned long mapped; /* pages, from the first on; of who has the members below */

	/*
	 * Whether the members below are the window's: written with window->lock held. Before, they
	 * are the allocation's (window->preparing, or the work); afterwards, they belong to the
	 * one that cleared it.
	 */
	bool allocated;
	bool revoked; /* it was allocated then: dispose() is to free it */
	struct page **pages; /* PAGES: one reference each */
	void *memory; /* others: kernel address */
	dma_addr_t bus;
	u64 capacity;
	u64 runs; /* physically contiguous pieces */
};

struct mmiod_buffer *mmiod_buffer_new(const struct mmiod_buffer_create *create);
int mmiod_buffer_make_coherent(struct mmiod_buffer *buffer,
			       const struct mmiod_buffer_create *create);
void mmiod_buffer_init_window(struct mmiod_buffer *buffer, struct mmiod_window *window);
void mmiod_buffer_stop(struct mmiod_buffer *buffer);
void mmiod_buffer_detach(struct mmiod_buffer *buffer);
u64 mmiod_buffer_iova(const struct mmiod_window *window, u64 *device_file);
int mmiod_pci_admit_unbounded(struct mmiod_device *device);
int mmiod_pci_admit_dma(struct mmiod_device *device);
int mmiod_pci_set_dma_bits(struct mmiod_device *device, u32 bits);
const struct mmiod_buffer *mmiod_pci_plain_buffer(const struct mmiod_device *device);
void mmiod_pci_attach_buffer(struct mmiod_device *device, struct mmiod_buffer *buffer);
bool mmiod_pci_detach_buffer(struct mmiod_buffer *buffer);

/* ---- domain.c ---- */

#define MMIOD_DOMAIN_LEVELS 2 /* of page tables that are counted */

struct mmiod_domain {
	struct kref ref; /* one for the device, one for its operation, one for each buffer */
	struct iommu_domain *iommu;

	/* Constant once it is attached; pages. */
	unsigned long first, last;
	u32 page; /* bytes of the smallest that the IOMMU maps */
	bool coherent; /* the IOMMU makes no-snoop accesses see the caches */
	u64 device_file, owner; /* of its operation; constant once that is visible */
	struct rb_root_cached closed; /* reserved ranges */

	struct mutex lock; /* covers what follows; see domain.c */
	struct rb_root_cached taken; /* buffers' */
	unsigned long dense; /* what lies below is taken or reserved */
	unsigned long pages; /* in `taken` */
	struct xarray slots[MMIOD_DOMAIN_LEVELS]; /* bits: it has needed such a page table */
	unsigned long tables; /* bits that are set */
	struct list_head buffers;
	u32 nr_buffers;
	bool ended; /* there are no more buffers */

	atomic64_t mapped; /* pages */
};

#ifdef CONFIG_IOMMU_API
int mmiod_domain_place(struct mmiod_buffer *buffer, u64 *iova);
void mmiod_domain_unplace(struct mmiod_buffer *buffer);
int mmiod_domain_join(struct mmiod_buffer *buffer);
void mmiod_domain_leave(struct mmiod_buffer *buffer);
int mmiod_domain_map(struct mmiod_buffer *buffer);
void mmiod_domain_unmap(struct mmiod_buffer *buffer);
struct mmiod_domain *mmiod_domain_open(struct mmiod_device *device, u32 rights, u32 bits);
void mmiod_domain_close(struct mmiod_device *device, struct mmiod_domain *domain);
bool mmiod_domain_is_left(const struct mmiod_device *device);
void mmiod_domain_reap(struct mmiod_device *device);
void mmiod_domain_end(struct mmiod_domain *domain);
void mmiod_domain_get(struct mmiod_domain *domain);
void mmiod_domain_put(struct mmiod_domain *domain);
#else /* there are none */
static inline int mmiod_domain_place(struct mmiod_buffer *buffer, u64 *iova)
{
	return -EOPNOTSUPP;
}

static inline void mmiod_domain_unplace(struct mmiod_buffer *buffer)
{
}

static inline int mmiod_domain_join(struct mmiod_buffer *buffer)
{
	return -EOPNOTSUPP;
}

static inline void mmiod_domain_leave(struct mmiod_buffer *buffer)
{
}

static inline int mmiod_domain_map(struct mmiod_buffer *buffer)
{
	return 0;
}

static inline void mmiod_domain_unmap(struct mmiod_buffer *buffer)
{
}

static inline struct mmiod_domain *mmiod_domain_open(struct mmiod_device *device, u32 rights,
						     u32 bits)
{
	return rights & MMIOD_OPERATE_DMA_TRUSTED ? NULL : ERR_PTR(-EPERM);
}

static inline void mmiod_domain_close(struct mmiod_device *device, struct mmiod_domain *domain)
{
}

static inline bool mmiod_domain_is_left(const struct mmiod_device *device)
{
	return false;
}

static inline void mmiod_domain_reap(struct mmiod_device *device)
{
}

static inline void mmiod_domain_end(struct mmiod_domain *domain)
{
}

static inline void mmiod_domain_get(struct mmiod_domain *domain)
{
}

static inline void mmiod_domain_put(struct mmiod_domain *domain)
{
}
#endif

/* ---- quarantine.c ---- */

bool mmiod_quarantine_admits(struct mmiod_device *device, u64 length);
bool mmiod_quarantine_enter(struct mmiod_device *device, struct mmiod_buffer *buffer);
bool mmiod_quarantine_take(struct mmiod_buffer *buffer);
void mmiod_quarantine_free(struct mmiod_device *device, bool was_reset);

/* ---- window.c ---- */

/* Bits of window->state. A revoked window may be suspended, too. */
enum mmiod_state_bit {
	MMIOD_SUSPENDED_BY_DAEMON,
	MMIOD_SUSPENDED_BY_DEVICE,
	MMIOD_REVOKED, /* for ever: nothing new is mapped or accessed */
	MMIOD_GONE, /* and earlier mappings are zapped */
};

#define MMIOD_SUSPENDED_BITS (BIT(MMIOD_SUSPENDED_BY_DAEMON) | BIT(MMIOD_SUSPENDED_BY_DEVICE))

/* The enum mmiod_window_state of such a word. */
static inline int mmiod_state_of(unsigned long state)
{
	if (state & BIT(MMIOD_REVOKED))
		return MMIOD_WINDOW_REVOKED;
	return state & MMIOD_SUSPENDED_BITS ? MMIOD_WINDOW_SUSPENDED : MMIOD_WINDOW_OK;
}

struct mmiod_transfer;

/* The operations of the memory behind a window: a device's (io.c) or a buffer (buffer.c). */
struct mmiod_window_ops {
	const char *kind; /* as fdinfo says it */
	const char *(*origin)(const struct mmiod_window *window);
	/* The first use, in the user's context. NULL: nothing to do in advance. */
	int (*prepare)(struct mmiod_window *window);
	/* ->mmap, checked by then: sets what is special about such a VMA. */
	int (*map)(struct mmiod_window *window, struct vm_area_struct *vma);
	/*
	 * Insert the entry of a fault, with window->lock held for read, the window in order, and a
	 * page table there unless @order or the place is one for a huge leaf.
	 */
	vm_fault_t (*fault)(struct mmiod_window *window, struct vm_fault *vmf, unsigned int order);
	/* Likewise the whole page table, and exactly some pages of one. */
	vm_fault_t (*fill)(struct mmiod_window *window, struct vm_area_struct *vma,
			   unsigned long address, bool populated);
	int (*remap)(struct mmiod_window *window, struct vm_area_struct *vma, unsigned long start,
		     unsigned long length);
	/* Mediated access, no lock held: bytes done, or an error if none. */
	ssize_t (*touch)(const struct mmiod_transfer *transfer, void *bounce, size_t length);
	/* With window->lock held for write, after a change of state: accesses under way end. */
	void (*quiesce)(struct mmiod_window *window);
	/* Likewise, and it is revoked: take away the memory that dispose() frees. */
	void (*revoke)(struct mmiod_window *window);
	/* Once, after revoke() and with no lock held. */
	void (*dispose)(struct mmiod_window *window);
	/*
	 * The file has gone; the window is still in the ledger. No lock held. False: it is kept
	 * there, with the file's reference, until its keeper calls mmiod_window_end().
	 */
	bool (*close)(struct mmiod_window *window);
	/* The last reference has gone. */
	void (*release)(struct mmiod_window *window);
};

/* A part of a window that lies in one piece of its region; constant once the file is visible. */
struct mmiod_extent {
	struct mmiod_window *window;
	u64 start; /* in the window: where the extent before it ends */
	u64 length; /* 0: the window is a buffer's */
	phys_addr_t phys; /* or port */
	struct interval_tree_node pfns; /* in the tree of live windows' extents; under mmiod_lock */
};

struct mmiod_window {
	/* Made by the cache's constructor, back in that state when the object is freed. */
	struct rw_semaphore lock;
	struct mutex preparing; /* page tables and memory are made ready; see above */
	wait_queue_head_t poll;

	struct kref ref; /* one for all files, one for each look-up */

	/* Set before the file is visible, constant afterwards. */
	u64 id; /* 0: never registered */
	u64 owner; /* the daemon's number for a party; 0: equals nobody */
	const struct mmiod_window_ops *ops;
	struct mmiod_region *region; /* or NULL, and */
	struct mmiod_buffer *buffer; /* owned */
	struct inode *inode; /* a reference; its i_mapping holds all VMAs of this window */
	u64 offset; /* in the region; 0 if there are several extents */
	u64 length;
	struct mmiod_extent *extents; /* &whole, or an array of its own */
	u32 nr_extents; /* from 1 */
	struct mmiod_extent whole;
	unsigned long pages; /* 0: does not own whole pages, cannot be mapped */
	u32 flags;
	u32 attr;
	u32 width;
	bool pmd_leaves; /* as its creator asked, or the parameter said when it was made */
	u8 tag[MMIOD_TAG_SIZE];
	struct page *dummy; /* MMIOD_WINDOW_DUMMY; freed with the window, when no VMA is left */

	/* Under mmiod_lock. */
	struct rb_node ledger; /* in the tree of all windows, by id */
	struct rb_node node; /* in region->windows, by id */
	bool listed; /* not revoked, or not yet gone; a region's window is in both */
	bool typed; /* its memory types are reserved; cleared under the window's lock */

	u32 files; /* under inode->i_lock, as inode->i_private, which is NULL when there is none */

	unsigned long state; /* bits mmiod_state_bit; see "window->lock" above */
	struct work_struct later; /* the rest of a revocation */

	/* io.c */
	struct mmiod_piece __rcu *piece; /* mapped for mediated access */
	u64 wanted; /* offset that it is to cover */
	struct work_struct remap;

	atomic_t mappings;
	atomic64_t leaves[2][MMIOD_LEAVES]; /* page-table leaves made: on fault, in advance */
	atomic64_t reads, writes;
};

extern struct kmem_cache *mmiod_window_cache;
extern unsigned int mmiod_max_windows;
void mmiod_window_init(struct mmiod_window *window);
int mmiod_window_list(struct mmiod_window *window, u64 *conflict);
struct mmiod_window *mmiod_window_find(u64 id);
struct mmiod_window *mmiod_window_of_region(struct mmiod_region *region, u64 from, u64 to);
u64 mmiod_window_last(void);
u64 mmiod_new_id(void);
void mmiod_window_get(struct mmiod_window *window);
void mmiod_window_put(struct mmiod_window *window);
void mmiod_window_close(struct mmiod_window *window);
void mmiod_window_end(struct mmiod_window *window);
const char *mmiod_state_name(int state);
int mmiod_window_state(const struct mmiod_window *window);
int mmiod_window_usable(const struct mmiod_window *window);
bool mmiod_window_gone(const struct mmiod_window *window);
__poll_t mmiod_window_poll_events(int state);
void mmiod_window_revoke(struct mmiod_window *window);
bool mmiod_window_revoke_later(struct mmiod_window *window);
bool mmiod_window_is_engine(const struct mmiod_window *window);
bool mmiod_window_is_ports(const struct mmiod_window *window);
int mmiod_window_suspend(struct mmiod_window *window, enum mmiod_state_bit reason, bool suspend);
unsigned int mmiod_window_count(void);
unsigned int mmiod_window_extent_count(void);

/* ---- extent.c ---- */

extern unsigned int mmiod_max_extents;
const struct mmiod_extent *mmiod_extent_at(const struct mmiod_window *window, u64 offset);
u64 mmiod_extent_phys(const struct mmiod_window *window, u64 offset);
u64 mmiod_extent_room(const struct mmiod_window *window, u64 offset);
int mmiod_extents_take(struct mmiod_window *window, const struct mmiod_window_create *create);
int mmiod_extents_place(struct mmiod_window *window, u64 offset, u64 length);
void mmiod_extents_free(struct mmiod_window *window);

/* ---- file.c ---- */

/* What a file looks like from outside, and the object that stands behind it. */
struct mmiod_file_form {
	const char *name; /* as /proc/PID/fd says it */
	const struct file_operations *fops;
	umode_t mode;
	dev_t rdev;
	loff_t size;
	int flags; /* as open() has them */
	fmode_t positions; /* FMODE_LSEEK, FMODE_PREAD, FMODE_PWRITE, as open() would have it */
	void *object; /* file->private_data */
};

struct file *mmiod_window_open(struct mmiod_window *window);
struct mmiod_window *mmiod_file_window(const struct file *file);
struct file *mmiod_file_make_as(const struct mmiod_file_form *form);
struct file *mmiod_file_make(const char *name, const struct file_operations *fops, void *object,
			     u64 size, int flags);
int mmiod_files_pin(void);
void mmiod_files_unpin(void);
void mmiod_window_close_inode(struct inode *inode);

/* ---- handle.c ---- */

struct mmiod_call;
struct mmiod_handle;

struct mmiod_handle_kind {
	/* The daemon has suspended or resumed it. No lock held; waits for no client. */
	void (*suspended)(struct mmiod_handle *handle);
	/* Once, when it has been revoked or its file has gone. No lock held; waits for no client. */
	void (*end)(struct mmiod_handle *handle);
	/* The last reference has gone. */
	void (*free)(struct mmiod_handle *handle);
};

struct mmiod_handle {
	const struct mmiod_handle_kind *kind;
	struct kref ref; /* one for the file, one for each look-up */
	struct rw_semaphore lock;
	wait_queue_head_t poll;

	/* Set before the file is visible, constant afterwards. */
	u64 id;
	u64 owner;
	struct mmiod_device *device; /* a reference: it may have been unbound */
	bool pinned; /* the file system, as long as the object is there */
	u8 tag[MMIOD_TAG_SIZE];

	/* Under mmiod_lock. */
	struct rb_node ledger;
	struct list_head node; /* in device->handles */

	unsigned long state; /* bits mmiod_state_bit, as a window's */
};

void mmiod_handle_init(struct mmiod_handle *handle, const struct mmiod_handle_kind *kind, u64 owner,
		       const u8 *tag);
struct file *mmiod_handle_open(struct mmiod_handle *handle, const char *name,
			       const struct file_operations *fops, u64 size, int flags);
int mmiod_handle_hand_out(struct mmiod_call *call, struct mmiod_handle *handle, struct file *file,
			  __s32 *fd);
struct mmiod_handle *mmiod_handle_from(const struct mmiod_handle_kind *kind, u64 id);
int mmiod_handle_state(const struct mmiod_handle *handle);
int mmiod_handle_set_state(u64 id, u32 state);
void mmiod_handle_get(struct mmiod_handle *handle);
void mmiod_handle_put(struct mmiod_handle *handle);
void mmiod_handle_close(struct mmiod_handle *handle);
void mmiod_device_suspend_handles(struct mmiod_device *device, bool suspended, u64 last);
void mmiod_device_end_handles(struct mmiod_device *device);

/* ---- operate.c ---- */

struct mmiod_operation {
	struct mmiod_handle handle;

	/* Set before the file is visible, constant afterwards. */
	u32 rights; /* MMIOD_OPERATE_* */
	u32 flags;
	u32 dma_bits;
	struct mmiod_domain *domain; /* a reference; NULL: it has none */
	bool shares; /* others may write registers that start DMA, which is isolated */

	/* Under mmiod_lock. */
	bool master; /* it has switched bus mastering on */
	u32 master_lost; /* how often that was undone by others */

	unsigned long busy; /* bit 0: a kernel thread is on an errand for it */
	u32 seen_changes; /* device->changes, when QUERY was asked last */
};

int mmiod_operation_enter(struct mmiod_operation *operation);
void mmiod_operation_leave(struct mmiod_operation *operation);
u16 mmiod_operation_command(const struct mmiod_operation *operation);
int mmiod_operation_set_master(struct mmiod_operation *operation, bool on, u64 *conflict);
bool mmiod_operation_keeps_dma(const struct mmiod_device *device);
void mmiod_operation_drop_master(struct mmiod_device *device);
struct mmiod_operation *mmiod_operation_trusted(u64 id);
int mmiod_operation_lend_domain(u64 id, struct mmiod_buffer *buffer);

/* ---- reset.c ---- */

bool mmiod_function_trylock(struct pci_dev *pdev);
void mmiod_function_unlock(struct pci_dev *pdev);
bool mmiod_reset_is_possible(const struct mmiod_device *device);
int mmiod_reset_to_pristine(struct mmiod_device *device);
int mmiod_reset_begun(struct mmiod_device *device, bool pristine, u64 *took_us);
int mmiod_reset_below_bridge(struct mmiod_device *device, u64 owner, bool pristine, u64 *took_us);
void mmiod_reset_wait_locked(struct mmiod_device *device);
void mmiod_power_up(struct mmiod_device *device);
int mmiod_operation_set_power(struct mmiod_operation *operation, u32 state, u64 *conflict);
int mmiod_operation_reset(struct mmiod_operation *operation, u64 *duration_us, u64 *conflict);

/* ---- quiet.c ---- */

void mmiod_device_soil(struct mmiod_device *device, u64 owner);
bool mmiod_quiet_after(struct mmiod_device *device, const struct mmiod_operation *operation);
void mmiod_quiet_begin(struct mmiod_device *device);
int mmiod_quiet_admit(struct mmiod_device *device, const struct mmiod_operation *operation,
		      u64 *conflict);
void mmiod_quiet_work(struct work_struct *work);
bool mmiod_quiet_at_end(struct mmiod_device *device);

/* ---- config.c ---- */

struct mmiod_config *mmiod_config_new(struct pci_dev *pdev);
ssize_t mmiod_config_read(struct mmiod_operation *operation, u8 *buffer, unsigned int at,
			  size_t length);
int mmiod_config_write(struct mmiod_operation *operation, const u8 *buffer, unsigned int at,
		       unsigned int width);

/* ---- mapping.c ---- */

struct mmiod_call;
int mmiod_window_mmap(struct file *file, struct vm_area_struct *vma);
int mmiod_window_map(struct file *file, struct vm_area_struct *vma, bool longer);
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
vm_fault_t mmiod_leaf_insert_frame(struct vm_area_struct *vma, unsigned long address,
				   unsigned long pfn, unsigned long *made);
vm_fault_t mmiod_leaf_insert_table(struct mmiod_window *window, struct vm_area_struct *vma,
				   unsigned long address, bool populated);
int mmiod_leaf_remap(struct mmiod_window *window, struct vm_area_struct *vma, unsigned long start,
		     unsigned long length);
bool mmiod_leaf_may_be_huge(const struct mmiod_window *window, const struct vm_area_struct *vma,
			    unsigned long address);
bool mmiod_leaf_pmd_allowed(void);
int mmiod_leaf_make_table(struct mm_struct *mm, unsigned long address);
int mmiod_leaf_make_empty_table(struct mm_struct *mm, unsigned long start, unsigned long length);
vm_fault_t mmiod_leaf_prepare_fault(struct mmiod_window *window, struct vm_fault *vmf);
unsigned long mmiod_leaf_area(struct file *file, unsigned long hint, unsigned long length,
			      unsigned long pgoff, unsigned long flags);

/* ---- walk.c ---- */

#if defined(CONFIG_X86_64) || defined(CONFIG_ARM64)
#define MMIOD_CAN_WALK
#endif

/* The entries that the processor meets on its way to an address. */
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

/* One transfer under way. */
struct mmiod_transfer {
	struct mmiod_window *window;
	u32 op; /* enum mmiod_access_op */
	u32 width; /* bytes of one access; 0: bulk */
	u64 offset;
	u64 length; /* bytes */
	u8 fill;
};

bool mmiod_access_writes(u32 op);
ssize_t mmiod_window_read(struct file *file, char __user *buf, size_t count, loff_t *pos);
ssize_t mmiod_window_write(struct file *file, const char __user *buf, size_t count, loff_t *pos);
int mmiod_call_access(struct mmiod_call *call);

/* ---- io.c ---- */

void mmiod_io_init_window(struct mmiod_window *window);

/* ---- ioctl.c ---- */

/*
 * One ioctl in flight: its argument, and a file that it makes, installed only after the answer was
 * copied out.
 */
struct mmiod_call {
	struct file *file; /* that the ioctl came in on */
	void *arg; /* kernel copy, zero-extended to the known size */
	bool answers; /* *arg is to be copied out whatever the handler returns */
	struct file *new_file;
	int new_fd;
};

struct mmiod_ioctl {
	unsigned int cmd;
	u32 min_size; /* of version 1 of the ABI */
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
	struct mmiod_view_create view;
	struct mmiod_device_info device;
	struct mmiod_interrupt_create interrupt_create;
	struct mmiod_interrupt_info interrupt;
	struct mmiod_device_open device_open;
	struct mmiod_device_file_info device_file;
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

int mmiod_hand_out(struct mmiod_call *call, struct file *file, __s32 *fd);
long mmiod_ioctl(struct file *file, const struct mmiod_ioctl *table, size_t count, unsigned int cmd,
		 unsigned long arg);

/* ---- control.c ---- */

int mmiod_control_init(void);
void mmiod_control_exit(void);
void mmiod_control_event(u32 type, u32 value, u64 id);

/*
 * The calls of both kinds of file, each beside the object that it works on: rows of a table of
 * mmiod_ioctl(), with call->arg as the row's structure and no lock held. 0 or -errno; linux/mmiod.h
 * has what each promises.
 */
int mmiod_call_region_claim(struct mmiod_call *call);
int mmiod_call_region_release(struct mmiod_call *call);
int mmiod_call_region_next(struct mmiod_call *call);
int mmiod_call_window_create(struct mmiod_call *call);
int mmiod_call_window_set_state(struct mmiod_call *call);
int mmiod_call_window_next(struct mmiod_call *call);
int mmiod_call_window_extents(struct mmiod_call *call);
int mmiod_call_buffer_create(struct mmiod_call *call);
int mmiod_call_buffer_info(struct mmiod_call *call);
int mmiod_call_allocate(struct mmiod_call *call);
int mmiod_call_translate(struct mmiod_call *call);
int mmiod_call_device_open(struct mmiod_call *call);
int mmiod_call_device_file_next(struct mmiod_call *call);
int mmiod_call_page(struct mmiod_call *call);
int mmiod_call_view_create(struct mmiod_call *call);
int mmiod_call_device_next(struct mmiod_call *call);
int mmiod_call_interrupt_create(struct mmiod_call *call);
int mmiod_call_interrupt_next(struct mmiod_call *call);

#endif
