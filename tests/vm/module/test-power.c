// SPDX-License-Identifier: MIT
/*
 * A function that its operator puts to sleep, and what wakes it.
 */
#include <unistd.h>

#include "device.h"

#define UC MMIOD_ATTR_UC
#define POWER MMIOD_OPERATE_POWER
#define OTHERS (MMIOD_OPERATE_RESET | MMIOD_OPERATE_RESET_OTHERS)
#define NO_ENGINE MMIOD_OPERATE_NO_ENGINE

#define COMMAND 4
#define MEMORY 0x2
#define MASTERING 0x4

static int power(int fd, uint32_t state)
{
	struct mmiod_device_power arg = { .size = sizeof(arg), .state = state };
	int ret;

	while ((ret = ioctl(fd, MMIOD_IOC_DEVICE_SET_POWER, &arg)) && errno == EAGAIN)
		usleep(1000);
	return ret;
}

/* As the hardware has it. */
static unsigned int state_of(uint32_t device)
{
	uint16_t pmcsr;

	past_the_module(device, &pmcsr, 2, capability(device, 1) + 4);
	return pmcsr & 3;
}

static int window_for(int control, uint32_t device, uint64_t owner)
{
	struct mmiod_region_claim claim = { .pci = device, .name = "asleep" };

	return window_on(control, claim_bar(control, claim), page(), owner);
}

TEST(a_function_that_sleeps_shows_its_configuration_and_nothing_else)
{
	int control = open_control(), fd, held;
	struct mmiod_device_master master = { .size = sizeof(master), .on = 1 };
	uint16_t command;
	uint32_t value;

	fd = operate(control, nvme(), READ | WRITE | POWER | MMIOD_OPERATE_MASTER, NO_ENGINE, 1);
	held = window_for(control, nvme(), 1);
	EXPECT_EQ(ioctl(fd, MMIOD_IOC_DEVICE_SET_MASTER, &master), 0);
	EXPECT_EQ(power(fd, MMIOD_POWER_D3HOT), 0);
	EXPECT_EQ(state_of(nvme()), 3);
	EXPECT(!(pci_command(nvme()) & MASTERING));
	EXPECT_EQ(query(fd).reasons, MMIOD_REASON_POWER);
	EXPECT_EQ(query(fd).state, MMIOD_WINDOW_SUSPENDED);
	EXPECT_EQ(query(fd).master_lost, 1);
	EXPECT_EQ(window_info(control, held).state, MMIOD_WINDOW_SUSPENDED);
	EXPECT_ERRNO(pread(held, &value, 4, 8), EAGAIN);
	EXPECT_EQ(pread(fd, &value, 4, 0), 4);
	EXPECT_EQ(value, 0x00101b36);
	EXPECT_ERRNO(ioctl(fd, MMIOD_IOC_DEVICE_SET_MASTER, &master), EAGAIN);
	EXPECT_EQ(power(fd, MMIOD_POWER_D3HOT), 0);
	EXPECT_EQ(power(fd, MMIOD_POWER_D0), 0);
	EXPECT_EQ(state_of(nvme()), 0);
	EXPECT_EQ(query(fd).reasons, 0);
	EXPECT_EQ(pread(held, &value, 4, 8), 4);
	EXPECT_EQ(pread(fd, &command, 2, COMMAND), 2);
	EXPECT_EQ(command & (MEMORY | MASTERING), MEMORY);
	EXPECT_EQ(power(fd, MMIOD_POWER_D0), 0);
}

TEST(the_power_state_in_its_register_is_the_same_switch)
{
	int control = open_control(), fd = operate(control, nvme(), READ | WRITE | POWER, 0, 1);
	unsigned int at = capability(nvme(), 1) + 4;
	uint16_t pmcsr;

	EXPECT_EQ(pread(fd, &pmcsr, 2, at), 2);
	pmcsr |= 3;
	while (pwrite(fd, &pmcsr, 2, at) < 0)
		EXPECT_EQ(errno, EAGAIN);
	EXPECT_EQ(state_of(nvme()), 3);
	EXPECT_EQ(pread(fd, &pmcsr, 2, at), 2);
	EXPECT_EQ(pmcsr & 3, 3);
	pmcsr &= ~3;
	while (pwrite(fd, &pmcsr, 2, at) < 0)
		EXPECT_EQ(errno, EAGAIN);
	EXPECT_EQ(state_of(nvme()), 0);
	pmcsr |= 1;
	EXPECT_ERRNO(pwrite(fd, &pmcsr, 2, at), EINVAL);
	pmcsr ^= 0x100; /* the bit that lets it wake the machine */
	EXPECT_ERRNO(pwrite(fd, &pmcsr, 2, at), EPERM);
}

TEST(power_states_that_do_not_exist_and_rights_that_are_missing_are_refused)
{
	int control = open_control(), fd = operate(control, nvme(), READ, 0, 1);

	EXPECT_ERRNO(power(fd, MMIOD_POWER_D3HOT), EPERM);
	fd = operate(control, nvme(), POWER, 0, 1);
	EXPECT_ERRNO(power(fd, 1), EINVAL);
	EXPECT_ERRNO(power(fd, 2), EINVAL);
	EXPECT_ERRNO(power(fd, 4), EINVAL);
	fd = operate(control, edu(), POWER, 0, 1);
	EXPECT_ERRNO(power(fd, MMIOD_POWER_D3HOT), EOPNOTSUPP);
	EXPECT_EQ(query(fd).state, MMIOD_WINDOW_OK);
}

TEST(nobody_puts_a_function_to_sleep_under_others_without_the_right_to_reset_it)
{
	int control = open_control(), fd, other;
	struct mmiod_device_power arg = { .size = sizeof(arg), .state = MMIOD_POWER_D3HOT };

	fd = operate(control, nvme(), POWER, 0, 1);
	other = window_for(control, nvme(), 2);
	do
		EXPECT(ioctl(fd, MMIOD_IOC_DEVICE_SET_POWER, &arg));
	while (errno == EAGAIN);
	EXPECT_EQ(errno, EBUSY);
	EXPECT_EQ(arg.conflict_id, window_id(other));
	EXPECT_EQ(window_info(control, other).state, MMIOD_WINDOW_OK);
	close(fd);
	fd = operate(control, nvme(), POWER | OTHERS, 0, 1);
	EXPECT_EQ(power(fd, MMIOD_POWER_D3HOT), 0);
	EXPECT_EQ(window_info(control, other).state, MMIOD_WINDOW_SUSPENDED);
	EXPECT_EQ(power(fd, MMIOD_POWER_D0), 0);
	EXPECT_EQ(window_info(control, other).state, MMIOD_WINDOW_OK);
}

static void expect_awake(int fd)
{
	EXPECT_EQ(state_of(nvme()), 0);
	EXPECT_EQ(query(fd).reasons, 0);
	EXPECT_EQ(query(fd).state, MMIOD_WINDOW_OK);
	EXPECT(pci_command(nvme()) & MEMORY);
}

TEST(a_reset_wakes_a_function_that_sleeps)
{
	int control = open_control(), fd = operate(control, nvme(), POWER | OTHERS, 0, 1);

	EXPECT_EQ(power(fd, MMIOD_POWER_D3HOT), 0);
	EXPECT_EQ(reset_now(fd, NULL), 0);
	expect_awake(fd);
	EXPECT_EQ(power(fd, MMIOD_POWER_D3HOT), 0);
	EXPECT_EQ(write_file(pci_path(nvme()), "reset", "1"), 0);
	expect_awake(fd);
}

TEST(a_machine_that_wakes_wakes_a_function_that_slept_before)
{
	int control = open_control(), fd = operate(control, nvme(), POWER, 0, 1);

	prepare_sleep();
	EXPECT_EQ(power(fd, MMIOD_POWER_D3HOT), 0);
	sleep_and_wake();
	expect_awake(fd);
}

TEST(a_function_is_woken_when_its_file_ends_and_when_it_is_unbound)
{
	uint32_t device = nvme();
	int control = open_control(), fd, other;
	uint32_t value;

	other = window_for(control, device, 2);
	fd = operate(control, device, POWER | OTHERS, 0, 1);
	EXPECT_EQ(power(fd, MMIOD_POWER_D3HOT), 0);
	close(fd);
	EXPECT(happens(control, MMIOD_CONTROL_DEVICE_QUIET, 0, device));
	EXPECT_EQ(state_of(device), 0);
	EXPECT_EQ(pread(other, &value, 4, 8), 4);
	fd = operate(control, device, POWER | OTHERS, 0, 1);
	EXPECT_EQ(power(fd, MMIOD_POWER_D3HOT), 0);
	bind_driver(device, "mmiod");
	EXPECT_EQ(state_of(device), 0);
	fd = operate(control, device, READ, 0, 1);
	EXPECT_EQ(pread(fd, &value, 4, 0), 4);
	EXPECT_EQ(value, 0x00101b36);
}
