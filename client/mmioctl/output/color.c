/* SPDX-License-Identifier: MIT */
/*
 * Colour: on terminals only, and not where NO_COLOR is set or the terminal is dumb, unless --color
 * says otherwise. Never in JSON.
 */
#include "output/output.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_wanted(FILE *file)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return !(no && no[0]) && term && strcmp(term, "dumb") && isatty(fileno(file));
}

bool is_colored(const struct context *context, FILE *file)
{
	if (context->json || context->color == COLOR_NEVER)
		return false;
	return context->color == COLOR_ALWAYS || is_wanted(file);
}

/* The code to print on stdout before a text; PAINT_NONE: behind it. "" without colour. */
const char *paint(const struct context *context, enum paint paint)
{
	static const char *const codes[] = {
		[PAINT_NONE] = "\033[0m",  [PAINT_GOOD] = "\033[32m", [PAINT_BAD] = "\033[1;31m",
		[PAINT_NOTE] = "\033[33m", [PAINT_DIM] = "\033[2m",
	};

	return is_colored(context, stdout) ? codes[paint] : "";
}
