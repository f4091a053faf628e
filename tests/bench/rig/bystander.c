// SPDX-License-Identifier: MIT
/*
 * 5: a lone client while others lose much. 64 processes have a window of almost a gigabyte mapped
 * by small pages; an administrator revokes it, and meanwhile another user leases a page and gives
 * it back, again and again. The figure is the time of the daemon that each of these answers took.
 */
#include <fcntl.h>
#include <mmiod/mmiod.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "rig-bench.h"

#define RIGHTS (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)
#define HOLDERS 64
#define REVOKES 5
#define LONE_UID 2001
#define ALONE 500 /* answers when nobody else asks for anything */
#define ANSWERS_MAX 100000

static struct {
	double ns[ANSWERS_MAX];
	int count;
} answers;

static int schedstat; /* of the daemon's one thread */

static double daemon_ns(void)
{
	char text[64] = "";

	if (pread(schedstat, text, sizeof(text) - 1, 0) <= 0)
		die("the daemon's schedstat");
	return strtod(text, NULL);
}

static struct mmiod_client *dial(void)
{
	struct mmiod_client *client;

	if (mmiod_client_connect(NULL, &client))
		die(mmiod_client_error(NULL));
	return client;
}

static void note(double before)
{
	if (answers.count < ANSWERS_MAX)
		answers.ns[answers.count++] = daemon_ns() - before;
}

static void ask(struct mmiod_client *lone)
{
	double before = daemon_ns();
	struct mmiod_lease *lease;

	if (mmiod_client_lease(lone, "lone", 0, PAGE, RIGHTS, &lease))
		die(mmiod_client_error(lone));
	note(before);
	before = daemon_ns();
	if (mmiod_lease_release(lease))
		die(mmiod_client_error(lone));
	note(before);
}

/* ---- the processes that lose it -------------------------------------------------------------- */

/* Not from where a large leaf could begin: page tables are what a zap costs. */
static void hold(size_t length, int told)
{
	struct mmiod_client *client = dial();
	struct mmiod_mapping *mapping;
	struct mmiod_lease *lease;
	uint64_t id;

	if (mmiod_client_lease(client, "bench", PAGE, length - PAGE, RIGHTS, &lease))
		die(mmiod_client_error(client));
	if (mmiod_lease_map(lease, 0, &mapping) || mmiod_mapping_populate(mapping))
		die("mapping a lease");
	for (int i = 1; i < HOLDERS; i++)
		if (!fork()) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			pause();
		}
	id = mmiod_lease_id(lease);
	if (write(told, &id, sizeof(id)) != sizeof(id))
		die("pipe");
	pause();
}

static pid_t start_holders(size_t length, uint64_t *id)
{
	int told[2];
	pid_t pid;

	if (pipe(told))
		die("pipe");
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		hold(length, told[1]);
	}
	close(told[1]);
	if (read(told[0], id, sizeof(*id)) != sizeof(*id))
		die("the holders");
	close(told[0]);
	return pid;
}

static pid_t start_revoke(uint64_t id)
{
	pid_t pid = fork();

	if (!pid) {
		struct mmiod_client *admin = dial();

		if (mmiod_client_revoke(admin, id, 0))
			die(mmiod_client_error(admin));
		_exit(0);
	}
	return pid;
}

static void ask_while_revoking(struct mmiod_client *lone, size_t length)
{
	uint64_t id;
	pid_t holders = start_holders(length, &id), revoker = start_revoke(id);

	while (waitpid(revoker, NULL, WNOHANG) == 0)
		ask(lone);
	kill(holders, SIGKILL);
	waitpid(holders, NULL, 0);
}

/* ---- the figures ----------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void tell_answers(const char *others)
{
	static const struct {
		const char *name;
		int thousandths;
	} quantiles[] = { { "p50", 500 }, { "p99", 990 }, { "max", 1000 } };

	qsort(answers.ns, answers.count, sizeof(answers.ns[0]), compare);
	for (int i = 0; i < 3; i++) {
		int at = (int)((long)answers.count * quantiles[i].thousandths / 1000);

		tell("bystander", "mmiod", others, quantiles[i].name,
		     answers.ns[at < answers.count ? at : answers.count - 1] / 1000);
	}
	tell("bystander", "mmiod", others, "answers", answers.count);
	answers.count = 0;
}

void bench_bystander(const char *daemon_pid, size_t length)
{
	struct mmiod_client *lone;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/schedstat", daemon_pid);
	schedstat = open(path, O_RDONLY | O_CLOEXEC);
	if (schedstat < 0)
		die(path);
	if (seteuid(LONE_UID))
		die("seteuid");
	lone = dial();
	if (seteuid(0))
		die("seteuid");
	while (answers.count < ALONE)
		ask(lone);
	tell_answers("nothing");
	for (int i = 0; i < REVOKES; i++)
		ask_while_revoking(lone, length);
	tell_answers("64 processes lose 1G");
}
