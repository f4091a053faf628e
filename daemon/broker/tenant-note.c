// SPDX-License-Identifier: MIT
/* One note for each lease, named after it: the tenant, and the load of the module that it is of. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>
#include "broker/note.h"
#include "broker/tenant-note.h"
#include "config/value.h"

#define PREFIX "tenant."

static void name_note(uint64_t id, char name[48])
{
	snprintf(name, 48, PREFIX "%" PRIu64, id);
}

/* In simulation no lease outlives the daemon. */
static bool needs_note(const struct broker *broker, const struct lease *lease)
{
	return lease->holder.tenant && lease->holder.tenant != TENANT_LOST &&
	       broker->backend->ops->kind == MMIOD_BACKEND_MODULE;
}

/* Shorter than a page, so it is there as a whole or not. */
int tenant_note_write(struct broker *broker, uint64_t id, const struct lease *lease)
{
	const struct config_socket *tenant =
		config_find_socket(broker->config, lease->holder.tenant);
	char name[48], text[64];
	ssize_t written;
	int fd, length;

	if (!needs_note(broker, lease) || !tenant)
		return 0;
	turn_spend(&broker->host, WORK_NOTE);
	name_note(id, name);
	fd = note_create(broker, name);
	if (fd < 0)
		return fd;
	length = snprintf(text, sizeof(text), "%s %" PRIu64 "\n", tenant->name,
			  broker->backend->load);
	written = write(fd, text, (size_t)length);
	close(fd);
	return written == length ? 0 : -EIO;
}

void tenant_note_remove(struct broker *broker, uint64_t id, const struct lease *lease)
{
	char name[48];

	if (!needs_note(broker, lease))
		return;
	turn_spend(&broker->host, WORK_NOTE_REMOVED);
	name_note(id, name);
	note_remove(broker, name);
}

/* The module counts ids from 1 again when it is loaded again: an older note is another lease's. */
uint32_t tenant_note_read(struct broker *broker, uint64_t id)
{
	char name[48], text[64], tenant[MMIOD_NAME_MAX];
	uint64_t load;
	ssize_t length;
	int fd;

	name_note(id, name);
	fd = note_open(broker, name);
	if (fd < 0)
		return TENANT_LOST;
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[length < 0 ? 0 : length] = '\0';
	if (sscanf(text, "%31s %" SCNu64, tenant, &load) != 2 || load != broker->backend->load ||
	    !value_is_name(tenant))
		return TENANT_LOST;
	return config_key_of(tenant);
}

static int is_note(const struct dirent *entry)
{
	uint64_t id;

	return !strncmp(entry->d_name, PREFIX, strlen(PREFIX)) &&
	       value_number(entry->d_name + strlen(PREFIX), &id) == 0;
}

void tenant_note_sweep(struct broker *broker)
{
	struct dirent **entries;
	int n = broker->state ? note_list(broker, &entries, is_note) : -ENOENT;

	for (int i = 0; i < n; i++) {
		uint64_t id = 0;

		value_number(entries[i]->d_name + strlen(PREFIX), &id);
		if (!lease_find(&broker->leases, id))
			note_remove(broker, entries[i]->d_name);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}
