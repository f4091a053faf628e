// SPDX-License-Identifier: MIT
/* What is done in pieces: the ledger once more, and what follows from a restart. */
#include <criterion/criterion.h>
#include "daemon/connection/turn.h"
#include "support/rig.h"

#define HOLDER 4001
#define OTHER 4002
#define MANY 960u
#define PIECE 64u /* of the ledger */

/* Turns of the loop, as many as it takes. */
#define cr_await(condition)                                        \
	do {                                                       \
		for (int i_ = 0; i_ < 10000 && !(condition); i_++) \
			one_turn();                                \
		cr_assert(condition);                              \
	} while (0)

static const char config[] = "[daemon]\nleases-per-user = 10000\n"
			     "[region motor]\ndevice = pci:0000:01:00.0\nbar = 0\nsize = 64K\n"
			     "[grant us]\nregion = motor\nuser = 4001 4002\naccess = rw\n"
			     "share = shared-write\n";

static uint64_t many[MANY];

static void start(void)
{
	rig_start(config);
}

TestSuite(ledger, .init = start, .fini = rig_stop);

static int hold_many(uint32_t flags)
{
	struct mmiod_wire_want element = want("motor", 0, 0x1000, MMIOD_RIGHT_READ, 0);
	int fd = client_hello(HOLDER);

	element.flags = flags;
	for (size_t i = 0; i < MANY; i++) {
		cr_assert_eq(client_lease(fd, &element, 1, 0), MMIOD_OK);
		many[i] = ((struct mmiod_wire_granted *)answer_element(0))->lease;
		client_close_fds();
	}
	return fd;
}

static void one_turn(void)
{
	event_base_loop(rig.broker.host.base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
}

static void ask_status(int fd)
{
	struct mmiod_msg status = {
		.size = sizeof(status), .opcode = MMIOD_OP_STATUS, .id = 1, .fixed = sizeof(status)
	};

	client_send(fd, &status, sizeof(status));
}

static void see_that_another_is_answered(int other)
{
	ask_status(other);
	one_turn();
	one_turn();
	cr_assert_gt(client_receive(other), 0);
	cr_assert_eq(answer.msg.opcode, MMIOD_OP_STATUS);
}

/* It could not tell. */
static void lose_events(void)
{
	rig_fake.n_events = 0;
	fake_event(&rig_fake, MMIOD_CONTROL_OVERFLOW, 0, 0);
}

static void close_windows(size_t from, size_t to, size_t step)
{
	for (size_t i = from; i < to; i += step)
		fake_close_window(&rig_fake, many[i]);
}

/* ---- once more ------------------------------------------------------------------------------- */

Test(ledger, one_that_is_read_again_is_read_in_pieces)
{
	int other = client_hello(OTHER);

	hold_many(0);
	close_windows(0, MANY, 2);
	lose_events();
	events_drain(&rig.broker);
	cr_assert_eq(leases_count(&rig.broker.leases), MANY - PIECE / 2);
	see_that_another_is_answered(other);
	cr_assert(rig.broker.events.ledger_is_read, "there is more");
	cr_await(!rig.broker.events.ledger_is_read);
	cr_assert_eq(leases_count(&rig.broker.leases), MANY / 2);
	for (size_t i = 0; i < MANY; i++)
		cr_assert_eq(!lease_find(&rig.broker.leases, many[i]), i % 2 == 0, "%zu", i);
	cr_assert_not(rig.broker.events.ledger_stale);
}

/* Of a process that lets go of all at once the ledger says nothing any more. */
Test(ledger, leases_that_it_does_not_have_are_forgotten_in_pieces)
{
	int other = client_hello(OTHER);

	hold_many(0);
	close_windows(0, MANY, 1);
	lose_events();
	events_drain(&rig.broker);
	cr_assert_eq(leases_count(&rig.broker.leases), MANY - PIECE);
	see_that_another_is_answered(other);
	cr_assert_geq(leases_count(&rig.broker.leases), MANY - 4 * PIECE);
	cr_await(!leases_count(&rig.broker.leases));
	cr_await(!rig.broker.events.ledger_is_read);
}

Test(ledger, events_that_are_lost_in_the_middle_have_it_read_from_its_beginning)
{
	hold_many(0);
	close_windows(MANY - 1, MANY, 1);
	lose_events();
	events_drain(&rig.broker);
	one_turn();
	cr_assert(rig.broker.events.ledger_is_read);
	cr_assert_gt(rig.broker.ledger.read_to, many[0]);
	close_windows(0, 1, 1);
	lose_events();
	events_drain(&rig.broker);
	cr_await(!rig.broker.events.ledger_is_read);
	cr_assert_null(lease_find(&rig.broker.leases, many[0]));
	cr_assert_null(lease_find(&rig.broker.leases, many[MANY - 1]));
	cr_assert_eq(leases_count(&rig.broker.leases), MANY - 2);
}

/* A window that is made meanwhile is in the rest, and is no news. */
Test(ledger, a_lease_that_is_granted_while_it_is_read_stays)
{
	struct mmiod_wire_want element = want("motor", 0, 0x1000, MMIOD_RIGHT_READ, 0);
	uint64_t id;
	int fd;

	fd = hold_many(0);
	close_windows(0, MANY, 1);
	lose_events();
	events_drain(&rig.broker);
	send_lease(fd, &element, 1, 0);
	while (client_receive(fd) < 0)
		one_turn();
	id = ((struct mmiod_wire_granted *)answer_element(0))->lease;
	cr_await(!rig.broker.events.ledger_is_read);
	cr_assert_eq(leases_count(&rig.broker.leases), 1u);
	cr_assert_not_null(lease_find(&rig.broker.leases, id));
}

static int (*next_window)(struct backend *backend, uint64_t id, struct backend_ledger *entry);
static bool is_broken;

static int next_until_broken(struct backend *backend, uint64_t id, struct backend_ledger *entry)
{
	return is_broken && id >= many[MANY / 2] ? -EIO : next_window(backend, id, entry);
}

Test(ledger, one_that_cannot_be_read_to_its_end_is_read_again_and_forgets_nothing)
{
	static struct backend_ops ops;

	ops = *rig_fake.backend.ops;
	next_window = ops.next_window;
	ops.next_window = next_until_broken;
	rig_fake.backend.ops = &ops;
	hold_many(0);
	close_windows(3, 4, 1);
	is_broken = true;
	lose_events();
	events_drain(&rig.broker);
	cr_await(!rig.broker.events.ledger_is_read);
	cr_assert(rig.broker.events.ledger_stale);
	cr_assert_eq(leases_count(&rig.broker.leases), MANY - 1, "the rest is not known");
	is_broken = false;
	events_drain(&rig.broker);
	cr_await(!rig.broker.events.ledger_is_read);
	cr_assert_not(rig.broker.events.ledger_stale);
	cr_assert_eq(leases_count(&rig.broker.leases), MANY - 1);
}

/* ---- after a restart ------------------------------------------------------------------------- */

static void send_hello(int fd)
{
	struct mmiod_msg_hello hello = { .msg = { .size = sizeof(hello),
						  .opcode = MMIOD_OP_HELLO,
						  .id = 1,
						  .fixed = sizeof(hello) },
					 .version_min = 1,
					 .version_max = 1,
					 .max_message = MMIOD_MSG_MAX };

	client_send(fd, &hello, sizeof(hello));
}

static uint32_t attached(void)
{
	uint32_t count = 0;
	const struct connection *connection;

	DL_FOREACH(rig.broker.host.connections, connection)
		count += connection->leases.count;
	return count;
}

static void restart_with_many(uint32_t flags)
{
	hold_many(flags);
	rig_restart();
	cr_assert_eq(rig.broker.orphans.count, MANY);
}

Test(ledger, a_process_that_comes_back_gets_its_leases_in_pieces)
{
	int fd, other;

	restart_with_many(0);
	other = client_hello(OTHER);
	fd = client_connect(HOLDER);
	send_hello(fd);
	send_end(fd, MMIOD_OP_RELEASE, 0, &many[MANY - 1], 1);
	while (client_receive(fd) < 0)
		one_turn();
	cr_assert_eq(answer.msg.opcode, MMIOD_OP_HELLO);
	cr_assert_leq(attached(), TURN_WORK, "%u at once", attached());
	see_that_another_is_answered(other);
	cr_assert_leq(attached(), 3 * TURN_WORK, "%u in three turns", attached());
	cr_assert_lt(client_receive(fd), 0, "what it asks next waits");
	while (client_receive(fd) < 0)
		one_turn();
	cr_assert_eq(answer.msg.opcode, MMIOD_OP_RELEASE);
	cr_assert_eq(answer.msg.status, MMIOD_OK);
	cr_assert_eq(rig.broker.orphans.count, 0u);
	cr_assert_eq(attached(), MANY - 1);
}

Test(ledger, a_process_that_goes_while_it_gets_them_leaves_them_to_its_next_connection)
{
	int fd;

	restart_with_many(0);
	fd = client_connect(HOLDER);
	send_hello(fd);
	one_turn();
	one_turn();
	cr_assert_lt(attached(), MANY);
	close(fd);
	cr_await(!rig.broker.host.n_connections && !rig.broker.host.closing);
	cr_assert_eq(rig.broker.orphans.count, MANY);
	client_hello(HOLDER);
	cr_await(attached() == MANY);
}

Test(ledger, two_connections_of_a_process_share_them_and_lose_none)
{
	int fds[2];

	restart_with_many(0);
	for (int i = 0; i < 2; i++) {
		fds[i] = client_connect(HOLDER);
		send_hello(fds[i]);
	}
	cr_await(attached() == MANY);
	cr_assert_eq(rig.broker.orphans.count, 0u);
}

Test(ledger, leases_whose_connection_does_not_come_back_end_in_pieces)
{
	int other;

	restart_with_many(MMIOD_LEASE_CONNECTION);
	other = client_hello(OTHER);
	ledger_end_grace(&rig.broker);
	one_turn();
	cr_assert_geq(rig.broker.orphans.count, MANY - TURN_WORK);
	see_that_another_is_answered(other);
	cr_assert_geq(rig.broker.orphans.count, MANY - 3 * TURN_WORK / WORK_WINDOW);
	cr_await(rig.broker.orphans.count == 0);
}
