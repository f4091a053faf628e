// SPDX-License-Identifier: MIT
/*
 * What a device reaches by DMA behind an IOMMU: the buffers of its device file, at addresses of
 * their own, as long as they are somebody's, and nothing else. edu's engine is the witness: what it
 * was told to write goes out a tenth of a second later.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "domain.h"

_Static_assert(sizeof(struct mmiod_buffer_create) == 160, "ABI");
_Static_assert(offsetof(struct mmiod_buffer_create, device_file) == 128, "ABI");
_Static_assert(offsetof(struct mmiod_window_query, iova) == 56, "ABI");

#define SHARED MMIOD_OPERATE_SHARED_ENGINE
#define NONE MMIOD_IOVA_NONE

static uint32_t neighbour(void)
{
	const uint32_t device = MMIOD_PCI_ADDR(0, 0, 8, 0);

	need_iommu();
	bind_driver(device, "mmiod");
	return device;
}

/*
 * A page outlives its buffer while a pipe holds it, and can still be looked at. Reading takes it
 * out.
 */
static void hold_page(int pipe_end, const struct target *target)
{
	struct iovec part = { target->memory, page() };

	EXPECT_EQ(vmsplice(pipe_end, &part, 1, 0), (ssize_t)page());
}

static bool held_page_is_full_of(int pipe_end, uint8_t value)
{
	uint8_t *bytes = malloc(page());
	bool full;

	EXPECT_EQ(read(pipe_end, bytes, page()), (ssize_t)page());
	full = is_full_of(bytes, LENGTH, value);
	free(bytes);
	return full;
}

/* ---- what it reaches ---- */

TEST(behind_an_iommu_a_function_reaches_its_operators_buffers_both_ways)
{
	struct driver driver = take_edu();
	struct target from = target_of(&driver), to = target_of(&driver);

	EXPECT(from.iova != to.iova);
	for (unsigned int i = 0; i < LENGTH; i++)
		from.memory[i] = i * 7;
	transfer(&driver, from.iova, 0);
	transfer(&driver, to.iova, TO_MEMORY);
	EXPECT(!memcmp(from.memory, to.memory, LENGTH));
	EXPECT(is_full_of(to.memory + LENGTH, page() - LENGTH, PATTERN));
}

TEST(behind_an_iommu_a_function_reaches_nothing_but_its_operators_buffers)
{
	struct driver driver = take_edu();
	struct target own = target_of(&driver), last = target_of(&driver);
	struct target other = { .fd = try_buffer(driver.control, (struct mmiod_buffer_create){
									 .kind = MMIOD_BUFFER_PAGES,
									 .zone = MMIOD_ZONE_DMA32,
									 .node = -1,
									 .length = page() }) };

	fill(&other);
	EXPECT_EQ(other.iova, NONE);
	clear_engine(&driver);
	transfer(&driver, buffer_info(driver.control, other.fd, 0).phys, TO_MEMORY);
	transfer(&driver, buffer_info(driver.control, own.fd, 0).phys, TO_MEMORY);
	transfer(&driver, last.iova + page(), TO_MEMORY);
	EXPECT(is_full_of(other.memory, page(), PATTERN));
	EXPECT(is_full_of(own.memory, page(), PATTERN));
	EXPECT(is_full_of(last.memory, page(), PATTERN));
	transfer(&driver, own.iova, TO_MEMORY);
	EXPECT(is_full_of(own.memory, LENGTH, 0));
}

TEST(behind_an_iommu_two_functions_do_not_reach_one_anothers_buffers)
{
	struct driver one = take_edu(), two = take(neighbour(), "neighbour", 2);
	struct target mine, theirs = { .fd = try_fixed(&two, 64 * MIB, page(), NULL) };

	EXPECT(theirs.fd >= 0);
	fill(&theirs);
	clear_engine(&one);
	transfer(&one, theirs.iova, TO_MEMORY);
	EXPECT(is_full_of(theirs.memory, page(), PATTERN));
	/* The same address is another place for each. */
	mine.fd = try_fixed(&one, 64 * MIB, page(), NULL);
	EXPECT(mine.fd >= 0);
	fill(&mine);
	transfer(&one, theirs.iova, TO_MEMORY);
	EXPECT(is_full_of(theirs.memory, page(), PATTERN));
	EXPECT(is_full_of(mine.memory, LENGTH, 0));
}

/* Others' windows, before and after: no reset either, as it would hit them. */
TEST(behind_an_iommu_an_engine_is_shared_if_the_administrator_says_so)
{
	struct driver driver = { .control = open_control() };
	struct mmiod_window_create create = { .length = page(), .attr = MMIOD_ATTR_UC };
	struct mmiod_device_open open = request(edu(), READ | MASTER | DMA, SHARED, 1);
	struct target target;

	need_iommu();
	if (right_to_dma(driver.control, edu()) != DMA)
		tap_skip("this machine has an IOMMU that does not isolate");
	driver.registers = window_on_bar(driver.control, edu(), "edu", 2);
	EXPECT(driver.registers >= 0);
	open.flags = 0;
	EXPECT_ERRNO(try_operate(driver.control, open), EBUSY);
	open.flags = SHARED;
	driver.file = operate_as(driver.control, open);
	EXPECT_EQ(set_master(driver.file, true), 0);
	close(window_on_bar(driver.control, edu(), "edu", 3));
	target = target_of(&driver);
	clear_engine(&driver);
	transfer(&driver, target.iova, TO_MEMORY);
	EXPECT(is_full_of(target.memory, LENGTH, 0));
	EXPECT(is_full_of(target.memory + LENGTH, page() - LENGTH, PATTERN));
	close(driver.file);
	/* What is not shared is nobody else's, as ever. */
	close(driver.registers);
	driver.file = operate(driver.control, edu(), READ | MASTER | DMA, NO_RESET, 1);
	EXPECT_EQ(set_master(driver.file, true), 0);
	create.region_id = region(driver.control, "edu");
	create.owner = 2;
	EXPECT_ERRNO(try_window(driver.control, &create), EBUSY);
	EXPECT_EQ(create.conflict_id, query(driver.file).id);
}

TEST(behind_an_iommu_a_buffer_that_the_device_only_reads_is_not_written)
{
	struct driver driver = take_edu();
	struct mmiod_buffer_create create = buffer_of(&driver);
	struct target source, target = target_of(&driver);

	create.dma_flags = MMIOD_DMA_DEVICE_READS_ONLY;
	source.fd = try_dma(driver.control, &create);
	EXPECT(source.fd >= 0);
	fill(&source);
	memset(source.memory, 0xc3, page());
	transfer(&driver, source.iova, 0);
	memset(source.memory, PATTERN, page());
	transfer(&driver, source.iova, TO_MEMORY);
	EXPECT(is_full_of(source.memory, page(), PATTERN));
	transfer(&driver, target.iova, TO_MEMORY);
	EXPECT(is_full_of(target.memory, LENGTH, 0xc3));
}

/* ---- what ends it ---- */

/* Of a transfer, after what was done to it. What was over before that tells nothing. */
enum arrival { ARRIVED, STOPPED, OVER_BEFORE };

/* On a slow machine the engine may be faster: then it is armed again, so often. */
enum { TRIES = 20 };

static bool is_in_flight(int registers)
{
	uint32_t command;

	EXPECT_EQ(pread(registers, &command, 4, EDU_COMMAND), 4);
	return command & EDU_RUNS;
}

/* @in_flight: so it was still when that had been done. The page was kept in a pipe. */
static enum arrival arrival(int pipe_end, bool in_flight)
{
	if (held_page_is_full_of(pipe_end, PATTERN))
		return STOPPED;
	return in_flight ? ARRIVED : OVER_BEFORE;
}

/* By somebody who starts nothing, and goes on looking when the operator is gone. */
static int witness(int control)
{
	struct mmiod_window_create create = { .region_id = region(control, "edu"),
					      .length = page(),
					      .attr = MMIOD_ATTR_UC,
					      .flags = MMIOD_WINDOW_READONLY,
					      .owner = 9 };
	int fd = try_window(control, &create);

	EXPECT(fd >= 0);
	return fd;
}

/* Whether a transfer arrives though something was done after the engine was armed. */
static enum arrival arrives_after(const struct driver *driver, struct target *target,
				  void (*act)(const struct driver *driver, struct target *target))
{
	bool in_flight;
	int ends[2];

	EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
	clear_engine(driver);
	hold_page(ends[1], target);
	start_copy(driver->registers, target->iova, LENGTH, TO_MEMORY);
	act(driver, target);
	in_flight = is_in_flight(driver->registers);
	finish_copy(driver->registers);
	return arrival(ends[0], in_flight);
}

static void do_nothing(const struct driver *driver, struct target *target)
{
	(void)driver;
	(void)target;
}

static void revoke_buffer(const struct driver *driver, struct target *target)
{
	EXPECT_EQ(set_state(driver->control, window_id(target->fd), MMIOD_WINDOW_REVOKED), 0);
}

static void release(const struct driver *driver, struct target *target)
{
	(void)driver;
	munmap(target->memory, page());
	close(target->fd);
}

TEST(a_transfer_in_flight_arrives_behind_an_iommu_if_nobody_minds)
{
	struct driver driver = take_edu();
	struct target target = target_of(&driver);

	EXPECT(arrives_after(&driver, &target, do_nothing) != STOPPED);
}

/* To the buffer that this answers something was done while a transfer to it was in flight. */
static struct target expect_stopped_by(const struct driver *driver,
				       void (*act)(const struct driver *driver,
						   struct target *target))
{
	enum arrival found = OVER_BEFORE;
	struct target target;

	for (int i = 0; i < TRIES && found == OVER_BEFORE; i++) {
		target = target_of(driver);
		found = arrives_after(driver, &target, act);
	}
	EXPECT_EQ(found, STOPPED);
	return target;
}

TEST(a_transfer_in_flight_does_not_arrive_behind_an_iommu_after_a_revoke)
{
	struct driver driver = take_edu();
	struct target other = target_of(&driver), target;

	target = expect_stopped_by(&driver, revoke_buffer);
	EXPECT_EQ(touch_read(target.memory), SIGBUS);
	EXPECT_EQ(iova_of(target.fd), NONE);
	EXPECT_ERRNO(allocate(target.fd), ENODEV);
	/* The device goes on with what is left. */
	transfer(&driver, other.iova, TO_MEMORY);
	EXPECT(is_full_of(other.memory, LENGTH, 0));
}

TEST(a_transfer_in_flight_does_not_arrive_behind_an_iommu_after_the_release_of_the_buffer)
{
	struct driver driver = take_edu();
	struct target other = target_of(&driver);

	expect_stopped_by(&driver, release);
	EXPECT(is_full_of(other.memory, page(), PATTERN));
}

/* A daemon's and a client's descriptors, in a process that is killed; the parent looks. */
static pid_t start_victim(uint32_t device, int held)
{
	int ready[2];
	pid_t child;
	char byte;

	EXPECT_EQ(pipe2(ready, O_CLOEXEC), 0);
	child = fork();
	if (!child) {
		struct driver driver = take(device, "edu", 5);
		struct target target = target_of(&driver);

		clear_engine(&driver);
		hold_page(held, &target);
		start_copy(driver.registers, target.iova, LENGTH, TO_MEMORY);
		EXPECT_EQ(write(ready[1], "", 1), 1);
		pause();
	}
	close(ready[1]);
	EXPECT_EQ(read(ready[0], &byte, 1), 1);
	return child;
}

static void expect_stopped(enum arrival (*attempt)(void))
{
	enum arrival found = OVER_BEFORE;

	for (int i = 0; i < TRIES && found == OVER_BEFORE; i++)
		found = attempt();
	EXPECT_EQ(found, STOPPED);
}

static enum arrival arrives_after_kill(void)
{
	pid_t child;
	struct driver next;
	bool in_flight;
	int ends[2], control = open_control(), registers = witness(control);

	EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
	child = start_victim(edu(), ends[1]);
	kill(child, SIGKILL);
	EXPECT_EQ(waitpid(child, NULL, 0), child);
	in_flight = is_in_flight(registers);
	next = take_edu();
	finish_copy(next.registers);
	close(next.registers);
	close(next.file);
	close(registers);
	close(control);
	return arrival(ends[0], in_flight);
}

TEST(a_transfer_in_flight_does_not_arrive_behind_an_iommu_after_its_operator_was_killed)
{
	struct driver next;
	struct target target;

	need_iommu();
	expect_stopped(arrives_after_kill);
	next = take_edu();
	target = target_of(&next);
	clear_engine(&next);
	transfer(&next, target.iova, TO_MEMORY);
	EXPECT(is_full_of(target.memory, LENGTH, 0));
}

/* The operator's file is revoked, which takes his windows and his buffers, and then closed. */
static enum arrival arrives_after_revoked_file(void)
{
	struct driver driver = take_edu(), next;
	struct target target = target_of(&driver);
	uint64_t id = query(driver.file).id, buffer = window_id(target.fd);
	struct mmiod_buffer_create create = buffer_of(&driver);
	int ends[2], registers = witness(driver.control);
	bool in_flight;

	EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
	clear_engine(&driver);
	hold_page(ends[1], &target);
	start_copy(driver.registers, target.iova, LENGTH, TO_MEMORY);
	EXPECT_EQ(set_state(driver.control, id, MMIOD_WINDOW_REVOKED), 0);
	in_flight = is_in_flight(registers);
	EXPECT(happens(driver.control, MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_REVOKED, buffer));
	EXPECT_EQ(touch_read(target.memory), SIGBUS);
	EXPECT_ERRNO(try_dma(driver.control, &create), ENODEV);
	next = take_edu();
	finish_copy(next.registers);
	close(next.registers);
	close(next.file);
	close(registers);
	close(driver.file);
	EXPECT_ERRNO(try_dma(driver.control, &create), ENOENT);
	return arrival(ends[0], in_flight);
}

TEST(a_transfer_in_flight_does_not_arrive_behind_an_iommu_after_the_device_file_was_revoked)
{
	expect_stopped(arrives_after_revoked_file);
}

/* As root finds the registers of a function that nobody has. */
static bool is_in_flight_unbound(uint32_t device)
{
	volatile uint32_t *registers;
	char path[128];
	bool in_flight;
	int fd;

	snprintf(path, sizeof(path), "%s/resource0", pci_path(device));
	fd = open(path, O_RDWR | O_CLOEXEC);
	EXPECT(fd >= 0);
	registers = map_window(fd, page(), RW);
	in_flight = registers[EDU_COMMAND / 4] & EDU_RUNS;
	munmap((void *)registers, page());
	close(fd);
	return in_flight;
}

static enum arrival arrives_after_unbinding(void)
{
	struct driver driver = take_edu();
	struct target target = target_of(&driver);
	bool in_flight;
	int ends[2];

	EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
	clear_engine(&driver);
	hold_page(ends[1], &target);
	start_copy(driver.registers, target.iova, LENGTH, TO_MEMORY);
	bind_driver(edu(), "");
	in_flight = is_in_flight_unbound(edu());
	bind_driver(edu(), "mmiod");
	close(driver.registers);
	driver = take_edu();
	finish_copy(driver.registers);
	close(driver.registers);
	close(driver.file);
	return arrival(ends[0], in_flight);
}

TEST(a_function_behind_an_iommu_can_be_unbound_with_a_transfer_in_flight)
{
	expect_stopped(arrives_after_unbinding);
}

TEST(a_buffer_behind_an_iommu_lives_as_long_as_a_forked_mapping_of_it)
{
	struct driver driver = take_edu();
	struct target target = target_of(&driver);
	pid_t child = fork();

	if (!child) {
		pause();
		_exit(0);
	}
	munmap(target.memory, page());
	close(target.fd);
	EXPECT_EQ(device_info(driver.control, edu()).mapped, page());
	kill(child, SIGKILL);
	EXPECT_EQ(waitpid(child, NULL, 0), child);
	while (device_info(driver.control, edu()).mapped)
		usleep(1000);
}

/* ---- addresses ---- */

TEST(addresses_behind_an_iommu_are_as_narrow_as_the_operator_says)
{
	int control = open_control(), fd;
	struct mmiod_device_open open;
	struct mmiod_device_query answer;

	need_iommu();
	open = request(edu(), READ | right_to_dma(control, edu()), NO_RESET, 1);
	for (unsigned int bits = 24; bits <= 64; bits += 8) {
		open.dma_bits = bits;
		while ((fd = try_operate(control, open)) < 0 && errno == EAGAIN)
			usleep(1000);
		EXPECT(fd >= 0);
		answer = query(fd);
		EXPECT_EQ(answer.iova_first, MIB);
		EXPECT_EQ(answer.iova_page, 4096);
		EXPECT_EQ((answer.iova_last + 1) % page(), 0);
		if (bits <= 32)
			EXPECT_EQ(answer.iova_last, (1ull << bits) - 1);
		else
			EXPECT(answer.iova_last >= (1ull << 32));
		close(fd);
	}
	fd = operate(control, edu(), READ, 0, 1);
	EXPECT_EQ(query(fd).iova_first, 0);
	EXPECT_EQ(query(fd).iova_page, 0);
}

TEST(an_iommus_addresses_are_the_first_free_ones_and_aligned_to_the_length)
{
	struct driver driver = take_edu();
	struct target first = target_of(&driver), second = target_of(&driver);
	struct mmiod_buffer_create create = buffer_of(&driver);

	EXPECT_EQ(first.iova, MIB);
	EXPECT_EQ(second.iova, MIB + page());
	create.length = 3 * page();
	EXPECT(try_dma(driver.control, &create) >= 0);
	EXPECT_EQ(create.iova, MIB + 4 * page());
	create.iova = 0;
	create.length = page();
	EXPECT(try_dma(driver.control, &create) >= 0);
	EXPECT_EQ(create.iova, MIB + 2 * page());
	release(&driver, &first);
	create.iova = 0;
	EXPECT(try_dma(driver.control, &create) >= 0);
	EXPECT_EQ(create.iova, MIB);
	create.iova = 0;
	create.length = 2 * MIB;
	EXPECT(try_dma(driver.control, &create) >= 0);
	EXPECT_EQ(create.iova, 2 * MIB);
}

TEST(an_iommus_address_that_is_asked_for_is_had_or_the_next_free_one_is_said)
{
	struct driver driver = take_edu();
	uint64_t next, last = query(driver.file).iova_last;
	int fd = try_fixed(&driver, 16 * MIB, 4 * page(), &next);

	EXPECT(fd >= 0);
	EXPECT_EQ(next, 16 * MIB);
	EXPECT_EQ(iova_of(fd), NONE);
	EXPECT_EQ(allocate(fd), 0);
	EXPECT_EQ(iova_of(fd), 16 * MIB);
	EXPECT_EQ(window_info(driver.control, fd).iova, 16 * MIB);
	EXPECT_ERRNO(try_fixed(&driver, 16 * MIB, page(), &next), EEXIST);
	EXPECT_EQ(next, 16 * MIB + 4 * page());
	EXPECT_ERRNO(try_fixed(&driver, 16 * MIB - page(), 2 * page(), &next), EEXIST);
	EXPECT_EQ(next, 16 * MIB + 4 * page());
	EXPECT_ERRNO(try_fixed(&driver, 16 * MIB + 1, page(), &next), EINVAL);
	EXPECT_ERRNO(try_fixed(&driver, 0, page(), &next), EINVAL);
	EXPECT_EQ(next, MIB);
	EXPECT_ERRNO(try_fixed(&driver, MIB - page(), page(), &next), EINVAL);
	/* The page of interrupts, and its neighbour. */
	EXPECT_ERRNO(try_fixed(&driver, 0xfee00000, page(), &next), EINVAL);
	EXPECT_EQ(next, 0xfef00000);
	EXPECT(try_fixed(&driver, 0xfef00000, page(), NULL) >= 0);
	EXPECT_ERRNO(try_fixed(&driver, 0xfedff000, 2 * page(), NULL), EINVAL);
	EXPECT(try_fixed(&driver, last + 1 - page(), page(), NULL) >= 0);
	EXPECT_ERRNO(try_fixed(&driver, last + 1, page(), &next), EINVAL);
	EXPECT_EQ(next, MIB);
	EXPECT_ERRNO(try_fixed(&driver, last + 1 - page(), 2 * page(), NULL), EINVAL);
	EXPECT_ERRNO(try_fixed(&driver, -page(), page(), NULL), EINVAL);
	close(fd);
	EXPECT(try_fixed(&driver, 16 * MIB, page(), NULL) >= 0);
}

TEST(who_uses_an_iommus_addresses_thinly_is_stopped_and_who_does_not_is_not)
{
	struct driver driver = take_edu();
	uint64_t iova = 256 * MIB, tables, next;
	unsigned int rounds = 0;
	int fd;

	while ((fd = try_fixed(&driver, iova, page(), &next)) >= 0 && rounds < 1000) {
		EXPECT_EQ(allocate(fd), 0);
		close(fd);
		iova += 2 * MIB;
		rounds++;
	}
	EXPECT(fd < 0);
	EXPECT_EQ(errno, ENOSPC);
	EXPECT(next != NONE);
	tables = device_info(driver.control, edu()).table_bytes;
	EXPECT(tables >= rounds * page());
	EXPECT(tables <= 68 * page());
	for (unsigned int i = 0; i < 2000; i++) {
		struct mmiod_buffer_create create = buffer_of(&driver);

		fd = try_dma(driver.control, &create);
		EXPECT(fd >= 0);
		EXPECT_EQ(allocate(fd), 0);
		close(fd);
	}
	EXPECT(device_info(driver.control, edu()).table_bytes <= tables + 2 * page());
}

/* The next address at which a page would need a page table of its own, until that is too much. */
static uint64_t use_thinly(const struct driver *driver, uint64_t iova)
{
	int fd;

	while ((fd = try_fixed(driver, iova, page(), NULL)) >= 0) {
		close(fd);
		iova += 2 * MIB;
	}
	EXPECT_EQ(errno, ENOSPC);
	return iova;
}

TEST(an_address_that_an_iommus_page_tables_were_too_many_for_stays_refused)
{
	struct driver driver = take_edu();
	uint64_t iova = use_thinly(&driver, 256 * MIB);
	uint64_t tables = device_info(driver.control, edu()).table_bytes;

	for (int i = 0; i < 3; i++)
		EXPECT_ERRNO(try_fixed(&driver, iova, page(), NULL), ENOSPC);
	EXPECT_EQ(device_info(driver.control, edu()).table_bytes, tables);
}

TEST(what_was_released_behind_an_iommu_no_longer_excuses_page_tables)
{
	struct driver driver = take_edu();
	struct mmiod_buffer_create create = buffer_of(&driver);
	int fd;

	create.length = 64 * MIB;
	fd = try_dma(driver.control, &create);
	EXPECT(fd >= 0);
	close(fd);
	use_thinly(&driver, 256 * MIB);
	EXPECT(device_info(driver.control, edu()).table_bytes <= 68 * page());
	/* Who has so much at once may have so many. */
	create = buffer_of(&driver);
	create.length = 64 * MIB;
	EXPECT(try_dma(driver.control, &create) >= 0);
	use_thinly(&driver, 1024 * MIB);
	EXPECT(device_info(driver.control, edu()).table_bytes > 128 * page());
}

TEST(a_refused_buffer_behind_an_iommu_leaves_nothing_in_the_ledgers)
{
	struct driver driver = take_edu();
	struct mmiod_device_file_info info = { .size = sizeof(info),
					       .id = query(driver.file).id - 1 };
	int fd = try_fixed(&driver, 16 * MIB, page(), NULL);

	EXPECT(fd >= 0);
	for (int i = 0; i < 3; i++)
		EXPECT_ERRNO(try_fixed(&driver, 16 * MIB, page(), NULL), EEXIST);
	EXPECT_EQ(ioctl(driver.control, MMIOD_IOC_DEVICE_FILE_NEXT, &info), 0);
	EXPECT_EQ(info.buffers, 1);
	close(fd);
	info.id--;
	EXPECT_EQ(ioctl(driver.control, MMIOD_IOC_DEVICE_FILE_NEXT, &info), 0);
	EXPECT_EQ(info.buffers, 0);
}

TEST(an_iommus_addresses_come_to_an_end_and_no_buffer_is_put_beyond_it)
{
	struct driver driver = { .control = open_control() };
	struct mmiod_buffer_create create;
	struct mmiod_device_open open;
	int all;

	need_iommu();
	open = request(edu(), READ | right_to_dma(driver.control, edu()), NO_RESET, 1);
	open.dma_bits = 24;
	driver.file = operate_as(driver.control, open);
	create = buffer_of(&driver);
	create.length = 16 * MIB;
	EXPECT_ERRNO(try_dma(driver.control, &create), ENOSPC);
	EXPECT_EQ(create.iova, NONE);
	create = buffer_of(&driver);
	create.length = 15 * MIB;
	/* At a multiple of 2 MiB there are 14. */
	EXPECT_ERRNO(try_dma(driver.control, &create), ENOSPC);
	create = buffer_of(&driver);
	create.length = 14 * MIB;
	all = try_dma(driver.control, &create);
	EXPECT(all >= 0);
	EXPECT_EQ(create.iova, 2 * MIB);
	create = buffer_of(&driver);
	create.length = 2 * MIB;
	EXPECT_ERRNO(try_dma(driver.control, &create), ENOSPC);
	close(all);
	create = buffer_of(&driver);
	create.length = 2 * MIB;
	EXPECT(try_dma(driver.control, &create) >= 0);
	EXPECT_EQ(create.iova, 2 * MIB);
}

/*
 * Whoever operates the device next may come before it is quiet, if he has nothing to do with DMA.
 * The domain of the one before is detached all the same.
 */
TEST(an_iommus_domain_is_detached_though_another_operates_the_function_by_then)
{
	struct driver driver = { .control = open_control() };
	uint32_t device;
	uint64_t number;
	int next;

	need_iommu();
	device = edu_behind_port();
	driver = take(device, "behind-port", 1);
	number = device_info(driver.control, device).device;
	hold_resets(true);
	close(driver.registers);
	close(driver.file);
	next = operate_at_once(driver.control, device, READ | WRITE, 0, 2);
	hold_resets(false);
	EXPECT(happens(driver.control, MMIOD_CONTROL_DEVICE_QUIET, 0, number));
	EXPECT_EQ(device_info(driver.control, device).table_bytes, 0);
	close(next);
	/* Attached still, it would be in his way for ever. */
	driver.file = operate(driver.control, device, READ | right_to_dma(driver.control, device),
			      NO_RESET, 3);
	EXPECT(query(driver.file).iova_page);
}

/* ---- misuse, and who else is there ---- */

TEST(what_makes_no_sense_for_a_buffer_behind_an_iommu_is_refused)
{
	struct driver driver = take_edu();
	struct mmiod_buffer_create create = buffer_of(&driver);
	int reader = operate(driver.control, edu(), READ, 0, 1);

#define REFUSED(_member, _value, _errno)                                \
	do {                                                            \
		create = buffer_of(&driver);                            \
		create._member = (_value);                              \
		EXPECT_ERRNO(try_dma(driver.control, &create), _errno); \
	} while (0)
	REFUSED(device_file, query(reader).id, EOPNOTSUPP);
	REFUSED(device_file, UINT64_MAX, ENOENT);
	REFUSED(device_file, window_id(driver.registers), ENOENT);
	REFUSED(device_file, 0, ENODEV); /* 0000:00:00.0 is not ours */
	REFUSED(kind, MMIOD_BUFFER_PAGES, EINVAL);
	REFUSED(pci, edu(), EINVAL);
	REFUSED(domain_high, 1, EINVAL);
	REFUSED(dma_bits, 32, EINVAL);
	REFUSED(owner, 1, EINVAL);
	REFUSED(iova, MIB, EINVAL);
	REFUSED(dma_flags, 1u << 31, EINVAL);
	REFUSED(reserved2, 1, EINVAL);
	REFUSED(length, 0, EINVAL);
	REFUSED(length, UINT64_MAX, EINVAL);
#undef REFUSED
	create = buffer_of(&driver);
	create.device_file = 0;
	create.pci = edu();
	create.dma_flags = FIXED;
	EXPECT_ERRNO(try_dma(driver.control, &create), EINVAL);
	create.dma_flags = 0;
	EXPECT_ERRNO(try_dma(driver.control, &create), EBUSY);
}

TEST(buffers_behind_an_iommu_are_in_the_ledgers_and_have_all_that_pages_have)
{
	struct driver driver = take_edu();
	struct mmiod_buffer_create create = buffer_of(&driver);
	struct mmiod_device_file_info info = { .size = sizeof(info),
					       .id = query(driver.file).id - 1 };
	struct mmiod_window_info window;
	struct mmiod_buffer_info buffer;
	int fd;

	create.flags = MMIOD_BUFFER_CONTIGUOUS;
	create.length = 4 * MIB;
	fd = try_dma(driver.control, &create);
	EXPECT(fd >= 0);
	EXPECT_EQ(create.iova % (2 * MIB), 0);
	EXPECT_EQ(allocate(fd), 0);
	buffer = buffer_info(driver.control, fd, 1);
	EXPECT_EQ(buffer.kind, MMIOD_BUFFER_DMA);
	EXPECT_EQ(buffer.runs, 1);
	EXPECT_EQ(buffer.bus, create.iova);
	window = window_info(driver.control, fd);
	EXPECT_EQ(window.device_file, create.device_file);
	EXPECT_EQ(window.owner, driver.owner);
	EXPECT_EQ(window.iova, create.iova);
	EXPECT_EQ(ioctl(driver.control, MMIOD_IOC_DEVICE_FILE_NEXT, &info), 0);
	EXPECT_EQ(info.buffers, 1);
	EXPECT_EQ(info.mapped, 4 * MIB);
	EXPECT_EQ(device_info(driver.control, edu()).mapped, 4 * MIB);
	close(fd);
	info.id--;
	EXPECT_EQ(ioctl(driver.control, MMIOD_IOC_DEVICE_FILE_NEXT, &info), 0);
	EXPECT_EQ(info.buffers, 0);
	EXPECT_EQ(info.mapped, 0);
}

TEST(messages_that_rest_on_an_iommus_blocking_are_silent_while_a_domain_is_attached)
{
	struct mmiod_interrupt_create create = { .kind = MMIOD_INTERRUPT_MSI };
	int control = open_control(), registers, vector, fd;

	need_iommu();
	if (right_to_dma(control, edu()) != DMA)
		tap_skip("this machine's IOMMU does not isolate messages");
	create.device = edu();
	vector = try_interrupt(control, &create);
	EXPECT(vector >= 0);
	EXPECT(pci_command(edu()) & 4);
	fd = operate(control, edu(), READ | MASTER | DMA, NO_RESET, 1);
	registers = window_on_bar(control, edu(), "edu", 1);
	EXPECT(!(pci_command(edu()) & 4));
	EXPECT(query_interrupt(vector).flags & MMIOD_INTERRUPT_SILENT);
	EXPECT_EQ(set_master(fd, true), 0);
	poke(registers, EDU_RAISE, 1);
	EXPECT_EQ(count_from(vector, 1), 1);
	close(fd);
	while (!(pci_command(edu()) & 4))
		usleep(1000);
	EXPECT(!(query_interrupt(vector).flags & MMIOD_INTERRUPT_SILENT));
}

TEST(functions_that_share_an_iommus_group_have_one_operator_between_them)
{
	int control = open_control(), fd, other;
	uint32_t device = pair(), right;
	struct mmiod_device_open open;

	need_iommu();
	if (device == PCI_NONE)
		tap_skip("this machine has no two functions in a slot");
	bind_driver(device, "mmiod");
	bind_driver(device + 1, "mmiod");
	EXPECT_EQ(device_info(control, device).group, device_info(control, device + 1).group);
	right = READ | right_to_dma(control, device);
	fd = operate(control, device, right, NO_RESET, 1);
	open = request(device + 1, right, NO_RESET, 1);
	EXPECT_ERRNO(ioctl(control, MMIOD_IOC_DEVICE_OPEN, &open), EBUSY);
	EXPECT_EQ(open.conflict_id, query(fd).id);
	close(operate(control, device + 1, READ, 0, 2));
	close(operate(control, device + 1, READ | WRITE, 0, 2));
	close(fd);
	other = operate(control, device + 1, right, NO_RESET, 2);
	/* The first one goes, and the domain of the other one stays. */
	bind_driver(device, "");
	EXPECT_EQ(query(other).iova_first, MIB);
	bind_driver(device, "mmiod");
	open = request(device, right, NO_RESET, 1);
	EXPECT_ERRNO(ioctl(control, MMIOD_IOC_DEVICE_OPEN, &open), EBUSY);
	close(other);
	close(operate(control, device, right, NO_RESET, 1));
}

TEST(a_right_to_dma_is_refused_where_an_iommu_does_not_isolate)
{
	int control = open_control();

	region(control, "edu");
	if (device_info(control, edu()).flags & MMIOD_FUNCTION_ISOLATED)
		tap_skip("this machine's IOMMU isolates");
	EXPECT_ERRNO(try_operate(control, request(edu(), READ | DMA, NO_RESET, 1)), EPERM);
}

/* The first one is bound to the module, the other one to a driver of the kernel's. */
static uint32_t pair_of_two_drivers(void)
{
	uint32_t device = pair();

	if (device == PCI_NONE)
		tap_skip("this machine has no two functions in a slot");
	if (system("modprobe -q uio_pci_generic"))
		tap_skip("this kernel has no uio_pci_generic");
	bind_driver(device, "");
	bind_driver(device + 1, "uio_pci_generic");
	bind_driver(device, "mmiod");
	return device;
}

/* What it reached would be all that the kernel has mapped for the other one. */
TEST(in_an_iommus_group_that_a_kernel_driver_uses_a_function_has_windows_and_intx_and_no_dma)
{
	int control = open_control(), registers, line, fd;
	struct mmiod_buffer_create plain = { .kind = MMIOD_BUFFER_DMA,
					     .length = page(),
					     .node = -1 };
	uint32_t device, value;

	need_iommu();
	device = pair_of_two_drivers();
	plain.pci = device;
	EXPECT(device_info(control, device).claim_error < 0);
	registers = window_on_bar(control, device, "pair", 1);
	EXPECT(registers >= 0);
	EXPECT_EQ(pread(registers, &value, 4, 0), 4);
	line = interrupt(control, device, MMIOD_INTERRUPT_INTX, 0, 0);
	poke(registers, EDU_RAISE, 1);
	EXPECT_EQ(count_from(line, 1), 1);
	poke(registers, EDU_ACKNOWLEDGE, 1);
	EXPECT_ERRNO(try_operate(control, request(device, READ | DMA, NO_RESET, 1)), EPERM);
	EXPECT_ERRNO(try_operate(control, request(device, READ | TRUSTED, NO_RESET, 1)), EPERM);
	EXPECT_ERRNO(try_operate(control, request(device, READ | MASTER, NO_RESET, 1)), EPERM);
	EXPECT_ERRNO(try_buffer(control, plain), EOPNOTSUPP);
	EXPECT(!(pci_command(device) & 4));
	bind_driver(device + 1, "");
	fd = operate(control, device, READ | MASTER | TRUSTED, NO_RESET, 1);
	EXPECT(query(fd).iova_page);
	EXPECT_EQ(device_info(control, device).claim_error, 0);
}

/* A virtio-rng behind a port with the capability to translate addresses, and where that is. */
static uint32_t translator(unsigned int *at)
{
	uint32_t device = behind_port(0x1af4, 0x1044, false);

	*at = device == PCI_NONE ? 0 : extended_capability(device, 0x0f);
	if (!*at)
		tap_skip("this machine has no function that translates addresses itself");
	return device;
}

/* Its word on translated addresses would be taken, whatever is mapped for it. */
TEST(behind_an_iommu_a_function_that_translates_addresses_itself_has_no_dma_but_by_trust)
{
	int control = open_control(), fd;
	uint16_t before, changed, after;
	unsigned int at;
	uint32_t device;

	need_iommu();
	device = translator(&at);
	bind_driver(device, "mmiod");
	EXPECT_ERRNO(try_operate(control, request(device, READ | DMA, NO_RESET, 1)), EPERM);
	EXPECT(device_info(control, device).flags & MMIOD_FUNCTION_ATS);
	fd = operate(control, device, READ | WRITE | VENDOR | TRUSTED, NO_RESET, 1);
	EXPECT(!(device_info(control, device).flags & MMIOD_FUNCTION_ISOLATED));
	EXPECT_EQ(pread(fd, &before, 2, at + 6), 2);
	for (unsigned int bit = 0; bit < 16; bit++) {
		changed = before ^ 1u << bit;
		EXPECT_ERRNO(pwrite(fd, &changed, 2, at + 6), EPERM);
	}
	past_the_module(device, &after, 2, at + 6);
	EXPECT_EQ(after, before);
}

/* ---- nobody waits ---- */

static void *allocate_all(void *fds)
{
	for (int *fd = fds; *fd >= 0; fd++)
		allocate(*fd);
	return NULL;
}

#define AT_ONCE 8

TEST(behind_an_iommu_a_revoke_that_races_with_allocations_leaves_nothing_mapped)
{
	struct driver driver = take_edu();
	struct mmiod_buffer_create create;
	int fds[AT_ONCE + 1];
	pthread_t thread;

	for (unsigned int round = 0; round < 20; round++) {
		fds[AT_ONCE] = -1;
		for (unsigned int i = 0; i < AT_ONCE; i++) {
			create = buffer_of(&driver);
			create.length = 4 * MIB;
			fds[i] = try_dma(driver.control, &create);
			EXPECT(fds[i] >= 0);
		}
		EXPECT_EQ(pthread_create(&thread, NULL, allocate_all, fds), 0);
		for (unsigned int i = 0; i < AT_ONCE; i++) {
			usleep(round * 500);
			EXPECT_EQ(
				set_state(driver.control, window_id(fds[i]), MMIOD_WINDOW_REVOKED),
				0);
		}
		pthread_join(thread, NULL);
		EXPECT_EQ(device_info(driver.control, edu()).mapped, 0);
		for (unsigned int i = 0; i < AT_ONCE; i++)
			close(fds[i]);
	}
	create = buffer_of(&driver);
	EXPECT(try_dma(driver.control, &create) >= 0);
	EXPECT_EQ(create.iova, MIB);
}

#define CGROUP "/sys/fs/cgroup/mmiod-test-domain"
#define PATIENCE_MS 1000

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A process that the kernel puts to sleep for seconds as it allocates a buffer's memory. */
static pid_t start_throttled(int fd)
{
	char text[32];
	pid_t child;

	mkdir(CGROUP, 0755);
	if (write_file(CGROUP, "memory.high", "1M"))
		tap_skip("no memory controller: %s", strerror(errno));
	child = fork();
	if (!child) {
		snprintf(text, sizeof(text), "%d", getpid());
		EXPECT_EQ(write_file(CGROUP, "cgroup.procs", text), 0);
		allocate(fd);
		pause();
	}
	return child;
}

/* The kernel has it sleep, having charged it with more than its cgroup is to have. */
static bool is_throttled(pid_t child)
{
	const char *high = strstr(read_file(CGROUP "/memory.events"), "high ");
	char path[64], state;

	if (!high || !strtoul(high + strlen("high "), NULL, 10))
		return false;
	snprintf(path, sizeof(path), "/proc/%d/stat", child);
	return sscanf(read_file(path), "%*d %*s %c", &state) == 1 && state == 'D';
}

/* What others do meanwhile: how many ms it takes. Of the buffer nothing need be there. */
static uint64_t time_of_others(struct driver *driver, uint64_t buffer)
{
	struct target other = target_of(driver);
	uint64_t begin = now_ms(), took;

	EXPECT_EQ(set_state(driver->control, window_id(other.fd), MMIOD_WINDOW_REVOKED), 0);
	EXPECT_EQ(set_state(driver->control, buffer, MMIOD_WINDOW_REVOKED), 0);
	other = target_of(driver);
	EXPECT_EQ(set_state(driver->control, query(driver->file).id, MMIOD_WINDOW_REVOKED), 0);
	close(operate(driver->control, edu(), READ | right_to_dma(driver->control, edu()), NO_RESET,
		      2));
	bind_driver(edu(), "");
	took = now_ms() - begin;
	bind_driver(edu(), "mmiod");
	return took;
}

static int large_buffer(const struct driver *driver)
{
	struct mmiod_buffer_create create = buffer_of(driver);
	int fd;

	create.length = 256 * MIB;
	fd = try_dma(driver->control, &create);
	EXPECT(fd >= 0);
	return fd;
}

/* However slow the machine is today: that is seen by what it takes while no client sleeps. */
TEST(behind_an_iommu_nobody_waits_for_a_client_that_sleeps_as_it_allocates)
{
	struct driver driver = take_edu();
	const char *patience = getenv("TAP_PATIENCE");
	uint64_t longest = PATIENCE_MS * (patience ? atoi(patience) : 1), took;
	pid_t child;
	int fd;

	longest += 5 * time_of_others(&driver, window_id(large_buffer(&driver)));
	driver = take_edu();
	fd = large_buffer(&driver);
	child = start_throttled(fd);
	while (!is_throttled(child))
		usleep(1000);
	took = time_of_others(&driver, window_id(fd));
	kill(child, SIGKILL);
	EXPECT_EQ(waitpid(child, NULL, 0), child);
	rmdir(CGROUP);
	if (took >= longest)
		FAIL("the others took %llu ms, more than %llu", (unsigned long long)took,
		     (unsigned long long)longest);
}

/* ---- who pays ---- */

#define PAYER "/sys/fs/cgroup/mmiod-test-payer"
#define TABLES 40

/* A line of its memory.stat is at least that, which the kernel brings up to date within seconds. */
static bool is_charged(const char *what, uint64_t least)
{
	for (int i = 0; i < 2000; i++) {
		const char *line = strstr(read_file(PAYER "/memory.stat"), what);

		if (line && strtoull(line + strlen(what), NULL, 10) >= least)
			return true;
		usleep(10000);
	}
	return false;
}

/* In a cgroup of its own: large memory, and pages at addresses that need page tables each. */
static void allocate_as_payer(const struct driver *driver, int told)
{
	struct mmiod_buffer_create create = buffer_of(driver);
	int large;

	EXPECT_EQ(write_file(PAYER, "cgroup.procs", "0"), 0);
	create.length = 8 * MIB;
	large = try_dma(driver->control, &create);
	EXPECT(large >= 0);
	EXPECT_EQ(allocate(large), 0);
	for (int i = 0; i < TABLES; i++)
		EXPECT_EQ(allocate(try_fixed(driver, (256 + 2 * i) * MIB, page(), NULL)), 0);
	EXPECT_EQ(write(told, "", 1), 1);
	pause();
}

TEST(a_client_pays_for_buffers_and_page_tables_behind_an_iommu_in_its_own_cgroup)
{
	struct driver driver = take_edu();
	int told[2];
	pid_t child;
	char byte;

	write_file("/sys/fs/cgroup", "cgroup.subtree_control", "+memory");
	mkdir(PAYER, 0755);
	if (access(PAYER "/memory.stat", F_OK))
		tap_skip("no memory controller: %s", strerror(errno));
	EXPECT_EQ(pipe2(told, O_CLOEXEC), 0);
	child = fork();
	if (!child)
		allocate_as_payer(&driver, told[1]);
	close(told[1]);
	EXPECT_EQ(read(told[0], &byte, 1), 1);
	EXPECT(strtoull(read_file(PAYER "/memory.current"), NULL, 10) >= 8 * MIB);
	if (kernel_is_from(6, 12))
		EXPECT(is_charged("sec_pagetables ", TABLES * page()));
	kill(child, SIGKILL);
	EXPECT_EQ(waitpid(child, NULL, 0), child);
	rmdir(PAYER);
}

/* ---- around the caches ---- */

#define SNOOPS \
	(1ull << 7) /* of an IOMMU's extended capabilities: it can enforce that caches are seen */

static bool iommu_enforces(void)
{
	const char *path = first_match("/sys/class/iommu/dmar*/intel-iommu/ecap");

	if (!path)
		tap_skip("this machine's IOMMU does not say what it can");
	return strtoull(read_file(path), NULL, 16) & SNOOPS;
}

/* The rig's functions have the bit at 0 for good: what is seen is who may write 1. */
static int set_no_snoop(int fd, bool on)
{
	unsigned int at = capability(nvme(), 0x10) + 8;
	uint16_t devctl;

	EXPECT_EQ(pread(fd, &devctl, 2, at), 2);
	devctl = on ? devctl | 0x800 : devctl & ~0x800;
	return pwrite(fd, &devctl, 2, at);
}

TEST(behind_an_iommu_that_enforces_coherency_an_operator_may_let_his_function_bypass_the_caches)
{
	const uint32_t rights = READ | WRITE | MASTER | MMIOD_OPERATE_RESET;
	int control = open_control(), fd;

	need_iommu();
	fd = operate(control, nvme(), rights | right_to_dma(control, nvme()), 0, 1);
	for (int i = 0; i < 2; i++) {
		if (iommu_enforces())
			EXPECT_EQ(set_no_snoop(fd, true), 2);
		else
			EXPECT_ERRNO(set_no_snoop(fd, true), EPERM);
		EXPECT_EQ(set_no_snoop(fd, false), 2);
		EXPECT_EQ(reset_now(fd, NULL), 0);
	}
	close(fd);
	/* Without DMA he has no domain. */
	fd = operate(control, nvme(), READ | WRITE, 0, 1);
	EXPECT_ERRNO(set_no_snoop(fd, true), EPERM);
}
