// SPDX-License-Identifier: MIT
/*
 * The wait of a lone client while others keep the daemon busy: the processor time that the daemon's
 * main thread spends between the client's question and its answer. For each disturbance a process
 * of its own (of its own user, if the bench is root's) does what it does over and over, and the
 * bystander, of another user, asks for a page and gives it back.
 *
 * All share one processor, so the daemon does not run while its clock is read.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <mmiod/protocol.h>

#include "bench.h"

#define PROMISE_NS 1000000.0 /* at most, for 99 of 100 questions */
#define QUESTIONS 600 /* at least, of each row */
#define ONCE_QUESTIONS 300 /* around something that happens once, before and after; then again */
#define ONCE_MOST 20000 /* while it goes on */
#define MANY 100000u /* leases */
#define MOST 1000000u /* that one user may have */
#define WATCHERS 300
#define WAITERS 64
#define WAITERS_PER_CONNECTION 16
#define BATCHERS 8
#define LISTERS 8
#define SECTIONS 10000
#define PAGE 4096u
#define RIGHTS (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)

#define BYSTANDER_UID 2001
#define DISTURBER_UID 2002
#define ADMIN_UID 2003

static const char *path; /* of the socket */
static pid_t daemon_pid;
static const char *config_path;

static union {
	struct mmiod_msg msg;
	struct mmiod_msg_list_reply list;
	uint8_t bytes[MMIOD_MSG_MAX];
} reply;

/* ---- the wire -------------------------------------------------------------------------------- */

static void put(int fd, void *packet, uint16_t opcode, size_t fixed, size_t count, size_t stride)
{
	static uint64_t last_id;
	struct mmiod_msg *head = packet;

	*head = (struct mmiod_msg){ .size = (uint32_t)(fixed + count * stride),
				    .opcode = opcode,
				    .id = ++last_id,
				    .fixed = (uint32_t)fixed,
				    .count = (uint32_t)count,
				    .stride = (uint32_t)stride };
	if (send(fd, packet, head->size, MSG_NOSIGNAL) < 0)
		die("send");
}

/* Takes a message, whose descriptors are closed. */
static void take(int fd)
{
	char control[CMSG_SPACE(sizeof(int) * MMIOD_MSG_FDS_MAX)];
	struct iovec vector = { &reply, sizeof(reply) };
	struct msghdr header = { .msg_iov = &vector,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control) };
	struct cmsghdr *files;
	int fds[MMIOD_MSG_FDS_MAX];
	size_t n;

	if (recvmsg(fd, &header, MSG_CMSG_CLOEXEC) <= 0)
		die("the daemon hung up");
	files = CMSG_FIRSTHDR(&header);
	if (!files)
		return;
	n = (files->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fds, CMSG_DATA(files), n * sizeof(int));
	while (n)
		close(fds[--n]);
}

static void take_good(int fd)
{
	take(fd);
	if (reply.msg.status != MMIOD_OK) {
		errno = 0;
		die((const char *)reply.bytes + sizeof(struct mmiod_msg_error));
	}
}

static int dial(void)
{
	struct mmiod_msg_hello hello = { .version_min = 1,
					 .version_max = 1,
					 .max_message = MMIOD_MSG_MAX };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die(path);
	put(fd, &hello, MMIOD_OP_HELLO, sizeof(hello), 0, 0);
	take_good(fd);
	return fd;
}

static void put_lease(int fd, uint64_t page, size_t count, uint32_t wait_ms, uint32_t writes)
{
	struct {
		struct mmiod_msg_lease fixed;
		struct mmiod_wire_want wants[MMIOD_MSG_FDS_MAX];
	} packet = { .fixed.wait_ms = wait_ms };

	for (size_t i = 0; i < count; i++) {
		struct mmiod_wire_want *want = &packet.wants[i];

		*want = (struct mmiod_wire_want){ .region = "bench",
						  .offset = (page + i) * PAGE,
						  .length = PAGE,
						  .rights = RIGHTS,
						  .n_on_end = writes };
		for (uint32_t w = 0; w < writes; w++)
			want->on_end[w] = (struct mmiod_wire_write){ .offset = want->offset + 4 * w,
								     .width = 4 };
	}
	put(fd, &packet, MMIOD_OP_LEASE, sizeof(packet.fixed), count, sizeof(packet.wants[0]));
}

static uint64_t granted(size_t index)
{
	struct mmiod_wire_granted element;

	memcpy(&element, reply.bytes + reply.msg.fixed + index * reply.msg.stride, sizeof(element));
	if (element.status != MMIOD_OK) {
		errno = 0;
		die((const char *)reply.bytes + element.text.offset);
	}
	return element.lease;
}

static void put_end(int fd, uint16_t opcode, const uint64_t *leases, size_t count)
{
	struct {
		struct mmiod_msg_end fixed;
		uint64_t leases[MMIOD_BATCH_MAX];
	} packet = { .fixed.deadline_ms = 0 };

	/* The request is as long as in version 1, so that daemons of any age are measured. */
	memcpy((uint8_t *)&packet + MMIOD_V1_END, leases, count * sizeof(*leases));
	put(fd, &packet, opcode, MMIOD_V1_END, count, sizeof(*leases));
}

/* ---- the bystander --------------------------------------------------------------------------- */

/* ns that the daemon's main thread has run. */
static double daemon_ns(void)
{
	static int fd = -1;
	char buffer[64] = "";

	if (fd < 0) {
		snprintf(buffer, sizeof(buffer), "/proc/%d/task/%d/schedstat", (int)daemon_pid,
			 (int)daemon_pid);
		fd = open(buffer, O_RDONLY | O_CLOEXEC);
	}
	if (fd < 0 || pread(fd, buffer, sizeof(buffer) - 1, 0) <= 0)
		die("the daemon's schedstat");
	return strtod(buffer, NULL);
}

struct answers {
	double *ns;
	size_t count;
};

static void note(struct answers *answers, double before)
{
	answers->ns[answers->count++] = daemon_ns() - before;
}

static void question(int fd, struct answers *answers)
{
	double before = daemon_ns();
	uint64_t lease;

	put_lease(fd, MOST + 1000, 1, 0, 0);
	take_good(fd);
	note(answers, before);
	lease = granted(0);
	before = daemon_ns();
	put_end(fd, MMIOD_OP_RELEASE, &lease, 1);
	take_good(fd);
	note(answers, before);
}

/*
 * The answer wakes the bystander at once: the daemon's later work for others is not in its time.
 * Without the right to it the figures are what a scheduler's slice makes of them.
 */
static bool preempt_others(void)
{
	const struct sched_param first = { .sched_priority = 1 };

	return sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &first) == 0;
}

/* Others run meanwhile. */
static void pause_us(long us)
{
	const struct timespec rest = { .tv_nsec = us * 1000 };

	nanosleep(&rest, NULL);
}

/* ---- disturbances ---------------------------------------------------------------------------- */

static int lines[WATCHERS + 1];

static void take_many(int fd, unsigned int count, uint64_t first)
{
	for (unsigned int done = 0; done < count; done += MMIOD_MSG_FDS_MAX) {
		put_lease(fd, first + done, MMIOD_MSG_FDS_MAX, 0, 0);
		take_good(fd);
		granted(MMIOD_MSG_FDS_MAX - 1);
	}
}

static void dial_all(int count)
{
	for (int i = 0; i < count; i++)
		lines[i] = dial();
}

static void prepare_lists(void)
{
	dial_all(LISTERS);
	take_many(lines[0], MANY, 0);
}

static void put_list(int fd, uint16_t opcode, uint64_t cursor)
{
	struct mmiod_msg_list list = { .cursor = cursor };

	put(fd, &list, opcode, sizeof(list), 0, 0);
}

/* All of them at once, each page with a cursor that is nowhere near the start. */
static void list_leases(void)
{
	static uint64_t cursors[LISTERS];

	for (int i = 0; i < LISTERS; i++)
		put_list(lines[i], MMIOD_OP_LEASES, cursors[i]);
	for (int i = 0; i < LISTERS; i++) {
		take_good(lines[i]);
		cursors[i] = reply.msg.flags & MMIOD_MSG_MORE ? reply.list.cursor : 0;
	}
}

static void list_clients(void)
{
	for (int i = 0; i < LISTERS; i++)
		for (int j = 0; j < 16; j++)
			put_list(lines[i], MMIOD_OP_CLIENTS, 0);
	for (int i = 0; i < LISTERS; i++)
		for (int j = 0; j < 16; j++)
			take_good(lines[i]);
}

static void prepare_end(void)
{
	lines[0] = dial();
	take_many(lines[0], MANY, 0);
}

static void prepare_end_of_most(void)
{
	lines[0] = dial();
	take_many(lines[0], MOST, 0);
}

static void hang_up(void)
{
	close(lines[0]);
}

static void prepare_one(void)
{
	lines[0] = dial();
}

static void wipe(void)
{
	struct {
		struct mmiod_msg_lease fixed;
		struct mmiod_wire_alloc alloc;
	} packet = {
		.alloc = { .region = "pool", .length = 64u << 20, .rights = RIGHTS, .node = -1 }
	};
	uint64_t lease;

	put(lines[0], &packet, MMIOD_OP_ALLOC, sizeof(packet.fixed), 1, sizeof(packet.alloc));
	take_good(lines[0]);
	lease = granted(0);
	put_end(lines[0], MMIOD_OP_RELEASE, &lease, 1);
	take_good(lines[0]);
}

static void prepare_watchers(void)
{
	dial_all(WATCHERS + 1);
	for (int i = 0; i < WATCHERS; i++) {
		struct mmiod_msg_monitor monitor = { .on = 1 };

		put(lines[i], &monitor, MMIOD_OP_MONITOR, sizeof(monitor), 0, 0);
		take_good(lines[i]);
	}
}

/* A lease and its end are two notices for each watcher, and the bystander's are as well. */
static void watch(void)
{
	int fd = lines[WATCHERS];
	uint64_t lease;

	put_lease(fd, 0, 1, 0, 0);
	take_good(fd);
	lease = granted(0);
	put_end(fd, MMIOD_OP_RELEASE, &lease, 1);
	take_good(fd);
	for (int i = 0; i < WATCHERS; i++)
		while (recv(lines[i], &reply, sizeof(reply), MSG_DONTWAIT) > 0)
			;
}

static void prepare_waiters(void)
{
	const int connections = WAITERS / WAITERS_PER_CONNECTION;

	dial_all(connections);
	for (int i = 0; i < WAITERS; i++)
		put_lease(lines[i % connections], 0, 1, UINT32_MAX, 0);
}

/* The client that gets the page gives it back, and waits for it again. */
static void relieve(void)
{
	const int connections = WAITERS / WAITERS_PER_CONNECTION;
	struct pollfd polls[WAITERS / WAITERS_PER_CONNECTION];

	for (int i = 0; i < connections; i++)
		polls[i] = (struct pollfd){ .fd = lines[i], .events = POLLIN };
	poll(polls, (nfds_t)connections, -1);
	for (int i = 0; i < connections; i++) {
		uint64_t lease;

		if (!polls[i].revents)
			continue;
		take_good(lines[i]);
		if (reply.msg.opcode != MMIOD_OP_LEASE)
			continue;
		lease = granted(0);
		put_lease(lines[i], 0, 1, UINT32_MAX, 0);
		put_end(lines[i], MMIOD_OP_RELEASE, &lease, 1);
	}
}

static void prepare_batches(void)
{
	dial_all(BATCHERS);
}

static void lease_batches(void)
{
	uint64_t leases[BATCHERS][MMIOD_MSG_FDS_MAX];

	for (int i = 0; i < BATCHERS; i++)
		put_lease(lines[i], (uint64_t)i * MMIOD_MSG_FDS_MAX, MMIOD_MSG_FDS_MAX, 0, 0);
	for (int i = 0; i < BATCHERS; i++) {
		take_good(lines[i]);
		for (size_t j = 0; j < MMIOD_MSG_FDS_MAX; j++)
			leases[i][j] = granted(j);
	}
	for (int i = 0; i < BATCHERS; i++)
		put_end(lines[i], MMIOD_OP_RELEASE, leases[i], MMIOD_MSG_FDS_MAX);
	for (int i = 0; i < BATCHERS; i++)
		take_good(lines[i]);
}

/* 256 leases that each have 8 registers written at their end, taken by one request. */
static void take_by_force(void)
{
	uint64_t leases[MMIOD_BATCH_MAX];

	for (size_t done = 0; done < MMIOD_BATCH_MAX; done += MMIOD_MSG_FDS_MAX) {
		put_lease(lines[0], done, MMIOD_MSG_FDS_MAX, 0, MMIOD_ON_END_MAX);
		take_good(lines[0]);
		for (size_t j = 0; j < MMIOD_MSG_FDS_MAX; j++)
			leases[done + j] = granted(j);
	}
	while (recv(lines[0], &reply, sizeof(reply), MSG_DONTWAIT) > 0)
		;
	put_end(lines[1], MMIOD_OP_REVOKE, leases, MMIOD_BATCH_MAX);
	take_good(lines[1]);
	close(lines[0]);
	lines[0] = dial();
}

static void prepare_revoke(void)
{
	dial_all(2);
}

static void connect_and_go(void)
{
	for (int i = 0; i < 16; i++)
		close(dial());
}

static void write_sections(void)
{
	FILE *file = fopen(config_path, "ae");

	if (!file)
		die(config_path);
	for (int i = 0; i < SECTIONS / 2; i++)
		fprintf(file,
			"[region r%d]\nsize = 4K\n[grant g%d]\nregion = r%d\nuser = *\n"
			"access = rw\n",
			i, i, i);
	if (fclose(file))
		die(config_path);
}

static void reload(void)
{
	kill(daemon_pid, SIGHUP);
	pause_us(200000);
}

static void nothing(void)
{
	pause_us(1000);
}

static const struct disturbance {
	const char *name;
	void (*prepare)(void); /* done before the first question */
	void (*once)(void);
	uid_t uid;
	int once_rounds; /* it happens once in each of at most so many processes; 0: over and over */
} disturbances[] = {
	{ "nothing", NULL, nothing, DISTURBER_UID, 0 },
	{ "batches of 16 leases, 8 in flight", prepare_batches, lease_batches, DISTURBER_UID, 0 },
	{ "connecting, 16 at once", NULL, connect_and_go, DISTURBER_UID, 0 },
	{ "lists of 100,000 leases, 8 at once", prepare_lists, list_leases, DISTURBER_UID, 0 },
	{ "lists of clients that have them", prepare_lists, list_clients, DISTURBER_UID, 0 },
	{ "end of a client with 100,000 leases", prepare_end, hang_up, DISTURBER_UID, ROUNDS_MAX },
	{ "end of a client with 1,000,000 leases", prepare_end_of_most, hang_up, DISTURBER_UID, 2 },
	{ "300 watchers", prepare_watchers, watch, ADMIN_UID, 0 },
	{ "64 waiters", prepare_waiters, relieve, DISTURBER_UID, 0 },
	{ "64 MiB wiped", prepare_one, wipe, DISTURBER_UID, 0 },
	{ "256 leases with 8 writes revoked", prepare_revoke, take_by_force, ADMIN_UID, 0 },
	{ "reload of 10,000 sections", write_sections, reload, 0, 0 },
};
#define DISTURBANCES (sizeof(disturbances) / sizeof(disturbances[0]))

/* ---- rows ------------------------------------------------------------------------------------ */

static void become(uid_t uid)
{
	if (getuid() == 0 && uid && setresuid(uid, uid, uid) < 0)
		die("setresuid");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* Each way a byte: it is ready; it may begin. */
static _Noreturn void disturb(const struct disturbance *disturbance, int ready, int begin)
{
	char byte = 0;

	become(disturbance->uid);
	if (disturbance->prepare)
		disturbance->prepare();
	if (write(ready, &byte, 1) != 1 || read(begin, &byte, 1) != 1)
		_exit(1);
	do {
		disturbance->once();
	} while (!disturbance->once_rounds);
	pause();
	_exit(0);
}

static pid_t start(const struct disturbance *disturbance, int *begin)
{
	int ready[2], go[2];
	char byte;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0 || pipe2(go, O_CLOEXEC) < 0)
		die("pipe");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid)
		disturb(disturbance, ready[1], go[0]);
	close(ready[1]);
	close(go[0]);
	if (read(ready[0], &byte, 1) != 1)
		die(disturbance->name);
	close(ready[0]);
	*begin = go[1];
	return pid;
}

static void let_go(int begin)
{
	char byte = 0;

	if (write(begin, &byte, 1) != 1)
		die("a process is gone");
}

static void end(pid_t pid, int begin)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(begin);
	settle(daemon_pid);
	pause_us(200000);
	settle(daemon_pid);
}

static void ask(int fd, struct answers *answers, size_t count)
{
	for (size_t i = 0; i < count; i += 2) {
		question(fd, answers);
		pause_us(100);
	}
}

/* Whether the daemon has something to do that nobody waits for. */
static bool is_busy(void)
{
	double before = daemon_ns();

	pause_us(1000);
	return daemon_ns() - before > 100000;
}

/* As long as what happens once goes on. */
static void ask_meanwhile(int fd, struct answers *answers)
{
	size_t most = answers->count + ONCE_MOST - ONCE_QUESTIONS;

	do {
		ask(fd, answers, ONCE_QUESTIONS);
	} while (answers->count < most && is_busy());
}

static void disturbed(const struct disturbance *disturbance, int fd, struct answers *answers,
		      int rounds)
{
	const int most = disturbance->once_rounds ?: 1;

	for (int round = 0; round < rounds && round < most; round++) {
		int begin;
		pid_t pid = start(disturbance, &begin);

		if (disturbance->once_rounds) {
			ask(fd, answers, ONCE_QUESTIONS / 10);
			let_go(begin);
			ask_meanwhile(fd, answers);
		} else {
			let_go(begin);
			ask(fd, answers, QUESTIONS);
		}
		end(pid, begin);
	}
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void tell(const struct disturbance *disturbance, struct answers *answers, FILE *json)
{
	static const char *separator = "";
	size_t n = answers->count;
	double p50, p99, most;

	qsort(answers->ns, n, sizeof(*answers->ns), compare);
	p50 = answers->ns[n / 2];
	p99 = answers->ns[n * 99 / 100];
	most = answers->ns[n - 1];
	printf("%-38s %9zu %9.1f %9.1f %10.1f  %s\n", disturbance->name, n, p50 / 1e3, p99 / 1e3,
	       most / 1e3, p99 <= PROMISE_NS ? "met" : "missed");
	fflush(stdout);
	if (json)
		fprintf(json,
			"%s    { \"disturbance\": \"%s\", \"answers\": %zu, \"cpu_ns_p50\": %.0f, "
			"\"cpu_ns_p99\": %.0f, \"cpu_ns_max\": %.0f }",
			separator, disturbance->name, n, p50, p99, most);
	separator = ",\n";
}

static void measure_row(const struct disturbance *disturbance, int rounds, FILE *json)
{
	size_t most = QUESTIONS + (size_t)rounds * (ONCE_MOST + ONCE_QUESTIONS);
	struct answers answers = { .ns = calloc(most, sizeof(double)) };
	int fd;

	if (!answers.ns)
		die("out of memory");
	if (getuid() == 0 && seteuid(BYSTANDER_UID) < 0)
		die("seteuid");
	fd = dial(); /* who it is is seen when it connects */
	if (getuid() == 0 && seteuid(0) < 0)
		die("seteuid");
	ask(fd, &answers, 100);
	answers.count = 0;
	disturbed(disturbance, fd, &answers, rounds);
	tell(disturbance, &answers, json);
	close(fd);
	free(answers.ns);
}

static void measure_rows(int rounds, const char *json_path)
{
	const char *only = getenv("MMIOD_BENCH_ROW");
	FILE *json = json_path ? fopen(json_path, "we") : NULL;

	if (json_path && !json)
		die(json_path);
	if (json)
		fprintf(json, "{\n  \"schema\": 1,\n  \"version\": \"%s\",\n  \"results\": [\n",
			MMIOD_VERSION);
	for (size_t i = 0; i < DISTURBANCES; i++)
		if (!only || strstr(disturbances[i].name, only))
			measure_row(&disturbances[i], rounds, json);
	if (json && (fprintf(json, "\n  ]\n}\n") < 0 || fclose(json)))
		die(json_path);
}

void bystander_measure(struct subject *mmiod, const char *config, int rounds, const char *json)
{
	path = mmiod->socket;
	daemon_pid = mmiod->pid;
	config_path = config;
	printf("Processor time of the daemon between a lone client's question (a lease of a page, "
	       "its release) and the answer,\nwhile others keep it busy; in simulation. At most "
	       "1,000 us for 99 of 100 is promised.\n%s\n"
	       "%-38s %9s %9s %9s %10s\n",
	       getuid() ? "Not run by root: all are one user, who is an administrator.\n" : "",
	       "disturbed by", "answers", "p50 us", "p99 us", "max us");
	if (!preempt_others())
		printf("(No real-time priority is to be had: the figures include what the daemon "
		       "does after the answer.)\n");
	measure_rows(rounds, json);
}
