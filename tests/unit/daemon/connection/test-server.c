// SPDX-License-Identifier: MIT
/* The listening socket: who is let in, and what happens when descriptors run out. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include "support/files.h"
#include "support/rig.h"

static const char *path;
static char buffer[TEXT_MAX];
static struct text why = TEXT_ON(buffer);

static void start(void)
{
	int fd;

	rig_start_simulation("[daemon]\nconnections-per-user = 10\n[region shm]\nsize = 1M\n"
			     "[grant all]\nregion = shm\nuser = *\naccess = rw\n");
	path = files_path("socket");
	fd = server_bind(path, 0666, &why);
	cr_assert_geq(fd, 0, "%s", buffer);
	cr_assert_eq(daemon_listen(&rig, fd), 0);
}

TestSuite(server, .init = start, .fini = rig_stop);

static int dial(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0, "%s",
		     strerror(errno));
	return fd;
}

static ssize_t say_hello(int fd)
{
	struct mmiod_msg_hello message = {
		.msg = { .size = sizeof(message),
			 .opcode = MMIOD_OP_HELLO,
			 .fixed = sizeof(message) },
		.version_min = 1,
		.version_max = 1,
		.max_message = MMIOD_MSG_MAX,
	};

	send(fd, &message, sizeof(message), MSG_NOSIGNAL);
	rig_turn();
	return client_receive(fd);
}

Test(server, knows_its_clients_by_the_kernels_word)
{
	int fd = dial();

	cr_assert_gt(say_hello(fd), 0);
	cr_assert_eq(answer.hello.uid, geteuid());
	cr_assert_eq(answer.hello.admin, geteuid() == 0);
	cr_assert_eq(rig.broker.host.connections->peer.holder.pid, (uint32_t)getpid());
	cr_assert_str_neq(rig.broker.host.connections->peer.holder.comm, "?");
	cr_assert_gt(rig.broker.host.connections->peer.subject.n_gids, 0u);
	close(fd);
}

Test(server, makes_the_socket_with_just_the_mode_that_was_asked_for)
{
	struct stat status;

	cr_assert_eq(stat(path, &status), 0);
	cr_assert_eq(status.st_mode & 0777, 0666u);
}

Test(server, refuses_to_take_a_socket_from_a_daemon_that_lives)
{
	cr_assert_eq(server_bind(path, 0600, &why), -EADDRINUSE);
	cr_assert_not_null(strstr(buffer, "another daemon"));
}

/* If it waited for room, this would never end: nobody accepts. */
Test(server, is_not_held_up_by_a_daemon_that_accepts_nobody, .timeout = 1200)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), clients[8], n = 0;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", files_path("full"));
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(listen(fd, 1), 0);
	do
		clients[n] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	while (connect(clients[n], (struct sockaddr *)&address, sizeof(address)) == 0 && ++n < 8);
	cr_assert_lt(n, 8, "its backlog is full");
	cr_assert_eq(server_bind(address.sun_path, 0600, &why), -EADDRINUSE);
}

Test(server, replaces_the_socket_of_a_daemon_that_died)
{
	const char *stale = files_path("stale");
	pid_t pid = fork();
	int fd;

	if (!pid)
		_exit(server_bind(stale, 0600, &why) < 0);
	cr_assert_eq(waitpid(pid, &fd, 0), pid);
	cr_assert_eq(fd, 0);
	fd = server_bind(stale, 0600, &why);
	cr_assert_geq(fd, 0, "%s", buffer);
	close(fd);
}

Test(server, never_removes_what_is_no_socket)
{
	const char *file = files_write("file", 0600, "precious");
	struct stat status;

	cr_assert_eq(server_bind(file, 0600, &why), -EEXIST);
	cr_assert_eq(stat(file, &status), 0);
	cr_assert_eq(symlink(file, files_path("link")), 0);
	cr_assert_eq(server_bind(files_path("link"), 0600, &why), -EEXIST);
	cr_assert_eq(lstat(files_path("link"), &status), 0);
}

Test(server, says_when_a_path_is_too_long)
{
	char longest[200];

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	cr_assert_eq(server_bind(longest, 0600, &why), -ENAMETOOLONG);
}

Test(server, turns_away_who_has_too_many_connections_and_says_why)
{
	int fds[10], fd;

	for (int i = 0; i < 10; i++) {
		fds[i] = dial();
		cr_assert_gt(say_hello(fds[i]), 0);
	}
	fd = dial();
	cr_assert_gt(say_hello(fd), 0, "the reason can be read although the daemon has hung up");
	cr_assert_eq(answer.msg.status, MMIOD_E_QUOTA);
	cr_assert_not_null(strstr(answer_text(answer.error.text), "connections-per-user"));
	cr_assert_eq(client_receive(fd), 0);
	close(fd);
	close(fds[0]);
	rig_turn();
	fd = dial();
	cr_assert_gt(say_hello(fd), 0);
	cr_assert_eq(answer.msg.status, MMIOD_OK, "room again");
	close(fd);
	for (int i = 1; i < 10; i++)
		close(fds[i]);
}

Test(server, a_client_that_sent_before_it_was_accepted_reads_the_refusal_without_a_reset)
{
	struct mmiod_msg status = { .size = sizeof(status),
				    .opcode = MMIOD_OP_STATUS,
				    .fixed = sizeof(status) };
	int fds[10], fd;

	for (int i = 0; i < 10; i++)
		fds[i] = dial();
	rig_turn();
	fd = dial();
	for (int i = 0; i < 5; i++)
		client_send(fd, &status, sizeof(status));
	rig_turn();
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.msg.status, MMIOD_E_QUOTA);
	cr_assert_eq(client_receive(fd), 0);
	close(fd);
	for (int i = 0; i < 10; i++)
		close(fds[i]);
}

static double cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

Test(server, out_of_descriptors_serves_those_it_has_and_does_not_spin)
{
	struct rlimit limit = { 0 };
	int good, waiting[6], fd;
	double before;

	good = dial();
	cr_assert_gt(say_hello(good), 0);
	for (int i = 0; i < 6; i++)
		waiting[i] = dial();
	fd = dup(0);
	limit.rlim_cur = limit.rlim_max = (rlim_t)fd; /* what is open stays; nothing new comes in */
	close(fd);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	before = cpu_seconds();
	rig_wait(300);
	cr_assert_lt(cpu_seconds() - before, 0.15, "%.3f s", cpu_seconds() - before);
	cr_assert_eq(rig.broker.host.n_connections, 1u);
	cr_assert_eq(client_status(good), MMIOD_OK);
	cr_assert_gt(client_receive(waiting[0]), 0);
	cr_assert_eq(answer.msg.status, MMIOD_E_RESOURCES);
	cr_assert_geq(rig.server.reserve_fd, 0, "the reserve is back");
	for (int i = 0; i < 6; i++)
		close(waiting[i]);
	fd = dial();
	rig_wait(200);
	cr_assert_gt(say_hello(fd), 0);
	close(fd);
	close(good);
}

Test(server, a_lease_fails_alone_when_descriptors_run_out)
{
	struct rlimit limit, old;
	int fd = dial(), next;

	cr_assert_gt(say_hello(fd), 0);
	getrlimit(RLIMIT_NOFILE, &old);
	next = dup(0);
	limit = (struct rlimit){ .rlim_cur = (rlim_t)next, .rlim_max = old.rlim_max };
	close(next);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	cr_assert_eq(client_lease_one(fd, 0, 4096, NULL), MMIOD_E_RESOURCES);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
	cr_assert_not(leases_count(&rig.broker.leases));
	cr_assert_eq(client_lease_one(fd, 0, 4096, NULL), MMIOD_OK);
	client_close_fds();
	close(fd);
}

/* ---- many users ------------------------------------------------------------------------------ */

#define FEW                                                                               \
	"[daemon]\nconnections = 10\nconnections-per-user = 9\n[region shm]\nsize = 1M\n" \
	"[grant g]\nregion = shm\nuser = 1000 1001 1002\naccess = rw\n"

static void with_few_places(void)
{
	rig_start_simulation(FEW);
	path = files_path("socket");
	cr_assert_eq(chmod(files_path(""), 0755), 0);
	cr_assert_eq(daemon_listen(&rig, server_bind(path, 0666, &why)), 0);
}

/* As another user. Only root can. */
static int dial_as(uid_t uid)
{
	int fd;

	if (geteuid() != 0)
		cr_skip_test("only root can be several users");
	cr_assert_eq(setegid(uid), 0);
	cr_assert_eq(seteuid(uid), 0);
	fd = dial();
	cr_assert_eq(seteuid(0), 0);
	cr_assert_eq(setegid(0), 0);
	return fd;
}

static void expect_refusal(int fd, uint32_t status, const char *words)
{
	rig_turn();
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.msg.status, status);
	cr_assert(strstr(answer_text(answer.error.text), words), "%s",
		  answer_text(answer.error.text));
}

Test(server, the_last_places_are_for_administrators, .init = with_few_places)
{
	int fds[9];

	for (int i = 0; i < 9; i++) {
		fds[i] = dial_as(1000 + (uid_t)i % 2);
		cr_assert_gt(say_hello(fds[i]), 0);
	}
	expect_refusal(dial_as(1002), MMIOD_E_QUOTA, "all users together");
	cr_assert_gt(say_hello(dial()), 0);
	cr_assert_eq(answer.hello.admin, 1u);
	cr_assert_eq(rig.broker.host.n_connections, 10u);
}

Test(server, an_administrator_has_the_place_of_who_is_idle_and_has_most, .init = with_few_places)
{
	int idle, busy, other, admin, last;

	busy = dial_as(1000);
	cr_assert_gt(say_hello(busy), 0);
	cr_assert_eq(client_lease_one(busy, 0, 4096, NULL), MMIOD_OK);
	idle = dial_as(1000);
	cr_assert_gt(say_hello(idle), 0);
	for (int i = 0; i < 6; i++)
		cr_assert_gt(say_hello(dial_as(1000)), 0);
	other = dial_as(1001);
	cr_assert_gt(say_hello(other), 0);
	admin = dial();
	cr_assert_gt(say_hello(admin), 0);
	last = dial();
	cr_assert_gt(say_hello(last), 0);
	cr_assert_eq(answer.msg.status, MMIOD_OK);
	cr_assert(client_is_hung_up(idle), "the oldest idle one");
	cr_assert_not(client_is_hung_up(busy), "it has a lease");
	cr_assert_not(client_is_hung_up(other));
	cr_assert_not(client_is_hung_up(admin));
}

Test(server, who_no_section_names_is_told_so_and_has_few_places, .init = with_few_places)
{
	int a = dial_as(4000), b = dial_as(4000), c = dial_as(4001);

	cr_assert_gt(say_hello(a), 0);
	cr_assert_gt(say_hello(b), 0);
	expect_refusal(dial_as(4000), MMIOD_E_QUOTA, "2 each");
	cr_assert_gt(say_hello(c), 0);
	cr_assert_eq(rig.broker.host.n_strangers, 3u);
	cr_assert_eq(client_status(a), MMIOD_OK);
	cr_assert_eq(client_explain(a, 0, "shm", MMIOD_RIGHT_READ, 0), MMIOD_OK);
	cr_assert_eq(client_list(a, MMIOD_OP_LEASES, 0), MMIOD_E_DENIED);
	cr_assert_eq(client_lease_one(a, 0, 4096, NULL), MMIOD_E_DENIED, "by the policy's words");
	rig_write_config(FEW "[grant h]\nregion = shm\nuser = 4001\naccess = r\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	cr_assert_eq(rig.broker.host.n_strangers, 2u, "a section names it now");
	rig.broker.host.connections->accepted_ms -= 10000;
	rig_wait(1100);
	cr_assert(client_is_hung_up(a), "its time is over");
	cr_assert_not(client_is_hung_up(b));
}

Test(server, descriptors_are_kept_for_administrators, .init = with_few_places)
{
	struct rlimit limit;
	int next = dup(0), fd;

	close(next);
	while (next < 10)
		next = dup(0);
	close(next);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = (rlim_t)next + 2; /* for both ends of one connection */
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	fd = dial_as(1000);
	expect_refusal(fd, MMIOD_E_RESOURCES, "few descriptors");
	close(fd);
	cr_assert_gt(say_hello(dial()), 0);
	cr_assert_eq(answer.msg.status, MMIOD_OK);
}

/* ---- the path -------------------------------------------------------------------------------- */

Test(server, one_that_stops_removes_its_own_socket_only)
{
	struct stat status;
	char lock[256];

	snprintf(lock, sizeof(lock), "%s.lock", path);
	cr_assert_eq(stat(lock, &status), 0);
	cr_assert_eq(server_bind(path, 0666, &why), -EADDRINUSE, "while it lives");
	cr_assert_eq(stat(path, &status), 0);
	/* Somebody else's, by the time that this one stops. */
	cr_assert_eq(unlink(path), 0);
	close(open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
	server_unbind(path);
	cr_assert_eq(stat(path, &status), 0, "not ours to remove");
	cr_assert_eq(stat(lock, &status), -1, "the lock is gone");
	cr_assert_eq(unlink(path), 0);
	cr_assert_geq(server_bind(path, 0666, &why), 0, "%s", buffer);
	server_unbind(path);
	cr_assert_eq(stat(path, &status), -1);
}
