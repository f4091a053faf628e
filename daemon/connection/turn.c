// SPDX-License-Identifier: MIT
/*
 * Turns of the loop. A connection that wants something stands in its user's line, and the user in
 * that of its class; one event for each class serves them until so much work is done, and comes
 * again in the next turn of the loop if somebody is left. One chore has a share in each turn of the
 * others.
 */
#include "connection/connection.h"
#include "connection/turn.h"

#define AHEAD_MOST 512u /* is done before others while they wait */

static const struct timeval at_once = { 0, 0 };

void turn_spend(struct connection_host *host, unsigned int work)
{
	host->turn.spent += work;
}

/* Whether the connection that is being served has had its share. */
bool turn_is_over(const struct connection_host *host)
{
	return host->turn.spent >= TURN_SHARE;
}

/* ---- serving --------------------------------------------------------------------------------- */

/*
 * One that was only woken, to be told something, is no administrator who asks for something; and a
 * request that takes many turns takes them beside those of others.
 */
static enum turn_class class_of(const struct connection *connection)
{
	return connection->admin && connection->readable && !connection->unfinished ? TURN_ADMINS
										    : TURN_OTHERS;
}

/* In this turn of the loop; if a connection is being served, the turn comes again by itself. */
static void set_off(struct turn *turn, enum turn_class class)
{
	struct event *event = &turn->event[class];

	if (!turn->serving[class] && !event_pending(event, EV_TIMEOUT, NULL))
		event_active(event, EV_TIMEOUT, 0);
}

static void stand(struct connection *connection, bool again)
{
	struct user *user = connection->user;
	struct turn *turn = &connection->host->turn;
	enum turn_class class = class_of(connection);

	(again ? fair_add_again : fair_add)(&user->ready[class], &connection->turn);
	if (!fair_waits(&user->turn[class]))
		fair_add(&turn->users[class], &user->turn[class]);
	set_off(turn, class);
}

/* The connection may be gone afterwards. */
static unsigned int serve_connection(struct connection *connection)
{
	struct turn *turn = &connection->host->turn;

	turn->spent = 1;
	if (turn->serve(connection)) {
		connection->served = true;
		stand(connection, true);
	}
	return turn->spent;
}

static unsigned int serve_user(struct users *users, struct user *user, enum turn_class class)
{
	unsigned int spent = 0;
	struct fair_link *link;

	user_pin(user);
	while (spent < TURN_SHARE && (link = fair_take(&user->ready[class])))
		spent += serve_connection(container_of(link, struct connection, turn));
	user_unpin(users, user);
	return spent;
}

/* Returns what it did. */
static unsigned int serve_chore(struct connection_host *host)
{
	struct turn *turn = &host->turn;
	struct fair_link *link = fair_take(&turn->chores);
	struct chore *chore;

	if (!link)
		return 0;
	chore = container_of(link, struct chore, link);
	turn->spent = 1;
	if (chore->go_on(chore))
		turn_do_later(host, chore);
	return turn->spent;
}

static bool somebody_waits(const struct turn *turn, enum turn_class class)
{
	return !fair_is_empty(&turn->users[class]) ||
	       (class == TURN_OTHERS && !fair_is_empty(&turn->chores));
}

/* In the next turn of the loop. */
static void come_again(struct turn *turn, enum turn_class class)
{
	if (somebody_waits(turn, class))
		event_add(&turn->event[class], &at_once);
}

/* A user who has had a share stands behind those who have not, if it wants more. */
static void serve_class(struct connection_host *host, enum turn_class class)
{
	struct fair *line = &host->turn.users[class];
	unsigned int spent = 0;
	struct fair_link *link;

	if (class == TURN_OTHERS)
		host->turn.ahead = 0;
	host->turn.serving[class] = true;
	if (class == TURN_OTHERS)
		spent += serve_chore(host);
	while (spent < TURN_WORK && (link = fair_take(line))) {
		struct user *user = container_of(link, struct user, turn[class]);

		user_pin(user);
		spent += serve_user(&host->users, user, class);
		if (!fair_is_empty(&user->ready[class]))
			fair_add_again(line, &user->turn[class]);
		else
			fair_remove(&user->turn[class]);
		user_unpin(&host->users, user);
	}
	host->turn.serving[class] = false;
	come_again(&host->turn, class);
	if (class != TURN_OTHERS)
		turn_note(host, spent);
}

static void on_admins(evutil_socket_t fd, short what, void *data)
{
	serve_class(data, TURN_ADMINS);
}

static void on_others(evutil_socket_t fd, short what, void *data)
{
	serve_class(data, TURN_OTHERS);
}

/*
 * So much was done at a higher priority than that of others; when it was too much while they wait,
 * it is their turn. Not from within a request.
 */
void turn_note(struct connection_host *host, unsigned int work)
{
	struct turn *turn = &host->turn;

	if (!somebody_waits(turn, TURN_OTHERS)) {
		turn->ahead = 0;
		return;
	}
	turn->ahead += work;
	if (turn->ahead >= AHEAD_MOST && !turn->serving[TURN_OTHERS])
		serve_class(host, TURN_OTHERS);
}

/* ---- asking ---------------------------------------------------------------------------------- */

/* Nobody stands in a line, and the loop has nothing else to do in this turn. */
static bool nobody_else_asks(const struct connection_host *host)
{
	const struct turn *turn = &host->turn;

	for (int c = 0; c < TURN_CLASSES; c++)
		if (turn->serving[c] || somebody_waits(turn, c))
			return false;
	return event_base_get_num_events(host->base, EVENT_BASE_COUNT_ACTIVE) == 0;
}

static void serve_alone(struct connection *connection)
{
	struct turn *turn = &connection->host->turn;

	turn->serving[TURN_ADMINS] = turn->serving[TURN_OTHERS] = true;
	serve_connection(connection);
	turn->serving[TURN_ADMINS] = turn->serving[TURN_OTHERS] = false;
	come_again(turn, TURN_ADMINS);
	come_again(turn, TURN_OTHERS);
}

/*
 * As turn_ask(), of an event of the loop's own. Who asks alone is served at once, without a line and
 * an event for it, which are a third of what the loop costs a lone request. The connection may be
 * gone afterwards.
 */
void turn_ask_first(struct connection *connection)
{
	if (nobody_else_asks(connection->host))
		serve_alone(connection);
	else
		turn_ask(connection);
}

/*
 * The connection wants something. One that has had a share and wants more stays where it stands: it
 * gains nothing by asking again.
 */
void turn_ask(struct connection *connection)
{
	if (fair_waits(&connection->turn) && connection->served)
		return;
	stand(connection, false);
}

/* It is to be told something, which can wait until others have been answered. */
void turn_ask_later(struct connection *connection)
{
	if (fair_waits(&connection->turn))
		return;
	stand(connection, true);
}

void turn_forget(struct connection *connection)
{
	struct user *user = connection->user;

	fair_remove(&connection->turn);
	for (int c = 0; c < TURN_CLASSES; c++)
		if (fair_is_empty(&user->ready[c]))
			fair_remove(&user->turn[c]);
}

void turn_do_later(struct connection_host *host, struct chore *chore)
{
	if (!fair_waits(&chore->link))
		fair_add(&host->turn.chores, &chore->link);
	set_off(&host->turn, TURN_OTHERS);
}

void turn_drop(struct chore *chore)
{
	fair_remove(&chore->link);
}

/* ---- life ------------------------------------------------------------------------------------ */

/* Before any other event of the base is made: an event has its priority from the base. */
void turn_start(struct connection_host *host, bool (*serve)(struct connection *connection))
{
	struct turn *turn = &host->turn;

	turn->serve = serve;
	event_base_priority_init(host->base, TURN_PRIORITIES);
	evtimer_assign(&turn->event[TURN_ADMINS], host->base, on_admins, host);
	evtimer_assign(&turn->event[TURN_OTHERS], host->base, on_others, host);
	event_priority_set(&turn->event[TURN_ADMINS], TURN_NEXT);
	event_priority_set(&turn->event[TURN_OTHERS], TURN_LAST);
}

void turn_stop(struct connection_host *host)
{
	for (int c = 0; c < TURN_CLASSES; c++)
		event_del(&host->turn.event[c]);
}
