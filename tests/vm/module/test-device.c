// SPDX-License-Identifier: MIT
/*
 * Events of a device while its windows are mapped: errors on its bus, which QEMU's monitor injects
 * at the port above it, and power management.
 */
#include <signal.h>
#include <unistd.h>

#include "fixture.h"

#define UC MMIOD_ATTR_UC
#define RW (PROT_READ | PROT_WRITE)

static const char *shm_path(void)
{
	return pci_path(find_pci(0x1af4, 0x1110));
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

TEST(windows_are_suspended_while_the_machine_sleeps)
{
	int control = open_control();
	int fd = window(control, "shm", 0, page(), UC, 0);
	uint8_t *address = map_window(fd, page(), RW);

	EXPECT_EQ(touch_write(address, 0x4e), 0);
	prepare_sleep();
	sleep_and_wake();
	EXPECT(happens(control, MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_SUSPENDED, window_id(fd)));
	EXPECT(happens(control, MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_OK, window_id(fd)));
	EXPECT_EQ(touch_read(address), 0);
	EXPECT_EQ(address[0], 0x4e);
}

/* ---- a recovery that fails, and what keeps windows suspended meanwhile ---- */

/* The first of two functions behind a port of their own; the second has no driver. */
#define LOSER MMIOD_PCI_ADDR(0, 2, 0, 0)
#define PARAMETERS "/sys/module/mmiod/parameters"

static int try_claim(int control, struct mmiod_region_claim *claim)
{
	*claim = (struct mmiod_region_claim){ .size = sizeof(*claim),
					      .kind = MMIOD_REGION_PCI,
					      .pci = LOSER,
					      .width = 4,
					      .name = "loser" };
	return ioctl(control, MMIOD_IOC_REGION_CLAIM, claim);
}

/* The core asks no driver to recover where one of them cannot. */
static int window_of_loser(int control, struct mmiod_region_claim *claim)
{
	struct mmiod_window_create create = { .length = page(), .attr = UC };
	int fd;

	if (access(pci_path(LOSER), F_OK))
		tap_skip("there is no port with two functions");
	bind_driver(LOSER, "mmiod");
	bind_driver(LOSER + 1, "");
	EXPECT_EQ(try_claim(control, claim), 0);
	create.region_id = claim->region_id;
	fd = try_window(control, &create);
	EXPECT(fd >= 0);
	return fd;
}

static void fail_to_recover(int control, uint64_t region_id)
{
	tell_qemu("pcie_aer_inject_error slot1 COMP_TIME\n");
	EXPECT(happens(control, MMIOD_CONTROL_REGION_STATE, MMIOD_WINDOW_SUSPENDED, region_id));
}

TEST(a_device_that_did_not_recover_is_lost_and_its_windows_are_revoked_until_it_is_bound_anew)
{
	int control = open_control();
	struct mmiod_region_claim claim;
	int fd = window_of_loser(control, &claim);
	uint8_t *address = map_window(fd, page(), RW);
	uint32_t value;

	EXPECT_EQ(write_file(PARAMETERS, "recovery_timeout", "1"), 0);
	fail_to_recover(control, claim.region_id);
	EXPECT(happens(control, MMIOD_CONTROL_REGION_GONE, MMIOD_WINDOW_REVOKED, claim.region_id));
	EXPECT_EQ(write_file(PARAMETERS, "recovery_timeout", "120"), 0);
	EXPECT_EQ(touch_read(address), SIGBUS);
	EXPECT_ERRNO(pread(fd, &value, sizeof(value), 0), ENODEV);
	EXPECT_EQ(window_info(control, fd).state, MMIOD_WINDOW_REVOKED);
	EXPECT_ERRNO(try_claim(control, &claim), EIO);
	EXPECT_ERRNO(try_buffer(control, (struct mmiod_buffer_create){ .kind = MMIOD_BUFFER_DMA,
								       .length = page(),
								       .node = -1,
								       .pci = LOSER }),
		     EIO);
	bind_driver(LOSER, "mmiod");
	EXPECT_EQ(try_claim(control, &claim), 0);
	bind_driver(LOSER, "");
}

/* And so that its timer ends with the device. */
TEST(a_device_may_be_unbound_while_it_recovers)
{
	int control = open_control();
	struct mmiod_region_claim claim;
	int fd = window_of_loser(control, &claim);
	uint32_t value;

	EXPECT_EQ(write_file(PARAMETERS, "recovery_timeout", "2"), 0);
	fail_to_recover(control, claim.region_id);
	EXPECT_EQ(write_file(PARAMETERS, "recovery_timeout", "120"), 0);
	bind_driver(LOSER, "");
	EXPECT_ERRNO(pread(fd, &value, sizeof(value), 0), ENODEV);
	sleep(3);
}

/* From 6.18 on drivers are told that the recovery failed: the device counts as gone at once. */
TEST(a_sleep_that_ends_does_not_end_the_suspension_by_an_error)
{
	int control = open_control();
	struct mmiod_region_claim claim;
	int fd = window_of_loser(control, &claim);
	uint32_t state;

	prepare_sleep();
	fail_to_recover(control, claim.region_id);
	sleep_and_wake();
	state = window_info(control, fd).state;
	if (state != MMIOD_WINDOW_REVOKED || !kernel_is_from(6, 18))
		EXPECT_EQ(state, MMIOD_WINDOW_SUSPENDED);
	bind_driver(LOSER, "");
}
