/* SPDX-License-Identifier: MIT */
/* A record and no function: what is known of a region that the backend has claimed. */
#ifndef MMIOD_DAEMON_BACKEND_CLAIM_H
#define MMIOD_DAEMON_BACKEND_CLAIM_H

#include <stdbool.h>
#include <mmiod/protocol.h>

/* A region as the backend holds it. */
struct backend_region {
	uint64_t handle; /* the backend's id */
	char name[MMIOD_NAME_MAX];
	char device[MMIOD_WIRE_NAME];
	uint64_t offset; /* in the BAR */
	uint64_t length;
	uint64_t phys;
	uint64_t pci; /* MMIOD_PCI_DEVICE */
	uint32_t bar; /* UINT32_MAX: none */
	uint32_t width;
	uint32_t generation;
	uint32_t windows;
	enum mmiod_state state;
	bool revoke_on_reset; /* the backend does it itself, at once */
	uint16_t vendor;
	uint16_t product;
	char model[96];
};

#endif
