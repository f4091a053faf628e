/* SPDX-License-Identifier: MIT */
/* Memory for DMA, against a daemon that hands out memory files as simulation's do. */
#include "support/fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RIGHTS (MMIOD_MAY_MASTER | MMIOD_MAY_DMA)
#define OPERATION 17u
#define MEMORY 18u

struct reply_granted {
	struct mmiod_msg msg;
	struct mmiod_wire_granted granted;
	char text[64];
};

static struct mmiod_wire_alloc asked; /* by the program */

/* @text: why not; "": it is granted. */
static void answer(struct fake *fake, const struct mmiod_msg *request,
		   struct mmiod_wire_granted granted, const char *text)
{
	int file = memfd_create("file", MFD_CLOEXEC);
	struct reply_granted reply = {
		.msg = { .size = sizeof(reply),
			 .opcode = request->opcode,
			 .flags = MMIOD_MSG_REPLY,
			 .fds = granted.status == MMIOD_OK,
			 .id = request->id,
			 .fixed = sizeof(reply.msg),
			 .count = 1,
			 .stride = sizeof(reply.granted) },
		.granted = granted,
	};

	cr_assert_eq(ftruncate(file, 4096), 0);
	strcpy(reply.text, text);
	if (text[0]) {
		reply.granted.text.offset = offsetof(struct reply_granted, text);
		reply.granted.text.length = (uint32_t)strlen(text);
	}
	fake_send(fake, &reply, sizeof(reply), &file, reply.msg.fds);
	close(file);
}

static void grant_operation(struct fake *fake, unsigned int rights)
{
	const struct mmiod_msg *request;

	fake_accept_silently(fake);
	fake_greet(fake, MMIOD_BACKEND_SIMULATION);
	request = fake_read(fake);
	cr_expect_eq(request->opcode, MMIOD_OP_OPERATE);
	answer(fake, request, (struct mmiod_wire_granted){ .lease = OPERATION, .rights = rights },
	       "");
}

static const struct mmiod_msg *read_allocation(struct fake *fake)
{
	const struct mmiod_msg *request = fake_read(fake);

	cr_expect_eq(request->opcode, MMIOD_OP_ALLOC);
	cr_expect_eq(request->stride, sizeof(struct mmiod_wire_alloc));
	memcpy(&asked, (const uint8_t *)request + request->fixed, sizeof(asked));
	cr_expect_eq(asked.memory, MMIOD_MEMORY_DMA);
	cr_expect_eq(asked.device_lease, OPERATION);
	cr_expect_eq(asked.node, -1);
	cr_expect_eq(asked.region[0], '\0');
	return request;
}

static void serve_memory(struct fake *fake)
{
	grant_operation(fake, RIGHTS | MMIOD_MAY_DMA_TRUSTED);
	answer(fake, read_allocation(fake),
	       (struct mmiod_wire_granted){ .lease = MEMORY,
					    .length = 4096,
					    .rights = MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE,
					    .memtype = MMIOD_MEMTYPE_WB,
					    .mmapable = 1,
					    .iova = 0x7000000 },
	       "");
	cr_expect_eq(asked.length, 100u);
	cr_expect_eq(asked.iova, 0x7000000u);
	cr_expect_eq(asked.dma_flags, MMIOD_DMA_FIXED_IOVA | MMIOD_DMA_DEVICE_READS_ONLY);
	cr_expect_eq(asked.flags, MMIOD_ALLOC_CONNECTION);
	fake_wait_hang_up(fake);
}

static struct mmiod_operation *operate_or_fail(struct mmiod_client *client, unsigned int rights)
{
	struct mmiod_operation *operation = NULL;

	cr_assert_eq(mmiod_client_operate(client, "nvme0", rights, 0, &operation), 0, "%s",
		     mmiod_client_error(client));
	return operation;
}

Test(dma, memory_is_asked_for_by_the_operation_and_tells_its_address)
{
	struct mmiod_operation *operation;
	struct mmiod_lease *memory;
	struct mmiod_client *client;
	struct fake fake;

	client = fake_serve(&fake, serve_memory, NULL);
	operation = operate_or_fail(client, RIGHTS);
	cr_assert_eq(mmiod_operation_rights(operation), RIGHTS | MMIOD_MAY_DMA_TRUSTED,
		     "what came by itself is told");
	cr_assert_eq(mmiod_operation_allocate(
			     operation, 100, 0x7000000,
			     MMIOD_OPERATION_CONNECTION | MMIOD_OPERATION_DEVICE_READS, &memory),
		     0, "%s", mmiod_client_error(client));
	cr_assert_eq(mmiod_lease_id(memory), MEMORY);
	cr_assert_eq(mmiod_lease_iova(memory), 0x7000000u);
	cr_assert_eq(mmiod_lease_memory(memory), MMIOD_MEMORY_DMA);
	mmiod_lease_free(memory);
	mmiod_operation_free(operation);
	fake_leave(&fake, client);
}

static void serve_refusal(struct fake *fake)
{
	grant_operation(fake, RIGHTS);
	answer(fake, read_allocation(fake),
	       (struct mmiod_wire_granted){ .status = MMIOD_E_BUSY, .iova = 0x7001000 },
	       "there is room for it at 0x7001000");
	cr_expect_eq(asked.dma_flags, MMIOD_DMA_FIXED_IOVA);
	fake_wait_hang_up(fake);
}

Test(dma, an_address_that_is_taken_is_busy_with_the_daemons_sentence)
{
	struct mmiod_operation *operation;
	struct mmiod_lease *memory;
	struct mmiod_client *client;
	struct fake fake;

	client = fake_serve(&fake, serve_refusal, NULL);
	operation = operate_or_fail(client, RIGHTS);
	cr_assert_eq(mmiod_operation_allocate(operation, 4096, 0x7000000, 0, &memory), -EBUSY);
	cr_assert_null(memory);
	cr_assert_not_null(strstr(mmiod_client_error(client), "0x7001000"));
	mmiod_operation_free(operation);
	fake_leave(&fake, client);
}

/* Nothing but the operation, with these rights. */
static void serve_operation(struct fake *fake)
{
	grant_operation(fake, *(const unsigned int *)fake->argument);
	fake_wait_hang_up(fake);
}

Test(dma, what_makes_no_sense_is_not_sent)
{
	struct mmiod_operation *operation;
	struct mmiod_lease *memory;
	struct mmiod_client *client;
	struct fake fake;

	client = fake_serve(&fake, serve_operation, &(unsigned int){ MMIOD_MAY_MASTER });
	operation = operate_or_fail(client, MMIOD_MAY_MASTER);
	cr_assert_eq(mmiod_operation_allocate(operation, 4096, 0, 0, &memory), -EPERM);
	cr_assert_not_null(strstr(mmiod_client_error(client), "MMIOD_MAY_DMA"));
	cr_assert_null(memory);
	mmiod_operation_free(operation);
	fake_leave(&fake, client);
}

Test(dma, unknown_flags_are_refused)
{
	struct mmiod_operation *operation;
	struct mmiod_lease *memory;
	struct mmiod_client *client;
	struct fake fake;

	client = fake_serve(&fake, serve_operation, &(unsigned int){ RIGHTS });
	operation = operate_or_fail(client, RIGHTS);
	cr_assert_eq(mmiod_operation_allocate(operation, 4096, 0, 1u << 31, &memory), -EINVAL);
	cr_assert_not_null(strstr(mmiod_client_error(client), "flags 0x80000000"));
	mmiod_operation_free(operation);
	fake_leave(&fake, client);
}

Test(dma, memory_is_asked_for_by_the_client_that_is_named)
{
	struct mmiod_operation *operation;
	struct mmiod_lease *memory;
	struct mmiod_client *client;
	struct fake fake;

	client = fake_serve(&fake, serve_memory, NULL);
	operation = operate_or_fail(client, RIGHTS);
	cr_assert_eq(mmiod_operation_allocate_by(
			     operation, client, 100, 0x7000000,
			     MMIOD_OPERATION_CONNECTION | MMIOD_OPERATION_DEVICE_READS, &memory),
		     0, "%s", mmiod_client_error(client));
	cr_assert_eq(mmiod_lease_id(memory), MEMORY);
	mmiod_lease_free(memory);
	cr_assert_eq(mmiod_operation_allocate_by(operation, NULL, 100, 0, 0, &memory), -ENOTCONN);
	mmiod_operation_free(operation);
	fake_leave(&fake, client);
}

Test(dma, an_operation_that_was_handed_down_has_nobody_to_ask)
{
	struct mmiod_operation *operation, *found;
	struct mmiod_lease *memory;
	struct mmiod_client *client;
	char entry[128], identity[64];
	struct fake fake;

	client = fake_serve(&fake, serve_operation, &(unsigned int){ RIGHTS });
	operation = operate_or_fail(client, RIGHTS);
	cr_assert_eq(mmiod_operation_identity(operation, identity, sizeof(identity)), 0);
	snprintf(entry, sizeof(entry), "%d@%s:nvme0", mmiod_operation_fd(operation), identity);
	setenv("MMIOD_DEVICES", entry, 1);
	cr_assert_eq(mmiod_operation_inherited("nvme0", 0, &found), 0, "%s",
		     mmiod_client_error(NULL));
	cr_assert_eq(mmiod_operation_allocate(found, 4096, 0, 0, &memory), -ENOTCONN);
	cr_assert_not_null(strstr(mmiod_client_error(NULL), "mmiod_operation_allocate_by()"));
	cr_assert_eq(mmiod_operation_allocate_by(found, client, 4096, 0, 0, &memory), -EOPNOTSUPP,
		     "simulation does not tell the lease by the file");
	cr_assert_not_null(strstr(mmiod_client_error(client), "simulation"));
	mmiod_operation_free(found);
	mmiod_operation_free(operation);
	fake_leave(&fake, client);
}
