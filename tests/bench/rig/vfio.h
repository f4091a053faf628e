/* SPDX-License-Identifier: MIT */
/* A function by vfio-pci, as a driver in user space takes it: group, container of type 1, device. */
#ifndef RIG_BENCH_VFIO_H
#define RIG_BENCH_VFIO_H

#include <stdint.h>

struct vfio {
	int container, device;
};

/* The function must be bound to vfio-pci, and be the only one of its group. */
struct vfio vfio_take(const char *address);
/* Where a region begins in the device's file. */
uint64_t vfio_region(int device, uint32_t index);
/* Changes bits of the command register. */
void vfio_command(int device, uint16_t bits, int on);
/* From now on the first `count` vectors of a kind (VFIO_PCI_MSIX_IRQ_INDEX) signal these eventfds. */
void vfio_signal(int device, uint32_t index, const int *eventfds, unsigned int count);
void vfio_map_dma(int container, volatile void *memory, uint64_t length, uint64_t iova);
void vfio_unmap_dma(int container, uint64_t length, uint64_t iova);

#endif
