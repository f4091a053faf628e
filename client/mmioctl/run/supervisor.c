/* SPDX-License-Identifier: MIT */
/*
 * The supervisor of mmioctl run: one thread that waits for what programs ask, for signals, for what
 * the daemon tells, and for leases that others hold. It ends when the last program has ended, which
 * it knows by the listener: that hangs up when no task has the filter any more.
 */
#include "run/answer.h"
#include "run/keeper.h"
#include "run/launch.h"
#include "run/run.h"
#include "run/say.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PENDING_MAX (KEEPER_HANDS - 1)
#define LOOK_MS 1000 /* between looks at who still has what was leased */
#define AWAITED_MS 100 /* between looks at whether who waits is still there */

/* A call that waits for others. */
struct pending {
	struct seccomp_notif notification;
	struct offer offer;
};

enum { POLL_LISTENER, POLL_SIGNALS, POLL_EVENTS, POLL_PENDING };

struct supervisor {
	struct context *context;
	struct answers answers;
	struct keeper keeper;
	struct signals signals;
	struct seccomp_notif *received; /* owned, of the kernel's size */
	size_t received_size;
	struct pending pending[PENDING_MAX];
	size_t pending_count;
	struct pollfd polls[POLL_PENDING + PENDING_MAX];
	bool hung_up; /* no program is left */
	bool lonely; /* the daemon went away */
};

static struct loans *loans_of(struct supervisor *supervisor)
{
	return &supervisor->answers.offers.loans;
}

/* ---- calls ---- */

/* In the last place what is being answered, in the others what waits. */
static void put_in_hand(struct supervisor *supervisor, size_t place, uint64_t id)
{
	struct hands *hands = supervisor->keeper.hands;

	__atomic_store_n(&hands->ids[place], id, __ATOMIC_RELEASE);
	if (id > hands->highest)
		__atomic_store_n(&hands->highest, id, __ATOMIC_RELEASE);
}

static void keep_pending(struct supervisor *supervisor, const struct seccomp_notif *notification,
			 const struct offer *offer)
{
	if (supervisor->pending_count == PENDING_MAX) {
		mmiod_wait_cancel(offer->wait);
		answer_error(&supervisor->answers, notification->id, -EBUSY);
		return;
	}
	supervisor->pending[supervisor->pending_count].notification = *notification;
	supervisor->pending[supervisor->pending_count].offer = *offer;
	put_in_hand(supervisor, supervisor->pending_count++, notification->id);
}

static void receive_call(struct supervisor *supervisor)
{
	struct seccomp_notif *notification = supervisor->received;
	struct offer offer;

	memset(notification, 0, supervisor->received_size);
	if (ioctl(supervisor->answers.listener, SECCOMP_IOCTL_NOTIF_RECV, notification))
		return;
	put_in_hand(supervisor, PENDING_MAX, notification->id);
	if (answer_call(&supervisor->answers, notification, &offer))
		keep_pending(supervisor, notification, &offer);
	put_in_hand(supervisor, PENDING_MAX, 0);
}

/* Moves the last one into its place. */
static void drop_pending(struct supervisor *supervisor, size_t index)
{
	size_t last = --supervisor->pending_count;

	supervisor->pending[index] = supervisor->pending[last];
	if (index != last)
		put_in_hand(supervisor, index, supervisor->pending[index].notification.id);
	put_in_hand(supervisor, last, 0);
}

/* Asks anew for what waits: one lease may be what several waited for. */
static void retry_pending(struct supervisor *supervisor)
{
	for (size_t i = supervisor->pending_count; i-- > 0;) {
		struct pending *pending = &supervisor->pending[i];
		struct mmiod_wait *old = pending->offer.wait;

		pending->offer.wait = NULL;
		mmiod_wait_cancel(old);
		if (!answer_call(&supervisor->answers, &pending->notification, &pending->offer))
			drop_pending(supervisor, i);
	}
}

static void finish_wait(struct supervisor *supervisor, size_t index)
{
	struct pending *pending = &supervisor->pending[index];
	struct mmiod_client *client = supervisor->context->client;
	int err = loan_finish(loans_of(supervisor), pending->offer.region, pending->offer.memtype,
			      pending->offer.wait);

	if (err == -EAGAIN)
		return;
	pending->offer.wait = NULL;
	if (err) {
		say_while_running(supervisor->context, "%s", mmiod_client_error(client));
		answer_error(&supervisor->answers, pending->notification.id,
			     err == -ETIMEDOUT ? -EBUSY : -EIO);
		drop_pending(supervisor, index);
	} else {
		retry_pending(supervisor);
	}
}

static void forget_gone(struct supervisor *supervisor)
{
	for (size_t i = supervisor->pending_count; i-- > 0;) {
		const struct pending *pending = &supervisor->pending[i];

		if (answer_is_awaited(&supervisor->answers, pending->notification.id))
			continue;
		mmiod_wait_cancel(pending->offer.wait);
		drop_pending(supervisor, i);
	}
}

/* ---- the daemon ---- */

static void tell_event(const struct supervisor *supervisor, const struct mmiod_event *event)
{
	const struct context *context = supervisor->context;
	unsigned long long lease = event->lease;

	switch (event->type) {
	case MMIOD_EVENT_REVOKE_ASKED:
		say_while_running(context, "lease %llu is to be given back within %u ms: %s", lease,
				  event->deadline_ms, event->text);
		break;
	case MMIOD_EVENT_REVOKED:
	case MMIOD_EVENT_GONE:
		say_while_running(context, "lease %llu was taken back: %s", lease,
				  event->text[0] ? event->text : "revoked");
		break;
	default:
		break;
	}
}

static void read_events(struct supervisor *supervisor)
{
	struct mmiod_event event;
	int n;

	while ((n = mmiod_client_next_event(supervisor->context->client, &event)) > 0)
		tell_event(supervisor, &event);
	supervisor->lonely = n < 0;
}

/* It may be back: any request connects again. Leases are to be renewed, if they have a time. */
static void look_for_daemon(struct supervisor *supervisor)
{
	struct mmiod_status status;

	if (supervisor->lonely && !mmiod_client_status(supervisor->context->client, &status))
		supervisor->lonely = false;
}

/* ---- the loop ---- */

static size_t arm(struct supervisor *supervisor)
{
	struct pollfd *polls = supervisor->polls;
	int events = mmiod_client_event_fd(supervisor->context->client);

	polls[POLL_LISTENER] =
		(struct pollfd){ .fd = supervisor->answers.listener, .events = POLLIN };
	polls[POLL_SIGNALS] = (struct pollfd){ .fd = supervisor->signals.fd, .events = POLLIN };
	polls[POLL_EVENTS] =
		(struct pollfd){ .fd = supervisor->lonely ? -1 : events, .events = POLLIN };
	for (size_t i = 0; i < supervisor->pending_count; i++)
		polls[POLL_PENDING + i] = (struct pollfd){
			.fd = mmiod_wait_fd(supervisor->pending[i].offer.wait),
			.events = POLLIN,
		};
	return POLL_PENDING + supervisor->pending_count;
}

static int patience(struct supervisor *supervisor)
{
	if (supervisor->pending_count)
		return AWAITED_MS;
	return loans_of(supervisor)->first || supervisor->lonely ? LOOK_MS : -1;
}

/* At most one, as its end may change the others' places. */
static void read_waits(struct supervisor *supervisor, size_t count)
{
	for (size_t i = POLL_PENDING; i < count; i++) {
		if (!supervisor->polls[i].revents)
			continue;
		finish_wait(supervisor, i - POLL_PENDING);
		return;
	}
}

/* What has been asked is answered before we stop: the program's own jobs may go on meanwhile. */
static void stop(struct supervisor *supervisor)
{
	struct pollfd listener = { .fd = supervisor->answers.listener, .events = POLLIN };

	while (poll(&listener, 1, 0) == 1 && listener.revents & POLLIN)
		receive_call(supervisor);
	signals_stop(&supervisor->signals);
}

static void serve_once(struct supervisor *supervisor)
{
	const struct pollfd *polls = supervisor->polls;
	size_t count = arm(supervisor);
	int n = poll(supervisor->polls, count, patience(supervisor));

	if (n > 0 && polls[POLL_LISTENER].revents & POLLIN)
		receive_call(supervisor);
	else if (n > 0 && polls[POLL_LISTENER].revents)
		supervisor->hung_up = true;
	if (n > 0 && polls[POLL_EVENTS].revents)
		read_events(supervisor);
	if (n > 0)
		read_waits(supervisor, count);
	if (n > 0 && polls[POLL_SIGNALS].revents)
		signals_read(&supervisor->signals);
	if (n == 0)
		look_for_daemon(supervisor);
	if (n == 0 || (n > 0 && polls[POLL_SIGNALS].revents)) {
		forget_gone(supervisor);
		vectors_return(loans_of(supervisor), &supervisor->answers.offers.vectors);
		loans_return(loans_of(supervisor));
	}
	if (supervisor->signals.stopped)
		stop(supervisor);
}

static int serve(struct supervisor *supervisor)
{
	while (!supervisor->hung_up && !supervisor->signals.deadly)
		serve_once(supervisor);
	/* Its filter may be gone a moment before its end is told. */
	while (!supervisor->signals.ended && !supervisor->signals.deadly) {
		struct pollfd end = { .fd = supervisor->signals.fd, .events = POLLIN };

		poll(&end, 1, -1);
		signals_read(&supervisor->signals);
	}
	return supervisor->signals.deadly ? 128 + supervisor->signals.deadly
					  : supervisor->signals.status;
}

/* ---- the start ---- */

/*
 * Descent helps with 1 only: with 2 it takes a privilege to read a program's memory, with 3 nobody
 * may.
 */
static int check_yama(const struct context *context)
{
	FILE *file = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
	int scope = 0;

	if (file && fscanf(file, "%d", &scope) != 1)
		scope = 0;
	if (file)
		fclose(file);
	if (scope < 2)
		return 0;
	note(context,
	     "kernel.yama.ptrace_scope is %d: mmioctl run reads from its programs which file they "
	     "mean, which takes 0 or 1",
	     scope);
	return STATUS_NO_FILTER;
}

static int check(const struct context *context, const struct run_options *options)
{
	if (!options->command || !options->command[0])
		return usage_error(context, "no command: mmioctl run [OPTION]… -- COMMAND…");
	if (!geteuid() && !options->as_root)
		return usage_error(context,
				   "root's programs can open device files by themselves, and would "
				   "get windows by policy instead: say --as-root if that is meant");
	return check_yama(context);
}

/* The kernel's structures may be larger than those that this was built with. */
static int make_room(struct supervisor *supervisor)
{
	struct seccomp_notif_sizes sizes;

	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes)) {
		note(supervisor->context, "this kernel tells nobody what programs open: %s",
		     strerror(errno));
		return STATUS_NO_FILTER;
	}
	supervisor->received_size = sizeof(*supervisor->received);
	if (sizes.seccomp_notif > supervisor->received_size)
		supervisor->received_size = sizes.seccomp_notif;
	supervisor->received = calloc(1, supervisor->received_size);
	return supervisor->received ? 0 : out_of_memory(supervisor->context);
}

static int ask_daemon(struct supervisor *supervisor, const struct run_options *options)
{
	struct context *context = supervisor->context;
	struct mmiod_status daemon;
	int status = client_open(context), err;

	if (status)
		return status;
	err = mmiod_client_status(context->client, &daemon);
	if (err)
		return report_client(context, err);
	*loans_of(supervisor) = (struct loans){
		.context = context,
		.options = options,
		.simulated = daemon.backend == MMIOD_BACKEND_SIMULATION,
	};
	return offer_windows(&supervisor->answers.offers);
}

static int start(struct supervisor *supervisor, const struct run_options *options)
{
	struct context *context = supervisor->context;
	struct answers *answers = &supervisor->answers;
	bool stats = answers->offers.plan.uio_count || answers->offers.plan.map_count;
	int err;

	err = signals_take(&supervisor->signals);
	if (!err)
		err = keeper_start(&answers->tree, &supervisor->keeper);
	if (err) {
		note(context, "cannot start: %s", strerror(-err));
		return STATUS_NO_FILTER;
	}
	/*
	 * Daemons of the program's stay our descendants: Yama has us read the memory of no others.
	 */
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	err = launch(context, options, stats, &supervisor->signals, &answers->listener);
	if (!err && keeper_give(&supervisor->keeper, answers->listener))
		say_while_running(context, "no program of its own looks after the programs");
	return err;
}

static void end(struct supervisor *supervisor)
{
	if (supervisor->answers.listener >= 0)
		close(supervisor->answers.listener);
	if (supervisor->keeper.pid > 0 && !supervisor->signals.deadly)
		keeper_end(&supervisor->keeper);
	else if (!supervisor->keeper.pid)
		tree_remove(&supervisor->answers.tree);
	if (supervisor->signals.fd >= 0)
		close(supervisor->signals.fd);
	configurations_drop(supervisor->answers.offers.operated);
	vectors_drop(&supervisor->answers.offers.vectors);
	loans_drop(loans_of(supervisor));
	plan_free(&supervisor->answers.offers.plan);
	free(supervisor->received);
	if (say_dropped())
		note(supervisor->context, "run: %u sentences found no room here", say_dropped());
}

static int run_all(struct supervisor *supervisor, const struct run_options *options)
{
	struct answers *answers = &supervisor->answers;
	struct offers *offers = &answers->offers;
	int status = make_room(supervisor);

	if (!status)
		status = plan_read(supervisor->context, options, &offers->plan);
	if (!status)
		status = ask_daemon(supervisor, options);
	offers->uio_major = tree_uio_major();
	if (!status)
		status = tree_make(supervisor->context, &offers->plan, offers->uio_major,
				   &answers->tree);
	if (!status)
		status = start(supervisor, options);
	return status ? status : serve(supervisor);
}

int run_command(struct context *context, const struct run_options *options)
{
	struct supervisor *supervisor;
	int status = check(context, options);

	if (status)
		return status;
	supervisor = calloc(1, sizeof(*supervisor));
	if (!supervisor)
		return out_of_memory(context);
	supervisor->context = context;
	supervisor->answers.context = context;
	supervisor->answers.listener = -1;
	supervisor->signals.fd = -1;
	status = run_all(supervisor, options);
	end(supervisor);
	free(supervisor);
	return status;
}
