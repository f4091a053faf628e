// SPDX-License-Identifier: MIT
/*
 * Interrupts that come too often, or whose watchers take too long: they are silenced, whoever made
 * them and whoever watches, and can be had again after a while.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "nvme.h"
#include "ring.h"

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

	allow_handlers_all_time();
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

/* ---- the time that all together take, which no vector takes alone ---- */

/* What somebody watches so often that a run of its handler takes milliseconds. */
struct load {
	int fd, epoll;
	uint64_t id, busy; /* ns, when it was last looked at */
	struct nvme *nvme; /* NULL: edu */
	unsigned int which; /* the queue of nvme's, the registers of edu's */
};

/* Watches by so many descriptors more. */
static void watch(int epoll, int fd, unsigned int times)
{
	while (times--) {
		struct epoll_event event = { .events = EPOLLIN };
		int another = dup(fd);

		EXPECT(another >= 0);
		EXPECT_EQ(epoll_ctl(epoll, EPOLL_CTL_ADD, another, &event), 0);
	}
}

static void allow_descriptors(rlim_t count)
{
	const struct rlimit limit = { count, count };

	EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static uint64_t time_taken(int control, struct load *load)
{
	uint64_t before = load->busy;

	load->busy = interrupt_info(control, load->id).busy_ns;
	return load->busy - before;
}

static void fire(struct load *load)
{
	uint64_t count = query_interrupt(load->fd).count;

	if (load->nvme)
		nvme_command(load->nvme, load->which);
	else
		poke(load->which, EDU_RAISE, 1);
	count_from(load->fd, count + 1);
}

/* Of 100 ms, by jiffies, which may be one late. */
static void wait_for_next_period(void)
{
	usleep(120000);
}

/*
 * That of one run, whose end is when its time is counted; and a storm seen. The first one of a
 * vector in a period is sure to be counted by itself: the caller has waited for the next one.
 */
static uint64_t time_of_a_run(int control, struct load *load)
{
	uint64_t taken;

	time_taken(control, load);
	fire(load);
	while (!(taken = time_taken(control, load)))
		usleep(1000);
	return taken;
}

/* In ns. Of limits in whole milliseconds there is one between it and its double. */
#define LONG_RUN 4000000

static void make_heavy(int control, struct load *load)
{
	load->id = query_interrupt(load->fd).id;
	load->epoll = epoll_create1(EPOLL_CLOEXEC);
	do {
		watch(load->epoll, load->fd, 500);
		wait_for_next_period();
	} while (time_of_a_run(control, load) < LONG_RUN);
}

static void set_milliseconds(const char *parameter, uint64_t ns)
{
	char text[16];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)(ns / 1000000));
	set_parameter(parameter, text);
}

/*
 * Fires each once within a period, as far as the machine lets, until one is silenced; *@longest is
 * what the run took that took most.
 */
static bool are_too_much(int control, struct load *loads, unsigned int count, uint64_t *longest)
{
	bool storm = false;

	*longest = 0;
	wait_for_next_period();
	for (unsigned int i = 0; i < count && !storm; i++) {
		uint64_t taken = time_of_a_run(control, &loads[i]);

		*longest = taken > *longest ? taken : *longest;
		for (unsigned int k = 0; k <= i; k++)
			storm |= query_interrupt(loads[k].fd).flags & STORM;
	}
	for (unsigned int i = 0; i < count; i++)
		unmask_in_time(loads[i].fd);
	return storm;
}

/*
 * With a limit that none has reached by itself. As runs take now longer and now shorter, each round
 * says what the limit of the next is; the first one is not reached. Where others want the processor
 * few rounds are within one period, and their runs take ten times as long as those of the last.
 */
static void expect_too_much(int control, struct load *loads, unsigned int count,
			    const char *parameter)
{
	uint64_t limit = 1000000000, longest;

	for (int i = 0; i < 400; i++) {
		set_milliseconds(parameter, limit);
		if (are_too_much(control, loads, count, &longest) && longest < limit)
			return;
		limit = longest * 4 / 3 / 1000000 * 1000000;
	}
	FAIL("%u vectors take as long as they like together", count);
}

TEST_WITHIN(300, vectors_that_together_take_more_than_their_devices_time_are_a_storm)
{
	struct load loads[NVME_QUEUES];
	int control = open_control(), fds[NVME_QUEUES];
	struct nvme nvme;

	allow_descriptors(100000);
	nvme_open(&nvme, control);
	nvme_open_vectors(&nvme, fds);
	nvme_start_queues(&nvme);
	for (unsigned int i = 0; i < NVME_QUEUES; i++) {
		loads[i] = (struct load){ .fd = fds[i], .nvme = &nvme, .which = i };
		make_heavy(control, &loads[i]);
	}
	expect_too_much(control, loads, NVME_QUEUES, "device_time");
	EXPECT(pci_command(nvme_function()) & MASTER);
	set_parameter("device_time", "10");
	set_parameter("total_time", "20");
}

TEST_WITHIN(300, devices_that_together_take_more_than_the_time_of_all_are_a_storm)
{
	struct mmiod_interrupt_create create = { .kind = MSIX, .flags = TRUSTED, .vectors = 1 };
	int control = open_control();
	struct load loads[2] = { { .which = edu_window(control) } };
	struct nvme nvme;

	allow_descriptors(100000);
	nvme_open(&nvme, control);
	create.device = nvme_function();
	loads[0].fd = with_budget(control, NO_ENGINE, 0);
	loads[1].fd = try_interrupt(control, &create);
	loads[1].nvme = &nvme;
	EXPECT(loads[1].fd >= 0);
	nvme_start(&nvme);
	make_heavy(control, &loads[0]);
	make_heavy(control, &loads[1]);
	expect_too_much(control, loads, 2, "total_time");
	set_parameter("device_time", "10");
	set_parameter("total_time", "20");
}

/* ---- a crowd of watchers ---- */

enum { CROWD = 50000, STORMS = 3 };

/* Of another user, who only computes, on the processor that takes the interrupts. */
static volatile uint64_t *spins;

static void run_on(int processor)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(processor, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static pid_t begin_spinning(void)
{
	pid_t child;

	spins = mmap(NULL, page(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	EXPECT(spins != MAP_FAILED);
	child = fork();
	if (child)
		return child;
	close_range(3, ~0U, 0);
	run_on(1);
	EXPECT_EQ(setuid(1000), 0);
	for (;;)
		(*spins)++;
}

/* Every interrupt of the device that has a handler; one processor alone has no other. */
static void send_interrupts_to(int processor)
{
	char directory[32], text[8], *line;

	line = strstr((char *)read_file("/proc/interrupts"), "mmiod:");
	EXPECT(line);
	while (line[-1] != '\n')
		line--;
	snprintf(directory, sizeof(directory), "/proc/irq/%d", atoi(line));
	snprintf(text, sizeof(text), "%d", processor);
	write_file(directory, "smp_affinity_list", text);
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ull + time.tv_nsec;
}

/* So that each of them is woken anew; nobody else has read it. */
static void see(int epoll, int fd)
{
	static struct epoll_event events[CROWD];
	uint64_t value;

	EXPECT(read(fd, &value, sizeof(value)) == sizeof(value) || errno == EAGAIN);
	while (epoll_wait(epoll, events, CROWD, 0) == CROWD)
		;
}

/*
 * Interrupts as often as they are seen, until so many storms. A run that alone took the device's time
 * is a storm at once, by the module's own clock, whoever has the processors meanwhile; and a storm
 * less than a second after the last one silences the vector for 200 ms at least, but for two jiffies.
 */
static void interrupt_a_crowd(int control, int registers, int fd, int epoll, int watched)
{
	struct load load = { .fd = fd, .id = query_interrupt(fd).id, .which = registers };
	uint64_t begin, last = 0;

	for (int storms = 0; storms < STORMS; storms += last == begin) {
		bool in_a_row;
		uint64_t taken;

		wait_for_next_period();
		begin = now();
		taken = time_of_a_run(control, &load);
		in_a_row = last && now() - last < 1000000000;
		if (query_interrupt(fd).flags & STORM)
			last = begin;
		EXPECT(taken <= 10000000 || last == begin);
		unmask_in_time(fd);
		EXPECT(last != begin || !in_a_row || now() - begin >= 180000000);
		see(epoll, watched);
	}
}

/* Of a second; for comparison. */
static double spins_alone(void)
{
	uint64_t begin = now(), before = *spins;

	usleep(1000000);
	return (*spins - before) * 1e9 / (now() - begin);
}

/* How much the other user had there depends on what else the machine does, and is only said. */
static void expect_time_for_others(int control, int registers, int fd, int watched)
{
	uint64_t begin, id = query_interrupt(fd).id, busy, before, taken;
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	pid_t child = begin_spinning();
	double alone;

	watch(epoll, watched, CROWD);
	send_interrupts_to(1);
	alone = spins_alone();
	busy = interrupt_info(control, id).busy_ns;
	before = *spins;
	begin = now();
	interrupt_a_crowd(control, registers, fd, epoll, watched);
	taken = now() - begin;
	busy = interrupt_info(control, id).busy_ns - busy;
	printf("# %d watchers: handlers took %.1f %% of the time, and left another user %.0f %%\n",
	       CROWD, 100. * busy / taken, 100e9 * (*spins - before) / taken / alone);
	kill(child, SIGKILL);
	EXPECT_EQ(waitpid(child, NULL, 0), child);
	close(epoll);
}

TEST_WITHIN(300, fifty_thousand_who_watch_an_interrupt_leave_others_their_time)
{
	int control = open_control(), registers = edu_window(control);
	int fd = with_budget(control, NO_ENGINE, 1000000);

	allow_descriptors(CROWD + 1000);
	EXPECT_EQ(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	run_on(0);
	set_parameter("device_time", "10");
	expect_time_for_others(control, registers, fd, fd);
	set_parameter("total_time", "20");
}

TEST_WITHIN(300, fifty_thousand_who_watch_an_interrupts_eventfd_leave_others_their_time)
{
	int control = open_control(), registers = edu_window(control);
	int fd = with_budget(control, NO_ENGINE, 1000000), events = eventfd(0, EFD_NONBLOCK);

	allow_descriptors(CROWD + 1000);
	EXPECT_EQ(set_eventfd(fd, events), 0);
	run_on(0);
	set_parameter("device_time", "10");
	expect_time_for_others(control, registers, fd, events);
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

/* Each is told of an interrupt that came after it was set, while the ring, too, refers to it. */
TEST_WITHIN(300, a_ring_that_polls_an_eventfd_hears_of_interrupts_however_often_it_is_swapped)
{
	int control = open_control();
	pthread_t threads[2];
	struct ring ring;

	ring_open(&ring);
	race.registers = edu_window(control);
	race.fd = with_budget(control, NO_ENGINE, UINT32_MAX);
	EXPECT_EQ(pthread_create(&threads[0], NULL, raise_now_and_then, NULL), 0);
	EXPECT_EQ(pthread_create(&threads[1], NULL, trigger_on, NULL), 0);
	for (int i = 0; i < tap_rounds(4000); i++) {
		int events = eventfd(0, EFD_CLOEXEC);

		ring_poll(&ring, events);
		EXPECT_EQ(set_eventfd(race.fd, events), 0);
		if (i % 2)
			close(events);
		EXPECT_EQ(ring_wait(&ring), POLLIN);
		if (i % 3 == 0)
			EXPECT_EQ(set_eventfd(race.fd, -1), 0);
		if (!(i % 2))
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
