// SPDX-License-Identifier: MIT
/*
 * Every allocation that a call needs fails once, the first, the second, and so on until the call
 * needs no more: it then fails or succeeds, and leaves nothing behind. Only a kernel with fault
 * injection can do that (the sanitizing one), which also looks for what was leaked when all tests
 * are over.
 */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "domain.h"

#define UC MMIOD_ATTR_UC
#define WC MMIOD_ATTR_WC
#define FAIL_NTH "/proc/thread-self/fail-nth"

enum { TABLE = 2 << 20, MOST_ALLOCATIONS = 400 };

struct subject {
	int control, fd;
	int window; /* of views */
	uint8_t *address;
	struct mmiod_window_create create;
	struct mmiod_buffer_create buffer;
	struct mmiod_interrupt_create interrupt;
	struct mmiod_device_open open;
};

/* Injected failures are silent, and reach allocations that may wait as well. */
static int nth_file = -1;

static void need_fault_injection(void)
{
	static const char *const attributes[] = { "/sys/kernel/debug/failslab",
						  "/sys/kernel/debug/fail_page_alloc" };

	nth_file = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	if (nth_file < 0)
		tap_skip("this kernel has no fault injection");
	for (size_t i = 0; i < 2; i++) {
		EXPECT_EQ(write_file(attributes[i], "ignore-gfp-wait", "N"), 0);
		EXPECT_EQ(write_file(attributes[i], "verbose", "0"), 0);
	}
	EXPECT_EQ(write_file(attributes[1], "ignore-gfp-highmem", "N"), 0);
	EXPECT_EQ(write_file(attributes[1], "min-order", "0"), 0);
}

/* A program whose stack cannot grow is killed: it has grown before anything fails. */
static __attribute__((noinline)) void grow_stack(void)
{
	volatile char room[64 << 10];

	for (size_t at = 0; at < sizeof(room); at += 1 << 10)
		room[at] = 0;
}

static void arm(unsigned int nth)
{
	char text[16];

	EXPECT_EQ(pwrite(nth_file, text, snprintf(text, sizeof(text), "%u", nth), 0) > 0, 1);
}

/* Whether the failure that was armed has come to pass. */
static bool disarm(void)
{
	char text[16] = "";

	EXPECT(pread(nth_file, text, sizeof(text) - 1, 0) > 0);
	arm(0);
	return !atoi(text);
}

struct state {
	unsigned int windows, files, references;
};

static struct state state_of(int control)
{
	struct mmiod_control_info info = { .size = sizeof(info) };
	struct state state = {};
	DIR *files;

	EXPECT_EQ(ioctl(control, MMIOD_IOC_INFO, &info), 0);
	state.windows = info.windows;
	state.references = atoi(read_file("/sys/module/mmiod/refcnt"));
	files = opendir("/proc/self/fd");
	while (readdir(files))
		state.files++;
	closedir(files);
	return state;
}

/* A failure must be for want of memory. A touch answers with the signal that came. */
static void expect_explained(const char *what, unsigned int nth, int result, int error)
{
	if (!result || error == ENOMEM || error == EFAULT || error == ENFILE || error == EAGAIN)
		return;
	/* The kernel's word for vectors that it has no memory for. */
	if (error == ENOSPC && !strcmp(what, "INTERRUPT_CREATE"))
		return;
	FAIL("%s, allocation %u failing: result %d, %s", what, nth, result, strerror(error));
}

/*
 * Run it with each of its allocations failing, until none fails, and it succeeds. @undo gives back
 * what a success has made; @run must need no more than what @subject holds, and leave that as it
 * was.
 */
static void each_failing(const char *what, struct subject *subject, int (*run)(struct subject *),
			 void (*undo)(struct subject *))
{
	struct state before = state_of(subject->control), after;
	unsigned int nth = 1;

	grow_stack();
	for (; nth < MOST_ALLOCATIONS; nth++) {
		int result, error;
		bool failed;

		arm(nth);
		errno = 0;
		result = run(subject);
		error = errno;
		failed = disarm();
		expect_explained(what, nth, result, error);
		if (!result && undo)
			undo(subject);
		after = state_of(subject->control);
		EXPECT_EQ(after.windows, before.windows);
		EXPECT_EQ(after.files, before.files);
		EXPECT_EQ(after.references, before.references);
		if (failed)
			continue;
		if (result)
			FAIL("%s, nothing failing: %s", what, strerror(error));
		break;
	}
	EXPECT(nth < MOST_ALLOCATIONS);
	printf("# %s: %u allocations\n", what, nth - 1);
	fflush(stdout);
}

static int create_window(struct subject *subject)
{
	subject->fd = try_window(subject->control, &subject->create);
	return subject->fd < 0 ? -1 : 0;
}

static int create_buffer(struct subject *subject)
{
	subject->fd = try_buffer(subject->control, subject->buffer);
	return subject->fd < 0 ? -1 : 0;
}

static void close_window(struct subject *subject)
{
	close(subject->fd);
}

TEST_WITHIN(300, creating_windows_and_buffers_bears_any_allocation_failing)
{
	struct subject subject = { .control = open_control() };
	const uint32_t attrs[] = { UC, WC };

	need_fault_injection();
	for (size_t i = 0; i < 2; i++) {
		subject.create = (struct mmiod_window_create){
			.region_id = region(subject.control, "shm"),
			.length = 4 * page(),
			.attr = attrs[i],
			.flags = MMIOD_WINDOW_DUMMY,
		};
		each_failing("WINDOW_CREATE", &subject, create_window, close_window);
	}
	for (uint32_t kind = MMIOD_BUFFER_PAGES; kind <= MMIOD_BUFFER_DMA; kind++) {
		subject.buffer = (struct mmiod_buffer_create){
			.kind = kind,
			.length = 3 * page(),
			.node = -1,
			.pci = kind == MMIOD_BUFFER_DMA ? find_pci(0x1234, 0x11e8) : 0,
		};
		each_failing("BUFFER_CREATE", &subject, create_buffer, close_window);
	}
}

static int create_view(struct subject *subject)
{
	struct mmiod_view_create_part parts[2] = { view_part(subject->window, 0, 0, page()),
						   view_part(subject->window, 2 * page(), page(),
							     page()) };

	subject->fd = try_view(MMIOD_VIEW_FORM_FILE, 0, parts, 2);
	return subject->fd < 0 ? -1 : 0;
}

static int open_anew(struct subject *subject)
{
	subject->fd = reopen(subject->window, O_RDWR);
	return subject->fd < 0 ? -1 : 0;
}

TEST_WITHIN(120, views_and_windows_opened_anew_bear_any_allocation_failing)
{
	struct subject subject = { .control = open_control() };

	need_fault_injection();
	subject.window = window(subject.control, "shm", 0, 4 * page(), UC, 0);
	each_failing("VIEW_CREATE", &subject, create_view, close_window);
	each_failing("open", &subject, open_anew, close_window);
}

static int claim(struct subject *subject)
{
	struct mmiod_region_claim claim = { .size = sizeof(claim),
					    .kind = MMIOD_REGION_PCI,
					    .pci = find_pci(0x1b36, 0x0005),
					    .offset = 0,
					    .length = page(),
					    .name = "failing" };

	arm(0); /* what find_pci() needs is no concern of this test */
	arm(subject->create.width);
	if (ioctl(subject->control, MMIOD_IOC_REGION_CLAIM, &claim))
		return -1;
	subject->create.region_id = claim.region_id;
	return 0;
}

static void release(struct subject *subject)
{
	struct mmiod_region_release release = { .size = sizeof(release),
						.region_id = subject->create.region_id };

	EXPECT_EQ(ioctl(subject->control, MMIOD_IOC_REGION_RELEASE, &release), 0);
}

static void release_by_name(int control, const char *name)
{
	struct mmiod_region_release release = { .size = sizeof(release),
						.region_id = region(control, name) };

	EXPECT_EQ(ioctl(control, MMIOD_IOC_REGION_RELEASE, &release), 0);
}

TEST_WITHIN(120, claiming_a_region_bears_any_allocation_failing)
{
	struct subject subject = { .control = open_control() };
	bool failed = true;

	need_fault_injection();
	release_by_name(subject.control, "testdev");
	for (uint32_t nth = 1; failed && nth < MOST_ALLOCATIONS; nth++) {
		int result, error;

		subject.create.width = nth; /* where claim() arms */
		errno = 0;
		result = claim(&subject);
		error = errno;
		failed = disarm();
		expect_explained("REGION_CLAIM", nth, result, error == EBUSY ? ENOMEM : error);
		if (!result)
			release(&subject);
		EXPECT(!strstr(read_file("/proc/iomem"), "mmiod:failing"));
	}
	EXPECT(!failed);
}

static int open_again(struct subject *subject)
{
	subject->fd = open("/dev/mmiod", O_RDWR | O_CLOEXEC);
	return subject->fd < 0 ? -1 : 0;
}

/* Calls that make nothing, on a window or buffer that is there: they may be repeated. */
static int query_all(struct subject *subject)
{
	struct mmiod_window_query query = { .size = sizeof(query) };
	struct mmiod_window_info window = { .size = sizeof(window) };
	struct mmiod_region_info region = { .size = sizeof(region) };
	struct mmiod_control_info info = { .size = sizeof(info) };
	struct mmiod_page page = { .size = sizeof(page), .pfn = 0x1000 };
	struct mmiod_translate translate = { .size = sizeof(translate),
					     .address = (uintptr_t)subject->address };
	struct pollfd ready = { .fd = subject->fd };

	return ioctl(subject->fd, MMIOD_IOC_QUERY, &query) ||
	       ioctl(subject->control, MMIOD_IOC_WINDOW_NEXT, &window) ||
	       ioctl(subject->control, MMIOD_IOC_REGION_NEXT, &region) ||
	       ioctl(subject->control, MMIOD_IOC_INFO, &info) ||
	       ioctl(subject->control, MMIOD_IOC_PAGE, &page) ||
	       ioctl(subject->control, MMIOD_IOC_TRANSLATE, &translate) || poll(&ready, 1, 0) < 0;
}

static int suspend_and_resume(struct subject *subject)
{
	uint64_t id = subject->create.window_id;

	return set_state(subject->control, id, MMIOD_WINDOW_SUSPENDED) ||
	       set_state(subject->control, id, MMIOD_WINDOW_OK);
}

TEST_WITHIN(120, questions_and_states_bear_any_allocation_failing)
{
	struct subject subject = { .control = open_control() };

	need_fault_injection();
	each_failing("open", &subject, open_again, close_window);
	subject.fd = window(subject.control, "shm", 0, 4 * page(), UC, 0);
	subject.address = map_window(subject.fd, 4 * page(), RW);
	subject.create.window_id = window_id(subject.fd);
	each_failing("questions", &subject, query_all, NULL);
	each_failing("SET_STATE", &subject, suspend_and_resume, NULL);
}

static int map(struct subject *subject)
{
	subject->address = mmap(NULL, 2 * TABLE, RW, MAP_SHARED, subject->fd, 0);
	return subject->address == MAP_FAILED ? -1 : 0;
}

static void unmap(struct subject *subject)
{
	munmap(subject->address, 2 * TABLE);
}

static int map_and_populate(struct subject *subject)
{
	int result = map(subject), error;

	if (result)
		return result;
	result = populate(subject->fd, subject->address, 2 * TABLE);
	error = errno;
	if (result)
		unmap(subject);
	errno = error;
	return result;
}

/* A page table that cannot be had makes the kernel repeat the fault, which then succeeds. */
static int map_and_touch(struct subject *subject)
{
	int result = map(subject);

	if (result)
		return result;
	return touch_write(subject->address + TABLE, 1) | touch_read(subject->address);
}

static int map_and_split(struct subject *subject)
{
	int result = map_and_populate(subject), error;

	if (result)
		return result;
	result = mprotect(subject->address + TABLE + page(), page(), PROT_READ) |
		 munmap(subject->address + page(), page());
	error = errno;
	if (result)
		unmap(subject);
	errno = error;
	return result;
}

static int read_by_kernel(struct subject *subject)
{
	uint32_t value;

	return pread(subject->fd, &value, sizeof(value), 0) == sizeof(value) ? 0 : -1;
}

TEST_WITHIN(600, mapping_and_touching_bears_any_allocation_failing)
{
	struct subject subject = { .control = open_control() };
	const char *const names[] = { "shm", "bigshm" };

	need_fault_injection();
	for (size_t i = 0; i < 2; i++) {
		EXPECT_EQ(write_file("/sys/module/mmiod/parameters", "pmd_leaves", i ? "Y" : "N"),
			  0);
		subject.fd = window(subject.control, names[i], 0, 2 * TABLE, UC, 0);
		each_failing("mmap", &subject, map, unmap);
		each_failing("POPULATE", &subject, map_and_populate, unmap);
		each_failing("fault", &subject, map_and_touch, unmap);
		each_failing("split", &subject, map_and_split, unmap);
		EXPECT_EQ(window_info(subject.control, subject.fd).mappings, 0);
		close(subject.fd);
	}
}

/* Each time on a new window: what was allocated once is kept. */
static int use_new_window(struct subject *subject)
{
	int result = create_window(subject), error;

	if (result)
		return result;
	result = read_by_kernel(subject);
	error = errno;
	close_window(subject);
	errno = error;
	return result;
}

static int use_new_buffer(struct subject *subject)
{
	int result = create_buffer(subject), error;

	if (result)
		return result;
	result = allocate(subject->fd) ?: read_by_kernel(subject);
	error = errno;
	close_window(subject);
	errno = error;
	return result;
}

TEST_WITHIN(600, first_use_bears_any_allocation_failing)
{
	struct subject subject = { .control = open_control() };

	need_fault_injection();
	subject.create = (struct mmiod_window_create){ .region_id = region(subject.control, "shm"),
						       .length = 4 * page(),
						       .attr = UC };
	each_failing("first pread", &subject, use_new_window, NULL);
	for (uint32_t kind = MMIOD_BUFFER_PAGES; kind <= MMIOD_BUFFER_DMA; kind++) {
		subject.buffer = (struct mmiod_buffer_create){
			.kind = kind,
			.length = 9 * page(),
			.node = -1,
			.pci = kind == MMIOD_BUFFER_DMA ? find_pci(0x1234, 0x11e8) : 0,
		};
		each_failing("ALLOCATE", &subject, use_new_buffer, NULL);
	}
}

/* ---- devices ---- */

static int create_interrupt(struct subject *subject)
{
	subject->fd = try_interrupt(subject->control, &subject->interrupt);
	return subject->fd < 0 ? -1 : 0;
}

/* The vectors that were set up for it go after the file, and the next one needs all of them anew. */
static void close_interrupt(struct subject *subject)
{
	close(subject->fd);
	while (device_info(subject->control, subject->interrupt.device).vectors)
		usleep(1000);
}

static int send_to_eventfd(struct subject *subject)
{
	return set_eventfd(subject->fd, subject->window);
}

static void send_to_nobody(struct subject *subject)
{
	EXPECT_EQ(set_eventfd(subject->fd, -1), 0);
}

TEST_WITHIN(300, interrupts_and_their_eventfds_bear_any_allocation_failing)
{
	struct subject subject = { .control = open_control(), .window = eventfd(0, 0) };
	const struct mmiod_interrupt_create kinds[] = {
		{ .device = edu(), .kind = MMIOD_INTERRUPT_INTX },
		{ .device = edu(),
		  .kind = MMIOD_INTERRUPT_MSI,
		  .flags = MMIOD_INTERRUPT_NO_ENGINE },
		{ .device = nvme(),
		  .kind = MMIOD_INTERRUPT_MSIX,
		  .flags = MMIOD_INTERRUPT_NO_ENGINE,
		  .vectors = 4 },
	};

	need_fault_injection();
	for (size_t i = 0; i < 3; i++) {
		subject.interrupt = kinds[i];
		each_failing("INTERRUPT_CREATE", &subject, create_interrupt, close_interrupt);
	}
	EXPECT_EQ(create_interrupt(&subject), 0);
	each_failing("SET_EVENTFD", &subject, send_to_eventfd, send_to_nobody);
}

static int open_device(struct subject *subject)
{
	subject->fd = try_operate(subject->control, subject->open);
	return subject->fd < 0 ? -1 : 0;
}

/* The next one is told EAGAIN until it is known that edu cannot be reset. */
static void close_device(struct subject *subject)
{
	close(subject->fd);
	EXPECT(happens(subject->control, MMIOD_CONTROL_DEVICE_QUIET, ENOTTY, subject->open.device));
}

static int configure_and_master(struct subject *subject)
{
	uint32_t word;

	return pread(subject->fd, &word, sizeof(word), 0) != sizeof(word) ||
	       set_master(subject->fd, true) || set_master(subject->fd, false);
}

TEST_WITHIN(300, operators_of_a_device_bear_any_allocation_failing)
{
	struct subject subject = { .control = open_control() };

	need_fault_injection();
	subject.open = request(edu(), READ | MASTER, NO_RESET | MMIOD_OPERATE_NO_ENGINE, 1);
	each_failing("DEVICE_OPEN", &subject, open_device, close_device);
	EXPECT_EQ(open_device(&subject), 0);
	each_failing("configuration", &subject, configure_and_master, NULL);
}

/* A range that a failure left in the domain would be in the way of the next attempt. */
static int map_for_device(struct subject *subject)
{
	int result, error;

	subject->fd = try_dma(subject->control, &subject->buffer);
	if (subject->fd < 0)
		return -1;
	result = allocate(subject->fd);
	error = errno;
	if (result)
		close(subject->fd);
	errno = error;
	return result;
}

TEST_WITHIN(600, behind_an_iommu_memory_and_its_domain_bear_any_allocation_failing)
{
	struct subject subject = { .control = open_control() };
	struct driver driver;

	need_iommu();
	need_fault_injection();
	subject.open =
		request(edu(), READ | MASTER | right_to_dma(subject.control, edu()), NO_RESET, 1);
	each_failing("DEVICE_OPEN", &subject, open_device, close_device);
	driver = take_edu();
	subject.control = driver.control;
	subject.buffer = buffer_of(&driver);
	subject.buffer.dma_flags = FIXED;
	subject.buffer.iova = 64 * MIB;
	subject.buffer.length = 40 * page();
	each_failing("DMA", &subject, map_for_device, close_window);
	EXPECT_EQ(device_info(driver.control, edu()).mapped, 0);
}

static int fork_and_touch(struct subject *subject)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		return -1;
	if (!child)
		_exit(touch_write(subject->address, 1));
	while (waitpid(child, &status, 0) < 0)
		;
	return status;
}

TEST_WITHIN(600, inheriting_a_mapping_bears_any_allocation_failing)
{
	struct subject subject = { .control = open_control() };

	need_fault_injection();
	subject.fd = window(subject.control, "shm", 0, 2 * TABLE, UC, 0);
	EXPECT_EQ(map_and_populate(&subject), 0);
	each_failing("fork", &subject, fork_and_touch, NULL);
	EXPECT_EQ(window_info(subject.control, subject.fd).mappings, 1);
}

TEST_WITHIN(120, binding_a_device_bears_any_allocation_failing)
{
	const char *path = strdup(pci_path(find_pci(0x1b36, 0x0005)));
	const char *address = strrchr(path, '/') + 1;
	int control = open_control(), bind;
	bool failed = true;

	need_fault_injection();
	EXPECT_EQ(write_file("/sys/bus/pci/drivers/mmiod", "unbind", address), 0);
	bind = open("/sys/bus/pci/drivers/mmiod/bind", O_WRONLY | O_CLOEXEC);
	for (unsigned int nth = 1; failed && nth < MOST_ALLOCATIONS; nth++) {
		ssize_t written;

		arm(nth);
		written = write(bind, address, strlen(address));
		failed = disarm();
		/*
		 * A reservation that a failure left behind would be in the way of the next attempt.
		 */
		if (failed && written >= 0)
			EXPECT_EQ(write_file("/sys/bus/pci/drivers/mmiod", "unbind", address), 0);
	}
	EXPECT(!failed);
	EXPECT(region(control, "testdev") != 0);
}
