// SPDX-License-Identifier: MIT
/*
 * Parked leases: taken by whoever wants what they have, and never while they are in use. The tests
 * change the words as the library does, or as no library would.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>
#include "support/files.h"
#include "support/rig.h"

#define READ MMIOD_RIGHT_READ
#define WRITE (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)
#define PAGE 0x1000
#define ALICE 4001
#define BOB 4002

#define REGIONS                                                        \
	"[region shm]\nphys = 0x10000000\nsize = 16M\ncache = uc wc\n" \
	"[region motor]\nphys = 0x20000000\nsize = 4K\non-end = +0x0:32=0\n"
#define GRANT "[grant all]\nregion = shm motor\nuser = 4001 4002\naccess = rw\n"
#define TWO_LEASES "[daemon]\nleases-per-user = 2\n"

static int alice, bob;
static uint32_t *words;

/* The connection's page, as the library maps it. */
static uint32_t *open_page(int fd)
{
	uint32_t *page;

	cr_assert_eq(client_park(fd), MMIOD_OK);
	cr_assert_eq(n_answer_fds, 1u);
	cr_assert_eq(((struct mmiod_msg_park_reply *)&answer)->words, MMIOD_PARK_WORDS);
	page = mmap(NULL, 4 * MMIOD_PARK_WORDS, PROT_READ | PROT_WRITE, MAP_SHARED, answer_fds[0],
		    0);
	cr_assert_neq(page, MAP_FAILED);
	client_close_fds();
	return page;
}

static void start(const char *config)
{
	rig_start(config);
	alice = client_hello(ALICE);
	bob = client_hello(BOB);
	words = open_page(alice);
}

static void set_up(void)
{
	start(REGIONS GRANT);
}

static void tear_down(void)
{
	request_wait_ms = 0;
	client_close_fds();
	rig_stop();
}

TestSuite(parking, .init = set_up, .fini = tear_down);

static struct mmiod_wire_granted ask_for(int fd, struct mmiod_wire_want element)
{
	cr_assert_eq(client_lease(fd, &element, 1, 0), MMIOD_OK);
	return *(struct mmiod_wire_granted *)answer_element(0);
}

static struct mmiod_wire_granted lease(int fd, uint64_t offset, uint64_t length)
{
	return ask_for(fd, want("shm", offset, length, WRITE, 0));
}

static uint32_t word_of(const struct mmiod_wire_granted *granted)
{
	cr_assert_gt(granted->park, 0u, "it cannot be parked");
	return words[granted->park - 1];
}

static bool swap(const struct mmiod_wire_granted *granted, uint32_t from, uint32_t to)
{
	uint32_t expected = granted->park_held | from;

	return __atomic_compare_exchange_n(&words[granted->park - 1], &expected,
					   granted->park_held | to, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

static bool park(const struct mmiod_wire_granted *granted)
{
	return swap(granted, MMIOD_PARK_HELD, MMIOD_PARK_PARKED);
}

static bool take_back(const struct mmiod_wire_granted *granted)
{
	return swap(granted, MMIOD_PARK_PARKED, MMIOD_PARK_HELD);
}

static struct mmiod_wire_granted parked(uint64_t offset)
{
	struct mmiod_wire_granted granted = lease(alice, offset, PAGE);

	cr_assert_eq(granted.status, MMIOD_OK);
	cr_assert(park(&granted));
	return granted;
}

static bool is_taken(const struct mmiod_wire_granted *granted)
{
	return word_of(granted) == (granted->park_held | MMIOD_PARK_TAKEN);
}

static bool is_revoked(const struct mmiod_wire_granted *granted)
{
	return fake_window(&rig_fake, granted->lease)->state == MMIOD_STATE_REVOKED;
}

static uint64_t revocations(void)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < array_size(rig.broker.host.counters.revocations); i++)
		sum += rig.broker.host.counters.revocations[i];
	return sum;
}

/* What the module has to tell is read, and what follows is done. */
static void turn(void)
{
	events_drain(&rig.broker);
	rig_turn();
}

static void close_window(const struct mmiod_wire_granted *granted)
{
	fake_close_window(&rig_fake, granted->lease);
	turn();
}

/* The client reads that one is taken, and closes its file sooner or later. */
static void read_event(int fd, const struct mmiod_wire_granted *granted)
{
	rig_turn();
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.event.type, MMIOD_EVENT_REVOKED);
	cr_assert_eq(answer.event.lease, granted->lease);
}

/* ---- conflicts ------------------------------------------------------------------------------- */

Test(parking, what_is_parked_is_in_nobodys_way)
{
	struct mmiod_wire_granted mine = parked(0);

	cr_assert_eq(lease(bob, 0, PAGE).status, MMIOD_OK);
	cr_assert(is_taken(&mine));
	cr_assert(is_revoked(&mine));
	cr_assert_not(take_back(&mine));
	cr_assert_eq(revocations(), 0u, "it was silent");
	read_event(alice, &mine);
}

Test(parking, what_is_in_use_is_not_taken_and_a_refusal_changes_nothing)
{
	struct mmiod_wire_granted mine = parked(0);

	cr_assert(take_back(&mine));
	lease_refused(bob, want("shm", 0, PAGE, WRITE, 0), MMIOD_E_BUSY, "is held by");
	cr_assert_eq(word_of(&mine), mine.park_held);
	cr_assert_not(is_revoked(&mine));
	cr_assert(park(&mine));
	cr_assert_eq(lease(bob, 0, PAGE).status, MMIOD_OK);
}

Test(parking, nothing_is_taken_for_who_is_refused_because_of_another_lease)
{
	struct mmiod_wire_granted mine = parked(0);

	cr_assert_eq(lease(alice, PAGE, PAGE).status, MMIOD_OK);
	lease_refused(bob, want("shm", 0, 2 * PAGE, WRITE, 0), MMIOD_E_BUSY, "is held by");
	cr_assert_not(is_revoked(&mine));
	cr_assert(take_back(&mine));
}

Test(parking, many_are_taken_for_one)
{
	struct mmiod_wire_granted mine[100];

	for (size_t i = 0; i < array_size(mine); i++)
		mine[i] = parked(i * PAGE);
	cr_assert_eq(lease(bob, 0, array_size(mine) * PAGE).status, MMIOD_OK);
	for (size_t i = 0; i < array_size(mine); i++)
		cr_assert(is_taken(&mine[i]) && is_revoked(&mine[i]), "%zu", i);
}

/* The module revokes later: nobody is refused meanwhile, though he has no time to wait. */
Test(parking, who_wants_it_waits_for_its_end_and_for_nothing_else)
{
	struct mmiod_wire_want element = want("shm", 0, PAGE, WRITE, 0);
	struct mmiod_wire_granted mine = parked(0);

	rig_fake.later = true;
	send_lease(bob, &element, 1, 0);
	rig_turn();
	cr_assert_eq(client_receive(bob), -EAGAIN, "somebody may reach the bytes still");
	cr_assert(is_taken(&mine));
	fake_finish(&rig_fake, mine.lease);
	turn();
	cr_assert_gt(client_receive(bob), 0);
	cr_assert_eq(((struct mmiod_wire_granted *)answer_element(0))->status, MMIOD_OK);
}

Test(parking, a_window_with_another_memory_type_that_is_parked_is_taken)
{
	struct mmiod_wire_granted mine = parked(0);
	struct mmiod_wire_want element = want("shm", 8 * PAGE, PAGE, READ, 0);

	rig_fake.create_error = -EBUSY;
	rig_fake.create_failures = 1;
	rig_fake.create_conflict = mine.lease;
	cr_assert_eq(ask_for(bob, element).status, MMIOD_OK);
	cr_assert(is_revoked(&mine));
}

/* Else it might be parked behind the back of who waits, where nothing tells. */
Test(parking, what_somebody_waits_for_is_not_parked)
{
	struct mmiod_wire_want element = want("shm", 0, PAGE, WRITE, 0);
	struct mmiod_wire_granted mine = lease(alice, 0, PAGE);

	request_wait_ms = UINT32_MAX;
	send_lease(bob, &element, 1, 0);
	rig_turn();
	cr_assert_eq(client_receive(bob), -EAGAIN);
	cr_assert_eq(word_of(&mine), (mine.park_held | MMIOD_PARK_WANTED));
	cr_assert_not(park(&mine));
	close_window(&mine);
	cr_assert_gt(client_receive(bob), 0);
	cr_assert_eq(((struct mmiod_wire_granted *)answer_element(0))->status, MMIOD_OK);
}

Test(parking, of_what_is_granted_while_somebody_waits_nothing_is_parked)
{
	struct mmiod_wire_want element = want("shm", 0, PAGE, WRITE, 0);

	lease(alice, 0, PAGE);
	request_wait_ms = UINT32_MAX;
	send_lease(bob, &element, 1, 0);
	rig_turn();
	request_wait_ms = 0;
	cr_assert_eq(lease(alice, 8 * PAGE, PAGE).park, 0u);
}

Test(parking, explain_takes_nothing_and_says_what_a_request_would_be_answered)
{
	struct mmiod_wire_granted mine = ask_for(alice, want("shm", 0, 0, WRITE, 0));

	cr_assert_eq(client_explain(bob, MMIOD_MEMORY_REGION, "shm", WRITE, 0), MMIOD_OK);
	cr_assert_eq(answer.explanation.outcome, MMIOD_E_BUSY);
	cr_assert(park(&mine));
	cr_assert_eq(client_explain(bob, MMIOD_MEMORY_REGION, "shm", WRITE, 0), MMIOD_OK);
	cr_assert_eq(answer.explanation.outcome, MMIOD_OK);
	cr_assert(take_back(&mine));
}

/* ---- limits ---------------------------------------------------------------------------------- */

static void start_with_limit(void)
{
	start(REGIONS GRANT TWO_LEASES);
}

Test(parking, it_keeps_its_user_from_no_other_lease, .init = start_with_limit)
{
	struct mmiod_wire_granted mine = parked(0);

	cr_assert_eq(lease(alice, PAGE, PAGE).status, MMIOD_OK);
	cr_assert_eq(lease(alice, 2 * PAGE, PAGE).status, MMIOD_OK);
	cr_assert(is_taken(&mine));
	read_event(alice, &mine);
	lease_refused(alice, want("shm", 3 * PAGE, PAGE, WRITE, 0), MMIOD_E_QUOTA,
		      "4001 has 2 leases");
	/* The file is closed when the event has been read, or whenever: nothing is counted twice. */
	close_window(&mine);
	lease_refused(alice, want("shm", 3 * PAGE, PAGE, WRITE, 0), MMIOD_E_QUOTA,
		      "4001 has 2 leases");
}

static void start_with_grant_limit(void)
{
	start(REGIONS GRANT "leases = 1\nbytes = 4K\n");
}

Test(parking, it_does_not_count_under_its_grant, .init = start_with_grant_limit)
{
	struct mmiod_wire_granted mine = parked(0);
	struct mmiod_wire_granted other = lease(alice, PAGE, PAGE);

	cr_assert_eq(other.status, MMIOD_OK);
	cr_assert(is_taken(&mine));
	read_event(alice, &mine);
	lease_refused(alice, want("shm", 2 * PAGE, PAGE, WRITE, 0), MMIOD_E_QUOTA,
		      "4001 has 1 leases under");
	close_window(&mine);
	close_window(&other);
	cr_assert_eq(lease(alice, 0, PAGE).status, MMIOD_OK);
}

static void start_with_many(void)
{
	start(REGIONS GRANT "[daemon]\nleases-per-user = 5000\n");
}

/* Or there would be no limit to the windows of who parks, has them taken, and closes nothing. */
Test(parking, no_more_than_a_page_of_those_that_were_taken_count_nowhere, .init = start_with_many)
{
	struct mmiod_wire_granted last = { 0 };
	const struct user *user;

	rig_stop();
	rig_start_simulation("[region shm]\nsize = 16M\n[grant all]\nregion = shm\n"
			     "user = 4001 4002\naccess = rw\n[daemon]\nleases-per-user = 5000\n");
	alice = client_hello(ALICE);
	words = open_page(alice);
	for (uint64_t i = 0; i < MMIOD_PARK_WORDS + 1; i++) {
		last = lease(alice, i * PAGE, PAGE);
		cr_assert_eq(last.status, MMIOD_OK);
		cr_assert_eq(!last.park, i == MMIOD_PARK_WORDS, "a word for each that there is");
		client_close_fds();
	}
	user = user_find(&rig.broker.host.users, ALICE);
	cr_assert_eq(user->used[USER_LEASES], MMIOD_PARK_WORDS + 1u);
}

/* ---- who ends it ----------------------------------------------------------------------------- */

Test(parking, a_revocation_with_a_deadline_asks_nobody)
{
	struct mmiod_wire_granted mine = parked(0);
	int root = client_hello(0);

	send_end(root, MMIOD_OP_REVOKE, 60000, &mine.lease, 1);
	rig_turn();
	cr_assert_gt(client_receive(root), 0, "it waits for nobody");
	cr_assert_eq(((struct mmiod_wire_ended *)answer_element(0))->status, MMIOD_OK);
	cr_assert(is_taken(&mine));
}

Test(parking, a_holder_who_is_asked_can_only_give_back)
{
	struct mmiod_wire_granted mine = lease(alice, 0, PAGE);
	int root = client_hello(0);

	send_end(root, MMIOD_OP_REVOKE, 60000, &mine.lease, 1);
	rig_turn();
	cr_assert_eq(client_receive(root), -EAGAIN);
	cr_assert_not(park(&mine));
}

/* It was granted under rules that are no longer in force. */
Test(parking, a_reload_takes_all_and_what_is_in_use_is_parked_no_more)
{
	struct mmiod_wire_granted mine = parked(0), used = lease(alice, PAGE, PAGE);

	daemon_reload(&rig);
	for (int i = 0; i < 1000 && !is_taken(&mine); i++)
		rig_wait(1);
	cr_assert(is_taken(&mine));
	rig_turn();
	cr_assert(is_revoked(&mine));
	cr_assert_not(is_revoked(&used));
	cr_assert_not(park(&used));
}

Test(parking, it_is_taken_when_its_device_sleeps)
{
	struct mmiod_wire_granted mine = parked(0), used = lease(alice, PAGE, PAGE);

	fake_event(&rig_fake, MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_SUSPENDED, mine.lease);
	fake_event(&rig_fake, MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_SUSPENDED, used.lease);
	turn();
	cr_assert(is_taken(&mine));
	cr_assert(is_revoked(&mine));
	cr_assert_not(is_revoked(&used), "it goes on when the device is back");
	cr_assert_not(park(&used));
}

Test(parking, it_ends_with_its_connection_and_what_is_in_use_goes_on)
{
	struct mmiod_wire_granted mine = parked(0), used = lease(alice, PAGE, PAGE);

	close(alice);
	rig_turn();
	cr_assert(is_taken(&mine));
	cr_assert(is_revoked(&mine));
	cr_assert_not(is_revoked(&used));
	cr_assert_not(park(&used), "no daemon would look");
}

/* The next daemon would take them for leases in use, because the page is nobody's any more. */
Test(parking, it_is_given_back_when_the_daemon_ends)
{
	struct mmiod_wire_granted mine = parked(0), used = lease(alice, PAGE, PAGE);

	rig_restart();
	cr_assert(is_taken(&mine));
	cr_assert(is_revoked(&mine));
	cr_assert_not(is_revoked(&used));
	cr_assert_not(park(&used));
}

/* ---- which may be ---------------------------------------------------------------------------- */

Test(parking, without_a_page_nothing_is_parked)
{
	cr_assert_eq(lease(bob, 0, PAGE).park, 0u);
}

/* As after a reply whose file could not be received. */
Test(parking, another_page_takes_the_place_of_the_first)
{
	struct mmiod_wire_granted first = parked(0), used = lease(alice, PAGE, PAGE), second;
	uint32_t *page = words;

	words = open_page(alice);
	read_event(alice, &first);
	second = parked(2 * PAGE);
	words = page;
	cr_assert(is_taken(&first));
	cr_assert_not(park(&used));
	cr_assert_not(is_revoked(&used));
	cr_assert_eq(lease(bob, 2 * PAGE, PAGE).status, MMIOD_OK);
	cr_assert(is_revoked(&second));
}

Test(parking, what_somebody_was_promised_at_the_end_is_done_there)
{
	struct mmiod_wire_want element = want("shm", 0, PAGE, WRITE, 0);

	cr_assert_eq(ask_for(alice, want("motor", 0, PAGE, WRITE, 0)).park, 0u,
		     "the region has writes at the end");
	element.n_on_end = 1;
	element.on_end[0] = (struct mmiod_wire_write){ .width = 4 };
	cr_assert_eq(ask_for(alice, element).park, 0u, "the client has");
	element = want("shm", PAGE, PAGE, WRITE, 0);
	element.lease_ms = 1000;
	cr_assert_eq(ask_for(alice, element).park, 0u, "its time runs");
	element = want("shm", 2 * PAGE, PAGE, WRITE, 0);
	element.flags = MMIOD_LEASE_CONNECTION;
	cr_assert_eq(ask_for(alice, element).park, 0u, "it ends with the connection");
}

Test(parking, the_list_says_that_it_is_parked)
{
	const struct mmiod_wire_lease *listed;
	struct mmiod_wire_granted mine = parked(0);

	cr_assert_eq(client_list(alice, MMIOD_OP_LEASES, 0), MMIOD_OK);
	listed = answer_element(0);
	cr_assert_eq(listed->parked, 1u);
	cr_assert(take_back(&mine));
	cr_assert_eq(client_list(alice, MMIOD_OP_LEASES, 0), MMIOD_OK);
	cr_assert_eq(listed->parked, 0u);
}

/* ---- whoever lies ---------------------------------------------------------------------------- */

/* Whatever stands on the page, it is of this client's leases, and says held or parked. */
Test(parking, a_page_of_random_words_harms_nobody_but_who_wrote_it)
{
	struct mmiod_wire_granted mine[64];
	unsigned int seed = 1, granted = 0;

	for (size_t i = 0; i < array_size(mine); i++)
		mine[i] = lease(alice, i * PAGE, PAGE);
	for (size_t i = 0; i < MMIOD_PARK_WORDS; i++)
		words[i] = (uint32_t)rand_r(&seed) % 4 | (mine[rand_r(&seed) % 64].park_held);
	for (size_t i = 0; i < array_size(mine); i++) {
		uint32_t status = lease(bob, i * PAGE, PAGE).status;

		cr_assert(status == MMIOD_OK || status == MMIOD_E_BUSY);
		cr_assert_eq(status == MMIOD_OK, is_revoked(&mine[i]));
		granted += status == MMIOD_OK;
	}
	cr_assert_lt(granted, array_size(mine), "most words are of other leases");
	cr_assert_eq(client_status(alice), MMIOD_OK);
}

Test(parking, the_page_cannot_be_cut_off)
{
	int fd;

	close(alice);
	rig_turn();
	alice = client_hello(ALICE);
	cr_assert_eq(client_park(alice), MMIOD_OK);
	fd = answer_fds[0];
	cr_assert_lt(ftruncate(fd, 0), 0);
	cr_assert_lt(ftruncate(fd, 1 << 20), 0);
}

/*
 * All interleavings of a client that frees, leases again, and so on, with the daemon's one question:
 * if the lease was in use nothing is taken, and if it was taken nothing brings it back.
 */
Test(parking, what_is_taken_never_comes_back_and_what_is_used_is_never_taken)
{
	for (unsigned int before = 0; before < 6; before++) {
		struct mmiod_wire_granted mine = lease(alice, before * PAGE, PAGE);
		struct lease *lease = lease_find(&rig.broker.leases, mine.lease);
		bool used = true, taken;

		for (unsigned int i = 0; i < before; i++) {
			cr_assert(used ? park(&mine) : take_back(&mine));
			used = !used;
		}
		taken = parking_ask(lease);
		cr_assert_eq(taken, !used, "after %u changes", before);
		cr_assert_eq(parking_ask(lease), taken, "the answer stands");
		cr_assert_not(park(&mine));
		cr_assert_not(take_back(&mine));
	}
}

/* A word that is given to another lease says nothing to the library about the first. */
Test(parking, a_word_that_is_used_again_is_not_taken_for_the_first_ones)
{
	struct mmiod_wire_granted first = parked(0), second;

	close_window(&first);
	second = parked(0);
	for (unsigned int i = 0; second.park != first.park && i < MMIOD_PARK_WORDS; i++) {
		close_window(&second);
		second = parked(0);
	}
	cr_assert_eq(second.park, first.park);
	cr_assert_not(take_back(&first));
	cr_assert(take_back(&second));
}
