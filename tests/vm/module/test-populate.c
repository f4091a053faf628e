// SPDX-License-Identifier: MIT
/* POPULATE: all pages mapped in advance, so that no access ever faults. */
#include <sys/resource.h>
#include <unistd.h>

#include "fixture.h"

#define UC MMIOD_ATTR_UC
#define RW (PROT_READ | PROT_WRITE)

static long faults(void)
{
	struct rusage usage;

	EXPECT_EQ(getrusage(RUSAGE_SELF, &usage), 0);
	return usage.ru_minflt + usage.ru_majflt;
}

static void touch_all(volatile uint8_t *address, size_t length)
{
	for (size_t at = 0; at < length; at += page())
		(void)address[at];
}

TEST(no_fault_is_counted_while_every_page_of_a_populated_window_is_touched)
{
	const size_t length = 16 << 20;
	int control = open_control();
	int fd = window(control, "shm", 0, length, UC, 0);
	uint8_t *address = map_window(fd, length, RW);
	long before;

	EXPECT_EQ(populate(fd, address, length), 0);
	touch_all(address, page()); /* the code itself may have to be read in, and faults() too */
	faults();
	before = faults();
	touch_all(address, length);
	EXPECT_EQ(faults() - before, 0);
	EXPECT_EQ(window_info(control, fd).faults, 0);
	EXPECT_EQ(window_info(control, fd).populated, length / page());
}

TEST(without_populate_each_page_is_mapped_once_on_fault)
{
	int control = open_control();
	int fd = window(control, "shm", 0, 64 * page(), UC, 0);
	uint8_t *address = map_window(fd, 64 * page(), RW);

	touch_all(address, 64 * page());
	touch_all(address, 64 * page());
	EXPECT_EQ(window_info(control, fd).faults, 64);
}

TEST(populate_maps_the_right_bytes_after_a_move_and_at_an_offset)
{
	int control = open_control();
	int all = window(control, "shm", 0, 8 * page(), UC, 0);
	int fd = window(control, "shm", 2 * page(), 4 * page(), UC, 0);
	uint8_t *whole = map_window(all, 8 * page(), RW);
	uint8_t *address = mmap(NULL, 3 * page(), RW, MAP_SHARED, fd, page());

	EXPECT(address != MAP_FAILED);
	for (size_t i = 0; i < 8; i++)
		whole[i * page()] = 0x40 + i;
	address = mremap(address, 3 * page(), 3 * page(), MREMAP_MAYMOVE | MREMAP_FIXED,
			 mmap(NULL, 3 * page(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	EXPECT(address != MAP_FAILED);
	EXPECT_EQ(populate(fd, address, 3 * page()), 0);
	for (size_t i = 0; i < 3; i++)
		EXPECT_EQ(address[i * page()], 0x43 + i);
}

TEST(populating_twice_and_after_faults_is_fine)
{
	int control = open_control();
	int fd = window(control, "shm", 0, 8 * page(), UC, 0);
	uint8_t *address = map_window(fd, 8 * page(), RW);

	address[3 * page()] = 9;
	EXPECT_EQ(populate(fd, address, 8 * page()), 0);
	EXPECT_EQ(populate(fd, address, 8 * page()), 0);
	EXPECT_EQ(populate(fd, address + 2 * page(), page()), 0);
	EXPECT_EQ(address[3 * page()], 9);
}

static bool mapped(int control, const uint8_t *address)
{
	return translation(control, address).leaf_size != 0;
}

TEST(remap_pfn_range_maps_exactly_what_it_is_told_to)
{
	int control = open_control();
	int fd = window(control, "shm", 0, 8 * page(), UC, 0);
	uint8_t *address = map_window(fd, 8 * page(), RW);
	long before;

	EXPECT_EQ(populate_exactly(fd, address + 2 * page(), 3 * page()), 0);
	for (size_t i = 0; i < 8; i++)
		EXPECT_EQ(mapped(control, address + i * page()), i >= 2 && i < 5);
	before = faults();
	touch_all(address + 2 * page(), 3 * page());
	EXPECT_EQ(faults() - before, 0);
	EXPECT_EQ(window_info(control, fd).faults, 0);
	EXPECT_EQ(window_info(control, fd).populated, 3);
}

TEST(remap_pfn_range_maps_the_right_bytes_whatever_was_mapped_before)
{
	int control = open_control();
	int all = window(control, "shm", 0, 8 * page(), UC, 0);
	int fd = window(control, "shm", 2 * page(), 4 * page(), UC, 0);
	uint8_t *whole = map_window(all, 8 * page(), RW);
	uint8_t *address = mmap(NULL, 3 * page(), RW, MAP_SHARED, fd, page());

	EXPECT(address != MAP_FAILED);
	for (size_t i = 0; i < 8; i++)
		whole[i * page()] = 0x60 + i;
	EXPECT_EQ(populate(fd, address, 3 * page()), 0);
	for (int turn = 0; turn < 2; turn++) {
		EXPECT_EQ(populate_exactly(fd, address, 3 * page()), 0);
		EXPECT_EQ(populate_exactly(fd, address + page(), page()), 0);
		for (size_t i = 0; i < 3; i++)
			EXPECT_EQ(address[i * page()], 0x63 + i);
	}
	EXPECT_EQ(munmap(address + page(), page()), 0);
	EXPECT_ERRNO(populate_exactly(fd, address, 3 * page()), EINVAL);
	EXPECT_EQ(populate_exactly(fd, address, page()), 0);
}

TEST(a_read_only_window_is_remapped_read_only)
{
	int control = open_control();
	int fd = window(control, "shm", 0, 4 * page(), UC, MMIOD_WINDOW_READONLY);
	uint8_t *address = map_window(fd, 4 * page(), PROT_READ);

	EXPECT_EQ(populate_exactly(fd, address, 4 * page()), 0);
	EXPECT_EQ(touch_read(address + page()), 0);
	EXPECT(touch_write(address + page(), 1) != 0);
}

TEST(unknown_flags_of_populate_are_refused)
{
	int control = open_control();
	int fd = window(control, "shm", 0, page(), UC, 0);
	struct mmiod_window_populate arg = { .size = sizeof(arg), .flags = 2 };

	arg.address = (uintptr_t)map_window(fd, page(), RW);
	arg.length = page();
	EXPECT_ERRNO(ioctl(fd, MMIOD_IOC_POPULATE, &arg), EINVAL);
}

TEST(populate_refuses_what_is_not_one_mapping_of_this_window)
{
	int control = open_control();
	int fd = window(control, "shm", 0, 8 * page(), UC, 0);
	int other = window(control, "shm", 0, 8 * page(), UC, 0);
	uint8_t *address = map_window(fd, 8 * page(), RW);
	uint8_t *foreign = map_window(other, 8 * page(), RW);
	uint8_t *memory = mmap(NULL, page(), RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT_ERRNO(populate(fd, address, 0), EINVAL);
	EXPECT_ERRNO(populate(fd, address + 1, page()), EINVAL);
	EXPECT_ERRNO(populate(fd, address, 100), EINVAL);
	EXPECT_ERRNO(populate(fd, foreign, page()), EINVAL);
	EXPECT_ERRNO(populate(fd, memory, page()), EINVAL);
	EXPECT_ERRNO(populate(fd, NULL, page()), EINVAL);
	EXPECT_ERRNO(populate(fd, address, (size_t)-1 & ~(page() - 1)), EINVAL);
	EXPECT_EQ(munmap(address + 4 * page(), page()), 0);
	EXPECT_ERRNO(populate(fd, address, 8 * page()), EINVAL);
	EXPECT_EQ(populate(fd, address, 4 * page()), 0);
	EXPECT_EQ(mprotect(address, page(), PROT_NONE), 0);
	EXPECT_ERRNO(populate(fd, address, page()), EFAULT);
}

TEST(a_read_only_window_populates_read_only)
{
	int control = open_control();
	int fd = window(control, "shm", 0, 4 * page(), UC, MMIOD_WINDOW_READONLY);
	uint8_t *address = map_window(fd, 4 * page(), PROT_READ);

	EXPECT_EQ(populate(fd, address, 4 * page()), 0);
	EXPECT_EQ(touch_read(address + page()), 0);
	EXPECT(touch_write(address + page(), 1) != 0);
	EXPECT_ERRNO(mprotect(address, 4 * page(), RW), EACCES);
}

TEST(a_suspended_populated_window_refaults_after_resume)
{
	int control = open_control();
	int fd = window(control, "shm", 0, 4 * page(), UC, 0);
	uint8_t *address = map_window(fd, 4 * page(), RW);

	EXPECT_EQ(populate(fd, address, 4 * page()), 0);
	address[page()] = 0x21;
	EXPECT_EQ(set_state(control, window_id(fd), MMIOD_WINDOW_SUSPENDED), 0);
	EXPECT_EQ(set_state(control, window_id(fd), MMIOD_WINDOW_OK), 0);
	EXPECT_EQ(window_info(control, fd).faults, 0);
	EXPECT_EQ(address[page()], 0x21);
	touch_all(address, 4 * page()); /* it may lie in two page tables */
	EXPECT_EQ(window_info(control, fd).faults, 4);
}
