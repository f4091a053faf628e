/* SPDX-License-Identifier: MIT */
/*
 * What a hostile client is made of: raw sockets, messages that may lie, and a daemon whose health is watched.
 *
 * An attack runs in a process of its own, so that all it opened is closed when it ends. Then the daemon must be as it
 * was: alive, with as many descriptors, no client, no lease, and not noticeably more memory.
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
