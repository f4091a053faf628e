// SPDX-License-Identifier: MIT
/* Who the daemon takes a peer for: shared and handed-over connections, other namespaces. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

static void request_often(void *data)
{
	int fd = *(int *)data;
	union request request;

	for (int i = 0; i < 200; i++) {
		make_bare(&request, MMIOD_OP_STATUS);
		send_request(fd, &request);
		sleep_ms(1);
	}
}

ATTACK(a_connection_that_two_processes_share_gets_one_reply_to_each_request)
{
	struct answer *answer = malloc(sizeof(*answer));
	int fd = connect_greeted();
	pid_t pid = start_child(request_often, &fd);
	union request request;

	for (int i = 0; i < 200; i++) {
		make_bare(&request, MMIOD_OP_STATUS);
		send_request(fd, &request);
		receive(fd, answer);
		EXPECT_EQ(answer->head.status, MMIOD_OK);
	}
	for (int i = 0; i < 200; i++)
		receive(fd, answer);
	wait_child(pid);
	expect_silence(fd);
}

/* A lease lasts as long as its connection, in simulation, not as long as the process that asked. */
ATTACK(a_lease_outlives_the_process_that_asked_if_another_has_its_connection)
{
	struct answer *answer = malloc(sizeof(*answer));
	int fd = connect_greeted(), ready[2];
	union request request;
	char byte;
	pid_t pid;

	EXPECT(pipe2(ready, O_CLOEXEC) == 0);
	pid = fork();
	if (!pid) {
		lease_one(fd, ALONE_REGION);
		_exit(0);
	}
	close(ready[1]);
	EXPECT_EQ(read(ready[0], &byte, 1), 0);
	wait_child(pid);
	make_list(&request, MMIOD_OP_LEASES, 0);
	ask(fd, &request, answer);
	EXPECT_EQ(answer->head.count, 1);
	expect_status(fd);
}

static void use_as_stranger(void *data)
{
	struct answer *answer = malloc(sizeof(*answer));
	int fd = *(int *)data;
	union request request;

	become(STRANGER);
	lease_one(fd, ALONE_REGION);
	make_list(&request, MMIOD_OP_LEASES, 0);
	ask(fd, &request, answer);
	EXPECT_EQ(answer->head.count, 1);
	EXPECT_EQ(((struct mmiod_wire_lease *)(answer->bytes + answer->head.fixed))->uid, 0);
}

/* Identity is that of connect(): who hands a connection on hands on what it may do. */
ATTACK(a_connection_stays_the_one_of_who_connected)
{
	int fd = connect_greeted();

	wait_child(start_child(use_as_stranger, &fd));
}

/* ---- namespaces of the client ---- */

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		tap_skip("%s: %s", path, strerror(errno));
	close(fd);
}

static void expect_uid(int fd, uint32_t uid, bool admin)
{
	struct answer *answer = malloc(sizeof(*answer));
	union request request;

	make_hello(&request);
	ask(fd, &request, answer);
	EXPECT_EQ(answer->head.status, MMIOD_OK);
	EXPECT_EQ(answer->hello.uid, uid);
	EXPECT_EQ(answer->hello.admin, admin);
	free(answer);
}

static void be_root_of_a_namespace(void *data)
{
	uid_t uid;
	char map[32];

	if (!geteuid())
		become(STRANGER);
	uid = geteuid();
	snprintf(map, sizeof(map), "0 %u 1", uid);
	/* After a change of user /proc/self belongs to root until then. */
	prctl(PR_SET_DUMPABLE, 1);
	if (unshare(CLONE_NEWUSER) < 0)
		tap_skip("no user namespace: %s", strerror(errno));
	put("/proc/self/uid_map", map);
	EXPECT_EQ(geteuid(), 0);
	expect_uid(connect_raw(), uid, uid != STRANGER);
}

ATTACK(root_of_a_user_namespace_is_not_root)
{
	wait_child(start_child(be_root_of_a_namespace, NULL));
}

static void expect_pid_of_lease(pid_t *pid)
{
	struct answer *answer = malloc(sizeof(*answer));
	int fd = connect_greeted();
	union request request;

	lease_one(fd, ALONE_REGION);
	make_list(&request, MMIOD_OP_LEASES, 0);
	ask(fd, &request, answer);
	EXPECT_EQ(answer->head.count, 1);
	*pid = (pid_t)((struct mmiod_wire_lease *)(answer->bytes + answer->head.fixed))->pid;
	free(answer);
}

static void be_first_of_a_namespace(void *data)
{
	pid_t pid, seen;

	if (unshare(CLONE_NEWPID) < 0)
		tap_skip("no pid namespace: %s", strerror(errno));
	pid = fork();
	if (!pid) {
		EXPECT_EQ(getpid(), 1);
		expect_pid_of_lease(&seen);
		EXPECT(seen > 1);
		_exit(0);
	}
	wait_child(pid);
}

ATTACK(a_client_in_a_pid_namespace_is_known_by_its_pid_outside)
{
	wait_child(start_child(be_first_of_a_namespace, NULL));
}

/* ---- namespaces of the daemon: it cannot know who we are ---- */

static void expect_stranger_refused(void)
{
	int fd = connect_raw();
	union request request;

	/* The refusal may be there, and the connection closed, before the greeting is sent. */
	make_hello(&request);
	send(fd, &request, request.head.size, MSG_NOSIGNAL);
	expect_refusal(fd, MMIOD_E_DENIED);
	expect_closed(fd);
}

TEST(a_daemon_that_cannot_see_the_peers_process_lets_it_have_nothing)
{
	victim_start("", 0, OWN_PID_NAMESPACE);
	for (int i = 0; i < 20; i++)
		expect_stranger_refused();
}

static void refused_as_stranger(void *data)
{
	become(STRANGER);
	for (int i = 0; i < 20; i++)
		expect_stranger_refused();
}

TEST(a_daemon_that_cannot_name_the_peers_user_lets_it_have_nothing)
{
	if (geteuid())
		tap_skip("only root can become another user");
	victim_start("", 0, OWN_USER_NAMESPACE);
	expect_others_served();
	wait_child(start_child(refused_as_stranger, NULL));
	expect_others_served();
	victim_stop();
}
