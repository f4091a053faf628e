// SPDX-License-Identifier: MIT
/* A device by vfio-pci, by uio_pci_generic, and by what sysfs lets root do. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "device.h"
#include "rig-bench.h"
#include "vfio.h"

static volatile uint8_t *map_page(int fd, uint64_t offset)
{
	void *map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);

	if (map == MAP_FAILED)
		die("mapping registers");
	return map;
}

/* ---- vfio-pci -------------------------------------------------------------------------------- */

#define IOVA (1ull << 20)
#define HUGE_PAGE ((size_t)2 << 20)

static struct vfio vfio;

static void vfio_open(const char *address, bool dma)
{
	vfio = vfio_take(address);
	vfio_command(vfio.device, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 1);
	(void)dma; /* its container has a domain in any case */
}

static volatile uint8_t *vfio_registers(void)
{
	return map_page(vfio.device, vfio_region(vfio.device, VFIO_PCI_BAR0_REGION_INDEX));
}

static int vfio_interrupt(bool message)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	vfio_signal(vfio.device, message ? VFIO_PCI_MSI_IRQ_INDEX : VFIO_PCI_INTX_IRQ_INDEX, &fd,
		    1);
	return fd;
}

static void vfio_mask(bool on)
{
	struct vfio_irq_set set = { .argsz = sizeof(set),
				    .flags = VFIO_IRQ_SET_DATA_NONE |
					     (on ? VFIO_IRQ_SET_ACTION_MASK
						 : VFIO_IRQ_SET_ACTION_UNMASK),
				    .index = VFIO_PCI_INTX_IRQ_INDEX,
				    .count = 1 };

	if (ioctl(vfio.device, VFIO_DEVICE_SET_IRQS, &set))
		die("masking by vfio");
}

static void *map_anonymous(size_t length)
{
	void *map = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		die("memory");
	return map;
}

static volatile uint8_t *vfio_make_memory(size_t length)
{
	volatile uint8_t *memory = map_anonymous(length);

	vfio_map_dma(vfio.container, memory, length, IOVA);
	return memory;
}

static void vfio_end_memory(volatile uint8_t *memory, size_t length)
{
	vfio_unmap_dma(vfio.container, length, IOVA);
	munmap((void *)memory, length);
}

/* So placed that the kernel may take huge pages, which it does unless it was told not to. */
static volatile uint8_t *vfio_make_huge_memory(size_t length)
{
	uintptr_t from = (uintptr_t)map_anonymous(length + HUGE_PAGE);
	uintptr_t at = (from + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);

	if (at > from)
		munmap((void *)from, at - from);
	if (at < from + HUGE_PAGE)
		munmap((void *)(at + length), from + HUGE_PAGE - at);
	vfio_map_dma(vfio.container, (void *)at, length, IOVA);
	return (volatile uint8_t *)at;
}

static void vfio_reset(void)
{
	if (ioctl(vfio.device, VFIO_DEVICE_RESET))
		die("vfio's reset");
}

const struct device_peer device_vfio = {
	.name = "vfio-pci",
	.open = vfio_open,
	.registers = vfio_registers,
	.interrupt = vfio_interrupt,
	.width = 8,
	.mask = vfio_mask,
	.make_memory = vfio_make_memory,
	.end_memory = vfio_end_memory,
	.reset = vfio_reset,
};

const struct device_peer device_vfio_huge = {
	.name = "vfio-pci-huge",
	.open = vfio_open,
	.make_memory = vfio_make_huge_memory,
	.end_memory = vfio_end_memory,
};

/* ---- sysfs ----------------------------------------------------------------------------------- */

static char directory[PATH_MAX - 64]; /* the device's */

static int open_attribute(const char *name, int flags)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		die(path);
	return fd;
}

static void sysfs_open(const char *address, bool dma)
{
	snprintf(directory, sizeof(directory), "/sys/bus/pci/devices/%s", address);
	(void)dma; /* there is none */
}

static void sysfs_reset(void)
{
	int fd = open_attribute("reset", O_WRONLY);

	if (write(fd, "1", 1) != 1)
		die("reset by sysfs");
	close(fd);
}

const struct device_peer device_sysfs = {
	.name = "sysfs",
	.open = sysfs_open,
	.reset = sysfs_reset,
};

/* ---- uio_pci_generic ------------------------------------------------------------------------- */

static int configuration;

static void uio_open(const char *address, bool dma)
{
	sysfs_open(address, dma);
	configuration = open_attribute("config", O_RDWR);
}

static volatile uint8_t *uio_registers(void)
{
	return map_page(open_attribute("resource0", O_RDWR | O_SYNC), 0);
}

/* The only one of the machine. */
static int uio_interrupt(bool message)
{
	int fd = open("/dev/uio0", O_RDWR | O_CLOEXEC);

	if (fd < 0 || message)
		die("/dev/uio0");
	return fd;
}

/* As DPDK does: the upper byte of the command register, which has the one bit. */
static void uio_mask(bool on)
{
	const uint8_t upper = on ? PCI_COMMAND_INTX_DISABLE >> 8 : 0;

	if (pwrite(configuration, &upper, 1, PCI_COMMAND + 1) != 1)
		die("masking by configuration space");
}

const struct device_peer device_uio = {
	.name = "uio_pci_generic",
	.open = uio_open,
	.registers = uio_registers,
	.interrupt = uio_interrupt,
	.width = 4,
	.mask = uio_mask,
};
