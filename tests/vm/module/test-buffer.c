// SPDX-License-Identifier: MIT
/*
 * Buffers: kernel memory for a client, by each of the kernel's allocators, charged, pinned, revoked
 * and freed.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

#define RW (PROT_READ | PROT_WRITE)
#define ANY_NODE -1

static const uint32_t kinds[] = { MMIOD_BUFFER_PAGES, MMIOD_BUFFER_KMALLOC, MMIOD_BUFFER_VMALLOC,
				  MMIOD_BUFFER_DMA };

#define FOR_EACH_KIND(kind) \
	for (size_t k = 0, kind; k < sizeof(kinds) / sizeof(*kinds) && (kind = kinds[k], true); k++)

static struct mmiod_buffer_create request(uint32_t kind, uint64_t length)
{
	return (struct mmiod_buffer_create){
		.kind = kind,
		.length = length,
		.node = ANY_NODE,
		.pci = kind == MMIOD_BUFFER_DMA ? find_pci(0x1234, 0x11e8) : 0,
	};
}

static int buffer(int control, uint32_t kind, uint64_t length)
{
	int fd = try_buffer(control, request(kind, length));

	if (fd < 0)
		FAIL("no buffer of kind %u: %s", kind, strerror(errno));
	return fd;
}

TEST(a_buffer_of_every_kind_is_zeroed_shared_and_reached_both_ways)
{
	int control = open_control();

	FOR_EACH_KIND(kind)
	{
		int fd = buffer(control, kind, 3 * page() - 5);
		uint8_t *one = map_window(fd, 3 * page(), RW);
		uint8_t *two = map_window(fd, 3 * page(), RW);
		uint64_t value;

		for (size_t i = 0; i < 3 * page(); i++)
			EXPECT_EQ(one[i], 0);
		one[2 * page() + 8] = 0x61;
		EXPECT_EQ(two[2 * page() + 8], 0x61);
		EXPECT_EQ(pread(fd, &value, 8, 2 * page() + 8), 8);
		EXPECT_EQ(value, 0x61);
		value = 0x1122334455667788;
		EXPECT_EQ(pwrite(fd, &value, 8, page()), 8);
		EXPECT_EQ(two[page()], 0x88);
		close(fd);
	}
}

TEST(a_transfer_crosses_pages_that_are_not_neighbours)
{
	int control = open_control();
	int fd = buffer(control, MMIOD_BUFFER_VMALLOC, 4 * page());
	static uint8_t out[1 << 14], in[1 << 14];
	struct mmiod_window_access fill = { .size = sizeof(fill),
					    .op = MMIOD_ACCESS_FILL,
					    .offset = 100,
					    .count = 9000,
					    .value = 7 };

	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = i * 7;
	EXPECT_EQ(pwrite(fd, out, sizeof(out), 0), sizeof(out));
	EXPECT_EQ(ioctl(fd, MMIOD_IOC_ACCESS, &fill), 0);
	EXPECT_EQ(pread(fd, in, sizeof(in), 0), sizeof(in));
	memset(out + 100, 7, 9000);
	EXPECT_EQ(memcmp(in, out, sizeof(in)), 0);
}

TEST(nothing_is_allocated_before_the_first_use)
{
	int control = open_control();

	FOR_EACH_KIND(kind)
	{
		int fd = buffer(control, kind, 16 * page());

		EXPECT_EQ(buffer_info(control, fd, 0).allocated, 0);
		EXPECT_EQ(buffer_info(control, fd, 0).phys, 0);
		EXPECT_EQ(allocate(fd), 0);
		EXPECT_EQ(allocate(fd), 0);
		EXPECT_EQ(buffer_info(control, fd, 0).allocated, 1);
		EXPECT(buffer_info(control, fd, 0).phys != 0);
		EXPECT(buffer_info(control, fd, 0).capacity >= 16 * page());
	}
}

/*
 * A machine that has just booted gives 64 MiB in one piece by chance: free pages that are not
 * neighbours come first.
 */
static void leave_holes(int control)
{
	int fds[256];

	for (size_t i = 0; i < 256; i++) {
		fds[i] = buffer(control, MMIOD_BUFFER_PAGES, page());
		EXPECT_EQ(allocate(fds[i]), 0);
	}
	for (size_t i = 0; i < 256; i += 2)
		close(fds[i]);
}

static atomic_bool enough;

/*
 * Takes pages from between those of another's large allocation. Under KASAN holes alone do not
 * last: its shadow fills them.
 */
static void *compete(void *control)
{
	int fds[200];

	while (!atomic_load(&enough)) {
		for (size_t i = 0; i < 200; i++) {
			fds[i] = buffer(*(int *)control, MMIOD_BUFFER_PAGES, page());
			EXPECT_EQ(allocate(fds[i]), 0);
		}
		for (size_t i = 0; i < 200; i++)
			close(fds[i]);
	}
	return NULL;
}

/* From 7.0 on vmalloc takes as large blocks as there are, and may get one run all the same. */
TEST(contiguous_kinds_are_one_run_and_vmalloc_is_scattered)
{
	int control = open_control();
	struct mmiod_buffer_create create = request(MMIOD_BUFFER_PAGES, 100 * page());
	struct mmiod_buffer_info info;
	pthread_t thread;
	int fd;

	create.flags = MMIOD_BUFFER_CONTIGUOUS;
	fd = try_buffer(control, create);
	EXPECT_EQ(allocate(fd), 0);
	for (size_t i = 0; i < 100; i++)
		EXPECT_EQ(buffer_info(control, fd, i).phys,
			  buffer_info(control, fd, 0).phys + i * page());
	EXPECT_EQ(buffer_info(control, fd, 0).runs, 1);
	fd = buffer(control, MMIOD_BUFFER_KMALLOC, 100 * page());
	EXPECT_EQ(allocate(fd), 0);
	EXPECT_EQ(buffer_info(control, fd, 0).runs, 1);
	EXPECT(buffer_info(control, fd, 0).capacity >= 128 * page());
	leave_holes(control);
	fd = buffer(control, MMIOD_BUFFER_VMALLOC, 64 << 20);
	EXPECT_EQ(pthread_create(&thread, NULL, compete, &control), 0);
	EXPECT_EQ(allocate(fd), 0);
	atomic_store(&enough, true);
	pthread_join(thread, NULL);
	info = buffer_info(control, fd, 0);
	if (info.runs < (kernel_is_from(7, 0) ? 1 : 2))
		FAIL("%u MiB in %llu runs at 0x%llx", 64, (unsigned long long)info.runs,
		     (unsigned long long)info.phys);
}

/* An inspector is told what the kernel prints of a pointer, and no more. */
TEST(a_kernel_address_is_told_as_the_kernel_prints_it)
{
	int control = open_control();
	int fd = buffer(control, MMIOD_BUFFER_KMALLOC, page());

	if (strstr(read_file("/proc/cmdline"), "no_hash_pointers"))
		tap_skip("this kernel prints its addresses");
	EXPECT_EQ(allocate(fd), 0);
	EXPECT_EQ(write_file("/proc/sys/kernel", "kptr_restrict", "0"), 0);
	EXPECT(buffer_info(control, fd, 0).kernel != 0);
	EXPECT_EQ(buffer_info(control, fd, 0).kernel >> 32,
		  0); /* hashed: no address of a kernel's */
	EXPECT_EQ(write_file("/proc/sys/kernel", "kptr_restrict", "2"), 0);
	EXPECT_EQ(buffer_info(control, fd, 0).kernel, 0);
	EXPECT_EQ(write_file("/proc/sys/kernel", "kptr_restrict", "0"), 0);
}

TEST(small_kmalloc_buffers_share_no_page_with_anybody)
{
	int control = open_control();
	int one = buffer(control, MMIOD_BUFFER_KMALLOC, 1);
	int two = buffer(control, MMIOD_BUFFER_KMALLOC, 1);

	EXPECT_EQ(allocate(one) | allocate(two), 0);
	EXPECT(buffer_info(control, one, 0).phys != buffer_info(control, two, 0).phys);
	EXPECT_EQ(buffer_info(control, one, 0).phys % page(), 0);
	EXPECT(buffer_info(control, one, 0).capacity > 2 * page());
	EXPECT_ERRNO(mmap(NULL, 2 * page(), RW, MAP_SHARED, one, 0), EINVAL);
}

static void lies_below(int control, struct mmiod_buffer_create create, uint64_t end)
{
	int fd = try_buffer(control, create);

	EXPECT_EQ(allocate(fd), 0);
	for (int i = 0; i < 8; i++)
		EXPECT(buffer_info(control, fd, i).phys < end);
	close(fd);
}

TEST(zones_and_limits_hold)
{
	static const uint32_t sources[] = { MMIOD_BUFFER_PAGES, MMIOD_BUFFER_VMALLOC };
	struct mmiod_buffer_create create;
	int control = open_control(), fd;

	for (int i = 0; i < 2; i++) {
		create = request(sources[i], 8 * page());
		create.zone = MMIOD_ZONE_DMA;
		lies_below(control, create, 16 << 20);
		create.zone = MMIOD_ZONE_DMA32;
		lies_below(control, create, 4ULL << 30);
	}
	create = request(MMIOD_BUFFER_PAGES, 8 * page());
	create.limit = (20 << 20) - 1;
	fd = try_buffer(control, create);
	EXPECT_EQ(allocate(fd), 0);
	EXPECT(buffer_info(control, fd, 0).phys < 16 << 20);
	create.limit = (16 << 20) - 2;
	EXPECT_ERRNO(try_buffer(control, create), EINVAL);
}

TEST(bad_requests_are_refused)
{
	int control = open_control();
	struct mmiod_buffer_create create = request(MMIOD_BUFFER_PAGES, page());

#define REFUSED(field, value, error)                           \
	do {                                                   \
		struct mmiod_buffer_create bad = create;       \
		bad.field = (value);                           \
		EXPECT_ERRNO(try_buffer(control, bad), error); \
	} while (0)
	REFUSED(length, 0, EINVAL);
	REFUSED(length, 1ULL << 50, EINVAL);
	REFUSED(length, UINT64_MAX, EINVAL);
	REFUSED(kind, 0, EINVAL);
	REFUSED(kind, 5, EINVAL);
	REFUSED(zone, 3, EINVAL);
	REFUSED(flags, 1u << 31, EINVAL);
	REFUSED(node, -2, EINVAL);
	REFUSED(node, 63, EINVAL);
	REFUSED(node, INT32_MAX, EINVAL);
	REFUSED(pci, 1, EINVAL);
	REFUSED(reserved, 1, EINVAL);
	create.kind = MMIOD_BUFFER_VMALLOC;
	REFUSED(node, 0, EINVAL); /* it could not be kept */
	create.kind = MMIOD_BUFFER_KMALLOC;
	REFUSED(zone, MMIOD_ZONE_DMA32, EINVAL);
	REFUSED(limit, UINT64_MAX, EINVAL);
	REFUSED(flags, MMIOD_BUFFER_CONTIGUOUS, EINVAL);
	create.kind = MMIOD_BUFFER_DMA;
	REFUSED(pci, 0xffff0000, ENODEV);
	REFUSED(zone, MMIOD_ZONE_DMA, EINVAL);
	create = request(MMIOD_BUFFER_DMA, page());
	REFUSED(node, 0, EINVAL);
	EXPECT_ERRNO(allocate(window(control, "shm", 0, page(), MMIOD_ATTR_UC, 0)), EINVAL);
}

TEST(what_the_kernel_cannot_give_in_one_piece_is_enomem)
{
	int control = open_control();
	struct mmiod_buffer_create create = request(MMIOD_BUFFER_PAGES, 64 << 20);
	int fd;

	create.flags = MMIOD_BUFFER_CONTIGUOUS;
	fd = try_buffer(control, create);
	EXPECT_ERRNO(allocate(fd), ENOMEM);
	EXPECT_ERRNO(mmap(NULL, page(), RW, MAP_SHARED, fd, 0), ENOMEM);
	fd = buffer(control, MMIOD_BUFFER_KMALLOC, 64 << 20);
	EXPECT_ERRNO(allocate(fd), ENOMEM);
}

/* The number in a line of /proc/vmstat or /proc/meminfo. */
static uint64_t figure(const char *file, const char *name)
{
	const char *line = strstr(read_file(file), name);

	EXPECT(line != NULL);
	return strtoull(line + strlen(name), NULL, 10);
}

/* Kernel memory counts for nobody's size: the OOM killer would kill somebody else for it. */
TEST_WITHIN(300, a_buffer_larger_than_what_is_free_is_enomem_and_nobody_is_killed_for_it)
{
	static const uint32_t large[] = { MMIOD_BUFFER_PAGES, MMIOD_BUFFER_VMALLOC };
	uint64_t machine = figure("/proc/meminfo", "MemTotal:") << 10;
	uint64_t killed = figure("/proc/vmstat", "oom_kill ");
	int control = open_control();

	for (size_t i = 0; i < 2; i++) {
		int fd = buffer(control, large[i], machine - (16 << 20));

		EXPECT_ERRNO(allocate(fd), ENOMEM);
		EXPECT_EQ(buffer_info(control, fd, 0).allocated, 0);
		close(fd);
	}
	EXPECT_EQ(figure("/proc/vmstat", "oom_kill "), killed);
}

TEST(a_read_only_buffer_stays_read_only)
{
	int control = open_control();
	struct mmiod_buffer_create create = request(MMIOD_BUFFER_PAGES, page());
	uint8_t *address;
	int fd;

	create.flags = MMIOD_BUFFER_READONLY;
	fd = try_buffer(control, create);
	EXPECT_ERRNO(mmap(NULL, page(), RW, MAP_SHARED, fd, 0), EACCES);
	address = map_window(fd, page(), PROT_READ);
	EXPECT_ERRNO(mprotect(address, page(), RW), EACCES);
	EXPECT_EQ(touch_read(address), 0);
	EXPECT_EQ(touch_write(address, 1), SIGSEGV);
}

TEST(a_revoked_buffer_raises_sigbus_and_its_memory_is_freed)
{
	int control = open_control();

	FOR_EACH_KIND(kind)
	{
		int fd = buffer(control, kind, 4 * page());
		uint8_t *address = map_window(fd, 4 * page(), RW);
		uint64_t value;

		address[0] = 1;
		EXPECT_EQ(populate(fd, address, 4 * page()), 0);
		EXPECT_EQ(set_state(control, window_id(fd), MMIOD_WINDOW_REVOKED), 0);
		for (int i = 0; i < 4; i++)
			EXPECT_EQ(touch_read(address + i * page()), SIGBUS);
		EXPECT_ERRNO(pread(fd, &value, 8, 0), ENODEV);
		EXPECT_ERRNO(allocate(fd), ENODEV);
		EXPECT_ERRNO(populate(fd, address, page()), ENODEV);
		EXPECT_EQ(buffer_info(control, fd, 0).allocated, kind == MMIOD_BUFFER_DMA);
	}
}

TEST(no_fault_is_counted_on_a_populated_buffer)
{
	int control = open_control();
	int fd = buffer(control, MMIOD_BUFFER_PAGES, 64 * page());
	uint8_t *address = map_window(fd, 64 * page(), RW);
	uint64_t before;

	EXPECT_EQ(populate(fd, address, 64 * page()), 0);
	before = window_info(control, fd).faults;
	memset(address, 1, 64 * page());
	EXPECT_EQ(window_info(control, fd).faults, before);
}

static void fill_and_check(uint8_t *address, size_t pages)
{
	for (size_t i = 0; i < pages; i++)
		address[i * page()] = i + 1;
	for (size_t i = 0; i < pages; i++)
		EXPECT_EQ(address[i * page()], i + 1);
}

/* A mapping of @pages from the @first of the buffer on, in one page table, as a fault goes no further. */
static uint8_t *map_in_one_table(int fd, size_t first, size_t pages)
{
	const size_t span = page() * (page() / 8);
	uint8_t *room =
		mmap(NULL, 2 * span, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint8_t *at = (uint8_t *)(((uintptr_t)room + span - 1) & ~(span - 1));

	EXPECT(room != MAP_FAILED);
	EXPECT(mmap(at, pages * page(), RW, MAP_SHARED | MAP_FIXED, fd, first * page()) == at);
	return at;
}

/* Neither beyond the mapping, nor over what is there; only pages with references come together. */
TEST(a_fault_maps_the_pages_behind_its_own_as_well)
{
	int control = open_control();

	FOR_EACH_KIND(kind)
	{
		bool together = kind == MMIOD_BUFFER_PAGES || kind == MMIOD_BUFFER_VMALLOC;
		int fd = buffer(control, kind, 64 * page());
		uint8_t *address = map_in_one_table(fd, 0, 64), *few;

		address[40 * page()] = 1;
		EXPECT_EQ(window_info(control, fd).faults, together ? 16 : 1);
		address[30 * page()] = 1;
		EXPECT_EQ(window_info(control, fd).faults, together ? 26 : 2);
		fill_and_check(address, 64);
		EXPECT_EQ(window_info(control, fd).faults, 64);
		few = map_in_one_table(fd, 61, 3);
		EXPECT_EQ(few[0], 62);
		EXPECT_EQ(window_info(control, fd).faults, together ? 67 : 65);
		EXPECT_EQ(few[2 * page()], 64);
		close(fd);
	}
}

TEST(populate_maps_each_page_of_a_buffer_once_and_exactly_those_that_were_asked_for)
{
	int control = open_control();

	FOR_EACH_KIND(kind)
	{
		int fd = buffer(control, kind, 64 * page());
		uint8_t *address = map_window(fd, 64 * page(), RW), *other;

		address[7 * page()] = 1;
		EXPECT_EQ(populate(fd, address, 64 * page()), 0);
		EXPECT_EQ(populate(fd, address, 64 * page()), 0);
		EXPECT_EQ(window_info(control, fd).faults + window_info(control, fd).populated, 64);
		other = map_window(fd, 64 * page(), RW);
		EXPECT_EQ(populate_exactly(fd, other + page(), 3 * page()), 0);
		EXPECT_EQ(window_info(control, fd).faults + window_info(control, fd).populated, 67);
		EXPECT_EQ(populate_exactly(fd, address, 64 * page()), 0);
		fill_and_check(address, 64);
		fill_and_check(other, 64);
		close(fd);
	}
}

TEST(files_are_read_directly_into_pages_but_not_into_memory_without_references)
{
	int control = open_control();
	int disk = open("/dev/vda", O_RDONLY | O_DIRECT);
	static uint8_t expected[1 << 14] __attribute__((aligned(1 << 12)));

	if (disk < 0)
		tap_skip("no disk to read from");
	EXPECT_EQ(pread(disk, expected, sizeof(expected), 0), sizeof(expected));
	FOR_EACH_KIND(kind)
	{
		uint8_t *address =
			map_window(buffer(control, kind, sizeof(expected)), sizeof(expected), RW);

		if (kind == MMIOD_BUFFER_PAGES || kind == MMIOD_BUFFER_VMALLOC) {
			EXPECT_EQ(pread(disk, address, sizeof(expected), 0), sizeof(expected));
			EXPECT_EQ(memcmp(address, expected, sizeof(expected)), 0);
		} else {
			EXPECT_ERRNO(pread(disk, address, sizeof(expected), 0), EFAULT);
		}
	}
}

/* The pipe holds a reference on the page itself, as an I/O in flight would. */
TEST(a_pinned_page_is_not_recycled_after_revocation)
{
	int control = open_control(), ends[2];
	int fd = buffer(control, MMIOD_BUFFER_PAGES, page());
	uint8_t *address = map_window(fd, page(), RW);
	struct iovec vector = { address, page() };
	static uint8_t bytes[1 << 12];

	memset(address, 0x3c, page());
	EXPECT_EQ(pipe(ends), 0);
	EXPECT_EQ(vmsplice(ends[1], &vector, 1, 0), page());
	EXPECT_EQ(set_state(control, window_id(fd), MMIOD_WINDOW_REVOKED), 0);
	close(fd);
	for (int i = 0; i < 50; i++) {
		int other = buffer(control, MMIOD_BUFFER_PAGES, 64 * page());

		memset(map_window(other, 64 * page(), RW), 0xc3, 64 * page());
		close(other);
	}
	EXPECT_EQ(read(ends[0], bytes, sizeof(bytes)), sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		EXPECT_EQ(bytes[i], 0x3c);
}

static uint64_t memory_of(const char *cgroup)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/memory.current", cgroup);
	return strtoull(read_file(path), NULL, 10);
}

static void enter(const char *cgroup)
{
	EXPECT_EQ(write_file(cgroup, "cgroup.procs", "0"), 0);
}

/*
 * Each processor keeps a stock of 32 pages that are charged already, so the counter need not rise
 * by all of it. Memory for a device is charged to nobody.
 */
static void expect_all_kinds_charged(int control, const char *cgroup)
{
	FOR_EACH_KIND(kind)
	{
		int fd = buffer(control, kind, 4 << 20);
		uint64_t charged = memory_of(cgroup);

		EXPECT_EQ(allocate(fd), 0);
		if (kind == MMIOD_BUFFER_DMA)
			EXPECT(memory_of(cgroup) < charged + (1 << 20));
		else
			EXPECT(memory_of(cgroup) >= charged + (3 << 20));
		close(fd);
	}
}

TEST(a_client_whose_cgroup_is_full_is_refused_and_the_maker_pays_nothing)
{
	const char *client = "/sys/fs/cgroup/mmiod-test-client",
		   *maker = "/sys/fs/cgroup/mmiod-test-maker";
	int control = open_control(), large, small, status;
	uint64_t before;
	pid_t child;

	write_file("/sys/fs/cgroup", "cgroup.subtree_control", "+memory");
	mkdir(client, 0755);
	mkdir(maker, 0755);
	if (write_file(client, "memory.max", "33554432"))
		tap_skip("no memory controller: %s", strerror(errno));
	enter(maker);
	before = memory_of(maker);
	large = buffer(control, MMIOD_BUFFER_PAGES, 64 << 20);
	small = buffer(control, MMIOD_BUFFER_PAGES, 8 << 20);
	child = fork();
	if (!child) {
		enter(client);
		EXPECT_ERRNO(allocate(large), ENOMEM);
		EXPECT_EQ(allocate(small), 0);
		EXPECT(memory_of(client) > 8 << 20);
		_exit(0);
	}
	EXPECT_EQ(waitpid(child, &status, 0), child);
	EXPECT_EQ(status, 0);
	child = fork();
	if (!child) {
		enter(client);
		expect_all_kinds_charged(control, client);
		_exit(0);
	}
	EXPECT_EQ(waitpid(child, &status, 0), child);
	EXPECT_EQ(status, 0);
	EXPECT(memory_of(maker) < before + (2 << 20));
	EXPECT_EQ(buffer_info(control, large, 0).allocated, 0);
	EXPECT_EQ(write_file("/sys/fs/cgroup", "cgroup.procs", "0"), 0);
}

/* edu copies between its 4 KiB at 0x40000 and the bus address that it is given. */
static void edu_copy(int edu, uint32_t from, uint32_t to, uint32_t count, uint32_t command)
{
	const uint32_t registers[] = { from, to, count, command };

	for (int i = 0; i < 4; i++)
		EXPECT_EQ(pwrite(edu, &registers[i], 4, 0x80 + 8 * i), 4);
	for (uint32_t busy = 1; busy & 1;)
		EXPECT_EQ(pread(edu, &busy, 4, 0x98), 4);
}

TEST(a_device_writes_a_dma_buffer_and_the_client_reads_it)
{
	int control = open_control();
	int edu = window(control, "edu", 0, 0x100, MMIOD_ATTR_UC, 0);
	int fd = buffer(control, MMIOD_BUFFER_DMA, 2 * page());
	char *address = map_window(fd, 2 * page(), RW);
	uint32_t bus = buffer_info(control, fd, 0).bus;

	EXPECT(bus != 0);
	strcpy(address, "through the device and back");
	edu_copy(edu, bus, 0x40000, 64, 1);
	edu_copy(edu, 0x40000, bus + page(), 64, 1 | 2);
	EXPECT(!strcmp(address + page(), "through the device and back"));
}

TEST(a_device_that_goes_takes_its_dma_buffers_along)
{
	int control = open_control();
	int fd = buffer(control, MMIOD_BUFFER_DMA, 2 * page());
	int revoked = buffer(control, MMIOD_BUFFER_DMA, page());
	uint8_t *address = map_window(fd, 2 * page(), RW);
	const char *path = strdup(pci_path(find_pci(0x1234, 0x11e8)));
	const char *name = strrchr(path, '/') + 1;

	address[0] = 1;
	EXPECT_EQ(allocate(revoked), 0);
	EXPECT_EQ(set_state(control, window_id(revoked), MMIOD_WINDOW_REVOKED), 0);
	EXPECT_EQ(write_file("/sys/bus/pci/drivers/mmiod", "unbind", name), 0);
	EXPECT_EQ(touch_read(address), SIGBUS);
	EXPECT_EQ(buffer_info(control, fd, 0).allocated, 0);
	EXPECT_EQ(buffer_info(control, revoked, 0).allocated, 0);
	EXPECT_EQ(write_file("/sys/bus/pci/drivers/mmiod", "bind", name), 0);
	EXPECT_EQ(touch_read(address), SIGBUS);
}

static unsigned long free_memory_kb(void)
{
	const char *line = strstr(read_file("/proc/meminfo"), "MemAvailable:");

	return strtoul(line + strlen("MemAvailable:"), NULL, 10);
}

TEST(buffers_give_their_memory_back)
{
	int control = open_control();
	unsigned long before = free_memory_kb();

	for (int round = 0; round < 4; round++) {
		int fd = buffer(control, round % 2 ? MMIOD_BUFFER_PAGES : MMIOD_BUFFER_VMALLOC,
				128 << 20);
		void *address = map_window(fd, 128 << 20, RW);

		close(fd);
		EXPECT_EQ(touch_write(address, 1), 0);
		EXPECT_EQ(munmap(address, 128 << 20), 0);
	}
	EXPECT(free_memory_kb() > before - (256 << 10));
}
