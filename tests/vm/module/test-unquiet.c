// SPDX-License-Identifier: MIT
/*
 * Between two operators: a reset that fails, one after which the function is dead, and one that
 * cannot begin. Nobody is let to what the last one may have armed, and what he gave the device is
 * kept, until a reset works.
 */
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "device.h"

#define MASTER MMIOD_OPERATE_MASTER
#define TRUSTED MMIOD_OPERATE_DMA_TRUSTED
#define OPERATOR (READ | WRITE | MASTER | TRUSTED)

#define MEMORY 0x2

static void fail_resets(bool fail)
{
	if (write_file("/sys/module/mmiod/parameters", "fail_resets", fail ? "Y" : "N"))
		tap_skip("this module cannot have resets fail: %s", strerror(errno));
}

/* Those of an earlier quiet, say. */
static void forget_events(int control)
{
	struct mmiod_control_event event;

	EXPECT_EQ(fcntl(control, F_SETFL, O_NONBLOCK), 0);
	while (read(control, &event, sizeof(event)) == sizeof(event))
		;
}

static bool becomes_quiet(int control, uint32_t device, int error)
{
	return happens(control, MMIOD_CONTROL_DEVICE_QUIET, error, device);
}

/* Once more, on behalf of the next one. */
static bool is_tried_again(int control, uint32_t device, int error)
{
	EXPECT_ERRNO(try_operate(control, request(device, OPERATOR, 0, 2)), EAGAIN);
	return becomes_quiet(control, device, error);
}

/* He has given the function a page, in his file's domain or on the bus, and takes it back. */
static int operate_with_memory(int control, uint32_t device)
{
	struct mmiod_buffer_create create = { .kind = MMIOD_BUFFER_DMA,
					      .node = -1,
					      .length = page() };
	int fd = operate(control, device, OPERATOR, 0, 1), buffer;

	create.device_file = query(fd).id;
	buffer = try_buffer(control, create);
	EXPECT(buffer >= 0);
	EXPECT_EQ(allocate(buffer), 0);
	EXPECT_EQ(set_master(fd, true), 0);
	close(buffer);
	return fd;
}

/* What lies behind an IOMMU is out of its reach at once. */
static void expect_unquiet(int control, uint32_t device)
{
	struct mmiod_device_info info = device_info(control, device);

	EXPECT_EQ(info.flags & (MMIOD_FUNCTION_DIRTY | MMIOD_FUNCTION_QUIET), MMIOD_FUNCTION_DIRTY);
	EXPECT_EQ(info.graves, has_iommu() ? 0 : page());
	EXPECT_EQ(info.reset_error, -EIO);
	EXPECT(!(pci_command(device) & 4));
}

static void expect_quiet(int control, uint32_t device)
{
	struct mmiod_device_info info = device_info(control, device);

	EXPECT_EQ(info.flags & (MMIOD_FUNCTION_DIRTY | MMIOD_FUNCTION_QUIET), MMIOD_FUNCTION_QUIET);
	EXPECT_EQ(info.graves, 0);
	EXPECT_EQ(info.reset_error, 0);
	close(operate_at_once(control, device, OPERATOR, 0, 2));
}

TEST(a_reset_between_operators_that_fails_says_so_and_is_tried_again_for_the_next_one)
{
	uint32_t device = edu_behind_port(), failed;
	int control = open_control(), fd = operate_with_memory(control, device);

	failed = device_info(control, device).resets_failed;
	fail_resets(true);
	close(fd);
	EXPECT(becomes_quiet(control, device, EIO));
	expect_unquiet(control, device);
	EXPECT(is_tried_again(control, device, EIO));
	expect_unquiet(control, device);
	EXPECT_EQ(device_info(control, device).resets_failed, failed + 2);
	fail_resets(false);
	EXPECT(is_tried_again(control, device, 0));
	expect_quiet(control, device);
}

static uint32_t port_above(uint32_t device)
{
	unsigned int domain, bus, slot, function;
	char path[PATH_MAX];

	EXPECT(realpath(pci_path(device), path));
	*strrchr(path, '/') = '\0';
	EXPECT_EQ(sscanf(strrchr(path, '/') + 1, "%x:%x:%x.%x", &domain, &bus, &slot, &function),
		  4);
	return MMIOD_PCI_ADDR(domain, bus, slot, function);
}

/* Another's, which starts nothing and so is in nobody's way. */
static int reader(int control, uint32_t device)
{
	struct mmiod_region_claim claim = {
		.size = sizeof(claim), .kind = MMIOD_REGION_PCI, .pci = device, .name = "unquiet"
	};
	struct mmiod_window_create create = {
		.length = page(), .attr = MMIOD_ATTR_UC, .flags = MMIOD_WINDOW_READONLY, .owner = 3
	};
	int fd;

	EXPECT_EQ(ioctl(control, MMIOD_IOC_REGION_CLAIM, &claim), 0);
	create.region_id = claim.region_id;
	fd = try_window(control, &create);
	EXPECT(fd >= 0);
	return fd;
}

TEST(a_function_that_is_dead_after_the_reset_between_operators_is_nobodys_until_it_answers)
{
	uint32_t device = edu_behind_port(), port = port_above(device), value;
	int control = open_control(), window = reader(control, device);
	int fd = operate_with_memory(control, device);
	bool told, told_again;

	set_pci_command(port, MEMORY, false);
	close(fd);
	told = becomes_quiet(control, device, EIO);
	told_again = told && is_tried_again(control, device, EIO);
	set_pci_command(port, MEMORY, true);
	EXPECT(told);
	EXPECT(told_again);
	expect_unquiet(control, device);
	EXPECT_EQ(device_info(control, device).reasons, MMIOD_REASON_ERROR);
	EXPECT_EQ(window_info(control, window).state, MMIOD_WINDOW_SUSPENDED);
	EXPECT_ERRNO(pread(window, &value, 4, 0), EAGAIN);
	EXPECT(is_tried_again(control, device, 0));
	EXPECT_EQ(window_info(control, window).state, MMIOD_WINDOW_OK);
	EXPECT_EQ(pread(window, &value, 4, 0), 4);
	expect_quiet(control, device);
}

/* By root, who has the function's lock as long as his reset takes. */
TEST(a_function_that_is_locked_is_made_quiet_once_it_no_longer_is)
{
	uint32_t device = edu_behind_port();
	int control = open_control(), fd = operate_with_memory(control, device);
	uint32_t resets = device_info(control, device).resets;
	pthread_t thread;

	hold_resets(true);
	thread = begin_sysfs_reset(device);
	while (!(query(fd).reasons & MMIOD_REASON_RESET))
		usleep(1000);
	forget_events(control);
	close(fd);
	for (int i = 0; i < 20; i++) {
		EXPECT_ERRNO(try_operate(control, request(device, OPERATOR, 0, 2)), EAGAIN);
		usleep(50000);
	}
	EXPECT_EQ(device_info(control, device).flags & MMIOD_FUNCTION_QUIET, 0);
	EXPECT_EQ(device_info(control, device).resets, resets);
	hold_resets(false);
	end_sysfs_reset(thread);
	EXPECT(becomes_quiet(control, device, 0));
	EXPECT_EQ(device_info(control, device).resets, resets + 1);
	expect_quiet(control, device);
}
