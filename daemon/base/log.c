// SPDX-License-Identifier: MIT
/*
 * The log. systemd says by JOURNAL_STREAM that stderr is a stream to the journal; then lines go to
 * the journal's own socket, with fields. If that fails (journald is restarting, or behind) they go
 * to stderr with the <N> prefix that the stream understands; if that is full as well, they are
 * lost.
 *
 * sd_journal_sendv() waits while journald does not read, and a daemon that waits for its log can be
 * stopped by whoever stops the journal; so the datagram, lines of KEY=value, is sent from here.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-login.h>
#include "base/log.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define LINE_MAX_BYTES 1024
#define DATAGRAM_MAX_BYTES 4096

static struct {
	int journal; /* -1: lines go to stderr */
	struct sockaddr_un address;
	int level;
} log_state = { .journal = -1, .level = LOG_INFO };

static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat status;

	if (!stream || sscanf(stream, "%llu:%llu", &device, &inode) != 2 ||
	    fstat(STDERR_FILENO, &status) < 0)
		return false;
	return status.st_dev == device && status.st_ino == inode;
}

/* Lines go to the datagram socket at this path from now on. */
void log_to_journal(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (log_state.journal >= 0)
		close(log_state.journal);
	log_state.journal = fd;
	log_state.address = address;
}

void log_init(bool verbose)
{
	log_state.level = verbose ? LOG_DEBUG : LOG_INFO;
	if (stderr_is_journal())
		log_to_journal(JOURNAL_SOCKET);
}

/* ---- the journal's datagram ------------------------------------------------------------------ */

struct datagram {
	char text[DATAGRAM_MAX_BYTES];
	size_t length;
};

/*
 * A field that does not fit is left out. Control characters, of which a line's end would begin a
 * field, become '?'.
 */
static void add_field(struct datagram *datagram, const char *key, const char *format, ...)
	_printf_(3, 4);

static void add_field(struct datagram *datagram, const char *key, const char *format, ...)
{
	char *start = datagram->text + datagram->length;
	size_t room = sizeof(datagram->text) - datagram->length;
	size_t head = (size_t)snprintf(start, room, "%s=", key);
	va_list arguments;
	int n;

	if (head >= room)
		return;
	va_start(arguments, format);
	n = vsnprintf(start + head, room - head, format, arguments);
	va_end(arguments);
	if (n < 0 || head + (size_t)n + 1 >= room)
		return;
	for (char *at = start; *at; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			*at = '?';
	datagram->length += head + (size_t)n + 1;
	datagram->text[datagram->length - 1] = '\n';
}

static void add_text(struct datagram *datagram, const char *key, const char *text)
{
	if (text)
		add_field(datagram, key, "%s", text);
}

static void add_holder(struct datagram *datagram, const struct log_fields *fields)
{
	const struct holder *holder = fields->holder;
	_cleanup_(freep) char *unit = NULL;

	if (!holder)
		return;
	add_field(datagram, "MMIOD_UID", "%u", holder->uid);
	add_field(datagram, "MMIOD_PID", "%u", holder->pid);
	add_field(datagram, "MMIOD_COMM", "%.*s", (int)sizeof(holder->comm), holder->comm);
	if (fields->connected && holder->pid && sd_pid_get_unit((pid_t)holder->pid, &unit) >= 0)
		add_text(datagram, "MMIOD_UNIT", unit);
}

static void add_fields(struct datagram *datagram, const struct log_fields *fields)
{
	add_text(datagram, "MESSAGE_ID", fields->message_id);
	add_holder(datagram, fields);
	add_text(datagram, "MMIOD_REGION", fields->region);
	add_text(datagram, "MMIOD_RULE", fields->rule);
	add_text(datagram, "MMIOD_LIMIT", fields->limit);
	add_text(datagram, "MMIOD_CAUSE", fields->cause);
	add_text(datagram, "MMIOD_DEVICE", fields->device);
	add_text(datagram, "MMIOD_ACCESS", fields->access);
	if (fields->lease)
		add_field(datagram, "MMIOD_LEASE", "%" PRIu64, fields->lease);
	if (fields->length) {
		add_field(datagram, "MMIOD_OFFSET", "%" PRIu64, fields->offset);
		add_field(datagram, "MMIOD_LENGTH", "%" PRIu64, fields->length);
	}
}

/* False: journald is not there, or does not read. */
static bool write_journal(int priority, const struct log_fields *fields, const char *message)
{
	struct datagram datagram = { .length = 0 };
	ssize_t n;

	add_field(&datagram, "PRIORITY", "%d", priority);
	add_field(&datagram, "SYSLOG_IDENTIFIER", "mmiod");
	add_field(&datagram, "MESSAGE", "%s", message);
	if (fields)
		add_fields(&datagram, fields);
	n = sendto(log_state.journal, datagram.text, datagram.length, MSG_NOSIGNAL | MSG_DONTWAIT,
		   (const struct sockaddr *)&log_state.address, sizeof(log_state.address));
	return n >= 0;
}

/* A line is shorter than what a pipe or a socket that is ready takes without waiting. */
static void write_stderr(const char *prefix, const char *message)
{
	struct pollfd poll_fd = { .fd = STDERR_FILENO, .events = POLLOUT };
	char line[LINE_MAX_BYTES + 16];
	int n = snprintf(line, sizeof(line), "%s%s\n", prefix, message);

	if (poll(&poll_fd, 1, 0) == 1 && poll_fd.revents & POLLOUT && n > 0)
		n = (int)write(STDERR_FILENO, line, (size_t)n);
}

void log_line(int priority, const struct log_fields *fields, const char *format, ...)
{
	char message[LINE_MAX_BYTES], prefix[8] = "mmiod: ";
	va_list arguments;

	if (priority > log_state.level)
		return;
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	if (log_state.journal >= 0) {
		if (write_journal(priority, fields, message))
			return;
		snprintf(prefix, sizeof(prefix), "<%d>", priority);
	}
	write_stderr(prefix, message);
}
