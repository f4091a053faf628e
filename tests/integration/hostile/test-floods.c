// SPDX-License-Identifier: MIT
/*
 * Too much of something: the daemon's memory and
 * descriptors stay flat, and others are served meanwhile.
 */
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

static bool try_send(int fd, const union request *request)
{
	return send(fd, request, request->head.size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

static void expect_flat(const struct health *before, unsigned int fds)
{
	const char *setting = getenv("MMIOD_RSS_SLACK_KIB");
	long slack = setting ? atol(setting) : 1024;
	struct health now = health_read();

	if (now.rss_kib > before->rss_kib + slack)
		FAIL("the daemon grew from %ld KiB to %ld KiB", before->rss_kib, now.rss_kib);
	if (now.fds > before->fds + fds)
		FAIL("the daemon has %u descriptors more, not at most %u", now.fds - before->fds,
		     fds);
}

/* Sends whenever the socket takes it, and reads nothing. */
static void flood(void *data)
{
	const union request *request = data;
	int fd = connect_greeted();

	for (;;) {
		struct pollfd writable = { .fd = fd, .events = POLLOUT };

		if (!try_send(fd, request))
			poll(&writable, 1, 100);
	}
}

/* Sends and reads as fast as it can. */
static void hammer(void *data)
{
	const union request *request = data;
	struct answer *answer = malloc(sizeof(*answer));
	int fd = connect_greeted();

	for (;;) {
		for (int i = 0; i < 32; i++)
			try_send(fd, request);
		while (recv(fd, answer, sizeof(*answer), MSG_DONTWAIT) > 0)
			;
	}
}

static void expect_service_during(void (*run)(void *data), union request *request, unsigned int fds)
{
	struct health before = health_read();
	pid_t pids[4];

	for (int i = 0; i < 4; i++)
		pids[i] = start_child(run, request);
	for (unsigned long long end = now_ms() + 1000; now_ms() < end;) {
		expect_others_served();
		expect_flat(&before, fds);
	}
	for (int i = 0; i < 4; i++) {
		kill(pids[i], SIGKILL);
		EXPECT(waitpid(pids[i], NULL, 0) == pids[i]);
	}
}

ATTACK(a_flood_of_requests_without_reading_the_replies)
{
	union request request;

	make_bare(&request, MMIOD_OP_STATUS);
	expect_service_during(flood, &request, 4 + 2);
}

ATTACK(a_flood_of_requests_whose_replies_are_long)
{
	union request request;

	make_list(&request, MMIOD_OP_REGIONS, 0);
	expect_service_during(flood, &request, 4 + 2);
}

ATTACK(a_flood_of_requests_that_fail)
{
	union request request;

	make_bare(&request, 999);
	expect_service_during(flood, &request, 4 + 2);
}

ATTACK(a_flood_of_leases_without_fetching_them)
{
	union request request;

	make_lease(&request, OPEN_REGION, 16);
	expect_service_during(flood, &request, 4 * (1 + 16) + 2 + 16);
}

ATTACK(a_flood_of_requests_as_fast_as_replies_come)
{
	union request request;

	make_bare(&request, MMIOD_OP_STATUS);
	expect_service_during(hammer, &request, 4 + 2);
}

/* ---- events ---- */

enum { HELD = 1000, ROUNDS = 40 };

static void lease_many(int fd, uint64_t *ids)
{
	struct answer *answer = malloc(sizeof(*answer));

	for (unsigned int done = 0; done < HELD; done += 10) {
		union request request;

		make_lease(&request, OPEN_REGION, 10);
		ask(fd, &request, answer);
		for (unsigned int i = 0; i < 10; i++) {
			EXPECT_EQ(granted(answer, i)->status, MMIOD_OK);
			ids[done + i] = granted(answer, i)->lease;
		}
		close_fds(answer);
	}
	free(answer);
}

/* Asks the holder for all of them and goes away: nobody waits for the reply, the events stay. */
static void ask_for_all(const uint64_t *ids)
{
	int fd = connect_greeted();

	for (unsigned int done = 0; done < HELD; done += 250) {
		union request request;

		make_end(&request, MMIOD_OP_REVOKE, ids + done, 250);
		request.end.fixed.deadline_ms = 3000;
		send_request(fd, &request);
	}
	expect_status(fd);
	close(fd);
}

/*
 * However often something happens to a lease that the
 * client does not want to hear of, it costs nothing.
 */
ATTACK(a_flood_of_events_that_nobody_reads)
{
	struct answer *answer = malloc(sizeof(*answer));
	uint64_t ids[HELD];
	int fd = connect_greeted();
	unsigned int asked = 0, revoked = 0;
	struct health before;

	lease_many(fd, ids);
	ask_for_all(ids);
	before = health_read();
	for (int i = 0; i < ROUNDS; i++) {
		ask_for_all(ids);
		expect_others_served();
	}
	expect_flat(&before, 2);
	while (revoked < HELD) {
		receive(fd, answer);
		EXPECT_EQ(answer->head.opcode, MMIOD_OP_EVENT);
		EXPECT_EQ(answer->head.flags, MMIOD_MSG_EVENT);
		EXPECT_EQ(answer->head.id, 0);
		asked += answer->event.type == MMIOD_EVENT_REVOKE_ASKED;
		revoked += answer->event.type == MMIOD_EVENT_REVOKED;
	}
	/* What fitted the socket, and at most one more of each lease. */
	if (asked > 3 * HELD)
		FAIL("%u events were kept", asked);
	expect_status(fd);
}

/* ---- comings and goings ---- */

ATTACK(a_storm_of_connections_without_a_word)
{
	for (int i = 0; i < 3000; i++)
		close(connect_raw());
}

ATTACK(a_storm_of_connections_that_end_after_HELLO)
{
	union request request;

	make_hello(&request);
	for (int i = 0; i < 2000; i++) {
		int fd = connect_raw();

		try_send(fd, &request);
		close(fd);
	}
}

ATTACK(a_storm_of_clients_with_leases)
{
	for (int i = 0; i < 500; i++) {
		int fd = connect_greeted();

		lease_one(fd, OPEN_REGION);
		close(fd);
	}
}

static void die_in_mid_request(void *data)
{
	int fd = connect_greeted();
	union request request;

	for (int i = 0; i < 8; i++) {
		make_lease(&request, OPEN_REGION, 16);
		send_request(fd, &request);
	}
	raise(SIGKILL);
}

ATTACK(clients_that_die_in_the_midst_of_requests)
{
	for (int i = 0; i < 100; i++) {
		pid_t pid = start_child(die_in_mid_request, NULL);

		EXPECT(waitpid(pid, NULL, 0) == pid);
	}
}

ATTACK(a_client_that_closes_its_sending_side_still_gets_its_replies)
{
	struct answer *answer = malloc(sizeof(*answer));
	int fd = connect_greeted();
	union request request;

	for (int i = 0; i < 5; i++) {
		make_bare(&request, MMIOD_OP_STATUS);
		send_request(fd, &request);
	}
	shutdown(fd, SHUT_WR);
	for (int i = 0; i < 5; i++) {
		receive(fd, answer);
		EXPECT_EQ(answer->head.status, MMIOD_OK);
	}
	expect_closed(fd);
}

ATTACK(a_client_that_closes_its_receiving_side_is_dropped)
{
	int fd = connect_greeted();
	union request request;

	make_bare(&request, MMIOD_OP_STATUS);
	shutdown(fd, SHUT_RD);
	for (int i = 0; i < 10000 && try_send(fd, &request); i++)
		sleep_ms(10);
	EXPECT_EQ(errno, EPIPE);
}

/* ---- the log ---- */

static unsigned int count_lines(void)
{
	FILE *file = fopen(victim.log, "re");
	unsigned int lines = 0;

	EXPECT(file);
	for (int c; (c = getc(file)) != EOF;)
		lines += c == '\n';
	fclose(file);
	return lines;
}

ATTACK(a_flood_of_denials_and_leases_does_not_flood_the_log)
{
	struct answer *answer = malloc(sizeof(*answer));
	unsigned int before = count_lines(), after, most;
	unsigned long long start = now_ms();
	int fd = connect_greeted();
	union request request;

	for (int i = 0; i < 3000; i++) {
		make_lease(&request, i % 2 ? SHUT_REGION : OPEN_REGION, 1);
		ask(fd, &request, answer);
		if (i % 2)
			EXPECT_EQ(granted(answer, 0)->status, MMIOD_E_DENIED);
		close_fds(answer);
	}
	after = count_lines();
	/* Bursts of 64 and 20, then 16 and 5 in each second. */
	most = 100 + 21 * (unsigned int)((now_ms() - start) / 1000 + 1);
	if (after - before > most)
		FAIL("%u lines were logged, more than %u", after - before, most);
	EXPECT(after > before);
}
