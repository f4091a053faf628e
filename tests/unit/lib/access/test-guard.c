/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <mmiod/mmiod.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

/* A mapping that lost its pages: what a revoked window is, as the processor sees it. */
static volatile void *lost_page(void)
{
	int fd = memfd_create("lost", MFD_CLOEXEC);
	void *address;

	cr_assert_eq(ftruncate(fd, (off_t)mmiod_page_size()), 0);
	address = mmap(NULL, mmiod_page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	cr_assert_neq(address, MAP_FAILED);
	cr_assert_eq(ftruncate(fd, 0), 0);
	close(fd);
	return address;
}

static int touch(void *address)
{
	mmiod_write32(address, 1);
	return 42;
}

static int answer(void *argument)
{
	return *(int *)argument;
}

Test(guard, returns_what_its_body_returns)
{
	int value = 7;

	cr_assert_eq(mmiod_guard(answer, &value), 7);
	value = -EIO;
	cr_assert_eq(mmiod_guard(answer, &value), -EIO);
}

Test(guard, turns_a_lost_window_into_an_error)
{
	volatile void *page = lost_page();

	for (int i = 0; i < 3; i++)
		cr_assert_eq(mmiod_guard(touch, (void *)page), -ENODEV, "time %d", i);
}

Test(guard, leaves_the_signal_mask_as_it_was)
{
	sigset_t before, after;

	sigprocmask(SIG_SETMASK, NULL, &before);
	cr_assert_eq(mmiod_guard(touch, (void *)lost_page()), -ENODEV);
	sigprocmask(SIG_SETMASK, NULL, &after);
	cr_assert_not(sigismember(&after, SIGBUS));
	cr_assert_arr_eq(&before, &after, 8);
}

static int nest(void *argument)
{
	cr_assert_eq(mmiod_guard(touch, argument), -ENODEV);
	return touch(argument);
}

static int nest_and_return(void *argument)
{
	return mmiod_guard(touch, argument) == -ENODEV ? 5 : -1;
}

Test(guard, nests)
{
	volatile void *page = lost_page();

	cr_assert_eq(mmiod_guard(nest_and_return, (void *)page), 5);
	cr_assert_eq(mmiod_guard(nest, (void *)page), -ENODEV, "the outer one guards on");
}

static void *in_thread(void *argument)
{
	for (int i = 0; i < 1000; i++)
		if (mmiod_guard(touch, argument) != -ENODEV)
			return argument;
	return NULL;
}

Test(guard, is_of_each_thread)
{
	volatile void *page = lost_page();
	pthread_t threads[4];
	void *result;

	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, in_thread, (void *)page);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &result);
		cr_assert_null(result);
	}
}

static sigjmp_buf escape;
static volatile sig_atomic_t handled;

static void own_handler(int sig, siginfo_t *info, void *context)
{
	handled++;
	siglongjmp(escape, 1);
}

static void simple_handler(int sig)
{
	handled++;
	siglongjmp(escape, 1);
}

static void install_own(void)
{
	struct sigaction own = { .sa_sigaction = own_handler, .sa_flags = SA_SIGINFO };

	sigaction(SIGBUS, &own, NULL);
}

Test(guard, hands_what_is_not_guarded_to_the_handler_before)
{
	volatile void *page = lost_page();

	install_own();
	cr_assert_eq(mmiod_guard(touch, (void *)page), -ENODEV);
	cr_assert_eq(handled, 0);
	if (!sigsetjmp(escape, 1))
		touch((void *)page);
	cr_assert_eq(handled, 1);
	/* It was left by a jump, and the guard still works. */
	cr_assert_eq(mmiod_guard(touch, (void *)page), -ENODEV);
	if (!sigsetjmp(escape, 1))
		touch((void *)page);
	cr_assert_eq(handled, 2);
}

Test(guard, hands_to_a_simple_handler_too)
{
	volatile void *page = lost_page();

	signal(SIGBUS, simple_handler);
	cr_assert_eq(mmiod_guard(touch, (void *)page), -ENODEV);
	if (!sigsetjmp(escape, 1))
		touch((void *)page);
	cr_assert_eq(handled, 1);
}

Test(guard, notices_a_handler_that_came_after_it)
{
	volatile void *page = lost_page();

	cr_assert_eq(mmiod_guard(touch, (void *)page), -ENODEV);
	install_own();
	cr_assert_eq(mmiod_guard(touch, (void *)page), -ENODEV);
	cr_assert_eq(handled, 0);
	for (int i = 1; i < 4; i++) {
		if (!sigsetjmp(escape, 1))
			touch((void *)page);
		cr_assert_eq(handled, i);
	}
}

static struct sigaction before_own;

/* ---- signal masks ---------------------------------------------------------------------------- */

static void assert_masks_equal(const sigset_t *a, const sigset_t *b)
{
	for (int sig = 1; sig < SIGRTMIN; sig++)
		cr_assert_eq(sigismember(a, sig), sigismember(b, sig), "signal %d", sig);
}

static void mask_now(sigset_t *mask)
{
	pthread_sigmask(SIG_SETMASK, NULL, mask);
}

/* As a worker beside a signalfd has them. */
Test(guard, works_where_all_signals_are_blocked)
{
	volatile void *page = lost_page();
	sigset_t all, before, after;
	int value = 7;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	mask_now(&before);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(mmiod_guard(touch, (void *)page), -ENODEV, "time %d", i);
		mask_now(&after);
		assert_masks_equal(&before, &after);
	}
	cr_assert_eq(mmiod_guard(answer, &value), 7);
	mask_now(&after);
	assert_masks_equal(&before, &after);
	cr_assert(sigismember(&after, SIGBUS));
}

Test(guard, nests_where_all_signals_are_blocked)
{
	volatile void *page = lost_page();
	sigset_t all, before, after;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	mask_now(&before);
	cr_assert_eq(mmiod_guard(nest_and_return, (void *)page), 5);
	mask_now(&after);
	assert_masks_equal(&before, &after);
}

static void hand_on_with_context(int sig, siginfo_t *info, void *context)
{
	handled++;
	before_own.sa_sigaction(sig, info, context);
}

static void hand_on_without_context(int sig, siginfo_t *info, void *context)
{
	handled++;
	before_own.sa_sigaction(sig, info, NULL);
}

/* What the body does: another part of the program installs its handler while we are in it. */
static int touch_under_foreign_handler(void *argument)
{
	void (*const *handler)(int, siginfo_t *, void *) = argument;
	struct sigaction foreign = { .sa_sigaction = *handler, .sa_flags = SA_SIGINFO };

	sigfillset(&foreign.sa_mask);
	sigaction(SIGBUS, &foreign, &before_own);
	return touch((void *)lost_page());
}

static void survive_foreign_handler(void (*handler)(int, siginfo_t *, void *), sigset_t *after)
{
	volatile void *page = lost_page();

	handled = 0;
	cr_assert_eq(mmiod_guard(touch_under_foreign_handler, &handler), -ENODEV);
	cr_assert_eq(handled, 1, "the later handler came first, and handed on");
	mask_now(after);
	cr_assert_eq(mmiod_guard(touch, (void *)page), -ENODEV, "the next guard still works");
}

Test(guard, leaves_the_mask_as_it_was_when_a_foreign_handler_hands_on)
{
	sigset_t some, before, after;

	sigemptyset(&some);
	sigaddset(&some, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &some, NULL);
	mask_now(&before);
	survive_foreign_handler(hand_on_with_context, &after);
	assert_masks_equal(&before, &after);
}

Test(guard, closes_the_signal_again_when_a_foreign_handler_hands_on)
{
	sigset_t all, before, after;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	mask_now(&before);
	survive_foreign_handler(hand_on_with_context, &after);
	assert_masks_equal(&before, &after);
}

Test(guard, opens_at_least_the_signal_for_a_handler_that_hands_on_no_context)
{
	sigset_t after;

	survive_foreign_handler(hand_on_without_context, &after);
	cr_assert_not(sigismember(&after, SIGBUS));
}

static void hand_on(int sig, siginfo_t *info, void *context)
{
	if (++handled > 10)
		_exit(1);
	before_own.sa_sigaction(sig, info, context);
}

/* Ours hands to theirs, theirs to ours: the second time it is the default's turn. */
Test(guard, does_not_go_in_circles_with_a_later_handler, .signal = SIGBUS)
{
	struct sigaction own = { .sa_sigaction = hand_on, .sa_flags = SA_SIGINFO };
	volatile void *page = lost_page();

	signal(SIGBUS, SIG_DFL);
	cr_assert_eq(mmiod_guard(touch, (void *)page), -ENODEV);
	sigaction(SIGBUS, &own, &before_own);
	cr_assert_eq(mmiod_guard(touch, (void *)page), -ENODEV);
	touch((void *)page);
}

static int send_bus(void *argument)
{
	raise(SIGBUS);
	return 3;
}

static void count_only(int sig)
{
	handled++;
}

Test(guard, does_not_take_a_signal_that_somebody_sent)
{
	signal(SIGBUS, count_only);
	cr_assert_eq(mmiod_guard(send_bus, NULL), 3);
	cr_assert_eq(handled, 1);
}

Test(guard, ignores_a_sent_signal_that_was_ignored)
{
	signal(SIGBUS, SIG_IGN);
	cr_assert_eq(mmiod_guard(send_bus, NULL), 3);
}

Test(guard, lets_die_what_is_not_guarded, .signal = SIGBUS)
{
	volatile void *page = lost_page();

	signal(SIGBUS, SIG_DFL);
	cr_assert_eq(mmiod_guard(touch, (void *)page), -ENODEV);
	touch((void *)page);
}

Test(guard, dies_of_a_sent_signal_by_default, .signal = SIGBUS)
{
	signal(SIGBUS, SIG_DFL);
	mmiod_guard(send_bus, NULL);
}
