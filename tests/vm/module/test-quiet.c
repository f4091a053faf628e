// SPDX-License-Identifier: MIT
/*
 * What the last user of a device has armed does not go out under the next one: the device is reset
 * between them, or who operates it is told that it could not be.
 */
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device.h"
#include "nvme.h"

#define UC MMIOD_ATTR_UC
#define RW (PROT_READ | PROT_WRITE)
#define MASTER MMIOD_OPERATE_MASTER
#define TRUSTED MMIOD_OPERATE_DMA_TRUSTED
#define OPERATOR (READ | WRITE | MASTER | TRUSTED)
#define OTHERS (MMIOD_OPERATE_RESET | MMIOD_OPERATE_RESET_OTHERS)

/* Of BAR 0, in a region of its own. */
static uint64_t claim(int control, uint32_t device)
{
	struct mmiod_region_claim claim = { .pci = device, .width = 4 };

	snprintf(claim.name, sizeof(claim.name), "engine-%x", device);
	return claim_bar(control, claim);
}

static int window_for(int control, uint64_t region_id, uint64_t owner)
{
	return window_on(control, region_id, page(), owner);
}

/* ---- what is left running: by the rig's NVMe controller, as QEMU's edu is not changed by a reset */

/*
 * Where it was armed to write behind an IOMMU. Nothing is there until an operator has his own memory
 * there, which is then what must not be reached.
 */
#define ARMED_AT (64ull << 20)

static int make_memory(int control)
{
	int fd = try_buffer(control, (struct mmiod_buffer_create){ .kind = MMIOD_BUFFER_KMALLOC,
								   .length = NVME_MEMORY,
								   .node = -1 });

	EXPECT(fd >= 0);
	EXPECT_EQ(allocate(fd), 0);
	return fd;
}

/* Of an operator, which his device reaches; behind an IOMMU at @iova, or 0: anywhere. */
static int make_reached_memory(int control, int file, uint64_t iova)
{
	struct mmiod_buffer_create create = {
		.kind = MMIOD_BUFFER_DMA, .node = -1, .length = NVME_MEMORY, .iova = iova
	};
	int fd;

	if (!has_iommu())
		return make_memory(control);
	create.device_file = query(file).id;
	create.dma_flags = iova ? MMIOD_DMA_FIXED_IOVA : 0;
	fd = try_buffer(control, create);
	EXPECT(fd >= 0);
	EXPECT_EQ(allocate(fd), 0);
	return fd;
}

static void use(struct nvme *nvme, int control, uint64_t region_id, uint64_t owner, int memory)
{
	nvme_use(nvme, control, window_on(control, region_id, NVME_TABLE, owner), memory);
}

/*
 * The controller is on, with a queue in that memory and a command in it that writes to that memory:
 * whoever rings next, with bus mastering on, has it done.
 */
static void arm(struct nvme *nvme)
{
	nvme_start(nvme);
	nvme_lay(nvme);
}

/* What was armed writes to that memory, of which there is a copy. */
struct remains {
	uint8_t *memory, *before;
};

static struct remains remains_of(uint8_t *memory)
{
	struct remains remains = { .memory = memory, .before = malloc(NVME_MEMORY) };

	memcpy(remains.before, memory, NVME_MEMORY);
	return remains;
}

static bool are_untouched(const struct remains *remains)
{
	return !memcmp(remains->memory, remains->before, NVME_MEMORY);
}

/* Who armed it has a window alone, and gives it up. */
static struct remains arm_by_window(int control, uint64_t region_id)
{
	struct nvme nvme;

	use(&nvme, control, region_id, 2, make_memory(control));
	if (has_iommu())
		nvme.bus = ARMED_AT;
	arm(&nvme);
	EXPECT_EQ(munmap((void *)nvme.registers, NVME_TABLE), 0);
	close(nvme.fd);
	return remains_of(nvme.memory);
}

/* Behind an IOMMU it is the next one's memory that would be written to, and not theirs who armed it. */
static void inherit(struct remains *remains, int control, int fd)
{
	int memory;

	if (!has_iommu())
		return;
	memory = make_reached_memory(control, fd, ARMED_AT);
	EXPECT_EQ(iova_of(memory), ARMED_AT);
	*remains = remains_of(map_window(memory, NVME_MEMORY, RW));
}

/* The one who comes next finds nothing to be done, also when he rings, and works himself. */
static void expect_quiet(int control, int fd, uint64_t region_id, struct remains *remains)
{
	struct nvme nvme;

	inherit(remains, control, fd);
	use(&nvme, control, region_id, 1, make_reached_memory(control, fd, 0));
	EXPECT_EQ(set_master(fd, 1), 0);
	EXPECT(!nvme_is_on(&nvme));
	nvme_ring(&nvme);
	usleep(100000);
	EXPECT(are_untouched(remains));
	nvme_start(&nvme);
	nvme_command(&nvme, 0);
	EXPECT(are_untouched(remains));
}

TEST(what_an_operator_masters_reaches_memory_and_nothing_does_before)
{
	int control = open_control(), fd = operate(control, nvme(), OPERATOR, 0, 1);
	struct remains remains;
	struct nvme driver;

	use(&driver, control, claim(control, nvme()), 1, make_reached_memory(control, fd, 0));
	arm(&driver);
	remains = remains_of(driver.memory);
	EXPECT(are_untouched(&remains));
	EXPECT_EQ(set_master(fd, 1), 0);
	nvme_ring(&driver);
	while (are_untouched(&remains))
		usleep(1000);
}

TEST(what_a_window_alone_has_armed_does_not_reach_memory_under_the_next_operator)
{
	uint32_t device = nvme();
	int control = open_control(), fd;
	uint64_t region_id = claim(control, device);
	struct remains remains;

	EXPECT_ERRNO(try_operate(control, request(device, OPERATOR, 0, 1)), EAGAIN);
	EXPECT(happens(control, MMIOD_CONTROL_DEVICE_QUIET, 0, device));
	remains = arm_by_window(control, region_id);
	EXPECT(device_info(control, device).flags & MMIOD_FUNCTION_DIRTY);
	EXPECT_ERRNO(try_operate(control, request(device, OPERATOR, 0, 1)), EAGAIN);
	EXPECT(happens(control, MMIOD_CONTROL_DEVICE_QUIET, 0, device));
	EXPECT(device_info(control, device).flags & MMIOD_FUNCTION_QUIET);
	fd = operate_at_once(control, device, OPERATOR, 0, 1);
	expect_quiet(control, fd, region_id, &remains);
}

/* This is what the reset is there for. */
TEST(without_a_reset_by_the_administrators_word_what_was_armed_goes_out)
{
	int control = open_control(), fd;
	uint64_t region_id = claim(control, nvme());
	struct remains remains = arm_by_window(control, region_id);
	struct nvme next;

	fd = operate_at_once(control, nvme(), OPERATOR, MMIOD_OPERATE_NEEDS_NO_RESET, 1);
	inherit(&remains, control, fd);
	use(&next, control, region_id, 1, make_memory(control));
	EXPECT_EQ(set_master(fd, 1), 0);
	EXPECT(nvme_is_on(&next));
	nvme_ring(&next);
	while (are_untouched(&remains))
		usleep(1000);
}

/* The byte at 12 is of the header that a reset restores: from what it was at binding. */
TEST(what_a_killed_operator_has_armed_and_configured_is_gone_for_the_next_one)
{
	uint32_t device = nvme();
	int control = open_control(), memory = make_memory(control), status, ready[2], fd;
	uint64_t region_id = claim(control, device);
	struct remains remains;
	uint8_t before, changed, after;
	pid_t child;

	past_the_module(device, &before, 1, 12);
	EXPECT_EQ(pipe(ready), 0);
	child = fork();
	if (!child) {
		struct nvme driver;

		fd = operate(control, device, OPERATOR, 0, 1);
		if (has_iommu())
			memory = make_reached_memory(control, fd, ARMED_AT);
		use(&driver, control, region_id, 1, memory);
		set_master(fd, 1);
		arm(&driver);
		EXPECT_EQ(write(ready[1], "", 1), 1);
		pause();
	}
	EXPECT_EQ(read(ready[0], &after, 1), 1);
	remains = remains_of(map_window(memory, NVME_MEMORY, RW));
	changed = before ^ 0x20;
	set_past_the_module(device, &changed, 1, 12);
	kill(child, SIGKILL);
	EXPECT_EQ(waitpid(child, &status, 0), child);
	EXPECT(!(pci_command(device) & 4));
	EXPECT(happens(control, MMIOD_CONTROL_DEVICE_QUIET, 0, device));
	fd = operate(control, device, OPERATOR, 0, 1);
	past_the_module(device, &after, 1, 12);
	EXPECT_EQ(after, before);
	expect_quiet(control, fd, region_id, &remains);
}

/* An operator as he is when he is killed: his commands complete, with an interrupt of another's. */
static void operate_until_killed(int control, uint32_t device, uint64_t region_id, int told)
{
	int fd = operate(control, device, OPERATOR, 0, 1);
	struct nvme driver;

	use(&driver, control, region_id, 1, make_reached_memory(control, fd, 0));
	EXPECT_EQ(set_master(fd, 1), 0);
	nvme_start(&driver);
	nvme_command(&driver, 0);
	EXPECT_EQ(write(told, "", 1), 1);
	pause();
}

/* Owner 1's region is read by owner 2, which starts nothing. */
static int reader(int control, uint64_t region_id)
{
	struct mmiod_window_create create = { .region_id = region_id,
					      .length = page(),
					      .attr = UC,
					      .flags = MMIOD_WINDOW_READONLY,
					      .owner = 2 };
	int fd = try_window(control, &create);

	EXPECT(fd >= 0);
	return fd;
}

TEST(anothers_vector_and_window_outlive_an_operator_who_is_killed)
{
	uint32_t device = nvme(), value;
	int control = open_control(), told[2], status, fd, vector, window;
	uint64_t region_id = claim(control, device), before;
	struct nvme next;
	pid_t child;

	vector = interrupt(control, device, MMIOD_INTERRUPT_MSIX, 0, MMIOD_INTERRUPT_TRUSTED);
	window = reader(control, region_id);
	EXPECT_EQ(pipe(told), 0);
	child = fork();
	if (!child)
		operate_until_killed(control, device, region_id, told[1]);
	EXPECT_EQ(read(told[0], &value, 1), 1);
	EXPECT(count_from(vector, 1));
	kill(child, SIGKILL);
	EXPECT_EQ(waitpid(child, &status, 0), child);
	/* Through the reset. */
	fd = operate(control, device, OPERATOR, 0, 1);
	EXPECT_EQ(query_interrupt(vector).state, MMIOD_WINDOW_OK);
	EXPECT_EQ(pread(window, &value, 4, 0), 4);
	before = query_interrupt(vector).count;
	use(&next, control, region_id, 1, make_reached_memory(control, fd, 0));
	EXPECT_EQ(set_master(fd, 1), 0);
	nvme_start(&next);
	nvme_command(&next, 0);
	EXPECT(count_from(vector, before + 1));
}

/* ---- who waits for a reset, and who does not ---- */

TEST(who_masters_nothing_does_not_wait_for_a_dirty_device)
{
	int control = open_control();

	EXPECT(device_info(control, edu()).flags & MMIOD_FUNCTION_DIRTY);
	close(operate_at_once(control, edu(), READ | WRITE, 0, 1));
	close(operate_at_once(control, edu(), READ | MMIOD_OPERATE_RESET, 0, 1));
}

TEST(a_device_that_cannot_be_reset_says_so_each_time_and_is_given_on_the_administrators_word)
{
	int control = open_control(), fd;

	for (int i = 0; i < 2; i++) {
		EXPECT_ERRNO(try_operate(control, request(edu(), OPERATOR, 0, 1)), EAGAIN);
		EXPECT(happens(control, MMIOD_CONTROL_DEVICE_QUIET, ENOTTY, edu()));
	}
	fd = operate(control, edu(), OPERATOR, MMIOD_OPERATE_NEEDS_NO_RESET, 1);
	EXPECT_EQ(set_master(fd, 1), 0);
	close(fd);
	EXPECT(happens(control, MMIOD_CONTROL_DEVICE_QUIET, ENOTTY, edu()));
	fd = operate(control, edu_behind_port(), OPERATOR, MMIOD_OPERATE_NEVER_RESET, 1);
	close(fd);
	EXPECT(happens(control, MMIOD_CONTROL_DEVICE_QUIET, ENOTTY, edu_behind_port()));
	EXPECT(device_info(control, edu_behind_port()).flags & MMIOD_FUNCTION_DIRTY);
}

TEST(a_dirty_device_is_not_reset_under_another_unless_that_is_a_right)
{
	uint32_t device = edu_behind_port();
	int control = open_control(), other = window_for(control, claim(control, device), 2), fd;
	struct mmiod_device_open open = request(device, OPERATOR, 0, 1);
	uint32_t value, resets = device_info(control, device).resets;

	EXPECT_ERRNO(ioctl(control, MMIOD_IOC_DEVICE_OPEN, &open), EBUSY);
	EXPECT_EQ(open.conflict_id, window_id(other));
	EXPECT_EQ(device_info(control, device).resets, resets);
	EXPECT_ERRNO(try_operate(control, request(device, OPERATOR | OTHERS, 0, 1)), EAGAIN);
	EXPECT(happens(control, MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_SUSPENDED,
		       window_id(other)));
	EXPECT(happens(control, MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_OK, window_id(other)));
	EXPECT(happens(control, MMIOD_CONTROL_DEVICE_QUIET, 0, device));
	fd = operate_at_once(control, device, OPERATOR, 0, 1);
	EXPECT_ERRNO(set_master(fd, 1), EBUSY);
	EXPECT_EQ(pread(other, &value, 4, 0), 4);
	close(fd);
	EXPECT(happens(control, MMIOD_CONTROL_DEVICE_QUIET, 0, device));
	EXPECT_EQ(pread(other, &value, 4, 0), 4);
}

TEST(a_reset_by_the_operator_makes_the_device_clean)
{
	int control = open_control(), fd;
	struct mmiod_device_info before = device_info(control, nvme()), after;

	EXPECT(before.flags & MMIOD_FUNCTION_DIRTY);
	EXPECT_EQ(before.resets, 0);
	fd = operate_at_once(control, nvme(), OPERATOR | MMIOD_OPERATE_RESET,
			     MMIOD_OPERATE_NEEDS_NO_RESET, 1);
	EXPECT_EQ(reset_now(fd, NULL), 0);
	after = device_info(control, nvme());
	EXPECT(!(after.flags & MMIOD_FUNCTION_DIRTY));
	EXPECT(after.flags & MMIOD_FUNCTION_QUIET);
	EXPECT_EQ(after.resets, 1);
	EXPECT_EQ(after.resets_failed, 0);
	EXPECT_EQ(after.reset_error, 0);
	EXPECT(after.reset_us > 0);
	EXPECT_EQ(after.device_file, query(fd).id);
	EXPECT_EQ(set_master(fd, 1), 0);
	EXPECT(!(device_info(control, nvme()).flags & MMIOD_FUNCTION_QUIET));
	close(fd);
	EXPECT_EQ(device_info(control, nvme()).device_file, 0);
}

TEST(a_function_may_be_unbound_while_it_is_made_quiet)
{
	uint32_t device = edu_behind_port();
	int control = open_control();

	for (int i = 0; i < 3; i++) {
		close(operate(control, device, OPERATOR, 0, 1));
		bind_driver(device, "mmiod");
	}
	close(operate(control, device, OPERATOR, 0, 1));
	bind_driver(device, "mmiod");
}

static atomic_bool over;

struct comer {
	int control;
	uint64_t region_id;
};

static void *come_and_go(void *arg)
{
	const struct comer *comer = arg;
	struct mmiod_window_create create = {
		.region_id = comer->region_id, .length = page(), .attr = UC, .owner = 2
	};

	while (!atomic_load(&over)) {
		if (try_window(comer->control, &create) >= 0)
			close(create.fd);
		usleep(20000);
	}
	return NULL;
}

TEST(who_comes_and_goes_does_not_keep_the_device_for_ever)
{
	uint32_t device = edu_behind_port();
	struct comer comer = { .control = open_control() };
	pthread_t thread;
	int control = open_control(), fd;

	comer.region_id = claim(control, device);
	atomic_store(&over, false);
	EXPECT_EQ(pthread_create(&thread, NULL, come_and_go, &comer), 0);
	while ((fd = try_operate(control, request(device, OPERATOR, 0, 1))) < 0)
		EXPECT(errno == EAGAIN || errno == EBUSY);
	atomic_store(&over, true);
	pthread_join(thread, NULL);
	close(fd);
}
