/* SPDX-License-Identifier: MIT */
/*
 * A daemon that follows a script of bytes, in the thread of the client that it serves: the
 * functions that the library calls to reach a daemon are redefined here, so that connecting finds
 * this one, each request that is sent is answered at once by what the script says, and waiting
 * takes no time.
 *
 * Included in front of every source of the library.
 */
#ifndef TEST_FUZZ_SCRIPT_H
#define TEST_FUZZ_SCRIPT_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

/*
 * An answer is a step and what it needs (little endian):
 *
 *	kind	1 byte: ANSWER_*, STEP_* and STEP_FILES(how many)
 *	FLAWED: one byte that says which field of the header is wrong, four for what is there instead
 *	length	2 bytes, unless the kind needs no contents
 *	so many bytes: all of a message, or what stands behind its header
 */
enum answer {
	ANSWER_RAW = 0,
	ANSWER_GOOD = 1, /* a header that fits request and contents */
	ANSWER_FLAWED = 2, /* but for one field */
	ANSWER_REFUSAL = 3,
	ANSWER_EVENT = 4,
	ANSWER_NOTICE = 5,
	ANSWER_NONE = 6,
	ANSWER_HANG_UP = 7,
};
#define STEP_FURTHER 0x08 /* one more answer to the same request follows */
#define STEP_OLD 0x10 /* structures as the first release had them */
#define STEP_FILES(n) \
	((n) << 5) /* 0: as many as it should; then 0, 1, 2, 17, 253, one less, one more */

/* The place where the script is read; both sides take from it in turn. */
extern const uint8_t *script, *script_end;
extern bool script_greets; /* HELLO is answered well, without the script */
extern uint32_t script_backend;

uint8_t script_byte(void);
void script_begin(void);
void script_finish(void);

int script_connect(int fd, const struct sockaddr *address, socklen_t length);
ssize_t script_send(int fd, const void *data, size_t size, int flags);
ssize_t script_recvmsg(int fd, struct msghdr *message, int flags);
int script_poll(struct pollfd *fds, nfds_t count, int timeout);
int script_clock(clockid_t clock, struct timespec *now);

#define connect(fd, address, length) script_connect(fd, address, length)
#define send(fd, data, size, flags) script_send(fd, data, size, flags)
#define recvmsg(fd, message, flags) script_recvmsg(fd, message, flags)
#define poll(fds, count, timeout) script_poll(fds, count, timeout)
#define clock_gettime(clock, now) script_clock(clock, now)

#endif
