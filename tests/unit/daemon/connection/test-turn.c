// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <stdlib.h>
#include "daemon/base/by-id.h"
#include "daemon/base/fair.h"
#include "daemon/request/request.h"
#include "support/rig.h"

/* ---- lines ----------------------------------------------------------------------------------- */

Test(fair, who_comes_first_is_served_first)
{
	struct fair fair = { 0 };
	struct fair_link a = { 0 }, b = { 0 };

	cr_assert_null(fair_take(&fair));
	fair_add(&fair, &a);
	fair_add(&fair, &b);
	cr_assert_eq(fair_take(&fair), &a);
	cr_assert_not(fair_waits(&a));
	cr_assert(fair_waits(&b));
	cr_assert_eq(fair_take(&fair), &b);
	cr_assert(fair_is_empty(&fair));
}

Test(fair, who_has_had_a_share_waits_for_those_who_have_not)
{
	struct fair fair = { 0 };
	struct fair_link greedy = { 0 }, modest = { 0 };

	fair_add_again(&fair, &greedy);
	fair_add(&fair, &modest);
	cr_assert_eq(fair_take(&fair), &modest);
	cr_assert_eq(fair_take(&fair), &greedy);
}

Test(fair, nobody_waits_for_ever)
{
	struct fair fair = { 0 };
	struct fair_link greedy = { 0 }, others[2] = { 0 };
	unsigned int turns = 0;

	fair_add_again(&fair, &greedy);
	fair_add(&fair, &others[0]);
	fair_add(&fair, &others[1]);
	for (struct fair_link *link; (link = fair_take(&fair)) != &greedy; turns++)
		fair_add(&fair, link);
	cr_assert_eq(turns, 3u);
}

Test(fair, one_that_is_removed_is_not_served)
{
	struct fair fair = { 0 };
	struct fair_link a = { 0 }, b = { 0 };

	fair_add(&fair, &a);
	fair_add_again(&fair, &b);
	fair_remove(&a);
	fair_remove(&a);
	fair_add(&fair, &b);
	cr_assert_eq(fair_take(&fair), &b);
	cr_assert_null(fair_take(&fair));
}

/* ---- order of ids ---------------------------------------------------------------------------- */

#define IDS 2000

static unsigned int depth(const struct by_id_node *node)
{
	unsigned int left, right;

	if (!node)
		return 0;
	left = depth(node->left);
	right = depth(node->right);
	return 1 + (left > right ? left : right);
}

Test(by_id, finds_the_next_behind_any_id_whether_it_is_there_or_not)
{
	static struct by_id_node nodes[IDS];
	struct by_id set = { 0 };
	bool is_in[IDS] = { false };

	srand(4);
	for (int step = 0; step < 20000; step++) {
		uint64_t i = (uint64_t)rand() % IDS, next = i + 1;
		struct by_id_node *found;

		nodes[i].id = i;
		if (is_in[i])
			by_id_remove(&set, &nodes[i]);
		else
			by_id_insert(&set, &nodes[i]);
		is_in[i] = !is_in[i];
		i = (uint64_t)rand() % IDS;
		for (next = i + 1; next < IDS && !is_in[next]; next++)
			;
		found = by_id_after(&set, i);
		cr_assert_eq(found, next < IDS ? &nodes[next] : NULL);
	}
	cr_assert_null(by_id_after(&set, UINT64_MAX));
	cr_assert_null(by_id_after(&set, IDS));
}

Test(by_id, is_shallow_when_ids_come_in_order)
{
	static struct by_id_node nodes[100000];
	struct by_id set = { 0 };

	for (size_t i = 0; i < 100000; i++) {
		nodes[i].id = i + 1;
		by_id_insert(&set, &nodes[i]);
	}
	cr_assert_lt(depth(set.root), 100u, "%u", depth(set.root));
	for (size_t i = 0; i < 100000; i++)
		by_id_remove(&set, &nodes[i]);
	cr_assert_null(set.root);
}

Test(by_id, removing_what_is_not_there_does_nothing)
{
	struct by_id_node a = { .id = 1 }, b = { .id = 2 };
	struct by_id set = { 0 };

	by_id_remove(&set, &a);
	by_id_insert(&set, &a);
	by_id_remove(&set, &b);
	cr_assert_eq(by_id_after(&set, 0), &a);
}

/* ---- turns of the loop ----------------------------------------------------------------------- */

#define EVERYTHING                                                                   \
	"[daemon]\nleases-per-user = 100000\nunread-replies-per-user = 100\n"        \
	"[region shm]\nsize = 64M\n[grant all]\nregion = *\nuser = *\naccess = rw\n" \
	"[admin a]\nuser = 7\n"

static void start(void)
{
	rig_start_simulation(EVERYTHING);
}

TestSuite(turn, .init = start, .fini = rig_stop);

static struct mmiod_msg bare(uint16_t opcode)
{
	static uint64_t id = 1000;

	return (struct mmiod_msg){ .size = sizeof(struct mmiod_msg),
				   .opcode = opcode,
				   .id = ++id,
				   .fixed = sizeof(struct mmiod_msg) };
}

static void ask_status(int fd)
{
	struct mmiod_msg status = bare(MMIOD_OP_STATUS);

	client_send(fd, &status, sizeof(status));
}

static unsigned int count_answers(int fd)
{
	unsigned int n = 0;

	while (client_receive(fd) > 0)
		n++;
	return n;
}

static void one_turn(void)
{
	event_base_loop(rig.broker.host.base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
}

static void take_leases(int fd, unsigned int count)
{
	for (unsigned int done = 0; done < count; done += 16) {
		struct mmiod_wire_want wants[16];

		for (unsigned int i = 0; i < 16; i++)
			wants[i] = want("shm", (done + i) * 0x1000u, 0x1000, MMIOD_RIGHT_READ,
					MMIOD_SHARE_READ);
		cr_assert_eq(client_lease(fd, wants, 16, 0), MMIOD_OK);
		client_close_fds();
	}
}

/* However many connections a user floods, another user is served after one share of its. */
Test(turn, a_user_has_one_share_however_many_connections_it_has)
{
	int bad[20], good = client_hello(1235);
	unsigned int answers = 0;

	for (int i = 0; i < 20; i++)
		bad[i] = client_hello(1234);
	for (int i = 0; i < 20; i++)
		for (int j = 0; j < 20; j++)
			ask_status(bad[i]);
	one_turn();
	ask_status(good);
	for (int i = 0; i < 20; i++)
		answers += count_answers(bad[i]);
	one_turn();
	for (int i = 0; i < 20; i++)
		answers += count_answers(bad[i]);
	cr_assert_eq(count_answers(good), 1u, "served in the turn in which it asks");
	cr_assert_leq(answers, 2 * TURN_WORK / WORK_MESSAGE, "%u", answers);
	for (int i = 0; i < 200; i++)
		one_turn();
	for (int i = 0; i < 20; i++)
		answers += count_answers(bad[i]);
	cr_assert_eq(answers, 400u, "and in the end all are");
}

/* It stands in no line, but has no more than a share of the turn either. */
Test(turn, who_asks_alone_is_answered_at_once_and_has_one_share)
{
	int fd = client_hello(1234);

	ask_status(fd);
	one_turn();
	cr_assert_eq(count_answers(fd), 1u);
	for (unsigned int i = 0; i < 3 * TURN_SHARE / WORK_MESSAGE; i++)
		ask_status(fd);
	one_turn();
	cr_assert_leq(count_answers(fd), TURN_SHARE / WORK_MESSAGE);
	for (int i = 0; i < 10; i++)
		one_turn();
	cr_assert_leq(count_answers(fd), 3 * TURN_SHARE / WORK_MESSAGE);
	ask_status(fd);
	close(fd);
	one_turn();
	one_turn();
	cr_assert_eq(rig.broker.host.n_connections, 0u);
}

static unsigned int answered_before;

static bool see_who_asks(struct connection *connection, const struct request *request)
{
	static bool administrator_came;

	administrator_came |= connection->admin;
	answered_before += !administrator_came;
	return request_dispatch(connection, request);
}

Test(turn, an_administrator_is_answered_before_others)
{
	int other = client_hello(1234), admin = client_hello(7);

	rig.broker.host.request = see_who_asks;
	for (int i = 0; i < 100; i++)
		ask_status(other);
	ask_status(admin);
	rig_turn();
	rig_turn();
	cr_assert_eq(count_answers(admin), 1u);
	cr_assert_eq(count_answers(other), 100u);
	cr_assert_eq(answered_before, 0u, "of others' questions: %u", answered_before);
}

Test(turn, administrators_who_flood_do_not_keep_others_waiting)
{
	int admins[16], other = client_hello(1234);
	unsigned int turns = 0;

	for (int i = 0; i < 16; i++)
		admins[i] = client_hello(7);
	for (int i = 0; i < 16; i++)
		for (int j = 0; j < 60; j++)
			ask_status(admins[i]);
	ask_status(other);
	while (client_receive(other) < 0) {
		one_turn();
		turns++;
	}
	cr_assert_leq(turns, 4u, "%u", turns);
}

/* The end of a client with many leases is not one step. */
Test(turn, leases_that_end_with_their_connection_end_in_pieces)
{
	int holder = client_hello(1234), other = client_hello(1235);
	unsigned int before, turns = 0;

	take_leases(holder, 2048);
	before = leases_count(&rig.broker.leases);
	close(holder);
	one_turn();
	ask_status(other);
	one_turn();
	cr_assert_eq(count_answers(other), 1u);
	cr_assert_geq(leases_count(&rig.broker.leases), before - 4 * TURN_WORK / WORK_WINDOW);
	cr_assert_eq(rig.broker.host.n_connections, 1u, "the connection itself has gone");
	for (; leases_count(&rig.broker.leases) && turns < 1000; turns++)
		one_turn();
	cr_assert_eq(leases_count(&rig.broker.leases), 0u);
	cr_assert_null(rig.broker.host.closing);
}

/* ---- the end of many leases ------------------------------------------------------------------ */

#define MANY MMIOD_BATCH_MAX
#define IN_TWO_TURNS (4 * TURN_WORK / WORK_WINDOW)

static uint64_t many[MANY];

static int hold_many(void)
{
	int holder = client_hello(1234);
	const struct lease *lease;
	size_t n = 0;

	take_leases(holder, MANY);
	for (lease = lease_after(&rig.broker.leases, 0); lease;
	     lease = lease_after(&rig.broker.leases, lease->id))
		many[n++] = lease->id;
	cr_assert_eq(n, MANY);
	return holder;
}

static unsigned int count_ended(void)
{
	const struct lease *lease;
	unsigned int left = 0;

	for (lease = lease_after(&rig.broker.leases, 0); lease;
	     lease = lease_after(&rig.broker.leases, lease->id))
		left += lease->state == MMIOD_STATE_OK;
	return MANY - left;
}

/* However long the one takes, another is answered in the turn in which it asks. */
static void see_that_another_is_answered_meanwhile(int other)
{
	one_turn();
	ask_status(other);
	one_turn();
	cr_assert_eq(count_answers(other), 1u);
	cr_assert_leq(count_ended(), IN_TWO_TURNS, "%u at once", count_ended());
}

static void until_all_have_ended(void)
{
	for (unsigned int turns = 0; count_ended() < MANY && turns < 1000; turns++)
		one_turn();
	one_turn();
	cr_assert_eq(count_ended(), MANY);
}

static void see_answer_about_all(int fd, uint64_t request)
{
	const struct mmiod_wire_ended *ended;
	ssize_t n;

	while ((n = client_receive(fd)) > 0 && answer.msg.opcode == MMIOD_OP_EVENT)
		;
	cr_assert_gt(n, 0);
	cr_assert_eq(answer.msg.id, request);
	cr_assert_eq(answer.msg.count, MANY);
	for (size_t i = 0; i < MANY; i++) {
		ended = answer_element(i);
		cr_assert_eq(ended->lease, many[i]);
		cr_assert_eq(ended->status, MMIOD_OK);
	}
}

Test(turn, a_revocation_of_many_leases_goes_on_in_pieces)
{
	int admin = client_hello(7), other = client_hello(1235);
	uint64_t request;

	hold_many();
	send_end(admin, MMIOD_OP_REVOKE, 0, many, MANY);
	request = sent_id();
	see_that_another_is_answered_meanwhile(other);
	cr_assert_lt(client_receive(admin), 0, "it is answered when it is done");
	until_all_have_ended();
	see_answer_about_all(admin, request);
}

Test(turn, a_release_of_many_leases_goes_on_in_pieces_and_what_follows_finds_them_ended)
{
	int holder = hold_many(), other = client_hello(1235);
	uint64_t request;

	send_end(holder, MMIOD_OP_RELEASE, 0, many, MANY);
	request = sent_id();
	send_end(holder, MMIOD_OP_RENEW, 0, &many[MANY - 1], 1);
	see_that_another_is_answered_meanwhile(other);
	until_all_have_ended();
	see_answer_about_all(holder, request);
	cr_assert_gt(client_receive(holder), 0);
	cr_assert_eq(((struct mmiod_wire_renewed *)answer_element(0))->status, MMIOD_E_NOT_FOUND);
}

Test(turn, leases_whose_holder_had_a_deadline_are_taken_in_pieces)
{
	int admin = client_hello(7), other = client_hello(1235);
	uint64_t request;

	hold_many();
	send_end(admin, MMIOD_OP_REVOKE, 60000, many, MANY);
	request = sent_id();
	for (int i = 0; i < 10; i++)
		rig_turn();
	cr_assert_eq(count_ended(), 0u);
	clock_advance(60000);
	see_that_another_is_answered_meanwhile(other);
	cr_assert_lt(client_receive(admin), 0, "it is answered when it is done");
	until_all_have_ended();
	see_answer_about_all(admin, request);
}

/* Somebody who does not read, or hangs up, does not keep what was asked for from being done. */
Test(turn, a_revocation_goes_on_when_its_administrator_hangs_up)
{
	int admin = client_hello(7);

	hold_many();
	send_end(admin, MMIOD_OP_REVOKE, 0, many, MANY);
	one_turn();
	cr_assert_lt(count_ended(), MANY);
	close(admin);
	until_all_have_ended();
	cr_assert_null(rig.broker.revocations);
	cr_assert_null(rig.broker.host.closing);
}

Test(turn, a_release_goes_on_when_its_client_hangs_up)
{
	int holder = hold_many();

	send_end(holder, MMIOD_OP_RELEASE, 0, many, MANY);
	one_turn();
	close(holder);
	until_all_have_ended();
	one_turn();
	cr_assert_eq(leases_count(&rig.broker.leases), 0u);
	cr_assert_null(rig.broker.host.closing);
}

/* rig_stop() sees whether anything is left. */
Test(turn, the_daemon_may_stop_in_the_middle_of_a_revocation)
{
	int admin = client_hello(7);

	hold_many();
	send_end(admin, MMIOD_OP_REVOKE, 0, many, MANY);
	one_turn();
	cr_assert_not_null(rig.broker.revocations);
	cr_assert_lt(count_ended(), MANY);
}

/* ---- what the daemon goes through by itself -------------------------------------------------- */

#define ANOTHER                                                        \
	"[daemon]\nleases-per-user = 100000\nrevoke-on-reload = yes\n" \
	"[region shm]\nsize = 64M\n[grant all]\nregion = *\nuser = 1235\naccess = rw\n"

static unsigned int told;

static void count_told(void *data)
{
	told++;
}

/* Of a reload the walk over leases is in pieces, and not what is in force. */
Test(turn, a_reload_compares_leases_in_pieces_while_it_is_in_force)
{
	int same = client_hello(1234), other = client_hello(1235);

	hold_many();
	rig.reload.done = count_told;
	rig_write_config(ANOTHER);
	daemon_reload_soon(&rig);
	while (rig.reload.loader.job) {
		usleep(1000);
		one_turn();
	}
	see_that_another_is_answered_meanwhile(other);
	cr_assert_eq(told, 0u, "it is not done yet");
	cr_assert_lt(count_ended(), MANY);
	lease_refused(same, want("shm", 0x3000000, 0x1000, MMIOD_RIGHT_READ, 0), MMIOD_E_DENIED,
		      "no grant");
	until_all_have_ended();
	cr_assert_eq(told, 1u);
}

/* Another file takes what the one before it left. */
Test(turn, a_reload_in_the_middle_of_another_compares_all_leases_anew)
{
	hold_many();
	rig_write_config(ANOTHER);
	cr_assert_eq(daemon_reload(&rig), 0);
	one_turn();
	cr_assert_lt(count_ended(), MANY);
	cr_assert_eq(daemon_reload(&rig), 0);
	until_all_have_ended();
}

Test(turn, a_configuration_that_is_no_longer_in_force_is_freed_in_pieces)
{
	static char many_regions[1 << 17];
	struct text text = TEXT_ON(many_regions);
	int other = client_hello(1235);

	text_add(&text, EVERYTHING);
	for (int i = 0; i < 4000; i++)
		text_add(&text, "[region r%d]\nsize = 4K\n", i);
	rig_write_config(many_regions);
	cr_assert_eq(daemon_reload(&rig), 0);
	for (int i = 0; i < 8; i++)
		rig_turn();
	cr_assert_null(rig.reload.old);
	rig_write_config(EVERYTHING);
	cr_assert_eq(daemon_reload(&rig), 0);
	cr_assert_not_null(rig.reload.old);
	one_turn();
	ask_status(other);
	one_turn();
	cr_assert_eq(count_answers(other), 1u);
	cr_assert_not_null(rig.reload.old);
	cr_assert_gt(rig.reload.old->n_regions, 1000u);
	for (int i = 0; i < 100; i++)
		one_turn();
	cr_assert_null(rig.reload.old);
}

#define REGIONS 2000

/* As the loader hands it over: with so many regions beside shm, of this size. */
static void load_many_regions(unsigned int count, const char *size)
{
	static char content[1 << 17];
	struct text text = TEXT_ON(content);
	char buffer[TEXT_MAX] = "";
	struct text why = TEXT_ON(buffer);
	struct config *config = NULL;
	int r;

	text_add(&text, EVERYTHING);
	for (unsigned int i = 0; i < count; i++)
		text_add(&text, "[region r%u]\nsize = %s\n", i, size);
	rig_write_config(content);
	r = config_load(&rig.paths, &config, &why);
	cr_assert_eq(daemon_loaded(&rig, r, config, buffer), 0, "%s", buffer);
}

static unsigned int count_claimed(uint64_t length)
{
	const struct region *region = rig.broker.regions.table;
	unsigned int n = 0;

	for (; region; region = region->hh.next)
		n += region->claimed && region->hw.length == length;
	return n;
}

static uint32_t lease_of(int fd, const char *region, uint64_t length)
{
	struct mmiod_wire_want wanted = want(region, 0, length, MMIOD_RIGHT_READ, MMIOD_SHARE_READ);

	send_lease(fd, &wanted, 1, 0);
	one_turn();
	one_turn();
	cr_assert_gt(client_receive(fd), 0, "at once");
	client_close_fds();
	return ((struct mmiod_wire_granted *)answer_element(0))->status;
}

static void see_regions_settled_in_pieces(int fd, uint64_t length)
{
	unsigned int before = count_claimed(length);

	for (unsigned int turns = 0; settling_is_on(&rig.broker) && turns < 10000; turns++) {
		one_turn();
		cr_assert_leq(count_claimed(length) - before, TURN_WORK / WORK_WINDOW);
		before = count_claimed(length);
	}
	cr_assert_eq(before, (unsigned int)REGIONS);
}

/* Whoever asks for one that was not seen to yet gets it as it is configured now. */
Test(turn, a_reload_claims_regions_in_pieces_and_what_is_asked_for_first)
{
	int fd = client_hello(1234);

	load_many_regions(REGIONS, "4K");
	cr_assert_leq(count_claimed(4096), 16u);
	cr_assert_eq(lease_of(fd, "r1999", 4096), MMIOD_OK);
	cr_assert_lt(count_claimed(4096), REGIONS / 2u);
	cr_assert_eq(lease_of(fd, "r2000", 4096), MMIOD_E_NOT_FOUND);
	see_regions_settled_in_pieces(fd, 4096);
	load_many_regions(REGIONS, "8K");
	cr_assert_eq(count_claimed(8192), 0u);
	cr_assert_eq(lease_of(fd, "r1998", 8192), MMIOD_OK, "not as it was");
	cr_assert_eq(lease_of(fd, "r1999", 8192), MMIOD_E_BUSY, "a lease keeps it as it was");
	cr_assert_gt(count_claimed(4096), REGIONS / 2u);
	for (unsigned int turns = 0; settling_is_on(&rig.broker) && turns < 10000; turns++)
		one_turn();
	cr_assert_eq(count_claimed(8192), REGIONS - 1u);
	load_many_regions(0, "");
	for (unsigned int turns = 0; settling_is_on(&rig.broker) && turns < 10000; turns++)
		one_turn();
	cr_assert_eq(HASH_COUNT(rig.broker.regions.table), 3u, "shm, and what is leased");
}

Test(turn, a_reload_in_the_middle_of_another_sees_to_all_regions_anew)
{
	int fd = client_hello(1234);

	load_many_regions(REGIONS, "4K");
	for (int i = 0; i < 20; i++)
		one_turn();
	load_many_regions(REGIONS, "8K");
	one_turn();
	load_many_regions(REGIONS, "4K");
	see_regions_settled_in_pieces(fd, 4096);
	cr_assert_eq(regions_missing(&rig.broker), 0u);
	cr_assert_eq(regions_stale(&rig.broker), 0u);
}

/* rig_stop() sees whether anything is left. */
Test(turn, the_daemon_may_stop_while_regions_are_claimed)
{
	load_many_regions(REGIONS, "4K");
	one_turn();
	cr_assert(settling_is_on(&rig.broker));
}

/* rig_stop() sees whether anything is left. */
Test(turn, the_daemon_may_stop_while_it_compares_and_frees)
{
	hold_many();
	rig_write_config(ANOTHER);
	cr_assert_eq(daemon_reload(&rig), 0);
	cr_assert_not_null(rig.reload.old);
	cr_assert_lt(count_ended(), MANY);
}

Test(turn, leases_whose_time_is_over_end_in_pieces)
{
	int other = client_hello(1235);

	rig_write_config(ANOTHER "[grant for-a-while]\nregion = *\nuser = 1234\n"
				 "access = rw\nlease = 1min\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	hold_many();
	clock_advance(60000);
	see_that_another_is_answered_meanwhile(other);
	until_all_have_ended();
}

#define WAITERS 160
#define OF_EACH 16

static unsigned int count_waiting(void)
{
	const struct connection *connection;
	unsigned int n = 0;

	for (connection = rig.broker.host.connections; connection; connection = connection->next)
		n += connection->deferred;
	return n;
}

/* Those who wait are tried in pieces, in their order. */
Test(turn, those_who_wait_are_tried_in_pieces)
{
	struct mmiod_wire_want all = want("shm", 0, 0x1000, MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE,
					  MMIOD_SHARE_EXCLUSIVE),
			       part = want("shm", 0, 0x1000, MMIOD_RIGHT_READ, MMIOD_SHARE_READ);
	int holder = client_hello(1234), other = client_hello(1235), waiters[WAITERS / OF_EACH];
	unsigned int most;

	cr_assert_eq(client_lease(holder, &all, 1, 0), MMIOD_OK);
	request_wait_ms = UINT32_MAX;
	for (unsigned int i = 0; i < WAITERS / OF_EACH; i++) {
		waiters[i] = client_hello(2000 + i);
		for (unsigned int j = 0; j < OF_EACH; j++)
			send_lease(waiters[i], &part, 1, 0);
	}
	for (int i = 0; count_waiting() < WAITERS && i < 1000; i++)
		one_turn();
	cr_assert_eq(count_waiting(), WAITERS);
	close(holder);
	one_turn();
	ask_status(other);
	one_turn();
	cr_assert_eq(count_answers(other), 1u);
	most = 6 * TURN_SHARE / (WORK_MESSAGE + WORK_WINDOW);
	cr_assert_leq(leases_count(&rig.broker.leases), most, "%u",
		      leases_count(&rig.broker.leases));
	for (int i = 0; rig.broker.waitlist.head && i < 1000; i++)
		one_turn();
	cr_assert_null(rig.broker.waitlist.head);
	cr_assert_eq(leases_count(&rig.broker.leases), WAITERS);
}

/* A helper in a sandbox may not end what another program of its user holds. */
Test(turn, a_lease_is_ended_by_its_own_process_or_by_force)
{
	int holder = client_hello(1234), other = client_hello(1234);
	struct {
		struct mmiod_msg_end fixed;
		uint64_t lease;
	} packet = { .fixed.msg = { .size = sizeof(packet),
				    .opcode = MMIOD_OP_RELEASE,
				    .id = 77,
				    .fixed = sizeof(packet.fixed),
				    .count = 1,
				    .stride = sizeof(uint64_t) } };

	take_leases(holder, 16);
	packet.lease = lease_after(&rig.broker.leases, 0)->id;
	cr_assert_eq(client_end(other, MMIOD_OP_RELEASE, packet.lease), MMIOD_E_DENIED);
	cr_assert_eq(client_end(other, MMIOD_OP_RENEW, packet.lease), MMIOD_E_DENIED);
	cr_assert_eq(client_end(holder, MMIOD_OP_RENEW, packet.lease), MMIOD_OK);
	packet.fixed.flags = MMIOD_END_FORCE;
	client_send(other, &packet, sizeof(packet));
	rig_turn();
	cr_assert_gt(client_receive(other), 0);
	cr_assert_eq(((struct mmiod_wire_ended *)answer_element(0))->status, MMIOD_OK);
	cr_assert_eq(client_end(holder, MMIOD_OP_RELEASE, packet.lease + 1), MMIOD_OK);
}

/* The daemon may stop while it is at it; rig_stop() sees whether anything is left. */
Test(turn, the_daemon_may_stop_in_the_middle_of_an_end)
{
	int holder = client_hello(1234);

	take_leases(holder, 512);
	close(holder);
	one_turn();
	cr_assert_not_null(rig.broker.host.closing);
}

Test(turn, what_a_client_asks_and_what_it_holds_is_kept_and_not_counted)
{
	int holder = client_hello(1234);
	const struct mmiod_wire_client *client;
	uint64_t lease;

	take_leases(holder, 32);
	lease = lease_after(&rig.broker.leases, 0)->id;
	cr_assert_eq(client_end(holder, MMIOD_OP_RELEASE, lease), MMIOD_OK);
	cr_assert_eq(client_list(holder, MMIOD_OP_CLIENTS, 0), MMIOD_OK);
	client = answer_element(0);
	cr_assert_eq(client->leases, 31u);
	cr_assert_eq(client->bytes, 31u * 0x1000u);
}

/* A list goes on behind a lease that is no more, of those who may see all and of others. */
Test(turn, a_list_goes_on_behind_a_lease_that_has_gone)
{
	int holder = client_hello(1234), admin = client_hello(7);
	const struct mmiod_wire_lease *first;
	uint64_t gone;

	take_leases(holder, 32);
	gone = lease_after(&rig.broker.leases, 0)->id + 10;
	cr_assert_eq(client_end(holder, MMIOD_OP_RELEASE, gone), MMIOD_OK);
	cr_assert_eq(client_list(holder, MMIOD_OP_LEASES, gone), MMIOD_OK);
	first = answer_element(0);
	cr_assert_eq(first->id, gone + 1);
	cr_assert_eq(client_list(admin, MMIOD_OP_LEASES, gone - 1), MMIOD_OK);
	first = answer_element(0);
	cr_assert_eq(first->id, gone + 1);
	cr_assert_eq(client_list(admin, MMIOD_OP_LEASES, UINT64_MAX), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 0u);
}
