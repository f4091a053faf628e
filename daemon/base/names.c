// SPDX-License-Identifier: MIT
/*
 * Users and groups by name: asked for with the calls that are safe in threads, answers remembered.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include "base/names.h"
#include "base/util.h"

#define ENTRY_MAX (1u << 20) /* bytes; groups of a directory may have many members */

/* Name services say one of these, instead of nothing, when they know no such name. */
static int answer_of(int error, const void *found)
{
	if (found)
		return 0;
	switch (error) {
	case 0:
	case ENOENT:
	case ESRCH:
	case EBADF:
	case EPERM:
		return -ENOENT;
	default:
		return -error;
	}
}

static int ask_for_user(const char *name, char *buffer, size_t size, uint32_t *id)
{
	struct passwd entry, *found = NULL;
	int error = getpwnam_r(name, &entry, buffer, size, &found);

	if (found)
		*id = found->pw_uid;
	return answer_of(error, found);
}

static int ask_for_group(const char *name, char *buffer, size_t size, uint32_t *id)
{
	struct group entry, *found = NULL;
	int error = getgrnam_r(name, &entry, buffer, size, &found);

	if (found)
		*id = found->gr_gid;
	return answer_of(error, found);
}

static int ask(enum name_kind kind, const char *name, uint32_t *id)
{
	int r = -ERANGE;

	for (size_t size = 4096; r == -ERANGE && size <= ENTRY_MAX; size *= 4) {
		_cleanup_(freep) char *buffer = malloc(size);

		if (!buffer)
			return -ENOMEM;
		r = kind == NAME_USER ? ask_for_user(name, buffer, size, id)
				      : ask_for_group(name, buffer, size, id);
	}
	return r;
}

int (*names_service)(enum name_kind kind, const char *name, uint32_t *id) = ask;

static struct name *add(struct names *names, const char *key, uint32_t id, int error)
{
	struct name *name = calloc(1, sizeof(*name));

	if (!name)
		return NULL;
	name->key = strdup(key);
	name->id = id;
	name->error = error;
	if (name->key)
		HASH_ADD_KEYPTR(hh, names->table, name->key, strlen(name->key), name);
	if (!name->key || !hash_added(name)) {
		free(name->key);
		free(name);
		return NULL;
	}
	if (!error && key[0] == 'u')
		HASH_ADD(by_uid, names->users, id, sizeof(name->id), name);
	return name;
}

int names_find(struct names *names, enum name_kind kind, const char *name, uint32_t *id)
{
	_cleanup_(freep) char *key = NULL;
	struct name *known;
	uint32_t found = 0;
	int r;

	if (asprintf(&key, "%c%s", kind == NAME_USER ? 'u' : 'g', name) < 0)
		return -ENOMEM;
	HASH_FIND_STR(names->table, key, known);
	if (!known) {
		r = names_service(kind, name, &found);
		known = r == -ENOMEM ? NULL : add(names, key, found, r);
	}
	if (!known)
		return -ENOMEM;
	*id = known->id;
	return known->error;
}

const char *names_of_user(const struct names *names, uint32_t uid)
{
	struct name *name;

	HASH_FIND(by_uid, names->users, &uid, sizeof(uid), name);
	return name ? name->key + 1 : NULL;
}

/* Without an answer the number has to do. */
int names_learn_user(struct names *names, uint32_t uid)
{
	char buffer[4096], *key = NULL;
	struct passwd entry, *found = NULL;
	int r = 0;

	if (names_of_user(names, uid) || getpwuid_r(uid, &entry, buffer, sizeof(buffer), &found) ||
	    !found)
		return 0;
	if (asprintf(&key, "u%s", found->pw_name) < 0)
		return -ENOMEM;
	if (!add(names, key, uid, 0))
		r = -ENOMEM;
	free(key);
	return r;
}

int names_keep(struct names *to, const struct names *from)
{
	for (const struct name *name = from->table; name; name = name->hh.next)
		if (!name->error && !add(to, name->key, name->id, 0))
			return -ENOMEM;
	return 0;
}

void names_clear(struct names *names)
{
	struct name *name, *next;

	HASH_CLEAR(by_uid, names->users);
	HASH_ITER(hh, names->table, name, next) {
		HASH_DEL(names->table, name);
		free(name->key);
		free(name);
	}
}
