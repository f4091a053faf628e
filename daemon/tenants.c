// SPDX-License-Identifier: MIT
/*
 * The sockets of tenants. A directory stays when its socket goes: containers have it mounted, and
 * find the next socket there. The daemon's umask lets nobody in, so modes are set.
 *
 * A socket that cannot be made is a fault of its tenant and no other: the log says so, and a reload
 * tries again.
 */
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/log.h"
#include "daemon.h"

#define DIRECTORIES_MODE 0711 /* who knows a name finds it, and nobody lists them */
#define DIRECTORY_MODE 0755
#define SOCKET_MODE 0660

struct tenant {
	struct server server;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct tenant *prev, *next;
};

static const struct log_fields fields = { .message_id = LOG_ID_CONFIG };

static mode_t mode_of(const struct config_socket *socket)
{
	return socket->mode ? socket->mode : SOCKET_MODE;
}

static gid_t group_of(const struct config_socket *socket)
{
	return socket->groups.count ? socket->groups.items[0].id : (gid_t)-1;
}

/* One that is there is somebody's, who may have reasons for its mode. */
static int make_directory(const char *path, mode_t mode)
{
	if (mkdir(path, mode) < 0)
		return errno == EEXIST ? 0 : -errno;
	return chmod(path, mode) < 0 ? -errno : 0;
}

static int make_path(const struct daemon *daemon, const struct config_socket *socket,
		     char path[sizeof(((struct tenant *)0)->path)], struct text *why)
{
	const size_t room = sizeof(((struct tenant *)0)->path);
	int length = snprintf(path, room, "%s/%s", daemon->paths.tenants, socket->name), r;

	if ((size_t)length + sizeof("/mmiod.sock") > room) {
		text_set(why, "the path of its socket would be longer than %zu characters",
			 room - 1);
		return -ENAMETOOLONG;
	}
	r = make_directory(daemon->paths.tenants, DIRECTORIES_MODE);
	if (r == 0)
		r = make_directory(path, DIRECTORY_MODE);
	if (r < 0)
		text_set(why, "cannot make the directory %s: %s", path, strerror(-r));
	strcat(path, "/mmiod.sock");
	return r;
}

static int listen_at(struct daemon *daemon, struct tenant *tenant,
		     const struct config_socket *socket, struct text *why)
{
	struct broker *broker = &daemon->broker;
	int fd = server_bind_tenant(tenant->path, mode_of(socket), group_of(socket), why), r;

	if (fd < 0)
		return fd;
	r = server_start(&tenant->server, &broker->host, &broker->config, fd, socket->key);
	if (r == 0)
		return 0;
	text_set(why, "out of memory");
	server_stop(&tenant->server);
	unlink(tenant->path);
	return r;
}

static void open_tenant(struct daemon *daemon, const struct config_socket *socket)
{
	struct tenant *tenant = calloc(1, sizeof(*tenant));
	char buffer[TEXT_MAX] = "out of memory";
	struct text why = TEXT_ON(buffer);
	int r = -ENOMEM;

	if (tenant)
		r = make_path(daemon, socket, tenant->path, &why);
	if (r == 0)
		r = listen_at(daemon, tenant, socket, &why);
	if (r == 0) {
		DL_APPEND(daemon->tenants, tenant);
		log_line(LOG_INFO, &fields, "tenant %s: %s", socket->name, tenant->path);
		return;
	}
	log_line(LOG_ERR, &fields, "%s:%u: tenant %s has no socket: %s", socket->origin.file,
		 socket->origin.line, socket->name, buffer);
	free(tenant);
}

static void close_tenant(struct daemon *daemon, struct tenant *tenant)
{
	DL_DELETE(daemon->tenants, tenant);
	server_stop(&tenant->server);
	unlink(tenant->path);
	free(tenant);
}

static struct tenant *find(struct daemon *daemon, uint32_t key)
{
	struct tenant *tenant;

	DL_FOREACH(daemon->tenants, tenant) {
		if (tenant->server.tenant == key)
			break;
	}
	return tenant;
}

/* Who is connected stays: the mode says who may come. */
static void adjust(const struct tenant *tenant, const struct config_socket *socket)
{
	gid_t gid = group_of(socket);

	if ((gid != (gid_t)-1 && lchown(tenant->path, (uid_t)-1, gid) < 0) ||
	    chmod(tenant->path, mode_of(socket)) < 0)
		log_line(LOG_ERR, &fields, "tenant %s: cannot give %s its group and mode: %s",
			 socket->name, tenant->path, strerror(errno));
}

void tenants_apply(struct daemon *daemon)
{
	const struct config *config = daemon->broker.config;
	struct tenant *tenant, *next;

	DL_FOREACH_SAFE(daemon->tenants, tenant, next) {
		if (!config_find_socket(config, tenant->server.tenant))
			close_tenant(daemon, tenant);
	}
	for (size_t i = 0; daemon->paths.tenants && i < config->n_sockets; i++) {
		tenant = find(daemon, config->sockets[i]->key);
		if (tenant)
			adjust(tenant, config->sockets[i]);
		else
			open_tenant(daemon, config->sockets[i]);
	}
}

void tenants_close(struct daemon *daemon)
{
	while (daemon->tenants)
		close_tenant(daemon, daemon->tenants);
}
