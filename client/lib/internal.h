/* SPDX-License-Identifier: MIT */
/*
 * The library's client, and what else all its rooms share. A room is a folder with a header of its
 * own, and no program sees any of it. Each includes and calls only those below it:
 *
 *	client.c			the client as a program sees it
 *	cache/				object caches, and where their slabs come from
 *	access/, device/, snapshot/	mapped windows and accesses; interrupts; what the daemon lists
 *	lease/				leases: asked for, waited for, given back; allocations
 *	wire/				packets, the connection, requests and replies, events, renewals
 *	base/				errors, linked lists, structs that programs allocate, targets
 *
 * access, device and snapshot do not know each other. base has a header for each thing.
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
#include "base/link.h"

#define MMIOD_EXPORT __attribute__((visibility("default")))

#define ERROR_MAX 512
#define TEXT_MAX 256

struct event_queue {
	struct link events;
	struct link notices; /* struct mmiod_notice */
	size_t notice_count;
	int wake; /* eventfd: readable while the queue is not empty; the client's; -1: none yet */
};

#define PARK_DROPPED 128 /* more than are parked at once */

/* Leases that the program freed and may want again; belongs to lease/park.c. */
struct parking {
	uint32_t ms; /* for so long; 0: not at all */
	unsigned int connection; /* that the page was asked for on; 0: none yet */
	uint32_t *words; /* shared with the daemon; NULL: it has none for us */
	uint32_t n_words;
	size_t size; /* bytes of the page */
	unsigned int page; /* number of the last one */
	struct link leases; /* struct mmiod_lease, the one that was parked last first */
	size_t count; /* of these */
	bool wakes; /* the timer is set for the oldest */
	uint64_t dropped[PARK_DROPPED]; /* ids of those that were closed last */
	size_t n_dropped;
	int64_t (*expire)(struct mmiod_client *client);
	bool (*hears)(struct mmiod_client *client, uint64_t lease);
};

struct mmiod_client {
	char *path;
	uint64_t owner; /* process_number() of the process that made it */
	pid_t owner_pid; /* for the sentence that refuses another */
	int sock; /* -1: the daemon went away, the next request connects again */
	int epoll; /* what the program polls: socket, wake and timer; -1: it has not asked yet */
	int wake;
	unsigned int connections; /* made so far */
	uint64_t greeting; /* id of the HELLO that has no answer yet; 0: none */
	bool nameless; /* the daemon is older than HELLO with a name */
	int refused; /* -errno: why the last try to be let in failed; 0 */
	int timeout_ms; /* how long one reply may take */
	int bound_ms; /* how long a receive that waits may take: SO_RCVTIMEO of the socket */
	uint32_t wait_ms; /* how long requests for leases may wait for others */
	int timer; /* in the poll set, for renewals; -1: not needed yet */
	int64_t renew_at; /* CLOCK_BOOTTIME, ms: the first renewal that is due; 0: none */
	uint64_t last_id; /* of a request; replies to greater ones are the daemon's mistake */
	struct mmiod_msg_hello_reply hello; /* the last; zero: none has come yet */
	struct event_queue events;
	int cancel; /* eventfd: readable once the program has said that it waits no more; -1: none yet */
	bool cancelled; /* said when there was none; both atomically, see cancel.c */
	bool interruptible; /* a signal ends a wait */
	uint64_t *late; /* leases that came when nobody waited for them, to be given back */
	size_t late_count;
	struct link pending; /* struct pending that have no answer yet */
	struct link leases; /* struct mmiod_lease that may still want to be released */
	struct link renewals; /* struct renewal of those that are renewed */
	/* Its simulated leases ended with the last connection. Not called for the first one. */
	void (*reconnected)(struct mmiod_client *client, bool restarted);
	struct parking parking;
	bool publishes; /* caches behind its requests, as the environment says */
	int64_t published_ms; /* when it did so last */
	unsigned int published_connection; /* and on which connection */
	size_t published; /* and how many */
	uint8_t *buffer; /* MMIOD_MSG_MAX bytes for what is received */
	uint8_t *request; /* REQUEST_MAX bytes, zero between requests */
	char error[ERROR_MAX];
};

/* What the daemon has and knows is known. */
static inline bool client_was_greeted(const struct mmiod_client *client)
{
	return client->hello.version != 0;
}

#endif
