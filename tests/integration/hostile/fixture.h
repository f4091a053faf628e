/* SPDX-License-Identifier: MIT */
/*
 * What a hostile client is made of: raw sockets, messages
 * that may lie, and a daemon whose health is watched.
 *
 * Pitfalls of brokers, and the tests that fail without what
 * is done against each. Without a file: hostile/test-*.c.
 *
 *  1 descriptors cut off (MSG_CTRUNC)	a_client_without_room_for_descriptors_can_go_on; lib/lease/test-lease: answered_with_...
 *  2 room for one takes two		lib/lease/test-lease: answered_with_surplus_files_is_refused
 *  3 descriptors leaked			every attack: the daemon has as many afterwards; handed on by exec: lib/lease/test-lease:
 *					says_on_the_wire_what_is_wanted
 *  4 uninvited descriptors		descriptors_with_HELLO_..., descriptors_with_requests_..., daemon/connection/test-connection:
 *					uninvited_descriptors_never_come_in
 *  5 ETOOMANYREFS			a_user_who_fetches_no_descriptors_keeps_none_from_others, clients_that_let_themselves_be_...
 *  6 accept() without descriptors	without_descriptors_old_clients_are_served_and_new_ones_are_told
 *  7 a pidfd for each peer		a_connection_costs_the_daemon_one_descriptor
 *  8 pids as identity			a_client_in_a_pid_namespace_..., a_daemon_that_cannot_see_..., a_lease_outlives_...;
 *					daemon/test-daemon: a_pid_that_is_another_users_now_inherits_nothing
 *  9 identity is that of connect()	a_connection_stays_the_one_of_who_connected
 * 10 path and mode of the socket	daemon/connection/test-server: never_removes_what_is_no_socket, makes_the_socket_with_just_...
 * 11 a descriptor with another message	descriptors_come_with_their_own_reply_and_no_other
 * 12 cut and empty packets		a_packet_longer_than_64_KiB_..., an_empty_packet_..., many_empty_packets_...
 * 13 bufferevent			export.bats: the daemon uses none of libevent's buffers
 * 14 events of closed descriptors	clients_that_die_in_the_midst_of_requests, under sanitizers (make check SAN=1)
 * 15 starvation			daemon/connection/test-unread: work_in_one_turn_..., many_that_flood_take_turns_...
 * 16 slow readers			a_client_that_does_not_read_is_paused_then_dropped, a_client_that_reads_at_last_...
 * 17 work in signal handlers		a_storm_of_signals_amid_requests_does_no_harm
 * 18 memfds that shrink		none is ever taken: see 4
 * 19 the descriptor store		not used, windows live in the module: restart.bats, upgrade.bats
 * 20 hardening against devices		vm/service: the unit's sandbox scores at most 1.5, and all that runs within it
 * 21 libpciaccess caches		vm/service: a device that is unbound takes its region away and brings it back
 * 22 accounts that underflow		daemon/lease/test-user: accounts_are_all_zero_after_any_order_...
 * 23 half a reload			config.bats: a reload puts new regions and grants in force as a whole; vm/service:
 *					a bad configuration is refused with file and line, and the old one stays
 * 24 a revocation that is not obeyed	a_flood_of_events_that_nobody_reads; vm/service: a revoked holder gets SIGBUS
 * 25 events hidden in the library	lib/wire/test-event: held_aside_in_a_request_wakes_the_program
 * 26 a flooded log			a_flood_of_denials_and_leases_..., daemon/connection/test-journal: what_one_user_provokes_...
 * 27 fork in the client		a_connection_that_two_processes_share_...; lib/test-client:
 *					is_refused_in_a_child_and_goes_on_in_the_parent
 * 28 headers older than the kernel	all of this on 6.1 and 6.12 (vm/service), built with the headers of 6.1
 *
 * Beyond these: half-open connections (test-limits), storms (test-floods), out of memory
 * (test-neglect), a journal that is gone or does not read (daemon/connection/test-journal), clocks that jump
 * (daemon/base/test-rate; vm/service).
 *
 * An attack runs in a process of its own, so that all it opened is closed when it ends. Then the
 * daemon must be as it was: alive, with as many descriptors, no client, no lease, and not
 * noticeably more memory.
 */
#ifndef HOSTILE_FIXTURE_H
#define HOSTILE_FIXTURE_H

#include <mmiod/protocol.h>
#include <stdbool.h>
#include <sys/types.h>
#include "tap.h"

/* The regions of the tests' configuration. */
#define OPEN_REGION "open" /* 1 MiB, granted to all, shared-write */
#define ALONE_REGION "alone" /* 64 KiB, granted to all, exclusive */
#define OPEN_DEVICE "device" /* four vectors, granted to all */
#define SHUT_REGION "shut" /* granted to nobody here */
#define STRANGER 54321u

struct victim {
	pid_t pid;
	char socket[104];
	char log[104];
	char directory[64]; /* "": the daemon is not ours */
};

extern struct victim victim;

struct health {
	unsigned int fds;
	long rss_kib;
	unsigned long cpu_ms;
	unsigned int clients; /* the monitor left out */
	unsigned int leases;
};

void attack_run(void (*attack)(void), void (*prepare)(void));
struct health health_read(void);

#define ATTACK_ON(id, prepare)                    \
	static void attack_##id(void);            \
	TEST(id)                                  \
	{                                         \
		attack_run(attack_##id, prepare); \
	}                                         \
	static void attack_##id(void)

#define ATTACK(id) ATTACK_ON(id, NULL)

/* A daemon of the test's own, for attacks that need another configuration or limits. */
enum confinement { FREE, OWN_PID_NAMESPACE, OWN_USER_NAMESPACE, UNPRIVILEGED };
void victim_start(const char *settings, unsigned int max_fds, enum confinement confinement);
void victim_stop(void);

/* ---- messages ---- */

union request {
	struct mmiod_msg head;
	struct mmiod_msg_hello hello;
	struct mmiod_msg_list list;
	struct {
		struct mmiod_msg_lease fixed;
		struct mmiod_wire_want wants[256];
	} lease;
	struct {
		struct mmiod_msg_end fixed;
		uint64_t ids[512];
	} end;
	uint8_t bytes[2 * MMIOD_MSG_MAX];
};

struct answer {
	union {
		struct mmiod_msg head;
		struct mmiod_msg_error error;
		struct mmiod_msg_event event;
		struct mmiod_msg_hello_reply hello;
		struct mmiod_msg_status_reply status;
		struct mmiod_msg_list_reply list;
		uint8_t bytes[MMIOD_MSG_MAX];
	};
	size_t length; /* 0: the daemon closed the connection */
	int fds[256];
	unsigned int n_fds;
	bool truncated; /* descriptors were lost */
};

void make_hello(union request *request);
void make_bare(union request *request, uint16_t opcode);
void make_list(union request *request, uint16_t opcode, uint64_t cursor);
void make_lease(union request *request, const char *region, unsigned int count);
void make_end(union request *request, uint16_t opcode, const uint64_t *ids, unsigned int count);

/* ---- sockets: each of these ends the test if it cannot do what it says ---- */

int connect_raw(void);
int connect_greeted(void);
int try_connect(void);
void send_packet(int fd, const void *data, size_t length);
void send_request(int fd, const union request *request);
void receive(int fd, struct answer *answer);
void close_fds(struct answer *answer);
void ask(int fd, const union request *request, struct answer *answer);
/* Exactly this outcome, with a sentence; the id echoed. */
void expect_outcome(int fd, const union request *request, uint32_t outcome);
void expect_refusal(int fd, uint32_t outcome);
void expect_closed(int fd);
void expect_silence(int fd);
void expect_status(int fd);
/* Refused, and the connection is closed, or goes on. */
void expect_fatal(int fd, const union request *request);
void expect_harmless(int fd, const union request *request, uint32_t outcome);
/* A well-behaved client connects, leases and releases. */
void expect_others_served(void);
/* That the daemon has so many descriptors open, soon. */
void expect_fds(unsigned int fds);

const struct mmiod_wire_granted *granted(const struct answer *answer, unsigned int index);
const char *answer_text(const struct answer *answer, const struct mmiod_msg_text *text);
uint64_t lease_one(int fd, const char *region);
unsigned long long now_ms(void);
void sleep_ms(unsigned int ms);
void become(uid_t uid);
/* Runs in a child; waits for it and passes on its failure. */
pid_t start_child(void (*run)(void *data), void *data);
void wait_child(pid_t pid);

#endif
