/* SPDX-License-Identifier: MIT */
/*
 * Holding: leases for as long as this process, or the command it runs, lives. For the verbs that
 * take leases to keep.
 *
 * The command finds the window files at the lowest descriptors from 3 on that the caller left free,
 * in the order of the leases: what he handed down is the command's, and is never replaced. Its
 * environment says in MMIOD_WINDOWS where they are and which windows; if they begin at 3 without a
 * gap, also in MMIOD_FDS (how many), MMIOD_TARGETS, MMIOD_LEASES and MMIOD_OFFSETS (where in its
 * file each window starts). All are separated by spaces. Windows that the caller was handed himself
 * stay in MMIOD_WINDOWS. Of a device file all is the same, but that MMIOD_DEVICES has it instead; memory
 * that is held with it are windows behind it.
 *
 * Signals that the caller had ignored stay so, those that he had blocked end a hold
 * as any other, and the command has them, and SIGCHLD, as he had them.
 *
 * While the leases are waited for, any other signal that ends a process breaks that off. From then
 * on they are taken from a signalfd: without a command they end the hold, with one they are passed
 * on and the command decides.
 */
#include "output/output.h"
#include "target/holding.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FIRST_FD 3
#define LAST_WORD_MS 500 /* how long to wait for the event that says who revoked */
#define IDENTITY_MAX 64 /* of a window, as mmiod_lease_identity() has it */
#define RETRY_MS 1000 /* between attempts to reach a daemon that went away */

struct held {
	const char *label; /* name of the region, or the kind of kernel memory */
	struct mmiod_lease *lease; /* NULL: it is an operation, or was given back */
	struct mmiod_operation *operation;
	char name[96]; /* the target as granted, or the device */
	bool gone;
	int copy; /* in the child: of the window's file */
	int place; /* the descriptor at which the command has it */
};

struct hold {
	struct context *context;
	char **command; /* NULL: none */
	struct held *held;
	size_t count;
	struct pollfd *polls; /* two more: events and signals */
	int signals; /* signalfd */
	sigset_t inherited; /* the mask we were started with */
	struct sigaction child_action; /* likewise, of SIGCHLD */
	pid_t child; /* 0: no command */
	int status; /* to exit with */
	bool done;
	bool lonely; /* the daemon went away */
};

static const int ending_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM };

#define ENDING_SIGNALS (sizeof(ending_signals) / sizeof(ending_signals[0]))

/* ---- waiting for leases ---- */

static struct mmiod_client *waiting_client; /* that a signal has wait no more */
static volatile sig_atomic_t caught;

static void break_off(int sig)
{
	if (!caught)
		mmiod_client_cancel(waiting_client);
	caught = sig;
}

static bool is_ignored(int sig)
{
	struct sigaction action;

	return !sigaction(sig, NULL, &action) && action.sa_handler == SIG_IGN;
}

/* A signal that the caller has ignored, as nohup does, stays ignored. */
static void catch_signals(const struct context *context, void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler };

	waiting_client = context->client;
	for (size_t i = 0; i < ENDING_SIGNALS; i++)
		if (!is_ignored(ending_signals[i]))
			sigaction(ending_signals[i], &action, NULL);
}

/* Signals that the caller had blocked end the wait as well; the command has them blocked again. */
static void let_signals_in(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ENDING_SIGNALS; i++)
		sigaddset(&set, ending_signals[i]);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* Ends the process as the signal would have, had it not been caught. */
static int die_of(int sig)
{
	fflush(NULL);
	signal(sig, SIG_DFL);
	let_signals_in();
	raise(sig);
	return 128 + sig;
}

/* ---- leases ---- */

static bool is_held(const struct held *held)
{
	return held->lease || held->operation;
}

static uint64_t held_id(const struct held *held)
{
	return held->operation ? mmiod_operation_lease(held->operation)
			       : mmiod_lease_id(held->lease);
}

static int held_fd(const struct held *held)
{
	return held->operation ? mmiod_operation_fd(held->operation) : mmiod_lease_fd(held->lease);
}

static uint64_t held_map_offset(const struct held *held)
{
	return held->operation ? 0 : mmiod_lease_map_offset(held->lease);
}

static int held_identity(const struct held *held, char *text, size_t size)
{
	return held->operation ? mmiod_operation_identity(held->operation, text, size)
			       : mmiod_lease_identity(held->lease, text, size);
}

static int held_release(struct held *held)
{
	int err = held->operation ? mmiod_operation_release(held->operation)
				  : mmiod_lease_release(held->lease);

	if (!err) {
		held->operation = NULL;
		held->lease = NULL;
	}
	return err;
}

static void held_free(struct held *held)
{
	mmiod_operation_free(held->operation);
	mmiod_lease_free(held->lease);
	held->operation = NULL;
	held->lease = NULL;
}

static void name_lease(struct held *held)
{
	target_words(held->label, mmiod_lease_offset(held->lease), mmiod_lease_length(held->lease),
		     held->name, sizeof(held->name));
}

static int take_memory(struct hold *hold, const struct holding *holding)
{
	int status = 0;

	for (size_t i = 1; !status && i < hold->count; i++) {
		struct held *held = &hold->held[i];

		status = holding->take_memory(hold->context, holding, hold->held[0].operation,
					      &held->lease);
		held->label = holding->label(holding, i);
		if (held->lease)
			name_lease(held);
	}
	return status;
}

static int take_operation(struct hold *hold, const struct holding *holding)
{
	struct held *held = &hold->held[0];
	int status;

	catch_signals(hold->context, break_off);
	let_signals_in();
	status = holding->take_operation(hold->context, holding, &held->operation);
	held->label = holding->label(holding, 0);
	snprintf(held->name, sizeof(held->name), "%s", held->label);
	return status ? status : take_memory(hold, holding);
}

/* All or none: those that were granted beside one that was not are released with the rest. */
static int take_leases(struct hold *hold, const struct holding *holding)
{
	struct mmiod_lease **leases;
	int status;

	if (holding->take_operation)
		return take_operation(hold, holding);
	leases = calloc(hold->count, sizeof(struct mmiod_lease *));
	if (!leases)
		return out_of_memory(hold->context);
	catch_signals(hold->context, break_off);
	let_signals_in();
	status = holding->take(hold->context, holding, leases);
	for (size_t i = 0; i < hold->count; i++) {
		struct held *held = &hold->held[i];

		held->lease = leases[i];
		held->label = holding->label(holding, i);
		if (held->lease)
			name_lease(held);
	}
	free(leases);
	return status;
}

static void release_leases(struct hold *hold)
{
	for (size_t i = 0; i < hold->count; i++) {
		struct held *held = &hold->held[i];

		if (is_held(held) && (held->gone || held_release(held)))
			held_free(held);
	}
}

static void announce_json(const struct held *held)
{
	const struct mmiod_lease *lease = held->lease;
	enum mmiod_memory memory = mmiod_lease_memory(lease);
	json_t *line =
		json_pack("{s:i, s:I, s:s, s:s?, s:o, s:I, s:s, s:s}", "schema", JSON_SCHEMA,
			  "lease", (json_int_t)mmiod_lease_id(lease), "memory", memory_word(memory),
			  "region", memory == MMIOD_MEMORY_REGION ? held->label : NULL, "offset",
			  json_place(mmiod_lease_offset(lease)), "length",
			  (json_int_t)mmiod_lease_length(lease), "rights",
			  rights_word(mmiod_lease_rights(lease)), "cache",
			  memtype_word(mmiod_lease_memtype(lease)));

	if (mmiod_lease_iova(lease) != MMIOD_NO_IOVA)
		json_object_set_new(line, "iova", json_number(mmiod_lease_iova(lease)));
	if (mmiod_lease_offset(lease) == UINT64_MAX)
		json_object_set_new(line, "extents",
				    json_integer(mmiod_lease_extents(lease, NULL, 0)));
	json_dumpf(line, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
	putchar('\n');
	json_decref(line);
}

static void announce_operation(const struct hold *hold, const struct held *held)
{
	unsigned long long id = held_id(held);

	if (hold->context->json)
		json_line(json_pack("{s:i, s:I, s:s, s:s}", "schema", JSON_SCHEMA, "lease",
				    (json_int_t)id, "kind", "device", "device", held->name));
	else
		printf("lease %llu %s device\n", id, held->name);
}

static int announce(const struct hold *hold)
{
	for (size_t i = 0; i < hold->count; i++) {
		const struct held *held = &hold->held[i];

		if (held->operation)
			announce_operation(hold, held);
		else if (hold->context->json)
			announce_json(held);
		else if (mmiod_lease_iova(held->lease) != MMIOD_NO_IOVA)
			printf("lease %llu %s %s %s at 0x%llx\n",
			       (unsigned long long)mmiod_lease_id(held->lease), held->name,
			       rights_word(mmiod_lease_rights(held->lease)),
			       memtype_word(mmiod_lease_memtype(held->lease)),
			       (unsigned long long)mmiod_lease_iova(held->lease));
		else
			printf("lease %llu %s %s %s\n",
			       (unsigned long long)mmiod_lease_id(held->lease), held->name,
			       rights_word(mmiod_lease_rights(held->lease)),
			       memtype_word(mmiod_lease_memtype(held->lease)));
	}
	return output_flush() ? STATUS_FAILED : 0;
}

/* ---- the command ---- */

static void list_append(char *list, size_t size, const char *item)
{
	size_t used = strlen(list);

	snprintf(list + used, size - used, "%s%s", used ? " " : "", item);
}

/* MMIOD_FDS and its kin, which can only say "from 3 on". @lists: three, of @size bytes. */
static int set_counted(const struct hold *hold, char *lists, size_t size)
{
	char *targets = lists, *leases = lists + size, *offsets = leases + size, number[32];
	int err;

	for (size_t i = 0; i < hold->count; i++) {
		const struct held *held = &hold->held[i];

		list_append(targets, size, held->name);
		snprintf(number, sizeof(number), "%llu", (unsigned long long)held_id(held));
		list_append(leases, size, number);
		snprintf(number, sizeof(number), "0x%llx",
			 (unsigned long long)held_map_offset(held));
		list_append(offsets, size, number);
	}
	snprintf(number, sizeof(number), "%zu", hold->count);
	err = setenv("MMIOD_FDS", number, 1) | setenv("MMIOD_TARGETS", targets, 1) |
	      setenv("MMIOD_LEASES", leases, 1) | setenv("MMIOD_OFFSETS", offsets, 1);
	return err ? -ENOMEM : 0;
}

/* A hold around this one may have set them. */
static void unset_counted(void)
{
	unsetenv("MMIOD_FDS");
	unsetenv("MMIOD_TARGETS");
	unsetenv("MMIOD_LEASES");
	unsetenv("MMIOD_OFFSETS");
}

/* Ours close when a program is run: what does not was handed down. */
static bool is_handed_down(int fd)
{
	int flags = fcntl(fd, F_GETFD);

	return flags >= 0 && !(flags & FD_CLOEXEC);
}

static bool is_device(const char *entry, const char *name)
{
	struct mmiod_operation *operation;
	char *saved = strdup(getenv("MMIOD_DEVICES") ?: "");
	bool good = saved && !setenv("MMIOD_DEVICES", entry, 1) &&
		    !mmiod_operation_inherited(name, 0, &operation);

	if (good)
		mmiod_operation_free(operation);
	if (saved)
		setenv("MMIOD_DEVICES", saved, 1);
	free(saved);
	return good;
}

/* Whether an entry of MMIOD_DEVICES still is what it says: FD@IDENTITY:DEVICE. */
static bool operates(const char *entry)
{
	char name[64];
	int fd;

	return sscanf(entry, "%d@%*[^: ]:%63s", &fd, name) == 2 && is_handed_down(fd) &&
	       is_device(entry, name);
}

/* Whether an entry of MMIOD_WINDOWS still is what it says: FD@IDENTITY:TARGET. */
static bool holds_good(const char *entry)
{
	char identity[IDENTITY_MAX];
	struct mmiod_lease *lease;
	int fd;

	if (sscanf(entry, "%d@%63[^: ]:", &fd, identity) != 2 || !is_handed_down(fd) ||
	    mmiod_window_adopt(fd, identity, &lease))
		return false;
	mmiod_lease_free(lease);
	return true;
}

/* What the caller was handed himself, and hands down. */
static void keep_inherited(char *list, size_t size, const char *inherited,
			   bool (*is_good)(const char *entry))
{
	char *copy = strdup(inherited), *rest = copy, *entry;

	while (rest && (entry = strsep(&rest, " ")))
		if (entry[0] && is_good(entry))
			list_append(list, size, entry);
	free(copy);
}

static int append_window(const struct held *held, char *list, size_t size)
{
	char entry[sizeof(held->name) + IDENTITY_MAX + 32], identity[IDENTITY_MAX], width[8] = "";
	int err = held_identity(held, identity, sizeof(identity));

	if (err)
		return err;
	if (held->lease && mmiod_lease_width(held->lease))
		snprintf(width, sizeof(width), ":%u", mmiod_lease_width(held->lease) * 8);
	snprintf(entry, sizeof(entry), "%d@%s:%s%s", held->place, identity, held->name, width);
	list_append(list, size, entry);
	return 0;
}

/* What is held stands in the one variable, what was handed down in both. */
static int set_list(const struct hold *hold, const char *variable, bool of_devices,
		    bool (*is_good)(const char *entry))
{
	const char *inherited = getenv(variable) ?: "";
	size_t size = strlen(inherited) + 2 +
		      hold->count * (sizeof(hold->held[0].name) + IDENTITY_MAX + 32);
	char *list = calloc(1, size);
	int err = 0;

	if (!list)
		return -ENOMEM;
	keep_inherited(list, size, inherited, is_good);
	for (size_t i = 0; !err && i < hold->count; i++)
		if (!hold->held[i].operation == !of_devices)
			err = append_window(&hold->held[i], list, size);
	if (!err && (list[0] ? setenv(variable, list, 1) : unsetenv(variable)))
		err = -ENOMEM;
	free(list);
	return err;
}

static int set_lists(const struct hold *hold)
{
	int err = set_list(hold, "MMIOD_WINDOWS", false, holds_good);

	return err ? err : set_list(hold, "MMIOD_DEVICES", true, operates);
}

static int set_environment(const struct hold *hold)
{
	size_t size = hold->count * sizeof(hold->held[0].name) + 1;
	int last = hold->held[hold->count - 1].place, err = set_lists(hold);
	char *lists;

	if (err)
		return err;
	if (last == FIRST_FD + (int)hold->count - 1) {
		lists = calloc(3, size);
		err = lists ? set_counted(hold, lists, size) : -ENOMEM;
		free(lists);
		return err;
	}
	unset_counted();
	if (hold->context->verbose)
		note(hold->context,
		     "not all descriptors from %d on were free: the command's last window is at "
		     "%d, and %s alone says where they are",
		     FIRST_FD, last, hold->held[0].operation ? "MMIOD_DEVICES" : "MMIOD_WINDOWS");
	return 0;
}

static void choose_places(struct hold *hold)
{
	int fd = FIRST_FD;

	for (size_t i = 0; i < hold->count; i++) {
		while (is_handed_down(fd))
			fd++;
		hold->held[i].place = fd++;
	}
}

/*
 * First out of the way of each other, then into place: dup2() drops close-on-exec, the copies keep
 * it.
 */
static int place_files(struct hold *hold)
{
	int above = hold->held[hold->count - 1].place + 1;

	for (size_t i = 0; i < hold->count; i++) {
		struct held *held = &hold->held[i];

		held->copy = fcntl(held_fd(held), F_DUPFD_CLOEXEC, above);
		if (held->copy < 0)
			return -errno;
	}
	for (size_t i = 0; i < hold->count; i++)
		if (dup2(hold->held[i].copy, hold->held[i].place) < 0)
			return -errno;
	return 0;
}

/* The environment before the files: these may take the place of what the library has open. */
static void __attribute__((noreturn)) run_child(struct hold *hold)
{
	char **command = hold->command;
	int err;

	choose_places(hold);
	err = set_environment(hold);
	if (!err)
		err = place_files(hold);
	catch_signals(hold->context, SIG_DFL);
	sigaction(SIGCHLD, &hold->child_action, NULL);
	sigprocmask(SIG_SETMASK, &hold->inherited, NULL);
	if (!err) {
		execvp(command[0], command);
		err = -errno;
	}
	note(hold->context, "cannot run \"%s\": %s", command[0], strerror(-err));
	_exit(err == -ENOENT ? 127 : 126);
}

static int start_command(struct hold *hold)
{
	fflush(NULL);
	hold->child = fork();
	if (hold->child < 0)
		return report(hold->context, -errno, "fork: %s", strerror(errno));
	if (!hold->child)
		run_child(hold);
	return 0;
}

static void reap(struct hold *hold)
{
	int status;

	if (!hold->child || waitpid(hold->child, &status, WNOHANG) != hold->child)
		return;
	hold->done = true;
	hold->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ---- waiting ---- */

/* A process whose parent ignores SIGCHLD is reaped by the kernel, and nobody hears of its end. */
static void hear_of_child(struct hold *hold)
{
	struct sigaction action = { .sa_handler = SIG_DFL };

	sigprocmask(SIG_SETMASK, NULL, &hold->inherited);
	sigaction(SIGCHLD, &action, &hold->child_action);
}

static int open_signals(struct hold *hold)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (size_t i = 0; i < ENDING_SIGNALS; i++)
		if (!is_ignored(ending_signals[i]))
			sigaddset(&set, ending_signals[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	hold->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (hold->signals < 0)
		return report(hold->context, -errno, "signalfd: %s", strerror(errno));
	return 0;
}

/* Signals of the terminal go to the command too: it is in our process group. */
static void read_signals(struct hold *hold)
{
	struct signalfd_siginfo info;

	while (read(hold->signals, &info, sizeof(info)) == sizeof(info)) {
		int sig = (int)info.ssi_signo;

		if (sig == SIGCHLD)
			reap(hold);
		else if (!hold->child)
			hold->done = true;
		else if (info.ssi_code <= 0)
			kill(hold->child, sig);
	}
}

static struct held *find_held(struct hold *hold, uint64_t id)
{
	for (size_t i = 0; i < hold->count; i++)
		if (is_held(&hold->held[i]) && held_id(&hold->held[i]) == id)
			return &hold->held[i];
	return NULL;
}

/*
 * A lease is lost: say so once, and without a command there is nothing left to do. @why starts with
 * "revoked" where the daemon names who did it; any other is a reason.
 */
static void lose(struct hold *hold, struct held *held, const char *why)
{
	bool whole = !why[0] || !strncmp(why, "revoked", 7);

	if (held->gone)
		return;
	held->gone = true;
	note(hold->context, "lease %llu (%s) was %s%s", (unsigned long long)held_id(held),
	     held->name, whole ? "" : "revoked: ", why[0] ? why : "revoked");
	if (hold->child)
		return;
	hold->status = STATUS_GONE;
	hold->done = true;
}

/* Asked to give a lease back: without a command nobody uses it, so it can go at once. */
static void give_back(struct hold *hold, struct held *held, const struct mmiod_event *event)
{
	if (hold->child) {
		note(hold->context, "lease %llu (%s) is to be given back within %u ms: %s",
		     (unsigned long long)event->lease, held->name, event->deadline_ms, event->text);
		return;
	}
	lose(hold, held, event->text);
	held_release(held);
}

static void handle_event(struct hold *hold, const struct mmiod_event *event)
{
	struct held *held = find_held(hold, event->lease);

	if (!held)
		return;
	switch (event->type) {
	case MMIOD_EVENT_REVOKE_ASKED:
		give_back(hold, held, event);
		break;
	case MMIOD_EVENT_REVOKED:
	case MMIOD_EVENT_GONE:
		lose(hold, held, event->text);
		break;
	case MMIOD_EVENT_EXPIRING:
		note(hold->context, "lease %llu (%s) ends in %u ms: %s",
		     (unsigned long long)event->lease, held->name, event->deadline_ms, event->text);
		break;
	case MMIOD_EVENT_STORM: /* of interrupts, which are not held so */
		break;
	case MMIOD_EVENT_SUSPENDED:
	case MMIOD_EVENT_RESUMED:
		note(hold->context, "lease %llu (%s) was %s", (unsigned long long)event->lease,
		     held->name,
		     event->type == MMIOD_EVENT_RESUMED ? "resumed" : "suspended with its device");
	}
}

static void read_events(struct hold *hold)
{
	struct mmiod_event event;
	int n;

	while ((n = mmiod_client_next_event(hold->context->client, &event)) > 0)
		handle_event(hold, &event);
	if (n < 0)
		hold->lonely = true;
}

/* The daemon may be back: any request connects again. Nothing is lost meanwhile but events. */
static void look_for_daemon(struct hold *hold)
{
	struct mmiod_status status;

	if (hold->lonely && !mmiod_client_status(hold->context->client, &status))
		hold->lonely = false;
}

/*
 * The kernel tells of a revocation before the daemon does: wait a moment for the event that names
 * who did it.
 */
static void handle_hangup(struct hold *hold, struct held *held)
{
	struct pollfd events = { .fd = mmiod_client_event_fd(hold->context->client),
				 .events = POLLIN };

	if (held->gone)
		return;
	while (!held->gone && poll(&events, 1, LAST_WORD_MS) > 0 && !hold->lonely)
		read_events(hold);
	lose(hold, held, "revoked");
}

/* A window whose file has hung up is not polled any more: it would never be quiet again. */
static void arm(const struct hold *hold)
{
	hold->polls[0] = (struct pollfd){ .fd = mmiod_client_event_fd(hold->context->client),
					  .events = POLLIN };
	hold->polls[1] = (struct pollfd){ .fd = hold->signals, .events = POLLIN };
	for (size_t i = 0; i < hold->count; i++) {
		const struct held *held = &hold->held[i];

		hold->polls[2 + i].fd = held->gone || !is_held(held) ? -1 : held_fd(held);
		hold->polls[2 + i].events = 0;
	}
}

static void wait_until_done(struct hold *hold)
{
	const struct pollfd *polls = hold->polls;

	while (!hold->done) {
		int n;

		arm(hold);
		n = poll(hold->polls, 2 + hold->count, hold->lonely ? RETRY_MS : -1);
		if (n == 0)
			look_for_daemon(hold);
		if (n <= 0)
			continue;
		if (polls[0].revents)
			read_events(hold);
		for (size_t i = 0; i < hold->count; i++)
			if (polls[2 + i].revents & (POLLHUP | POLLERR))
				handle_hangup(hold, &hold->held[i]);
		if (polls[1].revents)
			read_signals(hold);
	}
}

/* ---- what verbs call ---- */

static int run_hold(struct hold *hold, const struct holding *holding)
{
	int status;

	hear_of_child(hold);
	status = take_leases(hold, holding);
	if (!status)
		status = open_signals(hold);
	if (caught) {
		release_leases(hold);
		return die_of(caught);
	}
	if (!status && hold->command)
		status = start_command(hold);
	else if (!status)
		status = announce(hold);
	if (!status) {
		wait_until_done(hold);
		status = hold->status;
	}
	release_leases(hold);
	return status;
}

int hold_leases(struct context *context, const struct holding *holding)
{
	struct hold hold = { .context = context,
			     .command = holding->command,
			     .count = holding->count,
			     .signals = -1 };
	int status;

	hold.held = calloc(hold.count, sizeof(*hold.held));
	hold.polls = calloc(hold.count + 2, sizeof(*hold.polls));
	if (!hold.held || !hold.polls)
		status = out_of_memory(context);
	else
		status = run_hold(&hold, holding);
	if (hold.signals >= 0)
		close(hold.signals);
	free(hold.held);
	free(hold.polls);
	return status;
}
