/* SPDX-License-Identifier: MIT */
/*
 * Decides who is served when, and how much is done for whom in one turn of the loop. Work is
 * counted in units of about a microsecond of a slow processor, and not in messages: code that does
 * something says how much it was (turn_spend).
 *
 * libevent's priorities: signals, the watchdog, the backend's events and deadlines go first
 * (TURN_FIRST), then the listening socket and administrators (TURN_NEXT), then all others
 * (TURN_LAST), round robin by user and, within a user, by connection. A lower priority runs only
 * when no higher one is active; so that nobody starves, code that does work ahead of the others
 * says so (turn_note), and after so much of it they have their turn.
 *
 * Work that the daemon has to do by itself, and that may be long, is a chore: it is done piece by
 * piece beside what others ask for, a share in each of their turns.
 */
#ifndef MMIOD_DAEMON_CONNECTION_TURN_H
#define MMIOD_DAEMON_CONNECTION_TURN_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include "lease/user.h"

enum turn_priority { TURN_FIRST, TURN_NEXT, TURN_LAST, TURN_PRIORITIES };

#define TURN_WORK 256u /* in one turn of the loop, for all together */
#define TURN_SHARE 64u /* for one user or one connection, before the next has its share */

/* The cost of things, beside what they do by themselves. */
#define WORK_MESSAGE 8u /* to read one and to answer it, or to send one */
#define WORK_WINDOW 8u /* to make one, or to end one */
#define WORK_WRITE 32u /* at the end of a lease: a window comes and goes, and a line is logged */
#define WORK_NOTE 32u /* to write the file on what is to be written at the end of a lease */
#define WORK_NOTE_REMOVED 8u
#define WORK_IOCTL 1u
#define WORK_EXTENTS 8u /* of a window that come or go, for one */
#define WORK_LOOKED_AT 16u /* elements of a list that were looked at, for one */

struct chore {
	struct fair_link link; /* while something is left of it */
	/* Does a share; true while something is left. If not, the chore may be gone. */
	bool (*go_on)(struct chore *chore);
};

struct connection;
struct connection_host;

struct turn {
	/* A connection's share. Returns whether it wants more; if not, it may be gone. */
	bool (*serve)(struct connection *connection);
	struct event event[TURN_CLASSES]; /* while somebody waits */
	struct fair users[TURN_CLASSES];
	struct fair chores;
	unsigned int spent; /* of the share that is being served */
	unsigned int ahead; /* done for others while TURN_OTHERS waited */
	bool serving[TURN_CLASSES];
};

void turn_start(struct connection_host *host, bool (*serve)(struct connection *connection));
void turn_stop(struct connection_host *host);
void turn_ask(struct connection *connection);
void turn_ask_first(struct connection *connection);
void turn_ask_later(struct connection *connection);
void turn_forget(struct connection *connection);
void turn_do_later(struct connection_host *host, struct chore *chore);
void turn_drop(struct chore *chore);
void turn_note(struct connection_host *host, unsigned int work);
void turn_spend(struct connection_host *host, unsigned int work);
bool turn_is_over(const struct connection_host *host);

#endif
