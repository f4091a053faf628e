/* SPDX-License-Identifier: MIT */
/*
 * A program of libpciaccess, as X servers and flash tools are: it finds a function by its slot, reads its
 * configuration space, maps a BAR and reads or writes a register.
 *
 *	pciaccess SLOT BAR AT [VALUE]	SLOT is the device's number on bus 0
 */
#include <errno.h>
#include <pciaccess.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char *what, int err)
{
	printf("%s: %s\n", what, strerror(err));
	return 1;
}

int main(int argc, char **argv)
{
	struct pci_device *device;
	volatile uint32_t *reg;
	unsigned int bar;
	uint16_t vendor;
	void *memory;
	int err;

	if (argc < 4)
		return 2;
	bar = (unsigned int)strtoul(argv[2], NULL, 0) % 6;
	err = pci_system_init();
	if (err)
		return fail("pci_system_init", err);
	device = pci_device_find_by_slot(0, 0, (uint32_t)strtoul(argv[1], NULL, 0), 0);
	if (!device)
		return fail("pci_device_find_by_slot", ENODEV);
	err = pci_device_probe(device);
	if (!err)
		err = pci_device_cfg_read_u16(device, &vendor, 0);
	if (err)
		return fail("pci_device_probe", err);
	err = pci_device_map_range(device, device->regions[bar].base_addr,
				   device->regions[bar].size, PCI_DEV_MAP_FLAG_WRITABLE, &memory);
	if (err)
		return fail("pci_device_map_range", err);
	reg = (volatile uint32_t *)((char *)memory + strtoul(argv[3], NULL, 0));
	if (argc > 4)
		*reg = (uint32_t)strtoul(argv[4], NULL, 0);
	else
		printf("%04x 0x%08x\n", vendor, *reg);
	pci_system_cleanup();
	return 0;
}
