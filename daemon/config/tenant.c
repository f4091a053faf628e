// SPDX-License-Identifier: MIT
/*
 * Tenants: what their [socket NAME] sections may say, and which grants count there. A container's
 * root is uid 0 to the daemon, so whoever is not to be an administrator of the machine gets such a
 * socket, and never the main one.
 */
#include <string.h>
#include <common/word.h>
#include "config/setters.h"
#include "config/value.h"

int socket_set_mode(struct config_cursor *cursor, const char *value)
{
	char *end;
	unsigned long mode = strtoul(value, &end, 8);

	if (value[0] != '0' || strlen(value) > 4 || *end || !mode || mode & ~0777ul)
		return config_refuse(
			cursor, "\"%s\" is not a mode of a socket, such as 0660 or 0600", value);
	cursor->socket->mode = (mode_t)mode;
	return 0;
}

/* ---- the tree as a whole --------------------------------------------------------------------- */

static int refuse_grant(const struct config *config, const struct config_socket *socket,
			const char *name, struct text *why)
{
	const char *names[64], *nearest;
	size_t n = 0;

	for (; n < config->n_grants && n < array_size(names); n++)
		names[n] = config->grants[n]->name;
	nearest = common_nearest(name, names, n);
	text_set(why, "%s:%u: the socket lists grant \"%s\", which is not configured",
		 socket->origin.file, socket->origin.line, name);
	if (nearest)
		text_add(why, "; did you mean \"%s\"?", nearest);
	return -EINVAL;
}

/* A file may be given to a group that its owner is in, and to others only with CAP_CHOWN. */
static bool may_give_to(gid_t gid)
{
	gid_t gids[256];
	int n = getgroups(array_size(gids), gids);

	if (geteuid() == 0 || getegid() == gid)
		return true;
	for (int i = 0; i < n; i++)
		if (gids[i] == gid)
			return true;
	return false;
}

static int check_group(struct config *config, const struct config_socket *socket, struct text *why)
{
	const struct config_id *group = socket->groups.items;

	if (!socket->groups.count || may_give_to(group->id))
		return 0;
	return config_object(
		config, why, &socket->origin,
		"the daemon is not in group %s, so it cannot give the socket to it: by "
		"\"systemctl edit mmiod\" add SupplementaryGroups=%s and "
		"SystemCallFilter=@chown to its [Service]",
		group->name, group->name);
}

static int check_socket(struct config *config, size_t index, struct text *why)
{
	const struct config_socket *socket = config->sockets[index];

	if (config_find_socket(config, socket->key) != socket) {
		text_set(why,
			 "%s:%u: the name of the socket looks like another's to the ledger: "
			 "choose another one",
			 socket->origin.file, socket->origin.line);
		return -EINVAL;
	}
	for (size_t i = 0; i < socket->grants.count; i++)
		if (!config_find_grant_name(config, socket->grants.items[i]))
			return refuse_grant(config, socket, socket->grants.items[i], why);
	return check_group(config, socket, why);
}

int config_check_sockets(struct config *config, struct text *why)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < config->n_sockets; i++)
		r = check_socket(config, i, why);
	return r;
}

/* ---- links ----------------------------------------------------------------------------------- */

static int link_grant(const struct config_socket *socket, struct config_grant *grant)
{
	struct config_ids *tenants = &grant->tenants;
	struct config_id *larger =
		reallocarray(tenants->items, tenants->count + 1, sizeof(*larger));

	if (!larger)
		return -ENOMEM;
	tenants->items = larger;
	larger[tenants->count] =
		(struct config_id){ .id = socket->key, .name = strdup(socket->name) };
	if (!larger[tenants->count].name)
		return -ENOMEM;
	tenants->count++;
	return 0;
}

/* Tells each grant whose sockets list it, before anybody asks whether it names somebody. */
int config_link_sockets(struct config *config)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < config->n_sockets; i++) {
		struct config_socket *socket = config->sockets[i];

		for (size_t j = 0; r == 0 && j < socket->grants.count; j++) {
			const struct config_grant *grant =
				config_find_grant_name(config, socket->grants.items[j]);

			socket->admits_unknown |= grant->unknown;
			r = link_grant(socket, (struct config_grant *)grant);
		}
	}
	return r;
}
