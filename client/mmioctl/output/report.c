/* SPDX-License-Identifier: MIT */
/*
 * Errors: one sentence on stderr (with --json an object), and the exit status that belongs to the
 * errno.
 */
#include "output/output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

int exit_status_of(int err)
{
	switch (-err) {
	case ENOENT:
		return STATUS_NOT_FOUND;
	case EACCES:
	case EPERM:
		return STATUS_DENIED;
	case EBUSY:
	case EDQUOT:
		return STATUS_BUSY;
	case ECONNREFUSED:
	case ECONNRESET:
	case ENOTCONN:
		return STATUS_NO_DAEMON;
	case ENODEV:
		return STATUS_GONE;
	case ETIMEDOUT:
		return STATUS_TIMEOUT;
	default:
		return STATUS_FAILED;
	}
}

const struct position *output_position;

static void print_error(const struct context *context, const char *message, const char *name,
			int status)
{
	const struct position *at = output_position;
	json_t *error;

	/* So that what was printed before stands before it. */
	if (at)
		output_flush();
	if (!context->json && at) {
		fprintf(stderr, "%s:%lu:%zu: %s\n", at->file, at->line, at->column(at, message),
			message);
		return;
	}
	if (!context->json) {
		fprintf(stderr, "mmioctl: %s\n", message);
		return;
	}
	error = json_pack("{s:i, s:{s:o, s:s*, s:i}}", "schema", JSON_SCHEMA, "error", "message",
			  json_text(message), "errno", name, "exit", status);
	if (at)
		json_object_update_new(json_object_get(error, "error"),
				       json_pack("{s:o, s:I, s:I}", "file", json_text(at->file),
						 "line", (json_int_t)at->line, "column",
						 (json_int_t)at->column(at, message)));
	json_dumpf(error, stderr, JSON_ENSURE_ASCII);
	fputc('\n', stderr);
	json_decref(error);
}

static void say(const struct context *context, int status, const char *name, const char *format,
		va_list args) __attribute__((format(printf, 4, 0)));

/* `name` is the errno's; NULL: no call failed. */
static void say(const struct context *context, int status, const char *name, const char *format,
		va_list args)
{
	char message[1024];

	vsnprintf(message, sizeof(message), format, args);
	print_error(context, message, name, status);
}

int usage_error(const struct context *context, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(context, STATUS_USAGE, NULL, format, args);
	va_end(args);
	return STATUS_USAGE;
}

int report(const struct context *context, int err, const char *format, ...)
{
	int status = exit_status_of(err);
	va_list args;

	va_start(args, format);
	say(context, status, strerrorname_np(-err), format, args);
	va_end(args);
	return status;
}

/* Something is not as it should be; no call failed, so there is no errno. */
int report_mismatch(const struct context *context, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(context, STATUS_MISMATCH, NULL, format, args);
	va_end(args);
	return STATUS_MISMATCH;
}

/* Something that is not there, and that no call was made for. */
int report_not_found(const struct context *context, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(context, STATUS_NOT_FOUND, NULL, format, args);
	va_end(args);
	return STATUS_NOT_FOUND;
}

/* Any error on the way to a daemon means "no daemon", but for permissions and our own shortages. */
static bool means_no_daemon(int err)
{
	bool denied = err == -EACCES || err == -EPERM || err == -EDQUOT;
	bool poor = err == -EMFILE || err == -ENFILE || err == -ENOMEM;

	return !denied && !poor && err != -ETIMEDOUT && err != -EPROTONOSUPPORT;
}

static int report_no_daemon(const struct context *context, int err, const char *sentence)
{
	if (!means_no_daemon(err))
		return report(context, err, "%s", sentence);
	print_error(context, sentence, strerrorname_np(-err), STATUS_NO_DAEMON);
	return STATUS_NO_DAEMON;
}

/*
 * Connecting waits for no answer, so a daemon that lets nobody in says why to the first request. The
 * descriptor for events is only for who was let in, and fails in the same way.
 */
static bool was_kept_out(const struct context *context, int err)
{
	return context->client && means_no_daemon(err) &&
	       mmiod_client_event_fd(context->client) == err;
}

int report_client(const struct context *context, int err)
{
	char sentence[512], named[768], hint[256] = "";

	snprintf(sentence, sizeof(sentence), "%s", mmiod_client_error(context->client));
	if (was_kept_out(context, err))
		return report_no_daemon(context, err, sentence);
	sentence_names(sentence[0] ? sentence : strerror(-err), named, sizeof(named));
	if (err == -EACCES)
		sentence_hint(sentence, hint, sizeof(hint));
	return report(context, err, "%s%s", named, hint);
}

int out_of_memory(const struct context *context)
{
	return report(context, -ENOMEM, "out of memory");
}

/* Something that happened and is no error of this command. */
void note(const struct context *context, const char *format, ...)
{
	char message[1024];
	va_list args;
	json_t *root;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	if (!context->json) {
		fprintf(stderr, "mmioctl: %s\n", message);
		return;
	}
	root = json_pack("{s:i, s:o}", "schema", JSON_SCHEMA, "message", json_text(message));
	json_dumpf(root, stderr, JSON_ENSURE_ASCII);
	fputc('\n', stderr);
	json_decref(root);
}

/* 0, or the -errno of the first time that output could not be written, which stdio forgets. */
int output_flush(void)
{
	static int first;

	errno = 0;
	if (!fflush(stdout) && !ferror(stdout))
		return 0;
	if (!first)
		first = errno ? -errno : -EIO;
	return first;
}

/*
 * A reader that went away is nobody to tell: SIGPIPE ends us, or if whoever started us ignores it,
 * we end silently.
 */
int output_close(const struct context *context, int status)
{
	int err = output_flush();

	if (err && err != -EPIPE)
		report(context, err, "cannot write the output: %s", strerror(-err));
	return err && !status ? STATUS_FAILED : status;
}

/* Once: who needs the daemon says so, whoever asked for it before. */
int client_open(struct context *context)
{
	int err;

	if (context->client)
		return 0;
	err = mmiod_client_connect(context->socket, &context->client);
	return err ? report_no_daemon(context, err, mmiod_client_error(NULL)) : 0;
}

/* For verbs that can do without: whether there is a daemon, and it lets us in. */
bool client_try(struct context *context)
{
	if (!context->client && mmiod_client_connect(context->socket, &context->client))
		return false;
	return mmiod_client_event_fd(context->client) >= 0;
}
