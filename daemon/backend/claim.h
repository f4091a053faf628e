/* SPDX-License-Identifier: MIT */
/* Records and no function: what is known of a region that the backend has claimed, or of a device. */
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
	bool no_dma; /* who writes there starts no DMA */
	bool ports; /* I/O ports: addresses and lengths are such, and no window is mapped */
	uint16_t vendor;
	uint16_t product;
	char model[96];
};

/* A function that is bound to the module's driver. */
struct backend_device {
	uint64_t
		number; /* MMIOD_PCI_DEVICE; in simulation another for those that have no address */
	char address[MMIOD_WIRE_NAME];
	enum mmiod_state state;
	uint32_t flags; /* MMIOD_FUNCTION_* */
	uint32_t generation;
	uint32_t group; /* of the IOMMU; MMIOD_GROUP_NONE */
	uint32_t msi_vectors; /* that it can have at most */
	uint32_t msix_vectors;
	uint32_t set_up; /* vectors, now */
	enum mmiod_irq_kind interrupt; /* of these; 0: none are */
	int claim_error; /* -errno of the last try to claim its group; 0: it is claimed, or has none */
	uint64_t mapped; /* bytes */
	uint64_t graves; /* bytes of DMA memory that only the device has any more */
	uint32_t resets;
	uint32_t resets_failed;
	uint64_t reset_us; /* that they took, all together */
	uint32_t reasons; /* why it is suspended: MMIOD_REASON_* */
	uint16_t vendor;
	uint16_t product;
	char model[96];
};

#endif
