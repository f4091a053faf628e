// SPDX-License-Identifier: MIT
#include <linux/io_uring.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "interrupts.h"
#include "ring.h"

static void *map(const struct ring *ring, size_t length, off_t offset)
{
	void *address = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			     ring->fd, offset);

	if (address == MAP_FAILED)
		FAIL("a ring cannot be mapped: %s", strerror(errno));
	return address;
}

/* Both halves are one mapping, as they have been since 5.4. */
void ring_open(struct ring *ring)
{
	struct io_uring_params params = { 0 };
	uint8_t *rings;

	ring->fd = syscall(__NR_io_uring_setup, 4, &params);
	if (ring->fd < 0 && (errno == ENOSYS || errno == EPERM))
		tap_skip("io_uring is off: %s", strerror(errno));
	EXPECT(ring->fd >= 0);
	EXPECT(params.features & IORING_FEAT_SINGLE_MMAP);
	rings = map(ring, params.cq_off.cqes + params.cq_entries * sizeof(*ring->done) + page(),
		    IORING_OFF_SQ_RING);
	ring->entries =
		map(ring, params.sq_entries * sizeof(*ring->entries), (off_t)IORING_OFF_SQES);
	ring->tail = (void *)(rings + params.sq_off.tail);
	ring->mask = (void *)(rings + params.sq_off.ring_mask);
	ring->array = (void *)(rings + params.sq_off.array);
	ring->done_head = (void *)(rings + params.cq_off.head);
	ring->done_tail = (void *)(rings + params.cq_off.tail);
	ring->done_mask = (void *)(rings + params.cq_off.ring_mask);
	ring->done = (void *)(rings + params.cq_off.cqes);
}

void ring_poll(struct ring *ring, int fd)
{
	unsigned int tail = *ring->tail, index = tail & *ring->mask;

	ring->entries[index] = (struct io_uring_sqe){ .opcode = IORING_OP_POLL_ADD,
						      .fd = fd,
						      .poll32_events = POLLIN };
	ring->array[index] = index;
	__atomic_store_n(ring->tail, tail + 1, __ATOMIC_RELEASE);
	EXPECT_EQ(syscall(__NR_io_uring_enter, ring->fd, 1, 0, 0, NULL, 0), 1);
}

int ring_wait(struct ring *ring)
{
	unsigned int head = *ring->done_head;
	int result;

	while (head == __atomic_load_n(ring->done_tail, __ATOMIC_ACQUIRE))
		poll_for(ring->fd, POLLIN);
	result = ring->done[head & *ring->done_mask].res;
	__atomic_store_n(ring->done_head, head + 1, __ATOMIC_RELEASE);
	return result;
}
