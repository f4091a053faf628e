// SPDX-License-Identifier: MIT
/*
 * Interrupts that come too often, or whose watchers take too long: they are silenced, whoever made
 * them and whoever watches, and can be had again after a while.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "nvme.h"

#define MSI MMIOD_INTERRUPT_MSI
#define MSIX MMIOD_INTERRUPT_MSIX
#define NO_ENGINE MMIOD_INTERRUPT_NO_ENGINE
#define STORM MMIOD_INTERRUPT_STORM
#define TRUSTED MMIOD_INTERRUPT_TRUSTED
#define MASTER 0x4

static int with_budget(int control, uint32_t flags, uint32_t budget)
{
	struct mmiod_interrupt_create create = {
		.device = edu(), .kind = MSI, .flags = flags, .budget = budget
	};

	set_parameter("device_time", "1000");
	set_parameter("total_time", "1000");
	EXPECT(try_interrupt(control, &create) >= 0);
	return create.fd;
}

static void raise_until_storm(int registers, int fd)
{
	for (int i = 0; i < 1000000; i++) {
		poke(registers, EDU_RAISE, 1);
		if (i % 64 == 0 && query_interrupt(fd).flags & STORM)
			return;
	}
	FAIL("a million interrupts are no storm");
}

static void unmask_in_time(int fd)
{
	for (int i = 0; i < 20000 && mask_interrupt(fd, false); i++) {
		EXPECT_EQ(errno, EAGAIN);
		usleep(1000);
	}
	EXPECT(!(query_interrupt(fd).flags & STORM));
}

TEST(a_storm_of_messages_without_a_mask_takes_bus_mastering_away)
{
	int control = open_control(), registers = edu_window(control);
	int fd = with_budget(control, NO_ENGINE, 1000);
	uint64_t id = query_interrupt(fd).id, count;

	raise_until_storm(registers, fd);
	EXPECT(!(pci_command(edu()) & MASTER));
	EXPECT(happens(control, MMIOD_CONTROL_DEVICE_STORM, 1, id));
	EXPECT_EQ(poll_now(fd), POLLIN | POLLPRI | POLLMSG);
	EXPECT_EQ(query_interrupt(fd).storms, 1);
	EXPECT_EQ(interrupt_info(control, id).storms, 1);
	count = query_interrupt(fd).count;
	EXPECT(count >= 1000);
	for (int i = 0; i < 1000; i++)
		poke(registers, EDU_RAISE, 1);
	usleep(100000);
	EXPECT_EQ(query_interrupt(fd).count, count);
	unmask_in_time(fd);
	EXPECT(!(poll_now(fd) & POLLMSG));
	EXPECT(pci_command(edu()) & MASTER);
	count = query_interrupt(fd).count;
	poke(registers, EDU_RAISE, 1);
	EXPECT(count_from(fd, count + 1));
}

static struct {
	int fd;
	atomic_int thread;
} waiter;

static void *wait_for_any(void *unused)
{
	(void)unused;
	waiter.thread = gettid();
	return (void *)(intptr_t)poll_for(waiter.fd, POLLIN | POLLMSG);
}

/* Until the thread sleeps in poll. */
static void await_waiter(void)
{
	char path[64];

	while (!waiter.thread)
		usleep(1000);
	snprintf(path, sizeof(path), "/proc/self/task/%d/wchan", waiter.thread);
	while (!strstr(read_file(path), "poll"))
		usleep(1000);
}

/* It is masked, so that none is told before the storm. */
TEST(who_waits_for_an_interrupt_is_woken_as_a_storm_silences_it)
{
	int control = open_control(), registers = edu_window(control);
	int fd = with_budget(control, NO_ENGINE | MMIOD_INTERRUPT_MASKED, 100);
	pthread_t thread;
	void *events;

	waiter.fd = fd;
	EXPECT_EQ(pthread_create(&thread, NULL, wait_for_any, NULL), 0);
	await_waiter();
	raise_until_storm(registers, fd);
	EXPECT_EQ(pthread_join(thread, &events), 0);
	EXPECT_EQ((intptr_t)events, POLLMSG);
	unmask_in_time(fd);
	EXPECT(poll_for(fd, POLLIN));
	EXPECT(!(poll_now(fd) & POLLMSG));
}

/* One of a hundred tries is early enough, however slow the machine is. */
TEST(an_unmask_right_after_a_storm_is_too_early)
{
	int control = open_control(), registers = edu_window(control);
	int fd = with_budget(control, NO_ENGINE, 100);
	bool early = false;

	for (int i = 0; i < 100 && !early; i++) {
		raise_until_storm(registers, fd);
		early = mask_interrupt(fd, false) && errno == EAGAIN;
		EXPECT(!early || query_interrupt(fd).flags & STORM);
		unmask_in_time(fd);
	}
	EXPECT(early);
}

TEST(the_end_of_a_storm_masters_nothing_that_was_not_mastered)
{
	int control = open_control(), registers = edu_window(control);
	int fd = with_budget(control, TRUSTED, 100), buffer = dma_buffer(control, edu(), page());

	raise_until_storm(registers, fd);
	EXPECT(!(pci_command(edu()) & MASTER));
	close(buffer);
	unmask_in_time(fd);
	EXPECT(!(pci_command(edu()) & MASTER));
	EXPECT(query_interrupt(fd).flags & MMIOD_INTERRUPT_SILENT);
}

TEST(a_storm_of_a_vector_with_a_mask_leaves_the_others_alone)
{
	struct mmiod_interrupt_create create = {
		.kind = MSIX, .flags = TRUSTED, .vectors = 2, .vector = 1, .budget = 2
	};
	int control = open_control(), other;
	uint64_t before;
	struct nvme nvme;

	nvme_open(&nvme, control);
	create.device = nvme_function();
	EXPECT(try_interrupt(control, &create) >= 0);
	other = interrupt(control, nvme_function(), MSIX, 0, TRUSTED);
	nvme_start(&nvme);
	nvme_add_queue(&nvme, 1);
	for (int i = 0; i < 100000 && !(query_interrupt(create.fd).flags & STORM); i++)
		nvme_command(&nvme, 1);
	EXPECT(query_interrupt(create.fd).flags & STORM);
	EXPECT(pci_command(nvme_function()) & MASTER);
	before = query_interrupt(other).count;
	nvme_command(&nvme, 0);
	EXPECT(count_from(other, before + 1));
	before = query_interrupt(create.fd).count;
	nvme_command(&nvme, 1);
	usleep(50000);
	EXPECT_EQ(query_interrupt(create.fd).count, before);
	unmask_in_time(create.fd);
	EXPECT(count_from(create.fd, before + 1));
}

/* No handler takes less than no time. */
TEST(a_device_whose_interrupts_take_more_than_its_time_is_silenced)
{
	static const char *const limits[] = { "device_time", "total_time" };

	for (int i = 0; i < 2; i++) {
		int control = open_control(), registers = edu_window(control);
		int fd = with_budget(control, NO_ENGINE, 0);

		EXPECT_EQ(query_interrupt(fd).storms, 0);
		set_parameter(limits[i], "0");
		poke(registers, EDU_RAISE, 1);
		EXPECT(count_from(fd, 1));
		EXPECT(poll_for(fd, POLLPRI));
		EXPECT(query_interrupt(fd).flags & STORM);
		set_parameter(limits[i], "1000");
		unmask_in_time(fd);
		EXPECT(interrupt_info(control, query_interrupt(fd).id).busy_ns);
		close(fd);
		close(registers);
		close(control);
	}
	set_parameter("device_time", "10");
	set_parameter("total_time", "20");
}

enum { WATCHERS = 3000 };

/* What wakes many costs much: that is found out by the time that it takes. */
TEST(many_who_watch_one_interrupt_make_it_a_storm)
{
	const struct rlimit limit = { 2 * WATCHERS, 2 * WATCHERS };
	int control = open_control(), registers = edu_window(control);
	int fd = with_budget(control, NO_ENGINE, 1000000);

	EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (int i = 0; i < WATCHERS; i++) {
		struct epoll_event event = { .events = EPOLLIN };
		int epoll = epoll_create1(EPOLL_CLOEXEC);

		EXPECT(epoll >= 0);
		EXPECT_EQ(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), 0);
	}
	set_parameter("device_time", "10");
	raise_until_storm(registers, fd);
	set_parameter("total_time", "20");
}

/* ---- an eventfd that is swapped while the interrupt fires ---- */

static struct {
	atomic_bool over;
	int fd, registers;
} race;

static void *raise_on(void *unused)
{
	const uint32_t one = 1;

	(void)unused;
	while (!race.over)
		if (pwrite(race.registers, &one, sizeof(one), EDU_RAISE) != sizeof(one))
			FAIL("pwrite: %s", strerror(errno));
	return NULL;
}

static void *trigger_on(void *unused)
{
	(void)unused;
	while (!race.over)
		if (trigger(race.fd))
			FAIL("TRIGGER: %s", strerror(errno));
	return NULL;
}

/*
 * As often as others get a turn: emulated processors (QEMU 7.2) do not bear a storm while another
 * one allocates. An interrupt within cmpxchg16b, by which the kernel's allocator works, then gives
 * back flags that make the next instruction trap.
 */
static void *raise_now_and_then(void *unused)
{
	const uint32_t one = 1;

	(void)unused;
	while (!race.over) {
		if (pwrite(race.registers, &one, sizeof(one), EDU_RAISE) != sizeof(one))
			FAIL("pwrite: %s", strerror(errno));
		usleep(1000);
	}
	return NULL;
}

TEST_WITHIN(120, an_eventfd_may_be_swapped_and_closed_while_the_interrupt_fires)
{
	int control = open_control();
	pthread_t threads[2];
	uint64_t value;

	race.registers = edu_window(control);
	race.fd = with_budget(control, NO_ENGINE, UINT32_MAX);
	EXPECT_EQ(pthread_create(&threads[0], NULL, raise_now_and_then, NULL), 0);
	EXPECT_EQ(pthread_create(&threads[1], NULL, trigger_on, NULL), 0);
	for (int i = 0; i < 2000; i++) {
		int events = eventfd(0, EFD_CLOEXEC);

		EXPECT_EQ(set_eventfd(race.fd, events), 0);
		if (i % 100 == 0)
			EXPECT_EQ(read(events, &value, sizeof(value)), sizeof(value));
		if (i % 3 == 0)
			EXPECT_EQ(set_eventfd(race.fd, -1), 0);
		close(events);
	}
	race.over = true;
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	EXPECT(!(query_interrupt(race.fd).flags & STORM));
}

/* ---- masks from every side at once ---- */

static void *mask_on(void *unused)
{
	(void)unused;
	for (unsigned int i = 0; !race.over; i++)
		if (mask_interrupt(race.fd, i & 1) && errno != ENODEV)
			FAIL("MASK: %s", strerror(errno));
	return NULL;
}

/*
 * Each writes COMMAND: the mask by the handler and by who unmasks, and bus mastering. A mask that
 * is undone costs interrupts by the thousand that nobody handles; a line that was let go a moment
 * before its handler looked, one.
 */
TEST_WITHIN(120, the_mask_of_intx_and_bus_mastering_do_not_undo_each_other)
{
	int control = open_control();
	unsigned int before;
	pthread_t threads[2];

	race.registers = edu_window(control);
	/* The line has its file in /proc from its first handler on. */
	race.fd = interrupt(control, edu(), MMIOD_INTERRUPT_INTX, 0, 0);
	before = unhandled(line_of(edu()));
	EXPECT_EQ(pthread_create(&threads[0], NULL, raise_on, NULL), 0);
	EXPECT_EQ(pthread_create(&threads[1], NULL, mask_on, NULL), 0);
	for (int i = 0; i < tap_rounds(300); i++) {
		int buffer =
			try_buffer(control, (struct mmiod_buffer_create){ .kind = MMIOD_BUFFER_DMA,
									  .length = page(),
									  .node = -1,
									  .pci = edu() });

		EXPECT(buffer >= 0);
		EXPECT(pci_command(edu()) & MASTER);
		close(buffer);
		EXPECT(!(pci_command(edu()) & MASTER));
		poke(race.registers, EDU_ACKNOWLEDGE, 1);
	}
	race.over = true;
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	poke(race.registers, EDU_ACKNOWLEDGE, 1);
	EXPECT(unhandled(line_of(edu())) <= before + 100);
}
