/* SPDX-License-Identifier: MIT */
#include "support/fake.h"

#include <string.h>
#include <fcntl.h>
#include <unistd.h>

#define RW (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)

/* ---- granted ---- */

static void grant_one(struct fake *fake)
{
	const struct mmiod_msg_lease *request;
	const struct mmiod_wire_want *want;

	fake_accept(fake);
	request = (const void *)fake_read(fake);
	want = fake_element(request, 0);
	cr_expect_eq(request->msg.opcode, MMIOD_OP_LEASE);
	cr_expect_eq(request->msg.size, fake->request_size);
	cr_expect_eq(request->msg.fixed, MMIOD_V1_LEASE_REQUEST);
	cr_expect_eq(request->msg.stride, MMIOD_V1_WANT);
	cr_expect_eq(request->msg.count, 1);
	cr_expect_eq(request->msg.fds, 0);
	cr_expect_eq(request->msg.flags, 0);
	cr_expect_eq(request->msg.status, 0);
	cr_expect_eq(request->flags, 0);
	cr_expect_eq(request->reserved, 0);
	cr_expect_str_eq(want->region, "fpga-ctrl");
	cr_expect_eq(want->offset, 0x2000);
	cr_expect_eq(want->length, 0x1000);
	cr_expect_eq(want->rights, RW);
	cr_expect_eq(want->memtype, MMIOD_MEMTYPE_WC);
	cr_expect_eq(want->width, 4);
	cr_expect_eq(want->share, MMIOD_SHARE_READ);
	cr_expect_eq(want->flags, MMIOD_LEASE_CONNECTION);
	cr_expect_eq(want->reserved, 0);
	fake_grant(fake, request, 17, NULL);
}

Test(lease, says_on_the_wire_what_is_wanted)
{
	struct mmiod_want want = { .region = "fpga-ctrl",
				   .offset = 0x2000,
				   .length = 0x1000,
				   .rights = RW,
				   .cache = MMIOD_MEMTYPE_WC,
				   .width = 4,
				   .share = MMIOD_SHARE_READ,
				   .flags = MMIOD_WANT_CONNECTION };
	size_t files = open_files();
	struct mmiod_client *client;
	struct mmiod_lease *lease;
	enum mmiod_state state;
	struct fake fake;
	int err = 1;

	client = fake_serve(&fake, grant_one, NULL);
	cr_assert_eq(mmiod_client_lease_many(client, &want, 1, 0, &lease, &err), 1);
	cr_assert_eq(err, 0);
	cr_assert_eq(mmiod_lease_id(lease), 17);
	cr_assert_eq(mmiod_lease_offset(lease), 0x2000);
	cr_assert_eq(mmiod_lease_length(lease), 0x1000);
	cr_assert_eq(mmiod_lease_rights(lease), RW);
	cr_assert_eq(mmiod_lease_memtype(lease), MMIOD_MEMTYPE_WC);
	cr_assert_eq(mmiod_lease_share(lease), MMIOD_SHARE_READ);
	cr_assert_eq(mmiod_lease_width(lease), 4);
	cr_assert_eq(mmiod_lease_map_offset(lease), 0x2000);
	cr_assert(mmiod_lease_mappable(lease));
	cr_assert_eq(mmiod_lease_state(lease, &state), 0);
	cr_assert_eq(state, MMIOD_STATE_OK);
	cr_assert_eq(fcntl(mmiod_lease_fd(lease), F_GETFD), FD_CLOEXEC);
	mmiod_lease_free(lease);
	mmiod_lease_free(NULL);
	fake_leave(&fake, client);
	cr_assert_eq(open_files(), files);
}

static void grant_by_default(struct fake *fake)
{
	const struct mmiod_msg_lease *request;
	const struct mmiod_wire_want *want;

	fake_accept(fake);
	request = (const void *)fake_read(fake);
	want = fake_element(request, 0);
	cr_expect_eq(want->rights, MMIOD_RIGHT_READ);
	cr_expect_eq(want->memtype, 0);
	cr_expect_eq(want->share, 0);
	fake_grant(fake, request, 1, NULL);
}

Test(lease, without_rights_is_for_reading)
{
	struct mmiod_client *client;
	struct fake fake;

	client = fake_serve(&fake, grant_by_default, NULL);
	mmiod_lease_free(lease_or_fail(client, 0, 0x1000, 0));
	fake_leave(&fake, client);
}

Test(lease, lives_on_without_its_client)
{
	struct mmiod_client *client;
	struct mmiod_lease *lease;
	struct fake fake;
	uint64_t number = 0;

	client = fake_serve(&fake, grant_by_default, NULL);
	lease = lease_or_fail(client, 0, 0x1000, 0);
	fake_leave(&fake, client);
	cr_assert_eq(mmiod_lease_read(lease, 0, 8, 1, &number), 0);
	cr_assert_eq(number, 1);
	cr_assert_eq(mmiod_lease_release(lease), -ENOTCONN);
	cr_assert(strstr(mmiod_client_error(NULL), "its client was freed"));
	mmiod_lease_free(lease);
}

/* ---- batches ---- */

static void grant_forty_backwards(struct fake *fake)
{
	static uint8_t requests[3][REQUEST_MAX];

	fake_accept(fake);
	for (size_t i = 0; i < 3; i++) {
		const struct mmiod_msg *request = fake_read(fake);

		cr_expect_eq(request->count, i < 2 ? 16 : 8);
		memcpy(requests[i], request, request->size);
	}
	for (size_t i = 3; i-- > 0;)
		fake_grant(fake, requests[i], 100 * i, NULL);
}

/*
 * The fake answers only when all three requests have
 * come: they must be sent without waiting for replies.
 */
Test(lease, many_go_in_batches_whose_replies_come_in_any_order)
{
	struct mmiod_want wants[40];
	struct mmiod_lease *leases[40];
	size_t files = open_files();
	struct mmiod_client *client;
	struct fake fake;
	int errors[40];

	for (size_t i = 0; i < 40; i++)
		wants[i] =
			(struct mmiod_want){ .region = "shm", .offset = i * 0x1000, .length = 8 };
	client = fake_serve(&fake, grant_forty_backwards, NULL);
	cr_assert_eq(mmiod_client_lease_many(client, wants, 40, 0, leases, errors), 40);
	for (size_t i = 0; i < 40; i++) {
		uint64_t number, expected = 100 * (i / 16) + i % 16;

		cr_assert_eq(errors[i], 0);
		cr_assert_eq(mmiod_lease_id(leases[i]), expected);
		cr_assert_eq(mmiod_lease_offset(leases[i]), i * 0x1000);
		cr_assert_eq(mmiod_lease_read(leases[i], 0, 8, 1, &number), 0);
		cr_assert_eq(number, expected, "the file is another lease's");
		mmiod_lease_free(leases[i]);
	}
	fake_leave(&fake, client);
	cr_assert_eq(open_files(), files);
}

static void die_in_the_second_of_three(struct fake *fake)
{
	uint8_t first[REQUEST_MAX];

	fake_accept(fake);
	memcpy(first, fake_read(fake), sizeof(first));
	fake_read(fake);
	fake_read(fake);
	fake_grant(fake, first, 0, NULL);
	fake_hang_up(fake);
	fake_accept(fake);
	for (size_t i = 1; i < 3; i++)
		fake_grant(fake, fake_read(fake), 100 * i, NULL);
}

Test(lease, many_survive_a_daemon_that_dies_among_them)
{
	struct mmiod_want wants[40];
	struct mmiod_lease *leases[40];
	struct mmiod_client *client;
	struct fake fake;

	for (size_t i = 0; i < 40; i++)
		wants[i] =
			(struct mmiod_want){ .region = "shm", .offset = i * 0x1000, .length = 8 };
	client = fake_serve(&fake, die_in_the_second_of_three, NULL);
	cr_assert_eq(mmiod_client_lease_many(client, wants, 40, 0, leases, NULL), 40, "%s",
		     mmiod_client_error(client));
	for (size_t i = 0; i < 40; i++) {
		cr_assert_eq(mmiod_lease_id(leases[i]), 100 * (i / 16) + i % 16);
		mmiod_lease_free(leases[i]);
	}
	fake_leave(&fake, client);
}

static void refuse_the_middle(struct fake *fake)
{
	const struct mmiod_msg *request;
	struct {
		struct mmiod_msg msg;
		struct mmiod_wire_granted granted[3];
		char text[20];
	} reply = { .msg = { .size = sizeof(reply),
			     .opcode = MMIOD_OP_LEASE,
			     .flags = MMIOD_MSG_REPLY,
			     .fds = 2,
			     .fixed = sizeof(struct mmiod_msg),
			     .count = 3,
			     .stride = sizeof(struct mmiod_wire_granted) },
		    .text = "held by pid 4711" };
	int fds[2] = { memory_file(0x1000), memory_file(0x2000) };

	fake_accept(fake);
	request = fake_read(fake);
	reply.msg.id = request->id;
	for (size_t i = 0; i < 3; i++)
		reply.granted[i] = (struct mmiod_wire_granted){ .lease = i + 1, .length = 0x1000 };
	reply.granted[1].status = MMIOD_E_BUSY;
	reply.granted[1].text = (struct mmiod_msg_text){ offsetof(typeof(reply), text), 16 };
	fake_send(fake, &reply, sizeof(reply), fds, 2);
	close(fds[0]);
	close(fds[1]);
}

static const struct mmiod_want three[3] = { { .region = "a" },
					    { .region = "b" },
					    { .region = "c" } };

Test(lease, refused_among_others_leaves_them_their_files)
{
	struct mmiod_lease *leases[3];
	struct mmiod_client *client;
	struct fake fake;
	int errors[3];

	client = fake_serve(&fake, refuse_the_middle, NULL);
	cr_assert_eq(mmiod_client_lease_many(client, three, 3, 0, leases, errors), 2);
	cr_assert_eq(errors[0], 0);
	cr_assert_eq(errors[1], -EBUSY);
	cr_assert_eq(errors[2], 0);
	cr_assert_null(leases[1]);
	cr_assert_str_eq(mmiod_client_error(client), "held by pid 4711");
	cr_assert_eq(lseek(mmiod_lease_fd(leases[0]), 0, SEEK_END), 0x1000);
	cr_assert_eq(lseek(mmiod_lease_fd(leases[2]), 0, SEEK_END), 0x2000,
		     "the files are mixed up");
	mmiod_lease_free(leases[0]);
	mmiod_lease_free(leases[2]);
	fake_leave(&fake, client);
}

Test(lease, all_or_none_keeps_none_when_one_is_refused)
{
	size_t files = open_files();
	struct mmiod_lease *leases[3];
	struct mmiod_client *client;
	struct fake fake;
	int errors[3];

	client = fake_serve(&fake, refuse_the_middle, NULL);
	cr_assert_eq(mmiod_client_lease_many(client, three, 3, MMIOD_LEASE_ALL, leases, errors),
		     -EBUSY);
	for (size_t i = 0; i < 3; i++) {
		cr_assert_null(leases[i]);
		cr_assert_lt(errors[i], 0);
	}
	fake_leave(&fake, client);
	cr_assert_eq(open_files(), files);
}

/* ---- refused ---- */

static void refuse_as_told(struct fake *fake)
{
	const enum mmiod_outcome *outcome = fake->argument;

	fake_accept(fake);
	fake_read(fake);
	fake_refuse(fake, *outcome, "rule 20-fpga.conf:7 needs group fpga");
}

Test(lease, refused_carries_the_daemons_sentence)
{
	enum mmiod_outcome outcome = MMIOD_E_DENIED;
	struct mmiod_client *client;
	struct mmiod_lease *lease;
	struct fake fake;

	client = fake_serve(&fake, refuse_as_told, &outcome);
	cr_assert_eq(mmiod_client_lease(client, "shm", 0, 0, RW, &lease), -EACCES);
	cr_assert_null(lease);
	cr_assert_str_eq(mmiod_client_error(client), "rule 20-fpga.conf:7 needs group fpga");
	fake_leave(&fake, client);
}

static void expect_no_request(struct fake *fake)
{
	fake_accept(fake);
	fake_wait_hang_up(fake);
}

Test(lease, that_cannot_be_said_is_refused_before_it_is_sent)
{
	struct mmiod_want wants[17] = { { .region = "ok" }, { .region = NULL } };
	struct mmiod_lease *leases[17];
	struct mmiod_client *client;
	struct fake fake;
	int errors[17];

	client = fake_serve(&fake, expect_no_request, NULL);
	cr_assert_eq(mmiod_client_lease_many(client, wants, 0, 0, leases, errors), -EINVAL);
	cr_assert_eq(mmiod_client_lease_many(client, wants, 2, 0, leases, errors), -EINVAL);
	cr_assert_eq(errors[0], -EINVAL);
	wants[1].region = "";
	cr_assert_eq(mmiod_client_lease_many(client, wants, 2, 0, leases, errors), -EINVAL);
	wants[1].region = "a2345678901234567890123456789012";
	cr_assert_eq(mmiod_client_lease_many(client, wants, 2, 0, leases, errors), -EINVAL);
	cr_assert(strstr(mmiod_client_error(client), "at most 31"));
	cr_assert_eq(mmiod_client_lease_many(client, wants, 1, 2, leases, errors), -EINVAL);
	for (size_t i = 0; i < 17; i++)
		wants[i].region = "ok";
	cr_assert_eq(mmiod_client_lease_many(client, wants, 17, MMIOD_LEASE_ALL, leases, errors),
		     -EINVAL);
	fake_leave(&fake, client);
}

/* ---- a daemon that breaks the protocol ---- */

static void grant_badly(struct fake *fake)
{
	fake_accept(fake);
	fake_grant(fake, fake_read(fake), 1, fake->argument);
	fake_wait_hang_up(fake);
	fake_accept(fake);
	fake_grant(fake, fake_read(fake), 2, NULL);
}

/* The connection is given up, nothing leaks, and the next request makes another connection. */
static void meets(struct flaw flaw, const char *what)
{
	size_t files = open_files();
	struct mmiod_client *client;
	struct mmiod_lease *lease;
	struct fake fake;

	client = fake_serve(&fake, grant_badly, &flaw);
	cr_assert_eq(mmiod_client_lease(client, "shm", 0, 0x1000, RW, &lease), -EPROTO, "%s", what);
	cr_assert_null(lease);
	cr_assert_not(strlen(mmiod_client_error(client)) == 0);
	lease = lease_or_fail(client, 0, 0x1000, RW);
	cr_assert_eq(mmiod_lease_id(lease), 2);
	mmiod_lease_free(lease);
	fake_leave(&fake, client);
	cr_assert_eq(open_files(), files, "%s leaks", what);
}

Test(lease, answered_with_an_id_never_used_is_refused)
{
	meets((struct flaw){ .id = 1000 }, "id");
}

Test(lease, answered_with_a_wrong_size_is_refused)
{
	meets((struct flaw){ .size = 8 }, "too long");
	meets((struct flaw){ .size = -8 }, "too short");
}

Test(lease, answered_with_fewer_files_is_refused)
{
	meets((struct flaw){ .files = -1, .declared = 1 }, "declared, not sent");
	meets((struct flaw){ .files = -1 }, "neither declared nor sent");
}

Test(lease, answered_with_surplus_files_is_refused)
{
	meets((struct flaw){ .files = 1, .declared = -1 }, "sent, not declared");
	meets((struct flaw){ .files = 2 }, "declared and sent");
	meets((struct flaw){ .files = 40 }, "forty");
}

Test(lease, answered_for_another_number_of_elements_is_refused)
{
	meets((struct flaw){ .count = -1 }, "none");
	meets((struct flaw){ .count = 1 }, "beyond the message");
}

Test(lease, answered_with_a_fixed_part_beyond_the_message_is_refused)
{
	meets((struct flaw){ .fixed = 4096 }, "fixed part");
	meets((struct flaw){ .fixed = -1 }, "fixed part");
}

static void send_too_much(struct fake *fake)
{
	static uint8_t huge[MMIOD_MSG_MAX + 8];
	int fd = memory_file(1);

	fake_accept(fake);
	memcpy(huge, fake_read(fake), sizeof(struct mmiod_msg));
	((struct mmiod_msg *)huge)->flags = MMIOD_MSG_REPLY;
	fake_send(fake, huge, sizeof(huge), &fd, 1);
	close(fd);
	fake_wait_hang_up(fake);
}

Test(lease, answered_with_more_than_a_message_may_have_is_refused)
{
	size_t files = open_files();
	struct mmiod_client *client;
	struct mmiod_lease *lease;
	struct fake fake;

	client = fake_serve(&fake, send_too_much, NULL);
	cr_assert_eq(mmiod_client_lease(client, "shm", 0, 0, RW, &lease), -EPROTO);
	fake_leave(&fake, client);
	cr_assert_eq(open_files(), files);
}

/* ---- no descriptors left ---- */

static void grant_to_the_poor(struct fake *fake)
{
	const struct mmiod_msg_end *release;

	fake_accept(fake);
	fake_grant(fake, fake_read(fake), 1, &(struct flaw){ .room = 3 });
	release = (const void *)fake_read(fake);
	cr_expect_eq(release->msg.opcode, MMIOD_OP_RELEASE);
	cr_expect_eq(release->msg.count, 16, "what was lost is given back");
	fake_end(fake, MMIOD_OK, "");
	fake_make_room(fake);
	fake_grant(fake, fake_read(fake), 50, NULL);
}

Test(lease, without_free_descriptors_fails_and_keeps_the_connection)
{
	struct mmiod_want wants[16];
	struct mmiod_lease *leases[16];
	size_t files = open_files();
	struct mmiod_client *client;
	struct fake fake;
	int errors[16];

	for (size_t i = 0; i < 16; i++)
		wants[i] = (struct mmiod_want){ .region = "shm", .length = 8 };
	client = fake_serve(&fake, grant_to_the_poor, NULL);
	cr_assert_eq(mmiod_client_lease_many(client, wants, 16, 0, leases, errors), -EMFILE);
	cr_assert(strstr(mmiod_client_error(client), "RLIMIT_NOFILE"));
	for (size_t i = 0; i < 16; i++) {
		cr_assert_null(leases[i]);
		cr_assert_eq(errors[i], -EMFILE);
	}
	cr_assert_eq(client->connections, 1);
	mmiod_lease_free(lease_or_fail(client, 0, 8, RW));
	cr_assert_eq(client->connections, 1, "the connection was given up");
	fake_leave(&fake, client);
	cr_assert_eq(open_files(), files);
}

/* ---- ending ---- */

static void grant_and_release(struct fake *fake)
{
	const struct mmiod_msg_end *request;
	uint64_t id;

	fake_accept(fake);
	fake_grant(fake, fake_read(fake), 17, NULL);
	request = (const void *)fake_read(fake);
	cr_expect_eq(request->msg.opcode, MMIOD_OP_RELEASE);
	cr_expect_eq(request->msg.fixed, sizeof(*request));
	cr_expect_eq(request->msg.count, 1);
	cr_expect_eq(request->msg.stride, sizeof(uint64_t));
	cr_expect_eq(request->deadline_ms, 0);
	memcpy(&id, request + 1, sizeof(id));
	cr_expect_eq(id, 17);
	fake_end(fake, MMIOD_OK, "");
}

Test(lease, is_given_back_by_its_number)
{
	size_t files = open_files();
	struct mmiod_client *client;
	struct fake fake;

	client = fake_serve(&fake, grant_and_release, NULL);
	cr_assert_eq(mmiod_lease_release(lease_or_fail(client, 0, 0x1000, RW)), 0);
	fake_leave(&fake, client);
	cr_assert_eq(open_files(), files);
}

static void die_in_release(struct fake *fake)
{
	fake_accept(fake);
	fake_grant(fake, fake_read(fake), 17, NULL);
	fake_read(fake);
	fake_hang_up(fake);
	fake_accept(fake);
	fake_read(fake);
	fake_end(fake, MMIOD_E_NOT_FOUND, "there is no lease 17");
}

Test(lease, that_a_dying_daemon_took_back_is_given_back)
{
	struct mmiod_client *client;
	struct fake fake;

	client = fake_serve(&fake, die_in_release, NULL);
	cr_assert_eq(mmiod_lease_release(lease_or_fail(client, 0, 0x1000, RW)), 0);
	fake_leave(&fake, client);
}

static void refuse_release(struct fake *fake)
{
	fake_accept(fake);
	fake_grant(fake, fake_read(fake), 17, NULL);
	fake_read(fake);
	fake_end(fake, MMIOD_E_NOT_FOUND, "there is no lease 17");
}

Test(lease, whose_release_is_refused_stays_the_callers)
{
	struct mmiod_client *client;
	struct mmiod_lease *lease;
	struct fake fake;

	client = fake_serve(&fake, refuse_release, NULL);
	lease = lease_or_fail(client, 0, 0x1000, RW);
	cr_assert_eq(mmiod_lease_release(lease), -ENOENT);
	cr_assert_str_eq(mmiod_client_error(client), "there is no lease 17");
	cr_assert_eq(mmiod_lease_id(lease), 17);
	mmiod_lease_free(lease);
	fake_leave(&fake, client);
}

/* Three of twenty are refused, in the second batch. */
static void release_in_batches(struct fake *fake)
{
	const struct mmiod_msg_end *request;

	fake_accept(fake);
	for (size_t i = 0; i < 20; i++)
		fake_grant(fake, fake_read(fake), 100 + i, NULL);
	request = (const void *)fake_read(fake);
	cr_expect_eq(request->msg.opcode, MMIOD_OP_RELEASE);
	cr_expect_eq(request->msg.count, 16);
	fake_end(fake, MMIOD_OK, "");
	request = (const void *)fake_read(fake);
	cr_expect_eq(request->msg.count, 4);
	fake_end_some(fake, 1, MMIOD_E_NOT_FOUND, "there is no such lease");
}

Test(leases, are_given_back_in_batches_and_those_refused_stay_the_callers)
{
	struct mmiod_lease *leases[20];
	size_t files = open_files();
	struct mmiod_client *client;
	struct fake fake;

	client = fake_serve(&fake, release_in_batches, NULL);
	for (size_t i = 0; i < 20; i++)
		leases[i] = lease_or_fail(client, i * 0x1000, 0x1000, RW);
	cr_assert_eq(mmiod_client_release_many(client, leases, 20), -ENOENT);
	cr_assert_str_eq(mmiod_client_error(client), "there is no such lease");
	for (size_t i = 0; i < 17; i++)
		cr_assert_null(leases[i]);
	for (size_t i = 17; i < 20; i++) {
		cr_assert_eq(mmiod_lease_id(leases[i]), 100 + i);
		mmiod_lease_free(leases[i]);
	}
	cr_assert_eq(mmiod_client_release_many(client, leases, 0), 0);
	fake_leave(&fake, client);
	cr_assert_eq(open_files(), files);
}

/* Of 17 in two batches; the first of them was done by the daemon that died. */
static void die_in_releases(struct fake *fake)
{
	fake_accept(fake);
	for (size_t i = 0; i < 17; i++)
		fake_grant(fake, fake_read(fake), 100 + i, NULL);
	fake_read(fake);
	fake_hang_up(fake);
	fake_accept(fake);
	fake_read(fake);
	fake_end(fake, MMIOD_E_NOT_FOUND, "there is no such lease");
	fake_read(fake);
	fake_end(fake, MMIOD_E_DENIED, "it is another user's");
}

Test(leases, that_a_dying_daemon_took_back_hide_no_other_refusal)
{
	struct mmiod_lease *leases[17];
	struct mmiod_client *client;
	struct fake fake;

	client = fake_serve(&fake, die_in_releases, NULL);
	for (size_t i = 0; i < 17; i++)
		leases[i] = lease_or_fail(client, i * 0x1000, 0x1000, RW);
	cr_assert_eq(mmiod_client_release_many(client, leases, 17), -EACCES);
	cr_assert_str_eq(mmiod_client_error(client), "it is another user's");
	for (size_t i = 0; i < 16; i++)
		cr_assert_null(leases[i]);
	cr_assert_eq(mmiod_lease_id(leases[16]), 116);
	mmiod_lease_free(leases[16]);
	fake_leave(&fake, client);
}

static void grant_one_each(struct fake *fake)
{
	fake_accept(fake);
	fake_grant(fake, fake_read(fake), 17, NULL);
}

Test(leases, of_another_client_are_not_given_back)
{
	struct mmiod_client *client, *other;
	struct mmiod_lease *lease;
	struct fake fake, second;

	fake_start(&fake, grant_one_each, NULL);
	fake_start(&second, fake_accept, NULL);
	client = connect_or_fail(&fake);
	other = connect_or_fail(&second);
	lease = lease_or_fail(client, 0, 0x1000, RW);
	cr_assert_eq(mmiod_client_release_many(other, &lease, 1), -EINVAL);
	cr_assert_str_eq(mmiod_client_error(other), "lease 17 was not got by this client");
	cr_assert_not_null(lease);
	mmiod_lease_free(lease);
	mmiod_client_free(other);
	fake_leave(&second, client);
	fake_stop(&fake);
}

static void revoke_with_deadline(struct fake *fake)
{
	const struct mmiod_msg_end *request;
	uint64_t id;

	fake_accept(fake);
	request = (const void *)fake_read(fake);
	cr_expect_eq(request->msg.opcode, MMIOD_OP_REVOKE);
	cr_expect_eq(request->deadline_ms, 60000);
	memcpy(&id, request + 1, sizeof(id));
	cr_expect_eq(id, 4711);
	usleep(100000); /* longer than an answer may take otherwise */
	fake_end(fake, MMIOD_OK, "");
	fake_read(fake);
	fake_refuse(fake, MMIOD_E_DENIED, "only administrators revoke");
}

Test(lease, is_revoked_by_an_administrator_who_waits_for_the_deadline)
{
	struct mmiod_client *client;
	struct fake fake;

	client = fake_serve(&fake, revoke_with_deadline, NULL);
	client->timeout_ms = 50; /* and the deadline */
	cr_assert_eq(mmiod_client_revoke(client, 4711, 60000), 0);
	client->timeout_ms = 600000;
	cr_assert_eq(mmiod_client_revoke(client, 4711, 0), -EACCES);
	cr_assert_str_eq(mmiod_client_error(client), "only administrators revoke");
	fake_leave(&fake, client);
}

/* ---- simulation ---- */

static void restart_as_another(struct fake *fake)
{
	fake_accept(fake);
	fake_grant(fake, fake_read(fake), 17, NULL);
	fake_grant(fake, fake_read(fake), 18, NULL);
	fake_hang_up(fake);
	fake->epoch++;
	fake_accept(fake);
	fake_grant(fake, fake_read(fake), 99, NULL);
	cr_expect_eq(fake_read(fake)->opcode, MMIOD_OP_RELEASE);
	cr_expect_eq(((const struct mmiod_msg_end *)fake->request)->msg.count, 1,
		     "only the new one is asked for");
	fake_end(fake, MMIOD_OK, "");
}

static void expect_lost(struct mmiod_client *client, struct mmiod_lease *lease)
{
	struct mmiod_mapping *mapping;
	struct mmiod_event event;
	enum mmiod_state state;
	uint32_t value;

	cr_assert_eq(mmiod_client_next_event(client, &event), 1);
	cr_assert_eq(event.type, MMIOD_EVENT_GONE);
	cr_assert_eq(event.lease, mmiod_lease_id(lease));
	cr_assert(strstr(event.text, "started anew"), "%s", event.text);
	cr_assert_eq(mmiod_lease_state(lease, &state), 0);
	cr_assert_eq(state, MMIOD_STATE_REVOKED);
	cr_assert_eq(mmiod_lease_read(lease, 0, 4, 1, &value), -ENODEV);
	cr_assert_eq(mmiod_lease_map(lease, 0, &mapping), -ENODEV);
}

Test(lease, of_a_simulation_that_was_started_anew_is_over_and_its_holder_is_told)
{
	struct mmiod_lease *leases[3];
	struct mmiod_client *client;
	struct mmiod_event event;
	enum mmiod_state state;
	struct fake fake;

	client = fake_serve(&fake, restart_as_another, NULL);
	leases[0] = lease_or_fail(client, 0, mmiod_page_size(), RW);
	leases[1] = lease_or_fail(client, mmiod_page_size(), mmiod_page_size(), RW);
	leases[2] = lease_or_fail(client, 0, mmiod_page_size(), RW);
	expect_lost(client, leases[0]);
	expect_lost(client, leases[1]);
	cr_assert_eq(mmiod_client_next_event(client, &event), 0);
	cr_assert_eq(mmiod_lease_state(leases[2], &state), 0);
	cr_assert_eq(state, MMIOD_STATE_OK);
	cr_assert_eq(mmiod_client_release_many(client, leases, 3), 0);
	for (int i = 0; i < 3; i++)
		cr_assert_null(leases[i]);
	fake_leave(&fake, client);
}

static void drop_the_connection(struct fake *fake)
{
	fake_accept(fake);
	fake_grant(fake, fake_read(fake), 17, NULL);
	fake_hang_up(fake);
	fake_accept(fake);
	fake_refuse(fake, MMIOD_E_BUSY, fake_read(fake) ? "" : "never");
}

/* The same daemon has ended it with the connection: nothing is asked of it. */
Test(lease, in_simulation_is_over_with_its_connection_and_released_without_a_word)
{
	struct mmiod_client *client;
	struct mmiod_lease *lease, *other;
	struct mmiod_event event;
	struct fake fake;

	client = fake_serve(&fake, drop_the_connection, NULL);
	lease = lease_or_fail(client, 0, mmiod_page_size(), RW);
	cr_assert_eq(mmiod_client_lease(client, "shm", 0, 0, 0, &other), -EBUSY);
	cr_assert_eq(mmiod_client_next_event(client, &event), 1);
	cr_assert_eq(event.type, MMIOD_EVENT_GONE);
	cr_assert(strstr(event.text, "its connection ended"), "%s", event.text);
	cr_assert_eq(mmiod_lease_release(lease), 0);
	fake_leave(&fake, client);
}
