/* SPDX-License-Identifier: MIT */
/*
 * The library's only internal header: what its files share and no program sees.
 *
 * Layers, each of which calls only those below it:
 *
 *	client, region, pool, buffer, ...	the public objects
 *	grant					leases asked for in batches
 *	exchange				requests in flight, replies by id, reconnection
 *	connection, event			the socket's life, HELLO; events held aside
 *	message, packet				bounds-checked reading; one packet with its files
 *	error					the sentence for the program
 *
 * mapping, access, copy, guard and target need no daemon.
 *
 * Ownership of file descriptors: a packet owns those that came with it until somebody takes them; a
 * lease owns its window's file; the client owns socket, epoll and eventfd.
 */
#ifndef MMIOD_INTERNAL_H
#define MMIOD_INTERNAL_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <mmiod/mmiod.h>
#include <mmiod/protocol.h>
#include "link.h"

#define MMIOD_EXPORT __attribute__((visibility("default")))
#define _cleanup_(f) __attribute__((cleanup(f)))

#define ERROR_MAX 512
#define TEXT_MAX 256

/* ---- sized.c: structs that programs allocate ---- */

struct sized {
	const char *name;
	size_t first; /* bytes in the first release, the least that a program may have */
	size_t known;
};

/* @last: the struct's last member in the first release; that never changes. */
#define SIZED(type, last)                                                                         \
	{                                                                                         \
		.name = #type,                                                                    \
		.first = offsetof(struct type, last) + sizeof(((const struct type *)NULL)->last), \
		.known = sizeof(struct type)                                                      \
	}

int sized_take(const struct sized *kind, void *ours, const void *theirs, size_t size, char *why,
	       size_t room);
void sized_give(void *theirs, size_t size, const void *ours, size_t known);

/* ---- packet.c ---- */

/*
 * SCM_MAX_FD of the kernel: with room for all of them
 * MSG_CTRUNC can only mean that files could not be installed.
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
int packet_receive(int sock, void *buffer, size_t capacity, struct packet *packet);
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
int message_fixed(const struct message *message, void *fixed, size_t known,
		  enum mmiod_first_size first);
int message_element(const struct message *message, size_t index, void *element, size_t known,
		    enum mmiod_first_size first);
int message_text(const struct message *message, const struct mmiod_msg_text *text, char *out,
		 size_t size);
int outcome_errno(uint32_t outcome);
const char *outcome_sentence(uint32_t outcome);
int reply_status(struct mmiod_client *client, const struct reply *reply);
void text_clean(char *text);
void name_clean(char *name, size_t size);

/* ---- event.c ---- */

struct event_queue {
	struct link events;
	struct link notices; /* struct mmiod_notice */
	size_t notice_count;
	int wake; /* eventfd: readable while the queue is not empty; borrowed from the client */
};

void event_queue_init(struct event_queue *queue, int wake);
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

/* ---- client.c ---- */

struct mmiod_client {
	char *path;
	pid_t owner; /* the process that made it */
	int sock; /* -1: the daemon went away, the next request connects again */
	int epoll; /* what the program polls: socket and wake */
	int wake;
	unsigned int connections; /* made so far */
	int timeout_ms; /* how long one reply may take */
	uint32_t wait_ms; /* how long requests for leases may wait for others */
	int timer; /* in the poll set, for renewals; -1: not needed yet */
	int64_t renew_at; /* CLOCK_BOOTTIME, ms: the first renewal that is due; 0: none */
	uint64_t last_id; /* of a request; replies to greater ones are the daemon's mistake */
	struct mmiod_msg_hello_reply hello;
	struct event_queue events;
	int cancel; /* eventfd: readable once the program has said that it waits no more */
	bool interruptible; /* a signal ends a wait */
	uint64_t *late; /* leases that came when nobody waited for them, to be given back */
	size_t late_count;
	struct link pending; /* struct pending that have no answer yet */
	struct link leases; /* struct mmiod_lease that may still want to be released */
	struct link renewals; /* struct renewal of those that are renewed */
	/* Its simulated leases ended with the last connection. Not called for the first one. */
	void (*reconnected)(struct mmiod_client *client, bool restarted);
	bool publishes; /* caches behind its requests, by the environment's wish */
	int64_t published_ms; /* when it did so last */
	unsigned int published_connection; /* and on which connection */
	size_t published; /* and how many */
	uint8_t *buffer; /* MMIOD_MSG_MAX bytes for what is received */
	char error[ERROR_MAX];
};

/* ---- session.c ---- */

int session_open(const char *path, void (*reconnected)(struct mmiod_client *client, bool restarted),
		 char *error, struct mmiod_client **client);
void session_close(struct mmiod_client *client);
int session_drain(struct mmiod_client *client);
int session_next_event(struct mmiod_client *client, struct mmiod_event *event);

/* ---- error.c ---- */

int client_fail(struct mmiod_client *client, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int client_check(struct mmiod_client *client);

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

/* ---- connection.c ---- */

int connection_open(struct mmiod_client *client);
void connection_close(struct mmiod_client *client);
int connection_next(struct mmiod_client *client, struct packet *packet, struct message *message);
int connection_wait(struct mmiod_client *client, int64_t deadline_ms, bool breakable);
int64_t clock_ms(void);

/* ---- exchange.c ---- */

/*
 * A series of requests. build() writes request number @index into a zeroed buffer of REQUEST_MAX
 * bytes, all but its id and size, and returns its length; it may be called again for the same index
 * after a reconnection. reply() is called once for each; a negative result ends the series, -EPROTO
 * the connection too. What it does not take from the packet is closed.
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

/* ---- renew.c ---- */

/* A lease, as far as renewing it goes. */
struct renewal {
	struct link link; /* in client->renewals, or alone */
	uint64_t id; /* of the lease */
	uint32_t lease_ms; /* its whole time; 0: no time limit */
	int64_t at; /* CLOCK_BOOTTIME, ms */
};

void renewal_start(struct mmiod_client *client, struct renewal *renewal);
void renew_due(struct mmiod_client *client);
int64_t renew_within_ms(const struct mmiod_client *client);
void renew_stop(struct mmiod_client *client);

/* ---- late.c ---- */

void late_take(struct mmiod_client *client, struct reply *reply);
void late_flush(struct mmiod_client *client);

/* ---- list.c: paged lists ---- */

/*
 * A snapshot of what the daemon lists, owned by the program: every public list starts with one. An
 * item is what came over the wire, and what finish() makes of it behind that.
 */
struct list {
	const struct list_kind *kind;
	uint8_t *items;
	size_t count;
	size_t capacity;
};

struct list_kind {
	uint16_t opcode;
	enum mmiod_first_size first;
	size_t wire; /* bytes, at the start of an item */
	size_t item;
	/* Terminates names, takes texts, refuses what makes no sense: 0 or a negative errno. */
	int (*finish)(void *item, const struct message *message);
};

/*
 * @region: of which one, for POOL_MAP; else NULL. *@listp:
 * NULL or a struct list, whatever its public name.
 */
int list_fetch(struct mmiod_client *client, const struct list_kind *kind, const char *region,
	       void *listp);
void list_free(struct list *list);
const void *list_get(const struct list *list, size_t index);

/* ---- lease.c ---- */

struct mmiod_lease {
	struct mmiod_client *client; /* NULL: freed before */
	struct link link; /* in client->leases */
	struct link users; /* struct lease_user */
	int fd;
	bool simulated; /* a memory file: the library keeps the rules that the module would */
	bool lost; /* simulated, and the connection that it came by is no more */
	uint64_t id;
	uint64_t offset;
	uint64_t length;
	uint64_t map_offset;
	unsigned int rights;
	enum mmiod_cache cache;
	enum mmiod_share share;
	unsigned int width;
	enum mmiod_memory memory;
	bool mappable;
	struct renewal renewal;
	bool renews;
};

/* It uses the file of a lease, which may end first. */
struct lease_user {
	struct link link; /* in lease->users */
	struct mmiod_lease *lease; /* NULL: freed before */
};

static inline void lease_use(struct mmiod_lease *lease, struct lease_user *user)
{
	user->lease = lease;
	link_append(&lease->users, &user->link);
}

int lease_fail(const struct mmiod_lease *lease, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

int lease_check_memory(const struct mmiod_lease *lease, uint64_t offset, uint64_t length);
void leases_disown(struct mmiod_client *client);
void leases_lose(struct mmiod_client *client, bool restarted);
void lease_release_ids(struct mmiod_client *client, const uint64_t *ids, size_t count);

/* ---- grant.c ---- */

/*
 * One call that asks for leases; @want is one of those wanted, as this library knows it. check()
 * may make the call's stride longer. build() writes a want into a zeroed element of the request.
 * settle(), if there is one, finishes a lease that was granted; when it fails, the lease is given
 * back.
 */
struct lease_call {
	struct mmiod_client *client;
	uint16_t opcode;
	const struct sized *kind; /* of what follows */
	const void *wants; /* the program's array */
	size_t size; /* of an element of it */
	size_t stride; /* of an element on the wire */
	int (*check)(struct lease_call *call, const void *want);
	void (*build)(const void *want, void *element);
	int (*settle)(const void *want, struct mmiod_lease *lease);
	size_t count;
	unsigned int flags;
	uint32_t wait_ms; /* how long it may wait for others */
	struct mmiod_lease **leases;
	int *errors; /* NULL: the program does not care */

	/* grant.c's own */
	size_t batch; /* leases with one request */
	size_t granted;
	int first_error;
	char sentence[ERROR_MAX]; /* of the first error */
	uint64_t *lost; /* granted, but not usable here: to be given back */
	size_t lost_count;
};

extern const struct sized allocation_struct; /* of allocate.c */

int lease_check_region(struct mmiod_client *client, const char *region);
int lease_ask(struct lease_call *call);
int lease_call_begin(struct lease_call *call);
size_t lease_call_build(void *call, size_t index, void *buffer);
int lease_call_read(void *call, size_t index, struct reply *reply);
int lease_call_finish(struct lease_call *call, int err);

/* ---- want.c ---- */

struct lease_call lease_call_for(struct mmiod_client *client, const struct mmiod_want *wants,
				 size_t size, size_t count, unsigned int flags);

#endif
