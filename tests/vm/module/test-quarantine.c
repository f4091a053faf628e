// SPDX-License-Identifier: MIT
/*
 * DMA memory outlives its buffer while the device may still write to it: its window stays in the
 * ledger, revoked, and its release is told when the memory is free or another buffer's.
 */
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "device.h"
#include "fixture.h"

#define UC MMIOD_ATTR_UC
#define MASTER 0x4
#define MIB (1ull << 20)

static uint32_t shm(void)
{
	return find_pci(0x1af4, 0x1110);
}

static bool is_listed(int control, uint64_t id)
{
	struct mmiod_window_info info = { .size = sizeof(info), .window_id = id - 1 };

	if (ioctl(control, MMIOD_IOC_WINDOW_NEXT, &info) || info.window_id != id)
		return false;
	EXPECT_EQ(info.state, MMIOD_WINDOW_REVOKED);
	return true;
}

/* Closes the last descriptor of a buffer's window; the id remains. */
static uint64_t release(int fd)
{
	uint64_t id = window_id(fd);

	close(fd);
	return id;
}

static bool is_released(int control, uint64_t id)
{
	return happens(control, MMIOD_CONTROL_WINDOW_RELEASED, 0, id) && !is_listed(control, id);
}

TEST(memory_that_the_device_may_still_write_waits_until_it_masters_the_bus_no_more)
{
	int control = open_control(), one, two;
	uint64_t first, second;

	region(control, "edu");
	one = dma_buffer(control, edu(), page());
	two = dma_buffer(control, edu(), page());
	first = release(one);
	EXPECT(is_listed(control, first));
	EXPECT(pci_command(edu()) & MASTER);
	second = release(two);
	EXPECT(!(pci_command(edu()) & MASTER));
	EXPECT(is_released(control, first));
	EXPECT(is_released(control, second));
}

TEST(what_was_never_allocated_waits_for_nothing)
{
	int control = open_control(), one, two;
	uint64_t id;

	region(control, "edu");
	one = dma_buffer(control, edu(), page());
	two = try_buffer(control, (struct mmiod_buffer_create){ .kind = MMIOD_BUFFER_DMA,
								.length = page(),
								.node = -1,
								.pci = edu() });
	id = release(two);
	EXPECT(is_released(control, id));
	close(one);
}

TEST(a_buffer_of_the_same_length_takes_what_waits_and_finds_it_zeroed)
{
	int control = open_control(), held, fd;
	uint64_t bus, id;
	uint8_t *address;

	region(control, "edu");
	held = dma_buffer(control, edu(), page());
	fd = dma_buffer(control, edu(), 4 * page());
	bus = buffer_info(control, fd, 0).bus;
	address = map_window(fd, 4 * page(), PROT_READ | PROT_WRITE);
	memset(address, 0xa7, 4 * page());
	munmap(address, 4 * page());
	id = release(fd);
	close(dma_buffer(control, edu(), 8 * page()));
	EXPECT(is_listed(control, id));
	fd = dma_buffer(control, edu(), 4 * page());
	EXPECT_EQ(buffer_info(control, fd, 0).bus, bus);
	EXPECT(is_released(control, id));
	address = map_window(fd, 4 * page(), PROT_READ | PROT_WRITE);
	for (size_t i = 0; i < 4 * page(); i++)
		EXPECT_EQ(address[i], 0);
	close(fd);
	close(held);
}

TEST(only_so_much_waits_and_no_buffer_is_made_until_it_is_gone)
{
	int control = open_control(), held;
	struct mmiod_buffer_create create = {
		.kind = MMIOD_BUFFER_DMA, .length = page(), .node = -1, .pci = edu()
	};
	uint64_t waiting = 0, length = 4 * MIB;

	region(control, "edu");
	held = dma_buffer(control, edu(), 2 * page());
	for (; waiting <= 64 * MIB; waiting += length, length -= page())
		close(dma_buffer(control, edu(), length));
	EXPECT_ERRNO(try_buffer(control, create), ENOSPC);
	/* Except for a buffer that takes memory that waits. */
	create.length = length + page();
	EXPECT(try_buffer(control, create) >= 0);
	close(held);
	EXPECT(pci_command(edu()) & MASTER);
}

TEST(a_reset_frees_what_waits)
{
	int control = open_control(), held;
	uint64_t id;

	region(control, "shm");
	held = dma_buffer(control, shm(), page());
	id = release(dma_buffer(control, shm(), page()));
	EXPECT(is_listed(control, id));
	if (write_file(pci_path(shm()), "reset", "1"))
		tap_skip("this machine cannot reset the device: %s", strerror(errno));
	EXPECT(is_released(control, id));
	EXPECT(pci_command(shm()) & MASTER);
	close(held);
}

TEST(unbinding_frees_what_waits)
{
	int control = open_control(), held;
	uint64_t id;

	region(control, "edu");
	held = dma_buffer(control, edu(), page());
	id = release(dma_buffer(control, edu(), page()));
	EXPECT(is_listed(control, id));
	bind_driver(edu(), "");
	EXPECT(is_released(control, id));
	close(held);
	bind_driver(edu(), "mmiod");
}

static bool is_suspended(int control, uint64_t region_id)
{
	return region_info(control, region_id).state == MMIOD_WINDOW_SUSPENDED;
}

/*
 * While the device is reset nobody may switch its bus mastering: memory of its last buffer waits.
 */
TEST(the_last_buffer_that_is_released_during_a_reset_waits_for_its_end)
{
	int control = open_control(), fd;
	uint64_t region_id = region(control, "shm"), id;
	pthread_t thread;

	fd = dma_buffer(control, shm(), page());
	hold_resets(true);
	thread = begin_sysfs_reset(shm());
	while (!is_suspended(control, region_id))
		usleep(1000);
	id = release(fd);
	usleep(100000); /* a kernel thread would free it */
	EXPECT(is_listed(control, id));
	hold_resets(false);
	end_sysfs_reset(thread);
	EXPECT(is_released(control, id));
	EXPECT(!(pci_command(shm()) & MASTER));
}

/* ---- the last close, while the device goes ---- */

enum { CLOSERS = 4, UNBINDINGS = 60 };

struct hand {
	pthread_barrier_t *start;
	int fd;
	unsigned int delay_us;
};

static void *close_one(void *argument)
{
	const struct hand *hand = argument;

	pthread_barrier_wait(hand->start);
	usleep(hand->delay_us);
	close(hand->fd);
	return NULL;
}

/* They take the memory that waits, as long as the device is there. */
static void *make_others(void *argument)
{
	const struct hand *hand = argument;
	const struct mmiod_buffer_create create = {
		.kind = MMIOD_BUFFER_DMA, .length = page(), .node = -1, .pci = edu()
	};

	pthread_barrier_wait(hand->start);
	for (int i = 0; i < 10; i++) {
		int fd = try_buffer(hand->fd, create);

		if (fd < 0)
			continue;
		allocate(fd);
		close(fd);
	}
	return NULL;
}

static void expect_empty_ledger(int control)
{
	struct mmiod_window_info info = { .size = sizeof(info) };

	for (int i = 0; i < 3000 && !ioctl(control, MMIOD_IOC_WINDOW_NEXT, &info); i++) {
		info = (struct mmiod_window_info){ .size = sizeof(info) };
		usleep(10000);
	}
	EXPECT_ERRNO(ioctl(control, MMIOD_IOC_WINDOW_NEXT, &info), ENOENT);
}

/* Some are released before ->remove, some within it, some after; each wherever it is by then. */
static void unbind_while_buffers_are_closed(int control, unsigned int *seed)
{
	pthread_barrier_t start;
	pthread_t threads[CLOSERS + 1];
	struct hand hands[CLOSERS + 1];

	EXPECT_EQ(pthread_barrier_init(&start, NULL, CLOSERS + 2), 0);
	for (int i = 0; i < CLOSERS; i++)
		hands[i] = (struct hand){ &start, dma_buffer(control, edu(), page()),
					  rand_r(seed) % 4000 };
	hands[CLOSERS] = (struct hand){ .start = &start, .fd = control };
	for (int i = 0; i <= CLOSERS; i++)
		EXPECT_EQ(pthread_create(&threads[i], NULL, i < CLOSERS ? close_one : make_others,
					 &hands[i]),
			  0);
	pthread_barrier_wait(&start);
	usleep(rand_r(seed) % 2000);
	bind_driver(edu(), "");
	for (int i = 0; i <= CLOSERS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&start);
}

TEST_WITHIN(120, the_last_close_of_a_buffer_may_come_while_its_device_goes)
{
	int control = open_control();
	unsigned int seed = 1;

	for (int round = 0; round < tap_rounds(UNBINDINGS); round++) {
		unbind_while_buffers_are_closed(control, &seed);
		expect_empty_ledger(control);
		bind_driver(edu(), "mmiod");
		EXPECT(!(pci_command(edu()) & MASTER));
	}
}
