/* SPDX-License-Identifier: MIT */
/*
 * The loader: reads the configuration on a thread of its own, the only other one, because files may
 * be large and the name service may take seconds. It is given paths or texts, and hands back a tree
 * that nobody else has seen, by an eventfd. It knows no lease and no socket, blocks all signals,
 * and shares nothing with the loop. There is one job at a time.
 */
#ifndef MMIOD_DAEMON_LOADER_H
#define MMIOD_DAEMON_LOADER_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include "config/config.h"

struct loader_job;

struct loader {
	struct event_base *base;
	struct event done;
	struct loader_job *job; /* NULL: it has nothing to do */
	const struct config_paths *again; /* to be read when it has done what it does */
	/*
	 * Takes the tree, which is NULL if error is negative; `names`: they were asked for again.
	 */
	void (*loaded)(void *data, int error, struct config *config, const char *why, bool names);
	void *data;
};

void loader_read(struct loader *loader, const struct config_paths *paths);
void loader_find_names(struct loader *loader, const struct config_sources *sources);
void loader_clear(struct loader *loader);

#endif
