// SPDX-License-Identifier: MIT
/* Descriptors: those that a client sends uninvited, and those that it does not fetch. */
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fixture.h"

#define KERNEL_MAX 253

/* false: the kernel refuses, because the daemon has turned SO_PASSRIGHTS off (from 6.16 on). */
static bool send_with_fds(int fd, const void *data, size_t length, const int *fds,
			  unsigned int count)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int) * KERNEL_MAX)];
	} control;
	struct iovec vector = { (void *)data, length };
	struct msghdr header = { .msg_iov = &vector,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = CMSG_SPACE(sizeof(int) * count) };

	memset(&control, 0, sizeof(control));
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int) * count);
	memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * count);
	if (sendmsg(fd, &header, MSG_NOSIGNAL) >= 0)
		return true;
	if (errno != EPERM)
		FAIL("cannot send %u descriptors: %s", count, strerror(errno));
	return false;
}

static void fill_with_null(int *fds)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	EXPECT(null >= 0);
	for (int i = 0; i < KERNEL_MAX; i++)
		fds[i] = null;
}

static void expect_no_more_fds(const struct health *before, unsigned int connections)
{
	struct health now = health_read();

	if (now.fds > before->fds + connections)
		FAIL("the daemon has %u descriptors, %u more than before", now.fds,
		     now.fds - before->fds);
}

ATTACK(descriptors_with_HELLO_do_not_enter_the_daemon)
{
	struct answer *answer = malloc(sizeof(*answer));
	struct health before = health_read();
	int fd = connect_raw(), fds[KERNEL_MAX];
	union request request;

	fill_with_null(fds);
	make_hello(&request);
	if (!send_with_fds(fd, &request, request.head.size, fds, KERNEL_MAX))
		send_request(fd, &request);
	receive(fd, answer);
	EXPECT_EQ(answer->head.status, MMIOD_OK);
	expect_no_more_fds(&before, 1);
	expect_status(fd);
}

ATTACK(descriptors_with_requests_do_not_enter_the_daemon)
{
	struct answer *answer = malloc(sizeof(*answer));
	struct health before = health_read();
	int fd = connect_greeted(), fds[KERNEL_MAX];
	union request request;

	fill_with_null(fds);
	for (int i = 0; i < 100; i++) {
		make_bare(&request, MMIOD_OP_STATUS);
		if (!send_with_fds(fd, &request, request.head.size, fds, KERNEL_MAX))
			send_request(fd, &request);
		receive(fd, answer);
		EXPECT_EQ(answer->head.status, MMIOD_OK);
	}
	expect_no_more_fds(&before, 1);
}

/* If the daemon kept the other end, this one would not come to its end. */
ATTACK(descriptors_that_were_sent_are_let_go_at_once)
{
	struct answer *answer = malloc(sizeof(*answer));
	int fd = connect_greeted(), ends[2];
	struct pollfd readable;
	union request request;
	char byte;

	EXPECT(pipe2(ends, O_CLOEXEC) == 0);
	make_bare(&request, MMIOD_OP_STATUS);
	if (!send_with_fds(fd, &request, request.head.size, &ends[1], 1))
		send_request(fd, &request);
	close(ends[1]);
	receive(fd, answer);
	readable = (struct pollfd){ .fd = ends[0], .events = POLLIN };
	EXPECT_EQ(poll(&readable, 1, -1), 1);
	EXPECT_EQ(read(ends[0], &byte, 1), 0);
}

/*
 * A socket that travels through itself is a cycle, which only the kernel's garbage collector frees.
 */
ATTACK(a_connection_that_is_sent_through_itself_does_no_harm)
{
	for (int i = 0; i < 50; i++) {
		int fd = connect_greeted();
		union request request;

		make_bare(&request, MMIOD_OP_STATUS);
		for (int j = 0; j < 5; j++)
			if (!send_with_fds(fd, &request, request.head.size, &fd, 1))
				send_request(fd, &request);
		close(fd);
	}
}

ATTACK(descriptors_with_a_packet_that_is_none_are_let_go)
{
	struct health before = health_read();
	int fds[KERNEL_MAX];

	fill_with_null(fds);
	for (int i = 0; i < 20; i++) {
		int fd = connect_greeted();

		if (!send_with_fds(fd, "x", 1, fds, KERNEL_MAX))
			send_packet(fd, "x", 1);
		expect_refusal(fd, MMIOD_E_PROTOCOL);
		expect_closed(fd);
	}
	expect_no_more_fds(&before, 1);
}

ATTACK(each_granted_element_comes_with_its_own_file_and_no_other_does)
{
	struct answer *answer = malloc(sizeof(*answer));
	int fd = connect_greeted();
	union request request;

	make_lease(&request, OPEN_REGION, 16);
	for (unsigned int i = 0; i < 16; i += 2)
		snprintf(request.lease.wants[i].region, MMIOD_WIRE_NAME, SHUT_REGION);
	ask(fd, &request, answer);
	EXPECT_EQ(answer->n_fds, 8);
	for (unsigned int i = 0; i < 16; i++)
		EXPECT_EQ(granted(answer, i)->status, i % 2 ? MMIOD_OK : MMIOD_E_DENIED);
	/* Files of their own: moving the position of one does not move the others'. */
	EXPECT_EQ(lseek(answer->fds[0], 1000, SEEK_SET), 1000);
	for (unsigned int i = 1; i < answer->n_fds; i++)
		EXPECT_EQ(lseek(answer->fds[i], 0, SEEK_CUR), 0);
}

ATTACK(a_client_without_room_for_descriptors_can_go_on)
{
	struct answer *answer = malloc(sizeof(*answer));
	int fd = connect_greeted();
	const struct rlimit few = { (rlim_t)fd + 5, (rlim_t)fd + 5 };
	uint64_t ids[16];
	union request request;

	make_lease(&request, OPEN_REGION, 16);
	EXPECT(setrlimit(RLIMIT_NOFILE, &few) == 0);
	ask(fd, &request, answer);
	EXPECT_EQ(answer->truncated, true);
	EXPECT(answer->n_fds < 16);
	for (unsigned int i = 0; i < 16; i++)
		ids[i] = granted(answer, i)->lease;
	close_fds(answer);
	make_end(&request, MMIOD_OP_RELEASE, ids, 16);
	ask(fd, &request, answer);
	EXPECT_EQ(answer->head.status, MMIOD_OK);
	expect_status(fd);
}

/* At most the unread message and the one that waits behind it are kept for such a client. */
ATTACK(a_client_that_fetches_no_descriptors_gets_few)
{
	struct health before = health_read(), now;
	int fd = connect_greeted();
	union request request;

	for (int i = 0; i < 100; i++) {
		make_lease(&request, OPEN_REGION, 16);
		if (send(fd, &request, request.head.size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			break;
	}
	sleep_ms(200);
	now = health_read();
	if (now.fds > before.fds + 1 + 16)
		FAIL("the daemon keeps %u descriptors for it", now.fds - before.fds - 1);
	expect_others_served();
}

ATTACK(a_client_that_fetches_its_descriptors_late_gets_all_of_them)
{
	struct answer *answer = malloc(sizeof(*answer));
	int fd = connect_greeted();
	union request request;

	for (int i = 0; i < 12; i++) {
		make_lease(&request, OPEN_REGION, 16);
		send_request(fd, &request);
	}
	sleep_ms(100);
	for (int i = 0; i < 12; i++) {
		receive(fd, answer);
		EXPECT_EQ(answer->n_fds, 16);
		close_fds(answer);
	}
	expect_status(fd);
}

static void few_descriptors_unprivileged(void)
{
	victim_start("[daemon]\nconnections-per-user = 20", 64, UNPRIVILEGED);
}

/*
 * Descriptors in flight count against the daemon, which may have as many in flight as it may have
 * open; beyond that nobody gets any (ETOOMANYREFS). Who waits must get theirs as soon as there is
 * room.
 */
ATTACK_ON(descriptors_in_flight_to_idle_clients_delay_others_no_longer_than_they_last,
	  few_descriptors_unprivileged)
{
	struct answer *answer = malloc(sizeof(*answer));
	int idle[5], fd = connect_greeted();
	union request request;

	for (int i = 0; i < 5; i++)
		idle[i] = connect_greeted();
	for (int i = 0; i < 5; i++) {
		make_lease(&request, OPEN_REGION, 16);
		send_request(idle[i], &request);
		sleep_ms(20);
	}
	expect_status(fd);
	make_lease(&request, OPEN_REGION, 4);
	send_request(fd, &request);
	expect_silence(fd);
	for (int i = 0; i < 5; i++)
		close(idle[i]);
	for (int i = 0; i < 5; i++) {
		receive(fd, answer);
		EXPECT_EQ(answer->head.id, request.head.id);
		EXPECT_EQ(answer->n_fds, 4);
		close_fds(answer);
		send_request(fd, &request);
	}
	receive(fd, answer);
}
