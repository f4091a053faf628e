// SPDX-License-Identifier: MIT
/*
 * Interrupts of edu, INTx and MSI: what their file answers, who may have one, when they are masked,
 * and what becomes of them when they are revoked or the device goes. Its only MSI has no mask bit.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "interrupts.h"

#define INTX MMIOD_INTERRUPT_INTX
#define MSI MMIOD_INTERRUPT_MSI
#define MSIX MMIOD_INTERRUPT_MSIX
#define NO_ENGINE MMIOD_INTERRUPT_NO_ENGINE
#define TRUSTED MMIOD_INTERRUPT_TRUSTED
#define ONESHOT MMIOD_INTERRUPT_ONESHOT
#define MASTER 0x4
#define INTX_OFF 0x400

static uint64_t read_8(int fd)
{
	uint64_t value;

	EXPECT_EQ(read(fd, &value, sizeof(value)), sizeof(value));
	return value;
}

static uint32_t read_4(int fd)
{
	uint32_t value;

	EXPECT_EQ(read(fd, &value, sizeof(value)), sizeof(value));
	return value;
}

static void set_nonblocking(int fd)
{
	EXPECT_EQ(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
}

static void write_4(int fd, uint32_t value)
{
	EXPECT_EQ(write(fd, &value, sizeof(value)), sizeof(value));
}

/* ---- INTx ---- */

TEST(an_intx_that_nobody_acknowledges_is_one_interrupt_and_one_more_at_each_unmask)
{
	int control = open_control(), registers = edu_window(control);
	int fd = interrupt(control, edu(), INTX, 0, 0);

	EXPECT(!(pci_command(edu()) & INTX_OFF));
	poke(registers, EDU_RAISE, 1);
	EXPECT_EQ(count_from(fd, 1), 1);
	usleep(200000);
	EXPECT_EQ(query_interrupt(fd).count, 1);
	EXPECT(query_interrupt(fd).flags & MMIOD_INTERRUPT_MASKED);
	EXPECT(pci_command(edu()) & INTX_OFF);
	EXPECT_EQ(mask_interrupt(fd, false), 0);
	EXPECT_EQ(query_interrupt(fd).count, 2);
	usleep(200000);
	EXPECT_EQ(query_interrupt(fd).count, 2);
	EXPECT(query_interrupt(fd).flags & MMIOD_INTERRUPT_MASKED);
	EXPECT(!(query_interrupt(fd).flags & MMIOD_INTERRUPT_STORM));
	poke(registers, EDU_ACKNOWLEDGE, 1);
	EXPECT_EQ(mask_interrupt(fd, false), 0);
	EXPECT_EQ(query_interrupt(fd).count, 2);
	EXPECT(!(pci_command(edu()) & INTX_OFF));
	close(fd);
	usleep(100000);
	EXPECT(pci_command(edu()) & INTX_OFF);
}

TEST(interrupts_that_are_acknowledged_and_unmasked_in_turn_are_all_counted)
{
	int control = open_control(), registers = edu_window(control);
	int fd = interrupt(control, edu(), INTX, 0, 0);

	for (uint32_t i = 1; i <= 1000; i++) {
		poke(registers, EDU_RAISE, 1);
		EXPECT_EQ(read_4(fd), i);
		poke(registers, EDU_ACKNOWLEDGE, 1);
		write_4(fd, 1);
	}
	EXPECT_EQ(query_interrupt(fd).count, 1000);
}

TEST(an_interrupt_that_starts_masked_comes_at_the_unmask)
{
	int control = open_control(), registers = edu_window(control);
	int fd = interrupt(control, edu(), INTX, 0, MMIOD_INTERRUPT_MASKED);

	EXPECT(pci_command(edu()) & INTX_OFF);
	poke(registers, EDU_RAISE, 1);
	usleep(100000);
	EXPECT_EQ(query_interrupt(fd).count, 0);
	EXPECT_EQ(mask_interrupt(fd, false), 0);
	EXPECT_EQ(query_interrupt(fd).count, 1);
	poke(registers, EDU_ACKNOWLEDGE, 1);
}

TEST(masking_a_thousand_times_leaves_a_line_that_works)
{
	int control = open_control(), registers = edu_window(control);
	int fd = interrupt(control, edu(), INTX, 0, MMIOD_INTERRUPT_MASKED);

	for (int i = 0; i < 1000; i++) {
		EXPECT_EQ(mask_interrupt(fd, i % 3), 0);
		EXPECT_EQ(mask_interrupt(fd, i % 2), 0);
	}
	EXPECT_EQ(mask_interrupt(fd, false), 0);
	poke(registers, EDU_RAISE, 1);
	EXPECT_EQ(count_from(fd, 1), 1);
	poke(registers, EDU_ACKNOWLEDGE, 1);
}

#define NEIGHBOUR MMIOD_PCI_ADDR(0, 0, 8, 0)

/* The neighbour's handler says of edu's interrupts that they are none of its own. */
TEST(a_neighbour_on_the_line_is_neither_counted_nor_disturbed)
{
	int control = open_control(), registers = edu_window(control), fd, other;
	unsigned int line = line_of(edu()), before;

	if (access(pci_path(NEIGHBOUR), F_OK))
		tap_skip("there is no second edu");
	bind_driver(NEIGHBOUR, "mmiod");
	EXPECT_EQ(line_of(NEIGHBOUR), line);
	other = interrupt(control, NEIGHBOUR, INTX, 0, 0);
	fd = interrupt(control, edu(), INTX, 0, 0);
	before = unhandled(line);
	for (int i = 1; i <= 100; i++) {
		poke(registers, EDU_RAISE, 1);
		EXPECT_EQ(read_4(fd), i);
		poke(registers, EDU_ACKNOWLEDGE, 1);
		write_4(fd, 1);
	}
	EXPECT_EQ(query_interrupt(other).count, 0);
	EXPECT_EQ(unhandled(line), before);
	close(other);
	bind_driver(NEIGHBOUR, "");
}

/* The end of MSI switches INTx on, in the PCI core. */
TEST(a_device_whose_last_interrupt_has_gone_cannot_disturb_its_line)
{
	int control = open_control(), registers = edu_window(control), other;
	unsigned int line = line_of(edu()), before;

	if (access(pci_path(NEIGHBOUR), F_OK))
		tap_skip("there is no second edu");
	bind_driver(NEIGHBOUR, "mmiod");
	other = interrupt(control, NEIGHBOUR, INTX, 0, 0);
	close(interrupt(control, edu(), MSI, 0, NO_ENGINE));
	for (int i = 0; i < 5000 && device_info(control, edu()).vectors; i++)
		usleep(1000);
	EXPECT_EQ(device_info(control, edu()).vectors, 0);
	EXPECT(pci_command(edu()) & INTX_OFF);
	before = unhandled(line);
	poke(registers, EDU_RAISE, 1);
	usleep(200000);
	EXPECT_EQ(unhandled(line), before);
	EXPECT_EQ(query_interrupt(other).count, 0);
	poke(registers, EDU_ACKNOWLEDGE, 1);
	close(other);
	bind_driver(NEIGHBOUR, "");
}

TEST(a_line_that_cannot_be_switched_off_works_alone)
{
	const uint32_t loser = MMIOD_PCI_ADDR(0, 2, 0, 0);
	struct mmiod_region_claim claim = { .size = sizeof(claim),
					    .kind = MMIOD_REGION_PCI,
					    .pci = loser,
					    .width = 4,
					    .name = "stuck" };
	struct mmiod_window_create create = { .length = page(), .attr = MMIOD_ATTR_UC };
	int control = open_control(), fd, registers;

	if (access(pci_path(loser), F_OK))
		tap_skip("there is no port with two functions");
	if (write_file("/sys/module/mmiod/parameters", "stuck_intx", "Y"))
		tap_skip("the module was built without faults to inject");
	bind_driver(loser + 1, "");
	bind_driver(loser, "mmiod");
	set_parameter("stuck_intx", "N");
	EXPECT(device_info(control, loser).flags & MMIOD_FUNCTION_INTX_EXCLUSIVE);
	EXPECT_EQ(ioctl(control, MMIOD_IOC_REGION_CLAIM, &claim), 0);
	create.region_id = claim.region_id;
	registers = try_window(control, &create);
	fd = interrupt(control, loser, INTX, 0, 0);
	for (int i = 1; i <= 100; i++) {
		poke(registers, EDU_RAISE, 1);
		EXPECT_EQ(read_4(fd), i);
		usleep(1000);
		EXPECT_EQ(query_interrupt(fd).count, i);
		poke(registers, EDU_ACKNOWLEDGE, 1);
		write_4(fd, 1);
	}
	close(fd);
	bind_driver(loser, "");
}

/* ---- what the file answers ---- */

TEST(a_read_of_8_bytes_or_more_is_an_eventfds_and_one_of_4_is_uios)
{
	int control = open_control(), fd = interrupt(control, edu(), INTX, 0, 0);
	uint8_t buffer[1024];
	uint64_t value;

	for (int i = 0; i < 3; i++)
		EXPECT_EQ(trigger(fd), 0);
	EXPECT_EQ(read_8(fd), 3);
	EXPECT_EQ(trigger(fd), 0);
	EXPECT_EQ(read(fd, buffer, sizeof(buffer)), 8);
	memcpy(&value, buffer, sizeof(value));
	EXPECT_EQ(value, 1);
	EXPECT_EQ(trigger(fd), 0);
	EXPECT_EQ(read_4(fd), 5);
	set_nonblocking(fd);
	EXPECT_ERRNO(read(fd, &value, 8), EAGAIN);
	EXPECT_ERRNO(read(fd, &value, 4), EAGAIN);
}

TEST(reads_and_writes_of_other_sizes_and_other_numbers_are_refused)
{
	int control = open_control(), fd = interrupt(control, edu(), INTX, 0, 0);
	struct mmiod_interrupt_mask mask = { .size = sizeof(mask), .on = 2 };
	struct mmiod_interrupt_trigger kick = { .size = sizeof(kick), .reserved = 1 };
	static const size_t sizes[] = { 0, 1, 2, 3, 5, 6, 7 };
	void *nowhere = mmap(NULL, page(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t value = 2;

	EXPECT_EQ(trigger(fd), 0);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		EXPECT_ERRNO(read(fd, &value, sizes[i]), EINVAL);
		EXPECT_ERRNO(write(fd, &value, sizes[i]), EINVAL);
	}
	EXPECT_ERRNO(write(fd, &value, 8), EINVAL);
	value = 2;
	EXPECT_ERRNO(write(fd, &value, 4), EINVAL);
	EXPECT_ERRNO(read(fd, nowhere, 8), EFAULT);
	EXPECT_ERRNO(write(fd, nowhere, 4), EFAULT);
	EXPECT_ERRNO(ioctl(fd, MMIOD_IOC_INTERRUPT_MASK, &mask), EINVAL);
	EXPECT_ERRNO(ioctl(fd, MMIOD_IOC_INTERRUPT_TRIGGER, &kick), EINVAL);
	EXPECT_ERRNO(set_eventfd(fd, 1000), EBADF);
	EXPECT_ERRNO(set_eventfd(fd, control), EINVAL);
	EXPECT_ERRNO(set_eventfd(fd, -2), EBADF);
}

TEST(an_interrupt_file_can_neither_be_mapped_nor_sought_in_and_has_no_size)
{
	int control = open_control(), fd = interrupt(control, edu(), INTX, 0, 0);
	struct mmiod_window_query query = { .size = sizeof(query) };
	struct mmiod_control_info info = { .size = sizeof(info) };
	struct stat stat;
	uint64_t value;

	EXPECT_EQ(fstat(fd, &stat), 0);
	EXPECT(S_ISREG(stat.st_mode));
	EXPECT_EQ(stat.st_size, 0);
	EXPECT_ERRNO(lseek(fd, 0, SEEK_SET), ESPIPE);
	EXPECT_ERRNO(pread(fd, &value, sizeof(value), 0), ESPIPE);
	EXPECT_ERRNO((long)mmap(NULL, page(), PROT_READ, MAP_SHARED, fd, 0), ENODEV);
	EXPECT_EQ(ftruncate(fd, 4096), 0);
	EXPECT_EQ(fstat(fd, &stat), 0);
	EXPECT_EQ(stat.st_size, 0);
	EXPECT_ERRNO(fchmod(fd, 0600), EPERM);
	EXPECT_ERRNO(ioctl(fd, MMIOD_IOC_QUERY, &query), ENOTTY);
	EXPECT_ERRNO(ioctl(fd, MMIOD_IOC_INFO, &info), ENOTTY);
	EXPECT(strstr(read_file("/proc/interrupts"), "mmiod:0000:00:04.0#0"));
}

TEST(poll_says_what_there_is_to_read_and_nothing_else)
{
	int control = open_control(), fd = interrupt(control, edu(), INTX, 0, 0);

	EXPECT_EQ(poll_now(fd), 0);
	EXPECT_EQ(trigger(fd), 0);
	EXPECT_EQ(poll_now(fd), POLLIN);
	EXPECT_EQ(read_8(fd), 1);
	EXPECT_EQ(poll_now(fd), 0);
}

TEST(an_eventfd_hears_of_each_interrupt_until_it_is_taken_away)
{
	int control = open_control(), registers = edu_window(control);
	int fd = interrupt(control, edu(), INTX, 0, 0), events = eventfd(0, 0), others[2];

	EXPECT_EQ(set_eventfd(fd, events), 0);
	EXPECT(query_interrupt(fd).flags & MMIOD_INTERRUPT_EVENTFD);
	poke(registers, EDU_RAISE, 1);
	EXPECT_EQ(read_8(events), 1);
	EXPECT_EQ(read_8(fd), 1);
	poke(registers, EDU_ACKNOWLEDGE, 1);
	EXPECT_EQ(trigger(fd), 0);
	EXPECT_EQ(trigger(fd), 0);
	EXPECT_EQ(read_8(events), 2);
	EXPECT_EQ(set_eventfd(fd, -1), 0);
	EXPECT(!(query_interrupt(fd).flags & MMIOD_INTERRUPT_EVENTFD));
	EXPECT_EQ(trigger(fd), 0);
	set_nonblocking(events);
	EXPECT_ERRNO(read(events, others, 8), EAGAIN);
	EXPECT_EQ(set_eventfd(fd, events), 0);
	close(events);
	EXPECT_EQ(trigger(fd), 0);
	EXPECT_EQ(query_interrupt(fd).count, 5);
}

/* ---- who may have one ---- */

static int try_kind(int control, uint32_t device, uint32_t kind, uint32_t vector, uint32_t flags)
{
	struct mmiod_interrupt_create create = {
		.device = device, .kind = kind, .vector = vector, .flags = flags
	};

	return try_interrupt(control, &create);
}

TEST(interrupts_that_a_device_does_not_have_are_refused)
{
	int control = open_control();
	struct mmiod_interrupt_create create = { .device = edu(), .kind = INTX };

	region(control, "edu");
	region(control, "testdev");
	EXPECT_ERRNO(try_kind(control, edu(), 0, 0, 0), EINVAL);
	EXPECT_ERRNO(try_kind(control, edu(), 4, 0, 0), EINVAL);
	EXPECT_ERRNO(try_kind(control, edu(), INTX, 1, 0), EINVAL);
	EXPECT_ERRNO(try_kind(control, edu(), INTX, 0, TRUSTED), EINVAL);
	EXPECT_ERRNO(try_kind(control, edu(), INTX, 0, NO_ENGINE), EINVAL);
	EXPECT_ERRNO(try_kind(control, edu(), INTX, 0, 1u << 31), EINVAL);
	EXPECT_ERRNO(try_kind(control, edu(), INTX, 0, MMIOD_INTERRUPT_STORM), EINVAL);
	EXPECT_ERRNO(try_kind(control, edu(), MSI, 1, TRUSTED), EINVAL);
	EXPECT_ERRNO(try_kind(control, edu(), MSI, UINT32_MAX, TRUSTED), EINVAL);
	EXPECT_ERRNO(try_kind(control, edu(), MSIX, 0, TRUSTED), ENODEV);
	EXPECT_ERRNO(try_kind(control, find_pci(0x1b36, 0x0005), INTX, 0, 0), ENODEV);
	EXPECT_ERRNO(try_kind(control, MMIOD_PCI_ADDR(0, 0, 0x1f, 0), INTX, 0, 0), ENODEV);
	create.device |= 1ull << 40;
	EXPECT_ERRNO(try_interrupt(control, &create), ENODEV);
	create.device = edu();
	create.reserved = 1;
	EXPECT_ERRNO(try_interrupt(control, &create), EINVAL);
	EXPECT_EQ(device_info(control, edu()).vectors, 0);
}

TEST(a_vector_has_one_file_and_a_device_interrupts_of_one_kind)
{
	int control = open_control(), fd = interrupt(control, edu(), INTX, 0, 0);
	struct mmiod_interrupt_create create = { .device = edu(), .kind = INTX };
	uint64_t id = query_interrupt(fd).id;

	EXPECT_ERRNO(try_interrupt(control, &create), EBUSY);
	EXPECT_EQ(create.conflict_id, id);
	create.kind = MSI;
	create.flags = TRUSTED;
	EXPECT_ERRNO(try_interrupt(control, &create), EBUSY);
	EXPECT_EQ(create.conflict_id, id);
	close(fd);
	EXPECT(happens(control, MMIOD_CONTROL_WINDOW_RELEASED, 0, id));
	fd = try_interrupt(control, &create);
	EXPECT(fd >= 0);
	EXPECT_EQ(create.vectors, 1);
	EXPECT_EQ(device_info(control, edu()).interrupt_kind, MSI);
}

TEST(messages_of_a_device_that_nothing_bounds_need_the_administrators_word)
{
	int control = open_control();

	region(control, "edu");
	if (has_iommu())
		tap_skip("this machine has an IOMMU");
	EXPECT_ERRNO(try_kind(control, edu(), MSI, 0, 0), EPERM);
	EXPECT_ERRNO(try_kind(control, edu(), MSI, 0, ONESHOT), EPERM);
	EXPECT(try_kind(control, edu(), MSI, 0, TRUSTED) >= 0);
	EXPECT(strtoul(read_file("/proc/sys/kernel/tainted"), NULL, 10) & 1 << 6);
}

/* ---- MSI, and bus mastering ---- */

TEST(a_message_comes_only_while_the_device_masters_the_bus_and_the_file_says_so)
{
	int control = open_control(), registers = edu_window(control), buffer;
	int fd = interrupt(control, edu(), MSI, 0, TRUSTED);

	EXPECT(!(pci_command(edu()) & MASTER));
	EXPECT(query_interrupt(fd).flags & MMIOD_INTERRUPT_SILENT);
	EXPECT_EQ(poll_now(fd), 0);
	poke(registers, EDU_RAISE, 1);
	usleep(100000);
	EXPECT_EQ(query_interrupt(fd).count, 0);
	buffer = dma_buffer(control, edu(), page());
	EXPECT(happens(control, MMIOD_CONTROL_DEVICE_MASTER, 1, edu()));
	EXPECT_EQ(poll_for(fd, POLLPRI), POLLPRI);
	EXPECT(device_info(control, edu()).flags & MMIOD_FUNCTION_MASTER);
	EXPECT(!(query_interrupt(fd).flags & MMIOD_INTERRUPT_SILENT));
	EXPECT_EQ(poll_now(fd), 0);
	poke(registers, EDU_RAISE, 1);
	EXPECT_EQ(read_8(fd), 1);
	close(buffer);
	EXPECT(happens(control, MMIOD_CONTROL_DEVICE_MASTER, 0, edu()));
	EXPECT_EQ(poll_for(fd, POLLPRI), POLLPRI);
	EXPECT(query_interrupt(fd).flags & MMIOD_INTERRUPT_SILENT);
}

TEST(the_message_of_a_device_without_an_engine_comes_though_nobody_operates_it)
{
	int control = open_control(), registers = edu_window(control);
	int fd = interrupt(control, edu(), MSI, 0, NO_ENGINE);

	EXPECT(pci_command(edu()) & MASTER);
	EXPECT(!(query_interrupt(fd).flags & MMIOD_INTERRUPT_SILENT));
	for (int i = 0; i < 100; i++) {
		poke(registers, EDU_RAISE, 1);
		EXPECT_EQ(read_8(fd), 1);
	}
	close(fd);
	EXPECT(!(pci_command(edu()) & MASTER));
}

TEST(a_oneshot_interrupt_is_one_until_the_unmask_and_then_one_more)
{
	int control = open_control(), registers = edu_window(control);
	int fd = interrupt(control, edu(), MSI, 0, NO_ENGINE | ONESHOT);

	set_parameter("interrupt_budget", "1000000");
	for (int i = 0; i < 10000; i++)
		poke(registers, EDU_RAISE, 1);
	usleep(200000); /* the last message may still be on its way */
	EXPECT_EQ(query_interrupt(fd).count, 1);
	EXPECT(query_interrupt(fd).flags & MMIOD_INTERRUPT_MASKED);
	EXPECT_EQ(mask_interrupt(fd, false), 0);
	EXPECT_EQ(count_from(fd, 2), 2);
	usleep(100000);
	EXPECT_EQ(query_interrupt(fd).count, 2);
	EXPECT_EQ(mask_interrupt(fd, false), 0);
	usleep(100000);
	EXPECT_EQ(query_interrupt(fd).count, 2);
	poke(registers, EDU_RAISE, 1);
	EXPECT_EQ(count_from(fd, 3), 3);
	set_parameter("interrupt_budget", "20000");
}

/* ---- states ---- */

TEST(a_suspended_interrupt_waits_and_comes_when_it_is_resumed)
{
	static const uint32_t kinds[][2] = { { INTX, 0 }, { MSI, NO_ENGINE } };

	for (int i = 0; i < 2; i++) {
		int control = open_control(), registers = edu_window(control);
		int fd = interrupt(control, edu(), kinds[i][0], 0, kinds[i][1]);
		uint64_t id = query_interrupt(fd).id;

		EXPECT_EQ(set_state(control, id, MMIOD_WINDOW_SUSPENDED), 0);
		EXPECT(happens(control, MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_SUSPENDED, id));
		EXPECT_EQ(poll_now(fd), POLLPRI);
		EXPECT_EQ(query_interrupt(fd).state, MMIOD_WINDOW_SUSPENDED);
		poke(registers, EDU_RAISE, 1);
		usleep(100000);
		EXPECT_EQ(query_interrupt(fd).count, 0);
		EXPECT_ERRNO(trigger(fd), EAGAIN);
		EXPECT_EQ(mask_interrupt(fd, false), 0);
		EXPECT_EQ(query_interrupt(fd).count, 0);
		EXPECT_EQ(set_state(control, id, MMIOD_WINDOW_OK), 0);
		EXPECT(happens(control, MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_OK, id));
		EXPECT_EQ(count_from(fd, 1), 1);
		poke(registers, EDU_ACKNOWLEDGE, 1);
		close(fd);
		close(registers);
		EXPECT(happens(control, MMIOD_CONTROL_WINDOW_RELEASED, 0, id));
		close(control);
	}
}

TEST(a_revoked_interrupt_answers_enodev_and_its_vector_is_free_at_once)
{
	int control = open_control(), registers = edu_window(control), again;
	int fd = interrupt(control, edu(), INTX, 0, 0), events = eventfd(0, 0);
	uint64_t id = query_interrupt(fd).id, value;

	EXPECT_EQ(set_eventfd(fd, events), 0);
	EXPECT_EQ(trigger(fd), 0);
	EXPECT_EQ(set_state(control, id, MMIOD_WINDOW_REVOKED), 0);
	EXPECT(happens(control, MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_REVOKED, id));
	EXPECT_EQ(set_state(control, id, MMIOD_WINDOW_REVOKED), 0);
	EXPECT_ERRNO(set_state(control, id, MMIOD_WINDOW_OK), ENODEV);
	EXPECT_EQ(poll_now(fd), POLLHUP | POLLERR);
	EXPECT_ERRNO(read(fd, &value, sizeof(value)), ENODEV);
	value = 1;
	EXPECT_ERRNO(write(fd, &value, 4), ENODEV);
	EXPECT_ERRNO(mask_interrupt(fd, true), ENODEV);
	EXPECT_ERRNO(trigger(fd), ENODEV);
	EXPECT_ERRNO(set_eventfd(fd, events), ENODEV);
	EXPECT_EQ(set_eventfd(fd, -1), 0);
	EXPECT_EQ(query_interrupt(fd).state, MMIOD_WINDOW_REVOKED);
	EXPECT_EQ(query_interrupt(fd).count, 1);
	EXPECT_EQ(interrupt_info(control, id).irq, 0);
	again = interrupt(control, edu(), INTX, 0, 0);
	poke(registers, EDU_RAISE, 1);
	EXPECT_EQ(read_8(again), 1);
	poke(registers, EDU_ACKNOWLEDGE, 1);
	EXPECT_EQ(query_interrupt(fd).count, 1);
	close(fd);
	EXPECT(happens(control, MMIOD_CONTROL_WINDOW_RELEASED, 0, id));
}

TEST(revoking_later_is_revoking_at_once_for_an_interrupt)
{
	int control = open_control(), fd = interrupt(control, edu(), INTX, 0, 0);
	struct mmiod_window_set_state set = { .size = sizeof(set),
					      .window_id = query_interrupt(fd).id,
					      .state = MMIOD_WINDOW_REVOKED,
					      .flags = MMIOD_SET_STATE_LATER };

	EXPECT_EQ(ioctl(control, MMIOD_IOC_WINDOW_SET_STATE, &set), 0);
	EXPECT_EQ(set.flags, 0);
	EXPECT_EQ(query_interrupt(fd).state, MMIOD_WINDOW_REVOKED);
	set.window_id += 1000;
	EXPECT_ERRNO(ioctl(control, MMIOD_IOC_WINDOW_SET_STATE, &set), ENOENT);
}

TEST(an_interrupt_is_suspended_while_the_machine_sleeps_and_works_after_it)
{
	int control = open_control(), registers = edu_window(control);
	int fd = interrupt(control, edu(), INTX, 0, 0);
	uint64_t id = query_interrupt(fd).id;

	prepare_sleep();
	sleep_and_wake();
	EXPECT(happens(control, MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_SUSPENDED, id));
	EXPECT(happens(control, MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_OK, id));
	EXPECT(!(pci_command(edu()) & INTX_OFF));
	poke(registers, EDU_RAISE, 1);
	EXPECT_EQ(read_8(fd), 1);
	poke(registers, EDU_ACKNOWLEDGE, 1);
}

/* ---- who waits, while it ends ---- */

struct waiter {
	int fd, epoll;
	ssize_t got;
	int error;
	short events;
};

static void *wait_in_read(void *argument)
{
	struct waiter *waiter = argument;
	uint64_t value;

	waiter->got = read(waiter->fd, &value, sizeof(value));
	waiter->error = errno;
	return NULL;
}

static void *wait_in_poll(void *argument)
{
	struct waiter *waiter = argument;
	struct pollfd ready = { .fd = waiter->fd, .events = POLLIN };

	poll(&ready, 1, -1);
	waiter->events = ready.revents;
	return NULL;
}

static void *wait_in_epoll(void *argument)
{
	struct waiter *waiter = argument;
	struct epoll_event event = {};

	epoll_wait(waiter->epoll, &event, 1, -1);
	waiter->events = event.events;
	return NULL;
}

enum { WAITERS = 3 };

static void start_waiters(struct waiter *waiter, pthread_t *threads)
{
	static void *(*const ways[WAITERS])(void *) = { wait_in_read, wait_in_poll, wait_in_epoll };
	struct epoll_event event = { .events = EPOLLIN };

	waiter->epoll = epoll_create1(EPOLL_CLOEXEC);
	EXPECT_EQ(epoll_ctl(waiter->epoll, EPOLL_CTL_ADD, waiter->fd, &event), 0);
	for (int i = 0; i < WAITERS; i++)
		EXPECT_EQ(pthread_create(&threads[i], NULL, ways[i], waiter), 0);
	usleep(200000);
}

static void expect_woken(struct waiter *waiter, pthread_t *threads)
{
	for (int i = 0; i < WAITERS; i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(waiter->got, -1);
	EXPECT_EQ(waiter->error, ENODEV);
	EXPECT(waiter->events & POLLHUP);
}

static void do_nothing(int signal)
{
	(void)signal;
}

/* As often as it takes: the thread may not have got there yet. */
TEST(a_signal_ends_a_wait_and_an_interrupt_after_it_is_read)
{
	const struct sigaction action = { .sa_handler = do_nothing };
	int control = open_control();
	struct waiter waiter = { .fd = interrupt(control, edu(), INTX, 0, 0) };
	pthread_t thread;

	EXPECT_EQ(sigaction(SIGUSR1, &action, NULL), 0);
	EXPECT_EQ(pthread_create(&thread, NULL, wait_in_read, &waiter), 0);
	while (pthread_tryjoin_np(thread, NULL)) {
		pthread_kill(thread, SIGUSR1);
		usleep(1000);
	}
	EXPECT_EQ(waiter.got, -1);
	EXPECT_EQ(waiter.error, EINTR);
	EXPECT_EQ(trigger(waiter.fd), 0);
	EXPECT_EQ(read_8(waiter.fd), 1);
}

struct sharer {
	int fd;
	atomic_uint *seen;
};

static void *read_until_revoked(void *argument)
{
	const struct sharer *sharer = argument;
	uint64_t value;

	for (;;) {
		if (read(sharer->fd, &value, sizeof(value)) == sizeof(value))
			*sharer->seen += value;
		else if (errno != EINTR)
			break;
	}
	EXPECT_EQ(errno, ENODEV);
	return NULL;
}

static void read_together(bool disturbed)
{
	enum { READERS = 4, TURNS = 3000 };
	atomic_uint seen = 0;
	int control = open_control();
	struct sharer sharer = { interrupt(control, edu(), INTX, 0, 0), &seen };
	pthread_t threads[READERS];

	for (int i = 0; i < READERS; i++)
		EXPECT_EQ(pthread_create(&threads[i], NULL, read_until_revoked, &sharer), 0);
	for (int i = 0; i < TURNS; i++) {
		if (disturbed)
			pthread_kill(threads[i % READERS], SIGUSR1);
		EXPECT_EQ(trigger(sharer.fd), 0);
	}
	while (seen < TURNS)
		usleep(1000);
	usleep(10000);
	EXPECT_EQ(seen, TURNS);
	EXPECT_EQ(set_state(control, query_interrupt(sharer.fd).id, MMIOD_WINDOW_REVOKED), 0);
	for (int i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
}

/* Each wakes all of them, one finds it, and the others wait on. */
TEST(who_reads_one_interrupt_together_gets_each_of_them_once)
{
	read_together(false);
}

/* Now one and now another has the place of the only reader, which a signal makes him leave. */
TEST(of_readers_who_are_disturbed_by_signals_none_misses_an_interrupt)
{
	const struct sigaction action = { .sa_handler = do_nothing };

	EXPECT_EQ(sigaction(SIGUSR1, &action, NULL), 0);
	read_together(true);
}

TEST(a_revocation_wakes_whoever_waits)
{
	int control = open_control();
	struct waiter waiter = { .fd = interrupt(control, edu(), INTX, 0, 0) };
	pthread_t threads[WAITERS];

	start_waiters(&waiter, threads);
	EXPECT_EQ(set_state(control, query_interrupt(waiter.fd).id, MMIOD_WINDOW_REVOKED), 0);
	expect_woken(&waiter, threads);
}

TEST(unbinding_the_device_wakes_whoever_waits_and_waits_for_nobody)
{
	static const uint32_t kinds[][2] = { { INTX, 0 }, { MSI, NO_ENGINE } };
	int control = open_control();

	for (int i = 0; i < 2; i++) {
		struct waiter waiter;
		pthread_t threads[WAITERS];
		uint64_t id;

		region(control, "edu");
		waiter.fd = interrupt(control, edu(), kinds[i][0], 0, kinds[i][1]);
		id = query_interrupt(waiter.fd).id;
		start_waiters(&waiter, threads);
		bind_driver(edu(), "");
		expect_woken(&waiter, threads);
		EXPECT(!(pci_command(edu()) & MASTER));
		EXPECT_EQ(interrupt_info(control, id).state, MMIOD_WINDOW_REVOKED);
		EXPECT_ERRNO(mask_interrupt(waiter.fd, false), ENODEV);
		bind_driver(edu(), "mmiod");
		close(waiter.fd);
		EXPECT(happens(control, MMIOD_CONTROL_WINDOW_RELEASED, 0, id));
	}
}

/* A function is in sysfs before it may have a driver. */
static bool is_bound(int control, uint32_t function)
{
	struct mmiod_device_info info = { .size = sizeof(info), .cursor = function };

	return !ioctl(control, MMIOD_IOC_DEVICE_NEXT, &info) && info.device == function;
}

/* Its link to a driver says nothing: that is there before the driver has looked at the device. */
static void bind_when_added(int control, uint32_t function)
{
	char path[64];

	snprintf(path, sizeof(path), "%s", pci_path(function));
	for (int i = 0; !is_bound(control, function); i++, usleep(20000)) {
		EXPECT(i < 1000);
		write_file(path, "driver_override", "mmiod");
		write_file("/sys/bus/pci", "drivers_probe", strrchr(path, '/') + 1);
	}
}

TEST(a_device_that_is_pulled_out_wakes_whoever_waits)
{
	const uint32_t late = MMIOD_PCI_ADDR(0, 3, 0, 0);
	int control = open_control();
	struct waiter waiter;
	pthread_t threads[WAITERS];
	uint64_t id;

	if (access(pci_path(MMIOD_PCI_ADDR(0, 0, 0xa, 0)), F_OK))
		tap_skip("there is no empty port");
	tell_qemu("device_add edu,id=late,bus=slot2\n");
	bind_when_added(control, late);
	waiter.fd = interrupt(control, late, MSI, 0, NO_ENGINE);
	id = query_interrupt(waiter.fd).id;
	start_waiters(&waiter, threads);
	tell_qemu("device_del late\n");
	expect_woken(&waiter, threads);
	EXPECT(happens(control, MMIOD_CONTROL_DEVICE_GONE, 1, late));
	close(waiter.fd);
	EXPECT(happens(control, MMIOD_CONTROL_WINDOW_RELEASED, 0, id));
}

/* ---- the ledgers ---- */

TEST(the_ledger_of_interrupts_outlives_the_control_file)
{
	int control = open_control(), fd = interrupt(control, edu(), INTX, 0, ONESHOT);
	uint64_t id = query_interrupt(fd).id;
	struct mmiod_interrupt_info info = { .size = sizeof(info) };

	EXPECT_EQ(trigger(fd), 0);
	close(control);
	control = open_control();
	EXPECT_EQ(ioctl(control, MMIOD_IOC_INTERRUPT_NEXT, &info), 0);
	EXPECT_EQ(info.id, id);
	EXPECT_EQ(info.device, edu());
	EXPECT_EQ(info.owner, 7);
	EXPECT_EQ(info.kind, INTX);
	EXPECT_EQ(info.vector, 0);
	EXPECT_EQ(info.irq, line_of(edu()));
	EXPECT_EQ(info.flags, ONESHOT);
	EXPECT_EQ(info.state, MMIOD_WINDOW_OK);
	EXPECT_EQ(info.count, 1);
	EXPECT(!strcmp((const char *)info.tag, "interrupt test"));
	EXPECT_ERRNO(ioctl(control, MMIOD_IOC_INTERRUPT_NEXT, &info), ENOENT);
	info.id = UINT64_MAX;
	EXPECT_ERRNO(ioctl(control, MMIOD_IOC_INTERRUPT_NEXT, &info), ENOENT);
}

TEST(windows_and_interrupts_have_their_ids_from_one_counter)
{
	int control = open_control(), registers = edu_window(control);
	int fd = interrupt(control, edu(), INTX, 0, 0), other = edu_window(control);

	EXPECT_EQ(query_interrupt(fd).id, window_id(registers) + 1);
	EXPECT_EQ(window_id(other), window_id(registers) + 2);
}

TEST(bound_functions_are_listed_in_the_order_of_their_numbers)
{
	struct mmiod_device_info info = { .size = sizeof(info) };
	int control = open_control(), seen = 0;
	uint64_t last = 0;

	region(control, "edu");
	region(control, "shm");
	while (!ioctl(control, MMIOD_IOC_DEVICE_NEXT, &info)) {
		EXPECT(!seen || info.device > last);
		EXPECT_EQ(info.cursor, info.device + 1);
		EXPECT_EQ(info.state, MMIOD_WINDOW_OK);
		last = info.device;
		seen++;
	}
	EXPECT_EQ(errno, ENOENT);
	EXPECT(seen >= 2);
	info = device_info(control, edu());
	EXPECT(info.flags & MMIOD_FUNCTION_INTX);
	EXPECT(!(info.flags & (MMIOD_FUNCTION_MSI_MASKABLE | MMIOD_FUNCTION_VF)));
	EXPECT_EQ(info.msi_vectors, 1);
	EXPECT_EQ(info.msix_vectors, 0);
	EXPECT_EQ(info.msix_length, 0);
	EXPECT(info.generation >= 1);
	info = device_info(control, find_pci(0x1af4, 0x1110));
	EXPECT(info.flags & MMIOD_FUNCTION_HAS_RESET);
	EXPECT(!(info.flags & (MMIOD_FUNCTION_INTX | MMIOD_FUNCTION_HAS_FLR)));
}
