/* SPDX-License-Identifier: MIT */
/*
 * A backend for tests: keeps a ledger as the module does, tells events when it is told to, and
 * fails on demand.
 */
#ifndef TEST_FAKE_H
#define TEST_FAKE_H

#include "daemon/backend/backend.h"

#define FAKE_MAX 1024

struct fake {
	struct backend backend;
	struct backend_region regions[FAKE_MAX];
	size_t n_regions;
	uint64_t last_region;
	uint32_t generation; /* of what is claimed from now on */
	struct backend_ledger windows[FAKE_MAX]; /* and interrupts, in order of id */
	size_t n_windows;
	uint64_t last_window;
	struct mmiod_control_event events[FAKE_MAX];
	size_t n_events;
	size_t most_events; /* the others are lost; 0: FAKE_MAX */
	unsigned int rescans;
	int claim_error; /* 0: claims succeed */
	bool exclusive_cards; /* a BAR is one region's */
	uint32_t absent; /* bit per bus: no card is there */
	int release_error;
	int create_error;
	unsigned int creates_left; /* that succeed all the same */
	unsigned int create_failures; /* so many fail by it; 0: all */
	uint32_t max_extents; /* of one window; more are -ENOSPC; 0: any number */
	int extents_error; /* of reading them; 0: they are read */
	uint64_t create_conflict;
	int state_error;
	bool later; /* revocations are done when fake_finish() is called */
	int wipe_error;
	struct fake_wipe {
		uint64_t offset;
		uint64_t length;
	} wipes[FAKE_MAX]; /* the last ones */
	size_t n_wipes;
	int write_error;
	unsigned int write_failures; /* so many writes fail by it; 0: all */
	struct config_write writes[FAKE_MAX]; /* the last ones */
	uint64_t write_regions[FAKE_MAX]; /* handles, likewise */
	uint64_t write_owners[FAKE_MAX];
	uint64_t write_phys[FAKE_MAX]; /* of those regions */
	size_t n_writes;
	struct backend_device devices[8]; /* that were found, and not removed since */
	size_t n_devices;
	uint64_t reset_us; /* of each device, from now on */
	uint32_t msix_vectors, msi_vectors; /* of those that are found from now on */
	struct backend_interrupt interrupts[FAKE_MAX]; /* by id, as asked for */
	struct backend_operation operations[FAKE_MAX]; /* likewise */
	int open_error; /* of the next that are opened; 0: they are */
	struct backend_buffer buffers[FAKE_MAX]; /* by place in `windows`' order of making */
	uint64_t last_iova; /* of memory for a device file */
	uint64_t free_iova; /* what is said to be free when one cannot be had */
	struct mmiod_buffer_info info; /* what buffer_info says */
	struct mmiod_translate translation; /* what translate says, but for pid and address */
	int translate_error;
	void (*translating)(struct fake *fake); /* while it does; NULL */
	struct mmiod_page page; /* what page says, but for pfn */
};

void fake_init(struct fake *fake);
void fake_event(struct fake *fake, uint32_t type, uint32_t value, uint64_t id);
void fake_close_window(struct fake *fake, uint64_t id); /* the client let go of the file */
void fake_finish(struct fake *fake, uint64_t id); /* no processor reaches the window any more */
void fake_begin_removal(struct fake *fake, const char *name);
void fake_reload(struct fake *fake); /* the module: nothing is left, and it counts from 1 again */
void fake_remove_device(struct fake *fake, const char *region);
void fake_remove_function(struct fake *fake, uint64_t number); /* with its interrupts */
struct backend_ledger *fake_window(struct fake *fake, uint64_t id);
/* Whether a live window of that region has any of these bytes; NULL: none. */
const struct backend_ledger *fake_window_at(const struct fake *fake, uint64_t region,
					    uint64_t offset, uint64_t length);

#endif
