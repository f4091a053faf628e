/* SPDX-License-Identifier: MIT */
/*
 * The message decoder: bytes from a client in, a validated view of a request out. A pure function,
 * so that it can be tested and fuzzed alone; it knows the wire rules and the shape of each opcode,
 * but no state.
 */
#ifndef MMIOD_DAEMON_WIRE_DECODE_H
#define MMIOD_DAEMON_WIRE_DECODE_H

#include <stdbool.h>
#include <mmiod/protocol.h>

/* A request whose framing, sizes, unknown tails, flags and reserved fields have been checked. */
struct request {
	struct mmiod_msg head;
	union { /* the fixed part, extended with zeros to what this daemon knows of the opcode's */
		struct mmiod_msg msg;
		struct mmiod_msg_hello hello;
		struct mmiod_msg_list list;
		struct mmiod_msg_lease lease;
		struct mmiod_msg_end end;
		struct mmiod_msg_pool_map pool_map;
		struct mmiod_msg_buffer buffer;
		struct mmiod_msg_extents extents;
		struct mmiod_msg_translate translate;
		struct mmiod_msg_page page;
		struct mmiod_msg_monitor monitor;
		struct mmiod_msg_explain explain;
		struct mmiod_msg_cancel cancel;
		struct mmiod_msg_grant grant;
		struct mmiod_msg_ungrant ungrant;
	} fixed;
	const uint8_t *array; /* into the packet */
	size_t known; /* bytes of an element that this daemon knows */
	/* Not the decoder's: of a request that has waited already. */
	unsigned int tries; /* how often for wiping */
	uint64_t ticket; /* its place among those who wait; 0: it has not waited yet */
	uint64_t arrived_ms; /* CLOCK_BOOTTIME */
	bool wait_over; /* its time is over */
};

/*
 * Why a packet is no good. `head` of the request is filled as far as the packet had one, so that a
 * reply can name it.
 */
struct decode_error {
	enum mmiod_outcome outcome; /* MMIOD_E_PROTOCOL: the framing cannot be trusted, close */
	const char *reason;
};

bool request_decode(const void *packet, size_t length, struct request *request,
		    struct decode_error *error);
/* A name that may be repeated in a message: terminated, and all printable ASCII, or empty. */
bool wire_name_is_graphic(const char name[static MMIOD_WIRE_NAME]);
void request_element(const struct request *request, size_t index, void *element, size_t size);

#endif
