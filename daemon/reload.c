// SPDX-License-Identifier: MIT
/*
 * Reading the configuration again without anybody waiting for it: the loader reads, and what it
 * hands over is put in force in the loop. Names of users and groups that a start had to leave out
 * are looked up again every minute, in the text that was read then: what the files say meanwhile
 * counts when somebody reloads. What was in force before is freed piece by piece: that takes as long
 * as the tree is large, and no thread of its own, which could fail to start or be left at the end.
 */
#include <string.h>
#include "daemon.h"
#include "log.h"

#define FREED_FOR_WORK 4 /* sections */

static const struct timeval names_time = { 60, 0 };

static void watch_names(struct daemon *daemon)
{
	if (daemon->config->n_unresolved)
		event_add(&daemon->names, &names_time);
	else
		event_del(&daemon->names);
}

/* What was wrong with a reload since stays wrong: those files are not in force. */
static void take_names(struct daemon *daemon, struct config *config)
{
	size_t found = daemon->config->n_unresolved - config->n_unresolved;
	char error[TEXT_MAX];

	memcpy(error, daemon->config_error, sizeof(error));
	log_info("users and groups of the configuration that are there now: %zu", found);
	daemon_loaded(daemon, 0, config, "");
	memcpy(daemon->config_error, error, sizeof(error));
}

static void on_loaded(void *data, int error, struct config *config, const char *why, bool names)
{
	struct daemon *daemon = data;

	if (!names)
		daemon_loaded(daemon, error, config, why);
	else if (error == 0 && config->n_unresolved < daemon->config->n_unresolved)
		take_names(daemon, config);
	else
		daemon_free_later(daemon, config);
	watch_names(daemon);
	daemon_note_reloaded(daemon);
}

/* All that was asked for is done, unless something is under way. */
void daemon_note_reloaded(struct daemon *daemon)
{
	if (!daemon->reload_asked || daemon->loader.job || fair_waits(&daemon->comparing.link))
		return;
	daemon->reload_asked = false;
	if (daemon->reloaded)
		daemon->reloaded(daemon->reloaded_data);
}

/* ---- freeing --------------------------------------------------------------------------------- */

static bool go_on_freeing(struct chore *chore)
{
	struct daemon *daemon = container_of(chore, struct daemon, freeing);

	while (!turn_is_over(&daemon->host)) {
		turn_spend(&daemon->host, 1);
		if (!config_free_some(daemon->old, FREED_FOR_WORK))
			continue;
		daemon->old = NULL;
		return false;
	}
	return true;
}

/* Takes over the tree, which nobody looks at any more; NULL: none. */
void daemon_free_later(struct daemon *daemon, struct config *config)
{
	config_free(daemon->old);
	daemon->old = config;
	if (config)
		turn_do_later(&daemon->host, &daemon->freeing);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void on_names(evutil_socket_t fd, short what, void *data)
{
	daemon_find_names(data);
}

void daemon_init_reload(struct daemon *daemon)
{
	daemon->loader = (struct loader){
		.base = daemon->host.base,
		.loaded = on_loaded,
		.data = daemon,
	};
	daemon->freeing.go_on = go_on_freeing;
	evtimer_assign(&daemon->names, daemon->host.base, on_names, daemon);
	watch_names(daemon);
}

/* Returns at once; daemon->reloaded() is called when all that was asked for is done. */
void daemon_reload_soon(struct daemon *daemon)
{
	daemon->reload_asked = true;
	loader_read(&daemon->loader, &daemon->paths);
}

void daemon_find_names(struct daemon *daemon)
{
	loader_find_names(&daemon->loader, &daemon->config->sources);
}

void daemon_clear_reload(struct daemon *daemon)
{
	event_del(&daemon->names);
	loader_clear(&daemon->loader);
	daemon->old = config_free(daemon->old);
}
