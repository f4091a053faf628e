// SPDX-License-Identifier: MIT
/*
 * Ends that must not be forgotten: registers that could not be made safe, notes of leases that
 * ended while no daemon was there, pages that the kernel takes in its own time, many ends in a row.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "daemon/base/log.h"
#include "support/files.h"
#include "support/rig.h"

TestSuite(ends, .fini = rig_stop);

#define READ MMIOD_RIGHT_READ
#define WRITE (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)
#define HOLDER 4001
#define OTHER 4002
#define ROOT 0

#define MOTOR_AT(phys) "[region motor]\nphys = " phys "\nsize = 64K\non-end = +0x10:32=0xdead\n"
#define MOTOR MOTOR_AT("0x10000000")
#define GRANT "[grant us]\nregion = motor\nuser = 4001 4002\naccess = rw\n"

static uint32_t lease_motor(int fd, uint64_t offset, uint64_t *lease)
{
	struct mmiod_wire_want element = want("motor", offset, 0x1000, WRITE, 0);
	const struct mmiod_wire_granted *granted;

	cr_assert_eq(client_lease(fd, &element, 1, 0), MMIOD_OK);
	granted = answer_element(0);
	if (lease)
		*lease = granted->lease;
	client_close_fds();
	return granted->status;
}

static uint64_t hold(int fd)
{
	uint64_t lease;

	cr_assert_eq(lease_motor(fd, 0, &lease), MMIOD_OK);
	return lease;
}

static uint32_t state_of(uint64_t id)
{
	const struct lease *lease = lease_find(&rig.broker.leases, id);

	cr_assert_not_null(lease);
	return lease->state;
}

/* Until it is so, or so long that something is wrong. */
#define cr_await(condition)                                          \
	do {                                                         \
		for (int turns_ = 0; turns_ < 2000 && !(condition);) \
			rig_wait(5), turns_++;                       \
		cr_assert(condition);                                \
	} while (0)

static size_t notes(void)
{
	return files_count("state");
}

static uint64_t handle_of(const char *region)
{
	return region_find(&rig.broker.regions, region)->hw.handle;
}

static void expect_written(uint64_t handle)
{
	cr_assert_eq(rig_fake.n_writes, 1u);
	cr_assert_eq(rig_fake.writes[0].value, 0xdead);
	cr_assert_eq(rig_fake.writes[0].offset, 0x10);
	cr_assert_eq(rig_fake.write_regions[0], handle, "to region %llu, not %llu",
		     (unsigned long long)rig_fake.write_regions[0], (unsigned long long)handle);
	cr_assert_eq(notes(), 0u);
}

static const char *warning(void)
{
	cr_assert_eq(client_status(client_hello(ROOT)), MMIOD_OK);
	return answer_text(answer.status.warning);
}

/* Another lease that stands in the way is to be found in the refusal. */
static void expect_busy(int fd, const char *words)
{
	lease_refused(fd, want("motor", 0, 0x1000, WRITE, 0), MMIOD_E_BUSY, words);
}

/* ---- writes that fail ------------------------------------------------------------------------ */

static const int errors[] = { -EAGAIN, -EIO, -EMFILE, -ENOSPC, -ENOMEM, -EBUSY };

Test(ends, bytes_are_nobodys_until_what_is_to_be_written_is_written)
{
	for (size_t i = 0; i < array_size(errors); i++) {
		int fd, other;
		uint64_t id;

		if (i)
			rig_stop();
		rig_start(MOTOR GRANT);
		fd = client_hello(HOLDER);
		other = client_hello(OTHER);
		id = hold(fd);
		rig_fake.write_error = errors[i];
		cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, id), MMIOD_OK);
		cr_assert_eq(state_of(id), MMIOD_STATE_ENDING, "%s", strerror(-errors[i]));
		expect_busy(other, "is being made safe after user");
		cr_assert_eq(notes(), 1u);
		rig_fake.write_error = 0;
		cr_await(state_of(id) == MMIOD_STATE_REVOKED);
		expect_written(handle_of("motor"));
		cr_assert_eq(rig_fake.write_owners[0], HOLDER + 1u);
		cr_assert_eq(lease_motor(other, 0, NULL), MMIOD_OK);
	}
}

Test(ends, a_write_that_fails_some_times_is_tried_until_it_does_not)
{
	uint64_t id;
	int fd;

	rig_start(MOTOR GRANT);
	fd = client_hello(HOLDER);
	id = hold(fd);
	rig_fake.write_error = -EIO;
	rig_fake.write_failures = 3;
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, id), MMIOD_OK);
	cr_await(state_of(id) == MMIOD_STATE_REVOKED);
	expect_written(handle_of("motor"));
	cr_assert_eq(rig.broker.host.counters.unsafe_ends, 1u);
}

Test(ends, all_is_written_again_in_order_when_a_later_write_failed)
{
	uint64_t id;
	int fd;

	rig_start("[region motor]\nphys = 0x10000000\nsize = 64K\n"
		  "on-end = +0x10:32=1, +0x14:32=2\n" GRANT);
	fd = client_hello(HOLDER);
	id = hold(fd);
	rig_fake.write_error = -EAGAIN;
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, id), MMIOD_OK);
	rig_fake.write_error = 0;
	cr_await(state_of(id) == MMIOD_STATE_REVOKED);
	cr_assert_eq(rig_fake.n_writes, 2u);
	cr_assert_eq(rig_fake.writes[0].value, 1u);
	cr_assert_eq(rig_fake.writes[1].value, 2u);
}

Test(ends, a_lease_that_is_not_safe_yet_is_listed_counted_and_told_of)
{
	uint64_t id;
	int fd;

	rig_start(MOTOR GRANT);
	fd = client_hello(HOLDER);
	id = hold(fd);
	rig_fake.write_error = -EIO;
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, id), MMIOD_OK);
	cr_assert_not_null(strstr(warning(), "could not be written to +0x10 yet: "), "%s",
			   warning());
	cr_assert_eq(answer.status.ending_leases, 1u);
	cr_assert_eq(client_list(fd, MMIOD_OP_LEASES, 0), MMIOD_OK);
	cr_assert_eq(((struct mmiod_wire_lease *)answer_element(0))->state, MMIOD_STATE_ENDING);
	rig_fake.write_error = 0;
	cr_await(state_of(id) == MMIOD_STATE_REVOKED);
	cr_assert_eq(strlen(warning()), 0u);
	cr_assert_eq(answer.status.ending_leases, 0u);
}

Test(ends, a_device_that_slept_when_its_holder_died_is_made_safe_as_soon_as_it_wakes)
{
	int fd, other;
	uint64_t id;

	rig_start(MOTOR GRANT);
	fd = client_hello(HOLDER);
	other = client_hello(OTHER);
	id = hold(fd);
	fake_event(&rig_fake, MMIOD_CONTROL_REGION_STATE, MMIOD_WINDOW_SUSPENDED,
		   handle_of("motor"));
	rig_fake.write_error = -EAGAIN;
	fake_close_window(&rig_fake, id);
	events_drain(&rig.broker);
	cr_assert_eq(state_of(id), MMIOD_STATE_ENDING, "its window is gone, but it is not over");
	expect_busy(other, "is being made safe after user");
	rig_fake.write_error = 0;
	fake_event(&rig_fake, MMIOD_CONTROL_REGION_STATE, MMIOD_WINDOW_OK, handle_of("motor"));
	events_drain(&rig.broker);
	rig_turn();
	cr_assert_null(lease_find(&rig.broker.leases, id));
	expect_written(handle_of("motor"));
	cr_assert_eq(lease_motor(other, 0, NULL), MMIOD_OK);
}

Test(ends, a_request_that_waits_gets_the_bytes_when_they_are_safe)
{
	struct mmiod_wire_want element = want("motor", 0, 0x1000, WRITE, 0);
	int fd, other;
	uint64_t id;

	rig_start(MOTOR GRANT);
	fd = client_hello(HOLDER);
	other = client_hello(OTHER);
	id = hold(fd);
	rig_fake.write_error = -EIO;
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, id), MMIOD_OK);
	request_wait_ms = UINT32_MAX;
	send_lease(other, &element, 1, 0);
	rig_turn();
	cr_assert_eq(client_receive(other), -EAGAIN);
	rig_fake.write_error = 0;
	cr_await(state_of(id) == MMIOD_STATE_REVOKED);
	rig_turn();
	cr_assert_gt(client_receive(other), 0);
	cr_assert_eq(((struct mmiod_wire_granted *)answer_element(0))->status, MMIOD_OK);
	cr_assert_eq(rig_fake.n_writes, 1u);
}

Test(ends, a_device_that_goes_while_its_registers_are_not_safe_needs_no_care)
{
	uint64_t id;
	int fd;

	rig_start(MOTOR GRANT);
	fd = client_hello(HOLDER);
	id = hold(fd);
	rig_fake.write_error = -EIO;
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, id), MMIOD_OK);
	fake_close_window(&rig_fake, id);
	fake_remove_device(&rig_fake, "motor");
	events_drain(&rig.broker);
	cr_assert_null(lease_find(&rig.broker.leases, id));
	cr_assert_eq(rig.broker.leases.n_ending, 0u);
	cr_assert_eq(notes(), 0u);
}

Test(ends, a_neighbour_with_another_cache_attribute_does_not_keep_a_register_from_being_made_safe)
{
	uint64_t id;
	int fd;

	rig_start(MOTOR GRANT);
	fd = client_hello(HOLDER);
	id = hold(fd);
	rig_fake.write_error = -EBUSY;
	rig_fake.write_failures = 1;
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, id), MMIOD_OK);
	cr_assert_eq(state_of(id), MMIOD_STATE_REVOKED);
	expect_written(handle_of("motor"));
}

Test(ends, registers_are_made_safe_by_a_daemon_that_has_no_descriptor_left)
{
	struct rlimit limit, none;
	uint64_t id;
	int fd;

	rig_start(MOTOR GRANT);
	fd = client_hello(HOLDER);
	id = hold(fd);
	getrlimit(RLIMIT_NOFILE, &limit);
	none = limit;
	none.rlim_cur = (rlim_t)dup(0);
	close((int)none.rlim_cur);
	setrlimit(RLIMIT_NOFILE, &none);
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, id), MMIOD_OK);
	setrlimit(RLIMIT_NOFILE, &limit);
	cr_assert_eq(state_of(id), MMIOD_STATE_REVOKED);
	expect_written(handle_of("motor"));
}

Test(ends, clients_do_not_get_the_last_windows_of_the_module)
{
	struct mmiod_wire_want element = want("motor", 0, 8, READ, MMIOD_SHARE_READ);
	const struct mmiod_wire_granted *granted;
	int fd;

	rig_start(MOTOR GRANT);
	rig.broker.backend->max_windows = 300;
	fd = client_hello(HOLDER);
	for (int i = 0; i < 300 - 64; i++) {
		cr_assert_eq(client_lease(fd, &element, 1, 0), MMIOD_OK);
		cr_assert_eq(((struct mmiod_wire_granted *)answer_element(0))->status, MMIOD_OK);
		client_close_fds();
	}
	cr_assert_eq(client_lease(fd, &element, 1, 0), MMIOD_OK);
	granted = answer_element(0);
	cr_assert_eq(granted->status, MMIOD_E_QUOTA);
	cr_assert_not_null(strstr(answer_text(granted->text), "max_windows"));
}

/* ---- the journal ----------------------------------------------------------------------------- */

static int journald = -1;

static void listen_as_journald(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", files_path("journal"));
	journald = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(journald, (struct sockaddr *)&address, sizeof(address)), 0);
	log_to_journal(address.sun_path);
}

static size_t lines_with(const char *words)
{
	char line[8192];
	ssize_t length;
	size_t n = 0;

	while ((length = recv(journald, line, sizeof(line) - 1, 0)) > 0) {
		line[length] = '\0';
		n += strstr(line, words) != NULL;
	}
	return n;
}

Test(ends, no_register_that_is_not_safe_is_held_back_from_the_journal)
{
	uint64_t ids[200];
	size_t told = 0;
	int fd;

	rig_start("[region motor]\nphys = 0x10000000\nsize = 64K\n" GRANT "share = shared-write\n");
	listen_as_journald();
	fd = client_hello(HOLDER);
	for (size_t i = 0; i < array_size(ids); i++) {
		struct mmiod_wire_want element = want("motor", 0, 8, WRITE, 0);

		element.n_on_end = 1;
		element.on_end[0] = (struct mmiod_wire_write){ .width = 4 };
		cr_assert_eq(client_lease(fd, &element, 1, 0), MMIOD_OK);
		ids[i] = ((struct mmiod_wire_granted *)answer_element(0))->lease;
		client_close_fds();
	}
	lines_with("");
	rig_fake.write_error = -EIO;
	for (size_t i = 0; i < array_size(ids); i++) {
		cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, ids[i]), MMIOD_OK);
		told += lines_with("could not be written");
	}
	cr_assert_eq(told, array_size(ids));
	cr_assert_eq(rig.broker.host.counters.unsafe_ends, array_size(ids));
	rig_wait(1100);
	cr_assert_eq(lines_with("could not be written"), 0u, "nor told twice");
	close(journald);
}

/* ---- after a restart ------------------------------------------------------------------------- */

static uint64_t hold_and_leave(void)
{
	int fd = client_hello(HOLDER);
	uint64_t id = hold(fd);

	close(fd);
	rig_turn();
	return id;
}

#define CARD(slot) \
	"[region motor]\ndevice = pci:" slot "\nbar = 0\nsize = 64K\non-end = +0x10:32=0xdead\n"

Test(ends, what_is_owed_to_a_device_is_not_paid_to_another_range)
{
	uint64_t handle;

	rig_start(MOTOR GRANT);
	handle = handle_of("motor");
	fake_close_window(&rig_fake, hold_and_leave());
	rig_write_config(MOTOR_AT("0x20000000") GRANT);
	rig_restart();
	expect_written(handle);
	cr_assert_eq(rig_fake.n_regions, 1u);
	cr_assert_eq(rig_fake.regions[0].phys, 0x20000000u, "then it was given back");
}

Test(ends, what_is_owed_to_a_device_is_not_paid_to_another_card)
{
	uint64_t handle;

	rig_start(CARD("0000:01:00.0") GRANT);
	handle = handle_of("motor");
	fake_close_window(&rig_fake, hold_and_leave());
	rig_write_config(CARD("0000:02:00.0") GRANT);
	rig_restart();
	expect_written(handle);
	cr_assert_str_eq(rig_fake.regions[0].device, "0000:02:00.0");
}

Test(ends, a_claim_that_something_is_owed_to_is_not_given_back_before)
{
	uint64_t handle, id;

	rig_start(MOTOR GRANT);
	handle = handle_of("motor");
	id = hold_and_leave();
	fake_close_window(&rig_fake, id);
	rig_write_config(MOTOR_AT("0x20000000") GRANT);
	rig_fake.write_error = -EIO;
	rig_restart();
	cr_assert_eq(handle_of("motor"), handle);
	cr_assert_eq(state_of(id), MMIOD_STATE_ENDING);
	expect_busy(client_hello(OTHER), "region motor is to become 0x20000000+0x10000");
	rig_fake.write_error = 0;
	cr_await(!lease_find(&rig.broker.leases, id));
	expect_written(handle);
	cr_assert_eq(rig_fake.regions[0].phys, 0x20000000u);
	cr_assert_eq(lease_motor(client_hello(OTHER), 0, NULL), MMIOD_OK);
}

/* The earlier daemon had revoked the window, but was killed before it wrote. */
Test(ends, an_end_that_was_not_finished_is_finished_by_the_next_daemon)
{
	uint64_t id;

	rig_start(MOTOR GRANT);
	id = hold_and_leave();
	fake_window(&rig_fake, id)->state = MMIOD_STATE_REVOKED;
	rig_fake.write_error = -EAGAIN;
	rig_restart();
	cr_assert_eq(state_of(id), MMIOD_STATE_ENDING);
	expect_busy(client_hello(OTHER), "is being made safe after user");
	rig_fake.write_error = 0;
	cr_await(state_of(id) == MMIOD_STATE_REVOKED);
	expect_written(handle_of("motor"));
}

Test(ends, a_note_whose_bytes_are_not_claimed_waits_for_them_and_status_says_so)
{
	uint64_t id;

	rig_start(MOTOR GRANT);
	id = hold_and_leave();
	fake_close_window(&rig_fake, id);
	fake_remove_device(&rig_fake, "motor");
	rig_fake.claim_error = -ENODEV;
	rig_restart();
	cr_assert_eq(rig_fake.n_writes, 0u);
	cr_assert_eq(notes(), 1u);
	cr_assert_not_null(strstr(warning(), "waits for the claim"), "%s", warning());
	rig_fake.claim_error = 0;
	fake_event(&rig_fake, MMIOD_CONTROL_DEVICE_BOUND, 0, 0);
	events_drain(&rig.broker);
	expect_written(handle_of("motor"));
	cr_assert_null(strstr(warning(), "waits for the claim"), "%s", warning());
	cr_assert_eq(lease_motor(client_hello(OTHER), 0, NULL), MMIOD_OK);
}

Test(ends, a_note_of_an_older_daemon_is_for_what_its_claim_of_that_name_was)
{
	uint64_t handle, id;
	char name[32];

	rig_start(MOTOR GRANT);
	handle = handle_of("motor");
	id = hold_and_leave();
	snprintf(name, sizeof(name), "state/on-end.%llu", (unsigned long long)id);
	files_write(name, 0600, "region motor\n+0x10:32=0xdead\n");
	fake_close_window(&rig_fake, id);
	rig_write_config(MOTOR_AT("0x20000000") GRANT);
	rig_restart();
	expect_written(handle);
}

Test(ends, what_is_owed_to_a_card_is_not_paid_to_one_that_was_bound_after_it)
{
	rig_start(CARD("0000:01:00.0") GRANT);
	fake_close_window(&rig_fake, hold_and_leave());
	fake_remove_device(&rig_fake, "motor");
	rig_fake.generation = 2;
	rig_restart();
	cr_assert_eq(region_find(&rig.broker.regions, "motor")->hw.generation, 2u);
	cr_assert_eq(rig_fake.n_writes, 0u);
	cr_assert_eq(notes(), 0u);
}

/* ---- after the module was loaded again ------------------------------------------------------- */

#define ELSEWHERE "[region motor]\nphys = 0x40000000\nsize = 64K\n"
#define PUMP "[region pump]\nphys = 0x30000000\nsize = 64K\n"
#define PUMP_GRANT "[grant both]\nregion = motor pump\nuser = 4001 4002\naccess = rw\n"

Test(ends, a_card_that_was_bound_once_by_each_load_of_the_module_may_be_another)
{
	rig_start(CARD("0000:01:00.0") GRANT);
	hold_and_leave();
	fake_reload(&rig_fake);
	rig_restart();
	cr_assert_eq(region_find(&rig.broker.regions, "motor")->hw.generation, 1u);
	cr_assert_eq(rig_fake.n_writes, 0u);
	cr_assert_eq(notes(), 0u);
}

static uint64_t hold_pump(void)
{
	struct mmiod_wire_want element = want("pump", 0, 0x1000, WRITE, 0);
	int fd = client_hello(OTHER);
	uint64_t id;

	cr_assert_eq(client_lease(fd, &element, 1, 0), MMIOD_OK);
	id = ((struct mmiod_wire_granted *)answer_element(0))->lease;
	client_close_fds();
	close(fd);
	rig_turn();
	return id;
}

Test(ends, a_note_that_waits_is_not_on_the_lease_that_has_its_id_from_a_later_load)
{
	uint64_t id;

	rig_start(MOTOR PUMP PUMP_GRANT);
	id = hold_and_leave();
	fake_reload(&rig_fake);
	rig_write_config(ELSEWHERE PUMP PUMP_GRANT);
	rig_restart();
	cr_assert_eq(hold_pump(), id);
	rig_restart();
	cr_assert_null(lease_find(&rig.broker.leases, id)->on_end);
	fake_close_window(&rig_fake, id);
	events_drain(&rig.broker);
	cr_assert_eq(rig_fake.n_writes, 0u);
	cr_assert_eq(notes(), 1u, "it waits on");
	rig_write_config(MOTOR PUMP PUMP_GRANT);
	cr_assert_eq(daemon_reload(&rig), 0);
	rig_turn();
	expect_written(handle_of("motor"));
}

Test(ends, a_lease_may_have_the_id_of_one_that_an_earlier_load_left_to_be_made_safe)
{
	uint64_t id;
	int fd;

	rig_start(MOTOR PUMP PUMP_GRANT);
	id = hold_and_leave();
	fake_reload(&rig_fake);
	rig_fake.write_error = -EIO;
	rig_restart();
	cr_assert_eq(rig.broker.leases.n_ending, 1u);
	cr_assert_eq(hold_pump(), id);
	fd = client_hello(OTHER);
	expect_busy(fd, "is being made safe after user");
	cr_assert_eq(client_list(client_hello(ROOT), MMIOD_OP_LEASES, 0), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 2u);
	rig_fake.write_error = 0;
	cr_await(rig.broker.leases.n_ending == 0);
	expect_written(handle_of("motor"));
	cr_assert_eq(state_of(id), MMIOD_STATE_OK);
	cr_assert_eq(lease_motor(fd, 0, NULL), MMIOD_OK);
}

#define OTHERS_NOTE(load)                                                      \
	"region motor\nclaim range 4294967295 0x0 0x10000 0x20000000 0\n" load \
	"lease 0x0 0x1000 1 4001 1\n+0x10:32=0xdead\n"

/* By daemons that did not know that ids come again, or say of which load theirs were. */
Test(ends, a_lease_that_lives_is_not_given_a_note_on_other_bytes_or_of_another_load)
{
	static const char *const others[] = {
		OTHERS_NOTE(""),
		OTHERS_NOTE("load 1\n"),
		OTHERS_NOTE("load 7\n"),
	};

	for (size_t i = 0; i < array_size(others); i++) {
		uint64_t id;
		char name[32];

		if (i)
			rig_stop();
		rig_start(ELSEWHERE PUMP PUMP_GRANT);
		id = hold_pump();
		snprintf(name, sizeof(name), "state/on-end.%llu", (unsigned long long)id);
		files_write(name, 0600, others[i]);
		rig_restart();
		cr_assert_null(lease_find(&rig.broker.leases, id)->on_end, "%zu", i);
		fake_close_window(&rig_fake, id);
		events_drain(&rig.broker);
		cr_assert_eq(rig_fake.n_writes, 0u, "%zu", i);
		cr_assert_eq(notes(), 1u, "%zu", i);
	}
}

Test(ends, notes_of_many_loads_do_not_take_each_others_ids)
{
	rig_start(MOTOR GRANT);
	for (uint32_t load = 0; load < 3; load++) {
		struct mmiod_wire_want element =
			want("motor", 0x1000 * (load + 1), 0x1000, WRITE, 0);
		int fd = client_hello(HOLDER);

		element.n_on_end = 1;
		element.on_end[0] = (struct mmiod_wire_write){
			.offset = element.offset,
			.width = 4,
			.value = load,
		};
		cr_assert_eq(client_lease(fd, &element, 1, 0), MMIOD_OK);
		cr_assert_eq(((struct mmiod_wire_granted *)answer_element(0))->lease, 1u);
		client_close_fds();
		close(fd);
		fake_reload(&rig_fake);
		rig_fake.write_error = -EIO;
		rig_restart();
		cr_assert_eq(rig.broker.leases.n_ending, load + 1);
		cr_assert_eq(notes(), load + 1);
	}
	rig_fake.write_error = 0;
	cr_await(rig.broker.leases.n_ending == 0);
	cr_assert_eq(rig_fake.n_writes, 3u);
	cr_assert_eq(rig_fake.writes[0].value + rig_fake.writes[1].value + rig_fake.writes[2].value,
		     0u + 1 + 2);
	cr_assert_eq(notes(), 0u);
}

/* ---- notes of older daemons, and unfinished ones --------------------------------------------- */

Test(ends, a_note_that_was_not_finished_is_of_a_lease_that_nobody_had)
{
	rig_start(MOTOR GRANT);
	hold_and_leave();
	files_write("state/on-end.99", 0600, "+0x10:32=0xdead\n");
	files_write("state/on-end.98", 0600, "");
	files_write("state/on-end.97", 0600, "region motor\n");
	rig_restart();
	cr_assert_eq(rig_fake.n_writes, 0u);
	cr_assert_eq(notes(), 1u, "that of the lease that lives");
}

Test(ends, a_lease_that_lives_needs_no_region_in_its_note)
{
	uint64_t id;
	char name[32];

	rig_start(MOTOR GRANT);
	id = hold_and_leave();
	snprintf(name, sizeof(name), "state/on-end.%llu", (unsigned long long)id);
	files_write(name, 0600, "+0x10:32=0xdead\n");
	rig_restart();
	fake_close_window(&rig_fake, id);
	events_drain(&rig.broker);
	expect_written(handle_of("motor"));
}

Test(ends, no_note_is_made_where_leases_do_not_outlive_the_daemon)
{
	int fd;

	rig_start_simulation("[region motor]\nsize = 64K\non-end = +0x10:32=0xdead\n" GRANT);
	fd = client_hello(HOLDER);
	hold(fd);
	cr_assert_eq(notes(), 0u);
	close(fd);
	rig_turn();
	cr_assert_eq(notes(), 0u);
}

/* ---- pages that the kernel takes in its own time --------------------------------------------- */

static void start_later(const char *config)
{
	rig_start(config);
	rig_fake.later = true;
}

static void finish(uint64_t id)
{
	fake_finish(&rig_fake, id);
	events_drain(&rig.broker);
	rig_turn();
}

Test(ends, a_release_is_answered_when_nobody_reaches_the_bytes_any_more)
{
	int fd, other;
	uint64_t id;

	start_later(MOTOR GRANT);
	fd = client_hello(HOLDER);
	other = client_hello(OTHER);
	id = hold(fd);
	send_end(fd, MMIOD_OP_RELEASE, 0, &id, 1);
	rig_turn();
	cr_assert_eq(client_receive(fd), -EAGAIN);
	cr_assert_eq(rig_fake.n_writes, 0u, "the holder may still reach the register");
	cr_assert_eq(state_of(id), MMIOD_STATE_ENDING);
	expect_busy(other, "is being taken from user");
	finish(id);
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(((struct mmiod_wire_ended *)answer_element(0))->status, MMIOD_OK);
	expect_written(handle_of("motor"));
	cr_assert_eq(lease_motor(other, 0, NULL), MMIOD_OK);
}

Test(ends, a_revocation_is_answered_when_all_of_it_is_done)
{
	int fd, root;
	uint64_t ids[3];

	start_later(MOTOR GRANT);
	fd = client_hello(HOLDER);
	root = client_hello(ROOT);
	for (size_t i = 0; i < array_size(ids); i++)
		cr_assert_eq(lease_motor(fd, i * 0x1000, &ids[i]), MMIOD_OK);
	send_end(root, MMIOD_OP_REVOKE, 0, ids, array_size(ids));
	rig_turn();
	cr_assert_gt(client_receive(fd), 0, "the holder is told at once");
	cr_assert_eq(answer.event.type, MMIOD_EVENT_REVOKED);
	for (size_t i = 0; i < array_size(ids); i++) {
		cr_assert_eq(client_receive(root), -EAGAIN);
		finish(ids[i]);
	}
	cr_assert_gt(client_receive(root), 0);
	cr_assert_eq(answer.msg.count, array_size(ids));
	cr_assert_eq(rig.broker.revocations, NULL);
}

Test(ends, a_revocation_with_a_deadline_waits_for_the_kernel_too)
{
	int fd, root;
	uint64_t id;

	start_later(MOTOR GRANT);
	fd = client_hello(HOLDER);
	root = client_hello(ROOT);
	id = hold(fd);
	send_end(root, MMIOD_OP_REVOKE, 50, &id, 1);
	cr_await(state_of(id) == MMIOD_STATE_ENDING);
	cr_assert_eq(client_receive(root), -EAGAIN);
	finish(id);
	cr_assert_gt(client_receive(root), 0);
	cr_assert_eq(((struct mmiod_wire_ended *)answer_element(0))->status, MMIOD_OK);
}

Test(ends, a_second_release_is_answered_without_waiting_for_the_first)
{
	uint64_t id;
	int fd;

	start_later(MOTOR GRANT);
	fd = client_hello(HOLDER);
	id = hold(fd);
	send_end(fd, MMIOD_OP_RELEASE, 0, &id, 1);
	rig_turn();
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, id), MMIOD_OK);
	cr_assert_eq(client_end(fd, MMIOD_OP_RENEW, id), MMIOD_E_GONE);
	finish(id);
	cr_assert_gt(client_receive(fd), 0);
}

Test(ends, who_hangs_up_is_owed_no_reply)
{
	uint64_t id;
	int fd;

	start_later(MOTOR GRANT);
	fd = client_hello(HOLDER);
	id = hold(fd);
	send_end(fd, MMIOD_OP_RELEASE, 0, &id, 1);
	rig_turn();
	close(fd);
	rig_turn();
	finish(id);
	cr_assert_eq(rig.broker.revocations, NULL);
	expect_written(handle_of("motor"));
}

Test(ends, a_window_that_is_closed_is_taken_from_everybody)
{
	uint64_t id;
	int fd;

	start_later(MOTOR GRANT);
	fd = client_hello(HOLDER);
	id = hold(fd);
	send_end(fd, MMIOD_OP_RELEASE, 0, &id, 1);
	rig_turn();
	fake_close_window(&rig_fake, id);
	events_drain(&rig.broker);
	rig_turn();
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_null(lease_find(&rig.broker.leases, id));
	expect_written(handle_of("motor"));
}

Test(ends, a_deadline_a_reload_and_a_connection_leave_it_to_the_kernel_as_well)
{
	struct mmiod_wire_want bound = want("motor", 0x3000, 0x1000, WRITE, 0);
	uint64_t timed, connection, reloaded;
	int fd;

	start_later(MOTOR GRANT "lease = 100ms\nrenew = no\n"
				"[grant others]\nregion = motor\nuser = 4002 4003\naccess = rw\n");
	fd = client_hello(HOLDER);
	timed = hold(fd);
	cr_await(state_of(timed) == MMIOD_STATE_ENDING);
	bound.flags = MMIOD_LEASE_CONNECTION;
	fd = client_hello(4003);
	cr_assert_eq(client_lease(fd, &bound, 1, 0), MMIOD_OK);
	connection = ((struct mmiod_wire_granted *)answer_element(0))->lease;
	close(fd);
	cr_await(state_of(connection) == MMIOD_STATE_ENDING);
	fd = client_hello(4003);
	cr_assert_eq(lease_motor(fd, 0x1000, &reloaded), MMIOD_OK);
	rig_write_config(MOTOR GRANT "[daemon]\nrevoke-on-reload = yes\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	cr_assert_eq(state_of(reloaded), MMIOD_STATE_ENDING);
	finish(timed);
	finish(connection);
	finish(reloaded);
	cr_assert_eq(rig.broker.leases.n_ending, 0u);
}

Test(ends, a_revocation_whose_event_was_lost_is_asked_for_again)
{
	uint64_t id;
	int fd;

	start_later(MOTOR GRANT);
	fd = client_hello(HOLDER);
	id = hold(fd);
	send_end(fd, MMIOD_OP_RELEASE, 0, &id, 1);
	rig_turn();
	fake_event(&rig_fake, MMIOD_CONTROL_OVERFLOW, 0, 0);
	events_drain(&rig.broker);
	cr_assert_eq(state_of(id), MMIOD_STATE_ENDING, "revoked, but its pages are not taken yet");
	rig_fake.later = false;
	fake_event(&rig_fake, MMIOD_CONTROL_OVERFLOW, 0, 0);
	events_drain(&rig.broker);
	rig_turn();
	cr_assert_eq(state_of(id), MMIOD_STATE_REVOKED);
	cr_assert_gt(client_receive(fd), 0);
}

/* ---- many ends in a row ---------------------------------------------------------------------- */

#define MANY 256u
#define QUEUE 256u /* of the module */

#define MANY_GRANT                                                                                \
	"[region motor]\ndevice = pci:0000:01:00.0\nbar = 0\nsize = 64K\n%s[grant us]\nregion = " \
	"motor\nuser = 4001\n"                                                                    \
	"access = rw\nshare = shared-write\n%s"

static uint64_t many[MANY];

static void start_many(const char *region, const char *grant)
{
	char config[1024];

	snprintf(config, sizeof(config), MANY_GRANT, region, grant);
	rig_start(config);
}

static int hold_many(uint32_t flags)
{
	struct mmiod_wire_want element = want("motor", 0, 0x1000, WRITE, 0);
	int fd = client_hello(HOLDER);

	element.flags = flags;
	element.n_on_end = 8;
	for (uint32_t i = 0; i < 8; i++)
		element.on_end[i] = (struct mmiod_wire_write){ .offset = 8 * i, .width = 4 };
	for (size_t i = 0; i < MANY; i++) {
		cr_assert_eq(client_lease(fd, &element, 1, 0), MMIOD_OK);
		many[i] = ((struct mmiod_wire_granted *)answer_element(0))->lease;
		cr_assert_eq(((struct mmiod_wire_granted *)answer_element(0))->status, MMIOD_OK);
		client_close_fds();
	}
	events_drain(&rig.broker);
	rig_fake.most_events = QUEUE;
	return fd;
}

static void expect_all_ended(void)
{
	cr_await(region_find(&rig.broker.regions, "motor")->tallies[0].leases == 0);
	events_drain(&rig.broker);
	cr_assert_eq(rig_fake.n_writes, 8 * MANY);
	cr_assert_eq(rig.broker.host.counters.events_lost, 0u);
}

Test(ends, many_that_are_released_lose_no_event)
{
	int fd;

	start_many("", "");
	fd = hold_many(0);
	send_end(fd, MMIOD_OP_RELEASE, 0, many, MANY);
	expect_all_ended();
}

Test(ends, many_that_are_revoked_lose_no_event)
{
	start_many("", "");
	hold_many(0);
	send_end(client_hello(ROOT), MMIOD_OP_REVOKE, 0, many, MANY);
	expect_all_ended();
}

Test(ends, many_that_are_revoked_at_a_deadline_lose_no_event)
{
	start_many("", "");
	hold_many(0);
	send_end(client_hello(ROOT), MMIOD_OP_REVOKE, 20, many, MANY);
	expect_all_ended();
}

Test(ends, many_whose_time_is_over_lose_no_event)
{
	start_many("", "lease = 3s\nrenew = no\n");
	hold_many(0);
	expect_all_ended();
}

Test(ends, many_that_a_reload_ends_lose_no_event)
{
	start_many("", "[daemon]\nrevoke-on-reload = yes\n");
	hold_many(0);
	rig_write_config("[region motor]\ndevice = pci:0000:01:00.0\nbar = 0\nsize = 64K\n"
			 "[daemon]\nrevoke-on-reload = yes\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	expect_all_ended();
}

Test(ends, many_that_end_with_their_connection_lose_no_event)
{
	start_many("", "");
	close(hold_many(MMIOD_LEASE_CONNECTION));
	expect_all_ended();
}

Test(ends, many_that_a_reset_ends_lose_no_event)
{
	start_many("on-reset = revoke\n", "");
	hold_many(0);
	fake_event(&rig_fake, MMIOD_CONTROL_REGION_STATE, MMIOD_WINDOW_SUSPENDED,
		   handle_of("motor"));
	events_drain(&rig.broker);
	expect_all_ended();
}

Test(ends, many_that_lived_through_a_restart_and_end_without_their_connection_lose_no_event)
{
	start_many("", "");
	close(hold_many(MMIOD_LEASE_CONNECTION));
	rig_fake.most_events = 0;
	rig_restart();
	rig_fake.most_events = QUEUE;
	ledger_end_grace(&rig.broker);
	expect_all_ended();
}
