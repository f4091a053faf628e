// SPDX-License-Identifier: MIT
/* What clients do not read: replies that wait, descriptors in flight, and what that costs whom. */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include "support/rig.h"

#define REGIONS                      \
	"[region shm]\nsize = 64M\n" \
	"[grant all]\nregion = shm\nuser = *\naccess = rw\nshare = shared-write\n"

static void start(void)
{
	rig_start_simulation("[daemon]\nslow-reader-timeout = 100ms\nunread-replies-per-user = 3\n"
			     "unread-descriptors-per-user = 40\n" REGIONS);
}

TestSuite(unread, .init = start, .fini = rig_stop);

static struct mmiod_msg bare(uint16_t opcode)
{
	return (struct mmiod_msg){ .size = sizeof(struct mmiod_msg),
				   .opcode = opcode,
				   .fixed = sizeof(struct mmiod_msg) };
}

/* Until a reply waits in the daemon. */
static void fill(int fd)
{
	struct mmiod_msg status = bare(MMIOD_OP_STATUS);

	for (int idle = 0; idle < 3;) {
		if (send(fd, &status, sizeof(status), MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
			continue;
		rig_turn();
		idle++;
	}
}

static void send_leases(int fd, size_t n)
{
	struct mmiod_wire_want elements[MMIOD_MSG_FDS_MAX];

	for (size_t i = 0; i < n; i++)
		elements[i] = want("shm", i * 4096, 4096, MMIOD_RIGHT_READ, MMIOD_SHARE_WRITE);
	send_lease(fd, elements, n, 0);
	rig_turn();
}

static uint64_t uses(uid_t uid, enum user_slot slot)
{
	return user_uses(&rig.broker.host.users, uid, slot);
}

/* Reads the reply to a lease of `n`; returns how many were granted. */
static size_t read_granted(int fd, size_t n, const char *reason)
{
	size_t granted = 0;

	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.msg.status, MMIOD_OK);
	for (size_t i = 0; i < n; i++) {
		struct mmiod_wire_granted *element = answer_element(i);

		granted += element->status == MMIOD_OK;
		if (element->status == MMIOD_OK)
			continue;
		cr_assert_eq(element->status, MMIOD_E_QUOTA);
		cr_assert_not_null(strstr(answer_text(element->text), reason), "%s",
				   answer_text(element->text));
	}
	return granted;
}

/* ---- replies --------------------------------------------------------------------------------- */

Test(unread, a_client_that_reads_nothing_is_dropped_after_the_time_of_slow_reader_timeout)
{
	int bad = client_hello(1000), good = client_hello(1001);

	fill(bad);
	cr_assert_eq(uses(1000, USER_UNREAD_REPLIES), 1u, "one waits, and no more is read");
	cr_assert_eq(rig.broker.host.n_connections, 2u, "paused, not dropped");
	rig_wait(300);
	cr_assert_eq(rig.broker.host.n_connections, 1u);
	cr_assert_eq(rig.broker.host.counters.slow_readers, 1u);
	cr_assert_eq(uses(1000, USER_UNREAD_REPLIES), 0u);
	cr_assert_eq(client_status(good), MMIOD_OK);
	close(bad);
	close(good);
}

Test(unread, a_client_that_reads_in_time_stays)
{
	int fd = client_hello(1000);

	fill(fd);
	cr_assert_not_null(rig.broker.host.connections->queue);
	while (client_receive(fd) > 0)
		rig_turn();
	cr_assert_null(rig.broker.host.connections->queue);
	rig_wait(300);
	cr_assert_eq(rig.broker.host.n_connections, 1u);
	cr_assert_eq(client_status(fd), MMIOD_OK);
	close(fd);
}

/* Programs compute for hours while they hold a lease: events that nobody fetches cost nothing. */
Test(unread, a_client_that_only_leaves_events_unread_stays)
{
	uint64_t leases[400];
	int fd = client_hello(1000), admin = client_hello(0);

	for (size_t i = 0; i < array_size(leases); i++)
		cr_assert_eq(client_lease_one(fd, i * 4096, 4096, &leases[i]), MMIOD_OK);
	client_close_fds();
	send_end(admin, MMIOD_OP_REVOKE, 5000, leases, 200);
	send_end(admin, MMIOD_OP_REVOKE, 5000, leases + 200, 200);
	rig_wait(300);
	cr_assert_eq(rig.broker.host.n_connections, 2u);
	cr_assert_eq(rig.broker.host.counters.slow_readers, 0u);
	close(fd);
	close(admin);
}

Test(unread, more_waiting_replies_than_the_user_may_have_drop_the_connection)
{
	int fds[4];

	for (int i = 0; i < 4; i++) {
		fds[i] = client_hello(1000);
		fill(fds[i]);
	}
	cr_assert_eq(rig.broker.host.counters.quota_refusals[MMIOD_LIMIT_UNREAD_REPLIES], 1u);
	cr_assert_eq(rig.broker.host.n_connections, 3u, "the one that was too many");
	cr_assert_eq(uses(1000, USER_UNREAD_REPLIES), 3u);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	rig_turn();
	cr_assert_null(rig.broker.host.users.table, "all is given back");
}

/* ---- descriptors ----------------------------------------------------------------------------- */

Test(unread, descriptors_are_charged_until_they_are_read)
{
	int fd = client_hello(1000);

	send_leases(fd, 16);
	cr_assert_eq(uses(1000, USER_UNREAD_DESCRIPTORS), 16u);
	cr_assert_eq(read_granted(fd, 16, ""), 16u);
	client_close_fds();
	send_leases(fd, 3);
	cr_assert_eq(uses(1000, USER_UNREAD_DESCRIPTORS), 3u);
	cr_assert_eq(read_granted(fd, 3, ""), 3u);
	client_close_fds();
	close(fd);
	rig_turn();
	cr_assert_null(rig.broker.host.users.table);
}

Test(unread, descriptors_beyond_the_users_limit_are_refused_and_others_get_theirs)
{
	int fds[3], other = client_hello(1001);

	for (int i = 0; i < 3; i++) {
		fds[i] = client_hello(1000);
		send_leases(fds[i], 16);
	}
	cr_assert_eq(uses(1000, USER_UNREAD_DESCRIPTORS), 40u);
	send_leases(other, 16);
	cr_assert_eq(read_granted(other, 16, ""), 16u);
	cr_assert_eq(read_granted(fds[2], 16, "unread-descriptors-per-user"), 8u);
	cr_assert_eq(rig.broker.host.counters.quota_refusals[MMIOD_LIMIT_UNREAD_DESCRIPTORS], 8u);
	/* Those that were read count no more, although nothing told the daemon. */
	cr_assert_eq(read_granted(fds[0], 16, ""), 16u);
	client_close_fds();
	send_leases(fds[2], 16);
	cr_assert_eq(read_granted(fds[2], 16, ""), 16u);
	client_close_fds();
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	close(other);
}

/*
 * Closing our end does not take back what is in flight: otherwise being dropped would be the way
 * around the limit.
 */
Test(unread, descriptors_of_a_connection_that_was_dropped_stay_charged)
{
	struct mmiod_msg garbage = { .size = 1 };
	int fd = client_hello(1000), other;

	send_leases(fd, 16);
	client_send(fd, &garbage, sizeof(garbage));
	rig_turn();
	cr_assert_eq(rig.broker.host.n_connections, 0u);
	cr_assert_eq(uses(1000, USER_UNREAD_DESCRIPTORS), 16u);
	cr_assert_eq(uses(1000, USER_CONNECTIONS), 1u);
	other = client_hello(1000);
	send_leases(other, 16);
	send_leases(other, 16);
	rig_turn();
	cr_assert_eq(uses(1000, USER_UNREAD_DESCRIPTORS), 40u);
	/* What was sent can still be read, then comes the end, and then nothing is charged. */
	cr_assert_eq(read_granted(fd, 16, ""), 16u);
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.msg.status, MMIOD_E_PROTOCOL);
	cr_assert_eq(client_receive(fd), 0);
	rig_turn();
	cr_assert_eq(uses(1000, USER_UNREAD_DESCRIPTORS), 24u);
	cr_assert_eq(uses(1000, USER_CONNECTIONS), 1u);
	client_close_fds();
	close(other);
	close(fd);
}

Test(unread, descriptors_of_a_dropped_connection_are_settled_when_the_client_closes_its_end)
{
	struct mmiod_msg garbage = { .size = 1 };
	int fd = client_hello(1000);
	size_t before = open_fds();

	send_leases(fd, 16);
	client_send(fd, &garbage, sizeof(garbage));
	rig_turn();
	cr_assert_not_null(rig.broker.host.lingering);
	close(fd);
	rig_turn();
	cr_assert_null(rig.broker.host.lingering);
	cr_assert_null(rig.broker.host.users.table);
	cr_assert_eq(open_fds(), before - 2);
}

Test(unread, sockets_that_linger_go_with_the_daemon)
{
	struct mmiod_msg garbage = { .size = 1 };
	int fd = client_hello(1000);

	send_leases(fd, 16);
	client_send(fd, &garbage, sizeof(garbage));
	rig_turn();
	cr_assert_not_null(rig.broker.host.lingering);
	/* rig_stop() aborts if anybody is still charged. */
}

/* ---- fairness -------------------------------------------------------------------------------- */

/* A message with a long array is as much work as several. */
Test(unread, work_in_one_turn_is_counted_by_elements_too)
{
	uint64_t leases[MMIOD_BATCH_MAX] = { 1 };
	int bad = client_hello(1000), good = client_hello(1001);
	struct mmiod_msg status = bare(MMIOD_OP_STATUS);
	unsigned int replies = 0;

	for (int i = 0; i < 10; i++)
		send_end(bad, MMIOD_OP_RELEASE, 0, leases, MMIOD_BATCH_MAX);
	client_send(good, &status, sizeof(status));
	event_base_loop(rig.broker.host.base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
	event_base_loop(rig.broker.host.base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
	cr_assert_gt(client_receive(good), 0, "served after one of them");
	while (client_receive(bad) > 0)
		replies++;
	cr_assert_leq(replies, 2u, "%u", replies);
	rig_turn();
	while (client_receive(bad) > 0)
		replies++;
	cr_assert_eq(replies, 10u);
	close(bad);
	close(good);
}

/*
 * Ten that flood: between two requests of the one that does not, each of them gets one turn's
 * worth.
 */
Test(unread, many_that_flood_take_turns_with_one_that_does_not)
{
	struct mmiod_msg status = bare(MMIOD_OP_STATUS);
	int bad[10], good = client_hello(1001);

	for (int i = 0; i < 10; i++)
		bad[i] = client_hello(1000);
	for (int i = 0; i < 1000; i++)
		client_send(bad[i % 10], &status, sizeof(status));
	for (int turn = 1; turn <= 4; turn++) {
		unsigned int replies = 0;

		client_send(good, &status, sizeof(status));
		event_base_loop(rig.broker.host.base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
		cr_assert_gt(client_receive(good), 0, "turn %d", turn);
		for (int i = 0; i < 10; i++)
			while (client_receive(bad[i]) > 0)
				replies++;
		cr_assert_leq(replies, 10u * 16u, "turn %d: %u", turn, replies);
	}
	for (int i = 0; i < 10; i++)
		close(bad[i]);
	close(good);
}
