/* SPDX-License-Identifier: MIT */
/*
 * The wire ABI between daemon and library: AF_UNIX, SOCK_SEQPACKET, one message = one packet.
 *
 * Every message starts with struct mmiod_msg; its size is the packet's length exactly. The client
 * sends HELLO first, then requests, each with an id of its choice; the daemon sends exactly one
 * reply to each (out of order if it likes, but that to HELLO first) and events. Requests may be behind
 * HELLO before it is answered; if it is refused, they are dropped with the connection. Integers are in host byte order (one host).
 * Unknown flags and reserved fields that are not zero are errors.
 *
 * Structures grow at their end, so that daemon and library can be upgraded apart. A fixed part that
 * is shorter than version 1 had it (MMIOD_V1_*) is an error; else what is missing counts as zero.
 * In a request a longer one is accepted only if what the daemon does not know is zero: it may not
 * ignore a wish. In replies and events the library ignores what it does not know. Arrays carry the
 * size of their element, to which the same rule applies.
 *
 * Requests never carry file descriptors. Replies to LEASE, ALLOC, OPERATE and INTERRUPT carry one per
 * granted element, in order of the elements; the reply to PARK carries its page. Text (an error's sentence, ...) lies behind the fixed part and
 * the array; a struct mmiod_msg_text says where, from the start of the message; it is UTF-8 without
 * terminating zero.
 */
#ifndef MMIOD_PROTOCOL_H
#define MMIOD_PROTOCOL_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/mmiod.h>
#include <mmiod/types.h>

#define MMIOD_SOCKET_PATH "/run/mmiod/mmiod.sock"
#define MMIOD_PROTOCOL_VERSION 1u
#define MMIOD_MSG_MAX 65536u /* bytes of one message; the default SO_SNDBUF carries 212,960 */
#define MMIOD_MSG_FDS_MAX 16u /* descriptors with one message; the kernel's limit is 253 */
#define MMIOD_BATCH_MAX 256u /* elements of one request without descriptors */

static_assert((int)MMIOD_MEMTYPE_UC == (int)MMIOD_ATTR_UC, "one value for one type");
static_assert((int)MMIOD_MEMTYPE_WC == (int)MMIOD_ATTR_WC, "one value for one type");
static_assert((int)MMIOD_MEMTYPE_WB == (int)MMIOD_ATTR_WB, "one value for one type");
static_assert((int)MMIOD_MEMTYPE_UC == (int)MMIOD_ENTRY_UC, "one value for one type");
static_assert((int)MMIOD_MEMTYPE_UC_MINUS == (int)MMIOD_ENTRY_UC_MINUS, "one value for one type");
static_assert((int)MMIOD_STATE_SUSPENDED == (int)MMIOD_WINDOW_SUSPENDED, "one value for one state");
static_assert((int)MMIOD_STATE_REVOKED == (int)MMIOD_WINDOW_REVOKED, "one value for one state");

static_assert((int)MMIOD_LEAF_SIZES == (int)MMIOD_LEAVES, "one value for one size");
static_assert((int)MMIOD_MEMORY_PAGES == (int)MMIOD_BUFFER_PAGES, "one value for one kind");
static_assert((int)MMIOD_MEMORY_DMA == (int)MMIOD_BUFFER_DMA, "one value for one kind");
static_assert((int)MMIOD_MEMORY_BELOW_16M == (int)MMIOD_ZONE_DMA, "one value for one zone");
static_assert((int)MMIOD_IRQ_INTX == (int)MMIOD_INTERRUPT_INTX, "one value for one kind");
static_assert((int)MMIOD_IRQ_MSI == (int)MMIOD_INTERRUPT_MSI, "one value for one kind");
static_assert((int)MMIOD_IRQ_MSIX == (int)MMIOD_INTERRUPT_MSIX, "one value for one kind");
static_assert((int)MMIOD_MEMORY_DEVICE == (int)MMIOD_ZONE_DEVICE, "one value for one zone");

enum mmiod_opcode {
	MMIOD_OP_HELLO = 1,
	MMIOD_OP_STATUS = 2,
	MMIOD_OP_REGIONS = 3, /* the regions that the caller may see */
	MMIOD_OP_LEASE = 4,
	MMIOD_OP_RELEASE = 5, /* the holder gives leases back */
	MMIOD_OP_REVOKE = 6, /* an administrator takes leases */
	MMIOD_OP_LEASES = 7, /* the leases that the caller may see */
	MMIOD_OP_ALLOC =
		8, /* leases of memory that the daemon finds: pool blocks, kernel buffers */
	MMIOD_OP_POOLS = 9, /* the pools that the caller may see */
	MMIOD_OP_POOL_MAP = 10, /* what lies where in one pool */
	MMIOD_OP_BUFFER = 11, /* one buffer's pages and addresses */
	MMIOD_OP_PUBLISH = 12, /* figures of the caller's object caches, for others to see */
	MMIOD_OP_CACHES = 13, /* the published caches that the caller may see */
	MMIOD_OP_RENEW = 14, /* leases with a time limit last longer */
	MMIOD_OP_EXPLAIN = 15, /* which rule decides about what */
	MMIOD_OP_CLIENTS = 16, /* the connections that the caller may see */
	MMIOD_OP_TRANSLATE = 17, /* a process's virtual address, level by level */
	MMIOD_OP_PAGE = 18, /* a page frame */
	MMIOD_OP_MONITOR = 19, /* notices of everything from now on, or no more */
	MMIOD_OP_COUNTERS = 20, /* what the daemon counts */
	MMIOD_OP_CANCEL = 21, /* a request of this connection waits no more */
	MMIOD_OP_LOG = 22, /* the last grants */
	MMIOD_OP_DEVICES = 23, /* the devices that the caller may see */
	MMIOD_OP_OPERATE = 24, /* leases that operate devices */
	MMIOD_OP_INTERRUPT = 25, /* leases of vectors of devices */
	MMIOD_OP_INTERRUPTS = 26, /* the leased vectors that the caller may see */
	MMIOD_OP_GRANT = 27, /* an administrator gives a grant that no file has */
	MMIOD_OP_UNGRANT = 28, /* and ends it, with the leases under it */
	MMIOD_OP_GRANTS = 29, /* those grants */
	MMIOD_OP_EXTENTS = 30, /* where the parts of one lease lie */
	MMIOD_OP_PARK = 31, /* the page on which leases are parked */
	MMIOD_OP_EVENT = 64, /* daemon to client, unasked */
};

#define MMIOD_MSG_REPLY (1u << 0)
#define MMIOD_MSG_EVENT (1u << 1)
#define MMIOD_MSG_MORE \
	(1u << 2) /* a list goes on: ask again with the cursor that the reply gives */

/*
 * Outcome of a request or of one of its elements. message.c (client/lib) maps them to errno.
 */
enum mmiod_outcome {
	MMIOD_OK = 0,
	MMIOD_E_PROTOCOL = 1, /* the daemon closes the connection after this reply */
	MMIOD_E_VERSION = 2,
	MMIOD_E_UNSUPPORTED = 3, /* unknown opcode, flag or attribute */
	MMIOD_E_INVALID = 4, /* a value breaks a rule that the text names */
	MMIOD_E_NOT_FOUND = 5, /* no such region or lease */
	MMIOD_E_DENIED = 6, /* the text names the policy rule */
	MMIOD_E_BUSY = 7, /* the text names the holder */
	MMIOD_E_QUOTA = 8, /* the text names the limit */
	MMIOD_E_GONE = 9, /* the device is not there, or the lease is revoked */
	MMIOD_E_RESOURCES = 10, /* the daemon is out of memory, descriptors, ... */
	MMIOD_E_TIMEOUT = 11,
	MMIOD_E_INTERNAL = 12, /* a backend failed in a way that has no word of its own */
	MMIOD_E_CANCELLED = 13, /* it waited, until a CANCEL */
	MMIOD_E_EXISTS = 14, /* there is one of that name, and it is another */
};

struct mmiod_msg {
	uint32_t size; /* of the whole message */
	uint16_t opcode; /* a reply has its request's */
	uint8_t flags;
	uint8_t fds; /* descriptors that come with it */
	uint64_t id; /* chosen by the client, echoed; 0 in events */
	uint32_t status; /* enum mmiod_outcome; 0 in requests */
	uint32_t fixed; /* size of the fixed part with this header; an array follows behind it */
	uint32_t count; /* elements of the array */
	uint32_t stride; /* size of an element */
};
static_assert(sizeof(struct mmiod_msg) == 32, "wire layout");

struct mmiod_msg_text {
	uint32_t offset; /* from the start of the message; 0: none */
	uint32_t length;
};

/* A reply whose status is not MMIOD_OK always has this form, whatever its opcode. */
struct mmiod_msg_error {
	struct mmiod_msg msg;
	struct mmiod_msg_text text;
};
static_assert(sizeof(struct mmiod_msg_error) == 40, "wire layout");

/* Bits that one side does not know are left out of the reply. */
#define MMIOD_HELLO_DEVICES (1ull << 0) /* DEVICES, INTERRUPT, INTERRUPTS */
#define MMIOD_HELLO_EXTENTS (1ull << 1) /* leases of several extents; EXTENTS */
#define MMIOD_HELLO_NOTICES (1ull << 3) /* EVENTs to a monitor in one packet: see MONITOR */
#define MMIOD_HELLO_FEATURES (MMIOD_HELLO_DEVICES | MMIOD_HELLO_EXTENTS | MMIOD_HELLO_NOTICES)

struct mmiod_msg_hello {
	struct mmiod_msg msg;
	uint32_t version_min;
	uint32_t version_max;
	uint64_t features; /* MMIOD_HELLO_* */
	uint32_t max_message; /* what the client can take: at least MMIOD_MSG_MAX */
	uint32_t reserved;
	/*
	 * The name of the process, for people; empty: the daemon looks it up. A daemon that does not
	 * know of it refuses HELLO by MMIOD_E_PROTOCOL, and a client then greets it without.
	 */
	char comm[16];
};
static_assert(sizeof(struct mmiod_msg_hello) == 72, "wire layout");

struct mmiod_msg_hello_reply {
	struct mmiod_msg msg;
	uint32_t version;
	uint32_t backend; /* enum mmiod_backend */
	uint64_t features; /* those that both have */
	uint64_t epoch; /* differs after a restart of the daemon */
	uint32_t max_message;
	uint32_t max_fds;
	uint32_t max_batch;
	uint32_t max_leases; /* per user */
	uint64_t page_size;
	uint32_t uid; /* whom the daemon takes the caller for */
	uint32_t admin; /* 1: may revoke */
};
static_assert(sizeof(struct mmiod_msg_hello_reply) == 88, "wire layout");

/* STATUS: the request is a bare header. */
struct mmiod_msg_status_reply {
	struct mmiod_msg msg;
	uint32_t pid;
	uint32_t backend;
	uint64_t started; /* seconds since 1970 */
	uint32_t regions;
	uint32_t regions_missing; /* configured, but the device is not there or not bound */
	uint32_t clients;
	uint32_t leases;
	uint32_t module_abi; /* 0 in simulation */
	uint32_t inspect; /* 1: the caller may see everything */
	struct mmiod_msg_text version;
	struct mmiod_msg_text warning; /* simulation's limits, a failed reload, ... */
	uint32_t stale_regions; /* their claims are not what the configuration in force says */
	uint32_t ending_leases; /* of which nobody else may have the bytes yet */
};
static_assert(sizeof(struct mmiod_msg_status_reply) == 96, "wire layout");

/* REGIONS and LEASES: a page of the list, those whose id is greater than the cursor. */
struct mmiod_msg_list {
	struct mmiod_msg msg;
	uint64_t cursor;
};
static_assert(sizeof(struct mmiod_msg_list) == 40, "wire layout");

struct mmiod_msg_list_reply {
	struct mmiod_msg msg; /* MMIOD_MSG_MORE: ask again */
	uint64_t cursor; /* of the last element */
};
static_assert(sizeof(struct mmiod_msg_list_reply) == 40, "wire layout");

#define MMIOD_WIRE_NAME 32

#define MMIOD_REGION_IS_PORTS (1u << 0) /* I/O ports: read and written, never mapped */

struct mmiod_wire_region {
	uint64_t id; /* the daemon's, the list's cursor */
	char name[MMIOD_WIRE_NAME]; /* zero-filled, always terminated */
	char device[MMIOD_WIRE_NAME]; /* "0000:00:04.0", "range" or "simulation" */
	uint64_t offset; /* in the BAR; 0 for a range unless the caller may inspect */
	uint64_t length;
	uint64_t phys; /* 0 unless the caller may inspect */
	uint32_t bar; /* UINT32_MAX: none */
	uint32_t width; /* bytes, 0: any */
	uint32_t memtypes; /* bit 1 << enum mmiod_memtype for each that is allowed */
	uint32_t memtype; /* default */
	uint32_t rights; /* the caller's */
	uint32_t state; /* enum mmiod_state; REVOKED: the device is not there; STALE */
	uint32_t generation;
	uint32_t leases;
	uint16_t vendor; /* PCI ids, 0 for others */
	uint16_t product;
	uint32_t flags; /* MMIOD_REGION_IS_* */
	struct mmiod_msg_text model; /* by libpciaccess, if it knows */
};
static_assert(sizeof(struct mmiod_wire_region) == 144, "wire layout");

#define MMIOD_LEASE_DUMMY (1u << 0) /* after revocation a page of ones instead of SIGBUS */
#define MMIOD_LEASE_CONNECTION (1u << 1) /* ends with the connection, even if the file lives on */
#define MMIOD_LEASE_FOR (1u << 2) /* an administrator asks for another user, by for_uid */
#define MMIOD_LEASE_FLAGS (MMIOD_LEASE_DUMMY | MMIOD_LEASE_CONNECTION | MMIOD_LEASE_FOR)

#define MMIOD_LEASE_ALL_OR_NONE (1u << 0)

/* LEASE: at most MMIOD_MSG_FDS_MAX elements of struct mmiod_wire_want. */
struct mmiod_msg_lease {
	struct mmiod_msg msg;
	uint32_t flags; /* MMIOD_LEASE_ALL_OR_NONE */
	uint32_t reserved;
	uint32_t wait_ms; /* until what is held by others is free; 0: not, UINT32_MAX: for ever */
	uint32_t reserved2;
};
static_assert(sizeof(struct mmiod_msg_lease) == 48, "wire layout");

/* A register write that makes the device safe when a lease ends, for whatever reason. */
struct mmiod_wire_write {
	uint64_t offset; /* from the start of the region, within the lease */
	uint64_t value;
	uint32_t width; /* bytes: 1, 2, 4, 8 */
	uint32_t reserved;
};
static_assert(sizeof(struct mmiod_wire_write) == 24, "wire layout");

#define MMIOD_ON_END_MAX 8

struct mmiod_wire_want {
	char region[MMIOD_WIRE_NAME];
	uint64_t offset; /* from the start of the region */
	uint64_t length; /* 0: to its end */
	uint32_t rights; /* enum mmiod_right, at least READ */
	uint32_t memtype; /* enum mmiod_memtype */
	uint32_t width; /* 0: the region's */
	uint32_t share; /* enum mmiod_share */
	uint32_t flags; /* MMIOD_LEASE_* */
	uint32_t reserved;
	uint32_t lease_ms; /* ends after so long unless renewed; 0: as the grant says */
	uint32_t n_on_end; /* how many of the following count; the others are zero */
	struct mmiod_wire_write on_end[MMIOD_ON_END_MAX];
	/* Of LEASE_FOR: who holds the lease, and is asked about; groups count for nothing. Else 0. */
	uint32_t for_uid;
	uint32_t reserved2;
	char grant[MMIOD_WIRE_NAME]; /* that is to give it, and no other; empty: whichever does */
};
static_assert(sizeof(struct mmiod_wire_want) == 312, "wire layout");

/* The reply: a bare header, and an array of these, one for each element asked for. */
struct mmiod_wire_granted {
	uint32_t status; /* only MMIOD_OK comes with a descriptor */
	uint32_t memtype;
	uint64_t lease;
	uint64_t offset; /* as granted */
	uint64_t length;
	uint64_t map_offset; /* in the window's file: where its first byte is */
	uint32_t rights;
	uint32_t width;
	uint32_t share;
	uint32_t mmapable; /* 1: owns whole pages */
	struct mmiod_msg_text text; /* why not */
	uint32_t lease_ms; /* ends after so long unless renewed; 0: no limit */
	uint32_t renew; /* 1: it may be renewed */
	uint32_t interrupt; /* INTERRUPT: enum mmiod_irq_kind, as it came to be */
	uint32_t vectors; /* INTERRUPT: that are set up for the device */
	/*
	 * ALLOC for a device file: where the device finds it; MMIOD_IOVA_NONE: the window tells when
	 * its memory is allocated. Of a refusal for a fixed one the next that is free, or NONE; else 0.
	 */
	uint64_t iova;
	uint32_t n_extents; /* of a window; with more than 1, `offset` is UINT64_MAX: see EXTENTS */
	/* LEASE, on a connection that has a page: which of its words is the lease's, from 1; 0: none. */
	uint32_t park;
	uint32_t park_held; /* what that word says while the lease is in use, and not parked */
	uint32_t reserved;
};
static_assert(sizeof(struct mmiod_wire_granted) == 104, "wire layout");

#define MMIOD_PARK_WORDS 1024u /* of a page */
#define MMIOD_PARK_STATES 4u /* of a word: its low bits; the others say which lease it is about */

/*
 * PARK: a bare header. Another one takes the page's place. The reply has a file: a page of MMIOD_PARK_WORDS words,
 * which both sides map, shared. A lease that was given a word may be parked: its holder has freed it,
 * and keeps its file in case that it is leased again. The holder changes the word by compare-and-swap
 * from HELD to PARKED, or back, and a lease whose word says anything else is not his to park or to
 * take back. The daemon changes PARKED to TAKEN when it takes the lease, without asking the holder,
 * and HELD to WANTED when the holder is to give it back by closing the file. The page says nothing
 * any more when the connection is closed.
 */
enum mmiod_park_state {
	MMIOD_PARK_HELD = 0,
	MMIOD_PARK_PARKED = 1,
	MMIOD_PARK_TAKEN = 2,
	MMIOD_PARK_WANTED = 3,
};
static_assert(MMIOD_PARK_WANTED < MMIOD_PARK_STATES, "a word holds them");

struct mmiod_msg_park_reply {
	struct mmiod_msg msg;
	uint32_t words; /* of the page; the file has so many times 4 bytes */
	uint32_t reserved;
};
static_assert(sizeof(struct mmiod_msg_park_reply) == 40, "wire layout");

#define MMIOD_VECTOR_ONESHOT (1u << 0) /* masked at each interrupt until it is unmasked */
#define MMIOD_VECTOR_MASKED (1u << 1) /* starts masked */
#define MMIOD_VECTOR_CONNECTION (1u << 2) /* as MMIOD_LEASE_CONNECTION */
#define MMIOD_VECTOR_FLAGS ((1u << 3) - 1)

/*
 * INTERRUPT: a struct mmiod_msg_lease with an array of these; the reply is LEASE's, each granted
 * element with an interrupt's file. Offset and length of what is granted are the vector and 1.
 */
struct mmiod_wire_interrupt {
	char device[MMIOD_WIRE_NAME]; /* as the configuration names it */
	uint32_t kind; /* enum mmiod_irq_kind; 0: the configured one */
	uint32_t vector; /* from 0 */
	uint32_t flags; /* MMIOD_VECTOR_* */
	uint32_t lease_ms; /* ends after so long unless renewed; 0: as the grant says */
};
static_assert(sizeof(struct mmiod_wire_interrupt) == 48, "wire layout");

#define MMIOD_OPERATE_CONNECTION (1u << 0) /* as MMIOD_LEASE_CONNECTION */
#define MMIOD_OPERATE_FLAGS ((1u << 1) - 1)

/* The rights of OPERATE and of DEVICES are those of the module's device files, but for one bit. */
#define MMIOD_OPERATE_SHIFT 1u
#define MMIOD_MAY_OPERATE                                                                \
	(MMIOD_MAY_READ_CONFIG | MMIOD_MAY_WRITE_CONFIG | MMIOD_MAY_VENDOR_CONFIG |      \
	 MMIOD_MAY_MASTER | MMIOD_MAY_RESET | MMIOD_MAY_RESET_OTHERS | MMIOD_MAY_POWER | \
	 MMIOD_MAY_DMA | MMIOD_MAY_DMA_TRUSTED)
static_assert(MMIOD_MAY_READ_CONFIG == MMIOD_OPERATE_CONFIG_READ << MMIOD_OPERATE_SHIFT, "one row");
static_assert(MMIOD_MAY_WRITE_CONFIG == MMIOD_OPERATE_CONFIG_WRITE << MMIOD_OPERATE_SHIFT,
	      "one row");
static_assert(MMIOD_MAY_VENDOR_CONFIG == MMIOD_OPERATE_CONFIG_VENDOR << MMIOD_OPERATE_SHIFT,
	      "one row");
static_assert(MMIOD_MAY_MASTER == MMIOD_OPERATE_MASTER << MMIOD_OPERATE_SHIFT, "one row");
static_assert(MMIOD_MAY_RESET == MMIOD_OPERATE_RESET << MMIOD_OPERATE_SHIFT, "one row");
static_assert(MMIOD_MAY_RESET_OTHERS == MMIOD_OPERATE_RESET_OTHERS << MMIOD_OPERATE_SHIFT,
	      "one row");
static_assert(MMIOD_MAY_POWER == MMIOD_OPERATE_POWER << MMIOD_OPERATE_SHIFT, "one row");
static_assert(MMIOD_MAY_DMA == MMIOD_OPERATE_DMA << MMIOD_OPERATE_SHIFT, "one row");
static_assert(MMIOD_MAY_DMA_TRUSTED == MMIOD_OPERATE_DMA_TRUSTED << MMIOD_OPERATE_SHIFT, "one row");

/*
 * OPERATE: a struct mmiod_msg_lease with an array of these; the reply is LEASE's, each granted
 * element with a device file. Of what is granted offset and length are 0, and the rights are those
 * that were asked for; with MMIOD_MAY_DMA also MMIOD_MAY_DMA_TRUSTED, where grant and device trust. With MMIOD_MAY_READ_CONFIG alone there may be any number of leases of a
 * device, with more there is one.
 */
struct mmiod_wire_operate {
	char device[MMIOD_WIRE_NAME]; /* as the configuration names it */
	uint32_t rights; /* enum mmiod_device_right, of MMIOD_MAY_OPERATE */
	uint32_t flags; /* MMIOD_OPERATE_* */
	uint32_t lease_ms; /* ends after so long unless renewed; 0: as the grant says */
	uint32_t reserved;
};
static_assert(sizeof(struct mmiod_wire_operate) == 48, "wire layout");

/*
 * CANCEL: whatever waits under that id on this connection is answered by E_CANCELLED, then the
 * CANCEL by a bare header. Nothing waits under it: E_NOT_FOUND, and the reply of that request, if
 * there was one, is before this one in the socket. A REVOKE under way: E_UNSUPPORTED.
 */
struct mmiod_msg_cancel {
	struct mmiod_msg msg;
	uint64_t request;
};
static_assert(sizeof(struct mmiod_msg_cancel) == 40, "wire layout");

/*
 * RENEW: a struct mmiod_msg_end without deadline, of which version 1 had but the header, with an
 * array of uint64_t lease ids; each lasts its whole time again, from now.
 */
struct mmiod_wire_renewed {
	uint64_t lease;
	uint32_t status;
	uint32_t lease_ms; /* how long it lasts from now on */
	struct mmiod_msg_text text;
};
static_assert(sizeof(struct mmiod_wire_renewed) == 24, "wire layout");

/*
 * RELEASE and RENEW act on the leases that the caller's connection stands for, and on those of its
 * process that no connection stands for; with this also on those of its user's other processes.
 */
#define MMIOD_END_FORCE (1u << 0)

/* RELEASE and REVOKE: an array of uint64_t lease ids. */
struct mmiod_msg_end {
	struct mmiod_msg msg;
	uint32_t deadline_ms; /* REVOKE: ask first, take after this long; 0: take now. Others: 0 */
	uint32_t reserved;
	uint32_t flags; /* MMIOD_END_FORCE; of REVOKE none */
	uint32_t reserved2;
};
static_assert(sizeof(struct mmiod_msg_end) == 48, "wire layout");

struct mmiod_wire_ended {
	uint64_t lease;
	uint32_t status;
	uint32_t reserved;
	struct mmiod_msg_text text;
};
static_assert(sizeof(struct mmiod_wire_ended) == 24, "wire layout");

struct mmiod_wire_lease {
	uint64_t id;
	char region[MMIOD_WIRE_NAME];
	uint64_t offset;
	uint64_t length;
	uint64_t started; /* seconds since 1970 */
	uint64_t faults; /* from the module's ledger; 0 in simulation */
	uint64_t populated;
	uint64_t reads;
	uint64_t writes;
	uint32_t rights;
	uint32_t memtype;
	uint32_t width;
	uint32_t share;
	uint32_t state;
	uint32_t mappings;
	uint32_t uid;
	uint32_t pid; /* of the process that asked: a hint, files travel */
	char comm[16]; /* likewise */
	uint32_t memory; /* enum mmiod_memory; the region's name is empty for most buffers */
	uint32_t allocated; /* 1: chosen by an allocator (ALLOC), not named by the client (LEASE) */
	uint64_t fault_leaves[MMIOD_LEAF_SIZES]; /* faults and populated again, in leaves */
	uint64_t populated_leaves[MMIOD_LEAF_SIZES];
	uint64_t left_ms; /* until it ends unless renewed; 0: no limit */
	uint32_t lease_ms; /* its whole time */
	uint32_t renew; /* 1: it may be renewed */
	struct mmiod_msg_text unit; /* of systemd, that the process belongs to, if known */
	uint32_t
		kind; /* enum mmiod_lease_kind; of an INTERRUPT the region's name is the device's */
	uint32_t parked; /* 1: its holder has freed it, and it is had by whoever wants it */
	struct mmiod_msg_text tenant; /* by whose socket it came, if by one */
	uint64_t
		device_lease; /* DMA memory for a device file: its lease; the region is the device */
	uint64_t iova; /* and where the device finds it; else, or if not known, MMIOD_IOVA_NONE */
	uint32_t n_extents; /* of a window; with more than 1, `offset` is UINT64_MAX: see EXTENTS */
	uint32_t reserved2;
};
static_assert(sizeof(struct mmiod_wire_lease) == 264, "wire layout");

/* DEVICES: a list as REGIONS. */
struct mmiod_wire_device {
	uint64_t id; /* the daemon's, the list's cursor */
	char name[MMIOD_WIRE_NAME];
	char address[MMIOD_WIRE_NAME]; /* "0000:01:00.0", or "simulation" */
	uint32_t state; /* enum mmiod_state; REVOKED: not there, or not bound; STALE */
	uint32_t flags; /* MMIOD_FUNCTION_*, as of now */
	uint32_t generation;
	uint32_t group; /* of the IOMMU; UINT32_MAX: none */
	uint32_t interrupt; /* enum mmiod_irq_kind that may be leased; 0: none */
	uint32_t vectors; /* that may be leased: 0 to one less */
	uint32_t set_up; /* of these, now */
	uint32_t rights; /* the caller's: enum mmiod_device_right */
	uint32_t leases;
	uint32_t trusted; /* 1: with DMA, which nothing bounds */
	uint32_t resets;
	uint32_t resets_failed;
	uint64_t mapped; /* bytes that its operator lets it reach */
	uint64_t operator; /* lease of who operates it; 0: nobody does */
	uint64_t storms; /* of its interrupts, since the daemon was started */
	uint16_t vendor; /* PCI ids, 0 for others */
	uint16_t product;
	uint32_t reserved;
	struct mmiod_msg_text model; /* by libpciaccess, if it knows */
	struct mmiod_msg_text missing; /* why it is not there; for who may inspect */
	uint64_t reset_us; /* that its resets took, all together */
	uint32_t reasons; /* why it is suspended: MMIOD_REASON_* */
	uint32_t reset; /* 0: between users, 1: it needs none, 2: never; as configured */
	uint32_t operator_uid; /* of who operates it; UINT32_MAX: nobody does */
	uint32_t operator_pid; /* a hint, as with leases */
	char operator_comm[16];
	uint64_t graves; /* bytes of DMA memory that nobody has any more but the device */
	uint32_t dma; /* 0: none, 1: by an IOMMU, 2: trusted; as configured */
	uint32_t dma_bits; /* that its addresses have, as configured */
};
static_assert(sizeof(struct mmiod_wire_device) == 224, "wire layout");

/* INTERRUPTS: a list as LEASES, by lease. Counts are the module's; 0 in simulation. */
struct mmiod_wire_vector {
	uint64_t id; /* of the lease */
	char device[MMIOD_WIRE_NAME];
	uint64_t count; /* interrupts so far */
	uint64_t busy_ns; /* that handling them took */
	uint64_t started; /* seconds since 1970 */
	uint32_t interrupt; /* enum mmiod_irq_kind */
	uint32_t vector;
	uint32_t flags; /* MMIOD_INTERRUPT_* */
	uint32_t state; /* enum mmiod_state */
	uint32_t storms;
	uint32_t irq; /* the kernel's number; 0: not known */
	uint32_t uid;
	uint32_t pid; /* a hint, as with leases */
	char comm[16];
};
static_assert(sizeof(struct mmiod_wire_vector) == 112, "wire layout");

#define MMIOD_EXPLAIN_SELF (1u << 0) /* about the caller; uid and groups are left zero */
#define MMIOD_EXPLAIN_FLAGS MMIOD_EXPLAIN_SELF

/*
 * EXPLAIN: an array of uint32_t group ids, which may be empty. About others only administrators may
 * ask.
 */
struct mmiod_msg_explain {
	struct mmiod_msg msg;
	char region[MMIOD_WIRE_NAME]; /* of kernel memory empty, or for DMA one of the device */
	uint64_t offset;
	uint64_t length; /* 0: to its end */
	uint32_t rights;
	uint32_t memtype;
	uint32_t share;
	uint32_t flags; /* MMIOD_EXPLAIN_* */
	uint32_t uid;
	uint32_t reserved;
	uint32_t memory; /* enum mmiod_memory: of the kernel's kinds only rights count beside it */
	/*
	 * enum mmiod_lease_kind; INTERRUPT: of the device, offset is the vector; DEVICE: of the
	 * device; or, without region and operate, of the device file that the caller holds by the
	 * lease `length`: who holds the lease `offset` of the same device, which is in its way.
	 */
	uint32_t kind;
	uint32_t operate; /* DEVICE: enum mmiod_device_right, of MMIOD_MAY_OPERATE; else 0 */
	uint32_t reserved2;
	char grant[MMIOD_WIRE_NAME]; /* of a region's bytes: as LEASE has it; else empty */
};
static_assert(sizeof(struct mmiod_msg_explain) == 152, "wire layout");

struct mmiod_msg_explain_reply {
	struct mmiod_msg msg;
	uint32_t allowed;
	uint32_t line; /* of the grant that decides or comes nearest; 0: none does */
	char grant[MMIOD_WIRE_NAME];
	struct mmiod_msg_text file; /* likewise */
	struct mmiod_msg_text text; /* the decision, as a sentence */
	struct mmiod_msg_text instead; /* what would be allowed */
	uint32_t outcome; /* enum mmiod_outcome: what a LEASE or ALLOC would be answered now */
	uint32_t reserved;
};
static_assert(sizeof(struct mmiod_msg_explain_reply) == 104, "wire layout");

#define MMIOD_ALLOC_POWER_OF_TWO (1u << 0) /* pool: round the length up to a power of two */
#define MMIOD_ALLOC_CONTIGUOUS (1u << 1) /* pages: one physical run; pool: one extent */
#define MMIOD_ALLOC_NOWAIT (1u << 2) /* kernel memory: fail rather than reclaim */
#define MMIOD_ALLOC_ZERO (1u << 3) /* pool: zeroed by device-safe stores; kernel memory always is */
#define MMIOD_ALLOC_DUMMY (1u << 4) /* as MMIOD_LEASE_DUMMY; pool only */
#define MMIOD_ALLOC_CONNECTION (1u << 5) /* as MMIOD_LEASE_CONNECTION */
#define MMIOD_ALLOC_FLAGS ((1u << 6) - 1)

/*
 * ALLOC: a struct mmiod_msg_lease with an array of these; the reply is LEASE's. Offsets that it
 * grants are from the start of the pool; the text of a refusal says what would have fitted.
 */
struct mmiod_wire_alloc {
	uint32_t memory; /* enum mmiod_memory */
	uint32_t flags; /* MMIOD_ALLOC_* */
	char region[MMIOD_WIRE_NAME]; /* pool, or for DMA a region of the device; else empty */
	uint64_t length;
	uint64_t align; /* pool: power of two, 0: a page */
	uint64_t low; /* pool: not below this offset */
	uint64_t high; /* pool: ends at or below this; kernel memory: highest address; 0: none */
	int32_t node; /* kernel memory: NUMA node, -1: any */
	uint32_t zone; /* kernel memory: enum mmiod_memory_zone */
	uint32_t rights;
	uint32_t memtype; /* pool */
	uint32_t width; /* pool */
	uint32_t reserved;
	uint32_t lease_ms; /* ends after so long unless renewed; 0: as the grant says */
	uint32_t reserved2;
	/* DMA: the lease, of the caller's user, that operates the device; `region` is then empty. */
	uint64_t device_lease;
	uint64_t iova; /* with one: where the device is to find it, if dma_flags say so; else 0 */
	uint32_t dma_flags; /* with one: MMIOD_DMA_* of the module */
	/*
	 * Pool, after a HELLO with MMIOD_HELLO_EXTENTS: the most extents that it may consist of, if no
	 * one has room for it, up to MMIOD_EXTENTS_MAX. 0 and 1: one.
	 */
	uint32_t max_extents;
};
static_assert(sizeof(struct mmiod_wire_alloc) == 128, "wire layout");

#define MMIOD_WIRE_ORDERS 48

/* POOLS: a list as REGIONS. */
struct mmiod_wire_pool {
	uint64_t id;
	char name[MMIOD_WIRE_NAME];
	uint64_t length;
	uint64_t page; /* bytes of a block of order 0 */
	uint64_t free; /* bytes */
	uint64_t largest; /* bytes of the largest request that would be granted now */
	uint64_t wiping; /* bytes that were freed and wait to be wiped */
	uint32_t leases;
	uint32_t orders; /* how many of the following count */
	uint64_t blocks[MMIOD_WIRE_ORDERS]; /* free blocks by order */
};
static_assert(sizeof(struct mmiod_wire_pool) == 472, "wire layout");

/* POOL_MAP: used extents by offset; the cursor is an offset. */
struct mmiod_msg_pool_map {
	struct mmiod_msg msg;
	uint64_t cursor;
	char region[MMIOD_WIRE_NAME];
};
static_assert(sizeof(struct mmiod_msg_pool_map) == 72, "wire layout");

struct mmiod_wire_extent {
	uint64_t offset;
	uint64_t length;
	uint64_t lease; /* 0: being wiped */
	uint32_t uid;
	uint32_t pid;
	char comm[16];
};
static_assert(sizeof(struct mmiod_wire_extent) == 48, "wire layout");

#define MMIOD_EXTENTS_MAX 4096u /* of one lease */
static_assert(MMIOD_EXTENTS_MAX == MMIOD_WINDOW_EXTENTS_MAX, "as many as a window may have");

/*
 * EXTENTS: where the parts of a region's lease lie, in the order in which its window shows them; for
 * its holder, and who may inspect. The reply is a list's. The cursor is how many were told already.
 */
struct mmiod_msg_extents {
	struct mmiod_msg msg;
	uint64_t cursor;
	uint64_t lease;
};
static_assert(sizeof(struct mmiod_msg_extents) == 48, "wire layout");

struct mmiod_wire_part {
	uint64_t offset; /* from the start of the region */
	uint64_t length;
};
static_assert(sizeof(struct mmiod_wire_part) == 16, "wire layout");

struct mmiod_msg_buffer {
	struct mmiod_msg msg;
	uint64_t lease;
	uint64_t page; /* index of the page whose frame is asked for */
};
static_assert(sizeof(struct mmiod_msg_buffer) == 48, "wire layout");

/* Addresses are 0 unless the caller may inspect. */
struct mmiod_msg_buffer_reply {
	struct mmiod_msg msg;
	uint32_t memory;
	uint32_t zone;
	int32_t node;
	uint32_t flags; /* MMIOD_ALLOC_CONTIGUOUS, _NOWAIT */
	uint32_t present; /* 0: its holder has not used it yet */
	uint32_t reserved;
	uint64_t length;
	uint64_t capacity;
	uint64_t runs; /* physically contiguous pieces */
	uint64_t phys;
	uint64_t kernel;
	uint64_t bus;
};
static_assert(sizeof(struct mmiod_msg_buffer_reply) == 104, "wire layout");

#define MMIOD_CACHES_MAX 256 /* that one connection may publish */

/*
 * PUBLISH: a bare header with an array of these, which may be empty. It replaces what the
 * connection published before; what is refused changes nothing. It ends with the connection. The
 * reply is a bare header.
 */
struct mmiod_wire_cache {
	char name[MMIOD_WIRE_NAME]; /* printable, without spaces; zero-filled, always terminated */
	uint64_t object_size;
	uint64_t align;
	uint64_t slab_size;
	uint64_t active; /* objects in use; never more than */
	uint64_t objects; /* all objects of its slabs */
	uint64_t slabs;
	uint64_t bytes; /* of all slabs */
	uint64_t host_bytes; /* of the client's own memory, for bookkeeping */
	uint32_t per_slab;
	uint32_t flags; /* the library's MMIOD_OBJECT_CACHE_*, for display only */
};
static_assert(sizeof(struct mmiod_wire_cache) == 104, "wire layout");

/* CACHES: a list as REGIONS. */
struct mmiod_wire_published {
	uint64_t id; /* the daemon's, the list's cursor */
	uint32_t uid;
	uint32_t pid; /* a hint, as with leases */
	char comm[16];
	struct mmiod_wire_cache cache;
};
static_assert(sizeof(struct mmiod_wire_published) == 136, "wire layout");

/*
 * COUNTERS: a list as REGIONS, whose cursor means nothing to the client. An administrator gets all
 * of it; others get no regions but those that they may see, and no user but themselves. Counters of
 * kinds that are not known are left out.
 */
struct mmiod_wire_counter {
	uint32_t kind; /* enum mmiod_counter_kind */
	uint32_t detail; /* what the kind says */
	char region[MMIOD_WIRE_NAME]; /* "": of none */
	uint64_t value;
};
static_assert(sizeof(struct mmiod_wire_counter) == 48, "wire layout");

/*
 * LOG: a list as REGIONS, of the leases that were granted of late, the oldest first. A user with
 * the inspect right gets all, others the leases that were granted to their own uid. The daemon
 * keeps a limited number, and none over a restart.
 */
struct mmiod_wire_logged {
	uint64_t number; /* of the grant, from 1; the list's cursor */
	uint64_t time_us; /* since 1970 */
	uint64_t lease;
	uint64_t offset;
	uint64_t length;
	char region[MMIOD_WIRE_NAME]; /* empty for kernel memory */
	char grant
		[MMIOD_WIRE_NAME]; /* that gave it; zero-filled, always terminated, longer ones cut */
	uint32_t memory; /* enum mmiod_memory */
	uint32_t rights;
	uint32_t share;
	uint32_t uid;
	uint32_t pid; /* a hint, as with leases */
	uint32_t kind; /* enum mmiod_lease_kind */
	char comm[16];
};
static_assert(sizeof(struct mmiod_wire_logged) == 144, "wire layout");

#define MMIOD_WIRE_PATTERN 64
#define MMIOD_GRANT_PATTERNS_MAX 64

/*
 * GRANT: for administrators; an array of struct mmiod_wire_pattern. The same grant again is no
 * error, and its time begins anew; E_EXISTS: one of that name is another. It outlives the daemon,
 * but not the machine. The reply is a bare header.
 */
struct mmiod_msg_grant {
	struct mmiod_msg msg;
	char name[MMIOD_WIRE_NAME]; /* zero-filled, always terminated */
	char tenant[MMIOD_WIRE_NAME]; /* "": it is for the user */
	uint32_t uid; /* 0 if it is for a tenant */
	uint32_t rights; /* enum mmiod_right, at least READ */
	uint32_t share; /* enum mmiod_share, as of a grant of the configuration */
	uint32_t reserved;
	uint64_t last_ms; /* ends after so long; 0: lasts until it is ended */
};
static_assert(sizeof(struct mmiod_msg_grant) == 120, "wire layout");

struct mmiod_wire_pattern {
	char region[MMIOD_WIRE_PATTERN]; /* a name, or a glob; zero-filled, always terminated */
};
static_assert(sizeof(struct mmiod_wire_pattern) == 64, "wire layout");

/*
 * UNGRANT: for administrators. The reply is owed until nobody reaches the bytes of the leases that
 * were given under it. No such grant is no error: leases that one of that name has left end.
 */
struct mmiod_msg_ungrant {
	struct mmiod_msg msg;
	char name[MMIOD_WIRE_NAME];
	uint32_t deadline_ms; /* ask the holders first; 0: take now */
	uint32_t reserved;
};
static_assert(sizeof(struct mmiod_msg_ungrant) == 72, "wire layout");

struct mmiod_msg_ungrant_reply {
	struct mmiod_msg msg;
	uint32_t existed; /* 1: there was such a grant */
	uint32_t ended; /* leases that ended with it */
};
static_assert(sizeof(struct mmiod_msg_ungrant_reply) == 40, "wire layout");

/* GRANTS: a list as REGIONS: all for who may inspect, for others those that are for them. */
struct mmiod_wire_runtime_grant {
	uint64_t id; /* the daemon's, the list's cursor */
	char name[MMIOD_WIRE_NAME];
	char tenant[MMIOD_WIRE_NAME]; /* "": it is for the user */
	uint32_t uid;
	uint32_t rights;
	uint32_t share;
	uint32_t by; /* uid of who gave it */
	uint64_t left_ms; /* 0: no limit */
	uint64_t last_ms; /* its whole time, likewise */
	struct mmiod_msg_text regions; /* names and globs, with blanks between them */
	uint32_t leases; /* that are held under it */
	uint32_t reserved;
};
static_assert(sizeof(struct mmiod_wire_runtime_grant) == 120, "wire layout");

struct mmiod_msg_event {
	struct mmiod_msg msg;
	uint32_t type; /* enum mmiod_event_type */
	uint32_t deadline_ms; /* REVOKE_ASKED */
	uint64_t lease;
	struct mmiod_msg_text text; /* who, and why */
};
static_assert(sizeof(struct mmiod_msg_event) == 56, "wire layout");

#define MMIOD_CLIENT_PAUSED (1u << 0) /* a message to it waits for room in its socket */
#define MMIOD_CLIENT_MONITOR (1u << 1)

/* CLIENTS: a list as REGIONS. */
struct mmiod_wire_client {
	uint64_t id; /* the daemon's, from 1, never used again while it runs; the list's cursor */
	uint64_t started; /* seconds since 1970 */
	uint64_t bytes; /* of the leases below */
	uint32_t leases; /* that it asked for and that still are */
	uint32_t unread; /* messages that wait for it */
	uint32_t flags; /* MMIOD_CLIENT_* */
	uint32_t uid;
	uint32_t pid;
	uint32_t reserved;
	char comm[16];
	struct mmiod_msg_text unit; /* of systemd, by its pid; a hint */
};
static_assert(sizeof(struct mmiod_wire_client) == 72, "wire layout");

/*
 * TRANSLATE: of a process of the caller's own user, or of anybody's by who may inspect. pid as the
 * daemon sees it. E_NOT_FOUND: no such process, or one without memory. E_UNSUPPORTED: in
 * simulation, or not on this machine.
 */
struct mmiod_msg_translate {
	struct mmiod_msg msg;
	uint64_t address;
	uint32_t pid;
	uint32_t reserved;
};
static_assert(sizeof(struct mmiod_msg_translate) == 48, "wire layout");

#define MMIOD_TRANSLATE_PRESENT (1u << 0)
#define MMIOD_TRANSLATE_HIDDEN (1u << 1) /* the caller may not inspect: no frames, no phys */
#define MMIOD_TRANSLATE_MAPPED (1u << 2) /* the process has a mapping there: start and end count */
#define MMIOD_TRANSLATE_WINDOW (1u << 3) /* it is a window's: lease, offset and state count */

/* With an array of struct mmiod_wire_entry, from the root down to where the walk ended. */
struct mmiod_msg_translate_reply {
	struct mmiod_msg msg;
	uint64_t address;
	uint64_t phys; /* 0 if hidden */
	uint64_t leaf; /* bytes that the last entry maps; 0: not present */
	uint64_t start; /* of the mapping */
	uint64_t end;
	uint64_t lease;
	uint64_t offset; /* of the address, from the start of the region or buffer */
	uint32_t flags; /* MMIOD_TRANSLATE_* */
	uint32_t memtype; /* enum mmiod_memtype: what the processor makes of it; 0: not present */
	uint32_t state; /* enum mmiod_state */
	uint32_t asked; /* enum mmiod_memtype: what the window was to be */
	char region[MMIOD_WIRE_NAME]; /* if the daemon knows the lease; empty for kernel memory */
};
static_assert(sizeof(struct mmiod_msg_translate_reply) == 136, "wire layout");

struct mmiod_wire_entry {
	uint64_t value; /* as in memory; if hidden, the bits of the frame are 0 */
	uint32_t level; /* 1: PTE, 2: PMD, 3: PUD, 4: P4D, 5: PGD */
	uint32_t shift; /* log2 of the bytes that one entry of this level maps */
};
static_assert(sizeof(struct mmiod_wire_entry) == 16, "wire layout");

/*
 * PAGE: only for who may inspect. pid 0: the frame with this number, else the one behind the
 * process's address.
 */
struct mmiod_msg_page {
	struct mmiod_msg msg;
	uint64_t where;
	uint32_t pid;
	uint32_t reserved;
};
static_assert(sizeof(struct mmiod_msg_page) == 48, "wire layout");

struct mmiod_msg_page_reply {
	struct mmiod_msg msg;
	uint64_t pfn;
	uint64_t phys; /* of what was asked for: the address itself, or the frame's first byte */
	uint64_t bits; /* KPF_* of linux/kernel-page-flags.h */
	uint64_t head; /* frame of the compound page's or free block's first page */
	uint32_t described; /* 0: not RAM, and what follows is 0 */
	uint32_t order; /* of the compound page or free block; UINT32_MAX: none */
	uint32_t references;
	uint32_t mappings; /* page-table entries that map it */
	uint32_t zone; /* enum mmiod_memory_zone */
	uint32_t node;
};
static_assert(sizeof(struct mmiod_msg_page_reply) == 88, "wire layout");

/*
 * MONITOR: only for who may inspect. The reply is a bare header; what it asks for ends with the
 * connection.
 */
struct mmiod_msg_monitor {
	struct mmiod_msg msg;
	uint32_t on; /* 0 or 1 */
	uint32_t reserved;
};
static_assert(sizeof(struct mmiod_msg_monitor) == 40, "wire layout");

/* Of several EVENTs in one packet each begins at a multiple of this from its start. */
#define MMIOD_EVENT_ALIGN 8u

/*
 * An EVENT to a monitor: starts as struct mmiod_msg_event does. After a HELLO with
 * MMIOD_HELLO_NOTICES a packet may have more than one of them, each a whole message.
 */
struct mmiod_msg_notice {
	struct mmiod_msg msg;
	uint32_t type; /* enum mmiod_notice_type */
	uint32_t reserved;
	uint64_t lease; /* 0: none */
	struct mmiod_msg_text text;
	uint64_t time_us; /* since 1970 */
	uint64_t lost; /* LOST: how many */
	uint64_t offset; /* of the lease; what was asked for, if denied */
	uint64_t length;
	uint32_t uid; /* holder, or who was denied; UINT32_MAX: nobody */
	uint32_t pid;
	uint32_t rights;
	uint32_t memtype;
	uint32_t memory; /* enum mmiod_memory */
	uint32_t kind; /* enum mmiod_lease_kind */
	char comm[16];
	char region[MMIOD_WIRE_NAME];
};
static_assert(sizeof(struct mmiod_msg_notice) == 160, "wire layout");
static_assert(offsetof(struct mmiod_msg_notice, text) == offsetof(struct mmiod_msg_event, text),
	      "one is the start of the other");

/*
 * The size that each structure had when it first went over the wire: the least that a peer may
 * send. These never change; where one stands for several structures, they started with the same.
 */
enum mmiod_first_size {
	MMIOD_V1_HEADER = 32,
	MMIOD_V1_ERROR = 40,
	MMIOD_V1_HELLO = 56,
	MMIOD_V1_HELLO_REPLY = 88,
	MMIOD_V1_STATUS_REPLY = 88,
	MMIOD_V1_LIST = 40, /* and its reply */
	MMIOD_V1_REGION = 144,
	MMIOD_V1_LEASE_REQUEST = 40, /* and ALLOC's */
	MMIOD_V1_WANT = 72,
	MMIOD_V1_ALLOC = 96,
	MMIOD_V1_GRANTED = 64,
	MMIOD_V1_END = 40,
	MMIOD_V1_ENDED = 24,
	MMIOD_V1_LEASE = 152,
	MMIOD_V1_POOL = 472,
	MMIOD_V1_POOL_MAP = 72,
	MMIOD_V1_EXTENT = 48,
	MMIOD_V1_BUFFER = 48,
	MMIOD_V1_BUFFER_REPLY = 104,
	MMIOD_V1_CACHE = 104,
	MMIOD_V1_PUBLISHED = 136,
	MMIOD_V1_EVENT = 56,
	MMIOD_V1_CLIENT = 72,
	MMIOD_V1_TRANSLATE = 48,
	MMIOD_V1_TRANSLATE_REPLY = 136,
	MMIOD_V1_ENTRY = 16,
	MMIOD_V1_PAGE = 48,
	MMIOD_V1_PAGE_REPLY = 88,
	MMIOD_V1_MONITOR = 40,
	MMIOD_V1_NOTICE = 160,
	MMIOD_V1_RENEWED = 24,
	MMIOD_V1_EXPLAIN = 104,
	MMIOD_V1_EXPLAIN_REPLY = 96,
	MMIOD_V1_COUNTER = 48,
	MMIOD_V1_LOGGED = 144,
	MMIOD_V1_CANCEL = 40,
	MMIOD_V1_INTERRUPT = 48,
	MMIOD_V1_OPERATE = 48,
	MMIOD_V1_DEVICE = 168,
	MMIOD_V1_VECTOR = 112,
	MMIOD_V1_GRANT = 120,
	MMIOD_V1_PATTERN = 64,
	MMIOD_V1_UNGRANT = 72,
	MMIOD_V1_UNGRANT_REPLY = 40,
	MMIOD_V1_RUNTIME_GRANT = 120,
	MMIOD_V1_EXTENTS = 48,
	MMIOD_V1_PART = 16,
	MMIOD_V1_PARK_REPLY = 40,
};

#endif
