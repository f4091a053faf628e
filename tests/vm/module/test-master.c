// SPDX-License-Identifier: MIT
/*
 * Bus mastering by who operates a device, against others who could start its DMA.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "device.h"

#define UC MMIOD_ATTR_UC
#define RW (PROT_READ | PROT_WRITE)
#define MASTER MMIOD_OPERATE_MASTER
#define TRUSTED MMIOD_OPERATE_DMA_TRUSTED
#define NO_RESET MMIOD_OPERATE_NEEDS_NO_RESET

#define COMMAND 4
#define MASTERING 0x4

/* All rights but those that are tested for being missing. */
#define OPERATOR (READ | WRITE | MASTER | TRUSTED)

static int master(int fd, uint32_t on, uint64_t *conflict)
{
	struct mmiod_device_master arg = { .size = sizeof(arg), .on = on };
	int ret = ioctl(fd, MMIOD_IOC_DEVICE_SET_MASTER, &arg);

	if (conflict)
		*conflict = arg.conflict_id;
	return ret;
}

static bool masters(uint32_t device)
{
	return pci_command(device) & MASTERING;
}

static int try_window_for(int control, const char *name, uint64_t owner, uint32_t flags,
			  uint64_t *conflict)
{
	struct mmiod_window_create create = { .region_id = region(control, name),
					      .length = page(),
					      .attr = UC,
					      .flags = flags,
					      .owner = owner };
	int fd = try_window(control, &create);

	*conflict = create.conflict_id;
	return fd;
}

static int window_for(int control, const char *name, uint64_t owner, uint32_t flags)
{
	uint64_t conflict;
	int fd = try_window_for(control, name, owner, flags, &conflict);

	EXPECT(fd >= 0);
	return fd;
}

TEST(bus_mastering_is_on_while_the_operator_has_switched_it_on)
{
	int control = open_control(), fd = operate(control, edu(), OPERATOR, NO_RESET, 1);
	struct mmiod_device_file_info info = { .size = sizeof(info), .id = query(fd).id - 1 };

	EXPECT(!masters(edu()));
	EXPECT_EQ(master(fd, 1, NULL), 0);
	EXPECT(masters(edu()));
	EXPECT(happens(control, MMIOD_CONTROL_DEVICE_MASTER, 1, edu()));
	EXPECT_EQ(ioctl(control, MMIOD_IOC_DEVICE_FILE_NEXT, &info), 0);
	EXPECT(info.flags & MMIOD_OPERATE_MASTERS);
	EXPECT_EQ(master(fd, 1, NULL), 0);
	EXPECT_EQ(master(fd, 0, NULL), 0);
	EXPECT(!masters(edu()));
	EXPECT(happens(control, MMIOD_CONTROL_DEVICE_MASTER, 0, edu()));
	EXPECT_EQ(master(fd, 1, NULL), 0);
	close(fd);
	EXPECT(!masters(edu()));
}

TEST(the_bit_in_command_is_the_same_switch)
{
	int control = open_control(), fd = operate(control, edu(), OPERATOR, NO_RESET, 1);
	uint16_t command;
	uint8_t low;

	EXPECT_EQ(pread(fd, &command, 2, COMMAND), 2);
	EXPECT(!(command & MASTERING));
	command |= MASTERING;
	EXPECT_EQ(pwrite(fd, &command, 2, COMMAND), 2);
	EXPECT(masters(edu()));
	EXPECT_EQ(pread(fd, &command, 2, COMMAND), 2);
	EXPECT(command & MASTERING);
	EXPECT_EQ(pread(fd, &low, 1, COMMAND), 1);
	low &= ~MASTERING;
	EXPECT_EQ(pwrite(fd, &low, 1, COMMAND), 1);
	EXPECT(!masters(edu()));
}

TEST(who_has_not_the_right_to_master_does_not)
{
	int control = open_control(), fd = operate(control, edu(), READ | WRITE, 0, 1);
	uint16_t command;

	EXPECT_ERRNO(master(fd, 1, NULL), EPERM);
	EXPECT_EQ(pread(fd, &command, 2, COMMAND), 2);
	command |= MASTERING;
	EXPECT_ERRNO(pwrite(fd, &command, 2, COMMAND), EPERM);
	EXPECT(!masters(edu()));
	close(fd);
	fd = operate(control, edu(), OPERATOR, NO_RESET, 1);
	EXPECT_ERRNO(master(fd, 2, NULL), EINVAL);
	EXPECT(!masters(edu()));
	if (!has_iommu())
		EXPECT_ERRNO(try_operate(control, request(nvme(), READ | MASTER, 0, 1)), EPERM);
	close(operate(control, nvme(), READ | MASTER, MMIOD_OPERATE_NO_ENGINE, 1));
}

#define TAINT_USER (1ul << 6)

TEST(bus_mastering_that_no_iommu_bounds_taints_the_kernel)
{
	int control = open_control(), fd = operate(control, edu(), OPERATOR, NO_RESET, 1);

	if (has_iommu())
		tap_skip("this machine has an IOMMU");
	EXPECT_EQ(master(fd, 1, NULL), 0);
	EXPECT(strtoul(read_file("/proc/sys/kernel/tainted"), NULL, 10) & TAINT_USER);
}

/* ---- others ---- */

TEST(nobody_masters_while_another_may_write_registers_and_the_reverse)
{
	static const uint64_t owners[] = { 2, 0 };
	int control = open_control(), fd = operate(control, edu(), OPERATOR, NO_RESET, 1);
	uint64_t conflict;

	for (int i = 0; i < 2; i++) {
		int other = window_for(control, "edu", owners[i], 0);

		EXPECT_ERRNO(master(fd, 1, &conflict), EBUSY);
		EXPECT_EQ(conflict, window_id(other));
		EXPECT(!masters(edu()));
		close(other);
		EXPECT_EQ(master(fd, 1, NULL), 0);
		EXPECT_ERRNO(try_window_for(control, "edu", owners[i], 0, &conflict), EBUSY);
		EXPECT_EQ(conflict, query(fd).id);
		close(window_for(control, "edu", owners[i], MMIOD_WINDOW_READONLY));
		close(window_for(control, "edu", 1, 0));
		EXPECT_EQ(master(fd, 0, NULL), 0);
		close(window_for(control, "edu", owners[i], 0));
	}
}

TEST(a_window_to_read_keeps_nobody_from_mastering)
{
	int control = open_control(), fd = operate(control, edu(), OPERATOR, NO_RESET, 1);
	int other = window_for(control, "edu", 2, MMIOD_WINDOW_READONLY);
	int mine = window_for(control, "edu", 1, 0);

	EXPECT_EQ(master(fd, 1, NULL), 0);
	EXPECT(masters(edu()));
	close(other);
	close(mine);
}

/* A function's registers, as a region with that flag. */
static uint64_t claim_harmless(int control, uint32_t device)
{
	struct mmiod_region_claim claim = { .pci = device,
					    .flags = MMIOD_REGION_NO_DMA,
					    .name = "harmless" };

	return claim_bar(control, claim);
}

TEST(where_nothing_starts_dma_others_write_and_the_operators_windows_outlive_him)
{
	uint32_t device = edu_behind_port();
	int control = open_control(), fd = operate(control, device, OPERATOR, NO_RESET, 1), one,
	    two;
	struct mmiod_window_create create = { .region_id = claim_harmless(control, device),
					      .length = page(),
					      .attr = UC,
					      .owner = 2 };
	uint32_t value;

	one = try_window(control, &create);
	EXPECT(one >= 0);
	EXPECT_EQ(master(fd, 1, NULL), 0);
	create.owner = 1;
	two = try_window(control, &create);
	EXPECT(two >= 0);
	close(fd);
	EXPECT(happens(control, MMIOD_CONTROL_DEVICE_QUIET, 0, device));
	EXPECT_EQ(window_info(control, one).state, MMIOD_WINDOW_OK);
	EXPECT_EQ(window_info(control, two).state, MMIOD_WINDOW_OK);
	EXPECT_EQ(pread(two, &value, 4, 0), 4);
}

TEST(an_operator_that_ends_loses_the_windows_by_which_he_could_start_dma)
{
	int control = open_control(), fd = operate(control, edu(), OPERATOR, NO_RESET, 1);
	int mine = window_for(control, "edu", 1, 0), to_read;
	uint8_t *registers = map_window(mine, page(), RW);
	uint64_t id = window_id(mine);
	uint32_t value;

	to_read = window_for(control, "edu", 1, MMIOD_WINDOW_READONLY);
	EXPECT_EQ(touch_read(registers), 0);
	EXPECT_EQ(master(fd, 1, NULL), 0);
	close(fd);
	EXPECT_ERRNO(pread(mine, &value, 4, 0), ENODEV);
	EXPECT(happens(control, MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_REVOKED, id));
	EXPECT_EQ(touch_read(registers), SIGBUS);
	EXPECT_EQ(pread(to_read, &value, 4, 0), 4);
	EXPECT_EQ(value, 0x010000ed);
}

TEST(a_file_without_an_engine_takes_no_windows_with_it)
{
	int control = open_control(), fd = operate(control, edu(), READ | WRITE, 0, 1);
	int mine = window_for(control, "edu", 1, 0);
	uint32_t value;

	close(fd);
	EXPECT_EQ(pread(mine, &value, 4, 0), 4);
}

/* ---- what switches it off ---- */

TEST(a_reset_switches_bus_mastering_off_and_says_so)
{
	uint32_t device = edu_behind_port();
	int control = open_control();
	int fd = operate(control, device, OPERATOR | MMIOD_OPERATE_RESET, NO_RESET, 1);
	struct pollfd poll_fd = { .fd = fd, .events = POLLPRI };

	EXPECT_EQ(master(fd, 1, NULL), 0);
	EXPECT_EQ(poll(&poll_fd, 1, 0), 0);
	EXPECT_EQ(reset_now(fd, NULL), 0);
	EXPECT(!masters(device));
	EXPECT_EQ(poll(&poll_fd, 1, 0), 1);
	EXPECT_EQ(query(fd).master_lost, 1);
	EXPECT_EQ(poll(&poll_fd, 1, 0), 0);
	EXPECT_EQ(master(fd, 1, NULL), 0);
	EXPECT_EQ(write_file(pci_path(device), "reset", "1"), 0);
	EXPECT(!masters(device));
	EXPECT_EQ(query(fd).master_lost, 2);
	EXPECT_EQ(master(fd, 1, NULL), 0);
	EXPECT(masters(device));
}

TEST(a_device_file_that_is_suspended_masters_nothing_meanwhile)
{
	int control = open_control(), fd = operate(control, edu(), OPERATOR, NO_RESET, 1);
	uint64_t id = query(fd).id;

	EXPECT_EQ(master(fd, 1, NULL), 0);
	EXPECT_EQ(set_state(control, id, MMIOD_WINDOW_SUSPENDED), 0);
	EXPECT(!masters(edu()));
	EXPECT_ERRNO(master(fd, 1, NULL), EAGAIN);
	EXPECT(!masters(edu()));
	EXPECT_EQ(set_state(control, id, MMIOD_WINDOW_OK), 0);
	while (!masters(edu()))
		usleep(1000);
	EXPECT_EQ(set_state(control, id, MMIOD_WINDOW_SUSPENDED), 0);
	EXPECT_EQ(master(fd, 0, NULL), 0);
	EXPECT_EQ(set_state(control, id, MMIOD_WINDOW_OK), 0);
	EXPECT(!masters(edu()));
	EXPECT_EQ(master(fd, 1, NULL), 0);
	EXPECT_EQ(set_state(control, id, MMIOD_WINDOW_REVOKED), 0);
	EXPECT(!masters(edu()));
	EXPECT_ERRNO(master(fd, 1, NULL), ENODEV);
}

TEST(a_device_with_buffers_of_nobodys_file_has_no_operator_and_the_reverse)
{
	int control = open_control(), fd;
	struct mmiod_buffer_create create = {
		.kind = MMIOD_BUFFER_DMA, .length = page(), .node = -1, .pci = edu()
	};
	struct mmiod_device_open open = request(edu(), OPERATOR, NO_RESET, 1);
	int buffer = try_buffer(control, create);

	EXPECT(buffer >= 0);
	EXPECT_ERRNO(ioctl(control, MMIOD_IOC_DEVICE_OPEN, &open), EBUSY);
	EXPECT_EQ(open.conflict_id, window_id(buffer));
	close(buffer);
	fd = operate(control, edu(), OPERATOR, NO_RESET, 1);
	EXPECT_ERRNO(try_buffer(control, create), EBUSY);
	close(fd);
	close(try_buffer(control, create));
}

static atomic_bool over;

static void *reset_again_and_again(void *path)
{
	while (!atomic_load(&over))
		write_file(path, "reset", "1");
	return NULL;
}

TEST(root_resets_in_a_loop_and_the_switch_agree)
{
	uint32_t device = edu_behind_port();
	int control = open_control(), fd = operate(control, device, OPERATOR, NO_RESET, 1);
	char *path = strdup(pci_path(device));
	pthread_t thread;

	atomic_store(&over, false);
	EXPECT_EQ(pthread_create(&thread, NULL, reset_again_and_again, path), 0);
	for (int i = 0; i < 200; i++)
		if (master(fd, !(i & 3), NULL))
			EXPECT_EQ(errno, EAGAIN);
	atomic_store(&over, true);
	pthread_join(thread, NULL);
	EXPECT_EQ(master(fd, 1, NULL), 0);
	EXPECT(masters(device));
	EXPECT_EQ(master(fd, 0, NULL), 0);
	EXPECT(!masters(device));
}
