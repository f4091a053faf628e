// SPDX-License-Identifier: MIT
/*
 * What may be seen, and by whom: connections, translations, page frames, and notices of what
 * happens.
 */
#include <criterion/criterion.h>
#include <linux/kernel-page-flags.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include "support/rig.h"

#define OPERATOR 4001
#define OTHER 4003
#define WATCHER 4007
#define WRITE (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)

static const char config[] = "[region shm]\nphys = 0xf8000000\nsize = 1M\ncache = uc wc\n"
			     "[grant operators]\nregion = shm\nuser = 4001 4003\naccess = rw\n"
			     "[inspect watchers]\nuser = 4007\n";

static void start(void)
{
	rig_start(config);
}

TestSuite(inspect, .init = start, .fini = rig_stop);

static void denied(uint32_t status, const char *words)
{
	cr_assert_eq(status, MMIOD_E_DENIED);
	cr_assert_not_null(strstr(answer_text(answer.error.text), words), "\"%s\" lacks \"%s\"",
			   answer_text(answer.error.text), words);
}

/* ---- what the right admits besides ----------------------------------------------------------- */

Test(inspect, inspectors_see_all_regions_leases_and_addresses_but_revoke_nothing)
{
	int holder = client_hello(OPERATOR), watcher = client_hello(WATCHER);
	uint64_t lease;

	cr_assert_eq(client_lease_one(holder, 0, 0x1000, &lease), MMIOD_OK);
	cr_assert_eq(client_list(watcher, MMIOD_OP_REGIONS, 0), MMIOD_OK);
	cr_assert_eq(((struct mmiod_wire_region *)answer_element(0))->phys, 0xf8000000u);
	cr_assert_eq(client_list(watcher, MMIOD_OP_LEASES, 0), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 1u);
	cr_assert_eq(client_end(watcher, MMIOD_OP_REVOKE, lease), MMIOD_E_DENIED);
	cr_assert_eq(client_lease_one(watcher, 0x2000, 0x1000, NULL), MMIOD_E_DENIED);
	cr_assert_eq(client_status(watcher), MMIOD_OK);
	cr_assert_eq(answer.status.inspect, 1u);
	cr_assert_eq(client_status(holder), MMIOD_OK);
	cr_assert_eq(answer.status.inspect, 0u);
}

Test(inspect, each_of_a_full_page_of_leases_has_the_unit_of_its_holder)
{
	uint64_t cursor = 0;
	size_t n = 0;
	int fd;

	rig_stop();
	rig_start_simulation("[region shm]\nsize = 2M\n"
			     "[grant all]\nregion = shm\nuser = *\naccess = rw\n");
	fd = client_hello(OPERATOR);
	memset(rig.broker.host.connections->peer.unit, 'u', PEER_UNIT_MAX - 1);
	rig.broker.host.connections->peer.unit_read = true;
	for (uint64_t i = 0; i < MMIOD_BATCH_MAX; i++)
		cr_assert_eq(client_lease_one(fd, i * 4096, 4096, NULL), MMIOD_OK);
	do {
		cr_assert_eq(client_list(fd, MMIOD_OP_LEASES, cursor), MMIOD_OK);
		for (size_t i = 0; i < answer.msg.count; i++, n++) {
			const struct mmiod_wire_lease *lease = answer_element(i);

			cr_assert_eq(strlen(answer_text(lease->unit)), PEER_UNIT_MAX - 1u, "%zu",
				     n);
		}
		cursor = answer.list.cursor;
	} while (answer.msg.flags & MMIOD_MSG_MORE);
	cr_assert_eq(n, MMIOD_BATCH_MAX);
	client_close_fds();
	close(fd);
}

/* ---- CLIENTS --------------------------------------------------------------------------------- */

Test(inspect, clients_are_listed_with_what_they_hold)
{
	int holder = client_hello(OPERATOR), watcher = client_hello(WATCHER);
	const struct mmiod_wire_client *client;
	uint64_t first;

	cr_assert_eq(client_lease_one(holder, 0, 0x1000, NULL), MMIOD_OK);
	cr_assert_eq(client_lease_one(holder, 0x4000, 0x3000, NULL), MMIOD_OK);
	cr_assert_eq(client_list(watcher, MMIOD_OP_CLIENTS, 0), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 2u);
	client = answer_element(0);
	first = client->id;
	cr_assert_eq(client->uid, (uint32_t)OPERATOR);
	cr_assert_eq(client->pid, (uint32_t)getpid());
	cr_assert_eq(client->leases, 2u);
	cr_assert_eq(client->bytes, 0x4000u);
	cr_assert_eq(client->unread, 0u);
	cr_assert_eq(client->flags, 0u);
	cr_assert_geq(client->started, clock_since_1970(rig.broker.started_ms));
	cr_assert_str_neq(client->comm, "");
	client = answer_element(1);
	cr_assert_gt(client->id, first);
	cr_assert_eq(client->leases, 0u);
	cr_assert_eq(client_list(watcher, MMIOD_OP_CLIENTS, first), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 1u, "those behind the cursor");
}

Test(inspect, clients_see_the_connections_of_their_own_user_only)
{
	int holder = client_hello(OPERATOR);

	client_hello(OTHER);
	client_hello(OPERATOR);
	cr_assert_eq(client_list(holder, MMIOD_OP_CLIENTS, 0), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 2u);
	cr_assert_eq(((struct mmiod_wire_client *)answer_element(1))->uid, (uint32_t)OPERATOR);
}

Test(inspect, who_has_not_said_hello_is_no_client_and_numbers_are_not_used_again)
{
	int watcher = client_hello(WATCHER), gone = client_hello(OPERATOR);
	uint64_t id;

	client_connect(OPERATOR);
	cr_assert_eq(client_list(watcher, MMIOD_OP_CLIENTS, 0), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 2u);
	id = ((struct mmiod_wire_client *)answer_element(1))->id;
	close(gone);
	rig_turn();
	client_hello(OPERATOR);
	cr_assert_eq(client_list(watcher, MMIOD_OP_CLIENTS, 0), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 2u);
	cr_assert_gt(((struct mmiod_wire_client *)answer_element(1))->id, id);
}

/* ---- TRANSLATE ------------------------------------------------------------------------------- */

/* A 4 KiB leaf at frame 0x12345, NX, dirty, accessed, user, writable, UC. */
static void have_translation(void)
{
	rig_fake.translation = (struct mmiod_translate){
		.entries = { 0x8000000001001067, 0, 0x1002067, 0x1003067, 0x800000001234507f },
		.walked = 1 << MMIOD_LEVEL_PGD | 1 << MMIOD_LEVEL_PUD | 1 << MMIOD_LEVEL_PMD |
			  1 << MMIOD_LEVEL_PTE,
		.folded = 1 << MMIOD_LEVEL_P4D,
		.leaf_size = 4096,
		.phys = 0x12345678,
		.cache = MMIOD_ENTRY_UC,
		.vma_present = 1,
		.vma_start = 0x7f0000000000,
		.vma_end = 0x7f0000002000,
		.vma_pgoff = 1,
	};
}

Test(inspect, a_translation_has_every_level_that_was_walked)
{
	int watcher = client_hello(WATCHER);
	const struct mmiod_wire_entry *entry;

	have_translation();
	cr_assert_eq(client_translate(watcher, (uint32_t)getpid(), 0x7f0000000678), MMIOD_OK);
	cr_assert_eq(answer.translate.flags, MMIOD_TRANSLATE_PRESENT | MMIOD_TRANSLATE_MAPPED);
	cr_assert_eq(answer.translate.phys, 0x12345678u);
	cr_assert_eq(answer.translate.memtype, MMIOD_MEMTYPE_UC);
	cr_assert_eq(answer.translate.leaf, 4096u);
	cr_assert_eq(answer.translate.lease, 0u);
	cr_assert_eq(answer.msg.count, 4u, "the level that is folded was not walked");
	entry = answer_element(0);
	cr_assert_eq(entry->level, 5u);
	cr_assert_eq(entry->shift, 39u, "with four levels");
	entry = answer_element(3);
	cr_assert_eq(entry->level, 1u);
	cr_assert_eq(entry->shift, 12u);
	cr_assert_eq(entry->value, 0x800000001234507f);
}

Test(inspect, a_window_is_named_by_its_region_and_the_place_in_it)
{
	int holder = client_hello(OPERATOR), watcher = client_hello(WATCHER);
	uint64_t lease;

	cr_assert_eq(client_lease_one(holder, 0x8000, 0x4000, &lease), MMIOD_OK);
	have_translation();
	rig_fake.translation.window_id = lease;
	rig_fake.translation.window_attr = MMIOD_ATTR_UC;
	cr_assert_eq(client_translate(watcher, (uint32_t)getpid(), 0x7f0000000678), MMIOD_OK);
	cr_assert(answer.translate.flags & MMIOD_TRANSLATE_WINDOW);
	cr_assert_eq(answer.translate.lease, lease);
	cr_assert_str_eq(answer.translate.region, "shm");
	cr_assert_eq(answer.translate.offset, 0x9678u, "region, window's page, byte");
	rig_fake.translation.window_id = 4711;
	cr_assert_eq(client_translate(watcher, (uint32_t)getpid(), 0x7f0000000678), MMIOD_OK);
	cr_assert_str_eq(answer.translate.region, "", "the daemon does not know it");
}

/* A child that sleeps and belongs to @uid. */
static pid_t child_of(uid_t uid)
{
	int ready[2];
	pid_t pid;
	char byte;

	cr_assert_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		if (setresuid(uid, uid, uid) == 0) {
			/* Behind it, because a change of user clears both. */
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			prctl(PR_SET_DUMPABLE, 1);
			write(ready[1], "", 1);
		}
		pause();
		_exit(0);
	}
	close(ready[1]);
	cr_assert_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

Test(inspect, processes_of_the_callers_own_are_translated_without_frames)
{
	int holder = client_hello(OPERATOR);
	const struct mmiod_wire_entry *entry;
	pid_t child;

	if (geteuid())
		cr_skip_test("only root can become another user");
	child = child_of(OPERATOR);
	have_translation();
	cr_assert_eq(client_translate(holder, (uint32_t)child, 0x7f0000000678), MMIOD_OK);
	cr_assert(answer.translate.flags & MMIOD_TRANSLATE_HIDDEN);
	cr_assert_eq(answer.translate.phys, 0u);
	entry = answer_element(3);
	cr_assert_eq(entry->value, 0x800000000000007f, "the bits, but not the frame");
	rig_fake.translation.entries[MMIOD_LEVEL_PTE] = 0x123456789abc0e; /* swap, say */
	rig_fake.translation.leaf_size = 0;
	cr_assert_eq(client_translate(holder, (uint32_t)child, 0x7f0000000678), MMIOD_OK);
	entry = answer_element(3);
	cr_assert_eq(entry->value, 0u, "what is not present is the kernel's own");
	end_child(child);
}

Test(inspect, a_large_leaf_keeps_its_pat_bit_when_its_frame_is_hidden)
{
	int holder = client_hello(OPERATOR);
	const struct mmiod_wire_entry *entry;
	pid_t child;

	if (geteuid())
		cr_skip_test("only root can become another user");
	child = child_of(OPERATOR);
	have_translation();
	rig_fake.translation.walked &= ~(1u << MMIOD_LEVEL_PTE);
	rig_fake.translation.entries[MMIOD_LEVEL_PMD] = 0x80000000402010e7;
	cr_assert_eq(client_translate(holder, (uint32_t)child, 0x7f0000000678), MMIOD_OK);
	entry = answer_element(2);
	cr_assert_eq(entry->value, 0x80000000000010e7);
	end_child(child);
}

Test(inspect, processes_of_others_are_not_translated)
{
	int holder = client_hello(OPERATOR);

	have_translation();
	denied(client_translate(holder, (uint32_t)getpid(), 0x1000), "not uid 4001's own");
	denied(client_translate(holder, 1, 0x1000), "process 1");
	cr_assert_eq(rig_fake.translation.size, 0u);
}

Test(inspect, a_process_that_will_not_be_traced_is_not_its_users_own)
{
	int holder = client_hello(OPERATOR);
	pid_t child;

	if (geteuid())
		cr_skip_test("only root can become another user");
	child = fork();
	if (child == 0) {
		if (setresuid(OPERATOR, OPERATOR, OPERATOR) == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			prctl(PR_SET_DUMPABLE, 0);
			pause();
		}
		_exit(1);
	}
	have_translation();
	usleep(100000);
	denied(client_translate(holder, (uint32_t)child, 0x1000), "own");
	end_child(child);
}

static pid_t victim;

static void become_another(struct fake *fake)
{
	end_child(victim);
}

Test(inspect, a_process_that_ends_meanwhile_is_not_answered_for)
{
	int watcher = client_hello(WATCHER);

	have_translation();
	victim = child_of(geteuid());
	rig_fake.translating = become_another;
	cr_assert_eq(client_translate(watcher, (uint32_t)victim, 0x1000), MMIOD_E_NOT_FOUND);
	cr_assert_not_null(strstr(answer_text(answer.error.text), "no process"));
}

Test(inspect, what_is_no_process_or_no_address_is_told_so)
{
	int watcher = client_hello(WATCHER);

	have_translation();
	cr_assert_eq(client_translate(watcher, 0, 0x1000), MMIOD_E_NOT_FOUND);
	cr_assert_eq(client_translate(watcher, UINT32_MAX, 0x1000), MMIOD_E_NOT_FOUND);
	rig_fake.translate_error = -EINVAL;
	cr_assert_eq(client_translate(watcher, (uint32_t)getpid(), UINT64_MAX), MMIOD_E_INVALID);
	rig_fake.translate_error = -ENOTTY;
	cr_assert_eq(client_translate(watcher, (uint32_t)getpid(), 0), MMIOD_E_UNSUPPORTED);
	cr_assert_not_null(strstr(answer_text(answer.error.text), "older"));
	rig_fake.translate_error = -EOPNOTSUPP;
	cr_assert_eq(client_translate(watcher, (uint32_t)getpid(), 0), MMIOD_E_UNSUPPORTED);
}

/* ---- PAGE ------------------------------------------------------------------------------------ */

Test(inspect, a_page_is_asked_for_by_frame_or_by_address)
{
	int watcher = client_hello(WATCHER);

	have_translation();
	rig_fake.page = (struct mmiod_page){
		.described = 1,
		.flags = 1ull << KPF_LRU,
		.head = 0x12345,
		.order = MMIOD_PAGE_ORDER_NONE,
		.refcount = 3,
		.mapcount = 2,
		.zone = MMIOD_ZONE_DMA32,
	};
	cr_assert_eq(client_page(watcher, 0, 0x77), MMIOD_OK);
	cr_assert_eq(answer.page.pfn, 0x77u);
	cr_assert_eq(answer.page.phys, 0x77000u);
	cr_assert_eq(client_page(watcher, (uint32_t)getpid(), 0x7f0000000678), MMIOD_OK);
	cr_assert_eq(answer.page.pfn, 0x12345u);
	cr_assert_eq(answer.page.phys, 0x12345678u);
	cr_assert_eq(answer.page.described, 1u);
	cr_assert_eq(answer.page.bits, 1ull << KPF_LRU);
	cr_assert_eq(answer.page.references, 3u);
	cr_assert_eq(answer.page.mappings, 2u);
	cr_assert_eq(answer.page.zone, MMIOD_MEMORY_BELOW_4G);
	cr_assert_eq(answer.page.order, UINT32_MAX);
	cr_assert_eq(client_page(watcher, 0, UINT64_MAX), MMIOD_E_INVALID);
	rig_fake.translation.leaf_size = 0;
	cr_assert_eq(client_page(watcher, (uint32_t)getpid(), 0x1000), MMIOD_E_NOT_FOUND);
	cr_assert_not_null(strstr(answer_text(answer.error.text), "nothing present at 0x1000"));
}

Test(inspect, pages_are_for_inspectors_only)
{
	int holder = client_hello(OPERATOR);

	denied(client_page(holder, 0, 1), "[inspect]");
	denied(client_page(holder, (uint32_t)getpid(), 0x1000), "[inspect]");
}

/* ---- MONITOR --------------------------------------------------------------------------------- */

static const struct mmiod_msg_notice *next_notice(int fd)
{
	rig_turn();
	cr_assert_gt(client_receive(fd), 0, "no notice");
	cr_assert_eq(answer.msg.opcode, MMIOD_OP_EVENT);
	cr_assert_eq(answer.msg.flags, MMIOD_MSG_EVENT);
	return &answer.notice;
}

Test(inspect, monitoring_is_for_inspectors_only)
{
	int holder = client_hello(OPERATOR);

	denied(client_monitor(holder, 1), "[inspect]");
	cr_assert_eq(client_monitor(holder, 0), MMIOD_OK, "to stop is nobody's secret");
	cr_assert_eq(client_monitor(holder, 2), MMIOD_E_INVALID);
	cr_assert_null(rig.broker.host.monitor.subscriptions);
}

Test(inspect, a_monitor_is_told_of_grants_denials_revocations_and_releases)
{
	int holder = client_hello(OPERATOR), watcher = client_hello(WATCHER);
	int admin = client_hello(0), guest = client_hello(4999);
	const struct mmiod_msg_notice *notice;
	uint64_t first, second;

	cr_assert_eq(client_monitor(watcher, 1), MMIOD_OK);
	cr_assert_eq(client_lease_one(holder, 0x1000, 0x2000, &first), MMIOD_OK);
	notice = next_notice(watcher);
	cr_assert_eq(notice->type, MMIOD_NOTICE_GRANTED);
	cr_assert_eq(notice->lease, first);
	cr_assert_str_eq(notice->region, "shm");
	cr_assert_eq(notice->offset, 0x1000u);
	cr_assert_eq(notice->length, 0x2000u);
	cr_assert_eq(notice->rights, (uint32_t)WRITE);
	cr_assert_eq(notice->uid, (uint32_t)OPERATOR);
	cr_assert_eq(notice->pid, (uint32_t)getpid());
	cr_assert_gt(notice->time_us,
		     1000000ull * clock_since_1970(rig.broker.started_ms) - 1000000);
	cr_assert_eq(client_lease_one(guest, 0, 0x1000, NULL), MMIOD_E_DENIED);
	notice = next_notice(watcher);
	cr_assert_eq(notice->type, MMIOD_NOTICE_DENIED);
	cr_assert_eq(notice->uid, 4999u);
	cr_assert_eq(notice->lease, 0u);
	cr_assert_not_null(strstr(answer_text(notice->text), "no grant"));
	cr_assert_eq(client_end(admin, MMIOD_OP_REVOKE, first), MMIOD_OK);
	notice = next_notice(watcher);
	cr_assert_eq(notice->type, MMIOD_NOTICE_REVOKED);
	cr_assert_eq(notice->lease, first);
	cr_assert_not_null(strstr(answer_text(notice->text), "revoked by user root"));
	cr_assert_gt(client_receive(holder), 0, "the holder's own event");
	fake_close_window(&rig_fake, first);
	events_drain(&rig.broker);
	cr_assert_eq(client_lease_one(holder, 0x1000, 0x2000, &second), MMIOD_OK);
	cr_assert_eq(next_notice(watcher)->type, MMIOD_NOTICE_GRANTED, "a revoked lease's end");
	fake_close_window(&rig_fake, second);
	events_drain(&rig.broker);
	notice = next_notice(watcher);
	cr_assert_eq(notice->type, MMIOD_NOTICE_RELEASED);
	cr_assert_eq(notice->lease, second);
}

Test(inspect, a_lease_that_is_given_back_is_told_once)
{
	int holder = client_hello(OPERATOR), watcher = client_hello(WATCHER);
	uint64_t lease;

	cr_assert_eq(client_lease_one(holder, 0, 0x1000, &lease), MMIOD_OK);
	cr_assert_eq(client_monitor(watcher, 1), MMIOD_OK);
	cr_assert_eq(client_end(holder, MMIOD_OP_RELEASE, lease), MMIOD_OK);
	cr_assert_eq(next_notice(watcher)->type, MMIOD_NOTICE_RELEASED);
	fake_close_window(&rig_fake, lease);
	events_drain(&rig.broker);
	rig_turn();
	cr_assert_eq(client_receive(watcher), -EAGAIN);
}

Test(inspect, a_monitor_is_told_of_devices_that_sleep_go_and_are_back)
{
	int holder = client_hello(OPERATOR), watcher = client_hello(WATCHER);
	uint64_t lease;

	cr_assert_eq(client_lease_one(holder, 0, 0x1000, &lease), MMIOD_OK);
	cr_assert_eq(client_monitor(watcher, 1), MMIOD_OK);
	fake_event(&rig_fake, MMIOD_CONTROL_REGION_STATE, MMIOD_WINDOW_SUSPENDED, 1);
	events_drain(&rig.broker);
	cr_assert_eq(next_notice(watcher)->type, MMIOD_NOTICE_SUSPENDED);
	cr_assert_eq(answer.notice.lease, lease);
	fake_event(&rig_fake, MMIOD_CONTROL_REGION_STATE, MMIOD_WINDOW_OK, 1);
	events_drain(&rig.broker);
	cr_assert_eq(next_notice(watcher)->type, MMIOD_NOTICE_RESUMED);
	fake_remove_device(&rig_fake, "shm");
	events_drain(&rig.broker);
	cr_assert_eq(next_notice(watcher)->type, MMIOD_NOTICE_GONE);
	cr_assert_str_eq(answer.notice.region, "shm");
	cr_assert_eq(answer.notice.uid, UINT32_MAX);
	cr_assert_eq(next_notice(watcher)->type, MMIOD_NOTICE_REVOKED);
	cr_assert_not_null(strstr(answer_text(answer.notice.text), "gone"));
	fake_event(&rig_fake, MMIOD_CONTROL_DEVICE_BOUND, 0, 0);
	events_drain(&rig.broker);
	cr_assert_eq(next_notice(watcher)->type, MMIOD_NOTICE_BACK);
	cr_assert_str_eq(answer.notice.region, "shm");
}

/* How many of the packet's notices there are, and how many are told to be lost. */
static unsigned int count_notices(ssize_t length, uint64_t *told, uint64_t *lost)
{
	struct mmiod_msg_notice notice;
	unsigned int n = 0;

	for (size_t at = 0; at < (size_t)length; n++) {
		cr_assert_eq(at % MMIOD_EVENT_ALIGN, 0u);
		memcpy(&notice, answer.bytes + at, sizeof(notice));
		cr_assert_eq(notice.msg.opcode, MMIOD_OP_EVENT);
		cr_assert_leq(at + notice.msg.size, (size_t)length);
		if (notice.type == MMIOD_NOTICE_LOST)
			*lost += notice.lost;
		else
			++*told;
		at += (notice.msg.size + 7) & ~(size_t)7;
	}
	return n;
}

static void lease_five(int holder)
{
	struct mmiod_wire_want wants[5];

	for (unsigned int i = 0; i < 5; i++)
		wants[i] = want("shm", i * 0x1000u, 0x1000, WRITE, MMIOD_SHARE_EXCLUSIVE);
	cr_assert_eq(client_lease(holder, wants, 5, 0), MMIOD_OK);
	rig_turn();
}

Test(inspect, a_monitor_that_takes_them_gets_notices_in_one_packet_and_others_one_by_one)
{
	int holder = client_hello(OPERATOR), old = client_hello(WATCHER);
	int watcher = client_hello_with(WATCHER, MMIOD_HELLO_NOTICES);
	uint64_t told = 0, lost = 0;

	cr_assert_eq(client_monitor(watcher, 1), MMIOD_OK);
	cr_assert_eq(client_monitor(old, 1), MMIOD_OK);
	lease_five(holder);
	cr_assert_eq(count_notices(client_receive(watcher), &told, &lost), 5u);
	cr_assert_eq(client_receive(watcher), -EAGAIN);
	for (unsigned int i = 0; i < 5; i++)
		cr_assert_eq(count_notices(client_receive(old), &told, &lost), 1u);
	cr_assert_eq(client_receive(old), -EAGAIN);
	cr_assert_eq(told, 10u);
	cr_assert_eq(lost, 0u);
}

static void reads_nothing(uint64_t features)
{
	int holder = client_hello(OPERATOR), watcher = client_hello_with(WATCHER, features);
	uint64_t told = 0, lost = 0, lease;
	const unsigned int rounds = 1500;
	ssize_t length;

	cr_assert_eq(client_monitor(watcher, 1), MMIOD_OK);
	for (unsigned int i = 0; i < rounds; i++) {
		cr_assert_eq(client_lease_one(holder, 0, 0x1000, &lease), MMIOD_OK);
		cr_assert_eq(client_end(holder, MMIOD_OP_RELEASE, lease), MMIOD_OK);
		fake_close_window(&rig_fake, lease);
		events_drain(&rig.broker);
	}
	cr_assert_eq(client_list(holder, MMIOD_OP_CLIENTS, 0), MMIOD_OK);
	rig_turn();
	while ((length = client_receive(watcher)) > 0) {
		count_notices(length, &told, &lost);
		rig_turn();
	}
	cr_assert_gt(lost, 0u);
	cr_assert_eq(told + lost, 2 * rounds, "%llu told, %llu lost", (unsigned long long)told,
		     (unsigned long long)lost);
}

Test(inspect, a_monitor_that_reads_nothing_costs_no_memory_stops_nobody_and_is_told_its_loss)
{
	reads_nothing(0);
}

Test(inspect, nor_does_one_that_takes_several_notices_at_a_time)
{
	reads_nothing(MMIOD_HELLO_NOTICES);
}

/* Whoever still may would have to be told why not; the others go on. */
Test(inspect, a_monitor_whose_right_a_reload_takes_is_told_nothing_more_and_dropped)
{
	int holder = client_hello(OPERATOR), watcher = client_hello(WATCHER);
	int root = client_hello(0);

	cr_assert_eq(client_monitor(watcher, 1), MMIOD_OK);
	cr_assert_eq(client_monitor(root, 1), MMIOD_OK);
	rig_write_config("[region shm]\nphys = 0xf8000000\nsize = 1M\ncache = uc wc\n"
			 "[grant operators]\nregion = shm\nuser = 4001 4003\naccess = rw\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	cr_assert_eq(client_lease_one(holder, 0, 0x1000, NULL), MMIOD_OK);
	cr_assert_eq(client_receive(watcher), 0, "its end, and no notice");
	cr_assert_eq(next_notice(root)->type, MMIOD_NOTICE_GRANTED);
	cr_assert_not_null(rig.broker.host.monitor.subscriptions);
	cr_assert_null(rig.broker.host.monitor.subscriptions->list_next);
	denied(client_monitor(client_hello(WATCHER), 1), "[inspect]");
}

Test(inspect, a_monitor_that_stops_or_hangs_up_is_told_nothing_more)
{
	int holder = client_hello(OPERATOR), watcher = client_hello(WATCHER);

	cr_assert_eq(client_monitor(watcher, 1), MMIOD_OK);
	cr_assert_eq(client_monitor(watcher, 0), MMIOD_OK);
	cr_assert_eq(client_lease_one(holder, 0, 0x1000, NULL), MMIOD_OK);
	rig_turn();
	cr_assert_eq(client_receive(watcher), -EAGAIN);
	cr_assert_eq(client_monitor(watcher, 1), MMIOD_OK);
	close(watcher);
	rig_turn();
	cr_assert_null(rig.broker.host.monitor.subscriptions);
	cr_assert_eq(client_lease_one(holder, 0x1000, 0x1000, NULL), MMIOD_OK);
}
