/* SPDX-License-Identifier: MIT */
/*
 * The conversation between client and daemon. The files below use those above them:
 *
 *	packet, message		one packet with its files; its contents, with their bounds checked
 *	event, notice, renew	what the daemon tells by itself; renewals of leases
 *	cancel			that a program waits no more
 *	pending, late		requests that are sent and not waited for; answers that come too late
 *	connection		the socket's life, HELLO
 *	exchange, session	requests and their replies; a client's beginning and end
 *
 * Of leases this room knows their ids and struct renewal.
 */
#ifndef MMIOD_WIRE_H
#define MMIOD_WIRE_H

#include "internal.h"

/* ---- packet.c ---- */

/*
 * SCM_MAX_FD of the kernel: with room for all of them MSG_CTRUNC can only mean that files could not
 * be installed.
 */
#define PACKET_FILES_MAX 253

struct packet {
	uint8_t *data; /* borrowed from the client */
	size_t size;
	bool files_lost; /* the kernel could not install all */
	size_t files;
	int fds[PACKET_FILES_MAX]; /* owned; -1: taken */
};

int packet_send(int sock, const void *data, size_t size, int flags);
int packet_receive(int sock, void *buffer, size_t capacity, bool block, struct packet *packet);
int packet_take(struct packet *packet, size_t index);
void packet_release(struct packet *packet);

/* ---- message.c ---- */

/* A packet's contents, its bounds checked. Borrows the packet's data. */
struct message {
	struct mmiod_msg head;
	const uint8_t *data;
	const uint8_t *array;
};

struct reply {
	struct message message;
	struct packet *packet;
};

int message_parse(const void *data, size_t size, struct message *message);
int message_next_event(const void *data, size_t size, size_t *offset, struct message *event);
int message_fixed(const struct message *message, void *fixed, size_t known,
		  enum mmiod_first_size first);
int message_element(const struct message *message, size_t index, void *element, size_t known,
		    enum mmiod_first_size first);
int message_text(const struct message *message, const struct mmiod_msg_text *text, char *out,
		 size_t size);
int outcome_errno(uint32_t outcome);
const char *outcome_sentence(uint32_t outcome);
int reply_status(struct mmiod_client *client, const struct reply *reply);
void name_clean(char *name, size_t size);

/* ---- event.c ---- */

void event_queue_init(struct event_queue *queue);
void event_queue_wake_by(struct event_queue *queue, int wake);
int event_queue_hold(struct event_queue *queue, const struct message *message);
int event_queue_tell(struct event_queue *queue, enum mmiod_event_type type, uint64_t lease,
		     const char *text);
bool event_queue_take(struct event_queue *queue, struct mmiod_event *event);
struct mmiod_notice *event_queue_take_notice(struct event_queue *queue);
bool event_queue_empty(const struct event_queue *queue);
void event_queue_clear(struct event_queue *queue);

/* ---- notice.c ---- */

int notice_hold(struct link *notices, size_t *count, const struct message *message);
struct mmiod_notice *notice_take(struct link *notices, size_t *count);

/* ---- renew.c ---- */

/* A lease, as far as renewing it goes. */
struct renewal {
	struct link link; /* in client->renewals, or alone */
	uint64_t id; /* of the lease */
	uint32_t lease_ms; /* its whole time; 0: no time limit */
	int64_t at; /* CLOCK_BOOTTIME, ms */
};

void renewal_start(struct mmiod_client *client, struct renewal *renewal);
void renew_schedule(struct mmiod_client *client, int64_t within_ms);
void renew_due(struct mmiod_client *client);
void renew_wake(struct mmiod_client *client);
int64_t renew_within_ms(const struct mmiod_client *client);
void renew_stop(struct mmiod_client *client);

/* ---- requests ---- */

#define REQUEST_MAX 6144 /* the longest: LEASE with MMIOD_MSG_FDS_MAX elements */
static_assert(sizeof(struct mmiod_wire_alloc) <= sizeof(struct mmiod_wire_want),
	      "LEASE is the longest");
static_assert(sizeof(struct mmiod_msg_lease) + MMIOD_MSG_FDS_MAX * sizeof(struct mmiod_wire_want) <=
		      REQUEST_MAX,
	      "a request fits");

/* ---- pending.c ---- */

struct pending {
	struct link link; /* in client->pending while there is no answer */
	struct mmiod_client *client; /* NULL once that was freed */
	uint64_t id; /* of the request; 0: to be sent */
	bool answered;
	int result; /* then: of reply(), or what ended the wait */
	int (*reply)(struct pending *pending, struct reply *reply);
	int epoll; /* what a program polls: the client's socket, and done */
	int done; /* eventfd: readable when there is nothing more to wait for */
	union {
		struct mmiod_msg msg;
		uint8_t bytes[REQUEST_MAX];
	} request; /* all but its id */
};

void pending_init(struct pending *pending, struct mmiod_client *client,
		  int (*reply)(struct pending *pending, struct reply *reply));
int pending_open(struct pending *pending);
int pending_send(struct pending *pending);
void pending_settle(struct pending *pending, int result);
void pending_end(struct pending *pending);

bool pending_take(struct mmiod_client *client, struct reply *reply);
void pending_suspend(struct mmiod_client *client);
void pending_resume(struct mmiod_client *client);
void pending_disown(struct mmiod_client *client);

/* ---- late.c ---- */

void late_take(struct mmiod_client *client, struct reply *reply);
void late_flush(struct mmiod_client *client);

/* ---- cancel.c ---- */

void cancel_say(struct mmiod_client *client);
int cancel_listen(struct mmiod_client *client);
bool cancel_take(const struct mmiod_client *client);

/* ---- connection.c ---- */

int connection_open(struct mmiod_client *client);
int connection_greeted(struct mmiod_client *client);
void connection_close(struct mmiod_client *client);
int connection_next(struct mmiod_client *client, bool block, struct packet *packet,
		    struct message *message);
int connection_wait(struct mmiod_client *client, int64_t deadline_ms, bool breakable);
int64_t clock_ms(void);

/* ---- exchange.c ---- */

/*
 * A series of requests. build() writes request number @index into a zeroed buffer of REQUEST_MAX
 * bytes, all but its id and size, and returns its length; it may be called again for the same index
 * after a reconnection. reply() is called once for each; a negative result ends the series, -EPROTO
 * the connection too. Files that it does not take from the packet are closed.
 */
struct exchange {
	size_t count;
	void *context;
	size_t (*build)(void *context, size_t index, void *buffer);
	int (*reply)(void *context, size_t index, struct reply *reply);
	uint32_t patience_ms; /* beyond the client's timeout */
	bool breakable; /* the program may break it off while it waits: LEASE and ALLOC only */
	/* Instead of build(): the only request, of any size, all but its id. */
	struct mmiod_msg *prepared;
	bool resent; /* out: a request may have reached two daemons */
};

/*
 * NULL, or what clients that publish do behind their requests: set once, atomically, by the first
 * object cache of the process, so that programs without any link none.
 */
extern void (*client_after_exchange)(struct mmiod_client *client);

int exchange_run(struct mmiod_client *client, struct exchange *exchange);
void exchange_after(struct mmiod_client *client);
int exchange_cancel(struct mmiod_client *client, uint64_t request, uint64_t *id);

/* ---- session.c ---- */

int session_open(const char *path, void (*reconnected)(struct mmiod_client *client, bool restarted),
		 char *error, struct mmiod_client **client);
void session_close(struct mmiod_client *client);
int session_event_fd(struct mmiod_client *client);
int session_drain(struct mmiod_client *client);
int session_next_event(struct mmiod_client *client, struct mmiod_event *event);

#endif
