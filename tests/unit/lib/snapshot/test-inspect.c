/* SPDX-License-Identifier: MIT */
/*
 * What the library makes of a daemon that is asked for connections, translations, frames and
 * notices and answers well, or answers nonsense: an error, nothing handed out, and never a crash.
 */
#include "support/fake.h"

#include <poll.h>
#include <string.h>

#define ELEMENTS 10

struct peers_reply {
	struct mmiod_msg_list_reply list;
	struct mmiod_wire_client clients[2];
	char text[8];
};

struct log_reply {
	struct mmiod_msg_list_reply list;
	struct mmiod_wire_logged grants[2];
};

struct translate_reply {
	struct mmiod_msg_translate_reply fixed;
	struct mmiod_wire_entry entries[ELEMENTS];
};

/* What the fake answers to the first request, whatever it is: @size bytes. */
struct answer {
	union {
		struct mmiod_msg msg;
		struct peers_reply peers;
		struct log_reply log;
		struct translate_reply translate;
		struct mmiod_msg_page_reply page;
		uint8_t bytes[1024];
	};
	size_t size;
};

static struct answer peers_answer(void)
{
	struct answer answer = {
		.peers = { .list.msg = { .fixed = sizeof(answer.peers.list),
					 .count = 2,
					 .stride = sizeof(answer.peers.clients[0]) },
			   .clients = { { .id = 3,
					  .started = 4,
					  .bytes = 5,
					  .leases = 6,
					  .unread = 7,
					  .flags = MMIOD_CLIENT_PAUSED,
					  .uid = 8,
					  .pid = 9,
					  .comm = "steady",
					  .unit = { offsetof(struct peers_reply, text), 6 } },
					{ .id = 4, .flags = MMIOD_CLIENT_MONITOR } },
			   .text = "a.unit" },
		.size = offsetof(struct peers_reply, text) + 6,
	};

	return answer;
}

static struct answer log_answer(void)
{
	struct answer answer = {
		.log = { .list.msg = { .fixed = sizeof(answer.log.list),
				       .count = 2,
				       .stride = sizeof(answer.log.grants[0]) },
			 .grants = { { .number = 3,
				       .time_us = 4000005,
				       .lease = 6,
				       .offset = 0x1000,
				       .length = 0x2000,
				       .region = "shm",
				       .grant = "us",
				       .memory = MMIOD_MEMORY_REGION,
				       .rights = MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE,
				       .share = MMIOD_SHARE_WRITE,
				       .uid = 7,
				       .pid = 8,
				       .comm = "steady" },
				     { .number = 9, .memory = MMIOD_MEMORY_VMALLOC } } },
		.size = sizeof(answer.log),
	};

	return answer;
}

/* Four levels, as on a processor without the fifth. */
static struct answer translate_answer(void)
{
	struct answer answer = {
		.translate = { .fixed = { .msg = { .fixed = sizeof(answer.translate.fixed),
						   .count = 4,
						   .stride = sizeof(struct mmiod_wire_entry) },
					  .phys = 0x200001000,
					  .leaf = 0x1000,
					  .start = 0x7000,
					  .end = 0x9000,
					  .lease = 17,
					  .offset = 0x1000,
					  .flags = MMIOD_TRANSLATE_PRESENT |
						   MMIOD_TRANSLATE_MAPPED | MMIOD_TRANSLATE_WINDOW,
					  .memtype = MMIOD_MEMTYPE_UC_MINUS,
					  .state = MMIOD_STATE_OK,
					  .asked = MMIOD_MEMTYPE_UC,
					  .region = "shm" },
			       .entries = { { 0x67, 5, 39 },
					    { 0x1067, 3, 30 },
					    { 0x2067, 2, 21 },
					    { 0x3067, 1, 12 } } },
		.size = offsetof(struct translate_reply, entries[4]),
	};

	return answer;
}

static struct answer page_answer(void)
{
	struct answer answer = {
		.page = { .msg = { .fixed = sizeof(answer.page) },
			  .pfn = 0x1000,
			  .phys = 0x1000010,
			  .bits = 0x800,
			  .head = 0xffe,
			  .described = 1,
			  .order = 3,
			  .references = 4,
			  .mappings = 2,
			  .zone = MMIOD_MEMORY_BELOW_4G,
			  .node = 1 },
		.size = sizeof(answer.page),
	};

	return answer;
}

/* ---- asking ---- */

static void give(struct fake *fake)
{
	struct answer *answer = fake->argument;
	const struct mmiod_msg *request;

	fake_accept(fake);
	request = fake_read(fake);
	answer->msg.id += request->id;
	answer->msg.opcode = (uint16_t)(answer->msg.opcode + request->opcode);
	fake_send(fake, answer, answer->size, NULL, 0);
	fake_wait_hang_up(fake);
}

/* A header that is right about the rest. */
static void head(struct answer *answer)
{
	answer->msg.size = (uint32_t)answer->size;
	answer->msg.flags |= MMIOD_MSG_REPLY;
}

typedef int (*ask_fn)(struct mmiod_client *client, void **result);

static int ask_peers(struct mmiod_client *client, void **result)
{
	return mmiod_client_list_peers(client, (struct mmiod_peer_list **)result);
}

static int ask_log(struct mmiod_client *client, void **result)
{
	return mmiod_client_list_log(client, (struct mmiod_log_list **)result);
}

static int ask_translation(struct mmiod_client *client, void **result)
{
	return mmiod_client_translate(client, 1, 0x8000, (struct mmiod_translation **)result);
}

static int ask_frame(struct mmiod_client *client, void **result)
{
	return mmiod_client_frame(client, 0x1000, (struct mmiod_frame **)result);
}

static int asked(ask_fn ask, struct answer *answer, void **result)
{
	struct mmiod_client *client;
	struct fake fake;
	int err;

	*result = (void *)1;
	client = fake_serve(&fake, give, answer);
	err = ask(client, result);
	cr_assert(!err || mmiod_client_error(client)[0], "an error has its sentence");
	fake_leave(&fake, client);
	return err;
}

static void refused(ask_fn ask, struct answer answer, const char *why)
{
	void *result;

	cr_assert_eq(asked(ask, &answer, &result), -EPROTO, "%s", why);
	cr_assert_null(result, "%s", why);
}

/* ---- what no reply may be ---- */

struct lie {
	const char *why;
	size_t where;
	uint32_t value;
};

static const struct lie lies[] = {
	{ "a size beyond the packet", offsetof(struct mmiod_msg, size), UINT32_MAX },
	{ "a size short of the packet", offsetof(struct mmiod_msg, size), 32 },
	{ "a fixed part beyond the packet", offsetof(struct mmiod_msg, fixed), UINT32_MAX },
	{ "a fixed part shorter than a header", offsetof(struct mmiod_msg, fixed), 31 },
	{ "a fixed part that is but a header", offsetof(struct mmiod_msg, fixed), 32 },
	{ "more elements than there are", offsetof(struct mmiod_msg, count), 1000 },
	{ "elements without number", offsetof(struct mmiod_msg, count), UINT32_MAX },
};

static const struct lie lies_about_arrays[] = {
	{ "elements of no size", offsetof(struct mmiod_msg, stride), 0 },
	{ "elements shorter than ever", offsetof(struct mmiod_msg, stride), 8 },
	{ "elements that wrap", offsetof(struct mmiod_msg, stride), 0x80000000 },
	{ "huge elements", offsetof(struct mmiod_msg, stride), UINT32_MAX },
};

static void tell_lies(ask_fn ask, const struct answer *good, const struct lie *told, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct answer answer = *good;

		head(&answer);
		if (told[i].where == offsetof(struct mmiod_msg, count) && !answer.msg.stride)
			answer.msg.stride = 16;
		memcpy(answer.bytes + told[i].where, &told[i].value, sizeof(told[i].value));
		refused(ask, answer, told[i].why);
	}
}

/* Honest about its size, but cut off; then with a fixed part that claims no more than is there. */
static void send_less(ask_fn ask, const struct answer *good, size_t fixed)
{
	for (size_t size = 1; size < good->size; size += 7) {
		struct answer answer = *good;

		answer.size = size;
		head(&answer);
		refused(ask, answer, "a packet cut off");
		if (size < sizeof(struct mmiod_msg) || size >= fixed)
			continue;
		answer.msg.fixed = (uint32_t)size;
		answer.msg.count = 0;
		refused(ask, answer, "a structure shorter than ever");
	}
}

static void break_header(ask_fn ask, const struct answer *good)
{
	struct answer answer = *good;

	head(&answer);
	answer.msg.flags = 0;
	refused(ask, answer, "neither reply nor event");
	head(&answer);
	answer.msg.fds = 3;
	refused(ask, answer, "files that did not come");
	answer.msg.fds = 0;
	answer.msg.id = 1000;
	refused(ask, answer, "the answer to what nobody asked");
	answer.msg.id = 0;
	answer.msg.opcode = 1;
	refused(ask, answer, "the answer to another request");
}

/* A refusal whose sentence lies elsewhere. */
static void break_error(ask_fn ask)
{
	struct answer answer = { .size = sizeof(struct mmiod_msg_error) };
	struct mmiod_msg_text text = { 40, UINT32_MAX };

	answer.msg.fixed = sizeof(struct mmiod_msg_error);
	answer.msg.status = MMIOD_E_DENIED;
	memcpy(answer.bytes + offsetof(struct mmiod_msg_error, text), &text, sizeof(text));
	head(&answer);
	refused(ask, answer, "a sentence outside");
	answer.size = answer.msg.fixed = sizeof(struct mmiod_msg);
	head(&answer);
	refused(ask, answer, "a refusal without room for its sentence");
}

static void unknown_outcome_is_a_failure(ask_fn ask)
{
	struct answer answer = { .size = sizeof(struct mmiod_msg_error) };
	void *result;

	answer.msg.fixed = sizeof(struct mmiod_msg_error);
	answer.msg.status = UINT32_MAX;
	head(&answer);
	cr_assert_eq(asked(ask, &answer, &result), -EIO);
	cr_assert_null(result);
}

static void talk_nonsense(ask_fn ask, const struct answer *good, size_t fixed)
{
	size_t files = open_files();

	tell_lies(ask, good, lies, sizeof(lies) / sizeof(lies[0]));
	if (good->msg.count)
		tell_lies(ask, good, lies_about_arrays,
			  sizeof(lies_about_arrays) / sizeof(lies_about_arrays[0]));
	send_less(ask, good, fixed);
	break_header(ask, good);
	break_error(ask);
	unknown_outcome_is_a_failure(ask);
	cr_assert_eq(open_files(), files);
}

/* ---- connections ---- */

static struct mmiod_peer_list *peers(struct answer answer)
{
	void *list;

	head(&answer);
	cr_assert_eq(asked(ask_peers, &answer, &list), 0);
	return list;
}

Test(peer, tells_what_the_daemon_does)
{
	struct mmiod_peer_list *list = peers(peers_answer());
	const struct mmiod_peer *peer = mmiod_peer_list_get(list, 0);

	cr_assert_eq(mmiod_peer_list_count(list), 2);
	cr_assert_null(mmiod_peer_list_get(list, 2));
	cr_assert_null(mmiod_peer_list_get(list, SIZE_MAX));
	cr_assert_eq(mmiod_peer_id(peer), 3);
	cr_assert_eq(mmiod_peer_started(peer), 4);
	cr_assert_eq(mmiod_peer_bytes(peer), 5);
	cr_assert_eq(mmiod_peer_leases(peer), 6);
	cr_assert_eq(mmiod_peer_unread(peer), 7);
	cr_assert_eq(mmiod_peer_uid(peer), 8);
	cr_assert_eq(mmiod_peer_pid(peer), 9);
	cr_assert_str_eq(mmiod_peer_comm(peer), "steady");
	cr_assert_str_eq(mmiod_peer_unit(peer), "a.unit");
	cr_assert(mmiod_peer_paused(peer) && !mmiod_peer_monitors(peer));
	peer = mmiod_peer_list_get(list, 1);
	cr_assert(!mmiod_peer_paused(peer) && mmiod_peer_monitors(peer));
	cr_assert_str_empty(mmiod_peer_unit(peer));
	mmiod_peer_list_free(list);
	mmiod_peer_list_free(NULL);
}

Test(peer, names_end_and_carry_no_control_characters)
{
	struct answer answer = peers_answer();
	struct mmiod_peer_list *list;

	memset(answer.peers.clients[0].comm, '\033', sizeof(answer.peers.clients[0].comm));
	answer.peers.text[1] = '\n';
	list = peers(answer);
	cr_assert_str_eq(mmiod_peer_comm(mmiod_peer_list_get(list, 0)), "???????????????");
	cr_assert_str_eq(mmiod_peer_unit(mmiod_peer_list_get(list, 0)), "a?unit");
	mmiod_peer_list_free(list);
}

Test(peer, lists_may_be_empty)
{
	struct answer answer = peers_answer();
	struct mmiod_peer_list *list;

	answer.msg.count = 0;
	list = peers(answer);
	cr_assert_eq(mmiod_peer_list_count(list), 0);
	cr_assert_null(mmiod_peer_list_get(list, 0));
	mmiod_peer_list_free(list);
}

Test(peer, of_a_daemon_that_talks_nonsense_are_none, .timeout = 1200)
{
	struct answer answer = peers_answer();

	talk_nonsense(ask_peers, &answer, MMIOD_V1_LIST);
	answer.peers.clients[1].unit = (struct mmiod_msg_text){ 8, UINT32_MAX };
	head(&answer);
	refused(ask_peers, answer, "a unit outside");
	answer = peers_answer();
	answer.msg.flags = MMIOD_MSG_MORE;
	head(&answer);
	refused(ask_peers, answer, "more, but from where?");
}

/* ---- the last grants ---- */

static struct mmiod_log_list *grants(struct answer answer)
{
	void *list;

	head(&answer);
	cr_assert_eq(asked(ask_log, &answer, &list), 0);
	return list;
}

Test(granted, tells_what_the_daemon_does)
{
	struct mmiod_log_list *list = grants(log_answer());
	const struct mmiod_log_entry *entry = mmiod_log_list_get(list, 0);

	cr_assert_eq(mmiod_log_list_count(list), 2);
	cr_assert_null(mmiod_log_list_get(list, 2));
	cr_assert_null(mmiod_log_list_get(list, SIZE_MAX));
	cr_assert_eq(mmiod_log_entry_number(entry), 3);
	cr_assert_eq(mmiod_log_entry_time(entry), 4000005);
	cr_assert_eq(mmiod_log_entry_lease(entry), 6);
	cr_assert_eq(mmiod_log_entry_memory(entry), MMIOD_MEMORY_REGION);
	cr_assert_str_eq(mmiod_log_entry_region(entry), "shm");
	cr_assert_eq(mmiod_log_entry_offset(entry), 0x1000);
	cr_assert_eq(mmiod_log_entry_length(entry), 0x2000);
	cr_assert_eq(mmiod_log_entry_rights(entry), MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE);
	cr_assert_eq(mmiod_log_entry_share(entry), MMIOD_SHARE_WRITE);
	cr_assert_eq(mmiod_log_entry_uid(entry), 7);
	cr_assert_eq(mmiod_log_entry_pid(entry), 8);
	cr_assert_str_eq(mmiod_log_entry_comm(entry), "steady");
	cr_assert_str_eq(mmiod_log_entry_grant(entry), "us");
	entry = mmiod_log_list_get(list, 1);
	cr_assert_eq(mmiod_log_entry_number(entry), 9);
	cr_assert_eq(mmiod_log_entry_memory(entry), MMIOD_MEMORY_VMALLOC);
	cr_assert_str_empty(mmiod_log_entry_region(entry));
	mmiod_log_list_free(list);
	mmiod_log_list_free(NULL);
}

Test(granted, names_end_and_carry_no_control_characters)
{
	struct answer answer = log_answer();
	struct mmiod_wire_logged *logged = answer.log.grants;
	const struct mmiod_log_entry *entry;
	struct mmiod_log_list *list;

	memset(logged->region, '\033', sizeof(logged->region));
	memset(logged->grant, '\n', sizeof(logged->grant));
	memset(logged->comm, '\177', sizeof(logged->comm));
	list = grants(answer);
	entry = mmiod_log_list_get(list, 0);
	cr_assert_str_eq(mmiod_log_entry_region(entry), "???????????????????????????????");
	cr_assert_str_eq(mmiod_log_entry_grant(entry), "???????????????????????????????");
	cr_assert_str_eq(mmiod_log_entry_comm(entry), "???????????????");
	mmiod_log_list_free(list);
}

Test(granted, may_be_nothing_yet)
{
	struct answer answer = log_answer();
	struct mmiod_log_list *list;

	answer.msg.count = 0;
	list = grants(answer);
	cr_assert_eq(mmiod_log_list_count(list), 0);
	cr_assert_null(mmiod_log_list_get(list, 0));
	mmiod_log_list_free(list);
}

Test(granted, of_a_daemon_that_does_not_know_the_list_is_an_error)
{
	struct answer answer = { .size = sizeof(struct mmiod_msg_error) };
	void *list;

	answer.msg.fixed = sizeof(struct mmiod_msg_error);
	answer.msg.status = MMIOD_E_UNSUPPORTED;
	head(&answer);
	cr_assert_eq(asked(ask_log, &answer, &list), -EOPNOTSUPP);
	cr_assert_null(list);
}

Test(granted, of_a_daemon_that_talks_nonsense_are_none, .timeout = 1200)
{
	struct answer answer = log_answer();

	talk_nonsense(ask_log, &answer, MMIOD_V1_LIST);
	answer.msg.flags = MMIOD_MSG_MORE;
	head(&answer);
	refused(ask_log, answer, "a page that goes on where it began");
}

/* ---- translations ---- */

static struct mmiod_translation *translation(struct answer answer)
{
	void *found;

	head(&answer);
	cr_assert_eq(asked(ask_translation, &answer, &found), 0);
	return found;
}

Test(translation, tells_what_the_daemon_does)
{
	struct mmiod_translation *found = translation(translate_answer());

	cr_assert(mmiod_translation_present(found) && mmiod_translation_mapped(found));
	cr_assert(mmiod_translation_window(found) && !mmiod_translation_hidden(found));
	cr_assert_eq(mmiod_translation_start(found), 0x7000);
	cr_assert_eq(mmiod_translation_end(found), 0x9000);
	cr_assert_eq(mmiod_translation_phys(found), 0x200001000);
	cr_assert_eq(mmiod_translation_leaf(found), 0x1000);
	cr_assert_eq(mmiod_translation_memtype(found), MMIOD_MEMTYPE_UC_MINUS);
	cr_assert_eq(mmiod_translation_asked(found), MMIOD_MEMTYPE_UC);
	cr_assert_eq(mmiod_translation_lease(found), 17);
	cr_assert_eq(mmiod_translation_offset(found), 0x1000);
	cr_assert_eq(mmiod_translation_state(found), MMIOD_STATE_OK);
	cr_assert_str_eq(mmiod_translation_region(found), "shm");
	cr_assert_eq(mmiod_translation_levels(found), 4);
	cr_assert_eq(mmiod_translation_entry(found, 1), 0x1067);
	cr_assert_eq(mmiod_translation_level(found, 0), 5);
	cr_assert_eq(mmiod_translation_shift(found, 3), 12);
	cr_assert_eq(mmiod_translation_entry(found, 4), 0);
	cr_assert_eq(mmiod_translation_level(found, 4), 0);
	cr_assert_eq(mmiod_translation_shift(found, UINT32_MAX), 0);
	mmiod_translation_free(found);
	mmiod_translation_free(NULL);
}

Test(translation, may_have_no_levels)
{
	struct answer answer = translate_answer();
	struct mmiod_translation *found;

	answer.msg.count = 0;
	found = translation(answer);
	cr_assert_eq(mmiod_translation_levels(found), 0);
	cr_assert_eq(mmiod_translation_entry(found, 0), 0);
	mmiod_translation_free(found);
}

Test(translation, name_ends_and_carries_no_control_characters)
{
	struct answer answer = translate_answer();
	struct mmiod_translation *found;

	memset(answer.translate.fixed.region, 7, MMIOD_WIRE_NAME);
	found = translation(answer);
	cr_assert_eq(strlen(mmiod_translation_region(found)), MMIOD_WIRE_NAME - 1);
	cr_assert_eq(mmiod_translation_region(found)[0], '?');
	mmiod_translation_free(found);
}

static void refuse_entry(uint32_t level, uint32_t shift, const char *why)
{
	struct answer answer = translate_answer();

	answer.translate.entries[2] = (struct mmiod_wire_entry){ 0x67, level, shift };
	head(&answer);
	refused(ask_translation, answer, why);
}

Test(translation, of_a_daemon_that_talks_nonsense_is_none, .timeout = 1200)
{
	struct answer answer = translate_answer();

	talk_nonsense(ask_translation, &answer, MMIOD_V1_TRANSLATE_REPLY);
	refuse_entry(0, 12, "a level below the first");
	refuse_entry(6, 12, "a level above the root");
	refuse_entry(UINT32_MAX, 12, "a level without number");
	refuse_entry(2, 64, "a shift that no address has");
	for (uint32_t count = 6; count <= ELEMENTS; count++) {
		answer.msg.count = count;
		for (uint32_t i = 0; i < count; i++)
			answer.translate.entries[i] = (struct mmiod_wire_entry){ 0x67, 1, 12 };
		answer.size = offsetof(struct translate_reply, entries) +
			      count * sizeof(struct mmiod_wire_entry);
		head(&answer);
		refused(ask_translation, answer, "more levels than a processor has");
	}
}

/* ---- frames ---- */

static struct mmiod_frame *frame(struct answer answer)
{
	void *found;

	head(&answer);
	cr_assert_eq(asked(ask_frame, &answer, &found), 0);
	return found;
}

Test(frame, tells_what_the_daemon_does)
{
	struct mmiod_frame *found = frame(page_answer());

	cr_assert_eq(mmiod_frame_pfn(found), 0x1000);
	cr_assert_eq(mmiod_frame_phys(found), 0x1000010);
	cr_assert_eq(mmiod_frame_described(found), 1);
	cr_assert_eq(mmiod_frame_flags(found), 0x800);
	cr_assert_eq(mmiod_frame_head(found), 0xffe);
	cr_assert_eq(mmiod_frame_order(found), 3);
	cr_assert_eq(mmiod_frame_references(found), 4);
	cr_assert_eq(mmiod_frame_mappings(found), 2);
	cr_assert_eq(mmiod_frame_zone(found), MMIOD_MEMORY_BELOW_4G);
	cr_assert_eq(mmiod_frame_node(found), 1);
	mmiod_frame_free(found);
	mmiod_frame_free(NULL);
}

Test(frame, with_an_order_that_no_memory_has_has_none)
{
	struct answer answer = page_answer();
	const uint32_t orders[] = { 64, 0x80000000, UINT32_MAX };

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		struct mmiod_frame *found;

		answer.page.order = orders[i];
		answer.page.described = UINT32_MAX;
		found = frame(answer);
		cr_assert_eq(mmiod_frame_order(found), -1);
		cr_assert_eq(mmiod_frame_described(found), 1);
		mmiod_frame_free(found);
	}
}

Test(frame, of_a_daemon_that_talks_nonsense_is_none, .timeout = 1200)
{
	struct answer answer = page_answer();

	talk_nonsense(ask_frame, &answer, MMIOD_V1_PAGE_REPLY);
}

Test(frame, of_process_0_is_not_asked_for)
{
	struct mmiod_client *client;
	struct mmiod_frame *found = (void *)1;
	struct fake fake;

	client = fake_serve(&fake, fake_accept, NULL);
	cr_assert_eq(mmiod_client_frame_at(client, 0, 0x1000, &found), -EINVAL);
	cr_assert_null(found);
	fake_leave(&fake, client);
}

/* ---- notices ---- */

struct notice_packet {
	struct mmiod_msg_notice notice;
	char text[8];
};

static struct notice_packet notice_packet(uint32_t type)
{
	return (struct notice_packet){
		.notice = { .msg = { .size = sizeof(struct notice_packet),
				     .opcode = MMIOD_OP_EVENT,
				     .flags = MMIOD_MSG_EVENT,
				     .fixed = sizeof(struct mmiod_msg_notice) },
			    .type = type,
			    .lease = 1,
			    .text = { offsetof(struct notice_packet, text), 7 },
			    .time_us = 2,
			    .offset = 3,
			    .length = 4,
			    .uid = 5,
			    .pid = 6,
			    .rights = MMIOD_RIGHT_READ,
			    .memtype = MMIOD_MEMTYPE_WC,
			    .memory = MMIOD_MEMORY_REGION,
			    .comm = "steady",
			    .region = "shm" },
		.text = "because",
	};
}

/* A script's argument: a run of notices of one type, then what its test is about. */
struct notices {
	uint32_t type;
	size_t count;
	struct notice_packet last;
	size_t size; /* of the last; 0: there is none */
	bool early; /* the last comes before the reply to MONITOR, too */
};

static void notify(struct fake *fake)
{
	const struct notices *notices = fake->argument;
	struct notice_packet packet = notice_packet(notices->type);
	struct mmiod_msg done = { .size = sizeof(done),
				  .opcode = MMIOD_OP_MONITOR,
				  .flags = MMIOD_MSG_REPLY,
				  .fixed = sizeof(done) };

	fake_accept(fake);
	done.id = fake_read(fake)->id;
	for (size_t i = 0; i < notices->count; i++) {
		packet.notice.lost = i;
		fake_send(fake, &packet, sizeof(packet), NULL, 0);
	}
	if (notices->early)
		fake_send(fake, &notices->last, notices->size, NULL, 0);
	fake_send(fake, &done, sizeof(done), NULL, 0);
	if (notices->size && !notices->early)
		fake_send(fake, &notices->last, notices->size, NULL, 0);
	fake_wait_hang_up(fake);
}

/* Without a reply, for which its client would no longer be there. */
static void notify_and_go(struct fake *fake)
{
	const struct notices *notices = fake->argument;
	struct notice_packet good = notice_packet(notices->type);

	fake_accept(fake);
	fake_read(fake);
	fake_send(fake, &good, sizeof(good), NULL, 0);
	fake_send(fake, &notices->last, notices->size, NULL, 0);
	fake_wait_hang_up(fake);
}

static struct mmiod_client *monitor(struct fake *fake, struct notices *notices)
{
	struct mmiod_client *client;

	client = fake_serve(fake, notify, notices);
	cr_assert_eq(mmiod_client_monitor(client, 1), 0, "%s", mmiod_client_error(client));
	return client;
}

/* The next one, or the error in its place: the fake may be a little behind. */
static int next_notice(struct mmiod_client *client, struct mmiod_notice **notice)
{
	struct pollfd pfd = { .fd = mmiod_client_event_fd(client), .events = POLLIN };

	cr_assert_eq(poll(&pfd, 1, -1), 1);
	return mmiod_client_next_notice(client, notice);
}

Test(notice, tells_what_the_daemon_does)
{
	struct notices notices = { MMIOD_NOTICE_GRANTED, 1 };
	struct mmiod_notice *notice;
	struct mmiod_client *client;
	struct fake fake;

	client = monitor(&fake, &notices);
	cr_assert_eq(next_notice(client, &notice), 1);
	cr_assert_eq(mmiod_notice_type(notice), MMIOD_NOTICE_GRANTED);
	cr_assert_eq(mmiod_notice_lease(notice), 1);
	cr_assert_eq(mmiod_notice_time(notice), 2);
	cr_assert_eq(mmiod_notice_offset(notice), 3);
	cr_assert_eq(mmiod_notice_length(notice), 4);
	cr_assert_eq(mmiod_notice_uid(notice), 5);
	cr_assert_eq(mmiod_notice_pid(notice), 6);
	cr_assert_eq(mmiod_notice_rights(notice), MMIOD_RIGHT_READ);
	cr_assert_eq(mmiod_notice_memtype(notice), MMIOD_MEMTYPE_WC);
	cr_assert_eq(mmiod_notice_memory(notice), MMIOD_MEMORY_REGION);
	cr_assert_str_eq(mmiod_notice_comm(notice), "steady");
	cr_assert_str_eq(mmiod_notice_region(notice), "shm");
	cr_assert_str_eq(mmiod_notice_text(notice), "because");
	mmiod_notice_free(notice);
	cr_assert_eq(mmiod_client_next_notice(client, &notice), 0);
	cr_assert_null(notice);
	mmiod_notice_free(NULL);
	fake_leave(&fake, client);
}

Test(notice, names_end_and_carry_no_control_characters)
{
	struct notices notices = { 0, 0, notice_packet(MMIOD_NOTICE_GONE), sizeof(notices.last) };
	struct mmiod_notice *notice;
	struct mmiod_client *client;
	struct fake fake;

	memset(notices.last.notice.comm, 'c', sizeof(notices.last.notice.comm));
	memset(notices.last.notice.region, 1, sizeof(notices.last.notice.region));
	notices.last.text[0] = '\033';
	client = monitor(&fake, &notices);
	cr_assert_eq(next_notice(client, &notice), 1);
	cr_assert_str_eq(mmiod_notice_comm(notice), "ccccccccccccccc");
	cr_assert_eq(strlen(mmiod_notice_region(notice)), MMIOD_WIRE_NAME - 1);
	cr_assert_eq(mmiod_notice_region(notice)[0], '?');
	cr_assert_str_eq(mmiod_notice_text(notice), "?ecause");
	mmiod_notice_free(notice);
	fake_leave(&fake, client);
}

Test(notice, of_a_type_that_nobody_knows_is_skipped)
{
	struct notices notices = { 27, 3, notice_packet(MMIOD_NOTICE_BACK), sizeof(notices.last) };
	struct mmiod_notice *notice;
	struct mmiod_client *client;
	struct fake fake;

	client = monitor(&fake, &notices);
	cr_assert_eq(next_notice(client, &notice), 1);
	cr_assert_eq(mmiod_notice_type(notice), MMIOD_NOTICE_BACK);
	mmiod_notice_free(notice);
	fake_leave(&fake, client);
}

/* ---- several in one packet ---- */

struct together {
	struct notice_packet notice[3];
	size_t size; /* of the packet */
};

static void notify_together(struct fake *fake)
{
	const struct together *together = fake->argument;
	struct mmiod_msg done = { .size = sizeof(done),
				  .opcode = MMIOD_OP_MONITOR,
				  .flags = MMIOD_MSG_REPLY,
				  .fixed = sizeof(done) };

	fake_accept(fake);
	done.id = fake_read(fake)->id;
	fake_send(fake, &done, sizeof(done), NULL, 0);
	fake_send(fake, together->notice, together->size, NULL, 0);
	fake_wait_hang_up(fake);
}

static struct together three(void)
{
	struct together together = { .size = sizeof(together.notice) };

	static_assert(sizeof(struct notice_packet) % MMIOD_EVENT_ALIGN == 0,
		      "no gaps between them");
	for (size_t i = 0; i < 3; i++) {
		together.notice[i] = notice_packet(MMIOD_NOTICE_GRANTED);
		together.notice[i].notice.lease = i + 1;
	}
	return together;
}

static void take_in_order(struct mmiod_client *client, size_t count)
{
	struct mmiod_notice *notice;

	for (size_t i = 0; i < count; i++) {
		cr_assert_eq(next_notice(client, &notice), 1);
		cr_assert_eq(mmiod_notice_lease(notice), i + 1);
		cr_assert_str_eq(mmiod_notice_text(notice), "because");
		mmiod_notice_free(notice);
	}
}

Test(notice, several_in_one_packet_are_taken_one_by_one)
{
	struct together together = three();
	struct mmiod_notice *notice;
	struct mmiod_client *client;
	struct fake fake;

	client = fake_serve(&fake, notify_together, &together);
	cr_assert_eq(mmiod_client_monitor(client, 1), 0);
	take_in_order(client, 3);
	cr_assert_eq(mmiod_client_next_notice(client, &notice), 0);
	fake_leave(&fake, client);
}

Test(notice, one_without_a_whole_word_behind_it_is_the_last)
{
	struct together together = three();
	struct mmiod_notice *notice;
	struct mmiod_client *client;
	struct fake fake;

	together.notice[2].notice.msg.size = sizeof(struct notice_packet) - 1;
	together.size--;
	client = fake_serve(&fake, notify_together, &together);
	cr_assert_eq(mmiod_client_monitor(client, 1), 0);
	take_in_order(client, 3);
	cr_assert_eq(mmiod_client_next_notice(client, &notice), 0);
	fake_leave(&fake, client);
}

/* Those before it are delivered, then the error. */
static void ends_after_two(struct together together, const char *why)
{
	struct mmiod_notice *notice;
	struct mmiod_client *client;
	struct fake fake;

	client = fake_serve(&fake, notify_together, &together);
	cr_assert_eq(mmiod_client_monitor(client, 1), 0);
	take_in_order(client, 2);
	cr_assert_lt(next_notice(client, &notice), 0, "%s", why);
	cr_assert_null(notice, "%s", why);
	fake_leave(&fake, client);
}

Test(notice, nonsense_behind_others_in_their_packet_ends_the_connection)
{
	struct together together = three();

	together.notice[2].notice.msg.size = sizeof(struct notice_packet) + 1;
	ends_after_two(together, "longer than the packet");
	together.notice[2].notice.msg.size = UINT32_MAX;
	ends_after_two(together, "longer than any packet");
	together.notice[2].notice.msg.size = 0;
	ends_after_two(together, "of no size, which would be the next as well");
	together.notice[2].notice.msg.size = sizeof(struct mmiod_msg) - 1;
	ends_after_two(together, "shorter than a header");
	together = three();
	together.size = sizeof(together.notice[0]) * 2 + sizeof(struct mmiod_msg) - 1;
	ends_after_two(together, "a header that is cut");
	together = three();
	together.notice[2].notice.msg.flags = MMIOD_MSG_REPLY;
	ends_after_two(together, "a reply among events");
	together = three();
	together.notice[2].notice.msg.fds = 1;
	ends_after_two(together, "a descriptor with an event");
}

/* What came before is delivered, then the error; the client is of use again after it. */
static void ends_with_error(struct notices *notices, const char *why)
{
	size_t files = open_files();
	struct mmiod_notice *notice;
	struct mmiod_client *client;
	struct fake fake;

	client = monitor(&fake, notices);
	for (size_t i = 0; i < notices->count; i++) {
		cr_assert_eq(next_notice(client, &notice), 1, "%s", why);
		mmiod_notice_free(notice);
	}
	cr_assert_lt(next_notice(client, &notice), 0, "%s", why);
	cr_assert_null(notice, "%s", why);
	cr_assert(mmiod_client_error(client)[0], "%s", why);
	fake_leave(&fake, client);
	cr_assert_eq(open_files(), files, "%s", why);
}

Test(notice, that_is_nonsense_ends_the_connection_and_those_before_it_are_delivered,
     .timeout = 1200)
{
	const struct notice_packet good = notice_packet(MMIOD_NOTICE_DENIED);
	struct notices notices = { MMIOD_NOTICE_GRANTED, 2, good, sizeof(good) };

	notices.last.notice.msg.fixed = MMIOD_V1_NOTICE - 1;
	ends_with_error(&notices, "shorter than ever");
	notices.last.notice.msg.fixed = UINT32_MAX;
	ends_with_error(&notices, "a fixed part beyond the packet");
	notices.last = good;
	notices.last.notice.text.length = 9;
	ends_with_error(&notices, "a text beyond the packet");
	notices.last.notice.text = (struct mmiod_msg_text){ UINT32_MAX, UINT32_MAX };
	ends_with_error(&notices, "a text elsewhere");
	notices.last = good;
	notices.last.notice.msg.count = UINT32_MAX;
	notices.last.notice.msg.stride = UINT32_MAX;
	ends_with_error(&notices, "an array without end");
	notices.last = good;
	notices.last.notice.msg.fds = 1;
	ends_with_error(&notices, "a file that did not come");
	for (notices.size = 1; notices.size < sizeof(good); notices.size += 13) {
		notices.last.notice.msg = good.notice.msg;
		notices.last.notice.msg.size = (uint32_t)notices.size;
		ends_with_error(&notices, "cut off");
	}
}

/*
 * 1,024 are kept; the last of them tells of itself, of those after it, and of what those told of.
 */
static uint64_t lost_after(struct notices *notices)
{
	struct mmiod_notice *notice;
	struct mmiod_client *client;
	struct fake fake;
	uint64_t lost;

	client = monitor(&fake, notices);
	for (size_t i = 0; i < 1023; i++) {
		cr_assert_eq(mmiod_client_next_notice(client, &notice), 1);
		cr_assert_eq(mmiod_notice_type(notice), MMIOD_NOTICE_GRANTED);
		mmiod_notice_free(notice);
	}
	cr_assert_eq(next_notice(client, &notice), 1);
	cr_assert_eq(mmiod_notice_type(notice), MMIOD_NOTICE_LOST);
	lost = mmiod_notice_lost(notice);
	mmiod_notice_free(notice);
	fake_leave(&fake, client);
	return lost;
}

Test(notice, nobody_takes_is_lost_and_counted_without_bound_or_wrap)
{
	struct notices notices = { MMIOD_NOTICE_GRANTED, 1027 };

	cr_assert_eq(lost_after(&notices), 4);
	notices.count = 1024;
	notices.last = notice_packet(MMIOD_NOTICE_LOST);
	notices.last.notice.lost = 10;
	notices.size = sizeof(notices.last);
	notices.early = true;
	cr_assert_eq(lost_after(&notices), 11);
	notices.last.notice.lost = UINT64_MAX;
	cr_assert_eq(lost_after(&notices), UINT64_MAX);
}

Test(notice, that_is_nonsense_fails_the_request_that_it_comes_in)
{
	struct notices notices = { MMIOD_NOTICE_GRANTED, 1, notice_packet(MMIOD_NOTICE_GONE) };
	struct mmiod_notice *notice;
	struct mmiod_client *client;
	struct fake fake;

	notices.last.notice.msg.size = notices.size = MMIOD_V1_EVENT;
	notices.last.notice.msg.fixed = MMIOD_V1_EVENT;
	notices.last.notice.text.length = 0;
	client = fake_serve(&fake, notify_and_go, &notices);
	cr_assert_eq(mmiod_client_monitor(client, 1), -EPROTO);
	cr_assert_eq(mmiod_client_next_notice(client, &notice), 1);
	cr_assert_eq(mmiod_notice_type(notice), MMIOD_NOTICE_GRANTED);
	mmiod_notice_free(notice);
	fake_leave(&fake, client);
}
