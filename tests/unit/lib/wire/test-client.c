/* SPDX-License-Identifier: MIT */
#include "support/fake.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- connecting ---- */

Test(client, without_a_daemon_says_where_it_looked)
{
	struct mmiod_client *client = (void *)1;
	size_t files = open_files();

	cr_assert_eq(mmiod_client_connect("/tmp/mmiod-nobody/sock", &client), -ENOENT);
	cr_assert_null(client);
	cr_assert(strstr(mmiod_client_error(NULL), "/tmp/mmiod-nobody/sock"));
	cr_assert_eq(open_files(), files);
}

Test(client, of_a_socket_that_nobody_listens_on_is_refused)
{
	struct mmiod_client *client;
	struct fake fake;

	client = fake_serve(&fake, fake_accept, NULL);
	close(fake.listener);
	fake.listener = -1;
	mmiod_client_free(client);
	pthread_join(fake.thread, NULL);
	cr_assert_eq(mmiod_client_connect(fake.path, &client), -ECONNREFUSED);
	unlink(fake.path);
	rmdir(fake.directory);
}

Test(client, takes_the_socket_from_the_environment)
{
	struct mmiod_client *client;
	struct fake fake;

	fake_start(&fake, fake_accept, NULL);
	setenv("MMIOD_SOCKET", fake.path, 1);
	cr_assert_eq(mmiod_client_connect(NULL, &client), 0);
	cr_assert_eq(connection_greeted(client), 0);
	fake_leave(&fake, client);
}

Test(client, refuses_a_path_that_no_socket_can_have)
{
	char path[200];
	struct mmiod_client *client;

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	cr_assert_eq(mmiod_client_connect(path, &client), -ENAMETOOLONG);
}

/* Connecting waits for no answer: that to the first request is what a client is refused by. */
static void refused(void (*script)(struct fake *fake), int err, const char *words)
{
	size_t files = open_files();
	struct mmiod_client *client;
	struct mmiod_status status;
	struct fake fake;

	fake_start(&fake, script, NULL);
	cr_assert_eq(mmiod_client_connect(fake.path, &client), 0);
	cr_assert_eq(mmiod_client_status(client, &status), err, "%s", mmiod_client_error(client));
	cr_assert(strstr(mmiod_client_error(client), words), "%s", mmiod_client_error(client));
	cr_assert_eq(client->sock, -1);
	fake_leave(&fake, client);
	cr_assert_eq(open_files(), files);
}

static void refuse_with_quota(struct fake *fake)
{
	fake_accept_silently(fake);
	fake_read(fake);
	fake_refuse(fake, MMIOD_E_QUOTA, "user has 64 connections");
}

Test(client, hears_why_it_is_refused)
{
	refused(refuse_with_quota, -EDQUOT, "user has 64 connections");
}

static void refuse_version(struct fake *fake)
{
	const struct mmiod_msg_hello *hello;

	fake_accept_silently(fake);
	hello = (const void *)fake_read(fake);
	cr_expect_eq(hello->msg.opcode, MMIOD_OP_HELLO);
	cr_expect_eq(hello->msg.size, sizeof(*hello));
	cr_expect_eq(hello->msg.fixed, sizeof(*hello));
	cr_expect_eq(hello->version_min, 1);
	cr_expect_eq(hello->version_max, 1);
	cr_expect_eq(hello->features,
		     MMIOD_HELLO_DEVICES | MMIOD_HELLO_EXTENTS | MMIOD_HELLO_NOTICES);
	cr_expect_geq(hello->max_message, MMIOD_MSG_MAX);
	cr_expect_eq(hello->reserved, 0);
	fake_refuse(fake, MMIOD_E_VERSION, "");
}

Test(client, greets_with_its_versions_and_hears_of_a_mismatch)
{
	refused(refuse_version, -EPROTONOSUPPORT, "version");
}

static void greet_with_garbage(struct fake *fake)
{
	fake_accept_silently(fake);
	fake_read(fake);
	fake_send(fake, "HTTP/1.1 400 Bad Request and so on", 34, NULL, 0);
}

static void hang_up_at_once(struct fake *fake)
{
	for (int i = 0; i < 4; i++) {
		fake_accept_silently(fake);
		fake_hang_up(fake);
	}
}

static void greet_as_version_9(struct fake *fake)
{
	struct mmiod_msg_hello_reply hello = { .msg = { .size = sizeof(hello),
							.opcode = MMIOD_OP_HELLO,
							.flags = MMIOD_MSG_REPLY,
							.fixed = sizeof(hello) },
					       .version = 9,
					       .max_fds = 16 };

	fake_accept_silently(fake);
	hello.msg.id = fake_read(fake)->id;
	fake_send(fake, &hello, sizeof(hello), NULL, 0);
}

Test(client, refuses_a_greeting_that_is_none)
{
	refused(greet_with_garbage, -EPROTO, "does not speak this protocol");
}

/* Its sentence is said to lie behind the message. */
static void refuse_badly(struct fake *fake)
{
	struct mmiod_msg_error reply = { .msg = { .size = sizeof(reply),
						  .opcode = MMIOD_OP_HELLO,
						  .flags = MMIOD_MSG_REPLY,
						  .status = MMIOD_E_DENIED,
						  .fixed = sizeof(reply) },
					 .text = { sizeof(reply), 100 } };

	fake_accept_silently(fake);
	reply.msg.id = fake_read(fake)->id;
	fake_send(fake, &reply, sizeof(reply), NULL, 0);
}

Test(client, refuses_a_refusal_that_is_malformed)
{
	refused(refuse_badly, -EPROTO, "refusal breaks the protocol");
}

static void restart_without_files(struct fake *fake)
{
	struct mmiod_msg_hello_reply hello = { .msg = { .size = sizeof(hello),
							.opcode = MMIOD_OP_HELLO,
							.flags = MMIOD_MSG_REPLY,
							.fixed = sizeof(hello) },
					       .version = MMIOD_PROTOCOL_VERSION };

	fake_accept(fake);
	fake_hang_up(fake);
	fake_accept_silently(fake);
	hello.msg.id = fake_read(fake)->id;
	fake_send(fake, &hello, sizeof(hello), NULL, 0);
	fake_accept(fake);
	fake_grant(fake, fake_read(fake), 17, NULL);
}

/* Of a daemon that says that its messages carry no files: how many leases fit one? */
Test(client, is_not_led_by_a_greeting_that_it_refused)
{
	struct mmiod_client *client;
	struct mmiod_lease *lease;
	struct fake fake;

	client = fake_serve(&fake, restart_without_files, NULL);
	cr_assert_eq(mmiod_client_lease(client, "shm", 0, 0x1000, 0, &lease), -EPROTO);
	cr_assert(strstr(mmiod_client_error(client), "greeting is malformed"));
	lease = lease_or_fail(client, 0, 0x1000, 0);
	mmiod_lease_free(lease);
	fake_leave(&fake, client);
}

Test(client, notices_a_daemon_that_hangs_up)
{
	refused(hang_up_at_once, -ECONNRESET, "closed the connection");
}

Test(client, refuses_a_version_that_it_did_not_offer)
{
	refused(greet_as_version_9, -EPROTONOSUPPORT, "chose protocol 9");
}

Test(client, leaves_no_file_behind)
{
	size_t files = open_files();
	struct fake fake;

	fake_start(&fake, fake_accept, NULL);
	mmiod_client_free(connect_or_fail(&fake));
	fake_stop(&fake);
	cr_assert_eq(open_files(), files);
	mmiod_client_free(NULL);
}

/* ---- status ---- */

static void send_status(struct fake *fake)
{
	struct {
		struct mmiod_msg_status_reply status;
		char version[6];
		char warning[7];
	} reply = { .status = { .msg = { .size = offsetof(typeof(reply), warning) + 7,
					 .opcode = MMIOD_OP_STATUS,
					 .flags = MMIOD_MSG_REPLY,
					 .id = fake_read(fake)->id,
					 .fixed = sizeof(struct mmiod_msg_status_reply) },
				.pid = 42,
				.backend = MMIOD_BACKEND_SIMULATION,
				.started = 1000,
				.regions = 3,
				.regions_missing = 1,
				.clients = 2,
				.leases = 5,
				.version = { offsetof(typeof(reply), version), 5 },
				.warning = { offsetof(typeof(reply), warning), 7 } } };

	memcpy(reply.version, "0.1.0", 6);
	memcpy(reply.warning, "careful", 7);
	fake_send(fake, &reply, reply.status.msg.size, NULL, 0);
}

static void serve_status(struct fake *fake)
{
	fake_accept(fake);
	send_status(fake);
}

Test(client, reads_the_daemons_status)
{
	struct mmiod_client *client;
	struct mmiod_status status;
	struct fake fake;

	client = fake_serve(&fake, serve_status, NULL);
	cr_assert_eq(mmiod_client_status(client, &status), 0);
	cr_assert_eq(status.daemon_pid, 42);
	cr_assert_eq(status.started, 1000);
	cr_assert_eq(status.regions, 3);
	cr_assert_eq(status.regions_missing, 1);
	cr_assert_eq(status.clients, 2);
	cr_assert_eq(status.leases, 5);
	cr_assert_eq(status.protocol, 1);
	cr_assert_eq(status.uid, getuid());
	cr_assert_eq(status.page_size, mmiod_page_size());
	cr_assert_str_eq(status.version, "0.1.0");
	cr_assert_str_eq(status.warning, "careful");
	fake_leave(&fake, client);
}

/* ---- the daemon goes away ---- */

static void die_before_the_request(struct fake *fake)
{
	fake_accept(fake);
	fake_hang_up(fake);
	fake_accept(fake);
	send_status(fake);
}

static void die_in_the_request(struct fake *fake)
{
	fake_accept(fake);
	fake_read(fake);
	fake_hang_up(fake);
	fake_accept(fake);
	send_status(fake);
}

static void survive(void (*script)(struct fake *fake))
{
	struct mmiod_client *client;
	struct mmiod_status status;
	size_t files = open_files();
	struct fake fake;

	client = fake_serve(&fake, script, NULL);
	cr_assert_eq(mmiod_client_status(client, &status), 0, "%s", mmiod_client_error(client));
	cr_assert_eq(status.daemon_pid, 42);
	fake_leave(&fake, client);
	cr_assert_eq(open_files(), files);
}

Test(client, connects_again_when_the_daemon_went_away)
{
	survive(die_before_the_request);
}

Test(client, repeats_a_request_that_a_dying_daemon_did_not_answer)
{
	survive(die_in_the_request);
}

static void die_three_times(struct fake *fake)
{
	for (int i = 0; i < 3; i++) {
		fake_accept(fake);
		fake_read(fake);
		fake_hang_up(fake);
	}
	fake_accept(fake);
	send_status(fake);
}

Test(client, kills_only_three_daemons_by_one_request)
{
	struct mmiod_client *client;
	struct mmiod_status status;
	struct fake fake;

	client = fake_serve(&fake, die_three_times, NULL);
	cr_assert_eq(mmiod_client_status(client, &status), -ECONNRESET);
	cr_assert(strstr(mmiod_client_error(client), "closed the connection"));
	cr_assert_eq(mmiod_client_status(client, &status), 0, "the next request may");
	fake_leave(&fake, client);
}

static void die_in_the_greeting(struct fake *fake)
{
	fake_accept(fake);
	fake_hang_up(fake);
	for (int i = 0; i < 3; i++) {
		fake_accept_silently(fake);
		fake_hang_up(fake);
	}
	fake_accept(fake);
	send_status(fake);
}

Test(client, greets_the_next_daemon_when_one_dies_in_the_greeting)
{
	survive(die_in_the_greeting);
}

static void die_for_good(struct fake *fake)
{
	fake_accept(fake);
	fake_read(fake);
	close(fake->listener);
	unlink(fake->path);
	fake_hang_up(fake);
}

Test(client, says_that_the_daemon_is_gone_for_good)
{
	struct mmiod_client *client;
	struct mmiod_status status;
	struct fake fake;

	client = fake_serve(&fake, die_for_good, NULL);
	cr_assert_eq(mmiod_client_status(client, &status), -ENOENT);
	cr_assert(strstr(mmiod_client_error(client), "no daemon"));
	mmiod_client_free(client);
	pthread_join(fake.thread, NULL);
	rmdir(fake.directory);
}

static void never_answer(struct fake *fake)
{
	struct mmiod_msg late;

	fake_accept(fake);
	late = *fake_read(fake);
	*(struct mmiod_msg *)fake->request = *fake_read(fake);
	*(struct mmiod_msg *)fake->request = late;
	fake_refuse(fake, MMIOD_E_DENIED, "too late");
	((struct mmiod_msg *)fake->request)->id++;
	fake_refuse(fake, MMIOD_E_BUSY, "in time");
	fake_wait_hang_up(fake);
}

Test(client, gives_up_waiting_and_drops_the_late_reply)
{
	struct mmiod_client *client;
	struct mmiod_status status;
	struct fake fake;

	client = fake_serve(&fake, never_answer, NULL);
	client->timeout_ms = 50;
	cr_assert_eq(mmiod_client_status(client, &status), -ETIMEDOUT);
	client->timeout_ms = 600000;
	cr_assert_eq(mmiod_client_status(client, &status), -EBUSY);
	cr_assert_str_eq(mmiod_client_error(client), "in time");
	fake_leave(&fake, client);
}

/* ---- fork ---- */

static void serve_status_after_fork(struct fake *fake)
{
	fake_accept(fake);
	send_status(fake);
	send_status(fake);
}

static int in_child(struct mmiod_client *client, struct mmiod_lease *lease)
{
	struct mmiod_region_list *regions;
	struct mmiod_lease_list *leases;
	struct mmiod_status status;
	struct mmiod_event event;
	bool refused = mmiod_client_status(client, &status) == -EOWNERDEAD &&
		       mmiod_client_list_regions(client, &regions) == -EOWNERDEAD &&
		       mmiod_client_list_leases(client, &leases) == -EOWNERDEAD &&
		       mmiod_client_lease(client, "shm", 0, 0, 0, &lease) == -EOWNERDEAD &&
		       mmiod_client_revoke(client, 1, 0) == -EOWNERDEAD &&
		       mmiod_client_next_event(client, &event) == -EOWNERDEAD &&
		       strstr(mmiod_client_error(client), "fork");

	mmiod_client_free(client);
	return !refused;
}

Test(client, is_refused_in_a_child_and_goes_on_in_the_parent)
{
	struct mmiod_client *client;
	struct mmiod_status status;
	struct pollfd pfd;
	struct fake fake;
	int result;
	pid_t pid;

	client = fake_serve(&fake, serve_status_after_fork, NULL);
	cr_assert_eq(mmiod_client_status(client, &status), 0);
	cr_assert_geq(mmiod_client_event_fd(client), 0);
	pid = fork();
	if (!pid)
		_exit(in_child(client, NULL));
	waitpid(pid, &result, 0);
	cr_assert_eq(result, 0, "a call was not refused");
	cr_assert_eq(mmiod_client_status(client, &status), 0);
	/*
	 * The child's freeing must not have taken the socket out of the poll set that both share.
	 */
	fake_stop(&fake);
	pfd = (struct pollfd){ .fd = mmiod_client_event_fd(client), .events = POLLIN };
	cr_assert_eq(poll(&pfd, 1, -1), 1);
	mmiod_client_free(client);
}

/* ---- lists ---- */

struct regions_reply {
	struct mmiod_msg_list_reply list;
	struct mmiod_wire_region regions[2];
	char text[8];
};

static void send_regions(struct fake *fake, uint64_t first, size_t count, bool more)
{
	struct regions_reply reply = {
		.list = { .msg = { .size = sizeof(reply),
				   .opcode = MMIOD_OP_REGIONS,
				   .flags = MMIOD_MSG_REPLY | (more ? MMIOD_MSG_MORE : 0),
				   .id = ((struct mmiod_msg *)fake->request)->id,
				   .fixed = sizeof(reply.list),
				   .count = (uint32_t)count,
				   .stride = sizeof(reply.regions[0]) },
			  .cursor = first + count - 1 },
		.text = "a model",
	};

	for (size_t i = 0; i < count; i++) {
		struct mmiod_wire_region *region = &reply.regions[i];

		region->id = first + i;
		snprintf(region->name, sizeof(region->name), "r%llu",
			 (unsigned long long)(first + i));
		strcpy(region->device, "0000:00:04.0");
		region->length = 0x1000 * region->id;
		region->bar = i ? UINT32_MAX : 2;
		region->width = 4;
		region->memtypes = 1u << MMIOD_MEMTYPE_UC;
		region->memtype = MMIOD_MEMTYPE_UC;
		region->rights = MMIOD_RIGHT_READ;
		region->vendor = 0x1234;
		region->product = 0x11e8;
		region->model = (struct mmiod_msg_text){ offsetof(struct regions_reply, text), 7 };
	}
	fake_send(fake, &reply, sizeof(reply), NULL, 0);
}

static uint64_t asked_cursor(struct fake *fake)
{
	const struct mmiod_msg_list *request = (const void *)fake_read(fake);

	cr_expect_eq(request->msg.opcode, MMIOD_OP_REGIONS);
	return request->cursor;
}

static void serve_two_pages(struct fake *fake)
{
	fake_accept(fake);
	cr_expect_eq(asked_cursor(fake), 0);
	send_regions(fake, 1, 2, true);
	cr_expect_eq(asked_cursor(fake), 2);
	send_regions(fake, 3, 1, false);
}

Test(client, lists_regions_page_by_page)
{
	const struct mmiod_region *region;
	struct mmiod_region_list *list;
	struct mmiod_client *client;
	struct fake fake;

	client = fake_serve(&fake, serve_two_pages, NULL);
	cr_assert_eq(mmiod_client_list_regions(client, &list), 0);
	fake_leave(&fake, client);

	cr_assert_eq(mmiod_region_list_count(list), 3);
	cr_assert_null(mmiod_region_list_get(list, 3));
	region = mmiod_region_list_get(list, 2);
	cr_assert_str_eq(mmiod_region_name(region), "r3");
	cr_assert_str_eq(mmiod_region_device(region), "0000:00:04.0");
	cr_assert_str_eq(mmiod_region_model(region), "a model");
	cr_assert_eq(mmiod_region_length(region), 0x3000);
	cr_assert_eq(mmiod_region_bar(region), 2);
	cr_assert_eq(mmiod_region_bar(mmiod_region_list_get(list, 1)), -1);
	cr_assert_eq(mmiod_region_width(region), 4);
	cr_assert_eq(mmiod_region_memtypes(region), 2);
	cr_assert_eq(mmiod_region_memtype(region), MMIOD_MEMTYPE_UC);
	cr_assert_eq(mmiod_region_rights(region), MMIOD_RIGHT_READ);
	cr_assert_eq(mmiod_region_state(region), MMIOD_STATE_OK);
	cr_assert_eq(mmiod_region_vendor(region), 0x1234);
	cr_assert_eq(mmiod_region_product(region), 0x11e8);
	mmiod_region_list_free(list);
	mmiod_region_list_free(NULL);
}

static void die_between_pages(struct fake *fake)
{
	fake_accept(fake);
	asked_cursor(fake);
	send_regions(fake, 1, 2, true);
	asked_cursor(fake);
	fake_hang_up(fake);
	fake_accept(fake);
	cr_expect_eq(asked_cursor(fake), 2);
	send_regions(fake, 7, 1, false);
	cr_expect_eq(asked_cursor(fake), 0, "cursors mean nothing to another daemon");
	send_regions(fake, 6, 2, false);
}

Test(client, begins_a_list_again_when_the_daemon_was_restarted_in_it)
{
	struct mmiod_region_list *list;
	struct mmiod_client *client;
	struct fake fake;

	client = fake_serve(&fake, die_between_pages, NULL);
	cr_assert_eq(mmiod_client_list_regions(client, &list), 0);
	cr_assert_eq(mmiod_region_list_count(list), 2);
	cr_assert_str_eq(mmiod_region_name(mmiod_region_list_get(list, 0)), "r6");
	mmiod_region_list_free(list);
	fake_leave(&fake, client);
}

static void turn_in_circles(struct fake *fake)
{
	fake_accept(fake);
	asked_cursor(fake);
	send_regions(fake, 1, 2, true);
	asked_cursor(fake);
	send_regions(fake, 1, 2, true);
	fake_wait_hang_up(fake);
}

Test(client, refuses_a_list_that_does_not_advance)
{
	struct mmiod_region_list *list;
	struct mmiod_client *client;
	struct fake fake;

	client = fake_serve(&fake, turn_in_circles, NULL);
	cr_assert_eq(mmiod_client_list_regions(client, &list), -EPROTO);
	cr_assert_null(list);
	fake_leave(&fake, client);
}

static void send_leases(struct fake *fake)
{
	struct {
		struct mmiod_msg_list_reply list;
		struct mmiod_wire_lease lease;
	} reply = { .list.msg = { .size = sizeof(reply),
				  .opcode = MMIOD_OP_LEASES,
				  .flags = MMIOD_MSG_REPLY,
				  .fixed = sizeof(reply.list),
				  .count = 1,
				  .stride = sizeof(reply.lease) },
		    .lease = { .id = 17,
			       .offset = 0x1000,
			       .length = 0x2000,
			       .started = 5,
			       .faults = 6,
			       .populated = 7,
			       .fault_leaves = { 10, 11, 12 },
			       .populated_leaves = { 13, 14, 15 },
			       .reads = 8,
			       .writes = 9,
			       .rights = 3,
			       .memtype = MMIOD_MEMTYPE_WC,
			       .width = 8,
			       .share = MMIOD_SHARE_READ,
			       .state = MMIOD_STATE_SUSPENDED,
			       .mappings = 2,
			       .uid = 1000,
			       .pid = 99 } };

	memset(reply.lease.region, 'r', sizeof(reply.lease.region)); /* not terminated */
	memcpy(reply.lease.comm, "evil\033[31m", 9);
	fake_accept(fake);
	reply.list.msg.id = fake_read(fake)->id;
	fake_send(fake, &reply, sizeof(reply), NULL, 0);
}

Test(client, lists_leases_with_names_made_harmless)
{
	const struct mmiod_lease_info *info;
	struct mmiod_lease_list *list;
	struct mmiod_client *client;
	struct fake fake;

	client = fake_serve(&fake, send_leases, NULL);
	cr_assert_eq(mmiod_client_list_leases(client, &list), 0);
	cr_assert_eq(mmiod_lease_list_count(list), 1);
	cr_assert_null(mmiod_lease_list_get(list, 1));
	info = mmiod_lease_list_get(list, 0);
	cr_assert_eq(mmiod_lease_info_id(info), 17);
	cr_assert_eq(strlen(mmiod_lease_info_region(info)), 31);
	cr_assert_eq(mmiod_lease_info_offset(info), 0x1000);
	cr_assert_eq(mmiod_lease_info_length(info), 0x2000);
	cr_assert_eq(mmiod_lease_info_started(info), 5);
	cr_assert_eq(mmiod_lease_info_faults(info), 6);
	cr_assert_eq(mmiod_lease_info_populated(info), 7);
	for (int size = MMIOD_LEAF_4K; size < MMIOD_LEAF_SIZES; size++) {
		cr_assert_eq(mmiod_lease_info_fault_leaves(info, size), 10u + (unsigned int)size);
		cr_assert_eq(mmiod_lease_info_populated_leaves(info, size),
			     13u + (unsigned int)size);
	}
	cr_assert_eq(mmiod_lease_info_fault_leaves(info, MMIOD_LEAF_SIZES), 0);
	cr_assert_eq(mmiod_lease_info_populated_leaves(info, MMIOD_LEAF_SIZES), 0);
	cr_assert_eq(mmiod_lease_info_reads(info), 8);
	cr_assert_eq(mmiod_lease_info_writes(info), 9);
	cr_assert_eq(mmiod_lease_info_rights(info), 3);
	cr_assert_eq(mmiod_lease_info_memtype(info), MMIOD_MEMTYPE_WC);
	cr_assert_eq(mmiod_lease_info_width(info), 8);
	cr_assert_eq(mmiod_lease_info_share(info), MMIOD_SHARE_READ);
	cr_assert_eq(mmiod_lease_info_state(info), MMIOD_STATE_SUSPENDED);
	cr_assert_eq(mmiod_lease_info_mappings(info), 2);
	cr_assert_eq(mmiod_lease_info_uid(info), 1000);
	cr_assert_eq(mmiod_lease_info_pid(info), 99);
	cr_assert_str_eq(mmiod_lease_info_comm(info), "evil?[31m");
	mmiod_lease_list_free(list);
	fake_leave(&fake, client);
}

#define LEASE_PAGE 100

/* As many leases from that id on, and whether there are more. */
static void send_lease_page(struct fake *fake, uint64_t after, uint64_t first, uint32_t count,
			    bool more)
{
	static struct {
		struct mmiod_msg_list_reply list;
		struct mmiod_wire_lease leases[LEASE_PAGE];
	} reply;
	const struct mmiod_msg_list *request = (const void *)fake_read(fake);

	cr_expect_eq(request->msg.opcode, MMIOD_OP_LEASES);
	cr_expect_eq(request->cursor, after);
	memset(&reply, 0, sizeof(reply));
	reply.list.msg = (struct mmiod_msg){
		.size = (uint32_t)(sizeof(reply.list) + count * sizeof(reply.leases[0])),
		.opcode = MMIOD_OP_LEASES,
		.flags = MMIOD_MSG_REPLY | (more ? MMIOD_MSG_MORE : 0),
		.id = request->msg.id,
		.fixed = sizeof(reply.list),
		.count = count,
		.stride = sizeof(reply.leases[0]),
	};
	reply.list.cursor = first + count - 1;
	for (uint32_t i = 0; i < count; i++)
		reply.leases[i] = (struct mmiod_wire_lease){ .id = first + i, .length = 0x1000 };
	fake_send(fake, &reply, reply.list.msg.size, NULL, 0);
}

/* Pages of leases, and one page on which there is none that the caller may see. */
static void serve_many_leases(struct fake *fake)
{
	fake_accept(fake);
	send_lease_page(fake, 0, 1, 100, true);
	send_lease_page(fake, 100, 201, 0, true);
	send_lease_page(fake, 200, 201, 100, true);
	send_lease_page(fake, 300, 301, 100, true);
	send_lease_page(fake, 400, 401, 1, false);
	send_lease_page(fake, 401, 402, 0, false);
}

Test(client, lists_leases_some_hundreds_at_a_time)
{
	struct mmiod_lease_list *list;
	struct mmiod_client *client;
	struct fake fake;

	client = fake_serve(&fake, serve_many_leases, NULL);
	cr_assert_eq(mmiod_client_list_leases_after(client, 0, &list), 0);
	cr_assert_eq(mmiod_lease_list_count(list), 300);
	cr_assert_eq(mmiod_lease_info_id(mmiod_lease_list_get(list, 299)), 400);
	mmiod_lease_list_free(list);
	cr_assert_eq(mmiod_client_list_leases_after(client, 400, &list), 0);
	cr_assert_eq(mmiod_lease_list_count(list), 1);
	mmiod_lease_list_free(list);
	cr_assert_eq(mmiod_client_list_leases_after(client, 401, &list), 0);
	cr_assert_eq(mmiod_lease_list_count(list), 0);
	mmiod_lease_list_free(list);
	fake_leave(&fake, client);
}

static void die_between_lease_pages(struct fake *fake)
{
	fake_accept(fake);
	send_lease_page(fake, 40, 41, 2, true);
	fake_read(fake);
	fake_hang_up(fake);
	fake_accept(fake);
	send_lease_page(fake, 42, 43, 1, false);
	send_lease_page(fake, 40, 41, 1, false);
}

Test(client, lists_leases_from_the_same_id_again_when_the_daemon_was_restarted_meanwhile)
{
	struct mmiod_lease_list *list;
	struct mmiod_client *client;
	struct fake fake;

	client = fake_serve(&fake, die_between_lease_pages, NULL);
	cr_assert_eq(mmiod_client_list_leases_after(client, 40, &list), 0);
	cr_assert_eq(mmiod_lease_list_count(list), 1);
	cr_assert_eq(mmiod_lease_info_id(mmiod_lease_list_get(list, 0)), 41);
	mmiod_lease_list_free(list);
	fake_leave(&fake, client);
}

/* Nothing rises, though each page is a page. */
static void list_the_same_again(struct fake *fake)
{
	fake_accept(fake);
	send_lease_page(fake, 0, 41, 2, false);
	send_lease_page(fake, 42, 41, 2, false);
	fake_wait_hang_up(fake);
}

Test(client, refuses_leases_that_it_has_had)
{
	struct mmiod_lease_list *list;
	struct mmiod_client *client;
	struct fake fake;

	client = fake_serve(&fake, list_the_same_again, NULL);
	cr_assert_eq(mmiod_client_list_leases_after(client, 0, &list), 0);
	mmiod_lease_list_free(list);
	cr_assert_eq(mmiod_client_list_leases_after(client, 42, &list), -EPROTO);
	cr_assert_null(list);
	fake_leave(&fake, client);
}
