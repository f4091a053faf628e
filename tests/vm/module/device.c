// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <unistd.h>

#include "device.h"

/* Those that this test has, which is a process of its own. */
static uint32_t taken[8];

/* What an earlier test, which failed, may have set of a module that was built for tests. */
static void let_go(void)
{
	static const char *const parameters[] = { "hold_resets", "hold_recoveries", "fail_resets" };

	for (size_t i = 0; i < sizeof(parameters) / sizeof(*parameters); i++)
		write_file("/sys/module/mmiod/parameters", parameters[i], "N");
}

/* Bound anew for each test, which ends what an earlier one may have left: claims, and a reset. */
static uint32_t take(uint32_t device, const char *name)
{
	unsigned int i;

	if (device == PCI_NONE)
		tap_skip("this machine has no %s", name);
	for (i = 0; taken[i]; i++)
		if (taken[i] == device)
			return device;
	EXPECT(i + 1 < sizeof(taken) / sizeof(*taken));
	let_go();
	bind_driver(device, "mmiod");
	taken[i] = device;
	return device;
}

static uint32_t bound(const char *name, unsigned int vendor, unsigned int id)
{
	return take(find_pci(vendor, id), name);
}

uint32_t nvme(void)
{
	return bound("nvme", 0x1b36, 0x0010);
}

uint32_t virtio(void)
{
	return bound("virtio-rng", 0x1af4, 0x1044);
}

uint32_t behind_port(unsigned int vendor, unsigned int id, bool alone)
{
	for (unsigned int bus = 1; bus < 32; bus++) {
		uint32_t device = MMIOD_PCI_ADDR(0, bus, 0, 0);
		uint32_t ids;

		if (access(pci_path(device), F_OK))
			continue;
		past_the_module(device, &ids, sizeof(ids), 0);
		if (ids == (id << 16 | vendor) && (!alone || access(pci_path(device + 1), F_OK)))
			return device;
	}
	return PCI_NONE;
}

/* Those on the root bus, and those that share a port, cannot be reset. */
uint32_t edu_behind_port(void)
{
	return take(behind_port(0x1234, 0x11e8, true), "edu behind a port of its own");
}

/*
 * Until it works: up to 6.1 the probe that failed, as it was interrupted, unbinds the function later
 * on, whoever has it by then.
 */
void give_to_kernels_driver(uint32_t device)
{
	char pattern[96];
	const char *state;
	int i;

	bind_driver(device, "nvme");
	snprintf(pattern, sizeof(pattern), "%s/nvme/nvme*/state", pci_path(device));
	for (i = 0; i < 40000; i++, usleep(1000)) {
		state = first_match(pattern);
		if (state && !strncmp(read_file(state), "live", 4))
			return;
	}
	FAIL("the kernel's driver does not get its controller to work");
}

uint32_t card(void)
{
	uint32_t device = behind_port(0x1b36, 0x0010, false);

	if (device == PCI_NONE)
		tap_skip("this machine has no card with virtual functions");
	give_to_kernels_driver(device);
	write_file(pci_path(device), "sriov_numvfs", "0");
	return device;
}

struct mmiod_device_open request(uint32_t device, uint32_t rights, uint32_t flags, uint64_t owner)
{
	return (struct mmiod_device_open){ .size = sizeof(struct mmiod_device_open),
					   .device = device,
					   .rights = rights,
					   .flags = flags,
					   .owner = owner,
					   .tag = "module test" };
}

int try_operate(int control, struct mmiod_device_open open)
{
	return ioctl(control, MMIOD_IOC_DEVICE_OPEN, &open) ? -1 : open.fd;
}

int operate_at_once(int control, uint32_t device, uint32_t rights, uint32_t flags, uint64_t owner)
{
	int fd = try_operate(control, request(device, rights, flags, owner));

	if (fd < 0)
		FAIL("no device file for 0x%x: %s", device, strerror(errno));
	return fd;
}

int operate_as(int control, struct mmiod_device_open open)
{
	int fd;

	do
		fd = try_operate(control, open);
	while (fd < 0 && errno == EAGAIN && !usleep(10000));
	if (fd < 0)
		FAIL("no device file for 0x%llx: %s", (unsigned long long)open.device,
		     strerror(errno));
	return fd;
}

int operate(int control, uint32_t device, uint32_t rights, uint32_t flags, uint64_t owner)
{
	return operate_as(control, request(device, rights, flags, owner));
}

int set_master(int fd, bool on)
{
	struct mmiod_device_master arg = { .size = sizeof(arg), .on = on };

	return ioctl(fd, MMIOD_IOC_DEVICE_SET_MASTER, &arg);
}

uint64_t claim_bar(int control, struct mmiod_region_claim claim)
{
	claim.size = sizeof(claim);
	claim.kind = MMIOD_REGION_PCI;
	if (ioctl(control, MMIOD_IOC_REGION_CLAIM, &claim))
		FAIL("cannot claim BAR %u: %s", claim.bar, strerror(errno));
	return claim.region_id;
}

int window_on(int control, uint64_t region_id, uint64_t length, uint64_t owner)
{
	struct mmiod_window_create create = {
		.region_id = region_id, .length = length, .attr = MMIOD_ATTR_UC, .owner = owner
	};
	int fd = try_window(control, &create);

	EXPECT(fd >= 0);
	return fd;
}

int window_on_bar(int control, uint32_t device, const char *name, uint64_t owner)
{
	struct mmiod_region_claim claim = {
		.size = sizeof(claim), .kind = MMIOD_REGION_PCI, .pci = device, .width = 4
	};
	struct mmiod_window_create create = { .length = page(),
					      .attr = MMIOD_ATTR_UC,
					      .owner = owner };

	strcpy(claim.name, name);
	create.region_id = device == edu() ? region(control, "edu") : find_region(control, name);
	if (!create.region_id) {
		EXPECT_EQ(ioctl(control, MMIOD_IOC_REGION_CLAIM, &claim), 0);
		create.region_id = claim.region_id;
	}
	return try_window(control, &create);
}

uint64_t iova_of(int fd)
{
	struct mmiod_window_query arg = { .size = sizeof(arg) };

	EXPECT_EQ(ioctl(fd, MMIOD_IOC_QUERY, &arg), 0);
	return arg.iova;
}

struct mmiod_device_query query(int fd)
{
	struct mmiod_device_query answer = { .size = sizeof(answer) };

	if (ioctl(fd, MMIOD_IOC_DEVICE_QUERY, &answer))
		FAIL("QUERY: %s", strerror(errno));
	return answer;
}

static int open_config(uint32_t device)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/config", pci_path(device));
	fd = open(path, O_RDWR | O_CLOEXEC);
	EXPECT(fd >= 0);
	return fd;
}

void past_the_module(uint32_t device, void *buffer, size_t length, unsigned int at)
{
	int fd = open_config(device);

	EXPECT_EQ(pread(fd, buffer, length, at), (ssize_t)length);
	close(fd);
}

void set_past_the_module(uint32_t device, const void *buffer, size_t length, unsigned int at)
{
	int fd = open_config(device);

	EXPECT_EQ(pwrite(fd, buffer, length, at), (ssize_t)length);
	close(fd);
}

/* The first capability with that id, and a byte of that value 3 bytes into it unless it is 0. */
static unsigned int find(uint32_t device, uint8_t id, uint8_t type)
{
	uint8_t space[256];

	past_the_module(device, space, sizeof(space), 0);
	for (unsigned int at = space[0x34], i = 0; at && i < 48; at = space[at + 1], i++)
		if (space[at] == id && (!type || space[at + 3] == type))
			return at;
	return 0;
}

unsigned int capability(uint32_t device, uint8_t id)
{
	return find(device, id, 0);
}

unsigned int virtio_capability(uint32_t device, uint8_t type)
{
	unsigned int at = find(device, 9, type);

	EXPECT(at);
	return at;
}

unsigned int extended_capability(uint32_t device, uint16_t id)
{
	unsigned int at = 0x100;
	uint32_t header;

	for (; at; at = header >> 20) {
		past_the_module(device, &header, sizeof(header), at);
		if ((header & 0xffff) == id)
			return at;
	}
	return 0;
}

int reset_now(int fd, struct mmiod_device_reset *answer)
{
	struct mmiod_device_reset own;
	int ret;

	if (!answer)
		answer = &own;
	do {
		*answer = (struct mmiod_device_reset){ .size = sizeof(*answer) };
		ret = ioctl(fd, MMIOD_IOC_DEVICE_RESET, answer);
	} while (ret && errno == EAGAIN && !usleep(1000));
	return ret;
}

void hold_resets(bool hold)
{
	if (write_file("/sys/module/mmiod/parameters", "hold_resets", hold ? "Y" : "N"))
		tap_skip("this module cannot hold resets: %s", strerror(errno));
}

static void *reset(void *path)
{
	int error = write_file(path, "reset", "1") ? errno : 0;

	free(path);
	return (void *)(intptr_t)error;
}

pthread_t begin_sysfs_reset(uint32_t device)
{
	pthread_t thread;

	EXPECT_EQ(pthread_create(&thread, NULL, reset, strdup(pci_path(device))), 0);
	return thread;
}

void end_sysfs_reset(pthread_t thread)
{
	void *error;

	pthread_join(thread, &error);
	EXPECT_EQ((intptr_t)error, 0);
}
