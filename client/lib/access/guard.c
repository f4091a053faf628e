/* SPDX-License-Identifier: MIT */
/*
 * mmiod_guard(): SIGBUS in a guarded body becomes a return value.
 *
 * A revoked window raises SIGBUS in the thread that touched it, at the instruction that did. The
 * handler looks whether that thread is in a guarded body, and jumps out of it; any other SIGBUS
 * goes to whoever handled it before, or kills.
 *
 * The handler is installed by the first guard and stays; a program that installs its own afterwards
 * is noticed by the next guard and called in its turn.
 *
 * The kernel kills a thread that has SIGBUS blocked at the fault, whatever is installed; so the
 * outermost guard of a thread opens SIGBUS, by one system call, and closes it again if it was
 * closed. Ours runs with SIGBUS open (SA_NODEFER), but a handler that was installed later and hands
 * the signal on may have any mask, usually a full one. So the mask that the interrupted code had is
 * put back before the jump.
 */
#include "internal.h"

#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <ucontext.h>

struct guard {
	sigjmp_buf escape;
	struct guard *outer;
};

/* Initial-exec: the handler must not be the first to touch it, which could allocate memory. */
static __thread struct guard *innermost __attribute__((tls_model("initial-exec")));
static __thread struct {
	void *context; /* of the signal that was handed on */
	char *frame; /* of chain(), which may be left by a jump */
} handed __attribute__((tls_model("initial-exec")));

static struct sigaction previous;
static atomic_flag installing = ATOMIC_FLAG_INIT;

/*
 * Die of it, as without us: the access is repeated, or the signal sent again, with the default
 * action.
 */
static void die(int sig, const siginfo_t *info)
{
	struct sigaction standard = { .sa_handler = SIG_DFL };

	sigaction(sig, &standard, NULL);
	if (info->si_code <= 0)
		raise(sig);
}

/*
 * A handler that was installed after ours may hand the signal back to us; that must not go on for
 * ever. Then the signal is the same, and we are deeper in the stack. After a handler that left by a
 * jump, one or the other is not so.
 */
static bool comes_back(void *context)
{
	return context == handed.context && (char *)__builtin_frame_address(0) < handed.frame;
}

static void chain(int sig, siginfo_t *info, void *context)
{
	handed.context = context;
	handed.frame = __builtin_frame_address(0);
	if (previous.sa_flags & SA_SIGINFO)
		previous.sa_sigaction(sig, info, context);
	else if (previous.sa_handler == SIG_IGN && info->si_code <= 0)
		; /* sent by a process: ignored; by the hardware: cannot be */
	else if (previous.sa_handler == SIG_DFL || previous.sa_handler == SIG_IGN)
		die(sig, info);
	else
		previous.sa_handler(sig);
	handed.context = NULL;
}

/* The mask of the code that is jumped back into. Some who hand a signal on have no context for us. */
static void put_mask_back(const ucontext_t *context)
{
	sigset_t bus;

	if (context) {
		pthread_sigmask(SIG_SETMASK, &context->uc_sigmask, NULL);
		return;
	}
	sigemptyset(&bus);
	sigaddset(&bus, SIGBUS);
	pthread_sigmask(SIG_UNBLOCK, &bus, NULL);
}

static void handle(int sig, siginfo_t *info, void *context)
{
	struct guard *guard = innermost;

	if (comes_back(context)) {
		die(sig, info);
		return;
	}
	if (!guard || info->si_code != BUS_ADRERR) {
		chain(sig, info, context);
		return;
	}
	innermost = guard->outer;
	put_mask_back(context);
	siglongjmp(guard->escape, 1);
}

static bool is_ours(const struct sigaction *action)
{
	return action->sa_flags & SA_SIGINFO && action->sa_sigaction == handle;
}

static int install(void)
{
	struct sigaction ours = { .sa_sigaction = handle,
				  .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK };
	struct sigaction current;
	int err = 0;

	if (sigaction(SIGBUS, NULL, &current) < 0)
		return -errno;
	if (is_ours(&current))
		return 0;
	while (atomic_flag_test_and_set_explicit(&installing, memory_order_acquire))
		;
	if (sigaction(SIGBUS, NULL, &current) == 0 && !is_ours(&current)) {
		previous = current;
		if (sigaction(SIGBUS, &ours, NULL) < 0)
			err = -errno;
	}
	atomic_flag_clear_explicit(&installing, memory_order_release);
	return err;
}

/* Whether it was closed, and is to be closed again. */
static bool open_signal(void)
{
	sigset_t bus, before;

	sigemptyset(&bus);
	sigaddset(&bus, SIGBUS);
	return pthread_sigmask(SIG_UNBLOCK, &bus, &before) == 0 &&
	       sigismember(&before, SIGBUS) == 1;
}

static void close_signal(void)
{
	sigset_t bus;

	sigemptyset(&bus);
	sigaddset(&bus, SIGBUS);
	pthread_sigmask(SIG_BLOCK, &bus, NULL);
}

static int run_guarded(int (*body)(void *argument), void *argument)
{
	struct guard guard; /* no initialiser: it would clear the whole escape first */
	int result;

	guard.outer = innermost;
	if (sigsetjmp(guard.escape, 0))
		return -ENODEV;
	innermost = &guard;
	atomic_signal_fence(memory_order_seq_cst);
	result = body(argument);
	atomic_signal_fence(memory_order_seq_cst);
	innermost = guard.outer;
	return result;
}

MMIOD_EXPORT int mmiod_guard(int (*body)(void *argument), void *argument)
{
	bool was_closed;
	int result;

	if (innermost)
		return run_guarded(body, argument);
	result = install();
	if (result)
		return result;
	was_closed = open_signal();
	result = run_guarded(body, argument);
	if (was_closed)
		close_signal();
	return result;
}
