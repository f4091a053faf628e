// SPDX-License-Identifier: MIT
/*
 * Requests that wait for what others hold.
 */
#include <criterion/criterion.h>
#include <string.h>
#include "rig.h"

#define READ MMIOD_RIGHT_READ
#define WRITE (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)
#define EXCLUSIVE MMIOD_SHARE_EXCLUSIVE
#define SHARED MMIOD_SHARE_READ
#define LONG 3600000

static const char content[] =
	"[daemon]\nwaiting-per-user = 3\n"
	"[region shm]\nphys = 0x10000000\nsize = 1M\n"
	"[region pool]\nphys = 0x20000000\nsize = 64K\npool = yes\nwipe = no\n"
	"[grant us]\nregion = shm pool\nuser = 4001 4002 4003\naccess = rw\n";

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
	daemon_drain_events(&rig);
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
	cr_assert_eq(user_uses(&rig.host.users, 4002, USER_WAITING), 0u);
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
	cr_assert_not_null(
		strstr(answer_text(((struct mmiod_wire_granted *)answer_element(0))->text),
		       "is wanted by user 4002 (uid 4002)"));
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
	cr_assert_eq(user_uses(&rig.host.users, 4002, USER_WAITING), 0u);
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
	cr_assert_not_null(
		strstr(answer_text(((struct mmiod_wire_granted *)answer_element(0))->text),
		       "uid 4002 has 3 requests that wait, as many as waiting-per-user"));
	ask_for(three, 0, WRITE, EXCLUSIVE, LONG);
	waits(three);
}

Test(waiting, nothing_is_held_by_who_waits)
{
	struct mmiod_wire_want wants[] = { want("shm", 0x4000, 0x1000, WRITE, EXCLUSIVE),
					   want("shm", 0, 0x1000, WRITE, EXCLUSIVE) };
	uint64_t held = lease(one, 0, WRITE, EXCLUSIVE);

	request_wait_ms = LONG;
	send_lease(two, wants, 2, MMIOD_LEASE_ALL_OR_NONE);
	waits(two);
	end(three, lease(three, 0x4000, WRITE, EXCLUSIVE));
	end(one, held);
	granted(two);
	cr_assert_eq(((struct mmiod_wire_granted *)answer_element(1))->status, MMIOD_OK);
	cr_assert_eq(n_answer_fds, 2u);
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
