/* SPDX-License-Identifier: MIT */
/*
 * Windows that the environment names: MMIOD_WINDOWS, of whoever started this process, and the
 * descriptors of LISTEN_FDS, which a service manager kept.
 *
 * Environments outlive descriptors, so an entry counts only if the descriptor still is what the
 * entry says. Nothing is remembered: the variables are read with each call.
 */
#include "base/error.h"
#include "base/handed.h"
#include "lease/lease.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <common/size.h>

#define WINDOWS "MMIOD_WINDOWS"
#define FIRST_FD 3 /* of LISTEN_FDS */

/* One window that is named. */
struct entry {
	const char *variable;
	const char *text;
	int fd;
	const char *identity; /* NULL: whichever window it is */
	struct mmiod_target target; /* no region: it was named otherwise */
};

/* What is looked for among the entries. */
struct search {
	const struct mmiod_target *target; /* NULL: any */
	size_t index; /* among those that are there */
	size_t found;
	struct mmiod_lease *lease;
	int error; /* of the first that is not there */
	char sentence[ERROR_MAX];
};

static bool fits(const struct search *search, const struct entry *entry)
{
	const struct mmiod_target *target = search->target;

	if (!target)
		return true;
	if (strcmp(target->region, entry->target.region))
		return false;
	return (!target->offset || target->offset == entry->target.offset) &&
	       (!target->length || target->length == entry->target.length) &&
	       (!target->width || target->width == entry->target.width);
}

static void note_error(struct search *search, const struct entry *entry, int err)
{
	if (search->error)
		return;
	search->error = err;
	snprintf(search->sentence, sizeof(search->sentence), "%s, \"%.*s\": %.*s", entry->variable,
		 HANDED_MAX, entry->text, 256, lone_error);
}

/* Returns whether the search is over. */
static bool try_entry(struct search *search, const struct entry *entry)
{
	struct mmiod_lease *lease;
	int err;

	if (!fits(search, entry))
		return false;
	err = lease_adopt(entry->fd, entry->identity, &entry->target, &lease);
	if (err) {
		note_error(search, entry, err);
		return false;
	}
	if (search->found++ < search->index) {
		mmiod_lease_free(lease);
		return false;
	}
	search->lease = lease;
	return true;
}

/* ---- MMIOD_WINDOWS ---- */

static bool try_handed(struct search *search, const struct handed *handed, int parsed)
{
	struct entry entry = { .variable = WINDOWS, .text = handed->word };

	if (parsed < 0 || mmiod_target_parse(handed->name, &entry.target, NULL, 0)) {
		lone_fail(-EINVAL, "it is not written as FD@IDENTITY:TARGET");
		note_error(search, &entry, -EINVAL);
		return false;
	}
	entry.fd = handed->fd;
	entry.identity = handed->identity;
	return try_entry(search, &entry);
}

static bool search_windows(struct search *search)
{
	const char *at = secure_getenv(WINDOWS);
	struct handed handed;
	int parsed;

	while ((parsed = handed_next(&at, &handed)))
		if (try_handed(search, &handed, parsed))
			return true;
	return false;
}

/* Whether MMIOD_WINDOWS has told of that descriptor already. */
static bool is_named(int fd)
{
	const char *at = secure_getenv(WINDOWS);
	struct handed handed;
	int parsed;

	while ((parsed = handed_next(&at, &handed)))
		if (parsed > 0 && handed.fd == fd)
			return true;
	return false;
}

/* ---- LISTEN_FDS ---- */

static int listen_count(void)
{
	const char *pid = secure_getenv("LISTEN_PID"), *fds = secure_getenv("LISTEN_FDS");
	uint64_t number;

	if (!pid || !fds || common_scan_number(&pid, &number) || *pid ||
	    number != (uint64_t)getpid())
		return 0;
	return common_scan_number(&fds, &number) || *fds || number > INT32_MAX - FIRST_FD
		       ? 0
		       : (int)number;
}

/* Sockets and other files may be among them: what is no window is nobody's mistake. */
static bool try_listed(struct search *search, int fd, const char *name, size_t length)
{
	char text[HANDED_MAX];
	struct entry entry = { .variable = "LISTEN_FDNAMES", .text = text, .fd = fd };
	struct mmiod_lease *lease;

	snprintf(text, sizeof(text), "%.*s", (int)length, name);
	if (mmiod_target_parse(text, &entry.target, NULL, 0))
		entry.target = (struct mmiod_target){ 0 };
	if (is_named(fd) || lease_adopt(fd, NULL, NULL, &lease))
		return false;
	mmiod_lease_free(lease);
	return try_entry(search, &entry);
}

static void search_listed(struct search *search)
{
	const char *names = secure_getenv("LISTEN_FDNAMES");
	int count = listen_count();

	for (int i = 0; i < count; i++) {
		size_t length = names ? strcspn(names, ":") : 0;

		if (try_listed(search, FIRST_FD + i, names ? names : "", length))
			return;
		if (names)
			names += names[length] ? length + 1 : length;
	}
}

/* ---- what programs call ---- */

static void search_all(struct search *search)
{
	if (!search_windows(search))
		search_listed(search);
}

MMIOD_EXPORT size_t mmiod_inherited_count(void)
{
	struct search search = { .index = SIZE_MAX };

	search_all(&search);
	return search.found;
}

static int fail_search(const struct search *search, const char *target)
{
	if (search->error)
		return lone_fail(search->error, "%s", search->sentence);
	return lone_fail(-ENOENT,
			 "no window %s%sunder number %zu was handed down: " WINDOWS " has \"%s\"",
			 target ? target : "", target ? " " : "", search->index,
			 secure_getenv(WINDOWS) ?: "");
}

MMIOD_EXPORT int mmiod_inherited(const char *target, size_t index, struct mmiod_lease **lease)
{
	struct search search = { .index = index };
	struct mmiod_target wanted;
	char error[ERROR_MAX];

	*lease = NULL;
	if (target && mmiod_target_parse(target, &wanted, error, sizeof(error)))
		return lone_fail(-EINVAL, "%s", error);
	search.target = target ? &wanted : NULL;
	search_all(&search);
	*lease = search.lease;
	return search.lease ? 0 : fail_search(&search, target);
}
