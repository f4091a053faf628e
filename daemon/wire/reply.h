/* SPDX-License-Identifier: MIT */
/*
 * Builds one message to a client: fixed part, array, then text, in a buffer that lives as long as
 * the daemon. Text that does not fit any more is left out; the rest of the message always fits,
 * because arrays are bounded.
 *
 * The message owns the descriptors put into it until message_close_fds() or until it was sent.
 */
#ifndef MMIOD_DAEMON_WIRE_REPLY_H
#define MMIOD_DAEMON_WIRE_REPLY_H

#include <stdbool.h>
#include <mmiod/protocol.h>
#include "base/util.h"

struct message {
	_Alignas(8) uint8_t data[MMIOD_MSG_MAX];
	size_t length;
	int fds[MMIOD_MSG_FDS_MAX];
	size_t n_fds;
};

void *reply_begin(struct message *message, const struct mmiod_msg *request, size_t fixed,
		  size_t count, size_t stride);
void *reply_element(struct message *message, size_t index);
struct mmiod_msg_text reply_text(struct message *message, const char *format, ...) _printf_(2, 3);
void reply_truncate(struct message *message, size_t count);
void reply_error(struct message *message, const struct mmiod_msg *request,
		 enum mmiod_outcome outcome, const char *format, ...) _printf_(4, 5);
void reply_fd(struct message *message, int fd);

/* `event` is a struct mmiod_msg_event, or one of `fixed` bytes that starts as it does. */
void event_begin(struct message *message, const void *event, size_t fixed, const char *why);
/* Another one behind it, a whole message as well. There must be room. */
void event_append(struct message *message, const void *event, size_t fixed, const char *why);
bool event_has_room(const struct message *message);
void message_seal(struct message *message);
void message_close_fds(struct message *message);

#endif
