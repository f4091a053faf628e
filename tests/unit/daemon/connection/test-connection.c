// SPDX-License-Identifier: MIT
/* What a connection makes of clients that do not behave, and of those that are slow. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <malloc.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include "support/rig.h"

static const char config[] =
	"[daemon]\nhello-timeout = 100ms\nleases-per-user = 100000\n"
	"[region shm]\nsize = 64M\n"
	"[grant all]\nregion = shm\nuser = *\naccess = rw\nshare = exclusive\n";

static void start(void)
{
	rig_start_simulation(config);
}

TestSuite(connection, .init = start, .fini = rig_stop);

static struct mmiod_msg_hello hello(void)
{
	struct mmiod_msg_hello message = {
		.msg = { .size = sizeof(message),
			 .opcode = MMIOD_OP_HELLO,
			 .id = 7,
			 .fixed = sizeof(message) },
		.version_min = 1,
		.version_max = 1,
		.max_message = MMIOD_MSG_MAX,
	};

	return message;
}

/* The daemon answers with this status, and then hangs up. */
static void answered_and_closed(int fd, uint32_t status)
{
	rig_turn();
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.msg.status, status, "status %u", answer.msg.status);
	cr_assert_gt(answer.error.text.length, 0u);
	cr_assert_eq(client_receive(fd), 0);
	cr_assert_eq(rig.broker.host.n_connections, 0u);
	close(fd);
}

Test(connection, hello_tells_the_limits_and_whom_the_daemon_takes_the_client_for)
{
	int fd = client_connect(1234);
	struct mmiod_msg_hello message = hello();

	client_send(fd, &message, sizeof(message));
	rig_turn();
	cr_assert_eq(client_receive(fd), (ssize_t)sizeof(struct mmiod_msg_hello_reply));
	cr_assert_eq(answer.hello.msg.id, 7u);
	cr_assert_eq(answer.hello.version, 1u);
	cr_assert_eq(answer.hello.backend, MMIOD_BACKEND_SIMULATION);
	cr_assert_eq(answer.hello.uid, 1234u);
	cr_assert_eq(answer.hello.admin, 0u);
	cr_assert_eq(answer.hello.max_fds, 16u);
	cr_assert_eq(answer.hello.max_leases, 100000u);
	cr_assert_neq(answer.hello.epoch, 0u);
	close(fd);
}

Test(connection, unknown_features_are_left_out_of_what_both_have)
{
	int fd = client_connect(1234);
	struct mmiod_msg_hello message = hello();

	message.features = UINT64_MAX;
	client_send(fd, &message, sizeof(message));
	rig_turn();
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.hello.msg.status, MMIOD_OK);
	cr_assert_eq(answer.hello.features,
		     MMIOD_HELLO_DEVICES | MMIOD_HELLO_EXTENTS | MMIOD_HELLO_NOTICES);
	close(fd);
}

Test(connection, the_first_message_must_be_hello)
{
	int fd = client_connect(1234);
	struct mmiod_msg status = { .size = sizeof(status),
				    .opcode = MMIOD_OP_STATUS,
				    .fixed = sizeof(status) };

	client_send(fd, &status, sizeof(status));
	answered_and_closed(fd, MMIOD_E_PROTOCOL);
}

Test(connection, an_unknown_opcode_before_hello_is_a_protocol_error_too)
{
	int fd = client_connect(1234);
	struct mmiod_msg unknown = { .size = sizeof(unknown),
				     .opcode = 999,
				     .fixed = sizeof(unknown) };

	client_send(fd, &unknown, sizeof(unknown));
	answered_and_closed(fd, MMIOD_E_PROTOCOL);
}

Test(connection, hello_with_another_version_is_refused)
{
	int fd = client_connect(1234);
	struct mmiod_msg_hello message = hello();

	message.version_min = 2;
	message.version_max = 3;
	client_send(fd, &message, sizeof(message));
	answered_and_closed(fd, MMIOD_E_VERSION);
}

Test(connection, hello_with_a_range_of_versions_gets_the_one_that_both_speak)
{
	int fd = client_connect(1234);
	struct mmiod_msg_hello message = hello();

	message.version_max = 9;
	client_send(fd, &message, sizeof(message));
	rig_turn();
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.hello.version, 1u);
	close(fd);
}

Test(connection, hello_that_makes_no_sense_is_refused)
{
	struct mmiod_msg_hello message = hello();
	int fd = client_connect(1234);

	message.version_min = 2;
	client_send(fd, &message, sizeof(message));
	answered_and_closed(fd, MMIOD_E_INVALID);
	fd = client_connect(1234);
	message = hello();
	message.max_message = 100;
	client_send(fd, &message, sizeof(message));
	answered_and_closed(fd, MMIOD_E_INVALID);
}

Test(connection, hello_comes_once)
{
	int fd = client_hello(1234);
	struct mmiod_msg_hello message = hello();

	client_send(fd, &message, sizeof(message));
	answered_and_closed(fd, MMIOD_E_PROTOCOL);
}

/* ---- the name of the process ------------------------------------------------------------------- */

/* As the only lease says who holds it. */
static const char *name_of_holder(const char *told, size_t size)
{
	int fd = client_connect(1234);
	struct mmiod_msg_hello message = hello();

	message.msg.size = message.msg.fixed = (uint32_t)size;
	memcpy(message.comm, told, sizeof(message.comm));
	client_send(fd, &message, size);
	rig_turn();
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.msg.status, MMIOD_OK);
	cr_assert_eq(client_lease_one(fd, 0, 4096, NULL), MMIOD_OK);
	return lease_after(&rig.broker.leases, 0)->holder.comm;
}

static const char *own_name(void)
{
	static char name[16];

	cr_assert_eq(prctl(PR_GET_NAME, name), 0);
	return name;
}

Test(connection, a_holder_has_the_name_that_its_process_told)
{
	cr_assert_str_eq(name_of_holder("teller\0\0\0\0\0\0\0\0\0", 72), "teller");
}

Test(connection, a_name_that_is_not_terminated_is_cut)
{
	cr_assert_str_eq(name_of_holder("0123456789abcdef", 72), "0123456789abcde");
}

Test(connection, a_process_that_tells_no_name_has_that_of_proc)
{
	cr_assert_str_eq(name_of_holder((const char[16]){ "" }, 72), own_name());
}

Test(connection, an_older_library_tells_no_name)
{
	cr_assert_str_eq(name_of_holder((const char[16]){ "not sent" }, MMIOD_V1_HELLO),
			 own_name());
}

/* Such as a terminal would obey. */
Test(connection, a_name_is_escaped_where_people_read_it)
{
	int other = client_hello(1235);
	const struct mmiod_wire_granted *granted;

	name_of_holder("e\033[31m\n\0\0\0\0\0\0\0\0", 72);
	cr_assert_eq(client_lease_one(other, 0, 4096, NULL), MMIOD_E_BUSY);
	granted = answer_element(0);
	cr_assert_not_null(strstr(answer_text(granted->text), "e\\x1b[31m"), "%s",
			   answer_text(granted->text));
}

/* ---- what is behind HELLO before it is answered ------------------------------------------------ */

static void send_status(int fd, uint64_t id)
{
	struct mmiod_msg status = {
		.size = sizeof(status), .opcode = MMIOD_OP_STATUS, .id = id, .fixed = sizeof(status)
	};

	client_send(fd, &status, sizeof(status));
}

static void send_one_lease(int fd)
{
	struct mmiod_wire_want element =
		want("shm", 0, 4096, MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE, 0);

	send_lease(fd, &element, 1, 0);
}

Test(connection, requests_behind_hello_are_answered_after_it)
{
	int fd = client_connect(1234);
	struct mmiod_msg_hello message = hello();

	client_send(fd, &message, sizeof(message));
	for (uint64_t id = 8; id < 18; id++)
		send_status(fd, id);
	rig_turn();
	for (uint64_t id = 7; id < 18; id++) {
		cr_assert_gt(client_receive(fd), 0);
		cr_assert_eq(answer.msg.id, id);
		cr_assert_eq(answer.msg.status, MMIOD_OK);
	}
	cr_assert_eq(client_receive(fd), -EAGAIN);
	close(fd);
}

Test(connection, a_lease_behind_hello_is_granted_at_once)
{
	int fd = client_connect(1234);
	struct mmiod_msg_hello message = hello();

	client_send(fd, &message, sizeof(message));
	send_one_lease(fd);
	rig_turn();
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.msg.opcode, MMIOD_OP_HELLO);
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.msg.opcode, MMIOD_OP_LEASE);
	cr_assert_eq(n_answer_fds, 1u);
	client_close_fds();
	close(fd);
}

/* The client is to hear one reason, and nothing is done that nobody would know of. */
Test(connection, what_is_behind_a_refused_hello_is_not_carried_out)
{
	size_t before = open_fds();
	int fd = client_connect(1234);
	struct mmiod_msg_hello message = hello();

	message.version_min = message.version_max = 2;
	client_send(fd, &message, sizeof(message));
	send_one_lease(fd);
	answered_and_closed(fd, MMIOD_E_VERSION);
	cr_assert_eq(leases_count(&rig.broker.leases), 0u);
	cr_assert_eq(rig.broker.host.counters.requests[MMIOD_OP_LEASE], 0u);
	cr_assert_eq(open_fds(), before);
}

Test(connection, a_request_before_hello_is_not_saved_by_a_hello_behind_it)
{
	int fd = client_connect(1234);
	struct mmiod_msg_hello message = hello();

	send_status(fd, 6);
	client_send(fd, &message, sizeof(message));
	answered_and_closed(fd, MMIOD_E_PROTOCOL);
	cr_assert_eq(answer.msg.id, 6u);
}

Test(connection, a_client_that_asks_behind_hello_and_is_gone_leaves_nothing_behind)
{
	struct mmiod_msg_hello message = hello();
	size_t before = open_fds();

	for (int i = 0; i < 10; i++) {
		int fd = client_connect(1234);

		client_send(fd, &message, sizeof(message));
		send_one_lease(fd);
		close(fd);
		rig_turn();
	}
	cr_assert_eq(rig.broker.host.n_connections, 0u);
	cr_assert_eq(leases_count(&rig.broker.leases), 0u);
	cr_assert_null(rig.broker.host.users.table);
	cr_assert_eq(open_fds(), before);
}

Test(connection, without_hello_is_closed_after_a_while)
{
	int fd = client_connect(1234);

	rig_turn();
	cr_assert_eq(rig.broker.host.n_connections, 1u);
	rig_wait(200);
	cr_assert_eq(rig.broker.host.n_connections, 0u);
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.msg.status, MMIOD_E_TIMEOUT);
	close(fd);
}

Test(connection, gets_the_time_for_hello_that_a_reload_set)
{
	int fd;

	rig_write_config("[daemon]\nhello-timeout = 10s\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	fd = client_connect(1234);
	rig_wait(200);
	cr_assert_eq(rig.broker.host.n_connections, 1u);
	close(fd);
}

Test(connection, with_hello_stays)
{
	int fd = client_hello(1234);

	rig_wait(200);
	cr_assert_eq(client_status(fd), MMIOD_OK);
	cr_assert_eq(answer.status.clients, 1u);
	cr_assert_not_null(strstr(answer_text(answer.status.warning), "simulation"));
	cr_assert_not_null(strstr(answer_text(answer.status.warning), "neither")
				   ? ""
				   : strstr(answer_text(answer.status.warning),
					    "bounds and revocation are not"));
	close(fd);
}

Test(connection, an_unknown_opcode_is_refused_and_the_connection_goes_on)
{
	int fd = client_hello(1234);
	struct mmiod_msg unknown = {
		.size = sizeof(unknown), .opcode = 999, .id = 5, .fixed = sizeof(unknown)
	};

	client_send(fd, &unknown, sizeof(unknown));
	rig_turn();
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.msg.status, MMIOD_E_UNSUPPORTED);
	cr_assert_eq(answer.msg.id, 5u);
	cr_assert_eq(client_status(fd), MMIOD_OK);
	close(fd);
}

Test(connection, messages_that_are_too_short_or_too_long_close_it)
{
	static uint8_t bytes[MMIOD_MSG_MAX + 1];
	struct mmiod_msg *head = (struct mmiod_msg *)bytes;
	int fd = client_hello(1234);

	client_send(fd, bytes, 31);
	answered_and_closed(fd, MMIOD_E_PROTOCOL);
	fd = client_hello(1234);
	*head = (struct mmiod_msg){ .size = sizeof(bytes),
				    .opcode = MMIOD_OP_STATUS,
				    .fixed = sizeof(*head) };
	client_send(fd, bytes, sizeof(bytes));
	answered_and_closed(fd, MMIOD_E_PROTOCOL);
}

Test(connection, an_empty_packet_is_an_error_and_not_the_end)
{
	int fd = client_hello(1234);

	cr_assert_eq(send(fd, "", 0, MSG_NOSIGNAL), 0);
	answered_and_closed(fd, MMIOD_E_PROTOCOL);
}

Test(connection, a_client_that_hangs_up_leaves_nothing_behind)
{
	size_t before = open_fds();
	int fd;

	for (int i = 0; i < 10; i++) {
		fd = client_hello(1234);
		cr_assert_eq(client_lease_one(fd, 0, 4096, NULL), MMIOD_OK);
		client_close_fds();
		close(fd);
		rig_turn();
	}
	cr_assert_eq(rig.broker.host.n_connections, 0u);
	cr_assert_not(leases_count(&rig.broker.leases));
	cr_assert_null(rig.broker.host.users.table);
	cr_assert_eq(open_fds(), before);
}

Test(connection, uninvited_descriptors_never_come_in)
{
	int fd = client_hello(1234), fds[253];
	struct mmiod_msg status = { .size = sizeof(status),
				    .opcode = MMIOD_OP_STATUS,
				    .fixed = sizeof(status) };
	char control[CMSG_SPACE(sizeof(fds))];
	struct iovec vector = { .iov_base = &status, .iov_len = sizeof(status) };
	struct msghdr header = {
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	size_t before = open_fds();

	for (int i = 0; i < 253; i++)
		fds[i] = STDERR_FILENO;
	memset(control, 0, sizeof(control));
	CMSG_FIRSTHDR(&header)->cmsg_level = SOL_SOCKET;
	CMSG_FIRSTHDR(&header)->cmsg_type = SCM_RIGHTS;
	CMSG_FIRSTHDR(&header)->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&header)), fds, sizeof(fds));
	cr_assert_eq(sendmsg(fd, &header, MSG_NOSIGNAL), (ssize_t)sizeof(status));
	rig_turn();
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.msg.status, MMIOD_OK, "the message itself is good");
	cr_assert_eq(open_fds(), before);
	close(fd);
}

/* Sends until the socket is full, with the loop turning; returns how many messages went. */
static unsigned int flood(int fd, const void *packet, size_t length)
{
	unsigned int sent = 0;

	for (int idle = 0; idle < 3;) {
		if (send(fd, packet, length, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)length) {
			sent++;
			idle = 0;
		} else {
			rig_turn();
			idle++;
		}
	}
	return sent;
}

Test(connection, one_that_sends_and_never_reads_costs_bounded_memory)
{
	struct mmiod_msg status = { .size = sizeof(status),
				    .opcode = MMIOD_OP_STATUS,
				    .fixed = sizeof(status) };
	int bad = client_hello(1234), good = client_hello(1235);
	struct mallinfo2 before;
	unsigned int sent;

	flood(bad, &status, sizeof(status));
	before = mallinfo2();
	sent = flood(bad, &status, sizeof(status));
	cr_assert_eq(sent, 0u, "the daemon reads no more while its replies are not taken");
	cr_assert_leq(mallinfo2().uordblks, before.uordblks + 4096);
	cr_assert_eq(client_status(good), MMIOD_OK, "others are served");
	/* Every request that went in has its reply when the client reads at last. */
	for (sent = 0; client_receive(bad) > 0; sent++)
		rig_turn();
	cr_assert_gt(sent, 100u);
	cr_assert_eq(client_status(bad), MMIOD_OK);
	close(bad);
	close(good);
}

Test(connection, one_that_floods_does_not_keep_another_waiting)
{
	struct mmiod_msg status = { .size = sizeof(status),
				    .opcode = MMIOD_OP_STATUS,
				    .fixed = sizeof(status) };
	int bad = client_hello(1234), good = client_hello(1235);
	unsigned int replies = 0;

	for (int i = 0; i < 100; i++)
		client_send(bad, &status, sizeof(status));
	client_send(good, &status, sizeof(status));
	event_base_loop(rig.broker.host.base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
	cr_assert_gt(client_receive(good), 0, "served in the first turn");
	while (client_receive(bad) > 0)
		replies++;
	cr_assert_leq(replies, TURN_WORK / WORK_MESSAGE, "work in one turn is bounded, %u",
		      replies);
	rig_turn();
	while (client_receive(bad) > 0)
		replies++;
	cr_assert_eq(replies, 100u);
	close(bad);
	close(good);
}

Test(connection, has_at_most_one_unread_message_with_descriptors)
{
	struct mmiod_wire_want element = want("shm", 0, 4096, MMIOD_RIGHT_READ, MMIOD_SHARE_WRITE);
	int fd = client_hello(1234);
	size_t before = open_fds();

	for (int i = 0; i < 50; i++)
		send_lease(fd, &element, 1, 0);
	rig_turn();
	cr_assert_eq(leases_count(&rig.broker.leases), 2u,
		     "one is in flight, one waits, the others are not read");
	cr_assert_leq(open_fds(), before + 1);
	for (int i = 0; i < 50; i++) {
		cr_assert_gt(client_receive(fd), 0, "reply %d", i);
		cr_assert_eq(n_answer_fds, 1u);
		rig_turn();
	}
	cr_assert_eq(leases_count(&rig.broker.leases), 50u);
	client_close_fds();
	cr_assert_eq(open_fds(), before);
	close(fd);
}

Test(connection, one_that_hangs_up_with_replies_waiting_gives_their_descriptors_back)
{
	struct mmiod_wire_want elements[16];
	int fd = client_hello(1234);
	size_t before = open_fds();

	for (int i = 0; i < 16; i++)
		elements[i] = want("shm", 0, 4096, MMIOD_RIGHT_READ, MMIOD_SHARE_WRITE);
	send_lease(fd, elements, 16, 0);
	send_lease(fd, elements, 16, 0);
	rig_turn();
	cr_assert_eq(open_fds(), before + 16, "the second reply waits with its descriptors");
	close(fd);
	rig_turn();
	cr_assert_eq(rig.broker.host.n_connections, 0u);
	cr_assert_eq(open_fds(), before - 2);
}
