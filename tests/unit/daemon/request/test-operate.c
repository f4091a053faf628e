// SPDX-License-Identifier: MIT
/* OPERATE: leases of device files, from the request to the module's ledger. */
#include <criterion/criterion.h>
#include <string.h>
#include "support/rig.h"

#define ALICE 4001
#define BOB 4002
#define GUEST 4999
#define NVME MMIOD_PCI_ADDR(0, 1, 0, 0)

#define DEVICES                                                                  \
	"[device nvme0]\ndevice = pci:0000:01:00.0\ndma = trusted\n"             \
	"[device edu]\ndevice = pci:0000:02:00.0\ndma-engine = no\nreset = no\n" \
	"[device odd]\ndevice = pci:0000:03:00.0\nreset = never\ninterrupts = intx\n"
#define GRANT                                                                      \
	"[grant drivers]\ndevice = nvme0 edu\nuser = 4001 4002\nconfig = vendor\n" \
	"bus-master = yes\nreset = force\npower = yes\n"                           \
	"[grant readers]\ndevice = odd\nuser = 4001 4002\nconfig = standard\ninterrupts = yes\n"
#define REGION                                         \
	"[region shm]\nphys = 0x10000000\nsize = 1M\n" \
	"[grant shm]\nregion = shm\nuser = 4001\naccess = rw\n"

#define READ MMIOD_MAY_READ_CONFIG
#define STANDARD (READ | MMIOD_MAY_WRITE_CONFIG)

static void start(void)
{
	rig_start(DEVICES GRANT REGION);
}

TestSuite(operate, .init = start, .fini = rig_stop);

static uint64_t lease_device(int fd, const char *device, uint32_t rights)
{
	struct mmiod_wire_operate element = operate(device, rights);
	const struct mmiod_wire_granted *granted;

	cr_assert_eq(client_operate(fd, &element, 1, 0), MMIOD_OK);
	granted = answer_element(0);
	cr_assert_eq(granted->status, MMIOD_OK, "%s", answer_text(granted->text));
	cr_assert_eq(n_answer_fds, 1u);
	return granted->lease;
}

static const struct backend_operation *made(uint64_t id)
{
	return &rig_fake.operations[id % FAKE_MAX];
}

/* ---- what is granted ------------------------------------------------------------------------- */

Test(operate, a_device_file_has_the_rights_that_were_asked_for)
{
	int fd = client_hello(ALICE);
	uint64_t id = lease_device(fd, "nvme0", STANDARD | MMIOD_MAY_RESET);
	const struct mmiod_wire_granted *granted = answer_element(0);

	cr_assert_eq(granted->offset, 0u);
	cr_assert_eq(granted->length, 0u);
	cr_assert_eq(granted->mmapable, 0u);
	cr_assert_eq(granted->rights, STANDARD | MMIOD_MAY_RESET);
	cr_assert_eq(made(id)->device, NVME);
	cr_assert_eq(made(id)->owner, ALICE + 1u);
	cr_assert_eq(made(id)->rights,
		     MMIOD_OPERATE_CONFIG_READ | MMIOD_OPERATE_CONFIG_WRITE | MMIOD_OPERATE_RESET);
	cr_assert_eq(made(id)->flags, 0u);
}

Test(operate, the_administrators_word_on_the_device_goes_to_the_module)
{
	int fd = client_hello(ALICE);

	cr_assert_eq(made(lease_device(fd, "edu", MMIOD_MAY_MASTER))->flags,
		     MMIOD_OPERATE_NO_ENGINE | MMIOD_OPERATE_NEEDS_NO_RESET);
	cr_assert_eq(made(lease_device(fd, "odd", READ))->flags, MMIOD_OPERATE_NEVER_RESET);
}

Test(operate, with_trust_in_its_dma_come_the_rights_that_only_such_a_device_has)
{
	int fd = client_hello(ALICE);
	const uint32_t anything = STANDARD | MMIOD_MAY_VENDOR_CONFIG;
	uint64_t id = lease_device(fd, "nvme0", MMIOD_MAY_MASTER);

	cr_assert_eq(made(id)->rights, MMIOD_OPERATE_MASTER | MMIOD_OPERATE_DMA_TRUSTED);
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, id), MMIOD_OK);
	id = lease_device(fd, "nvme0", anything);
	cr_assert(made(id)->rights & MMIOD_OPERATE_DMA_TRUSTED);
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, id), MMIOD_OK);
	id = lease_device(fd, "nvme0", READ | MMIOD_MAY_VENDOR_CONFIG);
	cr_assert_not(made(id)->rights & MMIOD_OPERATE_DMA_TRUSTED, "reading needs none");
	id = lease_device(fd, "edu", MMIOD_MAY_MASTER);
	cr_assert_not(made(id)->rights & MMIOD_OPERATE_DMA_TRUSTED);
}

/* ---- what is refused ------------------------------------------------------------------------- */

Test(operate, who_is_not_granted_it_is_told_so_with_the_key_that_is_missing)
{
	operate_refused(client_hello(GUEST), operate("nvme0", READ), MMIOD_E_DENIED,
			"no grant gives user 4999 (uid 4999) the right to operate device nvme0");
	operate_refused(client_hello(ALICE), operate("odd", READ | MMIOD_MAY_POWER), MMIOD_E_DENIED,
			"\"power = yes\"");
	cr_assert_eq(rig_fake.n_windows, 0u);
}

Test(operate, what_makes_no_sense_is_refused_with_the_rule)
{
	int fd = client_hello(ALICE);
	struct mmiod_wire_operate element = operate("nvme0", READ);

	operate_refused(fd, operate("nvme0", 0), MMIOD_E_INVALID, "no right is asked for");
	operate_refused(fd, operate("nvme0", MMIOD_MAY_INTERRUPT), MMIOD_E_UNSUPPORTED,
			"unknown right");
	operate_refused(fd, operate("nvme0", 1u << 31), MMIOD_E_UNSUPPORTED, "unknown right");
	operate_refused(fd, operate("nvme0", MMIOD_MAY_WRITE_CONFIG), MMIOD_E_INVALID,
			"reads it as well");
	operate_refused(fd, operate("nvme0", MMIOD_MAY_VENDOR_CONFIG), MMIOD_E_INVALID,
			"reads it as well");
	operate_refused(fd, operate("nvme0", MMIOD_MAY_RESET_OTHERS), MMIOD_E_INVALID,
			"while others use it");
	operate_refused(fd, operate("nvme1", READ), MMIOD_E_NOT_FOUND, "no device \"nvme1\"");
	element.flags = MMIOD_OPERATE_FLAGS + 1;
	operate_refused(fd, element, MMIOD_E_UNSUPPORTED, "unknown flag");
	element = operate("nvme0", READ);
	element.reserved = 1;
	operate_refused(fd, element, MMIOD_E_INVALID, "reserved");
	element = operate("nvme0", READ);
	element.lease_ms = 99;
	operate_refused(fd, element, MMIOD_E_INVALID, "100 ms at least");
	element = operate("nvme0", READ);
	memset(element.device, 'x', sizeof(element.device));
	operate_refused(fd, element, MMIOD_E_INVALID, "not terminated");
}

Test(operate, a_device_has_one_operator_who_is_named_and_any_number_who_read)
{
	int alice = client_hello(ALICE), bob = client_hello(BOB);
	uint64_t id = lease_device(alice, "nvme0", STANDARD);

	operate_refused(bob, operate("nvme0", MMIOD_MAY_RESET), MMIOD_E_BUSY,
			"device nvme0 is operated by user 4001 (uid 4001)");
	lease_device(bob, "nvme0", READ);
	lease_device(bob, "nvme0", READ);
	lease_device(bob, "edu", STANDARD);
	cr_assert_eq(client_end(alice, MMIOD_OP_RELEASE, id), MMIOD_OK);
	lease_device(bob, "nvme0", STANDARD);
	lease_device(alice, "nvme0", READ);
}

Test(operate, a_vector_is_nothing_that_keeps_somebody_from_operating)
{
	int alice = client_hello(ALICE), bob = client_hello(BOB);
	struct mmiod_wire_interrupt element = vector("odd", 0);

	cr_assert_eq(client_interrupt(alice, &element, 1, 0), MMIOD_OK);
	cr_assert_eq(n_answer_fds, 1u);
	lease_device(bob, "odd", STANDARD);
}

Test(operate, each_refusal_of_the_module_has_its_words)
{
	static const struct {
		int error;
		uint32_t rights;
		uint32_t status;
		const char *words;
	} refusals[] = {
		{ -EBUSY, READ, MMIOD_E_BUSY, "used by another program" },
		{ -EAGAIN, READ, MMIOD_E_BUSY, "nvme0 is being reset, because others used it" },
		{ -ENODEV, READ, MMIOD_E_GONE, "has gone" },
		{ -EIO, READ, MMIOD_E_GONE, "bound anew" },
		{ -EPERM, MMIOD_MAY_MASTER, MMIOD_E_DENIED, "the kernel is locked down" },
		{ -ENOSPC, READ, MMIOD_E_QUOTA, "max_windows" },
		{ -ENOTTY, READ, MMIOD_E_UNSUPPORTED, "opens no device files" },
		{ -EOPNOTSUPP, READ, MMIOD_E_UNSUPPORTED, "opens no device files" },
		{ -EOPNOTSUPP, READ | MMIOD_MAY_MASTER, MMIOD_E_UNSUPPORTED,
		  "cannot let a device master the bus yet" },
		{ -EOPNOTSUPP, MMIOD_MAY_POWER, MMIOD_E_UNSUPPORTED,
		  "cannot put one to sleep yet" },
		{ -EOPNOTSUPP, MMIOD_MAY_MASTER | MMIOD_MAY_POWER, MMIOD_E_UNSUPPORTED,
		  "let a device master the bus or put one to sleep" },
		{ -EMFILE, READ, MMIOD_E_RESOURCES, "no device file" },
		{ -EXDEV, READ, MMIOD_E_INTERNAL, "no device file" },
	};
	int fd = client_hello(ALICE);

	for (size_t i = 0; i < array_size(refusals); i++) {
		rig_fake.open_error = refusals[i].error;
		operate_refused(fd, operate("nvme0", refusals[i].rights), refusals[i].status,
				refusals[i].words);
	}
	rig_fake.open_error = -EPERM;
	operate_refused(fd, operate("edu", MMIOD_MAY_MASTER), MMIOD_E_DENIED, "no IOMMU bounds");
	operate_refused(fd, operate("edu", STANDARD | MMIOD_MAY_VENDOR_CONFIG), MMIOD_E_DENIED,
			"what belongs to the vendor of device edu");
	rig_fake.open_error = 0;
	lease_device(fd, "nvme0", READ);
}

Test(operate, who_has_what_a_reset_would_hit_is_named)
{
	int alice = client_hello(ALICE);

	cr_assert_eq(client_lease_one(alice, 0, 4096, &rig_fake.create_conflict), MMIOD_OK);
	rig_fake.open_error = -EBUSY;
	operate_refused(client_hello(BOB), operate("nvme0", MMIOD_MAY_MASTER), MMIOD_E_BUSY,
			"device nvme0 must be reset first, and 0x0+0x1000 of region shm is held by "
			"user 4001");
}

Test(operate, a_window_that_the_one_who_masters_the_bus_keeps_away_names_him)
{
	int alice = client_hello(ALICE);

	rig_fake.create_conflict = lease_device(client_hello(BOB), "nvme0", MMIOD_MAY_MASTER);
	rig_fake.create_error = -EBUSY;
	lease_refused(alice, want("shm", 0, 4096, MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE, 0),
		      MMIOD_E_BUSY, "device nvme0 masters the bus for user 4002");
}

Test(operate, windows_say_whose_they_are_so_that_their_holder_is_not_in_his_own_way)
{
	uint64_t id;

	cr_assert_eq(client_lease_one(client_hello(ALICE), 0, 4096, &id), MMIOD_OK);
	cr_assert_eq(fake_window(&rig_fake, id)->window.owner, ALICE + 1u);
}

Test(operate, a_user_operates_no_more_devices_than_the_limit)
{
	int fd = client_hello(ALICE);
	uint64_t id;

	rig_write_config("[daemon]\ndevices-per-user = 2\n" DEVICES GRANT);
	cr_assert_eq(daemon_reload(&rig), 0);
	lease_device(fd, "nvme0", READ);
	id = lease_device(fd, "edu", STANDARD);
	operate_refused(fd, operate("odd", READ), MMIOD_E_QUOTA,
			"2 leases that operate devices, as many as devices-per-user");
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, id), MMIOD_OK);
	lease_device(fd, "odd", READ);
}

/* ---- waiting --------------------------------------------------------------------------------- */

static void expect_granted(int fd)
{
	const struct mmiod_wire_granted *granted;

	cr_assert_gt(client_receive(fd), 0);
	granted = answer_element(0);
	cr_assert_eq(granted->status, MMIOD_OK, "%s", answer_text(granted->text));
}

Test(operate, who_waits_operates_when_nobody_else_does)
{
	int alice = client_hello(ALICE), bob = client_hello(BOB);
	uint64_t id = lease_device(alice, "nvme0", STANDARD);
	struct mmiod_wire_operate element = operate("nvme0", STANDARD);

	request_wait_ms = 10000;
	send_operates(bob, &element, 1, 0);
	rig_turn();
	cr_assert_eq(client_receive(bob), -EAGAIN, "it waits");
	cr_assert_eq(client_end(alice, MMIOD_OP_RELEASE, id), MMIOD_OK);
	rig_turn();
	expect_granted(bob);
}

Test(operate, who_waits_until_a_device_is_quiet_is_asked_for_again_when_it_is)
{
	struct mmiod_wire_operate element = operate("nvme0", MMIOD_MAY_MASTER);
	int fd = client_hello(ALICE);

	rig_fake.open_error = -EAGAIN;
	request_wait_ms = 10000;
	send_operates(fd, &element, 1, 0);
	rig_turn();
	cr_assert_eq(client_receive(fd), -EAGAIN, "it waits");
	rig_fake.open_error = 0;
	fake_event(&rig_fake, MMIOD_CONTROL_DEVICE_QUIET, 0, NVME);
	events_drain(&rig.broker);
	rig_turn();
	expect_granted(fd);
}

Test(operate, who_waits_until_a_device_is_quiet_is_asked_for_again_though_nobody_tells)
{
	struct mmiod_wire_operate element = operate("nvme0", MMIOD_MAY_MASTER);
	int fd = client_hello(ALICE);

	rig_fake.open_error = -EAGAIN;
	request_wait_ms = 10000;
	send_operates(fd, &element, 1, 0);
	rig_turn();
	rig_fake.open_error = 0;
	rig_wait(200);
	expect_granted(fd);
}

Test(operate, a_device_that_cannot_be_made_quiet_is_told_of)
{
	int root = client_hello(0);

	cr_assert_eq(client_monitor(root, 1), MMIOD_OK);
	fake_event(&rig_fake, MMIOD_CONTROL_DEVICE_QUIET, ENOTTY, NVME);
	events_drain(&rig.broker);
	rig_turn();
	cr_assert_gt(client_receive(root), 0);
	cr_assert_eq(answer.notice.type, MMIOD_NOTICE_RESET);
	cr_assert_not_null(strstr(answer_text(answer.event.text), "cannot be made quiet"));
	cr_assert_not_null(strstr(answer_text(answer.event.text), "reset = no"));
}

/* ---- what happens to it ---------------------------------------------------------------------- */

static const char *next_notice(int fd, uint32_t type)
{
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.notice.type, type);
	cr_assert_eq(answer.notice.kind, MMIOD_KIND_DEVICE);
	cr_assert_str_eq(answer.notice.region, "nvme0");
	return answer_text(answer.event.text);
}

Test(operate, resets_and_bus_mastering_are_told_to_those_who_watch)
{
	int root = client_hello(0);

	cr_assert_eq(client_monitor(root, 1), MMIOD_OK);
	rig_fake.reset_us = 123400;
	fake_event(&rig_fake, MMIOD_CONTROL_DEVICE_RESET, 1, NVME);
	fake_event(&rig_fake, MMIOD_CONTROL_DEVICE_RESET, 0, NVME);
	fake_event(&rig_fake, MMIOD_CONTROL_DEVICE_RESET, ETIMEDOUT, NVME);
	fake_event(&rig_fake, MMIOD_CONTROL_DEVICE_MASTER, 1, NVME);
	fake_event(&rig_fake, MMIOD_CONTROL_DEVICE_MASTER, 1, NVME);
	fake_event(&rig_fake, MMIOD_CONTROL_DEVICE_MASTER, 0, NVME);
	fake_event(&rig_fake, MMIOD_CONTROL_DEVICE_RESET, 0, NVME + 77);
	events_drain(&rig.broker);
	rig_turn();
	cr_assert_not_null(strstr(next_notice(root, MMIOD_NOTICE_RESET), "is being reset"));
	cr_assert_not_null(strstr(next_notice(root, MMIOD_NOTICE_RESET), "in 123.4 ms"));
	cr_assert_not_null(strstr(next_notice(root, MMIOD_NOTICE_RESET), "failed"));
	cr_assert_str_eq(next_notice(root, MMIOD_NOTICE_MASTER), "masters the bus");
	cr_assert_str_eq(next_notice(root, MMIOD_NOTICE_MASTER), "masters the bus no more");
	cr_assert_eq(client_receive(root), -EAGAIN);
}

Test(operate, a_function_that_is_unbound_takes_its_operator_along)
{
	int fd = client_hello(ALICE);
	uint64_t id = lease_device(fd, "nvme0", STANDARD);

	fake_remove_function(&rig_fake, NVME);
	events_drain(&rig.broker);
	rig_turn();
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.event.type, MMIOD_EVENT_GONE);
	cr_assert_eq(answer.event.lease, id);
	operate_refused(fd, operate("nvme0", READ), MMIOD_E_GONE, "nvme0 is not there");
}

Test(operate, who_operates_is_told_of_suspension)
{
	int fd = client_hello(ALICE);
	uint64_t id = lease_device(fd, "nvme0", STANDARD);

	fake_event(&rig_fake, MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_SUSPENDED, id);
	events_drain(&rig.broker);
	rig_turn();
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.event.type, MMIOD_EVENT_SUSPENDED);
	cr_assert_eq(answer.event.lease, id);
}

Test(operate, an_administrator_takes_a_device)
{
	int fd = client_hello(ALICE);
	uint64_t id = lease_device(fd, "nvme0", STANDARD);

	cr_assert_eq(client_end(client_hello(0), MMIOD_OP_REVOKE, id), MMIOD_OK);
	cr_assert_eq(fake_window(&rig_fake, id)->state, MMIOD_STATE_REVOKED);
	lease_device(client_hello(BOB), "nvme0", STANDARD);
}

/* ---- another daemon -------------------------------------------------------------------------- */

Test(operate, leases_of_devices_survive_the_daemon_with_all_that_they_may)
{
	uint64_t id, window, reader;
	int fd = client_hello(ALICE);
	const struct lease *lease;

	cr_assert_eq(client_lease_one(fd, 0, 4096, &window), MMIOD_OK);
	id = lease_device(fd, "nvme0", STANDARD | MMIOD_MAY_RESET);
	reader = lease_device(fd, "nvme0", READ);
	rig_restart();
	cr_assert_eq(leases_count(&rig.broker.leases), 3u);
	lease = lease_find(&rig.broker.leases, id);
	cr_assert_not_null(lease);
	cr_assert_eq(lease->kind, MMIOD_KIND_DEVICE);
	cr_assert_eq(lease->operates,
		     MMIOD_OPERATE_CONFIG_READ | MMIOD_OPERATE_CONFIG_WRITE | MMIOD_OPERATE_RESET);
	cr_assert_eq(lease->holder.uid, (uint32_t)ALICE);
	cr_assert_str_eq(lease->region->name, "nvme0");
	cr_assert_eq(lease_find(&rig.broker.leases, reader)->kind, MMIOD_KIND_DEVICE);
	cr_assert_eq(lease_find(&rig.broker.leases, window)->kind, MMIOD_KIND_WINDOW);
	cr_assert_eq(user_uses(&rig.broker.host.users, ALICE, USER_DEVICES), 2u);
	operate_refused(fd = client_hello(BOB), operate("nvme0", MMIOD_MAY_RESET), MMIOD_E_BUSY,
			"is operated by user 4001");
	lease_device(fd, "nvme0", READ);
}

Test(operate, a_reload_that_takes_a_right_away_revokes_if_it_says_so)
{
	int fd = client_hello(ALICE);
	uint64_t id = lease_device(fd, "nvme0", STANDARD | MMIOD_MAY_RESET);
	uint64_t reader = lease_device(fd, "nvme0", READ);

	rig_write_config("[daemon]\nrevoke-on-reload = yes\n" DEVICES
			 "[grant drivers]\ndevice = *\nuser = 4001\nconfig = standard\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	rig_turn();
	cr_assert_eq(fake_window(&rig_fake, id)->state, MMIOD_STATE_REVOKED);
	cr_assert_eq(fake_window(&rig_fake, reader)->state, MMIOD_STATE_OK);
}

/* ---- the lists ------------------------------------------------------------------------------- */

Test(operate, leases_and_devices_say_who_operates)
{
	const struct mmiod_wire_device *device;
	const struct mmiod_wire_lease *lease;
	int fd = client_hello(ALICE);
	uint64_t id = lease_device(fd, "nvme0", STANDARD);

	cr_assert_eq(client_list(fd, MMIOD_OP_LEASES, 0), MMIOD_OK);
	lease = answer_element(0);
	cr_assert_eq(lease->kind, MMIOD_KIND_DEVICE);
	cr_assert_str_eq(lease->region, "nvme0");
	cr_assert_eq(lease->offset, 0u);
	cr_assert_eq(lease->length, 0u);
	cr_assert_eq(client_list(fd, MMIOD_OP_DEVICES, 0), MMIOD_OK);
	device = answer_element(0);
	cr_assert_eq(device->operator, id);
	cr_assert_eq(device->operator_uid, (uint32_t)ALICE);
	cr_assert_eq(client_list(client_hello(BOB), MMIOD_OP_DEVICES, 0), MMIOD_OK);
	device = answer_element(0);
	cr_assert_eq(device->operator, id, "that somebody does is no secret");
	cr_assert_eq(device->operator_uid, UINT32_MAX, "who it is, is");
	device = answer_element(1);
	cr_assert_eq(device->operator, 0u);
	cr_assert_eq(device->reset, CONFIG_RESET_NO);
}

Test(operate, who_only_reads_does_not_operate)
{
	const struct mmiod_wire_device *device;
	int fd = client_hello(ALICE);

	lease_device(fd, "nvme0", READ);
	cr_assert_eq(client_list(fd, MMIOD_OP_DEVICES, 0), MMIOD_OK);
	device = answer_element(0);
	cr_assert_eq(device->operator, 0u);
	cr_assert_eq(device->leases, 1u);
}

Test(operate, counters_have_the_resets_of_each_device)
{
	int fd = client_hello(ALICE);
	unsigned int seen = 0;

	rig_fake.reset_us = 777;
	rig_fake.devices[0].mapped = 888;
	rig_fake.devices[0].graves = 999;
	cr_assert_eq(client_list(fd, MMIOD_OP_COUNTERS, 0), MMIOD_OK);
	for (size_t i = 0; i < answer.msg.count; i++) {
		const struct mmiod_wire_counter *counter = answer_element(i);

		if (strcmp(counter->region, "nvme0"))
			continue;
		seen |= counter->kind == MMIOD_COUNTER_RESET_US && counter->value == 777 ? 1 : 0;
		seen |= counter->kind == MMIOD_COUNTER_RESETS && counter->detail == 1 ? 2 : 0;
		seen |= counter->kind == MMIOD_COUNTER_MASTERS ? 4 : 0;
		seen |= counter->kind == MMIOD_COUNTER_QUIET ? 8 : 0;
		seen |= counter->kind == MMIOD_COUNTER_DMA_MAPPED && counter->value == 888 ? 16 : 0;
		seen |= counter->kind == MMIOD_COUNTER_DMA_GRAVES && counter->value == 999 ? 32 : 0;
	}
	cr_assert_eq(seen, 63u);
}

/* ---- explain --------------------------------------------------------------------------------- */

Test(operate, explain_says_what_operating_would_be_answered)
{
	int fd = client_hello(ALICE);

	cr_assert_eq(client_explain_operate(fd, "nvme0", STANDARD | MMIOD_MAY_POWER), MMIOD_OK);
	cr_assert_eq(answer.explanation.allowed, 1u);
	cr_assert_not_null(strstr(answer_text(answer.explanation.text),
				  "\"config = standard\", \"power = yes\""),
			   "%s", answer_text(answer.explanation.text));
	cr_assert_eq(client_explain_operate(fd, "odd", MMIOD_MAY_RESET), MMIOD_OK);
	cr_assert_eq(answer.explanation.allowed, 0u);
	cr_assert_eq(answer.explanation.outcome, MMIOD_E_DENIED);
	lease_device(client_hello(BOB), "nvme0", STANDARD);
	cr_assert_eq(client_explain_operate(fd, "nvme0", MMIOD_MAY_RESET), MMIOD_OK);
	cr_assert_eq(answer.explanation.outcome, MMIOD_E_BUSY);
	cr_assert_not_null(
		strstr(answer_text(answer.explanation.text), "is operated by user 4002"));
	cr_assert_eq(client_explain_operate(fd, "nvme0", 0), MMIOD_E_INVALID);
	cr_assert_eq(rig_fake.n_windows, 1u, "nothing was taken");
}

/* ---- who is in the way ----------------------------------------------------------------------- */

static uint32_t ask_who(int fd, uint64_t operation, uint64_t conflict)
{
	struct mmiod_msg_explain explain = { .msg = { .size = sizeof(explain),
						      .opcode = MMIOD_OP_EXPLAIN,
						      .fixed = sizeof(explain),
						      .stride = sizeof(uint32_t) },
					     .offset = conflict,
					     .length = operation,
					     .rights = MMIOD_RIGHT_READ,
					     .flags = MMIOD_EXPLAIN_SELF,
					     .kind = MMIOD_KIND_DEVICE };

	client_send(fd, &explain, sizeof(explain));
	rig_turn();
	cr_assert_gt(client_receive(fd), 0);
	return answer.msg.status;
}

static void is_named(int fd, uint64_t operation, uint64_t conflict, const char *words)
{
	cr_assert_eq(ask_who(fd, operation, conflict), MMIOD_OK);
	cr_assert_eq(answer.explanation.allowed, 0u);
	cr_assert_eq(answer.explanation.outcome, MMIOD_E_BUSY);
	cr_assert_not_null(strstr(answer_text(answer.explanation.text), words),
			   "\"%s\" lacks \"%s\"", answer_text(answer.explanation.text), words);
}

#define BAR                                                  \
	"[region bar]\ndevice = pci:0000:01:00.0\nbar = 0\n" \
	"[grant bar]\nregion = bar\nuser = 4001\naccess = r\n"

static void start_with_bar(void)
{
	rig_start(DEVICES GRANT REGION BAR);
}

TestSuite(conflict, .init = start_with_bar, .fini = rig_stop);

static uint64_t lease_bar(int fd)
{
	struct mmiod_wire_want element = want("bar", 0x1000, 4096, MMIOD_RIGHT_READ, 0);
	const struct mmiod_wire_granted *granted;

	cr_assert_eq(client_lease(fd, &element, 1, 0), MMIOD_OK);
	granted = answer_element(0);
	cr_assert_eq(granted->status, MMIOD_OK, "%s", answer_text(granted->text));
	return granted->lease;
}

Test(conflict, who_is_in_the_way_of_an_operation_is_named_to_the_operator)
{
	int alice, bob;
	uint64_t window, operation;

	alice = client_hello(ALICE);
	bob = client_hello(BOB);
	window = lease_bar(alice);
	operation = lease_device(bob, "nvme0", MMIOD_MAY_MASTER);
	is_named(bob, operation, window, "0x1000+0x1000 of region bar is held by user 4001");
	is_named(bob, operation, operation, "device nvme0 is operated by user 4002");
}

Test(conflict, nobody_else_learns_by_that_who_holds_what)
{
	int alice, bob;
	uint64_t window, elsewhere, operation;

	alice = client_hello(ALICE);
	bob = client_hello(BOB);
	window = lease_bar(alice);
	cr_assert_eq(client_lease_one(alice, 0, 4096, &elsewhere), MMIOD_OK);
	operation = lease_device(bob, "nvme0", MMIOD_MAY_MASTER);
	cr_assert_eq(ask_who(alice, operation, window), MMIOD_E_DENIED, "it is another's");
	cr_assert_eq(ask_who(alice, window, operation), MMIOD_E_DENIED, "it operates nothing");
	cr_assert_eq(ask_who(alice, 1u << 30, window), MMIOD_E_DENIED, "there is none such");
	cr_assert_eq(ask_who(bob, operation, elsewhere), MMIOD_E_NOT_FOUND, "of another device");
	cr_assert_eq(ask_who(bob, operation, 1u << 30), MMIOD_E_NOT_FOUND);
	cr_assert_eq(ask_who(bob, operation, 0), MMIOD_E_INVALID);
	cr_assert_eq(ask_who(bob, 0, window), MMIOD_E_INVALID);
}
