// SPDX-License-Identifier: MIT
/*
 * The log. systemd says by JOURNAL_STREAM that stderr is a stream to the journal; then lines go to the journal's own
 * socket, with fields. If that fails (journald is restarting) they go to stderr with the <N> prefix that the stream
 * understands.
 */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <time.h>
#include "log.h"

#define LIMIT_BURST 20
#define LIMIT_PER_SECOND 5
#define LINE_MAX_BYTES 1024
#define FIELDS_MAX 12

static struct {
	bool journal;
	int level;
} log_state = { .level = LOG_INFO };

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

void log_init(bool verbose)
{
	log_state.journal = stderr_is_journal();
	log_state.level = verbose ? LOG_DEBUG : LOG_INFO;
}

struct field_set {
	struct iovec vectors[FIELDS_MAX];
	char texts[FIELDS_MAX][96];
	int count;
};

static void add_field(struct field_set *set, const char *format, ...) _printf_(2, 3);

static void add_field(struct field_set *set, const char *format, ...)
{
	char *text = set->texts[set->count];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(set->texts[0]), format, arguments);
	va_end(arguments);
	set->vectors[set->count++] = (struct iovec){ .iov_base = text, .iov_len = strlen(text) };
}

static void add_fields(struct field_set *set, const struct log_fields *fields)
{
	if (fields->message_id)
		add_field(set, "MESSAGE_ID=%s", fields->message_id);
	if (fields->holder) {
		add_field(set, "MMIOD_CLIENT_UID=%u", fields->holder->uid);
		add_field(set, "MMIOD_CLIENT_PID=%u", fields->holder->pid);
		add_field(set, "MMIOD_CLIENT_COMM=%s", fields->holder->comm);
	}
	if (fields->region)
		add_field(set, "MMIOD_REGION=%s", fields->region);
	if (fields->grant)
		add_field(set, "MMIOD_GRANT=%s", fields->grant);
	if (fields->device)
		add_field(set, "MMIOD_DEVICE=%s", fields->device);
	if (fields->lease)
		add_field(set, "MMIOD_LEASE=%" PRIu64, fields->lease);
}

static bool write_journal(int priority, const struct log_fields *fields, const char *message,
			  size_t length)
{
	struct field_set set = { .count = 0 };

	add_field(&set, "PRIORITY=%d", priority);
	add_field(&set, "SYSLOG_IDENTIFIER=mmiod");
	if (fields)
		add_fields(&set, fields);
	set.vectors[set.count++] = (struct iovec){ .iov_base = (char *)message, .iov_len = length };
	return sd_journal_sendv(set.vectors, set.count) == 0;
}

void log_line(int priority, const struct log_fields *fields, const char *format, ...)
{
	static const char prefix[] = "MESSAGE=";
	char line[LINE_MAX_BYTES];
	va_list arguments;

	if (priority > log_state.level)
		return;
	memcpy(line, prefix, sizeof(prefix));
	va_start(arguments, format);
	vsnprintf(line + sizeof(prefix) - 1, sizeof(line) - sizeof(prefix) + 1, format, arguments);
	va_end(arguments);
	if (log_state.journal && write_journal(priority, fields, line, strlen(line)))
		return;
	if (log_state.journal)
		fprintf(stderr, "<%d>%s\n", priority, line + sizeof(prefix) - 1);
	else
		fprintf(stderr, "mmiod: %s\n", line + sizeof(prefix) - 1);
}

uint64_t log_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool log_admit(struct log_limit *limit, uint64_t now_ms)
{
	if (bucket_take(&limit->bucket, now_ms, LIMIT_BURST, LIMIT_PER_SECOND))
		return true;
	limit->held_back++;
	return false;
}
