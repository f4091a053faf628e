// SPDX-License-Identifier: MIT
/* EXPLAIN: which rule decides about regions and about kernel memory, and what it says of itself. */
#include <criterion/criterion.h>
#include <string.h>
#include "support/rig.h"

#define OPERATOR 4001
#define WRITER 4002
#define GUEST 4999
#define READ MMIOD_RIGHT_READ
#define WRITE (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)

static void start(void)
{
	rig_start("[region shm]\nphys = 0x10000000\nsize = 1M\n"
		  "[grant us]\nregion = shm\nuser = 4001\nmemory = pages dma\nlease = 500ms\n"
		  "leases = 3\nbytes = 2M\n"
		  "[region card]\nphys = 0x20000000\nsize = 64K\nwidth = 32\ncache = uc\n"
		  "[region pool]\nphys = 0x30000000\nsize = 64K\npool = yes\nwipe = no\n"
		  "[grant some]\nregion = card\nuser = 4003\naccess = rw\nrange = 0x100-0x1ff\n"
		  "[grant writers]\nregion = shm card pool\nuser = 4002 65534\nmemory = "
		  "dma\naccess = rw\n");
}

TestSuite(explain, .init = start, .fini = rig_stop);

static void explained(uint32_t status, uint32_t allowed, const char *grant, const char *words)
{
	cr_assert_eq(status, MMIOD_OK, "%s", answer_text(answer.error.text));
	cr_assert_eq(answer.explanation.allowed, allowed);
	cr_assert_str_eq(answer.explanation.grant, grant);
	cr_assert_not_null(strstr(answer_text(answer.explanation.text), words),
			   "\"%s\" lacks \"%s\"", answer_text(answer.explanation.text), words);
}

Test(explain, of_a_region_the_terms_are_told_exactly)
{
	int fd = client_hello(OPERATOR);

	explained(client_explain(fd, 0, "shm", READ, 0), 1, "us",
		  ": r, guest, uc, for 500 ms, may be renewed, 3 leases, 2097152 bytes");
	explained(client_explain(fd, 0, "shm", WRITE, 0), 0, "us", "only read region shm");
}

Test(explain, of_kernel_memory_the_grant_of_the_kind_decides)
{
	int fd = client_hello(OPERATOR);

	explained(client_explain(fd, MMIOD_MEMORY_PAGES, "", WRITE, 0), 1, "us",
		  ": pages, for 500 ms, may be renewed, 3 leases, 2097152 bytes");
	explained(client_explain(fd, MMIOD_MEMORY_KMALLOC, "", WRITE, 0), 0, "",
		  "no grant gives user 4001 (uid 4001) kernel memory of kind kmalloc");
	fd = client_hello(GUEST);
	explained(client_explain(fd, MMIOD_MEMORY_PAGES, "", WRITE, 0), 0, "us",
		  " needs user 4001");
	cr_assert_eq(answer.explanation.instead.length, 0u);
}

Test(explain, dma_memory_is_for_who_may_write_to_the_device)
{
	int fd = client_hello(OPERATOR), writer = client_hello(WRITER);

	region_find(&rig.broker.regions, "shm")->hw.bar = 0;
	explained(client_explain(fd, MMIOD_MEMORY_DMA, "", READ, 0), 1, "us", ": dma");
	explained(client_explain(fd, MMIOD_MEMORY_DMA, "shm", READ, 0), 0, "us",
		  "only read region shm");
	cr_assert_eq(answer.explanation.instead.length, 0u, "reading would not do");
	explained(client_explain(writer, MMIOD_MEMORY_DMA, "shm", READ, 0), 1, "writers", ": dma");
	cr_assert_eq(client_explain(writer, MMIOD_MEMORY_DMA, "nothing", READ, 0),
		     MMIOD_E_NOT_FOUND);
}

Test(explain, about_others_only_administrators_ask_also_of_kernel_memory)
{
	int fd = client_hello(GUEST), root = client_hello(0);

	cr_assert_eq(client_explain(fd, MMIOD_MEMORY_PAGES, "", READ, OPERATOR), MMIOD_E_DENIED);
	explained(client_explain(root, MMIOD_MEMORY_PAGES, "", READ, OPERATOR), 1, "us", ": pages");
	explained(client_explain(root, MMIOD_MEMORY_PAGES, "", READ, WRITER), 0, "us", "needs");
}

Test(explain, what_kernel_memory_does_not_have_is_refused)
{
	int fd = client_hello(OPERATOR);

	cr_assert_eq(client_explain(fd, MMIOD_MEMORY_PAGES, "shm", READ, 0), MMIOD_E_INVALID);
	cr_assert_eq(client_explain(fd, MMIOD_MEMORY_DMA + 1, "", READ, 0), MMIOD_E_INVALID);
	cr_assert_eq(client_explain(fd, MMIOD_MEMORY_PAGES, "", 0, 0), MMIOD_E_INVALID);
}

Test(explain, what_lies_outside_of_the_region_is_not_said_to_be_granted)
{
	static const uint64_t places[][2] = { { 1 << 20, 0 },
					      { 0, (1 << 20) + 1 },
					      { 8, UINT64_MAX } };
	struct mmiod_msg_explain message = { .msg = { .size = sizeof(message),
						      .opcode = MMIOD_OP_EXPLAIN,
						      .fixed = sizeof(message) },
					     .region = "shm",
					     .rights = READ,
					     .flags = MMIOD_EXPLAIN_SELF };
	int fd = client_hello(OPERATOR);

	for (size_t i = 0; i < array_size(places); i++) {
		message.offset = places[i][0];
		message.length = places[i][1];
		client_send(fd, &message, sizeof(message));
		rig_turn();
		cr_assert_gt(client_receive(fd), 0);
		cr_assert_eq(answer.msg.status, MMIOD_E_INVALID, "case %zu", i);
		cr_assert_not_null(strstr(answer_text(answer.error.text), "outside of region shm"));
	}
}

/* Its request ends before the kind of memory. */
Test(explain, a_library_of_the_first_version_asks_about_regions)
{
	struct mmiod_msg_explain message = { .msg = { .size = MMIOD_V1_EXPLAIN,
						      .opcode = MMIOD_OP_EXPLAIN,
						      .fixed = MMIOD_V1_EXPLAIN },
					     .region = "shm",
					     .rights = READ,
					     .flags = MMIOD_EXPLAIN_SELF };
	int fd = client_hello(OPERATOR);

	client_send(fd, &message, MMIOD_V1_EXPLAIN);
	rig_turn();
	cr_assert_gt(client_receive(fd), 0);
	explained(answer.msg.status, 1, "us", ": r, guest, uc");
}

/* ---- what is said is what happens ------------------------------------------------------------ */

static struct mmiod_msg_explain question(const char *region, uint64_t offset, uint64_t length,
					 uint32_t rights)
{
	struct mmiod_msg_explain message = { .msg = { .size = sizeof(message),
						      .opcode = MMIOD_OP_EXPLAIN,
						      .fixed = sizeof(message) },
					     .offset = offset,
					     .length = length,
					     .rights = rights,
					     .flags = MMIOD_EXPLAIN_SELF };

	snprintf(message.region, sizeof(message.region), "%s", region);
	return message;
}

static uint32_t ask_about(int fd, struct mmiod_msg_explain message)
{
	client_send(fd, &message, sizeof(message));
	rig_turn();
	cr_assert_gt(client_receive(fd), 0);
	return answer.msg.status;
}

static void is_refused(int fd, struct mmiod_msg_explain message, uint32_t status, const char *words)
{
	cr_assert_eq(ask_about(fd, message), status);
	cr_assert_not_null(strstr(answer_text(answer.error.text), words), "\"%s\" lacks \"%s\"",
			   answer_text(answer.error.text), words);
}

static void is_answered(int fd, struct mmiod_msg_explain message, uint32_t outcome,
			const char *words)
{
	explained(ask_about(fd, message), outcome == MMIOD_OK, "writers", words);
	cr_assert_eq(answer.explanation.outcome, outcome);
}

Test(explain, what_a_lease_would_be_refused_for_is_not_said_to_be_granted)
{
	struct mmiod_msg_explain message = question("card", 0, 0, WRITE);
	int fd = client_hello(WRITER);

	message.memtype = MMIOD_MEMTYPE_WC;
	is_refused(fd, message, MMIOD_E_INVALID, "may not have memory type wc");
	is_refused(fd, question("pool", 0, 0x1000, WRITE), MMIOD_E_INVALID, "is a pool");
	is_refused(fd, question("card", 1, 3, WRITE), MMIOD_E_INVALID, "multiples of the width");
	message = question("card", 0, 4, WRITE);
	message.share = MMIOD_SHARE_GUEST;
	is_refused(fd, message, MMIOD_E_INVALID, "a guest reads");
}

Test(explain, a_region_may_be_named_by_its_address)
{
	struct region *region = region_find(&rig.broker.regions, "shm");
	int fd = client_hello(WRITER);

	region->hw.pci = MMIOD_PCI_ADDR(0, 1, 0, 0);
	region->hw.bar = 0;
	is_answered(fd, question("0000:01:00.0/bar0", 0, 0x1000, WRITE), MMIOD_OK,
		    ": rw, exclusive, uc");
	is_refused(fd, question("0000:09:00.0/bar0", 0, 0x1000, WRITE), MMIOD_E_NOT_FOUND,
		   "no region has");
}

Test(explain, who_holds_it_is_said_beside_the_rule)
{
	struct mmiod_wire_want element = want("shm", 0x1000, 0x1000, WRITE, 0);
	int fd = client_hello(WRITER);

	cr_assert_eq(client_lease(fd, &element, 1, 0), MMIOD_OK);
	is_answered(fd, question("shm", 0, 0, WRITE), MMIOD_E_BUSY,
		    "rw, exclusive, uc; but 0x0+0x");
	is_answered(fd, question("shm", 0, 0, WRITE), MMIOD_E_BUSY,
		    "is held by user 4002 (uid 4002)");
	is_answered(fd, question("shm", 0, 0x1000, WRITE), MMIOD_OK, "rw");
}

Test(explain, quota_counts_too)
{
	struct mmiod_wire_want element = want("shm", 0, 0x1000, READ, 0);
	int fd = client_hello(OPERATOR);

	for (int i = 0; i < 3; i++)
		cr_assert_eq(client_lease(fd, &element, 1, 0), MMIOD_OK);
	cr_assert_eq(ask_about(fd, question("shm", 0x2000, 0x1000, READ)), MMIOD_OK);
	cr_assert_eq(answer.explanation.outcome, MMIOD_E_QUOTA);
	cr_assert_not_null(
		strstr(answer_text(answer.explanation.text), "has 3 leases under [grant us]"));
	client_close_fds();
}

Test(explain, a_device_that_is_not_there_is_said_to_be_granted_but_gone)
{
	int fd = client_hello(WRITER);

	rig_fake.claim_error = -ENODEV;
	fake_remove_device(&rig_fake, "card");
	events_drain(&rig.broker);
	is_answered(fd, question("card", 0, 4, WRITE), MMIOD_E_GONE,
		    "; but region card is not there");
}

/* A pool as a whole stands for the least of its blocks. */
Test(explain, a_pool_is_asked_about_as_a_whole)
{
	struct mmiod_wire_alloc element = ask(MMIOD_MEMORY_REGION, "pool", 0x10000);
	int fd = client_hello(WRITER);

	is_answered(fd, question("pool", 0, 0, WRITE), MMIOD_OK, ": rw, exclusive, uc");
	cr_assert_eq(client_alloc(fd, &element, 1, 0), MMIOD_OK);
	is_answered(fd, question("pool", 0, 0, WRITE), MMIOD_E_BUSY, "; but pool pool: ");
}

/* It is what a uid of another user namespace looks like: what it gets is what unknown peers get. */
Test(explain, of_user_nobody_is_said_what_nobody_gets)
{
	int root = client_hello(0);

	cr_assert_eq(client_explain(root, 0, "shm", WRITE, 65534), MMIOD_OK);
	cr_assert_eq(answer.explanation.allowed, 0u);
	cr_assert_eq(answer.explanation.outcome, MMIOD_E_DENIED);
	cr_assert_not_null(strstr(answer_text(answer.explanation.text), "the peer is unknown"));
}

Test(explain, it_takes_nothing)
{
	int fd = client_hello(WRITER);

	is_answered(fd, question("shm", 0, 0, WRITE), MMIOD_OK, "");
	cr_assert_eq(rig_fake.n_windows, 0u);
	cr_assert_eq(user_uses(&rig.broker.host.users, WRITER, USER_LEASES), 0u);
	cr_assert(!rig.broker.leases.accounts || !rig.broker.leases.accounts->leases);
	is_answered(client_hello(WRITER), question("shm", 0, 0, WRITE), MMIOD_OK, "");
}

/* Policy is asked about all of the bytes, not about the first. */
Test(explain, what_begins_within_a_grants_range_and_ends_beyond_it_is_denied)
{
	int fd = client_hello(4003);

	lease_refused(fd, want("card", 0x1fc, 8, WRITE, 0), MMIOD_E_DENIED,
		      "have only 0x100-0x1ff of region card, not 0x1fc-0x203");
	cr_assert_eq(ask_about(fd, question("card", 0x1fc, 8, WRITE)), MMIOD_OK);
	cr_assert_eq(answer.explanation.outcome, MMIOD_E_DENIED);
	cr_assert_eq(ask_about(fd, question("card", 0x1fc, 4, WRITE)), MMIOD_OK);
	cr_assert_eq(answer.explanation.outcome, MMIOD_OK);
}
