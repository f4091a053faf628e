// SPDX-License-Identifier: MIT
/*
 * What the driver of client/examples asks of libmmiod, by vfio-pci: for nvme-bench alone. DEVICE is
 * the address of the function, REGION nothing. There is one device, and nothing is given back before
 * the process ends. A wait has a time limit, as the driver wants it: poll and read.
 */
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <mmiod/mmiod.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../rig/rig-bench.h"
#include "../rig/vfio.h"

#define IOVA (1ull << 20)
#define VECTORS 3

struct mmiod_interrupt {
	int fd;
};

/* The window of the registers, or the memory: which are mapped from the start. */
struct mmiod_lease {
	void *address;
};

struct mmiod_mapping {
	void *address;
};

static struct vfio vfio;
static struct mmiod_interrupt interrupts[VECTORS];
static struct mmiod_lease memory, registers;

int mmiod_client_connect(const char *path, struct mmiod_client **client)
{
	(void)path;
	*client = NULL;
	return 0;
}

void mmiod_client_set_wait(struct mmiod_client *client, uint32_t wait_ms)
{
	(void)client, (void)wait_ms;
}

const char *mmiod_client_error(const struct mmiod_client *client)
{
	(void)client;
	return "vfio";
}

void mmiod_client_free(struct mmiod_client *client)
{
	(void)client;
}

int mmiod_client_operate(struct mmiod_client *client, const char *device, unsigned int rights,
			 unsigned int flags, struct mmiod_operation **operation)
{
	int eventfds[VECTORS];

	(void)client, (void)rights, (void)flags;
	vfio = vfio_take(device);
	vfio_command(vfio.device, PCI_COMMAND_MEMORY, 1);
	for (unsigned int i = 0; i < VECTORS; i++)
		interrupts[i].fd = eventfds[i] = eventfd(0, EFD_CLOEXEC);
	vfio_signal(vfio.device, VFIO_PCI_MSIX_IRQ_INDEX, eventfds, VECTORS);
	*operation = NULL;
	return 0;
}

void mmiod_operation_free(struct mmiod_operation *operation)
{
	(void)operation;
}

int mmiod_operation_set_master(struct mmiod_operation *operation, int on, int timeout_ms)
{
	(void)operation, (void)timeout_ms;
	vfio_command(vfio.device, PCI_COMMAND_MASTER, on);
	return 0;
}

static void *map(int fd, int flags, uint64_t offset, size_t length)
{
	void *address = mmap(NULL, length, PROT_READ | PROT_WRITE, flags, fd, (off_t)offset);

	if (address == MAP_FAILED)
		die("mmap");
	return address;
}

int mmiod_operation_allocate(struct mmiod_operation *operation, uint64_t length, uint64_t iova,
			     unsigned int flags, struct mmiod_lease **lease)
{
	(void)operation, (void)iova, (void)flags;
	memory.address = map(-1, MAP_PRIVATE | MAP_ANONYMOUS, 0, length);
	vfio_map_dma(vfio.container, memory.address, length, IOVA);
	*lease = &memory;
	return 0;
}

uint64_t mmiod_lease_iova(const struct mmiod_lease *lease)
{
	(void)lease;
	return IOVA;
}

int mmiod_client_lease(struct mmiod_client *client, const char *region, uint64_t offset,
		       uint64_t length, unsigned int rights, struct mmiod_lease **lease)
{
	(void)client, (void)region, (void)rights;
	registers.address =
		map(vfio.device, MAP_SHARED,
		    vfio_region(vfio.device, VFIO_PCI_BAR0_REGION_INDEX) + offset, length);
	*lease = &registers;
	return 0;
}

int mmiod_lease_map(struct mmiod_lease *lease, unsigned int flags, struct mmiod_mapping **mapping)
{
	(void)flags;
	*mapping = (struct mmiod_mapping *)lease;
	return 0;
}

volatile void *mmiod_mapping_address(const struct mmiod_mapping *mapping)
{
	return mapping->address;
}

void mmiod_wc_flush(void)
{
	_mm_sfence();
}

void mmiod_mapping_free(struct mmiod_mapping *mapping)
{
	(void)mapping;
}

void mmiod_lease_free(struct mmiod_lease *lease)
{
	(void)lease;
}

int mmiod_client_interrupt(struct mmiod_client *client, const char *device,
			   enum mmiod_irq_kind kind, unsigned int vector, unsigned int flags,
			   struct mmiod_interrupt **interrupt)
{
	(void)client, (void)device, (void)kind, (void)flags;
	*interrupt = &interrupts[vector];
	return 0;
}

int mmiod_interrupt_wait(struct mmiod_interrupt *interrupt, int timeout_ms, uint64_t *count)
{
	struct pollfd file = { .fd = interrupt->fd, .events = POLLIN };

	if (poll(&file, 1, timeout_ms) != 1 ||
	    read(interrupt->fd, count, sizeof(*count)) != sizeof(*count))
		die("an interrupt");
	return 0;
}

void mmiod_interrupt_free(struct mmiod_interrupt *interrupt)
{
	(void)interrupt;
}
