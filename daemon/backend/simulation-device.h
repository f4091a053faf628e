/* SPDX-License-Identifier: MIT */
/* Shared by the files of simulation; everybody else goes through struct backend_ops. */
#ifndef MMIOD_DAEMON_BACKEND_SIMULATION_DEVICE_H
#define MMIOD_DAEMON_BACKEND_SIMULATION_DEVICE_H

#include "backend/backend.h"
#include "base/hash.h"

struct simulated_interrupt;
struct simulated_memory;

/* Who is told what happens, as of backend_ops.read_events(). */
struct simulated_listener {
	void (*event)(void *data, const struct mmiod_control_event *event);
	void *data;
};

static inline void simulated_tell(const struct simulated_listener *listener, uint32_t type,
				  uint32_t value, uint64_t id)
{
	const struct mmiod_control_event event = { .type = type, .value = value, .id = id };

	listener->event(listener->data, &event);
}

/* The configuration space of a device: a memory file, which who operates it has as well. */
struct simulated_space {
	int fd;
	bool masters;
	bool sleeps; /* in D3hot */
	bool resets; /* until the time below */
	uint64_t until_ms; /* CLOCK_BOOTTIME */
};

struct simulated_device {
	uint64_t number;
	char name[MMIOD_NAME_MAX];
	enum config_device place; /* as configured; regions of the same place are its own */
	uint64_t pci;
	uint16_t vendor;
	uint16_t product;
	uint32_t vectors;
	struct backend_device hw;
	struct simulated_space space;
	UT_hash_handle hh; /* by name */
};

/* A device file that somebody has. */
struct simulated_operation {
	uint64_t id;
	struct simulated_device *device;
	uint32_t rights; /* MMIOD_OPERATE_* */
	uint32_t dma_bits;
	UT_hash_handle hh;
};

/* Devices, interrupts and device files of one simulation, by number and by id. */
struct simulated_devices {
	struct simulated_device *devices;
	struct simulated_interrupt *interrupts;
	struct simulated_operation *operations;
	struct simulated_memory *memories; /* for the devices of these */
	uint64_t last_number;
	int watch; /* inotify, of the configuration spaces */
	int timer; /* until a reset is over */
	int either; /* epoll, readable when one of both is */
	/* The regions of a device, which are another file's. */
	void (*suspend)(struct simulated_devices *all, const struct simulated_device *device,
			enum mmiod_state state, const struct simulated_listener *listener);
	void (*zero)(struct simulated_devices *all, const struct simulated_device *device);
};

/* simulation-device.c */
int simulated_find_device(struct simulated_devices *all, const struct config_function *config,
			  struct backend_device *device);
int simulated_next_device(const struct simulated_devices *all, uint64_t number,
			  struct backend_device *device);
/* `id`: what it is to be called by. */
int simulated_create_interrupt(struct simulated_devices *all,
			       const struct backend_interrupt *interrupt, uint64_t id,
			       struct backend_created *created);
void simulated_end_interrupt(struct simulated_devices *all, uint64_t id);
void simulated_devices_clear(struct simulated_devices *all);

/* simulation-operate.c */
int simulated_operate_init(struct simulated_devices *all);
void simulated_operate_clear(struct simulated_devices *all);
int simulated_make_space(struct simulated_devices *all, struct simulated_device *device);
int simulated_open_device(struct simulated_devices *all, const struct backend_operation *wanted,
			  uint64_t id, struct backend_created *created);
void simulated_end_operation(struct simulated_devices *all, uint64_t id);
void simulated_look(struct simulated_devices *all, const struct simulated_listener *listener);

/* simulation-dma.c */
int simulated_place(struct simulated_devices *all, const struct backend_buffer *buffer, uint64_t id,
		    uint64_t *iova);
void simulated_unplace(struct simulated_devices *all, uint64_t id);
void simulated_end_memory(struct simulated_devices *all, uint64_t operation);
void simulated_tell_memory(struct simulated_devices *all,
			   const struct simulated_listener *listener);
void simulated_memory_clear(struct simulated_devices *all);

#endif
