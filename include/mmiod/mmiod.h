/* SPDX-License-Identifier: MIT */
/**
 * libmmiod: device memory for unprivileged programs.
 *
 * A program connects to the daemon, asks for a lease on a part of a region, and maps the lease's
 * window:
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
 * Functions return 0 (or a count) or a negative errno unless they say otherwise;
 * mmiod_client_error() has the sentence that goes with the last failure, which names the rule, the
 * holder or the limit. Sizes and offsets are in bytes.
 *
 * Threads: objects of one client may be used by one thread at a time. Mappings and accessors need
 * no lock. Fork: a client object belongs to the process that made it; in a child every call on it
 * answers -EOWNERDEAD (only freeing works). Mappings are inherited.
 *
 * Lifetime: a lease lasts as long as its window's file or a mapping of it does. Freeing the lease
 * object closes the file; mappings live on until they are freed.
 *
 * Growth: a program built with this header runs with every later library of the same soname.
 * Objects that the library makes are opaque, with functions that get at them. Structs that the
 * program makes, those below, go with their size, as in openat2(2): the functions that take one are
 * inline, and hand on the size that they have in this header (see <mmiod/sized.h>). New members
 * come at the end, and mean the default when they are zero. So initialise with zeros, and nothing
 * else is to be done:
 *
 *	program older than library: what its struct lacks counts as zero, or is not told
 *	program newer than library: what the library does not know must be zero, else -E2BIG with a
 *				    sentence; in what the library fills in, it is zero
 *
 * -EINVAL: a size that the struct never had. The structs of an array are all of one size. Values of
 * enums never change, and new ones come: what you do not know, pass over.
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
struct mmiod_cache_list;
struct mmiod_cache_info;
struct mmiod_pool_list;
struct mmiod_pool;
struct mmiod_pool_map;
struct mmiod_extent;
struct mmiod_counter_list;
struct mmiod_counter;
struct mmiod_peer_list;
struct mmiod_peer;
struct mmiod_log_list;
struct mmiod_log_entry;
struct mmiod_grant_list;
struct mmiod_grant_info;
struct mmiod_translation;
struct mmiod_frame;
struct mmiod_notice;
struct mmiod_wait;
struct mmiod_interrupt;
struct mmiod_operation;
struct mmiod_device_list;
struct mmiod_device;
struct mmiod_vector_list;
struct mmiod_vector;

/* ---- client: a connection to the daemon ---- */

/**
 * Connect to the daemon.
 *
 * @path: the daemon's socket; NULL: the environment's MMIOD_SOCKET, else /run/mmiod/mmiod.sock.
 * Errors: -ENOENT, -ECONNREFUSED (no daemon), -EACCES (the socket's group), -EINVAL (MMIOD_PARK);
 * mmiod_client_error(NULL) has the sentence.
 *
 * The daemon is greeted, and its answer not waited for: it is read before that to the first request,
 * which goes out at once. A daemon that does not let the client in says why to that request, which is
 * not carried out then: -EPROTONOSUPPORT (no common version), -EDQUOT (too many connections), -ENOBUFS,
 * -EIO (it cannot start), -EPROTO (what it says makes no sense). Each further request asks it again.
 * mmiod_client_event_fd() waits for the answer, so it tells a program that wants to know at once.
 *
 * When the daemon goes away later, a request connects again and is repeated: leases and mappings
 * are not touched by it. -ECONNRESET: it went away each time, three times in all. -ETIMEDOUT: it
 * does not answer (30 s). -EPROTO: what it says makes no sense.
 */
int mmiod_client_connect(const char *path, struct mmiod_client **client);

/**
 * Close the connection. Leases and mappings made through it stay valid, except connection-bound
 * leases. NULL: no-op.
 */
void mmiod_client_free(struct mmiod_client *client);

/**
 * The sentence for the last failure on this client; never NULL; valid until the next call on it.
 * @client NULL: for the last failure in this thread of what has no client, that is of
 * mmiod_client_connect(), mmiod_window_adopt(), mmiod_inherited(), and of calls on leases whose
 * client was freed, or that never had one.
 */
const char *mmiod_client_error(const struct mmiod_client *client);

/**
 * A descriptor that is readable whenever mmiod_client_next_event() has something to do: an event to
 * take, or a lease to renew. Owned by the client, which makes it when it is asked for first, as soon as
 * the daemon has let the client in. Negative errno, until a call has succeeded: why the daemon did not,
 * as mmiod_client_connect() says, -EMFILE, or -EOWNERDEAD after fork.
 */
int mmiod_client_event_fd(const struct mmiod_client *client);

struct mmiod_event {
	enum mmiod_event_type type;
	uint64_t lease; /**< id */
	uint32_t deadline_ms; /**< REVOKE_ASKED, EXPIRING: time left */
	char text[256]; /**< who and why; may be empty */
};

/**
 * Take the next event without blocking: 1 with @event filled, 0 when there is none, negative errno.
 * -ECONNRESET, once: the daemon went away; events come again after the next request, which connects
 * again. -ENOMEM: an event is lost, and the connection stays.
 */
static inline int mmiod_client_next_event(struct mmiod_client *client, struct mmiod_event *event);

/**
 * How many milliseconds requests for leases wait, from now on, until what others hold is free; 0
 * (the default): not at all, UINT32_MAX: for ever. The daemon and the grant may admit less.
 * Requests for the same bytes are served in the order in which they came. -ETIMEDOUT: nothing came
 * free in time, and the sentence names the holder. -EDQUOT: as many requests of this user wait as
 * the daemon admits.
 */
void mmiod_client_set_wait(struct mmiod_client *client, uint32_t wait_ms);

/**
 * Park leases that are freed from now on: for @park_ms milliseconds, 1 to 3600000, or 0 (the default):
 * not at all. The library then keeps file and mapping of a lease that mmiod_lease_free() frees, and
 * gives them out again when this client asks for the same: same names and numbers in struct mmiod_want,
 * element for element. That takes no request, and no page is faulted in anew if the mapping had been
 * freed before the lease; it is as the program left it, protection included. For that mmiod_mapping_free()
 * leaves a mapping where it is as long as the lease lasts.
 *
 * A parked lease is in nobody's way: the daemon takes it, without a question and without an event here,
 * as soon as anybody else wants what it has, when the configuration is loaded anew, when its device
 * sleeps, and at the end of connection or daemon; then the next request goes to the daemon as ever. It
 * counts against no limit that would keep the user from another lease. mmiod_lease_info_parked() tells
 * that it is parked. It is closed by the first call on this client after its time, for which the event
 * descriptor becomes readable, and at most 64 are parked at once.
 *
 * Never parked are leases of pools and of kernel memory, device files and vectors; those that came by
 * mmiod_wait_start(); those with a time limit, with writes at their end (the want's or the region's), with
 * MMIOD_WANT_CONNECTION or _FOR; and those that somebody else may still use, by a mapping that was not
 * freed, a view, or a copy of the file, as in a child. mmiod_lease_release() and mmiod_client_release()
 * give back at once, as ever.
 *
 * The environment variable MMIOD_PARK has the same effect on all clients of a process, with the number
 * of milliseconds as its value: mmiod_client_connect() returns -EINVAL if it is none.
 *
 * 0; -EINVAL: too long; -EOPNOTSUPP: the daemon is too old; or as any request. In simulation leases are
 * parked as well, so that a program can be tried.
 */
int mmiod_client_set_parking(struct mmiod_client *client, uint32_t park_ms);

/**
 * Break off the call that waits for others on this client (see mmiod_client_set_wait()), or else
 * the next one that would: it returns -ECANCELED, or how many leases it had by then; what is
 * granted in that very moment is given back. For signal handlers (it is async-signal-safe) and for
 * other threads, as long as the client is not freed. A daemon that does not know how goes on
 * waiting.
 */
void mmiod_client_cancel(struct mmiod_client *client);

/**
 * Whether a signal whose handler was installed without SA_RESTART breaks such a call off: it then
 * returns -EINTR, as by mmiod_client_cancel(). 0 (the default): it waits on. With a daemon that
 * cannot cancel, the connection is closed.
 */
void mmiod_client_set_interruptible(struct mmiod_client *client, int interruptible);

/** The daemon, as it describes itself. */
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
	char warning[512];
	int inspect; /**< the caller may see everything: physical addresses, others' leases */
	uint32_t regions_stale; /**< claimed otherwise than the configuration in force says */
	uint32_t leases_ending; /**< nobody else may have their bytes yet: see MMIOD_STATE_ENDING */
};
static inline int mmiod_client_status(struct mmiod_client *client, struct mmiod_status *status);

/* ---- regions ---- */

/** The regions that policy lets the caller see. Free with mmiod_region_list_free(). */
int mmiod_client_list_regions(struct mmiod_client *client, struct mmiod_region_list **list);
void mmiod_region_list_free(struct mmiod_region_list *list);
size_t mmiod_region_list_count(const struct mmiod_region_list *list);
/** NULL when @index is out of range. Owned by the list. */
const struct mmiod_region *mmiod_region_list_get(const struct mmiod_region_list *list,
						 size_t index);
struct mmiod_target;
/**
 * The region that the first byte of @target lies in, be the target written with a name or with an
 * address. NULL: none in the list. Owned by the list.
 */
static inline const struct mmiod_region *mmiod_region_list_find(
	const struct mmiod_region_list *list, const struct mmiod_target *target);

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
/**
 * Whether the region consists of I/O ports: 1 or 0. Its lengths and addresses are ports then; it is
 * read and written, by 1, 2 or 4 bytes at a time, and never mapped (EINVAL).
 */
int mmiod_region_is_ports(const struct mmiod_region *region);
/** Physical address, or the first port; 0 unless the caller may inspect. */
uint64_t mmiod_region_phys(const struct mmiod_region *region);
/** Declared width of a register access in bytes; 0: any. */
unsigned int mmiod_region_width(const struct mmiod_region *region);
/** Set of bits 1 << enum mmiod_memtype. */
unsigned int mmiod_region_memtypes(const struct mmiod_region *region);
enum mmiod_memtype mmiod_region_memtype(const struct mmiod_region *region);
/** The caller's rights: set of enum mmiod_right. */
unsigned int mmiod_region_rights(const struct mmiod_region *region);
enum mmiod_state mmiod_region_state(const struct mmiod_region *region);
unsigned int mmiod_region_generation(const struct mmiod_region *region);
unsigned int mmiod_region_leases(const struct mmiod_region *region);

/* ---- the list of leases ---- */

/** The leases that policy lets the caller see: its own user's, and all for who may inspect. */
int mmiod_client_list_leases(struct mmiod_client *client, struct mmiod_lease_list **list);
/**
 * Likewise, but some hundreds of them at a time, so that a program needs little memory however many
 * there are: those whose ids are above that one, in the order of their ids. Start with 0, and go on
 * with the id of the last in the list. An empty list says that there are no more. Leases that come
 * and go meanwhile may be in it or not.
 */
int mmiod_client_list_leases_after(struct mmiod_client *client, uint64_t lease,
				   struct mmiod_lease_list **list);
void mmiod_lease_list_free(struct mmiod_lease_list *list);
size_t mmiod_lease_list_count(const struct mmiod_lease_list *list);
const struct mmiod_lease_info *mmiod_lease_list_get(const struct mmiod_lease_list *list,
						    size_t index);

uint64_t mmiod_lease_info_id(const struct mmiod_lease_info *info);
const char *mmiod_lease_info_region(const struct mmiod_lease_info *info);
/** UINT64_MAX: it lies in several places, see mmiod_client_lease_extents(). */
uint64_t mmiod_lease_info_offset(const struct mmiod_lease_info *info);
/** In how many; 1 but for leases of pools. */
uint32_t mmiod_lease_info_extents(const struct mmiod_lease_info *info);
uint64_t mmiod_lease_info_length(const struct mmiod_lease_info *info);
uint64_t mmiod_lease_info_started(const struct mmiod_lease_info *info); /**< seconds since 1970 */
unsigned int mmiod_lease_info_rights(const struct mmiod_lease_info *info);
enum mmiod_memtype mmiod_lease_info_memtype(const struct mmiod_lease_info *info);
unsigned int mmiod_lease_info_width(const struct mmiod_lease_info *info);
enum mmiod_share mmiod_lease_info_share(const struct mmiod_lease_info *info);
enum mmiod_state mmiod_lease_info_state(const struct mmiod_lease_info *info);
/** 1: its holder has freed it and keeps it parked, and it is had by whoever wants it; else 0. */
int mmiod_lease_info_parked(const struct mmiod_lease_info *info);
uint32_t mmiod_lease_info_uid(const struct mmiod_lease_info *info);
/** Of the process that asked: a hint, because files travel. */
uint32_t mmiod_lease_info_pid(const struct mmiod_lease_info *info);
const char *mmiod_lease_info_comm(const struct mmiod_lease_info *info);
/** The systemd unit of that process; "" when unknown. */
const char *mmiod_lease_info_unit(const struct mmiod_lease_info *info);
/** By whose socket its holder came; "": by the main one. "?": a tenant that is gone. */
const char *mmiod_lease_info_tenant(const struct mmiod_lease_info *info);
/** Milliseconds until it ends unless renewed, and its whole time; 0: no time limit. */
uint64_t mmiod_lease_info_left_ms(const struct mmiod_lease_info *info);
uint32_t mmiod_lease_info_time_ms(const struct mmiod_lease_info *info);
int mmiod_lease_info_renews(const struct mmiod_lease_info *info);
/** Mappings now, and counts so far, from the module's ledger; 0 in simulation. */
uint32_t mmiod_lease_info_mappings(const struct mmiod_lease_info *info);
uint64_t mmiod_lease_info_faults(const struct mmiod_lease_info *info);
uint64_t mmiod_lease_info_populated(const struct mmiod_lease_info *info);
/**
 * The same as leaves of page tables, by size; 0 for a size that is none, and from a daemon that
 * does not count them.
 */
uint64_t mmiod_lease_info_fault_leaves(const struct mmiod_lease_info *info,
				       enum mmiod_leaf_size size);
uint64_t mmiod_lease_info_populated_leaves(const struct mmiod_lease_info *info,
					   enum mmiod_leaf_size size);
uint64_t mmiod_lease_info_reads(const struct mmiod_lease_info *info);
uint64_t mmiod_lease_info_writes(const struct mmiod_lease_info *info);

/**
 * What kind of memory: for all but MMIOD_MEMORY_REGION the region's name is "" and the offset 0.
 */
enum mmiod_memory mmiod_lease_info_memory(const struct mmiod_lease_info *info);
/** 1: an allocator chose where it lies, 0: its holder named it. */
int mmiod_lease_info_allocated(const struct mmiod_lease_info *info);
/**
 * What the lease is of. Of MMIOD_KIND_DEVICE and MMIOD_KIND_INTERRUPT the region's name is the device's, the offset its
 * vector, and the length 1.
 */
enum mmiod_lease_kind mmiod_lease_info_kind(const struct mmiod_lease_info *info);
/** Of memory for DMA: the lease of the operation that it belongs to, of device _region(); else 0. */
uint64_t mmiod_lease_info_operation(const struct mmiod_lease_info *info);
/** Where the device finds it; MMIOD_NO_IOVA: nowhere, or it is not known. */
uint64_t mmiod_lease_info_iova(const struct mmiod_lease_info *info);

/* ---- leases ---- */

#define MMIOD_WANT_DUMMY (1u << 0) /**< after revocation a page of ones instead of SIGBUS */
#define MMIOD_WANT_CONNECTION (1u << 1) /**< ends with the connection, even if the file lives on */
/**
 * For administrators: the lease is for user @for_uid. The grants to that user decide, those to
 * groups not, and quotas, lists and the ledger have the lease as that user's; the caller gets the
 * file, to hand it on. -EACCES: the caller is no administrator, or no grant gives the user that.
 */
#define MMIOD_WANT_FOR (1u << 2)

/**
 * A register write that the daemon does when a lease ends, for whatever reason: release, death of
 * its holder, revocation, its time; not when the device has gone. Before anybody else may have the
 * bytes. Only within the lease, with the width of the region if it declares one; the lease must
 * include the right to write. Its size is for ever: it is reached through another struct.
 */
struct mmiod_register_write {
	uint64_t offset; /**< from the start of the region */
	uint64_t value;
	unsigned int width; /**< bytes: 1, 2, 4, 8 */
	unsigned int flags; /**< 0 */
	uint64_t reserved[2]; /**< 0 */
};

/** One lease asked for. Initialise with zeros: a zero field means its default. */
struct mmiod_want {
	const char *region; /**< its name, or where it lies, as in a target */
	uint64_t offset; /**< from the start of the region, or of the BAR */
	uint64_t length; /**< 0: to the end of the region */
	unsigned int rights; /**< set of enum mmiod_right; 0: read */
	enum mmiod_memtype cache; /**< memory type */
	unsigned int width; /**< of a mediated access, in bytes; 0: the region's */
	enum mmiod_share share;
	unsigned int flags; /**< MMIOD_WANT_* */
	uint32_t lease_ms; /**< time limit, from 100; 0: as the grant says. Never more than that */
	const struct mmiod_register_write *on_end; /**< done in order when the lease ends */
	size_t on_end_count; /**< at most 8 */
	uint32_t for_uid; /**< with MMIOD_WANT_FOR: whom it is for; else 0 */
	uint32_t reserved; /**< 0 */
	/**
	 * The grant that is to give it, by its name of at most 31 bytes: -EACCES if that one does
	 * not, whatever others do, and its end is the lease's. NULL or "": the first that gives it.
	 */
	const char *grant;
	const void *reserved2; /**< NULL. It leaves no padding at the end on 32-bit Arm */
};

#define MMIOD_LEASE_ALL (1u << 0) /**< all or none */

/**
 * Ask for @count leases at once (any number; sent in batches).
 *
 * @leases: @count pointers; those not granted become NULL.
 * @errors: NULL, or @count results, 0 or negative errno each. Returns the number granted, or the
 * first error when none was: -ENOENT (no such region), -EACCES (policy), -EBUSY (held, or another
 * memory type is in use), -EDQUOT, -EINVAL (range, width, ...), -ENODEV (device not there),
 * -EMFILE (no free descriptors in this process: none of the batch was kept). With MMIOD_LEASE_ALL,
 * at most 16 leases, and anything less than all is an error.
 */
static inline int mmiod_client_lease_many(struct mmiod_client *client,
					  const struct mmiod_want *wants, size_t count,
					  unsigned int flags, struct mmiod_lease **leases,
					  int *errors);

/**
 * Ask for leases, at most 16, and wait for them without blocking: @wait_ms milliseconds, as of
 * mmiod_client_set_wait(). Errors as of mmiod_client_lease_many() before anything is sent. The
 * connection's other calls go on meanwhile; the daemon has the request stand in its queue.
 */
static inline int mmiod_wait_start(struct mmiod_client *client, const struct mmiod_want *wants,
				   size_t count, unsigned int flags, uint32_t wait_ms,
				   struct mmiod_wait **wait);

/** Readable when mmiod_wait_finish() is to be called. Owned by the wait. */
int mmiod_wait_fd(const struct mmiod_wait *wait);

/**
 * -EAGAIN: there is no answer yet, poll again. Anything else is what mmiod_client_lease_many()
 * returns, with @leases and @errors (or NULL) as there, and frees the wait. -ENOTCONN: its client
 * was freed. -EOWNERDEAD: of a process that was forked since, which has mmiod_wait_cancel() free it.
 * When the daemon is restarted, the request stands in the new one's queue.
 */
int mmiod_wait_finish(struct mmiod_wait *wait, struct mmiod_lease **leases, int *errors);

/** Wait no more, give back what was granted meanwhile, and free it. NULL: no-op. */
void mmiod_wait_cancel(struct mmiod_wait *wait);

/** One lease with defaults. @length 0: to the end of the region. */
int mmiod_client_lease(struct mmiod_client *client, const char *region, uint64_t offset,
		       uint64_t length, unsigned int rights, struct mmiod_lease **lease);

/**
 * Forget the object and close its file; the lease ends when the last copy of the file and the last
 * mapping go. In simulation files cannot be watched: there it ends by release, or with the
 * connection.
 */
void mmiod_lease_free(struct mmiod_lease *lease);

/**
 * Give the lease back now, whoever still has the file or a mapping: they lose it. Frees the object
 * on success. -ENOTCONN: its client was freed.
 */
int mmiod_lease_release(struct mmiod_lease *lease);

/**
 * Give @count leases of this client back now, in batches of 16: that costs a fraction of as many
 * single calls. The objects of those that ended are freed, and their pointers become NULL. Returns
 * 0 or the first error; -EINVAL: one is another client's, and nothing was done.
 */
int mmiod_client_release_many(struct mmiod_client *client, struct mmiod_lease **leases,
			      size_t count);

/**
 * Give a lease back by its number: for what another process of the same user got, or whose object
 * was freed. All that have its file or a mapping lose it. This is by force: the functions above,
 * which know their leases by their objects, end those of this process only, and the daemon refuses
 * a RELEASE without force (MMIOD_END_FORCE) of what another process of the same user holds.
 * -ENOENT: there is none such, or it has ended already; -EACCES: another user's.
 */
int mmiod_client_release(struct mmiod_client *client, uint64_t lease);

/**
 * Take a lease from its holder, whoever that is: for administrators.
 *
 * @deadline_ms: ask first (MMIOD_EVENT_REVOKE_ASKED), take after so many milliseconds unless it is
 * given back before; 0: take now. The call lasts until it has ended. -ENOENT: there is none such;
 * -EACCES: the caller is no administrator.
 */
int mmiod_client_revoke(struct mmiod_client *client, uint64_t lease, uint32_t deadline_ms);

uint64_t mmiod_lease_id(const struct mmiod_lease *lease);
/**
 * The time limit in milliseconds, 0: none. A lease that renews is renewed at half of it whenever
 * the program calls the library, as long as the object lives; the event descriptor becomes readable
 * when it is time, so a program that polls it and takes events need do nothing more. Others end
 * when their time is over: see MMIOD_EVENT_EXPIRING.
 */
uint32_t mmiod_lease_time_ms(const struct mmiod_lease *lease);
int mmiod_lease_renews(const struct mmiod_lease *lease);
/** The window's file. Owned by the lease; may be passed on, mapped, polled (POLLHUP: revoked). */
int mmiod_lease_fd(const struct mmiod_lease *lease);
/**
 * From the start of the region, or of the pool. UINT64_MAX: it lies in several places, which are
 * listed by mmiod_lease_extents().
 */
uint64_t mmiod_lease_offset(const struct mmiod_lease *lease);
/** Where one of the parts of a lease lies. This struct does not grow. */
struct mmiod_lease_extent {
	uint64_t offset; /**< bytes, from the start of the region, or of the pool */
	uint64_t length; /**< bytes */
};
/**
 * Where a lease lies: its extents in the order in which its window shows them, one behind the other
 * without a gap. Most leases have one; a lease of a pool has several if no one was large enough and
 * its program may have that (max_extents of struct mmiod_allocation). They do not change. With more
 * than one, each is a power of two of the pool's pages at a multiple of its length, the longest
 * first.
 *
 * @extents: room for @count of them; NULL if that is 0. Returns how many the lease has, 1 to 4096,
 * which may be more than @count, of which the first are there then. Asks the daemon if there are
 * several and @count is not 0. Errors: -ENOTCONN (its client was freed, or another process got it) and
 * those of any request.
 */
int mmiod_lease_extents(const struct mmiod_lease *lease, struct mmiod_lease_extent *extents,
			size_t count);
/**
 * The same of any lease of the caller's, or of anybody's for who may inspect, by its number.
 * -ENOENT: there is no such lease; -EACCES: it is another user's; -EINVAL: it is of no region's
 * bytes; -EOPNOTSUPP: the daemon is older, and has leases of one extent only.
 */
int mmiod_client_lease_extents(struct mmiod_client *client, uint64_t lease,
			       struct mmiod_lease_extent *extents, size_t count);
uint64_t mmiod_lease_length(const struct mmiod_lease *lease);
unsigned int mmiod_lease_rights(const struct mmiod_lease *lease);
enum mmiod_memtype mmiod_lease_memtype(const struct mmiod_lease *lease);
enum mmiod_share mmiod_lease_share(const struct mmiod_lease *lease);
unsigned int mmiod_lease_width(const struct mmiod_lease *lease);
/** Where in its file the window starts: 0 with the module, more in simulation. */
uint64_t mmiod_lease_map_offset(const struct mmiod_lease *lease);
/** 0: it does not own whole pages, and only mediated access reaches it. */
int mmiod_lease_mappable(const struct mmiod_lease *lease);
/** Asks the kernel, not the daemon. In simulation OK until the connection that it came by has ended. */
int mmiod_lease_state(const struct mmiod_lease *lease, enum mmiod_state *state);
/**
 * How many others have the window beside this object: other descriptors of its file, in whatever
 * process or message, files that were opened anew from it, mappings, views. 0: freeing the object
 * ends the lease. The count may be too high for a moment; it is 0 only when there is nobody. Asks
 * the kernel, not the daemon. -EOPNOTSUPP: in simulation, and with a module that is older than this.
 */
int mmiod_lease_users(const struct mmiod_lease *lease);

/* ---- interrupts: leases of vectors of devices ---- */

#define MMIOD_IRQ_ONESHOT \
	(1u << 0) /**< masked by each interrupt until it is unmasked, as INTx is */
#define MMIOD_IRQ_MASKED (1u << 1) /**< starts masked; as an answer: is masked now */
#define MMIOD_IRQ_CONNECTION (1u << 2) /**< as MMIOD_WANT_CONNECTION */
#define MMIOD_IRQ_STORM (1u << 8) /**< answer: it came too often, and is silenced until unmasked */
#define MMIOD_IRQ_EVENTFD (1u << 9) /**< answer: it signals one, by mmiod_interrupt_set_eventfd() */
#define MMIOD_IRQ_SILENT \
	(1u << 10) /**< answer: its messages cannot come: the bus is not mastered */

/**
 * Lease vector @vector, from 0, of device @device, as [device NAME] of the configuration names it,
 * for as long as its file is open. A vector has one holder; it may be another process than those
 * that have the device's memory.
 *
 * @kind: MMIOD_IRQ_DEFAULT, or the kind that it must be. @flags: MMIOD_IRQ_ONESHOT, _MASKED,
 * _CONNECTION. It waits for other holders as mmiod_client_set_wait() says.
 *
 * Errors: -ENOENT (no such device), -EACCES (policy), -EBUSY (held; or the device is being reset, or
 * interrupts in another way), -EDQUOT, -EINVAL (no such vector or kind), -ENODEV (device not there),
 * -EOPNOTSUPP (daemon or module are older than this).
 */
int mmiod_client_interrupt(struct mmiod_client *client, const char *device,
			   enum mmiod_irq_kind kind, unsigned int vector, unsigned int flags,
			   struct mmiod_interrupt **interrupt);

/** Forget the object and close its file; as of mmiod_lease_free(). NULL: no-op. */
void mmiod_interrupt_free(struct mmiod_interrupt *interrupt);

/** Give it back now, whoever still has the file; as of mmiod_lease_release(). */
int mmiod_interrupt_release(struct mmiod_interrupt *interrupt);

/**
 * Its file. Owned by the interrupt; may be passed on, polled and read: 8 bytes are how many came
 * since the last read, as of an eventfd, which may be none yet, and then read() waits; 4 bytes are
 * UIO's total. POLLIN: there are any. POLLPRI: something of its flags or its state has changed.
 * POLLMSG: it was silenced by a storm (a module that is older than this does not say so). POLLHUP:
 * revoked. In simulation it is an eventfd.
 */
int mmiod_interrupt_fd(const struct mmiod_interrupt *interrupt);

/**
 * Wait until it has come, once or more, since the last wait: 0 with *@count, if not NULL, how often.
 *
 * @timeout_ms: 0 looks, -1 waits for ever. -ETIMEDOUT: it did not come; -ENODEV: revoked, or the
 * device has gone; -EINTR: a signal; -EOVERFLOW: it came too often, or those who watch it took too
 * long, and it is silenced (MMIOD_IRQ_STORM) until mmiod_interrupt_unmask(). What came before that is
 * told first. While it is suspended it goes on waiting; a module that is older than this lets it wait
 * for one that is silenced, too. One thread at a time.
 */
int mmiod_interrupt_wait(struct mmiod_interrupt *interrupt, int timeout_ms, uint64_t *count);

/**
 * Keep it from coming, and let it come again; what it would have told meanwhile comes as one. INTx
 * is masked whenever it came: acknowledge it at the device, then unmask. -EAGAIN: it is silenced
 * after a storm, for up to a second more; -ENODEV: revoked; -EOPNOTSUPP: simulation has no mask.
 */
int mmiod_interrupt_mask(struct mmiod_interrupt *interrupt);
int mmiod_interrupt_unmask(struct mmiod_interrupt *interrupt);

/**
 * Have it signal the eventfd @fd as well, in place of an earlier one; -1: none any more. -EINVAL: it
 * is no eventfd; -EBADF; -ENODEV: revoked; -EOPNOTSUPP: in simulation its own file is one.
 */
int mmiod_interrupt_set_eventfd(struct mmiod_interrupt *interrupt, int fd);

/** Make it come, without the device, masked or not. -ENODEV: revoked; -EAGAIN: suspended. */
int mmiod_interrupt_trigger(struct mmiod_interrupt *interrupt);

/**
 * How often it came since it was leased; in simulation, how many of them were waited for.
 * -ENODEV: its connection ended, and in simulation the lease with it.
 */
int mmiod_interrupt_count(const struct mmiod_interrupt *interrupt, uint64_t *count);

/** MMIOD_IRQ_* that hold now; in simulation 0. Ends POLLPRI for a change of MMIOD_IRQ_SILENT. */
int mmiod_interrupt_flags(const struct mmiod_interrupt *interrupt, unsigned int *flags);

/** As of mmiod_lease_state(). */
int mmiod_interrupt_state(const struct mmiod_interrupt *interrupt, enum mmiod_state *state);

/** Id of the lease, by which events name it. */
uint64_t mmiod_interrupt_lease(const struct mmiod_interrupt *interrupt);
enum mmiod_irq_kind mmiod_interrupt_kind(const struct mmiod_interrupt *interrupt);
unsigned int mmiod_interrupt_vector(const struct mmiod_interrupt *interrupt);
/** How many vectors are set up for the device: those from 0 to one less. */
unsigned int mmiod_interrupt_vectors(const struct mmiod_interrupt *interrupt);

/* ---- operations: leases of device files, by which a device is operated ---- */

#define MMIOD_OPERATION_CONNECTION (1u << 0) /**< as MMIOD_WANT_CONNECTION */
#define MMIOD_OPERATION_DEVICE_READS \
	(1u << 1) /**< of memory: the device reads it and writes nothing; only with an IOMMU */

/** No address at which a device finds it. */
#define MMIOD_NO_IOVA UINT64_MAX

/** As PCI counts them. */
enum mmiod_operation_power {
	MMIOD_OPERATION_D0 = 0, /**< awake */
	MMIOD_OPERATION_D3HOT = 3, /**< asleep; answers to its configuration space and to a reset */
};

/**
 * Lease the right to operate device @device, as [device NAME] of the configuration names it, for as
 * long as the file is open that stands for it. With MMIOD_MAY_READ_CONFIG alone others may have the
 * same; with more rights there is one holder for each device.
 *
 * @rights: set of enum mmiod_device_right without MMIOD_MAY_INTERRUPT, at least one;
 * MMIOD_MAY_WRITE_CONFIG and _VENDOR_CONFIG need _READ_CONFIG, _RESET_OTHERS needs _RESET,
 * _DMA_TRUSTED needs _DMA. One grant must give them all. With _DMA the device gets a domain of the
 * IOMMU of its own, in which it reaches what mmiod_operation_allocate() gives and nothing else; if
 * configuration and grant trust it with all memory, _DMA_TRUSTED comes by itself. @flags:
 * MMIOD_OPERATION_CONNECTION. It waits for other holders, and until a device that others used before
 * has been reset, as mmiod_client_set_wait() says.
 *
 * Errors: -ENOENT (no such device), -EACCES (policy; or nothing bounds the device's DMA, and the
 * sentence says what is missing), -EBUSY
 * (operated by somebody, who is named; being reset; or a reset would hit others), -EDQUOT, -EINVAL,
 * -ENODEV (device not there), -EOPNOTSUPP (daemon or module are older than this).
 */
int mmiod_client_operate(struct mmiod_client *client, const char *device, unsigned int rights,
			 unsigned int flags, struct mmiod_operation **operation);

/**
 * Forget the object and close its file; as of mmiod_lease_free(), but that simulation notices it, too,
 * unless the operation only reads the configuration space. NULL: no-op.
 */
void mmiod_operation_free(struct mmiod_operation *operation);

/** Give it back now, whoever still has the file; as of mmiod_lease_release(). */
int mmiod_operation_release(struct mmiod_operation *operation);

/**
 * Its file: a regular file of 256 or 4096 bytes, whose content is the configuration space. Owned by
 * the operation; may be passed on, polled, read by pread() and written by pwrite(). POLLPRI: it is
 * suspended, or something happened that mmiod_operation_state() tells. POLLHUP: revoked. In
 * simulation it is a memory file, which polls as any other.
 */
int mmiod_operation_fd(const struct mmiod_operation *operation);
/** Id of the lease, by which events name it; 0: it was handed down, in simulation. */
uint64_t mmiod_operation_lease(const struct mmiod_operation *operation);
/** Those that were granted: set of enum mmiod_device_right. */
unsigned int mmiod_operation_rights(const struct mmiod_operation *operation);

/**
 * Read the configuration space: one access of 8, 16 or 32 bits, @offset in bytes, aligned. What may
 * be a way to other things reads 0: the bodies of vendors' capabilities and what belongs to none,
 * unless with MMIOD_MAY_VENDOR_CONFIG, and the data of VPD always.
 *
 * -EINVAL: not aligned, or beyond the end (255 or 4095); -EPERM: no MMIOD_MAY_READ_CONFIG; -EAGAIN:
 * suspended; -ENODEV: revoked, or the device has gone.
 */
int mmiod_operation_config_read8(const struct mmiod_operation *operation, unsigned int offset,
				 uint8_t *value);
int mmiod_operation_config_read16(const struct mmiod_operation *operation, unsigned int offset,
				  uint16_t *value);
int mmiod_operation_config_read32(const struct mmiod_operation *operation, unsigned int offset,
				  uint32_t *value);

/**
 * Write it. What cannot harm others acts: the error bits, relaxed ordering, the size of read
 * requests, and, with the rights for it, bus mastering, power and reset; mmiod_operation(3) has the
 * list. All other bits must have the value that is read there, so that a register can be read,
 * changed and written back.
 *
 * -EPERM: they have not, or a right is missing, and nothing was written; -EINVAL, -EAGAIN, -ENODEV
 * as above.
 */
int mmiod_operation_config_write8(struct mmiod_operation *operation, unsigned int offset,
				  uint8_t value);
int mmiod_operation_config_write16(struct mmiod_operation *operation, unsigned int offset,
				   uint16_t value);
int mmiod_operation_config_write32(struct mmiod_operation *operation, unsigned int offset,
				   uint32_t value);

#define MMIOD_CAPABILITY_EXTENDED (1u << 16) /**< with an id: one of those from 0x100 on */

/**
 * Find a capability in the configuration space: the first with this @id behind the one at @after; 0:
 * the first of all. *@offset: where its header is. -ENOENT: there is none; else as of reading.
 */
int mmiod_operation_find_capability(const struct mmiod_operation *operation, unsigned int id,
				    unsigned int after, unsigned int *offset);

/**
 * Let the device master the bus, or (@on 0) no more. It goes off by itself by a reset and in D3hot.
 * Needs MMIOD_MAY_MASTER. @timeout_ms: for how long it may wait while the device is suspended or has
 * to be reset first; -1: for ever.
 *
 * -EPERM: the right is missing; -EBUSY: somebody else could write registers that start DMA, and the
 * sentence names him, or, if the daemon does not answer within a second, his lease; -ETIMEDOUT;
 * -ENODEV.
 */
int mmiod_operation_set_master(struct mmiod_operation *operation, int on, int timeout_ms);
/** *@on: whether it masters the bus now. */
int mmiod_operation_masters(const struct mmiod_operation *operation, int *on);

/**
 * Reset the device: all of it is suspended meanwhile; its configuration space is as before, but for
 * bus mastering, which is off. Needs MMIOD_MAY_RESET. It takes 0.1 s, and up to a minute of a device
 * that does not come back. *@duration_us, if not NULL: what it took. @timeout_ms: for how long it
 * may wait until somebody else lets the device be reset; -1: for ever.
 *
 * -EPERM: the right is missing; -EBUSY: others use the device, one of whom the sentence names as of
 * mmiod_operation_set_master(), and MMIOD_MAY_RESET_OTHERS is missing; -ENOTTY: it cannot be reset, or has not come back; -EIO: it does not answer
 * after it; -ETIMEDOUT; -ENODEV.
 */
int mmiod_operation_reset(struct mmiod_operation *operation, int timeout_ms, uint64_t *duration_us);

/**
 * Put the device to sleep, or wake it. All of it is suspended while it sleeps; this operation then
 * still reads and writes the configuration space, resets and wakes. Needs MMIOD_MAY_POWER. Errors as
 * of mmiod_operation_reset(), and -EOPNOTSUPP: it cannot sleep; -EINVAL: no such state.
 */
int mmiod_operation_set_power(struct mmiod_operation *operation, enum mmiod_operation_power power,
			      int timeout_ms);
int mmiod_operation_power(const struct mmiod_operation *operation,
			  enum mmiod_operation_power *power);

/** As of mmiod_lease_state(). Ends POLLPRI for what happened. */
int mmiod_operation_state(const struct mmiod_operation *operation, enum mmiod_state *state);

/**
 * Allocate memory that the device reaches by DMA, once it masters the bus. It is a lease of its own:
 * mapped, read, written and ended as any, zeroed, and allocated by the calling process, whose memory
 * cgroup pays for it (but for what mmiod_lease_iova() calls a bus address). It ends with the
 * operation at the latest. Ended, the device does not reach it any more, though it may still run;
 * without an IOMMU it does, and the memory is kept for it, and counted, until it was reset.
 *
 * @length: bytes, from 1, and without an IOMMU 64 MiB at most; rounded up to whole pages. @iova:
 * where the device is to find it, a multiple of the page size; 0: wherever there is room, below what
 * "dma-bits" of the configuration admits. @flags: MMIOD_OPERATION_CONNECTION,
 * MMIOD_OPERATION_DEVICE_READS. @memory: the lease.
 *
 * Errors: -EPERM (without MMIOD_MAY_DMA), -EACCES (policy, by now), -EBUSY (@iova is taken: the
 * sentence names by which lease, and what is free), -EINVAL (length 0 or too long, @iova no
 * multiple, beyond the device's or its IOMMU's addresses, or reserved; the sentence says what is
 * free), -EDQUOT (bytes or leases of the user or under the grant; no room is left), -ENOMEM (no
 * memory, or the memory cgroup is full), -ENODEV (the operation has ended), -ENOTCONN (it was handed
 * down: see mmiod_operation_allocate_by()), -EOPNOTSUPP (@iova or DEVICE_READS without an IOMMU;
 * daemon or module are older than this).
 */
int mmiod_operation_allocate(struct mmiod_operation *operation, uint64_t length, uint64_t iova,
			     unsigned int flags, struct mmiod_lease **memory);

/**
 * The same by @client, a connection of the caller's own to the daemon that the operation is of: for
 * an operation that was handed down, and has no client. The memory is the caller's, and still ends
 * with the operation; so it counts for the caller's user, who must be the one that leased the
 * operation, as for others the daemon knows no such lease (-ENOENT). -EOPNOTSUPP, too: an operation
 * of simulation that was handed down.
 */
int mmiod_operation_allocate_by(struct mmiod_operation *operation, struct mmiod_client *client,
				uint64_t length, uint64_t iova, unsigned int flags,
				struct mmiod_lease **memory);

/**
 * Where the device finds the first byte of memory that was allocated for it; the others follow. With
 * an IOMMU it is the device's own address (IOVA), without one the address on the bus.
 * MMIOD_NO_IOVA: the lease is none of such memory.
 */
uint64_t mmiod_lease_iova(const struct mmiod_lease *lease);

/**
 * An operation that whoever started this process handed down: the one under number @index, from 0,
 * of those of device @device [NULL: of any] that MMIOD_DEVICES names and that are still there; see
 * mmiod_inherited(3). It has no client. -ENOENT: there is none; -ESTALE: the descriptor is another
 * file by now. Needs no daemon.
 */
int mmiod_operation_inherited(const char *device, size_t index, struct mmiod_operation **operation);

/** What identifies it beside its descriptor, in MMIOD_DEVICES. -ERANGE: @size is too small. */
int mmiod_operation_identity(const struct mmiod_operation *operation, char *text, size_t size);

/**
 * The devices that policy lets the caller lease something of, and all for who may inspect: a
 * snapshot. -EOPNOTSUPP: the daemon is older than this. Free with mmiod_device_list_free().
 */
int mmiod_client_list_devices(struct mmiod_client *client, struct mmiod_device_list **list);
void mmiod_device_list_free(struct mmiod_device_list *list);
size_t mmiod_device_list_count(const struct mmiod_device_list *list);
/** NULL when @index is out of range. Owned by the list. */
const struct mmiod_device *mmiod_device_list_get(const struct mmiod_device_list *list,
						 size_t index);

const char *mmiod_device_name(const struct mmiod_device *device);
/** "0000:01:00.0", or "simulation". */
const char *mmiod_device_address(const struct mmiod_device *device);
/** Name by its PCI ids; "" when unknown. */
const char *mmiod_device_model(const struct mmiod_device *device);
uint16_t mmiod_device_vendor(const struct mmiod_device *device);
uint16_t mmiod_device_product(const struct mmiod_device *device);
/** REVOKED: it is not there, or not bound; mmiod_device_missing() says why to who may inspect. */
enum mmiod_state mmiod_device_state(const struct mmiod_device *device);
const char *mmiod_device_missing(const struct mmiod_device *device);
/** The caller's rights: set of enum mmiod_device_right. */
unsigned int mmiod_device_rights(const struct mmiod_device *device);
/** The kind of interrupts that may be leased; MMIOD_IRQ_DEFAULT: none. */
enum mmiod_irq_kind mmiod_device_interrupt(const struct mmiod_device *device);
/** How many vectors may be leased, and how many of these are set up now. */
unsigned int mmiod_device_vectors(const struct mmiod_device *device);
unsigned int mmiod_device_vectors_set_up(const struct mmiod_device *device);
unsigned int mmiod_device_leases(const struct mmiod_device *device);
/** Interrupts that came too often, since the daemon was started. */
uint64_t mmiod_device_storms(const struct mmiod_device *device);
/** 1: it may read and write all of the machine's memory. */
int mmiod_device_trusted(const struct mmiod_device *device);
/** How far it may reach into memory, as configured. */
enum mmiod_dma mmiod_device_dma(const struct mmiod_device *device);
/** How many bits its addresses have: 24 to 64; 0: the daemon does not say. */
unsigned int mmiod_device_dma_bits(const struct mmiod_device *device);
/** 1: an IOMMU keeps it from all memory that is not its operator's. */
int mmiod_device_isolated(const struct mmiod_device *device);
/** Bytes that its operator lets it reach now. */
uint64_t mmiod_device_mapped(const struct mmiod_device *device);
/** Bytes of its earlier memory that nobody gets before it was reset, as it may still write there. */
uint64_t mmiod_device_graves(const struct mmiod_device *device);
/** 1: it masters the bus now. */
int mmiod_device_masters(const struct mmiod_device *device);
/** IOMMU group; -1: none. */
int mmiod_device_group(const struct mmiod_device *device);
/** Lease of who operates it; 0: nobody does. Who that is, is told to himself and who may inspect. */
uint64_t mmiod_device_operator(const struct mmiod_device *device);
uint32_t mmiod_device_operator_uid(const struct mmiod_device *device); /**< UINT32_MAX: not told */
uint32_t mmiod_device_operator_pid(const struct mmiod_device *device);
const char *mmiod_device_operator_comm(const struct mmiod_device *device);
/** How often it was reset since it was bound, how many of these failed, and what all took. */
unsigned int mmiod_device_resets(const struct mmiod_device *device);
unsigned int mmiod_device_resets_failed(const struct mmiod_device *device);
uint64_t mmiod_device_reset_us(const struct mmiod_device *device);
/** 1: nothing of an earlier user runs on it. */
int mmiod_device_quiet(const struct mmiod_device *device);
/** 1: it was put to sleep, by mmiod_operation_set_power(). */
int mmiod_device_sleeps(const struct mmiod_device *device);

/** The leased vectors of the caller's own user, and all for who may inspect: a snapshot. */
int mmiod_client_list_vectors(struct mmiod_client *client, struct mmiod_vector_list **list);
void mmiod_vector_list_free(struct mmiod_vector_list *list);
size_t mmiod_vector_list_count(const struct mmiod_vector_list *list);
/** NULL when @index is out of range. Owned by the list. */
const struct mmiod_vector *mmiod_vector_list_get(const struct mmiod_vector_list *list,
						 size_t index);

uint64_t mmiod_vector_lease(const struct mmiod_vector *vector); /**< id */
const char *mmiod_vector_device(const struct mmiod_vector *vector);
unsigned int mmiod_vector_number(const struct mmiod_vector *vector); /**< from 0 */
enum mmiod_irq_kind mmiod_vector_kind(const struct mmiod_vector *vector);
enum mmiod_state mmiod_vector_state(const struct mmiod_vector *vector);
unsigned int mmiod_vector_flags(const struct mmiod_vector *vector); /**< MMIOD_IRQ_* */
/** Interrupts so far, and nanoseconds that handling them took; 0 in simulation. */
uint64_t mmiod_vector_count(const struct mmiod_vector *vector);
uint64_t mmiod_vector_busy_ns(const struct mmiod_vector *vector);
unsigned int mmiod_vector_storms(const struct mmiod_vector *vector);
/** The kernel's number, as in /proc/interrupts; 0: not known. */
unsigned int mmiod_vector_irq(const struct mmiod_vector *vector);
uint64_t mmiod_vector_started(const struct mmiod_vector *vector); /**< seconds since 1970 */
uint32_t mmiod_vector_uid(const struct mmiod_vector *vector);
/** Of the process that asked: a hint, because files travel. */
uint32_t mmiod_vector_pid(const struct mmiod_vector *vector);
const char *mmiod_vector_comm(const struct mmiod_vector *vector);

/* ---- inherited windows: leases that somebody else took, and whose files this process has ---- */

/*
 * `mmioctl hold`, a scheduler, a container engine or a service manager takes a lease and starts the
 * program with the window's file open. The environment says where, with blanks between:
 *
 *	MMIOD_WINDOWS="3@17:fpga-ctrl+0x0/0x1000:32 21@18:fpga-status+0x100/0x10"
 *
 * is descriptor, @, identity, colon, and the target as granted. The identity is the window's number,
 * which is never used again, or in simulation DEV.INO+OFFSET: the file as fstat() tells it, and
 * where in it the window starts.
 */

/**
 * Make a lease object of a window's file that this process was given. It has no client: it can be
 * mapped, read and written, and mmiod_lease_free() closes its file, a duplicate of @fd, which stays
 * the caller's. To release and to renew is for whoever took the lease: mmiod_lease_release()
 * answers -ENOTCONN. The lease counts as a region's; its offset is 0, as only who took it knows.
 *
 * @identity: as in MMIOD_WINDOWS; NULL: whichever window of the module it is. In simulation the
 * length is then that of the rest of the file, and no width is declared.
 * Errors: -EINVAL (no window; @identity is none; in simulation, @identity NULL), -ESTALE (another
 * file than @identity names), -ENODEV (simulation: the file was cut short), -EMFILE, -ENOMEM;
 * mmiod_client_error(NULL) has the sentence. Any thread may call it.
 */
int mmiod_window_adopt(int fd, const char *identity, struct mmiod_lease **lease);
/**
 * Write the identity of a lease's window to @text, for whoever hands its file on. It has at most 64
 * bytes with the terminating 0. -ERANGE: @size are too few.
 */
int mmiod_lease_identity(const struct mmiod_lease *lease, char *text, size_t size);
/**
 * How many windows this process was given that the environment names and that are there. Beside
 * MMIOD_WINDOWS, LISTEN_FDS and LISTEN_FDNAMES are read if LISTEN_PID is this process: of those
 * descriptors the windows of the module count, each named by its target without the width. A
 * program with more rights than its user has none.
 */
size_t mmiod_inherited_count(void);
/**
 * Window number @index, from 0, of those that mmiod_inherited_count() counts, as
 * mmiod_window_adopt() makes it; its offset is that of the target.
 *
 * @target: NULL, or which are counted: those of its region, and with its offset, length and width
 * as far as it names them (an offset of 0 counts as not named).
 * Errors: -ENOENT (there is none such), -ESTALE (there would be, but its descriptor was closed or
 * is another file by now: the sentence has the entry), -EINVAL (@target or an entry is malformed),
 * and those of mmiod_window_adopt().
 */
int mmiod_inherited(const char *target, size_t index, struct mmiod_lease **lease);

/* ---- allocation: leases of memory that the daemon finds ---- */

/*
 * Beside the kernel's allocation flags, what a program may choose, and what it may not:
 *
 *	GFP_KERNEL, GFP_USER		the default: may sleep, reclaim and be charged
 *	GFP_NOWAIT			MMIOD_ALLOCATE_NO_WAIT: fail at once rather than reclaim
 *	GFP_ATOMIC			none: its reserves are for code that cannot sleep
 *	GFP_NOIO, GFP_NOFS		none: for code that reclaim itself may call
 *	GFP_DMA				zone MMIOD_MEMORY_BELOW_16M
 *	GFP_DMA32			zone MMIOD_MEMORY_BELOW_4G
 *	GFP_HIGHMEM			implied: windows need no kernel address
 *	__GFP_ZERO			always for kernel memory; MMIOD_ALLOCATE_ZERO for pools
 *	__GFP_ACCOUNT			always: the caller's memory cgroup is charged; not for DMA
 *	__GFP_THISNODE			node
 */
#define MMIOD_ALLOCATE_POWER_OF_TWO (1u << 0) /**< pool: round the length up to a power of two */
#define MMIOD_ALLOCATE_CONTIGUOUS \
	(1u << 1) /**< pages: one physical run; pool: one extent, as by max_extents = 1 */
#define MMIOD_ALLOCATE_NO_WAIT (1u << 2) /**< kernel memory: fail rather than reclaim */
#define MMIOD_ALLOCATE_ZERO (1u << 3) /**< pool: zeroed by device-safe stores */
#define MMIOD_ALLOCATE_DUMMY (1u << 4) /**< pool: as MMIOD_WANT_DUMMY */
#define MMIOD_ALLOCATE_CONNECTION (1u << 5) /**< as MMIOD_WANT_CONNECTION */

/** One allocation asked for. Initialise with zeros: a zero field means its default. */
struct mmiod_allocation {
	enum mmiod_memory memory;
	const char
		*region; /**< pool; for DMA a region of the device; NULL for other kernel memory */
	uint64_t length; /**< bytes, from 1; rounded up to whole pages */
	uint64_t align; /**< pool: bytes, a power of two; 0: a page; of each extent */
	uint64_t low; /**< pool: not below this offset */
	uint64_t high; /**< pool: end at or below this offset; pages, vmalloc: highest physical
			    address; 0: no limit */
	unsigned int node; /**< pages and kmalloc: NUMA node + 1; 0: any */
	enum mmiod_memory_zone zone; /**< pages, vmalloc; kmalloc: not BELOW_4G */
	unsigned int rights; /**< set of enum mmiod_right; 0: read and write */
	enum mmiod_memtype cache; /**< pool: memory type */
	unsigned int width; /**< pool: of a mediated access, in bytes; 0: the region's */
	unsigned int flags; /**< MMIOD_ALLOCATE_* */
	uint32_t lease_ms; /**< time limit, as of struct mmiod_want */
	uint32_t reserved; /**< 0 */
	/**
	 * Pool: the most extents that it may lie in, if there is no single one that is large enough:
	 * 1: it must be one, for a device, say, that is to find it by its offset; 0: any number. For
	 * the program it is contiguous either way. A program that was built before this was here has
	 * asked for 1.
	 */
	uint32_t max_extents;
	uint32_t reserved2; /**< 0 */
};

/**
 * Ask for @count allocations at once. Each is a lease like any other: it is mapped, read, written
 * and ended so, and its memory is free again when its last file and mapping are gone.
 *
 * Kernel memory is zeroed, and allocated within this call by the calling process, whose memory
 * cgroup pays for it. Offsets of leases from a pool are from its start; kernel memory has offset 0. A
 * lease from a pool may lie in several extents, in which case it has no offset: see max_extents.
 *
 * Arguments, result and threads as for mmiod_client_lease_many(); @flags: MMIOD_LEASE_ALL. Errors
 * beside its own: -EINVAL (length 0, more than the pool has, alignment no power of two, constraints
 * that contradict each other, a field that the kind does not know), -EBUSY (nothing of that size is
 * free, in as many extents as it may have: the sentence says what would have fitted), -ENOMEM (kernel memory: there is none such, or
 * the memory cgroup is full). A machine out of everything is -ENOBUFS.
 */
static inline int mmiod_client_allocate_many(struct mmiod_client *client,
					     const struct mmiod_allocation *wants, size_t count,
					     unsigned int flags, struct mmiod_lease **leases,
					     int *errors);

/** One allocation: 0 or a negative errno. */
static inline int mmiod_client_allocate(struct mmiod_client *client,
					const struct mmiod_allocation *want,
					struct mmiod_lease **lease);

/** What kind of memory stands behind a lease. */
enum mmiod_memory mmiod_lease_memory(const struct mmiod_lease *lease);

/** The pools that policy lets the caller see: a snapshot. Free with mmiod_pool_list_free(). */
int mmiod_client_list_pools(struct mmiod_client *client, struct mmiod_pool_list **list);
void mmiod_pool_list_free(struct mmiod_pool_list *list);
size_t mmiod_pool_list_count(const struct mmiod_pool_list *list);
/** NULL when @index is out of range. Owned by the list. */
const struct mmiod_pool *mmiod_pool_list_get(const struct mmiod_pool_list *list, size_t index);

/** The name of its region. */
const char *mmiod_pool_name(const struct mmiod_pool *pool);
uint64_t mmiod_pool_length(const struct mmiod_pool *pool);
/** Bytes of a block of order 0. */
uint64_t mmiod_pool_page(const struct mmiod_pool *pool);
uint64_t mmiod_pool_free(const struct mmiod_pool *pool); /**< bytes */
/** Bytes of the largest request that would be granted now. */
uint64_t mmiod_pool_largest(const struct mmiod_pool *pool);
/** Bytes that were given back and wait to be wiped. */
uint64_t mmiod_pool_wiping(const struct mmiod_pool *pool);
uint32_t mmiod_pool_leases(const struct mmiod_pool *pool);
/** How many orders it has: a block of order N has page << N bytes. At most 48. */
unsigned int mmiod_pool_orders(const struct mmiod_pool *pool);
/** Free blocks of that order; 0 for one that it does not have. */
uint64_t mmiod_pool_blocks(const struct mmiod_pool *pool, unsigned int order);

/**
 * What lies where in the pool of region @name: its used extents by offset. -ENOENT: no such pool.
 * Free with mmiod_pool_map_free().
 */
int mmiod_client_map_pool(struct mmiod_client *client, const char *name,
			  struct mmiod_pool_map **map);
void mmiod_pool_map_free(struct mmiod_pool_map *map);
size_t mmiod_pool_map_count(const struct mmiod_pool_map *map);
const struct mmiod_extent *mmiod_pool_map_get(const struct mmiod_pool_map *map, size_t index);

uint64_t mmiod_extent_offset(const struct mmiod_extent *extent);
uint64_t mmiod_extent_length(const struct mmiod_extent *extent);
/** 0: given back, and being wiped. */
uint64_t mmiod_extent_lease(const struct mmiod_extent *extent);
uint32_t mmiod_extent_uid(const struct mmiod_extent *extent);
/** Of the process that asked: a hint, because files travel. 0: unknown, or another user's. */
uint32_t mmiod_extent_pid(const struct mmiod_extent *extent);
const char *mmiod_extent_comm(const struct mmiod_extent *extent);

/**
 * One buffer of kernel memory. Addresses are 0 where there is none, and for all who may not
 * inspect.
 */
struct mmiod_buffer {
	enum mmiod_memory memory;
	enum mmiod_memory_zone zone;
	int node; /**< NUMA node as asked for, -1: any */
	unsigned int flags; /**< MMIOD_ALLOCATE_CONTIGUOUS, MMIOD_ALLOCATE_NO_WAIT */
	int present; /**< 0: its holder has not used it, so there is nothing yet */
	uint64_t length; /**< bytes, whole pages */
	uint64_t capacity; /**< bytes: what the kernel's rounding made of it */
	uint64_t runs; /**< physically contiguous pieces */
	uint64_t phys; /**< physical address of the page asked for */
	/**
	 * Kernel address, logical for kmalloc, virtual for vmalloc, as the kernel prints one to the
	 * daemon: hashed, unless booted with no_hash_pointers; 0 where kptr_restrict withholds it.
	 */
	uint64_t kernel;
	uint64_t bus; /**< address for the device, for DMA */
};

/**
 * The buffer of a lease, and where its page number @page (from 0) lies. -ENOENT: no such lease, or
 * not the caller's; -EINVAL: it is no buffer, or has no such page.
 */
static inline int mmiod_client_buffer(struct mmiod_client *client, uint64_t lease, uint64_t page,
				      struct mmiod_buffer *buffer);

/* ---- looking into things; what [inspect] of the configuration admits, and administrators ----- */

/**
 * The daemon's connections: those of the caller's own user, and all for who may inspect. A
 * snapshot.
 */
int mmiod_client_list_peers(struct mmiod_client *client, struct mmiod_peer_list **list);
void mmiod_peer_list_free(struct mmiod_peer_list *list);
size_t mmiod_peer_list_count(const struct mmiod_peer_list *list);
/** NULL when @index is out of range. Owned by the list. */
const struct mmiod_peer *mmiod_peer_list_get(const struct mmiod_peer_list *list, size_t index);

/** Number of the connection: from 1, never used again while the daemon runs. */
uint64_t mmiod_peer_id(const struct mmiod_peer *peer);
uint64_t mmiod_peer_started(const struct mmiod_peer *peer); /**< seconds since 1970 */
uint32_t mmiod_peer_uid(const struct mmiod_peer *peer);
uint32_t mmiod_peer_pid(const struct mmiod_peer *peer);
const char *mmiod_peer_comm(const struct mmiod_peer *peer);
/** Of the service manager, by the pid: a hint, "" when unknown. */
const char *mmiod_peer_unit(const struct mmiod_peer *peer);
uint32_t mmiod_peer_leases(const struct mmiod_peer *peer); /**< got through it, and not ended */
uint64_t mmiod_peer_bytes(const struct mmiod_peer *peer); /**< of these leases */
uint32_t mmiod_peer_unread(const struct mmiod_peer *peer); /**< messages that wait for it */
/** 1: its socket is full, and the daemon reads no request of it until it has read. */
int mmiod_peer_paused(const struct mmiod_peer *peer);
int mmiod_peer_monitors(const struct mmiod_peer *peer);

/* ---- what was granted of late ---- */

/**
 * The last grants, the oldest first: those to the caller's own user, and all for who may inspect.
 * The daemon keeps some (1024 today) of all users together, of leases that have ended as well, and
 * begins anew when it is started. A snapshot; free with mmiod_log_list_free().
 *
 * Errors: -EOPNOTSUPP (the daemon is older than this), -ENOMEM; and those of every request.
 */
int mmiod_client_list_log(struct mmiod_client *client, struct mmiod_log_list **list);
/** NULL: no-op. */
void mmiod_log_list_free(struct mmiod_log_list *list);
size_t mmiod_log_list_count(const struct mmiod_log_list *list);
/** NULL when @index is out of range. Owned by the list. */
const struct mmiod_log_entry *mmiod_log_list_get(const struct mmiod_log_list *list, size_t index);

/** Of the grant, among all users': from 1, never used again while the daemon runs. */
uint64_t mmiod_log_entry_number(const struct mmiod_log_entry *entry);
uint64_t mmiod_log_entry_time(const struct mmiod_log_entry *entry); /**< microseconds since 1970 */
uint64_t mmiod_log_entry_lease(const struct mmiod_log_entry *entry); /**< id, from 1 */
/** For all but MMIOD_MEMORY_REGION the region's name is "" and the offset 0. */
enum mmiod_memory mmiod_log_entry_memory(const struct mmiod_log_entry *entry);
const char *mmiod_log_entry_region(const struct mmiod_log_entry *entry);
uint64_t mmiod_log_entry_offset(const struct mmiod_log_entry *entry); /**< bytes, in the region */
uint64_t mmiod_log_entry_length(const struct mmiod_log_entry *entry); /**< bytes, from 1 */
/** Set of enum mmiod_right. */
unsigned int mmiod_log_entry_rights(const struct mmiod_log_entry *entry);
enum mmiod_share mmiod_log_entry_share(const struct mmiod_log_entry *entry);
uint32_t mmiod_log_entry_uid(const struct mmiod_log_entry *entry);
/** Of the process that asked: a hint, because files travel. 0: unknown. */
uint32_t mmiod_log_entry_pid(const struct mmiod_log_entry *entry);
const char *mmiod_log_entry_comm(const struct mmiod_log_entry *entry);
/** Which section of the configuration gave it; at most 31 bytes of it. */
const char *mmiod_log_entry_grant(const struct mmiod_log_entry *entry);
/** As of mmiod_lease_info_kind(). */
enum mmiod_lease_kind mmiod_log_entry_kind(const struct mmiod_log_entry *entry);

/* ---- what the daemon counts ---- */

/**
 * Totals since the daemon was started, how things stand, limits in force, and how much users have
 * of what is limited. Those with the right to see everything get all of it; others get no regions
 * but those that they may use, and of the users only themselves. Totals that are 0 for some detail
 * may be left out. -EOPNOTSUPP: the daemon is older than this.
 */
int mmiod_client_list_counters(struct mmiod_client *client, struct mmiod_counter_list **list);
void mmiod_counter_list_free(struct mmiod_counter_list *list);
size_t mmiod_counter_list_count(const struct mmiod_counter_list *list);
/** NULL when @index is out of range. Owned by the list. */
const struct mmiod_counter *mmiod_counter_list_get(const struct mmiod_counter_list *list,
						   size_t index);

/**
 * enum mmiod_counter_kind; a newer daemon may have others: leave out those that you do not know.
 */
uint32_t mmiod_counter_kind(const struct mmiod_counter *counter);
/** What is counted: see each kind. */
uint32_t mmiod_counter_detail(const struct mmiod_counter *counter);
/** "": of none. */
const char *mmiod_counter_region(const struct mmiod_counter *counter);
uint64_t mmiod_counter_value(const struct mmiod_counter *counter);

/**
 * Where a virtual address of process @pid leads, as its page tables are at this moment. The process
 * must be of the caller's own user, unless the caller may inspect; @pid is its number as the daemon
 * sees it. Nothing is faulted in.
 *
 * Errors: -ENOENT (no such process, or one without memory), -EACCES (another user's), -EINVAL (no
 * address of a program), -EOPNOTSUPP (simulation; not an x86-64 machine). Free with
 * mmiod_translation_free().
 */
int mmiod_client_translate(struct mmiod_client *client, uint32_t pid, uint64_t address,
			   struct mmiod_translation **translation);
void mmiod_translation_free(struct mmiod_translation *translation);

/** 1: an access would reach memory without a fault. */
int mmiod_translation_present(const struct mmiod_translation *translation);
/** 1: the caller may not inspect, and frames in entries and the physical address are 0. */
int mmiod_translation_hidden(const struct mmiod_translation *translation);
/** 1: the process has a mapping there, from start to end. */
int mmiod_translation_mapped(const struct mmiod_translation *translation);
uint64_t mmiod_translation_start(const struct mmiod_translation *translation);
uint64_t mmiod_translation_end(const struct mmiod_translation *translation);
uint64_t mmiod_translation_phys(const struct mmiod_translation *translation);
/** Bytes that the last entry maps: 4096, 2 MiB or 1 GiB; 0 when not present. */
uint64_t mmiod_translation_leaf(const struct mmiod_translation *translation);
/** The memory type that the last entry comes to; MMIOD_MEMTYPE_DEFAULT when not present. */
enum mmiod_memtype mmiod_translation_memtype(const struct mmiod_translation *translation);
/** 1: the mapping is a window's, and the five below count. */
int mmiod_translation_window(const struct mmiod_translation *translation);
uint64_t mmiod_translation_lease(const struct mmiod_translation *translation);
/** "" for kernel memory, and for a window that the daemon does not know. */
const char *mmiod_translation_region(const struct mmiod_translation *translation);
/** Of the address, from the start of the region or buffer. */
uint64_t mmiod_translation_offset(const struct mmiod_translation *translation);
enum mmiod_state mmiod_translation_state(const struct mmiod_translation *translation);
/** What the window was asked to be; compare it with the memory type. */
enum mmiod_memtype mmiod_translation_asked(const struct mmiod_translation *translation);
/** Entries that were read, from the root down to where the walk ended. */
unsigned int mmiod_translation_levels(const struct mmiod_translation *translation);
/** The entry as it is in memory; 0 when @index is out of range. */
uint64_t mmiod_translation_entry(const struct mmiod_translation *translation, unsigned int index);
/** Its level: 1 PTE, 2 PMD, 3 PUD, 4 P4D, 5 PGD. */
unsigned int mmiod_translation_level(const struct mmiod_translation *translation,
				     unsigned int index);
/** log2 of the bytes that an entry of its level maps. */
unsigned int mmiod_translation_shift(const struct mmiod_translation *translation,
				     unsigned int index);

/**
 * What the kernel knows of page frame @pfn, or of the one behind an address of process @pid: for
 * who may inspect. The numbers are of one moment, but not all of the same.
 *
 * Errors: -EACCES, -ENOENT (no such process, nothing present there), -EINVAL, -EOPNOTSUPP
 * (simulation). Free with mmiod_frame_free().
 */
int mmiod_client_frame(struct mmiod_client *client, uint64_t pfn, struct mmiod_frame **frame);
int mmiod_client_frame_at(struct mmiod_client *client, uint32_t pid, uint64_t address,
			  struct mmiod_frame **frame);
void mmiod_frame_free(struct mmiod_frame *frame);

uint64_t mmiod_frame_pfn(const struct mmiod_frame *frame);
/** Of the address that was asked for, or of the frame's first byte. */
uint64_t mmiod_frame_phys(const struct mmiod_frame *frame);
/** 0: not RAM, so there is no page descriptor, and nothing below counts. */
int mmiod_frame_described(const struct mmiod_frame *frame);
/** Set of bits 1 << KPF_*, of <linux/kernel-page-flags.h>. */
uint64_t mmiod_frame_flags(const struct mmiod_frame *frame);
/** The first frame of the compound page or free block that it belongs to; itself if to none. */
uint64_t mmiod_frame_head(const struct mmiod_frame *frame);
/** log2 of the pages of that compound page or free block; -1: none. */
int mmiod_frame_order(const struct mmiod_frame *frame);
uint32_t mmiod_frame_references(const struct mmiod_frame *frame); /**< of the compound page */
/** Page-table entries that map it, in all processes. */
uint32_t mmiod_frame_mappings(const struct mmiod_frame *frame);
/** MMIOD_MEMORY_ANY is zone Normal here. */
enum mmiod_memory_zone mmiod_frame_zone(const struct mmiod_frame *frame);
unsigned int mmiod_frame_node(const struct mmiod_frame *frame); /**< NUMA node */

/**
 * Be told of everything that happens to anybody's leases from now on (@on 1), or no more (0); for
 * who may inspect, else -EACCES. It ends with the connection: after -ECONNRESET ask again.
 */
int mmiod_client_monitor(struct mmiod_client *client, int on);

/**
 * Take the next notice without blocking: 1 with *@notice, which is the caller's to free; 0 when
 * there is none; negative errno as mmiod_client_next_event(). mmiod_client_event_fd() is readable
 * for notices and for events. A program that reads too slowly loses notices, and is told how many
 * by one of type MMIOD_NOTICE_LOST in their place.
 */
int mmiod_client_next_notice(struct mmiod_client *client, struct mmiod_notice **notice);
void mmiod_notice_free(struct mmiod_notice *notice);

enum mmiod_notice_type mmiod_notice_type(const struct mmiod_notice *notice);
uint64_t mmiod_notice_time(const struct mmiod_notice *notice); /**< microseconds since 1970 */
uint64_t mmiod_notice_lost(const struct mmiod_notice *notice); /**< LOST: how many */
uint64_t mmiod_notice_lease(const struct mmiod_notice *notice); /**< 0: it is about none */
enum mmiod_memory mmiod_notice_memory(const struct mmiod_notice *notice);
/** As of mmiod_lease_info_kind(); DEVICE: of a device itself, which came or went. */
enum mmiod_lease_kind mmiod_notice_kind(const struct mmiod_notice *notice);
const char *mmiod_notice_region(const struct mmiod_notice *notice); /**< "" for kernel memory */
/** Of the lease in its region, or of what was asked for and denied. */
uint64_t mmiod_notice_offset(const struct mmiod_notice *notice);
uint64_t mmiod_notice_length(const struct mmiod_notice *notice);
unsigned int mmiod_notice_rights(const struct mmiod_notice *notice);
enum mmiod_memtype mmiod_notice_memtype(const struct mmiod_notice *notice);
/** Who holds the lease, or was denied one; UINT32_MAX: nobody. */
uint32_t mmiod_notice_uid(const struct mmiod_notice *notice);
uint32_t mmiod_notice_pid(const struct mmiod_notice *notice);
const char *mmiod_notice_comm(const struct mmiod_notice *notice);
const char *mmiod_notice_text(const struct mmiod_notice *notice); /**< who and why; may be empty */
/* ---- policy ---- */

/** What mmiod_client_explain() is asked. Initialise with zeros. */
struct mmiod_policy_question {
	const char *region; /**< of kernel memory NULL, or for DMA a region of the device */
	uint64_t offset;
	uint64_t length; /**< 0: to the end of the region */
	unsigned int rights; /**< set of enum mmiod_right; 0: read */
	enum mmiod_memtype cache; /**< memory type */
	enum mmiod_share share;
	int other; /**< 0: about the caller; else about the following, for administrators */
	uint32_t uid;
	const uint32_t *groups; /**< primary and supplementary */
	size_t group_count; /**< at most 16000 */
	enum mmiod_memory memory; /**< of the kernel's kinds only @region counts beside it */
	uint32_t reserved; /**< 0 */
	/**
	 * MMIOD_KIND_INTERRUPT: of vector @offset of the device that @region names, and nothing
	 * else counts beside these. MMIOD_KIND_DEVICE: of operating that device with the rights
	 * @operate. Of others the default will do.
	 */
	enum mmiod_lease_kind kind;
	unsigned int operate; /**< MMIOD_KIND_DEVICE: set of enum mmiod_device_right; else 0 */
	const char *grant; /**< of bytes of a region: as in struct mmiod_want; else NULL or "" */
};

struct mmiod_policy_answer {
	int allowed;
	char grant[32]; /**< the one that decides, or comes nearest; "": none does */
	char file[256]; /**< where it is written */
	unsigned int line;
	char text[512]; /**< the decision as a sentence */
	char instead[512]; /**< what would be allowed; "": nothing */
	int error; /**< 0, or what asking for it would fail with now: -EACCES, -EBUSY, -EDQUOT, -ENODEV */
};

/**
 * What asking for a lease would come to now, and which rule decides: policy, quota and what others
 * hold. Nothing is taken. -EACCES: about others only administrators may ask; -ENOENT: no such
 * region; -EINVAL: nobody could have that.
 */
static inline int mmiod_client_explain(struct mmiod_client *client,
				       const struct mmiod_policy_question *question,
				       struct mmiod_policy_answer *answer);

/* ---- grants that no file has ---- */

/** A grant for mmiod_client_grant(). Initialise with zeros. */
struct mmiod_grant {
	const char *name; /**< 1 to 31 of A-Z a-z 0-9 . _ - */
	const char *const
		*regions; /**< names, or patterns with * ? [ ], each of at most 63 bytes */
	size_t region_count; /**< 1 to 64 */
	const char *tenant; /**< NULL or "": for user @uid; else for this tenant, and @uid is 0 */
	uint32_t uid;
	unsigned int rights; /**< set of enum mmiod_right; 0: read */
	/** How far a holder may keep others out; default: exclusive, or guest where only read. */
	enum mmiod_share share;
	uint32_t reserved; /**< 0 */
	uint64_t last_ms; /**< ends after so long, from 100 ms to 366 days; 0: no limit */
};

/**
 * Give a grant while the daemon runs, beside those of its files: for administrators. It is in
 * force when the call returns, outlives the daemon, and ends by its time, by
 * mmiod_client_ungrant(), or when the machine is started anew; its leases end with it.
 *
 * The same again is no error, and its time begins anew. -EEXIST: one of that name is there and
 * differs, or is in the configuration; -EACCES: the caller is no administrator, or the
 * configuration says "runtime-grants = no"; -ENOENT: no region is called so, or there is no such
 * tenant; -EINVAL: a value breaks a rule, which the sentence names; -EDQUOT: there are 1024 such
 * grants; -ENOBUFS: it cannot be noted; -EOPNOTSUPP: the daemon is older than the call.
 */
static inline int mmiod_client_grant(struct mmiod_client *client, const struct mmiod_grant *grant);

/**
 * End a grant of mmiod_client_grant() and the leases that were given under it: for administrators.
 * The call lasts until nobody reaches their bytes any more.
 *
 * @deadline_ms: ask their holders first (MMIOD_EVENT_REVOKE_ASKED), and take after so many
 * milliseconds, at most an hour; 0: take now. @ended: NULL, or how many leases ended with it.
 * That there is no such grant is no error. -EACCES: the caller is no administrator, or the grant is
 * in the configuration; -EINVAL: that is no name, or too long a deadline.
 */
int mmiod_client_ungrant(struct mmiod_client *client, const char *name, uint32_t deadline_ms,
			 size_t *ended);

/**
 * The grants that were given so: all for those who may inspect, for others those that are for them.
 * A snapshot; free with mmiod_grant_list_free(). -EOPNOTSUPP: the daemon is older than the call.
 */
int mmiod_client_list_grants(struct mmiod_client *client, struct mmiod_grant_list **list);
void mmiod_grant_list_free(struct mmiod_grant_list *list);
size_t mmiod_grant_list_count(const struct mmiod_grant_list *list);
/** NULL: there are not so many. Owned by the list. */
const struct mmiod_grant_info *mmiod_grant_list_get(const struct mmiod_grant_list *list,
						    size_t index);

const char *mmiod_grant_info_name(const struct mmiod_grant_info *info);
const char *mmiod_grant_info_tenant(const struct mmiod_grant_info *info); /**< "": for a user */
uint32_t mmiod_grant_info_uid(const struct mmiod_grant_info *info);
uint32_t mmiod_grant_info_by(const struct mmiod_grant_info *info); /**< uid of who gave it */
/** Names and patterns, with blanks between them. */
const char *mmiod_grant_info_regions(const struct mmiod_grant_info *info);
unsigned int mmiod_grant_info_rights(const struct mmiod_grant_info *info);
enum mmiod_share mmiod_grant_info_share(const struct mmiod_grant_info *info);
uint64_t mmiod_grant_info_left_ms(const struct mmiod_grant_info *info); /**< 0: no limit */
uint64_t mmiod_grant_info_last_ms(const struct mmiod_grant_info *info); /**< its whole time */
uint32_t mmiod_grant_info_leases(const struct mmiod_grant_info *info); /**< held under it */

/* ---- mappings ---- */

#define MMIOD_MAP_POPULATE (1u << 0) /**< build all page-table entries now: no fault later */
/**
 * Likewise, by the kernel's remap_pfn_range(): entries of one page each, for exactly what is
 * mapped, where POPULATE may take huge leaves and map the pages around. Dearer, and the same to the
 * program.
 */
#define MMIOD_MAP_EXACT (1u << 1)

/**
 * Map the whole window, with the lease's rights.
 *
 * Errors: -EINVAL (sub-page window: use mediated access),
 * -ENODEV (revoked), -EAGAIN (suspended), -ENOMEM.
 */
int mmiod_lease_map(struct mmiod_lease *lease, unsigned int flags, struct mmiod_mapping **mapping);

/** Map @length bytes at @offset of the window; @offset a multiple of the page size. */
int mmiod_lease_map_range(struct mmiod_lease *lease, uint64_t offset, size_t length,
			  unsigned int flags, struct mmiod_mapping **mapping);

/**
 * Build all page-table entries of a mapping now. Real-time programs call it so that no access
 * faults. -EBADF: its lease was freed, and the file with it.
 */
int mmiod_mapping_populate(struct mmiod_mapping *mapping);
/** The first byte. */
volatile void *mmiod_mapping_address(const struct mmiod_mapping *mapping);
size_t mmiod_mapping_length(const struct mmiod_mapping *mapping);
/**
 * Copy out of, into, and over @length bytes at @offset of the mapping, as its window demands: to
 * write-combining memory whole lines of 64 bytes, out of it by streaming loads; registers of a
 * declared width one by one in that width; uncached memory by aligned accesses of at most 8 bytes,
 * each byte once; RAM by memcpy(). What was written to write-combining memory has left the
 * processor when the call returns. Each is a body of mmiod_guard(), and within another it costs no
 * system call. Any number of threads may call them at once; they leave mmiod_client_error() alone.
 *
 * Errors: -EINVAL (leaves the mapping, or is no multiple of the declared width), -EBADF (writes,
 * read-only), -EOPNOTSUPP (registers of 64 bits in a 32-bit program: use mmiod_lease_read()),
 * -ENODEV (revoked or suspended; some of it may have been copied).
 */
int mmiod_mapping_read(const struct mmiod_mapping *mapping, uint64_t offset, void *buffer,
		       size_t length);
int mmiod_mapping_write(const struct mmiod_mapping *mapping, uint64_t offset, const void *buffer,
			size_t length);
int mmiod_mapping_fill(const struct mmiod_mapping *mapping, uint64_t offset, uint8_t value,
		       size_t length);
/** Unmap. NULL: no-op. */
void mmiod_mapping_free(struct mmiod_mapping *mapping);

/* ---- mediated access: by the kernel, exact width, sub-page windows too; -ENODEV, no signal --- */

/**
 * Read @count elements of @width bytes (1, 2, 4, 8) at @offset of the window, one bus access each.
 *
 * Errors of all five: -EINVAL (leaves the window, misaligned, another width than declared), -EBADF
 * (write, read-only), -ENODEV (revoked), -EAGAIN (suspended).
 */
int mmiod_lease_read(struct mmiod_lease *lease, uint64_t offset, unsigned int width, size_t count,
		     void *buffer);
/** Write likewise. */
int mmiod_lease_write(struct mmiod_lease *lease, uint64_t offset, unsigned int width, size_t count,
		      const void *buffer);
/** Fill @length bytes with @value by memset_io; -EINVAL when the region declares a width. */
int mmiod_lease_fill(struct mmiod_lease *lease, uint64_t offset, size_t length, uint8_t value);
/**
 * Copy out of and into the window in bulk (memcpy_fromio, memcpy_toio); -EINVAL when the region
 * declares a width.
 */
int mmiod_lease_copy_from(struct mmiod_lease *lease, uint64_t offset, void *buffer, size_t length);
int mmiod_lease_copy_to(struct mmiod_lease *lease, uint64_t offset, const void *buffer,
			size_t length);

/* ---- views: windows in the place of a file that programs open ---- */

#define MMIOD_VIEW_PARTS_MAX 64

/** One window, or some of its pages, in a view. Initialise with zeros. */
struct mmiod_view_part {
	/**
	 * Where it is in the view, in bytes, a multiple of the page size. FILE: from its beginning;
	 * PHYS: the physical address that programs know it by; UIO: 0, its index decides.
	 */
	uint64_t offset;
	uint64_t start; /**< in the window, in bytes, a multiple of the page size */
	uint64_t length; /**< bytes, whole pages, from 1 */
	int fd; /**< of the window: mmiod_lease_fd(), or a copy of it; open for reading */
	uint32_t reserved; /**< 0 */
};

/** A writable mapping of a part that is open for reading only becomes a read-only one. */
#define MMIOD_VIEW_DOWNGRADE (1u << 0)
/**
 * FILE: a mapping may be longer than what is behind the offset that it begins at; beyond is
 * nothing, and an access raises SIGBUS. Each part then reaches to the end of its window.
 */
#define MMIOD_VIEW_LONGER (1u << 1)
#define MMIOD_VIEW_INTERRUPT (1u << 2) /**< UIO: @irq of the options counts */

/** Initialise with zeros: a zero field means its default. */
struct mmiod_view_options {
	uint64_t length; /**< FILE: its size in bytes; 0: the end of its last part */
	/**
	 * UIO: the device number that stat() tells, as of makedev(): 0, or one of a major number
	 * that the kernel gives out as needed, 234 to 254 or 384 to 511.
	 */
	uint64_t device;
	int irq; /**< descriptor of an interrupt's file, with MMIOD_VIEW_INTERRUPT; else 0 */
	unsigned int flags; /**< MMIOD_VIEW_* */
};

/**
 * Make a file that shows windows as a program expects them which opens a device's own file and
 * cannot be changed. It gives what the descriptors give that it is made of, and holds them: a lease
 * lasts as long as a view of it. Its mappings are the windows' own, and a revoked window raises
 * SIGBUS in them while the others go on. read() and write() are mediated access; in a UIO node they
 * are the interrupt's, and -EIO without one. poll() says POLLHUP when all of its windows are
 * revoked.
 *
 * A program can get it by inheritance or over a socket; the kernel opens no view by its name in
 * /proc. The module's windows only: in simulation there are none.
 *
 * @parts: 1 to MMIOD_VIEW_PARTS_MAX (@count), in any order but for UIO; no two overlap in the view.
 * @options: NULL: all defaults.
 * @fd: the file, close-on-exec, the caller's to close.
 * @error: NULL, or where to put a sentence that says what is wrong (at most @size bytes).
 *
 * Errors: -EINVAL (sizes, offsets, flags, no window or none of whole pages), -EBADF (a descriptor
 * is not open, or not for reading), -EPERM (the device number), -EOPNOTSUPP (simulation, or an older
 * module), -EMFILE, -ENOMEM. Any thread may call it.
 */
static inline int mmiod_view_create(enum mmiod_view_kind kind, const struct mmiod_view_part *parts,
				    size_t count, const struct mmiod_view_options *options, int *fd,
				    char *error, size_t size);

/* ---- exact-width accessors for mapped windows: one load or store each; never memcpy() ----- */

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

/**
 * Push what write-combining holds back towards the device. Delivery itself only a read from the
 * device proves.
 */
void mmiod_wc_flush(void);

/**
 * Copy to and from a mapped window with aligned accesses of at most 8 bytes; no SIMD, no
 * overlapping accesses.
 */
void mmiod_copy_to_window(volatile void *window, const void *buffer, size_t length);
void mmiod_copy_from_window(void *buffer, const volatile void *window, size_t length);

/**
 * Copy @count registers of one width each, in rising order, one access each; @window is a multiple
 * of the width. They are for register files: mmiod_copy_to_window() would take two registers of 32
 * bits at once. Of 64 bits: see mmiod_read64().
 */
void mmiod_read8_many(const volatile void *window, uint8_t *buffer, size_t count);
void mmiod_read16_many(const volatile void *window, uint16_t *buffer, size_t count);
void mmiod_read32_many(const volatile void *window, uint32_t *buffer, size_t count);
void mmiod_read64_many(const volatile void *window, uint64_t *buffer, size_t count);
void mmiod_write8_many(volatile void *window, const uint8_t *buffer, size_t count);
void mmiod_write16_many(volatile void *window, const uint16_t *buffer, size_t count);
void mmiod_write32_many(volatile void *window, const uint32_t *buffer, size_t count);
void mmiod_write64_many(volatile void *window, const uint64_t *buffer, size_t count);

/**
 * Ring a doorbell: a fence, then one store. The device sees all that this thread stored before, to
 * its memory and to the program's own that it reads by DMA, when it sees the store. A doorbell
 * that itself lies in a write-combining window needs mmiod_wc_flush() behind it.
 */
static inline void mmiod_write_doorbell32(volatile void *address, uint32_t value)
{
	mmiod_wc_flush();
	mmiod_write32(address, value);
}

#if UINTPTR_MAX > UINT32_MAX
/** Likewise; not for 32-bit programs, where it would be two stores, and the first would ring. */
static inline void mmiod_write_doorbell64(volatile void *address, uint64_t value)
{
	mmiod_wc_flush();
	mmiod_write64(address, value);
}
#endif

/**
 * Run @body(@argument) so that a SIGBUS by a revoked window makes this return -ENODEV instead of
 * killing the process. The body is left in the middle: it must not hold locks or own memory. It
 * must not leave by longjmp() or an exception, nor block SIGBUS. Per thread; nests. If the thread
 * has SIGBUS blocked, it is open in the body and blocked again afterwards. Returns the body's
 * result, or a negative errno if the handler cannot be installed.
 */
int mmiod_guard(int (*body)(void *argument), void *argument);

/* ---- targets: REGION[+OFFSET][/LENGTH][:WIDTH] ---- */

struct mmiod_target {
	char region[32]; /**< its name, or "DDDD:BB:DD.F/barN" */
	uint64_t offset; /**< from the start of the region, or of the BAR; 0 unless given */
	uint64_t length; /**< 0 unless given */
	unsigned int width; /**< bytes; 0 unless given */
	unsigned int reserved; /**< 0 */
};

/**
 * Read a target. In the place of REGION's name may stand where it lies, PCIADDR/barN
 * (0000:01:00.0/bar2; the domain 0000 may be left out, one above ffff has up to eight digits): a
 * lease is then asked for with that as its region, and OFFSET counts from the start of the BAR, of
 * which the region may be a part. Numbers are decimal or 0x…, with K, M, G or T behind them for
 * powers of 1024; WIDTH is 8, 16, 32 or 64 bits.
 * @error: NULL, or where to put a sentence that says what is wrong with @text (at most @size
 * bytes). Returns 0 or -EINVAL.
 */
static inline int mmiod_target_parse(const char *text, struct mmiod_target *target, char *error,
				     size_t size);

/** Page size of this machine, in bytes. */
size_t mmiod_page_size(void);
/** The library's version, "0.1.0". */
const char *mmiod_version(void);

/* ---- object caches: named objects of one size, from slabs, after the kernel's kmem_cache ----- */

/**
 * An object cache takes slabs (power-of-two blocks of memory) from a provider and gives out objects
 * of one size. All its bookkeeping is in ordinary memory: without red zones, poison and constructor
 * no call touches the objects' memory, so that it may be a device's.
 *
 *	struct mmiod_object_cache_options options = { .name = "descriptor", .object_size = 48 };
 *	struct mmiod_object_cache *cache;
 *
 *	mmiod_slab_provider_from_mapping(map, 0, mmiod_mapping_length(map), &provider);
 *	options.provider = provider;
 *	mmiod_object_cache_create(&options, &cache, error, sizeof(error));
 *	object = mmiod_object_cache_alloc(cache);
 *
 * Objects in a window are device memory as everything in it: use the accessors or volatile
 * pointers.
 *
 * Threads: any number may use a cache at the same time, and free what others allocated. Each keeps
 * a few free objects in a magazine of its own, which needs no lock; they go back when the thread
 * ends or calls mmiod_object_cache_shrink(). So an allocation can fail while other threads'
 * magazines have free objects; MMIOD_OBJECT_CACHE_NO_MAGAZINES forbids them. Not from signal
 * handlers, nor from the body of mmiod_guard(). Fork: a cache belongs to the process that made it.
 */
struct mmiod_object_cache;

/** Where slabs come from. Any number of caches may share one; it must outlive them. */
struct mmiod_slab_provider;

/**
 * Slabs from wherever the program has them.
 *
 * @get: one block of @size bytes, a power of two and at least a page, at an address that is a
 * multiple of @size. @handle: whatever put() wants to find again. Returns 0 or a negative errno.
 * @put: takes it back. Several threads may call both at once; the cache holds no lock then.
 * Errors: -EINVAL (no @get, no @put), -ENOMEM.
 */
int mmiod_slab_provider_create(int (*get)(void *context, size_t size, void **address,
					  void **handle),
			       void (*put)(void *context, void *address, size_t size, void *handle),
			       void *context, struct mmiod_slab_provider **provider);
/**
 * Slabs from @length bytes at @offset of a mapping, lowest address first: a window on a device,
 * blocks of a pool, a buffer. Several caches may share it. The mapping must be writable and must
 * outlive it. A slab is aligned in the address space: of a range that does not start at a multiple
 * of the slab's size the beginning is lost.
 *
 * Errors: -EINVAL (leaves the mapping, or not one whole page),
 * -ENOMEM. Its get() answers -ENOSPC when no room is left.
 */
int mmiod_slab_provider_from_mapping(struct mmiod_mapping *mapping, size_t offset, size_t length,
				     struct mmiod_slab_provider **provider);
/** Slabs of ordinary, anonymous memory, zeroed: to try programs without a device. */
int mmiod_slab_provider_anonymous(struct mmiod_slab_provider **provider);
/**
 * Slabs of memory that it leases by itself, as @want says: blocks of a pool, or kernel memory.
 * Leases come in batches that grow with what is in use; of those that become empty it keeps a few
 * and gives the others back.
 *
 * @want: as for mmiod_client_allocate(); copied. Its length is that of one lease, for as many slabs
 * as fit (0: one slab), and rounded up to one slab. Rights must include writing.
 * @client: whose daemon it is. The provider makes a connection of its own, so that caches may be
 * used by any thread while the program uses @client; that one may be freed. When the daemon is
 * restarted it connects again.
 *
 * Errors: -EINVAL, -ENOMEM, and those of connecting; mmiod_client_error(@client) has the sentence.
 * Its get() answers what mmiod_client_allocate() does: -EBUSY (the pool is full), -EDQUOT, -EACCES,
 * -ENOMEM, -ECONNREFUSED, ...; so does mmiod_object_cache_alloc(), and mmiod_slab_provider_error()
 * has the daemon's sentence.
 *
 * Of a lease that is revoked, or asked back, no more slabs are given out; those in use raise SIGBUS
 * as any window.
 */
static inline int mmiod_slab_provider_from_pool(struct mmiod_client *client,
						const struct mmiod_allocation *want,
						struct mmiod_slab_provider **provider);
/** The sentence of the last get() of such a provider that failed in this thread; never NULL. */
const char *mmiod_slab_provider_error(void);
/** Give back all leases that no slab is in. Returns how many; 0 for the other providers. */
size_t mmiod_slab_provider_shrink(struct mmiod_slab_provider *provider);
/** Free a provider. -EBUSY: a cache still has slabs of it. NULL: no-op. */
int mmiod_slab_provider_free(struct mmiod_slab_provider *provider);

#define MMIOD_OBJECT_CACHE_NAME_MAX 32 /**< with the terminating 0 */

#define MMIOD_OBJECT_CACHE_HWALIGN (1u << 0) /**< align to cache lines; small objects share one */
#define MMIOD_OBJECT_CACHE_NO_MAGAZINES (1u << 1) /**< threads keep no free objects */
/*
 * Debugging, with the letters of SLUB; see mmiod_object_cache_create(). Any of them forbids
 * magazines, so that misuse is noticed by the very call.
 */
#define MMIOD_OBJECT_CACHE_SANITY (1u << 8) /**< F: pointers and states checked by every call */
#define MMIOD_OBJECT_CACHE_RED_ZONE \
	(1u << 9) /**< Z: bytes around each object, 0xbb free, 0xcc in use */
#define MMIOD_OBJECT_CACHE_POISON (1u << 10) /**< P: free objects are 0xa5, padding is 0x5a */
#define MMIOD_OBJECT_CACHE_USER \
	(1u << 11) /**< U: who allocated and freed: call, backtrace, thread, time */
#define MMIOD_OBJECT_CACHE_TRACE (1u << 12) /**< T: tell of each allocation and each free */
#define MMIOD_OBJECT_CACHE_FAILSLAB (1u << 13) /**< A: let allocations fail at random */
#define MMIOD_OBJECT_CACHE_ABORT (1u << 14) /**< abort() after the first report of misuse */

enum mmiod_object_cache_problem {
	MMIOD_PROBLEM_TRACE = 0, /**< none: T */
	MMIOD_PROBLEM_RED_ZONE = 1, /**< written beyond the object */
	MMIOD_PROBLEM_POISON = 2, /**< written after it was freed */
	MMIOD_PROBLEM_PADDING = 3, /**< written between objects or behind the last */
	MMIOD_PROBLEM_DOUBLE_FREE = 4,
	MMIOD_PROBLEM_FOREIGN = 5, /**< freed, but of no slab of this cache */
	MMIOD_PROBLEM_INSIDE = 6, /**< freed, but not the start of an object */
	MMIOD_PROBLEM_REMAINING = 7, /**< objects in use when the cache was to be destroyed */
};

/** What was noticed. Belongs to the library, which forgets it when the callback returns. */
struct mmiod_object_cache_report;
enum mmiod_object_cache_problem mmiod_object_cache_report_problem(
	const struct mmiod_object_cache_report *report);
/** The cache's name. */
const char *mmiod_object_cache_report_cache(const struct mmiod_object_cache_report *report);
/** The object, or what was given as one. */
const void *mmiod_object_cache_report_object(const struct mmiod_object_cache_report *report);
/** Of the object in its slab; 0 when it has none. */
size_t mmiod_object_cache_report_offset(const struct mmiod_object_cache_report *report);
/** All of it, as SLUB words it; several lines. */
const char *mmiod_object_cache_report_text(const struct mmiod_object_cache_report *report);

/** Initialise with zeros: a zero field means its default. */
struct mmiod_object_cache_options {
	const char *name; /**< printable, without spaces, ',' and ';' */
	size_t object_size; /**< bytes */
	size_t alignment; /**< bytes, a power of two; 0: 8, as in the kernel, which is the least */
	unsigned int flags; /**< MMIOD_OBJECT_CACHE_* */
	/**
	 * Bytes, a power of two and at least a page; 0: the smallest with 32 objects, fewer if that
	 * were above 64 KiB.
	 */
	size_t slab_size;
	/**
	 * Runs once for each object when its slab is made; an object must be freed in the state
	 * that it leaves. As with SLUB, objects with a constructor are therefore never poisoned
	 * (their padding is).
	 */
	void (*constructor)(void *object, void *context);
	struct mmiod_slab_provider *provider;
	/**
	 * Called for each report, by the thread that noticed, without locks; NULL: print to stderr.
	 */
	void (*report)(const struct mmiod_object_cache_report *report, void *context);
	void *context; /**< for both */
};

/**
 * Make a cache. No slab is taken yet.
 *
 * @options: copied.
 * @error: NULL, or where to put a sentence that says what is wrong (at most @size bytes).
 * Errors: -EINVAL (name, sizes, alignment, flags, MMIOD_CACHE_DEBUG), -ENOMEM.
 *
 * Environment: MMIOD_CACHE_DEBUG has the format of the kernel's slab_debug:
 * LETTERS[,NAME...][;LETTERS[,NAME...]]...; names may have wildcards. Of the blocks with names the
 * first that matches counts, else the last without names; no letters before a comma mean FZPU. The
 * letters, of either case, are added to the cache's own flags:
 *
 *	F Z P U T A	as above
 *	O		no Z, P and U where they would need larger slabs
 *	-		nothing; for the exceptions from a block without names
 *
 * Other letters are an error. The variable empty is as if unset.
 * MMIOD_CACHE_FAILSLAB=PERCENT[,SEED] says how often letter A strikes (10 unless set); the same
 * seed gives the same failures. MMIOD_CACHE_ABORT=1 adds MMIOD_OBJECT_CACHE_ABORT to all caches. A
 * program with more rights than its user ignores all three.
 *
 * Every problem is reported, once: overrun, write after free, double free, pointer of another cache
 * or into an object. As SLUB the cache then repairs the red zone or poison, never gives out a
 * damaged object again, ignores a bad free, and goes on. Z and P are checked when an object is
 * allocated, freed or given back with its slab, also without F; both touch the objects' memory, by
 * aligned accesses, and leave it alone once the window is revoked. Without letters, bad frees are
 * noticed only when a magazine goes back to the slabs; whatever was freed, the bookkeeping stays
 * whole.
 */
static inline int mmiod_object_cache_create(const struct mmiod_object_cache_options *options,
					    struct mmiod_object_cache **cache, char *error,
					    size_t size);

/**
 * Give all slabs back and free the cache. -EBUSY: objects are in use; they are reported, and the
 * cache stays. Magazines of threads that still run are emptied, but no thread may be in a call on
 * the cache. NULL: no-op.
 */
int mmiod_object_cache_destroy(struct mmiod_object_cache *cache);

/**
 * An object, not zeroed. NULL with errno: what the provider said (ENOSPC: no room), EFAULT (it gave
 * a slab that is not aligned), ENOMEM (no memory for bookkeeping, or letter A).
 */
void *mmiod_object_cache_alloc(struct mmiod_object_cache *cache);
/** Give an object back; any thread may. NULL: no-op. */
void mmiod_object_cache_free(struct mmiod_object_cache *cache, volatile void *object);
/** All @count objects or, with a negative errno as above, none. */
int mmiod_object_cache_alloc_bulk(struct mmiod_object_cache *cache, size_t count, void **objects);
/** Give @count objects back; NULLs among them are passed over. */
void mmiod_object_cache_free_bulk(struct mmiod_object_cache *cache, size_t count, void **objects);

/**
 * Empty the calling thread's magazine and give empty slabs back to the provider. (A few are kept
 * otherwise.) Other threads keep their magazines. Returns how many slabs went back.
 */
size_t mmiod_object_cache_shrink(struct mmiod_object_cache *cache);

/**
 * Check every object of a cache with Z or P now. Returns how many were damaged; they are reported.
 */
size_t mmiod_object_cache_validate(struct mmiod_object_cache *cache);

/** What slabinfo shows. A moment's view while other threads work. */
struct mmiod_object_cache_stats {
	char name[MMIOD_OBJECT_CACHE_NAME_MAX];
	size_t object_size; /**< as asked for */
	size_t alignment; /**< in force */
	size_t slot_size; /**< from one object to the next */
	size_t slab_size;
	unsigned int objects_per_slab;
	unsigned int flags; /**< in force: own and from the environment */
	uint64_t active_objects; /**< in use */
	uint64_t cached_objects; /**< free, in threads' magazines */
	uint64_t damaged_objects; /**< never given out again */
	uint64_t total_objects;
	uint64_t slabs;
	uint64_t empty_slabs; /**< of which shrink would give back as many */
	uint64_t waste_bytes; /**< of the slabs, not in use by objects */
	uint64_t host_bytes; /**< of ordinary memory, for bookkeeping */
};
static inline void mmiod_object_cache_stats(struct mmiod_object_cache *cache,
					    struct mmiod_object_cache_stats *stats);

/**
 * Tell the daemon the figures of all object caches of this process, for `mmioctl slabinfo`. They
 * replace what was told through this client before, and are forgotten when its connection ends, as
 * by a restart of the daemon: tell them again now and then, while they are of interest. The library
 * starts no thread for it.
 *
 * With MMIOD_CACHE_PUBLISH=1 in the environment the library does so by itself, once a second at
 * most, whenever the program calls something that talks to the daemon, or
 * mmiod_client_next_event(); errors are then passed over. A program with more rights than its user
 * ignores it.
 *
 * Errors: -E2BIG (more than 256 caches), -EDQUOT (caches-per-user of the daemon's configuration),
 * -EOPNOTSUPP (an older daemon), -ENOMEM; and those of every request.
 */
int mmiod_client_publish_caches(struct mmiod_client *client);

/**
 * The published caches that the caller may see: its own user's, and all for an administrator. A
 * snapshot.
 */
int mmiod_client_list_caches(struct mmiod_client *client, struct mmiod_cache_list **list);
void mmiod_cache_list_free(struct mmiod_cache_list *list);
size_t mmiod_cache_list_count(const struct mmiod_cache_list *list);
/** NULL when @index is out of range. Owned by the list. */
const struct mmiod_cache_info *mmiod_cache_list_get(const struct mmiod_cache_list *list,
						    size_t index);

/*
 * What its process told; the daemon does not check it. Meanings as in struct
 * mmiod_object_cache_stats.
 */
const char *mmiod_cache_info_name(const struct mmiod_cache_info *info);
uint64_t mmiod_cache_info_object_size(const struct mmiod_cache_info *info);
uint64_t mmiod_cache_info_alignment(const struct mmiod_cache_info *info);
uint64_t mmiod_cache_info_slab_size(const struct mmiod_cache_info *info);
uint32_t mmiod_cache_info_objects_per_slab(const struct mmiod_cache_info *info);
uint64_t mmiod_cache_info_active(const struct mmiod_cache_info *info);
uint64_t mmiod_cache_info_objects(const struct mmiod_cache_info *info);
uint64_t mmiod_cache_info_slabs(const struct mmiod_cache_info *info);
uint64_t mmiod_cache_info_bytes(const struct mmiod_cache_info *info); /**< of all slabs */
uint64_t mmiod_cache_info_host_bytes(const struct mmiod_cache_info *info);
unsigned int mmiod_cache_info_flags(const struct mmiod_cache_info *info);
/** Of the process that told it; pid and comm are hints. */
uint32_t mmiod_cache_info_uid(const struct mmiod_cache_info *info);
uint32_t mmiod_cache_info_pid(const struct mmiod_cache_info *info);
const char *mmiod_cache_info_comm(const struct mmiod_cache_info *info);

/* ---- deprecated: the memory type, as it was called before ---- */

unsigned int mmiod_region_caches(const struct mmiod_region *region)
	MMIOD_DEPRECATED(mmiod_region_memtypes);
enum mmiod_memtype mmiod_region_cache(const struct mmiod_region *region)
	MMIOD_DEPRECATED(mmiod_region_memtype);
enum mmiod_memtype mmiod_lease_info_cache(const struct mmiod_lease_info *info)
	MMIOD_DEPRECATED(mmiod_lease_info_memtype);
enum mmiod_memtype mmiod_lease_cache(const struct mmiod_lease *lease)
	MMIOD_DEPRECATED(mmiod_lease_memtype);
enum mmiod_memtype mmiod_translation_cache(const struct mmiod_translation *translation)
	MMIOD_DEPRECATED(mmiod_translation_memtype);
enum mmiod_memtype mmiod_notice_cache(const struct mmiod_notice *notice)
	MMIOD_DEPRECATED(mmiod_notice_memtype);

#include <mmiod/sized.h>

#ifdef __cplusplus
}
#endif

#endif
