// SPDX-License-Identifier: MIT
/*
 * The loader's thread, one for each job. A job belongs to its thread until the eventfd is written,
 * and then to the loop; if the loop ends first, to nobody, and ends with the process: the name
 * service may take longer than anybody waits for a daemon to stop.
 */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include "base/log.h"
#include "loader.h"

struct loader_job {
	pthread_t thread;
	int done_fd;
	struct config_paths paths;
	struct config_sources sources;
	bool names; /* of sources; else all of paths */
	struct config *config;
	int error;
	char why[TEXT_MAX];
};

static void *work(void *data)
{
	struct loader_job *job = data;
	struct text why = TEXT_ON(job->why);

	job->error = job->names ? config_load_again(&job->sources, &job->config, &why)
				: config_load(&job->paths, &job->config, &why);
	eventfd_write(job->done_fd, 1);
	return NULL;
}

static void job_free(struct loader_job *job)
{
	config_sources_clear(&job->sources);
	config_free(job->config);
	fd_closep(&job->done_fd);
	free(job);
}

static struct loader_job *job_new(void)
{
	struct loader_job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (job->done_fd >= 0)
		return job;
	job_free(job);
	return NULL;
}

static void on_done(evutil_socket_t fd, short what, void *data)
{
	struct loader *loader = data;
	struct loader_job *job = loader->job;
	const struct config_paths *again = loader->again;

	pthread_join(job->thread, NULL);
	event_del(&loader->done);
	loader->job = NULL;
	loader->again = NULL;
	/* First, so that who is told of the one sees that there is another. */
	if (again)
		loader_read(loader, again);
	loader->loaded(loader->data, job->error, steal_pointer(job->config), job->why, job->names);
	job_free(job);
}

static bool start_thread(struct loader_job *job)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&job->thread, NULL, work, job);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return !error;
}

/* Takes over the job; NULL: there was no memory or descriptor for it. */
static void start(struct loader *loader, struct loader_job *job, bool names)
{
	static const char why[] = "the configuration cannot be read now: the daemon is out of "
				  "memory, descriptors or threads";

	if (job) {
		job->names = names;
		event_assign(&loader->done, loader->base, job->done_fd, EV_READ, on_done, loader);
		if (event_add(&loader->done, NULL) == 0) {
			loader->job = job;
			if (start_thread(job))
				return;
			loader->job = NULL;
			event_del(&loader->done);
		}
		job_free(job);
	}
	loader->loaded(loader->data, -EAGAIN, NULL, why, names);
}

/* All that comes while it works is done by one more reading. */
void loader_read(struct loader *loader, const struct config_paths *paths)
{
	struct loader_job *job;

	if (loader->job) {
		loader->again = paths;
		return;
	}
	job = job_new();
	if (job)
		job->paths = *paths;
	start(loader, job, false);
}

/* The reading under way, if there is one, asks for the names as well. */
void loader_find_names(struct loader *loader, const struct config_sources *sources)
{
	struct loader_job *job;

	if (loader->job)
		return;
	job = job_new();
	if (job && config_sources_copy(&job->sources, sources) < 0) {
		job_free(job);
		job = NULL;
	}
	start(loader, job, true);
}

void loader_clear(struct loader *loader)
{
	struct loader_job *job = steal_pointer(loader->job);

	if (!job)
		return;
	event_del(&loader->done);
	if (pthread_tryjoin_np(job->thread, NULL) == 0)
		job_free(job);
	else
		pthread_detach(job->thread);
}
