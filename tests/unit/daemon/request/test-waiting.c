// SPDX-License-Identifier: MIT
/* Requests that wait for what others hold. */
#include <criterion/criterion.h>
#include <string.h>
#include "support/rig.h"

#define READ MMIOD_RIGHT_READ
#define WRITE (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)
#define EXCLUSIVE MMIOD_SHARE_EXCLUSIVE
#define SHARED MMIOD_SHARE_READ
#define LONG 3600000

static const char content[] =
	"[daemon]\nwaiting-per-user = 3\n"
	"[region shm]\nphys = 0x10000000\nsize = 1M\n"
	"[region pool]\nphys = 0x20000000\nsize = 64K\npool = yes\nwipe = no\n"
	"[region lake]\nphys = 0x30000000\nsize = 64K\npool = yes\nwipe = no\n"
	"[grant us]\nregion = shm pool lake\nuser = 4001 4002 4003\naccess = rw\n"
	"[grant limited]\nregion = shm\nuser = 4004\naccess = rw\nleases = 1\n"
	"[grant hasty]\nregion = shm\nuser = 4005\naccess = rw\nwait = 100ms\n";

static int one, two, three;

static void set_up(void)
{
	rig_start(content);
	one = client_hello(4001);
	two = client_hello(4002);
	three = client_hello(4003);
}

static void tear_down(void)
{
	request_wait_ms = 0;
	client_close_fds();
	close(one);
	close(two);
	close(three);
	rig_stop();
}

TestSuite(waiting, .init = set_up, .fini = tear_down);

static void ask_for(int fd, uint64_t offset, uint32_t rights, uint32_t share, uint32_t wait_ms)
{
	struct mmiod_wire_want element = want("shm", offset, 0x1000, rights, share);

	request_wait_ms = wait_ms;
	send_lease(fd, &element, 1, 0);
	rig_turn();
}

/* The answer that must be there; its lease. */
static const struct mmiod_wire_granted *answer_of(int fd)
{
	rig_turn();
	cr_assert_gt(client_receive(fd), 0, "no answer");
	cr_assert_eq(answer.msg.status, MMIOD_OK);
	return answer_element(0);
}

static uint64_t granted(int fd)
{
	const struct mmiod_wire_granted *element = answer_of(fd);

	cr_assert_eq(element->status, MMIOD_OK, "%s", answer_text(element->text));
	return element->lease;
}

static void waits(int fd)
{
	rig_turn();
	cr_assert_eq(client_receive(fd), -EAGAIN, "it was answered");
}

static uint64_t lease(int fd, uint64_t offset, uint32_t rights, uint32_t share)
{
	ask_for(fd, offset, rights, share, 0);
	return granted(fd);
}

static void end(int fd, uint64_t id)
{
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, id), MMIOD_OK);
}

static void ask_for_two(int fd, uint64_t first, uint64_t second, uint32_t flags)
{
	struct mmiod_wire_want wants[] = { want("shm", first, 0x1000, WRITE, EXCLUSIVE),
					   want("shm", second, 0x1000, WRITE, EXCLUSIVE) };

	request_wait_ms = LONG;
	send_lease(fd, wants, 2, flags);
	rig_turn();
}

static const char *first_text(void)
{
	return answer_text(((struct mmiod_wire_granted *)answer_element(0))->text);
}

Test(waiting, a_request_is_answered_when_what_it_waits_for_is_released)
{
	uint64_t held = lease(one, 0, WRITE, EXCLUSIVE);

	ask_for(two, 0, WRITE, EXCLUSIVE, LONG);
	waits(two);
	end(one, held);
	cr_assert_gt(granted(two), held);
}

Test(waiting, a_request_is_answered_when_the_holder_dies)
{
	uint64_t held = lease(one, 0, WRITE, EXCLUSIVE);

	ask_for(two, 0, WRITE, EXCLUSIVE, UINT32_MAX);
	waits(two);
	fake_close_window(&rig_fake, held);
	events_drain(&rig.broker);
	granted(two);
}

Test(waiting, what_is_free_is_had_at_once)
{
	ask_for(two, 0, WRITE, EXCLUSIVE, LONG);
	granted(two);
}

Test(waiting, when_the_time_is_over_the_answer_names_the_holder)
{
	const struct mmiod_wire_granted *element;

	lease(one, 0, WRITE, EXCLUSIVE);
	ask_for(two, 0, WRITE, EXCLUSIVE, 50);
	waits(two);
	for (int i = 0; i < 1000 && client_receive(two) <= 0; i++)
		rig_wait(10);
	element = answer_element(0);
	cr_assert_eq(element->status, MMIOD_E_TIMEOUT);
	cr_assert_not_null(strstr(answer_text(element->text), "is held by user 4001 (uid 4001)"));
	cr_assert_not_null(strstr(answer_text(element->text), "waited in vain for"));
	cr_assert_eq(user_uses(&rig.broker.host.users, 4002, USER_WAITING), 0u);
}

Test(waiting, the_older_goes_first)
{
	uint64_t held = lease(one, 0, WRITE, EXCLUSIVE);

	ask_for(two, 0, WRITE, EXCLUSIVE, LONG);
	ask_for(three, 0, WRITE, EXCLUSIVE, LONG);
	end(one, held);
	held = granted(two);
	waits(three);
	end(two, held);
	granted(three);
}

Test(waiting, a_stream_of_readers_does_not_starve_a_writer)
{
	uint64_t first = lease(one, 0, READ, SHARED), second;

	ask_for(two, 0, WRITE, EXCLUSIVE, LONG);
	waits(two);
	ask_for(three, 0, READ, SHARED, 0);
	cr_assert_eq(answer_of(three)->status, MMIOD_E_BUSY);
	cr_assert_not_null(strstr(first_text(), "is wanted by user 4002 (uid 4002)"));
	ask_for(three, 0, READ, SHARED, LONG);
	waits(three);
	end(one, first);
	second = granted(two);
	waits(three);
	end(two, second);
	granted(three);
}

Test(waiting, those_who_go_together_are_served_together)
{
	uint64_t held = lease(one, 0, WRITE, EXCLUSIVE);

	ask_for(two, 0, READ, SHARED, LONG);
	ask_for(three, 0, READ, SHARED, LONG);
	end(one, held);
	granted(two);
	granted(three);
}

Test(waiting, others_bytes_are_nobodys_business)
{
	uint64_t held = lease(one, 0, WRITE, EXCLUSIVE),
		 other = lease(one, 0x2000, WRITE, EXCLUSIVE);

	ask_for(two, 0, WRITE, EXCLUSIVE, LONG);
	lease(three, 0x1000, WRITE, EXCLUSIVE);
	ask_for(three, 0x2000, WRITE, EXCLUSIVE, LONG);
	end(one, other);
	granted(three);
	waits(two);
	end(one, held);
	granted(two);
}

Test(waiting, a_client_that_goes_is_forgotten_and_those_behind_it_go_on)
{
	lease(one, 0, READ, SHARED);
	ask_for(two, 0, WRITE, EXCLUSIVE, UINT32_MAX);
	ask_for(three, 0, READ, SHARED, UINT32_MAX);
	waits(three);
	close(two);
	granted(three);
	cr_assert_eq(user_uses(&rig.broker.host.users, 4002, USER_WAITING), 0u);
	two = client_hello(4002);
}

Test(waiting, the_requests_of_each_user_are_bounded)
{
	lease(one, 0, WRITE, EXCLUSIVE);
	for (int i = 0; i < 3; i++)
		ask_for(two, 0, WRITE, EXCLUSIVE, LONG);
	waits(two);
	ask_for(two, 0, WRITE, EXCLUSIVE, LONG);
	cr_assert_eq(answer_of(two)->status, MMIOD_E_QUOTA);
	cr_assert_not_null(strstr(first_text(), "uid 4002 has 3 requests that wait, as many as "
						"waiting-per-user"));
	ask_for(three, 0, WRITE, EXCLUSIVE, LONG);
	waits(three);
}

Test(waiting, a_batch_is_not_passed)
{
	uint64_t held = lease(one, 0, WRITE, EXCLUSIVE);

	ask_for_two(two, 0, 0x4000, MMIOD_LEASE_ALL_OR_NONE);
	waits(two);
	ask_for(three, 0x4000, WRITE, EXCLUSIVE, 0);
	cr_assert_eq(answer_of(three)->status, MMIOD_E_BUSY);
	cr_assert_not_null(
		strstr(first_text(), "0x4000+0x1000 of region shm is wanted by user 4002"));
	ask_for(three, 0x4000, WRITE, EXCLUSIVE, LONG);
	waits(three);
	cr_assert_eq(leases_count(&rig.broker.leases), 1u, "who waits holds nothing");
	end(one, held);
	held = granted(two);
	cr_assert_eq(((struct mmiod_wire_granted *)answer_element(1))->status, MMIOD_OK);
	cr_assert_eq(n_answer_fds, 2u);
	waits(three);
}

/* X is free when Y is held, and the other way round. */
Test(waiting, two_who_relieve_each_other_do_not_starve_a_batch)
{
	uint64_t held = lease(one, 0, WRITE, EXCLUSIVE);

	ask_for_two(two, 0, 0x1000, MMIOD_LEASE_ALL_OR_NONE);
	ask_for(three, 0x1000, WRITE, EXCLUSIVE, LONG);
	end(one, held);
	granted(two);
	waits(three);
}

Test(waiting, who_stood_behind_one_whose_time_is_over_is_tried)
{
	lease(one, 0, READ, SHARED);
	ask_for(two, 0, WRITE, EXCLUSIVE, 50);
	waits(two);
	ask_for(three, 0, READ, SHARED, LONG);
	waits(three);
	while (client_receive(two) <= 0)
		rig_wait(10);
	cr_assert_eq(((struct mmiod_wire_granted *)answer_element(0))->status, MMIOD_E_TIMEOUT);
	granted(three);
}

Test(waiting, a_request_in_its_own_way_is_told_so_and_does_not_wait)
{
	ask_for_two(two, 0, 0, MMIOD_LEASE_ALL_OR_NONE);
	cr_assert_eq(answer_of(two)->status, MMIOD_E_BUSY);
	cr_assert_not_null(
		strstr(answer_text(((struct mmiod_wire_granted *)answer_element(1))->text),
		       "is asked for by another element of the same request"));
	cr_assert_not(leases_count(&rig.broker.leases));
}

Test(waiting, what_cannot_be_had_at_all_is_said_at_once_not_after_waiting)
{
	struct mmiod_wire_want wants[] = { want("shm", 0, 0x1000, WRITE, EXCLUSIVE),
					   want("none", 0, 0x1000, WRITE, EXCLUSIVE) };

	lease(one, 0, WRITE, EXCLUSIVE);
	request_wait_ms = LONG;
	send_lease(two, wants, 2, MMIOD_LEASE_ALL_OR_NONE);
	cr_assert_eq(answer_of(two)->status, MMIOD_E_NOT_FOUND);
}

/* The one in the middle is tried, because of its second element, and waits on. */
Test(waiting, a_request_that_is_tried_in_vain_stands_where_it_stood)
{
	uint64_t first = lease(one, 0, WRITE, EXCLUSIVE),
		 second = lease(one, 0x1000, WRITE, EXCLUSIVE);

	ask_for(three, 0, WRITE, EXCLUSIVE, LONG);
	ask_for_two(two, 0, 0x1000, 0);
	ask_for(three, 0x1000, WRITE, EXCLUSIVE, LONG);
	wakeup_all(&rig.broker);
	rig_turn();
	for (int i = 0; i < 2; i++) {
		wakeup_all(&rig.broker);
		rig_turn();
	}
	end(one, second);
	waits(two);
	waits(three);
	end(one, first);
	first = granted(three);
	waits(two);
	end(three, first);
	granted(two);
	waits(three);
}

Test(waiting, a_denial_is_not_waited_for)
{
	struct mmiod_wire_want element = want("shm", 0, 0x1000, WRITE, EXCLUSIVE);
	int stranger = client_hello(4009);

	lease(one, 0, WRITE, EXCLUSIVE);
	request_wait_ms = LONG;
	send_lease(stranger, &element, 1, 0);
	cr_assert_eq(answer_of(stranger)->status, MMIOD_E_DENIED);
	close(stranger);
}

Test(waiting, who_may_no_longer_have_it_after_a_reload_is_told_so)
{
	lease(one, 0, WRITE, EXCLUSIVE);
	ask_for(two, 0, WRITE, EXCLUSIVE, LONG);
	rig_write_config("[region shm]\nphys = 0x10000000\nsize = 1M\n"
			 "[grant us]\nregion = shm\nuser = 4001\naccess = rw\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	cr_assert_eq(answer_of(two)->status, MMIOD_E_DENIED);
}

Test(waiting, a_full_pool_is_waited_for)
{
	struct mmiod_wire_alloc element = ask(MMIOD_MEMORY_REGION, "pool", 0x10000);
	uint64_t held;

	request_wait_ms = 0;
	client_alloc(one, &element, 1, 0);
	held = ((struct mmiod_wire_granted *)answer_element(0))->lease;
	cr_assert_neq(held, 0u);
	request_wait_ms = LONG;
	element.length = 0x1000;
	send_allocs(two, &element, 1, 0);
	waits(two);
	end(one, held);
	granted(two);
}

static uint64_t allocate(int fd, const char *pool, uint64_t length)
{
	struct mmiod_wire_alloc element = ask(MMIOD_MEMORY_REGION, pool, length);

	request_wait_ms = 0;
	cr_assert_eq(client_alloc(fd, &element, 1, 0), MMIOD_OK);
	return ((struct mmiod_wire_granted *)answer_element(0))->lease;
}

static void ask_for_blocks(int fd, const struct mmiod_wire_alloc *elements, size_t n)
{
	request_wait_ms = LONG;
	send_allocs(fd, elements, n, MMIOD_LEASE_ALL_OR_NONE);
	rig_turn();
}

/* The older one alone is tried, because of its other pool: that costs it nothing. */
Test(waiting, a_request_that_alone_is_tried_in_vain_is_not_passed_by_who_was_not)
{
	struct mmiod_wire_alloc both[] = { ask(MMIOD_MEMORY_REGION, "lake", 0x10000),
					   ask(MMIOD_MEMORY_REGION, "pool", 0x10000) };
	uint64_t half = allocate(one, "lake", 0x8000), rest = allocate(one, "lake", 0x8000),
		 pool = allocate(one, "pool", 0x10000);

	ask_for_blocks(two, both, 2);
	ask_for_blocks(three, &both[1], 1);
	end(one, half);
	waits(two);
	end(one, rest);
	waits(two);
	waits(three);
	end(one, pool);
	granted(two);
	waits(three);
}

/* ---- quota ----------------------------------------------------------------------------------- */

static void is_over_quota(int fd, const char *words)
{
	cr_assert_eq(answer_of(fd)->status, MMIOD_E_QUOTA);
	cr_assert_not_null(strstr(first_text(), words), "\"%s\" lacks \"%s\"", first_text(), words);
}

Test(waiting, who_may_have_no_more_cannot_wait_and_bars_nobody)
{
	int limited = client_hello(4004);

	lease(one, 0, WRITE, EXCLUSIVE);
	lease(limited, 0x1000, WRITE, EXCLUSIVE);
	ask_for(limited, 0, WRITE, EXCLUSIVE, UINT32_MAX);
	is_over_quota(limited, "uid 4004 has 1 leases under [grant limited]");
	ask_for_two(limited, 0, 0x8000, MMIOD_LEASE_ALL_OR_NONE);
	is_over_quota(limited, "uid 4004 has 1 leases under [grant limited]");
	lease(three, 0x8000, WRITE, EXCLUSIVE);
	close(limited);
}

Test(waiting, what_is_waited_for_is_charged_until_it_is_not)
{
	int limited = client_hello(4004);
	uint64_t held = lease(one, 0, WRITE, EXCLUSIVE);

	ask_for(limited, 0, WRITE, EXCLUSIVE, LONG);
	waits(limited);
	cr_assert_eq(user_uses(&rig.broker.host.users, 4004, USER_LEASES), 1u);
	ask_for(limited, 0x8000, WRITE, EXCLUSIVE, 0);
	is_over_quota(limited, "admits, what it waits for included");
	end(one, held);
	held = granted(limited);
	cr_assert_eq(user_uses(&rig.broker.host.users, 4004, USER_LEASES), 1u,
		     "and is charged once");
	end(limited, held);
	fake_close_window(&rig_fake, held);
	events_drain(&rig.broker);
	lease(limited, 0x8000, WRITE, EXCLUSIVE);
	close(limited);
}

Test(waiting, a_request_waits_no_longer_than_its_grant_admits)
{
	int hasty = client_hello(4005);

	lease(one, 0, WRITE, EXCLUSIVE);
	ask_for(hasty, 0, WRITE, EXCLUSIVE, UINT32_MAX);
	while (client_receive(hasty) <= 0)
		rig_wait(10);
	cr_assert_eq(((struct mmiod_wire_granted *)answer_element(0))->status, MMIOD_E_TIMEOUT);
	cr_assert_not_null(strstr(first_text(), "as long as \"wait\" of [grant hasty]"), "%s",
			   first_text());
	close(hasty);
}

static void start_anew(const char *limits)
{
	char config[1024];

	snprintf(config, sizeof(config), "[daemon]\n%s%s", limits, content + strlen("[daemon]\n"));
	rig_write_config(config);
	cr_assert_eq(daemon_reload(&rig), 0);
}

Test(waiting, nobody_waits_longer_than_the_daemon_admits)
{
	start_anew("longest-wait = 100ms\n");
	lease(one, 0, WRITE, EXCLUSIVE);
	ask_for(two, 0, WRITE, EXCLUSIVE, UINT32_MAX);
	while (client_receive(two) <= 0)
		rig_wait(10);
	cr_assert_eq(((struct mmiod_wire_granted *)answer_element(0))->status, MMIOD_E_TIMEOUT);
	cr_assert_not_null(strstr(first_text(), "as long as \"longest-wait\" in [daemon] admits"));
}

Test(waiting, younger_ones_pass_for_the_time_of_bypass_and_no_longer)
{
	start_anew("bypass = 500ms\n");
	lease(one, 0, WRITE, EXCLUSIVE);
	ask_for_two(two, 0, 0x4000, MMIOD_LEASE_ALL_OR_NONE);
	end(three, lease(three, 0x4000, WRITE, EXCLUSIVE));
	ask_for(three, 0x4000, WRITE, EXCLUSIVE, 0);
	while (answer_of(three)->status == MMIOD_OK) {
		end(three, ((struct mmiod_wire_granted *)answer_element(0))->lease);
		rig_wait(10);
		ask_for(three, 0x4000, WRITE, EXCLUSIVE, 0);
	}
	cr_assert_not_null(strstr(first_text(), "is wanted by user 4002"));
}

/* ---- CANCEL ---------------------------------------------------------------------------------- */

static void answered(int fd, uint16_t opcode, uint64_t id, uint32_t status)
{
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.msg.opcode, opcode);
	cr_assert_eq(answer.msg.id, id);
	cr_assert_eq(answer.msg.status, status);
}

Test(waiting, a_request_that_is_cancelled_is_answered_and_waits_no_more)
{
	uint64_t id;

	lease(one, 0, READ, SHARED);
	ask_for(two, 0, WRITE, EXCLUSIVE, LONG);
	id = sent_id();
	ask_for(three, 0, READ, SHARED, LONG);
	send_cancel(two, id);
	answered(two, MMIOD_OP_LEASE, id, MMIOD_E_CANCELLED);
	answered(two, MMIOD_OP_CANCEL, sent_id(), MMIOD_OK);
	granted(three);
	cr_assert_eq(user_uses(&rig.broker.host.users, 4002, USER_WAITING), 0u);
	cr_assert_eq(user_uses(&rig.broker.host.users, 4002, USER_LEASES), 0u);
}

Test(waiting, what_does_not_wait_cannot_be_cancelled)
{
	uint64_t id;

	ask_for(two, 0, WRITE, EXCLUSIVE, LONG);
	id = sent_id();
	send_cancel(two, id);
	granted(two);
	answered(two, MMIOD_OP_CANCEL, sent_id(), MMIOD_E_NOT_FOUND);
	ask_for(three, 0, WRITE, EXCLUSIVE, LONG);
	id = sent_id();
	send_cancel(two, id);
	answered(two, MMIOD_OP_CANCEL, sent_id(), MMIOD_E_NOT_FOUND);
	waits(three);
}

/* Ids are the client's: all that have this one are cancelled. */
Test(waiting, all_that_wait_under_one_id_are_cancelled)
{
	struct {
		struct mmiod_msg_lease fixed;
		struct mmiod_wire_want want;
	} packet = { .fixed = { .msg = { .size = sizeof(packet),
					 .opcode = MMIOD_OP_LEASE,
					 .id = 7,
					 .fixed = sizeof(packet.fixed),
					 .count = 1,
					 .stride = sizeof(packet.want) },
				.wait_ms = LONG },
		     .want = want("shm", 0, 0x1000, WRITE, EXCLUSIVE) };

	lease(one, 0, WRITE, EXCLUSIVE);
	client_send(two, &packet, sizeof(packet));
	client_send(two, &packet, sizeof(packet));
	rig_turn();
	send_cancel(two, 7);
	answered(two, MMIOD_OP_LEASE, 7, MMIOD_E_CANCELLED);
	answered(two, MMIOD_OP_LEASE, 7, MMIOD_E_CANCELLED);
	answered(two, MMIOD_OP_CANCEL, sent_id(), MMIOD_OK);
	cr_assert_null(rig.broker.waitlist.head);
}

Test(waiting, a_revocation_under_way_cannot_be_cancelled)
{
	uint64_t held = lease(one, 0, WRITE, EXCLUSIVE), id;
	int root = client_hello(0);

	send_end(root, MMIOD_OP_REVOKE, LONG, &held, 1);
	id = sent_id();
	send_cancel(root, id);
	answered(root, MMIOD_OP_CANCEL, sent_id(), MMIOD_E_UNSUPPORTED);
	cr_assert_gt(client_receive(one), 0, "it is asked to give it back");
	end(one, held);
	rig_turn();
	answered(root, MMIOD_OP_REVOKE, id, MMIOD_OK);
	close(root);
}

Test(waiting, what_waits_to_be_wiped_can_be_cancelled_too)
{
	struct mmiod_wire_alloc element = ask(MMIOD_MEMORY_REGION, "large", 8 << 20);
	uint64_t id;

	rig_write_config("[region large]\nphys = 0x30000000\nsize = 16M\npool = yes\n"
			 "[grant us]\nregion = large\nuser = 4002\naccess = rw\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	rig_fake.wipe_error = -EAGAIN;
	request_wait_ms = 0;
	send_allocs(two, &element, 1, 0);
	id = sent_id();
	waits(two);
	send_cancel(two, id);
	answered(two, MMIOD_OP_ALLOC, id, MMIOD_E_CANCELLED);
	answered(two, MMIOD_OP_CANCEL, sent_id(), MMIOD_OK);
}
