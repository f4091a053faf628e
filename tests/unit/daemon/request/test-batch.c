// SPDX-License-Identifier: MIT
/*
 * Batches that take more than one turn of the loop, and what may happen in the middle of one: there
 * is one reply, all or none is all or none, and nothing is left of what was not granted.
 */
#include <criterion/criterion.h>
#include <string.h>
#include "support/files.h"
#include "support/rig.h"

#define WRITE (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)
#define READ MMIOD_RIGHT_READ
#define ALL MMIOD_LEASE_ALL_OR_NONE
#define SIZE 0x1000ull
#define MANY MMIOD_MSG_FDS_MAX

#define HOLDER 4001
#define OTHER 4002
#define ADMIN 7

#define MOTOR_AT(phys) "[region motor]\nphys = " phys "\nsize = 1M\n"
#define MOTOR MOTOR_AT("0x10000000")
#define GRANT "[grant us]\nregion = motor\nuser = 4001 4002\naccess = rw\n"
#define REST "[admin a]\nuser = 7\n"

static void start(void)
{
	rig_start(MOTOR GRANT REST);
}

TestSuite(batch, .init = start, .fini = rig_stop);
TestSuite(batch_of, .fini = rig_stop);

static void one_turn(void)
{
	event_base_loop(rig.broker.host.base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
}

/* Each with a register to be written at its end, on which there is a note. */
static void send_batch(int fd, uint64_t first, uint32_t flags)
{
	struct mmiod_wire_want wants[MANY];

	for (size_t i = 0; i < MANY; i++) {
		wants[i] = want("motor", (first + i) * SIZE, SIZE, WRITE, 0);
		wants[i].n_on_end = 1;
		wants[i].on_end[0] =
			(struct mmiod_wire_write){ .offset = wants[i].offset, .width = 4 };
	}
	send_lease(fd, wants, MANY, flags);
}

static size_t live_windows(void)
{
	size_t live = 0;

	for (size_t i = 0; i < rig_fake.n_windows; i++)
		live += rig_fake.windows[i].state != MMIOD_STATE_REVOKED;
	return live;
}

static size_t notes(void)
{
	return files_count("state");
}

/* Some of its windows are there, and some are not. */
static void begin(int fd, uint32_t flags)
{
	send_batch(fd, 0, flags);
	for (int i = 0; i < 10 && !rig_fake.n_windows; i++)
		one_turn();
	cr_assert_gt(live_windows(), 0u);
	cr_assert_lt(live_windows(), MANY);
	cr_assert_lt(client_receive(fd), 0);
}

static const struct mmiod_wire_granted *element(size_t index)
{
	return answer_element(index);
}

/* One reply to each request, and no more. */
static void receive(int fd, uint64_t id)
{
	for (int i = 0; i < 4; i++)
		rig_turn();
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.msg.opcode, MMIOD_OP_LEASE);
	cr_assert_eq(answer.msg.id, id);
	cr_assert_eq(answer.msg.status, MMIOD_OK);
}

static void expect_nothing_more(int fd)
{
	rig_turn();
	cr_assert_lt(client_receive(fd), 0);
	cr_assert_null(rig.broker.underway);
	cr_assert_eq(rig.broker.n_untold, 0u);
}

static void expect_all(int fd, uint64_t id)
{
	receive(fd, id);
	for (size_t i = 0; i < MANY; i++) {
		cr_assert_eq(element(i)->status, MMIOD_OK, "%zu: %s", i,
			     answer_text(element(i)->text));
		cr_assert_not_null(lease_find(&rig.broker.leases, element(i)->lease));
	}
	cr_assert_eq(n_answer_fds, MANY);
	cr_assert_eq(leases_count(&rig.broker.leases), MANY);
	cr_assert_eq(live_windows(), MANY);
	cr_assert_eq(notes(), MANY);
	client_close_fds();
	expect_nothing_more(fd);
}

static void expect_no_trace(void)
{
	cr_assert_null(rig.broker.underway);
	cr_assert_not(leases_count(&rig.broker.leases));
	cr_assert_eq(rig.broker.n_untold, 0u);
	cr_assert_eq(live_windows(), 0u);
	cr_assert_eq(notes(), 0u);
	cr_assert_eq(rig_fake.n_writes, 0u, "nobody had it");
	cr_assert_eq(user_uses(&rig.broker.host.users, HOLDER, USER_LEASES), 0u);
}

static void expect_none(int fd, uint64_t id, uint32_t status, const char *words)
{
	receive(fd, id);
	cr_assert_eq(n_answer_fds, 0u);
	for (size_t i = 0; i < MANY; i++)
		cr_assert_eq(element(i)->status, status, "%zu: %u, %s", i, element(i)->status,
			     answer_text(element(i)->text));
	cr_assert_not_null(strstr(answer_text(element(0)->text), words), "%s",
			   answer_text(element(0)->text));
	expect_nothing_more(fd);
	expect_no_trace();
}

/* ---- in pieces ------------------------------------------------------------------------------- */

Test(batch, goes_on_in_pieces_and_others_are_answered_meanwhile)
{
	int fd = client_hello(HOLDER), other = client_hello(OTHER);
	size_t before, most = 0;

	send_batch(fd, 0, 0);
	for (int i = 0; i < 100 && rig_fake.n_windows < MANY; i++) {
		before = rig_fake.n_windows;
		one_turn();
		if (rig_fake.n_windows - before > most)
			most = rig_fake.n_windows - before;
		if (i != 1)
			continue;
		cr_assert_eq(client_status(other), MMIOD_OK);
	}
	cr_assert_leq(most, 2 * TURN_WORK / (WORK_WINDOW + WORK_NOTE), "%zu in one turn", most);
	expect_all(fd, sent_id() - 1);
}

Test(batch, what_follows_it_is_answered_after_it)
{
	int fd = client_hello(HOLDER);
	uint64_t id;

	begin(fd, 0);
	id = sent_id();
	send_cancel(fd, id);
	receive(fd, id);
	cr_assert_eq(n_answer_fds, MANY);
	rig_turn();
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.msg.opcode, MMIOD_OP_CANCEL);
	cr_assert_eq(answer.msg.status, MMIOD_E_NOT_FOUND);
}

Test(batch, leases_are_listed_in_order_whoever_was_first)
{
	int fd = client_hello(HOLDER), other = client_hello(OTHER);
	const struct lease *lease;
	uint64_t last = 0;

	send_batch(fd, 0, 0);
	send_batch(other, MANY, 0);
	for (int i = 0; i < 4; i++)
		rig_turn();
	cr_assert_eq(leases_count(&rig.broker.leases), 2 * MANY);
	for (lease = lease_after(&rig.broker.leases, 0); lease;
	     lease = lease_after(&rig.broker.leases, lease->id)) {
		cr_assert_gt(lease->id, last);
		last = lease->id;
	}
	cr_assert_eq(lease_last(&rig.broker.leases)->id, last);
	cr_assert_eq(last, 2 * MANY);
}

/* ---- what is planned is taken ---------------------------------------------------------------- */

Test(batch, nobody_gets_meanwhile_what_is_planned)
{
	int fd = client_hello(HOLDER), other = client_hello(OTHER);
	struct mmiod_wire_want last = want("motor", (MANY - 1) * SIZE, SIZE, WRITE, 0);
	uint64_t id;

	begin(fd, 0);
	id = sent_id();
	cr_assert_eq(user_uses(&rig.broker.host.users, HOLDER, USER_LEASES), MANY);
	send_lease(other, &last, 1, 0);
	one_turn();
	cr_assert_not_null(rig.broker.underway);
	cr_assert_gt(client_receive(other), 0);
	cr_assert_eq(element(0)->status, MMIOD_E_BUSY);
	cr_assert_not_null(strstr(answer_text(element(0)->text), "is being granted to user"), "%s",
			   answer_text(element(0)->text));
	cr_assert_null(strstr(answer_text(element(0)->text), "lease 0"));
	cr_assert_not(leases_count(&rig.broker.leases),
		      "nobody sees a lease before its holder has it");
	expect_all(fd, id);
}

Test(batch, who_waits_gets_what_is_undone)
{
	int fd = client_hello(HOLDER), other = client_hello(OTHER);
	struct mmiod_wire_want last = want("motor", (MANY - 1) * SIZE, SIZE, WRITE, 0);
	uint64_t id;

	begin(fd, ALL);
	id = sent_id();
	request_wait_ms = UINT32_MAX;
	send_lease(other, &last, 1, 0);
	request_wait_ms = 0;
	one_turn();
	rig_fake.create_error = -EMFILE;
	for (int i = 0; i < 20 && client_receive(fd) < 0; i++)
		one_turn();
	cr_assert_eq(answer.msg.id, id);
	cr_assert_eq(n_answer_fds, 0u);
	rig_fake.create_error = 0;
	receive(other, id + 1);
	cr_assert_eq(element(0)->status, MMIOD_OK);
}

Test(batch, one_that_waited_goes_on_in_pieces_too)
{
	int fd = client_hello(HOLDER), other = client_hello(OTHER);
	struct mmiod_wire_want last = want("motor", (MANY - 1) * SIZE, SIZE, WRITE, 0);
	uint64_t lease, id;

	cr_assert_eq(client_lease(other, &last, 1, 0), MMIOD_OK);
	lease = element(0)->lease;
	client_close_fds();
	request_wait_ms = UINT32_MAX;
	send_batch(fd, 0, ALL);
	request_wait_ms = 0;
	id = sent_id();
	rig_turn();
	cr_assert_lt(client_receive(fd), 0);
	fake_close_window(&rig_fake, lease);
	events_drain(&rig.broker);
	one_turn();
	one_turn();
	cr_assert_not_null(rig.broker.underway);
	cr_assert_lt(live_windows(), MANY);
	expect_all(fd, id);
}

/* ---- all or none ----------------------------------------------------------------------------- */

Test(batch, a_window_that_cannot_be_made_undoes_those_of_earlier_turns)
{
	int fd = client_hello(HOLDER);
	size_t fds;
	uint64_t id;

	fds = open_fds();
	begin(fd, ALL);
	id = sent_id();
	rig_fake.create_error = -EINVAL;
	receive(fd, id);
	cr_assert_eq(n_answer_fds, 0u);
	cr_assert_eq(element(0)->status, MMIOD_E_INVALID);
	cr_assert_not_null(strstr(answer_text(element(0)->text), "all or none"));
	expect_nothing_more(fd);
	expect_no_trace();
	rig_turn();
	cr_assert_leq(open_fds(), fds + 1, "that of the notes is kept open");
	rig_fake.create_error = 0;
	send_batch(fd, 0, ALL);
	expect_all(fd, sent_id());
}

Test(batch, without_all_or_none_those_of_earlier_turns_stay)
{
	int fd = client_hello(HOLDER);
	size_t granted = 0;
	uint64_t id;

	begin(fd, 0);
	id = sent_id();
	rig_fake.create_error = -EINVAL;
	rig_fake.creates_left = 2;
	receive(fd, id);
	for (size_t i = 0; i < MANY; i++)
		granted += element(i)->status == MMIOD_OK;
	cr_assert_gt(granted, 2u);
	cr_assert_lt(granted, MANY);
	cr_assert_eq(n_answer_fds, granted);
	cr_assert_eq(leases_count(&rig.broker.leases), granted);
	cr_assert_eq(user_uses(&rig.broker.host.users, HOLDER, USER_LEASES), granted);
	expect_nothing_more(fd);
}

/* It may be that only an event has not been read yet: all is tried once more. */
Test(batch, one_that_may_be_stale_is_tried_anew)
{
	int fd = client_hello(HOLDER);
	uint64_t id;

	begin(fd, ALL);
	id = sent_id();
	rig_fake.create_error = -ENOSPC;
	rig_fake.create_failures = 1;
	expect_all(fd, id);
}

/* ---- what may happen in the middle ----------------------------------------------------------- */

Test(batch, of_a_client_that_dies_nothing_is_left)
{
	int fd = client_hello(HOLDER);

	begin(fd, 0);
	close(fd);
	for (int i = 0; i < 4; i++)
		rig_turn();
	expect_no_trace();
	cr_assert_null(rig.broker.host.closing);
}

Test(batch, of_a_client_that_dies_nothing_is_left_at_whatever_turn)
{
	for (int turns = 0; turns < 12; turns++) {
		int fd = client_hello(HOLDER);

		send_batch(fd, 0, turns % 2 ? ALL : 0);
		rig_fake.create_error = turns % 3 ? 0 : -EMFILE;
		rig_fake.creates_left = (unsigned int)turns;
		for (int i = 0; i < turns; i++)
			one_turn();
		close(fd);
		for (int i = 0; i < 4; i++)
			rig_turn();
		cr_assert_null(rig.broker.underway);
		cr_assert_null(rig.broker.host.closing);
		cr_assert_eq(live_windows(), leases_count(&rig.broker.leases));
		/* Those that were granted: their files are closed with the client. */
		while (leases_count(&rig.broker.leases)) {
			fake_close_window(&rig_fake, lease_after(&rig.broker.leases, 0)->id);
			events_drain(&rig.broker);
		}
		rig_fake.create_error = 0;
		cr_assert_eq(live_windows(), 0u);
		cr_assert_eq(notes(), 0u);
		cr_assert_eq(user_uses(&rig.broker.host.users, HOLDER, USER_LEASES), 0u);
	}
}

Test(batch, of_a_region_that_goes_nothing_is_granted)
{
	int fd = client_hello(HOLDER);
	uint64_t id;

	begin(fd, 0);
	id = sent_id();
	rig_fake.claim_error = -ENODEV;
	fake_remove_device(&rig_fake, "motor");
	events_drain(&rig.broker);
	expect_none(fd, id, MMIOD_E_GONE, "is not there");
}

/* The module ends the windows first, and the rest later. */
Test(batch, of_a_region_that_is_going_nothing_is_granted)
{
	int fd = client_hello(HOLDER);
	uint64_t id;

	begin(fd, 0);
	id = sent_id();
	fake_begin_removal(&rig_fake, "motor");
	rig_fake.create_error = -ENODEV;
	events_drain(&rig.broker);
	expect_none(fd, id, MMIOD_E_GONE, "has gone");
}

Test(batch, a_window_that_another_program_revokes_is_made_anew)
{
	int fd = client_hello(HOLDER);
	uint64_t id;

	begin(fd, 0);
	id = sent_id();
	rig_fake.windows[0].state = MMIOD_STATE_REVOKED;
	fake_finish(&rig_fake, rig_fake.windows[0].id);
	events_drain(&rig.broker);
	expect_all(fd, id);
}

Test(batch_of, windows_of_a_device_that_is_reset_in_the_middle_are_made_anew)
{
	uint64_t id, handle;
	size_t made;
	int fd;

	rig_start("[region motor]\ndevice = pci:0000:01:00.0\nbar = 2\nsize = 1M\n"
		  "on-reset = revoke\n" GRANT REST);
	fd = client_hello(HOLDER);
	handle = rig_fake.regions[0].handle;
	begin(fd, 0);
	id = sent_id();
	made = rig_fake.n_windows;
	fake_event(&rig_fake, MMIOD_CONTROL_REGION_STATE, MMIOD_STATE_SUSPENDED, handle);
	fake_event(&rig_fake, MMIOD_CONTROL_REGION_STATE, MMIOD_STATE_OK, handle);
	events_drain(&rig.broker);
	expect_all(fd, id);
	cr_assert_eq(rig_fake.n_windows, made + MANY);
}

Test(batch, a_reload_in_the_middle_decides)
{
	int fd = client_hello(HOLDER);
	uint64_t id;

	begin(fd, 0);
	id = sent_id();
	rig_write_config(MOTOR REST);
	cr_assert_eq(daemon_reload(&rig), 0);
	expect_none(fd, id, MMIOD_E_DENIED, "no grant");
}

Test(batch, a_reload_that_changes_nothing_for_it_is_not_seen)
{
	int fd = client_hello(HOLDER);
	uint64_t id;

	begin(fd, ALL);
	id = sent_id();
	cr_assert_eq(daemon_reload(&rig), 0);
	expect_all(fd, id);
}

Test(batch, a_region_that_becomes_another_in_the_middle_is_leased_as_it_is)
{
	int fd = client_hello(HOLDER);
	uint64_t id, handle = region_find(&rig.broker.regions, "motor")->hw.handle;

	begin(fd, 0);
	id = sent_id();
	rig_write_config(MOTOR_AT("0x20000000") GRANT REST);
	cr_assert_eq(daemon_reload(&rig), 0);
	for (size_t i = 0; i < 20; i++)
		rig_wait(100);
	receive(fd, id);
	for (size_t i = 0; i < MANY; i++)
		cr_assert_eq(element(i)->status, MMIOD_OK, "%s", answer_text(element(i)->text));
	cr_assert_neq(region_find(&rig.broker.regions, "motor")->hw.handle, handle);
	cr_assert_eq(region_find(&rig.broker.regions, "motor")->hw.phys, 0x20000000u);
	expect_nothing_more(fd);
}

Test(batch, a_region_that_is_configured_no_more_goes_when_it_is_undone)
{
	int fd = client_hello(HOLDER);
	uint64_t id;

	begin(fd, 0);
	id = sent_id();
	rig_write_config(REST);
	cr_assert_eq(daemon_reload(&rig), 0);
	expect_none(fd, id, MMIOD_E_NOT_FOUND, "there is no region");
	cr_assert_null(rig.broker.regions.table);
}

Test(batch, a_region_that_becomes_a_pool_is_one_when_it_is_undone)
{
	int fd = client_hello(HOLDER);
	uint64_t id;

	begin(fd, 0);
	id = sent_id();
	rig_write_config(MOTOR "pool = yes\n" GRANT REST);
	cr_assert_eq(daemon_reload(&rig), 0);
	cr_assert_null(region_find(&rig.broker.regions, "motor")->blocks);
	expect_none(fd, id, MMIOD_E_INVALID, "is a pool");
	cr_assert_not_null(region_find(&rig.broker.regions, "motor")->blocks);
}

/* What nobody has yet nobody can take. */
Test(batch, a_revocation_in_the_middle_finds_no_lease)
{
	int fd = client_hello(HOLDER), admin = client_hello(ADMIN);
	uint64_t id;

	begin(fd, 0);
	id = sent_id();
	send_end(admin, MMIOD_OP_REVOKE, 0, &rig_fake.windows[0].id, 1);
	for (int i = 0; i < 3 && client_receive(admin) < 0; i++)
		one_turn();
	cr_assert_eq(((struct mmiod_wire_ended *)answer_element(0))->status, MMIOD_E_NOT_FOUND);
	cr_assert_not_null(rig.broker.underway);
	expect_all(fd, id);
}

Test(batch, events_that_are_lost_in_the_middle_make_no_lease_of_it)
{
	int fd = client_hello(HOLDER);
	uint64_t id;

	begin(fd, 0);
	id = sent_id();
	fake_event(&rig_fake, MMIOD_CONTROL_OVERFLOW, 0, 0);
	events_drain(&rig.broker);
	cr_assert_not(leases_count(&rig.broker.leases));
	expect_all(fd, id);
}

Test(batch, time_that_is_over_in_the_middle_is_over_when_it_is_granted)
{
	int fd = client_hello(HOLDER);
	uint64_t id;

	rig_write_config(MOTOR GRANT "lease = 3s\n" REST);
	cr_assert_eq(daemon_reload(&rig), 0);
	begin(fd, 0);
	id = sent_id();
	clock_advance(4000);
	one_turn();
	cr_assert_lt(client_receive(fd), 0);
	cr_assert_eq(rig_fake.n_writes, 0u, "what is no lease yet does not end");
	for (int i = 0; i < 4; i++)
		rig_turn();
	receive(fd, id);
	cr_assert_eq(n_answer_fds, MANY);
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.msg.opcode, MMIOD_OP_EVENT, "and then that it is over");
}

/* ---- guests ---------------------------------------------------------------------------------- */

/* Work that leaves little of a turn to what follows. */
static void send_questions(int fd, unsigned int count)
{
	struct mmiod_msg status = {
		.size = sizeof(status), .opcode = MMIOD_OP_STATUS, .id = 1, .fixed = sizeof(status)
	};

	while (count--)
		client_send(fd, &status, sizeof(status));
}

#define GUESTS                                                                           \
	"[region motor]\nphys = 0x10000000\nsize = 1M\non-end = +0x0:32=0x1\n"           \
	"[grant us]\nregion = motor\nuser = 4001 4002\naccess = rw\nshare = exclusive\n" \
	"[admin a]\nuser = 7\n"

Test(batch_of, guests_give_way_to_an_exclusive_lease_in_the_middle)
{
	int fd, other;
	struct mmiod_wire_want wants[MANY],
		all = want("motor", 0, MANY * SIZE, WRITE, MMIOD_SHARE_EXCLUSIVE);
	uint64_t id;

	rig_start(GUESTS);
	fd = client_hello(HOLDER);
	other = client_hello(OTHER);
	for (size_t i = 0; i < MANY; i++)
		wants[i] = want("motor", i * SIZE, SIZE, READ, MMIOD_SHARE_GUEST);
	send_questions(fd, TURN_WORK / WORK_MESSAGE - 6);
	send_lease(fd, wants, MANY, 0);
	id = sent_id();
	for (int i = 0; i < 10 && !rig_fake.n_windows; i++)
		one_turn();
	while (client_receive(fd) > 0)
		cr_assert_eq(answer.msg.opcode, MMIOD_OP_STATUS);
	cr_assert_not_null(rig.broker.underway);
	send_lease(other, &all, 1, 0);
	for (int i = 0; i < 3 && client_receive(other) < 0; i++)
		one_turn();
	cr_assert_eq(element(0)->status, MMIOD_OK, "%s", answer_text(element(0)->text));
	client_close_fds();
	receive(fd, id);
	for (size_t i = 0; i < MANY; i++)
		cr_assert_eq(element(i)->status, MMIOD_E_BUSY, "%u", element(i)->status);
	expect_nothing_more(fd);
	cr_assert_eq(live_windows(), 1u);
}

/* ---- the daemon's end ------------------------------------------------------------------------ */

/* rig_stop() sees whether anything is left. */
Test(batch, the_daemon_may_stop_in_the_middle)
{
	int fd = client_hello(HOLDER);

	begin(fd, 0);
	cr_assert_not_null(rig.broker.underway);
}

Test(batch, the_daemon_may_stop_while_one_is_undone)
{
	int fd = client_hello(HOLDER);

	begin(fd, ALL);
	rig_fake.create_error = -EINVAL;
	one_turn();
	close(fd);
	one_turn();
}
