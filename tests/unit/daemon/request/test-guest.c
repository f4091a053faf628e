// SPDX-License-Identifier: MIT
/* Guests: leases to read that keep nobody out, and end when somebody wants the bytes alone. */
#include <criterion/criterion.h>
#include <string.h>
#include "support/rig.h"

#define READ MMIOD_RIGHT_READ
#define WRITE (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)
#define GUEST MMIOD_SHARE_GUEST

static int watcher, owner, reader;

static void set_up(void)
{
	rig_start("[region shm]\nphys = 0x10000000\nsize = 1M\ncache = uc wc\n"
		  "[grant operators]\nregion = shm\nuser = 4001\naccess = rw\n"
		  "[grant watchers]\nregion = shm\nuser = 4002\naccess = r\n"
		  "[grant readers]\nregion = shm\nuser = 4003\naccess = r\nshare = shared-read\n");
	owner = client_hello(4001);
	watcher = client_hello(4002);
	reader = client_hello(4003);
}

static void tear_down(void)
{
	request_wait_ms = 0;
	client_close_fds();
	rig_stop();
}

TestSuite(guest, .init = set_up, .fini = tear_down);

static const struct mmiod_wire_granted *lease(int fd, uint64_t offset, uint32_t rights,
					      uint32_t share)
{
	struct mmiod_wire_want element = want("shm", offset, 0x1000, rights, share);

	cr_assert_eq(client_lease(fd, &element, 1, 0), MMIOD_OK);
	return answer_element(0);
}

static uint64_t granted(int fd, uint64_t offset, uint32_t rights, uint32_t share)
{
	const struct mmiod_wire_granted *element = lease(fd, offset, rights, share);

	cr_assert_eq(element->status, MMIOD_OK, "%s", answer_text(element->text));
	return element->lease;
}

static void is_ended(int fd, uint64_t id)
{
	rig_turn();
	cr_assert_gt(client_receive(fd), 0, "no event");
	cr_assert_eq(answer.msg.opcode, MMIOD_OP_EVENT);
	cr_assert_eq(answer.event.type, MMIOD_EVENT_REVOKED);
	cr_assert_eq(answer.event.lease, id);
	cr_assert_not_null(strstr(answer_text(answer.event.text),
				  "an exclusive lease of 0x0+0x1000 of shm was granted"));
}

Test(guest, a_grant_to_read_that_says_no_share_gives_guests)
{
	granted(watcher, 0, READ, 0);
	cr_assert_eq(((struct mmiod_wire_granted *)answer_element(0))->share, GUEST);
	granted(reader, 0, READ, 0);
	cr_assert_eq(((struct mmiod_wire_granted *)answer_element(0))->share, MMIOD_SHARE_READ);
}

Test(guest, it_keeps_nobody_out_and_ends_when_somebody_wants_it_alone)
{
	uint64_t guest = granted(watcher, 0, READ, 0);

	granted(owner, 0, WRITE, 0);
	is_ended(watcher, guest);
	cr_assert_eq(rig.broker.host.counters.revocations[MMIOD_CAUSE_GUEST], 1u);
}

Test(guest, it_goes_together_with_every_mode_but_the_exclusive)
{
	static const uint32_t modes[] = { MMIOD_SHARE_READ, MMIOD_SHARE_WRITE };
	static const uint32_t rights[] = { READ, WRITE };

	for (size_t i = 0; i < array_size(modes); i++) {
		for (size_t j = 0; j < array_size(rights); j++) {
			uint64_t offset = 0x1000 * (2 * i + j);

			granted(watcher, offset, READ, 0);
			granted(owner, offset, rights[j], modes[i]);
			granted(watcher, offset, READ, 0);
		}
	}
	cr_assert_eq(client_receive(watcher), -EAGAIN, "none has ended");
}

Test(guest, while_an_exclusive_one_stands_it_is_refused_or_waits)
{
	uint64_t held = granted(owner, 0, WRITE, 0);
	struct mmiod_wire_want element = want("shm", 0, 0x1000, READ, 0);

	cr_assert_eq(lease(watcher, 0, READ, 0)->status, MMIOD_E_BUSY);
	request_wait_ms = UINT32_MAX;
	send_lease(watcher, &element, 1, 0);
	rig_turn();
	cr_assert_eq(client_receive(watcher), -EAGAIN);
	cr_assert_eq(client_end(owner, MMIOD_OP_RELEASE, held), MMIOD_OK);
	rig_turn();
	cr_assert_gt(client_receive(watcher), 0);
	cr_assert_eq(((struct mmiod_wire_granted *)answer_element(0))->status, MMIOD_OK);
}

/* Or one that looks on would keep the owner from bytes that are free. */
Test(guest, one_that_waits_is_passed_by_all)
{
	struct mmiod_wire_want both[] = { want("shm", 0, 0x1000, READ, 0),
					  want("shm", 0x1000, 0x1000, READ, 0) };

	granted(owner, 0, WRITE, 0);
	request_wait_ms = UINT32_MAX;
	send_lease(watcher, both, 2, MMIOD_LEASE_ALL_OR_NONE);
	rig_turn();
	request_wait_ms = 0;
	granted(owner, 0x1000, WRITE, 0);
}

Test(guest, one_outside_of_the_exclusive_bytes_stays)
{
	granted(watcher, 0x1000, READ, 0);
	granted(owner, 0, WRITE, 0);
	rig_turn();
	cr_assert_eq(client_receive(watcher), -EAGAIN);
}

/* All or none: what is not granted ends nobody. */
Test(guest, it_stays_if_the_exclusive_one_is_refused_after_all)
{
	struct mmiod_wire_want wants[] = { want("shm", 0, 0x1000, WRITE, 0),
					   want("none", 0, 0x1000, WRITE, 0) };
	uint64_t guest = granted(watcher, 0, READ, 0);

	cr_assert_eq(client_lease(owner, wants, 2, MMIOD_LEASE_ALL_OR_NONE), MMIOD_OK);
	rig_fake.create_error = -EMFILE;
	cr_assert_eq(lease(owner, 0, WRITE, 0)->status, MMIOD_E_RESOURCES);
	rig_turn();
	cr_assert_eq(client_receive(watcher), -EAGAIN);
	cr_assert_eq(lease_find(&rig.broker.leases, guest)->state, MMIOD_STATE_OK);
}

Test(guest, a_grant_admits_no_more_than_it_says)
{
	const struct mmiod_wire_granted *element = lease(watcher, 0, READ, MMIOD_SHARE_READ);

	cr_assert_eq(element->status, MMIOD_E_DENIED);
	cr_assert_not_null(strstr(answer_text(element->text), "guest at most, not shared-read"));
	cr_assert_eq(lease(owner, 0, WRITE, GUEST)->status, MMIOD_E_INVALID);
	granted(owner, 0, READ, GUEST);
}

Test(guest, a_restart_knows_it_again)
{
	uint64_t id = granted(watcher, 0, READ, 0);

	rig_restart();
	cr_assert_eq(lease_find(&rig.broker.leases, id)->share, MMIOD_SHARE_GUEST);
}
