/* SPDX-License-Identifier: MIT */
/* Shared by the files of simulation; everybody else goes through struct backend_ops. */
#ifndef MMIOD_DAEMON_BACKEND_SIMULATION_DEVICE_H
#define MMIOD_DAEMON_BACKEND_SIMULATION_DEVICE_H

#include "backend/backend.h"

struct simulated_device;
struct simulated_interrupt;

/* Devices and interrupts of one simulation, by number and by id. */
struct simulated_devices {
	struct simulated_device *devices;
	struct simulated_interrupt *interrupts;
	uint64_t last_number;
};

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

#endif
