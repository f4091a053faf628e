// SPDX-License-Identifier: MIT
/* DMA memory for device files: who may have it, where the device finds it, and how it ends. */
#include <criterion/criterion.h>
#include <string.h>
#include "support/rig.h"

#define ALICE 4001
#define BOB 4002
#define GUEST 4999

#define DEVICES                                                    \
	"[device nvme0]\ndevice = pci:0000:01:00.0\ndma = iommu\n" \
	"dma-bits = 40\n"                                          \
	"[device edu]\ndevice = pci:0000:02:00.0\ndma = trusted\n"
#define GRANTS                                                                             \
	"[grant drivers]\ndevice = nvme0\nuser = 4001 4002\nbus-master = yes\n"            \
	"config = standard\ndma = iommu\nbytes = 64K\n"                                    \
	"[grant bounded]\ndevice = edu\nuser = 4001 4002\nbus-master = yes\ndma = iommu\n" \
	"[grant trusted]\ndevice = edu\nuser = 4001\nbus-master = yes\ndma = trusted\n"

#define DMA (MMIOD_MAY_MASTER | MMIOD_MAY_DMA)
#define PAGE 4096u

static void start(void)
{
	rig_start(DEVICES GRANTS);
}

TestSuite(dma, .init = start, .fini = rig_stop);

static uint64_t lease_device(int fd, const char *device, uint32_t rights)
{
	struct mmiod_wire_operate element = operate(device, rights);
	const struct mmiod_wire_granted *granted;

	cr_assert_eq(client_operate(fd, &element, 1, 0), MMIOD_OK);
	granted = answer_element(0);
	cr_assert_eq(granted->status, MMIOD_OK, "%s", answer_text(granted->text));
	client_close_fds();
	return granted->lease;
}

static struct mmiod_wire_alloc memory_for(uint64_t device_file, uint64_t length)
{
	struct mmiod_wire_alloc element = ask(MMIOD_MEMORY_DMA, "", length);

	element.device_lease = device_file;
	return element;
}

static struct mmiod_wire_alloc memory_at(uint64_t device_file, uint64_t length, uint64_t iova)
{
	struct mmiod_wire_alloc element = memory_for(device_file, length);

	element.iova = iova;
	element.dma_flags = MMIOD_DMA_FIXED_IOVA;
	return element;
}

static struct mmiod_wire_granted allocate(int fd, struct mmiod_wire_alloc element)
{
	const struct mmiod_wire_granted *granted;

	cr_assert_eq(client_alloc(fd, &element, 1, 0), MMIOD_OK);
	granted = answer_element(0);
	cr_assert_eq(granted->status, MMIOD_OK, "%s", answer_text(granted->text));
	cr_assert_eq(n_answer_fds, 1u);
	client_close_fds();
	return *granted;
}

static const struct backend_operation *opened(uint64_t id)
{
	return &rig_fake.operations[id % FAKE_MAX];
}

static const struct backend_buffer *made(uint64_t id)
{
	return &rig_fake.buffers[id % FAKE_MAX];
}

static struct lease *lease_of(uint64_t id)
{
	return lease_find(&rig.broker.leases, id);
}

/* ---- what is granted ------------------------------------------------------------------------- */

Test(dma, a_device_file_with_memory_has_the_width_of_its_addresses_and_no_trust)
{
	uint64_t id = lease_device(client_hello(ALICE), "nvme0", DMA);

	cr_assert_eq(opened(id)->rights, MMIOD_OPERATE_MASTER | MMIOD_OPERATE_DMA);
	cr_assert_eq(opened(id)->dma_bits, 40u);
}

Test(dma, memory_belongs_to_the_device_file_and_tells_where_the_device_finds_it)
{
	int fd = client_hello(ALICE);
	uint64_t id = lease_device(fd, "nvme0", DMA);
	struct mmiod_wire_granted granted = allocate(fd, memory_for(id, 3 * PAGE - 1));

	cr_assert_eq(granted.length, 3 * PAGE);
	cr_assert_eq(granted.iova, 0x100000u);
	cr_assert_eq(granted.rights, MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE);
	cr_assert_eq(made(granted.lease)->device_file, id);
	cr_assert_eq(made(granted.lease)->memory, MMIOD_MEMORY_DMA);
	cr_assert_eq(made(granted.lease)->pci, 0u);
	cr_assert_eq(lease_of(granted.lease)->device_lease, id);
	cr_assert_eq(lease_of(granted.lease)->grant, lease_of(id)->grant);
}

Test(dma, the_address_may_be_the_clients_choice)
{
	int fd = client_hello(ALICE);
	uint64_t id = lease_device(fd, "nvme0", DMA);
	struct mmiod_wire_granted granted = allocate(fd, memory_at(id, PAGE, 0x7000000));

	cr_assert_eq(granted.iova, 0x7000000u);
	cr_assert_eq(made(granted.lease)->dma_flags, MMIOD_DMA_FIXED_IOVA);
}

Test(dma, another_process_of_the_same_user_may_have_memory_for_it_and_nobody_else)
{
	int fd = client_hello(ALICE), other = client_hello(ALICE), bob = client_hello(BOB);
	uint64_t id = lease_device(fd, "nvme0", DMA);

	allocate(other, memory_for(id, PAGE));
	alloc_refused(bob, memory_for(id, PAGE), MMIOD_E_NOT_FOUND, "you have no lease");
}

Test(dma, the_list_names_the_device_and_the_address)
{
	int fd = client_hello(ALICE);
	uint64_t id = lease_device(fd, "nvme0", DMA);
	struct mmiod_wire_granted granted = allocate(fd, memory_for(id, PAGE));
	const struct mmiod_wire_lease *listed;

	cr_assert_eq(client_list(fd, MMIOD_OP_LEASES, id), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 1u);
	listed = answer_element(0);
	cr_assert_eq(listed->id, granted.lease);
	cr_assert_eq(listed->kind, MMIOD_KIND_BUFFER);
	cr_assert_str_eq(listed->region, "nvme0");
	cr_assert_eq(listed->device_lease, id);
	cr_assert_eq(listed->iova, 0x100000u);
}

/* ---- trust ----------------------------------------------------------------------------------- */

Test(dma, trust_comes_by_itself_where_both_device_and_grant_have_it)
{
	int alice = client_hello(ALICE);
	uint64_t id = lease_device(alice, "edu", DMA);
	const struct mmiod_wire_granted *granted = answer_element(0);

	cr_assert_eq(granted->rights, DMA | MMIOD_MAY_DMA_TRUSTED);
	cr_assert_eq(opened(id)->rights,
		     MMIOD_OPERATE_MASTER | MMIOD_OPERATE_DMA | MMIOD_OPERATE_DMA_TRUSTED);
}

Test(dma, a_trusted_device_is_bounded_for_whom_the_grant_does_not_trust)
{
	int bob = client_hello(BOB);
	uint64_t id = lease_device(bob, "edu", DMA);

	cr_assert_eq(opened(id)->rights, MMIOD_OPERATE_MASTER | MMIOD_OPERATE_DMA);
	cr_assert_eq(client_end(bob, MMIOD_OP_RELEASE, id), MMIOD_OK);
	operate_refused(bob, operate("edu", DMA | MMIOD_MAY_DMA_TRUSTED), MMIOD_E_DENIED,
			"\"dma = trusted\"");
}

Test(dma, explain_says_aloud_that_nothing_bounds_the_device)
{
	int alice = client_hello(ALICE), bob = client_hello(BOB);

	cr_assert_eq(client_explain_operate(alice, "edu", DMA), MMIOD_OK);
	cr_assert(answer.explanation.allowed);
	cr_assert(strstr(answer_text(answer.explanation.text), "read and write all memory"));
	cr_assert_eq(client_explain_operate(bob, "edu", DMA), MMIOD_OK);
	cr_assert(answer.explanation.allowed);
	cr_assert_null(strstr(answer_text(answer.explanation.text), "read and write all memory"));
}

/* ---- what is refused ------------------------------------------------------------------------- */

Test(dma, who_is_not_granted_it_is_told_which_key_is_missing)
{
	rig_stop();
	rig_start(DEVICES "[grant g]\ndevice = nvme0\nuser = 4001\nbus-master = yes\n");
	operate_refused(client_hello(ALICE), operate("nvme0", DMA), MMIOD_E_DENIED,
			"it does not say \"dma = iommu\"");
	operate_refused(client_hello(GUEST), operate("nvme0", DMA), MMIOD_E_DENIED, "no grant");
}

Test(dma, what_makes_no_sense_is_refused_with_the_rule)
{
	int fd = client_hello(ALICE);
	uint64_t id = lease_device(fd, "nvme0", DMA);
	struct mmiod_wire_alloc element = memory_for(id, PAGE);

	operate_refused(fd, operate("nvme0", MMIOD_MAY_DMA_TRUSTED), MMIOD_E_INVALID,
			"ask for that right, too");
	alloc_refused(fd, memory_for(id, 0), MMIOD_E_INVALID, "0 bytes");
	alloc_refused(fd, memory_at(id, PAGE, 0x7000001), MMIOD_E_INVALID,
		      "0x7000001 is no address at which a device can find memory");
	alloc_refused(fd, memory_at(id, PAGE, 0), MMIOD_E_INVALID, "0x0 is no address");
	element.iova = PAGE;
	alloc_refused(fd, element, MMIOD_E_INVALID, "is no address");
	element = memory_for(id, PAGE);
	element.dma_flags = 1u << 31;
	alloc_refused(fd, element, MMIOD_E_UNSUPPORTED, "unknown flag");
	element = memory_for(id, PAGE);
	element.memory = MMIOD_MEMORY_PAGES;
	alloc_refused(fd, element, MMIOD_E_INVALID, "is of kind dma");
	element = memory_for(id, PAGE);
	strcpy(element.region, "nvme0");
	alloc_refused(fd, element, MMIOD_E_INVALID, "has no region");
	element = memory_for(0, PAGE);
	element.dma_flags = MMIOD_DMA_DEVICE_READS_ONLY;
	alloc_refused(fd, element, MMIOD_E_INVALID, "name its lease");
	element = memory_for(id, PAGE);
	element.max_extents = 1;
	alloc_refused(fd, element, MMIOD_E_INVALID, "kernel memory has no extents to choose");
	alloc_refused(fd, memory_for(id + 1000, PAGE), MMIOD_E_NOT_FOUND, "you have no lease");
}

Test(dma, a_device_file_that_was_opened_without_it_gets_no_memory)
{
	int fd = client_hello(ALICE);
	uint64_t id = lease_device(fd, "nvme0", MMIOD_MAY_MASTER);

	alloc_refused(fd, memory_for(id, PAGE), MMIOD_E_DENIED, "operate the device anew");
}

Test(dma, bytes_under_a_grant_bound_the_memory_of_its_devices)
{
	int fd = client_hello(ALICE);
	uint64_t id = lease_device(fd, "nvme0", DMA);
	struct mmiod_wire_granted granted = allocate(fd, memory_for(id, 0x10000));

	alloc_refused(fd, memory_for(id, PAGE), MMIOD_E_QUOTA, "[grant drivers]");
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, granted.lease), MMIOD_OK);
	fake_close_window(&rig_fake, granted.lease);
	rig_turn();
	allocate(fd, memory_for(id, PAGE));
}

Test(dma, an_address_that_is_taken_is_refused_with_its_holder_and_what_is_free)
{
	int fd = client_hello(ALICE);
	uint64_t id = lease_device(fd, "nvme0", DMA);
	char words[64];

	snprintf(words, sizeof(words), "lease %llu",
		 (unsigned long long)allocate(fd, memory_at(id, PAGE, 0x7000000)).lease);
	rig_fake.create_error = -EEXIST;
	rig_fake.free_iova = 0x7001000;
	alloc_refused(fd, memory_at(id, PAGE, 0x7000000), MMIOD_E_BUSY,
		      "are taken by 0x7000000+0x1000, which is held by");
	alloc_refused(fd, memory_at(id, PAGE, 0x7000000), MMIOD_E_BUSY, words);
	alloc_refused(fd, memory_at(id, PAGE, 0x7000000), MMIOD_E_BUSY,
		      "there is room for it at 0x7001000");
	cr_assert_eq(((const struct mmiod_wire_granted *)answer_element(0))->iova, 0x7001000u);
}

Test(dma, an_address_that_cannot_be_is_refused_with_the_bits_of_the_device)
{
	int fd = client_hello(ALICE);
	uint64_t id = lease_device(fd, "nvme0", DMA);

	rig_fake.create_error = -EINVAL;
	rig_fake.free_iova = MMIOD_IOVA_NONE;
	alloc_refused(fd, memory_at(id, PAGE, 1ull << 40), MMIOD_E_INVALID,
		      "more than the device's 40 bits");
	alloc_refused(fd, memory_at(id, PAGE, 1ull << 40), MMIOD_E_INVALID,
		      "there is no room for it anywhere");
	rig_fake.create_error = -ENOSPC;
	alloc_refused(fd, memory_at(id, PAGE, 1ull << 33), MMIOD_E_QUOTA, "page tables");
	alloc_refused(fd, memory_for(id, PAGE), MMIOD_E_QUOTA, "have no room");
	rig_fake.create_error = -ENODEV;
	alloc_refused(fd, memory_for(id, PAGE), MMIOD_E_GONE, "operates no device any more");
	rig_fake.create_error = -EBUSY;
	alloc_refused(fd, memory_for(id, PAGE), MMIOD_E_BUSY, "other \"dma-bits\"");
	rig_fake.create_error = -EPERM;
	alloc_refused(fd, memory_for(id, PAGE), MMIOD_E_DENIED, "locked down");
	rig_fake.create_error = -EIO;
	alloc_refused(fd, memory_for(id, PAGE), MMIOD_E_GONE, "bound anew");
	rig_fake.create_error = -EOPNOTSUPP;
	alloc_refused(fd, memory_for(id, PAGE), MMIOD_E_UNSUPPORTED, "behind one only");
	alloc_refused(fd, memory_at(id, PAGE, 1ull << 33), MMIOD_E_UNSUPPORTED,
		      "0x200000000 cannot be asked for: no IOMMU");
}

Test(dma, without_an_iommu_the_refusal_names_what_would_help)
{
	rig_fake.open_error = -EPERM;
	for (size_t i = 0; i < rig_fake.n_devices; i++)
		rig_fake.devices[i].group = MMIOD_GROUP_NONE;
	operate_refused(client_hello(ALICE), operate("nvme0", DMA), MMIOD_E_DENIED,
			"is bounded by no IOMMU");
	operate_refused(client_hello(ALICE), operate("nvme0", DMA), MMIOD_E_DENIED,
			"\"dma = trusted\" in section and grant");
	operate_refused(client_hello(ALICE), operate("nvme0", MMIOD_MAY_MASTER), MMIOD_E_DENIED,
			"is bounded by no IOMMU");
}

Test(dma, an_iommu_that_does_not_isolate_is_refused_with_what_is_missing)
{
	int fd = client_hello(ALICE);

	rig_fake.open_error = -EPERM;
	for (size_t i = 0; i < rig_fake.n_devices; i++)
		rig_fake.devices[i].group = 7;
	operate_refused(fd, operate("nvme0", DMA), MMIOD_E_DENIED, "can forge interrupts");
	for (size_t i = 0; i < rig_fake.n_devices; i++)
		rig_fake.devices[i].claim_error = -EPERM;
	operate_refused(fd, operate("nvme0", DMA), MMIOD_E_DENIED, "group 7 of the IOMMU");
	operate_refused(fd, operate("edu", DMA), MMIOD_E_DENIED, "bound to mmiod or to no driver");
}

/* ---- how it ends ----------------------------------------------------------------------------- */

Test(dma, memory_ends_with_the_device_file_and_its_holder_is_told_why)
{
	int fd = client_hello(ALICE);
	uint64_t id = lease_device(fd, "nvme0", DMA);
	uint64_t memory = allocate(fd, memory_for(id, PAGE)).lease;

	fake_window(&rig_fake, memory)->state = MMIOD_STATE_REVOKED;
	fake_event(&rig_fake, MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_REVOKED, memory);
	events_drain(&rig.broker);
	rig_turn();
	cr_assert(lease_is_over(lease_of(memory)));
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.msg.opcode, MMIOD_OP_EVENT);
	cr_assert_eq(answer.event.lease, memory);
	cr_assert_eq(answer.event.type, MMIOD_EVENT_REVOKED);
	cr_assert(strstr(answer_text(answer.event.text), "operates the device has ended"));
}

Test(dma, a_device_file_that_was_revoked_gets_no_more_memory)
{
	int fd = client_hello(ALICE), root = client_hello(0);
	uint64_t id = lease_device(fd, "nvme0", DMA);

	cr_assert_eq(client_end(root, MMIOD_OP_REVOKE, id), MMIOD_OK);
	cr_assert_gt(client_receive(fd), 0);
	alloc_refused(fd, memory_for(id, PAGE), MMIOD_E_GONE, "no more: it was revoked");
}

Test(dma, after_a_restart_memory_and_device_file_belong_together_again)
{
	int fd = client_hello(ALICE);
	uint64_t id = lease_device(fd, "nvme0", DMA);
	uint64_t memory = allocate(fd, memory_at(id, PAGE, 0x7000000)).lease;

	rig_restart();
	fd = client_hello(ALICE);
	cr_assert_eq(lease_of(memory)->device_lease, id);
	cr_assert_eq(lease_of(memory)->iova, 0x7000000u);
	cr_assert_eq(lease_of(memory)->kind, MMIOD_KIND_BUFFER);
	cr_assert(lease_of(id)->operates & MMIOD_OPERATE_DMA);
	cr_assert_eq(lease_of(memory)->bytes.amount, PAGE, "counted as before");
	rig_fake.create_error = -EEXIST;
	alloc_refused(fd, memory_at(id, PAGE, 0x7000000), MMIOD_E_BUSY, "are taken by");
	rig_fake.create_error = 0;
	allocate(fd, memory_for(id, PAGE));
}

Test(dma, memory_that_no_grant_gives_any_more_ends_at_a_reload)
{
	int fd = client_hello(ALICE);
	uint64_t id = lease_device(fd, "nvme0", DMA);
	uint64_t memory = allocate(fd, memory_for(id, PAGE)).lease;

	rig_write_config("[daemon]\nrevoke-on-reload = yes\n" DEVICES
			 "[grant drivers]\ndevice = nvme0\nuser = 4001\nbus-master = yes\n");
	daemon_reload(&rig);
	for (int i = 0; i < 10; i++)
		rig_turn();
	cr_assert(lease_is_over(lease_of(id)));
	cr_assert(lease_is_over(lease_of(memory)));
}

Test(dma, memory_that_is_still_given_outlives_a_reload)
{
	int fd = client_hello(ALICE);
	uint64_t id = lease_device(fd, "nvme0", DMA);
	uint64_t memory = allocate(fd, memory_for(id, PAGE)).lease;

	rig_write_config("[daemon]\nrevoke-on-reload = yes\n" DEVICES GRANTS);
	daemon_reload(&rig);
	for (int i = 0; i < 10; i++)
		rig_turn();
	cr_assert_not(lease_is_over(lease_of(id)));
	cr_assert_not(lease_is_over(lease_of(memory)));
}
