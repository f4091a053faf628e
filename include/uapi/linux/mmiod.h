/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The ioctl ABI between the mmiod module and user space.
 *
 * Four kinds of file answer these calls: the control file /dev/mmiod (CAP_SYS_RAWIO), which claims
 * regions and creates, lists and revokes all others; and the window file, the interrupt file and
 * the device file, which are all that a client ever holds.
 *
 * Every structure starts with its own size and grows at its end: a shorter one (down to the size
 * that version 1 had) is extended with zeros, a longer one is refused with E2BIG unless what the
 * module does not know is zero. Unknown flags and reserved fields that are not zero give EINVAL.
 * All fields have fixed width and natural alignment, so that 32-bit and 64-bit callers use the same
 * layout. Sizes and offsets are in bytes.
 */
#ifndef _UAPI_LINUX_MMIOD_H
#define _UAPI_LINUX_MMIOD_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define MMIOD_ABI_VERSION 1

/*
 * The kernel's list of ioctl numbers has 0xb5, 0x01 to 0x04, for rpmsg's files as well. No file
 * answers both, so only a tracer that decodes by number alone can take one for the other.
 */
#define MMIOD_IOC_TYPE 0xb5

#define MMIOD_NAME_MAX 32 /* a region's name, with its terminating zero */
#define MMIOD_TAG_SIZE 64 /* what the daemon stores with a window, opaque to the module */

/* A window's memory type. It belongs to physical pages: windows that share a page must agree. */
enum mmiod_attr {
	MMIOD_ATTR_UC = 1, /* uncached: every load and store is one bus access, in order */
	MMIOD_ATTR_WC = 2, /* write-combining: stores may be merged and reordered until flushed */
	MMIOD_ATTR_WB = 3, /* write-back: RAM only */
};

/* State of a window, as upstream names it. REVOKED is final. */
enum mmiod_window_state {
	MMIOD_WINDOW_OK = 0,
	MMIOD_WINDOW_SUSPENDED = 1, /* accesses fault (SIGBUS) or answer EAGAIN until resumed */
	MMIOD_WINDOW_REVOKED =
		2, /* accesses fault (SIGBUS, or the dummy page) or answer ENODEV for ever */
};

/* ---- control file ---------------------------------------------------------------------------- */

#define MMIOD_FEATURE_REVOKE_ON_RESET (1ull << 0) /* regions know that flag */
#define MMIOD_FEATURE_SET_STATE_LATER (1ull << 1) /* WINDOW_SET_STATE knows MMIOD_SET_STATE_LATER */
#define MMIOD_FEATURE_DEVICES (1ull << 2) /* DEVICE_NEXT, INTERRUPT_CREATE and INTERRUPT_NEXT */
#define MMIOD_FEATURE_WINDOW_EXTENTS (1ull << 3) /* windows of several extents; WINDOW_EXTENTS */
#define MMIOD_FEATURE_PORTS (1ull << 4) /* regions of kind PORTS */

struct mmiod_control_info {
	__u32 size;
	__u32 abi_version; /* out: MMIOD_ABI_VERSION */
	__u64 features; /* out: bits MMIOD_FEATURE_* */
	__u64 page_size; /* out */
	__u32 max_windows; /* out: the module parameter */
	__u32 windows; /* out: live now; the last in version 1 */
	/*
	 * out: which load of the module this is: another number for each of a boot, never 0. Ids and
	 * generations count from 1 again with each.
	 */
	__u64 load;
	__u32 max_extents; /* out: the module parameter */
	__u32 extents; /* out: live now, of windows that have several */
};

/* Where a region lies. */
enum mmiod_region_kind {
	MMIOD_REGION_PCI = 1, /* within one memory BAR of a function bound to this driver */
	MMIOD_REGION_RANGE = 2, /* a platform range, by physical address */
	/*
	 * Within one I/O BAR of a function bound to this driver: offsets, lengths and addresses are
	 * I/O ports. Its windows are for mediated access by 1, 2 or 4 bytes, and are never mapped.
	 */
	MMIOD_REGION_PORTS = 3,
};

/*
 * A PCI function. Domains have 32 bits: those above 0xffff are behind Intel's VMD and on Hyper-V.
 * `pci` of the structures below, MMIOD_PCI_ADDR, has room for 16 of them; the others are in
 * domain_high. The whole is MMIOD_PCI_DEVICE, which events carry.
 */
#define MMIOD_PCI_ADDR(domain, bus, dev, fn) \
	(((__u32)(domain) << 16) | ((__u32)(bus) << 8) | ((__u32)(dev) << 3) | (__u32)(fn))
#define MMIOD_PCI_DEVICE(domain, bus, dev, fn) \
	(((__u64)(domain) << 16) | ((__u32)(bus) << 8) | ((__u32)(dev) << 3) | (__u32)(fn))

/*
 * When the device is reset or sleeps, the region's windows are revoked rather than suspended: who
 * used the device must not go on as if nothing had happened, not even in the moment before the
 * daemon learns of it.
 */
#define MMIOD_REGION_REVOKE_ON_RESET (1u << 0)
/*
 * The administrator's word that nothing in the region starts DMA: who may write to its windows does
 * not thereby keep others from operating the device.
 */
#define MMIOD_REGION_NO_DMA (1u << 2)
#define MMIOD_REGION_FLAGS (MMIOD_REGION_REVOKE_ON_RESET | MMIOD_REGION_NO_DMA)

/*
 * Reserve a region. Its name shows in /proc/iomem, that of PORTS in /proc/ioports, as "mmiod:NAME".
 * EBUSY: owned by somebody; if by another region of this module, conflict_id says which (else 0).
 * ENODEV: the PCI function is not bound to this driver. EIO: it has not come back from an error on
 * its bus, and counts as gone until it is bound anew. ENXIO: no such BAR, or one of the other kind,
 * or it has no address; PORTS: or another I/O BAR of the function has none, so that it decodes none.
 * EINVAL: wraps, is empty, leaves the BAR or the address width, or the width is 8 for PORTS, or the
 * name is not [A-Za-z0-9._-]+. EADDRINUSE: touches system RAM.
 * EEXIST: a region of that name exists. EPERM: by address under kernel lockdown, or the module
 * parameter allow_ranges is off, or the range lies in a PCI BAR (bind the function instead: a claim
 * by address dangles when the device goes).
 */
struct mmiod_region_claim {
	__u32 size;
	__u32 kind; /* enum mmiod_region_kind */
	__u32 pci; /* MMIOD_PCI_ADDR, for PCI and PORTS; and likewise the following */
	__u32 bar; /* 0 to 5, for PCI */
	__u64 offset; /* PCI: from the start of the BAR; RANGE: the physical address */
	__u64 length; /* 0 for PCI: to the end of the BAR */
	/* bytes of one register access: 1, 2, 4, 8 (on 64-bit kernels), or 0 for any */
	__u32 width;
	__u32 flags; /* MMIOD_REGION_*, for PCI */
	char name[MMIOD_NAME_MAX];
	__u64 region_id; /* out */
	__u64 conflict_id; /* out, with EBUSY; the last in version 1 */
	__u32 domain_high; /* bits 16 to 31 of the domain, for PCI */
	__u32 reserved; /* 0 */
};

/* Give a region back. EBUSY while a window of it lives, ENOENT for an unknown id. */
struct mmiod_region_release {
	__u32 size;
	__u32 flags; /* 0 */
	__u64 region_id;
};

/*
 * The first region whose id is greater than region_id; ENOENT behind the last. A caller whose
 * structure has no room for domain_high is not shown regions of functions that need it.
 */
struct mmiod_region_info {
	__u32 size;
	__u32 kind;
	__u64 region_id; /* in: cursor, out: id */
	__u32 pci;
	__u32 bar;
	__u64 offset; /* as claimed */
	__u64 length;
	__u64 phys; /* physical address of its first byte, or its first port */
	__u32 width;
	__u32 state; /* enum mmiod_window_state; REVOKED: the device has gone */
	__u32 generation; /* counts bindings of the device, from 1 */
	__u32 windows; /* live now */
	char name[MMIOD_NAME_MAX]; /* the last in version 1 */
	__u32 flags; /* as claimed */
	__u32 reserved; /* 0 */
	__u32 domain_high; /* bits 16 to 31 of the domain */
	__u32 reserved2; /* 0 */
};

#define MMIOD_WINDOW_READONLY (1u << 0) /* the file is O_RDONLY: no write mapping, ever */
#define MMIOD_WINDOW_DUMMY (1u << 1) /* after revocation: a page of ones instead of SIGBUS */
/*
 * Leaves of 2 MiB where they fit, whatever the module's parameter pmd_leaves says: for a holder who
 * may bring the kernel down, because by mbind(MPOL_MF_STRICT) he could.
 */
#define MMIOD_WINDOW_HUGE (1u << 3)
#define MMIOD_WINDOW_FLAGS (MMIOD_WINDOW_READONLY | MMIOD_WINDOW_DUMMY | MMIOD_WINDOW_HUGE)

#define MMIOD_WINDOW_EXTENTS_MAX 4096

/* A part of a region. */
struct mmiod_window_extent {
	__u64 offset; /* from the start of the region */
	__u64 length;
};

/*
 * Make a window and the file that stands for it (close-on-exec). EBUSY: a live window on the same
 * pages has another memory type, or vectors of MSI-X are set up whose table the window would show,
 * with a write to which they go anywhere, or another owner's device file has bus mastering switched
 * on and the window could write registers that start DMA; conflict_id says which window, interrupt
 * or device file. EINVAL: empty, or leaves the region. ENODEV: the device has gone. EIO: it does not
 * answer: it is off its bus, or memory decoding is off, its own or that of a bridge above it.
 * ENOENT: no such region. ENOSPC: max_windows, or max_extents. EOPNOTSUPP: the memory type cannot be
 * had for device memory (WB), or for ports (any but UC).
 *
 * A window of ports is never mapped, whatever it covers, and has no bulk operations; it is one
 * extent, and its width 1, 2 or 4 (EINVAL).
 *
 * A window of several extents is one file, and shows them one after the other in the order of the
 * list. Then `offset` is 0, and `length` the sum of theirs. EINVAL: fewer than 2 or more than
 * MMIOD_WINDOW_EXTENTS_MAX, one of them is empty, not of whole pages, leaves the region or touches
 * another, or their sum is not `length`. EFAULT: the list cannot be read. It is the physical address
 * that decides about huge leaves: an extent gets them that lies in the window at a multiple of the
 * leaf's size, which extents of a power of two do that are sorted by falling length.
 *
 * While the device is being reset, sleeps or recovers from an error it is not asked: the window is
 * born SUSPENDED.
 */
struct mmiod_window_create {
	__u32 size;
	__u32 flags;
	__u64 region_id;
	__u64 offset; /* from the start of the region */
	__u64 length;
	__u32 attr; /* enum mmiod_attr */
	__u32 width; /* bytes of one mediated access; 0: the region's */
	__u8 tag[MMIOD_TAG_SIZE];
	__s32 fd; /* out */
	__u32 reserved; /* 0 */
	__u64 window_id; /* out: from 1, never reused */
	__u64 conflict_id; /* out, with EBUSY; the last in version 1 */
	/*
	 * The daemon's number for a party; 0: equals nobody. Equal owners do not keep one another
	 * from operating the device.
	 */
	__u64 owner;
	__u32 nr_extents; /* 2 to MMIOD_WINDOW_EXTENTS_MAX; 0: one, by offset and length */
	__u32 reserved2; /* 0 */
	__u64 extents; /* user address of so many struct mmiod_window_extent; 0 without any */
};

/*
 * With REVOKED only: the window is revoked at once, as far as the client can see, but the call does
 * not wait until its mappings are taken away. A kernel thread does that, and WINDOW_STATE is sent
 * when no CPU reaches the pages any more; until then they stay occupied. Asked again the call
 * changes nothing and says how far it is.
 */
#define MMIOD_SET_STATE_LATER (1u << 0)

/*
 * Suspend, resume or revoke a window or an interrupt; both have their ids from one counter. When
 * the call returns no CPU reaches the pages through it any more, unless MMIOD_SET_STATE_LATER is
 * set in flags on return: then the event is still to come. An interrupt is masked while it is
 * suspended, and its revocation is never left for later. A device's reach is another matter:
 * VFIO_IOMMU_MAP_DMA of a window's mapping puts its frames into the IOMMU's tables, without a word
 * to this module, and there they stay until VFIO unmaps them. Never waits for a client. ENOENT: no
 * such window. ENODEV: it is revoked already (revoking twice is no error). EINVAL: no such state or
 * flag, or LATER with another state than REVOKED.
 */
struct mmiod_window_set_state {
	__u32 size;
	__u32 state; /* enum mmiod_window_state */
	__u64 window_id; /* the last in version 1 */
	__u32 flags; /* MMIOD_SET_STATE_*; out: LATER if that is still under way */
	__u32 reserved; /* 0 */
};

/* Sizes of page-table leaves, as indices: on x86 of 4 KiB, 2 MiB (PMD) and 1 GiB (PUD). */
enum mmiod_leaf {
	MMIOD_LEAF_PTE = 0,
	MMIOD_LEAF_PMD = 1,
	MMIOD_LEAF_PUD = 2,
	MMIOD_LEAVES = 3,
};

/* The ledger: the first window whose id is greater than window_id; ENOENT behind the last. */
struct mmiod_window_info {
	__u32 size;
	__u32 flags;
	__u64 window_id; /* in: cursor, out: id */
	__u64 region_id;
	__u64 offset;
	__u64 length;
	__u32 attr;
	__u32 width;
	__u32 state;
	__u32 mappings; /* VMAs now, in all processes */
	__u64 faults; /* pages mapped on fault, so far */
	__u64 populated; /* pages mapped in advance, so far */
	__u64 reads; /* mediated accesses, so far */
	__u64 writes;
	__u8 tag[MMIOD_TAG_SIZE]; /* the last member at first */
	__u64 fault_leaves[MMIOD_LEAVES]; /* the same in leaves, by enum mmiod_leaf */
	__u64 populate_leaves[MMIOD_LEAVES];
	__u64 owner;
	__u64 device_file; /* a buffer in a domain: the device file that it belongs to; else 0 */
	__u64 iova; /* and where the device will find it, once it is allocated; else MMIOD_IOVA_NONE */
	__u32 nr_extents; /* of a window of several: how many, see WINDOW_EXTENTS; else 0 */
	__u32 reserved; /* 0 */
};

/*
 * The extents of a region's window in their order, a part at a time: a window of one has that one.
 * ENOENT: no such window. EINVAL: it is a buffer's. EFAULT: the array cannot be written.
 */
struct mmiod_window_extents {
	__u32 size;
	__u32 count; /* in: room in the array; out: how many were written to it */
	__u64 window_id;
	__u32 first; /* index of the first one that is wanted, from 0 */
	__u32 nr_extents; /* out: how many the window has */
	__u64 extents; /* user address of an array of struct mmiod_window_extent */
};

/* How a buffer's memory is got from the kernel. All of it is zeroed. */
enum mmiod_buffer_kind {
	MMIOD_BUFFER_PAGES =
		1, /* pages of the buddy allocator, each with its own reference count */
	MMIOD_BUFFER_KMALLOC = 2, /* kmalloc, so large that it shares no slab with anybody */
	MMIOD_BUFFER_VMALLOC =
		3, /* contiguous in the kernel's virtual memory, scattered in the physical */
	/* dma_alloc_coherent for a bound device; with a device file: PAGES that its device reaches */
	MMIOD_BUFFER_DMA = 4,
};

/* The kernel's GFP flag beside it: memory no higher than the zone's end. */
enum mmiod_zone {
	MMIOD_ZONE_NORMAL = 0, /* GFP_KERNEL: anywhere */
	MMIOD_ZONE_DMA32 = 1, /* GFP_DMA32: below 4 GiB */
	MMIOD_ZONE_DMA = 2, /* GFP_DMA: below 16 MiB on x86 */

	/* Where a page may lie, but none that a buffer can ask for. */
	MMIOD_ZONE_MOVABLE = 3,
	MMIOD_ZONE_HIGHMEM = 4,
	MMIOD_ZONE_DEVICE = 5,
};

#define MMIOD_BUFFER_CONTIGUOUS (1u << 0) /* PAGES: one physical run, cut to length exactly */
#define MMIOD_BUFFER_NOWAIT (1u << 1) /* GFP_NOWAIT: fail rather than reclaim */
#define MMIOD_BUFFER_READONLY (1u << 2) /* as MMIOD_WINDOW_READONLY */
#define MMIOD_BUFFER_FLAGS (MMIOD_BUFFER_CONTIGUOUS | MMIOD_BUFFER_NOWAIT | MMIOD_BUFFER_READONLY)

#define MMIOD_IOVA_NONE (~0ull)

/* Of mmiod_buffer_create.dma_flags. */
#define MMIOD_DMA_FIXED_IOVA (1u << 0) /* at that address for the device, or not at all */
#define MMIOD_DMA_DEVICE_READS_ONLY (1u << 1) /* the device does not write to it */
#define MMIOD_DMA_FLAGS (MMIOD_DMA_FIXED_IOVA | MMIOD_DMA_DEVICE_READS_ONLY)

/*
 * Make a window on kernel memory of its own. The memory itself is allocated in the context of who
 * first maps or accesses the window, or calls ALLOCATE on it: that process's memory cgroup is
 * charged, not the daemon's. EINVAL: length 0 or larger than the machine, a flag, zone or node that
 * the kind does not know, a limit below every zone's end. ENODEV: the device is not bound to this
 * driver. ENOSPC: max_windows.
 *
 * DMA with a device file: PAGES, in all respects, which the device reaches as well, at addresses of
 * its own (IOVAs) in the domain that DEVICE_OPEN has made: it reaches these and nothing else. The
 * buffer is the device file's, and has its owner; it is revoked when that ends. Revoked or released
 * it is unmapped, and its memory freed, though the device may still run. Its IOVA is the first free
 * one from iova_first on, at a multiple of the length rounded up to a power of two, or of 2 MiB; or
 * the one that FIXED_IOVA asks for. It is had by BUFFER_CREATE; ALLOCATE maps the memory there.
 * EINVAL: the fixed IOVA is misaligned, beyond [iova_first, iova_last] of the device file's QUERY,
 * or touches a reserved range; or pci, domain_high, dma_bits or owner are given beside the device
 * file. EEXIST: another buffer is there. ENOSPC: no such range is free; or a fixed one, where the
 * domain was used so thinly that its page tables would outgrow what it maps: more than 64 tables
 * and 4 for each 2 MiB. After any of these three `iova` is the next free one, or MMIOD_IOVA_NONE.
 * ENOENT: no such device file. ENODEV: it was revoked. EOPNOTSUPP: it has no domain, and no right
 * DMA_TRUSTED.
 *
 * With DMA_TRUSTED on a machine without an IOMMU it is coherent memory as without a device file (its
 * EINVAL, EIO, EBUSY for dma_bits, EOPNOTSUPP and EPERM count here, too), but for bus mastering, which
 * is the operator's affair, and FIXED_IOVA and DEVICE_READS_ONLY (EOPNOTSUPP: nothing would enforce
 * them), and zone, node, limit and CONTIGUOUS (EINVAL). Its address on the bus is `iova` of the window's QUERY once it is allocated, and NONE
 * before. Revoked or released it goes back to the kernel after a reset of the device that worked,
 * never before: until then it waits, and becomes the device's next buffer of the same length. At
 * unbind without such a reset it is never freed.
 *
 * DMA without one: the device masters the bus while it has a buffer. The kernel itself allocates
 * the memory, when a client first asks for it, and no cgroup is charged: who makes such buffers
 * counts them. At most 64 MiB each (EINVAL). EIO: it has not come back from an error. EBUSY: it has buffers that
 * were made with other dma_bits. EOPNOTSUPP: the machine has no memory for so few bits. EPERM: no
 * IOMMU bounds what it writes to, and the kernel is locked down. One that is not is tainted by it
 * (TAINT_USER). EOPNOTSUPP, too: other functions share its group of the IOMMU, so that the kernel
 * cannot map memory for it alone. EBUSY, too: an interrupt rests on the IOMMU blocking its writes,
 * or the function has a device file with MASTER or DMA_TRUSTED.
 *
 * DMA memory that is released while the device may still write to it waits until the device does
 * not master the bus any more, was reset or goes, or until it has another buffer of the same
 * length: the window stays in the ledger, and WINDOW_RELEASED is sent, when its memory is free or
 * that buffer's. ENOSPC: so much of it waits, 64 MiB, and none of that length.
 */
struct mmiod_buffer_create {
	__u32 size;
	__u32 kind;
	__u32 flags;
	__u32 zone;
	__s32 node; /* PAGES, KMALLOC: NUMA node, and no other; -1: any */
	__u32 pci; /* DMA: MMIOD_PCI_ADDR of the device; else 0 */
	__u64 length; /* rounded up to whole pages */
	__u64 limit; /* PAGES, VMALLOC: highest physical address; 0: the zone's */
	__u8 tag[MMIOD_TAG_SIZE];
	__s32 fd; /* out */
	__u32 reserved; /* 0 */
	__u64 window_id; /* out; the last in version 1 */
	__u32 domain_high; /* DMA: bits 16 to 31 of the domain; else 0 */
	__u32 dma_bits; /* DMA: how many the device's addresses have: 24 to 64; 0: 32 */
	__u64 device_file; /* DMA: the id of the device file whose device reaches it; 0: none */
	__u64 owner; /* without a device file: the daemon's number for a party; 0: equals nobody */
	__u64 iova; /* with a device file: FIXED_IOVA's, else 0; out: where the device finds it */
	__u32 dma_flags; /* with a device file: MMIOD_DMA_* */
	__u32 reserved2; /* 0 */
};

/*
 * The part of a buffer that only the daemon may know. ENOENT: no such buffer. EINVAL: it has no
 * such page.
 */
struct mmiod_buffer_info {
	__u32 size;
	__u32 kind;
	__u64 window_id; /* in */
	__u64 page; /* in: index of the page that phys is asked for */
	__u32 flags;
	__u32 zone;
	__s32 node; /* as asked for */
	__u32 allocated; /* 0: nobody has touched it yet, and the fields below are 0 */
	__u64 length;
	__u64 capacity; /* what the kernel's rounding made of it */
	__u64 phys; /* of that page */
	/*
	 * Kernel address: kmalloc's is logical, vmalloc's virtual; 0 for pages. As the kernel would
	 * print it to the caller: hashed, unless booted with no_hash_pointers; 0 where
	 * kptr_restrict or lockdown withhold it.
	 */
	__u64 kernel;
	__u64 bus; /* DMA: address for the device */
	__u64 runs; /* physically contiguous pieces */
};

/*
 * Events that read() on the control file returns, as many whole ones as fit; poll() says POLLIN
 * when there are any.
 */
enum mmiod_control_event_type {
	MMIOD_CONTROL_OVERFLOW = 1, /* events were lost: read the ledger again */
	MMIOD_CONTROL_WINDOW_RELEASED =
		2, /* the last file and mapping of a window are gone, and its DMA memory is free */
	MMIOD_CONTROL_WINDOW_STATE = 3, /* a window changed state; value: enum mmiod_window_state */
	MMIOD_CONTROL_REGION_GONE =
		4, /* the device was removed, unbound or lost: its windows are revoked */
	MMIOD_CONTROL_REGION_STATE =
		5, /* the device was suspended or resumed (reset, power); value: state */
	MMIOD_CONTROL_DEVICE_BOUND =
		6, /* id: MMIOD_PCI_DEVICE of a function now bound to this driver */
	MMIOD_CONTROL_DEVICE_GONE = 7, /* id: MMIOD_PCI_DEVICE */
	MMIOD_CONTROL_DEVICE_QUIET =
		8, /* id: MMIOD_PCI_DEVICE; value: 0: a reset has made it quiet, else errno: not */
	MMIOD_CONTROL_DEVICE_STORM =
		9, /* id: an interrupt that was silenced; value: how often it was so far */
	MMIOD_CONTROL_DEVICE_RESET =
		10, /* id: MMIOD_PCI_DEVICE; value: 1 a client's reset begins, 0 done, else errno */
	MMIOD_CONTROL_DEVICE_MASTER =
		11, /* id: MMIOD_PCI_DEVICE; value: 1 masters the bus from now on, 0 no more */
};

struct mmiod_control_event {
	__u32 type;
	__u32 value;
	__u64 id; /* window, interrupt, region or PCI function, by type */
};

/* Why a function and all that is made of it are suspended: bits of mmiod_device_info.reasons. */
#define MMIOD_REASON_DAEMON (1u << 0) /* the daemon's WINDOW_SET_STATE; of files only */
#define MMIOD_REASON_RESET (1u << 1)
#define MMIOD_REASON_SLEEP (1u << 2) /* the system's */
#define MMIOD_REASON_ERROR (1u << 3) /* on its bus */
#define MMIOD_REASON_POWER (1u << 4) /* it was put into D3hot */
#define MMIOD_REASON_LOST (1u << 5) /* for good: it has not come back from an error */
#define MMIOD_REASON_GONE (1u << 6) /* for good: it is being unbound */

/* Of mmiod_device_info.flags. */
#define MMIOD_FUNCTION_HAS_RESET (1u << 0) /* by any method */
#define MMIOD_FUNCTION_HAS_FLR (1u << 1) /* the function alone, by its own means */
#define MMIOD_FUNCTION_HAS_PM (1u << 2) /* it can be put into D3hot */
#define MMIOD_FUNCTION_VF (1u << 3) /* virtual: of SR-IOV */
#define MMIOD_FUNCTION_INTX (1u << 4) /* it has a pin, and the pin a line */
#define MMIOD_FUNCTION_INTX_EXCLUSIVE (1u << 5) /* INTx cannot be switched off: nobody shares it */
#define MMIOD_FUNCTION_MSI_MASKABLE (1u << 6) /* its MSIs have mask bits (those of MSI-X have) */
#define MMIOD_FUNCTION_MSI_ISOLATED (1u << 7) /* its writes cannot forge others' interrupts */
#define MMIOD_FUNCTION_ISOLATED (1u << 8) /* it reaches nothing that is not its operator's */
#define MMIOD_FUNCTION_COHERENT (1u << 9) /* the IOMMU makes its accesses see the caches */
#define MMIOD_FUNCTION_ATS \
	(1u << 10) /* it translates addresses itself, or did when it had a domain */
#define MMIOD_FUNCTION_MASTER (1u << 11) /* it masters the bus now */
#define MMIOD_FUNCTION_DIRTY (1u << 12) /* used since the last reset that worked */
#define MMIOD_FUNCTION_QUIET (1u << 13) /* nothing of an earlier user runs on it */

#define MMIOD_GROUP_NONE (~0u)

/*
 * The functions that are bound to the module's driver: the first whose number is @cursor or higher;
 * ENOENT behind the last. Members whose part of the module is not there are 0.
 */
struct mmiod_device_info {
	__u32 size;
	__u32 state; /* enum mmiod_window_state */
	__u64 cursor; /* in: lowest number wanted, 0: any; out: that of the one found + 1 */
	__u64 device; /* out: MMIOD_PCI_DEVICE */
	__u32 generation; /* counts bindings, from 1 */
	__u32 flags; /* MMIOD_FUNCTION_* */
	__u32 reasons; /* MMIOD_REASON_* */
	__u32 group; /* of the IOMMU; MMIOD_GROUP_NONE */
	__s32 claim_error; /* -errno of the last try to have that group alone; 0: it is claimed */
	__s32 reset_error; /* -errno of the last reset that was tried, 0: none failed */
	__u32 msi_vectors; /* how many it can have at most */
	__u32 msix_vectors;
	__u32 vectors; /* set up now */
	__u32 interrupt_kind; /* enum mmiod_interrupt_kind: of these, 0: none */
	__u32 msix_bar; /* where the table of MSI-X is, in bytes; length 0: none */
	__u32 msix_offset;
	__u32 msix_length;
	__u32 pba_bar; /* and that of its pending bits */
	__u32 pba_offset;
	__u32 pba_length;
	__u64 device_file; /* the one that operates it, 0: none; a hint */
	__u64 mapped; /* bytes in its operator's domain */
	__u64 graves; /* bytes of DMA memory that only the device has any more */
	__u64 table_bytes; /* of the domain's page tables */
	__u32 resets; /* by the module, since it was bound */
	__u32 resets_failed;
	__u64 reset_us; /* they took, all together */
};

enum mmiod_interrupt_kind {
	MMIOD_INTERRUPT_INTX = 1, /* the pin: a level, works without bus mastering */
	MMIOD_INTERRUPT_MSI = 2, /* a write to memory: an edge, needs bus mastering */
	MMIOD_INTERRUPT_MSIX = 3, /* likewise, and each vector has a mask bit */
};

/* Of INTERRUPT_CREATE; DEVICE_OPEN, which has some of them and the next ones, shares the numbers. */
#define MMIOD_INTERRUPT_ONESHOT (1u << 0) /* masked at each interrupt, until MASK off */
#define MMIOD_INTERRUPT_MASKED (1u << 1) /* starts masked; out: is masked now */
#define MMIOD_INTERRUPT_TRUSTED (1u << 2) /* MSI and MSI-X though nothing bounds its writes */
#define MMIOD_INTERRUPT_NO_ENGINE (1u << 3) /* it writes nothing but its MSIs; implies TRUSTED */
#define MMIOD_INTERRUPT_NEEDS_NO_RESET (1u << 4) /* though others have used it before */
#define MMIOD_INTERRUPT_FLAGS                                                         \
	(MMIOD_INTERRUPT_ONESHOT | MMIOD_INTERRUPT_MASKED | MMIOD_INTERRUPT_TRUSTED | \
	 MMIOD_INTERRUPT_NO_ENGINE | MMIOD_INTERRUPT_NEEDS_NO_RESET)
/* Only out. */
#define MMIOD_INTERRUPT_STORM (1u << 8) /* silenced: it, or who watches it, took too much time */
#define MMIOD_INTERRUPT_EVENTFD (1u << 9) /* it signals one */
#define MMIOD_INTERRUPT_SILENT (1u << 10) /* MSI, MSI-X: cannot fire, bus mastering is off */

/*
 * Make an interrupt and the file that stands for it (close-on-exec). `vectors` of MSI or MSI-X are
 * set up with the device's first interrupt, for all of them, and stay until its last one is gone;
 * fewer than asked for may be had, and out it says how many there are. INTx has one, vector 0.
 *
 * ENODEV: not bound to this driver, or it has no interrupt of that kind. EINVAL: an unknown kind or
 * flag, a flag that INTx does not know (TRUSTED, NO_ENGINE, NEEDS_NO_RESET), or a vector beyond
 * those that are, or would be, set up. EBUSY: the vector has a file, or the device interrupts of
 * another kind, or a window lies on the table of MSI-X: conflict_id says which; or, without one,
 * somebody has the line of INTx for himself. EPERM: it may write anywhere, and neither TRUSTED nor
 * NO_ENGINE was given; or they were, and the kernel is locked down. EAGAIN: it is being reset,
 * sleeps or recovers: ask again. EIO: it does not answer, or is lost. ENOSPC: no vector is left in
 * the machine, or fewer than asked for.
 */
struct mmiod_interrupt_create {
	__u32 size;
	__u32 flags; /* MMIOD_INTERRUPT_* */
	__u64 device; /* MMIOD_PCI_DEVICE */
	__u64 owner; /* the daemon's number for a party; 0: equals nobody */
	__u32 kind; /* enum mmiod_interrupt_kind */
	__u32 vector; /* from 0 */
	__u32 vectors; /* in: how many to set up, if none are; 0: up to this one; out: how many are */
	__u32 budget; /* interrupts in 100 ms that are no storm; 0: the module parameter */
	__u8 tag[MMIOD_TAG_SIZE];
	__s32 fd; /* out */
	__u32 reserved; /* 0 */
	__u64 id; /* out: from the counter of windows' */
	__u64 conflict_id; /* out, with EBUSY */
};

/* The ledger: the first interrupt whose id is greater than id; ENOENT behind the last. */
struct mmiod_interrupt_info {
	__u32 size;
	__u32 flags; /* MMIOD_INTERRUPT_*, those that are only out too */
	__u64 id; /* in: cursor, out: id */
	__u64 device;
	__u64 owner;
	__u32 kind;
	__u32 vector;
	__u32 irq; /* the kernel's number, as in /proc/interrupts; 0: it was revoked */
	__u32 state; /* enum mmiod_window_state */
	__u32 storms; /* so far */
	__u32 reserved;
	__u64 count; /* interrupts so far */
	__u64 busy_ns; /* that handling them took; the last few may not be in it yet */
	__u8 tag[MMIOD_TAG_SIZE];
};

/* Rights of a device file: given as it is opened, and constant. */
#define MMIOD_OPERATE_CONFIG_READ (1u << 0) /* pread: the configuration space, filtered */
#define MMIOD_OPERATE_CONFIG_WRITE (1u << 1) /* pwrite: what the filter lets; needs CONFIG_READ */
/* Vendors' capabilities and unassigned bytes, too; needs CONFIG_READ. */
#define MMIOD_OPERATE_CONFIG_VENDOR (1u << 2)
#define MMIOD_OPERATE_MASTER (1u << 3) /* SET_MASTER; see DEVICE_OPEN's EPERM */
#define MMIOD_OPERATE_RESET (1u << 4) /* RESET */
#define MMIOD_OPERATE_RESET_OTHERS (1u << 5) /* even while others use the function; needs RESET */
#define MMIOD_OPERATE_POWER (1u << 6) /* SET_POWER */
#define MMIOD_OPERATE_DMA (1u << 7) /* memory in a domain of its own, by an IOMMU that isolates */
/* DMA that nothing bounds; where there is an IOMMU, in a domain that may not isolate in all. */
#define MMIOD_OPERATE_DMA_TRUSTED (1u << 8)

/* Of DEVICE_OPEN; the numbers are shared with MMIOD_INTERRUPT_*. */
#define MMIOD_OPERATE_NO_ENGINE (1u << 3) /* it writes nothing but its MSIs */
#define MMIOD_OPERATE_NEEDS_NO_RESET (1u << 4) /* though others have used it before */
/* Others may write its registers, and so reach its operator's buffers; if it is isolated. */
#define MMIOD_OPERATE_SHARED_ENGINE (1u << 5)
#define MMIOD_OPERATE_NEVER_RESET (1u << 6) /* nobody resets it */
#define MMIOD_OPERATE_ATS_TRUSTED (1u << 7) /* its word on translated addresses is taken */
/* Only out. */
#define MMIOD_OPERATE_MASTERS (1u << 8) /* bus mastering is switched on by this file */

/*
 * Make a device file, by which a client operates a function (close-on-exec). With CONFIG_READ alone
 * there may be any number, with more one for each function.
 *
 * EINVAL: an unknown right or flag, no right, or a right without the one that it needs; or
 * DMA_TRUSTED with the flag SHARED_ENGINE, as what nothing bounds is not shared. EOPNOTSUPP:
 * a right or flag that this version of the module knows, but cannot give yet; see the rights.
 * ENODEV: not bound to this driver. EIO: it is lost, until it is bound anew. EBUSY: it has an
 * operator, or, with MASTER, DMA or DMA_TRUSTED, another function of its IOMMU group has one with
 * such a right, or it has buffers of kind DMA that belong to no device file; conflict_id says
 * which. EPERM: DMA, and the function is not MMIOD_FUNCTION_ISOLATED; or DMA_TRUSTED, and there is
 * an IOMMU, but its group could not be claimed; or MASTER, and the function is not ISOLATED, and
 * neither DMA_TRUSTED nor the flag NO_ENGINE is given; or CONFIG_VENDOR with CONFIG_WRITE, which
 * may alias anything, without DMA or DMA_TRUSTED; or the kernel is locked down. ENOSPC:
 * max_windows.
 *
 * With MASTER, DMA or DMA_TRUSTED also: EAGAIN: the kernel has the function locked, to bind or to
 * reset it, or its group has the domain of an operator who has ended; or the device was used since
 * its last reset, by who may have left its DMA armed, and is being reset: DEVICE_QUIET says when
 * that is over, and whether it worked. Ask again. EBUSY: that reset would hit another owner's
 * window, conflict_id, and RESET_OTHERS is not among the rights. With NO_ENGINE, NEEDS_NO_RESET and
 * NEVER_RESET neither is answered: it is the administrator's word that the device needs no reset.
 * With SHARED_ENGINE on a function that is ISOLATED others' windows are in nobody's way: neither here
 * nor for SET_MASTER, and WINDOW_CREATE makes them while the operator masters.
 *
 * DMA and DMA_TRUSTED make a domain, if there is an IOMMU: from now on the function, and those of
 * its group, reach the device file's buffers in it and nothing else; see BUFFER_CREATE. Messages
 * that rest on the IOMMU blocking all writes are SILENT meanwhile, unless the operator masters.
 *
 * When a file with MASTER, DMA or DMA_TRUSTED ends, by a revocation or its last close, bus mastering
 * is off, its buffers are revoked, and so are the windows of its owner that could write registers
 * that start DMA: he could leave the device something to do for the next one. The device is then
 * reset, and the domain detached.
 */
struct mmiod_device_open {
	__u32 size;
	__u32 rights; /* MMIOD_OPERATE_* */
	__u64 device; /* MMIOD_PCI_DEVICE */
	__u64 owner; /* the daemon's number for a party; 0: equals nobody */
	__u32 flags; /* MMIOD_OPERATE_* */
	__u32 dma_bits; /* how many the device's addresses have: 24 to 64; 0: 32 */
	__u8 tag[MMIOD_TAG_SIZE];
	__s32 fd; /* out */
	__u32 reserved; /* 0 */
	__u64 id; /* out: from the counter of windows' */
	__u64 conflict_id; /* out, with EBUSY */
};

/* The ledger: the first device file whose id is greater than id; ENOENT behind the last. */
struct mmiod_device_file_info {
	__u32 size;
	__u32 rights;
	__u64 id; /* in: cursor, out: id */
	__u64 device;
	__u64 owner;
	__u32 state; /* enum mmiod_window_state */
	__u32 flags; /* as opened, and MASTERS */
	__u32 dma_bits;
	__u32 buffers; /* that belong to it */
	__u64 mapped; /* bytes in its domain */
	__u8 tag[MMIOD_TAG_SIZE];
};

/*
 * Memory type of one page-table entry. UC_MINUS: uncached, but an MTRR may make it write-combining.
 */
enum mmiod_entry_cache {
	MMIOD_ENTRY_NONE = 0, /* nothing is mapped */
	MMIOD_ENTRY_UC = 1,
	MMIOD_ENTRY_WC = 2,
	MMIOD_ENTRY_WB = 3,
	MMIOD_ENTRY_WT = 4,
	MMIOD_ENTRY_WP = 5,
	MMIOD_ENTRY_UC_MINUS = 6,
};

/* Indices of mmiod_translate.entries. */
enum mmiod_level {
	MMIOD_LEVEL_PGD = 0,
	MMIOD_LEVEL_P4D = 1,
	MMIOD_LEVEL_PUD = 2,
	MMIOD_LEVEL_PMD = 3,
	MMIOD_LEVEL_PTE = 4,
	MMIOD_LEVELS = 5,
};

/*
 * Walk a process's page tables for one address of its own, as the processor would. The entries are
 * those of one moment; with a window at the address, its state is that of the same moment. Waits
 * for nobody. EAGAIN: the process is changing its memory, or the window its state: ask again.
 * ESRCH: no such process in the caller's pid namespace, or one without memory. EINVAL: an address
 * of the kernel's. EFAULT: the process has nothing at the address; answered nonetheless, with
 * vma_end 0. EOPNOTSUPP: not on x86-64, or of another process on a kernel that frees page tables
 * without a grace period.
 */
struct mmiod_translate {
	__u32 size;
	__s32 pid; /* in; 0: the caller */
	__u64 address; /* in; need not be aligned */
	__u64 entries[MMIOD_LEVELS]; /* raw, by enum mmiod_level; 0 if not walked */
	__u32 walked; /* bit per level: the walk has read an entry there */
	__u32 folded; /* bit per level: the machine has none such (P4D with four-level tables) */
	__u64 leaf_size; /* bytes that the last entry maps, 0: not present */
	__u64 phys; /* of the address itself, 0: not present */
	__u32 cache; /* enum mmiod_entry_cache of the last entry, through pat; without MTRRs */
	__u32 vma_present; /* 1: the fields below hold */
	__u64 pat; /* the PAT register: eight types of a byte each */
	__u64 vma_start;
	__u64 vma_end;
	__u64 vma_flags; /* the kernel's own VM_ flags */
	__u64 vma_pgoff; /* in pages */
	__u64 window_id; /* 0: not one of ours, and the two below are 0 too */
	__u32 window_attr; /* enum mmiod_attr */
	__u32 window_state; /* enum mmiod_window_state */
};

#define MMIOD_PAGE_ORDER_NONE (~0u)

/*
 * The page descriptor of a frame. Answered without a lock or a reference, as /proc/kpageflags does:
 * the numbers are of one moment, but not all of the same. A frame without a descriptor in memory
 * that is online (device memory, a hole) is no error: flags is then the bit KPF_NOPAGE alone, and
 * the rest 0.
 */
struct mmiod_page {
	__u32 size;
	__u32 described; /* out: 1: there is one */
	__u64 pfn; /* in */
	/* out: bits KPF_* of linux/kernel-page-flags.h, from 32 on by the kernel's own header. */
	__u64 flags;
	__u64 head; /* out: first frame of the compound page or free block; pfn: there is none */
	__u32 order; /* out: of the compound page or free block; MMIOD_PAGE_ORDER_NONE: no such */
	__u32 refcount; /* out: of the whole compound page */
	__u32 mapcount; /* out: page-table entries that map this very page */
	__u32 zone; /* out: enum mmiod_zone */
	__u32 node; /* out: NUMA node */
	__u32 reserved; /* 0 */
};

#define MMIOD_IOC_INFO _IOWR(MMIOD_IOC_TYPE, 0x00, struct mmiod_control_info)
#define MMIOD_IOC_REGION_CLAIM _IOWR(MMIOD_IOC_TYPE, 0x01, struct mmiod_region_claim)
#define MMIOD_IOC_REGION_RELEASE _IOWR(MMIOD_IOC_TYPE, 0x02, struct mmiod_region_release)
#define MMIOD_IOC_REGION_NEXT _IOWR(MMIOD_IOC_TYPE, 0x03, struct mmiod_region_info)
#define MMIOD_IOC_WINDOW_CREATE _IOWR(MMIOD_IOC_TYPE, 0x04, struct mmiod_window_create)
#define MMIOD_IOC_WINDOW_SET_STATE _IOWR(MMIOD_IOC_TYPE, 0x05, struct mmiod_window_set_state)
#define MMIOD_IOC_WINDOW_NEXT _IOWR(MMIOD_IOC_TYPE, 0x06, struct mmiod_window_info)

#define MMIOD_IOC_BUFFER_CREATE _IOWR(MMIOD_IOC_TYPE, 0x07, struct mmiod_buffer_create)
#define MMIOD_IOC_BUFFER_INFO _IOWR(MMIOD_IOC_TYPE, 0x08, struct mmiod_buffer_info)

#define MMIOD_IOC_TRANSLATE _IOWR(MMIOD_IOC_TYPE, 0x09, struct mmiod_translate)
#define MMIOD_IOC_PAGE _IOWR(MMIOD_IOC_TYPE, 0x0a, struct mmiod_page)

#define MMIOD_IOC_DEVICE_NEXT _IOWR(MMIOD_IOC_TYPE, 0x0b, struct mmiod_device_info)
#define MMIOD_IOC_DEVICE_OPEN _IOWR(MMIOD_IOC_TYPE, 0x0c, struct mmiod_device_open)
#define MMIOD_IOC_INTERRUPT_CREATE _IOWR(MMIOD_IOC_TYPE, 0x0d, struct mmiod_interrupt_create)
#define MMIOD_IOC_INTERRUPT_NEXT _IOWR(MMIOD_IOC_TYPE, 0x0e, struct mmiod_interrupt_info)
#define MMIOD_IOC_DEVICE_FILE_NEXT _IOWR(MMIOD_IOC_TYPE, 0x0f, struct mmiod_device_file_info)
#define MMIOD_IOC_WINDOW_EXTENTS _IOWR(MMIOD_IOC_TYPE, 0x10, struct mmiod_window_extents)

/* ---- window file ----------------------------------------------------------------------------- */

/*
 * mmap: MAP_SHARED only, not executable; offset 0 is the window's first byte. Only a window that
 * owns whole pages. pread, pwrite: aligned to the width of the window, a whole number of elements;
 * one bus access per element, in rising order. With width 0: one access if the length is 1, 2, 4 or
 * 8 and the offset a multiple of it; longer transfers go by 4 bytes. EINVAL: misaligned or not
 * whole elements. A memory buffer has an element's value in the machine's byte order, as a load of
 * that width from the device would give it (devices are little endian; so is x86). A transfer stops
 * at the window's end; one that starts there reads 0 and writes ENOSPC. ENODEV: revoked. EAGAIN:
 * suspended. poll: POLLHUP | POLLERR when revoked, POLLPRI while suspended, otherwise POLLIN |
 * POLLOUT, as for any regular file.
 */

/* The window, as far as its holder may know it: without its physical address. */
struct mmiod_window_query {
	__u32 size;
	__u32 flags;
	__u64 window_id;
	__u64 length;
	__u32 attr;
	__u32 width;
	__u32 state;
	__u32 mmapable; /* 1: owns whole pages */
	__u64 page_size; /* the last in version 1 */
	/*
	 * out: what refers to the window beside the caller's descriptor: other files of it, which
	 * count once each, and what else holds this one: copies (in flight, too), mappings, views.
	 * It may be too high for a moment, while a file is on its way out, or if another thread
	 * shares the caller's descriptors; it is 0 only when nobody else has the window. An older
	 * module leaves zeros as they are, and refuses anything else with E2BIG: so ask with ~0.
	 */
	__u32 users;
	__u32 reserved; /* 0 */
	/* out: where the device finds it that the buffer is for; MMIOD_IOVA_NONE: nowhere, or not yet */
	__u64 iova;
};

#define MMIOD_POPULATE_EXACT (1u << 0) /* these pages only, by remap_pfn_range(), each of 4 KiB */

/*
 * Map all pages of [address, address + length) now: no fault will follow. The range must lie in one
 * mapping of this window and be page-aligned. Unless EXACT, up to a whole leaf may be mapped around
 * it. EINVAL: it does not, or the window ends before (see MMIOD_VIEW_CREATE_LONGER), or an unknown
 * flag. ENODEV: revoked. EAGAIN: suspended. EFAULT: the mapping is PROT_NONE. ENOMEM: no page
 * tables. EINTR: the caller is being killed. EBUSY: EXACT, and user space had the kernel leave
 * marks there (userfaultfd).
 */
struct mmiod_window_populate {
	__u32 size;
	__u32 flags; /* MMIOD_POPULATE_* */
	__u64 address;
	__u64 length;
};

/*
 * Allocate the memory of a buffer now, charged to the caller (but for DMA
 * without a device file). With a device file it is mapped for the device. Nothing if it has been.
 * Wakes no OOM killer. ENOMEM: there is none such (below the limit, on the node), or the caller's
 * memory cgroup is full. EINVAL: no buffer.
 */
struct mmiod_buffer_allocate {
	__u32 size;
	__u32 flags; /* 0 */
};

enum mmiod_access_op {
	MMIOD_ACCESS_READ = 1, /* count elements of `width`, one bus access each */
	MMIOD_ACCESS_WRITE = 2, /* likewise */
	MMIOD_ACCESS_COPY_FROM = 3, /* bulk, count bytes, any width: memcpy_fromio */
	MMIOD_ACCESS_COPY_TO = 4, /* bulk: memcpy_toio */
	MMIOD_ACCESS_FILL = 5, /* bulk: memset_io with the byte in `value` */
};

/*
 * Mediated access with a width of the caller's choice. A region with a declared width admits that
 * width only, and no bulk operations, and ports no width of 8: EINVAL. Beyond the window's end: EINVAL. Read or write by a
 * descriptor that is not open for it: EBADF.
 */
struct mmiod_window_access {
	__u32 size;
	__u32 op;
	__u64 offset;
	__u64 count; /* in: elements or bytes; out: done */
	__u32 width; /* bytes: 1, 2, 4, 8; 0 for bulk */
	__u32 value; /* FILL: 0 to 255 */
	__u64 buffer; /* user address; unused for FILL */
};

/*
 * A view is a file that shows windows as another file does that programs open: a BAR's file in
 * sysfs, /dev/mem, or a UIO node. Anyone may make one of windows that they hold, and it gives what
 * the descriptors give that it is made of. It holds these files, so a lease lasts as long as a view
 * of it. The kernel opens no view anew by its name in /proc, it answers none of these calls, and
 * there are no views of views.
 *
 *		FILE				PHYS			UIO
 *	stat	regular, `length`		character 1:1, 0	character `rdev`, 0
 *	mmap	bytes, within one part		physical addresses	page N is part N's beginning
 *	read	the part's mediated access; EFAULT in a hole		the interrupt's; else EIO
 *	lseek	SET, CUR, END			SET, CUR		ESPIPE
 *	poll	POLLHUP when all windows are revoked, else		the interrupt's; else likewise
 *		readable and writable
 *
 * A mapping is the window's own. So is its end: a revoked part raises SIGBUS, and the others go on.
 * An interrupt is read and written, by 4 bytes, as far as its own descriptor is open for that.
 */
enum mmiod_view_form {
	MMIOD_VIEW_FORM_FILE = 1,
	MMIOD_VIEW_FORM_PHYS = 2,
	MMIOD_VIEW_FORM_UIO = 3,
};

/* A writable mapping of a part that is open for reading only becomes a read-only one. */
#define MMIOD_VIEW_CREATE_DOWNGRADE (1u << 0)
/*
 * FILE: a mapping may go on behind the end of the part that it begins in. Nothing is there: SIGBUS.
 * Each part then reaches to the end of its window.
 */
#define MMIOD_VIEW_CREATE_LONGER (1u << 1)
#define MMIOD_VIEW_CREATE_FLAGS (MMIOD_VIEW_CREATE_DOWNGRADE | MMIOD_VIEW_CREATE_LONGER)

#define MMIOD_VIEW_CREATE_PARTS_MAX 64

struct mmiod_view_create_part {
	__u64 offset; /* in the view; UIO: 0, the index decides */
	__u64 start; /* in the window */
	__u64 length; /* whole pages, from 1 */
	__s32 fd; /* a window, open for reading */
	__u32 reserved; /* 0 */
};

/*
 * Make a view and its file (close-on-exec), by any window's file. Its parts may come in any order.
 * EBADF: a descriptor is not open, or a window's not for reading. EINVAL: it is no window, or one
 * without whole pages, or no interrupt; a part is misaligned, wraps, leaves its window or the view,
 * or overlaps another. EPERM: another rdev. EFAULT: the parts cannot be read.
 */
struct mmiod_view_create {
	__u32 size;
	__u32 form; /* enum mmiod_view_form */
	__u32 flags; /* MMIOD_VIEW_CREATE_* */
	__u32 count; /* 1 to MMIOD_VIEW_CREATE_PARTS_MAX */
	__u64 parts; /* user address of struct mmiod_view_create_part[count] */
	__u64 length; /* FILE: its size in bytes; 0: the end of its last part. Others: 0 */
	/*
	 * UIO: what stat says, as makedev(3): 0, or of a major number that is given out as needed,
	 * 234 to 254 or 384 to 511. Others: 0
	 */
	__u32 rdev;
	__s32 irq; /* UIO: a descriptor of INTERRUPT_CREATE; -1, and for others: none */
	__u32 reserved; /* 0 */
	__s32 fd; /* out */
};

#define MMIOD_IOC_QUERY _IOWR(MMIOD_IOC_TYPE, 0x20, struct mmiod_window_query)
#define MMIOD_IOC_POPULATE _IOWR(MMIOD_IOC_TYPE, 0x21, struct mmiod_window_populate)
#define MMIOD_IOC_ACCESS _IOWR(MMIOD_IOC_TYPE, 0x22, struct mmiod_window_access)
#define MMIOD_IOC_ALLOCATE _IOWR(MMIOD_IOC_TYPE, 0x23, struct mmiod_buffer_allocate)
#define MMIOD_IOC_VIEW_CREATE _IOWR(MMIOD_IOC_TYPE, 0x24, struct mmiod_view_create)

/* ---- device file ----------------------------------------------------------------------------- */

/*
 * A regular file of 256 or 4096 bytes: its content is the function's configuration space, filtered.
 *
 * pread: any length and offset, split into aligned accesses, up to the end. All as the hardware has
 * it, but: the data of VPD reads 0; so do, without CONFIG_VENDOR, the bodies of the capabilities
 * 0x09 (vendor; of virtio's the data word of type 5 alone), extended 0x0b, 0x23 and 0x2e, and bytes
 * from 0x40 on that belong to no capability known to the module; ids and pin of a virtual function
 * are its physical one's; and with more rights than CONFIG_READ bits 2 and 10 of COMMAND are what
 * the holder asked for. EAGAIN: suspended, but for D3hot. ENODEV: revoked. EPERM: no CONFIG_READ.
 *
 * pwrite: 1, 2 or 4 bytes, aligned (EINVAL). Bits of this table act, all others must equal what is
 * read; then nothing is sent for them. EPERM: they do not, or the bit's right is missing.
 *
 *	STATUS 0xf900, PCIe DEVSTA 0x000f	writing 1 clears
 *	PCIe DEVCTL 0x0010			relaxed ordering
 *	PCIe DEVCTL 0x7000			largest read request; EPERM: below MPS, or none such
 *	PCIe DEVCTL 0x0800			no-snoop, to clear it
 *	COMMAND 0x0004				SET_MASTER
 *	PM PMCSR 0x0003				SET_POWER
 *	PCIe DEVCTL 0x8000, AF CTRL 0x01	to set it: RESET; reads 0
 *
 * With CONFIG_VENDOR what it makes readable is written as it is. poll: POLLPRI: it is suspended, or
 * something happened that QUERY tells; POLLHUP | POLLERR: revoked; otherwise POLLIN | POLLOUT, as
 * for any regular file.
 */

/* What there is to know. Ends POLLPRI for what happened. Never waits, also when revoked. */
struct mmiod_device_query {
	__u32 size;
	__u32 rights;
	__u64 id;
	__u64 device; /* MMIOD_PCI_DEVICE */
	__u32 state; /* enum mmiod_window_state */
	__u32 flags; /* MMIOD_FUNCTION_*, of now */
	__u32 resets; /* of the function, by whomever, since it was bound */
	__u32 master_lost; /* how often bus mastering went off by other than SET_MASTER */
	__u64 iova_first; /* of its domain; 0: it has none */
	__u64 iova_last;
	__u32 dma_bits;
	__u32 iova_page; /* bytes of its smallest page; 0: no domain */
	__s32 node; /* NUMA; -1: none */
	__u32 reasons; /* MMIOD_REASON_* */
};

/*
 * Reset the function: by what the kernel knows to reset it alone, after which its configuration is
 * as before. All windows of it, and this file, are suspended meanwhile, also where they would be
 * revoked by another's reset; others' are revoked there. Bus mastering is off after it. It takes
 * 0.1 s, up to a minute for a device that does not come back, and goes on if the caller is killed.
 *
 * A function that cannot be reset alone is reset with all others below its bridge (a hot reset), if
 * each of them is bound to this driver, and what there is of it is the caller's or nobody's; they are
 * suspended and resumed, and master the bus no more, likewise.
 *
 * EPERM: no right RESET. EBUSY: another owner has something of the device, conflict_id says what,
 * and RESET_OTHERS is no right of this file. ENOTTY: the kernel cannot reset it alone, nor with
 * others as above; or it was opened as NEVER_RESET, or it has not come back in time. EIO: it does
 * not answer after it, and all of it stays suspended. EAGAIN: the PCI core has it locked, or this
 * file asks for something already: ask again. ENODEV: revoked, maybe while it was being done. EINTR:
 * the caller is being killed. EINVAL: flags.
 */
struct mmiod_device_reset {
	__u32 size;
	__u32 flags; /* 0 */
	__u64 duration_us; /* out: what it took */
	__u64 conflict_id; /* out, with EBUSY */
};

/*
 * Switch the function's bus mastering on or off. It goes off by itself with a reset and with D3hot,
 * and stays off then; it is held off while the function sleeps or the daemon suspends the file.
 *
 * EPERM: no right MASTER; or the kernel is locked down since. EBUSY: a window of another owner's
 * could write registers that start DMA; conflict_id says which. EAGAIN: suspended, or the device
 * was used by others since its last reset and is reset first, see DEVICE_OPEN. ENODEV: revoked.
 * EINVAL: neither 0 nor 1. A kernel that nothing protects from the function is tainted (TAINT_USER).
 */
struct mmiod_device_master {
	__u32 size;
	__u32 on; /* 1 or 0 */
	__u64 conflict_id; /* out, with EBUSY */
};

#define MMIOD_POWER_D0 0
#define MMIOD_POWER_D3HOT 3

/*
 * Put the function to sleep (D3hot), or wake it. All of it is suspended as long as it sleeps, and
 * bus mastering is off from then on; this file still answers accesses to the configuration, RESET,
 * which ends in D0, and this. Awake it has its configuration back; registers may be as after a
 * reset. If the file ends meanwhile the function is woken, and reset if it can be.
 *
 * EPERM: no right POWER. EINVAL: another state. EOPNOTSUPP: the function has none. EBUSY, EAGAIN,
 * ENODEV, EINTR: as with RESET; EAGAIN also while it is suspended for another reason.
 */
struct mmiod_device_power {
	__u32 size;
	__u32 state; /* MMIOD_POWER_* */
	__u64 conflict_id; /* out, with EBUSY */
};

#define MMIOD_IOC_DEVICE_QUERY _IOWR(MMIOD_IOC_TYPE, 0x30, struct mmiod_device_query)
#define MMIOD_IOC_DEVICE_SET_MASTER _IOWR(MMIOD_IOC_TYPE, 0x31, struct mmiod_device_master)
#define MMIOD_IOC_DEVICE_RESET _IOWR(MMIOD_IOC_TYPE, 0x32, struct mmiod_device_reset)
#define MMIOD_IOC_DEVICE_SET_POWER _IOWR(MMIOD_IOC_TYPE, 0x33, struct mmiod_device_power)

/* ---- interrupt file -------------------------------------------------------------------------- */

/*
 * Programs for an eventfd or a UIO node work on it unchanged.
 *
 * read: 8 bytes or more: how many interrupts came since the file was last read, as a number of 8
 * bytes; 4 bytes: how many came in all, as UIO counts, in the lower 32 bits. Either waits until
 * there are any that were not read; all who share the file share what was read. EAGAIN: O_NONBLOCK,
 * and there are none. ENODEV: revoked, also for who waits already. EINVAL: another length. While it
 * is suspended a reader goes on waiting.
 *
 * write: 4 bytes, a number: 1 is MASK off, 0 is MASK on. EINVAL: another length or number.
 *
 * poll: POLLIN: there are interrupts to read. POLLPRI: it is suspended, or was silenced by a storm,
 * or SILENT has changed since the last QUERY. POLLMSG: it was silenced by a storm, and none comes
 * until MASK off; unlike POLLPRI it tells nothing else, and select() does not know it. POLLHUP |
 * POLLERR: revoked. It cannot be mapped or sought in; fstat says regular file of 0 bytes.
 *
 * INTx is masked by each interrupt, until MASK off: the device is to be acknowledged before. If it
 * still asks by then, that counts as one more interrupt, and INTx stays masked.
 */

/* What there is to know. Ends POLLPRI for a change of SILENT. Never waits, also when revoked. */
struct mmiod_interrupt_query {
	__u32 size;
	__u32 flags; /* as of mmiod_interrupt_info */
	__u64 id;
	__u64 device; /* MMIOD_PCI_DEVICE */
	__u64 count; /* interrupts so far, TRIGGER's included */
	__u32 kind; /* enum mmiod_interrupt_kind */
	__u32 vector;
	__u32 state; /* enum mmiod_window_state */
	__u32 storms; /* so far */
};

/*
 * Signal an eventfd of the caller's at each interrupt, beside what is said above; it takes the
 * place of an earlier one. EBADF: no such descriptor. EINVAL: it is no eventfd. ENODEV: revoked;
 * -1 does always.
 */
struct mmiod_interrupt_eventfd {
	__u32 size;
	__s32 fd; /* -1: none */
};

/*
 * Mask or unmask the interrupt. What arrives while it is masked makes one interrupt at the unmask.
 * EINVAL: neither 0 nor 1. ENODEV: revoked. EAGAIN: unmasking one that is silenced by a storm, too
 * early: 100 ms after it, then 200 ms, doubling to 1 s while storms follow one another.
 */
struct mmiod_interrupt_mask {
	__u32 size;
	__u32 on; /* 1: mask, 0: unmask */
};

/*
 * Count and tell one interrupt, as if the device had made it; masked or not, and to no budget.
 * ENODEV: revoked. EAGAIN: suspended.
 */
struct mmiod_interrupt_trigger {
	__u32 size;
	__u32 reserved; /* 0 */
};

#define MMIOD_IOC_INTERRUPT_QUERY _IOWR(MMIOD_IOC_TYPE, 0x40, struct mmiod_interrupt_query)
#define MMIOD_IOC_INTERRUPT_SET_EVENTFD _IOWR(MMIOD_IOC_TYPE, 0x41, struct mmiod_interrupt_eventfd)
#define MMIOD_IOC_INTERRUPT_MASK _IOWR(MMIOD_IOC_TYPE, 0x42, struct mmiod_interrupt_mask)
#define MMIOD_IOC_INTERRUPT_TRIGGER _IOWR(MMIOD_IOC_TYPE, 0x43, struct mmiod_interrupt_trigger)

#endif
