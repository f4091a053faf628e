// SPDX-License-Identifier: MIT
/* What the journal gets: a socket of the test's own stands for journald. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "daemon/base/log.h"
#include "daemon/connection/audit.h"
#include "daemon/connection/journal.h"
#include "support/files.h"
#include "support/rig.h"

static int journald = -1;
static char got[8192]; /* the last datagram, with a line's end before it */

static void listen_as_journald(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", files_path("journal"));
	journald = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(journald, (struct sockaddr *)&address, sizeof(address)), 0);
	log_to_journal(address.sun_path);
}

/* The next datagram, or "". */
static const char *next_line(void)
{
	ssize_t n = recv(journald, got + 1, sizeof(got) - 2, 0);

	got[0] = '\n';
	got[n < 0 ? 0 : n + 1] = '\0';
	return got;
}

static bool has(const char *field)
{
	char line[300];

	snprintf(line, sizeof(line), "\n%s\n", field);
	return strstr(got, line) != NULL;
}

#define cr_expect_has(field) cr_assert(has(field), "no %s in:%s", field, got)

static void expect_line(const char *message_id)
{
	char field[64];

	snprintf(field, sizeof(field), "MESSAGE_ID=%s", message_id);
	next_line();
	cr_assert(has(field), "not of %s:%s", message_id, got);
}

static void drain(void)
{
	while (*next_line())
		;
}

static void start(void)
{
	rig_start("[daemon]\nleases-per-user = 200\n"
		  "[region shm]\nphys = 0xf8000000\nsize = 1M\n"
		  "[grant writers]\nregion = shm\nuser = 1000\naccess = rw\nshare = shared-write\n"
		  "[grant readers]\nregion = shm\nuser = 1001\nshare = shared-write\n");
	listen_as_journald();
}

static void stop(void)
{
	rig_stop();
	close(journald);
}

TestSuite(journal, .init = start, .fini = stop);

/* ---- lines and their fields ------------------------------------------------------------------ */

Test(journal, each_grant_to_write_has_a_line_that_names_the_rule)
{
	struct mmiod_wire_want wants[2] = {
		want("shm", 0x1000, 0x20, MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE, MMIOD_SHARE_WRITE),
		want("shm", 0x2000, 0x40, MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE, MMIOD_SHARE_WRITE),
	};
	int fd = client_hello(1000);
	char pid[32];

	cr_assert_eq(client_lease(fd, wants, 2, 0), MMIOD_OK);
	expect_line(LOG_ID_GRANT);
	snprintf(pid, sizeof(pid), "MMIOD_PID=%d", getpid());
	cr_expect_has(pid);
	cr_expect_has("PRIORITY=6");
	cr_expect_has("SYSLOG_IDENTIFIER=mmiod");
	cr_expect_has("MMIOD_UID=1000");
	cr_expect_has("MMIOD_REGION=shm");
	cr_expect_has("MMIOD_RULE=writers");
	cr_expect_has("MMIOD_ACCESS=rw");
	cr_expect_has("MMIOD_LEASE=1");
	cr_expect_has("MMIOD_OFFSET=4096");
	cr_expect_has("MMIOD_LENGTH=32");
	cr_assert_not_null(strstr(got, "\nMMIOD_COMM="));
	expect_line(LOG_ID_GRANT);
	cr_expect_has("MMIOD_LEASE=2");
	cr_expect_has("MMIOD_LENGTH=64");
}

Test(journal, grants_to_read_share_a_line)
{
	struct mmiod_wire_want wants[3];
	int fd = client_hello(1001);

	for (int i = 0; i < 3; i++)
		wants[i] = want("shm", i * 64u, 64, MMIOD_RIGHT_READ, MMIOD_SHARE_WRITE);
	cr_assert_eq(client_lease(fd, wants, 3, 0), MMIOD_OK);
	expect_line(LOG_ID_GRANT);
	cr_expect_has("MMIOD_ACCESS=r");
	cr_expect_has("MMIOD_RULE=readers");
	cr_assert_not_null(strstr(got, ", and 2 more\n"));
	cr_assert_str_eq(next_line(), "");
}

Test(journal, a_denial_says_what_was_asked_for_and_by_whom)
{
	struct mmiod_wire_want wants =
		want("shm", 0x100, 0x10, MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE, MMIOD_SHARE_WRITE);
	int fd = client_hello(1001);

	client_lease(fd, &wants, 1, 0);
	expect_line(LOG_ID_DENIAL);
	cr_expect_has("PRIORITY=5");
	cr_expect_has("MMIOD_UID=1001");
	cr_expect_has("MMIOD_REGION=shm");
	cr_expect_has("MMIOD_OFFSET=256");
	cr_expect_has("MMIOD_LENGTH=16");
	cr_expect_has("MMIOD_ACCESS=rw");
}

Test(journal, a_refusal_by_a_limit_names_its_key)
{
	struct mmiod_wire_want wants = want("shm", 0, 16, MMIOD_RIGHT_READ, MMIOD_SHARE_WRITE);
	int fd;

	rig_write_config("[daemon]\nleases-per-user = 1\n[region shm]\nphys = 0xf8000000\nsize = "
			 "1M\n[grant readers]\nregion = shm\nuser = 1001\nshare = shared-write\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	drain();
	fd = client_hello(1001);
	client_lease(fd, &wants, 1, 0);
	client_lease(fd, &wants, 1, 0);
	expect_line(LOG_ID_GRANT);
	expect_line(LOG_ID_QUOTA);
	cr_expect_has("MMIOD_LIMIT=leases-per-user");
	cr_expect_has("MMIOD_UID=1001");
}

Test(journal, a_revocation_names_lease_holder_and_cause)
{
	int fd = client_hello(1000), admin = client_hello(0);
	uint64_t lease;

	cr_assert_eq(client_lease_one(fd, 0, 4096, &lease), MMIOD_OK);
	drain();
	cr_assert_eq(client_end(admin, MMIOD_OP_REVOKE, lease), MMIOD_OK);
	expect_line(LOG_ID_REVOKE);
	cr_expect_has("MMIOD_CAUSE=administrator");
	cr_expect_has("MMIOD_LEASE=1");
	cr_expect_has("MMIOD_UID=1000");
	cr_expect_has("MMIOD_REGION=shm");
	cr_assert_str_eq(next_line(), "", "once");
	cr_assert_eq(rig.broker.host.counters.revocations[MMIOD_CAUSE_ADMIN], 1u);
}

Test(journal, a_revocation_that_the_holder_obeys_is_told_as_well)
{
	int fd = client_hello(1000), admin = client_hello(0);
	uint64_t leases[2];

	cr_assert_eq(client_lease_one(fd, 0, 4096, &leases[0]), MMIOD_OK);
	cr_assert_eq(client_lease_one(fd, 4096, 4096, &leases[1]), MMIOD_OK);
	drain();
	send_end(admin, MMIOD_OP_REVOKE, 60000, leases, 2);
	rig_turn();
	cr_assert_str_eq(next_line(), "", "it was only asked");
	while (client_receive(fd) > 0) /* it hears of it */
		;
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, leases[0]), MMIOD_OK);
	expect_line(LOG_ID_REVOKE);
	cr_expect_has("MMIOD_CAUSE=obeyed");
	cr_expect_has("MMIOD_LEASE=1");
	fake_close_window(&rig_fake, leases[1]); /* the other way to obey */
	events_drain(&rig.broker);
	expect_line(LOG_ID_REVOKE);
	cr_expect_has("MMIOD_CAUSE=obeyed");
	cr_expect_has("MMIOD_LEASE=2");
	cr_assert_eq(rig.broker.host.counters.revocations[MMIOD_CAUSE_OBEYED], 2u);
}

Test(journal, a_deadline_that_passes_is_the_administrators_doing)
{
	int fd = client_hello(1000), admin = client_hello(0);
	uint64_t lease;

	cr_assert_eq(client_lease_one(fd, 0, 4096, &lease), MMIOD_OK);
	drain();
	send_end(admin, MMIOD_OP_REVOKE, 20, &lease, 1);
	rig_wait(100);
	expect_line(LOG_ID_REVOKE);
	cr_expect_has("MMIOD_CAUSE=administrator");
	cr_assert_str_eq(next_line(), "", "once");
}

Test(journal, a_time_that_is_over_is_told_and_counted)
{
	struct mmiod_wire_want wants = want("shm", 0, 16, MMIOD_RIGHT_READ, MMIOD_SHARE_WRITE);
	int fd = client_hello(1001);

	wants.lease_ms = 100;
	cr_assert_eq(client_lease(fd, &wants, 1, 0), MMIOD_OK);
	drain();
	for (int i = 0; i < 500 && !*next_line(); i++)
		rig_wait(20);
	cr_expect_has("MMIOD_CAUSE=expired");
	cr_expect_has("MMIOD_LEASE=1");
	cr_assert_eq(rig.broker.host.counters.revocations[MMIOD_CAUSE_EXPIRED], 1u);
}

Test(journal, a_device_that_goes_is_told_with_what_it_takes_along)
{
	int fd = client_hello(1000);

	cr_assert_eq(client_lease_one(fd, 0, 4096, NULL), MMIOD_OK);
	drain();
	fake_remove_device(&rig_fake, "shm");
	events_drain(&rig.broker);
	expect_line(LOG_ID_GONE);
	cr_expect_has("MMIOD_REGION=shm");
	cr_assert_not_null(strstr(got, "\nMMIOD_DEVICE="));
	expect_line(LOG_ID_REVOKE);
	cr_expect_has("MMIOD_CAUSE=gone");
}

Test(journal, a_configuration_is_told_whether_it_is_good_or_not)
{
	drain();
	cr_assert_eq(daemon_reload(&rig), 0);
	expect_line(LOG_ID_CONFIG);
	cr_expect_has("PRIORITY=6");
	rig_write_config("[nonsense]\n");
	daemon_reload(&rig);
	expect_line(LOG_ID_CONFIG);
	cr_expect_has("PRIORITY=3");
	cr_assert_eq(rig.broker.host.counters.reloads, 1u);
	cr_assert_eq(rig.broker.host.counters.failed_reloads, 1u);
}

/* ---- too much of it -------------------------------------------------------------------------- */

Test(journal, what_one_user_provokes_is_bounded_and_the_rest_is_counted)
{
	struct mmiod_wire_want wants =
		want("shm", 0, 16, MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE, MMIOD_SHARE_WRITE);
	int bad = client_hello(1001), good = client_hello(1000);
	unsigned int lines = 0;
	uint64_t held_back;

	drain();
	for (int i = 0; i < 500; i++) {
		client_lease(bad, &wants, 1, 0);
		while (*next_line())
			lines++;
	}
	held_back = rig.broker.host.counters.lines_held_back;
	cr_assert_geq(lines, 20u);
	cr_assert_lt(lines, 500u);
	cr_assert_eq(lines + held_back, 500u);
	cr_assert_eq(client_lease_one(good, 0, 16, NULL), MMIOD_OK);
	expect_line(LOG_ID_GRANT);
	cr_expect_has("MMIOD_UID=1000");
	event_active(&rig.broker.host.summary, 0, 0);
	rig_turn();
	expect_line(LOG_ID_HELD_BACK);
	cr_assert_not_null(strstr(got, " lines about uid 1001\n"));
	event_active(&rig.broker.host.summary, 0, 0);
	rig_turn();
	cr_assert_str_eq(next_line(), "", "once");
}

static unsigned int count_lines(const char *words)
{
	unsigned int lines = 0;

	while (*next_line())
		lines += strstr(got, words) != NULL;
	return lines;
}

Test(journal, leases_that_end_with_their_connection_are_told_as_their_holders_pace_admits)
{
	const struct mmiod_wire_want wants = {
		.region = "shm",
		.length = 16,
		.rights = MMIOD_RIGHT_READ,
		.share = MMIOD_SHARE_WRITE,
		.flags = MMIOD_LEASE_CONNECTION,
	};
	unsigned int lines = 0;

	for (int i = 0; i < 400; i++) {
		int fd = client_hello(1001);

		client_lease(fd, &wants, 1, 0);
		drain();
		client_close_fds();
		close(fd);
		rig_turn();
		lines += count_lines("MMIOD_CAUSE=connection");
		fake_close_window(&rig_fake, rig_fake.last_window);
		events_drain(&rig.broker);
	}
	cr_assert_geq(lines, 16u);
	cr_assert_lt(lines, 400u);
	cr_assert_eq(rig.broker.host.counters.revocations[MMIOD_CAUSE_CONNECTION], 400u,
		     "all count");
}

Test(journal, register_writes_at_the_end_are_told_as_their_holders_pace_admits)
{
	struct mmiod_wire_want wants =
		want("shm", 0, 16, MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE, MMIOD_SHARE_WRITE);
	int fd = client_hello(1000);
	unsigned int lines = 0;

	wants.n_on_end = 2;
	wants.on_end[0].width = wants.on_end[1].width = 4;
	for (int i = 0; i < 300; i++) {
		cr_assert_eq(client_lease(fd, &wants, 1, 0), MMIOD_OK);
		client_close_fds();
		fake_close_window(&rig_fake, rig_fake.last_window);
		events_drain(&rig.broker);
		lines += count_lines("has ended: wrote");
	}
	cr_assert_eq(rig_fake.n_writes, 600u, "all are done");
	cr_assert_geq(lines, 16u);
	cr_assert_lt(lines, 600u);
}

/* ---- what is audited ------------------------------------------------------------------------- */

/* However many grants somebody provokes before, a grant of another region is told at once. */
Test(journal, nobody_can_keep_a_grant_out_of_it)
{
	struct mmiod_wire_want many =
		want("shm", 0, 16, MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE, MMIOD_SHARE_WRITE);
	struct mmiod_wire_want one =
		want("other", 0, 16, MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE, MMIOD_SHARE_WRITE);
	unsigned int lines;
	int fd;

	rig_write_config("[region shm]\nphys = 0xf8000000\nsize = 1M\n"
			 "[region other]\nphys = 0xf9000000\nsize = 1M\n"
			 "[grant all]\nregion = *\nuser = *\naccess = rw\nshare = shared-write\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	fd = client_hello(1001);
	for (int i = 0; i < 200; i++)
		cr_assert_eq(client_lease(fd, &many, 1, 0), MMIOD_OK);
	client_close_fds();
	lines = count_lines("MMIOD_REGION=shm");
	cr_assert_lt(lines, 200u);
	cr_assert_eq(client_lease(fd, &one, 1, 0), MMIOD_OK);
	expect_line(LOG_ID_GRANT);
	cr_expect_has("MMIOD_REGION=other");
	/* And what was put off is counted in one line. */
	rig_wait(1100);
	next_line();
	cr_assert_not_null(strstr(got, " more of shm, read-write, by grant all: leases "), "%s",
			   got);
	cr_expect_has("MMIOD_REGION=shm");
	cr_assert_eq(rig.broker.host.counters.lines_held_back, 0u);
}

Test(journal, what_was_put_off_is_told_when_the_daemon_stops)
{
	struct mmiod_wire_want many =
		want("shm", 0, 16, MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE, MMIOD_SHARE_WRITE);
	int fd = client_hello(1000);

	for (int i = 0; i < 100; i++)
		cr_assert_eq(client_lease(fd, &many, 1, 0), MMIOD_OK);
	drain();
	audit_stop(&rig.broker.host);
	next_line();
	cr_assert_not_null(strstr(got, " more of shm"), "%s", got);
}

Test(journal, the_last_grants_are_kept_for_who_may_see_them)
{
	int mine = client_hello(1000), other = client_hello(1001), admin = client_hello(0);
	struct mmiod_wire_want reads = want("shm", 64, 16, MMIOD_RIGHT_READ, MMIOD_SHARE_WRITE);
	const struct mmiod_wire_logged *logged;

	for (uint64_t i = 0; i < 3; i++)
		cr_assert_eq(client_lease_one(mine, i * 16, 16, NULL), MMIOD_OK);
	cr_assert_eq(client_lease(other, &reads, 1, 0), MMIOD_OK);
	cr_assert_eq(client_list(mine, MMIOD_OP_LOG, 0), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 3u);
	logged = answer_element(2);
	cr_assert_eq(logged->number, 3u);
	cr_assert_eq(logged->uid, 1000u);
	cr_assert_eq(logged->offset, 32u);
	cr_assert_str_eq(logged->region, "shm");
	cr_assert_neq(logged->grant[0], '\0');
	cr_assert_eq(client_list(admin, MMIOD_OP_LOG, 1), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 3u, "all behind the first");
}

Test(journal, of_the_last_grants_the_oldest_go_first)
{
	int fd = client_hello(1000);
	const struct mmiod_wire_logged *logged;
	uint64_t cursor = 0;
	size_t n = 0;

	for (unsigned int i = 0; i < AUDIT_KEPT + 10; i++) {
		cr_assert_eq(client_lease_one(fd, 0, 16, NULL), MMIOD_OK);
		client_close_fds();
		fake_close_window(&rig_fake, rig_fake.last_window);
		events_drain(&rig.broker);
	}
	do {
		cr_assert_eq(client_list(fd, MMIOD_OP_LOG, cursor), MMIOD_OK);
		for (size_t i = 0; i < answer.msg.count; i++, n++) {
			logged = answer_element(i);
			cr_assert_eq(logged->number, n + 11);
		}
		cursor = answer.list.cursor;
	} while (answer.msg.flags & MMIOD_MSG_MORE);
	cr_assert_eq(n, AUDIT_KEPT);
}

Test(journal, a_client_cannot_write_fields_of_its_own)
{
	struct holder holder = { .uid = 1, .pid = 1, .comm = "a\nMMIOD_UID=0\x7f" };
	const struct log_fields fields = { .holder = &holder };

	drain();
	log_line(LOG_NOTICE, &fields, "one\ntwo=%s", "3\x1b");
	next_line();
	cr_expect_has("MMIOD_COMM=a?MMIOD_UID=0?");
	cr_expect_has("MESSAGE=one?two=3?");
	cr_expect_has("MMIOD_UID=1");
}

Test(journal, a_message_that_is_too_long_is_cut_and_leaves_the_fields_whole)
{
	struct holder holder = { .uid = 7, .pid = 1, .comm = "x" };
	const struct log_fields fields = { .message_id = LOG_ID_GRANT, .holder = &holder };
	char text[6000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	drain();
	log_line(LOG_NOTICE, &fields, "%s", text);
	expect_line(LOG_ID_GRANT);
	cr_expect_has("MMIOD_UID=7");
	cr_assert_lt(strlen(got), 4096u);
}

/* ---- no journal ------------------------------------------------------------------------------ */

static int swap_stderr(int fd)
{
	int old = dup(STDERR_FILENO);

	dup2(fd, STDERR_FILENO);
	return old;
}

/* If it waited, this would never end: nobody reads. */
Test(journal, one_that_does_not_read_does_not_stop_the_daemon, .timeout = 1200)
{
	int fd = client_hello(1000), ends[2], old;

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	old = swap_stderr(ends[1]);
	for (int i = 0; i < 20000; i++)
		log_line(LOG_NOTICE, NULL, "line %d", i);
	dup2(old, STDERR_FILENO);
	cr_assert_eq(client_status(fd), MMIOD_OK);
}

Test(journal, without_journald_lines_go_to_stderr_in_the_form_of_its_stream)
{
	char line[200] = "";
	int ends[2], old;

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	close(journald);
	journald = -1;
	old = swap_stderr(ends[1]);
	log_line(LOG_WARNING, NULL, "hello");
	dup2(old, STDERR_FILENO);
	cr_assert_gt(read(ends[0], line, sizeof(line) - 1), 0);
	cr_assert_str_eq(line, "<4>hello\n");
}

Test(journal, a_stderr_that_nobody_reads_does_not_stop_the_daemon_either, .timeout = 1200)
{
	int ends[2], old;

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	close(journald);
	journald = -1;
	old = swap_stderr(ends[1]);
	for (int i = 0; i < 20000; i++)
		log_line(LOG_NOTICE, NULL, "line %d", i);
	close(ends[0]);
	for (int i = 0; i < 10; i++)
		log_line(LOG_NOTICE, NULL, "line %d", i);
	dup2(old, STDERR_FILENO);
}
