// SPDX-License-Identifier: MIT
/*
 * Safe state: register writes that are done when a lease ends, by whatever cause, before anybody
 * else may have its bytes. What is to be done is settled when the lease is granted: the client's
 * own writes, then those of the region's "on-end" that lie within the lease, so that the
 * administrator has the last word.
 *
 * A note of it lies in a directory that outlives the daemon, one file for each such lease, named
 * after it: a holder may die while no daemon is there to see it. At its start a daemon does what is
 * left to do. The directory lies in /run and so ends with the boot, as leases do.
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include "config-value.h"
#include "daemon.h"
#include "journal.h"
#include "log.h"

#define NOTE_PREFIX "on-end."

static void name_note(uint64_t id, char name[48])
{
	snprintf(name, 48, NOTE_PREFIX "%" PRIu64, id);
}

static bool needs_note(const struct daemon *daemon)
{
	return daemon->backend->ops->kind == MMIOD_BACKEND_MODULE;
}

static int open_directory(const struct daemon *daemon)
{
	const char *path = daemon->paths.state;
	int fd;

	if (!path)
		return -ENOENT;
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

/* ---- notes ----------------------------------------------------------------------------------- */

/* A note that was not finished belongs to a lease that its client never got. */
int daemon_safe_note(struct daemon *daemon, const struct lease *lease)
{
	_cleanup_(fd_closep) int directory = -1;
	_cleanup_(fclosep) FILE *file = NULL;
	char name[48];
	int fd;

	if (!lease->on_end || !needs_note(daemon))
		return 0;
	directory = open_directory(daemon);
	if (directory < 0)
		return directory;
	name_note(lease->id, name);
	fd = openat(directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	file = fdopen(fd, "w");
	if (!file) {
		close(fd);
		return -ENOMEM;
	}
	fprintf(file, "region %s\n", lease->region->name);
	for (size_t i = 0; i < lease->on_end->count; i++) {
		const struct config_write *write = &lease->on_end->items[i];

		fprintf(file, "+0x%" PRIx64 ":%u=0x%" PRIx64 "\n", write->offset, 8 * write->width,
			write->value);
	}
	/* A note is shorter than stdio's buffer: this is the only write. */
	return fflush(file) ? -errno : 0;
}

void daemon_safe_forget(struct daemon *daemon, const struct lease *lease)
{
	_cleanup_(fd_closep) int directory = -1;
	char name[48];

	if (!lease->on_end || !needs_note(daemon))
		return;
	directory = open_directory(daemon);
	name_note(lease->id, name);
	if (directory >= 0)
		unlinkat(directory, name, 0);
}

/* Lines that make no sense are left out: who wrote the note was killed meanwhile. */
static int read_note(int directory, const char *name, char region[MMIOD_NAME_MAX],
		     struct config_writes *writes)
{
	_cleanup_(fd_closep) int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_(fclosep) FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	char line[128];

	*writes = (struct config_writes){ 0 };
	region[0] = '\0';
	if (!file)
		return -errno;
	steal_fd(&fd);
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "region %31s", region) == 1)
			continue;
		if (writes->count < array_size(writes->items) &&
		    value_write(line, &writes->items[writes->count]) == 0)
			writes->count++;
	}
	return 0;
}

/* ---- doing it -------------------------------------------------------------------------------- */

static void write_one(struct daemon *daemon, uint64_t id, const struct region *region, uint32_t uid,
		      enum mmiod_cache cache, const struct config_write *write)
{
	int r = daemon->backend->ops->write(daemon->backend, region->hw.handle, cache, write);

	journal_written(&daemon->host, id, region->name, uid, write, r);
}

/*
 * The window no longer reaches the device, and nobody else
 * has its bytes yet. A device that has gone needs no care.
 */
void daemon_safe_end(struct daemon *daemon, struct lease *lease)
{
	const struct config_writes *writes = lease->on_end;

	if (!writes)
		return;
	if (daemon_region_is_there(daemon, lease->region))
		for (size_t i = 0; i < writes->count; i++)
			write_one(daemon, lease->id, lease->region, lease->holder.uid, lease->cache,
				  &writes->items[i]);
	daemon_safe_forget(daemon, lease);
	free(lease->on_end);
	lease->on_end = NULL;
}

/* ---- settling it ----------------------------------------------------------------------------- */

static bool lies_within(const struct config_write *write, const struct lease *lease)
{
	return write->offset >= lease->offset && write->width <= lease->length &&
	       write->offset - lease->offset <= lease->length - write->width;
}

/* `own` are the client's, already checked. */
int daemon_safe_settle(struct lease *lease, const struct config_writes *own)
{
	struct config_writes all = *own;
	const struct config_writes *fixed = NULL;

	if (lease->memory == MMIOD_MEMORY_REGION && lease->region->config)
		fixed = &lease->region->config->on_end;
	if (!(lease->rights & MMIOD_RIGHT_WRITE))
		return 0;
	for (size_t i = 0; fixed && i < fixed->count; i++)
		if (lies_within(&fixed->items[i], lease))
			all.items[all.count++] = fixed->items[i];
	if (!all.count)
		return 0;
	lease->on_end = malloc(sizeof(all));
	if (!lease->on_end)
		return -ENOMEM;
	*lease->on_end = all;
	return 0;
}

/* ---- after a restart ------------------------------------------------------------------------- */

static void take_note(struct daemon *daemon, int directory, const char *name)
{
	struct config_writes writes;
	char region_name[MMIOD_NAME_MAX];
	struct region *region;
	struct lease *lease;
	uint64_t id;

	if (value_number(name + strlen(NOTE_PREFIX), &id) < 0 ||
	    read_note(directory, name, region_name, &writes) < 0)
		return;
	lease = lease_find(&daemon->leases, id);
	if (lease && lease->state != MMIOD_STATE_REVOKED) {
		lease->on_end = malloc(sizeof(writes));
		if (lease->on_end)
			*lease->on_end = writes;
		else
			log_error("lease %" PRIu64
				  ": out of memory for what is to be done at its end",
				  id);
		return;
	}
	region = region_find(&daemon->regions, region_name);
	for (size_t i = 0; region && daemon_region_is_there(daemon, region) && i < writes.count;
	     i++)
		write_one(daemon, id, region, UINT32_MAX,
			  region->config ? region->config->cache : MMIOD_CACHE_UC,
			  &writes.items[i]);
	unlinkat(directory, name, 0);
}

/* Leases that ended while no daemon was there. Before anything is granted. */
void daemon_safe_recover(struct daemon *daemon)
{
	int fd = needs_note(daemon) && daemon->paths.state ? open_directory(daemon) : -ENOENT;
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!directory) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(directory)))
		if (!strncmp(entry->d_name, NOTE_PREFIX, strlen(NOTE_PREFIX)))
			take_note(daemon, fd, entry->d_name);
	closedir(directory);
}
