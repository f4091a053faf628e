/* SPDX-License-Identifier: MIT */
/*
 * Additions to the daemon's sentences, which must do without the name service: the names of
 * users that its configuration does not name; and of a denial, that the user has a group which this
 * session has not, and whose subordinate a uid is.
 */
#include "output/output.h"

#include <ctype.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- users ---- */

/* The number of "user 1000 (uid 1000)", which is what a user without a name looks like. */
static bool is_nameless(const char *at, uint32_t *uid, size_t *length)
{
	unsigned int first, second;
	int used = 0;

	if (sscanf(at, "user %u (uid %u)%n", &first, &second, &used) != 2 || !used ||
	    first != second)
		return false;
	*uid = first;
	*length = (size_t)used;
	return true;
}

/* Puts names where the daemon has put numbers. */
void sentence_names(const char *sentence, char *out, size_t size)
{
	size_t used = 0, length;
	uint32_t uid;

	while (*sentence && used + 1 < size) {
		char name[64];

		if (strncmp(sentence, "user ", 5) || !is_nameless(sentence, &uid, &length)) {
			out[used++] = *sentence++;
			continue;
		}
		user_name(uid, name, sizeof(name));
		used += (size_t)snprintf(out + used, size - used, "user %s (uid %u)", name, uid);
		sentence += length;
	}
	out[used < size ? used : size - 1] = '\0';
}

/* ---- groups ---- */

static bool has_group(const gid_t *groups, int count, gid_t gid)
{
	for (int i = 0; i < count; i++)
		if (groups[i] == gid)
			return true;
	return gid == getegid();
}

/* "group NAME", not followed by more of a name. */
static bool names_group(const char *sentence, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = strstr(sentence, "group "); at; at = strstr(at + 1, "group ")) {
		char after = at[6] && !strncmp(at + 6, name, length) ? at[6 + length] : 'x';

		if (!isalnum((unsigned char)after) && !strchr("_-.", after ? after : ' '))
			return true;
	}
	return false;
}

/* All groups that the database gives the user now, to be freed. */
static gid_t *groups_of(const struct passwd *user, int *count)
{
	gid_t *groups;

	*count = 0;
	getgrouplist(user->pw_name, user->pw_gid, NULL, count);
	groups = calloc((size_t)*count + 1, sizeof(*groups));
	if (groups && getgrouplist(user->pw_name, user->pw_gid, groups, count) < 0)
		*count = 0;
	return groups;
}

static void hint_at_group(const char *sentence, char *out, size_t size)
{
	const struct passwd *user = getpwuid(geteuid());
	int mine = getgroups(0, NULL), count = 0;
	gid_t *session = calloc((size_t)(mine > 0 ? mine : 0) + 1, sizeof(*session));
	gid_t *groups = user ? groups_of(user, &count) : NULL;

	mine = session && mine > 0 ? getgroups(mine, session) : 0;
	for (int i = 0; session && groups && i < count; i++) {
		const struct group *group =
			has_group(session, mine, groups[i]) ? NULL : getgrgid(groups[i]);

		if (!group || !names_group(sentence, group->gr_name))
			continue;
		snprintf(out, size,
			 "; you are in group %s, but this session is from before: log in again",
			 group->gr_name);
		break;
	}
	free(groups);
	free(session);
}

/* ---- subordinate users ---- */

/* A line of subuid(5): NAME:FIRST:COUNT. */
static bool owns(const char *line, unsigned long uid, char *name, size_t size)
{
	unsigned long first, count;
	const char *colon = strchr(line, ':');

	if (!colon || sscanf(colon, ":%lu:%lu", &first, &count) != 2 || uid < first ||
	    uid - first >= count)
		return false;
	snprintf(name, size, "%.*s", (int)(colon - line), line);
	return true;
}

static void hint_at_owner(const char *sentence, char *out, size_t size)
{
	const char *at = strstr(sentence, "(uid ");
	unsigned long uid = at ? strtoul(at + 5, NULL, 10) : 0;
	char line[256], name[64];
	FILE *stream;

	if (!at)
		at = strstr(sentence, "uid ");
	if (at && !uid)
		uid = strtoul(at + 4, NULL, 10);
	stream = uid ? fopen("/etc/subuid", "re") : NULL;
	while (stream && fgets(line, sizeof(line), stream)) {
		if (!owns(line, uid, name, sizeof(name)))
			continue;
		snprintf(out, size, "; uid %lu is a subordinate of user %s (subuid(5))", uid, name);
		break;
	}
	if (stream)
		fclose(stream);
}

/* The addition to the sentence of a denial; empty: there is none. */
void sentence_hint(const char *sentence, char *out, size_t size)
{
	out[0] = '\0';
	hint_at_owner(sentence, out, size);
	if (!out[0])
		hint_at_group(sentence, out, size);
}
