// SPDX-License-Identifier: MIT
/*
 * The listening socket. libevent's own listener calls back without end when accept() fails with
 * EMFILE, so this is a plain event; a client that cannot be accepted is taken with the reserve
 * descriptor, told why, and closed.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include "base/clock.h"
#include "base/log.h"
#include "connection/journal.h"
#include "connection/server.h"
#include "connection/socket.h"

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83 /* since 6.16; not in the headers of older systems */
#endif

#define ACCEPTS_PER_WAKE 4
#define WORK_ACCEPT 64u
#define BACKLOG 128

static const struct timeval rest_time = { 0, 100000 };

/*
 * A stale socket of a daemon that was killed is in the way of bind(); anything else at that path is
 * not ours.
 */
static int remove_stale(const char *path, struct text *why)
{
	_cleanup_(fd_closep) int probe = -1;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct stat status;

	if (lstat(path, &status) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(status.st_mode)) {
		text_set(why,
			 "%s is there already and is no socket: remove it, or choose another path",
			 path);
		return -EEXIST;
	}
	/* Without waiting: one whose backlog is full lives. */
	probe = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (probe < 0 || connect(probe, (struct sockaddr *)&address, sizeof(address)) == 0 ||
	    errno != ECONNREFUSED) {
		text_set(why, "another daemon listens on %s: stop it, or choose another path",
			 path);
		return -EADDRINUSE;
	}
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

/* ---- one daemon for each path ---------------------------------------------------------------- */

/*
 * Of the path that this process listens on: its lock, and which file the socket is. Two daemons
 * that start at once would both find the socket of a third stale; and one that stops may only
 * remove what it has made.
 */
static struct {
	int fd;
	dev_t device;
	ino_t inode;
} held = { .fd = -1 };

static int lock_name(const char *path, char *name, size_t size)
{
	return (size_t)snprintf(name, size, "%s.lock", path) < size ? 0 : -ENAMETOOLONG;
}

/* One that was removed while we waited to lock it is nobody's lock any more. */
static bool is_at(int fd, const char *name)
{
	struct stat opened, named;

	return fstat(fd, &opened) == 0 && lstat(name, &named) == 0 &&
	       opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

/* Returns the lock. */
static int take_lock(const char *path, struct text *why)
{
	char name[sizeof(((struct sockaddr_un *)0)->sun_path) + 8];
	int r = lock_name(path, name, sizeof(name));

	while (r == 0) {
		_cleanup_(fd_closep) int fd =
			open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

		if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0) {
			r = errno == EWOULDBLOCK ? -EADDRINUSE : -errno;
		} else if (is_at(fd, name)) {
			return steal_fd(&fd);
		}
	}
	if (r == -EADDRINUSE)
		text_set(why, "another daemon listens on %s: stop it, or choose another path",
			 path);
	else
		text_set(why, "cannot lock %s: %s", name, strerror(-r));
	return r;
}

static void drop_lock(const char *path, int lock)
{
	char name[sizeof(((struct sockaddr_un *)0)->sun_path) + 8];

	if (lock_name(path, name, sizeof(name)) == 0)
		unlink(name);
	close(lock);
}

static void hold(const char *path, int lock)
{
	struct stat status = { 0 };

	lstat(path, &status);
	held.fd = lock;
	held.device = status.st_dev;
	held.inode = status.st_ino;
}

/* Removes the socket that server_bind() made, if it is still the one at that path. */
void server_unbind(const char *path)
{
	struct stat status;

	if (held.fd >= 0 && lstat(path, &status) == 0 && status.st_dev == held.device &&
	    status.st_ino == held.inode)
		unlink(path);
	if (held.fd >= 0)
		drop_lock(path, held.fd);
	held.fd = -1;
}

static int bind_socket(const char *path, mode_t mode, struct text *why)
{
	_cleanup_(fd_closep) int fd = -1;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	mode_t mask;
	int r;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	r = remove_stale(path, why);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	mask = umask(0777 &
		     ~mode); /* never wider than meant, not even between bind() and chmod() */
	r = bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	umask(mask);
	if (r == 0 && listen(fd, BACKLOG) < 0)
		r = -errno;
	if (r < 0) {
		text_set(why, "cannot listen on %s: %s", path, strerror(-r));
		return r;
	}
	return steal_fd(&fd);
}

/*
 * For a daemon in the foreground; a service gets its socket from systemd. Returns the listening
 * socket.
 */
int server_bind(const char *path, mode_t mode, struct text *why)
{
	struct sockaddr_un address;
	int lock, fd;

	if (!path[0]) {
		text_set(why, "the socket's path is empty");
		return -EINVAL;
	}
	if (strlen(path) >= sizeof(address.sun_path)) {
		text_set(why, "the socket's path is longer than %zu characters",
			 sizeof(address.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	lock = take_lock(path, why);
	if (lock < 0)
		return lock;
	fd = bind_socket(path, mode, why);
	if (fd < 0)
		drop_lock(path, lock);
	else
		hold(path, lock);
	return fd;
}

/*
 * The socket of a tenant, in a directory that nobody else writes: who holds the lock of the main
 * socket may replace it. It is nobody's until it has its group and mode.
 */
int server_bind_tenant(const char *path, mode_t mode, gid_t gid, struct text *why)
{
	int fd = bind_socket(path, 0600, why);

	if (fd < 0)
		return fd;
	if ((gid == (gid_t)-1 || lchown(path, (uid_t)-1, gid) == 0) && chmod(path, mode) == 0)
		return fd;
	text_set(why, "cannot give %s its group and mode: %s", path, strerror(errno));
	unlink(path);
	close(fd);
	return -EACCES;
}

/* Tells a client why it is not let in. It sends HELLO and reads this as the answer. */
static void turn_away(struct server *server, int fd, enum mmiod_outcome outcome, const char *reason)
{
	static const struct mmiod_msg hello = { .opcode = MMIOD_OP_HELLO };
	struct message *message = &server->host->message;

	reply_error(message, &hello, outcome, "%s", reason);
	message_seal(message);
	send(fd, message->data, message->length, MSG_DONTWAIT | MSG_NOSIGNAL);
	socket_hang_up(fd);
}

/* Administrators have no limit: they must get in when somebody else's processes run wild. */
static int check_rate(struct server *server, const struct peer *peer)
{
	const struct config *config = *server->config;
	uint32_t rate = config->limits.connection_rate_per_user;
	uint64_t now = clock_coarse_ms();
	struct user_rate *user;

	if (policy_is_admin(config, &peer->subject))
		return 0;
	user = user_rates_need(&server->host->user_rates,
			       users_owner(&server->host->users, holder_payer(&peer->holder)), now);
	if (!user)
		return -ENOMEM;
	/* All that a user may have come again at once after a restart of the daemon. */
	return rate_take(&user->connections, now, config->limits.connections_per_user + rate, rate)
		       ? 0
		       : -EBUSY;
}

static void turn_away_for_limit(struct server *server, int fd, const struct peer *peer,
				enum mmiod_limit limit)
{
	const struct config_limits *limits = &(*server->config)->limits;
	char why[TEXT_MAX];

	server->host->counters.quota_refusals[limit]++;
	if (limit == MMIOD_LIMIT_CONNECTIONS)
		snprintf(why, sizeof(why),
			 "uid %u has %u connections, as many as connections-per-user in [daemon] "
			 "admits",
			 peer->subject.uid, limits->connections_per_user);
	else
		snprintf(why, sizeof(why),
			 "uid %u connects more often than connection-rate-per-user in [daemon] "
			 "admits, %u times in a second: wait a little",
			 peer->subject.uid, limits->connection_rate_per_user);
	journal_turned_away(server->host, peer, limit, why);
	turn_away(server, fd, MMIOD_E_QUOTA, why);
}

static void turn_away_unknown(struct server *server, int fd, const struct peer *peer)
{
	static const char why[] = "denied: the peer is unknown (it lives in another user or pid "
				  "namespace), and no grant says \"unknown = yes\"";

	server->host->counters.unknown_peers++;
	journal_turned_away(server->host, peer, 0, why);
	turn_away(server, fd, MMIOD_E_DENIED, why);
}

static void turn_away_for_shortage(struct server *server, int fd, const char *why)
{
	server->host->counters.out_of_resources++;
	turn_away(server, fd, MMIOD_E_RESOURCES, why);
}

/* ---- those whom no section names ------------------------------------------------------------- */

#define STRANGERS 64u /* connections of all of them */
#define STRANGERS_PER_USER 2u
#define STRANGERS_STAY_MS 10000u

static const struct timeval farewell_time = { 1, 0 };

/*
 * They are let in to be told why not; but as there may be any number of them, they have few places,
 * and not for long. A holder of leases by an older configuration is no stranger.
 */
static bool is_stranger(const struct server *server, const struct peer *peer)
{
	return !policy_names(*server->config, &peer->subject) &&
	       !user_uses(&server->host->users, holder_payer(&peer->holder), USER_LEASES);
}

static void on_farewell(evutil_socket_t fd, short what, void *data)
{
	struct server *server = data;
	uint64_t now = clock_coarse_ms();
	struct connection *connection;

	DL_FOREACH(server->host->connections, connection) {
		if (connection->stranger && now - connection->accepted_ms >= STRANGERS_STAY_MS)
			connection_doom(connection);
	}
	if (server->host->n_strangers)
		event_add(&server->host->farewell, &farewell_time);
}

static void welcome_stranger(struct server *server, struct connection *connection)
{
	connection_mark_stranger(connection, true);
	if (!evtimer_pending(&server->host->farewell, NULL))
		event_add(&server->host->farewell, &farewell_time);
}

/* ---- letting in ------------------------------------------------------------------------------ */

/* The lowest number that is free is given, so the number says how many are in use. */
static bool is_in_reserve(int fd)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
	       (rlim_t)fd >= limit.rlim_cur - limit.rlim_cur / 10;
}

/* Of the users who have idle ones, the one with the most. */
static struct connection *find_to_drop(const struct connection_host *host)
{
	struct connection *connection, *found = NULL;

	DL_FOREACH(host->connections, connection) {
		if (!connection_is_idle(connection))
			continue;
		if (!found ||
		    connection->user->used[USER_CONNECTIONS] > found->user->used[USER_CONNECTIONS])
			found = connection; /* its oldest: they stand in order */
	}
	return found;
}

/* For an administrator: false if there is nobody who would not be missed. */
static bool make_room(struct server *server)
{
	struct connection *connection = find_to_drop(server->host);

	if (!connection)
		return false;
	journal_dropped(connection, "it was idle, and an administrator needed its place");
	connection_free(connection);
	return true;
}

static int take_place(struct server *server, const struct peer *peer, bool admin, bool stranger,
		      struct charge *charge)
{
	struct users *users = &server->host->users;
	uint32_t limit = (*server->config)->limits.connections_per_user;
	const uint64_t payer = holder_payer(&peer->holder);

	if (admin)
		return charge_take_reserved(charge, users, payer, USER_CONNECTIONS, limit);
	if (!stranger)
		return charge_take(charge, users, payer, USER_CONNECTIONS, limit);
	if (server->host->n_strangers >= STRANGERS)
		return -EXFULL;
	if (limit > STRANGERS_PER_USER)
		limit = STRANGERS_PER_USER;
	return charge_take(charge, users, payer, USER_CONNECTIONS, limit);
}

static int take_in(struct server *server, int fd, struct peer *peer)
{
	bool admin = policy_is_admin(*server->config, &peer->subject);
	bool stranger = is_stranger(server, peer);
	struct connection *connection;
	struct charge charge;
	int r = check_rate(server, peer);

	if (r == 0 && !admin && is_in_reserve(fd))
		r = -EMFILE;
	if (r == 0)
		r = take_place(server, peer, admin, stranger, &charge);
	if (r == -EUSERS && admin && make_room(server))
		r = take_place(server, peer, admin, stranger, &charge);
	if (r == -EDQUOT && stranger)
		r = -EXFULL;
	if (r < 0)
		return r;
	r = connection_new(server->host, fd, peer, &charge, &connection);
	if (r < 0)
		charge_release(&charge);
	else if (stranger)
		welcome_stranger(server, connection);
	return r;
}

static void refuse_peer(struct server *server, int fd, const struct peer *peer, int error)
{
	char why[TEXT_MAX];

	switch (error) {
	case -EACCES:
		turn_away_unknown(server, fd, peer);
		break;
	case -EDQUOT:
		turn_away_for_limit(server, fd, peer, MMIOD_LIMIT_CONNECTIONS);
		break;
	case -EBUSY:
		turn_away_for_limit(server, fd, peer, MMIOD_LIMIT_CONNECTION_RATE);
		break;
	case -EXFULL:
		server->host->counters.quota_refusals[MMIOD_LIMIT_CONNECTIONS]++;
		snprintf(
			why, sizeof(why),
			"no section of the configuration could apply to uid %u; those of whom that "
			"is true have %u connections together, and %u each: wait a little",
			peer->subject.uid, STRANGERS, STRANGERS_PER_USER);
		turn_away(server, fd, MMIOD_E_QUOTA, why);
		break;
	case -EUSERS:
		server->host->counters.quota_refusals[MMIOD_LIMIT_CONNECTIONS]++;
		turn_away(server, fd, MMIOD_E_QUOTA,
			  "all users together have as many connections as \"connections\" in "
			  "[daemon] admits; the last tenth is for administrators");
		break;
	case -EMFILE:
		turn_away_for_shortage(server, fd,
				       "the daemon has few descriptors left, and keeps them for "
				       "administrators: try again later");
		break;
	default:
		turn_away_for_shortage(server, fd, "the daemon is out of memory or descriptors");
	}
}

/* On the socket of a tenant it is the tenant that connects, whoever it is. */
static int read_peer(const struct server *server, struct peer *peer, int fd)
{
	int r = peer_read(peer, fd);

	peer->subject.tenant = peer->holder.tenant = server->tenant;
	return r;
}

static bool admits_unknown(const struct server *server)
{
	const struct config *config = *server->config;
	const struct config_socket *tenant = config_find_socket(config, server->tenant);

	return server->tenant ? tenant && tenant->admits_unknown : config->admits_unknown;
}

static void admit(struct server *server, int fd)
{
	struct peer peer;
	int r = read_peer(server, &peer, fd);

	if (r == 0 && !peer.subject.known && !admits_unknown(server))
		r = -EACCES;
	if (r == 0)
		r = take_in(server, fd, &peer);
	if (r == 0) {
		server->host->counters.accepted++;
		return;
	}
	refuse_peer(server, fd, &peer, r);
	peer_clear(&peer);
}

static bool is_admins(const struct server *server, int fd)
{
	struct peer peer;
	bool is = read_peer(server, &peer, fd) == 0 &&
		  policy_is_admin(*server->config, &peer.subject);

	peer_clear(&peer);
	return is;
}

/*
 * Out of descriptors: a waiting client would keep the event ready for ever, so it is taken with the
 * one in reserve. An administrator has the place of somebody who is idle; others are told and
 * dropped.
 */
static void turn_one_away(struct server *server)
{
	int fd;

	fd_closep(&server->reserve_fd);
	server->reserve_fd = -1;
	fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0 && is_admins(server, fd) && make_room(server))
		admit(server, fd);
	else if (fd >= 0)
		turn_away_for_shortage(server, fd,
				       "the daemon is out of descriptors: try again later");
	server->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void rest(struct server *server, int error)
{
	if (rate_take_line(&server->log, clock_coarse_ms()))
		log_warning("cannot accept a client: %s", strerror(error));
	event_del(&server->event);
	event_add(&server->rest, &rest_time);
}

static void accept_some(struct server *server)
{
	for (int i = 0; i < ACCEPTS_PER_WAKE; i++) {
		int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			admit(server, fd);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE) {
			int error = errno;

			turn_one_away(server);
			rest(server, error);
		} else if (errno == ENOMEM || errno == ENOBUFS) {
			rest(server, errno);
		}
		return; /* EAGAIN, or this one client gave up */
	}
}

/* It goes before the questions of those who are connected, but not for ever. */
static void on_client(evutil_socket_t listening, short what, void *data)
{
	struct server *server = data;

	accept_some(server);
	turn_note(server->host, ACCEPTS_PER_WAKE * WORK_ACCEPT);
}

static void on_rested(evutil_socket_t fd, short what, void *data)
{
	struct server *server = data;

	event_add(&server->event, NULL);
}

/* Takes over the listening socket. */
int server_start(struct server *server, struct connection_host *host,
		 const struct config *const *config, int fd, uint32_t tenant)
{
	int off = 0;

	*server = (struct server){ .host = host, .config = config, .fd = fd, .tenant = tenant };
	server->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	/*
	 * Inherited by what is accepted. ENOPROTOOPT before 6.16: then recv() without a control
	 * buffer must do.
	 */
	setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof(off));
	evutil_make_socket_nonblocking(fd);
	event_assign(&server->event, host->base, fd, EV_READ | EV_PERSIST, on_client, server);
	evtimer_assign(&server->rest, host->base, on_rested, server);
	if (!host->farewell_ready)
		evtimer_assign(&host->farewell, host->base, on_farewell, server);
	host->farewell_ready = true;
	return event_add(&server->event, NULL) < 0 ? -ENOMEM : 0;
}

void server_stop(struct server *server)
{
	event_del(&server->event);
	event_del(&server->rest);
	if (!server->tenant)
		event_del(&server->host->farewell);
	fd_closep(&server->fd);
	fd_closep(&server->reserve_fd);
	server->fd = server->reserve_fd = -1;
}
