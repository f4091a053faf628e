/* SPDX-License-Identifier: MIT */
/*
 * Events held aside: those that arrived while the library waited for a reply, until the program takes them.
 *
 * The eventfd keeps the program's poll() awake while the queue is not empty: its socket may have nothing more to say.
 */
#include "internal.h"

#include <stdlib.h>
#include <sys/eventfd.h>

struct held_event {
	struct link link;
	struct mmiod_event event;
};

void event_queue_init(struct event_queue *queue, int wake)
{
	link_init(&queue->events);
	queue->wake = wake;
}

bool event_queue_empty(const struct event_queue *queue)
{
	return queue->events.next == &queue->events;
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
	if (wire.type < MMIOD_EVENT_REVOKE_ASKED || wire.type > MMIOD_EVENT_GONE)
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
	if (event_queue_empty(queue))
		eventfd_write(queue->wake, 1);
	link_append(&queue->events, &held->link);
	return 0;
}

bool event_queue_take(struct event_queue *queue, struct mmiod_event *event)
{
	struct held_event *held;
	eventfd_t count;

	if (event_queue_empty(queue))
		return false;
	held = link_entry(queue->events.next, struct held_event, link);
	*event = held->event;
	link_remove(&held->link);
	free(held);
	if (event_queue_empty(queue))
		eventfd_read(queue->wake, &count);
	return true;
}

/* Does not touch the eventfd: a forked child, which frees its copy of the client, shares it with its parent. */
void event_queue_clear(struct event_queue *queue)
{
	while (!event_queue_empty(queue)) {
		struct held_event *held = link_entry(queue->events.next, struct held_event, link);

		link_remove(&held->link);
		free(held);
	}
}
