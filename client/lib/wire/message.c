/* SPDX-License-Identifier: MIT */
/*
 * Reading messages: nothing of a packet is used before its bounds are checked here.
 *
 * All reading is by copy, because array elements need not be aligned. Pure functions over bytes, but
 * for reply_status(), which leaves the daemon's sentence with the client. -EPROTO: the daemon broke
 * the protocol.
 */
#include "base/error.h"
#include "wire/wire.h"

#include <string.h>
#include <common/escape.h>

/*
 * Copy a structure that may be longer than we know it, or shorter: what is missing is zero, what is
 * unknown left out.
 */
static int copy_known(const uint8_t *from, size_t size, void *to, size_t known, size_t first)
{
	if (size < first)
		return -EPROTO;
	memset(to, 0, known);
	memcpy(to, from, size < known ? size : known);
	return 0;
}

int message_parse(const void *data, size_t size, struct message *message)
{
	const struct mmiod_msg *head = &message->head;

	if (size < sizeof(*head))
		return -EPROTO;
	memcpy(&message->head, data, sizeof(*head));
	if (head->size != size || head->fixed < sizeof(*head) || head->fixed > size)
		return -EPROTO;
	if ((uint64_t)head->count * head->stride > size - head->fixed)
		return -EPROTO;
	if (head->count && !head->stride)
		return -EPROTO;
	message->data = data;
	message->array = message->data + head->fixed;
	return 0;
}

/*
 * The event at *offset of a packet, which may have several, each at a multiple of MMIOD_EVENT_ALIGN;
 * *offset is then that of the next. -ENOENT: that was the last.
 */
int message_next_event(const void *data, size_t size, size_t *offset, struct message *event)
{
	const uint8_t *at = (const uint8_t *)data + *offset;
	struct mmiod_msg head;
	int err;

	if (*offset >= size)
		return -ENOENT;
	if (size - *offset < sizeof(head))
		return -EPROTO;
	memcpy(&head, at, sizeof(head));
	if (head.size > size - *offset || !(head.flags & MMIOD_MSG_EVENT))
		return -EPROTO;
	err = message_parse(at, head.size, event);
	*offset += ((size_t)head.size + MMIOD_EVENT_ALIGN - 1) & ~(size_t)(MMIOD_EVENT_ALIGN - 1);
	return err;
}

int message_fixed(const struct message *message, void *fixed, size_t known,
		  enum mmiod_first_size first)
{
	return copy_known(message->data, message->head.fixed, fixed, known, first);
}

int message_element(const struct message *message, size_t index, void *element, size_t known,
		    enum mmiod_first_size first)
{
	size_t stride = message->head.stride;

	if (index >= message->head.count)
		return -EPROTO;
	return copy_known(message->array + index * stride, stride, element, known, first);
}

/* A name in a field of @size bytes. */
void name_clean(char *name, size_t size)
{
	name[size - 1] = '\0';
	common_clean(name);
}

/* Copy a text, shortened at a character's edge if need be. */
int message_text(const struct message *message, const struct mmiod_msg_text *text, char *out,
		 size_t size)
{
	size_t length = text->length;

	out[0] = '\0';
	if (!text->offset)
		return text->length ? -EPROTO : 0;
	if (text->offset > message->head.size || length > message->head.size - text->offset)
		return -EPROTO;
	if (length > size - 1) {
		length = size - 1;
		while (length && (message->data[text->offset + length] & 0xc0) == 0x80)
			length--;
	}
	memcpy(out, message->data + text->offset, length);
	out[length] = '\0';
	common_clean(out);
	return 0;
}

static const struct {
	int err;
	const char *sentence;
} outcomes[] = {
	[MMIOD_OK] = { 0, "success" },
	[MMIOD_E_PROTOCOL] = { -EPROTO, "the daemon found the request malformed" },
	[MMIOD_E_VERSION] = { -EPROTONOSUPPORT, "the daemon speaks another protocol version" },
	[MMIOD_E_UNSUPPORTED] = { -EOPNOTSUPP, "the daemon or the device does not support this" },
	[MMIOD_E_INVALID] = { -EINVAL, "invalid value" },
	[MMIOD_E_NOT_FOUND] = { -ENOENT, "no such region or lease" },
	[MMIOD_E_DENIED] = { -EACCES, "denied by policy" },
	[MMIOD_E_BUSY] = { -EBUSY, "held by somebody else" },
	[MMIOD_E_QUOTA] = { -EDQUOT, "quota exceeded" },
	[MMIOD_E_GONE] = { -ENODEV, "the device is not there or the lease is revoked" },
	[MMIOD_E_RESOURCES] = { -ENOBUFS, "the daemon is out of resources" },
	[MMIOD_E_TIMEOUT] = { -ETIMEDOUT, "timed out" },
	[MMIOD_E_INTERNAL] = { -EIO, "internal error in the daemon" },
	[MMIOD_E_CANCELLED] = { -ECANCELED, "cancelled while it waited" },
	[MMIOD_E_EXISTS] = { -EEXIST, "there is one of that name, and it is another" },
};

#define OUTCOMES (sizeof(outcomes) / sizeof(outcomes[0]))

/* An outcome that a newer daemon invented is still a failure. */
int outcome_errno(uint32_t outcome)
{
	return outcome < OUTCOMES ? outcomes[outcome].err : -EIO;
}

const char *outcome_sentence(uint32_t outcome)
{
	return outcome < OUTCOMES ? outcomes[outcome].sentence : "unknown error in the daemon";
}

/* A reply's own status, with its sentence. */
int reply_status(struct mmiod_client *client, const struct reply *reply)
{
	const struct message *message = &reply->message;
	struct mmiod_msg_error error;
	char text[TEXT_MAX];

	if (message->head.status == MMIOD_OK)
		return 0;
	if (message_fixed(message, &error, sizeof(error), MMIOD_V1_ERROR) ||
	    message_text(message, &error.text, text, sizeof(text)))
		return client_fail(client, -EPROTO, "the daemon's refusal breaks the protocol");
	return client_fail(client, outcome_errno(message->head.status), "%s",
			   text[0] ? text : outcome_sentence(message->head.status));
}
