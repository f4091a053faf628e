// SPDX-License-Identifier: MIT
/* A window lets through exactly its bytes, with exactly its rights. */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fixture.h"

#define UC MMIOD_ATTR_UC
#define RO MMIOD_WINDOW_READONLY

static void *try_map(int fd, size_t length, int prot, int flags, off_t offset)
{
	return mmap(NULL, length, prot, flags, fd, offset);
}

TEST(a_write_through_a_window_lands_at_its_offset_and_nowhere_else)
{
	int control = open_control();
	int all = window(control, "shm", 0, 16 * page(), UC, 0);
	int fd = window(control, "shm", 4 * page(), 2 * page(), UC, 0);
	uint8_t *whole = map_window(all, 16 * page(), PROT_READ | PROT_WRITE);
	uint8_t *part = map_window(fd, 2 * page(), PROT_READ | PROT_WRITE);

	memset(whole, 0x11, 16 * page());
	for (size_t i = 0; i < 2 * page(); i++)
		part[i] = 0xee;
	for (size_t i = 0; i < 16 * page(); i++)
		EXPECT_EQ(whole[i], i >= 4 * page() && i < 6 * page() ? 0xee : 0x11);
}

TEST(mmap_refuses_what_leaves_the_window)
{
	int control = open_control();
	int fd = window(control, "shm", 0, 4 * page(), UC, 0);
	int rw = PROT_READ | PROT_WRITE;

	EXPECT_ERRNO(try_map(fd, 5 * page(), rw, MAP_SHARED, 0), EINVAL);
	EXPECT_ERRNO(try_map(fd, 4 * page() + 1, rw, MAP_SHARED, 0), EINVAL);
	EXPECT_ERRNO(try_map(fd, page(), rw, MAP_SHARED, 4 * page()), EINVAL);
	EXPECT_ERRNO(try_map(fd, page(), rw, MAP_SHARED, 5 * page()), EINVAL);
	EXPECT_ERRNO(try_map(fd, 2 * page(), rw, MAP_SHARED, 3 * page()), EINVAL);
	EXPECT_ERRNO(try_map(fd, 0, rw, MAP_SHARED, 0), EINVAL);
	EXPECT_ERRNO(try_map(fd, page(), rw, MAP_SHARED, 1), EINVAL);
	EXPECT(try_map(fd, page(), rw, MAP_SHARED, 3 * page()) != MAP_FAILED);
	EXPECT(try_map(fd, 4 * page() - 1, rw, MAP_SHARED, 0) != MAP_FAILED);
}

TEST(mmap_refuses_an_offset_that_wraps)
{
	int control = open_control();
	int fd = window(control, "shm", 0, 4 * page(), UC, 0);
	const off_t offsets[] = { (off_t)1 << 40, (off_t)1 << 52, INT64_MAX & -(off_t)page() };

	for (size_t i = 0; i < sizeof(offsets) / sizeof(*offsets); i++) {
		void *address = try_map(fd, 2 * page(), PROT_READ, MAP_SHARED, offsets[i]);

		/* The kernel itself answers EOVERFLOW for sums beyond what a file can hold. */
		EXPECT(address == MAP_FAILED);
		EXPECT(errno == EINVAL || errno == EOVERFLOW);
	}
}

TEST(private_and_executable_mappings_are_refused)
{
	int control = open_control();
	int fd = window(control, "shm", 0, page(), UC, 0);
	int ro = window(control, "shm", 0, page(), UC, RO);
	void *address;

	EXPECT_ERRNO(try_map(fd, page(), PROT_READ | PROT_WRITE, MAP_PRIVATE, 0), EINVAL);
	EXPECT_ERRNO(try_map(fd, page(), PROT_READ, MAP_PRIVATE, 0), EINVAL);
	EXPECT_ERRNO(try_map(ro, page(), PROT_READ, MAP_PRIVATE, 0), EINVAL);
	EXPECT_ERRNO(try_map(fd, page(), PROT_READ | PROT_EXEC, MAP_SHARED, 0), EPERM);
	address = map_window(fd, page(), PROT_READ);
	EXPECT_ERRNO(mprotect(address, page(), PROT_READ | PROT_EXEC), EACCES);
}

TEST(a_read_only_window_can_never_be_written)
{
	int control = open_control();
	int fd = window(control, "shm", 0, page(), UC, RO);
	uint8_t *address = map_window(fd, page(), PROT_READ);
	uint64_t value = 1;
	int memory;

	EXPECT_ERRNO(try_map(fd, page(), PROT_READ | PROT_WRITE, MAP_SHARED, 0), EACCES);
	EXPECT_ERRNO(mprotect(address, page(), PROT_READ | PROT_WRITE), EACCES);
	EXPECT_ERRNO(pwrite(fd, &value, sizeof(value), 0), EBADF);
	EXPECT_EQ(touch_read(address), 0);
	EXPECT_EQ(touch_write(address, 1), SIGSEGV);
	memory = open("/proc/self/mem", O_RDWR);
	EXPECT(memory >= 0);
	EXPECT_ERRNO(pwrite(memory, &value, sizeof(value), (uintptr_t)address), EIO);
	EXPECT_ERRNO(reopen(fd, O_RDWR), EACCES);
}

TEST(mediated_writes_by_ioctl_respect_a_read_only_window)
{
	int control = open_control();
	int fd = window(control, "shm", 0, page(), UC, RO);
	uint32_t value = 1;
	struct mmiod_window_access access = { .size = sizeof(access),
					      .op = MMIOD_ACCESS_WRITE,
					      .count = 1,
					      .width = 4,
					      .buffer = (uintptr_t)&value };

	EXPECT_ERRNO(ioctl(fd, MMIOD_IOC_ACCESS, &access), EBADF);
	access.op = MMIOD_ACCESS_FILL;
	access.width = 0;
	EXPECT_ERRNO(ioctl(fd, MMIOD_IOC_ACCESS, &access), EBADF);
	access.op = MMIOD_ACCESS_COPY_TO;
	EXPECT_ERRNO(ioctl(fd, MMIOD_IOC_ACCESS, &access), EBADF);
}

TEST(ptrace_and_proc_mem_cannot_touch_registers)
{
	int control = open_control();
	int fd = window(control, "shm", 0, page(), UC, 0);
	uint8_t *address = map_window(fd, page(), PROT_READ | PROT_WRITE);
	int memory = open("/proc/self/mem", O_RDWR);
	uint32_t value;

	EXPECT_EQ(touch_read(address), 0);
	EXPECT_ERRNO(pread(memory, &value, sizeof(value), (uintptr_t)address), EIO);
	EXPECT_ERRNO(pwrite(memory, &value, sizeof(value), (uintptr_t)address), EIO);
}

TEST(mremap_can_move_and_shrink_but_neither_grow_nor_duplicate)
{
	int control = open_control();
	int fd = window(control, "shm", 0, 8 * page(), UC, 0);
	uint8_t *address = map_window(fd, 4 * page(), PROT_READ | PROT_WRITE);
	uint8_t *place = mmap(NULL, 8 * page(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT_ERRNO(mremap(address, 4 * page(), 8 * page(), MREMAP_MAYMOVE), EFAULT);
	EXPECT_ERRNO(mremap(address, 0, 4 * page(), MREMAP_MAYMOVE), EFAULT);
	address[0] = 0x5a;
	address = mremap(address, 4 * page(), 4 * page(), MREMAP_MAYMOVE | MREMAP_FIXED, place);
	EXPECT(address == place);
	EXPECT_EQ(address[0], 0x5a);
	EXPECT(mremap(address, 4 * page(), 2 * page(), 0) == address);
	EXPECT_EQ(window_info(control, fd).mappings, 1);
}

TEST(a_sub_page_window_is_reached_by_mediated_access_only)
{
	int control = open_control();
	int whole = window(control, "shm", 0, page(), UC, 0);
	int fd = window(control, "shm", 0x10, 0x20, UC, 0);
	uint8_t bytes[0x20], around[0x40];

	EXPECT_ERRNO(try_map(fd, page(), PROT_READ, MAP_SHARED, 0), EINVAL);
	EXPECT_ERRNO(try_map(fd, 0x20, PROT_READ, MAP_SHARED, 0), EINVAL);
	memset(around, 0xaa, sizeof(around));
	EXPECT_EQ(pwrite(whole, around, sizeof(around), 0), sizeof(around));
	memset(bytes, 0x55, sizeof(bytes));
	EXPECT_EQ(pwrite(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
	EXPECT_EQ(pread(whole, around, sizeof(around), 0), sizeof(around));
	for (size_t i = 0; i < sizeof(around); i++)
		EXPECT_EQ(around[i], i >= 0x10 && i < 0x30 ? 0x55 : 0xaa);
}

TEST(windows_outside_their_region_are_refused)
{
	int control = open_control();
	struct mmiod_window_create create = { .region_id = region(control, "shm"), .attr = UC };
	const struct {
		uint64_t offset, length;
	} bad[] = {
		{ 0, 0 },	   { 0, SHM_SIZE + 1 }, { SHM_SIZE, 1 },       { SHM_SIZE - 1, 2 },
		{ UINT64_MAX, 1 }, { 1, UINT64_MAX },	{ UINT64_MAX - 1, 4 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		create.offset = bad[i].offset;
		create.length = bad[i].length;
		EXPECT_ERRNO(try_window(control, &create), EINVAL);
	}
	create.offset = 0;
	create.length = SHM_SIZE;
	EXPECT(try_window(control, &create) >= 0);
	create.region_id = 999999;
	EXPECT_ERRNO(try_window(control, &create), ENOENT);
}

TEST(a_window_looks_like_a_regular_file_of_its_size_that_nobody_can_change)
{
	int control = open_control();
	int fd = window(control, "shm", page(), 3 * page(), UC, 0);
	struct stat status;

	EXPECT_EQ(fstat(fd, &status), 0);
	EXPECT(S_ISREG(status.st_mode));
	EXPECT_EQ(status.st_size, 3 * page());
	EXPECT_EQ(lseek(fd, 0, SEEK_END), 3 * page());
	EXPECT_EQ(ftruncate(fd, 0), 0);
	EXPECT_EQ(ftruncate(fd, 1 << 30), 0);
	EXPECT_ERRNO(fchmod(fd, 0777), EPERM);
	EXPECT_ERRNO(fchown(fd, 1000, 1000), EPERM);
	EXPECT_EQ(fstat(fd, &status), 0);
	EXPECT_EQ(status.st_size, 3 * page());
}

TEST(advice_that_would_undo_the_flags_is_refused)
{
	int control = open_control();
	int fd = window(control, "shm", 0, page(), UC, 0);
	void *address = map_window(fd, page(), PROT_READ | PROT_WRITE);

	EXPECT_ERRNO(madvise(address, page(), MADV_DODUMP), EINVAL);
	EXPECT_ERRNO(madvise(address, page(), MADV_DOFORK), EINVAL);
	EXPECT_ERRNO(madvise(address, page(), MADV_DONTNEED), EINVAL);
}

TEST(smaps_shows_io_pf_de_dd_and_maps_names_the_window)
{
	int control = open_control();
	int fd = window(control, "shm", page(), page(), UC, 0);
	void *address = map_window(fd, page(), PROT_READ | PROT_WRITE);
	const char *flags, *entry;
	char start[32], line[256];

	snprintf(start, sizeof(start), "%lx-", (unsigned long)address);
	entry = strstr(read_file("/proc/self/smaps"), start);
	EXPECT(entry);
	EXPECT(sscanf(entry, "%255[^\n]", line) == 1);
	EXPECT(strstr(line, "/mmiod:shm+0x1000-0x1fff"));
	flags = strstr(entry, "VmFlags:");
	EXPECT(flags && sscanf(flags, "%255[^\n]", line) == 1);
	for (const char *const *flag = (const char *const[]){ " io", " pf", " de", " dd", NULL };
	     *flag; flag++)
		EXPECT(strstr(line, *flag));
	EXPECT(!strstr(line, " me"));
}

TEST(fdinfo_tells_the_window_but_no_physical_address)
{
	int control = open_control();
	int fd = window(control, "shm", page(), page(), UC, RO);
	uint64_t phys = region_info(control, region(control, "shm")).phys;
	char path[64], hex[32];
	const char *text;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	snprintf(hex, sizeof(hex), "%llx", (unsigned long long)phys + page());
	text = read_file(path);
	EXPECT(strstr(text, "mmiod-region:\tshm\n"));
	EXPECT(strstr(text, "mmiod-range:\t0x1000/0x1000\n"));
	EXPECT(strstr(text, "mmiod-rights:\tr\n"));
	EXPECT(strstr(text, "mmiod-cache:\tuc\n"));
	EXPECT(strstr(text, "mmiod-state:\tok\n"));
	EXPECT(!strstr(text, hex));
}
