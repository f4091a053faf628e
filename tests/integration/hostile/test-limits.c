// SPDX-License-Identifier: MIT
/* Limits: what happens at them, and that it passes. */
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fixture.h"

/* Whether HELLO was answered, or a refusal with this outcome came instead. */
static bool is_let_in(int fd, uint32_t outcome)
{
	struct answer *answer = malloc(sizeof(*answer));
	union request request;
	bool let_in;

	make_hello(&request);
	send(fd, &request, request.head.size, MSG_NOSIGNAL);
	receive(fd, answer);
	EXPECT(answer->length);
	let_in = answer->head.status == MMIOD_OK;
	if (!let_in)
		EXPECT_EQ(answer->head.status, outcome);
	free(answer);
	return let_in;
}

/* One connection is the monitor's. */
static void short_patience(void)
{
	victim_start("[daemon]\nhello-timeout = 300ms\nconnections-per-user = 11", 0, FREE);
}

ATTACK_ON(a_client_that_does_not_say_HELLO_is_told_and_dropped, short_patience)
{
	unsigned long long start = now_ms(), passed;
	int fd = connect_raw();

	expect_refusal(fd, MMIOD_E_TIMEOUT);
	passed = now_ms() - start;
	expect_closed(fd);
	if (passed < 250)
		FAIL("dropped after %llu ms, not 300", passed);
}

ATTACK_ON(a_client_that_has_said_HELLO_may_be_silent, short_patience)
{
	int fd = connect_greeted();

	sleep_ms(700);
	expect_silence(fd);
	expect_status(fd);
}

/* Whether all others were kept out; who took so long that the deadline may have come is no witness. */
static bool kept_out(unsigned int tries, unsigned long long until)
{
	for (unsigned int i = 0; i < tries; i++) {
		int fd = connect_raw();
		bool let_in = is_let_in(fd, MMIOD_E_QUOTA);

		if (let_in && now_ms() < until)
			FAIL("number %u is let in beside half-open connections", i);
		close(fd);
		if (let_in)
			return false;
	}
	return true;
}

static void expect_dropped(const int *fds, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		expect_refusal(fds[i], MMIOD_E_TIMEOUT);
		expect_closed(fds[i]);
	}
}

ATTACK_ON(half_open_connections_keep_others_of_their_user_out_only_until_the_deadline,
	  short_patience)
{
	int fds[10], fd;

	for (;;) {
		unsigned long long until = now_ms() + 300;

		for (int i = 0; i < 10; i++)
			fds[i] = connect_raw();
		if (kept_out(30, until))
			break;
		expect_dropped(fds, 10);
	}
	while (fd = connect_raw(), !is_let_in(fd, MMIOD_E_QUOTA)) {
		close(fd);
		sleep_ms(20);
	}
	expect_status(fd);
	expect_dropped(fds, 10);
}

static void connect_as_stranger(void *data)
{
	become(STRANGER);
	expect_others_served();
}

ATTACK_ON(the_connections_of_one_user_are_no_matter_of_another, short_patience)
{
	for (int i = 0; i < 10; i++)
		connect_greeted();
	wait_child(start_child(connect_as_stranger, NULL));
}

/* ---- leases ---- */

static void few_leases(void)
{
	victim_start("[daemon]\nleases-per-user = 20", 0, FREE);
}

/* The end of another connection takes the daemon a turn. */
static void ask_until_all(int fd, struct answer *answer)
{
	union request request;

	do {
		make_lease(&request, OPEN_REGION, 16);
		request.lease.fixed.flags = MMIOD_LEASE_ALL_OR_NONE;
		ask(fd, &request, answer);
		sleep_ms(5);
	} while (!answer->n_fds);
	EXPECT_EQ(answer->n_fds, 16);
}

ATTACK_ON(the_quota_of_leases_is_exact_and_freed_again, few_leases)
{
	struct answer *answer = malloc(sizeof(*answer));
	int fd = connect_greeted(), other = connect_greeted();
	union request request;

	make_lease(&request, OPEN_REGION, 16);
	ask(fd, &request, answer);
	EXPECT_EQ(answer->n_fds, 16);
	close_fds(answer);
	/* Another connection of the same user does not help. */
	ask(other, &request, answer);
	EXPECT_EQ(answer->n_fds, 4);
	for (unsigned int i = 0; i < 16; i++)
		EXPECT_EQ(granted(answer, i)->status, i < 4 ? MMIOD_OK : MMIOD_E_QUOTA);
	close_fds(answer);
	close(fd);
	ask_until_all(other, answer);
}

ATTACK_ON(all_or_none_at_the_quota_takes_none, few_leases)
{
	struct answer *answer = malloc(sizeof(*answer));
	int fd = connect_greeted();
	union request request;

	for (int i = 0; i < 20; i++) {
		make_lease(&request, OPEN_REGION, 16);
		request.lease.fixed.flags = MMIOD_LEASE_ALL_OR_NONE;
		ask(fd, &request, answer);
		EXPECT_EQ(answer->n_fds, i ? 0 : 16);
		close_fds(answer);
	}
	make_lease(&request, OPEN_REGION, 4);
	ask(fd, &request, answer);
	EXPECT_EQ(answer->n_fds, 4);
}

/* ---- revocations ---- */

ATTACK(revocations_that_one_connection_may_have_under_way_are_limited)
{
	struct answer *answer = malloc(sizeof(*answer));
	int holder = connect_greeted(), admin = connect_greeted();
	uint64_t id = lease_one(holder, ALONE_REGION);
	union request request;

	for (int i = 0; i < 40; i++) {
		make_end(&request, MMIOD_OP_REVOKE, &id, 1);
		request.end.fixed.deadline_ms = 60000;
		send_request(admin, &request);
	}
	for (int i = 0; i < 24; i++) {
		receive(admin, answer);
		EXPECT_EQ(answer->head.status, MMIOD_E_QUOTA);
	}
	expect_status(admin);
	/* Long before the deadline. */
	close(holder);
	for (int i = 0; i < 16; i++) {
		receive(admin, answer);
		EXPECT_EQ(answer->head.status, MMIOD_OK);
	}
	expect_status(admin);
}

ATTACK(a_deadline_beyond_reason_is_refused)
{
	int holder = connect_greeted(), admin = connect_greeted();
	uint64_t id = lease_one(holder, ALONE_REGION);
	union request request;

	make_end(&request, MMIOD_OP_REVOKE, &id, 1);
	request.end.fixed.deadline_ms = UINT32_MAX;
	expect_harmless(admin, &request, MMIOD_E_INVALID);
}

/* ---- descriptors ---- */

/* Enough for those of the daemon itself, of one client and of the sixteen windows that it asks for. */
#define DESCRIPTORS 40

static void few_descriptors(void)
{
	victim_start("[daemon]\nhello-timeout = 60s", DESCRIPTORS, FREE);
}

/* Until the daemon has as many as it may: it takes a few clients at a time. */
static void connect_too_often(int *fds)
{
	for (int i = 0; i < 60; i++)
		fds[i] = connect_raw();
	for (int i = 0; i < 10000 && health_read().fds < DESCRIPTORS; i++)
		sleep_ms(10);
	EXPECT(health_read().fds >= DESCRIPTORS);
}

static void expect_low_cpu(void)
{
	struct health before = health_read();
	unsigned long used;

	sleep_ms(1000);
	used = health_read().cpu_ms - before.cpu_ms;
	if (used > 100)
		FAIL("%lu ms of processor time in a second of waiting", used);
}

/*
 * 60 come where fewer than 40 fit. Those within are served,
 * nothing spins, and when they go all is as before.
 */
ATTACK_ON(without_descriptors_old_clients_are_served_and_new_ones_are_told, few_descriptors)
{
	int early = connect_greeted(), fds[60];
	unsigned int let_in = 0;

	connect_too_often(fds);
	expect_status(early);
	expect_low_cpu();
	expect_status(early);
	for (int i = 0; i < 60; i++)
		let_in += is_let_in(fds[i], MMIOD_E_RESOURCES);
	if (let_in < 5 || let_in > 38)
		FAIL("%u of 60 were let in with %d descriptors", let_in, DESCRIPTORS);
	for (int i = 0; i < 60; i++)
		close(fds[i]);
	ask_until_all(early, malloc(sizeof(struct answer)));
	expect_others_served();
}

ATTACK_ON(without_descriptors_a_lease_is_refused_and_the_connection_goes_on, few_descriptors)
{
	struct answer *answer = malloc(sizeof(*answer));
	int fd = connect_greeted(), fds[60];
	unsigned int refused = 0;
	union request request;

	connect_too_often(fds);
	make_lease(&request, OPEN_REGION, 16);
	ask(fd, &request, answer);
	for (unsigned int i = 0; i < 16; i++) {
		uint32_t status = granted(answer, i)->status;

		EXPECT(status == MMIOD_OK || status == MMIOD_E_RESOURCES);
		refused += status == MMIOD_E_RESOURCES;
	}
	EXPECT(refused > 0);
	EXPECT_EQ(answer->n_fds, 16 - refused);
	close_fds(answer);
	for (int i = 0; i < 60; i++)
		close(fds[i]);
	ask_until_all(fd, answer);
}
