/* SPDX-License-Identifier: MIT */
/*
 * A daemon that does what a test wants, well or badly: a thread on a socket of its own that follows
 * a script. The script accepts, reads requests and answers them by the functions below; the test is
 * the client.
 */
#ifndef FAKE_H
#define FAKE_H

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include "lease/lease.h"

struct fake {
	char directory[32];
	char path[64];
	int listener;
	int sock; /* -1: nobody connected */
	pthread_t thread;
	void (*script)(struct fake *fake);
	void *argument; /* for the script */
	uint64_t epoch; /* that it greets with; a script may raise it */
	uint64_t features; /* likewise: MMIOD_HELLO_* */
	uint32_t n_extents; /* of what it grants; 0: as an older daemon says */
	uint8_t request[MMIOD_MSG_MAX] __attribute__((aligned(8))); /* read last */
	size_t request_size;
	int kept[64]; /* files that a script must not close yet */
	size_t kept_count;
};

void fake_start(struct fake *fake, void (*script)(struct fake *fake), void *argument);
void fake_stop(struct fake *fake);

/* For scripts. A client that hangs up where a script expects more ends the test as failed. */
void fake_accept_silently(struct fake *fake);
void fake_accept(struct fake *fake); /* and greet */
void fake_hang_up(struct fake *fake);
const struct mmiod_msg *fake_read(struct fake *fake);
/* An element of what a request asks for; short ones are as version 1 has them. */
const void *fake_element(const void *request, size_t index);
void fake_wait_hang_up(struct fake *fake);
void fake_send(struct fake *fake, const void *message, size_t size, const int *fds, size_t count);
/* Answers a request that was read for one lease of whatever kind. The file stays the caller's. */
void fake_send_granted(struct fake *fake, const struct mmiod_msg *request,
		       struct mmiod_wire_granted granted, int fd);
void fake_greet(struct fake *fake, uint32_t backend);
void fake_greet_as(struct fake *fake, uint32_t backend, bool admin);
void fake_answer_hello(struct fake *fake, uint64_t id, uint32_t backend, bool admin);
void fake_refuse(struct fake *fake, enum mmiod_outcome outcome, const char *text);
void fake_event(struct fake *fake, enum mmiod_event_type type, uint64_t lease, const char *text);

/* How a granted reply may be wrong. Zero: not at all. */
struct flaw {
	int id; /* added to the request's id */
	int size; /* added to the size in the header */
	int declared; /* added to the number of files in the header */
	int files; /* added to the number of files sent */
	int count; /* added to the number of elements */
	int fixed; /* added to the size of the fixed part in the header */
	int busy; /* this element, from 1, is refused and has no file */
	int room; /* how many descriptors the client may still open, until fake_make_room() */
};

/*
 * Answers a LEASE or ALLOC request, as read into @request, with
 * windows of memory files; each starts with its lease's number.
 */
void fake_grant(struct fake *fake, const void *request, uint64_t first_lease,
		const struct flaw *flaw);
void fake_make_room(struct fake *fake);
void fake_end_some(struct fake *fake, size_t good, enum mmiod_outcome outcome, const char *text);
void fake_end(struct fake *fake, enum mmiod_outcome outcome, const char *text);

int memory_file(size_t size);
size_t open_files(void);
/* With the fake's greeting, so that it has accepted. */
struct mmiod_client *connect_or_fail(struct fake *fake);
/* Both ends of most tests: a fake and a client of it. */
struct mmiod_client *fake_serve(struct fake *fake, void (*script)(struct fake *fake),
				void *argument);
void fake_leave(struct fake *fake, struct mmiod_client *client);
struct mmiod_lease *lease_or_fail(struct mmiod_client *client, uint64_t offset, uint64_t length,
				  unsigned int rights);

#endif
