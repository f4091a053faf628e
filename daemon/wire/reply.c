// SPDX-License-Identifier: MIT
/*
 * Builds one message to a client. The order is fixed: begin, elements, text; message_seal() writes
 * the sizes. Events are whole as they are put.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include "base/text.h"
#include "wire/reply.h"

static struct mmiod_msg *head_of(struct message *message)
{
	return (struct mmiod_msg *)message->data;
}

/* Starts a reply with status MMIOD_OK; returns its fixed part, all zero behind the header. */
void *reply_begin(struct message *message, const struct mmiod_msg *request, size_t fixed,
		  size_t count, size_t stride)
{
	assert(fixed + count * stride <= sizeof(message->data));
	message->length = fixed + count * stride;
	message->n_fds = 0;
	memset(message->data, 0, message->length);
	*head_of(message) = (struct mmiod_msg){
		.opcode = request->opcode,
		.flags = MMIOD_MSG_REPLY,
		.id = request->id,
		.fixed = (uint32_t)fixed,
		.count = (uint32_t)count,
		.stride = (uint32_t)stride,
	};
	return message->data;
}

void *reply_element(struct message *message, size_t index)
{
	struct mmiod_msg *head = head_of(message);

	return message->data + head->fixed + index * head->stride;
}

static struct mmiod_msg_text add_text(struct message *message, const char *format,
				      va_list arguments) _printf_(2, 0);

static struct mmiod_msg_text add_text(struct message *message, const char *format,
				      va_list arguments)
{
	size_t room = sizeof(message->data) - message->length;
	struct mmiod_msg_text text = { .offset = (uint32_t)message->length };
	int n = vsnprintf((char *)message->data + message->length, room, format, arguments);

	if (n <= 0 || (size_t)n >= room)
		return (struct mmiod_msg_text){ 0 };
	text.length = (uint32_t)n;
	message->length += (size_t)n;
	return text;
}

struct mmiod_msg_text reply_text(struct message *message, const char *format, ...)
{
	struct mmiod_msg_text text;
	va_list arguments;

	va_start(arguments, format);
	text = add_text(message, format, arguments);
	va_end(arguments);
	return text;
}

/* Keeps the first `count` elements of an array behind which no text lies yet. */
void reply_truncate(struct message *message, size_t count)
{
	struct mmiod_msg *head = head_of(message);

	head->count = (uint32_t)count;
	message->length = head->fixed + count * head->stride;
}

/* Replaces whatever was begun by an error. */
void reply_error(struct message *message, const struct mmiod_msg *request,
		 enum mmiod_outcome outcome, const char *format, ...)
{
	struct mmiod_msg_error *error;
	va_list arguments;

	error = reply_begin(message, request, sizeof(*error), 0, 0);
	error->msg.status = outcome;
	va_start(arguments, format);
	error->text = add_text(message, format, arguments);
	va_end(arguments);
}

/* The message takes the descriptor over. */
void reply_fd(struct message *message, int fd)
{
	assert(message->n_fds < array_size(message->fds));
	message->fds[message->n_fds++] = fd;
}

static size_t end_of_events(const struct message *message)
{
	return (message->length + MMIOD_EVENT_ALIGN - 1) & ~(size_t)(MMIOD_EVENT_ALIGN - 1);
}

/* For one more, whose sentence is as long as any. */
bool event_has_room(const struct message *message)
{
	return end_of_events(message) + sizeof(struct mmiod_msg_notice) + TEXT_MAX <=
	       sizeof(message->data);
}

/* What lies between two of them is zero. */
void event_append(struct message *message, const void *event, size_t fixed, const char *why)
{
	size_t start = end_of_events(message), length = strlen(why);
	uint8_t *at = message->data + start;
	struct mmiod_msg_event *out = (struct mmiod_msg_event *)at;

	memset(message->data + message->length, 0, start - message->length);
	memcpy(out, event, fixed);
	out->msg = (struct mmiod_msg){
		.size = (uint32_t)(fixed + length),
		.opcode = MMIOD_OP_EVENT,
		.flags = MMIOD_MSG_EVENT,
		.fixed = (uint16_t)fixed,
	};
	out->text = (struct mmiod_msg_text){
		.offset = length ? (uint32_t)fixed : 0,
		.length = (uint32_t)length,
	};
	memcpy(at + fixed, why, length);
	message->length = start + fixed + length;
}

void event_begin(struct message *message, const void *event, size_t fixed, const char *why)
{
	message->length = 0;
	message->n_fds = 0;
	event_append(message, event, fixed, why);
}

void message_seal(struct message *message)
{
	head_of(message)->size = (uint32_t)message->length;
	head_of(message)->fds = (uint8_t)message->n_fds;
}

static bool is_one_range(const int *fds, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (fds[i] != fds[0] + (int)i)
			return false;
	return n > 1;
}

/* New descriptors mostly follow each other, and closing them by one call takes half the time. */
void message_close_fds(struct message *message)
{
	size_t n = message->n_fds;

	message->n_fds = 0;
	if (is_one_range(message->fds, n) &&
	    close_range((unsigned int)message->fds[0], (unsigned int)message->fds[n - 1], 0) == 0)
		return;
	while (n)
		close(message->fds[--n]);
}
