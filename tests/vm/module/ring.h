/* SPDX-License-Identifier: MIT */
/* A ring of io_uring, by the system calls themselves, for one poll at a time. */
#ifndef RING_H
#define RING_H

struct ring {
	int fd;
	unsigned int *tail, *mask, *array; /* of what is submitted */
	unsigned int *done_head, *done_tail, *done_mask;
	struct io_uring_sqe *entries;
	struct io_uring_cqe *done;
};

/* The test is skipped if this kernel has none, or lets nobody. */
void ring_open(struct ring *ring);
/* Begins to poll a descriptor once, for POLLIN. */
void ring_poll(struct ring *ring, int fd);
/* What that poll says, once it says something, which ends the test after 20 s; the ring refers to the descriptor no more. */
int ring_wait(struct ring *ring);

#endif
