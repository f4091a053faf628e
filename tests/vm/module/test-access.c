// SPDX-License-Identifier: MIT
/*
 * Mediated access: exactly one bus access of exactly the width. edu answers 32-bit reads only,
 * which shows it.
 */
#include <unistd.h>

#include "fixture.h"

#define UC MMIOD_ATTR_UC
#define EDU_ID 0x010000edU

static int access_window(int fd, uint32_t op, uint64_t offset, uint32_t width, uint64_t count,
			 void *buffer)
{
	struct mmiod_window_access access = { .size = sizeof(access),
					      .op = op,
					      .offset = offset,
					      .width = width,
					      .count = count,
					      .buffer = (uintptr_t)buffer };

	return ioctl(fd, MMIOD_IOC_ACCESS, &access);
}

TEST(edu_identifies_itself_at_32_bits)
{
	int control = open_control();
	int fd = window(control, "edu", 0, 0x100, UC, 0);
	uint32_t id = 0;

	EXPECT_EQ(pread(fd, &id, 4, 0), 4);
	EXPECT_EQ(id, EDU_ID);
	id = 0;
	EXPECT_EQ(access_window(fd, MMIOD_ACCESS_READ, 0, 4, 1, &id), 0);
	EXPECT_EQ(id, EDU_ID);
}

TEST(edu_answers_a_long_read_as_32_bit_accesses)
{
	int control = open_control();
	int fd = window(control, "edu", 0, 0x100, UC, 0);
	struct mmiod_window_info before = window_info(control, fd), after;
	uint32_t words[2] = {};

	EXPECT_EQ(pread(fd, words, sizeof(words), 0), sizeof(words));
	EXPECT_EQ(words[0], EDU_ID);
	after = window_info(control, fd);
	EXPECT_EQ(after.reads - before.reads, 2);
}

TEST(edu_inverts_what_is_written_to_its_liveness_register)
{
	int control = open_control();
	int fd = window(control, "edu", 0, 0x100, UC, 0);
	uint32_t value = 0x12345678;

	EXPECT_EQ(pwrite(fd, &value, 4, 4), 4);
	EXPECT_EQ(pread(fd, &value, 4, 4), 4);
	EXPECT_EQ(value, ~0x12345678U);
	EXPECT_EQ(window_info(control, fd).writes, 1);
}

TEST(a_declared_width_admits_no_other)
{
	int control = open_control();
	int fd = window(control, "edu", 0, 0x100, UC, 0);
	struct mmiod_window_create other = {
		.region_id = region(control, "edu"), .length = 0x100, .attr = UC, .width = 8
	};
	uint64_t value = 0;

	EXPECT_ERRNO(pread(fd, &value, 1, 0), EINVAL);
	EXPECT_ERRNO(pread(fd, &value, 2, 0), EINVAL);
	EXPECT_ERRNO(pread(fd, &value, 6, 0), EINVAL);
	EXPECT_ERRNO(pread(fd, &value, 4, 2), EINVAL);
	EXPECT_ERRNO(pwrite(fd, &value, 4, 1), EINVAL);
	EXPECT_ERRNO(access_window(fd, MMIOD_ACCESS_READ, 0, 8, 1, &value), EINVAL);
	EXPECT_ERRNO(access_window(fd, MMIOD_ACCESS_READ, 0, 1, 1, &value), EINVAL);
	EXPECT_ERRNO(access_window(fd, MMIOD_ACCESS_COPY_FROM, 0, 0, 4, &value), EINVAL);
	EXPECT_ERRNO(access_window(fd, MMIOD_ACCESS_FILL, 0, 0, 4, NULL), EINVAL);
	EXPECT_ERRNO(try_window(control, &other), EINVAL);
	other.width = 0;
	other.offset = 2;
	EXPECT_ERRNO(try_window(control, &other), EINVAL);
	EXPECT_EQ(window_info(control, fd).reads, 0);
}

TEST(every_width_reads_and_writes_memory)
{
	int control = open_control();
	int fd = window(control, "shm", 0, page(), UC, 0);

	for (uint32_t width = 1; width <= 8; width *= 2) {
		uint64_t out = 0x8877665544332211, in = 0;
		struct mmiod_window_info before = window_info(control, fd), after;

		EXPECT_EQ(access_window(fd, MMIOD_ACCESS_WRITE, 64, width, 8 / width, &out), 0);
		EXPECT_EQ(access_window(fd, MMIOD_ACCESS_READ, 64, width, 8 / width, &in), 0);
		EXPECT_EQ(in, out);
		after = window_info(control, fd);
		EXPECT_EQ(after.reads - before.reads, 8 / width);
		EXPECT_EQ(after.writes - before.writes, 8 / width);
	}
}

TEST(a_positioned_read_of_a_power_of_two_is_one_access)
{
	int control = open_control();
	int fd = window(control, "shm", 0, page(), UC, 0);
	uint64_t value;

	for (uint32_t length = 1; length <= 8; length *= 2) {
		uint64_t before = window_info(control, fd).reads;

		EXPECT_EQ(pread(fd, &value, length, 8), length);
		EXPECT_EQ(window_info(control, fd).reads - before, 1);
	}
}

TEST(misaligned_and_over_long_accesses_are_refused)
{
	int control = open_control();
	int fd = window(control, "shm", 0, page(), UC, 0);
	uint8_t bytes[64];

	EXPECT_ERRNO(access_window(fd, MMIOD_ACCESS_READ, 2, 4, 1, bytes), EINVAL);
	EXPECT_ERRNO(access_window(fd, MMIOD_ACCESS_READ, page(), 4, 1, bytes), EINVAL);
	EXPECT_ERRNO(access_window(fd, MMIOD_ACCESS_READ, page() - 4, 4, 2, bytes), EINVAL);
	EXPECT_ERRNO(access_window(fd, MMIOD_ACCESS_READ, 0, 4, UINT64_MAX / 4 + 2, bytes), EINVAL);
	EXPECT_ERRNO(access_window(fd, MMIOD_ACCESS_READ, UINT64_MAX - 3, 4, 1, bytes), EINVAL);
	EXPECT_ERRNO(access_window(fd, MMIOD_ACCESS_READ, 0, 3, 1, bytes), EINVAL);
	EXPECT_ERRNO(access_window(fd, MMIOD_ACCESS_READ, 0, 16, 1, bytes), EINVAL);
	EXPECT_ERRNO(access_window(fd, 0, 0, 4, 1, bytes), EINVAL);
	EXPECT_ERRNO(access_window(fd, 6, 0, 4, 1, bytes), EINVAL);
	EXPECT_ERRNO(pread(fd, bytes, 6, 0), EINVAL);
	EXPECT_ERRNO(pread(fd, bytes, 16, 2), EINVAL);
}

TEST(positioned_access_stops_at_the_end_and_honours_its_count)
{
	int control = open_control();
	int fd = window(control, "shm", 0, page(), UC, 0);
	uint8_t bytes[64];

	EXPECT_EQ(pread(fd, bytes, 0, 0), 0);
	EXPECT_EQ(pread(fd, bytes, 64, page() - 16), 16);
	EXPECT_EQ(pread(fd, bytes, 4, page()), 0);
	EXPECT_EQ(pread(fd, bytes, 4, page() + 4), 0);
	EXPECT_ERRNO(pwrite(fd, bytes, 4, page()), ENOSPC);
	EXPECT_ERRNO(pread(fd, bytes, 4, -4), EINVAL);
	EXPECT_EQ(pread(fd, bytes, 1, page() - 1), 1);
	EXPECT_EQ(pread(fd, bytes, 4, (off_t)1 << 40), 0);
}

TEST(a_bad_user_pointer_gives_efault)
{
	int control = open_control();
	int fd = window(control, "shm", 0, page(), UC, 0);
	void *nowhere = mmap(NULL, page(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT_ERRNO(pread(fd, nowhere, 4, 0), EFAULT);
	EXPECT_ERRNO(pwrite(fd, nowhere, 4, 0), EFAULT);
	EXPECT_ERRNO(access_window(fd, MMIOD_ACCESS_READ, 0, 4, 1, nowhere), EFAULT);
	EXPECT_ERRNO(ioctl(fd, MMIOD_IOC_ACCESS, nowhere), EFAULT);
}

TEST(fill_and_copy_work_in_bulk)
{
	int control = open_control();
	int fd = window(control, "shm", 0, page(), UC, 0);
	struct mmiod_window_access fill = { .size = sizeof(fill),
					    .op = MMIOD_ACCESS_FILL,
					    .offset = 3,
					    .count = 1001,
					    .value = 0xa5 };
	uint8_t in[1024] = {}, out[777];

	EXPECT_EQ(access_window(fd, MMIOD_ACCESS_COPY_TO, 0, 0, sizeof(in), in), 0);
	EXPECT_EQ(ioctl(fd, MMIOD_IOC_ACCESS, &fill), 0);
	EXPECT_EQ(fill.count, 1001);
	EXPECT_EQ(access_window(fd, MMIOD_ACCESS_COPY_FROM, 0, 0, sizeof(in), in), 0);
	for (size_t i = 0; i < sizeof(in); i++)
		EXPECT_EQ(in[i], i >= 3 && i < 1004 ? 0xa5 : 0);
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = i;
	EXPECT_EQ(access_window(fd, MMIOD_ACCESS_COPY_TO, 5, 0, sizeof(out), out), 0);
	EXPECT_EQ(access_window(fd, MMIOD_ACCESS_COPY_FROM, 5, 0, sizeof(out), in), 0);
	EXPECT_EQ(memcmp(in, out, sizeof(out)), 0);
	fill.value = 256;
	EXPECT_ERRNO(ioctl(fd, MMIOD_IOC_ACCESS, &fill), EINVAL);
}

TEST(mediated_access_shows_in_vmallocinfo_as_ioremap)
{
	int control = open_control();
	int fd = window(control, "testdev", 0, page(), UC, 0);
	uint64_t phys = region_info(control, region(control, "testdev")).phys;
	char text[64];
	uint8_t value;

	EXPECT_EQ(pread(fd, &value, 1, 0), 1);
	snprintf(text, sizeof(text), "phys=0x%016llx ioremap", (unsigned long long)phys);
	EXPECT(strstr(read_file("/proc/vmallocinfo"), text));
	EXPECT_EQ(set_state(control, window_id(fd), MMIOD_WINDOW_REVOKED), 0);
	EXPECT(!strstr(read_file("/proc/vmallocinfo"), text));
}

TEST(a_buffer_that_is_itself_a_window_does_not_deadlock)
{
	int control = open_control();
	int fd = window(control, "shm", 0, page(), UC, 0);
	int other = window(control, "shm", 16 * page(), page(), UC, 0);
	uint32_t *from_other = map_window(other, page(), PROT_READ | PROT_WRITE);
	uint32_t *from_self = map_window(fd, page(), PROT_READ | PROT_WRITE);

	from_other[0] = 0xcafe;
	EXPECT_EQ(pwrite(fd, from_other, 4, 0), 4);
	EXPECT_EQ(from_self[0], 0xcafe);
	EXPECT_EQ(pread(fd, from_self + 1, 4, 0), 4);
	EXPECT_EQ(from_self[1], 0xcafe);
}

TEST(a_mapped_register_reads_right_with_one_load)
{
	int control = open_control();
	int fd = window(control, "edu", 0, page(), UC, 0);
	volatile uint32_t *registers = map_window(fd, page(), PROT_READ | PROT_WRITE);

	EXPECT_EQ(registers[0], EDU_ID);
	registers[1] = 1;
	EXPECT_EQ(registers[1], ~1U);
}
