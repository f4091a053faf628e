// SPDX-License-Identifier: MIT
/*
 * Everything at once: threads that take a mapping apart while it is revoked, every call while the
 * device goes and comes back, opening while the module is unloaded. Nobody else may use the module
 * meanwhile.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

#define UC MMIOD_ATTR_UC
#define RW (PROT_READ | PROT_WRITE)
#define MIB (1ULL << 20)
#define GIB (1ULL << 30)

/* ---- a mapping under attack by its own process, and revoked ---- */

/* Parts of one size, each a mapping of the window or of nothing, that all threads work on. */
struct storm {
	const char *region;
	size_t part, parts;
	int control, fd;
	uint64_t phys; /* of the window's first byte */
	uint8_t *area;
	atomic_bool go, over;
	unsigned int seeds;
};

struct hand {
	struct storm *storm;
	void (*act)(struct hand *hand);
	unsigned int seed;
};

static uint8_t *some_part(struct hand *hand)
{
	return hand->storm->area + rand_r(&hand->seed) % hand->storm->parts * hand->storm->part;
}

static size_t some_length(struct hand *hand, const uint8_t *from)
{
	size_t rest = hand->storm->area + hand->storm->parts * hand->storm->part - from;

	return (1 + rand_r(&hand->seed) % (rest / hand->storm->part)) * hand->storm->part;
}

static void touch(struct hand *hand)
{
	uint8_t *at = some_part(hand) + rand_r(&hand->seed) % hand->storm->part;

	touch_write(at, 1);
	touch_read(at);
}

static void protect(struct hand *hand)
{
	uint8_t *at = some_part(hand);

	mprotect(at, page(), PROT_READ);
	touch_read(at);
	mprotect(at, some_length(hand, at), RW);
}

static void move(struct hand *hand)
{
	size_t part = hand->storm->part;

	mremap(some_part(hand), part, part, MREMAP_MAYMOVE | MREMAP_FIXED, some_part(hand));
}

/* Nobody else's mapping may come to where nothing is: the area stays taken. */
static void take(uint8_t *address, size_t length)
{
	if (mmap(address, length, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
		FAIL("no placeholder: %s", strerror(errno));
}

static void replace(struct hand *hand)
{
	const struct storm *storm = hand->storm;
	uint8_t *at = some_part(hand);

	if (mmap(at, some_length(hand, at), RW, MAP_SHARED | MAP_FIXED, storm->fd,
		 at - storm->area) == MAP_FAILED)
		take(at, storm->part);
}

static void unmap(struct hand *hand)
{
	take(some_part(hand) + page(), page());
}

static void fill(struct hand *hand)
{
	uint8_t *at = some_part(hand);

	if (rand_r(&hand->seed) % 2)
		populate(hand->storm->fd, at, some_length(hand, at));
	else
		populate_exactly(hand->storm->fd, at, 4 * page());
}

static void advise(struct hand *hand)
{
	uint8_t *at = some_part(hand);
	struct iovec here = { &(uint64_t){ 0 }, 8 }, there = { at, 8 };
	uint32_t value = 0;

	madvise(at, some_length(hand, at), rand_r(&hand->seed) % 26);
	process_vm_readv(getpid(), &here, 1, &there, 1, 0);
	pread(hand->storm->fd, &value, sizeof(value), 0);
	pwrite(hand->storm->fd, at, sizeof(value), 0);
}

static void inherit(struct hand *hand)
{
	pid_t child = fork();

	if (!child) {
		touch(hand);
		move(hand);
		touch(hand);
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

static void *act_on(void *argument)
{
	struct hand *hand = argument;

	while (!atomic_load(&hand->storm->go))
		sched_yield();
	while (!atomic_load(&hand->storm->over))
		hand->act(hand);
	return NULL;
}

/*
 * No address of the area leads to the device, whatever is mapped there by now. While others tear at
 * it, the module may be told again and again that the address space is busy: once is asked then.
 */
static void expect_nothing_left(const struct storm *storm)
{
	const size_t length = storm->parts * storm->part;

	for (size_t at = 0; at < length; at += storm->part / 4) {
		struct mmiod_translate answer;

		touch_read(storm->area + at);
		if (try_translate(storm->control, 0, storm->area + at, &answer))
			EXPECT(errno == EFAULT || (errno == EAGAIN && !atomic_load(&storm->over)));
		else if (answer.leaf_size && answer.phys - storm->phys < length)
			FAIL("0x%llx is still mapped", (unsigned long long)answer.phys);
	}
}

/* Inherits what there is, and looks at it when it is told to: by the pipe's end. */
static pid_t leave_witness(const struct storm *storm, const int ends[2])
{
	pid_t child = fork();
	char nothing;

	if (child)
		return child;
	close(ends[1]);
	EXPECT_EQ(read(ends[0], &nothing, 1), 0);
	expect_nothing_left(storm);
	_exit(0);
}

static void revoke_before_a_witness(struct storm *storm)
{
	int ends[2], status;
	pid_t witness;

	EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
	witness = leave_witness(storm, ends);
	EXPECT_EQ(set_state(storm->control, window_id(storm->fd), MMIOD_WINDOW_REVOKED), 0);
	expect_nothing_left(storm);
	close(ends[1]);
	EXPECT_EQ(waitpid(witness, &status, 0), witness);
	EXPECT_EQ(status, 0);
	close(ends[0]);
}

static void suspend_and_resume(const struct storm *storm)
{
	for (int i = 0; i < 10; i++) {
		usleep(5000);
		EXPECT_EQ(set_state(storm->control, window_id(storm->fd),
				    i % 2 ? MMIOD_WINDOW_OK : MMIOD_WINDOW_SUSPENDED),
			  0);
	}
}

static void blow(struct storm *storm)
{
	static void (*const acts[])(struct hand *) = { touch, protect, move, replace, unmap,
						       fill,  advise,  fill, inherit };
	enum { HANDS = sizeof(acts) / sizeof(*acts) };
	struct hand hands[HANDS];
	pthread_t threads[HANDS];

	atomic_store(&storm->go, false);
	atomic_store(&storm->over, false);
	for (size_t i = 0; i < HANDS; i++) {
		hands[i] = (struct hand){ storm, acts[i], ++storm->seeds };
		EXPECT_EQ(pthread_create(&threads[i], NULL, act_on, &hands[i]), 0);
	}
	go_before_others();
	atomic_store(&storm->go, true);
	suspend_and_resume(storm);
	revoke_before_a_witness(storm);
	atomic_store(&storm->over, true);
	for (size_t i = 0; i < HANDS; i++)
		pthread_join(threads[i], NULL);
	expect_nothing_left(storm);
}

static uint8_t *take_area(size_t length)
{
	uint8_t *area = mmap(NULL, length + GIB, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	EXPECT(area != MAP_FAILED);
	return area + (-(uintptr_t)area & (GIB - 1));
}

/*
 * Placeholders that have become writable by mprotect() are private memory, which MADV_POPULATE_WRITE
 * fills: of parts as large as these more than the machine has.
 */
static void bound_memory(void)
{
	const struct rlimit limit = { 256 * MIB, 256 * MIB };

	EXPECT_EQ(setrlimit(RLIMIT_DATA, &limit), 0);
}

static void blow_often(struct storm *storm, const char *pmd_leaves)
{
	size_t length = storm->parts * storm->part;

	bound_memory();
	EXPECT_EQ(write_file("/sys/module/mmiod/parameters", "pmd_leaves", pmd_leaves), 0);
	storm->control = open_control();
	storm->phys = region_info(storm->control, region(storm->control, storm->region)).phys;
	storm->area = take_area(length);
	for (int round = 0; round < tap_rounds(3); round++) {
		storm->fd = window(storm->control, storm->region, 0, length, UC, 0);
		EXPECT(mmap(storm->area, length, RW, MAP_SHARED | MAP_FIXED, storm->fd, 0) ==
		       storm->area);
		blow(storm);
		take(storm->area, length);
		EXPECT_EQ(window_info(storm->control, storm->fd).mappings, 0);
		close(storm->fd);
	}
	EXPECT_EQ(write_file("/sys/module/mmiod/parameters", "pmd_leaves", "N"), 0);
}

TEST_WITHIN(120, nothing_is_left_of_page_tables_that_threads_tear_at_during_a_revoke)
{
	blow_often(&(struct storm){ .region = "shm", .part = 16 * page(), .parts = 64 }, "N");
}

TEST_WITHIN(120, nothing_is_left_of_2_mib_leaves_that_threads_tear_at_during_a_revoke)
{
	blow_often(&(struct storm){ .region = "shm", .part = 4 * MIB, .parts = 12 }, "Y");
}

TEST_WITHIN(120, nothing_is_left_of_1_gib_leaves_that_threads_tear_at_during_a_revoke)
{
	if (sizeof(void *) < 8)
		tap_skip("a 32-bit program has no room for it");
	need_huge_leaves();
	blow_often(&(struct storm){ .region = "bigshm", .part = GIB / 2, .parts = 8 }, "N");
}

/* ---- every call, while devices are unbound and bound ---- */

static const char *path_of(unsigned int vendor, unsigned int device)
{
	return strdup(pci_path(find_pci(vendor, device)));
}

static void use_windows(int control)
{
	struct mmiod_region_info info = { .size = sizeof(info) };

	while (!ioctl(control, MMIOD_IOC_REGION_NEXT, &info)) {
		struct mmiod_window_create create = { .region_id = info.region_id,
						      .length = 4 * page(),
						      .attr = UC };
		uint8_t *map;
		uint32_t value;

		if (try_window(control, &create) < 0)
			continue;
		map = mmap(NULL, 4 * page(), RW, MAP_SHARED, create.fd, 0);
		pread(create.fd, &value, sizeof(value), 0);
		pwrite(create.fd, &value, sizeof(value), page());
		if (map != MAP_FAILED) {
			touch_read(map);
			populate(create.fd, map, 4 * page());
			populate_exactly(create.fd, map + page(), page());
			touch_read(map + page());
			munmap(map, 4 * page());
		}
		close(create.fd);
	}
}

static void use_dma_buffers(int control)
{
	struct mmiod_buffer_create create = { .kind = MMIOD_BUFFER_DMA,
					      .length = 4 * page(),
					      .node = -1,
					      .pci = find_pci(0x1234, 0x11e8) };
	struct mmiod_buffer_info info = { .size = sizeof(info) };
	int fd = try_buffer(control, create);
	uint8_t *map;

	if (fd < 0)
		return;
	info.window_id = window_id(fd);
	map = mmap(NULL, 4 * page(), RW, MAP_SHARED, fd, 0);
	if (map != MAP_FAILED)
		touch_write(map, 1);
	ioctl(control, MMIOD_IOC_BUFFER_INFO, &info);
	close(fd);
	if (map != MAP_FAILED) {
		touch_read(map + page());
		munmap(map, 4 * page());
	}
}

static void claim_and_release(int control)
{
	static unsigned int round;
	struct mmiod_region_claim claim = {
		.size = sizeof(claim),
		.kind = MMIOD_REGION_PCI,
		.pci = round % 2 ? find_pci(0x1af4, 0x1110) : find_pci(0x1234, 0x11e8),
		.bar = round % 2 ? 2 : 0,
	};
	struct mmiod_region_release release = { .size = sizeof(release) };

	snprintf(claim.name, sizeof(claim.name), "storm-%u", round++ % 2);
	if (!ioctl(control, MMIOD_IOC_REGION_CLAIM, &claim))
		release.region_id = claim.region_id;
	if (round % 5 == 0)
		ioctl(control, MMIOD_IOC_REGION_RELEASE, &release);
}

static void read_the_ledger(int control)
{
	struct mmiod_window_info info = { .size = sizeof(info) };
	struct mmiod_control_event events[32];

	while (!ioctl(control, MMIOD_IOC_WINDOW_NEXT, &info))
		set_state(control, info.window_id, info.window_id % 3);
	fcntl(control, F_SETFL, O_NONBLOCK);
	read(control, events, sizeof(events));
}

static pid_t keep_doing(void (*work)(int control))
{
	pid_t child = fork();
	int control;

	if (child)
		return child;
	control = open_control();
	for (;;)
		work(control);
}

static void rebind(const char *path)
{
	const char *address = strrchr(path, '/') + 1;

	EXPECT_EQ(write_file("/sys/bus/pci/drivers/mmiod", "unbind", address), 0);
	usleep(5000);
	EXPECT_EQ(write_file("/sys/bus/pci/drivers/mmiod", "bind", address), 0);
	usleep(20000);
}

static void release_storms(int control)
{
	struct mmiod_region_info info = { .size = sizeof(info) };

	while (!ioctl(control, MMIOD_IOC_REGION_NEXT, &info)) {
		struct mmiod_region_release release = { .size = sizeof(release),
							.region_id = info.region_id };

		if (!strncmp(info.name, "storm-", 6))
			EXPECT_EQ(ioctl(control, MMIOD_IOC_REGION_RELEASE, &release), 0);
	}
}

/* The ledger is empty once the releases of the killed processes are through. */
static void expect_no_window(int control)
{
	struct mmiod_control_info info = { .size = sizeof(info), .windows = 1 };

	for (int i = 0; i < 6000 && info.windows; i++) {
		EXPECT_EQ(ioctl(control, MMIOD_IOC_INFO, &info), 0);
		usleep(20000);
	}
	EXPECT_EQ(info.windows, 0);
}

TEST_WITHIN(120, every_call_bears_that_devices_go_and_come_back)
{
	static void (*const works[])(int) = { use_windows, use_dma_buffers, claim_and_release,
					      read_the_ledger };
	const char *shm = path_of(0x1af4, 0x1110), *edu = path_of(0x1234, 0x11e8);
	pid_t children[sizeof(works) / sizeof(*works)];
	int control = open_control();

	for (size_t i = 0; i < sizeof(works) / sizeof(*works); i++)
		children[i] = keep_doing(works[i]);
	for (int round = 0; round < tap_rounds(25); round++)
		rebind(round % 2 ? shm : edu);
	for (size_t i = 0; i < sizeof(works) / sizeof(*works); i++) {
		kill(children[i], SIGKILL);
		waitpid(children[i], NULL, 0);
	}
	expect_no_window(control);
	release_storms(control);
	EXPECT(region(control, "shm") && region(control, "edu"));
}

/* ---- memory that is revoked while it is being allocated ---- */

struct allocation {
	int fd, error;
};

static void *allocate_it(void *argument)
{
	struct allocation *allocation = argument;

	allocation->error = allocate(allocation->fd) ? errno : 0;
	return NULL;
}

static uint64_t free_memory(void)
{
	struct sysinfo info;

	EXPECT_EQ(sysinfo(&info), 0);
	return (uint64_t)info.freeram * info.mem_unit;
}

/* The answer of ALLOCATE when its buffer is revoked as soon as a part of the memory is taken. */
static int revoke_in_the_middle(int control, uint64_t length)
{
	struct mmiod_buffer_create create = { .kind = MMIOD_BUFFER_PAGES,
					      .length = length,
					      .node = -1 };
	struct allocation allocation = { .fd = try_buffer(control, create) };
	uint64_t before = free_memory();
	pthread_t thread;

	EXPECT(allocation.fd >= 0);
	EXPECT_EQ(pthread_create(&thread, NULL, allocate_it, &allocation), 0);
	for (int i = 0; i < 1000000 && free_memory() + length / 8 > before; i++)
		;
	EXPECT_EQ(set_state(control, window_id(allocation.fd), MMIOD_WINDOW_REVOKED), 0);
	pthread_join(thread, NULL);
	EXPECT_EQ(buffer_info(control, allocation.fd, 0).allocated, 0);
	close(allocation.fd);
	return allocation.error;
}

TEST_WITHIN(120, a_revoke_does_not_wait_until_memory_is_allocated)
{
	int control = open_control(), error = 0;

	for (int round = 0; round < 500 && error != ENODEV; round++) {
		error = revoke_in_the_middle(control, 192 * MIB);
		EXPECT(!error || error == ENODEV);
	}
	EXPECT_EQ(error, ENODEV);
}

/* ---- the module goes while it is being opened ---- */

static void open_and_close(void)
{
	int control = open("/dev/mmiod", O_RDWR | O_CLOEXEC);
	struct mmiod_region_claim claim = { .size = sizeof(claim),
					    .kind = MMIOD_REGION_PCI,
					    .pci = find_pci(0x1af4, 0x1110),
					    .bar = 2,
					    .name = "shm" };
	struct mmiod_window_create create = { .length = page(), .attr = UC };

	if (control < 0)
		return;
	ioctl(control, MMIOD_IOC_REGION_CLAIM, &claim);
	create.region_id = claim.region_id;
	if (try_window(control, &create) >= 0)
		close(create.fd);
	close(control);
}

TEST_WITHIN(120, the_module_can_be_unloaded_while_it_is_being_opened)
{
	pid_t child = fork();
	int unloads = 0;

	for (unsigned int seed = 1; !child; usleep(rand_r(&seed) % 2000))
		open_and_close();
	for (int i = 0; i < 100000 && unloads < tap_rounds(5); i++) {
		if (syscall(SYS_delete_module, "mmiod", O_NONBLOCK))
			continue;
		unloads++;
		EXPECT_EQ(system("modprobe mmiod"), 0);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	for (int i = 0; i < 6000 && access("/dev/mmiod", F_OK); i++)
		usleep(50000);
	EXPECT_EQ(unloads, tap_rounds(5));
	expect_no_window(open_control());
}
