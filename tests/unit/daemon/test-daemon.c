// SPDX-License-Identifier: MIT
/*
 * Requests from end to end, on a backend that behaves like the module; and what the module's
 * events, a restart and a reload do to leases.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include "support/files.h"
#include "support/rig.h"

#define READ MMIOD_RIGHT_READ
#define WRITE (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)

#define OPERATOR 4001
#define GUEST 4002
#define OTHER 4003

static const char config[] =
	"[region shm]\nphys = 0xf8000000\nsize = 1M\ncache = uc wc\n"
	"[region edu]\nphys = 0xfea00000\nsize = 64K\nwidth = 32\n"
	"[grant operators]\nregion = shm edu\nuser = 4001 4003\naccess = rw\n"
	"[grant readers]\nregion = edu\nuser = 4004\naccess = r\nshare = shared-write\n";

static void start(void)
{
	rig_start(config);
}

TestSuite(daemon, .init = start, .fini = rig_stop);

static const struct mmiod_wire_granted *lease_element(int fd, struct mmiod_wire_want element)
{
	cr_assert_eq(client_lease(fd, &element, 1, 0), MMIOD_OK);
	return answer_element(0);
}

/* ---- LEASE ----------------------------------------------------------------------------------- */

Test(daemon, grants_what_was_asked_for_and_says_what_that_is)
{
	int fd = client_hello(OPERATOR);
	const struct mmiod_wire_granted *granted =
		lease_element(fd, want("shm", 0x1000, 0x2000, WRITE, 0));
	const struct backend_window *window = &fake_window(&rig_fake, 1)->window;

	cr_assert_eq(granted->status, MMIOD_OK, "%s", answer_text(granted->text));
	cr_assert_eq(n_answer_fds, 1u);
	cr_assert_eq(granted->lease, 1u);
	cr_assert_eq(granted->offset, 0x1000u);
	cr_assert_eq(granted->length, 0x2000u);
	cr_assert_eq(granted->memtype, MMIOD_MEMTYPE_UC, "the region's first");
	cr_assert_eq(granted->share, MMIOD_SHARE_EXCLUSIVE, "the grant's");
	cr_assert_eq(granted->rights, WRITE);
	cr_assert_eq(granted->mmapable, 1u);
	cr_assert_eq(window->offset, 0x1000u);
	cr_assert_eq(window->length, 0x2000u);
	cr_assert_eq(window->memtype, MMIOD_MEMTYPE_UC);
}

Test(daemon, a_length_of_zero_means_to_the_end_and_width_zero_the_regions)
{
	int fd = client_hello(OPERATOR);
	const struct mmiod_wire_granted *granted =
		lease_element(fd, want("edu", 0x1000, 0, READ, 0));

	cr_assert_eq(granted->length, 0xf000u);
	cr_assert_eq(granted->width, 4u);
}

Test(daemon, windows_that_do_not_own_whole_pages_are_not_mapable)
{
	int fd = client_hello(OPERATOR);

	cr_assert_eq(lease_element(fd, want("shm", 0, 0x800, READ, 0))->mmapable, 0u);
	cr_assert_eq(lease_element(fd, want("shm", 0x1800, 0x1000, READ, 0))->mmapable, 0u);
	cr_assert_eq(lease_element(fd, want("shm", 0x4000, 0x1000, READ, 0))->mmapable, 1u);
}

Test(daemon, denies_who_has_no_grant_and_names_the_rule)
{
	int fd = client_hello(GUEST);

	lease_refused(fd, want("shm", 0, 0x1000, READ, 0), MMIOD_E_DENIED,
		      "denied: no grant lets user 4002 (uid 4002)");
	lease_refused(fd, want("shm", 0, 0x1000, READ, 0), MMIOD_E_DENIED,
		      "nearest is [grant operators] at ");
	fd = client_hello(4004);
	lease_refused(fd, want("edu", 0, 0x1000, WRITE, 0), MMIOD_E_DENIED, "[grant readers]");
	lease_refused(fd, want("edu", 0, 0x1000, READ, MMIOD_SHARE_EXCLUSIVE), MMIOD_E_DENIED,
		      "shared-write at most");
	cr_assert_eq(rig_fake.n_windows, 0u);
}

Test(daemon, refuses_regions_that_do_not_exist_and_escapes_their_names)
{
	int fd = client_hello(OPERATOR);
	struct mmiod_wire_want element = want("no\nsuch", 0, 1, READ, 0);

	lease_refused(fd, element, MMIOD_E_NOT_FOUND, "no\\x0asuch");
	memset(element.region, 'x', sizeof(element.region));
	lease_refused(fd, element, MMIOD_E_INVALID, "not terminated");
}

Test(daemon, an_address_stands_for_the_region_that_lies_there_and_its_policy)
{
	rig_write_config(
		"[region card]\ndevice = pci:0000:01:00.0\nbar = 2\nrange = 0x1000-0x1fff\n"
		"[grant all]\nregion = card\nuser = 4001\naccess = rw\n");
	rig_fake.claim_error = -ENODEV;
	rig_restart();
	lease_refused(client_hello(GUEST), want("0000:01:00.0/bar2", 0x1000, 4, READ, 0),
		      MMIOD_E_DENIED, "region card");
	lease_refused(client_hello(OPERATOR), want("0000:01:00.0/bar2", 0x1000, 4, READ, 0),
		      MMIOD_E_GONE, "the fake says no");
	lease_refused(client_hello(OPERATOR), want("0000:01:00.0/bar2", 0x2000, 4, READ, 0),
		      MMIOD_E_NOT_FOUND, "no region has byte 0x2000");
	lease_refused(client_hello(OPERATOR), want("0000:01:00.0/bar6", 0, 4, READ, 0),
		      MMIOD_E_NOT_FOUND, "there is no region \"0000:01:00.0/bar6\"");
}

Test(daemon, refuses_what_lies_outside_of_the_region_without_overflow)
{
	int fd = client_hello(OPERATOR);

	lease_refused(fd, want("shm", 0, 0x100001, READ, 0), MMIOD_E_INVALID, "outside");
	lease_refused(fd, want("shm", 0x100000, 1, READ, 0), MMIOD_E_INVALID, "outside");
	lease_refused(fd, want("shm", 0x100000, 0, READ, 0), MMIOD_E_INVALID, "outside");
	lease_refused(fd, want("shm", 0xfffff, 2, READ, 0), MMIOD_E_INVALID, "outside");
	lease_refused(fd, want("shm", 1, UINT64_MAX, READ, 0), MMIOD_E_INVALID, "outside");
	lease_refused(fd, want("shm", UINT64_MAX, 1, READ, 0), MMIOD_E_INVALID, "outside");
	cr_assert_eq(lease_element(fd, want("shm", 0xfffff, 1, READ, 0))->status, MMIOD_OK);
}

Test(daemon, refuses_widths_that_the_region_does_not_have)
{
	int fd = client_hello(OPERATOR);
	struct mmiod_wire_want element = want("edu", 0, 0x1000, READ, 0);

	element.width = 8;
	lease_refused(fd, element, MMIOD_E_INVALID, "by 32 bits, not 64");
	element.width = 3;
	lease_refused(fd, element, MMIOD_E_INVALID, "1, 2, 4 or 8");
	element.width = 16;
	lease_refused(fd, element, MMIOD_E_INVALID, "1, 2, 4 or 8");
	lease_refused(fd, want("edu", 2, 0x10, READ, 0), MMIOD_E_INVALID, "multiples of the width");
	lease_refused(fd, want("edu", 0, 0x11, READ, 0), MMIOD_E_INVALID, "multiples of the width");
}

Test(daemon, refuses_cache_attributes_that_the_region_does_not_list)
{
	int fd = client_hello(OPERATOR);
	struct mmiod_wire_want element = want("edu", 0, 0x1000, READ, 0);

	element.memtype = MMIOD_MEMTYPE_WC;
	lease_refused(fd, element, MMIOD_E_INVALID, "may not have memory type wc");
	element.memtype = 17;
	lease_refused(fd, element, MMIOD_E_UNSUPPORTED, "unknown");
	element = want("shm", 0, 0x1000, READ, 0);
	element.memtype = MMIOD_MEMTYPE_WC;
	cr_assert_eq(lease_element(fd, element)->memtype, MMIOD_MEMTYPE_WC);
}

Test(daemon, refuses_unknown_bits_and_reserved_fields_of_elements)
{
	int fd = client_hello(OPERATOR);
	struct mmiod_wire_want element = want("shm", 0, 0x1000, READ, 0);

	element.reserved = 1;
	lease_refused(fd, element, MMIOD_E_INVALID, "reserved");
	element = want("shm", 0, 0x1000, READ | 8, 0);
	lease_refused(fd, element, MMIOD_E_UNSUPPORTED, "right");
	element = want("shm", 0, 0x1000, READ, 0);
	element.flags = 0x80;
	lease_refused(fd, element, MMIOD_E_UNSUPPORTED, "flag");
	lease_refused(fd, want("shm", 0, 0x1000, READ, 9), MMIOD_E_UNSUPPORTED, "share");
	lease_refused(fd, want("shm", 0, 0x1000, MMIOD_RIGHT_WRITE, 0), MMIOD_E_INVALID,
		      "right to read");
	lease_refused(fd, want("shm", 0, 0x1000, 0, 0), MMIOD_E_INVALID, "right to read");
}

Test(daemon, a_conflict_names_the_holder)
{
	int first = client_hello(OPERATOR), second = client_hello(OTHER);

	cr_assert_eq(client_lease_one(first, 0x1000, 0x1000, NULL), MMIOD_OK);
	lease_refused(second, want("shm", 0x1800, 8, READ, 0), MMIOD_E_BUSY,
		      "held by user 4001 (uid 4001), pid ");
	lease_refused(second, want("shm", 0x1800, 8, READ, 0), MMIOD_E_BUSY,
		      "lease 1, exclusive, for 0 s");
	cr_assert_eq(client_lease_one(second, 0x2000, 0x1000, NULL), MMIOD_OK);
}

Test(daemon, the_same_user_conflicts_with_itself_too)
{
	int fd = client_hello(OPERATOR);

	cr_assert_eq(client_lease_one(fd, 0, 0x1000, NULL), MMIOD_OK);
	cr_assert_eq(client_lease_one(fd, 0, 0x1000, NULL), MMIOD_E_BUSY);
}

Test(daemon, a_window_that_was_closed_is_free_before_its_event_was_read)
{
	int fd = client_hello(OPERATOR);
	uint64_t lease;

	cr_assert_eq(client_lease_one(fd, 0, 0x1000, &lease), MMIOD_OK);
	fake_close_window(&rig_fake, lease);
	cr_assert_eq(rig_fake.n_events, 1u);
	cr_assert_eq(client_lease_one(fd, 0, 0x1000, NULL), MMIOD_OK);
}

Test(daemon, a_conflict_of_cache_attributes_names_both_and_the_holder)
{
	int fd = client_hello(OPERATOR), other = client_hello(OTHER);
	struct mmiod_wire_want element = want("shm", 0, 0x1000, READ, MMIOD_SHARE_WRITE);

	element.memtype = MMIOD_MEMTYPE_WC;
	cr_assert_eq(lease_element(fd, element)->status, MMIOD_OK);
	rig_fake.create_error = -EBUSY;
	rig_fake.create_conflict = 1;
	element.memtype = MMIOD_MEMTYPE_UC;
	lease_refused(other, element, MMIOD_E_BUSY, "has memory type wc, not uc, for user 4001");
	rig_fake.create_conflict = 0;
	lease_refused(other, element, MMIOD_E_BUSY, "in the way");
}

Test(daemon, what_the_module_refuses_fails_alone_and_leaves_no_trace)
{
	static const struct {
		int error;
		uint32_t status;
	} cases[] = {
		{ -ENOMEM, MMIOD_E_RESOURCES }, { -EMFILE, MMIOD_E_RESOURCES },
		{ -ENFILE, MMIOD_E_RESOURCES }, { -ENOSPC, MMIOD_E_QUOTA },
		{ -ENODEV, MMIOD_E_GONE },	{ -EIO, MMIOD_E_GONE },
		{ -EINVAL, MMIOD_E_INVALID },	{ -EOPNOTSUPP, MMIOD_E_UNSUPPORTED },
		{ -EFAULT, MMIOD_E_INTERNAL },
	};
	int fd = client_hello(OPERATOR);
	size_t before = open_fds();

	for (size_t i = 0; i < array_size(cases); i++) {
		rig_fake.create_error = cases[i].error;
		lease_refused(fd, want("shm", 0, 0x1000, READ, 0), cases[i].status, "");
	}
	rig_fake.create_error = 0;
	cr_assert_not(leases_count(&rig.broker.leases));
	cr_assert_eq(rig.broker.host.connections->charge.user->used[USER_LEASES], 0u);
	cr_assert_eq(open_fds(), before);
	cr_assert_eq(client_lease_one(fd, 0, 0x1000, NULL), MMIOD_OK);
}

/* The daemon itself asks no device why: reading its configuration space may take as long as a reset. */
Test(daemon, who_wants_a_device_that_does_not_answer_is_told_who_says_why)
{
	int fd = client_hello(OPERATOR);

	rig_fake.create_error = -EIO;
	lease_refused(fd, want("shm", 0, 0x1000, READ, 0), MMIOD_E_GONE, "\"mmioctl doctor\" says");
	lease_refused(fd, want("shm", 0, 0x1000, READ, 0), MMIOD_E_GONE, "shm does not answer");
}

Test(daemon, each_element_of_a_batch_has_its_own_outcome)
{
	int fd = client_hello(OPERATOR);
	struct mmiod_wire_want wants[4] = {
		want("shm", 0, 0x1000, READ, 0),
		want("none", 0, 0x1000, READ, 0),
		want("shm", 0, 0x1000, READ, 0),
		want("edu", 0, 0x1000, READ, 0),
	};
	const struct mmiod_wire_granted *granted;

	cr_assert_eq(client_lease(fd, wants, 4, 0), MMIOD_OK);
	granted = answer_element(0);
	cr_assert_eq(granted[0].status, MMIOD_OK);
	cr_assert_eq(granted[1].status, MMIOD_E_NOT_FOUND);
	cr_assert_eq(granted[2].status, MMIOD_E_BUSY, "by the first of the same batch");
	cr_assert_eq(granted[3].status, MMIOD_OK);
	cr_assert_eq(n_answer_fds, 2u, "one descriptor for each that was granted, in order");
}

Test(daemon, all_or_none_gives_back_what_it_had)
{
	int fd = client_hello(OPERATOR);
	struct mmiod_wire_want wants[3] = {
		want("shm", 0, 0x1000, READ, 0),
		want("shm", 0x1000, 0x1000, READ, 0),
		want("none", 0, 0x1000, READ, 0),
	};
	const struct mmiod_wire_granted *granted;
	size_t before = open_fds();

	cr_assert_eq(client_lease(fd, wants, 3, MMIOD_LEASE_ALL_OR_NONE), MMIOD_OK);
	granted = answer_element(0);
	cr_assert_eq(n_answer_fds, 0u);
	cr_assert_eq(open_fds(), before);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(granted[i].status, MMIOD_E_NOT_FOUND);
	cr_assert_eq(granted[0].lease, 0u);
	cr_assert_not_null(strstr(answer_text(granted[0].text), "element 2 was refused"));
	cr_assert_not_null(strstr(answer_text(granted[2].text), "no region"));
	cr_assert_not(leases_count(&rig.broker.leases));
	cr_assert_eq(rig_fake.n_windows, 0u, "none is made before all are known to be had");
	cr_assert_eq(client_lease(fd, wants, 2, MMIOD_LEASE_ALL_OR_NONE), MMIOD_OK);
	cr_assert_eq(n_answer_fds, 2u);
}

Test(daemon, leases_are_limited_for_each_user)
{
	int fd, other;

	rig_write_config("[daemon]\nleases-per-user = 2\n[region shm]\nphys = 0xf8000000\nsize = "
			 "1M\ncache = uc wc\n"
			 "[grant all]\nregion = shm\nuser = *\naccess = rw\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	fd = client_hello(OPERATOR);
	other = client_hello(OTHER);
	cr_assert_eq(client_lease_one(fd, 0, 16, NULL), MMIOD_OK);
	cr_assert_eq(client_lease_one(fd, 16, 16, NULL), MMIOD_OK);
	lease_refused(fd, want("shm", 32, 16, READ, 0), MMIOD_E_QUOTA, "leases-per-user");
	cr_assert_eq(client_lease_one(other, 32, 16, NULL), MMIOD_OK);
	fake_close_window(&rig_fake, 1);
	cr_assert_eq(client_lease_one(fd, 48, 16, NULL), MMIOD_OK,
		     "room again, without waiting for the event");
}

/* ---- RELEASE and REVOKE ---------------------------------------------------------------------- */

Test(daemon, released_bytes_are_free_even_while_the_file_is_open)
{
	int fd = client_hello(OPERATOR), other = client_hello(OTHER);
	uint64_t lease;

	cr_assert_eq(client_lease_one(fd, 0, 0x1000, &lease), MMIOD_OK);
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, lease), MMIOD_OK);
	cr_assert_eq(fake_window(&rig_fake, lease)->state, MMIOD_STATE_REVOKED,
		     "nobody else reaches the bytes");
	cr_assert_eq(client_lease_one(other, 0, 0x1000, NULL), MMIOD_OK);
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, lease), MMIOD_OK, "twice is no error");
	fake_close_window(&rig_fake, lease);
	events_drain(&rig.broker);
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, lease), MMIOD_E_NOT_FOUND);
	rig_turn();
	cr_assert_eq(client_receive(fd), -EAGAIN, "no event for what the holder did itself");
}

Test(daemon, nobody_releases_anothers_lease)
{
	int fd = client_hello(OPERATOR), other = client_hello(OTHER);
	uint64_t lease;

	cr_assert_eq(client_lease_one(fd, 0, 0x1000, &lease), MMIOD_OK);
	cr_assert_eq(client_end(other, MMIOD_OP_RELEASE, lease), MMIOD_E_DENIED);
	cr_assert_eq(fake_window(&rig_fake, lease)->state, MMIOD_STATE_OK);
}

Test(daemon, only_administrators_revoke)
{
	int fd = client_hello(OPERATOR), admin = client_hello(0);
	uint64_t lease;

	cr_assert_eq(client_lease_one(fd, 0, 0x1000, &lease), MMIOD_OK);
	cr_assert_eq(client_end(fd, MMIOD_OP_REVOKE, lease), MMIOD_E_DENIED);
	cr_assert_not_null(strstr(answer_text(answer.error.text), "[admin]"));
	cr_assert_eq(client_end(admin, MMIOD_OP_REVOKE, lease), MMIOD_OK);
	cr_assert_eq(fake_window(&rig_fake, lease)->state, MMIOD_STATE_REVOKED);
	cr_assert_eq(client_end(admin, MMIOD_OP_REVOKE, 4711), MMIOD_E_NOT_FOUND);
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.event.type, MMIOD_EVENT_REVOKED);
	cr_assert_eq(answer.event.lease, lease);
	cr_assert_not_null(
		strstr(answer_text(answer.event.text), "revoked by user root (uid 0), pid "));
}

Test(daemon, a_revocation_that_the_module_refuses_is_reported_as_such)
{
	int fd = client_hello(OPERATOR), admin = client_hello(0);
	uint64_t lease;

	cr_assert_eq(client_lease_one(fd, 0, 0x1000, &lease), MMIOD_OK);
	rig_fake.state_error = -EIO;
	cr_assert_eq(client_end(admin, MMIOD_OP_REVOKE, lease), MMIOD_E_INTERNAL);
	cr_assert_eq(client_lease_one(admin, 0, 0x1000, NULL), MMIOD_E_DENIED);
	rig_fake.state_error = 0;
	cr_assert_eq(lease_find(&rig.broker.leases, lease)->state, MMIOD_STATE_OK,
		     "it is still held");
}

Test(daemon, with_a_deadline_the_holder_is_asked_and_the_reply_comes_when_it_is_done)
{
	int fd = client_hello(OPERATOR), admin = client_hello(0);
	uint64_t lease;

	cr_assert_eq(client_lease_one(fd, 0, 0x1000, &lease), MMIOD_OK);
	send_end(admin, MMIOD_OP_REVOKE, 10000, &lease, 1);
	rig_turn();
	cr_assert_eq(client_receive(admin), -EAGAIN, "not yet");
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.event.type, MMIOD_EVENT_REVOKE_ASKED);
	cr_assert_eq(answer.event.deadline_ms, 10000u);
	cr_assert_eq(fake_window(&rig_fake, lease)->state, MMIOD_STATE_OK);
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, lease), MMIOD_OK);
	cr_assert_gt(client_receive(admin), 0, "long before the deadline");
	cr_assert_eq(((struct mmiod_wire_ended *)answer_element(0))->status, MMIOD_OK);
	cr_assert_null(rig.broker.revocations);
}

Test(daemon, a_holder_that_closes_the_file_has_done_what_was_asked)
{
	int fd = client_hello(OPERATOR), admin = client_hello(0);
	uint64_t lease;

	cr_assert_eq(client_lease_one(fd, 0, 0x1000, &lease), MMIOD_OK);
	send_end(admin, MMIOD_OP_REVOKE, 10000, &lease, 1);
	rig_turn();
	fake_close_window(&rig_fake, lease);
	events_drain(&rig.broker);
	rig_turn();
	cr_assert_gt(client_receive(admin), 0);
	cr_assert_eq(((struct mmiod_wire_ended *)answer_element(0))->status, MMIOD_OK);
}

Test(daemon, at_the_deadline_the_lease_is_taken)
{
	int fd = client_hello(OPERATOR), admin = client_hello(0);
	uint64_t lease[2];

	cr_assert_eq(client_lease_one(fd, 0, 0x1000, &lease[0]), MMIOD_OK);
	lease[1] = 99;
	send_end(admin, MMIOD_OP_REVOKE, 50, lease, 2);
	rig_wait(150);
	cr_assert_eq(fake_window(&rig_fake, lease[0])->state, MMIOD_STATE_REVOKED);
	cr_assert_gt(client_receive(admin), 0);
	cr_assert_eq(((struct mmiod_wire_ended *)answer_element(0))->status, MMIOD_OK);
	cr_assert_eq(((struct mmiod_wire_ended *)answer_element(1))->status, MMIOD_E_NOT_FOUND);
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.event.type, MMIOD_EVENT_REVOKE_ASKED);
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.event.type, MMIOD_EVENT_REVOKED);
}

Test(daemon, the_deadline_holds_even_if_the_administrator_hangs_up)
{
	int fd = client_hello(OPERATOR), admin = client_hello(0);
	uint64_t lease;

	cr_assert_eq(client_lease_one(fd, 0, 0x1000, &lease), MMIOD_OK);
	send_end(admin, MMIOD_OP_REVOKE, 50, &lease, 1);
	rig_turn();
	close(admin);
	rig_wait(150);
	cr_assert_eq(fake_window(&rig_fake, lease)->state, MMIOD_STATE_REVOKED);
	cr_assert_null(rig.broker.revocations);
}

Test(daemon, a_holder_without_a_connection_is_not_asked)
{
	int fd = client_hello(OPERATOR), admin = client_hello(0);
	uint64_t lease;

	cr_assert_eq(client_lease_one(fd, 0, 0x1000, &lease), MMIOD_OK);
	close(fd);
	rig_turn();
	send_end(admin, MMIOD_OP_REVOKE, 10000, &lease, 1);
	rig_turn();
	cr_assert_gt(client_receive(admin), 0, "nobody to wait for");
	cr_assert_eq(fake_window(&rig_fake, lease)->state, MMIOD_STATE_REVOKED);
}

Test(daemon, revocations_under_way_and_deadlines_are_limited)
{
	int fd = client_hello(OPERATOR), admin = client_hello(0);
	uint64_t lease;

	cr_assert_eq(client_lease_one(fd, 0, 0x1000, &lease), MMIOD_OK);
	for (int i = 0; i < 17; i++)
		send_end(admin, MMIOD_OP_REVOKE, 60000, &lease, 1);
	rig_turn();
	cr_assert_gt(client_receive(admin), 0);
	cr_assert_eq(answer.msg.status, MMIOD_E_QUOTA);
	cr_assert_eq(client_receive(admin), -EAGAIN);
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.event.type, MMIOD_EVENT_REVOKE_ASKED);
	cr_assert_eq(client_receive(fd), -EAGAIN, "asked again before it read: told once");
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, lease), MMIOD_OK);
	for (int i = 0; i < 16; i++)
		cr_assert_gt(client_receive(admin), 0);
	send_end(admin, MMIOD_OP_REVOKE, UINT32_MAX, &lease, 1);
	rig_turn();
	cr_assert_gt(client_receive(admin), 0);
	cr_assert_eq(answer.msg.status, MMIOD_E_INVALID);
}

/* ---- lists ----------------------------------------------------------------------------------- */

Test(daemon, lists_the_regions_that_a_grant_shows)
{
	int fd = client_hello(4004);
	const struct mmiod_wire_region *region;

	cr_assert_eq(client_list(fd, MMIOD_OP_REGIONS, 0), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 1u);
	region = answer_element(0);
	cr_assert_str_eq(region->name, "edu");
	cr_assert_eq(region->rights, READ);
	cr_assert_eq(region->width, 4u);
	cr_assert_eq(region->phys, 0u, "physical addresses are for administrators");
	cr_assert_eq(client_list(client_hello(GUEST), MMIOD_OP_REGIONS, 0), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 0u);
	cr_assert_eq(client_list(client_hello(0), MMIOD_OP_REGIONS, 0), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 2u);
	region = answer_element(0);
	cr_assert_eq(region->phys, 0xf8000000u);
	cr_assert_eq(region->rights, 0u, "root has no grant");
	cr_assert_eq(client_list(client_hello(0), MMIOD_OP_REGIONS, region->id), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 1u, "the cursor skips what was seen");
}

Test(daemon, lists_own_leases_and_all_to_administrators)
{
	int fd = client_hello(OPERATOR), other = client_hello(OTHER);
	const struct mmiod_wire_lease *lease;

	cr_assert_eq(client_lease_one(fd, 0, 0x1000, NULL), MMIOD_OK);
	cr_assert_eq(client_lease_one(other, 0x1000, 0x1000, NULL), MMIOD_OK);
	fake_window(&rig_fake, 2)->faults = 17;
	cr_assert_eq(client_list(other, MMIOD_OP_LEASES, 0), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 1u);
	lease = answer_element(0);
	cr_assert_eq(lease->id, 2u);
	cr_assert_eq(lease->uid, (uint32_t)OTHER);
	cr_assert_eq(lease->pid, (uint32_t)getpid());
	cr_assert_eq(lease->faults, 17u, "from the ledger");
	cr_assert_str_eq(lease->region, "shm");
	cr_assert_eq(client_list(client_hello(0), MMIOD_OP_LEASES, 0), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 2u);
	cr_assert_eq(client_list(client_hello(GUEST), MMIOD_OP_LEASES, 0), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 0u);
}

/* ---- the module's events --------------------------------------------------------------------- */

Test(daemon, tells_the_holder_that_its_device_has_gone_and_why)
{
	int fd = client_hello(OPERATOR);
	uint64_t lease;

	cr_assert_eq(client_lease_one(fd, 0, 0x1000, &lease), MMIOD_OK);
	fake_remove_device(&rig_fake, "shm");
	events_drain(&rig.broker);
	rig_turn();
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.event.type, MMIOD_EVENT_GONE);
	cr_assert_eq(answer.event.lease, lease);
	cr_assert_eq(client_receive(fd), -EAGAIN, "once");
	lease_refused(fd, want("shm", 0x1000, 0x1000, READ, 0), MMIOD_E_GONE, "has gone");
	cr_assert_eq(client_status(fd), MMIOD_OK);
	cr_assert_eq(answer.status.regions_missing, 1u);
}

Test(daemon, tells_of_a_device_that_goes_even_while_it_is_going)
{
	int fd = client_hello(OPERATOR);

	cr_assert_eq(client_lease_one(fd, 0, 0x1000, NULL), MMIOD_OK);
	fake_begin_removal(&rig_fake, "shm");
	events_drain(&rig.broker);
	rig_turn();
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.event.type, MMIOD_EVENT_GONE);
	lease_refused(fd, want("shm", 0x1000, 0x1000, READ, 0), MMIOD_E_GONE, "has gone");
}

Test(daemon, claims_a_region_again_when_its_device_is_back_although_old_windows_live)
{
	int fd = client_hello(OPERATOR);

	cr_assert_eq(client_lease_one(fd, 0, 0x1000, NULL), MMIOD_OK);
	fake_remove_device(&rig_fake, "shm");
	rig_fake.claim_error = -ENODEV;
	events_drain(&rig.broker);
	rig_turn();
	client_receive(fd);
	rig_fake.claim_error = 0;
	fake_event(&rig_fake, MMIOD_CONTROL_DEVICE_BOUND, 2, 0x100);
	events_drain(&rig.broker);
	cr_assert_eq(client_lease_one(fd, 0, 0x1000, NULL), MMIOD_OK);
	cr_assert_eq(regions_missing(&rig.broker), 0u);
	fake_close_window(&rig_fake, 1);
	events_drain(&rig.broker);
	cr_assert_not_null(lease_find(&rig.broker.leases, 2));
}

Test(daemon, a_lease_asked_for_right_after_the_device_went_says_so)
{
	int fd = client_hello(OPERATOR);

	fake_remove_device(&rig_fake, "shm");
	rig_fake.create_error = -ENOENT;
	lease_refused(fd, want("shm", 0, 0x1000, READ, 0), MMIOD_E_GONE, "has gone");
}

Test(daemon, suspend_and_resume_reach_the_holder)
{
	int fd = client_hello(OPERATOR);
	uint64_t lease;

	cr_assert_eq(client_lease_one(fd, 0, 0x1000, &lease), MMIOD_OK);
	fake_event(&rig_fake, MMIOD_CONTROL_REGION_STATE, MMIOD_WINDOW_SUSPENDED, 1);
	events_drain(&rig.broker);
	rig_turn();
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.event.type, MMIOD_EVENT_SUSPENDED);
	fake_event(&rig_fake, MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_OK, lease);
	fake_event(&rig_fake, MMIOD_CONTROL_REGION_STATE, MMIOD_WINDOW_OK, 1);
	events_drain(&rig.broker);
	rig_turn();
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.event.type, MMIOD_EVENT_RESUMED);
	cr_assert_eq(client_receive(fd), -EAGAIN);
}

Test(daemon, a_reset_ends_the_leases_of_a_region_that_says_so)
{
	int fd = client_hello(OPERATOR), other = client_hello(OTHER);
	uint64_t lease, spared, handle;

	rig_write_config("[region shm]\ndevice = pci:0000:01:00.0\nbar = 2\nsize = 1M\n"
			 "on-reset = revoke\n"
			 "[region edu]\nphys = 0xfea00000\nsize = 64K\nwidth = 32\n"
			 "[grant operators]\nregion = shm edu\nuser = 4001 4003\naccess = rw\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	handle = region_find(&rig.broker.regions, "shm")->hw.handle;
	cr_assert_eq(client_lease_one(fd, 0, 0x1000, &lease), MMIOD_OK);
	spared = lease_element(other, want("edu", 0, 0x1000, READ, 0))->lease;
	fake_event(&rig_fake, MMIOD_CONTROL_REGION_STATE, MMIOD_WINDOW_SUSPENDED, handle);
	/* The module does not wait for the daemon. */
	rig_fake.backend.ops->set_state(&rig_fake.backend, lease, MMIOD_STATE_REVOKED);
	events_drain(&rig.broker);
	fake_event(&rig_fake, MMIOD_CONTROL_REGION_STATE, MMIOD_WINDOW_OK, handle);
	events_drain(&rig.broker);
	rig_turn();
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.event.type, MMIOD_EVENT_REVOKED);
	cr_assert_eq(answer.event.lease, lease);
	cr_assert_not_null(strstr(answer_text(answer.event.text), "on-reset = revoke"));
	cr_assert_eq(fake_window(&rig_fake, lease)->state, MMIOD_STATE_REVOKED);
	cr_assert_eq(fake_window(&rig_fake, spared)->state, MMIOD_STATE_OK);
	cr_assert_lt(client_receive(fd), 0, "it does not resume");
	cr_assert_eq(client_lease_one(fd, 0, 0x1000, NULL), MMIOD_OK);
}

Test(daemon, a_revocation_by_another_program_is_told_as_one)
{
	int fd = client_hello(OPERATOR);
	uint64_t lease;

	cr_assert_eq(client_lease_one(fd, 0, 0x1000, &lease), MMIOD_OK);
	rig_fake.backend.ops->set_state(&rig_fake.backend, lease, MMIOD_STATE_REVOKED);
	events_drain(&rig.broker);
	rig_turn();
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.event.type, MMIOD_EVENT_REVOKED);
	cr_assert_eq(client_lease_one(fd, 0, 0x1000, NULL), MMIOD_OK);
}

Test(daemon, reads_the_ledger_again_when_events_were_lost)
{
	int fd = client_hello(OPERATOR);

	for (int i = 0; i < 5; i++)
		cr_assert_eq(client_lease_one(fd, (uint64_t)i << 12, 0x1000, NULL), MMIOD_OK);
	fake_close_window(&rig_fake, 2);
	fake_close_window(&rig_fake, 5);
	fake_window(&rig_fake, 3)->state = MMIOD_STATE_REVOKED;
	rig_fake.n_events = 0;
	fake_event(&rig_fake, MMIOD_CONTROL_OVERFLOW, 0, 0);
	events_drain(&rig.broker);
	cr_assert_null(lease_find(&rig.broker.leases, 2));
	cr_assert_null(lease_find(&rig.broker.leases, 5));
	cr_assert_eq(lease_find(&rig.broker.leases, 3)->state, MMIOD_STATE_REVOKED);
	cr_assert_eq(lease_find(&rig.broker.leases, 4)->state, MMIOD_STATE_OK);
	cr_assert_eq(leases_count(&rig.broker.leases), 3u);
}

Test(daemon, forgets_just_those_that_ended_while_events_were_lost)
{
	int fd = client_hello(OPERATOR);
	uint64_t leases[40];

	for (uint64_t i = 0; i < array_size(leases); i++)
		cr_assert_eq(client_lease_one(fd, i << 12, 4096, &leases[i]), MMIOD_OK);
	for (size_t i = 0; i < array_size(leases); i++)
		if (i < 5 || i % 3 == 0 || i > 35)
			fake_close_window(&rig_fake, leases[i]);
	rig_fake.n_events = 0;
	fake_event(&rig_fake, MMIOD_CONTROL_OVERFLOW, 0, 0);
	events_drain(&rig.broker);
	for (size_t i = 0; i < array_size(leases); i++)
		cr_assert_eq(lease_find(&rig.broker.leases, leases[i]) == NULL,
			     i < 5 || i % 3 == 0 || i > 35, "lease %zu", i);
}

Test(daemon, notices_a_device_that_went_while_events_were_lost)
{
	int fd = client_hello(OPERATOR);

	cr_assert_eq(client_lease_one(fd, 0, 0x1000, NULL), MMIOD_OK);
	fake_remove_device(&rig_fake, "shm");
	rig_fake.n_events = 0;
	rig_fake.claim_error = -ENODEV;
	fake_event(&rig_fake, MMIOD_CONTROL_OVERFLOW, 0, 0);
	events_drain(&rig.broker);
	rig_turn();
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.event.type, MMIOD_EVENT_GONE);
	cr_assert_eq(regions_missing(&rig.broker), 1u);
	rig_fake.claim_error = 0;
	fake_event(&rig_fake, MMIOD_CONTROL_OVERFLOW, 0, 0);
	events_drain(&rig.broker);
	cr_assert_eq(client_lease_one(fd, 0, 0x1000, NULL), MMIOD_OK, "and one that came back");
}

Test(daemon, events_wait_for_a_slow_reader_without_growing)
{
	int fd = client_hello(OPERATOR);
	unsigned int received = 0;

	for (int i = 0; i < 60; i++)
		cr_assert_eq(client_lease_one(fd, (uint64_t)i << 12, 0x1000, NULL), MMIOD_OK);
	for (int round = 0; round < 200; round++) {
		fake_event(&rig_fake, MMIOD_CONTROL_REGION_STATE, MMIOD_WINDOW_SUSPENDED, 1);
		fake_event(&rig_fake, MMIOD_CONTROL_REGION_STATE, MMIOD_WINDOW_OK, 1);
		events_drain(&rig.broker);
		rig_turn();
	}
	cr_assert_eq(rig.broker.host.n_connections, 1u);
	cr_assert_null(rig.broker.host.connections->queue);
	while (client_receive(fd) > 0) {
		received++;
		rig_turn();
	}
	cr_assert_gt(received, 60u);
	cr_assert_lt(received, 60u * 200u);
	cr_assert_eq(client_status(fd), MMIOD_OK);
}

/* ---- connections and restarts ---------------------------------------------------------------- */

Test(daemon, leases_outlive_their_connection_unless_they_were_to_end_with_it)
{
	int fd = client_hello(OPERATOR);
	struct mmiod_wire_want element = want("shm", 0x1000, 0x1000, READ, 0);

	cr_assert_eq(client_lease_one(fd, 0, 0x1000, NULL), MMIOD_OK);
	element.flags = MMIOD_LEASE_CONNECTION;
	cr_assert_eq(lease_element(fd, element)->status, MMIOD_OK);
	close(fd);
	rig_turn();
	cr_assert_eq(fake_window(&rig_fake, 1)->state, MMIOD_STATE_OK);
	cr_assert_eq(fake_window(&rig_fake, 2)->state, MMIOD_STATE_REVOKED);
	fd = client_hello(OTHER);
	cr_assert_eq(client_lease_one(fd, 0, 0x1000, NULL), MMIOD_E_BUSY);
	cr_assert_eq(client_lease_one(fd, 0x1000, 0x1000, NULL), MMIOD_OK);
}

/* As many as the backend's queue cannot hold the events of. */
Test(daemon, a_connection_with_many_leases_that_end_with_it_loses_no_event)
{
	struct mmiod_wire_want wants[16];
	int fd = client_hello(OPERATOR);

	for (uint64_t n = 0; n < FAKE_MAX; n += array_size(wants)) {
		for (uint64_t i = 0; i < array_size(wants); i++) {
			wants[i] = want("shm", (n + i) << 10, 1024, MMIOD_RIGHT_READ, 0);
			wants[i].flags = MMIOD_LEASE_CONNECTION;
		}
		cr_assert_eq(client_lease(fd, wants, array_size(wants), 0), MMIOD_OK);
	}
	client_close_fds();
	close(fd);
	rig_turn();
	events_drain(&rig.broker);
	cr_assert_eq(rig.broker.host.counters.revocations[MMIOD_CAUSE_CONNECTION], FAKE_MAX);
	cr_assert_eq(rig.broker.host.counters.events_lost, 0u);
}

/* The clock of ages stands, but for what the test lets pass. */
static void began_a_moment_ago(uint64_t started, const char *what)
{
	uint64_t now = (uint64_t)time(NULL);

	cr_assert(started <= now && now - started <= 5, "%s: at %llu, and it is %llu", what,
		  (unsigned long long)started, (unsigned long long)now);
}

static void see_ages(void)
{
	int admin = client_hello(0), other = client_hello(OTHER);

	cr_assert_eq(client_list(admin, MMIOD_OP_LEASES, 0), MMIOD_OK);
	began_a_moment_ago(((struct mmiod_wire_lease *)answer_element(0))->started, "a lease");
	cr_assert_eq(client_list(admin, MMIOD_OP_CLIENTS, 0), MMIOD_OK);
	began_a_moment_ago(((struct mmiod_wire_client *)answer_element(0))->started, "a client");
	cr_assert_eq(client_status(admin), MMIOD_OK);
	began_a_moment_ago(answer.status.started, "the daemon");
	lease_refused(other, want("shm", 0, 0x1000, READ, 0), MMIOD_E_BUSY, "for 2 s");
	close(admin);
	close(other);
}

/* A board without a battery starts in 1970; a clock that was wrong may be set back as well. */
Test(daemon, nothing_gets_older_or_younger_when_the_time_of_day_is_set)
{
	static const time_t half_a_century = 50ll * 365 * 86400;
	int fd = client_hello(OPERATOR);

	cr_assert_eq(client_lease_one(fd, 0, 0x1000, NULL), MMIOD_OK);
	clock_advance(2000);
	clock_set_day(half_a_century);
	see_ages();
	clock_set_day(-half_a_century);
	see_ages();
	rig_restart();
	see_ages();
	clock_set_day(half_a_century);
	see_ages();
}

Test(daemon, a_restarted_one_lists_its_leases_again_and_keeps_others_out)
{
	int fd = client_hello(OPERATOR);
	const struct mmiod_wire_lease *lease;
	uint64_t epoch = rig.broker.epoch;

	cr_assert_eq(client_lease_one(fd, 0, 0x1000, NULL), MMIOD_OK);
	cr_assert_eq(lease_element(fd, want("edu", 0, 0x100, READ, MMIOD_SHARE_READ))->status,
		     MMIOD_OK);
	rig_restart();
	cr_assert_neq(rig.broker.epoch, epoch);
	cr_assert_eq(rig_fake.n_regions, 2u, "claims are taken over, not made again");
	fd = client_hello(0);
	cr_assert_eq(client_list(fd, MMIOD_OP_LEASES, 0), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 2u);
	lease = answer_element(1);
	cr_assert_eq(lease->uid, (uint32_t)OPERATOR);
	cr_assert_eq(lease->share, MMIOD_SHARE_READ);
	cr_assert_eq(lease->rights, READ);
	cr_assert_str_neq(lease->comm, "");
	cr_assert_gt(lease->started, 1500000000u);
	fd = client_hello(OTHER);
	lease_refused(fd, want("shm", 0, 0x1000, READ, 0), MMIOD_E_BUSY, "user 4001");
	cr_assert_eq(lease_element(fd, want("edu", 0, 0x100, READ, MMIOD_SHARE_READ))->status,
		     MMIOD_OK);
	cr_assert_eq(client_end(client_hello(0), MMIOD_OP_REVOKE, 1), MMIOD_OK);
	cr_assert_eq(fake_window(&rig_fake, 1)->state, MMIOD_STATE_REVOKED);
}

Test(daemon, a_hundred_restarts_lose_and_double_no_lease)
{
	uint64_t kept, passing = 0;

	cr_assert_eq(client_lease_one(client_hello(OPERATOR), 0, 0x1000, &kept), MMIOD_OK);
	for (int i = 0; i < 100; i++) {
		int fd, other;

		rig_restart();
		fd = client_hello(OPERATOR);
		other = client_hello(OTHER);
		/*
		 * What the last daemon granted in its last moment, the client never got: its file
		 * went on the way.
		 */
		if (passing)
			fake_close_window(&rig_fake, passing);
		cr_assert_eq(client_lease_one(other, 0, 0x1000, NULL), MMIOD_E_BUSY);
		cr_assert_eq(client_lease_one(fd, 0x1000, 0x1000, &passing), MMIOD_OK);
		cr_assert_eq(leases_count(&rig.broker.leases), rig_fake.n_windows);
		cr_assert_eq(rig_fake.n_windows, 2u);
		cr_assert_not_null(lease_find(&rig.broker.leases, kept));
		close(fd);
		close(other);
	}
}

Test(daemon, a_process_that_comes_back_after_a_restart_hears_of_its_leases_again)
{
	int fd = client_hello(OPERATOR), stranger;
	uint64_t lease;

	cr_assert_eq(client_lease_one(fd, 0, 0x1000, &lease), MMIOD_OK);
	rig_restart();
	stranger = client_hello(OTHER);
	fd = client_hello(OPERATOR);
	cr_assert_eq(client_end(client_hello(0), MMIOD_OP_REVOKE, lease), MMIOD_OK);
	rig_turn();
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.event.type, MMIOD_EVENT_REVOKED);
	cr_assert_eq(client_receive(stranger), -EAGAIN);
}

Test(daemon, another_process_of_the_same_user_does_not_hear_of_them)
{
	int fd = client_hello(OPERATOR);
	uint64_t lease;

	cr_assert_eq(client_lease_one(fd, 0, 0x1000, &lease), MMIOD_OK);
	lease_find(&rig.broker.leases, lease)->holder.pid++;
	close(fd);
	rig_turn();
	fd = client_hello(OPERATOR);
	cr_assert_eq(client_end(client_hello(0), MMIOD_OP_REVOKE, lease), MMIOD_OK);
	cr_assert_eq(client_receive(fd), -EAGAIN);
}

/* All clients here have one pid: to the daemon it is the same number, come up again. */
Test(daemon, a_pid_that_is_another_users_now_inherits_nothing)
{
	int fd = client_hello(4001), other, admin = client_hello(0);
	uint64_t lease;

	cr_assert_eq(client_lease_one(fd, 0, 0x1000, &lease), MMIOD_OK);
	close(fd);
	rig_turn();
	other = client_hello(4002);
	cr_assert_eq(client_end(other, MMIOD_OP_RELEASE, lease), MMIOD_E_DENIED);
	cr_assert_eq(client_end(admin, MMIOD_OP_REVOKE, lease), MMIOD_OK);
	rig_turn();
	cr_assert_eq(client_receive(other), -EAGAIN, "it is told nothing of it");
}

Test(daemon, a_restarted_one_believes_the_ledger_rather_than_the_tag)
{
	int fd = client_hello(OPERATOR);

	cr_assert_eq(client_lease_one(fd, 0, 0x1000, NULL), MMIOD_OK);
	fake_window(&rig_fake, 1)->window.rights = READ;
	rig_restart();
	cr_assert_eq(lease_find(&rig.broker.leases, 1)->rights, (uint32_t)READ);
}

Test(daemon, leases_that_end_with_their_connection_end_when_none_comes_back_after_a_restart)
{
	int fd = client_hello(OPERATOR);
	struct mmiod_wire_want element = want("shm", 0, 0x1000, READ, 0);

	element.flags = MMIOD_LEASE_CONNECTION;
	cr_assert_eq(lease_element(fd, element)->status, MMIOD_OK);
	rig_restart();
	cr_assert_eq(fake_window(&rig_fake, 1)->state, MMIOD_STATE_OK,
		     "there is time to come back");
	fd = client_hello(OPERATOR);
	ledger_end_grace(&rig.broker);
	rig_turn();
	cr_assert_eq(fake_window(&rig_fake, 1)->state, MMIOD_STATE_OK, "it came back");
	rig_restart();
	ledger_end_grace(&rig.broker);
	rig_turn();
	cr_assert_eq(fake_window(&rig_fake, 1)->state, MMIOD_STATE_REVOKED);
}

Test(daemon, windows_of_other_programs_are_respected)
{
	struct backend_window window = {
		.region = 1, .offset = 0, .length = 0x1000, .rights = READ
	};
	struct backend_created created;
	int fd;

	cr_assert_eq(rig_fake.backend.ops->create(&rig_fake.backend, &window, &created), 0);
	close(created.fd);
	rig_restart();
	fd = client_hello(OPERATOR);
	lease_refused(fd, want("shm", 0, 0x1000, READ, MMIOD_SHARE_WRITE), MMIOD_E_BUSY,
		      "another program");
	cr_assert_eq(client_list(fd, MMIOD_OP_LEASES, 0), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 0u);
}

Test(daemon, claims_that_the_configuration_no_longer_wants_are_given_back_when_idle)
{
	int fd = client_hello(OPERATOR);

	cr_assert_eq(client_lease_one(fd, 0, 0x1000, NULL), MMIOD_OK);
	rig_write_config("[daemon]\n");
	rig_restart();
	cr_assert_eq(rig_fake.n_regions, 1u, "edu went, shm is held");
	cr_assert_str_eq(rig_fake.regions[0].name, "shm");
	fake_close_window(&rig_fake, 1);
	events_drain(&rig.broker);
	cr_assert_eq(rig_fake.n_regions, 0u);
	cr_assert_null(rig.broker.regions.table);
}

/* ---- reloading ------------------------------------------------------------------------------- */

Test(daemon, a_bad_configuration_leaves_the_old_one_in_force_and_says_so)
{
	int fd = client_hello(OPERATOR);

	rig_write_config("[region shm]\nbra = 1\n");
	cr_assert_lt(daemon_reload(&rig), 0);
	cr_assert_eq(client_lease_one(fd, 0, 0x1000, NULL), MMIOD_OK);
	cr_assert_eq(client_status(fd), MMIOD_OK);
	cr_assert_not_null(strstr(answer_text(answer.status.warning), "rig.conf:2: unknown key"));
	rig_write_config(config);
	cr_assert_eq(daemon_reload(&rig), 0);
	cr_assert_eq(client_status(fd), MMIOD_OK);
	cr_assert_eq(answer.status.warning.length, 0u);
}

Test(daemon, a_grant_that_is_taken_away_stops_new_leases_and_no_old_ones)
{
	int fd = client_hello(OPERATOR);

	cr_assert_eq(client_lease_one(fd, 0, 0x1000, NULL), MMIOD_OK);
	rig_write_config("[region shm]\nphys = 0xf8000000\nsize = 1M\ncache = uc wc\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	cr_assert_eq(client_lease_one(fd, 0x1000, 0x1000, NULL), MMIOD_E_DENIED);
	cr_assert_eq(fake_window(&rig_fake, 1)->state, MMIOD_STATE_OK);
	cr_assert_eq(rig_fake.n_regions, 1u, "edu is no longer asked for");
}

Test(daemon, a_region_that_changes_is_claimed_anew_when_its_last_lease_has_ended)
{
	int fd = client_hello(OPERATOR);

	cr_assert_eq(client_lease_one(fd, 0, 0x1000, NULL), MMIOD_OK);
	rig_write_config(
		"[region shm]\nphys = 0xf8000000\nsize = 2M\n[grant a]\nregion = shm\nuser = *\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	cr_assert_eq(region_find(&rig.broker.regions, "shm")->hw.length, 1u << 20);
	fake_close_window(&rig_fake, 1);
	events_drain(&rig.broker);
	cr_assert_eq(region_find(&rig.broker.regions, "shm")->hw.length, 2u << 20);
}

Test(daemon, a_region_that_was_removed_is_not_leased_any_more_while_others_still_hold_it)
{
	int fd = client_hello(OPERATOR);

	cr_assert_eq(client_lease_one(fd, 0, 0x1000, NULL), MMIOD_OK);
	rig_write_config("[daemon]\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	lease_refused(fd, want("shm", 0x1000, 0x1000, READ, 0), MMIOD_E_NOT_FOUND, "no region");
	rig_write_config(config);
	cr_assert_eq(daemon_reload(&rig), 0);
	cr_assert_eq(client_lease_one(fd, 0x1000, 0x1000, NULL), MMIOD_OK,
		     "it came back before it was given back");
}

Test(daemon, a_region_that_is_not_configured_any_more_is_not_missing)
{
	int fd = client_hello(OPERATOR), root = client_hello(0);

	cr_assert_eq(client_lease_one(fd, 0, 4096, NULL), MMIOD_OK);
	rig_write_config("");
	cr_assert_eq(daemon_reload(&rig), 0);
	fake_remove_device(&rig_fake, "shm");
	events_drain(&rig.broker);
	cr_assert_eq(client_status(root), MMIOD_OK);
	cr_assert_eq(answer.status.regions_missing, 0u);
	cr_assert_eq(answer.status.warning.length, 0u, "%s", answer_text(answer.status.warning));
}

Test(daemon, a_region_that_cannot_be_had_is_missing_with_the_reason)
{
	int fd = client_hello(0);

	rig_fake.claim_error = -EBUSY;
	rig_write_config(
		"[region new]\nphys = 0x1000000\nsize = 4K\n[grant a]\nregion = new\nuser = *\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	lease_refused(fd, want("new", 0, 0x1000, READ, 0), MMIOD_E_GONE,
		      "region new is not there: the fake says no");
	cr_assert_eq(client_status(fd), MMIOD_OK);
	cr_assert_not_null(strstr(answer_text(answer.status.warning),
				  "region new is missing: the fake says no"));
	rig_fake.claim_error = 0;
	fake_event(&rig_fake, MMIOD_CONTROL_DEVICE_BOUND, 1, 0x100);
	events_drain(&rig.broker);
	cr_assert_eq(lease_element(fd, want("new", 0, 0x1000, READ, 0))->status, MMIOD_OK);
}

Test(daemon, a_region_that_nobody_has_seen_yet_is_listed_as_it_is_configured)
{
	const struct mmiod_wire_region *region;
	int fd = client_hello(0);

	rig_fake.claim_error = -ENODEV;
	rig_write_config("[region new]\ndevice = pci:0000:07:00.1\nbar = 3\nrange = 0x0-0xfff\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	cr_assert_eq(client_list(fd, MMIOD_OP_REGIONS, 0), MMIOD_OK);
	region = answer_element(answer.msg.count - 1);
	cr_assert_str_eq(region->name, "new");
	cr_assert_str_eq(region->device, "0000:07:00.1");
	cr_assert_eq(region->bar, 3);
	cr_assert_eq(region->length, 0x1000);
	cr_assert_eq(region->state, MMIOD_STATE_REVOKED);
}
