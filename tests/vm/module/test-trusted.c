// SPDX-License-Identifier: MIT
/*
 * DMA memory of an operator who is trusted, on a machine without an IOMMU: the device finds it at its
 * address on the bus, and it goes back to the kernel after a reset that worked, never before. edu's
 * engine is the witness, as of what an IOMMU bounds.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device.h"

#define RW (PROT_READ | PROT_WRITE)
#define MASTER MMIOD_OPERATE_MASTER
#define DMA MMIOD_OPERATE_DMA
#define TRUSTED MMIOD_OPERATE_DMA_TRUSTED
#define NO_RESET MMIOD_OPERATE_NEEDS_NO_RESET
#define NONE MMIOD_IOVA_NONE
#define COMMAND_MASTER 0x4

#define LENGTH 1024

/* Who operates a function, and his window on its registers. */
struct driver {
	int control, file, registers;
	uint32_t device;
};

static void need_no_iommu(void)
{
	if (has_iommu())
		tap_skip("this machine has an IOMMU, which bounds whoever is trusted");
}

static void master(const struct driver *driver, bool on)
{
	struct mmiod_device_master arg = { .size = sizeof(arg), .on = on };

	EXPECT_EQ(ioctl(driver->file, MMIOD_IOC_DEVICE_SET_MASTER, &arg), 0);
}

/* edu's addresses have 28 bits; beyond them it hits other memory. */
static int operate_edu(int control, uint32_t device, uint32_t rights, uint32_t flags,
		       uint64_t owner)
{
	struct mmiod_device_open open = request(device, rights, flags, owner);

	open.dma_bits = 28;
	return operate_as(control, open);
}

static struct driver take(uint32_t device, uint32_t flags, uint64_t owner)
{
	struct driver driver = { .control = open_control(), .device = device };

	driver.file =
		operate_edu(driver.control, device, READ | MASTER | DMA | TRUSTED, flags, owner);
	driver.registers = window_on_bar(driver.control, device, "trusted", owner);
	EXPECT(driver.registers >= 0);
	return driver;
}

/* One that can be reset. */
static struct driver take_resettable(void)
{
	need_no_iommu();
	return take(edu_behind_port(), 0, 1);
}

static struct mmiod_buffer_create buffer_of(const struct driver *driver, uint64_t length)
{
	return (struct mmiod_buffer_create){ .kind = MMIOD_BUFFER_DMA,
					     .node = -1,
					     .length = length,
					     .device_file = query(driver->file).id };
}

static int memory_of(const struct driver *driver, uint64_t length, uint64_t *bus)
{
	int fd = try_buffer(driver->control, buffer_of(driver, length));

	EXPECT(fd >= 0);
	EXPECT_EQ(iova_of(fd), NONE);
	EXPECT_EQ(allocate(fd), 0);
	*bus = iova_of(fd);
	EXPECT(*bus != NONE);
	return fd;
}

static void transfer(const struct driver *driver, uint64_t bus, uint32_t direction)
{
	start_copy(driver->registers, bus, LENGTH, direction);
	finish_copy(driver->registers);
}

static uint64_t release(int fd)
{
	uint64_t id = window_id(fd);

	close(fd);
	return id;
}

/* The device becomes quiet after its operator, who ends here, and not after the one before. */
static void end_operator(const struct driver *driver)
{
	uint64_t number = device_info(driver->control, driver->device).device;
	struct mmiod_control_event event;

	EXPECT_EQ(fcntl(driver->control, F_SETFL, O_NONBLOCK), 0);
	while (read(driver->control, &event, sizeof(event)) == sizeof(event))
		;
	close(driver->registers);
	close(driver->file);
	EXPECT(happens(driver->control, MMIOD_CONTROL_DEVICE_QUIET, 0, number));
}

static uint64_t graves(const struct driver *driver)
{
	return device_info(driver->control, driver->device).graves;
}

TEST(a_trusted_operator_has_memory_that_his_device_reaches_both_ways)
{
	struct driver driver = take_resettable();
	uint64_t bus;
	int fd = memory_of(&driver, page(), &bus);
	uint8_t *memory = map_window(fd, page(), RW);

	EXPECT(!(pci_command(driver.device) & COMMAND_MASTER));
	master(&driver, true);
	memset(memory, 0x5a, LENGTH);
	transfer(&driver, bus, 0);
	memset(memory, 0, page());
	transfer(&driver, bus, EDU_TO_MEMORY);
	for (unsigned int i = 0; i < page(); i++)
		EXPECT_EQ(memory[i], i < LENGTH ? 0x5a : 0);
	EXPECT_EQ(buffer_info(driver.control, fd, 0).bus, bus);
}

TEST(a_trusted_operators_memory_masters_nothing_by_itself)
{
	struct driver driver = take_resettable();
	uint64_t bus;
	int fd = memory_of(&driver, page(), &bus);

	EXPECT(!(pci_command(driver.device) & COMMAND_MASTER));
	master(&driver, true);
	EXPECT(pci_command(driver.device) & COMMAND_MASTER);
	master(&driver, false);
	EXPECT(!(pci_command(driver.device) & COMMAND_MASTER));
	close(fd);
}

TEST(what_a_trusted_operator_releases_is_kept_and_is_his_next_memory_zeroed)
{
	struct driver driver = take_resettable();
	uint64_t bus, again, id;
	int fd = memory_of(&driver, 2 * page(), &bus);
	uint8_t *memory = map_window(fd, 2 * page(), RW);

	master(&driver, true);
	memset(memory, 0xa7, 2 * page());
	munmap(memory, 2 * page());
	id = release(fd);
	EXPECT_EQ(graves(&driver), 2 * page());
	master(&driver, false);
	EXPECT_EQ(graves(&driver), 2 * page());
	master(&driver, true);
	fd = memory_of(&driver, 2 * page(), &again);
	EXPECT_EQ(again, bus);
	EXPECT_EQ(graves(&driver), 0);
	EXPECT(happens(driver.control, MMIOD_CONTROL_WINDOW_RELEASED, 0, id));
	memory = map_window(fd, 2 * page(), RW);
	for (unsigned int i = 0; i < 2 * page(); i++)
		EXPECT_EQ(memory[i], 0);
}

TEST(a_reset_gives_a_trusted_operators_released_memory_back)
{
	struct driver driver = take_resettable();
	uint64_t bus, id;

	close(driver.file);
	driver.file = operate_edu(driver.control, driver.device,
				  READ | MASTER | DMA | TRUSTED | MMIOD_OPERATE_RESET, 0, 1);
	id = release(memory_of(&driver, page(), &bus));
	EXPECT_EQ(graves(&driver), page());
	EXPECT_EQ(reset_now(driver.file, NULL), 0);
	EXPECT(happens(driver.control, MMIOD_CONTROL_WINDOW_RELEASED, 0, id));
	EXPECT_EQ(graves(&driver), 0);
}

TEST(a_trusted_operators_memory_is_revoked_with_him)
{
	struct driver driver = take_resettable();
	uint64_t bus, id;
	int fd = memory_of(&driver, page(), &bus);

	master(&driver, true);
	id = window_id(fd);
	close(driver.file);
	EXPECT(happens(driver.control, MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_REVOKED, id));
	EXPECT(!(pci_command(driver.device) & COMMAND_MASTER));
	EXPECT_ERRNO(allocate(fd), ENODEV);
	close(fd);
}

TEST(who_keeps_a_trusted_operators_revoked_memory_keeps_no_next_one_out)
{
	struct driver driver = take_resettable();
	uint64_t bus;
	int kept = memory_of(&driver, page(), &bus), next;
	struct mmiod_buffer_create create = buffer_of(&driver, page());

	close(driver.file);
	next = operate_edu(driver.control, driver.device, READ | MASTER | DMA | TRUSTED, 0, 2);
	EXPECT_ERRNO(try_buffer(driver.control, create), ENOENT);
	close(kept);
	close(next);
}

TEST(revoked_memory_that_is_kept_through_a_reset_waits_for_no_other_one)
{
	struct driver driver = take_resettable();
	uint64_t bus;
	int kept = memory_of(&driver, page(), &bus);

	master(&driver, true);
	end_operator(&driver);
	EXPECT_EQ(graves(&driver), 0);
	close(kept);
	EXPECT_EQ(graves(&driver), 0);
}

TEST(memory_that_is_taken_from_a_living_operator_waits_for_the_reset_after_its_release)
{
	struct driver driver = take_resettable();
	uint64_t bus;
	int kept;

	close(driver.file);
	driver.file = operate_edu(driver.control, driver.device,
				  READ | MASTER | DMA | TRUSTED | MMIOD_OPERATE_RESET, 0, 1);
	kept = memory_of(&driver, page(), &bus);
	EXPECT_EQ(set_state(driver.control, window_id(kept), MMIOD_WINDOW_REVOKED), 0);
	EXPECT_EQ(reset_now(driver.file, NULL), 0);
	master(&driver, true);
	close(kept);
	EXPECT_EQ(graves(&driver), page());
	EXPECT_EQ(reset_now(driver.file, NULL), 0);
	EXPECT_EQ(graves(&driver), 0);
}

TEST(a_transfer_of_who_is_killed_hits_neither_the_next_operator_nor_anybody)
{
	struct driver driver = take_resettable(), next;
	uint64_t bus, other;
	int memory = memory_of(&driver, page(), &bus), later;
	uint8_t *bytes;

	master(&driver, true);
	start_copy(driver.registers, bus, LENGTH, EDU_TO_MEMORY);
	close(memory);
	end_operator(&driver);
	EXPECT_EQ(graves(&driver), 0);
	/* QEMU's edu has no reset: its timer, of 100 ms, goes on, and has to end while nobody masters. */
	usleep(400000);
	next = take(driver.device, 0, 2);
	later = memory_of(&next, page(), &other);
	bytes = map_window(later, page(), RW);
	memset(bytes, 0x33, page());
	master(&next, true);
	usleep(400000);
	for (unsigned int i = 0; i < page(); i++)
		EXPECT_EQ(bytes[i], 0x33);
}

TEST(without_a_reset_a_trusted_operators_memory_is_kept_and_leaked_at_unbind)
{
	struct driver driver;
	uint64_t bus;

	need_no_iommu();
	if (!access("/sys/kernel/debug/dma-api", F_OK))
		tap_skip("this kernel debugs the DMA API, and warns of what is leaked on purpose");
	bind_driver(edu(), "mmiod");
	driver = take(edu(), NO_RESET, 1);
	close(memory_of(&driver, page(), &bus));
	close(driver.registers);
	close(driver.file);
	EXPECT(happens(driver.control, MMIOD_CONTROL_DEVICE_QUIET, ENOTTY,
		       device_info(driver.control, edu()).device));
	EXPECT_EQ(graves(&driver), page());
	driver.file =
		operate_edu(driver.control, edu(), READ | MASTER | DMA | TRUSTED, NO_RESET, 2);
	EXPECT_EQ(graves(&driver), page());
	close(driver.file);
	bind_driver(edu(), "mmiod");
	EXPECT_EQ(graves(&driver), 0);
}

/* How often the kernel's log says so. */
static unsigned int logged(const char *sentence)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	unsigned int count = 0;
	char line[2048];
	ssize_t got;

	EXPECT(fd >= 0);
	/* EPIPE: lines were lost that were older. */
	while ((got = read(fd, line, sizeof(line) - 1)) > 0 || (got < 0 && errno == EPIPE)) {
		line[got > 0 ? got : 0] = '\0';
		count += !!strstr(line, sentence);
	}
	close(fd);
	return count;
}

TEST(at_unbind_the_log_says_how_much_a_trusted_device_may_still_write_to)
{
	char sentence[80];
	struct driver driver;
	unsigned int before;
	uint64_t bus;

	need_no_iommu();
	if (!access("/sys/kernel/debug/dma-api", F_OK))
		tap_skip("this kernel debugs the DMA API, and warns of what is leaked on purpose");
	snprintf(sentence, sizeof(sentence), "may still write to %zu bytes, which are never freed",
		 3 * page());
	before = logged(sentence);
	bind_driver(edu(), "mmiod");
	driver = take(edu(), NO_RESET, 1);
	close(memory_of(&driver, 3 * page(), &bus));
	close(driver.registers);
	close(driver.file);
	bind_driver(edu(), "mmiod");
	EXPECT_EQ(logged(sentence), before + 1);
	/* Who has left nothing is not named. */
	bind_driver(edu(), "mmiod");
	EXPECT_EQ(logged(sentence), before + 1);
}

TEST(of_a_trusted_operators_released_memory_no_more_than_64_mib_wait)
{
	struct driver driver = take_resettable();
	const uint64_t length = 1ull << 20;
	int files[65];
	uint64_t bus;

	close(driver.file);
	driver.file = operate(driver.control, driver.device,
			      READ | MASTER | DMA | TRUSTED | MMIOD_OPERATE_RESET, 0, 1);
	for (unsigned int i = 0; i < 65; i++)
		files[i] = memory_of(&driver, length, &bus);
	for (unsigned int i = 0; i < 64; i++)
		close(files[i]);
	EXPECT_EQ(graves(&driver), 64 * length);
	close(memory_of(&driver, page(), &bus));
	EXPECT_EQ(graves(&driver), 64 * length + page());
	EXPECT_ERRNO(try_buffer(driver.control, buffer_of(&driver, 2 * page())), ENOSPC);
	/* What waits is his next memory of that length, whatever more there is. */
	close(memory_of(&driver, length, &bus));
	close(files[64]);
	EXPECT_ERRNO(try_buffer(driver.control, buffer_of(&driver, 2 * page())), ENOSPC);
	EXPECT_EQ(reset_now(driver.file, NULL), 0);
	EXPECT_EQ(graves(&driver), 0);
	close(memory_of(&driver, 2 * page(), &bus));
}

TEST(what_makes_no_sense_for_a_trusted_operators_memory_is_refused)
{
	struct driver driver = take_resettable();
	struct mmiod_buffer_create create = buffer_of(&driver, page());
	int other;

	create.dma_flags = MMIOD_DMA_FIXED_IOVA;
	create.iova = 0x7000000;
	EXPECT_ERRNO(try_buffer(driver.control, create), EOPNOTSUPP);
	create = buffer_of(&driver, page());
	create.dma_flags = MMIOD_DMA_DEVICE_READS_ONLY;
	EXPECT_ERRNO(try_buffer(driver.control, create), EOPNOTSUPP);
	create = buffer_of(&driver, page());
	create.limit = 1ull << 33;
	EXPECT_ERRNO(try_buffer(driver.control, create), EINVAL);
	create = buffer_of(&driver, page());
	create.node = 0;
	EXPECT_ERRNO(try_buffer(driver.control, create), EINVAL);
	EXPECT_ERRNO(try_buffer(driver.control, buffer_of(&driver, (64ull << 20) + 1)), EINVAL);
	create = buffer_of(&driver, page());
	create.device_file += 1000;
	EXPECT_ERRNO(try_buffer(driver.control, create), ENOENT);
	close(driver.file);
	other = operate(driver.control, driver.device, READ, 0, 2);
	create.device_file = query(other).id;
	EXPECT_ERRNO(try_buffer(driver.control, create), EOPNOTSUPP);
}
