/* SPDX-License-Identifier: MIT */
/*
 * Structs that programs allocate, as long as the header had them that the program was built with:
 * see <mmiod/mmiod.h>. A struct that the library reads is copied first, so that the rest of it sees
 * all of them as it knows them. Pure functions over bytes.
 */
#include "base/sized.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int fail(char *why, size_t room, int err, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static int fail(char *why, size_t room, int err, const char *format, ...)
{
	va_list args;

	if (!why)
		return err;
	va_start(args, format);
	vsnprintf(why, room, format, args);
	va_end(args);
	return err;
}

/*
 * @ours gets what @theirs says. -EINVAL: @size was never that of this struct; -E2BIG: it says
 * something that this library does not know. @why: NULL, or where the sentence goes.
 */
int sized_take(const struct sized *kind, void *ours, const void *theirs, size_t size, char *why,
	       size_t room)
{
	const uint8_t *bytes = theirs;

	if (size < kind->first)
		return fail(why, room, -EINVAL, "struct %s of %zu bytes: it has at least %zu",
			    kind->name, size, kind->first);
	for (size_t i = kind->known; i < size; i++)
		if (bytes[i])
			return fail(
				why, room, -E2BIG,
				"struct %s: byte %zu is not zero, but libmmiod %s knows %zu bytes "
				"of it: the program needs a newer library",
				kind->name, i, MMIOD_VERSION, kind->known);
	memset(ours, 0, kind->known);
	memcpy(ours, theirs, size < kind->known ? size : kind->known);
	if (kind->older)
		kind->older(ours, size);
	return 0;
}

/* @theirs gets what fits of @ours, which is @known bytes long, and zeros behind it. */
void sized_give(void *theirs, size_t size, const void *ours, size_t known)
{
	size_t common = size < known ? size : known;

	memcpy(theirs, ours, common);
	memset((uint8_t *)theirs + common, 0, size - common);
}
