// SPDX-License-Identifier: MIT
/* What the service manager is told, and the socket that it hands over. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include "daemon/service.h"
#include "support/files.h"
#include "support/rig.h"

static int manager = -1;
static struct service service;

static void listen_as_manager(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", files_path("notify"));
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(manager, (struct sockaddr *)&address, sizeof(address)), 0);
	setenv("NOTIFY_SOCKET", address.sun_path, 1);
}

static void start(void)
{
	rig_start("[region shm]\nphys = 0xf8000000\nsize = 1M\n[grant a]\nregion = shm\nuser = "
		  "*\naccess = rw\n");
	listen_as_manager();
}

static void stop(void)
{
	service_stop(&service);
	close(manager);
	rig_stop();
}

TestSuite(service, .init = start, .fini = stop);

/* The next thing that the manager hears, or "". */
static const char *heard(void)
{
	static char buffer[4096];
	ssize_t n = recv(manager, buffer, sizeof(buffer) - 1, 0);

	buffer[n < 0 ? 0 : n] = '\0';
	return buffer;
}

Test(service, is_ready_and_says_what_it_has)
{
	service_start(&service, &rig);
	cr_assert_str_eq(heard(), "READY=1");
	cr_assert_str_eq(heard(), "STATUS=1 regions (0 missing), 0 leases, 0 clients");
	cr_assert_str_eq(heard(), "");
}

Test(service, repeats_its_status_only_when_it_has_changed)
{
	int fd;

	service_start(&service, &rig);
	heard();
	heard();
	event_active(&service.status, 0, 0);
	rig_turn();
	cr_assert_str_eq(heard(), "");
	fd = client_hello(1000);
	cr_assert_eq(client_lease_one(fd, 0, 4096, NULL), MMIOD_OK);
	event_active(&service.status, 0, 0);
	rig_turn();
	cr_assert_str_eq(heard(), "STATUS=1 regions (0 missing), 1 leases, 1 clients");
	close(fd);
}

Test(service, says_that_an_older_configuration_is_in_force)
{
	service_start(&service, &rig);
	heard();
	heard();
	rig_write_config("[nonsense]\n");
	service_reloading();
	cr_assert_eq(strncmp(heard(), "RELOADING=1\nMONOTONIC_USEC=", 27), 0);
	daemon_reload(&rig);
	service_ready(&service);
	cr_assert_str_eq(heard(), "READY=1");
	cr_assert_not_null(strstr(heard(), "an older configuration is in force: "));
}

/*
 * When the timer next fires says what it is set to; how punctual this machine is does not matter.
 */
Test(service, feeds_the_watchdog_at_half_its_time)
{
	/*
	 * libevent tells the time of a monotonic timer by the other clock: a little apart, but
	 * never this much.
	 */
	const long latest_us = 50000 + 30000;
	struct timeval now, due, left;
	unsigned int fed = 0;
	const char *message;
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	setenv("WATCHDOG_USEC", "100000", 1);
	setenv("WATCHDOG_PID", pid, 1);
	service_start(&service, &rig);
	evutil_gettimeofday(&now, NULL);
	cr_assert(event_pending(&service.watchdog, EV_TIMEOUT, &due));
	evutil_timersub(&due, &now, &left);
	cr_assert_leq(left.tv_sec * 1000000 + left.tv_usec, latest_us, "later than half its time");
	for (int i = 0; i < 500 && fed < 3; i++) {
		rig_wait(20);
		while (*(message = heard()))
			fed += !strcmp(message, "WATCHDOG=1");
	}
	cr_assert_geq(fed, 3u, "and again and again");
}

Test(service, has_no_watchdog_unless_asked_for)
{
	service_start(&service, &rig);
	cr_assert_not(event_pending(&service.watchdog, EV_TIMEOUT, NULL));
}

enum taken { TAKEN, REFUSED, NEITHER };

/*
 * In a process of its own: descriptor 3, where the manager puts the socket, is something else's
 * here.
 */
static enum taken hand_over(int fd)
{
	char buffer[TEXT_MAX] = "", pid[16];
	struct text why = TEXT_ON(buffer);
	pid_t child = fork();
	int status, r;

	if (child) {
		cr_assert_eq(waitpid(child, &status, 0), child);
		return (enum taken)WEXITSTATUS(status);
	}
	snprintf(pid, sizeof(pid), "%d", getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	dup2(fd, 3);
	r = service_listen_fd(&why);
	if (r == 3)
		_exit(TAKEN);
	_exit(r == -EINVAL && strstr(buffer, "ListenSequentialPacket") ? REFUSED : NEITHER);
}

Test(service, takes_the_socket_that_the_manager_opened)
{
	char buffer[TEXT_MAX];
	struct text why = TEXT_ON(buffer);

	service_start(&service, &rig);
	cr_assert_eq(hand_over(server_bind(files_path("socket"), 0666, &why)), TAKEN);
}

Test(service, refuses_a_socket_of_another_kind)
{
	service_start(&service, &rig);
	cr_assert_eq(hand_over(socket(AF_UNIX, SOCK_STREAM, 0)), REFUSED);
	cr_assert_eq(hand_over(socket(AF_UNIX, SOCK_SEQPACKET, 0)), REFUSED, "it does not listen");
}

Test(service, binds_its_own_socket_without_a_manager)
{
	char buffer[TEXT_MAX];
	struct text why = TEXT_ON(buffer);

	service_start(&service, &rig);
	cr_assert_eq(service_listen_fd(&why), -ENOENT);
}
