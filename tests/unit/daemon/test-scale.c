// SPDX-License-Identifier: MIT
/*
 * What a client can make the daemon do grows with what the client itself has, not with what others
 * have; and with that no faster than in proportion. Each thing is done among FEW and among twice as
 * many, and its instructions are counted.
 */
#include <criterion/criterion.h>
#include <sys/socket.h>
#include "support/rig.h"
#include "support/steps.h"

#define FEW 200
#define PER_REQUEST MMIOD_MSG_FDS_MAX
#define CLIENT 1
#define OTHER 2

#define REGION(name, where) "[region " name "]\n" where "\nsize = 64M\n"
#define REST                                                                    \
	"[daemon]\nunread-descriptors-per-user = 64\nwaiting-per-user = 1000\n" \
	"[grant all]\nregion = shm free\nuser = *\naccess = rw\n"
static const char devices[] =
	REGION("shm", "phys = 0x100000000") REGION("free", "phys = 0x200000000") REST;
static const char files[] = REGION("shm", "") REGION("free", "") REST;

static int client;

TestSuite(scale, .timeout = 1200);

/* ---- what there is --------------------------------------------------------------------------- */

static void add_leases(int fd, size_t count)
{
	for (size_t done = 0; done < count; done += PER_REQUEST) {
		struct mmiod_wire_want wants[PER_REQUEST];

		for (size_t i = 0; i < PER_REQUEST; i++)
			wants[i] = want("shm", (done + i) * 4096, 4096, MMIOD_RIGHT_READ, 0);
		cr_assert_eq(client_lease(fd, wants, PER_REQUEST, 0), MMIOD_OK);
		cr_assert_eq(n_answer_fds, (size_t)PER_REQUEST);
		client_close_fds();
	}
}

/* As in use: they outlive the connection that asked for them. */
static void leave_leases(size_t count)
{
	int fd = client_hello(OTHER);

	add_leases(fd, count);
	close(fd);
	rig_turn();
	client = client_hello(CLIENT);
}

static void add_idle(size_t count)
{
	for (size_t i = 0; i < count; i++)
		client_hello(OTHER);
	client = client_hello(CLIENT);
}

static void add_idle_and_monitor(size_t count)
{
	add_idle(count);
	cr_assert_eq(client_monitor(client_hello(0), 1), MMIOD_OK);
}

static void lease_one(void)
{
	struct mmiod_wire_want element = want("free", 32 << 20, 4096, MMIOD_RIGHT_READ, 0);

	client_lease(client, &element, 1, 0);
}

/* One that may have no more descriptors, for it reads none. */
static void add_idle_and_neglect(size_t count)
{
	add_idle(count);
	for (size_t i = 0; i < 64 / PER_REQUEST; i++) {
		struct mmiod_wire_want wants[PER_REQUEST];

		for (size_t j = 0; j < PER_REQUEST; j++)
			wants[j] = want("free", (i * PER_REQUEST + j) * 4096, 4096,
					MMIOD_RIGHT_READ, 0);
		send_lease(client_hello(CLIENT), wants, PER_REQUEST, 0);
		rig_turn();
	}
	lease_one();
	cr_assert_eq(((struct mmiod_wire_granted *)answer_element(0))->status, MMIOD_E_QUOTA);
}

static void ask_and_wait(int fd, size_t page)
{
	struct mmiod_wire_want element = want("shm", page * 4096, 4096, MMIOD_RIGHT_READ, 0);

	request_wait_ms = UINT32_MAX;
	send_lease(fd, &element, 1, 0);
	rig_turn();
	request_wait_ms = 0;
}

/* All is held by one, and others wait for a page each. */
static void add_waiters(size_t count)
{
	int fd = -1;

	client = client_hello(CLIENT);
	cr_assert_eq(client_lease_one(client, 0, 64 << 20, NULL), MMIOD_OK);
	for (size_t i = 0; i < count; i++) {
		if (i % PER_REQUEST == 0)
			fd = client_hello(OTHER);
		ask_and_wait(fd, i);
	}
}

static void own_leases(size_t count)
{
	client = client_hello(CLIENT);
	add_leases(client, count);
}

/* What the module has is half of what the daemon knows, and it could not tell. */
static void lose_half(size_t count)
{
	leave_leases(2 * count);
	for (size_t i = 0; i < count; i++)
		fake_close_window(&rig_fake, rig_fake.windows[count].id);
	rig_fake.n_events = 0;
	fake_event(&rig_fake, MMIOD_CONTROL_OVERFLOW, 0, 0);
}

static struct config *many;

/* Sections of a configuration, as the loader makes them. */
static void add_sections(size_t count)
{
	char name[MMIOD_NAME_MAX];

	many = config_free(many);
	many = config_new();
	for (size_t i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "card%zu-ctrl", i);
		cr_assert_not_null(config_need_region(many, name));
		cr_assert_not_null(config_need_grant(many, name));
	}
	cr_assert_eq(config_sort(many), 0);
}

/* ---- what is done ---------------------------------------------------------------------------- */

static void connect_and_greet(void)
{
	client_hello(CLIENT);
}

static void list_own_leases(void)
{
	client_list(client, MMIOD_OP_LEASES, 0);
}

static void list_leases_from_nowhere(void)
{
	client_list(client, MMIOD_OP_LEASES, UINT64_MAX - 1);
}

static void hang_up(void)
{
	shutdown(client, SHUT_RDWR);
	rig_turn();
}

static void read_events(void)
{
	events_drain(&rig.broker);
	while (rig.broker.events.ledger_is_read)
		rig_turn();
}

static void find_a_grant(void)
{
	const struct config_grant *grant = config_need_grant(many, "card7-ctrl");

	if (config_find_grant(many, grant->key) != grant)
		abort();
}

static void match_a_pattern(void)
{
	struct config_match match = config_match(many, "card7-*");

	if (!config_match_next(&match) || config_match_next(&match))
		abort();
}

static void wait_for_one_more(void)
{
	ask_and_wait(client_hello(OTHER), 10000);
}

/* ---- how much it is -------------------------------------------------------------------------- */

static size_t count_among(void (*start)(const char *config), void (*arrange)(size_t count),
			  size_t count, void (*work)(void))
{
	size_t taken;

	start(start == rig_start ? devices : files);
	arrange(count);
	taken = steps(work);
	rig_stop();
	return taken;
}

/*
 * Reading the clock, which the kernel sets now and then, begins anew when that happens meanwhile;
 * it can only make a count greater, and not each time.
 */
#define TRIES 4

/*
 * Nothing: hash tables and trees differ by a little, a look at each of the others by more. A
 * sanitizer marks each word of what is freed.
 */
#ifdef __SANITIZE_ADDRESS__
#define A_LITTLE (4 * FEW)
#else
#define A_LITTLE FEW
#endif
static void expect_independent(void (*arrange)(size_t count), void (*work)(void))
{
	size_t few = 0, twice = 1 + A_LITTLE;

	for (int i = 0; i < TRIES && twice > few + A_LITTLE; i++) {
		few = count_among(rig_start, arrange, FEW, work);
		twice = count_among(rig_start, arrange, 2 * FEW, work);
	}
	cr_expect_leq(twice, few + A_LITTLE, "%zu instructions among %d, %zu among twice as many",
		      few, FEW, twice);
}

static void expect_proportional(void (*start)(const char *config), void (*arrange)(size_t count),
				size_t count, void (*work)(void))
{
	size_t few = 0, twice = 1;

	for (int i = 0; i < TRIES && 10 * twice > 22 * few; i++) {
		few = count_among(start, arrange, count, work);
		twice = count_among(start, arrange, 2 * count, work);
	}
	cr_expect_leq(10 * twice, 22 * few, "%zu instructions for %zu, %zu for twice as many", few,
		      count, twice);
}

Test(scale, a_connection_is_not_made_to_look_through_the_leases_of_others)
{
	expect_independent(leave_leases, connect_and_greet);
}

Test(scale, a_list_of_ones_own_leases_does_not_look_through_those_of_others)
{
	expect_independent(leave_leases, list_own_leases);
	expect_independent(leave_leases, list_leases_from_nowhere);
}

Test(scale, a_lease_costs_the_same_among_many)
{
	expect_independent(leave_leases, lease_one);
}

Test(scale, a_notice_costs_the_same_among_many_who_do_not_watch)
{
	expect_independent(add_idle_and_monitor, lease_one);
}

Test(scale, a_refusal_for_unread_descriptors_does_not_look_through_the_connections_of_others)
{
	expect_independent(add_idle_and_neglect, lease_one);
}

Test(scale, one_more_that_waits_costs_the_same_among_many)
{
	expect_independent(add_waiters, wait_for_one_more);
}

Test(scale, the_end_of_a_connection_is_in_proportion_to_its_leases)
{
	expect_proportional(rig_start_simulation, own_leases, 48, hang_up);
}

Test(scale, a_ledger_that_is_read_again_is_in_proportion_to_its_length)
{
	expect_proportional(rig_start, lose_half, 96, read_events);
}

Test(scale, a_section_of_the_configuration_does_not_look_through_the_others)
{
	expect_independent(add_sections, find_a_grant);
	expect_independent(add_sections, match_a_pattern);
}
