// SPDX-License-Identifier: MIT
/*
 * What happens to buffers behind an IOMMU while somebody is at them: as mapping them fails, their
 * operator ends, or the group of their function changes. A module that was built for tests has the
 * one wait until the other is through, so no test depends on luck.
 */
#include <pthread.h>
#include <unistd.h>

#include "domain.h"

#define STEP (2 * MIB) /* that is mapped at a time */
#define LONG (8 * MIB)

static void inject(const char *name, unsigned int value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	if (write_file("/sys/module/mmiod/parameters", name, text))
		tap_skip("this module has no %s: %s", name, strerror(errno));
}

static uint64_t mapped(const struct driver *driver)
{
	return device_info(driver->control, edu()).mapped;
}

static int new_buffer(const struct driver *driver, uint64_t length)
{
	int fd = try_fixed(driver, 16 * MIB, length, NULL);

	EXPECT(fd >= 0);
	return fd;
}

/* A call of another thread, and its errno. */
struct call {
	pthread_t thread;
	const struct driver *driver;
	int fd, error;
};

static void *run_create(void *argument)
{
	struct call *call = argument;
	struct mmiod_buffer_create create = buffer_of(call->driver);
	struct driver other = { .control = open_control() };

	call->fd = try_dma(other.control, &create);
	call->error = call->fd < 0 ? errno : 0;
	close(other.control);
	return NULL;
}

static void begin(struct call *call, void *(*run)(void *))
{
	EXPECT_EQ(pthread_create(&call->thread, NULL, run, call), 0);
}

static int result(struct call *call)
{
	EXPECT_EQ(pthread_join(call->thread, NULL), 0);
	return call->error;
}

/* Nothing is left of a test that failed. */
static struct driver take_uninjected(void)
{
	inject("fail_mapping", 0);
	inject("hold_joins", 0);
	return take_edu();
}

/* Zeros from the device arrive at both ends of a buffer's memory. */
static void expect_reached(const struct driver *driver, int fd, uint64_t length)
{
	uint8_t *memory = map_window(fd, length, RW), *last = memory + length - page();
	uint64_t iova = iova_of(fd);

	memset(memory, PATTERN, page());
	memset(last, PATTERN, page());
	clear_engine(driver);
	transfer(driver, iova, TO_MEMORY);
	transfer(driver, iova + length - page(), TO_MEMORY);
	EXPECT(is_full_of(memory, LENGTH, 0));
	EXPECT(is_full_of(last, LENGTH, 0));
	EXPECT(is_full_of(memory + LENGTH, page() - LENGTH, PATTERN));
	munmap(memory, length);
}

TEST(a_buffer_behind_an_iommu_that_cannot_be_mapped_whole_is_not_mapped_and_may_be_tried_again)
{
	struct driver driver = take_uninjected();
	int fd = new_buffer(&driver, LONG);

	for (unsigned int step = 0; step < LONG / STEP; step++) {
		inject("fail_mapping", step * STEP / page() + 1);
		EXPECT_ERRNO(allocate(fd), ENOMEM);
		EXPECT_EQ(mapped(&driver), 0);
	}
	inject("fail_mapping", 0);
	EXPECT_EQ(allocate(fd), 0);
	EXPECT_EQ(mapped(&driver), LONG);
	expect_reached(&driver, fd, LONG);
	close(fd);
	EXPECT_EQ(mapped(&driver), 0);
}

/* Its window is in the ledger by then. */
static void await_window_behind(int control, uint64_t id)
{
	struct mmiod_window_info info = { .size = sizeof(info), .window_id = id };

	while (ioctl(control, MMIOD_IOC_WINDOW_NEXT, &info))
		usleep(1000);
}

TEST(a_buffer_behind_an_iommu_that_is_made_as_its_operator_ends_ends_with_him)
{
	struct driver driver = take_uninjected();
	struct call call = { .driver = &driver };
	uint64_t id = window_id(driver.registers);

	inject("hold_joins", 1);
	begin(&call, run_create);
	await_window_behind(driver.control, id);
	EXPECT_EQ(set_state(driver.control, query(driver.file).id, MMIOD_WINDOW_REVOKED), 0);
	inject("hold_joins", 0);
	EXPECT_EQ(result(&call), ENODEV);
	EXPECT_EQ(call.fd, -1);
}

/* ---- functions that come and go beside an operator, in his group ---- */

/* Both are bound; the first one is edu. */
static uint32_t bound_pair(void)
{
	uint32_t device = pair();

	need_iommu();
	if (device == PCI_NONE)
		tap_skip("this machine has no two functions in a slot");
	/* None of them has another driver meanwhile, which would have the group. */
	bind_driver(device, "");
	bind_driver(device + 1, "");
	bind_driver(device, "mmiod");
	bind_driver(device + 1, "mmiod");
	return device;
}

TEST(an_operator_behind_an_iommu_keeps_his_domain_as_functions_leave_and_join_its_group)
{
	uint32_t device = bound_pair();
	struct driver driver = take(device, "pair", 1);
	struct target target = target_of(&driver), outside = target;

	for (unsigned int round = 0; round < 3; round++) {
		bind_driver(device + 1, round % 2 ? "mmiod" : "");
		memset(target.memory, PATTERN, page());
		clear_engine(&driver);
		transfer(&driver, target.iova, TO_MEMORY);
		EXPECT(is_full_of(target.memory, LENGTH, 0));
		/* By its address in memory it is not reached. */
		memset(outside.memory, PATTERN, page());
		transfer(&driver, buffer_info(driver.control, target.fd, 0).phys, TO_MEMORY);
		EXPECT(is_full_of(target.memory, LENGTH, PATTERN));
	}
	bind_driver(device + 1, "mmiod");
}

/* The operator's memory would be in its reach. */
TEST(messages_of_a_function_that_joins_an_iommus_group_with_a_domain_are_silent)
{
	uint32_t device = bound_pair();
	struct mmiod_interrupt_create create = { .device = device, .kind = MMIOD_INTERRUPT_MSI };
	int control = open_control(), fd, vector;

	if (right_to_dma(control, device) != DMA)
		tap_skip("this machine's IOMMU does not isolate messages");
	bind_driver(device, "");
	fd = operate(control, device + 1, READ | DMA, NO_RESET, 1);
	bind_driver(device, "mmiod");
	vector = try_interrupt(control, &create);
	EXPECT(vector >= 0);
	EXPECT(!(pci_command(device) & 4));
	EXPECT(query_interrupt(vector).flags & MMIOD_INTERRUPT_SILENT);
	close(fd);
	while (!(pci_command(device) & 4))
		usleep(1000);
	EXPECT(!(query_interrupt(vector).flags & MMIOD_INTERRUPT_SILENT));
}
