/* SPDX-License-Identifier: MIT */
/* Where in the configuration space of a simulated device its capabilities are. */
#ifndef MMIOD_DAEMON_BACKEND_SIMULATION_SPACE_H
#define MMIOD_DAEMON_BACKEND_SIMULATION_SPACE_H

#include <stdint.h>

#define SPACE_SIZE 4096
#define SPACE_PM 0x40
#define SPACE_EXPRESS 0x50
#define SPACE_MSIX 0x90

struct simulated_device;

int simulated_space_make(struct simulated_device *device);
int simulated_space_fill(const struct simulated_device *device); /* as after a reset */
uint16_t simulated_space_get(const struct simulated_device *device, unsigned int offset);
void simulated_space_set(const struct simulated_device *device, unsigned int offset,
			 uint16_t value);

#endif
