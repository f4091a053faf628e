/* SPDX-License-Identifier: MIT */
/*
 * Leases that are freed and parked: the same again costs no request, and what the daemon has taken or
 * somebody else may use is not given out. The page is the test's: it writes what a daemon would.
 */
#include "support/fake.h"
#include "support/module.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RW (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)
#define SIZE 0x1000
#define LONG_MS 3600000
#define HELD_OF(lease) ((uint32_t)(lease)*MMIOD_PARK_STATES)

static uint32_t *words;

/* ---- the daemon ---- */

static void serve_park(struct fake *fake)
{
	const struct mmiod_msg *request = fake_read(fake);
	struct mmiod_msg_park_reply reply = { .msg = { .size = sizeof(reply),
						       .opcode = MMIOD_OP_PARK,
						       .flags = MMIOD_MSG_REPLY,
						       .fds = 1,
						       .id = request->id,
						       .fixed = sizeof(reply) },
					      .words = MMIOD_PARK_WORDS };
	int fd = memory_file(MMIOD_PARK_WORDS * sizeof(uint32_t));

	cr_assert_eq(request->opcode, MMIOD_OP_PARK);
	words = mmap(NULL, MMIOD_PARK_WORDS * sizeof(uint32_t), PROT_READ | PROT_WRITE, MAP_SHARED,
		     fd, 0);
	cr_assert_neq(words, MAP_FAILED);
	fake_send(fake, &reply, sizeof(reply), &fd, 1);
	close(fd);
}

/* Word number @lease is the lease's. */
static void serve_lease(struct fake *fake, uint64_t lease)
{
	const struct mmiod_msg *request = fake_read(fake);
	const struct mmiod_wire_granted granted = { .lease = lease,
						    .length = SIZE,
						    .rights = RW,
						    .memtype = MMIOD_MEMTYPE_UC,
						    .mmapable = 1,
						    .park = (uint32_t)lease,
						    .park_held = HELD_OF(lease) };
	int fd = memory_file(SIZE);

	cr_assert_eq(request->opcode, MMIOD_OP_LEASE);
	words[lease - 1] = HELD_OF(lease);
	fake_send_granted(fake, request, granted, fd);
	close(fd);
}

static void grant_leases(struct fake *fake)
{
	const unsigned int *count = fake->argument;

	fake_accept(fake);
	serve_park(fake);
	for (unsigned int i = 1; i <= *count; i++)
		serve_lease(fake, i);
	fake_wait_hang_up(fake);
}

static void grant_windows(struct fake *fake)
{
	const unsigned int *count = fake->argument;

	fake_accept_silently(fake);
	fake_greet(fake, MMIOD_BACKEND_MODULE);
	serve_park(fake);
	for (unsigned int i = 1; i <= *count; i++)
		serve_lease(fake, i);
	fake_wait_hang_up(fake);
}

static const unsigned int one = 1, two = 2, many = 65;

static struct mmiod_client *serve_by(struct fake *fake, void (*script)(struct fake *fake),
				     const unsigned int *leases)
{
	struct mmiod_client *client = fake_serve(fake, script, (void *)leases);

	cr_assert_eq(mmiod_client_set_parking(client, LONG_MS), 0, "%s",
		     mmiod_client_error(client));
	return client;
}

/* So many leases are granted, and no other request comes. */
static struct mmiod_client *serve(struct fake *fake, const unsigned int *leases)
{
	return serve_by(fake, grant_leases, leases);
}

static uint32_t state_of(uint64_t lease)
{
	return __atomic_load_n(&words[lease - 1], __ATOMIC_SEQ_CST) - HELD_OF(lease);
}

static void set_state(uint64_t lease, uint32_t state)
{
	__atomic_store_n(&words[lease - 1], HELD_OF(lease) | state, __ATOMIC_SEQ_CST);
}

/* Of leases; the fake has files of its own in this process. */
static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* ---- the same again ---- */

Test(park, the_same_again_takes_no_request_and_its_mapping_lies_where_it_did)
{
	struct mmiod_mapping *mapping;
	struct mmiod_lease *lease;
	struct fake fake;
	struct mmiod_client *client = serve(&fake, &one);
	volatile uint32_t *address;

	lease = lease_or_fail(client, 0, SIZE, RW);
	for (unsigned int i = 0; i < 3; i++) {
		cr_assert_eq(mmiod_lease_id(lease), 1u);
		cr_assert_eq(mmiod_lease_map(lease, 0, &mapping), 0);
		if (i)
			cr_assert_eq(mmiod_mapping_address(mapping), address);
		address = mmiod_mapping_address(mapping);
		cr_assert_eq(*address, i);
		*address = i + 1;
		mmiod_mapping_free(mapping);
		cr_assert_eq(state_of(1), MMIOD_PARK_HELD);
		mmiod_lease_free(lease);
		cr_assert_eq(state_of(1), MMIOD_PARK_PARKED);
		lease = lease_or_fail(client, 0, SIZE, RW);
		cr_assert_eq(state_of(1), MMIOD_PARK_HELD);
	}
	mmiod_lease_free(lease);
	fake_leave(&fake, client);
}

Test(park, several_are_taken_back_at_once_or_asked_for_at_once)
{
	struct mmiod_want wants[2] = { { .region = "fpga-ctrl", .length = SIZE, .rights = RW },
				       { .region = "fpga-ctrl", .offset = SIZE, .length = SIZE } };
	struct mmiod_lease *first[2], *again[2];
	int errors[2] = { -1, -1 };
	struct fake fake;
	struct mmiod_client *client = serve(&fake, &two);

	for (size_t i = 0; i < 2; i++)
		cr_assert_eq(mmiod_client_lease_many(client, &wants[i], 1, 0, &first[i], NULL), 1);
	for (size_t i = 0; i < 2; i++)
		mmiod_lease_free(first[i]);
	cr_assert_eq(mmiod_client_lease_many(client, wants, 2, 0, again, errors), 2);
	for (size_t i = 0; i < 2; i++) {
		cr_assert_eq(mmiod_lease_id(again[i]), i + 1);
		cr_assert_eq(errors[i], 0);
		mmiod_lease_free(again[i]);
	}
	fake_leave(&fake, client);
}

Test(park, anything_else_is_asked_for)
{
	struct mmiod_lease *lease;
	struct fake fake;
	struct mmiod_client *client = serve(&fake, &two);

	mmiod_lease_free(lease_or_fail(client, 0, SIZE, RW));
	lease = lease_or_fail(client, 0, SIZE, MMIOD_RIGHT_READ);
	cr_assert_eq(mmiod_lease_id(lease), 2u);
	cr_assert_eq(state_of(1), MMIOD_PARK_PARKED);
	mmiod_lease_free(lease);
	fake_leave(&fake, client);
}

static void serve_without_words(struct fake *fake)
{
	fake_accept(fake);
	fake_read(fake);
	fake_refuse(fake, MMIOD_E_UNSUPPORTED, "unknown opcode 31");
	for (uint64_t i = 17; i < 19; i++) {
		fake_read(fake);
		fake_grant(fake, fake->request, i, NULL);
	}
	fake_wait_hang_up(fake);
}

Test(park, an_older_daemon_parks_nothing_and_grants_as_ever)
{
	struct fake fake;
	struct mmiod_client *client = fake_serve(&fake, serve_without_words, NULL);

	cr_assert_eq(mmiod_client_set_parking(client, LONG_MS), -EOPNOTSUPP);
	for (int i = 0; i < 2; i++) {
		struct mmiod_lease *lease = lease_or_fail(client, 0, SIZE, RW);
		int fd = mmiod_lease_fd(lease);

		mmiod_lease_free(lease);
		cr_assert_not(is_open(fd));
	}
	fake_leave(&fake, client);
}

/* ---- its end ---- */

Test(park, what_the_daemon_wants_back_is_closed_instead)
{
	struct fake fake;
	struct mmiod_client *client = serve(&fake, &one);
	struct mmiod_lease *lease = lease_or_fail(client, 0, SIZE, RW);
	int fd = mmiod_lease_fd(lease);

	set_state(1, MMIOD_PARK_WANTED);
	mmiod_lease_free(lease);
	cr_assert_not(is_open(fd));
	cr_assert_eq(state_of(1), MMIOD_PARK_WANTED);
	fake_leave(&fake, client);
}

static void take_and_grant(struct fake *fake)
{
	fake_accept(fake);
	serve_park(fake);
	serve_lease(fake, 1);
	fake_event(fake, MMIOD_EVENT_REVOKED, 1, "it was parked");
	serve_lease(fake, 2);
	fake_wait_hang_up(fake);
}

Test(park, what_the_daemon_took_is_asked_for_anew_and_no_event_tells_of_it)
{
	struct mmiod_event event;
	struct mmiod_lease *lease;
	struct fake fake;
	struct mmiod_client *client = fake_serve(&fake, take_and_grant, NULL);

	cr_assert_eq(mmiod_client_set_parking(client, LONG_MS), 0);
	lease = lease_or_fail(client, 0, SIZE, RW);
	mmiod_lease_free(lease);
	cr_assert_eq(client->parking.count, 1u);
	set_state(1, MMIOD_PARK_TAKEN);
	lease = lease_or_fail(client, 0, SIZE, RW);
	cr_assert_eq(mmiod_lease_id(lease), 2u);
	cr_assert_eq(client->parking.count, 0u);
	cr_assert_eq(mmiod_client_next_event(client, &event), 0);
	mmiod_lease_free(lease);
	fake_leave(&fake, client);
}

static void tell_that_it_is_taken(struct fake *fake)
{
	fake_accept(fake);
	serve_park(fake);
	serve_lease(fake, 1);
	fake_event(fake, MMIOD_EVENT_REVOKED, 1, "it was parked");
	fake_wait_hang_up(fake);
}

Test(park, what_the_daemon_took_is_closed_when_the_program_looks_for_events)
{
	struct mmiod_event event;
	struct fake fake;
	struct mmiod_client *client = fake_serve(&fake, tell_that_it_is_taken, NULL);
	struct pollfd events = { .fd = mmiod_client_event_fd(client), .events = POLLIN };
	struct mmiod_lease *lease;
	int fd;

	cr_assert_eq(mmiod_client_set_parking(client, LONG_MS), 0);
	lease = lease_or_fail(client, 0, SIZE, RW);
	fd = mmiod_lease_fd(lease);
	mmiod_lease_free(lease);
	set_state(1, MMIOD_PARK_TAKEN);
	while (is_open(fd)) {
		cr_assert_eq(poll(&events, 1, -1), 1);
		cr_assert_eq(mmiod_client_next_event(client, &event), 0,
			     "the program had freed it");
	}
	fake_leave(&fake, client);
}

Test(park, its_time_ends_at_a_call_for_which_the_event_descriptor_becomes_readable)
{
	struct mmiod_event event;
	struct fake fake;
	struct mmiod_client *client = serve(&fake, &one);
	struct pollfd events = { .fd = mmiod_client_event_fd(client), .events = POLLIN };
	struct mmiod_lease *lease;
	int fd;

	cr_assert_eq(mmiod_client_set_parking(client, 20), 0);
	lease = lease_or_fail(client, 0, SIZE, RW);
	fd = mmiod_lease_fd(lease);
	mmiod_lease_free(lease);
	cr_assert_eq(client->parking.count, 1u);
	while (is_open(fd)) {
		cr_assert_eq(poll(&events, 1, -1), 1);
		cr_assert_eq(mmiod_client_next_event(client, &event), 0);
	}
	cr_assert_eq(client->parking.count, 0u);
	fake_leave(&fake, client);
}

Test(park, the_oldest_goes_when_there_are_too_many)
{
	struct fake fake;
	struct mmiod_client *client = serve(&fake, &many);
	struct mmiod_lease *second;

	for (unsigned int i = 0; i < many; i++)
		mmiod_lease_free(lease_or_fail(client, (uint64_t)i * SIZE, SIZE, RW));
	cr_assert_eq(client->parking.count, many - 1);
	second = lease_or_fail(client, SIZE, SIZE, RW);
	cr_assert_eq(mmiod_lease_id(second), 2u, "the first is gone");
	mmiod_lease_free(second);
	fake_leave(&fake, client);
}

Test(park, switching_it_off_closes_what_is_parked)
{
	struct fake fake;
	struct mmiod_client *client = serve(&fake, &two);
	struct mmiod_lease *lease = lease_or_fail(client, 0, SIZE, RW);
	int fd = mmiod_lease_fd(lease);

	mmiod_lease_free(lease);
	cr_assert(is_open(fd));
	cr_assert_eq(mmiod_client_set_parking(client, 0), 0);
	cr_assert_not(is_open(fd));
	mmiod_lease_free(lease_or_fail(client, 0, SIZE, RW));
	cr_assert_eq(client->parking.count, 0u);
	fake_leave(&fake, client);
}

static void hang_up_and_come_back(struct fake *fake)
{
	fake_accept(fake);
	serve_park(fake);
	serve_lease(fake, 1);
	fake_hang_up(fake);
	fake->epoch++;
	fake_accept(fake);
	serve_park(fake);
	serve_lease(fake, 2);
	fake_wait_hang_up(fake);
}

/* Its page is nobody's any more: nobody would look whether it is in use. */
Test(park, what_is_parked_ends_with_its_connection_and_the_next_one_has_a_page)
{
	struct mmiod_lease *lease;
	struct fake fake;
	struct mmiod_client *client = fake_serve(&fake, hang_up_and_come_back, NULL);
	struct mmiod_event event;
	int n;

	cr_assert_eq(mmiod_client_set_parking(client, LONG_MS), 0);
	mmiod_lease_free(lease_or_fail(client, 0, SIZE, RW));
	while (!(n = mmiod_client_next_event(client, &event)))
		;
	cr_assert_eq(n, -ECONNRESET);
	lease = lease_or_fail(client, 0, SIZE, RW);
	cr_assert_eq(mmiod_lease_id(lease), 2u);
	cr_assert_eq(client->parking.count, 0u);
	mmiod_lease_free(lease);
	cr_assert_eq(client->parking.count, 1u);
	fake_leave(&fake, client);
}

static void grant_and_release(struct fake *fake)
{
	fake_accept(fake);
	serve_park(fake);
	serve_lease(fake, 1);
	fake_read(fake);
	fake_end(fake, MMIOD_OK, "");
	fake_wait_hang_up(fake);
}

Test(park, what_is_released_is_given_back)
{
	struct fake fake;
	struct mmiod_client *client = fake_serve(&fake, grant_and_release, NULL);
	struct mmiod_lease *lease;
	int fd;

	cr_assert_eq(mmiod_client_set_parking(client, LONG_MS), 0);
	lease = lease_or_fail(client, 0, SIZE, RW);
	fd = mmiod_lease_fd(lease);
	cr_assert_eq(mmiod_lease_release(lease), 0);
	cr_assert_not(is_open(fd));
	cr_assert_eq(client->parking.count, 0u);
	fake_leave(&fake, client);
}

/* ---- others who use it ---- */

Test(park, a_lease_that_is_mapped_is_closed)
{
	struct mmiod_mapping *mapping;
	struct mmiod_lease *lease;
	struct fake fake;
	struct mmiod_client *client = serve(&fake, &one);

	lease = lease_or_fail(client, 0, SIZE, RW);
	cr_assert_eq(mmiod_lease_map(lease, 0, &mapping), 0);
	mmiod_lease_free(lease);
	cr_assert_eq(client->parking.count, 0u);
	cr_assert_eq(state_of(1), MMIOD_PARK_HELD);
	*(volatile uint32_t *)mmiod_mapping_address(mapping) = 1;
	mmiod_mapping_free(mapping);
	fake_leave(&fake, client);
}

/* As of a window of the module, which tells who has it. */
static struct mmiod_lease *lease_of_module(struct mmiod_client *client,
					   const struct mmiod_window_query *query)
{
	struct mmiod_lease *lease = lease_or_fail(client, 0, SIZE, RW);

	module_adopt(mmiod_lease_fd(lease), query);
	return lease;
}

Test(park, a_lease_whose_file_somebody_else_has_is_closed)
{
	struct mmiod_window_query query = { .length = SIZE };
	struct fake fake;
	struct mmiod_client *client = serve_by(&fake, grant_windows, &one);
	struct mmiod_lease *lease = lease_of_module(client, &query);

	module.users = 2;
	mmiod_lease_free(lease);
	cr_assert_eq(client->parking.count, 0u);
	fake_leave(&fake, client);
}

/* What the module said is good for one. */
static void wait_for_tick(void)
{
	struct timespec first, now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &first);
	do
		clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	while (now.tv_nsec / 1000000 == first.tv_nsec / 1000000 && now.tv_sec == first.tv_sec);
}

Test(park, a_window_that_is_no_longer_there_is_asked_for)
{
	struct mmiod_window_query query = { .length = SIZE };
	struct fake fake;
	struct mmiod_client *client = serve_by(&fake, grant_windows, &two);
	struct mmiod_lease *lease = lease_of_module(client, &query);
	int fd = dup(mmiod_lease_fd(lease));

	mmiod_lease_free(lease);
	cr_assert_eq(client->parking.count, 1u);
	query.state = MMIOD_WINDOW_REVOKED;
	module_adopt(fd, &query);
	wait_for_tick();
	lease = lease_or_fail(client, 0, SIZE, RW);
	cr_assert_eq(mmiod_lease_id(lease), 2u);
	mmiod_lease_free(lease);
	close(fd);
	fake_leave(&fake, client);
}

/* It would park for its parent, who uses the lease. */
Test(park, a_child_parks_nothing)
{
	struct fake fake;
	struct mmiod_client *client = serve(&fake, &one);
	struct mmiod_lease *lease = lease_or_fail(client, 0, SIZE, RW);
	int status;
	pid_t pid = fork();

	if (!pid) {
		mmiod_lease_free(lease);
		mmiod_client_free(client);
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
	cr_assert_eq(state_of(1), MMIOD_PARK_HELD);
	mmiod_lease_free(lease);
	cr_assert_eq(state_of(1), MMIOD_PARK_PARKED);
	pid = fork();
	if (!pid) {
		mmiod_client_free(client);
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
	cr_assert_eq(state_of(1), MMIOD_PARK_PARKED);
	fake_leave(&fake, client);
}

/* ---- how it is said ---- */

static void greet_only(struct fake *fake)
{
	fake_accept(fake);
	fake_wait_hang_up(fake);
}

Test(park, more_than_an_hour_is_refused)
{
	struct fake fake;
	struct mmiod_client *client = fake_serve(&fake, greet_only, NULL);

	cr_assert_eq(mmiod_client_set_parking(client, LONG_MS + 1), -EINVAL);
	cr_assert_not_null(strstr(mmiod_client_error(client), "3600000 ms at most"));
	fake_leave(&fake, client);
}

Test(park, the_environment_says_it_for_all_clients)
{
	struct fake fake;
	struct mmiod_client *client;

	setenv("MMIOD_PARK", "1000", 1);
	client = fake_serve(&fake, grant_leases, (void *)&one);
	mmiod_lease_free(lease_or_fail(client, 0, SIZE, RW));
	cr_assert_eq(state_of(1), MMIOD_PARK_PARKED);
	mmiod_lease_free(lease_or_fail(client, 0, SIZE, RW));
	fake_leave(&fake, client);
}

static void hear_hello(struct fake *fake)
{
	fake_accept_silently(fake);
	cr_expect_eq(fake_read(fake)->opcode, MMIOD_OP_HELLO);
}

Test(park, what_the_environment_says_must_make_sense)
{
	static const char *const wrong[] = { "yes", "-1", "3600001", "10ms", " 5", "1e3" };
	struct mmiod_client *client;
	struct fake fake;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		setenv("MMIOD_PARK", wrong[i], 1);
		fake_start(&fake, hear_hello, NULL);
		cr_assert_eq(mmiod_client_connect(fake.path, &client), -EINVAL, "%s", wrong[i]);
		cr_assert_null(client);
		cr_assert_not_null(strstr(mmiod_client_error(NULL), "number of milliseconds"));
		fake_stop(&fake);
	}
}
