// SPDX-License-Identifier: MIT
/*
 * Views: windows that look like a BAR's file, /dev/mem or a UIO node. They show what is behind them
 * and nothing else, give what their parts' descriptors give, and have no mappings of their own.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

#define UC MMIOD_ATTR_UC
#define RO MMIOD_WINDOW_READONLY
#define RW (PROT_READ | PROT_WRITE)
#define VIEW_FILE MMIOD_VIEW_FORM_FILE
#define PHYS MMIOD_VIEW_FORM_PHYS
#define UIO MMIOD_VIEW_FORM_UIO
#define DOWNGRADE MMIOD_VIEW_CREATE_DOWNGRADE
#define LONGER MMIOD_VIEW_CREATE_LONGER
#define GIB (1ULL << 30)

static int shm(int control, uint64_t first, uint64_t pages, uint32_t flags)
{
	return window(control, "shm", first * page(), pages * page(), UC, flags);
}

static uint64_t shm_phys(int control)
{
	return region_info(control, region(control, "shm")).phys;
}

static int view_of(uint32_t form, uint32_t flags, const struct mmiod_view_create_part *parts,
		   unsigned int count)
{
	int fd = try_view(form, flags, parts, count);

	if (fd < 0)
		FAIL("no view of form %u: %s", form, strerror(errno));
	return fd;
}

static int one_part(uint32_t form, uint32_t flags, int fd, uint64_t offset, uint64_t pages)
{
	struct mmiod_view_create_part part = view_part(fd, offset, 0, pages * page());

	return view_of(form, flags, &part, 1);
}

static void *try_map(int fd, size_t length, int prot, off_t offset)
{
	return mmap(NULL, length, prot, MAP_SHARED, fd, offset);
}

static uint8_t *map_at(int fd, size_t length, int prot, off_t offset)
{
	uint8_t *address = try_map(fd, length, prot, offset);

	if (address == MAP_FAILED)
		FAIL("cannot map the view at 0x%llx: %s", (unsigned long long)offset,
		     strerror(errno));
	return address;
}

/*
 * What most tests look at: the first two pages of shm stand at page 1 of a view, its pages 8 to 11
 * but for the first at page 4, and nothing at pages 0, 3 and 7. Of the latter two all are shown.
 */
struct rig {
	int control, first, second, view;
	uint8_t *all; /* shm's first 16 pages */
};

static struct rig make_file(uint32_t flags)
{
	struct rig rig = { .control = open_control() };
	struct mmiod_view_create_part parts[2];

	rig.all = map_window(shm(rig.control, 0, 16, 0), 16 * page(), RW);
	memset(rig.all, 0, 16 * page());
	rig.first = shm(rig.control, 0, 2, 0);
	rig.second = shm(rig.control, 8, 4, 0);
	parts[0] = view_part(rig.second, 4 * page(), page(), 3 * page());
	parts[1] = view_part(rig.first, page(), 0, 2 * page());
	rig.view = try_view_as((struct mmiod_view_create){ .form = VIEW_FILE,
							   .flags = flags,
							   .count = 2,
							   .irq = -1,
							   .length = 8 * page() },
			       parts);
	EXPECT(rig.view >= 0);
	return rig;
}

/* ---- FILE ---- */

TEST(a_file_view_shows_its_windows_at_their_offsets)
{
	struct rig rig = make_file(0);
	volatile uint8_t *first = map_at(rig.view, 2 * page(), RW, page());
	volatile uint8_t *second = map_at(rig.view, 3 * page(), RW, 4 * page());
	volatile uint8_t *last = map_at(rig.view, page(), RW, 6 * page());
	struct stat status;

	first[0] = 0x11;
	first[2 * page() - 1] = 0x12;
	second[0] = 0x21;
	last[page() - 1] = 0x22;
	EXPECT_EQ(rig.all[0], 0x11);
	EXPECT_EQ(rig.all[2 * page() - 1], 0x12);
	EXPECT_EQ(rig.all[9 * page()], 0x21);
	EXPECT_EQ(rig.all[12 * page() - 1], 0x22);
	EXPECT_EQ(fstat(rig.view, &status), 0);
	EXPECT(S_ISREG(status.st_mode));
	EXPECT_EQ(status.st_size, 8 * page());
	EXPECT_EQ(lseek(rig.view, 0, SEEK_END), 8 * page());
	EXPECT_EQ(fsync(rig.view), 0);
	EXPECT_EQ(msync((void *)first, page(), MS_SYNC), 0);
	EXPECT_EQ(ftruncate(rig.view, 0), 0);
	EXPECT_EQ(lseek(rig.view, 0, SEEK_END), 8 * page());
}

TEST(a_file_view_ends_where_its_last_part_does_unless_its_length_is_said)
{
	int control = open_control(), fd = shm(control, 0, 2, 0);

	EXPECT_EQ(lseek(one_part(VIEW_FILE, 0, fd, 3 * page(), 2), 0, SEEK_END), 5 * page());
}

TEST(a_mapping_of_a_file_view_lies_within_one_part)
{
	struct rig rig = make_file(0);
	int fd = rig.view;

	EXPECT_ERRNO(try_map(fd, page(), RW, 0), EINVAL);
	EXPECT_ERRNO(try_map(fd, page(), RW, 3 * page()), EINVAL);
	EXPECT_ERRNO(try_map(fd, page(), RW, 7 * page()), EINVAL);
	EXPECT_ERRNO(try_map(fd, page(), RW, 8 * page()), EINVAL);
	EXPECT_ERRNO(try_map(fd, 3 * page(), RW, page()), EINVAL);
	EXPECT_ERRNO(try_map(fd, 2 * page(), RW, 0), EINVAL);
	EXPECT_ERRNO(try_map(fd, 4 * page(), RW, 4 * page()), EINVAL);
	EXPECT_ERRNO(try_map(fd, 3 * page() + 1, RW, 4 * page()), EINVAL);
	EXPECT_ERRNO(try_map(fd, 8 * page(), RW, 0), EINVAL);
	EXPECT_ERRNO(try_map(fd, 0, RW, page()), EINVAL);
	EXPECT_ERRNO(try_map(fd, page(), RW, page() + 1), EINVAL);
	EXPECT(try_map(fd, page(), RW, 6 * page()) != MAP_FAILED);
	EXPECT(try_map(fd, page(), RW, (off_t)1 << 52) == MAP_FAILED);
	EXPECT(try_map(fd, page(), RW, INT64_MAX & -(off_t)page()) == MAP_FAILED);
}

TEST(private_executable_and_growing_mappings_of_a_view_are_refused)
{
	struct rig rig = make_file(0);
	void *address = map_at(rig.view, page(), RW, page());

	EXPECT_ERRNO(mmap(NULL, page(), RW, MAP_PRIVATE, rig.view, page()), EINVAL);
	EXPECT_ERRNO(try_map(rig.view, page(), PROT_READ | PROT_EXEC, page()), EPERM);
	EXPECT_ERRNO(mprotect(address, page(), PROT_READ | PROT_EXEC), EACCES);
	EXPECT_ERRNO(mremap(address, page(), 2 * page(), MREMAP_MAYMOVE), EFAULT);
}

static void *move(void *address)
{
	void *target = mmap(NULL, page(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT(target != MAP_FAILED);
	EXPECT(mremap(address, page(), page(), MREMAP_MAYMOVE | MREMAP_FIXED, target) == target);
	return target;
}

TEST(a_mapping_of_a_view_can_be_moved_and_inherited)
{
	struct rig rig = make_file(0);
	volatile uint8_t *moved = move(map_at(rig.view, page(), RW, 5 * page()));
	pid_t child;
	int status;

	moved[3] = 0x33;
	EXPECT_EQ(rig.all[10 * page() + 3], 0x33);
	child = fork();
	if (!child) {
		moved[4] = 0x44;
		_exit(0);
	}
	EXPECT_EQ(waitpid(child, &status, 0), child);
	EXPECT_EQ(rig.all[10 * page() + 4], 0x44);
}

TEST(reads_and_writes_of_a_file_view_stop_at_a_parts_end_and_fail_in_a_hole)
{
	struct rig rig = make_file(0);
	uint32_t words[4] = { 1, 2, 3, 4 };

	EXPECT_EQ(pwrite(rig.view, words, 16, page()), 16);
	EXPECT_EQ(rig.all[8], 3);
	EXPECT_EQ(pwrite(rig.view, words, 16, 3 * page() - 8), 8);
	EXPECT_EQ(rig.all[2 * page() - 4], 2);
	EXPECT_EQ(pread(rig.view, words, 16, 7 * page() - 4), 4);
	EXPECT_ERRNO(pread(rig.view, words, 4, 0), EFAULT);
	EXPECT_ERRNO(pwrite(rig.view, words, 4, 3 * page()), EFAULT);
	EXPECT_ERRNO(pread(rig.view, words, 4, 8 * page() - 4), EFAULT);
	EXPECT_EQ(pread(rig.view, words, 4, 8 * page()), 0);
	EXPECT_ERRNO(pwrite(rig.view, words, 4, 8 * page()), ENOSPC);
	EXPECT_EQ(pread(rig.view, words, 0, 0), 0);
	EXPECT_ERRNO(pread(rig.view, words, 4, -4), EINVAL);
	EXPECT_EQ(lseek(rig.view, 5 * page(), SEEK_SET), 5 * page());
	rig.all[10 * page()] = 0x55;
	EXPECT_EQ(read(rig.view, words, 4), 4);
	EXPECT_EQ(words[0], 0x55);
	EXPECT_EQ(lseek(rig.view, 0, SEEK_CUR), 5 * page() + 4);
}

TEST(a_declared_width_holds_in_a_view_too)
{
	int fd = window(open_control(), "edu", 0, page(), UC, 0);
	int view = one_part(VIEW_FILE, 0, fd, 0, 1);
	uint32_t value[2];

	EXPECT_EQ(pread(view, value, 4, 0), 4);
	EXPECT_EQ(value[0] & 0xffff, 0x00ed);
	EXPECT_ERRNO(pread(view, value, 1, 0), EINVAL);
	EXPECT_ERRNO(pread(view, value, 4, 2), EINVAL);
}

/* ---- PHYS ---- */

TEST(a_phys_view_is_reached_by_physical_addresses)
{
	struct rig rig = make_file(0);
	uint64_t phys = shm_phys(rig.control);
	struct mmiod_view_create_part parts[2] = {
		view_part(rig.first, phys, 0, 2 * page()),
		view_part(rig.second, phys + 8 * page(), 0, 4 * page()),
	};
	int view = view_of(PHYS, 0, parts, 2);
	uint32_t value = 0x1234567;
	struct stat status;

	map_at(view, page(), RW, phys + 11 * page())[5] = 0x99;
	EXPECT_EQ(rig.all[11 * page() + 5], 0x99);
	EXPECT_EQ(pwrite(view, &value, 4, phys + page()), 4);
	EXPECT_EQ(rig.all[page()], 0x67);
	EXPECT_ERRNO(pread(view, &value, 4, phys + 2 * page()), EFAULT);
	EXPECT_ERRNO(pread(view, &value, 4, 0), EFAULT);
	EXPECT_ERRNO(pwrite(view, &value, 4, (off_t)1 << 62), EFAULT);
	EXPECT_ERRNO(try_map(view, page(), RW, phys + 2 * page()), EINVAL);
	EXPECT_ERRNO(try_map(view, page(), RW, 0), EINVAL);
	EXPECT_EQ(fstat(view, &status), 0);
	EXPECT(S_ISCHR(status.st_mode));
	EXPECT_EQ(status.st_rdev, makedev(1, 1));
	EXPECT_EQ(status.st_size, 0);
	EXPECT_EQ(lseek(view, phys, SEEK_SET), phys);
	EXPECT_EQ(read(view, &value, 4), 4);
	EXPECT_EQ(lseek(view, 0, SEEK_CUR), phys + 4);
	EXPECT_ERRNO(lseek(view, 0, SEEK_END), EINVAL);
}

/* ---- UIO ---- */

TEST(a_uio_view_has_its_parts_at_multiples_of_a_page)
{
	struct rig rig = make_file(0);
	struct mmiod_view_create_part parts[2] = { view_part(rig.second, 0, page(), 3 * page()),
						   view_part(rig.first, 0, 0, page()) };
	int view = try_view_as(
		(struct mmiod_view_create){
			.form = UIO, .count = 2, .irq = -1, .rdev = makedev(240, 7) },
		parts);
	uint32_t value = 0;
	struct stat status;

	EXPECT(view >= 0);
	map_at(view, 3 * page(), RW, 0)[2 * page()] = 0x42;
	EXPECT_EQ(rig.all[11 * page()], 0x42);
	map_at(view, page(), RW, page())[1] = 0x43;
	EXPECT_EQ(rig.all[1], 0x43);
	EXPECT_ERRNO(try_map(view, 2 * page(), RW, page()), EINVAL);
	EXPECT_ERRNO(try_map(view, 4 * page(), RW, 0), EINVAL);
	EXPECT_ERRNO(try_map(view, page(), RW, 2 * page()), EINVAL);
	EXPECT_ERRNO(try_map(view, page(), RW, page() + 1), EINVAL);
	EXPECT_ERRNO(read(view, &value, 4), EIO);
	EXPECT_ERRNO(write(view, &value, 4), EIO);
	EXPECT_ERRNO(lseek(view, 0, SEEK_CUR), ESPIPE);
	EXPECT_EQ(fstat(view, &status), 0);
	EXPECT(S_ISCHR(status.st_mode));
	EXPECT_EQ(status.st_rdev, makedev(240, 7));
}

/* ---- rights ---- */

static void expect_read_only(int view)
{
	uint8_t *address = map_at(view, page(), PROT_READ, 0);
	uint32_t value = 1;

	EXPECT_EQ(touch_read(address), 0);
	EXPECT_ERRNO(mprotect(address, page(), RW), EACCES);
	EXPECT_EQ(touch_write(address, 1), SIGSEGV);
	EXPECT_EQ(pread(view, &value, 4, 0), 4);
	EXPECT_ERRNO(pwrite(view, &value, 4, 0), EBADF);
}

static void expect_downgraded(int view)
{
	uint8_t *address = map_at(view, page(), RW, 0);

	EXPECT_EQ(touch_read(address), 0);
	EXPECT_EQ(touch_write(address, 1), SIGSEGV);
	EXPECT_ERRNO(mprotect(address, page(), RW), EACCES);
	expect_read_only(view);
}

TEST(a_view_gives_what_the_descriptors_of_its_parts_give)
{
	int control = open_control(), fd = shm(control, 0, 1, 0), other = shm(control, 1, 1, 0);
	int reader = reopen(fd, O_RDONLY), limited = shm(control, 0, 1, RO), view;
	struct mmiod_view_create_part parts[2] = { view_part(reader, 0, 0, page()),
						   view_part(other, page(), 0, page()) };

	view = one_part(VIEW_FILE, 0, reader, 0, 1);
	EXPECT_ERRNO(try_map(view, page(), RW, 0), EACCES);
	expect_read_only(view);
	expect_read_only(one_part(VIEW_FILE, 0, limited, 0, 1));
	expect_downgraded(one_part(VIEW_FILE, DOWNGRADE, reader, 0, 1));
	expect_downgraded(one_part(PHYS, DOWNGRADE, limited, 0, 1));
	/* Beside a writable part: the view itself is open for writing then. */
	view = view_of(VIEW_FILE, 0, parts, 2);
	EXPECT_ERRNO(try_map(view, page(), RW, 0), EACCES);
	expect_read_only(view);
	EXPECT_EQ(touch_write(map_at(view, page(), RW, page()), 1), 0);
	view = view_of(VIEW_FILE, DOWNGRADE, parts, 2);
	expect_downgraded(view);
	EXPECT_EQ(touch_write(map_at(view, page(), RW, page()), 1), 0);
}

TEST(a_part_must_be_open_for_reading)
{
	int control = open_control(), fd = shm(control, 0, 1, 0);
	int writer = reopen(fd, O_WRONLY), path = reopen(fd, O_PATH);
	const int bad[] = { writer, path, -1, 1000 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct mmiod_view_create_part parts[2] = { view_part(fd, 0, 0, page()),
							   view_part(bad[i], page(), 0, page()) };

		EXPECT_ERRNO(try_view(VIEW_FILE, 0, parts, 2), EBADF);
		EXPECT_EQ(users(fd), 1);
	}
}

TEST(nobody_opens_a_view_by_its_name)
{
	int fd = shm(open_control(), 0, 1, 0);
	char path[64], name[64] = {};
	int view = one_part(VIEW_FILE, 0, fd, 0, 1);

	EXPECT_ERRNO(reopen(view, O_RDONLY), ENXIO);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", view);
	EXPECT(readlink(path, name, sizeof(name) - 1) > 0);
	EXPECT(!strcmp(name, "/mmiod:view-file"));
	EXPECT_ERRNO(reopen(one_part(PHYS, 0, fd, 0, 1), O_RDONLY), EACCES);
	EXPECT_ERRNO(reopen(one_part(UIO, 0, fd, 0, 1), O_RDONLY), EACCES);
}

/* ---- what is no view ---- */

static void expect_rdev(int fd, uint32_t form, unsigned int major, unsigned int minor, int error)
{
	struct mmiod_view_create_part part = view_part(fd, 0, 0, page());
	struct mmiod_view_create create = {
		.form = form, .count = 1, .irq = -1, .rdev = makedev(major, minor)
	};

	if (error)
		EXPECT_ERRNO(try_view_as(create, &part), error);
	else
		EXPECT_EQ(close(try_view_as(create, &part)), 0);
}

TEST(a_view_cannot_pass_for_a_device_that_it_is_not)
{
	int fd = shm(open_control(), 0, 1, 0);

	for (uint32_t form = VIEW_FILE; form <= UIO; form++) {
		expect_rdev(fd, form, 1, 3, EPERM);
		expect_rdev(fd, form, 10, 229, EPERM);
		expect_rdev(fd, form, 226, 0, EPERM);
	}
	expect_rdev(fd, VIEW_FILE, 240, 0, EPERM);
	expect_rdev(fd, PHYS, 1, 1, EPERM);
	expect_rdev(fd, UIO, 233, 0, EPERM);
	expect_rdev(fd, UIO, 255, 0, EPERM);
	expect_rdev(fd, UIO, 383, 0, EPERM);
	expect_rdev(fd, UIO, 512, 0, EPERM);
	expect_rdev(fd, UIO, 0, 3, EPERM);
	expect_rdev(fd, UIO, 0, 0, 0);
	expect_rdev(fd, UIO, 234, 0, 0);
	expect_rdev(fd, UIO, 254, 0xfffff, 0);
	expect_rdev(fd, UIO, 384, 300, 0);
	expect_rdev(fd, UIO, 511, 0, 0);
}

static void refuse_part(uint32_t form, uint32_t flags, struct mmiod_view_create_part part)
{
	EXPECT_ERRNO(try_view(form, flags, &part, 1), EINVAL);
}

TEST(parts_that_are_misplaced_are_refused)
{
	int control = open_control(), fd = shm(control, 0, 4, 0);
	int small = window(control, "shm", 0, 64, UC, 0);
	struct mmiod_view_create_part part = view_part(fd, 0, 0, page());

	refuse_part(VIEW_FILE, 0, view_part(fd, 0, 0, 0));
	refuse_part(VIEW_FILE, 0, view_part(fd, 1, 0, page()));
	refuse_part(VIEW_FILE, 0, view_part(fd, 0, 1, page()));
	refuse_part(VIEW_FILE, 0, view_part(fd, 0, 0, page() + 1));
	refuse_part(VIEW_FILE, 0, view_part(fd, 0, 0, 5 * page()));
	refuse_part(VIEW_FILE, 0, view_part(fd, 0, 4 * page(), page()));
	refuse_part(VIEW_FILE, 0, view_part(fd, 0, 3 * page(), 2 * page()));
	refuse_part(VIEW_FILE, 0, view_part(fd, 0, -(uint64_t)page(), 2 * page()));
	refuse_part(VIEW_FILE, 0, view_part(fd, 0, page(), -(uint64_t)page()));
	refuse_part(PHYS, 0, view_part(fd, -(uint64_t)page(), 0, 2 * page()));
	refuse_part(PHYS, 0, view_part(fd, 1ULL << 63, 0, page()));
	refuse_part(PHYS, 0, view_part(fd, INT64_MAX & -(uint64_t)page(), 0, 2 * page()));
	refuse_part(UIO, 0, view_part(fd, page(), 0, page()));
	refuse_part(VIEW_FILE, 0, view_part(small, 0, 0, page()));
	refuse_part(VIEW_FILE, 4, part);
	refuse_part(0, 0, part);
	refuse_part(4, 0, part);
	refuse_part(PHYS, LONGER, part);
	refuse_part(UIO, LONGER, part);
	part.reserved = 1;
	refuse_part(VIEW_FILE, 0, part);
	EXPECT_EQ(users(fd), 0);
}

TEST(parts_that_overlap_are_refused)
{
	int control = open_control(), fd = shm(control, 0, 4, 0);
	struct mmiod_view_create_part parts[3] = { view_part(fd, 4 * page(), 0, 2 * page()),
						   view_part(fd, 0, 0, page()),
						   view_part(fd, 3 * page(), 0, page()) };

	EXPECT_EQ(close(view_of(VIEW_FILE, 0, parts, 3)), 0);
	parts[2].length += page();
	EXPECT_ERRNO(try_view(VIEW_FILE, 0, parts, 3), EINVAL);
	parts[2] = view_part(fd, 5 * page(), 0, page());
	EXPECT_ERRNO(try_view(PHYS, 0, parts, 3), EINVAL);
	parts[2] = view_part(fd, 4 * page(), 0, 2 * page());
	EXPECT_ERRNO(try_view(VIEW_FILE, 0, parts, 3), EINVAL);
	parts[2] = view_part(fd, page(), 0, 4 * page());
	EXPECT_ERRNO(try_view(VIEW_FILE, 0, parts, 3), EINVAL);
	EXPECT_EQ(users(fd), 0);
}

TEST(only_windows_are_parts_of_a_view_and_no_views)
{
	int control = open_control(), fd = shm(control, 0, 1, 0);
	const int others[] = { one_part(VIEW_FILE, 0, fd, 0, 1), one_part(UIO, 0, fd, 0, 1),
			       control, open("/dev/zero", O_RDWR) };
	struct mmiod_window_query query = { .size = sizeof(query) };

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		struct mmiod_view_create_part parts[2] = {
			view_part(fd, 0, 0, page()), view_part(others[i], page(), 0, page())
		};

		EXPECT_ERRNO(try_view(VIEW_FILE, 0, parts, 2), EINVAL);
	}
	EXPECT_ERRNO(ioctl(others[0], MMIOD_IOC_QUERY, &query), ENOTTY);
	EXPECT_ERRNO(ioctl(others[1], MMIOD_IOC_QUERY, &query), ENOTTY);
	EXPECT_ERRNO(ioctl(others[1], MMIOD_IOC_VIEW_CREATE, &query), ENOTTY);
}

TEST(a_view_has_from_1_to_64_parts_and_nothing_unknown)
{
	int fd = shm(open_control(), 0, 2, 0);
	struct mmiod_view_create_part parts[65];
	struct mmiod_view_create create = { .form = VIEW_FILE, .count = 1, .irq = -1 };

	for (size_t i = 0; i < 65; i++)
		parts[i] = view_part(fd, i * 2 * page(), page(), page());
	EXPECT_ERRNO(try_view(VIEW_FILE, 0, parts, 0), EINVAL);
	EXPECT_ERRNO(try_view(VIEW_FILE, 0, parts, 65), EINVAL);
	EXPECT_ERRNO(try_view(VIEW_FILE, 0, parts, UINT32_MAX), EINVAL);
	EXPECT_EQ(close(view_of(VIEW_FILE, 0, parts, 64)), 0);
	create.reserved = 1;
	EXPECT_ERRNO(try_view_as(create, parts), EINVAL);
	create.reserved = 0;
	create.length = page() - 1;
	EXPECT_ERRNO(try_view_as(create, parts), EINVAL);
	create.length = 1ULL << 63;
	EXPECT_ERRNO(try_view_as(create, parts), EINVAL);
	create.length = page();
	EXPECT_EQ(close(try_view_as(create, parts)), 0);
	create.form = PHYS;
	EXPECT_ERRNO(try_view_as(create, parts), EINVAL);
	create = (struct mmiod_view_create){ .size = sizeof(create), .form = UIO, .count = 1 };
	create.parts = (uintptr_t)parts;
	for (create.irq = -3; create.irq < 1; create.irq++)
		if (create.irq != -1)
			EXPECT_ERRNO(ioctl(fd, MMIOD_IOC_VIEW_CREATE, &create), EINVAL);
	create.irq = -1;
	create.parts = 8;
	EXPECT_ERRNO(ioctl(fd, MMIOD_IOC_VIEW_CREATE, &create), EFAULT);
	EXPECT_EQ(users(fd), 0);
}

/* ---- LONGER ---- */

TEST(a_mapping_of_a_longer_view_has_nothing_behind_its_part)
{
	struct rig rig = make_file(0);
	int view = one_part(VIEW_FILE, LONGER, rig.first, 0, 2);
	uint8_t *address = map_at(view, 4096 * page(), RW, 0);

	EXPECT_EQ(touch_write(address + page(), 0x77), 0);
	EXPECT_EQ(rig.all[page()], 0x77);
	for (size_t i = 2; i < 4096; i += i < 600 ? 1 : 511)
		EXPECT_EQ(touch_read(address + i * page()), SIGBUS);
	EXPECT_EQ(populate(rig.first, address, 2 * page()), 0);
	EXPECT_EQ(populate_exactly(rig.first, address, 2 * page()), 0);
	EXPECT_ERRNO(populate(rig.first, address, 3 * page()), EINVAL);
	EXPECT_ERRNO(populate(rig.first, address + 2 * page(), page()), EINVAL);
	EXPECT_ERRNO(populate_exactly(rig.first, address + 512 * page(), page()), EINVAL);
	EXPECT_ERRNO(populate_exactly(rig.first, address, 4096 * page()), EINVAL);
	EXPECT_ERRNO(try_map(view, page(), RW, 2 * page()), EINVAL);
	EXPECT_EQ(munmap(address, page()), 0);
	EXPECT_EQ(touch_read(address + page()), 0);
	EXPECT_EQ(touch_read(address + 2 * page()), SIGBUS);
	EXPECT_EQ(set_state(rig.control, window_id(rig.first), MMIOD_WINDOW_REVOKED), 0);
	EXPECT_EQ(touch_read(address + page()), SIGBUS);
}

TEST(a_part_of_a_longer_view_reaches_to_its_windows_end)
{
	int fd = shm(open_control(), 0, 4, 0);

	refuse_part(VIEW_FILE, LONGER, view_part(fd, 0, 0, 3 * page()));
	refuse_part(VIEW_FILE, LONGER, view_part(fd, 0, page(), 2 * page()));
	refuse_part(VIEW_FILE, LONGER, view_part(fd, 0, page(), 4 * page()));
	EXPECT_EQ(touch_read(map_at(one_part(VIEW_FILE, LONGER, fd, 0, 4), page(), RW, 3 * page())),
		  0);
}

/* ---- what becomes of it ---- */

TEST(a_mapping_by_a_view_is_the_windows_own)
{
	struct rig rig = make_file(0);
	uint8_t *address = map_at(rig.view, page(), RW, 5 * page());
	struct mmiod_translate found;
	char start[32], line[256];
	const char *entry;

	EXPECT_EQ(touch_write(address, 1), 0);
	EXPECT_EQ(window_info(rig.control, rig.second).mappings, 1);
	EXPECT_EQ(window_info(rig.control, rig.first).mappings, 0);
	close(rig.view);
	EXPECT_EQ(window_info(rig.control, rig.second).mappings, 1);
	found = translation(rig.control, address);
	EXPECT_EQ(found.window_id, window_id(rig.second));
	EXPECT_EQ(found.vma_pgoff, 2);
	snprintf(start, sizeof(start), "%lx-", (unsigned long)address);
	entry = strstr(read_file("/proc/self/maps"), start);
	EXPECT(entry && sscanf(entry, "%255[^\n]", line) == 1);
	EXPECT(strstr(line, "/mmiod:shm+0x8000-0xbfff"));
	EXPECT_EQ(populate(rig.second, address, page()), 0);
	EXPECT_ERRNO(populate(rig.first, address, page()), EINVAL);
	EXPECT_EQ(munmap(address, page()), 0);
	EXPECT_EQ(window_info(rig.control, rig.second).mappings, 0);
}

TEST(a_revoked_part_raises_sigbus_in_a_view_and_the_others_go_on)
{
	struct rig rig = make_file(0);
	uint8_t *first = map_at(rig.view, 2 * page(), RW, page());
	uint8_t *second = map_at(rig.view, page(), RW, 4 * page());
	struct pollfd ready = { .fd = rig.view, .events = POLLIN };
	uint32_t value;

	EXPECT_EQ(touch_write(first, 1), 0);
	EXPECT_EQ(touch_write(second, 1), 0);
	EXPECT_EQ(set_state(rig.control, window_id(rig.first), MMIOD_WINDOW_REVOKED), 0);
	EXPECT_EQ(touch_read(first), SIGBUS);
	EXPECT_EQ(touch_read(first + page()), SIGBUS);
	EXPECT_EQ(touch_read(second), 0);
	EXPECT_ERRNO(pread(rig.view, &value, 4, page()), ENODEV);
	EXPECT_ERRNO(try_map(rig.view, page(), RW, page()), ENODEV);
	EXPECT_EQ(pread(rig.view, &value, 4, 4 * page()), 4);
	EXPECT_EQ(poll(&ready, 1, 0), 1);
	EXPECT_EQ(ready.revents, POLLIN);
	EXPECT_EQ(set_state(rig.control, window_id(rig.second), MMIOD_WINDOW_REVOKED), 0);
	EXPECT_EQ(poll(&ready, 1, 0), 1);
	EXPECT_EQ(ready.revents, POLLHUP | POLLERR);
}

static void wait_for_hangup(int view)
{
	struct pollfd hangup = { .fd = view };

	EXPECT_EQ(poll(&hangup, 1, -1), 1);
	EXPECT_EQ(hangup.revents, POLLHUP | POLLERR);
}

TEST(who_polls_a_view_learns_of_the_end_of_its_last_window)
{
	struct rig rig = make_file(0);
	pid_t child = fork();
	int status;

	if (!child) {
		wait_for_hangup(rig.view);
		_exit(0);
	}
	usleep(200000);
	EXPECT_EQ(set_state(rig.control, window_id(rig.second), MMIOD_WINDOW_REVOKED), 0);
	usleep(200000);
	EXPECT_EQ(waitpid(child, &status, WNOHANG), 0);
	EXPECT_EQ(set_state(rig.control, window_id(rig.first), MMIOD_WINDOW_REVOKED), 0);
	EXPECT_EQ(waitpid(child, &status, 0), child);
	EXPECT_EQ(status, 0);
}

TEST(a_suspended_window_is_suspended_in_a_view_too)
{
	struct rig rig = make_file(0);
	uint8_t *address = map_at(rig.view, page(), RW, page());
	uint64_t id = window_id(rig.first);
	uint32_t value;

	EXPECT_EQ(touch_write(address, 1), 0);
	EXPECT_EQ(set_state(rig.control, id, MMIOD_WINDOW_SUSPENDED), 0);
	EXPECT_EQ(touch_read(address), SIGBUS);
	EXPECT_ERRNO(pread(rig.view, &value, 4, page()), EAGAIN);
	EXPECT_EQ(set_state(rig.control, id, MMIOD_WINDOW_OK), 0);
	EXPECT_EQ(touch_read(address), 0);
	EXPECT_EQ(pread(rig.view, &value, 4, page()), 4);
}

TEST(a_device_that_goes_takes_its_windows_from_views)
{
	struct rig rig = make_file(0);
	uint8_t *address = map_at(rig.view, page(), RW, page());
	uint32_t pci = region_info(rig.control, region(rig.control, "shm")).pci;
	struct pollfd ready = { .fd = rig.view };
	uint32_t value;

	EXPECT_EQ(touch_write(address, 1), 0);
	bind_driver(pci, "");
	EXPECT_EQ(touch_read(address), SIGBUS);
	EXPECT_ERRNO(pread(rig.view, &value, 4, page()), ENODEV);
	EXPECT_EQ(poll(&ready, 1, 0), 1);
	EXPECT_EQ(ready.revents, POLLHUP | POLLERR);
	bind_driver(pci, "mmiod");
	EXPECT_EQ(touch_read(address), SIGBUS);
}

TEST(a_window_lasts_as_long_as_a_view_of_it)
{
	int control = open_control(), fd = shm(control, 0, 1, 0);
	int view = one_part(UIO, 0, fd, 0, 1);
	uint64_t id = window_id(fd);
	void *address;

	EXPECT_EQ(users(fd), 1);
	close(fd);
	address = map_at(view, page(), RW, 0);
	EXPECT_EQ(touch_write(address, 1), 0);
	munmap(address, page());
	close(view);
	EXPECT(happens(control, MMIOD_CONTROL_WINDOW_RELEASED, 0, id));
}

TEST(a_window_may_be_several_parts_and_counts_each)
{
	int fd = shm(open_control(), 0, 2, 0), view;
	struct mmiod_view_create_part parts[2] = { view_part(fd, 0, page(), page()),
						   view_part(fd, page(), 0, page()) };
	uint8_t *address = map_window(fd, 2 * page(), RW);

	view = view_of(VIEW_FILE, 0, parts, 2);
	map_at(view, page(), RW, 0)[0] = 0x21;
	map_at(view, page(), RW, page())[0] = 0x22;
	EXPECT_EQ(address[page()], 0x21);
	EXPECT_EQ(address[0], 0x22);
	EXPECT_EQ(users(fd), 5);
	close(view);
	EXPECT_EQ(users(fd), 3);
}

TEST(fdinfo_tells_a_views_windows_but_no_physical_address)
{
	int control = open_control(), fd = shm(control, 1, 2, 0);
	uint64_t phys = shm_phys(control) + page();
	int view = one_part(PHYS, 0, fd, phys, 2);
	char path[64], hex[32], part[64];
	const char *text;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", view);
	snprintf(hex, sizeof(hex), "%llx", (unsigned long long)phys);
	snprintf(part, sizeof(part), "mmiod-part:\t%llu 0x0/0x%zx\n",
		 (unsigned long long)window_id(fd), 2 * page());
	text = read_file(path);
	EXPECT(strstr(text, "mmiod-view:\tphys\n"));
	EXPECT(strstr(text, part));
	EXPECT(!strstr(text, hex));
}

/* ---- leaves ---- */

static void expect_leaves_of_a_gigabyte(int control, int view, off_t offset)
{
	uint8_t *address = map_at(view, 2 * GIB, RW, offset);

	EXPECT_EQ(touch_write(address, 1), 0);
	EXPECT_EQ(touch_write(address + 2 * GIB - 1, 1), 0);
	EXPECT_EQ(translation(control, address).leaf_size, GIB);
	EXPECT_EQ(translation(control, address + GIB).leaf_size, GIB);
	EXPECT_EQ(munmap(address, 2 * GIB), 0);
}

TEST(a_view_of_gigabytes_has_the_leaves_that_the_window_has)
{
	int control = open_control(), fd, other;
	struct mmiod_view_create_part parts[2];
	uint64_t phys;

	if (sizeof(void *) < 8)
		tap_skip("a 32-bit program has no room for it");
	need_huge_leaves();
	fd = window(control, "bigshm", 0, 3 * GIB, UC, 0);
	phys = region_info(control, region(control, "bigshm")).phys;
	parts[1] = view_part(fd, phys + GIB, GIB, 2 * GIB);
	parts[0] = view_part(fd, phys, 0, page());
	expect_leaves_of_a_gigabyte(control, view_of(PHYS, 0, parts, 2), phys + GIB);
	parts[0].offset = parts[1].offset = 0;
	expect_leaves_of_a_gigabyte(control, view_of(UIO, 0, parts, 2), page());
	parts[1].offset = page();
	other = view_of(VIEW_FILE, 0, parts, 2);
	expect_leaves_of_a_gigabyte(control, other, page());
}
