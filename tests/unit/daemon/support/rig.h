/* SPDX-License-Identifier: MIT */
/*
 * A daemon inside the test's own process, and clients that speak to it by socket pairs. Nothing
 * runs by itself: a test sends, lets the loop turn, and looks at what came. Each test has a process
 * of its own: what it leaves open at its end, it need not close.
 */
#ifndef TEST_RIG_H
#define TEST_RIG_H

#include <time.h>
#include "daemon/daemon.h"
#include "fake.h"

extern struct daemon rig;
extern struct fake rig_fake;

void rig_start(const char *config); /* with the fake backend */
void rig_start_module(const char *config); /* over what stands in for the module */
void rig_start_simulation(const char *config);
void rig_restart(void); /* as after SIGKILL: the backend lives on, the daemon is another */
void rig_stop(void);
void rig_write_config(const char *config);
void rig_turn(void);
/* The daemon's clock stands still; this is how time passes, with turns in between. */
void rig_wait(unsigned int milliseconds);

/* For rig.c: see clock.c. */
void clock_stop(void);
void clock_advance(unsigned int milliseconds);

/* Sets the time of day forward or back, from what it really is; nothing else. */
void clock_set_day(time_t by);

/* Whose socket the clients that follow connect to; NULL: the main one. */
extern const char *rig_tenant;

/* A client: its end of the pair. */
int client_connect(uid_t uid); /* without HELLO */
int client_hello(uid_t uid);
int client_hello_with(uid_t uid, uint64_t features);
void client_send(int fd, const void *packet, size_t length);
ssize_t client_receive(int fd); /* into `answer` and `answer_fds`; -errno */
void client_close_fds(void);
bool client_is_hung_up(int fd);

extern union answer {
	uint8_t bytes[MMIOD_MSG_MAX];
	struct mmiod_msg msg;
	struct mmiod_msg_error error;
	struct mmiod_msg_hello_reply hello;
	struct mmiod_msg_status_reply status;
	struct mmiod_msg_list_reply list;
	struct mmiod_msg_event event;
	struct mmiod_msg_buffer_reply buffer;
	struct mmiod_msg_translate_reply translate;
	struct mmiod_msg_page_reply page;
	struct mmiod_msg_notice notice;
	struct mmiod_msg_explain_reply explanation;
} answer;
extern int answer_fds[MMIOD_MSG_FDS_MAX];
extern size_t n_answer_fds;
const char *answer_text(struct mmiod_msg_text text);
void *answer_element(size_t index);

extern uint32_t request_wait_ms; /* of the LEASEs and ALLOCs that follow */

/* Requests. Each sends, turns the loop and receives the answer; returns its status. */
struct mmiod_wire_want want(const char *region, uint64_t offset, uint64_t length, uint32_t rights,
			    uint32_t share);
void send_lease(int fd, const struct mmiod_wire_want *wants, size_t n, uint32_t flags);
uint32_t client_lease(int fd, const struct mmiod_wire_want *wants, size_t n, uint32_t flags);
uint32_t client_lease_one(int fd, uint64_t offset, uint64_t length,
			  uint64_t *lease); /* the element's status */
struct mmiod_wire_alloc ask(uint32_t memory, const char *region, uint64_t length);
void send_allocs(int fd, const struct mmiod_wire_alloc *asks, size_t n, uint32_t flags);
uint32_t client_alloc(int fd, const struct mmiod_wire_alloc *asks, size_t n, uint32_t flags);
/* Of one element, which gets neither lease nor descriptor, and a sentence with these words. */
void lease_refused(int fd, struct mmiod_wire_want element, uint32_t status, const char *words);
void alloc_refused(int fd, struct mmiod_wire_alloc element, uint32_t status, const char *words);
struct mmiod_wire_interrupt vector(const char *device, uint32_t number);
uint32_t client_interrupt(int fd, const struct mmiod_wire_interrupt *wants, size_t n,
			  uint32_t flags);
void send_interrupts(int fd, const struct mmiod_wire_interrupt *wants, size_t n, uint32_t flags);
struct mmiod_wire_operate operate(const char *device, uint32_t rights);
uint32_t client_operate(int fd, const struct mmiod_wire_operate *wants, size_t n, uint32_t flags);
void send_operates(int fd, const struct mmiod_wire_operate *wants, size_t n, uint32_t flags);
void operate_refused(int fd, struct mmiod_wire_operate element, uint32_t status, const char *words);
uint32_t client_explain_operate(int fd, const char *device, uint32_t rights);
uint32_t client_explain_vector(int fd, const char *device, uint32_t number);
/* Of one element, as of lease_refused(). */
void interrupt_refused(int fd, struct mmiod_wire_interrupt element, uint32_t status,
		       const char *words);
uint32_t client_map(int fd, const char *region, uint64_t cursor);
uint32_t client_buffer(int fd, uint64_t lease, uint64_t page);
uint32_t client_extents(int fd, uint64_t lease, uint64_t cursor);
void send_end(int fd, uint16_t opcode, uint32_t deadline_ms, const uint64_t *leases, size_t n);
uint64_t sent_id(void); /* of the last request */
void send_cancel(int fd, uint64_t request);
uint32_t client_end(int fd, uint16_t opcode, uint64_t lease); /* the element's status */
uint32_t client_list(int fd, uint16_t opcode, uint64_t cursor);
const struct mmiod_wire_pool *client_pool(void); /* the only one, as root sees it */
uint32_t client_translate(int fd, uint32_t pid, uint64_t address);
uint32_t client_page(int fd, uint32_t pid, uint64_t where);
uint32_t client_monitor(int fd, uint32_t on);
/* About the caller, if `uid` is 0; else about this one, who has no groups. */
uint32_t client_explain(int fd, uint32_t memory, const char *region, uint32_t rights, uint32_t uid);
uint32_t client_status(int fd);
uint32_t client_park(int fd);
size_t open_fds(void);

#endif
