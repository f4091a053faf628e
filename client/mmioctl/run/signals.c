/* SPDX-License-Identifier: MIT */
/*
 * As sudo(8) does it: what the terminal sends goes to the program as well, which decides; what
 * somebody sends to this process is passed on. When the program is stopped we stop, so that the
 * shell which started us sees a stopped job; the program's own jobs are none of our business.
 *
 * Every child is reaped at once. Before Linux 6.11 a filter is let go of only when its task has
 * been reaped, and who waited for the listener to hang up first would wait for ever.
 */
#include "run/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * A child of a process that ignores SIGCHLD is reaped by the kernel, and nobody hears of its end.
 */
static const struct {
	int sig;
	void (*handler)(int);
} changes[SIGNALS_CHANGED] = {
	{ SIGCHLD, SIG_DFL },
	{ SIGTTOU, SIG_IGN },
	{ SIGTTIN, SIG_IGN },
	{ SIGPIPE, SIG_IGN },
};

static const int passed_on[] = { SIGINT,  SIGQUIT, SIGTSTP, SIGTERM, SIGHUP,
				 SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH };

int signals_take(struct signals *signals)
{
	sigset_t set;

	*signals = (struct signals){ .fd = -1 };
	for (size_t i = 0; i < SIGNALS_CHANGED; i++) {
		struct sigaction action = { .sa_handler = changes[i].handler };

		sigaction(changes[i].sig, &action, &signals->changed[i]);
	}
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
		sigaddset(&set, passed_on[i]);
	sigprocmask(SIG_BLOCK, &set, &signals->inherited);
	signals->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return signals->fd < 0 ? -errno : 0;
}

void signals_restore(const struct signals *signals)
{
	for (size_t i = 0; i < SIGNALS_CHANGED; i++)
		sigaction(changes[i].sig, &signals->changed[i], NULL);
	sigprocmask(SIG_SETMASK, &signals->inherited, NULL);
}

static void note_end(struct signals *signals, const siginfo_t *info)
{
	if (info->si_pid != signals->child)
		return;
	signals->ended = true;
	signals->status = info->si_code == CLD_EXITED ? info->si_status : 128 + info->si_status;
}

static void reap(struct signals *signals)
{
	siginfo_t info = { 0 };

	while (!waitid(P_ALL, 0, &info, WEXITED | WNOHANG) && info.si_pid) {
		note_end(signals, &info);
		info.si_pid = 0;
	}
	info.si_pid = 0;
	if (signals->child && !signals->ended &&
	    !waitid(P_PID, (id_t)signals->child, &info, WSTOPPED | WNOHANG) && info.si_pid)
		signals->stopped = true;
}

static bool is_deadly(int sig)
{
	return sig == SIGINT || sig == SIGTERM || sig == SIGHUP || sig == SIGQUIT;
}

/* What the kernel sends comes from the terminal, and the program has it already. */
static void take_signal(struct signals *signals, const struct signalfd_siginfo *info)
{
	int sig = (int)info->ssi_signo;

	if (signals->ended) {
		if (is_deadly(sig))
			signals->deadly = sig;
	} else if (signals->child && info->ssi_code <= 0) {
		kill(signals->child, sig);
	}
}

void signals_read(struct signals *signals)
{
	struct signalfd_siginfo info;

	while (read(signals->fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			reap(signals);
		else
			take_signal(signals, &info);
	}
}

/* A program with a group of its own, as a shell has, needs the terminal that was given to ours. */
static void give_terminal(pid_t group)
{
	int terminal;

	if (group == getpgrp())
		return;
	terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (terminal < 0)
		return;
	if (tcgetpgrp(terminal) == getpgrp())
		tcsetpgrp(terminal, group);
	close(terminal);
}

void signals_stop(struct signals *signals)
{
	pid_t group;

	signals->stopped = false;
	kill(getpid(), SIGSTOP);
	group = getpgid(signals->child);
	if (group <= 0)
		return;
	give_terminal(group);
	kill(-group, SIGCONT);
}
