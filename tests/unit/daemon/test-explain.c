// SPDX-License-Identifier: MIT
/*
 * EXPLAIN: which rule decides about regions and about kernel memory, and what it says of itself.
 */
#include <criterion/criterion.h>
#include <string.h>
#include "rig.h"

#define OPERATOR 4001
#define WRITER 4002
#define GUEST 4999
#define READ MMIOD_RIGHT_READ
#define WRITE (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)

static void start(void)
{
	rig_start("[region shm]\nphys = 0x10000000\nsize = 1M\n"
		  "[grant us]\nregion = shm\nuser = 4001\nmemory = pages dma\nlease = 500ms\n"
		  "leases = 3\nbytes = 64K\n"
		  "[grant writers]\nregion = shm\nuser = 4002\nmemory = dma\naccess = rw\n");
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
		  ": r, exclusive, uc, for 500 ms, may be renewed, 3 leases, 65536 bytes");
	explained(client_explain(fd, 0, "shm", WRITE, 0), 0, "us", "only read region shm");
}

Test(explain, of_kernel_memory_the_grant_of_the_kind_decides)
{
	int fd = client_hello(OPERATOR);

	explained(client_explain(fd, MMIOD_MEMORY_PAGES, "", WRITE, 0), 1, "us",
		  ": pages, for 500 ms, may be renewed, 3 leases, 65536 bytes");
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
	explained(answer.msg.status, 1, "us", ": r, exclusive, uc");
}
