// SPDX-License-Identifier: MIT
/*
 * The configuration space of a simulated device: a header of type 0, and the capabilities power
 * management, PCI Express and MSI-X, in a sealed memory file of 4 KiB. Nothing is filtered: who may
 * write to it may write everything. What a driver does by writing there works as far as it says so
 * in simulation-operate.c; all else are bytes that stay what they were written.
 */
#include <endian.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "backend/simulation-device.h"
#include "backend/simulation-space.h"
#include "base/util.h"

#define VENDOR 0x1b36 /* where the configuration says no ids: that of virtual devices */
#define CLASS_OTHER 0xff00

struct bytes {
	uint8_t at[SPACE_SIZE];
};

static void put16(struct bytes *bytes, unsigned int offset, uint16_t value)
{
	value = htole16(value);
	memcpy(bytes->at + offset, &value, sizeof(value));
}

static void put32(struct bytes *bytes, unsigned int offset, uint32_t value)
{
	value = htole32(value);
	memcpy(bytes->at + offset, &value, sizeof(value));
}

static void put_header(struct bytes *bytes, const struct simulated_device *device)
{
	put16(bytes, PCI_VENDOR_ID, device->vendor ? device->vendor : VENDOR);
	put16(bytes, PCI_DEVICE_ID, device->product);
	put16(bytes, PCI_COMMAND, PCI_COMMAND_MEMORY);
	put16(bytes, PCI_STATUS, PCI_STATUS_CAP_LIST);
	put16(bytes, PCI_CLASS_DEVICE, CLASS_OTHER);
	bytes->at[PCI_CAPABILITY_LIST] = SPACE_PM;
	bytes->at[PCI_INTERRUPT_PIN] = 1;
}

static void put_capabilities(struct bytes *bytes, const struct simulated_device *device)
{
	uint32_t vectors = device->vectors ? device->vectors : 1;

	put16(bytes, SPACE_PM, PCI_CAP_ID_PM | SPACE_EXPRESS << 8);
	put16(bytes, SPACE_PM + PCI_PM_PMC, 3);
	put16(bytes, SPACE_PM + PCI_PM_CTRL, PCI_PM_CTRL_NO_SOFT_RESET);
	put16(bytes, SPACE_EXPRESS, PCI_CAP_ID_EXP | SPACE_MSIX << 8);
	put16(bytes, SPACE_EXPRESS + PCI_EXP_FLAGS, 2 | PCI_EXP_TYPE_ENDPOINT << 4);
	put32(bytes, SPACE_EXPRESS + PCI_EXP_DEVCAP, PCI_EXP_DEVCAP_RBER | PCI_EXP_DEVCAP_FLR);
	put16(bytes, SPACE_EXPRESS + PCI_EXP_DEVCTL,
	      PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_READRQ_512B);
	put16(bytes, SPACE_MSIX, PCI_CAP_ID_MSIX);
	put16(bytes, SPACE_MSIX + PCI_MSIX_FLAGS, (uint16_t)(vectors - 1));
}

/* As after a reset. */
int simulated_space_fill(const struct simulated_device *device)
{
	struct bytes bytes = { 0 };

	put_header(&bytes, device);
	put_capabilities(&bytes, device);
	return pwrite(device->space.fd, bytes.at, sizeof(bytes.at), 0) == sizeof(bytes.at) ? 0
											   : -EIO;
}

int simulated_space_make(struct simulated_device *device)
{
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	_cleanup_(fd_closep) int fd =
		memfd_create("configuration", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, SPACE_SIZE) < 0 || fchmod(fd, 0600) < 0 ||
	    fcntl(fd, F_ADD_SEALS, seals) < 0)
		return -errno;
	device->space = (struct simulated_space){ .fd = steal_fd(&fd) };
	return simulated_space_fill(device);
}

uint16_t simulated_space_get(const struct simulated_device *device, unsigned int offset)
{
	uint16_t value = 0;

	if (pread(device->space.fd, &value, sizeof(value), offset) != sizeof(value))
		return 0;
	return le16toh(value);
}

void simulated_space_set(const struct simulated_device *device, unsigned int offset, uint16_t value)
{
	value = htole16(value);
	if (pwrite(device->space.fd, &value, sizeof(value), offset) < 0)
		return;
}
