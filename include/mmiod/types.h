/* SPDX-License-Identifier: MIT */
/*
 * The words that the library's users, the daemon and the wire share. Values are part of the ABI:
 * they never change.
 */
#ifndef MMIOD_TYPES_H
#define MMIOD_TYPES_H

/** What a lease lets its holder do: a set of bits. */
enum mmiod_right {
	MMIOD_RIGHT_READ = 1 << 0,
	MMIOD_RIGHT_WRITE = 1 << 1,
};

/** What a grant lets somebody do with a device beside its memory: a set of bits. */
enum mmiod_device_right {
	MMIOD_MAY_INTERRUPT = 1 << 0, /**< lease its vectors */
	MMIOD_MAY_READ_CONFIG = 1 << 1, /**< read its configuration space */
	MMIOD_MAY_WRITE_CONFIG = 1 << 2, /**< and write there what cannot harm others */
	MMIOD_MAY_VENDOR_CONFIG = 1 << 3, /**< also what belongs to vendors and to nobody */
	MMIOD_MAY_MASTER = 1 << 4, /**< let it master the bus */
	MMIOD_MAY_RESET = 1 << 5,
	MMIOD_MAY_RESET_OTHERS = 1 << 6, /**< even while others use it; needs MMIOD_MAY_RESET */
	MMIOD_MAY_POWER = 1 << 7, /**< put it to sleep, and wake it */
	/** have memory that it reaches: by an IOMMU that keeps it from all other, or as below */
	MMIOD_MAY_DMA = 1 << 8,
	MMIOD_MAY_DMA_TRUSTED = 1 << 9, /**< even if nothing bounds it; needs MMIOD_MAY_DMA */
};

/** How far a device may reach into the machine's memory, as configured. */
enum mmiod_dma {
	MMIOD_DMA_NONE = 0, /**< not at all */
	MMIOD_DMA_IOMMU = 1, /**< to what its operator has allocated for it */
	MMIOD_DMA_TRUSTED = 2, /**< everywhere, unless an IOMMU bounds it all the same */
};

/** How a device signals an interrupt. The values of the module's mmiod_interrupt_kind. */
enum mmiod_irq_kind {
	MMIOD_IRQ_DEFAULT = 0, /**< the one that the configuration says */
	MMIOD_IRQ_INTX = 1, /**< its line: level-triggered, may be shared, masked when it fires */
	MMIOD_IRQ_MSI = 2, /**< messages: edges */
	MMIOD_IRQ_MSIX = 3, /**< messages by a table: edges, each vector for itself */
};

/** What a lease is of. */
enum mmiod_lease_kind {
	MMIOD_KIND_WINDOW = 0, /**< bytes of a region, or blocks of a pool */
	MMIOD_KIND_BUFFER = 1, /**< kernel memory: see enum mmiod_memory */
	MMIOD_KIND_DEVICE = 2, /**< the right to operate a device: its offset and length are 0 */
	MMIOD_KIND_INTERRUPT =
		3, /**< a vector of a device: its offset is the vector, its length 1 */
};

/** Memory type of a window: what caches do with it. Windows that share a page must agree on it. */
enum mmiod_memtype {
	MMIOD_MEMTYPE_DEFAULT = 0, /**< the first that the region's configuration names */
	MMIOD_MEMTYPE_UC = 1, /**< uncached: every load and store is one bus access, in order */
	MMIOD_MEMTYPE_WC =
		2, /**< write-combining: stores may be merged and reordered until flushed */
	MMIOD_MEMTYPE_WB = 3, /**< write-back: RAM only */
	MMIOD_MEMTYPE_WT = 4, /**< write-through: seen in page tables, never granted */
	MMIOD_MEMTYPE_WP = 5, /**< write-protected: likewise */
	MMIOD_MEMTYPE_UC_MINUS = 6, /**< uncached unless an MTRR says write-combining: likewise */
};

/** How a lease bears others on the same bytes. */
enum mmiod_share {
	MMIOD_SHARE_DEFAULT =
		0, /**< what the grant says: unless it does, exclusive, or guest of a read-only one */
	MMIOD_SHARE_EXCLUSIVE = 1, /**< nobody else at all */
	MMIOD_SHARE_READ = 2, /**< others may read (they hold shared-read or shared-write leases) */
	MMIOD_SHARE_WRITE = 3, /**< others may read and write */
	MMIOD_SHARE_GUEST =
		4, /**< read-only; keeps nobody out, and ends when an exclusive one comes */
};

/** State of a lease's window, and of a region. REVOKED is final. */
enum mmiod_state {
	MMIOD_STATE_OK = 0,
	MMIOD_STATE_SUSPENDED = 1, /**< accesses raise SIGBUS or answer EAGAIN until resumed */
	MMIOD_STATE_REVOKED = 2, /**< accesses raise SIGBUS or answer ENODEV for ever */
	/**
	 * Of a lease: its holder has it no more, but nobody else may have its bytes yet: pages are
	 * still being taken from processes, or what is to be written at its end is not written yet.
	 */
	MMIOD_STATE_ENDING = 3,
	/**
	 * Of a region: what the daemon has claimed is not what the configuration in force says;
	 * leases keep it, and nobody gets a new one.
	 */
	MMIOD_STATE_STALE = 4,
};
#define MMIOD_STATES 5 /**< greater than all of them */

/** Which kind of memory stands behind the daemon's regions. */
enum mmiod_backend {
	MMIOD_BACKEND_MODULE =
		1, /**< the kernel module: real devices, bounds and revocation enforced */
	MMIOD_BACKEND_SIMULATION =
		2, /**< memory files: read-only enforced, bounds and revocation not */
};

/**
 * What kind of memory stands behind a lease. The kernel's kinds have the values of enum
 * mmiod_buffer_kind.
 */
enum mmiod_memory {
	MMIOD_MEMORY_REGION = 0, /**< a range of a region; when allocated: blocks of a pool */
	MMIOD_MEMORY_PAGES =
		1, /**< pages of the kernel's buddy allocator, each with a reference count */
	MMIOD_MEMORY_KMALLOC = 2, /**< kmalloc: physically contiguous */
	MMIOD_MEMORY_VMALLOC = 3, /**< vmalloc: contiguous for the kernel only */
	MMIOD_MEMORY_DMA = 4, /**< coherent memory for a device, with its bus address */
};

/**
 * Where kernel memory may lie: the kernel's zones. The values of the module's enum of that name.
 */
enum mmiod_memory_zone {
	MMIOD_MEMORY_ANY = 0, /**< GFP_KERNEL */
	MMIOD_MEMORY_BELOW_4G = 1, /**< GFP_DMA32 */
	MMIOD_MEMORY_BELOW_16M = 2, /**< GFP_DMA */
	MMIOD_MEMORY_MOVABLE = 3, /**< from here on: seen, but none that can be asked for */
	MMIOD_MEMORY_HIGHMEM = 4,
	MMIOD_MEMORY_DEVICE = 5,
};

/**
 * Sizes of the leaves of page tables; the names are those of x86. The values of the module's enum
 * mmiod_leaf.
 */
enum mmiod_leaf_size {
	MMIOD_LEAF_4K = 0, /**< a page */
	MMIOD_LEAF_2M = 1,
	MMIOD_LEAF_1G = 2,
	MMIOD_LEAF_SIZES = 3,
};

/** What a view looks like to the program that has it. The values of the module's enum mmiod_view_form. */
enum mmiod_view_kind {
	MMIOD_VIEW_FILE = 1, /**< a regular file, such as a BAR's in sysfs */
	MMIOD_VIEW_PHYS = 2, /**< /dev/mem: offsets are physical addresses */
	MMIOD_VIEW_UIO = 3, /**< a UIO node: offset N pages is the beginning of part N */
};

/** Limits per user, each with the key of [daemon] that sets it. */
enum mmiod_limit {
	MMIOD_LIMIT_CONNECTIONS = 1, /**< connections-per-user */
	MMIOD_LIMIT_CONNECTION_RATE = 2, /**< connection-rate-per-user, in a second */
	MMIOD_LIMIT_LEASES = 3, /**< leases-per-user */
	MMIOD_LIMIT_BYTES = 4, /**< bytes-per-user: allocated */
	MMIOD_LIMIT_UNREAD_REPLIES = 5, /**< unread-replies-per-user */
	MMIOD_LIMIT_UNREAD_DESCRIPTORS = 6, /**< unread-descriptors-per-user */
	MMIOD_LIMIT_CACHES = 7, /**< caches-per-user: published */
	MMIOD_LIMIT_GRANT = 8, /**< leases or bytes of a grant */
	MMIOD_LIMIT_WAITING = 9, /**< waiting-per-user: requests */
	MMIOD_LIMIT_INTERRUPTS = 10, /**< interrupts-per-user: vectors */
	MMIOD_LIMIT_DEVICES = 11, /**< devices-per-user: that are operated */
	MMIOD_LIMIT_EXTENTS = 12, /**< extents-per-user: of leases that have several */
};
#define MMIOD_LIMITS 13 /**< greater than all of them */

/** Why leases were revoked. */
enum mmiod_revoke_cause {
	MMIOD_CAUSE_ADMIN = 1, /**< an administrator took it */
	MMIOD_CAUSE_OBEYED = 2, /**< its holder gave it back when asked to */
	MMIOD_CAUSE_GONE = 3, /**< the device was removed or unbound */
	MMIOD_CAUSE_CONNECTION = 4, /**< it was to end with its connection */
	MMIOD_CAUSE_EXPIRED = 5, /**< its time was over */
	MMIOD_CAUSE_OTHER = 6, /**< another program did it */
	MMIOD_CAUSE_RESET = 7, /**< the device was reset, and "on-reset = revoke" is configured */
	MMIOD_CAUSE_POLICY = 8, /**< no grant gives it any more, and "revoke-on-reload = yes" */
	MMIOD_CAUSE_GUEST = 9, /**< it was a guest's, and an exclusive lease was granted */
};
#define MMIOD_CAUSES 10 /**< greater than all of them */

/**
 * What the daemon counts. Totals are since it was started; the others are as of now. Behind each:
 * what its detail is, and whether it is of a region (of "", when it is of kernel memory).
 */
enum mmiod_counter_kind {
	MMIOD_COUNTER_ACCEPTED = 1, /**< total; connections */
	MMIOD_COUNTER_UNKNOWN_PEERS = 2, /**< total; turned away */
	MMIOD_COUNTER_SHORTAGES = 3, /**< total; turned away: out of memory or descriptors */
	MMIOD_COUNTER_QUOTA_REFUSALS = 4, /**< total; enum mmiod_limit, 0: the module's */
	MMIOD_COUNTER_REQUESTS = 5, /**< total; opcode of the wire, 0: unknown or malformed */
	MMIOD_COUNTER_PROTOCOL_ERRORS = 6, /**< total; connections that ended by one */
	MMIOD_COUNTER_HELLO_TIMEOUTS = 7, /**< total */
	MMIOD_COUNTER_SLOW_READERS = 8, /**< total; dropped */
	MMIOD_COUNTER_REVOCATIONS = 9, /**< total; enum mmiod_revoke_cause */
	MMIOD_COUNTER_EVENTS_LOST = 10, /**< total; times that the module's queue overflowed */
	MMIOD_COUNTER_LINES_HELD_BACK = 11, /**< total; of the log */
	MMIOD_COUNTER_RELOADS = 12, /**< total; 0: put in force, 1: failed */
	MMIOD_COUNTER_GRANTS = 13, /**< total; of a region; enum mmiod_memory */
	MMIOD_COUNTER_DENIALS = 14, /**< total; of a region; enum mmiod_memory */
	MMIOD_COUNTER_CONFLICTS = 15, /**< total; of a region; enum mmiod_memory */
	MMIOD_COUNTER_UNSAFE_ENDS =
		16, /**< total; writes at the end of a lease that failed at first */
	MMIOD_COUNTER_INTERRUPTS =
		17, /**< total of what is leased now; of a device, not a region; vector */
	MMIOD_COUNTER_STORMS = 18, /**< total; of a device, not a region */
	MMIOD_COUNTER_RESETS =
		19, /**< total since it was bound; of a device, not a region; 0: done, 1: failed */
	MMIOD_COUNTER_RESET_US = 20, /**< total, microseconds of these; of a device, not a region */
	MMIOD_COUNTER_STARTED = 32, /**< seconds since 1970 */
	MMIOD_COUNTER_CLIENTS = 33,
	MMIOD_COUNTER_REGIONS = 34, /**< enum mmiod_state; REVOKED: their devices are not there */
	MMIOD_COUNTER_LEASES = 35, /**< not revoked; of a region; enum mmiod_memory */
	MMIOD_COUNTER_BYTES = 36, /**< of those leases; of a region; enum mmiod_memory */
	MMIOD_COUNTER_POOL_FREE = 37, /**< bytes; of a region */
	MMIOD_COUNTER_POOL_WIPING = 38, /**< bytes that wait to be wiped; of a region */
	MMIOD_COUNTER_ENDING = 39, /**< leases in state ENDING */
	MMIOD_COUNTER_NOTES =
		40, /**< ends whose region is not there: what is to be written waits */
	MMIOD_COUNTER_MASTERS = 41, /**< 1: it masters the bus; of a device, not a region */
	MMIOD_COUNTER_QUIET =
		42, /**< 1: nothing of an earlier user runs on it; of a device, not a region */
	MMIOD_COUNTER_DMA_MAPPED =
		43, /**< bytes that its operator lets it reach; of a device, not a region */
	MMIOD_COUNTER_DMA_GRAVES =
		44, /**< bytes that wait for its reset; of a device, not a region */
	MMIOD_COUNTER_LIMIT = 48, /**< per user; enum mmiod_limit */
	MMIOD_COUNTER_USER = 64, /**< 64 + enum mmiod_limit: how much a user has; uid */
};

/** Kinds of event that a client is told of. */
enum mmiod_event_type {
	MMIOD_EVENT_REVOKE_ASKED = 1, /**< give the lease back before its deadline */
	MMIOD_EVENT_REVOKED = 2, /**< the lease has been taken */
	MMIOD_EVENT_SUSPENDED = 3, /**< its device is being reset or sleeps */
	MMIOD_EVENT_RESUMED = 4,
	MMIOD_EVENT_GONE =
		5, /**< its device was removed, or simulation started anew; the lease is over */
	MMIOD_EVENT_EXPIRING = 6, /**< the lease's time is nearly over, and it was not renewed */
	MMIOD_EVENT_STORM = 7, /**< the interrupt came too often and is silenced until unmasked */
};

/**
 * What a monitor is told of: everything that happens to anybody's leases. Shares its numbers with
 * the events.
 */
enum mmiod_notice_type {
	MMIOD_NOTICE_GRANTED = 16, /**< somebody got a lease */
	MMIOD_NOTICE_DENIED = 17, /**< policy refused; the text names the rule */
	MMIOD_NOTICE_REVOKED = 18, /**< a lease was taken; the text says by whom */
	MMIOD_NOTICE_SUSPENDED = 19, /**< a lease's device is being reset or sleeps */
	MMIOD_NOTICE_RESUMED = 20,
	MMIOD_NOTICE_RELEASED = 21, /**< its holder gave a lease back, or let go of its file */
	MMIOD_NOTICE_GONE = 22, /**< a region's device was removed or unbound */
	MMIOD_NOTICE_BACK = 23, /**< a region is there, again or for the first time */
	MMIOD_NOTICE_STORM = 24, /**< an interrupt came too often and was silenced */
	MMIOD_NOTICE_RESET = 25, /**< a device is being reset, or was: the text says which */
	MMIOD_NOTICE_MASTER = 26, /**< a device masters the bus from now on, or no more */
	MMIOD_NOTICE_LOST = 31, /**< the monitor read too slowly: so many notices were dropped */
};

/* ---- deprecated ---- */

/*
 * The memory type was called cache, which object caches are. Programs that say so still compile, and
 * with MMIOD_WARN_DEPRECATED they are told what to say instead.
 */
#ifdef MMIOD_WARN_DEPRECATED
#define MMIOD_DEPRECATED(instead) __attribute__((deprecated("use " #instead)))
#define MMIOD_OLD_WORD(word) \
	_Pragma("GCC warning \"deprecated: mmiod's cache is called memtype\"") word
#else
#define MMIOD_DEPRECATED(instead)
#define MMIOD_OLD_WORD(word) word
#endif

#define mmiod_cache MMIOD_OLD_WORD(mmiod_memtype)
#define MMIOD_CACHE_DEFAULT MMIOD_OLD_WORD(MMIOD_MEMTYPE_DEFAULT)
#define MMIOD_CACHE_UC MMIOD_OLD_WORD(MMIOD_MEMTYPE_UC)
#define MMIOD_CACHE_WC MMIOD_OLD_WORD(MMIOD_MEMTYPE_WC)
#define MMIOD_CACHE_WB MMIOD_OLD_WORD(MMIOD_MEMTYPE_WB)
#define MMIOD_CACHE_WT MMIOD_OLD_WORD(MMIOD_MEMTYPE_WT)
#define MMIOD_CACHE_WP MMIOD_OLD_WORD(MMIOD_MEMTYPE_WP)
#define MMIOD_CACHE_UC_MINUS MMIOD_OLD_WORD(MMIOD_MEMTYPE_UC_MINUS)

#endif
