// SPDX-License-Identifier: MIT
/*
 * mmiod in simulation, asked through libmmiod. Each window is a page of its own, leased
 * exclusively.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>
#include <mmiod/mmiod.h>

#include "bench.h"

static const char configuration[] = "[daemon]\nleases-per-user = 1000000\n"
				    "connections-per-user = 4096\nbytes-per-user = 64G\n"
				    "connection-rate-per-user = 1000000\n"
				    "waiting-per-user = 64\n"
				    "[admin bench]\nuser = %u 2003\n"
				    "[region bench]\nsize = 8G\n"
				    "[region pool]\nsize = 1G\npool = yes\n"
				    "[region unwiped]\nsize = 1G\npool = yes\nwipe = no\n"
				    "[grant bench]\nregion = bench pool unwiped\nuser = *\n"
				    "access = rw\n";

/* With an answer: connecting waits for none, and the daemon is to have the client by now. */
static void *daemon_open(struct subject *subject)
{
	struct mmiod_client *client;
	struct mmiod_status status;

	if (mmiod_client_connect(subject->socket, &client) < 0)
		die(mmiod_client_error(NULL));
	if (mmiod_client_status(client, &status) < 0)
		die(mmiod_client_error(client));
	return client;
}

static void daemon_close(void *connection)
{
	mmiod_client_free(connection);
}

/* Freeing a lease closes its file; in simulation the daemon keeps it until the connection ends. */
static void daemon_lease(void *connection, uint64_t first, size_t count)
{
	struct mmiod_want wants[BATCH_MAX] = { 0 };
	struct mmiod_lease *leases[BATCH_MAX];
	uint64_t page = mmiod_page_size();

	for (size_t i = 0; i < count; i++) {
		wants[i].region = "bench";
		wants[i].offset = (first + i) * page;
		wants[i].length = page;
		wants[i].rights = MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE;
	}
	if (mmiod_client_lease_many(connection, wants, count, 0, leases, NULL) != (int)count)
		die(mmiod_client_error(connection));
	for (size_t i = 0; i < count; i++)
		mmiod_lease_free(leases[i]);
}

static void write_configuration(const char *path)
{
	FILE *file = fopen(path, "wxe");

	if (!file)
		die(path);
	fprintf(file, configuration, getuid());
	if (fclose(file))
		die(path);
}

static void wait_for_it(const char *socket)
{
	const struct timespec rest = { .tv_nsec = 10000000 };
	struct mmiod_client *client;

	for (int i = 0; i < 500; i++) {
		if (mmiod_client_connect(socket, &client) == 0) {
			mmiod_client_free(client);
			return;
		}
		nanosleep(&rest, NULL);
	}
	die(mmiod_client_error(NULL));
}

/* Nobody reads its log here. */
static _Noreturn void run(const char *program, const char *config, const char *socket)
{
	int null = open("/dev/null", O_RDWR);

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	unsetenv("JOURNAL_STREAM");
	unsetenv("NOTIFY_SOCKET");
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	execl(program, program, "--simulate", config, "--socket", socket, NULL);
	_exit(127);
}

void daemon_start(struct subject *subject, const char *program, const char *directory)
{
	char config[256];
	char *socket;

	snprintf(config, sizeof(config), "%s/conf", directory);
	write_configuration(config);
	if (asprintf(&socket, "%s/sock", directory) < 0)
		die("out of memory");
	*subject = (struct subject){
		.name = "mmiod",
		.open = daemon_open,
		.close = daemon_close,
		.lease = daemon_lease,
		.socket = socket,
	};
	subject->pid = fork();
	if (subject->pid < 0)
		die("fork");
	if (!subject->pid)
		run(program, config, socket);
	wait_for_it(socket);
}
