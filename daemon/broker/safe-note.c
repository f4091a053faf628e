// SPDX-License-Identifier: MIT
/*
 * Notes in files, one for each lease, named after it.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include "broker/note.h"
#include "broker/safe-note.h"
#include "config/value.h"

#define PREFIX "on-end."
#define SAFE_NOTE_ASIDE (1ull << 63) /* the first id that is no window's */

static void name_note(uint64_t id, char name[48])
{
	snprintf(name, 48, PREFIX "%" PRIu64, id);
}

static int open_note(struct broker *broker, uint64_t id)
{
	char name[48];

	name_note(id, name);
	return note_open(broker, name);
}

/* ---- writing --------------------------------------------------------------------------------- */

static void print_note(FILE *file, const struct broker *broker, const struct lease *lease)
{
	const struct backend_region *hw = &lease->region->hw;
	bool range = hw->bar == UINT32_MAX;

	fprintf(file, "region %s\n", lease->region->name);
	fprintf(file,
		"claim %s %" PRIu32 " 0x%" PRIx64 " 0x%" PRIx64 " 0x%" PRIx64 " %" PRIu32 "\n",
		hw->device, hw->bar, hw->offset, hw->length, range ? hw->phys : 0,
		range ? 0 : hw->generation);
	fprintf(file, "load %" PRIu64 "\n", broker->backend->load);
	fprintf(file, "lease 0x%" PRIx64 " 0x%" PRIx64 " %u %" PRIu32 " %" PRIu32 "\n",
		lease_start(lease), lease_end(lease) - lease_start(lease), lease->memtype,
		lease->holder.uid, lease->holder.pid);
	if (lease->holder.tenant && lease->holder.tenant != TENANT_LOST)
		fprintf(file, "tenant %s\n", holder_tenant_name(broker, lease->holder.tenant));
	for (size_t i = 0; i < lease->on_end->count; i++) {
		const struct config_write *write = &lease->on_end->items[i];

		fprintf(file, "+0x%" PRIx64 ":%u=0x%" PRIx64 "\n", write->offset, 8 * write->width,
			write->value);
	}
}

/* A note is shorter than stdio's buffer, so there is one write: it is there as a whole or not. */
int safe_note_write(struct broker *broker, uint64_t id, const struct lease *lease)
{
	_cleanup_(fclosep) FILE *file = NULL;
	char name[48];
	int r;

	name_note(id, name);
	r = note_create_stream(broker, name, &file);
	if (r < 0)
		return r;
	print_note(file, broker, lease);
	return fflush(file) ? -errno : 0;
}

void safe_note_remove(struct broker *broker, uint64_t id)
{
	char name[48];

	name_note(id, name);
	note_remove(broker, name);
}

/* ---- reading --------------------------------------------------------------------------------- */

bool safe_note_exists(struct broker *broker, uint64_t id)
{
	char name[48];

	name_note(id, name);
	return note_directory(broker) == 0 &&
	       faccessat(broker->safe_state.notes_fd, name, F_OK, 0) == 0;
}

/* Lines that make no sense are left out. */
static void read_line(const char *line, struct safe_note *note)
{
	struct config_writes *writes = &note->writes;
	char tenant[MMIOD_NAME_MAX];
	uint32_t memtype;

	if (sscanf(line, "tenant %31s", tenant) == 1) {
		note->tenant = value_is_name(tenant) ? config_key_of(tenant) : TENANT_LOST;
		return;
	}
	if (sscanf(line, "region %31s", note->region) == 1)
		return;
	if (sscanf(line, "claim %31s %" SCNu32 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNu32,
		   note->device, &note->bar, &note->claim_offset, &note->claim_length, &note->phys,
		   &note->generation) >= 5)
		return;
	if (sscanf(line, "load %" SCNu64, &note->load) == 1)
		return;
	if (sscanf(line, "lease %" SCNx64 " %" SCNx64 " %" SCNu32 " %" SCNu32 " %" SCNu32,
		   &note->offset, &note->length, &memtype, &note->uid, &note->pid) == 5) {
		note->memtype = memtype == MMIOD_MEMTYPE_WC ? MMIOD_MEMTYPE_WC : MMIOD_MEMTYPE_UC;
		return;
	}
	if (writes->count < array_size(writes->items) &&
	    value_write(line, &writes->items[writes->count]) == 0)
		writes->count++;
}

/*
 * An older daemon did not note the lease's range: it had at least the bytes that are to be written.
 */
static void guess_lease(struct safe_note *note)
{
	const struct config_writes *writes = &note->writes;
	uint64_t start = UINT64_MAX, end = 0;

	for (size_t i = 0; i < writes->count; i++) {
		const struct config_write *write = &writes->items[i];

		if (write->offset < start)
			start = write->offset;
		if (write->offset + write->width > end)
			end = write->offset + write->width;
	}
	note->offset = writes->count ? start : 0;
	note->length = writes->count ? end - start : 1;
}

int safe_note_read(struct broker *broker, uint64_t id, struct safe_note *note)
{
	_cleanup_(fclosep) FILE *file = NULL;
	int fd = open_note(broker, id);
	char line[256];

	if (fd < 0)
		return fd;
	file = fdopen(fd, "r");
	if (!file) {
		close(fd);
		return -ENOMEM;
	}
	*note = (struct safe_note){
		.id = id,
		.memtype = MMIOD_MEMTYPE_UC,
		.uid = UINT32_MAX,
	};
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		read_line(line, note);
	}
	if (!note->length)
		guess_lease(note);
	note->other_load = note->load && note->load != broker->backend->load;
	return 0;
}

/* A device that was unbound, as one that is pulled out is, may be another one now. */
bool safe_note_is_late(const struct safe_note *note, const struct region *region)
{
	const struct backend_region *hw = &region->hw;

	return region->claimed && hw->bar != UINT32_MAX && !strcmp(note->device, hw->device) &&
	       (note->other_load || (note->generation && note->generation != hw->generation));
}

/*
 * By its claim; the configuration's name for it says nothing, unless an older daemon knew no more.
 */
bool safe_note_is_for(const struct safe_note *note, const struct region *region)
{
	const struct backend_region *hw = &region->hw;

	return region->claimed && !safe_note_is_late(note, region) &&
	       !strcmp(note->device, hw->device) && note->bar == hw->bar &&
	       note->claim_offset == hw->offset && note->claim_length == hw->length &&
	       note->phys == (hw->bar == UINT32_MAX ? hw->phys : 0);
}

bool safe_note_is_on(const struct safe_note *note, const struct lease *lease)
{
	if (note->other_load)
		return false;
	if (!note->device[0])
		return true;
	return safe_note_is_for(note, lease->region) && note->offset >= lease_start(lease) &&
	       note->offset <= lease_end(lease) && note->length <= lease_end(lease) - note->offset;
}

int safe_note_set_aside(struct broker *broker, struct safe_note *note)
{
	uint64_t *aside = &broker->safe_state.next_aside;
	int r = note_directory(broker), fd;
	char from[48], to[48];

	if (r < 0 || note->id >= SAFE_NOTE_ASIDE)
		return r;
	if (*aside < SAFE_NOTE_ASIDE)
		*aside = SAFE_NOTE_ASIDE;
	while (safe_note_exists(broker, *aside))
		++*aside;
	name_note(note->id, from);
	name_note(*aside, to);
	fd = broker->safe_state.notes_fd;
	if (renameat(fd, from, fd, to) < 0)
		return -errno;
	note->id = *aside;
	return 0;
}

static int is_note(const struct dirent *entry)
{
	uint64_t id;

	return !strncmp(entry->d_name, PREFIX, strlen(PREFIX)) &&
	       value_number(entry->d_name + strlen(PREFIX), &id) == 0;
}

/* They are listed first, as some get other names meanwhile. */
int safe_note_each(struct broker *broker, void (*each)(struct broker *broker, uint64_t id))
{
	struct dirent **entries;
	int n = note_list(broker, &entries, is_note);

	if (n < 0)
		return n;
	for (int i = 0; i < n; i++) {
		uint64_t id = 0;

		value_number(entries[i]->d_name + strlen(PREFIX), &id);
		each(broker, id);
		free(entries[i]);
	}
	free(entries);
	return 0;
}
