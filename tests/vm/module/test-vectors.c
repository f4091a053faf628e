// SPDX-License-Identifier: MIT
/*
 * Vectors of MSI-X, whose table is the device's own memory: which there are, resets while they
 * live, and windows on that table.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "calls.h"
#include "device.h"
#include "nvme.h"

#define MSIX MMIOD_INTERRUPT_MSIX
#define TRUSTED MMIOD_INTERRUPT_TRUSTED
#define MASTER 0x4

TEST(each_vector_has_a_file_of_its_own_and_works_when_it_is_made_again)
{
	int control = open_control(), fds[NVME_QUEUES];
	uint64_t before[NVME_QUEUES];
	struct nvme nvme;

	nvme_open(&nvme, control);
	nvme_open_vectors(&nvme, fds);
	/* What the queues' making is answered by comes as one, or some of it would come later. */
	EXPECT_EQ(mask_interrupt(fds[0], true), 0);
	nvme_start_queues(&nvme);
	EXPECT_EQ(mask_interrupt(fds[0], false), 0);
	EXPECT_EQ(count_from(fds[0], 1), 1);
	for (unsigned int queue = 0; queue < NVME_QUEUES; queue++) {
		for (unsigned int i = 0; i < NVME_QUEUES; i++)
			before[i] = query_interrupt(fds[i]).count;
		nvme_command(&nvme, queue);
		EXPECT_EQ(count_from(fds[queue], before[queue] + 1), before[queue] + 1);
		for (unsigned int i = 0; i < NVME_QUEUES; i++)
			EXPECT_EQ(query_interrupt(fds[i]).count, before[i] + (i == queue));
	}
	close(fds[2]);
	nvme_command(&nvme, 2);
	fds[2] = interrupt(control, nvme_function(), MSIX, 2, TRUSTED);
	before[2] = query_interrupt(fds[2]).count;
	nvme_command(&nvme, 2);
	EXPECT(count_from(fds[2], before[2] + 1));
}

TEST(what_a_masked_vector_makes_comes_at_the_unmask_and_the_others_go_on)
{
	int control = open_control(), fds[NVME_QUEUES];
	uint64_t before, other;
	struct nvme nvme;

	nvme_open(&nvme, control);
	nvme_open_vectors(&nvme, fds);
	nvme_start_queues(&nvme);
	before = query_interrupt(fds[1]).count;
	other = query_interrupt(fds[2]).count;
	EXPECT_EQ(mask_interrupt(fds[1], true), 0);
	for (int i = 0; i < 3; i++)
		nvme_command(&nvme, 1);
	nvme_command(&nvme, 2);
	EXPECT_EQ(count_from(fds[2], other + 1), other + 1);
	EXPECT_EQ(query_interrupt(fds[1]).count, before);
	EXPECT_EQ(mask_interrupt(fds[1], false), 0);
	EXPECT_EQ(count_from(fds[1], before + 1), before + 1);
}

TEST(vectors_are_set_up_with_the_first_interrupt_and_gone_with_the_last)
{
	struct mmiod_interrupt_create create = {
		.kind = MSIX, .vector = 3, .vectors = 8, .flags = TRUSTED
	};
	int control = open_control(), one, two;

	create.device = nvme_function();
	bind_driver(nvme_function(), "mmiod");
	EXPECT_EQ(device_info(control, nvme_function()).msix_vectors, NVME_VECTORS);
	EXPECT_EQ(device_info(control, nvme_function()).vectors, 0);
	one = try_interrupt(control, &create);
	EXPECT(one >= 0);
	EXPECT_EQ(create.vectors, 8);
	EXPECT_EQ(device_info(control, nvme_function()).vectors, 8);
	EXPECT_EQ(device_info(control, nvme_function()).interrupt_kind, MSIX);
	create.vector = 8;
	EXPECT_ERRNO(try_interrupt(control, &create), EINVAL);
	create.vector = 7;
	create.vectors = 0;
	two = try_interrupt(control, &create);
	EXPECT(two >= 0);
	EXPECT_EQ(create.vectors, 8);
	close(one);
	EXPECT_EQ(device_info(control, nvme_function()).vectors, 8);
	close(two);
	for (int i = 0; i < 20000 && device_info(control, nvme_function()).vectors; i++)
		usleep(1000);
	EXPECT_EQ(device_info(control, nvme_function()).vectors, 0);
	EXPECT(!strstr(read_file("/proc/interrupts"), "#7"));
}

TEST(no_device_has_more_vectors_than_the_parameter_allows)
{
	struct mmiod_interrupt_create create = {
		.kind = MSIX, .vector = 4, .vectors = 8, .flags = TRUSTED
	};
	int control = open_control();

	create.device = nvme_function();
	bind_driver(nvme_function(), "mmiod");
	set_parameter("max_vectors", "4");
	EXPECT_ERRNO(try_interrupt(control, &create), EINVAL);
	create.vector = 3;
	create.vectors = 8;
	EXPECT(try_interrupt(control, &create) >= 0);
	EXPECT_EQ(create.vectors, 4);
	set_parameter("max_vectors", "64");
	create.vector = NVME_VECTORS;
	create.vectors = 0;
	EXPECT_ERRNO(try_interrupt(control, &create), EINVAL);
}

/* ---- more of them than processors have ---- */

#define MANY 2048 /* a card has no more; x86 has about 200 a processor for everybody */

/* Descriptors of as many as the machine has left; how many. More are asked for than the card has. */
static unsigned int take_all(int control, uint32_t device, int *fds)
{
	struct mmiod_interrupt_create create = { .device = device, .kind = MSIX, .flags = TRUSTED };
	const uint32_t all = device_info(control, device).msix_vectors;

	EXPECT(all <= MANY);
	for (create.vector = 0; create.vector < all; create.vector++) {
		create.vectors = MANY;
		fds[create.vector] = try_interrupt(control, &create);
		if (fds[create.vector] < 0)
			break;
		EXPECT_EQ(create.vectors, all);
	}
	if (create.vector == all && (long)all < 256 * sysconf(_SC_NPROCESSORS_ONLN))
		tap_skip("this machine has vectors for the whole card");
	EXPECT(create.vector < all);
	EXPECT_EQ(errno, ENOSPC);
	return create.vector;
}

static uint32_t bind_card(void)
{
	const struct rlimit files = { .rlim_cur = 2 * MANY, .rlim_max = 2 * MANY };
	uint32_t device = card();

	EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &files), 0);
	bind_driver(device, "mmiod");
	set_parameter("max_vectors", "2048");
	return device;
}

static void give_all_back(int control, uint32_t device, const int *fds, unsigned int count)
{
	while (count)
		close(fds[--count]);
	for (int i = 0; i < 20000 && device_info(control, device).vectors; i++)
		usleep(1000);
	EXPECT_EQ(device_info(control, device).vectors, 0);
}

TEST_WITHIN(300, vectors_that_run_out_are_refused_and_as_many_are_there_when_all_were_given_back)
{
	static int fds[MANY];
	uint32_t device = bind_card();
	int control = open_control();
	unsigned int count = take_all(control, device, fds);

	EXPECT(count >= 64);
	give_all_back(control, device, fds, count);
	EXPECT_EQ(take_all(control, device, fds), count);
	set_parameter("max_vectors", "64");
	give_all_back(control, device, fds, count);
}

/* Who has a vector keeps it; who has none gets none, and is as before. */
TEST_WITHIN(300, interrupts_of_all_others_go_on_while_there_are_no_vectors_left)
{
	struct mmiod_interrupt_create first = {
		.device = nvme_function(), .kind = MSIX, .vectors = 2, .flags = TRUSTED
	};
	struct mmiod_interrupt_create next = first, message = { .device = edu_behind_port(),
								.kind = MMIOD_INTERRUPT_MSI,
								.flags = TRUSTED };
	int control = open_control(), registers = edu_window(control), line, vector;
	uint32_t device = bind_card(), count;
	static int fds[MANY];
	struct nvme nvme;

	nvme_open(&nvme, control);
	line = interrupt(control, edu(), MMIOD_INTERRUPT_INTX, 0, 0);
	vector = try_interrupt(control, &first);
	EXPECT(vector >= 0);
	count = take_all(control, device, fds);
	set_parameter("max_vectors", "64");
	next.vector = 1;
	EXPECT_ERRNO(try_interrupt(control, &next), ENOSPC);
	EXPECT_ERRNO(try_interrupt(control, &message), ENOSPC);
	EXPECT_EQ(device_info(control, edu_behind_port()).vectors, 0);
	poke(registers, EDU_RAISE, 1);
	EXPECT_EQ(count_from(line, 1), 1);
	poke(registers, EDU_ACKNOWLEDGE, 1);
	nvme_start(&nvme);
	nvme_command(&nvme, 0);
	EXPECT(count_from(vector, 1));
	EXPECT_EQ(trigger(fds[count - 1]), 0);
	EXPECT_EQ(query_interrupt(fds[count - 1]).count, 1);
	give_all_back(control, device, fds, count);
	EXPECT(try_interrupt(control, &next) >= 0);
	EXPECT(try_interrupt(control, &message) >= 0);
}

/* ---- resets ---- */

TEST(a_vector_works_after_a_reset_by_the_same_descriptor)
{
	int control = open_control(), fds[NVME_QUEUES];
	uint64_t before, id;
	struct nvme nvme;

	nvme_open(&nvme, control);
	nvme_open_vectors(&nvme, fds);
	nvme_start_queues(&nvme);
	id = query_interrupt(fds[0]).id;
	EXPECT_EQ(write_file(pci_path(nvme_function()), "reset", "1"), 0);
	EXPECT(happens(control, MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_SUSPENDED, id));
	EXPECT(happens(control, MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_OK, id));
	EXPECT(pci_command(nvme_function()) & MASTER);
	before = query_interrupt(fds[1]).count;
	nvme_start_queues(&nvme);
	nvme_command(&nvme, 1);
	EXPECT(count_from(fds[1], before + 1));
}

static struct storm {
	atomic_bool over;
	int control, fd;
} resets;

static void *mask_all_the_time(void *unused)
{
	(void)unused;
	for (unsigned int i = 0; !resets.over; i++)
		if (mask_interrupt(resets.fd, i & 1))
			FAIL("MASK: %s", strerror(errno));
	return NULL;
}

static void *swap_all_the_time(void *unused)
{
	int events = eventfd(0, EFD_NONBLOCK);

	(void)unused;
	for (unsigned int i = 0; !resets.over; i++) {
		if (set_eventfd(resets.fd, i & 1 ? events : -1))
			FAIL("SET_EVENTFD: %s", strerror(errno));
		if (trigger(resets.fd) && errno != EAGAIN)
			FAIL("TRIGGER: %s", strerror(errno));
	}
	return NULL;
}

/* During a reset no vector is made; the end of one waits for the end of the reset. */
static void *make_all_the_time(void *made)
{
	struct mmiod_interrupt_create create = {
		.device = nvme_function(), .kind = MSIX, .vector = 5, .flags = TRUSTED
	};
	uint64_t id = 0;

	while (!resets.over) {
		int fd = try_interrupt(resets.control, &create);

		if (fd < 0 && errno != EAGAIN && errno != EIO)
			FAIL("INTERRUPT_CREATE: %s", strerror(errno));
		if (fd < 0)
			continue;
		__atomic_add_fetch((unsigned int *)made, 1, __ATOMIC_RELAXED);
		id = create.id;
		if (id % 2 && set_state(resets.control, id, MMIOD_WINDOW_REVOKED))
			FAIL("REVOKED: %s", strerror(errno));
		close(fd);
	}
	return NULL;
}

enum { WAYS = 3 };

/* All of the above at once, from now on; how many vectors were made by the end is in *@made. */
static void begin_storm(pthread_t *threads, unsigned int *made)
{
	static void *(*const ways[WAYS])(void *) = { mask_all_the_time, swap_all_the_time,
						     make_all_the_time };
	struct mmiod_interrupt_create create = {
		.device = nvme_function(), .kind = MSIX, .flags = TRUSTED, .vectors = 8
	};

	*made = 0;
	allow_handlers_all_time();
	resets.fd = try_interrupt(resets.control, &create);
	EXPECT(resets.fd >= 0);
	for (int i = 0; i < WAYS; i++)
		EXPECT_EQ(pthread_create(&threads[i], NULL, ways[i], made), 0);
}

static void end_storm(const pthread_t *threads)
{
	resets.over = true;
	for (int i = 0; i < WAYS; i++)
		pthread_join(threads[i], NULL);
}

TEST_WITHIN(300, resets_while_vectors_are_masked_made_and_revoked_leave_all_that_works)
{
	pthread_t threads[WAYS];
	unsigned int made;
	uint64_t before;
	struct nvme nvme;

	resets.control = open_control();
	nvme_open(&nvme, resets.control);
	begin_storm(threads, &made);
	for (int i = 0; i < tap_rounds(20) || !__atomic_load_n(&made, __ATOMIC_RELAXED); i++)
		EXPECT_EQ(write_file(pci_path(nvme_function()), "reset", "1"), 0);
	end_storm(threads);
	EXPECT_EQ(mask_interrupt(resets.fd, false), 0);
	before = query_interrupt(resets.fd).count;
	nvme_start(&nvme);
	nvme_command(&nvme, 0);
	EXPECT(count_from(resets.fd, before + 1));
}

/* What the kernel masks vectors by, up to 6.1 and later. */
static const char *const masks[] = { "pci_msi_mask_irq", "pci_msi_unmask_irq", "pci_irq_mask_msix",
				     "pci_irq_unmask_msix" };
enum { MASKS = sizeof(masks) / sizeof(*masks) };

static struct calls masks_so_far(const int *counters)
{
	struct calls all = { 0 };

	for (int i = 0; i < MASKS; i++) {
		struct calls calls = { 0 };

		if (counters[i] >= 0)
			calls = calls_of(counters[i]);
		all.calls += calls.calls;
		all.hidden += calls.hidden;
	}
	return all;
}

static void visit_d3hot(int fd)
{
	static const uint32_t states[] = { MMIOD_POWER_D3HOT, MMIOD_POWER_D0 };

	for (int i = 0; i < 2; i++) {
		struct mmiod_device_power arg = { .size = sizeof(arg), .state = states[i] };
		int ret;

		while ((ret = ioctl(fd, MMIOD_IOC_DEVICE_SET_POWER, &arg)) && errno == EAGAIN)
			usleep(1000);
		EXPECT_EQ(ret, 0);
	}
}

/* Their masks are memory of the device's. Between two resets there is time for some that count. */
TEST_WITHIN(300, no_vector_is_masked_or_unmasked_while_its_device_does_not_decode_or_sleeps)
{
	const uint32_t device = nvme();
	int operator, counters[MASKS];
	pthread_t threads[WAYS];
	struct calls before, now;
	unsigned int made;

	resets.control = open_control();
	operator= operate(resets.control, device,
			  MMIOD_OPERATE_POWER | MMIOD_OPERATE_RESET | MMIOD_OPERATE_RESET_OTHERS, 0,
			  1);
	for (int i = 0; i < MASKS; i++)
		counters[i] = count_calls_of_messages(masks[i], device);
	before = masks_so_far(counters);
	begin_storm(threads, &made);
	for (int i = 0; i < tap_rounds(60) || !__atomic_load_n(&made, __ATOMIC_RELAXED); i++) {
		EXPECT_EQ(reset_now(operator, NULL), 0);
		visit_d3hot(operator);
		do
			now = masks_so_far(counters);
		while (now.calls < before.calls + 10);
		before = now;
	}
	end_storm(threads);
	EXPECT_EQ(masks_so_far(counters).hidden, 0);
}

/* ---- windows on the table ---- */

static void need_no_iommu(void)
{
	if (has_iommu())
		tap_skip("this machine has an IOMMU");
}

TEST(no_window_is_made_on_the_table_of_vectors_that_are_set_up)
{
	struct mmiod_device_info info;
	int control = open_control(), fd;
	uint64_t id, conflict;

	need_no_iommu();
	bind_driver(nvme_function(), "mmiod");
	info = device_info(control, nvme_function());
	EXPECT_EQ(info.msix_bar, 0);
	EXPECT_EQ(info.msix_offset, NVME_TABLE);
	EXPECT_EQ(info.msix_length, NVME_VECTORS * 16);
	EXPECT_EQ(info.pba_length, 16);
	fd = interrupt(control, nvme_function(), MSIX, 0, TRUSTED);
	id = query_interrupt(fd).id;
	EXPECT_ERRNO(nvme_window(control, 0, 0x4000, 0, &conflict), EBUSY);
	EXPECT_EQ(conflict, id);
	EXPECT_ERRNO(nvme_window(control, NVME_TABLE, page(), MMIOD_WINDOW_READONLY, NULL), EBUSY);
	EXPECT_ERRNO(nvme_window(control, NVME_TABLE + 16, 16, 0, NULL), EBUSY);
	EXPECT_ERRNO(nvme_window(control, info.pba_offset, 8, 0, NULL), EBUSY);
	close(nvme_window(control, 0, NVME_TABLE, 0, NULL));
	close(nvme_window(control, info.pba_offset, 8, MMIOD_WINDOW_READONLY, NULL));
	close(fd);
	for (int i = 0; i < 20000 && device_info(control, nvme_function()).vectors; i++)
		usleep(1000);
	EXPECT(nvme_window(control, 0, 0x4000, 0, NULL) >= 0);
}

/* A window of the first page and of another one of the controller's registers. */
static int scattered(int control, uint64_t second, uint64_t *conflict)
{
	const struct mmiod_window_extent list[] = { { .offset = 0, .length = page() },
						    { .offset = second, .length = page() } };
	int any = nvme_window(control, 0, page(), 0, NULL);
	struct mmiod_window_create create = { .region_id = window_info(control, any).region_id,
					      .length = 2 * page(),
					      .attr = MMIOD_ATTR_UC,
					      .nr_extents = 2,
					      .extents = (uintptr_t)list };
	int fd = try_window(control, &create), saved = errno;

	close(any);
	*conflict = create.conflict_id;
	errno = saved;
	return fd;
}

TEST(no_extent_of_a_window_lies_on_the_table_of_vectors_that_are_set_up)
{
	struct mmiod_interrupt_create create = { .kind = MSIX, .flags = TRUSTED };
	int control = open_control(), fd, window;
	uint64_t conflict;

	need_no_iommu();
	bind_driver(nvme_function(), "mmiod");
	create.device = nvme_function();
	window = scattered(control, NVME_TABLE, &conflict);
	EXPECT(window >= 0);
	EXPECT_ERRNO(try_interrupt(control, &create), EBUSY);
	EXPECT_EQ(create.conflict_id, window_id(window));
	close(window);
	fd = try_interrupt(control, &create);
	EXPECT(fd >= 0);
	EXPECT_ERRNO(scattered(control, NVME_TABLE, &conflict), EBUSY);
	EXPECT_EQ(conflict, query_interrupt(fd).id);
	EXPECT(scattered(control, page(), &conflict) >= 0);
}

TEST(no_vectors_are_set_up_while_a_window_lies_on_their_table)
{
	struct mmiod_interrupt_create create = { .kind = MSIX, .flags = TRUSTED };
	int control = open_control(), fd;

	need_no_iommu();
	create.device = nvme_function();
	bind_driver(nvme_function(), "mmiod");
	fd = nvme_window(control, 0, 0x4000, 0, NULL);
	EXPECT(fd >= 0);
	EXPECT_ERRNO(try_interrupt(control, &create), EBUSY);
	EXPECT_EQ(create.conflict_id, window_id(fd));
	close(fd);
	EXPECT(try_interrupt(control, &create) >= 0);
}

/* There it is no write of four bytes to anywhere. */
TEST(where_an_iommu_isolates_messages_windows_may_lie_on_their_table)
{
	struct mmiod_interrupt_create create = { .kind = MSIX, .flags = TRUSTED };
	int control = open_control(), before, after;

	if (!has_iommu())
		tap_skip("this machine has no IOMMU");
	create.device = nvme_function();
	bind_driver(nvme_function(), "mmiod");
	if (!(device_info(control, nvme_function()).flags & MMIOD_FUNCTION_MSI_ISOLATED))
		tap_skip("this machine's IOMMU does not isolate messages");
	before = nvme_window(control, 0, 0x4000, 0, NULL);
	EXPECT(before >= 0);
	EXPECT(try_interrupt(control, &create) >= 0);
	after = nvme_window(control, NVME_TABLE, page(), 0, NULL);
	EXPECT(after >= 0);
}
