/* SPDX-License-Identifier: MIT */
/*
 * Grants while the daemon runs, as the library asks for them: what goes over the wire, what is
 * refused before, and what becomes of answers, good and bad.
 */
#include "support/fake.h"

#include <errno.h>
#include <string.h>

static const char *const regions[] = { "fpga-*", "motor" };

static const struct mmiod_grant job = { .name = "job-7",
					.regions = regions,
					.region_count = 2,
					.uid = 4001,
					.rights = 3,
					.share = MMIOD_SHARE_WRITE,
					.last_ms = 7200000 };

static void reply_to(struct fake *fake, void *message, size_t size)
{
	struct mmiod_msg *head = message;

	head->size = (uint32_t)size;
	head->opcode = ((const struct mmiod_msg *)fake->request)->opcode;
	head->id = ((const struct mmiod_msg *)fake->request)->id;
	head->flags |= MMIOD_MSG_REPLY;
	fake_send(fake, message, size, NULL, 0);
}

static void take_grant(struct fake *fake)
{
	const struct mmiod_msg_grant *request;
	struct mmiod_msg reply = { .fixed = sizeof(reply) };

	fake_accept(fake);
	request = (const void *)fake_read(fake);
	cr_expect_eq(request->msg.opcode, MMIOD_OP_GRANT);
	cr_expect_eq(request->msg.fixed, sizeof(*request));
	cr_expect_eq(request->msg.count, 2u);
	cr_expect_str_eq(request->name, "job-7");
	cr_expect_str_eq(request->tenant, "");
	cr_expect_eq(request->uid, 4001u);
	cr_expect_eq(request->rights, 3u);
	cr_expect_eq(request->share, (uint32_t)MMIOD_SHARE_WRITE);
	cr_expect_eq(request->last_ms, 7200000u);
	cr_expect_str_eq(fake_element(request, 0), "fpga-*");
	cr_expect_str_eq(fake_element(request, 1), "motor");
	reply_to(fake, &reply, sizeof(reply));
	fake_wait_hang_up(fake);
}

Test(runtime_grant, goes_over_the_wire_as_it_is)
{
	struct fake fake;
	struct mmiod_client *client = fake_serve(&fake, take_grant, NULL);

	cr_assert_eq(mmiod_client_grant(client, &job), 0, "%s", mmiod_client_error(client));
	fake_leave(&fake, client);
}

static void refuse_grant(struct fake *fake)
{
	fake_accept(fake);
	fake_read(fake);
	fake_refuse(fake, MMIOD_E_EXISTS, "there is a grant job-7 already");
	fake_wait_hang_up(fake);
}

Test(runtime_grant, that_is_there_and_differs_is_eexist)
{
	struct fake fake;
	struct mmiod_client *client = fake_serve(&fake, refuse_grant, NULL);

	cr_assert_eq(mmiod_client_grant(client, &job), -EEXIST);
	cr_assert_str_eq(mmiod_client_error(client), "there is a grant job-7 already");
	fake_leave(&fake, client);
}

static void only_greet(struct fake *fake)
{
	fake_accept(fake);
	fake_wait_hang_up(fake);
}

Test(runtime_grant, that_does_not_fit_a_request_is_not_sent)
{
	static const char *const too_long[] = {
		"0123456789012345678901234567890123456789012345678901234567890123"
	};
	static const char *const empty[] = { "" };
	struct mmiod_grant bad[8];
	struct fake fake;
	struct mmiod_client *client = fake_serve(&fake, only_greet, NULL);

	for (size_t i = 0; i < 8; i++)
		bad[i] = job;
	bad[0].name = NULL;
	bad[1].name = "01234567890123456789012345678901";
	bad[2].region_count = 0;
	bad[3].region_count = 65;
	bad[4].regions = too_long;
	bad[4].region_count = 1;
	bad[5].regions = empty;
	bad[5].region_count = 1;
	bad[6].reserved = 1;
	bad[7].tenant = "01234567890123456789012345678901";
	for (size_t i = 0; i < 8; i++)
		cr_assert_eq(mmiod_client_grant(client, &bad[i]), -EINVAL, "case %zu", i);
	cr_assert_eq(mmiod_client_ungrant(client, "", 0, NULL), -EINVAL);
	cr_assert_eq(mmiod_client_ungrant(client, NULL, 0, NULL), -EINVAL);
	fake_leave(&fake, client);
}

static void end_grant(struct fake *fake)
{
	const struct mmiod_msg_ungrant *request;
	struct mmiod_msg_ungrant_reply reply = { .msg.fixed = sizeof(reply), .ended = 5 };

	fake_accept(fake);
	request = (const void *)fake_read(fake);
	cr_expect_eq(request->msg.opcode, MMIOD_OP_UNGRANT);
	cr_expect_str_eq(request->name, "job-7");
	cr_expect_eq(request->deadline_ms, 250u);
	reply_to(fake, &reply, sizeof(reply));
	fake_read(fake);
	reply.msg.fixed -= 4;
	reply_to(fake, &reply, sizeof(reply) - 4);
	fake_wait_hang_up(fake);
}

Test(runtime_grant, its_end_tells_how_many_leases_ended_and_a_short_answer_is_none)
{
	struct fake fake;
	struct mmiod_client *client = fake_serve(&fake, end_grant, NULL);
	size_t ended = 0;

	cr_assert_eq(mmiod_client_ungrant(client, "job-7", 250, &ended), 0);
	cr_assert_eq(ended, 5u);
	cr_assert_eq(mmiod_client_ungrant(client, "job-7", 0, &ended), -EPROTO);
	cr_assert_eq(ended, 0u);
	fake_leave(&fake, client);
}

struct grants_reply {
	struct mmiod_msg_list_reply list;
	struct mmiod_wire_runtime_grant grant;
	char text[12];
};

static void list_grants(struct fake *fake)
{
	struct grants_reply reply = {
		.list.msg = { .fixed = sizeof(reply.list),
			      .count = 1,
			      .stride = sizeof(reply.grant) },
		.list.cursor = 1,
		.grant = { .id = 1,
			   .name = "job-7",
			   .tenant = "lab",
			   .uid = 4001,
			   .rights = 3,
			   .share = MMIOD_SHARE_GUEST,
			   .by = 7,
			   .left_ms = 1000,
			   .last_ms = 2000,
			   .regions = { offsetof(struct grants_reply, text), 12 },
			   .leases = 3 },
		.text = "fpga-* motor",
	};

	fake_accept(fake);
	fake_read(fake);
	cr_expect_eq(((struct mmiod_msg *)fake->request)->opcode, MMIOD_OP_GRANTS);
	reply_to(fake, &reply, sizeof(reply));
	fake_read(fake);
	reply.grant.regions.length = 4000;
	reply_to(fake, &reply, sizeof(reply));
	fake_wait_hang_up(fake);
}

Test(runtime_grant, the_list_has_all_that_the_daemon_says)
{
	struct fake fake;
	struct mmiod_client *client = fake_serve(&fake, list_grants, NULL);
	const struct mmiod_grant_info *info;
	struct mmiod_grant_list *list;

	cr_assert_eq(mmiod_client_list_grants(client, &list), 0, "%s", mmiod_client_error(client));
	cr_assert_eq(mmiod_grant_list_count(list), 1u);
	cr_assert_null(mmiod_grant_list_get(list, 1));
	info = mmiod_grant_list_get(list, 0);
	cr_assert_str_eq(mmiod_grant_info_name(info), "job-7");
	cr_assert_str_eq(mmiod_grant_info_tenant(info), "lab");
	cr_assert_str_eq(mmiod_grant_info_regions(info), "fpga-* motor");
	cr_assert_eq(mmiod_grant_info_uid(info), 4001u);
	cr_assert_eq(mmiod_grant_info_by(info), 7u);
	cr_assert_eq(mmiod_grant_info_rights(info), 3u);
	cr_assert_eq(mmiod_grant_info_share(info), MMIOD_SHARE_GUEST);
	cr_assert_eq(mmiod_grant_info_left_ms(info), 1000u);
	cr_assert_eq(mmiod_grant_info_last_ms(info), 2000u);
	cr_assert_eq(mmiod_grant_info_leases(info), 3u);
	mmiod_grant_list_free(list);
	cr_assert_eq(mmiod_client_list_grants(client, &list), -EPROTO, "a text beyond the message");
	cr_assert_null(list);
	fake_leave(&fake, client);
}

static void take_want_for(struct fake *fake)
{
	const struct mmiod_wire_want *want;

	fake_accept(fake);
	want = fake_element(fake_read(fake), 0);
	cr_expect_eq(want->flags, MMIOD_LEASE_FOR);
	cr_expect_eq(want->for_uid, 4001u);
	fake_grant(fake, fake->request, 1, &(struct flaw){ 0 });
	fake_wait_hang_up(fake);
}

Test(runtime_grant, a_lease_for_a_user_says_whom_it_is_for)
{
	struct mmiod_want want = {
		.region = "motor", .length = 4096, .flags = MMIOD_WANT_FOR, .for_uid = 4001
	};
	struct fake fake;
	struct mmiod_client *client = fake_serve(&fake, take_want_for, NULL);
	struct mmiod_lease *lease;

	want.flags = 0;
	cr_assert_eq(mmiod_client_lease_many(client, &want, 1, 0, &lease, NULL), -EINVAL);
	want.flags = MMIOD_WANT_FOR;
	cr_assert_eq(mmiod_client_lease_many(client, &want, 1, 0, &lease, NULL), 1, "%s",
		     mmiod_client_error(client));
	mmiod_lease_free(lease);
	fake_leave(&fake, client);
}
