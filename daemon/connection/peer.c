// SPDX-License-Identifier: MIT
/*
 * Identity of a peer: SO_PEERCRED and SO_PEERGROUPS. From another pid namespace the pid reads 0; an
 * id that has no mapping in our user namespace reads as the overflow id. Neither says who it is:
 * such a peer is unknown.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-login.h>
#include "connection/peer.h"

#define OVERFLOW_ID 65534u /* /proc/sys/kernel/overflowuid, unless somebody changed it */
#define GROUPS_FIRST 32
#define CGROUP_MAX 1024 /* of /proc/PID/cgroup; longer ones are taken apart each time */

static uint32_t overflow_uid = OVERFLOW_ID;

static uint32_t read_overflow_uid(void)
{
	_cleanup_(fclosep) FILE *file = fopen("/proc/sys/kernel/overflowuid", "re");
	uint32_t id;

	return file && fscanf(file, "%u", &id) == 1 && id ? id : OVERFLOW_ID;
}

/*
 * Once at the start, when there are descriptors for it. Root may change the sysctl at any time; the
 * daemon then has to be restarted, as everybody has who asked before.
 */
void peer_init(void)
{
	overflow_uid = read_overflow_uid();
}

static int compare_gids(const void *a, const void *b)
{
	const gid_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The kernel has them in order already, but for the primary one. */
static void sort_groups(struct subject *subject, gid_t *gids)
{
	gid_t primary = gids[0];
	size_t i = 0;

	for (; i + 1 < subject->n_gids && gids[i + 1] < primary; i++)
		gids[i] = gids[i + 1];
	gids[i] = primary;
	for (i = 1; i < subject->n_gids; i++)
		if (gids[i - 1] > gids[i])
			break;
	if (i < subject->n_gids)
		qsort(gids, subject->n_gids, sizeof(*gids), compare_gids);
	subject->sorted = true;
}

/* A peer without SO_PEERGROUPS has just its primary group. */
static int read_groups(struct peer *peer, int fd, gid_t primary)
{
	socklen_t length = GROUPS_FIRST * sizeof(gid_t);
	gid_t *gids;

	for (;;) {
		gids = realloc(peer->gids, sizeof(gid_t) + length);
		if (!gids)
			return -ENOMEM;
		peer->gids = gids;
		if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, gids + 1, &length) == 0)
			break;
		if (errno != ERANGE) { /* ERANGE: length now says how much room it takes */
			length = 0;
			break;
		}
	}
	gids[0] = primary;
	peer->subject.gids = gids;
	peer->subject.n_gids = 1 + length / sizeof(gid_t);
	sort_groups(&peer->subject, gids);
	return 0;
}

/* A hint for people: the name may change, and the process may be gone. */
void peer_read_comm(struct holder *holder)
{
	_cleanup_(fd_closep) int fd = -1;
	char path[32];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%u/comm", holder->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, holder->comm, sizeof(holder->comm) - 1);
	if (n <= 0)
		snprintf(holder->comm, sizeof(holder->comm), "?");
	else
		holder->comm[strcspn(holder->comm, "\n")] = '\0';
}

/* The process's lines in /proc. False: it is gone, or they are longer than there is room. */
static bool read_cgroup(uint32_t pid, char *text, size_t size)
{
	_cleanup_(fd_closep) int fd = -1;
	char path[32];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%u/cgroup", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, size);
	if (n <= 0 || (size_t)n == size)
		return false;
	text[n] = '\0';
	return true;
}

/* False: it could not be seen, which says nothing of the next process of its cgroup. */
static bool look_unit_up(uint32_t pid, char unit[PEER_UNIT_MAX])
{
	_cleanup_(freep) char *name = NULL;
	int r = pid ? sd_pid_get_unit((pid_t)pid, &name) : -ESRCH;

	snprintf(unit, PEER_UNIT_MAX, "%s", r >= 0 ? name : "");
	return r >= 0 || r == -ENODATA; /* it belongs to none */
}

/*
 * By its cgroup: the service, or in a session the session's scope. A hint for people too. To take
 * it apart is most of the work for a connection, and clients that connect often are often of one
 * cgroup: the last one's unit is remembered.
 */
void peer_find_unit(uint32_t pid, char *unit, size_t size)
{
	static char last[CGROUP_MAX], last_unit[PEER_UNIT_MAX];
	char cgroup[CGROUP_MAX];

	if (!pid || !read_cgroup(pid, cgroup, sizeof(cgroup)))
		cgroup[0] = '\0';
	if (!cgroup[0] || strcmp(cgroup, last)) {
		if (!look_unit_up(pid, last_unit))
			cgroup[0] = '\0';
		strcpy(last, cgroup);
	}
	snprintf(unit, size, "%s", last_unit);
}

/*
 * Of systemd, as it is when somebody asks first, which for most connections nobody does: two files
 * of /proc are a tenth of what one costs. Empty: none, or not known, as of a process that is gone or
 * whose number is another's by now.
 */
const char *peer_unit(struct peer *peer)
{
	struct holder now = { .pid = peer->holder.pid };

	if (peer->unit_read)
		return peer->unit;
	peer->unit_read = true;
	peer_read_comm(&now);
	if (!strcmp(now.comm, peer->holder.comm))
		peer_find_unit(now.pid, peer->unit, sizeof(peer->unit));
	return peer->unit;
}

/* False: it is what a uid that has no number here looks like. */
bool peer_is_known(uid_t uid)
{
	return uid != (uid_t)-1 && uid != overflow_uid;
}

int peer_read(struct peer *peer, int fd)
{
	struct ucred cred;
	socklen_t length = sizeof(cred);

	*peer = (struct peer){ 0 };
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &length) < 0)
		return -errno;
	peer->subject.uid = cred.uid;
	peer->holder.uid = cred.uid;
	peer->holder.pid = (uint32_t)cred.pid;
	peer->subject.manager = cred.pid == 1;
	peer->subject.known = cred.pid > 0 && peer_is_known(cred.uid);
	/* All of them are one user, who is none of those that have a name here. */
	if (!peer->subject.known)
		peer->subject.uid = peer->holder.uid = overflow_uid;
	return read_groups(peer, fd, cred.gid);
}

/*
 * The name that the process has told in HELLO; empty: of an older library, and it is looked up. It is
 * not looked up when somebody asks first: it goes into the tag of each window, by which the holder is
 * known when the process is gone, and its number another's. To look it up at all is a fifth of what the
 * connection of a new process costs, because the kernel makes the process's files in /proc for it.
 */
void peer_name(struct peer *peer, const char told[static 16])
{
	struct holder *holder = &peer->holder;

	memset(holder->comm, 0, sizeof(holder->comm));
	memcpy(holder->comm, told, strnlen(told, sizeof(holder->comm) - 1));
	if (!holder->comm[0])
		peer_read_comm(holder);
}

void peer_clear(struct peer *peer)
{
	free(peer->gids);
	*peer = (struct peer){ 0 };
}
