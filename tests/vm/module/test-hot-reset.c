// SPDX-License-Identifier: MIT
/*
 * The reset of all functions below a bridge, for those that have none of their own: edu and
 * pci-testdev share a port. That they were reset shows in the latter, which forgets the test that was
 * chosen by a write to its first byte.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "device.h"

#define RESET MMIOD_OPERATE_RESET
#define MASTER MMIOD_OPERATE_MASTER
#define NO_ENGINE MMIOD_OPERATE_NO_ENGINE

#define EDU MMIOD_PCI_ADDR(0, 2, 0, 0)
#define TESTDEV MMIOD_PCI_ADDR(0, 2, 0, 1)

#define NAME_AT 0x10

static void bind_both(void)
{
	if (access(pci_path(EDU), F_OK) || access(pci_path(TESTDEV), F_OK))
		tap_skip("this machine has no port with two functions");
	bind_driver(EDU, "mmiod");
	bind_driver(TESTDEV, "mmiod");
}

static int testdev_window(int control, uint64_t owner, uint32_t flags)
{
	struct mmiod_region_claim claim = {
		.size = sizeof(claim), .kind = MMIOD_REGION_PCI, .pci = TESTDEV, .flags = flags
	};
	struct mmiod_window_create create = { .length = page(),
					      .attr = MMIOD_ATTR_UC,
					      .owner = owner };
	int fd;

	strcpy(claim.name, "shared-testdev");
	create.region_id = find_region(control, claim.name);
	if (!create.region_id) {
		EXPECT_EQ(ioctl(control, MMIOD_IOC_REGION_CLAIM, &claim), 0);
		create.region_id = claim.region_id;
	}
	fd = try_window(control, &create);
	EXPECT(fd >= 0);
	return fd;
}

static void choose(int fd)
{
	uint8_t test = 0;

	EXPECT_EQ(pwrite(fd, &test, 1, 0), 1);
}

/* Whether a test is chosen, whose name begins with an m. */
static bool has_chosen(int fd)
{
	char first = 0;

	EXPECT_EQ(pread(fd, &first, 1, NAME_AT), 1);
	return first == 'm';
}

TEST(functions_below_a_port_are_reset_together_by_who_has_them_all)
{
	int control, file, testdev;

	bind_both();
	control = open_control();
	testdev = testdev_window(control, 1, 0);
	file = operate(control, EDU, READ | RESET, 0, 1);
	choose(testdev);
	EXPECT(has_chosen(testdev));
	EXPECT_EQ(reset_now(file, NULL), 0);
	EXPECT(!has_chosen(testdev));
	choose(testdev);
	EXPECT(has_chosen(testdev));
	EXPECT_EQ(query(file).state, MMIOD_WINDOW_OK);
	EXPECT_EQ(query(file).resets, 1);
	EXPECT_EQ(device_info(control, EDU).resets, 1);
	EXPECT_EQ(device_info(control, EDU).reset_error, 0);
	EXPECT(!(device_info(control, EDU).flags & MMIOD_FUNCTION_DIRTY));
}

TEST(a_reset_of_all_below_a_port_is_told_and_suspends_all_that_there_is_of_them)
{
	int control, file, testdev;
	uint64_t id;

	bind_both();
	control = open_control();
	testdev = testdev_window(control, 1, 0);
	id = window_id(testdev);
	file = operate(control, EDU, READ | RESET, 0, 1);
	EXPECT_EQ(reset_now(file, NULL), 0);
	EXPECT(happens(control, MMIOD_CONTROL_DEVICE_RESET, 1, device_info(control, EDU).device));
	EXPECT(happens(control, MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_SUSPENDED, id));
	EXPECT(happens(control, MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_OK, id));
	EXPECT(happens(control, MMIOD_CONTROL_DEVICE_RESET, 0, device_info(control, EDU).device));
}

TEST(a_function_is_not_reset_under_another_who_has_something_of_its_neighbour)
{
	int control, file, testdev, other;

	bind_both();
	control = open_control();
	testdev = testdev_window(control, 2, 0);
	choose(testdev);
	file = operate(control, EDU, READ | RESET, 0, 1);
	EXPECT_ERRNO(reset_now(file, NULL), ENOTTY);
	EXPECT(has_chosen(testdev));
	EXPECT_EQ(query(file).resets, 0);
	close(testdev);
	other = operate(control, TESTDEV, READ | RESET, 0, 2);
	EXPECT_ERRNO(reset_now(file, NULL), ENOTTY);
	close(other);
	other = operate(control, TESTDEV, READ | RESET, MMIOD_OPERATE_NEVER_RESET, 1);
	EXPECT_ERRNO(reset_now(file, NULL), ENOTTY);
	close(other);
	EXPECT_EQ(reset_now(file, NULL), 0);
}

TEST(a_function_is_not_reset_with_a_neighbour_that_is_not_bound_to_the_module)
{
	int control, file;

	bind_both();
	control = open_control();
	file = operate(control, EDU, READ | RESET, 0, 1);
	bind_driver(TESTDEV, "");
	EXPECT_ERRNO(reset_now(file, NULL), ENOTTY);
	EXPECT_EQ(device_info(control, EDU).resets, 0);
	bind_driver(TESTDEV, "mmiod");
	EXPECT_EQ(reset_now(file, NULL), 0);
}

TEST(windows_of_who_asks_live_through_a_reset_of_all_below_a_port_that_revokes_others)
{
	int control, file, testdev;

	bind_both();
	control = open_control();
	testdev = testdev_window(control, 1, MMIOD_REGION_REVOKE_ON_RESET);
	file = operate(control, EDU, READ | RESET, 0, 1);
	EXPECT_EQ(reset_now(file, NULL), 0);
	choose(testdev);
	EXPECT(has_chosen(testdev));
}

TEST(who_ends_leaves_functions_below_a_port_quiet_and_configured_as_at_binding)
{
	int control, file, testdev;

	bind_both();
	control = open_control();
	testdev = testdev_window(control, 0, 0);
	choose(testdev);
	close(testdev);
	file = operate(control, TESTDEV, READ | MASTER, NO_ENGINE, 1);
	close(file);
	EXPECT(happens(control, MMIOD_CONTROL_DEVICE_QUIET, 0,
		       device_info(control, TESTDEV).device));
	EXPECT(!(device_info(control, TESTDEV).flags & MMIOD_FUNCTION_DIRTY));
	EXPECT(device_info(control, TESTDEV).flags & MMIOD_FUNCTION_QUIET);
	testdev = testdev_window(control, 2, 0);
	EXPECT(!has_chosen(testdev));
}

static void *rebind(void *arg)
{
	atomic_bool *over = arg;

	for (int i = 0; i < 20; i++) {
		bind_driver(TESTDEV, "");
		bind_driver(TESTDEV, "mmiod");
	}
	*over = true;
	return NULL;
}

TEST(resets_of_all_below_a_port_and_unbinding_one_of_them_wait_for_nothing_that_does_not_end)
{
	struct mmiod_device_reset arg = { .size = sizeof(arg) };
	atomic_bool over = false;
	int control, file;
	pthread_t thread;

	bind_both();
	control = open_control();
	file = operate(control, EDU, READ | RESET, 0, 1);
	EXPECT_EQ(pthread_create(&thread, NULL, rebind, &over), 0);
	while (!over) {
		if (ioctl(file, MMIOD_IOC_DEVICE_RESET, &arg))
			EXPECT(errno == EAGAIN || errno == ENOTTY);
	}
	pthread_join(thread, NULL);
	EXPECT_EQ(reset_now(file, NULL), 0);
	EXPECT_EQ(query(file).state, MMIOD_WINDOW_OK);
}
