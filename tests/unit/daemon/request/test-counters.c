// SPDX-License-Identifier: MIT
/* COUNTERS: that what happens is counted once, and that each sees what they may. */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include "support/rig.h"

static void start(void)
{
	rig_start_simulation("[daemon]\nleases-per-user = 3\nbytes-per-user = 64K\n"
			     "[region shm]\nsize = 1M\n"
			     "[region secret]\nsize = 64K\n"
			     "[region pool]\nsize = 1M\npool = yes\n"
			     "[grant a]\nregion = shm pool\nmemory = pages\nuser = *\n"
			     "access = rw\nshare = exclusive\n");
}

TestSuite(counters, .init = start, .fini = rig_stop);

enum { NOT_THERE = -1 };

/* The value, over all pages of the list. */
static int64_t counter(int fd, uint32_t kind, uint32_t detail, const char *region)
{
	int64_t value = NOT_THERE;
	uint64_t cursor = 0;

	do {
		cr_assert_eq(client_list(fd, MMIOD_OP_COUNTERS, cursor), MMIOD_OK);
		for (size_t i = 0; i < answer.msg.count; i++) {
			struct mmiod_wire_counter *element = answer_element(i);

			if (element->kind != kind || element->detail != detail ||
			    strcmp(element->region, region))
				continue;
			cr_assert_eq(value, NOT_THERE, "%u %u %s twice", kind, detail, region);
			value = (int64_t)element->value;
		}
		cr_assert(!(answer.msg.flags & MMIOD_MSG_MORE) || answer.list.cursor > cursor);
		cursor = answer.list.cursor;
	} while (answer.msg.flags & MMIOD_MSG_MORE);
	return value;
}

static int64_t total(int fd, uint32_t kind, uint32_t detail)
{
	return counter(fd, kind, detail, "");
}

Test(counters, grants_leases_and_bytes_are_of_regions_and_kinds_of_memory)
{
	struct mmiod_wire_alloc pages = ask(MMIOD_MEMORY_PAGES, "", 8192);
	int fd = client_hello(1000);
	uint64_t lease;

	cr_assert_eq(client_lease_one(fd, 0, 4096, &lease), MMIOD_OK);
	cr_assert_eq(client_alloc(fd, &pages, 1, 0), MMIOD_OK);
	cr_assert_eq(counter(fd, MMIOD_COUNTER_GRANTS, 0, "shm"), 1);
	cr_assert_eq(counter(fd, MMIOD_COUNTER_LEASES, 0, "shm"), 1);
	cr_assert_eq(counter(fd, MMIOD_COUNTER_BYTES, 0, "shm"), 4096);
	cr_assert_eq(total(fd, MMIOD_COUNTER_LEASES, MMIOD_MEMORY_PAGES), 1);
	cr_assert_eq(total(fd, MMIOD_COUNTER_BYTES, MMIOD_MEMORY_PAGES), 8192);
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, lease), MMIOD_OK);
	cr_assert_eq(counter(fd, MMIOD_COUNTER_LEASES, 0, "shm"), 0);
	cr_assert_eq(counter(fd, MMIOD_COUNTER_BYTES, 0, "shm"), 0);
	cr_assert_eq(counter(fd, MMIOD_COUNTER_GRANTS, 0, "shm"), 1, "that it was stays");
	client_close_fds();
	close(fd);
}

Test(counters, refusals_are_counted_once_by_what_they_were)
{
	struct mmiod_wire_want secret =
		want("secret", 0, 4096, MMIOD_RIGHT_READ, MMIOD_SHARE_EXCLUSIVE);
	struct mmiod_wire_alloc much = ask(MMIOD_MEMORY_PAGES, "", 128 << 10);
	int fd = client_hello(1000), other = client_hello(1001), admin = client_hello(0);

	cr_assert_eq(client_lease_one(fd, 0, 4096, NULL), MMIOD_OK);
	cr_assert_eq(client_lease_one(other, 0, 4096, NULL), MMIOD_E_BUSY);
	client_lease(other, &secret, 1, 0);
	client_alloc(other, &much, 1, 0);
	for (uint64_t i = 1; i < 4; i++)
		client_lease_one(fd, i << 12, 4096, NULL);
	cr_assert_eq(counter(admin, MMIOD_COUNTER_CONFLICTS, 0, "shm"), 1);
	cr_assert_eq(counter(admin, MMIOD_COUNTER_DENIALS, 0, "secret"), 1);
	cr_assert_eq(total(admin, MMIOD_COUNTER_QUOTA_REFUSALS, MMIOD_LIMIT_LEASES), 1);
	cr_assert_eq(total(admin, MMIOD_COUNTER_QUOTA_REFUSALS, MMIOD_LIMIT_BYTES), 1);
	client_close_fds();
	close(fd);
	close(other);
	close(admin);
}

Test(counters, requests_are_counted_by_kind_and_unknown_ones_together)
{
	int fd = client_hello(1000);
	struct mmiod_msg unknown = { .size = sizeof(unknown),
				     .opcode = MMIOD_OP_EVENT,
				     .fixed = sizeof(unknown) };

	client_status(fd);
	client_status(fd);
	client_send(fd, &unknown, sizeof(unknown));
	rig_turn();
	client_receive(fd);
	cr_assert_eq(total(fd, MMIOD_COUNTER_REQUESTS, MMIOD_OP_STATUS), 2);
	cr_assert_eq(total(fd, MMIOD_COUNTER_REQUESTS, MMIOD_OP_HELLO), 1);
	cr_assert_eq(total(fd, MMIOD_COUNTER_REQUESTS, 0), 1);
	close(fd);
}

Test(counters, connections_that_misbehave_are_counted)
{
	struct mmiod_msg garbage = { .size = 1 };
	int fd = client_hello(1000), bad = client_hello(1000);

	client_send(bad, &garbage, sizeof(garbage));
	rig_turn();
	cr_assert_eq(total(fd, MMIOD_COUNTER_PROTOCOL_ERRORS, 0), 1);
	cr_assert_eq(total(fd, MMIOD_COUNTER_CLIENTS, 0), 1);
	close(bad);
	close(fd);
}

Test(counters, who_is_no_administrator_sees_no_region_and_no_user_that_is_not_theirs)
{
	int fd = client_hello(1000), other = client_hello(1001), admin = client_hello(0);

	cr_assert_eq(counter(fd, MMIOD_COUNTER_LEASES, 0, "secret"), NOT_THERE);
	cr_assert_eq(counter(fd, MMIOD_COUNTER_LEASES, 0, "shm"), 0);
	cr_assert_eq(total(fd, MMIOD_COUNTER_USER + MMIOD_LIMIT_CONNECTIONS, 1000), 1);
	cr_assert_eq(total(fd, MMIOD_COUNTER_USER + MMIOD_LIMIT_CONNECTIONS, 1001), NOT_THERE);
	cr_assert_eq(counter(admin, MMIOD_COUNTER_LEASES, 0, "secret"), 0);
	cr_assert_eq(total(admin, MMIOD_COUNTER_USER + MMIOD_LIMIT_CONNECTIONS, 1000), 1);
	cr_assert_eq(total(admin, MMIOD_COUNTER_USER + MMIOD_LIMIT_CONNECTIONS, 1001), 1);
	close(fd);
	close(other);
	close(admin);
}

Test(counters, limits_in_force_and_what_is_used_of_them_are_told)
{
	int fd = client_hello(1000);

	cr_assert_eq(client_lease_one(fd, 0, 4096, NULL), MMIOD_OK);
	cr_assert_eq(total(fd, MMIOD_COUNTER_LIMIT, MMIOD_LIMIT_LEASES), 3);
	cr_assert_eq(total(fd, MMIOD_COUNTER_LIMIT, MMIOD_LIMIT_BYTES), 65536);
	cr_assert_eq(total(fd, MMIOD_COUNTER_USER + MMIOD_LIMIT_LEASES, 1000), 1);
	cr_assert_eq(total(fd, MMIOD_COUNTER_USER + MMIOD_LIMIT_BYTES, 1000), 0);
	client_close_fds();
	close(fd);
}

Test(counters, pools_tell_what_is_free)
{
	struct mmiod_wire_alloc block = ask(MMIOD_MEMORY_REGION, "pool", 65536);
	int fd = client_hello(1000);

	cr_assert_eq(counter(fd, MMIOD_COUNTER_POOL_FREE, 0, "pool"), 1 << 20);
	cr_assert_eq(client_alloc(fd, &block, 1, 0), MMIOD_OK);
	cr_assert_eq(counter(fd, MMIOD_COUNTER_POOL_FREE, 0, "pool"), (1 << 20) - 65536);
	client_close_fds();
	close(fd);
}

/* More than fit one page, of both. */
Test(counters, lists_of_many_regions_and_users_come_in_pages_without_a_gap)
{
	static char config[64 * 200];
	int fds[200], length = 0;

	for (int i = 0; i < 150; i++)
		length += snprintf(config + length, sizeof(config) - (size_t)length,
				   "[region r%d]\nsize = 4K\n", i);
	rig_write_config(config);
	cr_assert_eq(daemon_reload(&rig), 0);
	for (int i = 0; i < 200; i++)
		fds[i] = client_hello((uid_t)(5000 - 7 * i));
	close(fds[0]);
	fds[0] = client_hello(0);
	for (int i = 0; i < 150; i += 7) {
		char name[16];

		snprintf(name, sizeof(name), "r%d", i);
		cr_assert_eq(counter(fds[0], MMIOD_COUNTER_LEASES, 0, name), 0, "%s", name);
	}
	for (int i = 1; i < 200; i += 11)
		cr_assert_eq(total(fds[0], MMIOD_COUNTER_USER + MMIOD_LIMIT_CONNECTIONS,
				   (uid_t)(5000 - 7 * i)),
			     1);
	for (int i = 0; i < 200; i++)
		close(fds[i]);
}

Test(counters, a_cursor_that_nobody_gave_does_no_harm)
{
	static const uint64_t cursors[] = {
		1,	    UINT64_MAX,	     1ull << 56, 1ull << 63, (5ull << 56) - 1,
		4ull << 56, (1ull << 56) - 1
	};
	int fd = client_hello(0);

	for (size_t i = 0; i < array_size(cursors); i++)
		cr_assert_eq(client_list(fd, MMIOD_OP_COUNTERS, cursors[i]), MMIOD_OK);
	close(fd);
}
