// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include "daemon/wire/reply.h"

static struct message message;
static const struct mmiod_msg request = { .opcode = MMIOD_OP_LEASE, .id = 77 };

static const char *text_of(struct mmiod_msg_text text)
{
	static char buffer[1024];

	snprintf(buffer, sizeof(buffer), "%.*s", (int)text.length,
		 (char *)message.data + text.offset);
	return buffer;
}

Test(reply, echoes_opcode_and_id_and_carries_its_own_size)
{
	struct mmiod_msg *head = reply_begin(&message, &request, sizeof(struct mmiod_msg), 2, 64);

	message_seal(&message);
	cr_assert_eq(head->id, 77u);
	cr_assert_eq(head->opcode, MMIOD_OP_LEASE);
	cr_assert_eq(head->flags, MMIOD_MSG_REPLY);
	cr_assert_eq(head->size, 32u + 128u);
	cr_assert_eq(message.length, head->size);
	cr_assert_eq(head->fds, 0u);
}

Test(reply, is_zero_where_nothing_was_written_even_after_another_one)
{
	uint8_t *data = reply_begin(&message, &request, 64, 4, 64);

	memset(data + sizeof(struct mmiod_msg), 0xff, message.length - sizeof(struct mmiod_msg));
	data = reply_begin(&message, &request, 64, 4, 64);
	for (size_t i = sizeof(struct mmiod_msg); i < message.length; i++)
		cr_assert_eq(data[i], 0u);
}

Test(reply, puts_text_behind_the_array)
{
	struct mmiod_msg_text first, second;

	reply_begin(&message, &request, 32, 1, 64);
	first = reply_text(&message, "%s %d", "first", 1);
	second = reply_text(&message, "second");
	cr_assert_eq(first.offset, 96u);
	cr_assert_str_eq(text_of(first), "first 1");
	cr_assert_str_eq(text_of(second), "second");
	cr_assert_eq(message.length, 96u + 7u + 6u);
}

Test(reply, leaves_text_out_that_does_not_fit)
{
	struct mmiod_msg_text text;

	reply_begin(&message, &request, MMIOD_MSG_MAX - 8, 0, 0);
	text = reply_text(&message, "this is too long");
	cr_assert_eq(text.offset, 0u);
	cr_assert_eq(text.length, 0u);
	cr_assert_eq(message.length, MMIOD_MSG_MAX - 8u);
	text = reply_text(&message, "short");
	cr_assert_str_eq(text_of(text), "short");
}

Test(reply, can_be_cut_to_the_elements_that_there_were)
{
	struct mmiod_msg *head = reply_begin(&message, &request, 40, 100, 64);

	reply_truncate(&message, 3);
	message_seal(&message);
	cr_assert_eq(head->count, 3u);
	cr_assert_eq(head->size, 40u + 3 * 64u);
}

Test(reply, an_error_replaces_what_was_begun)
{
	struct mmiod_msg_error *error = reply_begin(&message, &request, 64, 4, 64);

	reply_error(&message, &request, MMIOD_E_DENIED, "denied: %s", "rule");
	message_seal(&message);
	cr_assert_eq(error->msg.status, MMIOD_E_DENIED);
	cr_assert_eq(error->msg.count, 0u);
	cr_assert_str_eq(text_of(error->text), "denied: rule");
	cr_assert_eq(error->msg.size, sizeof(*error) + strlen("denied: rule"));
}

Test(reply, owns_its_descriptors)
{
	int fd = open("/dev/null", O_RDONLY);

	reply_begin(&message, &request, 32, 0, 0);
	reply_fd(&message, fd);
	message_seal(&message);
	cr_assert_eq(((struct mmiod_msg *)message.data)->fds, 1u);
	message_close_fds(&message);
	cr_assert_eq(message.n_fds, 0u);
	cr_assert_eq(fcntl(fd, F_GETFD), -1);
}

Test(event, says_what_happened_to_which_lease_and_why)
{
	struct mmiod_msg_event event = { .type = MMIOD_EVENT_REVOKE_ASKED,
					 .deadline_ms = 500,
					 .lease = 9 };
	struct mmiod_msg_event *out = (struct mmiod_msg_event *)message.data;

	event_begin(&message, &event, sizeof(event), "because");
	message_seal(&message);
	cr_assert_eq(out->msg.opcode, MMIOD_OP_EVENT);
	cr_assert_eq(out->msg.flags, MMIOD_MSG_EVENT);
	cr_assert_eq(out->msg.id, 0u);
	cr_assert_eq(out->lease, 9u);
	cr_assert_eq(out->deadline_ms, 500u);
	cr_assert_str_eq(text_of(out->text), "because");
	event_begin(&message, &event, sizeof(event), "");
	cr_assert_eq(out->text.offset, 0u);
}

Test(event, another_behind_it_begins_at_a_whole_word_and_knows_its_own_size)
{
	struct mmiod_msg_event event = { .type = MMIOD_EVENT_REVOKED, .lease = 1 }, out;

	message.length = 0;
	memset(message.data, 0xff, sizeof(message.data));
	event_begin(&message, &event, sizeof(event), "abc");
	event.lease = 2;
	event_append(&message, &event, sizeof(event), "");
	memcpy(&out, message.data, sizeof(out));
	cr_assert_eq(out.msg.size, sizeof(event) + 3);
	for (size_t i = out.msg.size; i % MMIOD_EVENT_ALIGN; i++)
		cr_assert_eq(message.data[i], 0, "what lies between says nothing");
	memcpy(&out, message.data + sizeof(event) + 8, sizeof(out));
	cr_assert_eq(out.msg.size, sizeof(event));
	cr_assert_eq(out.lease, 2u);
	cr_assert_eq(message.length, 2 * sizeof(event) + 8);
}

Test(event, there_is_room_for_another_while_the_longest_fits)
{
	struct mmiod_msg_event event = { .type = MMIOD_EVENT_REVOKED };
	size_t n = 1;

	event_begin(&message, &event, sizeof(event), "");
	for (; event_has_room(&message); n++)
		event_append(&message, &event, sizeof(event), "");
	cr_assert_leq(message.length, sizeof(message.data));
	cr_assert_gt(n, 1000u);
}
