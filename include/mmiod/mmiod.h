/* SPDX-License-Identifier: MIT */
/**
 * libmmiod: device memory for unprivileged programs.
 *
 * A program connects to the daemon, asks for a lease on a part of a region, and maps the lease's window:
 *
 *	struct mmiod_client *client;
 *	struct mmiod_lease *lease;
 *	struct mmiod_mapping *map;
 *
 *	mmiod_client_connect(NULL, &client);
 *	mmiod_client_lease(client, "fpga-ctrl", 0, 0, MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE, &lease);
 *	mmiod_lease_map(lease, 0, &map);
 *	mmiod_write32(mmiod_mapping_address(map), 1);
 *
 * Functions return 0 (or a count) or a negative errno unless they say otherwise; mmiod_client_error() has the sentence
 * that goes with the last failure, which names the rule, the holder or the limit. Sizes and offsets are in bytes.
 *
 * Threads: objects of one client may be used by one thread at a time. Mappings and accessors need no lock.
 * Fork: a client object belongs to the process that made it; in a child every call on it answers -EOWNERDEAD (only
 * freeing works). Mappings are inherited.
 *
 * Lifetime: a lease lasts as long as its window's file or a mapping of it does. Freeing the lease object closes the
 * file; mappings live on until they are freed.
 */
#ifndef MMIOD_H
#define MMIOD_H

#include <mmiod/types.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mmiod_client;
struct mmiod_region_list;
struct mmiod_region;
struct mmiod_lease_list;
struct mmiod_lease_info;
struct mmiod_lease;
struct mmiod_mapping;

/* ---- client: a connection to the daemon ---- */

/**
 * Connect and agree on a version.
 *
 * @path: the daemon's socket; NULL: the environment's MMIOD_SOCKET, else /run/mmiod/mmiod.sock.
 * Errors: -ENOENT, -ECONNREFUSED (no daemon), -EACCES (the socket's group), -EPROTONOSUPPORT (version), -EDQUOT;
 * mmiod_client_error(NULL) has the sentence.
 *
 * When the daemon goes away later, the next request connects again, once: leases and mappings are not touched by it.
 * -ECONNRESET: it went away again. -ETIMEDOUT: it does not answer (30 s). -EPROTO: what it says makes no sense.
 */
int mmiod_client_connect(const char *path, struct mmiod_client **client);

/** Close the connection. Leases and mappings made through it stay valid, except connection-bound leases. NULL: no-op. */
void mmiod_client_free(struct mmiod_client *client);

/**
 * The sentence for the last failure on this client; never NULL; valid until the next call on it. @client NULL: for the
 * last failure of mmiod_client_connect() in this thread.
 */
const char *mmiod_client_error(const struct mmiod_client *client);

/** A descriptor that is readable whenever mmiod_client_next_event() has something. Owned by the client. */
int mmiod_client_event_fd(const struct mmiod_client *client);

struct mmiod_event {
	enum mmiod_event_type type;
	uint64_t lease; /**< id */
	uint32_t deadline_ms; /**< REVOKE_ASKED: time left */
	char text[256]; /**< who and why; may be empty */
};

/**
 * Take the next event without blocking: 1 with @event filled, 0 when there is none, negative errno. -ECONNRESET, once:
 * the daemon went away; events come again after the next request, which connects again.
 */
int mmiod_client_next_event(struct mmiod_client *client, struct mmiod_event *event);

/** What the daemon says of itself. */
struct mmiod_status {
	enum mmiod_backend backend;
	uint32_t daemon_pid;
	uint64_t started; /**< seconds since 1970 */
	uint32_t regions;
	uint32_t regions_missing; /**< configured, but the device is not there or not bound */
	uint32_t clients;
	uint32_t leases;
	uint32_t module_abi; /**< 0 in simulation */
	uint32_t protocol;
	uint32_t uid; /**< whom the daemon takes the caller for */
	int admin; /**< the caller may revoke */
	uint64_t page_size;
	char version[32];
	char warning[256];
};
int mmiod_client_status(struct mmiod_client *client, struct mmiod_status *status);

/* ---- regions ---- */

/** The regions that policy lets the caller see. Free with mmiod_region_list_free(). */
int mmiod_client_list_regions(struct mmiod_client *client, struct mmiod_region_list **list);
void mmiod_region_list_free(struct mmiod_region_list *list);
size_t mmiod_region_list_count(const struct mmiod_region_list *list);
/** NULL when @index is out of range. Owned by the list. */
const struct mmiod_region *mmiod_region_list_get(const struct mmiod_region_list *list,
						 size_t index);

const char *mmiod_region_name(const struct mmiod_region *region);
/** "0000:00:04.0", "range" or "simulation". */
const char *mmiod_region_device(const struct mmiod_region *region);
/** Name of the device by its PCI ids; "" when unknown. */
const char *mmiod_region_model(const struct mmiod_region *region);
uint16_t mmiod_region_vendor(const struct mmiod_region *region);
uint16_t mmiod_region_product(const struct mmiod_region *region);
/** Index of the BAR, -1: none. */
int mmiod_region_bar(const struct mmiod_region *region);
uint64_t mmiod_region_offset(const struct mmiod_region *region);
uint64_t mmiod_region_length(const struct mmiod_region *region);
/** Physical address; 0 unless the caller is an administrator. */
uint64_t mmiod_region_phys(const struct mmiod_region *region);
/** Declared width of a register access in bytes; 0: any. */
unsigned int mmiod_region_width(const struct mmiod_region *region);
/** Set of bits 1 << enum mmiod_cache. */
unsigned int mmiod_region_caches(const struct mmiod_region *region);
enum mmiod_cache mmiod_region_cache(const struct mmiod_region *region);
/** The caller's rights: set of enum mmiod_right. */
unsigned int mmiod_region_rights(const struct mmiod_region *region);
enum mmiod_state mmiod_region_state(const struct mmiod_region *region);
unsigned int mmiod_region_generation(const struct mmiod_region *region);
unsigned int mmiod_region_leases(const struct mmiod_region *region);

/* ---- the list of leases ---- */

/** The leases that policy lets the caller see: its own user's, and all for an administrator. */
int mmiod_client_list_leases(struct mmiod_client *client, struct mmiod_lease_list **list);
void mmiod_lease_list_free(struct mmiod_lease_list *list);
size_t mmiod_lease_list_count(const struct mmiod_lease_list *list);
const struct mmiod_lease_info *mmiod_lease_list_get(const struct mmiod_lease_list *list,
						    size_t index);

uint64_t mmiod_lease_info_id(const struct mmiod_lease_info *info);
const char *mmiod_lease_info_region(const struct mmiod_lease_info *info);
uint64_t mmiod_lease_info_offset(const struct mmiod_lease_info *info);
uint64_t mmiod_lease_info_length(const struct mmiod_lease_info *info);
uint64_t mmiod_lease_info_started(const struct mmiod_lease_info *info); /**< seconds since 1970 */
unsigned int mmiod_lease_info_rights(const struct mmiod_lease_info *info);
enum mmiod_cache mmiod_lease_info_cache(const struct mmiod_lease_info *info);
unsigned int mmiod_lease_info_width(const struct mmiod_lease_info *info);
enum mmiod_share mmiod_lease_info_share(const struct mmiod_lease_info *info);
enum mmiod_state mmiod_lease_info_state(const struct mmiod_lease_info *info);
uint32_t mmiod_lease_info_uid(const struct mmiod_lease_info *info);
/** Of the process that asked: a hint, because files travel. */
uint32_t mmiod_lease_info_pid(const struct mmiod_lease_info *info);
const char *mmiod_lease_info_comm(const struct mmiod_lease_info *info);
/** Mappings now, and counts so far, from the module's ledger; 0 in simulation. */
uint32_t mmiod_lease_info_mappings(const struct mmiod_lease_info *info);
uint64_t mmiod_lease_info_faults(const struct mmiod_lease_info *info);
uint64_t mmiod_lease_info_populated(const struct mmiod_lease_info *info);
uint64_t mmiod_lease_info_reads(const struct mmiod_lease_info *info);
uint64_t mmiod_lease_info_writes(const struct mmiod_lease_info *info);

/* ---- leases ---- */

#define MMIOD_WANT_DUMMY (1u << 0) /**< after revocation a page of ones instead of SIGBUS */
#define MMIOD_WANT_CONNECTION (1u << 1) /**< ends with the connection, even if the file lives on */

/** One lease asked for. Initialise with zeros: a zero field means its default. */
struct mmiod_want {
	const char *region;
	uint64_t offset; /**< from the start of the region */
	uint64_t length; /**< 0: to the end of the region */
	unsigned int rights; /**< set of enum mmiod_right; 0: read */
	enum mmiod_cache cache;
	unsigned int width; /**< of a mediated access, in bytes; 0: the region's */
	enum mmiod_share share;
	unsigned int flags; /**< MMIOD_WANT_* */
};

#define MMIOD_LEASE_ALL (1u << 0) /**< all or none */

/**
 * Ask for @count leases at once (any number; sent in batches).
 *
 * @leases: @count pointers; those not granted become NULL.
 * @errors: NULL, or @count results, 0 or negative errno each.
 * Returns the number granted, or the first error when none was: -ENOENT (no such region), -EACCES (policy), -EBUSY
 * (held, or another cache attribute is in use), -EDQUOT, -EINVAL (range, width, ...), -ENODEV (device not there),
 * -EMFILE (no free descriptors in this process: none of the batch was kept).
 * With MMIOD_LEASE_ALL, at most 16 leases, and anything less than all is an error.
 */
int mmiod_client_lease_many(struct mmiod_client *client, const struct mmiod_want *wants,
			    size_t count, unsigned int flags, struct mmiod_lease **leases,
			    int *errors);

/** One lease with defaults. @length 0: to the end of the region. */
int mmiod_client_lease(struct mmiod_client *client, const char *region, uint64_t offset,
		       uint64_t length, unsigned int rights, struct mmiod_lease **lease);

/** Forget the object and close its file; the lease ends when the last copy of the file and the last mapping go. */
void mmiod_lease_free(struct mmiod_lease *lease);

/**
 * Give the lease back now, whoever still has the file or a mapping: they lose it. Frees the object on success.
 * -ENOTCONN: its client was freed.
 */
int mmiod_lease_release(struct mmiod_lease *lease);

/** Take leases from their holders: for administrators. @deadline_ms: ask first, take after that; 0: take now. */
int mmiod_client_revoke(struct mmiod_client *client, uint64_t lease, uint32_t deadline_ms);

uint64_t mmiod_lease_id(const struct mmiod_lease *lease);
/** The window's file. Owned by the lease; may be passed on, mapped, polled (POLLHUP: revoked). */
int mmiod_lease_fd(const struct mmiod_lease *lease);
uint64_t mmiod_lease_offset(const struct mmiod_lease *lease);
uint64_t mmiod_lease_length(const struct mmiod_lease *lease);
unsigned int mmiod_lease_rights(const struct mmiod_lease *lease);
enum mmiod_cache mmiod_lease_cache(const struct mmiod_lease *lease);
enum mmiod_share mmiod_lease_share(const struct mmiod_lease *lease);
unsigned int mmiod_lease_width(const struct mmiod_lease *lease);
/** Where in its file the window starts: 0 with the module, more in simulation. */
uint64_t mmiod_lease_map_offset(const struct mmiod_lease *lease);
/** 0: it does not own whole pages, and only mediated access reaches it. */
int mmiod_lease_mappable(const struct mmiod_lease *lease);
/** Asks the kernel, not the daemon. In simulation always OK. */
int mmiod_lease_state(const struct mmiod_lease *lease, enum mmiod_state *state);

/* ---- mappings ---- */

#define MMIOD_MAP_POPULATE (1u << 0) /**< build all page-table entries now: no fault later */

/**
 * Map the whole window, with the lease's rights.
 *
 * Errors: -EINVAL (sub-page window: use mediated access), -ENODEV (revoked), -EAGAIN (suspended), -ENOMEM.
 */
int mmiod_lease_map(struct mmiod_lease *lease, unsigned int flags, struct mmiod_mapping **mapping);

/** Map @length bytes at @offset of the window; @offset a multiple of the page size. */
int mmiod_lease_map_range(struct mmiod_lease *lease, uint64_t offset, size_t length,
			  unsigned int flags, struct mmiod_mapping **mapping);

/**
 * Build all page-table entries of a mapping now. Real-time programs call it so that no access faults. -EBADF: its lease
 * was freed, and the file with it.
 */
int mmiod_mapping_populate(struct mmiod_mapping *mapping);
/** The first byte. */
volatile void *mmiod_mapping_address(const struct mmiod_mapping *mapping);
size_t mmiod_mapping_length(const struct mmiod_mapping *mapping);
/** Unmap. NULL: no-op. */
void mmiod_mapping_free(struct mmiod_mapping *mapping);

/* ---- mediated access: through the kernel, exact width, sub-page windows too; -ENODEV instead of a signal ---- */

/**
 * Read @count elements of @width bytes (1, 2, 4, 8) at @offset of the window, one bus access each.
 *
 * Errors of all five: -EINVAL (leaves the window, misaligned, another width than declared), -EBADF (write, read-only),
 * -ENODEV (revoked), -EAGAIN (suspended).
 */
int mmiod_lease_read(struct mmiod_lease *lease, uint64_t offset, unsigned int width, size_t count,
		     void *buffer);
/** Write likewise. */
int mmiod_lease_write(struct mmiod_lease *lease, uint64_t offset, unsigned int width, size_t count,
		      const void *buffer);
/** Fill @length bytes with @value by memset_io; -EINVAL when the region declares a width. */
int mmiod_lease_fill(struct mmiod_lease *lease, uint64_t offset, size_t length, uint8_t value);
/** Copy out of and into the window in bulk (memcpy_fromio, memcpy_toio); -EINVAL when the region declares a width. */
int mmiod_lease_copy_from(struct mmiod_lease *lease, uint64_t offset, void *buffer, size_t length);
int mmiod_lease_copy_to(struct mmiod_lease *lease, uint64_t offset, const void *buffer,
			size_t length);

/* ---- exact-width accessors for mapped windows: one load or store each; never use memcpy for registers ---- */

static inline uint8_t mmiod_read8(const volatile void *address)
{
	return *(const volatile uint8_t *)address;
}

static inline uint16_t mmiod_read16(const volatile void *address)
{
	return *(const volatile uint16_t *)address;
}

static inline uint32_t mmiod_read32(const volatile void *address)
{
	return *(const volatile uint32_t *)address;
}

/** One access on 64-bit machines; a 32-bit program's compiler makes two of it. */
static inline uint64_t mmiod_read64(const volatile void *address)
{
	return *(const volatile uint64_t *)address;
}

static inline void mmiod_write8(volatile void *address, uint8_t value)
{
	*(volatile uint8_t *)address = value;
}

static inline void mmiod_write16(volatile void *address, uint16_t value)
{
	*(volatile uint16_t *)address = value;
}

static inline void mmiod_write32(volatile void *address, uint32_t value)
{
	*(volatile uint32_t *)address = value;
}

static inline void mmiod_write64(volatile void *address, uint64_t value)
{
	*(volatile uint64_t *)address = value;
}

/** Push what write-combining holds back towards the device. Delivery itself only a read from the device proves. */
void mmiod_wc_flush(void);

/** Copy to and from a mapped window with aligned accesses of at most 8 bytes; no SIMD, no overlapping accesses. */
void mmiod_copy_to_window(volatile void *window, const void *buffer, size_t length);
void mmiod_copy_from_window(void *buffer, const volatile void *window, size_t length);

/**
 * Run @body(@argument) so that a SIGBUS by a revoked window makes this return -ENODEV instead of killing the process.
 * The body is left in the middle: it must not hold locks or own memory. It must not leave by longjmp() or an exception.
 * Per thread; nests. Returns the body's result, or a negative errno if the handler cannot be installed.
 */
int mmiod_guard(int (*body)(void *argument), void *argument);

/* ---- targets: REGION[+OFFSET][/LENGTH][:WIDTH] ---- */

struct mmiod_target {
	char region[32];
	uint64_t offset; /**< 0 unless given */
	uint64_t length; /**< 0 unless given */
	unsigned int width; /**< bytes; 0 unless given */
};

/**
 * Read a target. Numbers are decimal or 0x…, with K, M or G behind them for powers of 1024; WIDTH is 8, 16, 32 or 64 bits.
 * @error: NULL, or where to put a sentence that says what is wrong with @text (at most @size bytes).
 * Returns 0 or -EINVAL.
 */
int mmiod_target_parse(const char *text, struct mmiod_target *target, char *error, size_t size);

/** Page size of this machine, in bytes. */
size_t mmiod_page_size(void);
/** The library's version, "0.1.0". */
const char *mmiod_version(void);

#ifdef __cplusplus
}
#endif

#endif
