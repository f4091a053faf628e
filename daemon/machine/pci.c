// SPDX-License-Identifier: MIT
/*
 * The machine's PCI functions. libpciaccess does not notice devices that come and go: pci_close()
 * and pci_open() again.
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pciaccess.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/util.h"
#include "machine/pci.h"

static bool is_open;

int pci_open(void)
{
	int error = is_open ? 0 : pci_system_init();

	is_open = error == 0;
	return -error;
}

void pci_close(void)
{
	if (is_open)
		pci_system_cleanup();
	is_open = false;
}

static void take_model(struct pci_device *device, struct pci_info *info)
{
	const char *vendor = pci_device_get_vendor_name(device);
	const char *product = pci_device_get_device_name(device);

	if (product)
		snprintf(info->model, sizeof(info->model), "%s%s%s", vendor ? vendor : "",
			 vendor ? " " : "", product);
	else if (vendor)
		snprintf(info->model, sizeof(info->model), "%s", vendor);
}

static void describe(struct pci_device *device, struct pci_info *info)
{
	*info = (struct pci_info){
		.address = MMIOD_PCI_DEVICE(device->domain, device->bus, device->dev, device->func),
		.vendor = device->vendor_id,
		.product = device->device_id,
	};
	take_model(device, info);
}

int pci_find_slot(uint64_t address, struct pci_info *info)
{
	struct pci_device *device;

	if (!is_open)
		return -ENODEV;
	device = pci_device_find_by_slot((uint32_t)(address >> 16), address >> 8 & 0xff,
					 address >> 3 & 0x1f, address & 7);
	if (!device)
		return -ENODEV;
	describe(device, info);
	return 0;
}

/* The first function, in order of address as sysfs lists them, that has these ids. */
int pci_find_ids(uint16_t vendor, uint16_t product, struct pci_info *info)
{
	const struct pci_id_match match = {
		.vendor_id = vendor,
		.device_id = product,
		.subvendor_id = PCI_MATCH_ANY,
		.subdevice_id = PCI_MATCH_ANY,
	};
	struct pci_device_iterator *iterator =
		is_open ? pci_id_match_iterator_create(&match) : NULL;
	struct pci_device *device = iterator ? pci_device_next(iterator) : NULL;

	if (device)
		describe(device, info);
	pci_iterator_destroy(iterator);
	return device ? 0 : -ENODEV;
}

void pci_format(uint64_t address, char name[MMIOD_WIRE_NAME])
{
	snprintf(name, MMIOD_WIRE_NAME, "%04x:%02x:%02x.%x", (uint32_t)(address >> 16),
		 (unsigned int)(address >> 8 & 0xff), (unsigned int)(address >> 3 & 0x1f),
		 (unsigned int)(address & 7));
}

int pci_need_slot(uint64_t address, struct pci_info *info, struct text *why)
{
	char name[MMIOD_WIRE_NAME];

	if (pci_find_slot(address, info) == 0)
		return 0;
	pci_format(address, name);
	text_add(why, "there is no PCI function %s", name);
	return -ENODEV;
}

int pci_need_ids(uint16_t vendor, uint16_t product, struct pci_info *info, struct text *why)
{
	if (pci_find_ids(vendor, product, info) == 0)
		return 0;
	text_add(why, "there is no PCI function %04x:%04x", vendor, product);
	return -ENODEV;
}

#define RESOURCE_IO 0x100 /* as the kernel has it in `flags` */

/* A line each: first and last address, and flags, which are 0 if there is no such BAR. */
static int read_bar(FILE *file, uint64_t *start, uint64_t *size, bool *ports)
{
	uint64_t last, flags;
	char line[128];

	if (!fgets(line, sizeof(line), file) ||
	    sscanf(line, "%" SCNx64 " %" SCNx64 " %" SCNx64, start, &last, &flags) != 3)
		return -ENODATA;
	*size = flags && last >= *start ? last - *start + 1 : 0;
	*ports = flags & RESOURCE_IO;
	return 0;
}

/* Not libpciaccess's pci_device_probe(), which reads the configuration space as well. */
void pci_read_bars(const char *sys, struct pci_info *info)
{
	_cleanup_(fclosep) FILE *file = NULL;
	char name[MMIOD_WIRE_NAME], path[PATH_MAX];
	uint64_t start, size;
	bool ports;

	memset(info->bars, 0, sizeof(info->bars));
	pci_format(info->address, name);
	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/resource", sys, name);
	file = fopen(path, "re");
	for (size_t i = 0; file && i < PCI_BARS && read_bar(file, &start, &size, &ports) == 0;
	     i++) {
		info->bars[i].start = start;
		info->bars[i].size = size;
		info->bars[i].ports = ports;
	}
}

/* The driver that a function is bound to. -ENOENT: none. */
int pci_driver(uint64_t address, char *driver, size_t size)
{
	char name[MMIOD_WIRE_NAME], path[96], target[PATH_MAX];
	const char *base;
	ssize_t n;

	pci_format(address, name);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", name);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	base = strrchr(target, '/');
	snprintf(driver, size, "%s", base ? base + 1 : target);
	return 0;
}

void pci_add_group(const char *sys, uint32_t group, struct text *text)
{
	const char *before = "";
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *directory;

	snprintf(path, sizeof(path), "%s/kernel/iommu_groups/%u/devices", sys, group);
	directory = opendir(path);
	if (!directory) {
		text_add(text, "its functions");
		return;
	}
	while ((entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		text_add(text, "%s%s", before, entry->d_name);
		before = ", ";
	}
	closedir(directory);
}
