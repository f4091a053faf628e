// SPDX-License-Identifier: MIT
/* GRANT, UNGRANT and GRANTS: what an administrator gives while the daemon runs, and its end. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include "support/files.h"
#include "support/rig.h"

#define ROOT 0
#define ALICE 4001
#define BOB 4002
#define READ MMIOD_RIGHT_READ
#define WRITE (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)
#define CONFIG                                             \
	"[region card-a]\nphys = 0x10000000\nsize = 64K\n" \
	"[region card-b]\nphys = 0x20000000\nsize = 64K\n" \
	"[region motor]\nphys = 0x30000000\nsize = 64K\n"  \
	"[grant files]\nregion = motor\nuser = 4002\naccess = rw\n"

static void start(void)
{
	rig_start(CONFIG);
}

TestSuite(grants, .init = start, .fini = rig_stop);

/* ---- requests -------------------------------------------------------------------------------- */

static struct mmiod_msg_grant grant_for(const char *name, uint32_t uid, uint32_t rights)
{
	struct mmiod_msg_grant grant = { .uid = uid, .rights = rights };

	snprintf(grant.name, sizeof(grant.name), "%s", name);
	return grant;
}

/* It is not served before the next turn. */
static void post_grant(int fd, struct mmiod_msg_grant grant, const char *pattern)
{
	struct {
		struct mmiod_msg_grant fixed;
		struct mmiod_wire_pattern pattern;
	} packet = { .fixed = grant };

	packet.fixed.msg = (struct mmiod_msg){ .size = sizeof(packet),
					       .opcode = MMIOD_OP_GRANT,
					       .id = 77,
					       .fixed = sizeof(packet.fixed),
					       .count = 1,
					       .stride = sizeof(packet.pattern) };
	snprintf(packet.pattern.region, sizeof(packet.pattern.region), "%s", pattern);
	client_send(fd, &packet, sizeof(packet));
}

static uint32_t send_grant(int fd, struct mmiod_msg_grant grant, const char *pattern)
{
	post_grant(fd, grant, pattern);
	rig_turn();
	cr_assert_gt(client_receive(fd), 0);
	return answer.msg.status;
}

static void given(int fd, struct mmiod_msg_grant grant, const char *pattern)
{
	cr_assert_eq(send_grant(fd, grant, pattern), MMIOD_OK, "%s",
		     answer_text(answer.error.text));
}

static void refused(int fd, struct mmiod_msg_grant grant, const char *pattern, uint32_t status,
		    const char *words)
{
	cr_assert_eq(send_grant(fd, grant, pattern), status, "status %u", answer.msg.status);
	cr_assert_not_null(strstr(answer_text(answer.error.text), words), "\"%s\" lacks \"%s\"",
			   answer_text(answer.error.text), words);
}

static void send_ungrant(int fd, const char *name, uint32_t deadline_ms)
{
	struct mmiod_msg_ungrant message = { .msg = { .size = sizeof(message),
						      .opcode = MMIOD_OP_UNGRANT,
						      .id = 78,
						      .fixed = sizeof(message) },
					     .deadline_ms = deadline_ms };

	snprintf(message.name, sizeof(message.name), "%s", name);
	client_send(fd, &message, sizeof(message));
	rig_turn();
}

static void ungranted(int fd, const char *name, uint32_t existed, uint32_t ended)
{
	struct mmiod_msg_ungrant_reply reply;

	send_ungrant(fd, name, 0);
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.msg.status, MMIOD_OK, "%s", answer_text(answer.error.text));
	memcpy(&reply, answer.bytes, sizeof(reply));
	cr_assert_eq(reply.existed, existed);
	cr_assert_eq(reply.ended, ended);
}

/* The element's status. */
static uint32_t lease(int fd, const char *region, uint32_t rights, uint64_t *id)
{
	struct mmiod_wire_want element = want(region, 0, 0x1000, rights, 0);
	const struct mmiod_wire_granted *granted;

	cr_assert_eq(client_lease(fd, &element, 1, 0), MMIOD_OK);
	granted = answer_element(0);
	if (id)
		*id = granted->lease;
	client_close_fds();
	return granted->status;
}

static uint32_t lease_for(int fd, uint32_t uid, uint32_t flags, uint64_t *id)
{
	struct mmiod_wire_want element = want("card-a", 0, 0x1000, READ, 0);
	const struct mmiod_wire_granted *granted;

	element.flags = flags;
	element.for_uid = uid;
	cr_assert_eq(client_lease(fd, &element, 1, 0), MMIOD_OK);
	granted = answer_element(0);
	*id = granted->lease;
	client_close_fds();
	return granted->status;
}

static size_t listed(int fd)
{
	cr_assert_eq(client_list(fd, MMIOD_OP_GRANTS, 0), MMIOD_OK);
	return answer.msg.count;
}

static bool is_over(uint64_t id)
{
	const struct lease *held = lease_find(&rig.broker.leases, id);

	return !held || lease_is_over(held);
}

/* ---- giving ---------------------------------------------------------------------------------- */

Test(grants, what_is_given_can_be_leased_at_once_and_by_nobody_else)
{
	int root = client_hello(ROOT), alice = client_hello(ALICE), bob = client_hello(BOB);

	cr_assert_eq(lease(alice, "card-a", WRITE, NULL), MMIOD_E_DENIED);
	given(root, grant_for("job", ALICE, WRITE), "card-*");
	cr_assert_eq(lease(alice, "card-a", WRITE, NULL), MMIOD_OK);
	cr_assert_eq(lease(alice, "card-b", READ, NULL), MMIOD_OK);
	cr_assert_eq(lease(alice, "motor", READ, NULL), MMIOD_E_DENIED);
	cr_assert_eq(lease(bob, "card-a", READ, NULL), MMIOD_E_DENIED);
	cr_assert_eq(lease(root, "card-a", READ, NULL), MMIOD_E_DENIED, "not even who gave it");
}

Test(grants, a_stranger_is_one_no_more_when_something_is_given)
{
	int root = client_hello(ROOT), alice = client_hello(ALICE);

	connection_mark_stranger(user_find(&rig.broker.host.users, ALICE)->connections, true);
	cr_assert_eq(client_list(alice, MMIOD_OP_LEASES, 0), MMIOD_E_DENIED);
	given(root, grant_for("job", ALICE, READ), "card-a");
	cr_assert_eq(client_list(alice, MMIOD_OP_LEASES, 0), MMIOD_OK);
	cr_assert_eq(client_list(alice, MMIOD_OP_REGIONS, 0), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 1u);
	cr_assert_eq(((struct mmiod_wire_region *)answer_element(0))->rights, READ);
}

Test(grants, a_grant_to_read_gives_no_writing_and_says_which_it_is)
{
	int root = client_hello(ROOT), alice = client_hello(ALICE);

	given(root, grant_for("job", ALICE, READ), "card-a");
	lease_refused(alice, want("card-a", 0, 0x1000, WRITE, 0), MMIOD_E_DENIED,
		      "[grant job] (by root) lets user 4001 (uid 4001) only read");
	cr_assert_eq(client_explain(alice, 0, "card-a", READ, 0), MMIOD_OK);
	cr_assert_eq(answer.explanation.allowed, 1u);
	cr_assert_str_eq(answer.explanation.grant, "job");
	cr_assert_not_null(strstr(answer_text(answer.explanation.text),
				  "granted by [grant job] (by root): r, guest, uc"));
}

Test(grants, a_grant_with_a_time_says_until_when)
{
	struct mmiod_msg_grant grant = grant_for("job", ALICE, READ);
	int root = client_hello(ROOT), alice = client_hello(ALICE);

	grant.last_ms = 3600000;
	given(root, grant, "card-a");
	cr_assert_eq(client_explain(alice, 0, "card-a", READ, 0), MMIOD_OK);
	cr_assert_not_null(strstr(answer_text(answer.explanation.text), "[grant job] (until "));
}

Test(grants, the_same_again_is_no_error_and_begins_its_time_anew)
{
	struct mmiod_msg_grant grant = grant_for("job", ALICE, READ);
	int root = client_hello(ROOT), alice = client_hello(ALICE);

	grant.last_ms = 1000;
	given(root, grant, "card-a");
	rig_wait(800);
	given(root, grant, "card-a");
	cr_assert_eq(listed(root), 1u);
	rig_wait(800);
	cr_assert_eq(lease(alice, "card-a", READ, NULL), MMIOD_OK);
}

Test(grants, another_one_by_that_name_is_refused_and_changes_nothing)
{
	struct mmiod_msg_grant grant = grant_for("job", ALICE, READ);
	int root = client_hello(ROOT), bob = client_hello(BOB), alice = client_hello(ALICE);

	given(root, grant, "card-a");
	refused(root, grant_for("job", BOB, READ), "card-a", MMIOD_E_EXISTS,
		"\"mmioctl ungrant job\"");
	refused(root, grant_for("job", ALICE, WRITE), "card-a", MMIOD_E_EXISTS, "it is another");
	refused(root, grant, "card-b", MMIOD_E_EXISTS, "it is another");
	grant.last_ms = 5000;
	refused(root, grant, "card-a", MMIOD_E_EXISTS, "it is another");
	cr_assert_eq(lease(bob, "card-a", READ, NULL), MMIOD_E_DENIED);
	cr_assert_eq(lease(alice, "card-a", READ, NULL), MMIOD_OK);
}

Test(grants, what_breaks_a_rule_is_refused_by_its_name)
{
	struct mmiod_msg_grant grant = grant_for("job", ALICE, READ);
	int root = client_hello(ROOT), alice = client_hello(ALICE);

	refused(alice, grant, "card-a", MMIOD_E_DENIED, "only root");
	refused(client_hello(BOB), grant, "card-a", MMIOD_E_DENIED, "only root");
	refused(root, grant_for("a/../b", ALICE, READ), "card-a", MMIOD_E_INVALID, "\"a/../b\"");
	refused(root, grant_for("", ALICE, READ), "card-a", MMIOD_E_INVALID, "is not a name");
	refused(root, grant_for("files", ALICE, READ), "card-a", MMIOD_E_EXISTS, "rig.conf:");
	refused(root, grant_for("job", ALICE, 0), "card-a", MMIOD_E_INVALID, "rights 0x0");
	refused(root, grant_for("job", ALICE, 0x11), "card-a", MMIOD_E_INVALID, "rights 0x11");
	refused(root, grant_for("job", UINT32_MAX, READ), "card-a", MMIOD_E_INVALID, "uid");
	refused(root, grant, "card", MMIOD_E_NOT_FOUND, "there is no region \"card\"");
	refused(root, grant, "x*", MMIOD_E_NOT_FOUND, "no region matches \"x*\"");
	refused(root, grant, "card-a\nuser 0", MMIOD_E_INVALID, "neither a region's name");
	refused(root, grant, "", MMIOD_E_INVALID, "neither a region's name");
	grant.last_ms = 99;
	refused(root, grant, "card-a", MMIOD_E_INVALID, "from 100 ms");
	grant.last_ms = UINT64_MAX;
	refused(root, grant, "card-a", MMIOD_E_INVALID, "366 days");
	grant = grant_for("job", ALICE, WRITE);
	grant.share = MMIOD_SHARE_GUEST;
	refused(root, grant, "card-a", MMIOD_E_INVALID, "a guest only reads");
	grant = grant_for("job", 0, READ);
	strcpy(grant.tenant, "nobody");
	refused(root, grant, "card-a", MMIOD_E_NOT_FOUND, "there is no tenant \"nobody\"");
	memset(grant.name, 'x', sizeof(grant.name));
	refused(root, grant, "card-a", MMIOD_E_INVALID, "is not a name");
	cr_assert_eq(listed(root), 0u);
	cr_assert_eq(files_count("state"), 0u, "no note is left of what was refused");
}

Test(grants, there_are_no_more_than_the_limit)
{
	int root = client_hello(ROOT);
	char name[32];

	for (unsigned int i = 0; i < RUNTIME_GRANTS_MAX; i++) {
		snprintf(name, sizeof(name), "job-%u", i);
		given(root, grant_for(name, ALICE + i, READ), "card-a");
	}
	refused(root, grant_for("more", ALICE, READ), "card-a", MMIOD_E_QUOTA, "1024 grants");
	given(root, grant_for("job-7", ALICE + 7, READ), "card-a");
	ungranted(root, "job-8", 1, 0);
	given(root, grant_for("more", ALICE, READ), "card-a");
}

/* ---- the list -------------------------------------------------------------------------------- */

Test(grants, a_user_sees_those_that_are_for_it_and_root_all)
{
	int root = client_hello(ROOT), alice = client_hello(ALICE), bob = client_hello(BOB);
	const struct mmiod_wire_runtime_grant *element;
	struct mmiod_msg_grant grant = grant_for("job", ALICE, WRITE);

	grant.last_ms = 60000;
	given(root, grant, "card-*");
	given(root, grant_for("other", BOB, READ), "motor");
	cr_assert_eq(lease(alice, "card-a", WRITE, NULL), MMIOD_OK);
	cr_assert_eq(listed(root), 2u);
	cr_assert_eq(listed(bob), 1u);
	cr_assert_eq(listed(alice), 1u);
	element = answer_element(0);
	cr_assert_str_eq(element->name, "job");
	cr_assert_str_eq(element->tenant, "");
	cr_assert_eq(element->uid, (uint32_t)ALICE);
	cr_assert_eq(element->by, (uint32_t)ROOT);
	cr_assert_eq(element->rights, (uint32_t)WRITE);
	cr_assert_eq(element->share, (uint32_t)MMIOD_SHARE_EXCLUSIVE);
	cr_assert_eq(element->last_ms, 60000u);
	cr_assert(element->left_ms > 59000 && element->left_ms <= 60000);
	cr_assert_eq(element->leases, 1u);
	cr_assert_str_eq(answer_text(element->regions), "card-*");
}

/* ---- the end --------------------------------------------------------------------------------- */

Test(grants, its_leases_end_with_it_and_those_of_other_grants_do_not)
{
	int root = client_hello(ROOT), bob = client_hello(BOB);
	uint64_t by_file, by_job;

	given(root, grant_for("job", BOB, WRITE), "card-a");
	cr_assert_eq(lease(bob, "motor", WRITE, &by_file), MMIOD_OK);
	cr_assert_eq(lease(bob, "card-a", WRITE, &by_job), MMIOD_OK);
	ungranted(root, "job", 1, 1);
	cr_assert(is_over(by_job));
	cr_assert_not(is_over(by_file));
	cr_assert_eq(lease(client_hello(BOB), "card-a", READ, NULL), MMIOD_E_DENIED);
	cr_assert_eq(listed(root), 0u);
	ungranted(root, "job", 0, 0);
}

Test(grants, an_end_with_a_deadline_asks_the_holders_and_then_takes)
{
	int root = client_hello(ROOT), alice = client_hello(ALICE);
	uint64_t id;

	given(root, grant_for("job", ALICE, WRITE), "card-a");
	cr_assert_eq(lease(alice, "card-a", WRITE, &id), MMIOD_OK);
	send_ungrant(root, "job", 500);
	cr_assert_eq(client_receive(root), -EAGAIN, "it waits for the holder");
	cr_assert_gt(client_receive(alice), 0);
	cr_assert_eq(answer.event.type, (uint32_t)MMIOD_EVENT_REVOKE_ASKED);
	cr_assert_eq(lease(alice, "card-b", READ, NULL), MMIOD_E_DENIED, "nothing new meanwhile");
	cr_assert_not(is_over(id));
	rig_wait(600);
	cr_assert(is_over(id));
	cr_assert_gt(client_receive(root), 0);
	cr_assert_eq(answer.msg.opcode, MMIOD_OP_UNGRANT);
}

Test(grants, a_second_end_waits_for_the_leases_that_the_first_left)
{
	int root = client_hello(ROOT), other = client_hello(ROOT), alice = client_hello(ALICE);
	uint64_t id;

	given(root, grant_for("job", ALICE, WRITE), "card-a");
	cr_assert_eq(lease(alice, "card-a", WRITE, &id), MMIOD_OK);
	send_ungrant(root, "job", 60000);
	ungranted(other, "job", 0, 1);
	cr_assert(is_over(id));
}

Test(grants, what_cannot_be_ended_so_is_refused)
{
	int root = client_hello(ROOT), bob = client_hello(BOB);

	send_ungrant(bob, "job", 0);
	cr_assert_gt(client_receive(bob), 0);
	cr_assert_eq(answer.msg.status, MMIOD_E_DENIED);
	send_ungrant(root, "files", 0);
	cr_assert_gt(client_receive(root), 0);
	cr_assert_eq(answer.msg.status, MMIOD_E_DENIED);
	cr_assert_not_null(strstr(answer_text(answer.error.text), "remove it there, and reload"));
	send_ungrant(root, "a b", 0);
	cr_assert_gt(client_receive(root), 0);
	cr_assert_eq(answer.msg.status, MMIOD_E_INVALID);
	send_ungrant(root, "job", 3600001);
	cr_assert_gt(client_receive(root), 0);
	cr_assert_eq(answer.msg.status, MMIOD_E_INVALID);
}

Test(grants, when_its_time_is_over_its_leases_are_taken)
{
	struct mmiod_msg_grant grant = grant_for("job", ALICE, WRITE);
	int root = client_hello(ROOT), alice = client_hello(ALICE);
	uint64_t id;

	grant.last_ms = 1000;
	given(root, grant, "card-a");
	cr_assert_eq(lease(alice, "card-a", WRITE, &id), MMIOD_OK);
	rig_wait(900);
	cr_assert_not(is_over(id));
	rig_wait(300);
	cr_assert(is_over(id));
	cr_assert_eq(listed(root), 0u);
	cr_assert_eq(files_count("state"), 0u);
	cr_assert_gt(client_receive(alice), 0);
	cr_assert_eq(answer.event.type, (uint32_t)MMIOD_EVENT_REVOKED);
	cr_assert_not_null(strstr(answer_text(answer.event.text), "[grant job]"));
}

Test(grants, many_hundreds_of_leases_end_with_it_in_many_turns)
{
	struct mmiod_msg_grant grant = grant_for("job", ALICE, READ);
	int root = client_hello(ROOT), alice = client_hello(ALICE);
	uint64_t ids[900];

	grant.last_ms = 100000;
	given(root, grant, "card-a");
	for (size_t i = 0; i < array_size(ids); i++)
		cr_assert_eq(lease(alice, "card-a", READ, &ids[i]), MMIOD_OK);
	clock_advance(100001);
	for (int turns = 0; turns < 1000 && !is_over(ids[array_size(ids) - 1]); turns++)
		rig_wait(5);
	for (size_t i = 0; i < array_size(ids); i++)
		cr_assert(is_over(ids[i]));
}

Test(grants, what_is_given_anew_before_all_leases_have_ended_keeps_its_own)
{
	struct mmiod_msg_grant grant = grant_for("job", ALICE, READ);
	int root = client_hello(ROOT), alice = client_hello(ALICE), other = client_hello(ALICE);
	uint64_t ids[900], anew;

	grant.last_ms = 100000;
	given(root, grant, "card-a");
	for (size_t i = 0; i < array_size(ids); i++)
		cr_assert_eq(lease(alice, "card-a", READ, &ids[i]), MMIOD_OK);
	clock_advance(100001);
	post_grant(root, grant, "card-a");
	cr_assert_eq(lease(other, "card-a", READ, &anew), MMIOD_OK);
	cr_assert_gt(client_receive(root), 0);
	cr_assert_eq(answer.msg.status, MMIOD_OK);
	for (int turns = 0; turns < 1000 && !is_over(ids[array_size(ids) - 1]); turns++)
		rig_wait(5);
	for (size_t i = 0; i < array_size(ids); i++)
		cr_assert(is_over(ids[i]));
	rig_wait(50);
	cr_assert_not(is_over(anew));
	ungranted(root, "job", 1, 1);
	cr_assert(is_over(anew));
}

/* ---- other daemons, other configurations ----------------------------------------------------- */

Test(grants, another_daemon_finds_it_with_its_leases)
{
	struct mmiod_msg_grant grant = grant_for("job", ALICE, WRITE);
	uint64_t id;

	grant.last_ms = 60000;
	given(client_hello(ROOT), grant, "card-*");
	cr_assert_eq(lease(client_hello(ALICE), "card-a", WRITE, &id), MMIOD_OK);
	rig_restart();
	cr_assert_eq(listed(client_hello(ROOT)), 1u);
	cr_assert_eq(((struct mmiod_wire_runtime_grant *)answer_element(0))->leases, 1u);
	cr_assert_eq(lease(client_hello(ALICE), "card-b", WRITE, NULL), MMIOD_OK);
	ungranted(client_hello(ROOT), "job", 1, 2);
	cr_assert(is_over(id));
}

Test(grants, what_was_over_while_no_daemon_ran_ends_with_its_leases)
{
	struct mmiod_msg_grant grant = grant_for("job", ALICE, WRITE);
	uint64_t id;

	grant.last_ms = 1000;
	given(client_hello(ROOT), grant, "card-a");
	cr_assert_eq(lease(client_hello(ALICE), "card-a", WRITE, &id), MMIOD_OK);
	clock_advance(2000);
	rig_restart();
	rig_wait(10);
	cr_assert(is_over(id));
	cr_assert_eq(listed(client_hello(ROOT)), 0u);
	cr_assert_eq(files_count("state"), 0u);
}

Test(grants, notes_that_make_no_sense_give_nothing)
{
	rig_restart();
	given(client_hello(ROOT), grant_for("job", ALICE, READ), "card-a");
	files_write("state/grant.empty", 0600, "");
	files_write("state/grant.cut", 0600,
		    "user 4001 alice\nrights 3\nshare 1\nuntil 0 0\nby 0\n");
	files_write("state/grant.bad", 0600,
		    "user 4001 alice\nrights 255\nshare 1\nregion card-b\nend\n");
	files_write("state/grant.more", 0600,
		    "user 4001 alice\nrights 3\nshare 1\nregion card-b\nend\nuser 0 root\n");
	files_write("state/grant.what", 0600, "user 4001 alice\nwhat\nend\n");
	rig_restart();
	cr_assert_eq(listed(client_hello(ROOT)), 1u);
	cr_assert_eq(lease(client_hello(ALICE), "card-a", READ, NULL), MMIOD_OK);
	cr_assert_eq(lease(client_hello(ALICE), "card-b", READ, NULL), MMIOD_E_DENIED);
}

Test(grants, a_configuration_that_forbids_them_ends_those_that_there_are)
{
	int root = client_hello(ROOT), alice = client_hello(ALICE);
	uint64_t id;

	given(root, grant_for("job", ALICE, WRITE), "card-a");
	cr_assert_eq(lease(alice, "card-a", WRITE, &id), MMIOD_OK);
	rig_write_config("[daemon]\nruntime-grants = no\n" CONFIG);
	cr_assert_eq(daemon_reload(&rig), 0);
	rig_wait(10);
	cr_assert(is_over(id));
	refused(root, grant_for("job", ALICE, WRITE), "card-a", MMIOD_E_DENIED,
		"\"runtime-grants = no\"");
	cr_assert_eq(listed(root), 0u);
}

Test(grants, a_reload_leaves_those_that_there_are)
{
	int root = client_hello(ROOT), alice = client_hello(ALICE);
	uint64_t id;

	given(root, grant_for("job", ALICE, WRITE), "card-a");
	cr_assert_eq(lease(alice, "card-a", WRITE, &id), MMIOD_OK);
	rig_write_config("[daemon]\nrevoke-on-reload = yes\n" CONFIG);
	cr_assert_eq(daemon_reload(&rig), 0);
	rig_wait(10);
	cr_assert_not(is_over(id));
	ungranted(root, "job", 1, 1);
}

Test(grants, a_file_that_takes_the_name_takes_its_place)
{
	int root = client_hello(ROOT), alice = client_hello(ALICE);

	given(root, grant_for("job", ALICE, WRITE), "card-a");
	rig_write_config(CONFIG "[grant job]\nregion = card-b\nuser = 4001\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	cr_assert_eq(listed(root), 0u);
	cr_assert_eq(lease(alice, "card-a", READ, NULL), MMIOD_E_DENIED);
	cr_assert_eq(lease(alice, "card-b", READ, NULL), MMIOD_OK);
}

/* ---- leases for others ----------------------------------------------------------------------- */

/* ---- by its name ----------------------------------------------------------------------------- */

static struct mmiod_wire_want want_under(const char *grant, uint64_t offset)
{
	struct mmiod_wire_want element = want("card-a", offset, 0x1000, WRITE, 0);

	snprintf(element.grant, sizeof(element.grant), "%s", grant);
	return element;
}

static uint64_t lease_under(int fd, const char *grant, uint64_t offset)
{
	struct mmiod_wire_want element = want_under(grant, offset);
	const struct mmiod_wire_granted *granted;

	cr_assert_eq(client_lease(fd, &element, 1, 0), MMIOD_OK);
	granted = answer_element(0);
	client_close_fds();
	cr_assert_eq(granted->status, MMIOD_OK);
	return granted->lease;
}

Test(grants, of_two_grants_of_the_same_bytes_a_lease_is_under_the_one_that_it_named)
{
	int root = client_hello(ROOT), alice = client_hello(ALICE);
	uint64_t first, second, any;

	given(root, grant_for("one", ALICE, WRITE), "card-a");
	given(root, grant_for("two", ALICE, WRITE), "card-*");
	first = lease_under(alice, "one", 0);
	second = lease_under(alice, "two", 0x1000);
	any = lease_under(alice, "", 0x2000);
	/* A configuration that is read again asks anew who gives what, and finds the same. */
	rig_write_config("[daemon]\nrevoke-on-reload = yes\n" CONFIG);
	cr_assert_eq(daemon_reload(&rig), 0);
	rig_turn();
	ungranted(root, "one", 1, 2);
	cr_assert(is_over(first) && is_over(any));
	cr_assert_not(is_over(second));
	ungranted(root, "two", 1, 1);
	cr_assert(is_over(second));
}

Test(grants, a_grant_that_is_named_and_does_not_give_it_is_in_the_refusal)
{
	int root = client_hello(ROOT), alice = client_hello(ALICE);
	struct mmiod_wire_want broken = want_under("a\nb", 0), full = want_under("", 0);

	given(root, grant_for("one", ALICE, WRITE), "card-a");
	given(root, grant_for("other", ALICE, WRITE), "card-b");
	given(root, grant_for("reads", ALICE, READ), "card-a");
	lease_refused(alice, want_under("nosuch", 0), MMIOD_E_DENIED,
		      "no grant of the name \"nosuch\" lets user 4001 (uid 4001) read and write "
		      "region card-a");
	lease_refused(alice, want_under("other", 0), MMIOD_E_DENIED, "of the name \"other\"");
	lease_refused(alice, want_under("reads", 0), MMIOD_E_DENIED,
		      "[grant reads] (by root) lets user 4001 (uid 4001) only read");
	lease_refused(alice, broken, MMIOD_E_INVALID, "no printable ASCII");
	memset(full.grant, 'x', sizeof(full.grant));
	lease_refused(alice, full, MMIOD_E_INVALID, "the name of a grant is not terminated");
}

Test(grants, an_administrator_leases_for_a_user_who_then_holds_it)
{
	int root = client_hello(ROOT), alice = client_hello(ALICE);
	uint64_t id;

	cr_assert_eq(lease_for(root, ALICE, MMIOD_LEASE_FOR, &id), MMIOD_E_DENIED, "no grant");
	given(root, grant_for("job", ALICE, READ), "card-a");
	cr_assert_eq(lease_for(root, ALICE, MMIOD_LEASE_FOR, &id), MMIOD_OK);
	cr_assert_eq(lease_find(&rig.broker.leases, id)->holder.uid, (uint32_t)ALICE);
	cr_assert_eq(user_uses(&rig.broker.host.users, ALICE, USER_LEASES), 1u);
	cr_assert_eq(client_list(alice, MMIOD_OP_LEASES, 0), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 1u);
	cr_assert_eq(client_end(root, MMIOD_OP_RELEASE, id), MMIOD_OK, "who asked may give back");
	cr_assert(is_over(id));
}

Test(grants, nobody_else_leases_for_others)
{
	int root = client_hello(ROOT), bob = client_hello(BOB);
	uint64_t id;

	given(root, grant_for("job", ALICE, READ), "card-a");
	cr_assert_eq(lease_for(bob, ALICE, MMIOD_LEASE_FOR, &id), MMIOD_E_DENIED);
	cr_assert_eq(lease_for(root, ALICE, 0, &id), MMIOD_E_INVALID, "a uid without the flag");
	cr_assert_eq(lease_for(root, UINT32_MAX, MMIOD_LEASE_FOR, &id), MMIOD_E_DENIED);
}

Test(grants, a_lease_for_another_stays_through_a_reload_that_compares)
{
	int root = client_hello(ROOT);
	uint64_t id;

	given(root, grant_for("job", ALICE, READ), "card-a");
	cr_assert_eq(lease_for(root, ALICE, MMIOD_LEASE_FOR, &id), MMIOD_OK);
	rig_write_config("[daemon]\nrevoke-on-reload = yes\n" CONFIG);
	cr_assert_eq(daemon_reload(&rig), 0);
	rig_wait(10);
	cr_assert_not(is_over(id));
}
