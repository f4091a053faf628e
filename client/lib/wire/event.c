/* SPDX-License-Identifier: MIT */
/*
 * Events held aside: those that arrived while the library waited for a reply, until the program
 * takes them.
 *
 * The eventfd keeps the program's poll() awake while the queue is not empty: its socket may have
 * nothing more to say.
 */
#include "wire/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>

struct held_event {
	struct link link;
	struct mmiod_event event;
};

/* Nobody sleeps yet, and nobody has to be woken. */
void event_queue_init(struct event_queue *queue)
{
	link_init(&queue->events);
	link_init(&queue->notices);
	queue->notice_count = 0;
	queue->wake = -1;
}

bool event_queue_empty(const struct event_queue *queue)
{
	return queue->events.next == &queue->events && !queue->notice_count;
}

static bool has_event(const struct event_queue *queue)
{
	return queue->events.next != &queue->events;
}

static bool is_notice(uint32_t type)
{
	return (type >= MMIOD_NOTICE_GRANTED && type <= MMIOD_NOTICE_MASTER) ||
	       type == MMIOD_NOTICE_LOST;
}

/* After something was put into a queue that was @empty before. */
static void wake(struct event_queue *queue, bool empty)
{
	if (empty && queue->wake >= 0)
		eventfd_write(queue->wake, 1);
}

/* From now on the program may sleep; what is held already wakes it. */
void event_queue_wake_by(struct event_queue *queue, int eventfd)
{
	queue->wake = eventfd;
	wake(queue, !event_queue_empty(queue));
}

/* After something was taken. */
static void rest(struct event_queue *queue)
{
	eventfd_t count;

	if (queue->wake >= 0 && event_queue_empty(queue))
		eventfd_read(queue->wake, &count);
}

static int hold_notice(struct event_queue *queue, const struct message *message)
{
	bool empty = event_queue_empty(queue);
	int err = notice_hold(&queue->notices, &queue->notice_count, message);

	if (!err)
		wake(queue, empty);
	return err;
}

/* An event type that a newer daemon invented is skipped: a program could not make sense of it. */
int event_queue_hold(struct event_queue *queue, const struct message *message)
{
	struct mmiod_msg_event wire;
	struct held_event *held;
	int err;

	err = message_fixed(message, &wire, sizeof(wire), MMIOD_V1_EVENT);
	if (err)
		return err;
	if (is_notice(wire.type))
		return hold_notice(queue, message);
	if (wire.type < MMIOD_EVENT_REVOKE_ASKED || wire.type > MMIOD_EVENT_STORM)
		return 0;
	held = calloc(1, sizeof(*held));
	if (!held)
		return -ENOMEM;
	held->event.type = wire.type;
	held->event.lease = wire.lease;
	held->event.deadline_ms = wire.deadline_ms;
	err = message_text(message, &wire.text, held->event.text, sizeof(held->event.text));
	if (err) {
		free(held);
		return err;
	}
	wake(queue, event_queue_empty(queue));
	link_append(&queue->events, &held->link);
	return 0;
}

/* An event that the library finds out by itself. */
int event_queue_tell(struct event_queue *queue, enum mmiod_event_type type, uint64_t lease,
		     const char *text)
{
	struct held_event *held = calloc(1, sizeof(*held));

	if (!held)
		return -ENOMEM;
	held->event.type = type;
	held->event.lease = lease;
	snprintf(held->event.text, sizeof(held->event.text), "%s", text);
	wake(queue, event_queue_empty(queue));
	link_append(&queue->events, &held->link);
	return 0;
}

bool event_queue_take(struct event_queue *queue, struct mmiod_event *event)
{
	struct held_event *held;

	if (!has_event(queue))
		return false;
	held = link_entry(queue->events.next, struct held_event, link);
	*event = held->event;
	link_remove(&held->link);
	free(held);
	rest(queue);
	return true;
}

/* NULL: there is none. */
struct mmiod_notice *event_queue_take_notice(struct event_queue *queue)
{
	struct mmiod_notice *notice = notice_take(&queue->notices, &queue->notice_count);

	if (notice)
		rest(queue);
	return notice;
}

/*
 * Does not touch the eventfd: a forked child, which frees its copy of the client, shares it with
 * its parent.
 */
void event_queue_clear(struct event_queue *queue)
{
	struct mmiod_notice *notice;

	while ((notice = notice_take(&queue->notices, &queue->notice_count)))
		mmiod_notice_free(notice);
	while (has_event(queue)) {
		struct held_event *held = link_entry(queue->events.next, struct held_event, link);

		link_remove(&held->link);
		free(held);
	}
}
