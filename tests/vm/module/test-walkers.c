// SPDX-License-Identifier: MIT
/*
 * The kernel's own work on mappings: it advises, migrates, walks, pins, seals, watches. Each of
 * these is asked for on a window of every kind; the answer is the kernel's affair, mostly. It must
 * leave the bytes, not get at registers, and not keep a revoke from being complete.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <linux/mempolicy.h>
#include <linux/perf_event.h>
#include <linux/userfaultfd.h>

#include "fixture.h"

#define UC MMIOD_ATTR_UC
#define RW (PROT_READ | PROT_WRITE)
#define GIB (1ULL << 30)

/* Newer than the headers that this is built with. */
#define SYS_MSEAL 462
#define UFFD_WP_ASYNC (1 << 15)

struct target {
	const char *name;
	int fd;
	uint8_t *address;
	size_t length;
	bool device; /* memory without descriptors: no kernel code may take a reference */
	bool pmd_leaves; /* and mapped by 2 MiB, which are off by default */
};

typedef void attack_fn(struct target *target);

static void map_target(struct target *target)
{
	if (target->fd < 0)
		FAIL("no window on %s: %s", target->name, strerror(errno));
	target->address = map_window(target->fd, target->length, RW);
	EXPECT_EQ(touch_write(target->address, 0x5a), 0);
	EXPECT_EQ(touch_write(target->address + target->length - 1, 0xa5), 0);
}

static void attack_one(int control, struct target target, attack_fn *attack)
{
	map_target(&target);
	attack(&target);
	EXPECT_EQ(target.address[0], 0x5a);
	EXPECT_EQ(target.address[target.length - 1], 0xa5);
	EXPECT_EQ(set_state(control, window_id(target.fd), MMIOD_WINDOW_REVOKED), 0);
	EXPECT_EQ(touch_read(target.address), SIGBUS);
	EXPECT_EQ(touch_read(target.address + target.length - 1), SIGBUS);
	munmap(target.address, target.length);
	close(target.fd);
}

static void attack_windows(int control, attack_fn *attack)
{
	for (int leaves = 0; leaves < 2; leaves++) {
		write_file("/sys/module/mmiod/parameters", "pmd_leaves", leaves ? "Y" : "N");
		attack_one(control,
			   (struct target){ .name = "device memory",
					    .fd = window(control, "shm", 0, 4 << 20, UC, 0),
					    .length = 4 << 20,
					    .device = true,
					    .pmd_leaves = leaves },
			   attack);
	}
	write_file("/sys/module/mmiod/parameters", "pmd_leaves", "N");
	if (sizeof(void *) == 8)
		attack_one(control,
			   (struct target){ .name = "device memory by the gigabyte",
					    .fd = window(control, "bigshm", 0, 2 * GIB, UC, 0),
					    .length = 2 * GIB,
					    .device = true },
			   attack);
}

static void attack_all(attack_fn *attack)
{
	static const char *const names[] = { "", "pages", "kmalloc", "vmalloc", "dma" };
	int control = open_control();

	attack_windows(control, attack);
	for (uint32_t kind = MMIOD_BUFFER_PAGES; kind <= MMIOD_BUFFER_DMA; kind++) {
		struct mmiod_buffer_create create = {
			.kind = kind,
			.length = 16 * page(),
			.node = -1,
			.pci = kind == MMIOD_BUFFER_DMA ? find_pci(0x1234, 0x11e8) : 0,
		};

		attack_one(control,
			   (struct target){ .name = names[kind],
					    .fd = try_buffer(control, create),
					    .length = 16 * page() },
			   attack);
	}
}

/* ---- advice and policies ---- */

static void advise(struct target *target)
{
	struct iovec part = { target->address, target->length };
	int self = syscall(SYS_pidfd_open, getpid(), 0);

	EXPECT(self >= 0);
	for (int advice = 0; advice < 26; advice++) {
		madvise(target->address, target->length, advice);
		madvise(target->address + page(), page(), advice);
		syscall(SYS_process_madvise, self, &part, 1, advice, 0);
	}
	close(self);
}

TEST(no_advice_takes_a_byte_from_a_window_or_keeps_it_from_a_revoke)
{
	attack_all(advise);
}

static void poison(struct target *target)
{
	EXPECT_EQ(madvise(target->address, page(), MADV_HWPOISON), -1);
	EXPECT_EQ(madvise(target->address, page(), 101 /* MADV_SOFT_OFFLINE */), -1);
}

TEST(device_memory_cannot_be_marked_as_failing_ram)
{
	attack_windows(open_control(), poison);
}

static void set_policies(struct target *target)
{
	static const int modes[] = { MPOL_DEFAULT, MPOL_PREFERRED, MPOL_BIND, MPOL_INTERLEAVE };
	unsigned long node = 1;
	int mode;

	if (target->pmd_leaves) /* this is why they are: see test-leaf.c */
		return;
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
		for (unsigned int flags = 0; flags < 8; flags++)
			syscall(SYS_mbind, target->address, target->length, modes[i],
				modes[i] == MPOL_DEFAULT ? NULL : &node, 8 * sizeof(node), flags);
	syscall(SYS_get_mempolicy, &mode, NULL, 0, target->address, MPOL_F_NODE | MPOL_F_ADDR);
	syscall(450 /* set_mempolicy_home_node */, target->address, target->length, 0, 0);
}

static void migrate(struct target *target)
{
	void *pages[] = { target->address, target->address + target->length - page() };
	int nodes[] = { 0, 0 }, status[] = { 1, 1 };
	unsigned long node = 1;

	syscall(SYS_move_pages, 0, 2, pages, NULL, status, 0);
	if (target->device)
		EXPECT(status[0] < 0 && status[1] < 0);
	syscall(SYS_move_pages, 0, 2, pages, nodes, status, MPOL_MF_MOVE);
	syscall(SYS_move_pages, 0, 2, pages, nodes, status, MPOL_MF_MOVE_ALL);
	syscall(SYS_migrate_pages, 0, 8 * sizeof(node), &node, &node);
}

TEST(memory_policies_and_migration_leave_windows_where_they_are)
{
	attack_all(set_policies);
	attack_all(migrate);
}

static void lock(struct target *target)
{
	mlock(target->address, target->length);
	syscall(SYS_mlock2, target->address + page(), page(), MLOCK_ONFAULT);
	EXPECT_EQ(mlockall(MCL_CURRENT | MCL_FUTURE), 0);
	munlock(target->address, page());
	EXPECT_EQ(munlockall(), 0);
}

TEST(locked_memory_is_revoked_like_any_other)
{
	EXPECT_EQ(mlockall(MCL_CURRENT | MCL_FUTURE), 0); /* what is mapped later, too */
	attack_all(lock);
	EXPECT_EQ(mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT), 0);
	attack_all(lock);
}

static void seal(struct target *target)
{
	if (!syscall(SYS_MSEAL, target->address, target->length, 0))
		EXPECT_ERRNO(mprotect(target->address, page(), PROT_READ), EPERM);
}

TEST(a_sealed_mapping_is_revoked_like_any_other)
{
	attack_all(seal);
}

/* ---- walks over page tables ---- */

static void read_all(const char *path, off_t at, size_t length)
{
	static char bytes[1 << 16];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = 1;

	EXPECT(fd >= 0);
	for (size_t done = 0; got > 0 && done < length; done += got)
		got = pread(fd, bytes, sizeof(bytes), at + done);
	close(fd);
}

static void walk(struct target *target)
{
	static unsigned char resident[1 << 19];
	size_t length = target->length / page();

	for (int i = 0; i < 6; i++) {
		const char clear[] = { '0' + i, '\0' };

		EXPECT_EQ(touch_read(target->address), 0);
		read_all("/proc/self/pagemap", (uintptr_t)target->address / page() * 8, 8 * length);
		read_all("/proc/self/smaps", 0, SIZE_MAX);
		read_all("/proc/self/smaps_rollup", 0, SIZE_MAX);
		if (!access("/proc/self/numa_maps", F_OK))
			read_all("/proc/self/numa_maps", 0, SIZE_MAX);
		EXPECT_EQ(mincore(target->address, target->length, resident), 0);
		write_file("/proc/self", "clear_refs", clear);
	}
}

TEST_WITHIN(120, the_files_of_proc_walk_over_windows_of_every_kind)
{
	attack_all(walk);
}

/* ---- callers that want a reference to the pages: device memory has none to give ---- */

static void copy_by_another(struct target *target)
{
	uint8_t bytes[8] = {};
	struct iovec here = { bytes, sizeof(bytes) }, there = { target->address, sizeof(bytes) };

	if (target->device) {
		EXPECT_ERRNO(process_vm_readv(getpid(), &here, 1, &there, 1, 0), EFAULT);
		EXPECT_ERRNO(process_vm_writev(getpid(), &here, 1, &there, 1, 0), EFAULT);
	} else {
		process_vm_readv(getpid(), &here, 1, &there, 1, 0);
	}
}

static void splice_out(struct target *target)
{
	struct iovec part = { target->address, page() };
	int ends[2];

	EXPECT_EQ(pipe(ends), 0);
	if (target->device)
		EXPECT_ERRNO(vmsplice(ends[1], &part, 1, 0), EFAULT);
	else
		vmsplice(ends[1], &part, 1, SPLICE_F_NONBLOCK);
	close(ends[0]);
	close(ends[1]);
}

static void wait_on_futex(struct target *target)
{
	const struct timespec soon = { .tv_nsec = 1000000 };
	int ret = syscall(SYS_futex, target->address, FUTEX_WAIT, 0, &soon, NULL, 0);

	EXPECT_EQ(ret, -1);
	if (target->device)
		EXPECT_EQ(errno, EFAULT);
}

static void register_with_io_uring(struct target *target)
{
	struct iovec part = { target->address, page() };
	struct io_uring_params params = {};
	int ring = syscall(SYS_io_uring_setup, 4, &params);
	int ret;

	if (ring < 0)
		return;
	ret = syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &part, 1);
	if (target->device)
		EXPECT_EQ(ret, -1);
	if (!ret)
		syscall(SYS_io_uring_register, ring, IORING_UNREGISTER_BUFFERS, NULL, 0);
	close(ring);
}

TEST(nobody_gets_a_reference_to_a_page_of_device_memory)
{
	attack_all(copy_by_another);
	attack_all(splice_out);
	attack_all(wait_on_futex);
	attack_all(register_with_io_uring);
}

/* ---- io_uring on the file: it asks poll before it reads or writes ---- */

struct ring {
	int fd;
	uint8_t *queue;
	struct io_uring_sqe *entries;
	struct io_uring_params params;
};

static bool open_ring(struct ring *ring)
{
	*ring = (struct ring){ .fd = -1 };
	ring->fd = syscall(SYS_io_uring_setup, 4, &ring->params);
	if (ring->fd < 0)
		return false;
	ring->queue = mmap(NULL, page(), RW, MAP_SHARED, ring->fd, IORING_OFF_SQ_RING);
	ring->entries = mmap(NULL, page(), RW, MAP_SHARED, ring->fd, IORING_OFF_SQES);
	EXPECT(ring->queue != MAP_FAILED && (void *)ring->entries != MAP_FAILED);
	return true;
}

static void submit(struct ring *ring, const struct io_uring_sqe *entry, unsigned int wait_for)
{
	volatile uint32_t *tail = (uint32_t *)(ring->queue + ring->params.sq_off.tail);
	uint32_t *order = (uint32_t *)(ring->queue + ring->params.sq_off.array);

	ring->entries[*tail % 4] = *entry;
	order[*tail % 4] = *tail % 4;
	(*tail)++;
	EXPECT_EQ(
		syscall(SYS_io_uring_enter, ring->fd, 1, wait_for, IORING_ENTER_GETEVENTS, NULL, 0),
		1);
}

/* Of the n-th request that is over: what its call has returned; INT32_MIN: none is, yet. */
static int32_t result(const struct ring *ring, unsigned int n)
{
	const struct io_uring_cqe *done = (void *)(ring->queue + ring->params.cq_off.cqes);
	uint32_t tail = *(volatile uint32_t *)(ring->queue + ring->params.cq_off.tail);

	return n < tail ? done[n].res : INT32_MIN;
}

static void access_by_io_uring(struct target *target)
{
	uint8_t bytes[64];
	struct io_uring_sqe entry = { .fd = target->fd,
				      .addr = (uintptr_t)bytes,
				      .len = sizeof(bytes) };
	struct ring ring;

	if (!open_ring(&ring))
		return;
	for (unsigned int i = 0; i < 4; i++) {
		entry.opcode = i % 2 ? IORING_OP_READ : IORING_OP_WRITE;
		entry.flags = i / 2 ? IOSQE_ASYNC : 0;
		entry.off = 2 * page() + i / 2 * sizeof(bytes);
		memset(bytes, i % 2 ? 0 : 0x77, sizeof(bytes));
		submit(&ring, &entry, i + 1);
		EXPECT_EQ(result(&ring, i), sizeof(bytes));
		EXPECT_EQ(bytes[63], 0x77);
	}
	close(ring.fd);
}

TEST(io_uring_reads_and_writes_windows_of_every_kind)
{
	attack_all(access_by_io_uring);
}

TEST(io_uring_answers_what_pread_does_on_suspended_and_revoked_windows)
{
	int control = open_control();
	int fd = window(control, "shm", 0, page(), UC, 0);
	uint32_t value;
	struct io_uring_sqe entry = {
		.opcode = IORING_OP_READ, .fd = fd, .addr = (uintptr_t)&value, .len = sizeof(value)
	};
	struct ring ring;

	if (!open_ring(&ring))
		return;
	EXPECT_EQ(set_state(control, window_id(fd), MMIOD_WINDOW_SUSPENDED), 0);
	submit(&ring, &entry, 1);
	EXPECT_EQ(result(&ring, 0), -EAGAIN);
	EXPECT_EQ(set_state(control, window_id(fd), MMIOD_WINDOW_OK), 0);
	submit(&ring, &entry, 2);
	EXPECT_EQ(result(&ring, 1), sizeof(value));
	EXPECT_EQ(set_state(control, window_id(fd), MMIOD_WINDOW_REVOKED), 0);
	submit(&ring, &entry, 3);
	EXPECT_EQ(result(&ring, 2), -ENODEV);
	close(ring.fd);
}

/* ---- callers that want to know of faults and instructions ---- */

static void watch_faults(struct target *target)
{
	static const uint64_t modes[] = { UFFDIO_REGISTER_MODE_MISSING, UFFDIO_REGISTER_MODE_WP,
					  UFFDIO_REGISTER_MODE_MINOR };
	static const uint64_t features[] = { 0, UFFD_WP_ASYNC };

	for (size_t i = 0; i < 6; i++) {
		struct uffdio_api api = { .api = UFFD_API, .features = features[i / 3] };
		struct uffdio_register watch = { .range = { (uintptr_t)target->address,
							    target->length },
						 .mode = modes[i % 3] };
		int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

		if (fd < 0)
			tap_skip("this kernel tells nobody of faults: %s", strerror(errno));
		if (!ioctl(fd, UFFDIO_API, &api))
			EXPECT_EQ(ioctl(fd, UFFDIO_REGISTER, &watch), -1);
		close(fd);
	}
}

TEST(faults_on_a_window_go_to_nobody_else)
{
	attack_all(watch_faults);
}

static void probe_instructions(struct target *target)
{
	const char *path = "/sys/bus/event_source/devices/uprobe/type";
	struct perf_event_attr attr = { .size = sizeof(attr) };
	char name[64];

	if (access(path, R_OK))
		return;
	snprintf(name, sizeof(name), "/proc/%d/fd/%d", getpid(), target->fd);
	attr.type = atoi(read_file(path));
	attr.config1 = (uintptr_t)name;
	EXPECT_EQ(syscall(SYS_perf_event_open, &attr, -1, 0, -1, 0), -1);
}

TEST(no_breakpoint_is_set_in_a_window)
{
	attack_all(probe_instructions);
}

/* ---- another way to map ---- */

static void remap_within(struct target *target)
{
	size_t pages = target->length / page();

	EXPECT_EQ(touch_write(target->address + 2 * page(), 0x22), 0);
	EXPECT_EQ(remap_file_pages(target->address + 3 * page(), page(), 0, 2, 0), 0);
	EXPECT_EQ(target->address[3 * page()], 0x22);
	EXPECT_ERRNO(remap_file_pages(target->address + 3 * page(), page(), 0, pages, 0), EINVAL);
	EXPECT_EQ(remap_file_pages(target->address + page(), page(), 0, SIZE_MAX / page(), 0), -1);
}

TEST(remap_file_pages_stays_within_the_window)
{
	attack_all(remap_within);
}

/* ---- calls for files that windows are not ---- */

static void treat_as_a_file(struct target *target)
{
	int null = open("/dev/null", O_WRONLY), ends[2], fd = target->fd, anew;
	char name[64];

	EXPECT_EQ(pipe(ends), 0);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	EXPECT_EQ(sendfile(null, fd, NULL, page()), -1);
	EXPECT_EQ(splice(fd, NULL, ends[1], NULL, page(), SPLICE_F_NONBLOCK), -1);
	EXPECT_EQ(copy_file_range(fd, NULL, fd, &(off_t){ page() }, 64, 0), -1);
	EXPECT_EQ(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, page()), -1);
	EXPECT_EQ(truncate(name, 0), 0); /* as of a BAR's file, and changes nothing */
	EXPECT_EQ(msync(target->address, page(), MS_SYNC), fsync(fd));
	posix_fadvise(fd, 0, page(), POSIX_FADV_WILLNEED);
	posix_fadvise(fd, 0, page(), POSIX_FADV_DONTNEED);
	readahead(fd, 0, page());
	sync_file_range(fd, 0, page(), SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
	EXPECT_EQ(syscall(SYS_finit_module, fd, "", 0), -1);
	EXPECT_EQ(execveat(fd, "", (char *[]){ NULL }, (char *[]){ NULL }, AT_EMPTY_PATH), -1);
	EXPECT_EQ(linkat(fd, "", AT_FDCWD, "/tmp/window", AT_EMPTY_PATH), -1);
	anew = open(name, O_RDWR);
	EXPECT_EQ(window_id(anew), window_id(fd));
	close(anew);
	close(null);
	close(ends[0]);
	close(ends[1]);
}

TEST(what_works_on_other_files_does_no_harm_on_a_window)
{
	attack_all(treat_as_a_file);
}
