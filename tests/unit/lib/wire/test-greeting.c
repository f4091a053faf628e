/* SPDX-License-Identifier: MIT */
/*
 * HELLO and the first request, which travel together: what the daemon makes of the one decides about
 * the other. Connecting waits for no answer.
 */
#include "support/fake.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define RW (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)

static struct mmiod_client *connect_without_waiting(struct fake *fake,
						    void (*script)(struct fake *fake),
						    void *argument)
{
	struct mmiod_client *client;

	fake_start(fake, script, argument);
	cr_assert_eq(mmiod_client_connect(fake->path, &client), 0, "%s", mmiod_client_error(NULL));
	return client;
}

static int ask(struct mmiod_client *client, struct mmiod_lease **lease)
{
	return mmiod_client_lease(client, "shm", 0, 0x1000, RW, lease);
}

/* Both are there before the fake says anything. Returns the id of HELLO; the other was read last. */
static uint64_t read_hello_and_request(struct fake *fake, uint16_t opcode)
{
	uint64_t hello;

	fake_accept_silently(fake);
	cr_expect_eq(fake_read(fake)->opcode, MMIOD_OP_HELLO);
	hello = ((struct mmiod_msg *)fake->request)->id;
	cr_expect_eq(fake_read(fake)->opcode, opcode);
	return hello;
}

static void welcome(struct fake *fake, uint64_t hello)
{
	fake_answer_hello(fake, hello, MMIOD_BACKEND_SIMULATION, false);
}

/* ---- together -------------------------------------------------------------------------------- */

static void answer_both_at_last(struct fake *fake)
{
	welcome(fake, read_hello_and_request(fake, MMIOD_OP_LEASE));
	fake_grant(fake, fake->request, 17, NULL);
}

Test(greeting, travels_with_the_first_request)
{
	size_t files = open_files();
	struct mmiod_client *client;
	struct mmiod_lease *lease;
	struct fake fake;

	client = connect_without_waiting(&fake, answer_both_at_last, NULL);
	cr_assert_eq(ask(client, &lease), 0, "%s", mmiod_client_error(client));
	cr_assert_eq(mmiod_lease_id(lease), 17);
	cr_assert_eq(client->hello.version, MMIOD_PROTOCOL_VERSION);
	mmiod_lease_free(lease);
	fake_leave(&fake, client);
	cr_assert_eq(open_files(), files);
}

/* A wait that may be cancelled goes by poll(), and not by a receive that waits. */
Test(greeting, travels_with_a_first_request_that_may_wait_for_others)
{
	struct mmiod_client *client;
	struct mmiod_lease *lease;
	struct fake fake;

	client = connect_without_waiting(&fake, answer_both_at_last, NULL);
	mmiod_client_set_wait(client, 1000);
	cr_assert_eq(ask(client, &lease), 0, "%s", mmiod_client_error(client));
	mmiod_lease_free(lease);
	fake_leave(&fake, client);
}

/* HELLO is answered when the request is broken off already. */
static void answer_hello_late(struct fake *fake)
{
	uint64_t hello = read_hello_and_request(fake, MMIOD_OP_LEASE);
	struct mmiod_msg lease = *(struct mmiod_msg *)fake->request, cancel;

	cr_expect_eq(fake_read(fake)->opcode, MMIOD_OP_CANCEL);
	cancel = *(struct mmiod_msg *)fake->request;
	welcome(fake, hello);
	memcpy(fake->request, &lease, sizeof(lease));
	fake_refuse(fake, MMIOD_E_CANCELLED, "");
	memcpy(fake->request, &cancel, sizeof(cancel));
	fake_refuse(fake, MMIOD_OK, "");
	fake_wait_hang_up(fake);
}

Test(greeting, is_heard_when_its_request_was_broken_off)
{
	struct mmiod_client *client;
	struct mmiod_lease *lease;
	struct fake fake;

	client = connect_without_waiting(&fake, answer_hello_late, NULL);
	mmiod_client_set_wait(client, UINT32_MAX);
	mmiod_client_cancel(client);
	cr_assert_eq(ask(client, &lease), -ECANCELED);
	cr_assert_eq(client->greeting, 0);
	cr_assert_geq(client->sock, 0);
	fake_leave(&fake, client);
}

/* ---- what it has to tell before ---------------------------------------------------------------- */

/* Nothing is behind HELLO until it is answered. */
static void greet_before_more_comes(struct fake *fake)
{
	struct pollfd more;

	fake_accept_silently(fake);
	fake_read(fake);
	more = (struct pollfd){ .fd = fake->sock, .events = POLLIN };
	cr_expect_eq(poll(&more, 1, 50), 0);
	welcome(fake, ((struct mmiod_msg *)fake->request)->id);
}

static void grant_one_by_one(struct fake *fake)
{
	struct mmiod_msg_hello_reply hello = { .msg = { .size = sizeof(hello),
							.opcode = MMIOD_OP_HELLO,
							.flags = MMIOD_MSG_REPLY,
							.fixed = sizeof(hello) },
					       .version = MMIOD_PROTOCOL_VERSION,
					       .max_fds = 1 };

	fake_accept_silently(fake);
	hello.msg.id = fake_read(fake)->id;
	fake_send(fake, &hello, sizeof(hello), NULL, 0);
	for (uint64_t lease = 1; lease <= 2; lease++) {
		cr_expect_eq(fake_read(fake)->count, 1);
		fake_grant(fake, fake->request, lease, NULL);
	}
}

Test(greeting, says_how_many_leases_fit_a_request_before_several_are_asked_for)
{
	struct mmiod_want wants[] = { { .region = "shm", .length = 0x1000, .rights = RW },
				      { .region = "shm", .length = 0x1000, .rights = RW } };
	struct mmiod_lease *leases[2];
	struct mmiod_client *client;
	struct fake fake;

	client = connect_without_waiting(&fake, grant_one_by_one, NULL);
	cr_assert_eq(mmiod_client_lease_many(client, wants, 2, 0, leases, NULL), 2);
	mmiod_lease_free(leases[0]);
	mmiod_lease_free(leases[1]);
	fake_leave(&fake, client);
}

static void grant_memory(struct fake *fake)
{
	const struct mmiod_wire_alloc *asked;

	greet_before_more_comes(fake);
	asked = fake_element(fake_read(fake), 0);
	cr_expect_eq(asked->max_extents, fake->features ? MMIOD_EXTENTS_MAX : 0u);
	fake_grant(fake, fake->request, 17, NULL);
}

static void allocate_from(uint64_t features)
{
	struct mmiod_allocation want = { .region = "shm", .length = 0x1000 };
	struct mmiod_lease *lease;
	struct mmiod_client *client;
	struct fake fake;

	fake_start(&fake, grant_memory, NULL);
	fake.features = features;
	cr_assert_eq(mmiod_client_connect(fake.path, &client), 0);
	cr_assert_eq(mmiod_client_allocate(client, &want, &lease), 0, "%s",
		     mmiod_client_error(client));
	mmiod_lease_free(lease);
	fake_leave(&fake, client);
}

Test(greeting, says_whether_memory_may_come_in_several_extents_before_it_is_asked_for)
{
	allocate_from(0);
	allocate_from(MMIOD_HELLO_EXTENTS);
}

static void greet_and_stay(struct fake *fake)
{
	greet_before_more_comes(fake);
	fake_wait_hang_up(fake);
}

Test(greeting, is_over_when_the_program_polls_for_events)
{
	struct mmiod_client *client;
	struct mmiod_event event;
	struct pollfd events = { .events = POLLIN };
	struct fake fake;

	client = connect_without_waiting(&fake, greet_and_stay, NULL);
	events.fd = mmiod_client_event_fd(client);
	cr_assert_geq(events.fd, 0);
	cr_assert_eq(poll(&events, 1, 0), 0, "it is no event");
	cr_assert_eq(mmiod_client_next_event(client, &event), 0);
	fake_leave(&fake, client);
}

static void greet_and_tell(struct fake *fake)
{
	fake_accept(fake);
	fake_event(fake, MMIOD_EVENT_REVOKED, 3, "by whom");
	fake_wait_hang_up(fake);
}

Test(greeting, is_no_event_to_a_program_that_only_connects_and_looks)
{
	struct mmiod_client *client;
	struct mmiod_event event;
	struct fake fake;
	int n;

	client = connect_without_waiting(&fake, greet_and_tell, NULL);
	while (!(n = mmiod_client_next_event(client, &event)))
		usleep(1000);
	cr_assert_eq(n, 1, "%s", mmiod_client_error(client));
	cr_assert_eq(event.lease, 3);
	cr_assert_eq(client->greeting, 0);
	fake_leave(&fake, client);
}

static void grant_after_hello(struct fake *fake)
{
	greet_before_more_comes(fake);
	cr_expect_eq(fake_read(fake)->opcode, MMIOD_OP_LEASE);
	fake_grant(fake, fake->request, 17, NULL);
}

Test(greeting, comes_before_a_request_that_is_not_waited_for)
{
	struct mmiod_want want = { .region = "shm", .length = 0x1000, .rights = RW };
	struct pollfd answer = { .events = POLLIN };
	struct mmiod_client *client;
	struct mmiod_lease *lease;
	struct mmiod_wait *wait;
	struct fake fake;

	client = connect_without_waiting(&fake, grant_after_hello, NULL);
	cr_assert_eq(mmiod_wait_start(client, &want, 1, 0, 0, &wait), 0);
	answer.fd = mmiod_wait_fd(wait);
	cr_assert_eq(poll(&answer, 1, -1), 1);
	cr_assert_eq(mmiod_wait_finish(wait, &lease, NULL), 1);
	mmiod_lease_free(lease);
	fake_leave(&fake, client);
}

/* ---- the name of the process ------------------------------------------------------------------- */

static void read_name(struct fake *fake)
{
	const struct mmiod_msg_hello *hello;

	fake_accept_silently(fake);
	hello = (const void *)fake_read(fake);
	cr_expect_eq(hello->msg.fixed, sizeof(*hello));
	cr_expect_str_eq(hello->comm, fake->argument);
	welcome(fake, hello->msg.id);
	fake_wait_hang_up(fake);
}

Test(greeting, tells_the_name_of_the_process)
{
	struct mmiod_client *client;
	struct fake fake;

	prctl(PR_SET_NAME, "fifteen letters");
	client = connect_without_waiting(&fake, read_name, (void *)"fifteen letters");
	cr_assert_geq(mmiod_client_event_fd(client), 0);
	fake_leave(&fake, client);
}

static void *connect_as_worker(void *data)
{
	struct mmiod_client **client = data;

	prctl(PR_SET_NAME, "worker");
	cr_assert_eq(mmiod_client_connect(NULL, client), 0);
	return NULL;
}

Test(greeting, tells_no_name_of_a_thread)
{
	char name[16] = "";
	struct mmiod_client *client;
	pthread_t worker;
	struct fake fake;

	snprintf(name, sizeof(name), "%s", program_invocation_short_name);
	fake_start(&fake, read_name, name);
	setenv("MMIOD_SOCKET", fake.path, 1);
	cr_assert_eq(pthread_create(&worker, NULL, connect_as_worker, &client), 0);
	pthread_join(worker, NULL);
	cr_assert_geq(mmiod_client_event_fd(client), 0);
	fake_leave(&fake, client);
}

/* As a daemon that does not know that HELLO has a name. */
static void refuse_name(struct fake *fake)
{
	fake_accept_silently(fake);
	cr_expect_gt(fake_read(fake)->fixed, MMIOD_V1_HELLO);
	fake_refuse(fake, MMIOD_E_PROTOCOL, "the fixed part asks for something unknown here");
	fake_hang_up(fake);
}

static void greet_without_name(struct fake *fake)
{
	fake_accept_silently(fake);
	cr_expect_eq(fake_read(fake)->fixed, MMIOD_V1_HELLO);
	cr_expect_eq(((struct mmiod_msg *)fake->request)->size, MMIOD_V1_HELLO);
	welcome(fake, ((struct mmiod_msg *)fake->request)->id);
}

/* Twice: the second connection begins with what the first found out. */
static void serve_as_older(struct fake *fake)
{
	refuse_name(fake);
	for (uint64_t lease = 1; lease <= 2; lease++) {
		greet_without_name(fake);
		cr_expect_eq(fake_read(fake)->opcode, MMIOD_OP_LEASE);
		fake_grant(fake, fake->request, lease, NULL);
		fake_hang_up(fake);
	}
}

Test(greeting, is_repeated_without_the_name_to_an_older_daemon)
{
	size_t files = open_files();
	struct mmiod_client *client;
	struct mmiod_lease *lease;
	struct fake fake;

	client = connect_without_waiting(&fake, serve_as_older, NULL);
	for (uint64_t id = 1; id <= 2; id++) {
		cr_assert_eq(ask(client, &lease), 0, "%s", mmiod_client_error(client));
		cr_assert_eq(mmiod_lease_id(lease), id);
		mmiod_lease_free(lease);
	}
	fake_leave(&fake, client);
	cr_assert_eq(open_files(), files);
}

static void wait_as_older(struct fake *fake)
{
	refuse_name(fake);
	greet_without_name(fake);
	fake_event(fake, MMIOD_EVENT_REVOKED, 3, "by whom");
	fake_wait_hang_up(fake);
}

Test(greeting, is_repeated_for_who_only_connects_and_looks)
{
	struct mmiod_client *client;
	struct mmiod_event event;
	struct fake fake;
	int n;

	client = connect_without_waiting(&fake, wait_as_older, NULL);
	while (!(n = mmiod_client_next_event(client, &event)))
		usleep(1000);
	cr_assert_eq(n, 1, "%s", mmiod_client_error(client));
	fake_leave(&fake, client);
}

Test(greeting, is_repeated_for_who_polls)
{
	struct mmiod_client *client;
	struct pollfd events = { .events = POLLIN };
	struct fake fake;

	client = connect_without_waiting(&fake, wait_as_older, NULL);
	events.fd = mmiod_client_event_fd(client);
	cr_assert_geq(events.fd, 0);
	cr_assert_eq(poll(&events, 1, -1), 1);
	fake_leave(&fake, client);
}

static void refuse_name_for_ever(struct fake *fake)
{
	refuse_name(fake);
	fake_accept_silently(fake);
	fake_read(fake);
	fake_refuse(fake, MMIOD_E_PROTOCOL, "whatever it is");
	fake_hang_up(fake);
}

Test(greeting, is_repeated_once)
{
	struct mmiod_client *client;
	struct mmiod_lease *lease;
	struct fake fake;

	client = connect_without_waiting(&fake, refuse_name_for_ever, NULL);
	cr_assert_eq(ask(client, &lease), -EPROTO);
	cr_assert_str_eq(mmiod_client_error(client), "whatever it is");
	fake_leave(&fake, client);
}

/* ---- refused --------------------------------------------------------------------------------- */

/* How a daemon may refuse; all of them give the reason to a request that is behind HELLO already. */
static void refuse_both_read(struct fake *fake)
{
	uint64_t hello = read_hello_and_request(fake, MMIOD_OP_LEASE);

	((struct mmiod_msg *)fake->request)->opcode = MMIOD_OP_HELLO;
	((struct mmiod_msg *)fake->request)->id = hello;
	fake_refuse(fake, MMIOD_E_VERSION, "the daemon speaks protocol version 2");
	fake_hang_up(fake);
}

static void wait_for_second_packet(struct fake *fake)
{
	char bytes[16];

	while (recv(fake->sock, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT) < 0)
		usleep(1000);
}

/* The kernel tells a client that its request was not read before it tells what was said. */
static void refuse_one_unread(struct fake *fake)
{
	fake_accept_silently(fake);
	fake_read(fake);
	wait_for_second_packet(fake);
	fake_refuse(fake, MMIOD_E_VERSION, "the daemon speaks protocol version 2");
	fake_hang_up(fake);
}

/* As one that lets nobody in: it reads nothing, and names no id. */
static void refuse_unasked(struct fake *fake)
{
	char bytes[MMIOD_MSG_MAX];

	fake_accept_silently(fake);
	memset(fake->request, 0, sizeof(struct mmiod_msg));
	fake_refuse(fake, MMIOD_E_VERSION, "the daemon speaks protocol version 2");
	shutdown(fake->sock, SHUT_RD);
	while (recv(fake->sock, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	fake_hang_up(fake);
}

static void (*const refusals[])(struct fake *fake) = { refuse_both_read, refuse_one_unread,
						       refuse_unasked };

Test(greeting, that_is_refused_is_the_reason_why_the_first_request_fails)
{
	size_t files = open_files();
	struct mmiod_client *client;
	struct mmiod_lease *lease;
	struct fake fake;

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		client = connect_without_waiting(&fake, refusals[i], NULL);
		cr_assert_eq(ask(client, &lease), -EPROTONOSUPPORT, "%zu: %s", i,
			     mmiod_client_error(client));
		cr_assert_null(lease);
		cr_assert_str_eq(mmiod_client_error(client),
				 "the daemon speaks protocol version 2");
		cr_assert_eq(client->sock, -1);
		fake_leave(&fake, client);
		cr_assert_eq(open_files(), files);
	}
}

/* The second request finds the connection closed before it is sent. */
static void refuse_and_say(struct fake *fake)
{
	refuse_unasked(fake);
	fake_accept(fake);
	cr_expect_eq(fake_read(fake)->opcode, MMIOD_OP_LEASE);
	fake_grant(fake, fake->request, 17, NULL);
}

Test(greeting, that_is_refused_leaves_a_client_that_connects_again_with_the_next_request)
{
	struct mmiod_client *client;
	struct mmiod_lease *lease;
	struct fake fake;

	client = connect_without_waiting(&fake, refuse_and_say, NULL);
	cr_assert_eq(ask(client, &lease), -EPROTONOSUPPORT);
	cr_assert_eq(ask(client, &lease), 0, "%s", mmiod_client_error(client));
	mmiod_lease_free(lease);
	fake_leave(&fake, client);
}

static void refuse_and_greet(struct fake *fake)
{
	refuse_unasked(fake);
	fake_accept(fake);
	cr_expect_eq(fake_read(fake)->opcode, MMIOD_OP_STATUS);
	fake_refuse(fake, MMIOD_E_BUSY, "in time");
	fake_wait_hang_up(fake);
}

/* It asks once, and then only with a request. */
Test(greeting, that_is_refused_fails_the_descriptor_for_events_too)
{
	struct mmiod_client *client;
	struct mmiod_status status;
	struct fake fake;

	client = connect_without_waiting(&fake, refuse_and_greet, NULL);
	cr_assert_eq(mmiod_client_event_fd(client), -EPROTONOSUPPORT);
	cr_assert_str_eq(mmiod_client_error(client), "the daemon speaks protocol version 2");
	cr_assert_eq(mmiod_client_event_fd(client), -EPROTONOSUPPORT);
	cr_assert_not_null(strstr(mmiod_client_error(client), "has not let this client in"));
	cr_assert_eq(mmiod_client_status(client, &status), -EBUSY);
	cr_assert_geq(mmiod_client_event_fd(client), 0);
	fake_leave(&fake, client);
}

Test(greeting, that_is_refused_is_told_to_who_looks_for_events)
{
	struct mmiod_client *client;
	struct mmiod_event event;
	struct fake fake;
	int err;

	client = connect_without_waiting(&fake, refuse_unasked, NULL);
	while (!(err = mmiod_client_next_event(client, &event)))
		usleep(1000);
	cr_assert_eq(err, -EPROTONOSUPPORT);
	cr_assert_str_eq(mmiod_client_error(client), "the daemon speaks protocol version 2");
	fake_leave(&fake, client);
}

Test(greeting, that_is_refused_starts_no_wait)
{
	struct mmiod_want want = { .region = "shm", .length = 0x1000, .rights = RW };
	size_t files = open_files();
	struct mmiod_client *client;
	struct mmiod_wait *wait;
	struct fake fake;

	client = connect_without_waiting(&fake, refuse_unasked, NULL);
	cr_assert_eq(mmiod_wait_start(client, &want, 1, 0, 0, &wait), -EPROTONOSUPPORT);
	cr_assert_null(wait);
	fake_leave(&fake, client);
	cr_assert_eq(open_files(), files);
}

/* With files that nobody asked for. */
static void refuse_with_files(struct fake *fake)
{
	struct mmiod_msg_error reply = { .msg = { .size = sizeof(reply),
						  .opcode = MMIOD_OP_HELLO,
						  .flags = MMIOD_MSG_REPLY,
						  .fds = 2,
						  .status = MMIOD_E_DENIED,
						  .fixed = sizeof(reply) } };
	int fds[2] = { memory_file(1), memory_file(1) };

	reply.msg.id = read_hello_and_request(fake, MMIOD_OP_LEASE);
	fake_send(fake, &reply, sizeof(reply), fds, 2);
	close(fds[0]);
	close(fds[1]);
}

Test(greeting, that_is_refused_with_files_leaves_none_open)
{
	size_t files = open_files();
	struct mmiod_client *client;
	struct mmiod_lease *lease;
	struct fake fake;

	client = connect_without_waiting(&fake, refuse_with_files, NULL);
	cr_assert_eq(ask(client, &lease), -EACCES);
	fake_leave(&fake, client);
	cr_assert_eq(open_files(), files);
}

/* ---- badly answered -------------------------------------------------------------------------- */

static void grant_without_greeting(struct fake *fake)
{
	read_hello_and_request(fake, MMIOD_OP_LEASE);
	fake_grant(fake, fake->request, 17, NULL);
	fake_wait_hang_up(fake);
}

Test(greeting, that_is_missing_makes_what_follows_worth_nothing)
{
	size_t files = open_files();
	struct mmiod_client *client;
	struct mmiod_lease *lease;
	struct fake fake;

	client = connect_without_waiting(&fake, grant_without_greeting, NULL);
	cr_assert_eq(ask(client, &lease), -EPROTO);
	cr_assert_null(lease);
	cr_assert_not_null(strstr(mmiod_client_error(client), "greeting is malformed"));
	fake_leave(&fake, client);
	cr_assert_eq(open_files(), files);
}

/* ---- a daemon that goes away ------------------------------------------------------------------- */

static void die_and_be_followed(struct fake *fake)
{
	read_hello_and_request(fake, MMIOD_OP_LEASE);
	fake_hang_up(fake);
	greet_before_more_comes(fake);
	cr_expect_eq(fake_read(fake)->opcode, MMIOD_OP_LEASE);
	fake_grant(fake, fake->request, 17, NULL);
	fake_wait_hang_up(fake);
}

Test(greeting, that_a_daemon_dies_in_is_answered_by_the_next_with_the_request_once)
{
	struct mmiod_client *client;
	struct mmiod_lease *lease;
	struct fake fake;

	client = connect_without_waiting(&fake, die_and_be_followed, NULL);
	cr_assert_eq(ask(client, &lease), 0, "%s", mmiod_client_error(client));
	mmiod_lease_free(lease);
	fake_leave(&fake, client);
}

/* Those that follow are greeted before they are asked, so each dies of the request alone. */
static void die_of_the_request(struct fake *fake)
{
	welcome(fake, read_hello_and_request(fake, MMIOD_OP_LEASE));
	fake_hang_up(fake);
	for (int i = 0; i < 2; i++) {
		fake_accept(fake);
		fake_read(fake);
		fake_hang_up(fake);
	}
}

Test(greeting, does_not_make_a_request_kill_more_daemons)
{
	struct mmiod_client *client;
	struct mmiod_lease *lease;
	struct fake fake;

	client = connect_without_waiting(&fake, die_of_the_request, NULL);
	cr_assert_eq(ask(client, &lease), -ECONNRESET);
	cr_assert_not_null(strstr(mmiod_client_error(client), "each time it was asked"));
	fake_leave(&fake, client);
}

static void hang(struct fake *fake)
{
	uint64_t hello = read_hello_and_request(fake, MMIOD_OP_LEASE);

	cr_expect_eq(fake_read(fake)->opcode, MMIOD_OP_STATUS);
	welcome(fake, hello);
	fake_refuse(fake, MMIOD_E_BUSY, "in time");
	fake_wait_hang_up(fake);
}

Test(greeting, that_comes_too_late_for_one_request_is_there_for_the_next)
{
	struct mmiod_client *client;
	struct mmiod_status status;
	struct mmiod_lease *lease;
	struct fake fake;

	client = connect_without_waiting(&fake, hang, NULL);
	client->timeout_ms = 50;
	cr_assert_eq(ask(client, &lease), -ETIMEDOUT);
	client->timeout_ms = 600000;
	cr_assert_eq(mmiod_client_status(client, &status), -EBUSY);
	cr_assert_str_eq(mmiod_client_error(client), "in time");
	fake_leave(&fake, client);
}

static void say_nothing(struct fake *fake)
{
	fake_accept_silently(fake);
	fake_read(fake);
	fake_wait_hang_up(fake);
}

Test(greeting, that_nobody_waits_for_leaves_no_file_behind)
{
	size_t files = open_files();
	struct fake fake;

	mmiod_client_free(connect_without_waiting(&fake, say_nothing, NULL));
	fake_stop(&fake);
	cr_assert_eq(open_files(), files);
}
