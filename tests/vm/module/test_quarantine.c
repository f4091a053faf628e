// SPDX-License-Identifier: MIT
/*
 * DMA memory outlives its buffer while the device may still write to it: its window stays in the
 * ledger, revoked, and its release is told when the memory is free or another buffer's.
 */
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "fixture.h"

#define UC MMIOD_ATTR_UC
#define MASTER 0x4
#define MIB (1ull << 20)

static uint32_t edu(void)
{
	return find_pci(0x1234, 0x11e8);
}

static uint32_t shm(void)
{
	return find_pci(0x1af4, 0x1110);
}

/* Allocated. An IOMMU that forgets at once what it is told to would need no quarantine. */
static int dma_buffer(int control, uint32_t device, uint64_t length)
{
	int fd = try_buffer(control, (struct mmiod_buffer_create){ .kind = MMIOD_BUFFER_DMA,
								   .length = length,
								   .node = -1,
								   .pci = device });

	EXPECT(fd >= 0);
	EXPECT_EQ(allocate(fd), 0);
	return fd;
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
	/* But for one that takes of what waits. */
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

static void *reset_shm(void *path)
{
	return (void *)(intptr_t)(write_file(path, "reset", "1") ? errno : 0);
}

static bool is_suspended(int control, uint64_t region_id)
{
	return region_info(control, region_id).state == MMIOD_WINDOW_SUSPENDED;
}

/* While it is reset the device's bus mastering is nobody's to switch: what was the last waits. */
TEST(the_last_buffer_that_is_released_during_a_reset_waits_for_its_end)
{
	int control = open_control();
	uint64_t region_id = region(control, "shm");
	const char *path = strdup(pci_path(shm()));
	bool during = false;

	/* A machine that is busy may be through with the reset before the buffer is released. */
	for (int round = 0; round < 20 && !during; round++) {
		int fd = dma_buffer(control, shm(), page());
		pthread_t thread;
		uint64_t id;
		bool listed;
		void *error;

		EXPECT_EQ(pthread_create(&thread, NULL, reset_shm, (void *)path), 0);
		for (int i = 0; i < 100000 && !is_suspended(control, region_id); i++)
			;
		id = release(fd);
		listed = is_listed(control, id);
		during = is_suspended(control, region_id);
		EXPECT(listed || !during);
		pthread_join(thread, &error);
		EXPECT_EQ((intptr_t)error, 0);
		EXPECT(is_released(control, id));
		EXPECT(!(pci_command(shm()) & MASTER));
	}
	EXPECT(during);
}
