// SPDX-License-Identifier: MIT
/*
 * The terms of leases: time limits, renewal, quotas of grants, register writes at the end, what a
 * reload leaves.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include "support/files.h"
#include "support/rig.h"

TestSuite(terms, .fini = rig_stop);

#define READ MMIOD_RIGHT_READ
#define WRITE (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)
#define REGION "[region shm]\nphys = 0x10000000\nsize = 1M\n"
#define GRANT REGION "[grant us]\nregion = shm\nuser = 4001 4002\naccess = rw\n"

static struct mmiod_wire_granted lease_one(int fd, struct mmiod_wire_want element)
{
	cr_assert_eq(client_lease(fd, &element, 1, 0), MMIOD_OK);
	return *(struct mmiod_wire_granted *)answer_element(0);
}

static struct mmiod_wire_granted lease_all(int fd)
{
	return lease_one(fd, want("shm", 0, 0x1000, WRITE, 0));
}

/* The next event, within a time that no machine needs. */
static const struct mmiod_msg_event *next_event(int fd)
{
	for (int i = 0; i < 2000; i++) {
		rig_wait(5);
		if (client_receive(fd) > 0) {
			cr_assert_eq(answer.msg.opcode, MMIOD_OP_EVENT);
			return &answer.event;
		}
	}
	cr_assert_fail("no event came");
	return NULL;
}

static struct mmiod_wire_lease listed(int fd)
{
	cr_assert_eq(client_list(fd, MMIOD_OP_LEASES, 0), MMIOD_OK);
	return *(struct mmiod_wire_lease *)answer_element(0);
}

static size_t notes(void)
{
	return files_count("state");
}

/* ---- time limits ----------------------------------------------------------------------------- */

Test(terms, a_lease_ends_when_its_time_is_over_and_its_holder_is_told_before_and_after)
{
	struct mmiod_wire_granted granted;
	int fd;

	rig_start(GRANT "lease = 400ms\n");
	fd = client_hello(4001);
	granted = lease_all(fd);
	cr_assert_eq(granted.lease_ms, 400u);
	cr_assert_eq(granted.renew, 1u);
	cr_assert_eq(next_event(fd)->type, MMIOD_EVENT_EXPIRING);
	cr_assert_eq(answer.event.lease, granted.lease);
	cr_assert_leq(answer.event.deadline_ms, 100u);
	cr_assert_eq(next_event(fd)->type, MMIOD_EVENT_REVOKED);
	cr_assert_not_null(strstr(answer_text(answer.event.text), "its time of 400 ms is over"));
	cr_assert_eq(fake_window(&rig_fake, granted.lease)->state, MMIOD_STATE_REVOKED);
}

Test(terms, what_the_module_does_not_take_is_neither_over_nor_counted_and_tried_again)
{
	uint64_t id;
	int fd;

	rig_start(GRANT "lease = 100ms\n");
	fd = client_hello(4001);
	id = lease_all(fd).lease;
	rig_fake.state_error = -EIO;
	rig_wait(250);
	cr_assert_eq(lease_find(&rig.broker.leases, id)->state, MMIOD_STATE_OK);
	cr_assert_eq(rig.broker.host.counters.revocations[MMIOD_CAUSE_EXPIRED], 0u);
	rig_fake.state_error = 0;
	while (next_event(fd)->type != MMIOD_EVENT_REVOKED)
		;
	cr_assert_eq(rig.broker.host.counters.revocations[MMIOD_CAUSE_EXPIRED], 1u);
}

Test(terms, memory_that_is_allocated_ends_when_its_time_is_over_as_well)
{
	struct mmiod_wire_alloc pages = ask(MMIOD_MEMORY_PAGES, "", 4096);
	const struct mmiod_wire_granted *granted;
	uint64_t id;
	int fd;

	rig_start("[grant us]\nmemory = pages\nuser = 4001\n");
	fd = client_hello(4001);
	pages.lease_ms = 150;
	cr_assert_eq(client_alloc(fd, &pages, 1, 0), MMIOD_OK);
	granted = answer_element(0);
	id = granted->lease;
	cr_assert_eq(granted->lease_ms, 150u);
	cr_assert_eq(granted->renew, 1u);
	while (next_event(fd)->type != MMIOD_EVENT_REVOKED)
		;
	cr_assert_eq(fake_window(&rig_fake, id)->state, MMIOD_STATE_REVOKED);
	pages.lease_ms = 99;
	cr_assert_eq(client_alloc(fd, &pages, 1, 0), MMIOD_OK);
	cr_assert_eq(((struct mmiod_wire_granted *)answer_element(0))->status, MMIOD_E_INVALID);
	pages.lease_ms = 0;
	pages.reserved2 = 1;
	cr_assert_eq(client_alloc(fd, &pages, 1, 0), MMIOD_OK);
	cr_assert_eq(((struct mmiod_wire_granted *)answer_element(0))->status, MMIOD_E_INVALID);
}

Test(terms, a_lease_without_a_limit_has_none)
{
	struct mmiod_wire_lease lease;
	int fd;

	rig_start(GRANT);
	fd = client_hello(4001);
	cr_assert_eq(lease_all(fd).lease_ms, 0u);
	lease = listed(fd);
	cr_assert_eq(lease.left_ms, 0u);
	cr_assert_eq(lease.lease_ms, 0u);
	cr_assert_eq(client_end(fd, MMIOD_OP_RENEW, lease.id), MMIOD_OK, "renewing it is no error");
}

Test(terms, a_client_gets_less_time_than_the_grant_gives_but_never_more)
{
	struct mmiod_wire_want element = want("shm", 0, 8, READ, 0);
	int fd;

	rig_start(GRANT "lease = 1h\n");
	fd = client_hello(4001);
	element.lease_ms = 60000;
	cr_assert_eq(lease_one(fd, element).lease_ms, 60000u);
	element.offset = 8;
	element.lease_ms = 7200000;
	cr_assert_eq(lease_one(fd, element).lease_ms, 3600000u);
	element.offset = 16;
	element.lease_ms = 1;
	cr_assert_eq(lease_one(fd, element).status, MMIOD_E_INVALID);
}

Test(terms, renewing_gives_the_whole_time_again)
{
	struct mmiod_wire_lease before, after;
	uint64_t id;
	int fd;

	rig_start(GRANT "lease = 1h\n");
	fd = client_hello(4001);
	id = lease_all(fd).lease;
	rig_wait(50);
	before = listed(fd);
	cr_assert_lt(before.left_ms, 3600000u);
	cr_assert_eq(client_end(fd, MMIOD_OP_RENEW, id), MMIOD_OK);
	after = listed(fd);
	cr_assert_gt(after.left_ms, before.left_ms);
	cr_assert_leq(after.left_ms, 3600000u);
}

Test(terms, nobody_renews_what_may_not_be_renewed_or_is_anothers)
{
	uint64_t id;
	int fd, other;

	rig_start(GRANT "lease = 1h\nrenew = no\n");
	fd = client_hello(4001);
	other = client_hello(4002);
	id = lease_all(fd).lease;
	cr_assert_eq(client_end(fd, MMIOD_OP_RENEW, id), MMIOD_E_DENIED);
	cr_assert_eq(client_end(other, MMIOD_OP_RENEW, id), MMIOD_E_DENIED);
	cr_assert_eq(client_end(fd, MMIOD_OP_RENEW, id + 1), MMIOD_E_NOT_FOUND);
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, id), MMIOD_OK);
	cr_assert_eq(client_end(fd, MMIOD_OP_RENEW, id), MMIOD_E_GONE);
}

Test(terms, a_deadline_survives_a_restart_of_the_daemon)
{
	struct mmiod_wire_lease before, after;
	int fd;

	rig_start(GRANT "lease = 1h\nrenew = no\n");
	fd = client_hello(4001);
	lease_all(fd);
	before = listed(fd);
	client_close_fds();
	close(fd);
	rig_restart();
	fd = client_hello(4001);
	after = listed(fd);
	cr_assert_eq(after.lease_ms, before.lease_ms);
	cr_assert_eq(after.renew, 0u);
	cr_assert_gt(after.left_ms, 0u);
	cr_assert_leq(after.left_ms, before.left_ms);
}

Test(terms, a_lease_whose_time_ran_out_while_no_daemon_was_there_ends_at_its_start)
{
	uint64_t id;
	int fd;

	rig_start(GRANT "lease = 100ms\nrenew = no\n");
	fd = client_hello(4001);
	id = lease_all(fd).lease;
	client_close_fds();
	close(fd);
	clock_advance(150);
	rig_restart();
	rig_wait(20);
	cr_assert_eq(fake_window(&rig_fake, id)->state, MMIOD_STATE_REVOKED);
}

Test(terms, a_lease_that_its_holder_may_renew_has_its_whole_time_after_a_restart)
{
	uint64_t id;
	int fd;

	rig_start(GRANT "lease = 1h\n");
	fd = client_hello(4001);
	id = lease_all(fd).lease;
	client_close_fds();
	close(fd);
	rig_wait(30);
	rig_restart();
	cr_assert_gt(lease_left_ms(lease_find(&rig.broker.leases, id), clock_boot_ms()), 3599000u);
}

/* ---- quotas ---------------------------------------------------------------------------------- */

Test(terms, a_grant_bounds_the_leases_of_each_user_and_the_refusal_names_it)
{
	int fd, other;

	rig_start(GRANT "share = shared-write\nleases = 2\n");
	fd = client_hello(4001);
	other = client_hello(4002);
	cr_assert_eq(lease_all(fd).status, MMIOD_OK);
	cr_assert_eq(lease_all(fd).status, MMIOD_OK);
	cr_assert_eq(lease_all(fd).status, MMIOD_E_QUOTA);
	cr_assert_not_null(
		strstr(answer_text(((struct mmiod_wire_granted *)answer_element(0))->text),
		       "uid 4001 has 2 leases under [grant us], as many as \"leases\" at "));
	cr_assert_eq(lease_all(other).status, MMIOD_OK, "each user has an account");
}

Test(terms, a_grant_bounds_the_bytes_and_what_ends_makes_room_again)
{
	struct mmiod_wire_want small = want("shm", 0x1000, 0x800, READ, 0);
	uint64_t id;
	int fd;

	rig_start(GRANT "share = shared-write\nbytes = 6K\n");
	fd = client_hello(4001);
	id = lease_all(fd).lease;
	cr_assert_eq(lease_one(fd, small).status, MMIOD_OK);
	cr_assert_eq(lease_one(fd, small).status, MMIOD_E_QUOTA);
	cr_assert_not_null(
		strstr(answer_text(((struct mmiod_wire_granted *)answer_element(0))->text),
		       "uid 4001 has 6144 bytes under [grant us], and \"bytes\" at "));
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, id), MMIOD_OK);
	cr_assert_eq(lease_one(fd, small).status, MMIOD_OK);
}

Test(terms, quotas_count_what_an_earlier_daemon_gave)
{
	int fd;

	rig_start(GRANT "share = shared-write\nleases = 1\n");
	fd = client_hello(4001);
	cr_assert_eq(lease_all(fd).status, MMIOD_OK);
	client_close_fds();
	close(fd);
	rig_restart();
	fd = client_hello(4001);
	cr_assert_eq(lease_all(fd).status, MMIOD_E_QUOTA);
}

/* ---- safe state ------------------------------------------------------------------------------ */

#define SAFE                                               \
	REGION                                             \
	"on-end = +0x10:32=0, +0x20:16=0x5, +0x2000:8=1\n" \
	"[grant us]\nregion = shm\nuser = 4001 4002\naccess = rw\n"

static void expect_write(size_t index, uint64_t offset, uint64_t value, uint32_t width)
{
	cr_assert_gt(rig_fake.n_writes, index);
	cr_assert_eq(rig_fake.writes[index].offset, offset);
	cr_assert_eq(rig_fake.writes[index].value, value);
	cr_assert_eq(rig_fake.writes[index].width, width);
}

static void expect_safe(void)
{
	cr_assert_eq(rig_fake.n_writes, 2u, "those within the lease, not the third");
	expect_write(0, 0x10, 0, 4);
	expect_write(1, 0x20, 5, 2);
	cr_assert_eq(notes(), 0u);
}

Test(terms, registers_are_made_safe_when_a_lease_is_released)
{
	int fd;
	uint64_t id;

	rig_start(SAFE);
	fd = client_hello(4001);
	id = lease_all(fd).lease;
	cr_assert_eq(notes(), 1u);
	cr_assert_eq(rig_fake.n_writes, 0u);
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, id), MMIOD_OK);
	expect_safe();
	fake_close_window(&rig_fake, id);
	events_drain(&rig.broker);
	expect_safe();
}

Test(terms, registers_are_made_safe_when_the_holder_dies)
{
	int fd;
	uint64_t id;

	rig_start(SAFE);
	fd = client_hello(4001);
	id = lease_all(fd).lease;
	client_close_fds();
	close(fd);
	fake_close_window(&rig_fake, id);
	events_drain(&rig.broker);
	expect_safe();
}

Test(terms, registers_are_made_safe_when_a_lease_is_revoked)
{
	int fd, root;

	rig_start(SAFE);
	fd = client_hello(4001);
	root = client_hello(0);
	cr_assert_eq(client_end(root, MMIOD_OP_REVOKE, lease_all(fd).lease), MMIOD_OK);
	expect_safe();
}

Test(terms, registers_are_made_safe_when_the_time_is_over)
{
	int fd;

	rig_start(SAFE "lease = 100ms\n");
	fd = client_hello(4001);
	lease_all(fd);
	while (next_event(fd)->type != MMIOD_EVENT_REVOKED)
		;
	expect_safe();
}

Test(terms, registers_are_made_safe_before_the_next_holder_has_them)
{
	int fd, other;
	uint64_t id;

	rig_start(SAFE);
	fd = client_hello(4001);
	other = client_hello(4002);
	id = lease_all(fd).lease;
	fake_close_window(&rig_fake, id);
	cr_assert_eq(lease_all(other).status, MMIOD_OK, "the event is read on the way");
	cr_assert_eq(rig_fake.n_writes, 2u);
}

Test(terms, registers_of_a_device_that_has_gone_are_left_alone)
{
	int fd;

	rig_start(SAFE);
	fd = client_hello(4001);
	lease_all(fd);
	fake_remove_device(&rig_fake, "shm");
	events_drain(&rig.broker);
	cr_assert_eq(rig_fake.n_writes, 0u);
	cr_assert_eq(notes(), 0u);
}

Test(terms, a_lease_that_cannot_write_a_register_leaves_it_alone)
{
	int fd;
	uint64_t id;

	rig_start(SAFE);
	fd = client_hello(4001);
	id = lease_one(fd, want("shm", 0, 0x1000, READ, 0)).lease;
	cr_assert_eq(notes(), 0u);
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, id), MMIOD_OK);
	id = lease_one(fd, want("shm", 0x40, 0x40, WRITE, 0)).lease;
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, id), MMIOD_OK);
	cr_assert_eq(rig_fake.n_writes, 0u);
}

Test(terms, a_clients_own_writes_come_before_the_regions)
{
	struct mmiod_wire_want element = want("shm", 0x10, 0x10, WRITE, 0);
	int fd;
	uint64_t id;

	rig_start(SAFE);
	fd = client_hello(4001);
	element.n_on_end = 2;
	element.on_end[0] = (struct mmiod_wire_write){ .offset = 0x18, .value = 7, .width = 8 };
	element.on_end[1] = (struct mmiod_wire_write){ .offset = 0x10, .value = 9, .width = 4 };
	id = lease_one(fd, element).lease;
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, id), MMIOD_OK);
	cr_assert_eq(rig_fake.n_writes, 3u);
	expect_write(0, 0x18, 7, 8);
	expect_write(1, 0x10, 9, 4);
	expect_write(2, 0x10, 0, 4);
}

Test(terms, a_client_has_nothing_written_that_it_could_not_write_itself)
{
	static const struct mmiod_wire_write bad[] = {
		{ .offset = 0x0, .width = 4 },
		{ .offset = 0x20, .width = 4 },
		{ .offset = 0x1c, .width = 8 },
		{ .offset = UINT64_MAX - 7, .width = 8 },
		{ .offset = 0x10, .width = 3 },
		{ .offset = 0x11, .width = 2 },
		{ .offset = 0x10, .width = 0 },
		{ .offset = 0x10, .width = 1, .value = 256 },
		{ .offset = 0x10, .width = 4, .reserved = 1 },
	};
	struct mmiod_wire_want element = want("shm", 0x10, 0x10, WRITE, 0);
	int fd;

	rig_start(SAFE);
	fd = client_hello(4001);
	element.n_on_end = 1;
	for (size_t i = 0; i < array_size(bad); i++) {
		element.on_end[0] = bad[i];
		cr_assert_eq(lease_one(fd, element).status, MMIOD_E_INVALID, "case %zu", i);
	}
	element.on_end[0] = (struct mmiod_wire_write){ .offset = 0x10, .width = 4 };
	element.on_end[1] = element.on_end[0];
	cr_assert_eq(lease_one(fd, element).status, MMIOD_E_INVALID, "more than were counted");
	element.n_on_end = MMIOD_ON_END_MAX + 1;
	cr_assert_eq(lease_one(fd, element).status, MMIOD_E_INVALID);
	element = want("shm", 0x10, 0x10, READ, 0);
	element.n_on_end = 1;
	element.on_end[0] = (struct mmiod_wire_write){ .offset = 0x10, .width = 4 };
	cr_assert_eq(lease_one(fd, element).status, MMIOD_E_INVALID);
	cr_assert_eq(rig_fake.n_writes, 0u);
}

Test(terms, registers_are_made_safe_though_the_holder_died_while_no_daemon_was_there)
{
	int fd;
	uint64_t id;

	rig_start(SAFE);
	fd = client_hello(4001);
	id = lease_all(fd).lease;
	client_close_fds();
	close(fd);
	fake_close_window(&rig_fake, id);
	rig_restart();
	expect_safe();
}

Test(terms, a_holder_that_lives_through_a_restart_leaves_safe_registers_at_its_end)
{
	int fd;
	uint64_t id;

	rig_start(SAFE);
	fd = client_hello(4001);
	id = lease_all(fd).lease;
	client_close_fds();
	close(fd);
	rig_restart();
	cr_assert_eq(rig_fake.n_writes, 0u);
	cr_assert_eq(notes(), 1u);
	fake_close_window(&rig_fake, id);
	events_drain(&rig.broker);
	expect_safe();
}

Test(terms, without_a_place_for_notes_nothing_is_promised)
{
	int fd;

	rig_start(SAFE);
	rig.broker.state = NULL;
	fd = client_hello(4001);
	cr_assert_eq(lease_all(fd).status, MMIOD_E_RESOURCES);
	cr_assert_not_null(
		strstr(answer_text(((struct mmiod_wire_granted *)answer_element(0))->text),
		       "cannot be noted"));
	cr_assert_eq(lease_one(fd, want("shm", 0, 0x1000, READ, 0)).status, MMIOD_OK);
}

Test(terms, a_note_that_finds_no_room_is_refused_with_the_reason_and_leaves_nothing)
{
	const struct rlimit none = { 0, RLIM_INFINITY }, all = { RLIM_INFINITY, RLIM_INFINITY };
	int fd;

	rig_start(SAFE);
	fd = client_hello(4001);
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &none);
	cr_assert_eq(lease_all(fd).status, MMIOD_E_RESOURCES);
	setrlimit(RLIMIT_FSIZE, &all);
	cr_assert_not_null(
		strstr(answer_text(((struct mmiod_wire_granted *)answer_element(0))->text),
		       strerror(EFBIG)));
	cr_assert_eq(notes(), 0u);
	cr_assert_eq(rig_fake.n_writes, 0u, "nobody had the registers");
	cr_assert_eq(lease_all(fd).status, MMIOD_OK);
	cr_assert_eq(notes(), 1u);
}

Test(terms, a_lease_that_was_undone_with_its_batch_makes_nothing_safe)
{
	struct mmiod_wire_want wants[] = { want("shm", 0, 0x1000, WRITE, 0),
					   want("nothing", 0, 0x1000, WRITE, 0) };
	int fd;

	rig_start(SAFE);
	fd = client_hello(4001);
	client_lease(fd, wants, 2, MMIOD_LEASE_ALL_OR_NONE);
	rig_turn();
	cr_assert_eq(rig_fake.n_writes, 0u);
	cr_assert_eq(notes(), 0u);
}

/* ---- reload ---------------------------------------------------------------------------------- */

Test(terms, a_lease_outlives_its_grant_unless_the_configuration_says_otherwise)
{
	int fd, other;
	uint64_t id, kept;

	rig_start(GRANT);
	fd = client_hello(4001);
	other = client_hello(4002);
	id = lease_one(fd, want("shm", 0, 0x1000, WRITE, 0)).lease;
	kept = lease_one(other, want("shm", 0x1000, 0x1000, READ, 0)).lease;
	rig_write_config(REGION "[grant others]\nregion = shm\nuser = 4002\naccess = r\n"
				"share = exclusive\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	cr_assert_eq(fake_window(&rig_fake, id)->state, MMIOD_STATE_OK);
	rig_write_config(REGION "[grant others]\nregion = shm\nuser = 4002\naccess = r\n"
				"share = exclusive\n[daemon]\nrevoke-on-reload = yes\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	cr_assert_eq(fake_window(&rig_fake, id)->state, MMIOD_STATE_REVOKED);
	cr_assert_eq(fake_window(&rig_fake, kept)->state, MMIOD_STATE_OK,
		     "another grant gives it now");
	cr_assert_eq(next_event(fd)->type, MMIOD_EVENT_REVOKED);
	cr_assert_not_null(strstr(answer_text(answer.event.text), "no grant gives it any more"));
}

Test(terms, a_reload_judges_a_holder_without_a_connection_by_its_grant_alone)
{
	uint64_t id;
	int fd;

	rig_start(GRANT "[daemon]\nrevoke-on-reload = yes\n");
	fd = client_hello(4001);
	id = lease_all(fd).lease;
	client_close_fds();
	close(fd);
	rig_restart();
	cr_assert_eq(daemon_reload(&rig), 0);
	cr_assert_eq(fake_window(&rig_fake, id)->state, MMIOD_STATE_OK);
	rig_write_config(REGION "[grant us]\nregion = shm\nuser = 4001\naccess = r\n"
				"[daemon]\nrevoke-on-reload = yes\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	cr_assert_eq(fake_window(&rig_fake, id)->state, MMIOD_STATE_REVOKED);
}

Test(terms, only_a_grant_that_says_so_gives_huge_leaves)
{
	uint64_t trusted, other;

	rig_start(REGION "[grant trusted]\nregion = shm\nuser = 4001\naccess = rw\n"
			 "share = shared-write\nleaves = huge\n"
			 "[grant others]\nregion = shm\nuser = *\naccess = rw\n"
			 "share = shared-write\n");
	trusted = lease_one(client_hello(4001), want("shm", 0, 0x1000, WRITE, 0)).lease;
	other = lease_one(client_hello(4002), want("shm", 0x1000, 0x1000, WRITE, 0)).lease;
	cr_assert(fake_window(&rig_fake, trusted)->window.huge);
	cr_assert_not(fake_window(&rig_fake, other)->window.huge);
}

/* A window keeps its leaves as long as it lives, so its lease cannot be given with fewer. */
Test(terms, a_reload_that_takes_huge_leaves_away_revokes_who_has_them_even_after_a_restart)
{
	static const char huge[] = GRANT "leaves = huge\n[daemon]\nrevoke-on-reload = yes\n";
	uint64_t id;
	int fd;

	rig_start(huge);
	fd = client_hello(4001);
	id = lease_all(fd).lease;
	client_close_fds();
	close(fd);
	rig_restart();
	cr_assert_eq(daemon_reload(&rig), 0);
	cr_assert_eq(fake_window(&rig_fake, id)->state, MMIOD_STATE_OK);
	rig_write_config(GRANT "[daemon]\nrevoke-on-reload = yes\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	cr_assert_eq(fake_window(&rig_fake, id)->state, MMIOD_STATE_REVOKED);
}

Test(terms, a_reload_that_gives_huge_leaves_leaves_who_has_none_alone)
{
	uint64_t id;

	rig_start(GRANT "[daemon]\nrevoke-on-reload = yes\n");
	id = lease_all(client_hello(4001)).lease;
	rig_write_config(GRANT "leaves = huge\n[daemon]\nrevoke-on-reload = yes\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	cr_assert_eq(fake_window(&rig_fake, id)->state, MMIOD_STATE_OK);
}

/* Its share mode says nothing of blocks, which are their holder's alone. */
Test(terms, a_reload_leaves_the_blocks_of_a_pool_whose_grant_is_the_same)
{
	static const char config[] = "[region vram]\nphys = 0x10000000\nsize = 1M\npool = yes\n"
				     "[grant us]\nregion = vram\nuser = 4001\naccess = rw\n"
				     "share = shared-read\n[daemon]\nrevoke-on-reload = yes\n";
	struct mmiod_wire_alloc block = ask(MMIOD_MEMORY_REGION, "vram", 4096);
	uint64_t id;
	int fd;

	rig_start(config);
	fd = client_hello(4001);
	cr_assert_eq(client_alloc(fd, &block, 1, 0), MMIOD_OK);
	id = ((struct mmiod_wire_granted *)answer_element(0))->lease;
	cr_assert_eq(daemon_reload(&rig), 0);
	cr_assert_eq(fake_window(&rig_fake, id)->state, MMIOD_STATE_OK);
}

Test(terms, a_reload_that_fails_takes_nothing)
{
	uint64_t id;
	int fd;

	rig_start(GRANT "[daemon]\nrevoke-on-reload = yes\n");
	fd = client_hello(4001);
	id = lease_all(fd).lease;
	rig_write_config(REGION "[grant us]\nregion = shn\nuser = 4001\n");
	cr_assert_lt(daemon_reload(&rig), 0);
	cr_assert_eq(fake_window(&rig_fake, id)->state, MMIOD_STATE_OK);
	cr_assert_eq(lease_one(fd, want("shm", 0x1000, 8, WRITE, 0)).status, MMIOD_OK);
}
