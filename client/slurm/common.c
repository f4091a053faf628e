/* SPDX-License-Identifier: MIT */
/*
 * What the others build on: sentences of errors, and words that both plugstack.conf and --mmio= have.
 */
#include "plugin.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int fail(char *error, int err, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error, SENTENCE_MAX, format, arguments);
	va_end(arguments);
	return err;
}

bool share_read(const char *word, enum mmiod_share *share)
{
	static const struct {
		const char *word;
		enum mmiod_share share;
	} shares[] = { { "exclusive", MMIOD_SHARE_EXCLUSIVE },
		       { "shared-read", MMIOD_SHARE_READ },
		       { "shared-write", MMIOD_SHARE_WRITE },
		       { "guest", MMIOD_SHARE_GUEST } };

	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++)
		if (!strcmp(word, shares[i].word)) {
			*share = shares[i].share;
			return true;
		}
	return false;
}
