// SPDX-License-Identifier: MIT
/* Vectors: what makes no sense, what is too much, and what is somebody else's. */
#include <unistd.h>

#include "fixture.h"

static struct mmiod_wire_interrupt *vectors_of(union request *request)
{
	return (struct mmiod_wire_interrupt *)(request->bytes + sizeof(struct mmiod_msg_lease));
}

/* Vector number N for element N. */
static void make_interrupts(union request *request, unsigned int count)
{
	memset(request, 0, sizeof(*request));
	make_lease(request, "", 1); /* for its header */
	request->head.opcode = MMIOD_OP_INTERRUPT;
	request->head.count = count;
	request->head.stride = sizeof(struct mmiod_wire_interrupt);
	request->head.size = (uint32_t)(sizeof(struct mmiod_msg_lease) +
					count * sizeof(struct mmiod_wire_interrupt));
	memset(request->bytes + sizeof(struct mmiod_msg_lease), 0,
	       sizeof(*request) - sizeof(struct mmiod_msg_lease));
	for (unsigned int i = 0; i < count; i++) {
		snprintf(vectors_of(request)[i].device, sizeof(vectors_of(request)[i].device), "%s",
			 OPEN_DEVICE);
		vectors_of(request)[i].vector = i;
	}
}

ATTACK(more_vectors_than_descriptors_fit_are_refused_as_a_whole)
{
	int fd = connect_greeted();
	union request request;

	make_interrupts(&request, 256);
	expect_harmless(fd, &request, MMIOD_E_INVALID);
	make_interrupts(&request, MMIOD_MSG_FDS_MAX + 1);
	expect_harmless(fd, &request, MMIOD_E_INVALID);
	make_interrupts(&request, 0);
	expect_harmless(fd, &request, MMIOD_E_INVALID);
}

ATTACK(a_vector_that_makes_no_sense_is_refused_by_itself)
{
	static const struct {
		size_t field;
		uint32_t value;
		uint32_t outcome;
	} cases[] = {
		{ offsetof(struct mmiod_wire_interrupt, vector), UINT32_MAX, MMIOD_E_INVALID },
		{ offsetof(struct mmiod_wire_interrupt, vector), 4, MMIOD_E_INVALID },
		{ offsetof(struct mmiod_wire_interrupt, kind), 4, MMIOD_E_UNSUPPORTED },
		{ offsetof(struct mmiod_wire_interrupt, kind), UINT32_MAX, MMIOD_E_UNSUPPORTED },
		{ offsetof(struct mmiod_wire_interrupt, kind), MMIOD_IRQ_MSI, MMIOD_E_INVALID },
		{ offsetof(struct mmiod_wire_interrupt, flags), 8, MMIOD_E_UNSUPPORTED },
		{ offsetof(struct mmiod_wire_interrupt, flags), 1u << 31, MMIOD_E_UNSUPPORTED },
		{ offsetof(struct mmiod_wire_interrupt, lease_ms), 1, MMIOD_E_INVALID },
		{ offsetof(struct mmiod_wire_interrupt, device), UINT32_MAX, MMIOD_E_NOT_FOUND },
	};
	struct answer *answer = malloc(sizeof(*answer));
	int fd = connect_greeted();
	union request request;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		make_interrupts(&request, 1);
		memcpy((uint8_t *)vectors_of(&request) + cases[i].field, &cases[i].value,
		       sizeof(cases[i].value));
		ask(fd, &request, answer);
		EXPECT_EQ(granted(answer, 0)->status, cases[i].outcome);
		EXPECT_EQ(answer->n_fds, 0);
		EXPECT(strlen(answer_text(answer, &granted(answer, 0)->text)) > 5);
	}
	free(answer);
	expect_status(fd);
}

ATTACK(a_device_without_an_end_to_its_name_is_refused)
{
	struct answer *answer = malloc(sizeof(*answer));
	int fd = connect_greeted();
	union request request;

	make_interrupts(&request, 1);
	memset(vectors_of(&request)->device, 'd', sizeof(vectors_of(&request)->device));
	ask(fd, &request, answer);
	EXPECT_EQ(granted(answer, 0)->status, MMIOD_E_INVALID);
	free(answer);
}

ATTACK(a_vector_is_held_once_whoever_asks_and_free_when_its_connection_ends)
{
	struct answer *answer = malloc(sizeof(*answer));
	int first = connect_greeted(), second = connect_greeted();
	union request request;

	make_interrupts(&request, 4);
	ask(first, &request, answer);
	EXPECT_EQ(answer->n_fds, 4);
	make_interrupts(&request, 4);
	ask(second, &request, answer);
	EXPECT_EQ(answer->n_fds, 0);
	EXPECT_EQ(granted(answer, 0)->status, MMIOD_E_BUSY);
	close(first);
	make_interrupts(&request, 4);
	request.lease.fixed.wait_ms = UINT32_MAX;
	ask(second, &request, answer);
	EXPECT_EQ(answer->n_fds, 4);
	free(answer);
}
