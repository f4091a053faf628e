// SPDX-License-Identifier: MIT
/* INTERRUPT, DEVICES and INTERRUPTS: leases of vectors, from the request to the module's ledger. */
#include <criterion/criterion.h>
#include <string.h>
#include "support/rig.h"

#define ALICE 4001
#define BOB 4002
#define GUEST 4999
#define NVME MMIOD_PCI_ADDR(0, 1, 0, 0)

#define DEVICES                                                                       \
	"[device nvme0]\ndevice = pci:0000:01:00.0\ninterrupts = msix\nvectors = 8\n" \
	"dma = trusted\nstorm = 1000/s\n"                                             \
	"[device edu]\ndevice = pci:0000:02:00.0\ninterrupts = auto\n"                \
	"[device quiet]\ndevice = pci:0000:03:00.0\n"
#define GRANT "[grant drivers]\ndevice = *\nuser = 4001 4002\ninterrupts = yes\n"

static void start(void)
{
	rig_start(DEVICES GRANT "[region shm]\nphys = 0x10000000\nsize = 1M\n"
				"[grant shm]\nregion = shm\nuser = 4001\naccess = rw\n");
}

TestSuite(interrupt, .init = start, .fini = rig_stop);

static uint64_t lease_vector(int fd, const char *device, uint32_t number)
{
	struct mmiod_wire_interrupt element = vector(device, number);
	const struct mmiod_wire_granted *granted;

	cr_assert_eq(client_interrupt(fd, &element, 1, 0), MMIOD_OK);
	granted = answer_element(0);
	cr_assert_eq(granted->status, MMIOD_OK, "%s", answer_text(granted->text));
	cr_assert_eq(n_answer_fds, 1u);
	return granted->lease;
}

/* ---- what is granted ------------------------------------------------------------------------- */

Test(interrupt, a_vector_is_granted_as_a_file_with_its_kind_and_how_many_there_are)
{
	int fd = client_hello(ALICE);
	uint64_t id = lease_vector(fd, "nvme0", 3);
	const struct mmiod_wire_granted *granted = answer_element(0);
	const struct backend_interrupt *made = &rig_fake.interrupts[id % FAKE_MAX];

	cr_assert_eq(granted->offset, 3u);
	cr_assert_eq(granted->length, 1u);
	cr_assert_eq(granted->interrupt, MMIOD_IRQ_MSIX);
	cr_assert_eq(granted->vectors, 8u);
	cr_assert_eq(granted->mmapable, 0u);
	cr_assert_eq(made->device, NVME);
	cr_assert_eq(made->vector, 3u);
	cr_assert_eq(made->vectors, 8u);
	cr_assert_eq(made->owner, ALICE + 1u);
	cr_assert_eq(made->budget, 100u, "in 100 ms");
	cr_assert_eq(made->flags, MMIOD_INTERRUPT_TRUSTED, "the administrator's word");
}

Test(interrupt, flags_go_to_the_module_and_a_line_needs_no_trust)
{
	int fd = client_hello(ALICE);
	struct mmiod_wire_interrupt element = vector("edu", 0);
	const struct mmiod_wire_granted *granted;

	element.flags = MMIOD_VECTOR_ONESHOT | MMIOD_VECTOR_MASKED;
	cr_assert_eq(client_interrupt(fd, &element, 1, 0), MMIOD_OK);
	granted = answer_element(0);
	cr_assert_eq(granted->interrupt, MMIOD_IRQ_INTX);
	cr_assert_eq(rig_fake.interrupts[granted->lease % FAKE_MAX].flags,
		     MMIOD_INTERRUPT_ONESHOT | MMIOD_INTERRUPT_MASKED);
}

Test(interrupt, a_message_carries_sixteen_vectors_and_all_or_none_of_them)
{
	struct mmiod_wire_interrupt elements[MMIOD_MSG_FDS_MAX];
	int fd = client_hello(ALICE);

	for (uint32_t i = 0; i < array_size(elements); i++)
		elements[i] = vector("nvme0", i);
	cr_assert_eq(client_interrupt(fd, elements, 16, MMIOD_LEASE_ALL_OR_NONE), MMIOD_OK);
	cr_assert_eq(n_answer_fds, 0u, "there are but 8");
	cr_assert_eq(rig_fake.n_windows, 0u);
	cr_assert_eq(client_interrupt(fd, elements, 8, MMIOD_LEASE_ALL_OR_NONE), MMIOD_OK);
	cr_assert_eq(n_answer_fds, 8u);
}

/* ---- what is refused ------------------------------------------------------------------------- */

Test(interrupt, who_is_not_granted_interrupts_is_told_so)
{
	interrupt_refused(client_hello(GUEST), vector("nvme0", 0), MMIOD_E_DENIED,
			  "no grant gives user 4999 (uid 4999) interrupts of device nvme0");
	cr_assert_eq(rig_fake.n_windows, 0u);
}

Test(interrupt, a_vector_that_is_not_there_is_refused_with_those_that_are)
{
	int fd = client_hello(ALICE);
	struct mmiod_wire_interrupt element = vector("nvme0", 0);

	interrupt_refused(fd, vector("nvme1", 0), MMIOD_E_NOT_FOUND, "no device \"nvme1\"");
	interrupt_refused(fd, vector("nvme0", 8), MMIOD_E_INVALID, "vectors 0 to 7, not 8");
	interrupt_refused(fd, vector("nvme0", UINT32_MAX), MMIOD_E_INVALID, "not 4294967295");
	interrupt_refused(fd, vector("edu", 1), MMIOD_E_INVALID, "vector 0 only, not 1");
	interrupt_refused(fd, vector("quiet", 0), MMIOD_E_INVALID, "interrupts = auto");
	element.kind = MMIOD_IRQ_MSI;
	interrupt_refused(fd, element, MMIOD_E_INVALID, "interrupts by msix");
	element.kind = 4;
	interrupt_refused(fd, element, MMIOD_E_UNSUPPORTED, "unknown kind");
	element = vector("nvme0", 0);
	element.flags = MMIOD_VECTOR_FLAGS + 1;
	interrupt_refused(fd, element, MMIOD_E_UNSUPPORTED, "unknown flag");
	element = vector("nvme0", 0);
	element.lease_ms = 99;
	interrupt_refused(fd, element, MMIOD_E_INVALID, "100 ms at least");
	memset(element.device, 'x', sizeof(element.device));
	element.lease_ms = 0;
	interrupt_refused(fd, element, MMIOD_E_INVALID, "not terminated");
}

Test(interrupt, a_vector_has_one_holder_and_a_conflict_names_him)
{
	int alice = client_hello(ALICE), bob = client_hello(BOB);
	uint64_t id = lease_vector(alice, "nvme0", 2);
	char words[64];

	snprintf(words, sizeof(words), "vector 2 of device nvme0 is held by user %d", ALICE);
	interrupt_refused(bob, vector("nvme0", 2), MMIOD_E_BUSY, words);
	lease_vector(bob, "nvme0", 1);
	cr_assert_eq(client_end(alice, MMIOD_OP_RELEASE, id), MMIOD_OK);
	fake_close_window(&rig_fake, id);
	lease_vector(bob, "nvme0", 2);
}

Test(interrupt, one_message_cannot_ask_for_a_vector_twice)
{
	struct mmiod_wire_interrupt elements[] = { vector("nvme0", 2), vector("nvme0", 2) };
	const struct mmiod_wire_granted *granted;

	cr_assert_eq(client_interrupt(client_hello(ALICE), elements, 2, 0), MMIOD_OK);
	granted = answer_element(1);
	cr_assert_eq(granted->status, MMIOD_E_BUSY);
	cr_assert_not_null(strstr(answer_text(granted->text), "another element"));
}

Test(interrupt, each_refusal_of_the_module_has_its_words)
{
	static const struct {
		int error;
		uint32_t status;
		const char *words;
	} refusals[] = {
		{ -EBUSY, MMIOD_E_BUSY, "interrupt line" },
		{ -EAGAIN, MMIOD_E_BUSY, "being reset" },
		{ -ENODEV, MMIOD_E_GONE, "has gone" },
		{ -EIO, MMIOD_E_GONE, "bound anew" },
		{ -EINVAL, MMIOD_E_INVALID, "fewer vectors" },
		{ -EPERM, MMIOD_E_DENIED, "locked down" },
		{ -ENOSPC, MMIOD_E_QUOTA, "no vector left" },
		{ -ENOTTY, MMIOD_E_UNSUPPORTED, "older" },
		{ -EMFILE, MMIOD_E_RESOURCES, "no interrupt" },
		{ -EXDEV, MMIOD_E_INTERNAL, "no interrupt" },
	};
	int fd = client_hello(ALICE);

	for (size_t i = 0; i < array_size(refusals); i++) {
		rig_fake.create_error = refusals[i].error;
		interrupt_refused(fd, vector("nvme0", 0), refusals[i].status, refusals[i].words);
	}
	rig_fake.create_error = 0;
	lease_vector(fd, "nvme0", 0);
}

Test(interrupt, a_window_over_the_table_of_vectors_is_named_when_it_is_in_the_way)
{
	int fd = client_hello(ALICE);

	cr_assert_eq(client_lease_one(fd, 0, 4096, &rig_fake.create_conflict), MMIOD_OK);
	rig_fake.create_error = -EBUSY;
	interrupt_refused(fd, vector("nvme0", 0), MMIOD_E_BUSY,
			  "table of MSI-X of device nvme0 can be written through region shm");
}

Test(interrupt, a_vector_is_named_when_it_keeps_a_window_from_its_table)
{
	int fd = client_hello(ALICE);
	struct mmiod_wire_want element = want("shm", 0, 4096, MMIOD_RIGHT_READ, 0);

	rig_fake.create_conflict = lease_vector(fd, "nvme0", 2);
	rig_fake.create_error = -EBUSY;
	lease_refused(fd, element, MMIOD_E_BUSY,
		      "has the table of MSI-X of device nvme0, of which vector 2 is held by");
}

Test(interrupt, a_user_has_no_more_vectors_than_the_limit_and_gets_them_back)
{
	int fd = client_hello(ALICE);
	uint64_t id;

	rig_write_config("[daemon]\ninterrupts-per-user = 2\n" DEVICES GRANT);
	cr_assert_eq(daemon_reload(&rig), 0);
	lease_vector(fd, "nvme0", 0);
	id = lease_vector(fd, "nvme0", 1);
	interrupt_refused(fd, vector("nvme0", 2), MMIOD_E_QUOTA,
			  "2 vectors leased, as many as interrupts-per-user");
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, id), MMIOD_OK);
	lease_vector(fd, "nvme0", 2);
}

Test(interrupt, vectors_are_no_bytes_of_anybodys)
{
	int fd = client_hello(ALICE);

	rig_write_config(DEVICES "[grant drivers]\ndevice = *\nuser = 4001\ninterrupts = yes\n"
				 "bytes = 1\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	lease_vector(fd, "nvme0", 0);
	lease_vector(fd, "nvme0", 1);
	lease_vector(fd, "nvme0", 2);
}

/* ---- waiting --------------------------------------------------------------------------------- */

Test(interrupt, who_waits_for_a_vector_gets_it_when_it_is_free)
{
	int alice = client_hello(ALICE), bob = client_hello(BOB);
	uint64_t id = lease_vector(alice, "nvme0", 2);
	struct mmiod_wire_interrupt element = vector("nvme0", 2);
	const struct mmiod_wire_granted *granted;

	request_wait_ms = 10000;
	send_interrupts(bob, &element, 1, 0);
	rig_turn();
	cr_assert_eq(client_receive(bob), -EAGAIN, "it waits");
	cr_assert_eq(client_end(alice, MMIOD_OP_RELEASE, id), MMIOD_OK);
	rig_turn();
	cr_assert_gt(client_receive(bob), 0);
	granted = answer_element(0);
	cr_assert_eq(granted->status, MMIOD_OK, "%s", answer_text(granted->text));
	cr_assert_eq(granted->offset, 2u);
}

Test(interrupt, a_younger_request_does_not_pass_one_that_waits_for_the_vector)
{
	int alice = client_hello(ALICE), bob = client_hello(BOB);
	struct mmiod_wire_interrupt elements[] = { vector("nvme0", 2), vector("nvme0", 3) };
	uint64_t id;

	lease_vector(alice, "nvme0", 2);
	id = lease_vector(alice, "nvme0", 3);
	request_wait_ms = 10000;
	send_interrupts(bob, elements, 2, MMIOD_LEASE_ALL_OR_NONE);
	rig_turn();
	request_wait_ms = 0;
	cr_assert_eq(client_end(alice, MMIOD_OP_RELEASE, id), MMIOD_OK);
	interrupt_refused(alice, vector("nvme0", 3), MMIOD_E_BUSY,
			  "vector 3 of device nvme0 is wanted by user 4002");
}

/* ---- what happens to it ---------------------------------------------------------------------- */

Test(interrupt, a_function_that_is_unbound_takes_its_leases_and_comes_back)
{
	int fd = client_hello(ALICE);
	uint64_t id = lease_vector(fd, "nvme0", 0);

	fake_remove_function(&rig_fake, NVME);
	events_drain(&rig.broker);
	rig_turn();
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.event.type, MMIOD_EVENT_GONE);
	cr_assert_eq(answer.event.lease, id);
	fake_close_window(&rig_fake, id);
	interrupt_refused(fd, vector("nvme0", 0), MMIOD_E_GONE, "nvme0 is not there");
	fake_event(&rig_fake, MMIOD_CONTROL_DEVICE_BOUND, 0, NVME);
	events_drain(&rig.broker);
	lease_vector(fd, "nvme0", 0);
}

Test(interrupt, a_storm_is_told_to_its_holder_and_to_those_who_watch)
{
	int fd = client_hello(ALICE), root = client_hello(0);
	uint64_t id = lease_vector(fd, "nvme0", 5);

	cr_assert_eq(client_monitor(root, 1), MMIOD_OK);
	fake_event(&rig_fake, MMIOD_CONTROL_DEVICE_STORM, 1, id);
	events_drain(&rig.broker);
	rig_turn();
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.event.type, MMIOD_EVENT_STORM);
	cr_assert_not_null(strstr(answer_text(answer.event.text), "vector 5 came too often"));
	cr_assert_gt(client_receive(root), 0);
	cr_assert_eq(answer.notice.type, MMIOD_NOTICE_STORM);
	cr_assert_eq(answer.notice.kind, MMIOD_KIND_INTERRUPT);
	cr_assert_eq(answer.notice.offset, 5u);
	cr_assert_str_eq(answer.notice.region, "nvme0");
	cr_assert_eq(device_find(&rig.broker.devices, "nvme0")->storms, 1u);
}

Test(interrupt, a_storm_of_a_window_or_of_nothing_is_passed_over)
{
	int fd = client_hello(ALICE);
	uint64_t id;

	cr_assert_eq(client_lease_one(fd, 0, 4096, &id), MMIOD_OK);
	fake_event(&rig_fake, MMIOD_CONTROL_DEVICE_STORM, 1, id);
	fake_event(&rig_fake, MMIOD_CONTROL_DEVICE_STORM, 1, 9999);
	events_drain(&rig.broker);
	rig_turn();
	cr_assert_eq(client_receive(fd), -EAGAIN);
}

Test(interrupt, an_administrator_takes_a_vector)
{
	int fd = client_hello(ALICE), root = client_hello(0);
	uint64_t id = lease_vector(fd, "nvme0", 0);

	cr_assert_eq(client_end(root, MMIOD_OP_REVOKE, id), MMIOD_OK);
	cr_assert_eq(fake_window(&rig_fake, id)->state, MMIOD_STATE_REVOKED);
	lease_vector(root = client_hello(BOB), "nvme0", 0);
}

/* ---- another daemon -------------------------------------------------------------------------- */

Test(interrupt, leases_of_vectors_survive_the_daemon_with_all_that_they_are)
{
	uint64_t id, window;
	int fd = client_hello(ALICE);
	const struct lease *lease;

	cr_assert_eq(client_lease_one(fd, 0, 4096, NULL), MMIOD_OK);
	id = lease_vector(fd, "nvme0", 6);
	cr_assert_eq(client_lease_one(fd, 4096, 4096, &window), MMIOD_OK);
	rig_restart();
	cr_assert_eq(leases_count(&rig.broker.leases), 3u);
	lease = lease_find(&rig.broker.leases, id);
	cr_assert_not_null(lease);
	cr_assert_eq(lease->kind, MMIOD_KIND_INTERRUPT);
	cr_assert_eq(lease->offset, 6u);
	cr_assert_eq(lease->holder.uid, (uint32_t)ALICE);
	cr_assert_str_eq(lease->region->name, "nvme0");
	cr_assert_eq(lease_find(&rig.broker.leases, window)->kind, MMIOD_KIND_WINDOW);
	cr_assert_eq(user_uses(&rig.broker.host.users, ALICE, USER_INTERRUPTS), 1u);
	interrupt_refused(client_hello(BOB), vector("nvme0", 6), MMIOD_E_BUSY, "is held by user");
}

Test(interrupt, a_vector_of_a_device_that_is_no_longer_configured_lasts_by_its_address)
{
	uint64_t id = lease_vector(client_hello(ALICE), "nvme0", 0);

	rig_write_config("[region shm]\nphys = 0x10000000\nsize = 1M\n");
	rig_restart();
	cr_assert_str_eq(lease_find(&rig.broker.leases, id)->region->name, "0000:01:00.0");
	fake_close_window(&rig_fake, id);
	events_drain(&rig.broker);
	cr_assert_null(device_find(&rig.broker.devices, "0000:01:00.0"), "it went with its lease");
}

Test(interrupt, a_ledger_that_is_read_again_forgets_vectors_that_are_gone)
{
	int fd = client_hello(ALICE);
	uint64_t id = lease_vector(fd, "nvme0", 0), other = lease_vector(fd, "nvme0", 1);

	fake_close_window(&rig_fake, id);
	rig_fake.n_events = 0;
	fake_event(&rig_fake, MMIOD_CONTROL_OVERFLOW, 0, 0);
	events_drain(&rig.broker);
	cr_assert_null(lease_find(&rig.broker.leases, id));
	cr_assert_not_null(lease_find(&rig.broker.leases, other));
}

/* ---- reload ---------------------------------------------------------------------------------- */

Test(interrupt, a_reload_that_takes_interrupts_away_revokes_if_it_says_so)
{
	int fd = client_hello(ALICE);
	uint64_t id = lease_vector(fd, "nvme0", 0);

	rig_write_config("[daemon]\nrevoke-on-reload = yes\n" DEVICES
			 "[grant drivers]\ndevice = *\nuser = 4002\ninterrupts = yes\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	rig_turn();
	cr_assert_eq(fake_window(&rig_fake, id)->state, MMIOD_STATE_REVOKED);
}

Test(interrupt, a_reload_that_gives_the_same_revokes_nothing)
{
	uint64_t id = lease_vector(client_hello(ALICE), "nvme0", 0);

	rig_write_config("[daemon]\nrevoke-on-reload = yes\n" DEVICES GRANT);
	cr_assert_eq(daemon_reload(&rig), 0);
	rig_turn();
	cr_assert_eq(fake_window(&rig_fake, id)->state, MMIOD_STATE_OK);
}

Test(interrupt, a_device_that_becomes_another_grants_nothing_new_until_its_leases_have_ended)
{
	int fd = client_hello(ALICE);
	uint64_t id = lease_vector(fd, "nvme0", 0);

	rig_write_config("[device nvme0]\ndevice = pci:0000:05:00.0\ninterrupts = intx\n" GRANT);
	cr_assert_eq(daemon_reload(&rig), 0);
	interrupt_refused(fd, vector("nvme0", 0), MMIOD_E_BUSY, "is to become another");
	fake_close_window(&rig_fake, id);
	events_drain(&rig.broker);
	id = lease_vector(fd, "nvme0", 0);
	cr_assert_eq(rig_fake.interrupts[id % FAKE_MAX].device, MMIOD_PCI_ADDR(0, 5, 0, 0));
}

Test(interrupt, a_device_that_is_configured_no_more_goes_with_its_last_lease)
{
	uint64_t id = lease_vector(client_hello(ALICE), "nvme0", 0);

	rig_write_config("[region shm]\nphys = 0x10000000\nsize = 1M\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	cr_assert_not_null(device_find(&rig.broker.devices, "nvme0"));
	cr_assert_null(device_find(&rig.broker.devices, "edu"));
	fake_close_window(&rig_fake, id);
	events_drain(&rig.broker);
	cr_assert_null(device_find(&rig.broker.devices, "nvme0"));
}

/* ---- the lists ------------------------------------------------------------------------------- */

Test(interrupt, devices_are_listed_to_those_who_may_have_something_of_them)
{
	const struct mmiod_wire_device *device;
	int fd = client_hello(ALICE);

	lease_vector(fd, "nvme0", 0);
	cr_assert_eq(client_list(fd, MMIOD_OP_DEVICES, 0), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 3u);
	device = answer_element(0);
	cr_assert_str_eq(device->name, "nvme0");
	cr_assert_str_eq(device->address, "0000:01:00.0");
	cr_assert_eq(device->state, MMIOD_STATE_OK);
	cr_assert_eq(device->interrupt, MMIOD_IRQ_MSIX);
	cr_assert_eq(device->vectors, 8u);
	cr_assert_eq(device->rights, MMIOD_MAY_INTERRUPT);
	cr_assert_eq(device->leases, 1u);
	cr_assert_eq(device->trusted, 1u);
	cr_assert_eq(device->group, 7u);
	cr_assert_eq(client_list(client_hello(GUEST), MMIOD_OP_DEVICES, 0), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 0u);
	cr_assert_eq(client_list(client_hello(0), MMIOD_OP_DEVICES, 0), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 3u);
}

Test(interrupt, vectors_are_listed_with_their_counts_and_only_to_their_holder)
{
	const struct mmiod_wire_vector *listed;
	int fd = client_hello(ALICE);
	uint64_t id;

	cr_assert_eq(client_lease_one(fd, 0, 4096, NULL), MMIOD_OK);
	id = lease_vector(fd, "nvme0", 4);
	fake_window(&rig_fake, id)->vector.count = 77;
	cr_assert_eq(client_list(fd, MMIOD_OP_INTERRUPTS, 0), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 1u);
	listed = answer_element(0);
	cr_assert_eq(listed->id, id);
	cr_assert_str_eq(listed->device, "nvme0");
	cr_assert_eq(listed->vector, 4u);
	cr_assert_eq(listed->count, 77u);
	cr_assert_eq(listed->uid, (uint32_t)ALICE);
	cr_assert_eq(client_list(client_hello(BOB), MMIOD_OP_INTERRUPTS, 0), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 0u);
}

Test(interrupt, leases_say_what_they_are_of)
{
	const struct mmiod_wire_lease *lease;
	int fd = client_hello(ALICE);

	cr_assert_eq(client_lease_one(fd, 0, 4096, NULL), MMIOD_OK);
	lease_vector(fd, "nvme0", 4);
	cr_assert_eq(client_list(fd, MMIOD_OP_LEASES, 0), MMIOD_OK);
	lease = answer_element(0);
	cr_assert_eq(lease->kind, MMIOD_KIND_WINDOW);
	lease = answer_element(1);
	cr_assert_eq(lease->kind, MMIOD_KIND_INTERRUPT);
	cr_assert_str_eq(lease->region, "nvme0");
	cr_assert_eq(lease->offset, 4u);
}

Test(interrupt, counters_have_each_leased_vector_and_the_storms_of_each_device)
{
	int fd = client_hello(ALICE);
	uint64_t id = lease_vector(fd, "nvme0", 4);
	bool vector_seen = false, storms_seen = false;

	fake_window(&rig_fake, id)->vector.count = 77;
	fake_event(&rig_fake, MMIOD_CONTROL_DEVICE_STORM, 1, id);
	events_drain(&rig.broker);
	rig_turn();
	cr_assert_gt(client_receive(fd), 0, "the event");
	cr_assert_eq(client_list(fd, MMIOD_OP_COUNTERS, 0), MMIOD_OK);
	for (size_t i = 0; i < answer.msg.count; i++) {
		const struct mmiod_wire_counter *counter = answer_element(i);

		if (strcmp(counter->region, "nvme0"))
			continue;
		vector_seen |= counter->kind == MMIOD_COUNTER_INTERRUPTS && counter->detail == 4 &&
			       counter->value == 77;
		storms_seen |= counter->kind == MMIOD_COUNTER_STORMS && counter->value == 1;
	}
	cr_assert(vector_seen);
	cr_assert(storms_seen);
}

Test(interrupt, status_warns_of_devices_that_are_trusted_and_of_those_that_are_not_there)
{
	const char *warning;

	fake_remove_function(&rig_fake, MMIOD_PCI_ADDR(0, 2, 0, 0));
	events_drain(&rig.broker);
	cr_assert_eq(client_status(client_hello(0)), MMIOD_OK);
	warning = answer_text(answer.status.warning);
	cr_assert_not_null(strstr(warning, "device edu is missing"), "%s", warning);
	cr_assert_not_null(strstr(warning, "device nvme0 is trusted with DMA"), "%s", warning);
	cr_assert_eq(client_status(client_hello(GUEST)), MMIOD_OK);
	cr_assert_null(strstr(answer_text(answer.status.warning), "device"));
}

/* ---- explain --------------------------------------------------------------------------------- */

static void explained(uint32_t allowed, uint32_t outcome, const char *words)
{
	cr_assert_eq(answer.msg.status, MMIOD_OK, "%s", answer_text(answer.error.text));
	cr_assert_eq(answer.explanation.allowed, allowed);
	cr_assert_eq(answer.explanation.outcome, outcome);
	cr_assert_not_null(strstr(answer_text(answer.explanation.text), words),
			   "\"%s\" lacks \"%s\"", answer_text(answer.explanation.text), words);
}

Test(interrupt, explain_says_what_an_interrupt_would_be_answered)
{
	int fd = client_hello(ALICE);

	client_explain_vector(fd, "nvme0", 0);
	explained(1, MMIOD_OK, ": interrupts, msix, vectors 0 to 7");
	lease_vector(fd, "nvme0", 0);
	client_explain_vector(client_hello(BOB), "nvme0", 0);
	explained(0, MMIOD_E_BUSY, "but vector 0 of device nvme0 is held by");
	client_explain_vector(client_hello(GUEST), "nvme0", 0);
	explained(0, MMIOD_E_DENIED, " needs user 4001 or user 4002");
	cr_assert_eq(client_explain_vector(fd, "nvme9", 0), MMIOD_E_NOT_FOUND);
	cr_assert_eq(client_explain_vector(fd, "nvme0", 8), MMIOD_E_INVALID);
	cr_assert_eq(rig_fake.n_windows, 1u, "nothing is taken");
}
