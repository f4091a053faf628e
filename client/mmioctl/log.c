/* SPDX-License-Identifier: MIT */
/*
 * mmioctl log: the daemon's lines in the journal.
 * journalctl does the work; this knows what to ask it for.
 */
#include "verb.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define LINES "50"

static void print_command(char *const *words)
{
	for (; *words; words++)
		fprintf(stderr, "%s%s", *words, words[1] ? " " : "\n");
}

static int verb_log(struct context *context, int argc, char **argv)
{
	char count[24] = LINES;
	char *words[] = { "journalctl", "--unit=mmiod.service",
			  "--no-pager", "-n",
			  count,	context->json ? "--output=json" : "--output=short",
			  NULL };

	if (context->lines.value > INT32_MAX)
		return usage_error(context, "--lines %llu: there are not so many",
				   (unsigned long long)context->lines.value);
	if (context->lines.is)
		snprintf(count, sizeof(count), "%llu", (unsigned long long)context->lines.value);
	if (context->verbose)
		print_command(words);
	execvp(words[0], words);
	return report(context, errno == ENOENT ? -EIO : -errno, "cannot run journalctl: %s",
		      strerror(errno));
}

const struct verb log_verb = {
	.name = "log",
	.arguments = "",
	.summary = "the daemon's lines in the journal",
	.group = GROUP_LIVE,
	.options = WITH_LINES,
	.run = verb_log,
	.examples = { { "log", "the last " LINES " lines" },
		      { "log -v", "also the journalctl line, to go on from there" },
		      { "log -n 500 --json", "with all fields, one object a line" } },
	.more = "The journal shows the service's lines to root and to the groups adm and\n"
		"systemd-journal.",
};
