// SPDX-License-Identifier: MIT
/*
 * Windows of several extents, from end to end: who gets one of a pool that is in pieces, who is
 * refused as ever, and that each extent is wiped, listed and given back once, whatever ends the
 * lease and whichever daemon sees it.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>
#include "support/rig.h"

#define WRITE (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)
#define PAGE 4096ull
#define PAGES 256u
#define SIZE (PAGES * PAGE)

#define OPERATOR 4001
#define GUEST 4002
#define OTHER 4003

#define POOL "[region pool]\nphys = 0xf8000000\nsize = 1M\npool = yes\n"
#define GRANT "[grant operators]\nregion = pool\nuser = 4001 4003\naccess = rw\n"

static const char config[] = POOL GRANT;

/* Who may have any number of extents. */
static int operator;

/* Every other page is OTHER's; the one before it is free. */
static void riddle(uint32_t pages)
{
	int fd = client_hello(OTHER);
	struct mmiod_wire_alloc elements[MMIOD_MSG_FDS_MAX];

	for (uint32_t i = 0; i < MMIOD_MSG_FDS_MAX; i++)
		elements[i] = ask(MMIOD_MEMORY_REGION, "pool", PAGE);
	for (uint32_t page = 1; page < pages; page += 2 * MMIOD_MSG_FDS_MAX) {
		for (uint32_t i = 0; i < MMIOD_MSG_FDS_MAX; i++) {
			elements[i].low = (page + 2 * i) * PAGE;
			elements[i].high = elements[i].low + PAGE;
		}
		cr_assert_eq(client_alloc(fd, elements, MMIOD_MSG_FDS_MAX, 0), MMIOD_OK);
		cr_assert_eq(n_answer_fds, MMIOD_MSG_FDS_MAX);
		client_close_fds();
	}
}

static void begin(void)
{
	operator= client_hello_with(OPERATOR, MMIOD_HELLO_EXTENTS);
	riddle(PAGES);
}

static void start(void)
{
	rig_start(config);
	begin();
}

static void start_simulation(void)
{
	rig_start_simulation(config);
	begin();
}

TestSuite(scatter, .init = start, .fini = rig_stop);
TestSuite(simulated_scatter, .init = start_simulation, .fini = rig_stop);

static struct mmiod_wire_alloc ask_pieces(uint64_t pages, uint32_t most)
{
	struct mmiod_wire_alloc element = ask(MMIOD_MEMORY_REGION, "pool", pages * PAGE);

	element.max_extents = most;
	return element;
}

static struct mmiod_wire_granted granted(struct mmiod_wire_alloc element)
{
	const struct mmiod_wire_granted *out;

	cr_assert_eq(client_alloc(operator, & element, 1, 0), MMIOD_OK);
	out = answer_element(0);
	cr_assert_eq(out->status, MMIOD_OK, "%s", answer_text(out->text));
	cr_assert_eq(n_answer_fds, 1u);
	return *out;
}

static struct mmiod_wire_granted take_pieces(uint64_t pages)
{
	return granted(ask_pieces(pages, MMIOD_EXTENTS_MAX));
}

static uint64_t extents_charged(void)
{
	return user_uses(&rig.broker.host.users, OPERATOR, USER_EXTENTS);
}

/* ---- who gets one ---------------------------------------------------------------------------- */

Test(scatter, a_client_that_knows_of_extents_gets_several_where_no_one_will_do)
{
	struct mmiod_wire_granted out = take_pieces(5);
	const struct backend_window *window = &fake_window(&rig_fake, out.lease)->window;

	cr_assert_eq(out.n_extents, 5u);
	cr_assert_eq(out.offset, UINT64_MAX);
	cr_assert_eq(out.length, 5 * PAGE);
	cr_assert_eq(out.mmapable, 1u);
	cr_assert_eq(window->n_extents, 5u);
	cr_assert_eq(client_pool()->free, SIZE / 2 - 5 * PAGE);
	cr_assert_eq(extents_charged(), 5u);
	cr_assert_eq(user_uses(&rig.broker.host.users, OPERATOR, USER_BYTES), 5 * PAGE);
	for (uint32_t i = 0; i < 5; i++) {
		cr_assert_eq(window->extents[i].length, PAGE);
		cr_assert_eq(window->extents[i].offset / PAGE % 2, 0u);
	}
}

Test(scatter, all_that_is_free_can_be_had_and_then_nothing)
{
	struct mmiod_wire_granted out = take_pieces(PAGES / 2);

	cr_assert_eq(out.n_extents, PAGES / 2);
	cr_assert_eq(client_pool()->free, 0u);
	alloc_refused(operator, ask_pieces(1, MMIOD_EXTENTS_MAX), MMIOD_E_BUSY,
		      "nothing would fit");
}

Test(scatter, one_extent_is_preferred)
{
	struct mmiod_wire_granted out = take_pieces(1);

	cr_assert_eq(out.n_extents, 1u);
	cr_assert_neq(out.offset, UINT64_MAX);
	cr_assert_eq(extents_charged(), 0u);
}

Test(scatter, who_does_not_know_of_extents_or_wants_one_is_refused_as_ever)
{
	static const char words[] = "no free block of 8 KiB; the largest that would fit is 4 KiB";
	struct mmiod_wire_alloc element = ask_pieces(2, 0);

	alloc_refused(operator, element, MMIOD_E_BUSY, words);
	element.max_extents = 1;
	alloc_refused(operator, element, MMIOD_E_BUSY, words);
	element.max_extents = MMIOD_EXTENTS_MAX;
	alloc_refused(client_hello(OPERATOR), element, MMIOD_E_BUSY, words);
	alloc_refused(client_hello_with(OPERATOR, MMIOD_HELLO_DEVICES), element, MMIOD_E_BUSY,
		      words);
	element.flags = MMIOD_ALLOC_CONTIGUOUS;
	alloc_refused(operator, element, MMIOD_E_BUSY, words);
	rig_fake.backend.knows_extents = false;
	alloc_refused(operator, ask_pieces(2, MMIOD_EXTENTS_MAX), MMIOD_E_BUSY, words);
	cr_assert_eq(client_pool()->free, SIZE / 2);
}

Test(scatter, more_extents_than_are_asked_for_or_than_a_window_has_are_refused)
{
	alloc_refused(operator, ask_pieces(4, 3), MMIOD_E_BUSY,
		      "is in pieces: 0x4000 bytes of it would be more than 3 extents, which is all "
		      "that was asked for");
	alloc_refused(operator, ask_pieces(4, MMIOD_EXTENTS_MAX + 1), MMIOD_E_INVALID,
		      "4097 extents are more than a window may have, which is 4096");
	alloc_refused(operator, ask_pieces(PAGES, MMIOD_EXTENTS_MAX), MMIOD_E_BUSY,
		      "512 KiB are free in all");
	cr_assert_eq(client_pool()->free, SIZE / 2);
	cr_assert_eq(granted(ask_pieces(4, 4)).n_extents, 4u);
}

Test(scatter, alignment_and_bounds_are_those_of_each_extent)
{
	struct mmiod_wire_alloc element = ask_pieces(3, MMIOD_EXTENTS_MAX);
	const struct backend_window *window;

	element.align = 0x10000;
	element.low = 0x20000;
	element.high = 0x90000;
	window = &fake_window(&rig_fake, granted(element).lease)->window;
	for (uint32_t i = 0; i < 3; i++) {
		cr_assert_eq(window->extents[i].offset % 0x10000, 0u);
		cr_assert_geq(window->extents[i].offset, 0x20000u);
		cr_assert_lt(window->extents[i].offset, 0x90000u);
	}
}

Test(scatter, extents_are_limited_for_each_user_until_the_window_is_gone)
{
	struct mmiod_wire_granted out;

	rig_write_config(POOL GRANT "[daemon]\nextents-per-user = 6\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	out = take_pieces(4);
	alloc_refused(operator, ask_pieces(3, MMIOD_EXTENTS_MAX), MMIOD_E_QUOTA,
		      "uid 4001 has 4 extents, and extents-per-user in [daemon] admits 6: 3 more "
		      "are too many");
	cr_assert_eq(rig.broker.host.counters.quota_refusals[MMIOD_LIMIT_EXTENTS], 1u);
	cr_assert_eq(client_pool()->free, SIZE / 2 - 4 * PAGE, "what was refused is free");
	cr_assert_eq(client_end(operator, MMIOD_OP_RELEASE, out.lease), MMIOD_OK);
	alloc_refused(operator, ask_pieces(3, MMIOD_EXTENTS_MAX), MMIOD_E_QUOTA, "has 4 extents");
	fake_close_window(&rig_fake, out.lease);
	events_drain(&rig.broker);
	rig_turn();
	take_pieces(3);
}

Test(scatter, what_the_module_has_no_room_for_names_its_parameter_and_leaves_no_trace)
{
	rig_fake.max_extents = 4;
	alloc_refused(operator, ask_pieces(5, MMIOD_EXTENTS_MAX), MMIOD_E_QUOTA,
		      "pool pool is in pieces, and 5 extents more are too many for the module: its "
		      "max_extents");
	rig_fake.max_extents = 0;
	rig_fake.create_error = -ENOSPC;
	alloc_refused(operator, ask_pieces(5, MMIOD_EXTENTS_MAX), MMIOD_E_QUOTA, "max_windows");
	cr_assert_eq(client_pool()->free, SIZE / 2);
	cr_assert_eq(extents_charged(), 0u);
}

Test(scatter, all_or_none_gives_every_extent_back)
{
	struct mmiod_wire_alloc elements[] = { ask_pieces(5, MMIOD_EXTENTS_MAX),
					       ask_pieces(PAGES, MMIOD_EXTENTS_MAX) };

	cr_assert_eq(client_alloc(operator, elements, 2, MMIOD_LEASE_ALL_OR_NONE), MMIOD_OK);
	cr_assert_eq(n_answer_fds, 0u);
	cr_assert_eq(client_pool()->free, SIZE / 2);
	cr_assert_eq(extents_charged(), 0u);
}

/* ---- what is known of it --------------------------------------------------------------------- */

static void expect_listed(int fd, uint64_t lease, uint32_t n)
{
	const struct backend_window *window = &fake_window(&rig_fake, lease)->window;
	const struct mmiod_wire_part *parts;

	cr_assert_eq(client_extents(fd, lease, 0), MMIOD_OK);
	cr_assert_eq(answer.msg.count, n);
	cr_assert_eq(answer.list.cursor, n);
	cr_assert_not(answer.msg.flags & MMIOD_MSG_MORE);
	parts = answer_element(0);
	for (uint32_t i = 0; i < n; i++) {
		cr_assert_eq(parts[i].offset, window->extents[i].offset);
		cr_assert_eq(parts[i].length, window->extents[i].length);
	}
}

Test(scatter, its_holder_and_who_may_inspect_learn_where_it_lies_and_nobody_else)
{
	uint64_t lease = take_pieces(5).lease, kernel;
	struct mmiod_wire_alloc element = ask(MMIOD_MEMORY_PAGES, "", PAGE);

	expect_listed(operator, lease, 5);
	expect_listed(client_hello(0), lease, 5);
	cr_assert_eq(client_extents(operator, lease, 3), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 2u, "the rest");
	cr_assert_eq(client_extents(operator, lease, UINT64_MAX), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 0u);
	cr_assert_eq(client_extents(client_hello(OTHER), lease, 0), MMIOD_E_DENIED);
	cr_assert_eq(client_extents(operator, 4711, 0), MMIOD_E_NOT_FOUND);
	rig_write_config(POOL GRANT "[grant memory]\nmemory = pages\nuser = 4001\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	kernel = granted(element).lease;
	cr_assert_eq(client_extents(operator, kernel, 0), MMIOD_E_INVALID);
}

Test(scatter, a_lease_of_one_extent_is_listed_as_that_one)
{
	struct mmiod_wire_granted out = take_pieces(1);
	const struct mmiod_wire_part *part;

	cr_assert_eq(client_extents(operator, out.lease, 0), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 1u);
	part = answer_element(0);
	cr_assert_eq(part->offset, out.offset);
	cr_assert_eq(part->length, PAGE);
}

static void start_large(void)
{
	rig_start("[region pool]\nphys = 0xf8000000\nsize = 4M\npool = yes\n" GRANT);
	operator= client_hello_with(OPERATOR, MMIOD_HELLO_EXTENTS);
	riddle(1024);
}

Test(scatter, many_extents_are_told_a_page_at_a_time, .init = start_large)
{
	uint64_t lease = take_pieces(512).lease, cursor = 0;
	const struct backend_window *window = &fake_window(&rig_fake, lease)->window;
	unsigned int pages = 0;

	do {
		const struct mmiod_wire_part *parts;

		cr_assert_eq(client_extents(operator, lease, cursor), MMIOD_OK);
		parts = answer_element(0);
		for (uint32_t i = 0; i < answer.msg.count; i++)
			cr_assert_eq(parts[i].offset, window->extents[cursor + i].offset);
		cr_assert_eq(answer.list.cursor, cursor + answer.msg.count);
		cursor = answer.list.cursor;
		pages++;
	} while (answer.msg.flags & MMIOD_MSG_MORE);
	cr_assert_eq(cursor, 512u);
	cr_assert_eq(pages, 2u);
}

Test(scatter, lists_and_maps_show_it_in_all_its_places)
{
	struct mmiod_wire_granted out = take_pieces(3);
	const struct mmiod_wire_extent *rows;
	const struct mmiod_wire_lease *lease;
	unsigned int mine = 0;

	cr_assert_eq(client_list(operator, MMIOD_OP_LEASES, 0), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 1u);
	lease = answer_element(0);
	cr_assert_eq(lease->offset, UINT64_MAX);
	cr_assert_eq(lease->n_extents, 3u);
	cr_assert_eq(lease->length, 3 * PAGE);
	cr_assert_eq(client_map(operator, "pool", 0), MMIOD_OK);
	cr_assert_eq(answer.msg.count, PAGES / 2 + 3);
	rows = answer_element(0);
	for (uint32_t i = 0; i < answer.msg.count; i++) {
		cr_assert_eq(rows[i].length, PAGE);
		mine += rows[i].lease == out.lease && rows[i].uid == OPERATOR;
	}
	cr_assert_eq(mine, 3u);
}

Test(scatter, a_translation_tells_where_in_the_pool_the_byte_lies)
{
	struct mmiod_wire_granted out = take_pieces(3);
	const struct backend_window *window = &fake_window(&rig_fake, out.lease)->window;

	rig_fake.translation = (struct mmiod_translate){
		.vma_present = 1,
		.vma_start = 0x7f0000000000,
		.vma_end = 0x7f0000002000,
		.vma_pgoff = 1,
		.window_id = out.lease,
	};
	cr_assert_eq(client_translate(client_hello(0), (uint32_t)getpid(), 0x7f0000001234),
		     MMIOD_OK);
	cr_assert_eq(answer.translate.lease, out.lease);
	cr_assert_eq(answer.translate.offset, window->extents[2].offset + 0x234);
}

/* ---- its end --------------------------------------------------------------------------------- */

static void expect_wiped_once(const struct mmiod_window_extent *extents, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		unsigned int times = 0;

		for (size_t j = 0; j < rig_fake.n_wipes; j++)
			times += rig_fake.wipes[j].offset == extents[i].offset &&
				 rig_fake.wipes[j].length == extents[i].length;
		cr_assert_eq(times, 1u);
	}
}

Test(scatter, each_extent_is_wiped_and_given_back_once_whatever_ends_the_lease)
{
	static const uint16_t ends[] = { MMIOD_OP_RELEASE, MMIOD_OP_REVOKE };

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct mmiod_wire_granted out = take_pieces(7);
		const struct mmiod_window_extent *extents =
			fake_window(&rig_fake, out.lease)->window.extents;

		rig_fake.n_wipes = 0;
		cr_assert_eq(client_end(client_hello(ends[i] == MMIOD_OP_REVOKE ? 0 : OPERATOR),
					ends[i], out.lease) == MMIOD_OK,
			     ends[i] == MMIOD_OP_REVOKE);
		if (ends[i] == MMIOD_OP_RELEASE)
			cr_assert_eq(client_end(operator, ends[i], out.lease), MMIOD_OK);
		rig_wait(20);
		expect_wiped_once(extents, 7);
		cr_assert_eq(rig_fake.n_wipes, 7u);
		cr_assert_eq(client_pool()->free, SIZE / 2);
		fake_close_window(&rig_fake, out.lease);
		events_drain(&rig.broker);
		cr_assert_eq(client_pool()->free, SIZE / 2);
		cr_assert_eq(extents_charged(), 0u);
	}
}

Test(scatter, suspect_blocks_of_all_extents_are_wiped_before_they_are_granted)
{
	struct mmiod_wire_granted out;

	rig_restart();
	operator= client_hello_with(OPERATOR, MMIOD_HELLO_EXTENTS);
	rig_fake.n_wipes = 0;
	out = take_pieces(6);
	expect_wiped_once(fake_window(&rig_fake, out.lease)->window.extents, 6);
	cr_assert_eq(rig_fake.n_wipes, 6u);
}

Test(scatter, another_daemon_has_each_extent_once)
{
	struct mmiod_wire_granted out = take_pieces(9);
	uint64_t lease;

	rig_restart();
	operator= client_hello_with(OPERATOR, MMIOD_HELLO_EXTENTS);
	cr_assert_eq(client_pool()->free, SIZE / 2 - 9 * PAGE);
	cr_assert_eq(extents_charged(), 9u);
	expect_listed(operator, out.lease, 9);
	lease = take_pieces(PAGES / 2 - 9).lease;
	for (uint32_t i = 0; i < PAGES / 2 - 9; i++) {
		struct mmiod_window_extent extent =
			fake_window(&rig_fake, lease)->window.extents[i];
		const struct backend_ledger *first =
			fake_window_at(&rig_fake, 1, extent.offset, extent.length);

		cr_assert_eq(first->id, lease, "nobody else has it");
	}
	fake_close_window(&rig_fake, lease);
	fake_close_window(&rig_fake, out.lease);
	events_drain(&rig.broker);
	rig_wait(50);
	cr_assert_eq(client_pool()->free, SIZE / 2);
	cr_assert_eq(client_pool()->wiping, 0u);
	cr_assert_eq(extents_charged(), 0u);
}

Test(scatter, a_window_that_goes_while_the_ledger_is_read_is_no_lease)
{
	uint64_t lease = take_pieces(9).lease;

	rig_fake.extents_error = -ENOENT;
	rig_restart();
	cr_assert_null(lease_find(&rig.broker.leases, lease));
	cr_assert_eq(extents_charged(), 0u);
	cr_assert_eq(client_pool()->free, SIZE / 2);
}

Test(scatter, a_pool_that_is_none_any_more_keeps_all_extents_and_takes_them_up_again)
{
	struct mmiod_wire_granted out = take_pieces(4);
	uint64_t at = fake_window(&rig_fake, out.lease)->window.extents[2].offset;
	struct mmiod_wire_want element = want("pool", at, PAGE, WRITE, MMIOD_SHARE_EXCLUSIVE);
	int other = client_hello(OTHER);

	rig_write_config("[region pool]\nphys = 0xf8000000\nsize = 1M\n" GRANT);
	cr_assert_eq(daemon_reload(&rig), 0);
	lease_refused(other, element, MMIOD_E_BUSY, "held by");
	expect_listed(operator, out.lease, 4);
	rig_write_config(config);
	cr_assert_eq(daemon_reload(&rig), 0);
	cr_assert_eq(client_pool()->free, SIZE / 2 - 4 * PAGE);
	cr_assert_eq(client_end(operator, MMIOD_OP_RELEASE, out.lease), MMIOD_OK);
	rig_wait(20);
	cr_assert_eq(client_pool()->free, SIZE / 2);
}

Test(scatter, a_reload_ends_it_only_if_its_grant_gives_not_all_of_it_any_more)
{
	struct mmiod_wire_granted out = take_pieces(4);

	rig_write_config(POOL "[daemon]\nrevoke-on-reload = yes\n" GRANT);
	cr_assert_eq(daemon_reload(&rig), 0);
	rig_wait(20);
	cr_assert_eq(client_pool()->free, SIZE / 2 - 4 * PAGE);
	rig_write_config(POOL "[daemon]\nrevoke-on-reload = yes\n" GRANT
			      "range = 0x80000-0xfffff\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	rig_wait(20);
	cr_assert_eq(fake_window(&rig_fake, out.lease)->state, MMIOD_STATE_REVOKED);
}

/* ---- zeros ----------------------------------------------------------------------------------- */

static void start_unwiped(void)
{
	rig_start(POOL "wipe = no\n" GRANT);
	begin();
}

Test(scatter, zeros_are_had_in_every_extent, .init = start_unwiped)
{
	struct mmiod_wire_alloc element = ask_pieces(6, MMIOD_EXTENTS_MAX);
	struct mmiod_wire_granted out;

	element.flags = MMIOD_ALLOC_ZERO;
	rig_fake.n_wipes = 0;
	out = granted(element);
	expect_wiped_once(fake_window(&rig_fake, out.lease)->window.extents, 6);
	cr_assert_eq(client_end(operator, MMIOD_OP_RELEASE, out.lease), MMIOD_OK);
	cr_assert_eq(client_pool()->free, SIZE / 2);
}

/* ---- simulation ------------------------------------------------------------------------------ */

Test(simulated_scatter, it_is_one_file_in_which_nothing_of_others_is_seen)
{
	struct mmiod_wire_granted out = take_pieces(3);
	uint8_t bytes[3 * PAGE];
	struct stat status;

	cr_assert_eq(out.n_extents, 3u);
	cr_assert_eq(out.map_offset, 0u);
	cr_assert_eq(fstat(answer_fds[0], &status), 0);
	cr_assert_eq((uint64_t)status.st_size, 3 * PAGE);
	cr_assert_eq(pread(answer_fds[0], bytes, sizeof(bytes), 0), (ssize_t)sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		cr_assert_eq(bytes[i], 0u);
	memset(bytes, 0xa5, sizeof(bytes));
	cr_assert_eq(pwrite(answer_fds[0], bytes, sizeof(bytes), 0), (ssize_t)sizeof(bytes));
	client_close_fds();
	cr_assert_eq(client_end(operator, MMIOD_OP_RELEASE, out.lease), MMIOD_OK);
	rig_wait(20);
	cr_assert_eq(client_pool()->free, SIZE / 2);
}

Test(simulated_scatter, a_read_only_one_cannot_be_written)
{
	struct mmiod_wire_alloc element = ask_pieces(3, MMIOD_EXTENTS_MAX);
	uint8_t byte = 1;

	element.rights = MMIOD_RIGHT_READ;
	granted(element);
	cr_assert_eq(pwrite(answer_fds[0], &byte, 1, 0), -1);
	client_close_fds();
}
