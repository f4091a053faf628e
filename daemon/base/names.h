/* SPDX-License-Identifier: MIT */
/*
 * Users and groups by name, each asked for once: the name service may take seconds for an answer,
 * so only callers that may wait ask it: a start, a check and the loader. The maker of a table owns
 * it; nothing here is shared, and the calls are those that any thread may make.
 */
#ifndef MMIOD_DAEMON_BASE_NAMES_H
#define MMIOD_DAEMON_BASE_NAMES_H

#include <stdbool.h>
#include <stdint.h>
#include "base/hash.h"

enum name_kind {
	NAME_USER,
	NAME_GROUP,
};

struct name {
	char *key; /* kind and name */
	uint32_t id;
	int error; /* 0, or why there is no id */
	UT_hash_handle hh; /* by key */
	UT_hash_handle by_uid; /* of users that were found */
};

struct names {
	struct name *table;
	struct name *users;
};

/* 0; -ENOENT: there is none of that name; else the name service did not answer. */
int names_find(struct names *names, enum name_kind kind, const char *name, uint32_t *id);
const char *names_of_user(const struct names *names, uint32_t uid); /* NULL: not known */
int names_learn_user(struct names *names, uint32_t uid);
int names_keep(struct names *to, const struct names *from); /* those that were found */
void names_clear(struct names *names);

/* The name service: 0, -ENOENT, or another error. Tests put another one in its place. */
extern int (*names_service)(enum name_kind kind, const char *name, uint32_t *id);

#endif
