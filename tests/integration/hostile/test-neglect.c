// SPDX-License-Identifier: MIT
/* Clients that do not read, and users that take too much at once: what that costs whom. */
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

static unsigned int clients(int fd)
{
	struct answer *answer = malloc(sizeof(*answer));
	union request request;
	unsigned int n;

	make_bare(&request, MMIOD_OP_STATUS);
	ask(fd, &request, answer);
	EXPECT_EQ(answer->head.status, MMIOD_OK);
	n = answer->status.clients;
	free(answer);
	return n;
}

static void expect_clients(int fd, unsigned int wanted)
{
	for (int i = 0; i < 10000 && clients(fd) != wanted; i++)
		sleep_ms(20);
	EXPECT_EQ(clients(fd), wanted);
}

/* Sends until neither socket nor daemon take more. */
static void stuff(int fd)
{
	union request request;

	make_bare(&request, MMIOD_OP_STATUS);
	for (int idle = 0; idle < 20;) {
		if (send(fd, &request, request.head.size, MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
			idle = 0;
			continue;
		}
		sleep_ms(5);
		idle++;
	}
}

/* That nothing is there may mean that the daemon has not had its turn yet. */
static void read_all(int fd)
{
	struct answer *answer = malloc(sizeof(*answer));

	for (int idle = 0; idle < 60; idle++) {
		while (recv(fd, answer, sizeof(*answer), MSG_DONTWAIT) > 0)
			idle = 0;
		sleep_ms(5);
	}
	free(answer);
}

/* ---- slow readers ---- */

static void impatient(void)
{
	victim_start("[daemon]\nslow-reader-timeout = 300ms", 0, FREE);
}

ATTACK_ON(a_client_that_does_not_read_is_paused_then_dropped, impatient)
{
	int good = connect_greeted(), slow = connect_greeted();
	unsigned int before = clients(good);
	char byte;

	stuff(slow);
	expect_clients(good, before - 1);
	/* What was sent to it before can still be read; then comes the end. */
	while (recv(slow, &byte, 1, MSG_TRUNC) > 0)
		;
	EXPECT(send(slow, &byte, 1, MSG_NOSIGNAL) < 0);
	expect_status(good);
}

enum { PATIENT_MS = 2000 };

static void patient(void)
{
	victim_start("[daemon]\nslow-reader-timeout = 2s", 0, FREE);
}

/* false: who had so little of the processor that it was late in earnest is no witness. */
static bool reads_in_time(int fd)
{
	unsigned long long start = now_ms();

	stuff(fd);
	read_all(fd);
	return now_ms() - start < PATIENT_MS;
}

ATTACK_ON(a_client_that_reads_at_last_is_not_dropped, patient)
{
	int good = connect_greeted(), late = connect_greeted();
	unsigned int before = clients(good);

	while (!reads_in_time(late)) {
		close(late);
		late = connect_greeted();
		expect_clients(good, before);
	}
	sleep_ms(PATIENT_MS + 500);
	EXPECT_EQ(clients(good), before);
	expect_status(late);
}

/*
 * It stops in the middle of what brings it descriptors:
 * the daemon keeps none for it, once it is dropped.
 */
ATTACK_ON(a_client_that_stops_reading_amid_its_descriptors_costs_the_daemon_none_in_the_end,
	  impatient)
{
	int good = connect_greeted(), slow = connect_greeted();
	struct health before = health_read();
	unsigned int count = clients(good), kept;
	union request request;

	for (int i = 0; i < 4; i++) {
		make_lease(&request, OPEN_REGION, 16);
		send_request(slow, &request);
	}
	expect_clients(good, count - 1);
	for (int i = 0; (kept = health_read().fds) > before.fds && i < 10000; i++)
		sleep_ms(5);
	if (kept > before.fds)
		FAIL("%u descriptors are kept for it", kept - before.fds);
}

/* ---- descriptors in flight ---- */

/* As many may be in flight as the daemon may have open; a user may have 32 of them. */
static void little_in_flight(void)
{
	victim_start("[daemon]\nunread-descriptors-per-user = 32\nconnections-per-user = 20", 64,
		     UNPRIVILEGED);
}

/* The attacker is another user, in a process of its own; it says when it is ready by a byte. */
static void expect_others_served_beside(void (*attack)(void *ready))
{
	int ready[2];
	char byte;
	pid_t pid;

	if (geteuid())
		tap_skip("only root can become another user");
	EXPECT(pipe(ready) == 0);
	pid = start_child(attack, &ready[1]);
	EXPECT_EQ(read(ready[0], &byte, 1), 1);
	for (int i = 0; i < 20; i++)
		expect_others_served();
	kill(pid, SIGKILL);
	EXPECT(waitpid(pid, NULL, 0) == pid);
}

static void hoard(void *data)
{
	int *ready = data, hoarded[10];
	union request request;

	become(STRANGER + 1);
	for (int i = 0; i < 10; i++) {
		hoarded[i] = connect_greeted();
		make_lease(&request, OPEN_REGION, 16);
		send_request(hoarded[i], &request);
	}
	sleep_ms(200);
	EXPECT_EQ(write(*ready, "x", 1), 1);
	for (;;)
		pause();
}

/* The user who hoards is refused; without the limit nobody would get any more (ETOOMANYREFS). */
ATTACK_ON(a_user_who_fetches_no_descriptors_keeps_none_from_others, little_in_flight)
{
	expect_others_served_beside(hoard);
}

/*
 * Being dropped does not take back what is in flight, so it must not be the way around the limit.
 */
static void be_dropped_often(void *data)
{
	int *ready = data, fds[40];
	union request request;

	become(STRANGER + 1);
	for (int i = 0; i < 40; i++) {
		fds[i] = connect_raw();
		make_hello(&request);
		send(fds[i], &request, request.head.size, MSG_NOSIGNAL);
		make_lease(&request, OPEN_REGION, 16);
		send(fds[i], &request, request.head.size, MSG_NOSIGNAL);
		sleep_ms(5);
		send(fds[i], "garbage", 7, MSG_NOSIGNAL);
	}
	EXPECT_EQ(write(*ready, "x", 1), 1);
	for (;;)
		pause();
}

ATTACK_ON(clients_that_let_themselves_be_dropped_keep_no_descriptors_from_others, little_in_flight)
{
	expect_others_served_beside(be_dropped_often);
}

ATTACK(descriptors_come_with_their_own_reply_and_no_other)
{
	struct answer *answer = malloc(sizeof(*answer));
	int fd = connect_greeted();
	union request requests[3];

	make_bare(&requests[0], MMIOD_OP_STATUS);
	make_lease(&requests[1], OPEN_REGION, 1);
	make_bare(&requests[2], MMIOD_OP_STATUS);
	for (int i = 0; i < 3; i++)
		send_request(fd, &requests[i]);
	sleep_ms(50);
	for (int i = 0; i < 3; i++) {
		receive(fd, answer);
		EXPECT_EQ(answer->head.id, requests[i].head.id);
		EXPECT_EQ(answer->n_fds, i == 1 ? 1 : 0);
		close_fds(answer);
	}
}

/* No pidfd, no duplicate: what a client costs is its socket. */
ATTACK(a_connection_costs_the_daemon_one_descriptor)
{
	struct health before = health_read();

	for (int i = 0; i < 30; i++)
		connect_greeted();
	expect_fds(before.fds + 30);
}

/* ---- how often one connects ---- */

static void few_at_a_time(void)
{
	victim_start("[daemon]\nconnection-rate-per-user = 5\nconnections-per-user = 10", 0, FREE);
}

static void connect_often(void *data)
{
	unsigned int in = 0, refused = 0;
	struct answer *answer = malloc(sizeof(*answer));
	unsigned long long start;
	union request request;

	become(STRANGER);
	start = now_ms();
	for (int i = 0; i < 200 || !refused; i++) {
		int fd = connect_raw();

		make_hello(&request);
		send(fd, &request, request.head.size, MSG_NOSIGNAL);
		receive(fd, answer);
		in += answer->head.status == MMIOD_OK;
		if (answer->head.status != MMIOD_OK) {
			EXPECT_EQ(answer->head.status, MMIOD_E_QUOTA);
			refused += strstr(answer_text(answer, &answer->error.text),
					  "connection-rate-per-user") != NULL;
		}
		close(fd);
	}
	/* A burst, and then so many in each second. */
	if (in < 10 || in > 15 + 5 * (1 + (now_ms() - start) / 1000))
		FAIL("%u were let in", in);
	EXPECT(refused > 0);
	sleep_ms(1500);
	expect_others_served();
}

ATTACK_ON(a_user_who_connects_all_the_time_is_told_to_wait_and_others_are_not, few_at_a_time)
{
	wait_child(start_child(connect_often, NULL));
	for (int i = 0; i < 50; i++) {
		int fd = connect_greeted(); /* an administrator's */

		expect_status(fd);
		close(fd);
	}
}

/* ---- signals, memory ---- */

static void own(void)
{
	victim_start("", 0, FREE);
}

ATTACK_ON(a_storm_of_signals_amid_requests_does_no_harm, own)
{
	struct answer *answer = malloc(sizeof(*answer));
	int fd = connect_greeted();
	union request request;

	for (int i = 0; i < 500; i++) {
		make_lease(&request, OPEN_REGION, 4);
		send_request(fd, &request);
		kill(victim.pid, i % 2 ? SIGPIPE : SIGHUP);
		receive(fd, answer);
		EXPECT_EQ(answer->n_fds, 4);
		close_fds(answer);
	}
	expect_status(fd);
}

static long address_space(void)
{
	char path[64];
	long pages = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/statm", victim.pid);
	file = fopen(path, "re");
	EXPECT(file && fscanf(file, "%ld", &pages) == 1);
	fclose(file);
	return pages * sysconf(_SC_PAGESIZE);
}

static void many_leases(void)
{
	if (getenv("MMIOD_RSS_SLACK_KIB"))
		tap_skip("a sanitizer does not let memory run out");
	victim_start("[daemon]\nleases-per-user = 100000", 0, FREE);
}

/*
 * What cannot be had is refused; what was there goes
 * on; and when there is room again, it is as before.
 */
ATTACK_ON(out_of_memory_requests_fail_and_the_daemon_goes_on, many_leases)
{
	struct rlimit tight = { 0, RLIM_INFINITY }, loose = { RLIM_INFINITY, RLIM_INFINITY };
	struct answer *answer = malloc(sizeof(*answer));
	int fd = connect_greeted(), hungry = connect_greeted();
	unsigned int granted_before = 0, refused = 0;
	union request request;

	tight.rlim_cur = (rlim_t)address_space() + (256 << 10);
	EXPECT(prlimit(victim.pid, RLIMIT_AS, &tight, NULL) == 0);
	for (int i = 0; i < 5000 && !refused; i++) {
		make_lease(&request, OPEN_REGION, 16);
		ask(hungry, &request, answer);
		EXPECT(answer->length > 0);
		for (unsigned int j = 0; j < 16; j++) {
			uint32_t status = granted(answer, j)->status;

			EXPECT(status == MMIOD_OK || status == MMIOD_E_RESOURCES);
			refused += status == MMIOD_E_RESOURCES;
			granted_before += status == MMIOD_OK;
		}
		close_fds(answer);
	}
	EXPECT(refused > 0);
	EXPECT(granted_before > 0);
	expect_status(fd);
	close(hungry);
	for (int i = 0; i < 100; i++)
		expect_status(fd);
	EXPECT(prlimit(victim.pid, RLIMIT_AS, &loose, NULL) == 0);
	lease_one(fd, OPEN_REGION);
	expect_others_served();
}
