// SPDX-License-Identifier: MIT
/* A device by mmiod's module, asked as the daemon and the library would. */
#include <fcntl.h>
#include <linux/mmiod.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "device.h"
#include "rig-bench.h"

#define OWNER 1

static int control, operation, vector;
static uint64_t device, operation_id;

static void operate(void)
{
	struct mmiod_device_open open = {
		.size = sizeof(open),
		.rights = MMIOD_OPERATE_CONFIG_READ | MMIOD_OPERATE_MASTER | MMIOD_OPERATE_DMA |
			  MMIOD_OPERATE_RESET,
		.device = device,
		.owner = OWNER,
		.flags = MMIOD_OPERATE_NEEDS_NO_RESET,
		.dma_bits = 64,
	};

	if (ioctl(control, MMIOD_IOC_DEVICE_OPEN, &open))
		die("mmiod's device file");
	operation = open.fd;
	operation_id = open.id;
}

static void take(const char *address, bool dma)
{
	unsigned int domain, bus, slot, function;

	if (sscanf(address, "%x:%x:%x.%x", &domain, &bus, &slot, &function) != 4)
		die(address);
	device = MMIOD_PCI_DEVICE(domain, bus, slot, function);
	control = open("/dev/mmiod", O_RDWR | O_CLOEXEC);
	if (control < 0)
		die("/dev/mmiod");
	if (dma)
		operate();
}

static int window(uint64_t region)
{
	struct mmiod_window_create create = { .size = sizeof(create),
					      .region_id = region,
					      .length = PAGE,
					      .attr = MMIOD_ATTR_UC,
					      .owner = OWNER };

	if (ioctl(control, MMIOD_IOC_WINDOW_CREATE, &create))
		die("mmiod's window");
	return create.fd;
}

static volatile uint8_t *registers(void)
{
	struct mmiod_region_claim claim = { .size = sizeof(claim),
					    .kind = MMIOD_REGION_PCI,
					    .pci = (uint32_t)device,
					    .name = "registers" };
	void *map;

	if (ioctl(control, MMIOD_IOC_REGION_CLAIM, &claim))
		die("mmiod's region");
	map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, window(claim.region_id), 0);
	if (map == MAP_FAILED)
		die("mapping mmiod's window");
	return map;
}

static int interrupt(bool message)
{
	struct mmiod_interrupt_create create = {
		.size = sizeof(create),
		.device = device,
		.owner = OWNER,
		.kind = message ? MMIOD_INTERRUPT_MSI : MMIOD_INTERRUPT_INTX,
		.flags = message ? MMIOD_INTERRUPT_NEEDS_NO_RESET : 0,
	};

	if (ioctl(control, MMIOD_IOC_INTERRUPT_CREATE, &create))
		die("mmiod's interrupt");
	vector = create.fd;
	return vector;
}

static int interrupt_by_eventfd(bool message)
{
	struct mmiod_interrupt_eventfd set = { .size = sizeof(set), .fd = eventfd(0, EFD_CLOEXEC) };

	if (ioctl(interrupt(message), MMIOD_IOC_INTERRUPT_SET_EVENTFD, &set))
		die("mmiod's eventfd");
	return set.fd;
}

static void mask(bool on)
{
	const uint32_t enabled = !on;

	if (write(vector, &enabled, sizeof(enabled)) != sizeof(enabled))
		die("masking");
}

static int memory_fd;

static volatile uint8_t *make_memory(size_t length)
{
	struct mmiod_buffer_create create = { .size = sizeof(create),
					      .kind = MMIOD_BUFFER_DMA,
					      .node = -1,
					      .length = length,
					      .device_file = operation_id };
	struct mmiod_buffer_allocate allocate = { .size = sizeof(allocate) };
	void *map;

	if (ioctl(control, MMIOD_IOC_BUFFER_CREATE, &create) ||
	    ioctl(create.fd, MMIOD_IOC_ALLOCATE, &allocate))
		die("mmiod's memory for the device");
	memory_fd = create.fd;
	map = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd, 0);
	if (map == MAP_FAILED)
		die("mapping mmiod's memory");
	return map;
}

static void end_memory(volatile uint8_t *memory, size_t length)
{
	munmap((void *)memory, length);
	close(memory_fd);
}

static void reset(void)
{
	struct mmiod_device_reset arg = { .size = sizeof(arg) };

	if (ioctl(operation, MMIOD_IOC_DEVICE_RESET, &arg))
		die("mmiod's reset");
}

const struct device_peer device_mmiod = {
	.name = "mmiod",
	.open = take,
	.registers = registers,
	.interrupt = interrupt,
	.width = 4,
	.mask = mask,
	.make_memory = make_memory,
	.end_memory = end_memory,
	.reset = reset,
};

const struct device_peer device_mmiod_eventfd = {
	.name = "mmiod-eventfd",
	.open = take,
	.registers = registers,
	.interrupt = interrupt_by_eventfd,
	.width = 8,
	.mask = mask,
};
