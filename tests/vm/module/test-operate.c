// SPDX-License-Identifier: MIT
/*
 * Device files: who may have one, what ends it, and the configuration space that they show.
 */
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device.h"

/* The same for programs of 32 and of 64 bits: this is compiled as both. */
_Static_assert(sizeof(struct mmiod_device_open) == 120, "ABI");
_Static_assert(offsetof(struct mmiod_device_open, fd) == 96, "ABI");
_Static_assert(sizeof(struct mmiod_device_file_info) == 120, "ABI");
_Static_assert(sizeof(struct mmiod_device_query) == 72, "ABI");

#define COMMAND 4
#define STATUS 6

static void *volatile nowhere = (void *)8;

/* ---- who may have one ---- */

TEST(a_device_file_is_a_regular_file_of_the_size_of_the_configuration_space)
{
	int control = open_control(), fd = operate(control, nvme(), READ, 0, 1);
	struct stat status;

	EXPECT_EQ(fstat(fd, &status), 0);
	EXPECT(S_ISREG(status.st_mode));
	EXPECT_EQ(status.st_size, 4096);
	EXPECT_EQ(lseek(fd, 0, SEEK_END), 4096);
	EXPECT_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	EXPECT_EQ(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	EXPECT_ERRNO(mmap(NULL, page(), PROT_READ, MAP_SHARED, fd, 0), ENODEV);
	EXPECT_ERRNO(ftruncate(fd, 0), EINVAL);
}

TEST(one_file_operates_a_function_and_any_number_reads)
{
	int control = open_control(), fd = operate(control, edu(), READ | WRITE, 0, 1), other;
	struct mmiod_device_open again = request(edu(), READ | WRITE, 0, 1);

	EXPECT_ERRNO(ioctl(control, MMIOD_IOC_DEVICE_OPEN, &again), EBUSY);
	EXPECT_EQ(again.conflict_id, query(fd).id);
	EXPECT_EQ(query(operate(control, edu(), READ, 0, 2)).rights, READ);
	EXPECT_EQ(query(operate(control, edu(), READ, 0, 3)).rights, READ);
	other = operate(control, nvme(), READ | WRITE, 0, 1);
	close(other);
	close(fd);
	close(operate(control, edu(), READ | WRITE, 0, 2));
}

TEST(what_is_not_a_right_of_a_device_file_is_refused)
{
	int control = open_control();
	struct mmiod_device_open open = request(edu(), 0, 0, 1);

	EXPECT_ERRNO(try_operate(control, request(edu(), 0, 0, 1)), EINVAL);
	EXPECT_ERRNO(try_operate(control, request(edu(), READ | 1u << 31, 0, 1)), EINVAL);
	EXPECT_ERRNO(try_operate(control, request(edu(), READ, 1u << 31, 1)), EINVAL);
	EXPECT_ERRNO(try_operate(control, request(edu(), WRITE, 0, 1)), EINVAL);
	EXPECT_ERRNO(try_operate(control, request(edu(), MMIOD_OPERATE_CONFIG_VENDOR, 0, 1)),
		     EINVAL);
	EXPECT_ERRNO(try_operate(control, request(edu(), READ | MMIOD_OPERATE_RESET_OTHERS, 0, 1)),
		     EINVAL);
	EXPECT_ERRNO(try_operate(control, request(edu(), READ, MMIOD_OPERATE_ATS_TRUSTED, 1)),
		     EOPNOTSUPP);
	EXPECT_ERRNO(try_operate(control, request(edu(), READ | MMIOD_OPERATE_DMA_TRUSTED,
						  MMIOD_OPERATE_SHARED_ENGINE, 1)),
		     EINVAL);
	/* A vendor's register may alias COMMAND, or send what it likes. */
	EXPECT_ERRNO(try_operate(control, request(edu(), READ | WRITE | VENDOR, 0, 1)), EPERM);
	open = request(edu(), READ, 0, 1);
	open.dma_bits = 65;
	EXPECT_ERRNO(try_operate(control, open), EINVAL);
	open.dma_bits = 23;
	EXPECT_ERRNO(try_operate(control, open), EINVAL);
	open = request(edu(), READ, 0, 1);
	open.reserved = 1;
	EXPECT_ERRNO(try_operate(control, open), EINVAL);
	open = request(edu(), READ, 0, 1);
	open.device |= 1ull << 32;
	EXPECT_ERRNO(try_operate(control, open), ENODEV);
	EXPECT_ERRNO(try_operate(control, request(MMIOD_PCI_ADDR(0, 0, 0, 0), READ, 0, 1)), ENODEV);
}

TEST(device_files_are_in_a_ledger_with_what_they_were_opened_with)
{
	int control = open_control(), again;
	int fd = operate(control, edu(), READ | WRITE, MMIOD_OPERATE_NEEDS_NO_RESET, 77);
	int reader = operate(control, edu(), READ, 0, 78);
	struct mmiod_device_file_info info = { .size = sizeof(info), .id = query(fd).id - 1 };

	close(control);
	again = open_control();
	EXPECT_EQ(ioctl(again, MMIOD_IOC_DEVICE_FILE_NEXT, &info), 0);
	EXPECT_EQ(info.id, query(fd).id);
	EXPECT_EQ(info.rights, READ | WRITE);
	EXPECT_EQ(info.flags, MMIOD_OPERATE_NEEDS_NO_RESET);
	EXPECT_EQ(info.owner, 77);
	EXPECT_EQ(info.device, edu());
	EXPECT_EQ(info.dma_bits, 32);
	EXPECT_EQ(info.state, MMIOD_WINDOW_OK);
	EXPECT(!strcmp((char *)info.tag, "module test"));
	EXPECT_EQ(ioctl(again, MMIOD_IOC_DEVICE_FILE_NEXT, &info), 0);
	EXPECT_EQ(info.id, query(reader).id);
	EXPECT_EQ(info.owner, 78);
	EXPECT_ERRNO(ioctl(again, MMIOD_IOC_DEVICE_FILE_NEXT, &info), ENOENT);
	info.id = UINT64_MAX;
	EXPECT_ERRNO(ioctl(again, MMIOD_IOC_DEVICE_FILE_NEXT, &info), ENOENT);
}

TEST(windows_and_device_files_have_their_ids_from_one_counter)
{
	int control = open_control();
	uint64_t first = query(operate(control, edu(), READ, 0, 1)).id;
	uint64_t second = window_id(window(control, "edu", 0, page(), MMIOD_ATTR_UC, 0));

	EXPECT_EQ(second, first + 1);
	EXPECT_EQ(query(operate(control, edu(), READ, 0, 1)).id, second + 1);
}

/* ---- what ends it ---- */

static short events_of(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN | POLLOUT | POLLPRI };

	EXPECT(poll(&poll_fd, 1, 0) >= 0);
	return poll_fd.revents;
}

TEST(a_revoked_device_file_says_so_and_makes_room_for_the_next)
{
	int control = open_control(), fd = operate(control, edu(), READ | WRITE, 0, 1);
	uint64_t id = query(fd).id;
	uint32_t value = 0;

	EXPECT_EQ(events_of(fd), POLLIN | POLLOUT);
	EXPECT_EQ(set_state(control, id, MMIOD_WINDOW_REVOKED), 0);
	EXPECT(happens(control, MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_REVOKED, id));
	EXPECT_ERRNO(pread(fd, &value, 4, 0), ENODEV);
	EXPECT_ERRNO(pwrite(fd, &value, 4, 0), ENODEV);
	EXPECT_EQ(events_of(fd), POLLHUP | POLLERR);
	EXPECT_EQ(query(fd).state, MMIOD_WINDOW_REVOKED);
	EXPECT_EQ(set_state(control, id, MMIOD_WINDOW_REVOKED), 0);
	EXPECT_ERRNO(set_state(control, id, MMIOD_WINDOW_OK), ENODEV);
	close(operate(control, edu(), READ | WRITE, 0, 2));
	close(fd);
	EXPECT(happens(control, MMIOD_CONTROL_WINDOW_RELEASED, 0, id));
	EXPECT_ERRNO(set_state(control, id, MMIOD_WINDOW_REVOKED), ENOENT);
}

TEST(a_device_file_that_the_daemon_suspends_goes_on_afterwards)
{
	int control = open_control(), fd = operate(control, edu(), READ, 0, 1);
	uint64_t id = query(fd).id;
	uint32_t value;

	EXPECT_EQ(set_state(control, id, MMIOD_WINDOW_SUSPENDED), 0);
	EXPECT_ERRNO(pread(fd, &value, 4, 0), EAGAIN);
	EXPECT_EQ(events_of(fd), POLLPRI);
	EXPECT(happens(control, MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_SUSPENDED, id));
	EXPECT_EQ(set_state(control, id, MMIOD_WINDOW_OK), 0);
	EXPECT(happens(control, MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_OK, id));
	EXPECT_EQ(pread(fd, &value, 4, 0), 4);
	EXPECT_EQ(value, 0x11e81234);
}

TEST(a_device_file_outlives_its_function_and_reads_nothing)
{
	int control = open_control(), fd = operate(control, edu(), READ | WRITE, 0, 1);
	uint32_t device = edu(), value;
	uint64_t id = query(fd).id;

	bind_driver(device, "");
	EXPECT(happens(control, MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_REVOKED, id));
	EXPECT_ERRNO(pread(fd, &value, 4, 0), ENODEV);
	EXPECT_ERRNO(try_operate(control, request(device, READ, 0, 1)), ENODEV);
	bind_driver(device, "mmiod");
	EXPECT_ERRNO(pread(fd, &value, 4, 0), ENODEV);
	close(operate(control, device, READ | WRITE, 0, 1));
}

TEST(while_somebody_resets_the_function_its_configuration_is_not_read)
{
	int control = open_control(), fd = operate(control, nvme(), READ, 0, 1);
	bool during = false;
	pthread_t thread;
	uint32_t value;

	hold_resets(true);
	thread = begin_sysfs_reset(nvme());
	for (int i = 0; i < 6000 && !during; i++, usleep(10000))
		during = pread(fd, &value, 4, 0) < 0 && errno == EAGAIN;
	EXPECT(events_of(fd) & POLLPRI);
	hold_resets(false);
	end_sysfs_reset(thread);
	EXPECT(during);
	EXPECT_EQ(pread(fd, &value, 4, 0), 4);
	EXPECT_EQ(value, 0x00101b36);
}

/* ---- what it shows ---- */

TEST(reads_of_any_length_and_offset_show_what_lspci_sees)
{
	static const unsigned int places[][2] = { { 0, 64 }, { 1, 3 },	 { 3, 1 },
						  { 2, 2 },  { 5, 7 },	 { 0x3d, 3 },
						  { 0, 4 },  { 13, 51 }, { 62, 2 } };
	int control = open_control(), fd = operate(control, nvme(), READ, 0, 1);
	uint8_t expected[64], found[4096 + 16];

	past_the_module(nvme(), expected, 64, 0);
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		unsigned int at = places[i][0], length = places[i][1];

		memset(found, 0xee, sizeof(found));
		EXPECT_EQ(pread(fd, found, length, at), length);
		EXPECT(!memcmp(found, expected + at, length));
		EXPECT_EQ(found[length], 0xee);
	}
	EXPECT_EQ(pread(fd, found, sizeof(found), 0), 4096);
	EXPECT(!memcmp(found, expected, 64));
	EXPECT_EQ(pread(fd, found, 100, 4093), 3);
	EXPECT_EQ(pread(fd, found, 100, 4096), 0);
	EXPECT_EQ(pread(fd, found, 0, 0), 0);
	EXPECT_EQ(read(fd, found, 6), 6);
	EXPECT_EQ(read(fd, found, 2), 2);
	EXPECT(!memcmp(found, expected + 6, 2));
	EXPECT_ERRNO(pread(fd, nowhere, 4, 0), EFAULT);
}

TEST(capabilities_are_shown_with_their_registers)
{
	int control = open_control(), fd = operate(control, nvme(), READ, 0, 1);
	static const uint8_t ids[] = { 0x01, 0x10, 0x11 }; /* PM, PCIe, MSI-X */
	static const unsigned int lengths[] = { 8, 0x3c, 12 };
	uint8_t expected[0x3c], found[0x3c];

	for (size_t i = 0; i < sizeof(ids); i++) {
		unsigned int at = capability(nvme(), ids[i]);

		EXPECT(at);
		past_the_module(nvme(), expected, lengths[i], at);
		EXPECT_EQ(pread(fd, found, lengths[i], at), lengths[i]);
		EXPECT(!memcmp(found, expected, lengths[i]));
	}
}

/* Virtio's capability of type 5 reads any byte of any BAR. */
TEST(a_window_into_the_bars_is_shown_to_who_may_have_vendors_registers_alone)
{
	int control = open_control(), reader, all;
	uint32_t device = virtio(), found;
	unsigned int at = virtio_capability(device, 5), common = virtio_capability(device, 1);
	uint8_t bar;
	uint32_t offset, length = 2;

	past_the_module(device, &bar, 1, common + 4);
	past_the_module(device, &offset, 4, common + 8);
	offset += 0x12; /* how many queues there are */
	set_past_the_module(device, &bar, 1, at + 4);
	set_past_the_module(device, &offset, 4, at + 8);
	set_past_the_module(device, &length, 4, at + 12);
	reader = operate(control, device, READ, 0, 1);
	all = operate(control, device, READ | VENDOR, 0, 1);
	EXPECT_EQ(pread(reader, &found, 4, at + 16), 4);
	EXPECT_EQ(found, 0);
	EXPECT_EQ(pread(all, &found, 2, at + 16), 2);
	EXPECT(found & 0xffff);
	EXPECT_EQ(pread(reader, &found, 4, at + 8), 4);
	EXPECT_EQ(found, offset);
	EXPECT_EQ(pread(reader, &found, 4, at), 4);
	EXPECT_EQ(found & 0xff, 9);
}

/* ---- what it lets be written ---- */

/* Whatever its holder may do: no byte consists of what he may change alone. */
TEST(no_byte_can_be_made_its_complement)
{
	const uint32_t rights =
		READ | WRITE | MMIOD_OPERATE_MASTER | MMIOD_OPERATE_RESET | MMIOD_OPERATE_POWER;
	int control = open_control(), fd;
	uint8_t before[4096], after[4096], shown[4096];

	fd = operate(control, nvme(), rights, MMIOD_OPERATE_NO_ENGINE, 1);
	past_the_module(nvme(), before, 4096, 0);
	EXPECT_EQ(pread(fd, shown, 4096, 0), 4096);
	for (int at = 0; at < 4096; at++) {
		uint8_t value = ~shown[at];

		EXPECT_ERRNO(pwrite(fd, &value, 1, at), EPERM);
	}
	past_the_module(nvme(), after, 4096, 0);
	EXPECT(!memcmp(before, after, 4096));
}

TEST(what_is_equal_to_what_is_read_is_let_and_changes_nothing)
{
	int control = open_control(), fd = operate(control, nvme(), READ | WRITE, 0, 1);
	uint8_t before[4096], after[4096], shown[4096];

	past_the_module(nvme(), before, 4096, 0);
	EXPECT_EQ(pread(fd, shown, 4096, 0), 4096);
	for (unsigned int width = 1; width <= 4; width *= 2)
		for (unsigned int at = 0; at < 4096; at += width)
			EXPECT_EQ(pwrite(fd, shown + at, width, at), width);
	past_the_module(nvme(), after, 4096, 0);
	EXPECT(!memcmp(before, after, 4096));
}

TEST(writes_that_are_no_register_access_are_refused)
{
	int control = open_control(), fd = operate(control, nvme(), READ | WRITE, 0, 1);
	uint8_t shown[8];

	EXPECT_EQ(pread(fd, shown, 8, 0), 8);
	EXPECT_ERRNO(pwrite(fd, shown, 3, 0), EINVAL);
	EXPECT_ERRNO(pwrite(fd, shown, 8, 0), EINVAL);
	EXPECT_ERRNO(pwrite(fd, shown + 1, 2, 1), EINVAL);
	EXPECT_ERRNO(pwrite(fd, shown + 2, 4, 2), EINVAL);
	EXPECT_ERRNO(pwrite(fd, shown, 4, 4096), ENOSPC);
	EXPECT_ERRNO(pwrite(fd, nowhere, 4, 0), EFAULT);
	EXPECT_EQ(pwrite(fd, shown, 0, 0), 0);
	EXPECT_EQ(write(fd, shown, 4), 4);
	EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 4);
}

TEST(who_may_not_read_or_write_the_configuration_does_not)
{
	int control = open_control(), fd = operate(control, nvme(), READ, 0, 1);
	uint32_t value = 0;

	EXPECT_EQ(pread(fd, &value, 4, 0), 4);
	EXPECT_ERRNO(pwrite(fd, &value, 4, 0), EBADF);
	close(fd);
	fd = operate(control, nvme(), MMIOD_OPERATE_DMA_TRUSTED, 0, 1);
	EXPECT_ERRNO(pread(fd, &value, 4, 0), EPERM);
	EXPECT_ERRNO(pwrite(fd, &value, 4, 0), EBADF);
}

/* As UIO's users switch their interrupt on: without an interrupt of theirs it is not theirs. */
TEST(intx_reads_as_switched_off_and_cannot_be_switched_on_without_an_interrupt)
{
	int control = open_control(), fd = operate(control, edu(), READ | WRITE, 0, 1);
	uint16_t command, changed;
	uint8_t high;

	set_pci_command(edu(), 0x400, false);
	EXPECT_EQ(pread(fd, &command, 2, COMMAND), 2);
	EXPECT_EQ(command & 0x404, 0x400);
	changed = command & ~0x400;
	EXPECT_ERRNO(pwrite(fd, &changed, 2, COMMAND), EPERM);
	EXPECT_EQ(pread(fd, &high, 1, COMMAND + 1), 1);
	high &= ~4;
	EXPECT_ERRNO(pwrite(fd, &high, 1, COMMAND + 1), EPERM);
	EXPECT_EQ(pwrite(fd, &command, 2, COMMAND), 2);
	EXPECT(!(pci_command(edu()) & 0x400)); /* nothing was sent */
	set_pci_command(edu(), 0x400, true);
	/* Who only reads sees the hardware. */
	set_pci_command(edu(), 0x4, true);
	EXPECT_EQ(pread(operate(control, edu(), READ, 0, 1), &command, 2, COMMAND), 2);
	EXPECT_EQ(command & 0x404, 0x404);
	EXPECT_EQ(pread(fd, &command, 2, COMMAND), 2);
	EXPECT_EQ(command & 0x404, 0x400);
	set_pci_command(edu(), 0x4, false);
}

TEST(error_bits_of_status_may_be_cleared_and_no_others_touched)
{
	int control = open_control(), fd = operate(control, nvme(), READ | WRITE, 0, 1);
	uint32_t both;
	uint16_t status;

	EXPECT_EQ(pread(fd, &status, 2, STATUS), 2);
	status |= 0xf900;
	EXPECT_EQ(pwrite(fd, &status, 2, STATUS), 2);
	EXPECT_EQ(pread(fd, &both, 4, COMMAND), 4);
	both |= 0xf9000000;
	EXPECT_EQ(pwrite(fd, &both, 4, COMMAND), 4);
	status ^= 0x0010;
	EXPECT_ERRNO(pwrite(fd, &status, 2, STATUS), EPERM);
	both ^= 0x00000002;
	EXPECT_ERRNO(pwrite(fd, &both, 4, COMMAND), EPERM);
}

TEST(of_the_device_control_the_read_request_size_is_bounded_and_no_snoop_stays_off)
{
	int control = open_control(), fd = operate(control, nvme(), READ | WRITE, 0, 1);
	unsigned int at = capability(nvme(), 0x10) + 8;
	uint16_t devctl, changed;

	EXPECT_EQ(pread(fd, &devctl, 2, at), 2);
	for (int size = 0; size < 8; size++) {
		changed = (devctl & ~0x7000) | size << 12;
		if (size < 6)
			EXPECT_EQ(pwrite(fd, &changed, 2, at), 2);
		else
			EXPECT_ERRNO(pwrite(fd, &changed, 2, at), EPERM);
		EXPECT_EQ(pread(fd, &devctl, 2, at), 2);
	}
	changed = devctl ^ 0x10;
	EXPECT_EQ(pwrite(fd, &changed, 2, at), 2);
	EXPECT_EQ(pread(fd, &devctl, 2, at), 2);
	changed = devctl | 0x800;
	EXPECT_ERRNO(pwrite(fd, &changed, 2, at), devctl & 0x800 ? 0 : EPERM);
	changed = devctl ^ 0xe0; /* the largest payload is the bus's affair */
	EXPECT_ERRNO(pwrite(fd, &changed, 2, at), EPERM);
}
