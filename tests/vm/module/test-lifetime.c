// SPDX-License-Identifier: MIT
/*
 * Lifetimes: files, processes, devices and the module itself go away in every order. These tests
 * unbind devices and unload the module: nobody else may use it meanwhile.
 */
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

#define UC MMIOD_ATTR_UC
#define RW (PROT_READ | PROT_WRITE)

static int unload(void)
{
	return syscall(SYS_delete_module, "mmiod", O_NONBLOCK);
}

/*
 * ->release runs from task work: a close is over when it returns, but a killed child's may take a
 * moment.
 */
static int unload_soon(void)
{
	for (int i = 0; i < 6000; i++) {
		if (!unload())
			return 0;
		usleep(50000);
	}
	return -1;
}

static void load(void)
{
	if (system("modprobe mmiod"))
		FAIL("modprobe mmiod");
	for (int i = 0; i < 6000 && access("/dev/mmiod", F_OK); i++)
		usleep(50000);
}

static unsigned int live_windows(int control)
{
	struct mmiod_control_info info = { .size = sizeof(info) };

	EXPECT_EQ(ioctl(control, MMIOD_IOC_INFO, &info), 0);
	return info.windows;
}

/* ---- a mark on a window's inode ---- */

static int mark_by_inotify(int group, const char *path)
{
	return inotify_add_watch(group, path, IN_ALL_EVENTS) < 0 ? -1 : 0;
}

static int mark_by_fanotify(int group, const char *path)
{
	return fanotify_mark(group, FAN_MARK_ADD, FAN_CLOSE, AT_FDCWD, path);
}

/* The last descriptors of the module go with this process, but for what it got the marks in. */
static void mark_and_close(int group, int (*mark)(int group, const char *path), bool keep_path)
{
	int control = open_control(), path = -1;
	int fd = window(control, "shm", 0, page(), UC, 0);
	char name[32];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	EXPECT_EQ(mark(group, name), 0);
	if (keep_path)
		path = open(name, O_PATH | O_CLOEXEC);
	close(fd);
	close(control);
	close(path);
	_exit(0);
}

static bool ends_soon(pid_t child)
{
	for (int i = 0; i < 300; i++) {
		if (waitpid(child, NULL, WNOHANG) == child)
			return true;
		usleep(20000);
	}
	return false;
}

static void expect_no_wait_for_marks(int group, int (*mark)(int group, const char *path))
{
	for (int keep_path = 0; keep_path < 2; keep_path++) {
		pid_t child = fork();
		bool ended;

		if (!child)
			mark_and_close(group, mark, keep_path);
		ended = ends_soon(child);
		if (ended)
			continue;
		close(group); /* or it never would */
		waitpid(child, NULL, 0);
		FAIL("the last close waits for who set the mark");
	}
}

TEST(a_watch_on_a_window_holds_up_neither_the_last_close_nor_the_unload)
{
	expect_no_wait_for_marks(inotify_init1(IN_CLOEXEC), mark_by_inotify);
	EXPECT_EQ(unload_soon(), 0);
	load();
}

TEST(a_watch_by_fanotify_holds_up_neither_the_last_close_nor_the_unload)
{
	int fanotify = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC, O_RDONLY);

	if (fanotify < 0 && errno == ENOSYS)
		tap_skip("this kernel has no fanotify");
	EXPECT(fanotify >= 0);
	expect_no_wait_for_marks(fanotify, mark_by_fanotify);
	close(fanotify); /* what it has not read yet holds the path, as O_PATH does */
	EXPECT_EQ(unload_soon(), 0);
	load();
}

TEST(a_killed_client_leaves_no_window)
{
	int control = open_control();
	unsigned int before = live_windows(control);
	pid_t child = fork();

	if (!child) {
		int fd = window(control, "shm", 0, page(), UC, 0);

		touch_write(map_window(fd, page(), RW), 1);
		for (;;)
			pause();
	}
	while (live_windows(control) == before)
		usleep(10000);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	for (int i = 0; i < 6000 && live_windows(control) != before; i++)
		usleep(50000);
	EXPECT_EQ(live_windows(control), before);
}

/* Bytes of a core file that come from the mapping at this address; -1: it has no segment for it. */
static long core_bytes(const char *path, const void *address)
{
	ElfW(Ehdr) header;
	ElfW(Phdr) segment;
	int fd = open(path, O_RDONLY);
	long bytes = -1;

	EXPECT_EQ(read(fd, &header, sizeof(header)), sizeof(header));
	EXPECT(!memcmp(header.e_ident, ELFMAG, SELFMAG));
	for (int i = 0; i < header.e_phnum; i++) {
		EXPECT_EQ(
			pread(fd, &segment, sizeof(segment), header.e_phoff + i * sizeof(segment)),
			sizeof(segment));
		if (segment.p_type == PT_LOAD && segment.p_vaddr == (uintptr_t)address)
			bytes = segment.p_filesz;
	}
	close(fd);
	return bytes;
}

static void dump_core(const char *directory)
{
	const struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };

	if (chdir(directory) || setrlimit(RLIMIT_CORE, &unlimited))
		_exit(1);
	signal(SIGABRT, SIG_DFL);
	abort();
}

TEST(a_core_dump_leaves_the_window_out)
{
	int fd = window(open_control(), "shm", 0, page(), UC, 0);
	uint8_t *address = map_window(fd, page(), RW);
	uint8_t *memory = mmap(NULL, page(), RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char directory[] = "/tmp/core-XXXXXX", path[64];
	pid_t child;
	int status;

	address[0] = memory[0] = 1;
	EXPECT(mkdtemp(directory));
	EXPECT_EQ(write_file("/proc/sys/kernel", "core_pattern", "core"), 0);
	EXPECT_EQ(write_file("/proc/sys/kernel", "core_uses_pid", "0"), 0);
	child = fork();
	if (!child)
		dump_core(directory);
	EXPECT_EQ(waitpid(child, &status, 0), child);
	EXPECT(WCOREDUMP(status));
	snprintf(path, sizeof(path), "%s/core", directory);
	EXPECT(core_bytes(path, memory) > 0);
	EXPECT(core_bytes(path, address) <= 0);
}

TEST(unload_is_refused_while_a_window_or_a_control_file_is_open)
{
	int control = open_control();
	int fd = window(control, "shm", 0, page(), UC, 0);
	void *address = map_window(fd, page(), RW);

	EXPECT_ERRNO(unload(), EAGAIN);
	close(control);
	EXPECT_ERRNO(unload(), EAGAIN);
	close(fd);
	EXPECT_ERRNO(unload(), EAGAIN);
	munmap(address, page());
	EXPECT_EQ(unload_soon(), 0);
	EXPECT(!strstr(read_file("/proc/iomem"), "mmiod"));
	load();
}

TEST(unload_is_refused_while_a_view_lives)
{
	int control = open_control();
	int fd = window(control, "shm", 0, page(), UC, 0), view;
	struct mmiod_view_create_part part = view_part(fd, 0, 0, page());

	view = try_view(MMIOD_VIEW_FORM_PHYS, 0, &part, 1);
	EXPECT(view >= 0);
	close(control);
	close(fd);
	EXPECT_ERRNO(unload(), EAGAIN);
	close(view);
	EXPECT_EQ(unload_soon(), 0);
	load();
}

TEST(a_revoked_window_still_pins_the_module)
{
	int control = open_control();
	int fd = window(control, "shm", 0, page(), UC, 0);

	EXPECT_EQ(set_state(control, window_id(fd), MMIOD_WINDOW_REVOKED), 0);
	close(control);
	EXPECT_ERRNO(unload(), EAGAIN);
	close(fd);
	EXPECT_EQ(unload_soon(), 0);
	load();
}

/*
 * Such a descriptor holds the file system's mount, whose callbacks are in the module, but no file
 * of the module's.
 */
TEST(an_o_path_descriptor_keeps_the_module_until_it_is_closed)
{
	int control = open_control();
	int fd = window(control, "shm", 0, page(), UC, 0);
	char path[64], name[128] = {};
	int handle;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	handle = open(path, O_PATH);
	EXPECT(handle >= 0);
	close(control);
	close(fd);
	EXPECT_ERRNO(unload(), EAGAIN);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", handle);
	EXPECT(readlink(path, name, sizeof(name) - 1) > 0);
	EXPECT(!strcmp(name, "/mmiod:shm+0x0-0xfff"));
	close(handle);
	EXPECT_EQ(unload_soon(), 0);
	load();
}

TEST(windows_can_be_made_and_closed_and_the_module_unloaded_many_times)
{
	for (int round = 0; round < tap_rounds(5); round++) {
		int control = open_control();

		for (int i = 0; i < 20; i++)
			close(window(control, "shm", i * page(), page(), UC, 0));
		region(control, "set-aside");
		close(control);
		EXPECT_EQ(unload_soon(), 0);
		load();
	}
}

static void unbind(const char *path, const char *address)
{
	char driver[128];

	snprintf(driver, sizeof(driver), "%s/driver", path);
	EXPECT_EQ(write_file(driver, "unbind", address), 0);
}

TEST(unbinding_a_device_revokes_its_windows_and_never_waits)
{
	int control = open_control();
	int fd = window(control, "shm", 0, 4 * page(), UC, 0);
	uint64_t id = region(control, "shm");
	struct mmiod_region_info before = region_info(control, id), after;
	const char *path = strdup(pci_path(before.pci));
	uint8_t *address = map_window(fd, 4 * page(), RW);
	uint32_t value;

	EXPECT_EQ(populate(fd, address, 2 * page()), 0);
	EXPECT_EQ(touch_write(address + 3 * page(), 1), 0);
	unbind(path, strrchr(path, '/') + 1);
	for (int i = 0; i < 4; i++)
		EXPECT_EQ(touch_read(address + i * page()), SIGBUS);
	EXPECT_ERRNO(pread(fd, &value, 4, 0), ENODEV);
	EXPECT(!strstr(read_file("/proc/iomem"), "mmiod:shm"));
	EXPECT_EQ(window_info(control, fd).state, MMIOD_WINDOW_REVOKED);

	EXPECT_EQ(write_file("/sys/bus/pci/drivers/mmiod", "bind", strrchr(path, '/') + 1), 0);
	after = region_info(control, region(control, "shm"));
	EXPECT_EQ(after.generation, before.generation + 1);
	EXPECT(after.region_id > before.region_id);
	EXPECT_EQ(touch_read(address), SIGBUS);
}

TEST(removing_a_device_revokes_its_windows_and_a_rescan_brings_it_back)
{
	int control = open_control();
	int fd = window(control, "testdev", 0, page(), UC, 0);
	const char *path = strdup(pci_path(find_pci(0x1b36, 0x0005)));
	uint8_t *address = map_window(fd, page(), RW);

	EXPECT_EQ(touch_read(address), 0);
	EXPECT_EQ(write_file(path, "remove", "1"), 0);
	EXPECT_EQ(touch_read(address), SIGBUS);
	EXPECT(access(path, F_OK));
	EXPECT_EQ(write_file("/sys/bus/pci", "rescan", "1"), 0);
	for (int i = 0; i < 6000 && access(path, F_OK); i++)
		usleep(50000);
	EXPECT_EQ(write_file(path, "driver_override", "mmiod"), 0);
	write_file("/sys/bus/pci", "drivers_probe", strrchr(path, '/') + 1);
	EXPECT_EQ(touch_read(address), SIGBUS);
	close(fd);
	fd = window(control, "testdev", 0, page(), UC, 0);
	EXPECT_EQ(touch_read(map_window(fd, page(), RW)), 0);
}

static void set_decoding(const char *path, bool on)
{
	char name[128];
	uint16_t command;
	int fd;

	snprintf(name, sizeof(name), "%s/config", path);
	fd = open(name, O_RDWR | O_CLOEXEC);
	EXPECT_EQ(pread(fd, &command, sizeof(command), 4), sizeof(command));
	command = on ? command | 2 : command & ~2;
	EXPECT_EQ(pwrite(fd, &command, sizeof(command), 4), sizeof(command));
	close(fd);
}

static atomic_bool touched_enough;

static void *touch_on(void *address)
{
	while (!atomic_load(&touched_enough))
		touch_read(address);
	return NULL;
}

TEST(a_device_that_does_not_decode_gives_no_window_and_accesses_to_it_harm_nobody)
{
	int control = open_control();
	int fd = window(control, "shm", 0, page(), UC, 0);
	const char *path = strdup(pci_path(find_pci(0x1af4, 0x1110)));
	uint8_t *address = map_window(fd, page(), PROT_READ | PROT_WRITE);
	struct mmiod_window_create create = { .region_id = region(control, "shm"),
					      .length = page(),
					      .attr = UC };
	pthread_t thread;

	address[0] = 0x2d;
	EXPECT_EQ(pthread_create(&thread, NULL, touch_on, address), 0);
	for (int round = 0; round < 20; round++) {
		uint32_t value;

		set_decoding(path, false);
		EXPECT_ERRNO(try_window(control, &create), EIO);
		EXPECT_EQ(pread(fd, &value, sizeof(value), 0), sizeof(value));
		set_decoding(path, true);
	}
	atomic_store(&touched_enough, true);
	pthread_join(thread, NULL);
	EXPECT_EQ(address[0], 0x2d);
	EXPECT(try_window(control, &create) >= 0);
}

TEST(a_device_reset_suspends_and_gives_back)
{
	int control = open_control();
	int fd = window(control, "shm", 0, page(), UC, 0);
	uint8_t *address = map_window(fd, page(), RW);
	const char *path = strdup(pci_path(find_pci(0x1af4, 0x1110)));
	struct mmiod_control_event events[16];
	bool suspended = false, resumed = false;
	ssize_t got;

	address[0] = 0x66;
	if (write_file(path, "reset", "1"))
		tap_skip("this machine cannot reset the device: %s", strerror(errno));
	EXPECT_EQ(address[0], 0x66);
	got = read(control, events, sizeof(events));
	for (ssize_t i = 0; i < got / (ssize_t)sizeof(*events); i++) {
		if (events[i].type != MMIOD_CONTROL_WINDOW_STATE)
			continue;
		suspended |= events[i].value == MMIOD_WINDOW_SUSPENDED;
		resumed |= suspended && events[i].value == MMIOD_WINDOW_OK;
	}
	EXPECT(suspended && resumed);
}

/* The region of shm's name, claimed anew with flags; nobody has a window of it. */
static uint64_t claim_shm(int control, uint32_t flags)
{
	struct mmiod_region_release release = { .size = sizeof(release),
						.region_id = region(control, "shm") };
	struct mmiod_region_claim claim = {
		.size = sizeof(claim),
		.kind = MMIOD_REGION_PCI,
		.pci = find_pci(0x1af4, 0x1110),
		.bar = 2,
		.flags = flags,
		.name = "shm",
	};

	/* A window's ->release runs after its close. */
	for (int i = 0; i < 6000 && ioctl(control, MMIOD_IOC_REGION_RELEASE, &release); i++)
		usleep(20000);
	if (ioctl(control, MMIOD_IOC_REGION_CLAIM, &claim))
		FAIL("cannot claim shm: %s", strerror(errno));
	return claim.region_id;
}

TEST(a_device_reset_revokes_the_windows_of_a_region_that_was_claimed_so)
{
	int control = open_control();
	uint64_t id = claim_shm(control, MMIOD_REGION_REVOKE_ON_RESET);
	int fd = window(control, "shm", 0, page(), UC, 0), after;
	uint8_t *address = map_window(fd, page(), RW), *again;
	const char *path = strdup(pci_path(find_pci(0x1af4, 0x1110)));
	struct mmiod_control_event events[16];
	int suspended = -1, revoked = -1;
	ssize_t got;

	EXPECT_EQ(region_info(control, id).flags, MMIOD_REGION_REVOKE_ON_RESET);
	EXPECT_EQ(touch_write(address, 1), 0);
	if (write_file(path, "reset", "1"))
		tap_skip("this machine cannot reset the device: %s", strerror(errno));
	EXPECT_EQ(touch_read(address), SIGBUS);
	EXPECT_EQ(window_info(control, fd).state, MMIOD_WINDOW_REVOKED);
	EXPECT_EQ(region_info(control, id).state, MMIOD_WINDOW_OK);
	got = read(control, events, sizeof(events));
	for (int i = 0; i < got / (ssize_t)sizeof(*events); i++) {
		if (events[i].type == MMIOD_CONTROL_REGION_STATE && suspended < 0)
			suspended = i;
		if (events[i].type == MMIOD_CONTROL_WINDOW_STATE &&
		    events[i].value == MMIOD_WINDOW_REVOKED)
			revoked = i;
	}
	EXPECT(suspended >= 0 && revoked > suspended); /* why comes before what */
	after = window(control, "shm", 0, page(), UC, 0);
	again = map_window(after, page(), RW);
	EXPECT_EQ(touch_read(again), 0);
	munmap(again, page());
	close(after);
	claim_shm(control, 0);
}

static void churn(uint8_t *address, size_t pages)
{
	uint8_t *spare = mmap(NULL, pages * page(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (int i = 0; i < 200; i++) {
		size_t at = rand() % pages;

		touch_write(address + at * page(), i);
		mprotect(address + at * page(), page(), rand() % 2 ? PROT_READ : RW);
		if (rand() % 4 == 0)
			mremap(address + at * page(), page(), page(), MREMAP_MAYMOVE | MREMAP_FIXED,
			       spare + at * page());
		if (rand() % 16 == 0 && !fork())
			_exit(touch_read(address) > SIGBUS + SIGSEGV);
	}
	while (wait(NULL) > 0)
		;
	munmap(address, pages * page());
	munmap(spare, pages * page());
}

TEST(mapping_counts_survive_random_splits_moves_and_forks)
{
	int control = open_control();
	int fd = window(control, "shm", 0, 32 * page(), UC, 0);

	srand(1);
	for (int round = 0; round < 5; round++) {
		churn(map_window(fd, 32 * page(), RW), 32);
		EXPECT_EQ(window_info(control, fd).mappings, 0);
	}
}

TEST_WITHIN(120, opening_and_closing_races_with_unbind_and_bind)
{
	int control = open_control();
	struct mmiod_region_info info = region_info(control, region(control, "shm"));
	const char *path = strdup(pci_path(info.pci)), *address = strrchr(path, '/') + 1;
	pid_t child = fork();

	if (!child) {
		for (;;) {
			struct mmiod_window_create create = { .length = 4 * page(), .attr = UC };
			struct mmiod_region_info next = { .size = sizeof(next) };
			uint8_t *map;

			if (ioctl(control, MMIOD_IOC_REGION_NEXT, &next))
				continue;
			create.region_id = next.region_id;
			if (try_window(control, &create) < 0)
				continue;
			map = mmap(NULL, 4 * page(), RW, MAP_SHARED, create.fd, 0);
			if (map != MAP_FAILED) {
				touch_read(map);
				populate(create.fd, map, 4 * page());
				touch_read(map + page());
				munmap(map, 4 * page());
			}
			close(create.fd);
		}
	}
	for (int round = 0; round < 25; round++) {
		unbind(path, address);
		EXPECT_EQ(write_file("/sys/bus/pci/drivers/mmiod", "bind", address), 0);
		region(control, "shm");
		usleep(20000);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}
