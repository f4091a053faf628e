/* SPDX-License-Identifier: MIT */
/*
 * The terms of leases as the library asks for and keeps
 * them: what goes out, waiting, renewals, explanations.
 */
#include "support/fake.h"

#include <poll.h>
#include <semaphore.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RW (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)
#define PATIENCE_MS 600000

/* ---- what goes out ---- */

static void read_extended(struct fake *fake)
{
	const struct mmiod_msg_lease *request;
	struct mmiod_wire_want want;

	fake_accept(fake);
	request = (const void *)fake_read(fake);
	cr_expect_eq(request->msg.fixed, sizeof(*request));
	cr_expect_eq(request->wait_ms, 5000u);
	cr_expect_eq(request->msg.stride, sizeof(want));
	memcpy(&want, fake_element(request, 0), sizeof(want));
	cr_expect_eq(want.lease_ms, 60000u);
	cr_expect_eq(want.n_on_end, 2u);
	cr_expect_eq(want.on_end[0].offset, 0x10u);
	cr_expect_eq(want.on_end[0].value, 0u);
	cr_expect_eq(want.on_end[0].width, 4u);
	cr_expect_eq(want.on_end[1].offset, 0x18u);
	cr_expect_eq(want.on_end[1].value, 0xffu);
	cr_expect_eq(want.on_end[1].width, 1u);
	cr_expect_eq(want.on_end[2].width, 0u);
	fake_grant(fake, request, 17, NULL);
	request = (const void *)fake_read(fake);
	cr_expect_eq(request->msg.fixed, MMIOD_V1_LEASE_REQUEST, "waiting is over");
	cr_expect_eq(request->msg.stride, MMIOD_V1_WANT);
	fake_grant(fake, request, 18, NULL);
}

Test(terms, go_out_with_the_request_and_only_if_they_are_asked_for)
{
	static const struct mmiod_register_write writes[] = { { 0x10, 0, 4 }, { 0x18, 0xff, 1 } };
	struct mmiod_want want = { .region = "fpga-ctrl",
				   .length = 0x1000,
				   .rights = RW,
				   .lease_ms = 60000,
				   .on_end = writes,
				   .on_end_count = 2 };
	struct mmiod_client *client;
	struct mmiod_lease *lease;
	struct fake fake;

	client = fake_serve(&fake, read_extended, NULL);
	mmiod_client_set_wait(client, 5000);
	cr_assert_eq(mmiod_client_lease_many(client, &want, 1, 0, &lease, NULL), 1);
	cr_assert_eq(mmiod_lease_time_ms(lease), 0u, "this daemon knows no limits");
	cr_assert_eq(mmiod_lease_renews(lease), 0);
	mmiod_lease_free(lease);
	mmiod_client_set_wait(client, 0);
	mmiod_lease_free(lease_or_fail(client, 0, 0x1000, 0));
	fake_leave(&fake, client);
}

static void greet_only(struct fake *fake)
{
	fake_accept(fake);
	fake_wait_hang_up(fake);
}

Test(terms, more_writes_than_a_lease_may_have_are_not_even_sent)
{
	static const struct mmiod_register_write writes[9];
	struct mmiod_want want = {
		.region = "fpga-ctrl", .rights = RW, .on_end = writes, .on_end_count = 9
	};
	struct mmiod_client *client;
	struct mmiod_lease *lease;
	struct fake fake;

	client = fake_serve(&fake, greet_only, NULL);
	cr_assert_eq(mmiod_client_lease_many(client, &want, 1, 0, &lease, NULL), -EINVAL);
	cr_assert_not_null(strstr(mmiod_client_error(client), "9 writes"));
	cr_assert_null(lease);
	fake_leave(&fake, client);
}

/* ---- renewals ---- */

static void grant_limited(struct fake *fake, uint32_t lease_ms, uint32_t renew)
{
	const struct mmiod_msg *request = fake_read(fake);
	const struct mmiod_wire_granted granted = { .lease = 17,
						    .length = 0x1000,
						    .rights = MMIOD_RIGHT_READ,
						    .memtype = MMIOD_MEMTYPE_UC,
						    .mmapable = 1,
						    .lease_ms = lease_ms,
						    .renew = renew };
	int fd = memory_file(0x1000);

	cr_expect_eq(request->opcode, MMIOD_OP_LEASE);
	fake_send_granted(fake, request, granted, fd);
	close(fd);
}

static void answer_this_renewal(struct fake *fake, const struct mmiod_msg *request)
{
	struct {
		struct mmiod_msg msg;
		struct mmiod_wire_renewed renewed;
	} reply = { .msg = { .size = sizeof(reply),
			     .opcode = MMIOD_OP_RENEW,
			     .flags = MMIOD_MSG_REPLY,
			     .id = request->id,
			     .fixed = sizeof(reply.msg),
			     .count = 1,
			     .stride = sizeof(reply.renewed) },
		    .renewed = { .lease = 17, .lease_ms = 400 } };
	uint64_t id;

	cr_expect_eq(request->opcode, MMIOD_OP_RENEW);
	cr_expect_eq(request->count, 1u);
	memcpy(&id, fake_element(request, 0), sizeof(id));
	cr_expect_eq(id, 17u);
	fake_send(fake, &reply, sizeof(reply), NULL, 0);
}

static void answer_renewal(struct fake *fake)
{
	answer_this_renewal(fake, fake_read(fake));
}

static void renew_twice(struct fake *fake)
{
	fake_accept(fake);
	grant_limited(fake, 400, 1);
	answer_renewal(fake);
	answer_renewal(fake);
	fake_event(fake, MMIOD_EVENT_EXPIRING, 17, "enough");
	fake_wait_hang_up(fake);
}

Test(terms, a_program_that_polls_the_event_descriptor_renews_without_more)
{
	struct mmiod_client *client;
	struct mmiod_lease *lease;
	struct mmiod_event event;
	struct fake fake;
	int n = 0;

	client = fake_serve(&fake, renew_twice, NULL);
	lease = lease_or_fail(client, 0, 0x1000, 0);
	cr_assert_eq(mmiod_lease_time_ms(lease), 400u);
	cr_assert_eq(mmiod_lease_renews(lease), 1);
	while (!n) {
		struct pollfd poll_fd = { mmiod_client_event_fd(client), POLLIN, 0 };

		cr_assert_eq(poll(&poll_fd, 1, PATIENCE_MS), 1);
		n = mmiod_client_next_event(client, &event);
	}
	cr_assert_eq(n, 1);
	cr_assert_eq(event.type, MMIOD_EVENT_EXPIRING);
	cr_assert_str_eq(event.text, "enough");
	mmiod_lease_free(lease);
	fake_leave(&fake, client);
}

static void renew_while_waiting(struct fake *fake)
{
	const struct mmiod_msg *request;
	struct mmiod_msg status;

	fake_accept(fake);
	grant_limited(fake, 400, 1);
	/* A program that comes to its long call late renews before it, too. */
	while ((request = fake_read(fake))->opcode == MMIOD_OP_RENEW)
		answer_this_renewal(fake, request);
	status = *request;
	answer_renewal(fake);
	cr_expect_eq(status.opcode, MMIOD_OP_LEASE);
	memcpy(fake->request, &status, sizeof(status));
	fake_refuse(fake, MMIOD_E_BUSY, "held");
	fake_wait_hang_up(fake);
}

Test(terms, a_program_within_a_long_call_renews_too)
{
	struct mmiod_client *client;
	struct mmiod_lease *lease, *other;
	struct fake fake;

	client = fake_serve(&fake, renew_while_waiting, NULL);
	lease = lease_or_fail(client, 0, 0x1000, 0);
	cr_assert_eq(mmiod_client_lease(client, "fpga-ctrl", 0, 8, 0, &other), -EBUSY);
	mmiod_lease_free(lease);
	fake_leave(&fake, client);
}

static void expect_no_renewal(struct fake *fake)
{
	const struct mmiod_msg *request;

	fake_accept(fake);
	grant_limited(fake, 100, *(uint32_t *)fake->argument);
	request = fake_read(fake);
	cr_expect_eq(request->opcode, MMIOD_OP_STATUS, "opcode %u", request->opcode);
	fake_refuse(fake, MMIOD_E_RESOURCES, "");
	fake_wait_hang_up(fake);
}

static void ask_after_half_the_time(bool renews, bool freed)
{
	struct mmiod_client *client;
	struct mmiod_lease *lease;
	struct mmiod_status status;
	uint32_t renew = renews;
	struct fake fake;

	client = fake_serve(&fake, expect_no_renewal, &renew);
	lease = lease_or_fail(client, 0, 0x1000, 0);
	cr_assert_eq(mmiod_lease_renews(lease), renews);
	if (freed)
		mmiod_lease_free(lease);
	usleep(80000);
	mmiod_client_status(client, &status);
	if (!freed)
		mmiod_lease_free(lease);
	fake_leave(&fake, client);
}

Test(terms, what_may_not_be_renewed_is_not)
{
	ask_after_half_the_time(false, false);
}

Test(terms, a_lease_whose_object_was_freed_is_not_renewed)
{
	ask_after_half_the_time(true, true);
}

/* What it did not read meanwhile comes first. */
static void read_late(struct fake *fake)
{
	const struct mmiod_msg *request;

	fake_accept(fake);
	grant_limited(fake, 400, 1);
	sem_wait(fake->argument);
	do {
		request = fake_read(fake);
	} while (request->opcode == MMIOD_OP_STATUS);
	cr_expect_eq(request->opcode, MMIOD_OP_RENEW);
	fake_wait_hang_up(fake);
}

static void fill_socket(struct mmiod_client *client)
{
	struct mmiod_msg request = { .size = sizeof(request),
				     .opcode = MMIOD_OP_STATUS,
				     .fixed = sizeof(request),
				     .id = 1 };

	while (send(client->sock, &request, sizeof(request), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		;
	cr_assert_eq(errno, EAGAIN);
}

/* Were it to wait for the daemon, it would for ever: nothing is read before it returns. */
Test(terms, a_renewal_never_waits_for_the_daemon_and_is_tried_again, .timeout = 1200)
{
	const struct timeval for_ever = { 0, 0 };
	struct mmiod_client *client;
	struct mmiod_event event;
	struct mmiod_lease *lease;
	struct fake fake;
	sem_t read_on;

	sem_init(&read_on, 0, 0);
	client = fake_serve(&fake, read_late, &read_on);
	setsockopt(client->sock, SOL_SOCKET, SO_SNDTIMEO, &for_ever, sizeof(for_ever));
	lease = lease_or_fail(client, 0, 0x1000, 0);
	fill_socket(client);
	usleep(250000);
	cr_assert_eq(mmiod_client_next_event(client, &event), 0);
	cr_assert_gt(client->renew_at, lease->renewal.at, "it is due, and asked for again later");
	sem_post(&read_on);
	while (lease->renewal.at < client->renew_at) {
		usleep(20000);
		cr_assert_eq(mmiod_client_next_event(client, &event), 0);
	}
	mmiod_lease_free(lease);
	fake_leave(&fake, client);
}

static void grant_for_a_moment(struct fake *fake)
{
	fake_accept(fake);
	grant_limited(fake, 1, 1);
	cr_expect_eq(fake_read(fake)->opcode, MMIOD_OP_RENEW);
	fake_wait_hang_up(fake);
}

/* A daemon that asks for it every millisecond would have the program do nothing else. */
Test(terms, renewals_of_one_lease_keep_a_distance)
{
	struct mmiod_client *client;
	struct mmiod_event event;
	struct mmiod_lease *lease;
	struct fake fake;
	int64_t first;

	client = fake_serve(&fake, grant_for_a_moment, NULL);
	lease = lease_or_fail(client, 0, 0x1000, 0);
	first = lease->renewal.at;
	while (lease->renewal.at == first)
		cr_assert_eq(mmiod_client_next_event(client, &event), 0);
	cr_assert_geq(lease->renewal.at, first + 50);
	mmiod_lease_free(lease);
	fake_leave(&fake, client);
}

/* ---- explanations ---- */

static void explain(struct fake *fake)
{
	const struct mmiod_msg_explain *request;
	uint32_t group;
	struct {
		struct mmiod_msg_explain_reply fixed;
		char text[16];
	} reply = { .fixed = { .msg = { .size = sizeof(reply),
					.opcode = MMIOD_OP_EXPLAIN,
					.flags = MMIOD_MSG_REPLY,
					.fixed = sizeof(reply.fixed) },
			       .allowed = 1,
			       .line = 7,
			       .grant = "operators",
			       .file = { sizeof(reply.fixed), 4 },
			       .text = { sizeof(reply.fixed) + 4, 7 } },
		    .text = "a.cobecause" };

	fake_accept(fake);
	request = (const void *)fake_read(fake);
	cr_expect_eq(request->msg.opcode, MMIOD_OP_EXPLAIN);
	cr_expect_eq(request->flags, 0u);
	cr_expect_eq(request->uid, 1000u);
	cr_expect_eq(request->rights, RW);
	cr_expect_eq(request->msg.count, 2u);
	memcpy(&group, fake_element(request, 1), sizeof(group));
	cr_expect_eq(group, 27u);
	reply.fixed.msg.id = request->msg.id;
	fake_send(fake, &reply, sizeof(reply), NULL, 0);
	request = (const void *)fake_read(fake);
	cr_expect_eq(request->flags, MMIOD_EXPLAIN_SELF);
	cr_expect_eq(request->msg.count, 0u);
	cr_expect_eq(request->msg.fixed, MMIOD_V1_EXPLAIN, "as the first daemons know it");
	fake_refuse(fake, MMIOD_E_NOT_FOUND, "there is no region");
	request = (const void *)fake_read(fake);
	cr_expect_eq(request->msg.fixed, offsetof(struct mmiod_msg_explain, operate),
		     "what daemons know that know of no operators");
	cr_expect_eq(request->memory, MMIOD_MEMORY_DMA);
	cr_expect_str_eq(request->region, "");
	memcpy(&group, fake_element(request, 1), sizeof(group));
	cr_expect_eq(group, 27u);
	fake_refuse(fake, MMIOD_E_UNSUPPORTED, "unknown here");
	fake_wait_hang_up(fake);
}

Test(terms, of_policy_are_explained)
{
	static const uint32_t groups[] = { 4, 27 };
	struct mmiod_policy_question question = { .region = "fpga-ctrl",
						  .rights = RW,
						  .other = 1,
						  .uid = 1000,
						  .groups = groups,
						  .group_count = 2 };
	struct mmiod_policy_answer answer;
	struct mmiod_client *client;
	struct fake fake;

	client = fake_serve(&fake, explain, NULL);
	cr_assert_eq(mmiod_client_explain(client, &question, &answer), 0);
	cr_assert_eq(answer.allowed, 1);
	cr_assert_str_eq(answer.grant, "operators");
	cr_assert_str_eq(answer.file, "a.co");
	cr_assert_eq(answer.line, 7u);
	cr_assert_str_eq(answer.text, "because");
	cr_assert_str_eq(answer.instead, "");
	question.other = 0;
	cr_assert_eq(mmiod_client_explain(client, &question, &answer), -ENOENT);
	question.region = "";
	cr_assert_eq(mmiod_client_explain(client, &question, &answer), -EINVAL);
	question = (struct mmiod_policy_question){
		.memory = MMIOD_MEMORY_DMA, .other = 1, .groups = groups, .group_count = 2
	};
	cr_assert_lt(mmiod_client_explain(client, &question, &answer), 0);
	question.reserved = 1;
	cr_assert_eq(mmiod_client_explain(client, &question, &answer), -EINVAL);
	fake_leave(&fake, client);
}
