/* SPDX-License-Identifier: MIT */
#include "support/fake.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 600000

static bool readable(const struct mmiod_client *client, int timeout)
{
	struct pollfd pfd = { .fd = mmiod_client_event_fd(client), .events = POLLIN };

	return poll(&pfd, 1, timeout) == 1 && pfd.revents & POLLIN;
}

/* The next event, which a program that sleeps in poll() is woken for. */
static struct mmiod_event take(struct mmiod_client *client, int timeout, const char *why)
{
	struct mmiod_event event;

	cr_assert(readable(client, timeout), "%s", why);
	cr_assert_eq(mmiod_client_next_event(client, &event), 1, "%s", why);
	return event;
}

/* In one burst: two events, the reply, another event. */
static void grant_amid_events(struct fake *fake)
{
	fake_accept(fake);
	fake_read(fake);
	fake_event(fake, MMIOD_EVENT_REVOKE_ASKED, 1, "root asks");
	fake_event(fake, MMIOD_EVENT_REVOKED, 1, "revoked by root");
	fake_grant(fake, fake->request, 5, NULL);
	fake_event(fake, MMIOD_EVENT_GONE, 2, "");
	fake_wait_hang_up(fake);
}

/* Who hung up before the last event would have the fake daemon die of it. */
static void leave_after_events(struct mmiod_client *client, struct fake *fake)
{
	while (take(client, PATIENCE_MS, "three are sent").type != MMIOD_EVENT_GONE)
		;
	fake_leave(fake, client);
}

/* What a program polls is made when it asks for it, and knows what has been held since. */
Test(event, held_before_the_descriptor_was_asked_for_wakes_the_program)
{
	struct mmiod_client *client;
	struct mmiod_event event;
	struct fake fake;
	int fd;

	client = fake_serve(&fake, grant_amid_events, NULL);
	lease_or_fail(client, 0, 0x1000, 0);
	cr_assert_lt(client->epoll, 0);
	cr_assert_lt(client->wake, 0);
	event = take(client, 0, "one is held already");
	cr_assert_eq(event.type, MMIOD_EVENT_REVOKE_ASKED);
	fd = mmiod_client_event_fd(client);
	cr_assert_eq(fd, mmiod_client_event_fd(client), "it is made once");
	take(client, 0, "one is still held");
	take(client, PATIENCE_MS, "one is in the socket");
	cr_assert_not(readable(client, 0));
	mmiod_client_free(client);
	fake_stop(&fake);
}

static int ask_in_child(struct mmiod_client *client)
{
	return mmiod_client_event_fd(client) == -EOWNERDEAD &&
			       strstr(mmiod_client_error(client), "connect again after fork")
		       ? 0
		       : 1;
}

Test(event, a_child_makes_no_descriptor_of_its_parents_client)
{
	struct mmiod_client *client;
	struct fake fake;
	int result;
	pid_t pid;

	client = fake_serve(&fake, grant_amid_events, NULL);
	pid = fork();
	if (!pid)
		_exit(ask_in_child(client));
	waitpid(pid, &result, 0);
	cr_assert_eq(result, 0);
	cr_assert_lt(client->epoll, 0);
	lease_or_fail(client, 0, 0x1000, 0);
	leave_after_events(client, &fake);
}

/* Not 0, by which the poll() of the thread that serves would be refused as well. */
static rlim_t lowest_free(void)
{
	int fd = dup(STDIN_FILENO);

	cr_assert_geq(fd, 1);
	close(fd);
	return (rlim_t)fd;
}

Test(event, without_descriptors_left_the_first_asking_is_told)
{
	struct rlimit limit, none;
	struct mmiod_client *client;
	struct fake fake;

	client = fake_serve(&fake, grant_amid_events, NULL);
	lease_or_fail(client, 0, 0x1000, 0);
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){ lowest_free(), limit.rlim_max };
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	cr_assert_eq(mmiod_client_event_fd(client), -EMFILE);
	cr_assert_not_null(strstr(mmiod_client_error(client), "event descriptor"));
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	cr_assert_geq(mmiod_client_event_fd(client), 0);
	cr_assert(readable(client, 0), "and nothing is lost");
	leave_after_events(client, &fake);
}

/*
 * The library reads the two events while it waits for its reply; then the socket has nothing left
 * of them, and yet a program that goes to sleep in poll() must wake up.
 */
Test(event, held_aside_in_a_request_wakes_the_program)
{
	struct mmiod_client *client;
	struct mmiod_event event;
	struct mmiod_lease *lease;
	struct fake fake;

	client = fake_serve(&fake, grant_amid_events, NULL);
	cr_assert_not(readable(client, 0));
	lease = lease_or_fail(client, 0, 0x1000, 0);

	event = take(client, PATIENCE_MS, "it is told");
	cr_assert_eq(event.type, MMIOD_EVENT_REVOKE_ASKED);
	cr_assert_eq(event.lease, 1);
	cr_assert_str_eq(event.text, "root asks");
	event = take(client, 0, "one is still held");
	cr_assert_eq(event.type, MMIOD_EVENT_REVOKED);
	cr_assert_str_eq(event.text, "revoked by root");
	event = take(client, PATIENCE_MS, "one is in the socket");
	cr_assert_eq(event.type, MMIOD_EVENT_GONE);
	cr_assert_eq(event.lease, 2);
	cr_assert_str_empty(event.text);
	cr_assert_not(readable(client, 0), "nothing is left, and poll() does not sleep");
	cr_assert_eq(mmiod_client_next_event(client, &event), 0);
	mmiod_lease_free(lease);
	fake_leave(&fake, client);
}

static void *wait_for_event(void *argument)
{
	return (void *)(uintptr_t)readable(argument, PATIENCE_MS);
}

static void grant_when_polled(struct fake *fake)
{
	fake_accept(fake);
	usleep(50000);
	fake_event(fake, MMIOD_EVENT_SUSPENDED, 1, "");
	fake_wait_hang_up(fake);
}

Test(event, wakes_a_program_that_sleeps_in_poll)
{
	struct mmiod_client *client;
	struct mmiod_event event;
	pthread_t sleeper;
	struct fake fake;
	void *woken;

	client = fake_serve(&fake, grant_when_polled, NULL);
	pthread_create(&sleeper, NULL, wait_for_event, client);
	pthread_join(sleeper, &woken);
	cr_assert(woken);
	cr_assert_eq(mmiod_client_next_event(client, &event), 1);
	cr_assert_eq(event.type, MMIOD_EVENT_SUSPENDED);
	fake_leave(&fake, client);
}

static void flood(struct fake *fake)
{
	fake_accept(fake);
	fake_read(fake);
	for (uint64_t i = 0; i < 100; i++)
		fake_event(fake, MMIOD_EVENT_RESUMED, i, "");
	fake_refuse(fake, MMIOD_E_BUSY, "");
	fake_wait_hang_up(fake);
}

Test(event, none_of_many_is_lost_or_reordered)
{
	struct mmiod_client *client;
	struct mmiod_event event;
	struct mmiod_lease *lease;
	struct fake fake;

	client = fake_serve(&fake, flood, NULL);
	cr_assert_eq(mmiod_client_lease(client, "shm", 0, 0, 0, &lease), -EBUSY);
	for (uint64_t i = 0; i < 100; i++) {
		event = take(client, 0, "it is told");
		cr_assert_eq(event.lease, i);
	}
	cr_assert_eq(mmiod_client_next_event(client, &event), 0);
	cr_assert_not(readable(client, 0));
	fake_leave(&fake, client);
}

static void send_unknown_events(struct fake *fake)
{
	char text[380];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	fake_accept(fake);
	fake_event(fake, 99, 1, "from the future");
	fake_event(fake, 0, 1, "");
	fake_event(fake, MMIOD_EVENT_REVOKED, 3, text);
	fake_wait_hang_up(fake);
}

Test(event, of_an_unknown_type_is_skipped_and_a_long_text_cut)
{
	struct mmiod_client *client;
	struct mmiod_event event;
	struct fake fake;

	client = fake_serve(&fake, send_unknown_events, NULL);
	while (mmiod_client_next_event(client, &event) == 0)
		cr_assert(readable(client, PATIENCE_MS));
	cr_assert_eq(event.lease, 3);
	cr_assert_eq(strlen(event.text), sizeof(event.text) - 1);
	fake_leave(&fake, client);
}

static void tell_and_die(struct fake *fake)
{
	fake_accept(fake);
	fake_event(fake, MMIOD_EVENT_REVOKED, 1, "");
	fake_hang_up(fake);
	fake_accept(fake);
	fake_read(fake);
	fake_refuse(fake, MMIOD_E_BUSY, "");
	fake_event(fake, MMIOD_EVENT_REVOKED, 2, "");
	fake_wait_hang_up(fake);
}

Test(event, of_a_dead_daemon_is_delivered_before_its_death)
{
	struct mmiod_client *client;
	struct mmiod_event event;
	struct mmiod_lease *lease;
	struct fake fake;

	client = fake_serve(&fake, tell_and_die, NULL);
	event = take(client, PATIENCE_MS, "it is told");
	cr_assert_eq(event.lease, 1);
	cr_assert(readable(client, PATIENCE_MS), "its death is news too");
	cr_assert_eq(mmiod_client_next_event(client, &event), -ECONNRESET);
	cr_assert_not(readable(client, 0), "poll() spins on a dead daemon");
	cr_assert_eq(mmiod_client_next_event(client, &event), 0);
	cr_assert_eq(mmiod_client_lease(client, "shm", 0, 0, 0, &lease), -EBUSY);
	event = take(client, PATIENCE_MS, "the descriptor is for the new connection too");
	cr_assert_eq(event.lease, 2);
	fake_leave(&fake, client);
}

static void die_when_told(struct fake *fake)
{
	fake_accept(fake);
	pthread_barrier_wait(fake->argument);
	fake_hang_up(fake);
}

/*
 * A child keeps a copy of the socket open: closing
 * ours does not take it out of the poll set by itself.
 */
Test(event, descriptor_is_quiet_after_a_death_even_if_a_child_has_the_socket)
{
	struct mmiod_client *client;
	pthread_barrier_t barrier;
	struct mmiod_event event;
	struct fake fake;
	pid_t pid;

	pthread_barrier_init(&barrier, NULL, 2);
	client = fake_serve(&fake, die_when_told, &barrier);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* Only the client's end: the daemon's would keep the connection alive. */
		close(fake.sock);
		pause();
	}
	pthread_barrier_wait(&barrier);
	cr_assert(readable(client, PATIENCE_MS));
	cr_assert_eq(mmiod_client_next_event(client, &event), -ECONNRESET);
	cr_assert_not(readable(client, 0), "poll() spins on a socket that only the child has");
	fake_leave(&fake, client);
	kill(pid, SIGKILL);
}

static void send_event_with_files(struct fake *fake)
{
	struct mmiod_msg_event event = { .msg = { .size = sizeof(event),
						  .opcode = MMIOD_OP_EVENT,
						  .flags = MMIOD_MSG_EVENT,
						  .fds = 2,
						  .fixed = sizeof(event) },
					 .type = MMIOD_EVENT_REVOKED };
	int fds[2] = { memory_file(1), memory_file(1) };

	fake_accept(fake);
	fake_send(fake, &event, sizeof(event), fds, 2);
	close(fds[0]);
	close(fds[1]);
	fake_wait_hang_up(fake);
}

Test(event, files_that_come_with_one_are_closed)
{
	size_t files = open_files();
	struct mmiod_client *client;
	struct fake fake;

	client = fake_serve(&fake, send_event_with_files, NULL);
	cr_assert_eq(take(client, PATIENCE_MS, "it is told").type, MMIOD_EVENT_REVOKED);
	fake_leave(&fake, client);
	cr_assert_eq(open_files(), files);
}

static void send_rubbish(struct fake *fake)
{
	fake_accept(fake);
	fake_send(fake, "rubbish", 7, NULL, 0);
	fake_wait_hang_up(fake);
}

Test(event, rubbish_ends_the_connection)
{
	struct mmiod_client *client;
	struct mmiod_event event;
	struct fake fake;

	client = fake_serve(&fake, send_rubbish, NULL);
	cr_assert(readable(client, PATIENCE_MS));
	cr_assert_eq(mmiod_client_next_event(client, &event), -EPROTO);
	cr_assert_not(readable(client, 0));
	fake_leave(&fake, client);
}
