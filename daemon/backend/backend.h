/* SPDX-License-Identifier: MIT */
/*
 * How the daemon reaches memory: one small interface, two implementations. `module` is the real
 * thing: the kernel module behind /dev/mmiod. `simulation` is memory files, for developing a client
 * without hardware and for tests.
 *
 * Every call returns 0 or -errno as the module's ABI (linux/mmiod.h) documents it, and may add a
 * sentence to `why`. The object belongs to whoever opened it. Nothing is called back except from
 * backend_read_events().
 */
#ifndef MMIOD_DAEMON_BACKEND_BACKEND_H
#define MMIOD_DAEMON_BACKEND_BACKEND_H

#include <stdbool.h>
#include <mmiod/protocol.h>
#include "backend/claim.h"
#include "config/config.h"

struct backend;

/* A window that is to be made. */
struct backend_window {
	uint64_t region; /* handle */
	uint64_t offset;
	uint64_t length;
	enum mmiod_memtype memtype;
	uint32_t width;
	uint32_t rights;
	uint32_t flags; /* MMIOD_LEASE_* */
	uint64_t owner; /* the party that it is for; 0: the daemon's own */
	/* Only of the ledger: of DMA memory the device file that it is for, and where that finds it. */
	uint64_t device_file;
	uint64_t iova; /* MMIOD_IOVA_NONE: nowhere, or not yet */
	bool huge; /* leaves of 2 MiB where they fit, whatever the module's parameter says */
	/*
	 * More than 1: it is of several, one behind the other, and has no offset. To be made by the
	 * caller's list; of the ledger there is their number alone.
	 */
	uint32_t n_extents;
	const struct mmiod_window_extent *extents;
	uint8_t tag[MMIOD_TAG_SIZE];
};

struct backend_created {
	uint64_t id; /* never reused while the module lives */
	int fd; /* the caller's */
	uint64_t map_offset;
	uint64_t conflict; /* with -EBUSY: the window in the way, or 0 */
	bool extents_are_short; /* with -ENOSPC: not windows, but extents, as max_extents says */
	uint32_t vectors; /* of an interrupt: how many are set up */
	/*
	 * Of a buffer for a device file: where its device finds it, or NONE: the window will tell. With
	 * -EINVAL, -EEXIST and -ENOSPC the next that is free, or NONE.
	 */
	uint64_t iova;
};

/* A buffer that is to be made: kernel memory of its own behind a window. */
struct backend_buffer {
	enum mmiod_memory memory;
	uint64_t length;
	uint64_t limit; /* highest physical address, 0: the zone's */
	uint64_t pci; /* DMA: MMIOD_PCI_DEVICE of the device */
	uint32_t dma_bits; /* DMA: of an address of the device's; 0: 32 */
	uint64_t
		device_file; /* DMA: that it is for; 0: none. Then neither of the two above counts */
	uint64_t iova; /* with one: where its device is to find it, if dma_flags say so */
	uint32_t dma_flags; /* with one: MMIOD_DMA_* */
	uint32_t flags; /* MMIOD_ALLOC_CONTIGUOUS, _NOWAIT */
	enum mmiod_memory_zone zone;
	int32_t node; /* -1: any */
	uint32_t rights;
	uint8_t tag[MMIOD_TAG_SIZE];
};

/* An interrupt that is to be made: a file that stands for one vector of a device. */
struct backend_interrupt {
	uint64_t device; /* number */
	uint64_t owner; /* the party that it is for; never 0 */
	enum mmiod_irq_kind kind;
	uint32_t vector;
	uint32_t vectors; /* to set up, if none are */
	uint32_t budget; /* interrupts in 100 ms; 0: as many as the module says */
	uint32_t flags; /* MMIOD_INTERRUPT_* */
	uint32_t period_ms; /* simulation: it fires so often; 0: never by itself */
	uint8_t tag[MMIOD_TAG_SIZE];
};

/* A device file that is to be made. */
struct backend_operation {
	uint64_t device; /* number */
	uint64_t owner; /* the party that it is for; never 0 */
	uint32_t rights; /* MMIOD_OPERATE_* */
	uint32_t flags; /* MMIOD_OPERATE_* */
	uint32_t dma_bits; /* of an address of the device's; 0: 32 */
	uint8_t tag[MMIOD_TAG_SIZE];
};

/* What the ledger has of a device file beside what it has of windows. */
struct backend_operated {
	uint64_t device; /* number */
	uint32_t rights; /* MMIOD_OPERATE_* */
	uint32_t flags; /* MMIOD_OPERATE_* */
};

/* What the ledger has of an interrupt beside what it has of windows. */
struct backend_vector {
	uint64_t device; /* number */
	enum mmiod_irq_kind kind;
	uint32_t vector;
	uint32_t flags; /* MMIOD_INTERRUPT_* */
	uint32_t irq; /* the kernel's number; 0: not known */
	uint32_t storms;
	uint64_t count;
	uint64_t busy_ns;
};

/* An entry of one of the ledgers: a window, buffers included, a device file or an interrupt. */
struct backend_ledger {
	uint64_t id;
	enum mmiod_lease_kind kind; /* WINDOW, DEVICE or INTERRUPT */
	struct backend_vector vector; /* of an interrupt */
	struct backend_operated operated; /* of a device file */
	struct backend_window window; /* of these two only rights and tag */
	enum mmiod_state state;
	uint32_t mappings;
	uint64_t faults;
	uint64_t populated;
	uint64_t fault_leaves[MMIOD_LEAF_SIZES];
	uint64_t populated_leaves[MMIOD_LEAF_SIZES];
	uint64_t reads;
	uint64_t writes;
};

struct backend_ops {
	enum mmiod_backend kind;
	const char *warning; /* what it does not enforce, or NULL */
	void (*close)(struct backend *backend);
	/* -ENODEV: the device is not there or not bound. */
	int (*claim)(struct backend *backend, const struct config_region *config,
		     struct backend_region *region, struct text *why);
	int (*release)(struct backend *backend, uint64_t handle);
	/* The first region behind `handle`; -ENOENT behind the last. */
	int (*next_region)(struct backend *backend, uint64_t handle, struct backend_region *region);
	/* Whether a claimed region is what the configuration asks for. */
	bool (*matches)(struct backend *backend, const struct backend_region *region,
			const struct config_region *config);
	int (*create)(struct backend *backend, const struct backend_window *window,
		      struct backend_created *created);
	/*
	 * The client has the memory allocated, by ALLOCATE on the window's file: its memory cgroup
	 * pays, not the daemon's.
	 */
	int (*create_buffer)(struct backend *backend, const struct backend_buffer *buffer,
			     struct backend_created *created);
	/* -ENOENT: no such buffer; -EOPNOTSUPP: there is nothing to know of it. */
	int (*buffer_info)(struct backend *backend, uint64_t id, uint64_t page,
			   struct mmiod_buffer_info *info);
	/*
	 * Overwrites bytes of a region by zeros, with stores that devices stand. Nobody may hold a
	 * window there.
	 */
	int (*wipe)(struct backend *backend, uint64_t region, enum mmiod_memtype memtype,
		    uint64_t offset, uint64_t length);
	/*
	 * Both may be NULL: there is nothing to see. -ESRCH: no such process, or one without
	 * memory.
	 */
	int (*translate)(struct backend *backend, struct mmiod_translate *translate);
	int (*page)(struct backend *backend, struct mmiod_page *page);
	/*
	 * One store of exact width into a register, through the kernel, for @owner: holder_owner()
	 * of whose lease it is.
	 */
	int (*write)(struct backend *backend, uint64_t region, uint64_t owner,
		     enum mmiod_memtype memtype, const struct config_write *write);
	/* When it returns no processor reaches the pages through the window any more. */
	int (*set_state)(struct backend *backend, uint64_t id, enum mmiod_state state);
	/*
	 * Revokes a window without waiting until its pages are taken from processes: 0, they are;
	 * 1, WINDOW_STATE will say so. Asked again it changes nothing, and answers anew.
	 */
	int (*revoke)(struct backend *backend, uint64_t id);
	int (*next_window)(struct backend *backend, uint64_t id, struct backend_ledger *entry);
	/* Those of a window of several, from the first on, into an array of `n`: all of them. */
	int (*read_extents)(struct backend *backend, uint64_t id,
			    struct mmiod_window_extent *extents, uint32_t n);
	/*
	 * The device that the configuration means. -ENODEV: it is not there or not bound.
	 * -EOPNOTSUPP: the module knows no devices.
	 */
	int (*find_device)(struct backend *backend, const struct config_function *config,
			   struct backend_device *device, struct text *why);
	/* The first device whose number is this or higher; -ENOENT: there is none. */
	int (*next_device)(struct backend *backend, uint64_t number, struct backend_device *device);
	int (*create_interrupt)(struct backend *backend, const struct backend_interrupt *interrupt,
				struct backend_created *created);
	/* As next_window; ids of all are of one row. */
	int (*next_interrupt)(struct backend *backend, uint64_t id, struct backend_ledger *entry);
	/*
	 * A device file. -EAGAIN: the device is being made quiet, and DEVICE_QUIET tells when that
	 * is over. -EOPNOTSUPP: the module is older, or cannot give one of the rights yet.
	 */
	int (*open_device)(struct backend *backend, const struct backend_operation *operation,
			   struct backend_created *created);
	int (*next_operation)(struct backend *backend, uint64_t id, struct backend_ledger *entry);
	/* Hands over what has happened since, as struct mmiod_control_event. */
	void (*read_events)(struct backend *backend,
			    void (*event)(void *data, const struct mmiod_control_event *event),
			    void *data);
	/* Forgets what it knows of the machine's devices: one has come or gone. */
	void (*rescan)(struct backend *backend);
};

/* Every implementation starts with this. */
struct backend {
	const struct backend_ops *ops;
	int event_fd; /* readable when there are events; -1: never any */
	uint32_t abi; /* the module's, 0 in simulation */
	uint64_t load; /* of the module: ids of another's are others; 0: it does not say */
	uint32_t max_windows; /* 0: there is no limit */
	bool knows_extents; /* makes windows of several */
};

int backend_module_open(struct backend **backendp, struct text *why);
int backend_simulation_open(struct backend **backendp, struct text *why);

#endif
