// SPDX-License-Identifier: MIT
/*
 * What happens to a device while its windows are mapped: errors on its bus, which QEMU's monitor
 * injects at the port above it, and power management.
 */
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "fixture.h"

#define UC MMIOD_ATTR_UC
#define RW (PROT_READ | PROT_WRITE)

static const char *shm_path(void)
{
	return pci_path(find_pci(0x1af4, 0x1110));
}

/* QEMU's monitor says nothing that matters here: what it does is seen by the events. */
static void tell_qemu(const char *command)
{
	int fd = open("/dev/virtio-ports/rig.monitor", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		tap_skip("QEMU's monitor is not at hand: %s", strerror(errno));
	EXPECT_EQ(write(fd, command, strlen(command)), (ssize_t)strlen(command));
	close(fd);
}

static bool happens(int control, uint32_t type, uint32_t value, uint64_t id)
{
	struct mmiod_control_event event;

	EXPECT_EQ(fcntl(control, F_SETFL, O_NONBLOCK), 0);
	for (int i = 0; i < 1000; i++) {
		while (read(control, &event, sizeof(event)) == sizeof(event))
			if (event.type == type && event.value == value && event.id == id)
				return true;
		usleep(20000);
	}
	return false;
}

static void survive_error(const char *error)
{
	int control = open_control();
	int fd = window(control, "shm", 0, 4 * page(), UC, 0);
	uint64_t region_id = region(control, "shm"), id = window_id(fd);
	uint8_t *address = map_window(fd, 4 * page(), RW);

	EXPECT_EQ(touch_write(address + page(), 0x3c), 0);
	tell_qemu(error);
	EXPECT(happens(control, MMIOD_CONTROL_REGION_STATE, MMIOD_WINDOW_SUSPENDED, region_id));
	EXPECT(happens(control, MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_SUSPENDED, id));
	EXPECT(happens(control, MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_OK, id));
	EXPECT_EQ(region_info(control, region_id).state, MMIOD_WINDOW_OK);
	EXPECT_EQ(touch_read(address + page()), 0);
	EXPECT_EQ(address[page()], 0x3c);
	munmap(address, 4 * page());
	close(fd);
}

TEST(an_error_on_the_bus_suspends_the_windows_of_the_device_and_recovery_gives_them_back)
{
	survive_error("pcie_aer_inject_error slot0 COMP_TIME\n");
	survive_error("pcie_aer_inject_error slot0 DLP\n"); /* fatal: the link is reset */
}

/* The driver holds the device awake: its windows may be touched at any time. */
TEST(a_device_with_the_driver_bound_never_falls_asleep_by_itself)
{
	int control = open_control();
	int fd = window(control, "shm", 0, page(), UC, 0);
	uint8_t *address = map_window(fd, page(), RW);
	char status[128];

	EXPECT_EQ(touch_write(address, 0x2b), 0);
	EXPECT_EQ(write_file(shm_path(), "power/control", "auto"), 0);
	sleep(1);
	snprintf(status, sizeof(status), "%s/power/runtime_status", shm_path());
	EXPECT(!strcmp(read_file(status), "active\n"));
	EXPECT_EQ(touch_read(address), 0);
	EXPECT_EQ(address[0], 0x2b);
	EXPECT_EQ(write_file(shm_path(), "power/control", "on"), 0);
}

/* As far as the devices, and back: the machine itself stays awake. */
TEST(windows_are_suspended_while_the_machine_sleeps)
{
	int control = open_control();
	int fd = window(control, "shm", 0, page(), UC, 0);
	uint8_t *address = map_window(fd, page(), RW);

	EXPECT_EQ(touch_write(address, 0x4e), 0);
	if (write_file("/sys/power", "pm_test", "devices"))
		tap_skip("this kernel has no test of sleeping: %s", strerror(errno));
	write_file("/sys/module/suspend/parameters", "pm_test_delay", "0");
	EXPECT_EQ(write_file("/sys/power", "state", "freeze"), 0);
	EXPECT_EQ(write_file("/sys/power", "pm_test", "none"), 0);
	EXPECT(happens(control, MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_SUSPENDED, window_id(fd)));
	EXPECT(happens(control, MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_OK, window_id(fd)));
	EXPECT_EQ(touch_read(address), 0);
	EXPECT_EQ(address[0], 0x4e);
}
