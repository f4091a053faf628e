/* SPDX-License-Identifier: MIT */
/*
 * By libedit. The history is kept below $XDG_STATE_HOME, for its user's eyes only. Words are completed by
 * what "mmioctl complete" answers, in a child of its own: it asks the daemon, for at most a second, and
 * whatever goes wrong there is silent.
 */
#include "batch-line.h"
#include "batch-terminal.h"
#include "target/kept.h"
#include "verb.h"

#include <errno.h>
#include <histedit.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define HISTORY_LINES 1000
#define ANSWER_MAX 65536
#define PATH_BYTES 4096

struct terminal {
	struct context *context;
	EditLine *edit;
	History *history;
	char path[PATH_BYTES]; /* of the history; "": it is not kept */
	struct line line; /* as far as it is typed, for completion */
	char copy[LINE_BYTES_MAX + 1];
	char answer[ANSWER_MAX];
	size_t answered;
};

/* ---- asking ---- */

/* In the child: the client is the parent's, so it gets one of its own. */
static void __attribute__((noreturn))
answer(const struct terminal *terminal, int fd, const char *what, const char *of)
{
	char *argv[] = { (char *)what, (char *)of, NULL };
	struct context context = *terminal->context;

	context.client = NULL;
	context.kept = NULL;
	if (dup2(fd, STDOUT_FILENO) >= 0) {
		complete_verb.run(&context, of ? 2 : 1, argv);
		fflush(stdout);
	}
	_exit(0);
}

static void collect(struct terminal *terminal, int fd)
{
	for (;;) {
		size_t room = ANSWER_MAX - 1 - terminal->answered;
		ssize_t n = read(fd, terminal->answer + terminal->answered, room);

		if (n <= 0 && !(n < 0 && errno == EINTR))
			break;
		terminal->answered += n > 0 ? (size_t)n : 0;
	}
	terminal->answer[terminal->answered] = '\0';
}

/* Adds the answer to those that there are: words, one a line. */
static void ask(struct terminal *terminal, const char *what, const char *of)
{
	int fds[2];
	pid_t child;

	fflush(NULL);
	if (pipe(fds) < 0)
		return;
	child = fork();
	if (child == 0)
		answer(terminal, fds[1], what, of);
	close(fds[1]);
	if (child > 0) {
		collect(terminal, fds[0]);
		waitpid(child, NULL, 0);
	}
	close(fds[0]);
}

/* ---- what may stand where ---- */

static const struct rule {
	const char *verb;
	int first, last; /* arguments, from 0 */
	const char *what; /* as "mmioctl complete" knows it */
	bool of_target; /* of the first argument */
} rules[] = {
	{ "free", 0, INT_MAX, "leases" },
	{ "revoke", 0, INT_MAX, "leases" },
	{ "show", 0, 0, "regions" },
	{ "show", 0, 0, "leases" },
	{ "pools", 0, INT_MAX, "pools" },
	{ "regs", 1, INT_MAX, "registers", true },
	{ "set", 1, INT_MAX, "fields", true },
	{ "clear", 1, INT_MAX, "fields", true },
	{ "toggle", 1, INT_MAX, "fields", true },
	{ "explain", 0, INT_MAX, "regions" },
	{ "copy", 0, 1, "regions" },
	{ "read", 0, 0, "regions" },
	{ "write", 0, 0, "regions" },
	{ "dump", 0, 0, "regions" },
	{ "fill", 0, 0, "regions" },
	{ "load", 0, 0, "regions" },
	{ "save", 0, 0, "regions" },
	{ "diff", 0, 0, "regions" },
	{ "wait", 0, 0, "regions" },
	{ "test", 0, 0, "regions" },
	{ "bench", 0, 0, "regions" },
	{ "map", 0, 0, "regions" },
	{ "regs", 0, 0, "regions" },
	{ "set", 0, 0, "regions" },
	{ "clear", 0, 0, "regions" },
	{ "toggle", 0, 0, "regions" },
};

/* @words: what stands before @word, which is typed, the verb first. */
static void ask_arguments(struct terminal *terminal, char **words, size_t count, const char *word)
{
	const char *target = NULL;
	int argument = 0;

	for (size_t i = 1; i < count; i++) {
		if (words[i][0] == '-')
			continue;
		if (!argument++)
			target = words[i];
	}
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		const struct rule *rule = &rules[i];

		if (!strcmp(rule->verb, words[0]) && argument >= rule->first &&
		    argument <= rule->last)
			ask(terminal, rule->what, rule->of_target ? target : word);
	}
}

/* Returns whether such a word is whole once it is completed: a target may go on. */
static bool ask_for(struct terminal *terminal, const char *word)
{
	char **words = terminal->line.words + 1;
	size_t count = terminal->line.count - 1;

	terminal->answered = 0;
	terminal->answer[0] = '\0';
	if (word[0])
		count--; /* it is the last one */
	if (word[0] == '-')
		ask(terminal, "options", count ? words[0] : NULL);
	else if (!count)
		ask(terminal, "verbs", NULL);
	else
		ask_arguments(terminal, words, count, word);
	return word[0] == '-' || !count;
}

/* ---- completing ---- */

/* Of the words in the answer that begin with @word: how many, and how much they have in common. */
static size_t common_part(char *answer, const char *word, const char **first, size_t *length)
{
	size_t fit = 0;

	for (char *at = strtok(answer, "\n"); at; at = strtok(NULL, "\n")) {
		size_t same = 0;

		if (strncmp(at, word, strlen(word)))
			continue;
		if (!fit++) {
			*first = at;
			*length = strlen(at);
		}
		while (same < *length && at[same] == (*first)[same])
			same++;
		*length = same;
	}
	return fit;
}

static void show_answer(const struct terminal *terminal, const char *word)
{
	const char *at = terminal->answer, *end = at + terminal->answered;

	putchar('\n');
	for (; at < end; at += strlen(at) + 1)
		if (at[0] && !strncmp(at, word, strlen(word)))
			printf("%s  ", at);
	putchar('\n');
	fflush(stdout);
}

static unsigned char complete(EditLine *edit, int key)
{
	const LineInfo *info = el_line(edit);
	struct terminal *terminal;
	const char *word, *first = NULL;
	size_t length = 0, fit;
	char missing[256];
	bool blank, whole;

	el_get(edit, EL_CLIENTDATA, &terminal);
	if ((size_t)(info->cursor - info->buffer) >= LINE_BYTES_MAX ||
	    line_split(&terminal->line, info->buffer, (size_t)(info->cursor - info->buffer),
		       terminal->copy))
		return CC_ERROR;
	blank = info->cursor == info->buffer || info->cursor[-1] == ' ';
	word = blank ? "" : terminal->line.words[terminal->line.count - 1];
	whole = ask_for(terminal, word);
	fit = common_part(terminal->answer, word, &first, &length);
	if (!fit)
		return CC_ERROR;
	if (length == strlen(word) && fit > 1) {
		show_answer(terminal, word);
		return CC_REDISPLAY;
	}
	snprintf(missing, sizeof(missing), "%.*s%s", (int)(length - strlen(word)),
		 first + strlen(word), whole && fit == 1 ? " " : "");
	return missing[0] && el_insertstr(edit, missing) < 0 ? CC_ERROR : CC_REFRESH;
}

/*
 * Control C drops what is typed. It is a key as any other while a line is edited, because a signal
 * might come when nobody reads; while a verb runs it is the signal that ends all.
 */
static unsigned char drop(EditLine *edit, int key)
{
	const LineInfo *info = el_line(edit);

	el_cursor(edit, (int)(info->lastchar - info->cursor));
	el_deletestr(edit, (int)(info->lastchar - info->buffer));
	putchar('\n');
	fflush(stdout);
	return CC_REDISPLAY;
}

/* ---- history ---- */

/* The folders on the way are made; where that fails, nothing is kept. */
static void find_history(struct terminal *terminal)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	int n = -1;

	if (state && state[0] == '/')
		n = snprintf(terminal->path, PATH_BYTES, "%s/mmiod/history", state);
	else if (home && home[0] == '/')
		n = snprintf(terminal->path, PATH_BYTES, "%s/.local/state/mmiod/history", home);
	if (n < 0 || n >= PATH_BYTES) {
		terminal->path[0] = '\0';
		return;
	}
	for (char *slash = strchr(terminal->path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(terminal->path, 0700);
		*slash = '/';
	}
}

static void save_history(const struct terminal *terminal)
{
	mode_t before = umask(077);
	HistEvent event;

	if (terminal->path[0] && history(terminal->history, &event, H_SAVE, terminal->path) >= 0)
		chmod(terminal->path, 0600);
	umask(before);
}

/* ---- the terminal ---- */

static char *prompt(EditLine *edit)
{
	return (char *)"mmioctl> ";
}

static int set_up(struct terminal *terminal)
{
	HistEvent event;

	terminal->edit = el_init("mmioctl", stdin, stdout, stderr);
	terminal->history = history_init();
	if (!terminal->edit || !terminal->history)
		return -1;
	history(terminal->history, &event, H_SETSIZE, HISTORY_LINES);
	history(terminal->history, &event, H_SETUNIQUE, 1);
	el_set(terminal->edit, EL_CLIENTDATA, terminal);
	el_set(terminal->edit, EL_PROMPT, prompt);
	el_set(terminal->edit, EL_EDITOR, "emacs");
	el_set(terminal->edit, EL_HIST, history, terminal->history);
	el_set(terminal->edit, EL_ADDFN, "complete", "complete the word", complete);
	el_set(terminal->edit, EL_BIND, "^I", "complete", NULL);
	el_set(terminal->edit, EL_ADDFN, "drop", "drop what is typed", drop);
	el_set(terminal->edit, EL_BIND, "^C", "drop", NULL);
	el_set(terminal->edit, EL_SETTY, "-d", "-isig", NULL);
	find_history(terminal);
	if (terminal->path[0])
		history(terminal->history, &event, H_LOAD, terminal->path);
	return 0;
}

struct terminal *terminal_open(struct context *context)
{
	struct terminal *terminal = calloc(1, sizeof(*terminal));

	if (terminal) {
		terminal->context = context;
		if (!set_up(terminal))
			return terminal;
		terminal_close(terminal);
	}
	out_of_memory(context);
	return NULL;
}

void terminal_close(struct terminal *terminal)
{
	if (!terminal)
		return;
	if (terminal->history) {
		save_history(terminal);
		history_end(terminal->history);
	}
	if (terminal->edit)
		el_end(terminal->edit);
	free(terminal);
}

/* Somebody who types takes his time: nothing is kept while he does. */
const char *terminal_line(struct terminal *terminal, size_t *length)
{
	const char *text;
	HistEvent event;
	int count = 0;

	kept_release(terminal->context->kept);
	output_flush();
	text = el_gets(terminal->edit, &count);
	if (!text || count <= 0)
		return NULL;
	if (text[0] != '\n')
		history(terminal->history, &event, H_ENTER, text);
	*length = (size_t)count - (text[count - 1] == '\n' ? 1 : 0);
	return text;
}
