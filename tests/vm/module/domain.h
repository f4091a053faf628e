/* SPDX-License-Identifier: MIT */
/*
 * What the tests of domains share: functions that are operated behind an IOMMU, buffers that they
 * reach, and transfers by edu's engine. A test is skipped where there is no IOMMU.
 */
#ifndef DOMAIN_H
#define DOMAIN_H

#include "device.h"

#define RW (PROT_READ | PROT_WRITE)
#define MASTER MMIOD_OPERATE_MASTER
#define DMA MMIOD_OPERATE_DMA
#define TRUSTED MMIOD_OPERATE_DMA_TRUSTED
#define NO_RESET MMIOD_OPERATE_NEEDS_NO_RESET
#define FIXED MMIOD_DMA_FIXED_IOVA
#define MIB (1ull << 20)

#define TO_MEMORY EDU_TO_MEMORY
#define LENGTH 1024 /* bytes of a transfer */
#define PATTERN 0x5a

/* Who operates a function, and his window on its registers. */
struct driver {
	int control, file, registers;
	uint64_t owner;
};

/* A buffer of one page, allocated and full of the pattern. */
struct target {
	int fd;
	uint64_t iova;
	uint8_t *memory;
};

void need_iommu(void);
/* Where the IOMMU does not isolate in all, the machine is trusted with the rest. */
uint32_t right_to_dma(int control, uint32_t device);
/* A function that masters the bus; its BAR 0 is claimed by that name if it is not yet. */
struct driver take(uint32_t device, const char *name, uint64_t owner);
struct driver take_edu(void);
/* The first of two functions that share a slot, edu and another; PCI_NONE: there are none. */
uint32_t pair(void);

/* A page for a driver, to be created; and its descriptor, or -1 with errno, and the answer. */
struct mmiod_buffer_create buffer_of(const struct driver *driver);
int try_dma(int control, struct mmiod_buffer_create *create);
/* The same at an address; or at the next one that is free, into *next if it is not NULL. */
int try_fixed(const struct driver *driver, uint64_t iova, uint64_t length, uint64_t *next);
/* Of a descriptor, and of a new buffer. */
void fill(struct target *target);
struct target target_of(const struct driver *driver);
bool is_full_of(const volatile uint8_t *memory, size_t length, uint8_t value);

/* One that is over when this returns; and one that leaves zeros in edu's own memory. */
void transfer(const struct driver *driver, uint64_t iova, uint32_t direction);
void clear_engine(const struct driver *driver);

#endif
