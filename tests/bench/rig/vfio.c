// SPDX-License-Identifier: MIT
#include "vfio.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "rig-bench.h"

static int take_group(const char *address)
{
	char path[PATH_MAX], link[PATH_MAX], *end;
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", address);
	length = readlink(path, link, sizeof(link) - 1);
	link[length < 0 ? 0 : length] = '\0';
	end = strrchr(link, '/');
	snprintf(path, sizeof(path), "/dev/vfio%s", end ? end : "/none");
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		die(path);
	return fd;
}

struct vfio vfio_take(const char *address)
{
	struct vfio vfio = { .container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC) };
	int group = take_group(address);

	if (vfio.container < 0 || ioctl(group, VFIO_GROUP_SET_CONTAINER, &vfio.container) ||
	    ioctl(vfio.container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		die("vfio's container");
	vfio.device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, address);
	if (vfio.device < 0)
		die("vfio's device");
	return vfio;
}

uint64_t vfio_region(int device, uint32_t index)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = index };

	if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &info))
		die("vfio's region");
	return info.offset;
}

void vfio_command(int device, uint16_t bits, int on)
{
	const off_t at = (off_t)(vfio_region(device, VFIO_PCI_CONFIG_REGION_INDEX) + PCI_COMMAND);
	uint16_t command;

	if (pread(device, &command, 2, at) != 2)
		die("vfio's configuration space");
	command = (uint16_t)(on ? command | bits : command & ~bits);
	if (pwrite(device, &command, 2, at) != 2)
		die("vfio's configuration space");
}

#define VECTORS_MAX 16

void vfio_signal(int device, uint32_t index, const int *eventfds, unsigned int count)
{
	union {
		struct vfio_irq_set set;
		char room[sizeof(struct vfio_irq_set) + VECTORS_MAX * sizeof(int)];
	} set = { .set = {
			  .argsz = (uint32_t)(sizeof(set.set) + count * sizeof(*eventfds)),
			  .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
			  .index = index,
			  .count = count,
		  } };

	if (count > VECTORS_MAX)
		die("that many vectors");
	memcpy(set.room + sizeof(set.set), eventfds, count * sizeof(*eventfds));
	if (ioctl(device, VFIO_DEVICE_SET_IRQS, &set))
		die("vfio's interrupts");
}

void vfio_map_dma(int container, volatile void *memory, uint64_t length, uint64_t iova)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)memory,
		.iova = iova,
		.size = length,
	};

	if (ioctl(container, VFIO_IOMMU_MAP_DMA, &map))
		die("VFIO_IOMMU_MAP_DMA");
}

void vfio_unmap_dma(int container, uint64_t length, uint64_t iova)
{
	struct vfio_iommu_type1_dma_unmap unmap = { .argsz = sizeof(unmap),
						    .iova = iova,
						    .size = length };

	if (ioctl(container, VFIO_IOMMU_UNMAP_DMA, &unmap) || unmap.size != length)
		die("VFIO_IOMMU_UNMAP_DMA");
}
