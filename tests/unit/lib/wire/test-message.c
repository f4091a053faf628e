/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <common/escape.h>
#include "wire/wire.h"

/* A reply with a fixed part of 40 bytes, two elements of 24 and a text. */
struct sample {
	struct mmiod_msg_list_reply list;
	struct mmiod_wire_ended ended[2];
	char text[8];
};

static struct sample sample(void)
{
	return (struct sample){
		.list = { .msg = { .size = sizeof(struct sample),
				   .flags = MMIOD_MSG_REPLY,
				   .id = 7,
				   .fixed = sizeof(struct mmiod_msg_list_reply),
				   .count = 2,
				   .stride = sizeof(struct mmiod_wire_ended) },
			  .cursor = 99 },
		.ended = { { .lease = 1 }, { .lease = 2, .status = MMIOD_E_BUSY } },
		.text = "because",
	};
}

static int parse(const struct sample *bytes, struct message *message)
{
	return message_parse(bytes, sizeof(*bytes), message);
}

Test(message, is_read_whole)
{
	struct mmiod_msg_text text = { offsetof(struct sample, text), 7 };
	struct mmiod_msg_list_reply list;
	struct sample bytes = sample();
	struct mmiod_wire_ended ended;
	struct message message;
	char out[16];

	cr_assert_eq(parse(&bytes, &message), 0);
	cr_assert_eq(message.head.id, 7);
	cr_assert_eq(message_fixed(&message, &list, sizeof(list), MMIOD_V1_LIST), 0);
	cr_assert_eq(list.cursor, 99);
	cr_assert_eq(message_element(&message, 1, &ended, sizeof(ended), MMIOD_V1_ENDED), 0);
	cr_assert_eq(ended.lease, 2);
	cr_assert_eq(ended.status, MMIOD_E_BUSY);
	cr_assert_eq(message_text(&message, &text, out, sizeof(out)), 0);
	cr_assert_str_eq(out, "because");
}

Test(message, shorter_than_its_header_is_refused)
{
	struct sample bytes = sample();
	struct message message;

	for (size_t size = 0; size < sizeof(struct mmiod_msg); size++)
		cr_assert_eq(message_parse(&bytes, size, &message), -EPROTO);
}

Test(message, whose_size_is_not_the_packets_is_refused)
{
	struct sample bytes = sample();
	struct message message;

	bytes.list.msg.size--;
	cr_assert_eq(parse(&bytes, &message), -EPROTO);
	bytes.list.msg.size += 2;
	cr_assert_eq(parse(&bytes, &message), -EPROTO);
}

Test(message, whose_fixed_part_leaves_it_is_refused)
{
	struct sample bytes = sample();
	struct message message;

	bytes.list.msg.fixed = sizeof(bytes) + 1;
	cr_assert_eq(parse(&bytes, &message), -EPROTO);
	bytes.list.msg.fixed = sizeof(struct mmiod_msg) - 1;
	cr_assert_eq(parse(&bytes, &message), -EPROTO);
	bytes.list.msg.fixed = UINT32_MAX;
	cr_assert_eq(parse(&bytes, &message), -EPROTO);
}

Test(message, whose_array_leaves_it_is_refused)
{
	struct sample bytes = sample();
	struct message message;

	bytes.list.msg.count = 3;
	cr_assert_eq(parse(&bytes, &message), -EPROTO);
	bytes.list.msg.count = 0x80000000u;
	bytes.list.msg.stride = 0x80000000u;
	cr_assert_eq(parse(&bytes, &message), -EPROTO, "the product wraps");
	bytes.list.msg.count = 1;
	bytes.list.msg.stride = 0;
	cr_assert_eq(parse(&bytes, &message), -EPROTO);
}

Test(message, fixed_part_of_a_newer_daemon_is_read_as_far_as_it_is_known)
{
	struct sample bytes = sample();
	struct message message;
	struct mmiod_msg head;

	cr_assert_eq(parse(&bytes, &message), 0);
	cr_assert_eq(message_fixed(&message, &head, sizeof(head), MMIOD_V1_HEADER), 0);
	cr_assert_eq(head.size, sizeof(bytes));
}

Test(message, fixed_part_of_an_older_daemon_is_extended_with_zeros)
{
	struct {
		struct mmiod_msg_list_reply list;
		uint64_t newer;
	} known = { .newer = 1 };
	struct sample bytes = sample();
	struct message message;

	cr_assert_eq(parse(&bytes, &message), 0);
	cr_assert_eq(message_fixed(&message, &known, sizeof(known), MMIOD_V1_LIST), 0);
	cr_assert_eq(known.list.cursor, bytes.list.cursor);
	cr_assert_eq(known.newer, 0);
}

Test(message, fixed_part_shorter_than_the_first_one_was_is_refused)
{
	struct sample bytes = sample();
	struct mmiod_msg_list_reply list;
	struct message message;

	bytes.list.msg.fixed = sizeof(list) - 1;
	bytes.list.msg.count = 0;
	cr_assert_eq(parse(&bytes, &message), 0);
	cr_assert_eq(message_fixed(&message, &list, sizeof(list), MMIOD_V1_LIST), -EPROTO);
}

Test(message, element_follows_the_same_rules)
{
	struct sample bytes = sample();
	uint64_t known[4] = { 1, 1, 1, 1 };
	struct message message;
	uint64_t lease;

	cr_assert_eq(parse(&bytes, &message), 0);
	cr_assert_eq(message_element(&message, 0, &lease, sizeof(lease), MMIOD_V1_ENDED), 0);
	cr_assert_eq(lease, 1);
	cr_assert_eq(message_element(&message, 1, known, sizeof(known), MMIOD_V1_ENDED), 0);
	cr_assert_eq(known[3], 0);
	cr_assert_eq(message_element(&message, 1, &lease, sizeof(lease), MMIOD_V1_LEASE), -EPROTO,
		     "shorter than it ever was");
	cr_assert_eq(message_element(&message, 2, &lease, sizeof(lease), MMIOD_V1_ENDED), -EPROTO,
		     "there is none");
}

Test(message, text_that_leaves_it_is_refused)
{
	struct mmiod_msg_text text = { sizeof(struct sample) - 3, 4 };
	struct sample bytes = sample();
	struct message message;
	char out[16];

	cr_assert_eq(parse(&bytes, &message), 0);
	cr_assert_eq(message_text(&message, &text, out, sizeof(out)), -EPROTO);
	text = (struct mmiod_msg_text){ UINT32_MAX, 1 };
	cr_assert_eq(message_text(&message, &text, out, sizeof(out)), -EPROTO);
	text = (struct mmiod_msg_text){ 1, UINT32_MAX };
	cr_assert_eq(message_text(&message, &text, out, sizeof(out)), -EPROTO);
	text = (struct mmiod_msg_text){ 0, 1 };
	cr_assert_eq(message_text(&message, &text, out, sizeof(out)), -EPROTO);
	text = (struct mmiod_msg_text){ 0, 0 };
	cr_assert_eq(message_text(&message, &text, out, sizeof(out)), 0);
	cr_assert_str_empty(out);
}

Test(message, text_is_cut_at_a_characters_edge)
{
	struct mmiod_msg_text text = { offsetof(struct sample, text), 7 };
	struct sample bytes = sample();
	struct message message;
	char out[6];

	memcpy(bytes.text, "abc\xe2\x80\xa6g", 8); /* abc…g */
	cr_assert_eq(parse(&bytes, &message), 0);
	cr_assert_eq(message_text(&message, &text, out, sizeof(out)), 0);
	cr_assert_str_eq(out, "abc");
}

Test(message, text_carries_no_control_characters)
{
	struct mmiod_msg_text text = { offsetof(struct sample, text), 7 };
	struct sample bytes = sample();
	struct message message;
	char out[16];

	memcpy(bytes.text, "a\033[2J\nb", 8);
	cr_assert_eq(parse(&bytes, &message), 0);
	cr_assert_eq(message_text(&message, &text, out, sizeof(out)), 0);
	cr_assert_str_eq(out, "a?[2J?b");
}

Test(message, names_are_utf8_without_control_characters_whatever_they_were)
{
	static const char *const rows[][2] = {
		{ "", "" },
		{ "plain", "plain" },
		{ "\x1b[31m\x7f", "?[31m?" },
		{ "h\xc3\xb6lder \xe2\x82\xac \xf0\x9f\x98\x80",
		  "h\xc3\xb6lder \xe2\x82\xac \xf0\x9f\x98\x80" },
		{ "cut \xc3", "cut ?" }, /* as the kernel shortens names */
		{ "cut \xf0\x9f\x98", "cut ???" },
		{ "\xff\xfe\x80", "???" },
		{ "\xc0\xaf\xc1\xbf\xe0\x9f\xbf\xf0\x8f\xbf\xbf",
		  "???????????" }, /* too long forms */
		{ "\xed\xa0\x80", "???" }, /* half of a pair of UTF-16 */
		{ "\xed\x9f\xbf\xee\x80\x80", "\xed\x9f\xbf\xee\x80\x80" },
		{ "\xf4\x8f\xbf\xbf\xf4\x90\x80\x80", "\xf4\x8f\xbf\xbf????" },
		{ "\xf5\x80\x80\x80", "????" },
		{ "\xc2\x9b"
		  "31m\xc2\xa0",
		  "??31m\xc2\xa0" }, /* an 8-bit CSI */
		{ "\xc3(", "?(" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[64];

		snprintf(text, sizeof(text), "%s", rows[i][0]);
		common_clean(text);
		cr_expect_str_eq(text, rows[i][1], "row %zu", i);
	}
}

Test(message, every_outcome_has_an_errno_and_a_sentence)
{
	static const struct {
		enum mmiod_outcome outcome;
		int err;
	} rows[] = {
		{ MMIOD_E_PROTOCOL, -EPROTO },
		{ MMIOD_E_VERSION, -EPROTONOSUPPORT },
		{ MMIOD_E_UNSUPPORTED, -EOPNOTSUPP },
		{ MMIOD_E_INVALID, -EINVAL },
		{ MMIOD_E_NOT_FOUND, -ENOENT },
		{ MMIOD_E_DENIED, -EACCES },
		{ MMIOD_E_BUSY, -EBUSY },
		{ MMIOD_E_QUOTA, -EDQUOT },
		{ MMIOD_E_GONE, -ENODEV },
		{ MMIOD_E_RESOURCES, -ENOBUFS },
		{ MMIOD_E_TIMEOUT, -ETIMEDOUT },
		{ MMIOD_E_INTERNAL, -EIO },
		{ MMIOD_E_CANCELLED, -ECANCELED },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_assert_eq(outcome_errno(rows[i].outcome), rows[i].err);
		cr_assert_not_null(outcome_sentence(rows[i].outcome));
	}
	cr_assert_eq(outcome_errno(MMIOD_OK), 0);
	cr_assert_eq(outcome_errno(1000), -EIO, "an outcome of a newer daemon is a failure");
	cr_assert_not_null(outcome_sentence(1000));
}
