// SPDX-License-Identifier: MIT
/*
 * Notes of grants, one for each, named after it: a line for each member, and one for each region. A
 * note is written beside the old one and takes its place as a whole.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "broker/grant-note.h"
#include "broker/note.h"
#include "config/value.h"

#define PREFIX "grant."
#define UNFINISHED "new-grant"
#define NOTE_NAME_MAX (sizeof(PREFIX) + MMIOD_NAME_MAX)

static void name_note(const char *grant, char name[NOTE_NAME_MAX])
{
	snprintf(name, NOTE_NAME_MAX, PREFIX "%s", grant);
}

/* ---- writing --------------------------------------------------------------------------------- */

static void print_note(FILE *file, const struct runtime_grant *runtime)
{
	const struct config_grant *grant = &runtime->grant;

	if (runtime->party == CONFIG_PARTY_TENANT)
		fprintf(file, "tenant %s\n", runtime->whom);
	else
		fprintf(file, "user %" PRIu32 " %s\n", runtime->holder, runtime->whom);
	fprintf(file, "rights %" PRIu32 "\nshare %d\n", grant->rights, (int)grant->share);
	fprintf(file, "until %" PRIu64 " %" PRIu64 "\n", runtime->until_ms, runtime->last_ms);
	fprintf(file, "by %" PRIu32 "\n", runtime->by);
	for (size_t i = 0; i < grant->regions.count; i++)
		fprintf(file, "region %s\n", grant->regions.items[i]);
	fprintf(file, "end\n");
}

static int write_unfinished(struct broker *broker, const struct runtime_grant *runtime)
{
	FILE *file;
	int r = note_create_stream(broker, UNFINISHED, &file);

	if (r < 0)
		return r;
	print_note(file, runtime);
	r = ferror(file) || fflush(file) ? -errno : 0;
	return fclose(file) && r == 0 ? -errno : r;
}

int grant_note_write(struct broker *broker, const struct runtime_grant *runtime)
{
	int r, directory;
	char name[NOTE_NAME_MAX];

	if (!broker->state)
		return 0; /* then it lives no longer than this daemon */
	r = write_unfinished(broker, runtime);
	directory = broker->safe_state.notes_fd;
	name_note(runtime->grant.name, name);
	if (r == 0 && renameat(directory, UNFINISHED, directory, name) < 0)
		r = -errno;
	if (r < 0)
		note_remove(broker, UNFINISHED);
	return r;
}

void grant_note_remove(struct broker *broker, const char *grant)
{
	char name[NOTE_NAME_MAX];

	name_note(grant, name);
	note_remove(broker, name);
}

/* ---- reading --------------------------------------------------------------------------------- */

static int take_user(struct runtime_grant *runtime, const char *line)
{
	uint32_t uid;
	char user[64];

	if (sscanf(line, "user %" SCNu32 " %63s", &uid, user) != 2 || runtime->whom)
		return -EINVAL;
	return runtime_grant_set_user(runtime, uid, user);
}

static int take_tenant(struct runtime_grant *runtime, const char *line)
{
	char name[MMIOD_NAME_MAX];

	if (sscanf(line, "tenant %31s", name) != 1 || !value_is_name(name) || runtime->whom)
		return -EINVAL;
	return runtime_grant_set_tenant(runtime, name);
}

static int take_line(struct runtime_grant *runtime, const char *line, bool *end)
{
	struct config_grant *grant = &runtime->grant;
	char pattern[RUNTIME_PATTERN_MAX];
	uint32_t share;

	if (!strncmp(line, "user ", 5))
		return take_user(runtime, line);
	if (!strncmp(line, "tenant ", 7))
		return take_tenant(runtime, line);
	if (sscanf(line, "region %63s", pattern) == 1)
		return runtime_is_pattern(pattern) ? runtime_grant_add_region(runtime, pattern)
						   : -EINVAL;
	if (sscanf(line, "share %" SCNu32, &share) == 1) {
		grant->share = (enum mmiod_share)share;
		return share && share <= MMIOD_SHARE_GUEST ? 0 : -EINVAL;
	}
	if (sscanf(line, "rights %" SCNu32, &grant->rights) == 1 ||
	    sscanf(line, "by %" SCNu32, &runtime->by) == 1 ||
	    sscanf(line, "until %" SCNu64 " %" SCNu64, &runtime->until_ms, &runtime->last_ms) == 2)
		return 0;
	*end = !strcmp(line, "end\n");
	return *end ? 0 : -EINVAL;
}

static bool is_whole(const struct runtime_grant *runtime, bool end)
{
	const uint32_t rights = runtime->grant.rights;

	return end && runtime->whom && runtime->grant.regions.count && runtime->grant.share &&
	       rights & MMIOD_RIGHT_READ && !(rights & ~(MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE));
}

static int read_file(FILE *file, struct runtime_grant *runtime)
{
	bool end = false;
	char line[128];
	int r = 0;

	while (r == 0 && fgets(line, sizeof(line), file))
		r = end ? -EINVAL : take_line(runtime, line, &end);
	return r == 0 && !is_whole(runtime, end) ? -EINVAL : r;
}

static int read_note(struct broker *broker, const char *name, struct runtime_grant **runtimep)
{
	_cleanup_(runtime_grant_freep) struct runtime_grant *runtime =
		runtime_grant_new(name + strlen(PREFIX));
	_cleanup_(fclosep) FILE *file = NULL;
	int fd = note_open(broker, name), r;

	if (fd < 0)
		return fd;
	file = fdopen(fd, "r");
	if (!file)
		close(fd);
	if (!file || !runtime)
		return -ENOMEM;
	r = read_file(file, runtime);
	if (r == 0)
		*runtimep = steal_pointer(runtime);
	return r;
}

static int is_note(const struct dirent *entry)
{
	return !strncmp(entry->d_name, PREFIX, strlen(PREFIX)) &&
	       value_is_name(entry->d_name + strlen(PREFIX));
}

static void take_note(struct broker *broker, const char *name,
		      void (*each)(struct broker *broker, struct runtime_grant *runtime))
{
	struct runtime_grant *runtime = NULL;
	int r = read_note(broker, name, &runtime);

	if (r == 0)
		each(broker, runtime);
	else
		log_error("the note %s/%s of a grant makes no sense, and gives nothing: %s",
			  broker->state, name, strerror(-r));
}

void grant_note_each(struct broker *broker,
		     void (*each)(struct broker *broker, struct runtime_grant *runtime))
{
	struct dirent **entries;
	int n = note_list(broker, &entries, is_note);

	for (int i = 0; i < n; i++) {
		take_note(broker, entries[i]->d_name, each);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}
