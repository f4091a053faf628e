// SPDX-License-Identifier: MIT
/*
 * ALLOC and what shows its results, from end to end, on a backend that behaves like the module and
 * refuses to wipe below a living window; and in simulation, where the bytes can be looked at.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include "support/files.h"
#include "support/rig.h"

#define READ MMIOD_RIGHT_READ
#define WRITE (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)
#define PAGE 4096ull

#define OPERATOR 4001
#define GUEST 4002
#define OTHER 4003

#define POOL "[region pool]\nphys = 0xf8000000\nsize = 1M\npool = yes\n"
#define REST                                                                            \
	"[region shm]\ndevice = pci:0000:01:00.0\nbar = 2\nsize = 1M\n"                 \
	"[grant operators]\nregion = pool shm\nuser = 4001 4003\naccess = rw\nshare = " \
	"shared-write\n"                                                                \
	"[grant memory]\nmemory = pages vmalloc kmalloc dma\nuser = 4001 4003 4004\n"

static const char config[] = POOL REST;

static void start(void)
{
	rig_start(config);
}

static void start_simulation(void)
{
	rig_start_simulation(config);
}

TestSuite(alloc, .init = start, .fini = rig_stop);
TestSuite(simulated_alloc, .init = start_simulation, .fini = rig_stop);

static const struct mmiod_wire_granted *alloc_element(int fd, struct mmiod_wire_alloc element)
{
	cr_assert_eq(client_alloc(fd, &element, 1, 0), MMIOD_OK);
	return answer_element(0);
}

static struct mmiod_wire_granted granted_element(int fd, struct mmiod_wire_alloc element)
{
	const struct mmiod_wire_granted *granted = alloc_element(fd, element);

	cr_assert_eq(granted->status, MMIOD_OK, "%s", answer_text(granted->text));
	cr_assert_eq(n_answer_fds, 1u);
	return *granted;
}

static struct mmiod_wire_granted take(int fd, uint64_t length)
{
	return granted_element(fd, ask(MMIOD_MEMORY_REGION, "pool", length));
}

static void expect_all_free(void)
{
	rig_turn();
	cr_assert_eq(client_pool()->free, 1u << 20);
	cr_assert_eq(client_pool()->wiping, 0u);
	cr_assert_eq(client_pool()->largest, 1u << 20);
}

/* ---- blocks of a pool ------------------------------------------------------------------------ */

Test(alloc, grants_exactly_the_pages_asked_for_and_never_the_same_twice)
{
	int fd = client_hello(OPERATOR);
	struct mmiod_wire_granted first = take(fd, 3 * PAGE), second = take(fd, 1);

	cr_assert_eq(first.length, 3 * PAGE);
	cr_assert_eq(second.length, PAGE, "whole pages");
	cr_assert_eq(first.share, MMIOD_SHARE_EXCLUSIVE, "whatever the grant's share");
	cr_assert_eq(first.mmapable, 1u);
	cr_assert(second.offset >= first.offset + first.length ||
		  second.offset + second.length <= first.offset);
	cr_assert_eq(fake_window(&rig_fake, first.lease)->window.offset, first.offset);
	cr_assert_eq(fake_window(&rig_fake, first.lease)->window.length, first.length);
	cr_assert_eq(client_pool()->free, (1u << 20) - 4 * PAGE);
	cr_assert_eq(client_pool()->leases, 2u);
}

Test(alloc, keeps_to_alignment_bounds_and_powers_of_two)
{
	int fd = client_hello(OPERATOR);
	struct mmiod_wire_alloc element = ask(MMIOD_MEMORY_REGION, "pool", 3 * PAGE);
	struct mmiod_wire_granted granted;

	element.flags = MMIOD_ALLOC_POWER_OF_TWO;
	granted = granted_element(fd, element);
	cr_assert_eq(granted.length, 4 * PAGE);
	cr_assert_eq(granted.offset % (4 * PAGE), 0u);
	element.flags = 0;
	element.align = 0x10000;
	granted = granted_element(fd, element);
	cr_assert_eq(granted.offset % 0x10000, 0u);
	element.low = 0x80000;
	element.high = 0x90000;
	granted = granted_element(fd, element);
	cr_assert_geq(granted.offset, 0x80000u);
	cr_assert_leq(granted.offset + granted.length, 0x90000u);
}

Test(alloc, refuses_what_cannot_be_and_says_what_would_have_fitted)
{
	int fd = client_hello(OPERATOR);
	struct mmiod_wire_alloc element = ask(MMIOD_MEMORY_REGION, "pool", 0);

	alloc_refused(fd, element, MMIOD_E_INVALID, "length of 0");
	element.length = (1 << 20) + 1;
	alloc_refused(fd, element, MMIOD_E_INVALID, "the largest free block is 1 MiB");
	element.length = UINT64_MAX;
	alloc_refused(fd, element, MMIOD_E_INVALID, "than the pool has");
	element = ask(MMIOD_MEMORY_REGION, "pool", PAGE);
	element.align = 3 * PAGE;
	alloc_refused(fd, element, MMIOD_E_INVALID, "not a power of two");
	element.align = 2 << 20;
	alloc_refused(fd, element, MMIOD_E_INVALID, "larger than the pool");
	element = ask(MMIOD_MEMORY_REGION, "pool", PAGE);
	element.low = 0x20000;
	element.high = 0x10000;
	alloc_refused(fd, element, MMIOD_E_INVALID, "bound");
	element.low = UINT64_MAX - 0xfff;
	element.high = 0;
	alloc_refused(fd, element, MMIOD_E_INVALID, "bound");
	element = ask(MMIOD_MEMORY_REGION, "pool", 0x20000);
	element.high = 0x10000;
	alloc_refused(fd, element, MMIOD_E_INVALID, "bounds");
	expect_all_free();
	cr_assert_eq(rig_fake.n_windows, 0u);
}

Test(alloc, refuses_what_a_pool_does_not_know)
{
	int fd = client_hello(OPERATOR);
	struct mmiod_wire_alloc element = ask(MMIOD_MEMORY_REGION, "pool", PAGE);

	element.flags = MMIOD_ALLOC_NOWAIT;
	alloc_refused(fd, element, MMIOD_E_INVALID, "no-wait");
	element.flags = 1 << 30;
	alloc_refused(fd, element, MMIOD_E_UNSUPPORTED, "unknown flag");
	element.flags = 0;
	element.zone = MMIOD_MEMORY_BELOW_4G;
	alloc_refused(fd, element, MMIOD_E_INVALID, "no zones");
	element.zone = 77;
	alloc_refused(fd, element, MMIOD_E_UNSUPPORTED, "zone");
	element.zone = 0;
	element.memory = 5;
	alloc_refused(fd, element, MMIOD_E_UNSUPPORTED, "kind of memory");
	element.memory = 0;
	element.reserved = 1;
	alloc_refused(fd, element, MMIOD_E_INVALID, "reserved");
	element.reserved = 0;
	element.rights = MMIOD_RIGHT_WRITE;
	alloc_refused(fd, element, MMIOD_E_INVALID, "right to read");
	element.rights = WRITE;
	element.memtype = MMIOD_MEMTYPE_WC;
	alloc_refused(fd, element, MMIOD_E_INVALID, "may not have memory type wc");
	memset(element.region, 'x', sizeof(element.region));
	alloc_refused(fd, element, MMIOD_E_INVALID, "not terminated");
	alloc_refused(fd, ask(MMIOD_MEMORY_REGION, "shm", PAGE), MMIOD_E_INVALID, "is no pool");
	alloc_refused(fd, ask(MMIOD_MEMORY_REGION, "none", PAGE), MMIOD_E_NOT_FOUND, "no region");
	expect_all_free();
}

Test(alloc, needs_a_grant)
{
	alloc_refused(client_hello(GUEST), ask(MMIOD_MEMORY_REGION, "pool", PAGE), MMIOD_E_DENIED,
		      "no grant lets user 4002");
}

Test(alloc, bytes_of_a_pool_are_not_leased_by_offset)
{
	int fd = client_hello(OPERATOR);
	struct mmiod_wire_want element = want("pool", 0, PAGE, READ, MMIOD_SHARE_WRITE);
	const struct mmiod_wire_granted *granted;

	cr_assert_eq(client_lease(fd, &element, 1, 0), MMIOD_OK);
	granted = answer_element(0);
	cr_assert_eq(granted->status, MMIOD_E_INVALID);
	cr_assert_not_null(strstr(answer_text(granted->text), "is a pool"));
	cr_assert_not_null(strstr(answer_text(granted->text), "ALLOC"));
}

Test(alloc, a_full_pool_says_so_and_recovers)
{
	int fd = client_hello(OPERATOR);
	uint64_t leases[4];

	for (int i = 0; i < 4; i++)
		leases[i] = take(fd, 1 << 18).lease;
	alloc_refused(fd, ask(MMIOD_MEMORY_REGION, "pool", PAGE), MMIOD_E_BUSY,
		      "nothing would fit");
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, leases[2]), MMIOD_OK);
	alloc_refused(fd, ask(MMIOD_MEMORY_REGION, "pool", 1 << 19), MMIOD_E_BUSY,
		      "the largest that would fit is 256 KiB");
	cr_assert_eq(take(fd, 1 << 18).length, 1u << 18);
	fake_close_window(&rig_fake, leases[0]);
	cr_assert_eq(take(fd, 1 << 18).length, 1u << 18,
		     "closed, and not even wiped yet when it was asked for");
}

Test(alloc, blocks_come_back_once_whatever_ends_the_lease)
{
	int fd = client_hello(OPERATOR);
	uint64_t released = take(fd, PAGE).lease, closed = take(fd, PAGE).lease;
	uint64_t revoked = take(fd, PAGE).lease;

	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, released), MMIOD_OK);
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, released), MMIOD_OK, "twice is no error");
	fake_close_window(&rig_fake, closed);
	cr_assert_eq(client_end(client_hello(0), MMIOD_OP_REVOKE, revoked), MMIOD_OK);
	events_drain(&rig.broker);
	expect_all_free();
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.event.type, MMIOD_EVENT_REVOKED);
	fake_close_window(&rig_fake, released);
	fake_close_window(&rig_fake, revoked);
	events_drain(&rig.broker);
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, released), MMIOD_E_NOT_FOUND);
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, closed), MMIOD_E_NOT_FOUND);
	expect_all_free();
	cr_assert_eq(pool_check(region_find(&rig.broker.regions, "pool")->blocks->pool), 0);
}

Test(alloc, nobody_frees_anothers)
{
	int fd = client_hello(OPERATOR), other = client_hello(OTHER);
	uint64_t lease = take(fd, PAGE).lease;

	cr_assert_eq(client_end(other, MMIOD_OP_RELEASE, lease), MMIOD_E_DENIED);
	rig_turn();
	cr_assert_eq(client_pool()->free, (1u << 20) - PAGE);
}

Test(alloc, all_or_none_gives_every_block_back)
{
	int fd = client_hello(OPERATOR);
	struct mmiod_wire_alloc asks[3] = {
		ask(MMIOD_MEMORY_REGION, "pool", PAGE),
		ask(MMIOD_MEMORY_PAGES, "", PAGE),
		ask(MMIOD_MEMORY_REGION, "pool", 2 << 20),
	};
	size_t before = open_fds();

	cr_assert_eq(client_alloc(fd, asks, 3, MMIOD_LEASE_ALL_OR_NONE), MMIOD_OK);
	for (size_t i = 0; i < 3; i++)
		cr_assert_eq(((struct mmiod_wire_granted *)answer_element(i))->status,
			     MMIOD_E_INVALID);
	cr_assert_eq(n_answer_fds, 0u);
	cr_assert_eq(open_fds(), before);
	cr_assert_not(leases_count(&rig.broker.leases));
	cr_assert_eq(user_uses(&rig.broker.host.users, OPERATOR, USER_BYTES), 0u);
	expect_all_free();
	cr_assert_eq(client_alloc(fd, asks, 2, MMIOD_LEASE_ALL_OR_NONE), MMIOD_OK);
	cr_assert_eq(n_answer_fds, 2u);
}

Test(alloc, what_the_module_refuses_leaves_no_trace)
{
	int fd = client_hello(OPERATOR);

	rig_fake.create_error = -ENOSPC;
	alloc_refused(fd, ask(MMIOD_MEMORY_REGION, "pool", PAGE), MMIOD_E_QUOTA, "max_windows");
	alloc_refused(fd, ask(MMIOD_MEMORY_PAGES, "", PAGE), MMIOD_E_QUOTA, "max_windows");
	rig_fake.create_error = -EINVAL;
	alloc_refused(fd, ask(MMIOD_MEMORY_PAGES, "", PAGE), MMIOD_E_INVALID, "no such memory");
	rig_fake.create_error = 0;
	expect_all_free();
	cr_assert_eq(user_uses(&rig.broker.host.users, OPERATOR, USER_BYTES), 0u);
	cr_assert_eq(user_uses(&rig.broker.host.users, OPERATOR, USER_LEASES), 0u);
}

Test(alloc, bytes_are_limited_for_each_user)
{
	int fd, other;
	uint64_t lease;

	rig_write_config("[daemon]\nbytes-per-user = 64K\n" POOL REST);
	cr_assert_eq(daemon_reload(&rig), 0);
	fd = client_hello(OPERATOR);
	other = client_hello(OTHER);
	lease = take(fd, 0x8000).lease;
	granted_element(fd, ask(MMIOD_MEMORY_PAGES, "", 0x7001));
	alloc_refused(fd, ask(MMIOD_MEMORY_REGION, "pool", 1), MMIOD_E_QUOTA,
		      "uid 4001 has 65536 bytes allocated");
	alloc_refused(fd, ask(MMIOD_MEMORY_VMALLOC, "", 1), MMIOD_E_QUOTA, "bytes-per-user");
	cr_assert_eq(rig_fake.n_wipes, 1u, "nothing was wiped for who could not have it");
	take(other, 0x10000);
	fake_close_window(&rig_fake, lease);
	take(fd, 0x8000);
}

/* ---- wiping ---------------------------------------------------------------------------------- */

Test(alloc, what_nobody_knows_the_last_holder_of_is_wiped_before_it_is_granted)
{
	int fd = client_hello(OPERATOR);
	struct mmiod_wire_granted granted = take(fd, 2 * PAGE);

	cr_assert_eq(rig_fake.n_wipes, 1u);
	cr_assert_eq(rig_fake.wipes[0].offset, granted.offset);
	cr_assert_eq(rig_fake.wipes[0].length, 2 * PAGE);
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, granted.lease), MMIOD_OK);
	rig_turn();
	cr_assert_eq(rig_fake.n_wipes, 2u, "when it came back");
	cr_assert_eq(take(fd, 2 * PAGE).offset, granted.offset);
	cr_assert_eq(rig_fake.n_wipes, 2u, "clean already");
}

Test(alloc, blocks_that_cannot_be_wiped_are_not_granted)
{
	int fd = client_hello(OPERATOR);
	uint64_t lease = take(fd, 1 << 20).lease;

	rig_fake.wipe_error = -EAGAIN;
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, lease), MMIOD_OK);
	rig_turn();
	cr_assert_eq(client_pool()->wiping, 1u << 20);
	cr_assert_eq(client_pool()->free, 0u);
	alloc_refused(fd, ask(MMIOD_MEMORY_REGION, "pool", PAGE), MMIOD_E_BUSY,
		      "1 MiB are being wiped");
	rig_fake.wipe_error = 0;
	take(fd, PAGE);
	rig_wait(1100);
	cr_assert_eq(client_pool()->wiping, 0u, "it is tried again");
}

Test(alloc, suspect_blocks_that_cannot_be_wiped_are_not_granted)
{
	int fd = client_hello(OPERATOR);

	rig_fake.wipe_error = -EIO;
	alloc_refused(fd, ask(MMIOD_MEMORY_REGION, "pool", PAGE), MMIOD_E_GONE, "cannot be wiped");
	rig_fake.wipe_error = 0;
	expect_all_free();
	take(fd, PAGE);
	cr_assert_eq(rig_fake.n_wipes, 1u);
}

static void send_alloc(int fd, uint64_t length)
{
	struct mmiod_wire_alloc element = ask(MMIOD_MEMORY_REGION, "pool", length);

	send_allocs(fd, &element, 1, 0);
}

/* Bytes, from this wipe on; none of them much at once. */
static uint64_t wiped_in_parts(size_t first)
{
	uint64_t bytes = 0;

	for (size_t i = first; i < rig_fake.n_wipes; i++) {
		cr_assert_leq(rig_fake.wipes[i].length, 1u << 20);
		bytes += rig_fake.wipes[i].length;
	}
	return bytes;
}

Test(alloc, large_blocks_are_wiped_in_bounded_parts)
{
	int fd;
	uint64_t lease;

	rig_write_config("[region pool]\nphys = 0xf8000000\nsize = 8M\npool = yes\npage = 64K\n"
			 "[grant all]\nregion = pool\nuser = *\naccess = rw\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	fd = client_hello(OPERATOR);
	lease = take(fd, 128 << 10).lease;
	cr_assert_eq(wiped_in_parts(0), 128u << 10);
	rig_fake.n_wipes = 0;
	send_alloc(fd, 3 << 20);
	rig_wait(20);
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(wiped_in_parts(0), 3u << 20);
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, lease), MMIOD_OK);
	rig_wait(20);
	cr_assert_eq(client_pool()->wiping, 0u);
	cr_assert_eq(client_pool()->page, 0x10000u);
}

#define LARGE                                                        \
	"[region pool]\nphys = 0xf8000000\nsize = 64M\npool = yes\n" \
	"[grant all]\nregion = pool\nuser = *\naccess = rw\n"

static void with_large_pool(void)
{
	rig_start(LARGE);
}

Test(alloc, a_large_request_waits_until_its_blocks_are_wiped, .init = with_large_pool)
{
	int fd = client_hello(OPERATOR);
	const struct mmiod_wire_granted *granted = NULL;

	rig_fake.wipe_error = -EAGAIN;
	send_alloc(fd, 32 << 20);
	rig_turn();
	cr_assert_eq(client_receive(fd), -EAGAIN, "it waits");
	cr_assert_eq(client_pool()->wiping, 32u << 20);
	rig_fake.wipe_error = 0;
	rig_wait(1100);
	cr_assert_gt(client_receive(fd), 0);
	granted = answer_element(0);
	cr_assert_eq(granted->status, MMIOD_OK, "%s", answer_text(granted->text));
	cr_assert_eq(granted->length, 32u << 20);
	cr_assert_eq(n_answer_fds, 1u);
	cr_assert_eq(wiped_in_parts(0), 32u << 20);
	client_close_fds();
	cr_assert_eq(client_pool()->wiping, 0u);
	cr_assert_eq(client_pool()->free, 32u << 20);
}

Test(alloc, a_request_waits_for_what_is_being_wiped, .init = with_large_pool)
{
	int fd = client_hello(OPERATOR);
	uint64_t lease;

	send_alloc(fd, 64 << 20);
	rig_wait(20);
	cr_assert_gt(client_receive(fd), 0);
	lease = ((struct mmiod_wire_granted *)answer_element(0))->lease;
	rig_fake.n_wipes = 0;
	send_end(fd, MMIOD_OP_RELEASE, 0, &lease, 1);
	send_alloc(fd, 64 << 20);
	rig_wait(20);
	cr_assert_gt(client_receive(fd), 0);
	rig_wait(20);
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(((struct mmiod_wire_granted *)answer_element(0))->status, MMIOD_OK, "%s",
		     answer_text(((struct mmiod_wire_granted *)answer_element(0))->text));
	cr_assert_geq(rig_fake.n_wipes, 61u);
}

Test(alloc, others_are_answered_while_one_waits, .init = with_large_pool)
{
	int fd = client_hello(OPERATOR), other = client_hello(OTHER);

	take(other, PAGE);
	rig_fake.wipe_error = -EAGAIN;
	send_alloc(fd, 32 << 20);
	rig_turn();
	cr_assert_eq(client_list(other, MMIOD_OP_LEASES, 0), MMIOD_OK);
	cr_assert_eq(client_receive(fd), -EAGAIN);
	rig_fake.wipe_error = 0;
	rig_wait(1100);
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(((struct mmiod_wire_granted *)answer_element(0))->status, MMIOD_OK);
}

Test(alloc, who_hangs_up_while_waiting_leaves_no_trace, .init = with_large_pool)
{
	int fd = client_hello(OPERATOR);

	rig_fake.wipe_error = -EAGAIN;
	send_alloc(fd, 32 << 20);
	rig_turn();
	cr_assert_not_null(rig.broker.waitlist.head);
	close(fd);
	rig_turn();
	rig_fake.wipe_error = 0;
	rig_wait(1100);
	cr_assert_not(leases_count(&rig.broker.leases));
	cr_assert_null(rig.broker.waitlist.head);
	cr_assert_eq(client_pool()->free, 64u << 20);
}

Test(alloc, a_batch_waits_as_a_whole, .init = with_large_pool)
{
	int fd = client_hello(OPERATOR);
	struct mmiod_wire_alloc asks[3] = {
		ask(MMIOD_MEMORY_REGION, "pool", PAGE),
		ask(MMIOD_MEMORY_REGION, "pool", 8 << 20),
		ask(MMIOD_MEMORY_REGION, "none", PAGE),
	};

	send_allocs(fd, asks, 3, 0);
	rig_wait(20);
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(((struct mmiod_wire_granted *)answer_element(0))->status, MMIOD_OK);
	cr_assert_eq(((struct mmiod_wire_granted *)answer_element(1))->status, MMIOD_OK);
	cr_assert_eq(((struct mmiod_wire_granted *)answer_element(2))->status, MMIOD_E_NOT_FOUND);
	cr_assert_eq(n_answer_fds, 2u);
	cr_assert_eq(leases_count(&rig.broker.leases), 2u);
	cr_assert_eq(user_uses(&rig.broker.host.users, OPERATOR, USER_BYTES), (8 << 20) + PAGE);
}

Test(alloc, who_waits_hears_that_the_device_has_gone, .init = with_large_pool)
{
	int fd = client_hello(OPERATOR);

	rig_fake.wipe_error = -EAGAIN;
	send_alloc(fd, 32 << 20);
	rig_turn();
	rig_fake.claim_error = -ENODEV;
	fake_remove_device(&rig_fake, "pool");
	events_drain(&rig.broker);
	rig_wait(1100);
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(((struct mmiod_wire_granted *)answer_element(0))->status, MMIOD_E_GONE);
}

Test(alloc, one_connection_has_a_bounded_number_of_requests_waiting, .init = with_large_pool)
{
	int fd = client_hello(OPERATOR);

	rig_fake.wipe_error = -EAGAIN;
	for (int i = 0; i < 2; i++)
		send_alloc(fd, 16 << 20);
	rig_turn();
	cr_assert_eq(client_receive(fd), -EAGAIN);
	for (struct connection *c = rig.broker.host.connections; c; c = c->next)
		c->deferred += 14;
	alloc_refused(fd, ask(MMIOD_MEMORY_REGION, "pool", 16 << 20), MMIOD_E_BUSY, "ask again");
	for (struct connection *c = rig.broker.host.connections; c; c = c->next)
		c->deferred -= 14;
}

/* ---- a failed attempt changes nothing, and wakes nobody -------------------------------------- */

static bool is_idle(void)
{
	return !fair_waits(&rig.broker.waitlist.tries.chore.link) &&
	       !event_pending(&rig.broker.wiping.event, EV_TIMEOUT, NULL);
}

Test(alloc, a_batch_that_lacks_room_waits_without_wiping_and_without_a_turn_of_the_loop)
{
	struct mmiod_wire_alloc asks[2] = { ask(MMIOD_MEMORY_REGION, "pool", 512 << 10),
					    ask(MMIOD_MEMORY_REGION, "pool", 512 << 10) };
	int fd = client_hello(OPERATOR), other = client_hello(OTHER);
	uint64_t lease = take(other, 256 << 10).lease;
	size_t wipes = rig_fake.n_wipes;

	request_wait_ms = UINT32_MAX;
	send_allocs(fd, asks, 2, 0);
	rig_turn();
	cr_assert_eq(client_receive(fd), -EAGAIN);
	cr_assert_eq(rig_fake.n_wipes, wipes);
	cr_assert_eq(rig_fake.n_windows, 1u);
	cr_assert(is_idle());
	cr_assert_eq(client_pool()->free, 768u << 10);
	cr_assert_eq(client_end(other, MMIOD_OP_RELEASE, lease), MMIOD_OK);
	rig_turn();
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(n_answer_fds, 2u);
	request_wait_ms = 0;
}

Test(alloc, what_was_planned_for_a_batch_that_is_refused_is_as_it_was)
{
	struct mmiod_wire_alloc asks[2] = { ask(MMIOD_MEMORY_REGION, "pool", 512 << 10),
					    ask(MMIOD_MEMORY_REGION, "pool", 1 << 20) };
	int fd = client_hello(OPERATOR);

	cr_assert_eq(client_alloc(fd, asks, 2, MMIOD_LEASE_ALL_OR_NONE), MMIOD_OK);
	cr_assert_eq(((struct mmiod_wire_granted *)answer_element(1))->status, MMIOD_E_BUSY);
	cr_assert_eq(rig_fake.n_wipes, 0u);
	cr_assert_eq(rig_fake.n_windows, 0u);
	cr_assert(is_idle());
	cr_assert_eq(client_pool()->free, 1u << 20);
	cr_assert_eq(user_uses(&rig.broker.host.users, OPERATOR, USER_BYTES), 0u);
}

/* Only the kernel knows, when the window is made; the first of the two is there by then. */
Test(alloc, a_window_that_cannot_be_made_undoes_those_before_it)
{
	static const int errors[] = { -EMFILE, -ENOSPC, -EIO, -EBUSY };
	struct mmiod_wire_alloc asks[2] = { ask(MMIOD_MEMORY_REGION, "pool", PAGE),
					    ask(MMIOD_MEMORY_REGION, "pool", PAGE) };
	int fd = client_hello(OPERATOR);
	size_t fds = open_fds();

	for (size_t i = 0; i < array_size(errors); i++) {
		rig_fake.create_error = errors[i];
		rig_fake.creates_left = 1;
		cr_assert_eq(client_alloc(fd, asks, 2, MMIOD_LEASE_ALL_OR_NONE), MMIOD_OK);
		cr_assert_neq(((struct mmiod_wire_granted *)answer_element(1))->status, MMIOD_OK);
		cr_assert_eq(n_answer_fds, 0u);
		cr_assert_not(leases_count(&rig.broker.leases));
		cr_assert(is_idle(), "nothing comes back that anybody had");
		cr_assert_eq(client_pool()->free, 1u << 20);
		cr_assert_eq(client_pool()->leases, 0u);
		cr_assert_eq(user_uses(&rig.broker.host.users, OPERATOR, USER_LEASES), 0u);
		cr_assert_eq(user_uses(&rig.broker.host.users, OPERATOR, USER_BYTES), 0u);
		rig_turn();
		cr_assert_eq(open_fds(), fds);
	}
	cr_assert_eq(rig_fake.n_wipes, 2u, "once for the first, and once for its second");
	for (size_t i = 0; i < rig_fake.n_windows; i++)
		cr_assert_eq(rig_fake.windows[i].state, MMIOD_STATE_REVOKED);
	rig_fake.create_error = 0;
	cr_assert_eq(client_alloc(fd, asks, 2, MMIOD_LEASE_ALL_OR_NONE), MMIOD_OK);
	cr_assert_eq(n_answer_fds, 2u);
}

Test(alloc, without_all_or_none_the_others_of_a_batch_stay)
{
	struct mmiod_wire_alloc asks[2] = { ask(MMIOD_MEMORY_REGION, "pool", PAGE),
					    ask(MMIOD_MEMORY_REGION, "pool", PAGE) };
	int fd = client_hello(OPERATOR);

	rig_fake.create_error = -EMFILE;
	rig_fake.creates_left = 1;
	cr_assert_eq(client_alloc(fd, asks, 2, 0), MMIOD_OK);
	cr_assert_eq(((struct mmiod_wire_granted *)answer_element(0))->status, MMIOD_OK);
	cr_assert_eq(((struct mmiod_wire_granted *)answer_element(1))->status, MMIOD_E_RESOURCES);
	cr_assert_eq(n_answer_fds, 1u);
	cr_assert_eq(client_pool()->free, (1u << 20) - PAGE);
	cr_assert_eq(user_uses(&rig.broker.host.users, OPERATOR, USER_BYTES), PAGE);
}

/* Bytes that a request had wiped for itself are free for those who wait for them, too. */
Test(alloc, who_waits_for_room_is_tried_when_another_request_has_it_wiped)
{
	int fd = client_hello(OPERATOR), other = client_hello(OTHER);
	uint64_t lease = take(other, 1 << 20).lease;

	request_wait_ms = UINT32_MAX;
	send_alloc(fd, 512 << 10);
	rig_turn();
	cr_assert_eq(client_receive(fd), -EAGAIN);
	request_wait_ms = 0;
	send_end(other, MMIOD_OP_RELEASE, 0, &lease, 1);
	send_alloc(other, 512 << 10);
	rig_turn();
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(n_answer_fds, 1u);
}

/* ---- zeros of a pool that does not wipe ------------------------------------------------------ */

#define UNWIPED                                                                 \
	"[region pool]\nphys = 0xf8000000\nsize = 64M\npool = yes\nwipe = no\n" \
	"[region shm]\ndevice = pci:0000:01:00.0\nbar = 2\nsize = 1M\n"         \
	"[grant all]\nregion = pool shm\nuser = *\naccess = rw\n[admin a]\nuser = 7\n"

static void with_unwiped_pool(void)
{
	rig_start(UNWIPED);
}

TestSuite(zeros, .init = with_unwiped_pool, .fini = rig_stop);

static void one_turn(void)
{
	event_base_loop(rig.broker.host.base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
}

static void send_zeroed(int fd, uint64_t length, size_t n, uint32_t flags)
{
	struct mmiod_wire_alloc asks[MMIOD_MSG_FDS_MAX];

	for (size_t i = 0; i < n; i++) {
		asks[i] = ask(MMIOD_MEMORY_REGION, "pool", length);
		asks[i].flags = MMIOD_ALLOC_ZERO;
	}
	send_allocs(fd, asks, n, flags);
}

static uint64_t bytes_wiped(void)
{
	return wiped_in_parts(0);
}

/* Runs until the client has an answer. No turn wipes more than a piece. */
static void await_zeroed(int fd)
{
	for (int i = 0; i < 10000; i++) {
		uint64_t before = bytes_wiped(), piece = rig.broker.wiping.piece;

		one_turn();
		cr_assert_leq(bytes_wiped() - before, piece, "in one turn");
		if (client_receive(fd) > 0)
			return;
	}
	cr_assert_fail("never answered");
}

Test(zeros, any_number_of_zeros_is_had_in_bounded_parts)
{
	int fd = client_hello(OPERATOR);

	send_zeroed(fd, 32 << 20, 1, 0);
	await_zeroed(fd);
	cr_assert_eq(((struct mmiod_wire_granted *)answer_element(0))->status, MMIOD_OK);
	cr_assert_eq(bytes_wiped(), 32u << 20);
	cr_assert_eq(n_answer_fds, 1u);
}

Test(zeros, a_batch_of_zeros_is_had_in_bounded_parts)
{
	int fd = client_hello(OPERATOR);

	send_zeroed(fd, 4 << 20, 16, 0);
	await_zeroed(fd);
	for (size_t i = 0; i < 16; i++)
		cr_assert_eq(((struct mmiod_wire_granted *)answer_element(i))->status, MMIOD_OK);
	cr_assert_eq(bytes_wiped(), 64u << 20);
	cr_assert_eq(n_answer_fds, 16u);
}

Test(zeros, others_get_other_blocks_while_one_is_zeroed)
{
	int fd = client_hello(OPERATOR), other = client_hello(OTHER);
	struct mmiod_wire_granted theirs, first;
	uint64_t before;

	send_zeroed(fd, 32 << 20, 1, 0);
	one_turn();
	one_turn();
	before = bytes_wiped();
	cr_assert_gt(before, 0u);
	cr_assert_lt(before, 32u << 20);
	send_alloc(other, PAGE);
	one_turn();
	one_turn();
	cr_assert_gt(client_receive(other), 0);
	cr_assert_lt(bytes_wiped(), 32u << 20, "the other was answered meanwhile");
	theirs = *(struct mmiod_wire_granted *)answer_element(0);
	cr_assert_eq(theirs.status, MMIOD_OK);
	await_zeroed(fd);
	first = *(struct mmiod_wire_granted *)answer_element(0);
	cr_assert_eq(first.status, MMIOD_OK);
	cr_assert(theirs.offset >= first.offset + first.length ||
		  theirs.offset + PAGE <= first.offset);
	cr_assert_eq(bytes_wiped(), 32u << 20, "each byte once");
}

Test(zeros, who_hangs_up_while_its_blocks_are_zeroed_leaves_no_trace)
{
	int fd = client_hello(OPERATOR);

	send_zeroed(fd, 32 << 20, 2, 0);
	one_turn();
	one_turn();
	cr_assert_not_null(rig.broker.underway);
	close(fd);
	for (int i = 0; i < 4; i++)
		one_turn();
	cr_assert_null(rig.broker.underway);
	cr_assert_null(rig.broker.host.closing);
	cr_assert_lt(bytes_wiped(), 64u << 20, "nobody zeroes what nobody gets");
	cr_assert_eq(client_pool()->free, 64u << 20);
	cr_assert_eq(user_uses(&rig.broker.host.users, OPERATOR, USER_BYTES), 0u);
}

Test(zeros, a_device_that_goes_while_its_blocks_are_zeroed_is_told)
{
	int fd = client_hello(OPERATOR);

	send_zeroed(fd, 32 << 20, 2, 0);
	one_turn();
	one_turn();
	rig_fake.claim_error = -ENODEV;
	fake_remove_device(&rig_fake, "pool");
	events_drain(&rig.broker);
	await_zeroed(fd);
	for (size_t i = 0; i < 2; i++)
		cr_assert_eq(((struct mmiod_wire_granted *)answer_element(i))->status,
			     MMIOD_E_GONE);
	cr_assert_eq(n_answer_fds, 0u);
	cr_assert_null(rig.broker.underway);
}

/* The blocks of the pool as it was are not those of the pool as it is. */
Test(zeros, a_pool_that_is_made_anew_while_its_blocks_are_zeroed_gives_new_ones)
{
	int fd = client_hello(OPERATOR);
	const struct mmiod_wire_granted *granted;

	send_zeroed(fd, 5 * PAGE, 1, 0);
	send_zeroed(fd, 32 << 20, 1, 0);
	one_turn();
	one_turn();
	one_turn();
	rig_write_config("[region pool]\nphys = 0xf8000000\nsize = 64M\npool = yes\n"
			 "page = 64K\n[grant all]\nregion = pool\nuser = *\naccess = rw\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	rig_wait(50);
	cr_assert_gt(client_receive(fd), 0);
	client_close_fds();
	fake_close_window(&rig_fake, ((struct mmiod_wire_granted *)answer_element(0))->lease);
	rig_wait(50);
	cr_assert_gt(client_receive(fd), 0);
	granted = answer_element(0);
	cr_assert(granted->status == MMIOD_OK || granted->status == MMIOD_E_BUSY, "%u: %s",
		  granted->status, answer_text(granted->text));
	cr_assert_lt(client_receive(fd), 0, "one reply each");
	cr_assert_null(rig.broker.underway);
}

Test(zeros, blocks_that_cannot_be_zeroed_are_not_granted)
{
	int fd = client_hello(OPERATOR);

	send_zeroed(fd, 8 << 20, 2, MMIOD_LEASE_ALL_OR_NONE);
	one_turn();
	one_turn();
	rig_fake.wipe_error = -EIO;
	await_zeroed(fd);
	cr_assert_eq(((struct mmiod_wire_granted *)answer_element(0))->status, MMIOD_E_GONE);
	cr_assert_eq(n_answer_fds, 0u);
	cr_assert_eq(client_pool()->free, 64u << 20);
	cr_assert_not(leases_count(&rig.broker.leases));
	cr_assert_eq(rig_fake.n_windows, 0u);
}

/* rig_stop() sees whether anything is left. */
Test(zeros, the_daemon_may_stop_while_blocks_are_zeroed)
{
	int fd = client_hello(OPERATOR);

	send_zeroed(fd, 8 << 20, 4, 0);
	one_turn();
	one_turn();
	cr_assert_not_null(rig.broker.underway);
}

Test(alloc, without_wipe_nothing_is_unless_zeros_are_asked_for)
{
	struct mmiod_wire_alloc element = ask(MMIOD_MEMORY_REGION, "pool", PAGE);
	struct mmiod_wire_granted granted;
	int fd;

	rig_write_config(POOL "wipe = no\n" REST);
	cr_assert_eq(daemon_reload(&rig), 0);
	fd = client_hello(OPERATOR);
	granted = take(fd, PAGE);
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, granted.lease), MMIOD_OK);
	rig_turn();
	cr_assert_eq(rig_fake.n_wipes, 0u);
	element.flags = MMIOD_ALLOC_ZERO;
	granted = granted_element(fd, element);
	cr_assert_eq(rig_fake.n_wipes, 1u);
	cr_assert_eq(rig_fake.wipes[0].offset, granted.offset);
	cr_assert_eq(rig_fake.wipes[0].length, granted.length);
}

/* ---- restart, reload, removal ---------------------------------------------------------------- */

Test(alloc, a_restarted_one_rebuilds_its_pools_and_suspects_the_rest)
{
	int fd = client_hello(OPERATOR);
	struct mmiod_wire_granted a = take(fd, 2 * PAGE), b = take(fd, 5 * PAGE), c;
	struct mmiod_wire_granted kernel = granted_element(fd, ask(MMIOD_MEMORY_PAGES, "", PAGE));
	const struct mmiod_wire_lease *lease;

	rig_restart();
	fd = client_hello(OTHER);
	cr_assert_eq(client_pool()->free, (1u << 20) - 7 * PAGE);
	cr_assert_eq(user_uses(&rig.broker.host.users, OPERATOR, USER_BYTES), 8 * PAGE);
	rig_fake.n_wipes = 0;
	c = take(fd, PAGE);
	cr_assert_eq(rig_fake.n_wipes, 1u, "nobody knows who had it");
	cr_assert(c.offset >= a.offset + a.length || c.offset + c.length <= a.offset);
	cr_assert(c.offset >= b.offset + b.length || c.offset + c.length <= b.offset);
	cr_assert_eq(client_list(client_hello(0), MMIOD_OP_LEASES, 0), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 4u);
	lease = answer_element(2);
	cr_assert_eq(lease->id, kernel.lease);
	cr_assert_eq(lease->memory, MMIOD_MEMORY_PAGES);
	cr_assert_eq(lease->allocated, 1u);
	cr_assert_str_eq(lease->region, "");
	fake_close_window(&rig_fake, a.lease);
	fake_close_window(&rig_fake, b.lease);
	fake_close_window(&rig_fake, c.lease);
	events_drain(&rig.broker);
	expect_all_free();
}

Test(alloc, one_that_was_killed_while_it_wiped_hands_nothing_on_unwiped)
{
	int fd = client_hello(OPERATOR);
	struct mmiod_wire_granted granted = take(fd, PAGE);

	rig_fake.wipe_error = -EAGAIN;
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, granted.lease), MMIOD_OK);
	fake_close_window(&rig_fake, granted.lease);
	rig_restart();
	rig_fake.wipe_error = 0;
	rig_fake.n_wipes = 0;
	cr_assert_eq(take(client_hello(OTHER), PAGE).offset, granted.offset);
	cr_assert_eq(rig_fake.n_wipes, 1u);
	cr_assert_eq(rig_fake.wipes[0].offset, granted.offset);
}

Test(alloc, a_region_becomes_a_pool_when_its_plain_leases_have_ended)
{
	int fd = client_hello(OPERATOR);
	struct mmiod_wire_want element = want("shm", 0, PAGE, READ, 0);

	cr_assert_eq(client_lease(fd, &element, 1, 0), MMIOD_OK);
	rig_write_config("[region shm]\ndevice = pci:0000:01:00.0\nbar = 2\nsize = 1M\npool = yes\n"
			 "[grant all]\nregion = shm\nuser = *\naccess = rw\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	alloc_refused(fd, ask(MMIOD_MEMORY_REGION, "shm", PAGE), MMIOD_E_BUSY, "no pool yet");
	fake_close_window(&rig_fake, 1);
	granted_element(fd, ask(MMIOD_MEMORY_REGION, "shm", PAGE));
}

Test(alloc, a_pool_that_is_none_any_more_keeps_its_leases_as_plain_ones)
{
	int fd = client_hello(OPERATOR), other = client_hello(OTHER);
	struct mmiod_wire_granted granted = take(fd, PAGE);
	struct mmiod_wire_want element =
		want("pool", granted.offset, PAGE, READ, MMIOD_SHARE_WRITE);

	rig_write_config("[region pool]\nphys = 0xf8000000\nsize = 1M\n" REST);
	cr_assert_eq(daemon_reload(&rig), 0);
	cr_assert_eq(client_lease(other, &element, 1, 0), MMIOD_OK);
	cr_assert_eq(((struct mmiod_wire_granted *)answer_element(0))->status, MMIOD_E_BUSY);
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, granted.lease), MMIOD_OK);
	cr_assert_eq(client_lease(other, &element, 1, 0), MMIOD_OK);
	cr_assert_eq(((struct mmiod_wire_granted *)answer_element(0))->status, MMIOD_OK);
	rig_write_config(config);
	cr_assert_eq(daemon_reload(&rig), 0);
	alloc_refused(fd, ask(MMIOD_MEMORY_REGION, "pool", PAGE), MMIOD_E_BUSY, "no pool yet");
}

Test(alloc, a_pool_goes_and_comes_with_its_device)
{
	int fd = client_hello(OPERATOR);
	uint64_t lease = take(fd, PAGE).lease;

	rig_fake.claim_error = -ENODEV;
	fake_remove_device(&rig_fake, "pool");
	events_drain(&rig.broker);
	rig_turn();
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.event.type, MMIOD_EVENT_GONE);
	alloc_refused(fd, ask(MMIOD_MEMORY_REGION, "pool", PAGE), MMIOD_E_GONE, "is not there");
	cr_assert_eq(client_pool()->length, 0u);
	rig_fake.claim_error = 0;
	fake_event(&rig_fake, MMIOD_CONTROL_DEVICE_BOUND, 0, 0);
	events_drain(&rig.broker);
	expect_all_free();
	fake_close_window(&rig_fake, lease);
	events_drain(&rig.broker);
	expect_all_free();
	take(fd, 1 << 20);
}

/* ---- kernel memory --------------------------------------------------------------------------- */

Test(alloc, kernel_memory_is_asked_of_the_backend_as_it_was_asked_for)
{
	int fd = client_hello(OPERATOR);
	struct mmiod_wire_alloc element = ask(MMIOD_MEMORY_PAGES, "", 3 * PAGE + 1);
	struct mmiod_wire_granted granted;
	const struct backend_buffer *buffer;

	element.flags = MMIOD_ALLOC_CONTIGUOUS | MMIOD_ALLOC_NOWAIT | MMIOD_ALLOC_ZERO;
	element.zone = MMIOD_MEMORY_BELOW_4G;
	element.high = 0xffffffff;
	element.node = 0;
	granted = granted_element(fd, element);
	buffer = &rig_fake.buffers[granted.lease];
	cr_assert_eq(granted.length, 4 * PAGE);
	cr_assert_eq(granted.offset, 0u);
	cr_assert_eq(granted.memtype, MMIOD_MEMTYPE_WB);
	cr_assert_eq(granted.mmapable, 1u);
	cr_assert_eq(buffer->memory, MMIOD_MEMORY_PAGES);
	cr_assert_eq(buffer->zone, MMIOD_MEMORY_BELOW_4G);
	cr_assert_eq(buffer->limit, 0xffffffffu);
	cr_assert_eq(buffer->node, 0);
	cr_assert(buffer->flags & MMIOD_ALLOC_CONTIGUOUS && buffer->flags & MMIOD_ALLOC_NOWAIT);
	cr_assert_eq(user_uses(&rig.broker.host.users, OPERATOR, USER_BYTES), 4 * PAGE);
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, granted.lease), MMIOD_OK);
	cr_assert_eq(user_uses(&rig.broker.host.users, OPERATOR, USER_BYTES), 0u);
	fake_close_window(&rig_fake, granted.lease);
	events_drain(&rig.broker);
	cr_assert_not(leases_count(&rig.broker.leases));
}

Test(alloc, two_buffers_do_not_conflict)
{
	int fd = client_hello(OPERATOR);

	granted_element(fd, ask(MMIOD_MEMORY_KMALLOC, "", PAGE));
	granted_element(fd, ask(MMIOD_MEMORY_KMALLOC, "", PAGE));
	granted_element(client_hello(OTHER), ask(MMIOD_MEMORY_VMALLOC, "", PAGE));
}

Test(alloc, kernel_memory_needs_a_grant_of_its_kind_and_dma_one_of_the_region)
{
	alloc_refused(client_hello(GUEST), ask(MMIOD_MEMORY_PAGES, "", PAGE), MMIOD_E_DENIED,
		      "no grant gives user 4002 (uid 4002) kernel memory of kind pages; nearest is "
		      "[grant memory]");
	alloc_refused(client_hello(4004), ask(MMIOD_MEMORY_DMA, "shm", PAGE), MMIOD_E_DENIED,
		      "no grant lets user 4004 (uid 4004) read and write region shm");
	alloc_refused(client_hello(4004), ask(MMIOD_MEMORY_DMA, "", PAGE), MMIOD_E_NOT_FOUND,
		      "region");
	granted_element(client_hello(OPERATOR), ask(MMIOD_MEMORY_DMA, "shm", PAGE));
	rig_write_config(POOL "[grant some]\nmemory = vmalloc\nuser = *\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	granted_element(client_hello(GUEST), ask(MMIOD_MEMORY_VMALLOC, "", PAGE));
	alloc_refused(client_hello(GUEST), ask(MMIOD_MEMORY_PAGES, "", PAGE), MMIOD_E_DENIED,
		      "pages");
}

Test(alloc, refuses_what_a_kind_of_kernel_memory_does_not_know)
{
	static const struct {
		struct mmiod_wire_alloc element;
		const char *words;
	} wrong[] = {
		{ { .memory = MMIOD_MEMORY_KMALLOC, .zone = MMIOD_MEMORY_BELOW_4G }, "no kmalloc" },
		{ { .memory = MMIOD_MEMORY_KMALLOC, .high = 1 << 20 }, "highest address" },
		{ { .memory = MMIOD_MEMORY_VMALLOC, .node = -1, .flags = MMIOD_ALLOC_CONTIGUOUS },
		  "pages only" },
		{ { .memory = MMIOD_MEMORY_DMA, .zone = MMIOD_MEMORY_BELOW_4G }, "takes no zone" },
		{ { .memory = MMIOD_MEMORY_PAGES, .low = PAGE }, "lowest address" },
		{ { .memory = MMIOD_MEMORY_PAGES, .align = 2 * PAGE }, "aligned to pages" },
		{ { .memory = MMIOD_MEMORY_PAGES, .memtype = MMIOD_MEMTYPE_UC }, "memory type" },
		{ { .memory = MMIOD_MEMORY_PAGES, .width = 4 }, "width" },
		{ { .memory = MMIOD_MEMORY_PAGES, .node = -2 }, "node -2" },
		{ { .memory = MMIOD_MEMORY_VMALLOC }, "vmalloc takes no node" },
		{ { .memory = MMIOD_MEMORY_DMA, .region = "shm" }, "dma takes no node" },
		{ { .memory = MMIOD_MEMORY_PAGES, .flags = MMIOD_ALLOC_DUMMY }, "dummy" },
		{ { .memory = MMIOD_MEMORY_PAGES, .region = "shm" }, "has no region" },
		{ { .memory = MMIOD_MEMORY_PAGES, .length = UINT64_MAX }, "any machine" },
	};
	int fd = client_hello(OPERATOR);

	for (size_t i = 0; i < array_size(wrong); i++) {
		struct mmiod_wire_alloc element = wrong[i].element;

		element.rights = WRITE;
		if (!element.length)
			element.length = PAGE;
		alloc_refused(fd, element, MMIOD_E_INVALID, wrong[i].words);
	}
	alloc_refused(fd, ask(MMIOD_MEMORY_PAGES, "", 0), MMIOD_E_INVALID, "length of 0");
	cr_assert_eq(rig_fake.n_windows, 0u);
}

/* ---- to watch it ----------------------------------------------------------------------------- */

Test(alloc, pools_are_shown_to_those_whom_a_grant_gives_them)
{
	const struct mmiod_wire_pool *out;
	int fd = client_hello(OPERATOR);

	take(fd, PAGE);
	cr_assert_eq(client_list(fd, MMIOD_OP_POOLS, 0), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 1u);
	out = answer_element(0);
	cr_assert_str_eq(out->name, "pool");
	cr_assert_eq(out->length, 1u << 20);
	cr_assert_eq(out->page, PAGE);
	cr_assert_eq(out->orders, 9u, "2^8 pages");
	cr_assert_eq(out->largest, 1u << 19);
	for (int i = 0; i < 8; i++)
		cr_assert_eq(out->blocks[i], 1u);
	cr_assert_eq(out->blocks[8], 0u);
	cr_assert_eq(client_list(fd, MMIOD_OP_POOLS, out->id), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 0u);
	cr_assert_eq(client_list(client_hello(GUEST), MMIOD_OP_POOLS, 0), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 0u);
}

Test(alloc, a_map_shows_who_has_what_and_what_is_being_wiped)
{
	int fd = client_hello(OPERATOR), other = client_hello(OTHER);
	struct mmiod_wire_granted a = take(fd, PAGE), b = take(other, 2 * PAGE);
	const struct mmiod_wire_extent *extents;

	rig_fake.wipe_error = -EAGAIN;
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, a.lease), MMIOD_OK);
	cr_assert_eq(client_map(fd, "pool", 0), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 2u);
	extents = answer_element(0);
	cr_assert_eq(extents[0].offset, a.offset);
	cr_assert_eq(extents[0].length, PAGE);
	cr_assert_eq(extents[0].lease, 0u);
	cr_assert_eq(extents[1].offset, b.offset);
	cr_assert_eq(extents[1].length, 2 * PAGE);
	cr_assert_eq(extents[1].lease, b.lease);
	cr_assert_eq(extents[1].uid, (uint32_t)OTHER);
	cr_assert_eq(client_map(fd, "pool", b.offset), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 1u);
	cr_assert_eq(client_map(fd, "pool", UINT64_MAX), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 0u);
	cr_assert_eq(client_map(fd, "shm", 0), MMIOD_E_NOT_FOUND);
	cr_assert_eq(client_map(client_hello(GUEST), "pool", 0), MMIOD_E_NOT_FOUND);
}

Test(alloc, unknown_peers_see_nothing_of_each_others_buffers)
{
	int fd = client_hello(OPERATOR), other = client_hello(OPERATOR);
	uint64_t lease = granted_element(fd, ask(MMIOD_MEMORY_KMALLOC, "", PAGE)).lease;

	cr_assert_eq(client_buffer(other, lease, 0), MMIOD_OK, "of one user");
	rig.broker.host.connections->prev->peer.subject.known = false;
	cr_assert_eq(client_buffer(other, lease, 0), MMIOD_E_DENIED, "of nobody knows whom");
}

Test(alloc, addresses_of_buffers_are_an_administrators)
{
	int fd = client_hello(OPERATOR);
	uint64_t lease = granted_element(fd, ask(MMIOD_MEMORY_DMA, "shm", PAGE)).lease;
	uint64_t blocks = take(fd, PAGE).lease;

	rig_fake.info = (struct mmiod_buffer_info){
		.allocated = 1,
		.capacity = 2 * PAGE,
		.phys = 0x1000,
		.kernel = 0x2000,
		.bus = 0x3000,
		.runs = 1,
		.node = -1,
	};
	cr_assert_eq(client_buffer(fd, lease, 0), MMIOD_OK);
	cr_assert_eq(answer.buffer.memory, MMIOD_MEMORY_DMA);
	cr_assert_eq(answer.buffer.capacity, 2 * PAGE);
	cr_assert_eq(answer.buffer.present, 1u);
	cr_assert_eq(answer.buffer.phys | answer.buffer.kernel | answer.buffer.bus, 0u);
	cr_assert_eq(client_buffer(client_hello(0), lease, 0), MMIOD_OK);
	cr_assert_eq(answer.buffer.phys, 0x1000u);
	cr_assert_eq(answer.buffer.kernel, 0x2000u);
	cr_assert_eq(answer.buffer.bus, 0x3000u);
	cr_assert_eq(client_buffer(client_hello(OTHER), lease, 0), MMIOD_E_DENIED);
	cr_assert_eq(client_buffer(fd, 999, 0), MMIOD_E_NOT_FOUND);
	cr_assert_eq(client_buffer(fd, blocks, 0), MMIOD_E_INVALID);
	cr_assert_eq(client_buffer(fd, lease, 16), MMIOD_E_INVALID);
}

/* ---- simulation ------------------------------------------------------------------------------ */

Test(simulated_alloc, one_user_never_sees_anothers_bytes)
{
	int first = client_hello(OPERATOR), second = client_hello(OTHER);
	struct mmiod_wire_granted a = take(first, 2 * PAGE), b;
	uint8_t bytes[2 * PAGE];

	memset(bytes, 0xa5, sizeof(bytes));
	cr_assert_eq(pwrite(answer_fds[0], bytes, sizeof(bytes), (off_t)a.map_offset),
		     (ssize_t)sizeof(bytes));
	cr_assert_eq(client_end(first, MMIOD_OP_RELEASE, a.lease), MMIOD_OK);
	b = take(second, 2 * PAGE);
	while (b.offset != a.offset)
		b = take(second, 2 * PAGE);
	cr_assert_eq(pread(answer_fds[0], bytes, sizeof(bytes), (off_t)b.map_offset),
		     (ssize_t)sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		cr_assert_eq(bytes[i], 0u);
	client_close_fds();
}

Test(simulated_alloc, blocks_come_back_with_the_connection)
{
	int fd = client_hello(OPERATOR);

	take(fd, 3 * PAGE);
	client_close_fds();
	close(fd);
	expect_all_free();
}

Test(simulated_alloc, buffers_are_files_of_their_own)
{
	int fd = client_hello(OPERATOR);
	struct mmiod_wire_alloc element = ask(MMIOD_MEMORY_KMALLOC, "", PAGE);
	struct mmiod_wire_granted granted = granted_element(fd, element);
	struct stat status;

	cr_assert_eq(fstat(answer_fds[0], &status), 0);
	cr_assert_eq((uint64_t)status.st_size, PAGE);
	cr_assert_eq(pwrite(answer_fds[0], "x", 1, 0), 1);
	cr_assert_eq(client_buffer(fd, granted.lease, 0), MMIOD_OK);
	cr_assert_eq(answer.buffer.capacity, PAGE);
	element.rights = READ;
	granted_element(fd, element);
	cr_assert_eq(pwrite(answer_fds[0], "x", 1, 0), -1, "read-only");
	client_close_fds();
}
