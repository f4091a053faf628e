// SPDX-License-Identifier: MIT
/* The daemon under attack: where it is, how it is, and daemons of a test's own. */
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fixture.h"

struct victim victim;

/* ---- time and processes ---- */

unsigned long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (unsigned long long)now.tv_sec * 1000 + (unsigned long long)now.tv_nsec / 1000000;
}

void sleep_ms(unsigned int ms)
{
	struct timespec rest = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&rest, NULL);
}

void become(uid_t uid)
{
	if (geteuid())
		tap_skip("only root can become another user");
	EXPECT(setgroups(0, NULL) == 0);
	EXPECT(setresgid(uid, uid, uid) == 0);
	EXPECT(setresuid(uid, uid, uid) == 0);
}

pid_t start_child(void (*run)(void *data), void *data)
{
	pid_t pid = fork();

	EXPECT(pid >= 0);
	if (pid)
		return pid;
	run(data);
	fflush(stdout);
	_exit(0);
}

/* Failing and skipping have exit statuses of their own, which go up to the harness. */
void wait_child(pid_t pid)
{
	int status;

	EXPECT(waitpid(pid, &status, 0) == pid);
	if (WIFSIGNALED(status))
		FAIL("a process of the attack was killed by signal %d", WTERMSIG(status));
	if (WEXITSTATUS(status))
		_exit(WEXITSTATUS(status));
}

/* ---- health ---- */

static unsigned int count_fds(pid_t pid)
{
	unsigned int count = 0;
	char path[64];
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	directory = opendir(path);
	if (!directory)
		FAIL("the daemon is gone: %s", path);
	for (struct dirent *entry; (entry = readdir(directory));)
		count += entry->d_name[0] != '.';
	closedir(directory);
	return count;
}

static long read_rss(pid_t pid)
{
	char path[64];
	long pages = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	file = fopen(path, "re");
	if (!file || fscanf(file, "%*d %ld", &pages) != 1)
		FAIL("the daemon is gone: %s", path);
	fclose(file);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static unsigned long read_cpu(pid_t pid)
{
	unsigned long user = 0, system = 0;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file || fscanf(file, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
			    &user, &system) != 2)
		FAIL("the daemon is gone: %s", path);
	fclose(file);
	return (user + system) * 1000 / (unsigned long)sysconf(_SC_CLK_TCK);
}

struct health health_read(void)
{
	struct health health = { 0 };

	health.fds = count_fds(victim.pid);
	health.rss_kib = read_rss(victim.pid);
	health.cpu_ms = read_cpu(victim.pid);
	return health;
}

/*
 * When the daemon counts no clients but the monitor, the descriptors of those that went are closed.
 * The monitor is a connection that is open before, during and after the attack.
 */
static void read_status(int monitor, struct health *health)
{
	struct answer *answer = malloc(sizeof(*answer));
	union request request;

	make_bare(&request, MMIOD_OP_STATUS);
	ask(monitor, &request, answer);
	if (!answer->length)
		FAIL("the daemon is gone; its log is %s", victim.log);
	EXPECT_EQ(answer->head.status, MMIOD_OK);
	EXPECT_EQ(answer->status.pid, victim.pid);
	*health = health_read();
	health->clients = answer->status.clients - 1;
	health->leases = answer->status.leases;
	free(answer);
}

/*
 * What is closed in another process reaches the daemon a little later, and what it closes itself is
 * counted as a client no more before it is closed: calm is when nothing has changed for some of its
 * turns, of which every answer takes one.
 */
static struct health wait_for_calm(int monitor)
{
	enum { TURNS = 10 };
	struct health health = { 0 };
	unsigned int fds = 0;

	for (int i = 0, same = 0; i < 10000 && same < TURNS; i++) {
		read_status(monitor, &health);
		same = health.clients || health.leases || health.fds != fds ? 0 : same + 1;
		fds = health.fds;
		if (!same)
			sleep_ms(5);
	}
	EXPECT_EQ(health.clients, 0);
	EXPECT_EQ(health.leases, 0);
	return health;
}

void expect_fds(unsigned int fds)
{
	for (int i = 0; i < 10000 && count_fds(victim.pid) != fds; i++)
		sleep_ms(5);
	EXPECT_EQ(count_fds(victim.pid), fds);
}

static void expect_healthy(int monitor, const struct health *before)
{
	const char *setting = getenv("MMIOD_RSS_SLACK_KIB");
	long slack =
		setting ? atol(setting) : 2048; /* malloc keeps up to 4096 for the next flood */
	struct health after = wait_for_calm(monitor);

	/* A configuration that is still being read again has descriptors open on the way. */
	expect_fds(before->fds);
	if (after.rss_kib > before->rss_kib + slack)
		FAIL("the daemon grew from %ld KiB to %ld KiB", before->rss_kib, after.rss_kib);
	expect_others_served();
}

/* ---- the daemon ---- */

static void use_common_victim(void)
{
	const char *path = getenv("MMIOD_SOCKET"), *pid = getenv("MMIOD_PID"),
		   *log = getenv("MMIOD_LOG");

	if (path && pid && log) {
		victim.pid = (pid_t)atol(pid);
		snprintf(victim.socket, sizeof(victim.socket), "%s", path);
		snprintf(victim.log, sizeof(victim.log), "%s", log);
		return;
	}
	FAIL("needs MMIOD_SOCKET, MMIOD_PID and MMIOD_LOG: see tests/integration/run");
}

static void write_configuration(const char *path, const char *settings)
{
	FILE *file = fopen(path, "we");

	EXPECT(file);
	fprintf(file,
		"%s\n"
		"[region " OPEN_REGION "]\nsize = 1M\n"
		"[region " ALONE_REGION "]\nsize = 64K\n"
		"[region " SHUT_REGION "]\nsize = 4K\n"
		"[device " OPEN_DEVICE "]\ninterrupts = msix\nvectors = 4\ndma-engine = no\n"
		"[grant devices]\ndevice = " OPEN_DEVICE "\ninterrupts = yes\nuser = *\n"
		"[grant open]\nregion = " OPEN_REGION
		"\nuser = *\naccess = rw\nshare = shared-write\n"
		"[grant alone]\nregion = " ALONE_REGION "\nuser = *\naccess = rw\n"
		"[grant shut]\nregion = " SHUT_REGION "\nuser = 4294967294\n",
		settings);
	if (geteuid())
		fprintf(file, "[admin us]\nuser = %u\n", geteuid());
	EXPECT(fclose(file) == 0);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	EXPECT(fd >= 0);
	EXPECT_EQ(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void confine(enum confinement confinement)
{
	char map[32];

	switch (confinement) {
	case FREE:
		break;
	case OWN_PID_NAMESPACE:
		if (unshare(CLONE_NEWPID) < 0)
			tap_skip("no pid namespace: %s", strerror(errno));
		break;
	case OWN_USER_NAMESPACE:
		snprintf(map, sizeof(map), "%u %u 1", geteuid(), geteuid());
		if (unshare(CLONE_NEWUSER) < 0)
			tap_skip("no user namespace: %s", strerror(errno));
		write_file("/proc/self/setgroups", "deny");
		write_file("/proc/self/uid_map", map);
		break;
	case UNPRIVILEGED:
		if (!geteuid())
			become(STRANGER);
	}
}

static _Noreturn void run_daemon(const char *config, unsigned int max_fds,
				 enum confinement confinement)
{
	const struct rlimit limit = { max_fds, max_fds };
	const char *program = getenv("MMIOD_PROGRAM");
	int log = open(victim.log, O_WRONLY | O_CREAT | O_APPEND, 0666);

	if (!program)
		FAIL("needs MMIOD_PROGRAM: see tests/integration/run");
	confine(confinement);
	if (confinement == OWN_PID_NAMESPACE) {
		pid_t pid = fork(); /* the first one in the new namespace */

		if (pid) {
			int status;

			waitpid(pid, &status, 0);
			_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
		}
	}
	if (max_fds)
		EXPECT(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	dup2(log, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	close(log);
	execl(program, program, "--simulate", config, "--socket", victim.socket, NULL);
	_exit(127);
}

static void wait_until_it_listens(void)
{
	for (int i = 0; i < 10000; i++) {
		int fd = try_connect(), status;

		if (fd >= 0) {
			close(fd);
			return;
		}
		if (waitpid(victim.pid, &status, WNOHANG) == victim.pid) {
			if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
				_exit(77);
			FAIL("the daemon ended with status 0x%x; its log is %s", status,
			     victim.log);
		}
		sleep_ms(10);
	}
	FAIL("the daemon does not listen");
}

/* Under a directory that any user may write to, so that the daemon may be anybody. */
void victim_start(const char *settings, unsigned int max_fds, enum confinement confinement)
{
	const char *temporary = getenv("TMPDIR");
	char config[128];

	snprintf(victim.directory, sizeof(victim.directory), "%s/mmiod-hostile.XXXXXX",
		 temporary ? temporary : "/tmp");
	EXPECT(mkdtemp(victim.directory));
	EXPECT(chmod(victim.directory, 0777) == 0);
	snprintf(config, sizeof(config), "%s/conf", victim.directory);
	snprintf(victim.socket, sizeof(victim.socket), "%s/sock", victim.directory);
	snprintf(victim.log, sizeof(victim.log), "%s/log", victim.directory);
	umask(022);
	write_configuration(config, settings);
	victim.pid = fork();
	EXPECT(victim.pid >= 0);
	if (!victim.pid)
		run_daemon(config, max_fds, confinement);
	wait_until_it_listens();
}

static void remove_directory(void)
{
	static const char *const names[] = { "conf", "sock", "log" };
	char path[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", victim.directory, names[i]);
		unlink(path);
	}
	rmdir(victim.directory);
}

/* With status 0, which it has not if a sanitizer found something. */
void victim_stop(void)
{
	int status;

	kill(victim.pid, SIGTERM);
	EXPECT(waitpid(victim.pid, &status, 0) == victim.pid);
	if (status)
		FAIL("the daemon ended with status 0x%x; its log is %s", status, victim.log);
	remove_directory();
}

/* ---- attacks ---- */

static void run_attack(void *data)
{
	void (**attack)(void) = data;

	(*attack)();
}

/* `prepare` starts a daemon of the attack's own; without it the common one is attacked. */
void attack_run(void (*attack)(void), void (*prepare)(void))
{
	struct health before;
	int monitor;

	if (prepare)
		prepare();
	else
		use_common_victim();
	expect_others_served();
	monitor = connect_greeted();
	before = wait_for_calm(monitor);
	wait_child(start_child(run_attack, &attack));
	expect_healthy(monitor, &before);
	if (prepare)
		victim_stop();
}
