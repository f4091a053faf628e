// SPDX-License-Identifier: MIT
/*
 * Resets and the sleep of a function, and errors on its bus, at the same time: each reason to keep
 * everybody away has an end of its own. QEMU's monitor injects the errors at the port.
 */
#include <unistd.h>

#include "device.h"

#define MASTER MMIOD_OPERATE_MASTER
#define TRUSTED MMIOD_OPERATE_DMA_TRUSTED
#define RESET MMIOD_OPERATE_RESET
#define NO_ENGINE MMIOD_OPERATE_NO_ENGINE

#define MASTERING 0x4

/* The port above edu_behind_port(), by QEMU's name. */
#define FATAL "pcie_aer_inject_error slot4 DLP\n"
#define NONFATAL "pcie_aer_inject_error slot4 COMP_TIME\n"

static void hold_recoveries(bool hold)
{
	if (write_file("/sys/module/mmiod/parameters", "hold_recoveries", hold ? "Y" : "N"))
		tap_skip("this module cannot hold recoveries: %s", strerror(errno));
}

static bool becomes(int control, int window, uint32_t state)
{
	return happens(control, MMIOD_CONTROL_WINDOW_STATE, state, window_id(window));
}

/* An operator with a window, whose function has an error: it was told, and not yet asked again. */
static int operate_with_error(int control, int *window, const char *error)
{
	uint32_t device = edu_behind_port();
	int fd = operate(control, device, READ | MASTER | TRUSTED | RESET, 0, 1);

	*window = window_on_bar(control, device, "resettable", 1);
	EXPECT(*window >= 0);
	EXPECT_EQ(set_master(fd, true), 0);
	hold_recoveries(true);
	tell_qemu(error);
	EXPECT(becomes(control, *window, MMIOD_WINDOW_SUSPENDED));
	EXPECT_EQ(query(fd).reasons, MMIOD_REASON_ERROR);
	return fd;
}

TEST(a_reset_that_ends_while_a_link_recovers_resumes_nothing)
{
	int control = open_control(), held, fd = operate_with_error(control, &held, FATAL), ret;
	uint32_t value;

	ret = reset_now(fd, NULL) ? errno : 0;
	EXPECT_EQ(query(fd).reasons, MMIOD_REASON_ERROR);
	EXPECT_EQ(window_info(control, held).state, MMIOD_WINDOW_SUSPENDED);
	EXPECT_ERRNO(pread(held, &value, 4, 0), EAGAIN);
	hold_recoveries(false);
	EXPECT(becomes(control, held, MMIOD_WINDOW_OK));
	EXPECT_EQ(ret, EIO); /* nobody can say that it was reset while its link is down */
	EXPECT_EQ(pread(held, &value, 4, 0), 4);
	EXPECT(!(pci_command(edu_behind_port()) & MASTERING));
}

/* Its link works, and so it is reset; then the recovery comes to it, and takes COMMAND away. */
TEST(a_recovery_that_goes_on_after_a_reset_has_the_function_for_itself)
{
	int control = open_control(), held, fd = operate_with_error(control, &held, NONFATAL);
	uint32_t value;

	EXPECT_EQ(reset_now(fd, NULL), 0);
	EXPECT(becomes(control, held, MMIOD_WINDOW_OK));
	EXPECT_EQ(set_master(fd, true), 0);
	hold_recoveries(false);
	EXPECT(becomes(control, held, MMIOD_WINDOW_SUSPENDED));
	EXPECT(becomes(control, held, MMIOD_WINDOW_OK));
	EXPECT_EQ(pread(held, &value, 4, 0), 4);
	EXPECT(pci_command(edu_behind_port()) & MASTERING);
	EXPECT_EQ(query(fd).reasons, 0);
}

TEST(what_an_operator_masters_he_masters_after_an_error_and_after_a_sleep_without_a_reset)
{
	int control = open_control(), held, fd = operate_with_error(control, &held, NONFATAL);

	hold_recoveries(false);
	EXPECT(becomes(control, held, MMIOD_WINDOW_OK));
	EXPECT(pci_command(edu_behind_port()) & MASTERING);
	prepare_sleep();
	sleep_and_wake();
	EXPECT(becomes(control, held, MMIOD_WINDOW_SUSPENDED));
	EXPECT(becomes(control, held, MMIOD_WINDOW_OK));
	EXPECT(pci_command(edu_behind_port()) & MASTERING);
	EXPECT_EQ(query(fd).master_lost, 0);
}
