// SPDX-License-Identifier: MIT
/*
 * The ways to a BAR: mmiod's module, sysfs, UIO, vfio-pci. One device is open at a time, in one
 * process.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mmiod.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rig-bench.h"
#include "vfio.h"

#define BAR 2

static int memory = -1; /* the file that is mapped */
static uint64_t memory_offset; /* of the BAR in it */

static volatile void *map_file(size_t length)
{
	void *map = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, memory,
			 (off_t)memory_offset);

	if (map == MAP_FAILED)
		die("mmap");
	return map;
}

/* ---- mmiod: straight to its module, as the daemon would -------------------------------------- */

static int control;
static uint64_t region;
static uint64_t whole; /* window on all of the BAR */

static void claim(const char *address)
{
	struct mmiod_region_claim claim = {
		.size = sizeof(claim), .kind = MMIOD_REGION_PCI, .bar = BAR, .name = "bench"
	};
	unsigned int domain, bus, device, function;

	if (sscanf(address, "%x:%x:%x.%x", &domain, &bus, &device, &function) != 4)
		die(address);
	claim.pci = MMIOD_PCI_ADDR(domain, bus, device, function);
	control = open("/dev/mmiod", O_RDWR | O_CLOEXEC);
	if (control < 0 || ioctl(control, MMIOD_IOC_REGION_CLAIM, &claim))
		die("mmiod's region");
	region = claim.region_id;
}

static uint32_t window_flags;

uint64_t mmiod_window(uint64_t offset, uint64_t length, int *fd)
{
	struct mmiod_window_create create = { .size = sizeof(create),
					      .region_id = region,
					      .offset = offset,
					      .length = length,
					      .attr = MMIOD_ATTR_UC,
					      .flags = window_flags };

	if (ioctl(control, MMIOD_IOC_WINDOW_CREATE, &create))
		die("mmiod's window");
	*fd = create.fd;
	return create.window_id;
}

void mmiod_revoke(uint64_t id)
{
	struct mmiod_window_set_state set = { .size = sizeof(set),
					      .state = MMIOD_WINDOW_REVOKED,
					      .window_id = id };

	if (ioctl(control, MMIOD_IOC_WINDOW_SET_STATE, &set))
		die("revoking");
}

static uint64_t bar_length(void)
{
	struct mmiod_region_info info = { .size = sizeof(info), .region_id = region - 1 };

	if (ioctl(control, MMIOD_IOC_REGION_NEXT, &info))
		die("mmiod's list of regions");
	return info.length;
}

static void mmiod_open(const char *address)
{
	claim(address);
	whole = mmiod_window(0, bar_length(), &memory);
}

/* As under a grant that says "leaves = huge". */
static void mmiod_open_huge(const char *address)
{
	window_flags = MMIOD_WINDOW_HUGE;
	mmiod_open(address);
}

#define EXTENTS 512
#define EXTENT_SIZE (1ull << 20)

/* One window of every other MiB: no two extents follow each other, and none has room for a leaf. */
static void mmiod_open_scatter(const char *address)
{
	struct mmiod_window_extent list[EXTENTS];
	struct mmiod_window_create create = { .size = sizeof(create),
					      .length = EXTENTS * EXTENT_SIZE,
					      .attr = MMIOD_ATTR_UC,
					      .nr_extents = EXTENTS,
					      .extents = (uintptr_t)list };

	for (unsigned int i = 0; i < EXTENTS; i++)
		list[i] = (struct mmiod_window_extent){ .offset = 2 * i * EXTENT_SIZE,
							.length = EXTENT_SIZE };
	claim(address);
	create.region_id = region;
	if (ioctl(control, MMIOD_IOC_WINDOW_CREATE, &create))
		die("mmiod's window of several extents");
	memory = create.fd;
	whole = create.window_id;
}

static volatile void *map_populated(size_t length, uint32_t flags)
{
	volatile void *map = map_file(length);
	struct mmiod_window_populate populate = {
		.size = sizeof(populate),
		.flags = flags,
		.address = (uintptr_t)map,
		.length = length,
	};

	if (ioctl(memory, MMIOD_IOC_POPULATE, &populate))
		die("populate");
	return map;
}

static volatile void *map_populate(size_t length)
{
	return map_populated(length, 0);
}

static volatile void *map_remap(size_t length)
{
	return map_populated(length, MMIOD_POPULATE_EXACT);
}

static uint32_t pread32(void)
{
	uint32_t value;

	if (pread(memory, &value, sizeof(value), (off_t)memory_offset) != sizeof(value))
		die("pread");
	return value;
}

static void mmiod_zap(void)
{
	mmiod_revoke(whole);
}

const struct peer peer_mmiod = { "mmiod", mmiod_open, map_file, pread32, mmiod_zap };
const struct peer peer_mmiod_huge = { "mmiod-huge", mmiod_open_huge, map_file, pread32, mmiod_zap };
const struct peer peer_mmiod_scatter = { "mmiod-scatter", mmiod_open_scatter, map_file, pread32,
					 mmiod_zap };
const struct peer peer_mmiod_populate = { "mmiod-populate", mmiod_open, map_populate, pread32,
					  mmiod_zap };
const struct peer peer_mmiod_remap = { "mmiod-remap", mmiod_open, map_remap, pread32, mmiod_zap };

/* ---- sysfs ----------------------------------------------------------------------------------- */

static void sysfs_open(const char *address)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource%d", address, BAR);
	memory = open(path, O_RDWR | O_SYNC | O_CLOEXEC);
	if (memory < 0)
		die(path);
}

const struct peer peer_sysfs = { "sysfs", sysfs_open, map_file, NULL, NULL };

/* ---- UIO ------------------------------------------------------------------------------------- */

static void uio_open(const char *address)
{
	memory = open("/dev/uio0", O_RDWR | O_CLOEXEC);
	if (memory < 0)
		die("/dev/uio0");
}

const struct peer peer_uio = { "uio", uio_open, map_file, NULL, NULL };

/* ---- vfio-pci -------------------------------------------------------------------------------- */

static void vfio_open(const char *address)
{
	memory = vfio_take(address).device;
	memory_offset = vfio_region(memory, VFIO_PCI_BAR0_REGION_INDEX + BAR);
	vfio_command(memory, PCI_COMMAND_MEMORY, 1);
}

/* All that vfio can: the whole device's memory is switched off, and with it all mappings of it. */
static void vfio_zap(void)
{
	vfio_command(memory, PCI_COMMAND_MEMORY, 0);
}

const struct peer peer_vfio = { "vfio-pci", vfio_open, map_file, pread32, vfio_zap };
